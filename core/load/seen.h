/* seen: a set of 128-bit hashes: which values were there already. It grows up to SEEN_MAX of them. */
#ifndef SLUICE_LOAD_SEEN_H
#define SLUICE_LOAD_SEEN_H

#include "core/data/hash.h"

enum { SEEN_MAX = 6 * 1024 * 1024 }; /* values; 128 MiB */

struct seen {
    struct hash128 *slots; /* all zero = free */
    size_t cap, n;         /* cap: a power of two, or 0 */
};

bool seen_has(const struct seen *seen, const struct hash128 *hash);
/* Of one that it has not. LIMIT beyond SEEN_MAX. */
enum err_code seen_add(struct seen *seen, const struct hash128 *hash, struct err *err) MUST_USE;
/* Empty; little memory is kept, much is given back. */
void seen_clear(struct seen *seen);
void seen_release(struct seen *seen);

#endif
