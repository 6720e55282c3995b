/* layout: patterns that compile or do not, keys that match or do not, prefixes and keys made from hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/layout.h"
#include "core/store/store.h"

#define USUAL "yyyy=%Y/mm=%m/dd=%d/hh=%H/*.csv"

static struct layout *compile(const char *pattern)
{
    struct err err = ERR_INIT;
    struct layout *layout = NULL;

    if (layout_compile(pattern, &layout, &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    return layout;
}

static void bad_patterns_are_refused(void **state)
{
    static const struct {
        const char *pattern, *says;
    } cases[] = {
        {"", "empty"},
        {"%Y/%m/%d/*.csv", "%H"},
        {"%m/%d/%H/*.csv", "%Y"},
        {"%Y/%m/%d/%H/%M.csv", "%Y, %m, %d, %H"},
        {"%Y/%m/%d/%H/x%", "%Y, %m, %d, %H"},
        {"/%Y/%m/%d/%H/*", "empty"},
        {"%Y/%m//%d/%H/*", "empty"},
        {"%Y/%m/%d/%H/", "empty"},
        {"../%Y/%m/%d/%H/*", "never read"},
        {"./%Y/%m/%d/%H/*", "never read"},
        {"%Y/%m/%d/%H/_tmp/*", "never read"},
        {"%Y/%m/%d/%H/.*", "never read"},
    };
    char longer[STORE_KEY_MAX + 32];
    struct layout *none = NULL;
    struct err none_err = ERR_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = ERR_INIT;
        struct layout *layout = NULL;

        assert_int_equal(layout_compile(cases[i].pattern, &layout, &err), ERR_CONFIG);
        assert_null(layout);
        if (!strstr(err.msg, cases[i].says)) {
            fail_msg("\"%s\" does not say \"%s\"", err.msg, cases[i].says);
        }
    }
    memset(longer, 'x', sizeof longer);
    memcpy(longer + sizeof longer - 16, "/%Y/%m/%d/%H/*", 15);
    assert_int_equal(layout_compile(longer, &none, &none_err), ERR_CONFIG);
    layout_free(NULL);
}

static void keys_match_or_not(void **state)
{
    static const struct {
        const char *pattern, *key, *hour; /* NULL: ignored, "": hidden */
    } cases[] = {
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/a.csv", "2022-06-05T12"},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=00/a.b c.csv", "2022-06-05T00"},
        {USUAL, "yyyy=2024/mm=02/dd=29/hh=23/a.csv.gz", "2024-02-29T23"},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/a.csv.zst", "2022-06-05T12"},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/a.csv.csv", "2022-06-05T12"},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/a.csv.bz2", NULL},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/a.csv.gz.gz", NULL},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/a.CSV", NULL},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/x/a.csv", NULL},
        {USUAL, "x/yyyy=2022/mm=06/dd=05/hh=12/a.csv", NULL},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12", NULL},
        {USUAL, "yyyy=2022/mm=6/dd=05/hh=12/a.csv", NULL},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=24/a.csv", NULL},
        {USUAL, "yyyy=2023/mm=02/dd=29/hh=00/a.csv", NULL},
        {USUAL, "yyyy=2022/mm=13/dd=05/hh=12/a.csv", NULL},
        {USUAL, "yyyy=+202/mm=06/dd=05/hh=12/a.csv", NULL},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/.a.csv", ""},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/_a.csv", ""},
        {USUAL, "yyyy=2022/mm=06/dd=05/hh=12/.csv", ""},
        {USUAL, "_tmp/yyyy=2022/mm=06/dd=05/hh=12/a.csv", ""},
        {USUAL, "yyyy=2022/mm=06/_SUCCESS", ""},
        {USUAL, "a_b/.", ""},
        {"%Y%m%d%H.csv", "2022060512.csv", "2022-06-05T12"},
        {"%Y%m%d%H.csv", "2022060512.csv.gz", "2022-06-05T12"},
        {"%Y%m%d%H.csv", "20220605123.csv", NULL},
        {"%Y%m%d%H.csv", "2022060512", NULL},
        {"%Y%m%d%H.txt", "2022060512.txt.gz", NULL},
        {"*-%Y%m%d%H.csv", "loans-eu-2022060512.csv", "2022-06-05T12"},
        {"*-%Y%m%d%H.csv", "-2022060512.csv", "2022-06-05T12"},
        {"*-%Y%m%d%H.csv", "loans-12-2022060512.csv", "2022-06-05T12"},
        {"*%Y%m%d%H*", "x12022060512y", NULL}, /* the shortest run: 1202-20-60T51 is no hour */
        {"*/%Y/%m/%d/%H/*", "eu/2022/06/05/12/a", "2022-06-05T12"},
        {"*/%Y/%m/%d/%H/*", "eu/x/2022/06/05/12/a", NULL},
        {"*a*b*/%Y%m%d%H", "xaaybzbb/2022060512", "2022-06-05T12"},
        {"*a*b*c/%Y%m%d%H", "xaaybzbb/2022060512", NULL},
        {"100%%/%Y%m%d%H", "100%/2022060512", "2022-06-05T12"},
        {"%Y/%Y%m%d/%H", "2022/20220605/12", "2022-06-05T12"},
        {"%Y/%Y%m%d/%H", "2021/20220605/12", NULL},
        {"*%H/%Y%m%d-%H", "12x13/20220605-13", "2022-06-05T13"},
        {"%Y%m%d%H\xff*", "2022060512\xff\xfe", "2022-06-05T12"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct layout *layout = compile(cases[i].pattern);
        enum layout_match wanted = !cases[i].hour     ? LAYOUT_IGNORED
                                   : cases[i].hour[0] ? LAYOUT_MATCH
                                                      : LAYOUT_HIDDEN;
        hour_t hour = 0;
        char text[HOUR_TEXT_MAX];

        if (layout_match(layout, cases[i].key, &hour) != wanted) {
            fail_msg("%s and %s: not %d", cases[i].pattern, cases[i].key, wanted);
        }
        if (wanted == LAYOUT_MATCH) {
            hour_format(hour, text);
            assert_string_equal(text, cases[i].hour);
        }
        layout_free(layout);
    }
}

