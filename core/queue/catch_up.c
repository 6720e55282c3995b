/*
 * catch_up: see catch_up.h.
 *
 * Invariant: hours are queued in order of time, and *next moves only when all before it are queued.
 */
#include "core/queue/catch_up.h"

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/queue/backlog.h"

#define NONE (HOUR_MIN - 1)

/* What is known of the hours up to `newest`. */
struct known {
    hour_t newest, from; /* the window: [from, newest] */
    bool in_window[CATCH_UP_HOURS];
    hour_t before; /* the newest that is known before the window; NONE */
};

static void add(struct known *k, hour_t hour)
{
    if (hour > k->newest)
        return;
    if (hour >= k->from)
        k->in_window[hour - k->from] = true;
    else if (hour > k->before)
        k->before = hour;
}

/* Claims behind `after`, up to the newest hour. */
static enum err_code add_claims(struct sink *sink, hour_t after, struct known *k, struct err *err)
{
    struct claim_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = 1;
    if (!rows)
        return err_nomem(err);
    while (n > 0 && after < k->newest &&
           sink_claim_page(sink, CLAIMS_ALL, after, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++)
            add(k, rows[i].hour);
        if (n > 0)
            after = rows[n - 1].hour;
    }
    mem_free(rows);
    return err->code;
}

static bool knows_some(const struct known *k)
{
    for (size_t i = 0; i < CATCH_UP_HOURS; i++)
        if (k->in_window[i])
            return true;
    return false;
}

static enum err_code look(const struct enqueue *e, struct known *k, struct err *err)
{
    struct backlog backlog;
    if (backlog_read(e->queue, e->job->sink, NULL, NULL, &backlog, err) == ERR_OK)
        for (size_t i = 0; i < backlog.n; i++)
            add(k, backlog.items[i].hour);
    backlog_release(&backlog);
    if (err->code == ERR_OK)
        (void)!add_claims(e->job->sink, k->from - 1, k, err);
    if (err->code == ERR_OK && !knows_some(k))
        (void)!add_claims(e->job->sink, NONE, k, err);
    return err->code;
}

/* Hours of [from, to) in which the source has something new. */
static enum err_code missing(const struct enqueue *e, hour_t from, hour_t to, struct err *err)
{
    for (; from < to && err->code == ERR_OK; from += RUN_HOURS_MAX) {
        struct hour_range part = {true, from, to - from > RUN_HOURS_MAX ? from + RUN_HOURS_MAX : to};
        (void)!enqueue_missing(e, &part, err);
    }
    return err->code;
}

static enum err_code look_back(const struct enqueue *e, hour_t first, struct err *err)
{
    return missing(e, first - e->job->pipeline->queue.lookback_ms / 3600000, first, err);
}

static enum err_code queue_unknown(const struct enqueue *e, const struct known *k, hour_t from,
                                   struct err *err)
{
    for (hour_t hour = from; hour <= k->newest && err->code == ERR_OK; hour++) {
        hour_t end = hour;
        while (end <= k->newest && !k->in_window[end - k->from])
            end++;
        if (end > hour)
            (void)!enqueue_hours(e, hour, end, err);
        hour = end;
    }
    return err->code;
}

/* After a rest that was longer than the window. */
static enum err_code after_long(const struct enqueue *e, const struct known *k, struct err *err)
{
    char from[HOUR_TEXT_MAX], to[HOUR_TEXT_MAX];
    hour_format(k->before + 1, from);
    hour_format(k->from, to);
    log_msg(LOG_WARN, "%s: no hour since %s is known; up to %s only those that have something new are queued",
            e->job->pipeline->name, from, to);
    if (look_back(e, k->before + 1, err) == ERR_OK && missing(e, k->before + 1, k->from, err) == ERR_OK)
        (void)!enqueue_hours(e, k->from, k->newest + 1, err);
    return err->code;
}

enum err_code catch_up_start(const struct enqueue *e, int64_t at_us, hour_t *first, hour_t *next,
                             struct err *err)
{
    hour_t newest = enqueue_newest(at_us, e->job->pipeline->schedule.lag_ms);
    struct known k = {.newest = newest, .from = newest - CATCH_UP_HOURS + 1, .before = NONE};
    *first = newest;
    if (look(e, &k, err) != ERR_OK)
        return err->code;
    if (knows_some(&k)) {
        hour_t hour = k.from;
        while (!k.in_window[hour - k.from])
            hour++;
        hour_t oldest = hour;
        while (hour <= newest && k.in_window[hour - k.from])
            hour++;
        *first = hour <= newest ? hour : newest;
        if (look_back(e, hour, err) == ERR_OK)
            (void)!queue_unknown(e, &k, oldest, err);
    } else if (k.before != NONE) {
        *first = k.from;
        (void)!after_long(e, &k, err);
    } else if (look_back(e, newest, err) == ERR_OK) {
        (void)!enqueue_hours(e, newest, newest + 1, err);
    }
    if (err->code == ERR_OK)
        *next = newest + 1;
    return err->code;
}

enum err_code catch_up_tick(const struct enqueue *e, int64_t at_us, hour_t *next, struct err *err)
{
    hour_t newest = enqueue_newest(at_us, e->job->pipeline->schedule.lag_ms);
    hour_t from = newest + 1 - CATCH_UP_HOURS;
    if (*next > newest) /* the newest is queued already, but may have got something since */
        return look_back(e, newest + 1, err);
    if (from < *next)
        from = *next;
    if (look_back(e, *next, err) == ERR_OK && missing(e, *next, from, err) == ERR_OK &&
        enqueue_hours(e, from, newest + 1, err) == ERR_OK)
        *next = newest + 1;
    return err->code;
}
