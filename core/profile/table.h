/*
 * table: how often each number occurs: 64-bit keys and their counts.
 *
 * Exact while it may grow. Told to be lossy it stays at TABLE_LOSSY_SLOTS: once full, the same amount is
 * taken from every count and what has none left is forgotten (Misra and Gries); a count is then at most
 * `lost` too low, and what occurs more often than that is still there.
 */
#ifndef SLUICE_PROFILE_TABLE_H
#define SLUICE_PROFILE_TABLE_H

#include <stdint.h>

#include "core/base/err.h"

enum {
    TABLE_FIRST_SLOTS = 256, /* had without a grant */
    TABLE_LOSSY_SLOTS = 1024,
};

struct table_entry {
    uint64_t key;
    uint64_t count; /* 0: the slot is free */
};

struct table {
    struct table_entry *slots;
    struct table_entry *spare; /* of a lossy one: what is kept, while slots are filled again */
    size_t nslots;             /* a power of two, or 0 */
    size_t used;               /* at most 3/4 of them */
    unsigned shift;            /* of a hash, to a slot */
    bool lossy;
    uint64_t lost;
};

/* Spreads the bits of a key well over all 64: for slots and for HyperLogLog. */
static inline uint64_t table_hash(uint64_t key)
{
    key += UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ (key >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ (key >> 27)) * UINT64_C(0x94d049bb133111eb);
    return key ^ (key >> 31);
}

static inline bool table_full(const struct table *table)
{
    return table->used >= table->nslots / 4 * 3;
}

/* The slot of a key, its own or a free one. The table has slots and is not full. */
static inline struct table_entry *table_slot(const struct table *table, uint64_t key, uint64_t hash)
{
    size_t mask = table->nslots - 1, at = hash >> table->shift;
    while (table->slots[at].count > 0 && table->slots[at].key != key)
        at = (at + 1) & mask;
    return &table->slots[at];
}

enum err_code table_init(struct table *table, struct err *err) MUST_USE;
void table_release(struct table *table);
void table_clear(struct table *table); /* forgets all; exact again */

/* Bytes held, and the most held while it grows to what `more` further keys need. */
size_t table_bytes(const struct table *table);
size_t table_bytes_for(const struct table *table, size_t more);
/* Bytes held while it grows one step. */
size_t table_bytes_grown(const struct table *table);
enum err_code table_grow(struct table *table, struct err *err) MUST_USE;

/* Makes it lossy, with the most frequent of its keys. */
enum err_code table_make_lossy(struct table *table, struct err *err) MUST_USE;
/* Counts in a lossy table. */
void table_add_lossy(struct table *table, uint64_t key, uint64_t hash, uint64_t count);

/* The count of a key, 0 where it is not there. */
uint64_t table_count(const struct table *table, uint64_t key);

/* About the median of n counts (at least one) that lie `stride` bytes apart, from a few of them: what purging
 * a lossy table takes from each. */
uint64_t table_typical_count(const uint64_t *first, size_t stride, size_t n);

/* Moves all entries to the front of slots, in the order of their keys as int64_t or as double. Nothing but
 * table_bytes, clear and release is legal afterwards. */
enum table_order { TABLE_ORDER_INT, TABLE_ORDER_REAL };
void table_sort(struct table *table, enum table_order order);

#endif
