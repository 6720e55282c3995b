/*
 * store_libs3 against a server that follows a script: what libs3 takes for success though it is none, what it
 * takes for failure though it is none, servers that fall silent, the mistakes of people.
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

#include "backends/libs3_client.h"
#include "backends/registry.h"
#include "core/base/mem.h"
#include "core/store/store_retry.h"
#include "tests/support/libs3_script.h"

static void every_status_has_a_name_and_a_cure(void **state)
{
    struct store *store = libs3_script_opened();
    struct err err = ERR_INIT;
    struct url url;
    struct libs3 *libs3;
    char text[128];

    (void)state;
    store_close(store);
    snprintf(text, sizeof text, "libs3://bucket/root?endpoint=http://127.0.0.1:%d",
             scripted_http_port(libs3_script.http));
    assert_int_equal(url_parse(text, &url, &err), ERR_OK);
    assert_int_equal(libs3_open(&url, "/", clock_real(), &libs3, &err), ERR_OK);
    for (int status = S3StatusOK + 1; status <= S3StatusHttpErrorUnknown; status++) {
        struct libs3_call call = {.libs3 = libs3, .key = status % 2 ? "k" : NULL, .right = "s3:GetObject"};

        call.status = (S3Status)status;
        assert_int_not_equal(libs3_say(&call, &err), ERR_OK);
        assert_true(err.name != ERRN_NONE && err.name != ERRN_INTERNAL && strlen(err.msg) > 10);
        assert_true(err.name == ERRN_NOMEM || err.name == ERRN_SOURCE_MOVED || err.name == ERRN_NOT_FOUND ||
                    err.name == ERRN_KEY_TOO_LONG || strstr(err.msg, "127.0.0.1") ||
                    strstr(err.msg, "environment") || strstr(err.msg, "nowhere"));
        err_clear(&err);
    }
    libs3_close(libs3);
    url_release(&url);
}

static void what_libs3_cannot_do_is_refused(void **state)
{
    static const struct {
        const char *url;
        enum err_name name;
        const char *word;
    } cases[] = {
        {"libs3://bucket", ERRN_UNSUPPORTED, "would be AWS"},
        {"libs3://bucket?endpoint=http://s3.eu-west-1.amazonaws.com", ERRN_UNSUPPORTED, "is AWS"},
        {"libs3://bucket?endpoint=http://S3.cn-north-1.AmazonAWS.com.cn:80", ERRN_UNSUPPORTED, "is AWS"},
        {"libs3://bucket?endpoint=https://127.0.0.1:9", ERRN_UNSUPPORTED, "does not verify the certificate"},
        {"libs3://bucket?endpoint=ftp://127.0.0.1", ERRN_CONFIG, "http://HOST"},
        {"libs3://bucket?endpoint=http://127.0.0.1:9&tls-ca=ca.pem", ERRN_CONFIG, "tls-ca are for s3://"},
        {"libs3://bucket?endpoint=http://127.0.0.1:9&region=x", ERRN_CONFIG, "unknown parameter \"region\""},
        {"libs3://bucket?endpoint=http://127.0.0.1:9&timeout=16s", ERRN_CONFIG, "from 1s to 15s"},
        {"libs3://bucket?endpoint=http://127.0.0.1:9&timeout=soon", ERRN_CONFIG, "from 1s to 15s"},
        {"libs3://bucket?endpoint=http://127.0.0.1:9&profile=nobody", ERRN_CONFIG, "no profile"},
        {"libs3://x?endpoint=http://127.0.0.1:9", ERRN_CONFIG, "no name of a bucket"},
        {"libs3://bucket?endpoint=http://127.0.0.1:9", ERRN_STORE_UNREACHABLE, "does not take connections"},
    };
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)!registry_open_store(cases[i].url, "/", &libs3_script.clock.base, false, &store, &err);
        assert_null(store);
        assert_memory_equal(err.msg, "libs3://", 8);
        libs3_script_error(&err, cases[i].name, cases[i].word);
    }
    setenv("AWS_SESSION_TOKEN", "tok-canary", 1);
    (void)!libs3_script_open("", &store, &err);
    libs3_script_error(&err, ERRN_UNSUPPORTED, "session token, which libs3 cannot send: use s3://");
    unsetenv("AWS_SESSION_TOKEN");
    assert_int_equal(libs3_script.requests, 0);
    store = libs3_script_opened();
    for (const char *const *key = (const char *const[]){"a b", " ", "d /x", NULL}; *key; key++) {
        struct store_object object;
        struct store_reader *reader;

        (void)!store_stat(store, *key, &object, &err);
        libs3_script_error(&err, ERRN_UNSUPPORTED, "space");
        (void)!store_open_read(store, *key, NULL, &reader, &err);
        libs3_script_error(&err, ERRN_UNSUPPORTED, "space");
        (void)!store_put_mem(store, *key, "x", 1, PUT_ALWAYS, &err);
        libs3_script_error(&err, ERRN_UNSUPPORTED, "space");
        (void)!store_remove(store, *key, &err);
        libs3_script_error(&err, ERRN_UNSUPPORTED, "space");
    }
    store_close(store);
}

static void refusals_are_told_in_one_line(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_name name;
        const char *word;
    } cases[] = {
        {404, "<Error><Code>NoSuchBucket</Code></Error>", ERRN_NOT_FOUND, "no bucket \"bucket\""},
        {403, "<Error><Code>AccessDenied</Code><Message>no\n way</Message></Error>", ERRN_DENIED,
         "ErrorAccessDenied: no  way): they need the right s3:ListBucket"},
        {403, "", ERRN_DENIED, "s3:ListBucket"},
        {403, "<Error><Code>InvalidAccessKeyId</Code></Error>", ERRN_DENIED,
         "access key from the environment"},
        {403, "<Error><Code>SignatureDoesNotMatch</Code></Error>", ERRN_DENIED,
         "secret key from the environment"},
        {403, "<Error><Code>RequestTimeTooSkewed</Code></Error>", ERRN_CONFIG, "correct the clock"},
        {501, "<Error><Code>NotImplemented</Code></Error>", ERRN_UNSUPPORTED, "ErrorNotImplemented"},
        {301, "<Error><Code>PermanentRedirect</Code></Error>", ERRN_CONFIG, "correct endpoint"},
        {400, "", ERRN_CONFIG, "refuses the request"},
        {503, "<Error><Code>SlowDown</Code></Error>", ERRN_STORE_THROTTLED, "fewer requests"},
        {503, "", ERRN_STORE_THROTTLED, "fewer requests"},
        {500, "<Error><Code>InternalError</Code><Message>dead</Message></Error>", ERRN_STORE_UNREACHABLE,
         "dead"},
        {503, "<Error><Code>XNewCode</Code><Message>words</Message></Error>", ERRN_STORE_UNREACHABLE,
         "words"},
        {502, "<html><body>Bad Gateway<br></body></html>", ERRN_STORE_UNREACHABLE, "XmlParseFailure"},
        {504, "", ERRN_STORE_UNREACHABLE, "HttpErrorUnknown"},
    };
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        libs3_script.fail = 100;
        libs3_script.fail_status = cases[i].status;
        libs3_script.fail_body = cases[i].body;
        libs3_script.requests = 0;
        (void)!libs3_script_open("", &store, &err);
        assert_int_equal(libs3_script.requests, err_is_transient(err.code) ? 3 : 1);
        libs3_script_error(&err, cases[i].name, cases[i].word);
    }
}

/* Lists with one answer broken off, each in turn, behind each number of keys: the first letters are the
 * wanted. */
