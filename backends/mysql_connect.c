/*
 * mysql_connect: a connection that may be trusted, and the session that loading needs.
 *
 * Invariants: TLS with the server's certificate verified, unless it is on loopback or a socket; nothing goes
 * in clear but the token of auth=rds-iam, and that over verified TLS only; never an automatic reconnect (it
 * would forget the transaction); the file handler is ours from the first byte on, and LOCAL is off where
 * nothing is loaded. The session says itself what its server's configuration might say otherwise: isolation,
 * strictness, time zone, checks, and timeouts by which a stopped worker's locks fall with its lease.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "backends/aws_rds.h"
#include "backends/mysql_internal.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum {
    CONNECT_TIMEOUT_S = 8,
    READ_TIMEOUT_S = 300, /* the longest silence: a statement of a batch, a commit, a first row of a scan */
    WRITE_TIMEOUT_S = 60,
    PORT = 3306,
    LEASE_S_MIN = 2,
    PACKET_START = 1024 * 1024, /* until the server has said its own */
    PACKET_SPARE = 1024,
    SESSION_MAX = 1024,
    CA_PATH_MAX = 1024,
    READ_ONLY = 1290, /* --read-only */
    READ_ONLY_MODE = 1836,
    START_SLACK_S = 2, /* the server's start is known to the second, and computed anew each time */
    TOKEN_MAX = 64 * 1024,
    ACCESS_DENIED = 1045,
};

#define TLS_CA_SYSTEM "/etc/ssl/certs/ca-certificates.crt"

/* Ways to log in that never send the password itself, and the one that does. */
#define AUTH_SAFE  "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519"
#define AUTH_CLEAR "mysql_clear_password"

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

/* Oracle's library also takes leave to send passwords in clear from the environment, for all connections. */
static void library_begin(void)
{
    unsetenv("LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN");
    (void)!mysql_library_init(0, NULL, NULL);
}

/* ---- what the URL says ---- */

struct place {
    const char *host, *socket, *user;
    char ca[CA_PATH_MAX];
    unsigned port;
    bool near; /* loopback or a socket: nobody in between */
    bool tls;  /* and verified */
    bool iam;  /* the password is a token, sent as it is: never without tls */
    bool load; /* LOAD DATA LOCAL, where the server lets us and rows are loaded */
};

/* By an address or the one name that no resolver is asked for: "127.example.com" is anybody's. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static enum err_code check_params(const struct url *url, struct err *err)
{
    static const char *const KNOWN[] = {"tls", "tls-ca", "socket", "load", "auth", "region", "profile"};

    for (int i = 0; i < url->nparams; i++) {
        bool known = false;
        for (size_t k = 0; k < sizeof KNOWN / sizeof *KNOWN; k++)
            known = known || strcmp(url->params[i].name, KNOWN[k]) == 0;
        if (!known)
            return err_set(
                err, ERRN_CONFIG,
                "a mysql URL has no parameter %s: it knows tls, tls-ca, socket, load, auth, region, "
                "profile",
                url->params[i].name);
    }
    return ERR_OK;
}

/* Whoever gets the token in between is logged in as that user: TLS is no choice here. */
static enum err_code choose_auth(const struct sink_open *args, const struct url *url, struct place *p,
                                 struct err *err)
{
    const char *auth = url_param(url, "auth"), *tls = url_param(url, "tls");

    if (auth && strcmp(auth, "password") != 0 && strcmp(auth, "rds-iam") != 0)
        return err_set(err, ERRN_CONFIG, "auth=%.40s: it is password or rds-iam", auth);
    p->iam = auth && strcmp(auth, "rds-iam") == 0;
    if (!p->iam && (url_param(url, "region") || url_param(url, "profile")))
        return err_set(err, ERRN_CONFIG, "region and profile in target.url go with auth=rds-iam: add it");
    if (!p->iam)
        return ERR_OK;
    if (args->password && args->password[0])
        return err_set(err, ERRN_CONFIG,
                       "auth=rds-iam: the password is a token that is made for each connection: take "
                       "target.password away");
    if (p->socket)
        return err_set(err, ERRN_CONFIG, "auth=rds-iam is for a server of RDS, which has no socket here");
    if (tls && strcmp(tls, "off") == 0)
        return err_set(err, ERRN_CONFIG,
                       "auth=rds-iam: the token goes over verified TLS only: take tls=off away");
    return ERR_OK;
}

