/*
 * out_tree: JSON of any depth, written as it comes.
 *
 *   tree_begin(t, "classes", '['); tree_begin(t, NULL, '{'); tree_int(t, "rows", 7); tree_end(t);
 * tree_end(t);
 *
 * Each call adds one item to the object or list that is open; key is NULL in a list. Numbers are in the
 * shortest form that reads back the same; what JSON has no number for is null. The first error sticks and
 * ends the writing.
 */
#ifndef SLUICE_TOOLS_OUT_TREE_H
#define SLUICE_TOOLS_OUT_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"

enum { TREE_DEPTH_MAX = 16, TREE_LINES = 2 /* items of the outer levels stand on lines of their own */ };

struct out_tree {
    FILE *file;
    int depth;
    char close[TREE_DEPTH_MAX];
    bool some[TREE_DEPTH_MAX]; /* the level has an item already */
    struct err err;
};

typedef void out_tree_fn(struct out_tree *tree, const void *ctx);

/* Within an object that has members already. */
void tree_init(struct out_tree *tree, FILE *file);

void tree_begin(struct out_tree *tree, const char *key, char open);
void tree_end(struct out_tree *tree);
void tree_str(struct out_tree *tree, const char *key, const char *text); /* NULL: null */
void tree_int(struct out_tree *tree, const char *key, int64_t value);
void tree_real(struct out_tree *tree, const char *key, double value);
void tree_bool(struct out_tree *tree, const char *key, bool value);
/* Text that is JSON. */
void tree_raw(struct out_tree *tree, const char *key, const char *json);

#endif
