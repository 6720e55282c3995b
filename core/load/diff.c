/*
 * diff: see diff.h.
 *
 * Two cursors, each holding its next item: `object` from the store's list, `folded` from the ledger's pages.
 * The smaller key goes out first; equal keys go out together. All ledger rows of one object (chunks, replays)
 * are folded into one before they are compared.
 *
 * States of a cursor: wanting (its item went out, or there was none yet) -> holding the next item, or at its
 * end. What fails leaves it wanting, with what it has so far: the next call goes on from there.
 */
#include "core/load/diff.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/load/keep.h"

struct diff {
    struct store *store;
    struct sink *sink;
    struct keep keep; /* while the listing takes its time */
    const struct layout *layout;
    struct store_list *list; /* NULL: to be begun */
    char prefix[STORE_KEY_MAX + 1];

    struct store_object object; /* next of the listing; while one is wanted: the last, key "" = none yet */
    bool has_object, want_object;

    struct ledger_row *page; /* REC_PAGE rows */
    size_t page_n, page_at;
    bool page_end; /* the ledger has nothing behind this page */
    char after[REC_OBJECT_MAX + 1];
    int64_t after_chunk;

    struct diff_entry folded; /* next object of the ledger: row and sums */
    bool has_folded, want_folded;
};

/* The next ledger row, or NULL at the end. */
static enum err_code next_row(struct diff *d, const struct ledger_row **out, struct err *err)
{
    *out = NULL;
    if (d->page_at == d->page_n && !d->page_end) {
        struct ledger_query query = {.prefix = d->prefix[0] ? d->prefix : NULL,
                                     .order = LEDGER_BY_KEY,
                                     .after_object = d->after[0] ? d->after : NULL,
                                     .after_chunk = d->after_chunk};
        d->page_at = d->page_n = 0;
        if (sink_ledger_page(d->sink, &query, d->page, REC_PAGE, &d->page_n, err) != ERR_OK)
            return err->code;
        d->page_end = d->page_n < REC_PAGE;
        if (d->page_n > 0) {
            const struct ledger_row *last = &d->page[d->page_n - 1];
            snprintf(d->after, sizeof d->after, "%s", last->object);
            d->after_chunk = last->chunk;
        }
    }
    if (d->page_at < d->page_n)
        *out = &d->page[d->page_at];
    return ERR_OK;
}

/* Folds all rows of the next object into d->folded, where one is wanted. */
static enum err_code advance_ledger(struct diff *d, struct err *err)
{
    const struct ledger_row *row = NULL;
    while (d->want_folded) {
        if (next_row(d, &row, err) != ERR_OK)
            return err->code;
        if (!row || (d->has_folded && strcmp(row->object, d->folded.row.object) != 0)) {
            d->want_folded = false;
            break;
        }
        if (!d->has_folded)
            memset(&d->folded, 0, sizeof d->folded);
        d->folded.row = *row; /* rows come in order of chunk: the last one stays */
        if (row->chunk >= 0) {
            d->folded.read_sum += row->rows_read;
            d->folded.rejected_sum += row->rows_rejected;
        } else {
            d->folded.replayed_sum += row->rows_loaded;
        }
        d->folded.loaded_sum += row->rows_loaded;
        d->folded.hash_sum += row->row_hash;
        d->has_folded = true;
        d->page_at++;
    }
    return ERR_OK;
}

/* Takes the next object of the listing, where one is wanted; of a listing begun again, the first that has not
 * been taken. */
static enum err_code advance_list(struct diff *d, struct err *err)
{
    struct store_object next;
    while (d->want_object) {
        if (!d->list && store_list_begin(d->store, d->prefix, STORE_BELOW, &d->list, err) != ERR_OK)
            return err->code;
        if (store_list_next(d->list, &next, &d->has_object, err) != ERR_OK) {
            store_list_end(d->list);
            d->list = NULL;
            return err->code;
        }
        d->want_object = d->has_object && strcmp(next.key, d->object.key) <= 0;
        if (d->has_object && !d->want_object)
            d->object = next;
    }
    return ERR_OK;
}

static void give_folded(struct diff *d)
{
    d->want_folded = true;
    d->has_folded = false;
}

enum err_code diff_begin(struct store *store, const struct layout *layout, struct sink *sink,
                         const char *prefix, struct diff **out, struct err *err)
{
    *out = NULL;
    struct diff *d = mem_calloc(1, sizeof *d);
    if (!d)
        return err_nomem(err);
    d->store = store;
    d->sink = d->keep.sink = sink;
    d->layout = layout;
    d->want_object = d->want_folded = true;
    snprintf(d->prefix, sizeof d->prefix, "%s", prefix);
    d->page = mem_alloc(REC_PAGE * sizeof *d->page);
    if (d->page) {
        *out = d;
    } else {
        err_nomem(err);
        diff_end(d);
    }
    return err->code;
}

static enum diff_kind judge(const struct store_object *object, const struct ledger_row *row)
{
    if (!row->last)
        return DIFF_PARTIAL;
    if (row->etag[0] && object->etag_trusted && strcmp(row->etag, object->etag) == 0)
        return DIFF_LOADED;
    return DIFF_ETAG;
}

static void give_gone(struct diff *d, struct diff_entry *entry)
{
    *entry = d->folded;
    entry->kind = DIFF_GONE;
    entry->hour = d->folded.row.hour;
    entry->object = (struct store_object){0};
    snprintf(entry->object.key, sizeof entry->object.key, "%s", d->folded.row.object);
    give_folded(d);
}

enum err_code diff_next(struct diff *d, struct diff_entry *entry, bool *more, struct err *err)
{
    for (;;) {
        keep_due(&d->keep);
        if (advance_list(d, err) != ERR_OK || advance_ledger(d, err) != ERR_OK)
            return err->code;
        *more = d->has_object || d->has_folded;
        if (!*more)
            return ERR_OK;
        int order = !d->has_object ? 1 : !d->has_folded ? -1 : strcmp(d->object.key, d->folded.row.object);
        if (order > 0) {
            give_gone(d, entry);
            return ERR_OK;
        }
        enum layout_match match = layout_match(d->layout, d->object.key, &entry->hour);
        d->want_object = true;
        if (order < 0 && match == LAYOUT_HIDDEN) /* as if it were not there */
            continue;
        if (order == 0) {
            hour_t hour = match == LAYOUT_MATCH ? entry->hour : d->folded.row.hour;
            *entry = d->folded;
            entry->hour = hour;
            entry->kind = judge(&d->object, &d->folded.row);
            give_folded(d);
        } else {
            bool matches = match == LAYOUT_MATCH; /* nothing stays of the entry before */
            *entry = (struct diff_entry){.kind = matches ? DIFF_NEW : DIFF_IGNORED,
                                         .hour = matches ? entry->hour : 0};
        }
        entry->object = d->object;
        return ERR_OK;
    }
}

void diff_set_sink(struct diff *d, struct sink *sink)
{
    d->sink = d->keep.sink = sink;
}

void diff_end(struct diff *d)
{
    if (!d)
        return;
    store_list_end(d->list);
    mem_free(d->page);
    mem_free(d);
}
