/*
 * load: the third part of a load, the caller's thread: items -> one transaction (or one a chunk), and the
 * loader that owns threads and memory.
 *
 * Invariants: blocks and items belong to the loader all the time and only travel through the channels; a
 * transaction is open exactly while `work.load` is set; the books of a transaction (rows and rejects sent
 * against what the database counted) are checked before its commit.
 */
#include "core/load/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "core/load/ahead.h"
#include "core/load/hour_checks.h"
#include "core/load/keep.h"
#include "core/load/ledger.h"
#include "core/load/load_internal.h"
#include "core/load/observe.h"

struct loader {
    struct job *job;
    struct sink *sink;
    struct store *store; /* the fetch thread's own handle */
    struct ahead *ahead; /* NULL: the store is near, nothing is gained by reading ahead */
    struct block *blocks[LOAD_BLOCKS];
    struct item *items[LOAD_ITEMS];
    struct csv_reader *csv;
    struct convert *convert;
    struct judge *judge; /* NULL: nothing to judge beyond single records */
    struct hash_state *prefix;
    struct bytes_mem nothing; /* what csv reads between units */
    struct observer observer;
    int64_t commits;  /* so far */
    bool sink_failed; /* the last unit failed in the database, not in its source */
};

/* What the sink thread knows of the unit it loads. */
struct work {
    struct loader *loader;
    struct claim *claim;
    const struct unit *unit;
    struct load_outcome *outcomes;
    struct reject_samples *samples;
    struct sink_load *load;
    int64_t open_id; /* ledger row that the next item's first slice goes on with */
    int64_t some_id; /* a ledger row of the open transaction */
    int64_t rows_sent, rows_stored, rejects_sent, rejects_stored; /* of the open transaction */
};

void item_free(struct item *item)
{
    if (!item)
        return;
    batch_free(item->batch);
    mem_free(item->rows);
    mem_free(item->rejects);
    mem_free(item->reject_slice);
    mem_free(item->reject_off);
    check_notes_release(&item->notes);
    buf_release(&item->raw);
    mem_free(item);
}

enum err_code item_new(const struct schema *schema, const struct sink_caps *caps, struct item **out,
                       struct err *err)
{
    *out = NULL;
    struct item *item = mem_calloc(1, sizeof *item);
    if (!item)
        return err_nomem(err);
    check_notes_init(&item->notes);
    buf_init(&item->raw, ITEM_RAW_MAX);
    item->rows = mem_alloc(ITEM_SLICES_MAX * sizeof *item->rows);
    item->rejects = mem_alloc(ITEM_REJECTS_MAX * sizeof *item->rejects);
    item->reject_slice = mem_alloc(ITEM_REJECTS_MAX * sizeof *item->reject_slice);
    item->reject_off = mem_alloc(ITEM_REJECTS_MAX * sizeof *item->reject_off);
    if (!item->rows || !item->rejects || !item->reject_slice || !item->reject_off)
        err_nomem(err);
    else if (batch_new(schema, caps->batch_rows, caps->batch_text, &item->batch, err) == ERR_OK)
        *out = item;
    if (!*out)
        item_free(item);
    return *out ? ERR_OK : err->code;
}

void item_clear(struct item *item)
{
    batch_clear(item->batch);
    buf_clear(&item->raw);
    check_notes_cut(&item->notes, 0);
    item->nslices = item->nrejects = 0;
    item->end = false;
    item->err = ERR_INIT;
}

void loader_free(struct loader *l)
{
    if (!l)
        return;
    observe_close(&l->observer);
    for (int i = 0; i < LOAD_BLOCKS; i++)
        mem_free(l->blocks[i]);
    for (int i = 0; i < LOAD_ITEMS; i++)
        item_free(l->items[i]);
    csv_close(l->csv);
    convert_free(l->convert);
    judge_free(l->judge);
    hash_free(l->prefix);
    ahead_free(l->ahead);
    store_close(l->store);
    mem_free(l);
}

