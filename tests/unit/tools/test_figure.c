/* figure: numbers as people read them, the same in every locale. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "tools/figure.h"

static char text[FIGURE_MAX];

static void numbers(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {999, "999"},
        {1000, "1,000"},
        {-1234567, "-1,234,567"},
        {999999999999999, "999,999,999,999,999"},
        {1e15, "1e15"},
        {-1.5e300, "-1.5e300"},
        {DBL_MAX, "1.79769e308"},
        {0.1, "0.1"},
        {0.06684, "0.06684"},
        {6670.221237392844, "6,670.22"},
        {123456.789, "123,457"},
        {1234567.5, "1,234,568"},
        {0.00012345678, "0.000123457"},
        {0.00009, "9e-5"},
        {-1.25e-10, "-1.25e-10"},
        {DBL_MIN, "2.22507e-308"},
        {99999.96, "100,000"},
        {NAN, "-"},
        {INFINITY, "inf"},
        {-INFINITY, "-inf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(figure_number(cases[i].v, text), cases[i].text);
    assert_string_equal(figure_count(INT64_MAX, text), "9,223,372,036,854,775,807");
    assert_string_equal(figure_count(INT64_MIN, text), "-9,223,372,036,854,775,808");
    assert_string_equal(figure_count(-100, text), "-100");
}

static void shares(void **state)
{
    (void)state;
    assert_string_equal(figure_share(0, text), "0 %");
    assert_string_equal(figure_share(0.0004, text), "<0.1 %");
    assert_string_equal(figure_share(0.198, text), "19.8 %");
    assert_string_equal(figure_share(0.05, text), "5.0 %");
    assert_string_equal(figure_share(0.9996, text), ">99.9 %");
    assert_string_equal(figure_share(1, text), "100 %");
    assert_string_equal(figure_share(NAN, text), "0 %");
    assert_string_equal(figure_part(1, 3, text), "33.3 %");
    assert_string_equal(figure_part(1, 0, text), "0 %");
}

static void values_of_columns(void **state)
{
    struct report_column c = {.kind = REPORT_TIME, .type = {.kind = TYPE_DATE}};
    (void)state;
    assert_string_equal(figure_value(&c, 0, text), "1970-01-01");
    assert_string_equal(figure_value(&c, 19148.5, text), "2022-06-05 12:00:00");
    assert_string_equal(figure_value(&c, 11.0 / 86400, text), "1970-01-01 00:00:11");
    assert_string_equal(figure_value(&c, 1e12, text), "1,000,000,000,000"); /* no date at all */
    assert_string_equal(figure_value(&c, NAN, text), "-");
    assert_string_equal(figure_span(&c, 12.3456, text), "12.35 days");
    assert_string_equal(figure_short(&c, 19148.5, text), "2022-06-05");
    c.type.kind = TYPE_TIMESTAMP;
    assert_string_equal(figure_value(&c, 1654430400e6 + 1.5e6, text), "2022-06-05 12:00:01");
    assert_string_equal(figure_value(&c, -1, text), "1969-12-31 23:59:59");
    assert_string_equal(figure_value(&c, 253402300799e6, text), "9999-12-31 23:59:59");
    assert_string_equal(figure_value(&c, 253402300800e6, text), "9999-12-31 23:59:59");
    assert_string_equal(figure_span(&c, 86400e6 * 2, text), "2 days");
    assert_string_equal(figure_span(&c, 3600e6 * 2.5, text), "2.5 h");
    assert_string_equal(figure_span(&c, 60e6 * 17.25, text), "17.25 min");
    assert_string_equal(figure_span(&c, 0, text), "0 days");
    c = (struct report_column){.kind = REPORT_NUMBER};
    assert_string_equal(figure_value(&c, 1234.5, text), "1,234.5");
    assert_string_equal(figure_short(&c, 353.00507, text), "353");
    assert_string_equal(figure_short(&c, 0.123456, text), "0.1235");
    assert_string_equal(figure_span(&c, 2.5, text), "2.5");
}

/* A comma for a point, and one of several bytes. */
static void any_locale(void **state)
{
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    int met = 0;
    (void)state;
    for (size_t i = 0; i < sizeof locales / sizeof locales[0]; i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        assert_string_equal(figure_number(1234.5, text), "1,234.5");
        assert_string_equal(figure_number(1.25e-10, text), "1.25e-10");
        assert_string_equal(figure_share(0.198, text), "19.8 %");
        met++;
    }
    setlocale(LC_ALL, "C");
    if (met == 0) {
        print_message("SKIP: no locale with a comma; install locales-all\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(shares),
        cmocka_unit_test(values_of_columns),
        cmocka_unit_test(any_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
