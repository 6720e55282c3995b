/*
 * enqueue: see enqueue.h.
 *
 * Invariant: the backlog is read once, before the first file is put; what another does meanwhile is as good
 * as if it came a moment later.
 */
#include "core/queue/enqueue.h"

#include "core/queue/backlog.h"
#include "core/queue/queue_file.h"

static enum err_code put(const struct enqueue *e, const struct backlog *backlog, hour_t hour, struct err *err)
{
    const struct backlog_item *item = backlog_find(backlog, hour);
    enum enqueue_outcome outcome = item && item->class == BACKLOG_FAILED ? ENQUEUE_FAILED
                                   : item && item->file                  ? ENQUEUE_AGAIN
                                                                         : ENQUEUE_QUEUED;
    if (outcome == ENQUEUE_QUEUED && queue_put(e->queue, hour, err) != ERR_OK)
        return err->code;
    if (e->each)
        e->each(e->ctx, hour, outcome);
    return ERR_OK;
}

enum err_code enqueue_hours(const struct enqueue *e, hour_t from, hour_t to, struct err *err)
{
    struct backlog backlog;
    if (to - from > RUN_HOURS_MAX)
        return err_set(err, ERRN_USAGE, "the range has %lld hours; at most %d at once: do it in parts",
                       (long long)(to - from), RUN_HOURS_MAX);
    if (backlog_read(e->queue, e->job->sink, NULL, NULL, &backlog, err) == ERR_OK)
        for (hour_t hour = from; hour < to && job_check_stop(e->job, err) == ERR_OK; hour++)
            if (put(e, &backlog, hour, err) != ERR_OK)
                break;
    backlog_release(&backlog);
    return err->code;
}

enum err_code enqueue_missing(const struct enqueue *e, const struct hour_range *range, struct err *err)
{
    struct run_options options = {.range = *range};
    struct run_plan plan;
    struct backlog backlog = {0};
    if (run_plan_make(e->job, &options, NULL, NULL, &plan, err) != ERR_OK)
        return err->code;
    if (backlog_read(e->queue, e->job->sink, NULL, NULL, &backlog, err) == ERR_OK)
        for (size_t i = 0; i < plan.n && job_check_stop(e->job, err) == ERR_OK; i++)
            if (plan.hours[i].objects > 0 && put(e, &backlog, plan.hours[i].hour, err) != ERR_OK)
                break;
    backlog_release(&backlog);
    run_plan_release(&plan);
    return err->code;
}

hour_t enqueue_newest(int64_t now_us, int64_t lag_ms)
{
    return hour_of_us(now_us - lag_ms * 1000) - 1;
}

enum err_code enqueue_now(const struct enqueue *e, int64_t now_us, struct err *err)
{
    const struct pipeline *p = e->job->pipeline;
    hour_t newest = enqueue_newest(now_us, p->schedule.lag_ms);
    struct hour_range before = {true, newest - p->queue.lookback_ms / 3600000, newest};
    if (before.from < before.to && enqueue_missing(e, &before, err) != ERR_OK)
        return err->code;
    return enqueue_hours(e, newest, newest + 1, err);
}
