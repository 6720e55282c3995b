/*
 * task: the threads that the engine starts, and how they wait for each other.
 *
 * All of core/ that works side by side goes through here, so that a simulation can put its own scheduler in
 * the place of the system's. A plain mutex needs no place here where nothing is waited for under it (log,
 * mem: backends). All signals are blocked in a task: they are the main thread's business.
 */
#ifndef SLUICE_BASE_TASK_H
#define SLUICE_BASE_TASK_H

#include <stdint.h>

#include "core/base/err.h"

struct task;
typedef void task_fn(void *arg);

/* Runs fn(arg) beside the caller. Each task that was started is joined. */
enum err_code task_start(task_fn *fn, void *arg, struct task **out, struct err *err) MUST_USE;
/* Waits until it has ended, and frees it; NULL is fine. */
void task_join(struct task *task);

/* A lock with one condition. Waits give the lock back meanwhile, and may end without a wake: ask again for
 * what was waited for. */
struct monitor;

enum err_code monitor_new(struct monitor **out, struct err *err) MUST_USE;
void monitor_free(struct monitor *monitor); /* NULL is fine */
void monitor_lock(struct monitor *monitor);
void monitor_unlock(struct monitor *monitor);
/* The lock is held. */
void monitor_wait(struct monitor *monitor);
void monitor_wait_ms(struct monitor *monitor, int64_t ms); /* at most so long, of the system's time */
void monitor_wake(struct monitor *monitor);                /* all that wait */

/* The clock of monitor_wait_ms: monotonic, the system's whatever the job's: what is waited for (other
 * threads, the database's leases) goes by it too. */
int64_t task_now_ms(void);

#endif
