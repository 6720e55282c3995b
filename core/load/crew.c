/*
 * crew: see crew.h.
 *
 * Invariants: a worker touches only its own hour_work, job copy and handles; what is shared (the caller's
 * events) goes through one lock; what a worker counted is added to the hour's books only after its thread has
 * ended. Each connection is kept alive by the thread that it belongs to: the workers' by themselves until
 * they have ended, from then on, like the hour's own, by the caller's.
 */
#include "core/load/crew.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "core/load/hour_checks.h"
#include "core/load/keep.h"

struct worker {
    struct crew *crew;
    struct job job; /* a copy with handles of its own */
    struct loader *loader;
    struct hour_work work;
    struct job_totals totals;
    int status;
    struct err err;
    struct task *task; /* NULL: not running */
    bool ended;        /* and it touches nothing any more */
};

struct crew {
    struct job *job;
    struct loader *loader; /* of the one worker that is no thread; NULL until there is work */
    struct hour_work *work;
    struct channel *units;
    struct channel *ended; /* of struct worker */
    struct monitor *told;  /* around the caller's events; NULL where one thread has some */
    size_t n;              /* threads; 0 = the caller's alone */
    struct worker *workers;
};

static enum err_code hire(struct crew *crew, struct worker *w, struct err *err)
{
    w->crew = crew;
    w->job = *crew->job;
    w->job.sink = NULL;
    w->job.store = NULL;
    if (crew->job->sinks.open(crew->job->sinks.ctx, false, 0, &w->job.sink, err) != ERR_OK ||
        crew->job->stores.open(crew->job->stores.ctx, &w->job.store, err) != ERR_OK ||
        loader_new(&w->job, w->job.sink, &w->loader, err) != ERR_OK)
        return err->code;
    return reject_samples_init(&w->work.samples, err);
}

static void dismiss(struct worker *w)
{
    loader_free(w->loader);
    store_close(w->job.store);
    sink_close(w->job.sink);
    reject_samples_release(&w->work.samples);
}

enum err_code crew_new(struct job *job, struct crew **out, struct err *err)
{
    *out = NULL;
    if (hour_checks_ready(job->pipeline, job->sink, err) != ERR_OK)
        return err->code;
    unsigned asked = (unsigned)job->pipeline->target.connections, most = job->sink->caps.max_writers;
    if (most > CREW_MAX)
        most = CREW_MAX;
    if (asked > most)
        log_msg(LOG_DEBUG, "target.connections: %u becomes %u: %s takes no more writers at once", asked, most,
                job->sink->label);
    unsigned n = asked < most ? asked : most;
    struct crew *crew = mem_calloc(1, sizeof *crew);
    if (!crew)
        return err_nomem(err);
    crew->job = job;
    if (n > 1 && channel_new(n, &crew->ended, err) == ERR_OK) {
        crew->workers = mem_calloc(n, sizeof *crew->workers);
        if (!crew->workers)
            err_nomem(err);
        else
            (void)!monitor_new(&crew->told, err);
        /* One that is hired by half counts too: crew_free dismisses it with the others. */
        for (; err->code == ERR_OK && crew->n < n; crew->n++)
            (void)!hire(crew, &crew->workers[crew->n], err);
    } else if (n <= 1 && loader_new(job, job->sink, &crew->loader, err) != ERR_OK) {
        crew->loader = NULL;
    }
    if (err->code == ERR_OK)
        *out = crew;
    else
        crew_free(crew);
    return err->code;
}

void crew_free(struct crew *crew)
{
    if (!crew)
        return;
    for (size_t i = 0; i < crew->n; i++)
        dismiss(&crew->workers[i]);
    mem_free(crew->workers);
    channel_free(crew->ended);
    loader_free(crew->loader);
    monitor_free(crew->told);
    mem_free(crew);
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    void *next = NULL;
    struct err ended = ERR_INIT;
    for (;;) {
        struct channel_idle keep = keep_handle(w->job.sink); /* a unit may have put another in its place */
        if (channel_pop_idle(w->crew->units, &next, &keep, &ended) != ERR_OK || !next)
            break;
        if (run_unit(&w->work, next, &w->err) != ERR_OK) {
            channel_cancel(w->crew->units);
            break;
        }
    }
    err_clear(&ended);
    (void)!channel_push(w->crew->ended, w, &ended); /* there is room for all */
}

