/*
 * sqlite_util: SQLite's codes as errors, waiting for its locks, and statements.
 *
 * Invariants: every code of SQLite becomes an error here and nowhere else; a lock is waited for on the
 * handle's clock and never longer than a named maximum; a statement is reset as soon as its last row was
 * read, so that no lock outlives a call. bind_* keep the first failure for the run that follows.
 */
#include <string.h>

#include "backends/sqlite_internal.h"

static const char *const STATEMENTS[ST_COUNT] = {
    [ST_BEGIN] = "BEGIN IMMEDIATE",
    [ST_COMMIT] = "COMMIT",
    [ST_ROLLBACK] = "ROLLBACK",
    [ST_FENCE] =
        "UPDATE sluice_claim SET lease_until_us = ?1, takeovers = 0 WHERE pipeline = ?2 AND hour = ?3"
        " AND owner = ?4 AND epoch = ?5",
    [ST_LEDGER_INSERT] =
        "INSERT INTO sluice_load (pipeline, object, chunk, etag, content, hour, kind, last, byte_start,"
        " byte_end, first_line, next_line, chunk_rows, bytes, rows_read, rows_loaded, rows_rejected, "
        "row_hash,"
        " schema_hash, load_method, run_id, header, started_us, finished_us)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)",
    [ST_LEDGER_TOTALS] =
        "UPDATE sluice_load SET etag = ?, content = ?, hour = ?, kind = ?, last = ?, byte_start = ?,"
        " byte_end = ?, first_line = ?, next_line = ?, chunk_rows = ?, bytes = ?, rows_read = ?,"
        " rows_loaded = ?, rows_rejected = ?, row_hash = ?, schema_hash = ?, load_method = ?, run_id = ?,"
        " header = ?, finished_us = ? WHERE id = ? AND pipeline = ?",
    [ST_REJECT_INSERT] =
        "INSERT INTO sluice_reject (load_id, attempt_id, object, line, offset, length, raw, column_name,"
        " error_name, message, replayed_by) VALUES (?,?,?,?,?,?,?,?,?,?,0)",
    [ST_REJECT_MARK] = "UPDATE sluice_reject SET replayed_by = ?1 WHERE id = ?2 AND replayed_by = 0"
                       " AND load_id IN (SELECT id FROM sluice_load WHERE pipeline = ?3)",
    [ST_CHECK_INSERT] =
        "INSERT INTO sluice_check (pipeline, load_id, run_id, hour, object, name, column_name, on_fire,"
        " fired, count_broken, message, at_us) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
    [ST_CLAIM_ADD] =
        "INSERT OR IGNORE INTO sluice_claim (pipeline, hour, owner, epoch, lease_until_us, state, attempts,"
        " next_try_us, last_error, takeovers) VALUES (?,?,'',0,0,'queued',0,0,'',0)",
    [ST_CLAIM_TAKE] =
        "UPDATE sluice_claim SET takeovers = takeovers + (owner <> '' AND owner <> ?1), owner = ?1,"
        " epoch = epoch + 1, lease_until_us = ?2 WHERE pipeline = ?3 AND hour = ?4 AND (owner = '' OR "
        "lease_until_us <= ?5 OR owner = ?1"
        " OR (owner = ?6 AND epoch = ?7))",
    [ST_CLAIM_READ] = "SELECT hour, owner, epoch, lease_until_us, state, attempts, next_try_us, last_error,"
                      " takeovers FROM sluice_claim WHERE pipeline = ? AND hour = ?",
    [ST_CLAIM_RENEW] =
        "UPDATE sluice_claim SET lease_until_us = ?1 WHERE pipeline = ?2 AND hour = ?3 AND owner = ?4"
        " AND epoch = ?5",
    [ST_CLAIM_RELEASE] =
        "UPDATE sluice_claim SET owner = '', lease_until_us = 0, state = ?, attempts = ?, next_try_us = ?,"
        " last_error = ?, takeovers = 0 WHERE pipeline = ? AND hour = ? AND owner = ? AND epoch = ?",
};

/* ---- errors ---- */

