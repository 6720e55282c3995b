/* Doubles and floats: the grammar by example, ties with many digits, and a million random texts against
 * strtod. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/canon.h"
#include "tests/unit/data/types_asserts.h"

static void doubles_by_grammar(void **state)
{
    (void)state;
    is_f64("double", "0", 0.0);
    is_f64("double", "-0", 0.0);
    is_f64("double", "-0.0e-5", 0.0);
    is_f64("double", "1", 1.0);
    is_f64("double", "-1.5", -1.5);
    is_f64("double", "1e5", 1e5);
    is_f64("double", "1E+5", 1e5);
    is_f64("double", "1.25e-5", 1.25e-5);
    is_f64("double", "000.1000", 0.1);
    is_f64("double", "0.766126609", 0.766126609);
    is_f64("double", "0e999999999999999999999999", 0.0);
    is_f64("double", "0.00000000000000000000000000000000000001e38", 1.0);
    is_f64("double", "1e-999999999999999999999999", 0.0);
    is_f64("double", "-1e-400", 0.0);
    is_f64("double", "5e-324", 5e-324);
    is_f64("double", "2.2250738585072011e-308", 2.2250738585072011e-308);
    is_f64("double", "1.7976931348623157e308", 1.7976931348623157e308);
    is_f64("double", "1e00000000000000000000000000000000000000000005", 1e5);
    const char *bad[] = {"",    "-",   "+1",   " 1",          "1 ",         "1.",   ".5",   "-.5",
                         "1e",  "1e+", "1.e5", "e5",          "1e5.",       "1e5 ", "1ee5", "1.2.3",
                         "nan", "inf", "-inf", "NaN",         "Infinity",   "0x10", "1,5",  "1d5",
                         "1f",  "--1", "1.5x", "1.12345678x", "1.1234567x", "1E5E"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refused("double", bad[i], ERRN_CAST_FLOAT);
        refused("float", bad[i], ERRN_CAST_FLOAT);
    }
    refused("double", "1e999", ERRN_CAST_RANGE);
    refused("double", "-1e309", ERRN_CAST_RANGE);
    refused("double", "1.7976931348623159e308", ERRN_CAST_RANGE);
    refused("double", "1e999999999999999999999999", ERRN_CAST_RANGE);
}

static void floats_are_rounded(void **state)
{
    (void)state;
    is_f64("float", "0.1", (double)0.1f);
    is_f64("float", "16777217", 16777216.0);
    is_f64("float", "-1e-46", 0.0);
    is_f64("float", "1e-45", (double)1e-45f);
    is_f64("float", "3.4028234663852886e38", 3.4028234663852886e38);
    refused("float", "3.5e38", ERRN_CAST_RANGE);
    refused("float", "-1e39", ERRN_CAST_RANGE);
    refused("float", "1e999", ERRN_CAST_RANGE);
    /* A hair over the middle of two floats, nearer to it than a double can tell: by way of the double it is a
     * tie. */
    is_f64("float", "1.000000059604644775390626", 1.0);
}

/* Long mantissas: a tie at digit 54 of the binary number is decided by the last of a million digits. */
static void long_mantissas(void **state)
{
    (void)state;
    const char *tie = "9007199254740993"; /* 2^53 + 1, between two doubles */
    enum { LONG = 1000000 };
    char *text = malloc(LONG + 64);
    assert_non_null(text);
    is_f64("double", tie, 9007199254740992.0);
    size_t n = (size_t)snprintf(text, LONG, "%s.", tie);
    memset(text + n, '0', LONG);
    text[n + LONG] = '\0';
    is_f64("double", text, 9007199254740992.0);
    text[n + LONG - 1] = '1';
    is_f64("double", text, 9007199254740994.0);
    /* The same with a point far away: 10^6 zeros, then the digits, then an exponent that brings them back. */
    memcpy(text, "0.", 2);
    memset(text + 2, '0', LONG);
    memcpy(text + 2 + LONG, "15e1000001", 11);
    is_f64("double", text, 1.5);
    memset(text, '1', LONG);
    memcpy(text + LONG, "e-999999", 9);
    is_f64("double", text, 1.1111111111111112);
    free(text);
}

/* The middles of two neighbours that have the most digits: 751 after 1.5 times the smallest, 767 at the
 * largest subnormal. A long double holds them and printf writes them out. */
