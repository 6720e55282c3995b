/*
 * store_s3 against a server that fails in passing: faults, cuts, wrong bytes, changed objects; memory that
 * runs out.
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
#include "core/base/mem.h"
#include "tests/support/s3_script.h"

enum { CUT_STEP = 4096, HEADERS = 512 };

static int64_t read_whole(struct store *store, struct err *err)
{
    return s3_script_read(store, NULL, err);
}

static void reads_over_one_connection(void **state)
{
    struct err err = ERR_INIT;
    struct store *store = s3_script_opened();
    int first = script.connections;
    struct store_range range = {5, 10, "v1"};
    struct store_object object;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
        assert_int_equal(s3_script_read(store, &range, &err), 10);
        assert_int_equal(store_stat(store, "k", &object, &err), ERR_OK);
    }
    assert_int_equal(object.size, OBJECT_BYTES);
    assert_string_equal(object.etag, "v1");
    assert_int_equal(object.mtime_us, INT64_C(1654430400000000));
    assert_int_equal(script.connections, first);
    store_close(store);
}

static void sends_the_session_token(void **state)
{
    struct store *store;

    (void)state;
    setenv("AWS_SESSION_TOKEN", "tok/canary+", 1);
    store = s3_script_opened();
    unsetenv("AWS_SESSION_TOKEN");
    assert_non_null(strstr(script.last_headers, "\nx-amz-security-token: tok/canary+\n"));
    assert_non_null(strstr(script.last_headers, "x-amz-security-token,Signature="));
    assert_null(strstr(script.last_headers, CANARY));
    store_close(store);
}

/* Each kind of fault that passes: open and listing by themselves, reads under store_retry. */
static void goes_on_after_faults_that_pass(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum err_name name;
    } faults[] = {
        {500, "", ERRN_STORE_UNREACHABLE},
        {502, "<html>Bad gateway</html>", ERRN_STORE_UNREACHABLE},
        {503, "<Error><Code>SlowDown</Code></Error>", ERRN_STORE_THROTTLED},
        {503, "", ERRN_STORE_UNREACHABLE},
        {504, "", ERRN_STORE_UNREACHABLE},
        {429, "", ERRN_STORE_THROTTLED},
        {400, "<Error><Code>RequestTimeout</Code></Error>", ERRN_STORE_UNREACHABLE},
        {500, "<Error><Code>InternalError</Code></Error>", ERRN_STORE_UNREACHABLE},
    };
    struct err err = ERR_INIT;
    struct store *store;

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        script.fail = 2;
        script.fail_status = faults[i].status;
        script.fail_body = faults[i].body;
        store = s3_script_with_retry(3);
        assert_int_equal(script.fail, 0);
        script.fail = 2;
        assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
        store_close(store);
        script.fail = 3;
        assert_int_equal(s3_script_open("", &store, &err), ERR_TRANSIENT);
        s3_script_error(&err, faults[i].name, "s3://bucket/root: ");
        err_clear(&err);
    }
}

/* Half of all requests fail: what is asked for is either right or an error, and the load stays bounded. */
static void many_faults_are_neither_believed_nor_multiplied(void **state)
{
    struct store *store = s3_script_with_retry(3);
    int good = 0, asked = 400;

    (void)state;
    script.fail_percent = 50;
    script.fail_status = 503;
    script.fail_body = "<Error><Code>SlowDown</Code></Error>";
    script.requests = 0;
    for (int i = 0; i < asked; i++) {
        struct store_range range = {i, 100, NULL};
        struct err err = ERR_INIT;
        int64_t got = s3_script_read(store, &range, &err);

        assert_true(got == 100 || err.name == ERRN_STORE_THROTTLED);
        good += got == 100;
    }
    assert_true(good > asked / 2);
    assert_true(script.requests <= asked + 500 / 5 + asked / 5);
    store_close(store);
}

static void waits_as_long_as_the_server_asks(void **state)
{
    struct err err = ERR_INIT;
    struct store *store = s3_script_with_retry(2);
    int64_t before = script.clock.now_us;

    (void)state;
    script.fail = 1;
    script.fail_status = 503;
    script.fail_headers = "Retry-After: 7\r\n";
    assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
    assert_in_range(script.clock.now_us - before, 7000000, 8000000);
    store_close(store);
}

static void each_cut_of_a_body_is_found_and_resumed(void **state)
{
    struct store *plain = s3_script_opened(), *retry;

    (void)state;
    for (int64_t at = 0; at < OBJECT_BYTES; at += CUT_STEP) {
        struct err err = ERR_INIT;
        int64_t got;

        script.cut_at = at;
        script.cuts = 1;
        got = read_whole(plain, &err);
        assert_true(got <= at);
        s3_script_error(&err, ERRN_STORE_TRUNCATED, "s3://bucket/root/k: ");
        err_clear(&err);
        retry = s3_script_with_retry(3); /* a new one each time, for its quota */
        script.cuts = 2;
        assert_int_equal(read_whole(retry, &err), OBJECT_BYTES);
        assert_int_equal(script.cuts, 0);
        store_close(retry);
    }
    store_close(plain);
}

