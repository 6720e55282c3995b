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

enum err_code claim_acquire(struct sink *sink, hour_t hour, const char *owner, int64_t wait_ms,
                            const atomic_int *stop, struct claim *out, struct err *err)
{
    int64_t deadline = clock_mono_us(sink->clock) + wait_ms * 1000;
    for (;;) {
        struct err try = ERR_INIT;
        bool taken = false;
        *out = (struct claim){.sink = sink};
        enum err_code code = sink_claim_take(sink, hour, owner, NULL, &out->row, &taken, &try);
        if (code == ERR_OK && !taken && claim_owner_is_dead(out->row.owner)) {
            struct claim_row dead = out->row;
            log_msg(LOG_INFO, "the process that held the hour is dead (%s): taking over", dead.owner);
            code = sink_claim_take(sink, hour, owner, &dead, &out->row, &taken, &try);
        }
        if (code == ERR_OK && taken) {
            out->renewed_us = clock_mono_us(sink->clock);
            return ERR_OK;
        }
        /* Where the file lock is the lease, a locked target is an hour that another holds. */
        bool busy = code == ERR_BUSY && sink->caps.lock_is_lease;
        struct claim_row holder = out->row;
        out->row = (struct claim_row){
            0}; /* theirs, or not committed: nothing of it is ours to renew or free */
        if (code != ERR_OK && !busy) {
            *err = try;
            return code;
        }
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

enum err_code claim_end(struct claim *claim, const struct claim_outcome *outcome, struct err *err)
{
    struct claim_row row = claim->row;
    const struct err *why = outcome->why;
    if (row.owner[0] == '\0')
        return ERR_OK;
    row.state = outcome->state;
    row.attempts = outcome->attempts;
    row.retry_in_us = outcome->retry_in_us;
    row.last_error[0] = '\0';
    if (why && why->code != ERR_OK)
        snprintf(row.last_error, sizeof row.last_error, "%s: %.*s", err_name_text(why->name),
                 REC_MESSAGE_MAX - REC_NAME_MAX - 2, why->msg);
    return sink_claim_release(claim->sink, &row, err);
}

enum err_code claim_release(struct claim *claim, enum hour_state state, const struct err *why,
                            struct err *err)
{
    bool failed = why && why->code != ERR_OK;
    struct claim_outcome outcome = {
        .state = state, .attempts = failed ? claim->row.attempts + 1 : 0, .why = why};
    return claim_end(claim, &outcome, err);
}

enum err_code claim_return(struct claim *claim, struct err *err)
{
    struct claim_row row = claim->row;
    bool left = row.takeovers > 0 && row.before != HOUR_FAILED;
    row.state = left ? HOUR_RETRYING : row.before;
    row.retry_in_us = left ? 0 : -1;
    return row.owner[0] ? sink_claim_release(claim->sink, &row, err) : ERR_OK;
}
