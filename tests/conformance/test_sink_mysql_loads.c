/*
 * test_sink_mysql_loads: whole loads into a server that ends sessions which are silent for a lease.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/support/mysql_kit.h"
#include "tests/support/rig.h"
#include "tests/support/sink_wrap.h"
#include "tests/support/store_hook.h"

enum {
    LEASE_S = 3,
    PAUSE_S = 7, /* longer than two leases */
    ROWS = 240000,
    ROW_BYTES = 40,
    TEXT_MAX_BYTES = 4096,
};

#define KEY(f) "yyyy=2022/mm=06/dd=05/hh=00/" f ".csv"

struct scene {
    struct rig rig;
    struct sink_wrap wrap;
    struct store_hook hook;
};

static struct store *wrap_store(void *ctx, struct store *inner)
{
    return store_hook_new(&((struct scene *)ctx)->hook, inner);
}

static struct sink *wrap_sink(void *ctx, struct sink *inner)
{
    return sink_wrap_new(&((struct scene *)ctx)->wrap, inner);
}

static void stop_for_a_while(void *ctx)
{
    (void)ctx;
    clock_sleep_us(clock_real(), PAUSE_S * INT64_C(1000000));
}

/* An object of several batches, so that the transaction is open when the source stops at its read `nth`. */
static void put_rows(struct rig *rig, const char *key)
{
    char *text = mem_alloc((size_t)ROWS * ROW_BYTES);
    int len = 0;

    assert_non_null(text);
    len += snprintf(text, ROW_BYTES, "id,name,amount\n");
    for (int i = 0; i < ROWS; i++)
        len += snprintf(text + len, ROW_BYTES, "%d,abcdefghijklmnop,1.5\n", i);
    rig_put_bytes(rig, key, text, (size_t)len);
    mem_free(text);
}

static void load_slowly(int connections, int64_t nth)
{
    char text[TEXT_MAX_BYTES], url[KIT_MYSQL_URL_MAX], set[64];
    struct scene s = {.rig = {.wrap_store = wrap_store, .wrap_sink = wrap_sink, .wrap_ctx = &s}};
    const char *sets[] = {set};

    kit_mysql_reset();
    kit_mysql_url("", url);
    sink_wrap_init(&s.wrap);
    store_hook_init(&s.hook);
    (void)!snprintf(set, sizeof set, "target.connections=%d", connections);
    (void)!snprintf(text, sizeof text,
                    "name: rig\nsource: {url: \"mem:lake\"}\nschema:\n  columns:\n"
                    "    - {name: id, type: bigint, nullable: false}\n"
                    "    - {name: name, type: varchar(20)}\n    - {name: amount, type: double}\n"
                    "target: {url: \"%s\", user: \"${SLUICE_TEST_MYSQL_USER}\", password: "
                    "\"${SLUICE_TEST_MYSQL_PASSWORD}\", table: t, lease: %ds}\n",
                    url, LEASE_S);
    rig_open(&s.rig, text, sets, 1);
    put_rows(&s.rig, KEY("a"));
    s.rig.clock.base = *clock_real();
    sink_wrap_reset(&s.wrap);
    s.hook.op = STORE_OP_READ;
    s.hook.nth = nth;
    s.hook.hook = stop_for_a_while;
    int64_t opened = s.wrap.opened;
    if (rig_run(&s.rig, NULL) != 0)
        fail_msg("%s%s: %s", buf_str(&s.rig.log), err_name_text(s.rig.err.name), s.rig.err.msg);
    assert_int_equal(s.hook.fired, 1);
    assert_true(sink_wrap_calls(&s.wrap, SINK_OP_KEEP) >= PAUSE_S / LEASE_S);
    assert_int_equal(sink_wrap_calls(&s.wrap, SINK_OP_BEGIN), 1); /* the first try */
    /* the renewer's and the workers', none in the place of another */
    assert_int_equal(s.wrap.opened - opened, connections > 1 ? 1 + connections : 1);
    assert_int_equal(kit_mysql_int("SELECT COUNT(DISTINCT id) FROM t"), ROWS);
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM t"), ROWS);
    rig_close(&s.rig);
    assert_int_equal(s.wrap.open_handles, 0);
    sink_wrap_release(&s.wrap);
    store_hook_release(&s.hook);
}

static void a_source_slower_than_the_lease_is_loaded(void **state)
{
    (void)state;
    load_slowly(1, 1);  /* before anything was sent */
    load_slowly(1, 17); /* in the middle of the transaction */
}

/* One worker waits for its source, the other and the hour's own connection for that worker. */
static void so_it_is_by_a_crew(void **state)
{
    (void)state;
    load_slowly(2, 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_source_slower_than_the_lease_is_loaded),
                                       cmocka_unit_test(so_it_is_by_a_crew)};

    if (!kit_mysql_begin())
        return 0;
    int failed = cmocka_run_group_tests_name("sink mysql: whole loads", tests, NULL, NULL);
    kit_mysql_end();
    return failed;
}
