/*
 * replay: rejected records loaded again under today's pipeline, once.
 *
 * The kept bytes are parsed with the object's own header; those that pass become rows of a load of kind
 * replay (the next negative chunk), and their rejects are marked, in one transaction for each object under
 * the hour's claim. Those that fail again stay as they are.
 */
#ifndef SLUICE_LOAD_REPLAY_H
#define SLUICE_LOAD_REPLAY_H

#include "core/load/job.h"

struct replay_totals {
    int64_t objects; /* objects with at least one reject to try */
    int64_t tried, loaded, still_rejected;
    int64_t refused; /* cut records: they cannot be replayed */
};

/* `query` narrows the rejects (object, run_id, hour, name); only_replayable is implied. Rejects whose
 * rows the database refuses stay as they are, a load's together, and the others go on: the first such error
 * (ERR_DATA) is the result. Any other error ends it. */
enum err_code replay_rejects(struct job *job, const struct record_query *query, struct replay_totals *totals,
                             struct err *err) MUST_USE;

#endif
