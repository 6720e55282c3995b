/*
 * sink_mem_table: the target table of a mem database: its definition, its rows, reading them back.
 *
 * Invariants: a definition never changes (a table that gets a column gets another one, and its rows are
 * copied); rows lie in chunks of one load each, in the order in which they
 * came, so that a load's rows are deleted by leaving out its chunks. A handle whose schema names other types
 * than the table has can describe it and nothing else.
 */
#include <string.h>
#include <strings.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"
#include "core/data/types.h"
#include "core/sink/evolve.h"

enum { MEM_SCHEMA_VERSION = 3, CHUNK_TEXT_MAX = 16 * 1024 * 1024, NO_COLUMN = -1 };

struct mem_table *mem_table_of(const struct mem_sink *m, const struct mem_state *state)
{
    for (size_t i = 0; i < state->ntables; i++)
        if (strcasecmp(state->tables[i].def->name, m->base.target.table) == 0)
            return &state->tables[i];
    return NULL;
}

/* ---- definitions ---- */

static void free_def(struct mem_object *object)
{
    struct mem_def *def = (struct mem_def *)object;

    schema_release(&def->schema);
    mem_free(def->key);
    mem_free(def->name);
    mem_free(def);
}

static bool copy_columns(struct schema *to, const struct schema *from)
{
    to->columns = mem_calloc(from->nloaded, sizeof *to->columns);
    to->loaded = mem_calloc(from->nloaded, sizeof *to->loaded);
    if (!to->columns || !to->loaded)
        return false;
    for (; to->ncolumns < from->nloaded; to->ncolumns++) {
        const struct schema_column *column = schema_loaded(from, to->ncolumns);
        struct schema_column *copy = &to->columns[to->ncolumns];
        copy->name = mem_strdup(column->name);
        if (!copy->name)
            return false;
        copy->type = column->type;
        copy->nullable = column->nullable;
        to->loaded[to->ncolumns] = to->ncolumns;
    }
    to->nloaded = to->ncolumns;
    return true;
}

static enum err_code new_def(const struct sink_target *t, struct mem_def **out, struct err *err)
{
    struct mem_def *def = mem_calloc(1, sizeof *def);

    if (!def)
        return err_nomem(err);
    def->base = (struct mem_object){1, free_def};
    def->lineage = t->lineage != LINEAGE_NONE;
    def->name = mem_strdup(t->table);
    def->key = mem_calloc(t->nkey + 1, sizeof *def->key);
    if (!def->name || !def->key || !copy_columns(&def->schema, t->schema)) {
        free_def(&def->base);
        return err_nomem(err);
    }
    for (; def->nkey < t->nkey; def->nkey++) {
        def->key[def->nkey] = t->key[def->nkey];
        def->schema.columns[t->key[def->nkey]].nullable = false;
    }
    *out = def;
    return ERR_OK;
}

static int find_column(const struct schema *schema, const char *name)
{
    for (size_t c = 0; c < schema->nloaded; c++)
        if (strcasecmp(schema_loaded(schema, c)->name, name) == 0)
            return (int)c;
    return NO_COLUMN;
}

static bool same_type(const struct type *a, const struct type *b)
{
    return a->kind == b->kind && a->precision == b->precision && a->scale == b->scale &&
           a->length == b->length;
}

static bool in_target_key(const struct sink_target *t, size_t column)
{
    for (size_t k = 0; k < t->nkey; k++)
        if (t->key[k] == column)
            return true;
    return false;
}

static enum err_code judge(const struct sink_target *t, const struct mem_def *def, bool rows,
                           struct sink_state *state, struct err *err)
{
    struct buf *out = &state->problems;
    char want_type[TYPE_TEXT_MAX], have_type[TYPE_TEXT_MAX];

    for (size_t i = 0; i < t->schema->nloaded; i++) {
        const struct schema_column *want = schema_loaded(t->schema, i);
        int c = find_column(&def->schema, want->name);
        if (c == NO_COLUMN) {
            if (sink_lacks_column(t, i, rows, "in a new database", state, err))
                return err->code;
            continue;
        }
        const struct schema_column *have = &def->schema.columns[c];
        type_format(&want->type, want_type);
        type_format(&have->type, have_type);
        if (!same_type(&want->type, &have->type) &&
            buf_printf(out, err, "column %s of table %s is %s instead of %s\n", want->name, t->table,
                       have_type, want_type))
            return err->code;
        if (want->nullable && !have->nullable && !in_target_key(t, i) &&
            buf_printf(out, err, "column %s of table %s is NOT NULL\n", want->name, t->table))
            return err->code;
    }
    for (size_t c = 0; c < def->schema.nloaded; c++) {
        const struct schema_column *have = &def->schema.columns[c];
        if (find_column(t->schema, have->name) != NO_COLUMN)
            continue;
        sink_put_name(have->name, state->others_names, &state->others);
        if (!have->nullable &&
            buf_printf(out, err, "column %s of table %s is NOT NULL and not in the schema\n", have->name,
                       t->table))
            return err->code;
    }
    if (t->lineage != LINEAGE_NONE && !def->lineage)
        return buf_printf(out, err, "table %s has no column _load\n", t->table);
    return ERR_OK;
}

