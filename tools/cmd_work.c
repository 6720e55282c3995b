/*
 * cmd_work: `sluice work`: loads the hours of the queue, one after another, until there are none (--drain),
 * one is done (--once), or it is stopped (--watch). Of several pipelines one hour each in turn.
 *
 *   a pipeline: CLOSED -> (open) -> DUE -one turn-> DUE | WAITING until due | DONE
 *
 * Invariants: a store or database that is away is waited for, with --drain no longer than WORK_OUTAGE_MS; the
 * end is asked for between two hours, and within one after the grace. What is wrong with one of several
 * pipelines is told, and keeps none of the others back.
 */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/queue/worker.h"
#include "tools/apps.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/stop.h"

enum {
    WORK_PAUSE_MS = 1000, /* after the first failure; doubled up to ... */
    WORK_PAUSE_MAX_MS = 30000,
    WORK_OUTAGE_MS = 600000,
    WORK_NAP_MS = 200, /* how soon an end is seen while waiting */
};

/* One pipeline. */
struct work {
    struct app *app;
    struct worker *worker; /* NULL: CLOSED */
    struct report_part part;
    int64_t due_us, left_us;  /* monotonic: the next turn, the end of the last one */
    int64_t failing_since_us; /* monotonic; 0: all is well */
    int64_t pause_ms;
    bool done;
};

struct works {
    struct app *app;  /* has options and result; of one pipeline it is its app, too */
    struct apps apps; /* of several */
    struct work *items;
    size_t n;
    struct load_report report;
    bool over; /* --once: the hour was worked */
};

static int64_t mono(void)
{
    return clock_mono_us(clock_real());
}

static bool is_many(const struct works *all)
{
    return all->n > 1;
}

/* What a line in the log begins with. */
static const char *name_of(const struct works *all, const struct work *w)
{
    return is_many(all) ? w->app->pipeline->name : "";
}

static const char *colon(const struct works *all)
{
    return is_many(all) ? ": " : "";
}

/* ---- connections ---- */

static enum err_code open_queue(void *ctx, struct store **out, struct err *err)
{
    return app_open_queue(ctx, false, out, err);
}

static void close_app(struct app *app)
{
    sink_close(app->job.sink);
    store_close(app->job.store);
    app->job.sink = NULL;
    app->job.store = NULL;
}

static enum err_code open_one(const struct works *all, struct work *w, struct err *err)
{
    const struct worker_options options = {.allow_nonempty = all->app->options->given[OPT_ALLOW_NONEMPTY],
                                           .queues = {open_queue, w->app},
                                           .now = w->app->clock};

    if (app_open(w->app, APP_SOURCE | APP_WRITE | APP_STOP | APP_QUEUE, err)) {
        close_app(w->app);
        return err->code;
    }
    w->app->job.progress = &all->app->progress;
    w->left_us = mono();
    return worker_new(&w->app->job, &options, &w->worker, err);
}

/* A database ends a connection that is silent for a lease: after a long pause, or the hours of others, it is
 * made anew. */
static enum err_code freshen(struct work *w, struct err *err)
{
    struct job *job = &w->app->job;
    int64_t patience = job->pipeline->target.lease_ms * 1000 / 3;

    if (job->sink && mono() - w->left_us <= patience)
        return ERR_OK;
    worker_rest(w->worker);
    sink_close(job->sink);
    job->sink = NULL;
    return job->sinks.open(job->sinks.ctx, false, 0, &job->sink, err);
}

/* ---- one turn ---- */

