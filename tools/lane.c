/*
 * lane: see lane.h.
 *
 * Invariant: the snapshot and whatever else the lock guards change together, and the lock is never held while
 * anything is read, loaded or written.
 */
#include "tools/lane.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/url.h"
#include "tools/stop.h"

#define TROUBLE_LOG_US INT64_C(600000000)

const double lane_bounds[LANE_BUCKETS - 1] = {0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 21600};

static void observe(struct histogram *h, int64_t us)
{
    int i = 0;

    if (us < 0)
        us = 0;
    while (i < LANE_BUCKETS - 1 && (double)us > lane_bounds[i] * 1e6)
        i++;
    atomic_fetch_add(&h->buckets[i], 1);
    atomic_fetch_add(&h->sum_us, us);
}

static int64_t now_us(const struct lane *lane)
{
    return clock_wall_us(lane->app->clock);
}

static const char *name_of(const struct lane *lane)
{
    return lane->app->pipeline->name;
}

/* ---- what the engine tells ---- */

static void on_object(void *ctx, const struct object_result *r)
{
    struct lane *lane = ctx;
    struct lane_counters *c = &lane->counters;

    atomic_fetch_add(&c->objects[r->status], 1);
    if (r->status == OBJECT_LOADED || r->status == OBJECT_REPLACED) {
        atomic_fetch_add(&c->rows_loaded, r->rows_loaded);
        atomic_fetch_add(&c->rows_rejected, r->rows_rejected);
    }
    atomic_fetch_add(&c->rows_read, r->rows_read);
    if (r->status != OBJECT_UNCHANGED)
        atomic_fetch_add(&c->bytes, r->bytes);
    if (r->status == OBJECT_FAILED && lane->errors_logged++ < LANE_ERRORS_LOGGED) {
        struct err shown = r->error;

        err_context(&shown, "%s", name_of(lane));
        log_err(LOG_WARN, &shown);
    }
}

static void on_queued(void *ctx, hour_t hour, enum enqueue_outcome outcome)
{
    struct lane *lane = ctx;
    char text[HOUR_TEXT_MAX];

    if (outcome != ENQUEUE_QUEUED)
        return;
    hour_format(hour, text);
    log_msg(LOG_DEBUG, "%s: hour %s: queued", name_of(lane), text);
    atomic_fetch_add(&lane->counters.queued, 1);
    atomic_store(&lane->changed, true);
}