static enum err_code choose_tls(const struct sink_open *args, const struct url *url, struct place *p,
                                struct err *err)
{
    const char *tls = url_param(url, "tls"), *ca = url_param(url, "tls-ca");
    const char *dir = ca && ca[0] != '/' && args->base_dir ? args->base_dir : "";

    p->tls = !p->near || ca || p->iam;
    if (snprintf(p->ca, sizeof p->ca, "%s%s%s", dir, dir[0] ? "/" : "", ca ? ca : TLS_CA_SYSTEM) >=
        CA_PATH_MAX)
        return err_set(err, ERRN_CONFIG, "tls-ca: the path is longer than %d bytes", CA_PATH_MAX);
    if (tls && strcmp(tls, "off") == 0) {
        if (!p->near)
            return err_set(err, ERRN_CONFIG,
                           "tls=off: %s is not this machine, so TLS stays on; name its certificate authority "
                           "by tls-ca=FILE",
                           p->host);
        p->tls = false;
    } else if (tls && strcmp(tls, "on") == 0) {
        p->tls = true;
    } else if (tls) {
        return err_set(err, ERRN_CONFIG, "tls=%.40s: it is on or off", tls);
    }
    if (p->tls && access(p->ca, R_OK) != 0)
        return err_set_errno(err, errno, "tls-ca: %s", p->ca);
    return ERR_OK;
}

static enum err_code read_place(const struct sink_open *args, const struct url *url, struct place *p,
                                struct err *err)
{
    const char *load = url_param(url, "load");

    p->host = url->host && url->host[0] ? url->host : "localhost";
    p->socket = url_param(url, "socket");
    p->user = args->user ? args->user : url->user;
    p->port = url->port ? (unsigned)url->port : PORT;
    p->near = p->socket || is_loopback(p->host);
    p->load = true;
    if (!url->path || !url->path[0])
        return err_set(err, ERRN_CONFIG, "target.url names no database: write mysql://HOST:PORT/DATABASE");
    if (!p->user)
        return err_set(err, ERRN_CONFIG, "target.user is missing: who logs in to MySQL?");
    if (check_params(url, err) || choose_auth(args, url, p, err) || choose_tls(args, url, p, err))
        return err->code;
    if (load && strcmp(load, "insert") != 0 && strcmp(load, "local-infile") != 0)
        return err_set(err, ERRN_CONFIG, "load=%.40s: it is local-infile or insert", load);
    if (load && strcmp(load, "insert") == 0)
        p->load = false;
    return ERR_OK;
}

/* ---- options ---- */

