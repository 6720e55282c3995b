/* infer_yaml: names of places; tables as wide as they may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/config/pipeline.h"
#include "tests/support/tempdir.h"
#include "tools/infer_yaml.h"

static void names(void **state)
{
    static const struct {
        const char *place, *name;
        bool has;
    } cases[] = {
        {"lake", "lake", true},
        {"file:lake", "lake", true},
        {"data/loan applicants/", "loan_applicants", true},
        {"/srv/x/sales-2022.csv.gz", "sales_2022", true},
        {"s3://bucket/a/lake?region=eu/x", "lake", true},
        {"s3://bucket", "bucket", true},
        {"s3://bucket/?endpoint=http://h:1", "bucket", true},
        {"../lake", "lake", true},
        {"lake/.", "lake", true},
        {".", "data", false},
        {"/", "data", false},
        {"./", "data", false},
        {"sluice_x", "data", true}, /* such tables are sluice's */
        {"\xff\xfe", "data", false},
        {"--a--b", "a_b", true},
    };
    char name[INFER_NAME_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool has = infer_name(cases[i].place, name);
        if (has != cases[i].has || strcmp(name, cases[i].name) != 0)
            fail_msg("%s: %d %s", cases[i].place, has, name);
    }
}

/* Infers from one text; the file must load with as many columns. */
static void loads(const char *text, size_t len, size_t ncolumns, enum csv_header header)
{
    const struct infer_head head = {text, len < INFER_HEAD_BYTES ? len : INFER_HEAD_BYTES,
                                    len < INFER_HEAD_BYTES};
    const struct infer_limits all = {0, 0};
    const struct infer_result *result = NULL;
    struct infer_dialect dialect = {.csv = {',', '"', CSV_HEADER_BY_NAME}, .fields = ncolumns};
    struct infer *infer = NULL;
    struct pipeline *pipeline = NULL;
    struct err err = ERR_INIT;
    struct bytes_mem src;
    struct buf yaml;
    char *folder = tempdir_make(), file[256];

    if (head.whole)
        assert_int_equal(infer_dialect(&head, 1, &dialect, &err), ERR_OK);
    bytes_mem_init(&src, text, len);
    assert_int_equal(infer_new(&dialect, &infer, &err), ERR_OK);
    assert_int_equal(infer_object(infer, "a/long/key.csv", &src.base, &all, &err), ERR_OK);
    assert_int_equal(infer_finish(infer, &result, &err), ERR_OK);
    struct infer_doc doc = {.source = "x",
                            .name = "x",
                            .url = "file:x",
                            .layout = "%Y%m%d%H/*.csv",
                            .time = INFER_HOUR,
                            .dialect = &dialect,
                            .result = result};
    buf_init(&yaml, INFER_YAML_MAX);
    if (infer_yaml(&doc, &yaml, &err))
        fail_msg("%s", err.msg);
    snprintf(file, sizeof file, "%s/p.yaml", folder);
    tempdir_write(folder, "p.yaml", yaml.data, yaml.len);
    struct pipeline_options options = {.file = file};
    if (pipeline_load(&options, &pipeline, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(pipeline->schema.ncolumns, ncolumns);
    assert_int_equal(pipeline->source.csv.header, header);
    pipeline_free(pipeline);
    buf_release(&yaml);
    infer_free(infer);
    tempdir_remove(folder);
}

/* As many columns as a record may have, each with all that can be told of it. */
static void wide_tables(void **state)
{
    static const char *const values[] = {"a text that is long", "NA", "\"another\n\x02\"", "5"};
    enum { LONG_NAMES = 200 };
    size_t cap = 16 * 1024 * 1024, n = 0;
    char *text = malloc(cap);
    (void)state;
    assert_non_null(text);
    for (int i = 0; i < CSV_COLUMNS_MAX; i++)
        n += (size_t)snprintf(text + n, cap - n, "%sc\x01 %d", i ? "," : "", i);
    for (size_t row = 0; row < sizeof values / sizeof values[0]; row++)
        for (int i = 0; i < CSV_COLUMNS_MAX; i++)
            n += (size_t)snprintf(text + n, cap - n, "%c%s", i ? ',' : '\n', values[row]);
    loads(text, n, CSV_COLUMNS_MAX, CSV_HEADER_BY_NAME);
    /* Names that are too long for the file, all together. */
    n = 0;
    for (int i = 0; i < LONG_NAMES; i++)
        n += (size_t)snprintf(text + n, cap - n, "%s%0900d", i ? "," : "", i);
    n += (size_t)snprintf(text + n, cap - n, "\n");
    loads(text, n, LONG_NAMES, CSV_HEADER_BY_POSITION);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(wide_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
