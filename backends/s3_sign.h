/*
 * s3_sign: AWS Signature Version 4 as a pure function of (request, key, time), in a header or in the URL;
 * SHA-256 for whoever needs it.
 *
 * The request is given plain and unsorted: path, plain query values, headers by lower-case name. The
 * signer encodes and sorts, and gives back the very bytes to send, so that what is sent is what was signed.
 */
#ifndef SLUICE_BACKENDS_S3_SIGN_H
#define SLUICE_BACKENDS_S3_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
    SIGN_PAIRS_MAX = 16,       /* of a query, of the headers */
    SIGN_TEXT_MAX = 64 * 1024, /* a canonical request, or all header lines */
    SHA256_HEX_MAX = 65,       /* with the NUL */
    SHA256_BYTES = 32,
};

struct sign_pair {
    const char *name;
    const char *value;
};

struct sign_key {
    const char *id;
    const char *secret;
    const char *token; /* NULL = none */
};

struct sign_request {
    const char *method;
    const char *path; /* plain, from "/" on */
    struct sign_pair query[SIGN_PAIRS_MAX];
    size_t nquery;
    struct sign_pair headers[SIGN_PAIRS_MAX]; /* all are signed; "host" must be there */
    size_t nheaders;
    const char *payload_hash; /* hex, of the body; sent as x-amz-content-sha256 where the service is s3 */
    const char *region;
    const char *service;
};

struct sign_result {
    struct buf target;    /* path and query as they go over the wire: "/b/k?list-type=2" */
    struct buf headers;   /* all headers to send, "name: value\n" each, Authorization last */
    struct buf canonical; /* what was signed, for a message where two signers do not agree */
};

void sign_result_init(struct sign_result *result);
void sign_result_release(struct sign_result *result);

/* Signs with x-amz-date, x-amz-security-token and x-amz-content-sha256 added; *out is filled anew. */
enum err_code sign_v4(const struct sign_request *request, const struct sign_key *key, int64_t wall_us,
                      struct sign_result *out, struct err *err) MUST_USE;

/* Signs in the query, for whoever is to send it within `expires_s` of `wall_us`: out->target has the
 * parameters and the signature, out->headers what must be sent with it as it is (no Authorization). Up to 10
 * pairs of the query are the caller's. */
enum err_code sign_v4_url(const struct sign_request *request, const struct sign_key *key, int64_t wall_us,
                          unsigned expires_s, struct sign_result *out, struct err *err) MUST_USE;

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~ (and "/" where `slash`). */
enum err_code sign_encode(struct buf *out, const char *text, int slash, struct err *err) MUST_USE;

enum err_code sha256_hex(const void *data, size_t len, char out[SHA256_HEX_MAX], struct err *err) MUST_USE;

/* SHA-256 of bytes that come in pieces. */
struct sha256;
enum err_code sha256_new(struct sha256 **out, struct err *err) MUST_USE;
enum err_code sha256_update(struct sha256 *sha, const void *data, size_t len, struct err *err) MUST_USE;
enum err_code sha256_final(struct sha256 *sha, unsigned char out[SHA256_BYTES], struct err *err) MUST_USE;
void sha256_free(struct sha256 *sha);

#endif
