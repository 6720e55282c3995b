/*
 * out: where a result goes: stdout and the summary file, each in its format.
 *
 * Invariants: a JSON document is one object whose members come in the order of the calls; "schema_version" is
 * the first. The summary file appears whole, by rename, or not at all. After the first error of a stream
 * nothing more is written to it; the other goes on.
 *
 *   begin -> (object | list_begin -> row* -> list_end | line)* -> end
 */
#include "tools/out.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { TABLE_BYTES_MAX = 16 * 1024 * 1024 };

static enum err_code open_summary(struct out *out, const char *path, struct err *err)
{
    if (out_file_open(&out->summary, "summary", path, err))
        return err->code;
    out->streams[1] = (struct out_stream){.file = out->summary.file, .format = OUT_JSON};
    out->nstreams = 2;
    return ERR_OK;
}

void out_init(void)
{
    json_init();
}

static ssize_t write_to_buf(void *cookie, const char *data, size_t len)
{
    struct err err = ERR_INIT;

    if (buf_append(cookie, data, len, &err) == ERR_OK)
        return (ssize_t)len;
    errno = ENOSPC;
    return 0;
}

/* The document's start, on each stream. */
static void begin_documents(struct out *out)
{
    for (size_t i = 0; i < out->nstreams; i++) {
        if (out->streams[i].format == OUT_JSON)
            fprintf(out->streams[i].file, "{\"schema_version\":%d", OUT_SCHEMA_VERSION);
    }
}

enum err_code out_begin_buf(struct out *out, struct buf *buf, enum out_format format, struct err *err)
{
    FILE *file = fopencookie(buf, "w", (cookie_io_functions_t){.write = write_to_buf});

    out_init();
    buf_clear(buf);
    *out = (struct out){.streams = {{.file = file, .format = format}},
                        .nstreams = file ? 1 : 0,
                        .owned = true,
                        .name = "the result"};
    buf_init(&out->table.cells, TABLE_BYTES_MAX);
    if (!file)
        return err_nomem(err);
    begin_documents(out);
    return ERR_OK;
}

void out_begin_file(struct out *out, FILE *file)
{
    out_init();
    *out = (struct out){.streams = {{.file = file, .format = OUT_JSON}}, .nstreams = 1, .name = "the result"};
    begin_documents(out);
}

enum err_code out_begin(struct out *out, enum out_format format, bool color, const char *summary,
                        struct err *err)
{
    out_init();
    *out = (struct out){
        .streams = {{.file = stdout, .format = format}}, .nstreams = 1, .color = color, .name = "stdout"};
    buf_init(&out->table.cells, TABLE_BYTES_MAX);
    if (summary && open_summary(out, summary, err))
        return err->code;
    begin_documents(out);
    return ERR_OK;
}

static void check_written(struct out_stream *s, const char *name)
{
    bool bad = ferror(s->file);

    if (fflush(s->file) != 0 || bad)
        err_set_errno(&s->err, errno ? errno : EIO, "%s: cannot write", name);
}

enum err_code out_end(struct out *out, struct err *err)
{
    out_list_end(out);
    for (size_t i = 0; i < out->nstreams; i++) {
        if (out->streams[i].format == OUT_JSON)
            fputs("}\n", out->streams[i].file);
    }
    if (out->nstreams == 2) {
        out->nstreams = 1;
        out_file_end(&out->summary, &out->streams[1].err);
    }
    check_written(&out->streams[0], out->name);
    for (size_t i = 0; i < 2; i++) {
        const struct err *failed = &out->streams[i].err;

        if (failed->code)
            err_set_native(err, failed->name, failed->native, "%s", failed->msg);
    }
    return err->code;
}

void out_release(struct out *out)
{
    out_file_release(&out->summary);
    if (out->owned && out->nstreams)
        fclose(out->streams[0].file);
    buf_release(&out->table.cells);
    *out = (struct out){0};
}

void out_object(struct out *out, const char *name, const struct out_column *columns,
                const struct out_cell *cells, size_t n)
{
    out_list_end(out);
    for (size_t i = 0; i < out->nstreams; i++) {
        struct out_stream *s = &out->streams[i];

        if (s->format != OUT_JSON || s->err.code)
            continue;
        fprintf(s->file, ",\n\"%s\":", name);
        (void)!json_object_write(s->file, columns, cells, n, &s->err);
    }
}

