/* test_check_template: what is put in, what is refused as no query, and the text of a first row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/sink/check_template.h"
#include "core/sink/sink.h"

static enum err_code put(void *ctx, enum check_word word, struct buf *sql, struct err *err)
{
    static const char *const WORDS[] = {"T", "(1, 2)", "'H'"};

    if (ctx)
        return err_set(err, ERRN_DB_LOST, "cannot put it");
    return buf_append_str(sql, WORDS[word], err);
}

static void assert_sql(const char *template, const char *want)
{
    struct err err = ERR_INIT;
    struct buf sql;

    buf_init(&sql, 4096);
    if (check_template_expand(template, put, NULL, &sql, &err))
        fail_msg("%s: %s", template, err.msg);
    assert_string_equal(buf_str(&sql), want);
    assert_int_equal(check_template_verify(template, &err), ERR_OK);
    buf_release(&sql);
}

static void assert_refused(const char *template, const char *why)
{
    struct err err = ERR_INIT, again = ERR_INIT;
    struct buf sql;

    buf_init(&sql, 4096);
    assert_int_equal(check_template_expand(template, put, NULL, &sql, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_CONFIG);
    if (!strstr(err.msg, why))
        fail_msg("%s: %s", template, err.msg);
    assert_int_equal(check_template_verify(template, &again), ERR_CONFIG);
    assert_string_equal(again.msg, err.msg);
    buf_release(&sql);
}

static void words_are_put_in(void **state)
{
    (void)state;
    assert_sql("SELECT 1 FROM {table} WHERE _load IN {loads} AND h = {hour}",
               "SELECT 1 FROM T WHERE _load IN (1, 2) AND h = 'H'");
    assert_sql("select '{{\"a\": 1}', {{ from {table}.x", "select '{\"a\": 1}', { from T.x");
    assert_sql("SELECT 1", "SELECT 1");
    assert_sql(" \n WITH a AS (SELECT 1) SELECT * FROM a ; \t",
               " \n WITH a AS (SELECT 1) SELECT * FROM a  \t");
    assert_sql("(SELECT 1) UNION (SELECT 2)", "(SELECT 1) UNION (SELECT 2)");
    assert_sql("VALUES (1)", "VALUES (1)");
    assert_sql("TABLE {table}", "TABLE T");
    assert_refused("SELECT {Table}", "unknown name");
    assert_refused("SELECT {table", "unknown name");
    assert_refused("SELECT {}", "unknown name");
    assert_refused("SELECT {hours}", "unknown name");
    assert_refused("SELECT '{hour}'", "their own quotes");
    assert_refused("SELECT \"{table}\".a", "their own quotes");
    assert_refused("SELECT '{x}'", "unknown name");
}

static void quotes_and_comments_are_left_alone(void **state)
{
    (void)state;
    assert_sql("SELECT 'it''s; DELETE INTO --', \"a\"\"b#$\", `c``d` FROM t",
               "SELECT 'it''s; DELETE INTO --', \"a\"\"b#$\", `c``d` FROM t");
    assert_sql("SELECT 1 -- DELETE; {x} 'it\n, 2 /* INTO ' {y} */ FROM t --",
               "SELECT 1 -- DELETE; {x} 'it\n, 2 /* INTO ' {y} */ FROM t --");
    assert_sql("/*+ hint */ SELECT 1 /**/", "/*+ hint */ SELECT 1 /**/");
    assert_sql("SELECT 'a\\\\', 'b\\n', `c\\` FROM t", "SELECT 'a\\\\', 'b\\n', `c\\` FROM t");
    assert_sql("SELECT 1 - -1, updated, deleted_at, into_x, share FROM t -- \xc3\xa9\xc3\xa9",
               "SELECT 1 - -1, updated, deleted_at, into_x, share FROM t -- \xc3\xa9\xc3\xa9");
    assert_sql("SELECT REPLACE(a, 'x', 'y'), INSERT(a, 1, 1, 'b') FROM t", /* functions */
               "SELECT REPLACE(a, 'x', 'y'), INSERT(a, 1, 1, 'b') FROM t");
}

static void what_is_no_query_is_refused(void **state)
{
    static const char *const NO_QUERY[] = {"INSERT INTO t VALUES (1)",
                                           "delete from t",
                                           "UPDATE t SET a = 1",
                                           "REPLACE INTO t VALUES (1)",
                                           "CALL p()",
                                           "DROP TABLE t",
                                           "LOAD DATA INFILE ''",
                                           "PRAGMA x",
                                           "ATTACH 'x' AS y",
                                           "BEGIN",
                                           "COMMIT",
                                           "EXPLAIN SELECT 1",
                                           "'SELECT'",
                                           "1",
                                           "{table}",
                                           "((DELETE FROM t))",
                                           "SELECTS 1",
                                           "\xc3\xa9",
                                           "HANDLER t OPEN",
                                           "DO 1"};

    (void)state;
    for (size_t i = 0; i < sizeof NO_QUERY / sizeof *NO_QUERY; i++)
        assert_refused(NO_QUERY[i], "a query that begins with");
    assert_refused("", "no statement");
    assert_refused(" -- only\n/* comments */ ", "no statement");
    assert_refused(";", "no statement");
    assert_refused("(", "no statement");
}

