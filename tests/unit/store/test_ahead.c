/* ahead: order, contents, errors where they belong, bounds, ends in the middle. */
#include "core/store/ahead.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/registry.h"
#include "backends/store_mem.h"
#include "core/base/mem.h"
#include "tests/support/store_hook.h"

enum { OBJECTS_MAX = 300, ROOM_SIZE = AHEAD_SHARE - 64 * 1024 };

/* A place in memory, a list of all its objects, and what the readers do with it. */
struct far {
    struct store *store;
    struct store_object objects[OBJECTS_MAX];
    size_t n;
    struct ahead *ahead;
    struct store_factory factory;
    struct store_hook hook;
    sem_t opens; /* one for each object that a reader opened */
    atomic_int handles;
    atomic_llong opened, asked; /* by the readers; for by the caller */
    long long most;             /* that may be opened and not yet asked for; 0 = any number */
    atomic_bool over;           /* there were more */
    bool shut;                  /* no further handles */
    atomic_int *stop;           /* set by each open; NULL: none */
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

static enum err_code open_mem(struct store **out, struct err *err)
{
    return registry_open_store("mem:far", "/", clock_real(), true, out, err);
}

static enum err_code open_far(void *ctx, struct store **out, struct err *err)
{
    struct far *far = ctx;
    if (far->shut)
        return err_set(err, ERRN_STORE_UNREACHABLE, "no further handles");
    atomic_fetch_add(&far->handles, 1);
    if (open_mem(out, err) != ERR_OK)
        return err->code;
    *out = store_hook_new(&far->hook, *out);
    return *out ? ERR_OK : err_nomem(err);
}

static void on_open(void *ctx)
{
    struct far *far = ctx;
    long long opened = atomic_fetch_add(&far->opened, 1) + 1;
    if (far->most && opened - atomic_load(&far->asked) > far->most)
        atomic_store(&far->over, true);
    if (far->stop)
        atomic_store(far->stop, 15);
    sem_post(&far->opens);
}

static void key_of(size_t i, char key[32])
{
    snprintf(key, 32, "o%04zu", i);
}

static void fill(char *data, size_t i, size_t size)
{
    for (size_t at = 0; at < size; at++)
        data[at] = (char)(i * 31 + at % 251);
}

static void far_open(struct far *far, size_t n, size_t (*size_of)(size_t i))
{
    static char data[AHEAD_BYTES];
    struct err err = ERR_INIT;
    memset(far, 0, sizeof *far);
    store_mem_reset();
    must(open_mem(&far->store, &err), &err);
    store_hook_init(&far->hook);
    far->hook.op = STORE_OP_OPEN;
    far->hook.nth = 1;
    far->hook.onwards = true;
    far->hook.hook = on_open;
    far->hook.ctx = far;
    sem_init(&far->opens, 0, 0);
    far->factory = (struct store_factory){open_far, far};
    must(ahead_new(&far->factory, &far->ahead, &err), &err);
    for (far->n = 0; far->n < n; far->n++) {
        size_t i = far->n;
        char key[32];
        key_of(i, key);
        fill(data, i, size_of(i));
        must(store_put_mem(far->store, key, data, size_of(i), PUT_ALWAYS, &err), &err);
        must(store_stat(far->store, key, &far->objects[i], &err), &err);
    }
}

static void far_close(struct far *far)
{
    ahead_free(far->ahead);
    store_close(far->store);
    store_hook_release(&far->hook);
    sem_destroy(&far->opens);
    store_mem_reset();
}

static void item_at(const void *ctx, size_t i, struct ahead_item *out)
{
    const struct store_object *object = &((const struct far *)ctx)->objects[i];
    *out = (struct ahead_item){object->key, object->size, object->etag};
}

static void begin(struct far *far, size_t n, const atomic_int *stop)
{
    const struct ahead_list list = {item_at, far};
    ahead_begin(far->ahead, &list, n, stop);
}

static struct ahead_object *take(struct far *far, size_t i)
{
    atomic_fetch_add(&far->asked, 1);
    return ahead_take(far->ahead, i);
}

/* Reads to the end or the error, in small steps, and holds what came against object i. Gives the bytes. */
static size_t read_back(struct ahead_object *object, size_t i, struct err *err)
{
    static char want[AHEAD_BYTES];
    char got[1000];
    size_t n = 1, len = 0;
    fill(want, i, (size_t)object->object.size);
    while (n > 0 && bytes_read(&object->bytes, got, sizeof got, &n, err) == ERR_OK) {
        assert_memory_equal(got, want + len, n);
        len += n;
    }
    return len;
}

static size_t mixed_size(size_t i)
{
    return i % 50 == 49 ? AHEAD_SHARE : i % 7 == 0 ? 0 : i * 100; /* the first are too large for a reader */
}

static void objects_come_whole_and_in_order(void **state)
{
    struct far far;
    (void)state;
    far_open(&far, OBJECTS_MAX, mixed_size);
    begin(&far, far.n, NULL);
    sem_wait(&far.opens); /* the first has a reader */
    for (size_t i = 0; i < OBJECTS_MAX; i++) {
        struct ahead_object *object = take(&far, i);
        struct err err = ERR_INIT;
        assert_true(object || i > 0);
        assert_true(!object || mixed_size(i) < AHEAD_SHARE);
        if (object) {
            assert_true(object->opened);
            assert_string_equal(object->object.key, far.objects[i].key);
            assert_string_equal(object->object.etag, far.objects[i].etag);
            assert_int_equal(object->object.size, mixed_size(i));
            assert_int_equal(read_back(object, i, &err), mixed_size(i));
            must(err.code, &err);
        }
        ahead_give_back(far.ahead, object);
    }
    ahead_end(far.ahead);
    assert_in_range(far.handles, 1, AHEAD_READERS);
    far_close(&far);
}

static size_t small_size(size_t i)
{
    return 100 + i;
}

/* Waits until all readers have begun as much as they may, then takes all. Gives how many came from them. */
static size_t wait_and_take_all(struct far *far, size_t begun)
{
    size_t n = 0;
    for (size_t i = 0; i < begun; i++)
        sem_wait(&far->opens);
    for (size_t i = 0; i < far->n; i++) {
        struct ahead_object *object = take(far, i);
        n += object != NULL;
        ahead_give_back(far->ahead, object);
    }
    return n;
}

static void what_is_begun_has_a_bound(void **state)
{
    struct far far;
    (void)state;
    far_open(&far, OBJECTS_MAX, small_size);
    far.most = AHEAD_OBJECTS;
    begin(&far, far.n, NULL);
    assert_true(wait_and_take_all(&far, AHEAD_OBJECTS) >= AHEAD_OBJECTS);
    ahead_end(far.ahead);
    assert_false(far.over);
    far_close(&far);
}

static size_t room_size(size_t i)
{
    (void)i;
    return ROOM_SIZE;
}

static void the_memory_has_a_bound(void **state)
{
    enum { FIT = AHEAD_BYTES / ROOM_SIZE };
    struct far far;
    (void)state;
    far_open(&far, 4 * FIT, room_size);
    far.most = FIT;
    begin(&far, far.n, NULL);
    assert_true(wait_and_take_all(&far, FIT) >= FIT);
    ahead_end(far.ahead);
    assert_false(far.over);
    far_close(&far);
}

static void an_error_comes_with_its_object(void **state)
{
    static const struct {
        size_t i;
        enum err_code code;
    } BAD[] = {{3, ERR_NOT_FOUND}, {5, ERR_PRECONDITION}, {7, ERR_OK}};
    struct far far;
    struct err err = ERR_INIT;
    char key[32];
    (void)state;
    far_open(&far, 12, small_size);
    key_of(3, key);
    must(store_remove(far.store, key, &err), &err);
    key_of(5, key);
    must(store_put_mem(far.store, key, "another", 7, PUT_ALWAYS, &err), &err);
    far.objects[7].size++; /* not as listed: the caller's */
    begin(&far, far.n, NULL);
    for (size_t i = 0; i < 11; i++)
        sem_wait(&far.opens);
    for (size_t i = 0, bad = 0; i < 11; i++) {
        struct ahead_object *object = take(&far, i);
        struct err e = ERR_INIT;
        bool good = bad == 3 || BAD[bad].i != i;
        assert_int_equal(object == NULL, i == 7);
        size_t len = object ? read_back(object, i, &e) : 0;
        assert_int_equal(len, good ? small_size(i) : 0);
        assert_int_equal(e.code, good ? ERR_OK : BAD[bad].code);
        assert_true(!object || object->opened == good);
        bad += !good;
        ahead_give_back(far.ahead, object);
    }
    ahead_end(far.ahead);
    far_close(&far);
}

/* A read that fails in the middle: what came before it is handed on, as if there were no reader. */
static void a_broken_read_gives_what_it_had(void **state)
{
    struct far far;
    size_t broken = 0;
    (void)state;
    far_open(&far, 12, small_size);
    far.hook.op = STORE_OP_READ;
    far.hook.onwards = false;
    far.hook.nth = 2 * AHEAD_READERS; /* an object takes two: its bytes, and its end */
    far.hook.hook = NULL;
    far.hook.error = ERRN_STORE_TRUNCATED;
    begin(&far, far.n, NULL);
    for (size_t i = 0; i < 12; i++) {
        struct ahead_object *object = take(&far, i);
        struct err e = ERR_INIT;
        size_t len = object ? read_back(object, i, &e) : 0;
        broken += e.code == ERR_TRANSIENT;
        assert_true(e.code == ERR_OK || e.code == ERR_TRANSIENT);
        assert_true(!object || len == small_size(i) || (len == 0 && e.code));
        ahead_give_back(far.ahead, object);
    }
    ahead_end(far.ahead);
    assert_int_equal(broken, far.hook.fired);
    far_close(&far);
}

static void an_end_in_the_middle_leaves_the_readers_for_the_next_list(void **state)
{
    struct far far;
    (void)state;
    far_open(&far, OBJECTS_MAX, small_size);
    for (size_t round = 0; round < 20; round++) {
        begin(&far, far.n, NULL);
        sem_wait(&far.opens);
        for (size_t i = 0; i < round; i++)
            ahead_give_back(far.ahead, take(&far, i));
        if (round % 3 == 0) { /* with one still out */
            struct ahead_object *object = take(&far, round);
            ahead_give_back(far.ahead, object);
        }
        ahead_end(far.ahead);
        while (sem_trywait(&far.opens) == 0)
            continue;
    }
    assert_in_range(far.handles, 1, AHEAD_READERS);
    ahead_end(far.ahead); /* also without a beginning */
    far_close(&far);
}

static void a_stop_ends_the_readers(void **state)
{
    struct far far;
    atomic_int stop = 0;
    (void)state;
    far_open(&far, OBJECTS_MAX, small_size);
    far.stop = &stop;
    begin(&far, far.n, &stop);
    sem_wait(&far.opens);
    for (size_t i = 0; i < OBJECTS_MAX; i++) {
        struct ahead_object *object = take(&far, i);
        struct err err = ERR_INIT;
        assert_int_equal(object ? read_back(object, i, &err) : 0, 0);
        assert_int_equal(err.code, object ? ERR_CANCELLED : ERR_OK);
        ahead_give_back(far.ahead, object);
    }
    ahead_end(far.ahead);
    assert_in_range(far.opened, 1, AHEAD_READERS);
    far_close(&far);
}

/* One object more for each that was taken: they are read by the same readers, and none that is not yet in the
 * list. */
static void a_list_may_grow(void **state)
{
    enum { MOST = 12 };
    struct far far;
    size_t n = 0, from_readers = 0;
    (void)state;
    far_open(&far, OBJECTS_MAX, small_size);
    far.most = MOST;
    begin(&far, 0, NULL);
    for (size_t i = 0; i < OBJECTS_MAX; i++) {
        struct err err = ERR_INIT;
        n = i + MOST < OBJECTS_MAX ? i + MOST : OBJECTS_MAX;
        ahead_grow(far.ahead, n);
        if (i % 50 == 0)
            sem_wait(&far.opens); /* one of those that were put in has a reader */
        struct ahead_object *object = take(&far, i);
        from_readers += object != NULL;
        assert_int_equal(object ? read_back(object, i, &err) : small_size(i), small_size(i));
        must(err.code, &err);
        ahead_give_back(far.ahead, object);
    }
    ahead_end(far.ahead);
    assert_true(from_readers > 0);
    assert_false(far.over);
    assert_in_range(far.handles, 1, AHEAD_READERS);
    far_close(&far);
}

static bool no_memory(void *ctx)
{
    (void)ctx;
    return true;
}

static void all_is_the_callers(struct far *far)
{
    long long opened = far->opened;
    begin(far, far->n, NULL);
    for (size_t i = 0; i < far->n; i++)
        assert_null(take(far, i));
    ahead_end(far->ahead);
    assert_int_equal(far->opened, opened);
}

static void without_handles_or_memory_all_is_the_callers(void **state)
{
    struct far far;
    (void)state;
    far_open(&far, OBJECTS_MAX, small_size);
    far.shut = true;
    all_is_the_callers(&far);
    far.shut = false; /* they are asked for again */
    begin(&far, far.n, NULL);
    assert_true(wait_and_take_all(&far, 1) > 0);
    ahead_end(far.ahead);
    mem_set_fault(no_memory, NULL);
    all_is_the_callers(&far);
    mem_set_fault(NULL, NULL);
    far_close(&far);
}

static void no_reader_at_all_is_fine(void **state)
{
    (void)state;
    ahead_begin(NULL, NULL, 0, NULL);
    ahead_grow(NULL, 1);
    assert_null(ahead_take(NULL, 0));
    ahead_give_back(NULL, NULL);
    ahead_end(NULL);
    ahead_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_whole_and_in_order),
        cmocka_unit_test(what_is_begun_has_a_bound),
        cmocka_unit_test(the_memory_has_a_bound),
        cmocka_unit_test(an_error_comes_with_its_object),
        cmocka_unit_test(a_broken_read_gives_what_it_had),
        cmocka_unit_test(an_end_in_the_middle_leaves_the_readers_for_the_next_list),
        cmocka_unit_test(a_stop_ends_the_readers),
        cmocka_unit_test(a_list_may_grow),
        cmocka_unit_test(without_handles_or_memory_all_is_the_callers),
        cmocka_unit_test(no_reader_at_all_is_fine),
    };
    return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
