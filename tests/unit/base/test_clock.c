/* clock: the virtual clock repeats itself, the shifted one runs on, texts of moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hour.h"

#define SECOND INT64_C(1000000)

static void virtual_time_moves_by_sleep_only(void **unused)
{
    struct clock_virtual v;

    (void)unused;
    clock_virtual_init(&v, 7 * SECOND, 1);
    assert_int_equal(clock_wall_us(&v.base), 7 * SECOND);
    assert_int_equal(clock_mono_us(&v.base), 7 * SECOND);
    clock_sleep_us(&v.base, 3600 * SECOND);
    clock_sleep_us(&v.base, 0);
    clock_sleep_us(&v.base, -5);
    assert_int_equal(clock_wall_us(&v.base), 3607 * SECOND);
    assert_int_equal(clock_mono_us(&v.base), 3607 * SECOND);
    v.now_us = 9;
    assert_int_equal(clock_wall_us(&v.base), 9);
}

static void virtual_randomness_follows_the_seed(void **unused)
{
    struct clock_virtual a, b, c;
    int same = 0;

    (void)unused;
    clock_virtual_init(&a, 0, 42);
    clock_virtual_init(&b, 99, 42);
    clock_virtual_init(&c, 0, 43);
    for (int i = 0; i < 100; i++) {
        uint64_t value = clock_random(&a.base);

        assert_true(value == clock_random(&b.base));
        same += value == clock_random(&c.base);
    }
    assert_int_equal(same, 0);
}

static void real_clock_runs(void **unused)
{
    const struct clock *clock = clock_real();
    int64_t mono = clock_mono_us(clock);
    int64_t wall = clock_wall_us(clock);

    (void)unused;
    assert_true(wall > INT64_C(1700000000) * SECOND);
    clock_sleep_us(clock, 5000);
    clock_sleep_us(clock, -1);
    assert_in_range(clock_mono_us(clock) - mono, 5000, 60 * SECOND);
    assert_true(clock_random(clock) != clock_random(clock));
}

static void shifted_wall_starts_where_told(void **unused)
{
    struct clock_shifted s;
    int64_t start = INT64_C(1654430400) * SECOND;
    int64_t mono, wall;

    (void)unused;
    clock_shifted_init(&s, start);
    assert_in_range(clock_wall_us(&s.base) - start, 0, 60 * SECOND);
    mono = clock_mono_us(clock_real());
    assert_in_range(clock_mono_us(&s.base) - mono, 0, 60 * SECOND);
    wall = clock_wall_us(&s.base);
    clock_sleep_us(&s.base, 2000);
    assert_in_range(clock_wall_us(&s.base) - wall, 1000, 60 * SECOND);
}

static void moments_have_texts(void **unused)
{
    char text[CLOCK_TEXT_MAX];

    (void)unused;
    clock_format(INT64_C(1654430400) * SECOND, text);
    assert_string_equal(text, "2022-06-05T12:00:00Z");
    clock_format_us(INT64_C(1654430400) * SECOND + 3723000009, text);
    assert_string_equal(text, "2022-06-05T13:02:03.000009Z");
    clock_format_us(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
    clock_format_us(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999999Z");
    clock_format(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59Z");
    clock_format(hour_start_us(HOUR_MAX) + HOUR_US - 1, text);
    assert_string_equal(text, "9999-12-31T23:59:59Z");
    clock_format_us(INT64_MAX, text);
    assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
    clock_format_us(INT64_MIN, text);
    assert_string_equal(text, "-290308-12-21T19:59:05.224192Z");
}

static void test_backoff(void **state)
{
    static const int64_t whole[] = {1000, 2000, 4000, 5000, 5000};
    struct clock_virtual v;
    int64_t least = INT64_MAX, most = 0;

    (void)state;
    clock_virtual_init(&v, 0, 3);
    for (int tries = 1; tries <= 5; tries++) {
        for (int i = 0; i < 200; i++)
            assert_in_range(clock_backoff_us(&v.base, 1000, 5000, tries), whole[tries - 1] / 2,
                            whole[tries - 1]);
    }
    for (int i = 0; i < 1000; i++) {
        int64_t us = clock_backoff_us(&v.base, 1000, 5000, 1);
        least = us < least ? us : least;
        most = us > most ? us : most;
    }
    assert_true(least < 550 && most > 950); /* chance has its half */
    assert_int_equal(clock_backoff_us(&v.base, 0, 5000, 9), 0);
    assert_in_range(clock_backoff_us(&v.base, 9000, 5000, 1), 2500, 5000);
    assert_in_range(clock_backoff_us(&v.base, INT64_C(86400000000), INT64_C(3600000000), 100),
                    INT64_C(1800000000), INT64_C(3600000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff),
        cmocka_unit_test(virtual_time_moves_by_sleep_only),
        cmocka_unit_test(virtual_randomness_follows_the_seed),
        cmocka_unit_test(real_clock_runs),
        cmocka_unit_test(shifted_wall_starts_where_told),
        cmocka_unit_test(moments_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
