/*
 * diff: the listing against the ledger, as a merge of two streams sorted by key. Memory stays flat whatever
 * the number of objects.
 *
 * One entry for each object that is in either stream, in key order. The ledger is read in pages, so no cursor
 * or lock stays open in the database between two entries.
 */
#ifndef SLUICE_LOAD_DIFF_H
#define SLUICE_LOAD_DIFF_H

#include "core/sink/sink.h"
#include "core/store/layout.h"
#include "core/store/store.h"

enum diff_kind {
    DIFF_NEW,     /* listed, not in the ledger */
    DIFF_PARTIAL, /* some chunks are in, the last is not: row is the furthest */
    DIFF_LOADED,  /* in the ledger with the same, trusted etag */
    DIFF_ETAG,    /* in the ledger with another (or no) etag: changed only if the content is */
    DIFF_GONE,    /* in the ledger, not listed any more: row is its last */
    DIFF_IGNORED, /* listed, but not by the layout */
};

struct diff_entry {
    enum diff_kind kind;
    struct store_object object;       /* key is set also for DIFF_GONE */
    hour_t hour;                      /* by the layout; of the row for DIFF_GONE; 0 for DIFF_IGNORED */
    struct ledger_row row;            /* the one with the highest chunk; unless NEW or IGNORED */
    int64_t read_sum, rejected_sum;   /* records of all its chunks so far (replays not among them) */
    int64_t loaded_sum, replayed_sum; /* rows of all its ledger rows; of the replays alone */
    uint64_t hash_sum;                /* row hash of all its ledger rows */
};

struct diff;

/* Compares keys that start with prefix. Borrows all. Asks for nothing yet. */
enum err_code diff_begin(struct store *store, const struct layout *layout, struct sink *sink,
                         const char *prefix, struct diff **out, struct err *err) MUST_USE;
/* After a failure it may be called again: no entry is lost or told twice; a listing that broke is begun again
 * and passed over up to where it was. */
enum err_code diff_next(struct diff *diff, struct diff_entry *entry, bool *more, struct err *err) MUST_USE;
/* Goes on through another connection of the same kind (after a reconnect). */
void diff_set_sink(struct diff *diff, struct sink *sink);
void diff_end(struct diff *diff);

#endif
