/*
 * out_json: one JSON object after another, its texts by jansson.
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

/* A failure inside leaves NULL, which the caller's set refuses. */
static json_t *list_value(const struct out_sublist *list)
{
    json_t *array = json_array();
    bool ok = array != NULL;

    for (size_t i = 0; ok && i < list->n; i++) {
        json_t *object = json_object();

        ok = json_array_append_new(array, object) == 0;
        for (size_t k = 0; ok && k < list->nkeys; k++) {
            const char *text = list->values[i * list->nkeys + k];

            ok = json_object_set_new(object, list->keys[k], text ? text_value(text) : json_null()) == 0;
        }
    }
    if (!ok) {
        json_decref(array);
        array = NULL;
    }
    return array;
}

static json_t *cell_value(const struct out_column *column, const struct out_cell *cell)
{
    char text[OUT_CELL_MAX];

    if (cell->null)
        return json_null();
    switch (out_kind_of(column, cell)) {
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
    case OUT_LIST:
        return list_value(cell->list);
    case OUT_TIME:
    case OUT_HOUR:
    case OUT_HASH:
    case OUT_REAL:
    case OUT_VALUE:
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

/* Writes and frees the value; NULL: there was no memory for it. */
static bool put_value(FILE *file, json_t *value)
{
    bool good = value && (json_dumpf(value, file, JSON_COMPACT | JSON_ENCODE_ANY) == 0 || ferror(file));

    json_decref(value);
    return good;
}

enum err_code json_string_write(FILE *file, const char *text, struct err *err)
{
    return put_value(file, text_value(text)) ? ERR_OK : err_nomem(err);
}

/* Member by member, since the library would write a real number longer than it must be. */
enum err_code json_object_write(FILE *file, const struct out_column *columns, const struct out_cell *cells,
                                size_t n, struct err *err)
{
    char text[OUT_CELL_MAX], before = '{';

    for (size_t i = 0; i < n; i++) {
        if (!(columns[i].in & IN_JSON))
            continue;
        putc(before, file);
        before = ',';
        if (!put_value(file, text_value(columns[i].key)))
            return err_nomem(err);
        putc(':', file);
        if (!cells[i].null && out_kind_of(&columns[i], &cells[i]) == OUT_REAL)
            fputs(out_cell_text(&columns[i], &cells[i], false, text), file);
        else if (!put_value(file, cell_value(&columns[i], &cells[i])))
            return err_nomem(err);
    }
    fputs(before == '{' ? "{}" : "}", file);
    return ERR_OK;
}
