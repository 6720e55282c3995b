/*
 * crew: the connections that load the units of an hour side by side.
 *
 * One worker where the sink takes one writer (or target.connections says so): then units are loaded at once,
 * in the caller's thread, through the job's own connection. With more, each worker has a thread, a
 * connection, a handle on the source and a loader, kept from hour to hour; units go to them through a bounded
 * channel, in order, and end in any order. All work under the same claim: every commit of every worker checks
 * it.
 */
#ifndef SLUICE_LOAD_CREW_H
#define SLUICE_LOAD_CREW_H

#include "core/load/run_internal.h"

enum { CREW_MAX = 64 };

struct crew;

/* Opens what the workers need. */
enum err_code crew_new(struct job *job, struct crew **out, struct err *err) MUST_USE;
void crew_free(struct crew *crew);

/* The hour begins: `work` has its claim. */
enum err_code crew_begin(struct crew *crew, struct hour_work *work, struct err *err) MUST_USE;

/* Loads the unit (consumed), now or soon. CANCELLED where a worker failed for good: crew_end says why. */
enum err_code crew_load(struct crew *crew, struct unit *unit, struct err *err) MUST_USE;

/* Waits for all units and adds what the workers did to the hour's work and totals. After an error (err is set
 * already) what is not begun is dropped. The first worker's error takes the place of CANCELLED. */
enum err_code crew_end(struct crew *crew, struct err *err);

#endif
