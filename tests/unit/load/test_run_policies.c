/* run: what the policies say: limits on rejects, changed and empty objects, tables with rows of others. */
#include "tests/unit/load/load_rig.h"

#define GOOD  HEAD "1,ann,1\n2,bob,2\n"
#define OTHER HEAD "1,ann,1\n7,gil,7\n8,hal,8\n"

static hour_t hour_of(const char *text)
{
    struct err err = ERR_INIT;
    hour_t hour = 0;
    if (hour_parse(text, &hour, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return hour;
}

/* An object with `good` good records followed by `bad` bad ones. */
static void put_mixed(struct rig *rig, const char *key, int good, int bad)
{
    char text[4096] = HEAD;
    for (int i = 0; i < good + bad; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), i < good ? "%d,n,1\n" : "x%d,n,1\n", i);
    rig_put(rig, key, text);
}

OVER_ALL(a_number_of_rejects_is_allowed)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=2"));
    put_mixed(rig, K("12", "a"), 1, 2);
    put_mixed(rig, K("13", "a"), 1, 3);
    put_mixed(rig, K("14", "a"), 0, 2);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(buf_str(&rig->log),
                        K("12", "a") " loaded 3 1 2 -\n" K("13", "a") " failed 4 0 3 REJECT_LIMIT\n" K(
                            "14", "a") " loaded 2 0 2 -\n");
    assert_string_equal(buf_str(&rig->hours),
                        "2022-06-05T12 loaded\n2022-06-05T13 failed\n2022-06-05T14 loaded\n");
    assert_string_equal(books_attempts(rig), K("13", "a") " REJECT_LIMIT 4 3\n");
    assert_string_equal(
        books_rejects(rig),
        K("12", "a") ":3 21+7 CAST_INT id load <x1,n,1\\x0a>\n" K(
            "12",
            "a") ":4 28+7 CAST_INT id load <x2,n,1\\x0a>\n" K("13",
                                                              "a") ":3 21+7 CAST_INT id sample "
                                                                   "<x1,n,1\\x0a>\n" K(
                                                                       "13",
                                                                       "a") ":4 28+7 "
                                                                            "CAST_INT id "
                                                                            "sample "
                                                                            "<x2,n,1\\x0a>"
                                                                            "\n" K(
                                                                                "13",
                                                                                "a") ":5 "
                                                                                     "35+"
                                                                                     "7 "
                                                                                     "CAST"
                                                                                     "_INT"
                                                                                     " id "
                                                                                     "samp"
                                                                                     "le "
                                                                                     "<x3,"
                                                                                     "n,"
                                                                                     "1\\x"
                                                                                     "0a>"
                                                                                     "\n" K(
                                                                                         "14",
                                                                                         "a") ":2 15+7 "
                                                                                              "CAST_INT id "
                                                                                              "load "
                                                                                              "<x0,n,1\\x0a>"
                                                                                              "\n" K(
                                                                                                  "14",
                                                                                                  "a") ":3"
                                                                                                       " 2"
                                                                                                       "2+"
                                                                                                       "7 "
                                                                                                       "CA"
                                                                                                       "ST"
                                                                                                       "_I"
                                                                                                       "NT"
                                                                                                       " i"
                                                                                                       "d "
                                                                                                       "lo"
                                                                                                       "ad"
                                                                                                       " <"
                                                                                                       "x1"
                                                                                                       ",n"
                                                                                                       ",1"
                                                                                                       "\\"
                                                                                                       "x0"
                                                                                                       "a>"
                                                                                                       "\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n2022-06-05T13 failed 1 REJECT_LIMIT\n"
                                          "2022-06-05T14 loaded 0\n");
    books_balance(rig);
}

OVER_ALL(a_share_of_rejects_is_rounded_up)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=10%"));
    put_mixed(rig, K("12", "a"), 9, 1);  /* 10% of 10 is 1 */
    put_mixed(rig, K("13", "a"), 9, 2);  /* 10% of 11 is 1.1, so 2 */
    put_mixed(rig, K("14", "a"), 8, 2);  /* 10% of 10 is 1 */
    put_mixed(rig, K("15", "a"), 18, 3); /* 10% of 21 is 2.1, so 3 */
    put_mixed(rig, K("16", "a"), 0, 1);  /* 10% of 1 is 0.1, so 1 */
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "a") " loaded 10 9 1 -\n" K("13", "a") " loaded 11 9 2 -\n" K(
            "14", "a") " failed 10 0 2 REJECT_LIMIT\n" K("15", "a") " loaded 21 18 3 -\n" K("16",
                                                                                            "a") " loaded "
                                                                                                 "1 0 1 "
                                                                                                 "-\n");
    books_balance(rig);
}

