/* min, max and in, for each kind of storage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/mem.h"
#include "core/data/checks.h"
#include "core/data/types.h"

/* What the check says about `text` (NULL = NULL) in a column of this type; bounds NULL = none, `in` ends with
 * NULL. */
static enum err_name verdict(const char *type_text, const char *min, const char *max, const char *const *in,
                             const char *text)
{
    struct schema_column column = {0};
    size_t loaded = 0;
    struct schema schema = {.columns = &column, .ncolumns = 1, .loaded = &loaded, .nloaded = 1};
    struct err err = ERR_INIT;
    struct batch *b;
    assert_int_equal(type_parse(type_text, &column.type, &err), ERR_OK);
    if (min)
        assert_int_equal(checks_add(&column, CHECK_KIND_MIN, CHECK_ON_REJECT, min, &err), ERR_OK);
    if (max)
        assert_int_equal(checks_add(&column, CHECK_KIND_MAX, CHECK_ON_REJECT, max, &err), ERR_OK);
    if (in)
        assert_int_equal(checks_add(&column, CHECK_KIND_IN, CHECK_ON_REJECT, NULL, &err), ERR_OK);
    for (; in && *in; in++)
        assert_int_equal(checks_add_value(&column, *in, &err), ERR_OK);
    assert_int_equal(batch_new(&schema, 1, 100, &b, &err), ERR_OK);
    if (text)
        assert_int_equal(types_put(b, 0, &column.type, text, strlen(text)), ERRN_NONE);
    else
        batch_set_null(b, 0);
    const struct check *check = NULL;
    enum err_name name = checks_cell(b, 0, 0, &check);
    assert_true((name == ERRN_NONE) == (check == NULL));
    if (check)
        assert_int_equal(check_error(check), name);
    batch_free(b);
    checks_release(&column.checks);
    assert_false(checks_any_cell(&column.checks));
    return name;
}

