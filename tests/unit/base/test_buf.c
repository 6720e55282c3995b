/* buf and bytes: growth, the maximum, formatting, failed allocations, reading in pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/bytes.h"
#include "core/base/mem.h"

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void appends_stay_terminated(void **unused)
{
    struct err err = ERR_INIT;
    struct buf buf;

    (void)unused;
    buf_init(&buf, 1000);
    assert_string_equal(buf_str(&buf), "");
    buf_clear(&buf);
    assert_int_equal(buf_append(&buf, NULL, 0, &err), ERR_OK);
    assert_int_equal(buf_append_str(&buf, "ab", &err), ERR_OK);
    assert_int_equal(buf_append_char(&buf, 'c', &err), ERR_OK);
    assert_int_equal(buf_append(&buf, "\0d", 2, &err), ERR_OK);
    assert_int_equal(buf.len, 5);
    assert_memory_equal(buf.data, "abc\0d\0", 6);
    buf_clear(&buf);
    assert_string_equal(buf_str(&buf), "");
    assert_int_equal(buf_printf(&buf, &err, "%s-%03d", "x", 7), ERR_OK);
    assert_int_equal(buf_printf(&buf, &err, "%0200d", 1), ERR_OK);
    assert_int_equal(buf.len, 205);
    assert_int_equal(strlen(buf_str(&buf)), 205);
    assert_memory_equal(buf_str(&buf), "x-007000", 8);
    buf_release(&buf);
    assert_string_equal(buf_str(&buf), "");
    assert_int_equal(buf.max, 1000);
    buf_release(NULL);
}

static void max_is_reached_and_not_passed(void **unused)
{
    struct err err = ERR_INIT;
    struct buf buf;

    (void)unused;
    buf_init(&buf, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_append_char(&buf, 'x', &err), ERR_OK);
    assert_true(buf.cap <= 101);
    assert_int_equal(buf_append_char(&buf, 'y', &err), ERR_NOMEM);
    assert_int_equal(err.name, ERRN_LIMIT);
    assert_non_null(strstr(err.msg, "100"));
    err_clear(&err);
    assert_int_equal(buf_printf(&buf, &err, "%d", 1), ERR_NOMEM);
    assert_int_equal(err.name, ERRN_LIMIT);
    assert_int_equal(buf.len, 100);
    assert_int_equal(strspn(buf_str(&buf), "x"), 100);
    buf_release(&buf);

    buf_init(&buf, 0);
    err_clear(&err);
    assert_int_equal(buf_append(&buf, "", 0, &err), ERR_OK);
    assert_string_equal(buf.data, "");
    assert_int_equal(buf_append_char(&buf, 'x', &err), ERR_NOMEM);
    buf_release(&buf);

    buf_init(&buf, SIZE_MAX);
    err_clear(&err);
    assert_int_equal(buf_append_str(&buf, "abc", &err), ERR_OK);
    assert_int_equal(buf_reserve(&buf, SIZE_MAX, &err), ERR_NOMEM);
    assert_int_equal(err.name, ERRN_LIMIT);
    assert_string_equal(buf.data, "abc");
    buf_release(&buf);
}

static void failed_memory_changes_nothing(void **unused)
{
    struct err err = ERR_INIT;
    struct buf buf;

    (void)unused;
    buf_init(&buf, 1000);
    assert_int_equal(buf_append_str(&buf, "abc", &err), ERR_OK);
    mem_set_fault(always, NULL);
    assert_int_equal(buf_append_str(&buf, "still fits", &err), ERR_OK);
    assert_int_equal(buf_reserve(&buf, 500, &err), ERR_NOMEM);
    assert_int_equal(err.name, ERRN_NOMEM);
    err_clear(&err);
    assert_int_equal(buf_printf(&buf, &err, "%0500d", 1), ERR_NOMEM);
    mem_set_fault(NULL, NULL);
    assert_string_equal(buf_str(&buf), "abcstill fits");
    buf_release(&buf);
}

static void reserve_leaves_room(void **unused)
{
    struct err err = ERR_INIT;
    struct buf buf;

    (void)unused;
    buf_init(&buf, 10000);
    assert_int_equal(buf_reserve(&buf, 5000, &err), ERR_OK);
    assert_true(buf.cap >= 5001);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    memset(buf.data, 'x', 5001);
    buf_release(&buf);
}

static void memory_is_read_in_pieces(void **unused)
{
    struct err err = ERR_INIT;
    struct bytes_mem m;
    char dst[4];
    size_t n;

    (void)unused;
    bytes_mem_init(&m, "abcdef", 6);
    assert_int_equal(bytes_read(&m.base, dst, 4, &n, &err), ERR_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(dst, "abcd", 4);
    assert_int_equal(bytes_read(&m.base, dst, 4, &n, &err), ERR_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(dst, "ef", 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(bytes_read(&m.base, dst, 4, &n, &err), ERR_OK);
        assert_int_equal(n, 0);
    }
    bytes_mem_init(&m, NULL, 0);
    assert_int_equal(bytes_read(&m.base, dst, 4, &n, &err), ERR_OK);
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_stay_terminated),       cmocka_unit_test(max_is_reached_and_not_passed),
        cmocka_unit_test(failed_memory_changes_nothing), cmocka_unit_test(reserve_leaves_room),
        cmocka_unit_test(memory_is_read_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
