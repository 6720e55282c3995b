/*
 * db: connections, locks and trouble. See db.h for the states of a transaction.
 *
 * Invariants: the books change only in step(), which nothing interrupts; a handle whose connection is lost
 * fails ever after, and its open transaction is no longer its own; a transaction is in `open` until it has
 * come to its end.
 */
#include "tests/sim/db.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

struct db {
    const struct pipeline *pipeline;
    struct sink *books;
    struct clock clock; /* the database's own */
    bool one_writer;
    struct db_trouble trouble;
    const struct db_watch *watch;
    struct db_txn *open;
    int64_t connections; /* made so far */
};

struct handle {
    struct sink base;
    struct db *db;
    const struct proc *proc;
    struct db_txn *txn; /* what it has begun; NULL = none */
    bool lost;
};

extern const struct sink_type sink_mem;

static const struct sink_type TYPE;

struct sink *db_books(struct db *db)
{
    return db->books;
}

void db_set_trouble(struct db *db, const struct db_trouble *trouble)
{
    db->trouble = *trouble;
}

static struct handle *handle_of(struct sink *sink)
{
    return (struct handle *)sink;
}

/* ---- claims, as the watcher sees them ---- */

static void claim_row(struct db *db, hour_t hour, struct claim_row *row)
{
    struct err err = ERR_INIT;
    size_t n = 0;
    if (sink_claim_page(db->books, CLAIMS_ALL, hour - 1, row, 1, &n, &err) != ERR_OK)
        abort();
    if (n == 0 || row->hour != hour)
        *row = (struct claim_row){.hour = hour};
}

/* ---- the ends of transactions ---- */

static void leave(struct db_txn *txn)
{
    struct db *db = txn->db;
    struct db_txn **at = &db->open;
    while (*at != txn)
        at = &(*at)->next;
    *at = txn->next;
    db_load_forget(txn);
    txn->ended = true;
    if (!txn->held)
        mem_free(txn);
    sched_wake(db);
}

/* Its client will not speak of it any more. */
static void give_back(struct db_txn *txn)
{
    txn->held = false;
    if (txn->ended)
        mem_free(txn);
}

/* The fence and the rest, in one. Ends the transaction, as everything here that is named after an end. */
static enum err_code commit_now(struct db_txn *txn, struct err *err)
{
    struct db *db = txn->db;
    struct claim_row before, after;
    claim_row(db, txn->begin.hour, &before);
    if (db_load_play(txn, err) == ERR_OK) {
        claim_row(db, txn->begin.hour, &after);
        sched_log("database: committed (%s)", txn->run_id);
        if (db->watch) {
            db->watch->committed(db->watch->ctx, &txn->begin, &before);
            db->watch->claimed(db->watch->ctx, &before, &after);
        }
    }
    leave(txn);
    return err->code;
}

static void roll_back(struct db_txn *txn)
{
    sched_log("database: rolled back (%s)", txn->run_id);
    leave(txn);
}

static void come_to_its_end(struct db_txn *txn)
{
    struct err err = ERR_INIT;
    if (txn->state == TXN_DOUBT && txn->commits)
        (void)!commit_now(txn, &err);
    else
        roll_back(txn);
}

/* What hung long enough has come to its end by now. */
static void settle(struct db *db)
{
    for (struct db_txn *txn = db->open, *next; txn; txn = next) {
        next = txn->next;
        if (txn->state != TXN_OPEN && txn->until_us <= sched_now_us())
            come_to_its_end(txn);
    }
}

void db_settle_all(struct db *db)
{
    while (db->open)
        come_to_its_end(db->open);
}

/* The client of an open transaction is gone. */
static void abandon(struct db_txn *txn)
{
    if (txn->db->one_writer || sched_below(2)) {
        roll_back(txn);
        return;
    }
    txn->state = TXN_ORPHAN;
    txn->until_us = sched_now_us() +
                    (int64_t)sched_below((uint32_t)(txn->db->pipeline->target.lease_ms)) * 1000;
    sched_wake(txn->db); /* waiters learn for how long */
}

