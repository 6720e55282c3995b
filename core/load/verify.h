/*
 * verify: source, ledger and target held against each other, by counts and row hashes.
 *
 * Source against ledger for each object: it is read again and converted under today's pipeline. Target
 * against ledger: with lineage for each object, without it for the table as a whole (and the report says so).
 * Baseline rows are left out and counted. The target is read in one scan; what is loaded beside it is left
 * out and counted too.
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

/* One object, or (object NULL) the table as a whole, or rows of the target that no load accounts for (object
 * "", status TARGET_DIFFERS). */
struct verify_result {
    hour_t hour;
    const char *object;
    enum verify_status status;
    struct verify_side source, ledger, target;
    const char *note; /* "" or why, for people */
};

/* A row that is on one side only: named with --show. line is 0 where the row is the target's; text is the row
 * as CSV. */
struct verify_row {
    const char *object;
    bool in_source; /* else in target */
    int64_t line;
    const char *text;
};

struct verify_options {
    struct hour_range range;
    int64_t show; /* at most so many rows named */
    void (*result)(void *ctx, const struct verify_result *result);
    void (*row)(void *ctx, const struct verify_row *row);
    void *ctx;
};

struct verify_totals {
    int64_t objects, equal, different, not_loaded, gone, baseline, meanwhile;
    struct verify_side source, ledger, target;
    bool by_object;       /* the target could be compared object by object */
    int64_t unknown_rows; /* target rows of no known load */
};

/* VERIFY_DIFFERENT is not an error here: see totals->different + not_loaded + unknown_rows. */
enum err_code verify_run(struct job *job, const struct verify_options *options, struct verify_totals *totals,
                         struct err *err) MUST_USE;

#endif
