/*
 * watch: which hours a person should hear of: given up, late, and well again.
 *
 * An hour is late where the source has no object of it at the time that source.expect_within allows, and
 * policy.on_empty cares. Each hour is judged once; it is well again when the ledger has something of it. An
 * hour that was given up is well again when the backlog has it no more as failed. What had failed before the
 * first look is not told, only its recovery.
 */
#ifndef SLUICE_QUEUE_WATCH_H
#define SLUICE_QUEUE_WATCH_H

#include "core/load/job.h"
#include "core/queue/backlog.h"

enum {
    WATCH_MAX = 1000,    /* hours that are kept in mind, of each kind; the oldest are forgotten */
    WATCH_LATE_MAX = 24, /* hours judged in one look: each is a listing */
};

enum notice_kind { NOTICE_FAILURE, NOTICE_RECOVERY, NOTICE_LATE };
const char *notice_kind_text(enum notice_kind kind); /* "failure", "recovery", "late" */

struct notice {
    enum notice_kind kind;
    bool has_hour; /* else it is about the pipeline as a whole */
    hour_t hour;
    int attempts;
    char error_name[REC_NAME_MAX + 1]; /* "" = none */
    char error[REC_MESSAGE_MAX + 1];
};
typedef void notice_fn(void *ctx, const struct notice *notice);

struct hour_set {
    hour_t hours[WATCH_MAX]; /* in order */
    size_t n;
};

struct watch {
    struct job *job;
    const struct clock *now; /* lateness goes by it */
    notice_fn *tell;
    void *ctx;
    bool looked;
    struct hour_set failed, late;
    hour_t next; /* the first hour that was not judged */
};

/* Hours before `from` are never late. */
void watch_init(struct watch *watch, struct job *job, const struct clock *now, notice_fn *tell, void *ctx,
                hour_t from);

/* Tells what is new in the backlog, then of lateness up to hour `to`. *more: hours are left to be judged. */
enum err_code watch_look(struct watch *watch, const struct backlog *backlog, hour_t to, bool *more,
                         struct err *err) MUST_USE;

/* The hour was tried again and given up again: that is told, too. */
void watch_failed_again(struct watch *watch, hour_t hour);

/* When the next hour would be late; INT64_MAX where none can be. By the clock `now`. */
int64_t watch_due_us(const struct watch *watch);

#endif
