/*
 * correlate: see correlate.h.
 *
 * Invariants: in a block d is 0 and mask is 0 where a value is NULL, so that products of NULLs vanish; the
 * sums of a pair whose columns never had a NULL are those of the columns, and are not kept apart. A column's
 * origin is the median of its first block that has a value.
 */
#include "core/profile/correlate.h"

#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/profile/values.h"

enum { ROWS = CORRELATE_BLOCK, LANES = 4, TILE = 4 };
typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double))));

/* A sum and what its rounding left behind. */
struct sum {
    double high, low;
};

struct column_sums {
    int64_t n;
    struct sum d, dd;
};

struct pair {
    int64_t n; /* rows where both have a value */
    struct sum a, aa, b, bb, ab;
};

struct series {
    size_t column;
    bool integer, has_origin, ever_null;
    int64_t origin_int;
    double origin;
    struct column_sums sums;
    /* of the block */
    size_t nulls;
    double d[ROWS], mask[ROWS];
    uint64_t stage[ROWS];
    uint8_t null[ROWS];
};

struct correlate {
    size_t n;
    size_t staged;
    struct series *series;
    struct pair *pairs; /* i < j: at pair_at(i, j) */
};

static inline struct pair *pair_at(const struct correlate *c, size_t i, size_t j)
{
    return &c->pairs[i * (2 * c->n - i - 1) / 2 + (j - i - 1)];
}

static inline void add(struct sum *sum, double value)
{
    double total = sum->high + value;
    sum->low += fabs(sum->high) >= fabs(value) ? (sum->high - total) + value : (value - total) + sum->high;
    sum->high = total;
}

static inline double total(struct sum sum)
{
    return sum.high + sum.low;
}

#define ADD_UP(v) (((v)[0] + (v)[1]) + ((v)[2] + (v)[3]))

enum err_code correlate_new(const struct schema *schema, const size_t *columns, size_t n,
                            struct correlate **out, struct err *err)
{
    *out = NULL;
    struct correlate *c = mem_calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    c->n = n < CORRELATE_COLUMNS_MAX ? n : CORRELATE_COLUMNS_MAX;
    c->series = mem_calloc(c->n + 1, sizeof *c->series);
    c->pairs = mem_calloc(c->n * c->n / 2 + 1, sizeof *c->pairs);
    if (!c->series || !c->pairs) {
        correlate_free(c);
        return err_nomem(err);
    }
    for (size_t i = 0; i < c->n; i++) {
        c->series[i].column = columns[i];
        c->series[i].integer = type_storage(&schema_loaded(schema, columns[i])->type) == STORAGE_I64;
    }
    *out = c;
    return ERR_OK;
}

void correlate_free(struct correlate *correlate)
{
    if (!correlate)
        return;
    mem_free(correlate->series);
    mem_free(correlate->pairs);
    mem_free(correlate);
}

void correlate_clear(struct correlate *correlate)
{
    for (size_t i = 0; i < correlate->n; i++) {
        struct series *s = &correlate->series[i];
        s->has_origin = s->ever_null = false;
        s->sums = (struct column_sums){0};
    }
    memset(correlate->pairs, 0, (correlate->n * correlate->n / 2 + 1) * sizeof *correlate->pairs);
    correlate->staged = 0;
}

/* --- one block -------------------------------------------------------------------------------------------
 */

