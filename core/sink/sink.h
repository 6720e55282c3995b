/*
 * sink: a SQL database that takes rows and keeps sluice's own books, behind one interface.
 *
 * A backend is one `const struct sink_type`; an instance embeds `struct sink` first, an open load `struct
 * sink_load`, a scan `struct sink_scan`. Callers use the sink_*() functions, checked wrappers around
 * type->op, never the ops. One thread at a time a handle.
 *
 *   states of a load:  sink_begin -> OPEN -> (ledger_insert | replace)* -> (append | rejects)* -> totals* ->
 * commit | abort commit and abort both consume the load, whatever they return. After any other error the only
 * legal call is abort: the unit is rolled back whole; nothing resumes a batch in the middle.
 *
 * Order inside a transaction (docs/guarantees.md): ledger rows first, so that two workers with the same
 * object collide before a row is sent; the fence last, in commit: one UPDATE of the claim that must match
 * exactly one row, else ROLLBACK and FENCED. All instants are the database's clock. Reads of sluice's own
 * tables give nothing where the tables are not there.
 */
#ifndef SLUICE_SINK_SINK_H
#define SLUICE_SINK_SINK_H

#include <stdatomic.h>

#include "core/base/clock.h"
#include "core/base/url.h"
#include "core/data/answer.h"
#include "core/data/batch.h"
#include "core/sink/records.h"

enum sink_lineage { LINEAGE_NONE, LINEAGE_COLUMN, LINEAGE_INDEXED };
enum sink_create { CREATE_NEVER, CREATE_IF_MISSING };

/* What is loaded where. Borrowed by the sink for its life. */
struct sink_target {
    const char *pipeline; /* at most REC_PIPELINE_MAX bytes */
    const char *table;
    const struct schema *schema;
    const size_t
        *key; /* indexes of loaded columns (0..nloaded-1): the primary key, if the table is made here */
    size_t nkey;
    enum sink_lineage lineage;
    int64_t lease_ms;
    bool evolve; /* setup adds columns that the schema has and the table lacks, nullable; else that is a
                    problem */
};

struct sink_open {
    const char *url;
    const char *base_dir;        /* relative file paths start here */
    const char *user, *password; /* NULL where not given */
    const struct clock *clock;
    bool read_only; /* makes and changes nothing; a database file that is not there reads as empty */
    int64_t replaces_connection; /* connection_id of a lost sink to get rid of first; 0 = none */
    const atomic_int *stop;      /* not 0 once asked to stop: long waits are cut short; may be NULL */
    struct sink_target target;
};

struct sink;
struct sink_load;

/* Makes further connections of the same kind: what the engine gets instead of a URL. */
struct sink_factory {
    enum err_code (*open)(void *ctx, bool read_only, int64_t replaces_connection, struct sink **out,
                          struct err *err);
    void *ctx;
};

struct sink_caps {
    unsigned max_writers; /* connections that can load at once; 1 for SQLite */
    bool lock_is_lease;   /* an open load locks everybody out: no renewal from beside is needed or possible */
    size_t batch_rows;    /* batch size that suits this sink: rows (<= BATCH_ROWS_MAX) ... */
    size_t batch_text;    /* ... and text bytes */
    const char *load_method; /* for log and ledger: "vtab", "local infile", "insert", "mem" */
};

struct sink {
    const struct sink_type *type;
    const struct clock *clock;
    const atomic_int *stop; /* as in sink_open */
    struct sink_target target;
    struct sink_caps caps;
    bool read_only;
    int64_t connection_id;  /* for replaces_connection, and for the backend alone to read; 0 = none */
    char *label;            /* redacted URL, for messages */
    struct sink_load *load; /* the open one; kept by the wrapper */
    bool in_scan;
};

enum own_tables { OWN_MISSING, OWN_OLDER, OWN_CURRENT, OWN_NEWER };

enum { SINK_NAMES_MAX = 512 }; /* "a, b, c", cut to "a, b, ..." */

/* What describe finds. `problems` has one line for each thing wrong with the target table ("" = none). */
struct sink_state {
    enum own_tables own;
    bool table_exists;
    bool has_lineage; /* a _load column is there */
    size_t lacks;     /* loaded columns that setup will add (target.evolve): they are no problem */
    char lacks_names[SINK_NAMES_MAX];
    size_t
        others; /* columns of the table that no load fills: a row that is replaced loses its values there */
    char others_names[SINK_NAMES_MAX];
    struct buf problems;
};
enum { SINK_PROBLEMS_MAX = 64 * 1024, SINK_CHECK_ROWS_MAX = 1000, SINK_CHECK_TEXT_MAX = 512 };

