/*
 * scripted_http: an HTTP server on loopback that answers what a test's function writes, byte for byte.
 *
 * One thread for each connection; the function is called by one at a time. Connections stay open as long as
 * the answers let them.
 */
#ifndef SLUICE_TESTS_SUPPORT_SCRIPTED_HTTP_H
#define SLUICE_TESTS_SUPPORT_SCRIPTED_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct scripted_request {
    const char *method;
    const char *target;  /* as sent: path and query */
    const char *headers; /* "name: value\n" lines, names in lower case */
    const char *body;
    size_t body_len;
    int number;     /* from 1, over all connections */
    int connection; /* from 1 */
    bool close;     /* to be set: hang up after the answer */
    bool stall;     /* to be set: after the answer say nothing until the server is stopped */
};

/* Writes the whole answer, status line and all, to `out`. */
typedef void scripted_fn(void *ctx, struct scripted_request *request, FILE *out);

struct scripted_http;
struct scripted_http *scripted_http_start(scripted_fn *fn, void *ctx);
int scripted_http_port(const struct scripted_http *server);
void scripted_http_stop(struct scripted_http *server);

/* An answer with Content-Length; `headers` are "Name: value\r\n" lines. */
void scripted_say(FILE *out, int status, const char *headers, const void *body, size_t len);

/* A copy of a request's header in out, "" where it has none. */
const char *scripted_header(const struct scripted_request *request, const char *name, char *out, size_t cap);

#endif
