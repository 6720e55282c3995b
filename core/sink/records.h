/*
 * records: what sluice's own tables hold, as plain structs: ledger rows, claims, rejects, attempts.
 *
 * Fixed-size text so that pages of them need no ownership rules; raw bytes are borrowed pointers. Times are
 * microseconds UTC of the database's clock. The tables are described in docs/tables.md.
 */
#ifndef SLUICE_SINK_RECORDS_H
#define SLUICE_SINK_RECORDS_H

#include "core/base/hour.h"
#include "core/data/hash.h"
#include "core/data/schema.h" /* enum check_on */

enum {
    REC_PIPELINE_MAX = 64,
    REC_OBJECT_MAX = 1024,
    REC_ETAG_MAX = 128,
    REC_RUN_ID_MAX = 32,
    REC_OWNER_MAX = 200,
    REC_METHOD_MAX = 32,
    REC_COLUMN_MAX = 256,
    REC_MESSAGE_MAX = 1024,
    REC_NAME_MAX = 32,
    REC_PAGE = 128, /* rows a page at the most */
    REC_SAMPLES_MAX = 100,
};

enum load_kind { LOAD_KIND_LOAD, LOAD_KIND_REPLAY, LOAD_KIND_BASELINE };
const char *load_kind_text(enum load_kind kind); /* "load", "replay", "baseline" */
enum load_kind load_kind_parse(const char *text);

/* One row of sluice_load: a piece of an object that is in the table. (pipeline, object, chunk) is unique. */
struct ledger_row {
    int64_t id; /* set by the insert */
    char object[REC_OBJECT_MAX + 1];
    int64_t chunk;               /* 0, 1, ...; replays -1, -2, ... */
    char etag[REC_ETAG_MAX + 1]; /* "" = not known: never equal */
    struct hash128 content; /* last chunk: of the object's raw bytes; earlier ones: of the decoded bytes up to
                               byte_end; zero = not known */
    hour_t hour;
    enum load_kind kind;
    bool last;                    /* the object is whole with this row */
    int64_t byte_start, byte_end; /* decoded bytes that this row covers; the first chunk's begins at 0 */
    int64_t first_line;           /* of its first record */
    int64_t next_line;            /* where the next chunk begins */
    int64_t chunk_rows;           /* the size used; 0 where the unit is not chunk */
    int64_t bytes;                /* raw size of the object; with chunk only in the last row, else 0 */
    int64_t rows_read, rows_loaded, rows_rejected;
    uint64_t row_hash, schema_hash;
    char load_method[REC_METHOD_MAX + 1];
    char run_id[REC_RUN_ID_MAX + 1];
    int64_t started_us, finished_us; /* set by the database */
    const char *header; /* header record's bytes with BOM left out, borrowed; written only. NULL = none */
    size_t header_len;
};

enum hour_state { HOUR_QUEUED, HOUR_RUNNING, HOUR_RETRYING, HOUR_LOADED, HOUR_FAILED, HOUR_EMPTY };
const char *hour_state_text(enum hour_state state);
bool hour_state_parse(const char *text, enum hour_state *out);

/* A ledger row's new etag. */
struct etag_mark {
    int64_t id;
    char etag[REC_ETAG_MAX + 1];
};

/* One row of sluice_claim. */
struct claim_row {
    hour_t hour;
    char owner[REC_OWNER_MAX + 1]; /* "" = free */
    int64_t epoch;                 /* grows by one with every change of hands */
    int64_t lease_until_us;
    bool expired;           /* lease_until is past, by the database's clock */
    enum hour_state state;  /* running while it has an owner */
    enum hour_state before; /* what it was when it was last given back */
    int attempts;
    int takeovers;       /* changes of hands from a worker that never gave it back, since the last commit */
    int64_t next_try_us; /* 0 = none */
    int64_t due_in_us;   /* next_try less the database's now: not above 0 = due, or no retry is set */
    int64_t retry_in_us; /* written only, with a release: next_try is so far from the database's now; 0 =
                            none, negative = as it was */
    char last_error[REC_MESSAGE_MAX + 1];
};

/* One row of sluice_reject. load_id 0 and attempt_id set: a sample of a failed attempt, never replayable. */
struct reject {
    int64_t id;
    int64_t load_id, attempt_id;
    char object[REC_OBJECT_MAX + 1];
    int64_t line, offset, length; /* length: of the whole record, decoded */
    const char *raw;              /* borrowed; raw_len < length where it was cut */
    size_t raw_len;
    char column[REC_COLUMN_MAX + 1]; /* "" where the record as a whole is bad */
    char error_name[REC_NAME_MAX + 1];
    char message[REC_COLUMN_MAX + 1];
    int64_t replayed_by; /* load id, 0 = not */
    /* read only: */
    hour_t hour;
    char run_id[REC_RUN_ID_MAX + 1];
};

/* One row of sluice_attempt: an object (or an hour: object "") that failed, and why. */
struct attempt {
    int64_t id;
    char run_id[REC_RUN_ID_MAX + 1];
    hour_t hour;
    char object[REC_OBJECT_MAX + 1];
    char error_name[REC_NAME_MAX + 1];
    char message[REC_MESSAGE_MAX + 1];
    int64_t rows_read, rows_loaded, rows_rejected, bytes;
    int64_t at_us; /* set by the database */
};

const char *check_on_text(enum check_on on); /* "warn", "reject", "fail" */
bool check_on_parse(const char *text, enum check_on *out);

/* One row of sluice_check: a quality check, or a drift of the source, as it was judged in a load's
 * transaction (or, of the table as a whole, by setup). What rolled its transaction back is not here but in
 * sluice_attempt. */
struct check_row {
    int64_t id;      /* set by the insert */
    int64_t load_id; /* the ledger row it is about; 0 = the hour, or the table */
    char run_id[REC_RUN_ID_MAX + 1];
    hour_t hour;                     /* 0 with an object of "" and no load: the table */
    char object[REC_OBJECT_MAX + 1]; /* "" = the hour as a whole, or the table */
    char
        name[REC_COLUMN_MAX + 1]; /* "min", "unique", "extra_columns", or the name given to an hour's check */
    char column[REC_COLUMN_MAX + 1]; /* "" = no column's */
    enum check_on on;
    bool fired;    /* false: looked at and found well (of checks of an hour; others are told only if fired) */
    int64_t count; /* cells, records or rows that broke it */
    char message[REC_MESSAGE_MAX + 1]; /* what was found and what is allowed, with the first example */
    int64_t at_us;                     /* set by the database */
};

#endif
