/*
 * sink_mem_internal: what the files of the mem sink share. Nobody else includes it.
 *
 *   sink_mem.c  databases, transactions    sink_mem_state.c  vectors of shared objects, snapshots
 *   sink_mem_table.c  the target table     sink_mem_books.c  ledger, claims
 *   sink_mem_records.c  rejects, attempts  sink_mem_check.c  results of checks, sums
 *
 * A database is one immutable snapshot after the other. A writer clones the current one (pointers only: the
 * objects in it are counted and never changed, only exchanged), works on the clone and puts it in place:
 * rollback is dropping it, and a reader that holds a snapshot sees nothing of what comes after.
 */
#ifndef SLUICE_BACKENDS_SINK_MEM_INTERNAL_H
#define SLUICE_BACKENDS_SINK_MEM_INTERNAL_H

#include "core/sink/sink.h"

enum { MEM_WAIT_MS = 5000, MEM_WAIT_STEP_US = 5000 };

/* The first member of everything that snapshots share. */
struct mem_object {
    int refs;
    void (*free)(struct mem_object *object);
};

struct mem_vec {
    struct mem_object **at;
    size_t n, cap;
};

enum err_code mem_vec_clone(const struct mem_vec *old, struct mem_vec *out, struct err *err) MUST_USE;
/* Takes over the caller's reference, also on failure. */
enum err_code mem_vec_push(struct mem_vec *vec, struct mem_object *object, struct err *err) MUST_USE;
void mem_vec_set(struct mem_vec *vec, size_t i, struct mem_object *object); /* takes over the reference */
void mem_vec_remove(struct mem_vec *vec, size_t i);
void mem_vec_release(struct mem_vec *vec);

struct mem_ledger {
    struct mem_object base;
    char pipeline[REC_PIPELINE_MAX + 1];
    struct ledger_row row; /* row.header is owned */
};

struct mem_reject {
    struct mem_object base;
    struct reject reject; /* raw is owned */
};

struct mem_attempt {
    struct mem_object base;
    char pipeline[REC_PIPELINE_MAX + 1];
    struct attempt attempt;
};

struct mem_check {
    struct mem_object base;
    char pipeline[REC_PIPELINE_MAX + 1];
    struct check_row row;
};

struct mem_claim {
    struct mem_object base;
    char pipeline[REC_PIPELINE_MAX + 1];
    struct claim_row row;
};

/* A table's definition, fixed when it is made: every column is loaded; key columns are not nullable. */
struct mem_def {
    struct mem_object base;
    char *name;
    struct schema schema;
    size_t *key;
    size_t nkey;
    bool lineage;
};

/* Rows of one load as they were appended. */
struct mem_rows {
    struct mem_object base;
    struct batch *batch; /* of the definition's schema */
    int64_t load_id;     /* 0 in a table without lineage */
};

struct mem_table {
    struct mem_def *def;
    struct mem_vec chunks; /* struct mem_rows */
};

struct mem_state {
    int refs;
    int64_t last_load, last_reject, last_attempt, last_check;
    int version; /* 0: sluice's tables are not there */
    struct mem_vec ledger, rejects, attempts, checks, claims;
    struct mem_table *tables;
    size_t ntables;
};

struct mem_object *mem_ref(struct mem_object *object);
void mem_unref(struct mem_object *object); /* NULL is fine */
/* A new snapshot like `old`. */
enum err_code mem_state_clone(const struct mem_state *old, struct mem_state **out, struct err *err) MUST_USE;
void mem_state_unref(struct mem_state *state);

struct mem_index;

struct mem_db {
    struct mem_db *next;
    char *name;
    struct mem_state *state; /* the committed one */
    bool writing;
};

struct mem_sink {
    struct sink base;
    struct mem_db *db;
    struct mem_state *work;  /* the clone while a transaction is open, else NULL */
    struct mem_index *index; /* keys of the target's rows in `work`; NULL until an append needs it */
};

struct mem_load {
    struct sink_load base;
    hour_t hour;
    int64_t epoch;
    char owner[REC_OWNER_MAX + 1];
};

static inline struct mem_sink *mem_of(struct sink *sink)
{
    return (struct mem_sink *)sink;
}

/* ---- sink_mem.c ---- */

/* One writer at a time: waits, then DB_BUSY. On success m->work is the clone. */
enum err_code mem_begin_write(struct mem_sink *m, struct err *err) MUST_USE;
/* Puts the clone in place where *err is clear, drops it otherwise; returns err->code. */
enum err_code mem_end_write(struct mem_sink *m, struct err *err) MUST_USE;
/* The snapshot to read: the clone inside a transaction, else the committed one. Give it back by unref. */
struct mem_state *mem_read(struct mem_sink *m);

