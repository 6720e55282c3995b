/* near: how alike two names are, to say "did you mean". */
#ifndef SLUICE_BASE_NEAR_H
#define SLUICE_BASE_NEAR_H

#include <stddef.h>

enum { NEAR_MAX = 256 }; /* only so many bytes of each name count */

/* Edit distance with neighbours that changed places as one edit. */
size_t near_distance(const char *a, const char *b);

#endif
