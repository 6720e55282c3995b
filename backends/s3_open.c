/*
 * s3_open: a URL, the environment and the profile become a client: endpoint, region, style, trust. (libs3://
 * takes its settings from here too, so the label says the scheme that the URL has.)
 *
 * Settings, the first that is there: the URL's parameter; AWS's environment variable; the profile; the
 * default. An endpoint is http:// or https:// with host and port alone; http is spoken only where an endpoint
 * says so. AWS's own hosts are addressed as bucket.s3.REGION..., any other endpoint by path, as servers
 * without wildcard names need it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3_client.h"
#include "core/base/hour.h"
#include "core/base/mem.h"
#include "core/store/store.h"

enum { BUCKET_MIN = 3, BUCKET_MAX = 63 };

static const char *const params[] = {"endpoint", "region",  "path-style", "tls-ca",
                                     "profile",  "timeout", NULL};

static enum err_code check_params(const struct url *url, struct err *err)
{
    for (int i = 0; i < url->nparams; i++) {
        int k = 0;

        while (params[k] && strcmp(params[k], url->params[i].name) != 0) {
            k++;
        }
        if (!params[k]) {
            return err_set(
                err, ERRN_CONFIG,
                "the URL has an unknown parameter \"%s\"; there are endpoint, region, path-style, tls-ca, "
                "profile and timeout",
                url->params[i].name);
        }
    }
    return ERR_OK;
}

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static enum err_code set_bucket(struct s3 *s3, const struct url *url, struct err *err)
{
    size_t len = strlen(url->host), prefix = url->path ? strlen(url->path) : 0;
    size_t label = strlen(url->scheme) + len + prefix + sizeof ":///";

    if (len < BUCKET_MIN || len > BUCKET_MAX || strstr(url->host, "..") || strchr(url->host, ':')) {
        return err_set(err, ERRN_CONFIG,
                       "\"%s\" is no name of a bucket: 3 to 63 letters, digits, \".\" and \"-\"", url->host);
    }
    while (prefix > 0 && url->path[prefix - 1] == '/') {
        prefix--;
    }
    s3->bucket = mem_strdup(url->host);
    s3->root = mem_alloc(prefix + 2);
    s3->label = mem_alloc(label);
    if (!s3->bucket || !s3->root || !s3->label) {
        return err_nomem(err);
    }
    snprintf(s3->root, prefix + 2, "%.*s%s", (int)prefix, prefix ? url->path : "", prefix ? "/" : "");
    snprintf(s3->label, label, "%s://%s%s%.*s", url->scheme, url->host, prefix ? "/" : "", (int)prefix,
             prefix ? url->path : "");
    if (prefix > 0) {
        char *key = mem_strndup(url->path, prefix);
        bool valid = key && store_key_valid(key);

        mem_free(key);
        if (!key) {
            return err_nomem(err);
        }
        if (!valid) {
            return err_set(err, ERRN_CONFIG,
                           "the prefix has an empty, \".\" or \"..\" part, or more than %d bytes",
                           STORE_KEY_MAX);
        }
    }
    return ERR_OK;
}

static enum err_code set_endpoint(struct s3 *s3, const struct url *url, struct err *err)
{
    const char *text = url_param(url, "endpoint"), *style = url_param(url, "path-style");
    struct url endpoint;
    size_t len;
    bool v6;

    text = text ? text : env("AWS_ENDPOINT_URL_S3");
    text = text ? text : env("AWS_ENDPOINT_URL");
    text = text ? text : aws_creds_setting(s3->creds, "endpoint_url");
    s3->tls = true;
    s3->path_style = text || strchr(s3->bucket, '.');
    if (style) {
        if (strcmp(style, "false") != 0 && strcmp(style, "true") != 0) {
            return err_set(err, ERRN_CONFIG, "path-style is true or false, not \"%s\"", style);
        }
        s3->path_style = strcmp(style, "true") == 0;
    }
    if (!text) {
        return ERR_OK;
    }
    if (url_parse(text, &endpoint, err) != ERR_OK) {
        return err_context(err, "endpoint");
    }
    s3->tls = strcmp(endpoint.scheme, "https") == 0;
    if ((!s3->tls && strcmp(endpoint.scheme, "http") != 0) || endpoint.user ||
        (endpoint.path && *endpoint.path) || endpoint.nparams > 0) {
        err_set(err, ERRN_CONFIG, "the endpoint must be http://HOST[:PORT] or https://HOST[:PORT]");
        goto out;
    }
    v6 = strchr(endpoint.host, ':') != NULL;
    len = strlen(endpoint.host) + sizeof "[]:65535";
    s3->endpoint = mem_alloc(len);
    if (!s3->endpoint) {
        err_nomem(err);
        goto out;
    }
    snprintf(s3->endpoint, len, v6 ? "[%s]" : "%s", endpoint.host);
    if (endpoint.port && endpoint.port != (s3->tls ? 443 : 80)) {
        size_t at = strlen(s3->endpoint);

        snprintf(s3->endpoint + at, len - at, ":%d", endpoint.port);
    }
out:
    url_release(&endpoint);
    return err->code;
}

static enum err_code set_region(struct s3 *s3, const struct url *url, struct err *err)
{
    const char *region = url_param(url, "region");

    region = region ? region : aws_creds_region(s3->creds);
    region = region ? region : "us-east-1";
    if (aws_region_check(region, err) != ERR_OK) {
        return err->code;
    }
    snprintf(s3->region, sizeof s3->region, "%s", region);
    return ERR_OK;
}

static enum err_code set_http(struct s3 *s3, const struct url *url, const char *tls_ca, struct err *err)
{
    const char *timeout = url_param(url, "timeout");
    struct http_options options = {.tls_ca = tls_ca};
    int64_t ms = 0;

    s3->first_s = timeout ? 0 : HTTP_CONNECT_MS / 1000;

    if (timeout) {
        if (duration_parse(timeout, &ms, err) != ERR_OK || ms < 1000 || ms > 3600000) {
            err_clear(err);
            return err_set(err, ERRN_CONFIG, "timeout is a duration from 1s to 1h, not \"%s\"", timeout);
        }
        options.silence_s = (long)(ms / 1000);
        options.connect_ms = ms < HTTP_CONNECT_MS ? (long)ms : HTTP_CONNECT_MS;
    }
    return http_open(&options, &s3->http, err);
}

/* The file of tls-ca, which starts at the pipeline's folder, or AWS_CA_BUNDLE, which does not; NULL for none.
 */
