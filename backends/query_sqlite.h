/*
 * query_sqlite: SQL over the objects of a source, with SQLite as the engine: the table `source` reads them
 * through the store interface as the query goes; nothing is loaded.
 *
 * Columns of `source`: the loaded ones of the schema, with the values that the SQLite sink would store; then
 * yyyy, mm, dd, hh INTEGER, _object TEXT, _line INTEGER (a name that the schema has gets one more "_" in
 * front). What a WHERE says about these bounds the listing, and objects that cannot match are passed over
 * unread. One thread, and a handle on the source for each reading of it at once; where the source is far,
 * also that reading's readers ahead (core/store/ahead.h).
 */
#ifndef SLUICE_BACKENDS_QUERY_SQLITE_H
#define SLUICE_BACKENDS_QUERY_SQLITE_H

#include "core/data/answer.h"
#include "core/data/csv.h"
#include "core/load/job.h"
#include "core/profile/scan.h"

struct query_spec {
    const struct store_factory *stores; /* all borrowed until query_close */
    const struct layout *layout;
    const struct csv_dialect *dialect;
    const struct schema *schema;
    struct hour_range range;
    const atomic_int *stop; /* may be NULL */
    const char *label;      /* "source" or its URL, for messages */
};

struct query_totals {
    int64_t rows;
    int64_t readings;         /* of `source`, those that could match nothing too */
    int64_t refused;          /* distinct records */
    bool more;                /* there are more: not all could be told apart */
    const char *first;        /* the first of them, for people; "" = none */
    struct scan_counts scans; /* over all readings: what is read twice counts twice */
};

/* One reading of `source` in the plan, without having read anything. */
struct query_part {
    const char *table; /* as the plan names it: "SCAN source" */
    const char *terms; /* "yyyy=2022 AND mm=6": what bounds it */
    bool estimate;     /* it depends on other rows: at most this, each time; else as it would be */
    struct hour_range range;
    const char *prefix;        /* listed */
    int64_t readings;          /* listings, where it is no estimate */
    struct scan_counts counts; /* objects and bytes: would be read */
};

struct query_plan_fn {
    enum err_code (*part)(void *ctx, const struct query_part *part, struct err *err);
    enum err_code (*step)(void *ctx, int64_t id, int64_t parent, const char *detail, struct err *err);
    void *ctx;
};

struct query;

/* Asks the source for nothing yet. */
enum err_code query_open(const struct query_spec *spec, struct query **out, struct err *err) MUST_USE;
void query_close(struct query *query);

/* QUERY for mistakes in the SQL. */
enum err_code query_run(struct query *query, const char *sql, const struct answer *answer,
                        struct err *err) MUST_USE;
/* Lists, but opens no object. First all steps, then all parts. */
enum err_code query_explain(struct query *query, const char *sql, const struct query_plan_fn *fn,
                            struct err *err) MUST_USE;
const struct query_totals *query_totals(const struct query *query);

#endif
