/*
 * service: see service.h for the states.
 *
 * Invariants: the connection is closed while the service rests, and made anew where its next step came late
 * (a database ends one that is idle for a lease), never while a worker's crew uses it; an enqueue tick that
 * failed is repeated whole, so the hours it owes stay owed; a clock that was set back makes no tick later
 * than its schedule says now.
 */
#include "core/queue/service.h"

#include <stdio.h>

#include "core/base/cron.h"
#include "core/base/mem.h"
#include "core/queue/catch_up.h"

/* In this order: a later one that goes well shows that an earlier one does. */
enum phase { PHASE_START, PHASE_ENQUEUE, PHASE_WORK };

struct service {
    struct job *job;
    struct service_options options;
    const struct clock *now;
    struct cron enqueue, work;
    struct worker *worker;
    struct store *queue; /* NULL: not opened yet */
    struct watch watch;
    bool connected;     /* options.connect went well */
    bool started;       /* caught up */
    bool working;       /* in the midst of the hours that are ready */
    int64_t stepped_us; /* monotonic: the end of the last step */

    int64_t enqueue_due_us, work_due_us; /* by `now` */
    hour_t next;                         /* the first hour that is not queued */
    struct worker_turn turn;
    /* PAUSE */
    int64_t pause_ms;         /* 0: all is well */
    int64_t resume_us;        /* monotonic */
    int64_t failing_since_us; /* monotonic */
    enum phase failing;
    bool told; /* that it fails */
};

enum err_code service_new(struct job *job, const struct service_options *options, struct service **out,
                          struct err *err)
{
    struct service *s = mem_calloc(1, sizeof *s);
    *out = NULL;
    if (!s)
        return err_nomem(err);
    s->job = job;
    s->options = *options;
    s->now = options->now ? options->now : job->clock;
    struct worker_options hired = {.allow_nonempty = options->allow_nonempty,
                                   .queues = options->queues,
                                   .now = s->now,
                                   .begins = options->events.begins,
                                   .ctx = options->events.ctx};
    if (cron_parse(job->pipeline->schedule.enqueue, &s->enqueue, err) != ERR_OK ||
        cron_parse(job->pipeline->schedule.work, &s->work, err) != ERR_OK ||
        worker_new(job, &hired, &s->worker, err) != ERR_OK) {
        service_free(s);
        return err->code;
    }
    *out = s;
    return ERR_OK;
}

void service_free(struct service *s)
{
    if (!s)
        return;
    worker_free(s->worker);
    store_close(s->queue);
    mem_free(s);
}

int64_t service_next_work_us(const struct service *s)
{
    return s->work_due_us;
}

/* ---- connections ---- */

static void disconnect(struct service *s)
{
    worker_rest(s->worker);
    sink_close(s->job->sink);
    s->job->sink = NULL;
}

static enum err_code connect(struct service *s, struct err *err)
{
    struct job *job = s->job;
    int64_t patience = job->pipeline->target.lease_ms * 1000 / 3;
    if (job->sink && clock_mono_us(job->clock) - s->stepped_us > patience)
        disconnect(s);
    if (!s->connected && s->options.connect && s->options.connect(s->options.connect_ctx, err) != ERR_OK)
        return err->code;
    s->connected = true;
    if (!job->sink && job->sinks.open(job->sinks.ctx, false, 0, &job->sink, err) != ERR_OK)
        return err->code;
    if (!s->queue)
        (void)!s->options.queues.open(s->options.queues.ctx, &s->queue, err);
    return err->code;
}

/* ---- ENQUEUE ---- */

static struct enqueue enqueue_of(struct service *s)
{
    return (struct enqueue){
        .job = s->job, .queue = s->queue, .each = s->options.events.queued, .ctx = s->options.events.ctx};
}

