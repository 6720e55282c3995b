/*
 * s3_http: HTTP over libcurl's multi interface, pulled. The only file that uses libcurl.
 *
 * Invariants: nothing moves but inside a call here, so memory is bounded: a stream holds at most
 * STREAM_BUFFER bytes, and a transfer whose buffer is full is paused, which in the end stops the sender. All
 * streams of a client run on its one multi handle, which keeps the connections; a stream that is closed
 * before its end takes its connection down with it.
 *
 * A stream: SENT --head complete--> HEADED --last byte taken--> DONE (result OK) | DONE (result: why not).
 * RUNNING transfers may be paused: then `waiting` bytes of libcurl come again when there is room.
 */
#include "backends/s3_http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"

enum {
    RECEIVE_BYTES = 128 * 1024, /* libcurl hands on at most so much at once */
    STREAM_BUFFER = 2 * RECEIVE_BYTES,
    POLL_MS = 1000,
    CONNECTIONS_MAX = 16, /* kept open when idle */
    LINE_MAX_BYTES = 16 * 1024,
};

struct http {
    CURLM *multi;
    char *tls_ca;
    long connect_ms, silence_s;
    bool direct;
};

struct http_stream {
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    struct http_answer *answer; /* NULL once the head is there */
    char *buf;                  /* STREAM_BUFFER bytes; those from `from` to `to` wait to be pulled */
    size_t from, to;
    char *dst; /* where the caller of this moment wants bytes */
    size_t dst_cap, dst_len;
    bool headed, paused, done;
    CURLcode result;
    struct err failed; /* of a callback: why it refused */
    char why[CURL_ERROR_SIZE];
};

static CURLcode global_result;

static void global_init(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum err_code http_open(const struct http_options *options, struct http **out, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http *http;

    *out = NULL;
    pthread_once(&once, global_init);
    if (global_result != CURLE_OK) {
        return err_set(err, ERRN_INTERNAL, "libcurl does not start: %s", curl_easy_strerror(global_result));
    }
    http = mem_calloc(1, sizeof *http);
    if (!http) {
        return err_nomem(err);
    }
    http->connect_ms = options->connect_ms ? options->connect_ms : HTTP_CONNECT_MS;
    http->silence_s = options->silence_s ? options->silence_s : HTTP_SILENCE_S;
    http->direct = options->direct;
    http->multi = curl_multi_init();
    if (!http->multi || (options->tls_ca && !(http->tls_ca = mem_strdup(options->tls_ca)))) {
        http_close(http);
        return err_nomem(err);
    }
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
    *out = http;
    return ERR_OK;
}

void http_close(struct http *http)
{
    if (http) {
        if (http->multi) {
            curl_multi_cleanup(http->multi);
        }
        mem_free(http->tls_ca);
        mem_free(http);
    }
}

void http_answer_init(struct http_answer *answer)
{
    *answer = (struct http_answer){0};
    buf_init(&answer->head, HTTP_HEAD_MAX);
    buf_init(&answer->body, HTTP_BODY_MAX);
}

void http_answer_release(struct http_answer *answer)
{
    if (answer) {
        buf_release(&answer->head);
        buf_release(&answer->body);
    }
}

bool http_header(const struct http_answer *answer, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name);

    for (const char *line = buf_str(&answer->head); *line; line = strchrnul(line, '\n') + 1) {
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1 + strspn(line + len + 1, " \t");
            snprintf(out, cap, "%.*s", (int)strcspn(line, "\n"), line);
            return true;
        }
    }
    return false;
}

int64_t http_header_number(const struct http_answer *answer, const char *name)
{
    char text[32];
    char *end;
    long long number;

    if (!http_header(answer, name, text, sizeof text) || !isdigit((unsigned char)text[0])) {
        return -1;
    }
    errno = 0;
    number = strtoll(text, &end, 10);
    return errno || *end ? -1 : number;
}

int64_t http_date_us(const char *text)
{
    time_t seconds = curl_getdate(text, NULL);

    return seconds < 0 ? -1 : (int64_t)seconds * 1000000;
}

/* One header line; a status line starts the head anew, as an interim answer may have come before. */
static size_t take_header(char *line, size_t size, size_t n, void *ctx)
{
    struct http_stream *stream = ctx;
    struct buf *head = stream->answer ? &stream->answer->head : NULL;
    size_t len = size * n, from;

    if (!head) {
        return len; /* a trailer */
    }
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
        len--;
    }
    if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
        long status = 0;

        curl_easy_getinfo(stream->easy, CURLINFO_RESPONSE_CODE, &status);
        stream->answer->status = (int)status;
        buf_clear(head);
        return size * n;
    }
    if (len == 0) {
        stream->headed = stream->answer->status >= 200;
        return size * n;
    }
    from = head->len;
    if (len > LINE_MAX_BYTES || memchr(line, '\0', len) ||
        buf_append(head, line, len, &stream->failed) != ERR_OK ||
        buf_append_char(head, '\n', &stream->failed) != ERR_OK) {
        err_set(&stream->failed, ERRN_LIMIT, "a header line of %zu bytes in the answer", len);
        return 0;
    }
    for (char *p = head->data + from; *p && *p != ':'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return size * n;
}

