/* Each rule fires where it ought to, and not beside it. Reports are made by hand or from small batches. */
#include "core/profile/warnings.h"
#include "tests/unit/profile/profile_rig.h"

static const struct report_warning *find(const struct report *r, enum report_rule rule)
{
    for (size_t i = 0; i < r->nwarnings; i++)
        if (r->warnings[i].rule == rule)
            return &r->warnings[i];
    return NULL;
}

/* A report of one column: n values of which the i-th is value(i), or NULL for NAN. */
static struct report *of_values(const char *type, int n, double (*value)(int i))
{
    struct rig rig;
    rig_init(&rig, &type, 1);
    for (int i = 0; i < n; i++) {
        double v = value(i);
        char text[40];
        snprintf(text, sizeof text, strcmp(type, "double") == 0 ? "%.6f" : "%.0f", v);
        rig_put(&rig, rig.batch, 0, isnan(v) ? NULL : text);
        batch_commit_row(rig.batch, 1, 0);
    }
    struct report *r = rig_report(&rig, -1);
    rig_release(&rig);
    return r;
}

static void assert_rule(const char *type, int n, double (*value)(int i), enum report_rule rule, bool fires,
                        bool strong)
{
    struct report *r = of_values(type, n, value);
    const struct report_warning *w = find(r, rule);
    if ((w != NULL) != fires)
        fail_msg("%s %s", report_rule_text(rule), fires ? "does not fire" : w->message);
    if (w) {
        assert_int_equal(w->strong, strong);
        assert_int_equal(w->column, 0);
        assert_non_null(strstr(w->message, "c0"));
    }
    report_free(r);
}

static double missing_20(int i)
{
    return i < 200 ? NAN : i % 7;
}
static double missing_21(int i)
{
    return i < 210 ? NAN : i % 7;
}
static double missing_5(int i)
{
    return i < 50 ? NAN : i % 7;
}
static double missing_all(int i)
{
    (void)i;
    return NAN;
}
static double same(int i)
{
    (void)i;
    return 3;
}
static double counted(int i)
{
    return i;
}
static double counted_twice(int i)
{
    return i / 2;
}
static double counted_with_null(int i)
{
    return i == 5 ? NAN : i;
}

static void missing_and_constant_and_unique(void **state)
{
    (void)state;
    assert_rule("int", 1000, missing_5, RULE_MISSING, false, false);
    assert_rule("int", 1000, missing_20, RULE_MISSING, true, false);
    assert_rule("int", 1000, missing_21, RULE_MISSING, true, true);
    assert_rule("int", 1000, missing_all, RULE_ALL_NULL, true, true);
    assert_rule("int", 1000, missing_all, RULE_MISSING, false, false);
    assert_rule("int", 1000, missing_21, RULE_ALL_NULL, false, false);
    assert_rule("int", 2, same, RULE_CONSTANT, true, false);
    assert_rule("int", 1, same, RULE_CONSTANT, false, false);
    assert_rule("int", 2, counted, RULE_CONSTANT, false, false);
    assert_rule("int", 10, counted, RULE_UNIQUE, true, false);
    assert_rule("int", 9, counted, RULE_UNIQUE, false, false);
    assert_rule("int", 100, counted_twice, RULE_UNIQUE, false, false);
    assert_rule("int", 100, counted_with_null, RULE_UNIQUE, false, false);
    assert_rule("double", 100, counted, RULE_UNIQUE, false, false); /* no key */
    assert_rule("text", 100, counted, RULE_UNIQUE, true, false);
    assert_rule("text", 100, counted, RULE_HIGH_CARDINALITY, false, false);
}

static double over_half(int i)
{
    return i < 51 ? i : 0;
}
static double half(int i)
{
    return i < 50 ? i : 0;
}

static void texts_of_many_kinds(void **state)
{
    (void)state;
    assert_rule("text", 100, over_half, RULE_HIGH_CARDINALITY, true, false);
    assert_rule("text", 100, half, RULE_HIGH_CARDINALITY, false, false);
    assert_rule("int", 100, over_half, RULE_HIGH_CARDINALITY, false, false);
}

