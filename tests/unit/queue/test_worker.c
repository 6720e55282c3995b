/* test_worker: the states of a worker, over memory and over files into SQLite. */
#include "tests/unit/queue/queue_rig.h"

#include <unistd.h>

#include "core/store/store_fault.h"
#include "tests/support/store_hook.h"

OVER_ALL(without_a_place_there_is_nothing_to_do)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_int_equal(t.did, WORKER_DRAINED);
    assert_int_equal(rig_rows(rig, NULL), 0);
    put_file(rig, HOUR_12); /* the place is made meanwhile */
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_int_equal(rig_rows(rig, NULL), 2);
    worker_free(worker);
}

OVER_ALL(hours_are_worked_oldest_first_and_their_files_go)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    for (int i = 2; i >= 0; i--)
        put_file(rig, HOUR_12 + i);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "2022060513 2022060514 ");
    t = turn(worker);
    assert_hour(&t, HOUR_12 + 1, HOUR_LOADED);
    t = turn(worker);
    assert_hour(&t, HOUR_12 + 2, HOUR_EMPTY);
    assert_string_equal(files(rig), "");
    t = turn(worker);
    assert_int_equal(t.did, WORKER_DRAINED);
    assert_int_equal(t.failed, 0);
    assert_int_equal(worker_status(worker), 0);
    assert_int_equal(worker_totals(worker)->rows_loaded, 4);
    assert_string_equal(books_hours(rig),
                        "2022-06-05T12 loaded 0\n2022-06-05T13 loaded 0\n2022-06-05T14 empty 0\n");
    worker_free(worker);
}

OVER_ALL(a_verdict_on_data_gives_the_hour_up_and_holds_nobody_back)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    put_file(rig, HOUR_12 + 1);
    rig_put(rig, K("12", "a"), BAD);
    rig_put(rig, K("13", "a"), GOOD);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_FAILED);
    assert_int_equal(t.why.name, ERRN_REJECT_LIMIT);
    t = turn(worker);
    assert_hour(&t, HOUR_12 + 1, HOUR_LOADED);
    t = turn(worker);
    assert_int_equal(t.did, WORKER_DRAINED);
    assert_int_equal(t.failed, 1);
    assert_int_equal(worker_status(worker), 3);
    assert_string_equal(files(rig), "2022060512 ");
    /* A run of that hour that ends well brings it back. */
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "");
    worker_free(worker);
}

OVER_ALL(a_transient_failure_is_tried_again_after_a_growing_delay)
{
    rig_open(rig, pipeline, SETS("policy.retry.attempts=3", "policy.retry.delay=60s"));
    put_file(rig, HOUR_12);
    put_file(rig, HOUR_12 + 1);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    struct worker *worker = hire(rig);
    for (int attempt = 1; attempt <= 3; attempt++) {
        sink_wrap_reset(wrap);
        for (int i = 1; i <= 8; i++) /* as often as the run itself tries */
            fail_at(wrap, SINK_OP_COMMIT, i, SINK_BEFORE, ERRN_DB_BUSY);
        struct worker_turn t = turn(worker);
        assert_hour(&t, HOUR_12, attempt < 3 ? HOUR_RETRYING : HOUR_FAILED);
        assert_int_equal(t.why.name, ERRN_DB_BUSY);
        sink_wrap_reset(wrap);
        t = turn(worker);
        if (attempt == 1) { /* another hour goes on meanwhile */
            assert_hour(&t, HOUR_12 + 1, HOUR_LOADED);
            t = turn(worker);
        }
        if (attempt == 3) {
            assert_int_equal(t.did, WORKER_DRAINED);
            assert_int_equal(t.failed, 1);
            break;
        }
        /* Between half and the whole of 60 s, then of 120 s. */
        assert_int_equal(t.did, WORKER_WAIT);
        assert_true(t.wait_us <= WORKER_POLL_MS * 1000);
        int64_t waited = 0;
        while (t.did == WORKER_WAIT) {
            rig->clock.now_us += t.wait_us;
            waited += t.wait_us;
            struct backlog backlog;
            struct err err = ERR_INIT;
            assert_int_equal(backlog_read(NULL, rig->job.sink, NULL, NULL, &backlog, &err), ERR_OK);
            assert_int_equal(backlog.items[0].attempts, attempt);
            bool due = backlog.items[0].class == BACKLOG_READY;
            backlog_release(&backlog);
            if (due)
                break;
            t = turn(worker);
        }
        assert_in_range(waited, attempt * INT64_C(30000000), attempt * INT64_C(60000001));
    }
    assert_string_equal(files(rig), "2022060512 ");
    assert_int_equal(worker_status(worker), 5);
    worker_free(worker);
}

