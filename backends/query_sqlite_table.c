/*
 * query_sqlite_table: the table `source`: a scan of the source as a virtual table.
 *
 * Invariants: each cursor has its own handle on the source and its own scan, so that several may be open at
 * once. Texts are handed out as copies: the batch is filled anew while SQLite may still hold them. An object
 * is opened only where the bounds let it pass (query_sqlite_plan.c), while explaining none is.
 *
 *   cursor: xFilter (bounds -> scan) -> xColumn*, xNext -> ... -> the end, or xFilter again
 */
#include <stdio.h>
#include <string.h>

#include "backends/query_sqlite_internal.h"
#include "backends/sqlite_internal.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/canon.h"

enum {
    BATCH_ROWS = 2048,
    BATCH_TEXT = 1024 * 1024,
    READINGS_MANY = 100, /* of a cursor: it stands inside a loop */
};

struct table {
    sqlite3_vtab base;
    struct query *query;
};

struct cursor {
    sqlite3_vtab_cursor base;
    struct query *query;
    struct query_handle handle;
    struct batch *batch;
    struct scan *scan;
    struct scan_part part;
    struct query_bounds bounds;
    struct scan_counts would; /* explaining: be opened */
    size_t row;
    bool more;
    int parts[PART_COUNT]; /* of the current object's hour */
    int64_t readings;
};

/* ---- the table ---- */

static int on_connect(sqlite3 *db, void *ctx, int argc, const char *const *argv, sqlite3_vtab **out,
                      char **msg)
{
    struct query *q = ctx;
    const struct schema *schema = q->spec.schema;
    struct table *t = NULL;
    struct buf sql;
    int rc = SQLITE_NOMEM;

    (void)argc;
    (void)argv;
    (void)msg;
    buf_init(&sql, SQLITE_SQL_MAX);
    if (buf_append_str(&sql, "CREATE TABLE x(", &q->failed))
        goto out;
    for (size_t c = 0; q->names[c]; c++) {
        const char *type = c < schema->nloaded ? sqlite_declared_type(&schema_loaded(schema, c)->type)
                           : c == schema->nloaded + TERM_OBJECT ? "TEXT"
                                                                : "INTEGER";
        if (sqlite_quote(&sql, q->names[c], &q->failed) || buf_printf(&sql, &q->failed, " %s, ", type))
            goto out;
    }
    /* An OR is run part by part, and what both parts give is told by its key. */
    if (buf_printf(&sql, &q->failed, "PRIMARY KEY (%s, %s)) WITHOUT ROWID", q->extra[TERM_OBJECT],
                   q->extra[TERM_OBJECT + 1]))
        goto out;
    rc = sqlite3_declare_vtab(db, buf_str(&sql));
    if (rc != SQLITE_OK) {
        err_set(&q->failed, ERRN_CONFIG, "the schema is no table for SQL: %s", sqlite3_errmsg(db));
        goto out;
    }
    t = mem_calloc(1, sizeof *t);
    if (!t) {
        rc = SQLITE_NOMEM;
        goto out;
    }
    t->query = q;
    *out = &t->base;
out:
    buf_release(&sql);
    return rc;
}

static int on_disconnect(sqlite3_vtab *base)
{
    mem_free(base);
    return SQLITE_OK;
}

static int on_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    return query_plan(((struct table *)base)->query, info);
}

/* ---- reading ---- */

static bool wants(void *ctx, const struct store_object *object, hour_t hour)
{
    struct cursor *c = ctx;

    if (!query_bounds_pass(&c->bounds, object->key, hour))
        return false;
    if (!c->query->explaining)
        return true;
    c->would.objects++;
    c->would.bytes += object->size;
    return false;
}

static void refused(void *ctx, const struct store_object *object, const struct csv_record *record,
                    const struct refusal *refusal)
{
    query_note_refused(((struct cursor *)ctx)->query, object, record, refusal);
}

static void add_counts(struct scan_counts *to, const struct scan_counts *from)
{
    to->listed += from->listed;
    to->ignored += from->ignored;
    to->passed += from->passed;
    to->objects += from->objects;
    to->bytes += from->bytes;
    to->records += from->records;
    to->refused += from->refused;
}

static void end_scan(struct cursor *c)
{
    if (c->scan)
        add_counts(&c->query->totals.scans, scan_counts(c->scan));
    scan_close(c->scan);
    c->scan = NULL;
    c->more = false;
}

