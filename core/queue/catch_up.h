/*
 * catch_up: the hours that a service owes the queue: those since the last time it queued some, however long
 * that was.
 *
 * In a running service these are the hours since its last tick. At its start they are told from what queue
 * and claims know: of the last CATCH_UP_HOURS those that neither knows, from the oldest that one of them
 * knows on (an hour that somebody queued by hand meanwhile hides none before it). After a longer rest, hours
 * further back get a file only where the source has something that the ledger lacks, so that years of nothing
 * make no file for each hour. A pipeline of which nothing is known begins with the newest hour: what was
 * before is for `enqueue --missing` to ask for.
 *
 * Hours of queue.lookback before the first one owed are looked through for late objects, as if each tick had
 * come in its time.
 */
#ifndef SLUICE_QUEUE_CATCH_UP_H
#define SLUICE_QUEUE_CATCH_UP_H

#include "core/queue/enqueue.h"

enum { CATCH_UP_HOURS = 31 * 24 };

/* At the start, for a tick at at_us. *next is the first hour that is not queued yet, *first the oldest that
 * was owed (or the newest hour, where none was). May be repeated whole after a failure. */
enum err_code catch_up_start(const struct enqueue *e, int64_t at_us, hour_t *first, hour_t *next,
                             struct err *err) MUST_USE;

/* A tick at at_us: all hours from *next on, which moves behind the newest. */
enum err_code catch_up_tick(const struct enqueue *e, int64_t at_us, hour_t *next, struct err *err) MUST_USE;

#endif
