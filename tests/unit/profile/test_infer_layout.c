/* infer_layout: the pattern that most keys have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/profile/infer_layout.h"
#include "core/store/layout.h"

static struct infer_layout_result result;

static const char *pattern_of(const char *const *keys)
{
    struct infer_layout *layout = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(infer_layout_new(&layout, &err), ERR_OK);
    for (; *keys; keys++)
        assert_int_equal(infer_layout_add(layout, *keys, &err), ERR_OK);
    infer_layout_finish(layout, &result);
    infer_layout_free(layout);
    return result.pattern;
}

#define PATTERN(want, ...) assert_string_equal(pattern_of((const char *const[]){__VA_ARGS__, NULL}), want)

static void folders(void **state)
{
    (void)state;
    PATTERN("yyyy=%Y/mm=%m/dd=%d/hh=%H/*.csv", "yyyy=2022/mm=06/dd=05/hh=12/a.csv");
    PATTERN("year=%Y/month=%m/day=%d/hour=%H/*.csv", "year=2022/month=06/day=05/hour=12/a.csv.gz");
    PATTERN("y=%Y/m=%m/d=%d/h=%H/*.csv", "y=2022/m=06/d=05/h=12/a.csv.zst");
    PATTERN("%Y/%m/%d/%H/*.csv", "2022/06/05/12/a.csv", "2022/06/05/13/2.csv");
    PATTERN("dt=%Y-%m-%d/hour=%H/*.csv", "dt=2022-06-05/hour=12/a.csv");
    PATTERN("dt=%Y%m%d/hr=%H/*.csv", "dt=20220605/hr=12/a.csv");
    PATTERN("%Y%m%d%H/*.csv", "2022060512/a.csv");
    PATTERN("%Y%m%d/%H/*.csv", "20220605/12/a.csv");
    PATTERN("%Y-%m-%dT%H/*.csv", "2022-06-05T12/a.csv");
    PATTERN("lake/%Y/%m/%d/%H/*.csv", "lake/2022/06/05/12/a.csv", "lake/2022/06/05/13/a.csv");
    PATTERN("*/%Y/%m/%d/%H/*.csv", "eu/2022/06/05/12/a.csv", "us/2022/06/05/13/a.csv");
    PATTERN("%Y/%m/%d/%H/*/*.csv", "2022/06/05/12/x/a.csv", "2022/06/05/12/y/a.csv");
    PATTERN("100%%/%Y/%m/%d/%H/*.csv", "100%/2022/06/05/12/a.csv");
    PATTERN("log-%Y/%m/%d/%H/*.csv", "log-2022/06/05/12/a.csv");
    PATTERN("year=%Y/month=%m/day=%d/hour=%H/minute=05/*.csv",
            "year=2022/month=06/day=05/hour=12/minute=05/a.csv");
}

static void names(void **state)
{
    (void)state;
    PATTERN("%Y%m%dT%H*.csv", "20220605T12.csv", "20220605T13.csv");
    PATTERN("s_%Y%m%dT%H*.csv", "s_20220605T1200.csv", "s_20220605T1300.csv");
    PATTERN("*%Y-%m-%d_%H*.csv", "a-2022-06-05_12.csv", "b-2022-06-05_13-x.csv");
    PATTERN("%Y/%m/%d/%H*.csv", "2022/06/05/12.csv", "2022/06/05/13-1.csv");
    PATTERN("%Y%m%d%H*.csv", "20220605120000.csv");
    PATTERN("%Y-%m-%dT%H*.csv", "2022-06-05T12:00:00Z.csv");
    PATTERN("%Y/%m/%d/hour-%H*.csv", "2022/06/05/hour-12.csv", "2022/06/05/hour-13.csv");
    PATTERN("%Y/%m/%d/%H/*.tsv", "2022/06/05/12/a.tsv");
    PATTERN("%Y/%m/%d/%H/*.txt.gz", "2022/06/05/12/a.txt.gz");
}

