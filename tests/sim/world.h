/*
 * world: one seed: some hours of objects that come, change and come late, a few workers over them, and
 * trouble; then peace, in which all must be loaded.
 *
 *   TROUBLE (chaos of processes, network, database; objects come) -> PEACE (orders are shuffled, nothing
 * else)
 *   -> DONE (check_all_done: the workers are told to end) -> the books are looked at once more
 *   a violation, or PEACE that lasts too long, ends it at once
 */
#ifndef SLUICE_TESTS_SIM_WORLD_H
#define SLUICE_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct world_result {
    bool ok;
    char what[1024]; /* why not */
    uint64_t digest; /* of all that happened */
    int64_t points, crashes, commits, virtual_us;
};

/* Once for the program; fails with a message on stderr. */
bool world_prepare(void);
void world_release(void);

/* The same seed gives the same result, and the same log. */
void world_run(uint64_t seed, FILE *log, struct world_result *result);

#endif