static double outliers_2(int i)
{
    return i < 2 ? 1000 + i : i % 10;
}
static double mostly_7(int i)
{
    return i < 10 ? i : 7;
}
static double outliers_1(int i)
{
    return i < 1 ? 1000 : i % 10;
}
static double outliers_11(int i)
{
    return i < 11 ? 1000 + i : i % 10;
}
static double zeros_51(int i)
{
    return i < 51 ? 0 : 1 + i % 10;
}
static double zeros_50(int i)
{
    return i < 50 ? 0 : 1 + i % 10;
}
static double mostly_false(int i)
{
    return i == 0;
}
static double skewed(int i)
{
    return i == 0 ? 1e6 : i % 10;
}

static void shapes(void **state)
{
    (void)state;
    assert_rule("int", 100, outliers_2, RULE_OUTLIERS, true, false);
    assert_rule("int", 100, outliers_1, RULE_OUTLIERS, false, false);
    assert_rule("int", 100, outliers_11, RULE_OUTLIERS, true, true);
    assert_rule("int", 19, outliers_2, RULE_OUTLIERS, false, false); /* too few */
    assert_rule("int", 100, zeros_51, RULE_ZEROS, true, false);
    assert_rule("int", 100, zeros_50, RULE_ZEROS, false, false);
    assert_rule("boolean", 100, mostly_false, RULE_ZEROS, false, false);
    assert_rule("double", 1000, skewed, RULE_SKEW, true, false);
    assert_rule("double", 1000, counted, RULE_SKEW, false, false);
}

static double codes(int i)
{
    return i < 12 ? 98 : i < 15 ? 96 : i % 10;
}
static double codes_rare(int i)
{
    return i < 6 ? 98 : i < 9 ? 96 : i % 10;
}
static double codes_near(int i)
{
    return i < 30 ? 19 : i % 11;
}
static double tail(int i)
{
    return i < 40 ? 1000 * (i + 1) : i % 10;
}
static double minus_one(int i)
{
    return i < 10 ? -1 : i;
}
static double minus_some(int i)
{
    return i < 20 ? -1 - i % 2 : i;
}
static double minus_rare(int i)
{
    return i < 9 ? -1 : i;
}

static void codes_are_not_tails(void **state)
{
    (void)state;
    assert_rule("int", 1000, codes, RULE_CODES, true, true);
    assert_rule("double", 1000, codes, RULE_CODES, true, true);
    assert_rule("int", 1000, codes_rare, RULE_CODES, false, false);
    assert_rule("int", 1000, codes_near, RULE_CODES, false, false);
    assert_rule("int", 1000, tail, RULE_CODES, false, false);
    assert_rule("int", 1000, minus_one, RULE_CODES, true, true);
    assert_rule("int", 1000, minus_some, RULE_CODES, false, false);
    assert_rule("int", 1000, minus_rare, RULE_CODES, false, false);
    struct report *r = of_values("int", 1000, codes);
    const struct report_warning *w = find(r, RULE_CODES);
    assert_true(w->value == 15);
    assert_non_null(strstr(w->message, "98, 96"));
    report_free(r);
}

static void equal_quartiles(void **state)
{
    (void)state;
    struct report *r = of_values("int", 100, mostly_7);
    const struct report_warning *w = find(r, RULE_OUTLIERS);
    assert_non_null(w);
    assert_string_equal(w->message,
                        "c0: 9.0 % of the values differ from both quartiles, which are equal (over 1 %)");
    report_free(r);
}

/* --- classes and pairs -----------------------------------------------------------------------------------
 */

static struct report *two_columns(int by, int ones, double noise)
{
    static const char *const types[] = {"boolean", "double", "double"};
    struct rig rig;
    uint64_t random = 3;
    rig_init(&rig, types, 3);
    for (int i = 0; i < 1000; i++) {
        double u = (double)(rig_random(&random) % 1000), e = (double)(rig_random(&random) % 1000);
        batch_set_i64(rig.batch, 0, i < ones);
        batch_set_f64(rig.batch, 1, u);
        batch_set_f64(rig.batch, 2, -u + noise * e);
        batch_commit_row(rig.batch, 1, 0);
    }
    struct report *r = rig_report(&rig, by);
    rig_release(&rig);
    return r;
}

