/*
 * test_sink_sqlite: the suite over SQLite files, and what only a file can do wrong.
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

#include "backends/registry.h"
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

/* A reader's describe says what a writer would meet: 1 = that the place cannot be written to. */
static int try_to_describe(void)
{
    struct err err = ERR_INIT;
    struct sink_state found;
    struct sink *sink;

    if (kit_db_open("suite.db", &kit_db.target, clock_real(), true, &sink, &err) ||
        sink_describe(sink, &found, &err))
        return 97;
    bool said = strstr(buf_str(&found.problems), "cannot be written to") != NULL;
    bool more = said && strchr(buf_str(&found.problems), '\n')[1] != '\0';
    buf_release(&found.problems);
    sink_close(sink);
    return more ? 97 : said;
}

static void read_only_files_are_said_to_be(void **state)
{
    (void)state;
    struct sink *sink = kit_db_made();
    kit_load(sink, "a", "1|x\n");
    sink_close(sink);
    assert_int_equal(chmod(kit_db.dir, 0777), 0);
    assert_int_equal(chmod(kit_db.path, 0666), 0);
    assert_int_equal(as_nobody(try_to_describe), 0);
    assert_int_equal(chmod(kit_db.dir, 0755), 0);
    assert_int_equal(chmod(kit_db.path, 0444), 0);
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_describe), 1);
    assert_int_equal(as_nobody(try_to_read), 1);
    assert_int_equal(chmod(kit_db.path, 0666), 0); /* the file may be written, its folder not: no journal */
    assert_int_equal(chmod(kit_db.dir, 0555), 0);
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_describe), 1);
    assert_int_equal(as_nobody(try_to_read), 1);
    assert_int_equal(unlink(kit_db.path), 0); /* no file, and no right to make one */
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_describe), 1);
    assert_int_equal(chmod(kit_db.dir, 0700), 0);
}

static void wal_is_left_alone(void **state)
{
    (void)state;
    kit_db_sql("PRAGMA journal_mode = WAL; CREATE TABLE x (a);");
    struct sink *sink = kit_db_sink(true);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
    struct err err = ERR_INIT;
    struct sink_state found;
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    if (sqlite3_libversion_number() < 3044006)
        assert_non_null(strstr(buf_str(&found.problems), "WAL"));
    buf_release(&found.problems);
    sink_close(sink);
    if (sqlite3_libversion_number() < 3044006)
        assert_open_fails("suite.db", false, ERRN_UNSUPPORTED, "WAL");
}

/* ---- tables ---- */

static void newer_and_older_schemas(void **state)
{
    struct err err = ERR_INIT;
    struct sink_state found;

    (void)state;
    struct sink *sink = kit_db_made();
    kit_db_sql("UPDATE sluice_schema SET version = 0");
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_OLDER);
    buf_release(&found.problems);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_CURRENT);
    buf_release(&found.problems);
    kit_db_sql("UPDATE sluice_schema SET version = 1000");
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_NEWER);
    buf_release(&found.problems);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_SCHEMA_NEWER);
    sink_close(sink);
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
        cmocka_unit_test_setup_teardown(commit_that_waits_for_a_reader_can_be_stopped, kit_db_setup,
                                        kit_db_teardown),
        cmocka_unit_test_setup_teardown(foreign_keys_of_the_table_hold, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(replace_finds_rows_that_moved, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(replacing_many_objects_scans_the_table_once, kit_db_setup,
                                        kit_db_teardown),
        cmocka_unit_test_setup_teardown(rows_of_triggers_are_not_counted, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(conflict_clauses_of_the_table_lose_no_row, kit_db_setup,
                                        kit_db_teardown),
        cmocka_unit_test_setup_teardown(missing_folder_is_named, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(foreign_file_is_no_database, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(reading_a_missing_file_makes_none, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(read_only_files_are_said_to_be, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(wal_is_left_alone, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(newer_and_older_schemas, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(printed_ddl_is_what_setup_does, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(describe_knows_affinities, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(odd_values_are_marked, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(constraint_row_with_a_trigger_is_unknown, kit_db_setup,
                                        kit_db_teardown),
    };
    const struct sink_suite suite = {"sink sqlite", open_suite, reset_suite, NULL};

    kit_db_begin();
    int failed = sink_suite_run(&suite);
    failed += cmocka_run_group_tests_name("sink sqlite: files", tests, NULL, NULL);
    kit_db_end();
    return failed;
}
