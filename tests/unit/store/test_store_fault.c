/* store_fault: plans that parse or do not, which calls fail and how, and the count of calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "backends/registry.h"
#include "backends/store_mem.h"
#include "core/store/store_fault.h"

static struct clock_virtual virtual_clock;

/* A store with "x" = "0123456789" behind a plan. */
static struct store *with_plan(const char *plan)
{
    struct err err = ERR_INIT;
    struct store *inner, *store;

    store_mem_reset();
    clock_virtual_init(&virtual_clock, 1000000, 1);
    assert_int_equal(registry_open_store("mem:fault", "/", &virtual_clock.base, true, &inner, &err), ERR_OK);
    assert_int_equal(store_put_mem(inner, "x", "0123456789", 10, PUT_ALWAYS, &err), ERR_OK);
    if (store_fault_wrap(inner, plan, &store, &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(store->label, "mem:fault");
    assert_true(store->caps.put_if_absent);
    return store;
}

static enum err_name stat_x(struct store *store)
{
    struct err err = ERR_INIT;
    struct store_object object;

    enum err_code code = store_stat(store, "x", &object, &err);

    assert_int_equal(code, err.code);
    return err.name;
}

/* Reads x with a buffer of 4; the number of bytes that came, *reads calls with bytes. */
static size_t read_x(struct store *store, int *reads, struct err *err)
{
    struct store_reader *reader;
    char buf[4];
    size_t n = 1, len = 0;

    *reads = 0;
    if (store_open_read(store, "x", NULL, &reader, err) != ERR_OK) {
        return 0;
    }
    while (n > 0 && store_read(reader, buf, sizeof buf, &n, err) == ERR_OK) {
        len += n;
        *reads += n > 0;
    }
    store_close_read(reader);
    return len;
}

static void bad_plans_are_refused(void **state)
{
    struct store *inner = with_plan(""), *out;

    (void)state;
    for (const char *const *plan = (const char *const[]){"stat",
                                                         "stat 1",
                                                         "stat 1 explode",
                                                         "lost 1 io",
                                                         "stat 0 io",
                                                         "stat -1 io",
                                                         "stat + io",
                                                         "stat 1- io",
                                                         "stat 1.5 io",
                                                         "stat 99999999999999999999 io",
                                                         "stat 1 io now",
                                                         "stat 1 delay",
                                                         "stat 1 delay=",
                                                         "stat 1 delay=-1",
                                                         "stat 1 delay=1s",
                                                         "stat 1 cut",
                                                         "put 1 short",
                                                         "stat 1 io;x",
                                                         "stat 1 io stat 2 io",
                                                         NULL};
         *plan; plan++) {
        struct err err = ERR_INIT;

        if (store_fault_wrap(inner, *plan, &out, &err) != ERR_CONFIG) {
            fail_msg("\"%s\" was taken", *plan);
        }
        assert_null(out);
        assert_non_null(strstr(err.msg, "OP N ACTION"));
    }
    store_close(inner);
}

static void too_many_rules_are_refused(void **state)
{
    struct store *inner = with_plan(""), *out = NULL;
    struct err err = ERR_INIT;
    char plan[STORE_FAULT_RULES_MAX * 10 + 32] = "";

    (void)state;
    for (int i = 0; i < STORE_FAULT_RULES_MAX; i++) {
        memcpy(plan + i * 10, "stat 9 io\n", 10);
    }
    assert_int_equal(store_fault_wrap(inner, plan, &out, &err), ERR_OK);
    memcpy(plan + STORE_FAULT_RULES_MAX * 10, "stat 9 io", 10);
    assert_int_equal(store_fault_wrap(inner, plan, &inner, &err), ERR_NOMEM);
    store_close(out);
}

static void the_named_calls_fail(void **state)
{
    struct store *store = with_plan(" stat 2 transient ;; \n stat 4+ denied\n;stat 5 io");

    (void)state;
    assert_int_equal(stat_x(store), ERRN_NONE);
    assert_int_equal(stat_x(store), ERRN_STORE_UNREACHABLE);
    assert_int_equal(stat_x(store), ERRN_NONE);
    assert_int_equal(stat_x(store), ERRN_DENIED);
    assert_int_equal(stat_x(store), ERRN_DENIED); /* the first rule decides */
    assert_int_equal(store_fault_calls(store), 5);
    store_close(store);
}

static void each_action_has_its_error(void **state)
{
    static const struct {
        const char *plan;
        enum err_name name;
    } cases[] = {{"stat * transient", ERRN_STORE_UNREACHABLE},
                 {"stat * throttle", ERRN_STORE_THROTTLED},
                 {"stat * denied", ERRN_DENIED},
                 {"stat * gone", ERRN_NOT_FOUND},
                 {"stat * io", ERRN_IO},
                 {"stat * changed", ERRN_SOURCE_MOVED}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store *store = with_plan(cases[i].plan);

        assert_int_equal(stat_x(store), cases[i].name);
        store_close(store);
    }
}

static void each_op_has_its_calls(void **state)
{
    struct store *store = with_plan("list 3 io; open 2 denied; put 1 throttle; remove 1 changed; any 9 gone");
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    struct store_reader *reader;
    bool more;

    (void)state;
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_IO);
    store_list_end(list);
    err_clear(&err);
    assert_int_equal(store_open_read(store, "x", NULL, &reader, &err), ERR_OK);
    store_close_read(reader);
    assert_int_equal(store_open_read(store, "x", NULL, &reader, &err), ERR_DENIED);
    err_clear(&err);
    assert_int_equal(store_put_mem(store, "y", "1", 1, PUT_ALWAYS, &err), ERR_TRANSIENT);
    err_clear(&err);
    assert_int_equal(store_remove(store, "x", &err), ERR_PRECONDITION);
    assert_non_null(strstr(err.msg, "mem:fault/x: changed by fault plan, remove 1"));
    err_clear(&err);
    assert_int_equal(stat_x(store), ERRN_NONE); /* x is there still: what fails does not reach the store */
    assert_int_equal(stat_x(store), ERRN_NOT_FOUND);
    assert_int_equal(store_put_mem(store, "y", "1", 1, PUT_ALWAYS, &err), ERR_OK);
    store_close(store);
}

static void reads_are_cut_short_and_delayed(void **state)
{
    struct store *store = with_plan("read 2 short; read 6 cut; any 3 cut; stat 1 delay=1500");
    struct err err = ERR_INIT;
    int reads;

    (void)state;
    assert_int_equal(read_x(store, &reads, &err), 4); /* any 3: the open, a read, then this one */
    assert_int_equal(err.name, ERRN_STORE_TRUNCATED);
    store_close(store);
    err_clear(&err);

    store = with_plan("read 2 short; read 6 cut; any 6 short; stat 1 delay=1500");
    assert_int_equal(read_x(store, &reads, &err), 10); /* 4, 1, 4, 1 */
    assert_int_equal(reads, 4);
    assert_int_equal(err.code, ERR_OK);
    assert_int_equal(read_x(store, &reads, &err), 0);
    assert_int_equal(err.name, ERRN_STORE_TRUNCATED);
    assert_int_equal(virtual_clock.now_us, 1000000);
    assert_int_equal(stat_x(store), ERRN_NONE);
    assert_int_equal(virtual_clock.now_us, 2500000);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_plans_are_refused), cmocka_unit_test(too_many_rules_are_refused),
        cmocka_unit_test(the_named_calls_fail),  cmocka_unit_test(each_action_has_its_error),
        cmocka_unit_test(each_op_has_its_calls), cmocka_unit_test(reads_are_cut_short_and_delayed),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    store_mem_reset();
    return failed;
}
