/*
 * seen: see seen.h. Open addressing with linear probing; at most three quarters of the slots are taken, so
 * each search ends. A hash that is all zero is kept as another one: of 2^128 values that one more collides is
 * nothing.
 */
#include "core/load/seen.h"

#include <string.h>

#include "core/base/mem.h"

enum { SLOTS_MIN = 256, SLOTS_KEPT = 16 * 1024 };

static struct hash128 kept_as(const struct hash128 *hash)
{
    struct hash128 h = *hash;
    if (hash_is_zero(&h))
        h.bytes[0] = 1;
    return h;
}

/* The slot of the hash, or the free one where it belongs. */
static size_t find(const struct seen *seen, const struct hash128 *h)
{
    uint64_t at;
    memcpy(&at, h->bytes, sizeof at);
    size_t i = (size_t)at & (seen->cap - 1);
    while (!hash_is_zero(&seen->slots[i]) && !hash_equal(&seen->slots[i], h))
        i = (i + 1) & (seen->cap - 1);
    return i;
}

bool seen_has(const struct seen *seen, const struct hash128 *hash)
{
    struct hash128 h = kept_as(hash);
    return seen->cap > 0 && !hash_is_zero(&seen->slots[find(seen, &h)]);
}

static enum err_code grow(struct seen *seen, struct err *err)
{
    struct seen larger = {.cap = seen->cap ? 2 * seen->cap : SLOTS_MIN, .n = seen->n};
    larger.slots = mem_calloc(larger.cap, sizeof *larger.slots);
    if (!larger.slots)
        return err_nomem(err);
    for (size_t i = 0; i < seen->cap; i++)
        if (!hash_is_zero(&seen->slots[i]))
            larger.slots[find(&larger, &seen->slots[i])] = seen->slots[i];
    mem_free(seen->slots);
    *seen = larger;
    return ERR_OK;
}

enum err_code seen_add(struct seen *seen, const struct hash128 *hash, struct err *err)
{
    struct hash128 h = kept_as(hash);
    if (seen->n >= SEEN_MAX)
        return err_set(err, ERRN_LIMIT, "more than %d values to be held against each other", SEEN_MAX);
    if (seen->n >= seen->cap / 4 * 3 && grow(seen, err) != ERR_OK)
        return err->code;
    seen->slots[find(seen, &h)] = h;
    seen->n++;
    return ERR_OK;
}

void seen_clear(struct seen *seen)
{
    if (seen->cap > SLOTS_KEPT)
        seen_release(seen);
    else if (seen->n > 0)
        memset(seen->slots, 0, seen->cap * sizeof *seen->slots);
    seen->n = 0;
}

void seen_release(struct seen *seen)
{
    mem_free(seen->slots);
    *seen = (struct seen){0};
}
