/* hash: XXH3-128 of an object's bytes, streamed: what "the same content" means in the ledger. */
#ifndef SLUICE_DATA_HASH_H
#define SLUICE_DATA_HASH_H

#include <stdint.h>

#include "core/base/err.h"

enum { HASH_BYTES = 16, HASH_TEXT_MAX = 33 };

struct hash128 {
    uint8_t bytes[HASH_BYTES]; /* canonical (big-endian) form */
};

struct hash_state; /* about 600 bytes, 64-byte aligned: on the heap */

enum err_code hash_new(struct hash_state **out, struct err *err) MUST_USE;
void hash_reset(struct hash_state *state);
void hash_update(struct hash_state *state, const void *data, size_t len);
struct hash128 hash_digest(const struct hash_state *state); /* of all so far; the state goes on */
void hash_free(struct hash_state *state);

struct hash128 hash128(const void *data, size_t len); /* of a few bytes at once */

void hash_format(const struct hash128 *hash, char out[HASH_TEXT_MAX]);
bool hash_equal(const struct hash128 *a, const struct hash128 *b);
bool hash_is_zero(const struct hash128 *hash); /* "not known" */

/* XXH3-64 of a few bytes (schema hash). */
uint64_t hash64(const void *data, size_t len);

#endif
