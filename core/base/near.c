/*
 * near: edit distance of two names.
 *
 * Invariant: three rows of the table are alive, the one being filled and the two above it (the upper one for
 * swapped neighbours).
 */
#include "core/base/near.h"

#include <string.h>

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

size_t near_distance(const char *a, const char *b)
{
    size_t rows[3][NEAR_MAX + 1];
    size_t *two_up = rows[0], *up = rows[1], *row = rows[2];
    size_t alen = strnlen(a, NEAR_MAX), blen = strnlen(b, NEAR_MAX);

    for (size_t j = 0; j <= blen; j++)
        row[j] = j;
    for (size_t i = 1; i <= alen; i++) {
        size_t *spare = two_up;

        two_up = up;
        up = row;
        row = spare;
        row[0] = i;
        for (size_t j = 1; j <= blen; j++) {
            row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && two_up[j - 2] + 1 < row[j])
                row[j] = two_up[j - 2] + 1;
        }
    }
    return row[blen];
}
