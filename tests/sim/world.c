/*
 * world: see world.h. One process stands for each worker slot at a time; what crashed or ended is followed by
 * a new one. The world's own fibers (lake, peace, judge, slots) belong to an immortal process.
 */
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>

#include "backends/sink_mem.h"
#include "backends/store_mem.h"
#include "core/base/log.h"
#include "core/queue/enqueue.h"
#include "core/queue/queue_file.h"
#include "core/queue/worker.h"
#include "tests/sim/check.h"
#include "tests/sim/mem_world.h"
#include "tests/sim/net.h"

enum { SLOTS_MAX = 4, POINTS_MAX = 2000000 };

#define PATIENCE_US (INT64_C(7200) * SECOND_US)

struct slot {
    struct world *world;
    int number, born;
    struct proc *proc; /* NULL while there is none */
    bool ended;
    atomic_int stop, away;
};

struct world {
    struct pipeline pipeline;
    struct lake lake;
    struct checker check;
    struct net net;
    struct db *db;
    struct proc *self;
    struct slot slots[SLOTS_MAX];
    int nslots;
    bool queue, ending;
    bool quiet_lake; /* nobody puts queue files but enqueue, which looks for what is missing */
    bool mixed;      /* `run` and `work` side by side */
    bool peace;
    int64_t peace_us;
    bool all_put;
};

static struct pipeline *pipeline;
static struct layout *layout;
static FILE *nowhere;

/* ---- a worker ---- */

static enum err_code open_source(void *ctx, struct store **out, struct err *err)
{
    return net_open(&((struct world *)ctx)->net, "lake", out, err);
}

static enum err_code open_queue(void *ctx, struct store **out, struct err *err)
{
    return net_open(&((struct world *)ctx)->net, "queue", out, err);
}

static enum err_code open_job(struct slot *s, struct job *job, struct err *err)
{
    struct world *w = s->world;
    *job = (struct job){.pipeline = &w->pipeline,
                        .layout = layout,
                        .clock = &sched_self()->clock,
                        .stores = {open_source, w},
                        .sinks = {db_connect, w->db},
                        .stop = &s->stop,
                        .away = &s->away};
    if (open_source(w, &job->store, err) == ERR_OK && db_connect(w->db, false, 0, &job->sink, err) == ERR_OK)
        job_identify(job);
    return err->code;
}

/* `sluice run`, as cron would call it: once in a process, or a few times. */
static void run(struct slot *s, struct job *job)
{
    do {
        struct run_options options = {.range = {.bounded = false}};
        struct job_totals totals;
        struct err err = ERR_INIT;
        int status;
        job_identify(job);
        sched_log("run %s", job->run_id);
        if (run_load(job, &options, &totals, &status, &err) != ERR_OK)
            sched_log("run: %s: %s", err_name_text(err.name), err.msg);
        if (err.code != ERR_OK || s->world->ending)
            return;
        sched_sleep_us((int64_t)sched_below(20) * SECOND_US);
    } while (sched_below(2));
}

/* `sluice enqueue --missing`. */
static void enqueue(struct slot *s, struct job *job)
{
    struct enqueue enqueue = {.job = job};
    struct hour_range all = {.bounded = false};
    struct err err = ERR_INIT;
    if (open_queue(s->world, &enqueue.queue, &err) == ERR_OK)
        (void)!enqueue_missing(&enqueue, &all, &err);
    sched_log("enqueue: %s", err.code ? err_name_text(err.name) : "done");
    store_close(enqueue.queue);
}

/* `sluice work`: until the queue is drained, or, for a while, watching it. */
static void work(struct slot *s, struct job *job)
{
    struct worker_options options = {.queues = {open_queue, s->world}};
    struct worker *worker = NULL;
    struct err err = ERR_INIT;
    bool watch = sched_below(2);
    if (worker_new(job, &options, &worker, &err) != ERR_OK)
        return;
    for (int trouble = 0; !s->stop && trouble < 3;) {
        struct worker_turn turn;
        err_clear(&err);
        if (worker_turn(worker, &turn, &err) != ERR_OK) {
            sched_log("turn: %s: %s", err_name_text(err.name), err.msg);
            if (!err_is_transient(err.code))
                break;
            trouble++;
            sched_sleep_us(SECOND_US << trouble);
        } else if (turn.did != WORKER_HOUR) {
            sched_log("turn: %s", turn.did == WORKER_WAIT ? "wait" : "drained");
            worker_rest(worker);
            if (turn.did == WORKER_DRAINED && !watch)
                break;
            sched_sleep_us(turn.wait_us);
            trouble = 0;
        } else {
            sched_log("turn: hour %lld %s", (long long)(turn.hour - LAKE_FIRST_HOUR),
                      hour_state_text(turn.state));
        }
    }
    worker_free(worker);
}

