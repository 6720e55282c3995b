/*
 * libs3_client: one bucket at one endpoint, reached through the library libs3 as Debian packages it (2.0).
 *
 * A request is begun, handed to the library with the call's path, and ended:
 *
 *     if (libs3_begin(libs3, key, "s3:GetObject", &call, err) == ERR_OK) {
 *         S3_head_object(&libs3->bucket, call.path, libs3->context, &libs3_response, &call);
 *         (void)!libs3_end(&call, err);
 *     }
 *
 * A client is used by one thread at a time; several may be open.
 */
#ifndef SLUICE_BACKENDS_LIBS3_CLIENT_H
#define SLUICE_BACKENDS_LIBS3_CLIENT_H

#include <libs3.h>
#include <stdbool.h>

#include "backends/s3_client.h"
#include "core/store/store.h"

enum {
    LIBS3_SAID_MAX = 256,
    LIBS3_SILENCE_MS = 15000, /* what the library itself allows a transfer; so the most, too */
};

struct libs3 {
    struct s3 *s3;             /* bucket, root, label, endpoint, credentials: it sends nothing itself */
    S3RequestContext *context; /* keeps the connections; NULL until the next request */
    S3BucketContext bucket;    /* its keys are those of the last libs3_begin */
    int64_t silence_ms;        /* so long may a server do nothing */
};

/* One request. What a caller's callbacks need stands behind it, in a struct of which it is the first member.
 */
struct libs3_call {
    struct libs3 *libs3;
    const char *key;   /* in the store, without root; NULL = the bucket itself */
    const char *right; /* what a refusal lacks: "s3:GetObject" */
    char path[STORE_KEY_MAX + 1];
    unsigned long moves; /* callbacks so far, each a sign of life */
    bool done, silent;
    S3Status status;
    char said[LIBS3_SAID_MAX]; /* the server's words, one line */
    struct err err; /* what a callback found wrong before it said S3StatusAbortedByCallback: it wins */
    /* The head of an answer of 2xx. */
    bool headed;
    int64_t length; /* 0 also where the server does not say */
    int64_t mtime_us;
    char etag[STORE_ETAG_MAX + 3]; /* as the server wrote it; "" = none */
};

/* Opens what the URL names; sends nothing. UNSUPPORTED for what libs3 cannot do: AWS, TLS, session tokens. */
enum err_code libs3_open(const struct url *url, const char *base_dir, const struct clock *clock,
                         struct libs3 **out, struct err *err) MUST_USE;
void libs3_close(struct libs3 *libs3);

/* Makes ready for a request. UNSUPPORTED where the key is one that libs3 would send as another. */
enum err_code libs3_begin(struct libs3 *libs3, const char *key, const char *right, struct libs3_call *call,
                          struct err *err) MUST_USE;
/* Waits for its end; the error names the object and says what to do. call->status stays to be looked at. */
enum err_code libs3_end(struct libs3_call *call, struct err *err) MUST_USE;

/* The callbacks that every request has: they fill the call. */
extern const S3ResponseHandler libs3_response;

/* An error for a status that is not OK (libs3_status.c). */
enum err_code libs3_say(const struct libs3_call *call, struct err *err);
/* True where the server itself refused: it did nothing. */
bool libs3_refused(S3Status status);

#endif
