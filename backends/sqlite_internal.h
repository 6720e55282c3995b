/*
 * sqlite_internal: what the files of the SQLite sink share; query_sqlite_table.c shows values as it stores
 * them. Nobody else includes it.
 *
 *   sink_sqlite.c    open, transactions, append          sqlite_util.c     errors, waiting, statements
 *   sqlite_vtab.c    a batch as a virtual table          sqlite_schema.c   DDL, setup
 *   sqlite_describe.c  the target table against schema   sqlite_ledger.c   sluice_load
 *   sqlite_records.c   attempts and rejects              sqlite_claim.c    sluice_claim
 *   sqlite_scan.c    rows back                           sqlite_replace.c  an object's next version
 *   sqlite_check.c   results of checks, their queries    sqlite_evolve.c   columns that setup adds
 *   sqlite_query.c   a user's query (by sqlite_ask.c)
 *
 * The database's clock is the handle's `clock`: SQLite has none of its own but this machine's, and so tests
 * and --now can move it.
 */
#ifndef SLUICE_BACKENDS_SQLITE_INTERNAL_H
#define SLUICE_BACKENDS_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "core/sink/sink.h"

enum {
    SQLITE_SCHEMA_VERSION = 3,
    SQLITE_READ_WAIT_MS = 1500,     /* for a lock, before DB_BUSY: readers ... */
    SQLITE_WRITE_WAIT_MS = 5000,    /* ... and writers */
    SQLITE_COMMIT_WAIT_MS = 600000, /* the work is done: readers may take their time to leave */
    SQLITE_STOP_WAIT_MS = 1500,     /* what is left of any wait once asked to stop */
    SQLITE_WAIT_STEP_US = 5000,
    SQLITE_SQL_MAX = 4 * 1024 * 1024,
    SQLITE_DECIMAL_EXACT = 15, /* digits that a double holds exactly: NUMERIC up to here, TEXT beyond */
    HEX64_MAX = 17,
    HEX128_MAX = 33,
};

/* The batch that the virtual table shows, for the time of one append. */
struct batch_source {
    const struct schema *schema;
    const struct batch *batch;
    const struct sink_segment *segments;
    size_t nsegments;
    size_t row;       /* where the cursor stands: the row that broke a constraint */
    struct buf *text; /* one for each column: dates as text, alive until the row is stored */
};

/* Statements that are prepared once for a connection. */
enum sqlite_statement {
    ST_BEGIN,
    ST_COMMIT,
    ST_ROLLBACK,
    ST_FENCE,
    ST_LEDGER_INSERT,
    ST_LEDGER_TOTALS,
    ST_REJECT_INSERT,
    ST_REJECT_MARK,
    ST_CHECK_INSERT,
    ST_CLAIM_ADD,
    ST_CLAIM_TAKE,
    ST_CLAIM_READ,
    ST_CLAIM_RENEW,
    ST_CLAIM_RELEASE,
    ST_COUNT
};

/* Where the rows of each load lie in the table; see sqlite_replace.c. */
struct sqlite_runs {
    struct run *at; /* by load */
    size_t n, cap;
    int64_t version; /* of the data when they were noted */
    bool noted;
    bool given_up; /* they are too many, or the table has no rowids */
};

struct sqlite_sink {
    struct sink base;
    sqlite3 *db;
    char *path;         /* as opened */
    int64_t wait_until; /* monotonic: when the busy handler gives up */
    bool own_seen;      /* sluice's tables were found once */
    struct batch_source source;
    sqlite3_stmt *statements[ST_COUNT];
    sqlite3_stmt *append;
    struct sqlite_runs runs;
};

struct sqlite_load {
    struct sink_load base;
    hour_t hour;
    int64_t epoch;
    char owner[REC_OWNER_MAX + 1];
    char run_id[REC_RUN_ID_MAX + 1];
};

static inline struct sqlite_sink *sqlite_of(struct sink *sink)
{
    return (struct sqlite_sink *)sink;
}
static inline struct sqlite_sink *sqlite_of_load(struct sink_load *load)
{
    return (struct sqlite_sink *)load->sink;
}

/* ---- sink_sqlite.c ---- */

/* READ_ONLY or UNSUPPORTED where the file may be read, but not written to. */
enum err_code sqlite_check_writable(struct sqlite_sink *s, struct err *err) MUST_USE;

/* ---- sqlite_util.c ---- */

