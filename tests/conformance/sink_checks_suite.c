/*
 * sink_checks_suite: cases about the results of checks, and about what checks of an hour ask the table, that
 * hold for every sink. One that has no SQL (mem:) says so, and the cases see that it does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tests/conformance/sink_suite_internal.h"
#include "tests/support/sink_kit.h"

static struct check_row page[REC_PAGE];

static struct check_row check_of(int64_t load_id, const char *object, const char *name)
{
    struct check_row row = {.load_id = load_id, .run_id = "run1", .hour = KIT_HOUR, .on = CHECK_ON_WARN};

    (void)!snprintf(row.object, sizeof row.object, "%s", object);
    (void)!snprintf(row.name, sizeof row.name, "%s", name);
    return row;
}

static size_t checks(struct sink *sink, const struct record_query *query, size_t cap)
{
    struct err err = ERR_INIT;
    size_t n;

    assert_int_equal(sink_check_page(sink, query, page, cap, &n, &err), ERR_OK);
    return n;
}
#define COUNT(sink, ...) checks(sink, &(struct record_query){__VA_ARGS__}, REC_PAGE)

/* A committed load of one object with these check rows, whose load_id becomes its own where it is not 0. */
static int64_t add_checks(struct sink *sink, const char *object, struct check_row *rows, size_t n)
{
    struct err err = ERR_INIT;
    struct ledger_row row = kit_ledger(object, 0, "run1");
    struct sink_load *load = kit_begin(sink, "run1");

    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    for (size_t i = 0; i < n; i++)
        rows[i].load_id = rows[i].load_id ? row.id : 0;
    assert_int_equal(sink_checks_add(load, rows, n, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    return row.id;
}

CASE(check_rows_come_back)
{
    struct fix *fix = *state;
    struct check_row rows[3] = {check_of(1, "a b/\xc3\xa9'\"", "min"), check_of(0, "", "rows_between"),
                                check_of(0, "", "evolve")};

    rows[0].on = CHECK_ON_REJECT;
    rows[0].fired = true;
    rows[0].count = INT64_MAX;
    memcpy(rows[0].column, "age \xe2\x82\xac", sizeof "age \xe2\x82\xac");
    memset(rows[0].message, 'x', REC_MESSAGE_MAX);
    rows[1].on = CHECK_ON_FAIL;
    rows[2].hour = 0; /* the table */
    fix->clock.now_us += 777;
    int64_t id = add_checks(fix->sink, "a b/\xc3\xa9'\"", rows, 3);
    assert_true(rows[0].id > 0 && rows[1].id > rows[0].id && rows[2].id > rows[1].id);
    assert_int_equal(COUNT(fix->sink, 0), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(page[i].at_us, KIT_NOW + 777);
        assert_int_equal(page[i].at_us, rows[i].at_us);
        assert_int_equal(page[i].id, rows[i].id);
        assert_int_equal(page[i].load_id, i ? 0 : id);
        assert_int_equal(page[i].hour, rows[i].hour);
        assert_int_equal(page[i].on, rows[i].on);
        assert_int_equal(page[i].fired, rows[i].fired);
        assert_int_equal(page[i].count, rows[i].count);
        assert_string_equal(page[i].run_id, "run1");
        assert_string_equal(page[i].object, rows[i].object);
        assert_string_equal(page[i].name, rows[i].name);
        assert_string_equal(page[i].column, rows[i].column);
        assert_string_equal(page[i].message, rows[i].message);
    }
}

CASE(check_pages_filter)
{
    struct fix *fix = *state;
    struct sink_target other = fix->target;
    struct check_row a[3] = {check_of(1, "a", "min"), check_of(1, "a", "max"), check_of(0, "", "rows")};
    struct check_row b[2] = {check_of(1, "b", "min"), check_of(0, "", "rows")};

    a[0].fired = b[0].fired = true;
    b[0].hour = b[1].hour = KIT_HOUR + 1;
    memcpy(b[1].run_id, "run2", sizeof "run2");
    int64_t id = add_checks(fix->sink, "a", a, 3);
    add_checks(fix->sink, "b", b, 2);
    other.pipeline = "PIPE"; /* bytes, not letters */
    struct sink *sink = fix_open(fix, &other, false);
    assert_int_equal(COUNT(sink, 0), 0);
    struct check_row theirs = check_of(1, "a", "min");
    add_checks(sink, "a", &theirs, 1);
    assert_int_equal(COUNT(sink, 0), 1);
    sink_close(sink);

    assert_int_equal(COUNT(fix->sink, 0), 5);
    assert_int_equal(COUNT(fix->sink, .object = "a"), 2);
    assert_int_equal(COUNT(fix->sink, .object = "A"), 0);
    assert_int_equal(COUNT(fix->sink, .object = ""), 2);
    assert_int_equal(COUNT(fix->sink, .run_id = "run2"), 1);
    assert_int_equal(COUNT(fix->sink, .error_name = "min"), 2);
    assert_int_equal(COUNT(fix->sink, .has_hour = true, .hour = KIT_HOUR + 1), 2);
    assert_int_equal(COUNT(fix->sink, .has_hour = true, .hour = 0), 0);
    assert_int_equal(COUNT(fix->sink, .load_id = id), 2);
    assert_int_equal(COUNT(fix->sink, .load_id = theirs.load_id), 0);
    assert_int_equal(COUNT(fix->sink, .only_replayable = true), 2);
    assert_int_equal(COUNT(fix->sink, .only_replayable = true, .load_id = id), 1);
    /* Pages: each begins behind the last one's end. */
    int64_t after = 0;
    size_t seen = 0;
    for (size_t n; (n = checks(fix->sink, &(struct record_query){.after_id = after}, 2)); seen += n) {
        assert_true(n <= 2 && page[0].id > after);
        after = page[n - 1].id;
    }
    assert_int_equal(seen, 5);
}

CASE(check_rows_go_with_their_transaction)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct check_row row = check_of(0, "", "rows");
    struct sink_load *load = kit_begin(fix->sink, "run1");

    assert_int_equal(sink_checks_add(load, &row, 1, &err), ERR_OK);
    sink_abort(load);
    assert_int_equal(COUNT(fix->sink, 0), 0);
    load = kit_begin(fix->sink, "run1");
    assert_int_equal(sink_checks_add(load, &row, 0, &err), ERR_OK);
    assert_int_equal(sink_checks_add(load, &row, 1, &err), ERR_OK);
    assert_int_equal(COUNT(fix->sink, 0), 1); /* the load itself sees it */
    /* Fenced: the claim is somebody else's by now. */
    fix->clock.now_us += KIT_LEASE_MS * INT64_C(1000) + 1;
    struct sink *thief = fix_open(fix, &fix->target, false);
    if (!fix->sink->caps.lock_is_lease) {
        kit_claim(thief, "thief");
        assert_true(sink_commit(load, &err) != ERR_OK);
        assert_int_equal(err.name, ERRN_FENCED);
    } else {
        sink_abort(load);
    }
    assert_int_equal(COUNT(thief, 0), 0);
    sink_close(thief);
}

CASE(replace_takes_the_check_rows_along)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target other = fix->target;
    struct check_row a[2] = {check_of(1, "a", "min"), check_of(0, "", "rows")};
    struct check_row b = check_of(1, "b", "min"), theirs = check_of(1, "a", "min");
    struct ledger_row old;
    size_t n;

    add_checks(fix->sink, "a", a, 2);
    add_checks(fix->sink, "b", &b, 1);
    other.pipeline = "other";
    struct sink *sink = fix_open(fix, &other, false);
    add_checks(sink, "a", &theirs, 1);

    assert_int_equal(sink_ledger_page(fix->sink, &(struct ledger_query){.object = "a"}, &old, 1, &n, &err),
                     ERR_OK);
    struct ledger_row row = kit_ledger("a", 0, "run2");
    struct sink_load *load = kit_begin(fix->sink, "run2");
    assert_int_equal(sink_replace(load, &old, &row, &err), ERR_OK);
    assert_int_equal(row.id, a[0].load_id);
    struct check_row fresh = check_of(row.id, "a", "max");
    assert_int_equal(sink_checks_add(load, &fresh, 1, &err), ERR_OK);
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);

    assert_int_equal(COUNT(fix->sink, .object = "a"), 1);
    assert_string_equal(page[0].name, "max");
    assert_int_equal(COUNT(fix->sink, .object = "b"), 1);
    assert_int_equal(COUNT(fix->sink, .object = ""), 1); /* of the hour: history */
    assert_int_equal(COUNT(sink, 0), 1);
    sink_close(sink);
}

