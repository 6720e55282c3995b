/*
 * store_s3 against a server whose answers must not be believed, or that has to be followed by the letter:
 * errors under status 200, wrong ranges, listings of many pages, redirects, regions, clocks, mistakes of
 * people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/registry.h"
#include "backends/s3_put.h"
#include "tests/support/s3_script.h"

enum { HEADERS = 512 };

static int64_t read_whole(struct store *store, struct err *err)
{
    return s3_script_read(store, NULL, err);
}

static void an_answer_of_200_may_be_none(void **state)
{
    static const struct {
        const char *listing;
        enum err_name name;
    } cases[] = {
        {"<Error><Code>InternalError</Code><Message>x</Message></Error>", ERRN_STORE_UNREACHABLE},
        {"<Error><Code>SlowDown</Code></Error>", ERRN_STORE_THROTTLED},
        {"<Error><Code>AccessDenied</Code></Error>", ERRN_DENIED},
        {"", ERRN_STORE_TRUNCATED},
        {"<ListBucketResult><Contents><Key>a</Key>", ERRN_STORE_TRUNCATED},
        {"<html><body>Welcome</body></html>", ERRN_CONFIG},
        {"<!DOCTYPE html><html></html>", ERRN_CONFIG},
        {"<Other/>", ERRN_CONFIG},
        {"<ListBucketResult><Contents><Key>root/a</Key><Size>-1</Size><ETag>x</ETag></Contents></"
         "ListBucketResult>",
         ERRN_CONFIG},
        {"<ListBucketResult><Contents><Key>root/a</Key><Size>1</Size></Contents></ListBucketResult>",
         ERRN_CONFIG},
    };
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script.listing = cases[i].listing;
        (void)!s3_script_open("", &store, &err);
        assert_null(store);
        s3_script_error(&err, cases[i].name, "s3://bucket/root: ");
        err_clear(&err);
    }
    script.listing = NULL;
    store = s3_script_opened();
    script.no_etag = true;
    assert_int_equal(store_put_mem(store, "k", "x", 1, PUT_ALWAYS, &err), ERR_TRANSIENT);
    s3_script_error(&err, ERRN_STORE_UNREACHABLE, "s3://bucket/root/k: ");
    err_clear(&err);
    assert_int_equal(read_whole(store, &err), -1);
    s3_script_error(&err, ERRN_UNSUPPORTED, "s3://bucket/root/k: ");
    store_close(store);
}

static void an_upload_in_parts_is_believed_at_its_end_only(void **state)
{
    static const char *const ends[] = {"<Error><Code>InternalError</Code></Error>", "",
                                       "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>"};
    size_t len = S3_PART_BYTES + 10;
    char *data = calloc(1, len);
    struct store *store = s3_script_opened();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct err err = ERR_INIT;

        assert_int_equal(store_put_mem(store, "k", data, len, PUT_ALWAYS, &err), ERR_OK);
        script.fail = 1000;
        script.fail_method = "POST";
        script.fail_status = 200;
        script.fail_body = ends[i];
        assert_int_equal(store_put_mem(store, "k", data, len, PUT_ALWAYS, &err), ERR_TRANSIENT);
        script.fail = 0;
    }
    script.fail_method = "PUT"; /* the parts: then the upload is aborted */
    script.fail = 3;
    script.fail_status = 500;
    assert_int_equal(store_put_mem(store, "k", data, len, PUT_ALWAYS, &(struct err){.code = ERR_OK}),
                     ERR_TRANSIENT);
    assert_string_equal(script.last_target, "/bucket/root/k?uploadId=u%2F1");
    store_close(store);
    free(data);
}

static void another_range_than_asked_is_refused(void **state)
{
    static const char *const ranges[] = {"bytes 6-14/300001", "bytes 5-15/300001", "bytes 5-13/300001",
                                         "bytes 5-14/4",      "bytes 5-14/*",      "nonsense"};
    struct store_range range = {5, 10, NULL};
    struct err err = ERR_INIT;
    struct store *store = s3_script_opened();

    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        script.content_range = ranges[i];
        assert_int_equal(s3_script_read(store, &range, &err), -1);
        s3_script_error(&err, ERRN_STORE_UNREACHABLE, "another range");
        err_clear(&err);
    }
    script.content_range = NULL;
    script.ignore_range = true;
    assert_int_equal(s3_script_read(store, &range, &err), -1);
    s3_script_error(&err, ERRN_UNSUPPORTED, "no ranges");
    store_close(store);
}

