/*
 * run_profile: see run_profile.h.
 *
 * Invariants: a loader's pending profile is touched by its own thread alone, the run's own under the lock.
 * The first error is kept; after it nothing more is added, and the load goes on.
 */
#include "tools/run_profile.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "tools/profile.h"
#include "tools/profile_out.h"

enum { EXAMPLE_MAX = 2048, WHAT_MAX = 8192 };

struct run_profile {
    struct app *app;
    struct profile_options options;
    struct profile_files files;
    struct monitor *lock;
    struct profile *whole; /* all that is committed; made with the first loader */
    struct err err;
};

struct eye {
    struct run_profile *run;
    struct profile *pending;
    bool some; /* has seen something */
    struct err err;
};

static void eye_close(void *ctx)
{
    struct eye *eye = ctx;

    profile_free(eye->pending);
    mem_free(eye);
}

/* Connections that the load may have at once. */
static size_t writers(const struct app *app)
{
    size_t asked = (size_t)app->pipeline->target.connections, most = app->job.sink->caps.max_writers;
    size_t n = asked < most ? asked : most;

    return n ? n : 1;
}

static enum err_code begin(struct run_profile *run, struct err *err)
{
    run->options.memory = PROFILE_MEMORY / (1 + writers(run->app));
    return run->whole ? ERR_OK : profile_new(&run->options, &run->whole, err);
}

/* Loaders are made one after another, before the first one works. */
static enum err_code eye_open(void *ctx, void **out, struct err *err)
{
    struct run_profile *run = ctx;
    struct eye *eye;

    *out = NULL;
    if (begin(run, err))
        return err->code;
    eye = mem_calloc(1, sizeof *eye);
    if (!eye)
        return err_nomem(err);
    eye->run = run;
    if (profile_new(&run->options, &eye->pending, err))
        eye_close(eye);
    else
        *out = eye;
    return err->code;
}

static void eye_rows(void *ctx, hour_t hour, const struct batch *batch, size_t from, size_t to)
{
    struct eye *eye = ctx;

    eye->some = true;
    if (eye->err.code == ERR_OK)
        (void)!profile_add(eye->pending, batch, from, to, true, hour, &eye->err);
}

static void eye_object(void *ctx, hour_t hour, int64_t bytes)
{
    struct eye *eye = ctx;

    eye->some = true;
    if (eye->err.code == ERR_OK)
        (void)!profile_object(eye->pending, true, hour, bytes, &eye->err);
}

static void eye_refused(void *ctx, hour_t hour, const struct reject *reject)
{
    struct eye *eye = ctx;
    char example[EXAMPLE_MAX];

    (void)!snprintf(example, sizeof example, "%.1024s line %" PRId64 "%s%s: %s", reject->object, reject->line,
                    reject->column[0] ? " column " : "", reject->column, reject->message);
    eye->some = true;
    if (eye->err.code == ERR_OK)
        (void)!profile_refused(eye->pending, hour, err_name_find(reject->error_name), example, &eye->err);
}

static void eye_commit(void *ctx)
{
    struct eye *eye = ctx;
    struct run_profile *run = eye->run;

    if (!eye->some)
        return;
    eye->some = false;
    monitor_lock(run->lock);
    if (eye->err.code && run->err.code == ERR_OK)
        run->err = eye->err;
    if (run->err.code == ERR_OK)
        (void)!profile_merge(run->whole, eye->pending, &run->err);
    monitor_unlock(run->lock);
}

static void eye_rollback(void *ctx)
{
    struct eye *eye = ctx;

    if (!eye->some)
        return;
    eye->some = false;
    profile_clear(eye->pending);
    err_clear(&eye->err);
}

void run_profile_free(struct run_profile *run)
{
    if (!run)
        return;
    profile_files_release(&run->files);
    profile_free(run->whole);
    monitor_free(run->lock);
    mem_free(run);
}

enum err_code run_profile_new(struct app *app, struct run_profile **out, struct err *err)
{
    struct run_profile *run = mem_calloc(1, sizeof *run);

    *out = NULL;
    if (!run)
        return err_nomem(err);
    run->app = app;
    if (app_open(app, APP_PIPELINE, err) || profile_by(app, &run->options.by, err) ||
        profile_files_open(&run->files, app->options, err) || monitor_new(&run->lock, err)) {
        run_profile_free(run);
        return err->code;
    }
    run->options.schema = &app->pipeline->schema;
    run->options.threads = 1;
    app->job.rows = (struct job_rows){.open = eye_open,
                                      .close = eye_close,
                                      .rows = eye_rows,
                                      .object = eye_object,
                                      .refused = eye_refused,
                                      .commit = eye_commit,
                                      .rollback = eye_rollback,
                                      .ctx = run};
    *out = run;
    return ERR_OK;
}

/* "loaded from file:lake into sqlite:loans.db, table t", without what is secret. */
static enum err_code name_load(const struct app *app, char what[WHAT_MAX], struct err *err)
{
    const struct pipeline *p = app->pipeline;
    char *source = url_redact(p->source.url), *target = url_redact(p->target.url);

    if (!source || !target)
        err_nomem(err);
    else
        (void)!snprintf(what, WHAT_MAX, "loaded from %s into %s, table %s", source, target, p->target.table);
    mem_free(source);
    mem_free(target);
    if (err->code == ERR_OK)
        log_redact(what);
    return err->code;
}

enum err_code run_profile_end(struct run_profile *run, const struct hour_range *range, struct err *err)
{
    struct app *app = run->app;
    struct profile_doc doc = {.env = app->pipeline->env, .none = "nothing was loaded"};
    struct report *report = NULL;
    char what[WHAT_MAX];

    app->job.rows = (struct job_rows){0};
    if (run->err.code)
        *err = run->err;
    else if (begin(run, err) == ERR_OK && name_load(app, what, err) == ERR_OK)
        (void)!profile_finish(run->whole, app->pipeline->name, what, range, &report, err);
    if (err->code)
        return err_context(err, "the load is through, but not its profile");
    doc.report = report;
    profile_put_behind(&app->out, app->options, &doc);
    (void)!profile_files_write(&run->files, &doc, err);
    report_free(report);
    return err->code;
}
