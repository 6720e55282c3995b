/*
 * mysql_internal: what the files of the MySQL sink share. Nobody else includes it.
 *
 *   sink_mysql.c      open, transactions, the type      mysql_connect.c   options, TLS, the session
 *   mysql_util.c      statements, results               mysql_error.c     codes as errors
 *   mysql_append.c    LOAD and INSERT of a batch        mysql_text.c      rows as text
 *   mysql_infile.c    what a server may ask for         mysql_schema.c    DDL, setup
 *   mysql_describe.c  the table against the schema      mysql_preflight.c the server's settings
 *   mysql_rights.c    what this user may do             mysql_ledger.c    sluice_load
 *   mysql_records.c   attempts and rejects              mysql_claim.c     sluice_claim
 *   mysql_scan.c      rows back                         mysql_check.c     results of checks, their queries
 *   mysql_evolve.c    columns that setup adds           mysql_query.c     a user's query
 *
 * One source for Oracle's libmysqlclient and MariaDB Connector/C. Names begin with mys_: mysql_ is the
 * library's. Statements are text with `?` where a value goes; mys_int() and its like put them there one
 * after the other, quoted, so that no caller ever writes a value into SQL.
 *
 * All instants are the server's: MYS_NOW inside the statement that needs it. Where the handle's clock is not
 * the system's (--now), the session is told that clock's time before such a statement.
 */
#ifndef SLUICE_BACKENDS_MYSQL_INTERNAL_H
#define SLUICE_BACKENDS_MYSQL_INTERNAL_H

#include <mysql.h>

#include "backends/mysql_infile.h"
#include "core/sink/sink.h"

/* The library's own boolean: char in one, bool in the other. */
#ifdef MARIADB_BASE_VERSION
typedef my_bool mys_bool;
#else
typedef bool mys_bool;
#endif

enum {
    MYS_SCHEMA_VERSION = 3,
    MYS_SQL_MAX = 80 * 1024 * 1024, /* a reject of 16 MiB with every byte escaped, twice over */
    MYS_HEX64 = 16,
    MYS_HEX128 = 2 * HASH_BYTES,
};

/* Microseconds since 1970 by the server's clock. */
#define MYS_NOW "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))"

struct mys_sink {
    struct sink base;
    MYSQL *db;
    bool broken;       /* the connection said something that leaves nothing to rely on: only close is left */
    bool moved_clock;  /* the handle's clock is not the system's */
    bool own_seen;     /* sluice's tables were found once */
    bool server_reads; /* read_only is on, which does not hold back everybody */
    bool use_load;     /* LOAD DATA LOCAL, else multi-row INSERT */
    bool load_off;     /* it was wanted, and the server does not allow it */
    size_t max_packet;
    struct buf sql; /* the statement under construction */
    struct mys_infile infile;
    struct mys_rows rows; /* the rows that a statement is sending */
};

struct mys_load {
    struct sink_load base;
    hour_t hour;
    int64_t epoch;
    char owner[REC_OWNER_MAX + 1];
    char run_id[REC_RUN_ID_MAX + 1];
};

static inline struct mys_sink *mys_of(struct sink *sink)
{
    return (struct mys_sink *)sink;
}
static inline struct mys_sink *mys_of_load(struct sink_load *load)
{
    return (struct mys_sink *)load->sink;
}

/* ---- mysql_connect.c ---- */

enum err_code mys_connect(struct mys_sink *s, const struct sink_open *args, const struct url *url,
                          struct err *err) MUST_USE;

/* READ_ONLY where the server takes no writes of this user. Changes nothing. */
enum err_code mys_check_writable(struct mys_sink *s, struct err *err) MUST_USE;

/* ---- mysql_error.c ---- */

/* The one place that knows what the codes mean. `what` is the thing that failed ("ledger"). */
enum err_code mys_fail(struct mys_sink *s, const char *what, struct err *err);
enum err_code mys_fail_stmt(struct mys_sink *s, MYSQL_STMT *stmt, const char *what, struct err *err);
enum err_name mys_name_of(unsigned code);

