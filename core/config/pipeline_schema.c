/*
 * pipeline_schema: `schema.columns` and `target.key` -> struct schema and the key's positions.
 *
 * A column's keys go through the table like all others; its checks are pipeline_checks'. Invariant: on
 * failure the schema may be half filled, and schema_release frees it.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/pipeline_parts.h"

static enum err_code load_column(struct loader *l, struct schema_column *column, const struct ynode *item,
                                 struct err *err)
{
    enum { SKIP = sizeof KEYS_COLUMN_PREFIX };
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < keys_count && code == ERR_OK; i++) {
        const struct key *key = &keys_table[i];

        if (strncmp(key->path, KEYS_COLUMN_PREFIX ".", SKIP) == 0 && key->size)
            code = loader_scalar(l, key, item, key->path + SKIP, column, err);
    }
    if (code != ERR_OK || !column->name || l->missing.len > 0)
        return code;
    if (!column->from && !(column->from = mem_strdup(column->name)))
        return err_nomem(err);
    return loader_column_checks(l, column, item, err);
}

enum err_code loader_columns(struct loader *l, struct err *err)
{
    const struct key *key = keys_find("schema.columns");
    const struct ynode *list = loader_find(l->root, key, key->path);
    struct schema *schema = &l->pipeline->schema;
    enum err_code code = ERR_OK;

    if (!list || list->nitems == 0)
        return buf_printf(&l->missing, err, ", %s", key->path);
    if (list->nitems > CSV_COLUMNS_MAX) {
        err_set(err, ERRN_LIMIT, "more than %d columns", CSV_COLUMNS_MAX);
        return loader_at(l, list, key->path, err);
    }
    schema->columns = mem_calloc(list->nitems, sizeof *schema->columns);
    if (!schema->columns)
        return err_nomem(err);
    schema->ncolumns = list->nitems;
    for (size_t i = 0; i < list->nitems && code == ERR_OK; i++)
        code = load_column(l, &schema->columns[i], list->items[i], err);
    return code;
}

/* The position of a name among the loaded columns. */
static enum err_code find_key_column(const struct pipeline *p, const char *name, size_t *out, struct err *err)
{
    const struct schema *schema = &p->schema;

    for (size_t i = 0; i < schema->ncolumns; i++) {
        if (strcmp(schema->columns[i].name, name) != 0)
            continue;
        if (schema->columns[i].drop)
            return err_set(err, ERRN_CONFIG, "column %s is dropped: a key column must be loaded", name);
        if (schema->columns[i].nullable)
            return err_set(err, ERRN_CONFIG, "column %s may be NULL: a key column needs `nullable: false`",
                           name);
    }
    for (size_t i = 0; i < schema->nloaded; i++) {
        if (strcmp(schema_loaded(schema, i)->name, name) != 0)
            continue;
        for (size_t k = 0; k < p->target.nkey; k++) {
            if (p->target.key[k] == i)
                return err_set(err, ERRN_CONFIG, "column %s stands twice", name);
        }
        *out = i;
        return ERR_OK;
    }
    return err_set(err, ERRN_CONFIG, "the schema has no column %.64s", name);
}

enum err_code loader_key(struct loader *l, struct err *err)
{
    const struct key *key = keys_find("target.key");
    const struct ynode *list = loader_find(l->root, key, key->path);
    struct pipeline *p = l->pipeline;
    char **names = NULL;
    size_t n = 0;
    enum err_code code;

    if (!list || list->nitems == 0)
        return ERR_OK;
    code = loader_texts(l, list, key->path, &names, &n, err);
    if (code == ERR_OK && !(p->target.key = mem_calloc(n, sizeof *p->target.key)))
        code = err_nomem(err);
    for (size_t i = 0; i < n && code == ERR_OK; i++) {
        code = find_key_column(p, names[i], &p->target.key[i], err);
        if (code != ERR_OK)
            loader_at(l, list->items[i], key->path, err);
        else
            p->target.nkey = i + 1;
    }
    texts_free(names, n);
    return code;
}
