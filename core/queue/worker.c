/*
 * worker: see worker.h for the states.
 *
 * Invariants: a queue file is removed only under the hour's claim and after what it stands for is committed;
 * between the removal and the release the hour is listed again, so that an object whose file came too early
 * to be put again is seen here. What dies in between leaves a claim behind, which is work for the next. (One
 * that stands still between the claim's renewal and the removal until another has finished the hour, and then
 * dies before it has listed, may take a file of later objects with it: stores cannot remove on a condition.
 * `enqueue` with its lookback finds them.)
 */
#include "core/queue/worker.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/crew.h"
#include "core/queue/backlog.h"
#include "core/queue/queue_file.h"

struct worker {
    struct job *job;
    struct worker_options options;
    struct store *queue; /* NULL: not there yet */
    struct crew *crew;   /* NULL: at rest */
    struct backlog backlog;
    size_t at;         /* the next item to look at */
    int64_t looked_us; /* monotonic */
    bool guarded;      /* the table is ours to add to */
    bool lost;         /* the job's connection: make a new one */
    bool source_away;  /* found out at the hour `probed` */
    hour_t probed;
    struct job_totals totals;
    int status;
    struct outage outage;
    /* of the hour at work */
    struct worker_turn *turn;
    bool unfinished; /* it was loaded, but the queue, or the look for more, refused */
};

enum err_code worker_new(struct job *job, const struct worker_options *options, struct worker **out,
                         struct err *err)
{
    struct worker *w = mem_calloc(1, sizeof *w);
    *out = NULL;
    if (!w)
        return err_nomem(err);
    w->job = job;
    w->options = *options;
    *out = w;
    return ERR_OK;
}

void worker_rest(struct worker *w)
{
    crew_free(w->crew);
    w->crew = NULL;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    worker_rest(w);
    backlog_release(&w->backlog);
    store_close(w->queue);
    mem_free(w);
}

const struct job_totals *worker_totals(const struct worker *w)
{
    return &w->totals;
}

int worker_status(const struct worker *w)
{
    return w->status;
}

/* ---- LOOK ---- */

static enum err_code open_queue(struct worker *w, struct err *err)
{
    if (w->queue || w->options.queues.open(w->options.queues.ctx, &w->queue, err) != ERR_NOT_FOUND)
        return err->code;
    err_clear(err);
    return ERR_OK;
}

/* A new connection in the place of one that was lost while no claim was held. */
static enum err_code reconnect(struct worker *w, struct err *err)
{
    struct job *job = w->job;
    struct sink *sink = NULL;
    if (!w->lost)
        return ERR_OK;
    if (job->sinks.open(job->sinks.ctx, false, job->sink->connection_id, &sink, err) != ERR_OK)
        return err->code;
    worker_rest(w);
    sink_close(job->sink);
    job->sink = sink;
    w->lost = false;
    return ERR_OK;
}

/* Whether the source answers again: with the hour's first key, or that there is none. */
static enum err_code probe_source(struct worker *w, struct err *err)
{
    const struct job *job = w->job;
    struct store_object *object = mem_alloc(sizeof *object);
    struct store_list *list = NULL;
    struct buf prefix;
    bool more;
    buf_init(&prefix, STORE_KEY_MAX);
    if (!object)
        err_nomem(err);
    else if (layout_prefix(job->layout, w->probed, &prefix, err) == ERR_OK &&
             store_list_begin(job->store, buf_str(&prefix), STORE_BELOW, &list, err) == ERR_OK)
        (void)!store_list_next(list, object, &more, err);
    store_list_end(list);
    buf_release(&prefix);
    mem_free(object);
    w->source_away = err->code != ERR_OK;
    return err->code;
}

static enum err_code look(struct worker *w, struct err *err)
{
    struct job *job = w->job;
    backlog_release(&w->backlog);
    w->at = 0;
    if (open_queue(w, err) != ERR_OK)
        return err->code;
    if (!w->guarded && !w->options.allow_nonempty && run_guard_table(job, err) != ERR_OK)
        return err->code;
    w->guarded = true;
    w->looked_us = clock_mono_us(job->clock);
    return backlog_read(w->queue, job->sink, NULL, NULL, &w->backlog, err);
}

static struct backlog_item *next_ready(struct worker *w)
{
    while (w->at < w->backlog.n)
        if (w->backlog.items[w->at++].class == BACKLOG_READY)
            return &w->backlog.items[w->at - 1];
    return NULL;
}

/* Nothing is ready in a backlog that was just read. The job's connection waits too: no longer than the
 * database has patience for. */
