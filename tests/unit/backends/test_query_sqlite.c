/* query_sqlite: values, which objects are opened, several readings at once, mistakes, explaining. */
#include "backends/query_sqlite.h"

#include <sqlite3.h>

#include "core/base/mem.h"
#include "tests/unit/backends/query_rig.h"

/* Two days of three hours, a row each; the first hour has two. */
static void six_hours(struct scene *s)
{
    static const char *const days[] = {"05", "06"}, *const hours[] = {"00", "05", "12"};
    char key[128], text[256];
    for (int d = 0; d < 2; d++)
        for (int h = 0; h < 3; h++) {
            snprintf(key, sizeof key, "yyyy=2022/mm=06/dd=%s/hh=%s/a.csv", days[d], hours[h]);
            snprintf(text, sizeof text, HEAD "%d,2022-06-%s,%d.50,n%d,0.5,2022-06-%sT%s:30:00Z\n%s",
                     d * 3 + h, days[d], h, h, days[d], hours[h], d + h == 0 ? "100,NA,NA,NA,NA,NA\n" : "");
            rig_put(&s->rig, key, text);
        }
}

static void values_are_those_of_the_sink(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    rig_put(&s.rig, K("05", "07", "a"),
            HEAD "1,2022-06-05,12.50,\"a \"\"b\"\"\",0.1,2022-06-05T12:00:00Z\n2,NA,7.00,,1e300,\n"
                 "3,1969-12-31,-0.01,\xc3\xa9,-2,1969-12-31T23:59:59.5Z\n");
    assert_int_equal(rig_run(&s.rig, NULL), 0);
    char path[4096], *want = NULL;
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    snprintf(path, sizeof path, "%s/t.db", s.rig.dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    static const char quoted[] =
        "SELECT group_concat(quote(id)||typeof(id)||quote(day)||typeof(day)||quote(price)||typeof(price)||"
        "quote(name)||typeof(name)||quote(score)||typeof(score)||quote(at)||typeof(at), ';') FROM ";
    char sql[SQL_MAX];
    snprintf(sql, sizeof sql, "%s t ORDER BY id", quoted);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    want = sqlite3_mprintf("'%s'\n", sqlite3_column_text(stmt, 0));
    snprintf(sql, sizeof sql, "%s source ORDER BY id", quoted);
    gives(&s, sql, want);
    assert_non_null(strstr(want, "12.5real"));
    assert_non_null(strstr(want, "7integer"));
    gives(&s, "SELECT yyyy, mm, dd, hh, _object, _line FROM source WHERE id = 3",
          "2022|6|5|7|'" K("05", "07", "a") "'|4\n");
    sqlite3_free(want);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    scene_close(&s);
}

/* The first row's texts are the answer long after its batch was filled anew. */
static void texts_outlive_their_batch(void **state)
{
    enum { ROWS = 9000 };
    (void)state;
    struct scene s;
    struct buf text;
    scene_open(&s);
    buf_init(&text, TEXT_MAX);
    must(buf_append_str(&text, HEAD, &s.err), &s.err);
    for (int i = 0; i < ROWS; i++)
        must(buf_printf(&text, &s.err, "%d,2022-06-%02d,,n%06d,,\n", i, 1 + i % 28, i), &s.err);
    rig_put_bytes(&s.rig, K("05", "07", "a"), text.data, text.len);
    buf_release(&text);
    gives(&s, "SELECT min(name), max(name), min(day), count(*) FROM source",
          "'n000000'|'n008999'|'2022-06-01'|9000\n");
    gives(&s, "SELECT name, _line, first_value(name) OVER (ORDER BY id) FROM source ORDER BY id DESC LIMIT 1",
          "'n008999'|9001|'n000000'\n");
    scene_close(&s);
}

static void bounds_open_no_more_than_they_must(void **state)
{
    (void)state;
    static const struct {
        const char *where;
        int opened;
        const char *prefix;
        int rows;
    } cases[] = {
        {"1", 6, "yyyy=", 7},
        {"yyyy = 2022", 6, "yyyy=2022/mm=", 7},
        {"yyyy = 2022 AND mm = 6", 6, "yyyy=2022/mm=06/dd=", 7},
        {"yyyy = 2022 AND mm = 6 AND dd = 5", 3, "yyyy=2022/mm=06/dd=05/hh=", 4},
        {"yyyy = 2022 AND mm = 6 AND dd = 5 AND hh = 12", 1, "yyyy=2022/mm=06/dd=05/hh=12/", 1},
        {"hh = 5", 2, "yyyy=", 2},
        {"dd < 6", 3, "yyyy=", 4},
        {"yyyy = 2022 AND mm BETWEEN 6 AND 6 AND dd >= 6", 3, "yyyy=2022/mm=06/dd=", 3},
        {"hh IN (0, 12) AND dd = 6", 2, "yyyy=", 2},
        {"yyyy IN (2021, 2022, 1999)", 6, "yyyy=1999/mm=", 7},
        {"yyyy = 2021", 0, "yyyy=2021/mm=", 0},
        {"yyyy = 2022.5", 0, "none", 0},
        {"yyyy = NULL", 0, "none", 0},
        {"yyyy = '2022'", 6, "yyyy=2022/mm=", 7},
        {"yyyy = ' 2022 '", 6, "yyyy=2022/mm=", 7},
        {"yyyy = 2022.0 AND hh = '5'", 2, "yyyy=2022/mm=", 2},
        {"hh = '05'", 2, "yyyy=", 2},
        {"hh < 'x'", 6, "yyyy=", 7},
        {"hh >= '11.5'", 2, "yyyy=", 2},
        {"hh = '+5.0 '", 2, "yyyy=", 2},
        {"hh = '5e0'", 6, "yyyy=", 2},
        {"hh > '4.0000000000000000001'", 6, "yyyy=", 4},
        {"hh = '5.'", 2, "yyyy=", 2},
        {"hh = '5 5'", 6, "yyyy=", 0},
        {"hh = ''", 6, "yyyy=", 0},
        {"hh = '0x5'", 6, "yyyy=", 0},
        {"hh = CAST(x'35' AS TEXT)", 2, "yyyy=", 2},
        {"hh = x'35'", 6, "yyyy=", 0},
        {"hh < 4.5 OR hh > 11.5", 6, "yyyy=", 5},
        {"mm = 13", 0, "none", 0},
        {"_object = '" K("05", "05", "a") "'", 1, K("05", "05", "a"), 1},
        {"_object = '" K("05", "05", "a") "' AND hh = 12", 0, NULL, 0},
        {"_object = 'nothing'", 0, "none", 0},
        {"_object = 5", 6, "yyyy=", 0},
        {"_object IN ('" K("05", "05", "a") "', '" K("06", "00", "a") "', 'x')", 2, NULL, 2},
        {"_object LIKE 'YYYY=2022/mm=06/dd=06/%'", 3, "yyyy=", 3},
        {"_object GLOB 'yyyy=2022/mm=06/dd=06/*'", 3, "yyyy=", 3},
        {"_object GLOB 'YYYY=2022/mm=06/dd=06/*'", 0, "yyyy=", 0},
        {"_object LIKE '%hh=05%'", 6, "yyyy=", 2},
        {"_object > '" K("06", "05", "a") "'", 1, "yyyy=", 1},
        {"_object = '" K("05", "05", "A") "' COLLATE NOCASE", 6, "yyyy=", 1},
        {"dd = (SELECT 6)", 3, "yyyy=", 3},
        {"hh + 0 = 5", 6, "yyyy=", 2},
        {"hh IS 5", 6, "yyyy=", 2},
        {"NOT hh = 5", 6, "yyyy=", 5},
    };
    struct scene s;
    scene_open(&s);
    six_hours(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[SQL_MAX], rows[32], prefix[256];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM source WHERE %s", cases[i].where);
        snprintf(rows, sizeof rows, "%d\n", cases[i].rows);
        gives(&s, sql, rows);
        if (opened(&s) != cases[i].opened)
            fail_msg("%s: %d objects opened, not %d", cases[i].where, opened(&s), cases[i].opened);
        if (cases[i].prefix)
            assert_string_equal(first_list(&s, prefix), cases[i].prefix);
        assert_int_equal(query_totals(s.query)->scans.objects, cases[i].opened);
    }
    scene_close(&s);
}

static void the_range_of_the_options_bounds_too(void **state)
{
    (void)state;
    struct scene s;
    char prefix[256];
    scene_open(&s);
    six_hours(&s);
    must(hour_parse("2022-06-05T05", &s.spec.range.from, &s.err), &s.err);
    must(hour_parse("2022-06-06T05", &s.spec.range.to, &s.err), &s.err);
    s.spec.range.bounded = true;
    gives(&s, "SELECT group_concat(dd || ':' || hh) FROM source", "'5:5,5:12,6:0'\n");
    gives(&s, "SELECT group_concat(dd || ':' || hh) FROM source WHERE dd = 5", "'5:5,5:12'\n");
    assert_string_equal(first_list(&s, prefix), "yyyy=2022/mm=06/dd=05/hh=");
    assert_int_equal(opened(&s), 2);
    gives(&s, "SELECT count(*) FROM source WHERE dd = 7", "0\n");
    assert_int_equal(opened(&s), 0);
    scene_close(&s);
}

static void several_readings_at_once_do_not_mix(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    six_hours(&s);
    gives(&s, "SELECT count(*), sum(a.id = b.id), count(DISTINCT a.id * 1000 + b.id) FROM source a, source b",
          "49|7|49\n");
    assert_int_equal(s.handles, 2);
    gives(
        &s,
        "SELECT a.id, b.id FROM source a JOIN source b USING (mm, hh) WHERE a.dd = 5 AND b.dd = 6 ORDER BY 1",
        "0|3\n1|4\n2|5\n100|3\n");
    /* One of the two is read once; the other each time, but only the one hour. */
    assert_true(opened(&s) <= 3 + 4);
    gives(&s,
          "WITH b AS MATERIALIZED (SELECT * FROM source WHERE dd = 6) SELECT a.id, b.id FROM source a JOIN b "
          "ON b.id = a.id + 3 WHERE a.dd = 5 ORDER BY 1",
          "0|3\n1|4\n2|5\n");
    assert_int_equal(opened(&s), 6);
    gives(&s,
          "SELECT id FROM source o WHERE id = (SELECT max(id) FROM source i WHERE i.dd = o.dd) ORDER BY id",
          "5\n100\n");
    assert_int_equal(s.handles, 2);
    gives(&s, "SELECT id FROM source WHERE dd = 5 EXCEPT SELECT id FROM source WHERE hh = 0", "1\n2\n");
    gives(&s, "SELECT id FROM source WHERE hh = 5 OR dd = 6 OR _object LIKE '%hh=00%' ORDER BY id",
          "0\n1\n3\n4\n5\n100\n");
    gives(&s,
          "SELECT a.id, b.id FROM source a LEFT JOIN source b ON b.hh = a.hh AND b.dd = 6 AND b.id > 3 "
          "WHERE a.dd = 5 ORDER BY 1",
          "0|NULL\n1|4\n2|5\n100|NULL\n");
    scene_close(&s);
}

/* Rows of an object at a time, so their order needs no sorting. */
static void the_natural_order_needs_no_sorting(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    six_hours(&s);
    gives(&s, "SELECT id FROM source ORDER BY _object, _line LIMIT 2", "0\n100\n");
    assert_int_equal(opened(&s), 1);
    gives(&s, "SELECT id FROM source ORDER BY _object DESC LIMIT 1", "5\n");
    gives(&s, "SELECT DISTINCT _object LIKE '%dd=05%' FROM source WHERE yyyy = 2022 ORDER BY 1", "0\n1\n");
    gives(&s, "SELECT count(*) FROM source GROUP BY _object LIMIT 1", "2\n");
    assert_true(opened(&s) <= 2);
    scene_close(&s);
}

static void refused_records_are_left_out_and_counted_once(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    rig_put(&s.rig, K("05", "00", "a"), HEAD "1,,,,,\nx,,,,,\n2,,,,,\n");
    rig_put(&s.rig, K("05", "01", "a"), HEAD "3,,,,,\n4,2022-02-30,,,,\n,,,,,\n");
    gives(&s, "SELECT count(*) FROM source", "3\n");
    assert_int_equal(query_totals(s.query)->refused, 3);
    assert_string_equal(query_totals(s.query)->first,
                        K("05", "00", "a") " line 3 column id: CAST_INT: \"x\" is no bigint");
    gives(&s, "SELECT count(*) FROM source a, source b WHERE a.hh = 0", "6\n");
    assert_int_equal(query_totals(s.query)->refused, 3);
    assert_false(query_totals(s.query)->more);
    gives(&s, "SELECT count(*) FROM source WHERE hh = 1", "1\n");
    assert_int_equal(query_totals(s.query)->refused, 2);
    scene_close(&s);
}

static void a_source_that_fails_fails_the_query(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    rig_put(&s.rig, K("05", "00", "a"), HEAD "1,,,,,\n");
    rig_put(&s.rig, K("05", "01", "b"), "id\n3\n");
    assert_int_not_equal(ask(&s, "SELECT count(*) FROM source"), ERR_OK);
    assert_int_equal(s.err.name, ERRN_CSV_HEADER);
    assert_int_equal(strncmp(s.err.msg, K("05", "01", "b") ": line 1: ", 40), 0);
    gives(&s, "SELECT count(*) FROM source WHERE hh = 0", "1\n");
    atomic_int stop = 1;
    s.spec.stop = &stop;
    assert_int_equal(ask(&s, "SELECT count(*) FROM source"), ERR_CANCELLED);
    assert_int_equal(
        ask(&s, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"),
        ERR_CANCELLED);
    scene_close(&s);
}

static enum err_code stop_after_two(void *ctx, const struct answer_value *v, size_t n, struct err *err)
{
    int *rows = ctx;
    (void)v;
    (void)n;
    return ++*rows == 2 ? err_set(err, ERRN_IO, "no more") : ERR_OK;
}

static void who_takes_the_rows_can_end_it(void **state)
{
    (void)state;
    struct scene s;
    int rows = 0;
    const struct answer answer = {on_columns, stop_after_two, &rows};
    scene_open(&s);
    six_hours(&s);
    must(query_open(&s.spec, &s.query, &s.err), &s.err);
    assert_int_equal(query_run(s.query, "SELECT * FROM source", &answer, &s.err), ERR_IO);
    assert_string_equal(s.err.msg, "no more");
    assert_int_equal(rows, 2);
    assert_int_equal(opened(&s), 1);
    scene_close(&s);
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *message;
    } cases[] = {
        {"", "SQL: there is no statement"},
        {" ; -- nothing\n", "SQL: there is no statement"},
        {"SELECT pricee FROM source", "SQL, character 8: no such column: pricee; did you mean price?"},
        {"SELECT s.\"scor\" FROM source s", "SQL, character 8: no such column: s.scor; did you mean score?"},
        {"SELECT \"a text\" FROM source", "SQL, character 8: no such column: a text"},
        {"SELECT id\nFROM source\nWHERE yyy = 2022",
         "SQL, line 3, character 7: no such column: yyy; did you mean yyyy?"},
        {"SELECT id FROM sources", "SQL: no such table: sources; did you mean source?"},
        {"SELECT '\xc3\xa9' FRM source", "SQL, character 16: near \"source\": syntax error"},
        {"SELECT 1; SELECT 2", "SQL, character 11: a second statement begins here"},
        {"SELECT 1; nonsense", "SQL, character 11: a second statement begins here"},
        {"SELECT ?", "SQL: parameters"},
        {"INSERT INTO source (id) VALUES (1)", "SQL: a query only reads"},
        {"DELETE FROM source", "SQL: a query only reads"},
        {"CREATE TABLE t (a)", "SQL: a query only reads"},
        {"CREATE TEMP TABLE t (a)", "SQL: a query only reads"},
        {"ATTACH 'x.db' AS x", "SQL: a query only reads"},
        {"PRAGMA temp_store = MEMORY", "SQL: a query only reads"},
        {"SELECT * FROM pragma_database_list", "SQL: a query only reads"},
        {"VACUUM INTO 'x.db'", "SQL: a query only reads"},
        {"BEGIN", "SQL: a query only reads"},
        {"SELECT load_extension('x')", "SQL, character 8: not authorized to use function: load_extension"},
        {"SELECT abs(-9223372036854775807 - 1)", "SQL: integer overflow"},
        {"SELECT zeroblob(100000000)", "SQL: string or blob too big"},
    };
    struct scene s;
    scene_open(&s);
    six_hours(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (ask(&s, cases[i].sql) == ERR_OK)
            fail_msg("%s: no error", cases[i].sql);
        assert_int_equal(s.err.name, ERRN_QUERY);
        if (strncmp(s.err.msg, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %s", cases[i].sql, s.err.msg);
        assert_null(strchr(s.err.msg, '\n'));
        assert_int_equal(opened(&s), 0);
    }
    gives(&s, "-- first\n; SELECT 1 -- last\n;;", "1\n");
    gives(&s, "VALUES (1), (2)", "1\n2\n");
    scene_close(&s);
}

static void names_of_the_schema_come_first(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    memcpy(s.rig.pipeline->schema.columns[3].name, "HH", 3); /* it is read from "name" still */
    rig_put(&s.rig, K("05", "07", "a"), "id,day,price,name,score,at\n1,,,x,,\n");
    gives(&s, "SELECT hh, _hh, dd FROM source WHERE _hh = 7", "'x'|7|5\n");
    gives(&s, "SELECT count(*) FROM source WHERE _hh = 8", "0\n");
    assert_int_equal(opened(&s), 0);
    scene_close(&s);
}

static bool fail_after(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

/* Whichever of sluice's allocations fails, the query says so or gives all rows, and nothing leaks. */
static void memory_runs_short(void **state)
{
    (void)state;
    enum { OPENED_MAX = 64 * 1024 };
    static const char sql[] =
        "SELECT count(*) FROM source a JOIN source b USING (hh) WHERE a.dd IN (5, 6) AND "
        "a.hh IN (0, 5) AND b._object LIKE 'yyyy=%'";
    struct scene s;
    int n = 0, left;
    enum err_code code = ERR_NOMEM;
    scene_open(&s);
    six_hours(&s);
    rig_put(&s.rig, K("05", "00", "b"), HEAD "x,,,,,\n");
    must(buf_reserve(&s.opened, OPENED_MAX, &s.err), &s.err); /* the trace is not on trial */
    for (; n < 5000; n++) {
        const struct answer answer = {on_columns, on_row, &s.rows};
        left = n;
        buf_clear(&s.rows);
        buf_clear(&s.opened);
        err_clear(&s.err);
        query_close(s.query);
        s.query = NULL;
        mem_set_fault(fail_after, &left);
        if (query_open(&s.spec, &s.query, &s.err) == ERR_OK)
            (void)!query_run(s.query, sql, &answer, &s.err);
        mem_set_fault(NULL, NULL);
        code = s.err.code;
        if (code != ERR_NOMEM && code != ERR_OK)
            fail_msg("%s: %s", err_name_text(s.err.name), s.err.msg);
        if (code == ERR_OK)
            assert_string_equal(buf_str(&s.rows), "13\n");
        if (left >= 0)
            break;
    }
    assert_true(code == ERR_OK && n > 50 && n < 5000);
    scene_close(&s);
}

/* ---- explaining ---- */

static enum err_code on_part(void *ctx, const struct query_part *p, struct err *err)
{
    struct scene *s = ctx;
    return buf_printf(&s->rows, err, "%s (%s) %s %s %lld/%lld\n", p->table, p->terms, p->estimate ? "~" : "=",
                      p->prefix ? p->prefix : "-", (long long)p->counts.objects, (long long)p->counts.passed);
}

static enum err_code on_step(void *ctx, int64_t id, int64_t parent, const char *detail, struct err *err)
{
    struct scene *s = ctx;
    (void)id;
    (void)parent;
    return buf_printf(&s->rows, err, "%s\n", detail);
}

static void explains(struct scene *s, const char *sql, const char *want)
{
    const struct query_plan_fn fn = {on_part, on_step, s};
    buf_clear(&s->rows);
    buf_clear(&s->opened);
    query_close(s->query);
    must(query_open(&s->spec, &s->query, &s->err), &s->err);
    must(query_explain(s->query, sql, &fn, &s->err), &s->err);
    assert_string_equal(buf_str(&s->rows), want);
    assert_int_equal(opened(s), 0);
}

static void explaining_reads_nothing_and_tells_all(void **state)
{
    (void)state;
    struct scene s;
    scene_open(&s);
    six_hours(&s);
    explains(&s, "SELECT count(*) FROM source WHERE yyyy = 2022 AND mm = 6 AND dd = 5",
             "SCAN source (yyyy=2022 AND mm=6 AND dd=5)\n"
             "source (yyyy=2022 AND mm=6 AND dd=5) = yyyy=2022/mm=06/dd=05/hh= 3/0\n");
    explains(&s, "SELECT count(*) FROM source WHERE hh IN (5, 12)",
             "SCAN source (hh IN (...))\nsource (hh IN (...)) = yyyy= 4/2\n");
    explains(&s, "SELECT count(*) FROM source WHERE yyyy = 2022 AND mm = 13",
             "SCAN source (yyyy=2022 AND mm=13)\nsource (yyyy=2022 AND mm=13) = - 0/0\n");
    explains(&s, ";SELECT 1;", "SCAN CONSTANT ROW\n");
    explains(&s, "SELECT * FROM source a CROSS JOIN source b WHERE a.dd = 6 AND b.hh = a.hh AND b.dd = 5",
             "SCAN a (dd=6)\nSCAN b (hh=? AND dd=5)\n"
             "a (dd=6) = yyyy= 3/3\nb (hh=? AND dd=5) ~ yyyy= 3/3\n");
    /* What would never end is looked at for a while only. */
    const struct query_plan_fn fn = {on_part, on_step, &s};
    buf_clear(&s.rows);
    must(query_explain(s.query,
                       "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n "
                       "UNION ALL SELECT id FROM source WHERE hh = 5",
                       &fn, &s.err),
         &s.err);
    assert_non_null(strstr(buf_str(&s.rows), "source (hh=5) ~ yyyy= 2/4\n"));
    assert_int_equal(query_explain(s.query, "EXPLAIN SELECT 1", &fn, &s.err), ERR_USAGE);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_the_sink),
        cmocka_unit_test(texts_outlive_their_batch),
        cmocka_unit_test(bounds_open_no_more_than_they_must),
        cmocka_unit_test(the_range_of_the_options_bounds_too),
        cmocka_unit_test(several_readings_at_once_do_not_mix),
        cmocka_unit_test(the_natural_order_needs_no_sorting),
        cmocka_unit_test(refused_records_are_left_out_and_counted_once),
        cmocka_unit_test(a_source_that_fails_fails_the_query),
        cmocka_unit_test(who_takes_the_rows_can_end_it),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(names_of_the_schema_come_first),
        cmocka_unit_test(memory_runs_short),
        cmocka_unit_test(explaining_reads_nothing_and_tells_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
