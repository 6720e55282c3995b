/*
 * verify_out: see verify_out.h.
 *
 * A kept row is a struct head and behind it the object and the texts, each with its NUL; a text that is NULL
 * is the byte NONE alone. Invariant: a row is kept whole or not at all; a long text is cut.
 */
#include "tools/verify_out.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/mem.h"

enum { TEXT_MAX = 3 * 1024, NONE = '\x01', COLUMNS = 11, DIFFERENCE_MAX = 64 * 1024 };

struct head {
    enum verify_kind kind;
    int64_t line, in_source, in_target;
    size_t ncells;
};

static enum err_code keep_text(struct buf *rows, const char *text, struct err *err)
{
    if (!text)
        return buf_append(rows, (char[]){NONE, '\0'}, 2, err);
    if (buf_append(rows, text, strnlen(text, TEXT_MAX), err) != ERR_OK)
        return err->code;
    return buf_append_char(rows, '\0', err);
}

void verify_keep_row(struct buf *rows, const struct verify_row *r)
{
    const struct head head = {r->kind, r->line, r->in_source, r->in_target, r->ncells};
    struct err err = ERR_INIT;
    size_t mark = rows->len;

    if (buf_append(rows, &head, sizeof head, &err) == ERR_OK && keep_text(rows, r->object, &err) == ERR_OK &&
        keep_text(rows, r->source, &err) == ERR_OK)
        (void)!keep_text(rows, r->target, &err);
    for (size_t i = 0; i < r->ncells && err.code == ERR_OK; i++)
        if (keep_text(rows, r->cells[i].column, &err) == ERR_OK &&
            keep_text(rows, r->cells[i].source, &err) == ERR_OK)
            (void)!keep_text(rows, r->cells[i].target, &err);
    if (err.code)
        rows->len = mark;
}

static const char *take_text(const char **p)
{
    const char *text = *p;

    *p += strlen(text) + 1;
    return text[0] == NONE && !text[1] ? NULL : text;
}

static const char *times(int64_t n, char text[32])
{
    if (n == 1 || n == 2)
        return n == 1 ? "once" : "twice";
    snprintf(text, 32, "%" PRId64 " times", n);
    return text;
}

/* What is wrong with it, in words. */
static enum err_code describe(const struct head *h, const char *const *cells, struct buf *out,
                              struct err *err)
{
    char a[32], text[128];

    buf_clear(out);
    if (h->kind == VERIFY_CHANGED && h->ncells == 0)
        return buf_append_str(out, "a value of the target is none of its column's type", err);
    for (size_t i = 0; i < h->ncells; i++, cells += 3)
        if ((i > 0 && buf_append_str(out, "; ", err)) || buf_append_str(out, cells[0], err) ||
            buf_append_str(out, ": ", err) || buf_append_str(out, cells[1] ? cells[1] : "NULL", err) ||
            buf_append_str(out, " | ", err) || buf_append_str(out, cells[2] ? cells[2] : "NULL", err))
            return err->code;
    if (h->kind == VERIFY_CHANGED)
        return err->code;
    if (h->kind == VERIFY_EXTRA)
        snprintf(text, sizeof text, "%s%sonly in the target", h->in_target > 1 ? times(h->in_target, a) : "",
                 h->in_target > 1 ? ", " : "");
    else if (h->in_target == 0 && h->in_source == 1)
        snprintf(text, sizeof text, "missing in the target");
    else if (h->in_target == 0)
        snprintf(text, sizeof text, "missing in the target (%" PRId64 " in the source)", h->in_source);
    else
        snprintf(text, sizeof text, "%s in the target (%" PRId64 " in the source)", times(h->in_target, a),
                 h->in_source);
    return buf_append_str(out, text, err);
}

static enum err_code put_row(struct out *out, const char **p, struct buf *difference, struct err *err)
{
    static const char *const keys[] = {"name", "source", "target"};
    struct head h;
    const char *object, *source, *target;
    const char **cells = NULL;

    memcpy(&h, *p, sizeof h);
    *p += sizeof h;
    object = take_text(p);
    source = take_text(p);
    target = take_text(p);
    cells = mem_calloc(h.ncells + 1, 3 * sizeof *cells);
    if (!cells)
        return err_nomem(err);
    for (size_t i = 0; i < 3 * h.ncells; i++)
        cells[i] = take_text(p);
    const struct out_sublist list = {keys, 3, cells, h.ncells};
    bool changed = h.kind == VERIFY_CHANGED;
    if (describe(&h, cells, difference, err) == ERR_OK) {
        struct out_cell row[COLUMNS] = {
            cell_str(object),
            h.line ? cell_num(h.line) : CELL_NULL,
            cell_str(verify_kind_text(h.kind)),
            cell_str(buf_str(difference)),
            cell_str(h.kind == VERIFY_MISSING ? "source"
                     : changed                ? NULL
                                              : "target"),
            cell_str(source ? source : target),
            cell_num(h.in_source),
            cell_num(h.in_target),
            changed ? cell_list(&list) : CELL_NULL,
            cell_str(source),
            cell_str(target),
        };

        out_row_in(out, changed ? IN_DATA : IN_ALL, row);
        row[4] = cell_str("source");
        if (changed)
            out_row_in(out, IN_TEXT, row);
        row[1] = row[2] = row[3] = CELL_NULL;
        row[4] = cell_str("target");
        row[5] = cell_str(target);
        if (changed)
            out_row_in(out, IN_TEXT, row);
    }
    mem_free(cells);
    return err->code;
}

enum err_code verify_put_rows(struct out *out, const struct buf *rows, struct err *err)
{
    static const struct out_column columns[COLUMNS] = {
        {"object", NULL, OUT_STR, IN_ALL},       {"line", NULL, OUT_NUMBER, IN_ALL},
        {"kind", NULL, OUT_WORD, IN_ALL},        {"difference", "source | target", OUT_STR, IN_ALL},
        {"only_in", "only in", OUT_STR, IN_ALL}, {"row", NULL, OUT_STR, IN_ALL},
        {"in_source", NULL, OUT_INT, IN_DATA},   {"in_target", NULL, OUT_INT, IN_DATA},
        {"columns", NULL, OUT_LIST, IN_JSON},    {"source_row", NULL, OUT_STR, IN_DATA},
        {"target_row", NULL, OUT_STR, IN_DATA},
    };
    const char *p = rows->data, *end = p ? p + rows->len : p;
    struct buf difference;

    buf_init(&difference, DIFFERENCE_MAX);
    out_list_begin(out, "rows", columns, COLUMNS);
    while (p < end && err->code == ERR_OK) {
        (void)!put_row(out, &p, &difference, err);
        if (err->name == ERRN_LIMIT) /* a row of very many long values: the lists have them */
            err_clear(err);
    }
    out_list_end(out);
    buf_release(&difference);
    return err->code;
}
