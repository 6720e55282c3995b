/*
 * verify_books: the ledger as it was before the target was read, and the target by load id.
 *
 * Invariants: marks are sorted by load id, and so are the tallies once the scan is through; a scan that broke
 * leaves nothing behind when it is begun again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/verify_internal.h"

enum { LOADS_MAX = 50 * 1000 * 1000 };

/* ---- the ledger before the scan ---- */

uint64_t verify_stamp(const struct ledger_row *row)
{
    const uint64_t counts[] = {(uint64_t)row->rows_loaded, (uint64_t)row->rows_rejected, row->row_hash};
    return hash64(counts, sizeof counts) ^ hash64(row->run_id, strlen(row->run_id));
}

static int mark_by_id(const void *a, const void *b)
{
    const struct book_mark *x = a, *y = b;
    return (x->load_id > y->load_id) - (x->load_id < y->load_id);
}

struct book_mark *verify_find_mark(struct verify *v, int64_t id)
{
    struct book_mark key = {.load_id = id};
    return v->nbooks ? bsearch(&key, v->books, v->nbooks, sizeof *v->books, mark_by_id) : NULL;
}

static enum err_code room_for_marks(struct verify *v, size_t n, struct err *err)
{
    if (v->nbooks + n <= v->books_cap)
        return ERR_OK;
    size_t cap = v->books_cap ? v->books_cap * 2 : 8 * REC_PAGE;
    if (cap > LOADS_MAX)
        return err_set(err, ERRN_LIMIT, "more than %d rows in the ledger", LOADS_MAX);
    struct book_mark *grown = mem_realloc(v->books, cap * sizeof *grown);
    if (!grown)
        return err_nomem(err);
    v->books = grown;
    v->books_cap = cap;
    return ERR_OK;
}

/* A page of the ledger, waited for where the database went away. */
static enum err_code page(struct verify *v, const struct ledger_query *query, struct ledger_row *rows,
                          size_t *n, struct err *err)
{
    while (sink_ledger_page(v->job->sink, query, rows, REC_PAGE, n, err) != ERR_OK && verify_again(v, err))
        ;
    if (err->code == ERR_OK)
        outage_end(&v->outage, v->job);
    return err->code;
}

enum err_code verify_mark_books(struct verify *v, struct err *err)
{
    struct ledger_query query = {.any_pipeline = true,
                                 .order = LEDGER_BY_ID,
                                 .after_id = v->nbooks ? v->books[v->nbooks - 1].load_id : 0};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;
    if (!rows)
        return err_nomem(err);
    while (n == REC_PAGE && page(v, &query, rows, &n, err) == ERR_OK && room_for_marks(v, n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++)
            v->books[v->nbooks++] = (struct book_mark){rows[i].id, verify_stamp(&rows[i])};
        query.after_id = n ? rows[n - 1].id : 0;
    }
    mem_free(rows);
    return err->code;
}

enum err_code verify_sum_books(struct verify *v, struct book_sum *sum, struct err *err)
{
    struct ledger_query query = {.order = LEDGER_BY_ID};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;
    *sum = (struct book_sum){.side.known = true};
    if (!rows)
        return err_nomem(err);
    while (n == REC_PAGE && page(v, &query, rows, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            const struct ledger_row *row = &rows[i];
            sum->side.rows += row->rows_loaded;
            /* A replay takes from the rejects what it adds to the rows. */
            sum->side.rejected += row->kind == LOAD_KIND_REPLAY ? -row->rows_loaded : row->rows_rejected;
            sum->side.hash += row->row_hash;
            sum->stamp += verify_stamp(row) ^ hash64(&row->id, sizeof row->id);
            sum->other_schema |= row->schema_hash != v->job->pipeline->schema.hash;
            sum->baseline |= row->kind == LOAD_KIND_BASELINE;
        }
        query.after_id = n ? rows[n - 1].id : 0;
    }
    mem_free(rows);
    return err->code;
}

static enum err_code add_book(struct verify *v, struct books *b, const struct ledger_row *row,
                              struct err *err)
{
    const struct load_tally *t = verify_find_load(v, row->id);
    const struct book_mark *mark = verify_find_mark(v, row->id);
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 2;
        int64_t *grown = mem_realloc(b->ids, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        b->ids = grown;
        b->cap = cap;
    }
    b->ids[b->n++] = row->id;
    b->moved |= !mark || mark->stamp != verify_stamp(row);
    b->other_schema |= row->schema_hash != v->job->pipeline->schema.hash;
    b->target.rows += t ? t->rows : 0;
    b->target.hash += t ? t->hash : 0;
    return ERR_OK;
}

/* Pages from the first object to the last, side by side with the subjects: a question for each would be a
 * round trip for each. */
enum err_code verify_look_up(struct verify *v, struct subject *at, size_t n, struct err *err)
{
    struct ledger_query query = {.order = LEDGER_BY_KEY, .after_chunk = INT64_MIN / 2};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    char after[REC_OBJECT_MAX + 1];
    size_t i = 0, got = REC_PAGE;
    if (!rows)
        return err_nomem(err);
    for (size_t k = 0; k < n; k++)
        at[k].books.target.known = v->totals->by_object && at[k].entry.kind != DIFF_NEW;
    (void)!snprintf(after, sizeof after, "%s", n ? at[0].entry.object.key : "");
    query.after_object = after;
    while (i < n && got == REC_PAGE && page(v, &query, rows, &got, err) == ERR_OK) {
        for (size_t k = 0; k < got && i < n; k++) {
            while (i < n && strcmp(at[i].entry.object.key, rows[k].object) < 0)
                i++;
            if (i < n && strcmp(at[i].entry.object.key, rows[k].object) == 0 &&
                at[i].entry.kind != DIFF_NEW && add_book(v, &at[i].books, &rows[k], err) != ERR_OK)
                goto out;
        }
        if (got > 0) {
            (void)!snprintf(after, sizeof after, "%s", rows[got - 1].object);
            query.after_chunk = rows[got - 1].chunk;
        }
    }
out:
    mem_free(rows);
    return err->code;
}

