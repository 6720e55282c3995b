/*
 * out: a command's result, as a table for people, one JSON document or CSV.
 *
 * A result is scalars in named objects ("run", "totals") and lists of rows ("objects"); it is written as it
 * comes, so memory does not grow with the number of rows. It goes to stdout in the chosen format and, with
 * --summary, as JSON to a file as well. Each format shows the columns that are meant for it: people see
 * numbers with thousands separators and bytes with units, programs see them exact. A list without a column
 * for a format does not appear there; CSV has room for one list only, the first.
 *
 * Errors stick, as in stdio: each place has its own, nothing is written to it after that, and the first
 * place's is what out_end returns. A reader of stdout that went away does not cost the summary.
 */
#ifndef SLUICE_TOOLS_OUT_H
#define SLUICE_TOOLS_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "tools/out_file.h"
#include "tools/out_tree.h"

enum out_format { OUT_TEXT, OUT_JSON, OUT_CSV };

enum { OUT_SCHEMA_VERSION = 1, OUT_CELL_MAX = 4096, OUT_COLUMNS_MAX = 2048, OUT_SAMPLE_ROWS = 100 };

/* How a cell's value is shown: for people | for programs. */
enum out_kind {
    OUT_STR,    /* text with control characters escaped | text */
    OUT_WORD,   /* the same; a good or bad status is coloured on a terminal */
    OUT_INT,    /* 1,234 | 1234 */
    OUT_BYTES,  /* 1.2 KiB | 1234 */
    OUT_MS,     /* 1.23 s | 1234 */
    OUT_TIME,   /* 2022-06-05T12:34:56Z of microseconds | the same with fraction */
    OUT_HOUR,   /* 2022-06-05T12 */
    OUT_HASH,   /* 16 hex digits */
    OUT_BOOL,   /* yes, no | true, false */
    OUT_NUMBER, /* 1234: an id */
    OUT_LIST,   /* (nothing) | JSON: a list of objects of texts; CSV: nothing */
    OUT_FIGURE, /* text of a number, as it is */
    OUT_REAL,   /* the shortest text that reads back as the same number, with a point or an exponent */
    OUT_VALUE,  /* each cell has its own kind: the values of a query */
};

enum { IN_TEXT = 1, IN_JSON = 2, IN_CSV = 4, IN_DATA = IN_JSON | IN_CSV, IN_ALL = IN_TEXT | IN_DATA };

struct out_column {
    const char *key;   /* for programs */
    const char *title; /* for people; NULL = the key */
    enum out_kind kind;
    unsigned in;
};

/* A list within a row: n times nkeys texts, NULL = null. */
struct out_sublist {
    const char *const *keys;
    size_t nkeys;
    const char *const *values;
    size_t n;
};

struct out_cell {
    bool null;
    int64_t num; /* of kinds that are no text (a hash's bits too) */
    const char *str;
    const struct out_sublist *list;
    double real;        /* of OUT_REAL */
    enum out_kind kind; /* in a column of OUT_VALUE: OUT_STR, OUT_NUMBER or OUT_REAL */
};

#define CELL_NULL ((struct out_cell){.null = true})
static inline struct out_cell cell_num(int64_t num)
{
    return (struct out_cell){.num = num};
}
static inline struct out_cell cell_list(const struct out_sublist *list)
{
    return (struct out_cell){.null = !list, .list = list};
}
/* NULL and "" are no value. */
static inline struct out_cell cell_str(const char *str)
{
    return (struct out_cell){.null = !str || !str[0], .str = str};
}

/* One place that the result goes to. */
struct out_stream {
    FILE *file;
    enum out_format format;
    bool shown;     /* the current list has columns here */
    bool had_list;  /* CSV: its one list was there */
    int64_t rows;   /* of the current list */
    struct err err; /* the first; nothing is written here after it */
};

/* Rows of a text table that wait until the widths are known. */
struct out_table {
    struct buf cells; /* NUL-terminated texts */
    size_t rows;
    size_t width[OUT_COLUMNS_MAX];
    bool texts[OUT_COLUMNS_MAX]; /* OUT_VALUE: a text was among them */
    bool open;                   /* widths are fixed, the title line is out */
};

