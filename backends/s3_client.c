/*
 * s3_client: signs, sends, judges.
 *
 * Invariants: no secret and no header of the request stands in a message; a Location is never followed: only
 * the name of a region is taken from a redirect, and only where it looks like one; a correction happens at
 * most once for a request, so a request ends after at most four sends.
 */
#include "backends/s3_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3_xml.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/store.h"

enum {
    SKEW_MIN_S = 300, /* AWS allows 15 minutes */
    WAIT_MAX_S = 20,
    ATTEMPTS = 3,
    BASE_MS = 200,
    HOST_MAX = 512,
    PATH_MAX_BYTES = 2 * STORE_KEY_MAX + 64,
    US = 1000000,
};

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

enum correction { FIXED_REGION = 1, FIXED_CLOCK = 2, FIXED_KEY = 4 };

static const struct {
    const char *code;
    enum err_name name;
} known_codes[] = {
    {"SlowDown", ERRN_STORE_THROTTLED},
    {"SlowDownRead", ERRN_STORE_THROTTLED},
    {"SlowDownWrite", ERRN_STORE_THROTTLED},
    {"Throttling", ERRN_STORE_THROTTLED},
    {"ThrottlingException", ERRN_STORE_THROTTLED},
    {"ThrottledException", ERRN_STORE_THROTTLED},
    {"RequestThrottled", ERRN_STORE_THROTTLED},
    {"RequestThrottledException", ERRN_STORE_THROTTLED},
    {"TooManyRequests", ERRN_STORE_THROTTLED},
    {"TooManyRequestsException", ERRN_STORE_THROTTLED},
    {"RequestLimitExceeded", ERRN_STORE_THROTTLED},
    {"BandwidthLimitExceeded", ERRN_STORE_THROTTLED},
    {"LimitExceededException", ERRN_STORE_THROTTLED},
    {"InternalError", ERRN_STORE_UNREACHABLE},
    {"ServiceUnavailable", ERRN_STORE_UNREACHABLE},
    {"RequestTimeout", ERRN_STORE_UNREACHABLE},
    {"RequestTimeoutException", ERRN_STORE_UNREACHABLE},
    {"PriorRequestNotComplete", ERRN_STORE_UNREACHABLE},
    {"OperationAborted", ERRN_STORE_UNREACHABLE},
    {"IncompleteBody", ERRN_STORE_UNREACHABLE},
    {"NoSuchBucket", ERRN_NOT_FOUND},
    {"NoSuchKey", ERRN_NOT_FOUND},
    {"NoSuchUpload", ERRN_NOT_FOUND},
    {"PreconditionFailed", ERRN_SOURCE_MOVED},
    {"KeyTooLongError", ERRN_KEY_TOO_LONG},
    {"AccessDenied", ERRN_DENIED},
    {"InvalidAccessKeyId", ERRN_DENIED},
    {"XAdminUserNotFound", ERRN_DENIED}, /* versitygw */
    {"SignatureDoesNotMatch", ERRN_DENIED},
    {"ExpiredToken", ERRN_DENIED},
    {"InvalidToken", ERRN_DENIED},
    {"NotImplemented", ERRN_UNSUPPORTED},
    {"MethodNotAllowed", ERRN_UNSUPPORTED},
};

static enum err_name name_of(int status, const char *code)
{
    for (size_t i = 0; *code && i < sizeof known_codes / sizeof known_codes[0]; i++) {
        if (strcmp(known_codes[i].code, code) == 0) {
            return known_codes[i].name;
        }
    }
    switch (status) {
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
        return ERRN_STORE_UNREACHABLE;
    case 429:
        return ERRN_STORE_THROTTLED;
    case 401:
    case 403:
        return ERRN_DENIED;
    case 404:
        return ERRN_NOT_FOUND;
    case 412:
        return ERRN_SOURCE_MOVED;
    case 405:
    case 501:
        return ERRN_UNSUPPORTED;
    default:
        return ERRN_CONFIG;
    }
}

enum err_code s3_context(const struct s3 *s3, const char *key, struct err *err)
{
    return key ? err_context(err, "%s/%s", s3->label, key) : err_context(err, "%s", s3->label);
}

/* The server's host as in the header Host. */
static void host_of(const struct s3 *s3, char out[HOST_MAX])
{
    char aws[HOST_MAX / 2];
    const char *host = s3->endpoint;

    if (!host) {
        snprintf(aws, sizeof aws, "s3.%s.amazonaws.com%s", s3->region,
                 strncmp(s3->region, "cn-", 3) == 0 ? ".cn" : "");
        host = aws;
    }
    snprintf(out, HOST_MAX, "%s%s%s", s3->path_style ? "" : s3->bucket, s3->path_style ? "" : ".", host);
}

/* The server asked for a pause, whoever sends next. */
static void keep_pause(struct s3 *s3)
{
    int64_t left = s3->not_before_us - clock_mono_us(s3->clock);

    if (left > 0) {
        log_msg(LOG_DEBUG, "%s: waits %lld ms, as the server asked", s3->label, (long long)left / 1000);
        clock_sleep_us(s3->clock, left);
    }
}

