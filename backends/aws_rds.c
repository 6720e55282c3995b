/*
 * aws_rds: see aws_rds.h. The token is the URL `https://HOST:PORT/?Action=connect&DBUser=USER`, presigned for
 * the service rds-db and an empty body, without its scheme.
 *
 * Invariants: nothing is kept between two tokens; a token or key stands in no message.
 */
#include "backends/aws_rds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/log.h"

enum { EXPIRES_S = 900, HOST_MAX = 300 };

/* SHA-256 of no bytes. */
#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* RDS knows its own names in small letters. */
static void to_lower(char *text)
{
    for (; *text; text++) {
        *text = (char)(*text >= 'A' && *text <= 'Z' ? *text + ('a' - 'A') : *text);
    }
}

bool rds_region_of(const char *host, char out[AWS_REGION_MAX])
{
    static const char *const ENDS[] = {".rds.amazonaws.com", ".rds.amazonaws.com.cn"};
    size_t len = strlen(host);

    for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
        size_t end = strlen(ENDS[i]), from;

        if (len <= end || strcasecmp(host + len - end, ENDS[i]) != 0) {
            continue;
        }
        for (from = len - end; from > 0 && host[from - 1] != '.'; from--) {
        }
        /* A label of its own, behind a name. */
        if (from > 0 && from < len - end &&
            (size_t)snprintf(out, AWS_REGION_MAX, "%.*s", (int)(len - end - from), host + from) <
                AWS_REGION_MAX) {
            to_lower(out);
            return true;
        }
    }
    return false;
}

enum err_code rds_token_sign(const struct rds_login *login, const struct sign_key *key, int64_t wall_us,
                             struct buf *out, struct err *err)
{
    char host[HOST_MAX];
    bool v6 = strchr(login->host, ':') != NULL;
    struct sign_result result;
    struct sign_request request = {.method = "GET",
                                   .path = "/",
                                   .query = {{"Action", "connect"}, {"DBUser", login->user}},
                                   .nquery = 2,
                                   .headers = {{"host", host}},
                                   .nheaders = 1,
                                   .payload_hash = EMPTY_HASH,
                                   .region = login->region,
                                   .service = "rds-db"};

    if ((size_t)snprintf(host, sizeof host, v6 ? "[%s]:%u" : "%s:%u", login->host, login->port) >=
        sizeof host) {
        return err_set(err, ERRN_CONFIG, "the name of the host has more than %d bytes", HOST_MAX - 8);
    }
    to_lower(host);
    sign_result_init(&result);
    buf_clear(out);
    if (sign_v4_url(&request, key, wall_us, EXPIRES_S, &result, err) == ERR_OK &&
        buf_append_str(out, host, err) == ERR_OK) {
        (void)!buf_append_str(out, buf_str(&result.target), err);
    }
    rds_token_wipe(&result.target);
    sign_result_release(&result);
    return err->code;
}

void rds_token_wipe(struct buf *token)
{
    if (token->data) {
        explicit_bzero(token->data, token->len);
    }
    buf_clear(token);
}

enum err_code rds_token(const struct rds_login *login, struct buf *out, struct err *err)
{
    const char *bundle = getenv("AWS_CA_BUNDLE");
    struct aws_creds_options options = {
        .profile = login->profile, .tls_ca = bundle && *bundle ? bundle : NULL, .clock = login->clock};
    struct rds_login known = *login;
    int64_t now = clock_wall_us(login->clock);
    struct aws_creds *creds = NULL;
    char region[AWS_REGION_MAX];
    struct sign_key key;

    if (aws_creds_open(&options, &creds, err) != ERR_OK) {
        return err->code;
    }
    if (!known.region) {
        known.region = rds_region_of(login->host, region) ? region : aws_creds_region(creds);
    }
    if (!known.region) {
        err_set(err, ERRN_CONFIG,
                "auth=rds-iam: %s does not say its region: add region=NAME to target.url, or set AWS_REGION",
                login->host);
    } else if (aws_region_check(known.region, err) == ERR_OK &&
               aws_creds_get(creds, now, known.region, &key, err) == ERR_OK &&
               rds_token_sign(&known, &key, now, out, err) == ERR_OK) {
        log_add_secret(buf_str(out));
        log_msg(LOG_DEBUG, "a login token for %s@%s:%u by the key of %s", login->user, login->host,
                login->port, aws_creds_source(creds));
    }
    aws_creds_close(creds);
    return err->code;
}
