/*
 * verify_rows: the names of the rows that differ: `verify --show N`.
 *
 * First pass over both sides: rows fall into buckets by the hash of their key (of the whole row where the
 * target has none), and a bucket whose counts and sums are the same on both sides holds nothing of interest.
 * Second pass: the rows of some buckets that differ are kept, each once, and counted on both sides. What is
 * too small to need it skips the first. So memory is fixed (some 10 MiB) whatever the size of the table, up
 * to some billion rows; of very many differences some are named.
 *
 * A row that only the source has and one that only the target has are told as one that changed where they
 * share the key, or else where they differ in few columns. Without a key these two are in different buckets:
 * where not all could be looked into, the second pass also keeps rows of the target that are like one of the
 * first of the source, and a third counts all that was kept.
 *
 * Invariant: nothing is named before the passes are through, so they may be begun again.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/verify_internal.h"

enum {
    BUCKET_BITS = 18,
    BUCKETS = 1 << BUCKET_BITS,
    KEEP = 8192,                      /* rows kept at the most ... */
    LIKE_MAX = 512,                   /* ... of them for being like another */
    SIDE_MAX = (KEEP - LIKE_MAX) / 2, /* ... from either side, as far as is known before */
    PROBES = 64,                      /* rows of the source whose like is looked for everywhere */
    SLOTS = 4 * KEEP,
    KEEP_TEXT = 16 * 1024 * 1024,
    CELL_TEXT_MAX = 64 * 1024,        /* as a row is named; behind so much its other cells are left out */
    ROW_TEXT_MAX = 4 * CELL_TEXT_MAX, /* a cell may be all quotes */
    PAIR_WORK = 50 * 1000 * 1000,     /* cells compared in search of pairs among what is kept ... */
    LIKE_WORK = 1000 * 1000 * 1000,   /* ... and beyond it */
};

struct bucket {
    uint32_t source, target; /* rows */
    uint64_t sum;            /* hash of the source's less that of the target's; then: enum look */
};

enum look { SAME, DIFFERS, CHOSEN /* and looked into */ };
enum pass { SUMS, ROWS, COUNTS };

/* A row that is kept: all that have its hash. */
struct kept {
    uint64_t hash;
    int64_t source, target; /* how often */
    int64_t line;           /* of the first in the source */
    const char *object;
    size_t row; /* of the batch */
    struct kept *partner;
    bool paired;
};

struct show {
    struct verify *v;
    struct subject *one; /* NULL: all objects, the whole table */
    int64_t *ids;        /* sorted: only rows of these loads; NULL: all */
    size_t nids;
    struct bucket *buckets; /* NULL: all rows are looked at */
    enum pass pass;
    bool no_extras; /* what only the target has may belong to objects that were not read */
    struct kept *kept;
    size_t n;
    size_t likes;   /* of them: for being like another */
    size_t most;    /* columns in which rows that are like each other may differ */
    bool full;      /* rows that are not kept by now are not judged */
    int16_t *slots; /* by hash: index of kept, -1 = free */
    struct batch *batch;
    char **names; /* of objects */
    size_t nnames;
    int64_t work;
    struct buf text, cells;
};

/* ---- buckets ---- */

static uint64_t hash_cell(const struct batch *batch, size_t c, size_t row)
{
    const struct column *col = &batch->cols[c];
    size_t len;
    if (col->null[row])
        return 1;
    if (col->storage == STORAGE_STR) {
        const char *text = batch_str(batch, c, row, &len);
        return hash64(text, len);
    }
    return hash64(&col->i64[row], sizeof col->i64[row]);
}

static struct bucket *bucket_of(struct show *s, const struct batch *batch, size_t row, uint64_t hash)
{
    const struct sink_target *t = &s->v->job->sink->target;
    if (t->nkey > 0) {
        hash = 0;
        for (size_t k = 0; k < t->nkey; k++)
            hash = hash * 31 + hash_cell(batch, t->key[k], row);
    }
    return &s->buckets[hash >> (64 - BUCKET_BITS)];
}

