/*
 * pipeline_checks: the checks of columns and of hours -> struct checks and struct hour_check, and the rules
 * that hold between them and the rest of the file.
 *
 * A map of a column's checks is as many checks as it has keys, all with its `on`. Invariant: what is loaded
 * can be judged: an operand has its column's type, and the transaction that a check needs is the one that is
 * made.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/pipeline_parts.h"
#include "core/data/checks.h"
#include "core/data/types.h"

#define CHECKS KEYS_COLUMN_PREFIX ".checks"

/* ---- of columns ---- */

/* One map of checks on its way into a column. */
struct rules {
    struct loader *loader;
    struct schema_column *column;
    const struct ynode *map;
    int on; /* enum check_on; -1 = not given: each has its own default */
};

/* The node of a key of the map, NULL where it is not given; *path gets the key's whole path. */
static const struct ynode *find(const struct rules *r, const char *name, char path[KEY_PATH_MAX])
{
    snprintf(path, KEY_PATH_MAX, CHECKS ".%s", name);
    return loader_find(r->map, keys_find(path), name);
}

/* A key whose value is stored by the table's rules; false in *there where it is not given. */
static enum err_code take(const struct rules *r, const char *name, void *out, size_t size, bool *there,
                          struct err *err)
{
    char path[KEY_PATH_MAX];

    *there = find(r, name, path) != NULL;
    if (!*there)
        return ERR_OK;
    struct key key = *keys_find(path);
    key.offset = 0;
    key.size = size;
    return loader_scalar(r->loader, &key, r->map, name, out, err);
}

static enum check_on on_or(const struct rules *r, enum check_on fallback)
{
    return r->on < 0 ? fallback : (enum check_on)r->on;
}

/* A check whose operand is one text. */
static enum err_code add_text(const struct rules *r, enum check_kind kind, struct err *err)
{
    char path[KEY_PATH_MAX], *text = NULL;
    const struct ynode *node = find(r, check_kind_text(kind), path);

    if (!node)
        return ERR_OK;
    enum err_code code = loader_resolve(r->loader, node, &text, err);
    if (code == ERR_OK)
        code = checks_add(r->column, kind, on_or(r, CHECK_ON_REJECT), text, err);
    mem_free(text);
    return code == ERR_OK ? code : loader_at(r->loader, node, path, err);
}

static enum err_code add_in(const struct rules *r, struct err *err)
{
    char path[KEY_PATH_MAX];
    const struct ynode *in = find(r, "in", path);

    if (!in)
        return ERR_OK;
    if (in->nitems == 0) {
        err_set(err, ERRN_CONFIG, "names no value, so no record could be loaded");
        return loader_at(r->loader, in, path, err);
    }
    enum err_code code = checks_add(r->column, CHECK_KIND_IN, on_or(r, CHECK_ON_REJECT), NULL, err);
    for (size_t i = 0; i < in->nitems && code == ERR_OK; i++) {
        char *text = NULL;

        code = loader_resolve(r->loader, in->items[i], &text, err);
        if (code == ERR_OK)
            code = checks_add_value(r->column, text, err);
        mem_free(text);
        if (code != ERR_OK)
            loader_at(r->loader, in->items[i], path, err);
    }
    return code;
}

static enum err_code add_unique(const struct rules *r, struct err *err)
{
    enum commit_unit unit = r->loader->pipeline->target.commit_unit;
    enum check_on on = on_or(r, CHECK_ON_REJECT);
    char path[KEY_PATH_MAX];
    bool there, unique = false;

    if (take(r, "unique", &unique, sizeof unique, &there, err) != ERR_OK || !unique)
        return err->code;
    if (unit == COMMIT_CHUNK)
        err_set(
            err, ERRN_CONFIG,
            "a rule never depends on the chunk, so values of earlier chunks would have to be known: write "
            "target.commit_unit: file, or let the table judge by target.key");
    else if (unit == COMMIT_HOUR && on == CHECK_ON_REJECT)
        err_set(err, ERRN_CONFIG,
                "which of two objects of an hour has the value first depends on when they come, so neither's "
                "record can be refused: write on: fail or on: warn, or target.commit_unit: file");
    else
        return checks_add(r->column, CHECK_KIND_UNIQUE, on, NULL, err);
    return loader_at(r->loader, find(r, "unique", path), path, err);
}

static enum err_code add_nulls(const struct rules *r, struct err *err)
{
    struct reject_limit limit;
    char path[KEY_PATH_MAX], *text = NULL;
    const struct ynode *node = find(r, "max_nulls", path);
    bool there;

    if (!node)
        return ERR_OK;
    enum check_on on = on_or(r, CHECK_ON_FAIL);
    if (on == CHECK_ON_REJECT) {
        err_set(err, ERRN_CONFIG,
                "it is about the object, so no record can be refused for it: write on: warn or on: fail, or "
                "nullable: false");
        return loader_at(r->loader, node, path, err);
    }
    if (take(r, "max_nulls", &limit, sizeof limit, &there, err) != ERR_OK)
        return err->code;
    enum err_code code = loader_resolve(r->loader, node, &text, err);
    if (code == ERR_OK)
        code = checks_add(r->column, CHECK_KIND_NULLS, on, text, err);
    if (code == ERR_OK)
        r->column->checks.items[r->column->checks.n - 1].nulls = limit;
    mem_free(text);
    return code;
}

