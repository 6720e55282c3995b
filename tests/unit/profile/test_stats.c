/* The accumulator of a column: moments held against sums in more digits, exact and sketched forms, merging;
 * and the sums of pairs. */
#include "core/data/hash.h"
#include "core/profile/correlate.h"
#include "core/profile/stats.h"
#include "core/profile/values.h"
#include "tests/unit/profile/profile_rig.h"

enum { MANY = 1 << 30 };

struct kit {
    struct stats stats;
    struct err err;
};

static void kit_init(struct kit *k, enum stats_form form, size_t granted)
{
    k->err = ERR_INIT;
    assert_int_equal(stats_init(&k->stats, form, KLL_WIDTH_MIN, 1, &k->err), ERR_OK);
    stats_grant(&k->stats, granted);
}

static void add_reals(struct kit *k, const double *v, size_t n)
{
    assert_int_equal(stats_numbers(&k->stats, (const uint64_t *)(const void *)v, n, &k->err), ERR_OK);
}

/* Mean, std and skew by long doubles in two passes. */
static struct moments reference(const double *v, size_t n)
{
    long double sum = 0, m2 = 0, m3 = 0;
    for (size_t i = 0; i < n; i++)
        sum += (long double)v[i] - v[n / 2];
    long double mean = sum / (long double)n;
    for (size_t i = 0; i < n; i++) {
        long double e = (long double)v[i] - v[n / 2] - mean;
        m2 += e * e;
        m3 += e * e * e;
    }
    return (struct moments){
        .origin = v[n / 2], .n = (int64_t)n, .mean = (double)mean, .m2 = (double)m2, .m3 = (double)m3};
}

static void assert_moments(const struct moments *m, const double *v, size_t n)
{
    struct moments want = reference(v, n);
    assert_int_equal(m->n, n);
    assert_near(moments_mean(m).value, moments_mean(&want).value, 1e-12);
    assert_near(moments_std(m).value, moments_std(&want).value, 1e-10);
    assert_near(moments_skew(m).value, moments_skew(&want).value, 1e-9);
}

/* Heavy tails, a far offset, tiny values, a first value far from all others. */
static void fill(double *v, size_t n, int kind, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        double u = (double)(rig_random(&seed) >> 11) / 9007199254740992.0;
        switch (kind) {
        case 0:
            v[i] = u < 0.99 ? u : 3e5 * u * u;
            break;
        case 1:
            v[i] = 1e15 + floor(100 * u * u);
            break;
        case 2:
            v[i] = 1e-9 * u * u;
            break;
        default:
            v[i] = i == 0 ? 1e12 : u * u;
            break;
        }
    }
}

static void moments_hold_against_more_digits(void **state)
{
    (void)state;
    enum { N = 100000 };
    double *v = malloc(N * sizeof *v), d[MOMENTS_BLOCK];
    for (int kind = 0; kind < 4; kind++) {
        fill(v, N, kind, 5);
        struct moments m = {.origin = v[3]};
        for (size_t at = 0; at < N;) {
            size_t part = at % 700 + 1 < MOMENTS_BLOCK ? at % 700 + 1 : MOMENTS_BLOCK;
            part = part < N - at ? part : N - at;
            for (size_t i = 0; i < part; i++)
                d[i] = v[at + i] - m.origin;
            moments_add(&m, d, part);
            at += part;
        }
        assert_moments(&m, v, N);
    }
    free(v);
}

static void merged_moments_are_those_of_all(void **state)
{
    (void)state;
    double v[1000];
    fill(v, 1000, 1, 9);
    struct moments a = {.origin = v[0]}, b = {.origin = v[700]};
    for (int i = 0; i < 1000; i++)
        moments_add_many(i < 600 ? &a : &b, v[i] - (i < 600 ? a.origin : b.origin), 1);
    moments_merge(&a, &b);
    assert_moments(&a, v, 1000);
    moments_merge(&a, &(struct moments){.origin = 5});
    assert_int_equal(a.n, 1000);
}

