/*
 * sqlite_records: sluice_reject and sluice_attempt: what did not load, and why.
 *
 * Invariants: a reject's bytes are stored as a BLOB, exactly; it belongs to a load or to an attempt, never to
 * both; an attempt and its samples are one transaction of their own, so that a reason survives the rollback
 * it explains. Pages seek by id and leave no cursor open.
 */
#include <string.h>

#include "backends/sqlite_internal.h"

enum { REJECT_PAGE_RAW_MAX = 16 * 1024 * 1024 };

static enum err_code insert_reject(struct sqlite_sink *s, const struct reject *r, int64_t load_id,
                                   int64_t attempt_id, int64_t *stored, struct err *err)
{
    sqlite3_stmt *stmt;
    int64_t inserted;

    if (sqlite_statement(s, ST_REJECT_INSERT, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_int(&b, load_id);
    bind_int(&b, attempt_id);
    bind_text(&b, r->object);
    bind_int(&b, r->line);
    bind_int(&b, r->offset);
    bind_int(&b, r->length);
    bind_blob(&b, r->raw ? r->raw : "", r->raw ? r->raw_len : 0);
    bind_text(&b, r->column);
    bind_text(&b, r->error_name);
    bind_text(&b, r->message);
    if (sqlite_run(s, &b, "rejects", &inserted, err) == ERR_OK)
        *stored += inserted;
    return err->code;
}

enum err_code sqlite_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                             struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);

    for (size_t i = 0; i < n; i++)
        if (insert_reject(s, &rejects[i], rejects[i].load_id, 0, stored, err))
            return err->code;
    return ERR_OK;
}

enum err_code sqlite_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                   struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);

    for (size_t i = 0; i < n; i++) {
        sqlite3_stmt *stmt;
        int64_t changed;
        if (sqlite_statement(s, ST_REJECT_MARK, &stmt, err))
            return err->code;
        struct bind b = bind_to(stmt);
        bind_int(&b, by);
        bind_int(&b, ids[i]);
        bind_text(&b, s->base.target.pipeline);
        if (sqlite_run(s, &b, "rejects", &changed, err))
            return err->code;
        if (changed != 1)
            return err_set(err, ERRN_LEDGER_EXISTS, "reject %lld was replayed already or is not there",
                           (long long)ids[i]);
    }
    return ERR_OK;
}

/* ---- attempts ---- */

static enum err_code insert_attempt(struct sqlite_sink *s, struct attempt *a, struct err *err)
{
    sqlite3_stmt *stmt;

    if (sqlite_prepare(s,
                       "INSERT INTO sluice_attempt (pipeline, run_id, hour, object, error_name, message,"
                       " rows_read, rows_loaded, rows_rejected, bytes, at_us)"
                       " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                       0, &stmt, err))
        return err->code;
    a->at_us = clock_wall_us(s->base.clock);
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_text(&b, a->run_id);
    bind_hour(&b, a->hour);
    bind_text(&b, a->object);
    bind_text(&b, a->error_name);
    bind_text(&b, a->message);
    bind_int(&b, a->rows_read);
    bind_int(&b, a->rows_loaded);
    bind_int(&b, a->rows_rejected);
    bind_int(&b, a->bytes);
    bind_int(&b, a->at_us);
    if (sqlite_run(s, &b, "attempts", NULL, err) == ERR_OK)
        a->id = sqlite3_last_insert_rowid(s->db);
    sqlite3_finalize(stmt);
    return err->code;
}

enum err_code sqlite_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                                 size_t n, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    int64_t stored = 0;

    if (sqlite_begin_write(s, err))
        return err->code;
    if (insert_attempt(s, attempt, err) == ERR_OK)
        for (size_t i = 0; i < n && !err->code; i++)
            (void)!insert_reject(s, &samples[i], 0, attempt->id, &stored, err);
    return sqlite_end_write(s, err);
}

/* ---- pages ---- */

/* Conditions are fixed and off where their parameter is NULL: a page is a walk by id in any case. */
static void bind_query(struct bind *b, const char *pipeline, const struct record_query *q, size_t cap)
{
    bind_text(b, pipeline);
    bind_int(b, q->after_id);
    bind_int(b, (int64_t)cap);
    bind_text(b, q->object); /* NULL binds NULL */
    bind_text(b, q->run_id);
    bind_text(b, q->error_name);
    if (q->has_hour)
        bind_hour(b, q->hour);
    else
        b->at++;
}

static void read_attempt(sqlite3_stmt *stmt, struct attempt *a)
{
    memset(a, 0, sizeof *a);
    a->id = sqlite3_column_int64(stmt, 0);
    column_text(stmt, 1, a->run_id, sizeof a->run_id);
    a->hour = column_hour(stmt, 2);
    column_text(stmt, 3, a->object, sizeof a->object);
    column_text(stmt, 4, a->error_name, sizeof a->error_name);
    column_text(stmt, 5, a->message, sizeof a->message);
    a->rows_read = sqlite3_column_int64(stmt, 6);
    a->rows_loaded = sqlite3_column_int64(stmt, 7);
    a->rows_rejected = sqlite3_column_int64(stmt, 8);
    a->bytes = sqlite3_column_int64(stmt, 9);
    a->at_us = sqlite3_column_int64(stmt, 10);
}

enum err_code sqlite_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                                  size_t cap, size_t *n, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    sqlite3_stmt *stmt;
    bool own, row;

