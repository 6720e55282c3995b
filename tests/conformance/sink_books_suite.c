/*
 * sink_books_suite: cases about ledger, rejects and attempts that hold for every sink.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/conformance/sink_suite_internal.h"
#include "tests/support/sink_kit.h"

static struct ledger_row page[REC_PAGE];
static struct reject rejects[REC_PAGE];
static struct attempt attempts[REC_PAGE];

/* The objects (with their chunks) of one ledger page as "a/0 b/0 ". */
static const char *ledger_text(struct sink *sink, const struct ledger_query *query, size_t cap)
{
    static char text[4096];
    struct err err = ERR_INIT;
    size_t n, at = 0;

    assert_int_equal(sink_ledger_page(sink, query, page, cap, &n, &err), ERR_OK);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s/%lld ", page[i].object,
                               (long long)page[i].chunk);
    return text;
}

/* Commits ledger rows without any data. */
static void add_ledger(struct sink *sink, struct ledger_row *rows, size_t n)
{
    struct err err = ERR_INIT;
    struct sink_load *load = kit_begin(sink, rows[0].run_id);

    assert_int_equal(sink_ledger_insert(load, rows, n, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
}

/* ---- ledger ---- */

CASE(ledger_row_comes_back)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row row = kit_ledger("a b/\xc3\xa9'\"", 3, "run1"), want;
    char header[] = "id,name\r\n";
    struct buf out;
    size_t n;

    buf_init(&out, 1024);
    row.header = header;
    row.header_len = sizeof header; /* with its NUL: any byte is kept */
    struct sink_load *load = kit_begin(fix->sink, "run1");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    want = row;
    /* Totals write everything but id, object, chunk, started. */
    row.kind = want.kind = LOAD_KIND_BASELINE;
    row.hour = want.hour = KIT_HOUR + 5;
    row.last = want.last = false;
    row.rows_loaded = want.rows_loaded = INT64_MAX;
    row.row_hash = want.row_hash = UINT64_MAX;
    row.content.bytes[0] = want.content.bytes[0] = 0;
    row.object[0] = 'X';
    row.chunk = 77;
    fix->clock.now_us += 1234567;
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(sink_ledger_page(fix->sink, &(struct ledger_query){0}, page, REC_PAGE, &n, &err),
                     ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(page[0].started_us, KIT_NOW);
    assert_int_equal(page[0].finished_us, KIT_NOW + 1234567);
    want.header = NULL;
    want.header_len = 0;
    want.started_us = page[0].started_us;
    want.finished_us = page[0].finished_us;
    assert_string_equal(page[0].object, want.object);
    assert_string_equal(page[0].etag, want.etag);
    assert_string_equal(page[0].load_method, want.load_method);
    assert_string_equal(page[0].run_id, want.run_id);
    assert_memory_equal(&page[0].content, &want.content, sizeof want.content);
    assert_int_equal(page[0].id, want.id);
    assert_int_equal(page[0].chunk, want.chunk);
    assert_int_equal(page[0].hour, want.hour);
    assert_int_equal(page[0].kind, want.kind);
    assert_int_equal(page[0].last, want.last);
    assert_int_equal(page[0].byte_start, want.byte_start);
    assert_int_equal(page[0].byte_end, want.byte_end);
    assert_int_equal(page[0].first_line, want.first_line);
    assert_int_equal(page[0].next_line, want.next_line);
    assert_int_equal(page[0].chunk_rows, want.chunk_rows);
    assert_int_equal(page[0].bytes, want.bytes);
    assert_int_equal(page[0].rows_read, want.rows_read);
    assert_int_equal(page[0].rows_loaded, want.rows_loaded);
    assert_int_equal(page[0].rows_rejected, want.rows_rejected);
    assert_true(page[0].row_hash == want.row_hash);
    assert_true(page[0].schema_hash == want.schema_hash);
    assert_null(page[0].header);
    assert_int_equal(sink_ledger_header(fix->sink, want.id, &out, &err), ERR_OK);
    assert_int_equal(out.len, sizeof header);
    assert_memory_equal(out.data, header, sizeof header);
    assert_int_equal(sink_ledger_header(fix->sink, want.id + 1, &out, &err), ERR_OK);
    assert_int_equal(out.len, 0);
    buf_release(&out);
}

CASE(ledger_refuses_an_object_twice)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row rows[2] = {kit_ledger("a", 0, "run1"), kit_ledger("a", 1, "run1")};

    add_ledger(fix->sink, rows, 2); /* chunks are rows of their own */
    struct sink_load *load = kit_begin(fix->sink, "run2");
    struct ledger_row again[2] = {kit_ledger("A", 0, "run2"), kit_ledger("a", 1, "run2")};
    assert_int_equal(sink_ledger_insert(load, again, 2, &err), ERR_EXISTS);
    assert_int_equal(err.name, ERRN_LEDGER_EXISTS);
    assert_non_null(strstr(err.msg, "a"));
    err_clear(&err);
    assert_int_equal(sink_commit(load, &err), ERR_INTERNAL); /* broken: commit is an abort */
    assert_string_equal(ledger_text(fix->sink, &(struct ledger_query){0}, 9), "a/0 a/1 ");
    /* Bytes, not letters, and no trailing space is lost. */
    struct ledger_row others[3] = {kit_ledger("A", 0, "run2"), kit_ledger("a ", 0, "run2"),
                                   kit_ledger("a", -1, "run2")};
    add_ledger(fix->sink, others, 3);
    assert_string_equal(ledger_text(fix->sink, &(struct ledger_query){0}, 9), "A/0 a/-1 a/0 a/1 a /0 ");
}

CASE(ledger_pages_by_key_and_id)
{
    struct fix *fix = *state;
    /* In byte order: '-' < '.' < '/' < '0'; UTF-8 behind ASCII. */
    static const char *const OBJECTS[] = {"a/x", "a.b", "a-b", "z", "a0", "\xc3\xa9"};
    struct ledger_row rows[6];
    struct ledger_query q = {0};

    for (size_t i = 0; i < 6; i++)
        rows[i] = kit_ledger(OBJECTS[i], 0, "run1");
    add_ledger(fix->sink, rows, 6);
    assert_string_equal(ledger_text(fix->sink, &q, 9), "a-b/0 a.b/0 a/x/0 a0/0 z/0 \xc3\xa9/0 ");
    assert_string_equal(ledger_text(fix->sink, &q, 2), "a-b/0 a.b/0 ");
    q.after_object = "a.b";
    assert_string_equal(ledger_text(fix->sink, &q, 2), "a/x/0 a0/0 ");
    q.after_object = "a/x";
    q.after_chunk = -1;
    assert_string_equal(ledger_text(fix->sink, &q, 1), "a/x/0 ");
    q.after_object = "\xc3\xa9";
    q.after_chunk = 0;
    assert_string_equal(ledger_text(fix->sink, &q, 9), "");
    q = (struct ledger_query){.order = LEDGER_BY_ID};
    assert_string_equal(ledger_text(fix->sink, &q, 3), "a/x/0 a.b/0 a-b/0 ");
    q.after_id = page[2].id;
    assert_string_equal(ledger_text(fix->sink, &q, 9), "z/0 a0/0 \xc3\xa9/0 ");
    assert_string_equal(ledger_text(fix->sink, &q, 0), "");
}

CASE(ledger_filters)
{
    struct fix *fix = *state;
    struct ledger_row rows[4] = {kit_ledger("h1/a", 0, "run1"), kit_ledger("h1/b", 0, "run1"),
                                 kit_ledger("h1_/c", 0, "run1"), kit_ledger("h2/a\xff", 0, "run1")};

    rows[1].hour = KIT_HOUR + 1;
    add_ledger(fix->sink, rows, 4);
    struct ledger_row late = kit_ledger("h1/b", 1, "run2");
    late.hour = KIT_HOUR + 1;
    add_ledger(fix->sink, &late, 1);
#define LISTS(text, ...)                                                                                     \
    assert_string_equal(ledger_text(fix->sink, &(struct ledger_query){__VA_ARGS__}, 9), text)
    LISTS("h1/b/0 h1/b/1 ", .object = "h1/b");
    LISTS("h1/b/1 ", .object = "h1/b", .after_object = "h1/b", .after_chunk = 0);
    LISTS("", .object = "h1");
    LISTS("h1/a/0 h1/b/0 h1/b/1 ", .prefix = "h1/");
    LISTS("h1/a/0 h1/b/0 h1/b/1 h1_/c/0 ", .prefix = "h1");
    LISTS("h2/a\xff/0 ", .prefix = "h2/a\xff");
    LISTS("", .prefix = "\xff");
    LISTS("h1/a/0 h1/b/0 h1/b/1 h1_/c/0 h2/a\xff/0 ", .prefix = "");
    LISTS("h1/b/1 h1_/c/0 ", .prefix = "h1", .after_object = "h1/b", .after_chunk = 0);
    LISTS("h1/a/0 h1/b/0 h1/b/1 ", .prefix = "h1/", .after_object = "g", .after_chunk = 9);
    LISTS("", .prefix = "h1/", .after_object = "h3", .after_chunk = 0);
    LISTS("h1/b/1 ", .run_id = "run2");
    LISTS("h1/b/0 h1/b/1 ", .has_hour = true, .hour = KIT_HOUR + 1);
    LISTS("", .has_hour = true, .hour = KIT_HOUR - 1);
    LISTS("h1/b/0 ", .has_hour = true, .hour = KIT_HOUR + 1, .run_id = "run1", .prefix = "h1/");
    LISTS("h1/b/1 ", .has_hour = true, .hour = KIT_HOUR + 1, .order = LEDGER_BY_ID, .after_id = rows[3].id);
#undef LISTS
}

CASE(etag_is_refreshed)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row rows[] = {kit_ledger("a", 0, "run1"), kit_ledger("b", 0, "run1")};

    add_ledger(fix->sink, rows, 2);
    struct etag_mark marks[] = {{rows[0].id, "new"}, {rows[1].id, "newer"}};
    assert_int_equal(sink_ledger_set_etags(fix->sink, marks, 2, &err), ERR_OK);
    ledger_text(fix->sink, &(struct ledger_query){0}, 9);
    assert_string_equal(page[0].etag, "new");
    assert_string_equal(page[1].etag, "newer");
    struct etag_mark gone[] = {{rows[0].id, "newest"}, {rows[1].id + 1, "newest"}};
    assert_int_equal(sink_ledger_set_etags(fix->sink, gone, 2, &err), ERR_PRECONDITION);
    assert_int_equal(err.name, ERRN_LEDGER_MOVED);
    ledger_text(fix->sink, &(struct ledger_query){0}, 9);
    assert_string_equal(page[0].etag, "new");
}

