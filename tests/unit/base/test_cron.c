/* cron: which minutes a line means, by a walk over all of them, and lines that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/cron.h"
#include "core/base/hour.h"

#define MINUTE INT64_C(60000000)

static struct cron parsed(const char *text)
{
    struct cron cron;
    struct err err = ERR_INIT;

    if (cron_parse(text, &cron, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.msg);
    return cron;
}

static int64_t at(const char *time)
{
    struct err err = ERR_INIT;
    int64_t us = 0;

    assert_int_equal(time_parse_us(time, &us, &err), ERR_OK);
    return us;
}

static void next_is(const char *line, const char *after, const char *expect)
{
    struct cron cron = parsed(line);
    char text[CLOCK_TEXT_MAX];

    clock_format(cron_next_us(&cron, at(after)), text);
    if (strcmp(text, expect) != 0)
        fail_msg("%s after %s: %s, not %s", line, after, text, expect);
}

static void the_next_moment(void **unused)
{
    (void)unused;
    next_is("0 * * * *", "2022-06-05T12:00:00Z", "2022-06-05T13:00:00Z");
    next_is("0 * * * *", "2022-06-05T11:59:59.999999Z", "2022-06-05T12:00:00Z");
    next_is("*/5 * * * *", "2022-12-31T23:55:00Z", "2023-01-01T00:00:00Z");
    next_is("5,10-12/2 6-8 * * *", "2022-06-05T06:05:00Z", "2022-06-05T06:10:00Z");
    next_is("5,10-12/2 6-8 * * *", "2022-06-05T08:12:00Z", "2022-06-06T06:05:00Z");
    next_is("30 4 1 JAN *", "2022-06-05T00:00:00Z", "2023-01-01T04:30:00Z");
    next_is("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z");
    next_is("0 0 * * mon", "2022-06-05T12:00:00Z", "2022-06-06T00:00:00Z");
    next_is("0 0 * * 7", "2022-06-05T00:00:00Z", "2022-06-12T00:00:00Z");
    next_is("0 0 * * 0", "2022-06-05T00:00:00Z", "2022-06-12T00:00:00Z");
    next_is("0 0 13 * fri", "2022-06-05T00:00:00Z", "2022-06-10T00:00:00Z"); /* either day */
    next_is("0 0 13 * fri", "2022-06-10T00:00:00Z", "2022-06-13T00:00:00Z");
    next_is("0 0 */2 * fri", "2022-06-05T00:00:00Z", "2022-06-17T00:00:00Z"); /* both */
    next_is("0 12 * * *", "1969-12-31T12:00:00Z", "1970-01-01T12:00:00Z");
    next_is("0 12 * * *", "1969-12-31T11:00:00Z", "1969-12-31T12:00:00Z");
    struct cron cron = parsed("0 0 * * *");
    assert_int_equal(cron_next_us(&cron, at("9999-12-31T00:00:00Z")), INT64_MAX);
    assert_int_equal(cron_last_us(&cron, at("0001-01-01T00:00:00Z")), at("0001-01-01T00:00:00Z"));
    cron = parsed("1 0 * * *");
    assert_int_equal(cron_last_us(&cron, at("0001-01-01T00:00:00Z")), INT64_MIN);
}

/* Walks over every minute of two years: next and last agree with it at each. */
static void next_and_last_agree_with_a_walk(void **unused)
{
    static const char *const lines[] = {"0 * * * *", "*/7 3-5 * * *", "15 12 28-31 */3 1-5", "59 23 31 * *",
                                        "0,30 0 1 1 *"};

    (void)unused;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct cron cron = parsed(lines[i]);
        int64_t start = at("2023-12-01T00:00:00Z"), last = cron_last_us(&cron, start - 1), seen = 0;

        for (int64_t t = cron_next_us(&cron, start - 1); t < at("2025-12-01T00:00:00Z"); seen++) {
            int64_t next = cron_next_us(&cron, t);

            assert_true(t > last && t % MINUTE == 0);
            assert_int_equal(cron_last_us(&cron, t - 1), last);
            assert_int_equal(cron_last_us(&cron, t), t);
            assert_int_equal(cron_next_us(&cron, t - 1), t);
            assert_int_equal(cron_next_us(&cron, t - MINUTE), t);
            assert_int_equal(cron_last_us(&cron, next - 1), t);
            last = t;
            t = next;
        }
        assert_true(seen > 1);
    }
}

static void refused(const char *line, const char *pattern)
{
    struct cron cron;
    struct err err = ERR_INIT;

    if (cron_parse(line, &cron, &err) != ERR_CONFIG || !strstr(err.msg, pattern))
        fail_msg("\"%s\": %s", line, err.msg);
}

static void lines_that_are_none(void **unused)
{
    (void)unused;
    refused("", "has 0");
    refused("0 * * *", "has 4");
    refused("0 * * * * *", "has 6");
    refused("@hourly", "five fields");
    refused("60 * * * *", "minute: \"60\" is not within 0 to 59");
    refused("0 24 * * *", "hour");
    refused("0 0 0 * *", "day of the month");
    refused("0 0 * 13 *", "month");
    refused("0 0 * * 8", "day of the week");
    refused("0 0 * * fri-mon", "not within");
    refused("5-1 * * * *", "not within");
    refused("*/0 * * * *", "minute");
    refused("5/2 * * * *", "minute");
    refused("1,,2 * * * *", "minute");
    refused("1, * * * *", "minute");
    refused(",1 * * * *", "minute");
    refused("1- * * * *", "minute");
    refused("-1 * * * *", "minute");
    refused("1x * * * *", "minute");
    refused("99999999999 * * * *", "minute");
    refused("0 0 * january *", "month");
    refused("0 0 30 2 *", "never comes");
    refused("0 0 31 4,6,9,11 *", "never comes");
    char longer[CRON_TEXT_MAX + 16];
    memset(longer, ' ', sizeof longer);
    memcpy(longer, "0 * * * *", 9);
    longer[sizeof longer - 1] = '\0';
    refused(longer, "longer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_next_moment),
                                       cmocka_unit_test(next_and_last_agree_with_a_walk),
                                       cmocka_unit_test(lines_that_are_none)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