static void say_nothing_ready(const struct worker *w, struct worker_turn *turn)
{
    int64_t patience = w->job->pipeline->target.lease_ms * 1000 / 3;
    int64_t wait = patience < WORKER_POLL_MS * INT64_C(1000) ? patience : WORKER_POLL_MS * INT64_C(1000);
    bool open = false;
    turn->failed = 0;
    for (size_t i = 0; i < w->backlog.n; i++) {
        const struct backlog_item *item = &w->backlog.items[i];
        int64_t soon = item->class == BACKLOG_WAITING ? item->due_in_us
                       : item->class == BACKLOG_READY ? WORKER_AGAIN_MS * INT64_C(1000)
                                                      : wait;
        turn->failed += item->class == BACKLOG_FAILED && item->file;
        open |= item->class == BACKLOG_WAITING || (item->class == BACKLOG_HELD && item->file);
        open |= item->class == BACKLOG_READY; /* held by another when we tried */
        if (soon < wait)
            wait = soon;
    }
    turn->did = open ? WORKER_WAIT : WORKER_DRAINED;
    turn->wait_us = wait;
}

/* ---- END ---- */

/* The hour's listing as it is now. */
struct relisting {
    hour_t hour;
    uint64_t listed;
};

static void add_listed(void *ctx, const struct diff_entry *entry)
{
    struct relisting *now = ctx;
    if (entry->kind != DIFF_GONE && entry->kind != DIFF_IGNORED && entry->hour == now->hour)
        now->listed += run_listed(&entry->object);
}

/* Whether the hour's objects are others than those that were just worked on: new ones, or the same with other
 * content. The file is gone by now: a stop waits for the answer. */
static enum err_code has_moved(const struct job *job, hour_t hour, uint64_t listed, bool *moved,
                               struct err *err)
{
    struct run_options options = {.range = {true, hour, hour + 1}};
    struct relisting now = {.hour = hour};
    struct job unstopped = *job;
    struct run_plan plan;
    *moved = false;
    unstopped.stop = NULL;
    if (run_plan_make(&unstopped, &options, add_listed, &now, &plan, err) != ERR_OK)
        return err->code;
    *moved = now.listed != listed;
    run_plan_release(&plan);
    return ERR_OK;
}

/* An hour that was all loaded before has met no fence: the claim is renewed before the file goes. */
static enum err_code finish(struct worker *w, const struct claim *claim, uint64_t listed, struct err *err)
{
    const struct claim_row *row = &claim->row;
    bool moved = false;
    if (!w->queue)
        return ERR_OK;
    if (sink_claim_renew(claim->sink, row->hour, row->owner, row->epoch, err) != ERR_OK ||
        queue_remove(w->queue, row->hour, err) != ERR_OK ||
        has_moved(w->job, row->hour, listed, &moved, err) != ERR_OK || !moved)
        return err->code;
    return queue_put(w->queue, row->hour, err);
}

static int64_t delay_us(const struct job *job, int attempts)
{
    int64_t us = clock_backoff_us(job->clock, job->pipeline->policy.retry_delay_ms * 1000,
                                  WORKER_DELAY_MAX_MS * INT64_C(1000), attempts);
    return us ? us : 1; /* 0 would be no retry at all */
}

/* Errors that the next attempt may not meet; an object that changed while it was read among them. */
static bool is_passing(enum err_code code)
{
    return err_is_transient(code) || code == ERR_IN_DOUBT || code == ERR_PRECONDITION;
}

/* Errors of the whole hour that are not about its data: they would meet the next hour too. */
static bool is_everybodys(enum err_code code)
{
    return code != ERR_DATA && code != ERR_EXISTS && !is_passing(code);
}

static bool has_attempts_left(const struct worker *w, const struct claim *claim)
{
    return claim->row.attempts + 1 < w->job->pipeline->policy.retry_attempts;
}

/* One attempt more has failed: tried again after a while, or given up. */
static void fail_attempt(const struct worker *w, const struct claim *claim, bool again,
                         struct claim_outcome *outcome)
{
    outcome->attempts = claim->row.attempts + 1;
    outcome->state = again ? HOUR_RETRYING : HOUR_FAILED;
    outcome->retry_in_us = again ? delay_us(w->job, outcome->attempts) : 0;
}

/* An empty hour that policy.on_empty does not want may still get its objects until it is late. */
static bool may_still_come(const struct worker *w, hour_t hour, int64_t *in_us)
{
    const struct job *job = w->job;
    *in_us = hour_start_us(hour + 1) + job->pipeline->source.expect_within_ms * 1000 -
             clock_wall_us(w->options.now ? w->options.now : job->clock);
    return *in_us > 0;
}

static void decide(void *ctx, const struct claim *claim, uint64_t listed, bool broken_off,
                   struct claim_outcome *outcome)
{
    struct worker *w = ctx;
    struct err *why = &w->turn->why;
    hour_t hour = claim->row.hour;
    *why = outcome->why ? *outcome->why : ERR_INIT;
    if (outcome->state == HOUR_EMPTY)
        run_judge_empty(w->job, hour, why);
    bool done = why->code == ERR_OK;
    if (why->name == ERRN_HOUR_EMPTY && may_still_come(w, hour, &outcome->retry_in_us)) {
        outcome->state = HOUR_RETRYING;
        outcome->attempts = claim->row.attempts;
    } else if (done && finish(w, claim, listed, why) == ERR_OK) {
        outcome->attempts = 0;
    } else if (why->code == ERR_FENCED) {
        outcome->state = HOUR_RUNNING; /* with another */
    } else {
        w->unfinished = done && is_everybodys(why->code);
        broken_off |= done;
        fail_attempt(w, claim,
                     is_passing(why->code) ? has_attempts_left(w, claim)
                                           : broken_off && is_everybodys(why->code),
                     outcome);
    }
    outcome->why = why;
    w->turn->state = outcome->state;
}

