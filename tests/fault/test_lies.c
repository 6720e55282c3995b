/*
 * lies: a database that drops rows and says nothing, a store that gives less than it listed, objects that
 * change while they are read, a clock that jumps back. None may end as loaded and be wrong.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/store_wrap.h"
#include "tests/support/rig.h"
#include "tests/support/store_hook.h"
#include "tests/support/tempdir.h"

#define KEY      "yyyy=2022/mm=06/dd=05/hh=12/a.csv"
#define HEAD     "id,name,amount\n"
#define PIPELINE RIG_PIPELINE("file:lake", "sqlite:t.db", "")

enum { BIG_ROWS = 60000, MISSING = 5 };

/* ---- the database ---- */

static void ask_sqlite(const struct rig *rig, const char *sql)
{
    char path[4096];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/t.db", rig->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void a_database_that_drops_rows_is_found_out(void **state)
{
    static const char *const TRIGGERS[] = {
        "CREATE TRIGGER lie BEFORE INSERT ON t WHEN NEW.id = 2 BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER lie BEFORE INSERT ON sluice_reject BEGIN SELECT RAISE(IGNORE); END",
    };
    static const char *const SETS[] = {"policy.max_rejects=1"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = {0};
        rig_open(&rig, PIPELINE, SETS, 1);
        rig_put(&rig, KEY, HEAD "1,ann,1\n2,bob,2\nx,cyd,3\n");
        ask_sqlite(&rig, TRIGGERS[i]);
        assert_int_equal(rig_run(&rig, NULL), 1);
        assert_int_equal(rig.err.name, ERRN_CONSERVATION);
        assert_int_equal(rig_rows(&rig, NULL), 0);
        ask_sqlite(&rig, "DROP TRIGGER lie");
        assert_int_equal(rig_run(&rig, NULL), 0);
        assert_int_equal(rig_rows(&rig, NULL), 2);
        rig_close(&rig);
    }
}

/* ---- a store that gives less than it says ---- */

static enum err_code short_open(struct store *store, const char *key, const struct store_range *range,
                                struct store_reader **out, struct err *err)
{
    if (store_wrap_open_read(store, key, range, out, err) == ERR_OK)
        (*out)->expected -= MISSING;
    return err->code;
}

static enum err_code short_read(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                                struct err *err)
{
    int64_t left = reader->expected - reader->got;
    if (left == 0)
        return ERR_OK;
    return store_wrap_read(reader, dst, (int64_t)cap < left ? cap : (size_t)left, n, err);
}

static const char *const SCHEMES[] = {NULL};

static const struct store_type SHORT = {
    .name = "short",
    .schemes = SCHEMES,
    .list_begin = store_wrap_list_begin,
    .list_next = store_wrap_list_next,
    .list_end = store_wrap_list_end,
    .stat = store_wrap_stat,
    .open_read = short_open,
    .read = short_read,
    .close_read = store_wrap_close_read,
    .put = store_wrap_put,
    .remove = store_wrap_remove,
    .close = store_wrap_close,
};

static struct store *wrap_short(void *ctx, struct store *inner)
{
    struct err err = ERR_INIT;
    (void)ctx;
    struct store_wrap *s = store_wrap_new(sizeof *s, &SHORT, inner, &err);
    return s ? &s->base : NULL;
}

/* It even ends at a line's end: nothing in the bytes tells. */
static void a_store_that_gives_less_than_it_listed_is_found_out(void **state)
{
    struct rig rig = {.wrap_store = wrap_short};
    (void)state;
    rig_open(&rig, PIPELINE, NULL, 0);
    rig_put(&rig, KEY, HEAD "1,ann,1\n2,b,\n");
    assert_int_equal(rig_run(&rig, NULL), 1);
    assert_string_equal(buf_str(&rig.log), KEY " failed 0 0 0 INTERNAL\n");
    assert_int_equal(rig_rows(&rig, NULL), 0);
    rig_close(&rig);
}

/* ---- objects that change while they are read ---- */

struct changer {
    struct store_hook hook;
    struct rig *rig;
    const char *text;
    bool in_place;
};

static struct store *wrap_hook(void *ctx, struct store *inner)
{
    return store_hook_new(&((struct changer *)ctx)->hook, inner);
}

static void change(void *ctx)
{
    struct changer *c = ctx;
    char path[4096], next[4096 + 8];
    snprintf(path, sizeof path, "%s/lake/" KEY, c->rig->dir);
    snprintf(next, sizeof next, "%s.next", path);
    int fd = open(c->in_place ? path : next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, c->text, strlen(c->text)) != (ssize_t)strlen(c->text) || close(fd) != 0 ||
        (!c->in_place && rename(next, path) != 0))
        abort();
}

