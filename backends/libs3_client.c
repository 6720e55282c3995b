/*
 * libs3_client: requests through libs3, each with a bounded wait.
 *
 * What libs3 2.0 is, as its source says and tests show, and what is done about it:
 * - It signs by version 2, without region and session token: AWS and temporary credentials are refused here.
 * - It does not verify certificates and cannot be told to: https is refused.
 * - It follows redirects and cannot be told not to (libcurl leaves the signature out for another host).
 * - It writes a space in a key as "+", which servers other than AWS take for a plus: such keys are refused.
 * - It ends a transfer below 1 KiB/s after 15 s, but waits minutes for a connection: every request runs in a
 *   request context, pushed on from here, and is given up after silence_ms without a callback.
 * - It takes an answer that broke off for a whole one: lengths are compared by whoever asked.
 *
 * States of a call: BEGUN --callbacks--> DONE, by the answer's end | given up (the context is destroyed,
 * which makes libs3 call back a last time, and the next request gets a new one).
 */
#include "backends/libs3_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/select.h>

#include "core/base/hour.h"
#include "core/base/mem.h"

enum { WAIT_MAX_MS = 1000, WAIT_UNCONNECTED_MS = 20, US_PER_MS = 1000 };

static const char *const params[] = {"endpoint", "profile", "timeout", NULL};

/* The library counts its users, but not under a lock. */
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;

static enum err_code check_params(const struct url *url, struct err *err)
{
    for (int i = 0; i < url->nparams; i++) {
        int k = 0;

        while (params[k] && strcmp(params[k], url->params[i].name) != 0) {
            k++;
        }
        if (!params[k]) {
            return err_set(err, ERRN_CONFIG,
                           "the URL has an unknown parameter \"%s\"; there are endpoint, profile and timeout "
                           "(region, path-style and tls-ca are for s3://)",
                           url->params[i].name);
        }
    }
    return ERR_OK;
}

static enum err_code set_silence(struct libs3 *libs3, const struct url *url, struct err *err)
{
    const char *timeout = url_param(url, "timeout");

    libs3->silence_ms = LIBS3_SILENCE_MS;
    if (timeout && (duration_parse(timeout, &libs3->silence_ms, err) != ERR_OK || libs3->silence_ms < 1000 ||
                    libs3->silence_ms > LIBS3_SILENCE_MS)) {
        err_clear(err);
        return err_set(err, ERRN_CONFIG,
                       "timeout is a duration from 1s to %ds, which is all that libs3 waits, not \"%s\"",
                       LIBS3_SILENCE_MS / 1000, timeout);
    }
    return ERR_OK;
}

static bool is_aws(const char *endpoint)
{
    static const char *const domains[] = {"amazonaws.com", "amazonaws.com.cn", "api.aws"};
    size_t len = strcspn(endpoint, ":");

    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        size_t n = strlen(domains[i]);

        if (len >= n && strncasecmp(endpoint + len - n, domains[i], n) == 0 &&
            (len == n || endpoint[len - n - 1] == '.')) {
            return true;
        }
    }
    return false;
}

static enum err_code check_endpoint(const struct s3 *s3, struct err *err)
{
    if (!s3->endpoint) {
        return err_set(err, ERRN_UNSUPPORTED,
                       "no endpoint is given, which would be AWS, where libs3 does not work: add "
                       "?endpoint=http://HOST:PORT, or use s3://");
    }
    if (is_aws(s3->endpoint)) {
        return err_set(err, ERRN_UNSUPPORTED, "%s is AWS, where libs3 does not work: use s3://",
                       s3->endpoint);
    }
    if (s3->tls) {
        return err_set(err, ERRN_UNSUPPORTED,
                       "libs3 does not verify the certificate of %s: use s3://, or http:// in a network that "
                       "you trust",
                       s3->endpoint);
    }
    if (strlen(s3->endpoint) >= S3_MAX_HOSTNAME_SIZE) {
        return err_set(err, ERRN_CONFIG, "the endpoint has more than %d bytes", S3_MAX_HOSTNAME_SIZE - 1);
    }
    return ERR_OK;
}

static enum err_code start_library(const char *host, struct err *err)
{
    S3Status status;

    pthread_mutex_lock(&library);
    status = S3_initialize("sluice", S3_INIT_ALL, host);
    if (status != S3StatusOK) {
        S3_deinitialize();
    }
    pthread_mutex_unlock(&library);
    return status == S3StatusOK
               ? ERR_OK
               : err_set(err, ERRN_UNSUPPORTED, "libs3 does not start: %s", S3_get_status_name(status));
}

enum err_code libs3_open(const struct url *url, const char *base_dir, const struct clock *clock,
                         struct libs3 **out, struct err *err)
{
    struct libs3 *libs3 = mem_calloc(1, sizeof *libs3);
    struct s3 *s3 = NULL;

    *out = NULL;
    if (!libs3) {
        return err_nomem(err);
    }
    if (check_params(url, err) != ERR_OK || set_silence(libs3, url, err) != ERR_OK) {
        err_context(err, "libs3://%s", url->host);
        goto out;
    }
    if (s3_open(url, base_dir, clock, &s3, err) != ERR_OK) {
        goto out;
    }
    if (check_endpoint(s3, err) != ERR_OK || start_library(s3->endpoint, err) != ERR_OK) {
        s3_context(s3, NULL, err);
        goto out;
    }
    libs3->s3 = s3;
    libs3->bucket = (S3BucketContext){.hostName = s3->endpoint,
                                      .bucketName = s3->bucket,
                                      .protocol = S3ProtocolHTTP,
                                      .uriStyle = S3UriStylePath};
    *out = libs3;
out:
    if (!*out) {
        s3_close(s3);
        mem_free(libs3);
    }
    return err->code;
}

