/* values: see values.h. Decimals, kept as text, become the nearest double here. */
#include "core/profile/values.h"

#include <string.h>

#include "core/data/types.h"

const uint64_t *values_of(const struct batch *batch, size_t c, size_t from, size_t n, uint64_t *space)
{
    const struct column *col = &batch->cols[c];
    if (col->storage != STORAGE_STR)
        return (const uint64_t *)(const void *)(col->i64 + from);
    for (size_t i = 0; i < n; i++) {
        double d = col->null[from + i] ? 0 : types_number(batch, c, from + i);
        memcpy(&space[i], &d, sizeof d);
    }
    return space;
}

size_t values_nulls(const uint8_t *null, size_t n)
{
    size_t sum = 0;
    while (n >= 8) {
        uint64_t bytes = 0;
        size_t many = n / 8 < 255 ? n / 8 : 255; /* no byte runs over */
        for (size_t i = 0; i < many; i++) {
            uint64_t word;
            memcpy(&word, null + 8 * i, 8);
            bytes += word;
        }
        const uint64_t even = UINT64_C(0x00ff00ff00ff00ff);
        bytes = (bytes & even) + (bytes >> 8 & even);
        sum += bytes * UINT64_C(0x0001000100010001) >> 48;
        null += 8 * many;
        n -= 8 * many;
    }
    for (size_t i = 0; i < n; i++)
        sum += null[i];
    return sum;
}
