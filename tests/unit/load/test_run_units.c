/* run: units of every kind: file, groups of tiny files, hour, chunk; and loading again. */
#include "tests/unit/load/load_rig.h"

#include "core/load/replay.h"

#define A      K("12", "a")
#define GOOD   HEAD "1,ann,1\n2,bob,2\n"
#define SEVEN  HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\n7,g,7\n"
#define CHUNKS "target.commit_unit=chunk", "target.chunk_rows=3"

/* ---- groups and hours ---- */

OVER_ALL(tiny_files_share_transactions)
{
    enum { FILES = 1100 };
    rig_open(rig, pipeline, NO_SETS);
    for (int i = 0; i < FILES; i++) {
        char key[128], text[64];
        snprintf(key, sizeof key, K("12", "%04d"), i);
        snprintf(text, sizeof text, HEAD "%d,n,1\n", i);
        rig_put(rig, key, text);
    }
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_BEGIN), 3); /* 512 + 512 + 76 */
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_COMMIT), 3);
    assert_int_equal(rig->totals.objects, FILES);
    assert_int_equal(rig->totals.rows_loaded, FILES);
    assert_int_equal(books_sums(rig).rows, FILES);
    books_balance(rig);
}

OVER_ALL(a_bad_file_is_left_out_of_its_group)
{
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("12", "b"), HEAD "3,c,1\nx,d,1\n");
    rig_put(rig, K("12", "c"), "");
    rig_put(rig, K("12", "d"), "id,wrong\n1,2\n");
    rig_put(rig, K("12", "e"), GOOD);
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "a") " loaded 2 2 0 -\n" K("12", "e") " loaded 2 2 0 -\n" K(
            "12",
            "b") " failed 2 0 1 REJECT_LIMIT\n" K("12",
                                                  "c") " failed 0 0 0 CSV_NO_HEADER\n" K("12",
                                                                                         "d") " failed 0 0 0 "
                                                                                              "CSV_HEADER\n");
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_COMMIT), 1);
    assert_string_equal(books_attempts(rig),
                        K("12", "b") " REJECT_LIMIT 2 1\n" K("12", "c") " CSV_NO_HEADER 0 0\n" K(
                            "12", "d") " CSV_HEADER 0 0\n");
    assert_string_equal(books_rejects(rig), K("12", "b") ":3 21+6 CAST_INT id sample <x,d,1\\x0a>\n");
    books_balance(rig);
}

OVER_ALL(a_file_with_many_rejects_leaves_its_group)
{
    enum { BAD = 1500 };
    char *text = malloc(BAD * 8 + 64);
    rig_open(rig, pipeline, SETS("policy.max_rejects=2000"));
    memcpy(text, HEAD, sizeof HEAD);
    for (int i = 0; i < BAD; i++)
        memcpy(text + strlen(text), "x,n,1\n", 7);
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("12", "b"), text);
    rig_put(rig, K("12", "c"), GOOD);
    free(text);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "a") " loaded 2 2 0 -\n" K("12", "c") " loaded 2 2 0 -\n" K("12", "b") " loaded 1500 0 1500 "
                                                                                       "-\n");
    books_balance(rig);
    (void)wrap;
}

OVER_ALL(a_row_that_the_database_refuses_fails_its_file_alone)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS("target.key=[id]"));
    for (int i = 0; i < 9; i++) {
        char key[128], text[64];
        snprintf(key, sizeof key, K("12", "%d"), i);
        snprintf(text, sizeof text, HEAD "%d,n,1\n%d,n,1\n", i, i == 6 ? 2 : i + 100);
        rig_put(rig, key, text);
    }
    rig_put(rig, K("13", "a"), HEAD "1000,n,1\n");
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_int_equal(rig->totals.objects, 9);
    assert_int_equal(rig->totals.failed, 1);
    assert_string_equal(books_attempts(rig), K("12", "6") " DB_CONSTRAINT 2 0\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 failed 1 DB_CONSTRAINT\n2022-06-05T13 loaded 0\n");
    assert_int_equal(rig_rows(rig, NULL), 17);
    books_balance(rig);
}

