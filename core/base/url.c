/*
 * url: takes the names of places apart, and hides secrets in them.
 *
 * Invariants: messages hold no text of the URL but its scheme and parameter names, so they cannot give a
 * password away; on failure the output is zeroed and owns nothing. A password (or a parameter named like one)
 * is never stored.
 */
#include "core/base/url.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum { URL_PARAM_NAME_MAX = 64, URL_PORT_MAX = 65535 };

static const char SECRET_CURE[] = "take it out, and give it by a key of its own as ${NAME} or ${file:PATH}";

/* A piece of text, borrowed. */
struct piece {
    const char *at;
    size_t len;
};

static struct piece piece_to(const char *from, const char *end)
{
    return (struct piece){from, (size_t)(end - from)};
}

/* Length of the scheme before its colon, 0 for a bare path. */
static size_t scheme_len(const char *text)
{
    size_t n = 0;

    if (!isalpha((unsigned char)text[0]))
        return 0;
    while (isalnum((unsigned char)text[n]) || (text[n] && strchr("+.-", text[n])))
        n++;
    return text[n] == ':' ? n : 0;
}

static bool scheme_is(const char *text, size_t len, const char *const *names)
{
    for (; *names; names++) {
        if (strlen(*names) == len && strncasecmp(text, *names, len) == 0)
            return true;
    }
    return false;
}

static const char *const PATH_SCHEMES[] = {"file", "fs", "sqlite", "mem", NULL};
static const char *const BUCKET_SCHEMES[] = {"s3", "libs3", NULL};

static bool is_path_form(const char *text)
{
    size_t n = scheme_len(text);

    return n == 0 || scheme_is(text, n, PATH_SCHEMES);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of a "%XX" that starts at p, -1 where there is none. */
static int escape_at(const char *p, size_t left)
{
    int high = left >= 3 && p[0] == '%' ? hex_value(p[1]) : -1;
    int low = high >= 0 ? hex_value(p[2]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

/* Copies a piece with its escapes resolved; `what` names it in a message. */
static enum err_code decode(struct piece in, const char *what, char **out, struct err *err)
{
    char *copy = mem_strndup(in.at, in.len);
    char *to = copy;

    if (!copy)
        return err_nomem(err);
    for (size_t i = 0; i < in.len; i++) {
        int byte = (unsigned char)in.at[i];

        if (byte == '%') {
            byte = escape_at(in.at + i, in.len - i);
            if (byte <= 0) {
                mem_free(copy);
                return err_set(err, ERRN_CONFIG, "%s in the URL has %s", what,
                               byte == 0 ? "a NUL byte (%00)"
                                         : "a % without two hex digits (a plain % is %25)");
            }
            i += 2;
        }
        *to++ = (char)byte;
    }
    *to = '\0';
    *out = copy;
    return ERR_OK;
}

/* True for a parameter name (as it stands in the URL) that promises a secret. */
static bool is_secret_name(struct piece name)
{
    static const char *const words[] = {"pass",       "pwd",       "secret", "token",
                                        "credential", "signature", "apikey"};
    char plain[URL_PARAM_NAME_MAX + 1];
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++) {
        int c = escape_at(name.at + i, name.len - i);

        if (c >= 0)
            i += 2;
        else
            c = (unsigned char)name.at[i];
        if (c == '-' || c == '_')
            continue;
        if (n == URL_PARAM_NAME_MAX)
            return true; /* too long to judge */
        plain[n++] = (char)tolower(c);
    }
    plain[n] = '\0';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strstr(plain, words[i]))
            return true;
    }
    return false;
}

/* Where the password of a //-form stands: from behind its colon to the last "@". A password may itself hold
 * "/", "?" or
 * "@", so a port that is no number gives it away too. False where there is none. */
static bool find_password(const char *authority, struct piece *out)
{
    size_t len = strcspn(authority, "/?");
    const char *last = strrchr(authority, '@');
    const char *user_end = memrchr(authority, '@', len);
    const char *colon = authority[0] == '[' && !user_end ? NULL : memchr(authority, ':', len);
    size_t digits;

    if (!colon || !last || last < colon)
        return false;
    digits = strspn(colon + 1, "0123456789");
    if ((user_end && user_end > colon) || (!user_end && colon + 1 + digits < authority + len)) {
        *out = piece_to(colon + 1, last);
        return true;
    }
    return false;
}

