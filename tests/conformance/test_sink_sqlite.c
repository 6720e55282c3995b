/*
 * test_sink_sqlite: the suite over SQLite files, and what only a file or a table in it can be: missing, read
 * only, in WAL mode, made by somebody else. Loads into such tables: test_sink_sqlite_loads.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/conformance/sink_suite.h"
#include "tests/support/sink_kit.h"
#include "tests/support/sqlite_kit.h"

static enum err_code open_suite(void *ctx, const struct sink_target *target, const struct clock *clock,
                                bool read_only, struct sink **out, struct err *err)
{
    (void)ctx;
    return kit_db_open("suite.db", target, clock, read_only, out, err);
}

static void reset_suite(void *ctx)
{
    (void)ctx;
    (void)!unlink(kit_db.path);
}

/* ---- files ---- */

static void assert_open_fails(const char *path, bool read_only, enum err_name name, const char *word)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    (void)!kit_db_open(path, &kit_db.target, clock_real(), read_only, &sink, &err);
    assert_null(sink);
    assert_string_equal(err_name_text(err.name), err_name_text(name));
    assert_non_null(strstr(err.msg, word));
}

static void missing_folder_is_named(void **state)
{
    (void)state;
    assert_open_fails("no/such/x.db", false, ERRN_NOT_FOUND, "no/such");
    assert_open_fails(".", false, ERRN_CONFIG, "folder");
}

static void foreign_file_is_no_database(void **state)
{
    char path[KIT_PATH_MAX];

    (void)state;
    (void)!snprintf(path, sizeof path, "%s/foreign", kit_db.dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        assert_true(fputs("this is no database\n", f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_open_fails("foreign", false, ERRN_DB_CORRUPT, "foreign");
    assert_open_fails("foreign", true, ERRN_DB_CORRUPT, "foreign");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 20000); /* untouched */
}

static void reading_a_missing_file_makes_none(void **state)
{
    (void)state;
    struct sink *sink = kit_db_sink(true);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
    sink_close(sink);
    assert_int_not_equal(access(kit_db.path, F_OK), 0);
}

/* Runs fn in a child without root's power over permissions; returns its exit status. */
static int as_nobody(int (*fn)(void))
{
    enum { NOBODY = 65534 };
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(geteuid() == 0 && (setgid(NOBODY) || setuid(NOBODY)) ? 99 : fn());
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

/* The name of the error that opening for writing and beginning a transaction ends with. */
static int try_to_write(void)
{
    struct err err = ERR_INIT;
    struct claim_row row;
    struct sink *sink;
    bool taken;

    if (kit_db_open("suite.db", &kit_db.target, clock_real(), false, &sink, &err) == ERR_OK) {
        (void)!sink_claim_take(sink, KIT_HOUR, "me", NULL, &row, &taken, &err);
        sink_close(sink);
    }
    return err.name == ERRN_READ_ONLY ? 1 : err.name == ERRN_NONE ? 0 : 97;
}

static int try_to_read(void)
{
    struct err err = ERR_INIT;
    struct ledger_row row;
    struct sink *sink;
    size_t n = 0;

    if (kit_db_open("suite.db", &kit_db.target, clock_real(), true, &sink, &err))
        return 97;
    (void)!sink_ledger_page(sink, &(struct ledger_query){0}, &row, 1, &n, &err);
    sink_close(sink);
    return err.code ? 97 : (int)n;
}

/* A reader's preflight says what a writer would meet: 1 = that the place cannot be written to. Its describe
 * is about the tables alone. */
static int try_to_look(void)
{
    struct err err = ERR_INIT;
    struct sink_preflight found;
    struct sink_state state;
    struct sink *sink;

    if (kit_db_open("suite.db", &kit_db.target, clock_real(), true, &sink, &err) ||
        sink_describe(sink, &state, &err) || buf_str(&state.problems)[0])
        return 97;
    buf_release(&state.problems);
    (void)!sink_preflight(sink, false, &found, &err);
    bool asked = found.asked;
    sink_preflight_release(&found);
    sink_close(sink);
    if (asked || (err.code && !strstr(err.msg, "cannot be written to")))
        return 97;
    return err.name == ERRN_READ_ONLY ? 1 : err.code ? 97 : 0;
}

static void read_only_files_are_said_to_be(void **state)
{
    (void)state;
    struct sink *sink = kit_db_made();
    kit_load(sink, "a", "1|x\n");
    sink_close(sink);
    assert_int_equal(chmod(kit_db.dir, 0777), 0);
    assert_int_equal(chmod(kit_db.path, 0666), 0);
    assert_int_equal(as_nobody(try_to_look), 0);
    assert_int_equal(chmod(kit_db.dir, 0755), 0);
    assert_int_equal(chmod(kit_db.path, 0444), 0);
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_look), 1);
    assert_int_equal(as_nobody(try_to_read), 1);
    assert_int_equal(chmod(kit_db.path, 0666), 0); /* the file may be written, its folder not: no journal */
    assert_int_equal(chmod(kit_db.dir, 0555), 0);
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_look), 1);
    assert_int_equal(as_nobody(try_to_read), 1);
    assert_int_equal(unlink(kit_db.path), 0); /* no file, and no right to make one */
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_look), 1);
    assert_int_equal(chmod(kit_db.dir, 0700), 0);
}