static enum err_code send_once(struct s3 *s3, const struct s3_op *op, struct http_answer *answer,
                               struct http_stream **out, struct err *err)
{
    char host[HOST_MAX], path[PATH_MAX_BYTES], hash[SHA256_HEX_MAX] = EMPTY_HASH;
    struct sign_request request = {.method = op->method,
                                   .path = path,
                                   .nquery = op->nquery,
                                   .nheaders = op->nheaders,
                                   .payload_hash = hash,
                                   .region = s3->region,
                                   .service = "s3"};
    int64_t now = clock_wall_us(s3->clock) + s3->skew_us;
    struct sign_result result;
    struct sign_key key;
    struct buf url;

    *out = NULL;
    keep_pause(s3);
    host_of(s3, host);
    if ((size_t)snprintf(path, sizeof path, "/%s%s%s%s", s3->path_style ? s3->bucket : "",
                         s3->path_style && op->key ? "/" : "", op->key ? s3->root : "",
                         op->key ? op->key : "") >= sizeof path) {
        return err_set(err, ERRN_KEY_TOO_LONG, "prefix and key have together more than %d bytes",
                       STORE_KEY_MAX);
    }
    memcpy(request.query, op->query, sizeof request.query);
    memcpy(request.headers, op->headers, sizeof request.headers);
    request.headers[request.nheaders++] = (struct sign_pair){"host", host};
    sign_result_init(&result);
    buf_init(&url, SIGN_TEXT_MAX + HOST_MAX);
    if ((op->body_len > 0 && sha256_hex(op->body, op->body_len, hash, err) != ERR_OK) ||
        aws_creds_get(s3->creds, now, s3->region, &key, err) != ERR_OK ||
        sign_v4(&request, &key, now, &result, err) != ERR_OK ||
        buf_printf(&url, err, "%s://%s%s", s3->tls ? "https" : "http", host, result.target.data) != ERR_OK) {
        goto out;
    }
    (void)!http_begin(s3->http,
                      &(struct http_request){op->method, url.data, result.headers.data, op->body,
                                             op->body_len, op->silence_s},
                      answer, out, err);
out:
    sign_result_release(&result);
    buf_release(&url);
    return err->code;
}

static bool region_valid(const char *region)
{
    struct err bad = ERR_INIT;

    return aws_region_check(region, &bad) == ERR_OK;
}

/* True where the server named another region than ours, which is ours from now on. */
static bool correct_region(struct s3 *s3, const struct http_answer *answer, const struct s3_fault *fault)
{
    char region[AWS_REGION_MAX + 1] = "";
    int status = answer->status;

    if (status != 301 && status != 307 && status != 400 && status != 403) {
        return false;
    }
    if (!http_header(answer, "x-amz-bucket-region", region, sizeof region)) {
        snprintf(region, sizeof region, "%s", fault->region);
    }
    if (!region_valid(region) || strcmp(region, s3->region) == 0) {
        return false;
    }
    log_msg(LOG_INFO, "%s: is in the region %s, not %s; region=%s in the URL saves a request", s3->label,
            region, s3->region, region);
    memcpy(s3->region, region, strlen(region) + 1);
    return true;
}

/* True where the server's clock differs from ours by minutes; from now on requests carry its time. */
static bool correct_clock(struct s3 *s3, const struct http_answer *answer)
{
    int64_t ours = clock_wall_us(s3->clock), theirs;
    char date[64];

    if ((answer->status != 403 && answer->status != 400) || !http_header(answer, "date", date, sizeof date)) {
        return false;
    }
    theirs = http_date_us(date);
    if (theirs < 0 || llabs(theirs - ours - s3->skew_us) < SKEW_MIN_S * (int64_t)US) {
        return false;
    }
    s3->skew_us = theirs - ours;
    log_msg(LOG_WARN,
            "%s: this machine's clock is %lld s %s the server's, whose time is taken: correct the clock",
            s3->label, llabs(s3->skew_us) / US, s3->skew_us < 0 ? "ahead of" : "behind");
    return true;
}

/* Something that was wrong with the request could be put right: it is to be sent again. */
static bool corrected(struct s3 *s3, const struct http_answer *answer, const struct s3_fault *fault,
                      int *done)
{
    int now = 0;

    if (!(*done & FIXED_REGION) && correct_region(s3, answer, fault)) {
        now = FIXED_REGION;
    } else if (!(*done & FIXED_CLOCK) && correct_clock(s3, answer)) {
        now = FIXED_CLOCK;
    } else if (!(*done & FIXED_KEY) && strncmp(fault->code, "Expired", 7) == 0 &&
               aws_creds_expired(s3->creds)) {
        now = FIXED_KEY;
    }
    *done |= now;
    return now != 0;
}

