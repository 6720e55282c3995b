/* verify_read: objects in groups, of which one may be bad; servers that go away at any call of a comparison.
 * Time is virtual. */
#include <zlib.h>

#include "tests/support/store_hook.h"
#include "tests/unit/load/verify_rig.h"

enum { FILES = 300, MAX_S = 60, US = 1000000 };
#define LINEAGE "target.lineage=true"

struct scene {
    struct rig *rig;
    struct sink_factory sinks; /* the rig's own */
    struct store_hook hook;
    int64_t lasts_s, until_us;
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
    assert_true(read_only);
    if (is_away(NULL))
        return err_set(err, ERRN_DB_LOST, "nobody answers");
    return scene.sinks.open(scene.sinks.ctx, read_only, replaces, out, err);
}

static struct store *hooked_store(void *ctx, struct store *inner)
{
    (void)ctx;
    return store_hook_new(&scene.hook, inner);
}

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

static void put_two(struct rig *rig)
{
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), HEAD "3,eve,3\nx,y,z\n");
    rig_put(rig, K("13", "c"), GOOD);
}

#define ALL                                                                                                  \
    A " equal s=2/0 l=2/0 t=2/0\n" B " equal s=1/1 l=1/1 t=1/0\n" K("13", "c") " equal s=2/0 l=2/0 t=2/0\n"

static enum err_code verify(struct report *r, struct rig *rig, int64_t show, struct err *err)
{
    struct verify_options options = {.show = show, .result = on_result, .row = on_row, .ctx = r};
    r->text[0] = '\0';
    return verify_run(&rig->job, &options, &r->totals, err);
}

/* More objects than a group holds: each is told once, in order, and one that differs is found where it is. */
OVER_ALL(groups_follow_each_other)
{
    struct report *r = test_malloc(sizeof *r);
    char key[128], last[128] = "";
    size_t told = 0;
    (void)wrap;
    rig_open(rig, pipeline, SETS(LINEAGE));
    for (int i = 0; i < FILES; i++) {
        snprintf(key, sizeof key, "yyyy=2022/mm=06/dd=05/hh=%02d/%04d.csv", i % 24, i);
        rig_put(rig, key, GOOD);
    }
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, key, HEAD "1,ann,1.5\n");
    verified(r, rig, NULL, 0);
    assert_int_equal(r->totals.objects, FILES);
    assert_int_equal(r->totals.equal, FILES - 1);
    assert_int_equal(r->totals.different, 1);
    assert_int_equal(r->totals.source.rows, 2 * FILES - 1);
    for (const char *p = r->text; *p; p = strchr(p, '\n') + 1) {
        snprintf(key, sizeof key, "%.*s", (int)strcspn(p, " "), p);
        assert_true(strcmp(key, last) > 0);
        snprintf(last, sizeof last, "%s", key);
        told++;
        if (told * 100 > sizeof r->text)
            break; /* the report keeps that many */
    }
    assert_true(told > 50);
    test_free(r);
}

/* Damaged, empty, of another form, gone between listing and reading: each is told with its object. */
OVER_ALL(a_bad_object_costs_no_other)
{
    struct report r;
    unsigned char packed[512], plain[] = GOOD;
    z_stream z = {0};
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, SETS(LINEAGE));
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = plain;
    z.avail_in = sizeof plain - 1;
    z.next_out = packed;
    z.avail_out = sizeof packed;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    put_two(rig);
    rig_put_bytes(rig, K("12", "z") ".gz", packed, z.total_out);
    rig_put(rig, K("14", "d"), GOOD);
    rig_put(rig, K("14", "e"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 3);
    rig_restart(rig, pipeline, SETS(LINEAGE, "policy.max_rejects=1"));
    assert_int_equal(rig_run(rig, NULL), 0);
    verified(&r, rig, NULL, 5);
    assert_int_equal(r.totals.equal, 6);
    rig_put_bytes(rig, K("12", "z") ".gz", packed, z.total_out / 2);
    rig_put(rig, A, "");
    rig_put(rig, K("14", "d"), "id,nothing\n");
    verified(&r, rig, NULL, 5);
    assert_string_equal(
        r.text,
        A " source differs s=? l=2/0 t=2/0 *\n" B
          " equal s=1/1 l=1/1 t=1/0\n" K("12", "z") ".gz source differs s=? l=2/0 t=2/0 *\n" K(
              "13", "c") " equal s=2/0 l=2/0 t=2/0\n" K("14", "d") " source differs s=? l=2/0 t=2/0 "
                                                                   "*\n" K("14", "e") " equal s=2/0 l=2/0 "
                                                                                      "t=2/0\n");
    assert_int_equal(r.totals.unread, 3);
    assert_int_equal(r.totals.reload.n, 0); /* a reload would fail for what verify failed for */
    assert_int_equal(r.totals.unread_error.code, ERR_OK);
    /* a right that is missing is no verdict on data, and stops no other */
    rig_put(rig, A, GOOD);
    set_scene(rig, pipeline, SETS(LINEAGE, "policy.max_rejects=1"), 0);
    static const enum err_name OWN[] = {ERRN_DENIED, ERRN_LIMIT};
    for (size_t i = 0; i < 2; i++) {
        scene.hook.op = STORE_OP_OPEN;
        scene.hook.calls[STORE_OP_OPEN] = 0;
        scene.hook.nth = 2;
        scene.hook.error = OWN[i];
        assert_int_equal(verify(&r, rig, 0, &err), ERR_OK);
        assert_non_null(strstr(r.text, A " equal"));
        assert_non_null(strstr(r.text, B " source differs s=? l=1/1 t=1/0 *\n"));
        assert_non_null(strstr(r.text, K("13", "c") " equal"));
        assert_int_equal(r.totals.unread_error.name, OWN[i]);
    }
    end_scene(rig, wrap);
    rig_open(rig, pipeline, NO_SETS);
}

