/*
 * test_sink_mysql: the suite over a MySQL or MariaDB server, by LOAD and by INSERT, and what only a server
 * can do wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql_internal.h"
#include "backends/registry.h"
#include "backends/sink_mem.h"
#include "core/base/mem.h"
#include "tests/conformance/sink_suite.h"
#include "tests/support/mysql_kit.h"
#include "tests/support/sink_kit.h"

static enum err_code open_suite(void *ctx, const struct sink_target *target, const struct clock *clock,
                                bool read_only, struct sink **out, struct err *err)
{
    return kit_mysql_open(target, clock, read_only, 0, ctx, out, err);
}

static void reset_suite(void *ctx)
{
    (void)ctx;
    kit_mysql_reset();
}

/* ---- what only a server can do ---- */

static struct schema schema;
static struct sink_target target;

static int setup(void **state)
{
    kit_mysql_reset();
    *state = NULL;
    target = (struct sink_target){.pipeline = "pipe",
                                  .table = "t",
                                  .schema = &schema,
                                  .lineage = LINEAGE_COLUMN,
                                  .lease_ms = KIT_LEASE_MS};
    return 0;
}

static struct sink *open_one(int64_t replaces, bool make)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    if (kit_mysql_open(&target, clock_real(), false, replaces, "", &sink, &err) ||
        (make && sink_setup(sink, NULL, &err)))
        fail_msg("%s", err.msg);
    return sink;
}

/* A lost connection's transaction is gone before its successor tries the same ledger row. */
static void a_replaced_connection_is_killed(void **state)
{
    struct err err = ERR_INIT;
    struct ledger_row row = kit_ledger("a", 0, "run1"), again = kit_ledger("a", 0, "run2");

    (void)state;
    struct sink *lost = open_one(0, true);
    assert_true(lost->connection_id > 0);
    struct sink_load *load = kit_begin(lost, "run1");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, "1|x\n", row.id, &err), ERR_OK);
    /* The same number before a restart of the server was somebody else's. */
    sink_close(open_one(lost->connection_id - (INT64_C(100) << 32), false));
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    struct sink *next = open_one(lost->connection_id, false);
    kit_load(next, again.object, "2|y\n");
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_TRANSIENT);
    assert_string_equal(err_name_text(err.name), "DB_LOST");
    sink_abort(load);
    sink_close(lost);
    kit_assert_rows(next, 0, "2|y\n");
    sink_close(open_one(INT64_C(2000000000), false)); /* nobody of that number: fine */
    sink_close(next);
}

/* A stopped worker's locks fall with its lease, not after the server's eight hours. */
static void locks_fall_with_the_lease(void **state)
{
    struct err err = ERR_INIT;
    struct ledger_row row = kit_ledger("a", 0, "run1");

    (void)state;
    target.lease_ms = 2000;
    struct sink *stopped = open_one(0, true);
    struct sink_load *load = kit_begin(stopped, "run1");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    struct sink *other = open_one(0, false);
    int64_t before = clock_mono_us(clock_real());
    kit_load(other, "a", "1|x\n"); /* waits for it */
    assert_true(clock_mono_us(clock_real()) - before < INT64_C(10000000));
    assert_int_not_equal(sink_commit(load, &err), ERR_OK);
    kit_assert_rows(other, 0, "1|x\n");
    sink_close(other);
    sink_close(stopped);
}

/* The server's limits on a silent session are the lease's, whatever its own are. */
static void the_session_knows_the_lease(void **state)
{
    static const struct {
        int64_t lease_ms;
        const char *variable;
        int64_t seconds;
    } CASES[] = {{60000, "wait_timeout", 60},      {60000, "net_read_timeout", 60},
                 {60000, "net_write_timeout", 60}, {7000, "wait_timeout", 7},
                 {7000, "net_read_timeout", 7},    {7900, "wait_timeout", 7},
                 {1000, "net_read_timeout", 2}};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char sql[128];
        struct err err = ERR_INIT;
        int64_t seconds;
        target.lease_ms = CASES[i].lease_ms;
        struct sink *sink = open_one(0, false);
        (void)!snprintf(sql, sizeof sql, "SELECT @@SESSION.%s", CASES[i].variable);
        struct bind b = mys_bind(mys_of(sink), sql, &err);
        assert_int_equal(mys_query_int(&b, "session", &seconds, &err), ERR_OK);
        assert_int_equal(seconds, CASES[i].seconds);
        sink_close(sink);
    }
}

