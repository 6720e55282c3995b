/*
 * s3_sign: AWS Signature Version 4. The only file that uses libcrypto, but for the MD5 of libs3_put.c.
 *
 * Invariants: no clock, no environment, no state: the same request, key and time give the same bytes. Query
 * pairs are sorted by their encoded text, headers by name; header values are trimmed and inner runs of spaces
 * folded for signing as they are for sending. The path is encoded once and not normalised, which is S3's rule
 * (other services are called with the path "/" only).
 */
#include "backends/s3_sign.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { DATE_MAX = 17, ADDED_HEADERS = 3, ADDED_QUERY = 6, SECRET_MAX = 1024 };

struct sha256 {
    EVP_MD_CTX *ctx;
};

static enum err_code crypto_failed(struct err *err)
{
    return err_set(err, ERRN_INTERNAL, "libcrypto cannot compute SHA-256");
}

enum err_code sha256_new(struct sha256 **out, struct err *err)
{
    struct sha256 *sha = mem_calloc(1, sizeof *sha);

    *out = NULL;
    if (!sha || !(sha->ctx = EVP_MD_CTX_new())) {
        mem_free(sha);
        return err_nomem(err);
    }
    if (EVP_DigestInit_ex(sha->ctx, EVP_sha256(), NULL) != 1) {
        sha256_free(sha);
        return crypto_failed(err);
    }
    *out = sha;
    return ERR_OK;
}

enum err_code sha256_update(struct sha256 *sha, const void *data, size_t len, struct err *err)
{
    return EVP_DigestUpdate(sha->ctx, data, len) == 1 ? ERR_OK : crypto_failed(err);
}

enum err_code sha256_final(struct sha256 *sha, unsigned char out[SHA256_BYTES], struct err *err)
{
    return EVP_DigestFinal_ex(sha->ctx, out, NULL) == 1 ? ERR_OK : crypto_failed(err);
}

void sha256_free(struct sha256 *sha)
{
    if (sha) {
        EVP_MD_CTX_free(sha->ctx);
        mem_free(sha);
    }
}

static void to_hex(const unsigned char bytes[SHA256_BYTES], char out[SHA256_HEX_MAX])
{
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    }
}

enum err_code sha256_hex(const void *data, size_t len, char out[SHA256_HEX_MAX], struct err *err)
{
    unsigned char bytes[SHA256_BYTES];

    if (EVP_Digest(data, len, bytes, NULL, EVP_sha256(), NULL) != 1) {
        return crypto_failed(err);
    }
    to_hex(bytes, out);
    return ERR_OK;
}

static enum err_code hmac(const void *key, size_t key_len, const char *text, unsigned char out[SHA256_BYTES],
                          struct err *err)
{
    return HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text, strlen(text), out, NULL)
               ? ERR_OK
               : crypto_failed(err);
}

void sign_result_init(struct sign_result *result)
{
    buf_init(&result->target, SIGN_TEXT_MAX);
    buf_init(&result->headers, SIGN_TEXT_MAX);
    buf_init(&result->canonical, SIGN_TEXT_MAX);
}

void sign_result_release(struct sign_result *result)
{
    if (result) {
        buf_release(&result->target);
        buf_release(&result->headers);
        buf_release(&result->canonical);
    }
}

/* By hand: isalnum() depends on the locale. */
static bool unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

