/*
 * canon: values as bytes for hashing and as text.
 *
 * Hashing goes over blocks of rows, column by column: one decision on a column's kind serves BLOCK_ROWS rows,
 * each row gathers its bytes in a buffer of its own, and a NULL only moves the position less far. A row that
 * does not fit there (long text, very many columns) is hashed by itself with a streaming state. Both give the
 * bytes of canon.h.
 */
#ifdef __clang_analyzer__ /* it loses itself in a hash that is inlined */
#define XXH_STATIC_LINKING_ONLY
#else
#define XXH_INLINE_ALL
#endif
#include <xxhash.h>

#include "core/data/canon.h"

#include <endian.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hour.h"
#include "core/data/types_internal.h"

enum {
    BLOCK_ROWS = 16,
    ROW_BYTES = 1024,
    CELL_FIXED = 9,  /* the most that tag and number take */
    CELL_HEAD = 5,   /* tag and length of text */
    DIGITS_MAX = 20, /* of 64 bits */
    MOMENT_MAX = 48, /* a date or timestamp as text */
};

static const uint8_t tags[] = {
    [TYPE_BOOLEAN] = 1, [TYPE_TINYINT] = 1, [TYPE_SMALLINT] = 1, [TYPE_INT] = 1,
    [TYPE_BIGINT] = 1,  [TYPE_FLOAT] = 2,   [TYPE_DOUBLE] = 2,   [TYPE_DECIMAL] = 3,
    [TYPE_VARCHAR] = 4, [TYPE_TEXT] = 4,    [TYPE_DATE] = 5,     [TYPE_TIMESTAMP] = 6,
};

/* The eight bytes of a number that is not NULL; of a date the first four count. */
static inline uint64_t number_bits(const struct column *col, enum type_kind kind, size_t row)
{
    uint64_t bits;
    if (col->storage == STORAGE_F64) {
        double v = kind == TYPE_FLOAT ? (double)(float)col->f64[row] : col->f64[row];
        v += 0.0; /* -0 becomes 0 */
        memcpy(&bits, &v, sizeof bits);
    } else {
        bits = (uint64_t)col->i64[row];
    }
    return htole64(bits);
}

static inline void put_head(uint8_t *dst, uint8_t tag, uint32_t len)
{
    len = htole32(len);
    dst[0] = tag;
    memcpy(dst + 1, &len, sizeof len);
}

static uint64_t long_row_hash(const struct batch *batch, size_t row)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    XXH3_64bits_reset(&state);
    for (size_t c = 0; c < batch->ncols; c++) {
        const struct column *col = &batch->cols[c];
        enum type_kind kind = schema_loaded(batch->schema, c)->type.kind;
        uint8_t cell[CELL_FIXED] = {0};
        if (col->null[row]) {
            XXH3_64bits_update(&state, cell, 1);
        } else if (col->storage == STORAGE_STR) {
            size_t len;
            const char *text = batch_str(batch, c, row, &len);
            put_head(cell, tags[kind], (uint32_t)len);
            XXH3_64bits_update(&state, cell, CELL_HEAD);
            XXH3_64bits_update(&state, text, len);
        } else {
            uint64_t bits = number_bits(col, kind, row);
            cell[0] = tags[kind];
            memcpy(cell + 1, &bits, sizeof bits);
            XXH3_64bits_update(&state, cell, kind == TYPE_DATE ? CELL_HEAD : CELL_FIXED);
        }
    }
    return XXH3_64bits_digest(&state);
}

struct block {
    size_t first, rows;
    uint32_t len[BLOCK_ROWS];
    bool too_long[BLOCK_ROWS];
    uint8_t bytes[BLOCK_ROWS][ROW_BYTES];
};

/* Writes tag and number of every row, NULL or not; a NULL keeps its first byte only. */
static inline void put_numbers(struct block *b, const struct column *col, enum type_kind kind, uint32_t width)
{
    uint8_t tag = tags[kind];
    for (size_t r = 0; r < b->rows; r++) {
        size_t row = b->first + r;
        uint8_t null = col->null[row];
        uint64_t bits = number_bits(col, kind, row);
        uint8_t *dst = &b->bytes[r][b->len[r]];
        dst[0] = null ? 0 : tag;
        memcpy(dst + 1, &bits, sizeof bits);
        b->len[r] += null ? 1 : width;
    }
}

