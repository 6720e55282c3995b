/*
 * owner_world: owner texts that name processes of the simulated world: linked in the place of
 * core/load/claim_owner.c.
 *
 * As there, only the death of a process of one's own host can be seen; of another, only its lease tells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/load/claim.h"
#include "tests/sim/sched.h"

void claim_owner(uint64_t nonce, char out[REC_OWNER_MAX + 1])
{
    const struct proc *self = sched_self();
    snprintf(out, REC_OWNER_MAX + 1, "host%d/%d/%08x", self->host, self->number,
             (unsigned)(nonce & 0xffffffff));
}

bool claim_owner_is_dead(const char *owner)
{
    const char *number = strchr(owner, '/');
    const struct proc *other = number ? sched_proc_of((int)strtol(number + 1, NULL, 10)) : NULL;
    return other && other->dead && other->host == sched_self()->host;
}
