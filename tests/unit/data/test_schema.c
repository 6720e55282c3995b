/* Type names there and back, and what a seal accepts, computes and refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/checks.h"
#include "core/data/schema.h"
#include "core/data/types.h"

static void types_there_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct type type;
        enum storage storage;
    } all[] = {
        {"boolean", {TYPE_BOOLEAN, 0, 0, 0}, STORAGE_I64},
        {"tinyint", {TYPE_TINYINT, 0, 0, 0}, STORAGE_I64},
        {"smallint", {TYPE_SMALLINT, 0, 0, 0}, STORAGE_I64},
        {"int", {TYPE_INT, 0, 0, 0}, STORAGE_I64},
        {"bigint", {TYPE_BIGINT, 0, 0, 0}, STORAGE_I64},
        {"float", {TYPE_FLOAT, 0, 0, 0}, STORAGE_F64},
        {"double", {TYPE_DOUBLE, 0, 0, 0}, STORAGE_F64},
        {"decimal(10,2)", {TYPE_DECIMAL, 10, 2, 0}, STORAGE_STR},
        {"decimal(1,0)", {TYPE_DECIMAL, 1, 0, 0}, STORAGE_STR},
        {"decimal(65,30)", {TYPE_DECIMAL, 65, 30, 0}, STORAGE_STR},
        {"decimal(30,30)", {TYPE_DECIMAL, 30, 30, 0}, STORAGE_STR},
        {"varchar(1)", {TYPE_VARCHAR, 0, 0, 1}, STORAGE_STR},
        {"varchar(16383)", {TYPE_VARCHAR, 0, 0, 16383}, STORAGE_STR},
        {"text", {TYPE_TEXT, 0, 0, 0}, STORAGE_STR},
        {"date", {TYPE_DATE, 0, 0, 0}, STORAGE_I64},
        {"timestamp", {TYPE_TIMESTAMP, 0, 0, 0}, STORAGE_I64},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct type type;
        struct err err = ERR_INIT;
        char text[TYPE_TEXT_MAX];
        assert_int_equal(type_parse(all[i].text, &type, &err), ERR_OK);
        assert_memory_equal(&type, &all[i].type, sizeof type);
        assert_int_equal(type_storage(&type), all[i].storage);
        type_format(&type, text);
        assert_string_equal(text, all[i].text);
    }
    struct type spaced;
    struct err err = ERR_INIT;
    assert_int_equal(type_parse("decimal(10, 2)", &spaced, &err), ERR_OK);
    assert_int_equal(spaced.scale, 2);
}

static void no_types(void **state)
{
    (void)state;
    const char *bad[] = {"",
                         "bool",
                         "integer",
                         "INT",
                         "int ",
                         " int",
                         "int(11)",
                         "int()",
                         "decimal",
                         "decimal(10)",
                         "decimal(10,2",
                         "decimal(10,2) ",
                         "decimal(,2)",
                         "decimal(10,)",
                         "decimal(-1,0)",
                         "decimal(0,0)",
                         "decimal(66,2)",
                         "decimal(40,31)",
                         "decimal(5,6)",
                         "decimal(1000000000000,2)",
                         "decimal(10;2)",
                         "varchar",
                         "varchar()",
                         "varchar(0)",
                         "varchar(16384)",
                         "varchar(4294967297)",
                         "varchar(10)x",
                         "varchar(ten)",
                         "char(3)",
                         "text(3)",
                         "tex",
                         "texts",
                         "("};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct type type;
        struct err err = ERR_INIT;
        if (type_parse(bad[i], &type, &err) != ERR_CONFIG)
            fail_msg("'%s' was taken as a type", bad[i]);
        assert_int_equal(err.name, ERRN_CONFIG);
    }
    struct type type;
    struct err err = ERR_INIT;
    assert_int_equal(type_parse("bool", &type, &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "boolean"));
    assert_non_null(strstr(err.msg, "varchar(n)"));
}

/* A schema on the heap: bigint dropped, int, varchar(3), decimal(5,2). */
static struct schema four_columns(void)
{
    static const char *const names[] = {"row_no", "age", "name", "price"};
    static const struct type types[] = {{.kind = TYPE_BIGINT},
                                        {.kind = TYPE_INT},
                                        {.kind = TYPE_VARCHAR, .length = 3},
                                        {.kind = TYPE_DECIMAL, .precision = 5, .scale = 2}};
    struct schema s = {.ncolumns = 4};
    s.columns = mem_calloc(4, sizeof *s.columns);
    assert_non_null(s.columns);
    for (size_t i = 0; i < 4; i++) {
        s.columns[i].name = mem_strdup(names[i]);
        s.columns[i].from = mem_strdup(names[i]);
        s.columns[i].type = types[i];
        s.columns[i].nullable = true;
    }
    s.columns[0].drop = true;
    return s;
}

static void sealed(struct schema *s)
{
    struct err err = ERR_INIT;
    if (schema_seal(s, &err))
        fail_msg("%s", err.msg);
}

static void refused(struct schema *s, const char *part)
{
    struct err err = ERR_INIT;
    assert_int_equal(schema_seal(s, &err), ERR_CONFIG);
    if (!strstr(err.msg, part))
        fail_msg("'%s' does not say '%s'", err.msg, part);
    assert_null(s->loaded);
    schema_release(s);
}

