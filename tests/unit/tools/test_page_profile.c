/* page_profile: one file, well-formed, with nothing in it that acts or comes from elsewhere, whatever the
 * data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3_sign.h"
#include "core/base/mem.h"
#include "tests/support/page_check.h"
#include "tests/support/report_kit.h"
#include "tools/page_profile.h"

static struct buf out;
static struct page_seen seen;

/* Writes the page and checks what holds for every page. */
static const char *page(const struct report *r)
{
    struct err err = ERR_INIT;

    buf_clear(&out);
    if (page_profile(r, &out, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    assert_in_range(out.len, 1, PAGE_PROFILE_MAX);
    free(seen.shown);
    page_check(out.data, out.len, &seen);
    return out.data;
}

static void has(const char *text)
{
    if (!strstr(seen.shown, text))
        fail_msg("not shown: %s", text);
}

static void has_not(const char *text)
{
    if (strstr(seen.shown, text))
        fail_msg("shown: %s", text);
}

/* ---- */

static void loans(void **state)
{
    struct report *r = kit_loans(2000);
    char *first;
    (void)state;

    page(r);
    has("loan_applicants");
    has("2,000");
    has("CAST_INT");
    has("2 hours have no object: ");
    has("No value is there twice.");
    has("Lowest values: ");
    has("Highest values: ");
    has("Furthest above the fence: ");
    has("=2+3");
    has("The axis ends at the 99 % quantile");
    has("Class balance");
    has("Goes with ");
    has("strong");
    has("of all records");
    assert_non_null(strstr(out.data, "aria-label=\"Contents\""));
    assert_null(strstr(out.data, "http://"));
    assert_null(strstr(out.data, "https://"));
    assert_in_range(seen.tables, 20, 60);
    first = strdup(out.data);
    page(r);
    assert_string_equal(first, out.data);
    free(first);
    has("Refused records");
    assert_non_null(strstr(out.data, " refused</title>"));
    size_t nrefusals = r->nrefusals, nwarnings = r->nwarnings;
    r->refused = 0;
    r->nrefusals = r->nwarnings = 0;
    r->of_target = true;
    page(r);
    has("Rows");
    assert_null(strcasestr(strstr(out.data, "<main"), "refused"));
    r->nrefusals = nrefusals;
    r->nwarnings = nwarnings;
    report_free(r);
}

/* The policy lets exactly this stylesheet in. */
static void policy(void **state)
{
    struct report *r = kit_report(0, 0);
    const char *style, *end, *given;
    unsigned char hash[SHA256_BYTES];
    struct sha256 *sha = NULL;
    struct err err = ERR_INIT;
    (void)state;

    page(r);
    style = strstr(out.data, "<style>") + 7;
    end = strstr(style, "</style>");
    assert_int_equal(sha256_new(&sha, &err), ERR_OK);
    assert_int_equal(sha256_update(sha, style, (size_t)(end - style), &err), ERR_OK);
    assert_int_equal(sha256_final(sha, hash, &err), ERR_OK);
    sha256_free(sha);
    given = strstr(out.data, "style-src 'sha256-");
    assert_non_null(given);
    assert_true(given < style);
    given += strlen("style-src 'sha256-");
    for (int i = 0; i < SHA256_BYTES; i++) { /* six bits each, by hand */
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        unsigned byte = 0;

        for (int bit = i * 8; bit < i * 8 + 8; bit++)
            byte = byte << 1 | ((unsigned)(strchr(digits, given[bit / 6]) - digits) >> (5 - bit % 6) & 1);
        assert_int_equal(byte, hash[i]);
    }
    assert_int_equal(given[43], '=');
    assert_non_null(strstr(out.data, "default-src 'none'; style-src"));
    report_free(r);
}

static void nothing_at_all(void **state)
{
    struct report *r = kit_report(0, 0);
    (void)state;
    page(r);
    has("None: no rule of the profile found anything.");
    report_free(r);
    r = kit_report(0, 3);
    r->by_hour = true;
    kit_correlations(r);
    page(r);
    has("There are no rows.");
    has("No hour has an object.");
    assert_int_equal(seen.drawings, 0);
    report_free(r);
}

static void columns_without_a_picture(void **state)
{
    enum { ROWS = 50 };
    struct report *r = kit_report(ROWS, 4);
    double nulls[ROWS], same[ROWS], some[ROWS];
    (void)state;

    for (int i = 0; i < ROWS; i++) {
        nulls[i] = NAN;
        same[i] = 7;
        some[i] = i % 2 ? NAN : i;
    }
    kit_numbers(r, 0, "none", TYPE_INT, nulls, NULL);
    kit_numbers(r, 1, "same", TYPE_DOUBLE, same, NULL);
    kit_numbers(r, 2, "some", TYPE_DECIMAL, some, NULL);
    kit_texts(r, 3, "blank", (const char *[]){""}, (int64_t[]){ROWS}, 1);
    kit_correlations(r);
    page(r);
    has("There is no value: 50 rows are all NULL.");
    has("One value alone: there is nothing to draw.");
    has("(empty)");
    has("50.0 %");
    assert_non_null(strstr(out.data, "Distribution of some"));
    assert_null(strstr(out.data, "Distribution of none"));
    assert_null(strstr(out.data, "Distribution of same"));
    assert_null(strstr(out.data, "Distribution of blank"));
    has("not known"); /* hours */
    report_free(r);
}

static void one_row(void **state)
{
    struct report *r = kit_report(1, 2);
    (void)state;
    kit_numbers(r, 0, "n", TYPE_BIGINT, (double[]){-3}, NULL);
    kit_texts(r, 1, "t", (const char *[]){"x"}, (int64_t[]){1}, 1);
    kit_hours(r, 459603, 1, 0);
    kit_head(r, 1, "x");
    page(r);
    has("First rows");
    has("2022-06-07T03");
    has("No column has a NULL in any hour.");
    has_not("nan");
    report_free(r);
}

/* Bins that grow are equally wide in the picture; a value is where its logarithm is. */
static void a_growing_axis(void **state)
{
    struct report *r = kit_report(100, 2);
    double values[100];
    (void)state;

    for (int i = 0; i < 100; i++)
        values[i] = pow(10, i % 5);
    values[0] = 0;
    kit_numbers(r, 0, "wide", TYPE_DOUBLE, values, NULL);
    kit_numbers(r, 1, "one bin", TYPE_DOUBLE, values, NULL);
    for (size_t c = 0; c < 2; c++) {
        struct report_histogram *h = &r->columns[c].histogram;

        *h = (struct report_histogram){.nbins = c == 0 ? 5 : 1, .logarithmic = true};
        for (int b = 0; b < h->nbins; b++)
            h->bins[b] = (struct report_bin){.low = b ? pow(10, b - 1) : 0, .high = pow(10, b), .count = 20};
        h->bins[h->nbins - 1].high = 10000;
    }
    page(r);
    has("The axis is logarithmic");
    has_not("The axis ends");
    /* 100 is where the fourth of five bins begins. */
    assert_non_null(strstr(out.data, "x=\"60%\" y=\"217\" text-anchor=\"middle\">100</text>"));
    report_free(r);
}

/* Whole numbers are told and drawn as such. */
static void whole_numbers(void **state)
{
    struct report *r = kit_report(4, 1);
    struct report_histogram *h = &r->columns[0].histogram;
    (void)state;

    kit_numbers(r, 0, "n", TYPE_INT, (double[]){0, 1, 1, 3}, NULL);
    *h = (struct report_histogram){.nbins = 2};
    h->bins[0] = (struct report_bin){.low = 0, .high = 2, .count = 3};
    h->bins[1] = (struct report_bin){.low = 2, .high = 4, .count = 1};
    page(r);
    has("0 to 1: 3 values, 75.0 %");
    has("2 to 3: 1 value, 25.0 %");
    /* 1 stands in the middle of its quarter of the axis. */
    assert_non_null(strstr(out.data, "x=\"37.5%\" y=\"217\" text-anchor=\"middle\">1</text>"));
    report_free(r);
}

/* Few bars have their labels below their middle; of many the first label begins with its bar, and the last
 * one ends with it. */
static void labels_of_hours(void **state)
{
    static const char *const first[] = {"x=\"16.67%\" y=\"146\" text-anchor=\"middle\">2022-06-07T03<",
                                        "x=\"0\" y=\"146\">2022-06-07T03<"};
    static const char *const last[] = {"x=\"83.33%\" y=\"146\" text-anchor=\"middle\">2022-06-07T05<",
                                       "x=\"100%\" y=\"146\" text-anchor=\"end\">2022-06-07T06<"};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct report *r = kit_report(10, 1);

        r->by_hour = true;
        kit_hours(r, 459603, 3 + i, 100);
        page(r);
        assert_non_null(strstr(out.data, first[i]));
        assert_non_null(strstr(out.data, last[i]));
        report_free(r);
    }
}

/* An arrow where the axis ends before what it points to. */
static void arrow(void **state)
{
    double values[50];
    (void)state;

    for (int i = 0; i < 50; i++)
        values[i] = i < 49 ? i % 7 : 100;
    for (int clipped = 0; clipped < 2; clipped++) {
        struct report *r = kit_report(50, 1);
        struct report_histogram *h = &r->columns[0].histogram;

        kit_numbers(r, 0, "n", TYPE_DOUBLE, values, NULL);
        *h = (struct report_histogram){.nbins = 1, .clipped = clipped, .above = clipped};
        h->bins[0] = (struct report_bin){.low = 0, .high = clipped ? 50 : 100, .count = 50 - clipped};
        page(r);
        has("1 beyond, to 100");
        assert_int_equal(strstr(out.data, "1 beyond, to 100 \xe2\x86\x92") != NULL, clipped);
        report_free(r);
    }
}

/* Numbers at the ends of what a double is. */
static void far_numbers(void **state)
{
    struct report *r = kit_report(6, 2);
    (void)state;
    kit_numbers(r, 0, "far", TYPE_DOUBLE, (double[]){-1.7e308, 1.7e308, 0, 1, 2, 3}, NULL);
    kit_numbers(r, 1, "near", TYPE_DOUBLE, (double[]){5e-324, 1e-323, 0, 5e-324, 5e-324, 0}, NULL);
    page(r);
    report_free(r);
}

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onload='x",
    "]]><!-- --!> &amp; &#0; &",
    "=HYPERLINK(\"http://x.example\")",
    "@SUM(1)",
    "\x01\x02\x1b[31m\x7f\r\n\t",
    "\xff\xfe\xc3\x28\xe2\x82",
    "\xed\xa0\x80\xf4\x90\x80\x80\xef\xbf\xbe\xef\xbf\xbf",
    "\xe2\x80\xae\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d abc \xe2\x81\xa6",
    "</style></title></svg></textarea><plaintext>",
    "\xf0\x9f\x98\x80\xf0\x9f\x98\x80",
};

