/*
 * races: several processes at the same hours of one SQLite file, and one that stops in the middle.
 *
 * Rows are there once whatever happens; a process ends with 0, 4 (another has the hour) or 5 (the file was
 * locked too long). One that was stopped past its lease, while another took the hour, must not commit: the
 * ledger or the fence refuses it. Time is virtual where a process is stopped: a lease ends in the other's
 * clock, so nothing waits and nothing depends on luck. Where processes race, it is the real one.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tests/support/scene.h"
#include "tests/support/sink_wrap.h"
#include "tests/support/sqlite_fault.h"
#include "tests/support/tempdir.h"

enum { WORKERS_MAX = 8, LEASE_US = 6000000, BUSY_US = 15000000, ROUNDS_LONG = 40 };

/* ---- races ---- */

static pid_t start_worker(struct stage *stage, const struct rig *place, const struct run_options *options,
                          const int gate[2])
{
    pid_t child = fork();
    if (child != 0)
        return child;
    struct rig rig = {.dir = place->dir, .clock = place->clock};
    char c;
    close(gate[1]);
    (void)!read(gate[0], &c, 1); /* until the gate is closed */
    stage_enter(stage, &rig);
    int status = rig_run(&rig, options);
    if (status != 0 && status != 4)
        fprintf(stderr, "# a worker ends with %d: %s\n", status, rig.err.msg);
    stage_leave(&rig);
    _exit(status);
}

enum { OLD_DATABASE = 0, NEW_DATABASE = 1, ONE_HOUR = 2 };

/* All start at once, perhaps on a database that is not there yet. Of several at one hour one at least has it;
 * with more hours each may find another's. */
static void one_race(struct stage *stage, size_t workers, int how, int seen[6])
{
    struct rig rig = {0};
    pid_t children[WORKERS_MAX];
    char what[64], path[4096];
    int gate[2], zeros = 0;
    bool refused = false;
    struct run_options options = {.range = {.bounded = how & ONE_HOUR}};
    struct err err = ERR_INIT;
    assert_int_equal(hour_parse("2022-06-05T12", &options.range.from, &err), ERR_OK);
    options.range.to = options.range.from + 1;
    stage_lay(stage, &rig);
    rig.clock.base = *clock_real();
    snprintf(path, sizeof path, "%s/t.db", rig.dir);
    if (how & NEW_DATABASE)
        assert_int_equal(unlink(path), 0);
    assert_int_equal(pipe(gate), 0);
    for (size_t i = 0; i < workers; i++)
        children[i] = start_worker(stage, &rig, &options, gate);
    close(gate[0]);
    close(gate[1]);
    for (size_t i = 0; i < workers; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        int code = WEXITSTATUS(status);
        if (code != 0 && code != 4 && code != 5)
            fail_msg("%s: a worker of %zu ends with %d", stage->scene->name, workers, code);
        refused = refused || code == 5;
        zeros += code == 0;
        seen[code]++;
    }
    snprintf(what, sizeof what, "raced by %zu", workers);
    if (how & ONE_HOUR)
        assert_true(zeros > 0 || refused);
    else if (!refused)
        stage_look(stage, &rig, what);
    assert_string_equal(sqlite_fault_integrity(path), "ok");
    stage_finish(stage, &rig, what);
}

static void race(enum scene_id id, size_t workers, int rounds, int how)
{
    struct stage stage;
    int seen[6] = {0};
    if (getenv("SLUICE_FAULT_LONG"))
        rounds *= ROUNDS_LONG;
    stage_open(&stage, id);
    for (int i = 0; i < rounds; i++)
        one_race(&stage, workers, how, seen);
    print_message("# %s: %d rounds of %zu: %d ended with 0, %d with 4, %d with 5\n", stage.scene->name,
                  rounds, workers, seen[0], seen[4], seen[5]);
    stage_release(&stage);
}

static void two_at_once(void **state)
{
    (void)state;
    race(SCENE_FILE, 2, 10, ONE_HOUR);
    race(SCENE_FILE, 2, 10, OLD_DATABASE);
    race(SCENE_CHUNK, 2, 10, OLD_DATABASE);
    race(SCENE_HOUR, 2, 10, NEW_DATABASE);
}

