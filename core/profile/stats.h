/*
 * stats: what is kept of one column's values (of one class, where there are classes).
 *
 * Exact at first: a table of each distinct value and its count, from which all else is computed at the end.
 * A table that may not grow further is turned into sketches: HyperLogLog for the number of distinct values,
 * KLL for quantiles, a lossy table for the most frequent ones, and moments. What it holds depends on the
 * values and their order alone, not on how they were cut into calls.
 *
 * Whether a table may grow is said from outside: stats_grant gives it a number of bytes.
 */
#ifndef SLUICE_PROFILE_STATS_H
#define SLUICE_PROFILE_STATS_H

#include "core/data/schema.h"
#include "core/profile/moments.h"
#include "core/profile/report.h"
#include "core/profile/sketch.h"
#include "core/profile/table.h"
#include "core/profile/texts.h"

enum {
    STATS_DIRECT = 1024, /* integers 0 to this - 1 have a place of their own */
    STATS_BLOCK = MOMENTS_BLOCK,
};

enum stats_form { STATS_INT, STATS_REAL, STATS_TEXT };

/* The smallest or largest distinct values, the furthest first. */
struct stats_far {
    double at[REPORT_EXAMPLES];
    int n;
};

/* What a table becomes. */
struct stats_sketch {
    struct hll hll;
    struct kll kll; /* not of text; as are all that follow */
    struct moments moments;
    int64_t origin; /* of integers, exact */
    int64_t zeros, negatives;
    struct stats_far low, high;
    size_t staged;
    uint64_t stage[STATS_BLOCK]; /* values that wait for a whole block */
};

struct stats {
    enum stats_form form;
    size_t width; /* of a kll */
    uint64_t seed;
    size_t granted;
    int64_t count; /* values taken, without NULLs */
    int64_t nulls;
    uint64_t *direct; /* of integers: counts */
    struct table table;
    struct texts texts; /* of text */
    struct stats_sketch *sketch;
    /* of text: lengths in code points */
    int64_t length_min, length_max, length_sum, empty;
};

/* Of decimals the nearest doubles are taken. */
enum stats_form stats_form_of(const struct type *type);

/* `width` of a kll: the largest for which a sketch is at most `bytes`. */
size_t stats_width(size_t bytes);
/* Bytes that a sketch takes, with its lossy table. */
size_t stats_sketch_bytes(enum stats_form form, size_t width);

enum err_code stats_init(struct stats *stats, enum stats_form form, size_t width, uint64_t seed,
                         struct err *err) MUST_USE;
void stats_release(struct stats *stats);
void stats_clear(struct stats *stats); /* exact again; memory is kept */

/* Bytes held; held at most while `more` further values come; may be held from now on. */
size_t stats_held(const struct stats *stats);
size_t stats_wanted(const struct stats *stats, size_t more);
void stats_grant(struct stats *stats, size_t bytes);

/* n values that are not NULL: int64_t or, by their bits, doubles. */
enum err_code stats_numbers(struct stats *stats, const uint64_t *values, size_t n, struct err *err) MUST_USE;
enum err_code stats_text(struct stats *stats, const char *text, size_t len, struct err *err) MUST_USE;

/* Adds what `other` has, as if its values came behind; `other` is cleared by its owner. */
enum err_code stats_merge(struct stats *stats, struct stats *other, struct err *err) MUST_USE;

/* Before reading: what waits is taken in, direct counts go to the table. */
enum err_code stats_settle(struct stats *stats, struct err *err) MUST_USE;

static inline double stats_real(enum stats_form form, uint64_t bits)
{
    double real;
    if (form == STATS_INT)
        return (double)(int64_t)bits;
    __builtin_memcpy(&real, &bits, sizeof real);
    return real;
}

#endif
