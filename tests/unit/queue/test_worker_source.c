/* test_worker_source: a worker whose source moves under it, or is away. */
#include "tests/support/store_hook.h"
#include "tests/unit/queue/queue_rig.h"

static struct store *hooked(void *ctx, struct store *inner)
{
    return store_hook_new(ctx, inner);
}

static void change_object(void *ctx)
{
    rig_put(ctx, K("12", "a"), GOOD);
}

static void an_object_that_never_stands_still_is_tried_again(void **state)
{
    struct store_hook hook;
    struct rig rig = {.wrap_store = hooked, .wrap_ctx = &hook};
    (void)state;
    store_hook_init(&hook);
    rig_open(&rig, PIPELINES[0], SETS("policy.retry.attempts=2", "policy.retry.delay=1s"));
    put_file(&rig, HOUR_12);
    rig_put(&rig, K("12", "a"), GOOD);
    hook = (struct store_hook){.lock = hook.lock,
                               .op = STORE_OP_READ,
                               .nth = 1,
                               .onwards = true,
                               .hook = change_object,
                               .ctx = &rig};
    struct worker *worker = hire(&rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_RETRYING);
    assert_int_equal(t.why.name, ERRN_SOURCE_MOVED);
    hook.nth = 0;
    rig.clock.now_us += 2000000;
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_int_equal(rig_rows(&rig, NULL), 2);
    worker_free(worker);
    rig_close(&rig);
    store_hook_release(&hook);
}

/* Hours after the one that found it out are not taken, and lose no attempt. */
static void a_source_that_is_away_is_waited_for(void **state)
{
    struct store_hook hook;
    struct rig rig = {.wrap_store = hooked, .wrap_ctx = &hook};
    struct worker_turn t;
    struct err err = ERR_INIT;
    (void)state;
    store_hook_init(&hook);
    rig_open(&rig, PIPELINES[0],
             SETS("policy.retry.attempts=2", "policy.retry.delay=1s", "policy.outage=0s"));
    put_file(&rig, HOUR_12);
    put_file(&rig, HOUR_12 + 1);
    rig_put(&rig, K("12", "a"), GOOD);
    rig_put(&rig, K("13", "a"), GOOD);
    hook = (struct store_hook){
        .lock = hook.lock, .op = STORE_OP_ANY, .nth = 1, .onwards = true, .error = ERRN_STORE_UNREACHABLE};
    struct worker *worker = hire(&rig);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_RETRYING);
    for (int i = 0; i < 20; i++) {
        rig.clock.now_us += 60000000;
        assert_int_equal(worker_turn(worker, &t, &err), ERR_TRANSIENT);
        assert_int_equal(err.name, ERRN_STORE_UNREACHABLE);
        err_clear(&err);
    }
    assert_string_equal(books_hours(&rig), "2022-06-05T12 retrying 1 STORE_UNREACHABLE\n");
    hook.nth = 0;
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    t = turn(worker);
    assert_hour(&t, HOUR_12 + 1, HOUR_LOADED);
    worker_free(worker);
    rig_close(&rig);
    store_hook_release(&hook);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_that_never_stands_still_is_tried_again),
        cmocka_unit_test(a_source_that_is_away_is_waited_for),
    };
    return cmocka_run_group_tests_name("worker, source", tests, NULL, NULL);
}
