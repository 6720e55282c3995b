/* infer: types, nulls, names, headers that differ, faults. */
#include <stdio.h>

#include "core/base/mem.h"
#include "tests/unit/profile/infer_rig.h"

static struct infer_rig rig;

static int release(void **state)
{
    (void)state;
    rig_release(&rig);
    return 0;
}

/* The type of a column x with these values, in a file whose other column says that there is a header. */
static const char *type_of(const char *values)
{
    static char type[TYPE_TEXT_MAX];
    char text[8192] = "id,x\n";
    size_t n = strlen(text);
    rig_release(&rig);
    for (int i = 1; *values; i++) {
        size_t len = strcspn(values, " ");
        n += (size_t)snprintf(text + n, sizeof text - n, "%d,%.*s\n", 10 * i, (int)len, values);
        values += len + (values[len] == ' ');
    }
    RIG_INFER(&rig, text);
    type_format(&rig.result->columns[1].type, type);
    return type;
}

static void numbers(void **state)
{
    char huge[512];
    (void)state;
    assert_string_equal(type_of("5 6 7"), "int");
    assert_string_equal(type_of("-5 6"), "int");
    assert_string_equal(type_of("1073741823"), "int");
    assert_string_equal(type_of("1073741824"), "bigint"); /* room for what was not read */
    assert_string_equal(type_of("-1073741824"), "bigint");
    assert_string_equal(type_of("9223372036854775807"), "bigint");
    assert_string_equal(type_of("9223372036854775808"), "varchar(50)");
    assert_int_equal(rig.result->columns[1].why, INFER_BEYOND);
    assert_string_equal(type_of("1.5 2"), "double");
    assert_string_equal(type_of("1e5 2"), "double");
    assert_string_equal(type_of("0.1234567890123456"), "double");
    assert_string_equal(type_of("1e999"), "varchar(20)"); /* no double holds it */
    assert_string_equal(type_of("1.5 9223372036854775808"), "double");
    snprintf(huge, sizeof huge, "1.5 9%0400d", 0);
    assert_string_equal(type_of(huge), "varchar(1000)"); /* nor this */
    assert_string_equal(type_of("+5"), "varchar(20)");
    assert_string_equal(type_of(".5"), "varchar(20)");
}

static void leading_zeros(void **state)
{
    (void)state;
    assert_string_equal(type_of("08123 90210"), "varchar(20)");
    assert_int_equal(rig.result->columns[1].why, INFER_CODES);
    assert_string_equal(type_of("007"), "varchar(20)");
    assert_string_equal(type_of("00.5 1.5"), "varchar(20)");
    assert_string_equal(type_of("0 10"), "int");
    assert_string_equal(type_of("0.5 10.5"), "double");
    assert_string_equal(type_of("-0.5"), "double");
}

static void money(void **state)
{
    static const char twenty[] =
        "1.10 2.25 3.00 4.75 5.10 6.20 7.30 8.40 9.50 10.60 11.70 12.80 13.90 14.00 15.10 "
        "16.20 17.30 18.40 19.50 20.60";
    char more[256];
    (void)state;
    assert_string_equal(type_of(twenty), "decimal(12,2)");
    assert_string_equal(type_of("1.10 2.25"), "double"); /* too few */
    snprintf(more, sizeof more, "%s 3.5", twenty);
    assert_string_equal(type_of(more), "double"); /* not one scale */
    snprintf(more, sizeof more, "%s 3.125", twenty);
    assert_string_equal(type_of(more), "double");
    snprintf(more, sizeof more, "%s 3", twenty);
    assert_string_equal(type_of(more), "double");
    snprintf(more, sizeof more, "%s 12345678.10", twenty);
    assert_string_equal(type_of(more), "decimal(14,2)");
    /* No zero at the end: numbers that happen to be short. */
    assert_string_equal(
        type_of("1.11 1.12 1.13 1.14 1.15 1.16 1.17 1.18 1.19 1.21 1.22 1.23 1.24 1.25 1.26 1.27 1.28 "
                "1.29 1.31 1.32"),
        "double");
}