static enum err_code find_tls_ca(const struct url *url, const char *base_dir, char **out, struct err *err)
{
    const char *name = url_param(url, "tls-ca");
    size_t len;

    *out = NULL;
    if (!name) {
        name = env("AWS_CA_BUNDLE");
        base_dir = "";
        if (!name) {
            return ERR_OK;
        }
    }
    len = strlen(base_dir) + strlen(name) + 2;
    *out = mem_alloc(len);
    if (!*out) {
        return err_nomem(err);
    }
    snprintf(*out, len, "%s%s%s", *name == '/' ? "" : base_dir, *name == '/' || !*base_dir ? "" : "/", name);
    return ERR_OK;
}

enum err_code s3_open(const struct url *url, const char *base_dir, const struct clock *clock, struct s3 **out,
                      struct err *err)
{
    struct aws_creds_options creds = {.profile = url_param(url, "profile"), .clock = clock};
    struct s3 *s3 = mem_calloc(1, sizeof *s3);
    char *tls_ca = NULL;

    *out = NULL;
    if (!s3) {
        return err_nomem(err);
    }
    s3->clock = clock;
    if (check_params(url, err) != ERR_OK || set_bucket(s3, url, err) != ERR_OK ||
        find_tls_ca(url, base_dir, &tls_ca, err) != ERR_OK) {
        goto out;
    }
    creds.tls_ca = tls_ca;
    if (aws_creds_open(&creds, &s3->creds, err) != ERR_OK || set_endpoint(s3, url, err) != ERR_OK ||
        set_region(s3, url, err) != ERR_OK || set_http(s3, url, tls_ca, err) != ERR_OK) {
        goto out;
    }
    *out = s3;
out:
    mem_free(tls_ca);
    if (!*out) {
        err_context(err, "%s://%s", url->scheme, url->host);
        s3_close(s3);
    }
    return err->code;
}

void s3_close(struct s3 *s3)
{
    if (s3) {
        http_close(s3->http);
        aws_creds_close(s3->creds);
        mem_free(s3->bucket);
        mem_free(s3->root);
        mem_free(s3->label);
        mem_free(s3->endpoint);
        mem_free(s3);
    }
}
