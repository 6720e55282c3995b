/*
 * sink_table_suite: cases about making, describing and sharing tables that hold for every sink.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/mem.h"
#include "tests/conformance/sink_suite_internal.h"
#include "tests/support/sink_kit.h"

CASE(empty_database_reads_as_empty)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct buf out;
    struct attempt attempt;
    struct reject reject;
    struct claim_row claim;
    size_t n = 9;
    bool any = true;

    suite_now->reset(suite_now->ctx);
    struct sink *sink = fix_open(fix, &fix->target, true);
    buf_init(&out, 1024);
    fix_assert_state(sink, OWN_MISSING, false, false);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
    assert_int_equal(sink_attempt_page(sink, &(struct record_query){0}, &attempt, 1, &n, &err), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(sink_reject_page(sink, &(struct record_query){0}, &reject, 1, &n, &out, &err), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(sink_claim_page(sink, CLAIMS_ALL, HOUR_MIN - 1, &claim, 1, &n, &err), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(sink_ledger_header(sink, 1, &out, &err), ERR_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(sink_has_foreign_rows(sink, &any, &err), ERR_OK);
    assert_false(any);
    struct sink_scan *scan;
    assert_int_equal(sink_scan_begin(sink, 0, &scan, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_TABLE_MISSING);
    sink_close(sink);

    /* Writing where setup never ran says so. */
    sink = fix_open(fix, &fix->target, false);
    bool taken;
    err_clear(&err);
    assert_int_equal(sink_claim_take(sink, KIT_HOUR, "me", NULL, &claim, &taken, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_TABLE_MISSING);
    sink_close(sink);
    buf_release(&out);
}

CASE(setup_again_changes_nothing)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;

    fix_assert_state(fix->sink, OWN_CURRENT, true, true);
    kit_load(fix->sink, "a", "1|x\n");
    assert_int_equal(sink_setup(fix->sink, NULL, &err), ERR_OK);
    fix_assert_state(fix->sink, OWN_CURRENT, true, true);
    kit_assert_rows(fix->sink, 0, "1|x\n");
    assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), 1);
}

CASE(print_makes_nothing)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct buf ddl;

    suite_now->reset(suite_now->ctx);
    struct sink *sink = fix_open(fix, &fix->target, false);
    buf_init(&ddl, SINK_PROBLEMS_MAX);
    assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
    assert_true(ddl.len > 0);
    fix_assert_state(sink, OWN_MISSING, false, false);
    buf_release(&ddl);
    sink_close(sink);
}

CASE(describe_names_each_difference)
{
    struct fix *fix = *state;
    struct sink_target other = fix->target;
    struct sink_state found;
    struct schema schema;

    /* The same table as others see it: a column that is not there, another type, a NULL that may not be. */
    kit_schema(&schema, "id:int,name:double,more:text");
    other.schema = &schema;
    struct sink *sink = fix_open(fix, &other, true);
    assert_int_equal(fix_problems(sink, &found), 3);
    assert_non_null(strstr(buf_str(&found.problems), "id"));
    assert_non_null(strstr(buf_str(&found.problems), "name"));
    assert_non_null(strstr(buf_str(&found.problems), "more"));
    buf_release(&found.problems);
    sink_close(sink);
    schema_release(&schema);

    /* Fewer columns: id may not be NULL and nobody would fill it. */
    kit_schema(&schema, "name:varchar(20)");
    sink = fix_open(fix, &other, true);
    assert_int_equal(fix_problems(sink, &found), 1);
    assert_non_null(strstr(buf_str(&found.problems), "id"));
    buf_release(&found.problems);
    sink_close(sink);

    /* A column's order and the case of its name are no difference. */
    schema_release(&schema);
    kit_schema(&schema, "NAME:varchar(20),id:int!");
    sink = fix_open(fix, &other, true);
    assert_int_equal(fix_problems(sink, &found), 0);
    buf_release(&found.problems);
    sink_close(sink);
    schema_release(&schema);
}

/* ---- lineage ---- */

CASE(bare_table_has_no_lineage)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target target = fix->target;
    struct sink_scan *scan;
    bool any;

    target.table = "bare";
    target.lineage = LINEAGE_NONE;
    struct sink *sink = fix_open(fix, &target, false);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    fix_assert_state(sink, OWN_CURRENT, true, false);
    int64_t id = kit_load(sink, "a", "1|x\n");
    char *rows = kit_rows(sink, 0, true);
    assert_string_equal(rows, "0:1|x\n");
    mem_free(rows);
    assert_int_equal(sink_scan_begin(sink, id, &scan, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_NEEDS_LINEAGE);
    err_clear(&err);
    assert_int_equal(sink_has_foreign_rows(sink, &any, &err), ERR_OK);
    assert_true(any);
    sink_close(sink);

    /* Who wants lineage hears that the column is missing. */
    target.lineage = LINEAGE_COLUMN;
    sink = fix_open(fix, &target, true);
    struct sink_state found;
    assert_int_equal(fix_problems(sink, &found), 1);
    assert_non_null(strstr(buf_str(&found.problems), "_load"));
    buf_release(&found.problems);
    sink_close(sink);
}

CASE(foreign_rows_are_those_of_no_load)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    bool any = true;
    struct ledger_row row = kit_ledger("b", 0, "run1");

    assert_int_equal(sink_has_foreign_rows(fix->sink, &any, &err), ERR_OK);
    assert_false(any);
    kit_load(fix->sink, "a", "1|x\n");
    assert_int_equal(sink_has_foreign_rows(fix->sink, &any, &err), ERR_OK);
    assert_false(any);
    /* A load id that the ledger does not have. */
    struct sink_load *load = kit_begin(fix->sink, "run1");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, "2|y\n", row.id + 1000, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(sink_has_foreign_rows(fix->sink, &any, &err), ERR_OK);
    assert_true(any);
}

/* ---- rights ---- */

CASE(read_only_handle_changes_nothing)
{
    struct fix *fix = *state;
    struct sink *sink = fix_open(fix, &fix->target, true);
    struct sink_begin begin = {KIT_HOUR, "me", 1, "run2"};
    struct sink_load *load;
    struct claim_row claim;
    struct attempt attempt = {.run_id = "r"};
    bool taken;

#define REFUSED(call)                                                                                        \
    do {                                                                                                     \
        struct err err = ERR_INIT;                                                                           \
        assert_int_equal(call, ERR_DENIED);                                                                  \
        assert_int_equal(err.name, ERRN_READ_ONLY);                                                          \
    } while (0)
    REFUSED(sink_setup(sink, NULL, &err));
    REFUSED(sink_begin(sink, &begin, &load, &err));
    REFUSED(sink_ledger_set_etags(sink, &(struct etag_mark){1, "x"}, 1, &err));
    REFUSED(sink_attempt_add(sink, &attempt, NULL, 0, &err));
    REFUSED(sink_claim_take(sink, KIT_HOUR, "me", NULL, &claim, &taken, &err));
    REFUSED(sink_claim_renew(sink, KIT_HOUR, "me", 1, &err));
    REFUSED(sink_claim_release(sink, &claim, &err));
#undef REFUSED
    kit_assert_rows(sink, 0, "");
    sink_close(sink);
}
