/*
 * sink_evolve_suite: cases about columns that the schema has and the table lacks, for every sink.
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

/* A schema of more columns over the fixture's table. */
struct wide {
    struct schema schema;
    struct sink_target target;
    struct sink *sink;
};

static void open_wide(struct fix *fix, struct wide *w, const char *spec, bool evolve)
{
    kit_schema(&w->schema, spec);
    w->target = fix->target;
    w->target.schema = &w->schema;
    w->target.evolve = evolve;
    w->sink = fix_open(fix, &w->target, false);
}

static void close_wide(struct wide *w)
{
    sink_close(w->sink);
    schema_release(&w->schema);
}

static void must_setup(struct sink *sink)
{
    struct err err = ERR_INIT;

    if (sink_setup(sink, NULL, &err))
        fail_msg("%s", err.msg);
}

/* How many columns setup would add, of a table without any other problem. */
static size_t lacks(struct sink *sink)
{
    struct sink_state found;

    assert_int_equal(fix_problems(sink, &found), 0);
    buf_release(&found.problems);
    return found.lacks;
}

static size_t records(struct sink *sink, struct check_row *page)
{
    struct err err = ERR_INIT;
    size_t n;

    assert_int_equal(
        sink_check_page(sink, &(struct record_query){.error_name = "evolve"}, page, REC_PAGE, &n, &err),
        ERR_OK);
    return n;
}

static struct check_row page[REC_PAGE];

CASE(frozen_table_stays_as_it_is)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_state found;
    struct sink_scan *scan;
    struct wide w;

    open_wide(fix, &w, "id:int!,name:varchar(20),more:int", false);
    assert_int_equal(fix_problems(w.sink, &found), 1);
    assert_int_equal(found.lacks, 0);
    assert_non_null(strstr(buf_str(&found.problems), "column more"));
    assert_non_null(strstr(buf_str(&found.problems), "schema.contract: evolve"));
    buf_release(&found.problems);
    must_setup(w.sink);
    assert_int_equal(fix_problems(w.sink, &found), 1);
    buf_release(&found.problems);
    assert_int_equal(records(w.sink, page), 0);
    /* Nobody makes up a value of a column that is not there. */
    kit_load(fix->sink, "a", "1|x\n");
    enum err_code rc = sink_scan_begin(w.sink, 0, &scan, &err);
    assert_int_equal(rc, ERR_CONFIG);
    assert_int_equal(err.name, ERRN_TABLE_MISMATCH);
    close_wide(&w);
}

CASE(evolve_adds_what_is_missing)
{
    struct fix *fix = *state;
    struct wide w;
    struct buf ddl;
    struct err err = ERR_INIT;

    kit_load(fix->sink, "a", "1|x\n2|y\n");
    open_wide(fix, &w,
              "extra:decimal(10;2),id:int!,flag:boolean,name:varchar(20),t:text,d:date,at:timestamp,f:double",
              true);
    assert_int_equal(lacks(w.sink), 6);
    buf_init(&ddl, SINK_PROBLEMS_MAX);
    assert_int_equal(sink_setup(w.sink, &ddl, &err), ERR_OK);
    if (strcmp(w.sink->type->name, "mem") != 0) {
        assert_non_null(strstr(buf_str(&ddl), "ADD COLUMN"));
        assert_non_null(strstr(buf_str(&ddl), "INSERT INTO sluice_check"));
    }
    assert_int_equal(lacks(w.sink), 6); /* printing does nothing */
    fix->clock.now_us += 5;
    must_setup(w.sink);
    assert_int_equal(lacks(w.sink), 0);
    fix_assert_state(w.sink, OWN_CURRENT, true, true);
    /* To whom the schema is narrower, they are columns of others. */
    struct sink_state found;
    assert_int_equal(fix_problems(fix->sink, &found), 0);
    buf_release(&found.problems);
    assert_int_equal(found.others, 6);
    assert_string_equal(found.others_names, "extra, flag, t, d, at, f");
    assert_int_equal(records(w.sink, page), 6);
    assert_string_equal(page[0].column, "extra");
    assert_string_equal(page[5].column, "f");
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(page[i].load_id, 0);
        assert_int_equal(page[i].hour, 0);
        assert_string_equal(page[i].object, "");
        assert_string_equal(page[i].run_id, "");
        assert_int_equal(page[i].on, CHECK_ON_WARN);
        assert_true(page[i].fired);
        assert_int_equal(page[i].at_us, KIT_NOW + 5);
        assert_int_equal(strncmp(page[i].message, "added ", 6), 0);
        assert_non_null(strstr(page[i].message, " NULL to table t"));
    }
    /* By name, wherever a column stands. */
    kit_load(w.sink, "b", "1.50|3|1|z|words|2022-06-05|2022-06-05 12:00:00|0.5\n");
    kit_assert_rows(w.sink, 0,
                    "1.50|3|1|z|words|2022-06-05|2022-06-05 12:00:00|0.5\n"
                    "\\N|1|\\N|x|\\N|\\N|\\N|\\N\n\\N|2|\\N|y|\\N|\\N|\\N|\\N\n");
    /* A second setup has nothing to do, and says nothing. */
    must_setup(w.sink);
    assert_int_equal(records(w.sink, page), 6);
    buf_clear(&ddl);
    assert_int_equal(sink_setup(w.sink, &ddl, &err), ERR_OK);
    assert_null(strstr(buf_str(&ddl), "ADD COLUMN"));
    buf_release(&ddl);
    /* Who still has the old schema goes on. */
    fix_assert_state(fix->sink, OWN_CURRENT, true, true);
    kit_load(fix->sink, "c", "4|w\n");
    kit_assert_rows(fix->sink, 0, "1|x\n2|y\n3|z\n4|w\n");
    close_wide(&w);
}

