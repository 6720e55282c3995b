/*
 * texts: see texts.h. Open addressing as in table; the bytes kept lie one behind the other in an arena.
 *
 * Invariants: at most 3/4 of the slots are used; what is done depends on the order of the calls alone.
 * Growing and filling anew need no second look at the texts: entries have their hash.
 */
#include "core/profile/texts.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/profile/table.h"

enum {
    TEXTS_USUAL = 32, /* bytes of a text, before any is known */
};

enum err_code texts_init(struct texts *texts, struct err *err)
{
    *texts = (struct texts){.nslots = TEXTS_FIRST_SLOTS, .arena_cap = TEXTS_FIRST_ARENA};
    texts->slots = mem_calloc(texts->nslots, sizeof *texts->slots);
    texts->arena = mem_alloc(texts->arena_cap);
    if (texts->slots && texts->arena)
        return ERR_OK;
    texts_release(texts);
    return err_nomem(err);
}

void texts_release(struct texts *texts)
{
    mem_free(texts->slots);
    mem_free(texts->spare);
    mem_free(texts->arena);
    mem_free(texts->spare_arena);
    *texts = (struct texts){0};
}

void texts_clear(struct texts *texts)
{
    mem_free(texts->spare);
    mem_free(texts->spare_arena);
    texts->spare = NULL;
    texts->spare_arena = NULL;
    memset(texts->slots, 0, texts->nslots * sizeof *texts->slots);
    texts->used = texts->arena_len = 0;
    texts->lost = 0;
    texts->lossy = false;
}

size_t texts_bytes(const struct texts *texts)
{
    size_t bytes = texts->nslots * sizeof *texts->slots + texts->arena_cap;
    return texts->lossy ? 2 * bytes : bytes;
}

static size_t grown_slots(const struct texts *texts, size_t more)
{
    size_t slots = texts->nslots;
    while (texts->used + more > slots / 4 * 3)
        slots *= 2;
    return slots;
}

static size_t grown_arena(const struct texts *texts, size_t more)
{
    size_t cap = texts->arena_cap;
    while (texts->arena_len + more > cap)
        cap += cap / 2;
    return cap;
}

/* Old and new are both held for a moment. */
static size_t bytes_of(const struct texts *texts, size_t slots, size_t arena)
{
    size_t before = texts->nslots * sizeof *texts->slots, after = slots * sizeof *texts->slots;
    size_t extra = slots > texts->nslots ? before : 0;
    if (arena > texts->arena_cap && texts->arena_cap > extra)
        extra = texts->arena_cap;
    return after + arena + extra;
}

size_t texts_bytes_grown(const struct texts *texts, size_t len)
{
    return bytes_of(texts, grown_slots(texts, 1), grown_arena(texts, texts_kept(len)));
}

size_t texts_bytes_for(const struct texts *texts, size_t more)
{
    size_t usual = texts->used ? texts->arena_len / texts->used + 1 : TEXTS_USUAL;
    size_t slots = grown_slots(texts, more), arena = grown_arena(texts, more * usual);
    return slots == texts->nslots && arena == texts->arena_cap
               ? texts_bytes(texts)
               : (slots + slots / 2) * sizeof *texts->slots + arena + arena / 2;
}

struct texts_entry *texts_find(const struct texts *texts, uint64_t hash, const char *text, size_t len)
{
    size_t mask = texts->nslots - 1, at = hash & mask;
    for (;; at = (at + 1) & mask) {
        struct texts_entry *e = &texts->slots[at];
        if (e->count == 0 ||
            (e->hash == hash && e->len == len && memcmp(texts->arena + e->off, text, texts_kept(len)) == 0))
            return e;
    }
}

bool texts_fits(const struct texts *texts, size_t len)
{
    return texts->used < texts->nslots / 4 * 3 && texts->arena_len + texts_kept(len) <= texts->arena_cap;
}

static void put_again(struct texts *t, const struct texts_entry *from, size_t n)
{
    size_t mask = t->nslots - 1;
    for (size_t i = 0; i < n; i++) {
        if (from[i].count == 0)
            continue;
        size_t at = from[i].hash & mask;
        while (t->slots[at].count > 0)
            at = (at + 1) & mask;
        t->slots[at] = from[i];
    }
}

