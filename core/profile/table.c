/*
 * table: see table.h. Open addressing with linear probing, by the high bits of the hash.
 *
 * Invariants: nslots is a power of two and at most 3/4 of the slots are used, so that a search ends; a lossy
 * table never has other than TABLE_LOSSY_SLOTS; what it does depends on the order of its calls alone.
 */
#include "core/profile/table.h"

#include <string.h>

#include "core/base/mem.h"

enum {
    PURGE_SAMPLE = 63, /* counts looked at for how much is taken from each */
    SMALL_SORT = 24,   /* fewer are sorted by insertion */
    RADIX = 256,
    KEPT_SLOTS = 4096, /* when it is cleared */
};

static MUST_USE enum err_code set_slots(struct table *t, size_t nslots, struct err *err)
{
    struct table_entry *slots = mem_calloc(nslots, sizeof *slots);
    if (!slots)
        return err_nomem(err);
    t->slots = slots;
    t->nslots = nslots;
    t->shift = 64 - (unsigned)__builtin_ctzll(nslots);
    t->used = 0;
    return ERR_OK;
}

enum err_code table_init(struct table *table, struct err *err)
{
    *table = (struct table){0};
    return set_slots(table, TABLE_FIRST_SLOTS, err);
}

void table_release(struct table *table)
{
    mem_free(table->slots);
    mem_free(table->spare);
    *table = (struct table){0};
}

void table_clear(struct table *table)
{
    struct err none = ERR_INIT;
    struct table_entry *old = table->slots;
    mem_free(table->spare);
    table->spare = NULL;
    table->lost = 0;
    table->lossy = false;
    /* a large one is not kept: to clear and to walk it would cost as much for few values as for many */
    if (table->nslots > KEPT_SLOTS && set_slots(table, TABLE_FIRST_SLOTS, &none) == ERR_OK) {
        mem_free(old);
        return;
    }
    memset(table->slots, 0, table->nslots * sizeof *table->slots);
    table->used = 0;
}

size_t table_bytes(const struct table *table)
{
    size_t bytes = table->nslots * sizeof *table->slots;
    return table->spare ? 2 * bytes : bytes;
}

size_t table_bytes_grown(const struct table *table)
{
    return 3 * table->nslots * sizeof *table->slots;
}

size_t table_bytes_for(const struct table *table, size_t more)
{
    size_t slots = table->nslots;
    while (table->used + more > slots / 4 * 3)
        slots *= 2;
    size_t bytes = slots * sizeof *table->slots;
    return slots == table->nslots ? bytes : bytes + bytes / 2;
}

static void put_again(struct table *t, const struct table_entry *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (from[i].count == 0)
            continue;
        *table_slot(t, from[i].key, table_hash(from[i].key)) = from[i];
        t->used++;
    }
}

enum err_code table_grow(struct table *table, struct err *err)
{
    struct table_entry *old = table->slots;
    size_t n = table->nslots;
    if (set_slots(table, 2 * n, err))
        return err->code;
    put_again(table, old, n);
    mem_free(old);
    return ERR_OK;
}

uint64_t table_typical_count(const uint64_t *first, size_t stride, size_t n)
{
    uint64_t sample[PURGE_SAMPLE];
    size_t many = n < PURGE_SAMPLE ? n : PURGE_SAMPLE;
    for (size_t i = 0; i < many; i++) {
        uint64_t count = *(const uint64_t *)((const char *)first + i * n / many * stride);
        size_t at = i;
        for (; at > 0 && sample[at - 1] > count; at--)
            sample[at] = sample[at - 1];
        sample[at] = count;
    }
    return sample[many / 2];
}

/* Takes from the counts of `n` entries until at most `most` are left; the new n. */
static size_t purge(struct table *t, struct table_entry *entries, size_t n, size_t most)
{
    while (n > most) {
        uint64_t amount = table_typical_count(&entries->count, sizeof *entries, n);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++) {
            if (entries[i].count <= amount)
                continue;
            entries[kept].key = entries[i].key;
            entries[kept++].count = entries[i].count - amount;
        }
        t->lost += amount;
        n = kept;
    }
    return n;
}

