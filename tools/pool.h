/*
 * pool: a few threads that make the steps of many lanes, each lane one step (an hour at the most) at a time,
 * the one that waited longest first; and one thread that keeps their snapshots fresh.
 */
#ifndef SLUICE_TOOLS_POOL_H
#define SLUICE_TOOLS_POOL_H

#include "tools/lane.h"

enum {
    POOL_THREADS_MAX = 4, /* hours at work at the same time, all pipelines together */
    POOL_LOOK_MS = 500,   /* how soon an end, and a snapshot that is due, is seen */
};

struct pool;

/* The lanes live as long. *ending is not 0 once no further step may begin. */
enum err_code pool_start(struct lane *lanes, size_t n, const atomic_int *ending, struct pool **out,
                         struct err *err) MUST_USE;
/* Waits for the steps that are under way. NULL is fine. */
void pool_stop(struct pool *pool);

#endif
