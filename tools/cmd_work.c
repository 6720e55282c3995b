/*
 * cmd_work: `sluice work`: loads the hours of the queue, one after another, until there are none (--drain),
 * one is done (--once), or it is stopped (--watch).
 *
 * Invariants: a store or database that is away is waited for, with --drain no longer than WORK_OUTAGE_MS; the
 * end is asked for between two hours, and within one after the grace.
 */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/queue/worker.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/stop.h"

enum {
    WORK_PAUSE_MS = 1000, /* after the first failure; doubled up to ... */
    WORK_PAUSE_MAX_MS = 30000,
    WORK_OUTAGE_MS = 600000,
    WORK_NAP_MS = 200, /* how soon an end is seen while waiting */
};

struct work {
    struct app *app;
    struct worker *worker;
    int64_t failing_since_us; /* monotonic; 0: all is well */
    int64_t pause_ms;
};

static enum err_code open_queue(void *ctx, struct store **out, struct err *err)
{
    return app_open_queue(ctx, false, out, err);
}

/* Waits; false once the end was asked for. */
static bool nap(const struct work *w, int64_t us)
{
    const struct clock *clock = w->app->job.clock;
    int64_t until = clock_mono_us(clock) + us;

    for (int64_t left = us; left > 0 && !atomic_load(stop_ending()); left = until - clock_mono_us(clock))
        clock_sleep_us(clock, left < WORK_NAP_MS * 1000 ? left : WORK_NAP_MS * 1000);
    return !atomic_load(stop_ending());
}

/* After a turn that failed: true where it is to be tried again, after a while. */
static bool wait_out(struct work *w, struct err *err)
{
    const struct options *o = w->app->options;
    int64_t now = clock_mono_us(w->app->job.clock);
    bool transient = err_is_transient(err->code);

    if (err->code == ERR_CANCELLED || o->given[OPT_ONCE] || (!transient && !o->given[OPT_WATCH]))
        return false;
    if (w->failing_since_us == 0) {
        w->failing_since_us = now;
        w->pause_ms = WORK_PAUSE_MS;
    }
    if (!o->given[OPT_WATCH] && now - w->failing_since_us > WORK_OUTAGE_MS * INT64_C(1000))
        return false;
    log_err(LOG_WARN, err);
    log_msg(LOG_WARN, "again in %lld s", (long long)(w->pause_ms / 1000));
    err_clear(err);
    (void)nap(w, w->pause_ms * 1000);
    w->pause_ms = w->pause_ms * 2 < WORK_PAUSE_MAX_MS ? w->pause_ms * 2 : WORK_PAUSE_MAX_MS;
    return true;
}

/* What became of an hour, for people who watch. */
static void tell(const struct worker_turn *turn)
{
    char hour[HOUR_TEXT_MAX];
    bool told = turn->why.code == ERR_DATA; /* with its object */

    hour_format(turn->hour, hour);
    if (turn->state == HOUR_RUNNING)
        log_msg(LOG_WARN, "hour %s: another worker has it now: %s", hour, err_name_text(turn->why.name));
    else if (turn->state == HOUR_RETRYING || turn->state == HOUR_FAILED)
        log_msg(LOG_WARN, "hour %s: %s%s: %s%s%s", hour, hour_state_text(turn->state),
                turn->state == HOUR_FAILED ? " (after a fix: sluice queue retry)" : "",
                err_name_text(turn->why.name), told ? "" : ": ", told ? "" : turn->why.msg);
    else
        log_msg(LOG_INFO, "hour %s: %s", hour, hour_state_text(turn->state));
}

/* One turn; false at the end of the work. */
static bool take_turn(struct work *w, struct err *err)
{
    const struct options *o = w->app->options;
    struct worker_turn turn;

    if (worker_turn(w->worker, &turn, err) != ERR_OK)
        return wait_out(w, err);
    w->failing_since_us = 0;
    switch (turn.did) {
    case WORKER_HOUR:
        tell(&turn);
        if (o->given[OPT_ONCE])
            app_verdict(w->app, turn.status);
        return !o->given[OPT_ONCE];
    case WORKER_WAIT:
        worker_rest(w->worker);
        return !o->given[OPT_ONCE] && nap(w, turn.wait_us);
    default:
        if (o->given[OPT_WATCH]) {
            worker_rest(w->worker);
            return nap(w, turn.wait_us);
        }
        app_verdict(w->app, turn.failed ? 1 : 0);
        if (turn.failed)
            log_msg(LOG_ERROR,
                    "failed hours: %lld; `sluice queue ls` names them, `sluice queue retry` tries again",
                    (long long)turn.failed);
        return false;
    }
}

/* Whoever watches is meant to be stopped: that is no failure. */
static bool is_ended_watch(const struct app *app, const struct err *err)
{
    return app->options->given[OPT_WATCH] && atomic_load(stop_ending()) &&
           (err->code == ERR_OK || err->code == ERR_CANCELLED);
}

static enum err_code work(struct app *app, struct report *report, struct err *err)
{
    const struct worker_options options = {.allow_nonempty = app->options->given[OPT_ALLOW_NONEMPTY],
                                           .queues = {open_queue, app},
                                           .now = app->clock};
    struct work w = {.app = app};
    struct job_totals none = {0};
    struct bar *bar = NULL;

    report_begin(report, app);
    if (worker_new(&app->job, &options, &w.worker, err) == ERR_OK &&
        bar_start(app->options, &app->progress, &bar, err) == ERR_OK)
        while (!atomic_load(stop_ending()) && take_turn(&w, err))
            ;
    bar_stop(bar);
    if (w.worker && !is_ended_watch(app, err))
        app_verdict(app, worker_status(w.worker));
    report_end(report, w.worker ? worker_totals(w.worker) : &none, err);
    worker_free(w.worker);
    return err->code;
}

static enum err_code open_and_work(struct app *app, struct err *err)
{
    struct report *report;

    if (app_open(app, APP_SOURCE | APP_WRITE | APP_STOP | APP_QUEUE, err) || app_begin_out(app, err))
        return err->code;
    report = mem_calloc(1, sizeof *report);
    if (!report)
        return err_nomem(err);
    (void)!work(app, report, err);
    mem_free(report);
    return err->code;
}

enum err_code cmd_work(struct app *app, struct err *err)
{
    (void)!open_and_work(app, err);
    if (is_ended_watch(app, err)) {
        err_clear(err);
        stop_forget();
    }
    return err->code;
}
