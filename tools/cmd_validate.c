/*
 * cmd_validate: `sluice validate`: a list of checks, each ok or what to do.
 *
 * Invariants: it changes nothing: source and target are only read. A failed check does not end the others
 * that can still be made. What stands in the list is not printed again as an error; the one line at the end
 * names the first failed check.
 */
#include <string.h>

#include "backends/registry.h"
#include "core/base/log.h"
#include "core/load/hour_checks.h"
#include "tools/app.h"

enum { LISTED_MAX = 10000, WARNINGS_MAX = 64 * 1024 };

struct validation {
    struct app *app;
    int64_t made, failed, warned;
    const char *first; /* name of the first that failed */
    enum err_name why;
};

static void put(struct validation *c, const char *name, const char *result, const char *text)
{
    out_row(&c->app->out, (struct out_cell[]){cell_str(name), cell_str(result), cell_str(text)});
    c->made++;
}

static void pass(struct validation *c, const char *name, const char *text)
{
    put(c, name, "ok", text);
}

static void warn(struct validation *c, const char *name, const char *text)
{
    put(c, name, "warning", text);
    c->warned++;
}

static void fail(struct validation *c, const char *name, struct err *err)
{
    char text[ERR_MSG_MAX + 64];

    log_redact(err->msg);
    snprintf(text, sizeof text, "%s: %s", err_name_text(err->name), err->msg);
    put(c, name, "failed", text);
    app_verdict(c->app, err_status(err));
    if (c->failed++ == 0) {
        c->first = name;
        c->why = err->name;
    }
    err_clear(err);
}

static void check_file(struct validation *c)
{
    const struct pipeline *p = c->app->pipeline;
    char text[OUT_CELL_MAX];

    snprintf(text, sizeof text, "%.1024s: %s, %zu columns, %zu loaded", p->file, p->name, p->schema.ncolumns,
             p->schema.nloaded);
    pass(c, "pipeline file", text);
    snprintf(text, sizeof text, "%.1024s", p->source.layout);
    pass(c, "layout", text);
}

static enum err_code check_warnings(struct validation *c, struct err *err)
{
    struct buf text;
    char *line, *end;

    buf_init(&text, WARNINGS_MAX);
    if (pipeline_warnings(c->app->pipeline, &text, err) == ERR_OK) {
        for (line = text.data; line && *line; line = end ? end + 1 : NULL) {
            end = strchr(line, '\n');
            if (end)
                *end = '\0';
            warn(c, "pipeline file", line);
        }
    }
    buf_release(&text);
    return err->code;
}

static void check_scheme(struct validation *c, const char *name, const char *url, bool known,
                         const char *here)
{
    char text[OUT_CELL_MAX];
    struct err err = ERR_INIT;

    snprintf(text, sizeof text, "%.1024s", url);
    log_redact(text);
    if (known) {
        pass(c, name, text);
        return;
    }
    err_set(&err, ERRN_CONFIG, "%s: no known scheme; this build has: %s", text, here);
    fail(c, name, &err);
}

static void check_offline(struct validation *c)
{
    const struct pipeline *p = c->app->pipeline;

    check_scheme(c, "source.url", p->source.url, registry_known_store(p->source.url), registry_store_names());
    check_scheme(c, "target.url", p->target.url, registry_known_sink(p->target.url), registry_sink_names());
    if (p->queue.url)
        check_scheme(c, "queue.url", p->queue.url, registry_known_store(p->queue.url),
                     registry_store_names());
}

