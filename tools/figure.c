/*
 * figure: see figure.h.
 *
 * Invariant: the text depends on the number alone. printf brings the locale's point, of any length; what
 * stands between its digits becomes ".".
 */
#include "tools/figure.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/data/canon.h"

enum { DIGITS = 6, DIGITS_SHORT = 4, RAW_MAX = 48 };
#define WHOLE_MAX 1e15
#define SMALL_MAX 1e-4
#define DAY_US    86400e6

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Copies digits, sign and exponent; the locale's point becomes ".", zeros behind it go. */
static void tidy(const char *raw, char out[RAW_MAX])
{
    const char *exp = strchr(raw, 'e');
    size_t n = 0;
    bool point = false;

    for (const char *p = raw; *p && p != exp && n + 1 < RAW_MAX; p++) {
        if (is_digit(*p) || *p == '-') {
            out[n++] = *p;
        } else if (!point) {
            out[n++] = '.';
            point = true;
        }
    }
    while (point && out[n - 1] == '0')
        n--;
    if (point && out[n - 1] == '.')
        n--;
    out[n] = '\0';
    if (exp)
        snprintf(out + n, RAW_MAX - n, "e%ld", strtol(exp + 1, NULL, 10));
}

/* Commas between thousands of the whole part. */
static char *group(const char *plain, char out[FIGURE_MAX])
{
    size_t sign = plain[0] == '-', whole = strspn(plain + sign, "0123456789"), n = 0;

    for (size_t i = 0; plain[i] && n + 2 < FIGURE_MAX; i++) {
        if (i > sign && i < sign + whole && (sign + whole - i) % 3 == 0)
            out[n++] = ',';
        out[n++] = plain[i];
    }
    out[n] = '\0';
    return out;
}

static char *number(double v, int wanted, char out[FIGURE_MAX])
{
    char raw[RAW_MAX], plain[RAW_MAX];
    double a = fabs(v);

    if (!isfinite(v)) {
        snprintf(out, FIGURE_MAX, "%s", isnan(v) ? "-" : v > 0 ? "inf" : "-inf");
        return out;
    }
    if (a >= WHOLE_MAX || (a < SMALL_MAX && a > 0)) {
        snprintf(raw, sizeof raw, "%.*e", wanted - 1, v);
    } else {
        int digits = a >= 1 ? (int)floor(log10(a)) + 1 : a > 0 ? (int)ceil(log10(a)) : 1;
        int places = v == floor(v) || digits >= wanted ? 0 : wanted - digits;

        snprintf(raw, sizeof raw, "%.*f", places, v == 0 ? 0.0 : v);
    }
    tidy(raw, plain);
    return group(plain, out);
}

char *figure_number(double v, char out[FIGURE_MAX])
{
    return number(v, DIGITS, out);
}

char *figure_count(int64_t n, char out[FIGURE_MAX])
{
    char plain[RAW_MAX];

    snprintf(plain, sizeof plain, "%" PRId64, n);
    return group(plain, out);
}

char *figure_share(double share, char out[FIGURE_MAX])
{
    if (!(share > 0)) {
        snprintf(out, FIGURE_MAX, "0 %%");
    } else if (share < 0.0005) {
        snprintf(out, FIGURE_MAX, "<0.1 %%");
    } else if (share >= 1) {
        snprintf(out, FIGURE_MAX, "100 %%");
    } else {
        int tenths = (int)lround(share * 1000);

        if (tenths == 1000)
            snprintf(out, FIGURE_MAX, ">99.9 %%");
        else
            snprintf(out, FIGURE_MAX, "%d.%d %%", tenths / 10, tenths % 10);
    }
    return out;
}

char *figure_part(int64_t n, int64_t all, char out[FIGURE_MAX])
{
    return figure_share(all > 0 ? (double)n / (double)all : 0, out);
}

bool figure_moment(const struct report_column *column, double v, int64_t *us)
{
    static const int64_t begin = HOUR_MIN * HOUR_US, end = (HOUR_MAX + 1) * HOUR_US;
    bool days = column->type.kind == TYPE_DATE;
    double at = days ? round(v * DAY_US) : floor(v); /* a day's fraction is rounding in its last digits */

    if (!(at >= (double)begin) || !(days ? at < (double)end : at <= (double)end))
        return false;
    /* So far from 1970 a double is no single microsecond: the last ones are read as the end itself. */
    *us = at < (double)end ? (int64_t)at : end - 1;
    return true;
}

char *figure_value(const struct report_column *column, double v, char out[FIGURE_MAX])
{
    int64_t us;
    char *end;

    if (column->kind != REPORT_TIME || !figure_moment(column, v, &us))
        return figure_number(v, out);
    if (column->type.kind == TYPE_DATE && v == floor(v))
        end = canon_put_date(out, (int64_t)v);
    else
        end = canon_put_timestamp(out, us - ((us % 1000000) + 1000000) % 1000000);
    *end = '\0';
    return out;
}

char *figure_short(const struct report_column *column, double v, char out[FIGURE_MAX])
{
    if (column->kind != REPORT_TIME)
        return number(v, DIGITS_SHORT, out);
    figure_value(column, v, out);
    if (strlen(out) > 10 && out[10] == ' ')
        out[10] = '\0';
    return out;
}

char *figure_span(const struct report_column *column, double v, char out[FIGURE_MAX])
{
    if (column->kind != REPORT_TIME)
        return figure_number(v, out);

    double days = column->type.kind == TYPE_DATE ? v : v / DAY_US, length = fabs(days);
    const char *unit = " days";
    if (length > 0 && length < 1.0 / 24) {
        days *= 24 * 60;
        unit = " min";
    } else if (length > 0 && length < 1) {
        days *= 24;
        unit = " h";
    }
    number(days, DIGITS_SHORT, out);
    if (strlen(out) + strlen(unit) < FIGURE_MAX)
        memcpy(out + strlen(out), unit, strlen(unit) + 1);
    return out;
}
