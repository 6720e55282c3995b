/*
 * checks: see checks.h.
 *
 * Invariants: the rules are values of the column's own type, so comparing is exact; a check that stands in
 * the list is whole. Regular expressions are POSIX extended ones of the C locale, so they see bytes; a
 * compiled one is not changed by matching.
 */
#include "core/data/checks.h"

#include <regex.h>
#include <stdio.h>

#include "core/base/mem.h"
#include "core/data/types_internal.h"

enum { RULE_SHOWN = 72 }; /* bytes: a decimal has 65 digits, sign and point */

struct check_regex {
    regex_t re;
};

static const struct {
    const char *key;
    enum err_name error;
} kinds[] = {
    [CHECK_KIND_MIN] = {"min", ERRN_CHECK_MIN},
    [CHECK_KIND_MAX] = {"max", ERRN_CHECK_MAX},
    [CHECK_KIND_IN] = {"in", ERRN_CHECK_IN},
    [CHECK_KIND_REGEX] = {"regex", ERRN_CHECK_REGEX},
    [CHECK_KIND_UNIQUE] = {"unique", ERRN_CHECK_UNIQUE},
    [CHECK_KIND_NULLS] = {"max_nulls", ERRN_CHECK_NULLS},
};

const char *check_kind_text(enum check_kind kind)
{
    return kinds[kind].key;
}

enum err_name check_error(const struct check *check)
{
    return kinds[check->kind].error;
}

/* ---- made and freed ---- */

static void release(struct check *check)
{
    mem_free(check->text);
    value_release(&check->bound);
    for (size_t i = 0; i < check->in_count; i++)
        value_release(&check->in[i]);
    mem_free(check->in);
    if (check->regex)
        regfree(&check->regex->re);
    mem_free(check->regex);
}

void checks_release(struct checks *checks)
{
    if (!checks)
        return;
    for (size_t i = 0; i < checks->n; i++)
        release(&checks->items[i]);
    mem_free(checks->items);
    *checks = (struct checks){0};
}

/* How a value is written whose type does not tell it. */
static const char *form_of(enum type_kind kind)
{
    switch (kind) {
    case TYPE_DATE:
        return ": write it as 2022-06-05";
    case TYPE_TIMESTAMP:
        return ": write it as 2022-06-05T14:00:00, in UTC, or with its offset, ...T14:00:00+02:00";
    default:
        return "";
    }
}

static enum err_code take_value(const struct schema_column *column, const char *text, struct value *out,
                                struct err *err)
{
    char type[TYPE_TEXT_MAX];
    enum err_name why = types_value(&column->type, text, strlen(text), out);
    if (why == ERRN_NONE)
        return ERR_OK;
    if (why == ERRN_NOMEM)
        return err_nomem(err);
    type_format(&column->type, type);
    return err_set(err, ERRN_CONFIG, "\"%.40s\" is no value of column %s, whose type is %s (%s)%s", text,
                   column->name, type, err_name_text(why), form_of(column->type.kind));
}

static enum err_code compile(struct check *check, const char *text, struct err *err)
{
    char why[128];
    if (strlen(text) > CHECK_REGEX_MAX)
        return err_set(err, ERRN_LIMIT, "a regular expression has at most %d bytes", CHECK_REGEX_MAX);
    struct check_regex *regex = mem_calloc(1, sizeof *regex);
    if (!regex)
        return err_nomem(err);
    int code = regcomp(&regex->re, text, REG_EXTENDED | REG_NOSUB);
    if (code == 0) {
        check->regex = regex;
        return ERR_OK;
    }
    regerror(code, &regex->re, why, sizeof why);
    mem_free(regex);
    if (code == REG_ESPACE)
        return err_nomem(err);
    return err_set(err, ERRN_CONFIG, "\"%.200s\" is no POSIX extended regular expression: %s", text, why);
}

enum err_code checks_add(struct schema_column *column, enum check_kind kind, enum check_on on,
                         const char *text, struct err *err)
{
    struct checks *checks = &column->checks;
    struct check check = {.kind = kind, .on = on};
    enum err_code code = ERR_OK;
    if (text && !(check.text = mem_strdup(text)))
        code = err_nomem(err);
    else if (kind == CHECK_KIND_MIN || kind == CHECK_KIND_MAX)
        code = take_value(column, text, &check.bound, err);
    else if (kind == CHECK_KIND_REGEX)
        code = compile(&check, text, err);
    struct check *grown = NULL;
    if (code == ERR_OK && !(grown = mem_realloc(checks->items, (checks->n + 1) * sizeof *grown)))
        code = err_nomem(err);
    if (code != ERR_OK) {
        release(&check);
        return code;
    }
    checks->items = grown;
    checks->items[checks->n++] = check;
    return ERR_OK;
}

