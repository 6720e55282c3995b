/*
 * sqlite_replace: takes an object out of table and ledger, for its next version.
 *
 * Without an index on _load every object would cost a scan of the table. The rows of a load lie together, so
 * the first replace of a connection notes in one scan where each load lies (struct sqlite_runs), and deletes
 * look there only. What was noted is a hint: it serves as long as no other connection has changed the
 * database, and where it finds fewer rows than the ledger counts, the whole table is searched after all.
 *
 * Invariants: nobody else can take over the same ledger row (guard is the first statement); the replaced row
 * keeps its id; rows that the ledger counts and that do not carry its _load are never left beside new ones;
 * a delete names _load always, the run only says where to look.
 *
 *   runs: none -first replace-> noted -another connection wrote-> none;  too many -> given up for good
 */
#include <stdlib.h>

#include "backends/sqlite_internal.h"
#include "core/base/mem.h"

enum { RUNS_MAX = 1024 * 1024, RUNS_FIRST = 1024 };

/* Rows of one load that lie together. */
struct run {
    int64_t load_id;
    int64_t first, last; /* rowids */
};

/* ---- where the rows of each load lie ---- */

void sqlite_runs_release(struct sqlite_runs *runs)
{
    mem_free(runs->at);
    runs->at = NULL;
    runs->n = runs->cap = 0;
    runs->noted = false;
}

/* Prepares "<head> <quoted target table> <tail>". */
static enum err_code prepare_on_target(struct sqlite_sink *s, const char *head, const char *tail,
                                       sqlite3_stmt **out, struct err *err)
{
    struct buf sql;

    *out = NULL;
    buf_init(&sql, SQLITE_SQL_MAX);
    if (buf_append_str(&sql, head, err) == ERR_OK &&
        sqlite_quote(&sql, s->base.target.table, err) == ERR_OK && buf_append_str(&sql, tail, err) == ERR_OK)
        (void)!sqlite_prepare(s, buf_str(&sql), 0, out, err);
    buf_release(&sql);
    return err->code;
}