enum err_code loader_new(struct job *job, struct sink *sink, struct loader **out, struct err *err)
{
    *out = NULL;
    const struct pipeline *p = job->pipeline;
    struct loader *l = mem_calloc(1, sizeof *l);
    if (!l)
        return err_nomem(err);
    l->job = job;
    l->sink = sink;
    bytes_mem_init(&l->nothing, "", 0);
    for (int i = 0; i < LOAD_BLOCKS; i++)
        if (!(l->blocks[i] = mem_alloc(sizeof *l->blocks[i])) && err_nomem(err) != ERR_OK)
            goto out;
    for (int i = 0; i < LOAD_ITEMS; i++)
        if (item_new(&p->schema, &sink->caps, &l->items[i], err) != ERR_OK)
            goto out;
    if (csv_open(&p->source.csv, NULL, &l->nothing.base, &l->csv, err) != ERR_OK ||
        convert_new(&p->schema, &p->source.csv, &l->convert, err) != ERR_OK ||
        judge_new(p, &l->judge, err) != ERR_OK || hash_new(&l->prefix, err) != ERR_OK)
        goto out;
    if (job->stores.open(job->stores.ctx, &l->store, err) != ERR_OK ||
        (l->store->caps.remote && ahead_new(&job->stores, &l->ahead, err) != ERR_OK))
        goto out;
    if (observe_open(&l->observer, job, err) != ERR_OK)
        goto out;
    *out = l;
    l = NULL;
out:
    loader_free(l);
    return *out ? ERR_OK : err->code;
}

/* ---- the sink thread ---- */

static enum err_code begin(struct work *w, struct err *err)
{
    if (w->load)
        return ERR_OK;
    struct loader *l = w->loader;
    if (claim_keep(w->claim, err) != ERR_OK)
        return err->code;
    struct sink_begin args = {.hour = w->unit->hour,
                              .owner = w->claim->row.owner,
                              .epoch = w->claim->row.epoch,
                              .run_id = l->job->run_id};
    w->rows_sent = w->rows_stored = w->rejects_sent = w->rejects_stored = 0;
    return sink_begin(l->sink, &args, &w->load, err);
}

/* Ledger rows of the slices that begin in this item: together, or one by one where one replaces another. */
static enum err_code insert_rows(struct work *w, struct item *item, struct err *err)
{
    size_t from = item->nslices && !item->slices[0].first ? 1 : 0;
    if (from)
        item->rows[0].id = w->open_id;
    size_t n = item->nslices - from;
    bool replaces = false;
    for (size_t i = from; i < item->nslices; i++)
        replaces |= w->unit->objects[item->slices[i].object].replace_id != 0;
    if (n == 0)
        return ERR_OK;
    if (!replaces)
        return sink_ledger_insert(w->load, item->rows + from, n, err);
    for (size_t i = from; i < item->nslices; i++) {
        const struct unit_object *object = &w->unit->objects[item->slices[i].object];
        struct ledger_row *old = NULL;
        enum err_code code;
        if (object->replace_id == 0 || item->rows[i].chunk > 0) {
            code = sink_ledger_insert(w->load, &item->rows[i], 1, err);
        } else if (!(old = mem_calloc(1, sizeof *old))) {
            code = err_nomem(err);
        } else {
            old->id = object->replace_id;
            snprintf(old->object, sizeof old->object, "%s", object->key);
            snprintf(old->run_id, sizeof old->run_id, "%s", object->replace_run_id);
            code = sink_replace(w->load, old, &item->rows[i], err);
        }
        mem_free(old);
        if (code != ERR_OK)
            return code;
    }
    return ERR_OK;
}

/* Where a refused row came from. */
static enum err_code name_row(struct work *w, const struct item *item, struct err *err)
{
    int64_t row = w->load->failed_row;
    if (row < 0 || (size_t)row >= item->batch->rows)
        return w->unit->n == 1 ? err_context(err, "%s", w->unit->objects[0].key) : err->code;
    for (size_t i = 0; i < item->nslices; i++)
        if ((size_t)row >= item->slices[i].from && (size_t)row < item->slices[i].to)
            return err_context(err, "%s line %" PRId64, w->unit->objects[item->slices[i].object].key,
                               item->batch->line[row]);
    return err->code;
}

static enum err_code append_rows(struct work *w, const struct item *item, struct err *err)
{
    struct sink_segment segments[ITEM_SLICES_MAX];
    size_t n = 0;
    int64_t stored = 0;
    for (size_t i = 0; i < item->nslices; i++)
        if (item->slices[i].to > item->slices[i].from)
            segments[n++] = (struct sink_segment){item->slices[i].from, item->slices[i].to, item->rows[i].id};
    if (n == 0)
        return ERR_OK;
    if (sink_append(w->load, item->batch, segments, n, &stored, err) != ERR_OK)
        return name_row(w, item, err);
    w->rows_sent += (int64_t)item->batch->rows;
    w->rows_stored += stored;
    return ERR_OK;
}

