/*
 * pool: see pool.h.
 *
 *   a seat (one for each lane): WAITING until due -> TAKEN by a thread for one step -> WAITING
 *
 * Invariants: a lane has one thread at the most; of lanes whose target takes one writer and that share it,
 * one is TAKEN at a time, so that none waits for a lock with its hour in its hand; among those that are due
 * the least recently served goes first, so no lane with a long queue keeps the others waiting for more than
 * an hour of its own.
 */
#include "tools/pool.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"

struct seat {
    struct lane *lane;
    int64_t due_us; /* monotonic */
    int64_t served; /* the number of the step; 0 = never */
    bool taken, ended;
};

struct pool {
    struct monitor *monitor;
    struct seat *seats;
    size_t n;
    int64_t steps;
    const atomic_int *ending;
    bool stopping;
    struct task *threads[POOL_THREADS_MAX + 1]; /* the last one refreshes */
};

static int64_t mono(void)
{
    return clock_mono_us(clock_real());
}

static bool is_ending(const struct pool *pool)
{
    return pool->stopping || atomic_load(pool->ending);
}

static bool takes_one_writer(struct lane *lane)
{
    bool one;

    pthread_mutex_lock(&lane->lock);
    one = lane->one_writer;
    pthread_mutex_unlock(&lane->lock);
    return one;
}

/* Another lane is at work on the same target, which cannot take two. */
static bool is_blocked(const struct pool *pool, const struct seat *seat)
{
    for (size_t i = 0; i < pool->n; i++) {
        const struct seat *other = &pool->seats[i];

        if (other != seat && other->taken && strcmp(other->lane->place, seat->lane->place) == 0 &&
            takes_one_writer(other->lane))
            return true;
    }
    return false;
}

/* NULL where none may go; *wait_us then says until when. */
static struct seat *choose(struct pool *pool, int64_t *wait_us)
{
    struct seat *best = NULL;
    int64_t now = mono();

    *wait_us = POOL_LOOK_MS * 1000;
    for (size_t i = 0; i < pool->n; i++) {
        struct seat *seat = &pool->seats[i];

        if (seat->taken || seat->ended)
            continue;
        if (seat->due_us > now) {
            if (seat->due_us - now < *wait_us)
                *wait_us = seat->due_us - now;
        } else if ((!best || seat->served < best->served) && !is_blocked(pool, seat)) {
            best = seat;
        }
    }
    return best;
}

static void step(struct pool *pool, struct seat *seat)
{
    struct err err = ERR_INIT;
    int64_t wait_us = 0;
    bool ended;

    seat->taken = true;
    seat->served = ++pool->steps;
    monitor_unlock(pool->monitor);
    ended = lane_step(seat->lane, &wait_us, &err) != ERR_OK;
    monitor_lock(pool->monitor);
    seat->taken = false;
    seat->ended = ended;
    seat->due_us = mono() + wait_us;
    monitor_wake(pool->monitor);
}

static void work(void *ctx)
{
    struct pool *pool = ctx;

    monitor_lock(pool->monitor);
    while (!is_ending(pool)) {
        int64_t wait_us;
        struct seat *seat = choose(pool, &wait_us);

        if (seat)
            step(pool, seat);
        else
            monitor_wait_ms(pool->monitor, wait_us / 1000 + 1);
    }
    monitor_unlock(pool->monitor);
}

static void refresh(void *ctx)
{
    struct pool *pool = ctx;

    monitor_lock(pool->monitor);
    while (!is_ending(pool)) {
        monitor_unlock(pool->monitor);
        for (size_t i = 0; i < pool->n && !atomic_load(pool->ending); i++)
            (void)lane_refresh(pool->seats[i].lane);
        monitor_lock(pool->monitor);
        if (!is_ending(pool))
            monitor_wait_ms(pool->monitor, POOL_LOOK_MS);
    }
    monitor_unlock(pool->monitor);
}

enum err_code pool_start(struct lane *lanes, size_t n, const atomic_int *ending, struct pool **out,
                         struct err *err)
{
    struct pool *pool = mem_calloc(1, sizeof *pool);
    size_t threads = n < POOL_THREADS_MAX ? n : POOL_THREADS_MAX;

    *out = NULL;
    if (!pool || !(pool->seats = mem_calloc(n, sizeof *pool->seats))) {
        mem_free(pool);
        return err_nomem(err);
    }
    pool->n = n;
    pool->ending = ending;
    for (size_t i = 0; i < n; i++)
        pool->seats[i].lane = &lanes[i];
    (void)!monitor_new(&pool->monitor, err);
    for (size_t i = 0; i < threads && err->code == ERR_OK; i++)
        (void)!task_start(work, pool, &pool->threads[i], err);
    if (err->code == ERR_OK)
        (void)!task_start(refresh, pool, &pool->threads[POOL_THREADS_MAX], err);
    if (err->code == ERR_OK)
        *out = pool;
    else
        pool_stop(pool);
    return err->code;
}

void pool_stop(struct pool *pool)
{
    if (!pool)
        return;
    if (pool->monitor) {
        monitor_lock(pool->monitor);
        pool->stopping = true;
        monitor_wake(pool->monitor);
        monitor_unlock(pool->monitor);
    }
    for (size_t i = 0; i <= POOL_THREADS_MAX; i++)
        task_join(pool->threads[i]);
    monitor_free(pool->monitor);
    mem_free(pool->seats);
    mem_free(pool);
}