/* Body bytes: straight to the caller while it has room, the rest into the buffer, all or none of them. */
static size_t take_body(char *data, size_t size, size_t n, void *ctx)
{
    struct http_stream *stream = ctx;
    size_t len = size * n, direct = 0;

    if (stream->from == stream->to) {
        stream->from = stream->to = 0;
        direct = stream->dst_cap - stream->dst_len;
        direct = direct < len ? direct : len;
    }
    if (len - direct > STREAM_BUFFER - stream->to) {
        stream->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    if (direct > 0) {
        memcpy(stream->dst + stream->dst_len, data, direct);
    }
    memcpy(stream->buf + stream->to, data + direct, len - direct);
    stream->dst_len += direct;
    stream->to += len - direct;
    return len;
}

static enum err_code add_headers(struct http_stream *stream, const char *lines, struct err *err)
{
    static const char *const ours[] = {"Expect:", "Content-Type:", "Accept:", NULL};
    char line[LINE_MAX_BYTES];

    for (const char *const *o = ours;; o++) {
        struct curl_slist *longer;

        if (*o) {
            snprintf(line, sizeof line, "%s", *o); /* not to be sent */
        } else if (*lines) {
            size_t len = strcspn(lines, "\n");

            if (len >= sizeof line) {
                return err_set(err, ERRN_LIMIT, "a header of %zu bytes", len);
            }
            snprintf(line, sizeof line, "%.*s", (int)len, lines);
            lines += len + (lines[len] == '\n');
            o--;
        } else {
            return ERR_OK;
        }
        longer = curl_slist_append(stream->headers, line);
        if (!longer) {
            return err_nomem(err);
        }
        stream->headers = longer;
    }
}

static enum err_code prepare(struct http_stream *stream, const struct http_request *request, struct err *err)
{
    const struct http *http = stream->http;
    const char *scheme = strncmp(request->url, "https:", 6) == 0 ? "https" : "http";
    CURL *easy = stream->easy;
    CURLcode code = CURLE_OK;

#define SET(option, value) code = code == CURLE_OK ? curl_easy_setopt(easy, option, value) : code
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROTOCOLS_STR, scheme);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, http->connect_ms);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, request->silence_s ? request->silence_s : http->silence_s);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    SET(CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
    SET(CURLOPT_HTTPHEADER, stream->headers);
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, stream);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, stream);
    SET(CURLOPT_PRIVATE, stream);
    SET(CURLOPT_ERRORBUFFER, stream->why);
    if (http->tls_ca) {
        SET(CURLOPT_CAINFO, http->tls_ca);
    }
    if (http->direct) {
        SET(CURLOPT_NOPROXY, "*");
    }
    if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (request->body || strcmp(request->method, "PUT") == 0 || strcmp(request->method, "POST") == 0) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        SET(CURLOPT_POSTFIELDS, request->body ? request->body : "");
    }
    SET(CURLOPT_CUSTOMREQUEST, strcmp(request->method, "HEAD") == 0 ? NULL : request->method);
#undef SET
    if (code == CURLE_OUT_OF_MEMORY) {
        return err_nomem(err);
    }
    return code == CURLE_OK ? ERR_OK
                            : err_set(err, ERRN_CONFIG, "no request can be made of the address: %s",
                                      curl_easy_strerror(code));
}

/* Why a transfer failed, in words and as a kind. */
static enum err_code stream_error(struct http_stream *stream, struct err *err)
{
    const char *why = stream->why[0] ? stream->why : curl_easy_strerror(stream->result);
    long os = 0;

    if (stream->failed.code != ERR_OK) {
        return err_set(err, stream->failed.name, "%s", stream->failed.msg);
    }
    curl_easy_getinfo(stream->easy, CURLINFO_OS_ERRNO, &os);
    switch (stream->result) {
    case CURLE_OUT_OF_MEMORY:
        return err_nomem(err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return err_set(err, ERRN_CONFIG,
                       "the server's certificate is not trusted (%s): correct it, or name the file of its "
                       "authority with tls-ca=FILE",
                       why);
    case CURLE_SSL_CONNECT_ERROR:
        if (strstr(why, "wrong version number")) {
            return err_set(err, ERRN_CONFIG,
                           "the endpoint speaks no TLS (%s): write http:// for one that has none", why);
        }
        break;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(err, ERRN_CONFIG, "the address is not usable: %s", why);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set_native(err, ERRN_STORE_UNREACHABLE, ETIMEDOUT, "%s", why);
    default:
        break;
    }
    return err_set_native(err, stream->headed ? ERRN_STORE_TRUNCATED : ERRN_STORE_UNREACHABLE, os, "%s", why);
}

/* Moves all transfers of the client on by what is there; then waits, if `wait`, for more. */
static enum err_code drive(struct http *http, struct err *err)
{
    CURLMcode code;
    CURLMsg *msg;
    int running, left;

