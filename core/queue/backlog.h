/*
 * backlog: the work there is: queue files and open claims put together, one item an hour, in order of time.
 *
 * What an item may be, by file and claim:
 *   READY    it may be worked now: a file whose hour nobody has and that has not failed, or a claim that its
 *            worker left (lease over, process dead), or a retry that is due
 *   WAITING  a retry that is not due yet
 *   HELD     a worker has it
 *   FAILED   given up: only `queue retry` or a run that ends well brings it back
 *   IDLE     known to the books alone, and nothing to do (it was stopped before it began)
 */
#ifndef SLUICE_QUEUE_BACKLOG_H
#define SLUICE_QUEUE_BACKLOG_H

#include "core/sink/sink.h"
#include "core/store/store.h"

enum backlog_class { BACKLOG_READY, BACKLOG_WAITING, BACKLOG_HELD, BACKLOG_FAILED, BACKLOG_IDLE };

enum { BACKLOG_MAX = 1000000 }; /* hours: 114 years */

struct backlog_item {
    hour_t hour;
    enum backlog_class class;
    enum hour_state state; /* QUEUED where there is only a file */
    bool file;             /* it has a queue file */
    bool claimed;          /* it has an open claim */
    int attempts;
    int64_t next_try_us; /* 0 = none */
    int64_t due_in_us;   /* WAITING: until then */
};

struct backlog {
    struct backlog_item *items;
    size_t n, cap;
};

/* Reads both; queue may be NULL (there is no such place yet: no files). `other` (may be NULL) is told of
 * names that are no queue files. Release also after a failure. */
typedef void backlog_other_fn(void *ctx, const char *name);
enum err_code backlog_read(struct store *queue, struct sink *sink, backlog_other_fn *other, void *ctx,
                           struct backlog *out, struct err *err) MUST_USE;
void backlog_release(struct backlog *backlog);

/* The hour's item, or NULL. */
const struct backlog_item *backlog_find(const struct backlog *backlog, hour_t hour);

#endif
