/*
 * outage: see outage.h for the states.
 *
 * Invariants: the waiting ends by itself, within max_ms and one pause of its beginning; a stop is seen within
 * STEP_MS; job->away counts the threads that were told to wait and whose outage has not ended.
 */
#include "core/load/outage.h"

#include "core/base/log.h"

enum { STEP_MS = 250, MS = 1000 };

static int64_t pause_ms(const struct outage *o, const struct clock *clock)
{
    return clock_backoff_us(clock, OUTAGE_PAUSE_MS * MS, OUTAGE_PAUSE_MAX_MS * MS, o->tries) / MS;
}

static enum err_code pause_for(const struct job *job, int64_t ms, struct err *err)
{
    while (ms > 0 && job_check_stop(job, err) == ERR_OK) {
        clock_sleep_us(job->clock, (ms < STEP_MS ? ms : STEP_MS) * MS);
        ms -= STEP_MS;
    }
    return err->code;
}

static int64_t lasts_ms(const struct outage *o, const struct job *job)
{
    return (clock_mono_us(job->clock) - o->since_us) / MS;
}

/* The first of all threads that wait says so. */
static void tell(struct outage *o, const struct job *job, int64_t max_ms, const struct err *why)
{
    bool other = job->away && atomic_fetch_add(job->away, 1) > 0;
    o->told = true;
    log_msg(other ? LOG_DEBUG : LOG_WARN, "%s: %s; waiting for it, at most %lld s", err_name_text(why->name),
            why->msg, (long long)max_ms / MS);
}

bool outage_wait(struct outage *o, const struct job *job, int64_t max_ms, struct err *why)
{
    struct err stopped = ERR_INIT;
    if (max_ms == 0)
        return false;
    if (o->since_us == 0)
        o->since_us = clock_mono_us(job->clock);
    int64_t lasts = lasts_ms(o, job);
    if (++o->tries == 1 && why->name == ERRN_DB_LOST) {
        log_msg(LOG_DEBUG, "%s: %s; connecting again", err_name_text(why->name), why->msg);
        return true;
    }
    if (lasts >= max_ms) {
        err_context(why, "gave up after %lld s and %d tries", (long long)lasts / MS, o->tries);
        return false;
    }
    if (!o->told)
        tell(o, job, max_ms, why);
    else
        log_msg(LOG_DEBUG, "%s: %s; away for %lld s", err_name_text(why->name), why->msg,
                (long long)lasts / MS);
    if (pause_for(job, pause_ms(o, job->clock), &stopped) != ERR_OK)
        *why = stopped;
    return stopped.code == ERR_OK;
}

void outage_end(struct outage *o, const struct job *job)
{
    if (o->told) {
        bool last = !job->away || atomic_fetch_sub(job->away, 1) == 1;
        log_msg(last ? LOG_INFO : LOG_DEBUG, "goes on after %lld s", (long long)lasts_ms(o, job) / MS);
    }
    o->since_us = 0;
    o->tries = 0;
    o->told = false;
}