/* ---- replace ---- */

/* Loads one object as two chunks, each with a reject, and a replay of the first reject. */
static void load_in_chunks(struct sink *sink, const char *object, struct ledger_row *first)
{
    struct err err = ERR_INIT;
    struct reject reject = {.raw = "bad", .raw_len = 3};
    struct ledger_row rows[3] = {kit_ledger(object, 0, "run1"), kit_ledger(object, 1, "run1"),
                                 kit_ledger(object, -1, "run1")};
    struct sink_load *load = kit_begin(sink, "run1");
    int64_t stored;

    (void)!snprintf(reject.object, sizeof reject.object, "%s", object);
    rows[2].kind = LOAD_KIND_REPLAY;
    assert_int_equal(sink_ledger_insert(load, rows, 3, &err), ERR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kit_append(load, "1|x\n2|x\n", rows[i].id, &err), ERR_OK);
        reject.load_id = rows[i].id;
        assert_int_equal(sink_rejects(load, &reject, 1, &stored, &err), ERR_OK);
    }
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    *first = rows[0];
}

CASE(replace_takes_the_whole_object)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row old, other, row = kit_ledger("a", 5, "run2");
    struct buf arena;
    size_t n;

    buf_init(&arena, 4096);
    load_in_chunks(fix->sink, "a", &old);
    load_in_chunks(fix->sink, "b", &other);
    fix->clock.now_us += 5000000;
    struct sink_load *load = kit_begin(fix->sink, "run2");
    memcpy(row.etag, "second", 7);
    assert_int_equal(sink_replace(load, &old, &row, &err), ERR_OK);
    assert_int_equal(row.id, old.id);
    assert_int_equal(row.chunk, 0);
    assert_int_equal(kit_append(load, "9|new\n", row.id, &err), ERR_OK);
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_string_equal(ledger_text(fix->sink, &(struct ledger_query){.object = "a"}, 9), "a/0 ");
    assert_int_equal(page[0].id, old.id);
    assert_string_equal(page[0].run_id, "run2");
    assert_string_equal(page[0].etag, "second");
    assert_int_equal(page[0].started_us, KIT_NOW + 5000000);
    char *rows = kit_rows(fix->sink, old.id, false);
    assert_string_equal(rows, "9|new\n");
    mem_free(rows);
    assert_int_equal(kit_count(fix->sink, 0), 1 + 6); /* b is whole */
    assert_int_equal(
        sink_reject_page(fix->sink, &(struct record_query){0}, rejects, REC_PAGE, &n, &arena, &err), ERR_OK);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(rejects[i].object, "b");
    buf_release(&arena);
}

