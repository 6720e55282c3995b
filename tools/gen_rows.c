/*
 * gen_rows: rows of loan-applicant CSV, made from a seed.
 *
 * The marginals are those of the public credit data of 150,000 borrowers: 6.684 % defaults; ages of mean 52.3
 * and deviation 14.8 with a few zeros; MonthlyIncome missing in 19.82 % of the rows, NumberOfDependents
 * in 2.61 %; the codes 96 and 98 in all three late-payment columns of a row at once; utilisation mostly below
 * 1 and sometimes in the thousands; a debt ratio that, where the income is missing, is an amount and no
 * ratio.
 *
 * Invariants: all randomness comes from one generator (xoshiro256**), drawn the same number of times for
 * every row, so that damage to one row changes no other; after rows_new() there is integer arithmetic only. A
 * small count is looked up by 16 random bits in a table of its distribution, a continuous value by 64 in a
 * curve of its quantiles, in units of 1e-9.
 */
#include "tools/gen_rows.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/base/mem.h"

const char ROW_HEADER[] = ",SeriousDlqin2yrs,RevolvingUtilizationOfUnsecuredLines,age,"
                          "NumberOfTime30-59DaysPastDueNotWorse,DebtRatio,MonthlyIncome,"
                          "NumberOfOpenCreditLinesAndLoans,NumberOfTimes90DaysLate,"
                          "NumberRealEstateLoansOrLines,NumberOfTime60-89DaysPastDueNotWorse,"
                          "NumberOfDependents\n";

enum {
    TABLE_SIZE = 65536,
    CURVE_STEPS = 4096,
    NANO = 1000000000,
    NA = 255,      /* in a table: the value is missing */
    FIELD_AGE = 3, /* fields that damage goes to, counted from 0 */
    FIELD_DEFAULT = 1,
    FIELD_INCOME = 6
};

/* Shares as parts of 2^32. */
#define SHARE(p) ((uint32_t)((p)*4294967296.0))

struct table {
    uint8_t value[TABLE_SIZE];
};

struct curve {
    uint64_t at[CURVE_STEPS + 1]; /* the quantile of i / CURVE_STEPS */
};

struct rows {
    uint64_t state[4];
    uint64_t number;
    struct table age, late30, late60, late90, lines, estates, dependents;
    struct curve utilization, debt_ratio, debt_amount, income;
};

/* How many of the 150,000 have 0, 1, 2, ...; a last entry for a missing value is given apart. */
static const uint32_t LATE30[] = {126018, 16033, 4598, 1754, 747, 342, 140, 54, 25, 12, 4, 1, 2, 1};
static const uint32_t LATE60[] = {142396, 5731, 1118, 318, 105, 34, 16, 9, 2, 1};
static const uint32_t LATE90[] = {141662, 5243, 1555, 667, 291, 131, 80, 38, 21, 19, 8};
static const uint32_t LINES[] = {1888, 4438, 6666, 9058, 11609, 12931, 13614, 13245, 12562, 11355, 9624,
                                 8321, 7005, 5667, 4546, 3645,  3000,  2370,  1874,  1433,  1169,  864,
                                 685,  533,  422,  337,  239,   194,   150,   114,   88,    74,    52};
static const uint32_t ESTATES[] = {56188, 52338, 31522, 6300, 2170, 689, 320, 171, 93, 78, 37, 23, 18, 15, 7};
static const uint32_t DEPENDENTS[] = {86902, 26316, 19522, 9483, 2862, 746, 158, 51, 24, 5, 5};
static const uint32_t DEPENDENTS_NA = 3915;

/* Adds `weight` of `total` to the table's share of `value`; *seen is the weight so far. */
static void table_add(struct table *t, uint8_t value, double weight, double total, double *seen)
{
    size_t from = (size_t)(*seen / total * TABLE_SIZE + 0.5);

    *seen += weight;
    size_t to = (size_t)(*seen / total * TABLE_SIZE + 0.5);
    if (to > from)
        memset(t->value + from, value, to - from);
}

static void table_init(struct table *t, const uint32_t *weights, size_t n, uint32_t missing)
{
    double total = missing;
    double seen = 0;

    for (size_t i = 0; i < n; i++)
        total += weights[i];
    for (size_t i = 0; i < n; i++)
        table_add(t, (uint8_t)i, weights[i], total, &seen);
    table_add(t, NA, missing, total, &seen);
}

