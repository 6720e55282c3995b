/*
 * moments: see moments.h.
 *
 * Invariant: what is added depends on the values and their order alone: sums go in LANES, one value in turn
 * to each, added at the end, whatever the processor can do at once.
 */
#include "core/profile/moments.h"

#include <math.h>

enum { LANES = 4 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double))));

#define ADD_UP(v) (((v)[0] + (v)[1]) + ((v)[2] + (v)[3]))

/* Pebay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order moments". */
static void combine(struct moments *m, double nb, double mean, double m2, double m3)
{
    double na = (double)m->n, n = na + nb, delta = mean - m->mean, part = delta / n;
    m->m3 += m3 + delta * part * part * na * nb * (na - nb) + 3 * part * (na * m2 - nb * m->m2);
    m->m2 += m2 + delta * part * na * nb;
    m->mean += part * nb;
    m->n += (int64_t)nb;
}

void moments_add(struct moments *moments, const double *d, size_t n)
{
    lanes sum = {0}, rest = {0}, squares = {0}, cubes = {0};
    size_t whole = n / LANES * LANES;
    double tail = 0;
    if (n == 0)
        return;
    for (size_t i = 0; i < whole; i += LANES)
        sum += *(const lanes *)(d + i);
    for (size_t i = whole; i < n; i++)
        tail += d[i];
    double count = (double)n, mean = (ADD_UP(sum) + tail) / count;
    double e1 = 0, e2 = 0, e3 = 0;
    for (size_t i = 0; i < whole; i += LANES) {
        lanes e = *(const lanes *)(d + i) - mean, ee = e * e;
        rest += e;
        squares += ee;
        cubes += ee * e;
    }
    for (size_t i = whole; i < n; i++) {
        double e = d[i] - mean;
        e1 += e;
        e2 += e * e;
        e3 += e * e * e;
    }
    /* The mean was rounded: what is left of it is put right. */
    e1 = (e1 + ADD_UP(rest)) / count;
    e2 = e2 + ADD_UP(squares);
    e3 = e3 + ADD_UP(cubes) - 3 * e1 * e2 + 2 * count * e1 * e1 * e1;
    e2 -= count * e1 * e1;
    combine(moments, count, mean + e1, e2 > 0 ? e2 : 0, e3);
}

void moments_add_many(struct moments *moments, double d, uint64_t weight)
{
    if (weight > 0)
        combine(moments, (double)weight, d, 0, 0);
}

void moments_merge(struct moments *moments, const struct moments *other)
{
    if (other->n > 0)
        combine(moments, (double)other->n, other->mean + (other->origin - moments->origin), other->m2,
                other->m3);
}

/* One that there is, unless the sums ran over. */
static struct report_num known(double value)
{
    return (struct report_num){.known = isfinite(value), .value = isfinite(value) ? value : 0};
}

struct report_num moments_mean(const struct moments *moments)
{
    return moments->n < 1 ? (struct report_num){0} : known(moments->origin + moments->mean);
}

struct report_num moments_std(const struct moments *moments)
{
    return moments->n < 2 ? (struct report_num){0} : known(sqrt(moments->m2 / (double)(moments->n - 1)));
}

struct report_num moments_skew(const struct moments *moments)
{
    double n = (double)moments->n;
    if (moments->n < 3 || moments->m2 <= 0)
        return (struct report_num){0};
    return known(n * sqrt(n - 1) / (n - 2) * (moments->m3 / (moments->m2 * sqrt(moments->m2))));
}

struct report_num moments_sum(const struct moments *moments)
{
    double n = (double)moments->n;
    return moments->n < 1 ? (struct report_num){0} : known(moments->origin * n + moments->mean * n);
}
