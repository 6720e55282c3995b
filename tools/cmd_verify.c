/*
 * cmd_verify: `sluice verify`: source, ledger and target held against each other.
 *
 * Invariants: programs get every object as it is compared, people those that are not equal; rows named by
 * --show wait until the objects are through (at most OPTIONS_SHOW_MAX, and ROWS_MAX bytes). What follows the
 * totals says what to do, as commands to type.
 */
#include <string.h>

#include "core/base/mem.h"
#include "core/load/verify.h"
#include "tools/app.h"
#include "tools/progress.h"
#include "tools/verify_out.h"

enum { ROWS_MAX = 16 * 1024 * 1024, COMMAND_MAX = 64 * 1024, COLUMNS = 13, SUM_COLUMNS = 13 };

struct state {
    struct app *app;
    enum verify_by by;
    struct buf rows; /* see verify_out.h */
};

static const struct out_column columns[COLUMNS] = {
    {"hour", NULL, OUT_HOUR, IN_ALL},
    {"object", NULL, OUT_STR, IN_DATA},
    {"what", "object", OUT_STR, IN_TEXT},
    {"status", NULL, OUT_WORD, IN_ALL},
    {"source_rows", "source", OUT_INT, IN_ALL},
    {"ledger_rows", "ledger", OUT_INT, IN_ALL},
    {"target_rows", "target", OUT_INT, IN_ALL},
    {"source_rejected", NULL, OUT_INT, IN_DATA},
    {"ledger_rejected", NULL, OUT_INT, IN_DATA},
    {"source_hash", NULL, OUT_HASH, IN_DATA},
    {"ledger_hash", NULL, OUT_HASH, IN_DATA},
    {"target_hash", NULL, OUT_HASH, IN_DATA},
    {"note", NULL, OUT_STR, IN_ALL},
};

/* By hour and table: sums; people see the hashes too. */
static const struct out_column sum_columns[SUM_COLUMNS] = {
    {"hour", NULL, OUT_HOUR, IN_ALL},
    {"status", NULL, OUT_WORD, IN_ALL},
    {"objects", NULL, OUT_INT, IN_ALL},
    {"source_rows", "source", OUT_INT, IN_ALL},
    {"ledger_rows", "ledger", OUT_INT, IN_ALL},
    {"target_rows", "target", OUT_INT, IN_ALL},
    {"source_rejected", NULL, OUT_INT, IN_DATA},
    {"ledger_rejected", NULL, OUT_INT, IN_DATA},
    {"source_hash", "source hash", OUT_HASH, IN_ALL},
    {"ledger_hash", "ledger hash", OUT_HASH, IN_ALL},
    {"target_hash", "target hash", OUT_HASH, IN_ALL},
    {"what", NULL, OUT_STR, IN_DATA},
    {"note", NULL, OUT_STR, IN_ALL},
};

static struct out_cell side(const struct verify_side *s, int64_t value)
{
    return s->known ? cell_num(value) : CELL_NULL;
}

static const char *what_of(const struct verify_result *r)
{
    if (r->by == VERIFY_BY_OBJECT)
        return r->object[0] ? "object" : "unknown rows";
    return r->by == VERIFY_BY_HOUR ? "hour" : "table";
}

static void on_sum(struct app *app, const struct verify_result *r)
{
    const struct out_cell cells[SUM_COLUMNS] = {
        r->by == VERIFY_BY_HOUR ? cell_num(r->hour) : CELL_NULL,
        cell_str(verify_status_text(r->status)),
        cell_num(r->objects),
        side(&r->source, r->source.rows),
        side(&r->ledger, r->ledger.rows),
        side(&r->target, r->target.rows),
        side(&r->source, r->source.rejected),
        side(&r->ledger, r->ledger.rejected),
        side(&r->source, (int64_t)r->source.hash),
        side(&r->ledger, (int64_t)r->ledger.hash),
        side(&r->target, (int64_t)r->target.hash),
        cell_str(what_of(r)),
        cell_str(r->note),
    };

    out_row(&app->out, cells);
}

