/*
 * out_text: values as people read them, and tables whose columns are as wide as they must be.
 *
 * A table keeps its first OUT_SAMPLE_ROWS rows, takes its widths from them and prints from then on row by
 * row: memory is bounded, and a later, wider cell only moves its own line. Numbers stand to the right, texts
 * to the left; a table without rows is not printed, or its titles alone. Invariant: no control character of
 * the data reaches a terminal.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hour.h"
#include "core/data/canon.h"
#include "tools/out.h"

char *out_count(int64_t n, char text[OUT_CELL_MAX])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRId64, n);
    size_t to = 0;

    for (int i = 0; i < len; i++) {
        text[to++] = digits[i];
        if (digits[i] != '-' && i + 1 < len && (len - i - 1) % 3 == 0)
            text[to++] = ',';
    }
    text[to] = '\0';
    return text;
}

char *out_things(int64_t n, const char *one, const char *many, char text[OUT_CELL_MAX])
{
    size_t len = strlen(out_count(n, text));

    snprintf(text + len, OUT_CELL_MAX - len, " %s", n == 1 ? one : many);
    return text;
}

char *out_size(int64_t bytes, char text[OUT_CELL_MAX])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;

    if (bytes < 1024) {
        snprintf(text, OUT_CELL_MAX, "%" PRId64 " B", bytes);
        return text;
    }
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    snprintf(text, OUT_CELL_MAX, "%.1f %s", value, units[unit]);
    return text;
}

char *out_duration(int64_t ms, char text[OUT_CELL_MAX])
{
    int64_t s = ms / 1000;

    if (ms < 59995)
        snprintf(text, OUT_CELL_MAX, "%.2f s", (double)ms / 1000);
    else if (s < 3600)
        snprintf(text, OUT_CELL_MAX, "%" PRId64 "m%02" PRId64 "s", s / 60, s % 60);
    else
        snprintf(text, OUT_CELL_MAX, "%" PRId64 "h%02" PRId64 "m", s / 3600, s / 60 % 60);
    return text;
}

/* C1 controls are two bytes in UTF-8; a terminal obeys them too. */
char *out_escape(const char *str, char text[OUT_CELL_MAX])
{
    const unsigned char *s = (const unsigned char *)str;
    size_t to = 0;

    for (; *s && to + 5 < OUT_CELL_MAX; s++) {
        bool c1 = s[0] == 0xc2 && s[1] >= 0x80 && s[1] < 0xa0;

        if (*s < 0x20 || *s == 0x7f || c1)
            to += (size_t)snprintf(text + to, OUT_CELL_MAX - to, "\\x%02x", c1 ? *++s : *s);
        else
            text[to++] = (char)*s;
    }
    text[to] = '\0';
    return text;
}

size_t out_width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static const char *time_text(int64_t us, bool pretty, char text[OUT_CELL_MAX])
{
    char when[CLOCK_TEXT_MAX];

    if (pretty)
        clock_format(us, when);
    else
        clock_format_us(us, when);
    snprintf(text, OUT_CELL_MAX, "%s", when);
    return text;
}

/* Infinity as a number that JSON can hold and every reader takes for it. */
static const char *real_text(double real, char text[OUT_CELL_MAX])
{
    char digits[CANON_DOUBLE_MAX];

    if (isinf(real))
        return real > 0 ? "1e999" : "-1e999";
    canon_double(real, digits);
    snprintf(text, OUT_CELL_MAX, "%s%s", digits, digits[strspn(digits, "-0123456789")] ? "" : ".0");
    return text;
}

const char *out_cell_text(const struct out_column *column, const struct out_cell *cell, bool pretty,
                          char text[OUT_CELL_MAX])
{
    if (cell->null)
        return "";
    switch (out_kind_of(column, cell)) {
    case OUT_STR:
    case OUT_WORD:
        return pretty ? out_escape(cell->str, text) : cell->str;
    case OUT_FIGURE:
        return cell->str;
    case OUT_BYTES:
        if (pretty)
            return out_size(cell->num, text);
        break;
    case OUT_MS:
        if (pretty)
            return out_duration(cell->num, text);
        break;
    case OUT_INT:
        if (pretty)
            return out_count(cell->num, text);
        break;
    case OUT_TIME:
        return time_text(cell->num, pretty, text);
    case OUT_HOUR:
        hour_format(cell->num, text);
        return text;
    case OUT_HASH:
        snprintf(text, OUT_CELL_MAX, "%016" PRIx64, (uint64_t)cell->num);
        return text;
    case OUT_BOOL:
        return pretty ? (cell->num ? "yes" : "no") : (cell->num ? "true" : "false");
    case OUT_LIST:
        return "";
    case OUT_REAL:
        return real_text(cell->real, text);
    case OUT_NUMBER:
    case OUT_VALUE:
        break;
    }
    snprintf(text, OUT_CELL_MAX, "%" PRId64, cell->num);
    return text;
}