/* An object that comes between the load and the removal of the file. */
static void late_object(void *ctx, struct sink *inner)
{
    (void)inner;
    rig_put(ctx, K("12", "late"), GOOD);
}

OVER_ALL(an_object_that_comes_late_puts_the_file_back)
{
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    hook_at(wrap, SINK_OP_COMMIT, 1, SINK_AFTER, late_object, rig);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "2022060512 ");
    assert_int_equal(rig_rows(rig, NULL), 2);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "");
    assert_int_equal(rig_rows(rig, NULL), 4);
    worker_free(worker);
}

static void changed_object(void *ctx, struct sink *inner)
{
    (void)inner;
    rig_put(ctx, K("12", "a"), HEAD "7,changed,1.5\n");
}

OVER_ALL(an_object_that_changes_late_puts_the_file_back)
{
    rig_open(rig, pipeline, SETS("policy.on_changed=replace"));
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    hook_at(wrap, SINK_OP_COMMIT, 1, SINK_AFTER, changed_object, rig);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "2022060512 ");
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "");
    assert_int_equal(rig_rows(rig, NULL), 1);
    worker_free(worker);
}

/* Leaves hour 12 to a process that is dead, `times` in a row. */
static void die(struct rig *rig, int times)
{
    struct err err = ERR_INIT;
    for (int i = 0; i <= times; i++) {
        struct claim_row row;
        char owner[32];
        bool taken = false;
        snprintf(owner, sizeof owner, "elsewhere/%d", i);
        assert_int_equal(sink_claim_take(rig->job.sink, HOUR_12, owner, NULL, &row, &taken, &err), ERR_OK);
        assert_true(taken);
        rig->clock.now_us += rig->pipeline->target.lease_ms * 1000;
    }
}

OVER_ALL(what_a_dead_worker_left_is_work)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD); /* and no file: it was removed already */
    struct err err = ERR_INIT;
    struct claim_row row;
    bool taken = false;
    assert_int_equal(sink_claim_take(rig->job.sink, HOUR_12, "elsewhere/1", NULL, &row, &taken, &err),
                     ERR_OK);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_int_equal(t.did, WORKER_DRAINED); /* held, without a file: nobody waits for it */
    put_file(rig, HOUR_12);
    t = turn(worker);
    assert_int_equal(t.did, WORKER_WAIT);
    rig->clock.now_us += rig->pipeline->target.lease_ms * 1000;
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_int_equal(rig_rows(rig, NULL), 2);
    worker_free(worker);
}

OVER_ALL(the_tenth_takeover_in_a_row_is_a_failed_attempt)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.retry.attempts=2", "policy.retry.delay=60s"));
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    struct worker *worker = hire(rig);
    for (int attempt = 1; attempt <= 2; attempt++) {
        die(rig, WORKER_TAKEOVERS - 1);
        struct worker_turn t = turn(worker);
        assert_hour(&t, HOUR_12, attempt == 1 ? HOUR_RETRYING : HOUR_FAILED);
        assert_int_equal(t.why.name, ERRN_WORKERS_DIED);
    }
    assert_int_equal(rig_rows(rig, NULL), 0);
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 2 WORKERS_DIED\n");
    worker_free(worker);
}

OVER_ALL(nine_takeovers_are_none)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    die(rig, WORKER_TAKEOVERS - 2);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    worker_free(worker);
}

OVER_ALL(trouble_that_meets_every_hour_ends_the_turn_and_gives_nothing_up)
{
    rig_open(rig, pipeline, SETS("policy.retry.attempts=1", "policy.retry.delay=60s"));
    put_file(rig, HOUR_12);
    put_file(rig, HOUR_12 + 1);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    fail_at(wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, ERRN_DENIED);
    struct worker *worker = hire(rig);
    struct worker_turn t;
    struct err err = ERR_INIT;
    assert_int_equal(worker_turn(worker, &t, &err), ERR_DENIED);
    assert_int_equal(t.state, HOUR_RETRYING);
    sink_wrap_reset(wrap);
    t = turn(worker); /* the hour waits; others go on, as soon as they can */
    assert_hour(&t, HOUR_12 + 1, HOUR_LOADED);
    rig->clock.now_us += 2 * 60 * INT64_C(1000000);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    worker_free(worker);
}

OVER_ALL(a_lost_database_is_connected_to_again)
{
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    fail_at(wrap, SINK_OP_CLAIM_PAGE, 1, SINK_BEFORE, ERRN_DB_LOST);
    struct worker *worker = hire(rig);
    struct worker_turn t;
    struct err err = ERR_INIT;
    assert_int_equal(worker_turn(worker, &t, &err), ERR_TRANSIENT);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_int_equal(rig_rows(rig, NULL), 2);
    worker_free(worker);
}

