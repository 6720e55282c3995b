/*
 * kill: kill -9 at named points of a load into SQLite, then a run in another process.
 *
 * A point is a call of a sink or store op, its 1st, 2nd, ..., before or after the inner one; or a write (half
 * done), sync, truncate or delete of SQLite's, inside COMMIT too. A child runs the
 * act and ends itself there; then the database must be whole, and an undisturbed run must end at once (a dead
 * owner is no wait) as a run that was never disturbed. The points are listed in the output.
 * SLUICE_FAULT_LONG=1 takes every call of every op, else the first two and the last (with sanitizers the
 * first and the last).
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
#include "tests/support/sanitized.h"
#include "tests/support/scene.h"
#include "tests/support/sink_wrap.h"
#include "tests/support/sqlite_fault.h"
#include "tests/support/store_hook.h"
#include "tests/support/tempdir.h"

enum { NOT_KILLED = 99, DENSE = 6 };

enum place { IN_SINK, IN_STORE, IN_DISK };

struct point {
    enum place place;
    int op; /* enum sink_op or enum store_op */
    int64_t nth;
    bool after;
};

struct wraps {
    struct sink_wrap sink;
    struct store_hook store;
};

static struct store *wrap_store(void *ctx, struct store *inner)
{
    return store_hook_new(&((struct wraps *)ctx)->store, inner);
}

static struct sink *wrap_sink(void *ctx, struct sink *inner)
{
    return sink_wrap_new(&((struct wraps *)ctx)->sink, inner);
}

static const char *op_text(enum place place, int op)
{
    return place == IN_STORE  ? store_op_text((enum store_op)op)
           : place == IN_SINK ? sink_op_text((enum sink_op)op)
                              : "disk call";
}

