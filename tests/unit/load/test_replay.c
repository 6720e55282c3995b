/* replay: rejects loaded again after a fix: once, under the hour's claim, and nothing else touched. */
#include "core/load/claim.h"
#include "core/load/replay.h"
#include "core/load/verify.h"
#include "tests/unit/load/load_rig.h"

#define A K("12", "a")
#define B K("12", "b")

static const struct record_query ALL;

/* A pipeline that takes amounts up to `max`. */
static char *up_to(const char *pipeline, const char *max)
{
    char to[128];
    snprintf(to, sizeof to, "amount, type: double, checks: {max: %s}", max);
    return edited(pipeline, "amount, type: double", to);
}

/* Two objects with records that only a wider pipeline takes, then that pipeline. */
static void loaded_then_wider(struct rig *rig, const char *pipeline, struct sink_wrap *wrap)
{
    char *strict = up_to(pipeline, "9"), *wide = up_to(pipeline, "99");
    rig_open(rig, strict, SETS("policy.max_rejects=5"));
    rig_put(rig, A, HEAD "1,a,1\n2,b,22\n3,c,333\n4,d,44\n");
    rig_put(rig, B, "amount,name,id\n5,e,5\n66,\"f\n,\",6\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, wide, SETS("policy.max_rejects=5"));
    sink_wrap_reset(wrap);
    free(strict);
    free(wide);
}

static enum err_code replay(struct rig *rig, const struct record_query *query, struct replay_totals *totals)
{
    struct err err = ERR_INIT;
    job_identify(&rig->job);
    return replay_rejects(&rig->job, query, totals, &err);
}

#define REJECTS(two, four, six)                                                                              \
    A ":3 21+7 CHECK_MAX amount " two " <2,b,22\\x0a>\n" A                                                   \
      ":4 28+8 CHECK_MAX amount load <3,c,333\\x0a>\n" A ":5 36+7 CHECK_MAX amount " four                    \
      " <4,d,44\\x0a>\n" B ":3 21+11 CHECK_MAX amount " six " <66,\"f\\x0a,\",6\\x0a>\n"

OVER_ALL(rejects_that_pass_today_are_loaded_once)
{
    struct replay_totals t;
    loaded_then_wider(rig, pipeline, wrap);
    assert_string_equal(books_rejects(rig), REJECTS("load", "load", "load"));
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.objects, 2);
    assert_int_equal(t.tried, 4);
    assert_int_equal(t.loaded, 3);
    assert_int_equal(t.still_rejected, 1);
    assert_int_equal(t.refused, 0);
    assert_string_equal(books_rejects(rig), REJECTS("replayed", "replayed", "replayed"));
    assert_string_equal(books_ledger(rig), A " -1 replay 2 2 0 bytes=0 0..0 lines=0..0\n" A
                                             " 0 load 4 1 3 bytes=43 0..43 lines=2..6\n" B
                                             " -1 replay 1 1 0 bytes=0 0..0 lines=0..0\n" B
                                             " 0 load 2 1 1 bytes=32 0..32 lines=2..5\n");
    assert_int_equal(rig_rows(rig, NULL), 5);
    books_balance(rig);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.tried, 1);
    assert_int_equal(t.loaded, 0);
    assert_int_equal(rig_rows(rig, NULL), 5);
    /* the run sees no work in it, and verify finds all in order */
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
    struct verify_options options = {.show = 0};
    struct verify_totals totals;
    struct err err = ERR_INIT;
    assert_int_equal(verify_run(&rig->job, &options, &totals, &err), ERR_OK);
    assert_int_equal(totals.equal, 2);
    assert_int_equal(totals.different, 0);
}

OVER_ALL(a_second_fix_makes_a_second_replay)
{
    struct replay_totals t;
    loaded_then_wider(rig, pipeline, wrap);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.loaded, 1);
    assert_int_equal(books_row(rig, A, -2).rows_loaded, 1);
    assert_int_equal(rig_rows(rig, NULL), 6);
    books_balance(rig);
}

OVER_ALL(a_query_narrows_what_is_replayed)
{
    struct replay_totals t;
    struct record_query query = {.object = B};
    loaded_then_wider(rig, pipeline, wrap);
    assert_int_equal(replay(rig, &query, &t), ERR_OK);
    assert_int_equal(t.loaded, 1);
    assert_string_equal(books_rejects(rig), REJECTS("load", "load", "replayed"));
    query = (struct record_query){.error_name = "CAST_INT"};
    assert_int_equal(replay(rig, &query, &t), ERR_OK);
    assert_int_equal(t.tried, 0);
    query = (struct record_query){.has_hour = true, .hour = books_row(rig, A, 0).hour + 1};
    assert_int_equal(replay(rig, &query, &t), ERR_OK);
    assert_int_equal(t.tried, 0);
    books_balance(rig);
}