/* What stands in the way of loading, or may: a line each. */
struct sink_preflight {
    bool asked;          /* false where there are no settings and rights to find out */
    struct buf refused;  /* rights that this user lacks, with the statement that gives them */
    struct buf wrong;    /* settings of the server under which loading would break a promise */
    struct buf warnings; /* what will only be slower, or may fail later */
};

/* Whose transaction this is: the claim that commit will check. */
struct sink_begin {
    hour_t hour;
    const char *owner;
    int64_t epoch;
    const char *run_id;
};

/* Rows [from, to) of a batch that belong to one ledger row. */
struct sink_segment {
    size_t from, to;
    int64_t load_id;
};

enum load_state { LOAD_OPEN, LOAD_BROKEN };
struct sink_load {
    struct sink *sink;
    enum load_state state;
    int64_t failed_row; /* row of the last appended batch that broke a constraint (DB_CONSTRAINT), -1 = not
                           known */
};

struct sink_scan {
    struct sink *sink;
};

enum ledger_order { LEDGER_BY_KEY /* object, chunk */, LEDGER_BY_ID };

/* Which rows of the books; zeroed = all of this pipeline. */
struct ledger_query {
    bool any_pipeline;  /* rows of all pipelines */
    const char *object; /* exactly this object; NULL = any */
    const char *prefix; /* objects that start with it; NULL = any */
    const char *run_id; /* NULL = any */
    bool has_hour;
    hour_t hour;
    enum ledger_order order;
    /* the page begins behind this position */
    const char *after_object; /* by key; NULL = from the start */
    int64_t after_chunk;
    int64_t after_id; /* by id; 0 = from the start */
};

struct record_query {
    const char *object; /* NULL = any */
    const char *run_id;
    const char *error_name;
    bool has_hour;
    hour_t hour;
    int64_t load_id;      /* rejects: only of this load; 0 = any */
    bool only_replayable; /* rejects: of a load, not yet replayed; checks: that fired */
    int64_t after_id;
};

enum claim_which {
    CLAIMS_ALL,
    CLAIMS_OPEN, /* without those that nobody has and that are loaded or empty: few, however long the history
                  */
};

struct sink_type {
    const char *name;
    const char *const *schemes;

    /* Connects. Creates nothing but an empty SQLite file (not when read_only). Missing folder or database:
     * NOT_FOUND; refused: DENIED. */
    enum err_code (*open)(const struct sink_open *args, struct sink **out, struct err *err);
    void (*close)(struct sink *sink);
    /* Tells the database that this side is alive; DB_LOST where it is gone. NULL where nobody is told: then
     * silence ends nothing. */
    enum err_code (*keep)(struct sink *sink, struct err *err);

    /* Makes or upgrades target table, view and own tables; the only op with DDL; idempotent, safe beside
     * others doing the same. With target.evolve it adds the columns that the table lacks, and a row of
     * sluice_check for each (core/sink/evolve.h). With `print` it appends the DDL to it and does nothing. */
    enum err_code (*setup)(struct sink *sink, struct buf *print, struct err *err);
    enum err_code (*describe)(struct sink *sink, struct sink_state *state, struct err *err);
    /* Fills *out; changes nothing. READ_ONLY where nothing can be written at all. `creates`: what is missing
     * will be made by setup. NULL where there is nothing to find out. */
    enum err_code (*preflight)(struct sink *sink, bool creates, struct sink_preflight *out, struct err *err);
    /* True where the target table has rows that no load of sluice's (of any pipeline) put there. Without
     * lineage: any row. */
    enum err_code (*has_foreign_rows)(struct sink *sink, bool *any, struct err *err);

