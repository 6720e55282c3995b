/*
 * infer: how CSV files are written and what their columns are, guessed from samples. Never at run time: the
 * guess is printed as a pipeline file, which a person reads and keeps.
 *
 *   infer_text (each head) -> infer_dialect (all heads) -> infer_new -> infer_object (each sample)
 *     -> infer_finish -> infer_result
 *
 * Records come from core/data/csv and values are judged by core/data/types, so a guess cannot disagree with
 * the loader. Types are the narrowest that are safe for what was not read too: docs/infer.md has the rules.
 */
#ifndef SLUICE_PROFILE_INFER_H
#define SLUICE_PROFILE_INFER_H

#include "core/data/csv.h"
#include "core/data/schema.h"

enum {
    INFER_HEAD_BYTES = 64 * 1024, /* of an object, for the dialect */
    INFER_SHOWN_MAX = 48,         /* bytes of a value told */
    INFER_EXAMPLES = 3,           /* values told of a class, or places of a fault */
    INFER_TOKENS = 18,            /* texts that often mean NULL */
    INFER_FROM_MAX = 1000,        /* bytes of a header's name that a pipeline file is given */
    INFER_BOOLEAN_VALUES = 1000,  /* so many 0 and 1 make a boolean; fewer may be a count that began small */
    INFER_DECIMAL_VALUES = 20,    /* so many values of one scale make a decimal */
    INFER_KEY_VALUES = 100,       /* so many, each larger than the one before, may be a key */
    INFER_EMPTY_LENGTH = 255,     /* varchar of a column without a value */
};

/* The first bytes of an object, decompressed. */
struct infer_head {
    const char *data;
    size_t len;
    bool whole; /* there is no more */
};

/* UNSUPPORTED, saying what it is and what to do, for bytes that are no text that sluice reads: UTF-16,
 * archives, images, line ends of old Macs. */
enum err_code infer_text(const struct infer_head *head, struct err *err) MUST_USE;

struct infer_dialect {
    struct csv_dialect csv;             /* header: by_name or none */
    int64_t records;                    /* judged in the heads */
    int64_t regular;                    /* of them with as many fields as most of their object */
    size_t fields;                      /* that most records have */
    int64_t quoted;                     /* records with a quoted field */
    size_t with_header, without_header; /* heads whose first record looks like one, and does not */
    bool header_by_types;               /* told by the values below; else by names that do not come again */
    size_t boms;                        /* heads that begin with a byte order mark */
    int64_t crlf, lf;                   /* records that end so */
};

/* UNSUPPORTED where no dialect gives a record. heads: one at least. */
enum err_code infer_dialect(const struct infer_head *heads, size_t nheads, struct infer_dialect *out,
                            struct err *err) MUST_USE;

/* Whether a head begins with a header; *any: it has a record; *by_types: the values below tell. */
enum err_code infer_header(const struct infer_head *head, const struct csv_dialect *dialect, bool *any,
                           bool *header, bool *by_types, struct err *err) MUST_USE;

/* What one value is. */
enum infer_class {
    INFER_BIT,       /* 0, 1 */
    INFER_WORD,      /* true, false */
    INFER_INT,       /* other whole numbers that bigint takes */
    INFER_BIG,       /* whole numbers beyond */
    INFER_ZEROS,     /* numbers that begin with a zero too many: a code, 08123 */
    INFER_POINT,     /* with a point, at most 15 digits */
    INFER_FLOAT,     /* with an exponent, or with more digits */
    INFER_DATE,      /* YYYY-MM-DD */
    INFER_TIMESTAMP, /* with a time of day */
    INFER_TEXT,      /* all else */
    INFER_BROKEN,    /* no valid UTF-8 */
    INFER_CLASSES
};
enum infer_class infer_classify(const char *text, size_t len);
const char *infer_class_text(enum infer_class class); /* "whole number", ... */

