/* The grammars of types.h, type by type but for doubles: what is accepted and as what, what is refused and by
 * which name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/base/hour.h"
#include "core/base/mem.h"
#include "tests/unit/data/types_asserts.h"

static void booleans(void **state)
{
    (void)state;
    is_i64("boolean", "0", 0);
    is_i64("boolean", "1", 1);
    is_i64("boolean", "true", 1);
    is_i64("boolean", "false", 0);
    const char *bad[] = {"", "2", "-1", "01", "TRUE", "True", "yes", "t", "tru", "truex", " 1", "1 ", "1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("boolean", bad[i], ERRN_CAST_BOOLEAN);
}

static void integers_hold_their_range(void **state)
{
    (void)state;
    is_i64("tinyint", "127", 127);
    is_i64("tinyint", "-128", -128);
    refused("tinyint", "128", ERRN_CAST_RANGE);
    refused("tinyint", "-129", ERRN_CAST_RANGE);
    is_i64("smallint", "32767", 32767);
    is_i64("smallint", "-32768", -32768);
    refused("smallint", "32768", ERRN_CAST_RANGE);
    refused("smallint", "-32769", ERRN_CAST_RANGE);
    is_i64("int", "2147483647", INT32_MAX);
    is_i64("int", "-2147483648", INT32_MIN);
    refused("int", "2147483648", ERRN_CAST_RANGE);
    refused("int", "-2147483649", ERRN_CAST_RANGE);
    is_i64("bigint", "9223372036854775807", INT64_MAX);
    is_i64("bigint", "-9223372036854775808", INT64_MIN);
    refused("bigint", "9223372036854775808", ERRN_CAST_RANGE);
    refused("bigint", "-9223372036854775809", ERRN_CAST_RANGE);
    refused("bigint", "10000000000000000000", ERRN_CAST_RANGE);
    refused("bigint", "18446744073709551616", ERRN_CAST_RANGE);
    refused("bigint", "99999999999999999999999999999999999999999", ERRN_CAST_RANGE);
}

static void integers_are_digits(void **state)
{
    (void)state;
    is_i64("int", "0", 0);
    is_i64("int", "-0", 0);
    is_i64("int", "007", 7);
    is_i64("int", "-00000000000000000000000000000000000000012", -12);
    is_i64("int", "00000000", 0);
    is_i64("bigint", "123456789012345678", INT64_C(123456789012345678));
    is_i64("bigint", "-1234567890123456789", INT64_C(-1234567890123456789));
    const char *bad[] = {"",           "-",
                         "+1",         " 1",
                         "1 ",         "1.",
                         "9120.0",     "1e5",
                         "0x10",       "--1",
                         "1-",         "-+1",
                         "1,000",      "abc",
                         "12a",        "123a",
                         "a123",       "1234/",
                         ":234",       "1234567/",
                         "12345678x",  "x123456789",
                         "123456789x", "1\t",
                         "\xD9\xA1",   "12345678901234567890123x",
                         "nan",        "1_000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("int", bad[i], ERRN_CAST_INT);
    struct value v;
    assert_int_equal(value_of("int", "1\0", 2, &v), ERRN_CAST_INT);
}

/* Every byte at every place of numbers of 1 to 17 digits: digits only are taken, and for what they are. */
static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 17; len++)
        for (size_t at = 0; at < len; at++)
            for (int byte = 0; byte < 256; byte++) {
                char text[18] = "12345678912345678";
                text[at] = (char)byte;
                bool digit = byte >= '0' && byte <= '9';
                if (at == 0 && byte == '-')
                    continue;
                struct value v;
                enum err_name name = value_of("bigint", text, len, &v);
                assert_int_equal(name, digit ? ERRN_NONE : ERRN_CAST_INT);
                text[len] = '\0';
                if (digit)
                    assert_int_equal(v.i64, strtoll(text, NULL, 10));
            }
}