static enum err_code append_rejects(struct work *w, struct item *item, struct err *err)
{
    int64_t stored = 0;
    if (item->nrejects == 0)
        return ERR_OK;
    for (size_t i = 0; i < item->nrejects; i++) {
        item->rejects[i].load_id = item->rows[item->reject_slice[i]].id;
        if (w->samples)
            reject_samples_add(w->samples, &item->rejects[i]);
    }
    if (sink_rejects(w->load, item->rejects, item->nrejects, &stored, err) != ERR_OK)
        return err->code;
    w->rejects_sent += (int64_t)item->nrejects;
    w->rejects_stored += stored;
    return ERR_OK;
}

/* Totals of the ledger rows that end in this item. They lie together: only the last slice can be open. */
static enum err_code write_totals(struct work *w, struct item *item, struct err *err)
{
    size_t n = item->nslices;
    if (n && !item->slices[n - 1].last)
        w->open_id = item->rows[--n].id;
    if (n == 0)
        return ERR_OK;
    for (size_t i = 0; i < n; i++)
        w->outcomes[item->slices[i].object].row_hash += item->rows[i].row_hash;
    return sink_totals(w->load, item->rows, n, err);
}

static enum err_code commit(struct work *w, struct err *err)
{
    if (!w->load)
        return ERR_OK;
    if (ledger_check_stored(w->rows_sent, w->rows_stored, w->rejects_sent, w->rejects_stored, err) != ERR_OK)
        return err->code;
    struct sink_load *load = w->load;
    w->load = NULL;
    if (sink_commit(load, err) != ERR_OK) {
        if (err->code == ERR_IN_DOUBT)
            observe_doubt(&w->loader->observer, w->some_id);
        return err->code;
    }
    observe_commit(&w->loader->observer);
    w->loader->commits++;
    w->claim->renewed_us = clock_mono_us(w->loader->job->clock);
    if (w->samples)
        reject_samples_clear(w->samples);
    return ERR_OK;
}

/* The hour as a whole, once all of it is in the transaction; what is left of an object that was begun in
 * chunks, with its last one. Data that fails it is no trouble of the database. */
static enum err_code judge_hour(struct work *w, struct err *err)
{
    const struct loader *l = w->loader;
    int64_t loaded = w->unit->kind == UNIT_HOUR ? 0 : HOUR_CHECKS_ASK;
    if (!w->load || l->job->pipeline->nchecks == 0)
        return ERR_OK;
    for (size_t i = 0; w->unit->kind == UNIT_HOUR && i < w->unit->n; i++)
        loaded += w->outcomes[i].rows_loaded;
    return hour_checks_judge(l->job->pipeline, w->load, w->unit->hour, l->job->run_id, loaded, l->judge, err);
}

static enum err_code load_item(void *ctx, struct item *item, struct err *err)
{
    struct work *w = ctx;
    if (item->err.code != ERR_OK) {
        for (size_t i = 0; w->samples && i < item->nrejects; i++)
            reject_samples_add(w->samples, &item->rejects[i]);
        *err = item->err;
        return err->code;
    }
    if (item->nslices == 0)
        return ERR_OK;
    w->loader->sink_failed = true; /* until this item is through */
    if (begin(w, err) != ERR_OK || insert_rows(w, item, err) != ERR_OK ||
        append_rows(w, item, err) != ERR_OK || append_rejects(w, item, err) != ERR_OK ||
        check_notes_store(&item->notes, w->load, item->rows, err) != ERR_OK ||
        write_totals(w, item, err) != ERR_OK)
        return err->code;
    w->some_id = item->rows[0].id;
    observe_begun(&w->loader->observer);
    observe_item(&w->loader->observer, w->unit, item);
    const struct slice *last = &item->slices[item->nslices - 1];
    if (w->unit->kind == UNIT_CHUNK && last->last) {
        if ((last->object_end && judge_hour(w, err) != ERR_OK) || commit(w, err) != ERR_OK)
            return err->code;
        w->outcomes[last->object].committed = last->object_end;
    }
    w->loader->sink_failed = false;
    return ERR_OK;
}

/* ---- threads ---- */

struct pipes {
    struct channel *blocks_full, *blocks_empty, *items_full, *items_empty;
};

static void pipes_close(struct pipes *p)
{
    channel_free(p->blocks_full);
    channel_free(p->blocks_empty);
    channel_free(p->items_full);
    channel_free(p->items_empty);
}

static void pipes_cancel(struct pipes *p)
{
    channel_cancel(p->blocks_full);
    channel_cancel(p->blocks_empty);
    channel_cancel(p->items_full);
    channel_cancel(p->items_empty);
}

