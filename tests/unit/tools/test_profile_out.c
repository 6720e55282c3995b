/*
 * test_profile_out: a report as JSON, CSV and text: what a reader of either must be able to rely on, for
 * reports made by hand. Figures themselves are judged by core/profile and by pandas (tests/e2e).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/support/report_kit.h"
#include "tools/profile_out.h"

static struct out out;
static struct buf text;
static struct err err;

static int set_up(void **state)
{
    (void)state;
    buf_init(&text, 64 * 1024 * 1024);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&text);
    return 0;
}

static void begin(enum out_format format)
{
    err_clear(&err);
    assert_int_equal(out_begin_buf(&out, &text, format, &err), ERR_OK);
}

static const char *end(void)
{
    assert_int_equal(out_end(&out, &err), ERR_OK);
    out_release(&out);
    return buf_str(&text);
}

/* The report's document, to be given back. */
static json_t *document(const struct report *r)
{
    const struct profile_doc doc = {.report = r, .env = "ci"};
    json_error_t where;
    json_t *parsed;

    begin(OUT_JSON);
    out_members(&out, profile_tree, &doc);
    parsed = json_loads(end(), JSON_REJECT_DUPLICATES, &where);
    if (!parsed)
        fail_msg("no JSON: %s at %d: %.80s", where.text, where.position, buf_str(&text) + where.position);
    return parsed;
}

static json_t *column(json_t *document, size_t i)
{
    return json_array_get(json_object_get(document, "columns"), i);
}

static const char *as_text(const struct report *r)
{
    const struct profile_doc doc = {.report = r, .none = "it is empty"};

    begin(OUT_TEXT);
    profile_text(&out, &doc);
    return end();
}

static void assert_has(const char *haystack, const char *needle)
{
    if (!strstr(haystack, needle))
        fail_msg("no \"%s\" in: %s", needle, haystack);
}

/* ---- trees ---- */

static void a_tree(struct out_tree *t, const void *ctx)
{
    (void)ctx;
    tree_begin(t, "list", '[');
    tree_int(t, NULL, -9007199254740993);
    tree_real(t, NULL, 0.1);
    tree_real(t, NULL, 1e300);
    tree_real(t, NULL, (double)NAN);
    tree_real(t, NULL, (double)INFINITY);
    tree_begin(t, NULL, '{');
    tree_end(t);
    tree_begin(t, NULL, '[');
    tree_end(t);
    tree_end(t);
    tree_str(t, "a \"key\"", "line\nend \xff \xe2\x82\xac");
    tree_str(t, "none", NULL);
    tree_bool(t, "yes", true);
    tree_raw(t, "raw", "12.50");
}

static void a_tree_is_json_of_any_depth(void **state)
{
    (void)state;
    begin(OUT_JSON);
    out_members(&out, a_tree, NULL);
    assert_string_equal(
        end(), "{\"schema_version\":1,\n\"list\":[\n-9007199254740993,\n0.1,\n1e+300,\nnull,\nnull,\n"
               "{},\n[]],\n\"a \\\"key\\\"\":\"line\\nend \xef\xbf\xbd \xe2\x82\xac\",\n\"none\":null,\n"
               "\"yes\":true,\n\"raw\":12.50}\n");
    begin(OUT_TEXT);
    out_members(&out, a_tree, NULL);
    assert_string_equal(end(), "");
}

static void too_deep(struct out_tree *t, const void *ctx)
{
    (void)ctx;
    for (int i = 0; i < TREE_DEPTH_MAX; i++)
        tree_begin(t, i ? NULL : "deep", '[');
    for (int i = 0; i < TREE_DEPTH_MAX; i++)
        tree_end(t);
}

static void a_tree_that_is_too_deep_is_an_error(void **state)
{
    (void)state;
    begin(OUT_JSON);
    out_members(&out, too_deep, NULL);
    assert_int_equal(out_end(&out, &err), ERR_INTERNAL);
    out_release(&out);
}

/* ---- JSON ---- */

