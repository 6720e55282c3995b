/*
 * moments: count, mean, variance, skew and extremes of numbers that stream by.
 *
 * Values are taken relative to an origin, one of the first values: so large offsets cost no digits. Blocks of
 * values are summed about their own mean and put together as Pebay has it.
 */
#ifndef SLUICE_PROFILE_MOMENTS_H
#define SLUICE_PROFILE_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "core/profile/report.h"

enum { MOMENTS_BLOCK = 512 };

struct moments {
    double origin;
    int64_t n;
    double mean;   /* of value - origin */
    double m2, m3; /* sums of the second and third powers about the mean */
};

/* d: n values less the origin, n <= MOMENTS_BLOCK. */
void moments_add(struct moments *moments, const double *d, size_t n);
void moments_merge(struct moments *moments, const struct moments *other);
/* Of `weight` times the same value, relative to the origin. */
void moments_add_many(struct moments *moments, double d, uint64_t weight);

/* As pandas' mean, std (n - 1) and skew (bias corrected). */
struct report_num moments_mean(const struct moments *moments);
struct report_num moments_std(const struct moments *moments);
struct report_num moments_skew(const struct moments *moments);
struct report_num moments_sum(const struct moments *moments);

#endif
