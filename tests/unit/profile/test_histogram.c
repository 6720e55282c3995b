/* view: where an axis ends, and when its bins grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/profile/profile.h"

enum { ROWS = 20000 };

static char names[2][2] = {"d", "i"};
static struct schema_column columns[] = {{.name = names[0], .type = {.kind = TYPE_DOUBLE}, .nullable = true},
                                         {.name = names[1], .type = {.kind = TYPE_BIGINT}, .nullable = true}};
static size_t loaded[] = {0, 1};
static const struct schema schema = {.columns = columns, .ncolumns = 2, .loaded = loaded, .nloaded = 2};

/* The double's histogram and the integer's, of value(i) for i of n. */
static struct report *profile_of(double (*value)(int i), int n)
{
    struct profile_options options = {.schema = &schema, .by = -1, .threads = 1};
    struct hour_range range = {0};
    struct profile *profile;
    struct report *report;
    struct batch *batch;
    struct err err = ERR_INIT;

    assert_int_equal(batch_new(&schema, ROWS, 1024, &batch, &err), ERR_OK);
    for (int i = 0; i < n; i++) {
        batch_begin_row(batch);
        batch_set_f64(batch, 0, value(i));
        batch_set_i64(batch, 1, (int64_t)floor(value(i)));
        batch_commit_row(batch, i + 1, i);
    }
    assert_int_equal(profile_new(&options, &profile, &err), ERR_OK);
    assert_int_equal(profile_add(profile, batch, 0, batch->rows, false, 0, &err), ERR_OK);
    assert_int_equal(profile_finish(profile, "p", "w", &range, &report, &err), ERR_OK);
    profile_free(profile);
    batch_free(batch);
    return report;
}

/* Bins join, hold all values but those told as outside, and each is where it says. */
static const struct report_histogram *sound(const struct report *r, size_t c)
{
    const struct report_histogram *h = &r->columns[c].histogram;
    int64_t count = h->below + h->above;

    assert_in_range(h->nbins, 1, REPORT_BINS);
    for (int b = 0; b < h->nbins; b++) {
        assert_true(h->bins[b].low < h->bins[b].high || h->nbins == 1);
        if (b > 0)
            assert_true(h->bins[b].low == h->bins[b - 1].high);
        count += h->bins[b].count;
    }
    assert_int_equal(count, r->columns[c].count);
    if (!h->clipped)
        assert_int_equal(h->below + h->above, 0);
    return h;
}

static double even(int i)
{
    return i;
}

static double with_a_far_one(int i)
{
    return i == 7 ? 1e6 : i % 100;
}

/* As incomes and ratios in one column: most under 1, some in the thousands, one beyond. */
static double two_worlds(int i)
{
    return i == 5 ? 2e6 : i % 20 == 0 ? 0 : i % 4 == 1 ? 1000 + i % 3000 : 0.05 + (double)(i % 97) / 100;
}

static double below_zero(int i)
{
    return two_worlds(i) - 1;
}

/* One that is far below: the axis begins above it. */
static double far_below(int i)
{
    return i == 9 ? -1e5 : two_worlds(i);
}

static double many_decades(int i)
{
    return pow(10, i % 18);
}

static double mostly_zero(int i)
{
    return i % 10 ? 0 : i;
}

static double moments_of_a_day(int i)
{
    return 1.65e15 + (i == 3 ? 8.64e13 : i % 100);
}

static void an_even_axis(void **state)
{
    struct report *r = profile_of(even, 1000);
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        assert_false(sound(r, c)->clipped);
        assert_false(sound(r, c)->logarithmic);
    }
    assert_int_equal(sound(r, 1)->nbins, 40);
    assert_int_equal(sound(r, 1)->bins[3].count, 25);
    report_free(r);
}

static void a_clipped_axis(void **state)
{
    struct report *r = profile_of(with_a_far_one, 10000);
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        assert_true(sound(r, c)->clipped);
        assert_false(sound(r, c)->logarithmic);
        assert_true(sound(r, c)->above >= 1);
    }
    report_free(r);
}

static void a_growing_axis(void **state)
{
    struct report *r = profile_of(two_worlds, 10000);
    const struct report_histogram *h = sound(r, 0);
    int64_t most = 0;
    (void)state;

    assert_true(h->logarithmic);
    assert_false(h->clipped);
    assert_true(h->bins[0].low == 0);
    assert_true(h->bins[h->nbins - 1].high == 2e6);
    assert_int_equal(h->bins[h->nbins - 1].count, 1);
    assert_in_range(h->bins[0].count, 500, 600); /* the zeros */
    for (int b = 2; b + 1 < h->nbins; b++) {
        double factor = (h->bins[b].high - h->bins[b].low) / (h->bins[b - 1].high - h->bins[b - 1].low);

        assert_true(factor > 1.4 && factor < 1.8);
    }
    for (int b = 0; b < h->nbins; b++)
        most = h->bins[b].count > most ? h->bins[b].count : most;
    assert_true(most < 5000); /* not half of them in one, which is why it grows */
    h = sound(r, 1);
    assert_true(h->logarithmic);
    for (int b = 0; b < h->nbins; b++)
        assert_true(h->bins[b].low == floor(h->bins[b].low)); /* no bin without an integer */
    report_free(r);
}

static void a_growing_axis_may_begin_later(void **state)
{
    struct report *r = profile_of(far_below, 10000);
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        assert_true(sound(r, c)->logarithmic);
        assert_true(sound(r, c)->clipped);
        assert_int_equal(sound(r, c)->below, 1);
        assert_int_equal(sound(r, c)->above, 0);
    }
    report_free(r);
}

static void what_cannot_grow(void **state)
{
    struct report *r = profile_of(below_zero, 10000);
    (void)state;
    assert_false(sound(r, 0)->logarithmic);
    report_free(r);
    r = profile_of(moments_of_a_day, 1000);
    assert_false(sound(r, 0)->logarithmic);
    report_free(r);
    r = profile_of(many_decades, 180);
    assert_true(sound(r, 0)->logarithmic);
    assert_true(sound(r, 1)->logarithmic);
    report_free(r);
    r = profile_of(mostly_zero, 10000);
    assert_true(sound(r, 0)->logarithmic);
    assert_int_equal(sound(r, 0)->bins[0].count, 9001);
    report_free(r);
    r = profile_of(even, 1);
    assert_int_equal(sound(r, 0)->nbins, 1);
    report_free(r);
    r = profile_of(even, 2);
    sound(r, 0);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_even_axis),     cmocka_unit_test(a_clipped_axis),
        cmocka_unit_test(a_growing_axis),   cmocka_unit_test(a_growing_axis_may_begin_later),
        cmocka_unit_test(what_cannot_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