/* What only looks like an hour. */
static void no_hour(void **state)
{
    (void)state;
    PATTERN("%Y/%m/%d/*.csv", "2022/06/05/part-12.csv", "2022/06/05/part-13.csv");
    assert_int_equal(result.time, INFER_DAY);
    PATTERN("%Y/%m/%d/*.csv", "2022/06/05/00012.csv");
    PATTERN("%Y/%m/%d/region=12/*.csv", "2022/06/05/region=12/a.csv");
    PATTERN("yyyy=%Y/mm=%m/dd=%d/min=12/*.csv", "yyyy=2022/mm=06/dd=05/min=12/a.csv");
    PATTERN("%Y/%m/%d/24/*.csv", "2022/06/05/24/a.csv");
    PATTERN("", "a.csv", "b.csv");
    assert_int_equal(result.time, INFER_NO_TIME);
    PATTERN("", "2022/a.csv");
    PATTERN("", "2022/13/05/12/a.csv");
    PATTERN("", "2022/02/30/12/a.csv");
    PATTERN("", "0001/02/03/04/a.csv");
    PATTERN("", "");
}

/* One digit is a time behind its label only, and makes no layout. */
static void one_digit(void **state)
{
    hour_t hour = 0;
    char text[HOUR_TEXT_MAX];
    (void)state;
    PATTERN("dt=%Y-%m-%d/hour=%H/*.csv", "dt=2024-05-01/hour=3/a.csv");
    assert_int_equal(result.time, INFER_ONE_DIGIT);
    PATTERN("dt=%Y-%m-%d/hour=%H/*.csv", "dt=2024-05-01/hour=9/a.csv", "dt=2024-05-01/hour=10/a.csv",
            "dt=2024-05-01/hour=11/a.csv");
    assert_int_equal(result.time, INFER_ONE_DIGIT);
    PATTERN("%Y/%m/%d/%H/*.csv", "dt=2024-05-01/hour=9/a.csv", "2022/06/05/12/a.csv");
    assert_int_equal(result.time, INFER_HOUR);
    assert_int_equal(infer_layout_time("dt=2024-05-01/hour=3/a.csv", &hour), INFER_ONE_DIGIT);
    hour_format(hour, text);
    assert_string_equal(text, "2024-05-01T03");
    assert_int_equal(infer_layout_time("year=2024/month=5/day=1/hour=23/a.csv", &hour), INFER_ONE_DIGIT);
    hour_format(hour, text);
    assert_string_equal(text, "2024-05-01T23");
    assert_int_equal(infer_layout_time("2024/05/01/3/a.csv", &hour), INFER_DAY);
    assert_int_equal(infer_layout_time("2024/05/01/h3.csv", &hour), INFER_DAY);
    assert_int_equal(infer_layout_time("2024/05/01/part=3/a.csv", &hour), INFER_DAY);
    assert_int_equal(infer_layout_time("year=2024/month=0/day=1/hour=3/a.csv", &hour), INFER_NO_TIME);
}

static void most_keys_decide(void **state)
{
    (void)state;
    PATTERN("a/%Y/%m/%d/%H/*.csv", "a/2022/06/05/12/x.csv", "a/2022/06/05/13/x.csv",
            "dt=2022-06-05T12/x.csv");
    PATTERN("%Y%m%dT%H*.csv", "x.csv", "y.csv", "z.csv", "20220605T12.csv"); /* one hour beats none */
    PATTERN("%Y/%m/%d/%H/*.csv", "2022/06/05/12/a.csv", "2022/06/05/12/a.txt", "2022/06/05/12/b.csv.gz",
            "_x/2022.csv", "2022/06/05/12/.a.csv", "2022/06/05/12/a.json");
    assert_int_equal(result.keys, 6);
    assert_int_equal(result.hidden, 2);
    assert_int_equal(result.texts, 3);
    assert_string_equal(result.suffix, ".csv");
}

static void suffixes(void **state)
{
    (void)state;
    assert_string_equal(infer_layout_suffix("a.csv"), ".csv");
    assert_string_equal(infer_layout_suffix("x/a.csv.gz"), ".csv");
    assert_string_equal(infer_layout_suffix("a.csv.zst"), ".csv");
    assert_string_equal(infer_layout_suffix("a.CSV"), ".CSV");
    assert_string_equal(infer_layout_suffix("a.tsv.gz"), ".tsv.gz");
    assert_string_equal(infer_layout_suffix("a.txt"), ".txt");
    assert_null(infer_layout_suffix("a.json"));
    assert_null(infer_layout_suffix("a.gz"));
    assert_null(infer_layout_suffix("csv"));
    assert_null(infer_layout_suffix(".csv"));
    assert_null(infer_layout_suffix("x/.csv"));
    assert_null(infer_layout_suffix("a.csv/b"));
    assert_null(infer_layout_suffix("gz"));
}