/* In one sketch, what is exact stays exact. */
static void sketched_numbers_keep_exact_parts(void **state)
{
    (void)state;
    enum { N = 50000 };
    double *v = malloc(N * sizeof *v);
    for (int kind = 0; kind < 4; kind++) {
        struct kit k;
        int64_t zeros = 0, negatives = 0;
        double low = INFINITY, high = -INFINITY;
        fill(v, N, kind, 6);
        for (int i = 0; i < N; i++) {
            v[i] = i % 10 == 0 ? 0 : i % 10 == 1 ? -v[i] : v[i];
            zeros += v[i] == 0;
            negatives += v[i] < 0;
            low = fmin(low, v[i]);
            high = fmax(high, v[i]);
        }
        kit_init(&k, STATS_REAL, 0);
        add_reals(&k, v, 20000);
        add_reals(&k, v + 20000, N - 20000);
        assert_int_equal(stats_settle(&k.stats, &k.err), ERR_OK);
        assert_non_null(k.stats.sketch);
        const struct stats_sketch *s = k.stats.sketch;
        assert_int_equal(k.stats.count, N);
        assert_moments(&s->moments, v, N);
        assert_int_equal(s->zeros, zeros);
        assert_int_equal(s->negatives, negatives);
        assert_true(s->low.n == REPORT_EXAMPLES && s->low.at[0] == low && s->low.at[1] > low);
        assert_true(s->high.n == REPORT_EXAMPLES && s->high.at[0] == high && s->high.at[1] < high);
        assert_true(table_count(&k.stats.table, 0) + k.stats.table.lost >= (uint64_t)zeros);
        stats_release(&k.stats);
    }
    free(v);
}

static void an_exact_table_counts_each_value(void **state)
{
    (void)state;
    struct kit k;
    int64_t v[3000];
    for (int i = 0; i < 3000; i++)
        v[i] = i % 2 ? i % 1500 - 20 : INT64_MAX - i % 30;
    kit_init(&k, STATS_INT, MANY);
    assert_int_equal(stats_numbers(&k.stats, (const uint64_t *)(const void *)v, 3000, &k.err), ERR_OK);
    assert_int_equal(stats_settle(&k.stats, &k.err), ERR_OK);
    assert_null(k.stats.sketch);
    assert_int_equal(k.stats.count, 3000);
    assert_int_equal(table_count(&k.stats.table, (uint64_t)INT64_MAX), 100);
    assert_int_equal(table_count(&k.stats.table, (uint64_t)INT64_C(-19)), 2);
    assert_int_equal(table_count(&k.stats.table, 1001), 2);
    assert_int_equal(table_count(&k.stats.table, 1002), 0);
    assert_int_equal(k.stats.table.used, 15 + 750);
    stats_clear(&k.stats);
    assert_int_equal(k.stats.count, 0);
    assert_int_equal(table_count(&k.stats.table, 1001), 0);
    assert_int_equal(stats_settle(&k.stats, &k.err), ERR_OK);
    assert_int_equal(table_count(&k.stats.table, 5), 0);
    stats_release(&k.stats);
}

static void zero_has_no_sign(void **state)
{
    (void)state;
    struct kit k;
    double v[] = {0.0, -0.0, 1.5};
    kit_init(&k, STATS_REAL, MANY);
    add_reals(&k, v, 3);
    assert_int_equal(k.stats.table.used, 2);
    assert_int_equal(table_count(&k.stats.table, 0), 2);
    stats_release(&k.stats);
}