static enum err_code say_denied(const struct s3 *s3, const struct s3_op *op, const struct http_answer *answer,
                                const struct s3_fault *fault, struct err *err)
{
    const char *source = aws_creds_source(s3->creds);
    char host[HOST_MAX];

    host_of(s3, host);
    if (strcmp(fault->code, "InvalidAccessKeyId") == 0 || strcmp(fault->code, "XAdminUserNotFound") == 0) {
        return err_set_native(err, ERRN_DENIED, answer->status,
                              "the access key from %s is not known at %s: give another", source, host);
    }
    if (strcmp(fault->code, "SignatureDoesNotMatch") == 0) {
        return err_set_native(err, ERRN_DENIED, answer->status,
                              "the secret key from %s does not fit its access key: correct it", source);
    }
    if (strncmp(fault->code, "Expired", 7) == 0 || strcmp(fault->code, "InvalidToken") == 0) {
        return err_set_native(err, ERRN_DENIED, answer->status,
                              "the session token from %s has expired or is not valid: get a new one", source);
    }
    return err_set_native(err, ERRN_DENIED, answer->status,
                          "the credentials from %s were refused (%d %s): they need the right %s", source,
                          answer->status, fault->code, op->right);
}

static enum err_code say_failed(const struct s3 *s3, const struct s3_op *op, const struct http_answer *answer,
                                const struct s3_fault *fault, struct err *err)
{
    enum err_name name = name_of(answer->status, fault->code);
    char host[HOST_MAX];

    host_of(s3, host);
    if (name == ERRN_DENIED) {
        return say_denied(s3, op, answer, fault, err);
    }
    if (strcmp(fault->code, "NoSuchBucket") == 0 || (name == ERRN_NOT_FOUND && !op->key && !fault->code[0])) {
        return err_set_native(err, ERRN_NOT_FOUND, answer->status,
                              "there is no bucket \"%s\" at %s: make it, or correct the URL", s3->bucket,
                              host);
    }
    if (name == ERRN_NOT_FOUND && op->key) {
        return err_set_native(err, name, answer->status, "no such object");
    }
    if (name == ERRN_SOURCE_MOVED) {
        return err_set_native(err, name, answer->status, "changed while it was being read");
    }
    if (answer->status >= 300 && answer->status < 400) {
        return err_set_native(
            err, name, answer->status,
            "%s sends elsewhere (%d %s), which is not followed: correct region (%s) or endpoint", host,
            answer->status, fault->code, s3->region);
    }
    return err_set_native(err, name, answer->status, "%s answered %d%s%s%s%s", host, answer->status,
                          fault->code[0] ? " " : "", fault->code, fault->message[0] ? ": " : "",
                          fault->message);
}

static void note_pause(struct s3 *s3, const struct http_answer *answer)
{
    int64_t seconds = http_header_number(answer, "retry-after");

    if (seconds > 0) {
        s3->not_before_us = clock_mono_us(s3->clock) +
                            (seconds < WAIT_MAX_S ? seconds : WAIT_MAX_S) * (int64_t)US;
    }
}

enum err_code s3_begin(struct s3 *s3, const struct s3_op *op, struct http_answer *answer,
                       struct http_stream **out, struct err *err)
{
    struct s3_fault fault;
    int done = 0;

    for (;;) {
        if (send_once(s3, op, answer, out, err) != ERR_OK) {
            return s3_context(s3, op->key, err);
        }
        if (answer->status >= 200 && answer->status < 300) {
            return ERR_OK;
        }
        (void)!http_slurp(*out, answer, err);
        err_clear(err); /* the status alone says enough */
        http_end(*out);
        *out = NULL;
        s3_fault_parse(answer->body.data, answer->body.len, &fault);
        note_pause(s3, answer);
        if (!corrected(s3, answer, &fault, &done)) {
            say_failed(s3, op, answer, &fault, err);
            return s3_context(s3, op->key, err);
        }
    }
}

enum err_code s3_call(struct s3 *s3, const struct s3_op *op, struct http_answer *answer, struct err *err)
{
    struct http_stream *stream;
    struct s3_fault fault;

    if (s3_begin(s3, op, answer, &stream, err) != ERR_OK) {
        return err->code;
    }
    (void)!http_slurp(stream, answer, err);
    http_end(stream);
    if (err->code == ERR_OK && op->xml && s3_fault_parse(answer->body.data, answer->body.len, &fault)) {
        say_failed(s3, op, answer, &fault, err);
    }
    return s3_context(s3, op->key, err);
}

bool s3_again(struct s3 *s3, unsigned *attempt, struct err *err)
{
    double share = (double)(clock_random(s3->clock) >> 11) / 9007199254740992.0; /* 2^53 */

    if (err->code == ERR_OK || !err_is_transient(err->code) || ++*attempt >= ATTEMPTS) {
        return false;
    }
    log_msg(LOG_DEBUG, "attempt %u of %d failed: %s", *attempt, ATTEMPTS, err->msg);
    clock_sleep_us(s3->clock, (int64_t)(share * 1000.0 * (BASE_MS << (*attempt - 1))));
    err_clear(err);
    return true;
}
