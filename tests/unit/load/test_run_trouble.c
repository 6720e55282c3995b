/* run: answers that are lost, connections, sources and objects that fail under a unit, and stops. */
#include "core/store/store_fault.h"
#include "tests/unit/load/load_rig.h"

#define A     K("12", "a")
#define GOOD  HEAD "1,ann,1\n2,bob,2\n"
#define SEVEN HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\n7,g,7\n"

/* Every way to commit, as a script over one lake. */
static const struct {
    const char *sets[3];
    size_t nsets;
    bool again; /* the second run replaces or reloads */
} WAYS[] = {
    {{"target.commit_unit=file"}, 1, false},
    {{"target.commit_unit=hour"}, 1, false},
    {{"target.commit_unit=chunk", "target.chunk_rows=3"}, 2, false},
    {{"target.commit_unit=file", "policy.on_changed=replace"}, 2, true},
    {{"target.commit_unit=hour", "policy.on_changed=replace"}, 2, true},
};

/* Loads two objects, the first with an object before it where `again`; the Nth COMMIT's answer is lost. */
static bool in_doubt(struct rig *rig, const char *pipeline, struct sink_wrap *wrap, size_t way, int nth,
                     enum sink_when when)
{
    rig_open(rig, pipeline, WAYS[way].sets, WAYS[way].nsets);
    rig_put(rig, A, WAYS[way].again ? GOOD : SEVEN);
    rig_put(rig, K("12", "b"), GOOD);
    if (WAYS[way].again) {
        assert_int_equal(rig_run(rig, NULL), 0);
        rig_put(rig, A, SEVEN);
    }
    sink_wrap_reset(wrap);
    fail_at(wrap, SINK_OP_COMMIT, nth, when, ERRN_DB_IN_DOUBT);
    int64_t opened = wrap->opened;
    assert_int_equal(rig_run(rig, NULL), 0);
    bool fired = wrap->fired > 0;
    assert_int_equal(wrap->opened - opened, fired);
    assert_int_equal(rig->totals.failed, 0);
    assert_int_equal(rig->totals.objects, WAYS[way].again ? 1 : 2);
    assert_int_equal(rig->totals.rows_loaded, WAYS[way].again ? 7 : 9);
    assert_int_equal(rig_rows(rig, NULL), 9);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
    assert_string_equal(books_attempts(rig), "");
    books_balance(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
    assert_int_equal(rig_rows(rig, NULL), 9);
    return fired;
}

OVER_ALL(a_lost_answer_to_commit_is_resolved_by_the_ledger)
{
    for (size_t way = 0; way < sizeof WAYS / sizeof *WAYS; way++)
        for (int when = SINK_BEFORE; when <= SINK_AFTER; when++) {
            bool fired = true;
            int commits = 0;
            while (fired) {
                fired = in_doubt(rig, pipeline, wrap, way, ++commits, (enum sink_when)when);
                rig_close(rig);
                *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
            }
            assert_true(commits > 1);
        }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_run_that_stays_in_doubt_ends_without_a_row_twice)
{
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    sink_wrap_rule(wrap, &(struct sink_rule){.op = SINK_OP_COMMIT,
                                             .nth = 1,
                                             .onwards = true,
                                             .when = SINK_BEFORE,
                                             .error = ERRN_DB_IN_DOUBT,
                                             .lose = true});
    assert_int_equal(rig_run(rig, NULL), 5);
    sink_wrap_reset(wrap);
    assert_int_equal(rig_rows(rig, NULL), 0);
    rig_restart(rig, pipeline, NO_SETS);
    rig->clock.now_us += 61000000;
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 2);
    books_balance(rig);
}

/* More ledger rows in the hour than one page, so that the diff goes on reading after the reconnect. */
OVER_ALL(the_hour_goes_on_through_the_new_connection)
{
    rig_open(rig, pipeline, NO_SETS);
    for (int i = 0; i < 300; i++) {
        char key[128];
        snprintf(key, sizeof key, K("12", "%03d"), i);
        rig_put(rig, key, HEAD "1,a,1\n");
    }
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "000a"), HEAD "1,a,1\n");
    for (int i = 0; i < 600; i++) { /* fills a group, so that a unit runs in the middle of the listing */
        char key[128];
        snprintf(key, sizeof key, K("12", "000b%03d"), i);
        rig_put(rig, key, HEAD "1,a,1\n");
    }
    sink_wrap_reset(wrap);
    fail_at(wrap, SINK_OP_COMMIT, 1, SINK_AFTER, ERRN_DB_IN_DOUBT);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(wrap->fired, 1);
    assert_int_equal(rig_rows(rig, NULL), 901);
    assert_int_equal(rig->totals.objects, 601);
    books_balance(rig);
}

