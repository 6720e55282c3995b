/*
 * answer: what a SQL query gives: the names of its columns, then its rows as they come.
 *
 * Values are the database's own: each has its kind, whatever the column. All is borrowed until the call
 * returns. A failing callback ends the query with its error.
 */
#ifndef SLUICE_DATA_ANSWER_H
#define SLUICE_DATA_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum { ANSWER_SQL_MAX = 1024 * 1024, ANSWER_COLUMNS_MAX = 2000 };

enum answer_kind { ANSWER_NULL, ANSWER_INT, ANSWER_REAL, ANSWER_TEXT, ANSWER_BLOB };

struct answer_value {
    enum answer_kind kind;
    int64_t num;
    double real;
    const char *data; /* of TEXT (with NUL behind) and BLOB */
    size_t len;
};

struct answer {
    /* Once, before the first row, with at least one column; also where there are no rows. */
    enum err_code (*columns)(void *ctx, const char *const *names, size_t n, struct err *err);
    enum err_code (*row)(void *ctx, const struct answer_value *values, size_t n, struct err *err);
    void *ctx;
};

#endif
