/*
 * layout: compiles a pattern into one op for each of its elements and matches keys against them.
 *
 * Invariants: every op but OP_STAR takes a fixed number of bytes; no part is empty, ".", ".." or hidden; all
 * four time fields are there. A "*" takes the shortest run that lets what stands between it and the next "*"
 * (or the end) match, so a key has one reading; it never goes past a "/", so matching is linear in key x
 * part.
 */
#include "core/store/layout.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/store/store.h"

enum { YEAR, MONTH, DAY, HOUR, FIELDS };
enum { OP_FIELD = 256, OP_STAR = OP_FIELD + FIELDS }; /* below: the byte itself */

static const char field_letters[FIELDS + 1] = "YmdH";
static const int field_width[FIELDS] = {4, 2, 2, 2};

struct layout {
    bool csv; /* ends in ".csv": compressed forms match too */
    size_t nops;
    uint16_t ops[STORE_KEY_MAX];
};

struct fields {
    int value[FIELDS]; /* -1 = not seen */
};

static bool is_field(uint16_t op)
{
    return op >= OP_FIELD && op < OP_STAR;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t n = strlen(end);

    return len >= n && memcmp(text + len - n, end, n) == 0;
}

/* One element of the pattern; *p moves behind it. */
static enum err_code compile_op(const char *pattern, const char **p, uint16_t *op, struct err *err)
{
    const char *letter;
    char c = *(*p)++;

    *op = c == '*' ? OP_STAR : (unsigned char)c;
    if (c != '%') {
        return ERR_OK;
    }
    c = *(*p)++;
    if (c == '%') {
        return ERR_OK;
    }
    letter = c ? strchr(field_letters, c) : NULL;
    if (!letter) {
        return err_set(err, ERRN_CONFIG,
                       "layout \"%s\": only %%Y, %%m, %%d, %%H and %%%% may stand behind %%", pattern);
    }
    *op = (uint16_t)(OP_FIELD + (letter - field_letters));
    return ERR_OK;
}

static enum err_code check_parts(const char *pattern, struct err *err)
{
    for (const char *part = pattern;; part++) {
        size_t len = strcspn(part, "/");

        if (len == 0) {
            return err_set(err, ERRN_CONFIG, "layout \"%s\": a part between \"/\" is empty", pattern);
        }
        if (part[0] == '.' || part[0] == '_') {
            return err_set(err, ERRN_CONFIG,
                           "layout \"%s\": names that start with \".\" or \"_\" are never read", pattern);
        }
        part += len;
        if (*part == '\0') {
            return ERR_OK;
        }
    }
}

enum err_code layout_compile(const char *pattern, struct layout **out, struct err *err)
{
    struct layout *layout = NULL;
    bool seen[FIELDS] = {false};

    *out = NULL;
    if (strlen(pattern) > STORE_KEY_MAX) {
        return err_set(err, ERRN_KEY_TOO_LONG, "a layout of %zu bytes; the longest is %d", strlen(pattern),
                       STORE_KEY_MAX);
    }
    if (check_parts(pattern, err) != ERR_OK) {
        return err->code;
    }
    layout = mem_calloc(1, sizeof *layout);
    if (!layout) {
        return err_nomem(err);
    }
    layout->csv = ends_with(pattern, strlen(pattern), ".csv");
    for (const char *p = pattern; *p;) {
        uint16_t *op = &layout->ops[layout->nops++];

        if (compile_op(pattern, &p, op, err) != ERR_OK) {
            goto out;
        }
        if (is_field(*op)) {
            seen[*op - OP_FIELD] = true;
        }
    }
    for (int f = 0; f < FIELDS; f++) {
        if (!seen[f]) {
            err_set(err, ERRN_CONFIG, "layout \"%s\": %%%c is missing; an hour needs %%Y, %%m, %%d and %%H",
                    pattern, field_letters[f]);
            goto out;
        }
    }
    *out = layout;
    return ERR_OK;
out:
    layout_free(layout);
    return err->code;
}

void layout_free(struct layout *layout)
{
    mem_free(layout);
}

static bool hidden(const char *key)
{
    for (; key; key = strchr(key, '/')) {
        key += *key == '/';
        if (*key == '.' || *key == '_') {
            return true;
        }
    }
    return false;
}

/* Takes one op's bytes from the key: how many, or 0 where they do not match. */
static size_t take(uint16_t op, const char *key, size_t left, struct fields *fields)
{
    int *field, value = 0, width;

    if (!is_field(op)) {
        return left > 0 && (unsigned char)*key == op;
    }
    field = &fields->value[op - OP_FIELD];
    width = field_width[op - OP_FIELD];
    if (left < (size_t)width) {
        return 0;
    }
    for (int i = 0; i < width; i++) {
        if (key[i] < '0' || key[i] > '9') {
            return 0;
        }
        value = value * 10 + (key[i] - '0');
    }
    if (*field >= 0 && *field != value) {
        return 0;
    }
    *field = value;
    return (size_t)width;
}