/* A normal distribution cut at the ages that borrowers have; its parameters are such that mean and deviation
 * after the cut are 52.3 and 14.8. */
static void table_init_age(struct table *t)
{
    const double mean = 51.347, deviation = 15.868;
    const int youngest = 21, oldest = 103;
    double total = 0;
    double seen = 0;

    for (int age = youngest; age <= oldest; age++)
        total += exp(-pow((age - mean) / deviation, 2) / 2);
    for (int age = youngest; age <= oldest; age++)
        table_add(t, (uint8_t)age, exp(-pow((age - mean) / deviation, 2) / 2), total, &seen);
    t->value[0] = 0; /* one in 65,536 */
}

/* Incomes and debts are log-logistic: a known median, and a tail that gets heavier as `shape` gets smaller.
 */
static void curve_init_loglogistic(struct curve *c, double median, double shape)
{
    for (int i = 0; i <= CURVE_STEPS; i++) {
        double p = (i < CURVE_STEPS ? i : CURVE_STEPS - 0.25) / CURVE_STEPS;
        c->at[i] = (uint64_t)(median * pow(p / (1 - p), 1 / shape) * NANO);
    }
}

static void curve_init_power(struct curve *c, double exponent)
{
    for (int i = 0; i <= CURVE_STEPS; i++)
        c->at[i] = (uint64_t)(pow((double)i / CURVE_STEPS, exponent) * NANO);
}

struct rows *rows_new(uint64_t seed)
{
    struct rows *r = mem_calloc(1, sizeof *r);

    if (r == NULL)
        return NULL;
    for (int i = 0; i < 4; i++) { /* splitmix64 spreads any seed, 0 too */
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        r->state[i] = z ^ (z >> 31);
    }
    table_init_age(&r->age);
    table_init(&r->late30, LATE30, sizeof LATE30 / sizeof *LATE30, 0);
    table_init(&r->late60, LATE60, sizeof LATE60 / sizeof *LATE60, 0);
    table_init(&r->late90, LATE90, sizeof LATE90 / sizeof *LATE90, 0);
    table_init(&r->lines, LINES, sizeof LINES / sizeof *LINES, 0);
    table_init(&r->estates, ESTATES, sizeof ESTATES / sizeof *ESTATES, 0);
    table_init(&r->dependents, DEPENDENTS, sizeof DEPENDENTS / sizeof *DEPENDENTS, DEPENDENTS_NA);
    curve_init_power(&r->utilization, 2.6);
    curve_init_loglogistic(&r->debt_ratio, 0.3, 2.2);
    curve_init_loglogistic(&r->debt_amount, 1150, 2);
    curve_init_loglogistic(&r->income, 5400, 2.9);
    return r;
}

void rows_free(struct rows *r)
{
    mem_free(r);
}

static inline uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static inline uint64_t draw(struct rows *r)
{
    uint64_t *s = r->state;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

static inline uint64_t curve_value(const struct curve *c, uint64_t random)
{
    size_t i = random >> 52;
    uint64_t part = (random >> 32) & 0xfffff;

    return c->at[i] + (((c->at[i + 1] - c->at[i]) * part) >> 20);
}

static inline char *put_uint(char *p, uint64_t v)
{
    char digits[20];
    int n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n > 0)
        *p++ = digits[--n];
    return p;
}

/* A small value or NA, and the comma after it. */
static inline char *put_small(char *p, unsigned v)
{
    if (v == NA) {
        *p++ = 'N';
        *p++ = 'A';
    } else {
        if (v >= 100)
            *p++ = '1';
        if (v >= 10)
            *p++ = (char)('0' + v / 10 % 10);
        *p++ = (char)('0' + v % 10);
    }
    *p++ = ',';
    return p;
}

/* Units of 1e-9 as a decimal number without trailing zeros. */
static inline char *put_nano(char *p, uint64_t v)
{
    uint32_t fraction = (uint32_t)(v % NANO);

    p = put_uint(p, v / NANO);
    if (fraction != 0) {
        int digits = 9;
        while (fraction % 10 == 0) {
            fraction /= 10;
            digits--;
        }
        *p = '.';
        for (int i = digits; i > 0; i--, fraction /= 10)
            p[i] = (char)('0' + fraction % 10);
        p += digits + 1;
    }
    return p;
}

