/*
 * scan: the records of a range of hours, read through the store interface, as typed batches.
 *
 * What query and profile read a source with: listing -> layout -> object after object in key order -> inflate
 * -> csv -> convert. Nothing is loaded and no ledger is asked. A batch holds rows of one object only; line
 * and offset of each row are in it. Records that the schema or a check refuses are left out, counted and
 * told; an object that cannot be read as a whole (no header, damaged compression, gone) ends the scan with
 * its error. An object that changes while it is read is an error too: what is told is of one version.
 *
 * With readers ahead the listing goes ahead of the reading, by one object more for each that was read, up to
 * SCAN_AHEAD: whoever needs only the first objects has not fetched many more.
 */
#ifndef SLUICE_PROFILE_SCAN_H
#define SLUICE_PROFILE_SCAN_H

#include <stdatomic.h>

#include "core/base/hour.h"
#include "core/data/convert.h"
#include "core/store/ahead.h"
#include "core/store/layout.h"
#include "core/store/store.h"

enum { SCAN_AHEAD = AHEAD_OBJECTS };

struct scan_spec {
    struct store *store; /* all borrowed until scan_close */
    struct ahead *ahead; /* its readers, of one scan at a time; NULL: one object after another */
    const struct layout *layout;
    const struct csv_dialect *dialect;
    const struct schema *schema;
    struct hour_range range;
    const char *object;     /* only this one; NULL = all */
    const atomic_int *stop; /* not 0 once asked to stop: CANCELLED; may be NULL */
    /* Each may be NULL. wants: false passes an object over, unread; asked as they are listed, which may be
     * before those in front are read. */
    bool (*wants)(void *ctx, const struct store_object *object, hour_t hour);
    void (*refused)(void *ctx, const struct store_object *object, const struct csv_record *record,
                    const struct refusal *refusal);
    void *ctx;
};

/* Where the rows of the batch in hand come from; valid until the next call. */
struct scan_part {
    const struct store_object *object;
    hour_t hour;
    /* The first, the last batch of this object. An object without a row has one, empty; the last of several
     * is empty too where all that was left was refused. */
    bool first, last;
};

struct scan_counts {
    int64_t listed;  /* objects that the listing gave so far, of any hour */
    int64_t ignored; /* among them: match nothing (not the hidden ones) */
    int64_t passed;  /* match, but were out of range or not wanted: unread */
    int64_t objects; /* opened */
    int64_t bytes;   /* raw bytes of those read to their end */
    int64_t records, refused;
};

struct scan;

/* Asks for nothing yet. */
enum err_code scan_open(const struct scan_spec *spec, struct scan **out, struct err *err) MUST_USE;
/* Clears the batch and fills it from one object, until it is full or the object ends. *more = false: there is
 * no further object, the batch is empty. Errors name the object. */
enum err_code scan_next(struct scan *scan, struct batch *batch, struct scan_part *part, bool *more,
                        struct err *err) MUST_USE;
const struct scan_counts *scan_counts(const struct scan *scan);
void scan_close(struct scan *scan); /* NULL is fine */

#endif
