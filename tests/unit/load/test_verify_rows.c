/* verify_rows: each kind of row that differs is named, in tables small and large, with lineage and without.
 */
#include "tests/unit/load/verify_rig.h"

/* EVERYWHERE: so many that only few of those that belong together are looked into by chance. */
enum { MANY = 20000, EVERYWHERE = 300000 };

#define LINEAGE   SETS("target.lineage=true")
#define PLAIN     SETS("target.lineage=false")
#define WITH_KEY  "table: t, key: [id]}"
#define ON_SQLITE PIPELINES[1]

/* Rows FROM..FROM+N-1 as "id,name ID,ID.5". */
static char *rows_text(long from, long n)
{
    char *text = malloc((size_t)n * 48 + 64), *p = text;
    assert_non_null(text);
    memcpy(p, HEAD, sizeof HEAD);
    p += sizeof HEAD - 1;
    for (long i = from; i < from + n; i++)
        p += snprintf(p, 64, "%ld,name %ld,%ld.5\n", i, i, i);
    return text;
}

static void put_rows(struct rig *rig, const char *key, long from, long n)
{
    char *text = rows_text(from, n);
    rig_put(rig, key, text);
    free(text);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++)
        n++;
    return n;
}

static void says(const struct report *r, const char *text)
{
    if (!strstr(r->text, text))
        fail_msg("no \"%s\" in:\n%s", text, r->text);
}

/* A table of many rows: one that changed, one lost, one doubled, found by bucket. */
static void a_few_of_many_are_named(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, ON_SQLITE, LINEAGE);
    put_rows(&rig, A, 1, MANY);
    put_rows(&rig, B, MANY + 1, 10);
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET amount = 1 WHERE id = 4711");
    tamper(&rig, "DELETE FROM t WHERE id = 12");
    tamper(&rig, "INSERT INTO t SELECT * FROM t WHERE id = 19999");
    verified(&r, &rig, NULL, 10);
    assert_string_equal(r.text, A " target differs s=20000/0 l=20000/0 t=20000/0\n"
                                  "  " A " changed 4712 1:1 amount: 4711.5 | 1 <4711,name 4711,4711.5>\n"
                                  "  " A " missing 13 1:0 <12,name 12,12.5>\n"
                                  "  " A " doubled 20000 1:2 <19999,name 19999,19999.5>\n" B
                                  " equal s=10/0 l=10/0 t=10/0\n");
    rig_close(&rig);
}

/* All rows changed: with a key each is paired; without one, what is named is true of its side. */
static void of_very_many_some_are_named(void **state)
{
    (void)state;
    for (int keyed = 0; keyed < 2; keyed++) {
        struct rig rig = {0};
        struct report r;
        char *pipeline = edited(ON_SQLITE, "table: t}", keyed ? WITH_KEY : "table: t}");
        rig_open(&rig, pipeline, LINEAGE);
        put_rows(&rig, A, 1, MANY);
        assert_int_equal(rig_run(&rig, NULL), 0);
        tamper(&rig, "UPDATE t SET name = 'x', amount = amount + 1");
        verified(&r, &rig, NULL, 5);
        assert_int_equal(count(r.text, "\n  "), 5);
        if (keyed)
            assert_int_equal(count(r.text, ".5 | "), 5);
        free(pipeline);
        rig_close(&rig);
    }
}

/* One column of all rows changed, and no key: the rows that belong together lie in any two buckets, and are
 * found nevertheless. A lost one and a strange one among them are not taken for a pair. */
static void what_changed_everywhere_is_paired_without_a_key(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, ON_SQLITE, LINEAGE);
    put_rows(&rig, A, 1, EVERYWHERE);
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET amount = -id");
    verified(&r, &rig, NULL, 60);
    assert_int_equal(count(r.text, "\n  "), 60);
    for (const char *p = r.text; (p = strstr(p, " changed ")); p++) {
        long line, in_source, in_target, id;
        double source, target;
        assert_int_equal(sscanf(p, " changed %ld %ld:%ld amount: %lf | %lf <%ld,", &line, &in_source,
                                &in_target, &source, &target, &id),
                         6);
        assert_int_equal(line, id + 1);
        assert_true(source == (double)id + 0.5 && target == (double)-id);
    }
    assert_int_equal(count(r.text, " changed "), 60);
    rig_close(&rig);
}

