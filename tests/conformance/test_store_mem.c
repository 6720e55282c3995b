/* store_mem: the suite, and that handles of one name share a place until it is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/registry.h"
#include "backends/store_mem.h"
#include "tests/conformance/store_suite.h"

static void fresh(void *ctx)
{
    (void)ctx;
    store_mem_reset();
}

static enum err_code open_place(void *ctx, bool create, struct store **out, struct err *err)
{
    (void)ctx;
    return registry_open_store("mem:suite", "/", clock_real(), create, out, err);
}

static void names_are_places(void **state)
{
    struct err err = ERR_INIT;
    struct store *a, *b, *other;
    char text[16];

    (void)state;
    store_mem_reset();
    assert_int_equal(registry_open_store("mem:a", "/", clock_real(), true, &a, &err), ERR_OK);
    assert_int_equal(registry_open_store("mem:a", "/", clock_real(), false, &b, &err), ERR_OK);
    assert_int_equal(registry_open_store("mem:other", "/", clock_real(), true, &other, &err), ERR_OK);
    assert_int_equal(store_put_mem(a, "k", "text", 4, PUT_ALWAYS, &err), ERR_OK);
    store_mem_reset();
    assert_int_equal(store_suite_slurp(b, "k", text, sizeof text, &err), 4);
    assert_int_equal(store_suite_slurp(other, "k", text, sizeof text, &err), -1);
    store_close(a);
    store_close(b);
    store_close(other);
    err_clear(&err);
    assert_int_equal(registry_open_store("mem:a", "/", clock_real(), false, &a, &err), ERR_NOT_FOUND);
}

int main(void)
{
    const struct store_suite suite = {
        .name = "store_mem", .fresh = fresh, .open = open_place, .random_ops = 20000};
    const struct CMUnitTest quirks[] = {cmocka_unit_test(names_are_places)};
    int failed = store_suite_run(&suite) + cmocka_run_group_tests(quirks, NULL, NULL);

    store_mem_reset();
    return failed;
}