static void survives_a_break(struct store *store, enum store_scope scope, const char *wanted)
{
    for (libs3_script.cut_after = 0; libs3_script.cut_after <= libs3_script.page; libs3_script.cut_after++) {
        for (int at = 0; at < 5; at++) { /* which answer; the last is none */
            struct err err = ERR_INIT;
            struct store_list *list;
            struct store_object object;
            char seen[16] = "";
            bool more = true;

            libs3_script.listings = 0;
            libs3_script.cuts = 1;
            libs3_script.cut_from = at;
            assert_int_equal(store_list_begin(store, "", scope, &list, &err), ERR_OK);
            while (store_list_next(list, &object, &more, &err) == ERR_OK && more) {
                snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%c", object.key[0]);
            }
            if (err.code != ERR_OK) {
                fail_msg("cut after %d, answer %d: %s", libs3_script.cut_after, at, err.msg);
            }
            store_list_end(list);
            assert_string_equal(seen, wanted);
            assert_true(libs3_script.listings <= 12);
        }
    }
    libs3_script.cuts = 0;
}

static void no_key_is_lost_where_a_listing_breaks_off(void **state)
{
    static const char *const keys[] = {"root/a", "root/b", "root/c", "root/d", "root/e", "root/f", "root/g"};
    static const char *const folders[] = {"root/a",   "root/d/1", "root/d/2", "root/d/3",
                                          "root/d/4", "root/e",   "root/f/1"};
    struct store *store = libs3_script_opened();
    char wanted[8] = "";

    (void)state;
    for (int n = 0; n <= 7; n++) {
        memset(libs3_script.keys, 0, sizeof libs3_script.keys);
        memcpy(libs3_script.keys, keys, (size_t)n * sizeof keys[0]);
        snprintf(wanted, sizeof wanted, "%.*s", n, "abcdefg");
        survives_a_break(store, STORE_BELOW, wanted);
        survives_a_break(store, STORE_FLAT, wanted);
    }
    memcpy(libs3_script.keys, folders, sizeof folders);
    for (libs3_script.page = 1; libs3_script.page < 5; libs3_script.page++) {
        survives_a_break(store, STORE_BELOW, "addddef");
        survives_a_break(store, STORE_FLAT, "ae");
    }
    store_close(store);
}

