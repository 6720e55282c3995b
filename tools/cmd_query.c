/*
 * cmd_query: `sluice query`: SQL over the source files, or over the target.
 *
 * Invariants: rows go out as they come, none is kept; the target is opened for --target alone, and then
 * read-only, the source otherwise; what a query refused or read is told beside the result, never in it.
 */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "backends/query_sqlite.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/app.h"

enum { NAME_MAX_SUFFIX = 16, BLOBS_MAX = 256 * 1024 * 1024 };

/* The rows of an answer on their way out. */
struct rows {
    struct app *app;
    struct out_column *columns;
    struct out_cell *cells;
    char **keys; /* names for programs: no two are the same */
    size_t n;
    int64_t count;
    struct buf hex; /* of the blobs of a row */
};

static bool is_there(char *const *keys, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(keys[i], name) == 0)
            return true;
    return false;
}

/* The name, or "name:2", as SQLite itself tells columns of one name apart. */
static enum err_code name_column(struct rows *r, const char *name, struct err *err)
{
    size_t cap = strlen(name) + NAME_MAX_SUFFIX;
    char *key = mem_alloc(cap);

    if (!key)
        return err_nomem(err);
    snprintf(key, cap, "%s", name);
    for (unsigned i = 2; is_there(r->keys, r->n, key); i++)
        snprintf(key, cap, "%s:%u", name, i);
    r->keys[r->n] = key;
    r->columns[r->n] = (struct out_column){.key = key, .kind = OUT_VALUE, .in = IN_ALL};
    r->n++;
    return ERR_OK;
}

static enum err_code on_columns(void *ctx, const char *const *names, size_t n, struct err *err)
{
    static const struct out_column list[] = {{"name", NULL, OUT_STR, IN_JSON}};
    struct rows *r = ctx;
    struct out *out = &r->app->out;

    r->columns = mem_calloc(n, sizeof *r->columns);
    r->cells = mem_calloc(n, sizeof *r->cells);
    r->keys = mem_calloc(n, sizeof *r->keys);
    if (!r->columns || !r->cells || !r->keys)
        return err_nomem(err);
    for (size_t i = 0; i < n; i++)
        if (name_column(r, names[i], err))
            return err->code;
    out_list_begin(out, "columns", list, 1);
    for (size_t i = 0; i < n; i++)
        out_row(out, (struct out_cell[]){{.str = r->keys[i]}});
    out_list_end(out);
    out_list_begin(out, "rows", r->columns, n);
    return ERR_OK;
}

/* Bytes that are no text, as hex digits; their place, since the buffer may move while the row grows. */
static enum err_code put_hex(struct rows *r, const struct answer_value *v, size_t *at, struct err *err)
{
    static const char digits[] = "0123456789abcdef";

    *at = r->hex.len;
    if (buf_reserve(&r->hex, 2 * v->len + 1, err))
        return err->code;
    for (size_t i = 0; i < v->len; i++) {
        unsigned char byte = (unsigned char)v->data[i];
        r->hex.data[r->hex.len++] = digits[byte >> 4];
        r->hex.data[r->hex.len++] = digits[byte & 15];
    }
    return buf_append_char(&r->hex, '\0', err);
}

static enum err_code on_row(void *ctx, const struct answer_value *values, size_t n, struct err *err)
{
    struct rows *r = ctx;
    struct app *app = r->app;

    buf_clear(&r->hex);
    for (size_t i = 0; i < n; i++) {
        const struct answer_value *v = &values[i];
        struct out_cell *cell = &r->cells[i];
        size_t at = 0;
        bool bytes = v->kind == ANSWER_BLOB || (v->kind == ANSWER_TEXT && memchr(v->data, '\0', v->len));

        *cell = (struct out_cell){.null = v->kind == ANSWER_NULL, .kind = OUT_STR, .str = v->data};
        if (v->kind == ANSWER_INT)
            *cell = (struct out_cell){.kind = OUT_NUMBER, .num = v->num};
        else if (v->kind == ANSWER_REAL)
            *cell = (struct out_cell){.kind = OUT_REAL, .real = v->real};
        if (bytes && put_hex(r, v, &at, err))
            return err->code;
        cell->num = bytes ? (int64_t)at : cell->num;
        if (bytes)
            cell->str = NULL;
    }
    for (size_t i = 0; i < n; i++)
        if (!r->cells[i].null && r->cells[i].kind == OUT_STR && !r->cells[i].str)
            r->cells[i].str = r->hex.data + r->cells[i].num;
    out_row(&app->out, r->cells);
    r->count++;
    if (out_is_open(&app->out) || app->out.nstreams > 1)
        return ERR_OK;
    /* Nobody takes the rest; out_end says why. */
    app->told = app->out.streams[0].err;
    *err = app->told;
    return err->code;
}

static void rows_release(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++)
        mem_free(r->keys[i]);
    mem_free(r->keys);
    mem_free(r->columns);
    mem_free(r->cells);
    buf_release(&r->hex);
}

/* ---- the SQL ---- */

