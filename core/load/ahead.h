/*
 * ahead: the next objects of a unit, read whole by threads beside the one that fetches, and handed to it in
 * order.
 *
 * Where a network is in between, an object costs a round trip however few its bytes, and a GROUP has hundreds
 * of them. The readers only help: an object that none of them has begun, that is larger than a reader's share
 * of the memory, or that is not as long as it was listed, is the caller's own to read, as all would be
 * without them. So a reader that gets no thread, memory or connection costs time, never an object; what the
 * store says about an object is handed on with it.
 *
 *   an object: not begun -a reader-> being read -> whole, or with its error -> taken -> given back
 *              not begun -a reader: too large, no memory, another length-> the caller's
 *              not begun -the caller asks for it-> the caller's
 */
#ifndef SLUICE_LOAD_AHEAD_H
#define SLUICE_LOAD_AHEAD_H

#include "core/load/job.h"
#include "core/load/unit.h"

enum {
    AHEAD_READERS = 8,                         /* threads, each with its own handle on the store */
    AHEAD_BYTES = 8 * 1024 * 1024,             /* of objects begun and not yet given back */
    AHEAD_SHARE = AHEAD_BYTES / AHEAD_READERS, /* the largest object that a reader takes */
    AHEAD_OBJECTS = 64,                        /* begun and not yet taken */
};

/* The handles of the readers, kept from unit to unit; they are opened when first needed. */
struct ahead;

/* An object that was read: its bytes, and behind them the end, or the error that the store gave. */
struct ahead_object {
    struct bytes bytes;
    struct store_object object; /* as it was at open; the key alone where it could not be opened */
};

/* `stores` is borrowed and opens handles from several threads at once. */
enum err_code ahead_new(const struct store_factory *stores, struct ahead **out, struct err *err) MUST_USE;
void ahead_free(struct ahead *ahead);

/* Begins to read the unit's objects, if it has more than one; `unit` and `stop` are borrowed until ahead_end.
 * NULL is no reader at all in these three. */
void ahead_begin(struct ahead *ahead, const struct unit *unit, const atomic_int *stop);
/* Object i of the unit, asked for in order from 0 on: waits until the reader that has begun it is through.
 * NULL: the caller is to read it itself. Given back before the next is asked for. */
struct ahead_object *ahead_take(struct ahead *ahead, size_t i);
void ahead_give_back(struct ahead *ahead, struct ahead_object *object); /* NULL is fine */
/* Ends the readers, in the middle too, and forgets what they have. */
void ahead_end(struct ahead *ahead);

#endif
