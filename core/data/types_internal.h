/* types_internal: what the files behind types.h (types_*.c), schema, checks and canon share. No other file
 * includes it. */
#ifndef SLUICE_DATA_TYPES_INTERNAL_H
#define SLUICE_DATA_TYPES_INTERNAL_H

#include <endian.h>
#include <locale.h>
#include <string.h>

#include "core/data/types.h"

enum { DECIMAL_TEXT_MAX = 72 }; /* sign, 65 digits, a leading 0, the point */

/* Each parses the whole of text[0..len), by the grammar in types.h. *out is set only with ERRN_NONE. */
enum err_name types_double(const char *text, size_t len, double *out);
enum err_name types_float(const char *text, size_t len, double *out);
enum err_name types_decimal(const struct type *type, const char *text, size_t len, char out[DECIMAL_TEXT_MAX],
                            size_t *out_len);
enum err_name types_date(const char *text, size_t len, int64_t *out);
enum err_name types_timestamp(const char *text, size_t len, int64_t *out);
enum err_name types_text(const struct type *type, const char *text, size_t len);

/* Order of two values of one type: <0, 0, >0. Text by bytes. */
int value_compare(const struct type *type, const struct value *a, const struct value *b);

/* The C locale, whatever setlocale said. */
locale_t types_c_locale(void);

static inline bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* 1 to 8 bytes as one word, the last byte in the highest place, '0' before the first. Reads only
 * text[0..len). */
static inline uint64_t load_digits(const char *text, size_t len)
{
    uint64_t word;
    if (len >= 4) {
        uint32_t head, tail;
        memcpy(&head, text, 4);
        memcpy(&tail, text + len - 4, 4);
        word = (uint64_t)le32toh(tail) << 32 | (uint64_t)le32toh(head) << (64 - 8 * len);
    } else {
        word = (uint64_t)(uint8_t)text[len - 1] << 56 | (uint64_t)(uint8_t)text[0] << (64 - 8 * len) |
               (uint64_t)(uint8_t)text[len / 2] << (64 - 8 * (len - len / 2));
    }
    return word | (UINT64_C(0x3030303030303030) >> 8 * (len - 1) >> 8);
}

/* The number that eight digits stand for; false where one is no digit. */
static inline bool eight_digits(uint64_t word, uint64_t *out)
{
    word ^= UINT64_C(0x3030303030303030);
    if (((word + UINT64_C(0x7676767676767676)) | word) & UINT64_C(0x8080808080808080))
        return false;
    word = word * 10 + (word >> 8); /* pairs in every second byte */
    *out = ((word & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x000F424000000064) +
            ((word >> 16) & UINT64_C(0x000000FF000000FF)) * UINT64_C(0x0000271000000001)) >>
           32;
    return true;
}

#endif
