/* csv_dump: what a reader makes of some bytes, as text that a test can state or compare. */
#ifndef SLUICE_TEST_CSV_DUMP_H
#define SLUICE_TEST_CSV_DUMP_H

#include "core/base/buf.h"
#include "core/data/csv.h"
#include "tests/support/bytes_steps.h"

/*
 * Appends one line for the record: "R line:offset [field|field]", ~ for an empty unquoted field, other than
 * printable bytes as \xHH; or "B line:offset NAME total".
 */
void csv_dump_record(const struct csv_record *record, struct buf *out);

/*
 * Reads `src` (which gives the `len` bytes of `data`) to its end and appends all records. Asserts on the way
 * that raw bytes, offsets, lines and counts agree with the data and with each other. Returns the reader's
 * verdict, ERR_OK at the end.
 */
enum err_code csv_dump(const char *data, size_t len, struct bytes *src, const struct csv_limits *limits,
                       struct buf *out, struct err *err);

#endif
