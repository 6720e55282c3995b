/* store_retry: what is tried again and what is not, how long it waits, the quota, and reads that are resumed.
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
#include "backends/store_mem.h"
#include "core/store/store_fault.h"
#include "core/store/store_retry.h"
#include "core/store/store_wrap.h"

enum { SIZE = 10000, START_US = 1000000 };

static struct clock_virtual virtual_clock;
static struct store *bare;  /* the place itself */
static struct store *fault; /* inside the retrying store */
static struct store *store;
static char content[SIZE];

static int setup(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    for (int i = 0; i < SIZE; i++) {
        content[i] = (char)('a' + i % 23);
    }
    store_mem_reset();
    clock_virtual_init(&virtual_clock, START_US, 1);
    assert_int_equal(registry_open_store("mem:retry", "/", &virtual_clock.base, true, &bare, &err), ERR_OK);
    assert_int_equal(store_put_mem(bare, "x", content, SIZE, PUT_ALWAYS, &err), ERR_OK);
    return 0;
}

static void retrying(const char *plan, unsigned attempts, int64_t base_ms)
{
    struct store_retry_options options = {attempts, base_ms};
    struct err err = ERR_INIT;
    struct store *inner;

    assert_int_equal(registry_open_store("mem:retry", "/", &virtual_clock.base, false, &inner, &err), ERR_OK);
    assert_int_equal(store_fault_wrap(inner, plan, &fault, &err), ERR_OK);
    assert_int_equal(store_retry_wrap(fault, &options, &store, &err), ERR_OK);
}

static int teardown(void **state)
{
    (void)state;
    store_close(store);
    store_close(bare);
    store = bare = NULL;
    return 0;
}

static enum err_code stat_x(void)
{
    struct err err = ERR_INIT;
    struct store_object object;

    enum err_code code = store_stat(store, "x", &object, &err);

    assert_int_equal(code, err.code);
    return err.code;
}

static void transient_failures_are_tried_again(void **state)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_reader *reader;

    (void)state;
    retrying("stat 1 transient; stat 2 throttle; list 1 transient; open 1 transient; remove 1 transient; put "
             "1 transient",
             0, 0);
    assert_int_equal(stat_x(), ERR_OK);
    assert_int_equal(store_fault_calls(fault), 3);
    assert_true(virtual_clock.now_us > START_US);
    assert_true(virtual_clock.now_us <= START_US + 200000 + 400000);
    assert_int_equal(store_list_begin(store, "", STORE_BELOW, &list, &err), ERR_OK);
    store_list_end(list);
    assert_int_equal(store_open_read(store, "x", NULL, &reader, &err), ERR_OK);
    store_close_read(reader);
    assert_int_equal(store_remove(store, "x", &err), ERR_OK);
    assert_int_equal(store_put_mem(store, "x", "new", 3, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(store_put_mem(store, "empty", "", 0, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(store_fault_calls(fault), 3 + 2 + 2 + 2 + 2 + 1);
}

static void attempts_include_the_first(void **state)
{
    (void)state;
    retrying("stat 1+ transient", 4, 100);
    assert_int_equal(stat_x(), ERR_TRANSIENT);
    assert_int_equal(store_fault_calls(fault), 4);
    assert_true(virtual_clock.now_us <= START_US + 100000 + 200000 + 400000);
}

static void one_attempt_means_no_retry(void **state)
{
    (void)state;
    retrying("stat 1 transient", 1, 0);
    assert_int_equal(stat_x(), ERR_TRANSIENT);
    assert_int_equal(stat_x(), ERR_OK);
    assert_int_equal(virtual_clock.now_us, START_US);
}

static void other_failures_are_not(void **state)
{
    (void)state;
    retrying("stat 1 denied; stat 2 gone; stat 3 io; stat 4 changed", 0, 0);
    assert_int_equal(stat_x(), ERR_DENIED);
    assert_int_equal(stat_x(), ERR_NOT_FOUND);
    assert_int_equal(stat_x(), ERR_IO);
    assert_int_equal(stat_x(), ERR_PRECONDITION);
    assert_int_equal(store_fault_calls(fault), 4);
    assert_int_equal(virtual_clock.now_us, START_US);
}

static void waits_have_a_maximum(void **state)
{
    int64_t longest = 0;

    (void)state;
    retrying("stat * transient", 2, INT64_C(1000000000000));
    for (int i = 0; i < 40; i++) {
        int64_t before = virtual_clock.now_us;

        assert_int_equal(stat_x(), ERR_TRANSIENT);
        longest = virtual_clock.now_us - before > longest ? virtual_clock.now_us - before : longest;
    }
    assert_true(longest > 10000000 && longest <= 20000000);
}

static void options_are_checked(void **state)
{
    struct store_retry_options many = {STORE_RETRY_ATTEMPTS_MAX + 1, 0}, backwards = {0, -1};
    struct err err = ERR_INIT;
    struct store *out;

    (void)state;
    assert_int_equal(store_retry_wrap(bare, &many, &out, &err), ERR_CONFIG);
    assert_null(out);
    err_clear(&err);
    assert_int_equal(store_retry_wrap(bare, &backwards, &out, &err), ERR_CONFIG);
}

/* 500 tokens at 5 each are 100 retries, however many calls fail; each success gives one back. */
static void an_outage_is_not_multiplied(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    retrying("stat * transient", 10, 1);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(stat_x(), ERR_TRANSIENT);
    }
    assert_int_equal(store_fault_calls(fault), 200 + 100);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_remove(store, "none", &err), ERR_OK);
    }
    assert_int_equal(stat_x(), ERR_TRANSIENT);
    assert_int_equal(stat_x(), ERR_TRANSIENT);
    assert_int_equal(store_fault_calls(fault), 300 + 10 + 2 + 2);
}

