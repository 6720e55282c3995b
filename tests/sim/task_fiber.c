/*
 * task_fiber: core/base/task.h over fibers: linked in the place of core/base/task.c.
 *
 * Invariant: a monitor's lock has one owner; whoever waits for it is woken when it is given back. Taking it
 * is a point: this is where the steps of a load are shuffled.
 */
#include "core/base/mem.h"
#include "tests/sim/sched.h"

struct task {
    task_fn *fn;
    void *arg;
    bool ended;
};

struct monitor {
    bool locked;
    char wakes; /* its address is what waiters wait on */
};

static void run(void *arg)
{
    struct task *task = arg;
    sched_point();
    task->fn(task->arg);
    sched_point();
    task->ended = true;
    sched_wake(task);
}

enum err_code task_start(task_fn *fn, void *arg, struct task **out, struct err *err)
{
    *out = mem_alloc(sizeof **out);
    if (!*out)
        return err_nomem(err);
    **out = (struct task){.fn = fn, .arg = arg};
    sched_spawn(sched_self(), run, *out);
    return ERR_OK;
}

void task_join(struct task *task)
{
    while (task && !task->ended)
        sched_wait(task, FOREVER);
    mem_free(task);
}

enum err_code monitor_new(struct monitor **out, struct err *err)
{
    *out = mem_calloc(1, sizeof **out);
    return *out ? ERR_OK : err_nomem(err);
}

void monitor_free(struct monitor *m)
{
    mem_free(m);
}

static void lock(struct monitor *m)
{
    while (m->locked)
        sched_wait(m, FOREVER);
    m->locked = true;
}

void monitor_lock(struct monitor *m)
{
    sched_point();
    lock(m);
}

void monitor_unlock(struct monitor *m)
{
    m->locked = false;
    sched_wake(m);
}

static void wait_until(struct monitor *m, int64_t us)
{
    monitor_unlock(m);
    sched_wait(&m->wakes, us);
    lock(m);
}

void monitor_wait(struct monitor *m)
{
    wait_until(m, FOREVER);
}

void monitor_wait_ms(struct monitor *m, int64_t ms)
{
    wait_until(m, sched_now_us() + ms * 1000);
}

void monitor_wake(struct monitor *m)
{
    sched_wake(&m->wakes);
}

int64_t task_now_ms(void)
{
    return sched_now_us() / 1000;
}
