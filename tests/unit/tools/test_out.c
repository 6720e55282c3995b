/*
 * test_out: results as text, JSON and CSV: exact values for programs, readable ones for people, bounded
 * memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/support/tempdir.h"
#include "tools/out.h"
#include "tools/progress.h"

/* stdout is sent to a file for the length of a result. */
static char *dir, path[512];
static int saved;
static char text[256 * 1024];
static struct out out;
static struct err err;

static void begin(enum out_format format, const char *summary)
{
    fflush(stdout);
    saved = dup(STDOUT_FILENO);
    snprintf(path, sizeof path, "%s/stdout", dir);
    assert_non_null(freopen(path, "w", stdout));
    err_clear(&err);
    assert_int_equal(out_begin(&out, format, false, summary, &err), ERR_OK);
}

static void restore(void)
{
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
}

static const char *slurp(const char *name)
{
    FILE *file = fopen(name, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static const char *end(void)
{
    enum err_code code = out_end(&out, &err);

    out_release(&out);
    restore();
    assert_int_equal(code, ERR_OK);
    return slurp(path);
}

static const struct out_column columns[] = {
    {"id", NULL, OUT_NUMBER, IN_ALL},       {"object", NULL, OUT_STR, IN_ALL},
    {"rows_read", "read", OUT_INT, IN_ALL}, {"bytes", NULL, OUT_BYTES, IN_ALL},
    {"ms", "time", OUT_MS, IN_ALL},         {"hash", NULL, OUT_HASH, IN_DATA},
    {"hour", NULL, OUT_HOUR, IN_DATA},      {"at", NULL, OUT_TIME, IN_DATA},
    {"ok", NULL, OUT_BOOL, IN_DATA},
};
enum { COLUMNS = 9 };

static void row(const char *object, int64_t n)
{
    out_row(&out,
            (struct out_cell[]){cell_num(n), cell_str(object), cell_num(n), cell_num(n), cell_num(n),
                                cell_num(n), cell_num(n), n ? cell_num(n) : CELL_NULL, cell_num(n > 0)});
}

static void some(void)
{
    out_list_begin(&out, "objects", columns, COLUMNS);
    row("a,\"b\"\n", 1234567);
    row(NULL, 0);
    out_list_end(&out);
    out_line(&out, "for people");
    out_object(&out, "totals", columns, (struct out_cell[]){cell_num(7)}, 1);
}

static void as_text(void **state)
{
    (void)state;
    begin(OUT_TEXT, NULL);
    some();
    assert_string_equal(end(), "     id  object          read    bytes    time\n"
                               "1234567  a,\"b\"\\x0a  1,234,567  1.2 MiB  20m34s\n"
                               "      0                     0      0 B  0.00 s\n"
                               "for people\n");
}

static void as_json(void **state)
{
    (void)state;
    begin(OUT_JSON, NULL);
    some();
    assert_string_equal(
        end(),
        "{\"schema_version\":1,\n\"objects\":[\n"
        "{\"id\":1234567,\"object\":\"a,\\\"b\\\"\\n\",\"rows_read\":1234567,\"bytes\":1234567,\"ms\":"
        "1234567,"
        "\"hash\":\"000000000012d687\",\"hour\":\"2110-11-03T07\",\"at\":\"1970-01-01T00:00:01.234567Z\","
        "\"ok\":true},\n"
        "{\"id\":0,\"object\":null,\"rows_read\":0,\"bytes\":0,\"ms\":0,\"hash\":\"0000000000000000\","
        "\"hour\":\"1970-01-01T00\",\"at\":null,\"ok\":false}],\n\"totals\":{\"id\":7}}\n");
}

static void as_csv(void **state)
{
    (void)state;
    begin(OUT_CSV, NULL);
    some();
    out_list_begin(&out, "second", columns, COLUMNS); /* CSV has room for one list */
    row("x", 1);
    out_list_end(&out);
    assert_string_equal(end(),
                        "id,object,rows_read,bytes,ms,hash,hour,at,ok\n"
                        "1234567,\"a,\"\"b\"\"\n\",1234567,1234567,1234567,000000000012d687,2110-11-03T07,"
                        "1970-01-01T00:00:01.234567Z,true\n"
                        "0,,0,0,0,0000000000000000,1970-01-01T00,,false\n");
}

/* An empty text is no NULL. */
static void csv_tells_empty_from_null(void **state)
{
    static const struct out_column two[] = {{"a", NULL, OUT_STR, IN_ALL}, {"b", NULL, OUT_STR, IN_ALL}};

    (void)state;
    begin(OUT_CSV, NULL);
    out_list_begin(&out, "l", two, 2);
    out_row(&out, (struct out_cell[]){{.str = ""}, CELL_NULL});
    assert_string_equal(end(), "a,b\n\"\",\n");
}

/* A list within a row is one in JSON, and nothing elsewhere. */
static void a_list_within_a_row(void **state)
{
    static const struct out_column two[] = {{"id", NULL, OUT_NUMBER, IN_ALL},
                                            {"cells", NULL, OUT_LIST, IN_DATA}};
    static const char *const keys[] = {"name", "was"}, *const values[] = {"a", NULL, "\"b\"", ""};
    const struct out_sublist list = {keys, 2, values, 2}, none = {keys, 2, NULL, 0};

    (void)state;
    for (enum out_format format = OUT_JSON; format <= OUT_CSV; format++) {
        begin(format, NULL);
        out_list_begin(&out, "rows", two, 2);
        out_row(&out, (struct out_cell[]){cell_num(1), cell_list(&list)});
        out_row(&out, (struct out_cell[]){cell_num(2), cell_list(&none)});
        out_row(&out, (struct out_cell[]){cell_num(3), CELL_NULL});
        out_list_end(&out);
        end();
        assert_non_null(strstr(text, format == OUT_CSV ? "id,cells\n1,\n2,\n3,\n"
                                                       : "{\"id\":1,\"cells\":[{\"name\":\"a\",\"was\":null},"
                                                         "{\"name\":\"\\\"b\\\"\",\"was\":\"\"}]},\n"
                                                         "{\"id\":2,\"cells\":[]},\n"
                                                         "{\"id\":3,\"cells\":null}"));
    }
}

/* Values of a query: each has a kind of its own. */
static void cells_of_many_kinds(void **state)
{
    static const struct out_column two[] = {{"v", NULL, OUT_VALUE, IN_ALL}, {"r", NULL, OUT_REAL, IN_ALL}};
    static const struct out_cell cells[][2] = {
        {{.kind = OUT_NUMBER, .num = 2022}, {.real = 0.1}},
        {{.kind = OUT_REAL, .real = 2}, {.real = -1e300}},
        {{.kind = OUT_REAL, .real = 1.0 / 3}, {.real = HUGE_VAL}},
        {{.kind = OUT_NUMBER, .num = INT64_MIN}, {.null = true}},
        {{.null = true, .kind = OUT_STR}, {.real = -5e-7}},
    };
    static const enum out_format formats[] = {OUT_TEXT, OUT_JSON, OUT_CSV};
    static const char as_text[] = "                   v        r\n"
                                  "                2022      0.1\n"
                                  "                 2.0  -1e+300\n"
                                  "  0.3333333333333333    1e999\n"
                                  "-9223372036854775808\n"
                                  "                       -5e-07\n";
    static const char as_json[] = "{\"schema_version\":1,\n\"l\":[\n{\"v\":2022,\"r\":0.1},\n"
                                  "{\"v\":2.0,\"r\":-1e+300},\n{\"v\":0.3333333333333333,\"r\":1e999},\n"
                                  "{\"v\":-9223372036854775808,\"r\":null},\n{\"v\":null,\"r\":-5e-07}]}\n";
    static const char as_csv[] = "v,r\n2022,0.1\n2.0,-1e+300\n0.3333333333333333,1e999\n"
                                 "-9223372036854775808,\n,-5e-07\n";
    const char *const want[] = {as_text, as_json, as_csv};

    (void)state;
    for (size_t f = 0; f < 3; f++) {
        begin(formats[f], NULL);
        out_list_begin(&out, "l", two, 2);
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
            out_row(&out, cells[i]);
        assert_string_equal(end(), want[f]);
    }
    /* One text among them, and all stand to the left. */
    begin(OUT_TEXT, NULL);
    out_list_begin(&out, "l", two, 1);
    out_row(&out, cells[0]);
    out_row(&out, &(struct out_cell){.kind = OUT_STR, .str = "a text"});
    assert_string_equal(end(), "v\n2022\na text\n");
}

/* A key may be any bytes; JSON is UTF-8. */
static void json_of_bad_text(void **state)
{
    (void)state;
    begin(OUT_JSON, NULL);
    out_object(&out, "run", columns + 1, (struct out_cell[]){cell_str("a\xff\xc3\xa9\xed\xa0\x80z\x01")}, 1);
    assert_string_equal(end(),
                        "{\"schema_version\":1,\n\"run\":{\"object\":\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd"
                        "\xef\xbf\xbd\xef\xbf\xbdz\\u0001\"}}\n");
}

/* Widths come from the first rows; later rows are printed at once. */
static void long_table(void **state)
{
    const char *p;
    int lines = 0;

    (void)state;
    begin(OUT_TEXT, NULL);
    out_list_begin(&out, "objects", columns, 3);
    for (int i = 0; i < 1000; i++) {
        row(i == 500 ? "a wider one" : "x", i);
        assert_true(out.table.cells.len < 4096);
    }
    out_list_end(&out);
    p = end();
    assert_memory_equal(p, "id  object  read\n 0  x          0\n", 34);
    for (; *p; p++)
        lines += *p == '\n';
    assert_int_equal(lines, 1001);
}

static void table_without_rows(void **state)
{
    (void)state;
    begin(OUT_TEXT, NULL);
    out_list_begin(&out, "objects", columns, COLUMNS);
    out_list_end(&out);
    assert_string_equal(end(), "");
}

static void an_open_list_is_closed(void **state)
{
    (void)state;
    begin(OUT_JSON, NULL);
    out_list_begin(&out, "objects", columns, 1);
    row(NULL, 1);
    out_object(&out, "failure", columns, (struct out_cell[]){cell_num(2)}, 1);
    assert_string_equal(end(),
                        "{\"schema_version\":1,\n\"objects\":[\n{\"id\":1}],\n\"failure\":{\"id\":2}}\n");
}

static void summary_file(void **state)
{
    char name[600];
    struct stat st;

    (void)state;
    snprintf(name, sizeof name, "%s/summary.json", dir);
    umask(022);
    begin(OUT_TEXT, name);
    assert_int_not_equal(access(name, F_OK), 0); /* it appears whole, at the end */
    out_list_begin(&out, "objects", columns, 1);
    row(NULL, 5);
    out_list_end(&out);
    assert_string_equal(end(), "id\n 5\n");
    assert_string_equal(slurp(name), "{\"schema_version\":1,\n\"objects\":[\n{\"id\":5}]}\n");
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    begin(OUT_TEXT, name);
    out_release(&out); /* what is not ended changes nothing */
    restore();
    assert_string_equal(slurp(name), "{\"schema_version\":1,\n\"objects\":[\n{\"id\":5}]}\n");
}

static void summary_that_cannot_be(void **state)
{
    struct err failed = ERR_INIT;

    (void)state;
    assert_int_equal(out_begin(&out, OUT_TEXT, false, "/nowhere/s.json", &failed), ERR_NOT_FOUND);
    out_release(&out);
}

static void full_disk(void **state)
{
    (void)state;
    begin(OUT_JSON, "/dev/full");
    some();
    assert_int_equal(out_end(&out, &err), ERR_IO);
    assert_int_equal(err.name, ERRN_DISK_FULL);
    out_release(&out);
    restore();
}

static bool fail_after(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

/* Whichever allocation fails, the result says so, and nothing leaks. */
static void memory_runs_short(void **state)
{
    enum err_code code = ERR_NOMEM;
    int n = 0;

    (void)state;
    for (; code != ERR_OK && n < 1000; n++) {
        int left = n;

        begin(OUT_JSON, NULL);
        mem_set_fault(fail_after, &left);
        some();
        mem_set_fault(NULL, NULL);
        code = out_end(&out, &err);
        out_release(&out);
        restore();
        assert_true(code == ERR_OK || code == ERR_NOMEM);
    }
    assert_true(n > 10 && n < 1000);
}

static void numbers_for_people(void **state)
{
    static const struct {
        int64_t n;
        const char *count, *size, *duration;
    } cases[] = {
        {0, "0", "0 B", "0.00 s"},
        {-1234, "-1,234", "-1234 B", "-1.23 s"},
        {999, "999", "999 B", "1.00 s"},
        {1000, "1,000", "1000 B", "1.00 s"},
        {1024, "1,024", "1.0 KiB", "1.02 s"},
        {59995, "59,995", "58.6 KiB", "0m59s"},
        {61000, "61,000", "59.6 KiB", "1m01s"},
        {1048575, "1,048,575", "1.0 MiB", "17m28s"},
        {7380000, "7,380,000", "7.0 MiB", "2h03m"},
        {INT64_MAX, "9,223,372,036,854,775,807", "8.0 EiB", "2562047788015h12m"},
        {INT64_MIN, "-9,223,372,036,854,775,808", NULL, NULL},
    };
    char got[OUT_CELL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(out_count(cases[i].n, got), cases[i].count);
        if (cases[i].size)
            assert_string_equal(out_size(cases[i].n, got), cases[i].size);
        if (cases[i].duration)
            assert_string_equal(out_duration(cases[i].n, got), cases[i].duration);
    }
}

static void escapes(void **state)
{
    char got[OUT_CELL_MAX], big[2 * OUT_CELL_MAX];

    (void)state;
    assert_string_equal(out_escape("a\033[31m\x7f\xc2\x9b\xc3\xa9", got), "a\\x1b[31m\\x7f\\x9b\xc3\xa9");
    memset(big, 1, sizeof big - 1);
    big[sizeof big - 1] = '\0';
    out_escape(big, got);
    assert_true(strlen(got) < OUT_CELL_MAX);
    assert_int_equal(out_width("\xc3\xa9t\xc3\xa9"), 3);
}

static void progress_lines(void **state)
{
    struct progress_view view = {.objects_done = 1,
                                 .objects_total = 2000,
                                 .bytes_done = 512 * 1024,
                                 .bytes_total = 2048 * 1024,
                                 .rows_done = 3000000,
                                 .elapsed_us = 2000000};
    char line[PROGRESS_LINE_MAX];

    (void)state;
    progress_line(&view, line);
    assert_string_equal(
        line, "[##........]  25%  1,500,000 rows/s  512.0 KiB/2.0 MiB  ETA 6.00 s  1/2,000 objects");
    view.bytes_done = 4096 * 1024; /* a file grew: never over 100 % */
    progress_line(&view, line);
    assert_non_null(strstr(line, "[##########] 100%"));
    view.bytes_total = 0;
    progress_line(&view, line);
    assert_string_equal(line, "4.0 MiB  1 objects  2.00 s");
    view = (struct progress_view){.bytes_total = 1};
    progress_line(&view, line);
    assert_non_null(strstr(line, "0 rows/s  0 B/1 B  ETA -"));
}

static int make_dir(void **state)
{
    (void)state;
    dir = tempdir_make();
    return dir ? 0 : -1;
}

static int drop_dir(void **state)
{
    (void)state;
    tempdir_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_text),
        cmocka_unit_test(as_json),
        cmocka_unit_test(as_csv),
        cmocka_unit_test(csv_tells_empty_from_null),
        cmocka_unit_test(a_list_within_a_row),
        cmocka_unit_test(cells_of_many_kinds),
        cmocka_unit_test(json_of_bad_text),
        cmocka_unit_test(long_table),
        cmocka_unit_test(table_without_rows),
        cmocka_unit_test(an_open_list_is_closed),
        cmocka_unit_test(summary_file),
        cmocka_unit_test(summary_that_cannot_be),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(memory_runs_short),
        cmocka_unit_test(numbers_for_people),
        cmocka_unit_test(escapes),
        cmocka_unit_test(progress_lines),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
