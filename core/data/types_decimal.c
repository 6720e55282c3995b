/*
 * types_decimal: text -> decimal as scaled text, and the order of two of them.
 *
 * Invariant of the scaled text: no leading zero but the one before the point, exactly `scale` digits behind
 * it (and no point where scale is 0), no "-0". So equal values of one type are equal bytes, which hashing
 * relies on.
 */
#include "core/data/types_internal.h"

struct decimal {
    bool minus;
    const char *whole; /* without leading zeros */
    size_t nwhole;
    const char *fraction; /* without trailing zeros */
    size_t nfraction;
};

static bool split(const char *text, size_t len, struct decimal *out)
{
    const char *end = text + len, *p = text;
    out->minus = len > 0 && *p == '-';
    p += out->minus;
    const char *whole = p;
    while (p < end && is_digit(*p))
        p++;
    if (p == whole)
        return false;
    out->nwhole = (size_t)(p - whole);
    for (; out->nwhole > 0 && *whole == '0'; out->nwhole--)
        whole++;
    out->whole = whole;
    out->fraction = p;
    out->nfraction = 0;
    if (p == end)
        return true;
    if (*p != '.' || p + 1 == end)
        return false;
    out->fraction = ++p;
    for (; p < end; p++)
        if (!is_digit(*p))
            return false;
    for (out->nfraction = (size_t)(end - out->fraction);
         out->nfraction > 0 && out->fraction[out->nfraction - 1] == '0'; out->nfraction--)
        ;
    return true;
}

enum err_name types_decimal(const struct type *type, const char *text, size_t len, char out[DECIMAL_TEXT_MAX],
                            size_t *out_len)
{
    struct decimal d;
    if (!split(text, len, &d) || d.nfraction > type->scale)
        return ERRN_CAST_DECIMAL;
    if (d.nwhole > type->precision - type->scale)
        return ERRN_CAST_RANGE;
    char *p = out;
    if (d.minus && d.nwhole + d.nfraction > 0)
        *p++ = '-';
    if (d.nwhole == 0)
        *p++ = '0';
    memcpy(p, d.whole, d.nwhole);
    p += d.nwhole;
    if (type->scale > 0) {
        *p++ = '.';
        memcpy(p, d.fraction, d.nfraction);
        memset(p + d.nfraction, '0', type->scale - d.nfraction);
        p += type->scale;
    }
    *out_len = (size_t)(p - out);
    return ERRN_NONE;
}

int decimal_compare(const char *a, size_t alen, const char *b, size_t blen)
{
    struct decimal x, y;
    if (!split(a, alen, &x) || !split(b, blen, &y))
        return 0; /* neither comes from anywhere but types_decimal */
    bool xminus = x.minus && x.nwhole + x.nfraction > 0, yminus = y.minus && y.nwhole + y.nfraction > 0;
    if (xminus != yminus)
        return xminus ? -1 : 1;
    int order = (x.nwhole > y.nwhole) - (x.nwhole < y.nwhole);
    if (order == 0)
        order = memcmp(x.whole, y.whole, x.nwhole);
    if (order == 0)
        order = memcmp(x.fraction, y.fraction, x.nfraction < y.nfraction ? x.nfraction : y.nfraction);
    if (order == 0) /* trailing zeros are gone: the longer one is larger */
        order = (x.nfraction > y.nfraction) - (x.nfraction < y.nfraction);
    return xminus ? -order : order;
}
