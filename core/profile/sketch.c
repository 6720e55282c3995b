/*
 * sketch: see sketch.h. HyperLogLog with Ertl's estimator (no table of biases, good at any size); KLL with
 * levels of one width and a sampler in the place of the lowest ones.
 *
 * Invariants of kll: used[h] < width for h < KLL_LEVELS between calls, and the level above is empty; the
 * weights of all items, and `group`, add up to the number of values.
 */
#include "core/profile/sketch.h"

#include <math.h>
#include <string.h>

#include "core/base/mem.h"

enum { SMALL_SORT = 12 };

enum err_code hll_init(struct hll *hll, struct err *err)
{
    hll->registers = mem_calloc(HLL_REGISTERS, 1);
    return hll->registers ? ERR_OK : err_nomem(err);
}

void hll_release(struct hll *hll)
{
    mem_free(hll->registers);
    hll->registers = NULL;
}

void hll_merge(struct hll *hll, const struct hll *other)
{
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        if (other->registers[i] > hll->registers[i])
            hll->registers[i] = other->registers[i];
}

/* Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", sigma and tau. */
static double sigma(double x)
{
    double y = 1, z = x, before;
    if (x == 1)
        return INFINITY;
    do {
        before = z;
        x *= x;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1, z = 1 - x, before;
    do {
        before = z;
        x = sqrt(x);
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

double hll_estimate(const struct hll *hll)
{
    enum { RANKS = 64 - HLL_BITS };
    const double m = HLL_REGISTERS;
    size_t with[RANKS + 2] = {0};
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        with[hll->registers[i]]++;
    double z = m * tau(1 - (double)with[RANKS + 1] / m);
    for (int k = RANKS; k >= 1; k--)
        z = 0.5 * (z + (double)with[k]);
    z += m * sigma((double)with[0] / m);
    return m * m / (2 * M_LN2 * z);
}

static uint64_t next_random(struct kll *kll)
{
    uint64_t z = kll->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

enum err_code kll_init(struct kll *kll, size_t width, uint64_t seed, struct err *err)
{
    *kll = (struct kll){.width = width, .random = seed};
    kll->items = mem_alloc(kll_bytes(width));
    return kll->items ? ERR_OK : err_nomem(err);
}

void kll_release(struct kll *kll)
{
    mem_free(kll->items);
    kll->items = NULL;
}

size_t kll_bytes(size_t width)
{
    return (KLL_LEVELS + 2) * width * sizeof(double);
}

static inline double *level_items(const struct kll *kll, unsigned level)
{
    return kll->items + (kll->first + level) % (KLL_LEVELS + 1) * kll->width;
}

/* By merging, a part that is in order already left as it is: upper levels are two such halves. */
static void sort_items(double *a, size_t n, double *spare)
{
    size_t sorted = 1;
    while (sorted < n && a[sorted - 1] <= a[sorted])
        sorted++;
    if (sorted >= n)
        return;
    if (n <= SMALL_SORT) {
        for (size_t i = sorted; i < n; i++) {
            double moved = a[i];
            size_t at = i;
            for (; at > 0 && a[at - 1] > moved; at--)
                a[at] = a[at - 1];
            a[at] = moved;
        }
        return;
    }
    size_t half = n / 2, i = 0, j = half, k = 0;
    sort_items(a, half, spare);
    sort_items(a + half, n - half, spare);
    memcpy(spare, a, half * sizeof *a);
    while (i < half && j < n) { /* without a branch on the values */
        bool second = a[j] < spare[i];
        a[k++] = second ? a[j] : spare[i];
        j += second;
        i += !second;
    }
    memcpy(a + k, spare + i, (half - i) * sizeof *a);
}

static void put(struct kll *kll, unsigned level, double value);

static void compact(struct kll *kll, unsigned level)
{
    double *a = level_items(kll, level), *spare = kll->items + (KLL_LEVELS + 1) * kll->width;
    sort_items(a, kll->width, spare);
    kll->used[level] = 0;
    for (size_t i = next_random(kll) & 1; i < kll->width; i += 2)
        put(kll, level + 1, a[i]);
}

static void put(struct kll *kll, unsigned level, double value)
{
    level_items(kll, level)[kll->used[level]++] = value;
    if (kll->used[level] == kll->width && level < KLL_LEVELS)
        compact(kll, level);
}

/* `weight` <= 2^base - group. */
static void draw(struct kll *kll, double value, uint64_t weight)
{
    kll->group += weight;
    if (weight == kll->group || next_random(kll) % kll->group < weight)
        kll->drawn = value;
    if (kll->group >> kll->base) {
        kll->group = 0;
        put(kll, 0, kll->drawn);
    }
}

/* Level 0 is given up: pairs of its values go one up, a single one to the sampler. */
static void raise_base(struct kll *kll)
{
    double *a = level_items(kll, 0), *spare = kll->items + (KLL_LEVELS + 1) * kll->width;
    size_t n = kll->used[0];
    sort_items(a, n, spare);
    size_t single = n & 1;
    for (size_t i = single + (next_random(kll) & 1); i < n; i += 2)
        put(kll, 1, a[i]);
    double left = a[0];
    memmove(kll->used, kll->used + 1, KLL_LEVELS * sizeof *kll->used);
    kll->used[KLL_LEVELS] = 0;
    kll->first = (kll->first + 1) % (KLL_LEVELS + 1);
    kll->base++;
    if (kll->used[KLL_LEVELS - 1] == kll->width)
        compact(kll, KLL_LEVELS - 1);
    if (single)
        draw(kll, left, UINT64_C(1) << (kll->base - 1));
}

static inline void make_room(struct kll *kll)
{
    while (kll->used[KLL_LEVELS] > 0)
        raise_base(kll);
}

void kll_add(struct kll *kll, double value)
{
    if (kll->base == 0)
        put(kll, 0, value);
    else
        draw(kll, value, 1);
    make_room(kll);
}

void kll_add_many(struct kll *kll, double value, uint64_t weight)
{
    while (weight >> (kll->base + KLL_LEVELS))
        raise_base(kll);
    while (weight & ((UINT64_C(1) << kll->base) - 1)) {
        uint64_t part = weight & ((UINT64_C(1) << kll->base) - 1);
        uint64_t room = (UINT64_C(1) << kll->base) - kll->group;
        part = part < room ? part : room;
        draw(kll, value, part);
        weight -= part;
        make_room(kll); /* base may have grown */
    }
    for (unsigned level = 0; weight > 0; level++) {
        /* raised meanwhile: its bit is one lower now, or at level 0 the sampler's */
        if (weight >> kll->base == 0 || weight & ((UINT64_C(1) << kll->base) - 1)) {
            kll_add_many(kll, value, weight);
            return;
        }
        uint64_t bit = UINT64_C(1) << (kll->base + level);
        if (weight & bit) {
            weight -= bit;
            put(kll, level, value);
            if (kll->used[KLL_LEVELS] > 0) {
                make_room(kll);
                kll_add_many(kll, value, weight);
                return;
            }
        }
    }
}

void kll_merge(struct kll *kll, const struct kll *other)
{
    for (unsigned level = 0; level < KLL_LEVELS; level++)
        for (size_t i = 0; i < other->used[level]; i++)
            kll_add_many(kll, level_items(other, level)[i], UINT64_C(1) << (other->base + level));
    if (other->group > 0)
        kll_add_many(kll, other->drawn, other->group);
}

static void sort_weighted(struct kll_item *a, size_t n, struct kll_item *spare)
{
    size_t half = n / 2, i = 0, j = half, k = 0;
    if (n < 2)
        return;
    sort_weighted(a, half, spare);
    sort_weighted(a + half, n - half, spare);
    memcpy(spare, a, half * sizeof *a);
    while (i < half && j < n)
        a[k++] = a[j].value < spare[i].value ? a[j++] : spare[i++];
    memcpy(a + k, spare + i, (half - i) * sizeof *a);
}

enum err_code kll_items(const struct kll *kll, struct kll_item **out, size_t *n, struct err *err)
{
    size_t many = 1;
    for (unsigned level = 0; level < KLL_LEVELS; level++)
        many += kll->used[level];
    *out = mem_alloc((many + many / 2) * sizeof **out);
    if (!*out)
        return err_nomem(err);
    *n = 0;
    for (unsigned level = 0; level < KLL_LEVELS; level++)
        for (size_t i = 0; i < kll->used[level]; i++)
            (*out)[(*n)++] = (struct kll_item){level_items(kll, level)[i], UINT64_C(1)
                                                                               << (kll->base + level)};
    if (kll->group > 0)
        (*out)[(*n)++] = (struct kll_item){kll->drawn, kll->group};
    sort_weighted(*out, *n, *out + many);
    return ERR_OK;
}

double kll_error(size_t width)
{
    return 4.0 / (double)width;
}