static void ties_of_many_digits(void **state)
{
    (void)state;
    _Static_assert(LDBL_MANT_DIG >= 64, "a middle needs one bit more than a double");
    static const struct {
        long double middle;
        double low, high;
    } ties[] = {{0x3p-1075L, 0x1p-1074, 0x2p-1074},
                {0x3fffffffffffffp-1075L, 0x1fffffffffffffp-1074, 0x20000000000000p-1074}};
    for (size_t i = 0; i < 2; i++) {
        char text[1200];
        int n = snprintf(text, sizeof text, "%.1075Lf", ties[i].middle);
        is_f64("double", text, ties[i].high); /* to even */
        text[n] = '1';
        text[n + 1] = '\0';
        is_f64("double", text, ties[i].high);
        text[n] = '\0';
        assert_int_equal(text[n - 1], '5');
        text[n - 1] = '4';
        is_f64("double", text, ties[i].low);
        memset(text + n, '9', 100);
        text[n + 100] = '\0';
        is_f64("double", text, ties[i].low);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* A random number as text: any bits as %.17g, or digits with a point and an exponent anywhere. */
static size_t random_number(uint64_t *seed, char *text, size_t cap)
{
    uint64_t r = next_random(seed);
    if (r % 4 == 0) {
        double v;
        uint64_t bits = next_random(seed);
        memcpy(&v, &bits, sizeof v);
        if (isfinite(v))
            return (size_t)snprintf(text, cap, "%.*g", (int)(14 + r / 4 % 5), v);
    }
    size_t n = 0, whole = 1 + r / 8 % (r % 16 == 1 ? 30 : 8), fraction = r / 512 % (r % 16 == 2 ? 40 : 21);
    if (r & 1 << 30)
        text[n++] = '-';
    for (size_t i = 0; i < whole; i++)
        text[n++] = (char)('0' + next_random(seed) % 10);
    if (fraction > 0)
        text[n++] = '.';
    for (size_t i = 0; i < fraction; i++)
        text[n++] = (char)('0' + next_random(seed) % 10);
    if (r >> 40 & 1)
        n += (size_t)snprintf(text + n, cap - n, "e%d",
                              (int)(next_random(seed) % (r >> 41 & 1 ? 700 : 60)) - (r >> 41 & 1 ? 350 : 30));
    text[n] = '\0';
    return n;
}

static void a_million_random_doubles(void **state)
{
    (void)state;
    struct type type = {.kind = TYPE_DOUBLE}, single = {.kind = TYPE_FLOAT};
    uint64_t seed = 20220605;
    for (int i = 0; i < 1000000; i++) {
        char text[128];
        size_t len = random_number(&seed, text, sizeof text);
        double want = strtod(text, NULL) + 0.0;
        struct value v = {0};
        enum err_name name = types_value(&type, text, len, &v);
        if (isinf(want) ? name != ERRN_CAST_RANGE : name || memcmp(&v.f64, &want, sizeof want) != 0)
            fail_msg("'%s': %s %.17g, not %.17g", text, err_name_text(name), v.f64, want);
        float want_f = (float)want + 0.0f;
        name = types_value(&single, text, len, &v);
        if (isinf(want_f) ? name != ERRN_CAST_RANGE : name || v.f64 != (double)want_f)
            fail_msg("float '%s': %s %.17g, not %.17g", text, err_name_text(name), v.f64, (double)want_f);
    }
}

/* Quotients m / 10^q at and around ties of 53 bits: what the division has to get right. */
static void ties_of_quotients(void **state)
{
    (void)state;
    struct type type = {.kind = TYPE_DOUBLE};
    uint64_t seed = 7;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t odd = (UINT64_C(1) << 53 | next_random(&seed) >> 11 << 1 |
                        1); /* 54 bits: a tie as an integer */
        unsigned q = (unsigned)(next_random(&seed) % 3);
        uint64_t m = odd;
        for (unsigned k = 0; k < q; k++)
            m *= 10;
        m += next_random(&seed) % 3 - 1;
        int len = snprintf(text, sizeof text, "%llue-%u", (unsigned long long)m, q);
        struct value v = {0};
        assert_int_equal(types_value(&type, text, (size_t)len, &v), ERRN_NONE);
        if (v.f64 != strtod(text, NULL))
            fail_msg("'%s': %.17g, not %.17g", text, v.f64, strtod(text, NULL));
    }
}

static void locale_changes_nothing(void **state)
{
    (void)state;
    /* A locale that writes a comma in numbers, made here since few systems have one installed. */
    char dir[] = "/tmp/test_types_XXXXXX", command[128];
    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", dir);
    bool made = system(command) == 0 && setenv("LOCPATH", dir, 1) == 0 && setlocale(LC_ALL, "de_DE.UTF-8") &&
                strtod("0,5", NULL) == 0.5;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    if (!made) {
        print_message("SKIP: localedef cannot make de_DE; apt-get install locales\n");
        skip();
    }
    char text[CANON_DOUBLE_MAX];
    is_f64("double", "1234567890123456789012.5e-3", 1234567890123456789.0125);
    is_f64("double", "0.1e-300", 1e-301);
    canon_double(1.0 / 3e20, text);
    setlocale(LC_ALL, "C");
    assert_string_equal(text, "3.3333333333333333e-21");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_by_grammar),       cmocka_unit_test(floats_are_rounded),
        cmocka_unit_test(long_mantissas),           cmocka_unit_test(ties_of_many_digits),
        cmocka_unit_test(a_million_random_doubles), cmocka_unit_test(ties_of_quotients),
        cmocka_unit_test(locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