static void booleans(void **state)
{
    (void)state;
    assert_string_equal(type_of("true false"), "boolean");
    assert_string_equal(type_of("true 1"), "boolean");
    assert_string_equal(type_of("True False"), "varchar(20)"); /* the loader takes lower case only */
    assert_string_equal(type_of("0 1 1"), "int");
    assert_int_equal(rig.result->columns[1].why, INFER_FEW_BITS);

    char text[16 * INFER_BOOLEAN_VALUES] = "b,z,n\n";
    size_t n = strlen(text);
    for (int i = 0; i < INFER_BOOLEAN_VALUES; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%d,0,%d\n", i % 2, i % 3);
    rig_release(&rig);
    RIG_INFER(&rig, text);
    assert_string_equal(rig_columns(&rig), "b:boolean,z:int,n:int");
}

static void times(void **state)
{
    (void)state;
    assert_string_equal(type_of("2022-06-05 2022-06-06"), "date");
    assert_string_equal(type_of("2022-06-05T12:00:00Z 2022-06-05T12:00:00.5"), "timestamp");
    assert_string_equal(type_of("2022-06-05 2022-06-05T12:00:00Z"),
                        "varchar(50)"); /* a date is no timestamp */
    assert_string_equal(type_of("2022-02-30"), "varchar(20)");
    assert_string_equal(type_of("05/06/2022"), "varchar(20)");
}

static void texts(void **state)
{
    char text[6000];
    (void)state;
    assert_string_equal(type_of("a bb"), "varchar(20)");
    assert_string_equal(type_of("elevenchars"), "varchar(50)");
    assert_string_equal(type_of("tencharact"), "varchar(20)");
    snprintf(text, sizeof text, "%02000d", 0);
    text[0] = 'x';
    assert_string_equal(type_of(text), "varchar(4000)");
    snprintf(text, sizeof text, "%02001d", 0);
    text[0] = 'x';
    assert_string_equal(type_of(text), "text");
    assert_false(rig.result->columns[1].decimal_commas);
    rig_release(&rig);
    RIG_INFER(&rig, "id;x;y\n7;1,5;1,5\n8;-1.234,50;a\n");
    assert_true(rig.result->columns[1].decimal_commas);
    assert_false(rig.result->columns[2].decimal_commas);
    /* Ten code points of two bytes. */
    assert_string_equal(
        type_of("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"),
        "varchar(20)");
}

static void mixed(void **state)
{
    const struct infer_column *c;
    (void)state;
    assert_string_equal(type_of("5 6 x 7 x y"), "varchar(20)");
    c = &rig.result->columns[1];
    assert_int_equal(c->why, INFER_MIXED);
    assert_int_equal(c->classes[INFER_INT], 3);
    assert_int_equal(c->classes[INFER_TEXT], 3);
    assert_string_equal(c->examples[INFER_TEXT][0].text, "x");
    assert_int_equal(c->examples[INFER_TEXT][0].count, 2);
    assert_int_equal(c->examples[INFER_TEXT][0].line, 4);
    assert_string_equal(c->examples[INFER_TEXT][0].object, "0.csv");
    assert_string_equal(c->examples[INFER_TEXT][1].text, "y");
    assert_int_equal(c->examples[INFER_TEXT][1].line, 7);
}

/* What is no UTF-8 is refused in any type: it does not make a number a text. */
static void broken(void **state)
{
    (void)state;
    assert_string_equal(type_of("5 caf\xe9 6"), "int");
    assert_int_equal(rig.result->columns[1].classes[INFER_BROKEN], 1);
    assert_string_equal(rig.result->columns[1].examples[INFER_BROKEN][0].text, "caf\\xE9");
    assert_string_equal(type_of("caf\xe9"), "varchar(20)");
}

static void tokens(void **state)
{
    (void)state;
    assert_string_equal(type_of("5 NA 6 NA"), "int");
    assert_true(rig_takes(&rig, "NA"));
    assert_int_equal(rig_taken(&rig), 1);
    assert_int_equal(rig.result->columns[1].nulls, 2);
    assert_int_equal(rig.result->columns[1].values, 2);
    assert_string_equal(type_of("2022-06-05 \\N null"), "date");
    assert_true(rig_takes(&rig, "\\N") && rig_takes(&rig, "null"));
    assert_string_equal(type_of("true -"), "boolean");
    assert_true(rig_takes(&rig, "-"));
    assert_string_equal(type_of("1.5 NaN"), "double");
    assert_true(rig_takes(&rig, "NaN"));
    /* Among texts, and alone, they prove nothing. */
    assert_string_equal(type_of("abc NA"), "varchar(20)");
    assert_int_equal(rig_taken(&rig), 0);
    assert_string_equal(type_of("NA NA"), "varchar(255)");
    assert_int_equal(rig.result->columns[1].why, INFER_NO_VALUE);
    assert_int_equal(rig_taken(&rig), 0);
    /* Not of the list. */
    assert_string_equal(type_of("5 missing"), "varchar(20)");
    assert_string_equal(type_of("5 NAN"), "varchar(20)");
}

static void empty_fields(void **state)
{
    (void)state;
    RIG_INFER(&rig, "id,x,t,e\n7,5,a,\n8,,,\n9,6,b,\n");
    assert_string_equal(rig_columns(&rig), "id:int,x:int,t:varchar(20),e:varchar(255)");
    assert_true(rig_takes(&rig, ""));
    assert_int_equal(rig.result->columns[2].nulls, 1); /* NULL is NULL in all columns */
    assert_int_equal(rig.result->columns[3].nulls, 3);
    rig_release(&rig);
    /* A quoted empty field is a value. */
    RIG_INFER(&rig, "id,x\n7,5\n8,\"\"\n");
    assert_string_equal(rig_columns(&rig), "id:int,x:varchar(20)");
    assert_false(rig_takes(&rig, ""));
    rig_release(&rig);
    RIG_INFER(&rig, "id,x\n7,a\n8,\n");
    assert_false(rig_takes(&rig, ""));
    assert_int_equal(rig.result->columns[1].values, 2);
    rig_release(&rig);
    RIG_INFER(&rig, "id,x\n7,\n8,\n");
    assert_int_equal(rig.result->columns[1].why, INFER_NO_VALUE);
    assert_false(rig_takes(&rig, ""));
}

/* NA is Namibia. */
static void codes_of_countries(void **state)
{
    (void)state;
    RIG_INFER(&rig, "country,n\nDE,5\nNA,NA\nFR,7\n");
    assert_string_equal(rig_columns(&rig), "country:varchar(20),n:varchar(20)");
    assert_false(rig_takes(&rig, "NA"));
    assert_int_equal(rig.result->columns[1].why, INFER_KEPT_TOKEN);
    for (int i = 0; i < INFER_TOKENS; i++) {
        assert_int_equal(rig.result->tokens[i].blocked, strcmp(rig.result->tokens[i].text, "NA") == 0);
        if (rig.result->tokens[i].blocked)
            assert_int_equal(rig.result->tokens[i].column, 0);
    }
    rig_release(&rig);
    RIG_INFER(&rig, "country,n\nGermany,5\nNA,NA\nFR,7\n");
    assert_string_equal(rig_columns(&rig), "country:varchar(20),n:int");
    assert_true(rig_takes(&rig, "NA"));
    rig_release(&rig);
    /* n stays a text: its empty fields are no reason for NULL. */
    RIG_INFER(&rig, "country,n\nDE,5\nNA,NA\nFR,\n");
    assert_false(rig_takes(&rig, ""));
    rig_release(&rig);
    /* Another token may still be taken. */
    RIG_INFER(&rig, "country,n\nDE,5\nNA,null\nFR,7\n");
    assert_string_equal(rig_columns(&rig), "country:varchar(20),n:int");
    assert_true(rig_takes(&rig, "null"));
    assert_false(rig_takes(&rig, "NA"));
}

static void running_numbers(void **state)
{
    (void)state;
    RIG_INFER(&rig, ",x\n1,5\n2,6\n3,5\n", ",x\n1,7\n2,8\n");
    assert_string_equal(rig_columns(&rig), "-row_no:bigint,x:int");
    assert_string_equal(rig.result->columns[0].from, "");
    rig_release(&rig);
    RIG_INFER(&rig, ",x\n1,5\n3,6\n");
    assert_string_equal(rig_columns(&rig), "column_1:int,x:int");
    rig_release(&rig);
    RIG_INFER(&rig, "n,x\n1,5\n2,6\n");
    assert_string_equal(rig_columns(&rig), "n:int,x:int");
    rig_release(&rig);
    RIG_INFER(&rig, "Unnamed: 0,x\n0,5\n1,6\n");
    assert_string_equal(rig_columns(&rig), "-row_no:bigint,x:int");
    rig_release(&rig);
    RIG_INFER(&rig, ",x\n1,5\n,6\n3,7\n");
    assert_string_equal(rig_columns(&rig), "column_1:int,x:int");
    rig_release(&rig);
    /* Without a header nothing says that it is an index. */
    RIG_INFER(&rig, "1,5\n2,6\n3,5\n");
    assert_string_equal(rig_columns(&rig), "column_1:int,column_2:int");
    assert_int_equal(rig.result->header, CSV_HEADER_NONE);
}

static void keys(void **state)
{
    char text[4096] = "id,x\n";
    size_t n = strlen(text);
    (void)state;
    for (int i = 0; i < INFER_KEY_VALUES; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%d,%d\n", 2 * i, i == 5 ? 4 : i);
    RIG_INFER(&rig, text);
    assert_true(rig.result->columns[0].increasing);
    assert_false(rig.result->columns[1].increasing);
    rig_release(&rig);
    RIG_INFER(&rig, text, text);
    assert_false(rig.result->columns[0].increasing);
    assert_string_equal(type_of("5 6 7"), "int");
    assert_false(rig.result->columns[0].increasing); /* too few */
}

static void names(void **state)
{
    (void)state;
    RIG_INFER(&rig, "_id,a b,A B,30-59 days,100%,\xc3\xa9t\xc3\xa9,_,x_\n5,6,7,8,9,10,11,12\n");
    assert_string_equal(
        rig_columns(&rig),
        "id:int,a_b:int,A_B_2:int,30_59_days:int,100:int,\xc3\xa9t\xc3\xa9:int,column_7:int,x_:int");
    assert_string_equal(rig.result->columns[0].from, "_id");
    rig_release(&rig);
    RIG_INFER(&rig,
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,b\n5,6\n");
    assert_true(strlen(rig.result->columns[0].name) <= 64);
    assert_true(strlen(rig.result->columns[0].from) == 80);
}

static void a_name_twice(void **state)
{
    (void)state;
    RIG_INFER(&rig, "a,b,a\n5,x,1.5\n", "a,b,a\n6,y,2.5\n");
    assert_string_equal(rig_columns(&rig), "a:int,b:varchar(20),a_2:double");
    assert_int_equal(rig.result->header, CSV_HEADER_BY_POSITION);
    assert_true(rig.result->twice);
    assert_string_equal(rig.result->twice_name, "a");
}

static void a_name_unfit(void **state)
{
    (void)state;
    RIG_INFER(&rig, "caf\xe9,b\n5,6\n");
    assert_int_equal(rig.result->header, CSV_HEADER_BY_POSITION);
    assert_true(rig.result->unfit);
    assert_string_equal(rig_columns(&rig), "caf:int,b:int");
}

static void headers_differ(void **state)
{
    (void)state;
    RIG_INFER(&rig, "a,b\n5,6\n", "b,c\n7,x\n", "b,a\n8,9\n");
    assert_string_equal(rig_columns(&rig), "a:int,b:int,c:varchar(20)");
    assert_int_equal(rig.result->headers, 3);
    assert_int_equal(rig.result->differ, 3);
    assert_string_equal(rig.result->differ_object, "0.csv");
    assert_int_equal(rig.result->columns[0].objects, 2);
    assert_int_equal(rig.result->columns[1].objects, 3);
    assert_int_equal(rig.result->columns[2].objects, 1);
    assert_int_equal(rig.result->columns[1].values, 3);
    rig_release(&rig);
    RIG_INFER(&rig, "a,b\n5,6\n", "b,a\n8,9\n");
    assert_int_equal(rig.result->differ, 0);
    assert_null(rig.result->differ_object);
    rig_release(&rig);
    RIG_INFER(&rig, "a,b\n5,6\n", "", "a,b\n");
    assert_int_equal(rig.result->objects, 3);
    assert_int_equal(rig.result->empty_objects, 1);
    assert_int_equal(rig.result->headers, 2);
    assert_int_equal(rig.result->differ, 0);
}

static void faults(void **state)
{
    (void)state;
    RIG_INFER(&rig, "a,b\n5,6\n7\n8,9\n8\n", "a,b\n1,\"x\\\"y\"\n2,3\n");
    assert_int_equal(rig.result->records, 3);
    assert_int_equal(rig.result->nfaults, 2);
    assert_int_equal(rig.result->faults[0].name, ERRN_CSV_RAGGED);
    assert_int_equal(rig.result->faults[0].count, 2);
    assert_int_equal(rig.result->faults[0].first.line, 3);
    assert_string_equal(rig.result->faults[0].first.text, "7");
    assert_int_equal(rig.result->faults[1].name, ERRN_CSV_QUOTE);
    assert_string_equal(rig.result->faults[1].first.object, "1.csv");
    assert_int_equal(rig.result->backslashes, 1);
    assert_string_equal(rig_columns(&rig), "a:int,b:int");
}

static void limits(void **state)
{
    static const char text[] = "a\n5\n6\n7\nx\n";
    const struct infer_head head = {text, sizeof text - 1, true};
    const struct infer_limits records = {0, 3}, bytes = {8, 0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bytes_mem src;
        rig_release(&rig);
        rig = (struct infer_rig){.err = ERR_INIT};
        bytes_mem_init(&src, text, sizeof text - 1);
        assert_int_equal(infer_dialect(&head, 1, &rig.dialect, &rig.err), ERR_OK);
        assert_int_equal(infer_new(&rig.dialect, &rig.infer, &rig.err), ERR_OK);
        assert_int_equal(infer_object(rig.infer, "k", &src.base, i ? &bytes : &records, &rig.err), ERR_OK);
        assert_int_equal(infer_finish(rig.infer, &rig.result, &rig.err), ERR_OK);
        assert_int_equal(rig.result->records, 3);
        assert_int_equal(rig.result->bytes, 8);
        assert_int_equal(rig.result->whole_objects, 0);
        assert_string_equal(rig_columns(&rig), "a:int");
    }
}

static void long_rows(void **state)
{
    static char text[400000];
    size_t n = 0;
    unsigned sum = 0;
    (void)state;
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "c%d%c", i, i == 39 ? '\n' : ',');
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "x%0*d%c", i < 20 ? 900 : 100, 0,
                              i == 39 ? '\n' : ',');
    RIG_INFER(&rig, text);
    for (size_t i = 0; i < rig.result->ncolumns; i++)
        sum += rig.result->columns[i].type.kind == TYPE_VARCHAR ? rig.result->columns[i].type.length : 0;
    assert_true(sum > 0 && sum * 4 <= 60000);
    assert_int_equal(rig.result->columns[0].type.kind, TYPE_TEXT);
}

static void nothing(void **state)
{
    struct infer_dialect dialect = {.csv = {',', '"', CSV_HEADER_BY_NAME}, .fields = 1};
    struct err err = ERR_INIT;
    (void)state;
    rig = (struct infer_rig){.err = ERR_INIT};
    assert_int_equal(infer_new(&dialect, &rig.infer, &err), ERR_OK);
    assert_int_equal(infer_finish(rig.infer, &rig.result, &err), ERR_UNSUPPORTED);
}

/* Each allocation fails once: an error, no crash, no leak. */
static unsigned left;
static bool fails(void *ctx)
{
    (void)ctx;
    return left > 0 && --left == 0;
}

static void short_memory(void **state)
{
    static const char *const texts[] = {"a,b,a\n5,6,NA\nx\n", "b,c\n7,\xff\n", NULL};
    enum err_code code = ERR_NOMEM;
    (void)state;
    for (unsigned n = 1; code != ERR_OK; n++) {
        left = n;
        mem_set_fault(fails, NULL);
        code = rig_infer(&rig, texts);
        mem_set_fault(NULL, NULL);
        rig_release(&rig);
        assert_true(code == ERR_OK || code == ERR_NOMEM);
        assert_true(n < 1000);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, release)
    const struct CMUnitTest tests[] = {
        TEST(numbers),
        TEST(leading_zeros),
        TEST(money),
        TEST(booleans),
        TEST(times),
        TEST(texts),
        TEST(mixed),
        TEST(broken),
        TEST(tokens),
        TEST(empty_fields),
        TEST(codes_of_countries),
        TEST(running_numbers),
        TEST(keys),
        TEST(names),
        TEST(a_name_twice),
        TEST(a_name_unfit),
        TEST(headers_differ),
        TEST(faults),
        TEST(limits),
        TEST(long_rows),
        TEST(nothing),
        TEST(short_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
