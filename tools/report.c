/*
 * report: turns the engine's events into the result of `run` and `work`.
 *
 * Invariants: rows go to programs as they come; for people REPORT_ROWS are kept, and a failed object takes
 * the place of the last one that did not fail. At most REPORT_ERRORS objects' errors are logged: the others
 * are in `history`.
 */
#include "tools/report.h"

#include <string.h>

#include "core/base/log.h"
#include "tools/checks.h"

enum { OF_RUN = 3 }; /* columns that say which run of which pipeline */

static const struct out_column report_columns[REPORT_COLUMNS] = {
    {"pipeline", NULL, OUT_STR, IN_CSV},       {"env", NULL, OUT_STR, IN_CSV},
    {"run_id", NULL, OUT_STR, IN_CSV},         {"hour", NULL, OUT_HOUR, IN_DATA},
    {"object", NULL, OUT_STR, IN_DATA},        {"status", NULL, OUT_WORD, IN_DATA},
    {"etag", NULL, OUT_STR, IN_DATA},          {"bytes", NULL, OUT_BYTES, IN_DATA},
    {"rows_read", NULL, OUT_INT, IN_DATA},     {"rows_loaded", NULL, OUT_INT, IN_DATA},
    {"rows_rejected", NULL, OUT_INT, IN_DATA}, {"row_hash", NULL, OUT_HASH, IN_DATA},
    {"load_method", NULL, OUT_STR, IN_DATA},   {"duration_ms", NULL, OUT_MS, IN_DATA},
    {"error_name", NULL, OUT_STR, IN_DATA},    {"error", NULL, OUT_STR, IN_DATA},
};

static void keep_row(struct load_report *report, const char *pipeline, const struct object_result *r)
{
    size_t at = report->n;

    report->replaced += r->status == OBJECT_REPLACED;
    if (r->status == OBJECT_UNCHANGED) /* nothing happened to it; the totals count it */
        return;
    report->seen++;
    if (at == REPORT_ROWS) {
        if (r->status != OBJECT_FAILED)
            return;
        do {
            if (at == 0)
                return;
            at--;
        } while (report->rows[at].status == OBJECT_FAILED);
        memmove(&report->rows[at], &report->rows[at + 1], (REPORT_ROWS - 1 - at) * sizeof report->rows[0]);
        at = REPORT_ROWS - 1;
    }
    report->rows[at] = (struct report_row){.pipeline = pipeline,
                                           .status = r->status,
                                           .rows_read = r->rows_read,
                                           .rows_loaded = r->rows_loaded,
                                           .rows_rejected = r->rows_rejected,
                                           .bytes = r->bytes,
                                           .duration_ms = r->duration_ms};
    if (r->object[0]) {
        snprintf(report->rows[at].object, sizeof report->rows[at].object, "%s", r->object);
    } else {
        char hour[HOUR_TEXT_MAX]; /* the hour failed as one unit */

        hour_format(r->hour, hour);
        snprintf(report->rows[at].object, sizeof report->rows[at].object, "hour %s", hour);
    }
    report->n = at + 1;
}

/* Prints an error of one pipeline. */
static void tell(const struct report_part *part, const struct err *err)
{
    struct err shown = *err;

    if (part->report->many)
        err_context(&shown, "%s", part->app->pipeline->name);
    app_tell(part->report->app, &shown);
}

static void on_object(void *ctx, const struct object_result *r)
{
    const struct report_part *part = ctx;
    struct load_report *report = part->report;
    const struct app *app = part->app;
    struct err shown = r->error;
    bool known = r->status != OBJECT_FAILED;
    const struct out_cell cells[REPORT_COLUMNS] = {
        cell_str(app->pipeline->name),
        cell_str(app->pipeline->env),
        cell_str(app->job.run_id),
        cell_num(r->hour),
        cell_str(r->object),
        cell_str(object_status_text(r->status)),
        cell_str(r->etag),
        cell_num(r->bytes),
        cell_num(r->rows_read),
        cell_num(r->rows_loaded),
        cell_num(r->rows_rejected),
        known ? cell_num((int64_t)r->row_hash) : CELL_NULL,
        cell_str(r->load_method),
        cell_num(r->duration_ms),
        shown.code ? cell_str(err_name_text(shown.name)) : CELL_NULL,
        shown.code ? cell_str(shown.msg) : CELL_NULL,
    };

    log_redact(shown.msg);
    out_row(&report->app->out, cells);
    keep_row(report, app->pipeline->name, r);
    if (r->status != OBJECT_FAILED)
        return;
    if (++report->failed <= REPORT_ERRORS)
        tell(part, &r->error);
}

