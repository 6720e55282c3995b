/*
 * batch: the memory behind batch.h.
 *
 * Invariants: the text of the rows lies in the arena in row order, and that of the committed rows ends at
 * text_mark; the arrays are allocated once, for max_rows; clearing and truncating keep all memory.
 */
#include "core/data/batch.h"

#include "core/base/mem.h"

enum { BATCH_MAX_TEXT_MAX = 16 * 1024 * 1024 };

static size_t slot_size(enum storage storage)
{
    _Static_assert(sizeof(struct str_ref) == sizeof(int64_t) && sizeof(double) == sizeof(int64_t),
                   "batch_set_null clears every kind of number through i64");
    return storage == STORAGE_STR ? sizeof(struct str_ref) : sizeof(int64_t);
}

enum err_code batch_new(const struct schema *schema, size_t max_rows, size_t max_text, struct batch **out,
                        struct err *err)
{
    *out = NULL;
    if (max_rows < 1 || max_rows > BATCH_ROWS_MAX || max_text > BATCH_MAX_TEXT_MAX)
        return err_set(err, ERRN_INTERNAL, "a batch of %zu rows and %zu bytes of text was asked for",
                       max_rows, max_text);
    struct batch *b = mem_calloc(1, sizeof *b);
    if (!b)
        return err_nomem(err);
    b->schema = schema;
    b->max_rows = max_rows;
    b->max_text = max_text;
    b->line = mem_calloc(max_rows, sizeof *b->line);
    b->offset = mem_calloc(max_rows, sizeof *b->offset);
    b->cols = mem_calloc(schema->nloaded ? schema->nloaded : 1, sizeof *b->cols);
    if (!b->line || !b->offset || !b->cols)
        goto out;
    buf_init(&b->text, BATCH_TEXT_MAX);
    for (; b->ncols < schema->nloaded; b->ncols++) {
        struct column *col = &b->cols[b->ncols];
        col->storage = type_storage(&schema_loaded(schema, b->ncols)->type);
        col->i64 = mem_calloc(max_rows, slot_size(col->storage));
        col->null = mem_calloc(max_rows, 1);
        if (!col->i64 || !col->null) {
            b->ncols++; /* so that batch_free sees this column */
            goto out;
        }
    }
    *out = b;
    return ERR_OK;
out:
    batch_free(b);
    return err_nomem(err);
}

void batch_free(struct batch *batch)
{
    if (!batch)
        return;
    for (size_t c = 0; c < batch->ncols; c++) {
        mem_free(batch->cols[c].i64);
        mem_free(batch->cols[c].null);
    }
    mem_free(batch->cols);
    mem_free(batch->line);
    mem_free(batch->offset);
    buf_release(&batch->text);
    mem_free(batch);
}

void batch_clear(struct batch *batch)
{
    batch->rows = 0;
    batch->text_mark = 0;
    buf_clear(&batch->text);
}

/* Where the text of the rows from `row` on begins. */
static size_t text_start(const struct batch *batch, size_t row)
{
    for (; row < batch->rows; row++) {
        size_t start = SIZE_MAX;
        for (size_t c = 0; c < batch->ncols; c++) {
            const struct column *col = &batch->cols[c];
            if (col->storage == STORAGE_STR && col->str[row].len > 0 && col->str[row].off < start)
                start = col->str[row].off;
        }
        if (start != SIZE_MAX)
            return start;
    }
    return batch->text_mark;
}

void batch_truncate(struct batch *batch, size_t rows)
{
    if (rows >= batch->rows)
        return;
    batch->text_mark = text_start(batch, rows);
    batch->text.len = batch->text_mark;
    batch->rows = rows;
}

bool batch_full(const struct batch *batch)
{
    return batch->rows >= batch->max_rows || batch->text_mark >= batch->max_text;
}

size_t batch_bytes(const struct batch *batch)
{
    size_t row = sizeof *batch->line + sizeof *batch->offset + batch->ncols * (sizeof(int64_t) + 1);
    return batch->rows * row + batch->text_mark;
}

enum err_code batch_set_str(struct batch *batch, size_t c, const char *text, size_t len, struct err *err)
{
    size_t off = batch->text.len;
    enum err_code code = buf_append(&batch->text, text, len, err);
    if (code)
        return code;
    batch->cols[c].null[batch->rows] = 0;
    batch->cols[c].str[batch->rows] = (struct str_ref){(uint32_t)off, (uint32_t)len};
    return ERR_OK;
}
