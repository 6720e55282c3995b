/*
 * service: what `serve` does for one pipeline, in steps that its caller makes when they are due. It starts no
 * thread of its own, never sleeps and knows no time but the clocks it is given, so that a test can run days
 * of it.
 *
 *   START -> (connect, catch up) -> REST
 *   REST -schedule.enqueue-> ENQUEUE -> REST       the hours since the last tick, and what came late before
 *   REST -schedule.work, or a retry is due-> WORK  one hour a step, until nothing is ready -> REST
 *   any -error-> PAUSE (1 s, doubled up to a minute) -> where it was
 *
 * Nothing ends it but a stop: a store or a database that is away, and whatever else a person must mend, is
 * waited out.
 *
 * One thread at a time; not always the same.
 */
#ifndef SLUICE_QUEUE_SERVICE_H
#define SLUICE_QUEUE_SERVICE_H

#include "core/queue/enqueue.h"
#include "core/queue/watch.h"
#include "core/queue/worker.h"

enum {
    SERVICE_PAUSE_MS = 1000,
    SERVICE_PAUSE_MAX_MS = 60000,
    SERVICE_OUTAGE_MS = 300000, /* what passes by itself is told of after so long */
    SERVICE_WAIT_MAX_MS = 3600000,
};

struct service_events {
    /* Each may be NULL; all come from the thread that makes the step. */
    void (*queued)(void *ctx, hour_t hour, enum enqueue_outcome outcome);
    void (*begins)(void *ctx, hour_t hour);
    void (*hour)(void *ctx, const struct worker_turn *turn, int64_t took_us);
    void (*trouble)(void *ctx, const struct err *err, int64_t again_us); /* a step failed: next try after */
    void (*well)(void *ctx);                                             /* a step went well */
    notice_fn *notice;
    void *ctx;
};

struct service_options {
    bool allow_nonempty;
    struct store_factory queues; /* opens the queue's place, and makes it where it is missing */
    const struct clock *now;     /* schedules and lateness go by it; NULL = the job's */
    /* Opens store and sink of the job, for the first time; NULL: they are open. */
    enum err_code (*connect)(void *ctx, struct err *err);
    void *connect_ctx;
    struct service_events events;
};

struct service;

/* The job and all that it borrows live as long. CONFIG where a schedule is none. */
enum err_code service_new(struct job *job, const struct service_options *options, struct service **out,
                          struct err *err) MUST_USE;
void service_free(struct service *service);

/* Does what is due, at most one hour, and says how long until the next step (0 = at once). Fails only with
 * CANCELLED, once a stop was asked for. */
enum err_code service_step(struct service *service, int64_t *wait_us, struct err *err) MUST_USE;

/* When work begins again, at the latest: microseconds of the clock `now`. */
int64_t service_next_work_us(const struct service *service);

#endif
