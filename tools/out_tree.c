/*
 * out_tree: see out_tree.h.
 *
 * Invariant: a level's bracket is closed by the tree_end of its tree_begin; level 0 belongs to the caller.
 */
#include "tools/out_tree.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

#include "core/data/canon.h"
#include "tools/out.h"

void tree_init(struct out_tree *tree, FILE *file)
{
    *tree = (struct out_tree){.file = file, .err = ERR_INIT};
    tree->some[0] = true;
}

/* What stands before an item; false once something failed. */
static bool item(struct out_tree *t, const char *key)
{
    bool list = t->close[t->depth] == ']';

    if (t->err.code)
        return false;
    if (ferror(t->file)) {
        err_set_errno(&t->err, errno ? errno : EIO, "cannot write the result");
        return false;
    }
    if (t->some[t->depth])
        putc(',', t->file);
    if (t->depth == 0 || (list && t->depth < TREE_LINES))
        putc('\n', t->file);
    t->some[t->depth] = true;
    if (!key)
        return true;
    if (json_string_write(t->file, key, &t->err))
        return false;
    putc(':', t->file);
    return true;
}

void tree_begin(struct out_tree *t, const char *key, char open)
{
    if (!item(t, key))
        return;
    if (t->depth + 1 == TREE_DEPTH_MAX) {
        err_set(&t->err, ERRN_INTERNAL, "a result that is nested too deep");
        return;
    }
    putc(open, t->file);
    t->depth++;
    t->close[t->depth] = open == '{' ? '}' : ']';
    t->some[t->depth] = false;
}

void tree_end(struct out_tree *t)
{
    if (t->err.code || t->depth == 0)
        return;
    putc(t->close[t->depth], t->file);
    t->depth--;
}

void tree_raw(struct out_tree *t, const char *key, const char *json)
{
    if (item(t, key))
        fputs(json, t->file);
}

void tree_str(struct out_tree *t, const char *key, const char *text)
{
    if (!text)
        tree_raw(t, key, "null");
    else if (item(t, key))
        (void)!json_string_write(t->file, text, &t->err);
}

void tree_int(struct out_tree *t, const char *key, int64_t value)
{
    if (item(t, key))
        fprintf(t->file, "%" PRId64, value);
}

void tree_real(struct out_tree *t, const char *key, double value)
{
    char text[CANON_DOUBLE_MAX];

    if (isfinite(value))
        canon_double(value, text);
    tree_raw(t, key, isfinite(value) ? text : "null");
}

void tree_bool(struct out_tree *t, const char *key, bool value)
{
    tree_raw(t, key, value ? "true" : "false");
}
