/*
 * cmd_rejects: `sluice rejects ls`, `show`, `replay`.
 *
 * Invariant: `show` prints the kept bytes as they are and nothing else, but for a line feed between two
 * records where the first has none.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/load/replay.h"
#include "tools/app.h"

enum { ARENA_MAX = 40 * 1024 * 1024 };

typedef void reject_fn(struct app *app, const struct reject *reject, void *ctx);

/* Each reject that the query chooses, at most `limit`, by id. */
static enum err_code each_reject(struct app *app, struct record_query query, int64_t limit, reject_fn *fn,
                                 void *ctx, struct err *err)
{
    struct reject *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct buf arena;
    size_t n = 0;

    buf_init(&arena, ARENA_MAX);
    if (!rows)
        err_nomem(err);
    while (limit > 0 && err->code == ERR_OK &&
           sink_reject_page(app->job.sink, &query, rows, limit < REC_PAGE ? (size_t)limit : REC_PAGE, &n,
                            &arena, err) == ERR_OK &&
           n > 0) {
        for (size_t i = 0; i < n; i++)
            fn(app, &rows[i], ctx);
        query.after_id = rows[n - 1].id;
        limit -= (int64_t)n;
    }
    buf_release(&arena);
    mem_free(rows);
    return err->code;
}

/* ---- ls ---- */

enum { COLUMNS = 15 };

static const struct out_column columns[COLUMNS] = {
    {"id", NULL, OUT_NUMBER, IN_ALL},
    {"of", NULL, OUT_STR, IN_TEXT},
    {"hour", NULL, OUT_HOUR, IN_ALL},
    {"object", NULL, OUT_STR, IN_ALL},
    {"line", NULL, OUT_INT, IN_ALL},
    {"offset", NULL, OUT_INT, IN_DATA},
    {"length", NULL, OUT_INT, IN_DATA},
    {"kept", NULL, OUT_INT, IN_DATA},
    {"column", NULL, OUT_STR, IN_ALL},
    {"error_name", "error", OUT_STR, IN_ALL},
    {"error", "message", OUT_STR, IN_ALL},
    {"run_id", NULL, OUT_STR, IN_DATA},
    {"load_id", NULL, OUT_NUMBER, IN_DATA},
    {"attempt_id", NULL, OUT_NUMBER, IN_DATA},
    {"replayed_by", "replayed by", OUT_NUMBER, IN_ALL},
};

static void list_one(struct app *app, const struct reject *r, void *ctx)
{
    int64_t *count = ctx;
    const struct out_cell cells[COLUMNS] = {
        cell_num(r->id),
        cell_str(r->load_id ? "load" : "attempt"),
        cell_num(r->hour),
        cell_str(r->object),
        cell_num(r->line),
        cell_num(r->offset),
        cell_num(r->length),
        cell_num((int64_t)r->raw_len),
        cell_str(r->column),
        cell_str(r->error_name),
        cell_str(r->message),
        cell_str(r->run_id),
        r->load_id ? cell_num(r->load_id) : CELL_NULL,
        r->attempt_id ? cell_num(r->attempt_id) : CELL_NULL,
        r->replayed_by ? cell_num(r->replayed_by) : CELL_NULL,
    };

    out_row(&app->out, cells);
    (*count)++;
}

enum err_code cmd_rejects_ls(struct app *app, struct err *err)
{
    static const struct out_column totals[] = {{"rejects", NULL, OUT_INT, IN_JSON}};
    int64_t count = 0;
    char text[OUT_CELL_MAX];

    if (app_open(app, APP_PIPELINE | APP_READ, err) || app_begin_out(app, err))
        return err->code;
    app_out_run(app, false);
    out_list_begin(&app->out, "rejects", columns, COLUMNS);
    if (each_reject(app, app_record_query(app), INT64_MAX, list_one, &count, err))
        return err->code;
    out_list_end(&app->out);
    out_object(&app->out, "totals", totals, (struct out_cell[]){cell_num(count)}, 1);
    out_line(&app->out, "%s", out_things(count, "reject", "rejects", text));
    return ERR_OK;
}

/* ---- show ---- */

struct shown {
    int64_t wanted; /* only this id; 0 = any */
    int64_t count;
    bool open_line; /* the last record had no line end */
};