static void numbers_and_times(void **state)
{
    (void)state;
    static const char *const cases[][5] = {
        /* type, one below, min, max, one above */
        {"int", "-1", "0", "120", "121"},
        {"bigint", "-9223372036854775808", "-9223372036854775807", "9223372036854775806",
         "9223372036854775807"},
        {"double", "-0.5000000000000001", "-0.5", "1e10", "10000000000.000002"},
        {"float", "0.09", "0.1", "0.7", "0.71"},
        {"decimal(10,2)", "-10.01", "-10", "9.5", "9.51"},
        {"decimal(30,10)", "9999999999.9999999999", "10000000000", "99999999999999999999",
         "99999999999999999999.1"},
        {"date", "2021-12-31", "2022-01-01", "2022-12-31", "2023-01-01"},
        {"timestamp", "2021-12-31 23:59:59.999999", "2022-01-01 00:00:00", "2022-01-02T00:00:00+01:00",
         "2022-01-01 23:00:00.000001"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *c = cases[i];
        assert_int_equal(verdict(c[0], c[2], c[3], NULL, c[1]), ERRN_CHECK_MIN);
        assert_int_equal(verdict(c[0], c[2], c[3], NULL, c[2]), ERRN_NONE);
        assert_int_equal(verdict(c[0], c[2], c[3], NULL, c[3]), ERRN_NONE);
        assert_int_equal(verdict(c[0], c[2], c[3], NULL, c[4]), ERRN_CHECK_MAX);
        assert_int_equal(verdict(c[0], c[2], NULL, NULL, c[4]), ERRN_NONE);
        assert_int_equal(verdict(c[0], NULL, c[3], NULL, c[1]), ERRN_NONE);
        assert_int_equal(verdict(c[0], c[2], c[3], NULL, NULL), ERRN_NONE);
    }
}

static void lists(void **state)
{
    (void)state;
    static const char *const words[] = {"red", "", "green", NULL}, *const numbers[] = {"3", "7", NULL},
                             *const prices[] = {"1.5", "-2", NULL};
    assert_int_equal(verdict("text", NULL, NULL, words, "red"), ERRN_NONE);
    assert_int_equal(verdict("text", NULL, NULL, words, ""), ERRN_NONE);
    assert_int_equal(verdict("varchar(9)", NULL, NULL, words, "green"), ERRN_NONE);
    assert_int_equal(verdict("text", NULL, NULL, words, "re"), ERRN_CHECK_IN);
    assert_int_equal(verdict("text", NULL, NULL, words, "reds"), ERRN_CHECK_IN);
    assert_int_equal(verdict("text", NULL, NULL, words, "Red"), ERRN_CHECK_IN);
    assert_int_equal(verdict("text", NULL, NULL, words, NULL), ERRN_NONE);
    assert_int_equal(verdict("int", NULL, NULL, numbers, "7"), ERRN_NONE);
    assert_int_equal(verdict("int", NULL, NULL, numbers, "5"), ERRN_CHECK_IN);
    assert_int_equal(verdict("int", "5", NULL, numbers, "3"), ERRN_CHECK_MIN);
    assert_int_equal(verdict("double", NULL, NULL, numbers, "7.0"), ERRN_NONE);
    assert_int_equal(verdict("decimal(5,2)", NULL, NULL, prices, "1.50"), ERRN_NONE);
    assert_int_equal(verdict("decimal(5,2)", NULL, NULL, prices, "2"), ERRN_CHECK_IN);
}

static enum err_name matches(const char *type_text, const char *regex, const char *text)
{
    struct schema_column column = {.name = (char[]){"c"}};
    size_t loaded = 0;
    struct schema schema = {.columns = &column, .ncolumns = 1, .loaded = &loaded, .nloaded = 1};
    struct err err = ERR_INIT;
    const struct check *check = NULL;
    struct batch *b;
    assert_int_equal(type_parse(type_text, &column.type, &err), ERR_OK);
    assert_int_equal(checks_add(&column, CHECK_KIND_REGEX, CHECK_ON_WARN, regex, &err), ERR_OK);
    assert_int_equal(batch_new(&schema, 2, 4096, &b, &err), ERR_OK);
    /* Text that goes on behind the value must not be seen. */
    assert_int_equal(types_put(b, 0, &column.type, text, strlen(text)), ERRN_NONE);
    batch_commit_row(b, 1, 0);
    batch_begin_row(b);
    assert_int_equal(types_put(b, 0, &column.type, "0123456789", 10), ERRN_NONE);
    enum err_name name = checks_cell(b, 0, 0, &check);
    batch_free(b);
    checks_release(&column.checks);
    return name;
}

static void regular_expressions(void **state)
{
    (void)state;
    assert_int_equal(matches("text", "^[A-Z]{2}[0-9]+$", "AB12"), ERRN_NONE);
    assert_int_equal(matches("text", "^[A-Z]{2}[0-9]+$", "AB"), ERRN_CHECK_REGEX);
    assert_int_equal(matches("text", "^[A-Z]{2}[0-9]+$", "xAB12"), ERRN_CHECK_REGEX);
    assert_int_equal(matches("varchar(10)", "b", "abc"), ERRN_NONE); /* anywhere */
    assert_int_equal(matches("text", "^$", ""), ERRN_NONE);
    assert_int_equal(matches("text", "x", ""), ERRN_CHECK_REGEX);
    assert_int_equal(matches("text", "a|b", "b"), ERRN_NONE);           /* extended */
    assert_int_equal(matches("text", "^.{2}$", "\xc3\xa9"), ERRN_NONE); /* bytes */
}

static void what_cannot_be_made(void **state)
{
    (void)state;
    struct schema_column column = {.name = (char[]){"c"}};
    struct err err = ERR_INIT;
    char text[CHECK_REGEX_MAX + 2];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal(type_parse("int", &column.type, &err), ERR_OK);
    assert_int_equal(checks_add(&column, CHECK_KIND_REGEX, CHECK_ON_WARN, text, &err), ERR_NOMEM);
    assert_int_equal(err.name, ERRN_LIMIT);
    err_clear(&err);
    assert_int_equal(checks_add(&column, CHECK_KIND_REGEX, CHECK_ON_WARN, "(a", &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "\"(a\" is no POSIX extended regular expression: "));
    err_clear(&err);
    assert_int_equal(checks_add(&column, CHECK_KIND_MIN, CHECK_ON_WARN, "1.5", &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "\"1.5\" is no value of column c, whose type is int"));
    assert_int_equal(column.checks.n, 0);
    checks_release(&column.checks);
}

/* All that a cell breaks, in the order of the checks. */
static void several_at_once(void **state)
{
    (void)state;
    struct schema_column column = {.name = (char[]){"c"}};
    size_t loaded = 0;
    struct schema schema = {.columns = &column, .ncolumns = 1, .loaded = &loaded, .nloaded = 1};
    struct err err = ERR_INIT;
    const struct check *check = NULL;
    char detail[CHECK_DETAIL_MAX];
    struct batch *b;
    assert_int_equal(type_parse("int", &column.type, &err), ERR_OK);
    assert_int_equal(checks_add(&column, CHECK_KIND_UNIQUE, CHECK_ON_WARN, NULL, &err), ERR_OK);
    assert_false(checks_any_cell(&column.checks));
    assert_int_equal(checks_add(&column, CHECK_KIND_MAX, CHECK_ON_WARN, "5", &err), ERR_OK);
    assert_int_equal(checks_add(&column, CHECK_KIND_MIN, CHECK_ON_FAIL, "0", &err), ERR_OK);
    assert_int_equal(checks_add(&column, CHECK_KIND_MAX, CHECK_ON_REJECT, "9", &err), ERR_OK);
    assert_true(checks_any_cell(&column.checks));
    assert_int_equal(batch_new(&schema, 1, 100, &b, &err), ERR_OK);
    batch_set_i64(b, 0, 10);
    assert_int_equal(checks_cell(b, 0, 0, &check), ERRN_CHECK_MAX);
    assert_int_equal(check->on, CHECK_ON_WARN);
    assert_int_equal(checks_cell(b, 0, 0, &check), ERRN_CHECK_MAX);
    assert_int_equal(check->on, CHECK_ON_REJECT);
    check_detail(check, "10", 2, detail);
    assert_string_equal(detail, "10 is over the maximum 9");
    assert_int_equal(checks_cell(b, 0, 0, &check), ERRN_NONE);
    batch_free(b);
    checks_release(&column.checks);
}

/* A long rule is cut between characters: what is kept of it is a text again. */
static void a_long_rule_is_cut(void **state)
{
    (void)state;
    char name[] = "c";
    struct schema_column column = {.name = name};
    struct err err = ERR_INIT;
    char rule[82] = "", detail[CHECK_DETAIL_MAX];
    for (size_t i = 1; i < 81; i += 2)
        memcpy(rule + i, "\xc3\xa4", 2);
    rule[0] = 'x';
    assert_int_equal(type_parse("text", &column.type, &err), ERR_OK);
    for (size_t skip = 0; skip < 2; skip++) {
        assert_int_equal(checks_add(&column, CHECK_KIND_REGEX, CHECK_ON_WARN, rule + skip, &err), ERR_OK);
        check_detail(&column.checks.items[skip], "x", 1, detail);
        assert_int_equal(utf8_length(detail, strlen(detail)), 55);
    }
    checks_release(&column.checks);
}

static bool fail_nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void out_of_memory(void **state)
{
    (void)state;
    static const struct {
        enum check_kind kind;
        const char *text;
    } cases[] = {{CHECK_KIND_MIN, "1.50"}, {CHECK_KIND_IN, NULL}, {CHECK_KIND_REGEX, "^a"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool done = false;
        for (int n = 0; !done; n++) {
            struct schema_column column = {.name = (char[]){"c"}};
            struct err err = ERR_INIT;
            int left = n;
            assert_int_equal(type_parse(i == 2 ? "text" : "decimal(5,2)", &column.type, &err), ERR_OK);
            mem_set_fault(fail_nth, &left);
            enum err_code code = checks_add(&column, cases[i].kind, CHECK_ON_REJECT, cases[i].text, &err);
            if (code == ERR_OK && !cases[i].text)
                code = checks_add_value(&column, "2", &err);
            mem_set_fault(NULL, NULL);
            done = left >= 0;
            assert_int_equal(code, done ? ERR_OK : ERR_NOMEM);
            checks_release(&column.checks);
        }
    }
}

static void nothing_to_release(void **state)
{
    (void)state;
    struct checks none = {0};
    checks_release(&none);
    checks_release(NULL);
    assert_false(checks_any_cell(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_times),   cmocka_unit_test(lists),
        cmocka_unit_test(regular_expressions), cmocka_unit_test(what_cannot_be_made),
        cmocka_unit_test(several_at_once),     cmocka_unit_test(out_of_memory),
        cmocka_unit_test(nothing_to_release),  cmocka_unit_test(a_long_rule_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
