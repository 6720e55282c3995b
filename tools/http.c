/*
 * http: see http.h. The only file that knows libmicrohttpd.
 *
 * Invariants: its threads have all signals blocked; a request is answered once its headers are there, and one
 * that has a body is answered 405 or with its connection closed behind the answer; a handler's error is never
 * sent half.
 */
#include "tools/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/log.h"
#include "core/base/mem.h"

/* Where to listen. */
struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    bool is_v6, loopback;
};

struct http {
    struct MHD_Daemon *daemon;
    struct http_options options;
    struct place place;
    char url[HTTP_URL_MAX];
};

/* ---- the place ---- */

static enum err_code no_place(const char *listen, struct err *err)
{
    return err_set(err, ERRN_USAGE,
                   "--listen %.100s: the form is ADDR:PORT, such as 127.0.0.1:8080 or [::1]:8080", listen);
}

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    long n;

    errno = 0;
    n = strtol(text, &end, 10);
    if (errno || end == text || *end || n < 0 || n > 65535 || text[0] < '0' || text[0] > '9')
        return false;
    *port = (uint16_t)n;
    return true;
}

static enum err_code read_place(const char *listen, struct place *out, struct err *err)
{
    const char *colon = strrchr(listen, ':');
    char host[INET6_ADDRSTRLEN + 2];
    size_t len = colon ? (size_t)(colon - listen) : 0;
    uint16_t port;

    *out = (struct place){0};
    if (!colon || len >= sizeof host || !read_port(colon + 1, &port))
        return no_place(listen, err);
    memcpy(host, listen, len);
    host[len] = '\0';
    if (strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", sizeof "127.0.0.1");
    if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        out->is_v6 = true;
        out->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
        if (inet_pton(AF_INET6, host + 1, &out->at.v6.sin6_addr) != 1)
            return no_place(listen, err);
        out->loopback = IN6_IS_ADDR_LOOPBACK(&out->at.v6.sin6_addr);
        return ERR_OK;
    }
    out->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &out->at.v4.sin_addr) != 1)
        return no_place(listen, err);
    out->loopback = ntohl(out->at.v4.sin_addr.s_addr) >> 24 == 127;
    return ERR_OK;
}

/* ---- a request ---- */

const char *http_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* A name in a Host header that means this machine: then no other page's name was pointed at it. */
static bool is_local_host(const char *host)
{
    static const char *const names[] = {"localhost", "[::1]"};
    size_t len;

    if (!host)
        return true; /* HTTP/1.0: no browser */
    len = host[0] == '[' ? strcspn(host, "]") + (strchr(host, ']') != NULL) : strcspn(host, ":");
    for (size_t i = 0; i < 2; i++) {
        if (len == strlen(names[i]) && strncasecmp(host, names[i], len) == 0)
            return true;
    }
    return len >= 9 && strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == len;
}

static void set_header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)!MHD_add_response_header(response, name, value);
}