static bool is_right(const struct out *out, size_t c)
{
    enum out_kind kind = out->columns[c].kind;

    if (kind == OUT_VALUE)
        return !out->table.texts[c];
    return kind == OUT_INT || kind == OUT_BYTES || kind == OUT_MS || kind == OUT_NUMBER || kind == OUT_REAL ||
           kind == OUT_FIGURE;
}

/* Green, red, or nothing. */
static const char *color_of(const char *word)
{
    static const char *const good[] = {"loaded", "replaced", "done", "ok", "equal", "load", "replay", NULL};
    static const char *const bad[] = {"failed",         "late",       "source differs",
                                      "target differs", "not loaded", NULL};

    for (int i = 0; good[i]; i++) {
        if (strcmp(word, good[i]) == 0)
            return "\033[32m";
    }
    for (int i = 0; bad[i]; i++) {
        if (strcmp(word, bad[i]) == 0)
            return "\033[31m";
    }
    return NULL;
}

static const char *title_of(const struct out_column *column)
{
    return column->title ? column->title : column->key;
}

/* One cell of a line. `gap` is the space still owed to the next one: a line ends without any. */
static void print_cell(const struct out *out, FILE *file, size_t c, const char *text, bool title, size_t *gap)
{
    size_t width = out_width(text), pad = out->table.width[c] > width ? out->table.width[c] - width : 0;
    const char *color = out->color && !title && out->columns[c].kind == OUT_WORD ? color_of(text) : NULL;
    bool right = is_right(out, c);

    if (right)
        *gap += pad;
    if (width > 0) {
        fprintf(file, "%*s%s%s%s", (int)*gap, "", color ? color : "", text, color ? "\033[0m" : "");
        *gap = 0;
    }
    *gap += (right ? 0 : pad) + 2;
}

/* The titles and the rows that waited; from now on rows go out as they come. */
static void open_table(struct out *out, FILE *file)
{
    struct out_table *t = &out->table;
    const char *text = buf_str(&t->cells);
    size_t gap = 0;

    for (size_t c = 0; c < out->ncolumns; c++) {
        if (out->columns[c].in & IN_TEXT)
            print_cell(out, file, c, title_of(&out->columns[c]), true, &gap);
    }
    putc('\n', file);
    for (size_t r = 0; r < t->rows; r++) {
        gap = 0;
        for (size_t c = 0; c < out->ncolumns; c++) {
            if (!(out->columns[c].in & IN_TEXT))
                continue;
            print_cell(out, file, c, text, false, &gap);
            text += strlen(text) + 1;
        }
        putc('\n', file);
    }
    t->open = true;
}

void table_begin(struct out *out)
{
    struct out_table *t = &out->table;

    buf_clear(&t->cells);
    t->rows = 0;
    t->open = false;
    out->titles = false;
    for (size_t c = 0; c < out->ncolumns; c++) {
        t->width[c] = out_width(title_of(&out->columns[c]));
        t->texts[c] = false;
    }
}

enum err_code table_row(struct out *out, FILE *file, const struct out_cell *cells, struct err *err)
{
    struct out_table *t = &out->table;
    char text[OUT_CELL_MAX];
    size_t gap = 0;

    for (size_t c = 0; c < out->ncolumns; c++) {
        const char *cell;
        size_t width;

        if (!(out->columns[c].in & IN_TEXT))
            continue;
        cell = out_cell_text(&out->columns[c], &cells[c], true, text);
        if (t->open) {
            print_cell(out, file, c, cell, false, &gap);
            continue;
        }
        t->texts[c] |= !cells[c].null && out_kind_of(&out->columns[c], &cells[c]) == OUT_STR;
        width = out_width(cell);
        if (width > t->width[c])
            t->width[c] = width;
        if (buf_append(&t->cells, cell, strlen(cell) + 1, err))
            return err->code;
    }
    if (t->open)
        putc('\n', file);
    else if (++t->rows == OUT_SAMPLE_ROWS)
        open_table(out, file);
    return ERR_OK;
}

void table_end(struct out *out, FILE *file)
{
    struct out_table *t = &out->table;

    if (!t->open && (t->rows > 0 || out->titles))
        open_table(out, file);
}
