/*
 * watch: see watch.h.
 *
 * Invariant: a set is sorted, and an hour is told when it comes into a set or leaves it, never between.
 */
#include "core/queue/watch.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/load/run.h"

const char *notice_kind_text(enum notice_kind kind)
{
    static const char *const text[] = {"failure", "recovery", "late"};
    return text[kind];
}

static size_t place(const struct hour_set *set, hour_t hour)
{
    size_t at = 0;
    while (at < set->n && set->hours[at] < hour)
        at++;
    return at;
}

static bool has(const struct hour_set *set, hour_t hour)
{
    size_t at = place(set, hour);
    return at < set->n && set->hours[at] == hour;
}

static void drop_at(struct hour_set *set, size_t at)
{
    memmove(&set->hours[at], &set->hours[at + 1], (set->n - at - 1) * sizeof set->hours[0]);
    set->n--;
}

static void add(struct hour_set *set, hour_t hour)
{
    if (set->n == WATCH_MAX)
        drop_at(set, 0);
    size_t at = place(set, hour);
    memmove(&set->hours[at + 1], &set->hours[at], (set->n - at) * sizeof set->hours[0]);
    set->hours[at] = hour;
    set->n++;
}

void watch_init(struct watch *watch, struct job *job, const struct clock *now, notice_fn *tell, void *ctx,
                hour_t from)
{
    *watch = (struct watch){.job = job, .now = now, .tell = tell, .ctx = ctx, .next = from};
}

static void tell(const struct watch *w, enum notice_kind kind, hour_t hour)
{
    struct notice notice = {.kind = kind, .has_hour = true, .hour = hour};
    if (w->tell)
        w->tell(w->ctx, &notice);
}

/* ---- given up ---- */

/* With the error that its claim has kept: "NAME: message". */
static enum err_code tell_failed(const struct watch *w, const struct backlog_item *item, struct err *err)
{
    struct notice notice = {
        .kind = NOTICE_FAILURE, .has_hour = true, .hour = item->hour, .attempts = item->attempts};
    struct claim_row row;
    size_t n = 0;
    if (sink_claim_page(w->job->sink, CLAIMS_OPEN, item->hour - 1, &row, 1, &n, err) != ERR_OK)
        return err->code;
    if (n == 1 && row.hour == item->hour) {
        size_t len = strcspn(row.last_error, ":");
        const char *rest = row.last_error + len;
        if (len < sizeof notice.error_name)
            memcpy(notice.error_name, row.last_error, len);
        snprintf(notice.error, sizeof notice.error, "%s", rest[0] && rest[1] == ' ' ? rest + 2 : rest);
    }
    if (w->tell)
        w->tell(w->ctx, &notice);
    return ERR_OK;
}

static enum err_code look_at_failed(struct watch *w, const struct backlog *backlog, struct err *err)
{
    for (size_t i = 0; i < w->failed.n;) {
        const struct backlog_item *item = backlog_find(backlog, w->failed.hours[i]);
        hour_t hour = w->failed.hours[i];
        if (item && item->class == BACKLOG_FAILED) {
            i++;
        } else if (item && item->state != HOUR_LOADED && item->state != HOUR_EMPTY) {
            i++; /* queued again by hand: not decided yet */
        } else {
            drop_at(&w->failed, i);
            tell(w, NOTICE_RECOVERY, hour);
        }
    }
    for (size_t i = 0; i < backlog->n; i++) {
        const struct backlog_item *item = &backlog->items[i];
        if (item->class != BACKLOG_FAILED || has(&w->failed, item->hour))
            continue;
        if (w->looked && tell_failed(w, item, err) != ERR_OK)
            return err->code;
        add(&w->failed, item->hour);
    }
    w->looked = true;
    return ERR_OK;
}

void watch_failed_again(struct watch *w, hour_t hour)
{
    if (has(&w->failed, hour))
        drop_at(&w->failed, place(&w->failed, hour));
}

/* ---- late ---- */

static enum err_code in_ledger(struct job *job, hour_t hour, bool *any, struct err *err)
{
    struct ledger_query query = {.has_hour = true, .hour = hour, .order = LEDGER_BY_ID};
    struct ledger_row *row = mem_alloc(sizeof *row);
    size_t n = 0;
    if (!row)
        return err_nomem(err);
    (void)!sink_ledger_page(job->sink, &query, row, 1, &n, err);
    *any = n > 0;
    mem_free(row);
    return err->code;
}

static enum err_code is_listed(struct job *job, hour_t hour, bool *any, struct err *err)
{
    struct run_options options = {.range = {true, hour, hour + 1}};
    struct run_plan plan;
    if (run_plan_make(job, &options, NULL, NULL, &plan, err) != ERR_OK)
        return err->code;
    *any = plan.n > 0 && plan.hours[0].matched > 0;
    run_plan_release(&plan);
    return ERR_OK;
}

static int64_t due_us(const struct watch *w, hour_t hour)
{
    return hour_start_us(hour + 1) + w->job->pipeline->source.expect_within_ms * 1000;
}

static bool cares(const struct watch *w)
{
    return w->job->pipeline->policy.on_empty != ON_EMPTY_OK;
}

int64_t watch_due_us(const struct watch *w)
{
    return cares(w) ? due_us(w, w->next) : INT64_MAX;
}

static enum err_code judge(struct watch *w, hour_t hour, struct err *err)
{
    bool any = false;
    if (in_ledger(w->job, hour, &any, err) != ERR_OK ||
        (!any && is_listed(w->job, hour, &any, err) != ERR_OK))
        return err->code;
    if (!any) {
        add(&w->late, hour);
        tell(w, NOTICE_LATE, hour);
    }
    return ERR_OK;
}

static enum err_code look_at_late(struct watch *w, hour_t to, bool *more, struct err *err)
{
    int64_t now = clock_wall_us(w->now);
    int judged = 0;
    for (size_t i = 0; i < w->late.n;) {
        hour_t hour = w->late.hours[i];
        bool any = false;
        if (in_ledger(w->job, hour, &any, err) != ERR_OK)
            return err->code;
        if (any) {
            drop_at(&w->late, i);
            tell(w, NOTICE_RECOVERY, hour);
        } else {
            i++;
        }
    }
    for (; w->next <= to && now > due_us(w, w->next) && judged < WATCH_LATE_MAX; w->next++, judged++)
        if (judge(w, w->next, err) != ERR_OK)
            return err->code;
    *more = w->next <= to && now > due_us(w, w->next);
    return ERR_OK;
}

enum err_code watch_look(struct watch *w, const struct backlog *backlog, hour_t to, bool *more,
                         struct err *err)
{
    *more = false;
    if (look_at_failed(w, backlog, err) == ERR_OK && cares(w))
        (void)!look_at_late(w, to, more, err);
    return err->code;
}
