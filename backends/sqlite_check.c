/*
 * sqlite_check: sluice_check, and what checks of an hour ask the table: their queries and sums.
 *
 * Invariants: a query of a check is prepared and looked at before it is run: it has columns, takes no
 * parameter, and SQLite itself says that it writes nothing; it runs in the load's transaction and sees its
 * rows. Pages seek by id and leave no cursor open. The hour of what is about the table as a whole is empty.
 */
#include <string.h>

#include "backends/sqlite_internal.h"
#include "core/sink/check_template.h"

static void bind_check_hour(struct bind *b, hour_t hour)
{
    if (hour)
        bind_hour(b, hour);
    else
        bind_text(b, "");
}

static enum err_code insert_check(struct sqlite_sink *s, struct check_row *row, struct err *err)
{
    sqlite3_stmt *stmt;

    if (sqlite_statement(s, ST_CHECK_INSERT, &stmt, err))
        return err->code;
    row->at_us = clock_wall_us(s->base.clock);
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_int(&b, row->load_id);
    bind_text(&b, row->run_id);
    bind_check_hour(&b, row->hour);
    bind_text(&b, row->object);
    bind_text(&b, row->name);
    bind_text(&b, row->column);
    bind_text(&b, check_on_text(row->on));
    bind_int(&b, row->fired);
    bind_int(&b, row->count);
    bind_text(&b, row->message);
    bind_int(&b, row->at_us);
    if (sqlite_run(s, &b, "checks", NULL, err) == ERR_OK)
        row->id = sqlite3_last_insert_rowid(s->db);
    return err->code;
}

enum err_code sqlite_checks_add(struct sink_load *load, struct check_row *rows, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (insert_check(sqlite_of_load(load), &rows[i], err))
            return err->code;
    return ERR_OK;
}

/* ---- pages ---- */

static void read_check(sqlite3_stmt *stmt, struct check_row *row)
{
    char on[REC_NAME_MAX];

    memset(row, 0, sizeof *row);
    row->id = sqlite3_column_int64(stmt, 0);
    row->load_id = sqlite3_column_int64(stmt, 1);
    column_text(stmt, 2, row->run_id, sizeof row->run_id);
    row->hour = column_hour(stmt, 3);
    column_text(stmt, 4, row->object, sizeof row->object);
    column_text(stmt, 5, row->name, sizeof row->name);
    column_text(stmt, 6, row->column, sizeof row->column);
    column_text(stmt, 7, on, sizeof on);
    (void)!check_on_parse(on, &row->on);
    row->fired = sqlite3_column_int(stmt, 8) != 0;
    row->count = sqlite3_column_int64(stmt, 9);
    column_text(stmt, 10, row->message, sizeof row->message);
    row->at_us = sqlite3_column_int64(stmt, 11);
}

/* Of one load by that index, else by pipeline and id; the plus keeps SQLite from the other one. */
#define PAGE(pipeline, load)                                                                                 \
    "SELECT id, load_id, run_id, hour, object, name, column_name, on_fire, fired, count_broken, message,"    \
    " at_us FROM sluice_check WHERE " pipeline " = ?1 AND id > ?2 AND " load                                 \
    " AND (?4 IS NULL OR object = ?4) AND (?5 IS NULL OR run_id = ?5) AND (?6 IS NULL OR name = ?6)"         \
    " AND (?7 IS NULL OR hour = ?7) AND (?9 = 0 OR fired) ORDER BY id LIMIT ?3"

enum err_code sqlite_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                                size_t cap, size_t *n, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    sqlite3_stmt *stmt;
    bool own, row;

    if (sqlite_has_own(s, &own, err) || !own)
        return err->code;
    if (sqlite_prepare(s, query->load_id ? PAGE("+pipeline", "load_id = ?8") : PAGE("pipeline", "?8 = 0"), 0,
                       &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, sink->target.pipeline);
    bind_int(&b, query->after_id);
    bind_int(&b, (int64_t)cap);
    bind_text(&b, query->object); /* NULL binds NULL */
    bind_text(&b, query->run_id);
    bind_text(&b, query->error_name);
    if (query->has_hour)
        bind_check_hour(&b, query->hour);
    else
        b.at++;
    bind_int(&b, query->load_id);
    bind_int(&b, query->only_replayable);
    while (*n < cap && sqlite_row(s, &b, "checks", &row, err) == ERR_OK && row)
        read_check(stmt, &rows[(*n)++]);
    sqlite3_finalize(stmt);
    return err->code;
}

/* ---- an hour's query ---- */

static enum err_code put_word(void *ctx, enum check_word word, struct buf *sql, struct err *err)
{
    const struct sqlite_load *load = ctx;
    const struct sink_target *t = &load->base.sink->target;
    char hour[HOUR_TEXT_MAX];