static enum err_code read_stdin(struct buf *sql, struct err *err)
{
    struct err full = ERR_INIT;
    char block[4096];
    ssize_t n;

    while ((n = read(STDIN_FILENO, block, sizeof block)) > 0)
        if (buf_append(sql, block, (size_t)n, &full))
            return err_set(err, ERRN_QUERY, "SQL: more than %d bytes", ANSWER_SQL_MAX);
    if (n < 0)
        return err_set(err, ERRN_IO, "stdin cannot be read");
    if (sql->len && memchr(sql->data, '\0', sql->len))
        return err_set(err, ERRN_QUERY, "SQL: a NUL byte: stdin is no text");
    return ERR_OK;
}

/* ---- the source ---- */

static void tell_refused(const struct query_totals *t)
{
    char count[OUT_CELL_MAX];

    if (t->refused > 0)
        log_msg(LOG_WARN, "%s%s record%s refused by the schema or a check, and left out here (first: %s)",
                t->more ? "more than " : "", out_count(t->refused, count), t->refused == 1 ? " is" : "s are",
                t->first);
}

/* A count of 0 says nothing where the hours were the wrong ones; a date alone is its hour 00. */
static void tell_no_object(const struct options *o, const struct query_totals *t)
{
    char day[HOUR_TEXT_MAX], next[HOUR_TEXT_MAX];

    if (t->readings == 0 || t->scans.objects > 0 || (!o->given[OPT_HOUR] && !o->given[OPT_FROM]))
        return;
    if (!o->given[OPT_HOUR] || o->hour % 24 != 0) {
        log_msg(LOG_WARN, "no object was read: none matches these hours and the query");
        return;
    }
    hour_format(o->hour, day);
    hour_format(o->hour + 24, next);
    log_msg(
        LOG_WARN,
        "no object was read: none matches --hour %s and the query; the whole day is --from %.10s --to %.10s",
        day, day, next);
}

static void put_totals(struct app *app, const struct query_totals *t)
{
    static const struct out_column columns[] = {
        {"rows", NULL, OUT_INT, IN_JSON},    {"listed", NULL, OUT_INT, IN_JSON},
        {"ignored", NULL, OUT_INT, IN_JSON}, {"passed", NULL, OUT_INT, IN_JSON},
        {"objects", NULL, OUT_INT, IN_JSON}, {"bytes", NULL, OUT_BYTES, IN_JSON},
        {"records", NULL, OUT_INT, IN_JSON}, {"refused", NULL, OUT_INT, IN_JSON},
    };
    const struct scan_counts *s = &t->scans;
    const struct out_cell cells[] = {
        cell_num(t->rows),    cell_num(s->listed), cell_num(s->ignored), cell_num(s->passed),
        cell_num(s->objects), cell_num(s->bytes),  cell_num(s->records), cell_num(t->refused),
    };

    out_object(&app->out, "totals", columns, cells, sizeof columns / sizeof columns[0]);
    log_msg(LOG_DEBUG, "%" PRId64 " objects listed, %" PRId64 " passed over, %" PRId64 " read", s->listed,
            s->passed + s->ignored, s->objects);
}

static const struct out_column plan_columns[] = {
    {"id", NULL, OUT_NUMBER, IN_JSON},
    {"parent", NULL, OUT_NUMBER, IN_JSON},
    {"plan", NULL, OUT_STR, IN_JSON | IN_TEXT},
};
static const struct out_column part_columns[] = {
    {"table", NULL, OUT_STR, IN_ALL},           {"where", NULL, OUT_STR, IN_ALL},
    {"from", NULL, OUT_HOUR, IN_ALL},           {"to", NULL, OUT_HOUR, IN_ALL},
    {"prefix", NULL, OUT_STR, IN_ALL},          {"listings", NULL, OUT_INT, IN_ALL},
    {"objects", "to read", OUT_INT, IN_ALL},    {"bytes", NULL, OUT_BYTES, IN_ALL},
    {"passed", "passed over", OUT_INT, IN_ALL}, {"ignored", NULL, OUT_INT, IN_DATA},
    {"exact", NULL, OUT_BOOL, IN_DATA},
};
enum { PLAN_COLUMNS = 3, PART_COLUMNS = 11 };

enum { DEPTH_MAX = 16, STEPS_MAX = 256 };

struct step {
    int64_t id;
    size_t depth;
};

struct explained {
    struct app *app;
    bool parts;                   /* the list of parts is open */
    bool estimates;               /* some of them depend on rows of another table */
    struct step steps[STEPS_MAX]; /* that others may stand below */
    size_t nsteps;
};

static enum err_code on_step(void *ctx, int64_t id, int64_t parent, const char *detail, struct err *err)
{
    struct explained *x = ctx;
    size_t depth = 0;
    struct buf text;

