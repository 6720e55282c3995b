/*
 * cmd_plan: `sluice plan`: what a run would do, hour by hour. Opens everything for reading only.
 */
#include "core/base/log.h"
#include "core/load/run.h"
#include "tools/app.h"

enum { NAMED_MAX = 5 };

static const char *const UNITS[] = {[COMMIT_FILE] = "file", [COMMIT_HOUR] = "hour", [COMMIT_CHUNK] = "chunk"};

/* The first few ignored objects are named, because an ignored one is often a mistake in the layout. */
struct ignored {
    char names[NAMED_MAX][STORE_KEY_MAX + 1];
    int64_t n;
};

static void each(void *ctx, const struct diff_entry *entry)
{
    static const char *const what[] = {"new", "partly loaded", "loaded", "to check", "gone", "ignored"};
    struct ignored *ignored = ctx;

    log_msg(LOG_DEBUG, "%s: %s", entry->object.key, what[entry->kind]);
    if (entry->kind == DIFF_IGNORED && ignored->n++ < NAMED_MAX)
        snprintf(ignored->names[ignored->n - 1], sizeof ignored->names[0], "%s", entry->object.key);
}

static void put_run(struct app *app)
{
    static const struct out_column columns[] = {{"pipeline", NULL, OUT_STR, IN_JSON},
                                                {"env", NULL, OUT_STR, IN_JSON},
                                                {"commit_unit", NULL, OUT_STR, IN_JSON},
                                                {"load_method", NULL, OUT_STR, IN_JSON}};
    const struct out_cell cells[] = {cell_str(app->pipeline->name), cell_str(app->pipeline->env),
                                     cell_str(UNITS[app->pipeline->target.commit_unit]),
                                     cell_str(app->job.sink->caps.load_method)};

    out_object(&app->out, "run", columns, cells, 4);
}

static void put_hours(struct app *app, const struct run_plan *plan)
{
    static const struct out_column columns[] = {
        {"hour", NULL, OUT_HOUR, IN_ALL},
        {"objects", NULL, OUT_INT, IN_ALL},
        {"bytes", NULL, OUT_BYTES, IN_ALL},
        {"check", "to check", OUT_INT, IN_ALL},
        {"unchanged", "loaded before", OUT_INT, IN_ALL},
        {"matched", "listed", OUT_INT, IN_ALL},
        {"gone", NULL, OUT_INT, IN_ALL},
    };

    out_list_begin(&app->out, "hours", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < plan->n; i++) {
        const struct hour_plan *h = &plan->hours[i];
        const struct out_cell cells[] = {cell_num(h->hour),  cell_num(h->objects),   cell_num(h->bytes),
                                         cell_num(h->check), cell_num(h->unchanged), cell_num(h->matched),
                                         cell_num(h->gone)};

        out_row(&app->out, cells);
    }
    out_list_end(&app->out);
}

static void put_totals(struct app *app, const struct run_plan *plan, const struct ignored *ignored)
{
    static const struct out_column columns[] = {
        {"hours", NULL, OUT_INT, IN_JSON},     {"objects", NULL, OUT_INT, IN_JSON},
        {"bytes", NULL, OUT_BYTES, IN_JSON},   {"check", NULL, OUT_INT, IN_JSON},
        {"unchanged", NULL, OUT_INT, IN_JSON}, {"ignored", NULL, OUT_INT, IN_JSON},
        {"gone", NULL, OUT_INT, IN_JSON},
    };
    int64_t gone = 0;
    char text[7][OUT_CELL_MAX], name[OUT_CELL_MAX];

    for (size_t i = 0; i < plan->n; i++)
        gone += plan->hours[i].gone;
    out_object(&app->out, "totals", columns,
               (struct out_cell[]){cell_num((int64_t)plan->n), cell_num(plan->objects), cell_num(plan->bytes),
                                   cell_num(plan->check), cell_num(plan->unchanged), cell_num(plan->ignored),
                                   cell_num(gone)},
               7);
    out_line(&app->out,
             "%s %s, %s, %s to check, %s loaded before, %s gone, %s ignored; hours: %s; unit: %s; method: %s",
             out_count(plan->objects, text[0]), app->options->given[OPT_RELOAD] ? "to load" : "new",
             out_size(plan->bytes, text[1]), out_count(plan->check, text[2]),
             out_count(plan->unchanged, text[3]), out_count(gone, text[6]), out_count(plan->ignored, text[4]),
             out_count((int64_t)plan->n, text[5]), UNITS[app->pipeline->target.commit_unit],
             app->job.sink->caps.load_method);
    for (int64_t i = 0; i < ignored->n && i < NAMED_MAX; i++)
        out_line(&app->out, "ignored, the layout does not match it: %s", out_escape(ignored->names[i], name));
    if (ignored->n > NAMED_MAX)
        out_line(&app->out, "... %s more: sluice plan -v", out_count(ignored->n - NAMED_MAX, name));
}

enum err_code cmd_plan(struct app *app, struct err *err)
{
    struct run_options options = {.reload = app->options->given[OPT_RELOAD]};
    struct run_plan plan = {0};
    struct ignored ignored = {.n = 0};

    if (app_hours(app, &options.range, err) || app_open(app, APP_SOURCE | APP_READ, err) ||
        run_plan_make(&app->job, &options, each, &ignored, &plan, err) || app_begin_out(app, err))
        goto out;
    put_run(app);
    put_hours(app, &plan);
    put_totals(app, &plan, &ignored);
out:
    run_plan_release(&plan);
    return err->code;
}