/* However the values are cut into calls. */
static void state_depends_on_order_alone(void **state)
{
    (void)state;
    enum { N = 30000 };
    double *v = malloc(N * sizeof *v);
    struct kit a, b;
    fill(v, N, 0, 8);
    kit_init(&a, STATS_REAL, 100000);
    kit_init(&b, STATS_REAL, 100000);
    add_reals(&a, v, N);
    for (size_t at = 0, part = 1; at < N; at += part, part = at % 997 + 1 < N - at ? at % 997 + 1 : N - at)
        add_reals(&b, v + at, part);
    assert_int_equal(stats_settle(&a.stats, &a.err), ERR_OK);
    assert_int_equal(stats_settle(&b.stats, &b.err), ERR_OK);
    const struct stats_sketch *x = a.stats.sketch, *y = b.stats.sketch;
    assert_memory_equal(&x->moments, &y->moments, sizeof x->moments);
    assert_memory_equal(x->hll.registers, y->hll.registers, HLL_REGISTERS);
    assert_memory_equal(a.stats.table.slots, b.stats.table.slots,
                        TABLE_LOSSY_SLOTS * sizeof *a.stats.table.slots);
    struct kll_item *p, *q;
    size_t np, nq;
    assert_int_equal(kll_items(&x->kll, &p, &np, &a.err), ERR_OK);
    assert_int_equal(kll_items(&y->kll, &q, &nq, &b.err), ERR_OK);
    assert_int_equal(np, nq);
    assert_memory_equal(p, q, np * sizeof *p);
    free(p);
    free(q);
    stats_release(&a.stats);
    stats_release(&b.stats);
    free(v);
}

/* Exact and sketched ones in each pairing. */
static void merged_are_as_one(void **state)
{
    (void)state;
    enum { N = 20000 };
    double *v = malloc(N * sizeof *v);
    fill(v, N, 0, 12);
    for (int sketched = 0; sketched < 4; sketched++) {
        struct kit a, b;
        kit_init(&a, STATS_REAL, sketched & 1 ? 0 : MANY);
        kit_init(&b, STATS_REAL, sketched & 2 ? 0 : MANY);
        add_reals(&a, v, 12000);
        add_reals(&b, v + 12000, N - 12000);
        a.stats.nulls = 3;
        b.stats.nulls = 4;
        assert_int_equal(stats_merge(&a.stats, &b.stats, &a.err), ERR_OK);
        assert_int_equal(a.stats.count, N);
        assert_int_equal(a.stats.nulls, 7);
        assert_int_equal(a.stats.sketch != NULL, sketched != 0);
        if (sketched) {
            struct kll_item *items;
            size_t n;
            uint64_t weight = 0;
            assert_moments(&a.stats.sketch->moments, v, N);
            assert_near(hll_estimate(&a.stats.sketch->hll), N, 3 * HLL_ERROR);
            assert_int_equal(kll_items(&a.stats.sketch->kll, &items, &n, &a.err), ERR_OK);
            for (size_t i = 0; i < n; i++)
                weight += items[i].weight;
            assert_int_equal(weight, N);
            free(items);
        } else {
            assert_int_equal(a.stats.table.used, N);
        }
        stats_release(&a.stats);
        stats_release(&b.stats);
    }
    free(v);
}

/* Into one that has seen nothing: the origin of the other is taken over. */
static void merged_into_an_empty_one(void **state)
{
    (void)state;
    enum { N = 5000 };
    double v[N];
    struct kit a, b;
    fill(v, N, 1, 3);
    for (int i = 0; i < N; i++)
        v[i] += i % 2 ? 0.125 * i : 0; /* many distinct ones */
    kit_init(&a, STATS_REAL, MANY);
    kit_init(&b, STATS_REAL, 0);
    add_reals(&b, v, N);
    assert_int_equal(stats_merge(&a.stats, &b.stats, &a.err), ERR_OK);
    assert_moments(&a.stats.sketch->moments, v, N);
    stats_release(&a.stats);
    stats_release(&b.stats);
}