/* SQLITE_ERROR is told by its words alone. */
static enum err_name other_name(const char *text)
{
    if (strncmp(text, "no such table", 13) == 0)
        return ERRN_TABLE_MISSING;
    return strncmp(text, "no such column", 14) == 0 || strstr(text, " has no column named ")
               ? ERRN_TABLE_MISMATCH
               : ERRN_DB;
}

static enum err_name name_of(sqlite3 *db, int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERRN_DB_BUSY;
    case SQLITE_READONLY:
        return ERRN_READ_ONLY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return ERRN_DB_CORRUPT;
    case SQLITE_FULL:
        return ERRN_DISK_FULL;
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_NOMEM ? ERRN_NOMEM : ERRN_IO;
    case SQLITE_NOMEM:
        return ERRN_NOMEM;
    case SQLITE_CANTOPEN:
        return ERRN_IO;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return ERRN_DENIED;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_DATATYPE ? ERRN_DB_VALUE : ERRN_DB_CONSTRAINT;
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return ERRN_DB_VALUE;
    case SQLITE_INTERRUPT:
        return ERRN_CANCELLED;
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
        return ERRN_INTERNAL;
    default:
        return other_name(sqlite3_errmsg(db));
    }
}

enum err_code sqlite_fail(struct sqlite_sink *s, int rc, const char *what, struct err *err)
{
    enum err_name name = name_of(s->db, rc);
    int system = sqlite3_system_errno(s->db);

    if (name == ERRN_NOMEM)
        return err_nomem(err);
    if (name == ERRN_DB_BUSY)
        return err_set_native(err, name, rc, "%s: %s: the database is locked by another process",
                              s->base.label, what);
    if (name == ERRN_IO && system)
        return err_set_native(err, name, rc, "%s: %s: %s (%s)", s->base.label, what, sqlite3_errmsg(s->db),
                              strerror(system));
    return err_set_native(err, name, rc, "%s: %s: %s", s->base.label, what, sqlite3_errmsg(s->db));
}

/* ---- waiting ---- */

void sqlite_wait(struct sqlite_sink *s, int64_t ms)
{
    s->wait_until = clock_mono_us(s->base.clock) + ms * 1000;
}

static bool asked_to_stop(const struct sqlite_sink *s)
{
    return s->base.stop && *s->base.stop != 0;
}

int sqlite_on_busy(void *ctx, int calls)
{
    struct sqlite_sink *s = ctx;
    int64_t now = clock_mono_us(s->base.clock);

    (void)calls;
    if (asked_to_stop(s) && s->wait_until - now > SQLITE_STOP_WAIT_MS * INT64_C(1000))
        sqlite_wait(s, SQLITE_STOP_WAIT_MS);
    if (now >= s->wait_until)
        return 0;
    clock_sleep_us(s->base.clock, SQLITE_WAIT_STEP_US);
    return 1;
}

/* ---- statements ---- */

enum err_code sqlite_prepare(struct sqlite_sink *s, const char *sql, unsigned flags, sqlite3_stmt **out,
                             struct err *err)
{
    int rc = sqlite3_prepare_v3(s->db, sql, -1, flags, out, NULL);

    return rc == SQLITE_OK ? ERR_OK : sqlite_fail(s, rc, "statement", err);
}

enum err_code sqlite_statement(struct sqlite_sink *s, enum sqlite_statement id, sqlite3_stmt **out,
                               struct err *err)
{
    *out = s->statements[id];
    if (*out) {
        sqlite3_reset(*out);
        sqlite3_clear_bindings(*out);
        return ERR_OK;
    }
    if (sqlite_prepare(s, STATEMENTS[id], SQLITE_PREPARE_PERSISTENT, out, err))
        return err->code;
    s->statements[id] = *out;
    return ERR_OK;
}