    enum err_code (*begin)(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                           struct err *err);
    /* Inserts rows in the given (key) order and sets their ids. A row that is there: LEDGER_EXISTS. */
    enum err_code (*ledger_insert)(struct sink_load *load, struct ledger_row *rows, size_t n,
                                   struct err *err);
    /* Takes over ledger row `old` (matched by id and run_id, else LEDGER_MOVED) for `row` (its chunk is set
     * to 0): deletes by _load the rows and rejects of every ledger row of this object (chunks, replays) and
     * those ledger rows; row->id = old->id. Needs lineage; BASELINE_ROW for such. NEEDS_LINEAGE where fewer
     * rows carry its _load than the ledger counts and the table has rows that carry none: they may be its
     * own, and new ones would double them. */
    enum err_code (*replace)(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                             struct err *err);
    /* Segments cover the batch's rows without gap. *stored = rows as the database counts them. A row it
     * refuses: DB_CONSTRAINT with failed_row. A value that it would change: DB_VALUE. */
    enum err_code (*append)(struct sink_load *load, const struct batch *batch,
                            const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                            struct err *err);
    enum err_code (*rejects)(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                             struct err *err);
    /* Marks rejects as replayed by load `by`; one that is marked already or not there: LEDGER_EXISTS. */
    enum err_code (*mark_replayed)(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                   struct err *err);
    /* Results of checks, into the transaction; sets their ids. */
    enum err_code (*checks_add)(struct sink_load *load, struct check_row *rows, size_t n, struct err *err);
    /* Runs a check's query (core/sink/check_template.h: the sink puts in what {table}, {loads} and {hour} of
     * the open load are) on the load's connection, within its transaction: *rows = how many it gives, counted
     * up to SINK_CHECK_ROWS_MAX; the first one as text "column=value, ..." into *first (cleared first; cut to
     * SINK_CHECK_TEXT_MAX). What is no query that only reads is CONFIG and is not run; what the database
     * refuses (a column that is not there) is CONFIG too. A function of the database's own that writes is not
     * found out. UNSUPPORTED where the sink has no SQL (NULL op). */
    enum err_code (*check_sql)(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                               struct err *err);
    /* Whether check_sql could run the query, found out outside of a load and without running it: CONFIG as
     * there. The tables are there and current. A NULL op finds nothing out. */
    enum err_code (*check_prepare)(struct sink *sink, const char *template, struct err *err);
    /* Of the target's rows whose load is of this hour and pipeline (this transaction's too, replays too): how
     * many values loaded column c has, and their sum. Needs lineage; numbers and booleans only. A NULL op is
     * UNSUPPORTED. */
    enum err_code (*hour_sum)(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                              struct err *err);
    /* Writes everything of the rows but id, object, chunk, started; sets finished. */
    enum err_code (*totals)(struct sink_load *load, const struct ledger_row *rows, size_t n, struct err *err);
    /* Fence, then COMMIT. FENCED: rolled back. IN_DOUBT: the answer was lost. BUSY is waited for inside,
     * until asked to stop: CANCELLED, rolled back. Consumes. */
    enum err_code (*commit)(struct sink_load *load, struct err *err);
    void (*abort)(struct sink_load *load);

    enum err_code (*ledger_page)(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                                 size_t cap, size_t *n, struct err *err);
    /* The header bytes of a ledger row (empty where it has none). */
    enum err_code (*ledger_header)(struct sink *sink, int64_t id, struct buf *out, struct err *err);
    /* One small transaction of its own: etags of rows whose content was found the same. A row that is gone:
     * LEDGER_MOVED, none is changed. */
    enum err_code (*ledger_set_etags)(struct sink *sink, const struct etag_mark *marks, size_t n,
                                      struct err *err);

    /* Adds the attempt (sets id) and its sample rejects in a transaction of its own. */
    enum err_code (*attempt_add)(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                                 size_t n, struct err *err);
    enum err_code (*attempt_page)(struct sink *sink, const struct record_query *query, struct attempt *rows,
                                  size_t cap, size_t *n, struct err *err);
    /* raw points into *arena (cleared first): valid until it changes. A page ends early rather than hold over
     * 16 MiB of raw bytes (but has one row). */
    enum err_code (*reject_page)(struct sink *sink, const struct record_query *query, struct reject *rows,
                                 size_t cap, size_t *n, struct buf *arena, struct err *err);

    /* Results of checks, in order of id. query->load_id, object, run_id, hour, after_id count; error_name is
     * a check's name here; only_replayable: only those that fired. */
    enum err_code (*check_page)(struct sink *sink, const struct record_query *query, struct check_row *rows,
                                size_t cap, size_t *n, struct err *err);

    /* One compare-and-set: takes the hour where it is free, expired or held by `owner` itself, or where
     * `steal` (may be NULL) names owner and epoch of the row as it stands. Taken: *taken, epoch + 1, state
     * running, and one takeover more where another owner had it still; a commit sets these to 0 again. Not
     * taken: *row is the holder's. */
    enum err_code (*claim_take)(struct sink *sink, hour_t hour, const char *owner,
                                const struct claim_row *steal, struct claim_row *row, bool *taken,
                                struct err *err);
    /* FENCED where the claim is not ours any more. */
    enum err_code (*claim_renew)(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                                 struct err *err);
    /* Frees the claim and writes state, attempts, last_error and retry_in_us of `row`, no takeovers; no error
     * where it was lost meanwhile. */
    enum err_code (*claim_release)(struct sink *sink, const struct claim_row *row, struct err *err);
    /* Rows with hour > after (HOUR_MIN - 1 to start), in order. */
    enum err_code (*claim_page)(struct sink *sink, enum claim_which which, hour_t after,
                                struct claim_row *rows, size_t cap, size_t *n, struct err *err);