OVER_ALL(more_rejects_than_a_page)
{
    enum { BAD = 300 };
    struct replay_totals t;
    char *strict = up_to(pipeline, "9"), text[BAD * 16] = HEAD;
    size_t len = strlen(text);
    (void)wrap;
    for (int i = 0; i < BAD; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%d,n,10\n", i);
    rig_open(rig, strict, SETS("policy.max_rejects=1000"));
    rig_put(rig, A, text);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.objects, 1);
    assert_int_equal(t.loaded, BAD);
    assert_int_equal(rig_rows(rig, NULL), BAD);
    assert_int_equal(books_sums(rig).rows, 4); /* the load, and a row for each of three pages */
    books_balance(rig);
    free(strict);
}

OVER_ALL(without_a_header_columns_go_by_position)
{
    struct replay_totals t;
    char *strict = up_to(pipeline, "9");
    (void)wrap;
    rig_open(rig, strict, SETS("policy.max_rejects=1", "source.csv.header=none"));
    rig_put(rig, A, "1,a,1\n2,b,22\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, pipeline, SETS("source.csv.header=none"));
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.loaded, 1);
    assert_int_equal(rig_rows(rig, NULL), 2);
    books_balance(rig);
    free(strict);
}

/* Under another dialect the kept bytes are two records: loading one of them would lose the other. */
OVER_ALL(bytes_that_are_no_single_record_stay_rejected)
{
    struct replay_totals t;
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=1"));
    rig_put(rig, A, "id,amount,name\n1,1,\"aaaaaaaaaaaaaaaaaaa\n2,2,b\"\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 0);
    rig_restart(rig, pipeline, SETS("source.csv.quote='"));
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.tried, 1);
    assert_int_equal(t.loaded, 0);
    assert_int_equal(t.still_rejected, 1);
    assert_int_equal(rig_rows(rig, NULL), 0);
    books_balance(rig);
}

static void a_record_that_was_cut_is_refused(void **state)
{
    enum { LONG = 17 * 1024 * 1024 };
    struct rig rig = {0};
    struct replay_totals t;
    (void)state;
    char *text = malloc(LONG + 64);
    size_t len = (size_t)snprintf(text, 64, HEAD "1,\"");
    memset(text + len, 'x', LONG);
    memcpy(text + len + LONG, "\",1\n", 5);
    rig_open(&rig, PIPELINES[0], SETS("policy.max_rejects=1"));
    rig_put(&rig, A, text);
    free(text);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_int_equal(replay(&rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.refused, 1);
    assert_int_equal(t.tried, 0);
    assert_int_equal(rig_rows(&rig, NULL), 0);
    rig_close(&rig);
}

OVER_ALL(a_replay_takes_the_claim_and_gives_it_back)
{
    struct replay_totals t;
    char owner[REC_OWNER_MAX + 1];
    struct claim_row row;
    struct err err = ERR_INIT;
    bool taken = false;
    loaded_then_wider(rig, pipeline, wrap);
    rig_put(rig, K("12", "c"), "no header of ours\n");
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 CSV_HEADER\n");
    claim_owner(99, owner);
    assert_int_equal(
        sink_claim_take(rig->job.sink, books_row(rig, A, 0).hour, owner, NULL, &row, &taken, &err), ERR_OK);
    assert_int_equal(replay(rig, &ALL, &t), ERR_HELD);
    assert_int_equal(rig_rows(rig, NULL), 2);
    row.state = HOUR_FAILED;
    assert_int_equal(sink_claim_release(rig->job.sink, &row, &err), ERR_OK);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.loaded, 3);
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 CSV_HEADER\n");
}

OVER_ALL(a_replay_that_fails_adds_nothing)
{
    static const enum sink_op OPS[] = {SINK_OP_BEGIN,         SINK_OP_LEDGER_INSERT, SINK_OP_APPEND,
                                       SINK_OP_MARK_REPLAYED, SINK_OP_TOTALS,        SINK_OP_COMMIT};
    struct replay_totals t;
    loaded_then_wider(rig, pipeline, wrap);
    for (size_t i = 0; i < sizeof OPS / sizeof *OPS; i++) {
        sink_wrap_reset(wrap);
        fail_at(wrap, OPS[i], 1, SINK_BEFORE, ERRN_DISK_FULL);
        assert_int_equal(replay(rig, &ALL, &t), ERR_IO);
        assert_int_equal(t.loaded, 0);
        assert_int_equal(rig_rows(rig, NULL), 2);
        assert_string_equal(books_rejects(rig), REJECTS("load", "load", "load"));
        assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
        books_balance(rig);
    }
    sink_wrap_reset(wrap);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(rig_rows(rig, NULL), 5);
}

