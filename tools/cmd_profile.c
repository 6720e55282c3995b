/*
 * cmd_profile: `sluice profile`: describes the source's hours, or the target, in one pass.
 *
 * Invariants: nothing is written but the files that were asked for; the target is opened only with --target;
 * a refused record is no failure: it is left out, counted and told.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/profile/scan.h"
#include "tools/profile.h"
#include "tools/profile_out.h"
#include "tools/progress.h"

enum { THREADS_DEFAULT_MAX = 2, EXAMPLE_MAX = 2048, WHAT_MAX = 4096 };

struct source {
    struct app *app;
    struct profile *profile;
    struct err err;
};

enum err_code profile_by(const struct app *app, int *out, struct err *err)
{
    const struct schema *schema = &app->pipeline->schema;
    const char *by = app->options->by, *best = NULL;
    size_t least;

    *out = -1;
    if (!by)
        return ERR_OK;
    least = near_limit(strlen(by));
    for (size_t i = 0; i < schema->nloaded; i++) {
        const char *name = schema_loaded(schema, i)->name;
        size_t d = near_distance(by, name);

        if (strcmp(by, name) == 0) {
            *out = (int)i;
            return ERR_OK;
        }
        if (d <= least && (!best || d < least)) {
            best = name;
            least = d;
        }
    }
    if (best)
        return err_set(err, ERRN_USAGE, "--by %s: no loaded column has this name; did you mean %s?", by,
                       best);
    return err_set(err, ERRN_USAGE, "--by %s: no loaded column has this name; the first is %s", by,
                   schema_loaded(schema, 0)->name);
}

static unsigned thread_count(const struct options *o)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (o->given[OPT_THREADS])
        return (unsigned)o->threads;
    return cpus < THREADS_DEFAULT_MAX ? 1 : THREADS_DEFAULT_MAX;
}

static void on_refused(void *ctx, const struct store_object *object, const struct csv_record *record,
                       const struct refusal *refusal)
{
    struct source *s = ctx;
    char example[EXAMPLE_MAX];
    hour_t hour = 0;

    (void)layout_match(s->app->layout, object->key, &hour);
    (void)!snprintf(example, sizeof example, "%s line %" PRId64 "%s%s: %s", object->key, record->line,
                    refusal->column[0] ? " column " : "", refusal->column, refusal->detail);
    if (s->err.code == ERR_OK)
        (void)!profile_refused(s->profile, hour, refusal->name, example, &s->err);
}

static enum err_code next_batch(struct source *s, struct scan *scan, bool *more, struct err *err)
{
    struct progress *progress = &s->app->progress;
    struct batch *batch;
    struct scan_part part;

    if (profile_borrow(s->profile, &batch, err) || scan_next(scan, batch, &part, more, err) || !*more)
        return err->code;
    if (part.first && profile_object(s->profile, true, part.hour, part.object->size, err))
        return err->code;
    progress_add(&progress->rows_done, (long long)batch->rows);
    if (part.last) {
        progress_add(&progress->objects_done, 1);
        progress_add(&progress->bytes_done, part.object->size);
    }
    if (s->err.code)
        *err = s->err;
    else
        (void)!profile_push(s->profile, true, part.hour, err);
    return err->code;
}

static enum err_code profile_source(struct app *app, const struct hour_range *range, struct profile *profile,
                                    struct err *err)
{
    struct source source = {.app = app, .profile = profile, .err = ERR_INIT};
    struct scan_spec spec = {.store = app->job.store,
                             .layout = app->layout,
                             .dialect = &app->pipeline->source.csv,
                             .schema = &app->pipeline->schema,
                             .range = *range,
                             .stop = app->job.stop,
                             .refused = on_refused,
                             .ctx = &source};
    struct scan *scan = NULL;
    bool more = true;

    if (spec.store->caps.remote && ahead_new(&app->job.stores, &spec.ahead, err))
        return err->code;
    if (scan_open(&spec, &scan, err) == ERR_OK) {
        while (more && next_batch(&source, scan, &more, err) == ERR_OK)
            ;
        if (err->code == ERR_OK && scan_counts(scan)->ignored > 0)
            log_msg(LOG_INFO, "%" PRId64 " objects of the source do not match source.layout: ignored",
                    scan_counts(scan)->ignored);
    }
    scan_close(scan);
    ahead_free(spec.ahead);
    return err->code;
}

/* "source file:lake", without what is secret. */
static enum err_code name_input(const struct app *app, char what[WHAT_MAX], struct err *err)
{
    const struct pipeline *p = app->pipeline;
    bool target = app->options->given[OPT_TARGET];
    char *url = url_redact(target ? p->target.url : p->source.url);

    if (!url)
        return err_nomem(err);
    (void)!snprintf(what, WHAT_MAX, target ? "target %s, table %s" : "source %s", url, p->target.table);
    mem_free(url);
    log_redact(what);
    return ERR_OK;
}

static enum err_code read_rows(struct app *app, const struct hour_range *range, struct profile *profile,
                               int64_t *odd_rows, struct err *err)
{
    struct bar *bar = NULL;

    if (bar_start(app->options, &app->progress, &bar, err) == ERR_OK) {
        if (app->options->given[OPT_TARGET])
            (void)!profile_target(app, range, profile, odd_rows, err);
        else
            (void)!profile_source(app, range, profile, err);
    }
    bar_stop(bar);
    return err->code;
}

static enum err_code describe(struct app *app, const struct hour_range *range, int by,
                              struct profile_files *files, struct err *err)
{
    struct profile_options options = {
        .schema = &app->pipeline->schema, .by = by, .threads = thread_count(app->options)};
    struct profile_doc doc = {.env = app->pipeline->env,
                              .none = !app->options->given[OPT_TARGET] ? "these hours have no object"
                                      : range->bounded                 ? "the table has no row of these hours"
                                                                       : "the table has no row"};
    struct profile *profile = NULL;
    struct report *report = NULL;
    char what[WHAT_MAX];

    if (name_input(app, what, err) || app_begin_out(app, err) || profile_new(&options, &profile, err) ||
        read_rows(app, range, profile, &doc.odd_rows, err) ||
        profile_finish(profile, app->pipeline->name, what, range, &report, err))
        goto out;
    report->of_target = app->options->given[OPT_TARGET];
    doc.report = report;
    if (profile_put(&app->out, app->options, &doc, err) == ERR_OK)
        (void)!profile_files_write(files, &doc, err);
out:
    report_free(report);
    profile_free(profile);
    return err->code;
}

enum err_code cmd_profile(struct app *app, struct err *err)
{
    bool target = app->options->given[OPT_TARGET];
    struct profile_files files = {0};
    struct hour_range range;
    int by;

    if (app_hours(app, &range, err) == ERR_OK && app_open(app, APP_PIPELINE, err) == ERR_OK &&
        profile_by(app, &by, err) == ERR_OK &&
        app_open(app, (target ? APP_READ : APP_SOURCE) | APP_STOP, err) == ERR_OK &&
        profile_files_open(&files, app->options, err) == ERR_OK)
        (void)!describe(app, &range, by, &files, err);
    profile_files_release(&files);
    return err->code;
}