static struct report *full_of(const char *text)
{
    enum { ROWS = 40 };
    struct report *r = kit_report(ROWS, 3);
    double values[ROWS];
    int class_of[ROWS];

    for (int i = 0; i < ROWS; i++) {
        class_of[i] = i % 3;
        values[i] = i * i % 17;
    }
    mem_free(r->pipeline);
    mem_free(r->what);
    r->pipeline = mem_strdup(text);
    r->what = mem_strdup(text);
    kit_classes(r, 0, 3, class_of);
    for (int k = 0; k < 3; k++) {
        mem_free(r->classes[k].text);
        r->classes[k].text = mem_strdup(text);
    }
    kit_numbers(r, 0, text, TYPE_INT, values, class_of);
    kit_numbers(r, 1, text, TYPE_INT, values, class_of);
    kit_texts(r, 2, text, (const char *[]){text, text}, (int64_t[]){20, 10}, 2);
    kit_hours(r, 459603, 5, 3);
    kit_correlations(r);
    kit_head(r, 5, text);
    kit_refusal(r, ERRN_CAST_INT, 3, text);
    kit_warning(r, RULE_CODES, true, 1, 3, 5, text);
    kit_warning(r, RULE_GAP, false, -1, 3, 5, text);
    return r;
}

static void hostile_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        struct report *r = full_of(hostile[i]);

        page(r);
        for (size_t k = 0; k < out.len; k++)
            assert_true((unsigned char)out.data[k] >= ' ' || out.data[k] == '\n');
        report_free(r);
    }
    /* What can be shown is shown as it is. */
    struct report *r = full_of(hostile[0]);
    page(r);
    has("<script>alert(1)</script>");
    report_free(r);
    r = full_of(hostile[6]);
    page(r);
    has("\\x01\\x02\\x1B[31m\\x7F\\x0D\\x0A\\x09");
    report_free(r);
}

