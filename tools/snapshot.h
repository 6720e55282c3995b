/*
 * snapshot: what the books and the queue of one pipeline said at one moment, for page, metrics and API.
 *
 * It is made over a read-only connection, takes no claim, and is never changed once it is published: whoever
 * shows it holds a reference. What only grows (attempts, rejects) is counted on from the snapshot before.
 */
#ifndef SLUICE_TOOLS_SNAPSHOT_H
#define SLUICE_TOOLS_SNAPSHOT_H

#include <stdatomic.h>

#include "core/sink/sink.h"
#include "core/store/store.h"
#include "tools/hours.h"

enum {
    SNAPSHOT_LAST = 12,         /* loads, and failed attempts, that are shown */
    SNAPSHOT_REASONS = 64,      /* kinds of rejects that are told apart */
    SNAPSHOT_REJECT_PAGES = 50, /* read for one snapshot: the next goes on behind them */
};

/* Rejects of one error and column. */
struct reason {
    char error_name[REC_NAME_MAX + 1];
    char column[REC_COLUMN_MAX + 1];
    int64_t kept, samples; /* of loads, of failed attempts */
    hour_t hour;           /* of the last one */
    char object[REC_OBJECT_MAX + 1];
    int64_t line;
    char message[REC_COLUMN_MAX + 1];
};

/* The last rows of something, in a ring. */
struct last_load {
    int64_t id, finished_us, rows_loaded, rows_rejected, bytes, duration_ms;
    hour_t hour;
    char object[REC_OBJECT_MAX + 1];
};

struct snapshot {
    atomic_int references;
    int64_t as_of_us; /* by the clock that pages show */
    int64_t took_us;
    struct hours hours;
    struct hours_totals totals;
    struct backlog backlog;
    int64_t others;                        /* names in the queue that are none of its files */
    int64_t depth;                         /* queue files of hours that were not given up */
    hour_t oldest;                         /* the oldest of these; HOUR_MIN - 1 = none */
    struct last_load loads[SNAPSHOT_LAST]; /* newest first */
    size_t nloads;
    struct attempt attempts[SNAPSHOT_LAST]; /* newest first */
    size_t nattempts;
    struct reason reasons[SNAPSHOT_REASONS]; /* most first */
    size_t nreasons;
    int64_t other_rejects;             /* of more kinds than that */
    bool counting;                     /* more rejects are to be read */
    int64_t last_attempt, last_reject; /* ids that were read */
};

/* What to read; queue may be NULL (the place is not there). `before` may be NULL. */
struct snapshot_source {
    struct sink *sink;
    struct store *queue;
    const struct pipeline *pipeline;
    int64_t now_us;
    const struct snapshot *before;
};
enum err_code snapshot_read(const struct snapshot_source *source, struct snapshot **out,
                            struct err *err) MUST_USE;

struct snapshot *snapshot_keep(struct snapshot *snapshot);
void snapshot_drop(struct snapshot *snapshot); /* NULL is fine */

#endif
