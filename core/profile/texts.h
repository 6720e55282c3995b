/*
 * texts: how often each text occurs; as table, for strings.
 *
 * A text is known by its length, its 64-bit hash and its first TEXTS_KEPT bytes; no more of it is kept.
 */
#ifndef SLUICE_PROFILE_TEXTS_H
#define SLUICE_PROFILE_TEXTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum {
    TEXTS_KEPT = 124,
    TEXTS_FIRST_SLOTS = 64, /* had without a grant */
    TEXTS_FIRST_ARENA = 4096,
    TEXTS_LOSSY_SLOTS = 512,
    TEXTS_LOSSY_KEYS = TEXTS_LOSSY_SLOTS / 4 * 3,
    TEXTS_LOSSY_ARENA = TEXTS_LOSSY_KEYS * TEXTS_KEPT,
};

struct texts_entry {
    uint64_t hash;
    uint64_t count; /* 0: the slot is free */
    size_t off;     /* into the arena */
    size_t len;     /* of the whole text */
};

struct texts {
    struct texts_entry *slots, *spare; /* as in table */
    char *arena, *spare_arena;
    size_t nslots, used;
    size_t arena_len, arena_cap;
    bool lossy;
    uint64_t lost;
};

enum err_code texts_init(struct texts *texts, struct err *err) MUST_USE;
void texts_release(struct texts *texts);
void texts_clear(struct texts *texts);

size_t texts_bytes(const struct texts *texts);
size_t texts_bytes_for(const struct texts *texts, size_t more);
/* Bytes held while it grows for one further key of this length. */
size_t texts_bytes_grown(const struct texts *texts, size_t len);

/* The entry of a text; its count is 0 where it is new: then texts_put is to be called. */
struct texts_entry *texts_find(const struct texts *texts, uint64_t hash, const char *text, size_t len);
/* Whether a new text of this length fits without growing. */
bool texts_fits(const struct texts *texts, size_t len);
enum err_code texts_grow(struct texts *texts, size_t len, struct err *err) MUST_USE;
void texts_put(struct texts *texts, struct texts_entry *entry, uint64_t hash, const char *text, size_t len,
               uint64_t count);

enum err_code texts_make_lossy(struct texts *texts, struct err *err) MUST_USE;
void texts_add_lossy(struct texts *texts, uint64_t hash, const char *text, size_t len, uint64_t count);

/* The first min(len, TEXTS_KEPT) bytes. */
static inline const char *texts_text(const struct texts *texts, const struct texts_entry *entry)
{
    return texts->arena + entry->off;
}
static inline size_t texts_kept(size_t len)
{
    return len < TEXTS_KEPT ? len : TEXTS_KEPT;
}

#endif
