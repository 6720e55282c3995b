/*
 * mysql_records: sluice_reject and sluice_attempt: what did not load, and why.
 *
 * Invariants: a reject's bytes are stored as a BLOB, exactly; it belongs to a load or to an attempt, never to
 * both; an attempt and its samples are one transaction of their own, so that a reason survives the rollback
 * it explains. Pages seek by id, and raw bytes are fetched only for as many rows as a page may hold.
 */
#include <string.h>

#include "backends/mysql_internal.h"

enum { REJECT_PAGE_RAW_MAX = 16 * 1024 * 1024 };

static enum err_code insert_reject(struct mys_sink *s, const struct reject *r, int64_t load_id,
                                   int64_t attempt_id, int64_t *stored, struct err *err)
{
    struct bind b = mys_bind(s,
                             "INSERT INTO sluice_reject (load_id, attempt_id, object, line, `offset`, length,"
                             " raw, column_name, error_name, message, replayed_by)"
                             " VALUES (?,?,?,?,?,?,?,?,?,?,0)",
                             err);

    mys_int(&b, load_id);
    mys_int(&b, attempt_id);
    mys_text(&b, r->object);
    mys_int(&b, r->line);
    mys_int(&b, r->offset);
    mys_int(&b, r->length);
    mys_blob(&b, r->raw ? r->raw : "", r->raw ? r->raw_len : 0);
    mys_text(&b, r->column);
    mys_text(&b, r->error_name);
    mys_text(&b, r->message);
    return mys_run(&b, "rejects", stored, err);
}

enum err_code mys_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                          struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    int64_t sum = 0, one;

    for (size_t i = 0; i < n; i++, sum += one)
        if (insert_reject(s, &rejects[i], rejects[i].load_id, 0, &one, err))
            return err->code;
    *stored = sum;
    return ERR_OK;
}

enum err_code mys_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                struct err *err)
{
    struct mys_sink *s = mys_of_load(load);

    for (size_t i = 0; i < n; i++) {
        int64_t matched;
        struct bind b = mys_bind(s,
                                 "UPDATE sluice_reject SET replayed_by = ? WHERE id = ? AND replayed_by = 0"
                                 " AND load_id IN (SELECT id FROM sluice_load WHERE pipeline = ?)",
                                 err);
        mys_int(&b, by);
        mys_int(&b, ids[i]);
        mys_text(&b, s->base.target.pipeline);
        if (mys_run(&b, "rejects", &matched, err))
            return err->code;
        if (matched != 1)
            return err_set(err, ERRN_LEDGER_EXISTS, "reject %lld was replayed already or is not there",
                           (long long)ids[i]);
    }
    return ERR_OK;
}

/* ---- attempts ---- */

static enum err_code insert_attempt(struct mys_sink *s, struct attempt *a, struct err *err)
{
    struct bind b;

    if (mys_now(s, &a->at_us, err))
        return err->code;
    b = mys_bind(s,
                 "INSERT INTO sluice_attempt (pipeline, run_id, hour, object, error_name, message,"
                 " rows_read, rows_loaded, rows_rejected, bytes, at_us) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
                 err);
    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, a->run_id);
    mys_hour(&b, a->hour);
    mys_text(&b, a->object);
    mys_text(&b, a->error_name);
    mys_text(&b, a->message);
    mys_int(&b, a->rows_read);
    mys_int(&b, a->rows_loaded);
    mys_int(&b, a->rows_rejected);
    mys_int(&b, a->bytes);
    mys_int(&b, a->at_us);
    if (mys_run(&b, "attempts", NULL, err) == ERR_OK)
        a->id = (int64_t)mysql_insert_id(s->db);
    return err->code;
}

enum err_code mys_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                              size_t n, struct err *err)
{
    struct mys_sink *s = mys_of(sink);

    if (insert_attempt(s, attempt, err) == ERR_OK)
        for (size_t i = 0; i < n && !err->code; i++)
            (void)!insert_reject(s, &samples[i], 0, attempt->id, NULL, err);
    return mys_end(s, err);
}

/* ---- pages ---- */

/* Conditions are fixed and off where their value is NULL: a page is a walk by id in any case. */
static void put_query(struct bind *b, const char *pipeline, const struct record_query *q)
{
    mys_text(b, pipeline);
    mys_int(b, q->after_id);
    for (int twice = 0; twice < 2; twice++)
        mys_text(b, q->object);
    for (int twice = 0; twice < 2; twice++)
        mys_text(b, q->run_id);
    for (int twice = 0; twice < 2; twice++)
        mys_text(b, q->error_name);
    for (int twice = 0; twice < 2; twice++) {
        if (q->has_hour)
            mys_hour(b, q->hour);
        else
            mys_text(b, NULL);
    }
}

static void read_attempt(const struct result *r, struct attempt *a)
{
    memset(a, 0, sizeof *a);
    a->id = mys_col_int(r, 0);
    mys_col_text(r, 1, a->run_id, sizeof a->run_id);
    a->hour = mys_col_hour(r, 2);
    mys_col_text(r, 3, a->object, sizeof a->object);
    mys_col_text(r, 4, a->error_name, sizeof a->error_name);
    mys_col_text(r, 5, a->message, sizeof a->message);
    a->rows_read = mys_col_int(r, 6);
    a->rows_loaded = mys_col_int(r, 7);
    a->rows_rejected = mys_col_int(r, 8);
    a->bytes = mys_col_int(r, 9);
    a->at_us = mys_col_int(r, 10);
}

