/*
 * profile: batches of rows in, one report out, in one pass and bounded memory.
 *
 * For each column an accumulator (stats) takes the values; exact tables turn into sketches (sketch) once
 * their share of the memory is full, and the report says so. Work is divided by column (and pair of columns),
 * never by row: each accumulator sees all rows in their order, so the report does not depend on the number of
 * threads.
 *
 *   profile_new -> (profile_borrow -> fill -> profile_push | profile_add)* -> profile_finish
 */
#ifndef SLUICE_PROFILE_PROFILE_H
#define SLUICE_PROFILE_PROFILE_H

#include "core/data/batch.h"
#include "core/profile/report.h"

enum { PROFILE_THREADS_MAX = 16, PROFILE_HOURS_MAX = 100000 };
#define PROFILE_MEMORY ((size_t)72 * 1024 * 1024) /* the default budget of tables and sketches */

struct profile_options {
    const struct schema *schema; /* borrowed */
    /* Index of a loaded column, -1 = none. Of more than REPORT_CLASSES values (NULL is one of them, where the
     * column may have it) the last class stands for all that come late. */
    int by;
    unsigned threads; /* 1: the caller's alone; more: accumulators work beside it */
    size_t memory;    /* 0 = PROFILE_MEMORY; at least what sketches of all columns take, 64 to 144 KiB each */
};

struct profile;

enum err_code profile_new(const struct profile_options *options, struct profile **out,
                          struct err *err) MUST_USE;
void profile_free(struct profile *profile);

/* An object begins: it counts for its hour, with or without rows. known = false: hours are not known. */
enum err_code profile_object(struct profile *profile, bool known, hour_t hour, int64_t bytes,
                             struct err *err) MUST_USE;
/* Rows [from, to) of a batch of this schema, all of one hour. Done with the batch when it returns. */
enum err_code profile_add(struct profile *profile, const struct batch *batch, size_t from, size_t to,
                          bool known, hour_t hour, struct err *err) MUST_USE;

/* The same without waiting: an empty batch of the profile's, to fill and to push. It is worked on while the
 * next is filled; one is borrowed at a time. */
enum err_code profile_borrow(struct profile *profile, struct batch **out, struct err *err) MUST_USE;
enum err_code profile_push(struct profile *profile, bool known, hour_t hour, struct err *err) MUST_USE;

/* A record of this hour that the schema refused; `example` is kept for the first of its name. */
enum err_code profile_refused(struct profile *profile, hour_t hour, enum err_name name, const char *example,
                              struct err *err) MUST_USE;

/* Adds all that `other` (same options) has seen behind what this one has, and empties it: for a load, whose
 * rows count only once they are committed. */
enum err_code profile_merge(struct profile *profile, struct profile *other, struct err *err) MUST_USE;
void profile_clear(struct profile *profile); /* forgets all rows; memory is kept */

/* pipeline, what: as in the report, copied. The profile is done with; only profile_free is legal. */
enum err_code profile_finish(struct profile *profile, const char *pipeline, const char *what,
                             const struct hour_range *range, struct report **out, struct err *err) MUST_USE;

#endif
