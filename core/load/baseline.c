/*
 * baseline: ledger rows for what an older loader has put into the table already. See run.h.
 *
 * The objects of an hour are written in pages of PAGE rows, each its own transaction under the hour's claim:
 * a second call goes on where a first one was stopped. No transaction is open while the listing or the ledger
 * is read.
 */
#include <stdio.h>

#include "core/base/mem.h"
#include "core/load/claim.h"
#include "core/load/diff.h"
#include "core/load/run.h"

enum { PAGE = 64 };

struct baseline {
    struct job *job;
    struct claim claim;
    struct job_totals *totals;
    struct ledger_row *rows; /* PAGE of them */
    size_t n;
};

static enum err_code write_page(struct baseline *b, struct err *err)
{
    struct sink_begin begin = {.hour = b->claim.row.hour,
                               .owner = b->claim.row.owner,
                               .epoch = b->claim.row.epoch,
                               .run_id = b->job->run_id};
    struct sink_load *load = NULL;
    if (b->n == 0)
        return ERR_OK;
    if (sink_begin(b->job->sink, &begin, &load, err) != ERR_OK)
        return err->code;
    if (sink_ledger_insert(load, b->rows, b->n, err) != ERR_OK ||
        sink_totals(load, b->rows, b->n, err) != ERR_OK) {
        sink_abort(load);
        return err->code;
    }
    if (sink_commit(load, err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < b->n; i++)
        b->totals->bytes += b->rows[i].bytes;
    b->totals->objects += (int64_t)b->n;
    b->n = 0;
    return ERR_OK;
}

static enum err_code add_row(struct baseline *b, const struct diff_entry *entry, struct err *err)
{
    struct ledger_row *row = &b->rows[b->n++];
    *row = (struct ledger_row){.hour = entry->hour,
                               .kind = LOAD_KIND_BASELINE,
                               .last = true,
                               .bytes = entry->object.size,
                               .schema_hash = b->job->pipeline->schema.hash};
    snprintf(row->object, sizeof row->object, "%s", entry->object.key);
    snprintf(row->etag, sizeof row->etag, "%s", entry->object.etag); /* all that is known of it */
    snprintf(row->run_id, sizeof row->run_id, "%s", b->job->run_id);
    snprintf(row->load_method, sizeof row->load_method, "baseline");
    return b->n == PAGE ? write_page(b, err) : ERR_OK;
}

static enum err_code all_objects(struct baseline *b, struct err *err)
{
    struct diff *diff = NULL;
    struct diff_entry *entry = mem_alloc(sizeof *entry);
    struct buf prefix;
    bool more = true;
    buf_init(&prefix, STORE_KEY_MAX);
    if (!entry) {
        err_nomem(err);
        goto out;
    }
    if (layout_prefix(b->job->layout, b->claim.row.hour, &prefix, err) != ERR_OK ||
        diff_begin(b->job->store, b->job->layout, b->job->sink, buf_str(&prefix), &diff, err) != ERR_OK)
        goto out;
    while (job_check_stop(b->job, err) == ERR_OK && diff_next(diff, entry, &more, err) == ERR_OK && more) {
        if (entry->hour != b->claim.row.hour || entry->kind == DIFF_IGNORED || entry->kind == DIFF_GONE)
            continue;
        if (entry->kind != DIFF_NEW)
            b->totals->unchanged++;
        else if (add_row(b, entry, err) != ERR_OK)
            goto out;
    }
    if (err->code == ERR_OK)
        write_page(b, err);
out:
    diff_end(diff);
    buf_release(&prefix);
    mem_free(entry);
    return err->code;
}

static enum err_code one_hour(struct job *job, hour_t hour, struct job_totals *totals, struct err *err)
{
    struct baseline b = {.job = job, .totals = totals};
    struct err released = ERR_INIT;
    if (claim_acquire(job->sink, hour, job->owner, job->wait_ms, job->stop, &b.claim, err) != ERR_OK)
        return err->code;
    b.rows = mem_alloc(PAGE * sizeof *b.rows);
    if (b.rows)
        all_objects(&b, err);
    else
        err_nomem(err);
    mem_free(b.rows);
    totals->hours++;
    enum err_code code = err->code == ERR_CANCELLED
                             ? claim_return(&b.claim, &released)
                             : claim_release(&b.claim, err->code ? HOUR_FAILED : HOUR_LOADED, err, &released);
    if (code != ERR_OK && err->code == ERR_OK)
        *err = released;
    return err->code;
}

enum err_code run_baseline(struct job *job, hour_t to, struct job_totals *totals, struct err *err)
{
    struct run_options options = {.range = {.bounded = false}};
    struct run_plan plan = {0};
    *totals = (struct job_totals){0};
    if (run_plan_make(job, &options, NULL, NULL, &plan, err) != ERR_OK)
        return err->code;
    totals->ignored = plan.ignored;
    for (size_t i = 0; i < plan.n && plan.hours[i].hour < to; i++)
        if (job_check_stop(job, err) != ERR_OK || one_hour(job, plan.hours[i].hour, totals, err) != ERR_OK)
            break;
    run_plan_release(&plan);
    return err->code;
}