static void worker_main(void *arg)
{
    struct slot *s = arg;
    struct job job;
    struct err err = ERR_INIT;
    if (open_job(s, &job, &err) == ERR_OK) {
        const struct world *w = s->world;
        if (w->quiet_lake && sched_below(2))
            enqueue(s, &job);
        if (!w->queue || (w->mixed && sched_below(3) == 0))
            run(s, &job);
        else
            work(s, &job);
    }
    sink_close(job.sink);
    store_close(job.store);
    sched_log("ends");
    s->ended = true;
    sched_wake(s->proc);
}

static void died(void *ctx, struct proc *proc)
{
    db_client_died(((struct slot *)ctx)->world->db, proc);
}

static void ask_to_end(void *ctx, struct proc *proc)
{
    struct slot *s = ctx;
    s->world->check.asked[proc->number] = true;
    atomic_store(&s->stop, 15);
}

/* One process after another. */
static void slot_main(void *arg)
{
    struct slot *s = arg;
    struct world *w = s->world;
    while (!w->ending) {
        char name[16];
        snprintf(name, sizeof name, "w%d.%d", s->number, ++s->born);
        atomic_store(&s->stop, 0);
        atomic_store(&s->away, 0);
        s->ended = false;
        s->proc = sched_proc(name, false);
        s->proc->on_death = died;
        s->proc->on_ask = ask_to_end;
        s->proc->ctx = s;
        sched_spawn(s->proc, worker_main, s);
        while (!s->ended && !s->proc->dead)
            (void)!sched_wait(s->proc, FOREVER);
        s->proc->dead = true;
        s->proc = NULL;
        if (!w->ending)
            sched_sleep_us(SECOND_US + (int64_t)sched_below(20000) * 1000);
    }
}

/* ---- what the world does itself ---- */

static void lake_main(void *arg)
{
    struct world *w = arg;
    int64_t next;
    int hour;
    while (lake_put_due(&w->lake, &next, &hour)) {
        if (hour < 0) {
            sched_sleep_us(next - sched_now_us());
            continue;
        }
        if (w->queue && !w->quiet_lake) {
            sched_sleep_us((int64_t)sched_below(3000000));
            lake_queue_put(&w->lake, hour);
        }
        sched_point();
    }
    w->all_put = true;
}

/* Brings an hour back that was given up for no reason that lasts, as `sluice queue retry` does. */
static void retry_failed(struct world *w, struct job *job)
{
    int hour = check_failed_hour(&w->check);
    struct claim claim;
    struct err err = ERR_INIT;
    const struct claim_outcome outcome = {.state = HOUR_QUEUED};
    if (hour < 0 ||
        claim_acquire(job->sink, LAKE_FIRST_HOUR + hour, job->owner, 0, NULL, &claim, &err) != ERR_OK)
        return;
    sched_log("retries hour %d", hour);
    if (claim.row.before != HOUR_FAILED || queue_put(w->lake.queue, LAKE_FIRST_HOUR + hour, &err) != ERR_OK)
        (void)!claim_return(&claim, &err);
    else
        (void)!claim_end(&claim, &outcome, &err);
}

/* A person and a clock beside the workers, once there is peace: `queue retry`, `enqueue --missing`. */
static void keep_queue(struct world *w, struct job *job)
{
    struct enqueue enqueue = {.job = job, .queue = w->lake.queue};
    struct hour_range all = {.bounded = false};
    struct err err = ERR_INIT;
    retry_failed(w, job);
    bool robbed = false;
    for (int hour = 0; hour < w->lake.nhours; hour++)
        robbed |= w->check.robbed[hour];
    if ((w->quiet_lake || robbed) && enqueue_missing(&enqueue, &all, &err) != ERR_OK)
        check_fail(&w->check, "enqueue: %s: %s", err_name_text(err.name), err.msg);
    for (int hour = 0; hour < w->lake.nhours; hour++)
        if (lake_queue_has(&w->lake, hour))
            lake_announce(&w->lake, hour);
}