static void wal_is_left_alone(void **state)
{
    (void)state;
    kit_db_sql("PRAGMA journal_mode = WAL; CREATE TABLE x (a);");
    struct sink *sink = kit_db_sink(true);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
    struct err err = ERR_INIT;
    struct sink_preflight found;
    (void)!sink_preflight(sink, false, &found, &err);
    sink_preflight_release(&found);
    if (sqlite3_libversion_number() < 3044006) {
        assert_int_equal(err.name, ERRN_UNSUPPORTED);
        assert_non_null(strstr(err.msg, "WAL"));
    } else {
        assert_int_equal(err.code, ERR_OK);
    }
    sink_close(sink);
    if (sqlite3_libversion_number() < 3044006)
        assert_open_fails("suite.db", false, ERRN_UNSUPPORTED, "WAL");
}

/* ---- tables ---- */

/* Leaves the tables as that version had them. */
static void make_older(int version)
{
    kit_db_sql("DROP TABLE sluice_check");
    kit_db_sql(
        "INSERT OR REPLACE INTO sluice_claim VALUES ('p', '2022-06-05T12', '', 3, 0, 'loaded', 0, 0, '', 0)");
    if (version == 1)
        kit_db_sql("ALTER TABLE sluice_claim DROP COLUMN takeovers");
    kit_db_sql(version == 1 ? "UPDATE sluice_schema SET version = 1"
                            : "UPDATE sluice_schema SET version = 2");
}

static void older_and_newer(int version, bool by_hand)
{
    struct err err = ERR_INIT;
    struct sink_state found;
    struct claim_row claim;
    struct buf ddl;
    size_t n;

    struct sink *sink = kit_db_made();
    make_older(version);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_OLDER);
    buf_release(&found.problems);
    assert_int_equal(sink_claim_page(sink, CLAIMS_ALL, HOUR_MIN - 1, &claim, 1, &n, &err),
                     version == 1 ? ERR_CONFIG : ERR_OK);
    assert_int_equal(err.name, version == 1 ? ERRN_SCHEMA_OLDER : ERRN_NONE);
    err_clear(&err);
    if (by_hand) {
        buf_init(&ddl, SINK_PROBLEMS_MAX);
        assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
        kit_db_sql(buf_str(&ddl));
        buf_release(&ddl);
    } else {
        assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    }
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_CURRENT);
    buf_release(&found.problems);
    kit_db_sql("UPDATE sluice_claim SET takeovers = takeovers + 1");
    kit_db_sql("INSERT INTO sluice_check VALUES (1, 'p', 0, 'r', '', '', 'n', '', 'warn', 1, 0, 'm', 1)");
    kit_db_sql("UPDATE sluice_schema SET version = 1000");
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_NEWER);
    buf_release(&found.problems);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_SCHEMA_NEWER);
    kit_db_sql("UPDATE sluice_schema SET version = 3");
    sink_close(sink);
}

