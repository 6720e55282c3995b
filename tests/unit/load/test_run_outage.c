/* run, outage: servers that go away in the middle, at any call, for some time or for good. Time is virtual.
 */
#include "core/load/outage.h"
#include "tests/support/store_hook.h"
#include "tests/unit/load/load_rig.h"

enum { MAX_S = 60, SHORT_S = 40, LONG_S = 100000, US = 1000000 };

#define A     K("12", "a")
#define GOOD  HEAD "1,ann,1\n2,bob,2\n"
#define SEVEN HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\n7,g,7\n"

/* What is away, from the call at which it goes until its time is over. */
struct scene {
    struct rig *rig;
    struct sink_factory sinks; /* the rig's own */
    struct store_hook hook;
    int64_t lasts_s;
    int64_t until_us;
};
static struct scene scene;

static bool is_away(void *ctx)
{
    (void)ctx;
    return scene.rig->clock.now_us < scene.until_us;
}

static void go_away(void *ctx)
{
    (void)ctx;
    if (scene.until_us == 0)
        scene.until_us = scene.rig->clock.now_us + scene.lasts_s * US;
}

static void sink_goes_away(void *ctx, struct sink *inner)
{
    (void)inner;
    go_away(ctx);
}

static enum err_code open_unless_away(void *ctx, bool read_only, int64_t replaces, struct sink **out,
                                      struct err *err)
{
    (void)ctx;
    if (is_away(NULL))
        return err_set(err, ERRN_DB_LOST, "nobody answers");
    return scene.sinks.open(scene.sinks.ctx, read_only, replaces, out, err);
}

static struct store *hooked_store(void *ctx, struct store *inner)
{
    (void)ctx;
    return store_hook_new(&scene.hook, inner);
}

/* The scene over a rig that has its objects; opened anew, so that its stores are hooked. */
static void set_scene(struct rig *rig, const char *pipeline, const char *const *sets, size_t nsets,
                      int64_t lasts_s)
{
    scene = (struct scene){.rig = rig, .lasts_s = lasts_s};
    store_hook_init(&scene.hook);
    rig->wrap_store = hooked_store;
    rig_restart(rig, pipeline, sets, nsets);
    scene.sinks = rig->job.sinks;
    rig->job.sinks = (struct sink_factory){open_unless_away, NULL};
}

static void end_scene(struct rig *rig, struct sink_wrap *wrap)
{
    rig_close(rig);
    store_hook_release(&scene.hook);
    *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
}

/* Every way to commit, as a script over one lake. */
static const struct {
    const char *sets[3];
    size_t nsets;
    bool again; /* the second run replaces */
} WAYS[] = {
    {{"target.commit_unit=file"}, 1, false},
    {{"target.commit_unit=hour"}, 1, false},
    {{"target.commit_unit=chunk", "target.chunk_rows=3"}, 2, false},
    {{"target.commit_unit=file", "policy.on_changed=replace"}, 2, true},
};
enum { NWAYS = sizeof WAYS / sizeof *WAYS };

static void set_way(struct rig *rig, const char *pipeline, size_t way, int64_t lasts_s)
{
    rig_open(rig, pipeline, WAYS[way].sets, WAYS[way].nsets);
    rig_put(rig, A, WAYS[way].again ? GOOD : SEVEN);
    rig_put(rig, K("12", "b"), GOOD);
    rig_put(rig, K("13", "c"), GOOD);
    if (WAYS[way].again) {
        assert_int_equal(rig_run(rig, NULL), 0);
        rig_put(rig, A, SEVEN);
    }
    set_scene(rig, pipeline, WAYS[way].sets, WAYS[way].nsets, lasts_s);
}

/* Each commit in a file waits for the disk: one way is enough there. */
static size_t ways(const char *pipeline)
{
    return on_files(pipeline) ? 1 : NWAYS;
}

/* One run loaded all there is, once, and said so once. */
static void all_is_loaded(struct rig *rig, size_t way)
{
    assert_int_equal(rig->status, 0);
    assert_int_equal(rig->totals.failed, 0);
    assert_int_equal(rig->totals.objects, WAYS[way].again ? 1 : 3);
    assert_int_equal(rig->totals.rows_loaded, WAYS[way].again ? 7 : 11);
    assert_int_equal(rig->totals.unchanged, WAYS[way].again ? 2 : 0);
    assert_int_equal(rig_rows(rig, NULL), 11);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n2022-06-05T13 loaded 0\n");
    assert_string_equal(books_attempts(rig), "");
    books_balance(rig);
}