static void what_writes_or_locks_is_refused(void **state)
{
    static const char *const WRITES[] = {"SELECT 1 INTO @x",
                                         "SELECT 1 into outfile 'x'",
                                         "SELECT 1.INTO @x",
                                         "WITH a AS (SELECT 1) DELETE FROM t",
                                         "WITH a AS (SELECT 1) UPDATE t SET b = 1",
                                         "WITH a AS (SELECT 1) INSERT INTO t SELECT 1",
                                         "WITH a AS (DELETE FROM t RETURNING b) SELECT * FROM a",
                                         "SELECT a FROM t FOR UPDATE",
                                         "SELECT a FROM t FOR /* x */ SHARE",
                                         "SELECT a FROM t LOCK IN share mode",
                                         "SELECT 'a'INTO @x"};

    (void)state;
    for (size_t i = 0; i < sizeof WRITES / sizeof *WRITES; i++)
        assert_refused(WRITES[i], "only reads");
    assert_refused("SELECT 1; SELECT 2", "one statement");
    assert_refused("SELECT 1;;", "one statement");
    assert_refused("SELECT 1; -- x\n DROP TABLE t", "one statement");
}

static void what_databases_read_differently_is_refused(void **state)
{
    (void)state;
    assert_refused("SELECT 'a\\' INTO @x -- '", "backslash");
    assert_refused("SELECT \"a\\\" \"", "backslash");
    assert_refused("SELECT 'a\\\\\\''", "backslash");
    assert_refused("SELECT 1--1", "-- without a space");
    assert_refused("SELECT 1 # don't\n INTO @x", "# and $");
    assert_refused("SELECT $$'$$ INTO @x", "# and $");
    assert_refused("SELECT 1 /*! INTO @x */", "some databases run");
    assert_refused("SELECT 1 /*M!100100 INTO @x */", "some databases run");
    assert_refused("SELECT 'it", "a quote is not closed");
    assert_refused("SELECT `a", "a quote is not closed");
    assert_refused("SELECT 1 /* x", "a comment is not closed");
    assert_refused("SELECT 1 /*/", "a comment is not closed");
}

static void failure_to_put_is_handed_on(void **state)
{
    struct err err = ERR_INIT;
    struct buf sql;
    int ctx = 1;

    (void)state;
    buf_init(&sql, 4096);
    assert_int_equal(check_template_expand("SELECT {hour}", put, &ctx, &sql, &err), ERR_TRANSIENT);
    assert_int_equal(err.name, ERRN_DB_LOST);
    buf_release(&sql);
    err_clear(&err);
    buf_init(&sql, 5); /* no room */
    assert_int_equal(check_template_expand("SELECT {hour}", put, NULL, &sql, &err), ERR_NOMEM);
    buf_release(&sql);
}

/* ---- the first row ---- */

static void a_row_is_told_in_words(void **state)
{
    struct err err = ERR_INIT;
    struct buf first;

    (void)state;
    buf_init(&first, SINK_CHECK_TEXT_MAX);
    assert_int_equal(check_put_cell(&first, "id", "7", 1, &err), ERR_OK);
    assert_int_equal(check_put_cell(&first, "name", NULL, 0, &err), ERR_OK);
    assert_int_equal(check_put_cell(&first, "empty", "", 0, &err), ERR_OK);
    assert_int_equal(check_put_cell(&first, "bytes", "\xff\xfe\x00", 3, &err), ERR_OK);
    assert_int_equal(check_put_cell(&first, "li\nne", "a\tb\x7f", 4, &err), ERR_OK);
    assert_int_equal(check_put_cell(&first, "\xff", "\xc3\xa9", 2, &err), ERR_OK);
    assert_string_equal(buf_str(&first), "id=7, name=NULL, empty=, bytes=(3 bytes), li ne=a b , ?=\xc3\xa9");
    buf_release(&first);
}

/* Whatever the lengths: never over the maximum, marked once where something is left out, whole characters. */
static void a_long_row_is_cut(void **state)
{
    char text[SINK_CHECK_TEXT_MAX + 8];
    struct buf first;

    (void)state;
    buf_init(&first, SINK_CHECK_TEXT_MAX);
    for (size_t len = SINK_CHECK_TEXT_MAX - 16; len < SINK_CHECK_TEXT_MAX + 4; len++) {
        struct err err = ERR_INIT;
        memset(text, 'x', sizeof text);
        memcpy(text + len - 3, "\xe2\x82\xac", 3);
        buf_clear(&first);
        assert_int_equal(check_put_cell(&first, "a", text, len, &err), ERR_OK);
        for (int i = 0; i < 4; i++)
            assert_int_equal(check_put_cell(&first, "b", "123456", 6, &err), ERR_OK);
        assert_true(first.len <= SINK_CHECK_TEXT_MAX);
        const char *mark = strstr(buf_str(&first), "...");
        assert_non_null(mark);
        assert_string_equal(mark, "..."); /* once, at the end */
        bool whole = strstr(buf_str(&first), "\xe2\x82\xac") != NULL;
        assert_int_equal(strpbrk(buf_str(&first), "\xe2\x82\xac") != NULL, whole);
        assert_int_equal(whole, len + 2 <= SINK_CHECK_TEXT_MAX - 3);
    }
    buf_release(&first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_put_in),
        cmocka_unit_test(quotes_and_comments_are_left_alone),
        cmocka_unit_test(what_is_no_query_is_refused),
        cmocka_unit_test(what_writes_or_locks_is_refused),
        cmocka_unit_test(what_databases_read_differently_is_refused),
        cmocka_unit_test(failure_to_put_is_handed_on),
        cmocka_unit_test(a_row_is_told_in_words),
        cmocka_unit_test(a_long_row_is_cut),
    };

    return cmocka_run_group_tests_name("check templates", tests, NULL, NULL);
}
