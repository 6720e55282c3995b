/*
 * pipeline: one pipeline file, checked, with its environment merged, its ${...} resolved and its units made
 * plain.
 *
 * The form is pipeline.example.yaml (docs/). Order of authority: --set beats the environment beats the file
 * beats the defaults of the key table (keys.h). Errors name file, line and key. Read-only after
 * pipeline_load.
 */
#ifndef SLUICE_CONFIG_PIPELINE_H
#define SLUICE_CONFIG_PIPELINE_H

#include "core/data/csv.h"
#include "core/data/schema.h"

enum pipeline_create { PIPELINE_CREATE_NEVER, PIPELINE_CREATE_IF_MISSING };
enum pipeline_lineage { PIPELINE_LINEAGE_FALSE, PIPELINE_LINEAGE_TRUE, PIPELINE_LINEAGE_INDEXED };
enum commit_unit { COMMIT_FILE, COMMIT_HOUR, COMMIT_CHUNK };
enum on_empty { ON_EMPTY_OK, ON_EMPTY_WARN, ON_EMPTY_FAIL };
enum on_changed { ON_CHANGED_FAIL, ON_CHANGED_IGNORE, ON_CHANGED_REPLACE };

enum { NOTIFY_FAILURE = 1, NOTIFY_RECOVERY = 2, NOTIFY_LATE = 4 };

/* A check of an hour as a whole, judged in the transaction that loads it. */
enum hour_check_kind { HOUR_CHECK_ROWS, HOUR_CHECK_MEAN, HOUR_CHECK_SQL };
enum { HOUR_CHECKS_MAX = 64 };
struct hour_check {
    char *name;
    enum hour_check_kind kind;
    enum check_on on; /* warn or fail */
    int64_t rows_min, rows_max;
    char *column_name;
    size_t column;   /* mean: position among the loaded columns */
    double min, max; /* of the mean; infinite where there is no bound */
    char *sql;       /* a template, see core/sink/check_template.h, which judges it */
    int line;        /* where the check stands in the file */
};

struct pipeline {
    char *name;     /* 1..64 bytes of [A-Za-z0-9_.-] */
    char *file;     /* as given, for messages */
    char *base_dir; /* absolute folder of the file: relative paths start here */
    char *env;      /* NULL where none was chosen */

    struct {
        char *url;
        char *layout;
        int64_t expect_within_ms;
        struct csv_dialect csv; /* escape other than none is UNSUPPORTED */
    } source;

    struct schema schema;

    struct {
        char *url;
        char *user, *password; /* NULL where not given */
        char *table;
        enum pipeline_create create;
        size_t *key; /* 0..nloaded-1: positions among the loaded columns */
        size_t nkey;
        enum pipeline_lineage lineage;
        enum commit_unit commit_unit;
        int64_t chunk_rows;
        int connections; /* 1..64 */
        int64_t lease_ms;
    } target;

    struct {
        struct reject_limit max_rejects;
        enum on_empty on_empty;
        enum on_changed on_changed;
        int64_t outage_ms;
        int retry_attempts;
        int64_t retry_delay_ms;
    } policy;

    struct hour_check *checks;
    size_t nchecks;

    struct {
        char *url; /* NULL where the pipeline has no queue */
        int64_t lookback_ms;
    } queue;

    struct {
        char *enqueue, *work; /* cron lines (base/cron.h) */
        int64_t lag_ms;
    } schedule;

    struct {
        unsigned on; /* NOTIFY_... */
        char **exec; /* the program and its arguments, ended by NULL; nexec = 0: none */
        size_t nexec;
    } notify;
};

/* Looks up `${SCHEME:ARG}` beyond the built-in `${NAME}` and `${file:PATH}` (for backends: ssm). *out is
 * allocated (mem). */
struct interp_provider {
    const char *scheme;
    enum err_code (*lookup)(void *ctx, const char *arg, char **out, struct err *err);
    void *ctx;
};

struct pipeline_options {
    const char *file;
    const char *env;         /* NULL = none */
    const char *const *sets; /* "path.to.key=value" */
    size_t nsets;
    const struct interp_provider *providers;
    size_t nproviders;
};

enum err_code pipeline_load(const struct pipeline_options *options, struct pipeline **out,
                            struct err *err) MUST_USE;
void pipeline_free(struct pipeline *pipeline);

/* Warnings about combinations that work but surprise ("chunk with a share: judged at the last chunk only"),
 * one a line. */
enum err_code pipeline_warnings(const struct pipeline *pipeline, struct buf *out, struct err *err) MUST_USE;

/* The table of keys as a commented YAML page or as help text (`sluice help pipeline`). */
enum err_code pipeline_keys_help(struct buf *out, struct err *err) MUST_USE;

#endif
