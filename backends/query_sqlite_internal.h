/* query_sqlite_internal: what query_sqlite.c and the table `source` (query_sqlite_table.c) share. */
#ifndef SLUICE_BACKENDS_QUERY_SQLITE_INTERNAL_H
#define SLUICE_BACKENDS_QUERY_SQLITE_INTERNAL_H

#include <sqlite3.h>

#include "backends/query_hours.h"
#include "backends/query_sqlite.h"
#include "backends/sqlite_ask.h"

#define QUERY_TABLE "source"

enum {
    QUERY_TERMS_MAX = 32, /* of one plan; what is beyond only does not narrow */
    QUERY_FIRST_MAX = 512,
    QUERY_IDLE_MAX = 8,       /* handles on the source that wait for the next cursor */
    TERM_OBJECT = PART_COUNT, /* a term's column: an hour_part, or this */
};

/* One comparison that bounds a reading; its value is xFilter's argument of the same place. */
struct query_term {
    unsigned char column;
    unsigned char op;     /* SQLITE_INDEX_CONSTRAINT_... */
    bool list;            /* IN, all values at once */
    sqlite3_value *known; /* where the planner knew it */
};

/* How the planner might read `source`; the one that it takes comes back to xFilter by its index. */
struct query_way {
    char *text; /* "source(yyyy=2022 AND mm=6)" */
    struct query_term terms[QUERY_TERMS_MAX];
    size_t nterms;
    bool orders; /* rows come in the order that was asked for */
    /* found by explaining */
    struct hour_range range; /* that holds all readings */
    struct buf prefix;       /* of the first */
    int64_t readings;        /* listings: fewer, where nothing can match */
    int64_t listings;
    struct scan_counts counts;
};

/* A test of an object's key. */
struct key_test {
    unsigned char op;
    char *text;
    size_t len;
};

/* What a reading is bounded by. Zeroed, then query_bounds_clear, which also empties it again. */
struct query_bounds {
    struct hour_set hours;
    struct key_test tests[QUERY_TERMS_MAX];
    size_t ntests;
};

/* Which refused records were told already: hashes of object and line. */
struct refused_set {
    uint64_t *slots; /* 0 = free */
    size_t n, cap;
};

/* What one reading of the source uses at a time. */
struct query_handle {
    struct store *store;
    struct ahead *ahead; /* NULL: the store is near */
};

struct query {
    struct query_spec spec;
    sqlite3 *db;
    const char **names; /* of all columns; NULL at the end */
    char *extra[PART_COUNT + 2];
    struct query_way **ways;
    size_t nways, cap_ways;
    struct query_handle idle[QUERY_IDLE_MAX];
    size_t nidle;
    struct refused_set seen;
    struct query_totals totals;
    char first[QUERY_FIRST_MAX];
    struct err failed; /* what the table failed with */
    bool explaining;
    bool warned; /* that the source is read again and again */
};

/* Makes the table `source` known to the connection. */
enum err_code query_table_register(struct query *q, struct err *err) MUST_USE;
/* What explaining would find for a way whose reading depends on other rows: by what is known of it. */
enum err_code query_table_estimate(struct query *q, struct query_way *way, struct err *err) MUST_USE;

/* ---- query_sqlite_plan.c: SQLite's codes ---- */

int query_plan(struct query *q, sqlite3_index_info *info);
/* Adds a term with its value. */
int query_bound(struct query_bounds *b, const struct query_term *term, sqlite3_value *value);
void query_bounds_clear(struct query_bounds *b);
bool query_bounds_pass(const struct query_bounds *b, const char *key, hour_t hour);
/* The one object that it can be; NULL = any. */
const char *query_bounds_object(const struct query_bounds *b);

/* ---- query_sqlite.c ---- */

/* A handle on the source, and its return. */
enum err_code query_handle_take(struct query *q, struct query_handle *out, struct err *err) MUST_USE;
void query_handle_give(struct query *q, struct query_handle *handle); /* one without a store is fine */

void query_ways_clear(struct query *q);
/* A new one; *id is its index. */
enum err_code query_way_add(struct query *q, struct query_way **out, int *id, struct err *err) MUST_USE;

/* Counts a refused record, once. */
void query_note_refused(struct query *q, const struct store_object *object, const struct csv_record *record,
                        const struct refusal *refusal);

#endif
