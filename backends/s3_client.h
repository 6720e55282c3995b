/*
 * s3_client: one bucket at one endpoint: requests signed and sent, answers judged.
 *
 * What is put right on the way, each once for a request: the region, where the server names another; the
 * clock, where the server's differs by minutes; a key that has expired. Everything else becomes an error that
 * names the object and says what to do.
 */
#ifndef SLUICE_BACKENDS_S3_CLIENT_H
#define SLUICE_BACKENDS_S3_CLIENT_H

#include <stdbool.h>

#include "backends/aws_creds.h"
#include "backends/s3_http.h"
#include "backends/s3_sign.h"
#include "core/base/clock.h"
#include "core/base/url.h"

struct s3 {
    const struct clock *clock;
    struct http *http;
    struct aws_creds *creds;
    char *bucket;
    char *root;     /* what stands before every key: "" or "prefix/" */
    char *label;    /* "s3://bucket/prefix", with the scheme of the URL */
    char *endpoint; /* "127.0.0.1:9000", as in Host; NULL = AWS's, by region */
    bool tls;
    bool path_style;
    char region[AWS_REGION_MAX];
    long first_s;          /* so long the first answer may take; 0 = as long as any */
    int64_t skew_us;       /* the server's clock less ours */
    int64_t not_before_us; /* monotonic: the server asked us to wait so long */
};

struct s3_op {
    const char *method;
    const char *key;   /* in the store, without root; NULL = the bucket itself */
    const char *right; /* what a refusal lacks: "s3:GetObject" */
    struct sign_pair query[SIGN_PAIRS_MAX];
    size_t nquery;
    struct sign_pair headers[SIGN_PAIRS_MAX];
    size_t nheaders;
    const void *body;
    size_t body_len;
    long silence_s; /* see struct http_request */
    bool xml;       /* the answer is a document, which may be an error under status 200 */
};

/* Opens what the URL names; sends nothing. `base_dir` is where a relative tls-ca starts. */
enum err_code s3_open(const struct url *url, const char *base_dir, const struct clock *clock, struct s3 **out,
                      struct err *err) MUST_USE;
void s3_close(struct s3 *s3);

/* Sends; a status of 2xx leaves the body to be pulled from *out, any other is an error. */
enum err_code s3_begin(struct s3 *s3, const struct s3_op *op, struct http_answer *answer,
                       struct http_stream **out, struct err *err) MUST_USE;
/* Sends and takes the whole answer. */
enum err_code s3_call(struct s3 *s3, const struct s3_op *op, struct http_answer *answer,
                      struct err *err) MUST_USE;

/* After a failed attempt at something that only the backend can try again (a page, a part): waits, clears
 * *err and says true where another attempt may follow. *attempt starts from 0. */
bool s3_again(struct s3 *s3, unsigned *attempt, struct err *err);

/* "s3://bucket/prefix/key: " before the message. */
enum err_code s3_context(const struct s3 *s3, const char *key, struct err *err);

#endif