OVER_ALL(an_empty_hour_that_may_not_be_waits_until_it_is_late)
{
    (void)wrap;
    rig_open(rig, pipeline,
             SETS("policy.on_empty=fail", "source.expect_within=30m", "policy.retry.attempts=1"));
    rig->clock.now_us = hour_start_us(HOUR_12 + 1) + 60 * INT64_C(1000000);
    put_file(rig, HOUR_12);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_RETRYING);
    assert_int_equal(t.why.name, ERRN_HOUR_EMPTY);
    assert_string_equal(books_hours(rig), "2022-06-05T12 retrying 0 HOUR_EMPTY\n");
    rig->clock.now_us = hour_start_us(HOUR_12 + 1) + 30 * 60 * INT64_C(1000000);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_FAILED);
    worker_free(worker);
}

OVER_ALL(a_table_of_others_is_not_added_to)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    char *other = edited(pipeline, "name: rig", "name: other");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, other, SETS("target.lineage=false"));
    struct worker *worker = hire(rig);
    struct worker_turn t;
    struct err err = ERR_INIT;
    assert_int_equal(worker_turn(worker, &t, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_TABLE_NOT_EMPTY);
    assert_string_equal(files(rig), "2022060512 ");
    worker_free(worker);
    free(other);
}

OVER_ALL(a_stop_leaves_the_hour_as_it_was)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    atomic_store(&rig->stop, 15);
    struct worker *worker = hire(rig);
    struct worker_turn t;
    struct err err = ERR_INIT;
    assert_int_equal(worker_turn(worker, &t, &err), ERR_CANCELLED);
    assert_string_equal(files(rig), "2022060512 ");
    assert_string_equal(books_hours(rig), "");
    worker_free(worker);
}

/* Between our look and our claim another worker gave the hour up. */
static void give_up_first(void *ctx, struct sink *inner)
{
    struct rig *rig = ctx;
    struct err err = ERR_INIT;
    struct claim_row row;
    bool taken = false;
    struct sink *sink = rig_sink(rig, false);
    (void)inner;
    assert_int_equal(sink_claim_take(sink, HOUR_12, "elsewhere/1", NULL, &row, &taken, &err), ERR_OK);
    row.state = HOUR_FAILED;
    row.attempts = 3;
    assert_int_equal(sink_claim_release(sink, &row, &err), ERR_OK);
    sink_close(sink);
}

OVER_ALL(what_another_gave_up_meanwhile_stays_given_up)
{
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    hook_at(wrap, SINK_OP_CLAIM_TAKE, 1, SINK_BEFORE, give_up_first, rig);
    struct worker *worker = hire(rig);
    (void)turn(worker);
    sink_wrap_reset(wrap);
    struct worker_turn t = turn(worker);
    assert_int_equal(t.did, WORKER_DRAINED);
    assert_int_equal(t.failed, 1);
    assert_int_equal(rig_rows(rig, NULL), 0);
    worker_free(worker);
}

/* Everything is loaded, but the file is still there. */
static void load_all_but_the_file(struct rig *rig, const char *pipeline)
{
    rig_open(rig, pipeline, SETS("policy.retry.attempts=1", "policy.retry.delay=60s"));
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    put_file(rig, HOUR_12);
}

static void stop_now(void *ctx, struct sink *inner)
{
    (void)inner;
    atomic_store(&((struct rig *)ctx)->stop, 15);
}

/* The file is gone by then: it would not be known whether something came late. */
OVER_ALL(a_stop_while_an_hour_is_ended_waits_for_that_end)
{
    load_all_but_the_file(rig, pipeline);
    hook_at(wrap, SINK_OP_CLAIM_RENEW, 1, SINK_AFTER, stop_now, rig);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "");
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
    worker_free(worker);
}

/* The claim of hour 12 goes to another. */
static void take_over(void *ctx, struct sink *inner)
{
    struct rig *rig = ctx;
    struct err err = ERR_INIT;
    struct claim_row row;
    bool taken = false;
    struct sink *sink = rig_sink(rig, false);
    (void)inner;
    rig->clock.now_us += rig->pipeline->target.lease_ms * 1000;
    assert_int_equal(sink_claim_take(sink, HOUR_12, "elsewhere/1", NULL, &row, &taken, &err), ERR_OK);
    assert_true(taken);
    sink_close(sink);
}

