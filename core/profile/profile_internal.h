/* profile_internal: what the files behind profile.h (profile*.c, finish*.c) share. No other file includes it.
 */
#ifndef SLUICE_PROFILE_PROFILE_INTERNAL_H
#define SLUICE_PROFILE_PROFILE_INTERNAL_H

#include "core/base/task.h"
#include "core/profile/correlate.h"
#include "core/profile/hours.h"
#include "core/profile/profile.h"
#include "core/profile/stats.h"

enum {
    PROFILE_BATCH_ROWS = 16384, /* at most; less where they would take more than so many bytes */
    PROFILE_BATCH_ROWS_MIN = 256,
    PROFILE_BATCH_BYTES = 4 * 1024 * 1024,
    PROFILE_BATCH_TEXT = 1024 * 1024,
    PROFILE_EPOCH_MIN = 256,
    PROFILE_EPOCH_MAX = 16384,
    PROFILE_ROW_BYTES = 64, /* that a new value may take in a table, about */
};

/* A value of the column of --by. */
struct class
{
    bool null, other;
    uint64_t bits;
    char *text; /* of columns kept as text */
    size_t len;
    int64_t rows;
    struct stats *stats; /* one for each column */
};

struct refusals {
    struct report_refusal *at;
    size_t n;
};

/* The batch in work, and how far it is. */
struct profile_job {
    const struct batch *batch; /* NULL: its NULLs are booked */
    size_t from, to;           /* what is left, the segment in hand with it */
    size_t segment_to;         /* end of the segment in hand */
    size_t next, done;         /* units given out, units that are ready */
    bool busy;
    bool known;
    hour_t hour;
};

struct profile {
    struct profile_options options;
    size_t ncolumns;
    size_t memory, width;
    struct class classes[REPORT_CLASSES]; /* without --by, one */
    int nclasses, value_classes_max;
    int nbegun;        /* the first so many classes have been granted memory */
    uint8_t *class_of; /* of each row of the batch in work */
    struct correlate *correlate;
    size_t *correlated;
    size_t ncorrelated;
    struct hours hours;
    bool hours_unknown;
    struct refusals refusals;
    int64_t rows, refused, objects, bytes;
    char **head;
    size_t head_rows;
    struct batch *batches[2];
    int filling;
    /* under the monitor, where there are tasks */
    struct monitor *monitor;
    struct task *tasks[PROFILE_THREADS_MAX];
    unsigned ntasks;
    bool quit;
    struct profile_job job;
    int64_t *job_nulls;  /* of each column, in the batch in work */
    uint64_t epoch;      /* rows between two decisions on who may grow: a power of two */
    uint64_t epoch_rows; /* worked on since the beginning */
    struct err failed;
};

/* profile_classes.c */
enum err_code profile_classes_first(struct profile *profile, struct err *err) MUST_USE;
/* Fills class_of for rows [from, to). */
enum err_code profile_classify(struct profile *profile, const struct batch *batch, size_t from, size_t to,
                               struct err *err) MUST_USE;
enum err_code profile_classes_merge(struct profile *profile, struct profile *other, struct err *err) MUST_USE;
void profile_classes_release(struct profile *profile);
/* At most REPORT_TEXT_MAX bytes of UTF-8, the rest as an ellipsis; NULL without memory. */
char *profile_cut_text(const char *text, size_t len) MUST_USE;
/* The canonical text of a value by its bits; of columns that are not kept as varchar or text. */
void profile_value_text(const struct type *type, uint64_t bits, char out[REPORT_TEXT_MAX + 1]);

/* profile_work.c */
size_t profile_held(const struct profile *profile); /* bytes, by all accumulators */
void profile_grant(struct profile *profile);        /* says who may grow how far; nobody works */
enum err_code profile_work_start(struct profile *profile, struct err *err) MUST_USE;
void profile_work_stop(struct profile *profile);
void profile_work_begin(struct profile *profile, const struct batch *batch, size_t from, size_t to,
                        bool known, hour_t hour);
/* Helps until nothing is in work; then books the NULLs of the batch. */
enum err_code profile_work_wait(struct profile *profile, struct err *err) MUST_USE;

#endif
