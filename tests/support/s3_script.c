/* s3_script: the answers of a server that follows a script. */
#include "tests/support/s3_script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/registry.h"
#include "core/store/store_retry.h"

struct s3_script script;

static unsigned below(unsigned n)
{
    script.seed = script.seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(script.seed >> 33) % n;
}

/* Keys of all kinds of bytes, in order: a number leads. */
void s3_script_key(int i, char out[128])
{
    static const char *const odd[] = {"plain",        "a+b",    "50%",         "a b",
                                      "q?x=1&y",      "#'\"<>", "caf\xc3\xa9", "\xf0\x9f\x92\xa7",
                                      "\x01\x1f\x7f", "\r\n\t", "%2F+%20"};

    snprintf(out, 128, "%05d/%s", i, odd[i % 11]);
}

static void put_encoded(FILE *out, const char *key)
{
    for (; *key; key++) {
        if (*key == ' ') {
            fputc('+', out);
        } else if (strchr("/-_.0123456789abcdefghijklmnopqrstuvwxyz", *key)) {
            fputc(*key, out);
        } else {
            fprintf(out, "%%%02X", (unsigned char)*key);
        }
    }
}

/* The token is opaque and holds what a careless client would spoil. */
static void say_listing(const char *target, FILE *out)
{
    char key[128], *text;
    const char *token = strstr(target, "continuation-token=");
    int from = token ? (int)strtol(strstr(token, "%2B%2F%25") + 9, NULL, 10) : 0;
    size_t len;
    FILE *xml = open_memstream(&text, &len);

    fputs("<?xml version=\"1.0\"?><ListBucketResult>", xml);
    for (int i = from; i < from + PAGE_KEYS && i < MANY_KEYS; i++) {
        s3_script_key(script.listing_mode == LIST_UNSORTED && i == PAGE_KEYS + 5 ? 3 : i, key);
        fputs("<Contents><Key>", xml);
        if (script.listing_mode == LIST_RAW) {
            fprintf(xml, "%05d/a+b%%41", i);
        } else {
            put_encoded(xml, key);
        }
        fprintf(xml,
                "</Key><LastModified>2022-06-05T12:00:00.000Z</LastModified><ETag>&quot;e%d&quot;</ETag>"
                "<Size>%d</Size></Contents>",
                i, i);
    }
    if (from + PAGE_KEYS < MANY_KEYS) {
        int next = script.listing_mode == LIST_LOOP && from >= PAGE_KEYS ? from : from + PAGE_KEYS;

        fprintf(xml, "<IsTruncated>true</IsTruncated><NextContinuationToken>+/%%%d</NextContinuationToken>",
                next);
    } else {
        fputs("<IsTruncated>false</IsTruncated>", xml);
    }
    fprintf(xml, "%s</ListBucketResult>",
            script.listing_mode == LIST_RAW ? "" : "<EncodingType>url</EncodingType>");
    fclose(xml);
    scripted_say(out, 200, "", text, len);
    free(text);
}

static void say_error(FILE *out, int status, const char *code, const char *headers)
{
    char text[256];

    snprintf(text, sizeof text, "<Error><Code>%s</Code><Message>so it is</Message></Error>", code);
    scripted_say(out, status, headers, text, strlen(text));
}

static void say_object(struct scripted_request *r, FILE *out)
{
    const char *etag = script.gets > 0 && script.etag_after ? script.etag_after : script.etag;
    char range[64], condition[160], quoted[160];
    int64_t first = 0, last = OBJECT_BYTES - 1, end;
    bool head = strcmp(r->method, "HEAD") == 0;

    script.gets += !head;
    scripted_header(r, "if-match", condition, sizeof condition);
    snprintf(quoted, sizeof quoted, "\"%s\"", etag);
    if (condition[0] && strcmp(condition, quoted) != 0 && !script.ignore_condition) {
        say_error(out, 412, "PreconditionFailed", "");
        return;
    }
    scripted_header(r, "range", range, sizeof range);
    if (range[0] && !script.ignore_range) {
        sscanf(range, "bytes=%" SCNd64 "-%" SCNd64, &first, &last);
        last = last < OBJECT_BYTES - 1 ? last : OBJECT_BYTES - 1;
        if (first >= OBJECT_BYTES) {
            say_error(out, 416, "InvalidRange", "");
            return;
        }
        fprintf(out, "HTTP/1.1 206 Partial\r\nContent-Range: bytes %" PRId64 "-%" PRId64 "/%d\r\n", first,
                last, OBJECT_BYTES);
        if (script.content_range) {
            rewind(out);
            fprintf(out, "HTTP/1.1 206 Partial\r\nContent-Range: %s\r\n", script.content_range);
        }
    } else {
        fputs("HTTP/1.1 200 OK\r\n", out);
    }
    if (!script.no_etag) {
        fprintf(out, "ETag: %s\r\n", quoted);
    }
    fprintf(out, "Content-Length: %" PRId64 "\r\nLast-Modified: Sun, 05 Jun 2022 12:00:00 GMT\r\n%s\r\n",
            last - first + 1, script.get_headers);
    end = last + 1;
    if (script.cut_at >= 0 && script.cuts > 0 && script.cut_at < end && !head) {
        end = script.cut_at > first ? script.cut_at : first;
        script.cuts--;
        r->close = true;
    }
    for (int64_t i = first; i < end && !head; i++) {
        fputc(script.object[i] ^ (i == script.flip_at), out);
    }
}

