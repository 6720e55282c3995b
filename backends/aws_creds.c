/*
 * aws_creds: an access key from where AWS's tools keep it.
 *
 * States: UNKNOWN --get--> FIXED (environment, files: for good) | FRESH (fetched, with a time at which it
 * expires)
 * --five minutes before that, or refused as expired--> UNKNOWN. A fetch that fails while the old key is still
 * good is a warning: the old one is used on.
 *
 * Invariants: an endpoint that is given by the environment gets our token over TLS, or on this host or link
 * only; no value of a secret stands in a message; each secret and token is registered with the log before it
 * is used.
 */
#include "backends/aws_creds.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/aws_profile.h"
#include "backends/s3_http.h"
#include "backends/s3_xml.h"
#include "core/base/hour.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/url.h"

enum {
    SOURCE_MAX = 128,
    URL_TEXT_MAX = 2048,
    METADATA_MS = 1000,
    FETCH_SILENCE_S = 5,
    METADATA_SILENCE_S = 1
};

static const int64_t EARLY_US = INT64_C(300000000);

struct aws_creds {
    const struct clock *clock;
    char *tls_ca;
    char *wanted; /* the profile that was named on purpose; NULL = none */
    struct aws_profile profile;
    char source[SOURCE_MAX];
    char *id, *secret, *token;
    int64_t expires_us; /* INT64_MAX: never */
};

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

enum err_code aws_creds_open(const struct aws_creds_options *options, struct aws_creds **out, struct err *err)
{
    struct aws_creds *creds = mem_calloc(1, sizeof *creds);
    const char *name = options->profile ? options->profile : env("AWS_PROFILE");

    *out = NULL;
    if (!creds) {
        return err_nomem(err);
    }
    creds->clock = options->clock;
    snprintf(creds->source, sizeof creds->source, "nowhere");
    if ((options->tls_ca && !(creds->tls_ca = mem_strdup(options->tls_ca))) ||
        (options->profile && !(creds->wanted = mem_strdup(options->profile)))) {
        err_nomem(err);
        goto out;
    }
    if (aws_profile_read(name ? name : "default", &creds->profile, err) != ERR_OK) {
        goto out;
    }
    if (name && !creds->profile.found) {
        err_set(err, ERRN_CONFIG,
                "there is no profile \"%s\" in ~/.aws/config or ~/.aws/credentials: correct %s", name,
                options->profile ? "profile=" : "AWS_PROFILE");
        goto out;
    }
    *out = creds;
out:
    if (!*out) {
        aws_creds_close(creds);
    }
    return err->code;
}

static void forget(struct aws_creds *creds)
{
    if (creds->secret) {
        explicit_bzero(creds->secret, strlen(creds->secret));
    }
    mem_free(creds->id);
    mem_free(creds->secret);
    mem_free(creds->token);
    creds->id = creds->secret = creds->token = NULL;
}

void aws_creds_close(struct aws_creds *creds)
{
    if (creds) {
        forget(creds);
        aws_profile_release(&creds->profile);
        mem_free(creds->tls_ca);
        mem_free(creds->wanted);
        mem_free(creds);
    }
}

const char *aws_creds_source(const struct aws_creds *creds)
{
    return creds->source;
}

const char *aws_creds_setting(const struct aws_creds *creds, const char *name)
{
    const char *value = aws_profile_get(&creds->profile, name);

    return value && *value ? value : NULL;
}

const char *aws_creds_region(const struct aws_creds *creds)
{
    const char *region = env("AWS_REGION");

    region = region ? region : env("AWS_DEFAULT_REGION");
    return region ? region : aws_creds_setting(creds, "region");
}