/* ---- queries ---- */

/* What a query of a check says in a load of its own: "rows first" or the error's name. */
static const char *ask(struct sink *sink, const char *template)
{
    static char text[SINK_CHECK_TEXT_MAX + 64];
    struct err err = ERR_INIT;
    struct sink_load *load = kit_begin(sink, "ask");
    struct buf first;
    int64_t rows = 9;

    buf_init(&first, SINK_CHECK_TEXT_MAX);
    assert_int_equal(buf_append_str(&first, "old", &err), ERR_OK);
    if (sink_check_sql(load, template, &rows, &first, &err))
        (void)!snprintf(text, sizeof text, "%s", err_name_text(err.name));
    else
        (void)!snprintf(text, sizeof text, "%lld %s", (long long)rows, buf_str(&first));
    /* A refusal breaks the load, and nothing else. */
    assert_int_equal(load->state, err.code ? LOAD_BROKEN : LOAD_OPEN);
    sink_abort(load);
    buf_release(&first);
    return text;
}

static bool has_sql(struct sink *sink)
{
    return strcmp(ask(sink, "SELECT 1 AS a"), "UNSUPPORTED") != 0;
}

CASE(check_sql_counts_and_shows)
{
    struct fix *fix = *state;
    struct sink *sink = fix->sink;

    if (!has_sql(sink)) {
        assert_string_equal(sink->type->name, "mem");
        return;
    }
    kit_load(sink, "a", "1|x\n2|\\N\n3|z\n");
    assert_string_equal(ask(sink, "SELECT id, name FROM {table} WHERE id > 5"), "0 ");
    assert_string_equal(ask(sink, "SELECT id, name FROM {table} ORDER BY id"), "3 id=1, name=x");
    assert_string_equal(ask(sink, "SELECT name AS n, '{{' AS b FROM {table} WHERE id = 2;"), "1 n=NULL, b={");
    assert_string_equal(ask(sink, "SELECT {hour} AS h"), "1 h=2022-06-05T12");
    assert_string_equal(ask(sink, "-- why\nSELECT /* what; */ count(*) AS n FROM {table} ; -- end"), "1 n=3");
    assert_string_equal(ask(sink, "WITH big AS (SELECT id FROM {table} WHERE id > 1) SELECT id FROM big"
                                  " ORDER BY id"),
                        "2 id=2");
    /* Counted up to a maximum, whatever the query's own limit; what is read next is whole. */
    static const char MANY[] =
        "SELECT a.id FROM {table} a, {table} b, {table} c, {table} d, {table} e, {table} f,"
        " {table} g ORDER BY a.id";
    assert_string_equal(ask(sink, MANY), "1000 id=1");
    assert_string_equal(ask(sink, "SELECT a.id FROM {table} a, {table} b, {table} c, {table} d, {table} e,"
                                  " {table} f, {table} g ORDER BY a.id LIMIT 1500"),
                        "1000 id=1");
    assert_int_equal(kit_count(sink, 0), 3);
    /* The first row is cut where it is long, and no byte of a character is lost. */
    struct buf long_one;
    struct err err = ERR_INIT;
    buf_init(&long_one, 8192);
    assert_int_equal(buf_append_str(&long_one, "SELECT '", &err), ERR_OK);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(buf_append_str(&long_one, "\xc3\xa9", &err), ERR_OK);
    assert_int_equal(buf_append_str(&long_one, "' AS a, 2 AS b", &err), ERR_OK);
    const char *said = ask(sink, buf_str(&long_one));
    assert_in_range(strlen(said), SINK_CHECK_TEXT_MAX - 2, SINK_CHECK_TEXT_MAX + 2);
    assert_string_equal(said + strlen(said) - 5, "\xc3\xa9...");
    buf_release(&long_one);
}

