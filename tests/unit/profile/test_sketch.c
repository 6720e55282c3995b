/* What sketches promise: errors within their bounds over many seeds and sizes, the same for merged ones. */
#include "core/profile/sketch.h"
#include "core/profile/table.h"
#include "core/profile/texts.h"
#include "tests/unit/profile/profile_rig.h"

static void distinct_is_within_three_errors(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 10, 1000, 10000, 30000, 41000, 60000, 100000, 1000000};
    struct err err = ERR_INIT;
    uint64_t random = 7;
    int beyond_two = 0, runs = 0;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int run = 0; run < 10; run++, runs++) {
            struct hll hll;
            assert_int_equal(hll_init(&hll, &err), ERR_OK);
            for (size_t i = 0; i < sizes[s]; i++) {
                uint64_t hash = table_hash(rig_random(&random));
                hll_add(&hll, hash);
                if (i % 3 == 0)
                    hll_add(&hll, hash); /* twice is once */
            }
            double n = (double)sizes[s], off = fabs(hll_estimate(&hll) - n);
            if (off > 3 * HLL_ERROR * n + 0.5)
                fail_msg("%zu values are told as %.1f", sizes[s], hll_estimate(&hll));
            beyond_two += off > 2 * HLL_ERROR * n + 0.5;
            hll_release(&hll);
        }
    assert_true(beyond_two <= runs / 10);
}

static void merged_distinct_is_that_of_all(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct hll a, b, all;
    assert_int_equal(hll_init(&a, &err) || hll_init(&b, &err) || hll_init(&all, &err), 0);
    for (uint64_t i = 0; i < 50000; i++) {
        hll_add(i < 30000 ? &a : &b, table_hash(i));
        hll_add(&all, table_hash(i));
        if (i % 5 == 0)
            hll_add(&a, table_hash(i));
    }
    hll_merge(&a, &b);
    assert_memory_equal(a.registers, all.registers, HLL_REGISTERS);
    hll_release(&a);
    hll_release(&b);
    hll_release(&all);
}

enum order { RISING, FALLING, SHUFFLED, PARTS, ORDERS };

/* 0 .. n - 1 in some order. */
static double *numbers(size_t n, enum order order, uint64_t seed)
{
    double *v = malloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = order == FALLING ? (double)(n - 1 - i) : (double)i;
    for (size_t i = n - 1; i > 0 && order >= SHUFFLED; i--) {
        size_t j = rig_random(&seed) % (i + 1);
        double moved = v[i];
        v[i] = v[j];
        v[j] = moved;
    }
    return v;
}

/* The largest error of the rank at each hundredth, as a share. */
static double rank_error(const struct kll *kll, size_t n)
{
    struct err err = ERR_INIT;
    struct kll_item *items;
    size_t many, at = 0;
    uint64_t weight = 0;
    double worst = 0;
    assert_int_equal(kll_items(kll, &items, &many, &err), ERR_OK);
    for (int q = 1; q < 100; q++) {
        double x = floor((double)n * q / 100); /* so many are less */
        for (; at < many && items[at].value < x; at++)
            weight += items[at].weight;
        worst = fmax(worst, fabs((double)weight - x) / (double)n);
    }
    for (; at < many; at++)
        weight += items[at].weight;
    assert_int_equal(weight, n);
    for (size_t i = 1; i < many; i++)
        assert_true(items[i - 1].value <= items[i].value);
    free(items);
    return worst;
}

static void ranks_are_within_the_bound(void **state)
{
    (void)state;
    static const struct {
        size_t width, n;
        int seeds;
    } cases[] = {{128, 1, 1},      {128, 127, 2},    {128, 1000, 20},   {128, 100000, 10},
                 {128, 500001, 2}, {512, 300000, 2}, {2048, 1000000, 1}};
    struct err err = ERR_INIT;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (int seed = 1; seed <= cases[c].seeds; seed++)
            for (enum order order = RISING; order < ORDERS; order++) {
                struct kll kll, part;
                size_t n = cases[c].n;
                double *v = numbers(n, order, (uint64_t)seed);
                assert_int_equal(kll_init(&kll, cases[c].width, (uint64_t)seed, &err), ERR_OK);
                assert_int_equal(kll_init(&part, cases[c].width, (uint64_t)seed + 99, &err), ERR_OK);
                for (size_t i = 0; i < n; i++)
                    kll_add(order == PARTS && i % 3 == 0 ? &part : &kll, v[i]);
                kll_merge(&kll, &part);
                double worst = rank_error(&kll, n);
                /* 99 ranks are looked at, and few of all are at the bound. */
                if (worst > kll_error(cases[c].width))
                    fail_msg("width %zu, %zu values, order %d, seed %d: off by %g", cases[c].width, n,
                             (int)order, seed, worst);
                if (n < cases[c].width)
                    assert_true(worst == 0);
                kll_release(&kll);
                kll_release(&part);
                free(v);
            }
}

/* Every eighth value is another: whoever draws from groups of eight draws it as often as it is there. */
static void a_period_is_not_mistaken(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct kll kll;
    struct kll_item *items;
    size_t n;
    uint64_t told = 0;
    assert_int_equal(kll_init(&kll, 128, 1, &err), ERR_OK);
    for (int i = 0; i < 1000000; i++)
        kll_add(&kll, i % 8 == 7);
    assert_true(kll.base >= 3); /* a group is whole periods */
    assert_int_equal(kll_items(&kll, &items, &n, &err), ERR_OK);
    for (size_t i = 0; i < n; i++)
        told += items[i].value > 0 ? items[i].weight : 0;
    assert_true(fabs((double)told / 1e6 - 0.125) <= kll_error(128));
    free(items);
    kll_release(&kll);
}

