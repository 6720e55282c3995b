/*
 * report: the result of a load: one row for each object as it becomes final, then totals.
 *
 * Programs get every object; people get a closing table of at most REPORT_ROWS, failed ones first among
 * them. Of several pipelines each row says which it is of.
 */
#ifndef SLUICE_TOOLS_REPORT_H
#define SLUICE_TOOLS_REPORT_H

#include "tools/app.h"

enum { REPORT_ROWS = 20, REPORT_ERRORS = 20 };

struct report_row {
    const char *pipeline; /* borrowed */
    char object[REC_OBJECT_MAX + 1];
    enum object_status status;
    int64_t rows_read, rows_loaded, rows_rejected, bytes, duration_ms;
};

enum { REPORT_COLUMNS = 16 }; /* that describe one object to a program */

/* One pipeline's part in it. */
struct report_part {
    struct load_report *report;
    struct app *app; /* of the pipeline */
    struct report_part *next;
};

struct load_report {
    struct app *app; /* has the result */
    bool many;       /* of several pipelines */
    struct report_part own;
    struct report_part *parts; /* in the order in which they were added */
    struct out_column columns[REPORT_COLUMNS];
    struct report_row rows[REPORT_ROWS]; /* kept for people */
    size_t n;
    int64_t seen;             /* objects that would have a row */
    int64_t failed, replaced; /* among them */
};

/* Begins the document (objects[] is open until report_end) and takes over job->events. */
void report_begin(struct load_report *report, struct app *app);
/* The same for several pipelines, each of which is added with a part that lives until report_end. */
void report_begin_many(struct load_report *report, struct app *app);
void report_add(struct load_report *report, struct report_part *part, struct app *of);
/* Totals, and what checks have put into the books; `failed` is the error that ended the command, or clear. */
void report_end(struct load_report *report, const struct job_totals *totals, const struct err *failed);

#endif
