/* verify_internal: what verify.c (who is compared with whom) and verify_rows.c (naming the rows) share. */
#ifndef SLUICE_LOAD_VERIFY_INTERNAL_H
#define SLUICE_LOAD_VERIFY_INTERNAL_H

#include "core/load/diff.h"
#include "core/load/load_internal.h"
#include "core/load/verify.h"

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

struct verify {
    struct job *job;
    const struct verify_options *options;
    struct verify_totals *totals;
    struct loader *loader;
    struct load_tally *loads; /* sorted by load_id once the scan is through */
    size_t nloads, loads_cap;
    struct book_mark *books; /* sorted by load_id */
    size_t nbooks, books_cap;
    int64_t shown;
    bool any_baseline;
};

/* One object whole as a unit of its own, for reading. */
enum err_code verify_unit(const struct diff_entry *entry, struct unit **out, struct err *err) MUST_USE;

/* Names rows that are on one side only: of one object (ids = its loads), until options->show are named. */
enum err_code verify_show(struct verify *v, const struct diff_entry *entry, const int64_t *ids, size_t nids,
                          struct err *err) MUST_USE;

#endif
