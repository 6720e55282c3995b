/*
 * sched: see sched.h.
 *
 * States of a fiber: READY -> (picked) running -> READY | SLEEPING (until a time) | WAITING (on an address,
 * perhaps until a time) | ENDED. A fiber whose process is dead or stopped is never picked. Fibers go to each
 * other directly; the thread's own context is taken only at the start and at the end.
 *
 * Invariants: chance is asked only here and through sched_random, so a seed decides everything; time never
 * goes back; a stack belongs to one fiber, and is given to another only when that one will not run again.
 */
#include "tests/sim/sched.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

enum { FIBERS_MAX = 256, PROCS_MAX = 2048, STACK_BYTES = 256 * 1024, GUARD_BYTES = 4096 };

#define START_US INT64_C(1654473600000000) /* 2022-06-06T00:00:00Z */

enum state { READY, SLEEPING, WAITING, ENDED };

struct fiber {
    ucontext_t context;
    char *stack;
    void *fake; /* the address sanitizer's; it goes with the stack */
    struct proc *proc;
    enum state state;
    int64_t until_us;
    const void *on;
    bool woken;
    task_fn *fn;
    void *arg;
};

static struct {
    uint64_t chance, digest;
    int64_t now_us, points, points_max, crashes;
    FILE *log;
    struct sched_chaos chaos;
    struct fiber fibers[FIBERS_MAX];
    size_t nfibers; /* slots used so far; those that ended are used again */
    struct fiber *current;
    ucontext_t outside;
    void *outside_fake;
    const void *outside_stack;
    size_t outside_size;
    bool stopping, stuck;
    struct proc procs[PROCS_MAX];
    size_t nprocs;
} world;

/* ---- chance and time ---- */

