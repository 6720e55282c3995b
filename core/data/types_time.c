/*
 * types_time: text -> days and microseconds since 1970, proleptic Gregorian, years 1 to 9999, UTC.
 *
 * A minute has 60 seconds: leap seconds are refused, as no target can keep them. Offsets reach from -14:00 to
 * +14:00, the widest in use. A moment that its offset carries out of the years 1 to 9999 is CAST_RANGE.
 */
#include "core/base/hour.h"
#include "core/data/types_internal.h"

enum { DATE_LEN = 10, TIMESTAMP_LEN = 19, FRACTION_MAX = 6, OFFSET_LEN = 6, OFFSET_MINUTES_MAX = 14 * 60 };

/* The number in n digits, or -1. */
static int number(const char *text, size_t n)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(text[i]))
            return -1;
        v = v * 10 + (text[i] - '0');
    }
    return v;
}

static bool date(const char *text, int64_t *days)
{
    int year = number(text, 4), month = number(text + 5, 2), day = number(text + 8, 2);
    return text[4] == '-' && text[7] == '-' && year > 0 && month > 0 && day > 0 &&
           civil_to_days(year, month, day, days);
}

enum err_name types_date(const char *text, size_t len, int64_t *out)
{
    return len == DATE_LEN && date(text, out) ? ERRN_NONE : ERRN_CAST_DATE;
}

/* ".1" to ".123456" before `end` or an offset; moves *p behind it. */
static bool fraction(const char **p, const char *end, int64_t *us)
{
    *us = 0;
    if (*p == end || **p != '.')
        return true;
    const char *start = ++*p;
    int64_t unit = 100000;
    for (; *p < end && is_digit(**p) && unit > 0; (*p)++, unit /= 10)
        *us += (**p - '0') * unit;
    return *p > start;
}

/* Nothing, "Z", "+hh:mm" or "-hh:mm". */
static bool offset(const char *p, const char *end, int64_t *minutes)
{
    *minutes = 0;
    if (p == end || (end - p == 1 && *p == 'Z'))
        return true;
    if (end - p != OFFSET_LEN || (*p != '+' && *p != '-') || p[3] != ':')
        return false;
    int hh = number(p + 1, 2), mm = number(p + 4, 2);
    if (hh < 0 || mm < 0 || mm > 59 || hh * 60 + mm > OFFSET_MINUTES_MAX)
        return false;
    *minutes = *p == '-' ? -(hh * 60 + mm) : hh * 60 + mm;
    return true;
}

enum err_name types_timestamp(const char *text, size_t len, int64_t *out)
{
    int64_t days, us, minutes;
    if (len < TIMESTAMP_LEN || !date(text, &days) || (text[10] != ' ' && text[10] != 'T') ||
        text[13] != ':' || text[16] != ':')
        return ERRN_CAST_TIMESTAMP;
    int hour = number(text + 11, 2), minute = number(text + 14, 2), second = number(text + 17, 2);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return ERRN_CAST_TIMESTAMP;
    const char *p = text + TIMESTAMP_LEN, *end = text + len;
    if (!fraction(&p, end, &us) || !offset(p, end, &minutes))
        return ERRN_CAST_TIMESTAMP;
    us += (((days * 24 + hour) * 60 + minute - minutes) * 60 + second) * 1000000;
    if (us < HOUR_MIN * HOUR_US || us >= (HOUR_MAX + 1) * HOUR_US)
        return ERRN_CAST_RANGE;
    *out = us;
    return ERRN_NONE;
}
