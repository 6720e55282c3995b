/*
 * test_sink_sqlite: the suite over SQLite files, and what only a file can do wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/registry.h"
#include "core/base/mem.h"
#include "tests/conformance/sink_suite.h"
#include "tests/support/sink_kit.h"
#include "tests/support/tempdir.h"

enum { PATH_MAX_TEST = 512 };

static char *dir;
static char db_path[PATH_MAX_TEST];

static enum err_code open_path(const char *path, const struct sink_target *target, const struct clock *clock,
                               bool read_only, struct sink **out, struct err *err)
{
    char url[PATH_MAX_TEST + 16];

    (void)!snprintf(url, sizeof url, "sqlite:%s", path);
    struct sink_open args = {
        .url = url, .base_dir = dir, .clock = clock, .read_only = read_only, .target = *target};
    return registry_open_sink(&args, out, err);
}

static enum err_code open_suite(void *ctx, const struct sink_target *target, const struct clock *clock,
                                bool read_only, struct sink **out, struct err *err)
{
    (void)ctx;
    return open_path("suite.db", target, clock, read_only, out, err);
}

static void reset_suite(void *ctx)
{
    (void)ctx;
    unlink(db_path);
}

/* ---- fixture of the quirks ---- */

static struct schema schema;
static struct sink_target target;

static int setup(void **state)
{
    (void)state;
    reset_suite(NULL);
    kit_schema(&schema, "id:int!,name:varchar(20)");
    target = (struct sink_target){.pipeline = "pipe",
                                  .table = "t",
                                  .schema = &schema,
                                  .lineage = LINEAGE_COLUMN,
                                  .lease_ms = KIT_LEASE_MS};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    schema_release(&schema);
    return 0;
}

static struct sink *open_good(bool read_only)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    if (open_path("suite.db", &target, clock_real(), read_only, &sink, &err))
        fail_msg("%s", err.msg);
    return sink;
}

static struct sink *open_made(void)
{
    struct err err = ERR_INIT;
    struct sink *sink = open_good(false);

    if (sink_setup(sink, NULL, &err))
        fail_msg("%s", err.msg);
    return sink;
}

/* Runs SQL on the file as somebody else would. */
static void foreign(const char *sql)
{
    sqlite3 *db;
    char *msg = NULL;

    assert_int_equal(sqlite3_open(db_path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &msg) != SQLITE_OK)
        fail_msg("%s: %s", sql, msg);
    sqlite3_close(db);
}

static void assert_open_fails(const char *path, bool read_only, enum err_name name, const char *word)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    (void)!open_path(path, &target, clock_real(), read_only, &sink, &err);
    assert_null(sink);
    assert_string_equal(err_name_text(err.name), err_name_text(name));
    assert_non_null(strstr(err.msg, word));
}

/* ---- files ---- */

static void missing_folder_is_named(void **state)
{
    (void)state;
    assert_open_fails("no/such/x.db", false, ERRN_NOT_FOUND, "no/such");
    assert_open_fails(".", false, ERRN_CONFIG, "folder");
}

static void foreign_file_is_no_database(void **state)
{
    char path[PATH_MAX_TEST];

    (void)state;
    (void)!snprintf(path, sizeof path, "%s/foreign", dir);
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
    struct sink *sink = open_good(true);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
    sink_close(sink);
    assert_int_not_equal(access(db_path, F_OK), 0);
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

    if (open_path("suite.db", &target, clock_real(), false, &sink, &err) == ERR_OK) {
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

    if (open_path("suite.db", &target, clock_real(), true, &sink, &err))
        return 97;
    (void)!sink_ledger_page(sink, &(struct ledger_query){0}, &row, 1, &n, &err);
    sink_close(sink);
    return err.code ? 97 : (int)n;
}

static void read_only_files_are_said_to_be(void **state)
{
    (void)state;
    struct sink *sink = open_made();
    kit_load(sink, "a", "1|x\n");
    sink_close(sink);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(chmod(db_path, 0444), 0);
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_read), 1);
    assert_int_equal(chmod(db_path, 0666), 0); /* the file may be written, its folder not: no journal */
    assert_int_equal(chmod(dir, 0555), 0);
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(as_nobody(try_to_read), 1);
    assert_int_equal(unlink(db_path), 0); /* no file, and no right to make one */
    assert_int_equal(as_nobody(try_to_write), 1);
    assert_int_equal(chmod(dir, 0700), 0);
}