/* Other errors of an hour are its objects' or the command's own: they are printed there. */
static void on_hour(void *ctx, hour_t hour, enum hour_state state, const struct err *why)
{
    const struct report_part *part = ctx;
    char text[HOUR_TEXT_MAX];

    hour_format(hour, text);
    log_msg(LOG_DEBUG, "hour %s: %s", text, hour_state_text(state));
    bool untold = why && why->code == ERR_FENCED &&
                  part->report->app->told.code != ERR_FENCED; /* of no object */
    if (why && (why->code == ERR_HELD || why->name == ERRN_HOUR_EMPTY || untold))
        tell(part, why);
}

static void begin(struct load_report *report, struct app *app, bool many)
{
    *report = (struct load_report){.app = app, .many = many};
    memcpy(report->columns, report_columns, sizeof report->columns);
    for (int i = 0; many && i < OF_RUN; i++)
        report->columns[i].in = IN_DATA;
    if (!many)
        app_out_run(app, true);
    out_list_begin(&app->out, "objects", report->columns, REPORT_COLUMNS);
}

void report_begin(struct load_report *report, struct app *app)
{
    begin(report, app, false);
    report_add(report, &report->own, app);
}

void report_begin_many(struct load_report *report, struct app *app)
{
    begin(report, app, true);
}

void report_add(struct load_report *report, struct report_part *part, struct app *of)
{
    struct report_part **last = &report->parts;

    while (*last)
        last = &(*last)->next;
    *part = (struct report_part){.report = report, .app = of};
    *last = part;
    of->job.events = (struct job_events){.object = on_object, .hour = on_hour, .ctx = part};
}

static void print_table(struct load_report *report, const struct job_totals *t)
{
    static const struct out_column columns[] = {
        {"pipeline", NULL, OUT_STR, IN_TEXT}, /* of several alone */
        {"object", NULL, OUT_STR, IN_TEXT},   {"status", NULL, OUT_WORD, IN_TEXT},
        {"read", NULL, OUT_INT, IN_TEXT},     {"loaded", NULL, OUT_INT, IN_TEXT},
        {"rejected", NULL, OUT_INT, IN_TEXT}, {"bytes", NULL, OUT_BYTES, IN_TEXT},
        {"time", NULL, OUT_MS, IN_TEXT},
    };
    struct out *out = &report->app->out;
    size_t skip = report->many ? 0 : 1;
    char more[OUT_CELL_MAX];

    out_list_begin(out, "table", columns + skip, sizeof columns / sizeof columns[0] - skip);
    for (size_t i = 0; i < report->n; i++) {
        const struct report_row *r = &report->rows[i];
        const struct out_cell cells[] = {
            cell_str(r->pipeline),  cell_str(r->object),      cell_str(object_status_text(r->status)),
            cell_num(r->rows_read), cell_num(r->rows_loaded), cell_num(r->rows_rejected),
            cell_num(r->bytes),     cell_num(r->duration_ms)};

        out_row(out, cells + skip);
    }
    if (report->seen == (int64_t)report->n) {
        const struct out_cell cells[] = {cell_str("total"),
                                         cell_str(skip ? "total" : NULL),
                                         CELL_NULL,
                                         cell_num(t->rows_read),
                                         cell_num(t->rows_loaded),
                                         cell_num(t->rows_rejected),
                                         cell_num(t->bytes),
                                         cell_num(app_elapsed_ms(report->app))};

        out_row(out, cells + skip);
    }
    out_list_end(out);
    if (report->seen > (int64_t)report->n)
        out_line(out, "... %s more: sluice history%s%s", out_count(report->seen - (int64_t)report->n, more),
                 report->many ? " -c FILE" : " --run ", report->many ? "" : report->app->job.run_id);
}

