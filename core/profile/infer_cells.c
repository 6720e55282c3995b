/*
 * infer_cells: one column: what its values are, counted by class, and the type that follows.
 *
 * A value has one class, found by the loader's own parsers (core/data/types). A type is chosen only if all
 * classes seen are of it, so no value that was read is refused. Head room for what was not read: no integer
 * below int, bigint from half of int's range on, varchar(n) with n twice the longest and more. Invariants:
 * values of a column = sum of its classes + those that are tokens not taken; a text of the list of tokens
 * is counted as token only, until cells_decide says whether it is NULL.
 */
#include <string.h>

#include "core/data/types.h"
#include "core/profile/infer_internal.h"

enum {
    DOUBLE_DIGITS = 15, /* that every double keeps */
    DECIMAL_SCALE_MIN = 2,
    DECIMAL_SCALE_MAX = 4,
    DECIMAL_WHOLE_MIN = 10, /* digits before the point, at least */
    DECIMAL_WHOLE_ROOM = 4,
    DATE_LENGTH = 10,
    TIMESTAMP_LENGTH = 19,
};
#define INT_SAFE (INT32_MAX / 2)

const char *const infer_token_texts[INFER_TOKENS] = {
    "",    "NA",   "N/A",  "n/a", "NULL", "null", "Null", "\\N",    "NaN",
    "nan", "None", "none", "nil", "-",    "--",   "?",    "(null)", "#N/A",
};

int infer_token_find(const char *text, size_t len)
{
    for (int i = 1; i < INFER_TOKENS && len <= strlen("(null)"); i++)
        if (strncmp(infer_token_texts[i], text, len) == 0 && infer_token_texts[i][len] == '\0' && len > 0)
            return i;
    return -1;
}

const char *infer_class_text(enum infer_class class)
{
    static const char *const texts[INFER_CLASSES] = {
        "0 or 1",
        "true or false",
        "whole numbers",
        "whole numbers beyond bigint",
        "numbers with a leading zero",
        "numbers with a point",
        "numbers with an exponent or more than 15 digits",
        "dates",
        "timestamps",
        "texts",
        "texts that are no UTF-8",
    };
    return texts[class];
}

/* ---- one value ---- */

static bool is(enum type_kind kind, const char *text, size_t len, struct value *out)
{
    const struct type type = {.kind = kind};
    return types_value(&type, text, len, out) == ERRN_NONE;
}

/* Of a text that double takes: by its digits. */
static enum infer_class class_of_double(const char *text, size_t len)
{
    size_t digits = 0;
    bool leading = true;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == 'e' || text[i] == 'E')
            return INFER_FLOAT;
        leading = leading && (text[i] == '0' || text[i] == '-' || text[i] == '.');
        digits += !leading && text[i] != '.';
    }
    return digits > DOUBLE_DIGITS ? INFER_FLOAT : INFER_POINT;
}

/* The class, and the value as a number (times: days, microseconds). */
static enum infer_class classify(const char *text, size_t len, double *number, int64_t *whole)
{
    const struct type bigint = {.kind = TYPE_BIGINT};
    struct value v = {0};
    size_t minus = len > 0 && text[0] == '-';
    bool digit = len > minus && text[minus] >= '0' && text[minus] <= '9';
    *number = 0;
    if (digit) {
        bool zeros = len > minus + 1 && text[minus] == '0' && text[minus + 1] >= '0' &&
                     text[minus + 1] <= '9';
        enum err_name name = types_value(&bigint, text, len, &v);
        *whole = v.i64;
        *number = (double)v.i64;
        if (name == ERRN_NONE && !zeros)
            return len == 1 && v.i64 <= 1 ? INFER_BIT : INFER_INT;
        if (name == ERRN_NONE || (name == ERRN_CAST_RANGE && zeros))
            return INFER_ZEROS;
        if (name == ERRN_CAST_RANGE)
            return is(TYPE_DOUBLE, text, len, &v) ? INFER_BIG : INFER_TEXT;
        bool date = len == DATE_LENGTH && is(TYPE_DATE, text, len, &v);
        if (date || (len >= TIMESTAMP_LENGTH && is(TYPE_TIMESTAMP, text, len, &v))) {
            *number = (double)v.i64;
            return date ? INFER_DATE : INFER_TIMESTAMP;
        }
        if (is(TYPE_DOUBLE, text, len, &v)) {
            *number = v.f64;
            return zeros ? INFER_ZEROS : class_of_double(text, len);
        }
    } else if (len > 0 && (text[0] == 't' || text[0] == 'f') && is(TYPE_BOOLEAN, text, len, &v)) {
        return INFER_WORD;
    }
    return utf8_length(text, len) < 0 ? INFER_BROKEN : INFER_TEXT;
}