/* `after`: columns still to come, whose numbers must fit too. */
static void put_texts(struct block *b, const struct batch *batch, size_t c, uint8_t tag, size_t after)
{
    const struct column *col = &batch->cols[c];
    for (size_t r = 0; r < b->rows; r++) {
        size_t row = b->first + r, len;
        uint8_t *dst = &b->bytes[r][b->len[r]];
        if (col->null[row]) {
            *dst = 0;
            b->len[r]++;
            continue;
        }
        const char *text = batch_str(batch, c, row, &len);
        if (b->len[r] + CELL_HEAD + len + CELL_FIXED * after > ROW_BYTES) {
            b->too_long[r] = true;
            continue;
        }
        put_head(dst, tag, (uint32_t)len);
        memcpy(dst + CELL_HEAD, text, len);
        b->len[r] += CELL_HEAD + (uint32_t)len;
    }
}

static uint64_t block_hash(struct block *b, const struct batch *batch)
{
    memset(b->len, 0, sizeof b->len);
    memset(b->too_long, 0, sizeof b->too_long);
    for (size_t c = 0; c < batch->ncols; c++) {
        const struct column *col = &batch->cols[c];
        enum type_kind kind = schema_loaded(batch->schema, c)->type.kind;
        if (col->storage == STORAGE_STR)
            put_texts(b, batch, c, tags[kind], batch->ncols - c - 1);
        else
            put_numbers(b, col, kind, kind == TYPE_DATE ? CELL_HEAD : CELL_FIXED);
    }
    uint64_t sum = 0;
    for (size_t r = 0; r < b->rows; r++)
        sum += b->too_long[r] ? long_row_hash(batch, b->first + r) : XXH3_64bits(b->bytes[r], b->len[r]);
    return sum;
}

uint64_t canon_rows_hash(const struct batch *batch, size_t from, size_t to)
{
    uint64_t sum = 0;
    if (batch->ncols * CELL_FIXED > ROW_BYTES) {
        for (size_t row = from; row < to; row++)
            sum += long_row_hash(batch, row);
        return sum;
    }
    struct block b;
    for (b.first = from; b.first < to; b.first += b.rows) {
        b.rows = to - b.first < BLOCK_ROWS ? to - b.first : BLOCK_ROWS;
        sum += block_hash(&b, batch);
    }
    return sum;
}

uint64_t canon_row_hash(const struct batch *batch, size_t row)
{
    return canon_rows_hash(batch, row, row + 1);
}

void canon_hash_format(uint64_t hash, char out[CANON_HASH_TEXT_MAX])
{
    snprintf(out, CANON_HASH_TEXT_MAX, "%016" PRIx64, hash);
}

bool canon_hash_parse(const char *text, uint64_t *out)
{
    if (strlen(text) != CANON_HASH_TEXT_MAX - 1)
        return false;
    uint64_t v = 0;
    for (const char *p = text; *p; p++) {
        unsigned char lower = (unsigned char)(*p | 0x20);
        if (!is_digit(*p) && (lower < 'a' || lower > 'f'))
            return false;
        unsigned digit = is_digit(*p) ? (unsigned)(*p - '0') : lower - 'a' + 10u;
        v = v << 4 | digit;
    }
    *out = v;
    return true;
}