/* After a turn that failed: true where it is to be tried again, after a while. */
static bool wait_out(const struct works *all, struct work *w, const struct err *why)
{
    const struct options *o = all->app->options;
    int64_t now = mono();
    bool transient = err_is_transient(why->code) && w->worker;

    if (o->given[OPT_ONCE] || (!transient && !o->given[OPT_WATCH]))
        return false;
    if (w->failing_since_us == 0) {
        w->failing_since_us = now;
        w->pause_ms = WORK_PAUSE_MS;
    }
    if (!o->given[OPT_WATCH] && now - w->failing_since_us > WORK_OUTAGE_MS * INT64_C(1000))
        return false;
    log_err(LOG_WARN, why);
    log_msg(LOG_WARN, "%s%sagain in %lld s", name_of(all, w), colon(all), (long long)(w->pause_ms / 1000));
    w->due_us = now + w->pause_ms * 1000;
    w->pause_ms = w->pause_ms * 2 < WORK_PAUSE_MAX_MS ? w->pause_ms * 2 : WORK_PAUSE_MAX_MS;
    return true;
}

/* Of one pipeline an error is the command's; of several it is told, and the others go on. */
static enum err_code bear(struct works *all, struct work *w, const struct err *why, struct err *err)
{
    struct err shown = *why;

    if (is_many(all) && why->code != ERR_CANCELLED)
        err_context(&shown, "%s", w->app->pipeline->name);
    if (why->code != ERR_CANCELLED && wait_out(all, w, &shown))
        return ERR_OK;
    w->done = true;
    if (!is_many(all) || why->code == ERR_CANCELLED) {
        *err = *why;
        return err->code;
    }
    app_tell(all->app, &shown);
    app_verdict(all->app, err_status(why));
    return ERR_OK;
}

/* What became of an hour, for people who watch. */
static void tell(const struct works *all, const struct work *w, const struct worker_turn *turn)
{
    const char *name = name_of(all, w), *sep = colon(all);
    char hour[HOUR_TEXT_MAX];
    bool told = turn->why.code == ERR_DATA; /* with its object */

    hour_format(turn->hour, hour);
    if (turn->state == HOUR_RUNNING)
        log_msg(LOG_WARN, "%s%shour %s: another worker has it now: %s", name, sep, hour,
                err_name_text(turn->why.name));
    else if (turn->state == HOUR_RETRYING || turn->state == HOUR_FAILED)
        log_msg(LOG_WARN, "%s%shour %s: %s%s: %s%s%s", name, sep, hour, hour_state_text(turn->state),
                turn->state == HOUR_FAILED ? " (after a fix: sluice queue retry)" : "",
                err_name_text(turn->why.name), told ? "" : ": ", told ? "" : turn->why.msg);
    else
        log_msg(LOG_INFO, "%s%shour %s: %s", name, sep, hour, hour_state_text(turn->state));
}

/* Nothing is left but what has failed. */
static void drained(struct works *all, struct work *w, int64_t failed)
{
    w->done = true;
    app_verdict(all->app, failed ? 1 : 0);
    if (failed)
        log_msg(LOG_ERROR,
                "%s%sfailed hours: %lld; `sluice queue ls` names them, `sluice queue retry` tries again",
                name_of(all, w), colon(all), (long long)failed);
}

static enum err_code take_turn(struct works *all, struct work *w, struct err *err)
{
    const struct options *o = all->app->options;
    struct worker_turn turn;
    struct err why = ERR_INIT;

    if ((!w->worker && open_one(all, w, &why)) || freshen(w, &why) || worker_turn(w->worker, &turn, &why)) {
        w->left_us = mono();
        return bear(all, w, &why, err);
    }
    w->left_us = w->due_us = mono();
    w->failing_since_us = 0;
    if (turn.did == WORKER_HOUR) {
        tell(all, w, &turn);
        all->over = o->given[OPT_ONCE];
        if (all->over)
            app_verdict(all->app, turn.status);
        return ERR_OK;
    }
    worker_rest(w->worker);
    w->due_us += turn.wait_us;
    if (turn.did == WORKER_DRAINED && !o->given[OPT_WATCH])
        drained(all, w, turn.failed);
    else
        w->done = o->given[OPT_ONCE];
    return ERR_OK;
}

/* ---- all of them ---- */

/* The one that is due and waited longest; NULL where none is, and *wait_us says how long, or none is left
 * (-1). */
static struct work *choose(const struct works *all, int64_t *wait_us)
{
    int64_t now = mono();
    struct work *best = NULL;

