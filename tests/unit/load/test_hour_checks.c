/* hour_checks: rows, mean and queries over an hour: of this load, with what was there before; what fires and
 * does not, warns or rolls all of it back. */
#include "tests/unit/load/load_rig.h"

#define A K("12", "a")
#define B K("12", "b")

/* The pipeline with hours as units and these checks. */
static void open_with(struct rig *rig, const char *pipeline, const char *checks, const char *const *sets,
                      size_t n)
{
    char *text = edited(pipeline, "table: t}", "table: t, commit_unit: hour}");
    size_t len = strlen(text) + strlen(checks) + 16;
    char *whole = malloc(len);
    assert_non_null(whole);
    snprintf(whole, len, "%schecks:\n%s", text, checks);
    if (rig->dir)
        rig_restart(rig, whole, sets, n);
    else
        rig_open(rig, whole, sets, n);
    free(whole);
    free(text);
}

static void told(struct rig *rig, const struct run_options *options, int status, const char *log)
{
    assert_int_equal(rig_run(rig, options), status);
    assert_string_equal(buf_str(&rig->log), log);
    books_balance(rig);
}

/* What is left of an object that was begun in chunks is loaded in chunks, and its hour judged with the last.
 */
OVER_ALL(the_rest_of_an_object_is_judged_with_its_hour)
{
    static const char *const sets[] = {"target.commit_unit=chunk", "target.chunk_rows=2",
                                       "target.lineage=true"};
    static const char *const hours[] = {"target.commit_unit=hour", "target.lineage=true"};
    rig_open(rig, pipeline, sets, 3);
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,2\n3,cyd,6\n");
    fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_IO);
    assert_int_equal(rig_run(rig, NULL), 1);
    sink_wrap_reset(wrap);
    open_with(rig, pipeline, "  - {name: few, rows: {max: 2}}\n", hours, 2);
    told(rig, NULL, 3, A " failed 1 0 0 CHECK_ROWS\n");
    assert_int_equal(books_sums(rig).loaded, 2);
    open_with(rig, pipeline, "  - {name: m, mean: {column: amount, max: 2}, on: warn}\n", hours, 2);
    told(rig, NULL, 0, A " loaded 1 1 0 -\n");
    assert_string_equal(books_checks(rig),
                        "(hour) m amount warn 3: the mean of 3 values is 3; allowed are 2 or "
                        "less\n");
}

