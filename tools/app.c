/*
 * app: opens what a command needs, in an order that changes nothing before all of it is known to be right:
 * pipeline file, layout, source, queue, then the target.
 *
 * Invariants: commands that only read open the target read-only and make nothing; a target with `create:
 * never` is looked at read-only first, so that not even an empty database file appears; setup happens only
 * where something is missing or older, and never over a table that does not fit.
 */
#include "tools/app.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/registry.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/claim.h"
#include "core/load/hour_checks.h"
#include "core/store/store_retry.h"
#include "core/store/store_trace.h"
#include "tools/stop.h"

enum err_code app_init(struct app *app, const struct options *options, struct err *err)
{
    char folder[PATH_MAX];

    *app = (struct app){.options = options, .clock = clock_real()};
    if (options->given[OPT_NOW]) {
        clock_shifted_init(&app->shifted, options->now_us);
        app->clock = &app->shifted.base;
    }
    app->started_us = clock_mono_us(app->clock);
    if (!getcwd(folder, sizeof folder))
        return err_set_errno(err, errno, "the current folder");
    app->folder = mem_strdup(folder);
    return app->folder ? ERR_OK : err_nomem(err);
}

void app_release(struct app *app)
{
    sink_close(app->job.sink);
    store_close(app->job.store);
    layout_free(app->layout);
    pipeline_free(app->pipeline);
    out_release(&app->out);
    mem_free(app->folder);
    *app = (struct app){0};
}

void app_verdict(struct app *app, int status)
{
    app->status = err_status_worse(app->status, status);
}

void app_tell(struct app *app, const struct err *err)
{
    log_err(LOG_ERROR, err);
    app->told = *err;
}

/* An option and its value, in quotes where a shell would take it apart. */
static enum err_code add_word(struct buf *out, const char *option, const char *word, struct err *err)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@%+,-";
    bool quoted = !word[0] || strspn(word, plain) != strlen(word);

    if (buf_append_str(out, option, err) || (quoted && buf_append_char(out, '\'', err)))
        return err->code;
    for (; *word; word++)
        if (buf_append_str(out, *word == '\'' ? "'\\''" : (char[]){*word, '\0'}, err) != ERR_OK)
            return err->code;
    return quoted ? buf_append_char(out, '\'', err) : ERR_OK;
}

enum err_code app_same_pipeline(const struct app *app, struct buf *out, struct err *err)
{
    const struct options *o = app->options;

    if ((o->directory && add_word(out, " -C ", o->directory, err)) ||
        (o->given[OPT_CONFIG] && add_word(out, " -c ", o->configs[0], err)) ||
        (o->env && add_word(out, " -e ", o->env, err)))
        return err->code;
    for (size_t i = 0; i < o->nsets; i++)
        if (add_word(out, " --set ", o->sets[i], err) != ERR_OK)
            break;
    return err->code;
}

int64_t app_elapsed_ms(const struct app *app)
{
    return (clock_mono_us(app->clock) - app->started_us) / 1000;
}

enum err_code app_hours(const struct app *app, struct hour_range *out, struct err *err)
{
    return options_hours(app->options, clock_wall_us(app->clock), out, err);
}

struct record_query app_record_query(const struct app *app)
{
    const struct options *o = app->options;

    return (struct record_query){.object = o->object,
                                 .run_id = o->run_id,
                                 .error_name = o->error_name,
                                 .has_hour = o->given[OPT_HOUR],
                                 .hour = o->hour};
}

static enum err_code open_pipeline(struct app *app, struct err *err)
{
    const struct options *o = app->options;
    const struct pipeline_options args = {
        .file = app->file ? app->file : o->configs[0], .env = o->env, .sets = o->sets, .nsets = o->nsets};

    if (app->pipeline)
        return ERR_OK;
    if (pipeline_load(&args, &app->pipeline, err) ||
        layout_compile(app->pipeline->source.layout, &app->layout, err) ||
        hour_checks_ready(app->pipeline, NULL, err))
        return err->code;
    app->job.pipeline = app->pipeline;
    app->job.layout = app->layout;
    return ERR_OK;
}