OVER_ALL(a_file_is_only_removed_under_the_claim)
{
    load_all_but_the_file(rig, pipeline);
    hook_at(wrap, SINK_OP_CLAIM_RENEW, 1, SINK_BEFORE, take_over, rig);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_RUNNING);
    assert_int_equal(t.why.name, ERRN_FENCED);
    assert_string_equal(files(rig), "2022060512 ");
    sink_wrap_reset(wrap);
    t = turn(worker);
    assert_int_equal(t.did, WORKER_WAIT); /* with the other */
    assert_int_equal(worker_status(worker), 0);
    worker_free(worker);
}

static enum err_code open_read_only_queue(void *ctx, struct store **out, struct err *err)
{
    struct store *queue = NULL;
    return open_queue(ctx, &queue, err) == ERR_OK ? store_fault_wrap(queue, "remove * denied", out, err)
                                                  : err->code;
}

OVER_ALL(a_queue_that_may_not_be_changed_ends_the_turn_and_gives_nothing_up)
{
    (void)wrap;
    load_all_but_the_file(rig, pipeline);
    struct worker_options options = {.queues = {open_read_only_queue, rig}};
    struct worker *worker = NULL;
    struct worker_turn t;
    struct err err = ERR_INIT;
    assert_int_equal(worker_new(&rig->job, &options, &worker, &err), ERR_OK);
    assert_int_equal(worker_turn(worker, &t, &err), ERR_DENIED);
    assert_hour(&t, HOUR_12, HOUR_RETRYING);
    worker_free(worker);
    rig->clock.now_us += 60 * INT64_C(1000000);
    worker = hire(rig);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_string_equal(files(rig), "");
    worker_free(worker);
}

OVER_ALL(what_goes_well_in_the_end_is_no_failure)
{
    rig_open(rig, pipeline, SETS("policy.retry.attempts=2", "policy.retry.delay=60s"));
    put_file(rig, HOUR_12);
    rig_put(rig, K("12", "a"), GOOD);
    for (int i = 1; i <= 8; i++)
        fail_at(wrap, SINK_OP_COMMIT, i, SINK_BEFORE, ERRN_DB_BUSY);
    struct worker *worker = hire(rig);
    struct worker_turn t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_RETRYING);
    assert_int_equal(t.status, 5);
    sink_wrap_reset(wrap);
    rig->clock.now_us += 60 * INT64_C(1000000);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_int_equal(t.status, 0);
    assert_int_equal(worker_status(worker), 0);
    worker_free(worker);
}

OVER_ALL(a_stop_does_not_forget_what_a_dead_worker_left)
{
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD); /* and no file: it was removed already */
    die(rig, 0);
    struct worker *worker = hire(rig);
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_CLAIM_TAKE, 1, SINK_AFTER, stop_now, rig);
    struct worker_turn t;
    struct err err = ERR_INIT;
    (void)!worker_turn(worker, &t, &err);
    assert_int_equal(rig_rows(rig, NULL), 0);
    assert_string_equal(books_hours(rig), "2022-06-05T12 retrying 0\n");
    atomic_store(&rig->stop, 0);
    t = turn(worker);
    assert_hour(&t, HOUR_12, HOUR_LOADED);
    assert_int_equal(rig_rows(rig, NULL), 2);
    worker_free(worker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_place_there_is_nothing_to_do),
        cmocka_unit_test(hours_are_worked_oldest_first_and_their_files_go),
        cmocka_unit_test(a_verdict_on_data_gives_the_hour_up_and_holds_nobody_back),
        cmocka_unit_test(a_transient_failure_is_tried_again_after_a_growing_delay),
        cmocka_unit_test(an_object_that_comes_late_puts_the_file_back),
        cmocka_unit_test(an_object_that_changes_late_puts_the_file_back),
        cmocka_unit_test(what_a_dead_worker_left_is_work),
        cmocka_unit_test(the_tenth_takeover_in_a_row_is_a_failed_attempt),
        cmocka_unit_test(nine_takeovers_are_none),
        cmocka_unit_test(trouble_that_meets_every_hour_ends_the_turn_and_gives_nothing_up),
        cmocka_unit_test(a_lost_database_is_connected_to_again),
        cmocka_unit_test(an_empty_hour_that_may_not_be_waits_until_it_is_late),
        cmocka_unit_test(a_table_of_others_is_not_added_to),
        cmocka_unit_test(a_stop_leaves_the_hour_as_it_was),
        cmocka_unit_test(what_another_gave_up_meanwhile_stays_given_up),
        cmocka_unit_test(a_stop_while_an_hour_is_ended_waits_for_that_end),
        cmocka_unit_test(a_file_is_only_removed_under_the_claim),
        cmocka_unit_test(a_queue_that_may_not_be_changed_ends_the_turn_and_gives_nothing_up),
        cmocka_unit_test(what_goes_well_in_the_end_is_no_failure),
        cmocka_unit_test(a_stop_does_not_forget_what_a_dead_worker_left),
    };
    return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
