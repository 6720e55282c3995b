/*
 * mysql_check: sluice_check, and what checks of an hour ask the table: their queries and sums.
 *
 * Invariants: a query of a check is prepared and looked at before it is run: it has columns, so it is none of
 * the statements that write, and takes no parameter; it runs in the load's transaction and sees its rows. The
 * limit on its rows is the session's for this statement only. Pages seek by id. The hour of what is about the
 * table as a whole is empty.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/mysql_internal.h"
#include "core/sink/check_template.h"

static void put_hour(struct bind *b, hour_t hour)
{
    if (hour)
        mys_hour(b, hour);
    else
        mys_word(b, "");
}

static enum err_code insert_check(struct mys_sink *s, struct check_row *row, int64_t now, struct err *err)
{
    struct bind b = mys_bind(s,
                             "INSERT INTO sluice_check (pipeline, load_id, run_id, hour, object, name,"
                             " column_name, on_fire, fired, count_broken, message, at_us)"
                             " VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                             err);

    row->at_us = now;
    mys_text(&b, s->base.target.pipeline);
    mys_int(&b, row->load_id);
    mys_text(&b, row->run_id);
    put_hour(&b, row->hour);
    mys_text(&b, row->object);
    mys_text(&b, row->name);
    mys_text(&b, row->column);
    mys_word(&b, check_on_text(row->on));
    mys_int(&b, row->fired);
    mys_int(&b, row->count);
    mys_text(&b, row->message);
    mys_int(&b, now);
    if (mys_run(&b, "checks", NULL, err) == ERR_OK)
        row->id = (int64_t)mysql_insert_id(s->db);
    return err->code;
}

enum err_code mys_checks_add(struct sink_load *load, struct check_row *rows, size_t n, struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    int64_t now;

    if (mys_now(s, &now, err))
        return err->code;
    for (size_t i = 0; i < n; i++)
        if (insert_check(s, &rows[i], now, err))
            return err->code;
    return ERR_OK;
}

/* ---- pages ---- */

static void read_check(const struct result *r, struct check_row *row)
{
    memset(row, 0, sizeof *row);
    row->id = mys_col_int(r, 0);
    row->load_id = mys_col_int(r, 1);
    mys_col_text(r, 2, row->run_id, sizeof row->run_id);
    row->hour = mys_col_hour(r, 3);
    mys_col_text(r, 4, row->object, sizeof row->object);
    mys_col_text(r, 5, row->name, sizeof row->name);
    mys_col_text(r, 6, row->column, sizeof row->column);
    (void)!check_on_parse(mys_col(r, 7), &row->on);
    row->fired = mys_col_int(r, 8) != 0;
    row->count = mys_col_int(r, 9);
    mys_col_text(r, 10, row->message, sizeof row->message);
    row->at_us = mys_col_int(r, 11);
}

/* Appends a condition and fills its one value. */
static void and_text(struct bind *b, const char *sql, const char *value)
{
    if (value && buf_append_str(&b->s->sql, sql, b->err) == ERR_OK)
        mys_text(b, value);
}

static void put_page(struct bind *b, const struct record_query *q, const char *pipeline, size_t cap)
{
    struct buf *sql = &b->s->sql;

    mys_text(b, pipeline);
    mys_int(b, q->after_id);
    and_text(b, " AND object = ", q->object);
    and_text(b, " AND run_id = ", q->run_id);
    and_text(b, " AND name = ", q->error_name);
    if (q->has_hour && buf_append_str(sql, " AND hour = ", b->err) == ERR_OK)
        put_hour(b, q->hour);
    if (q->load_id)
        (void)!buf_printf(sql, b->err, " AND load_id = %lld", (long long)q->load_id);
    if (q->only_replayable)
        (void)!buf_append_str(sql, " AND fired = 1", b->err);
    (void)!buf_printf(sql, b->err, " ORDER BY id LIMIT %zu", cap);
}

enum err_code mys_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                             size_t cap, size_t *n, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct result r;
    bool own = false;

    if (mys_has_own(s, &own, err) || !own)
        return err->code;
    struct bind b = mys_bind(s,
                             "SELECT id, load_id, run_id, hour, object, name, column_name, on_fire, fired,"
                             " count_broken, message, at_us FROM sluice_check WHERE pipeline = ? AND id > ?",
                             err);
    put_page(&b, query, sink->target.pipeline, cap);
    if (mys_query(&b, "checks", &r, err) == ERR_OK) {
        while (*n < cap && mys_next(&r))
            read_check(&r, &rows[(*n)++]);
        mys_done(&r);
    }
    mys_end_read(s);
    return err->code;
}

/* ---- an hour's query ---- */

static enum err_code put_word(void *ctx, enum check_word word, struct buf *sql, struct err *err)
{
    const struct mys_load *load = ctx;
    const struct sink_target *t = &load->base.sink->target;
    char hour[HOUR_TEXT_MAX];

    hour_format(load->hour, hour);
    switch (word) {
    case CHECK_WORD_TABLE:
        return mys_quote(sql, t->table, err);
    case CHECK_WORD_HOUR:
        return buf_printf(sql, err, "'%s'", hour);
    case CHECK_WORD_LOADS:
        break;
    }
    if (buf_append_str(sql, "(SELECT id FROM sluice_load WHERE pipeline = _binary'", err) ||
        mys_put_escaped(sql, t->pipeline, strlen(t->pipeline), err))
        return err->code;
    return buf_printf(sql, err, "' AND hour = '%s')", hour);
}