/* A store with its wrappers. */
static enum err_code open_store(const struct app *app, const char *url, bool create, struct store **out,
                                struct err *err)
{
    struct store *store = NULL, *outer;

    *out = NULL;
    if (registry_open_store(url, app->pipeline->base_dir, clock_real(), create, &store, err))
        return err->code;
    if (store_retry_wrap(store, &(struct store_retry_options){0}, &outer, err))
        goto failed;
    store = outer;
    if (app->options->given[OPT_VERBOSE]) {
        if (store_trace_wrap(store, NULL, NULL, &outer, err))
            goto failed;
        store = outer;
    }
    *out = store;
    return ERR_OK;
failed:
    store_close(store);
    return err->code;
}

enum err_code app_open_source(const struct app *app, struct store **out, struct err *err)
{
    return open_store(app, app->pipeline->source.url, false, out, err) ? err_context(err, "source.url")
                                                                       : ERR_OK;
}

/* The engine's way to further handles. */
static enum err_code open_source(void *ctx, struct store **out, struct err *err)
{
    return app_open_source(ctx, out, err);
}

bool app_is_no_queue_yet(const struct err *err)
{
    return err->code == ERR_NOT_FOUND && err->native == ENOENT;
}

enum err_code app_open_queue(const struct app *app, bool create, struct store **out, struct err *err)
{
    const char *url = app->pipeline->queue.url;

    *out = NULL;
    if (!url)
        return err_set(err, ERRN_CONFIG,
                       "%s: this needs a place for queue files: set queue.url, such as file:queue/%s",
                       app->pipeline->file, app->pipeline->name);
    if (open_store(app, url, false, out, err) != ERR_OK && create && app_is_no_queue_yet(err)) {
        err_clear(err);
        (void)!open_store(app, url, true, out, err);
    }
    if (err->code == ERR_OK)
        return ERR_OK;
    if (err->native == ENOTDIR) { /* that never becomes a queue */
        struct err why = *err;

        err_clear(err);
        err_set_native(err, ERRN_CONFIG, why.native, "%s", why.msg);
    }
    return err_context(err, "queue.url");
}

static enum sink_lineage lineage_of(enum pipeline_lineage lineage)
{
    return lineage == PIPELINE_LINEAGE_FALSE  ? LINEAGE_NONE
           : lineage == PIPELINE_LINEAGE_TRUE ? LINEAGE_COLUMN
                                              : LINEAGE_INDEXED;
}

enum err_code app_open_target(const struct app *app, bool read_only, int64_t replaces_connection,
                              struct sink **out, struct err *err)
{
    const struct pipeline *p = app->pipeline;
    const struct sink_open args = {
        .url = p->target.url,
        .base_dir = p->base_dir,
        .user = p->target.user,
        .password = p->target.password,
        .clock = clock_real(),
        .read_only = read_only,
        .replaces_connection = replaces_connection,
        .stop = app->job.stop,
        .target = {.pipeline = p->name,
                   .table = p->target.table,
                   .schema = &p->schema,
                   .key = p->target.key,
                   .nkey = p->target.nkey,
                   .lineage = lineage_of(p->target.lineage),
                   .lease_ms = p->target.lease_ms,
                   .evolve = p->schema.contract == CONTRACT_EVOLVE},
    };

    return registry_open_sink(&args, out, err) ? err_context(err, "target.url") : ERR_OK;
}

static enum err_code open_sink(void *ctx, bool read_only, int64_t replaces_connection, struct sink **out,
                               struct err *err)
{
    return app_open_target(ctx, read_only, replaces_connection, out, err);
}

enum err_code app_judge_target(const struct sink *sink, const struct sink_state *state, struct err *err)
{
    const char *problem = buf_str(&state->problems);