/* Moves what is used to the front. */
static size_t gather(struct table_entry *slots, size_t nslots)
{
    size_t n = 0;
    for (size_t i = 0; i < nslots; i++)
        if (slots[i].count > 0)
            slots[n++] = slots[i];
    return n;
}

enum err_code table_make_lossy(struct table *table, struct err *err)
{
    struct table_entry *old = table->slots;
    struct table_entry *spare = mem_alloc(TABLE_LOSSY_SLOTS * sizeof *spare);
    size_t nslots = table->nslots;
    if (!spare)
        return err_nomem(err);
    if (set_slots(table, TABLE_LOSSY_SLOTS, err)) {
        mem_free(spare);
        return err->code;
    }
    table->spare = spare;
    table->lossy = true;
    put_again(table, old, purge(table, old, gather(old, nslots), TABLE_LOSSY_SLOTS / 4 * 3));
    mem_free(old);
    return ERR_OK;
}

void table_add_lossy(struct table *table, uint64_t key, uint64_t hash, uint64_t count)
{
    struct table_entry *slot = table_slot(table, key, hash);
    if (slot->count == 0) {
        if (table_full(table)) {
            size_t n = 0;
            for (size_t i = 0; i < table->nslots; i++)
                if (table->slots[i].count > 0)
                    table->spare[n++] = table->slots[i];
            n = purge(table, table->spare, n, table->nslots / 2);
            memset(table->slots, 0, table->nslots * sizeof *table->slots);
            table->used = 0;
            put_again(table, table->spare, n);
            slot = table_slot(table, key, hash);
        }
        slot->key = key;
        table->used++;
    }
    slot->count += count;
}

uint64_t table_count(const struct table *table, uint64_t key)
{
    return table_slot(table, key, table_hash(key))->count;
}

/* Keys such that their order as unsigned numbers is that of the values. */
static inline uint64_t to_ordered(uint64_t key, enum table_order order)
{
    uint64_t sign = UINT64_C(1) << 63;
    return order == TABLE_ORDER_REAL && key & sign ? ~key : key ^ sign;
}

static inline uint64_t from_ordered(uint64_t key, enum table_order order)
{
    uint64_t sign = UINT64_C(1) << 63;
    return order == TABLE_ORDER_REAL && !(key & sign) ? ~key : key ^ sign;
}

static void sort_few(struct table_entry *e, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct table_entry moved = e[i];
        size_t at = i;
        for (; at > 0 && e[at - 1].key > moved.key; at--)
            e[at] = e[at - 1];
        e[at] = moved;
    }
}

/* In place, by a byte of the key at a time from the highest down: no second array, for memory is full. */
static void sort_radix(struct table_entry *e, size_t n, unsigned shift)
{
    size_t start[RADIX + 1] = {0}, next[RADIX];
    for (size_t i = 0; i < n; i++)
        start[(e[i].key >> shift & (RADIX - 1)) + 1]++;
    for (size_t b = 0; b < RADIX; b++) {
        start[b + 1] += start[b];
        next[b] = start[b];
    }
    for (size_t b = 0; b < RADIX; b++)
        while (next[b] < start[b + 1]) {
            size_t home = e[next[b]].key >> shift & (RADIX - 1);
            if (home == b) {
                next[b]++;
                continue;
            }
            struct table_entry moved = e[next[b]];
            e[next[b]] = e[next[home]];
            e[next[home]++] = moved;
        }
    for (size_t b = 0; b < RADIX && shift > 0; b++) {
        size_t many = start[b + 1] - start[b];
        if (many > SMALL_SORT)
            sort_radix(e + start[b], many, shift - 8);
        else
            sort_few(e + start[b], many);
    }
}

void table_sort(struct table *table, enum table_order order)
{
    table->used = gather(table->slots, table->nslots);
    for (size_t i = 0; i < table->used; i++)
        table->slots[i].key = to_ordered(table->slots[i].key, order);
    sort_radix(table->slots, table->used, 56);
    for (size_t i = 0; i < table->used; i++)
        table->slots[i].key = from_ordered(table->slots[i].key, order);
}