/* Two loads that wait for each other: one goes on, the other may come again. */
struct half {
    struct sink_load *load;
    const char *rows;
    struct err err;
};

static void *append_half(void *arg)
{
    struct half *half = arg;

    (void)!kit_append(half->load, half->rows, 1, &half->err);
    return NULL;
}

static void a_deadlock_is_transient(void **state)
{
    size_t key[] = {0};
    pthread_t thread;

    (void)state;
    target.key = key;
    target.nkey = 1;
    struct sink *a = open_one(0, true), *b = open_one(0, false);
    struct half one = {kit_begin(a, "run1"), "1|x\n", ERR_INIT},
                two = {kit_begin(b, "run2"), "2|y\n", ERR_INIT};
    append_half(&one);
    append_half(&two);
    one.rows = "2|x\n";
    two.rows = "1|y\n";
    assert_int_equal(pthread_create(&thread, NULL, append_half, &one), 0);
    append_half(&two);
    sink_abort(two.load); /* where it was not the victim, the other's row is its duplicate */
    assert_int_equal(pthread_join(thread, NULL), 0);
    sink_abort(one.load);
    assert_true(err_is_transient(one.err.code) || err_is_transient(two.err.code));
    sink_close(a);
    sink_close(b);
}

static void *setup_one(void *arg)
{
    struct err err = ERR_INIT;

    if (sink_setup(arg, NULL, &err))
        (void)fprintf(stderr, "setup: %s\n", err.msg);
    return err.code ? arg : NULL;
}

static void several_may_set_up_at_once(void **state)
{
    enum { N = 4 };
    struct sink *sinks[N];
    pthread_t threads[N];

    (void)state;
    target.lineage = LINEAGE_INDEXED;
    for (int i = 0; i < N; i++)
        sinks[i] = open_one(0, false);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, setup_one, sinks[i]), 0);
    for (int i = 0; i < N; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        sink_close(sinks[i]);
    }
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM t_lineage"), 0);
}

static void several_may_evolve_at_once(void **state)
{
    enum { N = 4 };
    struct sink *sinks[N];
    pthread_t threads[N];
    struct schema wider;

    (void)state;
    sink_close(open_one(0, true));
    kit_schema(&wider, "id:int!,name:varchar(20),more:int,other:decimal(10;2)");
    target.schema = &wider;
    target.evolve = true;
    for (int i = 0; i < N; i++)
        sinks[i] = open_one(0, false);
    for (int i = 0; i < N; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, setup_one, sinks[i]), 0);
    for (int i = 0; i < N; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        sink_close(sinks[i]);
    }
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM sluice_check WHERE name = 'evolve'"), 2);
    /* The view shows them too. */
    assert_int_equal(kit_mysql_int("SELECT COUNT(more) + COUNT(other) FROM t_lineage"), 0);
    schema_release(&wider);
}

static void printed_ddl_evolves(void **state)
{
    struct err err = ERR_INIT;
    struct schema wider;
    struct buf ddl;

    (void)state;
    sink_close(open_one(0, true));
    kit_schema(&wider, "id:int!,name:varchar(20),more:int");
    target.schema = &wider;
    target.evolve = true;
    struct sink *sink = open_one(0, false);
    buf_init(&ddl, SINK_PROBLEMS_MAX);
    assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
    const char *alter = strstr(buf_str(&ddl), "ALTER TABLE `t` ADD COLUMN");
    assert_non_null(alter);
    const char *record = strstr(alter, "INSERT INTO sluice_check");
    assert_non_null(record);
    char sql[1024];
    (void)!snprintf(sql, sizeof sql, "%.*s", (int)strcspn(alter, ";"), alter);
    kit_mysql_sql(sql); /* what is printed is what is run */
    (void)!snprintf(sql, sizeof sql, "%.*s", (int)strcspn(record, ";"), record);
    kit_mysql_sql(sql);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    assert_int_equal(
        kit_mysql_int("SELECT COUNT(*) FROM sluice_check WHERE column_name = 'more' AND at_us > 0"), 1);
    buf_release(&ddl);
    sink_close(sink);
    schema_release(&wider);
}

