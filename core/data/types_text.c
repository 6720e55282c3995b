/* types_text: what text may be: valid UTF-8 (shortest forms, no surrogates, up to U+10FFFF) without NUL; and
 * how any bytes are shown to people. */
#include <stdio.h>

#include "core/data/types_internal.h"

/* Length of the sequence of two bytes or more at p, 0 where it is none. */
static size_t sequence(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xBF; /* of the second byte */
    size_t len;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        len = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        len = 3;
        low = p[0] == 0xE0 ? 0xA0 : low;   /* shorter forms exist */
        high = p[0] == 0xED ? 0x9F : high; /* surrogates */
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        len = 4;
        low = p[0] == 0xF0 ? 0x90 : low;
        high = p[0] == 0xF4 ? 0x8F : high; /* U+10FFFF */
    } else {
        return 0;
    }
    if (left < len || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

int64_t utf8_length(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len;
    int64_t points = 0;
    while (p < end) {
        uint64_t word;
        if (end - p >= 8) {
            memcpy(&word, p, 8);
            /* Neither a high bit nor a zero byte: eight characters of ASCII. */
            if (((word | (word - UINT64_C(0x0101010101010101))) & UINT64_C(0x8080808080808080)) == 0) {
                p += 8;
                points += 8;
                continue;
            }
        }
        size_t n = *p - 1u < 0x7F ? 1 : sequence(p, (size_t)(end - p));
        if (n == 0)
            return -1;
        p += n;
        points++;
    }
    return points;
}

enum err_name types_text(const struct type *type, const char *text, size_t len)
{
    int64_t points = utf8_length(text, len);
    if (points < 0)
        return ERRN_TEXT_ENCODING;
    if (type->kind == TYPE_VARCHAR && points > (int64_t)type->length)
        return ERRN_TEXT_TOO_LONG;
    return ERRN_NONE;
}

void text_show(const char *text, size_t len, char out[TEXT_SHOWN_MAX])
{
    bool utf8 = utf8_length(text, len) >= 0;
    size_t n = 0, whole = 0; /* whole: out up to the last character that is complete */
    for (size_t i = 0; i < len; i++) {
        unsigned char b = (unsigned char)text[i];
        bool plain = b >= 0x80 ? utf8 : b >= ' ' && b < 0x7F && b != '\\' && b != '"';
        if (!utf8 || (b & 0xC0) != 0x80)
            whole = n;
        if (n + 4 + 4 > TEXT_SHOWN_MAX) { /* an escape and "...", NUL */
            memcpy(out + whole, "...", 4);
            return;
        }
        if (plain)
            out[n++] = (char)b;
        else if (b == '"' || b == '\\')
            n += (size_t)snprintf(out + n, TEXT_SHOWN_MAX - n, "\\%c", b);
        else
            n += (size_t)snprintf(out + n, TEXT_SHOWN_MAX - n, "\\x%02X", b);
    }
    out[n] = '\0';
}