CASE(evolve_refuses_what_rows_cannot_have)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_state found;
    struct wide w;

    /* An empty table may get any column: it can be NULL there, and the schema sees to it that none is. */
    open_wide(fix, &w, "id:int!,name:varchar(20),must:int!", true);
    assert_int_equal(lacks(w.sink), 1);
    must_setup(w.sink);
    assert_int_equal(lacks(w.sink), 0);
    kit_load(w.sink, "a", "1|x|7\n");
    close_wide(&w);

    open_wide(fix, &w, "id:int!,name:varchar(20),must:int!,more:int!", true);
    assert_int_equal(fix_problems(w.sink, &found), 1);
    assert_int_equal(found.lacks, 0);
    assert_non_null(strstr(buf_str(&found.problems), "nullable"));
    buf_release(&found.problems);
    assert_int_equal(sink_setup(w.sink, NULL, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_TABLE_MISMATCH);
    assert_non_null(strstr(err.msg, "more"));
    close_wide(&w);

    /* A key is made with its table. */
    open_wide(fix, &w, "id:int!,name:varchar(20),must:int!,code:int", true);
    sink_close(w.sink);
    size_t key[] = {3};
    w.target.key = key;
    w.target.nkey = 1;
    w.sink = fix_open(fix, &w.target, false);
    assert_int_equal(fix_problems(w.sink, &found), 1);
    assert_non_null(strstr(buf_str(&found.problems), "target.key"));
    buf_release(&found.problems);
    close_wide(&w);
    kit_assert_rows(fix->sink, 0, "1|x\n");
}

CASE(evolve_keeps_old_rows_and_their_loads)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct ledger_row old;
    struct wide w;
    size_t n;

    int64_t a = kit_load(fix->sink, "a", "1|x\n2|y\n");
    kit_load(fix->sink, "b", "3|z\n");
    open_wide(fix, &w, "more:bigint,name:varchar(20),id:int!", true);
    must_setup(w.sink);
    kit_assert_rows(w.sink, a, "\\N|x|1\n\\N|y|2\n");
    /* Loading an object again fills the column for its rows alone. */
    assert_int_equal(sink_ledger_page(w.sink, &(struct ledger_query){.object = "a"}, &old, 1, &n, &err),
                     ERR_OK);
    struct ledger_row row = kit_ledger("a", 0, "run2");
    struct sink_load *load = kit_begin(w.sink, "run2");
    assert_int_equal(sink_replace(load, &old, &row, &err), ERR_OK);
    assert_int_equal(kit_append(load, "9000000000|x|1\n8|y|2\n", row.id, &err), ERR_OK);
    int64_t count;
    double sum;
    assert_int_equal(sink_hour_sum(load, KIT_HOUR, 0, &count, &sum, &err), ERR_OK);
    assert_int_equal(count, 2);
    assert_true(sum == 9000000008.0);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    kit_assert_rows(w.sink, 0, "8|y|2\n9000000000|x|1\n\\N|z|3\n");
    bool any = true;
    assert_int_equal(sink_has_foreign_rows(w.sink, &any, &err), ERR_OK);
    assert_false(any);
    close_wide(&w);
}

