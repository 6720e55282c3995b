/*
 * scripted_mysql: see scripted_mysql.h.
 *
 *   accept -> greeting -> (TLS) -> (login) -> (password in clear) -> OK -> statement -> answer -> ... until
 * the client leaves
 *
 * Invariant: one thread, one connection; packets are at most PACKET_MAX bytes, since tests send little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/support/scripted_mysql.h"

enum {
    PACKET_MAX = 65536,
    COM_QUIT = 1,
    COM_QUERY = 3,
    COM_STMT_PREPARE = 0x16,
    COM_STMT_CLOSE = 0x19,
    /* LONG_PASSWORD FOUND_ROWS LONG_FLAG CONNECT_WITH_DB LOCAL_FILES PROTOCOL_41 TRANSACTIONS
     * SECURE_CONNECTION MULTI_RESULTS PLUGIN_AUTH */
    TLS = 0x800,
    TLS_REQUEST_BYTES = 32,
    CAPABILITIES = 0x1 | 0x2 | 0x4 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x20000 | 0x80000,
    UTF8MB4 = 45,
    AUTOCOMMIT = 2,
};

struct scripted_mysql {
    struct scripted_plan plan;
    pthread_t thread;
    int listener, peer;
    SSL_CTX *tls;
    SSL *stream; /* NULL = in clear */
    unsigned char sequence;
    unsigned char in[PACKET_MAX];
    char sent[SCRIPTED_SENT_MAX];
    size_t nsent;
};

