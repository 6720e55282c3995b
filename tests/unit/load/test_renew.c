/* renew: a claim kept alive from beside, over a target whose lease is no file lock. The waits are real: a
 * lease of 1 s is renewed every third of it. */
#include "core/load/renew.h"
#include "tests/unit/load/load_rig.h"

enum { HOUR = 459000, TURN_MS = 334, PATIENCE_MS = 20000 };

static const char *const SHORT_LEASE[] = {"target.lease=1s"};

struct scene {
    struct rig rig;
    struct sink_wrap wrap;
    struct claim claim;
    struct renewer *renewer;
    enum err_code (*open)(void *ctx, bool read_only, int64_t kill, struct sink **out, struct err *err);
    atomic_int refusals; /* of opening a connection */
};

static struct sink *leased(void *ctx, struct sink *inner)
{
    struct sink *sink = sink_wrap_new(ctx, inner);
    if (sink)
        sink->caps.lock_is_lease = false;
    return sink;
}

static enum err_code open_or_refuse(void *ctx, bool read_only, int64_t kill, struct sink **out,
                                    struct err *err)
{
    struct scene *s = ctx;
    if (atomic_fetch_sub(&s->refusals, 1) > 0)
        return err_set(err, ERRN_DB_LOST, "no connection");
    return s->open(&s->rig, read_only, kill, out, err);
}

static void scene_open(struct scene *s)
{
    struct err err = ERR_INIT;
    *s = (struct scene){.rig = {.wrap_sink = leased, .wrap_ctx = &s->wrap}};
    sink_wrap_init(&s->wrap);
    rig_open(&s->rig, PIPELINES[0], SHORT_LEASE, 1);
    s->open = s->rig.job.sinks.open;
    s->rig.job.sinks.open = open_or_refuse;
    s->rig.job.sinks.ctx = s;
    assert_int_equal(claim_acquire(s->rig.job.sink, HOUR, s->rig.job.owner, 0, NULL, &s->claim, &err),
                     ERR_OK);
    sink_wrap_reset(&s->wrap);
}

static void scene_start(struct scene *s)
{
    struct err err = ERR_INIT;
    assert_int_equal(renewer_start(&s->rig.job, &s->claim, &s->renewer, &err), ERR_OK);
    assert_non_null(s->renewer);
}

static void scene_close(struct scene *s)
{
    renewer_stop(s->renewer);
    assert_int_equal(s->wrap.open_handles, 1); /* the job's */
    rig_close(&s->rig);
    sink_wrap_release(&s->wrap);
}

static void pass_time(int ms)
{
    clock_sleep_us(clock_real(), (int64_t)ms * 1000);
}

static void until_renewed(struct scene *s, int64_t times)
{
    for (int ms = 0; sink_wrap_calls(&s->wrap, SINK_OP_CLAIM_RENEW) < times; ms += 10) {
        if (ms > PATIENCE_MS)
            fail_msg("not renewed %lld times", (long long)times);
        pass_time(10);
    }
}

static int64_t opened(struct scene *s)
{
    pthread_mutex_lock(&s->wrap.lock);
    int64_t n = s->wrap.opened;
    pthread_mutex_unlock(&s->wrap.lock);
    return n;
}

static void each_third_until_it_is_stopped(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    int64_t before = opened(&s), start = clock_mono_us(clock_real());
    scene_start(&s);
    until_renewed(&s, 3);
    assert_true(clock_mono_us(clock_real()) - start >= 3 * 333000);
    assert_int_equal(opened(&s), before + 1);
    renewer_stop(s.renewer);
    s.renewer = NULL;
    int64_t calls = sink_wrap_calls(&s.wrap, SINK_OP_CLAIM_RENEW);
    pass_time(2 * TURN_MS);
    assert_int_equal(sink_wrap_calls(&s.wrap, SINK_OP_CLAIM_RENEW), calls);
    scene_close(&s);
}

static void a_stop_does_not_wait_for_the_turn(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    s.claim.sink->target.lease_ms = 3600000;
    scene_start(&s);
    int64_t start = clock_mono_us(clock_real());
    scene_close(&s);
    assert_true(clock_mono_us(clock_real()) - start < (int64_t)PATIENCE_MS * 1000);
}

static void a_lost_connection_is_opened_again(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    int64_t before = opened(&s);
    fail_at(&s.wrap, SINK_OP_CLAIM_RENEW, 1, SINK_BEFORE, ERRN_DB_LOST);
    scene_start(&s);
    until_renewed(&s, 2);
    assert_int_equal(opened(&s), before + 2);
    scene_close(&s);
}

static void a_target_that_is_away_is_asked_again(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    atomic_store(&s.refusals, 2);
    scene_start(&s);
    until_renewed(&s, 1);
    assert_true(atomic_load(&s.refusals) < 0);
    scene_close(&s);
}

static void a_claim_that_is_gone_is_let_go(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    s.claim.row.epoch++; /* as if taken over */
    scene_start(&s);
    until_renewed(&s, 1);
    pass_time(3 * TURN_MS);
    assert_int_equal(sink_wrap_calls(&s.wrap, SINK_OP_CLAIM_RENEW), 1);
    scene_close(&s);
}

static void nothing_is_started_where_the_lock_is_the_lease(void **state)
{
    struct scene s;
    struct err err = ERR_INIT;
    (void)state;
    scene_open(&s);
    s.rig.job.sink->caps.lock_is_lease = true;
    s.renewer = (struct renewer *)&s;
    assert_int_equal(renewer_start(&s.rig.job, &s.claim, &s.renewer, &err), ERR_OK);
    assert_null(s.renewer);
    scene_close(&s);
}

/* A whole run of several hours: each claim's renewer comes and goes. */
static void a_run_renews_and_ends(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s);
    for (int h = 0; h < 3; h++) {
        char key[64];
        snprintf(key, sizeof key, K("%02d", "a"), h);
        rig_put(&s.rig, key, HEAD "1,a,1\n");
    }
    assert_int_equal(rig_run(&s.rig, NULL), 0);
    assert_int_equal(rig_rows(&s.rig, NULL), 3);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_third_until_it_is_stopped),
        cmocka_unit_test(a_stop_does_not_wait_for_the_turn),
        cmocka_unit_test(a_lost_connection_is_opened_again),
        cmocka_unit_test(a_target_that_is_away_is_asked_again),
        cmocka_unit_test(a_claim_that_is_gone_is_let_go),
        cmocka_unit_test(nothing_is_started_where_the_lock_is_the_lease),
        cmocka_unit_test(a_run_renews_and_ends),
    };
    return cmocka_run_group_tests_name("renew", tests, NULL, NULL);
}
