/*
 * sqlite_evolve: the columns that setup adds to a target table which lacks them, and their rows in
 * sluice_check.
 *
 * Invariant: a column and its record are one transaction, setup's, and are printed as they are run (but for
 * the time, which is that of whoever runs them).
 */
#include "backends/sqlite_internal.h"
#include "core/sink/evolve.h"

#define PRINTED_NOW "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"

/* STRICT knows no NUMERIC; REAL has as many digits. */
static const char *added_type(const struct type *type, bool strict)
{
    return strict && sqlite_is_numeric(type) ? "REAL" : sqlite_declared_type(type);
}

enum err_code sqlite_put_add(const struct sink_target *t, size_t c, bool strict, struct buf *sql,
                             struct err *err)
{
    const struct schema_column *column = schema_loaded(t->schema, c);

    if (buf_append_str(sql, "ALTER TABLE ", err) || sqlite_quote(sql, t->table, err) ||
        buf_append_str(sql, " ADD COLUMN ", err) || sqlite_quote(sql, column->name, err))
        return err->code;
    return buf_printf(sql, err, " %s", added_type(&column->type, strict));
}

static enum err_code put_record(struct sqlite_sink *s, const struct check_row *record, bool print,
                                struct buf *sql, struct err *err)
{
    if (buf_append_str(sql,
                       "INSERT INTO sluice_check (pipeline, load_id, run_id, hour, object, name, column_name,"
                       " on_fire, fired, count_broken, message, at_us)\n  VALUES (",
                       err) ||
        sqlite_put_text(sql, s->base.target.pipeline, err) || buf_append_str(sql, ", 0, '', '', '', ", err) ||
        sqlite_put_text(sql, record->name, err) || buf_append_str(sql, ", ", err) ||
        sqlite_put_text(sql, record->column, err) ||
        buf_printf(sql, err, ", '%s', %d, 0, ", check_on_text(record->on), record->fired) ||
        sqlite_put_text(sql, record->message, err))
        return err->code;
    return print ? buf_append_str(sql, ", " PRINTED_NOW ");\n", err)
                 : buf_printf(sql, err, ", %lld);\n", (long long)clock_wall_us(s->base.clock));
}

enum err_code sqlite_evolve(struct sqlite_sink *s, bool print, struct buf *sql, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct check_row record;
    bool strict, rows, there, adds;
    char type = 't';

    if (!t->evolve || sqlite_has_table(s, t->table, &there, &type, err) || !there || type == 'v' ||
        sqlite_is_strict(s, &strict, err) || sqlite_has_rows(s, &rows, err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded; c++) {
        const struct schema_column *column = schema_loaded(t->schema, c);
        if (sqlite_has_column(s, column->name, &there, err) ||
            (!there && sink_add_column(t, c, rows, added_type(&column->type, strict), &adds, &record, err)))
            return err->code;
        if (!there && adds &&
            (sqlite_put_add(t, c, strict, sql, err) || buf_append_str(sql, ";\n", err) ||
             put_record(s, &record, print, sql, err)))
            return err->code;
    }
    return ERR_OK;
}
