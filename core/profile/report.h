/*
 * report: what a profile found, as plain data: all that text, JSON and HTML show is here, and nothing else is
 * computed behind it.
 *
 * Made whole by profile_finish, then read-only. Two reports of the same rows in the same order are equal to
 * the last bit, whatever the number of threads. Numbers of dates are days, of timestamps microseconds since
 * 1970; of booleans 0 and 1; of decimals the nearest double. "approx" marks what a sketch estimates; all
 * else is exact, as pandas' describe() (quantiles by linear interpolation, std with n - 1, skew unbiased).
 */
#ifndef SLUICE_PROFILE_REPORT_H
#define SLUICE_PROFILE_REPORT_H

#include "core/base/hour.h"
#include "core/data/schema.h"

enum {
    REPORT_TOP = 10,       /* most frequent values told */
    REPORT_EXAMPLES = 5,   /* far values told on each side */
    REPORT_BINS = 40,      /* of a histogram, at most */
    REPORT_CLASSES = 10,   /* values that --by takes, at most */
    REPORT_HEAD = 10,      /* first rows told */
    REPORT_TEXT_MAX = 120, /* bytes of a value told; cut at a code point, marked by an ellipsis */
};

enum report_kind { REPORT_NUMBER, REPORT_BOOLEAN, REPORT_TIME, REPORT_TEXT };

struct report_num {
    bool known; /* false: there is none (no value, too few for a std) */
    bool approx;
    double value;
};

/* Nine quantiles by name, for indexes of report_numbers.quantile. */
enum report_quantile { Q01, Q05, Q25, Q50, Q75, Q95, Q99, Q_COUNT };

struct report_numbers {
    struct report_num mean, std, skew, min, max, sum;
    struct report_num quantile[Q_COUNT];
    int64_t zeros, negatives;
    /* values beyond q25 - 1.5 IQR, q75 + 1.5 IQR; approx where the quartiles or the counts are */
    struct report_num fence_low, fence_high;
    int64_t outliers_low, outliers_high;
    bool outliers_approx;
    /* the lowest and the highest distinct values, the furthest first: nlow and nhigh of them; the first
     * nexample_low and nexample_high are beyond the fence */
    double example_low[REPORT_EXAMPLES], example_high[REPORT_EXAMPLES];
    int nlow, nhigh, nexample_low, nexample_high;
    int64_t example_low_count[REPORT_EXAMPLES],
        example_high_count[REPORT_EXAMPLES]; /* 0: not known (approx) */
};

struct report_value {
    char *text;    /* canonical, at most REPORT_TEXT_MAX bytes */
    double number; /* of columns that are no text */
    int64_t count;
    int64_t by_class[REPORT_CLASSES]; /* where there are classes */
};

/* Values in [low, high); the last bin's high is in it, save for whole numbers on an even axis. */
struct report_bin {
    double low, high;
    int64_t count;
    int64_t by_class[REPORT_CLASSES];
};

/* What lies outside of the bins where the axis is clipped. */
struct report_histogram {
    struct report_bin bins[REPORT_BINS];
    int nbins; /* 0: no value, or text */
    bool approx;
    bool logarithmic;     /* from the second on, bins grow by a factor: half of the values would share one */
    bool clipped;         /* the axis ends at the 99 % quantile (and, below 0, at the 1 %): said beside it */
    int64_t below, above; /* values outside, not in any bin */
};

/* One class of --by within a column. */
struct report_split {
    int64_t count, nulls;
    struct report_numbers numbers;
};

struct report_column {
    char *name;
    struct type type;
    enum report_kind kind;
    bool nullable; /* by the schema */
    int64_t count; /* values that are not NULL, as in describe() */
    int64_t nulls;
    int64_t distinct;
    bool distinct_approx;
    struct report_numbers numbers;       /* not of text */
    struct report_value top[REPORT_TOP]; /* most frequent first, then the smaller value (text: byte order) */
    int ntop;
    bool top_approx;                   /* the counts are lower bounds from a bounded table */
    struct report_histogram histogram; /* not of text */
    struct report_split split[REPORT_CLASSES];
    /* text only: lengths in code points */
    int64_t length_min, length_max, empty;
    double length_mean;
};

