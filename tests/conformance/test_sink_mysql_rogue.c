/*
 * test_sink_mysql_rogue: servers that ask for files they were not offered, die, or answer COMMIT with
 * silence; clusters and proxies as their settings show them.
 *
 * Over a scripted server, so it runs everywhere. A file with a secret stands ready to be stolen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "backends/registry.h"
#include "tests/support/scripted_mysql.h"
#include "tests/support/sink_kit.h"

#define SECRETS "/etc/passwd"

static struct schema schema;

static enum err_code open_at(int port, bool read_only, struct sink **out, struct err *err)
{
    char url[64];
    struct sink_open args = {
        .url = url,
        .clock = clock_real(),
        .read_only = read_only,
        .user = "me",
        .password = "p\xc3\xa4ss",
        .target = {.pipeline = "p", .table = "t", .schema = &schema, .lease_ms = KIT_LEASE_MS}};

    (void)!snprintf(url, sizeof url, "mysql://127.0.0.1:%d/db", port);
    return registry_open_sink(&args, out, err);
}

/* A load of two rows, as far as it goes. */
static void try_load(struct sink *sink, struct err *err)
{
    struct sink_begin begin = {KIT_HOUR, "me", 1, "run1"};
    struct sink_load *load = NULL;
    struct batch *batch = kit_batch(&schema, "1|secret\n2|x\n");
    struct sink_segment segment = {0, 2, 5};
    int64_t stored;

    if (sink_begin(sink, &begin, &load, err) == ERR_OK &&
        sink_append(load, batch, &segment, 1, &stored, err) == ERR_OK) {
        (void)!sink_commit(load, err);
        load = NULL;
    }
    sink_abort(load);
    batch_free(batch);
}

/* What a server by this plan gets in the place of a file. */
static size_t stolen(const struct scripted_plan *plan, bool read_only, char out[SCRIPTED_SENT_MAX],
                     struct err *err)
{
    struct sink *sink = NULL;
    struct sink_state state = {0};
    struct sink_preflight found;
    int port;
    struct scripted_mysql *server = scripted_mysql_start(plan, &port);

    if (open_at(port, read_only, &sink, err) == ERR_OK) {
        if (read_only) {
            if (sink_preflight(sink, true, &found, err) == ERR_OK)
                (void)!sink_describe(sink, &state, err);
            buf_release(&state.problems);
            sink_preflight_release(&found);
        } else {
            try_load(sink, err);
        }
    }
    sink_close(sink);
    return scripted_mysql_stop(server, out);
}

static void nothing_leaves(void **state)
{
    static const struct scripted_plan PLANS[] = {
        {.ask_at_login = true, .file = SECRETS},
        {.ask_after = "SET NAMES", .file = SECRETS},
        {.ask_after = "SET SESSION TRANSACTION", .file = SECRETS},
        {.ask_after = "SET SESSION autocommit", .file = SECRETS, .ask_times = 3},
        {.ask_after = "SELECT CONNECTION_ID", .file = SECRETS},
        {.ask_after = "SELECT", .file = SECRETS},
        {.ask_after = "SHOW", .file = SECRETS},
        {.ask_after = "SAVEPOINT", .file = SECRETS},
        {.ask_after = "LOAD DATA", .file = SECRETS},
        {.ask_after = "LOAD DATA", .file = "sluice-"},
        {.ask_after = "LOAD DATA", .file = ""},
        {.ask_after = "ROLLBACK", .file = SECRETS},
        {.ask_after = "COMMIT", .file = SECRETS},
        {.ask_after = "UPDATE", .file = SECRETS},
    };
    char out[SCRIPTED_SENT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof PLANS / sizeof *PLANS; i++)
        for (int read_only = 0; read_only < 2; read_only++) {
            struct err err = ERR_INIT;
            assert_int_equal(stolen(&PLANS[i], read_only, out, &err), 0);
            assert_null(strstr(err.msg, "p\xc3\xa4ss"));
        }
}

static void asking_is_named(void **state)
{
    static const struct scripted_plan PLAN = {.ask_after = "LOAD DATA", .file = SECRETS};
    char out[SCRIPTED_SENT_MAX];
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(stolen(&PLAN, false, out, &err), 0);
    assert_string_equal(err_name_text(err.name), "DENIED");
    assert_non_null(strstr(err.msg, "local file"));
}

