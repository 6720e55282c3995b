/*
 * sqlite_ledger: sluice_load: a row for each piece of an object that is in the table.
 *
 * Invariants: a row belongs to the handle's pipeline or is not seen; pages seek by key (no OFFSET), so that a
 * walk costs the same on every page and no cursor stays open between calls; a replaced row keeps its id.
 */
#include <string.h>

#include "backends/sqlite_internal.h"

/* Everything that insert and totals write alike. */
static void bind_facts(struct bind *b, const struct ledger_row *row)
{
    bind_text(b, row->etag);
    bind_hex128(b, &row->content);
    bind_hour(b, row->hour);
    bind_text(b, load_kind_text(row->kind));
    bind_int(b, row->last);
    bind_int(b, row->byte_start);
    bind_int(b, row->byte_end);
    bind_int(b, row->first_line);
    bind_int(b, row->next_line);
    bind_int(b, row->chunk_rows);
    bind_int(b, row->bytes);
    bind_int(b, row->rows_read);
    bind_int(b, row->rows_loaded);
    bind_int(b, row->rows_rejected);
    bind_hex64(b, row->row_hash);
    bind_hex64(b, row->schema_hash);
    bind_text(b, row->load_method);
    bind_text(b, row->run_id);
    bind_blob(b, row->header, row->header_len);
}

static enum err_code insert_row(struct sqlite_sink *s, struct ledger_row *row, struct err *err)
{
    sqlite3_stmt *stmt;

    if (sqlite_statement(s, ST_LEDGER_INSERT, &stmt, err))
        return err->code;
    row->started_us = clock_wall_us(s->base.clock);
    row->finished_us = 0;
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_text(&b, row->object);
    bind_int(&b, row->chunk);
    bind_facts(&b, row);
    bind_int(&b, row->started_us);
    if (sqlite_run(s, &b, "ledger", NULL, err)) {
        if (err->native == SQLITE_CONSTRAINT_UNIQUE) {
            err_clear(err);
            err_set_native(err, ERRN_LEDGER_EXISTS, SQLITE_CONSTRAINT_UNIQUE,
                           "%s (chunk %lld) is in the ledger already", row->object, (long long)row->chunk);
        }
        return err->code;
    }
    row->id = sqlite3_last_insert_rowid(s->db);
    return ERR_OK;
}

enum err_code sqlite_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (insert_row(sqlite_of_load(load), &rows[i], err))
            return err->code;
    return ERR_OK;
}

/* The columns that totals writes, and by which id. */
enum err_code sqlite_ledger_update(struct sqlite_sink *s, const struct ledger_row *row, int64_t finished_us,
                                   struct err *err)
{
    sqlite3_stmt *stmt;
    int64_t changed;