    *wait_us = -1;
    for (size_t i = 0; i < all->n; i++) {
        struct work *w = &all->items[i];

        if (w->done)
            continue;
        if (w->due_us <= now && (!best || w->left_us < best->left_us))
            best = w;
        if (*wait_us < 0 || w->due_us - now < *wait_us)
            *wait_us = w->due_us > now ? w->due_us - now : 0;
    }
    return best;
}

static enum err_code take_turns(struct works *all, struct err *err)
{
    while (!all->over && !atomic_load(stop_ending())) {
        int64_t wait_us;
        struct work *w = choose(all, &wait_us);

        if (w && take_turn(all, w, err))
            break;
        if (!w && wait_us < 0)
            break;
        if (!w)
            clock_sleep_us(clock_real(), wait_us < WORK_NAP_MS * 1000 ? wait_us : WORK_NAP_MS * 1000);
    }
    return err->code;
}

/* Whoever watches is meant to be stopped: that is no failure. */
static bool is_ended_watch(const struct app *app, const struct err *err)
{
    return app->options->given[OPT_WATCH] && atomic_load(stop_ending()) &&
           (err->code == ERR_OK || err->code == ERR_CANCELLED);
}

static void add(struct job_totals *sum, const struct job_totals *t)
{
    sum->hours += t->hours;
    sum->objects += t->objects;
    sum->unchanged += t->unchanged;
    sum->failed += t->failed;
    sum->ignored += t->ignored;
    sum->bytes += t->bytes;
    sum->rows_read += t->rows_read;
    sum->rows_loaded += t->rows_loaded;
    sum->rows_rejected += t->rows_rejected;
    sum->row_hash += t->row_hash;
}

static struct job_totals sum_up(struct works *all, bool judge)
{
    struct job_totals sum = {0};

    for (size_t i = 0; i < all->n; i++) {
        const struct worker *worker = all->items[i].worker;

        if (!worker)
            continue;
        add(&sum, worker_totals(worker));
        if (judge)
            app_verdict(all->app, worker_status(worker));
    }
    return sum;
}

static enum err_code work(struct works *all, struct err *err)
{
    struct app *app = all->app;
    struct bar *bar = NULL;
    struct job_totals totals;

    if (is_many(all))
        report_begin_many(&all->report, app);
    else
        report_begin(&all->report, app);
    for (size_t i = 0; is_many(all) && i < all->n; i++)
        report_add(&all->report, &all->items[i].part, all->items[i].app);
    if (bar_start(app->options, &app->progress, &bar, err) == ERR_OK)
        (void)!take_turns(all, err);
    bar_stop(bar);
    totals = sum_up(all, !is_ended_watch(app, err));
    report_end(&all->report, &totals, err);
    return err->code;
}

static enum err_code open_and_work(struct works *all, struct err *err)
{
    struct app *app = all->app;

    if (apps_load(app->options, &all->apps, err))
        return err->code;
    all->n = all->apps.n;
    all->items = mem_calloc(all->n, sizeof *all->items);
    if (!all->items)
        return err_nomem(err);
    for (size_t i = 0; i < all->n; i++)
        all->items[i].app = &all->apps.items[i];
    if (!is_many(all)) {
        app->file = all->apps.files[0];
        all->items[0].app = app;
        if (open_one(all, &all->items[0], err))
            return err->code;
    }
    return app_begin_out(app, err) ? err->code : work(all, err);
}

enum err_code cmd_work(struct app *app, struct err *err)
{
    struct works *all = mem_calloc(1, sizeof *all);

    if (!all)
        return err_nomem(err);
    all->app = app;
    (void)!open_and_work(all, err);
    for (size_t i = 0; all->items && i < all->n; i++)
        worker_free(all->items[i].worker);
    mem_free(all->items);
    app->file = NULL;
    apps_release(&all->apps);
    mem_free(all);
    if (is_ended_watch(app, err)) {
        err_clear(err);
        stop_forget();
    }
    return err->code;
}
