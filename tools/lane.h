/*
 * lane: one pipeline in `serve`: its app, its service, what it has done since the start, and the last
 * snapshot of its books.
 *
 * Three kinds of threads meet here. One of the pool makes a step (lane_step; never two at once), one
 * refreshes the snapshot over a connection of its own (lane_refresh), and those of the server look
 * (lane_look). Counters are atomic; everything else that is shared is behind the lane's lock, and nothing
 * slow is done under it.
 */
#ifndef SLUICE_TOOLS_LANE_H
#define SLUICE_TOOLS_LANE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/queue/service.h"
#include "tools/app.h"
#include "tools/notify.h"
#include "tools/snapshot.h"

enum {
    LANE_REFRESH_MS = 2000,  /* a snapshot that somebody looks at is no older, where reading it is quick */
    LANE_IDLE_MS = 15000,    /* one that nobody looks at */
    LANE_REFRESH_SHARE = 20, /* reading takes at most a 20th of the time */
    LANE_STALE_MS = 120000,  /* books that could not be read for so long: not ready */
    LANE_ERRORS_LOGGED = 5,  /* objects of one hour whose errors are logged */
    LANE_BUCKETS = 12,
};

/* Of seconds; each bucket counts what is not above its bound, the last everything. */
extern const double lane_bounds[LANE_BUCKETS - 1];
struct histogram {
    atomic_llong buckets[LANE_BUCKETS]; /* each for itself, not cumulated */
    atomic_llong sum_us;
};

/* Since the start of the process. */
struct lane_counters {
    atomic_llong rows_read, rows_loaded, rows_rejected, bytes;
    atomic_llong objects[OBJECT_FAILED + 1];
    atomic_llong hours[HOUR_EMPTY + 1]; /* as which they were given back */
    atomic_llong queued, troubles;
    struct histogram load_seconds;    /* of an hour at work */
    struct histogram latency_seconds; /* from an hour's end until it is loaded */
};

struct lane {
    struct app *app; /* borrowed */
    const char *file;
    struct notifier *notifier; /* may be NULL */
    struct service *service;
    char *place; /* of the target: lanes with the same one go one at a time where it takes one writer */
    struct lane_counters counters;
    atomic_bool changed, looked_at; /* since the last snapshot */
    int errors_logged;              /* of the hour at work; the pool's thread alone */
    int64_t logged_us;              /* monotonic: trouble was logged */

    pthread_mutex_t lock;
    bool one_writer; /* as far as is known */
    bool connected, working;
    hour_t hour; /* at work */
    int64_t began_us;
    int64_t objects_base, bytes_base, objects_total_base, bytes_total_base;
    struct err trouble; /* the service's; code OK: none */
    int64_t trouble_since_us, again_us;
    struct err books; /* why they could not be read */
    int64_t books_since_us;
    int64_t last_done_us; /* an hour went well here */
    int64_t next_work_us; /* when the queue is worked again; 0 = not known */
    struct snapshot *snapshot;

    int64_t refreshed_us, refresh_took_us; /* monotonic; the refreshing thread alone */
};

/* The app has its pipeline; CONFIG where it has no queue. */
enum err_code lane_init(struct lane *lane, struct app *app, struct notifier *notifier,
                        struct err *err) MUST_USE;
void lane_release(struct lane *lane);

/* What the pool does: as service_step. */
enum err_code lane_step(struct lane *lane, int64_t *wait_us, struct err *err) MUST_USE;

/* Reads the books where that is due; true where it did. */
bool lane_refresh(struct lane *lane);

/* A look at one moment; snapshot is NULL before the first. Ends with lane_look_end. */
struct lane_look {
    const struct pipeline *pipeline;
    const char *file;
    struct snapshot *snapshot;
    int64_t now_us; /* by the clock of pages */
    bool connected, working;
    hour_t hour;
    int64_t began_us, objects_done, objects_total, bytes_done, bytes_total;
    struct err trouble, books;
    int64_t trouble_since_us, again_us, books_since_us;
    int64_t last_success_us, next_work_us;
    bool ready;
};
void lane_look(struct lane *lane, struct lane_look *out);
void lane_look_end(struct lane_look *look);

/* "sluice COMMAND -c FILE [-e ENV] [--hour H]": what a person may type. has_hour = false: without. */
enum { LANE_COMMAND_MAX = 1024 };
void lane_command(const struct lane_look *look, const char *command, bool has_hour, hour_t hour,
                  char out[LANE_COMMAND_MAX]);

/* The command that deals with an error of this name, for an hour (has_hour) or the pipeline. */
const char *lane_cure(const char *error_name, bool has_hour);

#endif
