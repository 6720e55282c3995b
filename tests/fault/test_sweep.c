/*
 * sweep: one call of a load fails, the Nth of all, for N = 1, 2, ... until a load runs through untouched;
 * once and for good. Calls are allocations (sluice's and SQLite's own), store calls and sink calls, before
 * and after the inner one. Over a store that is far the Nth is another one each time, as several threads
 * read.
 *
 * After each: an undisturbed run ends as a run that was never disturbed (rows, hashes, ledger, rejects,
 * claims), and a disturbed run that reported success had done all of it. SLUICE_FAULT_LONG=1 takes every N;
 * without it the steps grow, from an offset that TEST_SEED sets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tests/support/sanitized.h"
#include "tests/support/scene.h"
#include "tests/support/sink_wrap.h"
#include "tests/support/sqlite_fault.h"
#include "tests/support/store_hook.h"
#include "tests/support/tempdir.h"

enum { DENSE = 12, N_MAX = 200000, LEASE_US = 6000000 };

/* What a try may disturb. */
struct fault {
    struct sink_wrap sink;
    struct store_hook store;
    atomic_llong allocations;
    int64_t nth;
    bool onwards;
    bool remote;
};

/* How: sets the fault up for the Nth call, says whether it was hit. */
struct kind {
    const char *name;
    void (*arm)(struct fault *f);
    bool (*hit)(struct fault *f);
    void (*disarm)(struct fault *f);
};

static struct store *wrap_store(void *ctx, struct store *inner)
{
    struct fault *f = ctx;
    struct store *store = store_hook_new(&f->store, inner);
    if (store)
        store->caps.remote = f->remote;
    return store;
}

static struct sink *wrap_sink(void *ctx, struct sink *inner)
{
    return sink_wrap_new(&((struct fault *)ctx)->sink, inner);
}

/* ---- allocations ---- */

static bool fail_allocation(void *ctx)
{
    struct fault *f = ctx;
    int64_t at = atomic_fetch_add(&f->allocations, 1) + 1;
    return at == f->nth || (f->onwards && at > f->nth);
}

static void arm_memory(struct fault *f)
{
    mem_set_fault(fail_allocation, f);
}

static void arm_sqlite(struct fault *f)
{
    sqlite_fault_memory(fail_allocation, f);
}

static bool hit_memory(struct fault *f)
{
    return f->allocations >= f->nth;
}

static void disarm_memory(struct fault *f)
{
    (void)f;
    mem_set_fault(NULL, NULL);
    sqlite_fault_memory(NULL, NULL);
}

/* ---- store and sink ---- */

static void arm_store_with(struct fault *f, enum err_name error, bool after)
{
    f->store.op = STORE_OP_ANY;
    f->store.nth = f->nth;
    f->store.onwards = f->onwards;
    f->store.error = error;
    f->store.after = after;
}

static void arm_store_io(struct fault *f)
{
    arm_store_with(f, ERRN_IO, false);
}

static void arm_store_away(struct fault *f)
{
    arm_store_with(f, ERRN_STORE_UNREACHABLE, true);
}

static bool hit_store(struct fault *f)
{
    return f->store.fired > 0;
}

static void arm_sink_with(struct fault *f, enum err_name error, enum sink_when when)
{
    struct sink_rule rule = {
        .op = SINK_OP_ANY, .nth = f->nth, .onwards = f->onwards, .when = when, .error = error};
    sink_wrap_reset(&f->sink);
    sink_wrap_rule(&f->sink, &rule);
}

static void arm_sink_before(struct fault *f)
{
    arm_sink_with(f, ERRN_DB_LOST, SINK_BEFORE);
}

static void arm_sink_after(struct fault *f)
{
    arm_sink_with(f, ERRN_IO, SINK_AFTER);
}

static void arm_sink_doubt(struct fault *f)
{
    arm_sink_with(f, ERRN_DB_IN_DOUBT, SINK_AFTER);
}

static bool hit_sink(struct fault *f)
{
    return f->sink.fired > 0;
}

static void disarm_calls(struct fault *f)
{
    f->store.nth = 0;
    sink_wrap_reset(&f->sink);
}

static const struct kind MEMORY = {"allocation", arm_memory, hit_memory, disarm_memory};
static const struct kind SQLITE = {"allocation of SQLite", arm_sqlite, hit_memory, disarm_memory};
static const struct kind STORE_IO = {"store call (IO)", arm_store_io, hit_store, disarm_calls};
static const struct kind STORE_AWAY = {"store call (away)", arm_store_away, hit_store, disarm_calls};
static const struct kind SINK_LOST = {"sink call (lost)", arm_sink_before, hit_sink, disarm_calls};
static const struct kind SINK_IO = {"sink call (IO, after)", arm_sink_after, hit_sink, disarm_calls};
static const struct kind SINK_DOUBT = {"sink call (in doubt)", arm_sink_doubt, hit_sink, disarm_calls};

/* ---- the sweep ---- */

static bool sensible(int status)
{
    return status == 0 || status == 1 || status == 2 || status == 3 || status == 4 || status == 5;
}

