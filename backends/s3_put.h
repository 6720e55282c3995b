/*
 * s3_put: an object written in one request, or in parts above S3_PART_BYTES.
 *
 * Each request's body is in memory, hashed and signed: so the server checks it, also without TLS, and a
 * request that failed in passing is sent again, which nobody else can do once the body was read.
 */
#ifndef SLUICE_BACKENDS_S3_PUT_H
#define SLUICE_BACKENDS_S3_PUT_H

#include "backends/s3_client.h"
#include "core/base/bytes.h"

enum { S3_PART_BYTES = 16 * 1024 * 1024, S3_PARTS_MAX = 10000 };

/* Writes exactly `size` bytes of body; on failure nothing of it stays. */
enum err_code s3_put(struct s3 *s3, const char *key, struct bytes *body, int64_t size,
                     struct err *err) MUST_USE;

#endif
