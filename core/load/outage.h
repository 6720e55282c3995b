/*
 * outage: how long a server that was there is waited for after it has gone away.
 *
 * States: none -> (a transient failure) away -> (something goes through) none. While it is away the caller
 * tries again after pauses of 1, 2, 4, 5, 5, ... s, each cut by chance to between half and all of it, so that
 * many workers do not come back at once. The caller says how long in all: policy.outage, or less where it
 * has waited already.
 */
#ifndef SLUICE_LOAD_OUTAGE_H
#define SLUICE_LOAD_OUTAGE_H

#include "core/load/job.h"

enum {
    OUTAGE_PAUSE_MS = 1000,    /* the first pause, doubled each time ... */
    OUTAGE_PAUSE_MAX_MS = 5000 /* ... up to this */
};

struct outage {
    int64_t since_us; /* monotonic; 0 = none */
    int tries;        /* failed since then */
    bool told;        /* that it is waited for */
    int given_up;     /* units in a row that were not loaded, for a server was away: kept by run_unit.c */
};

/* After `why`, which is transient: pauses (but not where a connection was lost for the first time: the server
 * may well be there), and says true where another try may follow. False once max_ms have passed since the
 * first failure (then *why says so), or a stop was asked for (then it is CANCELLED). Of all the threads that
 * wait for the same job the first one says so in the log. */
bool outage_wait(struct outage *o, const struct job *job, int64_t max_ms, struct err *why);

/* Something went through. */
void outage_end(struct outage *o, const struct job *job);

#endif
