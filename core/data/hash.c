/* hash: XXH3 behind a state of our own. The state needs 64-byte alignment, so it is placed inside a larger
 * block. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/data/hash.h"

#include <string.h>

#include "core/base/mem.h"

enum { HASH_ALIGN = 64 };

struct hash_state {
    XXH3_state_t xxh; /* aligned to HASH_ALIGN */
    void *block;      /* what mem_alloc gave */
};

enum err_code hash_new(struct hash_state **out, struct err *err)
{
    *out = NULL;
    char *block = mem_alloc(sizeof(struct hash_state) + HASH_ALIGN);
    if (!block)
        return err_nomem(err);
    struct hash_state *state = (void *)(block + HASH_ALIGN - (uintptr_t)block % HASH_ALIGN);
    memset(state, 0, sizeof *state);
    state->block = block;
    hash_reset(state);
    *out = state;
    return ERR_OK;
}

void hash_reset(struct hash_state *state)
{
    XXH3_128bits_reset(&state->xxh);
}

void hash_update(struct hash_state *state, const void *data, size_t len)
{
    XXH3_128bits_update(&state->xxh, data, len);
}

static struct hash128 canonical(XXH128_hash_t value)
{
    XXH128_canonical_t bytes;
    struct hash128 hash;
    XXH128_canonicalFromHash(&bytes, value);
    memcpy(hash.bytes, bytes.digest, sizeof hash.bytes);
    return hash;
}

struct hash128 hash_digest(const struct hash_state *state)
{
    return canonical(XXH3_128bits_digest(&state->xxh));
}

struct hash128 hash128(const void *data, size_t len)
{
    return canonical(XXH3_128bits(data, len));
}

void hash_free(struct hash_state *state)
{
    if (state)
        mem_free(state->block);
}

void hash_format(const struct hash128 *hash, char out[HASH_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < HASH_BYTES; i++) {
        out[2 * i] = digits[hash->bytes[i] >> 4];
        out[2 * i + 1] = digits[hash->bytes[i] & 15];
    }
    out[HASH_TEXT_MAX - 1] = '\0';
}

bool hash_equal(const struct hash128 *a, const struct hash128 *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool hash_is_zero(const struct hash128 *hash)
{
    static const struct hash128 zero;
    return hash_equal(hash, &zero);
}

uint64_t hash64(const void *data, size_t len)
{
    return XXH3_64bits(data, len);
}
