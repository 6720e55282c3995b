/* test_enqueue: which hours get a queue file, and what counts as one. */
#include "tests/unit/queue/queue_rig.h"

static void each(void *ctx, hour_t hour, enum enqueue_outcome outcome)
{
    static const char *const words[] = {"queued", "again", "failed"};
    char text[HOUR_TEXT_MAX];
    struct err err = ERR_INIT;
    hour_format_compact(hour, text);
    assert_int_equal(buf_printf(ctx, &err, "%s %s\n", text, words[outcome]), ERR_OK);
}

/* What one call does: "2022060512 queued\n". */
static const char *did(struct rig *rig,
                       enum err_code (*call)(const struct enqueue *e, void *arg, struct err *err), void *arg)
{
    static char text[4096];
    struct buf told;
    struct err err = ERR_INIT;
    buf_init(&told, sizeof text);
    struct enqueue e = {.job = &rig->job, .queue = made_queue(rig), .each = each, .ctx = &told};
    if (call(&e, arg, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    snprintf(text, sizeof text, "%s", buf_str(&told));
    buf_release(&told);
    store_close(e.queue);
    return text;
}

static enum err_code chosen(const struct enqueue *e, void *arg, struct err *err)
{
    const struct hour_range *range = arg;
    return enqueue_hours(e, range->from, range->to, err);
}

static enum err_code missing(const struct enqueue *e, void *arg, struct err *err)
{
    return enqueue_missing(e, arg, err);
}

static enum err_code at(const struct enqueue *e, void *arg, struct err *err)
{
    return enqueue_now(e, *(int64_t *)arg, err);
}

OVER_ALL(names_that_are_queue_files)
{
    (void)wrap;
    static const char *const names[] = {"2022060512",  "2022060524",   "2022023012",     "202206051",
                                        "20220605121", "notes",        "2022060512.csv", ".2022060513",
                                        "_done",       "x/2022060514", "0000010100"};
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    struct store *queue = made_queue(rig);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(store_put_mem(queue, names[i], "any", 3, PUT_ALWAYS, &err), ERR_OK);
    store_close(queue);
    assert_string_equal(files(rig),
                        "0000010100? 2022023012? 202206051? 2022060512 2022060512.csv? 20220605121? "
                        "2022060524? notes? ");
}

OVER_ALL(chosen_hours_are_queued_once)
{
    (void)wrap;
    struct hour_range range = {true, HOUR_12, HOUR_12 + 2};
    rig_open(rig, pipeline, NO_SETS);
    put_file(rig, HOUR_12 + 1);
    assert_string_equal(did(rig, chosen, &range), "2022060512 queued\n2022060513 again\n");
    assert_string_equal(did(rig, chosen, &range), "2022060512 again\n2022060513 again\n");
    assert_string_equal(files(rig), "2022060512 2022060513 ");
}

OVER_ALL(a_failed_hour_stays_out)
{
    (void)wrap;
    struct hour_range range = {true, HOUR_12, HOUR_12 + 1};
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), BAD);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(did(rig, chosen, &range), "2022060512 failed\n");
    struct hour_range all = {0};
    assert_string_equal(did(rig, missing, &all), "2022060512 failed\n");
    assert_string_equal(files(rig), "");
}

OVER_ALL(missing_is_what_the_ledger_lacks)
{
    (void)wrap;
    struct hour_range all = {0}, one = {true, HOUR_12 + 2, HOUR_12 + 3};
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(did(rig, missing, &all), "");
    rig_put(rig, K("12", "late"), GOOD);
    rig_put(rig, K("14", "a"), GOOD);
    assert_string_equal(did(rig, missing, &one), "2022060514 queued\n");
    assert_string_equal(did(rig, missing, &all), "2022060512 queued\n2022060514 again\n");
}