/* Rows that are like lost ones, but are there by right, are no partners of those. */
static void what_is_on_both_sides_is_no_partner(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    struct buf text;
    struct err err = ERR_INIT;
    buf_init(&text, 1 << 20);
    assert_int_equal(buf_append_str(&text, HEAD, &err), ERR_OK);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(buf_printf(&text, &err, "%d,x,1\n", i), ERR_OK);
    rig_open(&rig, ON_SQLITE, LINEAGE);
    rig_put(&rig, A, buf_str(&text));
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "DELETE FROM t WHERE id % 5 < 3");
    verified(&r, &rig, NULL, 100);
    assert_int_equal(count(r.text, " missing "), 100);
    assert_int_equal(count(r.text, " changed "), 0);
    buf_release(&text);
    rig_close(&rig);
}

/* By key rows are one whatever else they hold; a key that changed leaves few columns that differ. */
static void rows_are_paired_by_key_or_likeness(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    char *pipeline = edited(ON_SQLITE, "table: t}", WITH_KEY);
    rig_open(&rig, pipeline, LINEAGE);
    rig_put(&rig, A, HEAD "1,ann,1.5\n2,bob,2.5\n3,eve,3.5\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET name = NULL, amount = 9 WHERE id = 2");
    tamper(&rig, "UPDATE t SET id = 33 WHERE id = 3");
    verified(&r, &rig, NULL, 5);
    says(&r, "\n  " A " changed 3 1:1 name: bob | NULL amount: 2.5 | 9 <2,bob,2.5>\n  " A
             " changed 4 1:1 id: 3 | 33 <3,eve,3.5>\n");
    rig_close(&rig);
    /* without the key two of three columns are too many */
    rig = (struct rig){0};
    rig_open(&rig, ON_SQLITE, LINEAGE);
    rig_put(&rig, A, HEAD "1,ann,1.5\n2,bob,2.5\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET name = NULL, amount = 9 WHERE id = 2");
    verified(&r, &rig, NULL, 5);
    says(&r, "\n  " A " missing 3 1:0 <2,bob,2.5>\n  " A " extra 0 0:1 <2,,9>\n");
    free(pipeline);
    rig_close(&rig);
}

/* A value that is none of its column's type reads as NULL, but is no NULL. */
static void a_value_of_another_type_is_a_change(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, ON_SQLITE, LINEAGE);
    rig_put(&rig, A, HEAD "1,ann,\n2,bob,2.5\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig,
           "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE "
           "name = 't'");
    tamper(&rig, "UPDATE t SET amount = 'many' WHERE id = 1");
    verified(&r, &rig, NULL, 5);
    says(&r, "\n  " A " changed 2 1:1 <1,ann,>\n");
    rig_close(&rig);
}

static void copies_are_counted(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *text;
    } CASES[] = {
        {"DELETE FROM t WHERE rowid = 3", "\n  " A " missing 2 6000:5999 <1,ann,1.5>\n"},
        {"DELETE FROM t WHERE id = 1", "\n  " A " missing 2 6000:0 <1,ann,1.5>\n"},
        {"INSERT INTO t SELECT * FROM t WHERE rowid = 1", "\n  " A " doubled 2 6000:6001 <1,ann,1.5>\n"},
        {"INSERT INTO t SELECT 9, 'odd', 9, _load FROM t WHERE rowid < 3",
         "\n  " A " extra 0 0:2 <9,odd,9>\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct rig rig = {0};
        struct report r;
        struct buf text;
        struct err err = ERR_INIT;
        buf_init(&text, 1 << 20);
        assert_int_equal(buf_append_str(&text, HEAD, &err), ERR_OK);
        for (int k = 0; k < 6000; k++)
            assert_int_equal(buf_append_str(&text, "1,ann,1.5\n", &err), ERR_OK);
        rig_open(&rig, ON_SQLITE, LINEAGE);
        rig_put(&rig, A, buf_str(&text));
        assert_int_equal(rig_run(&rig, NULL), 0);
        tamper(&rig, CASES[i].sql);
        verified(&r, &rig, NULL, 5);
        says(&r, CASES[i].text);
        buf_release(&text);
        rig_close(&rig);
    }
}

