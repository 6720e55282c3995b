/* job: see job.h. */
#include "core/load/job.h"

#include <stdio.h>
#include <string.h>

#include "core/load/claim.h"

const char *object_status_text(enum object_status status)
{
    static const char *const text[] = {"loaded", "replaced", "done", "unchanged", "ignored", "failed"};
    return text[status];
}

void job_identify(struct job *job)
{
    char when[CLOCK_TEXT_MAX];
    clock_format(clock_wall_us(job->clock), when);
    char compact[CLOCK_TEXT_MAX];
    size_t n = 0;
    for (const char *p = when; *p; p++)
        if (*p != '-' && *p != ':')
            compact[n++] = *p;
    compact[n] = '\0';
    uint64_t nonce = clock_random(job->clock);
    snprintf(job->run_id, sizeof job->run_id, "%.20s-%06x", compact, (unsigned)(nonce & 0xffffff));
    claim_owner(nonce, job->owner);
}

enum err_code job_check_stop(const struct job *job, struct err *err)
{
    if (job->stop && atomic_load_explicit(job->stop, memory_order_relaxed))
        return err_set(err, ERRN_CANCELLED, "stopped by a signal; nothing of the open unit was loaded");
    return ERR_OK;
}