static char *rows(int n, char letter)
{
    struct err err = ERR_INIT;
    struct buf text;
    buf_init(&text, 64 * 1024 * 1024);
    assert_int_equal(buf_append_str(&text, HEAD, &err), ERR_OK);
    for (int i = 0; i < n; i++)
        assert_int_equal(buf_printf(&text, &err, "%d,%c%c%c,1\n", i, letter, letter, letter), ERR_OK);
    return text.data;
}

/* Old rows or new rows, never of both; and what the ledger says is what is there. */
static void no_mixed_object_is_loaded(void **state)
{
    char *old = rows(BIG_ROWS, 'o'), *new = rows(BIG_ROWS, 'n');
    uint64_t hash_old = 0, hash_new = 0;
    (void)state;
    for (int in_place = 0; in_place < 2; in_place++) {
        for (int call = 0; call < 12; call++) {
            struct changer c = {.text = new, .in_place = in_place};
            struct rig rig = {.wrap_store = wrap_hook, .wrap_ctx = &c};
            uint64_t hash = 0;
            store_hook_init(&c.hook);
            c.rig = &rig;
            rig_open(&rig, PIPELINE, NULL, 0);
            rig_put(&rig, KEY, old);
            if (!hash_old) { /* once each, undisturbed */
                assert_int_equal(rig_run(&rig, NULL), 0);
                assert_int_equal(rig_rows(&rig, &hash_old), BIG_ROWS);
                rig_close(&rig);
                store_hook_release(&c.hook);
                continue;
            }
            c.hook.op = call < 2 ? STORE_OP_OPEN : STORE_OP_READ;
            c.hook.nth = call < 2 ? 1 : call - 1;
            c.hook.after = call == 1;
            c.hook.hook = change;
            c.hook.ctx = &c;
            int status = rig_run(&rig, NULL);
            int64_t n = rig_rows(&rig, &hash);
            if (n != 0 && n != BIG_ROWS)
                fail_msg("%lld rows of an object that changed", (long long)n);
            if (n && hash != hash_old && !hash_new)
                hash_new = hash;
            if ((n && hash != hash_old && hash != hash_new) || (status == 0) != (n == BIG_ROWS))
                fail_msg("call %d: status %d, %lld rows that are neither old nor new", call, status,
                         (long long)n);
            if (n)
                assert_true(hash == rig.totals.row_hash);
            rig_close(&rig);
            store_hook_release(&c.hook);
        }
    }
    mem_free(old);
    mem_free(new);
}

/* ---- an object is opened as the one that was listed ---- */

static char opened_as[STORE_ETAG_MAX + 1];

static enum err_code watch_open(struct store *store, const char *key, const struct store_range *range,
                                struct store_reader **out, struct err *err)
{
    snprintf(opened_as, sizeof opened_as, "%s", range->if_match ? range->if_match : "");
    return store_wrap_open_read(store, key, range, out, err);
}

static struct store_type watch;

static struct store *wrap_watch(void *ctx, struct store *inner)
{
    struct err err = ERR_INIT;
    (void)ctx;
    watch = SHORT;
    watch.open_read = watch_open;
    watch.read = store_wrap_read;
    struct store_wrap *s = store_wrap_new(sizeof *s, &watch, inner, &err);
    return s ? &s->base : NULL;
}

static void an_object_is_opened_as_it_was_listed(void **state)
{
    struct rig rig = {.wrap_store = wrap_watch};
    struct store_object listed;
    struct err err = ERR_INIT;
    (void)state;
    rig_open(&rig, PIPELINE, NULL, 0);
    rig_put(&rig, KEY, HEAD "1,ann,1\n");
    assert_int_equal(store_stat(rig.store, KEY, &listed, &err), ERR_OK);
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_string_equal(opened_as, listed.etag);
    rig_close(&rig);
}

/* ---- failures that come late ---- */

