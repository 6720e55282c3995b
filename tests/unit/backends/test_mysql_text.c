/* mysql_text: rows as LOAD and INSERT read them, escapes, segments, the room of long texts, failed memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backends/mysql_infile.h"
#include "core/base/mem.h"
#include "core/data/canon.h"
#include "tests/support/sink_kit.h"

static const char SPEC[] = "b:boolean,i:bigint,d:double,f:float,n:decimal(5;2),s:text,y:date,z:timestamp";
static const char ROWS[] =
    "1|-9223372036854775808|0.30000000000000004|0.1|-1.50|x|0001-02-03|1969-12-31 23:59:59.000001\n"
    "0|0|-0.0|1e30|0.00||9999-12-31|2022-06-05 12:00:00\n"
    "\\N|\\N|\\N|\\N|\\N|\\N|\\N|\\N\n";

static void assert_text(enum mys_style style, const struct sink_segment *segments, const char *expected)
{
    struct err err = ERR_INIT;
    struct schema schema;
    struct buf out;

    kit_schema(&schema, SPEC);
    struct batch *batch = kit_batch(&schema, ROWS);
    struct mys_rows rows = {.style = style,
                            .batch = batch,
                            .segments = segments,
                            .lineage = segments != NULL,
                            .end = batch->rows};
    buf_init(&out, 4096);
    while (rows.row < rows.end)
        assert_int_equal(mys_put_row(&rows, &out, &err), ERR_OK);
    assert_string_equal(buf_str(&out), expected);
    assert_int_equal(out.len, strlen(expected));
    buf_release(&out);
    batch_free(batch);
    schema_release(&schema);
}

static void load_style(void **state)
{
    (void)state;
    assert_text(MYS_LOAD, NULL,
                "1\t-9223372036854775808\t0.30000000000000004\t0.10000000149011612\t-1.50\tx\t0001-02-03\t"
                "1969-12-31 23:59:59.000001\n"
                "0\t0\t0\t1.0000000150474662e+30\t0.00\t\t9999-12-31\t2022-06-05 12:00:00\n"
                "\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n");
}

static void insert_style(void **state)
{
    const struct sink_segment segments[] = {{0, 0, 7}, {0, 2, 8}, {2, 2, 9}, {2, 3, -10}};

    (void)state;
    assert_text(MYS_INSERT, segments,
                "('1','-9223372036854775808','0.30000000000000004','0.10000000149011612','-1.50','x',"
                "'0001-02-03','1969-12-31 23:59:59.000001',8)"
                "('0','0','0','1.0000000150474662e+30','0.00','','9999-12-31','2022-06-05 12:00:00',8)"
                "(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,-10)");
}

static void what_ends_cells_is_escaped(void **state)
{
    static const char IN[] = "a\tb\nc\\d'e\0f\r\"g\x80\xff";
    struct err err = ERR_INIT;
    struct buf out;

    (void)state;
    buf_init(&out, 48);
    assert_int_equal(mys_put_escaped(&out, IN, sizeof IN - 1, &err), ERR_OK);
    assert_string_equal(buf_str(&out), "a\\tb\\nc\\\\d\\'e\\0f\r\"g\x80\xff");
    assert_int_equal(mys_put_escaped(&out, IN, sizeof IN - 1, &err), ERR_NOMEM); /* over its maximum */
    buf_release(&out);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void long_text_and_no_memory(void **state)
{
    enum { LONG = 100000 };
    struct err err = ERR_INIT;
    struct schema schema;
    struct buf out;

    (void)state;
    kit_schema(&schema, "s:text");
    struct batch *batch = kit_batch(&schema, "");
    char *text = mem_alloc(LONG);
    assert_non_null(text);
    memset(text, '\t', LONG);
    batch_begin_row(batch);
    assert_int_equal(batch_set_str(batch, 0, text, LONG, &err), ERR_OK);
    batch_commit_row(batch, 1, 0);
    struct mys_rows rows = {.batch = batch, .end = 1};
    buf_init(&out, MYS_TEXT_MAX);
    mem_set_fault(always, NULL);
    assert_int_equal(mys_put_row(&rows, &out, &err), ERR_NOMEM);
    mem_set_fault(NULL, NULL);
    assert_int_equal(rows.row, 0); /* still to be put */
    err_clear(&err);
    assert_int_equal(mys_put_row(&rows, &out, &err), ERR_OK);
    assert_int_equal(out.len, 2 * LONG + 1);
    buf_release(&out);
    mem_free(text);
    batch_free(batch);
    schema_release(&schema);
}

/* Any double comes back from its text. */
static void doubles_round_trip(void **state)
{
    const struct clock *clock = clock_real();
    char text[CANON_DOUBLE_MAX];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = clock_random(clock);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (v - v != 0)
            continue; /* NaN, Inf */
        canon_double_any(v, text);
        back = strtod(text, NULL);
        assert_true(back == v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_style),
        cmocka_unit_test(insert_style),
        cmocka_unit_test(what_ends_cells_is_escaped),
        cmocka_unit_test(long_text_and_no_memory),
        cmocka_unit_test(doubles_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