enum err_code mem_describe(struct sink *sink, struct sink_state *state, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);
    const struct mem_table *table = mem_table_of(m, s);

    state->own = s->version ? OWN_CURRENT : OWN_MISSING;
    state->table_exists = table != NULL;
    if (table) {
        state->has_lineage = table->def->lineage;
        (void)!judge(&sink->target, table->def, table->chunks.n > 0, state, err);
    }
    mem_state_unref(s);
    return err->code;
}

/* The table, or an error where it is not there or its columns are others. */
static enum err_code usable_table(const struct mem_sink *m, const struct mem_state *state,
                                  struct mem_table **out, struct err *err)
{
    const struct sink_target *t = &m->base.target;

    *out = mem_table_of(m, state);
    if (!*out)
        return err_set(err, ERRN_TABLE_MISSING, "%s: no such table: %s", m->base.label, t->table);
    const struct mem_def *def = (*out)->def;
    for (size_t i = 0; i < t->schema->nloaded; i++) {
        const struct schema_column *want = schema_loaded(t->schema, i);
        int c = find_column(&def->schema, want->name);
        if (c == NO_COLUMN || !same_type(&want->type, &def->schema.columns[c].type))
            return err_set(err, ERRN_TABLE_MISMATCH, "column %s of table %s is missing or of another type",
                           want->name, t->table);
    }
    if (t->lineage != LINEAGE_NONE && !def->lineage)
        return err_set(err, ERRN_TABLE_MISMATCH, "table %s has no column _load", t->table);
    return ERR_OK;
}

static bool is_load(const struct mem_state *s, int64_t id)
{
    for (size_t i = 0; i < s->ledger.n; i++)
        if (((struct mem_ledger *)s->ledger.at[i])->row.id == id)
            return true;
    return false;
}

enum err_code mem_has_foreign_rows(struct sink *sink, bool *any, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);
    const struct mem_table *table = mem_table_of(m, s);
    bool lineage = table && table->def->lineage && sink->target.lineage != LINEAGE_NONE;

    (void)err;
    for (size_t i = 0; table && i < table->chunks.n && !*any; i++)
        *any = !lineage || !is_load(s, ((const struct mem_rows *)table->chunks.at[i])->load_id);
    mem_state_unref(s);
    return ERR_OK;
}

/* ---- rows ---- */

static void free_rows(struct mem_object *object)
{
    struct mem_rows *rows = (struct mem_rows *)object;

    batch_free(rows->batch);
    mem_free(rows);
}

/* Copies column `from` of row `row` to column `to` of the row under construction. */
static enum err_code copy_cell(const struct batch *src, size_t from, size_t row, struct batch *dst, size_t to,
                               struct err *err)
{
    const struct column *col = &src->cols[from];
    size_t len;

    if (col->null[row]) {
        batch_set_null(dst, to);
    } else if (col->storage == STORAGE_STR) {
        const char *text = batch_str(src, from, row, &len);
        return batch_set_str(dst, to, text, len, err);
    } else if (col->storage == STORAGE_F64) {
        batch_set_f64(dst, to, col->f64[row]);
    } else {
        batch_set_i64(dst, to, col->i64[row]);
    }
    return ERR_OK;
}

/* Copies the row into a table's batch; false (and the column) where a NULL may not stand. */
static enum err_code store_row(const struct sink_target *t, const struct batch *batch, size_t row,
                               const struct mem_def *def, struct batch *dst, struct err *err)
{
    batch_begin_row(dst);
    for (size_t c = 0; c < def->schema.nloaded; c++) {
        int from = find_column(t->schema, def->schema.columns[c].name);
        if (from == NO_COLUMN)
            batch_set_null(dst, c);
        else if (copy_cell(batch, (size_t)from, row, dst, c, err))
            return err->code;
        if (dst->cols[c].null[dst->rows] && !def->schema.columns[c].nullable)
            return err_set(err, ERRN_DB_CONSTRAINT, "%s: NULL in column %s", t->table,
                           def->schema.columns[c].name);
    }
    batch_commit_row(dst, 0, 0);
    return ERR_OK;
}

static enum err_code store_segment(struct mem_sink *m, struct sink_load *load, struct mem_table *table,
                                   const struct batch *batch, const struct sink_segment *segment,
                                   struct err *err)
{
    struct mem_rows *rows = mem_calloc(1, sizeof *rows);
    size_t bad;