static bool set_tls(MYSQL *db, const struct place *p)
{
#ifdef MARIADB_BASE_VERSION
    my_bool on = p->tls ? 1 : 0;
    bool bad = mysql_options(db, MYSQL_OPT_SSL_ENFORCE, &on) ||
               mysql_options(db, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
#else
    unsigned mode = p->tls ? SSL_MODE_VERIFY_IDENTITY : SSL_MODE_DISABLED;
    bool bad = mysql_options(db, MYSQL_OPT_SSL_MODE, &mode);
#endif
    return !bad && !(p->tls && mysql_options(db, MYSQL_OPT_SSL_CA, p->ca));
}

/* Without TLS the library may fetch the server's RSA key to hide the password: good enough where nobody
 * stands in between to give it another. */
static bool set_auth(MYSQL *db, const struct place *p)
{
    bool clear = p->iam && p->tls;
#ifdef MARIADB_BASE_VERSION
    return mysql_options(db, MARIADB_OPT_RESTRICTED_AUTH, clear ? AUTH_SAFE "," AUTH_CLEAR : AUTH_SAFE) == 0;
#else
    bool fetch_key = p->near && !p->tls;
    return mysql_options(db, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &fetch_key) == 0 &&
           mysql_options(db, MYSQL_ENABLE_CLEARTEXT_PLUGIN, &clear) == 0;
#endif
}

static bool set_options(MYSQL *db, const struct place *p, bool read_only)
{
    unsigned connect_s = CONNECT_TIMEOUT_S, read_s = READ_TIMEOUT_S, write_s = WRITE_TIMEOUT_S;
    unsigned local = p->load && !read_only;
    unsigned protocol = p->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    unsigned long packet = MYS_SQL_MAX;

    return mysql_options(db, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s) == 0 &&
           mysql_options(db, MYSQL_OPT_READ_TIMEOUT, &read_s) == 0 &&
           mysql_options(db, MYSQL_OPT_WRITE_TIMEOUT, &write_s) == 0 &&
           mysql_options(db, MYSQL_OPT_LOCAL_INFILE, &local) == 0 &&
           mysql_options(db, MYSQL_OPT_PROTOCOL, &protocol) == 0 &&
           mysql_options(db, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet) == 0 &&
           mysql_options(db, MYSQL_SET_CHARSET_NAME, "utf8mb4") == 0 && set_tls(db, p) && set_auth(db, p);
}

/* ---- the session ---- */

/* A connection's number begins anew with the server, so one from before a restart may be anybody's now: it is
 * known by the second of its server's start and, in the lower 32 bits, its number. */
static enum err_code read_start(struct mys_sink *s, int64_t now_s, int64_t *start_s, struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, "SHOW GLOBAL STATUS LIKE 'Uptime'", err);

    *start_s = 0;
    if (mys_query(&b, "session", &r, err))
        return err->code;
    if (mys_next(&r))
        *start_s = now_s - mys_col_int(&r, 1);
    mys_done(&r);
    return ERR_OK;
}

/* The lost connection's transaction must be gone before its unit is judged; one that is not there is. */
static enum err_code kill_connection(struct mys_sink *s, int64_t lost, struct err *err)
{
    enum { NO_SUCH_THREAD = 1094, NOT_OWNER = 1095 };
    int64_t apart_s = (s->base.connection_id >> 32) - (lost >> 32);

    if (apart_s > START_SLACK_S || apart_s < -START_SLACK_S)
        return ERR_OK; /* its server is gone, and its transaction with it */
    struct bind b = mys_bind(s, "KILL CONNECTION ?", err);
    mys_int(&b, lost & UINT32_MAX);
    if (mys_run(&b, "kill", NULL, err) && (err->native == NO_SUCH_THREAD || err->native == NOT_OWNER))
        err_clear(err);
    return err->code;
}

static enum err_code begin_session(struct mys_sink *s, struct err *err)
{
    char sql[SESSION_MAX];
    int64_t lease_s = s->base.target.lease_ms / 1000;

    if (lease_s < LEASE_S_MIN)
        lease_s = LEASE_S_MIN;
    (void)!snprintf(sql, sizeof sql,
                    "SET SESSION autocommit = 0, time_zone = '+00:00', wait_timeout = %" PRId64
                    ", net_read_timeout = %" PRId64 ", net_write_timeout = %" PRId64
                    ", sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
                    "NO_ENGINE_SUBSTITUTION', foreign_key_checks = 1, unique_checks = 1,"
                    " sql_safe_updates = 0",
                    lease_s, lease_s, lease_s);
    if (mys_exec(s, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "session", err))
        return err->code;
    return mys_exec(s, sql, "session", err);
}

static enum err_code read_server(struct mys_sink *s, bool wants_load, struct err *err)
{
    struct result r;
    struct bind b = mys_bind(
        s, "SELECT CONNECTION_ID(), @@max_allowed_packet, @@local_infile, UNIX_TIMESTAMP(), @@read_only",
        err);
    int64_t id = 0, now_s = 0, start_s;

    if (mys_query(&b, "session", &r, err))
        return err->code;
    if (mys_next(&r)) {
        id = mys_col_int(&r, 0);
        s->max_packet = (size_t)mys_col_int(&r, 1) - PACKET_SPARE;
        s->load_off = wants_load && mys_col_int(&r, 2) == 0;
        s->use_load = wants_load && !s->load_off;
        now_s = mys_col_int(&r, 3);
        s->server_reads = strcmp(mys_col(&r, 4), "0") != 0 && strcasecmp(mys_col(&r, 4), "OFF") != 0;
    }
    mys_done(&r);
    if (read_start(s, now_s, &start_s, err))
        return err->code;
    if (id <= UINT32_MAX)
        s->base.connection_id = (int64_t)((uint64_t)start_s << 32 | (uint64_t)id);
    return ERR_OK;
}