static void wal_is_left_alone(void **state)
{
    (void)state;
    foreign("PRAGMA journal_mode = WAL; CREATE TABLE x (a);");
    struct sink *sink = open_good(true);
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 0);
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
    struct sink *sink = open_made();
    foreign("UPDATE sluice_schema SET version = 0");
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_OLDER);
    buf_release(&found.problems);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_CURRENT);
    buf_release(&found.problems);
    foreign("UPDATE sluice_schema SET version = 1000");
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
    target.table = "it's \"odd\"";
    target.lineage = LINEAGE_INDEXED;
    target.key = key;
    target.nkey = 2;
    struct sink *sink = open_good(false);
    buf_init(&ddl, SINK_PROBLEMS_MAX);
    assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
    foreign(buf_str(&ddl));
    foreign(buf_str(&ddl)); /* twice is no harm */
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_string_equal(buf_str(&found.problems), "");
    assert_int_equal(found.own, OWN_CURRENT);
    assert_true(found.table_exists && found.has_lineage);
    buf_release(&found.problems);
    kit_load(sink, "a", "1|x\n2|y\n");
    /* The view names object and hour, and the index is used. */
    foreign("CREATE TABLE seen AS SELECT * FROM \"it's \"\"odd\"\"_lineage\" WHERE _object = 'a' AND"
            " _hour = '2022-06-05T12' AND _load = 1");
    foreign("CREATE TEMP TABLE c (n CHECK (n = 2)); INSERT INTO c SELECT count(*) FROM seen");
    foreign("CREATE TEMP TABLE c (n CHECK (n = 1)); INSERT INTO c SELECT count(*) FROM sqlite_master WHERE"
            " type = 'index' AND name = 'it''s \"odd\"_load'");
    buf_release(&ddl);
    sink_close(sink);
}

