/*
 * mysql_ledger: sluice_load: a row for each piece of an object that is in the table.
 *
 * Invariants: a row belongs to the handle's pipeline or is not seen; keys are VARBINARY, so they compare by
 * bytes; pages seek by key (no OFFSET), so that a walk costs the same on every page; a replaced row keeps its
 * id.
 */
#include <string.h>

#include "backends/mysql_internal.h"

/* Everything that insert and totals write alike. */
static void put_facts(struct bind *b, const struct ledger_row *row)
{
    mys_text(b, row->etag);
    mys_hex128(b, &row->content);
    mys_hour(b, row->hour);
    mys_word(b, load_kind_text(row->kind));
    mys_int(b, row->last);
    mys_int(b, row->byte_start);
    mys_int(b, row->byte_end);
    mys_int(b, row->first_line);
    mys_int(b, row->next_line);
    mys_int(b, row->chunk_rows);
    mys_int(b, row->bytes);
    mys_int(b, row->rows_read);
    mys_int(b, row->rows_loaded);
    mys_int(b, row->rows_rejected);
    mys_hex64(b, row->row_hash);
    mys_hex64(b, row->schema_hash);
    mys_text(b, row->load_method);
    mys_text(b, row->run_id);
    mys_blob(b, row->header, row->header_len);
}

static enum err_code insert_row(struct mys_sink *s, struct ledger_row *row, int64_t now, struct err *err)
{
    enum { DUPLICATE = 1062 };
    struct bind b = mys_bind(s,
                             "INSERT INTO sluice_load (pipeline, object, chunk, etag, content, hour, kind,"
                             " last, byte_start, byte_end, first_line, next_line, chunk_rows, bytes,"
                             " rows_read, rows_loaded, rows_rejected, row_hash, schema_hash, load_method,"
                             " run_id, header, started_us, finished_us)"
                             " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)",
                             err);

    row->started_us = now;
    row->finished_us = 0;
    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, row->object);
    mys_int(&b, row->chunk);
    put_facts(&b, row);
    mys_int(&b, now);
    if (mys_run(&b, "ledger", NULL, err)) {
        if (err->native == DUPLICATE) {
            err_clear(err);
            err_set_native(err, ERRN_LEDGER_EXISTS, DUPLICATE, "%s (chunk %lld) is in the ledger already",
                           row->object, (long long)row->chunk);
        }
        return err->code;
    }
    row->id = (int64_t)mysql_insert_id(s->db);
    return ERR_OK;
}

enum err_code mys_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n, struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    int64_t now;

    if (mys_now(s, &now, err))
        return err->code;
    for (size_t i = 0; i < n; i++)
        if (insert_row(s, &rows[i], now, err))
            return err->code;
    return ERR_OK;
}

/* The columns that totals writes, and by which id. */
static enum err_code update_row(struct mys_sink *s, const struct ledger_row *row, int64_t finished_us,
                                struct err *err)
{
    int64_t matched;
    struct bind b = mys_bind(s,
                             "UPDATE sluice_load SET etag = ?, content = ?, hour = ?, kind = ?, last = ?,"
                             " byte_start = ?, byte_end = ?, first_line = ?, next_line = ?, chunk_rows = ?,"
                             " bytes = ?, rows_read = ?, rows_loaded = ?, rows_rejected = ?, row_hash = ?,"
                             " schema_hash = ?, load_method = ?, run_id = ?, header = ?, finished_us = ?"
                             " WHERE id = ? AND pipeline = ?",
                             err);

    put_facts(&b, row);
    mys_int(&b, finished_us);
    mys_int(&b, row->id);
    mys_text(&b, s->base.target.pipeline);
    if (mys_run(&b, "ledger", &matched, err))
        return err->code;
    return matched == 1 ? ERR_OK
                        : err_set(err, ERRN_INTERNAL, "totals of ledger row %lld, which is not there",
                                  (long long)row->id);
}

enum err_code mys_totals(struct sink_load *load, const struct ledger_row *rows, size_t n, struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    int64_t now;

    if (mys_now(s, &now, err))
        return err->code;
    for (size_t i = 0; i < n; i++)
        if (update_row(s, &rows[i], now, err))
            return err->code;
    return ERR_OK;
}

/* ---- replace ---- */

/* Matches old by id and run_id and takes it for the new run: from here on nobody else can. */
static enum err_code guard(struct mys_sink *s, const struct ledger_row *old, const struct ledger_row *row,
                           int64_t now, struct err *err)
{
    int64_t matched;
    struct bind b = mys_bind(s,
                             "UPDATE sluice_load SET run_id = ?, started_us = ? WHERE id = ? AND run_id = ?"
                             " AND pipeline = ? AND object = ?",
                             err);

    mys_text(&b, row->run_id);
    mys_int(&b, now);
    mys_int(&b, old->id);
    mys_text(&b, old->run_id);
    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, old->object);
    if (mys_run(&b, "replace", &matched, err) == ERR_OK && matched != 1)
        err_set(err, ERRN_LEDGER_MOVED, "%s: its ledger row was replaced by another run", old->object);
    return err->code;
}