/* Many batches are in the transaction when the last record breaks the limit, or the last bytes cannot be
 * read. */
static void a_late_failure_takes_all_back(void **state)
{
    char *many = rows(BIG_ROWS, 'm');
    struct err err = ERR_INIT;
    (void)state;
    for (int away = 0; away < 2; away++) {
        struct changer c = {.text = NULL};
        struct rig rig = {.wrap_store = wrap_hook, .wrap_ctx = &c};
        struct buf text;
        store_hook_init(&c.hook);
        buf_init(&text, 64 * 1024 * 1024);
        assert_int_equal(buf_printf(&text, &err, "%s%s", many, away ? "" : "x,bad,1\n"), ERR_OK);
        rig_open(&rig, PIPELINE, NULL, 0);
        rig_put(&rig, KEY, buf_str(&text));
        c.hook.op = STORE_OP_READ;
        c.hook.nth = away ? 4 : 0; /* the engine reads 256 KiB at a time */
        c.hook.onwards = true;
        c.hook.error = ERRN_STORE_UNREACHABLE;
        assert_int_equal(rig_run(&rig, NULL), away ? 5 : 3);
        assert_int_equal(c.hook.fired > 0, away);
        assert_int_equal(rig_rows(&rig, NULL), 0);
        rig_close(&rig);
        buf_release(&text);
        store_hook_release(&c.hook);
    }
    mem_free(many);
}

/* ---- clocks ---- */

/* Loaded long after it was written, then rewritten with size and time as they were, by a clock that went
 * back: now it may be another content, and it is. */
static void a_clock_that_jumps_back_does_not_hide_a_change(void **state)
{
    struct rig rig = {0};
    (void)state;
    rig_open(&rig, PIPELINE, NULL, 0);
    int64_t written = rig.clock.now_us;
    rig_put(&rig, KEY, HEAD "1,ann,1\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    rig.clock.now_us = written;
    rig_put(&rig, KEY, HEAD "1,bob,1\n");
    rig.clock.now_us = written + 1000000;
    assert_int_equal(rig_run(&rig, NULL), 3);
    assert_string_equal(buf_str(&rig.log), KEY " failed 0 0 0 SOURCE_CHANGED\n");
    rig_close(&rig);
}

/* ---- samples ---- */

/* An object over the limit keeps as many samples as there is room for, though its rejects are not stored. */
static void a_lost_object_keeps_its_samples(void **state)
{
    struct rig rig = {0};
    struct record_query all = {.object = NULL};
    struct reject *page = mem_alloc(REC_PAGE * sizeof *page);
    struct err err = ERR_INIT;
    struct buf arena, text;
    size_t n = 0;
    (void)state;
    assert_non_null(page);
    buf_init(&arena, 1 << 24);
    buf_init(&text, 1 << 24);
    for (int i = 0; i < 3000; i++)
        assert_int_equal(buf_printf(&text, &err, "%s%d,ann,1\n", i ? "x" : HEAD "x", i), ERR_OK);
    rig_open(&rig, PIPELINE, NULL, 0);
    rig_put(&rig, KEY, buf_str(&text));
    assert_int_equal(rig_run(&rig, NULL), 3);
    assert_string_equal(buf_str(&rig.log), KEY " failed 3000 0 3000 REJECT_LIMIT\n");
    struct sink *sink = rig_sink(&rig, true);
    assert_int_equal(sink_reject_page(sink, &all, page, REC_PAGE, &n, &arena, &err), ERR_OK);
    assert_int_equal(n, REC_SAMPLES_MAX);
    assert_memory_equal(page[99].raw, "x99,ann,1\n", 10);
    sink_close(sink);
    rig_close(&rig);
    buf_release(&arena);
    buf_release(&text);
    mem_free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_database_that_drops_rows_is_found_out),
        cmocka_unit_test(a_store_that_gives_less_than_it_listed_is_found_out),
        cmocka_unit_test(no_mixed_object_is_loaded),
        cmocka_unit_test(an_object_is_opened_as_it_was_listed),
        cmocka_unit_test(a_late_failure_takes_all_back),
        cmocka_unit_test(a_clock_that_jumps_back_does_not_hide_a_change),
        cmocka_unit_test(a_lost_object_keeps_its_samples),
    };
    tempdir_use_memory();
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests_name("lies", tests, NULL, NULL);
}
