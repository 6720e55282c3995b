/* values: see values.h. Decimals, kept as text, become the nearest double here. */
#include "core/profile/values.h"

#include <string.h>

#include "core/data/types.h"

static uint64_t decimal_bits(const char *text, size_t len)
{
    static const struct type real = {.kind = TYPE_DOUBLE};
    struct value value;
    uint64_t bits = 0;
    /* A decimal's grammar is within that of a double, and its 65 digits are within the range. */
    if (types_value(&real, text, len, &value) == ERRN_NONE)
        memcpy(&bits, &value.f64, sizeof bits);
    return bits;
}

const uint64_t *values_of(const struct batch *batch, size_t c, size_t from, size_t n, uint64_t *space)
{
    const struct column *col = &batch->cols[c];
    if (col->storage != STORAGE_STR)
        return (const uint64_t *)(const void *)(col->i64 + from);
    for (size_t i = 0; i < n; i++) {
        size_t len;
        const char *text = batch_str(batch, c, from + i, &len);
        space[i] = col->null[from + i] ? 0 : decimal_bits(text, len);
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