/* What the server has against the statement is a mistake in the pipeline, unless it is about the connection
 * or its load. */
static enum err_code as_config(struct err *err)
{
    static const enum err_name MISTAKES[] = {ERRN_DB,       ERRN_TABLE_MISSING, ERRN_TABLE_MISMATCH,
                                             ERRN_DB_VALUE, ERRN_DB_CONSTRAINT, ERRN_UNSUPPORTED};
    struct err why = *err;
    bool mistake = false;

    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++)
        mistake = mistake || err->name == MISTAKES[i];
    if (!err->code || !mistake)
        return err->code;
    err_clear(err);
    return err_set_native(err, ERRN_CONFIG, why.native, "%s", why.msg);
}

/* Whether it is a query, found out without running it. */
static enum err_code prepare_check(struct mys_sink *s, const char *sql, size_t len, struct err *err)
{
    MYSQL_STMT *stmt = mysql_stmt_init(s->db);

    if (!stmt)
        return err_nomem(err);
    if (mysql_stmt_prepare(stmt, sql, (unsigned long)len)) {
        (void)!mys_fail_stmt(s, stmt, "check", err);
        (void)!as_config(err);
    } else if (mysql_stmt_field_count(stmt) == 0) {
        err_set(err, ERRN_CONFIG, "a check is a query that only reads");
    } else if (mysql_stmt_param_count(stmt) > 0) {
        err_set(err, ERRN_CONFIG, "a check has no parameters (?)");
    }
    (void)!mysql_stmt_close(stmt);
    return err->code;
}

/* "column=value, ..." of the first row. */
static enum err_code put_row(const struct result *r, struct buf *first, struct err *err)
{
    const MYSQL_FIELD *fields = mysql_fetch_fields(r->res);

    for (unsigned c = 0; c < mysql_num_fields(r->res) && first->len < SINK_CHECK_TEXT_MAX; c++)
        if (check_put_cell(first, fields[c].name, r->row[c], r->len[c], err))
            return err->code;
    return ERR_OK;
}

static enum err_code run_check(struct mys_sink *s, int64_t *rows, struct buf *first, struct err *err)
{
    struct result r = {0};

    if (mys_send(s, "check", err))
        return as_config(err);
    r.res = mysql_use_result(s->db); /* a row's size has no bound but the server's */
    if (!r.res)
        return mys_fail(s, "check", err);
    for (; mys_next(&r) && !err->code; ++*rows)
        if (*rows == 0)
            (void)!put_row(&r, first, err);
    if (!err->code && mysql_errno(s->db))
        (void)!mys_fail(s, "check", err);
    mys_done(&r); /* reads on to the end */
    if (*rows > SINK_CHECK_ROWS_MAX)
        *rows = SINK_CHECK_ROWS_MAX;
    return as_config(err);
}

/* Rows beyond what is counted are not sent, unless the query itself asks for so many. */
static enum err_code limit_rows(struct mys_sink *s, bool on, struct err *err)
{
    struct bind b = mys_bind(s, "SET SESSION sql_select_limit = ", err);

    if (on ? buf_printf(&s->sql, err, "%d", SINK_CHECK_ROWS_MAX) : buf_append_str(&s->sql, "DEFAULT", err))
        return err->code;
    return mys_run(&b, "check", NULL, err);
}

enum err_code mys_check_sql(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                            struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    struct err reset = ERR_INIT;
    struct buf sql;

    buf_init(&sql, MYS_SQL_MAX);
    if (check_template_expand(template, put_word, load, &sql, err) ||
        prepare_check(s, buf_str(&sql), sql.len, err) || limit_rows(s, true, err))
        goto out;
    buf_clear(&s->sql);
    if (buf_append(&s->sql, sql.data, sql.len, err) == ERR_OK)
        (void)!run_check(s, rows, first, err);
    if (limit_rows(s, false, &reset)) {
        s->broken = true; /* what is read from here on may be cut */
        if (!err->code)
            *err = reset;
    }
out:
    buf_release(&sql);
    return err->code;
}

enum err_code mys_check_prepare(struct sink *sink, const char *template, struct err *err)
{
    struct mys_load any = {.base.sink = sink, .hour = HOUR_MIN}; /* for the words alone */
    struct mys_sink *s = mys_of(sink);
    struct buf sql;

    buf_init(&sql, MYS_SQL_MAX);
    if (check_template_expand(template, put_word, &any, &sql, err) == ERR_OK)
        (void)!prepare_check(s, buf_str(&sql), sql.len, err);
    mys_end_read(s);
    buf_release(&sql);
    return err->code;
}

/* ---- an hour's sum ---- */

enum err_code mys_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                           struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    const struct sink_target *t = &load->sink->target;
    struct result r;
    struct bind b = mys_bind(s,
                             "SELECT COUNT(?), SUM(?) FROM ? WHERE _load IN"
                             " (SELECT id FROM sluice_load WHERE pipeline = ? AND hour = ?)",
                             err);

    mys_name(&b, schema_loaded(t->schema, c)->name);
    mys_name(&b, schema_loaded(t->schema, c)->name);
    mys_name(&b, t->table);
    mys_text(&b, t->pipeline);
    mys_hour(&b, hour);
    if (mys_query(&b, "check", &r, err))
        return err->code;
    if (mys_next(&r)) {
        *n = mys_col_int(&r, 0);
        *sum = strtod(mys_col(&r, 1), NULL);
    }
    mys_done(&r);
    return ERR_OK;
}