/* ---- mysql_util.c ---- */

/* A statement whose `?` are filled in order. A failure stays in *err and is returned by the run. */
struct bind {
    struct mys_sink *s;
    const char *rest; /* of the template */
    struct err *err;
};
struct bind mys_bind(struct mys_sink *s, const char *sql, struct err *err);
void mys_int(struct bind *b, int64_t v);
void mys_text(struct bind *b, const char *text); /* bytes; NULL = NULL */
void mys_blob(struct bind *b, const void *data, size_t len);
void mys_word(struct bind *b, const char *word); /* sluice's own: ASCII without quotes */
void mys_hour(struct bind *b, hour_t hour);
void mys_hex64(struct bind *b, uint64_t v);
void mys_hex128(struct bind *b, const struct hash128 *v);
void mys_name(struct bind *b, const char *name); /* an identifier */

/* Sends the statement. *matched (may be NULL) = rows that it matched. */
enum err_code mys_run(struct bind *b, const char *what, int64_t *matched, struct err *err) MUST_USE;
enum err_code mys_exec(struct mys_sink *s, const char *sql, const char *what, struct err *err) MUST_USE;
/* The same without looking for `?`: for statements with text in them. Sends s->sql. */
enum err_code mys_send(struct mys_sink *s, const char *what, struct err *err) MUST_USE;

/* A result, held whole by the client: pages are small. */
struct result {
    MYSQL_RES *res;
    MYSQL_ROW row;
    unsigned long *len;
};
enum err_code mys_query(struct bind *b, const char *what, struct result *out, struct err *err) MUST_USE;
bool mys_next(struct result *r);
void mys_done(struct result *r);
int64_t mys_col_int(const struct result *r, int col);
void mys_col_text(const struct result *r, int col, char *dst, size_t size);
const char *mys_col(const struct result *r, int col); /* "" for NULL; ends with NUL */
hour_t mys_col_hour(const struct result *r, int col);
uint64_t mys_col_hex64(const struct result *r, int col);
struct hash128 mys_col_hash(const struct result *r, int col);
/* First column of the first row; 0 where there is none. */
enum err_code mys_query_int(struct bind *b, const char *what, int64_t *out, struct err *err) MUST_USE;

/* A ping: the server counts its wait_timeout anew. */
enum err_code mys_keep(struct sink *sink, struct err *err) MUST_USE;

enum err_code mys_now(struct mys_sink *s, int64_t *us, struct err *err) MUST_USE;

/* A transaction is open from the first statement on (autocommit is off). Small ones end so: commits where
 * *err is clear, rolls back otherwise; a lost answer is DB_LOST. Returns err->code. */
enum err_code mys_end(struct mys_sink *s, struct err *err) MUST_USE;
void mys_rollback(struct mys_sink *s);
/* A read left a snapshot and locks on the schema open: end it, but not inside a load. */
void mys_end_read(struct mys_sink *s);

/* Appends an identifier in backticks, inner ones doubled. */
enum err_code mys_quote(struct buf *sql, const char *name, struct err *err) MUST_USE;

/* ---- mysql_append.c ---- */

enum err_code mys_append(struct sink_load *load, const struct batch *batch,
                         const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                         struct err *err) MUST_USE;

/* ---- mysql_schema.c, mysql_describe.c, mysql_preflight.c ---- */