/* What a comparison does with the database, and with the store. */
static const enum sink_op SINK_OPS[] = {SINK_OP_LEDGER_PAGE, SINK_OP_SCAN_BEGIN, SINK_OP_SCAN_NEXT};
static const enum store_op STORE_OPS_USED[] = {STORE_OP_LIST, STORE_OP_NEXT, STORE_OP_OPEN, STORE_OP_READ};
#define SURE_SETS SETS(LINEAGE, "policy.max_rejects=1")
#define DIFFERS                                                                                              \
    A " target differs s=2/0 l=2/0 t=1/0\n  " A " missing 3 1:0 <2,bob,2.5>\n" B                             \
      " equal s=1/1 l=1/1 t=1/0\n" K("13", "c") " equal s=2/0 l=2/0 t=2/0\n"

/* The database goes away at each call in turn, also while rows are named: the report is the same. */
OVER_ALL(a_database_that_goes_away_is_waited_for)
{
    struct report r;
    bool files = on_files(pipeline);
    rig_open(rig, pipeline, SURE_SETS);
    put_two(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    if (files)
        tamper(rig, "DELETE FROM t WHERE rowid = 2");
    set_scene(rig, pipeline, SURE_SETS, 40);
    for (size_t i = 0; i < sizeof SINK_OPS / sizeof *SINK_OPS; i++) {
        int64_t nth = 1;
        for (bool fired = true; fired; nth++) {
            struct err err = ERR_INIT;
            sink_wrap_reset(wrap);
            scene.until_us = 0;
            sink_wrap_rule(wrap, &(struct sink_rule){.op = SINK_OPS[i],
                                                     .nth = nth,
                                                     .error = ERRN_DB_LOST,
                                                     .lose = true,
                                                     .hook = sink_goes_away});
            int64_t before = rig->clock.now_us;
            if (verify(&r, rig, 5, &err) != ERR_OK)
                fail_msg("%s %lld: %s", sink_op_text(SINK_OPS[i]), (long long)nth, err.msg);
            fired = wrap->fired > 0;
            assert_string_equal(r.text, files ? DIFFERS : ALL);
            assert_int_equal(r.totals.target.rows, files ? 4 : 5);
            assert_int_equal(r.totals.scanned_rows, files ? 4 : 5);
            assert_true(fired == (rig->clock.now_us - before >= 40 * US / 2));
        }
        assert_true(nth > 2);
        sink_wrap_reset(wrap);
    }
    end_scene(rig, wrap);
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_store_that_goes_away_is_waited_for)
{
    struct report r;
    bool files = on_files(pipeline);
    rig_open(rig, pipeline, SURE_SETS);
    put_two(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    if (files)
        tamper(rig, "DELETE FROM t WHERE rowid = 2");
    set_scene(rig, pipeline, SURE_SETS, 40);
    for (size_t i = 0; i < sizeof STORE_OPS_USED / sizeof *STORE_OPS_USED; i++) {
        int64_t nth = 1;
        for (bool fired = true; fired; nth++) {
            struct err err = ERR_INIT;
            memset(scene.hook.calls, 0, sizeof scene.hook.calls);
            scene.hook.fired = 0;
            scene.hook.op = STORE_OPS_USED[i];
            scene.hook.nth = nth;
            scene.hook.onwards = true;
            scene.hook.lasts = is_away;
            scene.hook.hook = go_away;
            scene.hook.error = ERRN_STORE_UNREACHABLE;
            scene.until_us = 0;
            if (verify(&r, rig, 5, &err) != ERR_OK)
                fail_msg("%s %lld: %s", store_op_text(STORE_OPS_USED[i]), (long long)nth, err.msg);
            fired = scene.hook.fired > 0;
            assert_string_equal(r.text, files ? DIFFERS : ALL);
            assert_int_equal(r.totals.source.rows, 5);
        }
        assert_true(nth > 2);
    }
    end_scene(rig, wrap);
    rig_open(rig, pipeline, NO_SETS);
}

/* For good, or always at the same place: given up in time, with the server's own error. */
OVER_ALL(an_outage_without_end_ends_the_comparison)
{
    struct report r;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, SURE_SETS);
    put_two(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    set_scene(rig, pipeline, SURE_SETS, 1000 * 1000);
    sink_wrap_rule(
        wrap,
        &(struct sink_rule){
            .op = SINK_OP_SCAN_NEXT, .nth = 1, .error = ERRN_DB_LOST, .lose = true, .hook = sink_goes_away});
    int64_t before = rig->clock.now_us;
    assert_int_equal(verify(&r, rig, 5, &err), ERR_TRANSIENT);
    assert_int_equal(err.name, ERRN_DB_LOST);
    assert_true(rig->clock.now_us - before >= MAX_S * US && rig->clock.now_us - before < 2 * MAX_S * US);
    end_scene(rig, wrap);
    rig_open(rig, pipeline, NO_SETS);
}

/* The scan is cut in its middle each time, and each time there is a server to connect to. */
OVER_ALL(a_scan_that_is_always_cut_is_given_up)
{
    struct report r;
    struct err err = ERR_INIT;
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_str(&text, HEAD, &err), ERR_OK);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(buf_printf(&text, &err, "%d,a,1\n", i), ERR_OK);
    rig_open(rig, pipeline, SETS(LINEAGE));
    rig_put(rig, A, buf_str(&text));
    assert_int_equal(rig_run(rig, NULL), 0);
    set_scene(rig, pipeline, SETS(LINEAGE, "policy.outage=10s"), 0);
    for (int64_t i = 1; i <= SINK_RULES_MAX; i++)
        fail_at(wrap, SINK_OP_SCAN_NEXT, 3 * i, SINK_BEFORE, ERRN_DB_LOST);
    int64_t before = rig->clock.now_us;
    assert_int_equal(verify(&r, rig, 5, &err), ERR_TRANSIENT);
    assert_true(rig->clock.now_us - before >= 10 * US && rig->clock.now_us - before < 20 * US);
    sink_wrap_reset(wrap);
    buf_release(&text);
    end_scene(rig, wrap);
    rig_open(rig, pipeline, NO_SETS);
}

/* A stop is seen while a server is waited for. */
static void ask_to_stop(void *ctx, struct sink *inner)
{
    (void)ctx, (void)inner;
    scene.until_us = INT64_MAX;
    atomic_store(&scene.rig->stop, 15);
}

OVER_ALL(a_stop_ends_the_waiting)
{
    struct report r;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, SURE_SETS);
    put_two(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    set_scene(rig, pipeline, SURE_SETS, 0);
    sink_wrap_rule(
        wrap,
        &(struct sink_rule){
            .op = SINK_OP_SCAN_NEXT, .nth = 1, .error = ERRN_DB_LOST, .lose = true, .hook = ask_to_stop});
    assert_int_equal(verify(&r, rig, 5, &err), ERR_CANCELLED);
    sink_wrap_reset(wrap);
    end_scene(rig, wrap);
    rig_open(rig, pipeline, NO_SETS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_follow_each_other),
        cmocka_unit_test(a_bad_object_costs_no_other),
        cmocka_unit_test(a_database_that_goes_away_is_waited_for),
        cmocka_unit_test(a_store_that_goes_away_is_waited_for),
        cmocka_unit_test(an_outage_without_end_ends_the_comparison),
        cmocka_unit_test(a_scan_that_is_always_cut_is_given_up),
        cmocka_unit_test(a_stop_ends_the_waiting),
    };
    return cmocka_run_group_tests_name("verify_read", tests, NULL, NULL);
}