static enum MHD_Result reply(struct MHD_Connection *connection, struct http_answer *answer)
{
    static const char policy[] = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
                                 "form-action 'none'; frame-ancestors 'none'";
    static char nothing[] = "";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.len, answer->body.data ? answer->body.data : nothing, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    set_header(response, "Content-Type", answer->type);
    set_header(response, "Content-Security-Policy", policy);
    set_header(response, "X-Content-Type-Options", "nosniff");
    set_header(response, "Referrer-Policy", "no-referrer");
    set_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    set_header(response, "Cache-Control", answer->cacheable ? "max-age=3600" : "no-store");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        set_header(response, "Allow", "GET, HEAD");
        set_header(response, "Connection", "close");
    }
    if (answer->location)
        set_header(response, "Location", answer->location);
    result = MHD_queue_response(connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* A plain answer of the server's own. */
static void say(struct http_answer *answer, int status, const char *text)
{
    struct err ignored = ERR_INIT;

    answer->status = status;
    answer->type = "text/plain; charset=utf-8";
    buf_clear(&answer->body);
    (void)!buf_append_str(&answer->body, text, &ignored);
    (void)!buf_append_char(&answer->body, '\n', &ignored);
}

static void handle(const struct http *http, struct MHD_Connection *connection, const char *path,
                   struct http_answer *answer)
{
    struct http_request request = {.path = path, .connection = connection};
    struct err err = ERR_INIT;

    if (http->place.loopback &&
        !is_local_host(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host"))) {
        say(answer, 421, "this server is for 127.0.0.1 and localhost");
        return;
    }
    if (strlen(path) > HTTP_PATH_MAX) {
        say(answer, MHD_HTTP_URI_TOO_LONG, "the path is too long");
        return;
    }
    if (http->options.handler(http->options.ctx, &request, answer, &err) != ERR_OK) {
        log_redact(err.msg);
        answer->location = NULL;
        say(answer,
            err.name == ERRN_NOT_FOUND   ? 404
            : err.code == ERR_USAGE      ? 400
            : err_is_transient(err.code) ? 503
                                         : 500,
            err.msg);
    }
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
    struct http *http = ctx;
    struct http_answer answer = {.status = MHD_HTTP_OK, .type = "text/html; charset=utf-8"};
    enum MHD_Result result;
    static int seen;

    (void)version;
    (void)data;
    if (!*state && (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)) {
        *state = &seen; /* the headers are there; the answer follows when the request is whole */
        return MHD_YES;
    }
    *size = 0;
    buf_init(&answer.body, HTTP_BODY_MAX);
    if (*state)
        handle(http, connection, path, &answer);
    else
        say(&answer, MHD_HTTP_METHOD_NOT_ALLOWED, "this server is read-only: GET and HEAD");
    result = reply(connection, &answer);
    buf_release(&answer.body);
    return result;
}

/* ---- start, stop ---- */

static void on_log(void *ctx, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
static void on_log(void *ctx, const char *fmt, va_list args)
{
    char text[256];

    (void)ctx;
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_msg(LOG_DEBUG, "http: %s", text);
}

static struct MHD_Daemon *start_daemon(struct http *http)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ERROR_LOG |
                     (http->place.is_v6 ? MHD_USE_IPv6 : 0);
    sigset_t all, before;
    struct MHD_Daemon *daemon;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    /* The logger comes first: options behind it may speak. */
    daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log,
                              NULL, MHD_OPTION_SOCK_ADDR, &http->place.at.any, MHD_OPTION_CONNECTION_LIMIT,
                              (unsigned)HTTP_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                              (unsigned)HTTP_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                              (size_t)HTTP_HEADERS_MAX, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

static void put_url(struct http *http)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT);
    char host[INET6_ADDRSTRLEN] = "";

    if (http->place.is_v6)
        inet_ntop(AF_INET6, &http->place.at.v6.sin6_addr, host, sizeof host);
    else
        inet_ntop(AF_INET, &http->place.at.v4.sin_addr, host, sizeof host);
    snprintf(http->url, sizeof http->url, http->place.is_v6 ? "http://[%s]:%u/" : "http://%s:%u/", host,
             info ? (unsigned)info->port : 0U);
}

enum err_code http_start(const struct http_options *options, struct http **out, struct err *err)
{
    struct http *http;
    struct place place;

    *out = NULL;
    if (read_place(options->listen, &place, err))
        return err->code;
    if (!place.loopback && !options->public)
        return err_set(err, ERRN_USAGE,
                       "--listen %s can be reached from other machines, and the page has no password: add "
                       "--listen-public if that is meant",
                       options->listen);
    http = mem_calloc(1, sizeof *http);
    if (!http)
        return err_nomem(err);
    http->options = *options;
    http->place = place;
    errno = 0;
    http->daemon = start_daemon(http);
    if (!http->daemon) {
        char reason[128];

        err_set_native(err, ERRN_USAGE, errno, "--listen %s: %s: give another address or port",
                       options->listen, strerror_r(errno ? errno : EIO, reason, sizeof reason));
        mem_free(http);
        return err->code;
    }
    put_url(http);
    *out = http;
    return ERR_OK;
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon);
    mem_free(http);
}

const char *http_url(const struct http *http)
{
    return http->url;
}