static void a_flat_listing_jumps_over_a_folder(void **state)
{
    static const char *const keys[] = {"root/a",   "root/d/1", "root/d/2", "root/d/3",
                                       "root/d/4", "root/d/5", "root/d/6"};
    struct store *store = libs3_script_opened();
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    bool more;

    (void)state;
    memcpy(libs3_script.keys, keys, sizeof keys);
    libs3_script.page = 2;
    libs3_script.listings = 0;
    assert_int_equal(store_list_begin(store, "", STORE_FLAT, &list, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    assert_string_equal(object.key, "a");
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    assert_false(more);
    assert_int_equal(libs3_script.listings, 3); /* a page, nothing behind it, and the proof */
    store_list_end(list);
    store_close(store);
}

static void an_empty_listing_needs_evidence(void **state)
{
    static const struct {
        const char *listing;
        enum err_name name;
        const char *word;
    } cases[] = {
        {"<Error><Code>InternalError</Code></Error>", ERRN_STORE_TRUNCATED, "no whole listing"},
        {"<html><body>Welcome</body></html>", ERRN_STORE_TRUNCATED, "no whole listing"},
        {"<html><body>Welcome<br></body></html>", ERRN_CONFIG, "no XML"},
        {"", ERRN_UNSUPPORTED, "how long"},
        {"<ListBucketResult><Contents><Key>root/\xef\xbf\xbd</Key><Size>1</Size><ETag>x</ETag></Contents>"
         "</ListBucketResult>",
         ERRN_UNSUPPORTED, "cannot carry"},
        {"<ListBucketResult><Contents><Key>other/x</Key><Size>1</Size><ETag>x</ETag></Contents>"
         "</ListBucketResult>",
         ERRN_UNSUPPORTED, "was not asked for"},
        {"<ListBucketResult><Contents><Key>root/x</Key><Size>1</Size></Contents></ListBucketResult>",
         ERRN_UNSUPPORTED, "ETag"},
        {"<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>root/x</Key><Size>1</Size>"
         "<ETag>x</ETag></Contents></ListBucketResult>",
         ERRN_UNSUPPORTED, "order"},
        {"<ListBucketResult><Contents><Key>root/y</Key><Size>1</Size><ETag>x</ETag></Contents><Contents>"
         "<Key>root/x</Key><Size>1</Size><ETag>x</ETag></Contents></ListBucketResult>",
         ERRN_UNSUPPORTED, "order"},
    };
    struct err err = ERR_INIT;
    struct store *store = libs3_script_opened();

    (void)state;
    assert_int_equal(libs3_script_list(store, &err), 0); /* a right one */
    assert_int_equal(err.code, ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        libs3_script.listing = cases[i].listing;
        assert_true(libs3_script_list(store, &err) <= 1);
        libs3_script_error(&err, cases[i].name, cases[i].word);
    }
    libs3_script.listing = NULL;
    libs3_script.no_length = true;
    libs3_script_list(store, &err);
    libs3_script_error(&err, ERRN_UNSUPPORTED, "how long");
    libs3_script.keys[0] = "root/a"; /* with a key there is another proof */
    assert_int_equal(libs3_script_list(store, &err), 1);
    assert_int_equal(err.code, ERR_OK);
    store_close(store);
}

/* A prefix and a key that are together too long for one of libs3's URLs: the prefix is left out. */
static void long_keys_are_listed_without_their_prefix(void **state)
{
    static char prefix[801], keys[3][900];
    struct store *store = libs3_script_opened();
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    bool more;

    (void)state;
    for (int i = 0; i < 400; i++) {
        memcpy(prefix + 2 * i, "\xc3\xa9", 3);
    }
    for (int after = 0; after < 2;
         after++) { /* is there a key behind, or is the end proven by the last one? */
        libs3_script.keys[0] = "root/a";
        for (int i = 0; i < 3; i++) {
            snprintf(keys[i], sizeof keys[i], "root/%s/%d", prefix, i);
            libs3_script.keys[i + 1] = keys[i];
        }
        libs3_script.keys[4] = after ? "root/\xc3\xaa" : NULL;
        libs3_script.page = 2;
        assert_int_equal(store_list_begin(store, prefix, STORE_BELOW, &list, &err), ERR_OK);
        for (int i = 0; i < 3; i++) {
            if (store_list_next(list, &object, &more, &err) != ERR_OK) {
                fail_msg("%s", err.msg);
            }
            assert_true(more);
            assert_string_equal(object.key, keys[i] + strlen("root/"));
        }
        assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
        assert_false(more);
        assert_null(strstr(libs3_script.last_target, "prefix="));
        store_list_end(list);
    }
    store_close(store);
}

static void a_broken_read_is_resumed_under_its_etag(void **state)
{
    static const int64_t cuts[] = {
        0, 1, 70000, LIBS3_WINDOW - 1, LIBS3_WINDOW, LIBS3_WINDOW + 5, LIBS3_OBJECT_BYTES - 1};
    struct store_retry_options options = {.attempts = 2};
    struct err err = ERR_INIT;
    struct store *store = libs3_script_opened(), *retry;

    (void)state;
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        libs3_script.cut_at = cuts[i];
        assert_int_equal(libs3_script_read(store, NULL, &err), cuts[i] ? cuts[i] : -1);
        libs3_script_error(&err, ERRN_STORE_TRUNCATED, "libs3://bucket/root/k: ");
    }
    assert_int_equal(store_retry_wrap(store, &options, &retry, &err), ERR_OK);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        libs3_script.cut_at = cuts[i];
        assert_int_equal(libs3_script_read(retry, NULL, &err), LIBS3_OBJECT_BYTES);
        assert_int_equal(libs3_script.cut_at, -1);
    }
    assert_non_null(strstr(libs3_script.last_headers, "if-match: \"v1\""));
    libs3_script.cut_at = 1000;
    libs3_script.gets = 0;
    libs3_script.etag_after = "v2";
    assert_int_equal(libs3_script_read(retry, NULL, &err), -1);
    libs3_script_error(&err, ERRN_SOURCE_MOVED, "changed");
    store_close(retry);
}

