/*
 * test_sink_sqlite_processes: an SQLite file between processes: setting up at once, dying, a full disk, a
 * reader in the way of a commit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/sink_kit.h"
#include "tests/support/sqlite_kit.h"

static int setup_child(void)
{
    struct err err = ERR_INIT;
    struct sink *sink;
    int rc = 1;

    if (kit_db_open("suite.db", &kit_db.target, clock_real(), false, &sink, &err))
        return 1;
    rc = sink_setup(sink, NULL, &err) != ERR_OK;
    sink_close(sink);
    return rc;
}

static void set_up_at_once(void)
{
    enum { CHILDREN = 6 };
    pid_t pids[CHILDREN];
    struct err err = ERR_INIT;
    struct sink_state found;

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
    struct sink *sink = kit_db_sink(true);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_CURRENT);
    assert_int_equal(found.lacks, 0);
    assert_string_equal(buf_str(&found.problems), "");
    buf_release(&found.problems);
    sink_close(sink);
}

static void processes_may_set_up_at_once(void **state)
{
    struct schema wider;

    (void)state;
    set_up_at_once();
    kit_schema(&wider, "id:int!,name:varchar(20),more:int,other:text");
    kit_db.target.schema = &wider;
    kit_db.target.evolve = true;
    set_up_at_once();
    kit_db_sql("CREATE TEMP TABLE c (n CHECK (n = 2)); INSERT INTO c SELECT count(*) FROM sluice_check");
    schema_release(&wider);
}

/* Appends until the cache has spilled into the file, then dies without a word. */
static void die_in_a_load(void)
{
    enum { BATCHES = 400, ROWS = 4000 };
    struct err err = ERR_INIT;
    struct sink *sink = kit_db_sink(false);
    struct sink_load *load = kit_begin(sink, "run2");
    struct ledger_row row = kit_ledger("b", 0, "run2");
    struct batch *batch;
    int64_t stored;

    if (sink_ledger_insert(load, &row, 1, &err) || batch_new(&kit_db.schema, ROWS, 1024 * 1024, &batch, &err))
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
    struct sink *sink = kit_db_made();
    kit_load(sink, "a", "1|x\n");
    sink_close(sink);
    assert_int_equal(stat(kit_db.path, &before), 0);
    pid_t pid = fork();
    if (pid == 0)
        die_in_a_load();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(stat(kit_db.path, &after), 0);
    assert_true(after.st_size > before.st_size); /* rows of the dead are in the file */
    sink = kit_db_sink(true);                    /* a reader may clean up */
    assert_int_equal(kit_ledger_count(sink, &(struct ledger_query){0}), 1);
    assert_int_equal(kit_count(sink, 0), 1);
    sink_close(sink);
    kit_db_sql(
        "CREATE TEMP TABLE c (n CHECK (n = 'ok')); INSERT INTO c SELECT * FROM pragma_integrity_check");
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
    struct sink *reader = kit_db_sink(true);
    assert_int_equal(kit_db_open("suite.db", &kit_db.target, &clock.virtual.base, false, &writer, &ignored),
                     ERR_OK);
    struct sink_load *load = kit_begin(writer, "run2");
    struct ledger_row row = kit_ledger("b", 0, "run2");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &ignored), ERR_OK);
    assert_int_equal(kit_append(load, "3|x\n", row.id, &ignored), ERR_OK);
    assert_int_equal(batch_new(&kit_db.schema, 1, 100, &batch, &ignored), ERR_OK);
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
    struct sink *sink = kit_db_sink(false);
    struct sink_load *load = kit_begin(sink, "run2");
    struct batch *batch = kit_batch(&kit_db.schema, "");
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
    struct sink *sink = kit_db_made();
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
    struct sink *sink = kit_db_made();
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
        cmocka_unit_test_setup_teardown(processes_may_set_up_at_once, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(killed_writer_leaves_nothing, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(failed_write_leaves_nothing, kit_db_setup, kit_db_teardown),
        cmocka_unit_test_setup_teardown(commit_waits_for_a_reader, kit_db_setup, kit_db_teardown),
    };

    kit_db_begin();
    int failed = cmocka_run_group_tests_name("sink sqlite: processes", tests, NULL, NULL);
    kit_db_end();
    return failed;
}