/* Writes v in at least `width` digits; the end. */
static char *put_digits(char *dst, uint64_t v, int width)
{
    char digits[DIGITS_MAX];
    int n = 0;
    for (; v > 0 || n < width; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    while (n > 0)
        *dst++ = digits[--n];
    return dst;
}

/*
 * Most doubles come from texts of at most 15 digits. Then 15 digits of v, as an integer m and a power of ten,
 * are that text: v * 10^k is off by less than a half, and m / 10^k rounds once, so it is the double that the
 * text reads as.
 */
static char *put_short_double(double v, char *dst)
{
    static const double pow10[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                   1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    if (!(v >= 1e-4 && v < 1e15))
        return NULL;
    int k = 14;
    while (k < 18 && v * pow10[k] < 1e14)
        k++;
    while (k > 0 && v * pow10[k] >= 1e15)
        k--;
    uint64_t m = (uint64_t)(v * pow10[k] + 0.5);
    if ((double)m / pow10[k] != v)
        return NULL;
    for (; k > 0 && m % 10 == 0; k--)
        m /= 10;
    uint64_t unit = (uint64_t)pow10[k];
    dst = put_digits(dst, m / unit, 1);
    if (k > 0) {
        *dst++ = '.';
        dst = put_digits(dst, m % unit, k);
    }
    return dst;
}

/* The quick way to a short text, or false. */
static bool put_quick(double v, char out[CANON_DOUBLE_MAX])
{
    char *dst = out;
    if (v < 0)
        *dst++ = '-';
    char *end = v == 0 ? put_digits(dst, 0, 1) : put_short_double(fabs(v), dst);
    if (end)
        *end = '\0';
    return end != NULL;
}

void canon_double(double v, char out[CANON_DOUBLE_MAX])
{
    if (put_quick(v, out))
        return;
    locale_t before = uselocale(types_c_locale());
    /* Of those below DBL_MIN fewer digits tell one from the next. */
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(out, CANON_DOUBLE_MAX, "%.*g", digits, v);
        if (strtod(out, NULL) == v)
            break;
    }
    uselocale(before);
}

void canon_double_any(double v, char out[CANON_DOUBLE_MAX])
{
    if (put_quick(v, out))
        return;
    locale_t before = uselocale(types_c_locale());
    snprintf(out, CANON_DOUBLE_MAX, "%.17g", v);
    uselocale(before);
}

char *canon_put_date(char *dst, int64_t days)
{
    int year, month, day;
    days_to_civil(days, &year, &month, &day);
    dst = put_digits(dst, (uint64_t)year, 4);
    *dst++ = '-';
    dst = put_digits(dst, (uint64_t)month, 2);
    *dst++ = '-';
    return put_digits(dst, (uint64_t)day, 2);
}

char *canon_put_timestamp(char *dst, int64_t us)
{
    hour_t hour = hour_of_us(us);
    int64_t rest = us - hour_start_us(hour), days = (hour - HOUR_MIN) / 24 + HOUR_MIN / 24;
    dst = canon_put_date(dst, days);
    *dst++ = ' ';
    dst = put_digits(dst, (uint64_t)(hour - days * 24), 2);
    *dst++ = ':';
    dst = put_digits(dst, (uint64_t)(rest / 60000000), 2);
    *dst++ = ':';
    dst = put_digits(dst, (uint64_t)(rest / 1000000 % 60), 2);
    if (rest % 1000000 == 0)
        return dst;
    *dst++ = '.';
    return put_digits(dst, (uint64_t)(rest % 1000000), 6);
}

enum err_code canon_text(const struct batch *batch, size_t c, size_t row, struct buf *out, struct err *err)
{
    const struct column *col = &batch->cols[c];
    char text[MOMENT_MAX], *end = text;
    if (col->null[row])
        return ERR_OK;
    switch (col->storage) {
    case STORAGE_STR: {
        size_t len;
        const char *str = batch_str(batch, c, row, &len);
        return buf_append(out, str, len, err);
    }
    case STORAGE_F64:
        canon_double(col->f64[row], text);
        return buf_append(out, text, strlen(text), err);
    case STORAGE_I64:
        break;
    }
    enum type_kind kind = schema_loaded(batch->schema, c)->type.kind;
    int64_t v = col->i64[row];
    if (kind == TYPE_DATE) {
        end = canon_put_date(text, v);
    } else if (kind == TYPE_TIMESTAMP) {
        end = canon_put_timestamp(text, v);
    } else {
        if (v < 0)
            *end++ = '-';
        end = put_digits(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 1);
    }
    return buf_append(out, text, (size_t)(end - text), err);
}