CASE(check_sql_sees_this_load)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target other = fix->target;
    struct ledger_row row = kit_ledger("b", 0, "run1"), later = kit_ledger("later", 0, "run1");
    struct buf first;
    int64_t rows;

    if (!has_sql(fix->sink))
        return;
    other.pipeline = "it's \\ \"other\"";
    struct sink *sink = fix_open(fix, &other, false);
    kit_load(sink, "a", "100|theirs\n");
    assert_string_equal(ask(sink, "SELECT id FROM {table} WHERE _load IN {loads}"), "1 id=100");
    sink_close(sink);
    kit_load(fix->sink, "a", "1|x\n");
    later.hour = KIT_HOUR + 1;
    struct sink_load *load = kit_begin(fix->sink, "run1");
    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_ledger_insert(load, &later, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, "2|y\n", row.id, &err), ERR_OK);
    assert_int_equal(kit_append(load, "3|y\n", later.id, &err), ERR_OK);
    buf_init(&first, SINK_CHECK_TEXT_MAX);
    assert_int_equal(sink_check_sql(load, "SELECT id FROM {table} WHERE _load IN {loads} ORDER BY id DESC",
                                    &rows, &first, &err),
                     ERR_OK);
    assert_int_equal(rows, 2);
    assert_string_equal(buf_str(&first), "id=2");
    assert_int_equal(sink_commit(load, &err), ERR_OK); /* a query changes nothing about the load */
    assert_int_equal(kit_count(fix->sink, 0), 4);
    buf_release(&first);
}

