/* store_mem: the suite, that handles of one name share a place until it is forgotten, and that threads may.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "backends/registry.h"
#include "backends/store_mem.h"
#include "tests/conformance/store_suite.h"

enum { THREADS = 4, ROUNDS = 300 };

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

/* One of several threads, each with a handle of its own on one place. */
static void *hammer(void *failed)
{
    struct store *store = NULL;
    struct err err = ERR_INIT;
    char key[32], text[64];

    if (registry_open_store("mem:shared", "/", clock_real(), true, &store, &err) != ERR_OK) {
        atomic_fetch_add((atomic_int *)failed, 1);
        return NULL;
    }
    for (int i = 0; i < ROUNDS && err.code == ERR_OK; i++) {
        struct store_list *list = NULL;
        struct store_object object;
        bool more = true;

        snprintf(key, sizeof key, "k%d", i % 7);
        if (store_put_mem(store, key, key, strlen(key), PUT_ALWAYS, &err) == ERR_OK &&
            store_list_begin(store, "k", STORE_BELOW, &list, &err) == ERR_OK) {
            while (more && store_list_next(list, &object, &more, &err) == ERR_OK) {
            }
        }
        store_list_end(list);
        if (store_suite_slurp(store, key, text, sizeof text, &err) < 0 &&
            (err.code == ERR_NOT_FOUND || err.code == ERR_PRECONDITION)) {
            err_clear(&err); /* another thread was there */
        }
        if (i % 5 == 0 && store_remove(store, key, &err) != ERR_OK) {
            break;
        }
    }
    atomic_fetch_add((atomic_int *)failed, err.code != ERR_OK);
    store_close(store);
    return NULL;
}

static void threads_share_a_place(void **state)
{
    pthread_t threads[THREADS];
    atomic_int failed = 0;

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, &failed), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct store_suite suite = {
        .name = "store_mem", .fresh = fresh, .open = open_place, .random_ops = 20000};
    const struct CMUnitTest quirks[] = {cmocka_unit_test(names_are_places),
                                        cmocka_unit_test(threads_share_a_place)};
    int failed = store_suite_run(&suite) + cmocka_run_group_tests(quirks, NULL, NULL);

    store_mem_reset();
    return failed;
}