static void judge_main(void *arg)
{
    struct world *w = arg;
    static struct slot nobody; /* never asked to end */
    struct job job = {0};
    struct err err = ERR_INIT;
    nobody.world = w;
    sched_sleep_us(w->peace_us - sched_now_us());
    struct sched_chaos calm = sched_calm();
    sched_set_chaos(&calm);
    db_set_trouble(w->db, &(struct db_trouble){0});
    w->net.refuse = w->net.mute = w->net.cut = 0;
    w->peace = true;
    sched_log("peace");
    if (open_job(&nobody, &job, &err) != ERR_OK)
        check_fail(&w->check, "judge: %s", err.msg);
    for (int turn = 0; !(w->all_put && check_all_done(&w->check)); turn++) {
        if (w->queue && turn % 30 == 0)
            keep_queue(w, &job);
        if (sched_now_us() - w->peace_us > PATIENCE_US) {
            char what[400];
            check_describe(&w->check, what, sizeof what);
            check_fail(&w->check, "no progress:%s", what);
        }
        sched_sleep_us(SECOND_US);
    }
    sched_log("all is done");
    sink_close(job.sink);
    store_close(job.store);
    w->ending = true;
    for (int i = 0; i < w->nslots; i++)
        if (w->slots[i].proc)
            ask_to_end(&w->slots[i], w->slots[i].proc);
}

/* ---- a seed ---- */

static uint32_t some(uint32_t most)
{
    return sched_below(2) ? sched_below(most + 1) : 0;
}

static void decide_pipeline(struct world *w)
{
    struct pipeline *p = &w->pipeline;
    *p = *pipeline;
    p->target.commit_unit = (enum commit_unit)sched_below(3);
    p->target.connections = 1 + (int)sched_below(3);
    p->policy.on_changed = sched_below(2) ? ON_CHANGED_REPLACE : ON_CHANGED_IGNORE;
    p->policy.retry_attempts = 1 + (int)sched_below(3);
    if (p->target.commit_unit == COMMIT_HOUR) /* judged over the hour: bad records are only some rows less */
        p->policy.max_rejects.number = 1000;
    w->check.replaces = p->policy.on_changed == ON_CHANGED_REPLACE;
    w->check.retry_attempts = p->policy.retry_attempts;
    w->check.max_rejects = p->policy.max_rejects.number;
}

static void decide_lake(struct world *w)
{
    struct lake_plan plan = {.hours = 1 + (int)sched_below(LAKE_HOURS),
                             .bad_max = sched_below(4) ? 1 : 3,
                             .over_us = (int64_t)(1 + sched_below(120)) * SECOND_US};
    /* An object that changes under its chunks is a failure for a person to look at; one that changes when it
     * is loaded is none that `enqueue --missing` looks for. */
    plan.changes = w->pipeline.target.commit_unit != COMMIT_CHUNK && !w->quiet_lake && sched_below(2);
    lake_init(&w->lake, &plan);
    w->check.unreadable = w->check.deadly = -1;
    if (!w->queue)
        return;
    int object = (int)sched_below((uint32_t)w->lake.nobjects);
    if (sched_below(16) == 0) {
        w->check.unreadable = object;
        w->net.unreadable = w->lake.objects[object].key;
    } else if (sched_below(32) == 0) {
        w->check.deadly = object;
        w->net.deadly = w->lake.objects[object].key;
    }
}

static void decide_trouble(struct world *w, struct db_trouble *db)
{
    struct sched_chaos chaos = {.dawdle = 20000 + some(100000),
                                .stall = some(1500),
                                .stop = some(1000),
                                .crash = some(3000),
                                .jump = some(1000),
                                .ask = some(1500),
                                .stall_us = 90 * SECOND_US};
    w->net.remote = sched_below(2);
    w->net.retries = sched_below(2);
    *db = (struct db_trouble){.refuse = some(8000), .mute = some(8000), .doubt = some(300000)};
    w->net.refuse = some(8000);
    w->net.mute = some(8000);
    w->net.cut = some(50000);
    sched_set_chaos(&chaos);
    w->peace_us = sched_now_us() + (int64_t)(30 + sched_below(300)) * SECOND_US;
    w->nslots = 1 + (int)sched_below(SLOTS_MAX);
}