enum err_code sign_encode(struct buf *out, const char *text, int slash, struct err *err)
{
    for (; *text; text++) {
        enum err_code code = unreserved(*text) || (slash && *text == '/')
                                 ? buf_append_char(out, *text, err)
                                 : buf_printf(out, err, "%%%02X", (unsigned char)*text);

        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "a=1&b=" sorted by encoded name, then by encoded value; a byte below all that may follow ends the name. */
static enum err_code canonical_query(const struct sign_request *request, struct buf *out, struct err *err)
{
    const char *sorted[SIGN_PAIRS_MAX] = {NULL};
    size_t at[SIGN_PAIRS_MAX];
    enum err_code code = ERR_OK;
    struct buf text;

    buf_init(&text, SIGN_TEXT_MAX);
    for (size_t i = 0; i < request->nquery && code == ERR_OK; i++) {
        at[i] = text.len;
        if ((code = sign_encode(&text, request->query[i].name, false, err)) == ERR_OK &&
            (code = buf_append(&text, "\1", 1, err)) == ERR_OK &&
            (code = sign_encode(&text, request->query[i].value, false, err)) == ERR_OK) {
            code = buf_append(&text, "", 1, err);
        }
    }
    for (size_t i = 0; i < request->nquery && code == ERR_OK; i++) {
        sorted[i] = text.data + at[i];
    }
    if (code == ERR_OK) {
        qsort(sorted, request->nquery, sizeof sorted[0], compare_text);
    }
    for (size_t i = 0; i < request->nquery && code == ERR_OK; i++) {
        int name_len = (int)strcspn(sorted[i], "\1");

        code = buf_printf(out, err, "%s%.*s=%s", i ? "&" : "", name_len, sorted[i], sorted[i] + name_len + 1);
    }
    buf_release(&text);
    return code;
}

static int compare_pair(const void *a, const void *b)
{
    return strcmp(((const struct sign_pair *)a)->name, ((const struct sign_pair *)b)->name);
}

/* The value without spaces at its ends and with single ones inside. */
static enum err_code fold(struct buf *out, const char *value, struct err *err)
{
    enum err_code code = ERR_OK;
    bool space = false, any = false;

    for (; *value && code == ERR_OK; value++) {
        if (*value == '\r' || *value == '\n') {
            return err_set(err, ERRN_INTERNAL, "a header's value has a line end");
        }
        if (*value == ' ' || *value == '\t') {
            space = any;
            continue;
        }
        if (space) {
            code = buf_append_char(out, ' ', err);
        }
        space = false;
        any = true;
        if (code == ERR_OK) {
            code = buf_append_char(out, *value, err);
        }
    }
    return code;
}

/* The headers of the request and those that signing adds, by name. Returns how many. */
static size_t all_headers(const struct sign_request *request, const struct sign_key *key, const char *date,
                          struct sign_pair pairs[SIGN_PAIRS_MAX + ADDED_HEADERS])
{
    size_t n = request->nheaders;

    memcpy(pairs, request->headers, n * sizeof pairs[0]);
    pairs[n++] = (struct sign_pair){"x-amz-date", date};
    if (strcmp(request->service, "s3") == 0) {
        pairs[n++] = (struct sign_pair){"x-amz-content-sha256", request->payload_hash};
    }
    if (key->token) {
        pairs[n++] = (struct sign_pair){"x-amz-security-token", key->token};
    }
    qsort(pairs, n, sizeof pairs[0], compare_pair);
    return n;
}

/* Canonical header lines, their names, and the lines to send. */
static enum err_code canonical_headers(const struct sign_pair *pairs, size_t n, struct buf *canonical,
                                       struct buf *names, struct buf *send, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < n && code == ERR_OK; i++) {
        size_t from = canonical->len;

        if ((code = buf_printf(canonical, err, "%s:", pairs[i].name)) == ERR_OK &&
            (code = fold(canonical, pairs[i].value, err)) == ERR_OK &&
            (code = buf_append_char(canonical, '\n', err)) == ERR_OK &&
            (code = buf_printf(names, err, "%s%s", i ? ";" : "", pairs[i].name)) == ERR_OK) {
            code = buf_printf(send, err, "%s: %s", pairs[i].name,
                              canonical->data + from + strlen(pairs[i].name) + 1);
        }
    }
    return code;
}

/* The signature of the canonical request, in hex. */
static enum err_code signature(const struct sign_request *request, const struct sign_key *key,
                               const char *date, const struct buf *canonical, char out[SHA256_HEX_MAX],
                               struct err *err)
{
    char secret[SECRET_MAX], text[512], day[9];
    unsigned char step[SHA256_BYTES], next[SHA256_BYTES];
    char hash[SHA256_HEX_MAX];
    enum err_code code;

    snprintf(day, sizeof day, "%.8s", date);
    if ((size_t)snprintf(secret, sizeof secret, "AWS4%s", key->secret) >= sizeof secret) {
        return err_set(err, ERRN_CONFIG, "a secret key of more than %d bytes", SECRET_MAX - 5);
    }
    code = sha256_hex(buf_str(canonical), canonical->len, hash, err);
    if (code == ERR_OK &&
        (size_t)snprintf(text, sizeof text, ALGORITHM "\n%s\n%s/%s/%s/aws4_request\n%s", date, day,
                         request->region, request->service, hash) >= sizeof text) {
        code = err_set(err, ERRN_CONFIG, "the name of the region is too long");
    }
    if (code == ERR_OK && (code = hmac(secret, strlen(secret), day, step, err)) == ERR_OK &&
        (code = hmac(step, sizeof step, request->region, next, err)) == ERR_OK &&
        (code = hmac(next, sizeof next, request->service, step, err)) == ERR_OK &&
        (code = hmac(step, sizeof step, "aws4_request", next, err)) == ERR_OK &&
        (code = hmac(next, sizeof next, text, step, err)) == ERR_OK) {
        to_hex(step, out);
    }
    OPENSSL_cleanse(secret, sizeof secret);
    return code;
}

/* What both forms of a signature have on the way. */
struct signing {
    char date[DATE_MAX];
    struct buf query, lines, names;
};

static void signing_init(struct signing *w, int64_t wall_us, struct sign_result *out)
{
    char text[CLOCK_TEXT_MAX];
    size_t len = 0;

    clock_format(wall_us, text);
    for (const char *p = text; *p && len < sizeof w->date - 1; p++) {
        if (*p != '-' && *p != ':') {
            w->date[len++] = *p; /* 20220605T120000Z */
        }
    }
    w->date[len] = '\0';
    buf_init(&w->query, SIGN_TEXT_MAX);
    buf_init(&w->lines, SIGN_TEXT_MAX);
    buf_init(&w->names, SIGN_TEXT_MAX);
    buf_clear(&out->target);
    buf_clear(&out->headers);
    buf_clear(&out->canonical);
}

static void signing_release(struct signing *w)
{
    buf_release(&w->query);
    buf_release(&w->lines);
    buf_release(&w->names);
}

/* Header lines and their names are there: the rest of the canonical request, the target, the signature. */
static enum err_code seal(const struct sign_request *request, const struct sign_key *key, struct signing *w,
                          struct sign_result *out, char hex[SHA256_HEX_MAX], struct err *err)
{
    enum err_code code;

