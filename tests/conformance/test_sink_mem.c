/* test_sink_mem: the suite over mem:, and that names are apart and reset forgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/registry.h"
#include "backends/sink_mem.h"
#include "tests/conformance/sink_suite.h"
#include "tests/support/sink_kit.h"

static enum err_code open_mem(void *ctx, const struct sink_target *target, const struct clock *clock,
                              bool read_only, struct sink **out, struct err *err)
{
    struct sink_open args = {.url = ctx, .clock = clock, .read_only = read_only, .target = *target};

    return registry_open_sink(&args, out, err);
}

/* Models of the random case live in the same process: the suite's database gets a new name instead. */
static char url[32];

static void reset_mem(void *ctx)
{
    static unsigned number;
    unsigned n = ++number;

    (void)ctx;
    for (size_t i = 4; i < 12; i++, n /= 10)
        url[i] = (char)('0' + n % 10);
}

static void names_are_databases(void **state)
{
    static char a_url[] = "mem:a", b_url[] = "mem:b";
    struct schema schema;
    struct err err = ERR_INIT;
    struct sink *a, *b;

    (void)state;
    kit_schema(&schema, "id:int");
    struct sink_target target = {.pipeline = "p", .table = "t", .schema = &schema, .lease_ms = 1000};
    assert_int_equal(open_mem(a_url, &target, clock_real(), false, &a, &err), ERR_OK);
    assert_int_equal(open_mem(b_url, &target, clock_real(), false, &b, &err), ERR_OK);
    assert_int_equal(sink_setup(a, NULL, &err), ERR_OK);
    assert_int_equal(sink_setup(b, NULL, &err), ERR_OK);
    kit_load(a, "x", "1\n");
    assert_int_equal(kit_count(a, 0), 1);
    assert_int_equal(kit_count(b, 0), 0);
    sink_close(a);
    sink_close(b);
    sink_mem_reset();
    struct sink_state found;
    assert_int_equal(open_mem(a_url, &target, clock_real(), false, &a, &err), ERR_OK);
    assert_int_equal(sink_describe(a, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_MISSING);
    buf_release(&found.problems);
    sink_close(a);
    schema_release(&schema);
    sink_mem_reset();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_are_databases)};
    const struct sink_suite suite = {"sink mem", open_mem, reset_mem, url};
    static const char PREFIX[] = "mem:";

    for (size_t i = 0; i < sizeof PREFIX; i++)
        url[i] = PREFIX[i];
    int failed = sink_suite_run(&suite);
    sink_mem_reset();
    return failed + cmocka_run_group_tests_name("sink mem: its own", tests, NULL, NULL);
}
