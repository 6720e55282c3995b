/*
 * pipeline: the checked tree -> struct pipeline, and the rules that hold between keys.
 *
 * Steps: tree (pipeline_read) -> scalars by the key table -> columns -> required keys -> schema sealed -> key
 * -> rules. A value is resolved (${...}), then stored by its key's rules; a default goes the same way.
 * Invariants: a failed load frees everything; every resolved secret is registered with the log before
 * anything can print it.
 */
#include "core/config/pipeline.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/url.h"
#include "core/config/interp.h"
#include "core/config/pipeline_parts.h"

enum { MISSING_TEXT_MAX = 512 * 1024, VIEW_SUFFIX_LEN = sizeof "_lineage" - 1 };

/* --- values --- */

enum err_code loader_resolve(const struct loader *l, const struct ynode *node, char **out, struct err *err)
{
    struct interp interp = {.base_dir = node->line ? l->pipeline->base_dir : NULL,
                            .providers = l->options->providers,
                            .nproviders = l->options->nproviders};

    return interp_text(&interp, node->text, out, err);
}

const struct ynode *loader_find(const struct ynode *map, const struct key *key, const char *path)
{
    const struct ynode *node = ynode_path(map, path);

    return node && ynode_is_null(node) && !key_has_word(key, node->text) ? NULL : node;
}

/* A relative path of the command line starts at the current folder: *text gets it whole, since later all
 * paths start at the pipeline file's. */
static enum err_code make_absolute(char **text, struct err *err)
{
    char cwd[PATH_MAX];
    struct url url = {0};
    struct buf whole;
    enum err_code code = **text ? url_parse(*text, &url, err) : ERR_OK;
    bool relative = code == ERR_OK && url.path && !url.host && url.path[0] != '/' &&
                    strcmp(url.scheme, "mem") != 0;

    buf_init(&whole, INTERP_TEXT_MAX);
    if (relative && !getcwd(cwd, sizeof cwd)) {
        code = err_set(err, ERRN_NOT_FOUND, "the current folder is gone; write an absolute path");
    } else if (relative) {
        code = buf_printf(&whole, err, "%s%s%s/%s", url.scheme, *url.scheme ? ":" : "", cwd, url.path);
        if (code == ERR_OK) {
            mem_free(*text);
            *text = whole.data;
            buf_init(&whole, 0);
        }
    }
    buf_release(&whole);
    url_release(&url);
    return code;
}

enum err_code loader_scalar(struct loader *l, const struct key *key, const struct ynode *map,
                            const char *path, void *base, struct err *err)
{
    const struct ynode *node = loader_find(map, key, path);
    char *text = NULL;
    enum err_code code;

    if (!node && key->flags & KEY_REQUIRED) {
        code = buf_printf(&l->missing, err, ", %s", key->path);
        if (code == ERR_OK && map != l->root)
            code = buf_printf(&l->missing, err, " (line %d)", map->line);
        return code;
    }
    if (!node)
        return key->fallback ? key_store(key, key->fallback, base, err) : ERR_OK;
    code = loader_resolve(l, node, &text, err);
    if (code == ERR_OK && key->flags & KEY_SECRET)
        log_add_secret(text);
    if (code == ERR_OK && key->kind == KEY_URL && !node->line)
        code = make_absolute(&text, err);
    if (code == ERR_OK)
        code = key_store(key, text, base, err);
    mem_free(text);
    return code == ERR_OK ? code : loader_at(l, node, key->path, err);
}

void texts_free(char **texts, size_t n)
{
    for (size_t i = 0; texts && i < n; i++)
        mem_free(texts[i]);
    mem_free(texts);
}

enum err_code loader_texts(const struct loader *l, const struct ynode *list, const char *path, char ***out,
                           size_t *n, struct err *err)
{
    enum err_code code = ERR_OK;

    *n = 0;
    *out = mem_calloc(list->nitems + 1, sizeof **out);
    if (!*out)
        return err_nomem(err);
    while (*n < list->nitems && code == ERR_OK) {
        code = loader_resolve(l, list->items[*n], &(*out)[*n], err);
        if (code != ERR_OK)
            loader_at(l, list->items[*n], path, err);
        else
            ++*n;
    }
    return code;
}

static enum err_code load_scalars(struct loader *l, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < keys_count && code == ERR_OK; i++) {
        const struct key *key = &keys_table[i];

