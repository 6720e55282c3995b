/* judge: each check fires and does not fire, warns, refuses or fails its object, and its result is in the
 * books exactly once. */
#include "core/load/replay.h"
#include "core/load/verify.h"
#include "tests/unit/load/load_rig.h"

#define NAME(checks)   "name, type: varchar(20), checks: " checks
#define AMOUNT(checks) "amount, type: double, checks: " checks
#define A              K("12", "a")
#define B              K("12", "b")

/* Opens the rig with checks on name and amount (NULL: none). */
static char *open_with(struct rig *rig, const char *pipeline, const char *name, const char *amount,
                       const char *const *sets, size_t n)
{
    char *half = edited(pipeline, "name, type: varchar(20)", name ? name : "name, type: varchar(20)");
    char *text = edited(half, "amount, type: double", amount ? amount : "amount, type: double");
    free(half);
    if (rig->dir)
        rig_restart(rig, text, sets, n);
    else
        rig_open(rig, text, sets, n);
    return text;
}

static void told(struct rig *rig, int status, const char *log)
{
    assert_int_equal(rig_run(rig, NULL), status);
    assert_string_equal(buf_str(&rig->log), log);
    books_balance(rig);
}

/* Source, ledger and target agree on all of so many objects. */
static void verifies(struct rig *rig, int64_t objects)
{
    struct verify_options all = {.show = 5};
    struct verify_totals totals;
    assert_int_equal(verify_run(&rig->job, &all, &totals, &rig->err), ERR_OK);
    assert_int_equal(totals.equal, objects);
    assert_int_equal(totals.different + totals.not_loaded + totals.unknown_rows, 0);
}

OVER_ALL(warnings_are_counted_once)
{
    (void)wrap;
    free(open_with(rig, pipeline, NAME("{regex: \"^[a-z]+$\", in: [ann, bob, Eve], on: warn}"),
                   AMOUNT("[{min: 0, on: warn}, {max: 9, on: warn}]"), NO_SETS));
    rig_put(rig, A, HEAD "1,ann,-1\n2,bob,9\n3,Eve,10\n4,NA,11\n5,dan,-2\n");
    rig_put(rig, B, HEAD "1,ann,1\n2,bob,2\n");
    told(rig, 0, A " loaded 5 5 0 -\n" B " loaded 2 2 0 -\n");
    static const char found[] = A
        " in name warn 1: 1 record; first: line 6: \"dan\" is not one of the 3 allowed "
        "values\n" A " regex name warn 1: 1 record; first: line 4: \"Eve\" does not "
        "match ^[a-z]+$\n" A " min amount warn 2: 2 records; first: line 2: -1 is "
        "below the minimum 0\n" A " max amount warn 2: 2 records; first: line 4: 10 "
        "is over the maximum 9\n";
    assert_string_equal(books_checks(rig), found);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(books_checks(rig), found);
}

OVER_ALL(refusals_are_rejects)
{
    (void)wrap;
    free(open_with(rig, pipeline, NAME("{regex: \"^[a-z]+$\"}"), AMOUNT("[{max: 9}, {max: 5, on: warn}]"),
                   SETS("policy.max_rejects=2")));
    rig_put(rig, A, HEAD "1,ann,1\n2,Bob,9\n3,cyd,10\n4,dan,6\n");
    told(rig, 0, A " loaded 4 2 2 -\n");
    /* What is refused is not warned of: Bob's 9 is over 5 too. */
    assert_string_equal(books_checks(rig),
                        A " max amount warn 1: 1 record; first: line 5: 6 is over the maximum 5\n");
    assert_string_equal(books_rejects(rig), A ":3 23+8 CHECK_REGEX name load <2,Bob,9\\x0a>\n" A
                                              ":4 31+9 CHECK_MAX amount load <3,cyd,10\\x0a>\n");
}