void db_client_died(struct db *db, const struct proc *proc)
{
    for (struct db_txn *txn = db->open, *next; txn; txn = next) {
        next = txn->next;
        if (txn->proc == proc && txn->state == TXN_OPEN)
            abandon(txn);
    }
}

static void lose(struct handle *h)
{
    h->lost = true;
    if (h->txn && h->txn->state == TXN_OPEN)
        abandon(h->txn);
    h->txn = NULL;
}

/* KILL of a connection: it takes effect now or a little later. */
static void kill_connection(struct db *db, int64_t connection)
{
    for (struct db_txn *txn = db->open, *next; txn; txn = next) {
        next = txn->next;
        if (txn->connection != connection)
            continue;
        if (txn->state == TXN_OPEN)
            txn->state = TXN_ORPHAN;
        txn->until_us = sched_now_us() + (sched_below(2) ? 0 : (int64_t)sched_below(2000000));
    }
    settle(db);
    sched_wake(db);
}

/* ---- locks ---- */

typedef bool blocks_fn(const struct db_txn *other, const void *what);

static enum err_code wait_while(struct db *db, const struct db_txn *self, blocks_fn *blocks, const void *what,
                                int64_t patience_us, struct err *err)
{
    int64_t deadline = sched_now_us() + patience_us;
    for (;;) {
        const struct db_txn *other;
        int64_t until = deadline;
        settle(db);
        for (other = db->open; other && (other == self || !blocks(other, what)); other = other->next)
            ;
        if (!other)
            return ERR_OK;
        if (sched_now_us() >= deadline)
            return err_set(err, ERRN_DB_BUSY, "the database waited too long for a lock");
        if (other->state != TXN_OPEN && other->until_us < until)
            until = other->until_us;
        sched_wait(db, until);
    }
}

struct key {
    const char *object;
    int64_t chunk;
};

static bool holds_key(const struct db_txn *other, const void *what)
{
    const struct key *key = what;
    return db_load_holds(other, key->object, key->chunk);
}

enum err_code db_wait_key(struct db_txn *txn, const char *object, int64_t chunk, struct err *err)
{
    struct key key = {object, chunk};
    return txn->db->one_writer ? ERR_OK : wait_while(txn->db, txn, holds_key, &key, DB_LOCK_WAIT_US, err);
}

static bool any(const struct db_txn *other, const void *what)
{
    (void)other;
    (void)what;
    return true;
}

/* A commit in doubt has its claim's row locked since the fence. */
static bool has_fenced(const struct db_txn *other, const void *hour)
{
    return other->state == TXN_DOUBT && other->begin.hour == *(const hour_t *)hour;
}

static enum err_code wait_claim(struct db *db, hour_t hour, struct err *err)
{
    return db->one_writer ? wait_while(db, NULL, any, NULL, DB_BUSY_US, err)
                          : wait_while(db, NULL, has_fenced, &hour, DB_LOCK_WAIT_US, err);
}

/* ---- trouble around calls ---- */

static enum err_code lost(struct err *err)
{
    return err_set(err, ERRN_DB_LOST, "the connection to the database is lost");
}

static enum err_code before(struct handle *h, const char *what, struct err *err)
{
    struct db *db = h->db;
    sched_point();
    settle(db);
    if (h->lost)
        return lost(err);
    if (!sched_chance(db->trouble.refuse))
        return ERR_OK;
    sched_note(2);
    if (db->one_writer || sched_below(4) == 0) {
        sched_log("%s -> busy", what);
        return err_set(err, ERRN_DB_BUSY, "%s: the database is busy", what);
    }
    sched_log("%s -> the connection is lost before it", what);
    lose(h);
    return lost(err);
}

