/* libs3_script: the answers of a server that follows a script. */
#include "tests/support/libs3_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/registry.h"

enum { PARAM_MAX = 2048 };

struct libs3_script libs3_script;

/* The value of a parameter, decoded as far as the tests need it. */
static void param(const char *target, const char *name, char out[PARAM_MAX])
{
    char mark[32];
    const char *at;
    size_t len = 0;

    snprintf(mark, sizeof mark, "%s=", name);
    at = strstr(target, mark);
    for (at = at ? at + strlen(mark) : ""; *at && *at != '&' && len < PARAM_MAX - 1; at++) {
        unsigned byte;

        out[len++] = *at;
        if (*at == '%' && sscanf(at + 1, "%2x", &byte) == 1) {
            out[len - 1] = (char)byte;
            at += 2;
        }
    }
    out[len] = '\0';
}

/* By version 1: by marker, which it repeats. */
static void say_listing(struct scripted_request *r, FILE *out)
{
    char prefix[PARAM_MAX], marker[PARAM_MAX], *text;
    int given = 0;
    size_t len, end = 0;
    FILE *xml = open_memstream(&text, &len);

    libs3_script.listings++;
    param(r->target, "prefix", prefix);
    param(r->target, "marker", marker);
    for (int pass = 0; pass < 2; pass++) {
        int n = 0;

        for (int i = 0; i < LIBS3_KEYS_MAX && libs3_script.keys[i]; i++) {
            if (strncmp(libs3_script.keys[i], prefix, strlen(prefix)) != 0 ||
                strcmp(libs3_script.keys[i], marker) <= 0) {
                continue;
            }
            if (pass && n < libs3_script.page) {
                fprintf(xml,
                        "<Contents><Key>%s</Key><LastModified>2022-06-05T12:00:00.000Z</LastModified>"
                        "<ETag>&quot;e&quot;</ETag><Size>7</Size></Contents>",
                        libs3_script.keys[i]);
                fflush(xml);
                end = ++given == libs3_script.cut_after ? len : end;
            }
            n++;
        }
        if (!pass) {
            fprintf(xml,
                    "<?xml version=\"1.0\"?><ListBucketResult><Name>bucket</Name><Prefix>%s</Prefix>"
                    "<Marker>%s</Marker><IsTruncated>%s</IsTruncated>",
                    prefix, marker, n > libs3_script.page ? "true" : "false");
            fflush(xml);
            end = libs3_script.cut_after == 0 ? len : 0;
        }
    }
    fputs("</ListBucketResult>", xml);
    fclose(xml);
    if (libs3_script.listing) {
        free(text);
        text = strdup(libs3_script.listing);
        len = strlen(text);
    }
    if (libs3_script.no_length) {
        fprintf(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", len,
                text);
    } else {
        fprintf(out, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
        if (end > 0 && libs3_script.cuts > 0 && libs3_script.listings > libs3_script.cut_from) {
            libs3_script.cuts--;
            r->close = true;
            len = end;
        }
        fwrite(text, 1, len, out);
    }
    free(text);
}

static void say_object(struct scripted_request *r, FILE *out)
{
    bool head = strcmp(r->method, "HEAD") == 0;
    const char *etag = libs3_script.gets > 0 && libs3_script.etag_after ? libs3_script.etag_after
                                                                        : libs3_script.etag;
    int64_t first = 0, last = LIBS3_OBJECT_BYTES - 1, end;
    char range[64];

    libs3_script.gets += !head;
    scripted_header(r, "range", range, sizeof range);
    if (range[0] && !libs3_script.ignore_range) {
        sscanf(range, "bytes=%" SCNd64 "-%" SCNd64, &first, &last);
        last = last < LIBS3_OBJECT_BYTES - 1 ? last : LIBS3_OBJECT_BYTES - 1;
        last -= libs3_script.shorten_range;
    }
    fprintf(out, "HTTP/1.1 %s\r\n", range[0] && !libs3_script.ignore_range ? "206 Partial" : "200 OK");
    if (!libs3_script.no_etag) {
        fprintf(out, "ETag: \"%s\"\r\n", etag);
    }
    fprintf(out, "Content-Length: %" PRId64 "\r\nLast-Modified: Sun, 05 Jun 2022 12:00:00 GMT\r\n\r\n",
            last - first + 1);
    end = last + 1;
    r->stall = !head && libs3_script.stall_in_body;
    if (!head && (r->stall || (libs3_script.cut_at >= first && libs3_script.cut_at < end))) {
        end = r->stall ? first + 1000 : libs3_script.cut_at;
        libs3_script.cut_at = -1;
        r->close = true;
    }
    if (!head && end > first) {
        fwrite(libs3_script.object + first, 1, (size_t)(end - first), out);
    }
}

/* root/put: what was stored there by the last PUT, with an ETag that is no MD5. */
static void say_stored(struct scripted_request *r, FILE *out)
{
    const char *shown = strcmp(r->method, "HEAD") == 0 ? "" : libs3_script.stored;

    if (strcmp(r->method, "PUT") == 0) {
        if (!libs3_script.put_is_lost) {
            snprintf(libs3_script.stored, sizeof libs3_script.stored, "%s", r->body);
        }
        r->close = libs3_script.put_says_nothing;
        fputs(libs3_script.put_says_nothing ? "" : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", out);
    } else if (!libs3_script.stored[0]) {
        scripted_say(out, 404, "", "", 0);
    } else {
        fprintf(out, "HTTP/1.1 200 OK\r\nETag: \"stored\"\r\nContent-Length: %zu\r\n\r\n%s",
                strlen(libs3_script.stored), shown);
    }
}

static void answer(void *ctx, struct scripted_request *r, FILE *out)
{
    (void)ctx;
    libs3_script.requests++;
    libs3_script.connections = r->connection;
    snprintf(libs3_script.last_headers, sizeof libs3_script.last_headers, "%s", r->headers);
    snprintf(libs3_script.last_target, sizeof libs3_script.last_target, "%s", r->target);
    r->stall = libs3_script.stall;
    if (libs3_script.stall) {
        return;
    }
    if (libs3_script.fail > 0 &&
        (!libs3_script.fail_method || strcmp(libs3_script.fail_method, r->method) == 0)) {
        libs3_script.fail--;
        scripted_say(out, libs3_script.fail_status, libs3_script.fail_headers, libs3_script.fail_body,
                     strcmp(r->method, "HEAD") == 0 ? 0 : strlen(libs3_script.fail_body));
    } else if (strncmp(r->target, "/bucket/?", 9) == 0) {
        say_listing(r, out);
    } else if (strcmp(r->method, "DELETE") == 0) {
        fputs("HTTP/1.1 204 Gone\r\n\r\n", out);
    } else if (strcmp(r->target, "/bucket/root/put") == 0) {
        say_stored(r, out);
    } else {
        say_object(r, out);
    }
}

int libs3_script_begin(void **state)
{
    struct scripted_http *http = libs3_script.http;
    char *object = libs3_script.object;

    (void)state;
    memset(&libs3_script, 0, sizeof libs3_script);
    libs3_script.http = http;
    libs3_script.object = object;
    libs3_script.page = 3;
    libs3_script.cut_after = -1;
    libs3_script.cut_at = -1;
    libs3_script.etag = "v1";
    libs3_script.fail_body = libs3_script.fail_headers = "";
    clock_virtual_init(&libs3_script.clock, INT64_C(1654430400000000), 7);
    return 0;
}

int libs3_script_start(void **state)
{
    (void)state;
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", LIBS3_CANARY, 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("AWS_SESSION_TOKEN");
    libs3_script.object = malloc(LIBS3_OBJECT_BYTES);
    for (int i = 0; i < LIBS3_OBJECT_BYTES; i++) {
        libs3_script.object[i] = (char)((uint32_t)i * 2654435761u >> 13);
    }
    libs3_script.http = scripted_http_start(answer, NULL);
    return 0;
}

int libs3_script_stop(void **state)
{
    (void)state;
    scripted_http_stop(libs3_script.http);
    free(libs3_script.object);
    return 0;
}

enum err_code libs3_script_open(const char *params, struct store **out, struct err *err)
{
    char url[256];

    *out = NULL;
    snprintf(url, sizeof url, "libs3://bucket/root?endpoint=http://127.0.0.1:%d%s",
             scripted_http_port(libs3_script.http), params);
    return registry_open_store(url, "/", &libs3_script.clock.base, false, out, err);
}

struct store *libs3_script_opened(void)
{
    struct err err = ERR_INIT;
    struct store *store;

    if (libs3_script_open("", &store, &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    return store;
}

void libs3_script_error(struct err *err, enum err_name name, const char *word)
{
    if (err->name != name || !strstr(err->msg, word) || strstr(err->msg, "canary") ||
        strchr(err->msg, '\n')) {
        fail_msg("%s is not %s with \"%s\": %s", err_name_text(err->name), err_name_text(name), word,
                 err->msg);
    }
    err_clear(err);
}

int64_t libs3_script_read(struct store *store, const struct store_range *range, struct err *err)
{
    static char buf[65536];
    struct store_reader *reader;
    int64_t got = 0, offset = range ? range->offset : 0;
    size_t n = 1;

    if (store_open_read(store, "k", range, &reader, err) != ERR_OK) {
        return -1;
    }
    while (n > 0 && store_read(reader, buf, sizeof buf, &n, err) == ERR_OK) {
        assert_memory_equal(buf, libs3_script.object + offset + got, n);
        got += (int64_t)n;
    }
    store_close_read(reader);
    return got;
}

int libs3_script_list(struct store *store, struct err *err)
{
    struct store_list *list;
    struct store_object object;
    bool more = true;
    int n = 0;

    if (store_list_begin(store, "", STORE_BELOW, &list, err) != ERR_OK) {
        return 0;
    }
    while (store_list_next(list, &object, &more, err) == ERR_OK && more) {
        n++;
    }
    store_list_end(list);
    return n;
}
