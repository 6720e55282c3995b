/*
 * hours: the hours of a pipeline by state, put together from ledger, claims and queue files.
 *
 * Memory grows with the number of hours, never with that of objects: the ledger is read in pages and added up
 * by hour. An hour that only the ledger knows is loaded; one that only the queue knows is queued.
 */
#ifndef SLUICE_TOOLS_HOURS_H
#define SLUICE_TOOLS_HOURS_H

#include "core/config/pipeline.h"
#include "core/queue/backlog.h"
#include "tools/checks.h"
#include "tools/out.h"

struct hour_status {
    hour_t hour;
    enum hour_state state;
    bool claimed; /* it has a row in sluice_claim */
    bool file;    /* it has a queue file */
    bool held, late;
    int attempts;
    int64_t objects, rows_loaded, rows_rejected, bytes;
    int64_t checks;      /* results that fired: of its objects, and of the hour when it was last judged */
    int64_t hour_checks; /* those of the hour among them */
    struct judgement judged;
    int64_t next_try_us; /* 0 = none */
    int64_t finished_us; /* of its last load; 0 = none */
    char *error, *owner; /* NULL = none */
};

struct hours {
    struct hour_status *items; /* in order of time */
    size_t n, cap;
};

struct hours_totals {
    int64_t hours, states[HOUR_EMPTY + 1];
    int64_t late, rejects; /* hours with that flag */
    int64_t objects, rows_loaded, rows_rejected, bytes;
    hour_t newest;       /* loaded; HOUR_MIN - 1 = none */
    int64_t finished_us; /* the last load; 0 = none */
};

/* Told of each ledger row on the way; may be NULL. */
typedef void hours_row_fn(void *ctx, const struct ledger_row *row);

/* `out` is empty or zeroed; release also after a failure. */
enum err_code hours_read(struct sink *sink, hours_row_fn *each, void *ctx, struct hours *out,
                         struct err *err) MUST_USE;
/* Puts the queue files in. */
enum err_code hours_add_backlog(struct hours *hours, const struct backlog *backlog, struct err *err) MUST_USE;
/* Late: looked at and found without an object, more than expect_within past its end, where somebody cares.
 * One that waits, or whose objects failed, is not. */
void hours_judge_late(struct hours *hours, const struct pipeline *pipeline, int64_t now_us);
void hours_release(struct hours *hours);

/* NULL where it is not known. */
const struct hour_status *hours_find(const struct hours *hours, hour_t hour);
void hours_sum(const struct hours *hours, struct hours_totals *out);

/* "late rejects held" */
enum { HOUR_FLAGS_MAX = 32 };
const char *hour_flags(const struct hour_status *h, char text[HOUR_FLAGS_MAX]);

/* The list "hours": rows of one pipeline, or, for programs and with their names, of several. */
void hours_out_begin(struct out *out, bool many);
void hours_out(struct out *out, const char *pipeline, const struct hours *hours);
void hours_out_end(struct out *out);
/* The object "totals", and a line for people. */
void hours_out_totals(struct out *out, const struct hours_totals *totals);

#endif