static void lists_each_key_of_many_pages(void **state)
{
    struct err err = ERR_INIT;
    struct store *store = s3_script_opened();
    struct store_list *list;
    struct store_object object;
    char key[128];
    bool more;

    (void)state;
    store_close(store);
    script.listing_mode = LIST_MANY;
    assert_int_equal(
        registry_open_store((snprintf(key, sizeof key, "s3://bucket?endpoint=http://127.0.0.1:%d",
                                      scripted_http_port(script.http)),
                             key),
                            "/", &script.clock.base, false, &store, &err),
        ERR_OK);
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
    for (int i = 0; i < MANY_KEYS; i++) {
        if (i % 3000 == 0) {
            script.fail = 2; /* pages are asked for again */
            script.fail_status = 503;
        }
        s3_script_key(i, key);
        assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
        assert_true(more);
        assert_string_equal(object.key, key);
        assert_int_equal(object.size, i);
    }
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    assert_false(more);
    store_list_end(list);
    script.listing_mode = LIST_RAW;
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    assert_string_equal(object.key, "00000/a+b%41");
    store_list_end(list);
    for (script.listing_mode = LIST_LOOP; script.listing_mode <= LIST_UNSORTED; script.listing_mode++) {
        int n = 0;

        assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
        for (more = true; store_list_next(list, &object, &more, &err) == ERR_OK && more;) {
            n++;
        }
        assert_true(n <= 2 * PAGE_KEYS);
        s3_script_error(&err, ERRN_UNSUPPORTED,
                        script.listing_mode == LIST_LOOP ? "the same page again" : "order");
        err_clear(&err);
        store_list_end(list);
    }
    store_close(store);
}

static int strangers;

static void note_stranger(void *ctx, struct scripted_request *r, FILE *out)
{
    (void)ctx;
    (void)r;
    strangers++;
    scripted_say(out, 200, "", EMPTY_LISTING, strlen(EMPTY_LISTING));
}

static void a_redirect_is_never_followed(void **state)
{
    static const int codes[] = {301, 302, 303, 307, 308};
    struct scripted_http *other = scripted_http_start(note_stranger, NULL);
    char headers[HEADERS];
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    setenv("AWS_SESSION_TOKEN", "tok-canary", 1);
    snprintf(headers, sizeof headers,
             "Location: http://127.0.0.1:%d/bucket\r\nx-amz-bucket-region: evil.example/\r\n",
             scripted_http_port(other));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        script.fail = 10;
        script.fail_status = codes[i];
        script.fail_headers = headers;
        script.fail_body = "<Error><Code>TemporaryRedirect</Code></Error>";
        assert_int_equal(s3_script_open("", &store, &err), ERR_CONFIG);
        s3_script_error(&err, ERRN_CONFIG, "not followed");
        err_clear(&err);
    }
    unsetenv("AWS_SESSION_TOKEN");
    assert_int_equal(strangers, 0);
    scripted_http_stop(other);
}

static void a_region_is_corrected_once(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    script.fail = 1;
    script.fail_status = 301;
    script.fail_headers = "x-amz-bucket-region: eu-west-3\r\n";
    store = s3_script_opened();
    assert_int_equal(script.requests, 2);
    assert_non_null(strstr(script.last_headers, "/eu-west-3/s3/aws4_request"));
    script.fail = 1;
    script.fail_status = 400;
    script.fail_headers = "";
    script.fail_body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>ap-south-1</Region></Error>";
    assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
    assert_non_null(strstr(script.last_headers, "/ap-south-1/s3/aws4_request"));
    script.fail = 10; /* it says so for ever: ours now, so there is nothing to correct */
    script.requests = 0;
    assert_int_equal(read_whole(store, &err), -1);
    assert_int_equal(script.requests, 1);
    s3_script_error(&err, ERRN_CONFIG, "AuthorizationHeaderMalformed");
    store_close(store);
}

static void a_clock_is_corrected_in_one_retry(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    script.fail = 1;
    script.fail_status = 403;
    script.fail_headers = "Date: Sun, 05 Jun 2022 13:00:00 GMT\r\n"; /* an hour ahead of ours */
    script.fail_body = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
    store = s3_script_opened();
    assert_int_equal(script.requests, 2);
    assert_non_null(strstr(script.last_headers, "x-amz-date: 20220605T130000Z"));
    assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
    assert_int_equal(script.requests, 3);
    script.clock.now_us -= INT64_C(7200000000); /* and it jumps */
    script.fail = 1;
    assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
    assert_non_null(strstr(script.last_headers, "x-amz-date: 20220605T130000Z"));
    script.fail = 100;
    script.requests = 0;
    assert_int_equal(read_whole(store, &err), -1);
    assert_int_equal(err.code, ERR_DENIED);
    assert_int_equal(script.requests, 1);
    store_close(store);
}

