/*
 * ahead: see ahead.h.
 *
 * Invariants: objects are begun in order, those from `taken` to `next` are in the ring of slots, and what is
 * held for them is never more than AHEAD_BYTES. Nobody waits for an object that nobody reads: the caller
 * waits only for one being read, a reader only for room or further objects, which the caller makes by
 * going on, or for the end.
 */
#include "core/store/ahead.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/task.h"

enum slot_state { SLOT_READING, SLOT_READ, SLOT_CALLERS };

struct fetched {
    struct ahead_object base;
    struct err err; /* what comes behind the bytes; OK = the end */
    int64_t cost;
    size_t len, pos;
    char data[];
};

struct slot {
    enum slot_state state;
    struct fetched *fetched; /* SLOT_READ */
};

struct reader {
    struct ahead *ahead;
    struct store *store; /* NULL until first needed */
    struct task *task;   /* NULL: not running */
};

struct ahead {
    const struct store_factory *stores;
    struct reader readers[AHEAD_READERS];
    size_t running;
    bool begun;
    struct ahead_list list;
    const atomic_int *stop;
    struct monitor *monitor; /* around all below */
    bool ended;
    size_t taken, next, n; /* objects that the caller has had; that are begun, or the caller's; all so far */
    int64_t held;
    struct slot slots[AHEAD_OBJECTS];
};

enum err_code ahead_new(const struct store_factory *stores, struct ahead **out, struct err *err)
{
    *out = NULL;
    struct ahead *a = mem_calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err);
    a->stores = stores;
    for (size_t i = 0; i < AHEAD_READERS; i++)
        a->readers[i].ahead = a;
    if (monitor_new(&a->monitor, err) == ERR_OK)
        *out = a;
    else
        mem_free(a);
    return err->code;
}

void ahead_free(struct ahead *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < AHEAD_READERS; i++)
        store_close(a->readers[i].store);
    monitor_free(a->monitor);
    mem_free(a);
}

/* ---- a reader ---- */

static struct slot *slot_of(struct ahead *a, size_t i)
{
    return &a->slots[i % AHEAD_OBJECTS];
}

/* With all that stands beside the bytes, for objects may be empty. */
static int64_t cost_of(const struct ahead *a, size_t i)
{
    struct ahead_item item;
    a->list.at(a->list.ctx, i, &item);
    return (int64_t)sizeof(struct fetched) + 1 + item.size;
}

static bool asked_to_stop(const struct ahead *a)
{
    return a->stop && atomic_load_explicit(a->stop, memory_order_relaxed);
}

/* The next object that a reader may read, once there are one and room; false at the end. */
static bool claim(struct ahead *a, size_t *i)
{
    bool got = false;
    monitor_lock(a->monitor);
    while (!got && !a->ended && !asked_to_stop(a)) {
        if (a->next == a->n) {
            monitor_wait(a->monitor);
            continue;
        }
        int64_t cost = cost_of(a, a->next);
        bool large = cost > AHEAD_SHARE;
        if (a->next - a->taken == AHEAD_OBJECTS || (!large && a->held + cost > AHEAD_BYTES)) {
            monitor_wait(a->monitor);
            continue;
        }
        got = !large;
        slot_of(a, a->next)->state = large ? SLOT_CALLERS : SLOT_READING;
        a->held += got ? cost : 0;
        *i = a->next++;
    }
    monitor_unlock(a->monitor);
    return got;
}

static bool is_ended(struct ahead *a)
{
    monitor_lock(a->monitor);
    bool ended = a->ended;
    monitor_unlock(a->monitor);
    return ended || asked_to_stop(a);
}

static enum err_code read_fetched(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct fetched *f = (struct fetched *)self;
    *n = f->len - f->pos < cap ? f->len - f->pos : cap;
    if (*n == 0 && f->err.code != ERR_OK) {
        *err = f->err;
        return err->code;
    }
    memcpy(dst, f->data + f->pos, *n);
    f->pos += *n;
    return ERR_OK;
}

/* All bytes of an open object; one more than there are is asked for, to see the end. */
static void read_all(struct ahead *a, struct store_reader *reader, struct fetched *f)
{
    size_t n = 1, cap = (size_t)reader->object.size + 1;
    while (n > 0 && !is_ended(a) && store_read(reader, f->data + f->len, cap - f->len, &n, &f->err) == ERR_OK)
        f->len += n;
    if (n > 0 && f->err.code == ERR_OK)
        err_set(&f->err, ERRN_CANCELLED, "stopped by a signal");
}