enum err_code checks_add_value(struct schema_column *column, const char *text, struct err *err)
{
    struct check *check = &column->checks.items[column->checks.n - 1];
    struct value *grown = mem_realloc(check->in, (check->in_count + 1) * sizeof *grown);
    if (!grown)
        return err_nomem(err);
    check->in = grown;
    grown[check->in_count] = (struct value){0};
    enum err_code code = take_value(column, text, &grown[check->in_count], err);
    check->in_count += code == ERR_OK;
    return code;
}

/* ---- one cell ---- */

static enum err_name match(const struct check *check, const struct value *v)
{
    regmatch_t whole = {.rm_so = 0, .rm_eo = (regoff_t)v->str_len};
    int code = regexec(&check->regex->re, v->str, 1, &whole, REG_STARTEND);
    return code == 0 ? ERRN_NONE : code == REG_NOMATCH ? ERRN_CHECK_REGEX : ERRN_NOMEM;
}

static enum err_name judge(const struct check *check, const struct type *type, const struct value *v)
{
    switch (check->kind) {
    case CHECK_KIND_MIN:
        return value_compare(type, v, &check->bound) < 0 ? ERRN_CHECK_MIN : ERRN_NONE;
    case CHECK_KIND_MAX:
        return value_compare(type, v, &check->bound) > 0 ? ERRN_CHECK_MAX : ERRN_NONE;
    case CHECK_KIND_IN:
        for (size_t i = 0; i < check->in_count; i++)
            if (value_compare(type, v, &check->in[i]) == 0)
                return ERRN_NONE;
        return ERRN_CHECK_IN;
    case CHECK_KIND_REGEX:
        return match(check, v);
    default: /* not of one cell */
        return ERRN_NONE;
    }
}

enum err_name checks_cell(const struct batch *batch, size_t c, size_t row, const struct check **check)
{
    const struct column *col = &batch->cols[c];
    if (col->null[row])
        return ERRN_NONE;
    const struct schema_column *rule = schema_loaded(batch->schema, c);
    const struct checks *checks = &rule->checks;
    struct value v = {0};
    if (col->storage == STORAGE_I64) {
        v.i64 = col->i64[row];
    } else if (col->storage == STORAGE_F64) {
        v.f64 = col->f64[row];
    } else {
        static char none[] = "";
        v.str_len = col->str[row].len;
        v.str = v.str_len ? batch->text.data + col->str[row].off : none;
    }
    for (const struct check *k = *check ? *check + 1 : checks->items; k < checks->items + checks->n; k++) {
        enum err_name name = judge(k, &rule->type, &v);
        if (name != ERRN_NONE) {
            *check = k;
            return name;
        }
    }
    return ERRN_NONE;
}

/* How many bytes of the rule are shown: whole characters. */
static int rule_length(const char *text)
{
    size_t n = strnlen(text, RULE_SHOWN + 1);
    if (n > RULE_SHOWN)
        for (n = RULE_SHOWN; n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80;)
            n--;
    return (int)n;
}

void check_detail(const struct check *check, const char *value, size_t len, char out[CHECK_DETAIL_MAX])
{
    char shown[TEXT_SHOWN_MAX];
    const char *rule = check->text ? check->text : "";
    int n = rule_length(rule);
    text_show(value, len, shown);
    switch (check->kind) {
    case CHECK_KIND_MIN:
        snprintf(out, CHECK_DETAIL_MAX, "%s is below the minimum %.*s", shown, n, rule);
        break;
    case CHECK_KIND_MAX:
        snprintf(out, CHECK_DETAIL_MAX, "%s is over the maximum %.*s", shown, n, rule);
        break;
    case CHECK_KIND_IN:
        snprintf(out, CHECK_DETAIL_MAX, "\"%s\" is not one of the %zu allowed values", shown,
                 check->in_count);
        break;
    case CHECK_KIND_REGEX:
        snprintf(out, CHECK_DETAIL_MAX, "\"%s\" does not match %.*s", shown, n, rule);
        break;
    case CHECK_KIND_UNIQUE:
        snprintf(out, CHECK_DETAIL_MAX, "\"%s\" was in an earlier record", shown);
        break;
    default:
        snprintf(out, CHECK_DETAIL_MAX, "no value");
    }
}

bool checks_any_cell(const struct checks *checks)
{
    for (size_t i = 0; i < checks->n; i++)
        if (checks->items[i].kind <= CHECK_KIND_REGEX)
            return true;
    return false;
}