    if (!rows)
        return err_nomem(err);
    rows->base = (struct mem_object){1, free_rows};
    bool lineage = table->def->lineage && m->base.target.lineage != LINEAGE_NONE;
    rows->load_id = lineage ? segment->load_id : 0;
    if (batch_new(&table->def->schema, segment->to - segment->from, CHUNK_TEXT_MAX, &rows->batch, err))
        goto out;
    for (size_t row = segment->from; row < segment->to; row++)
        if (store_row(&m->base.target, batch, row, table->def, rows->batch, err)) {
            if (err->code == ERR_DATA)
                load->failed_row = (int64_t)row;
            goto out;
        }
    if (table->def->nkey && mem_index_add(m, table, rows, &bad, err)) {
        if (err->code == ERR_DATA)
            load->failed_row = (int64_t)(segment->from + bad);
        goto out;
    }
    return mem_vec_push(&table->chunks, &rows->base, err);
out:
    mem_unref(&rows->base);
    return err->code;
}

enum err_code mem_append(struct sink_load *load, const struct batch *batch,
                         const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                         struct err *err)
{
    struct mem_sink *m = mem_of(load->sink);
    struct mem_table *table;

    if (usable_table(m, m->work, &table, err))
        return err->code;
    for (size_t i = 0; i < nsegments; i++)
        if (segments[i].to > segments[i].from && store_segment(m, load, table, batch, &segments[i], err))
            return err->code;
    *stored = (int64_t)batch->rows;
    return ERR_OK;
}

int64_t mem_delete_rows(struct mem_sink *m, int64_t load_id)
{
    int64_t deleted = 0;
    struct mem_table *table = mem_table_of(m, m->work);

    mem_index_drop(m);
    for (size_t i = table ? table->chunks.n : 0; i-- > 0;) {
        const struct mem_rows *rows = (const struct mem_rows *)table->chunks.at[i];
        if (rows->load_id != load_id)
            continue;
        deleted += (int64_t)rows->batch->rows;
        mem_vec_remove(&table->chunks, i);
    }
    return deleted;
}

enum err_code mem_sum_rows(struct mem_sink *m, int64_t load_id, size_t column, int64_t *n, double *sum,
                           struct err *err)
{
    struct mem_table *table;

    if (usable_table(m, m->work, &table, err))
        return err->code;
    size_t c = (size_t)find_column(&table->def->schema, schema_loaded(m->base.target.schema, column)->name);
    for (size_t i = 0; i < table->chunks.n; i++) {
        const struct mem_rows *rows = (const struct mem_rows *)table->chunks.at[i];
        for (size_t row = 0; rows->load_id == load_id && row < rows->batch->rows; row++) {
            if (rows->batch->cols[c].null[row])
                continue;
            (*n)++;
            *sum += types_number(rows->batch, c, row);
        }
    }
    return ERR_OK;
}

bool mem_has_unmarked(const struct mem_sink *m)
{
    const struct mem_table *table = mem_table_of(m, m->work);

    for (size_t i = 0; table && i < table->chunks.n; i++)
        if (((const struct mem_rows *)table->chunks.at[i])->load_id == 0)
            return true;
    return false;
}

/* ---- setup ---- */

/* The table's definition with one more column, which may be NULL. */
static enum err_code def_with(const struct mem_def *old, const struct schema_column *column,
                              struct mem_def **out, struct err *err)
{
    struct schema wider = {.ncolumns = old->schema.nloaded + 1, .nloaded = old->schema.nloaded + 1};
    struct schema_column *columns = mem_calloc(wider.nloaded, sizeof *columns);
    size_t *loaded = mem_calloc(wider.nloaded, sizeof *loaded);
    struct sink_target t = {.table = old->name,
                            .schema = &wider,
                            .key = old->key,
                            .nkey = old->nkey,
                            .lineage = old->lineage ? LINEAGE_COLUMN : LINEAGE_NONE};

    if (columns && loaded) {
        memcpy(columns, old->schema.columns, old->schema.nloaded * sizeof *columns); /* borrowed */
        columns[old->schema.nloaded] = *column;
        columns[old->schema.nloaded].nullable = true;
        for (size_t c = 0; c < wider.nloaded; c++)
            loaded[c] = c;
        wider.columns = columns;
        wider.loaded = loaded;
        (void)!new_def(&t, out, err);
    } else {
        err_nomem(err);
    }
    mem_free(columns);
    mem_free(loaded);
    return err->code;
}

