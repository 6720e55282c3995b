/*
 * store_wrap: hands each op of a wrapping store on to the store inside.
 *
 * Invariants: the inner store is reached through the checked store_*() functions only; the wrapper owns it,
 * and each cursor and reader owns its inner one.
 */
#include "core/store/store_wrap.h"

#include "core/base/mem.h"

static struct store *inner_of(struct store *store)
{
    return ((struct store_wrap *)store)->inner;
}

void *store_wrap_new(size_t size, const struct store_type *type, struct store *inner, struct err *err)
{
    struct store_wrap *wrap = mem_calloc(1, size);

    if (wrap) {
        wrap->base = (struct store){
            .type = type, .clock = inner->clock, .caps = inner->caps, .label = mem_strdup(inner->label)};
        wrap->inner = inner;
    }
    if (!wrap || !wrap->base.label) {
        mem_free(wrap);
        err_nomem(err);
        return NULL;
    }
    return wrap;
}

enum err_code store_wrap_list_open(struct store *store, const char *prefix, enum store_scope scope,
                                   size_t size, struct store_list **out, struct err *err)
{
    struct wrap_list *list = mem_calloc(1, size);

    if (!list) {
        return err_nomem(err);
    }
    if (store_list_begin(inner_of(store), prefix, scope, &list->inner, err) != ERR_OK) {
        mem_free(list);
        return err->code;
    }
    *out = &list->base;
    return ERR_OK;
}

enum err_code store_wrap_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                    struct store_list **out, struct err *err)
{
    return store_wrap_list_open(store, prefix, scope, sizeof(struct wrap_list), out, err);
}

enum err_code store_wrap_list_next(struct store_list *list, struct store_object *object, bool *more,
                                   struct err *err)
{
    return store_list_next(((struct wrap_list *)list)->inner, object, more, err);
}

void store_wrap_list_end(struct store_list *list)
{
    store_list_end(((struct wrap_list *)list)->inner);
    mem_free(list);
}

enum err_code store_wrap_stat(struct store *store, const char *key, struct store_object *out, struct err *err)
{
    return store_stat(inner_of(store), key, out, err);
}

enum err_code store_wrap_open_read(struct store *store, const char *key, const struct store_range *range,
                                   struct store_reader **out, struct err *err)
{
    struct wrap_reader *reader = mem_calloc(1, sizeof *reader);

    if (!reader) {
        return err_nomem(err);
    }
    if (store_open_read(inner_of(store), key, range, &reader->inner, err) != ERR_OK) {
        mem_free(reader);
        return err->code;
    }
    reader->base.object = reader->inner->object;
    reader->base.expected = reader->inner->expected;
    *out = &reader->base;
    return ERR_OK;
}

enum err_code store_wrap_read(struct store_reader *reader, void *dst, size_t cap, size_t *n, struct err *err)
{
    return store_read(((struct wrap_reader *)reader)->inner, dst, cap, n, err);
}

void store_wrap_close_read(struct store_reader *reader)
{
    store_close_read(((struct wrap_reader *)reader)->inner);
    mem_free(reader);
}

enum err_code store_wrap_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                             enum store_condition condition, struct err *err)
{
    return store_put(inner_of(store), key, body, size, condition, err);
}

enum err_code store_wrap_remove(struct store *store, const char *key, struct err *err)
{
    return store_remove(inner_of(store), key, err);
}

void store_wrap_close(struct store *store)
{
    store_close(inner_of(store));
    mem_free(store->label);
    mem_free(store);
}
