/*
 * sink_load_suite: cases about loads and scans that hold for every sink.
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

CASE(load_shows_after_commit)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink *other = fix_open(fix, &fix->target, true);
    struct sink_load *load = kit_begin(fix->sink, "run1");
    struct ledger_row row = kit_ledger("a", 0, "run1");

    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_true(row.id > 0);
    assert_int_equal(kit_append(load, "1|x\n2|\\N\n", row.id, &err), ERR_OK);
    assert_int_equal(kit_append(load, "3|z\n", row.id, &err), ERR_OK);
    assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), 1); /* its own */
    assert_int_equal(kit_ledger_count(other, &(struct ledger_query){0}), 0);
    kit_assert_rows(other, 0, "");
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(kit_ledger_count(other, &(struct ledger_query){0}), 1);
    kit_assert_rows(other, 0, "1|x\n2|\\N\n3|z\n");
    kit_assert_rows(other, row.id, "1|x\n2|\\N\n3|z\n");
    sink_close(other);
}

CASE(abort_leaves_nothing)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_load *load = kit_begin(fix->sink, "run1");
    struct ledger_row row = kit_ledger("a", 0, "run1");
    struct reject reject = {.object = "a", .raw = "x", .raw_len = 1}, read;
    struct buf arena;
    int64_t stored;
    size_t n;

    buf_init(&arena, 1024);
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, "1|x\n", row.id, &err), ERR_OK);
    reject.load_id = row.id;
    assert_int_equal(sink_rejects(load, &reject, 1, &stored, &err), ERR_OK);
    assert_int_equal(stored, 1);
    sink_abort(load);
    kit_assert_rows(fix->sink, 0, "");
    assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), 0);
    assert_int_equal(sink_reject_page(fix->sink, &(struct record_query){0}, &read, 1, &n, &arena, &err),
                     ERR_OK);
    assert_int_equal(n, 0);
    kit_load(fix->sink, "a", "1|x\n"); /* and the object can be loaded */
    kit_assert_rows(fix->sink, 0, "1|x\n");
    buf_release(&arena);
}

CASE(waiting_changes_nothing)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row row = kit_ledger("a", 0, "run1");
    struct sink_scan *scan;

    assert_int_equal(sink_keep(fix->sink, &err), ERR_OK);
    struct sink_load *load = kit_begin(fix->sink, "run1");
    assert_int_equal(sink_keep(fix->sink, &err), ERR_OK);
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, "1|x\n", row.id, &err), ERR_OK);
    assert_int_equal(sink_keep(fix->sink, &err), ERR_OK);
    assert_int_equal(kit_append(load, "2|y\n", row.id, &err), ERR_OK);
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_keep(fix->sink, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_int_equal(sink_scan_begin(fix->sink, 0, &scan, &err), ERR_OK);
    assert_int_equal(sink_keep(fix->sink, &err), ERR_OK);
    sink_scan_end(scan);
    kit_assert_rows(fix->sink, 0, "1|x\n2|y\n");
    struct sink *reader = fix_open(fix, &fix->target, true);
    assert_int_equal(sink_keep(reader, &err), ERR_OK);
    sink_close(reader);
}

CASE(segments_give_each_row_its_load)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_load *load = kit_begin(fix->sink, "run1");
    struct ledger_row rows[3] = {kit_ledger("a", 0, "run1"), kit_ledger("b", 0, "run1"),
                                 kit_ledger("c", 0, "run1")};
    int64_t stored;

    assert_int_equal(sink_ledger_insert(load, rows, 3, &err), ERR_OK);
    assert_true(rows[0].id < rows[1].id && rows[1].id < rows[2].id);
    struct batch *batch = kit_batch(&fix->schema, "1|a\n2|a\n3|c\n");
    struct sink_segment segments[3] = {{0, 2, rows[0].id}, {2, 2, rows[1].id}, {2, 3, rows[2].id}};
    assert_int_equal(sink_append(load, batch, segments, 3, &stored, &err), ERR_OK);
    assert_int_equal(stored, 3);
    batch_clear(batch); /* an empty batch is fine */
    struct sink_segment none = {0, 0, rows[1].id};
    assert_int_equal(sink_append(load, batch, &none, 1, &stored, &err), ERR_OK);
    assert_int_equal(stored, 0);
    assert_int_equal(sink_append(load, batch, NULL, 0, &stored, &err), ERR_OK);
    batch_free(batch);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    kit_assert_rows(fix->sink, rows[0].id, "1|a\n2|a\n");
    kit_assert_rows(fix->sink, rows[1].id, "");
    kit_assert_rows(fix->sink, rows[2].id, "3|c\n");
}