void sqlite_finalize_statements(struct sqlite_sink *s)
{
    for (size_t i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    sqlite3_finalize(s->append);
}

static void bound(struct bind *b, int rc)
{
    if (b->rc == SQLITE_OK)
        b->rc = rc;
}

void bind_int(struct bind *b, int64_t v)
{
    bound(b, sqlite3_bind_int64(b->stmt, ++b->at, v));
}

void bind_text(struct bind *b, const char *text)
{
    bound(b, sqlite3_bind_text(b->stmt, ++b->at, text, -1, SQLITE_STATIC));
}

void bind_blob(struct bind *b, const void *data, size_t len)
{
    if (data)
        bound(b, sqlite3_bind_blob64(b->stmt, ++b->at, data, len, SQLITE_STATIC));
    else
        bound(b, sqlite3_bind_null(b->stmt, ++b->at));
}

void bind_hour(struct bind *b, hour_t hour)
{
    char text[HOUR_TEXT_MAX];

    hour_format(hour, text);
    bound(b, sqlite3_bind_text(b->stmt, ++b->at, text, -1, SQLITE_TRANSIENT));
}

static void hex_put(char *out, const uint8_t *bytes, size_t n)
{
    static const char DIGITS[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        out[2 * i] = DIGITS[bytes[i] >> 4];
        out[2 * i + 1] = DIGITS[bytes[i] & 15];
    }
}

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

void bind_hex64(struct bind *b, uint64_t v)
{
    uint8_t bytes[8];
    char text[16];

    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (56 - 8 * i));
    hex_put(text, bytes, sizeof bytes);
    bound(b, sqlite3_bind_text(b->stmt, ++b->at, text, sizeof text, SQLITE_TRANSIENT));
}

void bind_hex128(struct bind *b, const struct hash128 *v)
{
    char text[2 * HASH_BYTES];

    hex_put(text, v->bytes, HASH_BYTES);
    bound(b, sqlite3_bind_text(b->stmt, ++b->at, text, sizeof text, SQLITE_TRANSIENT));
}

enum err_code sqlite_run(struct sqlite_sink *s, struct bind *b, const char *what, int64_t *changed,
                         struct err *err)
{
    int rc = b->rc == SQLITE_OK ? sqlite3_step(b->stmt) : b->rc;

    if (rc == SQLITE_DONE && changed)
        *changed = sqlite3_changes64(s->db);
    if (rc != SQLITE_DONE)
        sqlite_fail(s, rc, what, err);
    sqlite3_reset(b->stmt);
    return rc == SQLITE_DONE ? ERR_OK : err->code;
}

enum err_code sqlite_row(struct sqlite_sink *s, struct bind *b, const char *what, bool *row, struct err *err)
{
    int rc = b->rc == SQLITE_OK ? sqlite3_step(b->stmt) : b->rc;

    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return ERR_OK;
    if (rc != SQLITE_DONE)
        sqlite_fail(s, rc, what, err);
    sqlite3_reset(b->stmt);
    return rc == SQLITE_DONE ? ERR_OK : err->code;
}

enum err_code sqlite_exec(struct sqlite_sink *s, const char *sql, const char *what, struct err *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? ERR_OK : sqlite_fail(s, rc, what, err);
}

/* ---- transactions ---- */

enum err_code sqlite_begin_write(struct sqlite_sink *s, struct err *err)
{
    sqlite3_stmt *stmt;