OVER_ALL(an_hour_as_a_unit_is_judged_as_a_whole)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=50%", "target.commit_unit=hour"));
    put_mixed(rig, K("12", "a"), 0, 2);
    put_mixed(rig, K("12", "b"), 3, 0);
    put_mixed(rig, K("13", "a"), 0, 3);
    put_mixed(rig, K("13", "b"), 1, 0);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(buf_str(&rig->log),
                        K("12", "a") " loaded 2 0 2 -\n" K("12", "b") " loaded 3 3 0 -\n"
                                                                      "(hour) failed 0 0 0 "
                                                                      "REJECT_LIMIT\n");
    assert_string_equal(books_attempts(rig), "(hour) REJECT_LIMIT 0 0\n");
    assert_int_equal(rig_rows(rig, NULL), 3);
}

OVER_ALL(a_changed_object_fails_alone)
{
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "a"), OTHER);
    rig_put(rig, K("12", "b"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(buf_str(&rig->log),
                        K("12", "a") " failed 0 0 0 SOURCE_CHANGED\n" K("12", "b") " loaded 2 2 0 -\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 SOURCE_CHANGED\n");
    assert_int_equal(rig_rows(rig, NULL), 4);
    books_balance(rig);
}

OVER_ALL(a_changed_object_can_be_ignored)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.on_changed=ignore"));
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "a"), OTHER);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), K("12", "a") " ignored 0 0 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 2);
}

OVER_ALL(a_changed_object_can_be_replaced)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.on_changed=replace", "policy.max_rejects=1"));
    rig_put(rig, K("12", "a"), HEAD "1,ann,1\nx,old,2\n");
    rig_put(rig, K("12", "b"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    struct ledger_row old = books_row(rig, K("12", "a"), 0);
    rig_put(rig, K("12", "a"), OTHER);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), K("12", "a") " replaced 3 3 0 -\n");
    struct ledger_row row = books_row(rig, K("12", "a"), 0);
    assert_int_equal(row.id, old.id);
    assert_string_not_equal(row.run_id, old.run_id);
    assert_string_equal(books_rejects(rig), "");
    assert_int_equal(rig_rows(rig, NULL), 5);
    books_balance(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
    /* a new version that is bad leaves the old one where it is */
    rig_put(rig, K("12", "a"), HEAD "x,1,1\ny,2,2\n");
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_int_equal(rig_rows(rig, NULL), 5);
    books_balance(rig);
}

OVER_ALL(another_etag_with_the_same_content_is_no_change)
{
    (void)wrap;
    struct run_options all = {.range = {.bounded = false}};
    struct run_plan plan;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    struct ledger_row before = books_row(rig, K("12", "a"), 0);
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(run_plan_make(&rig->job, &all, NULL, NULL, &plan, &err), ERR_OK);
    assert_int_equal(plan.check, 1);
    run_plan_release(&plan);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), K("12", "a") " unchanged 0 0 0 -\n");
    struct ledger_row after = books_row(rig, K("12", "a"), 0);
    assert_string_not_equal(before.etag, after.etag);
    assert_string_equal(before.run_id, after.run_id);
    /* and it is not read a third time */
    assert_int_equal(run_plan_make(&rig->job, &all, NULL, NULL, &plan, &err), ERR_OK);
    assert_int_equal(plan.check, 0);
    assert_int_equal(plan.unchanged, 1);
    run_plan_release(&plan);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
    assert_int_equal(rig_rows(rig, NULL), 2);
}

static void an_untrusted_etag_is_not_kept(void **state)
{
    (void)state;
    struct rig rig = {0};
    rig_open(&rig, PIPELINES[1], NO_SETS);
    rig_put(&rig, K("12", "a"), GOOD);
    rig.clock.now_us -= 3000000; /* written this moment */
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_string_equal(books_row(&rig, K("12", "a"), 0).etag, "");
    assert_int_equal(rig_run(&rig, NULL), 0); /* looked at, and still not to be trusted */
    assert_string_equal(buf_str(&rig.log), K("12", "a") " unchanged 0 0 0 -\n");
    assert_string_equal(books_row(&rig, K("12", "a"), 0).etag, "");
    rig.clock.now_us += 3000000;
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_string_equal(buf_str(&rig.log), K("12", "a") " unchanged 0 0 0 -\n");
    assert_string_not_equal(books_row(&rig, K("12", "a"), 0).etag, "");
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_string_equal(buf_str(&rig.log), "");
    rig_close(&rig);
}