static void eight_at_once(void **state)
{
    (void)state;
    race(SCENE_FILE, 8, 5, ONE_HOUR);
    race(SCENE_FILE, 8, 5, OLD_DATABASE);
    race(SCENE_CHUNK, 8, 5, NEW_DATABASE);
}

/* ---- a worker that stops ---- */

struct stop {
    struct sink_wrap wrap;
    struct rig *rig;
    bool time_goes_on; /* when it wakes, its clock shows that its lease is over */
};

static struct sink *wrap_sink(void *ctx, struct sink *inner)
{
    return sink_wrap_new(&((struct stop *)ctx)->wrap, inner);
}

static void stop_here(void *ctx, struct sink *inner)
{
    struct stop *s = ctx;
    (void)inner;
    raise(SIGSTOP);
    if (s->time_goes_on)
        s->rig->clock.now_us += LEASE_US;
}

/* A worker that stops at the Nth call of op; returns when it has. */
static pid_t stopped_worker(struct stage *stage, const struct rig *place, enum sink_op op, int64_t nth,
                            enum sink_when when, bool time_goes_on)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct rig rig = {.dir = place->dir, .clock = place->clock};
        struct stop stop = {.rig = &rig, .time_goes_on = time_goes_on};
        struct sink_rule rule = {.op = op, .nth = nth, .when = when, .hook = stop_here, .ctx = &stop};
        sink_wrap_init(&stop.wrap);
        rig.wrap_sink = wrap_sink;
        rig.wrap_ctx = &stop;
        stage_enter(stage, &rig);
        sink_wrap_reset(&stop.wrap);
        sink_wrap_rule(&stop.wrap, &rule);
        status = stage->scene->act(&rig);
        stage_leave(&rig);
        _exit(status);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    if (!WIFSTOPPED(status))
        fail_msg("%s: the worker did not stop at %s %lld but ended with %d", stage->scene->name,
                 sink_op_text(op), (long long)nth, status);
    return child;
}

