/*
 * verify_internal: what the parts of verify share: verify.c (who is compared with whom), verify_books.c (the
 * ledger and the target, by load), verify_read.c (the objects, in groups), verify_rows.c (naming rows),
 * verify_hours.c (sums).
 */
#ifndef SLUICE_LOAD_VERIFY_INTERNAL_H
#define SLUICE_LOAD_VERIFY_INTERNAL_H

#include "core/load/diff.h"
#include "core/load/load_internal.h"
#include "core/load/outage.h"
#include "core/load/verify.h"

enum {
    VERIFY_SCAN_ROWS = 4096,
    VERIFY_SCAN_TEXT = 1024 * 1024,
    VERIFY_GROUP_MAX = 256,                /* objects that are read as one unit ... */
    VERIFY_GROUP_BYTES = 32 * 1024 * 1024, /* ... while they are not more than this, so that news is told */
};

/* Rows and hash of the target under one load id. */
struct load_tally {
    int64_t load_id;
    int64_t rows;
    uint64_t hash;
};

/* A ledger row as it was before the target was read. */
struct book_mark {
    int64_t load_id;
    uint64_t stamp; /* of its run and counts */
};

/* All ledger rows of this pipeline together. */
struct book_sum {
    struct verify_side side;
    uint64_t stamp;    /* of them all: another one, another ledger */
    bool other_schema; /* some were loaded under another one */
    bool baseline;     /* some stand for rows that are not known */
};

struct verify {
    struct job *job;
    const struct verify_options *options;
    struct verify_totals *totals;
    struct loader *loader;
    struct diff *diff;        /* the open one, NULL */
    struct load_tally *loads; /* sorted by load_id once the scan is through */
    size_t nloads, loads_cap;
    struct book_mark *books; /* sorted by load_id */
    size_t nbooks, books_cap;
    struct outage outage;
    int64_t scan_best; /* rows that a broken scan came to */
    struct verify_hours *hours;
    enum verify_status worst; /* of all objects */
    const char *table_note;   /* how it was compared without lineage */
    int64_t shown;
    int64_t partial;   /* objects of which some chunks are loaded */
    bool any_baseline; /* among the objects compared */
};

/* After a failure: waits for a server that went away, and connects again; true where the same may be tried
 * once more. */
bool verify_again(struct verify *v, struct err *err);

/* ---- verify_books.c ---- */

/* Marks the ledger rows (behind those that are marked) of all pipelines: they may share the table. */
enum err_code verify_mark_books(struct verify *v, struct err *err) MUST_USE;
struct book_mark *verify_find_mark(struct verify *v, int64_t load_id);
uint64_t verify_stamp(const struct ledger_row *row);
enum err_code verify_sum_books(struct verify *v, struct book_sum *sum, struct err *err) MUST_USE;

/* Rows of the target under one load id (0: all), each with its hash. Tries once: a failure may be waited out
 * and the scan begun again. */
typedef enum err_code verify_scan_fn(void *ctx, const struct batch *batch, size_t row, int64_t load_id,
                                     uint64_t hash, struct err *err);
enum err_code verify_scan(struct verify *v, int64_t load_id, verify_scan_fn *fn, void *ctx,
                          struct err *err) MUST_USE;

/* Fills loads and totals. */
enum err_code verify_tally_target(struct verify *v, struct err *err) MUST_USE;
struct load_tally *verify_find_load(struct verify *v, int64_t load_id);

/* Fills the books of subjects, which are in order of key: their ledger rows as they are now. */
struct subject;
enum err_code verify_look_up(struct verify *v, struct subject *at, size_t n, struct err *err) MUST_USE;

/* ---- verify_read.c ---- */

/* What the ledger says of one object, and what the target holds under its loads. */
struct books {
    int64_t *ids; /* of its loads */
    size_t n, cap;
    bool moved;        /* they are not those of before the scan */
    bool other_schema; /* one of them was loaded under another schema */
    struct verify_side target;
};

/* An object under comparison. */
struct subject {
    struct diff_entry entry;
    struct books books;
    bool wanted; /* to be read */
    bool read;   /* whole; source is what was found */
    struct verify_side source;
    struct hash128 content; /* of its bytes */
    struct err why;         /* it could not be read: the object's own fault */
};

/* What a walk over the objects of the range does with them. */
struct verify_walk {
    struct verify *v;
    bool all;                                /* hours beyond the range too */
    bool (*wanted)(const struct subject *s); /* is it to be read? */
    /* Rows [from, to) of the batch are its; may be NULL. A walk with it is begun again as a whole where a
     * server went away. */
    enum err_code (*rows)(void *ctx, struct subject *s, const struct batch *batch, size_t from, size_t to,
                          struct err *err);
    bool books; /* their books are looked up, after they were read */
    /* In order of key, after all that. */
    enum err_code (*each)(void *ctx, struct subject *s, struct err *err);
    void *ctx;
};
/* Wholly loaded, by sluice, and still there. */
bool verify_is_loaded(const struct subject *s);
enum err_code verify_walk_all(struct verify_walk *walk, struct err *err) MUST_USE;

/* Reads one object. */
enum err_code verify_walk_one(struct verify_walk *walk, struct subject *s, struct err *err) MUST_USE;

/* ---- verify_rows.c ---- */

/* Names rows that differ, until options->show are named: of one object (its loads' rows), of the table as a
 * whole, rows of no load. */
enum err_code verify_show_object(struct verify *v, struct subject *s, struct err *err) MUST_USE;
enum err_code verify_show_table(struct verify *v, struct err *err) MUST_USE;
enum err_code verify_show_unknown(struct verify *v, struct err *err) MUST_USE;

/* ---- verify_hours.c ---- */

struct verify_hours;
enum err_code verify_hours_new(struct verify_hours **out, struct err *err) MUST_USE;
void verify_hours_free(struct verify_hours *hours);
enum err_code verify_hours_add(struct verify_hours *hours, const struct verify_result *result,
                               struct err *err) MUST_USE;
void verify_hours_tell(const struct verify_hours *hours, const struct verify_options *options);
enum verify_status verify_worse(enum verify_status a, enum verify_status b);
void verify_add_side(struct verify_side *sum, const struct verify_side *side);
void verify_reload_add(struct verify_reload *reload, hour_t hour);

#endif
