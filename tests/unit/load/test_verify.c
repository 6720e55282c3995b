/* verify: every status, for tables that were tampered with, sources that changed, and neither. */
#include "core/load/replay.h"
#include "tests/unit/load/verify_rig.h"

OVER_ALL(what_was_loaded_is_equal)
{
    struct report r;
    (void)wrap;
    load_two(rig, pipeline, "target.lineage=true");
    assert_string_equal(verified(&r, rig, NULL, 10),
                        A " equal s=2/0 l=2/0 t=2/0\n" B " equal s=2/1 l=2/1 t=2/0\n");
    assert_int_equal(r.totals.objects, 2);
    assert_int_equal(r.totals.equal, 2);
    assert_int_equal(r.totals.different + r.totals.not_loaded + r.totals.gone + r.totals.baseline, 0);
    assert_true(r.totals.by_object);
    assert_int_equal(r.totals.target.rows, 4);
    assert_true(r.totals.target.hash == r.totals.source.hash);
    assert_true(r.totals.ledger.hash == r.totals.source.hash);
    assert_int_equal(r.totals.unknown_rows, 0);
}

OVER_ALL(a_doubled_row_and_an_unknown_row_are_found)
{
    struct report r;
    (void)wrap;
    load_two(rig, pipeline, "target.lineage=true");
    smuggle(rig, books_row(rig, A, 0).id, 2, "bob", 2.5);
    assert_string_equal(verified(&r, rig, NULL, 10),
                        A " target differs s=2/0 l=2/0 t=3/0\n  " A " doubled 3 1:2 <2,bob,2.5>\n" B
                          " equal s=2/1 l=2/1 t=2/0\n");
    assert_int_equal(r.totals.different, 1);
    smuggle(rig, 4711, 9, "odd", 1);
    assert_string_equal(verified(&r, rig, NULL, 0),
                        A " target differs s=2/0 l=2/0 t=3/0\n" B
                          " equal s=2/1 l=2/1 t=2/0\n(unknown) target differs s=? l=? "
                          "t=1/0 *\n");
    assert_int_equal(r.totals.unknown_rows, 1);
}

OVER_ALL(sources_that_changed_or_are_new_or_gone_are_told)
{
    struct report r;
    struct err err = ERR_INIT;
    (void)wrap;
    load_two(rig, pipeline, "target.lineage=true");
    rig_put(rig, A, HEAD "1,ann,1.5\n22,bob,2.5\n5,eve,1\n");
    rig_put(rig, K("12", "c"), GOOD);
    assert_int_equal(store_remove(rig->store, B, &err), ERR_OK);
    assert_string_equal(verified(&r, rig, NULL, 10),
                        A " source differs s=3/0 l=2/0 t=2/0 *\n  " A
                          " changed 3 1:1 id: 22 | 2 <22,bob,2.5>\n  " A " missing 4 1:0 <5,eve,1>\n" B
                          " gone s=? l=2/1 t=2/0\n" K("12", "c") " not loaded s=? l=? t=?\n");
    assert_int_equal(r.totals.different, 1);
    assert_int_equal(r.totals.not_loaded, 1);
    assert_int_equal(r.totals.gone, 1);
    /* no more rows are named than were asked for */

    verified(&r, rig, NULL, 1);
    assert_non_null(strstr(r.text, "changed 3"));
    assert_null(strstr(r.text, "missing 4"));
    /* a source that is no CSV any more is a difference, not an end */
    rig_put(rig, A, "id,wrong\n1,2\n");
    assert_string_equal(verified(&r, rig, NULL, 10),
                        A " source differs s=? l=2/0 t=2/0 *\n" B
                          " gone s=? l=2/1 t=2/0\n" K("12", "c") " not loaded s=? l=? t=?\n");
}

OVER_ALL(a_range_leaves_the_rest_out)
{
    struct report r;
    (void)wrap;
    load_two(rig, pipeline, "target.lineage=true");
    rig_put(rig, K("13", "a"), GOOD);
    hour_t hour = books_row(rig, A, 0).hour;
    struct hour_range twelve = {true, hour, hour + 1}, thirteen = {true, hour + 1, hour + 2};
    smuggle(rig, 4711, 9, "odd", 1);
    assert_string_equal(verified(&r, rig, &twelve, 0),
                        A " equal s=2/0 l=2/0 t=2/0\n" B " equal s=2/1 l=2/1 t=2/0\n");
    assert_string_equal(verified(&r, rig, &thirteen, 0), K("13", "a") " not loaded s=? l=? t=?\n");
}