static void on_result(void *ctx, const struct verify_result *r)
{
    struct state *state = ctx;
    struct app *app = state->app;
    bool whole = !r->object || !r->object[0];
    const char *what = !r->object ? "(the whole table)" : whole ? "(rows of no known load)" : r->object;
    bool people = !r->object || (r->status != VERIFY_EQUAL && r->status != VERIFY_BASELINE);
    const struct out_cell cells[COLUMNS] = {
        whole ? CELL_NULL : cell_num(r->hour),
        cell_str(r->object),
        cell_str(what),
        cell_str(verify_status_text(r->status)),
        side(&r->source, r->source.rows),
        side(&r->ledger, r->ledger.rows),
        side(&r->target, r->target.rows),
        side(&r->source, r->source.rejected),
        side(&r->ledger, r->ledger.rejected),
        side(&r->source, (int64_t)r->source.hash),
        side(&r->ledger, (int64_t)r->ledger.hash),
        side(&r->target, (int64_t)r->target.hash),
        cell_str(r->note),
    };

    if (state->by != VERIFY_BY_OBJECT)
        on_sum(app, r);
    else
        out_row_in(&app->out, people ? IN_ALL : IN_DATA, cells);
}

static void on_row(void *ctx, const struct verify_row *row)
{
    struct state *state = ctx;

    verify_keep_row(&state->rows, row);
}

static void put_totals(struct app *app, const struct verify_totals *t, bool bounded)
{
    static const struct out_column totals[] = {
        {"objects", NULL, OUT_INT, IN_JSON},      {"equal", NULL, OUT_INT, IN_JSON},
        {"different", NULL, OUT_INT, IN_JSON},    {"not_loaded", NULL, OUT_INT, IN_JSON},
        {"gone", NULL, OUT_INT, IN_JSON},         {"baseline", NULL, OUT_INT, IN_JSON},
        {"meanwhile", NULL, OUT_INT, IN_JSON},    {"unknown_rows", NULL, OUT_INT, IN_JSON},
        {"by_object", NULL, OUT_BOOL, IN_JSON},   {"source_rows", NULL, OUT_INT, IN_JSON},
        {"ledger_rows", NULL, OUT_INT, IN_JSON},  {"target_rows", NULL, OUT_INT, IN_JSON},
        {"source_hash", NULL, OUT_HASH, IN_JSON}, {"ledger_hash", NULL, OUT_HASH, IN_JSON},
        {"target_hash", NULL, OUT_HASH, IN_JSON}, {"scanned_rows", NULL, OUT_INT, IN_JSON},
        {"other_schema", NULL, OUT_INT, IN_JSON}, {"unread", NULL, OUT_INT, IN_JSON},
    };
    const struct out_cell cells[] = {
        cell_num(t->objects),
        cell_num(t->equal),
        cell_num(t->different),
        cell_num(t->not_loaded),
        cell_num(t->gone),
        cell_num(t->baseline),
        cell_num(t->meanwhile),
        cell_num(t->unknown_rows),
        cell_num(t->by_object),
        side(&t->source, t->source.rows),
        side(&t->ledger, t->ledger.rows),
        side(&t->target, t->target.rows),
        side(&t->source, (int64_t)t->source.hash),
        side(&t->ledger, (int64_t)t->ledger.hash),
        side(&t->target, (int64_t)t->target.hash),
        cell_num(t->scanned_rows),
        cell_num(t->other_schema),
        cell_num(t->unread),
    };
    struct out *out = &app->out;
    char a[OUT_CELL_MAX], b[OUT_CELL_MAX], c[OUT_CELL_MAX];

    out_object(out, "totals", totals, cells, sizeof totals / sizeof totals[0]);
    out_line(out, "rows: source %s, ledger %s, target %s",
             t->source.known ? out_count(t->source.rows, a) : "not read", out_count(t->ledger.rows, b),
             out_count(t->target.rows, c));
    if (t->by_object && bounded)
        out_line(out, "the target was read whole for it: %s", out_things(t->scanned_rows, "row", "rows", a));
    if (t->gone)
        out_line(out, "%s gone from the source: only ledger and target were compared", out_count(t->gone, a));
    if (t->baseline)
        out_line(out, "%s noted by baseline, left out: what was loaded is not known",
                 out_count(t->baseline, a));
    if (t->other_schema)
        out_line(
            out,
            "%s loaded under another schema: source and target were compared with each other, the ledger "
            "by counts",
            out_count(t->other_schema, a));
    if (t->meanwhile)
        out_line(out, "%s loaded while the target was read, left out: verify again",
                 out_count(t->meanwhile, a));
}