static hour_t at(const char *text)
{
    struct err err = ERR_INIT;
    hour_t hour;

    assert_int_equal(hour_parse(text, &hour, &err), ERR_OK);
    return hour;
}

static void prefixes_are_as_long_as_they_may_be(void **state)
{
    static const struct {
        const char *pattern, *from, *to, *prefix;
    } cases[] = {
        {USUAL, "2022-06-05T12", "2022-06-05T13", "yyyy=2022/mm=06/dd=05/hh=12/"},
        {USUAL, "2022-06-05T12", "2022-06-05T12", "yyyy=2022/mm=06/dd=05/hh=12/"},
        {USUAL, "2022-06-05T12", "2022-06-05T14", "yyyy=2022/mm=06/dd=05/hh="},
        {USUAL, "2022-06-05", "2022-06-06", "yyyy=2022/mm=06/dd=05/hh="},
        {USUAL, "2022-06-05T23", "2022-06-06T01", "yyyy=2022/mm=06/dd="},
        {USUAL, "2022-06-05T12", "2022-06-06T13", "yyyy=2022/mm=06/dd="},
        {USUAL, "2022-12-31T23", "2023-01-01T01", "yyyy="},
        {"%H/%Y/%m/%d/*", "2022-06-05T12", "2022-06-06T13",
         ""}, /* the same hour of two days: others lie between */
        {"%H/%Y/%m/%d/*", "2022-06-05T12", "2022-06-05T13", "12/2022/06/05/"},
        {"a%%b/%Y%m%d%H.csv", "2022-06-05T12", "2022-06-05T13", "a%b/2022060512.csv"},
        {"*/%Y/%m/%d/%H/*", "2022-06-05T12", "2022-06-05T13", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct layout *layout = compile(cases[i].pattern);
        struct err err = ERR_INIT;
        struct buf out;

        buf_init(&out, STORE_KEY_MAX);
        assert_int_equal(layout_range_prefix(layout, at(cases[i].from), at(cases[i].to), &out, &err), ERR_OK);
        assert_string_equal(buf_str(&out), cases[i].prefix);
        buf_release(&out);
        layout_free(layout);
    }
}

static void keys_are_made_for_files(void **state)
{
    static const struct {
        const char *pattern, *name, *key;
    } cases[] = {
        {USUAL, "part-0.csv", "yyyy=2022/mm=06/dd=05/hh=12/part-0.csv"},
        {USUAL, "part-0.csv.gz", "yyyy=2022/mm=06/dd=05/hh=12/part-0.csv.gz"},
        {"%Y%m%d%H/*/data.csv", "p0", "2022060512/p0/data.csv"},
        {"%Y%m%d%H-*", "p0", "2022060512-p0"},
        {USUAL, "part-0.txt", NULL},
        {USUAL, "_part-0.csv", NULL},
        {USUAL, "sub/part-0.csv", NULL},
        {"*/%Y%m%d%H/*.csv", "part-0.csv", NULL},
        {"%Y%m%d%H.csv", "part-0.csv", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct layout *layout = compile(cases[i].pattern);
        struct err err = ERR_INIT;
        hour_t back = 0;
        struct buf out;

        buf_init(&out, STORE_KEY_MAX);
        assert_int_equal(layout_key(layout, at("2022-06-05T12"), cases[i].name, &out, &err),
                         cases[i].key ? ERR_OK : ERR_CONFIG);
        if (cases[i].key) {
            assert_string_equal(buf_str(&out), cases[i].key);
            assert_int_equal(layout_match(layout, buf_str(&out), &back), LAYOUT_MATCH);
            assert_int_equal(back, at("2022-06-05T12"));
        }
        buf_release(&out);
        layout_free(layout);
    }
}

/* A prefix never cuts off a key that matches. */
static void every_hour_is_under_its_prefix(void **state)
{
    struct layout *layout = compile("y=%Y/%m%d/*-%H.csv");
    hour_t start = at("2023-12-30T20");

    (void)state;
    for (hour_t h = start; h < start + 24 * 70; h++) {
        struct err err = ERR_INIT;
        struct buf key, prefix;
        hour_t back;

        buf_init(&key, STORE_KEY_MAX);
        buf_init(&prefix, STORE_KEY_MAX);
        assert_int_equal(layout_key(layout, h, "x", &key, &err), ERR_OK);
        assert_int_equal(layout_match(layout, buf_str(&key), &back), LAYOUT_MATCH);
        assert_int_equal(back, h);
        for (hour_t span = 0; span < 2000; span += 37) {
            buf_clear(&prefix);
            assert_int_equal(layout_range_prefix(layout, h - span / 2, h + 1 + span / 2, &prefix, &err),
                             ERR_OK);
            assert_memory_equal(buf_str(&key), buf_str(&prefix), prefix.len);
        }
        buf_release(&key);
        buf_release(&prefix);
    }
    layout_free(layout);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void memory_may_be_out(void **state)
{
    struct layout *layout = NULL, *good = compile(USUAL);
    struct err a = ERR_INIT, b = ERR_INIT;
    struct buf out;

    (void)state;
    buf_init(&out, STORE_KEY_MAX);
    mem_set_fault(always, NULL);
    assert_int_equal(layout_compile(USUAL, &layout, &a), ERR_NOMEM);
    assert_int_equal(layout_prefix(good, 0, &out, &b), ERR_NOMEM);
    mem_set_fault(NULL, NULL);
    assert_null(layout);
    buf_release(&out);
    layout_free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_patterns_are_refused),
        cmocka_unit_test(keys_match_or_not),
        cmocka_unit_test(prefixes_are_as_long_as_they_may_be),
        cmocka_unit_test(keys_are_made_for_files),
        cmocka_unit_test(every_hour_is_under_its_prefix),
        cmocka_unit_test(memory_may_be_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