static int wake(pid_t child)
{
    int status = 0;
    assert_int_equal(kill(child, SIGCONT), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Stopped inside its transaction it holds the file: others say so soon, and all ends well when it goes on. */
static void one_that_stops_inside_its_transaction_holds_the_file(void **state)
{
    static const struct {
        enum sink_op op;
        int64_t nth;
    } AT[] = {{SINK_OP_BEGIN, 1}, {SINK_OP_APPEND, 1}, {SINK_OP_TOTALS, 2}};
    struct stage stage;
    (void)state;
    stage_open(&stage, SCENE_FILE);
    for (size_t i = 0; i < sizeof AT / sizeof *AT; i++) {
        struct rig place = {0};
        stage_lay(&stage, &place);
        pid_t child = stopped_worker(&stage, &place, AT[i].op, AT[i].nth, SINK_AFTER, false);
        struct rig other = {.dir = place.dir, .clock = place.clock};
        stage_enter(&stage, &other);
        int64_t before = other.clock.now_us;
        int status = stage.scene->act(&other);
        if (status != 4 && status != 5)
            fail_msg("beside a stopped writer: %d: %s", status, other.err.msg);
        assert_true(other.clock.now_us - before < BUSY_US);
        stage_leave(&other);
        assert_int_equal(wake(child), 0);
        stage_look(&stage, &place, "stopped inside its transaction");
        stage_finish(&stage, &place, "stopped inside its transaction");
    }
    stage_release(&stage);
}

/* Stopped before BEGIN past its lease, while another loads: it finds all done. */
static void one_that_stops_past_its_lease_finds_the_work_done(void **state)
{
    static const enum scene_id SCENES_HERE[] = {SCENE_FILE, SCENE_CHUNK, SCENE_HOUR};
    (void)state;
    for (size_t i = 0; i < sizeof SCENES_HERE / sizeof *SCENES_HERE; i++) {
        struct stage stage;
        stage_open(&stage, SCENES_HERE[i]);
        for (int k = 0; k < 4; k++) {
            struct rig place = {0};
            stage_lay(&stage, &place);
            pid_t child = stopped_worker(&stage, &place, SINK_OP_BEGIN, 1 + k / 2, SINK_BEFORE, k % 2);
            struct rig other = {.dir = place.dir, .clock = place.clock};
            other.clock.now_us += LEASE_US;
            stage_enter(&stage, &other);
            assert_int_equal(stage.scene->act(&other), 0);
            stage_leave(&other);
            stage_look(&stage, &place, "loaded by another");
            int status = wake(child);
            if (status != 0 && status != 1 && status != 4)
                fail_msg("%s: the stale worker ends with %d", stage.scene->name, status);
            stage_look(&stage, &place, "after a stale worker");
            stage_finish(&stage, &place, "after a stale worker");
        }
        stage_release(&stage);
    }
}

/* Rows of an hour, by the ledger; that it tells the truth of the table is stage_finish's to see. */
static int64_t count_rows(struct stage *stage, const struct rig *place, hour_t hour)
{
    struct rig look = {.dir = place->dir, .clock = place->clock};
    struct ledger_query query = {.has_hour = true, .hour = hour};
    struct ledger_row *page = mem_alloc(REC_PAGE * sizeof *page);
    struct err err = ERR_INIT;
    int64_t rows = 0;
    size_t n = 0;
    assert_non_null(page);
    stage_enter(stage, &look);
    assert_int_equal(sink_ledger_page(look.job.sink, &query, page, REC_PAGE, &n, &err), ERR_OK);
    for (size_t i = 0; i < n; i++)
        rows += page[i].rows_loaded;
    stage_leave(&look);
    mem_free(page);
    return rows;
}

/* The other only takes the hour: nothing in the ledger stops the stale worker, the fence alone does. */
static void a_stale_commit_is_refused(void **state)
{
    static const enum scene_id SCENES_HERE[] = {SCENE_FILE, SCENE_CHUNK, SCENE_HOUR, SCENE_RELOAD,
                                                SCENE_REPLAY};
    (void)state;
    for (size_t i = 0; i < sizeof SCENES_HERE / sizeof *SCENES_HERE; i++) {
        struct stage stage;
        stage_open(&stage, SCENES_HERE[i]);
        for (int goes_on = 0; goes_on < 2; goes_on++) {
            struct rig place = {0};
            struct claim_row row;
            struct err err = ERR_INIT;
            hour_t hour = 0;
            bool taken = false;
            stage_lay(&stage, &place);
            assert_int_equal(hour_parse("2022-06-05T12", &hour, &err), ERR_OK);
            int64_t rows = count_rows(&stage, &place, hour);
            pid_t child = stopped_worker(&stage, &place, SINK_OP_BEGIN, 1, SINK_BEFORE, goes_on);
            struct rig other = {.dir = place.dir, .clock = place.clock};
            other.clock.now_us += LEASE_US;
            stage_enter(&stage, &other);
            assert_int_equal(sink_claim_take(other.job.sink, hour, "other", NULL, &row, &taken, &err),
                             ERR_OK);
            assert_true(taken);
            stage_leave(&other);
            int status = wake(child);
            if (status != 1)
                fail_msg("%s: the stale worker ends with %d", stage.scene->name, status);
            assert_int_equal(count_rows(&stage, &place, hour), rows);
            place.clock.now_us += 2 * LEASE_US;
            stage_finish(&stage, &place, "after a stale commit");
        }
        stage_release(&stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_at_once),
        cmocka_unit_test(eight_at_once),
        cmocka_unit_test(one_that_stops_inside_its_transaction_holds_the_file),
        cmocka_unit_test(one_that_stops_past_its_lease_finds_the_work_done),
        cmocka_unit_test(a_stale_commit_is_refused),
    };
    tempdir_use_memory();
    sqlite_fault_init();
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* a child whose check fails must not run on in the parent's place */
    return cmocka_run_group_tests_name("races", tests, NULL, NULL);
}