void out_members(struct out *out, out_tree_fn *write, const void *ctx)
{
    out_list_end(out);
    for (size_t i = 0; i < out->nstreams; i++) {
        struct out_stream *s = &out->streams[i];
        struct out_tree tree;

        if (s->format != OUT_JSON || s->err.code)
            continue;
        tree_init(&tree, s->file);
        write(&tree, ctx);
        if (tree.err.code)
            s->err = tree.err;
    }
}

static unsigned format_bit(enum out_format format)
{
    return format == OUT_TEXT ? IN_TEXT : format == OUT_JSON ? IN_JSON : IN_CSV;
}

/* RFC 4180, but lines end with a plain line feed. No value is nothing, an empty text is "". */
static void csv_field(FILE *file, const char *text, bool null)
{
    if (null)
        return;
    if (*text && !strpbrk(text, ",\"\r\n")) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++) {
        if (*text == '"')
            putc('"', file);
        putc(*text, file);
    }
    putc('"', file);
}

static void csv_row(const struct out *out, FILE *file, const struct out_cell *cells)
{
    char text[OUT_CELL_MAX];
    bool first = true;

    for (size_t c = 0; c < out->ncolumns; c++) {
        if (!(out->columns[c].in & IN_CSV))
            continue;
        if (!first)
            putc(',', file);
        first = false;
        if (cells)
            csv_field(file, out_cell_text(&out->columns[c], &cells[c], false, text),
                      cells[c].null || out->columns[c].kind == OUT_LIST);
        else
            csv_field(file, out->columns[c].key, false);
    }
    putc('\n', file);
}

void out_list_begin(struct out *out, const char *name, const struct out_column *columns, size_t n)
{
    unsigned in = 0;

    out->columns = columns;
    out->ncolumns = n;
    for (size_t c = 0; c < n; c++)
        in |= columns[c].in;
    for (size_t i = 0; i < out->nstreams; i++) {
        struct out_stream *s = &out->streams[i];

        s->rows = 0;
        s->shown = (in & format_bit(s->format)) && !(s->format == OUT_CSV && s->had_list);
        if (!s->shown || s->err.code)
            continue;
        s->had_list = true;
        if (s->format == OUT_JSON)
            fprintf(s->file, ",\n\"%s\":[", name);
        else if (s->format == OUT_CSV)
            csv_row(out, s->file, NULL);
        else
            table_begin(out);
    }
}

void out_row(struct out *out, const struct out_cell *cells)
{
    out_row_in(out, IN_ALL, cells);
}

void out_row_in(struct out *out, unsigned in, const struct out_cell *cells)
{
    for (size_t i = 0; i < out->nstreams; i++) {
        struct out_stream *s = &out->streams[i];

        if (!s->shown || s->err.code || !(in & format_bit(s->format)))
            continue;
        if (s->format == OUT_JSON) {
            fputs(s->rows ? ",\n" : "\n", s->file);
            (void)!json_object_write(s->file, out->columns, cells, out->ncolumns, &s->err);
        } else if (s->format == OUT_CSV) {
            csv_row(out, s->file, cells);
        } else {
            (void)!table_row(out, s->file, cells, &s->err);
        }
        s->rows++;
        if (ferror(s->file))
            err_set_errno(&s->err, errno ? errno : EIO, "cannot write the result");
    }
}

void out_list_end(struct out *out)
{
    for (size_t i = 0; i < out->nstreams; i++) {
        struct out_stream *s = &out->streams[i];

        if (!s->shown || s->err.code)
            continue;
        if (s->format == OUT_JSON)
            fputs("]", s->file);
        else if (s->format == OUT_TEXT)
            table_end(out, s->file);
        s->shown = false;
    }
}

bool out_is_open(const struct out *out)
{
    return out->streams[0].err.code == ERR_OK;
}

void out_line(struct out *out, const char *fmt, ...)
{
    va_list args;

    if (out->streams[0].format != OUT_TEXT || !out_is_open(out))
        return;
    va_start(args, fmt);
    vfprintf(out->streams[0].file, fmt, args);
    va_end(args);
    putc('\n', out->streams[0].file);
}

void out_bytes(struct out *out, const void *data, size_t len)
{
    if (out->streams[0].format != OUT_TEXT || !out_is_open(out))
        return;
    if (fwrite(data, 1, len, out->streams[0].file) != len)
        err_set_errno(&out->streams[0].err, errno ? errno : EIO, "stdout: cannot write");
}