OVER_ALL(a_lost_connection_is_made_again)
{
    static const enum sink_op OPS[] = {SINK_OP_BEGIN, SINK_OP_LEDGER_INSERT, SINK_OP_APPEND, SINK_OP_TOTALS};
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        rig_open(rig, pipeline, NO_SETS);
        rig_put(rig, A, GOOD);
        rig_put(rig, K("13", "a"), GOOD);
        sink_wrap_reset(wrap);
        fail_at(wrap, OPS[i], 1, SINK_BEFORE, ERRN_DB_LOST);
        assert_int_equal(rig_run(rig, NULL), 0);
        assert_int_equal(wrap->fired, 1);
        assert_int_equal(rig_rows(rig, NULL), 4);
        books_balance(rig);
        rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_database_that_stays_busy_ends_the_run)
{
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    sink_wrap_reset(wrap);
    sink_wrap_rule(
        wrap,
        &(struct sink_rule){
            .op = SINK_OP_APPEND, .nth = 1, .onwards = true, .when = SINK_BEFORE, .error = ERRN_DB_BUSY});
    assert_int_equal(rig_run(rig, NULL), 5);
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_APPEND), 3);
    assert_string_equal(buf_str(&rig->log), A " failed 2 0 0 DB_BUSY\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 retrying 1 DB_BUSY\n");
    assert_string_equal(books_attempts(rig), A " DB_BUSY 2 0\n");
    assert_int_equal(rig_rows(rig, NULL), 0);
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 4);
}

/* ---- the source ---- */

struct faulty {
    const char *plan;
};

static struct store *faulty_store(void *ctx, struct store *inner)
{
    struct faulty *f = ctx;
    struct store *out = NULL;
    struct err err = ERR_INIT;
    if (store_fault_wrap(inner, f->plan, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return out;
}

static void on_faulty(struct rig *rig, const char *pipeline, struct faulty *f)
{
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), SEVEN);
    rig_put(rig, K("13", "a"), GOOD);
    rig->wrap_sink = NULL;
    rig->wrap_store = faulty_store;
    rig->wrap_ctx = f;
    rig_restart(rig, pipeline, NO_SETS);
}

OVER_ALL(a_source_that_fails_for_a_moment_is_tried_again)
{
    static const char *const PLANS[] = {"open 1 transient", "open 1 throttle; open 2 transient",
                                        "read 1 transient", "read 2 transient",
                                        "read 1 cut",       "read 1 changed",
                                        "read * short"};
    (void)wrap;
    for (size_t i = 0; i < sizeof PLANS / sizeof *PLANS; i++) {
        struct faulty f = {.plan = PLANS[i]};
        on_faulty(rig, pipeline, &f);
        assert_int_equal(rig_run(rig, NULL), 0);
        assert_int_equal(rig_rows(rig, NULL), 11);
        assert_int_equal(rig->totals.rows_loaded, 11);
        assert_string_equal(books_attempts(rig), "");
        books_balance(rig);
        rig_close(rig);
    }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_source_that_stays_away_ends_in_retrying)
{
    struct faulty f = {.plan = "open * transient"};
    (void)wrap;
    on_faulty(rig, pipeline, &f);
    assert_int_equal(rig_run(rig, NULL), 5);
    assert_int_equal(rig_rows(rig, NULL), 0);
    assert_non_null(strstr(books_hours(rig), "2022-06-05T12 retrying 1 STORE_UNREACHABLE\n"));
    assert_non_null(strstr(books_attempts(rig), A " STORE_UNREACHABLE 0 0\n"));
}

OVER_ALL(an_object_that_goes_on_failing_fails_alone)
{
    struct faulty f = {.plan = "read 1+ io"};
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig->wrap_sink = NULL;
    rig->wrap_store = faulty_store;
    rig->wrap_ctx = &f;
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(rig_run(rig, NULL), 1);
    assert_string_equal(buf_str(&rig->log), A " failed 0 0 0 IO\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 IO\n");
}

struct meddler {
    struct rig *rig;
    const char *key, *text; /* text NULL: removed */
};