/* The Nth call of `op` finds the database gone; true where there was one. */
static bool database_goes(struct rig *rig, struct sink_wrap *wrap, enum sink_op op, int64_t nth,
                          enum sink_when when)
{
    sink_wrap_reset(wrap);
    sink_wrap_rule(wrap, &(struct sink_rule){.op = op,
                                             .nth = nth,
                                             .when = when,
                                             .error = op == SINK_OP_COMMIT ? ERRN_DB_IN_DOUBT : ERRN_DB_LOST,
                                             .lose = true,
                                             .hook = sink_goes_away});
    rig_run(rig, NULL);
    bool fired = wrap->fired > 0;
    sink_wrap_reset(wrap);
    return fired;
}

/* What a run does with the database once it is open. */
static const enum sink_op OPS[] = {SINK_OP_HAS_FOREIGN_ROWS, SINK_OP_BEGIN,        SINK_OP_LEDGER_INSERT,
                                   SINK_OP_REPLACE,          SINK_OP_APPEND,       SINK_OP_TOTALS,
                                   SINK_OP_COMMIT,           SINK_OP_LEDGER_PAGE,  SINK_OP_CLAIM_TAKE,
                                   SINK_OP_CLAIM_PAGE,       SINK_OP_CLAIM_RELEASE};
enum { NOPS = sizeof OPS / sizeof *OPS };

OVER_ALL(a_database_that_is_away_for_a_while_is_waited_for)
{
    size_t met = 0;
    for (size_t way = 0; way < ways(pipeline); way++)
        for (size_t op = 0; op < NOPS; op++)
            for (int when = SINK_BEFORE; when <= SINK_AFTER; when++) {
                bool fired = true;
                for (int64_t nth = 1; fired; nth++) {
                    set_way(rig, pipeline, way, SHORT_S);
                    int64_t start = rig->clock.now_us;
                    fired = database_goes(rig, wrap, OPS[op], nth, (enum sink_when)when);
                    all_is_loaded(rig, way);
                    assert_true(!fired || rig->clock.now_us >= start + SHORT_S * INT64_C(1000000));
                    assert_true(rig->clock.now_us < start + 60 * INT64_C(1000000));
                    met += fired;
                    end_scene(rig, wrap);
                }
            }
    assert_true(met > ways(pipeline) * 20);
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_source_that_is_away_for_a_while_is_waited_for)
{
    size_t met = 0;
    for (size_t way = 0; way < ways(pipeline); way++) {
        bool fired = true;
        for (int64_t nth = 1; fired; nth++) {
            set_way(rig, pipeline, way, SHORT_S);
            scene.hook.op = STORE_OP_ANY;
            scene.hook.nth = nth;
            scene.hook.onwards = true;
            scene.hook.lasts = is_away;
            scene.hook.error = ERRN_STORE_UNREACHABLE;
            scene.hook.hook = go_away;
            rig_run(rig, NULL);
            fired = scene.hook.fired > 0;
            scene.hook.nth = 0;
            all_is_loaded(rig, way);
            met += fired;
            end_scene(rig, wrap);
        }
    }
    assert_true(met > ways(pipeline) * 10);
    rig_open(rig, pipeline, NO_SETS);
}

/* It ends by itself, soon after the maximum, and says how long it waited; the next run loads what is left. */
static void gives_up(struct rig *rig, int64_t start, enum err_name name)
{
    assert_int_equal(rig->status, 5);
    assert_int_equal(rig->err.name, name);
    assert_non_null(strstr(rig->err.msg, "gave up after "));
    assert_true(rig->clock.now_us >= start + MAX_S * INT64_C(1000000));
    assert_true(rig->clock.now_us < start + (MAX_S + 20) * INT64_C(1000000));
    scene.until_us = 0;
    scene.hook.nth = 0;
}

static void next_run_loads(struct rig *rig, struct sink_wrap *wrap, const char *pipeline, size_t way)
{
    sink_wrap_reset(wrap);
    rig_restart(rig, pipeline, WAYS[way].sets, WAYS[way].nsets);
    rig->clock.now_us += 61 * INT64_C(1000000);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 11);
    books_balance(rig);
}

