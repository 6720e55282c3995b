/*
 * store_trace: tells of each op of a store, after it, with its time and result.
 *
 * Invariant: results are those of the inner store, unchanged. A listing is told once, at its end, with the
 * time spent in it.
 */
#include "core/store/store_trace.h"

#include "core/base/log.h"
#include "core/store/store_wrap.h"

struct trace {
    struct store_wrap wrap;
    store_trace_fn *fn;
    void *ctx;
};

struct trace_list {
    struct wrap_list list;
    int64_t micros;
    enum err_code code;
};

static int64_t now_us(const struct store *store)
{
    return clock_mono_us(store->clock);
}

static void tell(const struct store *store, const char *op, const char *key, enum err_code code,
                 int64_t micros)
{
    const struct trace *trace = (const struct trace *)store;

    if (trace->fn) {
        trace->fn(trace->ctx, op, key, code, micros);
    } else {
        log_msg(LOG_DEBUG, "%s %s/%s: %s after %lld us", op, store->label, key,
                code == ERR_OK ? "done" : "failed", (long long)micros);
    }
}

static enum err_code trace_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                      struct store_list **out, struct err *err)
{
    int64_t start = now_us(store);
    enum err_code code = store_wrap_list_open(store, prefix, scope, sizeof(struct trace_list), out, err);

    if (code == ERR_OK) {
        ((struct trace_list *)*out)->micros = now_us(store) - start;
    } else {
        tell(store, "list", prefix, code, now_us(store) - start);
    }
    return code;
}

static enum err_code trace_list_next(struct store_list *base, struct store_object *object, bool *more,
                                     struct err *err)
{
    struct trace_list *list = (struct trace_list *)base;
    int64_t start = now_us(base->store);

    list->code = store_wrap_list_next(base, object, more, err);
    list->micros += now_us(base->store) - start;
    return list->code;
}

static void trace_list_end(struct store_list *base)
{
    const struct trace_list *list = (const struct trace_list *)base;

    tell(base->store, "list", base->prefix, list->code, list->micros);
    store_wrap_list_end(base);
}

static enum err_code trace_stat(struct store *store, const char *key, struct store_object *out,
                                struct err *err)
{
    int64_t start = now_us(store);
    enum err_code code = store_wrap_stat(store, key, out, err);

    tell(store, "stat", key, code, now_us(store) - start);
    return code;
}

static enum err_code trace_open_read(struct store *store, const char *key, const struct store_range *range,
                                     struct store_reader **out, struct err *err)
{
    int64_t start = now_us(store);
    enum err_code code = store_wrap_open_read(store, key, range, out, err);

    tell(store, "open", key, code, now_us(store) - start);
    return code;
}

static enum err_code trace_read(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                                struct err *err)
{
    int64_t start = now_us(reader->store);
    enum err_code code = store_wrap_read(reader, dst, cap, n, err);

    tell(reader->store, "read", reader->object.key, code, now_us(reader->store) - start);
    return code;
}

static enum err_code trace_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                               enum store_condition condition, struct err *err)
{
    int64_t start = now_us(store);
    enum err_code code = store_wrap_put(store, key, body, size, condition, err);

    tell(store, "put", key, code, now_us(store) - start);
    return code;
}

static enum err_code trace_remove(struct store *store, const char *key, struct err *err)
{
    int64_t start = now_us(store);
    enum err_code code = store_wrap_remove(store, key, err);

    tell(store, "remove", key, code, now_us(store) - start);
    return code;
}

static const char *const schemes[] = {NULL};

static const struct store_type store_trace = {
    .name = "trace",
    .schemes = schemes,
    .list_begin = trace_list_begin,
    .list_next = trace_list_next,
    .list_end = trace_list_end,
    .stat = trace_stat,
    .open_read = trace_open_read,
    .read = trace_read,
    .close_read = store_wrap_close_read,
    .put = trace_put,
    .remove = trace_remove,
    .close = store_wrap_close,
};

enum err_code store_trace_wrap(struct store *inner, store_trace_fn *fn, void *ctx, struct store **out,
                               struct err *err)
{
    struct trace *trace = store_wrap_new(sizeof *trace, &store_trace, inner, err);

    *out = NULL;
    if (!trace) {
        return err->code;
    }
    trace->fn = fn;
    trace->ctx = ctx;
    *out = &trace->wrap.base;
    return ERR_OK;
}
