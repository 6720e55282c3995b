/*
 * figure: numbers as texts for people: six digits that count, thousands by commas, and the point a point
 * whatever the locale is.
 */
#ifndef SLUICE_TOOLS_FIGURE_H
#define SLUICE_TOOLS_FIGURE_H

#include "core/profile/report.h"

enum { FIGURE_MAX = 64 };

char *figure_number(double v, char out[FIGURE_MAX]);    /* "1,234.56", "0.06684", "1.5e-9", "-" for NaN */
char *figure_count(int64_t n, char out[FIGURE_MAX]);    /* "1,234" */
char *figure_share(double share, char out[FIGURE_MAX]); /* "19.8 %", "<0.1 %", "100 %" */
/* n of all as a share; "0 %" where there is nothing. */
char *figure_part(int64_t n, int64_t all, char out[FIGURE_MAX]);
/* The microseconds of a value of a date or timestamp, false where it is outside of the calendar. */
bool figure_moment(const struct report_column *column, double v, int64_t *us);
/* A value of the column: a date, a moment to the second, or a number. */
char *figure_value(const struct report_column *column, double v, char out[FIGURE_MAX]);
/* The same in four digits that count, moments to the day: for tables that have many. */
char *figure_short(const struct report_column *column, double v, char out[FIGURE_MAX]);
/* A difference of two values of it: "12.5 days", or a number. */
char *figure_span(const struct report_column *column, double v, char out[FIGURE_MAX]);

#endif
