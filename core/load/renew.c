/*
 * renew: see renew.h.
 *
 * States of the thread: waiting (a third of the lease, or until stopped) -> renewing -> waiting; a lost
 * connection is opened again at the next turn; a claim that is gone ends it.
 */
#include "core/load/renew.h"

#include <pthread.h>
#include <signal.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/wait.h"

struct renewer {
    const struct job *job;
    struct claim_row row;
    int64_t lease_ms;
    struct sink *sink; /* its own: the claim's may be closed at any time, after a reconnect */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop;
};

/* Waits for `ms`; true once stopped. */
static bool wait_or_stop(struct renewer *r, int64_t ms)
{
    struct timespec until = wait_until(ms);
    pthread_mutex_lock(&r->lock);
    while (!r->stop && pthread_cond_timedwait(&r->wake, &r->lock, &until) == 0)
        ;
    bool stop = r->stop;
    pthread_mutex_unlock(&r->lock);
    return stop;
}

/* False once there is nothing left to renew. */
static bool renew(struct renewer *r)
{
    struct err err = ERR_INIT;
    const struct claim_row *row = &r->row;
    if (!r->sink && r->job->sinks.open(r->job->sinks.ctx, false, 0, &r->sink, &err) != ERR_OK) {
        log_err(LOG_WARN, &err);
        return true;
    }
    enum err_code code = sink_claim_renew(r->sink, row->hour, row->owner, row->epoch, &err);
    if (code == ERR_OK)
        return true;
    log_err(LOG_WARN, &err);
    if (err_is_transient(code)) {
        sink_close(r->sink);
        r->sink = NULL;
        return true;
    }
    return false;
}

static void *renew_main(void *arg)
{
    struct renewer *r = arg;
    while (!wait_or_stop(r, r->lease_ms / 3) && renew(r))
        ;
    return NULL;
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
    wait_cond_init(&r->wake);
    pthread_mutex_init(&r->lock, NULL);
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&r->thread, NULL, renew_main, r);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc == 0) {
        *out = r;
        return ERR_OK;
    }
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
    return err_set_errno(err, rc, "start a thread");
}

void renewer_stop(struct renewer *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
    sink_close(r->sink);
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}
