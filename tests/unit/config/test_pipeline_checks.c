/* pipeline_checks: every form of a check, its defaults, --set, warnings. (What is refused is in
 * fixtures/pipelines/bad.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/pipeline.h"
#include "core/data/checks.h"

#define FILE_OF_ALL "fixtures/pipelines/good/checks.yaml"

static enum err_code load(const char *const *sets, size_t n, struct pipeline **out, struct err *err)
{
    return pipeline_load(&(struct pipeline_options){.file = FILE_OF_ALL, .sets = sets, .nsets = n}, out, err);
}

static struct pipeline *with(const char *const *sets, size_t n)
{
    struct err err = ERR_INIT;
    struct pipeline *p;
    if (load(sets, n, &p, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return p;
}

static struct pipeline *good(const char *set)
{
    return with(&set, set != NULL);
}

static void is(const struct check *check, enum check_kind kind, enum check_on on, const char *text)
{
    assert_int_equal(check->kind, kind);
    assert_int_equal(check->on, on);
    if (text)
        assert_string_equal(check->text, text);
    else
        assert_null(check->text);
}

static void columns(void **state)
{
    struct pipeline *p = good(NULL);
    const struct schema_column *c = p->schema.columns;

    (void)state;
    assert_int_equal(p->schema.contract, CONTRACT_EVOLVE);
    assert_int_equal(c[0].checks.n, 2);
    is(&c[0].checks.items[0], CHECK_KIND_MIN, CHECK_ON_REJECT, "1");
    is(&c[0].checks.items[1], CHECK_KIND_UNIQUE, CHECK_ON_REJECT, NULL);
    assert_int_equal(c[1].checks.n, 4);
    is(&c[1].checks.items[0], CHECK_KIND_REGEX, CHECK_ON_REJECT, "^[A-Z]{2}[0-9]+$");
    is(&c[1].checks.items[1], CHECK_KIND_IN, CHECK_ON_WARN, NULL);
    assert_string_equal(c[1].checks.items[1].in[1].str, "AB2");
    is(&c[1].checks.items[2], CHECK_KIND_NULLS, CHECK_ON_FAIL, "5%");
    assert_int_equal(c[1].checks.items[2].nulls.share_ppm, 50000);
    is(&c[1].checks.items[3], CHECK_KIND_NULLS, CHECK_ON_WARN, "0");
    assert_int_equal(c[2].checks.n, 2);
    is(&c[2].checks.items[0], CHECK_KIND_MIN, CHECK_ON_FAIL, "0");
    is(&c[2].checks.items[1], CHECK_KIND_MAX, CHECK_ON_FAIL, "120");
    assert_int_equal(c[3].checks.n, 0); /* unique: false */
    assert_int_equal(c[4].checks.n, 3);
    pipeline_free(p);
}

static void hours(void **state)
{
    struct pipeline *p = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(
        pipeline_load(&(struct pipeline_options){.file = "fixtures/pipelines/good/hour_checks.yaml"}, &p,
                      &err),
        ERR_OK);
    assert_int_equal(p->nchecks, 3);
    assert_string_equal(p->checks[0].name, "enough");
    assert_int_equal(p->checks[0].kind, HOUR_CHECK_ROWS);
    assert_int_equal(p->checks[0].on, CHECK_ON_WARN);
    assert_int_equal(p->checks[0].rows_min, 1000);
    assert_int_equal(p->checks[0].rows_max, INT64_MAX);
    assert_int_equal(p->checks[1].kind, HOUR_CHECK_MEAN);
    assert_int_equal(p->checks[1].on, CHECK_ON_FAIL);
    assert_int_equal(p->checks[1].column, 1); /* among the loaded ones */
    assert_true(p->checks[1].min == -1.5);
    assert_true(isinf(p->checks[1].max));
    assert_int_equal(p->checks[2].kind, HOUR_CHECK_SQL);
    assert_string_equal(p->checks[2].sql, "SELECT * FROM {table} WHERE _load IN {loads} AND age < 0");
    assert_int_equal(p->checks[2].line, 13);
    pipeline_free(p);
}

static void sets(void **state)
{
    const char *const max = "schema.columns.code.checks.max=3", *const all = "checks=[]",
                      *const one = "schema.columns.id.checks=[]";
    struct err err = ERR_INIT;
    struct pipeline *p = good("schema.columns.age.checks.on=warn");

    (void)state;
    is(&p->schema.columns[2].checks.items[0], CHECK_KIND_MIN, CHECK_ON_WARN, "0");
    pipeline_free(p);
    assert_int_equal(load(&max, 1, &p, &err), ERR_CONFIG);
    assert_non_null(
        strstr(err.msg, "the column's checks are a list, which can be changed in the file alone"));
    err_clear(&err);
    assert_int_equal(load(&all, 1, &p, &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "this list can be changed in the file alone"));
    err_clear(&err);
    assert_int_equal(load(&one, 1, &p, &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "this is a section"));
}

/* NULL: of nothing. */
static void warns_of(const char *const *sets, size_t n, const char *text)
{
    struct pipeline *p = with(sets, n);
    struct err err = ERR_INIT;
    struct buf out;

    buf_init(&out, 4096);
    assert_int_equal(pipeline_warnings(p, &out, &err), ERR_OK);
    if (text)
        assert_non_null(strstr(buf_str(&out), text));
    else
        assert_string_equal(buf_str(&out), "");
    buf_release(&out);
    pipeline_free(p);
}

static void warnings(void **state)
{
    const char *const filled[] = {"schema.columns.code.nullable=false"};
    const char *const hourly[] = {"target.commit_unit=hour", "schema.columns.id.checks.on=fail"};
    const char *const chunked[] = {"target.commit_unit=chunk", "schema.columns.id.checks.unique=false"};

    (void)state;
    warns_of(NULL, 0, NULL);
    warns_of(filled, 1, "column code has max_nulls but is not nullable");
    warns_of(hourly, 2, "column id: unique holds for what is loaded together");
    warns_of(chunked, 2, "column code: max_nulls is a share and target.commit_unit is chunk");
}

static bool fail_nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void out_of_memory(void **state)
{
    static const char *const files[] = {FILE_OF_ALL, "fixtures/pipelines/good/hour_checks.yaml"};

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        bool done = false;
        for (int n = 0; !done; n++) {
            struct err err = ERR_INIT;
            struct pipeline *p;
            int left = n;

            mem_set_fault(fail_nth, &left);
            enum err_code code = pipeline_load(&(struct pipeline_options){.file = files[f]}, &p, &err);
            mem_set_fault(NULL, NULL);
            done = left >= 0;
            assert_int_equal(code, done ? ERR_OK : ERR_NOMEM);
            pipeline_free(p);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns), cmocka_unit_test(hours),
                                       cmocka_unit_test(sets), cmocka_unit_test(warnings),
                                       cmocka_unit_test(out_of_memory)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
