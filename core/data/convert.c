/*
 * convert: records -> rows of a batch.
 *
 * convert_header fixes field_of (the field of each schema column) and from it the plans: one for each loaded
 * column that the file has, in schema order, then one for each that it lacks. convert_record follows the
 * plans and looks nothing up.
 *
 * Invariants: nfields is what a record must have; every plan's field is below it; nothing changes between two
 * records. A refused record leaves no row: its slot is used again.
 */
#include "core/data/convert.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/data/checks.h"
#include "core/data/types.h"

enum {
    SHOWN_MAX = 64,    /* a value in a refusal, with escapes and NUL */
    BOUND_MAX = 72,    /* a bound of a check as text: a decimal has 65 digits, sign and point */
    PROBLEM_MAX = 600, /* what is wrong with a header */
};
static const size_t no_field = SIZE_MAX;

struct plan {
    size_t field;
    size_t col; /* of the batch */
    const struct schema_column *column;
    bool checks;
};

struct convert {
    const struct schema *schema;
    enum csv_header header;
    size_t nfields;
    size_t *field_of; /* schema->ncolumns */
    struct plan *plans;
    size_t nplans, nabsent; /* together schema->nloaded */
    bool empty_is_null;     /* nothing between two delimiters */
    size_t *null_len;
    size_t null_max;      /* longest token */
    bool null_first[256]; /* first bytes of tokens */
};

enum err_code convert_new(const struct schema *schema, const struct csv_dialect *dialect,
                          struct convert **out, struct err *err)
{
    *out = NULL;
    struct convert *c = mem_calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    c->schema = schema;
    c->header = dialect->header;
    c->field_of = mem_calloc(schema->ncolumns, sizeof *c->field_of);
    c->plans = mem_calloc(schema->nloaded, sizeof *c->plans);
    c->null_len = mem_calloc(schema->nnulls + 1, sizeof *c->null_len);
    if (!c->field_of || !c->plans || !c->null_len) {
        convert_free(c);
        return err_nomem(err);
    }
    for (size_t i = 0; i < schema->nnulls; i++) {
        size_t len = c->null_len[i] = strlen(schema->nulls[i]);
        if (len == 0)
            c->empty_is_null = true;
        else
            c->null_first[(unsigned char)schema->nulls[i][0]] = true;
        if (len > c->null_max)
            c->null_max = len;
    }
    *out = c;
    return ERR_OK;
}

void convert_free(struct convert *c)
{
    if (!c)
        return;
    mem_free(c->field_of);
    mem_free(c->plans);
    mem_free(c->null_len);
    mem_free(c);
}

/* ---- for people ---- */

/* The text in printable form, cut to fit. */
static void show(const char *text, size_t len, char out[SHOWN_MAX])
{
    bool utf8 = utf8_length(text, len) >= 0;
    size_t n = 0, whole = 0; /* whole: out up to the last character that is complete */
    for (size_t i = 0; i < len; i++) {
        unsigned char b = (unsigned char)text[i];
        bool plain = b >= 0x80 ? utf8 : b >= ' ' && b < 0x7F && b != '\\' && b != '"';
        if (!utf8 || (b & 0xC0) != 0x80)
            whole = n;
        if (n + 4 + 4 > SHOWN_MAX) { /* an escape and "...", NUL */
            memcpy(out + whole, "...", 4);
            return;
        }
        if (plain)
            out[n++] = (char)b;
        else if (b == '"' || b == '\\')
            n += (size_t)snprintf(out + n, SHOWN_MAX - n, "\\%c", b);
        else
            n += (size_t)snprintf(out + n, SHOWN_MAX - n, "\\x%02X", b);
    }
    out[n] = '\0';
}