static void newer_and_older_schemas(void **state)
{
    (void)state;
    older_and_newer(1, false);
    older_and_newer(2, false);
}

static void printed_ddl_upgrades_an_older_schema(void **state)
{
    (void)state;
    older_and_newer(1, true);
    older_and_newer(2, true);
}

static void printed_ddl_is_what_setup_does(void **state)
{
    struct err err = ERR_INIT;
    struct sink_state found;
    struct buf ddl;

    (void)state;
    size_t key[] = {1, 0};
    kit_db.target.table = "it's \"odd\"";
    kit_db.target.lineage = LINEAGE_INDEXED;
    kit_db.target.key = key;
    kit_db.target.nkey = 2;
    struct sink *sink = kit_db_sink(false);
    buf_init(&ddl, SINK_PROBLEMS_MAX);
    assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
    kit_db_sql(buf_str(&ddl));
    kit_db_sql(buf_str(&ddl)); /* twice is no harm */
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_string_equal(buf_str(&found.problems), "");
    assert_int_equal(found.own, OWN_CURRENT);
    assert_true(found.table_exists && found.has_lineage);
    buf_release(&found.problems);
    kit_load(sink, "a", "1|x\n2|y\n");
    /* The view names object and hour, and the index is used. */
    kit_db_sql("CREATE TABLE seen AS SELECT * FROM \"it's \"\"odd\"\"_lineage\" WHERE _object = 'a' AND"
               " _hour = '2022-06-05T12' AND _load = 1");
    kit_db_sql("CREATE TEMP TABLE c (n CHECK (n = 2)); INSERT INTO c SELECT count(*) FROM seen");
    kit_db_sql("CREATE TEMP TABLE c (n CHECK (n = 1)); INSERT INTO c SELECT count(*) FROM sqlite_master WHERE"
               " type = 'index' AND name = 'it''s \"odd\"_load'");
    buf_release(&ddl);
    sink_close(sink);
}

/* A name with quotes in it, a STRICT table that knows no NUMERIC, and one that is not STRICT. */
static void printed_ddl_evolves(void **state)
{
    static const char *const SPECS[] = {"id:int!,name:varchar(20)", "id:int!,name:decimal(9;2)"};
    static const char *const WIDER[] = {"id:int!,name:varchar(20),it's \"odd\":decimal(10;2)",
                                        "id:int!,name:decimal(9;2),it's \"odd\":decimal(10;2)"};
    struct err err = ERR_INIT;
    struct buf ddl;

    (void)state;
    buf_init(&ddl, SINK_PROBLEMS_MAX);
    for (size_t i = 0; i < 2; i++) {
        struct schema narrow, wider;
        struct sink *sink;
        kit_schema(&narrow, SPECS[i]);
        kit_schema(&wider, WIDER[i]);
        struct sink_target target = kit_db.target;
        target.schema = &narrow;
        target.table = i ? "u" : "it's";
        assert_int_equal(kit_db_open("suite.db", &target, clock_real(), false, &sink, &err), ERR_OK);
        assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
        kit_load(sink, "a", "1|5.00\n");
        sink_close(sink);
        target.schema = &wider;
        target.evolve = true;
        assert_int_equal(kit_db_open("suite.db", &target, clock_real(), false, &sink, &err), ERR_OK);
        buf_clear(&ddl);
        assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
        kit_db_sql(buf_str(&ddl));
        struct sink_state found;
        assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
        assert_string_equal(buf_str(&found.problems), "");
        assert_int_equal(found.lacks, 0);
        buf_release(&found.problems);
        kit_load(sink, "b", "2|6.00|1234567.89\n");
        kit_assert_rows(sink, 0, "1|5.00|\\N\n2|6.00|1234567.89\n");
        kit_db_sql(
            "CREATE TEMP TABLE c (n CHECK (n = 1)); INSERT INTO c SELECT count(*) FROM sluice_check WHERE"
            " column_name = 'it''s \"odd\"' AND abs(at_us / 1e6 - strftime('%s', 'now')) < 60;"
            " DELETE FROM sluice_check; DELETE FROM sluice_load");
        sink_close(sink);
        schema_release(&narrow);
        schema_release(&wider);
    }
    buf_release(&ddl);
}

