/*
 * hour_checks: the checks of an hour as a whole, judged in the transaction that loads it, after all its rows
 * and totals and before its fence. What fails is rolled back with all of it; what is said stays in the books.
 */
#ifndef SLUICE_LOAD_HOUR_CHECKS_H
#define SLUICE_LOAD_HOUR_CHECKS_H

#include "core/load/judge.h"

enum { HOUR_CHECKS_ASK = -1 };

/* Writes a result for each check of the pipeline; CHECK_ROWS, CHECK_MEAN or CHECK_SQL where one (on: fail)
 * fires. `loaded`: rows that this transaction brought, whose sums judge has; HOUR_CHECKS_ASK: the database is
 * asked for sums. */
enum err_code hour_checks_judge(const struct pipeline *pipeline, struct sink_load *load, hour_t hour,
                                const char *run_id, int64_t loaded, const struct judge *judge,
                                struct err *err) MUST_USE;

/* Before anything is loaded: CONFIG for a query that is none which only reads, with the check's place in the
 * file; UNSUPPORTED where the sink (may be NULL: not asked) has no SQL. */
enum err_code hour_checks_ready(const struct pipeline *pipeline, const struct sink *sink,
                                struct err *err) MUST_USE;
/* Whether the tables, which are there, let the query run: CONFIG with its place in the file. */
enum err_code hour_checks_try(const struct pipeline *pipeline, const struct hour_check *check,
                              struct sink *sink, struct err *err) MUST_USE;

#endif
