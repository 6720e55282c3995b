/*
 * schema: what a record is: its columns, their types and rules, and which of them are loaded.
 *
 * Built once by core/config from the pipeline file (or by a test), then read-only and shared by all threads.
 * Column order is the pipeline file's; `loaded` lists the columns that are not dropped, in that order, and is
 * the order of batches, tables and row hashes.
 */
#ifndef SLUICE_DATA_SCHEMA_H
#define SLUICE_DATA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

enum type_kind {
    TYPE_BOOLEAN,
    TYPE_TINYINT,
    TYPE_SMALLINT,
    TYPE_INT,
    TYPE_BIGINT,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_DECIMAL, /* precision 1..65, scale 0..30, scale <= precision */
    TYPE_VARCHAR, /* length: code points, 1..16383 */
    TYPE_TEXT,
    TYPE_DATE,      /* days since 1970-01-01 */
    TYPE_TIMESTAMP, /* microseconds since 1970-01-01T00:00:00Z */
};

struct type {
    enum type_kind kind;
    unsigned precision; /* decimal */
    unsigned scale;     /* decimal */
    unsigned length;    /* varchar */
};

/* How the values of a type are kept in a batch. */
enum storage {
    STORAGE_I64, /* boolean, integers, date, timestamp */
    STORAGE_F64, /* float (rounded to float), double */
    STORAGE_STR, /* decimal (scaled text: exactly `scale` fraction digits, no leading zeros, no "-0"),
                    varchar, text */
};

/* "int", "decimal(10,2)", "varchar(20)", ... as in the pipeline file; CONFIG where it is none. `bool`,
 * `integer` are not accepted: the message lists the known names. */
enum err_code type_parse(const char *text, struct type *out, struct err *err) MUST_USE;
enum { TYPE_TEXT_MAX = 32 };
void type_format(const struct type *type, char out[TYPE_TEXT_MAX]);
enum storage type_storage(const struct type *type);

/* One typed value outside a batch (the bounds of checks). `str` is owned by the holder, canonical text. */
struct value {
    int64_t i64;
    double f64;
    char *str;
    size_t str_len;
};

/* N records, or a share of an object's records in millionths (1% = 10,000), rounded up. */
struct reject_limit {
    bool is_share;
    int64_t number;
    int64_t share_ppm;
};

/* What becomes of what a check finds. */
enum check_on { CHECK_ON_WARN, CHECK_ON_REJECT, CHECK_ON_FAIL };

/* The first four judge one cell, the others an object (or hour) as a whole. */
enum check_kind {
    CHECK_KIND_MIN, /* numbers and times only; decimals compare as numbers */
    CHECK_KIND_MAX,
    CHECK_KIND_IN,    /* text by bytes */
    CHECK_KIND_REGEX, /* text only */
    CHECK_KIND_UNIQUE,
    CHECK_KIND_NULLS,
};

/* One rule on the values of a column; all but the last hold for NULL. Made by checks_add. */
struct check {
    enum check_kind kind;
    enum check_on on;
    char *text; /* what is allowed as the pipeline file has it: "120", "^[A-Z]+$"; NULL where there is none */
    struct value bound; /* min, max */
    struct value *in;
    size_t in_count;
    struct check_regex *regex; /* compiled; safe to use by several threads */
    struct reject_limit nulls; /* as many are allowed */
};

struct checks {
    struct check *items;
    size_t n;
};

struct schema_column {
    char *name;
    char *from; /* name in the header; the same as `name` unless given. May be "" */
    struct type type;
    bool nullable;
    bool drop; /* read (and its presence required), never converted, not loaded */
    struct checks checks;
};

enum column_policy { COLUMNS_FAIL, COLUMNS_IGNORE, COLUMNS_NULL };
enum contract { CONTRACT_FREEZE, CONTRACT_EVOLVE };

struct schema {
    struct schema_column *columns;
    size_t ncolumns;
    size_t *loaded; /* indexes into columns */
    size_t nloaded;
    enum column_policy extra;   /* FAIL or IGNORE: a column of the file that the schema does not name */
    enum column_policy missing; /* FAIL or NULL: a column of the schema that the file does not have */
    enum contract contract;     /* whether setup may add columns to the table */
    char **nulls;               /* null tokens; NULL array if none */
    size_t nnulls;
    uint64_t hash; /* of loaded names, types and nullability (not of checks), set by schema_seal */
};

/* CONFIG where a check of the column fits no value of its type, ...; part of the seal. */
enum err_code schema_check_column(const struct schema_column *column, struct err *err) MUST_USE;
/* Fills loaded and hash. CONFIG where no column is loaded, two columns have one name, a check fits no value
 * of its type... */
enum err_code schema_seal(struct schema *schema, struct err *err) MUST_USE;
/* Frees everything the schema owns. */
void schema_release(struct schema *schema);

/* The i-th loaded column. */
static inline const struct schema_column *schema_loaded(const struct schema *schema, size_t i)
{
    return &schema->columns[schema->loaded[i]];
}

#endif
