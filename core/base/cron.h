/*
 * cron: moments that come again and again, as the five fields of a cron line, in UTC.
 *
 *   minute 0-59, hour 0-23, day of the month 1-31, month 1-12 (jan-dec), day of the week 0-7 (sun-sat; 0 and
 * 7 are Sunday)
 *
 * A field is a list (,) of single values, ranges (A-B) and *, the last two also with a step (/N). As in every
 * cron, where both days are limited (their field does not begin with *), a day that one of them has counts.
 */
#ifndef SLUICE_BASE_CRON_H
#define SLUICE_BASE_CRON_H

#include <stdint.h>

#include "core/base/err.h"

struct cron {
    uint64_t minutes; /* a bit for each value that is meant */
    uint32_t hours, days, months, weekdays;
    bool any_day, any_weekday; /* the field began with "*" */
};

enum { CRON_TEXT_MAX = 256 };

/* CONFIG where it is no cron line, or one that never comes (30 February). */
enum err_code cron_parse(const char *text, struct cron *out, struct err *err) MUST_USE;

/* The first moment after `after_us`; INT64_MAX beyond the year 9999. */
int64_t cron_next_us(const struct cron *cron, int64_t after_us);

/* The last moment not after `at_us`; INT64_MIN before the year 1. */
int64_t cron_last_us(const struct cron *cron, int64_t at_us);

#endif