    if (state->own == OWN_NEWER)
        return err_set(err, ERRN_SCHEMA_NEWER, "%s: its tables were made by a newer sluice", sink->label);
    if (problem[0])
        return err_set(err, ERRN_TABLE_MISMATCH, "%s, table %s: %.*s", sink->label, sink->target.table,
                       (int)strcspn(problem, "\n"), problem);
    if (state->own == OWN_MISSING)
        return err_set(err, ERRN_TABLE_MISSING, "%s: sluice's own tables are missing; run `sluice setup`",
                       sink->label);
    if (!state->table_exists)
        return err_set(err, ERRN_TABLE_MISSING, "%s: table %s is missing; run `sluice setup`", sink->label,
                       sink->target.table);
    if (state->own == OWN_OLDER)
        return err_set(err, ERRN_SCHEMA_OLDER,
                       "%s: sluice's tables are of an older version; run `sluice setup`", sink->label);
    if (state->lacks)
        return err_set(
            err, ERRN_TABLE_MISMATCH,
            "%s: table %s lacks %zu column%s of the schema (%s): run `sluice setup`, which adds %s",
            sink->label, sink->target.table, state->lacks, state->lacks == 1 ? "" : "s", state->lacks_names,
            state->lacks == 1 ? "it" : "them");
    return ERR_OK;
}

bool app_setup_mends(const struct sink_state *state, const struct err *err)
{
    return err->name == ERRN_TABLE_MISSING || err->name == ERRN_SCHEMA_OLDER ||
           (err->name == ERRN_TABLE_MISMATCH && state->lacks && state->problems.len == 0);
}