static void print_totals(struct load_report *report, const struct job_totals *t)
{
    struct out *out = &report->app->out;
    char text[11][OUT_CELL_MAX];

    out_line(out, "read %s = loaded %s + rejected %s; %s, %s", out_count(t->rows_read, text[0]),
             out_count(t->rows_loaded, text[1]), out_count(t->rows_rejected, text[2]),
             out_size(t->bytes, text[3]), out_duration(app_elapsed_ms(report->app), text[4]));
    out_line(out, "%s new, %s replaced, %s loaded before, %s failed, %s ignored; hours: %s%s%s",
             out_count(t->objects - report->replaced, text[5]), out_count(report->replaced, text[10]),
             out_count(t->unchanged, text[6]), out_count(t->failed, text[7]), out_count(t->ignored, text[8]),
             out_count(t->hours, text[9]), report->many ? "" : "; run ",
             report->many ? "" : report->app->job.run_id);
}

/* The list "checks" of what this run committed: read from the books, so that a commit whose answer was lost
 * counts like any other. Books that cannot be read any more keep no result back. */
static void put_checks(struct load_report *report, struct checks_fired *fired)
{
    struct out *out = &report->app->out;
    int64_t shown = 0;

    checks_out_begin(out, IN_JSON, report->many);
    for (struct report_part *part = report->parts; part; part = part->next) {
        struct job *job = &part->app->job;
        struct record_query query = {.run_id = job->run_id};
        struct err unread = ERR_INIT;

        if (job->sink &&
            checks_out(out, job->sink, part->app->pipeline->name, &query, fired, &shown, &unread))
            log_err(LOG_WARN, &unread);
    }
    out_list_end(out);
}

void report_end(struct load_report *report, const struct job_totals *t, const struct err *failed)
{
    static const struct out_column columns[] = {
        {"hours", NULL, OUT_INT, IN_JSON},         {"objects", NULL, OUT_INT, IN_JSON},
        {"unchanged", NULL, OUT_INT, IN_JSON},     {"failed", NULL, OUT_INT, IN_JSON},
        {"ignored", NULL, OUT_INT, IN_JSON},       {"bytes", NULL, OUT_BYTES, IN_JSON},
        {"rows_read", NULL, OUT_INT, IN_JSON},     {"rows_loaded", NULL, OUT_INT, IN_JSON},
        {"rows_rejected", NULL, OUT_INT, IN_JSON}, {"row_hash", NULL, OUT_HASH, IN_JSON},
        {"duration_ms", NULL, OUT_MS, IN_JSON},    {"exit_status", NULL, OUT_INT, IN_JSON},
        {"error_name", NULL, OUT_STR, IN_JSON},    {"error", NULL, OUT_STR, IN_JSON},
    };
    struct app *app = report->app;
    struct err shown = *failed;
    struct checks_fired fired = {0};
    const struct out_cell cells[] = {
        cell_num(t->hours),
        cell_num(t->objects),
        cell_num(t->unchanged),
        cell_num(t->failed),
        cell_num(t->ignored),
        cell_num(t->bytes),
        cell_num(t->rows_read),
        cell_num(t->rows_loaded),
        cell_num(t->rows_rejected),
        cell_num((int64_t)t->row_hash),
        cell_num(app_elapsed_ms(app)),
        cell_num(err_status_worse(app->status, err_status(failed))),
        shown.code ? cell_str(err_name_text(shown.name)) : CELL_NULL,
        shown.code ? cell_str(shown.msg) : CELL_NULL,
    };

    log_redact(shown.msg);
    out_list_end(&app->out);
    if (report->failed > REPORT_ERRORS)
        log_msg(LOG_ERROR, "%lld more objects failed: sluice history%s%s",
                (long long)(report->failed - REPORT_ERRORS), report->many ? " -c FILE" : " --run ",
                report->many ? "" : app->job.run_id);
    print_table(report, t);
    put_checks(report, &fired);
    print_totals(report, t);
    checks_out_fired(&app->out, &fired, report->many ? NULL : app->job.run_id);
    checks_fired_release(&fired);
    out_object(&app->out, "totals", columns, cells, sizeof columns / sizeof columns[0]);
}
