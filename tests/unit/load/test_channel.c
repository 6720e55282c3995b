/* channel: order, bounds, close, cancel, and many threads at both ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "core/load/channel.h"

static void items_come_in_order_and_end_with_close(void **state)
{
    struct channel *c = NULL;
    struct err err = ERR_INIT;
    int items[3];
    void *item = NULL;
    (void)state;
    assert_int_equal(channel_new(3, &c, &err), ERR_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(channel_push(c, &items[i], &err), ERR_OK);
    channel_close(c);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(channel_pop(c, &item, &err), ERR_OK);
        assert_ptr_equal(item, &items[i]);
    }
    assert_int_equal(channel_pop(c, &item, &err), ERR_OK);
    assert_null(item);
    channel_free(c);
}

static void a_cancelled_channel_keeps_its_items_for_drain(void **state)
{
    struct channel *c = NULL;
    struct err err = ERR_INIT;
    int items[2];
    void *item = &items[1];
    (void)state;
    assert_int_equal(channel_new(2, &c, &err), ERR_OK);
    assert_int_equal(channel_push(c, &items[0], &err), ERR_OK);
    channel_cancel(c);
    assert_int_equal(channel_pop(c, &item, &err), ERR_CANCELLED);
    assert_null(item);
    err_clear(&err);
    assert_int_equal(channel_push(c, &items[1], &err), ERR_CANCELLED);
    assert_ptr_equal(channel_drain(c), &items[0]);
    assert_null(channel_drain(c));
    channel_free(c);
    channel_free(NULL);
}

static void capacities_have_a_range(void **state)
{
    struct channel *c = NULL;
    (void)state;
    for (size_t n = 0; n <= CHANNEL_MAX + 1; n += CHANNEL_MAX + 1) {
        struct err err = ERR_INIT;
        assert_int_equal(channel_new(n, &c, &err), ERR_INTERNAL);
        assert_null(c);
    }
}

enum { THREADS = 3, ITEMS = 20000 };

struct ends {
    struct channel *channel;
    atomic_llong sum, count;
};

static char marks[ITEMS + 1];

static void *writer(void *arg)
{
    struct ends *e = arg;
    struct err err = ERR_INIT;
    for (int i = 1; i <= ITEMS; i++)
        if (channel_push(e->channel, &marks[i], &err) != ERR_OK)
            break;
    return NULL;
}

static void *reader(void *arg)
{
    struct ends *e = arg;
    struct err err = ERR_INIT;
    void *item = NULL;
    while (channel_pop(e->channel, &item, &err) == ERR_OK && item) {
        atomic_fetch_add(&e->sum, (char *)item - marks);
        atomic_fetch_add(&e->count, 1);
    }
    return NULL;
}

static void each_item_goes_to_one_reader(void **state)
{
    pthread_t writers[THREADS], readers[THREADS];
    struct ends e = {0};
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(channel_new(2, &e.channel, &err), ERR_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&writers[i], NULL, writer, &e), 0);
        assert_int_equal(pthread_create(&readers[i], NULL, reader, &e), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(writers[i], NULL);
    channel_close(e.channel);
    for (int i = 0; i < THREADS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&e.count), (long long)THREADS * ITEMS);
    assert_int_equal(atomic_load(&e.sum), (long long)THREADS * ITEMS * (ITEMS + 1) / 2);
    channel_free(e.channel);
}

/* Writers that wait for room and readers that wait for items all wake up. */
static void a_cancel_wakes_everybody(void **state)
{
    (void)state;
    for (int full = 0; full < 2; full++) {
        pthread_t threads[THREADS];
        struct ends e = {0};
        struct err err = ERR_INIT;
        assert_int_equal(channel_new(1, &e.channel, &err), ERR_OK);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, full ? writer : reader, &e), 0);
        channel_cancel(e.channel);
        for (int i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        channel_free(e.channel);
    }
}

enum { TURNS = 3 };

/* What is waited for comes at the last turn: so it runs without the lock. */
struct turns {
    struct channel *channel;
    bool push; /* the wait is for an item, else for room */
    int done, fail_at;
};

static char item_in[1], item_out[1];

static enum err_code take_turn(void *ctx, struct err *err)
{
    struct turns *t = ctx;
    if (++t->done == t->fail_at)
        return err_set(err, ERRN_DB_LOST, "as told");
    if (t->done == TURNS && t->push)
        return channel_push(t->channel, item_in, err);
    if (t->done == TURNS)
        assert_ptr_equal(channel_drain(t->channel), item_in);
    return ERR_OK;
}

static void who_waits_may_do_something_meanwhile(void **state)
{
    struct turns t = {.push = true};
    struct channel_idle idle = {1, take_turn, &t};
    struct err err = ERR_INIT;
    void *item = NULL;
    (void)state;
    assert_int_equal(channel_new(1, &t.channel, &err), ERR_OK);
    assert_int_equal(channel_pop_idle(t.channel, &item, &idle, &err), ERR_OK);
    assert_ptr_equal(item, item_in);
    assert_int_equal(t.done, TURNS);
    t.push = false;
    t.done = 0;
    assert_int_equal(channel_push_idle(t.channel, item_in, &idle, &err), ERR_OK); /* room: no wait, no turn */
    assert_int_equal(t.done, 0);
    assert_int_equal(channel_push_idle(t.channel, item_out, &idle, &err), ERR_OK);
    assert_int_equal(t.done, TURNS);
    assert_ptr_equal(channel_drain(t.channel), item_out);
    channel_free(t.channel);
}

static void what_fails_meanwhile_ends_the_wait(void **state)
{
    struct turns t = {.fail_at = 2};
    struct channel_idle idle = {1, take_turn, &t};
    struct err err = ERR_INIT;
    void *item = &t;
    (void)state;
    assert_int_equal(channel_new(1, &t.channel, &err), ERR_OK);
    assert_int_equal(channel_pop_idle(t.channel, &item, &idle, &err), ERR_TRANSIENT);
    assert_null(item);
    assert_int_equal(t.done, 2);
    err_clear(&err);
    t.done = 0;
    assert_int_equal(channel_push(t.channel, item_in, &err), ERR_OK);
    assert_int_equal(channel_push_idle(t.channel, item_out, &idle, &err), ERR_TRANSIENT);
    assert_ptr_equal(channel_drain(t.channel), item_in); /* the other stays its owner's */
    assert_null(channel_drain(t.channel));
    channel_free(t.channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_come_in_order_and_end_with_close),
        cmocka_unit_test(a_cancelled_channel_keeps_its_items_for_drain),
        cmocka_unit_test(capacities_have_a_range),
        cmocka_unit_test(each_item_goes_to_one_reader),
        cmocka_unit_test(a_cancel_wakes_everybody),
        cmocka_unit_test(who_waits_may_do_something_meanwhile),
        cmocka_unit_test(what_fails_meanwhile_ends_the_wait),
    };
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
