/*
 * load: one unit through three threads into one transaction (or, CHUNK, into one transaction a chunk).
 *
 *   [fetch] store -> raw hash -> inflate -> blocks   ==channel==>   [parse] csv -> convert -> items (batch,
 * slices, rejects)
 *   ==channel==>   [sink: the caller's thread] begin, ledger rows, rows, rejects, totals, fence, COMMIT
 *
 * A slice is the part of a batch that belongs to one ledger row. Blocks and items go round: LOAD_BLOCKS and
 * LOAD_ITEMS of them exist, so memory is fixed. The sink thread begins its transaction only when the first
 * item is there. Whatever fails cancels both channels, the threads are joined, and the transaction is rolled
 * back.
 */
#ifndef SLUICE_LOAD_LOAD_H
#define SLUICE_LOAD_LOAD_H

#include "core/load/claim.h"
#include "core/load/job.h"
#include "core/load/reject.h"
#include "core/load/unit.h"

enum {
    LOAD_BLOCK_BYTES = 256 * 1024,
    LOAD_BLOCKS = 6,
    LOAD_ITEMS = 3,
    LOAD_ITEM_REJECTS = 512,                  /* an item is passed on when it has so many rejects ... */
    LOAD_ITEM_REJECT_BYTES = 2 * 1024 * 1024, /* ... or so many bytes of them (one reject may exceed it) */
};

/* What became of one object of the unit. */
struct load_outcome {
    bool committed; /* its last ledger row is in */
    bool left_out;  /* GROUP: it was bad and is not part of the commit; load it alone to learn why */
    int64_t rows_read, rows_loaded, rows_rejected, bytes;
    uint64_t row_hash;
};

/* One pipeline of three threads with its memory and its own handle on the source; loads units one after
 * another. */
struct loader;

/* `sink` is the connection that it loads through; job and sink are borrowed. */
enum err_code loader_new(struct job *job, struct sink *sink, struct loader **out, struct err *err) MUST_USE;
void loader_free(struct loader *loader);

/*
 * Loads the unit under `claim`. outcomes[unit->n] is filled also on failure (counts of what was read so far).
 * samples (may be NULL) collects rejects of the transaction that failed. Errors: LEDGER_EXISTS /
 * LEDGER_MOVED: diff the unit's objects again; IN_DOUBT: the same after a reconnect; FENCED: the claim is
 * lost; transient ones: again from the start. In every case the open transaction is rolled back.
 */
enum err_code loader_run(struct loader *loader, struct claim *claim, const struct unit *unit,
                         struct load_outcome *outcomes, struct reject_samples *samples,
                         struct err *err) MUST_USE;

/* Whether the last loader_run failed in the database (else: in the source or its data). */
bool loader_sink_failed(const struct loader *loader);

/* How many transactions it has committed so far: whether a unit that failed got any further. */
int64_t loader_commits(const struct loader *loader);

/* A row that the ledger has: whether it is of a commit of this loader whose answer was lost. */
void loader_saw_ledger(struct loader *loader, const struct ledger_row *row);

/* Goes on through another connection of the same kind (after a reconnect). */
void loader_set_sink(struct loader *loader, struct sink *sink);

/* Reads the object whole and hashes its bytes (to learn whether content changed), while job->sink waits. */
enum err_code load_content_hash(const struct job *job, const struct store_object *object, struct hash128 *out,
                                struct err *err) MUST_USE;

#endif