/* ---- sink_mem_key.c ---- */

/* Adds the rows' keys to the index of the open transaction, building it from the table first; DB_CONSTRAINT
 * and *row where a key is there already. */
enum err_code mem_index_add(struct mem_sink *m, const struct mem_table *table, const struct mem_rows *rows,
                            size_t *row, struct err *err) MUST_USE;
void mem_index_drop(struct mem_sink *m);

/* ---- sink_mem_table.c ---- */

/* The target table in a snapshot; NULL where it is not there. */
struct mem_table *mem_table_of(const struct mem_sink *m, const struct mem_state *state);

enum err_code mem_setup(struct sink *sink, struct buf *print, struct err *err) MUST_USE;
enum err_code mem_describe(struct sink *sink, struct sink_state *state, struct err *err) MUST_USE;
enum err_code mem_has_foreign_rows(struct sink *sink, bool *any, struct err *err) MUST_USE;
enum err_code mem_append(struct sink_load *load, const struct batch *batch,
                         const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                         struct err *err) MUST_USE;
/* Removes the rows of one load; how many they were. */
int64_t mem_delete_rows(struct mem_sink *m, int64_t load_id);
/* Adds up a column of the schema over the rows of one load. */
enum err_code mem_sum_rows(struct mem_sink *m, int64_t load_id, size_t column, int64_t *n, double *sum,
                           struct err *err) MUST_USE;
/* Whether the table has rows that carry no load's id. */
bool mem_has_unmarked(const struct mem_sink *m);
enum err_code mem_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out,
                             struct err *err) MUST_USE;
enum err_code mem_scan_next(struct sink_scan *scan, struct batch *batch, int64_t *load_ids, uint8_t *odd,
                            struct err *err) MUST_USE;
void mem_scan_end(struct sink_scan *scan);

/* ---- sink_mem_books.c, sink_mem_records.c ---- */

enum err_code mem_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                struct err *err) MUST_USE;
enum err_code mem_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                          struct err *err) MUST_USE;
enum err_code mem_totals(struct sink_load *load, const struct ledger_row *rows, size_t n,
                         struct err *err) MUST_USE;
enum err_code mem_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                              size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code mem_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err) MUST_USE;
enum err_code mem_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                   struct err *err) MUST_USE;

enum err_code mem_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                          struct err *err) MUST_USE;
enum err_code mem_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                struct err *err) MUST_USE;
enum err_code mem_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                              size_t n, struct err *err) MUST_USE;
enum err_code mem_attempt_page(struct sink *sink, const struct record_query *query, struct attempt *rows,
                               size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code mem_reject_page(struct sink *sink, const struct record_query *query, struct reject *rows,
                              size_t cap, size_t *n, struct buf *arena, struct err *err) MUST_USE;

enum err_code mem_claim_take(struct sink *sink, hour_t hour, const char *owner, const struct claim_row *steal,
                             struct claim_row *row, bool *taken, struct err *err) MUST_USE;
enum err_code mem_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                              struct err *err) MUST_USE;
enum err_code mem_claim_release(struct sink *sink, const struct claim_row *row, struct err *err) MUST_USE;
enum err_code mem_claim_page(struct sink *sink, enum claim_which which, hour_t after, struct claim_row *rows,
                             size_t cap, size_t *n, struct err *err) MUST_USE;
/* Extends the lease of the claim in the open transaction; FENCED where it is not ours. The fence of a commit
 * also forgets the takeovers. */
enum err_code mem_extend_claim(struct mem_sink *m, hour_t hour, const char *owner, int64_t epoch, bool fence,
                               struct err *err) MUST_USE;

/* ---- sink_mem_check.c ---- */

/* One row for this pipeline, in the open transaction. */
enum err_code mem_check_insert(struct mem_sink *m, struct check_row *row, struct err *err) MUST_USE;
enum err_code mem_checks_add(struct sink_load *load, struct check_row *rows, size_t n,
                             struct err *err) MUST_USE;
enum err_code mem_check_page(struct sink *sink, const struct record_query *query, struct check_row *rows,
                             size_t cap, size_t *n, struct err *err) MUST_USE;
enum err_code mem_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                           struct err *err) MUST_USE;
void mem_delete_checks(struct mem_state *s, int64_t load_id);

#endif
