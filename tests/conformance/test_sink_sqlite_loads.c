/*
 * test_sink_sqlite_loads: loads where table, triggers, constraints and other connections have a say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/registry.h"
#include "tests/support/sink_kit.h"
#include "tests/support/sqlite_kit.h"

/* ---- what a table does with rows ---- */

static void constraint_row_with_a_trigger_is_unknown(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    struct sink *sink = kit_db_made();
    kit_db_sql("CREATE UNIQUE INDEX u ON t (id)");
    struct sink_load *load = kit_begin(sink, "run1");
    assert_int_equal(kit_append(load, "1|x\n2|x\n1|x\n", 1, &err), ERR_DATA);
    assert_int_equal(load->failed_row, 2); /* any constraint of the table's, not only the key */
    assert_non_null(strstr(err.msg, "t.id"));
    sink_abort(load);
    kit_db_sql("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END");
    err_clear(&err);
    load = kit_begin(sink, "run1");
    assert_int_equal(kit_append(load, "1|x\n2|x\n1|x\n", 1, &err), ERR_DATA);
    assert_true(load->failed_row == -1 || load->failed_row == 2);
    sink_abort(load);
    sink_close(sink);
}

/* A table made by somebody who wants the last row of each id. */
static void conflict_clauses_of_the_table_lose_no_row(void **state)
{
    static const char *const CLAUSES[] = {"REPLACE", "IGNORE", "FAIL"};
    char ddl[256];

    (void)state;
    for (size_t i = 0; i < sizeof CLAUSES / sizeof *CLAUSES; i++) {
        struct err err = ERR_INIT;
        (void)!unlink(kit_db.path);
        (void)!snprintf(ddl, sizeof ddl,
                        "CREATE TABLE t (id INT, name TEXT, _load INT, UNIQUE (id) ON CONFLICT %s)",
                        CLAUSES[i]);
        kit_db_sql(ddl);
        struct sink *sink = kit_db_made();
        struct sink_load *load = kit_begin(sink, "run1");
        assert_int_equal(kit_append(load, "1|x\n2|x\n1|y\n", 1, &err), ERR_DATA);
        assert_int_equal(err.name, ERRN_DB_CONSTRAINT);
        assert_int_equal(load->failed_row, 2);
        sink_abort(load);
        kit_assert_rows(sink, 0, "");
        sink_close(sink);
    }
}

/* At the end of the statement, or, where it is deferred, at COMMIT. */
static void foreign_keys_of_the_table_hold(void **state)
{
    static const char *const WHEN[] = {"", "DEFERRABLE INITIALLY DEFERRED"};
    char ddl[256];

    (void)state;
    for (int deferred = 0; deferred < 2; deferred++) {
        struct err err = ERR_INIT;
        (void)!unlink(kit_db.path);
        (void)!snprintf(ddl, sizeof ddl,
                        "CREATE TABLE p (id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);"
                        "CREATE TABLE t (id INT REFERENCES p (id) %s, name TEXT, _load INT)",
                        WHEN[deferred]);
        kit_db_sql(ddl);
        struct sink *sink = kit_db_made();
        kit_load(sink, "a", "1|x\n");
        struct sink_load *load = kit_begin(sink, "run1");
        assert_int_equal(kit_append(load, "1|y\n2|y\n", 1, &err), deferred ? ERR_OK : ERR_DATA);
        assert_int_equal(load->failed_row, -1);
        if (deferred)
            assert_int_equal(sink_commit(load, &err), ERR_DATA);
        else
            sink_abort(load);
        assert_int_equal(err.name, ERRN_DB_CONSTRAINT);
        kit_assert_rows(sink, 0, "1|x\n");
        sink_close(sink);
    }
}