/* Another table than was meant: no list is too long. */
CASE(a_table_may_lack_any_number)
{
    enum { COLUMNS = 400 };
    struct fix *fix = *state;
    struct sink_state found;
    struct wide w;
    struct err err = ERR_INIT;

    memset(&w.schema, 0, sizeof w.schema);
    w.schema.columns = mem_calloc(COLUMNS, sizeof *w.schema.columns);
    assert_non_null(w.schema.columns);
    for (; w.schema.ncolumns < COLUMNS; w.schema.ncolumns++) {
        char name[32];
        struct schema_column *column = &w.schema.columns[w.schema.ncolumns];
        (void)!snprintf(name, sizeof name, "a_name_of_usual_length_%zu", w.schema.ncolumns);
        column->name = mem_strdup(name);
        column->from = mem_strdup(name);
        column->type.kind = TYPE_INT;
        column->nullable = true;
    }
    assert_int_equal(schema_seal(&w.schema, &err), ERR_OK);
    w.target = fix->target;
    w.target.schema = &w.schema;
    w.sink = fix_open(fix, &w.target, true);
    assert_true(fix_problems(w.sink, &found) > 100);
    buf_release(&found.problems);
    close_wide(&w);
}

CASE(evolve_changes_no_type)
{
    struct fix *fix = *state;
    struct sink_state found;
    struct wide w;

    open_wide(fix, &w, "id:double!,name:varchar(20),more:int", true);
    assert_int_equal(fix_problems(w.sink, &found), 1);
    assert_non_null(strstr(buf_str(&found.problems), "column id"));
    assert_int_equal(found.lacks, 1);
    buf_release(&found.problems);
    close_wide(&w);
}

CASE(evolve_twice_adds_once)
{
    struct fix *fix = *state;
    struct wide one, two;

    /* Both have looked before either adds. */
    open_wide(fix, &one, "id:int!,name:varchar(20),more:int", true);
    open_wide(fix, &two, "id:int!,NAME:varchar(20),MORE:int,other:int", true);
    assert_int_equal(lacks(one.sink), 1);
    assert_int_equal(lacks(two.sink), 2);
    must_setup(one.sink);
    must_setup(two.sink);
    assert_int_equal(lacks(one.sink), 0);
    assert_int_equal(lacks(two.sink), 0);
    assert_int_equal(records(one.sink, page), 2);
    kit_load(one.sink, "a", "1|x|2\n");
    kit_load(two.sink, "b", "2|y|3|4\n");
    kit_assert_rows(two.sink, 0, "1|x|2|\\N\n2|y|3|4\n");
    close_wide(&two);
    close_wide(&one);
}

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

CASE(evolve_without_memory_harms_nothing)
{
    enum { TRIES_MAX = 1000 };
    struct fix *fix = *state;
    struct countdown countdown = {0, true};
    struct wide w;

    kit_load(fix->sink, "a", "1|x\n2|y\n");
    open_wide(fix, &w, "id:int!,name:varchar(20),more:int,other:text", true);
    for (long tries = 0; countdown.hit; tries++) {
        struct err err = ERR_INIT;
        assert_true(tries < TRIES_MAX);
        countdown = (struct countdown){tries, false};
        mem_set_fault(fail_at, &countdown);
        enum err_code rc = sink_setup(w.sink, NULL, &err);
        mem_set_fault(NULL, NULL);
        assert_int_equal(rc, countdown.hit ? ERR_NOMEM : ERR_OK);
        if (countdown.hit && w.sink->caps.lock_is_lease) { /* DDL is in the transaction */
            assert_int_equal(lacks(w.sink), 2);
            assert_int_equal(records(w.sink, page), 0);
        }
        kit_assert_rows(fix->sink, 0, "1|x\n2|y\n");
    }
    assert_int_equal(lacks(w.sink), 0);
    kit_assert_rows(w.sink, 0, "1|x|\\N|\\N\n2|y|\\N|\\N\n");
    close_wide(&w);
}