/* NULL: the caller is to read it. */
static struct fetched *read_whole(struct ahead *a, struct store *store, size_t i)
{
    struct ahead_item item;
    a->list.at(a->list.ctx, i, &item);
    struct store_range range = {.offset = 0, .length = -1, .if_match = item.if_match};
    struct store_reader *reader = NULL;
    struct fetched *f = mem_alloc((size_t)cost_of(a, i));
    if (!f)
        return NULL;
    memset(f, 0, sizeof *f);
    f->base.bytes.read = read_fetched;
    f->cost = cost_of(a, i);
    (void)!snprintf(f->base.object.key, sizeof f->base.object.key, "%s", item.key);
    if (store_open_read(store, item.key, &range, &reader, &f->err) != ERR_OK)
        return f;
    bool as_listed = reader->object.size == item.size;
    if (as_listed) {
        f->base.opened = true;
        f->base.object = reader->object;
        read_all(a, reader, f);
    }
    store_close_read(reader);
    if (!as_listed) {
        mem_free(f);
        return NULL;
    }
    return f;
}

static void settle(struct ahead *a, size_t i, struct fetched *f)
{
    monitor_lock(a->monitor);
    slot_of(a, i)->state = f ? SLOT_READ : SLOT_CALLERS;
    slot_of(a, i)->fetched = f;
    if (!f)
        a->held -= cost_of(a, i);
    monitor_wake(a->monitor);
    monitor_unlock(a->monitor);
}

static void reader_main(void *arg)
{
    struct reader *r = arg;
    struct ahead *a = r->ahead;
    struct err err = ERR_INIT;
    size_t i;
    if (!r->store && a->stores->open(a->stores->ctx, &r->store, &err) != ERR_OK) {
        log_msg(LOG_DEBUG, "a reader ahead does without: %s", err.msg);
        return;
    }
    while (claim(a, &i))
        settle(a, i, read_whole(a, r->store, i));
}

/* ---- the caller ---- */

/* The caller reads too: one thread fewer than there are objects. */
static void start_readers(struct ahead *a, size_t n)
{
    struct err ignored = ERR_INIT;
    while (a->running < AHEAD_READERS && a->running + 1 < n &&
           task_start(reader_main, &a->readers[a->running], &a->readers[a->running].task, &ignored) == ERR_OK)
        a->running++;
}

void ahead_begin(struct ahead *a, const struct ahead_list *list, size_t n, const atomic_int *stop)
{
    if (!a)
        return;
    a->begun = true;
    a->list = *list;
    a->stop = stop;
    a->ended = false;
    a->taken = a->next = 0;
    a->n = n;
    a->held = 0;
    a->running = 0;
    start_readers(a, n);
}

void ahead_grow(struct ahead *a, size_t n)
{
    if (!a)
        return;
    monitor_lock(a->monitor);
    a->n = n;
    monitor_wake(a->monitor);
    monitor_unlock(a->monitor);
    start_readers(a, n);
}

struct ahead_object *ahead_take(struct ahead *a, size_t i)
{
    struct fetched *f = NULL;
    if (!a)
        return NULL;
    monitor_lock(a->monitor);
    if (a->next == i) {
        a->next++;
    } else {
        struct slot *slot = slot_of(a, i);
        while (slot->state == SLOT_READING)
            monitor_wait(a->monitor);
        f = slot->fetched;
        slot->fetched = NULL;
    }
    a->taken = i + 1;
    monitor_wake(a->monitor);
    monitor_unlock(a->monitor);
    return f ? &f->base : NULL;
}

void ahead_give_back(struct ahead *a, struct ahead_object *object)
{
    struct fetched *f = (struct fetched *)object;
    if (!f)
        return;
    int64_t cost = f->cost;
    mem_free(f);
    monitor_lock(a->monitor);
    a->held -= cost;
    monitor_wake(a->monitor);
    monitor_unlock(a->monitor);
}

void ahead_end(struct ahead *a)
{
    if (!a || !a->begun)
        return;
    monitor_lock(a->monitor);
    a->ended = true;
    monitor_wake(a->monitor);
    monitor_unlock(a->monitor);
    for (size_t i = 0; i < a->running; i++)
        task_join(a->readers[i].task);
    for (size_t i = 0; i < AHEAD_OBJECTS; i++) {
        mem_free(a->slots[i].fetched);
        a->slots[i].fetched = NULL;
    }
    a->running = 0;
    a->begun = false;
}
