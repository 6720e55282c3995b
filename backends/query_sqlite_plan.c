/*
 * query_sqlite_plan: what of a WHERE bounds a reading of `source`, and by which values.
 *
 * Invariants: a bound never leaves a row out that the comparison would keep, and SQLite tests every row
 * itself all the same (omit is never set): a value that no hour can be compared with simply bounds nothing.
 * Values compare as they do with an INTEGER (TEXT) column.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/query_sqlite_internal.h"
#include "core/base/mem.h"

enum {
    SHOWN_MAX = 48,         /* bytes of a value in a way's text */
    NUMBER_DIGITS_MAX = 15, /* a double holds them exactly, whoever converts */
};

/* ---- planning ---- */

/* The term's column, -1 where it bounds nothing. */
static int term_column(const struct query *q, int column)
{
    int at = column - (int)q->spec.schema->nloaded;

    return at >= 0 && at <= TERM_OBJECT ? at : -1;
}

static const char *op_text(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return "=";
    case SQLITE_INDEX_CONSTRAINT_LT:
        return "<";
    case SQLITE_INDEX_CONSTRAINT_LE:
        return "<=";
    case SQLITE_INDEX_CONSTRAINT_GT:
        return ">";
    case SQLITE_INDEX_CONSTRAINT_GE:
        return ">=";
    case SQLITE_INDEX_CONSTRAINT_LIKE:
        return " LIKE ";
    case SQLITE_INDEX_CONSTRAINT_GLOB:
        return " GLOB ";
    default:
        return NULL;
    }
}

static bool is_usable(const struct query *q, sqlite3_index_info *info, int i)
{
    const struct sqlite3_index_constraint *c = &info->aConstraint[i];
    int column = term_column(q, c->iColumn);

    if (!c->usable || column < 0 || !op_text(c->op))
        return false;
    if (column != TERM_OBJECT)
        return c->op != SQLITE_INDEX_CONSTRAINT_LIKE && c->op != SQLITE_INDEX_CONSTRAINT_GLOB;
    return c->op == SQLITE_INDEX_CONSTRAINT_LIKE || c->op == SQLITE_INDEX_CONSTRAINT_GLOB ||
           strcmp(sqlite3_vtab_collation(info, i), "BINARY") == 0;
}

static bool is_list(sqlite3_index_info *info, int i)
{
#if SQLITE_VERSION_NUMBER >= 3038000
    return sqlite3_vtab_in(info, i, -1) != 0;
#else
    (void)info;
    (void)i;
    return false;
#endif
}

static sqlite3_value *known_value(sqlite3_index_info *info, int i)
{
    sqlite3_value *value = NULL;

#if SQLITE_VERSION_NUMBER >= 3038000
    if (!is_list(info, i) && sqlite3_vtab_rhs_value(info, i, &value) == SQLITE_OK)
        return sqlite3_value_dup(value);
#else
    (void)info;
    (void)i;
#endif
    return value;
}

/* Years, months of a known year and objects of a list are read one after the other, each listing no more than
 * it needs; days and hours at once, for a listing gives a thousand of them at the cost of one. */
static bool take_at_once(sqlite3_index_info *info, int i, int column, bool year_known)
{
    if (column == TERM_OBJECT || column == PART_YEAR || (column == PART_MONTH && year_known) ||
        !is_list(info, i))
        return false;
#if SQLITE_VERSION_NUMBER >= 3038000
    return sqlite3_vtab_in(info, i, 1) != 0;
#else
    return false;
#endif
}

/* Appends "yyyy=2022" to the way's text. */
static void describe(const struct query *q, sqlite3_str *text, const struct query_term *term, bool list,
                     bool first)
{
    const char *name = q->extra[term->column];

    sqlite3_str_appendf(text, "%s%s", first ? "" : " AND ", name);
    if (list)
        sqlite3_str_appendf(text, " IN (...)");
    else if (!term->known)
        sqlite3_str_appendf(text, "%s?", op_text(term->op));
    else if (sqlite3_value_type(term->known) == SQLITE_NULL)
        sqlite3_str_appendf(text, "%sNULL", op_text(term->op));
    else if (sqlite3_value_type(term->known) == SQLITE_TEXT)
        sqlite3_str_appendf(text, "%s'%.*q'", op_text(term->op), SHOWN_MAX, sqlite3_value_text(term->known));
    else
        sqlite3_str_appendf(text, "%s%.*s", op_text(term->op), SHOWN_MAX, sqlite3_value_text(term->known));
}