CASE(check_sql_refuses)
{
    static const char *const CONFIG[] = {
        "",
        "  -- nothing\n;",
        "INSERT INTO {table} VALUES (9, 'x', 0)",
        "UPDATE {table} SET id = 9",
        "DELETE FROM {table}",
        "DELETE FROM {table} RETURNING id",
        "REPLACE INTO {table} (id) VALUES (9)",
        "WITH a AS (SELECT 1 AS b) DELETE FROM {table}",
        "WITH a AS (SELECT 9 AS b) UPDATE {table} SET id = 9",
        "WITH a AS (SELECT 9 AS b) INSERT INTO {table} (id) SELECT b FROM a",
        "SELECT id FROM {table}; DELETE FROM {table}",
        "SELECT id INTO @x FROM {table}",
        "SELECT id FROM {table} INTO OUTFILE '/tmp/sluice_check_out'",
        "SELECT id FROM {table} FOR UPDATE",
        "SELECT id FROM {table} FOR SHARE",
        "SELECT id FROM {table} LOCK IN SHARE MODE",
        "SELECT 1 /*! INTO @x */",
        "SELECT 1 /*M! INTO @x */",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE {table}",
        "CALL nobody()",
        "DROP TABLE {table}",
        "CREATE TABLE other (a INT)",
        "ATTACH DATABASE '/tmp/x.db' AS x",
        "PRAGMA journal_mode = OFF",
        "COMMIT",
        "ROLLBACK",
        "SET autocommit = 1",
        "EXPLAIN SELECT 1",
        "SELECT {nobody} FROM {table}",
        "SELECT '{hour}'",
        "SELECT 'it",
        "SELECT nobody_of_this_name FROM {table}",
        "SELECT id FROM nobody_of_this_name",
        "SELECT FROM WHERE",
        "SELECT id FROM {table} WHERE id = ?",
    };
    struct fix *fix = *state;
    struct sink *sink = fix->sink;
    bool sql = has_sql(sink);

    kit_load(sink, "a", "1|x\n");
    for (size_t i = 0; i < sizeof CONFIG / sizeof *CONFIG; i++) {
        const char *said = ask(sink, CONFIG[i]);
        if (strcmp(said, "CONFIG") != 0 && (sql || strcmp(said, "UNSUPPORTED") != 0))
            fail_msg("%s: %s", CONFIG[i], said);
    }
    kit_assert_rows(sink, 0, "1|x\n");
    fix_assert_state(sink, OWN_CURRENT, true, true);
    kit_load(sink, "b", "2|y\n"); /* the connection is as it was */
    assert_int_equal(kit_count(sink, 0), 2);
}

