/*
 * judge: what the checks say of the records of an object, beyond refusing one: cells that a check warns of or
 * fails the object for, values that stand twice, values that are missing, columns that the header has too
 * many or too few; and the sums from which an hour is judged.
 *
 *   unit -> (object -> (row* -> rows)* -> end of a ledger row)* -> unit ...
 *
 * A check (on: fail) that fires is an error of its own name, about the object. One that warns is counted for
 * each ledger row and becomes one note, which the sink's thread writes in the transaction of that row. Only
 * records that would be loaded are judged.
 */
#ifndef SLUICE_LOAD_JUDGE_H
#define SLUICE_LOAD_JUDGE_H

#include "core/data/convert.h"
#include "core/load/job.h"
#include "core/load/unit.h"

/* A result that goes into the books. */
struct check_note {
    size_t slice;              /* of the item: whose ledger row */
    const char *name, *column; /* borrowed from schema or program */
    enum check_on on;
    int64_t count;
    size_t text; /* where in notes->text its message begins; ended by NUL */
};

struct check_notes {
    struct check_note *items;
    size_t n, cap;
    struct buf text;
};
void check_notes_init(struct check_notes *notes);
void check_notes_cut(struct check_notes *notes, size_t n); /* forgets those from n on */
void check_notes_release(struct check_notes *notes);

/* Writes them into the open load; rows[slice] is the ledger row that a note is about. */
enum err_code check_notes_store(const struct check_notes *notes, struct sink_load *load,
                                const struct ledger_row *rows, struct err *err) MUST_USE;

struct judge;

/* *out is NULL, and all of it can be skipped, where the pipeline has nothing to judge. */
enum err_code judge_new(const struct pipeline *pipeline, struct judge **out, struct err *err) MUST_USE;
void judge_free(struct judge *judge);

/* `verdicts` false: only what refuses a record counts, as for a verify, which reads what was loaded. */
void judge_unit(struct judge *judge, enum unit_kind kind, bool verdicts);
/* drift: of its header, NULL = none to be told of. */
void judge_object(struct judge *judge, const struct drift *drift);

/* The row that convert added last. Refused (refusal->name set): the caller takes it out again. */
enum err_code judge_row(struct judge *judge, const struct batch *batch, const struct convert *convert,
                        struct refusal *refusal, struct err *err) MUST_USE;
/* Rows [from, to), which stay. */
void judge_rows(struct judge *judge, const struct batch *batch, size_t from, size_t to);
/* True where rows of earlier chunks have to be looked at again, since they count for the object. */
bool judge_needs_passed(const struct judge *judge);
/* Such a row: the batch's last. */
enum err_code judge_passed(struct judge *judge, const struct batch *batch, struct err *err) MUST_USE;
/* A ledger row is complete, and with `object_end` the object. */
enum err_code judge_end(struct judge *judge, bool object_end, size_t slice, struct check_notes *notes,
                        struct err *err) MUST_USE;

/* Of the unit's rows so far: how many values loaded column c has, and their sum. Only for columns of a check
 * of the pipeline. */
void judge_sum(const struct judge *judge, size_t c, int64_t *n, double *sum);

#endif
