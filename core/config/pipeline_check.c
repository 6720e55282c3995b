/*
 * pipeline_check: judges a tree by the key table.
 *
 * Everything in the file is judged, also the environments that were not chosen: unknown keys, shapes, values
 * without ${...}, exposed secrets. What needs ${...} is judged after resolving, when it is used.
 * Invariant: a tree that passed holds known keys in their right shapes only.
 */
#include <stdio.h>
#include <string.h>

#include "core/config/interp.h"
#include "core/config/pipeline_parts.h"

enum { OTHERS_MAY = 077 };

enum err_code loader_at(const struct loader *loader, const struct ynode *node, const char *path,
                        struct err *err)
{
    const char *env = loader->env ? loader->env : "";
    const char *scope = loader->env ? "environments." : "", *dot = loader->env && *path ? "." : "";

    if (!node)
        return err_context(err, "%.400s: %.200s", loader->options->file, path);
    if (!node->line)
        return err_context(err, "--set %.200s", path);
    return err_context(err, "%.400s:%d:%d: %s%.64s%s%.200s", loader->options->file, node->line, node->column,
                       scope, env, dot, path);
}

/* A literal secret may stand in a file that only its owner reads, nowhere else. */
static enum err_code check_secret(const struct loader *l, const struct ynode *node, struct err *err)
{
    if (!interp_has_literal(node->text))
        return ERR_OK;
    if (!node->line)
        return err_set(err, ERRN_SECRET_EXPOSED,
                       "a literal secret on the command line can be read by everyone: write ${NAME} or "
                       "${file:PATH}");
    if (l->mode & OTHERS_MAY)
        return err_set(err, ERRN_SECRET_EXPOSED,
                       "a literal secret in a file that others can read (mode %04o): write ${NAME} or "
                       "${file:PATH}, or `chmod 600` the file",
                       l->mode);
    return ERR_OK;
}

static enum err_code check_list(const struct ynode *list, struct err *err)
{
    if (list->kind != YNODE_LIST)
        return err_set(err, ERRN_CONFIG, "must be a list: [a, b]");
    for (size_t i = 0; i < list->nitems; i++) {
        if (list->items[i]->kind != YNODE_SCALAR)
            return err_set(err, ERRN_CONFIG, "must be a list of plain values: [a, b]");
    }
    return ERR_OK;
}

static enum err_code check_scalar(const struct loader *l, const struct key *key, const struct ynode *node,
                                  struct err *err)
{
    enum err_code code = ERR_OK;

    if (node->kind != YNODE_SCALAR)
        return err_set(err, ERRN_CONFIG, "must be one value, not a %s",
                       node->kind == YNODE_MAP ? "map of keys" : "list");
    if (key->flags & KEY_SECRET)
        code = check_secret(l, node, err);
    if (code == ERR_OK && !strstr(node->text, "${"))
        code = key_store(key, node->text, NULL, err);
    return code;
}

static enum err_code check_maps(struct loader *l, const struct key *key, const struct ynode *list,
                                struct err *err)
{
    enum err_code code = ERR_OK;
    char prefix[KEY_PATH_MAX];

    snprintf(prefix, sizeof prefix, "%s[]", key->path);
    if (list->kind != YNODE_LIST) {
        err_set(err, ERRN_CONFIG, "must be a list: %s",
                strcmp(prefix, KEYS_COLUMN_PREFIX) == 0 ? "- {name: age, type: int}"
                                                        : "- {name: enough, rows: {min: 1000}}");
        return loader_at(l, list, key->path, err);
    }
    for (size_t i = 0; i < list->nitems && code == ERR_OK; i++)
        code = loader_check_map(l, list->items[i], prefix, err);
    return code;
}

static enum err_code check_rules(struct loader *l, const struct key *key, const struct ynode *node,
                                 struct err *err)
{
    enum err_code code = ERR_OK;

    if (node->kind != YNODE_LIST)
        return loader_check_map(l, node, key->path, err);
    for (size_t i = 0; i < node->nitems && code == ERR_OK; i++)
        code = loader_check_map(l, node->items[i], key->path, err);
    return code;
}

static enum err_code check_environments(struct loader *l, const struct ynode *map, struct err *err)
{
    enum err_code code = ERR_OK;

    if (map->kind != YNODE_MAP) {
        err_set(err, ERRN_CONFIG, "must be a map: the environment's name, then its keys");
        return loader_at(l, map, "environments", err);
    }
    for (size_t i = 0; i < map->nitems && code == ERR_OK; i++) {
        l->env = map->items[i]->key;
        code = loader_check_map(l, map->items[i], "", err);
    }
    l->env = NULL;
    return code;
}

enum err_code loader_check_key(struct loader *l, const struct key *key, const struct ynode *node,
                               struct err *err)
{
    enum err_code code;

    if (ynode_is_null(node) && !key_has_word(key, node->text))
        return ERR_OK; /* as if it were not there */
    switch (key->kind) {
    case KEY_SECTION:
        return loader_check_map(l, node, key->path, err);
    case KEY_MAPS:
        return check_maps(l, key, node, err);
    case KEY_RULES:
        return check_rules(l, key, node, err);
    case KEY_ENVIRONMENTS:
        return check_environments(l, node, err);
    case KEY_TEXTS:
    case KEY_VALUES:
        code = check_list(node, err);
        break;
    default:
        code = check_scalar(l, key, node, err);
    }
    return code == ERR_OK ? code : loader_at(l, node, key->path, err);
}

enum err_code loader_unknown_key(const char *path, struct err *err)
{
    const char *nearest = keys_nearest(path);

    if (nearest)
        return err_set(err, ERRN_CONFIG_UNKNOWN_KEY, "unknown key; the nearest known one is %s", nearest);
    return err_set(err, ERRN_CONFIG_UNKNOWN_KEY, "unknown key; `sluice help pipeline` lists the known ones");
}

/* The keys of a map that stands at `prefix` in the table. A null map has none. */
enum err_code loader_check_map(struct loader *l, const struct ynode *map, const char *prefix, struct err *err)
{
    char path[KEY_PATH_MAX];

    if (ynode_is_null(map))
        return ERR_OK;
    if (map->kind != YNODE_MAP) {
        err_set(err, ERRN_CONFIG, "must be a map of keys: `key: value`");
        return loader_at(l, map, prefix, err);
    }
    for (size_t i = 0; i < map->nitems; i++) {
        const struct ynode *child = map->items[i];
        const struct key *key;
        enum err_code code;

        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", child->key);
        key = keys_find(path);
        if (!key || (l->env && key->kind == KEY_ENVIRONMENTS)) {
            struct ynode place = {.line = child->key_line, .column = child->key_column};

            if (key)
                err_set(err, ERRN_CONFIG, "an environment has no environments of its own");
            else
                loader_unknown_key(path, err);
            return loader_at(l, &place, path, err);
        }
        code = loader_check_key(l, key, child, err);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}