/* The bound as text. The row is given up, so its slot may hold the bound while it is written. */
static void show_bound(struct batch *batch, size_t col, const struct value *bound, char out[BOUND_MAX])
{
    struct column *column = &batch->cols[col];
    struct err err = ERR_INIT;
    struct buf text;
    buf_init(&text, BOUND_MAX - 1);
    if (column->storage == STORAGE_I64)
        batch_set_i64(batch, col, bound->i64);
    else if (column->storage == STORAGE_F64)
        batch_set_f64(batch, col, bound->f64);
    enum err_code code = column->storage == STORAGE_STR ? buf_append(&text, bound->str, bound->str_len, &err)
                                                        : canon_text(batch, col, batch->rows, &text, &err);
    snprintf(out, BOUND_MAX, "%s", code == ERR_OK ? buf_str(&text) : "of the column");
    buf_release(&text);
}

static void refuse(struct refusal *refusal, struct batch *batch, const struct plan *plan, enum err_name name,
                   const struct csv_field *field)
{
    const struct schema_column *column = plan->column;
    char value[SHOWN_MAX], type[TYPE_TEXT_MAX], bound[BOUND_MAX];
    char *out = refusal->detail;
    size_t room = sizeof refusal->detail;
    refusal->name = name;
    refusal->column = column->name;
    show(field->data, field->len, value);
    type_format(&column->type, type);
    switch (name) {
    case ERRN_NOT_NULL:
        snprintf(out, room, field->len ? "\"%s\" stands for no value" : "no value%s", value);
        break;
    case ERRN_CHECK_MIN:
        show_bound(batch, plan->col, &column->checks.min, bound);
        snprintf(out, room, "%s is below the minimum %s", value, bound);
        break;
    case ERRN_CHECK_MAX:
        show_bound(batch, plan->col, &column->checks.max, bound);
        snprintf(out, room, "%s is over the maximum %s", value, bound);
        break;
    case ERRN_CHECK_IN:
        snprintf(out, room, "\"%s\" is not one of the %zu allowed values", value, column->checks.in_count);
        break;
    case ERRN_CAST_RANGE:
        snprintf(out, room, "%s is outside the range of %s", value, type);
        break;
    case ERRN_TEXT_TOO_LONG:
        snprintf(out, room, "\"%s\" has more characters than %s", value, type);
        break;
    case ERRN_TEXT_ENCODING:
        snprintf(out, room, "\"%s\" is not valid UTF-8", value);
        break;
    default:
        snprintf(out, room, "\"%s\" is no %s", value, type);
    }
}

/* ---- the header ---- */

struct problem {
    char text[PROBLEM_MAX];
    size_t len;
};

/* `what` "name"; what does not fit is left out. */
static void problem_add(struct problem *p, const char *what, const char *name, size_t len)
{
    char shown[SHOWN_MAX];
    show(name, len, shown);
    int n = snprintf(p->text + p->len, sizeof p->text - p->len, "%s%s \"%s\"", p->len ? ", " : "", what,
                     shown);
    if (n > 0 && (size_t)n < sizeof p->text - p->len)
        p->len += (size_t)n;
    else
        p->text[p->len] = '\0';
}

/* Makes the plans from field_of. A column that must have a value cannot be absent. */
static void make_plans(struct convert *c, struct problem *problem)
{
    const struct schema *schema = c->schema;
    c->nplans = c->nabsent = 0;
    for (int absent = 0; absent < 2; absent++) {
        for (size_t col = 0; col < schema->nloaded; col++) {
            const struct schema_column *column = schema_loaded(schema, col);
            size_t field = c->field_of[schema->loaded[col]];
            if ((field == no_field) != absent)
                continue;
            c->plans[c->nplans + c->nabsent] = (struct plan){field, col, column, checks_any(&column->checks)};
            c->nplans += !absent;
            c->nabsent += absent;
        }
    }
    for (size_t i = 0; i < schema->ncolumns; i++) {
        const struct schema_column *column = &schema->columns[i];
        bool needed = schema->missing == COLUMNS_FAIL || (!column->nullable && !column->drop);
        if (c->field_of[i] == no_field && needed)
            problem_add(problem, "it lacks", column->from, strlen(column->from));
    }
}