struct report_hour {
    hour_t hour;
    int64_t objects, rows, refused;
    int64_t *nulls; /* ncolumns of them */
};

/* A class of --by, most frequent first; NULL values are a class of their own (text "NULL"). */
struct report_class {
    char *text;
    int64_t rows;
    bool null;
    bool other; /* more values than REPORT_CLASSES: this one stands for all that came late (text "other") */
};

struct report_refusal {
    enum err_name name;
    int64_t count;
    char *example; /* object, line, column, why: one line */
};

enum report_rule {
    RULE_MISSING, /* a share of NULLs: over 5 %, strong over 20 % */
    RULE_ALL_NULL,
    RULE_CONSTANT,
    RULE_UNIQUE,           /* each value once: a key, or a row number */
    RULE_OUTLIERS,         /* beyond 1.5 IQR: over 1 % of the values */
    RULE_CODES,            /* a few far values repeated much: 96, 98, 999, -1: stand for something else */
    RULE_ZEROS,            /* over half of the values */
    RULE_SKEW,             /* |skew| over 10 */
    RULE_IMBALANCE,        /* --by: the rarest class under 10 % */
    RULE_CLASSES,          /* --by: more values than classes */
    RULE_CORRELATED,       /* |r| over 0.9: one says what the other does */
    RULE_HIGH_CARDINALITY, /* text: over half of the values distinct */
    RULE_REFUSED,          /* records that the schema or a check refused */
    RULE_GAP,              /* hours without an object between others */
    RULE_HOUR_ROWS,        /* an hour whose rows are far from the others' (beyond 3 IQR) */
    RULE_HOUR_NULLS,       /* an hour whose share of NULLs in a column is far from the others' */
    RULE_COUNT
};
const char *report_rule_text(enum report_rule rule); /* "missing", "all_null", ... */

struct report_warning {
    enum report_rule rule;
    bool strong;
    int column, other; /* indexes of columns; -1 = none */
    hour_t hour;       /* of the RULE_HOUR and GAP ones */
    double value;      /* what was found: a share 0..1, a skew, an r, a count */
    double limit;      /* what it was held against */
    char *message;     /* one line for people, with the figure and the rule */
};

struct report {
    char *pipeline, *what;   /* "source file:lake", "target sqlite:loans.db, table t": redacted */
    struct hour_range range; /* as asked for */
    bool of_target;          /* rows of a table, which refuses none; set by who read them there */
    int64_t rows, refused, objects, bytes;
    bool by_hour;              /* the hours of all rows are known (of a target without lineage none is) */
    struct report_hour *hours; /* in order; those with an object */
    size_t nhours;
    int64_t gaps;                  /* hours without an object between the first and the last */
    struct report_column *columns; /* loaded columns in schema order */
    size_t ncolumns;
    double rank_error;     /* of approx quantiles: off by at most this share of the ranks (999 of 1,000) */
    double distinct_error; /* of an approx distinct: one standard error, as a share */
    int by;                /* index of --by's column, -1 = none */
    struct report_class classes[REPORT_CLASSES];
    int nclasses;
    /* Pearson's r of each two columns that are neither text nor time, rows where both have a value; NaN where
     * there is none: correlations[i * ncorrelated + j] */
    size_t *correlated; /* indexes of columns */
    size_t ncorrelated;
    double *correlations;
    char **head; /* head_rows * ncolumns canonical texts, NULL = NULL */
    size_t head_rows;
    struct report_refusal *refusals;
    size_t nrefusals;
    struct report_warning *warnings; /* strong ones first, then by column */
    size_t nwarnings;
};

void report_free(struct report *report); /* NULL is fine */

#endif
