/*
 * rig: a whole job for a test: pipeline, store, sink and the engine's struct job, from a pipeline text.
 *
 * The pipeline file is written into a folder of its own; `file:` and `sqlite:` URLs in it are relative to
 * that folder, `mem:` names are reset when the rig is opened. What the engine tells is kept in `log`, one
 * line an object.
 */
#ifndef SLUICE_TESTS_SUPPORT_RIG_H
#define SLUICE_TESTS_SUPPORT_RIG_H

#include "core/load/job.h"
#include "core/load/run.h"

struct rig {
    char *dir;
    struct pipeline *pipeline;
    struct layout *layout;
    struct store *store; /* also to put objects in */
    struct job job;
    atomic_int stop;
    struct clock_virtual clock; /* starts at 2022-06-06T00:00:00Z */
    struct buf log;             /* "KEY STATUS READ LOADED REJECTED ERROR-NAME\n" */
    struct buf hours;           /* "HOUR STATE\n" */
    struct job_totals totals;
    int status;
    struct err err;
    /* what a test may put around stores and sinks; NULL = nothing. Takes over inner. */
    struct store *(*wrap_store)(void *ctx, struct store *inner);
    struct sink *(*wrap_sink)(void *ctx, struct sink *inner);
    void *wrap_ctx;
};

/* A pipeline of three columns (id bigint not null, name varchar(20), amount double) from `source` into
 * `target`; `more` is YAML put behind ("policy: {...}\n"). */
#define RIG_PIPELINE(source, target, more)                                                                   \
    "name: rig\nsource: {url: \"" source "\", csv: {nulls: [\"NA\", \"\"]}}\nschema:\n  columns:\n"          \
    "    - {name: id, type: bigint, nullable: false}\n    - {name: name, type: varchar(20)}\n    - {name: "  \
    "amount, type: double}\n"                                                                                \
    "target: {url: \"" target "\", table: t}\n" more

/* Opens everything and makes the tables. Aborts the test where that fails. */
void rig_open(struct rig *rig, const char *pipeline_text, const char *const *sets, size_t nsets);
/* The same on an earlier rig's folder and mem places: a second process, as it were. */
void rig_reopen(struct rig *rig, const char *pipeline_text, const char *const *sets, size_t nsets);
/* Closes all but the folder, the places in memory, the clock and the wrappers, and opens again. */
void rig_restart(struct rig *rig, const char *pipeline_text, const char *const *sets, size_t nsets);
void rig_close(struct rig *rig);

/* Puts an object; it is made older than 2 s by moving the clock. */
void rig_put(struct rig *rig, const char *key, const char *text);
void rig_put_bytes(struct rig *rig, const char *key, const void *data, size_t len);

/* A run over everything (or `options`); fills log, hours, totals, status, err. Returns status. */
int rig_run(struct rig *rig, const struct run_options *options);

/* Number of rows of the target, and their hash. */
int64_t rig_rows(struct rig *rig, uint64_t *hash);

/* A new sink handle on the rig's target. */
struct sink *rig_sink(struct rig *rig, bool read_only);

#endif