/* ---- the target ---- */

static int by_id(const void *a, const void *b)
{
    const struct load_tally *x = a, *y = b;
    return (x->load_id > y->load_id) - (x->load_id < y->load_id);
}

/* Sorts the tallies and adds up those with one id. */
static void fold_loads(struct verify *v)
{
    size_t to = 0;
    if (!v->loads)
        return;
    qsort(v->loads, v->nloads, sizeof *v->loads, by_id);
    for (size_t i = 0; i < v->nloads; i++) {
        if (to > 0 && v->loads[to - 1].load_id == v->loads[i].load_id) {
            v->loads[to - 1].rows += v->loads[i].rows;
            v->loads[to - 1].hash += v->loads[i].hash;
        } else {
            v->loads[to++] = v->loads[i];
        }
    }
    v->nloads = to;
}

/* The table is full: folds it, and doubles it where that made little room. */
static enum err_code room_for_loads(struct verify *v, struct err *err)
{
    if (v->loads) {
        fold_loads(v);
        if (v->nloads * 2 < v->loads_cap)
            return ERR_OK;
    }
    size_t cap = v->loads_cap ? v->loads_cap * 2 : 1024;
    if (cap > LOADS_MAX)
        return err_set(err, ERRN_LIMIT, "more than %d loads in one table", LOADS_MAX);
    struct load_tally *grown = mem_realloc(v->loads, cap * sizeof *grown);
    if (!grown)
        return err_nomem(err);
    v->loads = grown;
    v->loads_cap = cap;
    return ERR_OK;
}

/* Rows of one load mostly lie together, so the newest tally is tried first. */
static enum err_code count_row(void *ctx, const struct batch *batch, size_t row, int64_t id, uint64_t hash,
                               struct err *err)
{
    struct verify *v = ctx;
    struct load_tally *top = v->nloads ? &v->loads[v->nloads - 1] : NULL;
    (void)batch, (void)row;
    if (!top || top->load_id != id) {
        if ((!v->loads || v->nloads == v->loads_cap) && room_for_loads(v, err) != ERR_OK)
            return err->code;
        top = &v->loads[v->nloads++];
        *top = (struct load_tally){.load_id = id};
    }
    top->rows++;
    top->hash += hash;
    return ERR_OK;
}

/* What ends an outage is a scan that gets well beyond where the last one broke: one that is always cut at the
 * same place is given up in time. */
static void got_on(struct verify *v, int64_t rows)
{
    if (rows > v->scan_best + v->scan_best / 8 + VERIFY_SCAN_ROWS) {
        outage_end(&v->outage, v->job);
        v->scan_best = rows;
    }
}

enum err_code verify_scan(struct verify *v, int64_t load_id, verify_scan_fn *fn, void *ctx, struct err *err)
{
    struct sink_scan *scan = NULL;
    struct batch *batch = NULL;
    int64_t *ids = mem_alloc(VERIFY_SCAN_ROWS * sizeof *ids), rows = 0;
    uint8_t *odd = mem_alloc(VERIFY_SCAN_ROWS);
    if (!ids || !odd) {
        err_nomem(err);
        goto out;
    }
    if (batch_new(&v->job->pipeline->schema, VERIFY_SCAN_ROWS, VERIFY_SCAN_TEXT, &batch, err) != ERR_OK ||
        sink_scan_begin(v->job->sink, load_id, &scan, err) != ERR_OK)
        goto out;
    do {
        if (job_check_stop(v->job, err) != ERR_OK || sink_scan_next(scan, batch, ids, odd, err) != ERR_OK)
            goto out;
        for (size_t i = 0; i < batch->rows; i++) {
            /* A value that its column cannot hold is a difference, whatever the rest says. */
            if (fn(ctx, batch, i, ids[i], canon_row_hash(batch, i) + odd[i], err) != ERR_OK)
                goto out;
        }
        rows += (int64_t)batch->rows;
        got_on(v, rows);
    } while (batch->rows > 0);
    v->scan_best = 0;
out:
    sink_scan_end(scan);
    batch_free(batch);
    mem_free(ids);
    mem_free(odd);
    return err->code;
}

enum err_code verify_tally_target(struct verify *v, struct err *err)
{
    struct verify_side *all = &v->totals->target;
    do {
        v->nloads = 0;
    } while (verify_scan(v, 0, count_row, v, err) != ERR_OK && verify_again(v, err));
    if (err->code != ERR_OK)
        return err->code;
    outage_end(&v->outage, v->job);
    fold_loads(v);
    *all = (struct verify_side){.known = true};
    for (size_t i = 0; i < v->nloads; i++) {
        all->rows += v->loads[i].rows;
        all->hash += v->loads[i].hash;
    }
    v->totals->scanned_rows = all->rows;
    return ERR_OK;
}

struct load_tally *verify_find_load(struct verify *v, int64_t id)
{
    struct load_tally key = {.load_id = id};
    return v->nloads ? bsearch(&key, v->loads, v->nloads, sizeof *v->loads, by_id) : NULL;
}