/* One load with the fault at the Nth call; false where it was not reached. */
static bool one_try(struct stage *stage, const struct kind *kind, int64_t nth, bool onwards, bool remote)
{
    struct fault f = {.nth = nth, .onwards = onwards, .remote = remote};
    struct rig rig = {.wrap_store = wrap_store, .wrap_sink = wrap_sink, .wrap_ctx = &f};
    char what[128];
    snprintf(what, sizeof what, "%s %lld%s", kind->name, (long long)nth, onwards ? " on" : "");
    sink_wrap_init(&f.sink);
    store_hook_init(&f.store);
    stage_try(stage, &rig);
    rig.job.events = (struct job_events){.object = NULL}; /* the rig's own log needs memory */
    atomic_store(&f.allocations, 0);
    kind->arm(&f);
    int status = stage->scene->act(&rig);
    bool hit = kind->hit(&f);
    kind->disarm(&f);
    if (!sensible(status) || (status == 0) != (rig.err.code == ERR_OK && status == 0))
        fail_msg("%s: exit status %d with %s", what, status, err_name_text(rig.err.name));
    if (!hit && status != stage->scene->status)
        fail_msg("%s: not reached, but status %d: %s", what, status, rig.err.msg);
    stage_leave(&rig);
    if (status == 0)
        stage_look(stage, &rig, what);
    /* A claim whose release failed is held by a process that lives: this one. Its lease ends. */
    rig.clock.now_us += LEASE_US;
    stage_finish(stage, &rig, what);
    store_hook_release(&f.store);
    sink_wrap_release(&f.sink);
    return hit;
}

static unsigned seed(void)
{
    const char *text = getenv("TEST_SEED");
    return text ? (unsigned)strtoul(text, NULL, 10) : 1;
}

/* Every N up to DENSE, then in steps that grow by a share of N, from an offset of the seed; `share` says how
 * fast. The first untouched load ends it. */
static void sweep_at(enum scene_id id, const struct kind *kind, unsigned share, bool remote)
{
    bool all = getenv("SLUICE_FAULT_LONG") != NULL;
    int64_t dense = SANITIZED ? DENSE / 2 : DENSE;
    struct stage stage;
    stage_open(&stage, id);
    for (int onwards = 0; onwards < 2; onwards++) {
        int64_t n = 1, tries = 0;
        while (one_try(&stage, kind, n, onwards, remote)) {
            tries++;
            n += all || n < dense ? 1 : 1 + (int64_t)((n + seed() % 7) * share * (SANITIZED ? 2 : 1) / 100);
            assert_true(n < N_MAX);
        }
        print_message("# %s%s, %s %s: %lld tries up to %lld\n", remote ? "far " : "", stage.scene->name,
                      kind->name, onwards ? "for good" : "once", (long long)tries, (long long)n);
    }
    stage_release(&stage);
}

static void sweep(enum scene_id id, const struct kind *kind, unsigned share)
{
    sweep_at(id, kind, share, false);
}

static void allocations_of_a_load(void **state)
{
    (void)state;
    sweep(SCENE_FILE, &MEMORY, 20);
    sweep(SCENE_BAD, &MEMORY, 40);
}

static void allocations_over_memory(void **state)
{
    (void)state;
    sweep(SCENE_MEM, &MEMORY, 5);
}

static void allocations_in_chunks_hours_reload_and_replay(void **state)
{
    (void)state;
    for (enum scene_id id = SCENE_HOUR; id <= SCENE_REPLAY; id++)
        sweep(id, &MEMORY, 50);
    sweep(SCENE_CHECKS, &MEMORY, 50);
}

static void allocations_of_sqlite(void **state)
{
    (void)state;
    sweep(SCENE_FILE, &SQLITE, 30);
    sweep(SCENE_CHUNK, &SQLITE, 50);
    sweep(SCENE_REPLAY, &SQLITE, 50);
}

static void store_calls(void **state)
{
    (void)state;
    sweep(SCENE_FILE, &STORE_IO, 10);
    sweep(SCENE_FILE, &STORE_AWAY, 10);
    sweep(SCENE_CHUNK, &STORE_AWAY, 10);
    sweep(SCENE_MEM, &STORE_IO, 1);
}

/* Held against what is left by loads of a near store. */
static void all_of_a_load_from_afar(void **state)
{
    (void)state;
    sweep_at(SCENE_FILE, &MEMORY, 30, true);
    sweep_at(SCENE_HOUR, &MEMORY, 50, true);
    sweep_at(SCENE_FILE, &STORE_IO, 10, true);
    sweep_at(SCENE_HOUR, &STORE_AWAY, 10, true);
    sweep_at(SCENE_RELOAD, &STORE_AWAY, 20, true);
    sweep_at(SCENE_BAD, &SINK_LOST, 20, true);
}

static void sink_calls(void **state)
{
    (void)state;
    sweep(SCENE_FILE, &SINK_LOST, 10);
    sweep(SCENE_FILE, &SINK_IO, 10);
    sweep(SCENE_MEM, &SINK_IO, 1);
    sweep(SCENE_CHUNK, &SINK_IO, 10);
    sweep(SCENE_BAD, &SINK_LOST, 10);
    sweep(SCENE_REPLAY, &SINK_IO, 10);
    sweep(SCENE_RELOAD, &SINK_LOST, 20);
    sweep(SCENE_CHECKS, &SINK_LOST, 10);
    sweep(SCENE_CHECKS, &SINK_IO, 10);
}

/* In doubt: each op that says so, most of which never would: the engine asks the ledger, or gives up. */
static void sink_answers_lost(void **state)
{
    (void)state;
    sweep(SCENE_MEM, &SINK_DOUBT, 1);
    sweep(SCENE_FILE, &SINK_DOUBT, 20);
    sweep(SCENE_CHUNK, &SINK_DOUBT, 20);
    sweep(SCENE_CHECKS, &SINK_DOUBT, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_of_a_load),
        cmocka_unit_test(allocations_over_memory),
        cmocka_unit_test(allocations_in_chunks_hours_reload_and_replay),
        cmocka_unit_test(allocations_of_sqlite),
        cmocka_unit_test(store_calls),
        cmocka_unit_test(all_of_a_load_from_afar),
        cmocka_unit_test(sink_calls),
        cmocka_unit_test(sink_answers_lost),
    };
    tempdir_use_memory();
    sqlite_fault_init();
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
