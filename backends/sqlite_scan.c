/*
 * sqlite_scan: the target table's rows back as batches, for verify and profile.
 *
 * A value that is none of its column's type (a text in an int column, 300 in a tinyint, a number with more
 * digits than the decimal has) is handed out as NULL and its row marked odd: what sluice stored is never odd.
 *
 *   scan: begin (statement open, read lock from the first row on) -> next* -> end
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/sqlite_internal.h"
#include "core/base/mem.h"
#include "core/data/types.h"

struct scan {
    struct sink_scan base;
    sqlite3_stmt *stmt;
    bool lineage; /* the last column is _load */
    bool done;
};

static enum err_code scan_sql(const struct sink_target *t, bool lineage, int64_t load_id, struct buf *sql,
                              struct err *err)
{
    for (size_t c = 0; c < t->schema->nloaded; c++)
        if (buf_append_str(sql, c ? ", " : "SELECT ", err) ||
            sqlite_quote(sql, schema_loaded(t->schema, c)->name, err))
            return err->code;
    if ((lineage && buf_append_str(sql, ", _load", err)) || buf_append_str(sql, " FROM main.", err) ||
        sqlite_quote(sql, t->table, err))
        return err->code;
    return load_id ? buf_append_str(sql, " WHERE _load = ?", err) : ERR_OK;
}

enum err_code sqlite_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    struct scan *scan = mem_calloc(1, sizeof *scan);
    struct buf sql;

    if (!scan)
        return err_nomem(err);
    buf_init(&sql, SQLITE_SQL_MAX);
    sqlite_wait(s, SQLITE_READ_WAIT_MS);
    if (sqlite_has_column(s, "_load", &scan->lineage, err))
        goto out;
    if (sink->target.lineage == LINEAGE_NONE)
        scan->lineage = false;
    if (scan_sql(&sink->target, scan->lineage, load_id, &sql, err) ||
        sqlite_prepare(s, buf_str(&sql), 0, &scan->stmt, err))
        goto out;
    if (load_id) {
        struct bind b = bind_to(scan->stmt);
        bind_int(&b, load_id);
    }
    *out = &scan->base;
    scan = NULL;
out:
    buf_release(&sql);
    if (scan)
        sqlite3_finalize(scan->stmt);
    mem_free(scan);
    return err->code;
}

static bool in_range(enum type_kind kind, int64_t v)
{
    switch (kind) {
    case TYPE_BOOLEAN:
        return v == 0 || v == 1;
    case TYPE_TINYINT:
        return v >= INT8_MIN && v <= INT8_MAX;
    case TYPE_SMALLINT:
        return v >= INT16_MIN && v <= INT16_MAX;
    case TYPE_INT:
        return v >= INT32_MIN && v <= INT32_MAX;
    default:
        return kind == TYPE_BIGINT;
    }
}

/* Each get_* puts the value or says false: it is odd. */
static bool get_int(sqlite3_stmt *stmt, int c, const struct type *type, struct batch *batch)
{
    int64_t v = sqlite3_column_int64(stmt, c);

    if (sqlite3_column_type(stmt, c) != SQLITE_INTEGER || !in_range(type->kind, v))
        return false;
    batch_set_i64(batch, (size_t)c, v);
    return true;
}

static bool get_double(sqlite3_stmt *stmt, int c, const struct type *type, struct batch *batch)
{
    int kind = sqlite3_column_type(stmt, c);
    double v = sqlite3_column_double(stmt, c);

    if (kind != SQLITE_FLOAT && kind != SQLITE_INTEGER)
        return false;
    if (!isfinite(v) || (type->kind == TYPE_FLOAT && (fabs(v) > FLT_MAX || (double)(float)v != v)))
        return false;
    batch_set_f64(batch, (size_t)c, v);
    return true;
}

/* A number back as scaled text: it is what was stored only if the text reads back as the same number. */
static bool get_numeric(sqlite3_stmt *stmt, int c, const struct type *type, struct batch *batch)
{
    enum { DIGITS_MAX = 400 };
    char text[DIGITS_MAX];
    int kind = sqlite3_column_type(stmt, c);
    double v = sqlite3_column_double(stmt, c);

    if ((kind != SQLITE_FLOAT && kind != SQLITE_INTEGER) || !(fabs(v) < 1e16))
        return false;
    int len = snprintf(text, sizeof text, "%.*f", (int)type->scale, v);
    double back = len > 0 ? strtod(text, NULL) : NAN;
    if (back != v)
        return false;
    return types_put(batch, (size_t)c, type, text, (size_t)len) == ERRN_NONE;
}

static bool get_text(sqlite3_stmt *stmt, int c, const struct type *type, struct batch *batch,
                     enum err_name *name)
{
    if (sqlite3_column_type(stmt, c) != SQLITE_TEXT)
        return false;
    const char *text = (const char *)sqlite3_column_text(stmt, c);
    *name = types_put(batch, (size_t)c, type, text ? text : "", (size_t)sqlite3_column_bytes(stmt, c));
    return *name == ERRN_NONE;
}

static enum err_code get_row(struct scan *scan, struct batch *batch, uint8_t *odd, struct err *err)
{
    const struct schema *schema = scan->base.sink->target.schema;
    sqlite3_stmt *stmt = scan->stmt;

    *odd = 0;
    batch_begin_row(batch);
    for (int c = 0; c < (int)schema->nloaded; c++) {
        const struct type *type = &schema_loaded(schema, (size_t)c)->type;
        enum err_name name = ERRN_NONE;
        bool good;
        if (sqlite3_column_type(stmt, c) == SQLITE_NULL) {
            batch_set_null(batch, (size_t)c);
            continue;
        }
        if (type_storage(type) == STORAGE_F64)
            good = get_double(stmt, c, type, batch);
        else if (type->kind <= TYPE_BIGINT)
            good = get_int(stmt, c, type, batch);
        else if (sqlite_is_numeric(type))
            good = get_numeric(stmt, c, type, batch);
        else
            good = get_text(stmt, c, type, batch, &name);
        if (name == ERRN_NOMEM)
            return err_nomem(err);
        if (!good) {
            batch_set_null(batch, (size_t)c);
            *odd = 1;
        }
    }
    batch_commit_row(batch, 0, 0);
    return ERR_OK;
}

enum err_code sqlite_scan_next(struct sink_scan *base, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                               struct err *err)
{
    struct scan *scan = (struct scan *)base;
    struct sqlite_sink *s = sqlite_of(base->sink);
    int load_column = (int)base->sink->target.schema->nloaded;
    struct bind b = bind_to(scan->stmt);

    sqlite_wait(s, SQLITE_READ_WAIT_MS);
    while (!scan->done && !batch_full(batch)) {
        bool row;
        if (sqlite_row(s, &b, base->sink->target.table, &row, err))
            return err->code;
        if (!row) {
            scan->done = true; /* stepping again would start over */
            break;
        }
        load_ids[batch->rows] = scan->lineage ? sqlite3_column_int64(scan->stmt, load_column) : 0;
        if (get_row(scan, batch, &odd[batch->rows], err))
            return err->code;
    }
    return ERR_OK;
}

void sqlite_scan_end(struct sink_scan *base)
{
    struct scan *scan = (struct scan *)base;

    sqlite3_finalize(scan->stmt);
    mem_free(scan);
}