        if (strchr(key->path, '[') == NULL && (key->size || key->kind == KEY_WORD))
            code = loader_scalar(l, key, l->root, key->path, l->pipeline, err);
    }
    return code;
}

static enum err_code load_nulls(struct loader *l, struct err *err)
{
    const struct key *key = keys_find("source.csv.nulls");
    const struct ynode *list = loader_find(l->root, key, key->path);
    struct schema *schema = &l->pipeline->schema;

    if (!list || list->nitems == 0)
        return ERR_OK;
    return loader_texts(l, list, key->path, &schema->nulls, &schema->nnulls, err);
}

static enum err_code load_events(struct loader *l, const struct ynode *list, const char *path,
                                 struct err *err)
{
    static const struct key_word events[] = {
        {"failure", NOTIFY_FAILURE}, {"recovery", NOTIFY_RECOVERY}, {"late", NOTIFY_LATE}, {NULL, 0}};
    char **texts = NULL;
    size_t n = 0;

    if (loader_texts(l, list, path, &texts, &n, err) == ERR_OK)
        l->pipeline->notify.on = 0;
    for (size_t i = 0; i < n && err->code == ERR_OK; i++) {
        const struct key_word *w = events;

        while (w->text && strcmp(w->text, texts[i]) != 0)
            w++;
        l->pipeline->notify.on |= (unsigned)w->value;
        if (!w->text) {
            err_set(err, ERRN_CONFIG, "\"%.40s\" is none of failure, recovery, late", texts[i]);
            loader_at(l, list->items[i], path, err);
        }
    }
    texts_free(texts, n);
    return err->code;
}

static enum err_code load_notify(struct loader *l, struct err *err)
{
    const struct key *on = keys_find("notify.on"), *exec = keys_find("notify.exec");
    const struct ynode *events = loader_find(l->root, on, on->path);
    const struct ynode *words = loader_find(l->root, exec, exec->path);
    struct pipeline *p = l->pipeline;

    p->notify.on = NOTIFY_FAILURE | NOTIFY_RECOVERY | NOTIFY_LATE;
    if (events && load_events(l, events, on->path, err))
        return err->code;
    if (words && loader_texts(l, words, exec->path, &p->notify.exec, &p->notify.nexec, err) == ERR_OK &&
        p->notify.nexec > 0 && !p->notify.exec[0][0]) {
        err_set(err, ERRN_CONFIG, "the program has no name");
        loader_at(l, words, exec->path, err);
    }
    return err->code;
}

/* --- rules between keys --- */

/* An error about the key at `path`, wherever that stands. */
static enum err_code at_key(const struct loader *l, const char *path, struct err *err)
{
    return loader_at(l, ynode_path(l->root, path), path, err);
}

static enum err_code check_rules(const struct loader *l, struct err *err)
{
    const struct pipeline *p = l->pipeline;
    bool lineage = p->target.lineage != PIPELINE_LINEAGE_FALSE;

    if (p->source.csv.delimiter == p->source.csv.quote) {
        err_set(err, ERRN_CONFIG, "delimiter and quote must differ");
        return at_key(l, "source.csv.delimiter", err);
    }
    if (lineage && strlen(p->target.table) > KEY_NAME_MAX - VIEW_SUFFIX_LEN) {
        err_set(err, ERRN_CONFIG, "longer than %d bytes, which leaves no room for the view NAME_lineage",
                KEY_NAME_MAX - VIEW_SUFFIX_LEN);
        return at_key(l, "target.table", err);
    }
    if (p->policy.on_changed != ON_CHANGED_REPLACE)
        return ERR_OK;
    if (p->target.commit_unit == COMMIT_CHUNK) {
        err_set(err, ERRN_CONFIG, "replace does not go together with target.commit_unit: chunk; write file");
        return at_key(l, "policy.on_changed", err);
    }
    if (!lineage) {
        err_set(err, ERRN_NEEDS_LINEAGE, "replace needs target.lineage: true, to know which rows to replace");
        return at_key(l, "policy.on_changed", err);
    }
    return ERR_OK;
}

/* By name, one field of a record can be one column only. */
static enum err_code check_from(const struct loader *l, struct err *err)
{
    const struct schema *schema = &l->pipeline->schema;

