/*
 * cmd_enqueue: `sluice enqueue`: queue files for the hour before now, for chosen hours, or for what is
 * missing.
 */
#include "core/queue/enqueue.h"
#include "tools/app.h"

static const char *const OUTCOMES[] = {
    [ENQUEUE_QUEUED] = "queued", [ENQUEUE_AGAIN] = "there already", [ENQUEUE_FAILED] = "failed"};

struct told {
    struct app *app;
    int64_t n[ENQUEUE_FAILED + 1];
};

static void each(void *ctx, hour_t hour, enum enqueue_outcome outcome)
{
    struct told *told = ctx;

    told->n[outcome]++;
    out_row(&told->app->out, (struct out_cell[]){cell_num(hour), cell_str(OUTCOMES[outcome])});
}

static enum err_code enqueue(struct app *app, const struct enqueue *e, const struct hour_range *range,
                             struct err *err)
{
    if (app->options->given[OPT_MISSING])
        return enqueue_missing(e, range, err);
    return range->bounded ? enqueue_hours(e, range->from, range->to, err)
                          : enqueue_now(e, clock_wall_us(app->clock), err);
}

enum err_code cmd_enqueue(struct app *app, struct err *err)
{
    static const struct out_column columns[] = {{"hour", NULL, OUT_HOUR, IN_ALL},
                                                {"outcome", NULL, OUT_WORD, IN_ALL}};
    static const struct out_column totals[] = {{"queued", NULL, OUT_INT, IN_JSON},
                                               {"again", NULL, OUT_INT, IN_JSON},
                                               {"failed", NULL, OUT_INT, IN_JSON}};
    struct told told = {.app = app};
    struct hour_range range;
    struct store *queue = NULL;
    char text[3][OUT_CELL_MAX];

    if (app_hours(app, &range, err))
        return err->code;
    bool chosen = range.bounded && !app->options->given[OPT_MISSING];
    if (app_open(app, (chosen ? 0 : APP_SOURCE) | APP_WRITE | APP_STOP | APP_QUEUE_MADE, err) ||
        app_open_queue(app, true, &queue, err) || app_begin_out(app, err))
        goto out;
    app_out_run(app, false);
    out_list_begin(&app->out, "hours", columns, 2);
    (void)!enqueue(app, &(struct enqueue){.job = &app->job, .queue = queue, .each = each, .ctx = &told},
                   &range, err);
    out_list_end(&app->out);
    out_object(&app->out, "totals", totals,
               (struct out_cell[]){cell_num(told.n[ENQUEUE_QUEUED]), cell_num(told.n[ENQUEUE_AGAIN]),
                                   cell_num(told.n[ENQUEUE_FAILED])},
               3);
    out_line(&app->out, "%s queued, %s there already, %s failed (`sluice queue retry` queues them again)",
             out_count(told.n[ENQUEUE_QUEUED], text[0]), out_count(told.n[ENQUEUE_AGAIN], text[1]),
             out_count(told.n[ENQUEUE_FAILED], text[2]));
out:
    store_close(queue);
    return err->code;
}
