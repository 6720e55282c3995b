/*
 * store_s3 over a real server: the suite, once in buckets of their own and once under a prefix; uploads in
 * parts; the mistakes that people make, each one clear line.
 *
 * The server is at SLUICE_TEST_S3_URL (s3://BUCKET/PREFIX?endpoint=...), with its key in the environment.
 * Buckets that the suite makes are named after BUCKET and removed again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/registry.h"
#include "backends/s3_client.h"
#include "backends/s3_put.h"
#include "core/base/mem.h"
#include "core/store/store_retry.h"
#include "tests/conformance/store_suite.h"

enum { URL_TEXT = 1024 };

static struct {
    char bucket[64]; /* the user's */
    char query[512]; /* "?endpoint=..." or "" */
    char url[URL_TEXT];
    unsigned count;
} place;

static enum err_code open_url(const char *url, bool create, struct store **out, struct err *err)
{
    return registry_open_store(url, "/", clock_real(), create, out, err);
}

/* Empties the bucket at place.url and removes it. */
static void remove_bucket(void)
{
    struct err err = ERR_INIT;
    struct store *store = NULL;
    struct store_list *list = NULL;
    struct store_object object;
    struct http_answer answer;
    struct s3 *s3 = NULL;
    struct url url;
    bool more = true;

    if (!place.url[0] || open_url(place.url, false, &store, &err) != ERR_OK) {
        return;
    }
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
    while (store_list_next(list, &object, &more, &err) == ERR_OK && more) {
        assert_int_equal(store_remove(store, object.key, &err), ERR_OK);
    }
    store_list_end(list);
    store_close(store);
    assert_int_equal(url_parse(place.url, &url, &err), ERR_OK);
    assert_int_equal(s3_open(&url, "/", clock_real(), &s3, &err), ERR_OK);
    http_answer_init(&answer);
    if (s3_call(s3, &(struct s3_op){.method = "DELETE", .right = "s3:DeleteBucket"}, &answer, &err) !=
        ERR_OK) {
        print_message("%s\n", err.msg);
    }
    http_answer_release(&answer);
    url_release(&url);
    s3_close(s3);
    place.url[0] = '\0';
}

/* A bucket that is not there yet. */
static void fresh(void *ctx)
{
    remove_bucket();
    snprintf(place.url, sizeof place.url, "s3://%.40s-%d-%u%s", place.bucket, (int)getpid(), ++place.count,
             place.query);
    (void)ctx;
}

static enum err_code open_place(void *ctx, bool create, struct store **out, struct err *err)
{
    (void)ctx;
    return open_url(place.url, create, out, err);
}