/* Values with weights are as so many values; also weights beyond all levels. */
static void weighted_values_count_as_many(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct kll kll;
    uint64_t random = 3, total = 0;
    struct kll_item *items;
    size_t n;
    assert_int_equal(kll_init(&kll, 128, 5, &err), ERR_OK);
    uint64_t weights[5000], below = 0, told = 0;
    for (size_t i = 0; i < 5000; i++) {
        weights[i] = i == 2500 ? UINT64_C(5000000) : 1 + rig_random(&random) % 5000;
        kll_add_many(&kll, (double)i, weights[i]);
        total += weights[i];
        below += i < 2000 ? weights[i] : 0;
    }
    assert_int_equal(kll_items(&kll, &items, &n, &err), ERR_OK);
    for (size_t i = 0; i < n; i++)
        told += items[i].value < 2000 ? items[i].weight : 0;
    assert_true(fabs((double)told - (double)below) <= kll_error(128) * (double)total);
    for (size_t i = 0; i < n; i++)
        total -= items[i].weight;
    assert_int_equal(total, 0);
    free(items);
    kll_release(&kll);
}

/* A lossy table: what is there is at most `lost` too low, and what is frequent is there. */
static void frequent_keys_stay(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct table table;
    uint64_t random = 11, counts[20] = {0};
    assert_int_equal(table_init(&table, &err), ERR_OK);
    assert_int_equal(table_make_lossy(&table, &err), ERR_OK);
    enum { N = 200000 };
    for (int i = 0; i < N; i++) {
        uint64_t key = rig_random(&random);
        if (i % 3 == 0) {
            key %= 20;
            counts[key]++;
        }
        table_add_lossy(&table, key, table_hash(key), 1);
    }
    assert_true(table.lost > 0 && table.lost <= N / (TABLE_LOSSY_SLOTS / 8));
    for (uint64_t key = 0; key < 20; key++) {
        uint64_t told = table_count(&table, key);
        assert_true(told <= counts[key] && told + table.lost >= counts[key]);
    }
    table_release(&table);
}

static void frequent_texts_stay(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct texts texts;
    uint64_t random = 13, counts[20] = {0};
    assert_int_equal(texts_init(&texts, &err), ERR_OK);
    assert_int_equal(texts_make_lossy(&texts, &err), ERR_OK);
    for (int i = 0; i < 100000; i++) {
        char text[200];
        uint64_t key = rig_random(&random);
        if (i % 3 == 0) {
            key %= 20;
            counts[key]++;
        }
        /* those below 20 begin alike, for longer than is kept */
        int len = snprintf(text, sizeof text, "%0*llu", key < 20 ? 150 : 1, (unsigned long long)key);
        texts_add_lossy(&texts, table_hash(key), text, (size_t)len, 1);
    }
    for (uint64_t key = 0; key < 20; key++) {
        char text[200];
        int len = snprintf(text, sizeof text, "%0150llu", (unsigned long long)key);
        uint64_t told = texts_find(&texts, table_hash(key), text, (size_t)len)->count;
        assert_true(told <= counts[key] && told + texts.lost >= counts[key]);
    }
    texts_release(&texts);
}

static void table_sorts_by_value(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    uint64_t random = 17;
    for (enum table_order order = TABLE_ORDER_INT; order <= TABLE_ORDER_REAL; order++) {
        struct table table;
        uint64_t sum = 0;
        assert_int_equal(table_init(&table, &err), ERR_OK);
        for (int i = 0; i < 20000; i++) {
            uint64_t key = rig_random(&random) >> (i % 7 * 8);
            if (order == TABLE_ORDER_REAL) {
                double v = ((double)(int64_t)key) * pow(10, i % 30 - 20);
                memcpy(&key, &v, sizeof key);
            }
            if (table_full(&table))
                assert_int_equal(table_grow(&table, &err), ERR_OK);
            struct table_entry *slot = table_slot(&table, key, table_hash(key));
            table.used += slot->count == 0;
            slot->key = key;
            slot->count += (uint64_t)i + 1;
            sum += (uint64_t)i + 1;
        }
        table_sort(&table, order);
        for (size_t i = 0; i < table.used; i++) {
            sum -= table.slots[i].count;
            if (i == 0)
                continue;
            uint64_t a = table.slots[i - 1].key, b = table.slots[i].key;
            double x, y;
            memcpy(&x, &a, sizeof x);
            memcpy(&y, &b, sizeof y);
            assert_true(order == TABLE_ORDER_INT ? (int64_t)a < (int64_t)b : x < y);
        }
        assert_int_equal(sum, 0);
        table_release(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_is_within_three_errors),
        cmocka_unit_test(merged_distinct_is_that_of_all),
        cmocka_unit_test(ranks_are_within_the_bound),
        cmocka_unit_test(weighted_values_count_as_many),
        cmocka_unit_test(a_period_is_not_mistaken),
        cmocka_unit_test(frequent_keys_stay),
        cmocka_unit_test(frequent_texts_stay),
        cmocka_unit_test(table_sorts_by_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
