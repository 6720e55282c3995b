/*
 * infer_json: the evidence as a document.
 *
 * Invariant: all that the comments of the pipeline file tell is here as a number or text of its own; texts
 * (`file`, and `evidence` of a column) are those of the file.
 */
#include "tools/infer_json.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void put_source(const struct infer_doc *d, const char *yaml, struct out *out)
{
    static const struct out_column columns[] = {
        {"source", NULL, OUT_STR, IN_JSON},
        {"name", NULL, OUT_STR, IN_JSON},
        {"url", NULL, OUT_STR, IN_JSON},
        {"layout", NULL, OUT_STR, IN_JSON},
        {"keys", NULL, OUT_INT, IN_JSON},
        {"keys_matched", NULL, OUT_INT, IN_JSON},
        {"keys_hidden", NULL, OUT_INT, IN_JSON},
        {"keys_others", NULL, OUT_INT, IN_JSON},
        {"first_hour", NULL, OUT_HOUR, IN_JSON},
        {"last_hour", NULL, OUT_HOUR, IN_JSON},
        {"commands", NULL, OUT_STR, IN_JSON},
        {"objects", NULL, OUT_INT, IN_JSON},
        {"objects_whole", NULL, OUT_INT, IN_JSON},
        {"objects_empty", NULL, OUT_INT, IN_JSON},
        {"objects_damaged", NULL, OUT_INT, IN_JSON},
        {"records", NULL, OUT_INT, IN_JSON},
        {"bytes", NULL, OUT_BYTES, IN_JSON},
        {"file", NULL, OUT_STR, IN_JSON},
    };
    const struct infer_result *r = d->result;
    bool hours = d->time == INFER_HOUR;
    out_object(
        out, "inferred", columns,
        (struct out_cell[]){cell_str(d->source), cell_str(d->name), cell_str(d->url), cell_str(d->layout),
                            cell_num(d->keys), cell_num(d->matched), cell_num(d->hidden), cell_num(d->others),
                            hours ? cell_num(d->first) : CELL_NULL, hours ? cell_num(d->last) : CELL_NULL,
                            cell_str(d->commands), cell_num(r->objects), cell_num(r->whole_objects),
                            cell_num(r->empty_objects), cell_num(d->damaged), cell_num(r->records),
                            cell_num(r->bytes), cell_str(yaml)},
        COUNT(columns));
}

static void put_dialect(const struct infer_doc *d, struct out *out)
{
    static const struct out_column columns[] = {
        {"delimiter", NULL, OUT_STR, IN_JSON},
        {"quote", NULL, OUT_STR, IN_JSON},
        {"header", NULL, OUT_STR, IN_JSON},
        {"records", NULL, OUT_INT, IN_JSON},
        {"records_regular", NULL, OUT_INT, IN_JSON},
        {"records_quoted", NULL, OUT_INT, IN_JSON},
        {"records_crlf", NULL, OUT_INT, IN_JSON},
        {"fields", NULL, OUT_INT, IN_JSON},
        {"boms", NULL, OUT_INT, IN_JSON},
        {"backslashes", NULL, OUT_INT, IN_JSON},
        {"objects_with_header", NULL, OUT_INT, IN_JSON},
        {"objects_without_header", NULL, OUT_INT, IN_JSON},
        {"header_by_types", NULL, OUT_BOOL, IN_JSON},
        {"objects_differ", NULL, OUT_INT, IN_JSON},
    };
    static const char *const headers[] = {[CSV_HEADER_BY_NAME] = "by_name",
                                          [CSV_HEADER_BY_POSITION] = "by_position",
                                          [CSV_HEADER_NONE] = "none"};
    const struct infer_dialect *di = d->dialect;
    const struct infer_result *r = d->result;
    char delimiter[2] = {di->csv.delimiter, '\0'}, quote[2] = {di->csv.quote, '\0'};
    out_object(out, "dialect", columns,
               (struct out_cell[]){cell_str(delimiter), cell_str(quote), cell_str(headers[r->header]),
                                   cell_num(di->records), cell_num(di->regular), cell_num(di->quoted),
                                   cell_num(di->crlf), cell_num((int64_t)di->fields),
                                   cell_num((int64_t)di->boms), cell_num(r->backslashes),
                                   cell_num((int64_t)di->with_header), cell_num((int64_t)di->without_header),
                                   cell_num(di->header_by_types), cell_num(r->differ)},
               COUNT(columns));
}

