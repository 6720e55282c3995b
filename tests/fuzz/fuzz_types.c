/*
 * fuzz_types: one text offered to a column of every type.
 *
 * Checks: who accepts it, and as what, by a second opinion (strtoll, strtod, timegm, a plain decoder of
 * UTF-8); what is accepted is written by canon_text, and that text is accepted as the same value with the
 * same row hash; types_value agrees; a wider integer takes what a narrower one takes.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/data/types.h"
#include "tests/fuzz/fuzz.h"

static const char *const type_names[] = {"boolean",      "tinyint",       "smallint",       "int",
                                         "bigint",       "float",         "double",         "decimal(1,1)",
                                         "decimal(9,2)", "decimal(18,0)", "decimal(65,30)", "varchar(1)",
                                         "varchar(9)",   "text",          "date",           "timestamp"};
enum { TYPES = sizeof type_names / sizeof type_names[0], TEXT_MAX = 1 << 22 };

static struct batch *new_batch(void)
{
    static struct schema_column columns[TYPES];
    static struct schema schema = {.columns = columns, .ncolumns = TYPES};
    struct err err = ERR_INIT;
    struct batch *batch;

    for (size_t c = 0; c < TYPES; c++) {
        columns[c].name = columns[c].from = (char *)(uintptr_t)type_names[c];
        columns[c].nullable = true;
        FUZZ_CHECK(type_parse(type_names[c], &columns[c].type, &err) == ERR_OK);
    }
    FUZZ_CHECK(schema_seal(&schema, &err) == ERR_OK);
    FUZZ_CHECK(batch_new(&schema, 2, TEXT_MAX, &batch, &err) == ERR_OK);
    return batch;
}

/* -?digits, and with `point` [.digits], and with `exponent` [(e|E)[+|-]digits]. */
static bool is_number(const char *text, size_t len, bool point, bool exponent)
{
    static const char digits[] = "0123456789";
    size_t n;

    if (memchr(text, 0, len))
        return false;
    const char *p = text + (*text == '-');
    if ((n = strspn(p, digits)) == 0)
        return false;
    p += n;
    if (point && *p == '.') {
        if ((n = strspn(p + 1, digits)) == 0)
            return false;
        p += 1 + n;
    }
    if (exponent && (*p == 'e' || *p == 'E')) {
        p += 1 + (p[1] == '+' || p[1] == '-');
        if ((n = strspn(p, digits)) == 0)
            return false;
        p += n;
    }
    return p == text + len;
}