static void seal_lists_what_is_loaded(void **state)
{
    (void)state;
    struct schema s = four_columns();
    sealed(&s);
    assert_int_equal(s.nloaded, 3);
    assert_string_equal(schema_loaded(&s, 0)->name, "age");
    assert_string_equal(schema_loaded(&s, 2)->name, "price");
    schema_release(&s);
    assert_null(s.columns);
    schema_release(&s); /* harmless */
    schema_release(NULL);
}

static void hash_is_of_names_types_and_nullability(void **state)
{
    (void)state;
    uint64_t hashes[8];
    for (int change = 0; change < 8; change++) {
        struct schema s = four_columns();
        if (change == 1)
            s.columns[1].nullable = false;
        if (change == 2)
            s.columns[1].type.kind = TYPE_BIGINT;
        if (change == 3)
            s.columns[2].type.length = 4;
        if (change == 4)
            s.columns[2].name[0] = 'N';
        if (change == 5)
            s.columns[0].drop = false;
        if (change == 6) /* what the hash leaves out */
            s.columns[0].type.kind = TYPE_DOUBLE;
        if (change == 7)
            s.columns[1].from[0] = 'A';
        sealed(&s);
        hashes[change] = s.hash;
        schema_release(&s);
    }
    for (int i = 1; i < 6; i++)
        for (int j = 0; j < i; j++)
            assert_true(hashes[i] != hashes[j]);
    assert_true(hashes[6] == hashes[0]);
    assert_true(hashes[7] == hashes[0]);
}

static void seal_refuses_bad_names(void **state)
{
    (void)state;
    struct schema s = four_columns();
    for (size_t i = 0; i < 4; i++)
        s.columns[i].drop = true;
    refused(&s, "no column");
    s = (struct schema){0};
    refused(&s, "no column");
    s = four_columns();
    memcpy(s.columns[2].name, "aGe", 4);
    refused(&s, "aGe");
    s = four_columns();
    s.columns[3].name[0] = '\0';
    refused(&s, "column 4");
}

static void check(struct schema *s, size_t column, enum check_kind kind, enum check_on on, const char *text)
{
    struct err err = ERR_INIT;
    assert_int_equal(checks_add(&s->columns[column], kind, on, kind == CHECK_KIND_IN ? NULL : text, &err),
                     ERR_OK);
    if (kind == CHECK_KIND_IN)
        assert_int_equal(checks_add_value(&s->columns[column], text, &err), ERR_OK);
}

static void seal_refuses_checks_that_fit_nothing(void **state)
{
    (void)state;
    struct schema s = four_columns();
    check(&s, 1, CHECK_KIND_MIN, CHECK_ON_REJECT, "5");
    check(&s, 1, CHECK_KIND_MAX, CHECK_ON_REJECT, "4");
    refused(&s, "age");

    s = four_columns();
    check(&s, 3, CHECK_KIND_MIN, CHECK_ON_FAIL, "10.5");
    check(&s, 3, CHECK_KIND_MAX, CHECK_ON_FAIL, "9.75");
    refused(&s, "price");

    s = four_columns();
    check(&s, 2, CHECK_KIND_MIN, CHECK_ON_REJECT, "a");
    refused(&s, "name");

    s = four_columns();
    check(&s, 1, CHECK_KIND_REGEX, CHECK_ON_REJECT, "^4");
    refused(&s, "regex is for varchar and text");

    s = four_columns();
    check(&s, 1, CHECK_KIND_NULLS, CHECK_ON_REJECT, "4");
    refused(&s, "max_nulls is about the object");

    s = four_columns();
    check(&s, 0, CHECK_KIND_MAX, CHECK_ON_REJECT, "1");
    refused(&s, "dropped");

    s = four_columns();
    check(&s, 1, CHECK_KIND_MAX, CHECK_ON_REJECT, "4");
    check(&s, 1, CHECK_KIND_IN, CHECK_ON_REJECT, "5");
    refused(&s, "`in`");

    /* What is only warned of need not fit what is refused. */
    s = four_columns();
    check(&s, 1, CHECK_KIND_MAX, CHECK_ON_WARN, "4");
    check(&s, 1, CHECK_KIND_IN, CHECK_ON_REJECT, "5");
    check(&s, 1, CHECK_KIND_MIN, CHECK_ON_REJECT, "5");
    check(&s, 1, CHECK_KIND_MAX, CHECK_ON_REJECT, "5");
    sealed(&s);
    schema_release(&s);
}

static bool nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void seal_without_memory(void **state)
{
    (void)state;
    struct schema s = four_columns();
    enum err_code code = ERR_NOMEM;
    int tries;
    for (tries = 0; code == ERR_NOMEM && tries < 20; tries++) {
        int left = tries;
        struct err err = ERR_INIT;
        mem_set_fault(nth, &left);
        code = schema_seal(&s, &err);
        mem_set_fault(NULL, NULL);
        if (code)
            assert_null(s.loaded);
    }
    assert_int_equal(code, ERR_OK);
    assert_true(tries > 2);
    schema_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_there_and_back),      cmocka_unit_test(no_types),
        cmocka_unit_test(seal_lists_what_is_loaded), cmocka_unit_test(hash_is_of_names_types_and_nullability),
        cmocka_unit_test(seal_refuses_bad_names),    cmocka_unit_test(seal_refuses_checks_that_fit_nothing),
        cmocka_unit_test(seal_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
