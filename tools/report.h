/*
 * report: the result of a load: one row for each object as it becomes final, then totals.
 *
 * Programs get every object; people get a closing table of at most REPORT_ROWS, failed ones first among
 * them.
 */
#ifndef SLUICE_TOOLS_REPORT_H
#define SLUICE_TOOLS_REPORT_H

#include "tools/app.h"

enum { REPORT_ROWS = 20, REPORT_ERRORS = 20 };

struct report_row {
    char object[REC_OBJECT_MAX + 1];
    enum object_status status;
    int64_t rows_read, rows_loaded, rows_rejected, bytes, duration_ms;
};

struct report {
    struct app *app;
    struct report_row rows[REPORT_ROWS]; /* kept for people */
    size_t n;
    int64_t seen;             /* objects that would have a row */
    int64_t failed, replaced; /* among them */
};

/* Begins the document (objects[] is open until report_end) and takes over job->events. */
void report_begin(struct report *report, struct app *app);
/* Totals; `failed` is the error that ended the command, or clear. */
void report_end(struct report *report, const struct job_totals *totals, const struct err *failed);

/* The columns that describe one object to a program; history has the same. */
enum { REPORT_COLUMNS = 16 };
extern const struct out_column report_columns[REPORT_COLUMNS];

#endif