CASE(replace_refuses)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row old, row = kit_ledger("a", 0, "run2");
    struct ledger_row base = kit_ledger("base", 0, "run1");

    load_in_chunks(fix->sink, "a", &old);
    base.kind = LOAD_KIND_BASELINE;
    add_ledger(fix->sink, &base, 1);

    struct sink_load *load = kit_begin(fix->sink, "run2");
    memcpy(old.run_id, "other", 6);
    assert_int_equal(sink_replace(load, &old, &row, &err), ERR_PRECONDITION);
    assert_int_equal(err.name, ERRN_LEDGER_MOVED);
    sink_abort(load);

    err_clear(&err);
    load = kit_begin(fix->sink, "run2");
    row = kit_ledger("base", 0, "run2");
    assert_int_equal(sink_replace(load, &base, &row, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_BASELINE_ROW);
    sink_abort(load);

    err_clear(&err);
    struct sink_target bare = fix->target;
    bare.lineage = LINEAGE_NONE;
    struct sink *sink = fix_open(fix, &bare, false);
    load = kit_begin(sink, "run2");
    assert_int_equal(sink_replace(load, &base, &row, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_NEEDS_LINEAGE);
    sink_abort(load);
    sink_close(sink);
    assert_int_equal(kit_count(fix->sink, 0), 6); /* nothing happened */
    assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), 4);
}