static double as_real(const struct series *s, uint64_t bits)
{
    double v;
    if (s->integer)
        return (double)(int64_t)bits;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void find_origin(struct series *s, size_t rows)
{
    uint64_t sorted[ROWS];
    size_t n = 0;
    for (size_t r = 0; r < rows; r++) {
        if (s->null[r])
            continue;
        size_t at = n++;
        for (; at > 0 && as_real(s, sorted[at - 1]) > as_real(s, s->stage[r]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = s->stage[r];
    }
    if (n == 0)
        return;
    s->has_origin = true;
    s->origin_int = (int64_t)sorted[n / 2];
    s->origin = as_real(s, sorted[n / 2]);
}

/* d, mask and the column's own sums. What lies behind the last row adds nothing, as if it were NULL. */
static void prepare(struct series *s, size_t rows)
{
    s->nulls = values_nulls(s->null, rows);
    memset(s->stage + rows, 0, (ROWS - rows) * sizeof *s->stage);
    memset(s->null + rows, 1, ROWS - rows);
    if (!s->has_origin)
        find_origin(s, rows);
    for (size_t r = 0; r < ROWS; r++) {
        int64_t less;
        if (!s->integer)
            s->d[r] = as_real(s, s->stage[r]) - s->origin;
        else if (__builtin_sub_overflow((int64_t)s->stage[r], s->origin_int, &less))
            s->d[r] = as_real(s, s->stage[r]) - s->origin;
        else
            s->d[r] = (double)less;
    }
    if (s->nulls > 0 || rows < ROWS)
        for (size_t r = 0; r < ROWS; r++) {
            s->mask[r] = s->null[r] ? 0 : 1;
            s->d[r] = s->null[r] ? 0 : s->d[r];
        }
    lanes sum = {0}, squares = {0};
    for (size_t r = 0; r < ROWS; r += LANES) {
        lanes d = *(const lanes *)(s->d + r);
        sum += d;
        squares += d * d;
    }
    s->sums.n += (int64_t)(rows - s->nulls);
    add(&s->sums.d, ADD_UP(sum));
    add(&s->sums.dd, ADD_UP(squares));
}

/* A column has its first NULL: from here on its pairs keep sums of their own. */
static void part_pairs(struct correlate *c, size_t at)
{
    c->series[at].ever_null = true;
    for (size_t k = 0; k < c->n; k++) {
        if (k == at || c->series[k].ever_null)
            continue;
        size_t i = k < at ? k : at, j = k < at ? at : k;
        struct pair *p = pair_at(c, i, j);
        const struct column_sums *a = &c->series[i].sums, *b = &c->series[j].sums;
        *p = (struct pair){.n = a->n, .a = a->d, .aa = a->dd, .b = b->d, .bb = b->dd, .ab = p->ab};
    }
}

/* Sums of a's values where `mask` is 1. */
static void add_masked(const double *a, const double *mask, struct sum *d, struct sum *dd)
{
    lanes sum = {0}, squares = {0};
    for (size_t r = 0; r < ROWS; r += LANES) {
        lanes v = *(const lanes *)(a + r), kept = v * *(const lanes *)(mask + r);
        sum += kept;
        squares += kept * v;
    }
    add(d, ADD_UP(sum));
    add(dd, ADD_UP(squares));
}

static void add_own(const struct series *s, struct sum *d, struct sum *dd)
{
    lanes sum = {0}, squares = {0};
    for (size_t r = 0; r < ROWS; r += LANES) {
        lanes v = *(const lanes *)(s->d + r);
        sum += v;
        squares += v * v;
    }
    add(d, ADD_UP(sum));
    add(dd, ADD_UP(squares));
}

/* The sums that a pair keeps apart. */
static void add_apart(struct pair *p, const struct series *a, const struct series *b, size_t rows)
{
    if (b->nulls > 0)
        add_masked(a->d, b->mask, &p->a, &p->aa);
    else
        add_own(a, &p->a, &p->aa);
    if (a->nulls > 0)
        add_masked(b->d, a->mask, &p->b, &p->bb);
    else
        add_own(b, &p->b, &p->bb);
    if (a->nulls > 0 && b->nulls > 0) {
        lanes both = {0};
        for (size_t r = 0; r < ROWS; r += LANES)
            both += *(const lanes *)(a->mask + r) * *(const lanes *)(b->mask + r);
        p->n += (int64_t)ADD_UP(both);
    } else {
        p->n += (int64_t)(rows - a->nulls - b->nulls);
    }
}

/* Products of one column with TILE others, each value of it read once. */
static void products(const double *a, const double *const b[TILE], double out[TILE])
{
    lanes s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (size_t r = 0; r < ROWS; r += LANES) {
        lanes v = *(const lanes *)(a + r);
        s0 += v * *(const lanes *)(b[0] + r);
        s1 += v * *(const lanes *)(b[1] + r);
        s2 += v * *(const lanes *)(b[2] + r);
        s3 += v * *(const lanes *)(b[3] + r);
    }
    out[0] = ADD_UP(s0);
    out[1] = ADD_UP(s1);
    out[2] = ADD_UP(s2);
    out[3] = ADD_UP(s3);
}

static void take_block(struct correlate *c)
{
    size_t rows = c->staged;
    c->staged = 0;
    for (size_t i = 0; i < c->n; i++) {
        struct series *s = &c->series[i];
        if (!s->ever_null && values_nulls(s->null, rows) > 0)
            part_pairs(c, i);
    }
    for (size_t i = 0; i < c->n; i++)
        prepare(&c->series[i], rows);
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = i + 1; j < c->n; j += TILE) {
            const double *b[TILE];
            double ab[TILE];
            size_t many = c->n - j < TILE ? c->n - j : TILE;
            for (size_t k = 0; k < TILE; k++)
                b[k] = c->series[k < many ? j + k : j].d;
            products(c->series[i].d, b, ab);
            for (size_t k = 0; k < many; k++) {
                struct pair *p = pair_at(c, i, j + k);
                add(&p->ab, ab[k]);
                if (c->series[i].ever_null || c->series[j + k].ever_null)
                    add_apart(p, &c->series[i], &c->series[j + k], rows);
            }
        }
}

void correlate_add(struct correlate *correlate, const struct batch *batch, size_t from, size_t to)
{
    while (from < to && correlate->n > 0) {
        size_t room = ROWS - correlate->staged, part = to - from < room ? to - from : room;
        for (size_t i = 0; i < correlate->n; i++) {
            struct series *s = &correlate->series[i];
            uint64_t space[ROWS];
            memcpy(s->stage + correlate->staged, values_of(batch, s->column, from, part, space),
                   part * sizeof *s->stage);
            memcpy(s->null + correlate->staged, batch->cols[s->column].null + from, part);
        }
        correlate->staged += part;
        from += part;
        if (correlate->staged == ROWS)
            take_block(correlate);
    }
}

/* --- putting together ------------------------------------------------------------------------------------
 */

/* Moves sums to another origin: each of n values grows by `by`. */
static void shift_sums(struct sum *d, struct sum *dd, double n, double by)
{
    add(dd, 2 * by * total(*d));
    add(dd, n * by * by);
    add(d, n * by);
}

static void add_sum(struct sum *to, struct sum from)
{
    add(to, from.high);
    add(to, from.low);
}

/* The sums of a pair as a whole, wherever they are kept. */
static struct pair whole_pair(const struct correlate *c, size_t i, size_t j)
{
    struct pair pair = *pair_at(c, i, j);
    const struct series *a = &c->series[i], *b = &c->series[j];
    if (!a->ever_null && !b->ever_null)
        pair = (struct pair){.n = a->sums.n,
                             .a = a->sums.d,
                             .aa = a->sums.dd,
                             .b = b->sums.d,
                             .bb = b->sums.dd,
                             .ab = pair.ab};
    return pair;
}

static void merge_pair(struct correlate *c, const struct correlate *other, size_t i, size_t j, double si,
                       double sj)
{
    struct pair *to = pair_at(c, i, j), from = whole_pair(other, i, j);
    double n = (double)from.n;
    add(&from.ab, sj * total(from.a));
    add(&from.ab, si * total(from.b));
    add(&from.ab, n * si * sj);
    add_sum(&to->ab, from.ab);
    if (!c->series[i].ever_null && !c->series[j].ever_null)
        return;
    shift_sums(&from.a, &from.aa, n, si);
    shift_sums(&from.b, &from.bb, n, sj);
    to->n += from.n;
    add_sum(&to->a, from.a);
    add_sum(&to->aa, from.aa);
    add_sum(&to->b, from.b);
    add_sum(&to->bb, from.bb);
}

/* By how much the origins differ; an empty column takes the other's. */
static double shift_of(struct series *to, const struct series *from)
{
    int64_t shift;
    if (!from->has_origin)
        return 0;
    if (!to->has_origin) {
        to->has_origin = true;
        to->origin = from->origin;
        to->origin_int = from->origin_int;
    }
    if (to->integer && !__builtin_sub_overflow(from->origin_int, to->origin_int, &shift))
        return (double)shift;
    return from->origin - to->origin;
}

void correlate_merge(struct correlate *correlate, struct correlate *other)
{
    struct correlate *c = correlate;
    double shift[CORRELATE_COLUMNS_MAX];
    if (c->staged > 0)
        take_block(c);
    if (other->staged > 0)
        take_block(other);
    for (size_t i = 0; i < c->n; i++) {
        if (!c->series[i].ever_null && other->series[i].ever_null)
            part_pairs(c, i);
        shift[i] = shift_of(&c->series[i], &other->series[i]);
    }
    for (size_t i = 0; i < c->n; i++)
        for (size_t j = i + 1; j < c->n; j++)
            merge_pair(c, other, i, j, shift[i], shift[j]);
    for (size_t i = 0; i < c->n; i++) {
        struct column_sums *to = &c->series[i].sums, from = other->series[i].sums;
        shift_sums(&from.d, &from.dd, (double)from.n, shift[i]);
        to->n += from.n;
        add_sum(&to->d, from.d);
        add_sum(&to->dd, from.dd);
    }
}

/* A spread of less than this part of the squares is rounding, not a spread. */
#define SPREAD_MIN 1e-13

static double pearson(const struct pair *p)
{
    double n = (double)p->n, a = total(p->a), b = total(p->b), aa = total(p->aa), bb = total(p->bb);
    if (p->n < 2)
        return NAN;
    double va = aa - a * a / n, vb = bb - b * b / n, cov = total(p->ab) - a * b / n;
    if (!(va > aa * SPREAD_MIN) || !(vb > bb * SPREAD_MIN))
        return NAN;
    double r = cov / (sqrt(va) * sqrt(vb));
    return r > 1 ? 1 : r < -1 ? -1 : r;
}

void correlate_result(struct correlate *correlate, double *r)
{
    struct correlate *c = correlate;
    if (c->staged > 0)
        take_block(c);
    for (size_t i = 0; i < c->n; i++) {
        const struct column_sums *a = &c->series[i].sums;
        struct pair own = {.n = a->n, .a = a->d, .aa = a->dd, .b = a->d, .bb = a->dd, .ab = a->dd};
        r[i * c->n + i] = isnan(pearson(&own)) ? NAN : 1;
        for (size_t j = i + 1; j < c->n; j++) {
            struct pair pair = whole_pair(c, i, j);
            r[i * c->n + j] = r[j * c->n + i] = pearson(&pair);
        }
    }
}
