/*
 * run: hours -> outcome. Finds the hours that have something to do, takes the claim of each, and loads what
 * the ledger lacks.
 *
 *   plan (no claim): listing x ledger -> hours    for each hour: claim -> diff again -> units -> load, retry,
 * split -> release with its state A unit that meets a ledger row of another worker is diffed again; a group
 * that fails is retried by halves; a transient error is retried with backoff.
 */
#ifndef SLUICE_LOAD_RUN_H
#define SLUICE_LOAD_RUN_H

#include "core/load/claim.h"
#include "core/load/diff.h"
#include "core/load/job.h"

enum {
    RUN_TRIES_MAX = 20,     /* of one unit, all reasons together */
    RUN_HOURS_MAX = 100000, /* hours of a bounded range: 11 years */
};

/* How an hour ends where more hangs on it than its state (the queue). Called under its claim, when all that
 * can be loaded is; `outcome` holds what the hour would be given back with, and may be changed. listed: the
 * sum of run_listed over its objects as they were listed. broken_off: outcome->why ended the hour; else it is
 * the first object's that failed. */
struct run_end {
    void (*decide)(void *ctx, const struct claim *claim, uint64_t listed, bool broken_off,
                   struct claim_outcome *outcome);
    void *ctx;
};

struct run_options {
    struct hour_range range;
    bool reload;               /* delete and load again what is in the ledger (needs lineage) */
    bool allow_nonempty;       /* load into a table that has rows of others */
    const struct run_end *end; /* NULL: nothing more hangs on it */
};

/* Of one hour, from the plan. */
struct hour_plan {
    hour_t hour;
    int64_t objects; /* to load: new, partial, or (reload) in the ledger */
    int64_t bytes;
    int64_t check; /* another etag: content to be compared */
    int64_t unchanged;
    int64_t matched;  /* objects listed for this hour */
    int64_t gone;     /* objects in the ledger that are not listed any more */
    struct err *held; /* while loading: another had it when its turn came */
};

struct run_plan {
    struct hour_plan *hours; /* in order of time; freed by run_plan_release */
    size_t n, cap;
    int64_t ignored; /* objects that match nothing */
    int64_t objects, bytes, unchanged, check;
};

/* Each object that would be loaded, checked or ignored, in key order (for `plan -v`, may be NULL). */
typedef void run_plan_fn(void *ctx, const struct diff_entry *entry);

/* Touches nothing. Hours of a bounded range without an object are in the plan too, with matched = 0. */
enum err_code run_plan_make(struct job *job, const struct run_options *options, run_plan_fn *each, void *ctx,
                            struct run_plan *plan, struct err *err) MUST_USE;
void run_plan_release(struct run_plan *plan);

/* Loads. Objects and hours are told through job->events; *status is the exit status that they add up to
 * (err_status_worse). Fails itself only where nothing can go on (sink or store gone, cancelled, non-empty
 * table): then *status covers the error too. */
enum err_code run_load(struct job *job, const struct run_options *options, struct job_totals *totals,
                       int *status, struct err *err) MUST_USE;

/* TABLE_NOT_EMPTY for a pipeline without ledger rows whose table has rows of others: somebody must decide. */
enum err_code run_guard_table(struct job *job, struct err *err) MUST_USE;

/* A number for the object as it was listed (key, size, etag). Two listings of an hour have the same sum where
 * they are the same. */
uint64_t run_listed(const struct store_object *object);

/* What policy.on_empty says of an hour without an object: *why is set where that is a failure. */
void run_judge_empty(const struct job *job, hour_t hour, struct err *why);

/* Ledger rows for all listed objects of hours before `to`, without loading. NOT for a pipeline that has
 * loaded already objects among them (they are left as they are). */
enum err_code run_baseline(struct job *job, hour_t to, struct job_totals *totals, struct err *err) MUST_USE;

#endif