/* One line of what is wrong with table t as `ddl` makes it; "" for nothing. */
static void assert_problem(const char *ddl, const char *first, const char *second)
{
    struct err err = ERR_INIT;
    struct sink_state found;

    kit_db_sql("DROP TABLE IF EXISTS t");
    kit_db_sql(ddl);
    struct sink *sink = kit_db_sink(true);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_non_null(strstr(buf_str(&found.problems), first));
    assert_non_null(strstr(buf_str(&found.problems), second));
    if (!first[0])
        assert_string_equal(buf_str(&found.problems), "");
    buf_release(&found.problems);
    sink_close(sink);
}

static void describe_knows_affinities(void **state)
{
    (void)state;
    assert_problem("CREATE TABLE t (id INT NOT NULL, name VARCHAR(20), _load INTEGER)", "", "");
    assert_problem("CREATE TABLE t (id BIGINT, name CLOB, _load BIGINT, more TEXT)", "", "");
    assert_problem("CREATE TABLE t (id, name, _load)", "", "");
    assert_problem("CREATE TABLE t (id NUMERIC, name TEXT, _load INT, x NOT NULL DEFAULT 1)", "", "");
    assert_problem("CREATE TABLE t (id ANY, name ANY, _load INT) STRICT", "", "");
    assert_problem("CREATE TABLE t (id TEXT, name TEXT, _load INT)", "column id", "TEXT");
    assert_problem("CREATE TABLE t (id REAL, name TEXT, _load INT)", "column id", "REAL");
    assert_problem("CREATE TABLE t (id INT, name DECIMAL(10,2), _load INT)", "column name", "make it TEXT");
    assert_problem("CREATE TABLE t (id INT, name BLOB, _load INT) STRICT", "column name", "BLOB");
    assert_problem("CREATE TABLE t (id INT, name TEXT NOT NULL, _load INT)", "column name",
                   "nullable: false");
    assert_problem("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, _load INT)", "", "");
    assert_problem("CREATE TABLE t (id INT, name TEXT PRIMARY KEY, _load INT)", "column name", "key");
    assert_problem("CREATE TABLE t (id INT, name TEXT)", "_load", "ALTER TABLE");
    assert_problem("CREATE TABLE t (id INT, name TEXT, _load TEXT)", "_load", "INTEGER");
    assert_problem("CREATE TABLE t (id INT, _load INT)", "no column name", "add it");
    assert_problem("CREATE TABLE t (id INT, name TEXT, _load INT, x NOT NULL)", "column x", "default");
    assert_problem("CREATE TABLE t (id INT, name TEXT AS (id), _load INT)", "column name", "generated");
    kit_db_sql("DROP TABLE t");
    assert_problem("CREATE TABLE y (id INT); CREATE VIEW t AS SELECT id FROM y", "is a view", "");
}