enum err_code mys_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                               size_t cap, size_t *n, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct result r;
    bool own = false;

    if (mys_has_own(s, &own, err) || !own)
        return err->code;
    struct bind b = mys_bind(
        s,
        "SELECT id, run_id, hour, object, error_name, message, rows_read, rows_loaded,"
        " rows_rejected, bytes, at_us FROM sluice_attempt WHERE pipeline = ? AND id > ?"
        " AND (? IS NULL OR object = ?) AND (? IS NULL OR run_id = ?)"
        " AND (? IS NULL OR error_name = ?) AND (? IS NULL OR hour = ?) ORDER BY id LIMIT ?",
        err);
    put_query(&b, sink->target.pipeline, query);
    mys_int(&b, (int64_t)cap);
    if (mys_query(&b, "attempts", &r, err) == ERR_OK) {
        while (*n < cap && mys_next(&r))
            read_attempt(&r, &rows[(*n)++]);
        mys_done(&r);
    }
    mys_end_read(s);
    return err->code;
}

/* Everything but raw. */
static void read_reject(const struct result *r, struct reject *out)
{
    memset(out, 0, sizeof *out);
    out->id = mys_col_int(r, 0);
    out->load_id = mys_col_int(r, 1);
    out->attempt_id = mys_col_int(r, 2);
    mys_col_text(r, 3, out->object, sizeof out->object);
    out->line = mys_col_int(r, 4);
    out->offset = mys_col_int(r, 5);
    out->length = mys_col_int(r, 6);
    mys_col_text(r, 7, out->column, sizeof out->column);
    mys_col_text(r, 8, out->error_name, sizeof out->error_name);
    mys_col_text(r, 9, out->message, sizeof out->message);
    out->replayed_by = mys_col_int(r, 10);
    out->hour = mys_col_hour(r, 11);
    mys_col_text(r, 12, out->run_id, sizeof out->run_id);
    out->raw_len = (size_t)mys_col_int(r, 13);
}

static const char REJECT_PAGE_SQL[] =
    "SELECT r.id, r.load_id, r.attempt_id, r.object, r.line, r.`offset`, r.length, r.column_name,"
    " r.error_name, r.message, r.replayed_by, COALESCE(l.hour, a.hour), COALESCE(l.run_id, a.run_id),"
    " LENGTH(r.raw) FROM sluice_reject r LEFT JOIN sluice_load l ON l.id = r.load_id"
    " LEFT JOIN sluice_attempt a ON a.id = r.attempt_id"
    " WHERE COALESCE(l.pipeline, a.pipeline) = ? AND r.id > ?"
    " AND (? IS NULL OR r.object = ?) AND (? IS NULL OR COALESCE(l.run_id, a.run_id) = ?)"
    " AND (? IS NULL OR r.error_name = ?) AND (? IS NULL OR COALESCE(l.hour, a.hour) = ?)"
    " AND (? = 0 OR r.load_id = ?) AND (? = 0 OR (r.load_id <> 0 AND r.replayed_by = 0))"
    " ORDER BY r.id LIMIT ?";

/* The bytes of the page's rows, one after the other. A reject never changes, and one that a replacement
 * deleted meanwhile has no bytes any more. */
static enum err_code read_raw(struct mys_sink *s, struct reject *rows, size_t n, struct buf *arena,
                              struct err *err)
{
    struct result r;
    size_t at = 0;

    struct bind b = mys_bind(s, "SELECT id, raw FROM sluice_reject WHERE id IN (", err);
    for (size_t i = 0; i < n; i++)
        (void)!buf_printf(&s->sql, err, i ? ",%lld" : "%lld", (long long)rows[i].id);
    (void)!buf_append_str(&s->sql, ") ORDER BY id", err);
    if (mys_query(&b, "rejects", &r, err))
        return err->code;
    for (bool more = mys_next(&r); at < n; at++) {
        bool here = more && mys_col_int(&r, 0) == rows[at].id;
        rows[at].raw_len = here ? r.len[1] : 0;
        if (here && r.len[1] && buf_append(arena, r.row[1], r.len[1], err))
            break;
        if (here)
            more = mys_next(&r);
    }
    mys_done(&r);
    return err->code;
}

/* Raw pointers are set when the arena has stopped growing. */
static void point_into(struct reject *rows, size_t n, const struct buf *arena)
{
    const char *at = buf_str(arena);

    for (size_t i = 0; i < n; i++) {
        rows[i].raw = at;
        at += rows[i].raw_len;
    }
}

enum err_code mys_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                              size_t cap, size_t *n, struct buf *arena, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct result r;
    size_t raw = 0;
    bool own = false;

    if (mys_has_own(s, &own, err) || !own)
        return err->code;
    struct bind b = mys_bind(s, REJECT_PAGE_SQL, err);
    put_query(&b, sink->target.pipeline, query);
    mys_int(&b, query->load_id);
    mys_int(&b, query->load_id);
    mys_int(&b, query->only_replayable);
    mys_int(&b, (int64_t)cap);
    if (mys_query(&b, "rejects", &r, err) == ERR_OK) {
        while (*n < cap && mys_next(&r)) {
            read_reject(&r, &rows[*n]);
            raw += rows[*n].raw_len;
            if (*n && raw > REJECT_PAGE_RAW_MAX)
                break;
            (*n)++;
        }
        mys_done(&r);
    }
    if (!err->code && *n && read_raw(s, rows, *n, arena, err) == ERR_OK)
        point_into(rows, *n, arena);
    mys_end_read(s);
    return err->code;
}