/* The same rows under another definition: columns that they do not have are NULL. */
static enum err_code copy_rows(const struct mem_rows *old, const struct mem_def *from,
                               const struct mem_def *to, struct mem_vec *chunks, struct err *err)
{
    const struct sink_target source = {.table = to->name, .schema = &from->schema};
    struct mem_rows *rows = mem_calloc(1, sizeof *rows);

    if (!rows)
        return err_nomem(err);
    rows->base = (struct mem_object){1, free_rows};
    rows->load_id = old->load_id;
    if (batch_new(&to->schema, old->batch->rows, CHUNK_TEXT_MAX, &rows->batch, err))
        goto out;
    for (size_t row = 0; row < old->batch->rows; row++)
        if (store_row(&source, old->batch, row, to, rows->batch, err))
            goto out;
    return mem_vec_push(chunks, &rows->base, err);
out:
    mem_unref(&rows->base);
    return err->code;
}

static enum err_code widen(struct mem_sink *m, struct mem_table *table, const struct schema_column *column,
                           struct err *err)
{
    struct mem_def *def;
    struct mem_vec chunks = {0};

    if (def_with(table->def, column, &def, err))
        return err->code;
    for (size_t i = 0; i < table->chunks.n; i++)
        if (copy_rows((const struct mem_rows *)table->chunks.at[i], table->def, def, &chunks, err)) {
            mem_vec_release(&chunks);
            mem_unref(&def->base);
            return err->code;
        }
    mem_index_drop(m);
    mem_vec_release(&table->chunks);
    mem_unref(&table->def->base);
    *table = (struct mem_table){def, chunks};
    return ERR_OK;
}

static enum err_code evolve(struct mem_sink *m, struct mem_table *table, struct err *err)
{
    const struct sink_target *t = &m->base.target;
    char declared[TYPE_TEXT_MAX];
    struct check_row record;
    bool adds;

    for (size_t c = 0; c < t->schema->nloaded; c++) {
        const struct schema_column *column = schema_loaded(t->schema, c);
        if (find_column(&table->def->schema, column->name) != NO_COLUMN)
            continue;
        type_format(&column->type, declared);
        if (sink_add_column(t, c, table->chunks.n > 0, declared, &adds, &record, err) ||
            (adds && (widen(m, table, column, err) || mem_check_insert(m, &record, err))))
            return err->code;
    }
    return ERR_OK;
}

enum err_code mem_setup(struct sink *sink, struct buf *print, struct err *err)
{
    struct mem_sink *m = mem_of(sink);

    if (print)
        return buf_append_str(print, "-- a mem: sink has no DDL\n", err);
    if (mem_begin_write(m, err))
        return err->code;
    struct mem_table *table = mem_table_of(m, m->work);
    m->work->version = MEM_SCHEMA_VERSION;
    if (table)
        (void)!evolve(m, table, err);
    else if (new_def(&sink->target, &m->work->tables[m->work->ntables].def, err) == ERR_OK)
        m->work->ntables++;
    return mem_end_write(m, err);
}

/* ---- scan ---- */

struct scan {
    struct sink_scan base;
    struct mem_state *state;
    const struct mem_table *table;
    int64_t load_id; /* 0 = all */
    size_t chunk, row;
};

enum err_code mem_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out, struct err *err)
{
    struct scan *scan = mem_calloc(1, sizeof *scan);
    struct mem_table *table;

    if (!scan)
        return err_nomem(err);
    scan->state = mem_read(mem_of(sink));
    scan->load_id = load_id;
    if (usable_table(mem_of(sink), scan->state, &table, err)) {
        mem_scan_end(&scan->base);
        return err->code;
    }
    scan->table = table;
    *out = &scan->base;
    return ERR_OK;
}

static enum err_code scan_row(const struct scan *scan, const struct mem_rows *rows, struct batch *batch,
                              struct err *err)
{
    const struct schema *want = scan->base.sink->target.schema;

    batch_begin_row(batch);
    for (size_t c = 0; c < want->nloaded; c++) {
        int from = find_column(&scan->table->def->schema, schema_loaded(want, c)->name);
        if (copy_cell(rows->batch, (size_t)from, scan->row, batch, c, err))
            return err->code;
    }
    batch_commit_row(batch, 0, 0);
    return ERR_OK;
}

enum err_code mem_scan_next(struct sink_scan *base, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                            struct err *err)
{
    struct scan *scan = (struct scan *)base;

    while (scan->chunk < scan->table->chunks.n && !batch_full(batch)) {
        const struct mem_rows *rows = (const struct mem_rows *)scan->table->chunks.at[scan->chunk];
        if (scan->row == rows->batch->rows || (scan->load_id && rows->load_id != scan->load_id)) {
            scan->chunk++;
            scan->row = 0;
            continue;
        }
        load_ids[batch->rows] = base->sink->target.lineage == LINEAGE_NONE ? 0 : rows->load_id;
        odd[batch->rows] = 0;
        if (scan_row(scan, rows, batch, err))
            return err->code;
        scan->row++;
    }
    return ERR_OK;
}

void mem_scan_end(struct sink_scan *base)
{
    struct scan *scan = (struct scan *)base;

    mem_state_unref(scan->state);
    mem_free(scan);
}
