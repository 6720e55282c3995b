/*
 * db_load: the calls of an open load, kept to be played at its commit. See db.h.
 *
 * Invariants: what is kept is copied; a ledger row has an id of the load's own (from PROVISIONAL on) until it
 * is played, and the calls behind it that name this id are given the true one then; a key that is held was
 * free in the books when it was taken, and nobody else can take it.
 */
#include <string.h>

#include "core/base/mem.h"
#include "tests/sim/db.h"

#define PROVISIONAL (INT64_C(1) << 40)

enum kind { CALL_INSERT, CALL_REPLACE, CALL_APPEND, CALL_REJECTS, CALL_CHECKS, CALL_TOTALS };
enum { ROWS_MAX = 512, TEXT_MAX = 64 * 1024 };

struct db_call {
    struct db_call *next;
    enum kind kind;
    size_t n;
    struct ledger_row *rows; /* INSERT, TOTALS; REPLACE: the old and the new one; headers are owned */
    int64_t *ids;            /* INSERT: the provisional ones */
    struct batch *batch;
    struct sink_segment *segments;
    struct reject *rejects; /* raw is owned */
    struct check_row *checks;
};

/* The same provisional ids come again in another load: they mean nothing outside of it. */
static int64_t next_id(const struct db_txn *txn)
{
    int64_t id = PROVISIONAL;
    for (const struct db_call *call = txn->calls; call; call = call->next)
        if (call->kind == CALL_INSERT)
            id += (int64_t)call->n;
    return id;
}

static void call_free(struct db_call *call)
{
    for (size_t i = 0; call->rows && i < call->n; i++)
        mem_free((char *)(uintptr_t)call->rows[i].header);
    for (size_t i = 0; call->rejects && i < call->n; i++)
        mem_free((char *)(uintptr_t)call->rejects[i].raw);
    mem_free(call->rows);
    mem_free(call->ids);
    mem_free(call->segments);
    mem_free(call->rejects);
    mem_free(call->checks);
    batch_free(call->batch);
    mem_free(call);
}

void db_load_forget(struct db_txn *txn)
{
    while (txn->calls) {
        struct db_call *call = txn->calls;
        txn->calls = call->next;
        call_free(call);
    }
    txn->last = &txn->calls;
}

static struct db_call *call_new(enum kind kind, size_t n)
{
    struct db_call *call = mem_calloc(1, sizeof *call);
    if (call) {
        call->kind = kind;
        call->n = n;
    }
    return call;
}

static void keep(struct db_txn *txn, struct db_call *call)
{
    *txn->last = call;
    txn->last = &call->next;
}

static bool copy_rows(struct db_call *call, const struct ledger_row *rows, size_t n, size_t at)
{
    if (!call->rows && !(call->rows = mem_calloc(call->n, sizeof *rows)))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct ledger_row *row = &call->rows[at + i];
        *row = rows[i];
        if (row->header && !(row->header = mem_strndup(row->header, row->header_len)))
            return false;
    }
    return true;
}

bool db_load_holds(const struct db_txn *txn, const char *object, int64_t chunk)
{
    for (const struct db_call *call = txn->calls; call; call = call->next)
        for (size_t i = 0; (call->kind == CALL_INSERT || call->kind == CALL_REPLACE) && i < call->n; i++) {
            bool all = chunk == DB_ANY_CHUNK || call->kind == CALL_REPLACE;
            if (strcmp(call->rows[i].object, object) == 0 && (all || call->rows[i].chunk == chunk))
                return true;
        }
    return false;
}

/* The row of the books with this key, or id where that is set. */
static enum err_code find(struct db *db, const char *object, int64_t chunk, int64_t id, bool *found,
                          struct ledger_row *out, struct err *err)
{
    static struct ledger_row page[REC_PAGE];
    struct ledger_query query = {.object = object, .order = LEDGER_BY_KEY};
    size_t n = 0;
    *found = false;
    if (sink_ledger_page(db_books(db), &query, page, REC_PAGE, &n, err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < n && !*found; i++)
        if (id ? page[i].id == id : page[i].chunk == chunk) {
            *out = page[i];
            *found = true;
        }
    return ERR_OK;
}

/* One row at a time: each holds its key from then on. */
enum err_code db_load_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                    struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    if (db_enter(txn, "ledger_insert", err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < n; i++) {
        static struct ledger_row there;
        bool found = false;
        if (db_wait_key(txn, rows[i].object, rows[i].chunk, err) != ERR_OK ||
            find(txn->db, rows[i].object, rows[i].chunk, 0, &found, &there, err) != ERR_OK)
            return err->code;
        if (found)
            return err_set(err, ERRN_LEDGER_EXISTS, "%s (chunk %lld) is in the ledger already",
                           rows[i].object, (long long)rows[i].chunk);
        struct db_call *call = call_new(CALL_INSERT, 1);
        if (!call || !copy_rows(call, &rows[i], 1, 0) || !(call->ids = mem_alloc(sizeof *call->ids)))
            return err_nomem(err);
        call->ids[0] = rows[i].id = next_id(txn);
        keep(txn, call);
    }
    return ERR_OK;
}

enum err_code db_load_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                              struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    static struct ledger_row there;
    bool found = false;
    if (db_enter(txn, "replace", err) != ERR_OK ||
        db_wait_key(txn, old->object, DB_ANY_CHUNK, err) != ERR_OK ||
        find(txn->db, old->object, 0, old->id, &found, &there, err) != ERR_OK)
        return err->code;
    if (!found || strcmp(there.run_id, old->run_id) != 0)
        return err_set(err, ERRN_LEDGER_MOVED, "%s: its ledger row was replaced by another run", old->object);
    row->id = old->id;
    row->chunk = 0;
    struct db_call *call = call_new(CALL_REPLACE, 2);
    if (!call || !copy_rows(call, old, 1, 0) || !copy_rows(call, row, 1, 1))
        return err_nomem(err);
    keep(txn, call);
    return ERR_OK;
}