static void meddle(void *ctx, struct sink *inner)
{
    struct meddler *m = ctx;
    struct err err = ERR_INIT;
    (void)inner;
    if (m->text)
        rig_put(m->rig, m->key, m->text);
    else if (store_remove(m->rig->store, m->key, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

/* The ledger page that the hour's own diff reads comes after its listing has begun. */
static void meddle_after_listing(struct sink_wrap *wrap, struct meddler *m)
{
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_LEDGER_PAGE, 3, SINK_AFTER, meddle, m); /* guard, plan, hour */
}

OVER_ALL(an_object_that_changes_after_listing_is_read_as_it_is_now)
{
    struct meddler m = {rig, A, SEVEN};
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    meddle_after_listing(wrap, &m);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(wrap->fired, 1);
    assert_string_equal(buf_str(&rig->log), A " loaded 7 7 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 7);
    assert_int_equal(rig_run(rig, NULL), 0); /* the etag in the ledger is that of what was read */
    assert_string_equal(buf_str(&rig->log), "");
}

OVER_ALL(an_object_that_goes_after_listing_is_an_error)
{
    struct meddler m = {rig, A, NULL};
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), GOOD);
    meddle_after_listing(wrap, &m);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_int_equal(wrap->fired, 1);
    assert_string_equal(buf_str(&rig->log), K("12", "b") " loaded 2 2 0 -\n" A " failed 0 0 0 SOURCE_GONE\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 SOURCE_GONE\n");
}

OVER_ALL(an_hour_as_a_unit_reads_what_is_there_now)
{
    struct meddler m = {rig, A, SEVEN};
    rig_open(rig, pipeline, SETS("target.commit_unit=hour"));
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), GOOD);
    meddle_after_listing(wrap, &m);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(wrap->fired, 1);
    assert_int_equal(rig_rows(rig, NULL), 9);
    books_balance(rig);
}

/* ---- stops ---- */

static void stop_run(void *ctx, struct sink *inner)
{
    struct rig *rig = ctx;
    (void)inner;
    atomic_store(&rig->stop, 15);
}

/* The commit is in, its answer is lost, and before that is found out the run is to end. */
OVER_ALL(a_stop_in_doubt_is_no_failure)
{
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, SEVEN);
    sink_wrap_rule(wrap, &(struct sink_rule){.op = SINK_OP_COMMIT,
                                             .nth = 1,
                                             .when = SINK_AFTER,
                                             .error = ERRN_DB_IN_DOUBT,
                                             .hook = stop_run,
                                             .ctx = rig});
    (void)rig_run(rig, NULL);
    assert_int_equal(rig->err.code, ERR_CANCELLED);
    assert_string_equal(books_attempts(rig), "");
    assert_string_equal(books_hours(rig), "2022-06-05T12 queued 0\n");
    atomic_store(&rig->stop, 0);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
    assert_int_equal(rig_rows(rig, NULL), 7);
}

OVER_ALL(a_stop_rolls_back_and_leaves_the_hour_as_it_was)
{
    static const enum sink_op POINTS[] = {SINK_OP_CLAIM_TAKE, SINK_OP_LEDGER_INSERT, SINK_OP_APPEND,
                                          SINK_OP_COMMIT};
    for (size_t i = 0; i < sizeof POINTS / sizeof *POINTS; i++) {
        rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=3"));
        rig_put(rig, A, HEAD "1,a,1\n2,b,2\nx,c,3\n4,d,4\n");
        assert_int_equal(rig_run(rig, NULL), 3); /* hour 12 has failed */
        assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 REJECT_LIMIT\n");
        rig_put(rig, A, SEVEN);
        rig_put(rig, K("13", "a"), GOOD);
        sink_wrap_reset(wrap);
        hook_at(wrap, POINTS[i], 1, SINK_AFTER, stop_run, rig);
        assert_int_equal(rig_run(rig, NULL), 1);
        assert_int_equal(rig->err.code, ERR_CANCELLED);
        assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 REJECT_LIMIT\n");
        assert_string_equal(buf_str(&rig->hours), "2022-06-05T12 failed\n");
        assert_true(rig_rows(rig, NULL) <= 3);
        books_balance(rig);
        atomic_store(&rig->stop, 0);
        assert_int_equal(rig_run(rig, NULL), 0);
        assert_int_equal(rig_rows(rig, NULL), 9);
        assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n2022-06-05T13 loaded 0\n");
        books_balance(rig);
        rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    }
    rig_open(rig, pipeline, NO_SETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_answer_to_commit_is_resolved_by_the_ledger),
        cmocka_unit_test(a_run_that_stays_in_doubt_ends_without_a_row_twice),
        cmocka_unit_test(a_stop_in_doubt_is_no_failure),
        cmocka_unit_test(the_hour_goes_on_through_the_new_connection),
        cmocka_unit_test(a_lost_connection_is_made_again),
        cmocka_unit_test(a_database_that_stays_busy_ends_the_run),
        cmocka_unit_test(a_source_that_fails_for_a_moment_is_tried_again),
        cmocka_unit_test(a_source_that_stays_away_ends_in_retrying),
        cmocka_unit_test(an_object_that_goes_on_failing_fails_alone),
        cmocka_unit_test(an_object_that_changes_after_listing_is_read_as_it_is_now),
        cmocka_unit_test(an_object_that_goes_after_listing_is_an_error),
        cmocka_unit_test(an_hour_as_a_unit_reads_what_is_there_now),
        cmocka_unit_test(a_stop_rolls_back_and_leaves_the_hour_as_it_was),
    };
    return cmocka_run_group_tests_name("run_trouble", tests, NULL, NULL);
}