OVER_ALL(rows_of_the_hour_with_those_before)
{
    (void)wrap;
    open_with(rig, pipeline,
              "  - {name: enough, rows: {min: 3}, on: warn}\n  - {name: most, rows: {max: 4}}\n"
              "  - {name: some, rows: {min: 1, max: 9}, on: warn}\n",
              NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,1\n");
    told(rig, NULL, 0, A " loaded 2 2 0 -\n");
    assert_string_equal(books_checks(rig), "(hour) enough - warn 2: 2 rows; allowed are 3 or more\n"
                                           "(hour) most - fail well: 2 rows; allowed are 0 to 4\n"
                                           "(hour) some - warn well: 2 rows; allowed are 1 to 9\n");
    /* Nothing new: not judged again. */
    told(rig, NULL, 0, "");
    /* One more and it is enough. */
    rig_put(rig, B, HEAD "3,cyd,1\n");
    told(rig, NULL, 0, B " loaded 1 1 0 -\n");
    assert_non_null(strstr(books_checks(rig), "(hour) enough - warn well: 3 rows; allowed are 3 or more\n"));
    /* Two more and it is too much: nothing of them stays. */
    char *before = strdup(books_checks(rig));
    rig_put(rig, K("12", "c"), HEAD "4,dan,1\n");
    rig_put(rig, K("12", "d"), HEAD "5,eve,1\n");
    told(rig, NULL, 3, "(hour) failed 0 0 0 CHECK_ROWS\n");
    assert_string_equal(books_checks(rig), before);
    assert_string_equal(books_attempts(rig), "(hour) CHECK_ROWS 0 0\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 CHECK_ROWS\n");
    assert_int_equal(books_sums(rig).loaded, 3);
    free(before);
}

OVER_ALL(what_is_replaced_does_not_count)
{
    (void)wrap;
    struct run_options reload = {.reload = true};
    open_with(rig, pipeline,
              "  - {name: most, rows: {max: 3}}\n  - {name: mean, mean: {column: amount, max: 20}}\n",
              NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,1\n");
    rig_put(rig, B, HEAD "3,cyd,1\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, A, HEAD "1,ann,30\n2,bob,1\n");
    told(rig, &reload, 0, A " replaced 2 2 0 -\n" B " replaced 1 1 0 -\n");
    assert_string_equal(
        books_checks(rig),
        "(hour) most - fail well: 3 rows; allowed are 0 to 3\n"
        "(hour) mean amount fail well: the mean of 3 values is 1; allowed are 20 or less\n"
        "(hour) most - fail well: 3 rows; allowed are 0 to 3\n"
        "(hour) mean amount fail well: the mean of 3 values is 10.6666666667; allowed are 20 or less\n");
}

OVER_ALL(means_of_this_load_and_of_all)
{
    open_with(rig, pipeline,
              "  - {name: mean, mean: {column: amount, min: 2, max: 3}, on: warn}\n"
              "  - {name: ids, mean: {column: id, min: 0}}\n",
              NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,4\n3,cyd,NA\n");
    told(rig, NULL, 0, A " loaded 3 3 0 -\n");
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_HOUR_SUM), 0);
    assert_string_equal(books_checks(rig),
                        "(hour) mean amount warn well: the mean of 2 values is 2.5; allowed are 2 to 3\n"
                        "(hour) ids id fail well: the mean of 3 values is 2; allowed are 0 or more\n");
    rig_put(rig, B, HEAD "-16,ann,4\n");
    told(rig, NULL, 3, B " failed 1 0 0 CHECK_MEAN\n");
    assert_true(sink_wrap_calls(wrap, SINK_OP_HOUR_SUM) > 0);
    assert_non_null(strstr(books_attempts(rig), B " CHECK_MEAN 1 0\n"));
    rig_put(rig, B, HEAD "4,ann,10\n");
    told(rig, NULL, 0, B " loaded 1 1 0 -\n");
    assert_non_null(strstr(books_checks(rig),
                           "(hour) mean amount warn 3: the mean of 3 values is 5; allowed are 2 to 3\n"));
}

OVER_ALL(no_value_has_no_mean)
{
    (void)wrap;
    open_with(rig, pipeline, "  - {name: mean, mean: {column: amount, min: 2}}\n", NO_SETS);
    rig_put(rig, A, HEAD "1,ann,NA\n");
    told(rig, NULL, 0, A " loaded 1 1 0 -\n");
    assert_string_equal(books_checks(rig),
                        "(hour) mean amount fail well: not judged: no record of the hour has a value\n");
}

OVER_ALL(a_baseline_is_not_known)
{
    (void)wrap;
    struct job_totals totals;
    open_with(rig, pipeline,
              "  - {name: rows, rows: {min: 9}}\n  - {name: mean, mean: {column: amount, min: 9}}\n",
              NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n");
    assert_int_equal(run_baseline(&rig->job, HOUR_MAX, &totals, &rig->err), ERR_OK);
    rig_put(rig, B, HEAD "2,bob,1\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    static const char why[] =
        "not judged: `sluice baseline` put objects of the hour into the ledger, whose rows are not known";
    char all[512];
    snprintf(all, sizeof all, "(hour) rows - fail well: %s\n(hour) mean amount fail well: %s\n", why, why);
    assert_string_equal(books_checks(rig), all);
}

OVER_ALL(queries_want_no_row)
{
    (void)wrap;
    open_with(
        rig, pipeline,
        "  - {name: none, sql: \"SELECT * FROM {table} WHERE _load IN {loads} AND amount < 0\"}\n"
        "  - {name: names, sql: \"SELECT name FROM {table} WHERE _load IN {loads} ORDER BY id\", on: warn}\n",
        NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,1\n");
    rig_put(rig, K("13", "a"), HEAD "1,ann,1\n2,bob,-1\n");
    if (!on_files(pipeline)) {
        assert_int_equal(rig_run(rig, NULL), 2);
        assert_int_equal(rig->err.name, ERRN_UNSUPPORTED);
        assert_int_equal(books_sums(rig).loaded, 0);
        return;
    }
    told(rig, NULL, 3, A " loaded 2 2 0 -\n" K("13", "a") " failed 2 0 0 CHECK_SQL\n");
    assert_string_equal(books_checks(rig),
                        "(hour) none - fail well: the query gives no row\n"
                        "(hour) names - warn 2: the query gives 2 rows; first: name=ann\n");
    assert_string_equal(books_attempts(rig), K("13", "a") " CHECK_SQL 2 0\n");
}

OVER_ALL(a_query_that_is_wrong_ends_the_run)
{
    (void)wrap;
    if (!on_files(pipeline))
        return;
    open_with(rig, pipeline, "  - {name: bad, sql: \"SELECT nothing FROM {table}\"}\n", NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n");
    assert_int_equal(rig_run(rig, NULL), 2);
    assert_non_null(strstr(rig->err.msg, "check bad: "));
    assert_int_equal(books_sums(rig).loaded, 0);
    open_with(rig, pipeline, "  - {name: bad, sql: \"DELETE FROM {table}\"}\n", NO_SETS);
    assert_int_equal(rig_run(rig, NULL), 2);
    assert_int_equal(rig->err.name, ERRN_CONFIG);
    assert_non_null(strstr(rig->err.msg, ": checks[].sql of bad: "));
}

OVER_ALL(an_answer_that_was_lost)
{
    open_with(rig, pipeline, "  - {name: rows, rows: {min: 1}}\n", NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n");
    fail_at(wrap, SINK_OP_COMMIT, 1, SINK_AFTER, ERRN_DB_IN_DOUBT);
    told(rig, NULL, 0, A " loaded 1 1 0 -\n");
    rig_put(rig, K("13", "a"), HEAD "1,ann,1\n");
    sink_wrap_reset(wrap);
    fail_at(wrap, SINK_OP_LEDGER_PAGE, 8, SINK_BEFORE, ERRN_DB_LOST);
    told(rig, NULL, 0, K("13", "a") " loaded 1 1 0 -\n");
    assert_string_equal(books_checks(rig), "(hour) rows - fail well: 1 rows; allowed are 1 or more\n"
                                           "(hour) rows - fail well: 1 rows; allowed are 1 or more\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_hour_with_those_before),
        cmocka_unit_test(the_rest_of_an_object_is_judged_with_its_hour),
        cmocka_unit_test(what_is_replaced_does_not_count),
        cmocka_unit_test(means_of_this_load_and_of_all),
        cmocka_unit_test(no_value_has_no_mean),
        cmocka_unit_test(a_baseline_is_not_known),
        cmocka_unit_test(queries_want_no_row),
        cmocka_unit_test(a_query_that_is_wrong_ends_the_run),
        cmocka_unit_test(an_answer_that_was_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