/* The one name that was armed gives the rows, once. */
static void a_token_serves_once(void **state)
{
    static const struct scripted_plan ONCE = {.ask_after = "LOAD DATA"},
                                      TWICE = {.ask_after = "LOAD DATA", .ask_times = 2};
    char out[SCRIPTED_SENT_MAX];
    struct err err = ERR_INIT;

    (void)state;
    size_t n = stolen(&ONCE, false, out, &err);
    assert_int_equal(n, strlen("1\tsecret\n2\tx\n"));
    assert_memory_equal(out, "1\tsecret\n2\tx\n", n);
    err_clear(&err);
    assert_int_equal(stolen(&TWICE, false, out, &err), n); /* the second time nothing more */
    assert_int_not_equal(err.code, ERR_OK);
}

static void lost_answers_are_judged_by_the_statement(void **state)
{
    static const struct {
        struct scripted_plan plan;
        const char *name;
    } CASES[] = {
        {{.die_after = "SAVEPOINT"}, "DB_LOST"},
        {{.die_after = "LOAD DATA"}, "DB_LOST"},
        {{.error_after = "SAVEPOINT", .error_code = 1213}, "DB_BUSY"},
        {{.error_after = "SAVEPOINT", .error_code = 1205}, "DB_BUSY"},
        {{.error_after = "SAVEPOINT", .error_code = 1290}, "DB_LOST"},
        {{.error_after = "SAVEPOINT", .error_code = 1836}, "DB_LOST"},
        {{.error_after = "SAVEPOINT", .error_code = 1053}, "DB_LOST"},
        {{.error_after = "SAVEPOINT", .error_code = 1142}, "DENIED"},
        {{.error_after = "SET SESSION", .error_code = 1045}, "DENIED"},
    };
    char out[SCRIPTED_SENT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct err err = ERR_INIT;
        stolen(&CASES[i].plan, false, out, &err);
        assert_string_equal(err_name_text(err.name), CASES[i].name);
    }
}

/* A commit after nothing but the fence, which matches no row here: so the fence is made to match by OK. */
static enum err_name commit_by(const struct scripted_plan *plan)
{
    char out[SCRIPTED_SENT_MAX];
    struct err err = ERR_INIT;
    struct sink *sink;
    struct sink_begin begin = {KIT_HOUR, "me", 1, "run1"};
    struct sink_load *load;
    int port;
    struct scripted_mysql *server = scripted_mysql_start(plan, &port);

    assert_int_equal(open_at(port, false, &sink, &err), ERR_OK);
    assert_int_equal(sink_begin(sink, &begin, &load, &err), ERR_OK);
    (void)!sink_commit(load, &err);
    sink_close(sink);
    (void)scripted_mysql_stop(server, out);
    return err.name;
}

