/*
 * test_sink_mysql_preflight: what is said about a real server and a user of few rights before anything is
 * loaded. Each right is taken away once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/support/mysql_kit.h"
#include "tests/support/sink_kit.h"

#define USER     "sluice_few"
#define PASSWORD "Few-rights-1"
#define WHO      "'" USER "'@'127.0.0.1'"
#define TO       "TO " WHO

static struct schema schema;
static struct sink_target target;
static struct sink_preflight found;

static void sql(const char *format, ...) PRINTF_LIKE(1, 2);
static void sql(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)!vsnprintf(text, sizeof text, format, args);
    va_end(args);
    kit_mysql_root_sql(text);
}

static int setup(void **state)
{
    *state = NULL;
    kit_mysql_reset();
    sql("DROP USER IF EXISTS " WHO);
    sql("CREATE USER " WHO " IDENTIFIED BY '" PASSWORD "'");
    target = (struct sink_target){.pipeline = "pipe",
                                  .table = "t",
                                  .schema = &schema,
                                  .lineage = LINEAGE_COLUMN,
                                  .lease_ms = KIT_LEASE_MS};
    found = (struct sink_preflight){0};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sink_preflight_release(&found);
    sql("DROP USER IF EXISTS " WHO);
    return 0;
}

static void make_tables(void)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    if (kit_mysql_open(&target, clock_real(), false, 0, "", &sink, &err) || sink_setup(sink, NULL, &err))
        fail_msg("%s", err.msg);
    sink_close(sink);
}

static void look_as(const char *user, const char *password, bool creates, struct err *err)
{
    struct sink *sink;

    sink_preflight_release(&found);
    found = (struct sink_preflight){0};
    err_clear(err);
    if (kit_mysql_open_as(user, password, &target, &sink, err) == ERR_OK)
        (void)!sink_preflight(sink, creates, &found, err);
    sink_close(sink);
}

static void look(bool creates)
{
    struct err err = ERR_INIT;

    look_as(USER, PASSWORD, creates, &err);
    if (err.code)
        fail_msg("%s", err.msg);
    assert_string_equal(buf_str(&found.wrong), "");
}

static void assert_says(const struct buf *lines, const char *word)
{
    if (!strstr(buf_str(lines), word))
        fail_msg("\"%s\" has not %s", buf_str(lines), word);
}

/* The statement at the end of the one line, run as it stands, is all that was missing. */
static void follow(const char *word)
{
    const char *text = buf_str(&found.refused), *grant = strstr(text, "GRANT ");

    assert_says(&found.refused, word);
    assert_non_null(grant);
    assert_ptr_equal(strchr(text, '\n'), text + found.refused.len - 1);
    sql("%.*s", (int)strcspn(grant, "\n"), grant);
}

static void each_missing_right_has_its_grant(void **state)
{
    static const struct {
        const char *table, *right;
    } CASES[] = {{"t", "SELECT"},
                 {"t", "INSERT"},
                 {"t", "DELETE"},
                 {"sluice_load", "SELECT"},
                 {"sluice_load", "INSERT"},
                 {"sluice_load", "UPDATE"},
                 {"sluice_load", "DELETE"},
                 {"sluice_claim", "SELECT"},
                 {"sluice_claim", "INSERT"},
                 {"sluice_claim", "UPDATE"},
                 {"sluice_attempt", "SELECT"},
                 {"sluice_attempt", "INSERT"},
                 {"sluice_reject", "SELECT"},
                 {"sluice_reject", "INSERT"},
                 {"sluice_reject", "UPDATE"},
                 {"sluice_reject", "DELETE"},
                 {"sluice_check", "SELECT"},
                 {"sluice_check", "INSERT"},
                 {"sluice_check", "DELETE"},
                 {"sluice_schema", "SELECT"}};
    static const char *const TABLES[] = {
        "t",           "sluice_schema", "sluice_load", "sluice_claim", "sluice_attempt", "sluice_reject",
        "sluice_check"};
    char word[128];

    (void)state;
    make_tables();
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++)
        sql("GRANT SELECT, INSERT, UPDATE, DELETE ON `%s`.`%s` " TO, kit_mysql_name(), TABLES[i]);
    look(true); /* what is there is not made */
    assert_string_equal(buf_str(&found.refused), "");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        sql("REVOKE %s ON `%s`.`%s` FROM " WHO, CASES[i].right, kit_mysql_name(), CASES[i].table);
        look(false);
        (void)!snprintf(word, sizeof word, "lacks %s on table %s: GRANT %s ON `%s`.`%s` " TO, CASES[i].right,
                        CASES[i].table, CASES[i].right, kit_mysql_name(), CASES[i].table);
        follow(word);
    }
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
}

static void without_lineage_nothing_is_deleted(void **state)
{
    (void)state;
    target.lineage = LINEAGE_NONE;
    make_tables();
    sql("GRANT SELECT, INSERT, UPDATE ON `%s`.* " TO, kit_mysql_name());
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
    target.lineage = LINEAGE_COLUMN;
    look(false);
    assert_says(&found.refused, "lacks DELETE on table t");
    assert_says(&found.refused, "lacks DELETE on table sluice_load");
}

