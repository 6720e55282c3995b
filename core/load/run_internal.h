/*
 * run_internal: one hour at work, shared by run_hour.c (what is to do) and run_unit.c (doing it, again where
 * needed).
 */
#ifndef SLUICE_LOAD_RUN_INTERNAL_H
#define SLUICE_LOAD_RUN_INTERNAL_H

#include "core/base/task.h"
#include "core/load/load.h"
#include "core/load/outage.h"
#include "core/load/run.h"

enum {
    RUN_TRANSIENT_TRIES = 3, /* of one unit that finds the target locked or its object changed; waits of 1 s
                                and 2 s between */
    RUN_SHORT_MS = 3000,     /* how long a server is waited for that was waited for already */
    RUN_OUTAGE = 3,          /* units in a row that were given up for a transient error: the store is away */
};

struct crew;

struct hour_work {
    struct job *job;
    const struct run_options *options;
    struct loader *loader;
    struct diff *diff; /* of this hour, open while units run */
    struct claim claim;
    struct reject_samples samples;
    struct job_totals *totals;
    int *status;
    struct monitor *told;   /* around the caller's events, where several threads have some; else NULL */
    int64_t matched;        /* objects listed for this hour */
    uint64_t listed;        /* the sum of run_listed over them */
    int64_t done;           /* objects loaded, replaced, or found done */
    int64_t failed;         /* objects (or the hour as a unit) that failed */
    struct outage outage;   /* of a server, while it lasts; handed on from hour to hour */
    struct err first_error; /* of this hour */
};

/* Loads the unit (consumed) with all the retries that are right for its errors, and tells the outcome of each
 * of its objects. Fails only where the hour cannot go on. */
enum err_code run_unit(struct hour_work *w, struct unit *unit, struct err *err) MUST_USE;

/* Hands what happened to one object to whom the job tells it. */
void run_tell(struct hour_work *w, const struct object_result *result);

/* An object (or, with key "", the hour as one unit) failed for good: attempt row, event, exit status.
 * outcome->rows_loaded: what stays in the table all the same (chunks). */
enum err_code run_tell_failed(struct hour_work *w, const char *key, const char *etag,
                              const struct load_outcome *outcome, int64_t started_us, const struct err *why,
                              struct err *err) MUST_USE;

/* Whether the rest of an object can be loaded behind its chunks: SOURCE_CHANGED under another schema. */
enum err_code run_check_rest(const struct job *job, const struct diff_entry *entry, struct err *err) MUST_USE;

/* A new connection in the job's place, under the same claim (if there is one), waited for as long as an
 * outage may last. Where the old one's transaction still hangs, the insert of the ledger row waits for it and
 * collides. FENCED where the claim went to another meanwhile. */
enum err_code run_reconnect(struct hour_work *w, struct err *err) MUST_USE;

/* After a step that is safe to do again, `do { step } while (run_again(w, err))`: true (and *err is clear)
 * where it failed because a server went away that is there again now, or may be. Where the step went well it
 * ends the outage. */
bool run_again(struct hour_work *w, struct err *err) MUST_USE;

/* One hour whose claim the caller took: diff, units, end, release (also after a failure). *outage: as the
 * caller has it, before and after. */
enum err_code run_claimed(struct job *job, const struct run_options *options, struct crew *crew,
                          const struct claim *claim, struct job_totals *totals, int *status,
                          struct outage *outage, struct err *err) MUST_USE;

/* The same for one that is still to be taken. HELD: nothing was done, and nobody told. */
enum err_code run_hour(struct job *job, const struct run_options *options, struct crew *crew, hour_t hour,
                       struct job_totals *totals, int *status, struct outage *outage,
                       struct err *err) MUST_USE;

#endif