static int by_load(const void *a, const void *b)
{
    const struct run *x = a, *y = b;

    if (x->load_id != y->load_id)
        return x->load_id < y->load_id ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

/* Adds a row; false where there are too many runs to be of use, or no memory for them: a scan does too. */
static bool add_row(struct sqlite_runs *runs, int64_t rowid, int64_t load_id)
{
    struct run *last = runs->n ? &runs->at[runs->n - 1] : NULL;

    if (last && last->load_id == load_id) {
        last->last = rowid;
        return true;
    }
    if (runs->n == runs->cap) {
        size_t cap = runs->cap ? runs->cap * 2 : RUNS_FIRST;
        struct run *more = cap > RUNS_MAX ? NULL : mem_realloc(runs->at, cap * sizeof *more);
        if (!more)
            return false;
        runs->at = more;
        runs->cap = cap;
    }
    runs->at[runs->n++] = (struct run){load_id, rowid, rowid};
    return true;
}

static enum err_code data_version(struct sqlite_sink *s, int64_t *version, struct err *err)
{
    sqlite3_stmt *stmt;
    bool row;

    if (sqlite_prepare(s, "PRAGMA main.data_version", 0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    if (sqlite_row(s, &b, "replace", &row, err) == ERR_OK)
        *version = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return err->code;
}

/* Notes where the loads lie, unless that is known; runs->noted tells whether it worked. */
static enum err_code note_runs(struct sqlite_sink *s, struct err *err)
{
    struct sqlite_runs *runs = &s->runs;
    int64_t version = 0;
    sqlite3_stmt *stmt;
    bool row, fits = true;

    if (runs->given_up || data_version(s, &version, err) || (runs->noted && runs->version == version))
        return err->code;
    sqlite_runs_release(runs);
    if (prepare_on_target(s, "SELECT _rowid_, _load FROM main.", " NOT INDEXED ORDER BY _rowid_", &stmt,
                          err)) {
        if (err->code != ERR_CONFIG)
            return err->code;
        err_clear(err); /* a table WITHOUT ROWID */
        runs->given_up = true;
        return ERR_OK;
    }
    struct bind b = bind_to(stmt);
    while (fits && sqlite_row(s, &b, "replace", &row, err) == ERR_OK && row)
        fits = add_row(runs, sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1));
    sqlite3_finalize(stmt);
    if (err->code || !fits) {
        sqlite_runs_release(runs);
        runs->given_up = !fits;
        return err->code;
    }
    if (runs->n)
        qsort(runs->at, runs->n, sizeof *runs->at, by_load);
    runs->version = version;
    runs->noted = true;
    return ERR_OK;
}

/* The first run that is not before the load's. */
static size_t find_runs(const struct sqlite_runs *runs, int64_t load_id)
{
    size_t low = 0, high = runs->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (runs->at[mid].load_id < load_id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Deletes the load's rows where they were noted. */
static enum err_code delete_noted(struct sqlite_sink *s, sqlite3_stmt *stmt, int64_t load_id,
                                  int64_t *deleted, struct err *err)
{
    for (size_t i = find_runs(&s->runs, load_id); i < s->runs.n && s->runs.at[i].load_id == load_id; i++) {
        struct bind b = bind_to(stmt);
        int64_t n;
        bind_int(&b, load_id);
        bind_int(&b, s->runs.at[i].first);
        bind_int(&b, s->runs.at[i].last);
        if (sqlite_run(s, &b, "replace", &n, err))
            return err->code;
        *deleted += n;
    }
    return ERR_OK;
}

/* The same for every load of the object. */
static enum err_code delete_where_noted(struct sqlite_sink *s, const struct ledger_row *old, int64_t *deleted,
                                        struct err *err)
{
    sqlite3_stmt *loads = NULL, *stmt = NULL;
    bool row;

    if (s->base.target.lineage == LINEAGE_INDEXED || note_runs(s, err) || !s->runs.noted)
        return err->code;
    if (prepare_on_target(s, "DELETE FROM main.", " WHERE _load = ? AND _rowid_ BETWEEN ? AND ?", &stmt,
                          err) ||
        sqlite_prepare(s, "SELECT id FROM sluice_load WHERE pipeline = ? AND object = ?", 0, &loads, err))
        goto out;
    struct bind b = bind_to(loads);
    bind_text(&b, s->base.target.pipeline);
    bind_text(&b, old->object);
    while (sqlite_row(s, &b, "replace", &row, err) == ERR_OK && row)
        if (delete_noted(s, stmt, sqlite3_column_int64(loads, 0), deleted, err))
            break;
out:
    sqlite3_finalize(loads);
    sqlite3_finalize(stmt);
    return err->code;
}

/* ---- replace ---- */

/* Runs "<head> <quoted table> <tail>" with pipeline, object and id as ?1 ?2 ?3. */
static enum err_code run_for_object(struct sqlite_sink *s, const char *head, const char *table,
                                    const char *tail, const struct ledger_row *old, int64_t *changed,
                                    struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    struct buf sql;

    buf_init(&sql, SQLITE_SQL_MAX);
    if (buf_append_str(&sql, head, err) || sqlite_quote(&sql, table, err) ||
        buf_append_str(&sql, tail, err) || sqlite_prepare(s, buf_str(&sql), 0, &stmt, err))
        goto out;
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_text(&b, old->object);
    if (sqlite3_bind_parameter_count(stmt) > 2)
        bind_int(&b, old->id);
    (void)!sqlite_run(s, &b, "replace", changed, err);
out:
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}

/* Matches old by id and run_id and takes it for the new run: from here on nobody else can. */
static enum err_code guard(struct sqlite_sink *s, const struct ledger_row *old, const struct ledger_row *row,
                           int64_t now, struct err *err)
{
    sqlite3_stmt *stmt;
    int64_t changed;

    if (sqlite_prepare(s,
                       "UPDATE sluice_load SET run_id = ?1, started_us = ?2 WHERE id = ?3 AND run_id = ?4"
                       " AND pipeline = ?5 AND object = ?6",
                       0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, row->run_id);
    bind_int(&b, now);
    bind_int(&b, old->id);
    bind_text(&b, old->run_id);
    bind_text(&b, s->base.target.pipeline);
    bind_text(&b, old->object);
    if (sqlite_run(s, &b, "replace", &changed, err) == ERR_OK && changed != 1)
        err_set(err, ERRN_LEDGER_MOVED, "%s: its ledger row was replaced by another run", old->object);
    sqlite3_finalize(stmt);
    return err->code;
}

/* How many rows the object has in the table by its ledger rows; BASELINE_ROW where nobody knows. */
static enum err_code count_owed(struct sqlite_sink *s, const struct ledger_row *old, int64_t *owed,
                                struct err *err)
{
    sqlite3_stmt *stmt;
    bool row;

    if (sqlite_prepare(s,
                       "SELECT sum(rows_loaded), total(kind = 'baseline') > 0 FROM sluice_load"
                       " WHERE pipeline = ? AND object = ?",
                       0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.pipeline);
    bind_text(&b, old->object);
    if (sqlite_row(s, &b, "replace", &row, err) == ERR_OK) {
        *owed = sqlite3_column_int64(stmt, 0);
        if (sqlite3_column_int(stmt, 1))
            err_set(err, ERRN_BASELINE_ROW, "%s: was there before the pipeline, so its rows are not known",
                    old->object);
    }
    sqlite3_finalize(stmt);
    return err->code;
}

/* Rows that were loaded without lineage carry no _load: new ones beside them would be doubles. Where every
 * row carries one, what is missing was deleted by somebody, and replacing mends it. */
static enum err_code refuse_unmarked(struct sqlite_sink *s, const struct ledger_row *old, int64_t deleted,
                                     int64_t owed, struct err *err)
{
    sqlite3_stmt *stmt;
    bool row;

    if (deleted >= owed ||
        prepare_on_target(s, "SELECT 1 FROM main.", " WHERE _load IS NULL LIMIT 1", &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    if (sqlite_row(s, &b, "replace", &row, err) == ERR_OK && row)
        err_set(
            err, ERRN_NEEDS_LINEAGE,
            "%s: table %s has %lld of its %lld rows by _load, and rows that carry none: delete those that "
            "are its own, or set their _load",
            old->object, s->base.target.table, (long long)deleted, (long long)owed);
    sqlite3_finalize(stmt);
    return err->code;
}

/* Deletes the object's rows. *deleted may be more than the ledger counts, where somebody copied some. */
static enum err_code delete_rows(struct sqlite_sink *s, const struct ledger_row *old, int64_t owed,
                                 int64_t *deleted, struct err *err)
{
    int64_t rest = 0;

    if (delete_where_noted(s, old, deleted, err) || (s->runs.noted && *deleted >= owed))
        return err->code;
    if (run_for_object(s, "DELETE FROM main.", s->base.target.table,
                       " WHERE _load IN (SELECT id FROM sluice_load WHERE pipeline = ?1 AND object = ?2)",
                       old, &rest, err))
        return err->code;
    *deleted += rest;
    return refuse_unmarked(s, old, *deleted, owed, err);
}

enum err_code sqlite_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                             struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);
    int64_t now = clock_wall_us(s->base.clock), owed = 0, deleted = 0;

    if (guard(s, old, row, now, err) || count_owed(s, old, &owed, err))
        return err->code;
    if (delete_rows(s, old, owed, &deleted, err) ||
        run_for_object(s, "DELETE FROM main.", "sluice_reject",
                       " WHERE load_id IN (SELECT id FROM sluice_load WHERE pipeline = ?1 AND object = ?2)",
                       old, NULL, err) ||
        run_for_object(s, "DELETE FROM main.", "sluice_check",
                       " WHERE load_id IN (SELECT id FROM sluice_load WHERE pipeline = ?1 AND object = ?2)",
                       old, NULL, err) ||
        run_for_object(s, "DELETE FROM main.", "sluice_load",
                       " WHERE pipeline = ?1 AND object = ?2 AND id <> ?3", old, NULL, err) ||
        run_for_object(s, "UPDATE main.", "sluice_load",
                       " SET chunk = 0 WHERE pipeline = ?1 AND object = ?2 AND id = ?3", old, NULL, err))
        return err->code;
    row->id = old->id;
    row->chunk = 0;
    row->started_us = now;
    row->finished_us = 0;
    return sqlite_ledger_update(s, row, 0, err);
}