/* Code points of valid UTF-8 without NUL, or -1. */
static int64_t code_points(const uint8_t *p, size_t len)
{
    int64_t n = 0;

    for (size_t i = 0; i < len; n++) {
        uint32_t c = p[i];
        size_t more = c < 0x80 ? 0 : c < 0xC0 ? 9 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF8 ? 3 : 9;

        if (c == 0 || more > 3 || more > len - i - 1)
            return -1;
        c = more ? c & (0x3Fu >> more) : c;
        for (size_t k = 1; k <= more; k++) {
            if (p[i + k] >> 6 != 2)
                return -1;
            c = c << 6 | (p[i + k] & 0x3Fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return -1;
        i += 1 + more;
    }
    return n;
}

static enum err_name expect_int(const char *text, size_t len, int bits, int64_t *out)
{
    long long max = bits == 64 ? INT64_MAX : (INT64_C(1) << (bits - 1)) - 1;

    if (!is_number(text, len, false, false))
        return ERRN_CAST_INT;
    errno = 0;
    *out = strtoll(text, NULL, 10);
    return errno == ERANGE || *out > max || *out < -max - 1 ? ERRN_CAST_RANGE : ERRN_NONE;
}

static enum err_name expect_float(const char *text, size_t len, bool is_float, double *out)
{
    if (!is_number(text, len, true, true))
        return ERRN_CAST_FLOAT;
    *out = strtod(text, NULL);
    if (is_float)
        *out = isfinite(*out) && fabs(*out) < 0x1.ffffffp127 ? (double)(float)*out : INFINITY;
    *out += 0.0;
    return isfinite(*out) ? ERRN_NONE : ERRN_CAST_RANGE;
}

static enum err_name expect_decimal(const struct type *type, const char *text, size_t len)
{
    if (!is_number(text, len, true, false))
        return ERRN_CAST_DECIMAL;
    const char *whole = text + (*text == '-'), *point = strchr(whole, '.');
    size_t nwhole = point ? (size_t)(point - whole) : strlen(whole);
    size_t fraction = point ? strlen(point + 1) : 0;
    while (fraction > 0 && point[fraction] == '0')
        fraction--;
    while (nwhole > 0 && *whole == '0') {
        whole++;
        nwhole--;
    }
    return fraction > type->scale                   ? ERRN_CAST_DECIMAL
           : nwhole > type->precision - type->scale ? ERRN_CAST_RANGE
                                                    : ERRN_NONE;
}

static enum err_name expect_date(const char *text, size_t len, int64_t *days)
{
    int v[3] = {0};

    if (len != 10)
        return ERRN_CAST_DATE;
    for (int i = 0, f = 0; i < 10; i++) {
        if (i == 4 || i == 7) {
            if (text[i] != '-')
                return ERRN_CAST_DATE;
            f++;
        } else if (text[i] < '0' || text[i] > '9') {
            return ERRN_CAST_DATE;
        } else {
            v[f] = v[f] * 10 + (text[i] - '0');
        }
    }
    struct tm tm = {.tm_year = v[0] - 1900, .tm_mon = v[1] - 1, .tm_mday = v[2]};
    time_t at = timegm(&tm);
    *days = at / 86400;
    return v[0] > 0 && tm.tm_year == v[0] - 1900 && tm.tm_mon == v[1] - 1 && tm.tm_mday == v[2]
               ? ERRN_NONE
               : ERRN_CAST_DATE;
}

/* What the column must hold; `text` ends with a NUL behind `len`. */
static void check_expected(const struct batch *batch, size_t c, const struct type *type, const char *text,
                           size_t len, enum err_name got)
{
    const struct column *col = &batch->cols[c];
    int64_t points = code_points((const uint8_t *)text, len), i64 = 0;
    enum err_name want = got;
    double f64 = 0;

    switch (type->kind) {
    case TYPE_BOOLEAN:
        i64 = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
        want = strlen(text) == len && (i64 || strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
                   ? ERRN_NONE
                   : ERRN_CAST_BOOLEAN;
        break;
    case TYPE_TINYINT:
        want = expect_int(text, len, 8, &i64);
        break;
    case TYPE_SMALLINT:
        want = expect_int(text, len, 16, &i64);
        break;
    case TYPE_INT:
        want = expect_int(text, len, 32, &i64);
        break;
    case TYPE_BIGINT:
        want = expect_int(text, len, 64, &i64);
        break;
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        want = expect_float(text, len, type->kind == TYPE_FLOAT, &f64);
        break;
    case TYPE_DECIMAL:
        want = expect_decimal(type, text, len);
        break;
    case TYPE_VARCHAR:
    case TYPE_TEXT:
        want = points < 0                                            ? ERRN_TEXT_ENCODING
               : type->kind == TYPE_VARCHAR && points > type->length ? ERRN_TEXT_TOO_LONG
                                                                     : ERRN_NONE;
        break;
    case TYPE_DATE:
        want = expect_date(text, len, &i64);
        break;
    case TYPE_TIMESTAMP: /* fuzz_time looks at these */
        i64 = got ? 0 : col->i64[0];
        break;
    }
    FUZZ_CHECK(got == want);
    if (got)
        return;
    if (col->storage == STORAGE_I64)
        FUZZ_CHECK(col->i64[0] == i64);
    if (col->storage == STORAGE_F64)
        FUZZ_CHECK(memcmp(&col->f64[0], &f64, sizeof f64) == 0);
    if (col->storage == STORAGE_STR) {
        size_t n;
        const char *str = batch_str(batch, c, 0, &n);

        if (type->kind == TYPE_DECIMAL)
            FUZZ_CHECK(decimal_compare(str, n, text, len) == 0);
        else
            FUZZ_CHECK(n == len && memcmp(str, text, len) == 0);
    }
}

static void check_same_cell(const struct batch *batch, size_t c)
{
    const struct column *col = &batch->cols[c];

    FUZZ_CHECK(!col->null[0] && !col->null[1]);
    if (col->storage == STORAGE_STR) {
        size_t a_len, b_len;
        const char *a = batch_str(batch, c, 0, &a_len), *b = batch_str(batch, c, 1, &b_len);

        FUZZ_CHECK(a_len == b_len && memcmp(a, b, a_len) == 0);
    } else {
        FUZZ_CHECK(col->i64[0] == col->i64[1]); /* the bits, of doubles too */
    }
}

static void check_value(const struct batch *batch, size_t c, const struct type *type, const char *text,
                        size_t len, enum err_name name)
{
    const struct column *col = &batch->cols[c];
    struct value value;

    FUZZ_CHECK(types_value(type, text, len, &value) == name);
    if (name)
        return;
    if (col->storage == STORAGE_I64)
        FUZZ_CHECK(value.i64 == col->i64[0]);
    else if (col->storage == STORAGE_F64)
        FUZZ_CHECK(memcmp(&value.f64, &col->f64[0], sizeof value.f64) == 0);
    else
        FUZZ_CHECK(value.str_len == col->str[0].len && value.str[value.str_len] == '\0');
    value_release(&value);
}

/* A row where column c alone is not NULL; false where the text is no value of its type. */
static enum err_name put_row(struct batch *batch, size_t c, const struct type *type, const char *text,
                             size_t len)
{
    batch_begin_row(batch);
    for (size_t i = 0; i < batch->ncols; i++)
        batch_set_null(batch, i);
    enum err_name name = types_put(batch, c, type, text, len);
    if (name == ERRN_NONE)
        batch_commit_row(batch, 1, 0);
    return name;
}

FUZZ_TARGET(types)(const uint8_t *data, size_t size)
{
    static struct batch *batch;
    char *exact = malloc(size + (size == 0)), *text = malloc(size + 1);
    int64_t last = 0;
    struct err err = ERR_INIT;
    struct buf canon;

    FUZZ_CHECK(exact && text);
    if (size > 0)
        memcpy(exact, data, size);
    memcpy(text, exact, size);
    text[size] = '\0';
    buf_init(&canon, TEXT_MAX);
    batch = batch ? batch : new_batch();
    for (size_t c = 0; c < TYPES; c++) {
        const struct type *type = &schema_loaded(batch->schema, c)->type;

        batch_clear(batch);
        enum err_name name = put_row(batch, c, type, exact, size);
        FUZZ_CHECK(batch->rows == (name == ERRN_NONE));
        check_expected(batch, c, type, text, size, name);
        check_value(batch, c, type, exact, size, name);
        if (type->kind > TYPE_TINYINT && type->kind <= TYPE_BIGINT && last)
            FUZZ_CHECK(name == ERRN_NONE);
        last = type->kind >= TYPE_TINYINT && type->kind <= TYPE_BIGINT && name == ERRN_NONE;
        if (name)
            continue;
        buf_clear(&canon);
        FUZZ_CHECK(canon_text(batch, c, 0, &canon, &err) == ERR_OK);
        FUZZ_CHECK(put_row(batch, c, type, buf_str(&canon), canon.len) == ERRN_NONE);
        check_same_cell(batch, c);
        FUZZ_CHECK(canon_row_hash(batch, 0) == canon_row_hash(batch, 1));
        FUZZ_CHECK(canon_rows_hash(batch, 0, 2) == 2 * canon_row_hash(batch, 0));
    }
    buf_release(&canon);
    free(exact);
    free(text);
    return 0;
}