    for (size_t i = 0; i < x->nsteps; i++)
        if (x->steps[i].id == parent && x->steps[i].depth < DEPTH_MAX)
            depth = x->steps[i].depth + 1;
    if (x->nsteps < STEPS_MAX)
        x->steps[x->nsteps++] = (struct step){id, depth};
    buf_init(&text, strlen(detail) + 2 * DEPTH_MAX + 3);
    if (buf_printf(&text, err, "%*s%s", (int)(2 * depth), "", detail) == ERR_OK) {
        out_row_in(&x->app->out, IN_TEXT,
                   (struct out_cell[]){CELL_NULL, CELL_NULL, cell_str(buf_str(&text))});
        out_row_in(&x->app->out, IN_JSON,
                   (struct out_cell[]){cell_num(id), cell_num(parent), cell_str(detail)});
    }
    buf_release(&text);
    return err->code;
}

static void begin_parts(struct explained *x)
{
    if (x->parts)
        return;
    x->parts = true;
    out_list_end(&x->app->out);
    out_list_begin(&x->app->out, "reads", part_columns, PART_COLUMNS);
}

static enum err_code on_part(void *ctx, const struct query_part *p, struct err *err)
{
    struct explained *x = ctx;
    bool hours = p->prefix && p->range.bounded;
    hour_t first_year = HOUR_MIN + 366 * 24, last_year = HOUR_MAX - 366 * 24; /* what no year bounds */

    (void)err;
    begin_parts(x);
    x->estimates |= p->estimate;
    out_row(&x->app->out,
            (struct out_cell[]){cell_str(p->table), cell_str(p->terms),
                                hours && p->range.from > first_year ? cell_num(p->range.from) : CELL_NULL,
                                hours && p->range.to < last_year ? cell_num(p->range.to) : CELL_NULL,
                                cell_str(p->prefix), cell_num(p->readings), cell_num(p->counts.objects),
                                cell_num(p->counts.bytes), cell_num(p->counts.passed),
                                cell_num(p->counts.ignored), cell_num(!p->estimate)});
    return ERR_OK;
}

static enum err_code explain(struct app *app, struct query *query, const char *sql, struct err *err)
{
    struct explained x = {.app = app};
    const struct query_plan_fn fn = {on_part, on_step, &x};

    out_list_begin(&app->out, "plan", plan_columns, PLAN_COLUMNS);
    if (query_explain(query, sql, &fn, err))
        return err->code;
    begin_parts(&x);
    out_list_end(&app->out);
    if (x.estimates)
        out_line(&app->out, "where ? stands: at most, each time it is read");
    return ERR_OK;
}

static enum err_code ask_source(struct app *app, const char *sql, const struct answer *answer,
                                struct err *err)
{
    struct query *query = NULL;
    struct query_spec spec = {0};

    if (app_hours(app, &spec.range, err) || app_open(app, APP_PIPELINE | APP_STOP, err))
        return err->code;
    spec.stores = &app->job.stores;
    spec.layout = app->layout;
    spec.dialect = &app->pipeline->source.csv;
    spec.schema = &app->pipeline->schema;
    spec.stop = app->job.stop;
    spec.label = "source";
    if (query_open(&spec, &query, err) || app_begin_out(app, err))
        goto out;
    app_out_run(app, false);
    if (app->options->given[OPT_EXPLAIN]) {
        (void)!explain(app, query, sql, err);
        goto out;
    }
    (void)!query_run(query, sql, answer, err);
    app->out.titles = err->code == ERR_OK;
    out_list_end(&app->out);
    tell_refused(query_totals(query));
    if (err->code == ERR_OK)
        tell_no_object(app->options, query_totals(query));
    if (err->code == ERR_OK)
        put_totals(app, query_totals(query));
out:
    query_close(query);
    return err->code;
}

/* ---- the target ---- */

static enum err_code ask_target(struct app *app, const char *sql, const struct rows *rows,
                                const struct answer *answer, struct err *err)
{
    static const struct out_column columns[] = {{"rows", NULL, OUT_INT, IN_JSON}};

    if (app_open(app, APP_PIPELINE | APP_READ, err) || app_begin_out(app, err))
        return err->code;
    app_out_run(app, false);
    (void)!sink_query(app->job.sink, sql, answer, err);
    app->out.titles = err->code == ERR_OK;
    out_list_end(&app->out);
    if (err->code == ERR_OK)
        out_object(&app->out, "totals", columns, (struct out_cell[]){cell_num(rows->count)}, 1);
    return err->code;
}

enum err_code cmd_query(struct app *app, struct err *err)
{
    struct rows rows = {.app = app};
    const struct answer answer = {on_columns, on_row, &rows};
    const char *sql = app->options->args[0];
    struct buf text;

    buf_init(&text, ANSWER_SQL_MAX + 1);
    buf_init(&rows.hex, BLOBS_MAX);
    if (strcmp(sql, "-") == 0) {
        if (read_stdin(&text, err))
            goto out;
        sql = buf_str(&text);
    }
    if (app->options->given[OPT_TARGET])
        (void)!ask_target(app, sql, &rows, &answer, err);
    else
        (void)!ask_source(app, sql, &answer, err);
out:
    rows_release(&rows);
    buf_release(&text);
    return err->code;
}