static enum err_code after(struct handle *h, const char *what, struct err *err)
{
    sched_note((uint64_t)err->code << 32 | (uint64_t)what[0]);
    if (err->code == ERR_OK && !h->db->one_writer && sched_chance(h->db->trouble.mute)) {
        sched_log("%s -> done, but the connection is lost", what);
        lose(h);
        return lost(err);
    }
    sched_log("%s -> %s", what, err->code == ERR_OK ? "done" : err_name_text(err->name));
    sched_point();
    return err->code;
}

enum err_code db_enter(struct db_txn *txn, const char *what, struct err *err)
{
    return before(handle_of(txn->base.sink), what, err);
}

/* Calls that only read, or write a little in a transaction of their own. */
#define AROUND(what, call)                                                                                   \
    do {                                                                                                     \
        struct handle *h = handle_of(sink);                                                                  \
        if (before(h, what, err) == ERR_OK) {                                                                \
            (void)!call;                                                                                     \
            (void)!after(h, what, err);                                                                      \
        }                                                                                                    \
        return err->code;                                                                                    \
    } while (0)

/* Behind wait_claim nothing comes in between. */
#define AROUND_CLAIM(what, touched, call)                                                                    \
    do {                                                                                                     \
        struct handle *h = handle_of(sink);                                                                  \
        struct claim_row was, is;                                                                            \
        if (before(h, what, err) != ERR_OK || wait_claim(h->db, touched, err) != ERR_OK)                     \
            return err->code;                                                                                \
        claim_row(h->db, touched, &was);                                                                     \
        (void)!call;                                                                                         \
        claim_row(h->db, touched, &is);                                                                      \
        if (sched_logging())                                                                                 \
            sched_log("hour %lld: %s %lld %s -> %s %lld %s", (long long)touched, was.owner,                  \
                      (long long)was.epoch, hour_state_text(was.state), is.owner, (long long)is.epoch,       \
                      hour_state_text(is.state));                                                            \
        if (h->db->watch)                                                                                    \
            h->db->watch->claimed(h->db->watch->ctx, &was, &is);                                             \
        return after(h, what, err);                                                                          \
    } while (0)

/* ---- ops ---- */

static void close_handle(struct sink *sink)
{
    mem_free(handle_of(sink));
}

static enum err_code describe(struct sink *sink, struct sink_state *state, struct err *err)
{
    AROUND("describe", sink_describe(handle_of(sink)->db->books, state, err));
}

static enum err_code has_foreign_rows(struct sink *sink, bool *found, struct err *err)
{
    AROUND("has_foreign_rows", sink_has_foreign_rows(handle_of(sink)->db->books, found, err));
}

static enum err_code begin(struct sink *sink, const struct sink_begin *args, struct sink_load **out,
                           struct err *err)
{
    struct handle *h = handle_of(sink);
    struct db *db = h->db;
    struct db_txn *txn;
    if (before(h, "begin", err) != ERR_OK ||
        (db->one_writer && wait_while(db, NULL, any, NULL, DB_BUSY_US, err) != ERR_OK))
        return err->code;
    if (!(txn = mem_calloc(1, sizeof *txn)))
        return err_nomem(err);
    txn->base.sink = sink;
    txn->db = db;
    txn->proc = h->proc;
    txn->connection = sink->connection_id;
    txn->begin = *args;
    snprintf(txn->owner, sizeof txn->owner, "%s", args->owner);
    snprintf(txn->run_id, sizeof txn->run_id, "%s", args->run_id);
    txn->begin.owner = txn->owner;
    txn->begin.run_id = txn->run_id;
    txn->last = &txn->calls;
    txn->held = true;
    txn->next = db->open;
    db->open = txn;
    h->txn = txn;
    *out = &txn->base;
    return ERR_OK;
}

static void abort_load(struct sink_load *load)
{
    struct db_txn *txn = (struct db_txn *)load;
    struct handle *h = handle_of(load->sink);
    if (h->txn)
        roll_back(txn);
    h->txn = NULL;
    give_back(txn);
}

