/*
 * backlog: see backlog.h.
 *
 * Invariant: the items are sorted by hour, each hour once: the files come in order, and claims, in order too,
 * are put between them by one merge.
 */
#include "core/queue/backlog.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/load/claim.h"
#include "core/queue/queue_file.h"

struct reading {
    struct backlog *files;
    backlog_other_fn *other;
    void *ctx;
};

static struct backlog_item *add(struct backlog *b, hour_t hour, struct err *err)
{
    if (b->n == BACKLOG_MAX) {
        err_set(err, ERRN_LIMIT, "more than %d hours wait in the queue", BACKLOG_MAX);
        return NULL;
    }
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        struct backlog_item *grown = mem_realloc(b->items, cap * sizeof *grown);
        if (!grown) {
            err_nomem(err);
            return NULL;
        }
        b->items = grown;
        b->cap = cap;
    }
    b->items[b->n] = (struct backlog_item){.hour = hour, .state = HOUR_QUEUED};
    return &b->items[b->n++];
}

static enum err_code on_file(void *ctx, const hour_t *hour, const char *name, struct err *err)
{
    struct reading *r = ctx;
    struct backlog_item *item;
    if (!hour) {
        if (r->other)
            r->other(r->ctx, name);
        return ERR_OK;
    }
    if ((item = add(r->files, *hour, err)))
        item->file = true;
    return err->code;
}

static void classify(struct backlog_item *item, const struct claim_row *claim)
{
    bool left = claim && claim->owner[0] && (claim->expired || claim_owner_is_dead(claim->owner));
    if (claim) {
        item->claimed = true;
        item->state = claim->state;
        item->attempts = claim->attempts;
        item->next_try_us = claim->next_try_us;
        item->due_in_us = claim->due_in_us;
    }
    if (claim && claim->owner[0] && !left)
        item->class = BACKLOG_HELD;
    else if (claim && claim->before == HOUR_FAILED)
        item->class = BACKLOG_FAILED;
    else if (claim && claim->before == HOUR_RETRYING && claim->due_in_us > 0 && !left)
        item->class = BACKLOG_WAITING;
    else if (item->file || left || (claim && claim->before == HOUR_RETRYING))
        item->class = BACKLOG_READY;
    else
        item->class = BACKLOG_IDLE;
}

/* All files up to and with `hour` (the last call: HOUR_MAX), then the hour's claim. */
static enum err_code take_over(struct backlog *out, const struct backlog *files, size_t *at,
                               const struct claim_row *claim, struct err *err)
{
    struct backlog_item *item;
    hour_t hour = claim ? claim->hour : HOUR_MAX;
    while (*at < files->n && files->items[*at].hour < hour + !claim) {
        if (!(item = add(out, files->items[(*at)++].hour, err)))
            return err->code;
        item->file = true;
        classify(item, NULL);
    }
    if (!claim)
        return ERR_OK;
    if (!(item = add(out, hour, err)))
        return err->code;
    item->file = *at < files->n && files->items[*at].hour == hour;
    *at += item->file;
    classify(item, claim);
    return ERR_OK;
}

static enum err_code merge(struct backlog *out, const struct backlog *files, struct sink *sink,
                           struct err *err)
{
    struct claim_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    hour_t after = HOUR_MIN - 1;
    size_t n = 1, at = 0;
    if (!rows)
        return err_nomem(err);
    while (n > 0 && sink_claim_page(sink, CLAIMS_OPEN, after, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n && err->code == ERR_OK; i++)
            (void)!take_over(out, files, &at, &rows[i], err);
        if (n > 0)
            after = rows[n - 1].hour;
    }
    if (err->code == ERR_OK)
        (void)!take_over(out, files, &at, NULL, err);
    mem_free(rows);
    return err->code;
}

enum err_code backlog_read(struct store *queue, struct sink *sink, backlog_other_fn *other, void *ctx,
                           struct backlog *out, struct err *err)
{
    struct backlog files = {0};
    struct reading reading = {.files = &files, .other = other, .ctx = ctx};
    *out = (struct backlog){0};
    if (!queue || queue_list(queue, on_file, &reading, err) == ERR_OK)
        (void)!merge(out, &files, sink, err);
    backlog_release(&files);
    return err->code;
}

void backlog_release(struct backlog *backlog)
{
    mem_free(backlog->items);
    *backlog = (struct backlog){0};
}

const struct backlog_item *backlog_find(const struct backlog *backlog, hour_t hour)
{
    size_t low = 0, high = backlog->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (backlog->items[mid].hour < hour)
            low = mid + 1;
        else
            high = mid;
    }
    return low < backlog->n && backlog->items[low].hour == hour ? &backlog->items[low] : NULL;
}
