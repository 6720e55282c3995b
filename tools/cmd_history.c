/*
 * cmd_history: `sluice history`: what was loaded and what failed, oldest first.
 *
 * Two streams, ledger rows and attempts, each read in pages by id, are merged by time: memory is two pages.
 */
#include "tools/history.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/app.h"
#include "tools/checks.h"

/* One stream with its page. */
struct pages {
    struct ledger_row *loads;
    struct attempt *attempts;
    struct ledger_query load_query;
    struct record_query attempt_query;
    size_t nload, load_at, nattempt, attempt_at;
    int64_t shown[2]; /* loads, attempts */
};

static enum err_code next_load(struct sink *sink, struct pages *p, const struct ledger_row **row,
                               struct err *err)
{
    *row = NULL;
    if (p->load_at == p->nload) {
        if (p->nload)
            p->load_query.after_id = p->loads[p->nload - 1].id;
        p->load_at = 0;
        if (sink_ledger_page(sink, &p->load_query, p->loads, REC_PAGE, &p->nload, err))
            return err->code;
    }
    if (p->nload)
        *row = &p->loads[p->load_at];
    return ERR_OK;
}

static enum err_code next_attempt(struct sink *sink, struct pages *p, const struct attempt **row,
                                  struct err *err)
{
    *row = NULL;
    if (p->attempt_at == p->nattempt) {
        if (p->nattempt)
            p->attempt_query.after_id = p->attempts[p->nattempt - 1].id;
        p->attempt_at = 0;
        if (sink_attempt_page(sink, &p->attempt_query, p->attempts, REC_PAGE, &p->nattempt, err))
            return err->code;
    }
    if (p->nattempt)
        *row = &p->attempts[p->attempt_at];
    return ERR_OK;
}

enum { COLUMNS = 18 };

static const struct out_column columns[COLUMNS] = {
    {"time", NULL, OUT_TIME, IN_ALL},
    {"run_id", "run", OUT_STR, IN_ALL},
    {"hour", NULL, OUT_HOUR, IN_ALL},
    {"object", NULL, OUT_STR, IN_ALL},
    {"chunk", NULL, OUT_NUMBER, IN_DATA},
    {"status", NULL, OUT_WORD, IN_ALL},
    {"etag", NULL, OUT_STR, IN_DATA},
    {"bytes", NULL, OUT_BYTES, IN_ALL},
    {"rows_read", "read", OUT_INT, IN_ALL},
    {"rows_loaded", "loaded", OUT_INT, IN_ALL},
    {"rows_rejected", "rejected", OUT_INT, IN_ALL},
    {"row_hash", NULL, OUT_HASH, IN_DATA},
    {"load_method", NULL, OUT_STR, IN_DATA},
    {"duration_ms", NULL, OUT_MS, IN_DATA},
    {"load_id", NULL, OUT_NUMBER, IN_DATA},
    {"attempt_id", NULL, OUT_NUMBER, IN_DATA},
    {"error_name", "error", OUT_STR, IN_ALL},
    {"error", "message", OUT_STR, IN_ALL},
};

/* What a row of the ledger is called: as in the result of `run`, but for replay and baseline. */
static const char *status_of(const struct ledger_row *r)
{
    return r->kind == LOAD_KIND_LOAD ? object_status_text(OBJECT_LOADED) : load_kind_text(r->kind);
}

static void put_load(struct out *out, const struct ledger_row *r)
{
    const struct out_cell cells[COLUMNS] = {
        cell_num(r->finished_us),
        cell_str(r->run_id),
        cell_num(r->hour),
        cell_str(r->object),
        cell_num(r->chunk),
        cell_str(status_of(r)),
        cell_str(r->etag),
        cell_num(r->bytes),
        cell_num(r->rows_read),
        cell_num(r->rows_loaded),
        cell_num(r->rows_rejected),
        r->kind == LOAD_KIND_BASELINE ? CELL_NULL : cell_num((int64_t)r->row_hash),
        cell_str(r->load_method),
        cell_num((r->finished_us - r->started_us) / 1000),
        cell_num(r->id),
        CELL_NULL,
        CELL_NULL,
        CELL_NULL,
    };

    out_row(out, cells);
}