static void pairs_and_classes(void **state)
{
    (void)state;
    static const struct {
        int by, ones;
        double noise;
        bool imbalance, correlated, strong;
    } cases[] = {
        {-1, 99, 0.3, false, true, false}, {0, 99, 0, true, true, true},   {0, 9, 1, true, false, true},
        {0, 100, 1, false, false, false},  {0, 0, 1, false, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct report *r = two_columns(cases[i].by, cases[i].ones, cases[i].noise);
        const struct report_warning *w = find(r, RULE_IMBALANCE);
        assert_int_equal(w != NULL, cases[i].imbalance);
        if (w) {
            assert_near(w->value, cases[i].ones / 1000.0, 1e-12);
            assert_int_equal(w->strong, cases[i].ones < 10);
        }
        w = find(r, RULE_CORRELATED);
        assert_int_equal(w != NULL, cases[i].correlated);
        if (w) {
            assert_true(w->column == 1 && w->other == 2 && w->value < -0.9);
            assert_int_equal(w->strong, cases[i].strong);
        }
        report_free(r);
    }
}

/* Of 1,000 rows, each its own value, or 20 values; and no more than there are classes, NULL's among them. */
static void classes_of_many_values(void **state)
{
    (void)state;
    static const char *const type = "int";
    static const int values[] = {1000, 20, REPORT_CLASSES - 1};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct rig rig;
        rig_init(&rig, &type, 1);
        for (int row = 0; row < 1000; row++) {
            batch_set_i64(rig.batch, 0, row % values[i]);
            batch_commit_row(rig.batch, 1, 0);
        }
        struct report *r = rig_report(&rig, 0);
        const struct report_warning *w = find(r, RULE_CLASSES);
        assert_int_equal(w != NULL, values[i] > REPORT_CLASSES);
        if (w) {
            assert_true(w->value == values[i] && w->column == 0);
            assert_non_null(strstr(w->message, "those that came first are classes"));
        }
        report_free(r);
        rig_release(&rig);
    }
}

/* --- hours -----------------------------------------------------------------------------------------------
 */

enum { HOURS = 12 };

/* Hours of 1,000 rows, 100 of them NULL, changed by the caller. */
struct day {
    struct report report;
    struct report_hour hours[HOURS];
    struct report_column column;
    int64_t nulls[HOURS];
};

static void day_init(struct day *d)
{
    *d = (struct day){0};
    static char name[] = "c0";
    d->column.name = name;
    d->report = (struct report){
        .by = -1, .by_hour = true, .hours = d->hours, .nhours = HOURS, .columns = &d->column, .ncolumns = 1};
    for (int h = 0; h < HOURS; h++) {
        d->nulls[h] = 100 + h % 3;
        d->hours[h] = (struct report_hour){
            .hour = 460000 + h, .objects = 1, .rows = 1000 + h % 3, .nulls = &d->nulls[h]};
    }
}

static const struct report_warning *day_warn(struct day *d, enum report_rule rule)
{
    struct err err = ERR_INIT;
    assert_int_equal(report_warn(&d->report, &err), ERR_OK);
    return find(&d->report, rule);
}

static void day_release(struct day *d)
{
    for (size_t i = 0; i < d->report.nwarnings; i++)
        free(d->report.warnings[i].message);
    free(d->report.warnings);
}

static void hours_like_others_are_not_told(void **state)
{
    (void)state;
    struct day d;
    day_init(&d);
    d.hours[3].rows = 1150; /* beyond 3 IQR, but near */
    d.nulls[4] = 145;       /* as well */
    assert_null(day_warn(&d, RULE_HOUR_ROWS));
    assert_int_equal(d.report.nwarnings, 0);
    day_release(&d);
}

static void an_hour_of_few_rows(void **state)
{
    (void)state;
    struct day d;
    day_init(&d);
    d.hours[3].rows = 500;
    d.nulls[3] = 50;
    const struct report_warning *w = day_warn(&d, RULE_HOUR_ROWS);
    assert_non_null(w);
    assert_true(w->hour == 460003 && w->value == 500 && w->limit > 500);
    assert_int_equal(d.report.nwarnings, 1);
    day_release(&d);
    day_init(&d); /* too few hours to say */
    d.hours[3].rows = 500;
    d.report.nhours = 7;
    assert_null(day_warn(&d, RULE_HOUR_ROWS));
    day_release(&d);
}

