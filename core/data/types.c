/*
 * types: the way in for every value, from a file into a batch or from the pipeline file into a check.
 *
 * One parser for each kind of storage serves both; integers and booleans, the commonest, are read here, the
 * others in types_float.c, types_decimal.c, types_time.c and types_text.c. Invariants: a slot of the batch is
 * written only when the text was accepted; no byte outside text[0..len) is read; the answer depends on type
 * and text alone, never on the locale.
 */
#include "core/data/types.h"

#include "core/base/mem.h"
#include "core/data/types_internal.h"

/* More than eight digits, or none. */
static enum err_name parse_long_int(const char *digits, size_t len, uint64_t max, uint64_t *out)
{
    if (len == 0)
        return ERRN_CAST_INT;
    for (size_t i = 0; i < len; i++)
        if (!is_digit(digits[i]))
            return ERRN_CAST_INT;
    for (; len > 1 && *digits == '0'; len--)
        digits++;
    if (len > 19) /* 19 digits always fit in 64 bits */
        return ERRN_CAST_RANGE;
    uint64_t v = 0;
    for (size_t i = 0; i < len; i++)
        v = v * 10 + (uint64_t)(digits[i] - '0');
    *out = v;
    return v > max ? ERRN_CAST_RANGE : ERRN_NONE;
}

/* max: of the positive values; the negative ones reach one further. */
static inline enum err_name parse_int(const char *text, size_t len, int64_t max, int64_t *out)
{
    size_t minus = len > 0 && text[0] == '-';
    uint64_t limit = (uint64_t)max + minus, v;
    text += minus;
    len -= minus;
    if (len - 1 < 8) {
        if (!eight_digits(load_digits(text, len), &v))
            return ERRN_CAST_INT;
        if (v > limit)
            return ERRN_CAST_RANGE;
    } else {
        enum err_name name = parse_long_int(text, len, limit, &v);
        if (name)
            return name;
    }
    *out = (int64_t)(minus ? 0 - v : v);
    return ERRN_NONE;
}

static enum err_name parse_boolean(const char *text, size_t len, int64_t *out)
{
    if ((len == 1 && text[0] == '1') || (len == 4 && memcmp(text, "true", 4) == 0))
        *out = 1;
    else if ((len == 1 && text[0] == '0') || (len == 5 && memcmp(text, "false", 5) == 0))
        *out = 0;
    else
        return ERRN_CAST_BOOLEAN;
    return ERRN_NONE;
}

static inline enum err_name parse_i64(const struct type *type, const char *text, size_t len, int64_t *out)
{
    switch (type->kind) {
    case TYPE_TINYINT:
        return parse_int(text, len, INT8_MAX, out);
    case TYPE_SMALLINT:
        return parse_int(text, len, INT16_MAX, out);
    case TYPE_INT:
        return parse_int(text, len, INT32_MAX, out);
    case TYPE_BIGINT:
        return parse_int(text, len, INT64_MAX, out);
    case TYPE_DATE:
        return types_date(text, len, out);
    case TYPE_TIMESTAMP:
        return types_timestamp(text, len, out);
    default:
        return parse_boolean(text, len, out);
    }
}

static inline enum err_name parse_f64(const struct type *type, const char *text, size_t len, double *out)
{
    return type->kind == TYPE_FLOAT ? types_float(text, len, out) : types_double(text, len, out);
}

/* *str is the text itself, or `decimal` filled. */
static enum err_name parse_str(const struct type *type, const char *text, size_t len,
                               char decimal[DECIMAL_TEXT_MAX], const char **str, size_t *str_len)
{
    bool is_decimal = type->kind == TYPE_DECIMAL;
    *str = is_decimal ? decimal : text;
    *str_len = len;
    return is_decimal ? types_decimal(type, text, len, decimal, str_len) : types_text(type, text, len);
}

/* Apart from types_put, whose frame stays small that way. */
static __attribute__((noinline)) enum err_name put_str(struct batch *batch, size_t c, const struct type *type,
                                                       const char *text, size_t len)
{
    char decimal[DECIMAL_TEXT_MAX];
    const char *str;
    size_t str_len;
    enum err_name name = parse_str(type, text, len, decimal, &str, &str_len);
    if (name)
        return name;
    struct err err;
    err.code = ERR_OK; /* ERR_INIT would clear a kilobyte for each field */
    return batch_set_str(batch, c, str, str_len, &err) ? ERRN_NOMEM : ERRN_NONE;
}

enum err_name types_put(struct batch *batch, size_t c, const struct type *type, const char *text, size_t len)
{
    enum err_name name;
    int64_t i64;
    double f64;
    switch (batch->cols[c].storage) {
    case STORAGE_I64:
        name = parse_i64(type, text, len, &i64);
        if (!name)
            batch_set_i64(batch, c, i64);
        return name;
    case STORAGE_F64:
        name = parse_f64(type, text, len, &f64);
        if (!name)
            batch_set_f64(batch, c, f64);
        return name;
    case STORAGE_STR:
        break;
    }
    return put_str(batch, c, type, text, len);
}

enum err_name types_value(const struct type *type, const char *text, size_t len, struct value *out)
{
    struct value v = {0};
    char decimal[DECIMAL_TEXT_MAX];
    const char *str = NULL;
    enum err_name name = ERRN_NONE;
    switch (type_storage(type)) {
    case STORAGE_I64:
        name = parse_i64(type, text, len, &v.i64);
        break;
    case STORAGE_F64:
        name = parse_f64(type, text, len, &v.f64);
        break;
    case STORAGE_STR:
        name = parse_str(type, text, len, decimal, &str, &v.str_len);
        if (!name && !(v.str = mem_strndup(str, v.str_len)))
            name = ERRN_NOMEM;
        break;
    }
    if (!name)
        *out = v;
    return name;
}

void value_release(struct value *value)
{
    if (!value)
        return;
    mem_free(value->str);
    *value = (struct value){0};
}

int value_compare(const struct type *type, const struct value *a, const struct value *b)
{
    switch (type_storage(type)) {
    case STORAGE_I64:
        return (a->i64 > b->i64) - (a->i64 < b->i64);
    case STORAGE_F64:
        return (a->f64 > b->f64) - (a->f64 < b->f64);
    case STORAGE_STR:
        break;
    }
    if (type->kind == TYPE_DECIMAL)
        return decimal_compare(a->str, a->str_len, b->str, b->str_len);
    size_t common = a->str_len < b->str_len ? a->str_len : b->str_len;
    int order = memcmp(a->str, b->str, common);
    return order ? order : (a->str_len > b->str_len) - (a->str_len < b->str_len);
}

double types_number(const struct batch *batch, size_t c, size_t row)
{
    const struct column *col = &batch->cols[c];
    double d = 0;
    size_t len;
    if (col->storage == STORAGE_I64)
        return (double)col->i64[row];
    if (col->storage == STORAGE_F64)
        return col->f64[row];
    /* A decimal's grammar is within that of a double, and its 65 digits are within the range. */
    const char *text = batch_str(batch, c, row, &len);
    return types_double(text, len, &d) == ERRN_NONE ? d : 0;
}