static void judge(const struct verify_totals *t, struct out *out, struct err *err)
{
    char text[4][OUT_CELL_MAX];

    if (t->different + t->not_loaded + t->unknown_rows > 0)
        err_set(err, ERRN_VERIFY_DIFFERENT, "%s, %s not loaded, %s of no load",
                out_things(t->different, "object differs", "objects differ", text[0]),
                out_things(t->not_loaded, "is", "are", text[1]),
                out_things(t->unknown_rows, "row of the target is", "rows of the target are", text[2]));
    else
        out_line(out, "verify: equal (%s%s)", out_things(t->equal, "object", "objects", text[3]),
                 t->table_left_out ? ", but the table was not compared" : "");
}

/* ---- what to do ---- */

/* What a reload needs, and what it takes away. */
struct reload_terms {
    const char *what;
    const char *loses; /* columns that the schema does not have; NULL = none */
};

/* "sluice WORDS" with the options that name this pipeline, as a line for people and a row for programs. */
static enum err_code put_command(struct app *app, const char *what, const char *words, const char *loses,
                                 struct err *err)
{
    struct buf text;

    buf_init(&text, COMMAND_MAX);
    if (buf_append_str(&text, "sluice ", err) == ERR_OK && buf_append_str(&text, words, err) == ERR_OK &&
        app_same_pipeline(app, &text, err) == ERR_OK) {
        out_line(&app->out, "%s: %s", what, buf_str(&text));
        out_row_in(&app->out, IN_JSON,
                   (struct out_cell[]){cell_str(what), cell_str(buf_str(&text)), cell_str(loses)});
    }
    buf_release(&text);
    return err->code;
}

/* The command that loads the hours [from, to) again. */
static enum err_code put_reload(struct app *app, const struct reload_terms *terms, hour_t from, hour_t to,
                                struct err *err)
{
    char a[HOUR_TEXT_MAX], b[HOUR_TEXT_MAX], words[64 + 2 * HOUR_TEXT_MAX];

    hour_format(from, a);
    hour_format(to, b);
    if (to == from + 1)
        snprintf(words, sizeof words, "run --reload -y --hour %s", a);
    else
        snprintf(words, sizeof words, "run --reload -y --from %s --to %s", a, b);
    return put_command(app, terms->what, words, terms->loses, err);
}

static enum err_code put_reloads(struct app *app, const struct verify_reload *r,
                                 const struct reload_terms *terms, struct err *err)
{
    size_t to;

    if (r->more) /* with hours in between that are equal */
        return put_reload(app, terms, r->first, r->last + 1, err);
    for (size_t from = 0; from < r->n && err->code == ERR_OK; from = to) {
        for (to = from + 1; to < r->n && r->at[to] == r->at[to - 1] + 1;)
            to++;
        (void)!put_reload(app, terms, r->at[from], r->at[to - 1] + 1, err);
    }
    return err->code;
}

/* Above the commands: what is to be done before them, and what they take away for good. */
static enum err_code put_reloads_on_terms(struct app *app, const struct verify_totals *t, struct err *err)
{
    struct reload_terms terms = {.what = "to repair"};
    struct sink_state state;
    char text[OUT_CELL_MAX];

    if (t->reload.n == 0)
        return ERR_OK;
    if (sink_describe(app->job.sink, &state, err) == ERR_OK) {
        if (state.others) {
            terms.loses = state.others_names;
            out_line(
                &app->out,
                "a reload loses what its rows have in columns of table %s outside of the schema, for good: "
                "%s",
                app->pipeline->target.table, state.others_names);
        }
        if (t->held_back) {
            terms.what = "to repair, once no row is without _load";
            out_line(
                &app->out,
                "%s rows, and some rows have no _load, which may be those: give them their _load back, or "
                "delete them; a reload refuses until then",
                out_things(t->held_back, "object lost", "objects lost", text));
        }
        (void)!put_reloads(app, &t->reload, &terms, err);
    }
    buf_release(&state.problems);
    return err->code;
}

