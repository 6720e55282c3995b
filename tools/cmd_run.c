/*
 * cmd_run: `sluice run`: loads what the ledger lacks and closes with a table of the objects.
 *
 * Invariant: the bar is gone before the result is written for people.
 */
#include <stdio.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/run.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/run_profile.h"

/* Rows are deleted: a person is asked, knowing what is lost; a script has to say so. */
static enum err_code confirm(struct app *app, struct err *err)
{
    const struct options *o = app->options;
    char answer[16];

    if (!o->given[OPT_RELOAD])
        return ERR_OK;
    if (!o->given[OPT_YES] && (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)))
        return err_set(
            err, ERRN_USAGE,
            "run: --reload deletes what the hours loaded: without a terminal to ask on it needs -y");
    if (app_open(app, APP_PIPELINE, err) || app_warn_of_reload(app, err) || o->given[OPT_YES])
        return err->code;
    fputs("Delete what these hours loaded and load it again? [y/N] ", stderr);
    if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
        return err_set(err, ERRN_CANCELLED, "nothing was reloaded");
    return ERR_OK;
}

/* What was committed is described also where the load did not get through; the first error stays. */
static void end_profile(struct run_profile *profile, const struct hour_range *range, struct err *err)
{
    struct err own = ERR_INIT;

    if (!profile)
        return;
    if (run_profile_end(profile, range, &own) && err->code == ERR_OK)
        *err = own;
    else
        log_err(LOG_ERROR, &own);
}

static enum err_code load(struct app *app, const struct run_options *options, struct err *err)
{
    struct load_report *report = mem_calloc(1, sizeof *report);
    struct job_totals totals = {0};
    struct bar *bar = NULL;
    int status = 0;

    if (!report)
        return err_nomem(err);
    report_begin(report, app);
    if (bar_start(app->options, &app->progress, &bar, err) == ERR_OK)
        (void)!run_load(&app->job, options, &totals, &status, err);
    bar_stop(bar);
    app_verdict(app, status);
    report_end(report, &totals, err);
    mem_free(report);
    return err->code;
}

enum err_code cmd_run(struct app *app, struct err *err)
{
    const struct options *o = app->options;
    struct run_options options = {.reload = o->given[OPT_RELOAD],
                                  .allow_nonempty = o->given[OPT_ALLOW_NONEMPTY]};
    struct run_profile *profile = NULL;

    if (o->given[OPT_DRY_RUN])
        return cmd_plan(app, err);
    if (app_hours(app, &options.range, err) || confirm(app, err) ||
        (o->given[OPT_PROFILE] && run_profile_new(app, &profile, err)))
        return err->code;
    if (app_open(app, APP_SOURCE | APP_WRITE | APP_STOP, err) == ERR_OK &&
        app_begin_out(app, err) == ERR_OK) {
        (void)!load(app, &options, err);
        end_profile(profile, &options.range, err);
    }
    run_profile_free(profile);
    return err->code;
}