/* ---- constraints ---- */

/* A load with one ledger row for object `object`. */
static struct sink_load *begin_object(struct sink *sink, const char *object, int64_t *id)
{
    struct err err = ERR_INIT;
    struct sink_load *load = kit_begin(sink, "run1");
    struct ledger_row row = kit_ledger(object, 0, "run1");

    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    *id = row.id;
    return load;
}

/* Appends rows of which number `bad` breaks a constraint. */
static void assert_refused(struct sink *sink, const char *rows, int64_t bad)
{
    struct err err = ERR_INIT;
    int64_t id;
    struct sink_load *load = begin_object(sink, "bad", &id);

    assert_int_equal(kit_append(load, rows, id, &err), ERR_DATA);
    assert_int_equal(err.name, ERRN_DB_CONSTRAINT);
    assert_int_equal(load->failed_row, bad);
    err_clear(&err);
    assert_int_equal(kit_append(load, rows, id, &err), ERR_INTERNAL); /* only abort is left */
    sink_abort(load);
}

/* Another table on the fixture's database. */
static struct sink *open_table(struct fix *fix, struct sink_target *target, const char *table, size_t nkey)
{
    struct err err = ERR_INIT;

    *target = fix->target;
    target->table = table;
    target->nkey = nkey;
    struct sink *sink = fix_open(fix, target, false);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    return sink;
}

CASE(null_in_a_not_null_column_is_refused)
{
    struct fix *fix = *state;
    struct sink_target target = fix->target;
    struct schema schema;

    kit_load(fix->sink, "a", "0|x\n");
    /* The table says NOT NULL, this schema does not. */
    kit_schema(&schema, "id:int,name:varchar(20)");
    target.schema = &schema;
    struct sink *sink = fix_open(fix, &target, false);
    assert_refused(sink, "1|x\n2|x\n\\N|x\n4|x\n", 2);
    kit_assert_rows(sink, 0, "0|x\n");
    sink_close(sink);
    schema_release(&schema);
}

CASE(key_twice_is_refused_wherever_it_stands)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target target;
    struct sink *sink = open_table(fix, &target, "keyed", 1);
    int64_t id;

    kit_load(sink, "a", "1|x\n2|x\n");
    assert_refused(sink, "3|x\n4|x\n5|x\n4|y\n", 3);       /* in the batch */
    assert_refused(sink, "3|x\n2|y\n", 1);                 /* in the table */
    struct sink_load *load = begin_object(sink, "b", &id); /* in the load */
    assert_int_equal(kit_append(load, "7|x\n", id, &err), ERR_OK);
    assert_int_equal(kit_append(load, "8|x\n7|x\n", id, &err), ERR_DATA);
    assert_int_equal(load->failed_row, 1);
    sink_abort(load);
    kit_assert_rows(sink, 0, "1|x\n2|x\n");
    kit_load(sink, "c", "3|x\n"); /* what was rolled back is no key */
    kit_assert_rows(sink, 0, "1|x\n2|x\n3|x\n");
    sink_close(sink);
}

CASE(key_may_be_two_columns)
{
    struct fix *fix = *state;
    struct sink_target target;

    fix->key[0] = 1;
    fix->key[1] = 0;
    struct sink *sink = open_table(fix, &target, "keyed2", 2);
    struct sink_state found;
    assert_int_equal(fix_problems(sink, &found), 0); /* name is nullable in the schema, not in the key */
    buf_release(&found.problems);
    kit_load(sink, "a", "1|x\n2|x\n1|y\n");
    assert_refused(sink, "1|X\n2|x\n", 1);
    assert_refused(sink, "5|x\n6|\\N\n", 1);
    kit_assert_rows(sink, 0, "1|x\n1|y\n2|x\n");
    sink_close(sink);
}

/* ---- values ---- */

