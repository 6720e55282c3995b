/* ledger: each equation of conservation, broken alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/load/ledger.h"

/* An object of 100 bytes: a BOM, a header, nine records of which two were passed over, one blank line. */
static const struct object_tally GOOD = {
    .raw_bytes = 40,
    .object_size = 40,
    .decoded_bytes = 100,
    .csv = {.bytes = 100, .bytes_bom = 3, .bytes_records = 95, .bytes_blank = 2, .records = 10},
    .other_records = 3,
    .rows_loaded = 5,
    .rows_rejected = 2,
};

static void check(const struct object_tally *tally, const char *part)
{
    struct err err = ERR_INIT;
    enum err_code code = ledger_check_object(tally, &err);
    if (!part) {
        assert_int_equal(code, ERR_OK);
        return;
    }
    assert_int_equal(code, ERR_INTERNAL);
    assert_int_equal(err.name, ERRN_CONSERVATION);
    if (!strstr(err.msg, part))
        fail_msg("%s is not in: %s", part, err.msg);
}

static void an_object_is_conserved_to_the_byte_and_record(void **state)
{
    struct object_tally t = GOOD;
    (void)state;
    check(&t, NULL);
    t.raw_bytes = 39;
    check(&t, "bytes read against the object's size: 39 is not 40");
    t = GOOD;
    t.csv.bytes = 101;
    check(&t, "bytes parsed against bytes decoded: 101 is not 100");
    t = GOOD;
    t.csv.bytes_blank = 1;
    check(&t, "blank lines against bytes decoded: 99 is not 100");
    t = GOOD;
    t.csv.bytes_bom = 0;
    check(&t, "97 is not 100");
    t = GOOD;
    t.csv.records = 11;
    check(&t, "records read against loaded and rejected: 8 is not 7");
    t = GOOD;
    t.rows_rejected = 1;
    check(&t, "7 is not 6");
    t = GOOD;
    t.other_records = 4;
    check(&t, "6 is not 7");
}

static void what_was_sent_is_what_the_database_counted(void **state)
{
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(ledger_check_stored(5, 5, 2, 2, &err), ERR_OK);
    assert_int_equal(ledger_check_stored(5, 4, 2, 2, &err), ERR_INTERNAL);
    assert_string_equal(err.msg, "rows sent against rows the database counted: 5 is not 4");
    err_clear(&err);
    assert_int_equal(ledger_check_stored(5, 5, 2, 3, &err), ERR_INTERNAL);
    assert_string_equal(err.msg, "rejects sent against rejects the database counted: 2 is not 3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_is_conserved_to_the_byte_and_record),
        cmocka_unit_test(what_was_sent_is_what_the_database_counted),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
