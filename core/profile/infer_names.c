/*
 * infer_names: names of columns that the pipeline file takes, and texts that can be shown.
 *
 * A name is made of the header's: what is no letter, digit or "_" (bytes above ASCII stay) becomes "_",
 * leading "_" go, for they are reserved; at most 64 bytes; a name that is there already, whatever its case,
 * gets a number. Invariant: the result passes the rules of schema.columns[].name, and schema_seal.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/data/types.h"
#include "core/profile/infer_internal.h"

enum { NAME_MAX_BYTES = 64, NUMBER_ROOM = 8 };

/* Bytes of the code point at text, 0 where it is none. */
static size_t point_at(const char *text, size_t left)
{
    for (size_t n = 1; n <= 4 && n <= left; n++)
        if (utf8_length(text, n) == 1)
            return n;
    return 0;
}

void infer_show(const char *text, size_t len, char out[INFER_SHOWN_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t point = c < ' ' || c == 0x7f ? 0 : point_at(text + i, len - i);
        size_t need = point ? point : 4;
        if (n + need + 3 >= INFER_SHOWN_MAX) {
            memcpy(out + n, "...", 3);
            n += 3;
            break;
        }
        if (point)
            memcpy(out + n, text + i, point);
        else
            snprintf(out + n, 5, "\\x%02X", c);
        n += need;
        i += point ? point : 1;
    }
    out[n] = '\0';
}

/* Writes at most `room` bytes, whole code points. */
static void legal(const char *from, size_t position, char out[NAME_MAX_BYTES + 1])
{
    size_t n = 0, len = strlen(from);
    for (size_t i = 0; i < len;) {
        size_t point = point_at(from + i, len - i);
        unsigned char c = (unsigned char)from[i];
        /* Of two bytes, those that begin with C2 hold the controls U+0080 to U+009F. */
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     (point > 1 && c != 0xC2);
        if (n + (plain ? point : 1) > NAME_MAX_BYTES - NUMBER_ROOM)
            break;
        if (plain) {
            memcpy(out + n, from + i, point);
            n += point;
        } else if (n > 0) {
            out[n++] = '_';
        }
        i += point ? point : 1;
    }
    while (n > 0 && out[n - 1] == '_' && from[len - 1] != '_')
        n--;
    out[n] = '\0';
    if (n == 0)
        snprintf(out, NAME_MAX_BYTES + 1, "column_%zu", position + 1);
}

static bool is_taken(const struct infer_column *columns, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(columns[i].name, name) == 0)
            return true;
    return false;
}

enum err_code infer_names(struct infer_column *columns, size_t n, struct err *err)
{
    char name[NAME_MAX_BYTES + 1], base[NAME_MAX_BYTES + 1];
    for (size_t i = 0; i < n; i++) {
        if (columns[i].drop && columns[i].why == INFER_RUNNING)
            snprintf(base, sizeof base, "row_no");
        else
            legal(columns[i].from, i, base);
        memcpy(name, base, sizeof name);
        /* Of many equal ones the position is free sooner. */
        for (size_t k = 2; is_taken(columns, i, name); k = k == 9 && i > 9 ? i + 1 : k + 1)
            snprintf(name, sizeof name, "%.*s_%zu", NAME_MAX_BYTES - NUMBER_ROOM, base, k);
        mem_free(columns[i].name);
        columns[i].name = mem_strdup(name);
        if (!columns[i].name)
            return err_nomem(err);
    }
    return ERR_OK;
}
