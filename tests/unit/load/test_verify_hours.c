/* verify_hours: sums by hour and of the table hide nothing, whatever order the hours come in; which hours a
 * reload repairs. */
#include "tests/unit/load/verify_rig.h"

#define C       K("13", "c")
#define LINEAGE SETS("target.lineage=true")

static const char *by(struct report *r, struct rig *rig, enum verify_by by)
{
    return verified_by(r, rig, NULL, 0, by);
}

static void load_three(struct rig *rig, const char *set)
{
    rig_open(rig, PIPELINES[1], &set, 1);
    rig_put(rig, A, GOOD);
    rig_put(rig, B, HEAD "3,eve,3\n");
    rig_put(rig, C, HEAD "4,dan,4\n");
    assert_int_equal(rig_run(rig, NULL), 0);
}

static void an_hour_is_the_sum_of_its_objects(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    load_three(&rig, "target.lineage=true");
    assert_string_equal(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 equal s=3/0 l=3/0 t=3/0\n"
                                                      "2022-06-05T13 equal s=1/0 l=1/0 t=1/0\n");
    assert_string_equal(by(&r, &rig, VERIFY_BY_TABLE), "(table) equal s=4/0 l=4/0 t=4/0\n");
    tamper(&rig, "DELETE FROM t WHERE id = 4");
    assert_string_equal(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 equal s=3/0 l=3/0 t=3/0\n"
                                                      "2022-06-05T13 target differs s=1/0 l=1/0 t=0/0 *\n");
    assert_string_equal(by(&r, &rig, VERIFY_BY_TABLE), "(table) target differs s=4/0 l=4/0 t=3/0 *\n");
    assert_int_equal(r.totals.reload.n, 1);
    assert_int_equal(r.totals.reload.at[0], books_row(&rig, C, 0).hour);
    rig_close(&rig);
}

/* Two objects exchange rows: counts and hash of hour and table stay as they were. */
static void what_cancels_out_is_seen(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    load_three(&rig, "target.lineage=true");
    tamper(&rig,
           "UPDATE t SET _load = CASE id WHEN 1 THEN (SELECT _load FROM t WHERE id = 3) ELSE (SELECT _load "
           "FROM t WHERE id = 1) END WHERE id IN (1, 3)");
    assert_string_equal(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 target differs s=3/0 l=3/0 t=3/0 *\n"
                                                      "2022-06-05T13 equal s=1/0 l=1/0 t=1/0\n");
    assert_true(r.totals.source.hash == r.totals.target.hash);
    assert_string_equal(by(&r, &rig, VERIFY_BY_TABLE), "(table) target differs s=4/0 l=4/0 t=4/0 *\n");
    assert_true(r.totals.source.hash == r.totals.target.hash);
    rig_close(&rig);
}

