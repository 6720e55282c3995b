/* baseline: ledger rows without a load, and what they stand in the way of. */
#include "tests/unit/load/load_rig.h"

#define GOOD HEAD "1,ann,1\n2,bob,2\n"

static hour_t hour_of(const char *text)
{
    struct err err = ERR_INIT;
    hour_t hour = 0;
    if (hour_parse(text, &hour, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return hour;
}

OVER_ALL(a_baseline_stands_for_what_is_there)
{
    struct job_totals totals;
    struct err err = ERR_INIT;
    struct run_options reload = {.reload = true,
                                 .range = {true, hour_of("2022-06-05T12"), hour_of("2022-06-05T13")}};
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.on_changed=replace"));
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("12", "b"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_OK);
    assert_int_equal(totals.objects, 2);
    assert_int_equal(totals.hours, 1);
    assert_string_equal(books_ledger(rig), K("12", "a") " 0 baseline 0 0 0 bytes=31 0..0 lines=0..0\n" K(
                                               "12", "b") " 0 baseline 0 0 0 bytes=31 0..0 lines=0..0\n");
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_OK);
    assert_int_equal(totals.objects, 0);
    assert_int_equal(totals.unchanged, 2);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), K("13", "a") " loaded 2 2 0 -\n");
    /* its rows are not known: nothing can take their place */
    assert_int_equal(rig_run(rig, &reload), 2);
    assert_string_equal(buf_str(&rig->log), K("12", "a") " failed 0 0 0 BASELINE_ROW\n" K(
                                                "12", "b") " failed 0 0 0 BASELINE_ROW\n");
    rig_put(rig, K("12", "a"), GOOD); /* no hash to compare with: another etag is a change */
    assert_int_equal(rig_run(rig, NULL), 2);
    assert_string_equal(buf_str(&rig->log), K("12", "a") " failed 0 0 0 BASELINE_ROW\n");
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(buf_str(&rig->log), K("12", "a") " failed 0 0 0 SOURCE_CHANGED\n");
    assert_int_equal(rig_rows(rig, NULL), 2);
}

static void a_baseline_of_a_fresh_file_holds(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct job_totals totals;
    struct err err = ERR_INIT;
    rig_open(&rig, PIPELINES[1], NO_SETS);
    rig_put(&rig, K("12", "a"), GOOD);
    rig.clock.now_us -= 3000000; /* written this moment: its etag could stay through another write */
    assert_int_equal(run_baseline(&rig.job, hour_of("2022-06-05T13"), &totals, &err), ERR_OK);
    assert_int_equal(rig_run(&rig, NULL), 0);
    rig.clock.now_us += 3000000;
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_int_equal(rig_rows(&rig, NULL), 0);
    rig_close(&rig);
}

OVER_ALL(a_baseline_lets_a_filled_table_be_used)
{
    struct job_totals totals;
    struct err err = ERR_INIT;
    (void)wrap;
    rig_open(rig, pipeline, SETS("name=other", "target.lineage=false"));
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, pipeline, SETS("target.lineage=false"));
    assert_int_equal(rig_run(rig, NULL), 2);
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_OK);
    rig_put(rig, K("13", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), K("13", "a") " loaded 2 2 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 4);
}

OVER_ALL(many_baseline_objects_go_in_pages)
{
    struct job_totals totals;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    for (int i = 0; i < 130; i++) {
        char key[128];
        snprintf(key, sizeof key, K("12", "%03d"), i);
        rig_put(rig, key, GOOD);
    }
    fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_DISK_FULL);
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_IO);
    assert_int_equal(totals.objects, 64);
    sink_wrap_reset(wrap);
    err_clear(&err);
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_OK);
    assert_int_equal(totals.objects, 66);
    assert_int_equal(books_sums(rig).rows, 130);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
}

static void stop_job(void *ctx, struct sink *inner)
{
    struct rig *rig = ctx;
    (void)inner;
    atomic_store(&rig->stop, 15);
}

OVER_ALL(a_baseline_that_is_stopped_leaves_the_hour_as_it_was)
{
    struct job_totals totals;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_CLAIM_TAKE, 1, SINK_AFTER, stop_job, rig);
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_CANCELLED);
    assert_string_equal(books_hours(rig), "2022-06-05T12 queued 0\n");
    assert_string_equal(books_ledger(rig), "");
    atomic_store(&rig->stop, 0);
    err_clear(&err);
    assert_int_equal(run_baseline(&rig->job, hour_of("2022-06-05T13"), &totals, &err), ERR_OK);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_baseline_that_is_stopped_leaves_the_hour_as_it_was),
        cmocka_unit_test(a_baseline_stands_for_what_is_there),
        cmocka_unit_test(a_baseline_of_a_fresh_file_holds),
        cmocka_unit_test(a_baseline_lets_a_filled_table_be_used),
        cmocka_unit_test(many_baseline_objects_go_in_pages),
    };
    return cmocka_run_group_tests_name("baseline", tests, NULL, NULL);
}