    if ((code = canonical_query(request, &w->query, err)) != ERR_OK ||
        (code = sign_encode(&out->target, request->path, true, err)) != ERR_OK ||
        (code = buf_printf(&out->canonical, err, "%s\n%s\n%s\n%s\n%s\n%s", request->method,
                           buf_str(&out->target), buf_str(&w->query), buf_str(&w->lines), buf_str(&w->names),
                           request->payload_hash)) != ERR_OK ||
        (w->query.len > 0 && (code = buf_printf(&out->target, err, "?%s", w->query.data)) != ERR_OK)) {
        return code;
    }
    return signature(request, key, w->date, &out->canonical, hex, err);
}

enum err_code sign_v4(const struct sign_request *request, const struct sign_key *key, int64_t wall_us,
                      struct sign_result *out, struct err *err)
{
    struct sign_pair pairs[SIGN_PAIRS_MAX + ADDED_HEADERS];
    char hex[SHA256_HEX_MAX];
    struct signing w;
    enum err_code code;
    size_t n;

    signing_init(&w, wall_us, out);
    n = all_headers(request, key, w.date, pairs);
    if ((code = canonical_headers(pairs, n, &w.lines, &w.names, &out->headers, err)) == ERR_OK &&
        (code = seal(request, key, &w, out, hex, err)) == ERR_OK) {
        code = buf_printf(&out->headers, err,
                          "authorization: " ALGORITHM " Credential=%s/%.8s/%s/%s/aws4_request,"
                          "SignedHeaders=%s,Signature=%s\n",
                          key->id, w.date, request->region, request->service, buf_str(&w.names), hex);
    }
    signing_release(&w);
    return code;
}

enum err_code sign_v4_url(const struct sign_request *request, const struct sign_key *key, int64_t wall_us,
                          unsigned expires_s, struct sign_result *out, struct err *err)
{
    struct sign_request r = *request;
    char hex[SHA256_HEX_MAX], seconds[16];
    struct buf scope;
    struct signing w;
    enum err_code code;

    if (r.nquery + ADDED_QUERY > SIGN_PAIRS_MAX) {
        return err_set(err, ERRN_INTERNAL, "a query of %zu pairs leaves no room to sign it", r.nquery);
    }
    signing_init(&w, wall_us, out);
    buf_init(&scope, SIGN_TEXT_MAX);
    snprintf(seconds, sizeof seconds, "%u", expires_s);
    qsort(r.headers, r.nheaders, sizeof r.headers[0], compare_pair);
    if ((code = buf_printf(&scope, err, "%s/%.8s/%s/%s/aws4_request", key->id, w.date, r.region,
                           r.service)) == ERR_OK &&
        (code = canonical_headers(r.headers, r.nheaders, &w.lines, &w.names, &out->headers, err)) == ERR_OK) {
        r.query[r.nquery++] = (struct sign_pair){"X-Amz-Algorithm", ALGORITHM};
        r.query[r.nquery++] = (struct sign_pair){"X-Amz-Credential", buf_str(&scope)};
        r.query[r.nquery++] = (struct sign_pair){"X-Amz-Date", w.date};
        r.query[r.nquery++] = (struct sign_pair){"X-Amz-Expires", seconds};
        r.query[r.nquery++] = (struct sign_pair){"X-Amz-SignedHeaders", buf_str(&w.names)};
        if (key->token) {
            r.query[r.nquery++] = (struct sign_pair){"X-Amz-Security-Token", key->token};
        }
        if ((code = seal(&r, key, &w, out, hex, err)) == ERR_OK) {
            code = buf_printf(&out->target, err, "&X-Amz-Signature=%s", hex);
        }
    }
    buf_release(&scope);
    signing_release(&w);
    return code;
}
