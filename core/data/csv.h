/*
 * csv: bytes -> records, each with its line, its byte offset and its raw bytes.
 *
 * RFC 4180 through libcsv, fed one physical line at a time, so that offsets are exact, caps are counted here
 * and the raw bytes of a record are exactly the lines that were fed. A malformed record costs only itself.
 * Where its end is known (a field too long, too many columns, a NUL, a lone CR) all of it is given back as
 * CSV_BAD. Where it is not (a quote out of place or never closed, the record cap reached inside a quote) its
 * first line is, the parser starts again and the other lines are read anew. A UTF-8 BOM at the start is
 * skipped and counted. Blank lines are skipped and counted.
 *
 * Conservation: bytes_bom + bytes of records (header among them) + bytes_blank = decoded bytes read.
 */
#ifndef SLUICE_DATA_CSV_H
#define SLUICE_DATA_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/bytes.h"
#include "core/base/err.h"

enum csv_header { CSV_HEADER_BY_NAME, CSV_HEADER_BY_POSITION, CSV_HEADER_NONE };

struct csv_dialect {
    char delimiter; /* one byte, not quote, CR, LF or NUL */
    char quote;
    enum csv_header header;
};

enum {
    CSV_FIELD_MAX = 1024 * 1024,
    CSV_RECORD_MAX = 16 * 1024 * 1024,
    CSV_COLUMNS_MAX = 4096,
    CSV_CUT_KEEP = 64 * 1024, /* of a reject over CSV_RECORD_MAX this much is kept */
};

struct csv_limits {
    size_t field_max, record_max, columns_max;
};
extern const struct csv_limits csv_limits_default;

struct csv_field {
    const char *data; /* not NUL-terminated */
    uint32_t len;
    bool empty_unquoted; /* nothing between the delimiters, not even quotes */
};

enum csv_event {
    CSV_END,    /* no more input */
    CSV_RECORD, /* record->fields is filled */
    CSV_BAD,    /* record->bad says why; fields is empty */
};

/* Valid until the next call. */
struct csv_record {
    struct csv_field *fields;
    size_t nfields;
    int64_t line;    /* 1-based physical line where it starts */
    int64_t offset;  /* decoded byte offset where it starts (a BOM counts) */
    const char *raw; /* its bytes with line end; cut to CSV_CUT_KEEP where raw_len < raw_total */
    size_t raw_len;
    int64_t raw_total;
    enum err_name bad; /* CSV_QUOTE, CSV_LONE_CR, CSV_NUL, CSV_FIELD_TOO_LONG, CSV_RECORD_TOO_LONG,
                          CSV_TOO_MANY_COLUMNS */
    size_t bad_field;  /* 1-based, 0 where not known */
};

struct csv_counts {
    int64_t bytes; /* decoded bytes consumed so far */
    int64_t bytes_bom;
    int64_t bytes_blank;
    int64_t bytes_records; /* good and bad, header too */
    int64_t lines;         /* physical lines since the start of the input, passed ones too */
    int64_t blank_lines;
    int64_t records; /* good and bad, header too */
};

struct csv_reader;

/* `src` is borrowed and read until its end. limits NULL = csv_limits_default. */
enum err_code csv_open(const struct csv_dialect *dialect, const struct csv_limits *limits, struct bytes *src,
                       struct csv_reader **out, struct err *err) MUST_USE;
void csv_close(struct csv_reader *reader);

/* Starts over on another source with the same dialect, keeping the memory. */
void csv_reset(struct csv_reader *reader, struct bytes *src);

/* The next record. Errors are those of the source, or NOMEM. Hot. */
enum err_code csv_next(struct csv_reader *reader, enum csv_event *event, struct csv_record *record,
                       struct err *err) MUST_USE;

const struct csv_counts *csv_counts(const struct csv_reader *reader);

#endif
