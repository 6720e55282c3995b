/*
 * reject: how many bad records are too many, the samples that a failed attempt keeps, and rejects loaded
 * again after a fix.
 */
#ifndef SLUICE_LOAD_REJECT_H
#define SLUICE_LOAD_REJECT_H

#include "core/load/job.h"

/* True where `rejected` of `read` records is over the limit. A share is judged only when `final`. */
bool reject_over_limit(const struct reject_limit *limit, int64_t rejected, int64_t read, bool final);

/* "5" or "1% (12 of 1,200)" for messages. */
enum { REJECT_LIMIT_TEXT_MAX = 64 };
void reject_limit_format(const struct reject_limit *limit, int64_t read, char out[REJECT_LIMIT_TEXT_MAX]);

/* Up to REC_SAMPLES_MAX rejects with copies of their bytes (1 MiB together). */
struct reject_samples {
    struct reject *rows;
    size_t n;
    struct buf raw; /* rows[i].raw is set by reject_samples_seal */
};
enum err_code reject_samples_init(struct reject_samples *samples, struct err *err) MUST_USE;
void reject_samples_add(struct reject_samples *samples, const struct reject *reject); /* silently full */
void reject_samples_seal(struct reject_samples *samples);
void reject_samples_clear(struct reject_samples *samples);
void reject_samples_release(struct reject_samples *samples);

#endif