static enum err_code pipes_open(struct loader *l, struct pipes *p, struct err *err)
{
    if (channel_new(LOAD_BLOCKS, &p->blocks_full, err) != ERR_OK ||
        channel_new(LOAD_BLOCKS, &p->blocks_empty, err) != ERR_OK ||
        channel_new(LOAD_ITEMS, &p->items_full, err) != ERR_OK ||
        channel_new(LOAD_ITEMS, &p->items_empty, err) != ERR_OK)
        return err->code;
    for (int i = 0; i < LOAD_BLOCKS; i++)
        if (channel_push(p->blocks_empty, l->blocks[i], err) != ERR_OK)
            return err->code;
    for (int i = 0; i < LOAD_ITEMS; i++)
        if (channel_push(p->items_empty, l->items[i], err) != ERR_OK)
            return err->code;
    return ERR_OK;
}

static enum err_code give_items(struct loader *l, struct pipes *p, item_fn *take, void *ctx, struct err *err)
{
    const struct channel_idle keep = keep_load(l->sink);
    for (;;) {
        void *next = NULL;
        enum err_code code = channel_pop_idle(p->items_full, &next, &keep, err);
        if (code != ERR_OK)
            l->sink_failed = code != ERR_CANCELLED; /* it said that it is gone while it waited */
        if (code != ERR_OK || job_check_stop(l->job, err) != ERR_OK)
            return err->code;
        struct item *item = next;
        if (!item)
            return err_set(err, ERRN_INTERNAL, "the parse thread ended without an end");
        bool end = item->end;
        if (take(ctx, item, err) != ERR_OK || end)
            return err->code;
        if (channel_push(p->items_empty, item, err) != ERR_OK)
            return err->code;
    }
}

enum err_code loader_drive(struct loader *l, const struct unit *unit, const struct reject_limit *limit,
                           struct load_outcome *outcomes, item_fn *take, void *ctx, struct err *err)
{
    struct pipes pipes = {0};
    struct fetch fetch = {.store = l->store,
                          .ahead = l->ahead,
                          .unit = unit,
                          .stop = l->job->stop,
                          .progress = l->job->progress};
    struct parse parse = {.pipeline = l->job->pipeline,
                          .unit = unit,
                          .limit = limit,
                          .run_id = l->job->run_id,
                          .load_method = l->sink->caps.load_method,
                          .csv = l->csv,
                          .convert = l->convert,
                          .judge = l->judge,
                          .prefix = l->prefix,
                          .progress = l->job->progress,
                          .outcomes = outcomes};
    struct task *fetcher = NULL, *parser = NULL;

    l->sink_failed = false;
    memset(outcomes, 0, unit->n * sizeof *outcomes);
    if (pipes_open(l, &pipes, err) != ERR_OK)
        goto out;
    fetch.full = parse.blocks_full = pipes.blocks_full;
    fetch.empty = parse.blocks_empty = pipes.blocks_empty;
    parse.items_full = pipes.items_full;
    parse.items_empty = pipes.items_empty;
    if (task_start(fetch_main, &fetch, &fetcher, err) == ERR_OK &&
        task_start(parse_main, &parse, &parser, err) == ERR_OK)
        give_items(l, &pipes, take, ctx, err);
    if (err->code != ERR_OK)
        pipes_cancel(&pipes);
    task_join(parser);
    task_join(fetcher);
out:
    csv_reset(l->csv, &l->nothing.base);
    pipes_close(&pipes);
    return err->code;
}

bool loader_sink_failed(const struct loader *l)
{
    return l->sink_failed;
}

int64_t loader_commits(const struct loader *l)
{
    return l->commits;
}

void loader_saw_ledger(struct loader *l, const struct ledger_row *row)
{
    observe_ledger(&l->observer, row);
}

void loader_set_sink(struct loader *l, struct sink *sink)
{
    l->sink = sink;
}

enum err_code loader_run(struct loader *l, struct claim *claim, const struct unit *unit,
                         struct load_outcome *outcomes, struct reject_samples *samples, struct err *err)
{
    struct work work = {.loader = l, .claim = claim, .unit = unit, .outcomes = outcomes, .samples = samples};
    if (samples)
        reject_samples_clear(samples);
    if (loader_drive(l, unit, &l->job->pipeline->policy.max_rejects, outcomes, load_item, &work, err) ==
        ERR_OK) {
        l->sink_failed = true;
        if (judge_hour(&work, err) == ERR_OK)
            (void)!commit(&work, err);
        l->sink_failed = err->code != ERR_OK && err->code != ERR_DATA;
    }
    sink_abort(work.load);
    observe_rollback(&l->observer);
    for (size_t i = 0; err->code == ERR_OK && i < unit->n; i++)
        outcomes[i].committed = !outcomes[i].left_out;
    if (samples)
        reject_samples_seal(samples);
    return err->code;
}