/* How much of the source is left, as a share. Guesses that only order the ways. */
static double share_of(int column, unsigned char op, bool list)
{
    static const double parts[] = {1.0 / 10, 1.0 / 12, 1.0 / 30, 1.0 / 24, 1.0 / 1000};

    if (op == SQLITE_INDEX_CONSTRAINT_EQ)
        return list ? 3 * parts[column] : parts[column];
    return column == TERM_OBJECT && op_text(op)[0] == ' ' ? 1.0 / 10 : 1.0 / 2;
}

/* Rows come object by object in the order of keys, within one in that of lines. */
static bool is_natural_order(const struct query *q, const sqlite3_index_info *info)
{
    int object = (int)q->spec.schema->nloaded + TERM_OBJECT;

    for (int i = 0; i < info->nOrderBy; i++)
        if (i > 1 || info->aOrderBy[i].desc || info->aOrderBy[i].iColumn != object + i)
            return false;
    return info->nOrderBy > 0;
}

int query_plan(struct query *q, sqlite3_index_info *info)
{
    struct query_way *way;
    sqlite3_str *text;
    double share = 1;
    bool year_known = false;

    if (query_way_add(q, &way, &info->idxNum, &q->failed))
        return SQLITE_ERROR;
    text = sqlite3_str_new(q->db);
    sqlite3_str_appendf(text, QUERY_TABLE "(");
    for (int i = 0; i < info->nConstraint; i++)
        year_known |= is_usable(q, info, i) && info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ &&
                      term_column(q, info->aConstraint[i].iColumn) == PART_YEAR;
    for (int i = 0; i < info->nConstraint && way->nterms < QUERY_TERMS_MAX; i++) {
        if (!is_usable(q, info, i))
            continue;
        struct query_term *term = &way->terms[way->nterms++];
        bool list = is_list(info, i);
        term->column = (unsigned char)term_column(q, info->aConstraint[i].iColumn);
        term->op = info->aConstraint[i].op;
        term->known = known_value(info, i);
        term->list = take_at_once(info, i, term->column, year_known);
        info->aConstraintUsage[i].argvIndex = (int)way->nterms;
        share *= share_of(term->column, term->op, term->list);
        describe(q, text, term, list, way->nterms == 1);
    }
    sqlite3_str_appendf(text, ")");
    way->text = sqlite3_str_finish(text);
    if (!way->text)
        return SQLITE_NOMEM;
    info->idxStr = way->text;
    info->orderByConsumed = is_natural_order(q, info);
    info->estimatedRows = (sqlite3_int64)(1e7 * share) + 1;
    info->estimatedCost = 1e9 * share + 1e4;
    return SQLITE_OK;
}

/* ---- bounds ---- */

/* A text that SQLite takes for the same number: spaces around it, a sign, few digits, a few behind a point.
 * Others bound nothing; SQLite's own conversion is not for values that outlive the planner. */
static bool plain_number(const char *text, double *out)
{
    static const char spaces[] = " \t\n\v\f\r", digits[] = "0123456789";
    const char *from = text + strspn(text, spaces), *at = from + (*from == '-' || *from == '+');
    size_t whole = strspn(at, digits), fraction = 0;

    at += whole;
    if (*at == '.') {
        fraction = strspn(at + 1, digits);
        at += 1 + fraction;
    }
    if (whole == 0 || whole + fraction > NUMBER_DIGITS_MAX || at[strspn(at, spaces)])
        return false;
    *out = strtod(from, NULL);
    return true;
}

/* The value as a number, as SQLite compares an INTEGER column with it; false where it is none. */
static bool number_of(sqlite3_value *value, double *out)
{
    const char *text;

    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
        *out = sqlite3_value_double(value);
        return true;
    case SQLITE_TEXT:
        text = (const char *)sqlite3_value_text(value);
        return text && strlen(text) == (size_t)sqlite3_value_bytes(value) && plain_number(text, out);
    default:
        return false;
    }
}

static enum hour_compare compare_of(unsigned char op)
{
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return HOUR_EQ;
    case SQLITE_INDEX_CONSTRAINT_LT:
        return HOUR_LT;
    case SQLITE_INDEX_CONSTRAINT_LE:
        return HOUR_LE;
    case SQLITE_INDEX_CONSTRAINT_GT:
        return HOUR_GT;
    default:
        return HOUR_GE;
    }
}

static void bound_part(struct hour_set *set, const struct query_term *term, sqlite3_value *value)
{
    double number;

    if (sqlite3_value_type(value) == SQLITE_NULL)
        hour_set_none(set);
    else if (number_of(value, &number))
        hour_set_keep(set, (enum hour_part)term->column, compare_of(term->op), number);
}