static void setup_adds_the_index_and_refuses_newer(void **state)
{
    struct err err = ERR_INIT;
    struct sink_state found;
    struct buf ddl;

    (void)state;
    sink_close(open_one(0, true));
    target.lineage = LINEAGE_INDEXED;
    struct sink *sink = open_one(0, true);
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema ="
                                   " DATABASE() AND table_name = 't' AND column_name = '_load'"),
                     1);
    kit_mysql_sql("DROP TABLE sluice_check"); /* as version 2 had it */
    kit_mysql_sql("UPDATE sluice_schema SET version = 2");
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    assert_int_equal(kit_mysql_int("SELECT version FROM sluice_schema"), 3);
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM sluice_check"), 0);
    kit_mysql_sql("DROP TABLE sluice_check"); /* and version 1 */
    kit_mysql_sql("ALTER TABLE sluice_claim DROP COLUMN takeovers");
    kit_mysql_sql("UPDATE sluice_schema SET version = 1");
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    assert_int_equal(found.own, OWN_OLDER);
    buf_release(&found.problems);
    buf_init(&ddl, SINK_PROBLEMS_MAX); /* what is printed does it too */
    assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
    assert_non_null(strstr(buf_str(&ddl), "ALTER TABLE sluice_claim ADD COLUMN takeovers"));
    buf_clear(&ddl);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    assert_int_equal(kit_mysql_int("SELECT COUNT(takeovers) FROM sluice_claim"), 0);
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM sluice_check"), 0);
    assert_int_equal(sink_setup(sink, &ddl, &err), ERR_OK);
    assert_null(strstr(buf_str(&ddl), "ALTER"));
    buf_release(&ddl);
    kit_mysql_sql("UPDATE sluice_schema SET version = 1000");
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_CONFIG);
    assert_string_equal(err_name_text(err.name), "SCHEMA_NEWER");
    sink_close(sink);
}

/* What describe says of a table `t` made by this DDL; "" = nothing. */
static void assert_problem(const char *spec, const char *ddl, const char *word)
{
    struct err err = ERR_INIT;
    struct schema wanted;
    struct sink_state found;

    kit_schema(&wanted, spec);
    target.schema = &wanted;
    target.lineage = LINEAGE_NONE;
    kit_mysql_sql("DROP TABLE IF EXISTS t");
    kit_mysql_sql("DROP VIEW IF EXISTS t");
    kit_mysql_sql(ddl);
    struct sink *sink = open_one(0, false);
    assert_int_equal(sink_describe(sink, &found, &err), ERR_OK);
    if (!word[0])
        assert_string_equal(buf_str(&found.problems), "");
    else if (!strstr(buf_str(&found.problems), word))
        fail_msg("%s: \"%s\" and not %s", ddl, buf_str(&found.problems), word);
    buf_release(&found.problems);
    sink_close(sink);
    schema_release(&wanted);
    target.schema = &schema;
}

static void describe_knows_what_changes_values(void **state)
{
    (void)state;
    assert_problem("a:int,b:varchar(5)", "CREATE TABLE t (A BIGINT, B VARCHAR(5) CHARACTER SET utf8mb4)", "");
    assert_problem("a:int", "CREATE TABLE t (a SMALLINT)", "make it INT");
    assert_problem("a:int", "CREATE TABLE t (a INT UNSIGNED)", "unsigned");
    assert_problem("a:boolean", "CREATE TABLE t (a TINYINT UNSIGNED)", "");
    assert_problem("a:double", "CREATE TABLE t (a FLOAT)", "make it DOUBLE");
    assert_problem("a:double", "CREATE TABLE t (a DOUBLE(10,2))", "make it DOUBLE");
    assert_problem("a:decimal(10;2)", "CREATE TABLE t (a DECIMAL(12,4))", "");
    assert_problem("a:decimal(10;2)", "CREATE TABLE t (a DECIMAL(11,4))", "make it DECIMAL(10,2)");
    assert_problem("a:varchar(5)", "CREATE TABLE t (a VARCHAR(4) CHARACTER SET utf8mb4)", "VARCHAR(5)");
    assert_problem("a:varchar(5)", "CREATE TABLE t (a CHAR(5) CHARACTER SET utf8mb4)", "VARCHAR(5)");
    assert_problem("a:varchar(5)", "CREATE TABLE t (a VARCHAR(5) CHARACTER SET latin1)", "latin1");
    assert_problem("a:varchar(5)", "CREATE TABLE t (a LONGTEXT CHARACTER SET utf8mb4)", "");
    assert_problem("a:text", "CREATE TABLE t (a VARCHAR(5) CHARACTER SET utf8mb4)", "LONGTEXT");
    assert_problem("a:timestamp", "CREATE TABLE t (a DATETIME)", "DATETIME(6)");
    assert_problem("a:timestamp", "CREATE TABLE t (a DATETIME(3))", "DATETIME(6)");
    assert_problem("a:timestamp", "CREATE TABLE t (a TIMESTAMP(6) NULL)", "DATETIME(6)");
    assert_problem("a:date", "CREATE TABLE t (a DATETIME(6))", "DATE");
    assert_problem("a:int", "CREATE TABLE t (a INT NOT NULL)", "NOT NULL");
    assert_problem("a:int!", "CREATE TABLE t (a INT NOT NULL)", "");
    assert_problem("a:int", "CREATE TABLE t (a INT, b INT NOT NULL)", "column b");
    assert_problem("a:int", "CREATE TABLE t (a INT, b INT NOT NULL DEFAULT 1)", "");
    assert_problem("a:int", "CREATE TABLE t (a INT, b INT NOT NULL AUTO_INCREMENT PRIMARY KEY)", "");
    assert_problem("a:int", "CREATE TABLE t (b INT, a INT GENERATED ALWAYS AS (b + 1) VIRTUAL)", "generated");
    assert_problem("a:int", "CREATE TABLE t (a INT) ENGINE = MyISAM", "InnoDB");
    assert_problem("a:int", "CREATE VIEW t AS SELECT 1 AS a", "is a view");
}