static size_t lines_of(const struct buf *text)
{
    size_t n = 0;

    for (const char *at = buf_str(text); (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

/* The first line as an error, with the number of those behind it. */
static enum err_code first_of(const struct sink *sink, enum err_name name, const struct buf *lines,
                              struct err *err)
{
    const char *text = buf_str(lines);
    size_t n = lines_of(lines);
    char more[64] = "";

    if (n == 0)
        return ERR_OK;
    if (n > 1)
        (void)!snprintf(more, sizeof more, " (and %zu more: `sluice validate` names them)", n - 1);
    return err_set(err, name, "%s: %.*s%s", sink->label, (int)strcspn(text, "\n"), text, more);
}

enum err_code app_preflight(struct sink *sink, bool creates, struct err *err)
{
    struct sink_preflight found;

    if (sink_preflight(sink, creates, &found, err) == ERR_OK) {
        for (const char *at = buf_str(&found.warnings); *at; at += strcspn(at, "\n") + 1)
            log_msg(LOG_WARN, "%s: %.*s", sink->label, (int)strcspn(at, "\n"), at);
        if (first_of(sink, ERRN_DENIED, &found.refused, err) == ERR_OK)
            (void)!first_of(sink, ERRN_UNSUPPORTED, &found.wrong, err);
    }
    sink_preflight_release(&found);
    return err->code;
}

static enum err_code loaded_before(struct sink *sink, int64_t *rows, struct err *err)
{
    struct ledger_row *page = mem_alloc(REC_PAGE * sizeof *page);
    struct ledger_query query = {.order = LEDGER_BY_ID};
    size_t n = 0;

    *rows = 0;
    if (!page)
        return err_nomem(err);
    while (sink_ledger_page(sink, &query, page, REC_PAGE, &n, err) == ERR_OK && n > 0) {
        for (size_t i = 0; i < n; i++)
            *rows += page[i].rows_loaded;
        query.after_id = page[n - 1].id;
    }
    mem_free(page);
    return err->code;
}

static bool reloads_all(const struct options *o)
{
    return o->given[OPT_RELOAD] && !o->given[OPT_HOUR] && !o->given[OPT_FROM];
}

enum err_code app_judge_new_table(const struct app *app, struct sink *sink, const struct sink_state *state,
                                  struct err *err)
{
    struct sink_state again = {0};
    int64_t rows = 0;

    if (state->table_exists || state->own != OWN_CURRENT || reloads_all(app->options) ||
        loaded_before(sink, &rows, err) || rows == 0)
        return err->code;
    /* Another process may have made it and loaded between the two looks. */
    buf_init(&again.problems, SINK_PROBLEMS_MAX);
    if (sink_describe(sink, &again, err) == ERR_OK && !again.table_exists)
        err_set(err, ERRN_TABLE_MISSING,
                "%s: table %s is missing, but the ledger says that pipeline %s has loaded %lld rows: correct "
                "target.table, or `sluice run --reload%s` makes it and loads all again",
                sink->label, sink->target.table, app->pipeline->name, (long long)rows,
                app->pipeline->target.create == PIPELINE_CREATE_IF_MISSING
                    ? ""
                    : " --set target.create=if_missing");
    buf_release(&again.problems);
    return err->code;
}

enum err_code app_explain_target(const struct app *app, struct err *err)
{
    struct sink *sink = app->job.sink;
    struct sink_state state = {0};
    struct err why = ERR_INIT;

    if (err->name != ERRN_TABLE_MISSING && err->name != ERRN_TABLE_MISMATCH)
        return err->code;
    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (sink_describe(sink, &state, &why) == ERR_OK &&
        (app_judge_new_table(app, sink, &state, &why) || app_judge_target(sink, &state, &why)))
        *err = why;
    buf_release(&state.problems);
    return err->code;
}

/* What a setup is about to do to the table. */
static void tell_repair(const struct sink *sink, const struct sink_state *state)
{
    if (state->lacks)
        log_msg(LOG_INFO, "%s: adding to table %s: %s", sink->label, sink->target.table, state->lacks_names);
    else
        log_msg(LOG_INFO, "%s: making what is missing for table %s", sink->label, sink->target.table);
}

/* Judges; with `repair` makes what is missing or older. */
static enum err_code check_target(const struct app *app, struct sink *sink, bool repair, struct err *err)
{
    struct sink_state state = {0};

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (app_preflight(sink, repair, err) == ERR_OK && sink_describe(sink, &state, err) == ERR_OK &&
        app_judge_new_table(app, sink, &state, err) == ERR_OK)
        (void)!app_judge_target(sink, &state, err);
    else
        repair = false;
    repair = repair && app_setup_mends(&state, err);
    buf_release(&state.problems);
    if (repair) {
        err_clear(err);
        tell_repair(sink, &state);
        (void)!sink_setup(sink, NULL, err);
    }
    return err->code;
}

enum err_code app_warn_of_reload(const struct app *app, struct err *err)
{
    struct sink_state state = {0};
    struct sink *sink = NULL;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (app_open_target(app, true, 0, &sink, err) == ERR_OK && sink_describe(sink, &state, err) == ERR_OK &&
        state.others)
        log_msg(LOG_WARN,
                "%s: rows that are loaded again lose what they have in columns of table %s outside of the "
                "schema: %s",
                sink->label, sink->target.table, state.others_names);
    buf_release(&state.problems);
    sink_close(sink);
    if (err->code == ERR_BUSY) /* the load waits for it */
        err_clear(err);
    return err->code;
}

static enum err_code try_to_write(struct app *app, struct err *err)
{
    bool create = app->pipeline->target.create == PIPELINE_CREATE_IF_MISSING;
    struct sink *look = NULL;

    if (!create) {
        if (app_open_target(app, true, 0, &look, err) == ERR_OK)
            (void)!check_target(app, look, false, err);
        sink_close(look);
        if (err->code)
            return err->code;
    }
    if (app_open_target(app, false, 0, &app->job.sink, err))
        return err->code;
    return create ? check_target(app, app->job.sink, true, err) : ERR_OK;
}

/* A target that locks as a whole is as good as an hour that another holds. Where not even opening it goes
 * through, it is one of those. */
static enum err_code open_target_to_write(struct app *app, struct err *err)
{
    const struct clock *clock = clock_real();
    int64_t deadline = clock_mono_us(clock) + app->job.wait_ms * 1000;

    for (bool said = false;; said = true) {
        struct err try = ERR_INIT;

        if (try_to_write(app, &try) != ERR_BUSY || (app->job.sink && !app->job.sink->caps.lock_is_lease)) {
            *err = try;
            return err->code;
        }
        sink_close(app->job.sink);
        app->job.sink = NULL;
        if (clock_mono_us(clock) >= deadline)
            return err_set(err, ERRN_HELD,
                           "%s is locked by another process that loads into it; --wait DUR waits for it",
                           app->pipeline->target.url);
        /* Nothing has begun that a grace could be for. */
        if (atomic_load(stop_ending()))
            return err_set(err, ERRN_CANCELLED, "stopped by a signal while waiting for %s",
                           app->pipeline->target.url);
        if (!said)
            log_msg(LOG_INFO, "waiting for %s: another process loads into it", app->pipeline->target.url);
        clock_sleep_us(clock, CLAIM_POLL_MS * 1000);
    }
}

/* Tables of a newer version may mean something else: not even a look at them is right. */
static enum err_code open_target_to_read(struct app *app, struct err *err)
{
    struct sink_state state = {0};

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (app_open_target(app, true, 0, &app->job.sink, err) == ERR_OK &&
        sink_describe(app->job.sink, &state, err) == ERR_OK && state.own == OWN_NEWER)
        (void)!app_judge_target(app->job.sink, &state, err);
    buf_release(&state.problems);
    return err->code;
}

/* A place that cannot be opened is said before a target is made; a folder that is not there yet is an empty
 * queue. */
static enum err_code try_queue(const struct app *app, bool makes_it, struct err *err)
{
    struct store *queue = NULL;

    (void)!app_open_queue(app, false, &queue, err);
    if (app_is_no_queue_yet(err)) {
        if (!makes_it)
            log_msg(LOG_INFO, "%s; until then the queue is empty", err->msg);
        err_clear(err);
    }
    store_close(queue);
    return err->code;
}

enum err_code app_open(struct app *app, unsigned needs, struct err *err)
{
    struct job *job = &app->job;

    if (open_pipeline(app, err))
        return err->code;
    job->clock = clock_real();
    job->stores = (struct store_factory){open_source, app};
    job->sinks = (struct sink_factory){open_sink, app};
    job->wait_ms = app->options->wait_ms;
    job->progress = &app->progress;
    if (needs & APP_WRITE)
        stop_ignore_broken_output();
    if (needs & APP_STOP) {
        stop_catch_grace(app->options->grace_ms);
        job->stop = stop_flag();
    }
    if ((needs & APP_SOURCE) && !job->store && open_source(app, &job->store, err))
        return err->code;
    if ((needs & (APP_QUEUE | APP_QUEUE_MADE)) && try_queue(app, needs & APP_QUEUE_MADE, err))
        return err->code;
    if ((needs & APP_READ) && open_target_to_read(app, err))
        return err->code;
    if ((needs & APP_WRITE) && !job->sink && open_target_to_write(app, err))
        return err->code;
    job_identify(job);
    return ERR_OK;
}

static bool wants_color(const struct options *o)
{
    const char *no_color = getenv("NO_COLOR");

    if (o->color != COLOR_AUTO)
        return o->color == COLOR_ALWAYS;
    return isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
}

enum err_code app_begin_out(struct app *app, struct err *err)
{
    const struct options *o = app->options;

    if (out_begin(&app->out, o->output, wants_color(o), o->summary, err))
        return err->code;
    app->has_out = true;
    return ERR_OK;
}

void app_out_run(struct app *app, bool with_run)
{
    static const struct out_column columns[] = {{"pipeline", NULL, OUT_STR, IN_JSON},
                                                {"env", NULL, OUT_STR, IN_JSON},
                                                {"run_id", NULL, OUT_STR, IN_JSON}};
    const struct out_cell cells[] = {cell_str(app->pipeline->name), cell_str(app->pipeline->env),
                                     cell_str(app->job.run_id)};

    out_object(&app->out, "run", columns, cells, with_run ? 3 : 2);
}
