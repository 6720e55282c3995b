/*
 * snapshot: see snapshot.h.
 *
 * Invariant: rejects are counted on by id; where the ledger says that some went away (a replay, a reload)
 * they are counted anew, and so once in COUNT_ANEW_US: a transaction may commit behind one with a higher id.
 */
#include "tools/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

enum { ARENA_MAX = 40 * 1024 * 1024 };
#define COUNT_ANEW_US INT64_C(600000000)

struct snapshot *snapshot_keep(struct snapshot *s)
{
    if (s)
        atomic_fetch_add(&s->references, 1);
    return s;
}

void snapshot_drop(struct snapshot *s)
{
    if (!s || atomic_fetch_sub(&s->references, 1) > 1)
        return;
    hours_release(&s->hours);
    backlog_release(&s->backlog);
    mem_free(s);
}

/* ---- ledger, claims, queue ---- */

/* Rows come by id; the ring keeps the ones that were finished last, the newest first. */
static void on_row(void *ctx, const struct ledger_row *row)
{
    struct snapshot *s = ctx;
    size_t at = s->nloads;

    if (row->kind == LOAD_KIND_BASELINE)
        return;
    while (at > 0 && s->loads[at - 1].finished_us <= row->finished_us)
        at--;
    if (at == SNAPSHOT_LAST)
        return;
    if (s->nloads < SNAPSHOT_LAST)
        s->nloads++;
    memmove(&s->loads[at + 1], &s->loads[at], (s->nloads - 1 - at) * sizeof s->loads[0]);
    s->loads[at] = (struct last_load){.id = row->id,
                                      .finished_us = row->finished_us,
                                      .rows_loaded = row->rows_loaded,
                                      .rows_rejected = row->rows_rejected,
                                      .bytes = row->bytes,
                                      .duration_ms = (row->finished_us - row->started_us) / 1000,
                                      .hour = row->hour};
    memcpy(s->loads[at].object, row->object, sizeof s->loads[at].object);
}

static void on_other(void *ctx, const char *name)
{
    struct snapshot *s = ctx;

    (void)name;
    s->others++;
}

static enum err_code read_queue(struct snapshot *s, const struct snapshot_source *source, struct err *err)
{
    s->oldest = HOUR_MIN - 1;
    if (backlog_read(source->queue, source->sink, on_other, s, &s->backlog, err) ||
        hours_add_backlog(&s->hours, &s->backlog, err))
        return err->code;
    for (size_t i = 0; i < s->backlog.n; i++) {
        const struct backlog_item *item = &s->backlog.items[i];

        if (!item->file || item->class == BACKLOG_FAILED)
            continue;
        if (s->depth++ == 0)
            s->oldest = item->hour;
    }
    return ERR_OK;
}

/* ---- attempts ---- */

static enum err_code read_attempts(struct snapshot *s, struct sink *sink, struct err *err)
{
    struct attempt *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct record_query query = {.after_id = s->last_attempt};
    size_t n = 1;

    if (!rows)
        return err_nomem(err);
    while (n > 0 && sink_attempt_page(sink, &query, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            if (s->nattempts < SNAPSHOT_LAST)
                s->nattempts++;
            memmove(&s->attempts[1], &s->attempts[0], (s->nattempts - 1) * sizeof s->attempts[0]);
            s->attempts[0] = rows[i];
            query.after_id = s->last_attempt = rows[i].id;
        }
    }
    mem_free(rows);
    return err->code;
}

/* ---- rejects ---- */

static void count_reject(struct snapshot *s, const struct reject *r)
{
    struct reason *reason = s->reasons, *end = s->reasons + s->nreasons;

    if (r->replayed_by)
        return;
    while (reason < end &&
           (strcmp(reason->error_name, r->error_name) != 0 || strcmp(reason->column, r->column) != 0))
        reason++;
    if (reason == end && s->nreasons == SNAPSHOT_REASONS) {
        s->other_rejects++;
        return;
    }
    if (reason == end) {
        *reason = (struct reason){0};
        memcpy(reason->error_name, r->error_name, sizeof reason->error_name);
        memcpy(reason->column, r->column, sizeof reason->column);
        s->nreasons++;
    }
    reason->kept += r->load_id != 0;
    reason->samples += r->load_id == 0;
    reason->hour = r->hour;
    reason->line = r->line;
    memcpy(reason->object, r->object, sizeof reason->object);
    memcpy(reason->message, r->message, sizeof reason->message);
}

static int by_number(const void *a, const void *b)
{
    const struct reason *x = a, *y = b;
    int64_t nx = x->kept + x->samples, ny = y->kept + y->samples;

    return (nx < ny) - (nx > ny);
}

static enum err_code read_rejects(struct snapshot *s, struct sink *sink, struct err *err)
{
    struct reject *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct record_query query = {.after_id = s->last_reject};
    struct buf arena;
    size_t n = 1;
    int pages = 0;

    if (!rows)
        return err_nomem(err);
    buf_init(&arena, ARENA_MAX);
    while (n > 0 && pages++ < SNAPSHOT_REJECT_PAGES &&
           sink_reject_page(sink, &query, rows, REC_PAGE, &n, &arena, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++)
            count_reject(s, &rows[i]);
        if (n > 0)
            query.after_id = s->last_reject = rows[n - 1].id;
    }
    s->counting = err->code == ERR_OK && n > 0;
    qsort(s->reasons, s->nreasons, sizeof s->reasons[0], by_number);
    buf_release(&arena);
    mem_free(rows);
    return err->code;
}

/* ---- all of it ---- */

/* What was counted before holds still. */
static void go_on_from(struct snapshot *s, const struct snapshot *before)
{
    if (!before || s->totals.rows_rejected < before->totals.rows_rejected ||
        s->as_of_us / COUNT_ANEW_US != before->as_of_us / COUNT_ANEW_US)
        return;
    memcpy(s->attempts, before->attempts, sizeof s->attempts);
    memcpy(s->reasons, before->reasons, sizeof s->reasons);
    s->nattempts = before->nattempts;
    s->nreasons = before->nreasons;
    s->other_rejects = before->other_rejects;
    s->last_attempt = before->last_attempt;
    s->last_reject = before->last_reject;
}

enum err_code snapshot_read(const struct snapshot_source *source, struct snapshot **out, struct err *err)
{
    int64_t began = clock_mono_us(clock_real());
    struct snapshot *s = mem_calloc(1, sizeof *s);

    *out = NULL;
    if (!s)
        return err_nomem(err);
    atomic_init(&s->references, 1);
    s->as_of_us = source->now_us;
    if (hours_read(source->sink, on_row, s, &s->hours, err) == ERR_OK &&
        read_queue(s, source, err) == ERR_OK) {
        hours_judge_late(&s->hours, source->pipeline, source->now_us);
        hours_sum(&s->hours, &s->totals);
        go_on_from(s, source->before);
        if (read_attempts(s, source->sink, err) == ERR_OK)
            (void)!read_rejects(s, source->sink, err);
    }
    s->took_us = clock_mono_us(clock_real()) - began;
    if (err->code == ERR_OK)
        *out = s;
    else
        snapshot_drop(s);
    return err->code;
}
