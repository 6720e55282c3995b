/*
 * http: a small read-only HTTP server: GET and HEAD, a body in memory, nothing kept between requests.
 *
 * It never reads a request's body, bounds connections, header sizes and times, answers any other method with
 * 405, and on loopback refuses requests that were meant for another host (a page elsewhere that points its
 * name at 127.0.0.1). Every answer forbids scripts, frames and outside resources.
 */
#ifndef SLUICE_TOOLS_HTTP_H
#define SLUICE_TOOLS_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"

enum {
    HTTP_CONNECTIONS_MAX = 64,    /* each with a thread of its own: one that waits keeps nobody waiting */
    HTTP_HEADERS_MAX = 32 * 1024, /* memory of a connection */
    HTTP_TIMEOUT_S = 10,
    HTTP_BODY_MAX = 32 * 1024 * 1024,
    HTTP_PATH_MAX = 2048,
    HTTP_URL_MAX = 128,
};

struct http_request {
    const char *path; /* percent-decoded, begins with / */
    void *connection;
};

/* The decoded value of ?name=..., NULL where it is not there. Borrowed for the request. */
const char *http_query(const struct http_request *request, const char *name);

struct http_answer {
    int status;           /* 200 before the call */
    const char *type;     /* text/html; charset=utf-8 before the call; static */
    const char *location; /* where status is a redirect; static or of the request */
    bool cacheable;       /* an hour; else not at all */
    struct buf body;
};

/* Called from the connection's thread: several at once. An error becomes a 500 with its message. */
typedef enum err_code http_handler(void *ctx, const struct http_request *request, struct http_answer *answer,
                                   struct err *err);

struct http_options {
    const char *listen; /* ADDR:PORT, [ADDR6]:PORT, localhost:PORT; port 0: any */
    bool public;        /* ADDR may be one that others can reach */
    http_handler *handler;
    void *ctx;
};

struct http;

/* USAGE where `listen` is none, or is public and may not be; DENIED or IO where it cannot be had. */
enum err_code http_start(const struct http_options *options, struct http **out, struct err *err) MUST_USE;
/* Ends when the answers that are under way are out. NULL is fine. */
void http_stop(struct http *http);

/* "http://127.0.0.1:8080/" */
const char *http_url(const struct http *http);

#endif