static void a_server_without_ranges_or_etags_is_refused(void **state)
{
    struct store_range range = {5, 10, NULL};
    struct err err = ERR_INIT;
    struct store *store = libs3_script_opened();

    (void)state;
    libs3_script.ignore_range = true;
    assert_int_equal(libs3_script_read(store, &range, &err), -1);
    libs3_script_error(&err, ERRN_UNSUPPORTED, "no ranges");
    assert_int_equal(libs3_script_read(store, NULL, &err), -1);
    libs3_script_error(&err, ERRN_UNSUPPORTED, "no ranges");
    libs3_script.ignore_range = false;
    libs3_script.shorten_range = true;
    assert_int_equal(libs3_script_read(store, &range, &err), -1);
    libs3_script_error(&err, ERRN_UNSUPPORTED, "another range");
    libs3_script.shorten_range = false;
    libs3_script.no_etag = true;
    assert_int_equal(libs3_script_read(store, NULL, &err), -1);
    libs3_script_error(&err, ERRN_UNSUPPORTED, "no usable ETag");
    libs3_script.no_etag = false;
    range.if_match = "v1";
    assert_int_equal(libs3_script_read(store, &range, &err), 10);
    libs3_script.etag = "v2"; /* and the condition is ignored */
    assert_int_equal(libs3_script_read(store, &range, &err), -1);
    libs3_script_error(&err, ERRN_SOURCE_MOVED, "changed");
    range.offset = 0;
    assert_int_equal(libs3_script_read(store, &range, &err), -1);
    libs3_script_error(&err, ERRN_SOURCE_MOVED, "changed");
    range.if_match = "x\r\nevil: yes";
    assert_int_equal(libs3_script_read(store, &range, &err), -1);
    assert_null(strstr(libs3_script.last_headers, "evil"));
    err_clear(&err);
    store_close(store);
}