OVER_ALL(a_failure_leaves_the_object_out)
{
    (void)wrap;
    free(open_with(rig, pipeline, NULL, AMOUNT("[{max: 9, on: fail}, {min: 0, on: warn}]"), NO_SETS));
    rig_put(rig, A, HEAD "1,ann,-1\n");
    rig_put(rig, B, HEAD "2,bob,-1\n3,bob,10\n");
    rig_put(rig, K("12", "c"), HEAD "4,cyd,9\n");
    rig_put(rig, K("13", "d"), HEAD "x,cyd,10\n"); /* refused, so it is not judged */
    told(rig, 3,
         A " loaded 1 1 0 -\n" K("12", "c") " loaded 1 1 0 -\n" B " failed 1 0 0 CHECK_MAX\n" K(
             "13", "d") " failed 1 0 1 REJECT_LIMIT\n");
    assert_string_equal(books_attempts(rig), B " CHECK_MAX 1 0\n" K("13", "d") " REJECT_LIMIT 1 1\n");
    assert_string_equal(books_checks(rig),
                        A " min amount warn 1: 1 record; first: line 2: -1 is below the minimum 0\n");
    assert_string_equal(books_hours(rig),
                        "2022-06-05T12 failed 1 CHECK_MAX\n2022-06-05T13 failed 1 REJECT_LIMIT\n");
}

OVER_ALL(values_are_unique_in_an_object)
{
    (void)wrap;
    /* Line 4 is refused for its id, so its name is free for line 5; NULL is no value. */
    static const char text[] = HEAD "1,ann,1\n2,ann,1\nx,bob,1\n3,bob,1\n4,NA,1\n5,NA,1\n6,bob,NA\n";
    free(open_with(rig, pipeline, NAME("{unique: true}"), NULL, SETS("policy.max_rejects=3")));
    rig_put(rig, A, text);
    rig_put(rig, B, HEAD "1,ann,1\n"); /* another object may have them again */
    told(rig, 0, A " loaded 7 4 3 -\n" B " loaded 1 1 0 -\n");
    assert_string_equal(books_checks(rig), "");
    assert_string_equal(books_rejects(rig), A ":3 23+8 CHECK_UNIQUE name load <2,ann,1\\x0a>\n" A
                                              ":4 31+8 CAST_INT id load <x,bob,1\\x0a>\n" A
                                              ":8 61+9 CHECK_UNIQUE name load <6,bob,NA\\x0a>\n");
    verifies(rig, 2);
}

OVER_ALL(values_that_stand_twice_warn_or_fail)
{
    (void)wrap;
    free(open_with(rig, pipeline, NAME("{unique: true, on: warn}"), NULL, NO_SETS));
    rig_put(rig, A, HEAD "1,ann,1\n2,ann,1\n3,ann,1\n");
    told(rig, 0, A " loaded 3 3 0 -\n");
    static const char found[] = A
        " unique name warn 2: 2 records; first: line 3: \"ann\" was in an earlier record\n";
    assert_string_equal(books_checks(rig), found);
    free(open_with(rig, pipeline, NULL, AMOUNT("{unique: true, on: fail}"), NO_SETS));
    rig_put(rig, B, HEAD "1,ann,1\n2,ann,2\n3,ann,-0.0\n4,ann,0\n");
    rig_put(rig, K("12", "c"), HEAD "1,ann,1\n2,ann,2\n3,ann,NA\n4,ann,NA\n");
    told(rig, 3, K("12", "c") " loaded 4 4 0 -\n" B " failed 3 0 0 CHECK_UNIQUE\n");
    assert_string_equal(books_checks(rig), found);
}

OVER_ALL(an_hour_is_one_for_unique)
{
    (void)wrap;
    free(open_with(rig, pipeline, NAME("{unique: true, on: warn}"), NULL, SETS("target.commit_unit=hour")));
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,1\n");
    rig_put(rig, B, HEAD "3,ann,1\n");
    rig_put(rig, K("13", "c"), HEAD "4,ann,1\n");
    told(rig, 0, A " loaded 2 2 0 -\n" B " loaded 1 1 0 -\n" K("13", "c") " loaded 1 1 0 -\n");
    assert_string_equal(books_checks(rig),
                        B " unique name warn 1: 1 record; first: line 2: \"ann\" was in an earlier record\n");
}

