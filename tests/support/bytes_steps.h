/* bytes_steps: memory as a stream that comes in short reads, and may fail on the way. */
#ifndef SLUICE_TESTS_SUPPORT_BYTES_STEPS_H
#define SLUICE_TESTS_SUPPORT_BYTES_STEPS_H

#include "core/base/bytes.h"

/* Memory that comes in reads of at most `step` bytes; fails with IO at byte `fail_at` (-1: never). */
struct bytes_steps {
    struct bytes base;
    const char *data;
    size_t len, pos, step;
    long fail_at;
};
void bytes_steps_init(struct bytes_steps *s, const void *data, size_t len, size_t step);

#endif