/* Names that setup needs and somebody else has. */
static void describe_finds_names_that_are_taken(void **state)
{
    static const char TABLE[] = "CREATE TABLE t (id INT, name TEXT, _load INT)";

    (void)state;
    sink_close(kit_db_made());
    kit_db.target.lineage = LINEAGE_INDEXED;
    assert_problem(TABLE, "", "");
    sink_close(kit_db_made()); /* view and index by setup */
    kit_db_sql(
        "CREATE VIEW IF NOT EXISTS t_lineage AS SELECT 1; CREATE INDEX IF NOT EXISTS t_load ON t (id)");
    struct sink_state found;
    struct err err = ERR_INIT;
    struct sink *sink = kit_db_sink(true);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_string_equal(buf_str(&found.problems), "");
    buf_release(&found.problems);
    sink_close(sink);

    kit_db_sql("DROP VIEW t_lineage; CREATE TABLE T_lineage (a)");
    assert_problem(TABLE, "t_lineage", "another table");
    kit_db_sql("DROP TABLE t_lineage; CREATE VIEW t_lineage AS SELECT 1");
    assert_problem(TABLE, "t_lineage", "another view");
    kit_db_sql("DROP VIEW t_lineage; CREATE INDEX t_load ON t (id)");
    kit_db_sql("CREATE TABLE other (_load)");
    assert_problem("CREATE TABLE t (id INT, name TEXT, _load INT); CREATE INDEX t_load ON t (id, name)",
                   "t_load", "another index");
    assert_problem("CREATE TABLE t (id INT, name TEXT, _load INT); CREATE INDEX t_load ON other (_load)",
                   "t_load", "rename it");
    kit_db.target.lineage = LINEAGE_COLUMN; /* needs no index */
    kit_db_sql("DROP TABLE t");
    assert_problem(TABLE, "", "");
}

/* Values that somebody else wrote. */
static void odd_values_are_marked(void **state)
{
    struct err err = ERR_INIT;
    struct schema all;

    (void)state;
    kit_schema(&all,
               "b:boolean,t:tinyint,i:int,f:float,x:double,d:decimal(5;2),s:varchar(2),y:date,z:timestamp");
    struct sink_target wide = kit_db.target;
    struct sink *sink;
    wide.table = "wide";
    wide.schema = &all;
    assert_int_equal(kit_db_open("suite.db", &wide, clock_real(), false, &sink, &err), ERR_OK);
    kit_db_sql("CREATE TABLE wide (b, t, i, f, x, d, s, y, z, _load INT);"
               "INSERT INTO wide VALUES (1, 1, 1, 1.5, 1, 1, 'ab', '2022-06-05', '2022-06-05T12:00:00Z', 5);"
               "INSERT INTO wide VALUES (2, 300, 'x', 0.1, 9e999, 1.005, 'abc', '2022-06-31', 'now', NULL);"
               "INSERT INTO wide VALUES (1.5, '1', 3e9, 'x', '1', 1000, x'6162', 5, x'00', 6);"
               "INSERT INTO wide VALUES (-1, -129, 2147483648, 1e39, x'00', 'x', cast(x'ff' AS TEXT),"
               " '2022-06-05 ', '2022-06-05 25:00:00', 7);"
               "INSERT INTO wide VALUES (0, NULL, NULL, NULL, NULL, 999.99, NULL, NULL, NULL, 8);");
    char *rows = kit_rows(sink, 0, true);
    assert_string_equal(rows, "5:1|1|1|1.5|1|1.00|ab|2022-06-05|2022-06-05 12:00:00\n"
                              "8:0|\\N|\\N|\\N|\\N|999.99|\\N|\\N|\\N\n"
                              "?0:\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N\n"
                              "?6:\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N\n"
                              "?7:\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N\n");
    mem_free(rows);
    bool any = false;
    assert_int_equal(sink_has_foreign_rows(sink, &any, &err), ERR_OK);
    assert_true(any);
    sink_close(sink);
    schema_release(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(describe_finds_names_that_are_taken, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(missing_folder_is_named, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(foreign_file_is_no_database, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(reading_a_missing_file_makes_none, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(read_only_files_are_said_to_be, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(wal_is_left_alone, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(newer_and_older_schemas, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(printed_ddl_upgrades_an_older_schema, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(printed_ddl_is_what_setup_does, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(printed_ddl_evolves, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(describe_knows_affinities, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(odd_values_are_marked, kit_db_setup, kit_db_teardown),
    };
    const struct sink_suite suite = {"sink sqlite", open_suite, reset_suite, NULL};

    kit_db_begin();
    int failed = sink_suite_run(&suite);
    failed += cmocka_run_group_tests_name("sink sqlite: files", tests, NULL, NULL);
    kit_db_end();
    return failed;
}