/* What was stored is what arrived in the table, whatever else triggers write or keep out. */
static void rows_of_triggers_are_not_counted(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    struct sink *sink = kit_db_made();
    kit_db_sql("CREATE TABLE audit (id INT);"
               "CREATE TRIGGER a AFTER INSERT ON t BEGIN INSERT INTO audit VALUES (new.id); END");
    kit_load(sink, "a", "1|x\n2|x\n"); /* asserts the count */
    kit_db_sql("CREATE TRIGGER b BEFORE INSERT ON t WHEN new.id = 4 BEGIN"
               " INSERT INTO audit VALUES (-1); SELECT RAISE(IGNORE); END");
    struct batch *batch = kit_batch(&kit_db.schema, "3|x\n4|x\n5|x\n");
    struct sink_segment segment = {0, batch->rows, 1};
    struct sink_load *load = kit_begin(sink, "run1");
    int64_t stored;
    assert_int_equal(sink_append(load, batch, &segment, 1, &stored, &err), ERR_OK);
    assert_int_equal(stored, 2);
    sink_abort(load);
    batch_free(batch);
    sink_close(sink);
}

/* ---- waiting ---- */

/* COMMIT waits long for readers to leave, but not for somebody who was asked to stop. */
static void commit_that_waits_for_a_reader_can_be_stopped(void **state)
{
    struct err err = ERR_INIT;
    struct clock_virtual clock;
    atomic_int stop = 0;
    char url[KIT_PATH_MAX + 16];
    struct sink *sink;
    sqlite3 *reader;
    sqlite3_stmt *stmt;

    (void)state;
    sink_close(kit_db_made());
    clock_virtual_init(&clock, KIT_NOW, 1);
    (void)!snprintf(url, sizeof url, "sqlite:%s", kit_db.path);
    struct sink_open args = {.url = url, .clock = &clock.base, .stop = &stop, .target = kit_db.target};
    assert_int_equal(registry_open_sink(&args, &sink, &err), ERR_OK);
    for (int signal = 0; signal < 2; signal++) {
        struct sink_load *load = kit_begin(sink, "run1");
        assert_int_equal(kit_append(load, "1|x\n", 1, &err), ERR_OK);
        assert_int_equal(sqlite3_open(kit_db.path, &reader), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(reader, "SELECT * FROM sluice_claim", -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        atomic_store(&stop, signal);
        int64_t before = clock_wall_us(&clock.base);
        (void)!sink_commit(load, &err);
        int64_t waited = clock_wall_us(&clock.base) - before;
        assert_string_equal(err_name_text(err.name), signal ? "CANCELLED" : "DB_BUSY");
        assert_true(signal ? waited < 5 * INT64_C(1000000) : waited > 60 * INT64_C(1000000));
        err_clear(&err);
        sqlite3_finalize(stmt);
        sqlite3_close(reader);
        kit_assert_rows(sink, 0, "");
        clock.now_us += KIT_LEASE_MS * INT64_C(1000);
    }
    kit_load(sink, "a", "1|x\n"); /* what needs no waiting is still done */
    sink_close(sink);
}

/* ---- replace ---- */

/* Loads objects "o0", "o1", ...: ids i * rows .. with name "old". */
static void load_many(struct sink *sink, int objects, int rows)
{
    char name[16], text[1024];

    for (int o = 0; o < objects; o++) {
        size_t at = 0;
        (void)!snprintf(name, sizeof name, "o%d", o);
        for (int r = 0; r < rows; r++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%d|old\n", o + objects * r);
        kit_load(sink, name, text);
    }
}

/* Replaces the object's rows with these, which are five as kit_ledger says. */
static void reload(struct sink *sink, const char *object, const char *rows)
{
    struct ledger_query query = {.object = object};
    struct ledger_row old, row = kit_ledger(object, 0, "run2");
    struct err err = ERR_INIT;
    size_t n;

    assert_int_equal(sink_ledger_page(sink, &query, &old, 1, &n, &err), ERR_OK);
    assert_int_equal(n, 1);
    struct sink_load *load = kit_begin(sink, "run2");
    if (sink_replace(load, &old, &row, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(kit_append(load, rows, row.id, &err), ERR_OK);
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
}

/* Wherever the rows lie, and whoever moved or copied them meanwhile: the object's are gone, the others not.
 */
static void replace_finds_rows_that_moved(void **state)
{
    static const char *const DDL[] = {
        "CREATE TABLE t (id INT, name TEXT, _load INT)",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, _load INT)", /* scattered */
        "CREATE TABLE t (id INT PRIMARY KEY, name TEXT, _load INT) WITHOUT ROWID",
        "CREATE TABLE t (id INT, name TEXT, _load INT, _rowid_ TEXT DEFAULT 'x')",
    };

    (void)state;
    for (size_t i = 0; i < sizeof DDL / sizeof *DDL; i++) {
        (void)!unlink(kit_db.path);
        kit_db_sql(DDL[i]);
        struct sink *sink = kit_db_made();
        load_many(sink, 3, 5);
        reload(sink, "o0", "100|a\n101|a\n102|a\n103|a\n104|a\n");
        reload(sink, "o0", "200|b\n201|b\n202|b\n203|b\n204|b\n"); /* its own new rows */
        kit_db_sql("UPDATE t SET id = id + 1000 WHERE name = 'old' AND _load = 2;"
                   "INSERT INTO t (id, name, _load) SELECT id + 500, 'copy', _load FROM t WHERE _load = 2");
        reload(sink, "o1", "300|c\n301|c\n302|c\n303|c\n304|c\n");
        kit_db_sql("DELETE FROM t WHERE id = 2"); /* somebody's delete is mended */
        reload(sink, "o2", "400|d\n401|d\n402|d\n403|d\n404|d\n");
        kit_assert_rows(sink, 0,
                        "200|b\n201|b\n202|b\n203|b\n204|b\n300|c\n301|c\n302|c\n303|c\n304|c\n"
                        "400|d\n401|d\n402|d\n403|d\n404|d\n");
        sink_close(sink);
    }
}

static int64_t thousands; /* of SQLite's machine steps, on every connection opened since */

static int on_steps(void *ctx)
{
    (void)ctx;
    thousands++;
    return 0;
}

static int count_steps(sqlite3 *db, const char **msg, const struct sqlite3_api_routines *api)
{
    (void)msg;
    (void)api;
    sqlite3_progress_handler(db, 1000, on_steps, NULL);
    return SQLITE_OK;
}

static void replacing_many_objects_scans_the_table_once(void **state)
{
    enum { OBJECTS = 200 };
    char name[16];

    (void)state;
    assert_int_equal(sqlite3_auto_extension((void (*)(void))count_steps), SQLITE_OK);
    struct sink *sink = kit_db_made();
    load_many(sink, OBJECTS, 5);
    thousands = 0;
    for (int o = 0; o < OBJECTS; o++) {
        (void)!snprintf(name, sizeof name, "o%d", o);
        reload(sink, name, "1|n\n2|n\n3|n\n4|n\n5|n\n");
    }
    sqlite3_reset_auto_extension();
    /* A scan takes five steps a row: 200 of them would be over a thousand thousands. */
    assert_true(thousands > 0 && thousands < 300);
    assert_int_equal(kit_count(sink, 0), 5 * OBJECTS);
    sink_close(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(constraint_row_with_a_trigger_is_unknown, kit_db_setup,
                                        kit_db_teardown),
        cmocka_unit_test_setup_teardown(conflict_clauses_of_the_table_lose_no_row, kit_db_setup,
                                        kit_db_teardown),
        cmocka_unit_test_setup_teardown(foreign_keys_of_the_table_hold, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(rows_of_triggers_are_not_counted, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(commit_that_waits_for_a_reader_can_be_stopped, kit_db_setup,
                                        kit_db_teardown),
        cmocka_unit_test_setup_teardown(replace_finds_rows_that_moved, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(replacing_many_objects_scans_the_table_once, kit_db_setup,
                                        kit_db_teardown),
    };

    kit_db_begin();
    int failed = cmocka_run_group_tests_name("sink sqlite: loads", tests, NULL, NULL);
    kit_db_end();
    return failed;
}
