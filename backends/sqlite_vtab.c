/*
 * sqlite_vtab: a borrowed batch as a virtual table, so that one statement stores it whole.
 *
 * `INSERT INTO t SELECT c0, ..., _load FROM sluice_batch` lets SQLite's own loop pull the values: nothing is
 * bound or stepped row by row, no value is copied before it lies in the record. The table is eponymous-only:
 * it needs no CREATE and cannot be stored in a file.
 *
 * Invariants: the module's context is the handle's batch_source; it is filled before the statement runs and
 * nobody touches the batch until the statement is reset, so text may be handed out without a copy
 * (SQLITE_STATIC); dates are written into one buffer for each column, overwritten only by the next row. The
 * cursor's row is the row being stored, which is how a broken constraint finds its row.
 */
#include <string.h>

#include "backends/sqlite_internal.h"
#include "core/base/mem.h"
#include "core/data/canon.h"

/* How the values of a column are handed out. */
enum shape { SHAPE_INT, SHAPE_DOUBLE, SHAPE_STR, SHAPE_NUMERIC, SHAPE_MOMENT, SHAPE_LOAD };

/* A column of the table, in the shape in which the hot path wants it; data and null are the batch's. */
struct shown {
    enum shape shape;
    unsigned scale;
    const uint8_t *null;
    union {
        const int64_t *i64;
        const double *f64;
    };
};

struct vtab {
    sqlite3_vtab base;
    struct batch_source *source;
    size_t ncols;
    struct shown *cols; /* ncols, then _load */
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct vtab *table;
    struct batch_source *source;
    struct shown *cols; /* the table's */
    const struct batch *batch;
    size_t row;
    size_t segment;
};

static enum shape shape_of(const struct type *type)
{
    switch (type_storage(type)) {
    case STORAGE_F64:
        return SHAPE_DOUBLE;
    case STORAGE_STR:
        return sqlite_is_numeric(type) ? SHAPE_NUMERIC : SHAPE_STR;
    case STORAGE_I64:
        break;
    }
    return type->kind == TYPE_DATE || type->kind == TYPE_TIMESTAMP ? SHAPE_MOMENT : SHAPE_INT;
}

static enum err_code declaration(const struct schema *schema, struct buf *sql, struct err *err)
{
    if (buf_append_str(sql, "CREATE TABLE x(", err))
        return err->code;
    for (size_t c = 0; c < schema->nloaded; c++)
        if (buf_printf(sql, err, "c%zu,", c))
            return err->code;
    return buf_append_str(sql, "_load)", err);
}

static int on_connect(sqlite3 *db, void *ctx, int argc, const char *const *argv, sqlite3_vtab **out,
                      char **msg)
{
    struct batch_source *source = ctx;
    struct err err = ERR_INIT;
    struct buf sql;
    int rc = SQLITE_NOMEM;

    (void)argc;
    (void)argv;
    (void)msg;
    buf_init(&sql, SQLITE_SQL_MAX);
    struct vtab *v = mem_calloc(1, sizeof *v);
    if (!v)
        goto out;
    v->source = source;
    v->ncols = source->schema->nloaded;
    v->cols = mem_calloc(v->ncols + 1, sizeof *v->cols);
    if (!v->cols || declaration(source->schema, &sql, &err))
        goto out;
    for (size_t c = 0; c < v->ncols; c++) {
        const struct type *type = &schema_loaded(source->schema, c)->type;
        v->cols[c].shape = shape_of(type);
        v->cols[c].scale = type->scale;
    }
    v->cols[v->ncols].shape = SHAPE_LOAD;
    rc = sqlite3_declare_vtab(db, buf_str(&sql));
    if (rc != SQLITE_OK)
        goto out;
    *out = &v->base;
    v = NULL;
out:
    buf_release(&sql);
    if (v)
        mem_free(v->cols);
    mem_free(v);
    return rc;
}

static int on_disconnect(sqlite3_vtab *base)
{
    struct vtab *v = (struct vtab *)base;

    mem_free(v->cols);
    mem_free(v);
    return SQLITE_OK;
}

static int on_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    (void)base;
    info->estimatedCost = 1e6;
    info->estimatedRows = BATCH_ROWS_MAX;
    return SQLITE_OK;
}

static int on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    struct vtab *v = (struct vtab *)base;
    struct cursor *c = mem_calloc(1, sizeof *c);

    if (!c)
        return SQLITE_NOMEM;
    c->table = v;
    c->source = v->source;
    c->cols = v->cols;
    *out = &c->base;
    return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *base)
{
    mem_free(base);
    return SQLITE_OK;
}