static enum err_code begin_scan(struct cursor *c, const struct hour_range *range, struct err *err)
{
    const struct query_spec *spec = &c->query->spec;
    struct scan_spec scan = {.layout = spec->layout,
                             .dialect = spec->dialect,
                             .schema = spec->schema,
                             .range = *range,
                             .object = query_bounds_object(&c->bounds),
                             .stop = spec->stop,
                             .wants = wants,
                             .refused = refused,
                             .ctx = c};

    if (!c->handle.store && query_handle_take(c->query, &c->handle, err))
        return err->code;
    if (!c->batch && batch_new(spec->schema, BATCH_ROWS, BATCH_TEXT, &c->batch, err))
        return err->code;
    scan.store = c->handle.store;
    scan.ahead = c->handle.ahead;
    return scan_open(&scan, &c->scan, err);
}

/* On to the next batch that has a row. */
static enum err_code next_batch(struct cursor *c, struct err *err)
{
    c->row = 0;
    do {
        if (scan_next(c->scan, c->batch, &c->part, &c->more, err))
            return err->code;
    } while (c->more && c->batch->rows == 0);
    if (c->more)
        hour_to_civil(c->part.hour, &c->parts[PART_YEAR], &c->parts[PART_MONTH], &c->parts[PART_DAY],
                      &c->parts[PART_HOUR]);
    else
        end_scan(c);
    return ERR_OK;
}

static int fail(struct cursor *c)
{
    end_scan(c);
    return c->query->failed.code == ERR_NOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
}

/* ---- explaining ---- */

static enum err_code widen(struct query_way *way, const struct layout *layout, const char *object,
                           const struct hour_range *range, struct err *err)
{
    way->readings++;
    if (way->listings++ > 0) {
        way->range.from = range->from < way->range.from ? range->from : way->range.from;
        way->range.to = range->to > way->range.to ? range->to : way->range.to;
        return ERR_OK;
    }
    way->range = *range;
    if (object)
        return buf_append_str(&way->prefix, object, err);
    return layout_range_prefix(layout, range->bounded ? range->from : HOUR_MIN,
                               range->bounded ? range->to : HOUR_MAX + 1, &way->prefix, err);
}

/* Lists what a reading would list, and adds up what it would open. */
static enum err_code look(struct cursor *c, struct query_way *way, const struct hour_range *range,
                          struct err *err)
{
    struct scan_counts counts;

    c->would = (struct scan_counts){0};
    if (widen(way, c->query->spec.layout, query_bounds_object(&c->bounds), range, err) ||
        begin_scan(c, range, err) || scan_next(c->scan, c->batch, &c->part, &c->more, err))
        return err->code;
    counts = *scan_counts(c->scan);
    counts.passed -= c->would.objects;
    counts.objects = c->would.objects;
    counts.bytes = c->would.bytes;
    add_counts(&way->counts, &counts);
    end_scan(c);
    return ERR_OK;
}

/* ---- cursors ---- */

static void cursor_init(struct cursor *c, struct query *q)
{
    c->query = q;
    query_bounds_clear(&c->bounds);
}

static void cursor_release(struct cursor *c)
{
    end_scan(c);
    query_bounds_clear(&c->bounds);
    batch_free(c->batch);
    query_handle_give(c->query, &c->handle);
}

static int on_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    struct cursor *c = mem_calloc(1, sizeof *c);

    if (!c)
        return SQLITE_NOMEM;
    cursor_init(c, ((struct table *)base)->query);
    *out = &c->base;
    return SQLITE_OK;
}

static int on_close(sqlite3_vtab_cursor *base)
{
    cursor_release((struct cursor *)base);
    mem_free(base);
    return SQLITE_OK;
}

/* Once: a join that reads the source for each of its rows is legal, but seldom meant. */
static void warn_of_loops(struct cursor *c)
{
    if (++c->readings < READINGS_MANY || c->query->warned)
        return;
    c->query->warned = true;
    log_msg(LOG_WARN, "a part of the query reads the source again and again, for each row of another: "
                      "WITH name AS MATERIALIZED (SELECT ... FROM " QUERY_TABLE " ...) reads it once");
}