    code = curl_multi_perform(http->multi, &running);
    while ((msg = curl_multi_info_read(http->multi, &left))) {
        struct http_stream *stream = NULL;

        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&stream);
        if (msg->msg == CURLMSG_DONE && stream) {
            stream->done = true;
            stream->result = msg->data.result;
        }
    }
    if (code != CURLM_OK) {
        return err_set(err, code == CURLM_OUT_OF_MEMORY ? ERRN_NOMEM : ERRN_INTERNAL, "libcurl: %s",
                       curl_multi_strerror(code));
    }
    return ERR_OK;
}

static enum err_code wait_for_more(struct http *http, struct err *err)
{
    CURLMcode code = curl_multi_poll(http->multi, NULL, 0, POLL_MS, NULL);

    return code == CURLM_OK ? ERR_OK : err_set(err, ERRN_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
}

enum err_code http_begin(struct http *http, const struct http_request *request, struct http_answer *answer,
                         struct http_stream **out, struct err *err)
{
    struct http_stream *stream = mem_calloc(1, sizeof *stream);

    *out = NULL;
    answer->status = 0;
    buf_clear(&answer->head);
    buf_clear(&answer->body);
    if (!stream) {
        return err_nomem(err);
    }
    stream->http = http;
    stream->answer = answer;
    stream->buf = mem_alloc(STREAM_BUFFER);
    stream->easy = curl_easy_init();
    if (!stream->buf || !stream->easy) {
        err_nomem(err);
        goto out;
    }
    if (add_headers(stream, request->headers, err) != ERR_OK || prepare(stream, request, err) != ERR_OK) {
        goto out;
    }
    if (curl_multi_add_handle(http->multi, stream->easy) != CURLM_OK) {
        err_nomem(err);
        goto out;
    }
    while (!stream->headed && !stream->done) {
        if (drive(http, err) != ERR_OK ||
            (!stream->headed && !stream->done && wait_for_more(http, err) != ERR_OK)) {
            goto out;
        }
    }
    if (stream->done && stream->result != CURLE_OK && stream->from == stream->to) {
        stream_error(stream, err);
        goto out;
    }
    stream->answer = NULL;
    *out = stream;
out:
    if (!*out) {
        http_end(stream);
    }
    return err->code;
}

enum err_code http_pull(struct http_stream *stream, void *dst, size_t cap, size_t *n, struct err *err)
{
    *n = 0;
    while (stream->from == stream->to) {
        enum err_code code;

        if (stream->done) {
            return stream->result == CURLE_OK ? ERR_OK : stream_error(stream, err);
        }
        stream->dst = dst;
        stream->dst_cap = cap;
        stream->dst_len = 0;
        if (stream->paused) {
            stream->paused = false;
            curl_easy_pause(stream->easy, CURLPAUSE_CONT); /* may take bytes at once */
        }
        code = drive(stream->http, err);
        *n = stream->dst_len;
        stream->dst = NULL;
        stream->dst_cap = stream->dst_len = 0;
        if (code != ERR_OK || *n > 0) {
            return code;
        }
        if (stream->from == stream->to && !stream->done && wait_for_more(stream->http, err) != ERR_OK) {
            return err->code;
        }
    }
    *n = stream->to - stream->from < cap ? stream->to - stream->from : cap;
    memcpy(dst, stream->buf + stream->from, *n);
    stream->from += *n;
    return ERR_OK;
}

void http_end(struct http_stream *stream)
{
    if (!stream) {
        return;
    }
    if (stream->easy) {
        curl_multi_remove_handle(stream->http->multi, stream->easy);
        curl_easy_cleanup(stream->easy);
    }
    curl_slist_free_all(stream->headers);
    mem_free(stream->buf);
    mem_free(stream);
}

enum err_code http_slurp(struct http_stream *stream, struct http_answer *answer, struct err *err)
{
    enum { STEP = 16 * 1024 };
    size_t n = 1;

    while (n > 0) {
        if (buf_reserve(&answer->body, STEP, err) != ERR_OK ||
            http_pull(stream, answer->body.data + answer->body.len, STEP, &n, err) != ERR_OK) {
            return err->code;
        }
        answer->body.len += n;
        answer->body.data[answer->body.len] = '\0';
    }
    return ERR_OK;
}

enum err_code http_call(struct http *http, const struct http_request *request, struct http_answer *answer,
                        struct err *err)
{
    struct http_stream *stream;

    if (http_begin(http, request, answer, &stream, err) != ERR_OK) {
        return err->code;
    }
    (void)!http_slurp(stream, answer, err);
    http_end(stream);
    return err->code;
}