enum err_code mys_setup(struct sink *sink, struct buf *print, struct err *err) MUST_USE;
enum err_code mys_describe(struct sink *sink, struct sink_state *state, struct err *err) MUST_USE;
enum err_code mys_has_foreign_rows(struct sink *sink, bool *any, struct err *err) MUST_USE;
enum err_code mys_has_table(struct mys_sink *s, const char *name, bool *there, struct err *err) MUST_USE;
enum err_code mys_has_own(struct mys_sink *s, bool *there, struct err *err) MUST_USE;
enum err_code mys_has_column(struct mys_sink *s, const char *name, bool *there, struct err *err) MUST_USE;
/* What setup declares for a column of the target table, without NOT NULL. */
enum { MYS_TYPE_MAX = 96 };
void mys_declared(const struct sink_target *t, size_t column, char out[MYS_TYPE_MAX]);
/* The name of the view that lineage makes. */
enum err_code mys_quote_view(struct buf *sql, const struct sink_target *t, struct err *err) MUST_USE;
/* Whether the target table has an index that begins with _load. */
enum err_code mys_has_index(struct mys_sink *s, bool *there, struct err *err) MUST_USE;
bool mys_in_key(const struct sink_target *t, size_t column);
/* Settings and rights. */
enum err_code mys_preflight(struct sink *sink, bool creates, struct sink_preflight *out,
                            struct err *err) MUST_USE;
/* ---- mysql_evolve.c ---- */

/* Whether the target table has any row. */
enum err_code mys_has_rows(struct mys_sink *s, bool *any, struct err *err) MUST_USE;
/* Appends the statement that adds loaded column c to the target table. */
enum err_code mys_put_add(const struct sink_target *t, size_t c, struct buf *sql, struct err *err) MUST_USE;
/* Adds, or prints, what the target table (which is there) lacks and setup may add. */
enum err_code mys_evolve(struct mys_sink *s, struct buf *print, struct err *err) MUST_USE;

/* ---- mysql_rights.c ---- */

/* Adds a line to *out for each table on which the user lacks a right; READ_ONLY where the server is. */
enum err_code mys_rights(struct mys_sink *s, bool creates, struct buf *out, struct err *err) MUST_USE;

/* ---- mysql_ledger.c ---- */

enum err_code mys_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                struct err *err) MUST_USE;
enum err_code mys_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                          struct err *err) MUST_USE;
enum err_code mys_totals(struct sink_load *load, const struct ledger_row *rows, size_t n,
                         struct err *err) MUST_USE;
enum err_code mys_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                              size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code mys_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err) MUST_USE;
enum err_code mys_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                   struct err *err) MUST_USE;

/* ---- mysql_records.c ---- */

enum err_code mys_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                          struct err *err) MUST_USE;
enum err_code mys_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                struct err *err) MUST_USE;
enum err_code mys_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                              size_t n, struct err *err) MUST_USE;
enum err_code mys_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                               size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code mys_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                              size_t cap, size_t *n, struct buf *arena, struct err *err) MUST_USE;

/* ---- mysql_check.c ---- */

enum err_code mys_checks_add(struct sink_load *load, struct check_row *rows, size_t n,
                             struct err *err) MUST_USE;
enum err_code mys_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                             size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code mys_check_prepare(struct sink *sink, const char *template, struct err *err) MUST_USE;
enum err_code mys_check_sql(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                            struct err *err) MUST_USE;
enum err_code mys_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                           struct err *err) MUST_USE;

/* ---- mysql_claim.c ---- */

enum err_code mys_claim_take(struct sink *sink, hour_t hour, const char *owner, const struct claim_row *steal,
                             struct claim_row *row, bool *taken, struct err *err) MUST_USE;
enum err_code mys_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                              struct err *err) MUST_USE;
enum err_code mys_claim_release(struct sink *sink, const struct claim_row *row, struct err *err) MUST_USE;
enum err_code mys_claim_page(struct sink *sink, enum claim_which which, hour_t after, struct claim_row *rows,
                             size_t cap, size_t *n, struct err *err) MUST_USE;
/* The last statement of a data transaction; FENCED where the claim is not the load's any more. */
enum err_code mys_fence(struct mys_sink *s, const struct mys_load *load, struct err *err) MUST_USE;

/* ---- mysql_scan.c ---- */

enum err_code mys_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out,
                             struct err *err) MUST_USE;
enum err_code mys_scan_next(struct sink_scan *scan, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                            struct err *err) MUST_USE;
void mys_scan_end(struct sink_scan *scan);

/* ---- mysql_query.c ---- */

enum err_code mys_ask(struct sink *sink, const char *sql, const struct answer *answer,
                      struct err *err) MUST_USE;

#endif
