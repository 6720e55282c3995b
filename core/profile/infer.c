/*
 * infer: reads samples record by record into columns, and puts the answer together.
 *
 * Columns are those of all headers, in the order in which they were first seen; a name that stands twice in
 * one header is two columns. Invariants: map[f] is the column of field f of the object at hand; a record with
 * another number of fields than its header (without headers: than most records) is a fault, as it is to the
 * loader; names of objects live as long as an example refers to them.
 */
#include "core/profile/infer.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/data/types.h"
#include "core/profile/infer_internal.h"

enum { FROM_BYTES_MAX = 100 * 1024 /* of all names together, in a pipeline file of at most 1 MiB */ };

struct infer {
    struct infer_dialect dialect;
    struct infer_result result;
    struct infer_cells *cells;
    struct infer_column *columns; /* the result's */
    size_t ncells, cap;
    size_t *map;
    size_t nfields;  /* of the object at hand */
    size_t from_len; /* of all names */
    int64_t object_no;
    int64_t *by_fields; /* objects by their number of columns */
    char *least_object; /* the first of those with the fewest columns */
    size_t least;
    char **objects; /* that examples refer to */
    size_t nobjects, objects_cap;
    struct csv_reader *reader;
};

enum err_code infer_new(const struct infer_dialect *dialect, struct infer **out, struct err *err)
{
    struct infer *infer = mem_calloc(1, sizeof *infer);
    *out = NULL;
    if (!infer)
        return err_nomem(err);
    infer->dialect = *dialect;
    infer->result.header = dialect->csv.header;
    infer->map = mem_calloc(CSV_COLUMNS_MAX, sizeof *infer->map);
    infer->by_fields = mem_calloc(CSV_COLUMNS_MAX + 1, sizeof *infer->by_fields);
    if (!infer->map || !infer->by_fields) {
        infer_free(infer);
        return err_nomem(err);
    }
    *out = infer;
    return ERR_OK;
}

void infer_free(struct infer *infer)
{
    if (!infer)
        return;
    for (size_t i = 0; i < infer->ncells; i++)
        mem_free(infer->cells[i].column.from);
    for (size_t i = 0; infer->columns && i < infer->ncells; i++)
        mem_free(infer->columns[i].name);
    for (size_t i = 0; i < infer->nobjects; i++)
        mem_free(infer->objects[i]);
    mem_free(infer->least_object);
    mem_free(infer->by_fields);
    mem_free(infer->objects);
    mem_free(infer->columns);
    mem_free(infer->cells);
    mem_free(infer->map);
    csv_close(infer->reader);
    mem_free(infer);
}

/* ---- columns ---- */

static enum err_code add_column(struct infer *infer, const char *from, size_t len, struct err *err)
{
    if (infer->ncells == CSV_COLUMNS_MAX)
        return err_set(err, ERRN_LIMIT, "the objects have more than %d different columns", CSV_COLUMNS_MAX);
    if (infer->ncells == infer->cap) {
        size_t cap = infer->cap ? infer->cap * 2 : 32;
        struct infer_cells *cells = mem_realloc(infer->cells, cap * sizeof *cells);
        if (!cells)
            return err_nomem(err);
        infer->cells = cells;
        infer->cap = cap;
    }
    struct infer_cells *c = &infer->cells[infer->ncells];
    cells_init(c);
    c->column.from = mem_strndup(from, len);
    if (!c->column.from)
        return err_nomem(err);
    c->from_len = len;
    infer->ncells++;
    infer->from_len += len;
    infer->result.unfit = infer->result.unfit || len > INFER_FROM_MAX || utf8_length(from, len) < 0 ||
                          infer->from_len > FROM_BYTES_MAX;
    return ERR_OK;
}

static bool is_named(const struct infer_cells *c, const struct csv_field *name)
{
    return c->from_len == name->len && memcmp(c->column.from, name->data, name->len) == 0;
}

/* The column of a header's field that this object has not yet; ncells where there is none. While no name is
 * there twice, the place that it had in the object before is the likeliest. */
static size_t find_column(const struct infer *infer, size_t f, const struct csv_field *name)
{
    size_t i = 0;
    if (!infer->result.twice && f < infer->ncells && infer->cells[f].mark != infer->object_no &&
        is_named(&infer->cells[f], name))
        return f;
    while (i < infer->ncells &&
           (infer->cells[i].mark == infer->object_no || !is_named(&infer->cells[i], name)))
        i++;
    return i;
}

static void note_twice(struct infer *infer, const struct csv_field *name)
{
    for (size_t i = 0; i < infer->ncells && !infer->result.twice; i++) {
        if (infer->cells[i].mark != infer->object_no || !is_named(&infer->cells[i], name))
            continue;
        infer->result.twice = true;
        infer_show(name->data, name->len, infer->result.twice_name);
    }
}

/* Fixes the map for an object: by its header, or (NULL) by position. */
static enum err_code map_fields(struct infer *infer, const struct csv_record *header, const char *key,
                                struct err *err)
{
    infer->nfields = header ? header->nfields : infer->dialect.fields;
    for (size_t f = 0; f < infer->nfields; f++) {
        struct csv_field name = header ? header->fields[f] : (struct csv_field){.data = ""};
        size_t column = header ? find_column(infer, f, &name) : f;
        if (column == infer->ncells) {
            if (header)
                note_twice(infer, &name);
            if (add_column(infer, name.data, name.len, err))
                return err->code;
        }
        infer->cells[column].mark = infer->object_no;
        cells_object(&infer->cells[column]);
        infer->map[f] = column;
    }
    infer->result.headers++;
    if (!infer->least_object || infer->nfields < infer->least) {
        char *key_copy = mem_strdup(key);
        if (!key_copy)
            return err_nomem(err);
        mem_free(infer->least_object);
        infer->least_object = key_copy;
        infer->least = infer->nfields;
    }
    infer->by_fields[infer->nfields]++;
    return ERR_OK;
}

