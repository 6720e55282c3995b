/*
 * types_float: text -> double and float, correctly rounded and in the C locale.
 *
 * Three ways, each exact, the first that applies:
 *   1. the digits make an integer m <= 2^53 and the power of ten is within 10^22: both are doubles, so one
 * multiplication or division rounds once (Clinger);
 *   2. m < 10^19 and m / 10^q with q <= 27: an integer division by 5^q keeps 62 bits or more and a remainder,
 * which is enough to round once; nothing here is near the limits of a double's exponent;
 *   3. strtod, given at most DIGITS_MAX significant digits and one more for "there was a rest": no halfway
 * point between two doubles has that many digits (767 at most), so the rest decides nothing but the side. A
 * float is (float) of that double, as in MySQL and SQLite, whose parsers know doubles only: a FLOAT column
 * that another loader filled from the same text holds the same value. (Rounding the text to float at once
 * differs for texts within half a unit of a double of the middle of two floats.) Zero has no sign: -0 is
 * stored as 0. Numbers too small for a double are 0 or subnormal, not refused.
 */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/data/types_internal.h"

_Static_assert(FLT_EVAL_METHOD == 0, "way 1 needs double arithmetic without excess precision");

enum {
    DIGITS_MAX = 800,
    EXP_LIMIT = 20000,    /* beyond it, and with up to DIGITS_MAX digits, all is 0 or overflow */
    DIVIDE_EXP_MAX = 27,  /* 5^27 < 2^64 */
    CLINGER_EXP_MAX = 22, /* 10^22 is a double */
    MANTISSA_DIGITS = 19, /* fit in 64 bits */
};
#define EXP_SATURATED INT64_C(1000000000000000) /* more than any text is long */

__extension__ typedef unsigned __int128 u128;

static const double pow10_double[CLINGER_EXP_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                         1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                         1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static const uint64_t pow10_int[8] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

locale_t types_c_locale(void)
{
    /* The C library keeps this one locale ready: no allocation, the same object each time, never freed. */
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* Way 2: m / 10^q for 0 < m, 0 < q <= DIVIDE_EXP_MAX. */
static double divide_pow10(uint64_t m, int q)
{
    uint64_t five = 1;
    for (int i = 0; i < q; i++)
        five *= 5;
    int shift_m = __builtin_clzll(m), shift_d = __builtin_clzll(five);
    uint64_t d = five << shift_d;
    u128 n = (u128)(m << shift_m) << 63;
    uint64_t quotient = (uint64_t)(n / d); /* in [2^62, 2^64) */
    quotient |= (uint64_t)n - quotient * d != 0;
    /* The conversion rounds to 53 bits, once, the lowest bit standing for all that was left; the scale is
     * exact. */
    uint64_t scale_bits = (uint64_t)(1023 - 63 - shift_m + shift_d - q) << 52;
    double scale;
    memcpy(&scale, &scale_bits, sizeof scale);
    return (double)quotient * scale;
}

/* Way 3, for `digits` (digits with at most one point) times 10^exp. */
static double strtod_digits(const char *digits, const char *end, int64_t exp)
{
    char text[DIGITS_MAX + 32];
    size_t n = 0;
    bool fraction = false, rest = false;
    for (const char *p = digits; p < end; p++) {
        if (*p == '.') {
            fraction = true;
        } else if (n < DIGITS_MAX) {
            if (n > 0 || *p != '0')
                text[n++] = *p;
            exp -= fraction;
        } else {
            rest |= *p != '0';
            exp += !fraction;
        }
    }
    if (n == 0)
        return 0;
    if (rest) {
        text[n++] = '1';
        exp--;
    }
    exp = exp > EXP_LIMIT ? EXP_LIMIT : exp < -EXP_LIMIT ? -EXP_LIMIT : exp;
    snprintf(text + n, sizeof text - n, "e%d", (int)exp);
    return strtod_l(text, NULL, types_c_locale());
}

/* Takes digits from *p on into *m (modulo 2^64); the number taken. */
static inline size_t take_digits(const char **p, const char *end, uint64_t *m)
{
    const char *start = *p;
    uint64_t chunk;
    while (end - *p >= 8 && eight_digits(load_digits(*p, 8), &chunk)) {
        *m = *m * 100000000 + chunk;
        *p += 8;
    }
    size_t left = (size_t)(end - *p);
    if (left - 1 < 7 && eight_digits(load_digits(*p, left), &chunk)) {
        *m = *m * pow10_int[left] + chunk;
        *p = end;
    }
    for (; *p < end && is_digit(**p); (*p)++)
        *m = *m * 10 + (uint64_t)(**p - '0');
    return (size_t)(*p - start);
}

/* [+|-]digits up to the end; false where it is not that. */
static bool take_exponent(const char *p, const char *end, int64_t *out)
{
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end)
        return false;
    int64_t v = 0;
    for (; p < end; p++) {
        if (!is_digit(*p))
            return false;
        v = v < EXP_SATURATED ? v * 10 + (*p - '0') : v;
    }
    *out = minus ? -v : v;
    return true;
}

enum err_name types_double(const char *text, size_t len, double *out)
{
    const char *end = text + len, *p = text;
    bool minus = len > 0 && *p == '-';
    p += minus;
    const char *digits = p;
    uint64_t m = 0;
    while (p < end && is_digit(*p)) /* mostly one to five: a plain loop is the fastest */
        m = m * 10 + (uint64_t)(*p++ - '0');
    if (p == digits)
        return ERRN_CAST_FLOAT;
    size_t whole = (size_t)(p - digits), fraction = 0;
    if (m == 0 && whole <= MANTISSA_DIGITS) /* zeros take no room in m; a longer m may have come round to 0 */
        whole = 0;
    if (p < end && *p == '.') {
        p++;
        fraction = take_digits(&p, end, &m);
        if (fraction == 0)
            return ERRN_CAST_FLOAT;
    }
    const char *digits_end = p;
    int64_t exp = 0;
    if (p < end && ((*p | 0x20) != 'e' || !take_exponent(p + 1, end, &exp)))
        return ERRN_CAST_FLOAT;

    int64_t power = exp - (int64_t)fraction;
    double v;
    if (whole + fraction > MANTISSA_DIGITS)
        v = strtod_digits(digits, digits_end, exp);
    else if (m <= UINT64_C(1) << 53 && power <= 0 && power >= -CLINGER_EXP_MAX)
        v = (double)(int64_t)m / pow10_double[-power];
    else if (m <= UINT64_C(1) << 53 && power > 0 && power <= CLINGER_EXP_MAX)
        v = (double)(int64_t)m * pow10_double[power];
    else if (m > 0 && power < 0 && power >= -DIVIDE_EXP_MAX)
        v = divide_pow10(m, (int)-power);
    else
        v = strtod_digits(digits, digits_end, exp);
    if (isinf(v))
        return ERRN_CAST_RANGE;
    *out = (minus ? -v : v) + 0.0; /* -0 + 0 = 0 */
    return ERRN_NONE;
}

enum err_name types_float(const char *text, size_t len, double *out)
{
    double v;
    enum err_name name = types_double(text, len, &v);
    if (name)
        return name;
    float f = (float)v;
    if (isinf(f))
        return ERRN_CAST_RANGE;
    *out = (double)f + 0.0; /* a small negative number may have become -0 */
    return ERRN_NONE;
}