enum err_code aws_region_check(const char *region, struct err *err)
{
    if (!*region || *region == '-' || strlen(region) >= AWS_REGION_MAX ||
        region[strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-")]) {
        return err_set(err, ERRN_CONFIG, "\"%.60s\" is no name of a region, such as eu-west-1", region);
    }
    return ERR_OK;
}

/* Keeps a key; `expires` is a moment as text, NULL = never. */
static enum err_code keep(struct aws_creds *creds, const char *id, const char *secret, const char *token,
                          const char *expires, const char *source, struct err *err)
{
    int64_t expires_us = INT64_MAX;

    log_add_secret(secret);
    log_add_secret(token);
    if (!id || !*id || !secret || !*secret) {
        return err_set(err, ERRN_CONFIG,
                       "%s gives an access key without its secret key, or the other way round", source);
    }
    if (expires && time_parse_us(expires, &expires_us, err) != ERR_OK) {
        err_clear(err);
        return err_set(err, ERRN_CONFIG, "%s gives a key with a time of expiry that is none", source);
    }
    forget(creds);
    creds->id = mem_strdup(id);
    creds->secret = mem_strdup(secret);
    creds->token = token && *token ? mem_strdup(token) : NULL;
    creds->expires_us = expires_us;
    snprintf(creds->source, sizeof creds->source, "%s", source);
    if (!creds->id || !creds->secret || (token && *token && !creds->token)) {
        forget(creds);
        return err_nomem(err);
    }
    return ERR_OK;
}

/* One answer over HTTP, of status 200, into answer->body. `direct`: past any proxy, with short time-outs. */
static enum err_code fetch(const struct aws_creds *creds, const struct http_request *request, bool direct,
                           const char *source, struct http_answer *answer, struct err *err)
{
    struct http_options options = {.tls_ca = creds->tls_ca,
                                   .connect_ms = direct ? METADATA_MS : HTTP_CONNECT_MS,
                                   .silence_s = direct ? METADATA_SILENCE_S : FETCH_SILENCE_S,
                                   .direct = direct};
    struct s3_fault fault = {0};
    struct http *http;

    if (http_open(&options, &http, err) != ERR_OK) {
        return err->code;
    }
    if (http_call(http, request, answer, err) == ERR_OK && answer->status != 200) {
        s3_fault_parse(answer->body.data, answer->body.len, &fault);
        err_set_native(err,
                       answer->status >= 500 || answer->status == 429 ? ERRN_STORE_UNREACHABLE : ERRN_DENIED,
                       answer->status, "it answered %d %s", answer->status, fault.code);
    }
    http_close(http);
    return err_context(err, "%s", source);
}

static const char *json_text(const json_t *root, const char *name)
{
    const char *text = json_string_value(json_object_get(root, name));

    return text ? text : "";
}

/* {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}, as containers and instances give it. */
static enum err_code keep_json(struct aws_creds *creds, const struct buf *body, const char *source,
                               struct err *err)
{
    json_t *root = json_loadb(buf_str(body), body->len, 0, NULL);
    const char *expires = json_text(root, "Expiration");

    if (!root || !json_text(root, "AccessKeyId")[0]) {
        err_set(err, ERRN_DENIED, "%s gives no access key: %.60s", source, json_text(root, "Message"));
    } else {
        (void)!keep(creds, json_text(root, "AccessKeyId"), json_text(root, "SecretAccessKey"),
                    json_text(root, "Token"), *expires ? expires : NULL, source, err);
    }
    json_decref(root);
    return err->code;
}

struct token_answer {
    char id[160], secret[160], expires[64];
    struct buf token;
};

static enum err_code take_token_element(void *ctx, const char *path, const char *text, struct err *err)
{
    struct token_answer *a = ctx;
    const char *name = strrchr(path, '/');

