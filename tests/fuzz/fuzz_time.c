/*
 * fuzz_time: hours, moments, durations and cron lines from any text, and the calendar behind them.
 *
 * Checks: what is accepted lies in years 1 to 9999 and comes back from its own text; each form is read by all
 * who know it to the same moment; the C library's calendar agrees; a duration is its digits times its unit.
 */
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/cron.h"
#include "core/base/hour.h"
#include "core/base/mem.h"
#include "core/data/types.h"
#include "tests/fuzz/fuzz.h"

__extension__ typedef __int128 wide;

static void check_hour(hour_t hour)
{
    char text[HOUR_TEXT_MAX];
    hour_t back;
    int64_t us;
    int year, month, day, h;
    struct err err = ERR_INIT;

    FUZZ_CHECK(hour >= HOUR_MIN && hour <= HOUR_MAX);
    hour_format(hour, text);
    FUZZ_CHECK(strlen(text) == 13 && hour_parse(text, &back, &err) == ERR_OK && back == hour);
    FUZZ_CHECK(time_parse_us(text, &us, &err) == ERR_OK && us == hour_start_us(hour));
    hour_format_compact(hour, text);
    FUZZ_CHECK(strlen(text) == 10 && hour_parse(text, &back, &err) == ERR_OK && back == hour);
    hour_to_civil(hour, &year, &month, &day, &h);
    FUZZ_CHECK(hour_from_civil(year, month, day, h, &back) && back == hour);
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = h};
    FUZZ_CHECK(timegm(&tm) == hour * 3600);
    FUZZ_CHECK(tm.tm_mday == day && tm.tm_mon == month - 1 && tm.tm_year == year - 1900);
    FUZZ_CHECK(hour_of_us(hour_start_us(hour)) == hour);
    FUZZ_CHECK(hour_of_us(hour_start_us(hour) - 1) == hour - 1);
}

static void check_moment(const char *text, int64_t us)
{
    static const struct type timestamp = {.kind = TYPE_TIMESTAMP};
    char whole[CLOCK_TEXT_MAX];
    struct value value;
    struct err err = ERR_INIT;
    int64_t back;

    check_hour(hour_of_us(us));
    clock_format_us(us, whole);
    FUZZ_CHECK(time_parse_us(whole, &back, &err) == ERR_OK && back == us);
    FUZZ_CHECK(types_value(&timestamp, whole, strlen(whole), &value) == ERRN_NONE && value.i64 == us);
    if (strlen(text) >= 19) /* not one of the forms of an hour */
        FUZZ_CHECK(types_value(&timestamp, text, strlen(text), &value) == ERRN_NONE && value.i64 == us);
}

/* The other way: a timestamp without an offset is a moment. */
static void check_timestamp(const char *text)
{
    static const struct type timestamp = {.kind = TYPE_TIMESTAMP}, date = {.kind = TYPE_DATE};
    struct err err = ERR_INIT;
    struct value value;
    int64_t us;
    hour_t hour;

    if (types_value(&timestamp, text, strlen(text), &value) == ERRN_NONE) {
        FUZZ_CHECK(hour_of_us(value.i64) >= HOUR_MIN && hour_of_us(value.i64) <= HOUR_MAX);
        if (text[10] == 'T' && !strpbrk(text + 11, "+-"))
            FUZZ_CHECK(time_parse_us(text, &us, &err) == ERR_OK && us == value.i64);
    }
    if (types_value(&date, text, strlen(text), &value) == ERRN_NONE)
        FUZZ_CHECK(hour_parse(text, &hour, &err) == ERR_OK && hour == value.i64 * 24);
}

static void check_duration(const char *text)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    size_t digits = strspn(text, "0123456789");
    struct err err = ERR_INIT;
    int64_t ms, unit = 0;
    wide want = 0;

    for (size_t i = 0; i < digits && want < INT64_MAX; i++)
        want = want * 10 + (text[i] - '0');
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        unit = strcmp(text + digits, units[i].name) == 0 ? units[i].ms : unit;
    want *= unit;
    bool good = digits > 0 && unit > 0 && want <= INT64_MAX / 1000;
    FUZZ_CHECK((duration_parse(text, &ms, &err) == ERR_OK) == good);
    FUZZ_CHECK(good ? ms == want : err.name == ERRN_USAGE && *err.msg);
}

/* A cron line that is accepted comes, at whole minutes, and its next and last moments enclose each other. */
static void check_cron(const char *text)
{
    struct err err = ERR_INIT;
    struct cron cron;
    int64_t start = INT64_C(1654430400123456), next, last;

    if (cron_parse(text, &cron, &err) != ERR_OK) {
        FUZZ_CHECK(err.name == ERRN_CONFIG && *err.msg);
        return;
    }
    next = cron_next_us(&cron, start);
    last = cron_last_us(&cron, start);
    FUZZ_CHECK(next > start && next % 60000000 == 0 && last <= start && last % 60000000 == 0);
    FUZZ_CHECK(cron_next_us(&cron, last) == next && cron_last_us(&cron, next - 1) == last);
    FUZZ_CHECK(cron_last_us(&cron, next) == next);
}

FUZZ_TARGET(time)(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    struct err err = ERR_INIT;
    hour_t hour = -1;
    int64_t us, days = 0;

    if (hour_parse(text, &hour, &err) == ERR_OK) {
        check_hour(hour);
        FUZZ_CHECK(time_parse_us(text, &us, &err) == ERR_OK && us == hour_start_us(hour));
    } else {
        FUZZ_CHECK(hour == -1 && err.name == ERRN_USAGE && *err.msg);
    }
    err_clear(&err);
    if (time_parse_us(text, &us, &err) == ERR_OK)
        check_moment(text, us);
    check_timestamp(text);
    check_duration(text);
    check_cron(text);
    mem_free(text);
    if (size >= sizeof days) { /* any hour of the calendar, not only those that texts hit */
        memcpy(&days, data, sizeof days);
        check_hour(HOUR_MIN + (hour_t)((uint64_t)days % (uint64_t)(HOUR_MAX - HOUR_MIN + 1)));
    }
    return 0;
}
