/*
 * correlate: sums of products of each two columns, for Pearson's r over the rows where both have a value.
 *
 * Values are taken relative to an origin of their column and summed in blocks of rows, the blocks'
 * results in twice the digits. Blocks are cut by the number of the row, not by the call.
 */
#ifndef SLUICE_PROFILE_CORRELATE_H
#define SLUICE_PROFILE_CORRELATE_H

#include "core/data/batch.h"

enum { CORRELATE_COLUMNS_MAX = 64 /* further ones are left out */, CORRELATE_BLOCK = 256 };

struct correlate;

/* `columns`: n indexes of loaded columns that are neither text nor time. */
enum err_code correlate_new(const struct schema *schema, const size_t *columns, size_t n,
                            struct correlate **out, struct err *err) MUST_USE;
void correlate_free(struct correlate *correlate);
void correlate_clear(struct correlate *correlate);
void correlate_add(struct correlate *correlate, const struct batch *batch, size_t from, size_t to);
/* Adds what `other` (same columns) has seen. */
void correlate_merge(struct correlate *correlate, struct correlate *other);
/* n * n of them; NaN where a column is constant, or there are less than two rows. */
void correlate_result(struct correlate *correlate, double *r);

#endif