static void texts_are_counted_and_measured(void **state)
{
    (void)state;
    struct kit k, other;
    static const char *const words[] = {"", "a", "\xc3\xa4\xe2\x82\xac", "a"};
    kit_init(&k, STATS_TEXT, MANY);
    kit_init(&other, STATS_TEXT, MANY);
    for (int i = 0; i < 4; i++)
        assert_int_equal(stats_text(&k.stats, words[i], strlen(words[i]), &k.err), ERR_OK);
    assert_int_equal(stats_text(&other.stats, "longer", 6, &k.err), ERR_OK);
    assert_int_equal(stats_text(&other.stats, "a", 1, &k.err), ERR_OK);
    assert_int_equal(stats_merge(&k.stats, &other.stats, &k.err), ERR_OK);
    assert_int_equal(k.stats.texts.used, 4);
    assert_int_equal(k.stats.empty, 1);
    assert_int_equal(k.stats.length_min, 0);
    assert_int_equal(k.stats.length_max, 6);
    assert_int_equal(k.stats.length_sum, 0 + 1 + 2 + 1 + 6 + 1);
    assert_int_equal(texts_find(&k.stats.texts, hash64("a", 1), "a", 1)->count, 3);
    stats_release(&k.stats);
    stats_release(&other.stats);
}

static void texts_without_a_grant_are_sketched(void **state)
{
    (void)state;
    struct kit k;
    char text[32];
    kit_init(&k, STATS_TEXT, 0);
    for (int i = 0; i < 20000; i++) {
        int len = snprintf(text, sizeof text, "%d", i % 4 ? i : 7);
        assert_int_equal(stats_text(&k.stats, text, (size_t)len, &k.err), ERR_OK);
    }
    assert_non_null(k.stats.sketch);
    assert_near(hll_estimate(&k.stats.sketch->hll), 15001, 3 * HLL_ERROR);
    uint64_t told = texts_find(&k.stats.texts, hash64("7", 1), "7", 1)->count;
    assert_true(told <= 5001 && told + k.stats.texts.lost >= 5001);
    assert_true(stats_held(&k.stats) >= texts_bytes(&k.stats.texts));
    stats_clear(&k.stats);
    assert_null(k.stats.sketch);
    assert_int_equal(stats_text(&k.stats, "7", 1, &k.err), ERR_OK);
    assert_int_equal(k.stats.texts.used, 1);
    stats_release(&k.stats);
}

/* What a table is said to need is never exceeded, and is enough. */
static void grants_are_kept(void **state)
{
    (void)state;
    struct kit k;
    uint64_t random = 21;
    kit_init(&k, STATS_INT, 0);
    for (int round = 0; round < 40; round++) {
        size_t wanted = stats_wanted(&k.stats, 1000);
        stats_grant(&k.stats, wanted);
        for (int i = 0; i < 1000; i++) {
            uint64_t v = rig_random(&random);
            assert_int_equal(stats_numbers(&k.stats, &v, 1, &k.err), ERR_OK);
            assert_true(stats_held(&k.stats) <= wanted);
        }
        assert_null(k.stats.sketch);
    }
    stats_grant(&k.stats, stats_held(&k.stats));
    for (int i = 0; i < 100000; i++) {
        uint64_t v = rig_random(&random);
        assert_int_equal(stats_numbers(&k.stats, &v, 1, &k.err), ERR_OK);
    }
    assert_non_null(k.stats.sketch);
    stats_release(&k.stats);
}

static void nulls_are_counted_in_any_number(void **state)
{
    (void)state;
    static uint8_t null[70000];
    uint64_t random = 4;
    size_t set = 0;
    for (size_t i = 0; i < sizeof null; i++) {
        if (i % 777 == 0)
            assert_int_equal(values_nulls(null, i), set);
        null[i] = i > 30000 || rig_random(&random) % 3 == 0;
        set += null[i];
    }
    assert_int_equal(values_nulls(null, sizeof null), set);
}

/* --- pairs -----------------------------------------------------------------------------------------------
 */

static double reference_r(const double *a, const double *b, const bool *skip, size_t n)
{
    long double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0, many = 0;
    for (size_t i = 0; i < n; i++)
        if (!skip[i]) {
            sa += (long double)a[i] - a[0];
            sb += (long double)b[i] - b[0];
            many++;
        }
    for (size_t i = 0; i < n; i++)
        if (!skip[i]) {
            long double x = (long double)a[i] - a[0] - sa / many, y = (long double)b[i] - b[0] - sb / many;
            saa += x * x;
            sbb += y * y;
            sab += x * y;
        }
    return (double)(sab / (sqrtl(saa) * sqrtl(sbb)));
}

