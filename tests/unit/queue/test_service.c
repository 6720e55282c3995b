/* test_service: days of a service under a virtual clock: outages of the target, the source and the process.
 */
#include "core/queue/service.h"

#include "core/queue/catch_up.h"

#include <time.h>

#include "tests/support/store_hook.h"
#include "tests/unit/queue/queue_rig.h"

#define HOUR_00 (HOUR_12 + 12) /* 2022-06-06T00: where the rig's clock begins */
#define MINUTES INT64_C(60000000)

/* A service with what it told, and a lake that gets its objects as the hours end. */
struct show {
    struct rig *rig;
    const char *pipeline;
    struct service *service;
    struct buf queued, hours, notices;
    hour_t put;                  /* the first hour whose object is not there yet */
    hour_t empty_from, empty_to; /* hours that get none */
    int64_t steps, troubles;
};

static void write_down(struct buf *out, hour_t hour, const char *what)
{
    struct err err = ERR_INIT;
    char text[HOUR_TEXT_MAX];
    hour_format(hour, text);
    assert_int_equal(buf_printf(out, &err, "%s%s%s\n", text, what[0] ? " " : "", what), ERR_OK);
}

static void on_queued(void *ctx, hour_t hour, enum enqueue_outcome outcome)
{
    struct show *show = ctx;
    if (outcome == ENQUEUE_QUEUED)
        write_down(&show->queued, hour, "");
}

static void on_hour(void *ctx, const struct worker_turn *turn, int64_t took_us)
{
    struct show *show = ctx;
    assert_true(took_us >= 0);
    write_down(&show->hours, turn->hour, hour_state_text(turn->state));
}

static void on_notice(void *ctx, const struct notice *notice)
{
    struct show *show = ctx;
    struct err err = ERR_INIT;
    char what[128];
    snprintf(what, sizeof what, "%s%s%s", notice_kind_text(notice->kind), notice->error_name[0] ? " " : "",
             notice->error_name);
    if (notice->has_hour)
        write_down(&show->notices, notice->hour, what);
    else
        assert_int_equal(buf_printf(&show->notices, &err, "%s\n", what), ERR_OK);
}

static void on_trouble(void *ctx, const struct err *why, int64_t again_us)
{
    struct show *show = ctx;
    assert_true(why->code != ERR_OK && why->code != ERR_CANCELLED);
    assert_in_range(again_us, 1, SERVICE_PAUSE_MAX_MS * 1000);
    show->troubles++;
}

static enum err_code open_made_queue(void *ctx, struct store **out, struct err *err)
{
    (void)err;
    *out = made_queue(ctx);
    return ERR_OK;
}

