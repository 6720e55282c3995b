/*
 * test_run_profile: the profile of a load: its rows are those that were committed, and nothing that happens
 * to it happens to the load.
 */
#include <jansson.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/unit/load/load_rig.h"
#include "tools/run_profile.h"

#define A     K("12", "a")
#define SEVEN HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\n7,g,7\n"
#define BAD   HEAD "1,ann,1\n2,bob,x\n3,cid,3\n"

static struct options options = {.given[OPT_PROFILE] = true, .given[OPT_QUIET] = true};
static char json[512];

/* What the load tells goes through here: allocations within it, by the thread that tells, are counted, and
 * the Nth fails. */
static struct job_rows inner;
static _Thread_local bool within;
static int64_t allocations, fail_nth;

static bool fault(void *ctx)
{
    (void)ctx;
    return within && ++allocations == fail_nth;
}

static void on_rows(void *eye, hour_t hour, const struct batch *batch, size_t from, size_t to)
{
    within = true;
    inner.rows(eye, hour, batch, from, to);
    within = false;
}

static void on_object(void *eye, hour_t hour, int64_t bytes)
{
    within = true;
    inner.object(eye, hour, bytes);
    within = false;
}

static void on_refused(void *eye, hour_t hour, const struct reject *reject)
{
    within = true;
    inner.refused(eye, hour, reject);
    within = false;
}

static void on_commit(void *eye)
{
    within = true;
    inner.commit(eye);
    within = false;
}

static struct run_profile *begin(struct rig *rig, struct app *app)
{
    struct run_profile *run = NULL;
    struct err err = ERR_INIT;

    *app = (struct app){.options = &options,
                        .clock = clock_real(),
                        .pipeline = rig->pipeline,
                        .layout = rig->layout,
                        .job = rig->job};
    snprintf(json, sizeof json, "%s/p.json", rig->dir);
    options.json = json;
    assert_int_equal(run_profile_new(app, &run, &err), ERR_OK);
    app->job.sink = rig->job.sink;
    inner = app->job.rows;
    rig->job.rows = inner;
    rig->job.rows.rows = on_rows;
    rig->job.rows.object = on_object;
    rig->job.rows.refused = on_refused;
    rig->job.rows.commit = on_commit;
    return run;
}

/* Rows that the file of the profile says; -1: there is none. */
static int64_t rows_told(void)
{
    json_t *document = json_load_file(json, 0, NULL);
    int64_t rows = document ? json_integer_value(json_object_get(document, "rows")) : -1;

    json_decref(document);
    (void)unlink(json);
    return rows;
}

OVER_ALL(what_is_rolled_back_is_not_described)
{
    struct app app;
    struct err err = ERR_INIT;

    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, SEVEN);
    rig_put(rig, K("12", "b"), BAD);
    rig_put(rig, K("13", "c"), BAD);
    struct run_profile *run = begin(rig, &app);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_int_equal(run_profile_end(run, &(struct hour_range){0}, &err), ERR_OK);
    run_profile_free(run);
    assert_int_equal(rows_told(), 7);
}

/* The Nth allocation of the profile's fails: the load does not notice, and the profile says so. */
static bool one_fails(struct rig *rig, const char *pipeline, int64_t nth)
{
    struct app app;
    struct err err = ERR_INIT;

    rig_open(rig, pipeline, SETS("policy.max_rejects=1", "target.commit_unit=chunk", "target.chunk_rows=2"));
    rig_put(rig, A, SEVEN);
    rig_put(rig, K("12", "b"), BAD);
    struct run_profile *run = begin(rig, &app);
    allocations = 0;
    fail_nth = nth;
    mem_set_fault(fault, NULL);
    assert_int_equal(rig_run(rig, NULL), 0);
    mem_set_fault(NULL, NULL);
    assert_int_equal(rig_rows(rig, NULL), 9);
    assert_int_equal(rig->totals.rows_loaded, 9);
    assert_int_equal(rig->totals.rows_rejected, 1);
    bool hit = allocations >= nth;
    if (run_profile_end(run, &(struct hour_range){0}, &err) == ERR_OK) {
        assert_false(hit);
        assert_int_equal(rows_told(), 9);
    } else {
        assert_int_equal(err.code, ERR_NOMEM);
        assert_non_null(strstr(err.msg, "the load is through, but not its profile"));
    }
    run_profile_free(run);
    assert_int_equal(rows_told(), -1);
    return hit;
}

OVER_ALL(a_profile_that_fails_does_not_fail_the_load)
{
    int64_t nth = 0;

    do {
        if (nth > 0)
            rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    } while (one_fails(rig, pipeline, ++nth));
    assert_true(nth > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_rolled_back_is_not_described),
        cmocka_unit_test(a_profile_that_fails_does_not_fail_the_load),
    };
    return cmocka_run_group_tests_name("run_profile", tests, NULL, NULL);
}
