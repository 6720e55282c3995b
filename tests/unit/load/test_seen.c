/* seen: what was put in is found, nothing else is, over its growth, its emptying and its maximum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/mem.h"
#include "core/load/seen.h"

static struct hash128 of(int64_t i)
{
    return hash128(&i, sizeof i);
}

static void finds_what_is_in(void **state)
{
    (void)state;
    struct seen seen = {0};
    struct err err = ERR_INIT;
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < 50000; i++) {
            struct hash128 h = of(i), other = of(-1 - i);
            assert_false(seen_has(&seen, &h));
            assert_int_equal(seen_add(&seen, &h, &err), ERR_OK);
            assert_true(seen_has(&seen, &h));
            assert_false(seen_has(&seen, &other));
        }
        for (int64_t i = 0; i < 50000; i++) {
            struct hash128 h = of(i);
            assert_true(seen_has(&seen, &h));
        }
        assert_int_equal(seen.n, 50000);
        seen_clear(&seen);
        assert_int_equal(seen.cap, 0); /* so much is given back */
    }
    struct hash128 zero = {{0}}, h = of(1);
    assert_int_equal(seen_add(&seen, &zero, &err), ERR_OK);
    assert_true(seen_has(&seen, &zero));
    assert_false(seen_has(&seen, &h));
    seen_clear(&seen);
    assert_false(seen_has(&seen, &zero));
    assert_true(seen.cap > 0); /* little is kept */
    seen_release(&seen);
}

static bool fails(void *ctx)
{
    (void)ctx;
    return true;
}

static void has_a_maximum(void **state)
{
    (void)state;
    struct seen seen = {.n = SEEN_MAX};
    struct err err = ERR_INIT;
    struct hash128 h = of(1);
    assert_int_equal(seen_add(&seen, &h, &err), ERR_NOMEM);
    assert_int_equal(err.name, ERRN_LIMIT);
    seen.n = 0;
    err_clear(&err);
    mem_set_fault(fails, NULL);
    assert_int_equal(seen_add(&seen, &h, &err), ERR_NOMEM);
    mem_set_fault(NULL, NULL);
    assert_int_equal(err.name, ERRN_NOMEM);
    assert_false(seen_has(&seen, &h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_what_is_in), cmocka_unit_test(has_a_maximum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
