/*
 * cmd_baseline: `sluice baseline --to H`: ledger rows for what is in the table already.
 */
#include "core/load/run.h"
#include "tools/app.h"

enum err_code cmd_baseline(struct app *app, struct err *err)
{
    static const struct out_column columns[] = {
        {"to", NULL, OUT_HOUR, IN_DATA},       {"hours", NULL, OUT_INT, IN_DATA},
        {"objects", NULL, OUT_INT, IN_DATA},   {"bytes", NULL, OUT_BYTES, IN_DATA},
        {"unchanged", NULL, OUT_INT, IN_DATA}, {"ignored", NULL, OUT_INT, IN_DATA},
    };
    struct job_totals t = {0};
    char text[5][OUT_CELL_MAX], to[HOUR_TEXT_MAX];

    if (app_open(app, APP_SOURCE | APP_WRITE | APP_STOP, err) ||
        run_baseline(&app->job, app->options->to, &t, err) || app_begin_out(app, err))
        return err->code;
    hour_format(app->options->to, to);
    app_out_run(app, true);
    out_list_begin(&app->out, "baseline", columns, sizeof columns / sizeof columns[0]);
    out_row(&app->out, (struct out_cell[]){cell_num(app->options->to), cell_num(t.hours), cell_num(t.objects),
                                           cell_num(t.bytes), cell_num(t.unchanged), cell_num(t.ignored)});
    out_list_end(&app->out);
    out_line(&app->out,
             "%s objects (%s) before %s noted as loaded, %s known before, %s ignored; hours: %s; run %s",
             out_count(t.objects, text[0]), out_size(t.bytes, text[1]), to, out_count(t.unchanged, text[2]),
             out_count(t.ignored, text[3]), out_count(t.hours, text[4]), app->job.run_id);
    return ERR_OK;
}