static void map_names(struct convert *c, const struct csv_record *header, struct problem *problem)
{
    const struct schema *schema = c->schema;
    for (size_t i = 0; i < schema->ncolumns; i++)
        c->field_of[i] = no_field;
    for (size_t f = 0; f < header->nfields; f++) {
        const struct csv_field *field = &header->fields[f];
        bool known = false;
        for (size_t i = 0; i < schema->ncolumns; i++) {
            const char *from = schema->columns[i].from;
            if (strlen(from) != field->len || memcmp(from, field->data, field->len) != 0)
                continue;
            if (c->field_of[i] != no_field && !known)
                problem_add(problem, "it has twice", field->data, field->len);
            c->field_of[i] = f;
            known = true;
        }
        if (!known && schema->extra == COLUMNS_FAIL)
            problem_add(problem, "it has also", field->data, field->len);
    }
}

enum err_code convert_header(struct convert *c, const struct csv_record *header, struct err *err)
{
    const struct schema *schema = c->schema;
    struct problem problem = {.len = 0};
    c->nfields = header->nfields;
    if (c->header == CSV_HEADER_BY_NAME) {
        map_names(c, header, &problem);
    } else {
        for (size_t i = 0; i < schema->ncolumns; i++)
            c->field_of[i] = i < header->nfields ? i : no_field;
        for (size_t f = schema->ncolumns; f < header->nfields && schema->extra == COLUMNS_FAIL; f++)
            problem_add(&problem, "it has also", header->fields[f].data, header->fields[f].len);
    }
    make_plans(c, &problem);
    if (problem.len > 0)
        return err_set(err, ERRN_CSV_HEADER, "the header has %zu columns, the schema %zu: %s",
                       header->nfields, schema->ncolumns, problem.text);
    return ERR_OK;
}

void convert_no_header(struct convert *c)
{
    struct problem none = {.len = 0};
    c->nfields = c->schema->ncolumns;
    for (size_t i = 0; i < c->schema->ncolumns; i++)
        c->field_of[i] = i;
    make_plans(c, &none);
}

/* ---- records ---- */

static inline bool is_null(const struct convert *c, const struct csv_field *field)
{
    if (field->len == 0)
        return field->empty_unquoted && c->empty_is_null;
    if (field->len > c->null_max || !c->null_first[(unsigned char)field->data[0]])
        return false;
    for (size_t i = 0; i < c->schema->nnulls; i++)
        if (c->null_len[i] == field->len && memcmp(c->schema->nulls[i], field->data, field->len) == 0)
            return true;
    return false;
}

enum err_code convert_record(struct convert *c, const struct csv_record *record, struct batch *batch,
                             struct refusal *refusal, struct err *err)
{
    refusal->name = ERRN_NONE;
    if (record->nfields != c->nfields) {
        refusal->name = ERRN_CSV_RAGGED;
        refusal->column = "";
        snprintf(refusal->detail, sizeof refusal->detail, "%zu fields where the %s has %zu", record->nfields,
                 c->header == CSV_HEADER_NONE ? "schema" : "header", c->nfields);
        return ERR_OK;
    }
    batch_begin_row(batch);
    const struct plan *plan = c->plans;
    for (const struct plan *end = plan + c->nplans; plan < end; plan++) {
        const struct csv_field *field = &record->fields[plan->field];
        enum err_name name = ERRN_NONE;
        if (!is_null(c, field)) {
            name = types_put(batch, plan->col, &plan->column->type, field->data, field->len);
            if (name == ERRN_NONE && plan->checks)
                name = checks_cell(batch, plan->col, batch->rows);
        } else if (plan->column->nullable) {
            batch_set_null(batch, plan->col);
        } else {
            name = ERRN_NOT_NULL;
        }
        if (name == ERRN_NOMEM)
            return err_nomem(err);
        if (name != ERRN_NONE) {
            refuse(refusal, batch, plan, name, field);
            return ERR_OK;
        }
    }
    for (const struct plan *end = plan + c->nabsent; plan < end; plan++)
        batch_set_null(batch, plan->col);
    batch_commit_row(batch, record->line, record->offset);
    return ERR_OK;
}
