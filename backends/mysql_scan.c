/*
 * mysql_scan: the target table's rows back as batches, for verify and profile.
 *
 * By the binary protocol, since FLOAT loses digits in text, and row by row from the network, since a table
 * may be larger than memory. A value that is none of its column's type (a text in an int column, a date that
 * does not exist) is handed out as NULL and its row marked odd: what sluice stored is never odd.
 *
 *   scan: begin (statement executed) -> next* -> end (what was not read is drained)
 */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <string.h>

#include "backends/mysql_internal.h"
#include "core/base/mem.h"
#include "core/data/types.h"

enum {
    TEXT_ROOM = 256, /* at first; a longer value is fetched again into larger room */
    TEXT_ROOM_MAX = 64 * 1024 * 1024,
};

/* How a column of the result is fetched: by what the table has, which need not be what the schema says. */
enum fetch { FETCH_INT, FETCH_DOUBLE, FETCH_TIME, FETCH_TEXT };

struct cell {
    enum fetch fetch;
    bool date_only;
    mys_bool is_null;
    unsigned long len;
    union {
        int64_t i64;
        double f64;
        MYSQL_TIME time;
    };
    char *text;
    size_t room;
};

struct scan {
    struct sink_scan base;
    MYSQL_STMT *stmt;
    MYSQL_BIND *binds;
    struct cell *cells;
    size_t ncells;
    bool lineage; /* the last column is _load */
    bool done;
};

static void scan_free(struct scan *scan)
{
    if (!scan)
        return;
    if (scan->stmt) {
        mysql_stmt_free_result(scan->stmt);
        mysql_stmt_close(scan->stmt);
    }
    for (size_t i = 0; i < scan->ncells; i++)
        mem_free(scan->cells[i].text);
    mem_free(scan->cells);
    mem_free(scan->binds);
    mem_free(scan);
}

static enum err_code scan_sql(struct mys_sink *s, bool lineage, int64_t load_id, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct buf *sql = &s->sql;

    buf_clear(sql);
    for (size_t c = 0; c < t->schema->nloaded; c++)
        if (buf_append_str(sql, c ? ", " : "SELECT ", err) ||
            mys_quote(sql, schema_loaded(t->schema, c)->name, err))
            return err->code;
    if ((lineage && buf_append_str(sql, ", _load", err)) || buf_append_str(sql, " FROM ", err) ||
        mys_quote(sql, t->table, err))
        return err->code;
    return load_id ? buf_printf(sql, err, " WHERE _load = %lld", (long long)load_id) : ERR_OK;
}

static enum fetch fetch_of(enum enum_field_types type)
{
    switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        return FETCH_INT;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        return FETCH_DOUBLE;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE:
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        return FETCH_TIME;
    default:
        return FETCH_TEXT;
    }
}

static void bind_cell(MYSQL_BIND *b, struct cell *cell)
{
    memset(b, 0, sizeof *b);
    b->is_null = &cell->is_null;
    b->length = &cell->len;
    switch (cell->fetch) {
    case FETCH_INT:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->buffer = &cell->i64;
        break;
    case FETCH_DOUBLE:
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = &cell->f64;
        break;
    case FETCH_TIME:
        b->buffer_type = MYSQL_TYPE_DATETIME;
        b->buffer = &cell->time;
        break;
    case FETCH_TEXT:
        b->buffer_type = MYSQL_TYPE_STRING;
        b->buffer = cell->text;
        b->buffer_length = cell->room;
        break;
    }
}

static enum err_code bind_cells(struct scan *scan, struct mys_sink *s, struct err *err)
{
    MYSQL_RES *meta = mysql_stmt_result_metadata(scan->stmt);

    if (!meta)
        return mys_fail_stmt(s, scan->stmt, s->base.target.table, err);
    const MYSQL_FIELD *fields = mysql_fetch_fields(meta);
    for (; scan->ncells < mysql_num_fields(meta); scan->ncells++) {
        struct cell *cell = &scan->cells[scan->ncells];
        cell->fetch = fetch_of(fields[scan->ncells].type);
        cell->date_only = fields[scan->ncells].type == MYSQL_TYPE_DATE;
        if (cell->fetch == FETCH_TEXT && !(cell->text = mem_alloc(TEXT_ROOM))) {
            err_nomem(err);
            break;
        }
        cell->room = cell->text ? TEXT_ROOM : 0;
        bind_cell(&scan->binds[scan->ncells], cell);
    }
    mysql_free_result(meta);
    if (!err->code && mysql_stmt_bind_result(scan->stmt, scan->binds))
        return mys_fail_stmt(s, scan->stmt, s->base.target.table, err);
    return err->code;
}

enum err_code mys_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct scan *scan = mem_calloc(1, sizeof *scan);
    size_t columns = sink->target.schema->nloaded + 1;

    if (!scan)
        return err_nomem(err);
    scan->cells = mem_calloc(columns, sizeof *scan->cells);
    scan->binds = mem_calloc(columns, sizeof *scan->binds);
    if (!scan->cells || !scan->binds) {
        err_nomem(err);
        goto out;
    }
    if ((sink->target.lineage != LINEAGE_NONE && mys_has_column(s, "_load", &scan->lineage, err)) ||
        scan_sql(s, scan->lineage, load_id, err))
        goto out;
    scan->stmt = mysql_stmt_init(s->db);
    if (!scan->stmt) {
        err_nomem(err);
        goto out;
    }
    if (mysql_stmt_prepare(scan->stmt, buf_str(&s->sql), s->sql.len) || mysql_stmt_execute(scan->stmt)) {
        mys_fail_stmt(s, scan->stmt, sink->target.table, err);
        goto out;
    }
    if (bind_cells(scan, s, err))
        goto out;
    *out = &scan->base;
    scan = NULL;