    /* Rows of the target table back: of one load (needs lineage), or of all (load_id 0). */
    enum err_code (*scan_begin)(struct sink *sink, int64_t load_id, struct sink_scan **out, struct err *err);
    /* Fills the batch (cleared first; line = 0) up to its max; load_ids[i] = _load (0 without lineage or
     * NULL), odd[i] = 1 where a value is none of its column's type (its slot is NULL). Both arrays hold
     * batch->max_rows. rows == 0 at the end. */
    enum err_code (*scan_next)(struct sink_scan *scan, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                               struct err *err);
    void (*scan_end)(struct sink_scan *scan);

    /* A user's query in the sink's own SQL, on a read-only handle: its rows as they come, none is kept. What
     * is no single statement that only reads and gives rows is QUERY, and is not run. NULL where the sink has
     * no SQL. */
    enum err_code (*query)(struct sink *sink, const char *sql, const struct answer *answer, struct err *err);
};

/* For a backend's open: fills type, clock, target, read_only and label of its embedded sink; what sink_open
 * gave is valid for the life of the sink. */
enum err_code sink_base_init(struct sink *sink, const struct sink_type *type, const struct sink_open *args,
                             struct err *err) MUST_USE;
void sink_base_release(struct sink *sink);

/* CONFIG where the target cannot be (a table of sluice's own, a column that lineage needs, a key that is no
 * column). While a load is open only its own calls and reads of the books are legal; while a scan is open,
 * only scan_next and scan_end: some databases can do one thing at a time. */
enum err_code sink_open(const struct sink_type *type, const struct sink_open *args, struct sink **out,
                        struct err *err) MUST_USE;
void sink_close(struct sink *sink);
/* To be called at least every third of the lease by whoever holds the sink and waits for something else.
 * Legal at any time; while a scan is open it does nothing (its rows are on their way). A failure breaks an
 * open load. */
enum err_code sink_keep(struct sink *sink, struct err *err) MUST_USE;
enum err_code sink_setup(struct sink *sink, struct buf *print, struct err *err) MUST_USE;
enum err_code sink_describe(struct sink *sink, struct sink_state *state,
                            struct err *err) MUST_USE; /* release state->problems */
/* Legal on a read-only handle: it says what a writer would meet. Release *out whatever it returns. */
enum err_code sink_preflight(struct sink *sink, bool creates, struct sink_preflight *out,
                             struct err *err) MUST_USE;
void sink_preflight_release(struct sink_preflight *found);
enum err_code sink_has_foreign_rows(struct sink *sink, bool *any, struct err *err) MUST_USE;

enum err_code sink_begin(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                         struct err *err) MUST_USE;
enum err_code sink_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                 struct err *err) MUST_USE;
enum err_code sink_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                           struct err *err) MUST_USE;
enum err_code sink_append(struct sink_load *load, const struct batch *batch,
                          const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                          struct err *err) MUST_USE;
enum err_code sink_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                           struct err *err) MUST_USE;
enum err_code sink_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                 struct err *err) MUST_USE;
enum err_code sink_checks_add(struct sink_load *load, struct check_row *rows, size_t n,
                              struct err *err) MUST_USE;
enum err_code sink_check_sql(struct sink_load *load, const char *template, int64_t *rows, struct buf *first,
                             struct err *err) MUST_USE;
enum err_code sink_check_prepare(struct sink *sink, const char *template, struct err *err) MUST_USE;
enum err_code sink_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                            struct err *err) MUST_USE;
enum err_code sink_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                              size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code sink_totals(struct sink_load *load, const struct ledger_row *rows, size_t n,
                          struct err *err) MUST_USE;
enum err_code sink_commit(struct sink_load *load, struct err *err) MUST_USE;
void sink_abort(struct sink_load *load);

enum err_code sink_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                               size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code sink_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err) MUST_USE;
enum err_code sink_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                    struct err *err) MUST_USE;
enum err_code sink_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                               size_t n, struct err *err) MUST_USE;
enum err_code sink_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                                size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code sink_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                               size_t cap, size_t *n, struct buf *arena, struct err *err) MUST_USE;

enum err_code sink_claim_take(struct sink *sink, hour_t hour, const char *owner,
                              const struct claim_row *steal, struct claim_row *row, bool *taken,
                              struct err *err) MUST_USE;
enum err_code sink_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                               struct err *err) MUST_USE;
enum err_code sink_claim_release(struct sink *sink, const struct claim_row *row, struct err *err) MUST_USE;
enum err_code sink_claim_page(struct sink *sink, enum claim_which which, hour_t after, struct claim_row *rows,
                              size_t cap, size_t *n, struct err *err) MUST_USE;

enum err_code sink_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out,
                              struct err *err) MUST_USE;
enum err_code sink_scan_next(struct sink_scan *scan, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                             struct err *err) MUST_USE;
void sink_scan_end(struct sink_scan *scan);

/* UNSUPPORTED where the sink has no SQL. */
enum err_code sink_query(struct sink *sink, const char *sql, const struct answer *answer,
                         struct err *err) MUST_USE;

#endif
