/* unit: see unit.h. */
#include "core/load/unit.h"

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/inflate.h"

enum err_code unit_new(enum unit_kind kind, hour_t hour, int64_t chunk_rows, struct unit **out,
                       struct err *err)
{
    *out = mem_calloc(1, sizeof **out);
    if (!*out)
        return err_nomem(err);
    (*out)->kind = kind;
    (*out)->hour = hour;
    (*out)->chunk_rows = chunk_rows;
    return ERR_OK;
}

void unit_free(struct unit *unit)
{
    if (!unit)
        return;
    for (size_t i = 0; i < unit->n; i++) {
        mem_free(unit->objects[i].key);
        mem_free(unit->objects[i].etag);
    }
    mem_free(unit->objects);
    mem_free(unit);
}

static size_t most(enum unit_kind kind)
{
    return kind == UNIT_HOUR ? UNIT_HOUR_MAX : kind == UNIT_GROUP ? UNIT_GROUP_MAX : 1;
}

/* Adds a copy of `from` with copies of the two strings. */
static enum err_code add(struct unit *unit, const struct unit_object *from, const char *key, const char *etag,
                         struct err *err)
{
    if (unit->n >= most(unit->kind))
        return err_set(err, ERRN_LIMIT, "more than %zu objects in one unit", most(unit->kind));
    if (unit->n == unit->cap) {
        size_t cap = unit->cap ? unit->cap * 2 : 4;
        struct unit_object *grown = mem_realloc(unit->objects, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        unit->objects = grown;
        unit->cap = cap;
    }
    struct unit_object object = *from;
    object.key = mem_strdup(key);
    object.etag = mem_strdup(etag);
    if (!object.key || !object.etag) {
        mem_free(object.key);
        mem_free(object.etag);
        return err_nomem(err);
    }
    unit->objects[unit->n++] = object;
    unit->bytes += object.size;
    return ERR_OK;
}

enum err_code unit_add(struct unit *unit, const struct diff_entry *entry, bool replace, struct err *err)
{
    const struct ledger_row *row = &entry->row;
    struct unit_object object = {
        .etag_trusted = entry->object.etag_trusted,
        .size = entry->object.size,
        .chunk_rows = unit->chunk_rows,
    };
    if (replace) {
        object.replace_id = row->id;
        snprintf(object.replace_run_id, sizeof object.replace_run_id, "%s", row->run_id);
    } else if (entry->kind == DIFF_PARTIAL) {
        object.chunk = row->chunk + 1;
        object.byte_start = row->byte_end;
        object.next_line = row->next_line;
        object.chunk_rows = row->chunk_rows;
        object.prefix_hash = row->content;
        object.read_before = entry->read_sum;
        object.rejected_before = entry->rejected_sum;
    }
    return add(unit, &object, entry->object.key, entry->object.etag, err);
}

enum err_code unit_update(struct unit *unit, size_t i, const struct store_object *now, struct err *err)
{
    struct unit_object *object = &unit->objects[i];
    char *etag = mem_strdup(now->etag);
    if (!etag)
        return err_nomem(err);
    mem_free(object->etag);
    object->etag = etag;
    object->etag_trusted = now->etag_trusted;
    unit->bytes += now->size - object->size;
    object->size = now->size;
    return ERR_OK;
}

enum err_code unit_part(const struct unit *unit, size_t from, size_t to, struct unit **out, struct err *err)
{
    enum unit_kind kind = unit->kind == UNIT_GROUP && to - from == 1 ? UNIT_FILE : unit->kind;
    struct unit *part = NULL;
    *out = NULL;
    if (unit_new(kind, unit->hour, unit->chunk_rows, &part, err) != ERR_OK)
        return err->code;
    for (size_t i = from; i < to; i++) {
        if (add(part, &unit->objects[i], unit->objects[i].key, unit->objects[i].etag, err) != ERR_OK) {
            unit_free(part);
            return err->code;
        }
    }
    *out = part;
    return ERR_OK;
}

bool unit_is_tiny(const struct pipeline *pipeline, const struct store_object *object)
{
    return pipeline->target.commit_unit == COMMIT_FILE && object->size <= UNIT_TINY_BYTES &&
           compression_of(object->key) == COMPRESSION_NONE;
}

bool unit_has_room(const struct unit *unit, int64_t size)
{
    return unit->n < most(unit->kind) && unit->bytes + size <= UNIT_GROUP_BYTES;
}
