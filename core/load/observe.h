/*
 * observe: tells whoever looks at rows (job.h) what one loader sends, and what becomes of it.
 *
 * What was sent is pending until its transaction is settled: committed, rolled back, or, where the answer to
 * COMMIT was lost, in doubt until the ledger says: a ledger row of that transaction that is there means that
 * it is in, an insert in its place that goes through that it is not.
 */
#ifndef SLUICE_LOAD_OBSERVE_H
#define SLUICE_LOAD_OBSERVE_H

#include "core/load/load_internal.h"

struct observer {
    const struct job *job;
    void *eye;        /* NULL: nobody looks */
    int64_t in_doubt; /* id of a ledger row of the transaction whose answer was lost; 0 = none */
};

enum err_code observe_open(struct observer *o, const struct job *job, struct err *err) MUST_USE;
void observe_close(struct observer *o); /* safe on a zeroed struct */

/* Ledger rows of a new transaction are in: what is in doubt still was not. */
void observe_begun(struct observer *o);
/* All of the item was sent. */
void observe_item(struct observer *o, const struct unit *unit, const struct item *item);
void observe_commit(struct observer *o);
/* What is pending is not in, unless it is in doubt. */
void observe_rollback(struct observer *o);
void observe_doubt(struct observer *o, int64_t ledger_id);
/* The ledger has this row. */
void observe_ledger(struct observer *o, const struct ledger_row *row);

#endif
