/* profile_rig: schemas of a few columns, batches from texts, reports from batches: for the tests of
 * core/profile. */
#ifndef SLUICE_TESTS_PROFILE_RIG_H
#define SLUICE_TESTS_PROFILE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/data/types.h"
#include "core/profile/profile.h"

enum { RIG_COLUMNS_MAX = 40 };

struct rig {
    struct schema schema;
    struct batch *batch;
    struct err err;
};

#define RIG_OK(rig, call)                                                                                    \
    do {                                                                                                     \
        if (call)                                                                                            \
            fail_msg("%s: %s", #call, (rig)->err.msg);                                                       \
    } while (0)

/* Columns c0, c1, ... of these types; a '!' behind one: not nullable. */
static inline void rig_init(struct rig *rig, const char *const *types, size_t n)
{
    *rig = (struct rig){.err = ERR_INIT};
    rig->schema.columns = calloc(n, sizeof *rig->schema.columns);
    rig->schema.loaded = calloc(n, sizeof *rig->schema.loaded);
    rig->schema.ncolumns = rig->schema.nloaded = n;
    for (size_t i = 0; i < n; i++) {
        struct schema_column *col = &rig->schema.columns[i];
        char type[TYPE_TEXT_MAX];
        size_t len = strlen(types[i]);
        snprintf(type, sizeof type, "%s", types[i]);
        col->nullable = type[len - 1] != '!';
        if (!col->nullable)
            type[len - 1] = '\0';
        col->name = malloc(24);
        snprintf(col->name, 24, "c%zu", i);
        rig->schema.loaded[i] = i;
        RIG_OK(rig, type_parse(type, &col->type, &rig->err));
    }
    RIG_OK(rig, batch_new(&rig->schema, 65536, 1 << 20, &rig->batch, &rig->err));
}

static inline void rig_release(struct rig *rig)
{
    batch_free(rig->batch);
    for (size_t i = 0; i < rig->schema.ncolumns; i++)
        free(rig->schema.columns[i].name);
    free(rig->schema.columns);
    free(rig->schema.loaded);
}

/* A cell of the row under construction; NULL as text: no value. */
static inline void rig_put(struct rig *rig, struct batch *batch, size_t c, const char *text)
{
    if (!text) {
        batch_set_null(batch, c);
        return;
    }
    enum err_name name = types_put(batch, c, &rig->schema.columns[c].type, text, strlen(text));
    if (name)
        fail_msg("'%s': %s", text, err_name_text(name));
}

/* Appends a row to rig->batch: one text for each column. */
static inline void rig_row(struct rig *rig, const char *const *cells)
{
    for (size_t c = 0; c < rig->schema.ncolumns; c++)
        rig_put(rig, rig->batch, c, cells[c]);
    batch_commit_row(rig->batch, 1, 0);
}

static inline struct profile *rig_profile(struct rig *rig, int by, unsigned threads, size_t memory)
{
    struct profile_options options = {.schema = &rig->schema, .by = by, .threads = threads, .memory = memory};
    struct profile *profile;
    RIG_OK(rig, profile_new(&options, &profile, &rig->err));
    return profile;
}

static inline struct report *rig_finish(struct rig *rig, struct profile *profile)
{
    struct hour_range all = {0};
    struct report *report;
    RIG_OK(rig, profile_finish(profile, "p", "source", &all, &report, &rig->err));
    profile_free(profile);
    return report;
}

/* The report of rig->batch. */
static inline struct report *rig_report(struct rig *rig, int by)
{
    struct profile *profile = rig_profile(rig, by, 1, 0);
    RIG_OK(rig, profile_add(profile, rig->batch, 0, rig->batch->rows, true, 1000, &rig->err));
    return rig_finish(rig, profile);
}

/* A generator for tests: the same numbers each time. */
static inline uint64_t rig_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void assert_near(double a, double b, double relative)
{
    if (!(fabs(a - b) <= relative * fmax(fabs(a), fabs(b))))
        fail_msg("%.17g is not %.17g", a, b);
}

static inline void assert_num(struct report_num num, double value)
{
    assert_true(num.known);
    assert_near(num.value, value, 1e-12);
}

#endif
