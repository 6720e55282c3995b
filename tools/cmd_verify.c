/*
 * cmd_verify: `sluice verify`: source, ledger and target held against each other.
 *
 * Invariants: programs get every object as it is compared, people those that are not equal; rows named by
 * --show wait until the objects are through (at most OPTIONS_SHOW_MAX, and ROWS_MAX bytes).
 */
#include <string.h>

#include "core/base/mem.h"
#include "core/load/verify.h"
#include "tools/app.h"
#include "tools/progress.h"

enum { ROWS_MAX = 16 * 1024 * 1024, ROW_TEXT_MAX = 3 * 1024, COLUMNS = 13 };

struct state {
    struct app *app;
    struct buf rows; /* struct row_head, object, text, one behind the other */
};

struct row_head {
    bool in_source;
    int64_t line;
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

static struct out_cell side(const struct verify_side *s, int64_t value)
{
    return s->known ? cell_num(value) : CELL_NULL;
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

    out_row_in(&app->out, people ? IN_ALL : IN_DATA, cells);
}

/* Keeps the row; what has no room is left out: --show names examples. */
static void on_row(void *ctx, const struct verify_row *r)
{
    struct state *state = ctx;
    struct row_head head = {r->in_source, r->line};
    struct err err = ERR_INIT;
    size_t mark = state->rows.len;
    size_t len = strnlen(r->text, ROW_TEXT_MAX);

    if (buf_append(&state->rows, &head, sizeof head, &err) ||
        buf_append(&state->rows, r->object ? r->object : "", strlen(r->object ? r->object : "") + 1, &err) ||
        buf_append(&state->rows, r->text, len, &err) || buf_append_char(&state->rows, '\0', &err))
        state->rows.len = mark;
}

static void put_rows(struct state *state)
{
    static const struct out_column row_columns[] = {{"object", NULL, OUT_STR, IN_ALL},
                                                    {"line", NULL, OUT_NUMBER, IN_ALL},
                                                    {"only_in", "only in", OUT_STR, IN_ALL},
                                                    {"row", NULL, OUT_STR, IN_ALL}};
    struct out *out = &state->app->out;
    const char *p = state->rows.data, *end = p ? p + state->rows.len : p;

    out_list_begin(out, "rows", row_columns, 4);
    while (p < end) {
        struct row_head head;
        const char *object, *text;

        memcpy(&head, p, sizeof head);
        object = p + sizeof head;
        text = object + strlen(object) + 1;
        p = text + strlen(text) + 1;
        out_row(out, (struct out_cell[]){cell_str(object), head.line ? cell_num(head.line) : CELL_NULL,
                                         cell_str(head.in_source ? "source" : "target"), cell_str(text)});
    }
    out_list_end(out);
}

static void put_totals(struct app *app, const struct verify_totals *t)
{
    static const struct out_column totals[] = {
        {"objects", NULL, OUT_INT, IN_JSON},      {"equal", NULL, OUT_INT, IN_JSON},
        {"different", NULL, OUT_INT, IN_JSON},    {"not_loaded", NULL, OUT_INT, IN_JSON},
        {"gone", NULL, OUT_INT, IN_JSON},         {"baseline", NULL, OUT_INT, IN_JSON},
        {"meanwhile", NULL, OUT_INT, IN_JSON},    {"unknown_rows", NULL, OUT_INT, IN_JSON},
        {"by_object", NULL, OUT_BOOL, IN_JSON},   {"source_rows", NULL, OUT_INT, IN_JSON},
        {"ledger_rows", NULL, OUT_INT, IN_JSON},  {"target_rows", NULL, OUT_INT, IN_JSON},
        {"source_hash", NULL, OUT_HASH, IN_JSON}, {"ledger_hash", NULL, OUT_HASH, IN_JSON},
        {"target_hash", NULL, OUT_HASH, IN_JSON},
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
    };
    struct out *out = &app->out;
    char a[OUT_CELL_MAX], b[OUT_CELL_MAX], c[OUT_CELL_MAX];

    out_object(out, "totals", totals, cells, sizeof totals / sizeof totals[0]);
    out_line(out, "rows: source %s, ledger %s, target %s",
             t->source.known ? out_count(t->source.rows, a) : "not read", out_count(t->ledger.rows, b),
             out_count(t->target.rows, c));
    if (t->gone)
        out_line(out, "%s gone from the source: only ledger and target were compared", out_count(t->gone, a));
    if (t->baseline)
        out_line(out, "%s noted by baseline, left out: what was loaded is not known",
                 out_count(t->baseline, a));
    if (t->meanwhile)
        out_line(out, "%s loaded while the target was read, left out: verify again",
                 out_count(t->meanwhile, a));
}

static void judge(const struct verify_totals *t, struct out *out, struct err *err)
{
    char text[4][OUT_CELL_MAX];

    if (t->different + t->not_loaded + t->unknown_rows > 0)
        err_set(err, ERRN_VERIFY_DIFFERENT,
                "%s objects differ, %s are not loaded, %s rows of the target are of no load",
                out_count(t->different, text[0]), out_count(t->not_loaded, text[1]),
                out_count(t->unknown_rows, text[2]));
    else
        out_line(out, "verify: equal (%s objects)", out_count(t->equal, text[3]));
}

enum err_code cmd_verify(struct app *app, struct err *err)
{
    struct state state = {.app = app};
    struct verify_options options = {
        .show = app->options->show, .result = on_result, .row = on_row, .ctx = &state};
    struct verify_totals totals = {0};
    struct bar *bar = NULL;

    buf_init(&state.rows, ROWS_MAX);
    if (app_hours(app, &options.range, err) || app_open(app, APP_SOURCE | APP_READ | APP_STOP, err) ||
        app_begin_out(app, err))
        goto out;
    app_out_run(app, false);
    out_list_begin(&app->out, "objects", columns, COLUMNS);
    if (bar_start(app->options, &app->progress, &bar, err) == ERR_OK)
        (void)!verify_run(&app->job, &options, &totals, err);
    bar_stop(bar);
    if (err->code)
        goto out;
    out_list_end(&app->out);
    if (options.show > 0)
        put_rows(&state);
    put_totals(app, &totals);
    judge(&totals, &app->out, err);
out:
    buf_release(&state.rows);
    return err->code;
}