/* The answer is lost: it is in; or it is not; or nobody knows yet. */
static enum err_code in_doubt(struct handle *h, struct db_txn *txn, const struct claim_row *claim,
                              struct err *err)
{
    struct err fate = ERR_INIT;
    uint32_t how = sched_below(3);
    bool fenced = strcmp(claim->owner, txn->owner) == 0 && claim->epoch == txn->begin.epoch;
    h->lost = true;
    if (how == 0 || !fenced) {
        sched_log("commit -> in doubt");
        (void)!commit_now(txn, &fate);
    } else if (how == 1) {
        sched_log("commit -> in doubt");
        roll_back(txn);
    } else {
        txn->state = TXN_DOUBT;
        txn->commits = sched_below(2);
        txn->until_us = sched_now_us() +
                        (int64_t)sched_below((uint32_t)h->db->pipeline->target.lease_ms) * 1000;
        sched_log("commit -> in doubt, and still at it for %.3f s",
                  (double)(txn->until_us - sched_now_us()) / 1e6);
        sched_wake(h->db);
    }
    sched_point();
    return err_set(err, ERRN_DB_IN_DOUBT, "the answer to COMMIT was lost");
}

static enum err_code commit(struct sink_load *load, struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    struct handle *h = handle_of(load->sink);
    struct db *db = h->db;
    struct claim_row claim;
    if (before(h, "commit", err) != ERR_OK) {
        abort_load(load);
        return err->code;
    }
    h->txn = NULL;
    txn->held = false;
    if (!db->one_writer &&
        wait_while(db, txn, has_fenced, &txn->begin.hour, DB_LOCK_WAIT_US, err) != ERR_OK) {
        roll_back(txn);
        return err->code;
    }
    claim_row(db, txn->begin.hour, &claim);
    if (!db->one_writer && sched_chance(db->trouble.doubt))
        return in_doubt(h, txn, &claim, err);
    (void)!commit_now(txn, err);
    sched_log("commit -> %s", err->code == ERR_OK ? "done" : err_name_text(err->name));
    sched_note((uint64_t)err->code << 32 | 3);
    sched_point();
    return err->code;
}

static enum err_code ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                                 size_t cap, size_t *n, struct err *err)
{
    AROUND("ledger_page", sink_ledger_page(handle_of(sink)->db->books, query, rows, cap, n, err));
}

static enum err_code ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                      struct err *err)
{
    if (handle_of(sink)->db->one_writer &&
        wait_while(handle_of(sink)->db, NULL, any, NULL, DB_BUSY_US, err) != ERR_OK)
        return err->code;
    AROUND("set_etags", sink_ledger_set_etags(handle_of(sink)->db->books, marks, n, err));
}

static enum err_code attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                                 size_t n, struct err *err)
{
    if (handle_of(sink)->db->one_writer &&
        wait_while(handle_of(sink)->db, NULL, any, NULL, DB_BUSY_US, err) != ERR_OK)
        return err->code;
    AROUND("attempt_add", sink_attempt_add(handle_of(sink)->db->books, attempt, samples, n, err));
}

static enum err_code claim_take(struct sink *sink, hour_t hour, const char *owner,
                                const struct claim_row *steal, struct claim_row *row, bool *taken,
                                struct err *err)
{
    AROUND_CLAIM("claim_take", hour, sink_claim_take(h->db->books, hour, owner, steal, row, taken, err));
}

static enum err_code claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                                 struct err *err)
{
    AROUND_CLAIM("claim_renew", hour, sink_claim_renew(h->db->books, hour, owner, epoch, err));
}

static enum err_code claim_release(struct sink *sink, const struct claim_row *row, struct err *err)
{
    AROUND_CLAIM("claim_release", row->hour, sink_claim_release(h->db->books, row, err));
}

