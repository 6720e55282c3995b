/* verify_rig: what the tests of verify share: a report as text, and hands that tamper with the table. */
#ifndef SLUICE_TESTS_UNIT_LOAD_VERIFY_RIG_H
#define SLUICE_TESTS_UNIT_LOAD_VERIFY_RIG_H

#include <sqlite3.h>

#include "core/data/batch.h"
#include "core/load/verify.h"
#include "tests/unit/load/load_rig.h"

#define A    K("12", "a")
#define B    K("12", "b")
#define GOOD HEAD "1,ann,1.5\n2,bob,2.5\n"

struct report {
    char text[8192];
    struct verify_totals totals;
};

static inline void say(struct report *r, const char *text)
{
    snprintf(r->text + strlen(r->text), sizeof r->text - strlen(r->text), "%s", text);
}

static inline void say_side(struct report *r, const char *name, const struct verify_side *side)
{
    char text[64];
    if (side->known)
        snprintf(text, sizeof text, " %s=%lld/%lld", name, (long long)side->rows, (long long)side->rejected);
    else
        snprintf(text, sizeof text, " %s=?", name);
    say(r, text);
}

static inline void on_result(void *ctx, const struct verify_result *v)
{
    struct report *r = ctx;
    char hour[HOUR_TEXT_MAX];
    hour_format(v->hour, hour);
    say(r, v->by == VERIFY_BY_HOUR    ? hour
           : v->by == VERIFY_BY_TABLE ? "(table)"
           : v->object[0]             ? v->object
                                      : "(unknown)");
    say(r, " ");
    say(r, verify_status_text(v->status));
    say_side(r, "s", &v->source);
    say_side(r, "l", &v->ledger);
    say_side(r, "t", &v->target);
    say(r, v->note[0] ? " *\n" : "\n");
    assert_non_null(v->note);
}

static inline void on_row(void *ctx, const struct verify_row *row)
{
    struct report *r = ctx;
    char text[1024];
    snprintf(text, sizeof text, "  %s %s %lld %lld:%lld", row->object, verify_kind_text(row->kind),
             (long long)row->line, (long long)row->in_source, (long long)row->in_target);
    say(r, text);
    for (size_t i = 0; i < row->ncells; i++) {
        const struct verify_cell *c = &row->cells[i];
        snprintf(text, sizeof text, " %s: %s | %s", c->column, c->source ? c->source : "NULL",
                 c->target ? c->target : "NULL");
        say(r, text);
    }
    assert_true(row->kind == VERIFY_CHANGED ? row->source && row->target : row->ncells == 0);
    snprintf(text, sizeof text, " <%s>\n", row->source ? row->source : row->target);
    say(r, text);
}

/* Verifies all (or one hour) and gives what was told. */
static inline const char *verified_by(struct report *r, struct rig *rig, const struct hour_range *range,
                                      int64_t show, enum verify_by by)
{
    struct err err = ERR_INIT;
    struct verify_options options = {.by = by, .show = show, .result = on_result, .row = on_row, .ctx = r};
    if (range)
        options.range = *range;
    r->text[0] = '\0';
    if (verify_run(&rig->job, &options, &r->totals, &err) != ERR_OK)
        fail_msg("verify: %s", err.msg);
    return r->text;
}

static inline const char *verified(struct report *r, struct rig *rig, const struct hour_range *range,
                                   int64_t show)
{
    return verified_by(r, rig, range, show, VERIFY_BY_OBJECT);
}

static inline void tamper(struct rig *rig, const char *sql)
{
    char path[4096];
    char *message = NULL;
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/t.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    sqlite3_close(db);
}

/* Puts a row under a load id into the table, behind the ledger's back. */
static inline void smuggle(struct rig *rig, int64_t load_id, int64_t id, const char *name, double amount)
{
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, false);
    struct batch *batch = NULL;
    struct sink_load *load = NULL;
    struct claim_row claim;
    bool taken = false;
    int64_t stored = 0;
    assert_int_equal(batch_new(&rig->pipeline->schema, 4, 256, &batch, &err), ERR_OK);
    batch_begin_row(batch);
    batch_set_i64(batch, 0, id);
    assert_int_equal(batch_set_str(batch, 1, name, strlen(name), &err), ERR_OK);
    batch_set_f64(batch, 2, amount);
    batch_commit_row(batch, 1, 0);
    assert_int_equal(sink_claim_take(sink, 1, "smuggler", NULL, &claim, &taken, &err), ERR_OK);
    struct sink_begin begin = {.hour = 1, .owner = "smuggler", .epoch = claim.epoch, .run_id = "smuggler"};
    assert_int_equal(sink_begin(sink, &begin, &load, &err), ERR_OK);
    struct sink_segment segment = {0, 1, load_id};
    assert_int_equal(sink_append(load, batch, &segment, 1, &stored, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    batch_free(batch);
    sink_close(sink);
}

static inline void load_two(struct rig *rig, const char *pipeline, const char *set)
{
    rig_open(rig, pipeline, SETS("policy.max_rejects=1", set));
    rig_put(rig, A, GOOD);
    rig_put(rig, B, HEAD "3,\"c \"\"x\"\", y\",3\nx,d,4\n4,,5\n");
    assert_int_equal(rig_run(rig, NULL), 0);
}

#endif
