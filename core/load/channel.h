/*
 * channel: a bounded queue of pointers between two stages; the only way in which threads of a load talk.
 *
 * States: OPEN -> CLOSED (the writer is done: what is queued is still read) or CANCELLED (either side gave
 * up: both wake up and get CANCELLED; what is queued stays for channel_drain). Any number of readers and
 * writers.
 */
#ifndef SLUICE_LOAD_CHANNEL_H
#define SLUICE_LOAD_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

enum { CHANNEL_MAX = 64 };

struct channel;

/* capacity 1..CHANNEL_MAX. */
enum err_code channel_new(size_t capacity, struct channel **out, struct err *err) MUST_USE;
void channel_free(struct channel *channel); /* whatever is queued is the caller's to drain first */

/* What a side does while it waits: `fn`, after each `every_ms`; its error ends the wait. */
struct channel_idle {
    int64_t every_ms;
    enum err_code (*fn)(void *ctx, struct err *err);
    void *ctx;
};

/* Waits for room. ERR_CANCELLED after channel_cancel; the item stays the caller's then. */
enum err_code channel_push(struct channel *channel, void *item, struct err *err) MUST_USE;
/* Waits for an item; *item = NULL once closed and empty. ERR_CANCELLED after channel_cancel. */
enum err_code channel_pop(struct channel *channel, void **item, struct err *err) MUST_USE;

/* The same with something to do meanwhile. */
enum err_code channel_push_idle(struct channel *channel, void *item, const struct channel_idle *idle,
                                struct err *err) MUST_USE;
enum err_code channel_pop_idle(struct channel *channel, void **item, const struct channel_idle *idle,
                               struct err *err) MUST_USE;

void channel_close(struct channel *channel);
void channel_cancel(struct channel *channel);

/* Takes what is queued without waiting, whatever the state; NULL when empty. */
void *channel_drain(struct channel *channel);

#endif
