/*
 * ledger: conservation: what was read is what was loaded plus what was rejected, to the record and to the
 * byte.
 *
 * The two sides come from counters that do not know each other: the reader's and the database's.
 */
#ifndef SLUICE_LOAD_LEDGER_H
#define SLUICE_LOAD_LEDGER_H

#include "core/data/csv.h"
#include "core/sink/records.h"

/* Of one object, from where reading began to where it ended. */
struct object_tally {
    int64_t raw_bytes;     /* given by the store */
    int64_t object_size;   /* stated by the store */
    int64_t decoded_bytes; /* handed to the reader */
    struct csv_counts csv; /* the reader's own */
    int64_t other_records; /* the header, and what a restart passed over */
    int64_t rows_loaded;   /* rows put into batches */
    int64_t rows_rejected;
    int64_t rows_before; /* loaded or rejected by earlier chunks; not in csv */
};

/* CONSERVATION with both sides of the first equation that does not hold. */
enum err_code ledger_check_object(const struct object_tally *tally, struct err *err) MUST_USE;

/* Rows and rejects of a transaction: handed to the sink against counted by the database. */
enum err_code ledger_check_stored(int64_t rows_sent, int64_t rows_stored, int64_t rejects_sent,
                                  int64_t rejects_stored, struct err *err) MUST_USE;

#endif