/* Nothing is made to find out. */
static void what_setup_needs_is_asked_where_it_will_run(void **state)
{
    (void)state;
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON `%s`.* " TO, kit_mysql_name());
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
    sql("REVOKE INSERT ON `%s`.* FROM " WHO, kit_mysql_name());
    look(true);
    follow("lacks INSERT, CREATE, CREATE VIEW, DROP on the database: GRANT INSERT, CREATE, CREATE VIEW, DROP "
           "ON `");
    look(true);
    assert_string_equal(buf_str(&found.refused), "");
    sql("REVOKE CREATE VIEW ON `%s`.* FROM " WHO, kit_mysql_name());
    look(true);
    assert_says(&found.refused, "lacks CREATE VIEW, DROP on the database");
    target.lineage = LINEAGE_NONE; /* no view */
    look(true);
    assert_string_equal(buf_str(&found.refused), "");
    assert_int_equal(
        kit_mysql_int("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"), 0);
}

/* A table that an older version does not have is made, and no GRANT can name it. */
static void an_upgrade_is_asked_for(void **state)
{
    static const char *const TABLES[] = {
        "t", "sluice_schema", "sluice_load", "sluice_claim", "sluice_attempt", "sluice_reject"};

    (void)state;
    target.lineage = LINEAGE_NONE;
    make_tables();
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++)
        sql("GRANT SELECT, INSERT, UPDATE ON `%s`.`%s` " TO, kit_mysql_name(), TABLES[i]);
    kit_mysql_sql("DROP TABLE sluice_check");
    kit_mysql_sql("UPDATE sluice_schema SET version = 2");
    look(true);
    follow("lacks SELECT, INSERT, CREATE on the database: GRANT SELECT, INSERT, CREATE ON `");
    look(true);
    assert_string_equal(buf_str(&found.refused), "");
}

/* Only where setup will alter the table that is there. */
static void what_evolve_alters_is_asked_for(void **state)
{
    struct schema wider;

    (void)state;
    make_tables();
    sql("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE VIEW, DROP ON `%s`.* " TO, kit_mysql_name());
    kit_schema(&wider, "id:int!,name:varchar(20),more:int");
    target.schema = &wider;
    look(true); /* freeze: a problem of the table's, and none of rights */
    assert_string_equal(buf_str(&found.refused), "");
    target.evolve = true;
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
    look(true);
    follow("lacks ALTER on table t: GRANT ALTER ON `");
    look(true);
    assert_string_equal(buf_str(&found.refused), "");
    assert_int_equal(kit_mysql_int("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema ="
                                   " DATABASE() AND table_name = 't'"),
                     3);
    schema_release(&wider);
}

/* A user who may log in to another database only, one of roles, of patterns, of columns. */
static void rights_count_however_they_are_given(void **state)
{
    const char *name = kit_mysql_name();

    (void)state;
    make_tables();
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON `%.*s\\_%%`.* " TO, (int)strcspn(name, "_"), name);
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
    sql("REVOKE SELECT, INSERT, UPDATE, DELETE ON `%.*s\\_%%`.* FROM " WHO, (int)strcspn(name, "_"), name);
    sql("DROP ROLE IF EXISTS sluice_role");
    sql("CREATE ROLE sluice_role");
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON `%s`.* TO sluice_role", name);
    sql("GRANT sluice_role " TO);
    sql(kit_mysql_is_mariadb() ? "SET DEFAULT ROLE sluice_role FOR " WHO
                               : "SET DEFAULT ROLE sluice_role " TO);
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
    sql("DROP ROLE sluice_role");
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON `%s`.sluice_load " TO, name);
    sql("GRANT SELECT, INSERT, UPDATE, DELETE ON `%s`.sluice_reject " TO, name);
    sql("GRANT SELECT, INSERT, UPDATE ON `%s`.sluice_claim " TO, name);
    sql("GRANT SELECT, INSERT ON `%s`.sluice_attempt " TO, name);
    sql("GRANT SELECT, INSERT, DELETE ON `%s`.sluice_check " TO, name);
    sql("GRANT SELECT ON `%s`.sluice_schema " TO, name);
    sql("GRANT SELECT, DELETE, INSERT (id, name) ON `%s`.t " TO, name);
    look(false);
    assert_says(&found.refused, "lacks INSERT on table t"); /* into _load */
    sql("GRANT INSERT (_load) ON `%s`.t " TO, name);
    look(false);
    assert_string_equal(buf_str(&found.refused), "");
}