static void the_worst_of_an_hour_is_its_status(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    struct err err = ERR_INIT;
    load_three(&rig, "target.lineage=true");
    assert_int_equal(store_remove(rig.store, A, &err), ERR_OK);
    assert_non_null(strstr(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 gone s=1/0 l=3/0 t=3/0\n"));
    assert_non_null(strstr(by(&r, &rig, VERIFY_BY_TABLE), "(table) gone s=2/0 l=4/0 t=4/0\n"));
    rig_put(&rig, K("12", "new"), GOOD);
    assert_non_null(strstr(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 not loaded s=1/0 l=3/0 t=3/0 *\n"));
    assert_non_null(strstr(by(&r, &rig, VERIFY_BY_TABLE), "(table) not loaded s=2/0 l=4/0 t=4/0 *\n"));
    rig_put(&rig, B, HEAD "3,eve,4\n");
    assert_non_null(
        strstr(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 source differs s=1/0 l=3/0 t=3/0 *\n"));
    assert_non_null(strstr(by(&r, &rig, VERIFY_BY_TABLE), "(table) source differs"));
    tamper(&rig, "DELETE FROM t WHERE id = 2");
    assert_non_null(
        strstr(by(&r, &rig, VERIFY_BY_HOUR), "2022-06-05T12 target differs s=1/0 l=3/0 t=2/0 *\n"));
    tamper(&rig, "INSERT INTO t VALUES (1, 'x', 1, NULL)");
    by(&r, &rig, VERIFY_BY_HOUR);
    assert_non_null(strstr(r.text, "(unknown) target differs s=? l=? t=1/0 *\n"));
    rig_close(&rig);
}

static void rows_of_no_load_make_the_table_differ(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    load_three(&rig, "target.lineage=true");
    tamper(&rig, "INSERT INTO t VALUES (1, 'x', 1, NULL)");
    assert_string_equal(by(&r, &rig, VERIFY_BY_TABLE), "(table) target differs s=4/0 l=4/0 t=5/0 *\n");
    assert_int_equal(r.totals.reload.n, 0);
    rig_close(&rig);
}

/* The name of a file may begin with anything: an hour's objects need not lie together. */
static void hours_come_in_any_order(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    rig_open(&rig, PIPELINES[1], SETS("target.lineage=true", "source.layout=*/%Y%m%d%H.csv"));
    for (int file = 0; file < 3; file++)
        for (int hour = 0; hour < 20; hour++) {
            char key[64];
            snprintf(key, sizeof key, "%c/20220605%02d.csv", 'a' + file, (hour * 7) % 20);
            rig_put(&rig, key, GOOD);
        }
    assert_int_equal(rig_run(&rig, NULL), 0);
    by(&r, &rig, VERIFY_BY_HOUR);
    char want[4096] = "";
    for (int hour = 0; hour < 20; hour++)
        snprintf(want + strlen(want), sizeof want - strlen(want), "2022-06-05T%02d equal s=6/0 l=6/0 t=6/0\n",
                 hour);
    assert_string_equal(r.text, want);
    tamper(&rig, "DELETE FROM t");
    by(&r, &rig, VERIFY_BY_OBJECT);
    assert_int_equal(r.totals.reload.n, 20);
    for (size_t i = 1; i < r.totals.reload.n; i++)
        assert_int_equal(r.totals.reload.at[i], r.totals.reload.at[0] + (hour_t)i);
    rig_close(&rig);
}

static void without_lineage_hours_have_no_target(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    load_three(&rig, "target.lineage=false");
    assert_string_equal(by(&r, &rig, VERIFY_BY_HOUR),
                        "2022-06-05T12 equal s=3/0 l=3/0 t=?\n2022-06-05T13 equal s=1/0 l=1/0 t=?\n"
                        "(table) equal s=? l=4/0 t=4/0 *\n");
    assert_string_equal(by(&r, &rig, VERIFY_BY_TABLE), "(table) equal s=4/0 l=4/0 t=4/0 *\n");
    tamper(&rig, "DELETE FROM t WHERE id = 1");
    assert_string_equal(by(&r, &rig, VERIFY_BY_TABLE), "(table) target differs s=4/0 l=4/0 t=3/0 *\n");
    rig_close(&rig);
}

/* More hours than are listed: the first and the last of them all are known. */
static void very_many_hours_to_reload_become_a_range(void **state)
{
    (void)state;
    struct rig rig = {0};
    struct report r;
    enum { HOURS = VERIFY_RELOAD_MAX + 6 };
    rig_open(&rig, PIPELINES[1], LINEAGE);
    for (int i = 0; i < HOURS; i++) {
        char key[128];
        snprintf(key, sizeof key, "yyyy=2022/mm=06/dd=%02d/hh=%02d/a.csv", 1 + i / 5, (i % 5) * 3);
        rig_put(&rig, key, GOOD);
    }
    assert_int_equal(rig_run(&rig, NULL), 0);
    tamper(&rig, "DELETE FROM t WHERE id = 1");
    by(&r, &rig, VERIFY_BY_OBJECT);
    assert_int_equal(r.totals.different, HOURS);
    assert_int_equal(r.totals.reload.n, VERIFY_RELOAD_MAX);
    assert_true(r.totals.reload.more);
    assert_int_equal(r.totals.reload.last - r.totals.reload.first, 5 * 24 + 12);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_is_the_sum_of_its_objects),
        cmocka_unit_test(what_cancels_out_is_seen),
        cmocka_unit_test(the_worst_of_an_hour_is_its_status),
        cmocka_unit_test(rows_of_no_load_make_the_table_differ),
        cmocka_unit_test(hours_come_in_any_order),
        cmocka_unit_test(without_lineage_hours_have_no_target),
        cmocka_unit_test(very_many_hours_to_reload_become_a_range),
    };
    return cmocka_run_group_tests_name("verify_hours", tests, NULL, NULL);
}
