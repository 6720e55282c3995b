/*
 * convert: records -> rows of a batch, by the schema: which field is which column, nulls, types, nullability,
 * checks.
 *
 * One converter serves one object at a time: convert_header (or convert_no_header) fixes the field-to-column
 * map, then convert_record is called for each record. Rules are static for each column: nothing depends on
 * rows seen before.
 */
#ifndef SLUICE_DATA_CONVERT_H
#define SLUICE_DATA_CONVERT_H

#include "core/data/batch.h"
#include "core/data/checks.h"
#include "core/data/csv.h"

/* Why a record is refused. `column` is the schema's name (or the header's, for a ragged record ""), borrowed.
 */
struct refusal {
    enum err_name name; /* ERRN_NONE: the row was added */
    const char *column;
    char detail[CHECK_DETAIL_MAX]; /* one line for people: "300 is over the maximum 120"; the value cut and
                                      escaped */
};

/* A cell of a row that was added although a check (on: warn or fail) says no. */
struct check_hit {
    size_t col; /* of the batch */
    const struct check *check;
    const struct csv_field *field; /* of the record, while that is valid */
};

/* Where the header differs from the schema and the schema's policies let it pass: how many, and the names in
 * quotes, as many as have room. */
enum { DRIFT_NAMES_MAX = 600 };
struct drift {
    size_t extra, missing;
    char extra_names[DRIFT_NAMES_MAX], missing_names[DRIFT_NAMES_MAX];
};

struct convert;

enum err_code convert_new(const struct schema *schema, const struct csv_dialect *dialect,
                          struct convert **out, struct err *err) MUST_USE;
void convert_free(struct convert *convert);

/* by_name: maps the names (exact bytes); CSV_HEADER (ERR_DATA) naming the columns that are missing or too
 * many, or a name that stands twice. by_position: only the count is judged. */
enum err_code convert_header(struct convert *convert, const struct csv_record *header,
                             struct err *err) MUST_USE;

/* Of the last header. */
const struct drift *convert_drift(const struct convert *convert);

/* header: none: field i is column i; the first record decides nothing. */
void convert_no_header(struct convert *convert);

/* Adds the record to the batch as one row (committed with its line and offset) or fills `refusal`. A record
 * with a field count other than the header's is CSV_RAGGED. Fails only with ERR_NOMEM. Hot. */
enum err_code convert_record(struct convert *convert, const struct csv_record *record, struct batch *batch,
                             struct refusal *refusal, struct err *err) MUST_USE;

/* After convert_record added a row: what of it breaks a check without being refused for it. */
const struct check_hit *convert_hits(const struct convert *convert, size_t *n);

#endif