/* Empty segments are passed over. */
static void settle(struct cursor *c)
{
    while (c->segment < c->source->nsegments && c->row >= c->source->segments[c->segment].to)
        c->segment++;
    c->source->row = c->row;
}

static int on_filter(sqlite3_vtab_cursor *base, int index, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;

    (void)index;
    (void)text;
    (void)argc;
    (void)argv;
    c->batch = c->source->batch;
    for (size_t i = 0; c->batch && i < c->table->ncols; i++) {
        c->cols[i].null = c->batch->cols[i].null;
        c->cols[i].i64 = c->batch->cols[i].i64;
    }
    c->row = 0;
    c->segment = 0;
    settle(c);
    return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    c->row++;
    settle(c);
    return SQLITE_OK;
}

static int on_eof(sqlite3_vtab_cursor *base)
{
    const struct cursor *c = (const struct cursor *)base;

    return !c->batch || c->row >= c->batch->rows;
}

static int on_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const struct cursor *)base)->row;
    return SQLITE_OK;
}

/* Both m and 10^scale are exact doubles, so that one division gives the double nearest to the value, and
 * printing it with `scale` digits gives the text again. */
void sqlite_result_numeric(sqlite3_context *ctx, const char *text, size_t len, unsigned scale)
{
    static const double POWERS[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    static const int64_t UNITS[] = {1,
                                    10,
                                    100,
                                    1000,
                                    10000,
                                    100000,
                                    1000000,
                                    10000000,
                                    100000000,
                                    1000000000,
                                    10000000000,
                                    100000000000,
                                    1000000000000,
                                    10000000000000,
                                    100000000000000,
                                    1000000000000000};
    bool negative = len && text[0] == '-';
    int64_t m = 0;

    for (size_t i = negative; i < len; i++)
        if (text[i] != '.')
            m = m * 10 + (text[i] - '0');
    if (negative)
        m = -m;
    if (m % UNITS[scale] == 0)
        sqlite3_result_int64(ctx, m / UNITS[scale]);
    else
        sqlite3_result_double(ctx, (double)m / POWERS[scale]);
}

static int result_moment(sqlite3_context *ctx, const struct cursor *c, int col)
{
    struct buf *text = &c->source->text[col];
    struct err err = ERR_INIT;

    buf_clear(text);
    if (canon_text(c->batch, (size_t)col, c->row, text, &err))
        return SQLITE_NOMEM;
    sqlite3_result_text(ctx, text->data, (int)text->len, SQLITE_STATIC);
    return SQLITE_OK;
}

static int result_other(sqlite3_context *ctx, const struct cursor *c, int col)
{
    const struct shown *shown = &c->cols[col];
    size_t len;

    if (shown->shape == SHAPE_MOMENT)
        return result_moment(ctx, c, col);
    const char *text = batch_str(c->batch, (size_t)col, c->row, &len);
    if (shown->shape == SHAPE_NUMERIC)
        sqlite_result_numeric(ctx, text, len, shown->scale);
    else
        sqlite3_result_text(ctx, text, (int)len, SQLITE_STATIC);
    return SQLITE_OK;
}

/* Hot: once for each value. */
static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int col)
{
    const struct cursor *c = (const struct cursor *)base;
    const struct shown *shown = &c->cols[col];

    if (shown->shape == SHAPE_LOAD)
        sqlite3_result_int64(ctx, c->source->segments[c->segment].load_id);
    else if (shown->null[c->row])
        return SQLITE_OK; /* a result that is not set is NULL */
    else if (shown->shape == SHAPE_INT)
        sqlite3_result_int64(ctx, shown->i64[c->row]);
    else if (shown->shape == SHAPE_DOUBLE)
        sqlite3_result_double(ctx, shown->f64[c->row]);
    else
        return result_other(ctx, c, col);
    return SQLITE_OK;
}

static const sqlite3_module MODULE = {
    .iVersion = 2,
    .xConnect = on_connect, /* no xCreate: eponymous only */
    .xBestIndex = on_best_index,
    .xDisconnect = on_disconnect,
    .xOpen = on_open,
    .xClose = on_close,
    .xFilter = on_filter,
    .xNext = on_next,
    .xEof = on_eof,
    .xColumn = on_column,
    .xRowid = on_rowid,
};

enum err_code sqlite_vtab_register(struct sqlite_sink *s, struct err *err)
{
    int rc = sqlite3_create_module(s->db, SQLITE_VTAB_NAME, &MODULE, &s->source);

    return rc == SQLITE_OK ? ERR_OK : sqlite_fail(s, rc, "virtual table", err);
}