/* A connection that carries ten bytes each time. */
static enum err_code short_lived_read(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                                      struct err *err)
{
    if (reader->got >= 10) {
        return err_set(err, ERRN_STORE_TRUNCATED, "cut");
    }
    return store_wrap_read(reader, dst, cap < 10 ? cap : 10, n, err);
}

/* More cuts than the quota has retries: each that got further gives back what it took. */
static void an_object_is_cut_off_as_often_as_it_likes(void **state)
{
    static const struct store_type type = {.name = "cut",
                                           .stat = store_wrap_stat,
                                           .open_read = store_wrap_open_read,
                                           .read = short_lived_read,
                                           .close_read = store_wrap_close_read,
                                           .close = store_wrap_close};
    struct store_retry_options options = {3, 1};
    struct store_reader *reader;
    struct err err = ERR_INIT;
    struct store_wrap *cut;
    char got[SIZE + 1];
    size_t n = 1, len = 0;

    (void)state;
    cut = store_wrap_new(sizeof *cut, &type, bare, &err);
    assert_int_equal(store_retry_wrap(&cut->base, &options, &store, &err), ERR_OK);
    assert_int_equal(store_open_read(store, "x", NULL, &reader, &err), ERR_OK);
    while (n > 0) {
        assert_int_equal(store_read(reader, got + len, sizeof got - len, &n, &err), ERR_OK);
        len += n;
    }
    assert_int_equal(len, SIZE);
    assert_memory_equal(got, content, SIZE);
    store_close_read(reader);
    bare = NULL; /* closed with the wrapper */
}

static int timeouts;

static enum err_code timeout_stat(struct store *self, const char *key, struct store_object *out,
                                  struct err *err)
{
    (void)self;
    (void)key;
    (void)out;
    timeouts++;
    return err_set_native(err, ERRN_STORE_UNREACHABLE, ETIMEDOUT, "timed out");
}

static void timeouts_cost_twice(void **state)
{
    static const struct store_type type = {.name = "late", .stat = timeout_stat, .close = store_wrap_close};
    struct store_retry_options options = {10, 1};
    struct err err = ERR_INIT;
    struct store_wrap *late;

    (void)state;
    late = store_wrap_new(sizeof *late, &type, bare, &err);
    assert_int_equal(store_retry_wrap(&late->base, &options, &store, &err), ERR_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(stat_x(), ERR_TRANSIENT);
    }
    assert_int_equal(timeouts, 100 + 50);
    bare = NULL; /* closed with the store around it */
}

/* Reads x or a range of it in pieces of 1000 and compares; the code it ends with. */
static enum err_code read_x(int64_t offset, int64_t length, void (*meddle)(void))
{
    struct store_range range = {offset, length, NULL};
    struct err err = ERR_INIT;
    struct store_reader *reader;
    char buf[1000];
    size_t n = 1;
    int64_t got = 0;

    assert_int_equal(store_open_read(store, "x", &range, &reader, &err), ERR_OK);
    while (n > 0 && store_read(reader, buf, sizeof buf, &n, &err) == ERR_OK) {
        assert_memory_equal(buf, content + offset + got, n);
        got += (int64_t)n;
        if (meddle) {
            meddle();
        }
    }
    if (err.code == ERR_OK) {
        assert_int_equal(got, length < 0 ? SIZE - offset : length);
    }
    store_close_read(reader);
    return err.code;
}

static void broken_reads_are_resumed(void **state)
{
    (void)state;
    retrying("read 2 cut; read 3 transient; read 5 short; read 7 cut; open 4 transient; read 13 cut", 3, 1);
    assert_int_equal(read_x(0, -1, NULL), ERR_OK);
    assert_int_equal(read_x(1234, 4321, NULL), ERR_OK);
    assert_int_equal(read_x(SIZE, -1, NULL), ERR_OK);
}