OVER_ALL(a_failed_object_tells_the_bytes_that_were_read)
{
    static const char *const UNITS[] = {"target.commit_unit=file", "target.commit_unit=chunk"};
    const char *text = HEAD "3,c,1\nx,d,1\n";
    (void)wrap;
    for (size_t i = 0; i < 2; i++) {
        struct attempt attempt;
        struct record_query query = {0};
        struct err err = ERR_INIT;
        size_t n = 0;
        rig_open(rig, pipeline, &UNITS[i], 1);
        rig_put(rig, A, text);
        assert_int_equal(rig_run(rig, NULL), 3);
        assert_int_equal(sink_attempt_page(rig->job.sink, &query, &attempt, 1, &n, &err), ERR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(attempt.bytes, (int64_t)strlen(text));
        rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(an_hour_is_one_transaction)
{
    rig_open(rig, pipeline, SETS("target.commit_unit=hour"));
    rig_put(rig, K("12", "a"), GOOD);
    rig_put(rig, K("12", "b"), SEVEN);
    rig_put(rig, K("13", "a"), GOOD);
    rig_put(rig, K("13", "b"), HEAD "x,1,1\n");
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "a") " loaded 2 2 0 -\n" K("12", "b") " loaded 7 7 0 -\n(hour) failed 0 0 0 REJECT_LIMIT\n");
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_COMMIT), 1);
    books_balance(rig);
    /* a late object of a finished hour is a new unit */
    rig_put(rig, K("12", "c"), GOOD);
    rig_put(rig, K("13", "b"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(
        buf_str(&rig->log),
        K("12", "c") " loaded 2 2 0 -\n" K("13", "a") " loaded 2 2 0 -\n" K("13", "b") " loaded 2 2 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 15);
    books_balance(rig);
}

/* More rows and rejects than one item holds: the object goes through many pages. */
OVER_ALL(a_large_object_is_one_transaction)
{
    enum { ROWS = 150000 };
    size_t cap = ROWS * 24 + 64, len;
    char *text = malloc(cap);
    rig_open(rig, pipeline, SETS("policy.max_rejects=1%"));
    len = (size_t)snprintf(text, cap, HEAD);
    for (int i = 0; i < ROWS; i++)
        len += (size_t)snprintf(text + len, cap - len, i % 100 == 7 ? "bad%d,\"n\",1\n" : "%d,\"n,m\",0.5\n",
                                i);
    rig_put(rig, A, text);
    free(text);
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), A " loaded 150000 148500 1500 -\n");
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_COMMIT), 1);
    assert_true(sink_wrap_calls(wrap, SINK_OP_APPEND) > 1);
    struct ledger_row row = books_row(rig, A, 0);
    assert_int_equal(row.bytes, (int64_t)len);
    assert_int_equal(row.byte_end, (int64_t)len);
    assert_int_equal(row.first_line, 2);
    assert_int_equal(row.next_line, ROWS + 2);
    assert_true(row.row_hash == rig->totals.row_hash);
    books_balance(rig);
}

/* ---- chunks ---- */

OVER_ALL(chunks_are_transactions_of_their_own)
{
    rig_open(rig, pipeline, SETS(CHUNKS, "policy.max_rejects=1"));
    rig_put(rig, A, HEAD "1,a,1\n2,b,2\n3,c,3\n\n4,\"d\nd\",4\nx,e,5\n6,f,6\n7,g,7");
    rig_put(rig, K("12", "b"), HEAD "1,a,1\n2,b,2\n3,c,3\n"); /* no empty chunk behind it */
    rig_put(rig, K("12", "c"), HEAD);
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), A " loaded 7 6 1 -\n" K("12", "b") " loaded 3 3 0 -\n" K(
                                                "12", "c") " loaded 0 0 0 -\n");
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_COMMIT), 5);
    assert_string_equal(
        books_ledger(rig), A
        " 0 load open 3 3 0 bytes=0 0..34 lines=2..6\n" A " 1 load open 3 2 1 bytes=0 34..56 lines=6..10\n" A
        " 2 load 1 1 0 bytes=61 56..61 lines=10..11\n" K(
            "12", "b") " 0 load 3 3 0 bytes=33 0..33 lines=2..5\n" K("12", "c") " 0 load 0 0 0 bytes=15 "
                                                                                "0..15 lines=2..2\n");
    books_balance(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
}

/* Leaves SEVEN with its first chunk in and the second failed. */
static void stop_in_the_middle(struct rig *rig, const char *pipeline, struct sink_wrap *wrap)
{
    rig_open(rig, pipeline, SETS(CHUNKS));
    rig_put(rig, A, SEVEN);
    sink_wrap_reset(wrap);
    fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_DISK_FULL);
    assert_int_equal(rig_run(rig, NULL), 1);
    assert_int_equal(rig->totals.rows_loaded, 3); /* they are in the table */
    sink_wrap_reset(wrap);
    assert_int_equal(rig_rows(rig, NULL), 3);
    books_balance(rig);
}