static const struct {
    const char *type;
    const char *value; /* in canonical text, so that it comes back the same */
} VALUES[] = {
    {"boolean", "0"},
    {"boolean", "1"},
    {"tinyint", "-128"},
    {"tinyint", "127"},
    {"smallint", "-32768"},
    {"smallint", "32767"},
    {"int", "-2147483648"},
    {"int", "2147483647"},
    {"bigint", "-9223372036854775808"},
    {"bigint", "9223372036854775807"},
    {"bigint", "9007199254740993"},
    {"bigint", "0"},
    {"float", "0.10000000149011612"},
    {"float", "-3.4028234663852886e+38"},
    {"float", "1.401298464324817e-45"},
    {"double", "0"},
    {"double", "3"},
    {"double", "-1.5"},
    {"double", "0.1"},
    {"double", "1.7976931348623157e+308"},
    {"double", "5e-324"},
    {"double", "2.2250738585072014e-308"},
    {"double", "9007199254740994"},
    {"double", "1.2345678901234568e+20"},
    {"double", "1e+22"},
    {"double", "0.30000000000000004"},
    {"decimal(1;0)", "-9"},
    {"decimal(5;5)", "0.00001"},
    {"decimal(10;2)", "0.00"},
    {"decimal(10;2)", "-0.05"},
    {"decimal(10;2)", "12345678.90"},
    {"decimal(15;2)", "9999999999999.99"},
    {"decimal(15;2)", "-9999999999999.98"},
    {"decimal(15;2)", "1000000000000.10"},
    {"decimal(15;0)", "999999999999999"},
    {"decimal(15;15)", "0.123456789012345"},
    {"decimal(15;15)", "-0.999999999999999"},
    {"decimal(15;14)", "9.99999999999999"},
    {"decimal(16;2)", "99999999999999.99"},
    {"decimal(16;0)", "9007199254740993"},
    {"decimal(65;30)", "12345678901234567890123456789012345.123456789012345678901234567890"},
    {"decimal(65;30)", "-0.000000000000000000000000000001"},
    {"varchar(20)", ""},
    {"varchar(20)", " "},
    {"varchar(20)", "007"},
    {"varchar(20)", "1e5"},
    {"varchar(20)", "NULL"},
    {"varchar(20)", "\\n"},
    {"varchar(4)", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80"},
    {"text", "it's \"quoted\"; -- x"},
    {"text", "e\xcc\x81 \xc3\xa9 \xe2\x82\xac"},
    {"text", "tab\there,\r"},
    {"text", "9223372036854775808"},
    {"date", "0001-01-01"},
    {"date", "1969-12-31"},
    {"date", "2024-02-29"},
    {"date", "9999-12-31"},
    {"timestamp", "0001-01-01 00:00:00"},
    {"timestamp", "1969-12-31 23:59:59.999999"},
    {"timestamp", "1970-01-01 00:00:00"},
    {"timestamp", "2022-06-05 12:34:56.000001"},
    {"timestamp", "9999-12-31 23:59:59.999999"},
};

CASE(every_value_comes_back)
{
    enum { TEXT_MAX = 256 };
    struct fix *fix = *state;
    char spec[TEXT_MAX], row[TEXT_MAX], table[TEXT_MAX];

    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
        struct sink_target target = fix->target;
        struct schema schema;
        struct err err = ERR_INIT;
        (void)!snprintf(spec, sizeof spec, "id:int!,v:%s,w:%s", VALUES[i].type, VALUES[i].type);
        (void)!snprintf(row, sizeof row, "1|%s|\\N\n2|\\N|%s\n", VALUES[i].value, VALUES[i].value);
        (void)!snprintf(table, sizeof table, "values \"%zu\"", i);
        kit_schema(&schema, spec);
        target.schema = &schema;
        target.table = table;
        struct sink *sink = fix_open(fix, &target, false);
        assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
        struct sink_state found;
        assert_int_equal(fix_problems(sink, &found), 0);
        buf_release(&found.problems);
        kit_load(sink, table, row);
        kit_assert_rows(sink, 0, row);
        sink_close(sink);
        schema_release(&schema);
    }
}

/* ---- scans ---- */

CASE(scan_of_one_load_and_of_all)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_scan *scan;
    size_t n;
    struct ledger_row row;

    int64_t a = kit_load(fix->sink, "a", "1|a\n2|a\n3|a\n4|a\n5|a\n6|a\n7|a\n"); /* a whole page */
    int64_t b = kit_load(fix->sink, "b", "1|b\n2|b\n3|b\n4|b\n5|b\n6|b\n7|b\n8|b\n");
    assert_int_equal(kit_count(fix->sink, a), 7);
    assert_int_equal(kit_count(fix->sink, b), 8);
    assert_int_equal(kit_count(fix->sink, 0), 15);
    assert_int_equal(kit_count(fix->sink, b + 100), 0);
    /* While it is open nothing else may be done; it may end at any time. */
    assert_int_equal(sink_scan_begin(fix->sink, 0, &scan, &err), ERR_OK);
    assert_int_equal(sink_ledger_page(fix->sink, &(struct ledger_query){0}, &row, 1, &n, &err), ERR_INTERNAL);
    sink_scan_end(scan);
    sink_scan_end(NULL);
    assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), 2);
}

