/*
 * load_internal: what the three threads of one load pass to each other. Only for load.c, load_fetch.c,
 * load_parse.c (and verify.c, which reads the same way without a sink).
 */
#ifndef SLUICE_LOAD_LOAD_INTERNAL_H
#define SLUICE_LOAD_LOAD_INTERNAL_H

#include "core/data/convert.h"
#include "core/data/csv.h"
#include "core/load/channel.h"
#include "core/load/judge.h"
#include "core/load/load.h"

/* From fetch to parse: decoded bytes of one object after another; each object ends with END or ERROR. */
enum block_kind { BLOCK_DATA, BLOCK_END, BLOCK_ERROR };
struct block {
    enum block_kind kind;
    size_t len;
    int64_t raw_bytes; /* of the object so far */
    /* END */
    int64_t object_size, decoded_bytes;
    struct hash128 content;
    char etag[REC_ETAG_MAX + 1]; /* "" where it cannot be trusted */
    /* ERROR */
    struct err err;
    char data[LOAD_BLOCK_BYTES];
};

/* The part of an item that belongs to one ledger row. */
struct slice {
    size_t object;                 /* index in the unit */
    size_t from, to;               /* rows of the batch */
    bool first;                    /* its ledger row is to be inserted */
    bool last;                     /* its ledger row is complete: totals */
    bool object_end;               /* and so is the object */
    size_t header_off, header_len; /* in item->raw */
};

enum {
    ITEM_SLICES_MAX = UNIT_GROUP_MAX,
    ITEM_REJECTS_MAX = 2 * LOAD_ITEM_REJECTS,
    ITEM_NOTES = 4096, /* an object begins in another item when there are so many */
    ITEM_RAW_MAX = LOAD_ITEM_REJECT_BYTES + CSV_RECORD_MAX + 4 * 1024 * 1024,
};

/* From parse to sink. After item_seal all pointers in rows and rejects are set. */
struct item {
    struct batch *batch;
    struct slice slices[ITEM_SLICES_MAX];
    struct ledger_row *rows; /* parallel to slices */
    size_t nslices;
    struct reject *rejects; /* ITEM_REJECTS_MAX; raw points into `raw` once sealed */
    size_t *reject_slice;
    size_t *reject_off;
    size_t nrejects;
    struct check_notes notes; /* of checks that warn; each of one slice */
    struct buf raw;           /* reject bytes and headers */
    bool end;                 /* the unit has no further item */
    struct err err;           /* set: the unit failed while it was read or parsed */
};

enum err_code item_new(const struct schema *schema, const struct sink_caps *caps, struct item **out,
                       struct err *err) MUST_USE;
void item_free(struct item *item);
void item_clear(struct item *item);

/* One fetch thread's work: all objects of the unit. */
struct ahead;
struct fetch {
    struct store *store;
    struct ahead *ahead; /* NULL: the store is near */
    const struct unit *unit;
    const atomic_int *stop;
    struct progress *progress;
    struct channel *full, *empty; /* of struct block */
};
void fetch_main(void *fetch); /* closes `full` at the end; never fails itself: errors are blocks */

/* One parse thread's work. The reader, converter and hash state are kept by the loader from unit to unit. */
struct parse {
    const struct pipeline *pipeline;
    const struct unit *unit;
    const struct reject_limit *limit; /* NULL = any number of rejects, and checks but refuse */
    const char *run_id;
    const char *load_method;
    struct csv_reader *csv;
    struct convert *convert;
    struct judge *judge; /* NULL: nothing is judged but record by record */
    struct hash_state *prefix;
    struct progress *progress;
    struct load_outcome *outcomes;
    struct channel *blocks_full, *blocks_empty;
    struct channel *items_full, *items_empty;
};
void parse_main(void *parse); /* closes items_full; the last item has end or err set */

/* Runs fetch and parse over the unit and hands each item to `take`, in order, in the caller's thread; the
 * first error ends it. After the call both threads are gone. With `limit` NULL any number of records may be
 * refused, and of the checks only those count that refuse one: so is read what was loaded. */
typedef enum err_code item_fn(void *ctx, struct item *item, struct err *err);
enum err_code loader_drive(struct loader *loader, const struct unit *unit, const struct reject_limit *limit,
                           struct load_outcome *outcomes, item_fn *take, void *ctx, struct err *err) MUST_USE;

#endif