static void an_hour_of_many_nulls(void **state)
{
    (void)state;
    struct day d;
    day_init(&d);
    d.nulls[5] = 600;
    const struct report_warning *w = day_warn(&d, RULE_HOUR_NULLS);
    assert_non_null(w);
    assert_true(w->hour == 460005 && w->column == 0 && w->value > 0.59 && w->value < 0.6);
    assert_int_equal(d.report.nwarnings, 1);
    day_release(&d);
    day_init(&d); /* of few rows a share says nothing */
    d.hours[5].rows = 99;
    d.nulls[5] = 60;
    assert_null(day_warn(&d, RULE_HOUR_NULLS));
    day_release(&d);
}

static void hours_without_an_object(void **state)
{
    (void)state;
    struct day d;
    day_init(&d);
    d.report.gaps = 2;
    for (int h = 6; h < HOURS; h++)
        d.hours[h].hour += 2;
    const struct report_warning *w = day_warn(&d, RULE_GAP);
    assert_non_null(w);
    assert_true(w->strong && w->hour == 460006 && w->value == 2);
    day_release(&d);
    day_init(&d);
    assert_null(day_warn(&d, RULE_GAP));
    day_release(&d);
}

static void refused_records(void **state)
{
    (void)state;
    struct day d;
    day_init(&d);
    d.report.rows = 9900;
    d.report.refused = 100;
    const struct report_warning *w = day_warn(&d, RULE_REFUSED);
    assert_non_null(w);
    assert_true(w->value == 0.01 && !w->strong && w->column == -1);
    day_release(&d);
    day_init(&d);
    d.report.rows = 9000;
    d.report.refused = 100;
    assert_true(day_warn(&d, RULE_REFUSED)->strong);
    day_release(&d);
    day_init(&d);
    d.report.rows = 9000;
    assert_null(day_warn(&d, RULE_REFUSED));
    day_release(&d);
}

/* Strong ones first, then by column; of one rule so many, and how many more. */
static void order_and_number(void **state)
{
    (void)state;
    enum { C = 30 };
    struct report_column columns[C] = {{0}};
    static char name[] = "c", value[] = "v";
    struct report r = {.by = -1, .columns = columns, .ncolumns = C};
    struct err err = ERR_INIT;
    for (int c = 0; c < C; c++) {
        columns[c] = (struct report_column){.name = name, .kind = REPORT_TEXT, .count = 100, .distinct = 1};
        columns[c].top[0].text = value;
    }
    columns[7].nulls = 900;
    columns[3].nulls = 10;
    assert_int_equal(report_warn(&r, &err), ERR_OK);
    assert_int_equal(r.nwarnings, 22);
    assert_true(r.warnings[0].strong && r.warnings[0].column == 7 && r.warnings[0].rule == RULE_MISSING);
    for (size_t i = 2; i < r.nwarnings; i++)
        assert_true(!r.warnings[i].strong && r.warnings[i - 1].column <= r.warnings[i].column);
    assert_non_null(strstr(r.warnings[21].message, "10 more of this rule"));
    for (size_t i = 0; i < r.nwarnings; i++)
        free(r.warnings[i].message);
    free(r.warnings);
}

static void each_rule_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < RULE_COUNT; i++) {
        assert_true(strlen(report_rule_text((enum report_rule)i)) > 2);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(report_rule_text((enum report_rule)i),
                                    report_rule_text((enum report_rule)j));
    }
    report_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_and_constant_and_unique),
        cmocka_unit_test(texts_of_many_kinds),
        cmocka_unit_test(shapes),
        cmocka_unit_test(codes_are_not_tails),
        cmocka_unit_test(equal_quartiles),
        cmocka_unit_test(pairs_and_classes),
        cmocka_unit_test(classes_of_many_values),
        cmocka_unit_test(hours_like_others_are_not_told),
        cmocka_unit_test(an_hour_of_few_rows),
        cmocka_unit_test(an_hour_of_many_nulls),
        cmocka_unit_test(hours_without_an_object),
        cmocka_unit_test(refused_records),
        cmocka_unit_test(order_and_number),
        cmocka_unit_test(each_rule_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
