/*
 * canon: one canonical form of a value, as bytes for hashing and as text for people and for LOAD DATA.
 *
 * h(row) = XXH3-64 over the loaded columns in schema order: NULL is the byte 0; else a tag byte and: 1 int64
 * LE (booleans, integers) | 2 IEEE double LE (-0 as 0) | 3 u32 LE length + scaled decimal text | 4 u32 LE
 * length + UTF-8 | 5 int32 LE days | 6 int64 LE microseconds. The hash of a set of rows is the sum modulo
 * 2^64: order does not matter and doubled rows show.
 */
#ifndef SLUICE_DATA_CANON_H
#define SLUICE_DATA_CANON_H

#include "core/data/batch.h"

uint64_t canon_row_hash(const struct batch *batch, size_t row);

/* Sum over rows [from, to). Hot: called for each batch. */
uint64_t canon_rows_hash(const struct batch *batch, size_t from, size_t to);

/* 16 lower-case hex digits + NUL. */
enum { CANON_HASH_TEXT_MAX = 17 };
void canon_hash_format(uint64_t hash, char out[CANON_HASH_TEXT_MAX]);
/* false where the text is not 16 hex digits. */
bool canon_hash_parse(const char *text, uint64_t *out);

/* Appends the value as text: integers in digits, boolean 0/1, double in the shortest form that reads back the
 * same, date YYYY-MM-DD, timestamp "YYYY-MM-DD HH:MM:SS[.ffffff]" (fraction only if not zero). NULL appends
 * nothing. */
enum err_code canon_text(const struct batch *batch, size_t c, size_t row, struct buf *out,
                         struct err *err) MUST_USE;

/* Shortest text that strtod reads back as v; at most 32 characters + NUL. */
enum { CANON_DOUBLE_MAX = 33 };
void canon_double(double v, char out[CANON_DOUBLE_MAX]);
/* Text that strtod reads back as v, where being short is worth no time. */
void canon_double_any(double v, char out[CANON_DOUBLE_MAX]);

/* Date and timestamp as canon_text gives them, without NUL; the end. At most CANON_MOMENT_MAX bytes. */
enum { CANON_MOMENT_MAX = 32 };
char *canon_put_date(char *dst, int64_t days);
char *canon_put_timestamp(char *dst, int64_t us);

#endif