static enum err_code copy_batch(const struct batch *from, struct batch **out, struct err *err)
{
    if (batch_new(from->schema, from->rows ? from->rows : 1, TEXT_MAX, out, err) != ERR_OK)
        return err->code;
    for (size_t row = 0; row < from->rows; row++) {
        batch_begin_row(*out);
        for (size_t c = 0; c < from->ncols; c++) {
            size_t len;
            if (from->cols[c].null[row])
                batch_set_null(*out, c);
            else if (from->cols[c].storage != STORAGE_STR)
                batch_set_i64(*out, c, from->cols[c].i64[row]); /* a double's bits are as good */
            else if (batch_set_str(*out, c, batch_str(from, c, row, &len), from->cols[c].str[row].len, err) !=
                     ERR_OK)
                return err->code;
        }
        batch_commit_row(*out, from->line[row], from->offset[row]);
    }
    return ERR_OK;
}

enum err_code db_load_append(struct sink_load *load, const struct batch *batch,
                             const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                             struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    struct db_call *call;
    if (db_enter(txn, "append", err) != ERR_OK)
        return err->code;
    if (!(call = call_new(CALL_APPEND, nsegments)) ||
        !(call->segments = mem_alloc(nsegments * sizeof *segments)) ||
        copy_batch(batch, &call->batch, err) != ERR_OK)
        return err_nomem(err);
    memcpy(call->segments, segments, nsegments * sizeof *segments);
    keep(txn, call);
    *stored = (int64_t)batch->rows;
    return ERR_OK;
}

enum err_code db_load_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                              struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    struct db_call *call;
    if (db_enter(txn, "rejects", err) != ERR_OK)
        return err->code;
    if (!(call = call_new(CALL_REJECTS, n)) || !(call->rejects = mem_calloc(n, sizeof *rejects)))
        return err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        call->rejects[i] = rejects[i];
        if (!(call->rejects[i].raw = mem_strndup(rejects[i].raw, rejects[i].raw_len)))
            return err_nomem(err);
    }
    keep(txn, call);
    *stored = (int64_t)n;
    return ERR_OK;
}

enum err_code db_load_checks_add(struct sink_load *load, struct check_row *rows, size_t n, struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    struct db_call *call;
    if (db_enter(txn, "checks_add", err) != ERR_OK)
        return err->code;
    if (!(call = call_new(CALL_CHECKS, n)) || !(call->checks = mem_alloc(n * sizeof *rows)))
        return err_nomem(err);
    memcpy(call->checks, rows, n * sizeof *rows);
    keep(txn, call);
    return ERR_OK;
}

enum err_code db_load_totals(struct sink_load *load, const struct ledger_row *rows, size_t n, struct err *err)
{
    struct db_txn *txn = (struct db_txn *)load;
    struct db_call *call;
    if (db_enter(txn, "totals", err) != ERR_OK)
        return err->code;
    if (!(call = call_new(CALL_TOTALS, n)) || !copy_rows(call, rows, n, 0))
        return err_nomem(err);
    keep(txn, call);
    return ERR_OK;
}

/* ---- playing ---- */

static int64_t true_id(const struct db_txn *txn, int64_t id)
{
    for (const struct db_call *call = txn->calls; call; call = call->next)
        for (size_t i = 0; call->kind == CALL_INSERT && i < call->n; i++)
            if (call->ids[i] == id)
                return call->rows[i].id;
    return id;
}

static enum err_code play(struct db_txn *txn, struct db_call *call, struct sink_load *load, struct err *err)
{
    int64_t stored;
    switch (call->kind) {
    case CALL_INSERT:
        return sink_ledger_insert(load, call->rows, call->n, err);
    case CALL_REPLACE:
        return sink_replace(load, &call->rows[0], &call->rows[1], err);
    case CALL_APPEND:
        for (size_t i = 0; i < call->n; i++)
            call->segments[i].load_id = true_id(txn, call->segments[i].load_id);
        return sink_append(load, call->batch, call->segments, call->n, &stored, err);
    case CALL_REJECTS:
        for (size_t i = 0; i < call->n; i++)
            call->rejects[i].load_id = true_id(txn, call->rejects[i].load_id);
        return sink_rejects(load, call->rejects, call->n, &stored, err);
    case CALL_CHECKS:
        for (size_t i = 0; i < call->n; i++)
            call->checks[i].load_id = true_id(txn, call->checks[i].load_id);
        return sink_checks_add(load, call->checks, call->n, err);
    default:
        for (size_t i = 0; i < call->n; i++)
            call->rows[i].id = true_id(txn, call->rows[i].id);
        return sink_totals(load, call->rows, call->n, err);
    }
}

enum err_code db_load_play(struct db_txn *txn, struct err *err)
{
    struct sink_load *load = NULL;
    if (sink_begin(db_books(txn->db), &txn->begin, &load, err) != ERR_OK)
        return err->code;
    for (struct db_call *call = txn->calls; call; call = call->next)
        if (play(txn, call, load, err) != ERR_OK) {
            sink_abort(load);
            return err->code;
        }
    return sink_commit(load, err);
}
