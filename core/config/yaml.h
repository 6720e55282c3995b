/*
 * yaml: a YAML text as a tree of maps, lists and scalars, each with its place in the file.
 *
 * A subset: one document; no aliases, tags or merge keys; a key that stands twice is an error; depth, size,
 * nodes and keys have maxima. Scalars stay text: what they mean is the key table's business.
 */
#ifndef SLUICE_CONFIG_YAML_H
#define SLUICE_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum {
    YNODE_BYTES_MAX = 1024 * 1024,
    YNODE_DEPTH_MAX = 16,
    YNODE_COUNT_MAX = 100000,
    YNODE_KEYS_MAX = 1024, /* of one map */
};

enum ynode_kind { YNODE_SCALAR, YNODE_LIST, YNODE_MAP };

struct ynode {
    enum ynode_kind kind;
    bool plain;               /* a scalar without quotes */
    int line, column;         /* 1-based; 0 where the node is not from a file */
    char *key;                /* its name in a map, else NULL */
    int key_line, key_column; /* where that name stands */
    char *text;               /* of a scalar; no NUL inside */
    struct ynode **items;     /* of a list or map, owned */
    size_t nitems;
};

/* Parses a whole text. `file` is for messages ("FILE:LINE:COLUMN: ..."). CONFIG for what is not of the
 * subset, LIMIT over a maximum. An empty text is a null scalar. */
enum err_code ynode_parse(const char *text, size_t len, const char *file, struct ynode **out,
                          struct err *err) MUST_USE;
void ynode_free(struct ynode *node);

/* New nodes without a place; key and text are copied, key may be NULL. */
enum err_code ynode_scalar(const char *key, const char *text, struct ynode **out, struct err *err) MUST_USE;
enum err_code ynode_map(const char *key, struct ynode **out, struct err *err) MUST_USE;

/* Adds a child, which then belongs to `parent`; on failure it stays the caller's. */
enum err_code ynode_add(struct ynode *parent, struct ynode *child, struct err *err) MUST_USE;

/* Moves the children of one map into another: maps merge, all else is replaced. `over` keeps what a failure
 * left unmoved; it stays the caller's. */
enum err_code ynode_merge(struct ynode *into, struct ynode *over, struct err *err) MUST_USE;

/* A child of a map by name (the first `len` bytes of it); NULL where there is none, also for other kinds. */
struct ynode *ynode_child(const struct ynode *map, const char *name, size_t len);

/* A node down a path with dots. */
struct ynode *ynode_path(const struct ynode *map, const char *path);

/* Takes a child out of its map and frees it; no effect where it is not there. */
void ynode_remove(struct ynode *map, const char *name);

/* True for what YAML calls null: nothing, "~" or "null" without quotes. */
bool ynode_is_null(const struct ynode *node);

#endif
