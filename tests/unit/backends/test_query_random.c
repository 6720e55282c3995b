/* query_sqlite: random queries, by a seed, give the rows that SQLite gives of a plain table of the same
 * records. */
#include <sqlite3.h>

#include "tests/unit/backends/query_rig.h"

enum { OBJECTS = 60, QUERIES = 1500 };

static uint64_t rng;
static unsigned roll(unsigned n)
{
    rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(rng >> 33) % n;
}

static void one_literal(char *out, size_t cap, int part)
{
    static const int low[] = {2020, 1, 1, 0}, span[] = {4, 12, 31, 24};
    int n = low[part] + (int)roll((unsigned)span[part]);
    switch (roll(14)) {
    case 0:
        snprintf(out, cap, "'%d'", n);
        break;
    case 1:
        snprintf(out, cap, "%d.5", n);
        break;
    case 2:
        snprintf(out, cap, "NULL");
        break;
    case 3:
        snprintf(out, cap, "'x%d'", n);
        break;
    case 4:
        snprintf(out, cap, "%d.0", n);
        break;
    case 5:
        snprintf(out, cap, "-%d", n);
        break;
    case 6:
        snprintf(out, cap, "x'%02d'", n % 100);
        break;
    case 7:
        snprintf(out, cap, "CAST(%d AS TEXT)", n);
        break;
    case 8:
        snprintf(out, cap, "(SELECT %d)", n);
        break;
    default:
        snprintf(out, cap, "%d", n);
    }
}

static void one_term(char *out, size_t cap, const char *table)
{
    static const char *const parts[] = {"yyyy", "mm", "dd", "hh"};
    static const char *const ops[] = {"=", "=", "=", "<", "<=", ">", ">=", "<>", "IS"};
    char a[64], b[64], c[64];
    int p = (int)roll(4);
    one_literal(a, sizeof a, p);
    one_literal(b, sizeof b, p);
    one_literal(c, sizeof c, p);
    switch (roll(9)) {
    case 0:
        snprintf(out, cap, "%s.%s IN (%s, %s, %s)", table, parts[p], a, b, c);
        break;
    case 1:
        snprintf(out, cap, "%s.%s BETWEEN %s AND %s", table, parts[p], a, b);
        break;
    case 2:
        snprintf(out, cap, "%s._object LIKE 'yyyy=202%u/MM=%%/hh=%02u/_.csv'", table, roll(4), roll(24));
        break;
    case 3:
        snprintf(out, cap, "%s._object GLOB 'yyyy=202%u/mm=%02u*'", table, roll(4), 1 + roll(12));
        break;
    case 4:
        snprintf(out, cap, "%s._object %s 'yyyy=202%u/mm=%02u/dd=%02u'", table, ops[3 + roll(4)], roll(4),
                 1 + roll(12), 1 + roll(28));
        break;
    case 5:
        snprintf(out, cap, "%s._object IN (SELECT _object FROM T WHERE id %% 7 = %u)", table, roll(7));
        break;
    default:
        snprintf(out, cap, "%s.%s %s %s", table, parts[p], ops[roll(9)], a);
    }
}

static void one_where(char *out, size_t cap, const char *table)
{
    char term[256];
    out[0] = '\0';
    for (unsigned n = 1 + roll(3), i = 0; i < n; i++) {
        size_t len = strlen(out);
        one_term(term, sizeof term, table);
        snprintf(out + len, cap - len, "%s%s%s", i ? (roll(4) ? " AND " : " OR ") : "", roll(8) ? "" : "NOT ",
                 term);
    }
}

