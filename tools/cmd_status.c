/*
 * cmd_status: `sluice status`: the hours by state; of several pipelines, for people, a line each.
 *
 * Invariant: a pipeline whose target cannot be read keeps none of the others back; its error is printed, and
 * the exit status is the worst of all.
 */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/apps.h"
#include "tools/hours.h"

struct pipeline_status {
    struct hours hours;
    struct hours_totals totals;
    struct err err;
};

/* Queue files are hints: a place that cannot be read leaves out what waits there, and is told. */
static enum err_code add_queue(struct app *app, struct hours *hours, struct err *err)
{
    struct err unread = ERR_INIT;
    struct store *queue = NULL;
    struct backlog backlog = {0};

    if (!app->pipeline->queue.url)
        return ERR_OK;
    if (app_open_queue(app, false, &queue, &unread) == ERR_OK &&
        backlog_read(queue, app->job.sink, NULL, NULL, &backlog, &unread) == ERR_OK)
        (void)!hours_add_backlog(hours, &backlog, err);
    else if (!app_is_no_queue_yet(&unread))
        log_err(LOG_WARN, &unread);
    backlog_release(&backlog);
    store_close(queue);
    return err->code;
}

static enum err_code look(struct app *app, struct pipeline_status *s, struct err *err)
{
    if (app_open(app, APP_PIPELINE | APP_READ, err) ||
        hours_read(app->job.sink, NULL, NULL, &s->hours, err) || add_queue(app, &s->hours, err))
        return err->code;
    hours_judge_late(&s->hours, app->pipeline, clock_wall_us(app->clock));
    hours_sum(&s->hours, &s->totals);
    return ERR_OK;
}

static void judge(struct app *app, const struct hours_totals *totals)
{
    if (app->options->given[OPT_EXIT_CODE] && (totals->states[HOUR_FAILED] || totals->late))
        app_verdict(app, 1);
}

static enum err_code status_of_one(struct app *app, struct app *of, struct err *err)
{
    struct pipeline_status s = {0};

    if (look(of, &s, err) == ERR_OK && app_begin_out(app, err) == ERR_OK) {
        app->pipeline = of->pipeline; /* for the result's head */
        app_out_run(app, false);
        app->pipeline = NULL;
        hours_out_begin(&app->out, false);
        hours_out(&app->out, NULL, &s.hours);
        hours_out_end(&app->out);
        hours_out_totals(&app->out, &s.totals);
        judge(app, &s.totals);
    }
    hours_release(&s.hours);
    return err->code;
}

/* ---- several ---- */

static void put_pipelines(struct app *app, const struct apps *apps, const struct pipeline_status *all)
{
    enum { FOR = IN_TEXT | IN_JSON };
    static const struct out_column columns[] = {
        {"pipeline", NULL, OUT_STR, FOR},
        {"env", NULL, OUT_STR, IN_JSON},
        {"file", NULL, OUT_STR, IN_JSON},
        {"queued", NULL, OUT_INT, FOR},
        {"running", NULL, OUT_INT, FOR},
        {"retrying", NULL, OUT_INT, FOR},
        {"loaded", NULL, OUT_INT, FOR},
        {"failed", NULL, OUT_INT, FOR},
        {"empty", NULL, OUT_INT, FOR},
        {"late", NULL, OUT_INT, FOR},
        {"newest", "newest hour", OUT_HOUR, FOR},
        {"last_success", "last success", OUT_TIME, FOR},
        {"error_name", "error", OUT_STR, FOR},
        {"error", "message", OUT_STR, IN_JSON},
    };

    out_list_begin(&app->out, "pipelines", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < apps->n; i++) {
        const struct pipeline_status *s = &all[i];
        const struct hours_totals *t = &s->totals;
        bool failed = s->err.code != ERR_OK;

        out_row(&app->out,
                (struct out_cell[]){cell_str(apps->items[i].pipeline->name),
                                    cell_str(apps->items[i].pipeline->env), cell_str(apps->files[i]),
                                    cell_num(t->states[HOUR_QUEUED]), cell_num(t->states[HOUR_RUNNING]),
                                    cell_num(t->states[HOUR_RETRYING]), cell_num(t->states[HOUR_LOADED]),
                                    cell_num(t->states[HOUR_FAILED]), cell_num(t->states[HOUR_EMPTY]),
                                    cell_num(t->late),
                                    t->hours && t->newest >= HOUR_MIN ? cell_num(t->newest) : CELL_NULL,
                                    t->finished_us ? cell_num(t->finished_us) : CELL_NULL,
                                    failed ? cell_str(err_name_text(s->err.name)) : CELL_NULL,
                                    failed ? cell_str(s->err.msg) : CELL_NULL});
    }
    out_list_end(&app->out);
}

static void add(struct hours_totals *sum, const struct hours_totals *t)
{
    sum->hours += t->hours;
    for (int s = 0; s <= HOUR_EMPTY; s++)
        sum->states[s] += t->states[s];
    sum->late += t->late;
    sum->rejects += t->rejects;
}

static enum err_code status_of_all(struct app *app, struct apps *apps, struct err *err)
{
    struct pipeline_status *all = mem_calloc(apps->n, sizeof *all);
    struct hours_totals sum = {0};

    if (!all)
        return err_nomem(err);
    for (size_t i = 0; i < apps->n; i++) {
        if (look(&apps->items[i], &all[i], &all[i].err) == ERR_OK)
            continue;
        err_context(&all[i].err, "%s", apps->items[i].pipeline->name);
        app_tell(app, &all[i].err);
        app_verdict(app, err_status(&all[i].err));
    }
    if (app_begin_out(app, err))
        goto out;
    put_pipelines(app, apps, all);
    hours_out_begin(&app->out, true);
    for (size_t i = 0; i < apps->n; i++)
        hours_out(&app->out, apps->items[i].pipeline->name, &all[i].hours);
    hours_out_end(&app->out);
    for (size_t i = 0; i < apps->n; i++)
        add(&sum, &all[i].totals);
    hours_out_totals(&app->out, &sum);
    judge(app, &sum);
out:
    for (size_t i = 0; i < apps->n; i++)
        hours_release(&all[i].hours);
    mem_free(all);
    return err->code;
}

enum err_code cmd_status(struct app *app, struct err *err)
{
    struct apps apps;

    if (apps_load(app->options, &apps, err) == ERR_OK)
        (void)!(apps.n == 1 ? status_of_one(app, &apps.items[0], err) : status_of_all(app, &apps, err));
    apps_release(&apps);
    return err->code;
}