static void decimals(void **state)
{
    (void)state;
    is_str("decimal(10,2)", "1", "1.00");
    is_str("decimal(10,2)", "1.5", "1.50");
    is_str("decimal(10,2)", "0001.25", "1.25");
    is_str("decimal(10,2)", "-0.5", "-0.50");
    is_str("decimal(10,2)", "-0.00", "0.00");
    is_str("decimal(10,2)", "-0", "0.00");
    is_str("decimal(10,2)", "00", "0.00");
    is_str("decimal(10,2)", "1.2500000", "1.25");
    is_str("decimal(10,2)", "99999999.99", "99999999.99");
    is_str("decimal(3,0)", "-999", "-999");
    is_str("decimal(3,0)", "7.000", "7");
    is_str("decimal(2,2)", "0.99", "0.99");
    is_str("decimal(2,2)", "00.9", "0.90");
    is_str("decimal(65,30)", "-12345678901234567890123456789012345.123456789012345678901234567890",
           "-12345678901234567890123456789012345.123456789012345678901234567890");
    is_str("decimal(65,0)", "99999999999999999999999999999999999999999999999999999999999999999",
           "99999999999999999999999999999999999999999999999999999999999999999");
    refused("decimal(10,2)", "1.255", ERRN_CAST_DECIMAL);
    refused("decimal(10,2)", "0.001", ERRN_CAST_DECIMAL);
    refused("decimal(3,0)", "1.5", ERRN_CAST_DECIMAL);
    refused("decimal(10,2)", "100000000", ERRN_CAST_RANGE);
    refused("decimal(2,2)", "1", ERRN_CAST_RANGE);
    refused("decimal(65,0)", "100000000000000000000000000000000000000000000000000000000000000000",
            ERRN_CAST_RANGE);
    const char *bad[] = {"",    "-",   "+1",    " 1",  "1 ",  "1.",  ".5", "1e5",
                         "1,5", "--1", "1.2.3", "nan", "0x1", "1.x", "x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("decimal(10,2)", bad[i], ERRN_CAST_DECIMAL);
}

static void decimal_order(void **state)
{
    (void)state;
    const char *ascending[] = {"-1000000000000000000000",
                               "-100.01",
                               "-100",
                               "-99.99",
                               "-1",
                               "-0.5",
                               "-0.25",
                               "-0.01",
                               "0.00",
                               "0.001",
                               "0.01",
                               "0.1",
                               "0.99",
                               "1",
                               "1.001",
                               "9",
                               "10",
                               "10.5",
                               "10.51",
                               "11",
                               "99999999999999999999999999"};
    int n = sizeof ascending / sizeof *ascending;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            int order = decimal_compare(ascending[i], strlen(ascending[i]), ascending[j],
                                        strlen(ascending[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
    assert_int_equal(decimal_compare("1.50", 4, "1.5", 3), 0);
    assert_int_equal(decimal_compare("0.00", 4, "0", 1), 0);
    assert_int_equal(decimal_compare("-2.0", 4, "-2.000", 6), 0);
    assert_int_equal(decimal_compare("-0.0", 4, "0", 1), 0);
}

static int64_t days_of(int year, int month, int day)
{
    int64_t days;
    assert_true(civil_to_days(year, month, day, &days));
    return days;
}

static void dates(void **state)
{
    (void)state;
    is_i64("date", "1970-01-01", 0);
    is_i64("date", "1969-12-31", -1);
    is_i64("date", "2024-02-29", days_of(2024, 2, 29));
    is_i64("date", "2000-02-29", 11016);
    is_i64("date", "0001-01-01", -719162);
    is_i64("date", "9999-12-31", 2932896);
    const char *bad[] = {"",
                         "2023-02-29",
                         "1900-02-29",
                         "2022-13-01",
                         "2022-00-01",
                         "2022-01-00",
                         "2022-04-31",
                         "0000-01-01",
                         "2022-1-1",
                         "2022/01/01",
                         "20220101",
                         "2022-01-01 ",
                         " 2022-01-01",
                         "-022-01-01",
                         "2022-01-0x",
                         "10000-01-01",
                         "2022-01-01T00:00:00",
                         "today",
                         "+022-01-01",
                         "2022--1-01",
                         "2022-01- 1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("date", bad[i], ERRN_CAST_DATE);
}

static void timestamps(void **state)
{
    (void)state;
    is_i64("timestamp", "1970-01-01 00:00:00", 0);
    is_i64("timestamp", "1970-01-01T00:00:01Z", 1000000);
    is_i64("timestamp", "1970-01-01T00:00:00.5", 500000);
    is_i64("timestamp", "1970-01-01T00:00:00.000001Z", 1);
    is_i64("timestamp", "1969-12-31 23:59:59.999999", -1);
    is_i64("timestamp", "2022-06-05T12:34:56.123456+00:00", INT64_C(1654432496123456));
    is_i64("timestamp", "1970-01-01T14:00:00+14:00", 0);
    is_i64("timestamp", "1969-12-31T12:00:00-12:00", 0);
    is_i64("timestamp", "1970-01-01 05:30:00.1+05:30", 100000);
    is_i64("timestamp", "1970-01-01 00:00:00-00:00", 0);
    is_i64("timestamp", "0001-01-01 00:00:00", HOUR_MIN * HOUR_US);
    is_i64("timestamp", "9999-12-31 23:59:59.999999", (HOUR_MAX + 1) * HOUR_US - 1);
    is_i64("timestamp", "9999-12-31 23:59:59.999999+00:01", (HOUR_MAX + 1) * HOUR_US - 1 - 60000000);
    refused("timestamp", "9999-12-31 23:59:59-00:01", ERRN_CAST_RANGE);
    refused("timestamp", "0001-01-01 00:00:00+00:01", ERRN_CAST_RANGE);
    const char *bad[] = {"",
                         "2022-06-05",
                         "2022-06-05 12:34",
                         "2022-06-05 24:00:00",
                         "2022-06-05 12:60:00",
                         "2016-12-31 23:59:60",
                         "2022-06-05t12:34:56",
                         "2022-06-05  12:34:56",
                         "2022-06-05 12:34:56.",
                         "2022-06-05 12:34:56.Z",
                         "2022-06-05 12:34:56.1234567",
                         "2022-06-05 12:34:56,5",
                         "2022-06-05 12:34:56z",
                         "2022-06-05 12:34:56ZZ",
                         "2022-06-05 12:34:56 Z",
                         "2022-06-05 12:34:56+1",
                         "2022-06-05 12:34:56+01",
                         "2022-06-05 12:34:56+0100",
                         "2022-06-05 12:34:56+01:0",
                         "2022-06-05 12:34:56+01:60",
                         "2022-06-05 12:34:56+14:01",
                         "2022-06-05 12:34:56-15:00",
                         "2022-06-05 12:34:56+-1:00",
                         "2022-06-05 12:34:56+01:00Z",
                         "2022-06-05 12-34-56",
                         "2022-06-05 -1:34:56",
                         "2023-02-29 00:00:00",
                         "0000-01-01 00:00:00",
                         "1654432496"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused("timestamp", bad[i], ERRN_CAST_TIMESTAMP);
}

static int64_t points(const char *text)
{
    return utf8_length(text, strlen(text));
}

static void utf8(void **state)
{
    (void)state;
    assert_int_equal(points(""), 0);
    assert_int_equal(points("hello, world, long enough for words"), 35);
    assert_int_equal(points("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"), 3);
    assert_int_equal(points("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"),
                     7);
    assert_int_equal(points("\xED\x9F\xBF\xEE\x80\x80"), 2);
    assert_int_equal(points("1234567\xC3\xA4"
                            "1234567890"),
                     18);
    const char *bad[] = {"\x80",
                         "\xBF",
                         "\xC0\x80",
                         "\xC0\xAF",
                         "\xC1\xBF",
                         "\xE0\x80\xAF",
                         "\xE0\x9F\xBF",
                         "\xF0\x80\x80\xAF",
                         "\xF0\x8F\xBF\xBF",
                         "\xED\xA0\x80",
                         "\xED\xBF\xBF",
                         "\xF4\x90\x80\x80",
                         "\xF5\x80\x80\x80",
                         "\xF8\x88\x80\x80\x80",
                         "\xFE",
                         "\xFF",
                         "\xC3",
                         "\xE2\x82",
                         "\xF0\x9F\x98",
                         "\xC3(",
                         "\xE2(\xA1",
                         "\xE2\x82(",
                         "\xF0\x9F\x98(",
                         "\xE4",
                         "12345678\xFF",
                         "1234567\xE4zbcdefgh"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (points(bad[i]) != -1)
            fail_msg("bad sequence %zu was accepted", i);
    for (size_t at = 0; at < 17; at++) { /* a NUL at any place */
        char text[17];
        memset(text, 'a', sizeof text);
        text[at] = '\0';
        assert_int_equal(utf8_length(text, sizeof text), -1);
    }
}

/* All code points, encoded here by the definition, and every lead with every second byte. */
static void utf8_all(void **state)
{
    (void)state;
    for (uint32_t p = 1; p <= 0x110000; p++) {
        char t[4];
        size_t n = p < 0x80 ? 1 : p < 0x800 ? 2 : p < 0x10000 ? 3 : 4;
        for (size_t i = n; i-- > 1;)
            t[i] = (char)(0x80 | (p >> 6 * (n - 1 - i) & 0x3F));
        t[0] = (char)(n == 1 ? p : (0xF0 << (4 - n) & 0xFF) | p >> 6 * (n - 1));
        bool valid = p <= 0x10FFFF && !(p >= 0xD800 && p <= 0xDFFF);
        if (utf8_length(t, n) != (valid ? 1 : -1))
            fail_msg("U+%04X", p);
        if (n > 1)
            assert_int_equal(utf8_length(t, n - 1), -1);
    }
}

static void texts(void **state)
{
    (void)state;
    is_str("text", "", "");
    is_str("text", " padded ", " padded ");
    is_str("varchar(3)", "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC");
    is_str("varchar(3)", "", "");
    refused("varchar(3)", "abcd", ERRN_TEXT_TOO_LONG);
    refused("varchar(3)", "\xFF", ERRN_TEXT_ENCODING);
    refused("text", "caf\xE9", ERRN_TEXT_ENCODING);
    struct value v;
    assert_int_equal(value_of("text", "a\0b", 3, &v), ERRN_TEXT_ENCODING);
}

static void put_stores_by_storage(void **state)
{
    (void)state;
    struct type types[] = {{.kind = TYPE_INT},
                           {.kind = TYPE_FLOAT},
                           {.kind = TYPE_DECIMAL, .precision = 5, .scale = 1},
                           {.kind = TYPE_TEXT}};
    struct schema_column columns[4] = {0};
    size_t loaded[4] = {0, 1, 2, 3}, len;
    for (size_t i = 0; i < 4; i++)
        columns[i].type = types[i];
    struct schema schema = {.columns = columns, .ncolumns = 4, .loaded = loaded, .nloaded = 4};
    struct batch *b;
    struct err err = ERR_INIT;
    assert_int_equal(batch_new(&schema, 2, 1000, &b, &err), ERR_OK);
    batch_set_null(b, 0);
    assert_int_equal(types_put(b, 0, &types[0], "12", 2), ERRN_NONE);
    assert_int_equal(types_put(b, 1, &types[1], "0.1", 3), ERRN_NONE);
    assert_int_equal(types_put(b, 2, &types[2], "7", 1), ERRN_NONE);
    assert_int_equal(types_put(b, 3, &types[3], "word", 4), ERRN_NONE);
    batch_commit_row(b, 2, 10);
    assert_int_equal(b->cols[0].null[0], 0);
    assert_int_equal(b->cols[0].i64[0], 12);
    assert_true(b->cols[1].f64[0] == (double)0.1f);
    const char *text = batch_str(b, 2, 0, &len);
    assert_int_equal(len, 3);
    assert_memory_equal(text, "7.0", 3);
    text = batch_str(b, 3, 0, &len);
    assert_int_equal(len, 4);
    assert_memory_equal(text, "word", 4);
    assert_int_equal(types_put(b, 0, &types[0], "x", 1), ERRN_CAST_INT);
    assert_int_equal(b->text.len, 7);
    b->text.max = 10; /* a full arena */
    assert_int_equal(types_put(b, 3, &types[3], "word", 4), ERRN_NOMEM);
    batch_free(b);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void value_without_memory(void **state)
{
    (void)state;
    struct value v = {0};
    mem_set_fault(always, NULL);
    enum err_name name = value_of("text", "abc", 3, &v);
    mem_set_fault(NULL, NULL);
    assert_int_equal(name, ERRN_NOMEM);
    assert_null(v.str);
    value_release(&v);
    value_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(booleans),
        cmocka_unit_test(integers_hold_their_range),
        cmocka_unit_test(integers_are_digits),
        cmocka_unit_test(every_byte_at_every_place),
        cmocka_unit_test(decimals),
        cmocka_unit_test(decimal_order),
        cmocka_unit_test(dates),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(utf8),
        cmocka_unit_test(utf8_all),
        cmocka_unit_test(texts),
        cmocka_unit_test(put_stores_by_storage),
        cmocka_unit_test(value_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
