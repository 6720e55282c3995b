/*
 * sketch: what is kept of values that are too many to keep: how many distinct ones (HyperLogLog), and their
 * quantiles (KLL).
 *
 * Both have their size from the start, are the same for the same calls in the same order (the quantiles draw
 * from a generator of their own), and can be put together.
 */
#ifndef SLUICE_PROFILE_SKETCH_H
#define SLUICE_PROFILE_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum {
    HLL_BITS = 14,
    HLL_REGISTERS = 1 << HLL_BITS,
    KLL_LEVELS = 10,
    KLL_WIDTH_MIN = 128, /* values in a level; powers of two */
    KLL_WIDTH_MAX = 2048,
};
#define HLL_ERROR 0.0081 /* one standard error: 1.04 / sqrt(HLL_REGISTERS) */

struct hll {
    uint8_t *registers;
};
enum err_code hll_init(struct hll *hll, struct err *err) MUST_USE;
void hll_release(struct hll *hll);
void hll_merge(struct hll *hll, const struct hll *other);
double hll_estimate(const struct hll *hll);

/* A value by its hash: all 64 bits count. */
static inline void hll_add(struct hll *hll, uint64_t hash)
{
    size_t at = hash >> (64 - HLL_BITS);
    uint8_t rank = (uint8_t)(__builtin_clzll(hash << HLL_BITS | UINT64_C(1) << (HLL_BITS - 1)) + 1);
    if (rank > hll->registers[at])
        hll->registers[at] = rank;
}

/* A value that stands for `weight` values. */
struct kll_item {
    double value;
    uint64_t weight;
};

/*
 * Level h holds values of weight 2^(base + h). A full level is sorted, and every second value of it goes one
 * up. Where the levels do not suffice, base grows: of 2^base values one is taken, drawn evenly.
 */
struct kll {
    double *items; /* (KLL_LEVELS + 1) levels, the topmost is empty between calls; one more to sort with */
    size_t width;
    size_t used[KLL_LEVELS + 1];
    unsigned base, first; /* first: where level 0 is in items: levels go round */
    uint64_t group;       /* values of the group that is being drawn from, < 2^base */
    double drawn;
    uint64_t random;
};
enum err_code kll_init(struct kll *kll, size_t width, uint64_t seed, struct err *err) MUST_USE;
void kll_release(struct kll *kll);
size_t kll_bytes(size_t width);
void kll_add(struct kll *kll, double value);
void kll_add_many(struct kll *kll, double value, uint64_t weight);
void kll_merge(struct kll *kll, const struct kll *other);
/* All that it holds, by value; the weights add up to the number of values. */
enum err_code kll_items(const struct kll *kll, struct kll_item **out, size_t *n, struct err *err) MUST_USE;
/* The rank of a value is off by at most this share of all values, in 999 of 1,000 cases: some 3.5 times the
 * standard error that was measured. */
double kll_error(size_t width);

#endif