static void answer(void *ctx, struct scripted_request *r, FILE *out)
{
    (void)ctx;
    script.requests++;
    script.connections = r->connection;
    snprintf(script.last_headers, sizeof script.last_headers, "%s", r->headers);
    snprintf(script.last_target, sizeof script.last_target, "%s", r->target);
    r->stall = script.stall;
    if (script.stall) {
        return;
    }
    if ((!script.fail_method || strcmp(script.fail_method, r->method) == 0) &&
        ((script.fail > 0 && script.fail--) ||
         (script.fail_percent > 0 && below(100) < (unsigned)script.fail_percent))) {
        scripted_say(out, script.fail_status, script.fail_headers, script.fail_body,
                     strcmp(r->method, "HEAD") == 0 ? 0 : strlen(script.fail_body));
    } else if (strstr(r->target, "list-type=2")) {
        if (script.listing) {
            scripted_say(out, 200, "", script.listing, strlen(script.listing));
        } else if (script.listing_mode == LIST_EMPTY) {
            scripted_say(out, 200, "", EMPTY_LISTING, strlen(EMPTY_LISTING));
        } else {
            say_listing(r->target, out);
        }
    } else if (strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0) {
        say_object(r, out);
    } else if (strcmp(r->method, "DELETE") == 0) {
        fputs("HTTP/1.1 204 Gone\r\n\r\n", out);
    } else if (strstr(r->target, "uploads=")) {
        static const char begun[] =
            "<InitiateMultipartUploadResult><UploadId>u/1</UploadId></InitiateMultipartUploadResult>";
        scripted_say(out, 200, "", begun, strlen(begun));
    } else if (strcmp(r->method, "POST") == 0) {
        static const char done[] =
            "<CompleteMultipartUploadResult><ETag>\"x-2\"</ETag></CompleteMultipartUploadResult>";
        scripted_say(out, 200, "", done, strlen(done));
    } else {
        scripted_say(out, 200, script.no_etag ? "" : "ETag: \"put\"\r\n", "", 0);
    }
}

int s3_script_begin(void **state)
{
    struct scripted_http *http = script.http;
    char *object = script.object;

    (void)state;
    script = (struct s3_script){.http = http,
                                .object = object,
                                .fail_headers = "",
                                .fail_body = "",
                                .cut_at = -1,
                                .flip_at = -1,
                                .get_headers = "",
                                .etag = "v1",
                                .seed = 20220605};
    clock_virtual_init(&script.clock, INT64_C(1654430400000000), 7);
    return 0;
}

int s3_script_start(void **state)
{
    (void)state;
    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", CANARY, 1);
    setenv("HOME", "/nonexistent", 1);
    unsetenv("AWS_SESSION_TOKEN");
    script.object = malloc(OBJECT_BYTES);
    for (int i = 0; i < OBJECT_BYTES; i++) {
        script.object[i] = (char)((uint32_t)i * 2654435761u >> 13);
    }
    script.http = scripted_http_start(answer, NULL);
    return 0;
}

int s3_script_stop(void **state)
{
    (void)state;
    scripted_http_stop(script.http);
    free(script.object);
    return 0;
}

enum err_code s3_script_open(const char *params, struct store **out, struct err *err)
{
    char url[256];

    *out = NULL;
    snprintf(url, sizeof url, "s3://bucket/root?endpoint=http://127.0.0.1:%d%s",
             scripted_http_port(script.http), params);
    return registry_open_store(url, "/", &script.clock.base, false, out, err);
}

struct store *s3_script_opened(void)
{
    struct err err = ERR_INIT;
    struct store *store;

    if (s3_script_open("", &store, &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    return store;
}

struct store *s3_script_with_retry(unsigned attempts)
{
    struct store_retry_options options = {.attempts = attempts};
    struct store *inner = s3_script_opened(), *store;
    struct err err = ERR_INIT;

    assert_int_equal(store_retry_wrap(inner, &options, &store, &err), ERR_OK);
    return store;
}

/* Reads a range and compares; the bytes that came right, with *err for how it ended. */
int64_t s3_script_read(struct store *store, const struct store_range *range, struct err *err)
{
    static char buf[OBJECT_BYTES];
    struct store_reader *reader;
    int64_t got = 0, offset = range ? range->offset : 0;
    size_t n = 1;

    if (store_open_read(store, "k", range, &reader, err) != ERR_OK) {
        return -1;
    }
    while (n > 0 && store_read(reader, buf, 10000, &n, err) == ERR_OK) {
        if (script.flip_at < 0) {
            assert_memory_equal(buf, script.object + offset + got, n);
        }
        got += (int64_t)n;
    }
    store_close_read(reader);
    return got;
}

void s3_script_error(const struct err *err, enum err_name name, const char *word)
{
    if (err->name != name || !strstr(err->msg, word) || strstr(err->msg, "canary") ||
        strchr(err->msg, '\n')) {
        fail_msg("%s is not %s: %s", err_name_text(err->name), err_name_text(name), err->msg);
    }
}
