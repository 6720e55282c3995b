/*
 * sqlite_replace: takes an object out of table and ledger, for its next version.
 *
 * Invariants: nobody else can take over the same ledger row (guard is the first statement); the replaced row
 * keeps its id; rows that the ledger counts and that do not carry its _load are never left beside new ones.
 */
#include "backends/sqlite_internal.h"

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
    const char *table = s->base.target.table;
    sqlite3_stmt *stmt = NULL;
    struct buf sql;
    bool row;

    if (deleted >= owed)
        return ERR_OK;
    buf_init(&sql, SQLITE_SQL_MAX);
    if (buf_append_str(&sql, "SELECT 1 FROM main.", err) || sqlite_quote(&sql, table, err) ||
        buf_append_str(&sql, " WHERE _load IS NULL LIMIT 1", err) ||
        sqlite_prepare(s, buf_str(&sql), 0, &stmt, err))
        goto out;
    struct bind b = bind_to(stmt);
    if (sqlite_row(s, &b, "replace", &row, err) == ERR_OK && row)
        err_set(
            err, ERRN_NEEDS_LINEAGE,
            "%s: table %s has %lld of its %lld rows by _load, and rows that carry none: delete those that "
            "are its own, or set their _load",
            old->object, table, (long long)deleted, (long long)owed);
out:
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}

enum err_code sqlite_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                             struct err *err)
{
    struct sqlite_sink *s = sqlite_of_load(load);
    int64_t now = clock_wall_us(s->base.clock), owed = 0, deleted = 0;

    if (guard(s, old, row, now, err) || count_owed(s, old, &owed, err))
        return err->code;
    if (run_for_object(s, "DELETE FROM main.", s->base.target.table,
                       " WHERE _load IN (SELECT id FROM sluice_load WHERE pipeline = ?1 AND object = ?2)",
                       old, &deleted, err) ||
        refuse_unmarked(s, old, deleted, owed, err) ||
        run_for_object(s, "DELETE FROM main.", "sluice_reject",
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