static void mistakes_are_told_in_one_line(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_name name;
        const char *word;
    } cases[] = {
        {404, "<Error><Code>NoSuchBucket</Code></Error>", ERRN_NOT_FOUND, "no bucket \"bucket\""},
        {403, "<Error><Code>AccessDenied</Code></Error>", ERRN_DENIED, "s3:ListBucket"},
        {403, "<Error><Code>InvalidAccessKeyId</Code></Error>", ERRN_DENIED,
         "access key from the environment"},
        {403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", ERRN_DENIED,
         "secret key from the environment"},
        {400, "<Error><Code>ExpiredToken</Code></Error>", ERRN_CONFIG, "session token"},
        {501, "<Error><Code>NotImplemented</Code></Error>", ERRN_UNSUPPORTED, "501"},
    };
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script.fail = 1;
        script.fail_status = cases[i].status;
        script.fail_body = cases[i].body;
        (void)!s3_script_open("", &store, &err);
        s3_script_error(&err, err.code == ERR_DENIED ? ERRN_DENIED : cases[i].name, cases[i].word);
        err_clear(&err);
    }
    for (const char *const *bad =
             (const char *const[]){"&regoin=x", "&region=../x", "&path-style=maybe", "&timeout=soon",
                                   "&tls-ca=/none&profile=nobody", NULL};
         *bad; bad++) {
        (void)!s3_script_open(*bad, &store, &err);
        assert_int_equal(err.code, ERR_CONFIG);
        s3_script_error(&err, ERRN_CONFIG, "s3://bucket");
        err_clear(&err);
    }
    (void)!registry_open_store("s3://bucket?endpoint=ftp://x", "/", &script.clock.base, false, &store, &err);
    s3_script_error(&err, ERRN_CONFIG, "http://HOST");
}

static void silence_is_a_time_out(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    script.stall = true;
    (void)!s3_script_open("&timeout=1s", &store, &err);
    s3_script_error(&err, ERRN_STORE_UNREACHABLE, "s3://bucket/root: ");
    assert_int_equal(err.native, ETIMEDOUT);
}

static void no_server_is_unreachable(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    (void)!registry_open_store("s3://bucket?endpoint=http://127.0.0.1:9", "/", &script.clock.base, false,
                               &store, &err);
    s3_script_error(&err, ERRN_STORE_UNREACHABLE, "s3://bucket: ");
    err_clear(&err);
    /* TLS to a server that speaks none */
    char url[128];

    snprintf(url, sizeof url, "s3://bucket?timeout=1s&endpoint=https://127.0.0.1:%d",
             scripted_http_port(script.http));
    (void)!registry_open_store(url, "/", &script.clock.base, false, &store, &err);
    s3_script_error(&err, ERRN_STORE_UNREACHABLE, "s3://bucket: ");
}

static void hosts_are_named_by_the_style(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;
    char url[128], host[64];

    (void)state;
    /* "bucket.localhost" is this machine by RFC 6761; where no resolver says so, the error names the host. */
    snprintf(url, sizeof url, "s3://bucket/root?path-style=false&endpoint=http://localhost:%d",
             scripted_http_port(script.http));
    if (registry_open_store(url, "/", &script.clock.base, false, &store, &err) == ERR_OK) {
        snprintf(host, sizeof host, "host: bucket.localhost:%d\n", scripted_http_port(script.http));
        assert_non_null(strstr(script.last_headers, host));
        assert_int_equal(strncmp(script.last_target, "/?", 2), 0);
        store_close(store);
    } else {
        s3_script_error(&err, ERRN_STORE_UNREACHABLE, "bucket.localhost");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_answer_of_200_may_be_none, s3_script_begin),
        cmocka_unit_test_setup(an_upload_in_parts_is_believed_at_its_end_only, s3_script_begin),
        cmocka_unit_test_setup(another_range_than_asked_is_refused, s3_script_begin),
        cmocka_unit_test_setup(lists_each_key_of_many_pages, s3_script_begin),
        cmocka_unit_test_setup(a_redirect_is_never_followed, s3_script_begin),
        cmocka_unit_test_setup(a_region_is_corrected_once, s3_script_begin),
        cmocka_unit_test_setup(a_clock_is_corrected_in_one_retry, s3_script_begin),
        cmocka_unit_test_setup(mistakes_are_told_in_one_line, s3_script_begin),
        cmocka_unit_test_setup(silence_is_a_time_out, s3_script_begin),
        cmocka_unit_test_setup(no_server_is_unreachable, s3_script_begin),
        cmocka_unit_test_setup(hosts_are_named_by_the_style, s3_script_begin),
    };
    return cmocka_run_group_tests(tests, s3_script_start, s3_script_stop);
}