static bool write_all(struct scripted_mysql *s, const void *data, size_t len)
{
    if (len == 0)
        return true;
    return s->stream ? SSL_write(s->stream, data, (int)len) == (int)len
                     : send(s->peer, data, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static bool read_all(struct scripted_mysql *s, unsigned char *data, size_t len)
{
    if (!s->stream)
        return len == 0 || recv(s->peer, data, len, MSG_WAITALL) == (ssize_t)len;
    for (size_t at = 0; at < len;) {
        int n = SSL_read(s->stream, data + at, (int)(len - at));
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

static bool put(struct scripted_mysql *s, const void *data, size_t len)
{
    unsigned char head[4] = {(unsigned char)len, (unsigned char)(len >> 8), 0, s->sequence++};

    return write_all(s, head, 4) && write_all(s, data, len);
}

/* The next packet's length, or -1 where the client has left. */
static long get(struct scripted_mysql *s)
{
    unsigned char head[4];

    if (!read_all(s, head, 4))
        return -1;
    size_t len = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
    s->sequence = (unsigned char)(head[3] + 1);
    if (len >= PACKET_MAX || !read_all(s, s->in, len))
        return -1;
    s->in[len] = '\0';
    return (long)len;
}

static bool put_ok(struct scripted_mysql *s, unsigned char rows)
{
    const unsigned char ok[] = {0, rows, 0, AUTOCOMMIT, 0, 0, 0};

    return put(s, ok, sizeof ok);
}

static bool put_error(struct scripted_mysql *s, unsigned code)
{
    char packet[64] = {(char)0xff, (char)code, (char)(code >> 8)};
    int n = snprintf(packet + 3, sizeof packet - 3, "#HY000scripted");

    return put(s, packet, 3 + (size_t)n);
}

static bool put_greeting(struct scripted_mysql *s)
{
    static const char PLUGIN[] = "mysql_native_password";
    unsigned char p[128] = {10};
    const unsigned can = CAPABILITIES | (s->tls ? TLS : 0);
    size_t at = 1;

    s->sequence = 0;
    memcpy(p + at, "8.0.99-scripted", 16);
    at += 16;
    p[at] = 7; /* connection id */
    at += 4;
    memcpy(p + at, "12345678", 9);
    at += 9;
    p[at++] = (unsigned char)can;
    p[at++] = (unsigned char)(can >> 8);
    p[at++] = UTF8MB4;
    p[at++] = AUTOCOMMIT;
    at++;
    p[at++] = (unsigned char)(can >> 16);
    p[at++] = 0;
    p[at++] = 21;
    at += 10;
    memcpy(p + at, "123456789012", 13);
    at += 13;
    memcpy(p + at, PLUGIN, sizeof PLUGIN);
    return put(s, p, at + sizeof PLUGIN);
}

static const unsigned char END[] = {0xfe, 0, 0, AUTOCOMMIT, 0};
static const unsigned char COLUMN[] = {3, 'd', 'e', 'f', 0, 0,    0, 1, 'c', 0, 12, UTF8MB4,
                                       0, 255, 0,   0,   0, 0xfd, 0, 0, 0,   0, 0};

static bool put_rows(struct scripted_mysql *s, int columns, const char *const *cells)
{
    const unsigned char count[] = {(unsigned char)columns};
    bool good = put(s, count, 1);

    for (int i = 0; i < columns; i++)
        good = good && put(s, COLUMN, sizeof COLUMN);
    good = good && put(s, END, sizeof END);
    while (good && *cells) {
        char row[1024];
        size_t at = 0;
        for (int i = 0; i < columns; i++, cells++) {
            size_t len = strlen(*cells);
            assert_true(len < 128 && at + len < sizeof row);
            row[at++] = (char)len;
            memcpy(row + at, *cells, len);
            at += len;
        }
        good = put(s, row, at);
    }
    return good && put(s, END, sizeof END);
}

/* Connection id, max_allowed_packet, local_infile, the time, read_only. */
static bool put_numbers(struct scripted_mysql *s)
{
    static const char *const NUMBERS[] = {"7", "16777216", "1", "9", "0", NULL};

    return put_rows(s, 5, NUMBERS);
}

static void keep(struct scripted_mysql *s, long len)
{
    for (long i = 0; i < len && s->nsent < SCRIPTED_SENT_MAX - 1; i++)
        s->sent[s->nsent++] = (char)s->in[i];
}

/* Asks for a file and keeps what comes. */
static bool ask(struct scripted_mysql *s, const char *file)
{
    char packet[256] = {(char)0xfb};
    int n = snprintf(packet + 1, sizeof packet - 1, "%s", file);

    if (!put(s, packet, 1 + (size_t)n))
        return false;
    for (;;) {
        long len = get(s);
        if (len <= 0)
            return len == 0;
        if (s->sequence == 1) /* no answer but a command of its own: COM_QUIT */
            return false;
        keep(s, len);
    }
}

/* The client's login, behind TLS where it asks for that. */
static bool take_login(struct scripted_mysql *s)
{
    long len = get(s);

    if (s->tls && len == TLS_REQUEST_BYTES) {
        s->stream = SSL_new(s->tls);
        if (s->plan.cut_tls || !s->stream || !SSL_set_fd(s->stream, s->peer) || SSL_accept(s->stream) != 1)
            return false;
        len = get(s);
    }
    if (len >= 0 && s->plan.ask_clear)
        keep(s, len);
    return len >= 0;
}

static bool ask_password(struct scripted_mysql *s)
{
    static const char SWITCH[] = "\376mysql_clear_password";
    long len;

    if (!put(s, SWITCH, sizeof SWITCH) || (len = get(s)) < 0)
        return false;
    keep(s, len);
    return true;
}

/* Whether the client is in. */
static bool log_in(struct scripted_mysql *s)
{
    if (!take_login(s) || (s->plan.ask_clear && !ask_password(s)))
        return false;
    if (s->plan.refuse_login) {
        (void)put_error(s, s->plan.error_code);
        return false;
    }
    return s->plan.ask_at_login ? ask(s, s->plan.file) : put_ok(s, 0);
}

static bool starts(const char *sql, const char *word)
{
    return word && strncasecmp(sql, word, strlen(word)) == 0;
}

static bool answer(struct scripted_mysql *s, char *sql)
{
    const struct scripted_plan *plan = &s->plan;

    if (starts(sql, plan->die_after))
        return false;
    if (starts(sql, plan->error_after))
        return put_error(s, plan->error_code);
    if (starts(sql, plan->ask_after)) {
        char name[128] = "";
        char *quote = strchr(sql, '\'');
        (void)!snprintf(name, sizeof name, "%.*s", quote ? (int)strcspn(quote + 1, "'") : 0,
                        quote ? quote + 1 : "");
        for (int i = 0; i < (plan->ask_times ? plan->ask_times : 1); i++)
            if (!ask(s, plan->file ? plan->file : name))
                return false;
    }
    for (int i = 0; i < SCRIPTED_RESULTS_MAX; i++)
        if (starts(sql, plan->results[i].to))
            return put_rows(s, plan->results[i].columns, plan->results[i].cells);
    return (starts(sql, "SELECT") || starts(sql, "SHOW GLOBAL STATUS")) && !starts(sql, plan->ask_after)
               ? put_numbers(s)
               : put_ok(s, plan->matched);
}

/* Statement 1 of one column, without parameters. */
static bool put_prepared(struct scripted_mysql *s)
{
    static const unsigned char PREPARED[] = {0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};

    return put(s, PREPARED, sizeof PREPARED) && put(s, COLUMN, sizeof COLUMN) && put(s, END, sizeof END);
}

static bool serve_one(struct scripted_mysql *s)
{
    switch (s->in[0]) {
    case COM_QUERY:
        return answer(s, (char *)s->in + 1);
    case COM_STMT_PREPARE:
        return s->plan.ask_at_prepare ? ask(s, s->plan.file) : put_prepared(s);
    case COM_STMT_CLOSE: /* is not answered */
        return true;
    default:
        return put_ok(s, 0);
    }
}

static void *serve(void *arg)
{
    struct scripted_mysql *s = arg;
    long len;

    struct timeval patience = {1, 0}; /* with a client that waits in its turn */
    int on = 1;

    s->peer = accept(s->listener, NULL, NULL);
    if (s->peer < 0 || setsockopt(s->peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
        setsockopt(s->peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) || !put_greeting(s) || !log_in(s))
        goto out;
    while ((len = get(s)) > 0 && s->in[0] != COM_QUIT)
        if (!serve_one(s))
            break;
out:
    SSL_free(s->stream);
    if (s->peer >= 0)
        close(s->peer);
    return NULL;
}

struct scripted_mysql *scripted_mysql_start(const struct scripted_plan *plan, int *port)
{
    struct scripted_mysql *s = mem_calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    assert_non_null(s);
    s->plan = *plan;
    if (plan->tls) {
        char cert[512], key[512];
        (void)!snprintf(cert, sizeof cert, "%s/cert.pem", plan->tls);
        (void)!snprintf(key, sizeof key, "%s/key.pem", plan->tls);
        s->tls = SSL_CTX_new(TLS_server_method());
        assert_non_null(s->tls);
        assert_int_equal(SSL_CTX_use_certificate_file(s->tls, cert, SSL_FILETYPE_PEM), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(s->tls, key, SSL_FILETYPE_PEM), 1);
    }
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return s;
}

size_t scripted_mysql_stop(struct scripted_mysql *s, char out[SCRIPTED_SENT_MAX])
{
    shutdown(s->listener, SHUT_RDWR); /* where nobody ever came */
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->listener);
    SSL_CTX_free(s->tls);
    size_t n = s->nsent;
    memcpy(out, s->sent, SCRIPTED_SENT_MAX);
    mem_free(s);
    return n;
}
