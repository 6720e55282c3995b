/*
 * worker: takes hours from the backlog, one after another, and loads them. Any number of workers may run, in
 * any number of processes and machines; claims share the hours out.
 *
 *   LOOK (read the backlog) -> TAKE (claim the oldest hour that is ready) -> LOAD -> END -> LOOK | TAKE
 *   LOOK -> WAIT (nothing is ready, something may be later) | DRAINED (no file is left but failed ones)
 *
 * END, under the claim, where all went well: remove the queue file -> list the hour once more -> another
 * listing than was worked on: put the file back -> loaded or empty. Where something transient failed: the
 * file stays, and the hour is tried again after policy.retry.delay (doubled each time, up to an hour; half of
 * it random), up to policy.retry.attempts; then, and at once after a verdict on data, the hour is failed and
 * holds nobody back. A claim that was taken over is no attempt and waits for nothing; the WORKER_TAKEOVERS-th
 * in a row without a commit counts as an attempt that failed.
 *
 * An hour that found the source away is followed by none before the source answers again: an outage, however
 * long, costs each of its workers one attempt of one hour.
 *
 * Trouble that would meet every hour (rights, a table that does not fit, a full disk) is the result of the
 * turn; the hour waits for its delay and is never given up for it.
 */
#ifndef SLUICE_QUEUE_WORKER_H
#define SLUICE_QUEUE_WORKER_H

#include "core/load/run.h"

enum {
    WORKER_TAKEOVERS = 10,
    WORKER_LOOK_MS = 30000, /* a backlog that was read so long ago is read again between two hours */
    WORKER_POLL_MS = 10000, /* the longest wait: files come without a word */
    WORKER_AGAIN_MS = 500,  /* the wait for an hour that was ready, but another was faster */
    WORKER_DELAY_MAX_MS = 3600000,
};

struct worker;

struct worker_options {
    bool allow_nonempty;                    /* as in run_options */
    struct store_factory queues;            /* opens the queue's place; NOT_FOUND: no files yet */
    const struct clock *now;                /* whether an hour is late goes by it; NULL = the job's */
    void (*begins)(void *ctx, hour_t hour); /* it was taken; may be NULL */
    void *ctx;
};

enum worker_did { WORKER_HOUR, WORKER_WAIT, WORKER_DRAINED };

struct worker_turn {
    enum worker_did did;
    /* WORKER_HOUR */
    hour_t hour;
    enum hour_state state; /* what it was given back as */
    struct err why;        /* of its failure */
    int status;            /* the exit status for it alone, whether it is tried again or not */
    /* WORKER_WAIT */
    int64_t wait_us; /* until something may be ready */
    /* otherwise */
    int64_t failed; /* queue files of hours that were given up */
};

/* The job and all that it borrows live as long as the worker; nothing is asked of them yet. */
enum err_code worker_new(struct job *job, const struct worker_options *options, struct worker **out,
                         struct err *err) MUST_USE;
void worker_free(struct worker *worker);

/* One hour, or the word that there is none. Errors: transient ones (store or database away: wait, and call
 * again: the connection is made anew), CANCELLED, and those that a person must mend. Totals add up over the
 * worker's life. */
enum err_code worker_turn(struct worker *worker, struct worker_turn *turn, struct err *err) MUST_USE;

/* What was loaded so far, and the exit status that the hours add up to which were given up. */
const struct job_totals *worker_totals(const struct worker *worker);
int worker_status(const struct worker *worker);

/* Closes what waits for work (connections), until the next turn. */
void worker_rest(struct worker *worker);

#endif