static bool match(const struct layout *layout, const char *key, size_t len, struct fields *fields)
{
    struct fields star_fields = *fields;
    size_t op = 0, pos = 0, n;
    size_t star_op = 0,
           star_pos = 0; /* where to go on after making the last "*" one byte longer; star_op 0 = none */

    while (op < layout->nops || pos < len) {
        if (op < layout->nops && layout->ops[op] == OP_STAR) {
            star_op = ++op;
            star_pos = pos;
            star_fields = *fields;
            continue;
        }
        n = op < layout->nops ? take(layout->ops[op], key + pos, len - pos, fields) : 0;
        if (n > 0) {
            op++;
            pos += n;
            continue;
        }
        if (star_op == 0 || star_pos >= len || key[star_pos] == '/') {
            return false;
        }
        pos = ++star_pos;
        op = star_op;
        *fields = star_fields;
    }
    return true;
}

enum layout_match layout_match(const struct layout *layout, const char *key, hour_t *hour)
{
    struct fields f = {{-1, -1, -1, -1}};
    size_t len = strlen(key);

    if (hidden(key)) {
        return LAYOUT_HIDDEN;
    }
    if (layout->csv && ends_with(key, len, ".csv.gz")) {
        len -= strlen(".gz");
    } else if (layout->csv && ends_with(key, len, ".csv.zst")) {
        len -= strlen(".zst");
    }
    if (!match(layout, key, len, &f) ||
        !hour_from_civil(f.value[YEAR], f.value[MONTH], f.value[DAY], f.value[HOUR], hour)) {
        return LAYOUT_IGNORED;
    }
    return LAYOUT_MATCH;
}

static struct fields fields_of(hour_t hour)
{
    struct fields f;

    hour_to_civil(hour, &f.value[YEAR], &f.value[MONTH], &f.value[DAY], &f.value[HOUR]);
    return f;
}

/* Appends ops [from, to); no "*" among them. */
static enum err_code append_ops(const struct layout *layout, size_t from, size_t to,
                                const struct fields *fields, struct buf *out, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = from; i < to && code == ERR_OK; i++) {
        int f = layout->ops[i] - OP_FIELD;

        code = f >= 0 ? buf_printf(out, err, "%0*d", field_width[f], fields->value[f])
                      : buf_append_char(out, (char)layout->ops[i], err);
    }
    return code;
}

enum err_code layout_range_prefix(const struct layout *layout, hour_t from, hour_t to, struct buf *out,
                                  struct err *err)
{
    struct fields first = fields_of(from), last = fields_of(to > from ? to - 1 : from);
    size_t end = 0;
    int same =
        0; /* fields that are constant over the range: equal at both ends, and so is every larger one */

    while (same < FIELDS && first.value[same] == last.value[same]) {
        same++;
    }
    while (end < layout->nops && layout->ops[end] < OP_FIELD + same) {
        end++;
    }
    return append_ops(layout, 0, end, &first, out, err);
}

enum err_code layout_prefix(const struct layout *layout, hour_t hour, struct buf *out, struct err *err)
{
    return layout_range_prefix(layout, hour, hour + 1, out, err);
}

static bool ops_are(const struct layout *layout, size_t from, const char *text)
{
    if (layout->nops - from != strlen(text)) {
        return false;
    }
    for (size_t i = 0; text[i]; i++) {
        if (layout->ops[from + i] != (unsigned char)text[i]) {
            return false;
        }
    }
    return true;
}

enum err_code layout_key(const struct layout *layout, hour_t hour, const char *name, struct buf *out,
                         struct err *err)
{
    struct fields fields = fields_of(hour);
    size_t star = 0, start = out->len, rest;
    hour_t read_back;

    while (star < layout->nops && layout->ops[star] != OP_STAR) {
        star++;
    }
    rest = star + 1;
    for (size_t i = rest; i < layout->nops; i++) {
        if (layout->ops[i] == OP_STAR) {
            return err_set(err, ERRN_CONFIG,
                           "the layout has more than one \"*\": no key can be made for \"%s\"", name);
        }
    }
    if (star == layout->nops) {
        return err_set(err, ERRN_CONFIG, "the layout has no \"*\": no key can be made for \"%s\"", name);
    }
    if (ops_are(layout, rest, ".csv")) {
        rest = layout->nops; /* the name brings its own ending */
    }
    if (append_ops(layout, 0, star, &fields, out, err) != ERR_OK ||
        buf_append_str(out, name, err) != ERR_OK ||
        append_ops(layout, rest, layout->nops, &fields, out, err) != ERR_OK) {
        return err->code;
    }
    if (strlen(buf_str(out) + start) > STORE_KEY_MAX ||
        layout_match(layout, buf_str(out) + start, &read_back) != LAYOUT_MATCH || read_back != hour) {
        return err_set(err, ERRN_CONFIG, "\"%s\" would not match the layout", buf_str(out) + start);
    }
    return ERR_OK;
}