OVER_ALL(a_restart_goes_on_behind_the_last_chunk)
{
    stop_in_the_middle(rig, pipeline, wrap);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), A " loaded 4 4 0 -\n");
    assert_string_equal(books_ledger(rig), A " 0 load open 3 3 0 bytes=0 0..33 lines=2..5\n" A
                                             " 1 load open 3 3 0 bytes=0 33..51 lines=5..8\n" A
                                             " 2 load 1 1 0 bytes=57 51..57 lines=8..9\n");
    assert_int_equal(rig_rows(rig, NULL), 7);
    books_balance(rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
}

OVER_ALL(a_restart_keeps_the_size_it_began_with)
{
    stop_in_the_middle(rig, pipeline, wrap);
    rig_restart(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=100"));
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(books_sums(rig).rows, 3);
    books_balance(rig);
    rig_put(rig, K("12", "b"), SEVEN);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(books_row(rig, K("12", "b"), 0).rows_loaded, 7);
}

OVER_ALL(a_restart_with_other_units_goes_on_in_chunks)
{
    stop_in_the_middle(rig, pipeline, wrap);
    rig_restart(rig, pipeline, NO_SETS);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 7);
    assert_int_equal(books_row(rig, A, 2).last, true);
    books_balance(rig);
}

OVER_ALL(a_restart_takes_a_changed_rest)
{
    stop_in_the_middle(rig, pipeline, wrap);
    rig_put(rig, A, HEAD "1,a,1\n2,b,2\n3,c,3\n44,d,4\n55,e,5\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), A " loaded 2 2 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 5);
    books_balance(rig);
}

OVER_ALL(a_restart_refuses_a_changed_beginning)
{
    static const char *const CHANGED[] = {
        HEAD "1,a,1\n2,B,2\n3,c,3\n4,d,4\n",            /* another row */
        "name,id,amount\n1,a,1\n2,b,2\n3,c,3\n4,d,4\n", /* another header, of the same length */
        HEAD "1,a,1\n2,b,2\n3,c,33\n4,d,4\n",           /* another length */
        HEAD "1,a,1\n2,b,2\n3,c,3\n",                   /* nothing behind it any more */
        HEAD,
    };
    stop_in_the_middle(rig, pipeline, wrap);
    for (size_t i = 0; i < sizeof CHANGED / sizeof *CHANGED; i++) {
        rig_put(rig, A, CHANGED[i]);
        assert_int_equal(rig_run(rig, NULL), 3);
        assert_non_null(strstr(buf_str(&rig->log), "SOURCE_CHANGED"));
        assert_int_equal(rig_rows(rig, NULL), 3);
    }
    struct run_options reload = {.reload = true};
    rig_put(rig, A, HEAD "1,a,1\n2,B,2\n3,c,3\n4,d,4\n");
    assert_int_equal(rig_run(rig, &reload), 0);
    assert_int_equal(rig_rows(rig, NULL), 4);
    books_balance(rig);
}

OVER_ALL(a_restart_refuses_another_schema)
{
    stop_in_the_middle(rig, pipeline, wrap);
    if (!on_files(pipeline))
        return; /* a table in memory knows the two types apart and is no target for another schema */
    char *other = edited(pipeline, "amount, type: double", "amount, type: float"); /* the same in the table */
    rig_restart(rig, other, SETS(CHUNKS));
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_string_equal(buf_str(&rig->log), A " failed 0 0 0 SOURCE_CHANGED\n");
    assert_int_equal(rig_rows(rig, NULL), 3);
    free(other);
}

OVER_ALL(a_limit_counts_over_all_chunks)
{
    rig_open(rig, pipeline, SETS(CHUNKS, "policy.max_rejects=1"));
    rig_put(rig, A, HEAD "1,a,1\nx,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\ny,g,7\n8,h,8\n");
    sink_wrap_reset(wrap);
    assert_int_equal(rig_run(rig, NULL), 3); /* the third chunk has the second reject */
    assert_int_equal(rig_rows(rig, NULL), 5);
    assert_int_equal(rig->totals.rows_loaded, 5);
    books_balance(rig);
    assert_int_equal(rig_run(rig, NULL), 3); /* what earlier chunks rejected is not forgotten */
    assert_int_equal(rig_rows(rig, NULL), 5);
    rig_restart(rig, pipeline, SETS("policy.max_rejects=2"));
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 6);
    books_balance(rig);
}