static void times(void **state)
{
    hour_t hour = 0;
    char text[HOUR_TEXT_MAX];
    (void)state;
    assert_int_equal(infer_layout_time("2022/06/05/12/a.csv", &hour), INFER_HOUR);
    hour_format(hour, text);
    assert_string_equal(text, "2022-06-05T12");
    assert_int_equal(infer_layout_time("sales-2022-06-05.csv", &hour), INFER_DAY);
    hour_format(hour, text);
    assert_string_equal(text, "2022-06-05T00");
    assert_int_equal(infer_layout_time("sales.csv", &hour), INFER_NO_TIME);
}

/* Whatever the keys: a pattern that says INFER_HOUR compiles, and matches one of them. */
static void any_keys(void **state)
{
    static const char alphabet[] = "0122/-_=.T%*\x01yhma";
    uint32_t seed = 7;
    (void)state;
    for (int round = 0; round < 30000; round++) {
        char keys[3][48];
        const char *list[4] = {keys[0], keys[1], keys[2], NULL};
        struct layout *layout = NULL;
        struct err err = ERR_INIT;
        hour_t hour;
        bool any = false;
        for (int k = 0; k < 3; k++) {
            size_t n = (seed >> 24) % 12;
            for (size_t i = 0; i < n; i++) {
                seed = seed * 1664525 + 1013904223;
                keys[k][i] = alphabet[(seed >> 16) % (sizeof alphabet - 1)];
            }
            seed = seed * 1664525 + 1013904223;
            snprintf(keys[k] + n, sizeof keys[k] - n, "%s%s.csv",
                     seed >> 30 ? "2022/06/05T12" : "2022-0605/12", seed >> 28 & 1 ? "/x" : "");
        }
        pattern_of(list);
        if (result.time != INFER_HOUR)
            continue;
        if (layout_compile(result.pattern, &layout, &err))
            fail_msg("%s: %s", result.pattern, err.msg);
        for (int k = 0; k < 3; k++)
            any = any || layout_match(layout, keys[k], &hour) == LAYOUT_MATCH;
        layout_free(layout);
        if (!any)
            fail_msg("%s matches none of %s %s %s", result.pattern, keys[0], keys[1], keys[2]);
    }
}

/* More forms than are kept: the first ones count on. */
static void many_forms(void **state)
{
    struct infer_layout *layout = NULL;
    struct err err = ERR_INIT;
    char key[256];
    (void)state;
    assert_int_equal(infer_layout_new(&layout, &err), ERR_OK);
    assert_int_equal(infer_layout_add(layout, "2022/06/05/12/a.csv", &err), ERR_OK);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "v%dx-2022/06/05/12/a.csv", i);
        assert_int_equal(infer_layout_add(layout, key, &err), ERR_OK);
        assert_int_equal(infer_layout_add(layout, "2022/06/05/13/a.csv", &err), ERR_OK);
    }
    infer_layout_finish(layout, &result);
    infer_layout_free(layout);
    assert_string_equal(result.pattern, "%Y/%m/%d/%H/*.csv");
    assert_int_equal(result.keys, 2001);
}

static unsigned left;
static bool fails(void *ctx)
{
    (void)ctx;
    return left > 0 && --left == 0;
}

static void short_memory(void **state)
{
    enum err_code code = ERR_NOMEM;
    (void)state;
    for (unsigned n = 1; code != ERR_OK; n++) {
        struct infer_layout *layout = NULL;
        struct err err = ERR_INIT;
        left = n;
        mem_set_fault(fails, NULL);
        code = infer_layout_new(&layout, &err);
        if (code == ERR_OK)
            code = infer_layout_add(layout, "a/b/2022/06/05/12/x.csv", &err);
        if (code == ERR_OK)
            code = infer_layout_add(layout, "c/x.csv", &err);
        mem_set_fault(NULL, NULL);
        infer_layout_free(layout);
        assert_true(code == ERR_OK || code == ERR_NOMEM);
        assert_true(n < 100);
    }
    left = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders),
        cmocka_unit_test(names),
        cmocka_unit_test(no_hour),
        cmocka_unit_test(one_digit),
        cmocka_unit_test(most_keys_decide),
        cmocka_unit_test(suffixes),
        cmocka_unit_test(times),
        cmocka_unit_test(any_keys),
        cmocka_unit_test(many_forms),
        cmocka_unit_test(short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
