/*
 * query_hours: the hours that a WHERE leaves: a set of years, of months, of days and of hours, narrowed by
 * one comparison after the other.
 */
#ifndef SLUICE_BACKENDS_QUERY_HOURS_H
#define SLUICE_BACKENDS_QUERY_HOURS_H

#include "core/base/hour.h"

enum hour_part { PART_YEAR, PART_MONTH, PART_DAY, PART_HOUR, PART_COUNT };
enum hour_compare { HOUR_EQ, HOUR_LT, HOUR_LE, HOUR_GT, HOUR_GE };

enum { HOUR_SET_YEARS = 10000, HOUR_SET_MONTHS = 13, HOUR_SET_DAYS = 32, HOUR_SET_HOURS = 24 };

struct hour_set {
    uint8_t year[HOUR_SET_YEARS], month[HOUR_SET_MONTHS], day[HOUR_SET_DAYS], hour[HOUR_SET_HOURS];
};

void hour_set_all(struct hour_set *set);
/* Every hour leaves: what is compared with NULL is never true. */
void hour_set_none(struct hour_set *set);
/* Keeps those whose part compares so with the number. */
void hour_set_keep(struct hour_set *set, enum hour_part part, enum hour_compare compare, double value);
/* Keeps those whose part is one of the numbers. */
void hour_set_keep_in(struct hour_set *set, enum hour_part part, const double *values, size_t n);

bool hour_set_has(const struct hour_set *set, hour_t hour);
/* The narrowest range within `within` that holds all of them; false where there is none. A set that nothing
 * narrowed gives `within` itself. */
bool hour_set_range(const struct hour_set *set, const struct hour_range *within, struct hour_range *out);

#endif