static void show_one(struct app *app, const struct reject *r, void *ctx)
{
    struct shown *shown = ctx;

    if (shown->wanted && r->id != shown->wanted)
        return;
    if (shown->open_line)
        out_bytes(&app->out, "\n", 1);
    out_bytes(&app->out, r->raw, r->raw_len);
    shown->open_line = r->raw_len == 0 || (r->raw[r->raw_len - 1] != '\n' && r->raw[r->raw_len - 1] != '\r');
    shown->count++;
}

static enum err_code show_id(struct app *app, const char *text, struct shown *shown, struct err *err)
{
    char *end;
    int64_t before = shown->count;

    errno = 0;
    shown->wanted = strtoll(text, &end, 10);
    if (errno || end == text || *end || shown->wanted <= 0)
        return err_set(err, ERRN_USAGE, "rejects show: \"%s\" is no ID of `sluice rejects ls`", text);
    /* A page begins behind an id: only the row right behind can be the one. */
    if (each_reject(app, (struct record_query){.after_id = shown->wanted - 1}, 1, show_one, shown, err))
        return err->code;
    if (shown->count == before)
        return err_set(err, ERRN_NOT_FOUND, "there is no reject with the ID %s", text);
    return ERR_OK;
}

enum err_code cmd_rejects_show(struct app *app, struct err *err)
{
    const struct options *o = app->options;
    struct shown shown = {0};

    if (app_open(app, APP_PIPELINE | APP_READ, err) || app_begin_out(app, err))
        return err->code;
    if (o->nargs == 0)
        return each_reject(app, app_record_query(app), INT64_MAX, show_one, &shown, err);
    for (size_t i = 0; i < o->nargs && err->code == ERR_OK; i++)
        (void)!show_id(app, o->args[i], &shown, err);
    return err->code;
}

/* ---- replay ---- */

static void count_sample(struct app *app, const struct reject *r, void *ctx)
{
    int64_t *count = ctx;

    (void)app;
    *count += !r->load_id;
}

/* What `rejects ls` shows and replay leaves out is explained where nothing else was there to try. */
static enum err_code put_samples(struct app *app, struct err *err)
{
    int64_t count = 0;
    char text[OUT_CELL_MAX];

    if (each_reject(app, app_record_query(app), INT64_MAX, count_sample, &count, err) || count == 0)
        return err->code;
    out_line(&app->out, "%s of failed attempts left out: raise policy.max_rejects and run",
             out_things(count, "sample", "samples", text));
    return ERR_OK;
}

enum err_code cmd_rejects_replay(struct app *app, struct err *err)
{
    static const struct out_column totals[] = {
        {"objects", NULL, OUT_INT, IN_DATA}, {"tried", NULL, OUT_INT, IN_DATA},
        {"loaded", NULL, OUT_INT, IN_DATA},  {"still_rejected", NULL, OUT_INT, IN_DATA},
        {"refused", NULL, OUT_INT, IN_DATA},
    };
    struct record_query query = app_record_query(app);
    struct replay_totals t = {0};
    char text[5][OUT_CELL_MAX];

    if (app_open(app, APP_SOURCE | APP_WRITE | APP_STOP, err) || app_begin_out(app, err))
        return err->code;
    app_out_run(app, true);
    (void)!replay_rejects(&app->job, &query, &t, err);
    out_list_begin(&app->out, "replay", totals, 5);
    out_row(&app->out, (struct out_cell[]){cell_num(t.objects), cell_num(t.tried), cell_num(t.loaded),
                                           cell_num(t.still_rejected), cell_num(t.refused)});
    out_list_end(&app->out);
    out_line(&app->out, "tried %s = loaded %s + still rejected %s; %s refused (cut); objects: %s; run %s",
             out_count(t.tried, text[0]), out_count(t.loaded, text[1]), out_count(t.still_rejected, text[2]),
             out_count(t.refused, text[3]), out_count(t.objects, text[4]), app->job.run_id);
    if (err->code == ERR_OK && t.tried + t.refused == 0 && put_samples(app, err))
        return err->code;
    if (err->code == ERR_OK && t.refused > 0)
        err_set(err, ERRN_REPLAY_REFUSED, "%s records were cut when they were kept; load their objects again",
                out_count(t.refused, text[0]));
    return err->code;
}
