/* hour: the calendar over its whole range, and texts that are taken whole or refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/hour.h"

static const char *hour_text(const char *text)
{
    static char out[HOUR_TEXT_MAX];
    struct err err = ERR_INIT;
    hour_t hour;

    if (hour_parse(text, &hour, &err) != ERR_OK)
        return "refused";
    hour_format(hour, out);
    return out;
}

static void calendar_is_a_walk_over_all_days(void **unused)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t expect = HOUR_MIN / 24, days;
    int year, month, day;

    (void)unused;
    for (int y = 1; y <= 9999; y++) {
        bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;

        for (int m = 1; m <= 12; m++) {
            int last = lengths[m - 1] + (m == 2 && leap);

            for (int d = 1; d <= last; d++, expect++) {
                days_to_civil(expect, &year, &month, &day);
                if (!civil_to_days(y, m, d, &days) || days != expect || year != y || month != m || day != d)
                    fail_msg("%04d-%02d-%02d", y, m, d);
            }
            assert_false(civil_to_days(y, m, last + 1, &days));
        }
    }
    assert_int_equal(expect * 24 - 1, HOUR_MAX);
    assert_true(civil_to_days(1970, 1, 1, &days));
    assert_int_equal(days, 0);
}

static void dates_that_are_none(void **unused)
{
    static const int none[][3] = {{0, 1, 1},
                                  {10000, 1, 1},
                                  {-1, 1, 1},
                                  {2022, 0, 1},
                                  {2022, 13, 1},
                                  {2022, 1, 0},
                                  {2022, 1, 32},
                                  {1900, 2, 29},
                                  {2023, 2, 29},
                                  {2022, 1, -1},
                                  {INT32_MIN, INT32_MIN, INT32_MIN}};
    int64_t days = 77;
    hour_t hour = 77;

    (void)unused;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(civil_to_days(none[i][0], none[i][1], none[i][2], &days));
    assert_false(hour_from_civil(2022, 6, 5, 24, &hour));
    assert_false(hour_from_civil(2022, 6, 5, -1, &hour));
    assert_false(hour_from_civil(2022, 6, 31, 0, &hour));
    assert_int_equal(days, 77);
    assert_int_equal(hour, 77);
}

static void hours_in_three_forms(void **unused)
{
    struct err err = ERR_INIT;
    char text[HOUR_TEXT_MAX];
    hour_t hour;
    int y, m, d, h;

    (void)unused;
    assert_string_equal(hour_text("2022-06-05T12"), "2022-06-05T12");
    assert_string_equal(hour_text("2022060512"), "2022-06-05T12");
    assert_string_equal(hour_text("2022-06-05"), "2022-06-05T00");
    assert_string_equal(hour_text("2024-02-29T23"), "2024-02-29T23");
    assert_int_equal(hour_parse("0001-01-01T00", &hour, &err), ERR_OK);
    assert_int_equal(hour, HOUR_MIN);
    assert_int_equal(hour_parse("9999123123", &hour, &err), ERR_OK);
    assert_int_equal(hour, HOUR_MAX);
    hour_format_compact(hour, text);
    assert_string_equal(text, "9999123123");
    hour_format_compact(HOUR_MIN, text);
    assert_string_equal(text, "0001010100");
    hour_to_civil(-1, &y, &m, &d, &h);
    assert_true(y == 1969 && m == 12 && d == 31 && h == 23);
}

static void other_hours_are_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "2022",
        "2022-06",
        "2022-6-5",
        "2022-06-05T",
        "2022-06-05T1",
        "2022-06-05T24",
        "2022-06-05T12Z",
        "2022-06-05T12:00",
        "2022-06-05 12",
        "2022-06-05t12",
        " 2022-06-05T12",
        "2022-06-05T12 ",
        "2022-06-05T-1",
        "+022-06-05T12",
        "202206051",
        "20220605123",
        "2022060524",
        "20220605",
        "2022-13-05",
        "2022-02-30",
        "0000-01-01T00",
        "0000010100",
        "2022/06/05",
        "2022-06-05T12\n",
        "2022-0x-05",
        "now",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_INIT;
        hour_t hour = 77;

        if (hour_parse(bad[i], &hour, &err) != ERR_USAGE)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_int_equal(hour, 77);
        assert_non_null(strstr(err.msg, "2022-06-05T12"));
        assert_non_null(strstr(err.msg, "2022060512"));
    }
}

static void hours_of_moments_are_floors(void **unused)
{
    (void)unused;
    assert_int_equal(hour_of_us(0), 0);
    assert_int_equal(hour_of_us(HOUR_US - 1), 0);
    assert_int_equal(hour_of_us(HOUR_US), 1);
    assert_int_equal(hour_of_us(-1), -1);
    assert_int_equal(hour_of_us(-HOUR_US), -1);
    assert_int_equal(hour_of_us(-HOUR_US - 1), -2);
    assert_int_equal(hour_start_us(-2), -2 * HOUR_US);
    assert_int_equal(hour_of_us(hour_start_us(HOUR_MIN)), HOUR_MIN);
    assert_int_equal(hour_of_us(hour_start_us(HOUR_MAX)), HOUR_MAX);
}

static void durations(void **unused)
{
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"0s", 0},       {"1234ms", 1234}, {"60s", 60000}, {"5m", 300000},
        {"2h", 7200000}, {"1d", 86400000}, {"007s", 7000}, {"9223372036854775ms", INT64_MAX / 1000},
    };
    static const char *const bad[] = {
        "",
        "5",
        "m",
        "5 m",
        " 5m",
        "5m ",
        "-5m",
        "+5m",
        "1.5h",
        "5M",
        "5min",
        "5mss",
        "ms",
        "1w",
        "5m3s",
        "0x5s",
        "9223372036854776ms",
        "9223372036854775807ms",
        "99999999999999999999ms",
        "106751991168d",
        "18446744073709551617s",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct err err = ERR_INIT;
        int64_t ms = -1;

        assert_int_equal(duration_parse(good[i].text, &ms, &err), ERR_OK);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_INIT;
        int64_t ms = -1;

        if (duration_parse(bad[i], &ms, &err) != ERR_USAGE)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_int_equal(ms, -1);
    }
}

static void moments(void **unused)
{
    const int64_t noon = INT64_C(1654430400000000);
    const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"2022-06-05T12", noon},
        {"2022060512", noon},
        {"2022-06-05", noon - 12 * HOUR_US},
        {"2022-06-05T12:34:56Z", noon + 2096000000},
        {"2022-06-05T12:34:56", noon + 2096000000},
        {"2022-06-05T12:00:00.5Z", noon + 500000},
        {"2022-06-05T12:00:00.000001", noon + 1},
        {"1969-12-31T23:59:59.999999Z", -1},
    };
    static const char *const bad[] = {
        "",
        "2022-06-05T12Z",
        "2022-06-05T12:34",
        "2022-06-05T12:34:5",
        "2022-06-05T12:60:00Z",
        "2022-06-05T12:00:60Z",
        "2022-06-05T24:00:00Z",
        "2022-06-05T12:00:00.Z",
        "2022-06-05T12:00:00.",
        "2022-06-05T12:00:00.0000001Z",
        "2022-06-05T12:00:00ZZ",
        "2022-06-05T12:00:00+00:00",
        "2022-06-05 12:00:00",
        "0000-06-05T12:00:00Z",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct err err = ERR_INIT;
        int64_t us = 77;

        assert_int_equal(time_parse_us(good[i].text, &us, &err), ERR_OK);
        assert_int_equal(us, good[i].us);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err err = ERR_INIT;
        int64_t us = 77;

        if (time_parse_us(bad[i], &us, &err) != ERR_USAGE)
            fail_msg("taken: \"%s\"", bad[i]);
        assert_int_equal(us, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar_is_a_walk_over_all_days),
        cmocka_unit_test(dates_that_are_none),
        cmocka_unit_test(hours_in_three_forms),
        cmocka_unit_test(other_hours_are_refused),
        cmocka_unit_test(hours_of_moments_are_floors),
        cmocka_unit_test(durations),
        cmocka_unit_test(moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
