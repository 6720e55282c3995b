/*
 * store_wrap: what stores around a store have in common: each op handed on to the inner one.
 *
 * A wrapper embeds `struct store_wrap` first and puts its own ops before these in its type; a type of
 * wrappers has no `open` and no schemes.
 */
#ifndef SLUICE_STORE_STORE_WRAP_H
#define SLUICE_STORE_STORE_WRAP_H

#include "core/store/store.h"

struct store_wrap {
    struct store base;
    struct store *inner;
};

struct wrap_list {
    struct store_list base;
    struct store_list *inner;
};

struct wrap_reader {
    struct store_reader base;
    struct store_reader *inner; /* may be NULL */
};

/* A zeroed wrapper of `size` bytes around `inner`, with its clock, caps and label; NULL when memory is out.
 */
void *store_wrap_new(size_t size, const struct store_type *type, struct store *inner,
                     struct err *err) MUST_USE;

/* The same as the op list_begin, for a cursor of `size` bytes that embeds struct wrap_list. */
enum err_code store_wrap_list_open(struct store *store, const char *prefix, enum store_scope scope,
                                   size_t size, struct store_list **out, struct err *err) MUST_USE;

enum err_code store_wrap_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                    struct store_list **out, struct err *err) MUST_USE;
enum err_code store_wrap_list_next(struct store_list *list, struct store_object *object, bool *more,
                                   struct err *err) MUST_USE;
void store_wrap_list_end(struct store_list *list);
enum err_code store_wrap_stat(struct store *store, const char *key, struct store_object *out,
                              struct err *err) MUST_USE;
enum err_code store_wrap_open_read(struct store *store, const char *key, const struct store_range *range,
                                   struct store_reader **out, struct err *err) MUST_USE;
enum err_code store_wrap_read(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                              struct err *err) MUST_USE;
void store_wrap_close_read(struct store_reader *reader);
enum err_code store_wrap_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                             enum store_condition condition, struct err *err) MUST_USE;
enum err_code store_wrap_remove(struct store *store, const char *key, struct err *err) MUST_USE;
void store_wrap_close(struct store *store);

#endif
