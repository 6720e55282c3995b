/* crew, renew: several connections load an hour side by side, under a claim that is renewed from beside. */
#include <time.h>

#include "tests/unit/load/load_rig.h"

enum { HOURS = 3, FILES = 30, WRITERS = 4 };

#define GOOD HEAD "1,ann,1\n2,bob,2\n"
#define SETS_CREW                                                                                            \
    "target.connections=4", "target.commit_unit=chunk", "target.chunk_rows=1", "target.lease=1s",            \
        "policy.max_rejects=1"

static void open_crew(struct rig *rig, struct sink_wrap *wrap, unsigned writers)
{
    sink_wrap_init(wrap);
    wrap->writers = writers;
    *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    rig_open(rig, PIPELINES[0], SETS(SETS_CREW));
    for (int h = 0; h < HOURS; h++)
        for (int f = 0; f < FILES; f++) {
            char key[128];
            snprintf(key, sizeof key, K("%02d", "%d"), h, f);
            rig_put(rig, key, GOOD);
        }
    rig->clock.base = *clock_real(); /* the virtual one is for one thread */
    sink_wrap_reset(wrap);
}

static void close_crew(struct rig *rig, struct sink_wrap *wrap)
{
    rig_close(rig);
    assert_int_equal(wrap->open_handles, 0);
    assert_null(wrap->writing);
    sink_wrap_release(wrap);
}

static void a_crew_loads_each_object_once(void **state)
{
    (void)state;
    struct rig rig;
    struct sink_wrap wrap;
    open_crew(&rig, &wrap, WRITERS);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_true(wrap.opened > WRITERS); /* they had connections of their own */
    assert_int_equal(rig.totals.objects, HOURS * FILES);
    assert_int_equal(rig.totals.rows_loaded, HOURS * FILES * 2);
    assert_int_equal(rig_rows(&rig, NULL), HOURS * FILES * 2);
    books_balance(&rig);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_string_equal(buf_str(&rig.log), "");
    close_crew(&rig, &wrap);
}

/* Objects that fail in the workers, and changed ones that fail in the thread that finds them. */
static void what_fails_in_a_crew_fails_alone(void **state)
{
    (void)state;
    struct rig rig;
    struct sink_wrap wrap;
    open_crew(&rig, &wrap, WRITERS);
    assert_int_equal(rig_run(&rig, NULL), 0);
    for (int f = 0; f < FILES; f++) {
        char key[128];
        snprintf(key, sizeof key, K("00", "%d"), f);
        if (f % 3 == 0)
            rig_put(&rig, key, HEAD "3,changed,3\n");
        snprintf(key, sizeof key, K("00", "%d_"), f);
        rig_put(&rig, key, f % 3 == 1 ? HEAD "x,a,1\ny,b,2\n" : GOOD);
    }
    assert_int_equal(rig_run(&rig, NULL), 3);
    assert_int_equal(rig.totals.failed, FILES / 3 * 2);
    assert_int_equal(rig.totals.objects, FILES / 3 * 2);
    assert_int_equal(rig_rows(&rig, NULL), HOURS * FILES * 2 + FILES / 3 * 2 * 2);
    books_balance(&rig);
    close_crew(&rig, &wrap);
}

static void a_crew_makes_lost_connections_again(void **state)
{
    static const enum sink_op OPS[] = {SINK_OP_BEGIN, SINK_OP_APPEND, SINK_OP_COMMIT, SINK_OP_COMMIT};
    (void)state;
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        struct rig rig;
        struct sink_wrap wrap;
        bool doubt = OPS[i] == SINK_OP_COMMIT;
        open_crew(&rig, &wrap, WRITERS);
        for (int nth = 5; nth <= 35; nth += 15)
            fail_at(&wrap, OPS[i], nth, doubt && i % 2 ? SINK_AFTER : SINK_BEFORE,
                    doubt ? ERRN_DB_IN_DOUBT : ERRN_DB_LOST);
        assert_int_equal(rig_run(&rig, NULL), 0);
        assert_int_equal(wrap.fired, 3);
        assert_int_equal(rig_rows(&rig, NULL), HOURS * FILES * 2);
        assert_string_equal(books_attempts(&rig), "");
        books_balance(&rig);
        close_crew(&rig, &wrap);
    }
}

static void a_worker_that_fails_for_good_ends_the_run(void **state)
{
    (void)state;
    struct rig rig;
    struct sink_wrap wrap;
    open_crew(&rig, &wrap, WRITERS);
    fail_at(&wrap, SINK_OP_APPEND, 9, SINK_BEFORE, ERRN_DISK_FULL);
    assert_int_equal(rig_run(&rig, NULL), 1);
    assert_int_equal(rig.err.name, ERRN_DISK_FULL);
    books_balance(&rig);
    sink_wrap_reset(&wrap);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_int_equal(rig_rows(&rig, NULL), HOURS * FILES * 2);
    books_balance(&rig);
    close_crew(&rig, &wrap);
}

static void doze(void *ctx, struct sink *inner)
{
    (void)ctx;
    (void)inner;
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 400000000}, NULL);
}

/* The unit takes longer than the lease, and the connection that took the claim is gone. */
static void a_claim_is_renewed_from_beside_a_lost_connection(void **state)
{
    (void)state;
    struct rig rig;
    struct sink_wrap wrap;
    open_crew(&rig, &wrap, 1);
    fail_at(&wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, ERRN_DB_LOST);
    hook_at(&wrap, SINK_OP_BEGIN, 2, SINK_BEFORE, doze, NULL);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_int_equal(wrap.fired, 2);
    assert_true(sink_wrap_calls(&wrap, SINK_OP_CLAIM_RENEW) >= 4); /* of them one with the reconnect */
    assert_int_equal(rig_rows(&rig, NULL), HOURS * FILES * 2);
    close_crew(&rig, &wrap);
}

/* The renewer's own connection is lost, and made again. */
static void a_renewal_that_fails_is_tried_again(void **state)
{
    (void)state;
    struct rig rig;
    struct sink_wrap wrap;
    open_crew(&rig, &wrap, WRITERS);
    fail_at(&wrap, SINK_OP_CLAIM_RENEW, 1, SINK_BEFORE, ERRN_DB_LOST);
    hook_at(&wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, doze, NULL);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_true(sink_wrap_calls(&wrap, SINK_OP_CLAIM_RENEW) >= 2);
    assert_int_equal(wrap.fired, 2);
    assert_int_equal(rig_rows(&rig, NULL), HOURS * FILES * 2);
    close_crew(&rig, &wrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crew_loads_each_object_once),
        cmocka_unit_test(what_fails_in_a_crew_fails_alone),
        cmocka_unit_test(a_crew_makes_lost_connections_again),
        cmocka_unit_test(a_worker_that_fails_for_good_ends_the_run),
        cmocka_unit_test(a_claim_is_renewed_from_beside_a_lost_connection),
        cmocka_unit_test(a_renewal_that_fails_is_tried_again),
    };
    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
