/*
 * run: the command's frame: guard, plan, hours. See run.h.
 *
 * An hour that is held or lost to another worker, or whose objects fail, does not hold back the next one; an
 * error that would meet every hour alike (database gone, disk full, stop) ends the run.
 */
#include "core/load/run.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/crew.h"

/* ---- plan ---- */

void run_plan_release(struct run_plan *plan)
{
    for (size_t i = 0; i < plan->n; i++)
        mem_free(plan->hours[i].held);
    mem_free(plan->hours);
    *plan = (struct run_plan){0};
}

static int by_hour(const void *a, const void *b)
{
    const struct hour_plan *x = a, *y = b;
    return (x->hour > y->hour) - (x->hour < y->hour);
}

static enum err_code add_hour(struct run_plan *plan, hour_t hour, struct hour_plan **out, struct err *err)
{
    if (plan->n == plan->cap) {
        size_t cap = plan->cap ? plan->cap * 2 : 64;
        struct hour_plan *grown = mem_realloc(plan->hours, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        plan->hours = grown;
        plan->cap = cap;
    }
    *out = &plan->hours[plan->n++];
    **out = (struct hour_plan){.hour = hour};
    return ERR_OK;
}

static void count(struct hour_plan *h, const struct diff_entry *entry, bool reload)
{
    bool load = entry->kind == DIFF_NEW || entry->kind == DIFF_PARTIAL || reload;
    h->matched += entry->kind != DIFF_GONE;
    h->gone += entry->kind == DIFF_GONE;
    if (load) {
        h->objects++;
        h->bytes += entry->object.size;
    } else if (entry->kind == DIFF_ETAG) {
        h->check++;
    } else if (entry->kind == DIFF_LOADED) {
        h->unchanged++;
    }
}

/* One hour may stand at several places of the listing: after sorting by hour they are added up. */
static void merge_hours(struct run_plan *plan)
{
    size_t to = 0;
    if (plan->n > 1)
        qsort(plan->hours, plan->n, sizeof *plan->hours, by_hour);
    for (size_t i = 0; i < plan->n; i++) {
        struct hour_plan *from = &plan->hours[i];
        if (to > 0 && plan->hours[to - 1].hour == from->hour) {
            struct hour_plan *h = &plan->hours[to - 1];
            h->objects += from->objects;
            h->bytes += from->bytes;
            h->check += from->check;
            h->unchanged += from->unchanged;
            h->matched += from->matched;
            h->gone += from->gone;
        } else {
            plan->hours[to++] = *from;
        }
    }
    plan->n = to;
    for (size_t i = 0; i < to; i++) {
        plan->objects += plan->hours[i].objects;
        plan->bytes += plan->hours[i].bytes;
        plan->check += plan->hours[i].check;
        plan->unchanged += plan->hours[i].unchanged;
    }
}

static bool in_range(const struct hour_range *range, hour_t hour)
{
    return !range->bounded || (hour >= range->from && hour < range->to);
}

static enum err_code plan_entries(struct diff *diff, const struct run_options *options, run_plan_fn *each,
                                  void *ctx, struct job *job, struct run_plan *plan, struct err *err)
{
    struct diff_entry *entry = mem_alloc(sizeof *entry);
    struct hour_plan *h = NULL;
    bool more = true;
    if (!entry)
        return err_nomem(err);
    while (job_check_stop(job, err) == ERR_OK && diff_next(diff, entry, &more, err) == ERR_OK && more) {
        if (entry->kind == DIFF_IGNORED) {
            plan->ignored++;
        } else if (in_range(&options->range, entry->hour)) {
            if ((!h || h->hour != entry->hour) && add_hour(plan, entry->hour, &h, err) != ERR_OK)
                break;
            count(h, entry, options->reload && entry->kind != DIFF_NEW);
        } else {
            continue;
        }
        if (each)
            each(ctx, entry);
    }
    mem_free(entry);
    return err->code;
}

enum err_code run_plan_make(struct job *job, const struct run_options *options, run_plan_fn *each, void *ctx,
                            struct run_plan *plan, struct err *err)
{
    const struct hour_range *range = &options->range;
    struct diff *diff = NULL;
    struct buf prefix;
    struct hour_plan *ignored = NULL;
    *plan = (struct run_plan){0};
    buf_init(&prefix, STORE_KEY_MAX);
    if (range->bounded && range->to - range->from > RUN_HOURS_MAX) {
        err_set(err, ERRN_USAGE, "the range has %lld hours; at most %d in one run",
                (long long)(range->to - range->from), RUN_HOURS_MAX);
        goto out;
    }
    if (layout_range_prefix(job->layout, range->bounded ? range->from : HOUR_MIN,
                            range->bounded ? range->to : HOUR_MAX + 1, &prefix, err) != ERR_OK ||
        diff_begin(job->store, job->layout, job->sink, buf_str(&prefix), &diff, err) != ERR_OK ||
        plan_entries(diff, options, each, ctx, job, plan, err) != ERR_OK)
        goto out;
    for (hour_t hour = range->from; range->bounded && hour < range->to; hour++)
        if (add_hour(plan, hour, &ignored, err) != ERR_OK)
            goto out;
    merge_hours(plan);
out:
    diff_end(diff);
    buf_release(&prefix);
    if (err->code != ERR_OK)
        run_plan_release(plan);
    return err->code;
}

/* ---- guard ---- */

static enum err_code ledger_empty(struct sink *sink, bool *empty, struct err *err)
{
    struct ledger_query query = {.order = LEDGER_BY_ID};
    struct ledger_row *row = mem_alloc(sizeof *row);
    size_t n = 0;
    if (!row)
        return err_nomem(err);
    if (sink_ledger_page(sink, &query, row, 1, &n, err) == ERR_OK)
        *empty = n == 0;
    mem_free(row);
    return err->code;
}

/* The ledger is asked again behind the table: another worker may have committed in between. */
enum err_code run_guard_table(struct job *job, struct err *err)
{
    bool empty = false, foreign = false;
    if (ledger_empty(job->sink, &empty, err) != ERR_OK || !empty)
        return err->code;
    if (sink_has_foreign_rows(job->sink, &foreign, err) != ERR_OK || !foreign)
        return err->code;
    if (ledger_empty(job->sink, &empty, err) != ERR_OK || !empty)
        return err->code;
    return err_set(err, ERRN_TABLE_NOT_EMPTY,
                   "table %s has rows, but pipeline %s has loaded nothing yet; `sluice baseline --to HOUR` "
                   "records what is in it already, "
                   "`sluice run --allow-nonempty` adds to it",
                   job->sink->target.table, job->pipeline->name);
}

/* ---- load ---- */

struct run {
    struct job *job;
    struct hour_work books; /* for what is done between the hours; of it: job, outage */
    const struct run_options *options;
    struct crew *crew; /* NULL until there is work */
    struct job_totals *totals;
    int *status;
    size_t worked; /* index of the last hour that we worked on */
};

void run_judge_empty(const struct job *job, hour_t hour, struct err *why)
{
    char text[HOUR_TEXT_MAX];
    hour_format(hour, text);
    switch (job->pipeline->policy.on_empty) {
    case ON_EMPTY_FAIL:
        err_set(why, ERRN_HOUR_EMPTY, "hour %s has no object that matches %s (policy.on_empty: fail)", text,
                job->pipeline->source.layout);
        break;
    case ON_EMPTY_WARN:
        log_msg(LOG_WARN, "hour %s has no object that matches %s", text, job->pipeline->source.layout);
        break;
    default:
        break;
    }
}

static void empty_hour(struct job *job, hour_t hour, int *status)
{
    struct err why = ERR_INIT;
    run_judge_empty(job, hour, &why);
    *status = err_status_worse(*status, err_status(&why));
    if (job->events.hour)
        job->events.hour(job->events.ctx, hour, why.code ? HOUR_FAILED : HOUR_EMPTY, &why);
}

/* Without a range: no hour at all has an object, or had one. */
static enum err_code empty_lake(struct job *job, int64_t ignored, struct err *err)
{
    const char *layout = job->pipeline->source.layout;
    enum on_empty policy = job->pipeline->policy.on_empty;
    if (policy == ON_EMPTY_FAIL)
        return err_set(err, ERRN_HOUR_EMPTY,
                       "no object in %s matches %s (%lld others are there; policy.on_empty: fail)",
                       job->store->label, layout, (long long)ignored);
    if (policy == ON_EMPTY_WARN)
        log_msg(LOG_WARN, "no object in %s matches %s (%lld others are there)", job->store->label, layout,
                (long long)ignored);
    return ERR_OK;
}

/* Claims in order of hour, beside the plan's hours. */
struct claims {
    struct claim_row *rows; /* REC_PAGE */
    size_t n, at;
    hour_t after;
};

/* Whether an hour in which nothing is left to load has to be looked at for the sake of its state: a worker
 * was killed, or could not release its claim, when all was loaded; or the hour failed, and what made it fail
 * is gone. */
static enum err_code is_unsettled(struct sink *sink, struct claims *c, hour_t hour, bool *yes,
                                  struct err *err)
{
    *yes = false;
    while (c->at == c->n || c->rows[c->at].hour < hour) {
        if (c->at < c->n) {
            c->at++;
            continue;
        }
        if (c->n > 0)
            c->after = c->rows[c->n - 1].hour;
        c->at = 0;
        if (sink_claim_page(sink, CLAIMS_ALL, c->after, c->rows, REC_PAGE, &c->n, err) != ERR_OK || c->n == 0)
            return err->code;
    }
    const struct claim_row *row = &c->rows[c->at];
    if (row->hour == hour && row->owner[0])
        *yes = row->expired || claim_owner_is_dead(row->owner);
    else if (row->hour == hour)
        *yes = row->state != HOUR_LOADED && row->state != HOUR_EMPTY;
    return ERR_OK;
}

/* Loads the hour; HELD (in *held) where another has it. Fails where the run cannot go on. */
static enum err_code load_hour(struct run *r, hour_t hour, struct err *held, struct err *err)
{
    struct err why = ERR_INIT;
    *held = ERR_INIT;
    if (!r->crew)
        do
            (void)!crew_new(r->job, &r->crew, err);
        while (run_again(&r->books, err));
    if (err->code != ERR_OK)
        return err->code;
    if (run_hour(r->job, r->options, r->crew, hour, r->totals, r->status, &r->books.outage, &why) == ERR_OK)
        return ERR_OK;
    if (why.code == ERR_HELD) {
        *held = why;
        return ERR_OK;
    }
    *r->status = err_status_worse(*r->status, err_status(&why));
    if (why.code != ERR_FENCED)
        *err = why;
    return err->code;
}

static enum err_code each_hour(struct run *r, struct run_plan *plan, struct claims *claims, struct err *err)
{
    for (size_t i = 0; i < plan->n && job_check_stop(r->job, err) == ERR_OK; i++) {
        struct hour_plan *h = &plan->hours[i];
        struct err held;
        bool work = h->objects + h->check > 0;
        if (h->matched + h->gone == 0)
            empty_hour(r->job, h->hour, r->status);
        if (!work)
            do
                (void)!is_unsettled(r->job->sink, claims, h->hour, &work, err);
            while (run_again(&r->books, err));
        if (err->code != ERR_OK)
            break;
        if (!work) {
            r->totals->unchanged += h->unchanged;
            continue;
        }
        if (load_hour(r, h->hour, &held, err) != ERR_OK)
            break;
        if (held.code == ERR_OK)
            r->worked = i;
        else if ((h->held = mem_alloc(sizeof *h->held)))
            *h->held = held;
        else if (err_nomem(err) != ERR_OK)
            break;
    }
    return err->code;
}

/* Hours that others had, once more: two runs over the same hours hold each other off now and then, and all is
 * loaded at the end. They have been waited for already; and where we did nothing since, nothing new is known.
 */
static enum err_code held_hours(struct run *r, const struct run_plan *plan, struct err *err)
{
    struct job *job = r->job;
    int64_t wait_ms = job->wait_ms;
    job->wait_ms = 0;
    for (size_t i = 0; i < plan->n && job_check_stop(job, err) == ERR_OK; i++) {
        hour_t hour = plan->hours[i].hour;
        if (!plan->hours[i].held)
            continue;
        struct err held = *plan->hours[i].held;
        if (i < r->worked && load_hour(r, hour, &held, err) != ERR_OK)
            break;
        if (held.code == ERR_OK)
            continue;
        *r->status = err_status_worse(*r->status, err_status(&held));
        if (job->events.hour)
            job->events.hour(job->events.ctx, hour, HOUR_RUNNING, &held);
    }
    job->wait_ms = wait_ms;
    return err->code;
}

static enum err_code all_hours(struct run *r, struct run_plan *plan, struct err *err)
{
    struct claims claims = {.rows = mem_alloc(REC_PAGE * sizeof *claims.rows), .after = HOUR_MIN - 1};
    if (!claims.rows)
        err_nomem(err);
    else if (each_hour(r, plan, &claims, err) == ERR_OK)
        held_hours(r, plan, err);
    crew_free(r->crew);
    mem_free(claims.rows);
    return err->code;
}

enum err_code run_load(struct job *job, const struct run_options *options, struct job_totals *totals,
                       int *status, struct err *err)
{
    struct run_plan plan = {0};
    struct run run = {
        .job = job, .books = {.job = job}, .options = options, .totals = totals, .status = status};
    atomic_int away = 0;
    *totals = (struct job_totals){0};
    *status = 0;
    if (options->reload && job->pipeline->target.lineage == PIPELINE_LINEAGE_FALSE) {
        err_set(err, ERRN_NEEDS_LINEAGE,
                "run --reload has to know which rows to delete: it needs target.lineage: true");
        goto out;
    }
    job->away = &away;
    if (!options->allow_nonempty)
        do
            (void)!run_guard_table(job, err);
        while (run_again(&run.books, err));
    if (err->code == ERR_OK)
        do
            (void)!run_plan_make(job, options, NULL, NULL, &plan, err);
        while (run_again(&run.books, err));
    if (err->code != ERR_OK)
        goto out;
    totals->ignored = plan.ignored;
    if (job->progress) {
        atomic_store(&job->progress->objects_total, plan.objects);
        atomic_store(&job->progress->bytes_total, plan.bytes);
    }
    if (plan.n == 0 && !options->range.bounded && empty_lake(job, plan.ignored, err) != ERR_OK)
        goto out;
    all_hours(&run, &plan, err);
out:
    job->away = NULL;
    run_plan_release(&plan);
    *status = err_status_worse(*status, err_status(err));
    return err->code;
}