/* The one place that knows what SQLite's codes mean. `what` is the thing that failed ("ledger"). */
enum err_code sqlite_fail(struct sqlite_sink *s, int rc, const char *what, struct err *err);

/* From now on locks are waited for this long. */
void sqlite_wait(struct sqlite_sink *s, int64_t ms);
int sqlite_on_busy(void *ctx, int calls);

enum err_code sqlite_prepare(struct sqlite_sink *s, const char *sql, unsigned flags, sqlite3_stmt **out,
                             struct err *err) MUST_USE;
/* A prepared statement of the handle, reset and without bindings. */
enum err_code sqlite_statement(struct sqlite_sink *s, enum sqlite_statement id, sqlite3_stmt **out,
                               struct err *err) MUST_USE;
void sqlite_finalize_statements(struct sqlite_sink *s);

/* Binds one parameter after the other; the first failure is kept and reported by sqlite_run or
 * sqlite_row. Text and blobs are borrowed until the statement is run. */
struct bind {
    sqlite3_stmt *stmt;
    int at;
    int rc;
};
static inline struct bind bind_to(sqlite3_stmt *stmt)
{
    return (struct bind){stmt, 0, SQLITE_OK};
}
void bind_int(struct bind *b, int64_t v);
void bind_text(struct bind *b, const char *text);
void bind_blob(struct bind *b, const void *data, size_t len); /* NULL data binds NULL */
void bind_hour(struct bind *b, hour_t hour);
void bind_hex64(struct bind *b, uint64_t v);
void bind_hex128(struct bind *b, const struct hash128 *v);

/* Runs a statement that gives no row, and resets it. *changed (may be NULL) = rows matched by the statement
 * itself: what triggers do is not counted. */
enum err_code sqlite_run(struct sqlite_sink *s, struct bind *b, const char *what, int64_t *changed,
                         struct err *err) MUST_USE;
/* Steps to the next row; *row = false at the end. */
enum err_code sqlite_row(struct sqlite_sink *s, struct bind *b, const char *what, bool *row,
                         struct err *err) MUST_USE;
enum err_code sqlite_exec(struct sqlite_sink *s, const char *sql, const char *what, struct err *err) MUST_USE;

/* Transactions. BEGIN IMMEDIATE waits for the lock; COMMIT too, and rolls back where it fails. */
enum err_code sqlite_begin_write(struct sqlite_sink *s, struct err *err) MUST_USE;
enum err_code sqlite_commit_write(struct sqlite_sink *s, struct err *err) MUST_USE;
void sqlite_rollback(struct sqlite_sink *s);
/* Commits where *err is clear, rolls back otherwise; returns err->code. */
enum err_code sqlite_end_write(struct sqlite_sink *s, struct err *err) MUST_USE;

/* Columns of the current row. */
void column_text(sqlite3_stmt *stmt, int col, char *dst, size_t size);
hour_t column_hour(sqlite3_stmt *stmt, int col);
uint64_t column_hex64(sqlite3_stmt *stmt, int col);
struct hash128 column_hash(sqlite3_stmt *stmt, int col);

/* Appends an identifier in double quotes, inner ones doubled. */
enum err_code sqlite_quote(struct buf *sql, const char *name, struct err *err) MUST_USE;

/* Appends a text in single quotes, inner ones doubled. */
enum err_code sqlite_put_text(struct buf *sql, const char *text, struct err *err) MUST_USE;

/* Whether a table or view is there; *type (may be NULL) = 't' or 'v'. */
enum err_code sqlite_has_table(struct sqlite_sink *s, const char *name, bool *there, char *type,
                               struct err *err) MUST_USE;
/* Whether sluice's own tables are there. */
enum err_code sqlite_has_own(struct sqlite_sink *s, bool *there, struct err *err) MUST_USE;

/* ---- sqlite_vtab.c ---- */

#define SQLITE_VTAB_NAME "sluice_batch"

/* Registers the table `sluice_batch` (c0, c1, ..., _load) on the connection. */
enum err_code sqlite_vtab_register(struct sqlite_sink *s, struct err *err) MUST_USE;
/* Scaled text of at most SQLITE_DECIMAL_EXACT digits as a number. */
void sqlite_result_numeric(sqlite3_context *ctx, const char *text, size_t len, unsigned scale);

/* ---- sqlite_schema.c, sqlite_describe.c ---- */

