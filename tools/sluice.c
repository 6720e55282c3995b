/*
 * sluice: main. Reads the command line, runs one command, prints its error and ends with its status.
 *
 * Invariants: stdout carries the result and nothing else; an error is printed once, here or where it happened
 * (app_tell); the status is the worst of the command's error, its verdicts and the writing of the result.
 * After SIGINT or SIGTERM the process ends by that signal, once everything is rolled back and closed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "backends/registry.h"
#include "core/base/log.h"
#include "tools/app.h"
#include "tools/help.h"
#include "tools/stop.h"

static command_fn *const commands[CMD_COUNT] = {
    [CMD_HELP] = cmd_help,
    [CMD_VALIDATE] = cmd_validate,
    [CMD_SETUP] = cmd_setup,
    [CMD_BASELINE] = cmd_baseline,
    [CMD_PLAN] = cmd_plan,
    [CMD_RUN] = cmd_run,
    [CMD_STATUS] = cmd_status,
    [CMD_HISTORY] = cmd_history,
    [CMD_REJECTS_LS] = cmd_rejects_ls,
    [CMD_REJECTS_SHOW] = cmd_rejects_show,
    [CMD_REJECTS_REPLAY] = cmd_rejects_replay,
    [CMD_VERIFY] = cmd_verify,
    [CMD_QUERY] = cmd_query,
    [CMD_LS] = cmd_ls,
    [CMD_CAT] = cmd_cat,
    [CMD_CP] = cmd_cp,
    [CMD_ENQUEUE] = cmd_enqueue,
    [CMD_WORK] = cmd_work,
    [CMD_QUEUE_LS] = cmd_queue_ls,
    [CMD_QUEUE_RETRY] = cmd_queue_retry,
    [CMD_QUEUE_DROP] = cmd_queue_drop,
    [CMD_SERVE] = cmd_serve,
    [CMD_INFER] = cmd_infer,
    [CMD_PROFILE] = cmd_profile,
};

/* No secret may end in a core file. A limit of 1 byte is less than any core, and unlike 0 it also keeps Linux
 * from feeding one to a program (core_pattern with "|"). */
static void forbid_core_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max < 1 ? 0 : 1;
    limit.rlim_max = limit.rlim_cur;
    (void)!setrlimit(RLIMIT_CORE, &limit);
}

static int print_version(void)
{
    printf("sluice %s\nstores: %s\nsinks: %s\n", SLUICE_VERSION, registry_store_names(),
           registry_sink_names());
    return fflush(stdout) == 0 ? 0 : 1;
}

static enum err_code run_command(struct app *app, const struct options *o, struct err *err)
{
    if (o->directory && chdir(o->directory) != 0)
        return err_set_errno(err, errno, "-C %s", o->directory);
    if (app_init(app, o, err))
        return err->code;
    if (o->given[OPT_HELP])
        (void)!help_of_options(app, err);
    else
        (void)!commands[o->command](app, err);
    return err->code;
}

/* Delivers what was found out, also when the command failed in the end. */
static void end_result(struct app *app, const struct err *failed, struct err *err)
{
    if (!app->has_out)
        return;
    if (failed->code) {
        static const struct out_column columns[] = {{"error_name", NULL, OUT_STR, IN_JSON},
                                                    {"error", NULL, OUT_STR, IN_JSON}};
        struct err shown = *failed;

        log_redact(shown.msg);
        out_object(&app->out, "failure", columns,
                   (struct out_cell[]){cell_str(err_name_text(shown.name)), cell_str(shown.msg)}, 2);
    }
    (void)!out_end(&app->out, err);
}

int main(int argc, char **argv)
{
    static struct options options;
    struct app app = {0};
    struct err err = ERR_INIT, end = ERR_INIT;
    int status;

    forbid_core_files();
    (void)!options_parse(argc, argv, &options, &err);
    log_configure(stderr, options.log_json ? LOG_JSON : LOG_TEXT,
                  options.given[OPT_QUIET]     ? LOG_ERROR
                  : options.given[OPT_VERBOSE] ? LOG_DEBUG
                                               : LOG_INFO);
    if (err.code == ERR_OK && options.given[OPT_VERSION])
        return print_version();
    if (err.code == ERR_OK)
        (void)!run_command(&app, &options, &err);
    end_result(&app, &err, &end);
    if (err.code != app.told.code || strcmp(err.msg, app.told.msg) != 0)
        log_err(LOG_ERROR, &err);
    if (end.native != EPIPE) /* the reader went away: it knows */
        log_err(LOG_ERROR, &end);
    status = err_status_worse(app.status, err_status_worse(err_status(&err), err_status(&end)));
    app_release(&app);
    log_release();
    stop_reraise();
    return status;
}