    if (l->pipeline->source.csv.header != CSV_HEADER_BY_NAME)
        return ERR_OK;
    for (size_t i = 1; i < schema->ncolumns; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(schema->columns[i].from, schema->columns[j].from) != 0)
                continue;
            err_set(err, ERRN_CONFIG, "columns %s and %s are both from the header's \"%.64s\"",
                    schema->columns[j].name, schema->columns[i].name, schema->columns[i].from);
            return at_key(l, "schema.columns", err);
        }
    }
    return ERR_OK;
}

static enum err_code fill(struct loader *l, struct err *err)
{
    const struct pipeline_options *options = l->options;
    struct pipeline *p = l->pipeline;
    enum err_code code;

    if (!(p->file = mem_strdup(options->file)) || (options->env && !(p->env = mem_strdup(options->env))))
        return err_nomem(err);
    code = load_scalars(l, err);
    if (code == ERR_OK)
        code = load_nulls(l, err);
    if (code == ERR_OK)
        code = load_notify(l, err);
    if (code == ERR_OK)
        code = loader_columns(l, err);
    if (code == ERR_OK && l->missing.len > 0)
        code = err_set(err, ERRN_CONFIG, "%.400s: required keys are missing: %.500s", options->file,
                       l->missing.data + 2);
    if (code == ERR_OK && (code = schema_seal(&p->schema, err)) != ERR_OK)
        at_key(l, "schema.columns", err);
    if (code == ERR_OK)
        code = check_from(l, err);
    if (code == ERR_OK)
        code = loader_key(l, err);
    if (code == ERR_OK)
        code = loader_hour_checks(l, err);
    return code == ERR_OK ? check_rules(l, err) : code;
}

enum err_code pipeline_load(const struct pipeline_options *options, struct pipeline **out, struct err *err)
{
    struct loader l = {.options = options, .pipeline = mem_calloc(1, sizeof *l.pipeline)};
    enum err_code code = l.pipeline ? loader_read(&l, err) : err_nomem(err);

    buf_init(&l.missing, MISSING_TEXT_MAX);
    if (code == ERR_OK)
        code = fill(&l, err);
    ynode_free(l.root);
    buf_release(&l.missing);
    if (code != ERR_OK) {
        pipeline_free(l.pipeline);
        l.pipeline = NULL;
    }
    *out = l.pipeline;
    return code;
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    mem_free(p->name);
    mem_free(p->file);
    mem_free(p->base_dir);
    mem_free(p->env);
    mem_free(p->source.url);
    mem_free(p->source.layout);
    schema_release(&p->schema);
    mem_free(p->target.url);
    mem_free(p->target.user);
    mem_free(p->target.password);
    mem_free(p->target.table);
    mem_free(p->target.key);
    hour_checks_release(p);
    mem_free(p->queue.url);
    mem_free(p->schedule.enqueue);
    mem_free(p->schedule.work);
    texts_free(p->notify.exec, p->notify.nexec);
    mem_free(p);
}

/* --- warnings --- */

enum err_code pipeline_warnings(const struct pipeline *p, struct buf *out, struct err *err)
{
    bool share = p->policy.max_rejects.is_share, may_miss = p->schema.missing == COLUMNS_NULL;
    enum err_code code = ERR_OK;

    if (share && p->target.commit_unit == COMMIT_CHUNK)
        code = buf_append_str(
            out,
            "policy.max_rejects is a share and target.commit_unit is chunk: it is judged at "
            "an object's last chunk only, when the others are in the table; a number is "
            "judged at each chunk\n",
            err);
    if (code == ERR_OK && may_miss && p->source.csv.header == CSV_HEADER_NONE)
        code = buf_append_str(
            out,
            "schema.missing_columns: null has no effect with source.csv.header: none: only a header tells "
            "that a column is missing\n",
            err);
    if (code == ERR_OK && may_miss && p->source.csv.header == CSV_HEADER_BY_POSITION)
        code = buf_append_str(
            out,
            "schema.missing_columns is null and source.csv.header by_position: a file with fewer columns is "
            "taken to lack the last ones; only names (by_name) tell which are missing\n",
            err);
    for (size_t i = 0; i < p->schema.nloaded && code == ERR_OK && may_miss; i++) {
        if (!schema_loaded(&p->schema, i)->nullable)
            code = buf_printf(out, err,
                              "schema.missing_columns is null, but column %s is not nullable: a file without "
                              "it is not loaded (CSV_HEADER)\n",
                              schema_loaded(&p->schema, i)->name);
    }
    return code == ERR_OK ? checks_warnings(p, out, err) : code;
}