/* One line of what is wrong with table t as `ddl` makes it; "" for nothing. */
static void assert_problem(const char *ddl, const char *first, const char *second)
{
    struct err err = ERR_INIT;
    struct sink_state found;

    foreign("DROP TABLE IF EXISTS t");
    foreign(ddl);
    struct sink *sink = open_good(true);
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
    foreign("DROP TABLE t");
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
    struct sink_target wide = target;
    struct sink *sink;
    wide.table = "wide";
    wide.schema = &all;
    assert_int_equal(open_path("suite.db", &wide, clock_real(), false, &sink, &err), ERR_OK);
    foreign("CREATE TABLE wide (b, t, i, f, x, d, s, y, z, _load INT);"
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
    struct sink *sink = open_made();
    foreign("CREATE UNIQUE INDEX u ON t (id)");
    struct sink_load *load = kit_begin(sink, "run1");
    assert_int_equal(kit_append(load, "1|x\n2|x\n1|x\n", 1, &err), ERR_DATA);
    assert_int_equal(load->failed_row, 2); /* any constraint of the table's, not only the key */
    assert_non_null(strstr(err.msg, "t.id"));
    sink_abort(load);
    foreign("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END");
    err_clear(&err);
    load = kit_begin(sink, "run1");
    assert_int_equal(kit_append(load, "1|x\n2|x\n1|x\n", 1, &err), ERR_DATA);
    assert_true(load->failed_row == -1 || load->failed_row == 2);
    sink_abort(load);
    sink_close(sink);
}

/* ---- processes ---- */

static int setup_child(void)
{
    struct err err = ERR_INIT;
    struct sink *sink;
    int rc = 1;

    if (open_path("suite.db", &target, clock_real(), false, &sink, &err))
        return 1;
    rc = sink_setup(sink, NULL, &err) != ERR_OK;
    sink_close(sink);
    return rc;
}

static void processes_may_set_up_at_once(void **state)
{
    enum { CHILDREN = 6 };
    pid_t pids[CHILDREN];
    struct err err = ERR_INIT;
    struct sink_state found;

    (void)state;
    for (int i = 0; i < CHILDREN; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(setup_child());
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    struct sink *sink = open_good(true);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_CURRENT);
    assert_string_equal(buf_str(&found.problems), "");
    buf_release(&found.problems);
    sink_close(sink);
}

/* Appends until the cache has spilled into the file, then dies without a word. */
static void die_in_a_load(void)
{
    enum { BATCHES = 400, ROWS = 4000 };
    struct err err = ERR_INIT;
    struct sink *sink = open_good(false);
    struct sink_load *load = kit_begin(sink, "run2");
    struct ledger_row row = kit_ledger("b", 0, "run2");
    struct batch *batch;
    int64_t stored;

    if (sink_ledger_insert(load, &row, 1, &err) || batch_new(&schema, ROWS, 1024 * 1024, &batch, &err))
        _exit(1);
    for (int r = 0; r < ROWS; r++) {
        batch_begin_row(batch);
        batch_set_i64(batch, 0, r);
        if (batch_set_str(batch, 1, "twenty characters...", 20, &err))
            _exit(1);
        batch_commit_row(batch, 0, 0);
    }
    struct sink_segment segment = {0, ROWS, row.id};
    for (int i = 0; i < BATCHES; i++)
        if (sink_append(load, batch, &segment, 1, &stored, &err))
            _exit(1);
    kill(getpid(), SIGKILL);
}

static void killed_writer_leaves_nothing(void **state)
{
    struct stat before, after;
    int status;

    (void)state;
    struct sink *sink = open_made();
    kit_load(sink, "a", "1|x\n");
    sink_close(sink);
    assert_int_equal(stat(db_path, &before), 0);
    pid_t pid = fork();
    if (pid == 0)
        die_in_a_load();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(stat(db_path, &after), 0);
    assert_true(after.st_size > before.st_size); /* rows of the dead are in the file */
    sink = open_good(true);                      /* a reader may clean up */
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 1);
    assert_int_equal(kit_count(sink, 0), 1);
    sink_close(sink);
    foreign("CREATE TEMP TABLE c (n CHECK (n = 'ok')); INSERT INTO c SELECT * FROM pragma_integrity_check");
}

/* A virtual clock on which, after some sleeps, a scan ends. */
struct ending_clock {
    struct clock_virtual virtual;
    struct sink_scan *scan;
    int sleeps_left;
    void (*sleep)(const struct clock *clock, int64_t us);
};

static void sleep_then_end(const struct clock *clock, int64_t us)
{
    struct ending_clock *c = (struct ending_clock *)(uintptr_t)clock;

    c->sleep(clock, us);
    if (--c->sleeps_left == 0) {
        sink_scan_end(c->scan);
        c->scan = NULL;
    }
}

/* Commits a load while a reader is in the middle of a scan that ends after `sleeps`. */
static enum err_code commit_beside_reader(int sleeps)
{
    struct ending_clock clock = {.sleeps_left = sleeps};
    struct err err = ERR_INIT, ignored = ERR_INIT;
    struct sink *writer;
    struct batch *batch;
    int64_t ids[1];
    uint8_t odd[1];

