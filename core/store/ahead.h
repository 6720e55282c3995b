/*
 * ahead: the next objects of a list, read whole by threads beside the one that asks for them, and handed to
 * it in order.
 *
 * Where a network is in between, an object costs a round trip however few its bytes, and an hour may have
 * hundreds of them. The readers only help: an object that none of them has begun, that is larger than a
 * reader's share of the memory, or that is not as long as it was listed, is the caller's own to read, as all
 * would be without them. So a reader that gets no thread, memory or connection costs time, never an object;
 * what the store says about an object is handed on with it.
 *
 *   an object: not begun -a reader-> being read -> whole, or with its error -> taken -> given back
 *              not begun -a reader: too large, no memory, another length-> the caller's
 *              not begun -the caller asks for it-> the caller's
 */
#ifndef SLUICE_STORE_AHEAD_H
#define SLUICE_STORE_AHEAD_H

#include <stdatomic.h>

#include "core/store/store.h"

enum {
    AHEAD_READERS = 8,                         /* threads, each with its own handle on the store */
    AHEAD_BYTES = 8 * 1024 * 1024,             /* of objects begun and not yet given back */
    AHEAD_SHARE = AHEAD_BYTES / AHEAD_READERS, /* the largest object that a reader takes */
    AHEAD_OBJECTS = 64,                        /* begun and not yet taken */
};

/* The handles of the readers, kept from list to list; they are opened when first needed. */
struct ahead;

/* What to read. */
struct ahead_item {
    const char *key;
    int64_t size;         /* as listed */
    const char *if_match; /* NULL = whatever is there */
};

/* Object i of a list; what it gives stays until the object was taken. Called by readers too, any time before
 * that. */
struct ahead_list {
    void (*at)(const void *ctx, size_t i, struct ahead_item *out);
    const void *ctx;
};

/* An object that was read: its bytes, and behind them the end, or the error that the store gave. */
struct ahead_object {
    struct bytes bytes;
    struct store_object object; /* as it was at open; the key alone where it could not be opened */
    bool opened;                /* false: the error is all that there is */
};

/* `stores` is borrowed and opens handles from several threads at once. */
enum err_code ahead_new(const struct store_factory *stores, struct ahead **out, struct err *err) MUST_USE;
void ahead_free(struct ahead *ahead);

/* Begins to read the first n objects of the list, if there is more than one; what `list` points to and `stop`
 * are borrowed until ahead_end. NULL is no reader at all in all of these. */
void ahead_begin(struct ahead *ahead, const struct ahead_list *list, size_t n, const atomic_int *stop);
/* The list has n objects now, no fewer than before. */
void ahead_grow(struct ahead *ahead, size_t n);
/* Object i of the list, asked for in order from 0 on: waits until the reader that has begun it is through.
 * NULL: the caller is to read it itself. Given back before the next is asked for. */
struct ahead_object *ahead_take(struct ahead *ahead, size_t i);
void ahead_give_back(struct ahead *ahead, struct ahead_object *object); /* NULL is fine */
/* Ends the readers, in the middle too, and forgets what they have. */
void ahead_end(struct ahead *ahead);

#endif
