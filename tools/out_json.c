/*
 * out_json: one JSON object after another, by jansson.
 *
 * Invariants: members come in the order of the columns; a text that is no UTF-8 (an object's key may be any
 * bytes) is written with U+FFFD in place of each bad byte, because JSON cannot hold it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/types.h"
#include "tools/out.h"

/* The length of the valid UTF-8 sequence at s, 0 if there is none. */
static size_t sequence(const char *s, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++) {
        if (utf8_length(s, n) == 1)
            return n;
    }
    return 0;
}

static json_t *text_value(const char *text)
{
    static const char replacement[] = "\xef\xbf\xbd";
    size_t len = strlen(text), to = 0;
    json_t *value;
    char *clean;

    if (utf8_length(text, len) >= 0)
        return json_stringn(text, len);
    clean = mem_alloc(len * (sizeof replacement - 1) + 1);
    if (!clean)
        return NULL;
    for (size_t i = 0; i < len;) {
        size_t n = sequence(text + i, len - i);

        memcpy(clean + to, n ? text + i : replacement, n ? n : sizeof replacement - 1);
        to += n ? n : sizeof replacement - 1;
        i += n ? n : 1;
    }
    value = json_stringn(clean, to);
    mem_free(clean);
    return value;
}

static json_t *cell_value(const struct out_column *column, const struct out_cell *cell)
{
    char text[OUT_CELL_MAX];

    if (cell->null)
        return json_null();
    switch (column->kind) {
    case OUT_STR:
    case OUT_WORD:
    case OUT_FIGURE:
        return text_value(cell->str);
    case OUT_INT:
    case OUT_BYTES:
    case OUT_MS:
    case OUT_NUMBER:
        return json_integer(cell->num);
    case OUT_BOOL:
        return json_boolean(cell->num);
    case OUT_TIME:
    case OUT_HOUR:
    case OUT_HASH:
        break;
    }
    return json_string(out_cell_text(column, cell, false, text));
}

void json_init(void)
{
    static atomic_flag done = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&done))
        json_set_alloc_funcs(mem_alloc, mem_free);
}

enum err_code json_string_write(FILE *file, const char *text, struct err *err)
{
    json_t *value = text_value(text);

    if (!value || (json_dumpf(value, file, JSON_ENCODE_ANY) != 0 && !ferror(file)))
        err_nomem(err);
    json_decref(value);
    return err->code;
}

enum err_code json_object_write(FILE *file, const struct out_column *columns, const struct out_cell *cells,
                                size_t n, struct err *err)
{
    json_t *object;

    object = json_object();
    for (size_t i = 0; object && i < n; i++) {
        if ((columns[i].in & IN_JSON) &&
            json_object_set_new(object, columns[i].key, cell_value(&columns[i], &cells[i])) != 0) {
            json_decref(object);
            object = NULL;
        }
    }
    if (!object)
        return err_nomem(err);
    if (json_dumpf(object, file, JSON_COMPACT) != 0 && !ferror(file))
        err_nomem(err);
    json_decref(object);
    return err->code;
}
