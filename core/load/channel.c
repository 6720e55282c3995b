/* channel: see channel.h. A ring in a monitor; what is passed on is worth some thousand rows, so the lock is
 * taken rarely, and one wake for all is enough. */
#include "core/load/channel.h"

#include <stdbool.h>

#include "core/base/mem.h"
#include "core/base/task.h"

struct channel {
    struct monitor *monitor;
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
    if (monitor_new(&c->monitor, err) == ERR_OK)
        *out = c;
    else
        mem_free(c);
    return err->code;
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    monitor_free(c->monitor);
    mem_free(c);
}

static enum err_code cancelled(struct err *err)
{
    return err_set(err, ERRN_CANCELLED, "stopped");
}

/* Caller holds the lock. Waits for a wake, or until it is time for `idle`, which runs without the lock. *next
 * is the time of its next turn; 0 = not begun. */
static enum err_code wait_for(struct channel *c, const struct channel_idle *idle, int64_t *next,
                              struct err *err)
{
    if (!idle) {
        monitor_wait(c->monitor);
        return ERR_OK;
    }
    if (*next == 0)
        *next = task_now_ms() + idle->every_ms;
    int64_t left = *next - task_now_ms();
    if (left > 0) {
        monitor_wait_ms(c->monitor, left);
        return ERR_OK;
    }
    monitor_unlock(c->monitor);
    enum err_code code = idle->fn(idle->ctx, err);
    monitor_lock(c->monitor);
    *next = task_now_ms() + idle->every_ms;
    return code;
}

enum err_code channel_push_idle(struct channel *c, void *item, const struct channel_idle *idle,
                                struct err *err)
{
    enum err_code code = ERR_OK;
    int64_t next = 0;
    monitor_lock(c->monitor);
    while (code == ERR_OK && c->count == c->capacity && !c->cancelled)
        code = wait_for(c, idle, &next, err);
    if (code == ERR_OK && c->cancelled)
        code = cancelled(err);
    if (code == ERR_OK) {
        c->items[(c->head + c->count) % c->capacity] = item;
        c->count++;
        monitor_wake(c->monitor);
    }
    monitor_unlock(c->monitor);
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
    monitor_wake(c->monitor);
    return item;
}

enum err_code channel_pop_idle(struct channel *c, void **item, const struct channel_idle *idle,
                               struct err *err)
{
    enum err_code code = ERR_OK;
    int64_t next = 0;
    monitor_lock(c->monitor);
    while (code == ERR_OK && c->count == 0 && !c->closed && !c->cancelled)
        code = wait_for(c, idle, &next, err);
    if (code == ERR_OK && c->cancelled)
        code = cancelled(err);
    *item = code == ERR_OK ? take(c) : NULL;
    monitor_unlock(c->monitor);
    return code;
}

enum err_code channel_pop(struct channel *c, void **item, struct err *err)
{
    return channel_pop_idle(c, item, NULL, err);
}

static void end(struct channel *c, bool *flag)
{
    monitor_lock(c->monitor);
    *flag = true;
    monitor_wake(c->monitor);
    monitor_unlock(c->monitor);
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
    monitor_lock(c->monitor);
    void *item = take(c);
    monitor_unlock(c->monitor);
    return item;
}
