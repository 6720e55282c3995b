/*
 * cmd_setup: `sluice setup`: makes or upgrades the target's tables, or prints the statements.
 */
#include "core/base/log.h"
#include "tools/app.h"

enum { DDL_MAX = 4 * 1024 * 1024 };

static enum err_code print_ddl(struct app *app, struct err *err)
{
    struct buf ddl;

    buf_init(&ddl, DDL_MAX);
    if (app_open(app, APP_PIPELINE | APP_READ, err) == ERR_OK &&
        sink_setup(app->job.sink, &ddl, err) == ERR_OK && app_begin_out(app, err) == ERR_OK)
        out_bytes(&app->out, buf_str(&ddl), ddl.len);
    buf_release(&ddl);
    return err->code;
}

/* A table that does not fit is not ours to change: nothing is made beside it either. */
static enum err_code make(struct app *app, bool *made, struct sink_state *found, struct err *err)
{
    struct sink_state state = {0};
    enum err_code code;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (app_open_target(app, false, 0, &app->job.sink, err) == ERR_OK &&
        app_preflight(app->job.sink, true, err) == ERR_OK &&
        sink_describe(app->job.sink, &state, err) == ERR_OK &&
        app_judge_new_table(app, app->job.sink, &state, err) == ERR_OK) {
        (void)!app_judge_target(app->job.sink, &state, err);
        *made = app_setup_mends(&state, err);
    }
    buf_release(&state.problems);
    *found = state;
    if (*made)
        err_clear(err);
    code = err->code;
    return code ? code : sink_setup(app->job.sink, NULL, err);
}

enum err_code cmd_setup(struct app *app, struct err *err)
{
    static const struct out_column columns[] = {
        {"table", NULL, OUT_STR, IN_ALL}, {"made", NULL, OUT_BOOL, IN_ALL}, {"added", NULL, OUT_STR, IN_ALL}};
    struct sink_state found = {0};
    bool made = false;

    if (app->options->given[OPT_PRINT])
        return print_ddl(app, err);
    if (app_open(app, APP_PIPELINE, err) || make(app, &made, &found, err) || app_begin_out(app, err))
        return err->code;
    app_out_run(app, false);
    if (app->options->output == OUT_TEXT && found.lacks) {
        out_line(&app->out, "%s: added to table %s: %s", app->job.sink->label, app->pipeline->target.table,
                 found.lacks_names);
        return ERR_OK;
    }
    if (app->options->output == OUT_TEXT) {
        out_line(&app->out, "%s: table %s %s", app->job.sink->label, app->pipeline->target.table,
                 made ? "and sluice's own are made" : "and sluice's own are there");
        return ERR_OK;
    }
    out_list_begin(&app->out, "tables", columns, 3);
    out_row(&app->out, (struct out_cell[]){cell_str(app->pipeline->target.table), cell_num(made),
                                           cell_str(found.lacks ? found.lacks_names : NULL)});
    out_list_end(&app->out);
    return ERR_OK;
}