    sqlite_wait(s, SQLITE_WRITE_WAIT_MS);
    if (sqlite_statement(s, ST_BEGIN, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    return sqlite_run(s, &b, "begin", NULL, err);
}

/* After these the journal may or may not be gone: nobody can say whether the commit stands. */
static bool in_doubt(int rc)
{
    return rc == SQLITE_IOERR_DELETE || rc == SQLITE_IOERR_DIR_FSYNC;
}

enum err_code sqlite_commit_write(struct sqlite_sink *s, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc;

    sqlite_wait(s, SQLITE_COMMIT_WAIT_MS);
    if (sqlite_statement(s, ST_COMMIT, &stmt, err))
        goto out;
    /* Where the busy handler may not wait (a reader that would never see it leave), COMMIT comes back BUSY
     * with the transaction intact: repeat it. */
    while ((rc = sqlite3_step(stmt)) != SQLITE_DONE) {
        sqlite3_reset(stmt);
        if ((rc & 0xff) != SQLITE_BUSY || !sqlite_on_busy(s, 0))
            break;
    }
    if (rc == SQLITE_DONE) {
        sqlite3_reset(stmt);
        return ERR_OK;
    }
    if ((rc & 0xff) == SQLITE_BUSY && asked_to_stop(s))
        err_set_native(err, ERRN_CANCELLED, rc, "%s: commit: stopped while others read the database",
                       s->base.label);
    else if (in_doubt(rc))
        err_set_native(err, ERRN_DB_IN_DOUBT, rc, "%s: commit: %s", s->base.label, sqlite3_errmsg(s->db));
    else
        sqlite_fail(s, rc, "commit", err);
out:
    sqlite_rollback(s);
    return err->code;
}

void sqlite_rollback(struct sqlite_sink *s)
{
    /* Some errors (disk full, I/O) have rolled back already. A ROLLBACK that fails leaves a journal that the
     * next one to open the file plays back. */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, STATEMENTS[ST_ROLLBACK], NULL, NULL, NULL);
}

enum err_code sqlite_end_write(struct sqlite_sink *s, struct err *err)
{
    if (!err->code)
        return sqlite_commit_write(s, err);
    sqlite_rollback(s);
    return err->code;
}

/* ---- columns ---- */

void column_text(sqlite3_stmt *stmt, int col, char *dst, size_t size)
{
    const unsigned char *text = sqlite3_column_text(stmt, col);
    size_t len = text ? (size_t)sqlite3_column_bytes(stmt, col) : 0;

    if (len >= size)
        len = size - 1;
    if (len)
        memcpy(dst, text, len);
    dst[len] = '\0';
}

hour_t column_hour(sqlite3_stmt *stmt, int col)
{
    char text[HOUR_TEXT_MAX];
    struct err ignored = ERR_INIT;
    hour_t hour = 0;

    column_text(stmt, col, text, sizeof text);
    if (hour_parse(text, &hour, &ignored))
        return 0;
    return hour;
}

static void column_hex(sqlite3_stmt *stmt, int col, uint8_t *out, size_t n)
{
    const unsigned char *text = sqlite3_column_text(stmt, col);
    size_t len = text ? (size_t)sqlite3_column_bytes(stmt, col) : 0;

    memset(out, 0, n);
    for (size_t i = 0; i < n && 2 * i + 1 < len; i++)
        out[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
}

uint64_t column_hex64(sqlite3_stmt *stmt, int col)
{
    uint8_t bytes[8];
    uint64_t v = 0;

    column_hex(stmt, col, bytes, sizeof bytes);
    for (int i = 0; i < 8; i++)
        v = v << 8 | bytes[i];
    return v;
}

struct hash128 column_hash(sqlite3_stmt *stmt, int col)
{
    struct hash128 hash = {0};

    column_hex(stmt, col, hash.bytes, HASH_BYTES);
    return hash;
}

/* ---- names and tables ---- */

static enum err_code put_quoted(struct buf *sql, char quote, const char *text, struct err *err)
{
    if (buf_append_char(sql, quote, err))
        return err->code;
    for (; *text; text++) {
        if (*text == quote && buf_append_char(sql, quote, err))
            return err->code;
        if (buf_append_char(sql, *text, err))
            return err->code;
    }
    return buf_append_char(sql, quote, err);
}

enum err_code sqlite_quote(struct buf *sql, const char *name, struct err *err)
{
    return put_quoted(sql, '"', name, err);
}

enum err_code sqlite_put_text(struct buf *sql, const char *text, struct err *err)
{
    return put_quoted(sql, '\'', text, err);
}

enum err_code sqlite_has_table(struct sqlite_sink *s, const char *name, bool *there, char *type,
                               struct err *err)
{
    sqlite3_stmt *stmt;

    *there = false;
    if (sqlite_prepare(s,
                       "SELECT type FROM main.sqlite_master WHERE name = ? COLLATE NOCASE"
                       " AND type IN ('table', 'view')",
                       0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, name);
    if (sqlite_row(s, &b, "schema", there, err) == ERR_OK && *there && type)
        *type = (char)sqlite3_column_text(stmt, 0)[0];
    sqlite3_finalize(stmt);
    return err->code;
}

enum err_code sqlite_has_own(struct sqlite_sink *s, bool *there, struct err *err)
{
    sqlite_wait(s, SQLITE_READ_WAIT_MS);
    if (!s->own_seen && sqlite_has_table(s, "sluice_schema", &s->own_seen, NULL, err))
        return err->code;
    *there = s->own_seen;
    return ERR_OK;
}