OVER_ALL(now_is_the_hour_before_and_what_came_late)
{
    (void)wrap;
    int64_t now = hour_start_us(HOUR_12 + 3) + 1;
    rig_open(rig, pipeline, SETS("queue.lookback=2h"));
    for (int hour = 11; hour <= 13; hour++) {
        char key[64];
        snprintf(key, sizeof key, "yyyy=2022/mm=06/dd=05/hh=%d/a.csv", hour);
        rig_put(rig, key, GOOD);
    }
    /* 14 is the newest whole hour; 12 and 13 are looked back on, 11 is not. */
    assert_string_equal(did(rig, at, &now), "2022060512 queued\n2022060513 queued\n2022060514 queued\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    now += HOUR_US;
    rig_put(rig, K("14", "late"), GOOD);
    assert_string_equal(did(rig, at, &now), "2022060514 again\n2022060515 queued\n");
}

OVER_ALL(lag_moves_the_newest_hour)
{
    (void)wrap;
    int64_t now = hour_start_us(HOUR_12 + 1) + 9 * INT64_C(60000000);
    rig_open(rig, pipeline, SETS("schedule.lag=10m", "queue.lookback=0s"));
    assert_string_equal(did(rig, at, &now), "2022060511 queued\n");
    now += INT64_C(60000000);
    assert_string_equal(did(rig, at, &now), "2022060512 queued\n");
    assert_int_equal(enqueue_newest(hour_start_us(HOUR_12), 0), HOUR_12 - 1);
    assert_int_equal(enqueue_newest(hour_start_us(HOUR_12) - 1, 0), HOUR_12 - 2);
}

OVER_ALL(a_range_that_is_too_long_is_refused)
{
    (void)wrap;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    struct enqueue e = {.job = &rig->job, .queue = made_queue(rig)};
    assert_int_equal(enqueue_hours(&e, HOUR_12, HOUR_12 + RUN_HOURS_MAX + 1, &err), ERR_USAGE);
    store_close(e.queue);
}

/* The backlog's item of an hour: "ready", file or not. */
static void assert_class(struct rig *rig, hour_t hour, enum backlog_class class, bool file)
{
    struct store *queue = made_queue(rig);
    struct backlog backlog;
    struct err err = ERR_INIT;
    assert_int_equal(backlog_read(queue, rig->job.sink, NULL, NULL, &backlog, &err), ERR_OK);
    const struct backlog_item *item = backlog_find(&backlog, hour);
    assert_non_null(item);
    assert_int_equal(item->class, class);
    assert_int_equal(item->file, file);
    for (size_t i = 1; i < backlog.n; i++)
        assert_true(backlog.items[i - 1].hour < backlog.items[i].hour);
    backlog_release(&backlog);
    store_close(queue);
}

/* Gives the hour back as `state`, to be tried again in retry_us. */
static void set_state(struct rig *rig, hour_t hour, enum hour_state state, int64_t retry_us)
{
    struct claim_row row;
    struct err err = ERR_INIT;
    bool taken = false;
    assert_int_equal(sink_claim_take(rig->job.sink, hour, rig->job.owner, NULL, &row, &taken, &err), ERR_OK);
    assert_true(taken);
    row.state = state;
    row.retry_in_us = retry_us;
    assert_int_equal(sink_claim_release(rig->job.sink, &row, &err), ERR_OK);
}

OVER_ALL(the_backlog_is_files_and_claims_together)
{
    (void)wrap;
    struct err err = ERR_INIT;
    struct claim_row row;
    bool taken;
    rig_open(rig, pipeline, NO_SETS);
    for (int i = 0; i < 6; i += 2)
        put_file(rig, HOUR_12 + i);
    set_state(rig, HOUR_12 - 1, HOUR_FAILED, 0);
    set_state(rig, HOUR_12 + 1, HOUR_RETRYING, 1000);
    set_state(rig, HOUR_12 + 2, HOUR_FAILED, 0);
    set_state(rig, HOUR_12 + 3, HOUR_LOADED, 0);
    set_state(rig, HOUR_12 + 4, HOUR_LOADED, 0);
    assert_int_equal(sink_claim_take(rig->job.sink, HOUR_12 + 5, "elsewhere/1", NULL, &row, &taken, &err),
                     ERR_OK);
    set_state(rig, HOUR_12 + 6, HOUR_QUEUED, 0);
    assert_class(rig, HOUR_12 - 1, BACKLOG_FAILED, false);
    assert_class(rig, HOUR_12, BACKLOG_READY, true);
    assert_class(rig, HOUR_12 + 1, BACKLOG_WAITING, false);
    assert_class(rig, HOUR_12 + 2, BACKLOG_FAILED, true);
    assert_class(rig, HOUR_12 + 4, BACKLOG_READY, true);
    assert_class(rig, HOUR_12 + 5, BACKLOG_HELD, false);
    assert_class(rig, HOUR_12 + 6, BACKLOG_IDLE, false);
    rig->clock.now_us += 1000;
    assert_class(rig, HOUR_12 + 1, BACKLOG_READY, false);
    rig->clock.now_us += rig->pipeline->target.lease_ms * 1000;
    assert_class(rig, HOUR_12 + 5, BACKLOG_READY, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_queue_files),
        cmocka_unit_test(chosen_hours_are_queued_once),
        cmocka_unit_test(a_failed_hour_stays_out),
        cmocka_unit_test(missing_is_what_the_ledger_lacks),
        cmocka_unit_test(now_is_the_hour_before_and_what_came_late),
        cmocka_unit_test(lag_moves_the_newest_hour),
        cmocka_unit_test(a_range_that_is_too_long_is_refused),
        cmocka_unit_test(the_backlog_is_files_and_claims_together),
    };
    return cmocka_run_group_tests_name("enqueue", tests, NULL, NULL);
}
