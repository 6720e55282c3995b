/*
 * s3_http: HTTP requests over a pool of connections: an answer whole, or its body as a stream to pull from.
 *
 * A client and its streams are used by one thread at a time; several streams may be open on one client. No
 * redirect is ever followed, TLS is verified, and only the scheme that the URL has is spoken.
 */
#ifndef SLUICE_BACKENDS_S3_HTTP_H
#define SLUICE_BACKENDS_S3_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
    HTTP_HEAD_MAX = 64 * 1024,       /* all header lines of an answer */
    HTTP_BODY_MAX = 8 * 1024 * 1024, /* a body that is taken whole: a list of 1,000 keys of 3 KiB fits */
    HTTP_CONNECT_MS = 8000,          /* TLS included */
    HTTP_SILENCE_S = 30,             /* so long may a server send nothing */
};

struct http;
struct http_stream;

struct http_options {
    const char *tls_ca; /* file with the certificates to trust; NULL = the system's */
    long connect_ms;    /* 0 = HTTP_CONNECT_MS */
    long silence_s;     /* 0 = HTTP_SILENCE_S */
    bool direct;        /* past any proxy */
};

struct http_request {
    const char *method;
    const char *url;
    const char *headers; /* "name: value\n" lines */
    const void *body;    /* NULL = none; borrowed until http_end */
    size_t body_len;
    long silence_s; /* in place of the client's; 0 = that */
};

struct http_answer {
    int status;
    struct buf head; /* "name: value\n" lines, names in lower case */
    struct buf body;
};

enum err_code http_open(const struct http_options *options, struct http **out, struct err *err) MUST_USE;
void http_close(struct http *http);

void http_answer_init(struct http_answer *answer);
void http_answer_release(struct http_answer *answer);

/* The value of a header in *out (a copy, cut to cap); false where the answer has none. */
bool http_header(const struct http_answer *answer, const char *name, char *out, size_t cap);
/* A header that is a whole number of 0 or more; -1 where it is none. */
int64_t http_header_number(const struct http_answer *answer, const char *name);
/* A date as HTTP writes it, in microseconds; -1 where it is none. */
int64_t http_date_us(const char *text);

/* Sends and takes the answer's head; the body is to be pulled. Any status is ERR_OK here. Unreachable:
 * STORE_UNREACHABLE, by time-out with native ETIMEDOUT; a certificate that is not trusted: CONFIG. */
enum err_code http_begin(struct http *http, const struct http_request *request, struct http_answer *answer,
                         struct http_stream **out, struct err *err) MUST_USE;
/* Up to cap bytes; *n = 0 at the end. A body that ends early is STORE_TRUNCATED. */
enum err_code http_pull(struct http_stream *stream, void *dst, size_t cap, size_t *n,
                        struct err *err) MUST_USE;
void http_end(struct http_stream *stream);

/* The rest of a body into answer->body. */
enum err_code http_slurp(struct http_stream *stream, struct http_answer *answer, struct err *err) MUST_USE;

/* Sends and takes the whole answer. */
enum err_code http_call(struct http *http, const struct http_request *request, struct http_answer *answer,
                        struct err *err) MUST_USE;

#endif
