/* scripted_http: accepts, reads a request, has the test's function answer, sends. Aborts where the system
 * refuses. */
#include "tests/support/scripted_http.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, HEAD_MAX = 65536 };

struct scripted_http {
    scripted_fn *fn;
    void *ctx;
    int listener, port;
    int stop[2]; /* readable: the end has come */
    pthread_t acceptor;
    pthread_mutex_t lock;
    int requests;
    struct connection {
        struct scripted_http *server;
        int fd, number;
        pthread_t thread;
    } connections[CONNECTIONS_MAX];
    int nconnections;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

/* False when the server stops. */
static bool wait_for(const struct scripted_http *server, int fd)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};

    while (poll(fds, 2, -1) < 0) {
    }
    return fds[1].revents == 0;
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t)n;
    }
    return true;
}

const char *scripted_header(const struct scripted_request *request, const char *name, char *out, size_t cap)
{
    size_t len = strlen(name);

    out[0] = '\0';
    for (const char *line = request->headers; *line; line = strchrnul(line, '\n') + 1) {
        if (strncmp(line, name, len) == 0 && line[len] == ':') {
            line += len + 1 + strspn(line + len + 1, " ");
            snprintf(out, cap, "%.*s", (int)strcspn(line, "\n"), line);
            break;
        }
    }
    return out;
}

void scripted_say(FILE *out, int status, const char *headers, const void *body, size_t len)
{
    fprintf(out, "HTTP/1.1 %d Scripted\r\nContent-Length: %zu\r\n%s\r\n", status, len, headers);
    fwrite(body, 1, len, out);
}

/* Reads one request and has it answered; false where the connection is to end. */
static bool serve_one(struct connection *c, char *head)
{
    static const char continued[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct scripted_http *server = c->server;
    struct scripted_request request = {.connection = c->number};
    char *end = NULL, *answer = NULL, *body = NULL, *line, *rest, length[32];
    size_t len = 0, got, answer_len;
    FILE *out;
    bool more;

    while (!end && len < HEAD_MAX - 1 && wait_for(server, c->fd)) {
        ssize_t n = recv(c->fd, head + len, HEAD_MAX - 1 - len, 0);

        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        head[len] = '\0';
        end = strstr(head, "\r\n\r\n");
    }
    if (!end) {
        return false;
    }
    end[2] = '\0';
    got = len - (size_t)(end + 4 - head);
    rest = head;
    line = strsep(&rest, "\n");
    request.method = strsep(&line, " ");
    request.target = strsep(&line, " ");
    request.headers = rest;
    for (char *p = rest, *to = rest; *to; p++) {
        if (p == rest || p[-1] == '\n') {
            for (char *q = p; *q && *q != ':'; q++) {
                *q = (char)tolower((unsigned char)*q);
            }
        }
        *to = *p;
        to += *p != '\r';
        if (!*p) {
            break;
        }
    }
    request.body_len = strtoul(scripted_header(&request, "content-length", length, sizeof length), NULL, 10);
    if (got < request.body_len && *scripted_header(&request, "expect", length, sizeof length) &&
        !send_all(c->fd, continued, sizeof continued - 1)) {
        return false;
    }
    body = malloc(request.body_len + 1);
    must(body != NULL, "malloc");
    memcpy(body, end + 4, got);
    while (got < request.body_len && wait_for(server, c->fd)) {
        ssize_t n = recv(c->fd, body + got, request.body_len - got, 0);

        must(n > 0, "recv");
        got += (size_t)n;
    }
    body[got] = '\0';
    request.body = body;
    out = open_memstream(&answer, &answer_len);
    must(out != NULL, "open_memstream");
    pthread_mutex_lock(&server->lock);
    request.number = ++server->requests;
    server->fn(server->ctx, &request, out);
    pthread_mutex_unlock(&server->lock);
    must(fclose(out) == 0, "fclose");
    more = send_all(c->fd, answer, answer_len) && !request.close;
    if (request.stall) {
        struct pollfd stop = {.fd = server->stop[0], .events = POLLIN};

        while (poll(&stop, 1, -1) < 0) {
        }
    }
    free(answer);
    free(body);
    return more && !request.stall;
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    char *head = malloc(HEAD_MAX);

    must(head != NULL, "malloc");
    while (wait_for(c->server, c->fd) && serve_one(c, head)) {
    }
    free(head);
    close(c->fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct scripted_http *server = arg;

    while (wait_for(server, server->listener)) {
        struct connection *c = &server->connections[server->nconnections];
        int one = 1;

        must(server->nconnections < CONNECTIONS_MAX, "connections");
        c->fd = accept(server->listener, NULL, NULL);
        must(c->fd >= 0, "accept");
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->server = server;
        c->number = ++server->nconnections;
        must(pthread_create(&c->thread, NULL, serve, c) == 0, "pthread_create");
    }
    return NULL;
}

struct scripted_http *scripted_http_start(scripted_fn *fn, void *ctx)
{
    struct scripted_http *server = calloc(1, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;

    must(server != NULL, "calloc");
    server->fn = fn;
    server->ctx = ctx;
    pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(server->listener >= 0 && bind(server->listener, (struct sockaddr *)&address, len) == 0 &&
             listen(server->listener, CONNECTIONS_MAX) == 0 &&
             getsockname(server->listener, (struct sockaddr *)&address, &len) == 0 && pipe(server->stop) == 0,
         "socket");
    server->port = ntohs(address.sin_port);
    must(pthread_create(&server->acceptor, NULL, accept_all, server) == 0, "pthread_create");
    return server;
}

int scripted_http_port(const struct scripted_http *server)
{
    return server->port;
}

void scripted_http_stop(struct scripted_http *server)
{
    must(write(server->stop[1], "x", 1) == 1, "write");
    pthread_join(server->acceptor, NULL);
    for (int i = 0; i < server->nconnections; i++) {
        pthread_join(server->connections[i].thread, NULL);
    }
    close(server->listener);
    close(server->stop[0]);
    close(server->stop[1]);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
