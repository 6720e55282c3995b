/*
 * observe: see observe.h.
 *
 * States: clear -item-> pending -commit, rollback-> clear; pending -doubt-> in doubt -begun (it was not in),
 * ledger (it is in)-> clear. Invariant: each row is told as committed once, or not at all.
 */
#include "core/load/observe.h"

#include <string.h>

enum err_code observe_open(struct observer *o, const struct job *job, struct err *err)
{
    *o = (struct observer){.job = job};
    return job->rows.open ? job->rows.open(job->rows.ctx, &o->eye, err) : ERR_OK;
}

void observe_close(struct observer *o)
{
    if (o->eye)
        o->job->rows.close(o->eye);
    o->eye = NULL;
}

static void settle(struct observer *o, bool committed)
{
    o->in_doubt = 0;
    if (o->eye)
        (committed ? o->job->rows.commit : o->job->rows.rollback)(o->eye);
}

void observe_begun(struct observer *o)
{
    if (o->in_doubt)
        settle(o, false);
}

void observe_item(struct observer *o, const struct unit *unit, const struct item *item)
{
    const struct job_rows *to = &o->job->rows;
    if (!o->eye)
        return;
    for (size_t i = 0; i < item->nslices; i++) {
        const struct slice *s = &item->slices[i];
        if (s->to > s->from)
            to->rows(o->eye, unit->hour, item->batch, s->from, s->to);
        if (s->object_end)
            to->object(o->eye, unit->hour, item->rows[i].bytes);
    }
    for (size_t i = 0; i < item->nrejects; i++)
        to->refused(o->eye, unit->hour, &item->rejects[i]);
}

void observe_commit(struct observer *o)
{
    settle(o, true);
}

void observe_rollback(struct observer *o)
{
    if (!o->in_doubt)
        settle(o, false);
}

void observe_doubt(struct observer *o, int64_t ledger_id)
{
    o->in_doubt = ledger_id;
}

void observe_ledger(struct observer *o, const struct ledger_row *row)
{
    if (o->in_doubt && row->id == o->in_doubt && strcmp(row->run_id, o->job->run_id) == 0)
        settle(o, true);
}
