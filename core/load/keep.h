/*
 * keep: connections that wait say that they are alive.
 *
 * A database ends a session that was silent for a lease, and its transaction with it, so that the locks of a
 * stopped worker fall. Who holds a connection and waits for something else (a batch, a unit, the source)
 * therefore says every third of the lease that it is there; a stopped process does not.
 */
#ifndef SLUICE_LOAD_KEEP_H
#define SLUICE_LOAD_KEEP_H

#include "core/load/channel.h"
#include "core/sink/sink.h"

/* For a wait on a channel with a load open or about to be: a connection that is gone ends the wait. */
struct channel_idle keep_load(struct sink *sink);

/* For one with nothing open: a connection that is gone is found by whoever uses it next. */
struct channel_idle keep_handle(struct sink *sink);
void keep_now(struct sink *sink);

/* For a loop of other work: to be called often. Starts zeroed but for the sink. */
struct keep {
    struct sink *sink;
    int64_t spoke_us; /* monotonic; 0 = not begun */
};
void keep_due(struct keep *keep);

#endif