/* ---- records ---- */

static void add_fault(struct infer *infer, enum err_name name, const struct csv_record *record,
                      struct infer_place *place)
{
    struct infer_result *r = &infer->result;
    char escaped[2][2] = {{'\\', infer->dialect.csv.quote}, {'\\', infer->dialect.csv.delimiter}};
    size_t i = 0;
    if (memmem(record->raw, record->raw_len, escaped[0], 2) ||
        memmem(record->raw, record->raw_len, escaped[1], 2))
        r->backslashes++;
    while (i < r->nfaults && r->faults[i].name != name)
        i++;
    if (i == INFER_FAULTS)
        return;
    if (i == r->nfaults) {
        r->nfaults++;
        r->faults[i] = (struct infer_fault){.name = name};
        size_t len = record->raw_len;
        while (len > 0 && (record->raw[len - 1] == '\n' || record->raw[len - 1] == '\r'))
            len--;
        example_set(&r->faults[i].first, record->raw, len, place);
    }
    r->faults[i].count++;
}

static enum err_code add_record(struct infer *infer, const struct csv_record *record, bool *mapped,
                                struct infer_place *place, struct err *err)
{
    place->line = record->line;
    if (!*mapped) {
        bool named = infer->dialect.csv.header != CSV_HEADER_NONE;
        *mapped = true;
        if (map_fields(infer, named ? record : NULL, place->object, err) || named)
            return err->code;
    }
    if (record->nfields != infer->nfields) {
        add_fault(infer, ERRN_CSV_RAGGED, record, place);
        return ERR_OK;
    }
    for (size_t f = 0; f < record->nfields; f++)
        cells_add(&infer->cells[infer->map[f]], &record->fields[f], place);
    infer->result.records++;
    return ERR_OK;
}

/* Room for one more name. */
static enum err_code reserve_object(struct infer *infer, struct err *err)
{
    if (infer->nobjects < infer->objects_cap)
        return ERR_OK;
    size_t cap = infer->objects_cap ? infer->objects_cap * 2 : 16;
    char **objects = mem_realloc(infer->objects, cap * sizeof *objects);
    if (!objects)
        return err_nomem(err);
    infer->objects = objects;
    infer->objects_cap = cap;
    return ERR_OK;
}

static enum err_code read_object(struct infer *infer, const struct infer_limits *limits,
                                 struct infer_place *place, struct err *err)
{
    const struct csv_counts *counts = csv_counts(infer->reader);
    struct infer_result *r = &infer->result;
    struct csv_record record;
    enum csv_event event = CSV_RECORD;
    int64_t records = 0;
    bool mapped = false;
    while ((!limits->bytes || counts->bytes < limits->bytes) &&
           (!limits->records || records <= limits->records)) {
        if (csv_next(infer->reader, &event, &record, err) || event == CSV_END)
            break;
        records++;
        place->line = record.line;
        if (event == CSV_BAD)
            add_fault(infer, record.bad, &record, place);
        else if (add_record(infer, &record, &mapped, place, err))
            break;
    }
    r->whole_objects += err->code == ERR_OK && event == CSV_END;
    r->bytes += counts->bytes;
    r->empty_objects += err->code == ERR_OK && !mapped;
    return err->code;
}

enum err_code infer_object(struct infer *infer, const char *key, struct bytes *src,
                           const struct infer_limits *limits, struct err *err)
{
    char *object;
    if (reserve_object(infer, err) ||
        (!infer->reader && csv_open(&infer->dialect.csv, NULL, src, &infer->reader, err)))
        return err->code;
    object = mem_strdup(key);
    if (!object)
        return err_nomem(err);
    struct infer_place place = {.object = object};
    csv_reset(infer->reader, src);
    infer->object_no++;
    infer->result.objects++;
    (void)!read_object(infer, limits, &place, err);
    if (place.used)
        infer->objects[infer->nobjects++] = object;
    else
        mem_free(object);
    return err->code;
}

/* ---- the answer ---- */

enum err_code infer_finish(struct infer *infer, const struct infer_result **out, struct err *err)
{
    struct infer_result *r = &infer->result;
    *out = NULL;
    if (infer->ncells == 0)
        return err_set(err, ERRN_UNSUPPORTED, "there is no record to infer from: all objects read are empty");
    if (r->header == CSV_HEADER_BY_NAME && (r->twice || r->unfit))
        r->header = CSV_HEADER_BY_POSITION;
    for (size_t n = 0; n < infer->ncells; n++)
        r->differ += infer->by_fields[n];
    r->differ_object = r->differ > 0 ? infer->least_object : NULL;
    cells_decide(infer->cells, infer->ncells, r->header != CSV_HEADER_NONE, r->tokens);
    infer->columns = mem_calloc(infer->ncells, sizeof *infer->columns);
    if (!infer->columns)
        return err_nomem(err);
    for (size_t i = 0; i < infer->ncells; i++)
        infer->columns[i] = infer->cells[i].column;
    r->columns = infer->columns;
    r->ncolumns = infer->ncells;
    if (infer_names(infer->columns, infer->ncells, err))
        return err->code;
    *out = r;
    return ERR_OK;
}