static void only_a_lost_commit_is_in_doubt(void **state)
{
    static const struct {
        struct scripted_plan plan;
        enum err_name name;
    } CASES[] = {
        {{.matched = 1}, ERRN_NONE},
        {{.matched = 0}, ERRN_FENCED},
        {{.matched = 1, .die_after = "COMMIT"}, ERRN_DB_IN_DOUBT},
        {{.matched = 1, .error_after = "COMMIT", .error_code = 1053}, ERRN_DB_IN_DOUBT},
        {{.matched = 1, .error_after = "COMMIT", .error_code = 1180}, ERRN_DB_IN_DOUBT},
        {{.matched = 1, .error_after = "COMMIT", .error_code = 1213}, ERRN_DB_BUSY},
        {{.matched = 1, .error_after = "COMMIT", .error_code = 1290}, ERRN_DB_LOST},
        {{.matched = 1, .die_after = "UPDATE"}, ERRN_DB_LOST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_string_equal(err_name_text(commit_by(&CASES[i].plan)), err_name_text(CASES[i].name));
}

/* ---- checks ---- */

struct checked {
    enum err_name name;
    int64_t rows;
    char first[64];
    enum err_name next; /* of a statement after it */
    size_t sent;
};

static struct checked check_by(const struct scripted_plan *plan)
{
    char out[SCRIPTED_SENT_MAX];
    struct err err = ERR_INIT, later = ERR_INIT;
    struct checked said = {0};
    struct sink_begin begin = {KIT_HOUR, "me", 1, "run1"};
    struct sink_load *load;
    struct sink *sink;
    struct buf first;
    int port;
    struct scripted_mysql *server = scripted_mysql_start(plan, &port);

    buf_init(&first, SINK_CHECK_TEXT_MAX);
    assert_int_equal(open_at(port, false, &sink, &err), ERR_OK);
    assert_int_equal(sink_begin(sink, &begin, &load, &err), ERR_OK);
    said.name = sink_check_sql(load, "SELECT five FROM {table}", &said.rows, &first, &err) ? err.name
                                                                                           : ERRN_NONE;
    (void)!snprintf(said.first, sizeof said.first, "%s", buf_str(&first));
    sink_abort(load);
    said.next = sink_keep(sink, &later) ? later.name : ERRN_NONE;
    sink_close(sink);
    buf_release(&first);
    said.sent = scripted_mysql_stop(server, out);
    return said;
}

static void a_check_gives_nothing_away(void **state)
{
    static const char *const five[] = {"5", "6", NULL};
    static const struct {
        struct scripted_plan plan;
        enum err_name name, next;
    } CASES[] = {
        {{.results = {{"SELECT five", 1, five}}}, ERRN_NONE, ERRN_NONE},
        {{.ask_after = "SELECT five", .file = SECRETS}, ERRN_DENIED, ERRN_DB_LOST},
        {{.ask_after = "SELECT five", .file = ""}, ERRN_DENIED, ERRN_DB_LOST},
        {{.ask_after = "SET SESSION sql_select_limit", .file = SECRETS}, ERRN_DENIED, ERRN_DB_LOST},
        {{.die_after = "SELECT five"}, ERRN_DB_LOST, ERRN_DB_LOST},
        {{.error_after = "SELECT five", .error_code = 1054}, ERRN_CONFIG, ERRN_NONE},
        {{.error_after = "SELECT five", .error_code = 1142}, ERRN_DENIED, ERRN_NONE},
        {{.error_after = "SELECT five", .error_code = 1213}, ERRN_DB_BUSY, ERRN_NONE},
        /* What is read from here on could be cut. */
        {{.error_after = "SET SESSION sql_select_limit = DEFAULT",
          .error_code = 1231,
          .results = {{"SELECT five", 1, five}}},
         ERRN_DB,
         ERRN_DB_LOST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct checked said = check_by(&CASES[i].plan);
        if (said.name != CASES[i].name || said.next != CASES[i].next || said.sent != 0)
            fail_msg("case %zu: %s, then %s, %zu bytes given away", i, err_name_text(said.name),
                     err_name_text(said.next), said.sent);
        if (i == 0) {
            assert_int_equal(said.rows, 2);
            assert_string_equal(said.first, "c=5");
        }
    }
    static const struct scripted_plan PREPARE = {.ask_at_prepare = true, .file = SECRETS};
    struct checked said = check_by(&PREPARE);
    assert_int_equal(said.sent, 0);
    assert_int_not_equal(said.name, ERRN_NONE);
}

/* ---- clusters and proxies, which no test here has ---- */

static void look(const struct scripted_plan *plan, struct sink_preflight *found)
{
    char out[SCRIPTED_SENT_MAX];
    struct err err = ERR_INIT;
    struct sink *sink;
    int port;
    struct scripted_mysql *server = scripted_mysql_start(plan, &port);

    if (open_at(port, true, &sink, &err) || sink_preflight(sink, false, found, &err))
        fail_msg("%s", err.msg);
    sink_close(sink);
    (void)scripted_mysql_stop(server, out);
}

#define GOOD_SESSION                                                                                         \
    {                                                                                                        \
        "SELECT @@SESSION.sql_mode", 3, session                                                              \
    }

static void limits_of_clusters_are_said(void **state)
{
    static const char *const session[] = {"STRICT_ALL_TABLES,NO_ZERO_DATE", "+00:00", "0", NULL};
    static const char *const galera[] = {"wsrep_on",
                                         "ON",
                                         "wsrep_load_data_splitting",
                                         "ON",
                                         "wsrep_max_ws_rows",
                                         "131072",
                                         "wsrep_max_ws_size",
                                         "2147483647",
                                         "innodb_read_only",
                                         "OFF",
                                         NULL};
    static const char *const calm[] = {
        "wsrep_on", "ON", "wsrep_load_data_splitting", "OFF", "wsrep_max_ws_rows", "0", NULL};
    static const char *const single[] = {
        "wsrep_on", "OFF", "wsrep_load_data_splitting", "ON", "wsrep_max_ws_rows", "131072", NULL};
    static const char *const group[] = {"group_replication_transaction_size_limit", "150000000", NULL};
    static const struct {
        struct scripted_plan plan;
        const char *wrong, *warned[2];
    } CASES[] = {{{.results = {{"SHOW GLOBAL", 2, galera}, GOOD_SESSION}},
                  "wsrep_load_data_splitting = OFF",
                  {"131072 rows", "2147483647 bytes"}},
                 {{.results = {{"SHOW GLOBAL", 2, calm}, GOOD_SESSION}}, NULL, {NULL}},
                 {{.results = {{"SHOW GLOBAL", 2, single}, GOOD_SESSION}}, NULL, {NULL}},
                 {{.results = {{"SHOW GLOBAL", 2, group}, GOOD_SESSION}},
                  NULL,
                  {"150000000 bytes (group_replication", "commit_unit: chunk"}}};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct sink_preflight found;
        look(&CASES[i].plan, &found);
        assert_int_equal(strstr(buf_str(&found.wrong), "wsrep") != NULL, CASES[i].wrong != NULL);
        if (CASES[i].wrong)
            assert_non_null(strstr(buf_str(&found.wrong), CASES[i].wrong));
        for (int k = 0; k < 2; k++)
            if (CASES[i].warned[k])
                assert_non_null(strstr(buf_str(&found.warnings), CASES[i].warned[k]));
        if (!CASES[i].warned[0])
            assert_string_equal(buf_str(&found.warnings), "");
        sink_preflight_release(&found);
    }
}

/* A proxy that answers SET SESSION itself. */
static void a_session_that_is_not_ours_is_refused(void **state)
{
    static const char *const none[] = {NULL};
    static const char *const SESSIONS[][4] = {{"STRICT_ALL_TABLES", "+00:00", "0", NULL},
                                              {"STRICT_TRANS_TABLES", "+00:00", "0", NULL},
                                              {"STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES", "+00:00", "0", NULL},
                                              {"STRICT_ALL_TABLES", "SYSTEM", "0", NULL},
                                              {"STRICT_ALL_TABLES", "+00:00", "1", NULL}};

    (void)state;
    for (size_t i = 0; i < sizeof SESSIONS / sizeof *SESSIONS; i++) {
        struct scripted_plan plan = {
            .results = {{"SHOW GLOBAL", 2, none}, {"SELECT @@SESSION.sql_mode", 3, SESSIONS[i]}}};
        struct sink_preflight found;
        look(&plan, &found);
        assert_int_equal(strstr(buf_str(&found.wrong), "the session is not as it was set") != NULL, i > 0);
        sink_preflight_release(&found);
    }
}

static void a_server_whose_engine_is_read_only_is_named(void **state)
{
    static const char *const reader[] = {"innodb_read_only", "ON", NULL};
    const struct scripted_plan plan = {.results = {{"SHOW GLOBAL", 2, reader}}};
    char out[SCRIPTED_SENT_MAX];
    struct sink_preflight found;
    struct err err = ERR_INIT;
    struct sink *sink;
    int port;

    (void)state;
    struct scripted_mysql *server = scripted_mysql_start(&plan, &port);
    assert_int_equal(open_at(port, true, &sink, &err), ERR_OK);
    assert_int_equal(sink_preflight(sink, false, &found, &err), ERR_DENIED);
    assert_string_equal(err_name_text(err.name), "READ_ONLY");
    sink_preflight_release(&found);
    sink_close(sink);
    (void)scripted_mysql_stop(server, out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves),
        cmocka_unit_test(asking_is_named),
        cmocka_unit_test(a_token_serves_once),
        cmocka_unit_test(lost_answers_are_judged_by_the_statement),
        cmocka_unit_test(only_a_lost_commit_is_in_doubt),
        cmocka_unit_test(a_check_gives_nothing_away),
        cmocka_unit_test(limits_of_clusters_are_said),
        cmocka_unit_test(a_session_that_is_not_ours_is_refused),
        cmocka_unit_test(a_server_whose_engine_is_read_only_is_named),
    };

    kit_schema(&schema, "id:int,name:text");
    int failed = cmocka_run_group_tests_name("sink mysql: rogue servers", tests, NULL, NULL);
    schema_release(&schema);
    return failed;
}
