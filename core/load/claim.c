/*
 * claim: see claim.h for the states. Nothing here decides whether rows are right: that is the fence's work at
 * commit. This file only keeps two workers from doing the same work, and takes over at once what a dead
 * process of this host left behind.
 */
#include "core/load/claim.h"

#include <stdio.h>

#include "core/base/log.h"

static enum err_code held(const struct claim_row *row, struct err *err)
{
    char hour[HOUR_TEXT_MAX], until[CLOCK_TEXT_MAX];
    hour_format(row->hour, hour);
    clock_format(row->lease_until_us, until);
    return err_set(err, ERRN_HELD, "hour %s is held by %s until %s; --wait DUR waits for it", hour,
                   row->owner, until);
}

/* The hour's row before it is taken; epoch 0 where it has none. */
static enum err_code row_before(struct sink *sink, hour_t hour, struct claim_row *before, struct err *err)
{
    size_t n = 0;
    if (sink_claim_page(sink, hour - 1, before, 1, &n, err) == ERR_OK && (n == 0 || before->hour != hour))
        *before = (struct claim_row){.hour = hour, .state = HOUR_QUEUED};
    return err->code;
}

/* A worker that died left `running`, which says nothing; nor does what was read before another had the hour
 * in between. */
static enum hour_state state_before(const struct claim_row *before, const struct claim_row *taken)
{
    bool known = before->state != HOUR_RUNNING && before->epoch + 1 == taken->epoch;
    return known ? before->state : HOUR_QUEUED;
}

enum err_code claim_acquire(struct sink *sink, hour_t hour, const char *owner, int64_t wait_ms,
                            const atomic_int *stop, struct claim *out, struct err *err)
{
    int64_t deadline = clock_mono_us(sink->clock) + wait_ms * 1000;
    for (;;) {
        struct err try = ERR_INIT;
        struct claim_row before = {0};
        bool taken = false;
        *out = (struct claim){.sink = sink};
        enum err_code code = row_before(sink, hour, &before, &try);
        if (code == ERR_OK)
            code = sink_claim_take(sink, hour, owner, NULL, &out->row, &taken, &try);
        if (code == ERR_OK && !taken && claim_owner_is_dead(out->row.owner)) {
            struct claim_row dead = out->row;
            log_msg(LOG_INFO, "the process that held the hour is dead (%s): taking over", dead.owner);
            code = sink_claim_take(sink, hour, owner, &dead, &out->row, &taken, &try);
        }
        if (code == ERR_OK && taken) {
            out->before = state_before(&before, &out->row);
            out->renewed_us = clock_mono_us(sink->clock);
            return ERR_OK;
        }
        /* Where the file lock is the lease, a locked target is an hour that another holds. */
        bool busy = code == ERR_BUSY && sink->caps.lock_is_lease;
        if (code != ERR_OK && !busy) {
            *err = try;
            return code;
        }
        struct claim_row holder = out->row;
        out->row = (struct claim_row){0}; /* theirs: nothing of it is ours to renew or free */
        if (clock_mono_us(sink->clock) >= deadline)
            return busy ? err_set(
                              err, ERRN_HELD,
                              "%s is locked by another process that loads into it; --wait DUR waits for it",
                              sink->label)
                        : held(&holder, err);
        if (stop && atomic_load(stop))
            return err_set(err, ERRN_CANCELLED, "stopped by a signal while waiting for the hour");
        clock_sleep_us(sink->clock, CLAIM_POLL_MS * 1000);
    }
}

enum err_code claim_keep(struct claim *claim, struct err *err)
{
    int64_t now = clock_mono_us(claim->sink->clock);
    if (now - claim->renewed_us < claim->sink->target.lease_ms * 1000 / 3)
        return ERR_OK;
    enum err_code code = sink_claim_renew(claim->sink, claim->row.hour, claim->row.owner, claim->row.epoch,
                                          err);
    if (code == ERR_OK)
        claim->renewed_us = now;
    return code;
}

enum err_code claim_release(struct claim *claim, enum hour_state state, const struct err *why,
                            struct err *err)
{
    struct claim_row row = claim->row;
    if (row.owner[0] == '\0')
        return ERR_OK;
    row.state = state;
    row.last_error[0] = '\0';
    if (why && why->code != ERR_OK) {
        snprintf(row.last_error, sizeof row.last_error, "%s: %.*s", err_name_text(why->name),
                 REC_MESSAGE_MAX - REC_NAME_MAX - 2, why->msg);
        row.attempts++;
    } else {
        row.attempts = 0;
    }
    row.next_try_us = 0;
    return sink_claim_release(claim->sink, &row, err);
}

enum err_code claim_return(struct claim *claim, struct err *err)
{
    struct claim_row row = claim->row;
    row.state = claim->before;
    return row.owner[0] ? sink_claim_release(claim->sink, &row, err) : ERR_OK;
}