struct out {
    struct out_stream streams[2];
    size_t nstreams;
    bool color;
    bool titles; /* text: also of a list without rows; for this list, until its end */
    const struct out_column *columns;
    size_t ncolumns;
    struct out_table table;
    bool owned;       /* the first stream's file is ours to close */
    const char *name; /* of the first stream, for messages */
    struct out_file summary;
};

/* Makes the JSON library use core/base/mem.h; before the first thread that writes results. out_begin does,
 * too. */
void out_init(void);

/* A result into a buffer (cleared first); what does not fit is an error of out_end. */
enum err_code out_begin_buf(struct out *out, struct buf *buf, enum out_format format,
                            struct err *err) MUST_USE;

/* A JSON document into a file, which is borrowed and ended by its owner. */
void out_begin_file(struct out *out, FILE *file);

/* Opens; summary may be NULL. stdout is borrowed. */
enum err_code out_begin(struct out *out, enum out_format format, bool color, const char *summary,
                        struct err *err) MUST_USE;
/* Ends the documents, checks that all was written, puts the summary in its place. */
enum err_code out_end(struct out *out, struct err *err) MUST_USE;
/* Drops what is not ended (a summary file stays as it was). Safe after out_end and on a zeroed struct. */
void out_release(struct out *out);

/* A named object of scalars; JSON only. */
void out_object(struct out *out, const char *name, const struct out_column *columns,
                const struct out_cell *cells, size_t n);

/* Further members of the document, of any depth; JSON only. */
void out_members(struct out *out, out_tree_fn *write, const void *ctx);

/* A list; `name` is for JSON. Columns are borrowed until the end of the list. */
void out_list_begin(struct out *out, const char *name, const struct out_column *columns, size_t n);
void out_row(struct out *out, const struct out_cell *cells);
/* A row for some formats only (IN_...). */
void out_row_in(struct out *out, unsigned in, const struct out_cell *cells);
void out_list_end(struct out *out);

/* A line for people; not in JSON or CSV. */
void out_line(struct out *out, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* True while stdout takes what it is given. */
bool out_is_open(const struct out *out);

/* Bytes as they are; not in JSON or CSV. */
void out_bytes(struct out *out, const void *data, size_t len);

/* Text for people, into `text` (returned). */
char *out_count(int64_t n, char text[OUT_CELL_MAX]); /* "1,234" */
/* "1 object", "1,234 objects"; "1 is late", "2 are late": the number and what it takes. */
char *out_things(int64_t n, const char *one, const char *many, char text[OUT_CELL_MAX]);
char *out_size(int64_t bytes, char text[OUT_CELL_MAX]);     /* "1.2 KiB" */
char *out_duration(int64_t ms, char text[OUT_CELL_MAX]);    /* "0.12 s", "1m05s", "2h03m" */
char *out_escape(const char *str, char text[OUT_CELL_MAX]); /* control characters as \xNN */
size_t out_width(const char *text);                         /* code points */

/* The kind of the column, or the cell's own. */
static inline enum out_kind out_kind_of(const struct out_column *column, const struct out_cell *cell)
{
    return column->kind == OUT_VALUE ? cell->kind : column->kind;
}

/* A cell as a person (pretty) or a program reads it; "" for no value. */
const char *out_cell_text(const struct out_column *column, const struct out_cell *cell, bool pretty,
                          char text[OUT_CELL_MAX]);

/* The formats (out_json.c, out_text.c): called by out.c alone. */
void json_init(void);
enum err_code json_string_write(FILE *file, const char *text, struct err *err) MUST_USE;
enum err_code json_object_write(FILE *file, const struct out_column *columns, const struct out_cell *cells,
                                size_t n, struct err *err) MUST_USE;
void table_begin(struct out *out);
enum err_code table_row(struct out *out, FILE *file, const struct out_cell *cells, struct err *err) MUST_USE;
void table_end(struct out *out, FILE *file);

#endif