static enum err_code add_map(struct loader *l, struct schema_column *column, const struct ynode *map,
                             struct err *err)
{
    struct rules r = {.loader = l, .column = column, .map = map, .on = -1};
    size_t before = column->checks.n;
    bool on;

    if (ynode_is_null(map))
        return ERR_OK;
    if (take(&r, "on", &r.on, sizeof r.on, &on, err) != ERR_OK ||
        add_text(&r, CHECK_KIND_MIN, err) != ERR_OK || add_text(&r, CHECK_KIND_MAX, err) != ERR_OK ||
        add_in(&r, err) != ERR_OK || add_text(&r, CHECK_KIND_REGEX, err) != ERR_OK ||
        add_unique(&r, err) != ERR_OK || add_nulls(&r, err) != ERR_OK)
        return err->code;
    if (!on || column->checks.n > before)
        return ERR_OK;
    err_set(err, ERRN_CONFIG, "`on` stands there without a check");
    return loader_at(l, map, CHECKS, err);
}

static enum err_code add_maps(struct loader *l, struct schema_column *column, const struct ynode *node,
                              struct err *err)
{
    enum err_code code = ERR_OK;

    if (!node || node->kind != YNODE_LIST)
        return node ? add_map(l, column, node, err) : ERR_OK;
    for (size_t i = 0; i < node->nitems && code == ERR_OK; i++)
        code = add_map(l, column, node->items[i], err);
    return code;
}

enum err_code loader_column_checks(struct loader *l, struct schema_column *column, const struct ynode *item,
                                   struct err *err)
{
    const struct ynode *node = loader_find(item, keys_find(CHECKS), "checks");

    if (add_maps(l, column, node, err) == ERR_OK && schema_check_column(column, err) != ERR_OK)
        loader_at(l, node, CHECKS, err);
    return err->code;
}

/* ---- of hours ---- */

/* An error about a key of one check. */
static enum err_code at_check(const struct loader *l, const struct ynode *item, const char *name,
                              struct err *err)
{
    const struct ynode *node = ynode_path(item, name);
    char path[KEY_PATH_MAX];

    snprintf(path, sizeof path, KEYS_CHECK_PREFIX "%s%s", *name ? "." : "", name);
    return loader_at(l, node ? node : item, path, err);
}

static enum err_code load_mean_bound(const struct loader *l, const struct ynode *item, const char *name,
                                     double *out, struct err *err)
{
    static const struct type number = {.kind = TYPE_DOUBLE};
    const struct ynode *node = ynode_path(item, name);
    struct value value = {0};
    char *text = NULL;

    if (!node || ynode_is_null(node))
        return ERR_OK;
    enum err_code code = loader_resolve(l, node, &text, err);
    if (code == ERR_OK && types_value(&number, text, strlen(text), &value) != ERRN_NONE)
        code = err_set(err, ERRN_CONFIG, "\"%.40s\" is no number", text);
    mem_free(text);
    if (code != ERR_OK)
        return at_check(l, item, name, err);
    *out = value.f64;
    return ERR_OK;
}

static enum err_code load_mean(const struct loader *l, const struct ynode *item, struct hour_check *check,
                               struct err *err)
{
    const struct schema *schema = &l->pipeline->schema;
    bool found = false;

    check->min = -INFINITY;
    check->max = INFINITY;
    if (load_mean_bound(l, item, "mean.min", &check->min, err) != ERR_OK ||
        load_mean_bound(l, item, "mean.max", &check->max, err) != ERR_OK)
        return err->code;
    for (size_t i = 0; check->column_name && i < schema->nloaded && !found; i++) {
        found = strcmp(schema_loaded(schema, i)->name, check->column_name) == 0;
        check->column = i;
    }
    if (!check->column_name)
        err_set(err, ERRN_CONFIG, "needs a column");
    else if (!found)
        err_set(err, ERRN_CONFIG, "the table has no column %.64s", check->column_name);
    else if (schema_loaded(schema, check->column)->type.kind >= TYPE_VARCHAR)
        err_set(err, ERRN_CONFIG, "column %.64s has no numbers, so no mean", check->column_name);
    else if (l->pipeline->target.lineage == PIPELINE_LINEAGE_FALSE)
        err_set(err, ERRN_CONFIG,
                "needs target.lineage: true, to know which rows of the table are the hour's");
    else if (isinf(check->min) && isinf(check->max))
        err_set(err, ERRN_CONFIG, "needs min, max or both");
    else if (check->min > check->max)
        err_set(err, ERRN_CONFIG, "min is over max, so no hour could be loaded");
    return err->code == ERR_OK ? ERR_OK : at_check(l, item, "mean", err);
}

static enum err_code load_rows(const struct loader *l, const struct ynode *item, struct hour_check *check,
                               struct err *err)
{
    bool min = ynode_path(item, "rows.min"), max = ynode_path(item, "rows.max");

