/*
 * claim: who works on an hour. A lease in the sink's database, with an epoch as fencing token.
 *
 * States of an hour's row: free -> (take) running -> (release) loaded | empty | failed | retrying; running ->
 * (lease over, or the owner is a dead process of this host) taken over with epoch + 1. A wrong lease costs
 * work done twice, never a row twice: every commit checks owner and epoch (the fence). An owner text is
 * HOST/BOOT-ID/PID-NAMESPACE/PID/START-TIME/NONCE.
 */
#ifndef SLUICE_LOAD_CLAIM_H
#define SLUICE_LOAD_CLAIM_H

#include <stdatomic.h>

#include "core/sink/sink.h"

struct claim {
    struct sink *sink;
    struct claim_row row; /* as taken: hour, owner, epoch, attempts, and what it was before */
    int64_t renewed_us;   /* monotonic */
};

/* What the hour is given back with. */
struct claim_outcome {
    enum hour_state state;
    int attempts;          /* that have failed in a row, this one among them */
    int64_t retry_in_us;   /* RETRYING: how long to wait; 0 = not at all */
    const struct err *why; /* NULL or not set: nothing failed */
};

enum { CLAIM_POLL_MS = 500 };

/* Fills `out` with this process's owner text; nonce makes two jobs of one process differ. */
void claim_owner(uint64_t nonce, char out[REC_OWNER_MAX + 1]);

/* True only if the text names a process of this host, boot and pid namespace that does not live any more. */
bool claim_owner_is_dead(const char *owner);

/* Takes the hour's claim; waits up to wait_ms while another lives with it. ERR_HELD names the holder and says
 * until when; a stop flag (may be NULL) ends the wait. */
enum err_code claim_acquire(struct sink *sink, hour_t hour, const char *owner, int64_t wait_ms,
                            const atomic_int *stop, struct claim *out, struct err *err) MUST_USE;

/* Renews when a third of the lease has passed; call it between steps. ERR_FENCED when it is lost. */
enum err_code claim_keep(struct claim *claim, struct err *err) MUST_USE;

/* Frees the hour with its outcome. Nothing where claim_acquire failed. */
enum err_code claim_end(struct claim *claim, const struct claim_outcome *outcome, struct err *err) MUST_USE;

/* The same with one failed attempt more, or (why NULL) none; a retry may follow at once. */
enum err_code claim_release(struct claim *claim, enum hour_state state, const struct err *why,
                            struct err *err) MUST_USE;

/* Frees the hour with state, attempts, next try and last error as they were before: nothing was found out
 * about it. One that was left by a worker that died is to be tried again at once: nobody knows how far that
 * one came. */
enum err_code claim_return(struct claim *claim, struct err *err) MUST_USE;

#endif
