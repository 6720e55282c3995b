/* scan over a far store: with readers it tells what it tells without them, however they fail, fetches little
 * more than is asked for, and ends in the middle. */
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "backends/registry.h"
#include "core/base/mem.h"
#include "core/profile/scan.h"
#include "tests/support/rig.h"
#include "tests/support/store_hook.h"

#define KEY  "yyyy=2022/mm=06/dd=05/hh=%02d/%03d.csv"
#define HEAD "id,name,amount\n"

enum { OBJECTS = 200, LARGE = 150, LARGE_ROWS = 12000, TOLD_MAX = 1024 * 1024, ALL = OBJECTS + 1 };

/* A lake of OBJECTS objects, the readers' handles on it, and a text of all that a scan told. */
struct scene {
    struct rig rig;
    struct store_hook hook; /* around the handles of `stores` */
    bool changes;           /* the object, else it is lost */
    bool shut;              /* no further handles */
    struct store_factory stores;
    struct ahead *ahead;
    struct scan_spec spec;
    sem_t opens; /* by readers */
    atomic_int handles;
    struct buf told;
    struct scan_counts counts;
    int objects; /* whose last batch came */
    struct err err;
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

static enum err_code open_store(void *ctx, struct store **out, struct err *err)
{
    struct scene *s = ctx;
    if (s->shut)
        return err_set(err, ERRN_STORE_UNREACHABLE, "no further handles");
    atomic_fetch_add(&s->handles, 1);
    if (registry_open_store("mem:lake", "/", &s->rig.clock.base, false, out, err) != ERR_OK)
        return err->code;
    *out = store_hook_new(&s->hook, *out);
    return *out ? ERR_OK : err_nomem(err);
}

static void on_open(void *ctx)
{
    sem_post(&((struct scene *)ctx)->opens);
}

static void on_refused(void *ctx, const struct store_object *object, const struct csv_record *record,
                       const struct refusal *refusal)
{
    struct scene *s = ctx;
    must(buf_printf(&s->told, &s->err, "refused %s:%lld %s\n", object->key, (long long)record->line,
                    err_name_text(refusal->name)),
         &s->err);
}

static void key_of(int i, char key[64])
{
    snprintf(key, 64, KEY, i / 10, i);
}

static void put(struct scene *s, int i, const char *more)
{
    struct err err = ERR_INIT;
    struct buf text;
    char key[64];
    buf_init(&text, 4 << 20);
    must(buf_printf(&text, &err, HEAD "%d,a,1\n%s,b,2\n%s", i, i % 9 == 4 ? "x" : "7", more), &err);
    for (int row = 0; i == LARGE && row < LARGE_ROWS; row++)
        must(buf_printf(&text, &err, "%d,%0100d,1\n", row, row), &err);
    key_of(i, key);
    must(
        store_put_mem(s->rig.store, key, text.data, i % 11 == 10 ? strlen(HEAD) : text.len, PUT_ALWAYS, &err),
        &err);
    buf_release(&text);
}

static void scene_open(struct scene *s)
{
    memset(s, 0, sizeof *s);
    rig_open(&s->rig, RIG_PIPELINE("mem:lake", "mem:db", ""), NULL, 0);
    store_hook_init(&s->hook);
    sem_init(&s->opens, 0, 0);
    s->hook.op = STORE_OP_OPEN;
    s->hook.nth = 1;
    s->hook.onwards = true;
    s->hook.hook = on_open;
    s->hook.ctx = s;
    for (int i = 0; i < OBJECTS; i++)
        put(s, i, "");
    s->stores = (struct store_factory){open_store, s};
    must(ahead_new(&s->stores, &s->ahead, &s->err), &s->err);
    buf_init(&s->told, TOLD_MAX);
    s->spec = (struct scan_spec){.store = s->rig.store,
                                 .layout = s->rig.layout,
                                 .dialect = &s->rig.pipeline->source.csv,
                                 .schema = &s->rig.pipeline->schema,
                                 .refused = on_refused,
                                 .ctx = s};
}

static void scene_close(struct scene *s)
{
    ahead_free(s->ahead);
    store_hook_release(&s->hook);
    sem_destroy(&s->opens);
    buf_release(&s->told);
    rig_close(&s->rig);
}

/* Scans up to the end of the first `most` objects. Where `waits`, a reader has opened one before the fourth
 * ends: by then others are in the window. */
static enum err_code run(struct scene *s, int most, bool waits)
{
    struct scan *scan = NULL;
    struct batch *batch = NULL;
    struct scan_part part;
    bool more = true;
    buf_clear(&s->told);
    err_clear(&s->err);
    s->objects = 0;
    must(batch_new(s->spec.schema, 1000, 1 << 20, &batch, &s->err), &s->err);
    must(scan_open(&s->spec, &scan, &s->err), &s->err);
    while (s->objects < most && scan_next(scan, batch, &part, &more, &s->err) == ERR_OK && more) {
        must(buf_printf(&s->told, &s->err, "%s %d %d%d %zu", part.object->key, (int)part.hour, part.first,
                        part.last, batch->rows),
             &s->err);
        must(buf_printf(&s->told, &s->err, " %lld %s\n", (long long)part.object->size, part.object->etag),
             &s->err);
        s->objects += part.last;
        if (waits && s->objects == 3 && part.last)
            sem_wait(&s->opens);
    }
    s->counts = *scan_counts(scan);
    scan_close(scan);
    batch_free(batch);
    return s->err.code;
}

/* What it tells without readers. */
static struct buf near_text(struct scene *s, struct scan_counts *counts)
{
    struct buf text;
    buf_init(&text, TOLD_MAX);
    s->spec.ahead = NULL;
    must(run(s, ALL, false), &s->err);
    must(buf_append_str(&text, buf_str(&s->told), &s->err), &s->err);
    *counts = s->counts;
    s->spec.ahead = s->ahead;
    return text;
}

static void far_tells_what_near_tells(void **state)
{
    struct scene s;
    struct scan_counts counts;
    (void)state;
    scene_open(&s);
    struct buf text = near_text(&s, &counts);
    assert_true(counts.refused > 10 && counts.records > LARGE_ROWS);
    for (int round = 0; round < 5; round++) { /* the same readers again */
        must(run(&s, ALL, true), &s.err);
        assert_string_equal(buf_str(&s.told), buf_str(&text));
        assert_memory_equal(&s.counts, &counts, sizeof counts);
        assert_int_equal(s.objects, OBJECTS);
    }
    assert_in_range(s.handles, 1, AHEAD_READERS);
    s.ahead = (ahead_free(s.ahead), NULL);
    must(ahead_new(&s.stores, &s.ahead, &s.err), &s.err);
    s.spec.ahead = s.ahead;
    s.shut = true; /* readers that get no handle */
    must(run(&s, ALL, false), &s.err);
    assert_string_equal(buf_str(&s.told), buf_str(&text));
    buf_release(&text);
    scene_close(&s);
}

/* Some are the caller's to open; no reader ever has one that is not in the window. */
static void who_wants_few_has_fetched_few(void **state)
{
    (void)state;
    for (int most = 1; most <= 100; most += most < 6 ? 1 : 23) {
        struct scene s;
        scene_open(&s);
        s.spec.ahead = s.ahead;
        must(run(&s, most, false), &s.err);
        assert_int_equal(s.objects, most);
        int64_t bound = most < SCAN_AHEAD ? 2 * most - 1 : most + SCAN_AHEAD;
        assert_true(s.counts.listed <= bound);
        assert_true(s.hook.calls[STORE_OP_OPEN] <= bound);
        assert_true(most > 1 || s.handles == 0);
        scene_close(&s);
    }
}

/* A reader's failure is its object's: all in front of it is told, and no more. */
static void what_a_reader_fails_with_is_its_objects(void **state)
{
    static const struct {
        enum store_op op;
        enum err_name error, name;
        bool names; /* the object; else the store's message does */
    } FAULTS[] = {
        {STORE_OP_OPEN, ERRN_NOT_FOUND, ERRN_SOURCE_GONE, true},
        {STORE_OP_OPEN, ERRN_DENIED, ERRN_DENIED, false},
        {STORE_OP_READ, ERRN_STORE_TRUNCATED, ERRN_STORE_TRUNCATED, false},
        {STORE_OP_READ, ERRN_SOURCE_MOVED, ERRN_SOURCE_MOVED, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        struct scene s;
        struct scan_counts counts;
        char key[64];
        scene_open(&s);
        struct buf text = near_text(&s, &counts);
        s.hook.op = FAULTS[i].op;
        s.hook.error = FAULTS[i].error;
        assert_int_not_equal(run(&s, ALL, true), ERR_OK);
        assert_int_equal(s.err.name, FAULTS[i].name);
        assert_in_range(s.objects, 1, SCAN_AHEAD);
        assert_int_equal(s.counts.objects, s.objects + (FAULTS[i].op == STORE_OP_READ));
        assert_memory_equal(buf_str(&s.told), buf_str(&text), s.told.len);
        key_of(s.objects, key);
        assert_int_equal(strncmp(s.err.msg, key, strlen(key)) == 0, FAULTS[i].names);
        buf_release(&text);
        scene_close(&s);
    }
}

static void lose(struct scene *s, int i)
{
    struct err err = ERR_INIT;
    char key[64];
    key_of(i, key);
    must(store_remove(s->rig.store, key, &err), &err);
}

static bool loses_or_changes(void *ctx, const struct store_object *object, hour_t hour)
{
    struct scene *s = ctx;
    char key[64];
    (void)hour;
    key_of(20, key);
    if (strcmp(object->key, key) == 0 && s->changes)
        put(s, 20, "5,e,5\n");
    else if (strcmp(object->key, key) == 0)
        lose(s, 20);
    return true;
}

static void what_happens_after_the_listing_is_an_error(void **state)
{
    (void)state;
    for (int changes = 0; changes < 2; changes++) {
        struct scene s;
        char key[64];
        scene_open(&s);
        s.spec.ahead = s.ahead;
        s.spec.wants = loses_or_changes;
        s.changes = changes;
        assert_int_not_equal(run(&s, ALL, true), ERR_OK);
        assert_int_equal(s.err.name, changes ? ERRN_SOURCE_MOVED : ERRN_SOURCE_GONE);
        assert_int_equal(s.objects, 20);
        key_of(20, key);
        assert_non_null(strstr(s.err.msg, key));
        scene_close(&s);
    }
}

/* All that it gave before is told first. */
static void a_listing_that_fails_does_so_in_its_place(void **state)
{
    (void)state;
    for (int far = 0; far < 2; far++) {
        struct scene s;
        scene_open(&s);
        s.hook.op = STORE_OP_NEXT; /* readers list nothing */
        s.hook.nth = 101;
        s.hook.hook = NULL;
        s.hook.error = ERRN_DENIED;
        must(open_store(&s, &s.spec.store, &s.err), &s.err);
        s.spec.ahead = far ? s.ahead : NULL;
        assert_int_equal(run(&s, ALL, false), ERR_DENIED);
        assert_int_equal(s.objects, 100);
        assert_int_equal(s.counts.listed, 100);
        store_close(s.spec.store);
        scene_close(&s);
    }
}

static void ask_to_stop(void *ctx)
{
    struct scene *s = ctx;
    atomic_store(&s->rig.stop, 15);
    sem_post(&s->opens);
}

static void a_signal_stops_it_and_its_readers(void **state)
{
    (void)state;
    for (int nth = 1; nth < OBJECTS / 2; nth += 16) {
        struct scene s;
        struct scan_counts counts;
        scene_open(&s);
        struct buf text = near_text(&s, &counts);
        must(open_store(&s, &s.spec.store, &s.err), &s.err);
        s.spec.stop = &s.rig.stop;
        s.hook.onwards = false;
        s.hook.nth = nth;
        s.hook.hook = ask_to_stop;
        assert_int_equal(run(&s, ALL, false), ERR_CANCELLED);
        assert_string_equal(s.err.msg, "stopped by a signal");
        assert_true(s.objects <= nth);
        assert_memory_equal(buf_str(&s.told), buf_str(&text), s.told.len);
        assert_true(s.hook.calls[STORE_OP_OPEN] <= nth + AHEAD_READERS);
        store_close(s.spec.store);
        buf_release(&text);
        scene_close(&s);
    }
}

static bool fail_after(void *ctx)
{
    return atomic_fetch_sub((atomic_int *)ctx, 1) == 0;
}

/* A reader that lacks it leaves its object to the caller, who says so or goes on. */
static void memory_runs_short(void **state)
{
    struct scene s;
    struct scan_counts counts;
    int whole = 0;
    (void)state;
    scene_open(&s);
    struct buf text = near_text(&s, &counts);
    for (int n = 5; n < 600; n += 7) {
        struct scan *scan = NULL;
        struct batch *batch = NULL;
        struct scan_part part;
        atomic_int left = n;
        bool more = true;
        err_clear(&s.err);
        s.objects = 0;
        must(batch_new(s.spec.schema, 1000, 1 << 20, &batch, &s.err), &s.err);
        s.spec.refused = NULL;
        mem_set_fault(fail_after, &left);
        if (scan_open(&s.spec, &scan, &s.err) == ERR_OK)
            while (more && scan_next(scan, batch, &part, &more, &s.err) == ERR_OK)
                s.objects += more && part.last;
        if (s.err.code == ERR_OK) {
            assert_int_equal(s.objects, OBJECTS);
            assert_memory_equal(scan_counts(scan), &counts, sizeof counts);
            whole++;
        }
        scan_close(scan);
        mem_set_fault(NULL, NULL);
        batch_free(batch);
        assert_true(s.err.code == ERR_OK || s.err.code == ERR_NOMEM);
    }
    assert_true(whole > 0);
    buf_release(&text);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_tells_what_near_tells),
        cmocka_unit_test(who_wants_few_has_fetched_few),
        cmocka_unit_test(what_a_reader_fails_with_is_its_objects),
        cmocka_unit_test(what_happens_after_the_listing_is_an_error),
        cmocka_unit_test(a_listing_that_fails_does_so_in_its_place),
        cmocka_unit_test(a_signal_stops_it_and_its_readers),
        cmocka_unit_test(memory_runs_short),
    };
    return cmocka_run_group_tests_name("scan_ahead", tests, NULL, NULL);
}
