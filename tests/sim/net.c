/* net: see net.h. What came over is whole or is an error: a read that breaks has given a true beginning. */
#include "tests/sim/net.h"

#include <stdio.h>
#include <string.h>

#include "backends/store_mem.h"
#include "core/store/store_retry.h"
#include "core/store/store_wrap.h"

struct handle {
    struct store_wrap wrap;
    struct net *net;
};

static struct net *net_of(const struct store *store)
{
    return ((const struct handle *)store)->net;
}

static enum err_code unreachable(const char *what, const char *key, struct err *err)
{
    sched_log("%s %s -> unreachable", what, key);
    sched_note(4);
    return err_set(err, ERRN_STORE_UNREACHABLE, "%s %s: the store did not answer", what, key);
}

static enum err_code before(const struct store *store, const char *what, const char *key, struct err *err)
{
    sched_point();
    return sched_chance(net_of(store)->refuse) ? unreachable(what, key, err) : ERR_OK;
}

static enum err_code after(const struct store *store, const char *what, const char *key, struct err *err)
{
    if (err->code == ERR_OK && sched_chance(net_of(store)->mute)) {
        sched_log("%s %s is done", what, key);
        return unreachable(what, key, err);
    }
    sched_note((uint64_t)err->code << 32 | (uint64_t)what[0] << 8 | 5);
    sched_log("%s %s -> %s", what, key, err->code == ERR_OK ? "done" : err_name_text(err->name));
    sched_point();
    return err->code;
}

static enum err_code list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                struct store_list **out, struct err *err)
{
    const struct net *net = net_of(store);
    if (net->listing)
        net->listing(net->ctx, prefix);
    return before(store, "list", prefix, err) == ERR_OK
               ? store_wrap_list_begin(store, prefix, scope, out, err)
               : err->code;
}

static enum err_code list_next(struct store_list *list, struct store_object *object, bool *more,
                               struct err *err)
{
    if (before(list->store, "next", list->prefix, err) != ERR_OK ||
        store_wrap_list_next(list, object, more, err) != ERR_OK)
        return err->code;
    sched_log("listed %s", *more ? object->key : "all");
    return ERR_OK;
}

static enum err_code stat_one(struct store *store, const char *key, struct store_object *out, struct err *err)
{
    if (before(store, "stat", key, err) == ERR_OK)
        (void)!store_wrap_stat(store, key, out, err);
    return after(store, "stat", key, err);
}

static enum err_code open_read(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    const struct net *net = net_of(store);
    if (before(store, "read", key, err) != ERR_OK)
        return err->code;
    if (net->unreadable && strcmp(key, net->unreadable) == 0)
        return unreachable("read", key, err);
    if (net->deadly && strcmp(key, net->deadly) == 0)
        sched_kill(sched_self());
    return store_wrap_open_read(store, key, range, out, err);
}

static enum err_code read_some(struct store_reader *reader, void *dst, size_t cap, size_t *n, struct err *err)
{
    sched_point();
    if (!sched_chance(net_of(reader->store)->cut))
        return store_wrap_read(reader, dst, cap, n, err);
    if (reader->got > 0)
        return unreachable("read on", reader->object.key, err);
    return store_wrap_read(reader, dst, cap > 7 ? 7 : cap, n, err);
}

static enum err_code put(struct store *store, const char *key, struct bytes *body, int64_t size,
                         enum store_condition condition, struct err *err)
{
    const struct net *net = net_of(store);
    if (before(store, "put", key, err) == ERR_OK &&
        store_wrap_put(store, key, body, size, condition, err) == ERR_OK && net->was_put)
        net->was_put(net->ctx, key);
    return after(store, "put", key, err);
}

static enum err_code remove_one(struct store *store, const char *key, struct err *err)
{
    const struct net *net = net_of(store);
    if (before(store, "remove", key, err) != ERR_OK)
        return err->code;
    if (net->removing)
        net->removing(net->ctx, key);
    if (store_wrap_remove(store, key, err) == ERR_OK && net->removed)
        net->removed(net->ctx, key);
    return after(store, "remove", key, err);
}

static const char *const SCHEMES[] = {NULL};

static const struct store_type TYPE = {
    .name = "net",
    .schemes = SCHEMES,
    .list_begin = list_begin,
    .list_next = list_next,
    .list_end = store_wrap_list_end,
    .stat = stat_one,
    .open_read = open_read,
    .read = read_some,
    .close_read = store_wrap_close_read,
    .put = put,
    .remove = remove_one,
    .close = store_wrap_close,
};

static enum err_code open_mem(const char *name, const struct clock *clock, struct store **out,
                              struct err *err)
{
    char text[64];
    struct url url;
    snprintf(text, sizeof text, "mem:%s", name);
    if (url_parse(text, &url, err) == ERR_OK) {
        (void)!store_open(&store_mem, &url, "/", clock, true, out, err);
        url_release(&url);
    }
    return err->code;
}

enum err_code net_open_plain(const char *name, const struct clock *clock, struct store **out, struct err *err)
{
    return open_mem(name, clock, out, err);
}

enum err_code net_open(struct net *net, const char *name, struct store **out, struct err *err)
{
    struct store *inner = NULL;
    sched_point();
    if (sched_chance(net->refuse))
        return unreachable("open", name, err);
    if (open_mem(name, &sched_self()->clock, &inner, err) != ERR_OK)
        return err->code;
    struct handle *h = store_wrap_new(sizeof *h, &TYPE, inner, err);
    if (!h) {
        store_close(inner);
        return err->code;
    }
    h->net = net;
    h->wrap.base.caps.remote = net->remote;
    *out = &h->wrap.base;
    struct store_retry_options options = {.attempts = 2};
    if (net->retries && store_retry_wrap(&h->wrap.base, &options, out, err) != ERR_OK)
        store_close(&h->wrap.base);
    return err->code;
}
