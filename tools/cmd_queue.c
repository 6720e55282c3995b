/*
 * cmd_queue: `sluice queue ls, retry, drop`: the queue by hand.
 *
 * Invariant: an hour's state is changed only under its claim, as a worker does it.
 */
#include "core/base/log.h"
#include "core/load/claim.h"
#include "core/queue/backlog.h"
#include "core/queue/queue_file.h"
#include "tools/app.h"
#include "tools/queue_out.h"

struct queue {
    struct store *store; /* NULL: the place is not there */
    struct backlog backlog;
    struct hour_range range;
    int64_t others;
};

static void other(void *ctx, const char *name)
{
    struct queue *q = ctx;
    char text[OUT_CELL_MAX];

    q->others++;
    log_msg(LOG_WARN, "no queue file, left alone: %s", out_escape(name, text));
}

static enum err_code open_queue(struct app *app, unsigned needs, struct queue *q, struct err *err)
{
    if (app_hours(app, &q->range, err) || app_open(app, needs | APP_QUEUE, err))
        return err->code;
    if (app_open_queue(app, false, &q->store, err) != ERR_OK && app_is_no_queue_yet(err))
        err_clear(err);
    if (err->code == ERR_OK)
        (void)!backlog_read(q->store, app->job.sink, other, q, &q->backlog, err);
    return err->code;
}

static void close_queue(struct queue *q)
{
    backlog_release(&q->backlog);
    store_close(q->store);
}

static bool is_chosen(const struct hour_range *range, const struct backlog_item *item)
{
    return !range->bounded || (item->hour >= range->from && item->hour < range->to);
}

const char *queue_class_text(enum backlog_class class)
{
    static const char *const text[] = {[BACKLOG_READY] = "ready",
                                       [BACKLOG_WAITING] = "waiting",
                                       [BACKLOG_HELD] = "held",
                                       [BACKLOG_FAILED] = "failed",
                                       [BACKLOG_IDLE] = "idle"};

    return text[class];
}

void queue_out(struct out *out, const struct backlog *backlog, const struct hour_range *range, int64_t others)
{
    static const struct out_column columns[] = {
        {"hour", NULL, OUT_HOUR, IN_ALL},    {"queue", NULL, OUT_WORD, IN_ALL},
        {"file", NULL, OUT_BOOL, IN_ALL},    {"state", NULL, OUT_WORD, IN_ALL},
        {"attempts", NULL, OUT_INT, IN_ALL}, {"next_try", "next try", OUT_TIME, IN_ALL},
    };
    static const struct out_column totals[] = {
        {"hours", NULL, OUT_INT, IN_JSON},   {"ready", NULL, OUT_INT, IN_JSON},
        {"waiting", NULL, OUT_INT, IN_JSON}, {"held", NULL, OUT_INT, IN_JSON},
        {"failed", NULL, OUT_INT, IN_JSON},  {"others", NULL, OUT_INT, IN_JSON}};
    int64_t n[BACKLOG_IDLE + 1] = {0}, all = 0;
    char text[6][OUT_CELL_MAX];

    out_list_begin(out, "hours", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < backlog->n; i++) {
        const struct backlog_item *item = &backlog->items[i];

        if (!is_chosen(range, item))
            continue;
        n[item->class]++;
        all++;
        out_row(out, (struct out_cell[]){cell_num(item->hour), cell_str(queue_class_text(item->class)),
                                         cell_num(item->file), cell_str(hour_state_text(item->state)),
                                         cell_num(item->attempts),
                                         item->next_try_us ? cell_num(item->next_try_us) : CELL_NULL});
    }
    out_list_end(out);
    out_object(out, "totals", totals,
               (struct out_cell[]){cell_num(all), cell_num(n[BACKLOG_READY]), cell_num(n[BACKLOG_WAITING]),
                                   cell_num(n[BACKLOG_HELD]), cell_num(n[BACKLOG_FAILED]), cell_num(others)},
               6);
    out_line(out, "hours: %s; %s ready, %s waiting, %s held, %s failed; %s other names",
             out_count(all, text[0]), out_count(n[BACKLOG_READY], text[1]),
             out_count(n[BACKLOG_WAITING], text[2]), out_count(n[BACKLOG_HELD], text[3]),
             out_count(n[BACKLOG_FAILED], text[4]), out_count(others, text[5]));
}

enum err_code cmd_queue_ls(struct app *app, struct err *err)
{
    struct queue q = {0};

    if (open_queue(app, APP_READ, &q, err) == ERR_OK && app_begin_out(app, err) == ERR_OK) {
        app_out_run(app, false);
        queue_out(&app->out, &q.backlog, &q.range, q.others);
    }
    close_queue(&q);
    return err->code;
}

/* The hours that `change` was done to, as a result. */
static enum err_code change(struct app *app, unsigned needs, const char *verb,
                            enum err_code (*one)(struct app *, struct queue *, const struct backlog_item *,
                                                 bool *, struct err *),
                            struct err *err)
{
    static const struct out_column columns[] = {{"hour", NULL, OUT_HOUR, IN_ALL}};
    const struct out_column totals[] = {{verb, NULL, OUT_INT, IN_JSON}};
    struct queue q = {0};
    int64_t n = 0;
    char text[OUT_CELL_MAX];

    if (open_queue(app, needs, &q, err) || app_begin_out(app, err))
        goto out;
    app_out_run(app, false);
    out_list_begin(&app->out, "hours", columns, 1);
    for (size_t i = 0; i < q.backlog.n && job_check_stop(&app->job, err) == ERR_OK; i++) {
        bool done = false;

        if (is_chosen(&q.range, &q.backlog.items[i]) && one(app, &q, &q.backlog.items[i], &done, err))
            break;
        if (done)
            out_row(&app->out, &(struct out_cell){.num = q.backlog.items[i].hour});
        n += done;
    }
    out_list_end(&app->out);
    out_object(&app->out, "totals", totals, (struct out_cell[]){cell_num(n)}, 1);
    out_line(&app->out, "%s: %s", verb, out_count(n, text));
out:
    close_queue(&q);
    return err->code;
}

static enum err_code retry(struct app *app, struct queue *q, const struct backlog_item *item, bool *done,
                           struct err *err)
{
    const struct claim_outcome outcome = {.state = HOUR_QUEUED};
    struct job *job = &app->job;
    struct claim claim;

    if (item->class != BACKLOG_FAILED)
        return ERR_OK;
    if (!q->store && app_open_queue(app, true, &q->store, err))
        return err->code;
    if (claim_acquire(job->sink, item->hour, job->owner, job->wait_ms, job->stop, &claim, err))
        return err->code;
    *done = claim.row.before == HOUR_FAILED;
    if (!*done || queue_put(q->store, item->hour, err)) {
        struct err ignored = ERR_INIT;

        (void)!claim_return(&claim, err->code ? &ignored : err);
        return err->code;
    }
    return claim_end(&claim, &outcome, err);
}

enum err_code cmd_queue_retry(struct app *app, struct err *err)
{
    return change(app, APP_WRITE | APP_STOP, "queued", retry, err);
}

static enum err_code drop(struct app *app, struct queue *q, const struct backlog_item *item, bool *done,
                          struct err *err)
{
    (void)app;
    *done = item->file;
    return item->file ? queue_remove(q->store, item->hour, err) : ERR_OK;
}

enum err_code cmd_queue_drop(struct app *app, struct err *err)
{
    return change(app, APP_READ | APP_STOP, "dropped", drop, err);
}