    name = name ? name + 1 : path;
    if (strcmp(name, "AccessKeyId") == 0) {
        snprintf(a->id, sizeof a->id, "%s", text);
    } else if (strcmp(name, "SecretAccessKey") == 0) {
        snprintf(a->secret, sizeof a->secret, "%s", text);
    } else if (strcmp(name, "Expiration") == 0) {
        snprintf(a->expires, sizeof a->expires, "%s", text);
    } else if (strcmp(name, "SessionToken") == 0) {
        return buf_append_str(&a->token, text, err);
    }
    return ERR_OK;
}

static enum err_code ask_token_service(struct aws_creds *creds, const char *role, const char *session,
                                       const char *token, const char *region, struct err *err)
{
    static const char source[] = "the web identity token";
    const char *endpoint = env("AWS_ENDPOINT_URL_STS");
    struct token_answer keys = {.id = ""};
    struct http_answer answer;
    struct buf body;
    char url[URL_TEXT_MAX];

    http_answer_init(&answer);
    buf_init(&body, SIGN_TEXT_MAX);
    buf_init(&keys.token, XML_TEXT_MAX);
    snprintf(url, sizeof url, endpoint ? "%s/" : "https://sts.%s.amazonaws.com%s/",
             endpoint ? endpoint : region, strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    if (buf_append_str(&body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=", err) !=
            ERR_OK ||
        sign_encode(&body, role, false, err) != ERR_OK ||
        buf_append_str(&body, "&RoleSessionName=", err) != ERR_OK ||
        sign_encode(&body, session, false, err) != ERR_OK ||
        buf_append_str(&body, "&WebIdentityToken=", err) != ERR_OK ||
        sign_encode(&body, token, false, err) != ERR_OK) {
        goto out;
    }
    if (fetch(creds,
              &(struct http_request){"POST", url, "content-type: application/x-www-form-urlencoded\n",
                                     body.data, body.len, 0},
              false, source, &answer, err) == ERR_OK &&
        xml_parse(answer.body.data, answer.body.len, take_token_element, &keys, err) == ERR_OK) {
        (void)!keep(creds, keys.id, keys.secret, buf_str(&keys.token), keys.expires, source, err);
    }
out:
    explicit_bzero(keys.secret, sizeof keys.secret);
    http_answer_release(&answer);
    buf_release(&body);
    buf_release(&keys.token);
    return err->code;
}

/* EKS: the token file is read each time, as it is renewed. */
static enum err_code from_web_identity(struct aws_creds *creds, const char *region, bool *found,
                                       struct err *err)
{
    const char *file = env("AWS_WEB_IDENTITY_TOKEN_FILE"), *role = env("AWS_ROLE_ARN");
    const char *session = env("AWS_ROLE_SESSION_NAME");
    char *token = NULL;

    if (!file) {
        file = aws_creds_setting(creds, "web_identity_token_file");
        role = aws_creds_setting(creds, "role_arn");
        session = aws_creds_setting(creds, "role_session_name");
    }
    *found = file != NULL;
    if (!file) {
        return ERR_OK;
    }
    if (!role) {
        return err_set(err, ERRN_CONFIG, "a web identity token file is named, but no role: set AWS_ROLE_ARN");
    }
    if (aws_read_file(file, &token, err) != ERR_OK) {
        return err_context(err, "the web identity token");
    }
    log_add_secret(token);
    (void)!ask_token_service(creds, role, session ? session : "sluice", token, region, err);
    mem_free(token);
    return err->code;
}

/* Over plain HTTP the token goes to this host and to the addresses of ECS and EKS only. */
static bool container_url_allowed(const char *text)
{
    static const char *const hosts[] = {"localhost", "::1", "169.254.170.2", "169.254.170.23",
                                        "fd00:ec2::23"};
    struct err err = ERR_INIT;
    struct url url;
    bool allowed = false;

    if (url_parse(text, &url, &err) != ERR_OK) {
        return false;
    }
    if (strcmp(url.scheme, "https") == 0) {
        allowed = true;
    } else if (strcmp(url.scheme, "http") == 0) {
        allowed = strncmp(url.host, "127.", 4) == 0 && url.host[strspn(url.host, "0123456789.")] == '\0';
        for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
            allowed |= strcmp(url.host, hosts[i]) == 0;
        }
    }
    url_release(&url);
    return allowed;
}

static enum err_code from_container(struct aws_creds *creds, bool *found, struct err *err)
{
    static const char source[] = "the container's endpoint";
    const char *relative = env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *token_file = env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char url[URL_TEXT_MAX], headers[4 * URL_TEXT_MAX] = "accept: application/json\n";
    struct http_answer answer;
    char *read = NULL;

    *found = relative || full;
    if (!*found) {
        return ERR_OK;
    }
    snprintf(url, sizeof url, "%s%s", relative ? "http://169.254.170.2" : "", relative ? relative : full);
    if ((relative && *relative != '/') || !container_url_allowed(url)) {
        return err_set(err, ERRN_CONFIG,
                       "%s must be https, or http on this host or AWS's own address: correct "
                       "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                       source);
    }
    if (token_file && aws_read_file(token_file, &read, err) != ERR_OK) {
        return err_context(err, "%s", source);
    }
    token = read ? read : token;
    log_add_secret(token);
    if (token && (token[strcspn(token, "\r\n")] ||
                  (size_t)snprintf(headers, sizeof headers, "accept: application/json\nauthorization: %s\n",
                                   token) >= sizeof headers)) {
        err_set(err, ERRN_CONFIG, "%s: the authorization token is no single line", source);
    } else {
        http_answer_init(&answer);
        if (fetch(creds, &(struct http_request){"GET", url, headers, NULL, 0, 0},
                  strncmp(url, "http:", 5) == 0, source, &answer, err) == ERR_OK) {
            (void)!keep_json(creds, &answer.body, source, err);
        }
        http_answer_release(&answer);
    }
    mem_free(read);
    return err->code;
}

/* IMDSv2: a session token first, the name of the role, its key. No answer within a second: we are elsewhere.
 */
static enum err_code from_instance(struct aws_creds *creds, bool *found, struct err *err)
{
    static const char source[] = "the instance's metadata";
    static const char role_path[] = "/latest/meta-data/iam/security-credentials/";
    const char *endpoint = env("AWS_EC2_METADATA_SERVICE_ENDPOINT"), *off = env("AWS_EC2_METADATA_DISABLED");
    char url[URL_TEXT_MAX], headers[URL_TEXT_MAX], role[128];
    struct http_answer answer;
    int base;

    *found = !(off && strcasecmp(off, "true") == 0);
    if (!*found) {
        return ERR_OK;
    }
    endpoint = endpoint ? endpoint : "http://169.254.169.254";
    base = (int)strlen(endpoint) - (endpoint[strlen(endpoint) - 1] == '/');
    http_answer_init(&answer);
    snprintf(url, sizeof url, "%.*s/latest/api/token", base, endpoint);
    if (fetch(creds,
              &(struct http_request){"PUT", url, "x-aws-ec2-metadata-token-ttl-seconds: 21600\n", NULL, 0, 0},
              true, source, &answer, err) != ERR_OK) {
        goto out;
    }
    log_add_secret(buf_str(&answer.body));
    snprintf(headers, sizeof headers, "x-aws-ec2-metadata-token: %.*s\n",
             (int)strcspn(buf_str(&answer.body), "\r\n"), buf_str(&answer.body));
    snprintf(url, sizeof url, "%.*s%s", base, endpoint, role_path);
    if (fetch(creds, &(struct http_request){"GET", url, headers, NULL, 0, 0}, true, source, &answer, err) !=
        ERR_OK) {
        goto out;
    }
    snprintf(role, sizeof role, "%.*s", (int)strcspn(buf_str(&answer.body), "\r\n"), buf_str(&answer.body));
    snprintf(url, sizeof url, "%.*s%s%s", base, endpoint, role_path, role);
    if (fetch(creds, &(struct http_request){"GET", url, headers, NULL, 0, 0}, true, source, &answer, err) ==
        ERR_OK) {
        (void)!keep_json(creds, &answer.body, source, err);
    }
out:
    /* No answer, or a refusal: this is no instance of AWS, or one without a role. */
    *found = err->code != ERR_DENIED && !(err->code == ERR_TRANSIENT && answer.status == 0);
    if (!*found) {
        err_clear(err);
    }
    http_answer_release(&answer);
    return err->code;
}

static enum err_code from_profile(struct aws_creds *creds, bool *found, struct err *err)
{
    static const char *const others[] = {"credential_process", "sso_session", "sso_start_url",
                                         "source_profile", "credential_source"};
    const char *id = aws_creds_setting(creds, "aws_access_key_id");
    char source[SOURCE_MAX];

    *found = id != NULL;
    snprintf(source, sizeof source, "profile %.64s of ~/.aws",
             creds->wanted        ? creds->wanted
             : env("AWS_PROFILE") ? env("AWS_PROFILE")
                                  : "default");
    if (id) {
        return keep(creds, id, aws_creds_setting(creds, "aws_secret_access_key"),
                    aws_creds_setting(creds, "aws_session_token"), NULL, source, err);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (aws_creds_setting(creds, others[i])) {
            return err_set(err, ERRN_UNSUPPORTED,
                           "%s uses %s, which sluice does not follow: put its key into the environment with "
                           "`aws configure export-credentials --format env`",
                           source, others[i]);
        }
    }
    return ERR_OK;
}

static enum err_code look(struct aws_creds *creds, const char *region, struct err *err)
{
    const char *id = creds->wanted ? NULL : env("AWS_ACCESS_KEY_ID");
    bool found = false;

    if (id) {
        return keep(creds, id, env("AWS_SECRET_ACCESS_KEY"), env("AWS_SESSION_TOKEN"), NULL,
                    "the environment", err);
    }
    if (from_profile(creds, &found, err) != ERR_OK || found) {
        return err->code;
    }
    if (from_web_identity(creds, region, &found, err) != ERR_OK || found) {
        return err->code;
    }
    if (from_container(creds, &found, err) != ERR_OK || found) {
        return err->code;
    }
    if (from_instance(creds, &found, err) != ERR_OK || found) {
        return err->code;
    }
    return err_set(
        err, ERRN_DENIED,
        "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for a profile in "
        "~/.aws/credentials, or run where a role is given (EKS, ECS, EC2)");
}

enum err_code aws_creds_get(struct aws_creds *creds, int64_t now_us, const char *region, struct sign_key *out,
                            struct err *err)
{
    if (!creds->id || (creds->expires_us != INT64_MAX && now_us >= creds->expires_us - EARLY_US)) {
        struct err why = ERR_INIT;

        if (look(creds, region, &why) != ERR_OK) {
            if (!creds->id || now_us >= creds->expires_us) {
                *err = why;
                return err->code;
            }
            log_msg(LOG_WARN, "a new key could not be had, the old one is good for %lld s yet: %s",
                    (long long)((creds->expires_us - now_us) / 1000000), why.msg);
        }
    }
    *out = (struct sign_key){creds->id, creds->secret, creds->token};
    return ERR_OK;
}

bool aws_creds_expired(struct aws_creds *creds)
{
    bool renewable = creds->id && creds->expires_us != INT64_MAX;

    if (renewable) {
        forget(creds);
    }
    return renewable;
}