/* A query over table T, which stands for `source` or for the plain one. */
static void one_query(char *out, size_t cap)
{
    char a[1024], b[1024];
    one_where(a, sizeof a, "a");
    one_where(b, sizeof b, "b");
    switch (roll(6)) {
    case 0:
        snprintf(
            out, cap,
            "SELECT a.id, b.id FROM T a JOIN T b USING (yyyy, mm, dd, hh) WHERE (%s) AND %s ORDER BY 1, 2", a,
            b);
        break;
    case 1:
        snprintf(out, cap, "SELECT id FROM T a WHERE %s UNION SELECT -id FROM T b WHERE %s ORDER BY 1", a, b);
        break;
    case 2:
        snprintf(out, cap,
                 "WITH x AS (SELECT hh, count(*) n, sum(id) s FROM T a WHERE %s GROUP BY hh) SELECT * FROM x "
                 "WHERE n > 0 "
                 "ORDER BY 1",
                 a);
        break;
    case 3:
        snprintf(
            out, cap,
            "SELECT a.id, (SELECT count(*) FROM T b WHERE b.hh = a.hh AND b.mm = a.mm AND (%s)) FROM T a "
            "WHERE %s ORDER BY 1",
            b, a);
        break;
    default:
        snprintf(out, cap,
                 "SELECT id, yyyy, mm, dd, hh, _object, _line FROM T a WHERE %s ORDER BY _object, _line", a);
    }
}

static void with_table(const char *query, const char *table, char *out, size_t cap)
{
    size_t n = 0;
    for (const char *p = query; *p && n + 16 < cap; p++) {
        bool word = *p == 'T' && (p == query || p[-1] == ' ') && p[1] == ' ';
        n += (size_t)snprintf(out + n, cap - n, word ? "%s" : "%.1s", word ? table : p);
    }
}

static sqlite3 *plain_table(struct scene *s)
{
    sqlite3 *db = NULL;
    int id = 0;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "CREATE TABLE plain (id INTEGER, yyyy INTEGER, mm INTEGER, dd INTEGER, hh INTEGER,"
                     " _object TEXT, _line INTEGER)",
                     NULL, NULL, NULL),
        SQLITE_OK);
    for (int i = 0; i < OBJECTS; i++) {
        int y = 2020 + (int)roll(4), m = 1 + (int)roll(12), d = 1 + (int)roll(28), h = (int)roll(24);
        int rows = (int)roll(4);
        char key[128], text[512] = HEAD;
        snprintf(key, sizeof key, "yyyy=%d/mm=%02d/dd=%02d/hh=%02d/%c.csv", y, m, d, h, 'a' + i % 26);
        for (int r = 0; r < rows; r++) {
            size_t len = strlen(text);
            snprintf(text + len, sizeof text - len, "%d,,,,,\n", ++id);
            char *sql = sqlite3_mprintf("INSERT INTO plain VALUES (%d, %d, %d, %d, %d, %Q, %d)", id, y, m, d,
                                        h, key, r + 2);
            assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
            sqlite3_free(sql);
        }
        rig_put(&s->rig, key, text);
    }
    return db;
}

static void random_queries_give_the_same_rows(void **state)
{
    (void)state;
    struct scene s;
    int rows = 0;
    rng = 20220605;
    scene_open(&s);
    sqlite3 *db = plain_table(&s);
    for (int i = 0; i < QUERIES; i++) {
        char query[SQL_MAX * 2], sql[SQL_MAX * 3];
        struct buf want;
        sqlite3_stmt *stmt = NULL;
        buf_init(&want, TEXT_MAX);
        one_query(query, sizeof query);
        with_table(query, "plain", sql, sizeof sql);
        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        while (sqlite3_step(stmt) == SQLITE_ROW) {
            rows++;
            for (int c = 0; c < sqlite3_column_count(stmt); c++)
                must(buf_printf(&want, &s.err,
                                sqlite3_column_type(stmt, c) == SQLITE_TEXT ? "'%s'%s" : "%s%s",
                                (const char *)sqlite3_column_text(stmt, c),
                                c + 1 < sqlite3_column_count(stmt) ? "|" : "\n"),
                     &s.err);
        }
        sqlite3_finalize(stmt);
        with_table(query, "source", sql, sizeof sql);
        if (ask(&s, sql) != ERR_OK)
            fail_msg("%s: %s", sql, s.err.msg);
        if (strcmp(buf_str(&s.rows), buf_str(&want)) != 0)
            fail_msg("%s\ngot:\n%swant:\n%s", sql, buf_str(&s.rows), buf_str(&want));
        buf_release(&want);
    }
    assert_true(rows > QUERIES); /* they are about something */
    sqlite3_close(db);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_queries_give_the_same_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