/* Marks those that are looked into: as many of those that differ as there is room for, but one. */
static void choose_buckets(struct show *s)
{
    uint64_t source = 0, target = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        struct bucket *b = &s->buckets[i];
        bool differs = b->sum != 0 || b->source != b->target;
        bool fits = source + target == 0 ||
                    (source + b->source <= SIDE_MAX && target + b->target <= SIDE_MAX);
        b->sum = !differs ? SAME : fits ? CHOSEN : DIFFERS;
        source += b->sum == CHOSEN ? b->source : 0;
        target += b->sum == CHOSEN ? b->target : 0;
    }
}

/* ---- likeness ---- */

static bool same_cell(const struct batch *x, size_t a, const struct batch *y, size_t b, size_t c)
{
    const struct column *p = &x->cols[c], *q = &y->cols[c];
    size_t na, nb;
    if (p->null[a] || q->null[b])
        return p->null[a] && q->null[b];
    if (p->storage == STORAGE_F64)
        return p->f64[a] == q->f64[b];
    if (p->storage == STORAGE_I64)
        return p->i64[a] == q->i64[b];
    const char *s = batch_str(x, c, a, &na), *t = batch_str(y, c, b, &nb);
    return na == nb && memcmp(s, t, na) == 0;
}

static bool same_key(struct show *s, size_t a, size_t b)
{
    const struct sink_target *t = &s->v->job->sink->target;
    for (size_t k = 0; k < t->nkey; k++)
        if (!same_cell(s->batch, a, s->batch, b, t->key[k]))
            return false;
    return t->nkey > 0;
}

/* Columns in which a kept row and one of the batch differ, counted up to `most` + 1. */
static size_t distance(struct show *s, const struct batch *batch, size_t kept, size_t row, size_t most)
{
    size_t n = 0, c = 0;
    for (; c < batch->ncols && n <= most; c++)
        n += !same_cell(s->batch, kept, batch, row, c);
    s->work += (int64_t)c;
    return n;
}

/* Whether a row of the target, in a bucket that differs but is not looked into, is like one of the first that
 * were kept of the source. */
static bool is_like_one(struct show *s, const struct batch *batch, size_t row)
{
    for (size_t i = 0; i < s->n && i < PROBES && s->work < LIKE_WORK && s->likes < LIKE_MAX; i++)
        if (distance(s, batch, s->kept[i].row, row, s->most) <= s->most)
            return true;
    return false;
}

/* ---- rows ---- */

static enum err_code copy_row(struct batch *to, const struct batch *from, size_t row, int64_t line,
                              struct err *err)
{
    batch_begin_row(to);
    for (size_t c = 0; c < from->ncols; c++) {
        const struct column *col = &from->cols[c];
        size_t len;
        if (col->null[row]) {
            batch_set_null(to, c);
        } else if (col->storage == STORAGE_STR) {
            const char *text = batch_str(from, c, row, &len);
            if (batch_set_str(to, c, text, len, err) != ERR_OK)
                return err->code;
        } else if (col->storage == STORAGE_F64) {
            batch_set_f64(to, c, col->f64[row]);
        } else {
            batch_set_i64(to, c, col->i64[row]);
        }
    }
    batch_commit_row(to, line, 0);
    return ERR_OK;
}

/* The object's name, kept once for rows that follow each other. */
static enum err_code name_of(struct show *s, const char *key, const char **out, struct err *err)
{
    if (s->nnames == 0 || strcmp(s->names[s->nnames - 1], key) != 0) {
        char *name = mem_strdup(key);
        if (!name)
            return err_nomem(err);
        s->names[s->nnames++] = name; /* no more than rows are kept */
    }
    *out = s->names[s->nnames - 1];
    return ERR_OK;
}