CASE(pipelines_share_a_table)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target target = fix->target;
    bool any;

    kit_load(fix->sink, "a", "1|x\n");
    target.pipeline = "other";
    struct sink *sink = fix_open(fix, &target, false);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
    assert_int_equal(sink_has_foreign_rows(sink, &any, &err), ERR_OK);
    assert_false(any);
    kit_load(sink, "a", "2|y\n"); /* the same name is another object */
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 1);
    kit_assert_rows(sink, 0, "1|x\n2|y\n");
    sink_close(sink);
}

/* ---- handles ---- */

CASE(writer_is_alone)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink *other = fix_open(fix, &fix->target, false);
    struct sink_load *second = NULL;
    int64_t id;

    if (fix->sink->caps.max_writers > 1) {
        sink_close(other);
        print_message(
            "SKIP: this database takes several writers at once; sinks of one writer have this case\n");
        skip();
    }
    struct sink_load *load = begin_object(fix->sink, "a", &id);
    struct sink_begin begin = {KIT_HOUR, "me", 1, "run2"};
    int64_t before = clock_wall_us(&fix->clock.base);
    assert_int_equal(sink_begin(other, &begin, &second, &err), ERR_BUSY);
    assert_null(second);
    assert_true(clock_wall_us(&fix->clock.base) > before); /* it waited */
    assert_true(clock_wall_us(&fix->clock.base) - before < 60 * INT64_C(1000000));
    err_clear(&err);
    assert_int_equal(kit_append(load, "1|x\n", id, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    kit_load(other, "b", "2|x\n");
    kit_assert_rows(fix->sink, 0, "1|x\n2|x\n");
    sink_close(other);
}

/* ---- memory ---- */

struct countdown {
    long left; /* allocations that go well */
    bool hit;
};

static bool fail_at(void *ctx)
{
    struct countdown *c = ctx;

    if (c->left-- > 0)
        return false;
    c->hit = true;
    return true;
}

/* One whole load, by hand: nothing here may assert that it goes well. */
static enum err_code whole_load(struct fix *fix, const struct batch *batch, struct err *err)
{
    struct ledger_row row = kit_ledger("a", 0, "run1");
    struct claim_row claim;
    struct sink_load *load = NULL;
    struct reject reject = {.object = "a", .raw = "x", .raw_len = 1};
    struct check_row check = {.name = "min"};
    int64_t stored, n;
    double sum;
    bool taken;
    struct sink *sink = NULL;
    struct buf first;

    buf_init(&first, SINK_CHECK_TEXT_MAX);
    if (suite_now->open(suite_now->ctx, &fix->target, &fix->clock.base, false, &sink, err) ||
        sink_claim_take(sink, KIT_HOUR, "me", NULL, &claim, &taken, err))
        goto out;
    struct sink_begin begin = {KIT_HOUR, "me", claim.epoch, "run1"};
    if (sink_begin(sink, &begin, &load, err) || sink_ledger_insert(load, &row, 1, err))
        goto out;
    struct sink_segment segment = {0, batch->rows, row.id};
    reject.load_id = row.id;
    if (sink_append(load, batch, &segment, 1, &stored, err) || sink_rejects(load, &reject, 1, &stored, err) ||
        sink_hour_sum(load, KIT_HOUR, 0, &n, &sum, err) || sink_checks_add(load, &check, 1, err) ||
        (sink->type->check_sql &&
         sink_check_sql(load, "SELECT id FROM {table} WHERE _load IN {loads}", &n, &first, err)) ||
        sink_totals(load, &row, 1, err))
        goto out;
    struct sink_load *last = load;
    load = NULL;
    (void)!sink_commit(last, err);
out:
    buf_release(&first);
    sink_abort(load);
    sink_close(sink);
    return err->code;
}

CASE(failed_allocations_leave_all_or_nothing)
{
    enum { TRIES_MAX = 10000 };
    struct fix *fix = *state;
    struct batch *batch = kit_batch(&fix->schema, "1|x\n2|y\n");
    struct countdown countdown = {0, true};
    long tries = 0;

    for (; countdown.hit && tries < TRIES_MAX; tries++) {
        struct err err = ERR_INIT;
        countdown = (struct countdown){tries, false};
        mem_set_fault(fail_at, &countdown);
        enum err_code rc = whole_load(fix, batch, &err);
        mem_set_fault(NULL, NULL);
        if (countdown.hit)
            assert_int_equal(rc, ERR_NOMEM);
        else
            assert_int_equal(rc, ERR_OK);
        assert_int_equal(kit_count(fix->sink, 0), countdown.hit ? 0 : 2);
        assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), countdown.hit ? 0 : 1);
    }
    assert_true(tries > 5 && tries < TRIES_MAX);
    batch_free(batch);
}
