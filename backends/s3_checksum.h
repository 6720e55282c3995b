/*
 * s3_checksum: the checksum that a server sends with an object, compared with the bytes that came.
 *
 * Known: crc64nvme, crc32c, crc32, sha256 (x-amz-checksum-NAME, base64). Those of an object's parts ("...-3")
 * say nothing about the whole, and others are passed over: then there is nothing to compare.
 */
#ifndef SLUICE_BACKENDS_S3_CHECKSUM_H
#define SLUICE_BACKENDS_S3_CHECKSUM_H

#include <stddef.h>

#include "backends/s3_http.h"

struct checksum;

/* *out is NULL where the answer has no checksum of the whole object that is known here. */
enum err_code checksum_new(const struct http_answer *answer, struct checksum **out, struct err *err) MUST_USE;
enum err_code checksum_update(struct checksum *sum, const void *data, size_t len, struct err *err) MUST_USE;
/* After the last byte: STORE_CHECKSUM where the two differ. */
enum err_code checksum_verify(struct checksum *sum, struct err *err) MUST_USE;
void checksum_free(struct checksum *sum);

#endif