out:
    scan_free(scan);
    if (err->code)
        mys_end_read(s);
    return err->code;
}

/* ---- values: each get_* puts the value or says false: it is odd ---- */

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

static bool get_double(struct batch *batch, size_t c, const struct type *type, double v)
{
    if (type_storage(type) != STORAGE_F64 || !isfinite(v))
        return false;
    if (type->kind == TYPE_FLOAT && (fabs(v) > FLT_MAX || (double)(float)v != v))
        return false;
    batch_set_f64(batch, c, v);
    return true;
}

static bool get_time(struct batch *batch, size_t c, const struct type *type, const struct cell *cell)
{
    const MYSQL_TIME *t = &cell->time;
    int64_t days;

    if (!civil_to_days((int)t->year, (int)t->month, (int)t->day, &days))
        return false;
    if (type->kind == TYPE_DATE) {
        if (!cell->date_only)
            return false;
        batch_set_i64(batch, c, days);
        return true;
    }
    if (type->kind != TYPE_TIMESTAMP || cell->date_only)
        return false;
    int64_t seconds = ((days * 24 + t->hour) * 60 + t->minute) * 60 + t->second;
    batch_set_i64(batch, c, seconds * 1000000 + (int64_t)t->second_part);
    return true;
}

/* A text as long as it is: the cell's room grows to the longest that was met. */
static enum err_code whole_text(struct scan *scan, struct mys_sink *s, size_t c, struct err *err)
{
    struct cell *cell = &scan->cells[c];

    if (cell->len <= cell->room)
        return ERR_OK;
    if (cell->len > TEXT_ROOM_MAX)
        return err_set(err, ERRN_LIMIT, "%s: a text of %lu bytes: more than %d are not read back",
                       s->base.target.table, cell->len, TEXT_ROOM_MAX);
    char *more = mem_realloc(cell->text, cell->len);
    if (!more)
        return err_nomem(err);
    cell->text = more;
    cell->room = cell->len;
    bind_cell(&scan->binds[c], cell);
    if (mysql_stmt_fetch_column(scan->stmt, &scan->binds[c], (unsigned)c, 0) ||
        mysql_stmt_bind_result(scan->stmt, scan->binds))
        return mys_fail_stmt(s, scan->stmt, s->base.target.table, err);
    return ERR_OK;
}

static enum err_code get_cell(struct scan *scan, struct mys_sink *s, struct batch *batch, size_t c,
                              bool *good, struct err *err)
{
    const struct type *type = &schema_loaded(s->base.target.schema, c)->type;
    struct cell *cell = &scan->cells[c];
    enum err_name name = ERRN_NONE;

    switch (cell->fetch) {
    case FETCH_INT:
        *good = in_range(type->kind, cell->i64);
        if (*good)
            batch_set_i64(batch, c, cell->i64);
        break;
    case FETCH_DOUBLE:
        *good = get_double(batch, c, type, cell->f64);
        break;
    case FETCH_TIME:
        *good = get_time(batch, c, type, cell);
        break;
    case FETCH_TEXT:
        if (whole_text(scan, s, c, err))
            return err->code;
        name = types_put(batch, c, type, cell->text, cell->len);
        if (name == ERRN_NOMEM)
            return err_nomem(err);
        *good = name == ERRN_NONE;
        break;
    }
    return ERR_OK;
}

static enum err_code get_row(struct scan *scan, struct mys_sink *s, struct batch *batch, uint8_t *odd,
                             struct err *err)
{
    *odd = 0;
    batch_begin_row(batch);
    for (size_t c = 0; c < s->base.target.schema->nloaded; c++) {
        bool good = true;
        if (scan->cells[c].is_null) {
            batch_set_null(batch, c);
            continue;
        }
        if (get_cell(scan, s, batch, c, &good, err))
            return err->code;
        if (!good) {
            batch_set_null(batch, c);
            *odd = 1;
        }
    }
    batch_commit_row(batch, 0, 0);
    return ERR_OK;
}

enum err_code mys_scan_next(struct sink_scan *base, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                            struct err *err)
{
    struct scan *scan = (struct scan *)base;
    struct mys_sink *s = mys_of(base->sink);
    const struct cell *load = &scan->cells[scan->ncells - 1];

    while (!scan->done && !batch_full(batch)) {
        int rc = mysql_stmt_fetch(scan->stmt);
        if (rc == MYSQL_NO_DATA) {
            scan->done = true;
            break;
        }
        if (rc != 0 && rc != MYSQL_DATA_TRUNCATED)
            return mys_fail_stmt(s, scan->stmt, s->base.target.table, err);
        load_ids[batch->rows] = scan->lineage && !load->is_null ? load->i64 : 0;
        if (get_row(scan, s, batch, &odd[batch->rows], err))
            return err->code;
    }
    return ERR_OK;
}

void mys_scan_end(struct sink_scan *base)
{
    struct mys_sink *s = mys_of(base->sink);

    scan_free((struct scan *)base);
    mys_rollback(s);
}
