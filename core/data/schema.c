/*
 * schema: type names, and the seal that makes a schema fit for use.
 *
 * States: filled by its builder -> sealed (schema_seal, once, after which nothing changes it) -> released. A
 * failed seal leaves it as filled. Release works in every state, also on a zeroed or half-filled schema.
 */
#include "core/data/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/data/checks.h"
#include "core/data/hash.h"
#include "core/data/types_internal.h"

enum {
    PRECISION_MAX = 65,
    SCALE_MAX = 30,
    VARCHAR_MAX = 16383,
    HASHED_MAX = 16 * 1024 * 1024, /* all names and types as text */
};

static const struct {
    const char *name;
    enum storage storage;
} kinds[] = {
    [TYPE_BOOLEAN] = {"boolean", STORAGE_I64},   [TYPE_TINYINT] = {"tinyint", STORAGE_I64},
    [TYPE_SMALLINT] = {"smallint", STORAGE_I64}, [TYPE_INT] = {"int", STORAGE_I64},
    [TYPE_BIGINT] = {"bigint", STORAGE_I64},     [TYPE_FLOAT] = {"float", STORAGE_F64},
    [TYPE_DOUBLE] = {"double", STORAGE_F64},     [TYPE_DECIMAL] = {"decimal", STORAGE_STR},
    [TYPE_VARCHAR] = {"varchar", STORAGE_STR},   [TYPE_TEXT] = {"text", STORAGE_STR},
    [TYPE_DATE] = {"date", STORAGE_I64},         [TYPE_TIMESTAMP] = {"timestamp", STORAGE_I64},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* One to five digits; moves *text behind them. */
static bool take_number(const char **text, unsigned *out)
{
    const char *p = *text;
    unsigned v = 0;
    for (; is_digit(*p) && p - *text < 5; p++)
        v = v * 10 + (unsigned)(*p - '0');
    bool any = p > *text;
    *text = p;
    *out = v;
    return any;
}

/* "(10,2)" of decimal, "(20)" of varchar, "" of the others. */
static bool parse_parameters(const char *p, struct type *type)
{
    if (type->kind == TYPE_DECIMAL) {
        if (*p++ != '(' || !take_number(&p, &type->precision) || *p++ != ',')
            return false;
        p += *p == ' ';
        return take_number(&p, &type->scale) && strcmp(p, ")") == 0;
    }
    if (type->kind == TYPE_VARCHAR)
        return *p++ == '(' && take_number(&p, &type->length) && strcmp(p, ")") == 0;
    return *p == '\0';
}

enum err_code type_parse(const char *text, struct type *out, struct err *err)
{
    size_t name_len = strcspn(text, "(");
    for (int k = 0; k < KINDS; k++) {
        struct type type = {.kind = (enum type_kind)k};
        if (strlen(kinds[k].name) != name_len || strncmp(text, kinds[k].name, name_len) != 0 ||
            !parse_parameters(text + name_len, &type))
            continue;
        if (type.kind == TYPE_DECIMAL && (type.precision < 1 || type.precision > PRECISION_MAX ||
                                          type.scale > SCALE_MAX || type.scale > type.precision))
            return err_set(
                err, ERRN_CONFIG,
                "%s: decimal(p,s) needs a precision p of 1 to %d and a scale s of 0 to %d, not over p", text,
                PRECISION_MAX, SCALE_MAX);
        if (type.kind == TYPE_VARCHAR && (type.length < 1 || type.length > VARCHAR_MAX))
            return err_set(err, ERRN_CONFIG,
                           "%s: varchar(n) needs a length of 1 to %d characters; text has no limit", text,
                           VARCHAR_MAX);
        *out = type;
        return ERR_OK;
    }
    return err_set(err, ERRN_CONFIG,
                   "%.60s is no type: boolean, tinyint, smallint, int, bigint, float, double, decimal(p,s), "
                   "varchar(n), text, date, timestamp",
                   text);
}

void type_format(const struct type *type, char out[TYPE_TEXT_MAX])
{
    const char *name = kinds[type->kind].name;
    if (type->kind == TYPE_DECIMAL)
        snprintf(out, TYPE_TEXT_MAX, "%s(%u,%u)", name, type->precision, type->scale);
    else if (type->kind == TYPE_VARCHAR)
        snprintf(out, TYPE_TEXT_MAX, "%s(%u)", name, type->length);
    else
        snprintf(out, TYPE_TEXT_MAX, "%s", name);
}

enum storage type_storage(const struct type *type)
{
    return kinds[type->kind].storage;
}

/* Whether a value of a check passes the column's bounds of the same strictness, those of its kind aside. */
static bool within(const struct schema_column *col, const struct value *v, const struct check *of)
{
    for (size_t i = 0; i < col->checks.n; i++) {
        const struct check *k = &col->checks.items[i];
        if (k->on != of->on || k->kind == of->kind)
            continue;
        if ((k->kind == CHECK_KIND_MIN && value_compare(&col->type, v, &k->bound) < 0) ||
            (k->kind == CHECK_KIND_MAX && value_compare(&col->type, v, &k->bound) > 0))
            return false;
    }
    return true;
}

static enum err_code check_check(const struct schema_column *col, const struct check *k, struct err *err)
{
    enum type_kind kind = col->type.kind;
    bool text = kind == TYPE_VARCHAR || kind == TYPE_TEXT, any = false;
    switch (k->kind) {
    case CHECK_KIND_MIN:
    case CHECK_KIND_MAX:
        if (text || kind == TYPE_BOOLEAN)
            return err_set(err, ERRN_CONFIG, "column %s: min and max are for numbers and times, not for %s",
                           col->name, kinds[kind].name);
        if (!within(col, &k->bound, k))
            return err_set(err, ERRN_CONFIG, "column %s: min is over max, so no value fits", col->name);
        return ERR_OK;
    case CHECK_KIND_IN:
        for (size_t i = 0; i < k->in_count && !any; i++)
            any = within(col, &k->in[i], k);
        return any ? ERR_OK
                   : err_set(err, ERRN_CONFIG, "column %s: `in` names no value that fits", col->name);
    case CHECK_KIND_REGEX:
        return text ? ERR_OK
                    : err_set(err, ERRN_CONFIG,
                              "column %s: regex is for varchar and text; of %s its %s what is allowed",
                              col->name, kinds[kind].name,
                              kind == TYPE_BOOLEAN ? "in tells" : "min, max or in tell");
    case CHECK_KIND_NULLS:
        if (k->on == CHECK_ON_REJECT)
            return err_set(err, ERRN_CONFIG,
                           "column %s: max_nulls is about the object, so no record can be refused for it: "
                           "write on: warn or on: fail, or nullable: false",
                           col->name);
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

enum err_code schema_check_column(const struct schema_column *col, struct err *err)
{
    enum err_code code = ERR_OK;
    if (col->checks.n > 0 && col->drop)
        return err_set(err, ERRN_CONFIG,
                       "column %s is dropped, so its values are never converted and cannot be checked",
                       col->name);
    for (size_t i = 0; i < col->checks.n && !code; i++)
        code = check_check(col, &col->checks.items[i], err);
    return code;
}

/* Names differ by more than the case of ASCII letters: to databases they are one otherwise. */
static enum err_code check_names(const struct schema *schema, struct err *err)
{
    for (size_t i = 0; i < schema->ncolumns; i++) {
        const char *name = schema->columns[i].name;
        if (!name || !*name)
            return err_set(err, ERRN_CONFIG, "column %zu has no name", i + 1);
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(name, schema->columns[j].name) == 0)
                return err_set(err, ERRN_CONFIG, "two columns are named %s", name);
    }
    return ERR_OK;
}

/* Each loaded column as "name NUL type NUL null-flag". */
static enum err_code hash_columns(const struct schema *schema, const size_t *loaded, size_t nloaded,
                                  uint64_t *out, struct err *err)
{
    struct buf text;
    buf_init(&text, HASHED_MAX);
    enum err_code code = ERR_OK;
    for (size_t i = 0; i < nloaded && !code; i++) {
        const struct schema_column *col = &schema->columns[loaded[i]];
        char type[TYPE_TEXT_MAX];
        type_format(&col->type, type);
        code = buf_append(&text, col->name, strlen(col->name) + 1, err);
        if (!code)
            code = buf_append(&text, type, strlen(type) + 1, err);
        if (!code)
            code = buf_append_char(&text, col->nullable ? '1' : '0', err);
    }
    if (!code)
        *out = hash64(text.data, text.len);
    buf_release(&text);
    return code;
}

enum err_code schema_seal(struct schema *schema, struct err *err)
{
    enum err_code code = check_names(schema, err);
    for (size_t i = 0; i < schema->ncolumns && !code; i++)
        code = schema_check_column(&schema->columns[i], err);
    if (code)
        return code;
    size_t *loaded = mem_calloc(schema->ncolumns + 1, sizeof *loaded);
    if (!loaded)
        return err_nomem(err);
    size_t n = 0;
    for (size_t i = 0; i < schema->ncolumns; i++)
        if (!schema->columns[i].drop)
            loaded[n++] = i;
    if (n == 0)
        code = err_set(err, ERRN_CONFIG, "the schema has no column that is loaded");
    else
        code = hash_columns(schema, loaded, n, &schema->hash, err);
    if (code) {
        mem_free(loaded);
        return code;
    }
    schema->loaded = loaded;
    schema->nloaded = n;
    return ERR_OK;
}

void schema_release(struct schema *schema)
{
    if (!schema)
        return;
    for (size_t i = 0; i < schema->ncolumns && schema->columns; i++) {
        mem_free(schema->columns[i].name);
        mem_free(schema->columns[i].from);
        checks_release(&schema->columns[i].checks);
    }
    for (size_t i = 0; i < schema->nnulls && schema->nulls; i++)
        mem_free(schema->nulls[i]);
    mem_free(schema->columns);
    mem_free(schema->loaded);
    mem_free(schema->nulls);
    *schema = (struct schema){0};
}
