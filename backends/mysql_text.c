/*
 * mysql_text: rows of a batch as the text that LOAD DATA and INSERT read. Hot: every loaded byte passes here.
 *
 * Invariants: what the server reads back is the value, to the last bit: doubles in a form that round-trips,
 * decimals as they are, booleans 0 and 1; a backslash stands before each byte that would end a cell, a row or
 * a string, and nothing else is changed. One escaping serves both styles.
 */
#include <string.h>

#include "backends/mysql_infile.h"
#include "core/data/canon.h"

enum {
    CELL_MAX = 48, /* a number or moment with its quotes and comma */
    DIGITS = 20,
};

/* What stands behind the backslash; 0 = the byte goes as it is. */
static const char escapes[256] = {
    ['\\'] = '\\', ['\t'] = 't', ['\n'] = 'n', ['\''] = '\'', ['\0'] = '0',
};

static inline char *put_escaped(char *dst, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i], e = escapes[(unsigned char)c];
        if (e) {
            *dst++ = '\\';
            c = e;
        }
        *dst++ = c;
    }
    return dst;
}

enum err_code mys_put_escaped(struct buf *out, const char *text, size_t len, struct err *err)
{
    if (buf_reserve(out, 2 * len, err))
        return err->code;
    char *end = put_escaped(out->data + out->len, text, len);
    out->len = (size_t)(end - out->data);
    *end = '\0';
    return ERR_OK;
}

static inline char *put_int(char *dst, int64_t v)
{
    char digits[DIGITS];
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int n = DIGITS;

    if (v < 0)
        *dst++ = '-';
    do
        digits[--n] = (char)('0' + u % 10);
    while (u /= 10);
    memcpy(dst, digits + n, (size_t)(DIGITS - n));
    return dst + DIGITS - n;
}

static inline char *put_word(char *dst, const char *word, size_t len)
{
    memcpy(dst, word, len);
    return dst + len;
}

/* A value that is no text; CELL_MAX is room enough. */
static char *put_number(char *dst, const struct batch *batch, size_t c, size_t row)
{
    const struct column *col = &batch->cols[c];
    enum type_kind kind = schema_loaded(batch->schema, c)->type.kind;

    if (col->storage == STORAGE_F64) {
        canon_double_any(col->f64[row], dst);
        return dst + strlen(dst);
    }
    if (kind == TYPE_DATE)
        return canon_put_date(dst, col->i64[row]);
    if (kind == TYPE_TIMESTAMP)
        return canon_put_timestamp(dst, col->i64[row]);
    return put_int(dst, col->i64[row]);
}

static size_t row_room(const struct mys_rows *rows)
{
    const struct batch *batch = rows->batch;
    size_t room = (batch->ncols + 1) * CELL_MAX + 4;

    for (size_t c = 0; c < batch->ncols; c++)
        if (batch->cols[c].storage == STORAGE_STR)
            room += 2 * (size_t)batch->cols[c].str[rows->row].len;
    return room;
}

enum err_code mys_put_row(struct mys_rows *rows, struct buf *out, struct err *err)
{
    const struct batch *batch = rows->batch;
    bool insert = rows->style == MYS_INSERT;
    const char end = insert ? ',' : '\t';
    size_t row = rows->row;

    if (buf_reserve(out, row_room(rows), err))
        return err->code;
    char *dst = out->data + out->len;
    if (insert)
        *dst++ = '(';
    for (size_t c = 0; c < batch->ncols; c++) {
        const struct column *col = &batch->cols[c];
        if (col->null[row]) {
            dst = insert ? put_word(dst, "NULL", 4) : put_word(dst, "\\N", 2);
            *dst++ = end;
            continue;
        }
        if (insert)
            *dst++ = '\'';
        if (col->storage == STORAGE_STR) {
            size_t len;
            const char *text = batch_str(batch, c, row, &len);
            dst = put_escaped(dst, text, len);
        } else {
            dst = put_number(dst, batch, c, row);
        }
        if (insert)
            *dst++ = '\'';
        *dst++ = end;
    }
    if (rows->lineage) {
        while (rows->segments[rows->segment].to <= row)
            rows->segment++;
        dst = put_int(dst, rows->segments[rows->segment].load_id);
        *dst++ = end;
    }
    if (insert)
        dst[-1] = ')';
    else
        dst[-1] = '\n';
    out->len = (size_t)(dst - out->data);
    *dst = '\0';
    rows->row++;
    return ERR_OK;
}
