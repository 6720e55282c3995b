/*
 * hour: an UTC hour as a number, and the calendar arithmetic behind it.
 *
 * hour_t counts hours since 1970-01-01T00Z. Years 1 to 9999. No time zones: everything in sluice is UTC.
 */
#ifndef SLUICE_BASE_HOUR_H
#define SLUICE_BASE_HOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

typedef int64_t hour_t;

#define HOUR_MIN ((hour_t)-17259888) /* 0001-01-01T00 */
#define HOUR_MAX ((hour_t)70389527)  /* 9999-12-31T23 */
#define HOUR_US  INT64_C(3600000000)

/* Hours [from, to); bounded = false: all there are. */
struct hour_range {
    bool bounded;
    hour_t from, to;
};
static inline bool hour_in_range(hour_t hour, const struct hour_range *range)
{
    return !range->bounded || (hour >= range->from && hour < range->to);
}

/* "2022-06-05T12", "2022060512" or "2022-06-05" (its hour 00). Anything else: USAGE, naming the three forms.
 */
enum err_code hour_parse(const char *text, hour_t *out, struct err *err) MUST_USE;

enum { HOUR_TEXT_MAX = 16 };
void hour_format(hour_t hour, char out[HOUR_TEXT_MAX]);         /* "2022-06-05T12" */
void hour_format_compact(hour_t hour, char out[HOUR_TEXT_MAX]); /* "2022060512" */

hour_t hour_of_us(int64_t wall_us); /* floor, also before 1970 */
int64_t hour_start_us(hour_t hour);

/* Days since 1970-01-01 of a real date; false where the date does not exist (month 13, 30 February, year 0).
 */
bool civil_to_days(int year, int month, int day, int64_t *days);
void days_to_civil(int64_t days, int *year, int *month, int *day);

/* false where the date or hour does not exist. */
bool hour_from_civil(int year, int month, int day, int hour, hour_t *out);
void hour_to_civil(hour_t h, int *year, int *month, int *day, int *hour);

/* "1234ms", "60s", "5m", "2h", "1d" to milliseconds; USAGE otherwise. */
enum err_code duration_parse(const char *text, int64_t *out_ms, struct err *err) MUST_USE;

/* A moment for --now: an hour form, or "2022-06-05T12:34:56Z" (seconds optional fraction, optional Z). */
enum err_code time_parse_us(const char *text, int64_t *out_us, struct err *err) MUST_USE;

#endif
