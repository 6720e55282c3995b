/*
 * app: what a command works with: the options, its result, and, as far as it needs them, pipeline, source and
 * target, put together as the engine's job.
 *
 * A command is `enum err_code cmd_x(struct app *app, struct err *err)`: it opens what it needs, writes its
 * result to app->out and leaves verdicts that are no error of its own (a reject limit, a difference) in
 * app->status. sluice.c prints the error, once, and ends with the worse of both.
 */
#ifndef SLUICE_TOOLS_APP_H
#define SLUICE_TOOLS_APP_H

#include "core/load/job.h"
#include "tools/options.h"
#include "tools/out.h"

struct app {
    const struct options *options;
    const char *file; /* the pipeline file, borrowed; NULL = the one that the options name */
    struct out out;
    bool has_out;
    int status;      /* the exit status so far */
    struct err told; /* the last error that was printed on the way: main does not print it again */
    char *folder;    /* the current one, absolute */
    struct clock_shifted shifted;
    const struct clock *clock; /* --now: for hours and lateness; leases, etags and books go by the real one */
    int64_t started_us;        /* monotonic */
    struct pipeline *pipeline;
    struct layout *layout;
    struct progress progress;
    struct job job; /* store and sink are owned by app */
};

enum app_need {
    APP_PIPELINE = 1,
    APP_SOURCE = 2,      /* with the pipeline */
    APP_READ = 4,        /* the target, read-only: nothing is made */
    APP_WRITE = 8,       /* the target, to be written to, set up as the pipeline says */
    APP_STOP = 16,       /* signals only set the stop flag */
    APP_QUEUE = 32,      /* the queue's place is looked at; a folder may be missing */
    APP_QUEUE_MADE = 64, /* the same where the command is going to make it */
};

/* Takes over what main has: options and clock. */
enum err_code app_init(struct app *app, const struct options *options, struct err *err) MUST_USE;
void app_release(struct app *app);

/* May be called again for what is still missing; the pipeline file is read once. */
enum err_code app_open(struct app *app, unsigned needs, struct err *err) MUST_USE;

/* Opens the result; out_end is main's, once the command is through. */
enum err_code app_begin_out(struct app *app, struct err *err) MUST_USE;

/* Adds a verdict. */
void app_verdict(struct app *app, int status);

/* Prints an error that belongs to a part of the result: an object, an hour. */
void app_tell(struct app *app, const struct err *err);

/* Appends the options that name this pipeline as a shell reads them: " -c 'my file.yaml' -e prod", "" where
 * none was given: for commands that people are told to type. */
enum err_code app_same_pipeline(const struct app *app, struct buf *out, struct err *err) MUST_USE;

/* Milliseconds since app_init. */
int64_t app_elapsed_ms(const struct app *app);

/* The hours that the options choose. */
enum err_code app_hours(const struct app *app, struct hour_range *out, struct err *err) MUST_USE;

/* The document's first member: "run": {pipeline, env, run_id}. run_id only where with_run. */
void app_out_run(struct app *app, bool with_run);

/* The rejects that --run, --hour, --object, --error choose. */
struct record_query app_record_query(const struct app *app);

/* Server and rights, before a table is made (`creates`) or a row is loaded: DENIED, UNSUPPORTED, READ_ONLY.
 * Warnings go to the log. */
enum err_code app_preflight(struct sink *sink, bool creates, struct err *err) MUST_USE;
/* TABLE_MISSING, SCHEMA_OLDER, SCHEMA_NEWER, TABLE_MISMATCH (its first problem, or what it lacks) for a
 * target that cannot be loaded into as it stands. */
enum err_code app_judge_target(const struct sink *sink, const struct sink_state *state,
                               struct err *err) MUST_USE;

/* Whether setup makes or adds what that error is about. */
bool app_setup_mends(const struct sink_state *state, const struct err *err);

/* Before the table is made: TABLE_MISSING where the ledger has rows that were in it (a dropped table, another
 * name in target.table): made anew it would stay empty, and every run would find all loaded before. Only a
 * reload of all hours may. */
enum err_code app_judge_new_table(const struct app *app, struct sink *sink, const struct sink_state *state,
                                  struct err *err) MUST_USE;

/* After an error while the table was read: where it was that the table is not there or does not fit, the
 * error that `run` gives, with what to do, takes the place of the database's words. */
enum err_code app_explain_target(const struct app *app, struct err *err);

/* Before a reload: rows come back from the source, which has no values of columns outside of the schema. */
enum err_code app_warn_of_reload(const struct app *app, struct err *err) MUST_USE;

/* Opens the target of the pipeline. */
enum err_code app_open_target(const struct app *app, bool read_only, int64_t replaces_connection,
                              struct sink **out, struct err *err) MUST_USE;

/* Opens a further handle on the source. */
enum err_code app_open_source(const struct app *app, struct store **out, struct err *err) MUST_USE;

/* Opens the place of the queue (queue.url); a missing folder is made if `create`, a bucket never is.
 * NOT_FOUND where it is not there. */
enum err_code app_open_queue(const struct app *app, bool create, struct store **out,
                             struct err *err) MUST_USE;
/* True of app_open_queue's error where it is a folder that is not there: an empty queue, as one may come. */
bool app_is_no_queue_yet(const struct err *err);

typedef enum err_code command_fn(struct app *app, struct err *err);
command_fn cmd_help, cmd_validate, cmd_setup, cmd_baseline, cmd_plan, cmd_run, cmd_status, cmd_history,
    cmd_rejects_ls, cmd_rejects_show, cmd_rejects_replay, cmd_verify, cmd_query, cmd_ls, cmd_cat, cmd_cp,
    cmd_enqueue, cmd_work, cmd_queue_ls, cmd_queue_retry, cmd_queue_drop, cmd_serve, cmd_infer, cmd_profile;

#endif