static enum err_code refuse_baseline(struct mys_sink *s, const struct ledger_row *old, struct err *err)
{
    int64_t n;
    struct bind b = mys_bind(
        s, "SELECT COUNT(*) FROM sluice_load WHERE pipeline = ? AND object = ? AND kind = 'baseline'", err);

    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, old->object);
    if (mys_query_int(&b, "replace", &n, err) == ERR_OK && n > 0)
        err_set(err, ERRN_BASELINE_ROW, "%s: was there before the pipeline, so its rows are not known",
                old->object);
    return err->code;
}

/* Deletes the rows of `table` that belong to any ledger row of the object. */
static enum err_code delete_of(struct mys_sink *s, const char *table, const char *column,
                               const struct ledger_row *old, int64_t *deleted, struct err *err)
{
    struct bind b = mys_bind(s,
                             "DELETE FROM ? WHERE ? IN (SELECT id FROM sluice_load WHERE pipeline = ?"
                             " AND object = ?)",
                             err);

    mys_name(&b, table);
    mys_name(&b, column);
    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, old->object);
    return mys_run(&b, "replace", deleted, err);
}

/* Deletes the object's rows from the target. Rows that were loaded without lineage carry no _load: new ones
 * beside them would be doubles. Where every row carries one, what is missing was deleted by somebody, and
 * replacing mends it. */
static enum err_code delete_rows(struct mys_sink *s, const struct ledger_row *old, struct err *err)
{
    int64_t owed = 0, deleted = 0, unmarked = 0;
    struct bind b = mys_bind(
        s, "SELECT COALESCE(SUM(rows_loaded), 0) FROM sluice_load WHERE pipeline = ? AND object = ?", err);

    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, old->object);
    if (mys_query_int(&b, "replace", &owed, err) ||
        delete_of(s, s->base.target.table, "_load", old, &deleted, err) || deleted >= owed)
        return err->code;
    b = mys_bind(s, "SELECT COUNT(*) FROM (SELECT 1 FROM ? WHERE _load IS NULL LIMIT 1) AS x", err);
    mys_name(&b, s->base.target.table);
    if (mys_query_int(&b, "replace", &unmarked, err) == ERR_OK && unmarked > 0)
        err_set(
            err, ERRN_NEEDS_LINEAGE,
            "%s: table %s has %lld of its %lld rows by _load, and rows that carry none: delete those that "
            "are its own, or set their _load",
            old->object, s->base.target.table, (long long)deleted, (long long)owed);
    return err->code;
}

/* Leaves the object one row, which is chunk 0. */
static enum err_code keep_one(struct mys_sink *s, const struct ledger_row *old, struct err *err)
{
    static const char *const SQL[] = {
        "DELETE FROM sluice_load WHERE pipeline = ? AND object = ? AND id <> ?",
        "UPDATE sluice_load SET chunk = 0 WHERE pipeline = ? AND object = ? AND id = ?"};

    for (int i = 0; i < 2; i++) {
        struct bind b = mys_bind(s, SQL[i], err);
        mys_text(&b, s->base.target.pipeline);
        mys_text(&b, old->object);
        mys_int(&b, old->id);
        if (mys_run(&b, "replace", NULL, err))
            return err->code;
    }
    return ERR_OK;
}

enum err_code mys_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                          struct err *err)
{
    struct mys_sink *s = mys_of_load(load);
    int64_t now;

    if (mys_now(s, &now, err) || guard(s, old, row, now, err) || refuse_baseline(s, old, err) ||
        delete_rows(s, old, err) || delete_of(s, "sluice_reject", "load_id", old, NULL, err) ||
        delete_of(s, "sluice_check", "load_id", old, NULL, err) || keep_one(s, old, err))
        return err->code;
    row->id = old->id;
    row->chunk = 0;
    row->started_us = now;
    row->finished_us = 0;
    return update_row(s, row, 0, err);
}

/* ---- pages ---- */

static const char PAGE_COLUMNS[] =
    "SELECT id, object, chunk, etag, content, hour, kind, last, byte_start, byte_end, first_line, next_line,"
    " chunk_rows, bytes, rows_read, rows_loaded, rows_rejected, row_hash, schema_hash, load_method, run_id,"
    " started_us, finished_us FROM sluice_load WHERE ";