    if (!max)
        check->rows_max = INT64_MAX;
    if (!min && !max)
        err_set(err, ERRN_CONFIG, "needs min, max or both");
    else if (check->rows_min > check->rows_max)
        err_set(err, ERRN_CONFIG, "min is over max, so no hour could be loaded");
    return err->code == ERR_OK ? ERR_OK : at_check(l, item, "rows", err);
}

static enum err_code load_kind(const struct loader *l, const struct ynode *item, struct hour_check *check,
                               struct err *err)
{
    bool rows = ynode_path(item, "rows"), mean = ynode_path(item, "mean"), sql = check->sql != NULL;
    int given = rows + mean + sql;

    if (given != 1) {
        err_set(err, ERRN_CONFIG, "needs one of rows, mean and sql%s", given ? ", not several" : "");
        return at_check(l, item, "", err);
    }
    check->kind = rows ? HOUR_CHECK_ROWS : mean ? HOUR_CHECK_MEAN : HOUR_CHECK_SQL;
    check->line = item->line;
    return rows ? load_rows(l, item, check, err) : mean ? load_mean(l, item, check, err) : ERR_OK;
}

static enum err_code load_hour_check(struct loader *l, const struct ynode *item, struct hour_check *check,
                                     struct err *err)
{
    enum { SKIP = sizeof KEYS_CHECK_PREFIX };
    const struct pipeline *p = l->pipeline;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < keys_count && code == ERR_OK; i++) {
        const struct key *key = &keys_table[i];

        if (strncmp(key->path, KEYS_CHECK_PREFIX ".", SKIP) == 0 && key->size)
            code = loader_scalar(l, key, item, key->path + SKIP, check, err);
    }
    if (code == ERR_OK && !check->name) {
        err_set(err, ERRN_CONFIG, "needs a name, which results have");
        return at_check(l, item, "", err);
    }
    for (const struct hour_check *other = p->checks; code == ERR_OK && other < check; other++) {
        if (strcmp(other->name, check->name) != 0)
            continue;
        err_set(err, ERRN_CONFIG, "two checks are named %s", check->name);
        code = at_check(l, item, "name", err);
    }
    return code == ERR_OK ? load_kind(l, item, check, err) : code;
}

enum err_code loader_hour_checks(struct loader *l, struct err *err)
{
    const struct key *key = keys_find("checks");
    const struct ynode *list = loader_find(l->root, key, key->path);
    struct pipeline *p = l->pipeline;
    enum err_code code = ERR_OK;

    if (!list || list->nitems == 0)
        return ERR_OK;
    if (list->nitems > HOUR_CHECKS_MAX)
        err_set(err, ERRN_LIMIT, "more than %d checks of an hour", HOUR_CHECKS_MAX);
    else if (p->target.commit_unit != COMMIT_HOUR)
        err_set(
            err, ERRN_CONFIG,
            "checks of an hour need target.commit_unit: hour: they are judged in the transaction that loads "
            "the hour, and can roll it back");
    if (err->code != ERR_OK)
        return loader_at(l, list, key->path, err);
    p->checks = mem_calloc(list->nitems, sizeof *p->checks);
    if (!p->checks)
        return err_nomem(err);
    for (size_t i = 0; i < list->nitems && code == ERR_OK; i++) {
        p->nchecks = i + 1;
        code = load_hour_check(l, list->items[i], &p->checks[i], err);
    }
    return code;
}

void hour_checks_release(struct pipeline *p)
{
    for (size_t i = 0; i < p->nchecks; i++) {
        mem_free(p->checks[i].name);
        mem_free(p->checks[i].column_name);
        mem_free(p->checks[i].sql);
    }
    mem_free(p->checks);
}

/* ---- warnings ---- */

static enum err_code warn_of(const struct pipeline *p, const struct schema_column *column,
                             const struct check *check, struct buf *out, struct err *err)
{
    if (check->kind == CHECK_KIND_UNIQUE && p->target.commit_unit == COMMIT_HOUR)
        return buf_printf(
            out, err,
            "column %s: unique holds for what is loaded together: an object that comes late is not "
            "held against what is in the table (target.key would)\n",
            column->name);
    if (check->kind != CHECK_KIND_NULLS)
        return ERR_OK;
    if (!column->nullable)
        return buf_printf(out, err,
                          "column %s has max_nulls but is not nullable: its records without a value are "
                          "rejected, so it never fires\n",
                          column->name);
    if (check->nulls.is_share && p->target.commit_unit == COMMIT_CHUNK)
        return buf_printf(
            out, err,
            "column %s: max_nulls is a share and target.commit_unit is chunk: it is judged at an "
            "object's last chunk only, when the others are in the table\n",
            column->name);
    return ERR_OK;
}

enum err_code checks_warnings(const struct pipeline *p, struct buf *out, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < p->schema.nloaded; i++) {
        const struct schema_column *column = schema_loaded(&p->schema, i);

        for (size_t k = 0; k < column->checks.n && code == ERR_OK; k++)
            code = warn_of(p, column, &column->checks.items[k], out, err);
    }
    return code;
}