    if (sqlite_statement(s, ST_LEDGER_TOTALS, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_facts(&b, row);
    bind_int(&b, finished_us);
    bind_int(&b, row->id);
    bind_text(&b, s->base.target.pipeline);
    if (sqlite_run(s, &b, "ledger", &changed, err))
        return err->code;
    return changed == 1 ? ERR_OK
                        : err_set(err, ERRN_INTERNAL, "totals of ledger row %lld, which is not there",
                                  (long long)row->id);
}

enum err_code sqlite_totals(struct sink_load *load, const struct ledger_row *rows, size_t n, struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);
    int64_t now = clock_wall_us(s->base.clock);

    for (size_t i = 0; i < n; i++)
        if (sqlite_ledger_update(s, &rows[i], now, err))
            return err->code;
    return ERR_OK;
}

/* ---- pages ---- */

static const char PAGE_COLUMNS[] =
    "SELECT id, object, chunk, etag, content, hour, kind, last, byte_start, byte_end, first_line, next_line,"
    " chunk_rows, bytes, rows_read, rows_loaded, rows_rejected, row_hash, schema_hash, load_method, run_id,"
    " started_us, finished_us FROM sluice_load WHERE ";

static void read_row(sqlite3_stmt *stmt, struct ledger_row *row)
{
    char kind[REC_NAME_MAX];

    memset(row, 0, sizeof *row);
    row->id = sqlite3_column_int64(stmt, 0);
    column_text(stmt, 1, row->object, sizeof row->object);
    row->chunk = sqlite3_column_int64(stmt, 2);
    column_text(stmt, 3, row->etag, sizeof row->etag);
    row->content = column_hash(stmt, 4);
    row->hour = column_hour(stmt, 5);
    column_text(stmt, 6, kind, sizeof kind);
    row->kind = load_kind_parse(kind);
    row->last = sqlite3_column_int(stmt, 7) != 0;
    row->byte_start = sqlite3_column_int64(stmt, 8);
    row->byte_end = sqlite3_column_int64(stmt, 9);
    row->first_line = sqlite3_column_int64(stmt, 10);
    row->next_line = sqlite3_column_int64(stmt, 11);
    row->chunk_rows = sqlite3_column_int64(stmt, 12);
    row->bytes = sqlite3_column_int64(stmt, 13);
    row->rows_read = sqlite3_column_int64(stmt, 14);
    row->rows_loaded = sqlite3_column_int64(stmt, 15);
    row->rows_rejected = sqlite3_column_int64(stmt, 16);
    row->row_hash = column_hex64(stmt, 17);
    row->schema_hash = column_hex64(stmt, 18);
    column_text(stmt, 19, row->load_method, sizeof row->load_method);
    column_text(stmt, 20, row->run_id, sizeof row->run_id);
    row->started_us = sqlite3_column_int64(stmt, 21);
    row->finished_us = sqlite3_column_int64(stmt, 22);
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

/* By key, a page needs one lower bound, the higher of prefix and position: with two SQLite might seek to the
 * lower one and walk over everything that was paged already. */
static bool resumes(const struct ledger_query *q)
{
    return q->order == LEDGER_BY_KEY && q->after_object &&
           (!q->prefix || strcmp(q->after_object, q->prefix) >= 0);
}

static enum err_code page_sql(const struct ledger_query *q, const char *end, struct buf *sql, struct err *err)
{
    bool by_key = q->order == LEDGER_BY_KEY;
    /* A walk by id goes along the table; the plus keeps SQLite from an index on pipeline and a sort. */
    bool walk = !by_key && !q->object && !q->has_hour;

    if (buf_append_str(sql, PAGE_COLUMNS, err) ||
        buf_append_str(sql,
                       q->any_pipeline ? "true"
                       : walk          ? "+pipeline = ?1"
                                       : "pipeline = ?1",
                       err) ||
        (q->object && buf_append_str(sql, " AND object = ?2", err)) ||
        (q->prefix && !resumes(q) && buf_append_str(sql, " AND object >= ?3", err)) ||
        (end && buf_append_str(sql, " AND object < ?4", err)) ||
        (q->run_id && buf_append_str(sql, " AND run_id = ?5", err)) ||
        (q->has_hour && buf_append_str(sql, " AND hour = ?6", err)))
        return err->code;
    if (resumes(q) && buf_append_str(sql, " AND (object, chunk) > (?7, ?8)", err))
        return err->code;
    if (!by_key && buf_append_str(sql, " AND id > ?9", err))
        return err->code;
    return buf_append_str(sql, by_key ? " ORDER BY object, chunk LIMIT ?10" : " ORDER BY id LIMIT ?10", err);
}

/* Binds parameter `at` if the statement has it: the numbers are fixed, the conditions are not. */
static struct bind at(const struct bind *b, int number)
{
    return (struct bind){b->stmt, number - 1, b->rc};
}

static void bind_page(struct bind *b, const struct ledger_query *q, const char *pipeline, const char *end,
                      size_t cap)
{
    struct bind p = at(b, 1);

    bind_text(&p, pipeline);
    if (q->object)
        p = at(&p, 2), bind_text(&p, q->object);
    if (q->prefix && !resumes(q))
        p = at(&p, 3), bind_text(&p, q->prefix);
    if (end)
        p = at(&p, 4), bind_text(&p, end);
    if (q->run_id)
        p = at(&p, 5), bind_text(&p, q->run_id);
    if (q->has_hour)
        p = at(&p, 6), bind_hour(&p, q->hour);
    if (resumes(q)) {
        p = at(&p, 7), bind_text(&p, q->after_object);
        bind_int(&p, q->after_chunk);
    }
    if (q->order == LEDGER_BY_ID)
        p = at(&p, 9), bind_int(&p, q->after_id);
    p = at(&p, 10), bind_int(&p, (int64_t)cap);
    *b = p;
}

enum err_code sqlite_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                                 size_t cap, size_t *n, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    char upper[REC_OBJECT_MAX + 1];
    sqlite3_stmt *stmt = NULL;
    struct buf sql;
    bool own, row;

    if (sqlite_has_own(s, &own, err) || !own)
        return err->code;
    buf_init(&sql, SQLITE_SQL_MAX);
    const char *end = query->prefix && prefix_end(query->prefix, upper, sizeof upper) ? upper : NULL;
    if (page_sql(query, end, &sql, err) || sqlite_prepare(s, buf_str(&sql), 0, &stmt, err))
        goto out;
    struct bind b = bind_to(stmt);
    bind_page(&b, query, sink->target.pipeline, end, cap);
    while (*n < cap && sqlite_row(s, &b, "ledger", &row, err) == ERR_OK && row)
        read_row(stmt, &rows[(*n)++]);
out:
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}

enum err_code sqlite_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    sqlite3_stmt *stmt;
    bool own, row;

    if (sqlite_has_own(s, &own, err) || !own)
        return err->code;
    if (sqlite_prepare(s, "SELECT header FROM sluice_load WHERE id = ? AND pipeline = ?", 0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_int(&b, id);
    bind_text(&b, sink->target.pipeline);
    if (sqlite_row(s, &b, "ledger", &row, err) == ERR_OK && row && sqlite3_column_bytes(stmt, 0) > 0)
        (void)!buf_append(out, sqlite3_column_blob(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0), err);
    sqlite3_finalize(stmt);
    return err->code;
}

static enum err_code set_etags(struct sqlite_sink *s, const struct etag_mark *marks, size_t n,
                               struct err *err)
{
    sqlite3_stmt *stmt;
    int64_t changed;

    if (sqlite_prepare(s, "UPDATE sluice_load SET etag = ? WHERE id = ? AND pipeline = ?", 0, &stmt, err))
        return err->code;
    for (size_t i = 0; i < n && err->code == ERR_OK; i++) {
        struct bind b = bind_to(stmt);
        bind_text(&b, marks[i].etag);
        bind_int(&b, marks[i].id);
        bind_text(&b, s->base.target.pipeline);
        if (sqlite_run(s, &b, "ledger", &changed, err) == ERR_OK && changed != 1)
            err_set(err, ERRN_LEDGER_MOVED, "ledger row %lld is not there any more", (long long)marks[i].id);
    }
    sqlite3_finalize(stmt);
    return err->code;
}

enum err_code sqlite_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                      struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);

    if (sqlite_begin_write(s, err))
        return err->code;
    (void)!set_etags(s, marks, n, err);
    return sqlite_end_write(s, err);
}