static void put_attempt(struct out *out, const struct attempt *a)
{
    char message[sizeof a->message];

    memcpy(message, a->message, sizeof message);
    log_redact(message);
    const struct out_cell cells[COLUMNS] = {
        cell_num(a->at_us),
        cell_str(a->run_id),
        cell_num(a->hour),
        cell_str(a->object),
        CELL_NULL,
        cell_str(object_status_text(OBJECT_FAILED)),
        CELL_NULL,
        cell_num(a->bytes),
        cell_num(a->rows_read),
        cell_num(a->rows_loaded),
        cell_num(a->rows_rejected),
        CELL_NULL,
        CELL_NULL,
        CELL_NULL,
        CELL_NULL,
        cell_num(a->id),
        cell_str(a->error_name),
        cell_str(message),
    };

    out_row(out, cells);
}

static enum err_code merge(struct out *out, struct sink *sink, struct pages *p, int64_t max, struct err *err)
{
    const struct ledger_row *load;
    const struct attempt *attempt;

    while (next_load(sink, p, &load, err) == ERR_OK && next_attempt(sink, p, &attempt, err) == ERR_OK &&
           (load || attempt)) {
        if (p->shown[0] + p->shown[1] == max)
            return err_set(err, ERRN_LIMIT, "more than %lld loads; `sluice history` shows them all",
                           (long long)max);
        if (load && (!attempt || load->finished_us <= attempt->at_us)) {
            put_load(out, load);
            p->shown[0]++;
            p->load_at++;
        } else {
            put_attempt(out, attempt);
            p->shown[1]++;
            p->attempt_at++;
        }
    }
    out_list_end(out);
    return err->code;
}

static void put_totals(struct out *out, const struct pages *p)
{
    static const struct out_column totals[] = {{"loads", NULL, OUT_INT, IN_JSON},
                                               {"failed", NULL, OUT_INT, IN_JSON}};
    char loads[OUT_CELL_MAX], failed[OUT_CELL_MAX];

    out_object(out, "totals", totals, (struct out_cell[]){cell_num(p->shown[0]), cell_num(p->shown[1])}, 2);
    out_line(out, "%s, %s", out_things(p->shown[0], "load", "loads", loads),
             out_things(p->shown[1], "failed attempt", "failed attempts", failed));
}

enum err_code history_out(struct out *out, struct sink *sink, const struct record_query *query, int64_t max,
                          struct err *err)
{
    struct pages p = {
        .load_query = {.order = LEDGER_BY_ID,
                       .run_id = query->run_id,
                       .object = query->object,
                       .has_hour = query->has_hour,
                       .hour = query->hour},
        .attempt_query = *query,
    };

    p.loads = mem_alloc(REC_PAGE * sizeof *p.loads);
    p.attempts = mem_alloc(REC_PAGE * sizeof *p.attempts);
    if (!p.loads || !p.attempts) {
        err_nomem(err);
    } else {
        out_list_begin(out, "objects", columns, COLUMNS);
        if (merge(out, sink, &p, max, err) == ERR_OK)
            put_totals(out, &p);
    }
    mem_free(p.loads);
    mem_free(p.attempts);
    return err->code;
}

static enum err_code list_checks(struct app *app, const struct record_query *query, struct err *err)
{
    static const struct out_column totals[] = {{"checks", NULL, OUT_INT, IN_JSON},
                                               {"fired", NULL, OUT_INT, IN_JSON}};
    struct checks_fired fired = {0};
    struct out *out = &app->out;
    int64_t shown = 0;
    char all[OUT_CELL_MAX], bad[OUT_CELL_MAX];

    checks_out_begin(out, IN_ALL, false);
    if (checks_out(out, app->job.sink, NULL, query, &fired, &shown, err) == ERR_OK) {
        out_list_end(out);
        out_object(out, "totals", totals, (struct out_cell[]){cell_num(shown), cell_num(fired.all)}, 2);
        out_line(out, "%s of checks, %s fired", out_things(shown, "result", "results", all),
                 out_count(fired.all, bad));
    }
    checks_fired_release(&fired);
    return err->code;
}

enum err_code cmd_history(struct app *app, struct err *err)
{
    struct record_query query = app_record_query(app);

    if (app_open(app, APP_PIPELINE | APP_READ, err) || app_begin_out(app, err))
        return err->code;
    app_out_run(app, false);
    if (app->options->given[OPT_CHECKS])
        return list_checks(app, &query, err);
    return history_out(&app->out, app->job.sink, &query, INT64_MAX, err);
}