static void begin(struct show *show)
{
    const struct service_options options = {
        .queues = {open_made_queue, show->rig},
        .events = {
            .queued = on_queued, .hour = on_hour, .notice = on_notice, .trouble = on_trouble, .ctx = show}};
    struct err err = ERR_INIT;
    if (service_new(&show->rig->job, &options, &show->service, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static void end(struct show *show)
{
    service_free(show->service);
    show->service = NULL;
}

#define SHOW(...)                                                                                            \
    (const char *const[])                                                                                    \
    {                                                                                                        \
        "queue.url=mem:queue", __VA_ARGS__                                                                   \
    }
#define OPEN(show, ...) show_open(show, SHOW(__VA_ARGS__), sizeof(SHOW(__VA_ARGS__)) / sizeof(char *))

static void show_open(struct show *show, const char *const *sets, size_t nsets)
{
    rig_open(show->rig, show->pipeline, sets, nsets);
    buf_init(&show->queued, 1 << 20);
    buf_init(&show->hours, 1 << 20);
    buf_init(&show->notices, 1 << 20);
    show->put = HOUR_00 - 1;
    begin(show);
}

static void show_close(struct show *show)
{
    end(show);
    buf_release(&show->queued);
    buf_release(&show->hours);
    buf_release(&show->notices);
}

/* Each hour's object comes half a minute before the hour's end. */
static void put_objects(struct show *show)
{
    struct rig *rig = show->rig;
    for (; hour_start_us(show->put + 1) - MINUTES / 2 <= rig->clock.now_us; show->put++) {
        char text[HOUR_TEXT_MAX], key[128];
        if (show->put >= show->empty_from && show->put < show->empty_to)
            continue;
        hour_format(show->put, text);
        snprintf(key, sizeof key, "yyyy=%.4s/mm=%.2s/dd=%.2s/hh=%.2s/a.csv", text, text + 5, text + 8,
                 text + 11);
        rig_put(rig, key, GOOD);
    }
}

/* Makes the steps that are due until so many minutes after the rig's start. */
static void run_to(struct show *show, int64_t minute)
{
    struct rig *rig = show->rig;
    struct err err = ERR_INIT;
    int64_t until = hour_start_us(HOUR_00) + minute * MINUTES;
    while (rig->clock.now_us < until) {
        int64_t wait, next;
        put_objects(show);
        if (service_step(show->service, &wait, &err) != ERR_OK)
            fail_msg("%s: %s", err_name_text(err.name), err.msg);
        show->steps++;
        next = rig->clock.now_us + wait;
        if (hour_start_us(show->put + 1) - MINUTES / 2 < next)
            next = hour_start_us(show->put + 1) - MINUTES / 2;
        if (next > until)
            next = until;
        if (next > rig->clock.now_us)
            rig->clock.now_us = next;
    }
}

/* Lines "HOUR" or "HOUR WORD" of [from, to), each once and in order. */
static void assert_in_order(const struct buf *lines, hour_t from, hour_t to, const char *word)
{
    struct buf expect;
    buf_init(&expect, 1 << 20);
    for (hour_t hour = from; hour < to; hour++)
        write_down(&expect, hour, word);
    assert_string_equal(buf_str(lines), buf_str(&expect));
    buf_release(&expect);
}

/* All hours of [from, to) loaded once, nothing left to do. */
static void assert_all_loaded(struct show *show, hour_t from, hour_t to)
{
    struct books_sums sums = books_sums(show->rig);
    struct buf expect;
    buf_init(&expect, 1 << 20);
    for (hour_t hour = from; hour < to; hour++)
        write_down(&expect, hour, "loaded 0");
    assert_string_equal(books_hours(show->rig), buf_str(&expect));
    buf_release(&expect);
    assert_int_equal(sums.rows, to - from);
    assert_int_equal(sums.loaded, 2 * (to - from));
    assert_string_equal(files(show->rig), "");
    books_balance(show->rig);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void two_days_with_a_target_that_is_away_for_seven_hours(void **state)
{
    struct rig rig = {.wrap_sink = sink_wrap_new};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    struct sink_wrap wrap;
    double began = seconds();
    (void)state;
    sink_wrap_init(&wrap);
    rig.wrap_ctx = &wrap;
    OPEN(&show, "policy.on_empty=fail");
    run_to(&show, 10 * 60 + 20);
    fail_at(&wrap, SINK_OP_ANY, 1, SINK_BEFORE, ERRN_DB_LOST);
    wrap.rules[0].onwards = true;
    run_to(&show, 17 * 60 + 25);
    assert_string_equal(buf_str(&show.notices), "failure DB_LOST\n");
    assert_in_range(show.troubles, 7 * 60 - 10, 7 * 60 + 20); /* one a minute */
    sink_wrap_reset(&wrap);
    run_to(&show, 17 * 60 + 30);
    assert_string_equal(buf_str(&show.notices), "failure DB_LOST\nrecovery\n");
    assert_in_order(&show.queued, HOUR_00 - 1, HOUR_00 + 17, "");
    run_to(&show, 48 * 60 + 10);
    assert_string_equal(buf_str(&show.notices), "failure DB_LOST\nrecovery\n");
    assert_in_order(&show.queued, HOUR_00 - 1, HOUR_00 + 48, "");
    assert_in_order(&show.hours, HOUR_00 - 1, HOUR_00 + 48, "loaded");
    assert_all_loaded(&show, HOUR_00 - 1, HOUR_00 + 48);
    show_close(&show);
    rig_close(&rig);
    assert_int_equal(wrap.open_handles, 0);
    sink_wrap_release(&wrap);
    printf("# two days in %.2f s of processor time\n", seconds() - began);
}

static void a_day_and_an_hour_take_less_than_two_seconds(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    double began = seconds();
    (void)state;
    OPEN(&show, "target.lineage=true");
    run_to(&show, 25 * 60 + 10);
    assert_all_loaded(&show, HOUR_00 - 1, HOUR_00 + 25);
    show_close(&show);
    rig_close(&rig);
#ifndef __SANITIZE_ADDRESS__
    assert_true(seconds() - began < 2);
#endif
    printf("# 25 hours in %.2f s of processor time\n", seconds() - began);
}

/* The process is down for seven hours; meanwhile somebody queues one of them by hand. */
OVER_ALL(hours_missed_while_the_process_was_down_are_queued_once_in_order)
{
    struct show show = {.rig = rig, .pipeline = pipeline};
    static const char *const sets[] = {"queue.url=mem:queue"};
    (void)wrap;
    OPEN(&show, "target.lineage=true");
    run_to(&show, 2 * 60 + 20);
    assert_in_order(&show.queued, HOUR_00 - 1, HOUR_00 + 2, "");
    end(&show);
    put_file(rig, HOUR_00 + 8);
    rig->clock.now_us = hour_start_us(HOUR_00 + 9) + 20 * MINUTES;
    rig_restart(rig, pipeline, sets, 1);
    buf_clear(&show.queued);
    begin(&show);
    run_to(&show, 9 * 60 + 30);
    assert_in_order(&show.queued, HOUR_00 + 2, HOUR_00 + 8, "");
    run_to(&show, 11 * 60 + 10);
    assert_in_order(&show.hours, HOUR_00 - 1, HOUR_00 + 11, "loaded");
    assert_all_loaded(&show, HOUR_00 - 1, HOUR_00 + 11);
    assert_string_equal(buf_str(&show.notices), "");
    /* A restart with nothing missed queues nothing. */
    end(&show);
    buf_clear(&show.queued);
    begin(&show);
    run_to(&show, 11 * 60 + 20);
    assert_string_equal(buf_str(&show.queued), "");
    show_close(&show);
}

/* What came late for the last hour before the process went down is found, too. */
static void late_objects_before_an_outage_are_found(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    (void)state;
    OPEN(&show, "target.lineage=true");
    run_to(&show, 2 * 60 + 20);
    end(&show);
    rig_put(&rig, "yyyy=2022/mm=06/dd=06/hh=01/b.csv", GOOD);
    rig.clock.now_us = hour_start_us(HOUR_00 + 20);
    buf_clear(&show.hours);
    begin(&show);
    run_to(&show, 20 * 60 + 10);
    assert_in_order(&show.hours, HOUR_00 + 1, HOUR_00 + 20, "loaded");
    show_close(&show);
    rig_close(&rig);
}

static struct store *wrap_store(void *ctx, struct store *inner)
{
    return store_hook_new(ctx, inner);
}

/* No attempt is spent on an outage of the source but the one that found it out. */
static void a_source_that_is_away_costs_no_hour(void **state)
{
    struct store_hook hook;
    struct rig rig = {.wrap_store = wrap_store, .wrap_ctx = &hook};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    (void)state;
    store_hook_init(&hook);
    OPEN(&show, "target.lineage=true");
    run_to(&show, 3 * 60 + 20);
    hook.op = STORE_OP_ANY;
    hook.error = ERRN_STORE_UNREACHABLE;
    hook.onwards = true;
    hook.nth = hook.calls[STORE_OP_ANY] + 1;
    show.put = HOUR_00 + 10;     /* put into the lake when it is back */
    put_file(&rig, HOUR_00 + 3); /* by hand: the service cannot even look for late objects */
    run_to(&show, 10 * 60 + 20);
    assert_non_null(strstr(buf_str(&show.notices), "failure STORE_UNREACHABLE\n"));
    hook.nth = 0;
    show.put = HOUR_00 + 3;
    run_to(&show, 12 * 60 + 30);
    assert_null(strstr(buf_str(&show.hours), "failed"));
    assert_all_loaded(&show, HOUR_00 - 1, HOUR_00 + 12);
    assert_null(strstr(buf_str(&show.notices), "failure HOUR"));
    assert_non_null(strstr(buf_str(&show.notices), "recovery\n"));
    show_close(&show);
    rig_close(&rig);
    store_hook_release(&hook);
}

/* Where other pipelines kept it waiting for its next step, the database has ended its connection. */
static void a_step_that_comes_late_finds_a_new_connection(void **state)
{
    struct sink_wrap wrap;
    struct rig rig = {.wrap_sink = sink_wrap_new, .wrap_ctx = &wrap};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    int64_t wait, opened;
    struct err err = ERR_INIT;
    (void)state;
    sink_wrap_init(&wrap);
    OPEN(&show, "target.lease=60s");
    put_objects(&show);
    for (int i = 3; i > 0; i--)
        put_file(&rig, HOUR_00 - i);
    while (show.hours.len == 0)
        assert_int_equal(service_step(show.service, &wait, &err), ERR_OK);
    opened = wrap.opened;
    rig.clock.now_us += 19000000;
    assert_int_equal(service_step(show.service, &wait, &err), ERR_OK);
    assert_int_equal(wrap.opened, opened);
    rig.clock.now_us += 61000000;
    assert_int_equal(service_step(show.service, &wait, &err), ERR_OK);
    assert_true(wrap.opened > opened);
    assert_int_equal(show.troubles, 0);
    show_close(&show);
    rig_close(&rig);
    sink_wrap_release(&wrap);
}

static void an_hour_without_objects_is_late_once_and_well_again(void **state)
{
    struct rig rig = {0};
    struct show show = {
        .rig = &rig, .pipeline = PIPELINES[0], .empty_from = HOUR_00 + 1, .empty_to = HOUR_00 + 3};
    (void)state;
    OPEN(&show, "source.expect_within=30m");
    run_to(&show, 2 * 60 + 30);
    assert_string_equal(buf_str(&show.notices), "");
    run_to(&show, 2 * 60 + 31);
    assert_string_equal(buf_str(&show.notices), "2022-06-06T01 late\n");
    run_to(&show, 3 * 60 + 40);
    assert_string_equal(buf_str(&show.notices), "2022-06-06T01 late\n2022-06-06T02 late\n");
    rig_put(&rig, "yyyy=2022/mm=06/dd=06/hh=02/late.csv", GOOD);
    run_to(&show, 6 * 60 + 10);
    assert_string_equal(buf_str(&show.notices),
                        "2022-06-06T01 late\n2022-06-06T02 late\n2022-06-06T02 recovery\n");
    show_close(&show);
    rig_close(&rig);
}

static void nobody_hears_of_empty_hours_where_they_are_ok(void **state)
{
    struct rig rig = {0};
    struct show show = {
        .rig = &rig, .pipeline = PIPELINES[0], .empty_from = HOUR_00, .empty_to = HOUR_00 + 9};
    (void)state;
    OPEN(&show, "policy.on_empty=ok");
    run_to(&show, 8 * 60);
    assert_string_equal(buf_str(&show.notices), "");
    show_close(&show);
    rig_close(&rig);
}

/* Queues an hour that was given up again, as `queue retry` does. */
static void retry(struct rig *rig, hour_t hour)
{
    const struct claim_outcome outcome = {.state = HOUR_QUEUED};
    struct sink *sink = rig_sink(rig, false);
    struct claim claim;
    struct err err = ERR_INIT;
    assert_int_equal(claim_acquire(sink, hour, "by/hand/1/1/1/1", 0, NULL, &claim, &err), ERR_OK);
    put_file(rig, hour);
    assert_int_equal(claim_end(&claim, &outcome, &err), ERR_OK);
    sink_close(sink);
}

OVER_ALL(a_failed_hour_is_told_once_and_again_when_it_fails_again)
{
    struct show show = {.rig = rig, .pipeline = pipeline, .empty_from = HOUR_00, .empty_to = HOUR_00 + 1};
    (void)wrap;
    OPEN(&show, "policy.on_empty=ok");
    rig_put(rig, "yyyy=2022/mm=06/dd=06/hh=00/bad.csv", BAD);
    run_to(&show, 4 * 60);
    assert_string_equal(buf_str(&show.notices), "2022-06-06T00 failure REJECT_LIMIT\n");
    retry(rig, HOUR_00);
    run_to(&show, 4 * 60 + 20);
    assert_string_equal(buf_str(&show.notices),
                        "2022-06-06T00 failure REJECT_LIMIT\n2022-06-06T00 failure REJECT_LIMIT\n");
    retry(rig, HOUR_00);
    rig_put(rig, "yyyy=2022/mm=06/dd=06/hh=00/bad.csv", GOOD);
    buf_clear(&show.notices);
    run_to(&show, 4 * 60 + 40);
    assert_string_equal(buf_str(&show.notices), "2022-06-06T00 recovery\n");
    /* What had failed before a start is not told again. */
    rig_put(rig, "yyyy=2022/mm=06/dd=06/hh=05/bad.csv", BAD);
    show.empty_from = HOUR_00 + 5;
    show.empty_to = HOUR_00 + 6;
    run_to(&show, 6 * 60 + 20);
    assert_string_equal(buf_str(&show.notices),
                        "2022-06-06T00 recovery\n2022-06-06T05 failure REJECT_LIMIT\n");
    end(&show);
    begin(&show);
    run_to(&show, 7 * 60 + 20);
    assert_string_equal(buf_str(&show.notices),
                        "2022-06-06T00 recovery\n2022-06-06T05 failure REJECT_LIMIT\n");
    show_close(&show);
}

static void retries_come_when_they_are_due_and_not_with_the_schedule(void **state)
{
    struct rig rig = {.wrap_sink = sink_wrap_new};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    struct sink_wrap wrap;
    (void)state;
    sink_wrap_init(&wrap);
    rig.wrap_ctx = &wrap;
    OPEN(&show, "schedule.work=0 * * * *", "policy.retry.delay=10m");
    fail_at(&wrap, SINK_OP_COMMIT, 1, SINK_BEFORE, ERRN_DB_BUSY);
    wrap.rules[0].onwards = true;
    run_to(&show, 1);
    assert_string_equal(buf_str(&show.hours), "2022-06-05T23 retrying\n");
    sink_wrap_reset(&wrap);
    run_to(&show, 11);
    assert_string_equal(buf_str(&show.hours), "2022-06-05T23 retrying\n2022-06-05T23 loaded\n");
    show_close(&show);
    rig_close(&rig);
    sink_wrap_release(&wrap);
}

static void a_clock_that_is_set_back_stops_nothing(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    (void)state;
    rig.dir = NULL;
    OPEN(&show, "target.lineage=true");
    rig.clock.now_us += 365 * 24 * HOUR_US; /* wrong by a year at the start */
    show.put = hour_of_us(rig.clock.now_us);
    int64_t wait;
    struct err err = ERR_INIT;
    for (int i = 0; i < 3; i++)
        assert_int_equal(service_step(show.service, &wait, &err), ERR_OK);
    rig.clock.now_us = hour_start_us(HOUR_00) + 30 * MINUTES;
    show.put = HOUR_00;
    assert_int_equal(service_step(show.service, &wait, &err), ERR_OK);
    assert_in_range(wait, 0, 5 * MINUTES);
    show_close(&show);
    rig_close(&rig);
}

static void a_schedule_within_the_hour_finds_what_comes_late(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    (void)state;
    OPEN(&show, "schedule.enqueue=*/10 * * * *");
    run_to(&show, 2 * 60 + 15);
    rig_put(&rig, "yyyy=2022/mm=06/dd=06/hh=01/late.csv", GOOD);
    buf_clear(&show.queued);
    run_to(&show, 2 * 60 + 25);
    assert_string_equal(buf_str(&show.queued), "2022-06-06T01\n");
    assert_int_equal(books_sums(&rig).rows, 4);
    show_close(&show);
    rig_close(&rig);
}

static void a_schedule_once_a_day_queues_the_whole_day(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    (void)state;
    OPEN(&show, "schedule.enqueue=10 6 * * *", "schedule.lag=30m");
    run_to(&show, 6 * 60);
    /* The last tick was yesterday at 6:10: it would have queued the hour before 5:40. */
    assert_string_equal(buf_str(&show.queued), "2022-06-05T04\n");
    buf_clear(&show.queued);
    run_to(&show, 30 * 60);
    assert_in_order(&show.queued, HOUR_00 - 19, HOUR_00 + 5, "");
    buf_clear(&show.queued);
    run_to(&show, 31 * 60);
    assert_in_order(&show.queued, HOUR_00 + 5, HOUR_00 + 29, "");
    show_close(&show);
    rig_close(&rig);
}

/* After months only what the source has gets a file, but for the last 31 days. */
static void a_long_rest_makes_no_file_for_each_hour_of_nothing(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    (void)state;
    OPEN(&show, "policy.on_empty=ok");
    rig_put(&rig, "yyyy=2022/mm=01/dd=05/hh=12/a.csv", GOOD);
    assert_int_equal(rig_run(&rig, NULL), 0);                    /* known: January */
    rig_put(&rig, "yyyy=2022/mm=01/dd=05/hh=11/late.csv", GOOD); /* within lookback of what is owed */
    rig_put(&rig, "yyyy=2022/mm=03/dd=05/hh=12/a.csv", GOOD);
    run_to(&show, 30);
    assert_non_null(
        strstr(buf_str(&show.queued), "2022-01-05T11\n2022-03-05T12\n2022-05-06T00\n2022-05-06T01\n"));
    size_t lines = 0;
    for (const char *p = buf_str(&show.queued); *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, CATCH_UP_HOURS + 2);
    assert_int_equal(books_sums(&rig).rows, 4); /* two from the past, one of today */
    show_close(&show);
    rig_close(&rig);
}

static void a_stop_is_the_only_end(void **state)
{
    struct rig rig = {0};
    struct show show = {.rig = &rig, .pipeline = PIPELINES[0]};
    struct err err = ERR_INIT;
    int64_t wait;
    (void)state;
    OPEN(&show, "target.lineage=true");
    atomic_store(&rig.stop, 15);
    assert_int_equal(service_step(show.service, &wait, &err), ERR_CANCELLED);
    show_close(&show);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_days_with_a_target_that_is_away_for_seven_hours),
        cmocka_unit_test(a_day_and_an_hour_take_less_than_two_seconds),
        cmocka_unit_test(hours_missed_while_the_process_was_down_are_queued_once_in_order),
        cmocka_unit_test(late_objects_before_an_outage_are_found),
        cmocka_unit_test(a_source_that_is_away_costs_no_hour),
        cmocka_unit_test(a_step_that_comes_late_finds_a_new_connection),
        cmocka_unit_test(an_hour_without_objects_is_late_once_and_well_again),
        cmocka_unit_test(nobody_hears_of_empty_hours_where_they_are_ok),
        cmocka_unit_test(a_failed_hour_is_told_once_and_again_when_it_fails_again),
        cmocka_unit_test(retries_come_when_they_are_due_and_not_with_the_schedule),
        cmocka_unit_test(a_clock_that_is_set_back_stops_nothing),
        cmocka_unit_test(a_schedule_within_the_hour_finds_what_comes_late),
        cmocka_unit_test(a_schedule_once_a_day_queues_the_whole_day),
        cmocka_unit_test(a_long_rest_makes_no_file_for_each_hour_of_nothing),
        cmocka_unit_test(a_stop_is_the_only_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