    clock_virtual_init(&clock.virtual, KIT_NOW, 1);
    clock.sleep = clock.virtual.base.sleep_us;
    clock.virtual.base.sleep_us = sleep_then_end;
    struct sink *reader = open_good(true);
    assert_int_equal(open_path("suite.db", &target, &clock.virtual.base, false, &writer, &ignored), ERR_OK);
    struct sink_load *load = kit_begin(writer, "run2");
    struct ledger_row row = kit_ledger("b", 0, "run2");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &ignored), ERR_OK);
    assert_int_equal(kit_append(load, "3|x\n", row.id, &ignored), ERR_OK);
    assert_int_equal(batch_new(&schema, 1, 100, &batch, &ignored), ERR_OK);
    assert_int_equal(sink_scan_begin(reader, 0, &clock.scan, &ignored), ERR_OK);
    assert_int_equal(sink_scan_next(clock.scan, batch, ids, odd, &ignored), ERR_OK);
    assert_int_equal(batch->rows, 1);
    (void)!sink_commit(load, &err);
    sink_scan_end(clock.scan);
    batch_free(batch);
    sink_close(reader);
    sink_close(writer);
    return err.code;
}

/* Loads under a limit on the file's size, so that a write fails in the middle. */
static int load_under_a_limit(void)
{
    enum { LIMIT = 1024 * 1024 };
    const struct rlimit limit = {LIMIT, LIMIT};
    struct err err = ERR_INIT;
    struct sink *sink = open_good(false);
    struct sink_load *load = kit_begin(sink, "run2");
    struct batch *batch = kit_batch(&schema, "");
    struct sink_segment segment = {0, batch->max_rows, 1};
    int64_t stored;

    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit))
        return 2;
    for (size_t r = 0; r < batch->max_rows; r++) {
        batch_begin_row(batch);
        batch_set_i64(batch, 0, INT32_MAX);
        batch_set_null(batch, 1);
        batch_commit_row(batch, 0, 0);
    }
    for (int i = 0; i < 100 && !err.code; i++)
        (void)!sink_append(load, batch, &segment, 1, &stored, &err);
    if (!err.code)
        (void)!sink_commit(load, &err);
    else
        sink_abort(load);
    return err.name == ERRN_IO || err.name == ERRN_DISK_FULL ? 0 : 3;
}

static void failed_write_leaves_nothing(void **state)
{
    int status;

    (void)state;
    struct sink *sink = open_made();
    kit_load(sink, "a", "1|x\n");
    pid_t pid = fork();
    if (pid == 0)
        _exit(load_under_a_limit());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(kit_count(sink, 0), 1);
    kit_load(sink, "b", "2|x\n");
    sink_close(sink);
}

static void commit_waits_for_a_reader(void **state)
{
    (void)state;
    struct sink *sink = open_made();
    kit_load(sink, "a", "1|x\n2|x\n");
    assert_int_equal(commit_beside_reader(10000000), ERR_BUSY); /* one that never leaves */
    assert_int_equal(kit_count(sink, 0), 2);
    assert_int_equal(commit_beside_reader(1000), ERR_OK);
    assert_int_equal(kit_count(sink, 0), 3);
    sink_close(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing_folder_is_named, setup, teardown),
        cmocka_unit_test_setup_teardown(foreign_file_is_no_database, setup, teardown),
        cmocka_unit_test_setup_teardown(reading_a_missing_file_makes_none, setup, teardown),
        cmocka_unit_test_setup_teardown(read_only_files_are_said_to_be, setup, teardown),
        cmocka_unit_test_setup_teardown(wal_is_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(newer_and_older_schemas, setup, teardown),
        cmocka_unit_test_setup_teardown(printed_ddl_is_what_setup_does, setup, teardown),
        cmocka_unit_test_setup_teardown(describe_knows_affinities, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_values_are_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(constraint_row_with_a_trigger_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(processes_may_set_up_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(killed_writer_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_write_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(commit_waits_for_a_reader, setup, teardown),
    };
    const struct sink_suite suite = {"sink sqlite", open_suite, reset_suite, NULL};

    /* Thousands of commits: in memory a sync costs nothing. */
    if (access("/dev/shm", W_OK) == 0)
        (void)!setenv("TMPDIR", "/dev/shm", 0);
    dir = tempdir_make();
    (void)!snprintf(db_path, sizeof db_path, "%s/suite.db", dir);
    int failed = sink_suite_run(&suite);
    failed += cmocka_run_group_tests_name("sink sqlite: files", tests, NULL, NULL);
    tempdir_remove(dir);
    return failed;
}
