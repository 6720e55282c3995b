/*
 * db: the database of a simulated world: many connections, their transactions side by side, and all that goes
 * wrong between a client and its server. The rows and books themselves are kept by one mem: sink, under the
 * database's own clock.
 *
 * What it does as InnoDB does: a load's rows are seen by nobody before its commit; a ledger row that another
 * open transaction has inserted (or is replacing) is waited for, up to DB_LOCK_WAIT_US; the fence and the
 * commit are one step. So a load is kept as a list of calls, and played into the mem: sink at its commit.
 *
 *   a transaction:  OPEN -> committed | rolled back
 *                   OPEN -> ORPHAN (its client is gone; the server notices after a while) -> rolled back
 *                   OPEN -> DOUBT (the fence went well, the answer to COMMIT is lost; it keeps its locks) ->
 * committed | rolled back, after a while or when its connection is killed
 *
 * With one writer (as SQLite) an open load locks everybody out, and no answer is lost.
 */
#ifndef SLUICE_TESTS_SIM_DB_H
#define SLUICE_TESTS_SIM_DB_H

#include "core/config/pipeline.h"
#include "core/sink/sink.h"
#include "tests/sim/sched.h"

#define DB_LOCK_WAIT_US (50 * SECOND_US)
#define DB_BUSY_US      (5 * SECOND_US)

/* In millionths of the calls. */
struct db_trouble {
    uint32_t refuse; /* lost or busy, and nothing was done */
    uint32_t mute;   /* done, but the answer is lost */
    uint32_t doubt;  /* of commits: the answer is lost, whatever became of it */
};

/* Who looks at each step that changed something; not in the middle of one. */
struct db_watch {
    /* A load was committed under `begin`; the hour's claim stood at `claim` (zeroed: there was none). */
    void (*committed)(void *ctx, const struct sink_begin *begin, const struct claim_row *claim);
    /* The hour's claim was touched. Both zeroed but for the hour where there is none. */
    void (*claimed)(void *ctx, const struct claim_row *before, const struct claim_row *after);
    void *ctx;
};

struct db;

/* Makes the tables too. */
enum err_code db_new(const struct pipeline *pipeline, bool one_writer, const struct db_watch *watch,
                     struct db **out, struct err *err) MUST_USE;
void db_free(struct db *db);
void db_set_trouble(struct db *db, const struct db_trouble *trouble);

/* A connection of the calling fiber's process. Fits struct sink_factory with ctx = the db. */
enum err_code db_connect(void *db, bool read_only, int64_t replaces, struct sink **out,
                         struct err *err) MUST_USE;
/* The process is dead: its transactions end, sooner or later. */
void db_client_died(struct db *db, const struct proc *proc);
/* What hangs comes to its end. */
void db_settle_all(struct db *db);

/* The rows and books as they are committed; nothing comes between two calls. */
struct sink *db_books(struct db *db);

/* ---- db.c and db_load.c ---- */

struct db_call;
enum db_txn_state { TXN_OPEN, TXN_ORPHAN, TXN_DOUBT };

struct db_txn {
    struct sink_load base;
    struct db_txn *next;
    struct db *db;
    const struct proc *proc;
    int64_t connection;
    enum db_txn_state state;
    int64_t until_us; /* ORPHAN, DOUBT */
    bool commits;     /* DOUBT: then */
    bool held;        /* its client has not given it back yet: it will abort or commit it */
    bool ended;
    struct sink_begin begin; /* owner and run_id point into these: */
    char owner[REC_OWNER_MAX + 1], run_id[REC_RUN_ID_MAX + 1];
    struct db_call *calls, **last;
};

/* The ops of a load, and playing them into the books: all of them, or (any error) none. */
enum err_code db_load_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                    struct err *err);
enum err_code db_load_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                              struct err *err);
enum err_code db_load_append(struct sink_load *load, const struct batch *batch,
                             const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                             struct err *err);
enum err_code db_load_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                              struct err *err);
enum err_code db_load_checks_add(struct sink_load *load, struct check_row *rows, size_t n, struct err *err);
enum err_code db_load_totals(struct sink_load *load, const struct ledger_row *rows, size_t n,
                             struct err *err);
enum err_code db_load_play(struct db_txn *txn, struct err *err) MUST_USE;
void db_load_forget(struct db_txn *txn);
/* Whether the transaction holds the ledger's key (object, chunk). */
bool db_load_holds(const struct db_txn *txn, const char *object, int64_t chunk);

/* Around each call of a load: trouble. */
enum err_code db_enter(struct db_txn *txn, const char *what, struct err *err) MUST_USE;
/* Waits until no other transaction holds the key; chunk DB_ANY_CHUNK: none of the object's. */
#define DB_ANY_CHUNK INT64_MIN
enum err_code db_wait_key(struct db_txn *txn, const char *object, int64_t chunk, struct err *err) MUST_USE;

#endif