static enum err_code claim_page(struct sink *sink, enum claim_which which, hour_t from,
                                struct claim_row *rows, size_t cap, size_t *n, struct err *err)
{
    AROUND("claim_page", sink_claim_page(handle_of(sink)->db->books, which, from, rows, cap, n, err));
}

static const char *const SCHEMES[] = {NULL};

/* What no worker calls is left out: a call would end the program. */
static const struct sink_type TYPE = {
    .name = "simulated",
    .schemes = SCHEMES,
    .close = close_handle,
    .describe = describe,
    .has_foreign_rows = has_foreign_rows,
    .begin = begin,
    .ledger_insert = db_load_ledger_insert,
    .replace = db_load_replace,
    .append = db_load_append,
    .rejects = db_load_rejects,
    .checks_add = db_load_checks_add,
    .totals = db_load_totals,
    .commit = commit,
    .abort = abort_load,
    .ledger_page = ledger_page,
    .ledger_set_etags = ledger_set_etags,
    .attempt_add = attempt_add,
    .claim_take = claim_take,
    .claim_renew = claim_renew,
    .claim_release = claim_release,
    .claim_page = claim_page,
};

/* ---- connections ---- */

enum err_code db_connect(void *ctx, bool read_only, int64_t replaces, struct sink **out, struct err *err)
{
    struct db *db = ctx;
    *out = NULL;
    sched_point();
    settle(db);
    if (sched_chance(db->trouble.refuse)) {
        sched_log("connect -> refused");
        return lost(err);
    }
    struct handle *h = mem_calloc(1, sizeof *h);
    if (!h)
        return err_nomem(err);
    h->base = *db->books;
    h->base.type = &TYPE;
    h->base.clock = &sched_self()->clock;
    h->base.read_only = read_only;
    h->base.connection_id = ++db->connections;
    h->base.caps = (struct sink_caps){.max_writers = db->one_writer ? 1 : 8,
                                      .lock_is_lease = db->one_writer,
                                      .batch_rows = 4,
                                      .batch_text = 4096,
                                      .load_method = "simulated"};
    h->db = db;
    h->proc = sched_self();
    if (replaces)
        kill_connection(db, replaces);
    *out = &h->base;
    sched_point();
    return ERR_OK;
}

static int64_t now_us(const struct clock *clock)
{
    (void)clock;
    return sched_now_us();
}

/* Nobody else is at work on the books: they never wait. */
static void no_sleep(const struct clock *clock, int64_t us)
{
    (void)clock;
    (void)us;
    abort();
}

static uint64_t no_chance(const struct clock *clock)
{
    (void)clock;
    abort();
}

enum err_code db_new(const struct pipeline *p, bool one_writer, const struct db_watch *watch, struct db **out,
                     struct err *err)
{
    struct db *db = mem_calloc(1, sizeof *db);
    *out = NULL;
    if (!db)
        return err_nomem(err);
    *db = (struct db){.pipeline = p,
                      .one_writer = one_writer,
                      .watch = watch,
                      .clock = {now_us, now_us, no_sleep, no_chance}};
    struct sink_open args = {.url = p->target.url,
                             .base_dir = p->base_dir,
                             .clock = &db->clock,
                             .target = {.pipeline = p->name,
                                        .table = p->target.table,
                                        .schema = &p->schema,
                                        .key = p->target.key,
                                        .nkey = p->target.nkey,
                                        .lineage = (enum sink_lineage)p->target.lineage,
                                        .evolve = p->schema.contract == CONTRACT_EVOLVE,
                                        .lease_ms = p->target.lease_ms}};
    if (sink_open(&sink_mem, &args, &db->books, err) != ERR_OK ||
        sink_setup(db->books, NULL, err) != ERR_OK) {
        db_free(db);
        return err->code;
    }
    *out = db;
    return ERR_OK;
}

void db_free(struct db *db)
{
    if (!db)
        return;
    db_settle_all(db);
    sink_close(db->books);
    mem_free(db);
}