static void an_upload_is_believed_when_the_object_is_there(void **state)
{
    struct err err = ERR_INIT;
    struct store *store = libs3_script_opened();

    (void)state;
    assert_int_equal(store_put_mem(store, "put", "one", 3, PUT_ALWAYS, &err), ERR_OK);
    assert_string_equal(libs3_script.stored, "one");
    libs3_script.put_is_lost = true; /* 200, and nothing kept */
    assert_int_equal(store_put_mem(store, "put", "two", 3, PUT_ALWAYS, &err), ERR_TRANSIENT);
    libs3_script_error(&err, ERRN_STORE_UNREACHABLE, "libs3://bucket/root/put: the server did not keep");
    libs3_script.put_is_lost = false;
    libs3_script.fail_method = "PUT";
    libs3_script.fail = 3; /* what libs3 takes for success */
    libs3_script.fail_status = 503;
    assert_int_equal(store_put_mem(store, "put", "two", 3, PUT_ALWAYS, &err), ERR_TRANSIENT);
    libs3_script_error(&err, ERRN_STORE_UNREACHABLE, "did not keep");
    assert_string_equal(libs3_script.stored, "one");
    libs3_script.fail = 1; /* in passing: sent again */
    assert_int_equal(store_put_mem(store, "put", "two", 3, PUT_ALWAYS, &err), ERR_OK);
    libs3_script.fail = 1;
    libs3_script.fail_body = "<Error><Code>AccessDenied</Code></Error>";
    assert_int_equal(store_put_mem(store, "put", "six", 3, PUT_ALWAYS, &err), ERR_DENIED);
    libs3_script_error(&err, ERRN_DENIED, "s3:PutObject");
    assert_string_equal(libs3_script.stored, "two");
    libs3_script.put_says_nothing = true; /* kept, but the answer is lost */
    assert_int_equal(store_put_mem(store, "put", "three", 5, PUT_ALWAYS, &err), ERR_OK);
    assert_string_equal(libs3_script.stored, "three");
    store_close(store);
}

static void one_connection_serves_many_requests(void **state)
{
    struct err err = ERR_INIT;
    struct store *store = libs3_script_opened();
    struct store_object object;
    int before = libs3_script.connections;

    (void)state;
    for (int i = 0; i < 40; i++) {
        assert_int_equal(store_stat(store, "k", &object, &err), ERR_OK);
        assert_int_equal(store_put_mem(store, "put", "x", 1, PUT_ALWAYS, &err), ERR_OK);
    }
    assert_int_equal(libs3_script.connections, before);
    store_close(store);
}

static void silence_has_an_end(void **state)
{
    struct err err = ERR_INIT;
    struct store *store;
    int64_t before = clock_mono_us(clock_real());

    (void)state;
    assert_int_equal(libs3_script_open("&timeout=1s", &store, &err), ERR_OK);
    libs3_script.stall_in_body = true;
    assert_int_equal(libs3_script_read(store, NULL, &err), -1);
    assert_int_equal(err.native, ETIMEDOUT);
    libs3_script_error(&err, ERRN_STORE_UNREACHABLE, "did nothing for 1 s");
    libs3_script.stall_in_body = false;
    assert_int_equal(libs3_script_read(store, NULL, &err), LIBS3_OBJECT_BYTES); /* it goes on */
    libs3_script.stall = true;
    (void)!store_remove(store, "k", &err);
    assert_int_equal(err.native, ETIMEDOUT);
    libs3_script_error(&err, ERRN_STORE_UNREACHABLE, "did nothing for 1 s");
    (void)!store_put_mem(store, "put", "x", 1, PUT_ALWAYS, &err);
    libs3_script_error(&err, ERRN_STORE_UNREACHABLE, "did nothing for 1 s");
    store_close(store);
    assert_true(clock_mono_us(clock_real()) - before < INT64_C(20000000));
}