OVER_ALL(too_many_nulls)
{
    (void)wrap;
    free(open_with(rig, pipeline, NAME("{max_nulls: 1}"), AMOUNT("{max_nulls: 50%, on: warn}"),
                   SETS("policy.max_rejects=1")));
    rig_put(rig, A, HEAD "1,NA,1\n2,bob,NA\n");
    rig_put(rig, B, HEAD "1,NA,1\n2,NA,1\n");
    /* A refused record does not count: 2 of 3. */
    rig_put(rig, K("12", "c"), HEAD "1,ann,NA\n2,bob,1\nx,cyd,1\n3,eve,NA\n4,fay,NA\n");
    told(rig, 3, A " loaded 2 2 0 -\n" K("12", "c") " loaded 5 4 1 -\n" B " failed 2 0 0 CHECK_NULLS\n");
    assert_string_equal(books_checks(rig),
                        K("12", "c") " max_nulls amount warn 3: 3 of 4 records have no value; "
                                     "max_nulls allows 50% (2 of 4)\n");
    assert_string_equal(books_attempts(rig), B " CHECK_NULLS 2 0\n");
}

/* What a group leaves out takes along what was to be told of it. */
OVER_ALL(a_failure_at_the_end_tells_nothing)
{
    (void)wrap;
    free(open_with(rig, pipeline, NAME("{max_nulls: 0}"), AMOUNT("{max: 9, on: warn}"), NO_SETS));
    rig_put(rig, A, HEAD "1,ann,11\n");
    rig_put(rig, B, HEAD "1,NA,12\n");
    rig_put(rig, K("12", "c"), HEAD "1,ann,13\n");
    told(rig, 3, A " loaded 1 1 0 -\n" K("12", "c") " loaded 1 1 0 -\n" B " failed 1 0 0 CHECK_NULLS\n");
    assert_string_equal(
        books_checks(rig),
        A " max amount warn 1: 1 record; first: line 2: 11 is over the maximum 9\n" K(
            "12", "c") " max amount warn 1: 1 record; first: line 2: 13 is over the maximum 9\n");
}

OVER_ALL(chunks_warn_each_for_itself_and_nulls_go_on)
{
    const char *const sets[] = {"target.commit_unit=chunk", "target.chunk_rows=2"};
    free(open_with(rig, pipeline, NAME("[{max_nulls: 2}, {max_nulls: 10%, on: warn}]"),
                   AMOUNT("{max: 9, on: warn}"), sets, 2));
    rig_put(rig, A, HEAD "1,NA,10\n2,bob,1\n3,NA,11\n4,dan,12\n5,eve,1\n6,fay,1\n");
    fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_IO);
    assert_int_equal(rig_run(rig, NULL), 1);
    static const char first[] = A " max amount warn 1: 1 record; first: line 2: 10 is over the maximum 9\n";
    assert_string_equal(books_checks(rig), first);
    sink_wrap_reset(wrap);
    told(rig, 0, A " loaded 4 4 0 -\n");
    char all[1024];
    snprintf(all, sizeof all,
             "%s" A " max amount warn 2: 2 records; first: line 4: 11 is over the maximum 9\n" A
             " max_nulls name warn 2: 2 of 6 records have no value; max_nulls allows 10%% (1 of 6)\n",
             first);
    assert_string_equal(books_checks(rig), all);
    /* A third missing value fails the chunk that it is in; the one before is in the table. */
    rig_put(rig, B, HEAD "1,NA,1\n2,NA,1\n3,NA,1\n4,dan,1\n");
    told(rig, 3, B " failed 4 2 0 CHECK_NULLS\n");
    /* And in a run of its own it is no less the third. */
    told(rig, 3, B " failed 2 0 0 CHECK_NULLS\n");
}

/* unique does not go together with chunks, but an object that was begun in them goes on so. */
OVER_ALL(the_rest_of_an_object_knows_the_values_before)
{
    static const char *const chunks[] = {"target.commit_unit=chunk", "target.chunk_rows=2"};
    free(open_with(rig, pipeline, NULL, NULL, chunks, 2));
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,1\n3,ann,1\n4,dan,1\n");
    fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_IO);
    assert_int_equal(rig_run(rig, NULL), 1);
    sink_wrap_reset(wrap);
    free(open_with(rig, pipeline, NAME("{unique: true, on: warn}"), NULL, NO_SETS));
    told(rig, 0, A " loaded 2 2 0 -\n");
    assert_string_equal(books_checks(rig),
                        A " unique name warn 1: 1 record; first: line 4: \"ann\" was in an "
                          "earlier record\n");
}

