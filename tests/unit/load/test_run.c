/* run: what is loaded, what is left alone, and what is said, over memory and over SQLite. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/rig.h"

#define K(h, f) "yyyy=2022/mm=06/dd=05/hh=" h "/" f ".csv"
#define GOOD    "id,name,amount\n1,ann,1.5\n2,NA,\n3,\"b,c\",-2e3\n"
#define BAD     "id,name,amount\n4,dan,1\nx,eve,2\n5,fay,3\n"

static const char *const PIPELINES[] = {RIG_PIPELINE("mem:lake", "mem:db", ""),
                                        RIG_PIPELINE("file:lake", "sqlite:t.db", "")};

static void loads_each_object_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = {0};
        rig_open(&rig, PIPELINES[i], NULL, 0);
        rig_put(&rig, K("12", "a"), GOOD);
        rig_put(&rig, K("12", "b"), "id,name,amount\n");
        rig_put(&rig, K("13", "a"), "amount,id,name\n1,9,z\n");
        rig_put(&rig, "yyyy=2022/other.txt", "?");
        assert_int_equal(rig_run(&rig, NULL), 0);
        assert_string_equal(buf_str(&rig.log),
                            K("12", "a") " loaded 3 3 0 -\n" K("12", "b") " loaded 0 0 0 -\n" K(
                                "13", "a") " loaded 1 1 0 -\n");
        assert_string_equal(buf_str(&rig.hours), "2022-06-05T12 loaded\n2022-06-05T13 loaded\n");
        assert_int_equal(rig.totals.ignored, 1);
        uint64_t hash = 0;
        assert_int_equal(rig_rows(&rig, &hash), 4);
        assert_true(hash == rig.totals.row_hash);
        assert_int_equal(rig_run(&rig, NULL), 0);
        assert_string_equal(buf_str(&rig.log), "");
        assert_int_equal(rig.totals.unchanged, 3);
        assert_int_equal(rig_rows(&rig, NULL), 4);
        rig_close(&rig);
    }
}

static void a_bad_file_does_not_touch_its_neighbours(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = {0};
        rig_open(&rig, PIPELINES[i], NULL, 0);
        rig_put(&rig, K("12", "a"), GOOD);
        rig_put(&rig, K("12", "b"), BAD);
        rig_put(&rig, K("12", "c"), GOOD);
        assert_int_equal(rig_run(&rig, NULL), 3);
        assert_string_equal(buf_str(&rig.log),
                            K("12", "a") " loaded 3 3 0 -\n" K("12", "c") " loaded 3 3 0 -\n" K(
                                "12", "b") " failed 3 0 1 REJECT_LIMIT\n");
        assert_int_equal(rig_rows(&rig, NULL), 6);
        rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_each_object_once),
        cmocka_unit_test(a_bad_file_does_not_touch_its_neighbours),
    };
    return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