/* A server that takes no writes, and the user whom it lets write all the same. */
static void a_read_only_server_is_named(void **state)
{
    const char *root = getenv("SLUICE_TEST_MYSQL_ROOT_USER"),
               *password = getenv("SLUICE_TEST_MYSQL_ROOT_PASSWORD");
    bool mariadb = kit_mysql_is_mariadb();
    struct err err = ERR_INIT;

    (void)state;
    make_tables();
    sql("GRANT ALL ON `%s`.* " TO, kit_mysql_name());
    sql("SET GLOBAL read_only = ON");
    look_as(USER, PASSWORD, false, &err);
    struct err refused = err;
    look_as(root, password, false, &err);
    struct err privileged = err;
    if (!mariadb)
        sql("SET GLOBAL super_read_only = ON");
    look_as(root, password, false, &err);
    struct err super = err;
    sql("SET GLOBAL read_only = OFF");
    sql(mariadb ? "SET GLOBAL tx_read_only = ON" : "SET GLOBAL transaction_read_only = ON");
    look_as(USER, PASSWORD, false, &err);
    struct err transaction = err;
    sql("SET SESSION TRANSACTION READ WRITE"); /* (a connection of its own: no matter) */
    sql(mariadb ? "SET GLOBAL tx_read_only = OFF" : "SET GLOBAL transaction_read_only = OFF");
    assert_string_equal(err_name_text(refused.name), "READ_ONLY");
    assert_non_null(strstr(refused.msg, "takes no writes"));
    assert_string_equal(privileged.msg, "");
    assert_string_equal(err_name_text(super.name), mariadb ? "NONE" : "READ_ONLY");
    assert_string_equal(err_name_text(transaction.name), "READ_ONLY");
    assert_non_null(strstr(transaction.msg, "read_only = OFF"));
}

static void the_fallback_is_said(void **state)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    (void)state;
    make_tables();
    sql("GRANT ALL ON `%s`.* " TO, kit_mysql_name());
    look(false);
    assert_null(strstr(buf_str(&found.warnings), "local_infile"));
    assert_null(strstr(buf_str(&found.warnings), "max_allowed_packet"));
    sql("SET GLOBAL local_infile = OFF");
    int64_t packet = kit_mysql_int("SELECT @@GLOBAL.max_allowed_packet");
    sql("SET GLOBAL max_allowed_packet = 1048576");
    look(false);
    sink_preflight_release(&found);
    found = (struct sink_preflight){0};
    if (kit_mysql_open(&target, clock_real(), false, 0, "", &sink, &err) == ERR_OK)
        (void)!sink_preflight(sink, false, &found, &err);
    const char *method = sink ? sink->caps.load_method : "";
    struct sink_preflight meant;
    struct sink *second;
    if (kit_mysql_open(&target, clock_real(), false, 0, "&load=insert", &second, &err) == ERR_OK)
        (void)!sink_preflight(second, false, &meant, &err);
    sql("SET GLOBAL local_infile = ON");
    sql("SET GLOBAL max_allowed_packet = %lld", (long long)packet);
    assert_string_equal(err.msg, "");
    assert_string_equal(method, "insert");
    assert_says(&found.warnings, "local_infile is off");
    assert_says(&found.warnings, "SET GLOBAL local_infile = ON");
    assert_says(&found.warnings, "max_allowed_packet is about 1024 KiB");
    assert_null(strstr(buf_str(&meant.warnings), "local_infile")); /* it was asked for */
    sink_preflight_release(&meant);
    sink_close(second);
    sink_close(sink);
}

static void own_tables_must_roll_back(void **state)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    (void)state;
    make_tables();
    kit_mysql_sql("ALTER TABLE sluice_attempt ENGINE = MyISAM");
    assert_int_equal(kit_mysql_open(&target, clock_real(), true, 0, "", &sink, &err), ERR_OK);
    assert_int_equal(sink_preflight(sink, false, &found, &err), ERR_OK);
    sink_close(sink);
    assert_says(&found.wrong, "table sluice_attempt is kept by MyISAM");
    assert_says(&found.wrong, "ALTER TABLE sluice_attempt ENGINE = InnoDB");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(each_missing_right_has_its_grant),
                                       TEST(without_lineage_nothing_is_deleted),
                                       TEST(what_setup_needs_is_asked_where_it_will_run),
                                       TEST(an_upgrade_is_asked_for),
                                       TEST(what_evolve_alters_is_asked_for),
                                       TEST(rights_count_however_they_are_given),
                                       TEST(a_read_only_server_is_named),
                                       TEST(the_fallback_is_said),
                                       TEST(own_tables_must_roll_back)};
#undef TEST

    if (!kit_mysql_begin())
        return 0;
    if (!getenv("SLUICE_TEST_MYSQL_ROOT_USER")) {
        (void)!printf("SKIP-SERVER: SLUICE_TEST_MYSQL_ROOT_USER names nobody; run under ci/with-mysql.sh\n");
        kit_mysql_end();
        return 0;
    }
    kit_schema(&schema, "id:int!,name:varchar(20)");
    int failed = cmocka_run_group_tests_name("sink mysql: preflight", tests, NULL, NULL);
    schema_release(&schema);
    kit_mysql_end();
    return failed;
}