OVER_ALL(a_database_that_stays_away_ends_the_run)
{
    for (size_t way = 0; way < ways(pipeline); way++)
        for (size_t op = 0; op < NOPS; op++) {
            set_way(rig, pipeline, way, LONG_S);
            int64_t start = rig->clock.now_us;
            if (database_goes(rig, wrap, OPS[op], 1, SINK_BEFORE)) {
                gives_up(rig, start, ERRN_DB_LOST);
                next_run_loads(rig, wrap, pipeline, way);
            }
            end_scene(rig, wrap);
        }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_source_that_stays_away_ends_the_run)
{
    static const enum store_op CALLS[] = {STORE_OP_LIST, STORE_OP_NEXT, STORE_OP_OPEN, STORE_OP_READ};
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
        for (int64_t nth = 1; nth <= 2; nth++) {
            set_way(rig, pipeline, 0, LONG_S);
            int64_t start = rig->clock.now_us;
            scene.hook.op = CALLS[i];
            scene.hook.nth = nth;
            scene.hook.onwards = true;
            scene.hook.error = ERRN_STORE_UNREACHABLE;
            rig_run(rig, NULL);
            if (CALLS[i] == STORE_OP_LIST || CALLS[i] == STORE_OP_NEXT)
                gives_up(rig, start, ERRN_STORE_UNREACHABLE);
            assert_int_equal(rig->status, 5);
            assert_true(rig->clock.now_us < start + 80 * INT64_C(1000000));
            scene.hook.nth = 0;
            next_run_loads(rig, wrap, pipeline, 0);
            end_scene(rig, wrap);
        }
    rig_open(rig, pipeline, NO_SETS);
}

static void stop_run(void *ctx, struct sink *inner)
{
    sink_goes_away(ctx, inner);
    atomic_store(&scene.rig->stop, 15);
}

OVER_ALL(a_stop_ends_the_waiting_at_once)
{
    set_way(rig, pipeline, 0, LONG_S);
    int64_t start = rig->clock.now_us;
    sink_wrap_reset(wrap);
    sink_wrap_rule(
        wrap, &(struct sink_rule){
                  .op = SINK_OP_CLAIM_TAKE, .nth = 1, .error = ERRN_DB_LOST, .lose = true, .hook = stop_run});
    rig_run(rig, NULL);
    assert_int_equal(rig->err.code, ERR_CANCELLED);
    assert_true(rig->clock.now_us < start + US);
    store_hook_release(&scene.hook);
}

/* A connection that never carries a group to its end carries halves of it. */
OVER_ALL(a_group_that_its_connection_does_not_carry_is_halved)
{
    enum { FILES = 8 };
    rig_open(rig, pipeline, NO_SETS);
    for (int i = 0; i < FILES; i++) {
        char key[128];
        snprintf(key, sizeof key, K("12", "%d"), i);
        rig_put(rig, key, GOOD);
    }
    sink_wrap_reset(wrap);
    for (int64_t nth = 1; nth <= 2; nth++)
        fail_at(wrap, SINK_OP_APPEND, nth, SINK_BEFORE, ERRN_DB_LOST);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_APPEND), 2 + 2);
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_COMMIT), 2);
    assert_int_equal(rig->totals.objects, FILES);
    assert_int_equal(rig_rows(rig, NULL), FILES * 2);
    books_balance(rig);
}

static void takes_long(void *ctx, struct sink *inner)
{
    (void)inner;
    ((struct rig *)ctx)->clock.now_us += 20 * US;
}

/* Lost again and again, for longer in all than an outage may last; but each time some chunks further on. */
OVER_ALL(chunks_go_on_as_long_as_there_is_progress)
{
    enum { ROWS = 100, LOSSES = 12 };
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_str(&text, HEAD, &err), ERR_OK);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(buf_printf(&text, &err, "%d,x,1\n", i), ERR_OK);
    rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=2"));
    rig_put(rig, A, buf_str(&text));
    buf_release(&text);
    sink_wrap_reset(wrap);
    for (int64_t i = 1; i <= LOSSES; i++)
        sink_wrap_rule(wrap, &(struct sink_rule){.op = SINK_OP_APPEND,
                                                 .nth = i * 3,
                                                 .error = ERRN_DB_LOST,
                                                 .lose = true,
                                                 .hook = takes_long,
                                                 .ctx = rig});
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(wrap->fired, LOSSES);
    assert_string_equal(buf_str(&rig->log), A " loaded 100 100 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), ROWS);
    books_balance(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_that_is_away_for_a_while_is_waited_for),
        cmocka_unit_test(a_source_that_is_away_for_a_while_is_waited_for),
        cmocka_unit_test(a_database_that_stays_away_ends_the_run),
        cmocka_unit_test(a_source_that_stays_away_ends_the_run),
        cmocka_unit_test(a_stop_ends_the_waiting_at_once),
        cmocka_unit_test(a_group_that_its_connection_does_not_carry_is_halved),
        cmocka_unit_test(chunks_go_on_as_long_as_there_is_progress),
    };
    return cmocka_run_group_tests_name("run_outage", tests, NULL, NULL);
}