/* What had failed before is known before the first hour is worked. */
static enum err_code look_around(struct service *s, bool *more, int64_t *retry_us, struct err *err)
{
    struct backlog backlog;
    *retry_us = INT64_MAX;
    if (backlog_read(s->queue, s->job->sink, NULL, NULL, &backlog, err) == ERR_OK)
        (void)!watch_look(&s->watch, &backlog, s->next - 1, more, err);
    for (size_t i = 0; i < backlog.n; i++)
        if (backlog.items[i].class == BACKLOG_WAITING && backlog.items[i].due_in_us < *retry_us)
            *retry_us = backlog.items[i].due_in_us;
    backlog_release(&backlog);
    return err->code;
}

/* As if the last tick that the schedule has had came now. */
static enum err_code start(struct service *s, int64_t now, struct err *err)
{
    struct enqueue e = enqueue_of(s);
    int64_t last = cron_last_us(&s->enqueue, now), retry_us;
    hour_t first;
    bool more;
    if (catch_up_start(&e, last == INT64_MIN ? now : last, &first, &s->next, err) != ERR_OK)
        return err->code;
    watch_init(&s->watch, s->job, s->now, s->options.events.notice, s->options.events.ctx, first);
    if (look_around(s, &more, &retry_us, err) != ERR_OK)
        return err->code;
    s->started = true;
    s->enqueue_due_us = cron_next_us(&s->enqueue, now);
    s->work_due_us = now;
    return ERR_OK;
}

static enum err_code enqueue_tick(struct service *s, int64_t now, struct err *err)
{
    struct enqueue e = enqueue_of(s);
    int64_t last = cron_last_us(&s->enqueue, now);
    if (catch_up_tick(&e, last == INT64_MIN ? now : last, &s->next, err) == ERR_OK)
        s->enqueue_due_us = cron_next_us(&s->enqueue, now);
    return err->code;
}

/* ---- WORK ---- */

static void rest(struct service *s, int64_t now, int64_t retry_us, bool more)
{
    int64_t late = watch_due_us(&s->watch);
    s->working = false;
    s->work_due_us = cron_next_us(&s->work, now);
    if (retry_us < s->work_due_us - now)
        s->work_due_us = now + retry_us;
    if (s->watch.next < s->next && late < s->work_due_us)
        s->work_due_us = late + 1;
    if (more)
        s->work_due_us = now;
    disconnect(s);
}

static enum err_code work(struct service *s, int64_t now, struct err *err)
{
    int64_t began = clock_mono_us(s->job->clock), retry_us = 0;
    bool more = false;
    if (!s->working)
        job_identify(s->job); /* a run of its own in the books */
    s->working = true;
    if (worker_turn(s->worker, &s->turn, err) != ERR_OK)
        return err->code;
    if (s->turn.did == WORKER_HOUR) {
        if (s->turn.state == HOUR_FAILED)
            watch_failed_again(&s->watch, s->turn.hour);
        if (s->options.events.hour)
            s->options.events.hour(s->options.events.ctx, &s->turn, clock_mono_us(s->job->clock) - began);
        return ERR_OK;
    }
    if (look_around(s, &more, &retry_us, err) == ERR_OK)
        rest(s, now, retry_us, more);
    return err->code;
}

/* ---- PAUSE ---- */

static void tell(struct service *s, enum notice_kind kind, const struct err *why)
{
    struct notice notice = {.kind = kind};
    if (why) {
        snprintf(notice.error_name, sizeof notice.error_name, "%s", err_name_text(why->name));
        snprintf(notice.error, sizeof notice.error, "%s", why->msg);
    }
    if (s->options.events.notice)
        s->options.events.notice(s->options.events.ctx, &notice);
}

/* A target that another has whole (HELD) is free again some time, too. */
static bool passes(const struct err *err)
{
    return err_is_transient(err->code) || err->code == ERR_HELD || err->code == ERR_IN_DOUBT;
}