static enum err_code put_repairs(struct app *app, const struct verify_totals *t, struct err *err)
{
    static const struct out_column repair[] = {{"what", NULL, OUT_STR, IN_JSON},
                                               {"command", NULL, OUT_STR, IN_JSON},
                                               {"loses", NULL, OUT_STR, IN_JSON}};
    struct out *out = &app->out;
    char text[OUT_CELL_MAX];

    out_list_begin(out, "repair", repair, 3);
    if (t->unread)
        out_line(out, "%s could not be read: mend or replace what is in the source first",
                 out_things(t->unread, "object", "objects", text));
    if (t->gone_different)
        out_line(out, "%s gone from the source: put back what is gone, or mend the table by hand",
                 out_things(t->gone_different, "object differs and is", "objects differ and are", text));
    if (t->unknown_rows)
        out_line(
            out,
            "rows of no load are not sluice's to remove; to look at them: SELECT * FROM %s WHERE _load IS "
            "NULL OR _load NOT IN (SELECT id FROM sluice_load)",
            app->pipeline->target.table);
    if (!t->by_object && t->different)
        out_line(out,
                 "nothing can be reloaded without target.lineage: mend the table by hand, or load it anew "
                 "into an empty database");
    if (t->by_object)
        (void)!put_reloads_on_terms(app, t, err);
    if (t->not_loaded && err->code == ERR_OK)
        (void)!put_command(app, "to load what is not loaded", "run", NULL, err);
    out_list_end(out);
    return err->code;
}

static enum err_code take_by(const struct options *o, enum verify_by *by, struct err *err)
{
    static const char *const names[] = {"object", "hour", "table"};

    for (size_t i = 0; i < 3; i++) {
        *by = (enum verify_by)i;
        if (strcmp(o->by ? o->by : names[0], names[i]) == 0)
            return ERR_OK;
    }
    return err_set(err, ERRN_USAGE, "verify: --by takes object, hour or table, not \"%s\"", o->by);
}

static void begin_list(struct app *app, enum verify_by by)
{
    if (by == VERIFY_BY_OBJECT)
        out_list_begin(&app->out, "objects", columns, COLUMNS);
    else
        out_list_begin(&app->out, by == VERIFY_BY_HOUR ? "hours" : "table", sum_columns, SUM_COLUMNS);
}

enum err_code cmd_verify(struct app *app, struct err *err)
{
    struct state state = {.app = app};
    struct verify_options options = {
        .show = app->options->show, .result = on_result, .row = on_row, .ctx = &state};
    struct verify_totals totals = {0};
    struct bar *bar = NULL;

    buf_init(&state.rows, ROWS_MAX);
    if (take_by(app->options, &state.by, err) || app_hours(app, &options.range, err) ||
        app_open(app, APP_SOURCE | APP_READ | APP_STOP, err) || app_begin_out(app, err))
        goto out;
    options.by = state.by;
    app_out_run(app, false);
    begin_list(app, state.by);
    if (bar_start(app->options, &app->progress, &bar, err) == ERR_OK)
        (void)!verify_run(&app->job, &options, &totals, err);
    bar_stop(bar);
    if (app_explain_target(app, err))
        goto out;
    out_list_end(&app->out);
    if (options.show > 0 && verify_put_rows(&app->out, &state.rows, err) != ERR_OK)
        goto out;
    put_totals(app, &totals, options.range.bounded);
    if (put_repairs(app, &totals, err) != ERR_OK)
        goto out;
    if (totals.unread_error.code) {
        app_tell(app, &totals.unread_error);
        app_verdict(app, err_status(&totals.unread_error));
    }
    judge(&totals, &app->out, err);
out:
    buf_release(&state.rows);
    return err->code;
}