static void a_row_under_another_load_is_named_on_both_sides(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, ON_SQLITE, LINEAGE);
    rig_put(&rig, A, GOOD);
    rig_put(&rig, B, HEAD "7,eve,7\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET _load = (SELECT id FROM sluice_load WHERE object LIKE '%b.csv') WHERE id = 1");
    verified(&r, &rig, NULL, 5);
    assert_string_equal(r.text, A " target differs s=2/0 l=2/0 t=1/0\n  " A " missing 2 1:0 <1,ann,1.5>\n" B
                                  " target differs s=1/0 l=1/0 t=2/0\n  " B " extra 0 0:1 <1,ann,1.5>\n");
    rig_close(&rig);
}

static void rows_of_no_load_are_named(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, ON_SQLITE, LINEAGE);
    rig_put(&rig, A, GOOD);
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "INSERT INTO t VALUES (8, 'odd', 1, NULL), (8, 'odd', 1, 4711), (9, 'odder', 2, NULL)");
    verified(&r, &rig, NULL, 5);
    says(&r,
         "(unknown) target differs s=? l=? t=3/0 *\n   extra 0 0:2 <8,odd,1>\n   extra 0 0:1 <9,odder,2>\n");
    verified(&r, &rig, NULL, 1);
    assert_int_equal(count(r.text, "extra"), 1);
    assert_int_equal(r.totals.unknown_rows, 3);
    rig_close(&rig);
}

/* The rows of all its chunks are the object's. */
static void chunks_are_one_object(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, ON_SQLITE, SETS("target.lineage=true", "target.commit_unit=chunk", "target.chunk_rows=7"));
    put_rows(&rig, A, 1, 50);
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET name = 'x' WHERE id = 5; DELETE FROM t WHERE id = 44");
    verified(&r, &rig, NULL, 5);
    says(&r, "\n  " A " changed 6 1:1 name: name 5 | x <5,name 5,5.5>\n  " A
             " missing 45 1:0 <44,name 44,44.5>\n");
    rig_close(&rig);
}

/* Without lineage the rows of the table are held against those of all objects. */
static void without_lineage_rows_are_named_too(void **state)
{
    (void)state;
    static const long SIZES[] = {3, MANY};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = {0};
        struct report r;
        hour_t hour;
        rig_open(&rig, ON_SQLITE, PLAIN);
        rig_put(&rig, A, GOOD);
        put_rows(&rig, B, 10, SIZES[i]);
        rig_put(&rig, K("13", "c"), HEAD "5,eve,5\n");
        assert_int_equal(rig_run(&rig, NULL), 0);
        verified(&r, &rig, NULL, 5);
        says(&r, "(table) equal");
        tamper(&rig, "UPDATE t SET name = 'Ann' WHERE id = 1; DELETE FROM t WHERE id = 11");
        tamper(&rig, "INSERT INTO t SELECT * FROM t WHERE id = 5; INSERT INTO t VALUES (99, 'odd', -1)");
        verified(&r, &rig, NULL, 5);
        says(&r, " *\n  " A " changed 2 1:1 name: ann | Ann <1,ann,1.5>\n  " B
                 " missing 3 1:0 <11,name 11,11.5>\n  " K("13", "c") " doubled 2 1:2 <5,eve,5>\n"
                                                                     "   extra 0 0:1 <99,odd,-1>\n");
        /* whatever hours were asked for */
        hour = books_row(&rig, A, 0).hour;
        verified(&r, &rig, &(struct hour_range){true, hour + 1, hour + 2}, 5);
        says(&r, "changed 2 1:1 name: ann | Ann");
        says(&r, "extra 0 0:1 <99,odd,-1>");
        assert_int_equal(count(r.text, "\n  "), 4);
        rig_close(&rig);
    }
}