    hour_format(load->hour, hour);
    switch (word) {
    case CHECK_WORD_TABLE:
        return buf_append_str(sql, "main.", err) ? err->code : sqlite_quote(sql, t->table, err);
    case CHECK_WORD_HOUR:
        return sqlite_put_text(sql, hour, err);
    case CHECK_WORD_LOADS:
        break;
    }
    if (buf_append_str(sql, "(SELECT id FROM main.sluice_load WHERE pipeline = ", err) ||
        sqlite_put_text(sql, t->pipeline, err))
        return err->code;
    return buf_printf(sql, err, " AND hour = '%s')", hour);
}

enum { STEPS_BETWEEN = 1000 }; /* looks at the stop flag */

/* A query may take for ever; who asks for an end need not wait for it. */
static int asked_to_stop(void *ctx)
{
    const struct sqlite_sink *s = ctx;

    return s->base.stop && *s->base.stop != 0;
}

/* What SQLite has against the statement, as a mistake in the pipeline. */
static enum err_code refused(struct sqlite_sink *s, int rc, struct err *err)
{
    if ((rc & 0xff) == SQLITE_INTERRUPT)
        return err_set(err, ERRN_CANCELLED, "stopped by a signal");
    if ((rc & 0xff) != SQLITE_ERROR)
        return sqlite_fail(s, rc, "check", err);
    return err_set_native(err, ERRN_CONFIG, rc, "%s", sqlite3_errmsg(s->db));
}

static enum err_code prepare_check(struct sqlite_sink *s, const char *sql, sqlite3_stmt **out,
                                   struct err *err)
{
    const char *rest;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, out, &rest);

    if (rc != SQLITE_OK)
        return refused(s, rc, err);
    if (!*out || *rest || !sqlite3_stmt_readonly(*out) || sqlite3_column_count(*out) == 0)
        return err_set(err, ERRN_CONFIG, "a check is one query that only reads");
    if (sqlite3_bind_parameter_count(*out) > 0)
        return err_set(err, ERRN_CONFIG, "a check has no parameters (?, :name, @name)");
    return ERR_OK;
}

/* "column=value, ...", cut where it is long. */
static enum err_code put_row(sqlite3_stmt *stmt, struct buf *first, struct err *err)
{
    for (int c = 0; c < sqlite3_column_count(stmt) && first->len < SINK_CHECK_TEXT_MAX; c++) {
        const char *name = sqlite3_column_name(stmt, c), *text = (const char *)sqlite3_column_text(stmt, c);
        if (check_put_cell(first, name ? name : "", text, text ? (size_t)sqlite3_column_bytes(stmt, c) : 0,
                           err))
            return err->code;
    }
    return ERR_OK;
}

enum err_code sqlite_check_sql(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                               struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);
    sqlite3_stmt *stmt = NULL;
    struct buf sql;
    int rc = SQLITE_DONE;

    buf_init(&sql, SQLITE_SQL_MAX);
    if (check_template_expand(template, put_word, load, &sql, err) ||
        prepare_check(s, buf_str(&sql), &stmt, err))
        goto out;
    sqlite3_progress_handler(s->db, STEPS_BETWEEN, asked_to_stop, s);
    while (*rows < SINK_CHECK_ROWS_MAX && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        if ((*rows)++ == 0 && put_row(stmt, first, err))
            goto out;
    if (rc != SQLITE_DONE && rc != SQLITE_ROW)
        refused(s, rc, err);
out:
    sqlite3_progress_handler(s->db, 0, NULL, NULL);
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}

enum err_code sqlite_check_prepare(struct sink *sink, const char *template, struct err *err)
{
    struct sqlite_load any = {.base.sink = sink, .hour = HOUR_MIN}; /* for the words alone */
    sqlite3_stmt *stmt = NULL;
    struct buf sql;

    buf_init(&sql, SQLITE_SQL_MAX);
    if (check_template_expand(template, put_word, &any, &sql, err) == ERR_OK)
        (void)!prepare_check(sqlite_of(sink), buf_str(&sql), &stmt, err);
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}

/* ---- an hour's sum ---- */

enum err_code sqlite_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                              struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);
    const struct sink_target *t = &load->sink->target;
    const char *column = schema_loaded(t->schema, c)->name;
    sqlite3_stmt *stmt = NULL;
    struct buf sql;
    bool row;

    buf_init(&sql, SQLITE_SQL_MAX);
    if (buf_append_str(&sql, "SELECT count(", err) || sqlite_quote(&sql, column, err) ||
        buf_append_str(&sql, "), total(", err) || sqlite_quote(&sql, column, err) ||
        buf_append_str(&sql, ") FROM main.", err) || sqlite_quote(&sql, t->table, err) ||
        buf_append_str(
            &sql, " WHERE _load IN (SELECT id FROM main.sluice_load WHERE pipeline = ? AND hour = ?)", err) ||
        sqlite_prepare(s, buf_str(&sql), 0, &stmt, err))
        goto out;
    struct bind b = bind_to(stmt);
    bind_text(&b, t->pipeline);
    bind_hour(&b, hour);
    if (sqlite_row(s, &b, "check", &row, err) == ERR_OK && row) {
        *n = sqlite3_column_int64(stmt, 0);
        *sum = sqlite3_column_double(stmt, 1);
    }
out:
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}
