/*
 * api: see api.h.
 *
 * Invariant: the lists and objects are written by the same functions as the commands' results; "books" is
 * added, which says of when they are.
 */
#include "tools/api.h"

#include "tools/history.h"
#include "tools/queue_out.h"

static void put_run(struct out *out, const struct pipeline *p)
{
    static const struct out_column columns[] = {{"pipeline", NULL, OUT_STR, IN_JSON},
                                                {"env", NULL, OUT_STR, IN_JSON}};

    out_object(out, "run", columns, (struct out_cell[]){cell_str(p->name), cell_str(p->env)}, 2);
}

static void put_books(struct out *out, const struct lane_look *look)
{
    static const struct out_column columns[] = {{"as_of", NULL, OUT_TIME, IN_JSON},
                                                {"error_name", NULL, OUT_STR, IN_JSON},
                                                {"error", NULL, OUT_STR, IN_JSON}};
    bool failed = look->books.code != ERR_OK;

    out_object(out, "books", columns,
               (struct out_cell[]){look->snapshot ? cell_num(look->snapshot->as_of_us) : CELL_NULL,
                                   failed ? cell_str(err_name_text(look->books.name)) : CELL_NULL,
                                   failed ? cell_str(look->books.msg) : CELL_NULL},
               3);
}

static enum err_code end(struct out *out, struct err *err)
{
    (void)!out_end(out, err);
    out_release(out);
    return err->code;
}

static enum err_code begin(struct out *out, const struct lane_look *look, struct buf *body, struct err *err)
{
    if (!look->snapshot)
        return err_set(err, ERRN_DB_BUSY, "the books of %s were not read yet", look->pipeline->name);
    if (out_begin_buf(out, body, OUT_JSON, err))
        return err->code;
    put_run(out, look->pipeline);
    put_books(out, look);
    return ERR_OK;
}

enum err_code api_status(const struct lane_look *look, struct buf *body, struct err *err)
{
    struct out out;

    if (begin(&out, look, body, err))
        return err->code;
    hours_out_begin(&out, false);
    hours_out(&out, NULL, &look->snapshot->hours);
    hours_out_end(&out);
    hours_out_totals(&out, &look->snapshot->totals);
    return end(&out, err);
}

enum err_code api_queue(const struct lane_look *look, struct buf *body, struct err *err)
{
    const struct hour_range all = {0};
    struct out out;

    if (begin(&out, look, body, err))
        return err->code;
    queue_out(&out, &look->snapshot->backlog, &all, look->snapshot->others);
    return end(&out, err);
}

enum err_code api_history(const struct app *app, const struct record_query *query, struct buf *body,
                          struct err *err)
{
    struct sink *sink = NULL;
    struct out out;

    if (app_open_target(app, true, 0, &sink, err))
        return err->code;
    if (out_begin_buf(&out, body, OUT_JSON, err) == ERR_OK) {
        put_run(&out, app->pipeline);
        (void)!history_out(&out, sink, query, API_HISTORY_MAX, err);
        (void)!end(&out, err);
    }
    sink_close(sink);
    return err->code;
}

enum err_code api_pipelines(const struct lane_look *looks, size_t n, struct buf *body, struct err *err)
{
    static const struct out_column columns[] = {
        {"pipeline", NULL, OUT_STR, IN_JSON},      {"env", NULL, OUT_STR, IN_JSON},
        {"file", NULL, OUT_STR, IN_JSON},          {"ready", NULL, OUT_BOOL, IN_JSON},
        {"as_of", NULL, OUT_TIME, IN_JSON},        {"queued", NULL, OUT_INT, IN_JSON},
        {"running", NULL, OUT_INT, IN_JSON},       {"retrying", NULL, OUT_INT, IN_JSON},
        {"loaded", NULL, OUT_INT, IN_JSON},        {"failed", NULL, OUT_INT, IN_JSON},
        {"empty", NULL, OUT_INT, IN_JSON},         {"late", NULL, OUT_INT, IN_JSON},
        {"queue_depth", NULL, OUT_INT, IN_JSON},   {"newest", NULL, OUT_HOUR, IN_JSON},
        {"last_success", NULL, OUT_TIME, IN_JSON}, {"working_on", NULL, OUT_HOUR, IN_JSON},
        {"error_name", NULL, OUT_STR, IN_JSON},    {"error", NULL, OUT_STR, IN_JSON},
    };
    static const struct hours_totals none = {.newest = HOUR_MIN - 1};
    struct out out;

    if (out_begin_buf(&out, body, OUT_JSON, err))
        return err->code;
    out_list_begin(&out, "pipelines", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < n; i++) {
        const struct lane_look *l = &looks[i];
        const struct hours_totals *t = l->snapshot ? &l->snapshot->totals : &none;
        bool failed = l->trouble.code != ERR_OK;

        out_row(&out, (struct out_cell[]){
                          cell_str(l->pipeline->name), cell_str(l->pipeline->env), cell_str(l->file),
                          cell_num(l->ready), l->snapshot ? cell_num(l->snapshot->as_of_us) : CELL_NULL,
                          cell_num(t->states[HOUR_QUEUED]), cell_num(t->states[HOUR_RUNNING]),
                          cell_num(t->states[HOUR_RETRYING]), cell_num(t->states[HOUR_LOADED]),
                          cell_num(t->states[HOUR_FAILED]), cell_num(t->states[HOUR_EMPTY]),
                          cell_num(t->late), cell_num(l->snapshot ? l->snapshot->depth : 0),
                          t->newest >= HOUR_MIN ? cell_num(t->newest) : CELL_NULL,
                          l->last_success_us ? cell_num(l->last_success_us) : CELL_NULL,
                          l->working ? cell_num(l->hour) : CELL_NULL,
                          failed ? cell_str(err_name_text(l->trouble.name)) : CELL_NULL,
                          failed ? cell_str(l->trouble.msg) : CELL_NULL});
    }
    out_list_end(&out);
    return end(&out, err);
}