OVER_ALL(baseline_rows_are_left_out)
{
    struct report r;
    struct job_totals totals;
    struct err err = ERR_INIT;
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    smuggle(rig, 4711, 9, "what baseline stands for", 1);
    assert_int_equal(run_baseline(&rig->job, 458000, &totals, &err), ERR_OK);
    assert_int_equal(totals.objects, 0);
    assert_int_equal(run_baseline(&rig->job, HOUR_MAX, &totals, &err), ERR_OK);
    assert_int_equal(totals.objects, 2);
    rig_put(rig, K("14", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(verified(&r, rig, NULL, 0),
                        A " baseline s=? l=? t=0/0\n" K("13", "a") " baseline s=? l=? t=0/0\n" K(
                            "14", "a") " equal s=2/0 l=2/0 t=2/0\n");
    assert_int_equal(r.totals.baseline, 2);
    assert_int_equal(r.totals.different, 0);
}

OVER_ALL(without_lineage_the_table_is_compared_as_a_whole)
{
    struct report r;
    (void)wrap;
    load_two(rig, pipeline, "target.lineage=false");
    assert_string_equal(verified(&r, rig, NULL, 5),
                        A " equal s=2/0 l=2/0 t=?\n" B
                          " equal s=2/1 l=2/1 t=?\n(table) equal s=? l=4/1 t=4/0 *\n");
    assert_false(r.totals.by_object);
    hour_t hour = books_row(rig, A, 0).hour;
    struct hour_range range = {true, hour, hour + 1};
    assert_non_null(strstr(verified(&r, rig, &range, 5), "(table) equal s=? l=4/1 t=4/0 *\n"));
    smuggle(rig, 0, 9, "odd", 1);
    assert_non_null(strstr(verified(&r, rig, NULL, 5), "(table) target differs s=? l=4/1 t=5/0 *\n"));
    assert_int_equal(r.totals.different, 1);
}

/* The chunks of an object that is not whole yet are in the table, and in the ledger. */
OVER_ALL(a_partly_loaded_object_is_not_loaded)
{
    struct report r;
    static const char *const LINEAGE[] = {"target.lineage=true", "target.lineage=false"};
    for (size_t i = 0; i < 2; i++) {
        rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=1", LINEAGE[i]));
        rig_put(rig, A, GOOD);
        sink_wrap_reset(wrap);
        fail_at(wrap, SINK_OP_COMMIT, 2, SINK_BEFORE, ERRN_DISK_FULL);
        assert_int_equal(rig_run(rig, NULL), 1);
        sink_wrap_reset(wrap);
        verified(&r, rig, NULL, 5);
        if (i == 0)
            assert_string_equal(r.text, A " not loaded s=? l=1/0 t=1/0 *\n");
        else
            assert_string_equal(r.text, A " not loaded s=? l=1/0 t=? *\n(table) equal s=? l=1/0 t=1/0 *\n");
        assert_int_equal(r.totals.not_loaded, 1);
        assert_int_equal(r.totals.different, 0);
        rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(chunks_add_up)
{
    struct report r;
    (void)wrap;
    rig_open(rig, pipeline, SETS("target.commit_unit=chunk", "target.chunk_rows=1", "policy.max_rejects=1"));
    rig_put(rig, A, HEAD "1,a,1\nx,b,2\n3,c,3\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(verified(&r, rig, NULL, 5), A " equal s=2/1 l=2/1 t=2/0\n");
}

/* What only the database's owner can do to it. */
static void tampering_is_found(void **state)
{
    static const struct {
        const char *sql, *text;
    } CASES[] = {
        {"UPDATE t SET name = 'Ann' WHERE id = 1",
         A " target differs s=2/0 l=2/0 t=2/0\n  " A " changed 2 1:1 name: ann | Ann <1,ann,1.5>\n"},
        {"DELETE FROM t WHERE id = 2",
         A " target differs s=2/0 l=2/0 t=1/0\n  " A " missing 3 1:0 <2,bob,2.5>\n"},
        {"UPDATE t SET amount = NULL WHERE id = 2",
         A " target differs s=2/0 l=2/0 t=2/0\n  " A " changed 3 1:1 amount: 2.5 | NULL <2,bob,2.5>\n"},
        {"UPDATE t SET name = '' WHERE id = 4",
         B " target differs s=2/1 l=2/1 t=2/0\n  " B " changed 4 1:1 name: NULL |  <4,,5>\n"},
        {"UPDATE t SET name = 'q\"' WHERE id = 3",
         B " target differs s=2/1 l=2/1 t=2/0\n  " B
           " changed 2 1:1 name: c \"x\", y | q\" <3,\"c \"\"x\"\", y\",3>\n"},
        {"INSERT INTO t SELECT * FROM t WHERE id = 1",
         A " target differs s=2/0 l=2/0 t=3/0\n  " A " doubled 2 1:2 <1,ann,1.5>\n"},
        {"UPDATE sluice_load SET rows_loaded = 7 WHERE object LIKE '%a.csv'",
         A " source differs s=2/0 l=7/0 t=2/0 *\n"},
        {"UPDATE t SET _load = NULL WHERE id = 1", "(unknown) target differs s=? l=? t=1/0 *\n"},
        {"DELETE FROM t", "\n" B " target differs s=2/1 l=2/1 t=0/0\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct rig rig = {0};
        struct report r;
        load_two(&rig, PIPELINES[1], "target.lineage=true");
        tamper(&rig, CASES[i].sql);
        verified(&r, &rig, NULL, 10);
        if (!strstr(r.text, CASES[i].text))
            fail_msg("%s:\n%s", CASES[i].sql, r.text);
        assert_true(r.totals.different + r.totals.unknown_rows > 0);
        rig_close(&rig);
    }
}

/* A row of another object's load changes place: counts of the table as a whole would not show it. */
static void a_row_under_the_wrong_load_is_found(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    load_two(&rig, PIPELINES[1], "target.lineage=true");
    tamper(&rig, "UPDATE t SET _load = (SELECT id FROM sluice_load WHERE object LIKE '%b.csv') WHERE id = 1");
    verified(&r, &rig, NULL, 0);
    assert_string_equal(r.text,
                        A " target differs s=2/0 l=2/0 t=1/0\n" B " target differs s=2/1 l=2/1 t=3/0\n");
    rig_close(&rig);
}

static void a_gone_object_with_a_lost_row_differs(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    struct err err = ERR_INIT;
    load_two(&rig, PIPELINES[1], "target.lineage=true");
    tamper(&rig, "DELETE FROM t WHERE id = 1");
    assert_int_equal(store_remove(rig.store, A, &err), ERR_OK);
    verified(&r, &rig, NULL, 5);
    assert_string_equal(r.text, A " target differs s=? l=2/0 t=1/0\n" B " equal s=2/1 l=2/1 t=2/0\n");
    rig_close(&rig);
}

/* Another job replaces A, goes on with B and loads a third object while the target is read. */
struct beside {
    struct rig *rig;
    const char *pipeline, *set;
};

static void load_beside(void *ctx, struct sink *inner)
{
    const struct beside *b = ctx;
    struct rig other = {.dir = b->rig->dir, .clock = b->rig->clock};
    (void)inner;
    const char *set = strstr(b->set, "false") ? "policy.on_changed=fail" : "policy.on_changed=replace";
    rig_reopen(&other, b->pipeline, SETS(set, b->set));
    rig_put(&other, A, HEAD "7,g,7\n");
    rig_put(&other, K("12", "c"), GOOD);
    assert_int_equal(rig_run(&other, NULL), 0);
    other.dir = NULL;
    rig_close(&other);
}

OVER_ALL(what_is_loaded_beside_is_not_judged)
{
    static const struct {
        enum sink_op op;
        enum sink_when when;
    } CASES[] = {{SINK_OP_SCAN_BEGIN, SINK_BEFORE}, {SINK_OP_SCAN_END, SINK_AFTER}};
    const char *set = "target.lineage=true";
    struct beside beside = {rig, pipeline, set};
    struct report r;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        rig_open(rig, pipeline, &set, 1);
        rig_put(rig, A, GOOD);
        rig_put(rig, B, GOOD);
        assert_int_equal(rig_run(rig, NULL), 0);
        sink_wrap_reset(wrap);
        hook_at(wrap, CASES[i].op, 1, CASES[i].when, load_beside, &beside);
        assert_string_equal(verified(&r, rig, NULL, 0),
                            A " loaded meanwhile s=? l=? t=?\n" B
                              " equal s=2/0 l=2/0 t=2/0\n" K("12", "c") " loaded meanwhile s=? l=? t=?\n");
        assert_int_equal(wrap->fired, 1);
        assert_int_equal(r.totals.meanwhile, 2);
        assert_int_equal(r.totals.different + r.totals.not_loaded + r.totals.unknown_rows, 0);
        verified(&r, rig, NULL, 0); /* with nothing beside it, all is judged */
        assert_int_equal(r.totals.equal, 3);
        rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    }
    rig_open(rig, pipeline, NO_SETS);
}

/* Without lineage the table is one sum: it cannot be told apart what was loaded beside. */
OVER_ALL(a_table_that_is_loaded_into_is_not_compared_as_a_whole)
{
    const char *set = "target.lineage=false";
    struct beside beside = {rig, pipeline, set};
    struct report r;
    rig_open(rig, pipeline, &set, 1);
    rig_put(rig, B, GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_SCAN_END, 1, SINK_AFTER, load_beside, &beside);
    assert_non_null(strstr(verified(&r, rig, NULL, 0), "(table) loaded meanwhile s=? l=2/0 t=? *\n"));
    assert_true(r.totals.table_left_out);
    assert_int_equal(r.totals.meanwhile, 2);
    assert_int_equal(r.totals.different, 0);
}

/* ---- loaded under another schema ---- */

#define NULLS_FOR_MISSING "schema.missing_columns=null"

/* A was loaded before the column `city` was there, B after it. */
static void add_column(struct rig *rig, const char *lineage)
{
    static const char MORE[] = "amount, type: double}\n    - {name: city, type: varchar(9)}";
    char *evolved = edited(PIPELINES[1], "amount, type: double}", MORE);
    rig_open(rig, PIPELINES[1], &lineage, 1);
    rig_put(rig, A, GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    tamper(rig, "ALTER TABLE t ADD COLUMN city TEXT");
    rig_restart(rig, evolved, SETS(lineage, NULLS_FOR_MISSING));
    rig_put(rig, B, "id,name,amount,city\n3,eve,3,Rome\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    free(evolved);
}

/* The ledger's hash of A is of rows without the column: source and target are held against each other. */
static void rows_of_before_a_column_was_added_are_equal(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *text;
    } CASES[] = {
        {"SELECT 1", A " equal s=2/0 l=2/0 t=2/0 *\n" B " equal s=1/0 l=1/0 t=1/0\n"},
        {"UPDATE t SET city = 'Bonn' WHERE id = 1",
         A " target differs s=2/0 l=2/0 t=2/0 *\n  " A " changed 2 1:1 city: NULL | Bonn <1,ann,1.5,>\n"},
        {"DELETE FROM t WHERE id = 1", A " target differs s=2/0 l=2/0 t=1/0 *\n  " A " missing 2 1:0 "},
        {"UPDATE sluice_load SET rows_loaded = 3 WHERE object LIKE '%a.csv'",
         A " source differs s=2/0 l=3/0 t=2/0 *\n"},
        {"UPDATE t SET city = NULL",
         B " target differs s=1/0 l=1/0 t=1/0\n  " B " changed 2 1:1 city: Rome | NULL"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct rig rig = {0};
        struct report r;
        add_column(&rig, "target.lineage=true");
        tamper(&rig, CASES[i].sql);
        verified(&r, &rig, NULL, 5);
        if (!strstr(r.text, CASES[i].text))
            fail_msg("%s:\n%s", CASES[i].sql, r.text);
        assert_int_equal(r.totals.other_schema, 1);
        rig_close(&rig);
    }
}

static void a_source_that_changed_since_is_told_from_a_target_that_did(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    struct err err = ERR_INIT;
    add_column(&rig, "target.lineage=true");
    rig_put(&rig, A, HEAD "1,ann,1.5\n2,bob,99\n");
    verified(&r, &rig, NULL, 0);
    assert_non_null(strstr(r.text, A " source differs s=2/0 l=2/0 t=2/0 *\n"));
    assert_int_equal(store_remove(rig.store, A, &err), ERR_OK);
    verified(&r, &rig, NULL, 0);
    assert_non_null(strstr(r.text, A " gone s=? l=2/0 t=2/0 *\n"));
    tamper(&rig, "DELETE FROM t WHERE id = 2");
    verified(&r, &rig, NULL, 0);
    assert_non_null(strstr(r.text, A " target differs s=? l=2/0 t=1/0 *\n"));
    assert_int_equal(r.totals.gone_different, 1);
    assert_int_equal(r.totals.reload.n, 0);
    rig_close(&rig);
}

static void without_lineage_another_schema_is_compared_with_the_source(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    add_column(&rig, "target.lineage=false");
    verified(&r, &rig, NULL, 5);
    assert_string_equal(r.text, A " equal s=2/0 l=2/0 t=? *\n" B
                                  " equal s=1/0 l=1/0 t=?\n(table) equal s=? l=3/0 t=3/0 *\n");
    tamper(&rig, "UPDATE t SET city = 'Bonn' WHERE id = 1");
    verified(&r, &rig, NULL, 5);
    assert_non_null(strstr(r.text, "(table) target differs s=? l=3/0 t=3/0 *\n  " A
                                   " changed 2 1:1 city: NULL | Bonn <1,ann,1.5,>\n"));
    /* of some hours the sum of the source is not known: counts alone, and it says so */
    hour_t hour = books_row(&rig, A, 0).hour;
    verified(&r, &rig, &(struct hour_range){true, hour, hour + 1}, 0);
    assert_non_null(strstr(r.text, "(table) equal s=? l=3/0 t=3/0 *\n"));
    /* as many other rows are not the same */
    rig_put(&rig, A, HEAD "1,ann,1.5\n2,bob,99\n");
    verified(&r, &rig, &(struct hour_range){true, hour, hour + 1}, 0);
    assert_non_null(strstr(r.text, A " source differs s=2/0 l=2/0 t=? *\n"));
    assert_int_equal(r.totals.different, 1);
    rig_close(&rig);
}

/* What is wider takes what was refused: the way is a replay, and after it source and target agree. */
static void a_wider_type_takes_what_was_refused(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    struct replay_totals totals;
    struct err err = ERR_INIT;
    char *narrow = edited(PIPELINES[1], "varchar(20)", "varchar(3)");
    rig_open(&rig, narrow, SETS("policy.max_rejects=1", "target.lineage=true"));
    rig_put(&rig, A, HEAD "1,ann,1.5\n2,robert,2.5\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    rig_restart(&rig, PIPELINES[1], SETS("target.lineage=true"));
    verified(&r, &rig, NULL, 0);
    assert_string_equal(r.text, A " source differs s=2/0 l=1/1 t=1/0 *\n");
    assert_int_equal(replay_rejects(&rig.job, &(struct record_query){0}, &totals, &err), ERR_OK);
    verified(&r, &rig, NULL, 0);
    assert_string_equal(r.text, A " equal s=2/0 l=2/0 t=2/0\n");
    free(narrow);
    rig_close(&rig);
}

/* Other bytes with the same rows are the same rows; other rows are said to be new content. */
OVER_ALL(content_is_told_from_rows)
{
    struct report r;
    (void)wrap;
    rig_open(rig, pipeline, SETS("target.lineage=true"));
    rig_put(rig, A, GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, A, HEAD "\n1,ann,1.50\r\n2,bob,2.5");
    assert_string_equal(verified(&r, rig, NULL, 5), A " equal s=2/0 l=2/0 t=2/0\n");
    rig_put(rig, A, HEAD "1,ann,1.5\n");
    assert_string_equal(verified(&r, rig, NULL, 5),
                        A " source differs s=1/0 l=2/0 t=2/0 *\n  " A " extra 0 0:1 <2,bob,2.5>\n");
    assert_int_equal(r.totals.reload.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_loaded_is_equal),
        cmocka_unit_test(what_is_loaded_beside_is_not_judged),
        cmocka_unit_test(a_table_that_is_loaded_into_is_not_compared_as_a_whole),
        cmocka_unit_test(a_doubled_row_and_an_unknown_row_are_found),
        cmocka_unit_test(sources_that_changed_or_are_new_or_gone_are_told),
        cmocka_unit_test(a_range_leaves_the_rest_out),
        cmocka_unit_test(baseline_rows_are_left_out),
        cmocka_unit_test(without_lineage_the_table_is_compared_as_a_whole),
        cmocka_unit_test(a_partly_loaded_object_is_not_loaded),
        cmocka_unit_test(chunks_add_up),
        cmocka_unit_test(tampering_is_found),
        cmocka_unit_test(a_row_under_the_wrong_load_is_found),
        cmocka_unit_test(a_gone_object_with_a_lost_row_differs),
        cmocka_unit_test(rows_of_before_a_column_was_added_are_equal),
        cmocka_unit_test(a_source_that_changed_since_is_told_from_a_target_that_did),
        cmocka_unit_test(without_lineage_another_schema_is_compared_with_the_source),
        cmocka_unit_test(a_wider_type_takes_what_was_refused),
        cmocka_unit_test(content_is_told_from_rows),
    };
    return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