OVER_ALL(a_header_that_drifts_is_told)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("schema.extra_columns=ignore", "schema.missing_columns=null"));
    rig_put(rig, A, "id,name,amount\n1,ann,1\n");
    rig_put(rig, B, "x y,id,name,z\n,2,bob,\n");
    told(rig, 0, A " loaded 1 1 0 -\n" B " loaded 1 1 0 -\n");
    assert_string_equal(
        books_checks(rig),
        B " extra_columns - warn 2: the header has also \"x y\", \"z\" (schema.extra_columns: ignore)\n" B
          " missing_columns - warn 1: the header lacks \"amount\", so they are NULL "
          "(schema.missing_columns: null)\n");
    rig_restart(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "c"), "id,name,amount,z\n1,ann,1,\n");
    told(rig, 3, K("12", "c") " failed 0 0 0 CSV_HEADER\n");
}

OVER_ALL(a_lost_answer_doubles_nothing)
{
    static const char found[] = A " max amount warn 1: 1 record; first: line 2: 10 is over the maximum 9\n";
    free(open_with(rig, pipeline, NULL, AMOUNT("{max: 9, on: warn}"), NO_SETS));
    rig_put(rig, A, HEAD "1,ann,10\n");
    fail_at(wrap, SINK_OP_COMMIT, 1, SINK_BEFORE, ERRN_DB_IN_DOUBT);
    told(rig, 0, A " loaded 1 1 0 -\n");
    assert_string_equal(books_checks(rig), found);
    sink_wrap_reset(wrap);
    rig_put(rig, B, HEAD "1,ann,10\n");
    fail_at(wrap, SINK_OP_COMMIT, 1, SINK_AFTER, ERRN_DB_IN_DOUBT);
    told(rig, 0, B " loaded 1 1 0 -\n");
    sink_wrap_reset(wrap);
    rig_put(rig, K("12", "c"), HEAD "1,ann,10\n");
    fail_at(wrap, SINK_OP_CHECKS_ADD, 1, SINK_AFTER, ERRN_DB_LOST);
    told(rig, 0, K("12", "c") " loaded 1 1 0 -\n");
    assert_string_equal(
        books_checks(rig),
        A " max amount warn 1: 1 record; first: line 2: 10 is over the maximum 9\n" B
          " max amount warn 1: 1 record; first: line 2: 10 is over the maximum 9\n" K(
              "12", "c") " max amount warn 1: 1 record; first: line 2: 10 is over the maximum 9\n");
}

OVER_ALL(many_objects_of_a_group)
{
    (void)wrap;
    char key[128];
    free(open_with(rig, pipeline, NULL, AMOUNT("{max: 9, on: warn}"), NO_SETS));
    for (int i = 0; i < 40; i++) { /* more than a page of results */
        snprintf(key, sizeof key, K("12", "%02d"), i);
        rig_put(rig, key, HEAD "1,ann,10\n2,bob,1\n");
    }
    assert_int_equal(rig_run(rig, NULL), 0);
    const char *all = books_checks(rig);
    size_t lines = 0;
    for (const char *p = all; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 40);
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, K("12", "%02d") " max amount warn 1: 1 record; first: line 2", i);
        assert_non_null(strstr(all, key));
    }
}

OVER_ALL(a_reload_takes_old_results_away)
{
    (void)wrap;
    struct run_options reload = {.reload = true};
    free(open_with(rig, pipeline, NULL, AMOUNT("{max: 9, on: warn}"), NO_SETS));
    rig_put(rig, A, HEAD "1,ann,10\n");
    told(rig, 0, A " loaded 1 1 0 -\n");
    rig_put(rig, A, HEAD "1,ann,11\n2,ann,12\n");
    assert_int_equal(rig_run(rig, &reload), 0);
    assert_string_equal(books_checks(rig),
                        A " max amount warn 2: 2 records; first: line 2: 11 is over the maximum 9\n");
}