/* Lists until an object matches, at most LISTED_MAX of them. */
static void check_source(struct validation *c)
{
    struct job *job = &c->app->job;
    struct err err = ERR_INIT;
    struct store_list *cursor = NULL;
    struct store_object object = {.size = 0}, other = {.size = 0};
    int64_t seen = 0;
    bool more = true, matched = false;
    char text[OUT_CELL_MAX], hour_text[HOUR_TEXT_MAX];
    hour_t hour = 0;

    if (job->stores.open(job->stores.ctx, &job->store, &err) ||
        store_list_begin(job->store, "", STORE_BELOW, &cursor, &err))
        goto out;
    while (!matched && seen < LISTED_MAX && store_list_next(cursor, &object, &more, &err) == ERR_OK && more) {
        enum layout_match match = layout_match(job->layout, object.key, &hour);

        matched = match == LAYOUT_MATCH;
        if (match == LAYOUT_IGNORED && !other.key[0])
            other = object;
        seen++;
    }
    store_list_end(cursor);
    if (err.code)
        goto out;
    pass(c, "source", job->store->label);
    if (matched) {
        hour_format(hour, hour_text);
        snprintf(text, sizeof text, "matches %.1024s, hour %s", object.key, hour_text);
        pass(c, "source listing", text);
    } else if (seen == 0) {
        warn(c, "source listing", "no object is there yet, or the URL is not the lake's");
    } else {
        snprintf(text, sizeof text, "no object of the first %lld matches source.layout%s%.1024s",
                 (long long)seen, other.key[0] ? "; there is " : "", other.key);
        warn(c, "source listing", text);
    }
    return;
out:
    fail(c, "source", &err);
}

/* A folder that is not there yet is fine, as `enqueue` makes it. */
static void check_queue(struct validation *c)
{
    struct err err = ERR_INIT;
    struct store *queue = NULL;
    struct store_list *cursor = NULL;
    struct store_object object;
    bool more;

    (void)!app_open_queue(c->app, false, &queue, &err);
    if (app_is_no_queue_yet(&err)) {
        pass(c, "queue", "the folder is not there yet: `sluice enqueue` will make it");
        return;
    }
    if (err.code == ERR_OK && store_list_begin(queue, "", STORE_FLAT, &cursor, &err) == ERR_OK) {
        (void)!store_list_next(cursor, &object, &more, &err);
        store_list_end(cursor);
    }
    if (err.code)
        fail(c, "queue", &err);
    else
        pass(c, "queue", queue->label);
    store_close(queue);
}

/* What is missing is fine where a run will make it. */
static void check_tables(struct validation *c, const struct sink *sink, const struct sink_state *state)
{
    struct err err = ERR_INIT;
    bool made = c->app->pipeline->target.create == PIPELINE_CREATE_IF_MISSING;
    char text[OUT_CELL_MAX];

    (void)!app_judge_target(sink, state, &err);
    if (made && app_setup_mends(state, &err)) {
        if (state->lacks)
            snprintf(text, sizeof text,
                     "%.512s: `sluice run` or `sluice setup` will add %zu column%s to it: %s",
                     sink->target.table, state->lacks, state->lacks == 1 ? "" : "s", state->lacks_names);
        else
            snprintf(text, sizeof text, "%.512s: `sluice run` or `sluice setup` will make or upgrade it",
                     sink->target.table);
        pass(c, "target tables", text);
    } else if (err.name == ERRN_TABLE_MISMATCH && state->problems.len) {
        const char *line = buf_str(&state->problems);

        while (*line) { /* all of them, not only the first */
            size_t len = strcspn(line, "\n");

            err_clear(&err);
            err_set(&err, ERRN_TABLE_MISMATCH, "%s: %.*s", sink->target.table, (int)len, line);
            fail(c, "target table", &err);
            line += len + (line[len] == '\n');
        }
    } else if (err.code) {
        fail(c, "target tables", &err);
    } else {
        snprintf(text, sizeof text, "%.512s fits the schema%s", sink->target.table,
                 state->has_lineage ? ", with lineage" : "");
        pass(c, "target tables", text);
    }
}

/* The queries of the hour's checks, where the tables are those that they will be asked of. */
static void check_queries(struct validation *c, struct sink *sink, const struct sink_state *state)
{
    const struct pipeline *p = c->app->pipeline;
    struct err err = ERR_INIT;

    if (!sink->type->check_prepare || !state->table_exists || state->own != OWN_CURRENT || state->lacks)
        return;
    for (size_t i = 0; i < p->nchecks; i++) {
        if (p->checks[i].kind != HOUR_CHECK_SQL)
            continue;
        if (hour_checks_try(p, &p->checks[i], sink, &err))
            fail(c, "checks", &err);
        else
            pass(c, "checks", p->checks[i].name);
    }
}

