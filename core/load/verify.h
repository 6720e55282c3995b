/*
 * verify: source, ledger and target held against each other, by counts and row hashes.
 *
 * Source against ledger for each object: it is read again and converted under today's pipeline. Target
 * against ledger: with lineage for each object, without it for the table as a whole (and the report says so).
 * What was loaded under another schema is compared source against target; the ledger then by counts alone.
 * Baseline rows are left out and counted. The target is read in one scan; what is loaded beside it is left
 * out and counted too. Servers that go away are waited for, as by run.
 */
#ifndef SLUICE_LOAD_VERIFY_H
#define SLUICE_LOAD_VERIFY_H

#include "core/load/job.h"

enum verify_status {
    VERIFY_EQUAL,
    VERIFY_SOURCE_DIFFERS, /* source and ledger do not agree */
    VERIFY_TARGET_DIFFERS, /* target and ledger do not agree */
    VERIFY_NOT_LOADED,     /* listed, not (wholly) in the ledger */
    VERIFY_GONE, /* in the ledger, not listed any more: only the target could be held against the ledger */
    VERIFY_BASELINE,  /* left out */
    VERIFY_MEANWHILE, /* left out: a load changed it while the target was read */
};
const char *verify_status_text(enum verify_status status);

struct verify_side {
    bool known;
    int64_t rows; /* loaded rows */
    int64_t rejected;
    uint64_t hash;
};

/* What a result is about. */
enum verify_by { VERIFY_BY_OBJECT, VERIFY_BY_HOUR, VERIFY_BY_TABLE };

/* One object (VERIFY_BY_OBJECT), all objects of an hour, or the table as a whole; with an object of "" the
 * rows of the target that no load accounts for. Sums are over what was compared, their status is the worst of
 * it: differences that cancel each other out stay differences. */
struct verify_result {
    enum verify_by by;
    hour_t hour;        /* not of the table */
    const char *object; /* NULL of an hour and of the table */
    int64_t objects;    /* that it is about */
    enum verify_status status;
    struct verify_side source, ledger, target;
    const char *note; /* "" or why, for people */
};

enum verify_kind {
    VERIFY_CHANGED, /* a row of the source and one of the target that stand for each other, but differ */
    VERIFY_MISSING, /* more often in the source than in the target */
    VERIFY_EXTRA,   /* in the target alone */
    VERIFY_DOUBLED, /* in both, more often in the target */
};
const char *verify_kind_text(enum verify_kind kind); /* "changed", "missing", "extra", "doubled" */

/* A value that differs, as text; NULL where it is NULL. */
struct verify_cell {
    const char *column, *source, *target;
};

/* A row that is not the same on both sides: named with show. */
struct verify_row {
    enum verify_kind kind;
    const char *object;              /* "" where it is not known: a row of the target that is no object's */
    int64_t line;                    /* in the source; 0 = it has none */
    int64_t in_source, in_target;    /* how often it is there */
    const char *source, *target;     /* as a CSV line, NULL where it is not there */
    const struct verify_cell *cells; /* CHANGED: what differs */
    size_t ncells;
};

struct verify_options {
    struct hour_range range;
    enum verify_by by; /* what results are told of */
    int64_t show;      /* at most so many rows named */
    void (*result)(void *ctx, const struct verify_result *result);
    void (*row)(void *ctx, const struct verify_row *row);
    void *ctx;
};

/* Hours that a reload repairs. */
enum { VERIFY_RELOAD_MAX = 24 };
struct verify_reload {
    hour_t at[VERIFY_RELOAD_MAX]; /* in order */
    size_t n;
    bool more;          /* there are others, all of them in [first, last] */
    hour_t first, last; /* where n > 0 */
};

struct verify_totals {
    int64_t objects, equal, different, not_loaded, gone, baseline, meanwhile;
    int64_t other_schema; /* loaded under another schema: the ledger was compared by counts alone */
    int64_t unread;       /* of those different: the source could not be read */
    int64_t gone_different;
    struct verify_side source, ledger, target; /* target: of the objects, where the range is bounded */
    bool by_object;                            /* the target could be compared object by object */
    bool table_differs;                        /* without lineage: the table as a whole does */
    bool table_left_out;                       /* ... or could not be compared */
    int64_t unknown_rows;                      /* target rows of no known load */
    int64_t scanned_rows;                      /* all that the target has */
    struct verify_reload reload;
    int64_t held_back;       /* of those that a reload repairs: not while some rows have no _load */
    struct err unread_error; /* the first that is no verdict on data (rights, disk) */
};

/* VERIFY_DIFFERENT is not an error here: see totals->different + not_loaded + unknown_rows. */
enum err_code verify_run(struct job *job, const struct verify_options *options, struct verify_totals *totals,
                         struct err *err) MUST_USE;

#endif
