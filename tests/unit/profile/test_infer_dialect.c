/* infer_dialect: delimiter, quote, header; what is no text. */
#include <stdio.h>

#include "tests/unit/profile/infer_rig.h"

static struct infer_dialect dialect_of(const char *text)
{
    const struct infer_head head = {text, strlen(text), true};
    struct infer_dialect out;
    struct err err = ERR_INIT;
    assert_int_equal(infer_dialect(&head, 1, &out, &err), ERR_OK);
    return out;
}

static void delimiters(void **state)
{
    static const struct {
        const char *text;
        char delimiter;
        size_t fields;
    } cases[] = {
        {"a,b\n1,2\n", ',', 2},
        {"a;b\n1;2\n", ';', 2},
        {"a\tb\n1\t2\n", '\t', 2},
        {"a|b\n1|2\n", '|', 2},
        {"a\001b\n1\0012\n", '\001', 2},
        {"a\037b\n1\0372\n", '\037', 2},
        {"a^b^c\n1^2^3\n4^5^6\n", '^', 3},
        {"a~b\n1~x\n", '~', 2},
        {"name:age\nanna:31\nbert:28\n", ':', 2},
        /* The comma is of numbers or texts, not between them. */
        {"1,5;2,5;3,5\n1,5;2,5;3,5\n", ';', 3},
        {"price;note\n1,50;Hello, world\n2,75;x\n", ';', 2},
        {"id;text\n1;\"a,b\"\n2;\"c,d\"\n", ';', 2},
        {"id,text\n1,\"a;b;c\"\n2,\"d;e;f\"\n", ',', 2},
        {"id,text\n1,a|b\n2,c\n", ',', 2},
        /* Times have colons. */
        {"t,x\n2022-06-05 12:00:00,1\n2022-06-05 13:00:00,2\n", ',', 2},
        {"t\n2022-06-05 12:00:00\n2022-06-05 13:00:00\n", ',', 1},
        /* Not divided in the first line, so not in the others. */
        {"t\n12:30\n13:45\n", ',', 1},
        {"t\n12:30\n13:45\n12:31\n13:46\n12:32\n13:47\n12:33\n13:48\n12:34\n13:49\n", ',', 1},
        {"Sales of June\na,b,c\n1,2,3\n4,5,6\n7,8,9\n", ',', 3},
        /* One column. */
        {"n\n1\n2\n3\n", ',', 1},
        {"name\nJohn Smith\nMary Jones\n", ',', 1},
        {"note\none, two and three\nnothing\nfour\nfive\n", ';', 1}, /* a comma would divide */
        {"x\n", ',', 1},
        /* A ragged record does not turn it. */
        {"a;b;c\n1;2;3\n1;2\n4;5;6\n", ';', 3},
        {"a,b\n\"x\ny\",1\n\"z\nw\",2\n", ',', 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct infer_dialect d = dialect_of(cases[i].text);
        if (d.csv.delimiter != cases[i].delimiter || d.fields != cases[i].fields)
            fail_msg("case %zu: '%c' and %zu fields: %s", i, d.csv.delimiter, d.fields, cases[i].text);
    }
}

static void quotes(void **state)
{
    (void)state;
    assert_int_equal(dialect_of("a,b\n'x,y',1\n'z,w',2\n").csv.quote, '\'');
    assert_int_equal(dialect_of("a,b\n'x',1\n'z',2\n").csv.quote, '\'');
    assert_int_equal(dialect_of("a,b\n\"x,y\",1\n").csv.quote, '"');
    assert_int_equal(dialect_of("a,b\nit's,1\n'tis,2\nx,3\n").csv.quote, '"');
    /* A fault with one quote is no evidence for the other. */
    assert_int_equal(dialect_of("a,b\n0.9\"7\",1\n1,2\n").csv.quote, '"');
    assert_int_equal(dialect_of("a,b\n\"x,y\",1\nz,2\n").quoted, 1);
    assert_int_equal(dialect_of("a,b\n1,2\n").quoted, 0);
}

static void headers(void **state)
{
    static const struct {
        const char *text;
        enum csv_header header;
    } cases[] = {
        {"a,b\n1,2\n", CSV_HEADER_BY_NAME},
        {"1,2\n3,4\n", CSV_HEADER_NONE},
        {"2022-06-05,x\n2022-06-06,y\n", CSV_HEADER_NONE},
        {",n\n1,5\n2,6\n", CSV_HEADER_BY_NAME},
        {"name,town\nanna,Rome\nbert,Oslo\n", CSV_HEADER_BY_NAME}, /* by its looks */
        {"anna,Rome\nbert,Oslo\nanna,Paris\n", CSV_HEADER_NONE},   /* anna comes again */
        {"a,b\n", CSV_HEADER_BY_NAME},
        {"1,b\n", CSV_HEADER_NONE},
        {"NA,x\n1,y\n2,z\n", CSV_HEADER_NONE},
        {"a,\n1,2\n", CSV_HEADER_BY_NAME},
        {"a,a\n1,2\n", CSV_HEADER_BY_NAME}, /* the values tell; the name twice is another matter */
        {"id,flag\n7,true\n8,false\n", CSV_HEADER_BY_NAME},
        {"true,x\nfalse,y\n", CSV_HEADER_NONE},
        {"id,n\nNA,NA\n", CSV_HEADER_BY_NAME},
        {"2019,2020\n5,6\n", CSV_HEADER_NONE}, /* numbers over numbers: nothing says that they are names */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (dialect_of(cases[i].text).csv.header != cases[i].header)
            fail_msg("case %zu: %s", i, cases[i].text);
    assert_true(dialect_of("a,b\n1,2\n").header_by_types);
    assert_false(dialect_of("name,town\nanna,Rome\n").header_by_types);
}

static void most_files_decide(void **state)
{
    const struct infer_head heads[] = {
        {"a,b\n1,2\n", 8, true}, {"3,4\n5,6\n", 8, true}, {"a,b\n7,8\n", 8, true}};
    struct infer_dialect out;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(infer_dialect(heads, 3, &out, &err), ERR_OK);
    assert_int_equal(out.csv.header, CSV_HEADER_BY_NAME);
    assert_int_equal(out.with_header, 2);
    assert_int_equal(out.without_header, 1);
    assert_int_equal(out.records, 6);
}

/* A head that ends within a record: that record is not judged. */
static void cut_heads(void **state)
{
    static const char text[] = "a;b\n1;\"x\ny;z;w\n";
    struct infer_head head = {text, sizeof text - 1, false};
    struct infer_dialect out;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(infer_dialect(&head, 1, &out, &err), ERR_OK);
    assert_int_equal(out.csv.delimiter, ';');
    assert_int_equal(out.records, 1);
    assert_int_equal(out.regular, 1);
}

static void marks_and_line_ends(void **state)
{
    struct infer_dialect d;
    (void)state;
    d = dialect_of("\xEF\xBB\xBFid,x\r\n1,2\r\n");
    assert_int_equal(d.boms, 1);
    assert_int_equal(d.crlf, 2);
    assert_int_equal(d.lf, 0);
    assert_int_equal(d.csv.header, CSV_HEADER_BY_NAME);
    d = dialect_of("id,x\n1,2\n");
    assert_int_equal(d.boms, 0);
    assert_int_equal(d.crlf, 0);
    assert_int_equal(d.lf, 2);
}

static const char *not_text(const char *bytes, size_t len)
{
    static struct err err;
    const struct infer_head head = {bytes, len, true};
    err = ERR_INIT;
    if (infer_text(&head, &err) == ERR_OK)
        return "";
    assert_int_equal(err.name, ERRN_UNSUPPORTED);
    return err.msg;
}

#define NOT_TEXT(bytes, why) assert_non_null(strstr(not_text(bytes, sizeof(bytes) - 1), why))
#define IS_TEXT(bytes)       assert_string_equal(not_text(bytes, sizeof(bytes) - 1), "")

static void what_is_no_text(void **state)
{
    (void)state;
    NOT_TEXT("\xff\xfe\x61\0\x2c\0\x62\0", "iconv -f UTF-16 ");
    NOT_TEXT("\xfe\xff\0\x61\0\x2c", "iconv -f UTF-16 ");
    NOT_TEXT("\xff\xfe\0\0\x61\0\0\0", "UTF-32");
    NOT_TEXT("a\0,\0b\0\n\0001\0,\0002\0\n\0", "UTF-16LE");
    NOT_TEXT("\0a\0,\0b\0\n\0001\0,\0002\0\n", "UTF-16BE");
    NOT_TEXT("\x1f\x8b\x08\0\0", ".csv.gz");
    NOT_TEXT("\x28\xb5\x2f\xfd\x04", ".csv.zst");
    NOT_TEXT("PK\x03\x04\x14", "zip");
    NOT_TEXT("PAR1\x15\x04", "Parquet");
    NOT_TEXT("a,b\r1,2\r3,4\r", "carriage return");
    NOT_TEXT("\x7f"
             "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0",
             "control characters");
    IS_TEXT("a,b\n1,2\n");
    IS_TEXT("a,b\r\n1,2\r\n");
    IS_TEXT("a\r");
    IS_TEXT("");
    IS_TEXT("PARIS,1\n");
    IS_TEXT("a\x01"
            "b\n1\x01"
            "2\n");
    IS_TEXT("id,name,remark,town,country,number,place,colour,size\n1,a,\0,c\n"); /* one NUL costs its record
                                                                                    only */
    IS_TEXT("caf\xe9,1\n");
}

static void nothing_to_read(void **state)
{
    const struct infer_head head = {"\n\n", 2, true};
    struct infer_dialect out;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(infer_dialect(&head, 1, &out, &err), ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "no record"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delimiters),      cmocka_unit_test(quotes),
        cmocka_unit_test(headers),         cmocka_unit_test(most_files_decide),
        cmocka_unit_test(cut_heads),       cmocka_unit_test(marks_and_line_ends),
        cmocka_unit_test(what_is_no_text), cmocka_unit_test(nothing_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