uint64_t sched_random(void)
{
    uint64_t x = world.chance += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint32_t sched_below(uint32_t n)
{
    return (uint32_t)(((sched_random() >> 32) * n) >> 32);
}

bool sched_chance(uint32_t millionths)
{
    return millionths > 0 && sched_below(1000000) < millionths;
}

int64_t sched_now_us(void)
{
    return world.now_us;
}

int64_t sched_points(void)
{
    return world.points;
}

int64_t sched_crashes(void)
{
    return world.crashes;
}

void sched_set_chaos(const struct sched_chaos *chaos)
{
    world.chaos = *chaos;
}

struct sched_chaos sched_calm(void)
{
    return (struct sched_chaos){.dawdle = 20000};
}

void sched_note(uint64_t what)
{
    world.digest = (world.digest ^ what) * UINT64_C(0x100000001b3);
    world.digest ^= world.digest >> 29;
}

uint64_t sched_digest(void)
{
    return world.digest;
}

bool sched_logging(void)
{
    return world.log != NULL;
}

void sched_log(const char *fmt, ...)
{
    if (!world.log)
        return;
    int64_t us = world.now_us - START_US;
    fprintf(world.log, "%9.3f %-9s ", (double)us / 1e6, world.current ? world.current->proc->name : "-");
    va_list args;
    va_start(args, fmt);
    vfprintf(world.log, fmt, args);
    va_end(args);
    fputc('\n', world.log);
}

/* ---- going from one fiber to another ---- */

/* Called first thing by whoever was switched to. */
static void arrived(void *fake)
{
#if defined(__SANITIZE_ADDRESS__)
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(fake, &bottom, &size);
    if (!world.outside_stack) {
        world.outside_stack = bottom;
        world.outside_size = size;
    }
#else
    (void)fake;
#endif
}

/* `to` NULL is the thread's own context. */
static void go(struct fiber *to)
{
    struct fiber *from = world.current;
    if (to == from)
        return;
    world.current = to;
    void **fake = from ? &from->fake : &world.outside_fake;
#if defined(__SANITIZE_ADDRESS__)
    const void *bottom = to ? to->stack : world.outside_stack;
    __sanitizer_start_switch_fiber(fake, bottom, to ? STACK_BYTES : world.outside_size);
#endif
    swapcontext(from ? &from->context : &world.outside, to ? &to->context : &world.outside);
    arrived(*fake);
}

static bool may_run(const struct fiber *f)
{
    if (f->state == ENDED || f->proc->dead || f->proc->stopped_until_us > world.now_us)
        return false;
    return f->state == READY || f->until_us <= world.now_us;
}

/* When it may go on by itself. */
static int64_t wakes_at(const struct fiber *f)
{
    if (f->state == ENDED || f->proc->dead)
        return FOREVER;
    int64_t at = f->state == READY ? world.now_us : f->until_us;
    return at < f->proc->stopped_until_us ? f->proc->stopped_until_us : at;
}

static struct fiber *pick(void)
{
    for (;;) {
        struct fiber *ready[FIBERS_MAX];
        uint32_t n = 0;
        int64_t next = FOREVER;
        for (size_t i = 0; i < world.nfibers; i++) {
            struct fiber *f = &world.fibers[i];
            if (may_run(f)) {
                ready[n++] = f;
            } else if (n == 0) {
                int64_t at = wakes_at(f);
                next = at < next ? at : next;
            }
        }
        if (n > 0)
            return ready[n == 1 ? 0 : sched_below(n)];
        if (next == FOREVER)
            return NULL;
        world.now_us = next;
    }
}

/* Somebody else's turn, perhaps; comes back when it is this fiber's again. */
static void give_way(void)
{
    struct fiber *next = NULL;
    if (!world.stopping && world.points < world.points_max)
        next = pick();
    if (next) {
        next->woken = next->state == READY;
        next->state = READY;
    }
    go(next);
}

static void fiber_main(void)
{
    arrived(world.current->fake);
    world.current->fn(world.current->arg);
    world.current->state = ENDED;
    sched_wake(world.current);
    give_way();
    abort(); /* one that has ended is never picked */
}

struct fiber *sched_spawn(struct proc *proc, task_fn *fn, void *arg)
{
    size_t i = 0;
    while (i < world.nfibers && world.fibers[i].state != ENDED)
        i++;
    if (i == FIBERS_MAX) {
        fprintf(stderr, "more than %d fibers\n", FIBERS_MAX);
        abort();
    }
    struct fiber *f = &world.fibers[i];
    if (i == world.nfibers)
        world.nfibers++;
    if (!f->stack) {
        char *at = mmap(NULL, GUARD_BYTES + STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                        -1, 0);
        if (at == MAP_FAILED || mprotect(at, GUARD_BYTES, PROT_NONE) != 0)
            abort();
        f->stack = at + GUARD_BYTES;
    }
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(f->stack, STACK_BYTES);
#endif
    f->proc = proc;
    f->state = READY;
    f->until_us = FOREVER;
    f->on = NULL;
    f->fn = fn;
    f->arg = arg;
    getcontext(&f->context);
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = STACK_BYTES;
    f->context.uc_link = NULL;
    makecontext(&f->context, fiber_main, 0);
    return f;
}

bool sched_run(int64_t points)
{
    world.points_max = world.points + points;
    world.stopping = false;
    give_way();
    if (world.stopping)
        return true;
    for (size_t i = 0; i < world.nfibers; i++)
        if (world.fibers[i].state != ENDED && !world.fibers[i].proc->dead)
            return false;
    return true;
}

void sched_stop(void)
{
    world.stopping = true;
    if (world.current)
        go(NULL);
}

/* ---- in a fiber ---- */

bool sched_in_fiber(void)
{
    return world.current != NULL;
}

struct proc *sched_self(void)
{
    return world.current ? world.current->proc : NULL;
}

void sched_sleep_us(int64_t us)
{
    world.current->state = SLEEPING;
    world.current->until_us = world.now_us + (us > 0 ? us : 0);
    give_way();
}

bool sched_wait(const void *on, int64_t until_us)
{
    struct fiber *f = world.current;
    f->state = WAITING;
    f->on = on;
    f->until_us = until_us;
    give_way();
    f->on = NULL;
    return f->woken;
}

void sched_wake(const void *on)
{
    for (size_t i = 0; i < world.nfibers; i++)
        if (world.fibers[i].state == WAITING && world.fibers[i].on == on)
            world.fibers[i].state = READY;
}

void sched_kill(struct proc *proc)
{
    if (proc->dead)
        return;
    proc->dead = true;
    world.crashes++;
    sched_log("%s crashes", proc->name);
    sched_note((uint64_t)proc->number << 8 | 1);
    bool self = sched_self() == proc;
    for (size_t i = 0; i < world.nfibers; i++)
        if (world.fibers[i].proc == proc)
            world.fibers[i].state = ENDED;
    if (proc->on_death)
        proc->on_death(proc->ctx, proc);
    sched_wake(proc);
    if (self)
        give_way();
}

/* The process is struck, or not. */
static void strike(struct proc *p)
{
    const struct sched_chaos *c = &world.chaos;
    if (sched_chance(c->jump)) {
        p->wall_offset_us += (int64_t)sched_below(7200) * SECOND_US - 3600 * SECOND_US;
        sched_log("clock is %+.0f s off", (double)p->wall_offset_us / 1e6);
    }
    if (sched_chance(c->ask) && p->on_ask) {
        sched_log("is asked to end");
        p->on_ask(p->ctx, p);
    }
    if (sched_chance(c->stop)) {
        int64_t us = (int64_t)(sched_random() % (uint64_t)c->stall_us);
        p->stopped_until_us = world.now_us + us;
        sched_log("the process stops for %.3f s", (double)us / 1e6);
        sched_sleep_us(0);
    }
    if (sched_chance(c->stall)) {
        int64_t us = (int64_t)(sched_random() % (uint64_t)c->stall_us);
        sched_log("stalls for %.3f s", (double)us / 1e6);
        sched_sleep_us(us);
    }
    if (sched_chance(c->crash))
        sched_kill(p);
}

void sched_point(void)
{
    if (!world.current)
        return;
    struct proc *p = world.current->proc;
    world.points++;
    sched_note((uint64_t)world.now_us ^ (uint64_t)p->number << 56);
    if (!p->immortal)
        strike(p);
    if (sched_chance(world.chaos.dawdle))
        sched_sleep_us(sched_below(50000));
    else if (sched_below(4) == 0 || world.points >= world.points_max)
        give_way();
}

/* ---- processes ---- */

static const struct proc *proc_of(const struct clock *clock)
{
    return (const struct proc *)clock;
}

static int64_t wall_us(const struct clock *clock)
{
    return world.now_us + proc_of(clock)->wall_offset_us;
}

static int64_t mono_us(const struct clock *clock)
{
    (void)clock;
    return world.now_us - START_US + SECOND_US;
}

static void sleep_us(const struct clock *clock, int64_t us)
{
    (void)clock;
    sched_point();
    sched_sleep_us(us);
}

static uint64_t random_u64(const struct clock *clock)
{
    (void)clock;
    return sched_random();
}

struct proc *sched_proc(const char *name, bool immortal)
{
    if (world.nprocs == PROCS_MAX) {
        fprintf(stderr, "more than %d processes\n", PROCS_MAX);
        abort();
    }
    struct proc *p = &world.procs[world.nprocs++];
    *p = (struct proc){.clock = {wall_us, mono_us, sleep_us, random_u64},
                       .number = (int)world.nprocs,
                       .host = (int)sched_below(SCHED_HOSTS),
                       .immortal = immortal};
    snprintf(p->name, sizeof p->name, "%s", name);
    return p;
}

struct proc *sched_proc_of(int number)
{
    return number >= 1 && (size_t)number <= world.nprocs ? &world.procs[number - 1] : NULL;
}

void sched_begin(uint64_t seed, FILE *log)
{
    world.chance = seed * UINT64_C(0xd1342543de82ef95) + 1;
    world.digest = UINT64_C(0xcbf29ce484222325);
    world.now_us = START_US;
    world.points = world.crashes = 0;
    world.log = log;
    world.chaos = sched_calm();
    world.nprocs = 0;
    sched_end();
}

void sched_end(void)
{
    for (size_t i = 0; i < world.nfibers; i++)
        world.fibers[i].state = ENDED;
    world.current = NULL;
}