static int on_filter(sqlite3_vtab_cursor *base, int id, const char *text, int argc, sqlite3_value **argv)
{
    struct cursor *c = (struct cursor *)base;
    struct query *q = c->query;
    struct query_way *way = q->ways[id];
    struct hour_range range;

    (void)text;
    end_scan(c);
    query_bounds_clear(&c->bounds);
    q->totals.readings++;
    for (int i = 0; i < argc; i++) {
        int rc = query_bound(&c->bounds, &way->terms[i], argv[i]);
        if (rc != SQLITE_OK)
            return rc;
    }
    if (!hour_set_range(&c->bounds.hours, &q->spec.range, &range)) {
        way->readings += q->explaining;
        return SQLITE_OK; /* nothing can match: nothing is listed */
    }
    if (q->explaining)
        return look(c, way, &range, &q->failed) == ERR_OK ? SQLITE_OK : fail(c);
    warn_of_loops(c);
    if (begin_scan(c, &range, &q->failed) || next_batch(c, &q->failed))
        return fail(c);
    return SQLITE_OK;
}

static int on_next(sqlite3_vtab_cursor *base)
{
    struct cursor *c = (struct cursor *)base;

    if (++c->row < c->batch->rows)
        return SQLITE_OK;
    return next_batch(c, &c->query->failed) == ERR_OK ? SQLITE_OK : fail(c);
}

static int on_eof(sqlite3_vtab_cursor *base)
{
    return !((const struct cursor *)base)->more;
}

static void result_value(sqlite3_context *ctx, const struct batch *batch, size_t col, size_t row)
{
    const struct type *type = &schema_loaded(batch->schema, col)->type;
    const struct column *column = &batch->cols[col];
    char moment[CANON_MOMENT_MAX];
    const char *text;
    size_t len;

    switch (column->storage) {
    case STORAGE_F64:
        sqlite3_result_double(ctx, column->f64[row]);
        return;
    case STORAGE_STR:
        text = batch_str(batch, col, row, &len);
        if (sqlite_is_numeric(type))
            sqlite_result_numeric(ctx, text, len, type->scale);
        else
            sqlite3_result_text(ctx, text, (int)len, SQLITE_TRANSIENT);
        return;
    case STORAGE_I64:
        break;
    }
    if (type->kind != TYPE_DATE && type->kind != TYPE_TIMESTAMP) {
        sqlite3_result_int64(ctx, column->i64[row]);
        return;
    }
    const char *end = type->kind == TYPE_DATE ? canon_put_date(moment, column->i64[row])
                                              : canon_put_timestamp(moment, column->i64[row]);
    sqlite3_result_text(ctx, moment, (int)(end - moment), SQLITE_TRANSIENT);
}

/* Hot: once for each value that the query uses. */
static int on_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int col)
{
    const struct cursor *c = (const struct cursor *)base;
    size_t at = (size_t)col;

    if (at < c->batch->ncols) {
        if (!c->batch->cols[at].null[c->row])
            result_value(ctx, c->batch, at, c->row); /* else NULL: a result that is not set */
        return SQLITE_OK;
    }
    at -= c->batch->ncols;
    if (at < PART_COUNT)
        sqlite3_result_int(ctx, c->parts[at]);
    else if (at == TERM_OBJECT)
        sqlite3_result_text(ctx, c->part.object->key, -1, SQLITE_TRANSIENT);
    else
        sqlite3_result_int64(ctx, c->batch->line[c->row]);
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
    .xColumn = on_column, /* no xRowid: the table has none */
};

enum err_code query_table_register(struct query *q, struct err *err)
{
    if (sqlite3_create_module(q->db, QUERY_TABLE, &MODULE, q) == SQLITE_OK)
        return ERR_OK;
    return err_set(err, ERRN_INTERNAL, "SQLite: %s", sqlite3_errmsg(q->db));
}

enum err_code query_table_estimate(struct query *q, struct query_way *way, struct err *err)
{
    struct cursor c = {0};
    struct hour_range range;
    int rc = SQLITE_OK;

    cursor_init(&c, q);
    for (size_t i = 0; i < way->nterms && rc == SQLITE_OK; i++)
        if (way->terms[i].known)
            rc = query_bound(&c.bounds, &way->terms[i], way->terms[i].known);
    if (rc != SQLITE_OK)
        err_nomem(err);
    else if (hour_set_range(&c.bounds.hours, &q->spec.range, &range))
        (void)!look(&c, way, &range, err);
    cursor_release(&c);
    return err->code;
}
