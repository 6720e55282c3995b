/* Profiles of small batches whose figures were computed by hand; hours, classes, merging, and the same report
 * for any number of threads and however rows are cut into batches. */
#include "tests/unit/profile/profile_rig.h"

#define ROW(...) rig_row(&rig, (const char *const[]){__VA_ARGS__})
#define INIT(...)                                                                                            \
    rig_init(&rig, (const char *const[]){__VA_ARGS__},                                                       \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* By hand: 1 2 3 4 10: mean 4, squares about it 9 4 1 0 36 = 50, cubes -27 -8 -1 0 216 = 180; std sqrt(50 /
 * 4); skew 5 sqrt(4) / 3 * 180 / 50^1.5. */
static void numbers_by_hand(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int", "double");
    ROW("4", "4");
    ROW("10", "10");
    ROW(NULL, NULL);
    ROW("1", "1");
    ROW("3", "3");
    ROW("2", "2");
    struct report *r = rig_report(&rig, -1);
    assert_int_equal(r->rows, 6);
    assert_int_equal(r->ncolumns, 2);
    for (int c = 0; c < 2; c++) {
        const struct report_column *col = &r->columns[c];
        const struct report_numbers *n = &col->numbers;
        assert_int_equal(col->kind, REPORT_NUMBER);
        assert_int_equal(col->count, 5);
        assert_int_equal(col->nulls, 1);
        assert_int_equal(col->distinct, 5);
        assert_false(col->distinct_approx || col->top_approx || col->histogram.approx || n->outliers_approx);
        assert_num(n->mean, 4);
        assert_num(n->std, sqrt(12.5));
        assert_num(n->skew, 5 * 2.0 / 3 * 180 / pow(50, 1.5));
        assert_num(n->sum, 20);
        assert_num(n->min, 1);
        assert_num(n->max, 10);
        assert_num(n->quantile[Q01], 1.04);
        assert_num(n->quantile[Q05], 1.2);
        assert_num(n->quantile[Q25], 2);
        assert_num(n->quantile[Q50], 3);
        assert_num(n->quantile[Q75], 4);
        assert_num(n->quantile[Q95], 8.8);
        assert_num(n->quantile[Q99], 9.76);
        assert_num(n->fence_low, -1);
        assert_num(n->fence_high, 7);
        assert_false(n->quantile[Q50].approx);
        assert_int_equal(n->outliers_low, 0);
        assert_int_equal(n->outliers_high, 1);
        assert_int_equal(n->nexample_high, 1);
        assert_true(n->example_high[0] == 10 && n->example_high_count[0] == 1);
        assert_true(n->nlow == 5 && n->nexample_low == 0 && n->nhigh == 5);
        assert_true(n->example_low[0] == 1 && n->example_low[4] == 10 && n->example_high[1] == 4);
        assert_int_equal(col->ntop, 5);
        assert_string_equal(col->top[0].text, "1"); /* all once: the smaller value first */
        assert_string_equal(col->top[4].text, "10");
        int64_t binned = 0;
        for (int b = 0; b < col->histogram.nbins; b++)
            binned += col->histogram.bins[b].count;
        assert_int_equal(binned + col->histogram.below + col->histogram.above, 5);
    }
    assert_int_equal(r->columns[0].histogram.nbins, 10); /* integers: one each */
    assert_int_equal(r->columns[0].histogram.bins[9].count, 1);
    assert_int_equal(r->columns[1].histogram.nbins, REPORT_BINS);
    assert_int_equal(r->columns[1].histogram.bins[REPORT_BINS - 1].count, 1);
    assert_int_equal(r->ncorrelated, 2);
    assert_near(r->correlations[1], 1, 1e-15);
    report_free(r);
    rig_release(&rig);
}

/* Of all classes together; more values than are told. */
static void lowest_and_highest(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int", "text");
    for (int i = 0; i < 30; i++) {
        char value[8];
        snprintf(value, sizeof value, "%d", i / 3);
        ROW(value, i % 2 ? "a" : "b");
    }
    struct report *r = rig_report(&rig, 1);
    const struct report_numbers *n = &r->columns[0].numbers, *b = &r->columns[0].split[0].numbers;
    assert_true(n->nlow == REPORT_EXAMPLES && n->nhigh == REPORT_EXAMPLES);
    for (int i = 0; i < REPORT_EXAMPLES; i++) {
        assert_true(n->example_low[i] == i && n->example_low_count[i] == 3);
        assert_true(n->example_high[i] == 9 - i && n->example_high_count[i] == 3);
    }
    assert_true(n->nexample_low == 0 && n->nexample_high == 0);
    assert_true(b->example_low_count[0] == 2 && b->example_low_count[1] == 1);
    report_free(r);
    rig_release(&rig);
}

static void few_values_have_no_std_or_skew(void **state)
{
    (void)state;
    struct rig rig;
    INIT("double", "double");
    ROW("2.5", "1");
    ROW(NULL, "3");
    struct report *r = rig_report(&rig, -1);
    const struct report_numbers *one = &r->columns[0].numbers, *two = &r->columns[1].numbers;
    assert_num(one->mean, 2.5);
    assert_false(one->std.known || one->skew.known);
    assert_num(one->quantile[Q25], 2.5);
    assert_num(two->std, sqrt(2));
    assert_num(two->quantile[Q25], 1.5);
    assert_false(two->skew.known);
    assert_int_equal(r->columns[0].histogram.nbins, 1);
    assert_int_equal(r->columns[0].histogram.bins[0].count, 1);
    assert_true(isnan(r->correlations[1]));
    report_free(r);
    rig_release(&rig);
}

static void columns_without_values(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int", "text", "double", "boolean", "date");
    for (int rows = 0; rows <= 3; rows += 3) {
        for (int i = 0; i < rows; i++)
            ROW(NULL, NULL, NULL, NULL, NULL);
        for (int by = -1; by < 2; by++) {
            struct report *r = rig_report(&rig, by);
            assert_int_equal(r->rows, rows);
            assert_int_equal(r->nclasses, by >= 0 && rows > 0);
            assert_int_equal(r->nhours, rows > 0);
            assert_true(r->by_hour); /* also where there is none */
            for (size_t c = 0; c < 5; c++) {
                const struct report_column *col = &r->columns[c];
                assert_true(col->count == 0 && col->nulls == rows && col->distinct == 0 && col->ntop == 0);
                assert_false(col->numbers.mean.known || col->numbers.min.known || col->numbers.sum.known ||
                             col->numbers.quantile[Q50].known || col->numbers.fence_low.known);
                assert_int_equal(col->histogram.nbins, 0);
            }
            report_free(r);
        }
    }
    rig_release(&rig);
}

static void a_constant_column(void **state)
{
    (void)state;
    struct rig rig;
    INIT("double", "int", "text");
    for (int i = 0; i < 1000; i++)
        ROW("0.1", "-7", "same");
    struct report *r = rig_report(&rig, -1);
    const struct report_column *col = r->columns;
    assert_int_equal(col[0].distinct, 1);
    assert_num(col[0].numbers.mean, 0.1);
    assert_true(col[0].numbers.std.known && col[0].numbers.std.value == 0);
    assert_false(col[0].numbers.skew.known);
    assert_num(col[0].numbers.quantile[Q99], 0.1);
    assert_true(col[0].histogram.nbins == 1 && col[0].histogram.bins[0].count == 1000);
    assert_true(col[1].histogram.nbins == 1 && col[1].histogram.bins[0].count == 1000);
    assert_int_equal(col[1].numbers.negatives, 1000);
    assert_string_equal(col[1].top[0].text, "-7");
    assert_int_equal(col[2].top[0].count, 1000);
    assert_true(isnan(r->correlations[0]) && isnan(r->correlations[1]));
    report_free(r);
    rig_release(&rig);
}

static void values_are_told_as_texts(void **state)
{
    (void)state;
    struct rig rig;
    char longer[200];
    INIT("decimal(10,2)", "date", "timestamp", "float", "bigint", "text", "boolean", "decimal(30,4)");
    memset(longer, 'x', sizeof longer);
    memcpy(longer + 115, "\xc3\xa4\xc3\xa4", 4); /* the cut falls into the second character */
    longer[199] = '\0';
    ROW("-12.5", "2022-06-05", "2022-06-05 12:00:01.5", "0.1", "9007199254740993", longer, "true",
        "12345678901234567890.5");
    ROW(NULL, "1969-12-31", NULL, NULL, NULL, NULL, NULL, NULL);
    struct report *r = rig_report(&rig, -1);
    const struct report_column *col = r->columns;
    assert_string_equal(col[0].top[0].text, "-12.50");
    assert_num(col[0].numbers.mean, -12.5);
    assert_string_equal(col[1].top[0].text, "1969-12-31");
    assert_int_equal(col[1].kind, REPORT_TIME);
    assert_num(col[1].numbers.min, -1);
    assert_num(col[1].numbers.max, 19148);
    assert_string_equal(col[2].top[0].text, "2022-06-05 12:00:01.500000");
    assert_string_equal(col[4].top[0].text, "9007199254740993");
    assert_int_equal(strlen(col[5].top[0].text), 115 + 2 + 3);
    assert_memory_equal(col[5].top[0].text + 115, "\xc3\xa4\xe2\x80\xa6", 6);
    assert_string_equal(r->head[5], col[5].top[0].text);
    assert_string_equal(col[6].top[0].text, "1");
    assert_int_equal(col[6].kind, REPORT_BOOLEAN);
    assert_true(col[7].distinct_approx);
    assert_false(col[0].distinct_approx);
    assert_int_equal(r->head_rows, 2);
    assert_string_equal(r->head[0], "-12.50");
    assert_null(r->head[8]);
    assert_int_equal(r->ncorrelated, 5); /* neither time nor text */
    assert_int_equal(r->correlated[1], 3);
    report_free(r);
    rig_release(&rig);
}

static void texts_by_hand(void **state)
{
    (void)state;
    struct rig rig;
    INIT("text");
    ROW("b");
    ROW("");
    ROW("a");
    ROW("b");
    ROW("\xc3\xa4\xc3\xb6");
    ROW(NULL);
    struct report *r = rig_report(&rig, -1);
    const struct report_column *col = r->columns;
    assert_int_equal(col->kind, REPORT_TEXT);
    assert_int_equal(col->distinct, 4);
    assert_int_equal(col->empty, 1);
    assert_int_equal(col->length_min, 0);
    assert_int_equal(col->length_max, 2);
    assert_near(col->length_mean, 1, 1e-15);
    assert_int_equal(col->ntop, 4);
    assert_string_equal(col->top[0].text, "b");
    assert_string_equal(col->top[1].text, "");
    assert_string_equal(col->top[2].text, "a");
    assert_int_equal(r->ncorrelated, 0);
    report_free(r);
    rig_release(&rig);
}

static void two_classes_and_null(void **state)
{
    (void)state;
    struct rig rig;
    INIT("boolean", "int", "text");
    ROW("1", "5", "x");
    ROW("0", "1", "x");
    ROW("0", "2", "y");
    ROW(NULL, "7", NULL);
    ROW("0", NULL, "x");
    ROW("1", "5", "x");
    struct report *r = rig_report(&rig, 0);
    assert_int_equal(r->nclasses, 3);
    assert_string_equal(r->classes[0].text, "0");
    assert_int_equal(r->classes[0].rows, 3);
    assert_string_equal(r->classes[1].text, "1");
    assert_int_equal(r->classes[1].rows, 2);
    assert_string_equal(r->classes[2].text, "NULL");
    assert_true(r->classes[2].null && !r->classes[1].null);
    const struct report_column *col = &r->columns[1];
    assert_int_equal(col->count, 5);
    assert_num(col->numbers.mean, 4);
    assert_int_equal(col->split[0].count, 2);
    assert_int_equal(col->split[0].nulls, 1);
    assert_num(col->split[0].numbers.mean, 1.5);
    assert_num(col->split[0].numbers.std, sqrt(0.5));
    assert_num(col->split[1].numbers.quantile[Q50], 5);
    assert_num(col->split[2].numbers.max, 7);
    assert_string_equal(col->top[0].text, "5");
    assert_int_equal(col->top[0].by_class[1], 2);
    assert_int_equal(col->top[0].by_class[0], 0);
    assert_int_equal(col->histogram.bins[0].by_class[0], 1);
    assert_int_equal(col->histogram.bins[4].by_class[1], 2);
    col = &r->columns[2];
    assert_int_equal(col->distinct, 2);
    assert_int_equal(col->top[0].count, 4);
    assert_int_equal(col->top[0].by_class[0], 2);
    assert_int_equal(col->top[0].by_class[1], 2);
    assert_int_equal(col->split[2].nulls, 1);
    report_free(r);
    rig_release(&rig);
}

/* The tenth class stands for all that come after it; where there may be NULLs, the ninth. */
static void more_classes_than_told(void **state)
{
    (void)state;
    static const char *const types[][3] = {{"int!", "text!", "double!"}, {"int", "text", "double"}};
    for (int nullable = 0; nullable < 2; nullable++)
        for (int by = 0; by < 3; by++) {
            struct rig rig;
            rig_init(&rig, types[nullable], 3);
            for (int i = 0; i < 120; i++) {
                char text[16];
                snprintf(text, sizeof text, "%d", i % 12);
                ROW(text, text, text);
            }
            if (nullable)
                ROW(NULL, NULL, NULL);
            struct report *r = rig_report(&rig, by);
            int64_t rows = 0;
            assert_int_equal(r->nclasses, REPORT_CLASSES);
            assert_true(r->classes[0].other && !r->classes[1].other);
            assert_string_equal(r->classes[0].text, "other");
            assert_int_equal(r->classes[0].rows, nullable ? 40 : 30);
            assert_string_equal(r->classes[1].text, "0");
            assert_int_equal(r->classes[9].null, nullable);
            for (int k = 0; k < r->nclasses; k++)
                rows += r->classes[k].rows;
            assert_int_equal(rows, 120 + nullable);
            assert_int_equal(r->columns[by].distinct, 12);
            report_free(r);
            rig_release(&rig);
        }
}

static void hours_objects_and_refusals(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int", "text");
    for (int i = 0; i < 30; i++)
        ROW(i % 3 ? "1" : NULL, i % 5 ? "x" : NULL);
    struct profile *p = rig_profile(&rig, -1, 2, 0);
    struct err *err = &rig.err;
    RIG_OK(&rig, profile_object(p, true, 105, 1000, err));
    RIG_OK(&rig, profile_add(p, rig.batch, 0, 10, true, 105, err));
    RIG_OK(&rig, profile_object(p, true, 100, 500, err)); /* out of order */
    RIG_OK(&rig, profile_add(p, rig.batch, 10, 20, true, 100, err));
    RIG_OK(&rig, profile_refused(p, 100, ERRN_CAST_INT, "a.csv: line 3: c0: no number", err));
    RIG_OK(&rig, profile_refused(p, 105, ERRN_CAST_INT, "another", err));
    RIG_OK(&rig, profile_refused(p, 105, ERRN_NOT_NULL, "third", err));
    RIG_OK(&rig, profile_object(p, true, 105, 1, err));
    RIG_OK(&rig, profile_add(p, rig.batch, 20, 30, true, 105, err));
    RIG_OK(&rig, profile_object(p, true, 102, 7, err)); /* without a row */
    struct report *r = rig_finish(&rig, p);
    assert_int_equal(r->objects, 4);
    assert_int_equal(r->bytes, 1508);
    assert_int_equal(r->refused, 3);
    assert_true(r->by_hour);
    assert_int_equal(r->nhours, 3);
    assert_int_equal(r->gaps, 3);
    const struct report_hour *h = r->hours;
    assert_true(h[0].hour == 100 && h[1].hour == 102 && h[2].hour == 105);
    assert_true(h[0].rows == 10 && h[1].rows == 0 && h[2].rows == 20);
    assert_true(h[0].objects == 1 && h[1].objects == 1 && h[2].objects == 2);
    assert_true(h[0].refused == 1 && h[2].refused == 2);
    assert_true(h[0].nulls[0] == 3 && h[0].nulls[1] == 2);
    assert_true(h[2].nulls[0] == 7 && h[2].nulls[1] == 4);
    assert_int_equal(r->nrefusals, 2);
    assert_true(r->refusals[0].name == ERRN_CAST_INT && r->refusals[0].count == 2);
    assert_string_equal(r->refusals[0].example, "a.csv: line 3: c0: no number");
    assert_int_equal(r->head_rows, REPORT_HEAD);
    report_free(r);
    /* hours that are not known are not told */
    p = rig_profile(&rig, -1, 1, 0);
    RIG_OK(&rig, profile_object(p, false, 0, 9, err));
    RIG_OK(&rig, profile_add(p, rig.batch, 0, 10, false, 0, err));
    r = rig_finish(&rig, p);
    assert_true(!r->by_hour && r->nhours == 0 && r->objects == 1 && r->bytes == 9);
    report_free(r);
    rig_release(&rig);
}

/* NULLs of rows whose hour is not known go to no hour, also not to the next one's. */
static void nulls_of_unknown_hours(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int");
    for (int i = 0; i < 10; i++)
        ROW(NULL);
    struct profile *p = rig_profile(&rig, -1, 1, 0);
    RIG_OK(&rig, profile_add(p, rig.batch, 0, 4, false, 0, &rig.err));
    RIG_OK(&rig, profile_add(p, rig.batch, 4, 10, true, 9, &rig.err));
    struct report *r = rig_finish(&rig, p);
    assert_int_equal(r->nhours, 1);
    assert_int_equal(r->hours[0].nulls[0], 6);
    assert_false(r->by_hour);
    report_free(r);
    rig_release(&rig);
}

static void too_many_hours_are_refused(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int");
    struct profile *p = rig_profile(&rig, -1, 1, 0);
    enum err_code code = ERR_OK;
    int64_t hour = 0;
    for (; hour <= PROFILE_HOURS_MAX && code == ERR_OK; hour++)
        code = profile_object(p, true, hour, 1, &rig.err);
    assert_int_equal(code, ERR_NOMEM);
    assert_int_equal(rig.err.name, ERRN_LIMIT);
    assert_int_equal(hour, PROFILE_HOURS_MAX + 1);
    profile_free(p);
    rig_release(&rig);
}

static void options_that_make_no_sense(void **state)
{
    (void)state;
    struct rig rig;
    INIT("int");
    static const struct {
        int by;
        unsigned threads;
    } bad[] = {{1, 1}, {-1, 0}, {-1, PROFILE_THREADS_MAX + 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct profile_options options = {.schema = &rig.schema, .by = bad[i].by, .threads = bad[i].threads};
        struct profile *p;
        struct err err = ERR_INIT;
        assert_int_equal(profile_new(&options, &p, &err), ERR_INTERNAL);
        assert_null(p);
    }
    rig_release(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_by_hand),
        cmocka_unit_test(lowest_and_highest),
        cmocka_unit_test(few_values_have_no_std_or_skew),
        cmocka_unit_test(columns_without_values),
        cmocka_unit_test(a_constant_column),
        cmocka_unit_test(values_are_told_as_texts),
        cmocka_unit_test(texts_by_hand),
        cmocka_unit_test(two_classes_and_null),
        cmocka_unit_test(more_classes_than_told),
        cmocka_unit_test(hours_objects_and_refusals),
        cmocka_unit_test(nulls_of_unknown_hours),
        cmocka_unit_test(too_many_hours_are_refused),
        cmocka_unit_test(options_that_make_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
