/* channel: see channel.h. A ring under one mutex with two conditions; a stage passes some thousand rows at a
 * time, so the lock is taken rarely. */
#include "core/load/channel.h"

#include <pthread.h>
#include <stdbool.h>

#include "core/base/mem.h"
#include "core/load/wait.h"

struct channel {
    pthread_mutex_t lock;
    pthread_cond_t can_pop, can_push;
    size_t capacity, head, count;
    bool closed, cancelled;
    void *items[CHANNEL_MAX];
};

enum err_code channel_new(size_t capacity, struct channel **out, struct err *err)
{
    *out = NULL;
    if (capacity < 1 || capacity > CHANNEL_MAX)
        return err_set(err, ERRN_INTERNAL, "channel of capacity %zu", capacity);
    struct channel *c = mem_calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    c->capacity = capacity;
    pthread_mutex_init(&c->lock, NULL);
    wait_cond_init(&c->can_pop);
    wait_cond_init(&c->can_push);
    *out = c;
    return ERR_OK;
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    pthread_cond_destroy(&c->can_push);
    pthread_cond_destroy(&c->can_pop);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

static enum err_code cancelled(struct err *err)
{
    return err_set(err, ERRN_CANCELLED, "stopped");
}

/* Caller holds the lock. Waits for a signal of `cond`, or until it is time for `idle`, which runs without the
 * lock. *next is the time of its next turn. */
static enum err_code wait_for(struct channel *c, pthread_cond_t *cond, const struct channel_idle *idle,
                              struct timespec *next, struct err *err)
{
    if (!idle) {
        pthread_cond_wait(cond, &c->lock);
        return ERR_OK;
    }
    if (next->tv_sec == 0)
        *next = wait_until(idle->every_ms);
    if (pthread_cond_timedwait(cond, &c->lock, next) == 0)
        return ERR_OK;
    pthread_mutex_unlock(&c->lock);
    enum err_code code = idle->fn(idle->ctx, err);
    pthread_mutex_lock(&c->lock);
    *next = wait_until(idle->every_ms);
    return code;
}

enum err_code channel_push_idle(struct channel *c, void *item, const struct channel_idle *idle,
                                struct err *err)
{
    struct timespec next = {0};
    enum err_code code = ERR_OK;
    pthread_mutex_lock(&c->lock);
    while (code == ERR_OK && c->count == c->capacity && !c->cancelled)
        code = wait_for(c, &c->can_push, idle, &next, err);
    if (code == ERR_OK && c->cancelled)
        code = cancelled(err);
    if (code == ERR_OK) {
        c->items[(c->head + c->count) % c->capacity] = item;
        c->count++;
        pthread_cond_signal(&c->can_pop);
    }
    pthread_mutex_unlock(&c->lock);
    return code;
}

enum err_code channel_push(struct channel *c, void *item, struct err *err)
{
    return channel_push_idle(c, item, NULL, err);
}

/* Caller holds the lock. */
static void *take(struct channel *c)
{
    if (c->count == 0)
        return NULL;
    void *item = c->items[c->head];
    c->head = (c->head + 1) % c->capacity;
    c->count--;
    pthread_cond_signal(&c->can_push);
    return item;
}

enum err_code channel_pop_idle(struct channel *c, void **item, const struct channel_idle *idle,
                               struct err *err)
{
    struct timespec next = {0};
    enum err_code code = ERR_OK;
    pthread_mutex_lock(&c->lock);
    while (code == ERR_OK && c->count == 0 && !c->closed && !c->cancelled)
        code = wait_for(c, &c->can_pop, idle, &next, err);
    if (code == ERR_OK && c->cancelled)
        code = cancelled(err);
    *item = code == ERR_OK ? take(c) : NULL;
    pthread_mutex_unlock(&c->lock);
    return code;
}

enum err_code channel_pop(struct channel *c, void **item, struct err *err)
{
    return channel_pop_idle(c, item, NULL, err);
}

static void end(struct channel *c, bool *flag)
{
    pthread_mutex_lock(&c->lock);
    *flag = true;
    pthread_cond_broadcast(&c->can_pop);
    pthread_cond_broadcast(&c->can_push);
    pthread_mutex_unlock(&c->lock);
}

void channel_close(struct channel *c)
{
    end(c, &c->closed);
}

void channel_cancel(struct channel *c)
{
    end(c, &c->cancelled);
}

void *channel_drain(struct channel *c)
{
    pthread_mutex_lock(&c->lock);
    void *item = take(c);
    pthread_mutex_unlock(&c->lock);
    return item;
}