static void a_read_breaks_at_every_call(void **state)
{
    int64_t calls = 100;

    (void)state;
    for (int64_t n = 1; n <= calls; n++) {
        char plan[64];

        snprintf(plan, sizeof plan, "any %lld transient", (long long)n);
        retrying(plan, 2, 1);
        assert_int_equal(read_x(500, 6000, NULL), ERR_OK);
        calls = store_fault_calls(fault);
        store_close(store);
        store = NULL;
    }
    assert_true(calls < 100);
}

static void reads_without_progress_end(void **state)
{
    (void)state;
    retrying("read 3+ cut", 3, 1);
    assert_int_equal(read_x(0, -1, NULL), ERR_TRANSIENT);
    assert_int_equal(store_fault_calls(fault),
                     1 + 2 + 1 + 2 * 2); /* open, two reads, the third, twice open and read */
}

static void swap_content(void)
{
    struct err err = ERR_INIT;
    char other[SIZE];

    memset(other, 'Z', SIZE);
    assert_int_equal(store_put_mem(bare, "x", other, SIZE, PUT_ALWAYS, &err), ERR_OK);
}

static void remove_content(void)
{
    struct err err = ERR_INIT;

    assert_int_equal(store_remove(bare, "x", &err), ERR_OK);
}

static void resumed_reads_never_mix_versions(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    retrying("read 2 cut; read 5 cut", 3, 1);
    assert_int_equal(read_x(0, -1, swap_content), ERR_PRECONDITION);
    assert_int_equal(store_put_mem(bare, "x", content, SIZE, PUT_ALWAYS, &err), ERR_OK);
    store_close(store);
    retrying("read 2 cut", 3, 1);
    assert_int_equal(read_x(0, -1, remove_content), ERR_NOT_FOUND);
}

/* A body whose reads are counted. */
struct counted {
    struct bytes_mem mem;
    int reads;
};

static enum err_code counted_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct counted *c = (struct counted *)self;
    struct bytes_mem fresh;
    enum err_code code;

    c->reads++;
    bytes_mem_init(&fresh, c->mem.data, c->mem.len);
    fresh.pos = c->mem.pos;
    code = bytes_read(&fresh.base, dst, cap, n, err);
    c->mem.pos = fresh.pos;
    return code;
}

static int late_puts;

/* Takes some of the body and then breaks. */
static enum err_code late_put(struct store *self, const char *key, struct bytes *body, int64_t size,
                              enum store_condition condition, struct err *err)
{
    char byte;
    size_t n;

    (void)self;
    (void)key;
    (void)size;
    (void)condition;
    late_puts++;
    if (bytes_read(body, &byte, 1, &n, err) == ERR_OK) {
        err_set(err, ERRN_STORE_UNREACHABLE, "broke");
    }
    return err->code;
}

static enum err_code broken_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    (void)self;
    (void)dst;
    (void)cap;
    *n = 0;
    return err_set(err, ERRN_STORE_TRUNCATED, "the body broke");
}

static void a_put_that_began_is_not_sent_again(void **state)
{
    static const struct store_type type = {.name = "late", .put = late_put, .close = store_wrap_close};
    struct store_retry_options options = {0};
    struct counted body = {.reads = 0};
    struct bytes broken = {broken_read};
    struct err err = ERR_INIT;
    struct store_wrap *late;

    (void)state;
    bytes_mem_init(&body.mem, "text", 4);
    body.mem.base.read = counted_read;
    late = store_wrap_new(sizeof *late, &type, bare, &err);
    assert_int_equal(store_retry_wrap(&late->base, &options, &store, &err), ERR_OK);
    assert_int_equal(store_put(store, "y", &body.mem.base, 4, PUT_ALWAYS, &err), ERR_TRANSIENT);
    assert_int_equal(late_puts, 1);
    assert_int_equal(body.reads, 1);
    err_clear(&err);
    assert_int_equal(store_put_mem(store, "y", "", 0, PUT_ALWAYS, &err), ERR_TRANSIENT);
    assert_int_equal(late_puts, 1 + 3); /* nothing went of an empty body */
    err_clear(&err);
    assert_int_equal(store_put(store, "y", &broken, 4, PUT_ALWAYS, &err), ERR_TRANSIENT);
    assert_int_equal(late_puts, 1 + 3 + 1); /* a body that broke has no second answer */
    bare = NULL;
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(transient_failures_are_tried_again),
        CASE(attempts_include_the_first),
        CASE(one_attempt_means_no_retry),
        CASE(other_failures_are_not),
        CASE(waits_have_a_maximum),
        CASE(options_are_checked),
        CASE(an_outage_is_not_multiplied),
        CASE(timeouts_cost_twice),
        CASE(an_object_is_cut_off_as_often_as_it_likes),
        CASE(broken_reads_are_resumed),
        CASE(a_read_breaks_at_every_call),
        CASE(reads_without_progress_end),
        CASE(resumed_reads_never_mix_versions),
        CASE(a_put_that_began_is_not_sent_again),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    store_mem_reset();
    return failed;
}
