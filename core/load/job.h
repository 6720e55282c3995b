/*
 * job: what one command works on, and whom it tells.
 *
 * tools/ builds a job (open store, open sink, pipeline, clock) and hands it to run, plan, verify, replay,
 * baseline. The job borrows everything; it is used by one thread, but `stop` and `progress` are shared with
 * signal handlers and the progress bar.
 */
#ifndef SLUICE_LOAD_JOB_H
#define SLUICE_LOAD_JOB_H

#include <stdatomic.h>

#include "core/config/pipeline.h"
#include "core/sink/sink.h"
#include "core/store/layout.h"
#include "core/store/store.h"

/* Counters that only grow; read from other threads. */
struct progress {
    atomic_llong objects_done, objects_total;
    atomic_llong bytes_done, bytes_total; /* raw bytes of source objects */
    atomic_llong rows_done;               /* records read */
};

enum object_status {
    OBJECT_LOADED,    /* rows are in the table, committed */
    OBJECT_REPLACED,  /* the same, in place of older rows of this object */
    OBJECT_DONE,      /* another worker (or our own lost commit) loaded it meanwhile */
    OBJECT_UNCHANGED, /* looked at again because its etag differed: same content, etag refreshed */
    OBJECT_IGNORED,   /* changed, and policy.on_changed is ignore */
    OBJECT_FAILED,
};
const char *object_status_text(
    enum object_status status); /* "loaded", "replaced", "done", "unchanged", "ignored", "failed" */

/* What happened to one object: the rows of the closing table and of the summary document. Borrowed for the
 * call. */
struct object_result {
    hour_t hour;
    const char *object;
    enum object_status status;
    const char *etag;
    int64_t bytes, rows_read, rows_loaded, rows_rejected;
    uint64_t row_hash;
    const char *load_method;
    int64_t duration_ms;
    struct err error; /* code ERR_OK unless failed */
};

struct job_events {
    /* Each may be NULL. One call at a time, in the order in which things are final; objects from any thread
     * that loads. */
    void (*object)(void *ctx, const struct object_result *result);
    /* An hour is finished: loaded, empty, failed, retrying (transient) or not even claimed (err HELD). */
    void (*hour)(void *ctx, hour_t hour, enum hour_state state, const struct err *err);
    void *ctx;
};

/* Whoever looks at the rows of a run, such as a profile. Each loader has an eye of its own, which its thread
 * alone uses. What it saw counts once `commit` is told, and does not count after `rollback`. None of them
 * can fail the load: what goes wrong is the looker's to keep and to tell. */
struct job_rows {
    enum err_code (*open)(void *ctx, void **eye, struct err *err); /* NULL: nobody looks */
    void (*close)(void *eye);
    void (*rows)(void *eye, hour_t hour, const struct batch *batch, size_t from, size_t to);
    void (*object)(void *eye, hour_t hour, int64_t bytes); /* whole with the rows so far */
    void (*refused)(void *eye, hour_t hour, const struct reject *reject);
    void (*commit)(void *eye);
    void (*rollback)(void *eye);
    void *ctx;
};

struct job {
    const struct pipeline *pipeline;
    const struct layout *layout;
    const struct clock *clock;
    struct store *store;
    struct store_factory stores;
    struct sink *sink; /* books, claims and loads; a run that lost its connection puts a new one here */
    struct sink_factory sinks;
    char run_id[REC_RUN_ID_MAX + 1];
    char owner[REC_OWNER_MAX + 1];
    int64_t wait_ms;           /* for an hour that is held: --wait */
    const atomic_int *stop;    /* signal number once asked to stop, else 0 */
    atomic_int *away;          /* threads that wait for a server, see outage.h; NULL: there is one thread */
    struct progress *progress; /* may be NULL */
    struct job_events events;
    struct job_rows rows;
};

/* Sums over a command, zeros included. */
struct job_totals {
    int64_t hours;     /* hours that had something to do */
    int64_t objects;   /* objects loaded or replaced */
    int64_t unchanged; /* objects that the ledger had already */
    int64_t failed;    /* objects that failed */
    int64_t ignored;   /* objects that match no layout */
    int64_t bytes, rows_read, rows_loaded, rows_rejected;
    uint64_t row_hash;
};

/* A fresh run id ("20221123T175642Z-1f3a9c") and this process's owner text (claim.h). */
void job_identify(struct job *job);

/* ERR_CANCELLED once a stop was asked for. */
enum err_code job_check_stop(const struct job *job, struct err *err) MUST_USE;

static inline void progress_add(atomic_llong *counter, long long n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

#endif