/* Today's checks judge what is replayed: one that warns does, one that refuses or fails leaves it a reject.
 */
OVER_ALL(replays_are_judged)
{
    (void)wrap;
    struct record_query every = {.object = NULL};
    struct replay_totals totals;
    free(open_with(rig, pipeline, NULL, AMOUNT("{max: 9}"), SETS("policy.max_rejects=9")));
    rig_put(rig, A, HEAD "1,ann,10\n2,bob,20\n3,cyd,30\n4,NA,10\n5,NA,1\n6,ann,11\n");
    told(rig, 0, A " loaded 6 1 5 -\n");
    free(open_with(rig, pipeline, NAME("[{unique: true}, {max_nulls: 0}]"),
                   AMOUNT("[{max: 9, on: warn}, {max: 29, on: fail}]"), SETS("policy.max_rejects=9")));
    job_identify(&rig->job);
    assert_int_equal(replay_rejects(&rig->job, &every, &totals, &rig->err), ERR_OK);
    assert_int_equal(totals.loaded, 3);
    assert_int_equal(totals.still_rejected, 2);
    books_balance(rig);
    assert_string_equal(books_checks(rig),
                        A " max amount warn 3: 3 records; first: line 1: 10 is over the maximum 9\n");
}

/* A value that is in the table already does not come in by a replay, unless its column need not be unique any
 * more. */
OVER_ALL(replays_bring_no_value_twice)
{
    (void)wrap;
    struct record_query every = {.object = NULL};
    struct replay_totals totals;
    free(open_with(rig, pipeline, NAME("{unique: true}"), NULL, SETS("policy.max_rejects=9")));
    rig_put(rig, A, HEAD "1,ann,1\n2,ann,2\n3,bob,3\n");
    told(rig, 0, A " loaded 3 2 1 -\n");
    job_identify(&rig->job);
    assert_int_equal(replay_rejects(&rig->job, &every, &totals, &rig->err), ERR_OK);
    assert_int_equal(totals.loaded, 0);
    assert_int_equal(totals.still_rejected, 1);
    verifies(rig, 1);
    free(open_with(rig, pipeline, NAME("{unique: true, on: warn}"), NULL, SETS("policy.max_rejects=9")));
    job_identify(&rig->job);
    assert_int_equal(replay_rejects(&rig->job, &every, &totals, &rig->err), ERR_OK);
    assert_int_equal(totals.loaded, 1);
    verifies(rig, 1);
}

/* What was loaded before a check was written is what it was. */
OVER_ALL(verify_is_not_judged_by_what_fails)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, HEAD "1,ann,10\n2,ann,NA\n");
    told(rig, 0, A " loaded 2 2 0 -\n");
    free(open_with(rig, pipeline, NAME("{unique: true, on: fail}"),
                   AMOUNT("{max: 9, max_nulls: 0, on: fail}"), NO_SETS));
    verifies(rig, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(warnings_are_counted_once),
        cmocka_unit_test(refusals_are_rejects),
        cmocka_unit_test(a_failure_leaves_the_object_out),
        cmocka_unit_test(values_are_unique_in_an_object),
        cmocka_unit_test(values_that_stand_twice_warn_or_fail),
        cmocka_unit_test(an_hour_is_one_for_unique),
        cmocka_unit_test(too_many_nulls),
        cmocka_unit_test(a_failure_at_the_end_tells_nothing),
        cmocka_unit_test(chunks_warn_each_for_itself_and_nulls_go_on),
        cmocka_unit_test(the_rest_of_an_object_knows_the_values_before),
        cmocka_unit_test(a_header_that_drifts_is_told),
        cmocka_unit_test(a_lost_answer_doubles_nothing),
        cmocka_unit_test(many_objects_of_a_group),
        cmocka_unit_test(a_reload_takes_old_results_away),
        cmocka_unit_test(replays_are_judged),
        cmocka_unit_test(replays_bring_no_value_twice),
        cmocka_unit_test(verify_is_not_judged_by_what_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