struct infer_example {
    const char *object; /* owned by the struct infer */
    int64_t line;
    int64_t count; /* how often the same text came */
    size_t len;    /* of the whole text; text is cut */
    char text[INFER_SHOWN_MAX];
};

struct infer_extreme {
    double value;
    char text[INFER_SHOWN_MAX];
};

/* Why a column has its type, where the type alone does not say it. */
enum infer_why {
    INFER_PLAIN,
    INFER_NO_VALUE,  /* nothing but NULLs */
    INFER_MIXED,     /* values of several classes */
    INFER_CODES,     /* leading zeros */
    INFER_BEYOND,    /* whole numbers beyond bigint */
    INFER_FEW_BITS,  /* 0 and 1, or one of them, but too few to be sure of a boolean */
    INFER_RUNNING,   /* an unnamed running number: dropped */
    INFER_KEPT_TOKEN /* a text such as NA stays a value, or it would be lost in another column */
};

struct infer_column {
    char *name; /* legal, unique */
    char *from; /* as the header has it; the same as name where there is no header */
    struct type type;
    enum infer_why why;
    bool drop;
    bool increasing;                /* whole numbers, each larger than the one before */
    bool decimal_commas;            /* texts such as 1,5 */
    int64_t objects;                /* that have it */
    int64_t nulls;                  /* fields that are NULL with the tokens taken */
    int64_t values;                 /* all other fields */
    int64_t classes[INFER_CLASSES]; /* values by class, tokens left out */
    int64_t tokens[INFER_TOKENS];   /* fields that are such a text */
    struct infer_extreme low, high; /* of numbers and times */
    int64_t length_min, length_max; /* code points, of all fields but unquoted empty ones */
    struct infer_example examples[INFER_CLASSES][INFER_EXAMPLES]; /* count = 0: none */
};

struct infer_token {
    const char *text; /* "" = an unquoted empty field */
    int64_t count;    /* fields in all columns */
    bool taken;       /* into source.csv.nulls */
    size_t column;    /* where it stands beside typed values; or, not taken, whose value it is */
    bool blocked;     /* not taken, as `column` is of two-letter codes */
};

/* Records that no schema would take. */
struct infer_fault {
    enum err_name name;
    int64_t count;
    struct infer_example first;
};
enum { INFER_FAULTS = 8 };

struct infer_result {
    enum csv_header header; /* by_position where names cannot tell the columns apart */
    bool twice;             /* a header has a name twice */
    bool unfit;             /* a header has a name that a pipeline file cannot hold */
    char twice_name[INFER_SHOWN_MAX];
    struct infer_column *columns;
    size_t ncolumns;
    struct infer_token tokens[INFER_TOKENS];
    int64_t objects;           /* read */
    int64_t whole_objects;     /* of them to their end */
    int64_t empty_objects;     /* without a record, not even a header */
    int64_t headers;           /* objects whose columns are known */
    int64_t records;           /* without headers and faults */
    int64_t bytes;             /* decompressed */
    int64_t differ;            /* of them those without all of the columns below */
    const char *differ_object; /* the first with the fewest */
    int64_t backslashes;       /* faulty records with a quote or delimiter behind a backslash */
    struct infer_fault faults[INFER_FAULTS];
    size_t nfaults;
};

struct infer_limits {
    int64_t bytes, records; /* of one object; 0 = none */
};

struct infer;
enum err_code infer_new(const struct infer_dialect *dialect, struct infer **out, struct err *err) MUST_USE;
void infer_free(struct infer *infer);

/* Reads an object (decompressed bytes) up to the limits. Errors are those of src, NOMEM, LIMIT. What was
 * read before an error counts. */
enum err_code infer_object(struct infer *infer, const char *key, struct bytes *src,
                           const struct infer_limits *limits, struct err *err) MUST_USE;

/* Decides. UNSUPPORTED where no object had a column. *out is the infer's. */
enum err_code infer_finish(struct infer *infer, const struct infer_result **out, struct err *err) MUST_USE;

#endif