OVER_ALL(a_share_is_judged_at_the_last_chunk)
{
    (void)wrap;
    rig_open(rig, pipeline, SETS(CHUNKS, "policy.max_rejects=25%"));
    rig_put(rig, A, HEAD "x,a,1\ny,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\n7,g,7\n8,h,8\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 6);
    books_balance(rig);
}

/* ---- again ---- */

OVER_ALL(reload_deletes_and_loads_again)
{
    struct run_options reload = {.reload = true};
    struct err err = ERR_INIT;
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=1"));
    rig_put(rig, K("12", "a"), HEAD "1,a,1\nx,b,2\n");
    rig_put(rig, K("12", "b"), GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, K("12", "a"), HEAD "1,a,1\n2,b,2\n3,c,3\n");
    rig_put(rig, K("12", "c"), GOOD);
    reload.range = (struct hour_range){true, books_row(rig, K("12", "a"), 0).hour,
                                       books_row(rig, K("12", "a"), 0).hour + 1};
    assert_int_equal(rig_run(rig, &reload), 0);
    assert_string_equal(buf_str(&rig->log),
                        K("12", "a") " replaced 3 3 0 -\n" K("12", "b") " replaced 2 2 0 -\n" K(
                            "12", "c") " loaded 2 2 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 9);
    assert_string_equal(books_rejects(rig), "");
    books_balance(rig);
    /* what is gone from the source cannot be loaded again: its rows stay */
    assert_int_equal(store_remove(rig->store, K("12", "b"), &err), ERR_OK);
    assert_int_equal(rig_run(rig, &reload), 3);
    assert_non_null(strstr(buf_str(&rig->log), K("12", "b") " failed 0 0 0 SOURCE_GONE\n"));
    assert_int_equal(rig_rows(rig, NULL), 9);
    books_balance(rig);
}

OVER_ALL(reload_needs_lineage)
{
    struct run_options reload = {.reload = true};
    (void)wrap;
    rig_open(rig, pipeline, SETS("target.lineage=false"));
    rig_put(rig, A, GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_run(rig, &reload), 2);
    assert_int_equal(rig->err.name, ERRN_NEEDS_LINEAGE);
    assert_int_equal(rig_rows(rig, NULL), 2);
}

OVER_ALL(reload_takes_chunks_and_replays_with_it)
{
    struct run_options reload = {.reload = true};
    struct record_query query = {0};
    struct replay_totals replayed;
    struct err err = ERR_INIT;
    (void)wrap;
    char *strict = edited(pipeline, "amount, type: double", CHECKED("9"));
    char *wider = edited(pipeline, "amount, type: double", CHECKED("99"));
    rig_open(rig, strict, SETS(CHUNKS, "policy.max_rejects=5"));
    rig_put(rig, A, HEAD "1,a,1\n2,bbbbbbbbbbbbbbbbbbbb,22\n3,c,3\n4,d,4\nx,e,5\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_restart(rig, wider, SETS(CHUNKS, "policy.max_rejects=5"));
    assert_int_equal(replay_rejects(&rig->job, &query, &replayed, &err), ERR_OK);
    assert_int_equal(replayed.loaded, 1);
    assert_int_equal(rig_rows(rig, NULL), 4);
    books_balance(rig);
    assert_int_equal(rig_run(rig, &reload), 0);
    assert_string_equal(buf_str(&rig->log), A " replaced 5 4 1 -\n");
    assert_int_equal(rig_rows(rig, NULL), 4);
    assert_string_equal(books_ledger(rig), A " 0 load 5 4 1 bytes=65 0..65 lines=2..7\n"); /* no chunks */
    assert_string_equal(books_rejects(rig), A ":6 59+6 CAST_INT id load <x,e,5\\x0a>\n");
    books_balance(rig);
    free(strict);
    free(wider);
}

/* However new objects are committed: the old rows go in the transaction that brings all of the new ones. */
OVER_ALL(a_reload_that_fails_leaves_the_old_rows)
{
    struct run_options reload = {.reload = true};
    (void)wrap;
    rig_open(rig, pipeline, SETS(CHUNKS));
    rig_put(rig, A, SEVEN);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, A, HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\nx,e,5\n");
    assert_int_equal(rig_run(rig, &reload), 3);
    assert_string_equal(buf_str(&rig->log), A " failed 5 0 1 REJECT_LIMIT\n");
    assert_int_equal(rig_rows(rig, NULL), 7);
    books_balance(rig);
}

/* In an hour that has to look at its objects again, one with chunks is still one to replace. */
OVER_ALL(a_reload_replaces_chunks_also_after_a_collision)
{
    struct run_options reload = {.reload = true};
    stop_in_the_middle(rig, pipeline, wrap);
    rig_put(rig, K("12", "b"), GOOD);
    rig_restart(rig, pipeline, SETS("target.commit_unit=hour"));
    sink_wrap_reset(wrap);
    fail_at(wrap, SINK_OP_LEDGER_INSERT, 1, SINK_BEFORE, ERRN_LEDGER_EXISTS);
    assert_int_equal(rig_run(rig, &reload), 0);
    assert_int_equal(wrap->fired, 1);
    assert_string_equal(buf_str(&rig->log), A " replaced 7 7 0 -\n" K("12", "b") " loaded 2 2 0 -\n");
    assert_int_equal(rig_rows(rig, NULL), 9);
    books_balance(rig);
}

/* Another job loads the first chunk of an object that we have listed as new, and stops. */
static void load_a_chunk(void *ctx, struct sink *inner)
{
    const struct rig *rig = ctx;
    struct sink_wrap wrap;
    (void)inner;
    sink_wrap_init(&wrap);
    struct rig other = {.dir = rig->dir, .clock = rig->clock, .wrap_sink = sink_wrap_new, .wrap_ctx = &wrap};
    char *schema = edited(PIPELINES[1], "amount, type: double", "amount, type: float");
    rig_reopen(&other, schema, SETS(CHUNKS));
    other.clock.now_us += 61000000; /* it finds our lease expired */
    fail_at(&wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_DISK_FULL);
    assert_int_equal(rig_run(&other, NULL), 1);
    other.dir = NULL;
    rig_close(&other);
    sink_wrap_release(&wrap);
    free(schema);
}

static void a_rest_under_another_schema_is_refused_also_after_a_collision(void **state)
{
    (void)state;
    struct sink_wrap wrap;
    struct rig rig = {.wrap_sink = sink_wrap_new, .wrap_ctx = &wrap};
    sink_wrap_init(&wrap);
    rig_open(&rig, PIPELINES[1], SETS(CHUNKS));
    rig_put(&rig, A, SEVEN);
    sink_wrap_reset(&wrap);
    hook_at(&wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, load_a_chunk, &rig);
    assert_int_equal(rig_run(&rig, NULL), 3);
    assert_string_equal(buf_str(&rig.log), A " failed 0 0 0 SOURCE_CHANGED\n");
    assert_int_equal(rig_rows(&rig, NULL), 3);
    rig_close(&rig);
    sink_wrap_release(&wrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiny_files_share_transactions),
        cmocka_unit_test(a_bad_file_is_left_out_of_its_group),
        cmocka_unit_test(a_file_with_many_rejects_leaves_its_group),
        cmocka_unit_test(a_row_that_the_database_refuses_fails_its_file_alone),
        cmocka_unit_test(a_failed_object_tells_the_bytes_that_were_read),
        cmocka_unit_test(an_hour_is_one_transaction),
        cmocka_unit_test(a_large_object_is_one_transaction),
        cmocka_unit_test(chunks_are_transactions_of_their_own),
        cmocka_unit_test(a_restart_goes_on_behind_the_last_chunk),
        cmocka_unit_test(a_restart_keeps_the_size_it_began_with),
        cmocka_unit_test(a_restart_with_other_units_goes_on_in_chunks),
        cmocka_unit_test(a_restart_takes_a_changed_rest),
        cmocka_unit_test(a_restart_refuses_a_changed_beginning),
        cmocka_unit_test(a_restart_refuses_another_schema),
        cmocka_unit_test(a_limit_counts_over_all_chunks),
        cmocka_unit_test(a_share_is_judged_at_the_last_chunk),
        cmocka_unit_test(reload_deletes_and_loads_again),
        cmocka_unit_test(reload_needs_lineage),
        cmocka_unit_test(reload_takes_chunks_and_replays_with_it),
        cmocka_unit_test(a_reload_that_fails_leaves_the_old_rows),
        cmocka_unit_test(a_reload_replaces_chunks_also_after_a_collision),
        cmocka_unit_test(a_rest_under_another_schema_is_refused_also_after_a_collision),
    };
    return cmocka_run_group_tests_name("run_units", tests, NULL, NULL);
}