/* Everything is new: the places in memory were emptied when the last world ended. */
static bool begin(struct world *w, struct err *err)
{
    static struct db_watch watch;
    struct db_trouble trouble;
    w->self = sched_proc("world", true);
    w->queue = sched_below(3) > 0;
    w->quiet_lake = w->queue && sched_below(4) == 0;
    w->mixed = w->queue && sched_below(4) == 0;
    w->check.queue = w->queue;
    w->check.mixed = w->mixed;
    w->check.lake = &w->lake;
    decide_pipeline(w);
    if (net_open_plain("lake", &w->self->clock, &w->lake.source, err) != ERR_OK ||
        net_open_plain("queue", &w->self->clock, &w->lake.queue, err) != ERR_OK)
        return false;
    decide_lake(w);
    decide_trouble(w, &trouble);
    watch = (struct db_watch){check_committed, check_claimed, &w->check};
    w->net.removing = check_removing;
    w->net.removed = check_removed;
    w->net.was_put = check_was_put;
    w->net.listing = check_listing;
    w->net.ctx = &w->check;
    if (db_new(&w->pipeline, sched_below(4) == 0, &watch, &w->db, err) != ERR_OK)
        return false;
    w->check.db = w->db;
    check_init(&w->check);
    db_set_trouble(w->db, &trouble);
    return true;
}

static void play(struct world *w)
{
    sched_spawn(w->self, lake_main, w);
    sched_spawn(w->self, judge_main, w);
    for (int i = 0; i < w->nslots; i++) {
        w->slots[i].world = w;
        w->slots[i].number = i + 1;
        sched_spawn(w->self, slot_main, &w->slots[i]);
    }
    bool ended = sched_run(POINTS_MAX);
    if (w->check.violation[0] == '\0' && !ended)
        check_fail(&w->check, "%s",
                   sched_points() >= POINTS_MAX ? "it does not come to an end" : "all wait for ever");
}

void world_run(uint64_t seed, FILE *log, struct world_result *result)
{
    static struct world w;
    struct err err = ERR_INIT;
    memset(&w, 0, sizeof w);
    mem_world_begin();
    sched_begin(seed, log);
    int64_t began_us = sched_now_us();
    log_configure(log ? log : nowhere, LOG_TEXT, log ? LOG_DEBUG : LOG_ERROR);
    if (begin(&w, &err)) {
        play(&w);
        if (w.check.violation[0] == '\0') {
            db_free(w.db);
            store_close(w.lake.source);
            store_close(w.lake.queue);
        }
    } else {
        snprintf(w.check.violation, sizeof w.check.violation, "%s: %.400s", err_name_text(err.name), err.msg);
    }
    sink_mem_reset();
    store_mem_reset();
    if (w.check.violation[0] == '\0' && sched_crashes() == 0 && mem_world_live() > 0)
        snprintf(w.check.violation, sizeof w.check.violation, "%zu allocations were never freed",
                 mem_world_live());
    *result = (struct world_result){.ok = w.check.violation[0] == '\0',
                                    .digest = sched_digest(),
                                    .points = sched_points(),
                                    .crashes = sched_crashes(),
                                    .commits = w.check.commits,
                                    .virtual_us = sched_now_us() - began_us};
    snprintf(result->what, sizeof result->what, "%s", w.check.violation);
    sched_end();
    mem_world_end();
}

bool world_prepare(void)
{
    struct err err = ERR_INIT;
    struct pipeline_options options = {.file = "tests/sim/pipeline.yaml"};
    if (pipeline_load(&options, &pipeline, &err) == ERR_OK)
        (void)!layout_compile(pipeline->source.layout, &layout, &err);
    nowhere = fopen("/dev/null", "w");
    if (err.code != ERR_OK)
        fprintf(stderr, "%s: %s\n", err_name_text(err.name), err.msg);
    return err.code == ERR_OK && nowhere;
}

void world_release(void)
{
    if (nowhere)
        fclose(nowhere);
    layout_free(layout);
    pipeline_free(pipeline);
}