/* ---- sums ---- */

static void assert_sum(struct sink_load *load, hour_t hour, size_t c, int64_t want_n, double want)
{
    struct err err = ERR_INIT;
    int64_t n = 9;
    double sum = 9;

    if (sink_hour_sum(load, hour, c, &n, &sum, &err))
        fail_msg("%s", err.msg);
    assert_int_equal(n, want_n);
    if (fabs(sum - want) > 1e-9 + 1e-15 * fabs(want))
        fail_msg("column %zu: %.17g and not %.17g", c, sum, want);
}

CASE(hour_sum_adds_this_hour)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct sink_target target = fix->target, other;
    struct ledger_row rows[3] = {kit_ledger("b", 0, "run1"), kit_ledger("a", -1, "run1"),
                                 kit_ledger("later", 0, "run1")};
    struct schema schema;
    int64_t n;
    double sum;

    kit_schema(&schema, "i:int,d:decimal(20;2),small:decimal(8;3),f:double,yes:boolean,t:text,b:bigint");
    target.schema = &schema;
    target.table = "sums";
    other = target;
    other.pipeline = "other";
    struct sink *sink = fix_open(fix, &target, false), *theirs = fix_open(fix, &other, false);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    kit_load(theirs, "a", "1000|1000.00|1000.000|1000|1|x|1\n");
    sink_close(theirs);
    kit_load(sink, "a",
             "1|12345678901234567.25|0.125|0.5|1|x|9007199254740993\n\\N|\\N|\\N|\\N|\\N|\\N|\\N\n");

    rows[1].kind = LOAD_KIND_REPLAY;
    rows[2].hour = KIT_HOUR + 1;
    struct sink_load *load = kit_begin(sink, "run1");
    assert_int_equal(sink_ledger_insert(load, rows, 3, &err), ERR_OK);
    assert_int_equal(kit_append(load, "2|-0.75|-1.125|1e300|0|y|1\n", rows[0].id, &err), ERR_OK);
    assert_int_equal(kit_append(load, "-4|0.50|2.000|-1e300|1|z|2\n", rows[1].id, &err), ERR_OK);
    assert_int_equal(kit_append(load, "7|7.00|7.000|7|1|z|7\n", rows[2].id, &err), ERR_OK);
    assert_sum(load, KIT_HOUR, 0, 3, -1);
    assert_sum(load, KIT_HOUR, 1, 3, 12345678901234567.0);
    assert_sum(load, KIT_HOUR, 2, 3, 1);
    assert_int_equal(sink_hour_sum(load, KIT_HOUR, 3, &n, &sum, &err), ERR_OK);
    assert_int_equal(n, 3); /* the order of adding is the database's: 0.5 or 0 */
    assert_true(sum >= 0 && sum <= 0.5);
    assert_sum(load, KIT_HOUR, 4, 3, 2);
    assert_sum(load, KIT_HOUR, 6, 3, 9007199254740996.0);
    assert_sum(load, KIT_HOUR + 1, 0, 1, 7);
    assert_sum(load, KIT_HOUR + 2, 0, 0, 0);
    assert_int_equal(sink_commit(load, &err), ERR_OK);

    load = kit_begin(sink, "run2");
    assert_sum(load, KIT_HOUR, 0, 3, -1);
    assert_int_equal(sink_hour_sum(load, KIT_HOUR, 5, &n, &sum, &err), ERR_INTERNAL); /* text */
    sink_abort(load);
    sink_close(sink);

    target.table = "bare";
    target.lineage = LINEAGE_NONE;
    sink = fix_open(fix, &target, false);
    err_clear(&err);
    assert_int_equal(sink_setup(sink, NULL, &err), ERR_OK);
    load = kit_begin(sink, "run3");
    assert_int_equal(sink_hour_sum(load, KIT_HOUR, 0, &n, &sum, &err), ERR_CONFIG);
    assert_int_equal(err.name, ERRN_NEEDS_LINEAGE);
    sink_abort(load);
    sink_close(sink);
    schema_release(&schema);
}