/* Values that somebody else wrote. */
static void odd_values_are_marked(void **state)
{
    struct schema all;

    (void)state;
    kit_schema(&all, "b:boolean,t:tinyint,f:float,d:decimal(5;2),s:varchar(2),y:date,z:timestamp");
    target.schema = &all;
    struct sink *sink = open_one(0, false);
    kit_mysql_sql(
        "CREATE TABLE t (b INT, t INT, f DOUBLE, d DECIMAL(20,5), s VARCHAR(9) CHARACTER SET utf8mb4,"
        " y DATETIME, z DATE, _load BIGINT)");
    kit_mysql_sql("INSERT INTO t VALUES (1, 1, 1.5, 1, 'ab', NULL, NULL, 5),"
                  "(2, 300, 0.1, 1.005, 'abc', '2022-06-05', '2022-06-05', NULL)");
    char *rows = kit_rows(sink, 0, true);
    assert_string_equal(rows, "5:1|1|1.5|1.00|ab|\\N|\\N\n"
                              "?0:\\N|\\N|\\N|\\N|\\N|\\N|\\N\n");
    mem_free(rows);
    sink_close(sink);
    schema_release(&all);
    target.schema = &schema;
}

/* A table that changed behind our back: the server's word is the second net. */
static void the_server_may_not_change_a_value(void **state)
{
    static const char *const MORE[] = {"", "&load=insert"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        struct sink *sink;
        kit_mysql_reset();
        sink_close(open_one(0, true));
        assert_int_equal(kit_mysql_open(&target, clock_real(), false, 0, MORE[i], &sink, &err), ERR_OK);
        kit_mysql_sql("ALTER TABLE t MODIFY id TINYINT NOT NULL, MODIFY name VARCHAR(3) CHARACTER SET ascii");
        static const char *const ROWS[] = {"1|x\n2|x\n300|x\n", "1|x\n2|x\n3|long\n",
                                           "1|x\n2|x\n3|\xc3\xa9\n"};
        for (size_t k = 0; k < 3; k++) {
            struct sink_load *load = kit_begin(sink, "run1");
            assert_int_equal(kit_append(load, ROWS[k], 1, &err), ERR_DATA);
            assert_string_equal(err_name_text(err.name), "DB_VALUE");
            assert_int_equal(load->failed_row, 2);
            sink_abort(load);
            err_clear(&err);
        }
        kit_assert_rows(sink, 0, "");
        sink_close(sink);
    }
}

