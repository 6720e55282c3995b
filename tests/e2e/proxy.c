/*
 * proxy: stands between sluice and a server and misbehaves: `proxy PORT [FAULT=N]...`, for the scripts of
 * this folder.
 *
 * It listens on a free port of 127.0.0.1, which it prints, and hands bytes on to 127.0.0.1:PORT until it is
 * ended. PORT 0: nobody is behind it; it takes connections and never answers. Faults: rate=N     at most N
 * bytes a second of each connection, both ways together cut=N      each connection is reset after N bytes of
 * both ways together drop=N     of every N MySQL COMMITs one is handed on, but its answer is not: the
 * connection is reset refuse=N   of every N MySQL COMMITs one is not even handed on. log=1 is no fault: the
 * line of each HTTP request that passes is printed to stderr.
 *
 * A connection is a thread: OPEN --end of either side, or a fault--> both sides reset.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 16 * 1024, BACKLOG = 64, QUERY = 3, COMMIT_MAX = 16 };

static long target, rate, cut, drop, refuse, print_requests;
static atomic_long commits;

static struct sockaddr_in loopback(long port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((in_port_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int dial(void)
{
    struct sockaddr_in address = loopback(target);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void reset(int fd)
{
    struct linger hard = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
}

static bool send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

/* "GET /bucket/key HTTP/1.1", where such a line begins what was received: clients send a head at once. */
static void print_request(const char *data, size_t len)
{
    static const char *const METHODS[] = {"GET ", "HEAD ", "PUT ", "POST ", "DELETE "};
    const char *end = memchr(data, '\r', len);
    for (size_t i = 0; end && i < sizeof METHODS / sizeof *METHODS; i++)
        if (len > strlen(METHODS[i]) && memcmp(data, METHODS[i], strlen(METHODS[i])) == 0)
            fprintf(stderr, "%.*s\n", (int)(end - data), data);
}

/* A query that is COMMIT, which a client sends by itself; Oracle's puts two bytes before the text. */
static bool is_commit(const char *data, size_t len)
{
    return len > 10 && len <= COMMIT_MAX && data[4] == QUERY && memcmp(data + len - 6, "COMMIT", 6) == 0;
}

static bool every(long n, long count)
{
    return n > 0 && count % n == 0;
}

/* Takes a piece from one side and hands it on; false ends the connection. *left: bytes until it is cut. */
static bool hand_on(int from, int to, bool of_client, long *left)
{
    char data[PIECE];
    size_t cap = cut && *left < PIECE ? (size_t)*left : PIECE;
    ssize_t n = recv(from, data, cap, 0);
    if (n <= 0)
        return false;
    if (of_client && print_requests)
        print_request(data, (size_t)n);
    if (of_client && is_commit(data, (size_t)n)) {
        long count = atomic_fetch_add(&commits, 1) + 1;
        if (every(refuse, count))
            return false;
        if (every(drop, count)) {
            if (send_all(to, data, (size_t)n))
                (void)!recv(to, data, sizeof data, 0); /* it is in, or refused: the client never learns */
            return false;
        }
    }
    if (!send_all(to, data, (size_t)n))
        return false;
    if (rate) {
        struct timespec pause = {n / rate, n % rate * 1000000000L / rate};
        nanosleep(&pause, NULL);
    }
    *left -= n;
    return !cut || *left > 0;
}

static void *serve(void *arg)
{
    int client = *(int *)arg, server = target ? dial() : -1;
    long left = cut;
    free(arg);
    if (target == 0) {
        for (;;)
            pause();
    }
    while (server >= 0) {
        struct pollfd ends[] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (poll(ends, 2, -1) < 0 || (ends[0].revents && !hand_on(client, server, true, &left)) ||
            (ends[1].revents && !hand_on(server, client, false, &left)))
            break;
    }
    if (server >= 0)
        reset(server);
    reset(client);
    return NULL;
}

static bool option(const char *text)
{
    static const struct {
        const char *name;
        long *value;
    } OPTIONS[] = {
        {"rate=", &rate}, {"cut=", &cut}, {"drop=", &drop}, {"refuse=", &refuse}, {"log=", &print_requests}};
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++)
        if (strncmp(text, OPTIONS[i].name, strlen(OPTIONS[i].name)) == 0) {
            *OPTIONS[i].value = strtol(text + strlen(OPTIONS[i].name), NULL, 10);
            return *OPTIONS[i].value > 0;
        }
    return false;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = loopback(0);
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = argc > 1 && listener >= 0;
    for (int i = 2; i < argc; i++)
        good = good && option(argv[i]);
    if (!good || bind(listener, (struct sockaddr *)&address, len) != 0 || listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0) {
        fputs("usage: proxy PORT [rate=N] [cut=N] [drop=N] [refuse=N] [log=1]\n", stderr);
        return 2;
    }
    target = strtol(argv[1], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    for (;;) {
        int *client = malloc(sizeof *client);
        pthread_t thread;
        if (!client)
            return 1;
        *client = accept(listener, NULL, NULL);
        if (*client < 0 || pthread_create(&thread, NULL, serve, client) != 0)
            return 1;
        pthread_detach(thread);
    }
}