OVER_ALL(an_empty_hour_counts_in_a_range_only)
{
    (void)wrap;
    static const struct {
        const char *set;
        int status;
        const char *hours;
    } CASES[] = {
        {"policy.on_empty=ok", 0, "2022-06-05T11 empty\n2022-06-05T12 loaded\n2022-06-05T13 empty\n"},
        {"policy.on_empty=warn", 0, "2022-06-05T11 empty\n2022-06-05T13 empty\n"},
        {"policy.on_empty=fail", 3, "2022-06-05T11 failed\n2022-06-05T13 failed\n"},
    };
    struct run_options range = {.range = {true, hour_of("2022-06-05T11"), hour_of("2022-06-05T14")}};
    rig_open(rig, pipeline, SETS("policy.on_empty=ok"));
    rig_put(rig, K("12", "a"), HEAD); /* a header and no record is fine */
    for (size_t i = 0; i < 3; i++) {
        rig_restart(rig, pipeline, &CASES[i].set, 1);
        assert_int_equal(rig_run(rig, &range), CASES[i].status);
        assert_string_equal(buf_str(&rig->hours), CASES[i].hours);
    }
    assert_int_equal(rig_run(rig, NULL), 0); /* everything there is: no hour is missing from that */
    assert_string_equal(buf_str(&rig->hours), "");
}

OVER_ALL(a_lake_without_any_object_is_empty_too)
{
    static const struct {
        const char *set;
        int status;
        enum err_name name;
    } CASES[] = {{"policy.on_empty=ok", 0, ERRN_NONE},
                 {"policy.on_empty=warn", 0, ERRN_NONE},
                 {"policy.on_empty=fail", 3, ERRN_HOUR_EMPTY}};
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, "readme.txt", "nothing of ours");
    for (size_t i = 0; i < 3; i++) {
        rig_restart(rig, pipeline, &CASES[i].set, 1);
        assert_int_equal(rig_run(rig, NULL), CASES[i].status);
        assert_int_equal(rig->err.name, CASES[i].name);
    }
}

OVER_ALL(an_hour_whose_objects_were_cleaned_up_is_not_empty)
{
    struct err err = ERR_INIT;
    struct run_options range = {.range = {true, hour_of("2022-06-05T12"), hour_of("2022-06-05T13")}};
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.on_empty=fail"));
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(store_remove(rig->store, K("12", "a"), &err), ERR_OK);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->hours), "");
    assert_int_equal(rig_run(rig, &range), 0);
    assert_string_equal(buf_str(&rig->hours), "");
    assert_int_equal(rig_rows(rig, NULL), 4);
}

OVER_ALL(a_table_with_rows_of_others_is_refused)
{
    struct run_options anyway = {.allow_nonempty = true};
    (void)wrap;
    rig_open(rig, pipeline, SETS("name=other", "target.lineage=false"));
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, pipeline, SETS("target.lineage=false"));
    assert_int_equal(rig_run(rig, NULL), 2);
    assert_int_equal(rig->err.name, ERRN_TABLE_NOT_EMPTY);
    assert_int_equal(rig_rows(rig, NULL), 2);
    assert_int_equal(rig_run(rig, &anyway), 0);
    assert_int_equal(rig_rows(rig, NULL), 4);
    rig_put(rig, K("13", "a"), GOOD); /* from now on the table is ours too */
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 6);
}

OVER_ALL(pipelines_with_lineage_share_a_table)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("name=other"));
    rig_put(rig, K("12", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_of_rejects_is_allowed),
        cmocka_unit_test(a_share_of_rejects_is_rounded_up),
        cmocka_unit_test(an_hour_as_a_unit_is_judged_as_a_whole),
        cmocka_unit_test(a_changed_object_fails_alone),
        cmocka_unit_test(a_changed_object_can_be_ignored),
        cmocka_unit_test(a_changed_object_can_be_replaced),
        cmocka_unit_test(another_etag_with_the_same_content_is_no_change),
        cmocka_unit_test(an_untrusted_etag_is_not_kept),
        cmocka_unit_test(an_empty_hour_counts_in_a_range_only),
        cmocka_unit_test(a_lake_without_any_object_is_empty_too),
        cmocka_unit_test(an_hour_whose_objects_were_cleaned_up_is_not_empty),
        cmocka_unit_test(a_table_with_rows_of_others_is_refused),
        cmocka_unit_test(pipelines_with_lineage_share_a_table),
    };
    return cmocka_run_group_tests_name("run_policies", tests, NULL, NULL);
}
