/*
 * batch: some thousand typed rows, column by column; what flows from the parser to a sink, and back from a
 * scan.
 *
 * One typed array and one null map (a byte a row, 1 = NULL) for each loaded column. Text lives in one arena;
 * a str refers into it by offset. Beside them the source line and the byte offset of each row. A row under
 * construction is row number `rows`; batch_commit_row makes it count, doing nothing leaves it out
 * (batch_begin_row starts it over). Owned by one thread at a time; handed over whole through a channel.
 */
#ifndef SLUICE_DATA_BATCH_H
#define SLUICE_DATA_BATCH_H

#include "core/data/schema.h"

struct str_ref {
    uint32_t off; /* into batch->text.data */
    uint32_t len;
};

struct column {
    enum storage storage;
    union {
        int64_t *i64;
        double *f64;
        struct str_ref *str;
    };
    uint8_t *null; /* value slots of NULLs are 0 / empty */
};

struct batch {
    const struct schema *schema; /* borrowed */
    size_t ncols;                /* = schema->nloaded */
    struct column *cols;
    size_t rows;
    size_t max_rows;
    size_t max_text; /* batch_full() beyond this; one row may exceed it by a record */
    struct buf text;
    size_t text_mark; /* text.len where the row under construction began */
    int64_t *line;    /* 1-based physical line of the row's start */
    int64_t *offset;  /* decoded byte offset of the row's start */
};

enum {
    BATCH_ROWS_MAX = 65536,
    BATCH_TEXT_MAX = 48 * 1024 * 1024, /* arena's hard maximum: max_text (<= 16 MiB) + a record */
};

/* rows 1..BATCH_ROWS_MAX; max_text up to 16 MiB. */
enum err_code batch_new(const struct schema *schema, size_t max_rows, size_t max_text, struct batch **out,
                        struct err *err) MUST_USE;
void batch_free(struct batch *batch);
void batch_clear(struct batch *batch);                 /* rows = 0, memory kept */
void batch_truncate(struct batch *batch, size_t rows); /* forget rows from the end, and their text */
bool batch_full(const struct batch *batch);            /* no further row should be begun */
size_t batch_bytes(const struct batch *batch);         /* memory held by the rows, about */

static inline void batch_begin_row(struct batch *batch)
{
    batch->text.len = batch->text_mark;
}
static inline void batch_commit_row(struct batch *batch, int64_t line, int64_t offset)
{
    batch->line[batch->rows] = line;
    batch->offset[batch->rows] = offset;
    batch->rows++;
    batch->text_mark = batch->text.len;
}

/* Setters for column c of the row under construction. */
static inline void batch_set_null(struct batch *batch, size_t c)
{
    struct column *col = &batch->cols[c];
    col->null[batch->rows] = 1;
    if (col->storage == STORAGE_STR)
        col->str[batch->rows] = (struct str_ref){0, 0};
    else
        col->i64[batch->rows] = 0;
}
static inline void batch_set_i64(struct batch *batch, size_t c, int64_t v)
{
    batch->cols[c].null[batch->rows] = 0;
    batch->cols[c].i64[batch->rows] = v;
}
static inline void batch_set_f64(struct batch *batch, size_t c, double v)
{
    batch->cols[c].null[batch->rows] = 0;
    batch->cols[c].f64[batch->rows] = v;
}
/* Copies the text into the arena. */
enum err_code batch_set_str(struct batch *batch, size_t c, const char *text, size_t len,
                            struct err *err) MUST_USE;

static inline const char *batch_str(const struct batch *batch, size_t c, size_t row, size_t *len)
{
    struct str_ref r = batch->cols[c].str[row];
    *len = r.len;
    return r.len ? batch->text.data + r.off : "";
}

#endif
