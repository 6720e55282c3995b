/*
 * libs3_put: an object written in one request, as libs3 2.0 has no other.
 */
#ifndef SLUICE_BACKENDS_LIBS3_PUT_H
#define SLUICE_BACKENDS_LIBS3_PUT_H

#include "backends/libs3_client.h"
#include "core/base/bytes.h"

enum {
    LIBS3_PUT_KEPT = 8 * 1024 * 1024
}; /* a body up to here is kept, and sent again after a failure in passing */

static const int64_t LIBS3_PUT_MAX = INT64_C(5) * 1024 * 1024 * 1024; /* S3's limit for one request */

/* Writes exactly `size` bytes of body; on failure nothing of it stays. */
enum err_code libs3_put(struct libs3 *libs3, const char *key, struct bytes *body, int64_t size,
                        struct err *err) MUST_USE;

#endif
