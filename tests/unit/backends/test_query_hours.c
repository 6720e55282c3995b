/* query_hours: what comparisons leave of the hours, held against each hour of some years one by one. */
#include "backends/query_hours.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct hour_range everything;

static hour_t at(int y, int m, int d, int h)
{
    hour_t hour = 0;
    assert_true(hour_from_civil(y, m, d, h, &hour));
    return hour;
}

static void nothing_said_bounds_nothing(void **state)
{
    (void)state;
    struct hour_set set;
    struct hour_range got, within = {true, 10, 20};
    hour_set_all(&set);
    assert_true(hour_set_has(&set, HOUR_MIN) && hour_set_has(&set, HOUR_MAX));
    assert_true(hour_set_range(&set, &everything, &got));
    assert_false(got.bounded);
    assert_true(hour_set_range(&set, &within, &got));
    assert_true(got.bounded && got.from == 10 && got.to == 20);
    within.to = 10;
    assert_false(hour_set_range(&set, &within, &got));
}

static void each_equality_narrows(void **state)
{
    (void)state;
    struct hour_set set;
    struct hour_range got;
    hour_set_all(&set);
    hour_set_keep(&set, PART_YEAR, HOUR_EQ, 2022);
    assert_true(hour_set_range(&set, &everything, &got));
    assert_true(got.from == at(2022, 1, 1, 0) && got.to == at(2023, 1, 1, 0));
    hour_set_keep(&set, PART_MONTH, HOUR_EQ, 6);
    assert_true(hour_set_range(&set, &everything, &got));
    assert_true(got.from == at(2022, 6, 1, 0) && got.to == at(2022, 7, 1, 0));
    hour_set_keep(&set, PART_DAY, HOUR_EQ, 5);
    assert_true(hour_set_range(&set, &everything, &got));
    assert_true(got.from == at(2022, 6, 5, 0) && got.to == at(2022, 6, 6, 0));
    hour_set_keep(&set, PART_HOUR, HOUR_EQ, 12);
    assert_true(hour_set_range(&set, &everything, &got));
    assert_true(got.from == at(2022, 6, 5, 12) && got.to == at(2022, 6, 5, 13));
    const struct hour_range before = {true, HOUR_MIN, at(2022, 6, 5, 12)};
    assert_false(hour_set_range(&set, &before, &got));
    const struct hour_range around = {true, at(2022, 6, 5, 3), at(2022, 7, 1, 0)};
    assert_true(hour_set_range(&set, &around, &got));
    assert_true(got.from == at(2022, 6, 5, 12) && got.to == at(2022, 6, 5, 13));
    hour_set_all(&set);
    hour_set_keep(&set, PART_DAY, HOUR_EQ, 5);
    assert_true(hour_set_range(&set, &around, &got));
    assert_true(got.from == at(2022, 6, 5, 3) && got.to == at(2022, 6, 6, 0));
    hour_set_keep(&set, PART_HOUR, HOUR_EQ, 12);
}

static void dates_that_do_not_exist_are_no_ends(void **state)
{
    (void)state;
    struct hour_set set;
    struct hour_range got;
    hour_set_all(&set);
    hour_set_keep(&set, PART_MONTH, HOUR_EQ, 2);
    hour_set_keep(&set, PART_DAY, HOUR_EQ, 29);
    assert_true(hour_set_range(&set, &everything, &got));
    assert_true(got.from == at(4, 2, 29, 0) && got.to == at(9996, 3, 1, 0));
    hour_set_keep(&set, PART_DAY, HOUR_GE, 30);
    assert_false(hour_set_range(&set, &everything, &got));
    hour_set_all(&set);
    hour_set_keep(&set, PART_MONTH, HOUR_EQ, 2);
    hour_set_keep(&set, PART_DAY, HOUR_EQ, 30);
    assert_false(hour_set_range(&set, &everything, &got));
}

/* The same by brute force, over comparisons and numbers of all sorts. */
static void no_hour_is_lost(void **state)
{
    (void)state;
    static const double NUMBERS[] = {-1e300,  -1,   0,    0.5,  1,    2,     5,        5.5,      12,
                                     13,      23,   24,   28.5, 29,   31,    32,       2019.99,  2020,
                                     2020.01, 2021, 9999, 1e4,  1e18, 1e300, INFINITY, -INFINITY};
    enum { N = sizeof NUMBERS / sizeof *NUMBERS };
    for (int part = 0; part < PART_COUNT; part++)
        for (int compare = HOUR_EQ; compare <= HOUR_GE; compare++)
            for (int n = 0; n < N; n++) {
                struct hour_set set;
                struct hour_range got = {true, 0, 0};
                hour_set_all(&set);
                hour_set_keep(&set, (enum hour_part)part, (enum hour_compare)compare, NUMBERS[n]);
                bool any = hour_set_range(&set, &everything, &got);
                for (hour_t h = at(2020, 1, 1, 0); h < at(2021, 3, 1, 0); h += 5) {
                    int p[PART_COUNT];
                    hour_to_civil(h, &p[0], &p[1], &p[2], &p[3]);
                    double x = p[part], v = NUMBERS[n];
                    bool want = compare == HOUR_EQ   ? x == v
                                : compare == HOUR_LT ? x < v
                                : compare == HOUR_LE ? x <= v
                                : compare == HOUR_GT ? x > v
                                                     : x >= v;
                    assert_int_equal(hour_set_has(&set, h), want);
                    assert_true(!want || (any && hour_in_range(h, &got)));
                }
            }
}

static void lists_keep_what_they_name(void **state)
{
    (void)state;
    struct hour_set set;
    struct hour_range got;
    hour_set_all(&set);
    hour_set_keep_in(&set, PART_HOUR, (double[]){23, 5, 5.5, -1, 24, NAN, 0, 5}, 8);
    for (int h = 0; h < 24; h++)
        assert_int_equal(hour_set_has(&set, at(2022, 6, 5, h)), h == 0 || h == 5 || h == 23);
    hour_set_keep_in(&set, PART_HOUR, (double[]){5, 6}, 2);
    hour_set_keep_in(&set, PART_YEAR, (double[]){2024, 2021, 1e300}, 3);
    assert_true(hour_set_range(&set, &everything, &got));
    assert_true(got.from == at(2021, 1, 1, 5) && got.to == at(2024, 12, 31, 6));
    assert_false(hour_set_has(&set, at(2022, 1, 1, 5)));
    hour_set_keep_in(&set, PART_DAY, NULL, 0);
    assert_false(hour_set_range(&set, &everything, &got));
    hour_set_all(&set);
    hour_set_none(&set);
    assert_false(hour_set_range(&set, &everything, &got));
    assert_false(hour_set_has(&set, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_bounds_nothing),         cmocka_unit_test(each_equality_narrows),
        cmocka_unit_test(dates_that_do_not_exist_are_no_ends), cmocka_unit_test(no_hour_is_lost),
        cmocka_unit_test(lists_keep_what_they_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