/* What is kept under this hash; made where there is room; NULL: it is not judged. */
static enum err_code find(struct show *s, const struct batch *batch, size_t row, uint64_t hash,
                          const char *object, struct kept **out, struct err *err)
{
    size_t slot = hash % SLOTS;
    *out = NULL;
    while (s->slots[slot] >= 0 && s->kept[s->slots[slot]].hash != hash)
        slot = (slot + 1) % SLOTS;
    if (s->slots[slot] < 0) {
        s->full |= s->n == KEEP || batch_full(s->batch);
        if (s->full)
            return ERR_OK;
        struct kept *k = &s->kept[s->n];
        *k = (struct kept){.hash = hash, .object = "", .row = s->batch->rows, .line = batch->line[row]};
        if ((object && name_of(s, object, &k->object, err) != ERR_OK) ||
            copy_row(s->batch, batch, row, batch->line[row], err) != ERR_OK)
            return err->code;
        s->slots[slot] = (int16_t)s->n++;
    }
    *out = &s->kept[s->slots[slot]];
    return ERR_OK;
}

static enum err_code take_row(struct show *s, const struct batch *batch, size_t row, uint64_t hash,
                              const struct subject *from, struct err *err)
{
    const struct subject *object = from ? from : s->one;
    struct kept *k = NULL;
    struct bucket *b = s->buckets ? bucket_of(s, batch, row, hash) : NULL;
    if (s->pass == SUMS) {
        b->source += from != NULL;
        b->target += from == NULL;
        b->sum += from ? hash : 0 - hash;
        return ERR_OK;
    }
    if (b && b->sum == SAME)
        return ERR_OK;
    if (b && b->sum == DIFFERS && s->pass == ROWS) {
        if (from || s->v->job->sink->target.nkey > 0 || !is_like_one(s, batch, row))
            return ERR_OK;
        s->likes++;
    }
    if (find(s, batch, row, hash, object ? object->entry.object.key : NULL, &k, err) == ERR_OK && k) {
        k->source += from != NULL;
        k->target += from == NULL;
    }
    return err->code;
}

static enum err_code source_rows(void *ctx, struct subject *from, const struct batch *batch, size_t at,
                                 size_t to, struct err *err)
{
    for (; at < to; at++)
        if (take_row(ctx, batch, at, canon_row_hash(batch, at), from, err) != ERR_OK)
            return err->code;
    return ERR_OK;
}

