/*
 * enqueue: which hours get a queue file.
 *
 * An hour that was given up (failed) is left out: only a person brings it back. A file that is there already
 * stays as it is: the worker that removes it lists the hour once more. Loading decides what is new: a file
 * too many costs a look, never a row.
 */
#ifndef SLUICE_QUEUE_ENQUEUE_H
#define SLUICE_QUEUE_ENQUEUE_H

#include "core/load/job.h"
#include "core/load/run.h"

enum enqueue_outcome {
    ENQUEUE_QUEUED,
    ENQUEUE_AGAIN,  /* there was a file */
    ENQUEUE_FAILED, /* left out: given up */
};

struct enqueue {
    struct job *job;     /* its store and sink are read */
    struct store *queue; /* files are put here */
    /* one call for each hour; may be NULL */
    void (*each)(void *ctx, hour_t hour, enum enqueue_outcome outcome);
    void *ctx;
};

/* Every hour of [from, to). */
enum err_code enqueue_hours(const struct enqueue *e, hour_t from, hour_t to, struct err *err) MUST_USE;

/* The hours of the range in which the source has objects that the ledger lacks (--missing: the whole lake).
 */
enum err_code enqueue_missing(const struct enqueue *e, const struct hour_range *range,
                              struct err *err) MUST_USE;

/* The hour before now_us (less schedule.lag), and those of queue.lookback before it that lack something. */
enum err_code enqueue_now(const struct enqueue *e, int64_t now_us, struct err *err) MUST_USE;

/* The hour that is the newest whole one at now_us less `lag_ms`. */
hour_t enqueue_newest(int64_t now_us, int64_t lag_ms);

#endif