static char stranger_saw[8192];

static void note_stranger(void *ctx, struct scripted_request *r, FILE *out)
{
    (void)ctx;
    snprintf(stranger_saw, sizeof stranger_saw, "%s", r->headers);
    scripted_say(out, 404, "", "", 0);
}

/* libs3 follows redirects; at least nobody else gets a signature of ours. */
static void no_stranger_gets_a_signature(void **state)
{
    struct scripted_http *other = scripted_http_start(note_stranger, NULL);
    struct err err = ERR_INIT;
    struct store *store;
    char headers[256];

    (void)state;
    snprintf(headers, sizeof headers, "Location: http://127.0.0.1:%d/bucket\r\n", scripted_http_port(other));
    libs3_script.fail = 1;
    libs3_script.fail_status = 307;
    libs3_script.fail_headers = headers;
    (void)!libs3_script_open("", &store, &err);
    assert_null(store);
    assert_int_equal(err.code, ERR_NOT_FOUND);
    assert_non_null(strstr(stranger_saw, "user-agent: "));
    assert_null(strstr(stranger_saw, "authorization"));
    scripted_http_stop(other);
}

static int allocations_left;

static bool nth(void *ctx)
{
    (void)ctx;
    return allocations_left-- == 0;
}

/* Fails each allocation once: an error that says so, and nothing left behind. */
static void memory_may_be_out_anywhere(void **state)
{
    int failures = 0;
    enum err_code code = ERR_NOMEM;

    (void)state;
    libs3_script.keys[0] = "root/a";
    for (int n = 0; code != ERR_OK; n++) {
        struct store_range range = {0, 100, NULL};
        struct err err = ERR_INIT;
        struct store *store = NULL;

        allocations_left = n;
        mem_set_fault(nth, NULL);
        if (libs3_script_open("", &store, &err) == ERR_OK && libs3_script_list(store, &err) == 1 &&
            libs3_script_read(store, &range, &err) == 100) {
            (void)!store_put_mem(store, "put", "x", 1, PUT_ALWAYS, &err);
        }
        mem_set_fault(NULL, NULL);
        store_close(store);
        code = err.code;
        assert_true(code == ERR_OK || code == ERR_NOMEM);
        failures += code != ERR_OK;
        assert_true(n < 1000);
    }
    assert_true(failures > 15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_status_has_a_name_and_a_cure, libs3_script_begin),
        cmocka_unit_test_setup(what_libs3_cannot_do_is_refused, libs3_script_begin),
        cmocka_unit_test_setup(refusals_are_told_in_one_line, libs3_script_begin),
        cmocka_unit_test_setup(no_key_is_lost_where_a_listing_breaks_off, libs3_script_begin),
        cmocka_unit_test_setup(a_flat_listing_jumps_over_a_folder, libs3_script_begin),
        cmocka_unit_test_setup(an_empty_listing_needs_evidence, libs3_script_begin),
        cmocka_unit_test_setup(long_keys_are_listed_without_their_prefix, libs3_script_begin),
        cmocka_unit_test_setup(a_broken_read_is_resumed_under_its_etag, libs3_script_begin),
        cmocka_unit_test_setup(a_server_without_ranges_or_etags_is_refused, libs3_script_begin),
        cmocka_unit_test_setup(an_upload_is_believed_when_the_object_is_there, libs3_script_begin),
        cmocka_unit_test_setup(one_connection_serves_many_requests, libs3_script_begin),
        cmocka_unit_test_setup(silence_has_an_end, libs3_script_begin),
        cmocka_unit_test_setup(no_stranger_gets_a_signature, libs3_script_begin),
        cmocka_unit_test_setup(memory_may_be_out_anywhere, libs3_script_begin),
    };
    return cmocka_run_group_tests(tests, libs3_script_start, libs3_script_stop);
}