static void every_column_has_every_member(void **state)
{
    (void)state;
    static const char *const members[] = {"name",       "type",         "kind",
                                          "nullable",   "count",        "nulls",
                                          "null_share", "distinct",     "distinct_approx",
                                          "mean",       "std",          "skew",
                                          "min",        "p01",          "p05",
                                          "p25",        "p50",          "p75",
                                          "p95",        "p99",          "max",
                                          "sum",        "zeros",        "negatives",
                                          "fences",     "outliers_low", "outliers_high",
                                          "lowest",     "highest",      "approx",
                                          "top",        "histogram",    "split",
                                          "lengths"};
    struct report *r = kit_loans(500);
    json_t *d = document(r);

    assert_int_equal(json_array_size(json_object_get(d, "columns")), r->ncolumns);
    for (size_t i = 0; i < r->ncolumns; i++) {
        json_t *c = column(d, i);

        assert_int_equal(json_object_size(c), sizeof members / sizeof *members);
        for (size_t m = 0; m < sizeof members / sizeof *members; m++)
            if (!json_object_get(c, members[m]))
                fail_msg("column %zu has no %s", i, members[m]);
        assert_int_equal(json_array_size(json_object_get(c, "split")), r->nclasses);
    }
    assert_int_equal(json_array_size(json_object_get(d, "hours")), r->nhours);
    assert_int_equal(json_array_size(json_object_get(d, "warnings")), r->nwarnings);
    assert_int_equal(json_array_size(json_object_get(d, "head")), r->head_rows);
    assert_string_equal(json_string_value(json_object_get(json_object_get(d, "run"), "env")), "ci");
    json_decref(d);
    report_free(r);
}

static void numbers_read_back_the_same(void **state)
{
    (void)state;
    const double values[] = {0.1, 1.0 / 3, 1e-300, -2.5e17, 12345678.9, (double)NAN};
    struct report *r = kit_report(6, 1);

    kit_numbers(r, 0, "v", TYPE_DOUBLE, values, NULL);
    r->columns[0].numbers.mean = (struct report_num){.known = true, .value = 1.0 / 7};
    r->columns[0].numbers.skew = (struct report_num){.known = false, .value = 7};
    r->columns[0].numbers.quantile[Q50].approx = true;
    r->columns[0].distinct_approx = true;
    json_t *d = document(r), *c = column(d, 0), *approx = json_object_get(c, "approx");
    assert_true(json_real_value(json_object_get(c, "mean")) == 1.0 / 7);
    assert_true(json_is_null(json_object_get(c, "skew")));
    assert_true(json_real_value(json_object_get(c, "min")) == -2.5e17 ||
                json_integer_value(json_object_get(c, "min")) == -250000000000000000);
    assert_int_equal(json_array_size(approx), 2);
    assert_string_equal(json_string_value(json_array_get(approx, 0)), "distinct");
    assert_string_equal(json_string_value(json_array_get(approx, 1)), "p50");
    json_decref(d);
    report_free(r);
}

/* A bigint has more digits than a double. */
static void a_whole_number_keeps_its_digits(void **state)
{
    (void)state;
    const double values[] = {1, 2, 2};
    struct report *r = kit_report(3, 1);

    kit_numbers(r, 0, "id", TYPE_BIGINT, values, NULL);
    mem_free(r->columns[0].top[0].text);
    r->columns[0].top[0].text = mem_strdup("9007199254740993");
    assert_non_null(r->columns[0].top[0].text);
    json_t *d = document(r), *c = column(d, 0);
    assert_true(json_is_integer(json_object_get(c, "max")));
    assert_true(json_integer_value(json_object_get(json_array_get(json_object_get(c, "top"), 0), "value")) ==
                INT64_C(9007199254740993));
    json_decref(d);
    report_free(r);
}

/* A class of NULLs is not the one of a text "NULL". */
static void classes_say_what_they_stand_for(void **state)
{
    (void)state;
    const int class_of[] = {0, 1, 2};
    const bool null[] = {false, true, false}, other[] = {false, false, true};
    struct report *r = kit_report(3, 1);

    kit_classes(r, 0, 3, class_of);
    for (int k = 0; k < 3; k++) {
        r->classes[k].null = null[k];
        r->classes[k].other = other[k];
    }
    kit_numbers(r, 0, "id", TYPE_INT, (const double[]){1, 2, 3}, class_of);
    json_t *d = document(r);
    for (size_t k = 0; k < 3; k++) {
        json_t *class = json_array_get(json_object_get(d, "classes"), k);
        assert_true(json_is_boolean(json_object_get(class, "null")));
        assert_int_equal(json_is_true(json_object_get(class, "null")), null[k]);
        assert_int_equal(json_is_true(json_object_get(class, "other")), other[k]);
    }
    json_decref(d);
    report_free(r);
}