/* Without a text among them rows go as bytes; and what does not fit is refused all the same. */
static void rows_without_text_come_back(void **state)
{
    static const char ROWS[] =
        "0|9223372036854775807|1e+300|-0.01|9999-12-31|1970-01-01 00:00:00\n"
        "1|-9223372036854775808|-0.1|123456789.01|1969-12-31|2022-06-05 12:00:00.000001\n"
        "\\N|\\N|\\N|\\N|\\N|\\N\n";
    struct err err = ERR_INIT;
    struct schema numbers;

    (void)state;
    kit_schema(&numbers, "b:boolean,i:bigint,x:double,d:decimal(11;2),y:date,z:timestamp");
    target.schema = &numbers;
    struct sink *sink = open_one(0, true);
    kit_load(sink, "a", ROWS);
    kit_assert_rows(sink, 0, ROWS);
    kit_mysql_sql("DELETE FROM t");
    kit_mysql_sql("ALTER TABLE t MODIFY i SMALLINT");
    struct sink_load *load = kit_begin(sink, "run1");
    assert_int_equal(kit_append(load, "1|1|1|1|\\N|\\N\n1|40000|1|1|\\N|\\N\n", 1, &err), ERR_DATA);
    assert_int_equal(load->failed_row, 1);
    sink_abort(load);
    sink_close(sink);
    schema_release(&numbers);
    target.schema = &schema;
}

/* Texts longer than the room that a scan starts with, and than a packet's piece. */
static void put_long_rows(char *out, size_t len)
{
    memcpy(out, "1|", 2);
    memset(out + 2, 'x', len);
    memcpy(out + 2 + len, "\n2|y\n", 6);
}

static void long_texts_come_back(void **state)
{
    enum { LONG = 1000000 };
    char *rows = mem_calloc(1, LONG + 64);

    (void)state;
    assert_non_null(rows);
    struct schema wide;
    kit_schema(&wide, "id:int,s:text");
    target.schema = &wide;
    struct sink *sink = open_one(0, true);
    put_long_rows(rows, LONG);
    kit_load(sink, "a", rows);
    kit_assert_rows(sink, 0, rows);
    sink_close(sink);
    schema_release(&wide);
    target.schema = &schema;
    mem_free(rows);
}

static void mistakes_are_named(void **state)
{
    static const struct {
        const char *more;
        enum err_name name;
    } CASES[] = {{"&tls=maybe", ERRN_CONFIG},
                 {"&load=fast", ERRN_CONFIG},
                 {"&color=red", ERRN_CONFIG},
                 {"&tls-ca=/no/such/file", ERRN_NOT_FOUND},
                 {"&tls-ca=README.md", ERRN_DENIED} /* no certificate */,
                 {"&socket=/no/such/socket", ERRN_DB_LOST}};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct err err = ERR_INIT;
        struct sink *sink;
        (void)!kit_mysql_open(&target, clock_real(), false, 0, CASES[i].more, &sink, &err);
        assert_null(sink);
        assert_string_equal(err_name_text(err.name), err_name_text(CASES[i].name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(a_replaced_connection_is_killed, setup),
                                       cmocka_unit_test_setup(locks_fall_with_the_lease, setup),
                                       cmocka_unit_test_setup(the_session_knows_the_lease, setup),
                                       cmocka_unit_test_setup(a_deadlock_is_transient, setup),
                                       cmocka_unit_test_setup(several_may_set_up_at_once, setup),
                                       cmocka_unit_test_setup(several_may_evolve_at_once, setup),
                                       cmocka_unit_test_setup(printed_ddl_evolves, setup),
                                       cmocka_unit_test_setup(setup_adds_the_index_and_refuses_newer, setup),
                                       cmocka_unit_test_setup(describe_knows_what_changes_values, setup),
                                       cmocka_unit_test_setup(odd_values_are_marked, setup),
                                       cmocka_unit_test_setup(the_server_may_not_change_a_value, setup),
                                       cmocka_unit_test_setup(rows_without_text_come_back, setup),
                                       cmocka_unit_test_setup(long_texts_come_back, setup),
                                       cmocka_unit_test_setup(mistakes_are_named, setup)};
    static char by_load[] = "", by_insert[] = "&load=insert";
    const struct sink_suite suites[] = {{"sink mysql: local infile", open_suite, reset_suite, by_load},
                                        {"sink mysql: insert", open_suite, reset_suite, by_insert}};

    if (!kit_mysql_begin())
        return 0;
    int failed = sink_suite_run(&suites[0]);
    sink_mem_reset(); /* the random case's models */
    failed += sink_suite_run(&suites[1]);
    sink_mem_reset();
    kit_schema(&schema, "id:int!,name:varchar(20)");
    failed += cmocka_run_group_tests_name("sink mysql: its own", tests, NULL, NULL);
    schema_release(&schema);
    kit_mysql_end();
    return failed;
}
