/*
 * checks: the rules on the values of a column: how one is made, and what it says of one cell.
 *
 * min, max, in and regex judge a cell by itself, here. unique and max_nulls judge an object: core/load/judge.
 */
#ifndef SLUICE_DATA_CHECKS_H
#define SLUICE_DATA_CHECKS_H

#include "core/data/batch.h"

enum {
    CHECK_REGEX_MAX = 1024, /* bytes of a regular expression */
    CHECK_DETAIL_MAX = 160, /* one line for people about a cell */
};

/* Adds a check to the column. `text`: the bound or the regular expression; what `in` and `unique` have none
 * of is NULL, and of max_nulls it is for people. CONFIG where it is no value of the column's type, or cannot
 * be compiled. */
enum err_code checks_add(struct schema_column *column, enum check_kind kind, enum check_on on,
                         const char *text, struct err *err) MUST_USE;
/* One more value for the check that was added last, an `in`. */
enum err_code checks_add_value(struct schema_column *column, const char *text, struct err *err) MUST_USE;

/* "min", "max_nulls": its key in the pipeline file. */
const char *check_kind_text(enum check_kind kind);
/* CHECK_MIN, ...: what a refused record or a failed object has as its error. */
enum err_name check_error(const struct check *check);

/* The next check behind *check (NULL: from the first) that the cell of row `row` breaks, into *check:
 * CHECK_MIN, CHECK_MAX, CHECK_IN, CHECK_REGEX; ERRN_NONE where there is none (more). NULL passes. ERRN_NOMEM
 * where matching ran out of memory. */
enum err_name checks_cell(const struct batch *batch, size_t c, size_t row, const struct check **check);

/* What is wrong with the value, for people: "300 is over the maximum 120". */
void check_detail(const struct check *check, const char *value, size_t len, char out[CHECK_DETAIL_MAX]);

/* True if the column has any check of a cell (so that the caller may skip the call). */
bool checks_any_cell(const struct checks *checks);

void checks_release(struct checks *checks);

#endif