static void read_row(const struct result *r, struct ledger_row *row)
{
    memset(row, 0, sizeof *row);
    row->id = mys_col_int(r, 0);
    mys_col_text(r, 1, row->object, sizeof row->object);
    row->chunk = mys_col_int(r, 2);
    mys_col_text(r, 3, row->etag, sizeof row->etag);
    row->content = mys_col_hash(r, 4);
    row->hour = mys_col_hour(r, 5);
    row->kind = load_kind_parse(mys_col(r, 6));
    row->last = mys_col_int(r, 7) != 0;
    row->byte_start = mys_col_int(r, 8);
    row->byte_end = mys_col_int(r, 9);
    row->first_line = mys_col_int(r, 10);
    row->next_line = mys_col_int(r, 11);
    row->chunk_rows = mys_col_int(r, 12);
    row->bytes = mys_col_int(r, 13);
    row->rows_read = mys_col_int(r, 14);
    row->rows_loaded = mys_col_int(r, 15);
    row->rows_rejected = mys_col_int(r, 16);
    row->row_hash = mys_col_hex64(r, 17);
    row->schema_hash = mys_col_hex64(r, 18);
    mys_col_text(r, 19, row->load_method, sizeof row->load_method);
    mys_col_text(r, 20, row->run_id, sizeof row->run_id);
    row->started_us = mys_col_int(r, 21);
    row->finished_us = mys_col_int(r, 22);
}

/* The first text behind all that start with `prefix`: false where there is none (all bytes 0xff, or ""). */
static bool prefix_end(const char *prefix, char *out, size_t size)
{
    size_t len = strnlen(prefix, size - 1);

    memcpy(out, prefix, len);
    while (len && (unsigned char)out[len - 1] == 0xff)
        len--;
    out[len] = '\0';
    if (len)
        out[len - 1] = (char)((unsigned char)out[len - 1] + 1);
    return len > 0;
}

/* Appends a piece of the template and fills its one value. */
static void and_text(struct bind *b, const char *sql, const char *value)
{
    (void)!buf_append_str(&b->s->sql, sql, b->err);
    mys_text(b, value);
}

static void and_int(struct bind *b, const char *sql, int64_t value)
{
    (void)!buf_append_str(&b->s->sql, sql, b->err);
    mys_int(b, value);
}

/* The condition is written as it is needed; by key, (object, chunk) > (?, ?) is spelled so that both servers
 * seek by it. */
static void put_page(struct bind *b, const struct ledger_query *q, const char *pipeline, size_t cap)
{
    char end[REC_OBJECT_MAX + 1];
    bool by_key = q->order == LEDGER_BY_KEY;

    if (!q->any_pipeline)
        and_text(b, "pipeline = ", pipeline);
    else
        (void)!buf_append_str(&b->s->sql, "1 = 1", b->err);
    if (q->object)
        and_text(b, " AND object = ", q->object);
    if (q->prefix)
        and_text(b, " AND object >= ", q->prefix);
    if (q->prefix && prefix_end(q->prefix, end, sizeof end))
        and_text(b, " AND object < ", end);
    if (q->run_id)
        and_text(b, " AND run_id = ", q->run_id);
    if (q->has_hour) {
        (void)!buf_append_str(&b->s->sql, " AND hour = ", b->err);
        mys_hour(b, q->hour);
    }
    if (by_key && q->after_object) {
        and_text(b, " AND object >= ", q->after_object);
        and_text(b, " AND (object > ", q->after_object);
        and_int(b, " OR chunk > ", q->after_chunk);
        (void)!buf_append_str(&b->s->sql, ")", b->err);
    }
    if (!by_key)
        and_int(b, " AND id > ", q->after_id);
    and_int(b, by_key ? " ORDER BY object, chunk LIMIT " : " ORDER BY id LIMIT ", (int64_t)cap);
}

enum err_code mys_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                              size_t cap, size_t *n, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct result r;
    bool own = false;

    if (mys_has_own(s, &own, err) || !own)
        return err->code;
    struct bind b = mys_bind(s, PAGE_COLUMNS, err);
    put_page(&b, query, sink->target.pipeline, cap);
    if (mys_query(&b, "ledger", &r, err) == ERR_OK) {
        while (*n < cap && mys_next(&r))
            read_row(&r, &rows[(*n)++]);
        mys_done(&r);
    }
    mys_end_read(s);
    return err->code;
}

enum err_code mys_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct result r;
    bool own = false;

    if (mys_has_own(s, &own, err) || !own)
        return err->code;
    struct bind b = mys_bind(s, "SELECT header FROM sluice_load WHERE id = ? AND pipeline = ?", err);
    mys_int(&b, id);
    mys_text(&b, sink->target.pipeline);
    if (mys_query(&b, "ledger", &r, err) == ERR_OK) {
        if (mys_next(&r) && r.row[0])
            (void)!buf_append(out, r.row[0], r.len[0], err);
        mys_done(&r);
    }
    mys_end_read(s);
    return err->code;
}

enum err_code mys_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                   struct err *err)
{
    struct mys_sink *s = mys_of(sink);

    for (size_t i = 0; i < n && err->code == ERR_OK; i++) {
        int64_t matched;
        struct bind b = mys_bind(s, "UPDATE sluice_load SET etag = ? WHERE id = ? AND pipeline = ?", err);
        mys_text(&b, marks[i].etag);
        mys_int(&b, marks[i].id);
        mys_text(&b, s->base.target.pipeline);
        if (mys_run(&b, "ledger", &matched, err) == ERR_OK && matched != 1)
            err_set(err, ERRN_LEDGER_MOVED, "ledger row %lld is not there any more", (long long)marks[i].id);
    }
    return mys_end(s, err);
}
