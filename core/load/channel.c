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

enum err_code channel_push(struct channel *c, void *item, struct err *err)
{
    monitor_lock(c->monitor);
    while (c->count == c->capacity && !c->cancelled)
        monitor_wait(c->monitor);
    bool ok = !c->cancelled;
    if (ok) {
        c->items[(c->head + c->count) % c->capacity] = item;
        c->count++;
        monitor_wake(c->monitor);
    }
    monitor_unlock(c->monitor);
    return ok ? ERR_OK : cancelled(err);
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

enum err_code channel_pop(struct channel *c, void **item, struct err *err)
{
    monitor_lock(c->monitor);
    while (c->count == 0 && !c->closed && !c->cancelled)
        monitor_wait(c->monitor);
    bool ok = !c->cancelled;
    *item = ok ? take(c) : NULL;
    monitor_unlock(c->monitor);
    return ok ? ERR_OK : cancelled(err);
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
