/*
 * hour: UTC hours, the proleptic Gregorian calendar and the texts that stand for moments and durations.
 *
 * Invariants: whatever is parsed lies in years 1 to 9999; a text is taken whole or not at all (fixed digits,
 * no signs, no spaces, nothing behind it), and on failure the output is untouched.
 */
#include "core/base/hour.h"

#include <stddef.h>
#include <stdio.h>

enum {
    EPOCH_DAYS = 719162, /* days from 0001-01-01 to 1970-01-01 */
    DAYS_400Y = 146097,
    DAYS_100Y = 36524,
    DAYS_4Y = 1461,
    DAYS_1Y = 365,
};

/* The largest duration: microseconds made from it still fit. */
#define DURATION_MAX_MS (INT64_MAX / 1000)

/* Days of a common year before each month. */
static const int BEFORE_MONTH[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of the year before a month (1..13). */
static int days_before(int64_t year, int month)
{
    return BEFORE_MONTH[month - 1] + (month > 2 && is_leap(year));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

bool civil_to_days(int year, int month, int day, int64_t *days)
{
    int64_t past = (int64_t)year - 1;

    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
        day > days_before(year, month + 1) - days_before(year, month))
        return false;
    *days = past * 365 + past / 4 - past / 100 + past / 400 + days_before(year, month) + day - 1 - EPOCH_DAYS;
    return true;
}

void days_to_civil(int64_t days, int *year, int *month, int *day)
{
    int64_t cycle = floor_div(days + EPOCH_DAYS, DAYS_400Y);
    int64_t left = days + EPOCH_DAYS - cycle * DAYS_400Y;
    int64_t century, four, one, y;
    int m = 1;

    /* The last century and the last year of a cycle are a day longer than the others. */
    century = left / DAYS_100Y < 4 ? left / DAYS_100Y : 3;
    left -= century * DAYS_100Y;
    four = left / DAYS_4Y;
    left -= four * DAYS_4Y;
    one = left / DAYS_1Y < 4 ? left / DAYS_1Y : 3;
    left -= one * DAYS_1Y;
    y = cycle * 400 + century * 100 + four * 4 + one + 1;
    while (left >= days_before(y, m + 1))
        m++;
    *year = (int)y;
    *month = m;
    *day = (int)left - days_before(y, m) + 1;
}

bool hour_from_civil(int year, int month, int day, int hour, hour_t *out)
{
    int64_t days;

    if (hour < 0 || hour > 23 || !civil_to_days(year, month, day, &days))
        return false;
    *out = days * 24 + hour;
    return true;
}

void hour_to_civil(hour_t h, int *year, int *month, int *day, int *hour)
{
    int64_t days = floor_div(h, 24);

    days_to_civil(days, year, month, day);
    *hour = (int)(h - days * 24);
}

hour_t hour_of_us(int64_t wall_us)
{
    return floor_div(wall_us, HOUR_US);
}

int64_t hour_start_us(hour_t hour)
{
    return hour * HOUR_US;
}

void hour_format(hour_t hour, char out[HOUR_TEXT_MAX])
{
    int y, m, d, h;

    hour_to_civil(hour, &y, &m, &d, &h);
    snprintf(out, HOUR_TEXT_MAX, "%04d-%02d-%02dT%02d", y, m, d, h);
}

void hour_format_compact(hour_t hour, char out[HOUR_TEXT_MAX])
{
    int y, m, d, h;

    hour_to_civil(hour, &y, &m, &d, &h);
    snprintf(out, HOUR_TEXT_MAX, "%04d%02d%02d%02d", y, m, d, h);
}

/* Reads text by a form in which a digit N stands for a number of exactly N digits and everything else for
 * itself. Returns what is left of text, NULL where it does not fit. */
static const char *scan(const char *text, const char *form, int *out)
{
    for (; *form; form++) {
        if (*form < '0' || *form > '9') {
            if (*text++ != *form)
                return NULL;
            continue;
        }
        *out = 0;
        for (int n = *form - '0'; n > 0; n--, text++) {
            if (*text < '0' || *text > '9')
                return NULL;
            *out = *out * 10 + (*text - '0');
        }
        out++;
    }
    return text;
}

static bool scan_hour(const char *text, hour_t *out)
{
    static const char *const forms[] = {"4-2-2T2", "4222", "4-2-2"};

    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        int v[4] = {0};
        const char *end = scan(text, forms[i], v);

        if (end && !*end)
            return hour_from_civil(v[0], v[1], v[2], v[3], out);
    }
    return false;
}

enum err_code hour_parse(const char *text, hour_t *out, struct err *err)
{
    if (!scan_hour(text, out))
        return err_set(err, ERRN_USAGE,
                       "\"%.40s\" is no hour: write 2022-06-05T12, 2022060512 or 2022-06-05 (its hour 00)",
                       text);
    return ERR_OK;
}

/* "2022-06-05T12:34:56", then perhaps a fraction of 1 to 6 digits, then perhaps Z. */
static bool scan_moment(const char *text, int64_t *out)
{
    int v[6];
    int64_t micros = 0;
    const char *p = scan(text, "4-2-2T2:2:2", v);
    hour_t hour;

    if (!p || v[4] > 59 || v[5] > 59 || !hour_from_civil(v[0], v[1], v[2], v[3], &hour))
        return false;
    if (*p == '.') {
        int64_t unit = 1000000;

        for (p++; *p >= '0' && *p <= '9' && unit > 1; p++) {
            unit /= 10;
            micros += (*p - '0') * unit;
        }
        if (unit == 1000000)
            return false;
    }
    if (*p == 'Z')
        p++;
    if (*p)
        return false;
    *out = hour_start_us(hour) + (v[4] * 60 + v[5]) * INT64_C(1000000) + micros;
    return true;
}

enum err_code time_parse_us(const char *text, int64_t *out_us, struct err *err)
{
    hour_t hour;

    if (scan_hour(text, &hour))
        *out_us = hour_start_us(hour);
    else if (!scan_moment(text, out_us))
        return err_set(err, ERRN_USAGE,
                       "\"%.40s\" is no time: write 2022-06-05T12:34:56Z, 2022-06-05T12 or 2022-06-05", text);
    return ERR_OK;
}

/* Milliseconds of a unit, 0 where it is not known. */
static int64_t unit_ms(const char *unit)
{
    if (unit[0] == 'm' && unit[1] == 's' && !unit[2])
        return 1;
    if (!unit[0] || unit[1])
        return 0;
    switch (unit[0]) {
    case 's':
        return 1000;
    case 'm':
        return 60 * 1000;
    case 'h':
        return 3600 * 1000;
    case 'd':
        return 24 * 3600 * 1000;
    default:
        return 0;
    }
}

enum err_code duration_parse(const char *text, int64_t *out_ms, struct err *err)
{
    const char *p = text;
    int64_t n = 0, unit;

    for (; *p >= '0' && *p <= '9' && n <= DURATION_MAX_MS / 10; p++)
        n = n * 10 + (*p - '0');
    unit = p > text ? unit_ms(p) : 0;
    if (!unit || n > DURATION_MAX_MS / unit)
        return err_set(err, ERRN_USAGE,
                       "\"%.40s\" is no duration: write a number and ms, s, m, h or d (60s, 5m)", text);
    *out_ms = n * unit;
    return ERR_OK;
}