static enum err_code parse_port(struct piece text, int *out, struct err *err)
{
    int port = 0;

    for (size_t i = 0; i < text.len && port <= URL_PORT_MAX; i++)
        port = isdigit((unsigned char)text.at[i]) ? port * 10 + (text.at[i] - '0') : URL_PORT_MAX + 1;
    if (port < 1 || port > URL_PORT_MAX)
        return err_set(err, ERRN_CONFIG, "the port in the URL is no number from 1 to %d", URL_PORT_MAX);
    *out = port;
    return ERR_OK;
}

/* "host", "host:port", "[v6]", "[v6]:port". */
static enum err_code parse_host(struct piece text, struct url *out, struct err *err)
{
    const char *end = text.at + text.len;
    bool v6 = text.len > 0 && text.at[0] == '[';
    const char *from = text.at + v6;
    const char *to = memchr(from, v6 ? ']' : ':', (size_t)(end - from));
    const char *after = to ? to + v6 : end;

    if (v6 && (!to || (after < end && *after != ':')))
        return err_set(err, ERRN_CONFIG, "the IPv6 address in the URL must stand in brackets: [::1]:3306");
    if (!to)
        to = end;
    for (const char *p = from; p < to; p++) {
        if (!isalnum((unsigned char)*p) && !strchr(v6 ? ":.%" : "-._", *p))
            return err_set(err, ERRN_CONFIG, "the host in the URL has a character that no host name has");
    }
    if (from == to)
        return err_set(
            err, ERRN_CONFIG, "the URL names no %s: write %s://%s",
            scheme_is(out->scheme, strlen(out->scheme), BUCKET_SCHEMES) ? "bucket" : "host", out->scheme,
            scheme_is(out->scheme, strlen(out->scheme), BUCKET_SCHEMES) ? "BUCKET/PREFIX" : "HOST/NAME");
    out->host = mem_strndup(from, (size_t)(to - from));
    if (!out->host)
        return err_nomem(err);
    return after < end ? parse_port(piece_to(after + 1, end), &out->port, err) : ERR_OK;
}

static enum err_code parse_param(struct piece text, struct url *out, struct err *err)
{
    const char *end = text.at + text.len;
    const char *equals = memchr(text.at, '=', text.len);
    struct piece name = piece_to(text.at, equals ? equals : end);
    struct url_param param = {0};
    const char *nested;
    struct piece password;
    enum err_code code;

    if (name.len == 0)
        return err_set(err, ERRN_CONFIG, "a parameter in the URL has no name");
    if (is_secret_name(name))
        return err_set(err, ERRN_SECRET_EXPOSED, "a parameter in the URL is named like a secret: %s",
                       SECRET_CURE);
    if (out->nparams == URL_PARAMS_MAX)
        return err_set(err, ERRN_CONFIG, "the URL has more than %d parameters", URL_PARAMS_MAX);
    code = decode(name, "a parameter's name", &param.name, err);
    if (code == ERR_OK)
        code = decode(piece_to(equals ? equals + 1 : end, end), "a parameter's value", &param.value, err);
    if (code != ERR_OK)
        goto out;
    nested = strstr(param.value, "://");
    if (nested && find_password(nested + 3, &password))
        code = err_set(err, ERRN_SECRET_EXPOSED, "a password stands in the URL's %s: %s", param.name,
                       SECRET_CURE);
    else if (url_param(out, param.name))
        code = err_set(err, ERRN_CONFIG, "the URL has the parameter %s twice", param.name);
out:
    if (code == ERR_OK) {
        out->params[out->nparams++] = param;
    } else {
        mem_free(param.name);
        mem_free(param.value);
    }
    return code;
}

/* Everything behind "scheme://". */
static enum err_code parse_authority_form(const char *text, struct url *out, struct err *err)
{
    struct piece authority = {text, strcspn(text, "/?")};
    const char *at = memrchr(text, '@', authority.len);
    const char *host = at ? at + 1 : text;
    const char *path = text + authority.len;
    const char *query;
    struct piece password;
    enum err_code code;