static void correlations_are_pairwise_complete(void **state)
{
    (void)state;
    static const char *const types[] = {"double", "double", "bigint", "decimal(12,3)", "boolean", "double"};
    enum { N = 5000, C = 6 };
    static double v[C][N];
    static bool null[C][N], skip[N];
    const size_t columns[C] = {0, 1, 2, 3, 4, 5};
    struct rig rig;
    uint64_t random = 31;
    rig_init(&rig, types, C);
    for (size_t i = 0; i < N; i++) {
        double u = (double)(rig_random(&random) % 1000003);
        v[0][i] = u * u / 1e6;
        v[1][i] = 1e9 - u + (double)(rig_random(&random) % 1000);
        v[2][i] = 1e15 + (double)(rig_random(&random) % 100) + (i < 2000 ? 5 : 0);
        v[3][i] = floor(u / 3) / 8;
        v[4][i] = u > 500000;
        v[5][i] = 4;
        for (size_t c = 0; c < C; c++) {
            null[c][i] = (c == 1 && i > 3000 && i % 3 == 0) || (c == 3 && i % 2 == 0);
            if (null[c][i])
                batch_set_null(rig.batch, c);
            else if (c == 3) {
                char text[40];
                snprintf(text, sizeof text, "%.3f", v[c][i]);
                rig_put(&rig, rig.batch, c, text);
            } else if (c == 2 || c == 4)
                batch_set_i64(rig.batch, c, (int64_t)v[c][i]);
            else
                batch_set_f64(rig.batch, c, v[c][i]);
        }
        batch_commit_row(rig.batch, 1, 0);
    }
    struct correlate *whole, *a, *b;
    double r[C * C], merged[C * C];
    RIG_OK(&rig, correlate_new(&rig.schema, columns, C, &whole, &rig.err));
    RIG_OK(&rig, correlate_new(&rig.schema, columns, C, &a, &rig.err));
    RIG_OK(&rig, correlate_new(&rig.schema, columns, C, &b, &rig.err));
    correlate_add(whole, rig.batch, 0, 100);
    correlate_add(whole, rig.batch, 100, N);
    correlate_add(a, rig.batch, 0, 2345);
    correlate_add(b, rig.batch, 2345, N);
    correlate_merge(a, b);
    correlate_result(whole, r);
    correlate_result(a, merged);
    for (size_t i = 0; i < C; i++)
        for (size_t j = 0; j < C; j++) {
            for (size_t k = 0; k < N; k++)
                skip[k] = null[i][k] || null[j][k];
            if (i == 5 || j == 5) {
                assert_true(isnan(r[i * C + j]) && isnan(merged[i * C + j]));
                continue;
            }
            double want = reference_r(v[i], v[j], skip, N);
            assert_near(r[i * C + j], want, 1e-10);
            assert_near(merged[i * C + j], want, 1e-10);
        }
    correlate_clear(whole);
    correlate_add(whole, rig.batch, 0, 1);
    correlate_result(whole, r);
    assert_true(isnan(r[0]));
    correlate_free(whole);
    correlate_free(a);
    correlate_free(b);
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_hold_against_more_digits),
        cmocka_unit_test(merged_moments_are_those_of_all),
        cmocka_unit_test(sketched_numbers_keep_exact_parts),
        cmocka_unit_test(an_exact_table_counts_each_value),
        cmocka_unit_test(zero_has_no_sign),
        cmocka_unit_test(state_depends_on_order_alone),
        cmocka_unit_test(merged_are_as_one),
        cmocka_unit_test(merged_into_an_empty_one),
        cmocka_unit_test(texts_are_counted_and_measured),
        cmocka_unit_test(texts_without_a_grant_are_sketched),
        cmocka_unit_test(grants_are_kept),
        cmocka_unit_test(nulls_are_counted_in_any_number),
        cmocka_unit_test(correlations_are_pairwise_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