static void pause_after(struct service *s, enum phase phase, struct err *err)
{
    int64_t mono = clock_mono_us(s->job->clock);
    if (s->pause_ms == 0)
        s->failing_since_us = mono;
    s->pause_ms = s->pause_ms == 0 ? SERVICE_PAUSE_MS : s->pause_ms * 2;
    if (s->pause_ms > SERVICE_PAUSE_MAX_MS)
        s->pause_ms = SERVICE_PAUSE_MAX_MS;
    s->failing = phase;
    s->resume_us = mono + s->pause_ms * 1000;
    if (s->options.events.trouble)
        s->options.events.trouble(s->options.events.ctx, err, s->pause_ms * 1000);
    if (!s->told && (!passes(err) || mono - s->failing_since_us >= SERVICE_OUTAGE_MS * INT64_C(1000))) {
        s->told = true;
        tell(s, NOTICE_FAILURE, err);
    }
    disconnect(s);
    err_clear(err);
}

static void note_well(struct service *s, enum phase phase)
{
    if (s->pause_ms > 0 && phase < s->failing)
        return;
    if (s->told)
        tell(s, NOTICE_RECOVERY, NULL);
    if (s->options.events.well)
        s->options.events.well(s->options.events.ctx);
    s->told = false;
    s->pause_ms = 0;
}

/* ---- steps ---- */

static bool is_stopped(const struct service *s)
{
    struct err ignored = ERR_INIT;
    return job_check_stop(s->job, &ignored) != ERR_OK;
}

static bool is_due(const struct service *s, int64_t now)
{
    if (s->pause_ms > 0 && clock_mono_us(s->job->clock) < s->resume_us)
        return false;
    return !s->started || s->working || now >= s->enqueue_due_us || now >= s->work_due_us;
}

static enum phase phase_at(const struct service *s, int64_t now)
{
    return !s->started ? PHASE_START : now >= s->enqueue_due_us ? PHASE_ENQUEUE : PHASE_WORK;
}

static void do_step(struct service *s, int64_t now, struct err *err)
{
    enum phase phase = phase_at(s, now);
    if (connect(s, err) == ERR_OK && phase == PHASE_START)
        (void)!start(s, now, err);
    else if (err->code == ERR_OK && phase == PHASE_ENQUEUE)
        (void)!enqueue_tick(s, now, err);
    else if (err->code == ERR_OK)
        (void)!work(s, now, err);
    s->stepped_us = clock_mono_us(s->job->clock);
    if (err->code == ERR_OK)
        note_well(s, phase);
    else if (!is_stopped(s))
        pause_after(s, phase, err);
}

/* A clock that was set back must not put a tick off. */
static void mind_the_clock(struct service *s, int64_t now)
{
    int64_t enqueue = cron_next_us(&s->enqueue, now), work_due = cron_next_us(&s->work, now);
    if (s->enqueue_due_us > enqueue)
        s->enqueue_due_us = enqueue;
    if (s->work_due_us > work_due)
        s->work_due_us = work_due;
}

static int64_t until_next(const struct service *s)
{
    int64_t now = clock_wall_us(s->now), wait = SERVICE_WAIT_MAX_MS * INT64_C(1000);
    if (s->pause_ms > 0)
        return s->resume_us - clock_mono_us(s->job->clock);
    if (s->working || !s->started)
        return 0;
    if (s->enqueue_due_us - now < wait)
        wait = s->enqueue_due_us - now;
    if (s->work_due_us - now < wait)
        wait = s->work_due_us - now;
    return wait;
}

enum err_code service_step(struct service *s, int64_t *wait_us, struct err *err)
{
    int64_t now = clock_wall_us(s->now);
    *wait_us = 0;
    if (job_check_stop(s->job, err) != ERR_OK)
        return err->code;
    mind_the_clock(s, now);
    if (is_due(s, now))
        do_step(s, now, err);
    if (err->code != ERR_OK) { /* it was stopped, whatever that met first */
        err_clear(err);
        return job_check_stop(s->job, err);
    }
    *wait_us = until_next(s);
    if (*wait_us < 0)
        *wait_us = 0;
    return ERR_OK;
}