/* One in 14 has used nothing, one in 14 all; one in 40 more than all, one in 700 absurdly much. */
static inline char *put_utilization(char *p, const struct rows *r, uint64_t random)
{
    unsigned kind = random & 0xffff;

    if (kind < 4720)
        return put_uint(p, 0);
    if (kind < 9540)
        return put_nano(p, 999999900);
    if (kind < 11180)
        return put_nano(p, NANO + curve_value(&r->utilization, random) / 2);
    if (kind < 11274)
        return put_uint(p, 2 + curve_value(&r->debt_amount, random) / NANO);
    return put_nano(p, curve_value(&r->utilization, random));
}

/* Puts `len` bytes in place of the field (counted from 0) of the row that ends at `end`; returns the new end.
 */
static char *replace_field(char *row, char *end, int field, const char *text, size_t len)
{
    char *from = row;

    while (field-- > 0)
        from = (char *)memchr(from, ',', (size_t)(end - from)) + 1;
    char *to = memchr(from, ',', (size_t)(end - from));
    memmove(from + len, to, (size_t)(end - to));
    memcpy(from, text, len);
    return from + len + (end - to);
}

static char *damage_row(char *row, char *end, enum damage damage)
{
    char *last;

    switch (damage) {
    case DAMAGE_RAGGED:
        last = memrchr(row, ',', (size_t)(end - row));
        *last = '\n';
        return last + 1;
    case DAMAGE_QUOTE:
        return replace_field(row, end, FIELD_DEFAULT, "\"0", 2);
    case DAMAGE_NUL:
        return replace_field(row, end, FIELD_AGE, "4\0", 2);
    case DAMAGE_UTF8:
        return replace_field(row, end, FIELD_INCOME, "12\xff", 3);
    case DAMAGE_TYPE:
        return replace_field(row, end, FIELD_AGE, "forty", 5);
    case DAMAGE_RANGE:
        return replace_field(row, end, FIELD_AGE, "99999999999999999999", 20);
    case DAMAGE_NONE:
    case DAMAGE_BOM:
    case DAMAGE_CR:
    case DAMAGE_COUNT:
        break;
    }
    return end;
}

char *rows_next(struct rows *r, enum damage damage, char *out)
{
    uint64_t flags = draw(r), counts = draw(r), late = draw(r);
    uint64_t utilization = draw(r), debt = draw(r), income = draw(r);
    bool defaulted = flags >> 32 < SHARE(0.06684);
    bool no_income = (uint32_t)flags < SHARE(0.1982);
    /* 264 of the 150,000 have the code 98, 5 the code 96. */
    unsigned coded = (unsigned)(late >> 48);
    unsigned code = coded < 115 ? 98 : coded < 117 ? 96 : 0;
    char *p = put_uint(out, ++r->number);

    *p++ = ',';
    p = put_small(p, defaulted);
    p = put_utilization(p, r, utilization);
    *p++ = ',';
    p = put_small(p, r->age.value[counts & 0xffff]);
    p = put_small(p, code ? code : r->late30.value[late & 0xffff]);
    p = no_income ? put_uint(p, curve_value(&r->debt_amount, debt) / NANO)
                  : put_nano(p, curve_value(&r->debt_ratio, debt));
    *p++ = ',';
    p = no_income ? mempcpy(p, "NA", 2) : put_uint(p, curve_value(&r->income, income) / NANO);
    *p++ = ',';
    p = put_small(p, r->lines.value[counts >> 16 & 0xffff]);
    p = put_small(p, code ? code : r->late90.value[late >> 16 & 0xffff]);
    p = put_small(p, r->estates.value[counts >> 32 & 0xffff]);
    p = put_small(p, code ? code : r->late60.value[late >> 32 & 0xffff]);
    p = put_small(p, r->dependents.value[counts >> 48]);
    p[-1] = '\n';
    return damage == DAMAGE_NONE ? p : damage_row(out, p, damage);
}
