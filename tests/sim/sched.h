/*
 * sched: the world of a simulation: one virtual time, processes made of fibers, and a scheduler that a seed
 * decides for.
 *
 * One system thread runs everything. A fiber runs until it reaches a point (sched_point, a sleep, a wait);
 * there the seed may let another go on, let time pass, or strike the process: it crashes (its fibers are
 * never resumed), is stopped for a while, or its wall clock jumps. Time passes only while fibers sleep or
 * dawdle at points. The same seed gives the same steps: nothing else is asked for time, chance or order.
 */
#ifndef SLUICE_TESTS_SIM_SCHED_H
#define SLUICE_TESTS_SIM_SCHED_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/task.h"

#define SECOND_US INT64_C(1000000)
#define FOREVER   INT64_MAX

/* How often what happens, in millionths of the points of a process that is not immortal. */
struct sched_chaos {
    uint32_t dawdle; /* time passes: up to 50 ms */
    uint32_t stall;  /* up to stall_us */
    uint32_t stop;   /* the whole process, up to stall_us (SIGSTOP, a machine that sleeps) */
    uint32_t crash;
    uint32_t ask;  /* it is asked to end (on_ask) */
    uint32_t jump; /* its wall clock, up to an hour either way */
    int64_t stall_us;
};

enum { SCHED_HOSTS = 3 };

struct proc {
    struct clock clock; /* of this process: wall time with an offset of its own */
    char name[16];
    int number; /* 1, 2, ... of this world */
    int host;   /* 0..SCHED_HOSTS-1: processes of one host see each other's death */
    bool dead;  /* crashed, or ended */
    bool immortal;
    int64_t wall_offset_us;
    int64_t stopped_until_us;
    /* Each may be NULL, and starts no fiber. */
    void (*on_death)(void *ctx, struct proc *proc);
    void (*on_ask)(void *ctx, struct proc *proc);
    void *ctx;
};

/* A fresh world. `log` (may be NULL) gets a line for each step that matters. */
void sched_begin(uint64_t seed, FILE *log);
/* Forgets all fibers, wherever they are. */
void sched_end(void);

/* Immortal processes are not struck by chaos. */
struct proc *sched_proc(const char *name, bool immortal);
struct proc *sched_proc_of(int number); /* NULL where there was none */
/* A fiber of the process; legal anywhere. The fiber, for sched_wait_end. */
struct fiber;
struct fiber *sched_spawn(struct proc *proc, task_fn *fn, void *arg);

/* Runs fibers until none is left, or sched_stop was called. Returns false where the fibers that are left wait
 * for each other for ever, or `points` of them have been passed. */
bool sched_run(int64_t points);
/* Ends sched_run; does not return where a fiber calls it. */
void sched_stop(void);

/* ---- in a fiber ---- */

struct proc *sched_self(void); /* NULL outside of fibers */
bool sched_in_fiber(void);
/* A place where anything may happen. */
void sched_point(void);
void sched_sleep_us(int64_t us);
/* Waits for sched_wake of the same address, or until the moment; false where the moment came. */
bool sched_wait(const void *on, int64_t until_us);
void sched_wake(const void *on);
/* Ends the process, wherever its fibers are, and wakes who waits for it (sched_wait of its address). Does not
 * return where it is the caller's own. */
void sched_kill(struct proc *proc);

/* ---- anywhere ---- */

int64_t sched_now_us(void);
int64_t sched_points(void);
uint64_t sched_random(void);
uint32_t sched_below(uint32_t n); /* 0..n-1 */
bool sched_chance(uint32_t millionths);
void sched_set_chaos(const struct sched_chaos *chaos);
struct sched_chaos sched_calm(void); /* orders only, no trouble */
int64_t sched_crashes(void);         /* so far */

/* A line of the log: "TIME PROCESS text". What is formatted only for the log asks first. */
bool sched_logging(void);
void sched_log(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Of everything that has happened so far. */
uint64_t sched_digest(void);
void sched_note(uint64_t what); /* adds to the digest */

#endif