enum infer_class infer_classify(const char *text, size_t len)
{
    double number;
    int64_t whole;
    return classify(text, len, &number, &whole);
}

/* ---- reading ---- */

void cells_init(struct infer_cells *c)
{
    *c = (struct infer_cells){
        .running = true, .pairs = true, .int_min = INT64_MAX, .int_max = INT64_MIN, .scale_min = INT64_MAX};
    c->column.increasing = c->column.decimal_commas = true;
    c->column.length_min = INT64_MAX;
}

void cells_object(struct infer_cells *c)
{
    c->has_last_here = false;
    c->column.objects++;
}

void example_set(struct infer_example *e, const char *text, size_t len, struct infer_place *place)
{
    infer_show(text, len, e->text);
    e->len = len;
    e->object = place->object;
    e->line = place->line;
    e->count = 1;
    place->used = true;
}

/* Notes the first distinct values of a class. */
static void note(struct infer_cells *c, enum infer_class class, const char *text, size_t len,
                 struct infer_place *place)
{
    struct infer_example *e = c->column.examples[class], *end = e + INFER_EXAMPLES;
    char shown[INFER_SHOWN_MAX];
    if (class < INFER_TEXT && c->column.classes[class] > INFER_EXAMPLES)
        return; /* of numbers the first few suffice */
    bool made = false;
    for (; e < end; e++) {
        if (e->count == 0) {
            example_set(e, text, len, place);
            return;
        }
        if (e->len != len)
            continue;
        if (!made)
            infer_show(text, len, shown);
        made = true;
        if (strcmp(e->text, shown) == 0) {
            e->count++;
            return;
        }
    }
}

static void extend(struct infer_cells *c, double number, const char *text, size_t len, bool first)
{
    if (first || number < c->column.low.value) {
        c->column.low.value = number;
        infer_show(text, len, c->column.low.text);
    }
    if (first || number > c->column.high.value) {
        c->column.high.value = number;
        infer_show(text, len, c->column.high.text);
    }
}

static void add_whole(struct infer_cells *c, int64_t v)
{
    c->int_min = v < c->int_min ? v : c->int_min;
    c->int_max = v > c->int_max ? v : c->int_max;
    c->running = c->running && (!c->has_last_here || (c->last < INT64_MAX && v == c->last + 1));
    c->column.increasing = c->column.increasing && (!c->has_last || v > c->last);
    c->last = v;
    c->has_last = c->has_last_here = true;
}

static void add_point(struct infer_cells *c, const char *text, size_t len)
{
    const char *point = memchr(text, '.', len);
    int64_t whole = (int64_t)(point ? (size_t)(point - text) : len) - (text[0] == '-');
    int64_t scale = point ? (int64_t)(text + len - point) - 1 : 0;
    c->whole_max = whole > c->whole_max ? whole : c->whole_max;
    c->scale_min = scale < c->scale_min ? scale : c->scale_min;
    c->scale_max = scale > c->scale_max ? scale : c->scale_max;
    c->padded = c->padded || (scale > 0 && text[len - 1] == '0');
}

static bool is_letter(char ch)
{
    return (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
}

/* 1,5 and 1.234,50 */
static bool is_decimal_comma(const char *text, size_t len)
{
    size_t commas = 0, digits = 0;
    for (size_t i = text[0] == '-'; i < len; i++) {
        commas += text[i] == ',';
        digits += text[i] >= '0' && text[i] <= '9';
        if (text[i] != ',' && text[i] != '.' && (text[i] < '0' || text[i] > '9'))
            return false;
    }
    return commas == 1 && digits > 1;
}

void cells_add(struct infer_cells *c, const struct csv_field *field, struct infer_place *place)
{
    struct infer_column *column = &c->column;
    const char *text = field->data;
    size_t len = field->len;
    double number;
    int64_t whole;
    int token = field->empty_unquoted ? 0 : infer_token_find(text, len);
    if (token == 0) {
        column->tokens[0]++;
        return;
    }
    int64_t points = utf8_length(text, len);
    points = points < 0 ? (int64_t)len : points;
    column->length_min = points < column->length_min ? points : column->length_min;
    column->length_max = points > column->length_max ? points : column->length_max;
    if (token > 0) {
        column->tokens[token]++;
        return;
    }
    enum infer_class class = classify(text, len, &number, &whole);
    bool first = true;
    for (int i = 0; i < INFER_TEXT && first; i++)
        first = column->classes[i] == 0;
    column->classes[class]++;
    column->decimal_commas = column->decimal_commas && class == INFER_TEXT && is_decimal_comma(text, len);
    c->pairs = c->pairs && len == 2 && is_letter(text[0]) && is_letter(text[1]);
    if (class < INFER_TEXT && class != INFER_WORD)
        extend(c, number, text, len, first);
    if (class == INFER_BIT || class == INFER_INT)
        add_whole(c, whole);
    else
        c->running = column->increasing = false;
    if (class == INFER_POINT)
        add_point(c, text, len);
    note(c, class, text, len, place);
}

/* ---- deciding ---- */

/* The classes seen. What is no UTF-8 is refused in every type, so it decides only where it is all there is.
 */
static unsigned mask_of(const struct infer_column *column)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < INFER_CLASSES; i++)
        mask |= column->classes[i] ? 1u << i : 0;
    return mask == 1u << INFER_BROKEN ? mask : mask & ~(1u << INFER_BROKEN);
}

