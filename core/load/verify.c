/*
 * verify: see verify.h.
 *
 * One scan of the target fills a table load id -> (rows, hash). Then the diff walks source and ledger side by
 * side: for each object the source is read again, the ledger's rows are added up, and the target's tallies of
 * the object's load ids are looked up. What stays unseen in the table belongs to no load of ours.
 */
#include "core/load/verify.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/load/verify_internal.h"

enum { SCAN_ROWS = 4096, SCAN_TEXT = 1024 * 1024, LOADS_MAX = 50 * 1000 * 1000 };

const char *verify_status_text(enum verify_status status)
{
    static const char *const text[] = {"equal",      "source differs", "target differs",
                                       "not loaded", "gone",           "baseline"};
    return text[status];
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
static enum err_code count_row(struct verify *v, int64_t id, uint64_t hash, struct err *err)
{
    struct load_tally *top = v->nloads ? &v->loads[v->nloads - 1] : NULL;
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

static enum err_code scan_target(struct verify *v, struct err *err)
{
    struct sink_scan *scan = NULL;
    struct batch *batch = NULL;
    int64_t *ids = mem_alloc(SCAN_ROWS * sizeof *ids);
    uint8_t *odd = mem_alloc(SCAN_ROWS);
    if (!ids || !odd) {
        err_nomem(err);
        goto out;
    }
    if (batch_new(&v->job->pipeline->schema, SCAN_ROWS, SCAN_TEXT, &batch, err) != ERR_OK ||
        sink_scan_begin(v->job->sink, 0, &scan, err) != ERR_OK)
        goto out;
    do {
        if (job_check_stop(v->job, err) != ERR_OK || sink_scan_next(scan, batch, ids, odd, err) != ERR_OK)
            goto out;
        for (size_t i = 0; i < batch->rows; i++) {
            /* A value that its column cannot hold is a difference, whatever the rest says. */
            uint64_t hash = canon_row_hash(batch, i) + odd[i];
            v->totals->target.rows++;
            v->totals->target.hash += hash;
            if (count_row(v, ids[i], hash, err) != ERR_OK)
                goto out;
        }
    } while (batch->rows > 0);
    fold_loads(v);
    v->totals->target.known = true;
out:
    sink_scan_end(scan);
    batch_free(batch);
    mem_free(ids);
    mem_free(odd);
    return err->code;
}

static struct load_tally *find_load(struct verify *v, int64_t id)
{
    struct load_tally key = {.load_id = id};
    return v->nloads ? bsearch(&key, v->loads, v->nloads, sizeof *v->loads, by_id) : NULL;
}

/* ---- one object ---- */

/* The object's load ids, and what the target holds under them. */
static enum err_code target_of(struct verify *v, const char *object, struct verify_side *side, int64_t **ids,
                               size_t *nids, struct err *err)
{
    struct ledger_query query = {.object = object, .order = LEDGER_BY_KEY};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;
    *ids = NULL;
    *nids = 0;
    *side = (struct verify_side){.known = true};
    if (!rows)
        return err_nomem(err);
    while (n == REC_PAGE && sink_ledger_page(v->job->sink, &query, rows, REC_PAGE, &n, err) == ERR_OK) {
        int64_t *grown = mem_realloc(*ids, (*nids + n + 1) * sizeof *grown);
        if (!grown) {
            err_nomem(err);
            break;
        }
        *ids = grown;
        for (size_t i = 0; i < n; i++) {
            struct load_tally *t = find_load(v, rows[i].id);
            (*ids)[(*nids)++] = rows[i].id;
            if (t) {
                t->seen = true;
                side->rows += t->rows;
                side->hash += t->hash;
            }
        }
        query.after_object = object;
        query.after_chunk = n ? rows[n - 1].chunk : 0;
    }
    mem_free(rows);
    return err->code;
}

enum err_code verify_unit(const struct diff_entry *entry, struct unit **out, struct err *err)
{
    /* Without id and chunk: read from the start, as if it were new. */
    struct diff_entry *whole = mem_alloc(sizeof *whole);
    struct unit *unit = NULL;
    *out = NULL;
    if (!whole)
        return err_nomem(err);
    *whole = *entry;
    whole->kind = DIFF_NEW;
    if (unit_new(UNIT_FILE, entry->hour, 0, &unit, err) == ERR_OK &&
        unit_add(unit, whole, false, err) == ERR_OK) {
        *out = unit;
        unit = NULL;
    }
    unit_free(unit);
    mem_free(whole);
    return err->code;
}

static enum err_code count_item(void *ctx, struct item *item, struct err *err)
{
    uint64_t *hash = ctx;
    for (size_t i = 0; i < item->nslices; i++)
        if (item->slices[i].last)
            *hash += item->rows[i].row_hash;
    if (item->err.code != ERR_OK)
        *err = item->err;
    return err->code;
}

/* Reads the object again. An object that cannot be read as CSV any more is a difference, with `note` saying
 * why. */
static enum err_code read_source(struct verify *v, const struct diff_entry *entry, struct verify_side *side,
                                 struct err *why, struct err *err)
{
    struct unit *unit = NULL;
    struct load_outcome outcome;
    if (verify_unit(entry, &unit, err) != ERR_OK)
        return err->code;
    *side = (struct verify_side){.known = true};
    enum err_code code = loader_drive(v->loader, unit, NULL, &outcome, count_item, &side->hash, why);
    unit_free(unit);
    side->rows = outcome.rows_loaded;
    side->rejected = outcome.rows_rejected;
    if (code != ERR_OK && code != ERR_DATA && code != ERR_PRECONDITION) {
        *err = *why;
        return err->code;
    }
    if (code != ERR_OK)
        *side = (struct verify_side){.known = false};
    return ERR_OK;
}

static bool same(const struct verify_side *a, const struct verify_side *b, bool rejects)
{
    return a->rows == b->rows && a->hash == b->hash && (!rejects || a->rejected == b->rejected);
}

static void add_side(struct verify_side *sum, const struct verify_side *side)
{
    sum->known |= side->known;
    sum->rows += side->rows;
    sum->rejected += side->rejected;
    sum->hash += side->hash;
}

/* A replay takes from the rejects what it adds to the rows. */
static struct verify_side ledger_of(const struct diff_entry *entry)
{
    return (struct verify_side){true, entry->loaded_sum, entry->rejected_sum - entry->replayed_sum,
                                entry->hash_sum};
}

static void judge(struct verify *v, const struct diff_entry *entry, struct verify_result *r,
                  const struct err *why)
{
    struct verify_totals *t = v->totals;
    bool target_ok = !t->by_object || same(&r->target, &r->ledger, false);
    if (entry->kind == DIFF_GONE)
        r->status = target_ok ? VERIFY_GONE : VERIFY_TARGET_DIFFERS;
    else if (!r->source.known || !same(&r->source, &r->ledger, true))
        r->status = VERIFY_SOURCE_DIFFERS;
    else
        r->status = target_ok ? VERIFY_EQUAL : VERIFY_TARGET_DIFFERS;
    if (why->code != ERR_OK)
        r->note = why->msg;
    else if (r->status == VERIFY_SOURCE_DIFFERS && entry->row.schema_hash != v->job->pipeline->schema.hash)
        r->note = "it was loaded under another schema";
    else if (r->status == VERIFY_SOURCE_DIFFERS && r->source.rejected < r->ledger.rejected)
        r->note = "some rejects would pass today: `sluice rejects replay` loads them";
    t->equal += r->status == VERIFY_EQUAL;
    t->gone += r->status == VERIFY_GONE;
    t->different += r->status == VERIFY_SOURCE_DIFFERS || r->status == VERIFY_TARGET_DIFFERS;
}

static enum err_code one_object(struct verify *v, const struct diff_entry *entry, struct err *err)
{
    struct verify_result r = {.hour = entry->hour, .object = entry->object.key, .note = ""};
    struct verify_totals *t = v->totals;
    struct err why = ERR_INIT;
    int64_t *ids = NULL;
    size_t nids = 0;
    t->objects++;
    if (entry->kind != DIFF_NEW && target_of(v, entry->object.key, &r.target, &ids, &nids, err) != ERR_OK)
        goto out;
    r.target.known = t->by_object && entry->kind != DIFF_NEW;
    if (entry->kind == DIFF_NEW || entry->kind == DIFF_PARTIAL) {
        r.status = VERIFY_NOT_LOADED;
        t->not_loaded++;
        if (entry->kind == DIFF_PARTIAL) { /* its chunks are in the table as a whole */
            r.note = "only some of its chunks are loaded";
            r.ledger = ledger_of(entry);
            add_side(&t->ledger, &r.ledger);
        }
    } else if (entry->row.kind == LOAD_KIND_BASELINE) {
        r.status = VERIFY_BASELINE;
        v->any_baseline = true;
        t->baseline++;
    } else {
        r.ledger = ledger_of(entry);
        if (entry->kind != DIFF_GONE && read_source(v, entry, &r.source, &why, err) != ERR_OK)
            goto out;
        add_side(&t->source, &r.source);
        add_side(&t->ledger, &r.ledger);
        judge(v, entry, &r, &why);
    }
    if (v->options->result)
        v->options->result(v->options->ctx, &r);
    bool differs = r.status == VERIFY_SOURCE_DIFFERS || r.status == VERIFY_TARGET_DIFFERS;
    if (differs && r.source.known && t->by_object && v->shown < v->options->show &&
        verify_show(v, entry, ids, nids, err) != ERR_OK)
        goto out;
out:
    mem_free(ids);
    return err->code;
}

/* ---- all ---- */

static enum err_code all_objects(struct verify *v, struct err *err)
{
    const struct hour_range *range = &v->options->range;
    struct diff_entry *entry = mem_alloc(sizeof *entry);
    struct diff *diff = NULL;
    struct buf prefix;
    bool more = true;
    buf_init(&prefix, STORE_KEY_MAX);
    if (!entry) {
        err_nomem(err);
        goto out;
    }
    if (layout_range_prefix(v->job->layout, range->bounded ? range->from : HOUR_MIN,
                            range->bounded ? range->to : HOUR_MAX + 1, &prefix, err) != ERR_OK ||
        diff_begin(v->job->store, v->job->layout, v->job->sink, buf_str(&prefix), &diff, err) != ERR_OK)
        goto out;
    while (job_check_stop(v->job, err) == ERR_OK && diff_next(diff, entry, &more, err) == ERR_OK && more) {
        bool inside = !range->bounded || (entry->hour >= range->from && entry->hour < range->to);
        if (entry->kind != DIFF_IGNORED && inside && one_object(v, entry, err) != ERR_OK)
            goto out;
    }
out:
    diff_end(diff);
    buf_release(&prefix);
    mem_free(entry);
    return err->code;
}

/* Marks the tallies that any pipeline's ledger accounts for. */
static enum err_code mark_seen(struct verify *v, struct err *err)
{
    struct ledger_query query = {.any_pipeline = true, .order = LEDGER_BY_ID};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;
    if (!rows)
        return err_nomem(err);
    while (n == REC_PAGE && sink_ledger_page(v->job->sink, &query, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            struct load_tally *t = find_load(v, rows[i].id);
            if (t)
                t->seen = true;
        }
        query.after_id = n ? rows[n - 1].id : 0;
    }
    mem_free(rows);
    return err->code;
}

/* Rows that no load put there (with lineage). After a baseline they are what it stands for. */
static enum err_code unknown_rows(struct verify *v, struct err *err)
{
    struct verify_result r = {
        .object = "", .status = VERIFY_TARGET_DIFFERS, .note = "rows of the table that belong to no load"};
    r.target.known = true;
    if (mark_seen(v, err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < v->nloads; i++) {
        if (v->loads[i].seen)
            continue;
        r.target.rows += v->loads[i].rows;
        r.target.hash += v->loads[i].hash;
    }
    if (r.target.rows == 0 || v->any_baseline)
        return ERR_OK;
    v->totals->unknown_rows = r.target.rows;
    if (v->options->result)
        v->options->result(v->options->ctx, &r);
    return ERR_OK;
}

/* Without lineage: all rows of the table against all of the ledger. */
static void whole_table(struct verify *v)
{
    struct verify_totals *t = v->totals;
    struct verify_result r = {.note = "the table as a whole: target.lineage is false"};
    bool all = !v->options->range.bounded && !v->any_baseline;
    r.ledger = t->ledger;
    r.target = t->target;
    r.target.known = all;
    r.status = !all || same(&r.target, &r.ledger, false) ? VERIFY_EQUAL : VERIFY_TARGET_DIFFERS;
    if (!all)
        r.note = "the table was not compared: without target.lineage that needs --all and no baseline";
    t->different += r.status == VERIFY_TARGET_DIFFERS;
    if (v->options->result)
        v->options->result(v->options->ctx, &r);
}

enum err_code verify_run(struct job *job, const struct verify_options *options, struct verify_totals *totals,
                         struct err *err)
{
    struct verify v = {.job = job, .options = options, .totals = totals};
    *totals = (struct verify_totals){.by_object = job->pipeline->target.lineage != PIPELINE_LINEAGE_FALSE};
    if (loader_new(job, job->sink, &v.loader, err) != ERR_OK || scan_target(&v, err) != ERR_OK ||
        all_objects(&v, err) != ERR_OK)
        goto out;
    if (!totals->by_object)
        whole_table(&v);
    else if (!options->range.bounded)
        unknown_rows(&v, err);
out:
    loader_free(v.loader);
    mem_free(v.loads);
    return err->code;
}
