/*
 * report_kit: reports of profiles made by hand, for whoever shows them: columns of given values, with the
 * figures that sorting them gives, hours, classes, warnings. Fails the test where memory is short.
 */
#ifndef SLUICE_TEST_REPORT_KIT_H
#define SLUICE_TEST_REPORT_KIT_H

#include "core/profile/report.h"

/* An empty report; report_free takes it. */
struct report *kit_report(size_t rows, size_t ncolumns);
/* `values`: as many as rows, NaN = NULL. by, nclasses: the class of each row, NULL = no classes. */
void kit_numbers(struct report *r, size_t c, const char *name, enum type_kind type, const double *values,
                 const int *class_of);
/* Distinct texts, the most frequent first; NULL values are the rest of the rows. */
void kit_texts(struct report *r, size_t c, const char *name, const char *const *texts, const int64_t *counts,
               int n);
/* The classes are the column's values 0..n-1. */
void kit_classes(struct report *r, int by, int n, const int *class_of);
/* Hours from `first` on, each with an equal part of the rows; every `gap`th has no object (0: none). */
void kit_hours(struct report *r, hour_t first, size_t n, size_t gap);
/* r of all pairs of numbers from 0 on, made of their indexes. */
void kit_correlations(struct report *r);
void kit_head(struct report *r, size_t rows, const char *text);
void kit_refusal(struct report *r, enum err_name name, int64_t count, const char *example);
void kit_warning(struct report *r, enum report_rule rule, bool strong, int column, double value, double limit,
                 const char *message);

/* What it looks like with credit data: eleven columns, two classes, 39 hours with a gap, something of all. */
struct report *kit_loans(size_t rows);

#endif
