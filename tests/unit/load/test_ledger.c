/* ledger: each equation of conservation is seen to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/load/ledger.h"

/* 100 raw bytes become 200: BOM 3, records 190, blank 7; a header, 8 rows and a reject. */
static struct object_tally balanced(void)
{
    return (struct object_tally){
        .raw_bytes = 100,
        .object_size = 100,
        .decoded_bytes = 200,
        .csv = {.records = 10, .bytes = 200, .bytes_bom = 3, .bytes_records = 190, .bytes_blank = 7},
        .other_records = 1,
        .rows_loaded = 8,
        .rows_rejected = 1,
    };
}

static void a_balanced_object_passes(void **state)
{
    struct object_tally tally = balanced();
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(ledger_check_object(&tally, &err), ERR_OK);
    tally = (struct object_tally){0};
    assert_int_equal(ledger_check_object(&tally, &err), ERR_OK);
}

static void each_count_of_an_object_matters(void **state)
{
    static const size_t COUNTS[] = {
        offsetof(struct object_tally, raw_bytes),
        offsetof(struct object_tally, object_size),
        offsetof(struct object_tally, decoded_bytes),
        offsetof(struct object_tally, csv) + offsetof(struct csv_counts, records),
        offsetof(struct object_tally, csv) + offsetof(struct csv_counts, bytes),
        offsetof(struct object_tally, csv) + offsetof(struct csv_counts, bytes_bom),
        offsetof(struct object_tally, csv) + offsetof(struct csv_counts, bytes_records),
        offsetof(struct object_tally, csv) + offsetof(struct csv_counts, bytes_blank),
        offsetof(struct object_tally, other_records),
        offsetof(struct object_tally, rows_loaded),
        offsetof(struct object_tally, rows_rejected),
    };
    (void)state;
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++)
        for (int by = -1; by <= 1; by += 2) {
            struct object_tally tally = balanced();
            struct err err = ERR_INIT;
            int64_t value;
            memcpy(&value, (char *)&tally + COUNTS[i], sizeof value);
            value += by;
            memcpy((char *)&tally + COUNTS[i], &value, sizeof value);
            assert_int_equal(ledger_check_object(&tally, &err), ERR_INTERNAL);
            assert_int_equal(err.name, ERRN_CONSERVATION);
        }
}

static void what_was_sent_is_what_was_stored(void **state)
{
    static const int64_t CASES[][4] = {{5, 4, 2, 2}, {4, 5, 2, 2}, {5, 5, 2, 1}, {5, 5, 1, 2}};
    struct err ok = ERR_INIT;
    (void)state;
    assert_int_equal(ledger_check_stored(5, 5, 2, 2, &ok), ERR_OK);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(ledger_check_stored(CASES[i][0], CASES[i][1], CASES[i][2], CASES[i][3], &err),
                         ERR_INTERNAL);
        assert_int_equal(err.name, ERRN_CONSERVATION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_balanced_object_passes),
        cmocka_unit_test(each_count_of_an_object_matters),
        cmocka_unit_test(what_was_sent_is_what_was_stored),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