static void a_changed_object_is_never_mixed(void **state)
{
    struct store_range range = {0, -1, "v1"};
    struct err err = ERR_INIT;
    struct store *store = s3_script_with_retry(3);

    (void)state;
    script.cut_at = 100000;
    script.cuts = 1;
    script.etag_after = "v2";
    assert_true(read_whole(store, &err) <= 100000);
    s3_script_error(&err, ERRN_SOURCE_MOVED, "s3://bucket/root/k: ");
    err_clear(&err);
    script.ignore_condition = true;
    assert_int_equal(s3_script_read(store, &range, &err), -1);
    s3_script_error(&err, ERRN_SOURCE_MOVED, "s3://bucket/root/k: ");
    store_close(store);
}

static void a_wrong_byte_is_found_by_each_checksum(void **state)
{
    static char headers[4][HEADERS];
    const char *const names[] = {"crc32", "crc32c", "crc64nvme", "sha256"};
    struct store *store = s3_script_opened();
    FILE *python;

    (void)state;
    /* The right values come from the first, wrong one: the message has both. */
    for (int i = 0; i < 4; i++) {
        struct err err = ERR_INIT;
        char got[64];

        snprintf(headers[i], HEADERS, "x-amz-checksum-%s: AAAA\r\n", names[i]);
        script.get_headers = headers[i];
        assert_true(read_whole(store, &err) < OBJECT_BYTES);
        s3_script_error(&err, ERRN_STORE_CHECKSUM, names[i]);
        assert_int_equal(err.code, ERR_DATA);
        assert_int_equal(sscanf(strstr(err.msg, "have "), "have %*s %63[^, ]", got), 1);
        err_clear(&err);
        snprintf(headers[i], HEADERS, "x-amz-checksum-%s: %s\r\n", names[i], got);
        assert_int_equal(read_whole(store, &err), OBJECT_BYTES);
        for (script.flip_at = 0; script.flip_at < OBJECT_BYTES; script.flip_at += 74999) {
            assert_true(read_whole(store, &err) < OBJECT_BYTES);
            s3_script_error(&err, ERRN_STORE_CHECKSUM, names[i]);
            err_clear(&err);
        }
        script.flip_at = -1;
    }
    script.get_headers =
        "x-amz-checksum-crc32: AAAAAA==-3\r\n"; /* of the parts: says nothing about the whole */
    assert_int_equal(read_whole(store, &(struct err){.code = ERR_OK}), OBJECT_BYTES);
    script.get_headers = "x-amz-checksum-crc32: AAAAAA==\r\nx-amz-checksum-type: COMPOSITE\r\n";
    assert_int_equal(read_whole(store, &(struct err){.code = ERR_OK}), OBJECT_BYTES);
    store_close(store);
    python = popen(
        "python3 -c 'import sys,zlib,base64,hashlib; d=bytes((i*2654435761%2**32>>13)&255 for i in "
        "range(300001)); print(base64.b64encode(zlib.crc32(d).to_bytes(4,\"big\")).decode(), "
        "base64.b64encode(hashlib.sha256(d).digest()).decode())'",
        "r");
    if (python) {
        char crc[64], sha[64];

        if (fscanf(python, "%63s %63s", crc, sha) == 2) {
            assert_non_null(strstr(headers[0], crc));
            assert_non_null(strstr(headers[3], sha));
        }
        pclose(python);
    }
}

static int countdown;

static bool fail_nth(void *ctx)
{
    (void)ctx;
    return --countdown == 0;
}

static void survives_each_failed_allocation(void **state)
{
    bool done = false;

    (void)state;
    script.listing_mode = LIST_EMPTY;
    for (int n = 1; !done; n++) {
        struct err err = ERR_INIT;
        struct store *store = NULL;
        struct store_list *list = NULL;
        struct store_object object;
        struct store_range range = {7, 500, "v1"};
        bool more;

        assert_true(n < 2000);
        countdown = n;
        mem_set_fault(fail_nth, NULL);
        done = s3_script_open("", &store, &err) == ERR_OK &&
               store_list_begin(store, "p", STORE_BELOW, &list, &err) == ERR_OK &&
               store_list_next(list, &object, &more, &err) == ERR_OK &&
               store_stat(store, "k", &object, &err) == ERR_OK &&
               s3_script_read(store, &range, &err) == 500 &&
               store_put_mem(store, "k", "x", 1, PUT_ALWAYS, &err) == ERR_OK &&
               store_remove(store, "k", &err) == ERR_OK;
        mem_set_fault(NULL, NULL);
        store_list_end(list);
        store_close(store);
        if (!done && err.code != ERR_NOMEM) {
            fail_msg("allocation %d: %s", n, err.msg);
        }
        done = done && countdown > 0;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(reads_over_one_connection, s3_script_begin),
        cmocka_unit_test_setup(sends_the_session_token, s3_script_begin),
        cmocka_unit_test_setup(goes_on_after_faults_that_pass, s3_script_begin),
        cmocka_unit_test_setup(many_faults_are_neither_believed_nor_multiplied, s3_script_begin),
        cmocka_unit_test_setup(waits_as_long_as_the_server_asks, s3_script_begin),
        cmocka_unit_test_setup(each_cut_of_a_body_is_found_and_resumed, s3_script_begin),
        cmocka_unit_test_setup(a_changed_object_is_never_mixed, s3_script_begin),
        cmocka_unit_test_setup(a_wrong_byte_is_found_by_each_checksum, s3_script_begin),
        cmocka_unit_test_setup(survives_each_failed_allocation, s3_script_begin),
    };
    return cmocka_run_group_tests(tests, s3_script_start, s3_script_stop);
}
