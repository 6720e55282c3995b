/*
 * pipeline_set: one `--set path.to.key=value` put into the tree.
 *
 * The first "=" divides. The key table says whether the value is a scalar (its text, as it stands) or a list
 * (in YAML: [a, b]). A column is addressed by its name: schema.columns.age.type=bigint. Nodes made here have
 * line 0: that is how later messages, ${file:} and relative paths know that they are the command line's.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/pipeline_parts.h"

#define COLUMNS "schema.columns."

/* The column whose name begins the path ("age.checks.max"); *rest is what follows the name. A name may have
 * dots: the longest that fits is meant. */
static struct ynode *find_column(const struct ynode *root, const char *path, const char **rest)
{
    const struct ynode *list = ynode_path(root, "schema.columns");
    struct ynode *found = NULL;
    size_t longest = 0;

    for (size_t i = 0; list && i < list->nitems; i++) {
        const struct ynode *name = ynode_path(list->items[i], "name");
        size_t len = name && name->kind == YNODE_SCALAR ? strlen(name->text) : 0;

        if (len > longest && strncmp(path, name->text, len) == 0 && path[len] == '.') {
            found = list->items[i];
            longest = len;
        }
    }
    *rest = found ? path + longest + 1 : path;
    return found;
}

/* The value as a node named by the last part of its path: a list is written in YAML, a scalar is its text. */
static enum err_code set_value(const struct key *key, const char *name, const char *text, struct ynode **out,
                               struct err *err)
{
    struct err why = ERR_INIT;

    if (key->kind == KEY_SECTION || key->kind == KEY_RULES)
        return err_set(err, ERRN_CONFIG, "this is a section: set one of its keys");
    if (key->kind == KEY_ENVIRONMENTS)
        return err_set(err, ERRN_CONFIG, "choose an environment by -e NAME");
    if (key->kind == KEY_MAPS && strcmp(key->path, "schema.columns") == 0)
        return err_set(err, ERRN_CONFIG, "set one key of a column: schema.columns.NAME.type=int");
    if (key->kind == KEY_MAPS)
        return err_set(err, ERRN_CONFIG, "this list can be changed in the file alone");
    if (key->kind != KEY_TEXTS && key->kind != KEY_VALUES)
        return ynode_scalar(name, text, out, err);
    if (ynode_parse(text, strlen(text), "--set", out, &why) != ERR_OK && why.code == ERR_NOMEM)
        return err_nomem(err);
    if (!*out || (*out)->kind != YNODE_LIST)
        return err_set(err, ERRN_CONFIG, "must be a list: [a, b]");
    if (!((*out)->key = mem_strdup(name)))
        return err_nomem(err);
    (*out)->line = 0;
    for (size_t i = 0; i < (*out)->nitems; i++)
        (*out)->items[i]->line = 0;
    return ERR_OK;
}

/* Puts the node into a map of its own, which takes its place. */
static enum err_code wrap(const char *key, struct ynode **node, struct err *err)
{
    struct ynode *map;
    enum err_code code = ynode_map(key, &map, err);

    if (code == ERR_OK)
        code = ynode_add(map, *node, err);
    if (code == ERR_OK)
        *node = map;
    else
        ynode_free(map);
    return code;
}

static const char *last_part(const char *path)
{
    const char *dot = strrchr(path, '.');

    return dot ? dot + 1 : path;
}

/* Merges the value, whose name is the path's last part, into the map. Cuts the path up; *value becomes what
 * is left to free. */
static enum err_code merge_at(struct ynode *map, char *path, struct ynode **value, struct err *err)
{
    enum err_code code = ERR_OK;
    char *dot;

    while (code == ERR_OK && (dot = strrchr(path, '.'))) {
        *dot = '\0';
        code = wrap(last_part(path), value, err);
    }
    if (code == ERR_OK)
        code = wrap(NULL, value, err);
    return code == ERR_OK ? ynode_merge(map, *value, err) : code;
}

static bool is_list(const struct ynode *map, const char *key)
{
    const struct ynode *node = ynode_path(map, key);

    return node && node->kind == YNODE_LIST;
}

enum err_code loader_set(struct loader *l, const char *set, struct err *err)
{
    const char *equals = strchr(set, '='), *rest;
    char *path = NULL, pattern[KEY_PATH_MAX];
    struct ynode *map = l->root, *value = NULL;
    const struct key *key = NULL;
    enum err_code code = ERR_OK;

    if (!equals || equals == set)
        return err_set(err, ERRN_USAGE, "--set wants path.to.key=value, such as target.lease=2m");
    path = mem_strndup(set, (size_t)(equals - set));
    if (!path)
        return err_nomem(err);
    rest = path;
    if (strncmp(path, COLUMNS, strlen(COLUMNS)) == 0) {
        map = find_column(l->root, path + strlen(COLUMNS), &rest);
        if (!map)
            code = err_set(err, ERRN_CONFIG,
                           "--set %.200s: names no key of a column that the schema has; write "
                           "schema.columns.NAME.type=int",
                           path);
    }
    snprintf(pattern, sizeof pattern, "%s%s", rest == path ? "" : KEYS_COLUMN_PREFIX ".", rest);
    if (code == ERR_OK) {
        key = strlen(pattern) + 1 < sizeof pattern ? keys_find(pattern) : NULL;
        if (key)
            code = set_value(key, last_part(rest), equals + 1, &value, err);
        else if (strchr(path, '['))
            code = err_set(err, ERRN_CONFIG_UNKNOWN_KEY,
                           "unknown key; no brackets: a column's are schema.columns.NAME.type and so on");
        else
            code = loader_unknown_key(pattern, err);
        if (code != ERR_OK)
            err_context(err, "--set %.200s", path);
    }
    if (code == ERR_OK && strncmp(rest, "checks.", strlen("checks.")) == 0 && is_list(map, "checks")) {
        err_set(err, ERRN_CONFIG, "the column's checks are a list, which can be changed in the file alone");
        code = err_context(err, "--set %.200s", path);
    }
    if (code == ERR_OK)
        code = loader_check_key(l, key, value, err);
    if (code == ERR_OK)
        code = merge_at(map, path + (rest - path), &value, err);
    ynode_free(value);
    mem_free(path);
    return code;
}