    if (find_password(text, &password))
        return err_set(err, ERRN_SECRET_EXPOSED, "a password stands in the URL: %s", SECRET_CURE);
    if (at && (code = decode(piece_to(text, at), "the user name", &out->user, err)) != ERR_OK)
        return code;
    code = parse_host(piece_to(host, path), out, err);
    if (code != ERR_OK)
        return code;
    if ((out->user || out->port) && scheme_is(out->scheme, strlen(out->scheme), BUCKET_SCHEMES))
        return err_set(err, ERRN_CONFIG,
                       "a bucket has no user and no port: write %s://BUCKET/PREFIX?endpoint=http://HOST:PORT",
                       out->scheme);
    if (*path == '/')
        path++;
    query = strchrnul(path, '?');
    code = decode(piece_to(path, query), "the path", &out->path, err);
    while (code == ERR_OK && *query) {
        const char *from = query + 1;

        query = strchrnul(from, '&');
        if (query > from)
            code = parse_param(piece_to(from, query), out, err);
    }
    return code;
}

enum err_code url_parse(const char *text, struct url *out, struct err *err)
{
    size_t n = scheme_len(text);
    const char *rest = n ? text + n + 1 : text;
    enum err_code code = ERR_OK;

    *out = (struct url){0};
    out->scheme = mem_strndup(text, n);
    if (!out->scheme) {
        code = err_nomem(err);
        goto out;
    }
    for (char *p = out->scheme; *p; p++)
        *p = (char)tolower((unsigned char)*p);

    if (is_path_form(text)) {
        if (!*rest && strcmp(out->scheme, "mem") != 0)
            code = err_set(err, ERRN_CONFIG, "the URL names no path");
        else if (!(out->path = mem_strdup(rest)))
            code = err_nomem(err);
    } else if (strncmp(rest, "//", 2) == 0) {
        code = parse_authority_form(rest + 2, out, err);
    } else {
        code = err_set(err, ERRN_CONFIG,
                       "\"%.40s:\" needs // behind it; a path that has a colon is written file:PATH",
                       out->scheme);
    }
out:
    if (code != ERR_OK)
        url_release(out);
    return code;
}

void url_release(struct url *url)
{
    if (!url)
        return;
    for (int i = 0; i < url->nparams; i++) {
        mem_free(url->params[i].name);
        mem_free(url->params[i].value);
    }
    mem_free(url->scheme);
    mem_free(url->user);
    mem_free(url->host);
    mem_free(url->path);
    *url = (struct url){0};
}

const char *url_param(const struct url *url, const char *name)
{
    for (int i = 0; i < url->nparams; i++) {
        if (strcmp(url->params[i].name, name) == 0)
            return url->params[i].value;
    }
    return NULL;
}

/* A value with an "@" may be a URL with a password (endpoint=http://user:password@host). */
static bool has_at_sign(struct piece value)
{
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '@' || escape_at(value.at + i, value.len - i) == '@')
            return true;
    }
    return false;
}

/* Appends a query with the values of secret parameters masked. */
static enum err_code redact_query(struct buf *out, const char *query, struct err *err)
{
    enum err_code code = ERR_OK;

    while (code == ERR_OK && *query) {
        size_t len = 1 + strcspn(query + 1, "&?");
        const char *equals = memchr(query, '=', len);
        bool secret = equals && (is_secret_name(piece_to(query + 1, equals)) ||
                                 has_at_sign(piece_to(equals + 1, query + len)));

        code = buf_append(out, query, secret ? (size_t)(equals + 1 - query) : len, err);
        if (code == ERR_OK && secret)
            code = buf_append_str(out, "***", err);
        query += len;
    }
    return code;
}

char *url_redact(const char *text)
{
    size_t n = scheme_len(text);
    const char *authority = strncmp(text + n, "://", 3) == 0 ? text + n + 3 : text;
    const char *query = strchrnul(text, '?');
    struct err err = ERR_INIT;
    enum err_code code = ERR_OK;
    struct piece password;
    struct buf out;

    buf_init(&out, 4 * strlen(text) + 8); /* the shortest that grows is "pwd=": 3 bytes more */
    if (!scheme_is(text, n, PATH_SCHEMES) && find_password(authority, &password)) {
        code = buf_append(&out, text, (size_t)(password.at - text), &err);
        if (code == ERR_OK)
            code = buf_append_str(&out, "***", &err);
        text = password.at + password.len;
        query = query > text ? query : text; /* it may have begun in what was cut */
    }
    if (code == ERR_OK)
        code = buf_append(&out, text, (size_t)(query - text), &err);
    if (code == ERR_OK)
        code = redact_query(&out, query, &err);
    if (code != ERR_OK)
        buf_release(&out);
    return out.data;
}