OVER_ALL(a_replay_whose_answer_was_lost_is_resolved_by_the_ledger)
{
    for (int when = SINK_BEFORE; when <= SINK_AFTER; when++)
        for (int nth = 1; nth <= 2; nth++) {
            struct replay_totals t;
            loaded_then_wider(rig, pipeline, wrap);
            fail_at(wrap, SINK_OP_COMMIT, nth, (enum sink_when)when, ERRN_DB_IN_DOUBT);
            assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
            assert_int_equal(wrap->fired, 1);
            assert_int_equal(t.loaded, 3);
            assert_int_equal(rig_rows(rig, NULL), 5);
            assert_string_equal(books_rejects(rig), REJECTS("replayed", "replayed", "replayed"));
            assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
            books_balance(rig);
            rig_close(rig);
            *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
        }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_replay_that_stays_in_doubt_can_be_said_again)
{
    struct replay_totals t;
    loaded_then_wider(rig, pipeline, wrap);
    sink_wrap_rule(wrap, &(struct sink_rule){.op = SINK_OP_COMMIT,
                                             .nth = 1,
                                             .onwards = true,
                                             .when = SINK_BEFORE,
                                             .error = ERRN_DB_IN_DOUBT,
                                             .lose = true});
    assert_int_equal(replay(rig, &ALL, &t), ERR_IN_DOUBT);
    sink_wrap_reset(wrap);
    rig_restart(rig, pipeline, NO_SETS);
    rig->clock.now_us += 61000000; /* the lease of the lost connection */
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(rig_rows(rig, NULL), 6);
    books_balance(rig);
}

/* The key 1 is there already: what else A could have loaded stays with it, and B goes on. */
OVER_ALL(what_the_database_refuses_is_left_out)
{
    struct replay_totals t;
    struct err err = ERR_INIT;
    char *strict = up_to(pipeline, "9"), *wide = up_to(pipeline, "99");
    (void)wrap;
    rig_open(rig, strict, SETS("policy.max_rejects=5", "target.key=[id]"));
    rig_put(rig, A, HEAD "1,a,1\n2,b,22\n1,c,33\n");
    rig_put(rig, B, HEAD "5,e,5\n6,f,66\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, wide, SETS("target.key=[id]"));
    assert_int_equal(replay_rejects(&rig->job, &ALL, &t, &err), ERR_DATA);
    assert_int_equal(err.name, ERRN_DB_CONSTRAINT);
    assert_non_null(strstr(err.msg, A " line 4"));
    assert_int_equal(t.tried, 3);
    assert_int_equal(t.loaded, 1);
    assert_int_equal(t.still_rejected, 2);
    assert_int_equal(rig_rows(rig, NULL), 3);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
    books_balance(rig);
    free(strict);
    free(wide);
}

OVER_ALL(samples_of_failed_attempts_are_not_replayed)
{
    struct replay_totals t;
    char *strict = up_to(pipeline, "9");
    (void)wrap;
    rig_open(rig, strict, NO_SETS);
    rig_put(rig, A, HEAD "1,a,10\n");
    assert_int_equal(rig_run(rig, NULL), 3);
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(replay(rig, &ALL, &t), ERR_OK);
    assert_int_equal(t.tried + t.refused, 0);
    assert_int_equal(rig_rows(rig, NULL), 0);
    free(strict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rejects_that_pass_today_are_loaded_once),
        cmocka_unit_test(a_second_fix_makes_a_second_replay),
        cmocka_unit_test(a_query_narrows_what_is_replayed),
        cmocka_unit_test(more_rejects_than_a_page),
        cmocka_unit_test(without_a_header_columns_go_by_position),
        cmocka_unit_test(bytes_that_are_no_single_record_stay_rejected),
        cmocka_unit_test(a_record_that_was_cut_is_refused),
        cmocka_unit_test(a_replay_takes_the_claim_and_gives_it_back),
        cmocka_unit_test(a_replay_that_fails_adds_nothing),
        cmocka_unit_test(a_replay_whose_answer_was_lost_is_resolved_by_the_ledger),
        cmocka_unit_test(a_replay_that_stays_in_doubt_can_be_said_again),
        cmocka_unit_test(what_the_database_refuses_is_left_out),
        cmocka_unit_test(samples_of_failed_attempts_are_not_replayed),
    };
    return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
