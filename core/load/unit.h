/*
 * unit: what goes into one transaction, and the grouping of objects into units.
 *
 * A unit is one object (FILE), a list of tiny objects of one hour that each fit whole in one batch (GROUP,
 * made by itself out of files), all new objects of an hour (HOUR), or one object loaded in pieces of N
 * records, each its own transaction (CHUNK).
 */
#ifndef SLUICE_LOAD_UNIT_H
#define SLUICE_LOAD_UNIT_H

#include "core/config/pipeline.h"
#include "core/load/diff.h"

enum unit_kind { UNIT_FILE, UNIT_GROUP, UNIT_HOUR, UNIT_CHUNK };

enum {
    UNIT_GROUP_MAX = 512, /* objects of a group */
    UNIT_GROUP_BYTES = 8 * 1024 * 1024,
    UNIT_TINY_BYTES =
        16 * 1024, /* an object up to this size can be grouped: it has at most half as many records */
    UNIT_HOUR_MAX = 100000, /* objects of an HOUR unit */
};

/* One object to load. Strings are owned by the unit. */
struct unit_object {
    char *key;
    char *etag;
    bool etag_trusted;
    int64_t size;
    /* to replace: the ledger row that is taken over; id 0 = a new object */
    int64_t replace_id;
    char replace_run_id[REC_RUN_ID_MAX + 1];
    /* to go on with (CHUNK): chunk 0 = from the start */
    int64_t chunk, byte_start, next_line, chunk_rows;
    int64_t rejected_before, read_before;
    struct hash128 prefix_hash;
};

struct unit {
    enum unit_kind kind;
    hour_t hour;
    int64_t chunk_rows; /* for objects that begin here (CHUNK) */
    struct unit_object *objects;
    size_t n, cap;
    int64_t bytes;
};

enum err_code unit_new(enum unit_kind kind, hour_t hour, int64_t chunk_rows, struct unit **out,
                       struct err *err) MUST_USE;
void unit_free(struct unit *unit);

/* Adds the object of a diff entry. replace: take over entry->row (for on_changed: replace and reload). LIMIT
 * when full. */
enum err_code unit_add(struct unit *unit, const struct diff_entry *entry, bool replace,
                       struct err *err) MUST_USE;

/* The object as the store knows it now, in place of what was listed. */
enum err_code unit_update(struct unit *unit, size_t i, const struct store_object *now,
                          struct err *err) MUST_USE;

/* A unit with only objects [from, to) of another, copied. */
enum err_code unit_part(const struct unit *unit, size_t from, size_t to, struct unit **out,
                        struct err *err) MUST_USE;

/* Whether this object may stand in a GROUP, by its size and name (compressed ones may not: their size says
 * nothing). */
bool unit_is_tiny(const struct pipeline *pipeline, const struct store_object *object);

/* Whether a GROUP still takes an object of this size. */
bool unit_has_room(const struct unit *unit, int64_t size);

#endif