enum {
    M_BIT = 1 << INFER_BIT,
    M_BOOLEAN = M_BIT | 1 << INFER_WORD,
    M_WHOLE = M_BIT | 1 << INFER_INT,
    M_POINT = 1 << INFER_POINT,
    M_NUMBER = M_WHOLE | M_POINT | 1 << INFER_FLOAT | 1 << INFER_BIG,
    M_DATE = 1 << INFER_DATE,
    M_TIMESTAMP = 1 << INFER_TIMESTAMP,
    M_CODES = M_WHOLE | M_POINT | 1 << INFER_BIG | 1 << INFER_ZEROS,
};

static bool only(unsigned mask, unsigned of)
{
    return mask && !(mask & ~of);
}

static struct type text_type(const struct infer_cells *c)
{
    static const unsigned steps[] = {20, 50, 100, 200, 500, 1000, 2000, 4000};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (c->column.length_max * 2 <= (int64_t)steps[i])
            return (struct type){.kind = TYPE_VARCHAR, .length = steps[i]};
    return (struct type){.kind = TYPE_TEXT};
}

/* All values are numbers with a point: decimal where each is written with one number of digits behind it,
 * zeros at the end too, as amounts of money are. */
static struct type point_type(const struct infer_cells *c)
{
    int64_t whole = c->whole_max + DECIMAL_WHOLE_ROOM;
    if (c->column.classes[INFER_POINT] < INFER_DECIMAL_VALUES || !c->padded || c->scale_min != c->scale_max ||
        c->scale_min < DECIMAL_SCALE_MIN || c->scale_max > DECIMAL_SCALE_MAX)
        return (struct type){.kind = TYPE_DOUBLE};
    whole = whole < DECIMAL_WHOLE_MIN ? DECIMAL_WHOLE_MIN : whole;
    return (struct type){
        .kind = TYPE_DECIMAL, .precision = (unsigned)(whole + c->scale_max), .scale = (unsigned)c->scale_max};
}

static bool sure_bits(const struct infer_cells *c)
{
    return c->column.classes[INFER_BIT] >= INFER_BOOLEAN_VALUES && c->int_min == 0 && c->int_max == 1;
}

/* The type of what is no token; false: text. */
static bool typed(const struct infer_cells *c, struct type *type)
{
    unsigned mask = mask_of(&c->column);
    *type = (struct type){.kind = TYPE_INT};
    if (only(mask, M_BIT) && !sure_bits(c))
        return true;
    if (only(mask, M_BOOLEAN))
        type->kind = TYPE_BOOLEAN;
    else if (only(mask, M_WHOLE))
        type->kind = c->int_min < -INT_SAFE || c->int_max > INT_SAFE ? TYPE_BIGINT : TYPE_INT;
    else if (only(mask, M_POINT))
        *type = point_type(c);
    else if (only(mask, M_NUMBER) && (mask & (M_POINT | 1 << INFER_FLOAT)))
        type->kind = TYPE_DOUBLE;
    else if (only(mask, M_DATE))
        type->kind = TYPE_DATE;
    else if (only(mask, M_TIMESTAMP))
        type->kind = TYPE_TIMESTAMP;
    else
        return false;
    return true;
}

static enum infer_why why_text(unsigned mask)
{
    if (mask & (1 << INFER_ZEROS) && only(mask, M_CODES))
        return INFER_CODES;
    if (only(mask, M_WHOLE | 1 << INFER_BIG))
        return INFER_BEYOND;
    return only(mask, 1 << INFER_TEXT | 1 << INFER_BROKEN) ? INFER_PLAIN : INFER_MIXED;
}

