/* store_hook: see store_hook.h. What struct store_wrap does not hand on here (put, remove) goes uncounted. */
#include "tests/support/store_hook.h"

#include <string.h>

#include "core/store/store_wrap.h"

struct hooked {
    struct store_wrap wrap;
    struct store_hook *hook;
};

static const char *const OPS[] = {"list", "next", "stat", "open", "read", "any"};

const char *store_op_text(enum store_op op)
{
    return OPS[op];
}

void store_hook_init(struct store_hook *hook)
{
    memset(hook, 0, sizeof *hook);
    pthread_mutex_init(&hook->lock, NULL);
}

void store_hook_release(struct store_hook *hook)
{
    pthread_mutex_destroy(&hook->lock);
}

/* Counts the call; true where it is the one. */
static bool counts(struct store *store, enum store_op op)
{
    struct store_hook *h = ((struct hooked *)store)->hook;
    pthread_mutex_lock(&h->lock);
    h->calls[op]++;
    h->calls[STORE_OP_ANY]++;
    int64_t at = h->calls[h->op];
    bool hit = h->nth && (h->op == op || h->op == STORE_OP_ANY) &&
               (at == h->nth || (h->onwards && at > h->nth && (!h->lasts || h->lasts(h->ctx))));
    h->fired += hit;
    pthread_mutex_unlock(&h->lock);
    return hit;
}

static enum err_code fire(struct store *store, bool hit, bool after, enum store_op op, struct err *err)
{
    const struct store_hook *h = ((struct hooked *)store)->hook;
    if (!hit || h->after != after)
        return ERR_OK;
    if (h->hook)
        h->hook(h->ctx);
    return h->error == ERRN_NONE ? ERR_OK
                                 : err_set(err, h->error, "%s: made to fail at %s %lld", store->label,
                                           OPS[op], (long long)h->nth);
}

static enum err_code list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                struct store_list **out, struct err *err)
{
    bool hit = counts(store, STORE_OP_LIST);
    if (fire(store, hit, false, STORE_OP_LIST, err) != ERR_OK ||
        store_wrap_list_begin(store, prefix, scope, out, err) != ERR_OK)
        return err->code;
    if (fire(store, hit, true, STORE_OP_LIST, err) != ERR_OK) {
        store_wrap_list_end(*out);
        *out = NULL;
    }
    return err->code;
}

static enum err_code list_next(struct store_list *list, struct store_object *object, bool *more,
                               struct err *err)
{
    bool hit = counts(list->store, STORE_OP_NEXT);
    if (fire(list->store, hit, false, STORE_OP_NEXT, err) != ERR_OK ||
        store_wrap_list_next(list, object, more, err) != ERR_OK)
        return err->code;
    return fire(list->store, hit, true, STORE_OP_NEXT, err);
}

static enum err_code stat_one(struct store *store, const char *key, struct store_object *out, struct err *err)
{
    bool hit = counts(store, STORE_OP_STAT);
    if (fire(store, hit, false, STORE_OP_STAT, err) != ERR_OK ||
        store_wrap_stat(store, key, out, err) != ERR_OK)
        return err->code;
    return fire(store, hit, true, STORE_OP_STAT, err);
}

static enum err_code open_read(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    bool hit = counts(store, STORE_OP_OPEN);
    if (fire(store, hit, false, STORE_OP_OPEN, err) != ERR_OK ||
        store_wrap_open_read(store, key, range, out, err) != ERR_OK)
        return err->code;
    if (fire(store, hit, true, STORE_OP_OPEN, err) != ERR_OK) {
        store_wrap_close_read(*out);
        *out = NULL;
    }
    return err->code;
}

static enum err_code read_some(struct store_reader *reader, void *dst, size_t cap, size_t *n, struct err *err)
{
    bool hit = counts(reader->store, STORE_OP_READ);
    if (fire(reader->store, hit, false, STORE_OP_READ, err) != ERR_OK ||
        store_wrap_read(reader, dst, cap, n, err) != ERR_OK)
        return err->code;
    return fire(reader->store, hit, true, STORE_OP_READ, err);
}

static const char *const SCHEMES[] = {NULL};

static const struct store_type STORE_HOOK = {
    .name = "hook",
    .schemes = SCHEMES,
    .list_begin = list_begin,
    .list_next = list_next,
    .list_end = store_wrap_list_end,
    .stat = stat_one,
    .open_read = open_read,
    .read = read_some,
    .close_read = store_wrap_close_read,
    .put = store_wrap_put,
    .remove = store_wrap_remove,
    .close = store_wrap_close,
};

struct store *store_hook_new(struct store_hook *hook, struct store *inner)
{
    struct err err = ERR_INIT;
    struct hooked *s = store_wrap_new(sizeof *s, &STORE_HOOK, inner, &err);
    if (!s) {
        store_close(inner);
        return NULL;
    }
    s->hook = hook;
    return &s->wrap.base;
}
