/* store_trace: each op is told once, with its key, result and time; as a log line where nobody listens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/registry.h"
#include "backends/store_mem.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/store/store_fault.h"
#include "core/store/store_trace.h"

static void note(void *ctx, const char *op, const char *key, enum err_code code, int64_t micros)
{
    struct err err = ERR_INIT;

    assert_int_equal(buf_printf(ctx, &err, "%s %s %s %lld\n", op, key, code == ERR_OK ? "ok" : "failed",
                                (long long)micros),
                     ERR_OK);
}

static struct clock_virtual virtual_clock;

/* Memory behind a plan behind a trace. */
static struct store *traced(const char *plan, store_trace_fn *fn, void *ctx)
{
    struct err err = ERR_INIT;
    struct store *store;

    store_mem_reset();
    clock_virtual_init(&virtual_clock, 1000000, 1);
    assert_int_equal(registry_open_store("mem:trace", "/", &virtual_clock.base, true, &store, &err), ERR_OK);
    assert_int_equal(store_fault_wrap(store, plan, &store, &err), ERR_OK);
    assert_int_equal(store_trace_wrap(store, fn, ctx, &store, &err), ERR_OK);
    return store;
}

static void tour(struct store *store)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_reader *reader;
    struct store_object object;
    char buf[16];
    size_t n;
    bool more = true;

    assert_int_equal(store_put_mem(store, "d/x", "0123456789", 10, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(store_list_begin(store, "d/", STORE_BELOW, &list, &err), ERR_OK);
    while (more) {
        assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    }
    store_list_end(list);
    assert_int_equal(store_stat(store, "d/x", &object, &err), ERR_OK);
    assert_int_equal(store_open_read(store, "d/x", NULL, &reader, &err), ERR_OK);
    assert_int_equal(store_read(reader, buf, sizeof buf, &n, &err), ERR_OK);
    assert_int_equal(n, 10);
    store_close_read(reader);
    assert_int_equal(store_remove(store, "d/x", &err), ERR_OK);
    assert_int_equal(store_stat(store, "d/x", &object, &err), ERR_NOT_FOUND);
}

static void each_op_is_told_once(void **state)
{
    struct buf told;
    struct store *store;

    (void)state;
    buf_init(&told, 10000);
    store = traced("list * delay=2; read 1 delay=5; stat 1 delay=1", note, &told);
    tour(store);
    assert_string_equal(buf_str(&told),
                        "put d/x ok 0\nlist d/ ok 6000\nstat d/x ok 1000\nopen d/x ok 0\nread d/x ok 5000\n"
                        "remove d/x ok 0\nstat d/x failed 0\n");
    store_close(store);
    buf_release(&told);
}

static void failed_listings_are_told_too(void **state)
{
    struct store *store;
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    struct buf told;
    bool more;

    (void)state;
    buf_init(&told, 10000);
    store = traced("list 1 denied; list 3 io", note, &told);
    assert_int_equal(store_list_begin(store, "d/", STORE_BELOW, &list, &err), ERR_DENIED);
    err_clear(&err);
    assert_int_equal(store_list_begin(store, "e/", STORE_BELOW, &list, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_IO);
    store_list_end(list);
    assert_string_equal(buf_str(&told), "list d/ failed 0\nlist e/ failed 0\n");
    store_close(store);
    buf_release(&told);
}

static void nobody_listening_means_the_log(void **state)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    struct store *store = traced("", NULL, NULL);

    (void)state;
    log_configure(out, LOG_TEXT, LOG_DEBUG);
    tour(store);
    log_configure(stderr, LOG_TEXT, LOG_INFO);
    fclose(out);
    assert_non_null(strstr(text, "put mem:trace/d/x: done after 0 us\n"));
    assert_non_null(strstr(text, "stat mem:trace/d/x: failed after 0 us\n"));
    store_close(store);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_op_is_told_once),
        cmocka_unit_test(failed_listings_are_told_too),
        cmocka_unit_test(nobody_listening_means_the_log),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    store_mem_reset();
    return failed;
}