/* The same keys under a prefix; what lies beside it must not show. */
static int under_a_prefix(void **state)
{
    struct err err = ERR_INIT;
    struct store *whole, *part;
    char url[URL_TEXT + 16], keys[256];

    (void)state;
    fresh(NULL);
    assert_int_equal(open_url(place.url, true, &whole, &err), ERR_OK);
    snprintf(url, sizeof url, "s3://%.*s/a/b c/%s", (int)(strcspn(place.url, "?") - 5), place.url + 5,
             place.query);
    assert_int_equal(open_url(url, false, &part, &err), ERR_OK);
    assert_int_equal(store_put_mem(whole, "a/b", "beside", 6, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(store_put_mem(whole, "a/b cd", "beside", 6, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(store_put_mem(part, "x=1/y+z", "inside", 6, PUT_ALWAYS, &err), ERR_OK);
    store_suite_keys(part, "", keys, sizeof keys);
    assert_string_equal(keys, "x=1/y+z\n");
    store_suite_keys(whole, "", keys, sizeof keys);
    assert_string_equal(keys, "a/b\na/b c/x=1/y+z\na/b cd\n");
    assert_int_equal(store_suite_slurp(part, "x=1/y+z", keys, sizeof keys, &err), 6);
    store_close(part);
    store_close(whole);
    return 0;
}

static void a_prefix_is_a_place(void **state)
{
    under_a_prefix(state);
}

/* A body of bytes that follow from their place. */
struct long_body {
    struct bytes base;
    int64_t at, len, fail_at;
};

static enum err_code long_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct long_body *b = (struct long_body *)self;

    *n = b->len - b->at < (int64_t)cap ? (size_t)(b->len - b->at) : cap;
    for (size_t i = 0; i < *n; i++) {
        ((unsigned char *)dst)[i] = (unsigned char)((b->at + (int64_t)i) * 2654435761 >> 20);
    }
    b->at += (int64_t)*n;
    return b->fail_at && b->at >= b->fail_at ? err_set(err, ERRN_COMPRESSED, "the body broke") : ERR_OK;
}

static void uploads_in_parts(void **state)
{
    struct long_body body = {.base = {long_read}, .len = 2 * (int64_t)S3_PART_BYTES + 12345};
    struct long_body twin = {.base = {long_read}, .len = 2 * (int64_t)S3_PART_BYTES + 12345};
    struct err err = ERR_INIT;
    struct store_reader *reader;
    struct store *store;
    char *ours = malloc(65536), *theirs = malloc(65536), keys[64];
    size_t n = 1, m;

    (void)state;
    fresh(NULL);
    assert_int_equal(open_url(place.url, true, &store, &err), ERR_OK);
    body.fail_at = 2 * (int64_t)S3_PART_BYTES;
    assert_int_equal(store_put(store, "big", &body.base, body.len, PUT_ALWAYS, &err), ERR_DATA);
    store_suite_keys(store, "", keys, sizeof keys);
    assert_string_equal(keys, "");
    err_clear(&err);
    body.at = body.fail_at = 0;
    if (store_put(store, "big", &body.base, body.len, PUT_ALWAYS, &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    assert_int_equal(store_open_read(store, "big", NULL, &reader, &err), ERR_OK);
    assert_int_equal(reader->object.size, body.len);
    while (n > 0) {
        assert_int_equal(store_read(reader, theirs, 65536, &n, &err), ERR_OK);
        for (size_t got = 0; got < n; got += m) {
            assert_int_equal(long_read(&twin.base, ours, n - got, &m, &err), ERR_OK);
            assert_memory_equal(ours, theirs + got, m);
        }
    }
    store_close_read(reader);
    store_close(store);
    free(ours);
    free(theirs);
}

/* One request fails as `code`, with `word` in its one line, and never the secret. */
static void refused(const char *url, enum err_code code, const char *word)
{
    struct err err = ERR_INIT;
    struct store *store = NULL;

    (void)!open_url(url, false, &store, &err);
    assert_null(store);
    if (err.code != code || !strstr(err.msg, word) || strchr(err.msg, '\n') ||
        strstr(err.msg, getenv("AWS_SECRET_ACCESS_KEY"))) {
        fail_msg("%s", err.msg);
    }
}

static void mistakes_are_told_in_one_line(void **state)
{
    char *id = strdup(getenv("AWS_ACCESS_KEY_ID")), *secret = strdup(getenv("AWS_SECRET_ACCESS_KEY"));
    struct err err = ERR_INIT;
    struct store *store;
    char url[URL_TEXT + 32];

    (void)state;
    fresh(NULL);
    refused(place.url, ERR_NOT_FOUND, "there is no bucket");
    assert_int_equal(open_url(place.url, true, &store, &err), ERR_OK);
    store_close(store);
    setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-canary", 1);
    refused(place.url, ERR_DENIED, "secret key from the environment");
    setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYKNOWSIT", 1);
    refused(place.url, ERR_DENIED, "from the environment");
    setenv("AWS_ACCESS_KEY_ID", id, 1);
    snprintf(url, sizeof url, "s3://%.60s?endpoint=http://127.0.0.1:9", place.bucket);
    refused(url, ERR_TRANSIENT, place.bucket);
    /* Another region is corrected, or does not matter there. */
    snprintf(url, sizeof url, "%s&region=eu-nowhere-9", place.url);
    if (!strstr(place.query, "region=")) {
        assert_int_equal(open_url(url, false, &store, &err), ERR_OK);
        store_close(store);
    }
    free(id);
    free(secret);
}

static void one_connection_serves_many_requests(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;
    struct store_object object;

    (void)state;
    fresh(NULL);
    assert_int_equal(open_url(place.url, true, &store, &err), ERR_OK);
    assert_int_equal(store_put_mem(store, "x", "1", 1, PUT_ALWAYS, &err), ERR_OK);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(store_stat(store, "x", &object, &err), ERR_OK);
    }
    store_close(store);
}

int main(void)
{
    const struct store_suite suite = {
        .name = "store_s3", .fresh = fresh, .open = open_place, .xml_keys = true, .random_ops = 1500};
    const struct CMUnitTest quirks[] = {
        cmocka_unit_test(a_prefix_is_a_place),
        cmocka_unit_test(uploads_in_parts),
        cmocka_unit_test(mistakes_are_told_in_one_line),
        cmocka_unit_test(one_connection_serves_many_requests),
    };
    const char *url = getenv("SLUICE_TEST_S3_URL");
    int failed;

    if (!url || strncmp(url, "s3://", 5) != 0) {
        puts("SKIP-SERVER: SLUICE_TEST_S3_URL names no server; run under ci/with-minio.sh\n1..1\nok 1 - "
             "store_s3 # SKIP");
        return 0;
    }
    if (getenv("SLUICE_TEST_TLS_CA")) {
        setenv("AWS_CA_BUNDLE", getenv("SLUICE_TEST_TLS_CA"), 1);
    }
    snprintf(place.bucket, sizeof place.bucket, "%.*s", (int)strcspn(url + 5, "/?"), url + 5);
    snprintf(place.query, sizeof place.query, "%s", strchr(url, '?') ? strchr(url, '?') : "");
    failed = store_suite_run(&suite) + cmocka_run_group_tests(quirks, NULL, NULL);
    remove_bucket();
    return failed;
}
