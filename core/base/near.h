/* near: how alike two names are, to say "did you mean". */
#ifndef SLUICE_BASE_NEAR_H
#define SLUICE_BASE_NEAR_H

#include <stddef.h>

enum { NEAR_MAX = 256 }; /* only so many bytes of each name count */

/* Edit distance with neighbours that changed places as one edit. */
size_t near_distance(const char *a, const char *b);

/* How far from a known name a word may be to have been meant: one edit in three characters, one to three. */
static inline size_t near_limit(size_t len)
{
    return len < 6 ? 1 : len < 9 ? 2 : 3;
}

#endif
