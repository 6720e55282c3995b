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
#include "core/data/checks.h"
#include "core/data/types.h"

enum {
    PROBLEM_MAX = 600, /* what is wrong with a header */
    CURE_MAX = 320,    /* and what to do about it */
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
    struct drift drift;
    struct check_hit *hits; /* of the last row; room for one of each check */
    size_t nhits;
    bool empty_is_null; /* nothing between two delimiters */
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
    size_t checks = 0;
    for (size_t i = 0; i < schema->nloaded; i++)
        checks += schema_loaded(schema, i)->checks.n;
    c->hits = mem_calloc(checks + 1, sizeof *c->hits);
    if (!c->field_of || !c->plans || !c->null_len || !c->hits) {
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
    mem_free(c->hits);
    mem_free(c);
}

/* ---- for people ---- */

static void refuse(struct refusal *refusal, const struct plan *plan, enum err_name name,
                   const struct check *check, const struct csv_field *field)
{
    const struct schema_column *column = plan->column;
    char value[TEXT_SHOWN_MAX], type[TYPE_TEXT_MAX];
    char *out = refusal->detail;
    size_t room = sizeof refusal->detail;
    refusal->name = name;
    refusal->column = column->name;
    if (check) {
        check_detail(check, field->data, field->len, out);
        return;
    }
    text_show(field->data, field->len, value);
    type_format(&column->type, type);
    switch (name) {
    case ERRN_NOT_NULL:
        snprintf(out, room, field->len ? "\"%s\" stands for no value" : "no value%s", value);
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
    bool extra, missing; /* what would let it pass */
};

/* Puts `what` "name" into a list; what does not fit is left out. Returns the list's new length. */
static size_t list_add(char *list, size_t len, size_t room, const char *what, const char *name,
                       size_t name_len)
{
    char shown[TEXT_SHOWN_MAX];
    text_show(name, name_len, shown);
    int n = snprintf(list + len, room - len, "%s%s\"%s\"", len ? ", " : "", what, shown);
    if (n > 0 && (size_t)n < room - len)
        return len + (size_t)n;
    list[len] = '\0';
    return len;
}

static void problem_add(struct problem *p, const char *what, const char *name, size_t len)
{
    p->len = list_add(p->text, p->len, sizeof p->text, what, name, len);
}

static void extra_field(struct convert *c, const struct csv_field *field, struct problem *problem)
{
    struct drift *d = &c->drift;
    if (c->schema->extra == COLUMNS_FAIL) {
        problem_add(problem, "it has also ", field->data, field->len);
        problem->extra = true;
        return;
    }
    list_add(d->extra_names, strlen(d->extra_names), sizeof d->extra_names, "", field->data, field->len);
    d->extra++;
}

static void missing_column(struct convert *c, const struct schema_column *column, struct problem *problem)
{
    struct drift *d = &c->drift;
    bool needed = !column->nullable && !column->drop;
    if (c->schema->missing == COLUMNS_FAIL || needed) {
        problem_add(problem, "it lacks ", column->from, strlen(column->from));
        problem->missing |= !needed;
        return;
    }
    list_add(d->missing_names, strlen(d->missing_names), sizeof d->missing_names, "", column->from,
             strlen(column->from));
    d->missing++;
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
            c->plans[c->nplans + c->nabsent] = (struct plan){field, col, column,
                                                             checks_any_cell(&column->checks)};
            c->nplans += !absent;
            c->nabsent += absent;
        }
    }
    for (size_t i = 0; i < schema->ncolumns; i++)
        if (c->field_of[i] == no_field)
            missing_column(c, &schema->columns[i], problem);
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
                problem_add(problem, "it has twice ", field->data, field->len);
            c->field_of[i] = f;
            known = true;
        }
        if (!known)
            extra_field(c, field, problem);
    }
}

/* What to do about columns that are too many or not there. */
static void cure(const struct problem *p, char out[CURE_MAX])
{
    const char *extra =
        "; schema.extra_columns: ignore passes over it; to load it, name it in the schema, and "
        "with schema.contract: evolve `sluice setup` adds it to the table";
    snprintf(out, CURE_MAX, "%s%s", p->missing ? "; schema.missing_columns: null loads NULL for it" : "",
             p->extra ? extra : "");
}

enum err_code convert_header(struct convert *c, const struct csv_record *header, struct err *err)
{
    const struct schema *schema = c->schema;
    struct problem problem = {.len = 0};
    char help[CURE_MAX];
    c->nfields = header->nfields;
    c->drift = (struct drift){.extra = 0};
    if (c->header == CSV_HEADER_BY_NAME) {
        map_names(c, header, &problem);
    } else {
        for (size_t i = 0; i < schema->ncolumns; i++)
            c->field_of[i] = i < header->nfields ? i : no_field;
        for (size_t f = schema->ncolumns; f < header->nfields; f++)
            extra_field(c, &header->fields[f], &problem);
    }
    make_plans(c, &problem);
    if (problem.len == 0)
        return ERR_OK;
    cure(&problem, help);
    return err_set(err, ERRN_CSV_HEADER, "the header has %zu columns, the schema %zu: %s%s", header->nfields,
                   schema->ncolumns, problem.text, help);
}

const struct drift *convert_drift(const struct convert *c)
{
    return &c->drift;
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

/* The verdict of the cell's checks on its record. Those that only warn, or fail the object, are noted. */
static enum err_name run_checks(struct convert *c, const struct batch *batch, const struct plan *plan,
                                const struct csv_field *field, const struct check **check)
{
    enum err_name name;
    *check = NULL;
    while ((name = checks_cell(batch, plan->col, batch->rows, check)) != ERRN_NONE && name != ERRN_NOMEM &&
           (*check)->on != CHECK_ON_REJECT)
        c->hits[c->nhits++] = (struct check_hit){plan->col, *check, field};
    return name;
}

enum err_code convert_record(struct convert *c, const struct csv_record *record, struct batch *batch,
                             struct refusal *refusal, struct err *err)
{
    refusal->name = ERRN_NONE;
    c->nhits = 0;
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
        const struct check *check = NULL;
        enum err_name name = ERRN_NONE;
        if (!is_null(c, field)) {
            name = types_put(batch, plan->col, &plan->column->type, field->data, field->len);
            if (name == ERRN_NONE && plan->checks)
                name = run_checks(c, batch, plan, field, &check);
        } else if (plan->column->nullable) {
            batch_set_null(batch, plan->col);
        } else {
            name = ERRN_NOT_NULL;
        }
        if (name == ERRN_NOMEM)
            return err_nomem(err);
        if (name != ERRN_NONE) {
            refuse(refusal, plan, name, check, field);
            return ERR_OK;
        }
    }
    for (const struct plan *end = plan + c->nabsent; plan < end; plan++)
        batch_set_null(batch, plan->col);
    batch_commit_row(batch, record->line, record->offset);
    return ERR_OK;
}

const struct check_hit *convert_hits(const struct convert *c, size_t *n)
{
    *n = c->nhits;
    return c->hits;
}
