/*
 * wait: bounded waits on a condition, by the system's monotonic clock whatever the job's: what is waited for
 * (other threads, the database's leases) goes by real time too.
 */
#ifndef SLUICE_LOAD_WAIT_H
#define SLUICE_LOAD_WAIT_H

#include <pthread.h>
#include <stdint.h>

/* A condition for pthread_cond_timedwait() with moments of wait_until(). */
void wait_cond_init(pthread_cond_t *cond);

/* The moment in `ms` from now. */
struct timespec wait_until(int64_t ms);

#endif