enum err_code mys_check_writable(struct mys_sink *s, struct err *err)
{
    if (s->server_reads && mys_exec(s, "DELETE FROM sluice_schema WHERE 1 = 0", "read_only", err) != ERR_OK &&
        (err->native == READ_ONLY || err->native == READ_ONLY_MODE)) {
        err_clear(err);
        err_set(err, ERRN_READ_ONLY,
                "%s: the server takes no writes (read_only is on): name the one that does, the primary",
                s->base.label);
    } else {
        err_clear(err); /* this user may write all the same; what else there is, others find out */
    }
    mys_rollback(s);
    return err->code;
}

static enum err_code log_in_with(struct mys_sink *s, const char *password, const struct url *url,
                                 const struct place *p, struct err *err)
{
    /* Both libraries take a socket only where no host is named. */
    if (!mysql_real_connect(s->db, p->socket ? NULL : p->host, p->user, password, url->path, p->port,
                            p->socket, CLIENT_FOUND_ROWS))
        return mys_fail(s, "connect", err);
    if (p->tls && !mysql_get_ssl_cipher(s->db))
        return err_set(err, ERRN_DENIED, "%s: the server speaks no TLS, and is not on this machine",
                       s->base.label);
    return ERR_OK;
}

/* The server does not say which half is missing, nor could it know the first. */
static void refused_token(const struct mys_sink *s, const struct place *p, struct err *err)
{
    err_clear(err);
    (void)!err_set_native(err, ERRN_DENIED, ACCESS_DENIED,
                          "%s: connect: the token for %s was refused: the identity needs rds-db:connect for "
                          "this user, and the user must be made by CREATE USER ... IDENTIFIED WITH "
                          "AWSAuthenticationPlugin AS 'RDS'",
                          s->base.label, p->user);
}

static enum err_code log_in(struct mys_sink *s, const struct sink_open *args, const struct url *url,
                            const struct place *p, struct err *err)
{
    /* By the true time, whatever the handle's clock: AWS's is not moved. */
    struct rds_login login = {.host = p->host,
                              .port = p->port,
                              .user = p->user,
                              .region = url_param(url, "region"),
                              .profile = url_param(url, "profile"),
                              .clock = clock_real()};
    struct buf token;

    if (!p->iam) {
        log_add_secret(args->password); /* once more: those that are in use stay, tokens come and go */
        return log_in_with(s, args->password ? args->password : "", url, p, err);
    }
    buf_init(&token, TOKEN_MAX);
    if (rds_token(&login, &token, err))
        (void)!err_context(err, "%s", s->base.label);
    else if (log_in_with(s, buf_str(&token), url, p, err) && err->native == ACCESS_DENIED)
        refused_token(s, p, err);
    rds_token_wipe(&token);
    buf_release(&token);
    return err->code;
}

enum err_code mys_connect(struct mys_sink *s, const struct sink_open *args, const struct url *url,
                          struct err *err)
{
    struct place p = {0};

    if (read_place(args, url, &p, err))
        return err->code;
    pthread_once(&library_once, library_begin);
    s->db = mysql_init(NULL);
    if (!s->db)
        return err_nomem(err);
    mys_infile_install(&s->infile, s->db);
    if (!set_options(s->db, &p, args->read_only))
        return err_set(err, ERRN_INTERNAL, "%s: the client library refused an option", s->base.label);
    s->max_packet = PACKET_START;
    if (log_in(s, args, url, &p, err) || begin_session(s, err) || read_server(s, p.load, err))
        return err->code;
    s->moved_clock = s->base.clock != clock_real();
    if (args->replaces_connection && kill_connection(s, args->replaces_connection, err))
        return err->code;
    mys_rollback(s);
    return args->read_only ? ERR_OK : mys_check_writable(s, err);
}