enum err_code sqlite_setup(struct sink *sink, struct buf *print, struct err *err) MUST_USE;
enum err_code sqlite_describe(struct sink *sink, struct sink_state *state, struct err *err) MUST_USE;
enum err_code sqlite_has_foreign_rows(struct sink *sink, bool *any, struct err *err) MUST_USE;

/* Whether the target table has the column. */
enum err_code sqlite_has_column(struct sqlite_sink *s, const char *name, bool *there,
                                struct err *err) MUST_USE;
enum err_code sqlite_is_strict(struct sqlite_sink *s, bool *strict, struct err *err) MUST_USE;
/* Whether the target table has any row. */
enum err_code sqlite_has_rows(struct sqlite_sink *s, bool *any, struct err *err) MUST_USE;
/* True for decimals that are kept as numbers. */
bool sqlite_is_numeric(const struct type *type);
const char *sqlite_declared_type(const struct type *type);

/* ---- sqlite_evolve.c ---- */

/* Appends the statement that adds loaded column c to the target table, without a semicolon. */
enum err_code sqlite_put_add(const struct sink_target *t, size_t c, bool strict, struct buf *sql,
                             struct err *err) MUST_USE;
/* Appends the statements that add what the target table lacks and setup may add; nothing where there is no
 * table. */
enum err_code sqlite_evolve(struct sqlite_sink *s, bool print, struct buf *sql, struct err *err) MUST_USE;

/* ---- sqlite_ledger.c ---- */

enum err_code sqlite_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                   struct err *err) MUST_USE;
enum err_code sqlite_totals(struct sink_load *load, const struct ledger_row *rows, size_t n,
                            struct err *err) MUST_USE;
enum err_code sqlite_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                                 size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code sqlite_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err) MUST_USE;
enum err_code sqlite_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                      struct err *err) MUST_USE;

/* Writes what totals writes. */
enum err_code sqlite_ledger_update(struct sqlite_sink *s, const struct ledger_row *row, int64_t finished_us,
                                   struct err *err) MUST_USE;

/* ---- sqlite_replace.c ---- */

enum err_code sqlite_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                             struct err *err) MUST_USE;

void sqlite_runs_release(struct sqlite_runs *runs);

/* ---- sqlite_records.c ---- */

enum err_code sqlite_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                             struct err *err) MUST_USE;
enum err_code sqlite_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                   struct err *err) MUST_USE;
enum err_code sqlite_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                                 size_t n, struct err *err) MUST_USE;
enum err_code sqlite_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                                  size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code sqlite_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                                 size_t cap, size_t *n, struct buf *arena, struct err *err) MUST_USE;

/* ---- sqlite_check.c ---- */

enum err_code sqlite_checks_add(struct sink_load *load, struct check_row *rows, size_t n,
                                struct err *err) MUST_USE;
enum err_code sqlite_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                                size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code sqlite_check_prepare(struct sink *sink, const char *template, struct err *err) MUST_USE;
enum err_code sqlite_check_sql(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                               struct err *err) MUST_USE;
enum err_code sqlite_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                              struct err *err) MUST_USE;

/* ---- sqlite_claim.c ---- */

enum err_code sqlite_claim_take(struct sink *sink, hour_t hour, const char *owner,
                                const struct claim_row *steal, struct claim_row *row, bool *taken,
                                struct err *err) MUST_USE;
enum err_code sqlite_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                                 struct err *err) MUST_USE;
enum err_code sqlite_claim_release(struct sink *sink, const struct claim_row *row, struct err *err) MUST_USE;
enum err_code sqlite_claim_page(struct sink *sink, enum claim_which which, hour_t after,
                                struct claim_row *rows, size_t cap, size_t *n, struct err *err) MUST_USE;
/* The last statement of a data transaction; FENCED where the claim is not the load's any more. */
enum err_code sqlite_fence(struct sqlite_sink *s, const struct sqlite_load *load, struct err *err) MUST_USE;

/* ---- sqlite_scan.c ---- */

enum err_code sqlite_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out,
                                struct err *err) MUST_USE;
enum err_code sqlite_scan_next(struct sink_scan *scan, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                               struct err *err) MUST_USE;
void sqlite_scan_end(struct sink_scan *scan);

/* ---- sqlite_query.c ---- */

enum err_code sqlite_query(struct sink *sink, const char *sql, const struct answer *answer,
                           struct err *err) MUST_USE;

#endif
