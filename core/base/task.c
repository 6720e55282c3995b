/* task: see task.h. POSIX threads; waits with an end go by the monotonic clock. */
#include "core/base/task.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "core/base/mem.h"

struct task {
    pthread_t thread;
    task_fn *fn;
    void *arg;
};

struct monitor {
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

static void *task_main(void *arg)
{
    struct task *task = arg;
    task->fn(task->arg);
    return NULL;
}

enum err_code task_start(task_fn *fn, void *arg, struct task **out, struct err *err)
{
    *out = NULL;
    struct task *task = mem_alloc(sizeof *task);
    if (!task)
        return err_nomem(err);
    *task = (struct task){.fn = fn, .arg = arg};
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&task->thread, NULL, task_main, task);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        mem_free(task);
        return err_set_errno(err, rc, "start a thread");
    }
    *out = task;
    return ERR_OK;
}

void task_join(struct task *task)
{
    if (!task)
        return;
    pthread_join(task->thread, NULL);
    mem_free(task);
}

enum err_code monitor_new(struct monitor **out, struct err *err)
{
    *out = NULL;
    struct monitor *m = mem_alloc(sizeof *m);
    if (!m)
        return err_nomem(err);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&m->lock, NULL);
    *out = m;
    return ERR_OK;
}

void monitor_free(struct monitor *m)
{
    if (!m)
        return;
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

void monitor_lock(struct monitor *m)
{
    pthread_mutex_lock(&m->lock);
}

void monitor_unlock(struct monitor *m)
{
    pthread_mutex_unlock(&m->lock);
}

void monitor_wait(struct monitor *m)
{
    pthread_cond_wait(&m->wake, &m->lock);
}

void monitor_wait_ms(struct monitor *m, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&m->wake, &m->lock, &until);
}

void monitor_wake(struct monitor *m)
{
    pthread_cond_broadcast(&m->wake);
}

int64_t task_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