static enum err_code start(struct crew *crew, struct worker *w, struct err *err)
{
    struct reject_samples samples = w->work.samples;
    struct outage outage = w->work.outage;
    w->work = (struct hour_work){.job = &w->job,
                                 .options = crew->work->options,
                                 .loader = w->loader,
                                 .claim = crew->work->claim,
                                 .samples = samples,
                                 .outage = outage,
                                 .totals = &w->totals,
                                 .status = &w->status,
                                 .told = crew->told};
    w->work.claim.sink = w->job.sink;
    w->ended = false;
    w->totals = (struct job_totals){0};
    w->status = 0;
    w->err = ERR_INIT;
    return task_start(worker_main, w, &w->task, err);
}

enum err_code crew_begin(struct crew *crew, struct hour_work *work, struct err *err)
{
    crew->work = work;
    work->loader = crew->loader;
    if (crew->loader)
        loader_set_sink(crew->loader, crew->job->sink); /* made anew between two hours, it may be */
    if (crew->n == 0)
        return ERR_OK;
    work->told = crew->told;
    if (channel_new(crew->n, &crew->units, err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < crew->n; i++)
        if (start(crew, &crew->workers[i], err) != ERR_OK)
            break;
    return err->code;
}

enum err_code crew_load(struct crew *crew, struct unit *unit, struct err *err)
{
    if (crew->n == 0)
        return run_unit(crew->work, unit, err);
    const struct channel_idle keep = keep_handle(crew->job->sink);
    if (channel_push_idle(crew->units, unit, &keep, err) != ERR_OK)
        unit_free(unit);
    return err->code;
}

static void add_up(struct hour_work *to, const struct worker *from)
{
    struct job_totals *t = to->totals;
    const struct job_totals *f = &from->totals;
    to->done += from->work.done;
    to->failed += from->work.failed;
    if (to->outage.given_up < from->work.outage.given_up)
        to->outage.given_up = from->work.outage.given_up;
    if (to->first_error.code == ERR_OK)
        to->first_error = from->work.first_error;
    *to->status = err_status_worse(*to->status, from->status);
    t->objects += f->objects;
    t->unchanged += f->unchanged;
    t->failed += f->failed;
    t->bytes += f->bytes;
    t->rows_read += f->rows_read;
    t->rows_loaded += f->rows_loaded;
    t->rows_rejected += f->rows_rejected;
    t->row_hash += f->row_hash;
}

/* The connections that are the caller's to keep while others still work. */
static enum err_code keep_rest(void *ctx, struct err *err)
{
    struct crew *crew = ctx;
    (void)err;
    keep_now(crew->job->sink);
    for (size_t i = 0; i < crew->n; i++)
        if (crew->workers[i].ended)
            keep_now(crew->workers[i].job.sink);
    return ERR_OK;
}

static void wait_for_all(struct crew *crew)
{
    struct channel_idle keep = keep_handle(crew->job->sink);
    struct err none = ERR_INIT;
    void *next = NULL;
    keep.fn = keep_rest;
    keep.ctx = crew;
    for (size_t i = 0; i < crew->n; i++)
        if (crew->workers[i].task && channel_pop_idle(crew->ended, &next, &keep, &none) == ERR_OK)
            ((struct worker *)next)->ended = true;
}

enum err_code crew_end(struct crew *crew, struct err *err)
{
    if (crew->n == 0 || !crew->units)
        return err->code;
    if (err->code != ERR_OK)
        channel_cancel(crew->units);
    channel_close(crew->units);
    wait_for_all(crew);
    for (size_t i = 0; i < crew->n; i++) {
        struct worker *w = &crew->workers[i];
        if (!w->task)
            continue;
        task_join(w->task);
        w->task = NULL;
        add_up(crew->work, w);
        if (w->err.code != ERR_OK &&
            (err->code == ERR_OK || (err->code == ERR_CANCELLED && w->err.code != ERR_CANCELLED)))
            *err = w->err;
    }
    for (void *unit; (unit = channel_drain(crew->units));)
        unit_free(unit);
    channel_free(crew->units);
    crew->units = NULL;
    return err->code;
}
