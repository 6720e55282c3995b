/*
 * csv against csv-spectrum, a public collection of CSV files with what they mean as JSON. It is not part of
 * the project: the test looks for it in $SLUICE_SHARED_DATA, or ../shared/data, and says so where it is not
 * there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/csv.h"

enum { FILE_MAX = 1 << 20 };

static const char *root(void)
{
    const char *shared = getenv("SLUICE_SHARED_DATA");
    return shared && *shared ? shared : "../shared/data";
}

static void expect_field(const json_t *row, const json_t *name, const struct csv_field *field,
                         const char *file)
{
    const json_t *value = json_object_get(row, json_string_value(name));
    if (!json_is_string(value))
        fail_msg("%s: no value for %s", file, json_string_value(name));
    if (json_string_length(value) != field->len ||
        memcmp(json_string_value(value), field->data, field->len) != 0)
        fail_msg("%s: %s is %.*s, expected %s", file, json_string_value(name), (int)field->len, field->data,
                 json_string_value(value));
}

/* A checkout that converts line ends takes the CRs from files whose point they are: puts them back. */
static size_t restore_crlf(const char *file, char *data, size_t len)
{
    static char copy[FILE_MAX];
    if (!strstr(file, "_crlf") || memchr(data, '\r', len))
        return len;
    size_t n = 0;
    for (size_t i = 0; i < len && n + 2 < FILE_MAX; i++) {
        if (data[i] == '\n')
            copy[n++] = '\r';
        copy[n++] = data[i];
    }
    memcpy(data, copy, n);
    return n;
}

/* Compares one file with the rows of its JSON. */
static void compare(const char *file, const char *data, size_t len, const json_t *rows)
{
    struct bytes_mem src;
    struct csv_dialect dialect = {',', '"', CSV_HEADER_BY_NAME};
    struct csv_reader *reader;
    struct csv_record r;
    enum csv_event event;
    struct err err = ERR_INIT;
    json_t *names = json_array();
    bytes_mem_init(&src, data, len);
    assert_int_equal(csv_open(&dialect, NULL, &src.base, &reader, &err), ERR_OK);
    assert_int_equal(csv_next(reader, &event, &r, &err), ERR_OK);
    assert_int_equal(event, CSV_RECORD);
    for (size_t i = 0; i < r.nfields; i++)
        assert_int_equal(json_array_append_new(names, json_stringn(r.fields[i].data, r.fields[i].len)), 0);
    size_t row = 0;
    for (;; row++) {
        assert_int_equal(csv_next(reader, &event, &r, &err), ERR_OK);
        if (event == CSV_END)
            break;
        if (event != CSV_RECORD || r.nfields != json_array_size(names) || row >= json_array_size(rows))
            fail_msg("%s: record %zu is refused or has %zu fields", file, row + 1, r.nfields);
        for (size_t i = 0; i < r.nfields; i++)
            expect_field(json_array_get(rows, row), json_array_get(names, i), &r.fields[i], file);
    }
    if (row != json_array_size(rows))
        fail_msg("%s: %zu rows, expected %zu", file, row, json_array_size(rows));
    csv_close(reader);
    json_decref(names);
}

static void test_spectrum(void **state)
{
    (void)state;
    static char data[FILE_MAX];
    char path[4096];
    snprintf(path, sizeof path, "%s/csv-spectrum/csvs", root());
    DIR *dir = opendir(path);
    if (!dir) {
        print_message("SKIP: %s is not there; set SLUICE_SHARED_DATA\n", path);
        skip();
    }
    int files = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        size_t len = strlen(entry->d_name);
        if (len < 5 || strcmp(entry->d_name + len - 4, ".csv") != 0)
            continue;
        snprintf(path, sizeof path, "%s/csv-spectrum/csvs/%s", root(), entry->d_name);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        size_t n = fread(data, 1, sizeof data, f);
        fclose(f);
        n = restore_crlf(entry->d_name, data, n);
        snprintf(path, sizeof path, "%s/csv-spectrum/json/%.*s.json", root(), (int)len - 4, entry->d_name);
        json_error_t error;
        json_t *rows = json_load_file(path, 0, &error);
        if (!json_is_array(rows))
            fail_msg("%s: %s", path, error.text);
        compare(entry->d_name, data, n, rows);
        json_decref(rows);
        files++;
    }
    closedir(dir);
    print_message("%d files\n", files);
    assert_true(files > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spectrum)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