/* A row for each line; `name` is the error's, ERRN_NONE for a warning. True where there is none. */
static bool put_lines(struct validation *c, const char *check, const struct buf *lines, enum err_name name)
{
    const char *line = buf_str(lines);
    bool none = !*line;

    while (*line) {
        size_t len = strcspn(line, "\n");
        struct err err = ERR_INIT;

        err_set(&err, name ? name : ERRN_INTERNAL, "%.*s", (int)len, line);
        if (name)
            fail(c, check, &err);
        else
            warn(c, check, err.msg);
        line += len + (line[len] == '\n');
    }
    return none;
}

/* Whether it is worth to look at the tables. */
static bool check_server(struct validation *c, struct sink *sink)
{
    bool creates = c->app->pipeline->target.create == PIPELINE_CREATE_IF_MISSING;
    struct sink_preflight found;
    struct err err = ERR_INIT;
    bool good = sink_preflight(sink, creates, &found, &err) == ERR_OK;

    if (!good) {
        fail(c, "target server", &err);
    } else {
        put_lines(c, "target server", &found.warnings, ERRN_NONE);
        if (put_lines(c, "target server", &found.wrong, ERRN_UNSUPPORTED) && found.asked)
            pass(c, "target server", "its settings are fine");
        good = put_lines(c, "target rights", &found.refused, ERRN_DENIED);
        if (good && found.asked)
            pass(c, "target rights", "the user has all that is needed");
    }
    sink_preflight_release(&found);
    return good;
}

static void check_target(struct validation *c)
{
    struct app *app = c->app;
    struct sink_state state = {0};
    struct err err = ERR_INIT;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (app_open_target(app, true, 0, &app->job.sink, &err)) {
        fail(c, "target", &err);
    } else {
        pass(c, "target", app->job.sink->label);
        bool ready = hour_checks_ready(app->pipeline, app->job.sink, &err) == ERR_OK;
        if (!ready)
            fail(c, "checks", &err);
        if (check_server(c, app->job.sink)) {
            if (sink_describe(app->job.sink, &state, &err))
                fail(c, "target tables", &err);
            else
                check_tables(c, app->job.sink, &state);
            if (ready)
                check_queries(c, app->job.sink, &state);
        }
    }
    buf_release(&state.problems);
}

static void put_totals(struct validation *c, struct err *err)
{
    static const struct out_column totals[] = {{"checks", NULL, OUT_INT, IN_JSON},
                                               {"failed", NULL, OUT_INT, IN_JSON},
                                               {"warnings", NULL, OUT_INT, IN_JSON}};
    char passed[OUT_CELL_MAX], warned[OUT_CELL_MAX];

    out_object(&c->app->out, "totals", totals,
               (struct out_cell[]){cell_num(c->made), cell_num(c->failed), cell_num(c->warned)}, 3);
    if (c->failed)
        err_set(err, c->why, "%lld of %lld checks failed, first: %s", (long long)c->failed,
                (long long)c->made, c->first);
    else
        out_line(&c->app->out, "%s passed, %s", out_things(c->made - c->warned, "check", "checks", passed),
                 out_things(c->warned, "warning", "warnings", warned));
}

enum err_code cmd_validate(struct app *app, struct err *err)
{
    static const struct out_column columns[] = {
        {"check", NULL, OUT_STR, IN_ALL}, {"result", NULL, OUT_WORD, IN_ALL}, {"text", "", OUT_STR, IN_ALL}};
    struct validation c = {.app = app};

    if (app_open(app, APP_PIPELINE, err) || app_begin_out(app, err))
        return err->code;
    app_out_run(app, false);
    out_list_begin(&app->out, "checks", columns, 3);
    check_file(&c);
    if (check_warnings(&c, err))
        return err->code;
    check_offline(&c);
    if (!app->options->given[OPT_OFFLINE]) {
        check_source(&c);
        if (app->pipeline->queue.url)
            check_queue(&c);
        check_target(&c);
    }
    out_list_end(&app->out);
    put_totals(&c, err);
    return err->code;
}