/* Lineage was switched on later: the rows of before cannot be told from others. */
CASE(replace_doubles_no_row_without_lineage)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target bare = fix->target;
    struct ledger_row old, row = kit_ledger("a", 0, "run2");

    bare.lineage = LINEAGE_NONE;
    struct sink *sink = fix_open(fix, &bare, false);
    kit_load(sink, "a", "1|x\n2|x\n");
    sink_close(sink);
    assert_string_equal(ledger_text(fix->sink, &(struct ledger_query){.object = "a"}, 9), "a/0 ");
    old = page[0];
    struct sink_load *load = kit_begin(fix->sink, "run2");
    assert_int_equal(sink_replace(load, &old, &row, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_NEEDS_LINEAGE);
    sink_abort(load);
    kit_assert_rows(fix->sink, 0, "1|x\n2|x\n");
    /* An object that is whole by its _load may be replaced beside them. */
    kit_load(fix->sink, "b", "3|x\n4|x\n5|x\n6|x\n7|x\n");
    assert_string_equal(ledger_text(fix->sink, &(struct ledger_query){.object = "b"}, 9), "b/0 ");
    old = page[0];
    err_clear(&err);
    row = kit_ledger("b", 0, "run2");
    load = kit_begin(fix->sink, "run2");
    assert_int_equal(sink_replace(load, &old, &row, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    kit_assert_rows(fix->sink, 0, "1|x\n2|x\n");
}

/* ---- rejects ---- */

/* A load of object `object` with n rejects; raw is "<object> <i>". Returns the load id. */
static int64_t add_rejects(struct sink *sink, const char *object, hour_t hour, const char *run_id, size_t n)
{
    struct err err = ERR_INIT;
    struct ledger_row row = kit_ledger(object, 0, run_id);
    struct sink_load *load = kit_begin(sink, run_id);
    int64_t stored;

    row.hour = hour;
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    for (size_t i = 0; i < n; i++) {
        char raw[64];
        struct reject r = {.load_id = row.id, .line = (int64_t)i + 2, .offset = 100 + (int64_t)i, .raw = raw};
        r.raw_len = (size_t)snprintf(raw, sizeof raw, "%s %zu", object, i);
        r.length = (int64_t)r.raw_len + 10;
        (void)!snprintf(r.object, sizeof r.object, "%s", object);
        (void)!snprintf(r.column, sizeof r.column, "%s", "age");
        (void)!snprintf(r.error_name, sizeof r.error_name, "%s", i % 2 ? "CAST_INT" : "CHECK_MAX");
        (void)!snprintf(r.message, sizeof r.message, "%s", "no");
        assert_int_equal(sink_rejects(load, &r, 1, &stored, &err), ERR_OK);
        assert_int_equal(stored, 1);
    }
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    return row.id;
}

CASE(rejects_keep_every_byte)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    char all[256];
    struct reject r[3] = {{.object = "a", .raw = all, .raw_len = sizeof all, .length = 70000, .line = 5},
                          {.object = "a", .raw = "", .raw_len = 0},
                          {.object = "a", .raw = NULL, .raw_len = 0}};
    struct ledger_row row = kit_ledger("a", 0, "run1");
    struct buf arena;
    int64_t stored;
    size_t n;

    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    buf_init(&arena, 4096);
    struct sink_load *load = kit_begin(fix->sink, "run1");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    for (int i = 0; i < 3; i++)
        r[i].load_id = row.id;
    assert_int_equal(sink_rejects(load, r, 3, &stored, &err), ERR_OK);
    assert_int_equal(stored, 3);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(
        sink_reject_page(fix->sink, &(struct record_query){0}, rejects, REC_PAGE, &n, &arena, &err), ERR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(rejects[0].raw_len, sizeof all);
    assert_memory_equal(rejects[0].raw, all, sizeof all);
    assert_int_equal(rejects[0].length, 70000);
    assert_int_equal(rejects[0].line, 5);
    assert_int_equal(rejects[1].raw_len, 0);
    assert_int_equal(rejects[2].raw_len, 0);
    assert_int_equal(rejects[0].hour, KIT_HOUR);
    assert_string_equal(rejects[0].run_id, "run1");
    assert_int_equal(rejects[0].attempt_id, 0);
    buf_release(&arena);
}

static size_t reject_count(struct sink *sink, const struct record_query *q, struct buf *arena)
{
    struct err err = ERR_INIT;
    size_t n;

    assert_int_equal(sink_reject_page(sink, q, rejects, REC_PAGE, &n, arena, &err), ERR_OK);
    return n;
}

CASE(reject_pages_filter_and_stay_small)
{
    enum { BIG = 7 * 1024 * 1024, PAGE_RAW = 24 * 1024 * 1024 };
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target other = fix->target;
    struct buf arena;
    size_t n;

    buf_init(&arena, PAGE_RAW);
    int64_t a = add_rejects(fix->sink, "a", KIT_HOUR, "run1", 4);
    add_rejects(fix->sink, "b", KIT_HOUR + 1, "run2", 3);
#define COUNT(...) reject_count(fix->sink, &(struct record_query){__VA_ARGS__}, &arena)
    assert_int_equal(COUNT(0), 7);
    assert_int_equal(rejects[1].line, 3);
    assert_int_equal(rejects[1].offset, 101);
    assert_string_equal(rejects[1].column, "age");
    assert_string_equal(rejects[1].error_name, "CAST_INT");
    assert_string_equal(rejects[1].message, "no");
    assert_int_equal(rejects[5].raw_len, 3);
    assert_memory_equal(rejects[5].raw, "b 1", 3);
    assert_int_equal(COUNT(.object = "a"), 4);
    assert_int_equal(COUNT(.run_id = "run2"), 3);
    assert_int_equal(COUNT(.error_name = "CAST_INT"), 3);
    assert_int_equal(COUNT(.has_hour = true, .hour = KIT_HOUR + 1), 3);
    assert_int_equal(COUNT(.load_id = a, .error_name = "CHECK_MAX"), 2);
    assert_int_equal(COUNT(.load_id = a + 1000), 0);
    assert_int_equal(COUNT(.only_replayable = true), 7);
    COUNT(0);
    assert_int_equal(COUNT(.after_id = rejects[4].id), 2);
    other.pipeline = "other";
    struct sink *sink = fix_open(fix, &other, true);
    assert_int_equal(reject_count(sink, &(struct record_query){0}, &arena), 0);
    sink_close(sink);

    /* Three large ones: the page ends before it grows over 16 MiB. */
    char *big = mem_calloc(1, BIG);
    struct ledger_row row = kit_ledger("c", 0, "run3");
    struct reject r = {.object = "c", .raw = big, .raw_len = BIG, .length = BIG};
    struct sink_load *load = kit_begin(fix->sink, "run3");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    r.load_id = row.id;
    for (int i = 0; i < 3; i++) {
        int64_t stored;
        assert_int_equal(sink_rejects(load, &r, 1, &stored, &err), ERR_OK);
    }
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(n = COUNT(.object = "c"), 2);
    assert_int_equal(COUNT(.object = "c", .after_id = rejects[n - 1].id), 1);
    assert_int_equal(rejects[0].raw_len, BIG);
#undef COUNT
    mem_free(big);
    buf_release(&arena);
}

CASE(rejects_are_replayed_once)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct buf arena;
    int64_t ids[4];

    buf_init(&arena, 4096);
    add_rejects(fix->sink, "a", KIT_HOUR, "run1", 4);
    assert_int_equal(reject_count(fix->sink, &(struct record_query){0}, &arena), 4);
    for (size_t i = 0; i < 4; i++)
        ids[i] = rejects[i].id;

    struct sink_load *load = kit_begin(fix->sink, "run2");
    struct ledger_row row = kit_ledger("a", -1, "run2");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_mark_replayed(load, ids, 2, row.id, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(reject_count(fix->sink, &(struct record_query){0}, &arena), 4);
    assert_int_equal(rejects[1].replayed_by, row.id);
    assert_int_equal(rejects[2].replayed_by, 0);
    assert_int_equal(rejects[1].raw_len, 3);
    assert_int_equal(reject_count(fix->sink, &(struct record_query){.only_replayable = true}, &arena), 2);

    load = kit_begin(fix->sink, "run3");
    assert_int_equal(sink_mark_replayed(load, &ids[1], 2, row.id, &err), ERR_EXISTS);
    assert_int_equal(err.name, ERRN_LEDGER_EXISTS);
    sink_abort(load);
    err_clear(&err);
    load = kit_begin(fix->sink, "run3");
    int64_t nobody = ids[3] + 1000;
    assert_int_equal(sink_mark_replayed(load, &nobody, 1, row.id, &err), ERR_EXISTS);
    sink_abort(load);
    assert_int_equal(reject_count(fix->sink, &(struct record_query){.only_replayable = true}, &arena), 2);
    buf_release(&arena);
}

CASE(attempts_survive_with_their_samples)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct attempt a = {.run_id = "run1",
                        .hour = KIT_HOUR,
                        .object = "a",
                        .error_name = "REJECT_LIMIT",
                        .message = "too many",
                        .rows_read = 10,
                        .rows_loaded = 7,
                        .rows_rejected = 3,
                        .bytes = 99};
    struct attempt b = {.run_id = "run2", .hour = KIT_HOUR + 1, .error_name = "SOURCE_GONE"};
    struct reject samples[2] = {
        {.object = "a", .raw = "x\0y", .raw_len = 3, .length = 3, .line = 4, .error_name = "CAST_INT"},
        {.object = "a", .raw = "z", .raw_len = 1, .line = 5}};
    struct buf arena;
    size_t n;

    buf_init(&arena, 4096);
    assert_int_equal(sink_attempt_add(fix->sink, &a, samples, 2, &err), ERR_OK);
    fix->clock.now_us += 1000000;
    assert_int_equal(sink_attempt_add(fix->sink, &b, NULL, 0, &err), ERR_OK);
    assert_true(a.id > 0 && b.id > a.id);
#define PAGE(...)                                                                                            \
    assert_int_equal(                                                                                        \
        sink_attempt_page(fix->sink, &(struct record_query){__VA_ARGS__}, attempts, REC_PAGE, &n, &err),     \
        ERR_OK)
    PAGE(0);
    assert_int_equal(n, 2);
    assert_string_equal(attempts[0].run_id, "run1");
    assert_string_equal(attempts[0].object, "a");
    assert_string_equal(attempts[0].error_name, "REJECT_LIMIT");
    assert_string_equal(attempts[0].message, "too many");
    assert_int_equal(attempts[0].hour, KIT_HOUR);
    assert_int_equal(attempts[0].rows_read, 10);
    assert_int_equal(attempts[0].rows_loaded, 7);
    assert_int_equal(attempts[0].rows_rejected, 3);
    assert_int_equal(attempts[0].bytes, 99);
    assert_int_equal(attempts[0].at_us, KIT_NOW);
    assert_string_equal(attempts[1].object, "");
    PAGE(.run_id = "run2");
    assert_int_equal(n, 1);
    PAGE(.object = "a");
    assert_int_equal(n, 1);
    PAGE(.error_name = "SOURCE_GONE", .has_hour = true, .hour = KIT_HOUR + 1);
    assert_int_equal(n, 1);
    PAGE(.after_id = a.id);
    assert_int_equal(n, 1);
    assert_int_equal(attempts[0].id, b.id);
    PAGE(.has_hour = true, .hour = KIT_HOUR + 2);
    assert_int_equal(n, 0);
#undef PAGE
    assert_int_equal(reject_count(fix->sink, &(struct record_query){.run_id = "run1"}, &arena), 2);
    assert_int_equal(rejects[0].attempt_id, a.id);
    assert_int_equal(rejects[0].load_id, 0);
    assert_int_equal(rejects[0].hour, KIT_HOUR);
    assert_memory_equal(rejects[0].raw, "x\0y", 3);
    int64_t id = rejects[0].id;
    assert_int_equal(reject_count(fix->sink, &(struct record_query){.only_replayable = true}, &arena), 0);
    struct sink_load *load = kit_begin(fix->sink, "run3");
    assert_int_equal(sink_mark_replayed(load, &id, 1, 1, &err), ERR_EXISTS); /* samples never are */
    sink_abort(load);
    buf_release(&arena);
}