    if (sqlite_has_own(s, &own, err) || !own)
        return err->code;
    if (sqlite_prepare(s,
                       "SELECT id, run_id, hour, object, error_name, message, rows_read, rows_loaded,"
                       " rows_rejected, bytes, at_us FROM sluice_attempt WHERE pipeline = ?1 AND id > ?2"
                       " AND (?4 IS NULL OR object = ?4) AND (?5 IS NULL OR run_id = ?5)"
                       " AND (?6 IS NULL OR error_name = ?6) AND (?7 IS NULL OR hour = ?7)"
                       " ORDER BY id LIMIT ?3",
                       0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_query(&b, sink->target.pipeline, query, cap);
    while (*n < cap && sqlite_row(s, &b, "attempts", &row, err) == ERR_OK && row)
        read_attempt(stmt, &rows[(*n)++]);
    sqlite3_finalize(stmt);
    return err->code;
}

/* Everything but raw. */
static void read_reject(sqlite3_stmt *stmt, struct reject *r)
{
    memset(r, 0, sizeof *r);
    r->id = sqlite3_column_int64(stmt, 0);
    r->load_id = sqlite3_column_int64(stmt, 1);
    r->attempt_id = sqlite3_column_int64(stmt, 2);
    column_text(stmt, 3, r->object, sizeof r->object);
    r->line = sqlite3_column_int64(stmt, 4);
    r->offset = sqlite3_column_int64(stmt, 5);
    r->length = sqlite3_column_int64(stmt, 6);
    column_text(stmt, 7, r->column, sizeof r->column);
    column_text(stmt, 8, r->error_name, sizeof r->error_name);
    column_text(stmt, 9, r->message, sizeof r->message);
    r->replayed_by = sqlite3_column_int64(stmt, 10);
    r->hour = column_hour(stmt, 11);
    column_text(stmt, 12, r->run_id, sizeof r->run_id);
    r->raw_len = (size_t)sqlite3_column_bytes(stmt, 13);
}

static const char REJECT_PAGE_SQL[] =
    "SELECT r.id, r.load_id, r.attempt_id, r.object, r.line, r.\"offset\", r.length, r.column_name,"
    " r.error_name, r.message, r.replayed_by, coalesce(l.hour, a.hour), coalesce(l.run_id, a.run_id), r.raw"
    " FROM sluice_reject r LEFT JOIN sluice_load l ON l.id = r.load_id"
    " LEFT JOIN sluice_attempt a ON a.id = r.attempt_id"
    " WHERE coalesce(l.pipeline, a.pipeline) = ?1 AND r.id > ?2"
    " AND (?4 IS NULL OR r.object = ?4) AND (?5 IS NULL OR coalesce(l.run_id, a.run_id) = ?5)"
    " AND (?6 IS NULL OR r.error_name = ?6) AND (?7 IS NULL OR coalesce(l.hour, a.hour) = ?7)"
    " AND (?8 = 0 OR r.load_id = ?8) AND (?9 = 0 OR (r.load_id <> 0 AND r.replayed_by = 0))"
    " ORDER BY r.id LIMIT ?3";

/* Raw pointers are set when the arena has stopped growing. */
static void point_into(struct reject *rows, size_t n, const struct buf *arena)
{
    const char *at = buf_str(arena);

    for (size_t i = 0; i < n; i++) {
        rows[i].raw = at;
        at += rows[i].raw_len;
    }
}

enum err_code sqlite_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                                 size_t cap, size_t *n, struct buf *arena, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    sqlite3_stmt *stmt;
    bool own, row;

    if (sqlite_has_own(s, &own, err) || !own)
        return err->code;
    if (sqlite_prepare(s, REJECT_PAGE_SQL, 0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_query(&b, sink->target.pipeline, query, cap);
    bind_int(&b, query->load_id);
    bind_int(&b, query->only_replayable);
    while (*n < cap && sqlite_row(s, &b, "rejects", &row, err) == ERR_OK && row) {
        size_t len = (size_t)sqlite3_column_bytes(stmt, 13);
        if (*n && arena->len + len > REJECT_PAGE_RAW_MAX)
            break;
        if (len && buf_append(arena, sqlite3_column_blob(stmt, 13), len, err))
            break;
        read_reject(stmt, &rows[(*n)++]);
    }
    point_into(rows, *n, arena);
    sqlite3_finalize(stmt);
    return err->code;
}