/* Cut at a code point, wherever the limit falls. */
static void long_texts(void **state)
{
    char text[3000];
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        size_t n = 0;

        memset(text, 'a', shift);
        for (n = shift; n + 4 < sizeof text; n += 4)
            memcpy(text + n, "\xf0\x9f\x98\x80", 4);
        text[n] = '\0';
        struct report *r = full_of(text);
        page(r);
        assert_non_null(strstr(out.data, "\xe2\x80\xa6"));
        assert_null(strstr(out.data, "\xef\xbf\xbd"));
        report_free(r);
    }
    memset(text, '"', sizeof text - 1); /* five bytes each, escaped */
    text[sizeof text - 1] = '\0';
    struct report *r = full_of(text);
    page(r);
    report_free(r);
}

static void no_path_of_this_machine(void **state)
{
    static const struct {
        const char *what, *shown;
    } cases[] = {
        {"source file:/srv/data/lake", "source file:\xe2\x80\xa6/lake"},
        {"source file:///srv/data/lake/", "source file:\xe2\x80\xa6/lake/"},
        {"target sqlite:/srv/data/loans.db, table t", "target sqlite:\xe2\x80\xa6/loans.db, table t"},
        {"source file:/srv/my data, all/lake", "source file:\xe2\x80\xa6/lake"},
        {"source /srv/data/lake", "source \xe2\x80\xa6/lake"},
        {"target sqlite:/srv/my data/loans.db, table t", "target sqlite:\xe2\x80\xa6/loans.db, table t"},
        {"loaded from file:/srv/my data/lake into sqlite:/srv/loans.db, table t",
         "loaded from file:\xe2\x80\xa6/lake into sqlite:\xe2\x80\xa6/loans.db, table t"},
        {"loaded from /srv/lake into mysql://db/loans, table t",
         "loaded from \xe2\x80\xa6/lake into mysql://db/loans, table t"},
        {"loaded from s3://b/a?region=x into /srv/loans.db, table t",
         "loaded from s3://b/a?region=x into \xe2\x80\xa6/loans.db, table t"},
        {"source file:lake", "source file:lake"},
        {"source s3://bucket/a/b", "source s3://bucket/a/b"},
        {"target mysql://db:3306/loans, table t", "target mysql://db:3306/loans, table t"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct report *r = kit_report(0, 0);

        mem_free(r->what);
        r->what = mem_strdup(cases[i].what);
        page(r);
        has(cases[i].shown);
        has_not("/srv");
        has_not("my data");
        report_free(r);
    }
}

/* Columns that go with one in the same way are all told. */
static void equal_partners(void **state)
{
    struct report *r = full_of("x");
    double rs[] = {1, 0.5, -0.5, 0.5, 1, 0.5, -0.5, 0.5, 1};
    size_t columns[] = {0, 1, 2};
    (void)state;

    for (size_t c = 0; c < 3; c++) {
        char name[2] = {(char)('p' + c), '\0'};
        mem_free(r->columns[c].name);
        r->columns[c].name = mem_strdup(name);
    }
    mem_free(r->correlated);
    mem_free(r->correlations);
    r->ncorrelated = 3;
    r->correlated = mem_calloc(1, sizeof columns);
    r->correlations = mem_calloc(1, sizeof rs);
    memcpy(r->correlated, columns, sizeof columns);
    memcpy(r->correlations, rs, sizeof rs);
    page(r);
    has("Goes with q|| (r = 0.5), r|| (r = ");
    report_free(r);
}

static struct report *large(size_t ncolumns, size_t nhours, int nclasses, const char *text)
{
    enum { ROWS = 500 };
    struct report *r = kit_report(ROWS, ncolumns);
    double values[ROWS];
    int class_of[ROWS];
    char name[400];

    for (int i = 0; i < ROWS; i++)
        class_of[i] = nclasses ? i % nclasses : 0;
    if (nclasses)
        kit_classes(r, 0, nclasses, class_of);
    for (size_t c = 0; c < ncolumns; c++) {
        for (int i = 0; i < ROWS; i++)
            values[i] = (i + (int)c) % 11 == 0 ? NAN : pow(1.01, (double)(i * 7919 % 503)) + (double)c;
        snprintf(name, sizeof name, "column_%zu_%s", c, text);
        kit_numbers(r, c, name, TYPE_DOUBLE, values, nclasses ? class_of : NULL);
        kit_warning(r, RULE_MISSING, false, (int)c, 0.09, 0.05, name);
    }
    if (nhours)
        kit_hours(r, 459603, nhours, 100);
    kit_correlations(r);
    kit_head(r, REPORT_HEAD, text);
    return r;
}

static void large_ones(void **state)
{
    char quotes[REPORT_TEXT_MAX + 1];
    struct report *r = large(200, 8760, 0, "amount");
    (void)state;

    page(r);
    print_message("200 columns, 8760 hours: %zu bytes\n", out.len);
    has("there are too many hours for a bar each");
    has("Rows of each week");
    assert_non_null(strstr(out.data, "id=\"c200\"")); /* all cards are there */
    report_free(r);
    r = large(200, 8760, 2, "amount");
    page(r);
    print_message("the same in two classes: %zu bytes\n", out.len);
    assert_non_null(strstr(out.data, "id=\"c100\""));
    report_free(r);
    memset(quotes, '"', sizeof quotes - 1);
    quotes[sizeof quotes - 1] = '\0';
    r = large(2000, 48, 10, quotes);
    page(r);
    print_message("2000 columns in ten classes, hostile: %zu bytes\n", out.len);
    has("which keeps this file below 1 MiB");
    report_free(r);
}

static void bars_stand_for_more(void **state)
{
    static const struct {
        size_t hours;
        const char *text;
    } cases[] = {{200, "Rows of each hour,"},
                 {201, "Rows of each day"},
                 {24 * 190, "Rows of each day"},
                 {24 * 366, "Rows of each week"},
                 {24 * 7 * 250, "Rows of each 28 days"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct report *r = kit_report(100000, 1);

        kit_hours(r, 459603, cases[i].hours, 50);
        page(r);
        has(cases[i].text);
        report_free(r);
    }
    /* Ten thousand years apart. */
    struct report *r = kit_report(100, 1);
    kit_hours(r, HOUR_MIN, 2, 0);
    r->hours[1].hour = HOUR_MAX;
    r->gaps = HOUR_MAX - HOUR_MIN - 1;
    page(r);
    has("Rows of each ");
    report_free(r);
}

/* Every allocation that fails is an error, and nothing leaks. */
static int fail_at;
static bool fail_nth(void *ctx)
{
    (void)ctx;
    return fail_at-- == 0;
}

static void memory_fails(void **state)
{
    struct report *r = kit_loans(100);
    (void)state;
    for (int n = 0; n < 200; n++) {
        struct err err = ERR_INIT;
        struct buf page_buf;
        enum err_code code;

        buf_init(&page_buf, PAGE_PROFILE_MAX);
        fail_at = n;
        mem_set_fault(fail_nth, NULL);
        code = page_profile(r, &page_buf, &err);
        mem_set_fault(NULL, NULL);
        buf_release(&page_buf);
        if (code == ERR_OK) {
            assert_in_range(n, 3, 199);
            report_free(r);
            return;
        }
        assert_int_equal(code, ERR_NOMEM);
    }
    fail_msg("never enough memory");
}

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 4 * PAGE_PROFILE_MAX); /* its size is the page's own care */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_release(&out);
    free(seen.shown);
    seen.shown = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loans),           cmocka_unit_test(policy),
        cmocka_unit_test(nothing_at_all),  cmocka_unit_test(columns_without_a_picture),
        cmocka_unit_test(one_row),         cmocka_unit_test(a_growing_axis),
        cmocka_unit_test(whole_numbers),   cmocka_unit_test(far_numbers),
        cmocka_unit_test(hostile_texts),   cmocka_unit_test(long_texts),
        cmocka_unit_test(equal_partners),  cmocka_unit_test(no_path_of_this_machine),
        cmocka_unit_test(large_ones),      cmocka_unit_test(bars_stand_for_more),
        cmocka_unit_test(labels_of_hours), cmocka_unit_test(arrow),
        cmocka_unit_test(memory_fails),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