static int64_t counter(const atomic_llong *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void on_begins(void *ctx, hour_t hour)
{
    struct lane *lane = ctx;
    const struct progress *p = &lane->app->progress;

    lane->errors_logged = 0;
    pthread_mutex_lock(&lane->lock);
    lane->working = true;
    lane->hour = hour;
    lane->began_us = now_us(lane);
    lane->objects_base = counter(&p->objects_done);
    lane->bytes_base = counter(&p->bytes_done);
    lane->rows_base = counter(&p->rows_done);
    lane->finished_base = counter(&lane->counters.bytes);
    lane->planned = false;
    pthread_mutex_unlock(&lane->lock);
    atomic_store(&lane->changed, true);
}

static void on_hour(void *ctx, const struct worker_turn *turn, int64_t took_us)
{
    struct lane *lane = ctx;
    bool well = turn->state == HOUR_LOADED || turn->state == HOUR_EMPTY;
    char hour[HOUR_TEXT_MAX];

    hour_format(turn->hour, hour);
    if (turn->why.code)
        log_msg(LOG_WARN, "%s: hour %s: %s: %s", name_of(lane), hour, hour_state_text(turn->state),
                err_name_text(turn->why.name));
    else
        log_msg(LOG_INFO, "%s: hour %s: %s", name_of(lane), hour, hour_state_text(turn->state));
    atomic_fetch_add(&lane->counters.hours[turn->state], 1);
    observe(&lane->counters.load_seconds, took_us);
    if (turn->state == HOUR_LOADED)
        observe(&lane->counters.latency_seconds, now_us(lane) - hour_start_us(turn->hour + 1));
    atomic_store(&lane->changed, true);
    if (!well)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->last_done_us = now_us(lane);
    pthread_mutex_unlock(&lane->lock);
}

/* An outage of hours is not a line a minute. */
static void log_trouble(struct lane *lane, const struct err *err, bool other)
{
    int64_t mono = clock_mono_us(clock_real());
    struct err shown = *err;

    if (!other && mono - lane->logged_us < TROUBLE_LOG_US)
        return;
    lane->logged_us = mono;
    err_context(&shown, "%s", name_of(lane));
    log_err(LOG_WARN, &shown);
}

static void on_trouble(void *ctx, const struct err *err, int64_t again_us)
{
    struct lane *lane = ctx;
    bool other;

    atomic_fetch_add(&lane->counters.troubles, 1);
    pthread_mutex_lock(&lane->lock);
    other = lane->trouble.name != err->name;
    if (lane->trouble.code == ERR_OK)
        lane->trouble_since_us = now_us(lane);
    lane->trouble = *err;
    lane->again_us = now_us(lane) + again_us;
    pthread_mutex_unlock(&lane->lock);
    log_trouble(lane, err, other);
}

static void on_well(void *ctx)
{
    struct lane *lane = ctx;
    bool was;

    pthread_mutex_lock(&lane->lock);
    was = lane->trouble.code != ERR_OK;
    lane->trouble = ERR_INIT;
    pthread_mutex_unlock(&lane->lock);
    if (was)
        log_msg(LOG_INFO, "%s: well again", name_of(lane));
}

static void on_notice(void *ctx, const struct notice *notice)
{
    struct lane *lane = ctx;
    const struct lane_look look = {.pipeline = lane->app->pipeline, .file = lane->file};
    char command[LANE_COMMAND_MAX] = "", hour[HOUR_TEXT_MAX] = "";

    if (notice->has_hour)
        hour_format(notice->hour, hour);
    if (notice->kind == NOTICE_FAILURE)
        lane_command(&look, lane_cure(notice->error_name, notice->has_hour), notice->has_hour, notice->hour,
                     command);
    if (notice->kind == NOTICE_LATE)
        lane_command(&look, "plan", true, notice->hour, command);
    log_msg(notice->kind == NOTICE_RECOVERY ? LOG_INFO : LOG_WARN, "%s: %s%s%s%s%s", name_of(lane),
            notice_kind_text(notice->kind), hour[0] ? " of hour " : "", hour, command[0] ? "; next: " : "",
            command);
    notify(lane->notifier,
           &(struct notify_event){
               .pipeline = lane->app->pipeline, .notice = notice, .at_us = now_us(lane), .command = command});
}

/* ---- what the service needs ---- */

static enum err_code connect(void *ctx, struct err *err)
{
    struct lane *lane = ctx;
    struct job *job = &lane->app->job;

    if (app_open(lane->app, APP_SOURCE | APP_WRITE, err)) {
        sink_close(job->sink);
        store_close(job->store);
        job->sink = NULL;
        job->store = NULL;
        return err->code;
    }
    pthread_mutex_lock(&lane->lock);
    lane->connected = true;
    lane->one_writer = job->sink->caps.max_writers == 1;
    pthread_mutex_unlock(&lane->lock);
    return ERR_OK;
}

static enum err_code open_queue(void *ctx, struct store **out, struct err *err)
{
    const struct lane *lane = ctx;

    return app_open_queue(lane->app, true, out, err);
}

/* What lanes that share a target have in common. */
static enum err_code find_place(struct lane *lane, struct err *err)
{
    const struct pipeline *p = lane->app->pipeline;
    char path[PATH_MAX], whole[PATH_MAX];
    struct url url;
    struct buf place;

    if (url_parse(p->target.url, &url, err))
        return err->code;
    buf_init(&place, 2 * PATH_MAX);
    if (!url.host && url.path && url.path[0] != '/')
        snprintf(path, sizeof path, "%s/%s", p->base_dir, url.path);
    else
        snprintf(path, sizeof path, "%s", url.path ? url.path : "");
    (void)!buf_printf(&place, err, "%s:%s:%s", url.scheme, url.host ? url.host : "",
                      !url.host && realpath(path, whole) ? whole : path);
    lane->place = place.data;
    url_release(&url);
    return err->code;
}

enum err_code lane_init(struct lane *lane, struct app *app, struct notifier *notifier, struct err *err)
{
    const struct service_options options = {
        .allow_nonempty = app->options->given[OPT_ALLOW_NONEMPTY],
        .queues = {open_queue, lane},
        .now = app->clock,
        .connect = connect,
        .connect_ctx = lane,
        .events = {.queued = on_queued,
                   .begins = on_begins,
                   .hour = on_hour,
                   .trouble = on_trouble,
                   .well = on_well,
                   .notice = on_notice,
                   .ctx = lane},
    };

    *lane = (struct lane){.app = app, .file = app->file, .notifier = notifier, .one_writer = true};
    pthread_mutex_init(&lane->lock, NULL);
    if (!app->pipeline->queue.url)
        return err_set(err, ERRN_CONFIG,
                       "%s: serve needs a place for queue files: set queue.url, such as file:queue/%s",
                       app->pipeline->file, app->pipeline->name);
    app->job.stop = stop_flag();
    app->job.events = (struct job_events){.object = on_object, .ctx = lane};
    if (find_place(lane, err))
        return err->code;
    return service_new(&app->job, &options, &lane->service, err);
}

void lane_release(struct lane *lane)
{
    service_free(lane->service);
    snapshot_drop(lane->snapshot);
    mem_free(lane->place);
    pthread_mutex_destroy(&lane->lock);
}

enum err_code lane_step(struct lane *lane, int64_t *wait_us, struct err *err)
{
    (void)!service_step(lane->service, wait_us, err);
    pthread_mutex_lock(&lane->lock);
    lane->working = false;
    lane->next_work_us = service_next_work_us(lane->service);
    pthread_mutex_unlock(&lane->lock);
    return err->code;
}

/* ---- the snapshot ---- */

static bool is_due(struct lane *lane, int64_t mono)
{
    bool wanted = atomic_load(&lane->changed) || atomic_load(&lane->looked_at);
    int64_t pause = (wanted ? LANE_REFRESH_MS : LANE_IDLE_MS) * INT64_C(1000);

    if (lane->refresh_failed)
        pause = LANE_AGAIN_MS * INT64_C(1000);
    else if (lane->refresh_took_us * LANE_REFRESH_SHARE > pause)
        pause = lane->refresh_took_us * LANE_REFRESH_SHARE;
    return lane->refreshed_us == 0 || mono - lane->refreshed_us >= pause;
}

/* How much the hour at work has: one listing, where it takes long enough to be looked at. What fails leaves
 * it unknown. */
static void plan_work(struct lane *lane, struct sink *sink)
{
    struct job job = {.pipeline = lane->app->pipeline,
                      .layout = lane->app->layout,
                      .clock = clock_real(),
                      .sink = sink,
                      .stop = stop_flag()};
    struct run_options options = {.range = {.bounded = true}};
    struct run_plan plan = {0};
    struct err err = ERR_INIT;
    bool wanted;

    pthread_mutex_lock(&lane->lock);
    wanted = lane->working && !lane->planned &&
             now_us(lane) - lane->began_us > LANE_REFRESH_MS * INT64_C(1000);
    options.range.from = lane->hour;
    options.range.to = lane->hour + 1;
    pthread_mutex_unlock(&lane->lock);
    if (!wanted)
        return;
    if (app_open_source(lane->app, &job.store, &err) == ERR_OK &&
        run_plan_make(&job, &options, NULL, NULL, &plan, &err) == ERR_OK) {
        pthread_mutex_lock(&lane->lock);
        if (lane->working && lane->hour == options.range.from) {
            const struct progress *p = &lane->app->progress;

            /* What was done meanwhile is in the ledger, and no more in the plan. */
            lane->planned = true;
            lane->objects_total = plan.objects + counter(&p->objects_done) - lane->objects_base;
            lane->bytes_total = plan.bytes + counter(&lane->counters.bytes) - lane->finished_base;
        }
        pthread_mutex_unlock(&lane->lock);
    }
    run_plan_release(&plan);
    store_close(job.store);
}

static enum err_code read_books(struct lane *lane, struct snapshot *before, struct snapshot **out,
                                struct err *err)
{
    struct snapshot_source source = {
        .pipeline = lane->app->pipeline, .now_us = now_us(lane), .before = before};

    if (app_open_queue(lane->app, false, &source.queue, err) != ERR_OK && app_is_no_queue_yet(err))
        err_clear(err);
    if (err->code == ERR_OK && app_open_target(lane->app, true, 0, &source.sink, err) == ERR_OK &&
        snapshot_read(&source, out, err) == ERR_OK)
        plan_work(lane, source.sink);
    sink_close(source.sink);
    store_close(source.queue);
    return err->code;
}

bool lane_refresh(struct lane *lane)
{
    int64_t mono = clock_mono_us(clock_real());
    struct snapshot *fresh = NULL, *before;
    struct err err = ERR_INIT;

    if (!is_due(lane, mono))
        return false;
    atomic_store(&lane->changed, false);
    atomic_store(&lane->looked_at, false);
    pthread_mutex_lock(&lane->lock);
    before = snapshot_keep(lane->snapshot);
    pthread_mutex_unlock(&lane->lock);
    (void)!read_books(lane, before, &fresh, &err);
    snapshot_drop(before);
    pthread_mutex_lock(&lane->lock);
    if (err.code && lane->books.code == ERR_OK)
        lane->books_since_us = now_us(lane);
    lane->books = err;
    if (fresh) {
        before = lane->snapshot;
        lane->snapshot = fresh;
    } else {
        before = NULL;
    }
    pthread_mutex_unlock(&lane->lock);
    snapshot_drop(before);
    lane->refreshed_us = clock_mono_us(clock_real());
    lane->refresh_failed = err.code != ERR_OK;
    lane->refresh_took_us = lane->refreshed_us - mono;
    return true;
}

/* ---- a look ---- */

/* Connected, at peace, and its books were read lately; a target that is busy is there. */
static bool is_ready(const struct lane *lane, int64_t now)
{
    bool away = lane->books.code != ERR_OK && lane->books.code != ERR_BUSY;
    bool stale = lane->books.code != ERR_OK && now - lane->books_since_us > LANE_STALE_MS * INT64_C(1000);

    return lane->connected && lane->trouble.code == ERR_OK && !away && !(stale && !lane->working);
}

void lane_look(struct lane *lane, struct lane_look *out)
{
    const struct progress *p = &lane->app->progress;

    *out = (struct lane_look){.pipeline = lane->app->pipeline, .file = lane->file, .now_us = now_us(lane)};
    atomic_store(&lane->looked_at, true);
    pthread_mutex_lock(&lane->lock);
    out->snapshot = snapshot_keep(lane->snapshot);
    out->connected = lane->connected;
    out->working = lane->working;
    out->hour = lane->hour;
    out->began_us = lane->began_us;
    out->objects_done = counter(&p->objects_done) - lane->objects_base;
    out->bytes_done = counter(&p->bytes_done) - lane->bytes_base;
    out->rows_done = counter(&p->rows_done) - lane->rows_base;
    out->planned = lane->planned;
    out->objects_total = lane->objects_total;
    out->bytes_total = lane->bytes_total;
    out->trouble = lane->trouble;
    out->books = lane->books;
    out->trouble_since_us = lane->trouble_since_us;
    out->again_us = lane->again_us;
    out->books_since_us = lane->books_since_us;
    out->last_success_us = lane->last_done_us;
    out->next_work_us = lane->next_work_us;
    out->ready = is_ready(lane, out->now_us);
    pthread_mutex_unlock(&lane->lock);
    if (out->snapshot && out->snapshot->totals.finished_us > out->last_success_us)
        out->last_success_us = out->snapshot->totals.finished_us;
    log_redact(out->trouble.msg);
    log_redact(out->books.msg);
}

void lane_look_end(struct lane_look *look)
{
    snapshot_drop(look->snapshot);
    look->snapshot = NULL;
}

/* What does not fit is cut off. */
static void add(char out[LANE_COMMAND_MAX], const char *text)
{
    size_t n = strlen(out);

    snprintf(out + n, LANE_COMMAND_MAX - n, "%s", text);
}

/* A word of a command line, in quotes where a shell would take it apart. */
static void add_word(char out[LANE_COMMAND_MAX], const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
    bool quoted = !word[0] || strspn(word, plain) != strlen(word);

    add(out, quoted ? " '" : " ");
    for (; *word; word++)
        add(out, *word == '\'' ? "'\\''" : (char[]){*word, '\0'});
    add(out, quoted ? "'" : "");
}

void lane_command(const struct lane_look *look, const char *command, bool has_hour, hour_t hour,
                  char out[LANE_COMMAND_MAX])
{
    char text[HOUR_TEXT_MAX];

    snprintf(out, LANE_COMMAND_MAX, "sluice %s -c", command);
    add_word(out, look->file);
    if (look->pipeline->env) {
        add(out, " -e");
        add_word(out, look->pipeline->env);
    }
    if (has_hour) {
        hour_format(hour, text);
        add(out, " --hour ");
        add(out, text);
    }
}

const char *lane_cure(const char *error_name, bool has_hour)
{
    enum err_name name = error_name[0] ? err_name_find(error_name) : ERRN_NONE;

    if (!has_hour)
        return name == ERRN_TABLE_MISSING || name == ERRN_SCHEMA_OLDER ? "setup" : "validate";
    switch (name) {
    case ERRN_SOURCE_CHANGED:
        return "run --reload";
    case ERRN_REJECT_LIMIT:
        return "rejects ls";
    case ERRN_HOUR_EMPTY:
        return "plan";
    default:
        return "queue retry";
    }
}