/* NA among codes of two letters is one of them. */
static bool is_code(const struct infer_cells *c, const char *token)
{
    return c->pairs && c->column.classes[INFER_TEXT] > 1 && strlen(token) == 2 && is_letter(token[0]);
}

static void count_token(const struct infer_cells *cells, size_t n, int t, struct infer_token *token)
{
    *token = (struct infer_token){.text = infer_token_texts[t]};
    for (size_t i = 0; i < n; i++) {
        token->count += cells[i].column.tokens[t];
        if (cells[i].column.tokens[t] > 0 && !token->blocked && is_code(&cells[i], token->text)) {
            token->blocked = true;
            token->column = i;
        }
    }
}

/* Takes the tokens of a column that is typed but for them. */
static void take_tokens(const struct infer_cells *c, size_t position, struct infer_token *tokens)
{
    struct type type;
    for (int t = 0; t < INFER_TOKENS; t++)
        if (tokens[t].blocked && c->column.tokens[t] > 0)
            return; /* it stays text: the others would gain nothing */
    for (int t = 0; t < INFER_TOKENS; t++) {
        if (c->column.tokens[t] == 0 || tokens[t].taken || !typed(c, &type))
            continue;
        tokens[t].taken = true;
        tokens[t].column = position;
    }
}

static void decide_column(struct infer_cells *c, bool may_be_index, const struct infer_token *tokens)
{
    struct infer_column *column = &c->column;
    unsigned mask = mask_of(column);
    bool kept = false;
    int64_t values = 0;
    for (int i = 0; i < INFER_CLASSES; i++)
        values += column->classes[i];
    for (int i = 0; i < INFER_TOKENS; i++) {
        bool taken = tokens[i].taken;
        column->nulls += taken ? column->tokens[i] : 0;
        values += taken ? 0 : column->tokens[i];
        kept = kept || (!taken && column->tokens[i] > 0);
    }
    column->values = values;
    bool is_typed = typed(c, &column->type);
    if (!is_typed || kept)
        column->type = text_type(c);
    if (!mask) {
        column->why = INFER_NO_VALUE;
        column->type = (struct type){.kind = TYPE_VARCHAR, .length = INFER_EMPTY_LENGTH};
    } else if (is_typed && kept) {
        column->why = INFER_KEPT_TOKEN;
    } else if (!is_typed) {
        column->why = why_text(mask);
    } else if (only(mask, M_BIT) && column->type.kind == TYPE_INT) {
        column->why = INFER_FEW_BITS;
    }
    bool whole = only(mask, M_WHOLE) && is_typed && !kept && column->nulls == 0;
    column->decimal_commas = column->decimal_commas && mask == 1u << INFER_TEXT;
    column->increasing = column->increasing && whole && values >= INFER_KEY_VALUES &&
                         column->classes[INFER_BROKEN] == 0;
    bool unnamed = strcmp(column->from, "") == 0 || strcmp(column->from, "Unnamed: 0") == 0;
    if (may_be_index && unnamed && whole && c->running) {
        column->type.kind = TYPE_BIGINT;
        column->why = INFER_RUNNING;
        column->drop = true;
    }
}

/* MySQL's rows have at most 65,535 bytes, four for each character of a varchar. */
static void keep_rows_short(struct infer_cells *cells, size_t n)
{
    enum { ROW_BYTES = 60000, POINT_BYTES = 4 };
    for (unsigned longest = 4000; longest > 0; longest /= 2) {
        int64_t sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += cells[i].column.type.kind == TYPE_VARCHAR
                       ? (int64_t)cells[i].column.type.length * POINT_BYTES
                       : 0;
        if (sum <= ROW_BYTES)
            return;
        for (size_t i = 0; i < n; i++)
            if (cells[i].column.type.kind == TYPE_VARCHAR && cells[i].column.type.length >= longest)
                cells[i].column.type = (struct type){.kind = TYPE_TEXT};
    }
}

void cells_decide(struct infer_cells *cells, size_t n, bool named, struct infer_token tokens[INFER_TOKENS])
{
    for (int t = 0; t < INFER_TOKENS; t++)
        count_token(cells, n, t, &tokens[t]);
    for (size_t i = 0; i < n; i++)
        take_tokens(&cells[i], i, tokens);
    for (size_t i = 0; i < n; i++)
        decide_column(&cells[i], named && i == 0, tokens);
    keep_rows_short(cells, n);
}