enum err_code texts_grow(struct texts *texts, size_t len, struct err *err)
{
    size_t slots = grown_slots(texts, 1), cap = grown_arena(texts, texts_kept(len));
    if (cap > texts->arena_cap) {
        char *arena = mem_realloc(texts->arena, cap);
        if (!arena)
            return err_nomem(err);
        texts->arena = arena;
        texts->arena_cap = cap;
    }
    if (slots > texts->nslots) {
        struct texts_entry *old = texts->slots, *more = mem_calloc(slots, sizeof *more);
        size_t n = texts->nslots;
        if (!more)
            return err_nomem(err);
        texts->slots = more;
        texts->nslots = slots;
        put_again(texts, old, n);
        mem_free(old);
    }
    return ERR_OK;
}

void texts_put(struct texts *texts, struct texts_entry *entry, uint64_t hash, const char *text, size_t len,
               uint64_t count)
{
    *entry = (struct texts_entry){.hash = hash, .count = count, .off = texts->arena_len, .len = len};
    memcpy(texts->arena + texts->arena_len, text, texts_kept(len));
    texts->arena_len += texts_kept(len);
    texts->used++;
}

static size_t purge(struct texts *t, struct texts_entry *entries, size_t n, size_t most)
{
    while (n > most) {
        uint64_t amount = table_typical_count(&entries->count, sizeof *entries, n);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            if (entries[i].count <= amount)
                continue;
            entries[kept] = entries[i];
            entries[kept++].count -= amount;
        }
        t->lost += amount;
        n = kept;
    }
    return n;
}

static size_t gather(struct texts_entry *to, const struct texts_entry *slots, size_t nslots)
{
    size_t n = 0;
    for (size_t i = 0; i < nslots; i++)
        if (slots[i].count > 0)
            to[n++] = slots[i];
    return n;
}

/* Fills slots and arena anew with n entries whose bytes are in `from`. */
static void refill(struct texts *t, struct texts_entry *entries, size_t n, const char *from)
{
    t->arena_len = 0;
    for (size_t i = 0; i < n; i++) {
        size_t kept = texts_kept(entries[i].len);
        memcpy(t->arena + t->arena_len, from + entries[i].off, kept);
        entries[i].off = t->arena_len;
        t->arena_len += kept;
    }
    memset(t->slots, 0, t->nslots * sizeof *t->slots);
    put_again(t, entries, n);
    t->used = n;
}

enum err_code texts_make_lossy(struct texts *texts, struct err *err)
{
    struct texts_entry *old = texts->slots;
    char *old_arena = texts->arena;
    struct texts lossy = {.nslots = TEXTS_LOSSY_SLOTS, .arena_cap = TEXTS_LOSSY_ARENA, .lossy = true};
    lossy.slots = mem_calloc(lossy.nslots, sizeof *lossy.slots);
    lossy.spare = mem_alloc(lossy.nslots * sizeof *lossy.spare);
    lossy.arena = mem_alloc(lossy.arena_cap);
    lossy.spare_arena = mem_alloc(lossy.arena_cap);
    if (!lossy.slots || !lossy.spare || !lossy.arena || !lossy.spare_arena) {
        texts_release(&lossy);
        return err_nomem(err);
    }
    size_t n = purge(&lossy, old, gather(old, old, texts->nslots), TEXTS_LOSSY_KEYS);
    refill(&lossy, old, n, old_arena);
    mem_free(old);
    mem_free(old_arena);
    *texts = lossy;
    return ERR_OK;
}

void texts_add_lossy(struct texts *texts, uint64_t hash, const char *text, size_t len, uint64_t count)
{
    struct texts_entry *e = texts_find(texts, hash, text, len);
    if (e->count > 0) {
        e->count += count;
        return;
    }
    if (!texts_fits(texts, len)) {
        size_t n = gather(texts->spare, texts->slots, texts->nslots);
        n = purge(texts, texts->spare, n, texts->nslots / 2);
        char *from = texts->arena;
        texts->arena = texts->spare_arena;
        texts->spare_arena = from;
        refill(texts, texts->spare, n, from);
        e = texts_find(texts, hash, text, len);
    }
    texts_put(texts, e, hash, text, len, count);
}