static void moments_are_texts_inside_and_outside_of_the_calendar(void **state)
{
    (void)state;
    struct report_column date = {.kind = REPORT_TIME, .type = {.kind = TYPE_DATE}};
    struct report_column moment = {.kind = REPORT_TIME, .type = {.kind = TYPE_TIMESTAMP}};
    char at[OUT_CELL_MAX];

    profile_moment(&date, 0, at);
    assert_string_equal(at, "1970-01-01");
    profile_moment(&date, -0.5, at);
    assert_string_equal(at, "1969-12-31 12:00:00");
    profile_moment(&date, 11.0 / 86400, at); /* 10.999999999999998 s, as doubles have it */
    assert_string_equal(at, "1970-01-01 00:00:11");
    profile_moment(&moment, 1.5, at);
    assert_string_equal(at, "1970-01-01 00:00:00.000001");
    profile_moment(&moment, -0.5, at);
    assert_string_equal(at, "1969-12-31 23:59:59.999999");
    profile_moment(&moment, 253402300799e6, at); /* what stands for "never" */
    assert_string_equal(at, "9999-12-31 23:59:59");
    profile_moment(&moment, 253402300799999999.0, at); /* as a double it is the end of the year */
    assert_string_equal(at, "9999-12-31 23:59:59.999999");
    profile_moment(&moment, 253402300900e6, at);
    assert_string_equal(at, "2.534023009e+17");
    profile_moment(&date, 2932896, at);
    assert_string_equal(at, "9999-12-31");
    profile_moment(&date, 2932897, at);
    assert_string_equal(at, "2932897");
    profile_moment(&date, 1e9, at);
    assert_string_equal(at, "1000000000");
    profile_moment(&moment, (double)NAN, at);
    assert_string_equal(at, "nan");
}

static void a_report_of_nothing_is_a_document(void **state)
{
    (void)state;
    struct report *r = kit_report(0, 1);

    kit_numbers(r, 0, "v", TYPE_DOUBLE, NULL, NULL);
    json_t *d = document(r), *c = column(d, 0);
    assert_true(json_is_null(json_object_get(c, "null_share")));
    assert_true(json_is_null(json_object_get(c, "mean")));
    assert_true(json_is_null(json_object_get(c, "histogram")));
    json_decref(d);
    assert_has(as_text(r), "nothing to describe: its objects have no record");
    report_free(r);
}

/* ---- text and CSV ---- */

static void estimates_are_marked(void **state)
{
    (void)state;
    const double values[] = {1, 2, 3, 4};
    struct report *r = kit_report(4, 1);

    kit_numbers(r, 0, "v", TYPE_DOUBLE, values, NULL);
    assert_null(strstr(as_text(r), "\xe2\x89\x88"));
    r->columns[0].numbers.quantile[Q50].approx = true;
    assert_has(as_text(r), "\xe2\x89\x88"
                           "2.5");
    report_free(r);
}

static void what_data_says_moves_no_cursor(void **state)
{
    (void)state;
    const char *const texts[] = {"\033[2J", "b"};
    const int64_t counts[] = {2, 1};
    struct report *r = kit_report(3, 1);

    kit_texts(r, 0, "name", texts, counts, 2);
    kit_head(r, 1, "\033[2J");
    kit_refusal(r, ERRN_CSV_RAGGED, 1, "a\033[2J.csv line 1");
    kit_warning(r, RULE_CONSTANT, true, 0, 1, 1, "\033[2J is odd");
    assert_null(strchr(as_text(r), '\033'));
    assert_has(buf_str(&text), "\\x1b[2J is odd");
    report_free(r);
}

static void many_columns_and_hours_are_shortened(void **state)
{
    enum { COLUMNS = 40 };
    (void)state;
    const double values[] = {1, 2};
    struct report *r = kit_report(2, COLUMNS);

    for (size_t c = 0; c < COLUMNS; c++)
        kit_numbers(r, c, "v", TYPE_INT, values, NULL);
    kit_head(r, 2, "1");
    kit_hours(r, 450000, 100, 0);
    assert_has(as_text(r), "First rows (the first 32 of 40 columns; -o json has all)");
    assert_has(buf_str(&text), "Hours (the first and last 12 of 100; -o json has all)");
    report_free(r);
}

static void csv_has_a_line_for_each_column(void **state)
{
    (void)state;
    struct report *r = kit_loans(200);
    const struct profile_doc doc = {.report = r};
    size_t lines = 0;

    begin(OUT_CSV);
    profile_csv(&out, &doc);
    for (const char *p = end(); (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 1 + r->ncolumns);
    report_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_is_json_of_any_depth),
        cmocka_unit_test(a_tree_that_is_too_deep_is_an_error),
        cmocka_unit_test(every_column_has_every_member),
        cmocka_unit_test(numbers_read_back_the_same),
        cmocka_unit_test(a_whole_number_keeps_its_digits),
        cmocka_unit_test(classes_say_what_they_stand_for),
        cmocka_unit_test(moments_are_texts_inside_and_outside_of_the_calendar),
        cmocka_unit_test(a_report_of_nothing_is_a_document),
        cmocka_unit_test(estimates_are_marked),
        cmocka_unit_test(what_data_says_moves_no_cursor),
        cmocka_unit_test(many_columns_and_hours_are_shortened),
        cmocka_unit_test(csv_has_a_line_for_each_column),
    };
    return cmocka_run_group_tests_name("profile_out", tests, set_up, tear_down);
}