static void kill_self(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void kill_in_sink(void *ctx, struct sink *inner)
{
    (void)ctx;
    (void)inner;
    kill_self();
}

static void kill_in_store(void *ctx)
{
    (void)ctx;
    kill_self();
}

static void arm(struct wraps *w, const struct point *p)
{
    if (p->place == IN_DISK) {
        sqlite_fault_disk(DISK_KILL, p->nth, false);
    } else if (p->place == IN_STORE) {
        w->store.op = (enum store_op)p->op;
        w->store.nth = p->nth;
        w->store.after = p->after;
        w->store.hook = kill_in_store;
    } else {
        struct sink_rule rule = {.op = (enum sink_op)p->op,
                                 .nth = p->nth,
                                 .when = p->after ? SINK_AFTER : SINK_BEFORE,
                                 .hook = kill_in_sink};
        sink_wrap_rule(&w->sink, &rule);
    }
}

/* The child: never returns. */
static void act_and_die(struct stage *stage, struct rig *rig, const struct point *p)
{
    struct wraps w;
    sink_wrap_init(&w.sink);
    store_hook_init(&w.store);
    rig->wrap_store = wrap_store;
    rig->wrap_sink = wrap_sink;
    rig->wrap_ctx = &w;
    stage_enter(stage, rig);
    sink_wrap_reset(&w.sink);
    memset(w.store.calls, 0, sizeof w.store.calls);
    arm(&w, p);
    stage->scene->act(rig);
    stage_leave(rig);
    _exit(NOT_KILLED);
}

/* False where the child was not killed: the point was not reached, or (after) the call itself failed. */
static bool kill_at(struct stage *stage, const struct point *p)
{
    struct rig rig = {0};
    char what[128], path[4096];
    int status = 0;
    snprintf(what, sizeof what, "killed %s %s %lld", p->after ? "after" : "before", op_text(p->place, p->op),
             (long long)p->nth);
    stage_lay(stage, &rig);
    pid_t child = fork();
    if (child == 0)
        act_and_die(stage, &rig, p);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (!killed && (!WIFEXITED(status) || WEXITSTATUS(status) != NOT_KILLED))
        fail_msg("%s %s: the child ended with %d", stage->scene->name, what, status);
    snprintf(path, sizeof path, "%s/t.db", rig.dir);
    const char *whole = sqlite_fault_integrity(path);
    if (strcmp(whole, "ok") != 0)
        fail_msg("%s %s: integrity_check: %s", stage->scene->name, what, whole);
    stage_finish(stage, &rig, what);
    return killed;
}

/* How often each op is called by an undisturbed act. */
static void count_calls(struct stage *stage, int64_t sink_calls[SINK_OP_COUNT],
                        int64_t store_calls[STORE_OPS])
{
    struct wraps w;
    struct rig rig = {.wrap_store = wrap_store, .wrap_sink = wrap_sink, .wrap_ctx = &w};
    sink_wrap_init(&w.sink);
    store_hook_init(&w.store);
    stage_try(stage, &rig);
    sink_wrap_reset(&w.sink);
    memset(w.store.calls, 0, sizeof w.store.calls);
    assert_int_equal(stage->scene->act(&rig), stage->scene->status);
    memcpy(sink_calls, w.sink.calls, SINK_OP_COUNT * sizeof *sink_calls);
    memcpy(store_calls, w.store.calls, STORE_OPS * sizeof *store_calls);
    rig_close(&rig);
    store_hook_release(&w.store);
    sink_wrap_release(&w.sink);
}

static int64_t kill_in_op(struct stage *stage, enum place place, int op, int64_t calls)
{
    bool all = getenv("SLUICE_FAULT_LONG") != NULL;
    struct buf points;
    struct err err = ERR_INIT;
    int64_t kills = 0;
    buf_init(&points, 65536);
    for (int64_t n = 1; n <= calls; n++) {
        if (!all && n > (SANITIZED ? 1 : 2) && n < calls)
            continue;
        struct point p = {place, op, n, false};
        if (!kill_at(stage, &p))
            fail_msg("%s: not killed before %s %lld", stage->scene->name, op_text(place, op), (long long)n);
        p.after = true;
        kills += 1 + kill_at(stage, &p);
        assert_int_equal(buf_printf(&points, &err, " %lld", (long long)n), ERR_OK);
    }
    if (calls)
        print_message("# %s: killed before and after %s%s\n", stage->scene->name, op_text(place, op),
                      buf_str(&points));
    buf_release(&points);
    return kills;
}

static int64_t kill_in_disk(struct stage *stage)
{
    bool all = getenv("SLUICE_FAULT_LONG") != NULL;
    struct point p = {.place = IN_DISK, .nth = 1};
    int64_t kills = 0;
    for (; kill_at(stage, &p); kills++)
        p.nth += all || p.nth < DENSE ? 1 : 1 + p.nth / (SANITIZED ? 3 : 6);
    print_message("# %s: killed at %lld of %lld disk calls\n", stage->scene->name, (long long)kills,
                  (long long)p.nth);
    return kills;
}

static void kill_everywhere(enum scene_id id)
{
    struct stage stage;
    int64_t sink_calls[SINK_OP_COUNT], store_calls[STORE_OPS], kills = 0;
    stage_open(&stage, id);
    count_calls(&stage, sink_calls, store_calls);
    for (int op = 0; op < SINK_OP_COUNT; op++)
        kills += kill_in_op(&stage, IN_SINK, op, sink_calls[op]);
    for (int op = 0; op < STORE_OPS; op++)
        kills += kill_in_op(&stage, IN_STORE, op, store_calls[op]);
    kills += kill_in_disk(&stage);
    print_message("# %s: %lld kills\n", stage.scene->name, (long long)kills);
    assert_true(kills > 30);
    stage_release(&stage);
}

static void unit_file(void **state)
{
    (void)state;
    kill_everywhere(SCENE_FILE);
}

static void unit_file_with_failures(void **state)
{
    (void)state;
    kill_everywhere(SCENE_BAD);
}

static void unit_hour(void **state)
{
    (void)state;
    kill_everywhere(SCENE_HOUR);
}

static void unit_chunk(void **state)
{
    (void)state;
    kill_everywhere(SCENE_CHUNK);
}

static void reload(void **state)
{
    (void)state;
    kill_everywhere(SCENE_RELOAD);
}

static void replay(void **state)
{
    (void)state;
    kill_everywhere(SCENE_REPLAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_file), cmocka_unit_test(unit_file_with_failures),
        cmocka_unit_test(unit_hour), cmocka_unit_test(unit_chunk),
        cmocka_unit_test(reload),    cmocka_unit_test(replay),
    };
    tempdir_use_memory();
    sqlite_fault_init();
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    setenv("CMOCKA_TEST_ABORT", "1", 1); /* a child whose check fails must not run on in the parent's place */
    return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