/* ---- TAKE, LOAD ---- */

/* Whether the hour is still what the backlog took it for, now that it is ours. */
static bool still_ready(const struct claim_row *row)
{
    return row->before != HOUR_FAILED &&
           (row->before != HOUR_RETRYING || row->due_in_us <= 0 || row->takeovers > 0);
}

/* What is tried again says only then how it ends. */
static void count_status(struct worker *w, int of_objects)
{
    struct worker_turn *turn = w->turn;
    turn->status = err_status_worse(of_objects, err_status(&turn->why));
    if (turn->state == HOUR_FAILED)
        w->status = err_status_worse(w->status, turn->status);
}

/* Every worker that had the hour died, or lost it, before anything was committed. */
static enum err_code give_up_turn(struct worker *w, struct claim *claim, struct err *err)
{
    char text[HOUR_TEXT_MAX];
    struct claim_outcome outcome = {.why = &w->turn->why};
    hour_format(claim->row.hour, text);
    err_set(&w->turn->why, ERRN_WORKERS_DIED,
            "hour %s: %d workers in a row died or lost it before they committed anything", text,
            claim->row.takeovers);
    fail_attempt(w, claim, has_attempts_left(w, claim), &outcome);
    w->turn->state = outcome.state;
    count_status(w, 0);
    if (claim_end(claim, &outcome, err) == ERR_OK && w->job->events.hour)
        w->job->events.hour(w->job->events.ctx, claim->row.hour, outcome.state, &w->turn->why);
    return err->code;
}

/* *taken = false: another has it, or it is not ready any more. */
static enum err_code work_hour(struct worker *w, hour_t hour, bool *taken, struct err *err)
{
    struct run_end end = {decide, w};
    struct run_options options = {.allow_nonempty = w->options.allow_nonempty, .end = &end};
    struct job *job = w->job;
    struct claim claim;
    int status = 0;
    *taken = false;
    if (!w->crew && crew_new(job, &w->crew, err) != ERR_OK)
        return err->code;
    enum err_code code = claim_acquire(job->sink, hour, job->owner, 0, job->stop, &claim, err);
    if (code == ERR_HELD)
        err_clear(err);
    if (code != ERR_OK)
        return err->code;
    if (!still_ready(&claim.row))
        return claim_return(&claim, err);
    *taken = true;
    w->unfinished = false;
    w->turn->hour = hour;
    if (w->options.begins)
        w->options.begins(w->options.ctx, hour);
    if (claim.row.takeovers >= WORKER_TAKEOVERS)
        return give_up_turn(w, &claim, err);
    (void)!run_claimed(job, &options, w->crew, &claim, &w->totals, &status, &w->outage, err);
    bool moved_on = err->code == ERR_FENCED || err->code == ERR_HELD;
    if (moved_on || (err->code != ERR_OK && !is_everybodys(err->code))) {
        /* What became of the hour is decided; whether the connection lives, the next turn finds out. */
        w->turn->why = *err;
        w->lost |= err->name == ERRN_DB_LOST;
        err_clear(err);
    } else if (err->code == ERR_OK && w->unfinished) {
        *err = w->turn->why;
    }
    w->source_away = w->turn->why.name == ERRN_STORE_UNREACHABLE || w->turn->why.name == ERRN_STORE_THROTTLED;
    w->probed = hour;
    count_status(w, status);
    return err->code;
}

static enum err_code take_turn(struct worker *w, struct worker_turn *turn, struct err *err)
{
    int64_t now = clock_mono_us(w->job->clock);
    bool stale = now - w->looked_us > WORKER_LOOK_MS * INT64_C(1000);
    if ((w->source_away && probe_source(w, err) != ERR_OK) || reconnect(w, err) != ERR_OK)
        return err->code;
    for (bool looked = false;;) {
        struct backlog_item *item = stale ? NULL : next_ready(w);
        bool taken = false;
        stale = false;
        if (job_check_stop(w->job, err) != ERR_OK)
            return err->code;
        if (item) {
            if (work_hour(w, item->hour, &taken, err) != ERR_OK || taken)
                return err->code;
        } else if (looked) {
            say_nothing_ready(w, turn);
            return ERR_OK;
        } else {
            looked = true;
            if (look(w, err) != ERR_OK)
                return err->code;
        }
    }
}

enum err_code worker_turn(struct worker *w, struct worker_turn *turn, struct err *err)
{
    *turn = (struct worker_turn){.did = WORKER_HOUR, .state = HOUR_RUNNING};
    w->turn = turn;
    if (take_turn(w, turn, err) != ERR_OK)
        w->lost |= err->name == ERRN_DB_LOST;
    w->turn = NULL;
    return err->code;
}
