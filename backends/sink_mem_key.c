/*
 * sink_mem_key: the primary key of a mem table: an open-addressing set of rows, by the values of their key.
 *
 * Invariants: the index belongs to one transaction and its rows are those of the clone; deleting rows drops
 * it, the next append builds it anew; at most half of the slots are taken.
 */
#include <string.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"

struct slot {
    const struct mem_rows *rows; /* NULL = free */
    size_t row;
};

struct mem_index {
    struct slot *slots;
    size_t cap; /* a power of two */
    size_t n;
};

enum { INDEX_FIRST = 1024 };

static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *p = data;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t key_hash(const struct mem_def *def, const struct mem_rows *rows, size_t row)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t k = 0; k < def->nkey; k++) {
        const struct column *col = &rows->batch->cols[def->key[k]];
        if (col->storage == STORAGE_STR) {
            size_t len;
            const char *text = batch_str(rows->batch, def->key[k], row, &len);
            hash = mix(hash, text, len);
        } else if (col->storage == STORAGE_F64) {
            double v = col->f64[row] + 0.0; /* -0 is 0 */
            hash = mix(hash, &v, sizeof v);
        } else {
            hash = mix(hash, &col->i64[row], sizeof *col->i64);
        }
    }
    return hash ^ hash >> 32;
}

static bool same_key(const struct mem_def *def, const struct slot *a, const struct slot *b)
{
    for (size_t k = 0; k < def->nkey; k++) {
        const struct column *x = &a->rows->batch->cols[def->key[k]];
        const struct column *y = &b->rows->batch->cols[def->key[k]];
        if (x->storage == STORAGE_STR) {
            size_t xlen, ylen;
            const char *xs = batch_str(a->rows->batch, def->key[k], a->row, &xlen);
            const char *ys = batch_str(b->rows->batch, def->key[k], b->row, &ylen);
            if (xlen != ylen || memcmp(xs, ys, xlen) != 0)
                return false;
        } else if (x->storage == STORAGE_F64 ? x->f64[a->row] != y->f64[b->row]
                                             : x->i64[a->row] != y->i64[b->row]) {
            return false;
        }
    }
    return true;
}

/* The slot of the row's key: taken by an equal one, or free. */
static struct slot *find(const struct mem_index *index, const struct mem_def *def, const struct slot *key)
{
    size_t at = key_hash(def, key->rows, key->row) & (index->cap - 1);

    while (index->slots[at].rows && !same_key(def, &index->slots[at], key))
        at = (at + 1) & (index->cap - 1);
    return &index->slots[at];
}

static enum err_code grow(struct mem_index *index, const struct mem_def *def, struct err *err)
{
    struct mem_index bigger = {NULL, index->cap ? index->cap * 2 : INDEX_FIRST, index->n};

    bigger.slots = mem_calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots)
        return err_nomem(err);
    for (size_t i = 0; i < index->cap; i++)
        if (index->slots[i].rows)
            *find(&bigger, def, &index->slots[i]) = index->slots[i];
    mem_free(index->slots);
    *index = bigger;
    return ERR_OK;
}

static enum err_code add_rows(struct mem_index *index, const struct mem_def *def, const struct mem_rows *rows,
                              size_t *row, struct err *err)
{
    for (*row = 0; *row < rows->batch->rows; (*row)++) {
        if (index->n * 2 >= index->cap && grow(index, def, err))
            return err->code;
        struct slot key = {rows, *row};
        struct slot *slot = find(index, def, &key);
        if (slot->rows)
            return err_set(err, ERRN_DB_CONSTRAINT, "%s: the key is there already", def->name);
        *slot = key;
        index->n++;
    }
    return ERR_OK;
}

void mem_index_drop(struct mem_sink *m)
{
    if (m->index)
        mem_free(m->index->slots);
    mem_free(m->index);
    m->index = NULL;
}

enum err_code mem_index_add(struct mem_sink *m, const struct mem_table *table, const struct mem_rows *rows,
                            size_t *row, struct err *err)
{
    if (!m->index) {
        m->index = mem_calloc(1, sizeof *m->index);
        if (!m->index)
            return err_nomem(err);
        for (size_t i = 0; i < table->chunks.n; i++)
            if (add_rows(m->index, table->def, (const struct mem_rows *)table->chunks.at[i], row, err))
                return err->code;
    }
    return add_rows(m->index, table->def, rows, row, err);
}