/* The values of an IN; what is no number is no hour's. */
static int bound_part_in(struct hour_set *set, const struct query_term *term, sqlite3_value *list)
{
    int rc = SQLITE_OK;

#if SQLITE_VERSION_NUMBER >= 3038000
    double *numbers = mem_alloc(HOUR_SET_YEARS * sizeof *numbers);
    sqlite3_value *value = NULL;
    size_t n = 0;
    double number;

    if (!numbers)
        return SQLITE_NOMEM;
    for (rc = sqlite3_vtab_in_first(list, &value); rc == SQLITE_OK && value;
         rc = sqlite3_vtab_in_next(list, &value))
        if (number_of(value, &number) && number >= 0 && number < HOUR_SET_YEARS && n < HOUR_SET_YEARS)
            numbers[n++] = number;
    if (rc == SQLITE_DONE)
        rc = SQLITE_OK;
    /* More numbers than there are (SQLite gives each once): some are no integers. Bound by nothing then. */
    if (rc == SQLITE_OK && n < HOUR_SET_YEARS)
        hour_set_keep_in(set, (enum hour_part)term->column, numbers, n);
    mem_free(numbers);
#else
    (void)set;
    (void)term;
    (void)list;
#endif
    return rc;
}

/* What a pattern begins with, as far as plain bytes go. */
static size_t literal_length(const char *pattern, unsigned char op)
{
    const char *wild = op == SQLITE_INDEX_CONSTRAINT_LIKE ? "%_" : "*?[";
    size_t n = 0;

    while (pattern[n] && (unsigned char)pattern[n] < 0x80 && !strchr(wild, pattern[n]))
        n++;
    return n;
}

static int bound_object(struct query_bounds *b, const struct query_term *term, sqlite3_value *value)
{
    struct key_test *test = &b->tests[b->ntests];

    if (sqlite3_value_type(value) == SQLITE_NULL)
        hour_set_none(&b->hours);
    if (sqlite3_value_type(value) != SQLITE_TEXT)
        return SQLITE_OK;
    const char *text = (const char *)sqlite3_value_text(value);
    if (!text)
        return SQLITE_NOMEM;
    test->op = term->op;
    test->len = op_text(term->op)[0] == ' ' ? literal_length(text, term->op)
                                            : (size_t)sqlite3_value_bytes(value);
    test->text = mem_strndup(text, test->len);
    if (!test->text)
        return SQLITE_NOMEM;
    b->ntests++;
    return SQLITE_OK;
}

static bool passes(const struct key_test *test, const char *key)
{
    size_t len = strlen(key);
    int order;

    if (test->op == SQLITE_INDEX_CONSTRAINT_LIKE)
        return len >= test->len && sqlite3_strnicmp(key, test->text, (int)test->len) == 0;
    if (test->op == SQLITE_INDEX_CONSTRAINT_GLOB)
        return strncmp(key, test->text, test->len) == 0;
    order = memcmp(key, test->text, len < test->len ? len : test->len);
    if (order == 0)
        order = (len > test->len) - (len < test->len);
    switch (test->op) {
    case SQLITE_INDEX_CONSTRAINT_EQ:
        return order == 0;
    case SQLITE_INDEX_CONSTRAINT_LT:
        return order < 0;
    case SQLITE_INDEX_CONSTRAINT_LE:
        return order <= 0;
    case SQLITE_INDEX_CONSTRAINT_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

void query_bounds_clear(struct query_bounds *b)
{
    for (size_t i = 0; i < b->ntests; i++)
        mem_free(b->tests[i].text);
    b->ntests = 0;
    hour_set_all(&b->hours);
}

int query_bound(struct query_bounds *b, const struct query_term *term, sqlite3_value *value)
{
    if (term->column == TERM_OBJECT)
        return bound_object(b, term, value);
    if (term->list)
        return bound_part_in(&b->hours, term, value);
    bound_part(&b->hours, term, value);
    return SQLITE_OK;
}

bool query_bounds_pass(const struct query_bounds *b, const char *key, hour_t hour)
{
    if (!hour_set_has(&b->hours, hour))
        return false;
    for (size_t i = 0; i < b->ntests; i++)
        if (!passes(&b->tests[i], key))
            return false;
    return true;
}

const char *query_bounds_object(const struct query_bounds *b)
{
    for (size_t i = 0; i < b->ntests; i++)
        if (b->tests[i].op == SQLITE_INDEX_CONSTRAINT_EQ)
            return b->tests[i].text;
    return NULL;
}