/* The rows of an object that is gone are in the table by right: they are not called extra. */
static void what_may_be_of_a_gone_object_is_not_named(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    struct err err = ERR_INIT;
    rig_open(&rig, ON_SQLITE, PLAIN);
    rig_put(&rig, A, GOOD);
    rig_put(&rig, B, HEAD "1,ann,1.5\n7,eve,7\n");
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_int_equal(store_remove(rig.store, B, &err), ERR_OK);
    tamper(&rig, "DELETE FROM t WHERE id = 2");
    verified(&r, &rig, NULL, 5);
    says(&r, "\n  " A " missing 3 1:0 <2,bob,2.5>\n");
    assert_int_equal(count(r.text, "\n  "), 1);
    rig_close(&rig);
}

/* What is said of a row has an end; the row is named all the same. */
static void rows_of_long_texts_are_named(void **state)
{
    enum { LONG = 50000, TEXTS = 4 };
    (void)state;
    struct rig rig = {0};
    struct report r;
    char *wide = edited(ON_SQLITE, "amount, type: double}",
                        "a, type: text}\n    - {name: b, type: text}\n    - {name: c, type: text}\n"
                        "    - {name: d, type: text}\n    - {name: amount, type: double}");
    struct buf file;
    struct err err = ERR_INIT;
    buf_init(&file, 2 * TEXTS * LONG);
    assert_int_equal(buf_append_str(&file, "id,name,a,b,c,d,amount", &err), ERR_OK);
    for (int row = 1; row <= 2; row++) {
        assert_int_equal(buf_printf(&file, &err, "\n%d,ann,", row), ERR_OK);
        for (int i = 0; i < TEXTS; i++)
            for (int n = row == 2 && i > 1 ? 1 : LONG; n >= 0; n--)
                assert_int_equal(buf_append_char(&file, n ? 'x' : ',', &err), ERR_OK);
        assert_int_equal(buf_printf(&file, &err, "%d", row), ERR_OK);
    }
    rig_open(&rig, wide, SETS("target.lineage=true"));
    rig_put(&rig, A, buf_str(&file));
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "UPDATE t SET amount = amount + 1");
    verified(&r, &rig, NULL, 5);
    says(&r, A " changed 2 1:1 amount: 1 | 2 <1,ann,xx");
    says(&r, A " changed 3 1:1 amount: 2 | 3 <2,ann,xx");
    buf_release(&file);
    free(wide);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_long_texts_are_named),
        cmocka_unit_test(a_few_of_many_are_named),
        cmocka_unit_test(of_very_many_some_are_named),
        cmocka_unit_test(what_changed_everywhere_is_paired_without_a_key),
        cmocka_unit_test(what_is_on_both_sides_is_no_partner),
        cmocka_unit_test(rows_are_paired_by_key_or_likeness),
        cmocka_unit_test(a_value_of_another_type_is_a_change),
        cmocka_unit_test(copies_are_counted),
        cmocka_unit_test(a_row_under_another_load_is_named_on_both_sides),
        cmocka_unit_test(rows_of_no_load_are_named),
        cmocka_unit_test(chunks_are_one_object),
        cmocka_unit_test(without_lineage_rows_are_named_too),
        cmocka_unit_test(what_may_be_of_a_gone_object_is_not_named),
    };
    return cmocka_run_group_tests_name("verify_rows", tests, NULL, NULL);
}
