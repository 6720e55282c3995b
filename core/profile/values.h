/* values: a column's values of some rows as 64-bit words: integers, or doubles by their bits. */
#ifndef SLUICE_PROFILE_VALUES_H
#define SLUICE_PROFILE_VALUES_H

#include "core/data/batch.h"

/* Rows [from, from + n) of a column that is no text, NULLs as 0: where they lie, or in `space` (of n words),
 * where they have to be made. */
const uint64_t *values_of(const struct batch *batch, size_t c, size_t from, size_t n, uint64_t *space);

/* How many of n bytes of a null map are set. */
size_t values_nulls(const uint8_t *null, size_t n);

/* Moves the values that are not NULL to `out`; how many they are. */
static inline size_t values_pack(const uint64_t *values, const uint8_t *null, size_t n, uint64_t *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        out[kept] = values[i];
        kept += !null[i];
    }
    return kept;
}

#endif