static int by_number(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static enum err_code target_row(void *ctx, const struct batch *batch, size_t row, int64_t load_id,
                                uint64_t hash, struct err *err)
{
    struct show *s = ctx;
    if (s->ids && !bsearch(&load_id, s->ids, s->nids, sizeof *s->ids, by_number))
        return ERR_OK;
    return take_row(s, batch, row, hash, NULL, err);
}

static enum err_code pass(struct show *s, struct err *err)
{
    struct verify_walk walk = {
        .v = s->v, .all = true, .wanted = verify_is_loaded, .rows = source_rows, .ctx = s};
    if (s->one) {
        if (verify_walk_one(&walk, s->one, err) == ERR_OK && !s->one->read)
            *err = s->one->why;
    } else {
        (void)!verify_walk_all(&walk, err);
    }
    if (err->code != ERR_OK)
        return err->code;
    /* The rows of one load are found by the database; of several, in one scan of all. */
    return verify_scan(s->v, s->nids == 1 ? s->ids[0] : 0, target_row, s, err);
}

static void forget(struct show *s)
{
    for (size_t i = 0; i < s->nnames; i++)
        mem_free(s->names[i]);
    s->nnames = s->n = 0;
    s->likes = 0;
    s->work = 0;
    s->full = false;
    batch_clear(s->batch);
    memset(s->slots, -1, SLOTS * sizeof *s->slots);
    if (s->buckets)
        memset(s->buckets, 0, BUCKETS * sizeof *s->buckets);
}

static enum err_code all_passes(struct show *s, struct err *err)
{
    forget(s);
    s->pass = SUMS;
    if (s->buckets && pass(s, err) == ERR_OK)
        choose_buckets(s);
    s->pass = ROWS;
    if (err->code != ERR_OK || pass(s, err) != ERR_OK || s->likes == 0)
        return err->code;
    s->pass = COUNTS;
    s->full = true;
    for (size_t i = 0; i < s->n; i++)
        s->kept[i].source = s->kept[i].target = 0;
    return pass(s, err);
}

static enum err_code passes(struct show *s, struct err *err)
{
    while (all_passes(s, err) != ERR_OK && verify_again(s->v, err))
        ;
    if (err->code == ERR_OK)
        outage_end(&s->v->outage, s->v->job);
    return err->code;
}

/* ---- pairs ---- */

/* Marks which row of the target stands for which of the source: those of one key first, then those that
 * differ least. */
static void pair_up(struct show *s)
{
    s->work = 0;
    for (size_t d = 0; d <= s->most; d++) {
        for (size_t i = 0; i < s->n; i++) {
            struct kept *k = &s->kept[i];
            for (size_t j = 0; k->source > 0 && k->target == 0 && !k->partner && j < s->n; j++) {
                struct kept *o = &s->kept[j];
                if (o->source > 0 || o->target == 0 || o->paired)
                    continue;
                if (s->work > PAIR_WORK)
                    return;
                if ((d == 0 && same_key(s, k->row, o->row)) ||
                    distance(s, s->batch, k->row, o->row, d) <= d) {
                    k->partner = o;
                    o->paired = true;
                }
            }
        }
    }
}

/* ---- names ---- */

/* The row as a CSV line, behind what is in `out`, with its NUL. What is too long is cut. */
static enum err_code put_row(const struct batch *batch, size_t row, struct buf *out, struct err *err)
{
    struct buf cell;
    struct err cut = ERR_INIT;
    size_t begin = out->len;
    buf_init(&cell, CELL_TEXT_MAX);
    for (size_t c = 0; c < batch->ncols && cut.code == ERR_OK && out->len - begin < CELL_TEXT_MAX; c++) {
        buf_clear(&cell);
        if ((c > 0 && buf_append_char(out, ',', &cut) != ERR_OK) ||
            canon_text(batch, c, row, &cell, &cut) != ERR_OK)
            break;
        const char *text = buf_str(&cell);
        bool quote = strpbrk(text, ",\"\r\n") != NULL || (cell.len == 0 && !batch->cols[c].null[row]);
        if (quote && buf_append_char(out, '"', &cut) != ERR_OK)
            break;
        for (const char *p = text; *p && cut.code == ERR_OK; p++)
            if (buf_append(out, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1, &cut) != ERR_OK)
                break;
        if (quote && buf_append_char(out, '"', &cut) != ERR_OK)
            break;
    }
    buf_release(&cell);
    if (cut.code != ERR_OK && cut.name != ERRN_LIMIT)
        *err = cut;
    return err->code;
}

static bool enough(const struct show *s)
{
    return s->v->shown >= s->v->options->show;
}

static void tell(struct show *s, const struct verify_row *row)
{
    s->v->shown++;
    if (s->v->options->row)
        s->v->options->row(s->v->options->ctx, row);
}

/* One that is on one side only, or more often there. */
static enum err_code tell_one(struct show *s, const struct kept *k, enum verify_kind kind, struct err *err)
{
    struct verify_row row = {
        .kind = kind, .object = k->object, .line = k->line, .in_source = k->source, .in_target = k->target};
    buf_clear(&s->text);
    if (put_row(s->batch, k->row, &s->text, err) != ERR_OK)
        return err->code;
    row.source = k->source ? buf_str(&s->text) : NULL;
    row.target = k->target ? buf_str(&s->text) : NULL;
    tell(s, &row);
    return ERR_OK;
}

/* The cell's text with its NUL into s->cells; its place there, -1 for NULL. */
static enum err_code put_cell(struct show *s, size_t c, size_t row, ptrdiff_t *at, struct err *err)
{
    *at = -1;
    if (s->batch->cols[c].null[row])
        return ERR_OK;
    *at = (ptrdiff_t)s->cells.len;
    if (canon_text(s->batch, c, row, &s->cells, err) != ERR_OK)
        return err->code;
    return buf_append_char(&s->cells, '\0', err);
}

static enum err_code tell_changed(struct show *s, const struct kept *a, const struct kept *b, struct err *err)
{
    const struct batch *batch = s->batch;
    struct verify_row row = {.kind = VERIFY_CHANGED,
                             .object = a->object,
                             .line = a->line,
                             .in_source = a->source,
                             .in_target = b->target};
    struct verify_cell *cells = mem_calloc(batch->ncols, sizeof *cells);
    ptrdiff_t *at = mem_calloc(batch->ncols, 2 * sizeof *at);
    size_t second;
    if (!cells || !at) {
        err_nomem(err);
        goto out;
    }
    buf_clear(&s->cells);
    for (size_t c = 0; c < batch->ncols; c++) {
        if (same_cell(batch, a->row, batch, b->row, c))
            continue;
        size_t n = row.ncells++;
        cells[n].column = schema_loaded(batch->schema, c)->name;
        if (put_cell(s, c, a->row, &at[2 * n], err) != ERR_OK ||
            put_cell(s, c, b->row, &at[2 * n + 1], err) != ERR_OK)
            goto out;
    }
    for (size_t n = 0; n < row.ncells; n++) {
        cells[n].source = at[2 * n] < 0 ? NULL : s->cells.data + at[2 * n];
        cells[n].target = at[2 * n + 1] < 0 ? NULL : s->cells.data + at[2 * n + 1];
    }
    buf_clear(&s->text);
    if (put_row(batch, a->row, &s->text, err) != ERR_OK || buf_append_char(&s->text, '\0', err) != ERR_OK)
        goto out;
    second = s->text.len;
    if (put_row(batch, b->row, &s->text, err) != ERR_OK)
        goto out;
    row.source = buf_str(&s->text);
    row.target = row.source + second;
    row.cells = cells;
    tell(s, &row);
out:
    mem_free(cells);
    mem_free(at);
    return err->code;
}

/* By object, as they were read, then by line; what only the target has comes last. */
static int by_place(const void *a, const void *b)
{
    const struct kept *x = a, *y = b;
    if (!x->source != !y->source)
        return !x->source - !y->source;
    int order = strcmp(x->object, y->object);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static enum err_code tell_all(struct show *s, struct err *err)
{
    qsort(s->kept, s->n, sizeof *s->kept, by_place);
    pair_up(s);
    for (size_t i = 0; i < s->n && !enough(s); i++)
        if (s->kept[i].partner && tell_changed(s, &s->kept[i], s->kept[i].partner, err) != ERR_OK)
            return err->code;
    for (size_t i = 0; i < s->n && !enough(s); i++) {
        const struct kept *k = &s->kept[i];
        bool more = k->target > k->source, less = k->target < k->source;
        if (k->paired || k->partner || (!more && !less) || (more && s->no_extras))
            continue;
        if (tell_one(s, k, less ? VERIFY_MISSING : k->source ? VERIFY_DOUBLED : VERIFY_EXTRA, err) != ERR_OK)
            return err->code;
    }
    return ERR_OK;
}

/* ---- what is shown ---- */

static void show_release(struct show *s)
{
    for (size_t i = 0; i < s->nnames; i++)
        mem_free(s->names[i]);
    mem_free(s->names);
    mem_free(s->buckets);
    mem_free(s->kept);
    mem_free(s->slots);
    batch_free(s->batch);
    buf_release(&s->text);
    buf_release(&s->cells);
}

static enum err_code show_new(struct show *s, bool large, struct err *err)
{
    size_t ncols = s->v->job->pipeline->schema.nloaded;
    s->most = ncols < 2 ? 0 : ncols < 8 ? 1 : ncols / 4;
    buf_init(&s->text, 2 * ROW_TEXT_MAX);
    buf_init(&s->cells, BATCH_TEXT_MAX);
    s->kept = mem_alloc(KEEP * sizeof *s->kept);
    s->slots = mem_alloc(SLOTS * sizeof *s->slots);
    s->names = mem_alloc(KEEP * sizeof *s->names);
    s->buckets = large ? mem_alloc(BUCKETS * sizeof *s->buckets) : NULL;
    if (!s->kept || !s->slots || !s->names || (large && !s->buckets))
        return err_nomem(err);
    return batch_new(&s->v->job->pipeline->schema, KEEP, KEEP_TEXT, &s->batch, err);
}

/* Naming rows is an extra: what the comparison found stands without it. */
static enum err_code forgive(const char *what, struct err *err)
{
    bool its_own = err->code == ERR_DATA || err->code == ERR_PRECONDITION || err->code == ERR_DENIED ||
                   err->code == ERR_IO || err->name == ERRN_LIMIT;
    if (its_own) {
        log_msg(LOG_WARN, "%s: its rows cannot be named: %s", what, err->msg);
        err_clear(err);
    }
    return err->code;
}

enum err_code verify_show_object(struct verify *v, struct subject *subject, struct err *err)
{
    struct books *b = &subject->books;
    struct show s = {.v = v, .one = subject, .ids = b->ids, .nids = b->n};
    if (enough(&s) || b->n == 0)
        return ERR_OK;
    qsort(b->ids, b->n, sizeof *b->ids, by_number);
    if (show_new(&s, subject->source.rows > SIDE_MAX || b->target.rows > SIDE_MAX, err) == ERR_OK &&
        passes(&s, err) == ERR_OK)
        (void)!tell_all(&s, err);
    show_release(&s);
    return forgive(subject->entry.object.key, err);
}

enum err_code verify_show_table(struct verify *v, struct err *err)
{
    struct show s = {.v = v, .no_extras = v->totals->gone + v->totals->unread + v->partial > 0};
    bool large = v->totals->source.rows > SIDE_MAX || v->totals->scanned_rows > SIDE_MAX;
    if (enough(&s))
        return ERR_OK;
    if (s.no_extras)
        log_msg(LOG_WARN, "rows that only the table has are not named: some may be of objects that are gone, "
                          "cannot be read or are loaded in part");
    if (show_new(&s, large, err) == ERR_OK && passes(&s, err) == ERR_OK)
        (void)!tell_all(&s, err);
    show_release(&s);
    return forgive("the table", err);
}

/* ---- rows of no load ---- */

static enum err_code unknown_row(void *ctx, const struct batch *batch, size_t row, int64_t load_id,
                                 uint64_t hash, struct err *err)
{
    struct show *s = ctx;
    struct kept *k = NULL;
    if (verify_find_mark(s->v, load_id))
        return ERR_OK;
    if (find(s, batch, row, hash, NULL, &k, err) == ERR_OK && k)
        k->target++;
    return err->code;
}

enum err_code verify_show_unknown(struct verify *v, struct err *err)
{
    struct show s = {.v = v};
    if (enough(&s))
        return ERR_OK;
    if (show_new(&s, false, err) == ERR_OK) {
        do {
            forget(&s);
            s.pass = ROWS;
        } while (verify_scan(v, 0, unknown_row, &s, err) != ERR_OK && verify_again(v, err));
        if (err->code == ERR_OK)
            (void)!tell_all(&s, err);
    }
    show_release(&s);
    return forgive("the table", err);
}