static void drop_context(struct libs3 *libs3)
{
    if (libs3->context) {
        S3_destroy_request_context(libs3->context);
        libs3->context = NULL;
    }
}

void libs3_close(struct libs3 *libs3)
{
    if (libs3) {
        drop_context(libs3);
        pthread_mutex_lock(&library);
        S3_deinitialize();
        pthread_mutex_unlock(&library);
        s3_close(libs3->s3);
        mem_free(libs3);
    }
}

static S3Status on_head(const S3ResponseProperties *head, void *ctx)
{
    struct libs3_call *call = ctx;

    call->moves++;
    call->headed = true;
    call->length = head->contentLength > INT64_MAX ? -1 : (int64_t)head->contentLength;
    call->mtime_us = head->lastModified > 0 ? head->lastModified * INT64_C(1000000) : 0;
    snprintf(call->etag, sizeof call->etag, "%s", head->eTag ? head->eTag : "");
    return S3StatusOK;
}

static void on_complete(S3Status status, const S3ErrorDetails *details, void *ctx)
{
    struct libs3_call *call = ctx;

    call->done = true;
    call->status = status;
    if (details && details->message) {
        snprintf(call->said, sizeof call->said, "%s", details->message);
    }
    for (char *c = call->said; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = ' ';
        }
    }
}

const S3ResponseHandler libs3_response = {.propertiesCallback = on_head, .completeCallback = on_complete};

/* The keys of now. */
static enum err_code take_keys(struct libs3 *libs3, struct err *err)
{
    struct s3 *s3 = libs3->s3;
    struct sign_key key;

    if (aws_creds_get(s3->creds, clock_wall_us(s3->clock), s3->region, &key, err) != ERR_OK) {
        return err->code;
    }
    if (key.token && *key.token) {
        return err_set(err, ERRN_UNSUPPORTED,
                       "the credentials from %s have a session token, which libs3 cannot send: use s3://",
                       aws_creds_source(s3->creds));
    }
    libs3->bucket.accessKeyId = key.id;
    libs3->bucket.secretAccessKey = key.secret;
    return ERR_OK;
}

enum err_code libs3_begin(struct libs3 *libs3, const char *key, const char *right, struct libs3_call *call,
                          struct err *err)
{
    struct s3 *s3 = libs3->s3;

    call->libs3 = libs3;
    call->key = key;
    call->right = right;
    call->path[0] = '\0';
    call->moves = 0;
    call->done = call->silent = call->headed = false;
    call->status = S3StatusOK;
    call->said[0] = call->etag[0] = '\0';
    call->err = ERR_INIT;
    call->length = call->mtime_us = 0;
    if (key && (size_t)snprintf(call->path, sizeof call->path, "%s%s", s3->root, key) >= sizeof call->path) {
        err_set(err, ERRN_KEY_TOO_LONG, "prefix and key have together more than %d bytes", STORE_KEY_MAX);
    } else if (strchr(call->path, ' ')) {
        err_set(err, ERRN_UNSUPPORTED, "libs3 cannot ask for a key with a space in it: use s3://");
    } else if (take_keys(libs3, err) == ERR_OK && !libs3->context &&
               S3_create_request_context(&libs3->context) != S3StatusOK) {
        libs3->context = NULL;
        err_nomem(err);
    }
    return s3_context(s3, key, err);
}

/* Until a socket moves, the library wants to do something, or so many milliseconds are over. */
static void wait_for_sockets(S3RequestContext *context, int64_t most_ms)
{
    int64_t ms = S3_get_request_context_timeout(context);
    fd_set readable, writable, strange;
    int highest = -1;

    ms = ms < 0 || ms > most_ms ? most_ms : ms;
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_ZERO(&strange);
    if (S3_get_request_context_fdsets(context, &readable, &writable, &strange, &highest) != S3StatusOK ||
        highest < 0) {
        ms = ms > WAIT_UNCONNECTED_MS ? WAIT_UNCONNECTED_MS : ms; /* a name is being looked up */
    }
    (void)select(highest + 1, &readable, &writable, &strange,
                 &(struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * US_PER_MS});
}

static void give_up(struct libs3_call *call)
{
    drop_context(call->libs3);
    if (!call->done) {
        call->done = true;
        call->status = S3StatusInterrupted;
    }
}

/* Waits are real, whatever clock the store has. */
static void run(struct libs3_call *call)
{
    const struct clock *clock = clock_real();
    int64_t since_us = clock_mono_us(clock);
    unsigned long seen = call->moves;
    int remaining;

    while (!call->done) {
        int64_t left_ms;

        if (S3_runonce_request_context(call->libs3->context, &remaining) != S3StatusOK) {
            give_up(call);
        }
        if (call->moves != seen) {
            seen = call->moves;
            since_us = clock_mono_us(clock);
        }
        left_ms = call->libs3->silence_ms - (clock_mono_us(clock) - since_us) / US_PER_MS;
        if (!call->done && left_ms <= 0) {
            call->silent = true;
            give_up(call);
        }
        if (!call->done) {
            wait_for_sockets(call->libs3->context, left_ms < WAIT_MAX_MS ? left_ms : WAIT_MAX_MS);
        }
    }
}

enum err_code libs3_end(struct libs3_call *call, struct err *err)
{
    struct s3 *s3 = call->libs3->s3;

    run(call);
    if (call->err.code != ERR_OK) {
        *err = call->err;
    } else if (call->silent) {
        err_set_native(err, ERRN_STORE_UNREACHABLE, ETIMEDOUT, "%s did nothing for %lld s", s3->endpoint,
                       (long long)call->libs3->silence_ms / 1000);
    } else if (call->status != S3StatusOK) {
        libs3_say(call, err);
    }
    return s3_context(s3, call->key, err);
}