static enum err_code put_columns(const struct infer_doc *d, struct out *out, struct err *err)
{
    static const struct out_column columns[] = {
        {"name", NULL, OUT_STR, IN_DATA},       {"from", NULL, OUT_STR, IN_DATA},
        {"type", NULL, OUT_STR, IN_DATA},       {"drop", NULL, OUT_BOOL, IN_DATA},
        {"values", NULL, OUT_INT, IN_DATA},     {"nulls", NULL, OUT_INT, IN_DATA},
        {"low", NULL, OUT_STR, IN_DATA},        {"high", NULL, OUT_STR, IN_DATA},
        {"length_max", NULL, OUT_INT, IN_DATA}, {"increasing", NULL, OUT_BOOL, IN_DATA},
        {"objects", NULL, OUT_INT, IN_DATA},    {"evidence", NULL, OUT_STR, IN_DATA},
    };
    const struct infer_result *r = d->result;
    struct buf evidence;
    char type[TYPE_TEXT_MAX];
    buf_init(&evidence, INFER_YAML_MAX);
    out_list_begin(out, "columns", columns, COUNT(columns));
    for (size_t i = 0; i < r->ncolumns && err->code == ERR_OK; i++) {
        const struct infer_column *c = &r->columns[i];
        type_format(&c->type, type);
        buf_clear(&evidence);
        if (infer_evidence(r, i, &evidence, err))
            break;
        out_row(out, (struct out_cell[]){cell_str(c->name),
                                         {.str = c->from},
                                         cell_str(type),
                                         cell_num(c->drop),
                                         cell_num(c->values),
                                         cell_num(c->nulls),
                                         cell_str(c->low.text),
                                         cell_str(c->high.text),
                                         cell_num(c->length_max),
                                         cell_num(c->increasing),
                                         cell_num(c->objects),
                                         cell_str(buf_str(&evidence))});
    }
    out_list_end(out);
    buf_release(&evidence);
    return err->code;
}

static void put_tokens(const struct infer_result *r, struct out *out)
{
    static const struct out_column columns[] = {{"text", NULL, OUT_STR, IN_JSON},
                                                {"count", NULL, OUT_INT, IN_JSON},
                                                {"taken", NULL, OUT_BOOL, IN_JSON}};
    out_list_begin(out, "nulls", columns, COUNT(columns));
    for (int i = 0; i < INFER_TOKENS; i++)
        if (r->tokens[i].count > 0)
            out_row(out, (struct out_cell[]){{.str = r->tokens[i].text},
                                             cell_num(r->tokens[i].count),
                                             cell_num(r->tokens[i].taken)});
    out_list_end(out);
}

static void put_faults(const struct infer_result *r, struct out *out)
{
    static const struct out_column columns[] = {{"error_name", NULL, OUT_STR, IN_JSON},
                                                {"count", NULL, OUT_INT, IN_JSON},
                                                {"object", NULL, OUT_STR, IN_JSON},
                                                {"line", NULL, OUT_INT, IN_JSON},
                                                {"record", NULL, OUT_STR, IN_JSON}};
    out_list_begin(out, "faults", columns, COUNT(columns));
    for (size_t i = 0; i < r->nfaults; i++)
        out_row(out,
                (struct out_cell[]){cell_str(err_name_text(r->faults[i].name)), cell_num(r->faults[i].count),
                                    cell_str(r->faults[i].first.object), cell_num(r->faults[i].first.line),
                                    cell_str(r->faults[i].first.text)});
    out_list_end(out);
}

enum err_code infer_json(const struct infer_doc *d, const char *yaml, struct out *out, struct err *err)
{
    put_source(d, yaml, out);
    put_dialect(d, out);
    if (put_columns(d, out, err))
        return err->code;
    put_tokens(d->result, out);
    put_faults(d->result, out);
    return ERR_OK;
}
