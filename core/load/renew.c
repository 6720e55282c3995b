/*
 * renew: see renew.h.
 *
 * States of the thread: waiting (a third of the lease, or until stopped) -> renewing -> waiting; a lost
 * connection is opened again at the next turn; a claim that is gone ends it.
 */
#include "core/load/renew.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"

struct renewer {
    const struct job *job;
    struct claim_row row;
    int64_t lease_ms;
    struct sink *sink; /* its own: the claim's may be closed at any time, after a reconnect */
    struct task *task;
    struct monitor *monitor; /* around stop */
    bool stop;
};

/* Waits for a third of the lease or until stopped; true once stopped. The wait is the system's, whatever the
 * job's clock: the database's clock is what the lease goes by. One that ends early renews early. */
static bool wait_or_stop(struct renewer *r)
{
    monitor_lock(r->monitor);
    if (!r->stop)
        monitor_wait_ms(r->monitor, r->lease_ms / 3);
    bool stop = r->stop;
    monitor_unlock(r->monitor);
    return stop;
}

/* False once there is nothing left to renew. */
static bool renew(struct renewer *r)
{
    struct err err = ERR_INIT;
    const struct claim_row *row = &r->row;
    if (!r->sink && r->job->sinks.open(r->job->sinks.ctx, false, 0, &r->sink, &err) != ERR_OK) {
        log_err(err_is_transient(err.code) ? LOG_DEBUG : LOG_WARN, &err);
        return true;
    }
    enum err_code code = sink_claim_renew(r->sink, row->hour, row->owner, row->epoch, &err);
    if (code == ERR_OK)
        return true;
    log_err(err_is_transient(code) ? LOG_DEBUG : LOG_WARN, &err); /* who loads says so */
    if (err_is_transient(code)) {
        sink_close(r->sink);
        r->sink = NULL;
        return true;
    }
    return false;
}

static void renew_main(void *arg)
{
    struct renewer *r = arg;
    while (!wait_or_stop(r) && renew(r))
        ;
}

enum err_code renewer_start(const struct job *job, const struct claim *claim, struct renewer **out,
                            struct err *err)
{
    *out = NULL;
    if (claim->sink->caps.lock_is_lease)
        return ERR_OK;
    struct renewer *r = mem_calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    r->job = job;
    r->row = claim->row;
    r->lease_ms = claim->sink->target.lease_ms;
    if (monitor_new(&r->monitor, err) == ERR_OK && task_start(renew_main, r, &r->task, err) == ERR_OK) {
        *out = r;
        return ERR_OK;
    }
    monitor_free(r->monitor);
    mem_free(r);
    return err->code;
}

void renewer_stop(struct renewer *r)
{
    if (!r)
        return;
    monitor_lock(r->monitor);
    r->stop = true;
    monitor_wake(r->monitor);
    monitor_unlock(r->monitor);
    task_join(r->task);
    sink_close(r->sink);
    monitor_free(r->monitor);
    mem_free(r);
}
