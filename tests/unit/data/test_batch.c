/* Rows that are begun, committed, left out and forgotten, and the text that goes with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/batch.h"

static struct schema_column columns[] = {
    {.type = {.kind = TYPE_BIGINT}}, {.type = {.kind = TYPE_TEXT}}, {.drop = true},
    {.type = {.kind = TYPE_DOUBLE}}, {.type = {.kind = TYPE_TEXT}},
};
static size_t loaded[] = {0, 1, 3, 4};
static const struct schema schema = {.columns = columns, .ncolumns = 5, .loaded = loaded, .nloaded = 4};

static struct batch *new_batch(size_t rows, size_t text)
{
    struct batch *b;
    struct err err = ERR_INIT;
    assert_int_equal(batch_new(&schema, rows, text, &b, &err), ERR_OK);
    return b;
}

static void set(struct batch *b, size_t c, const char *text)
{
    struct err err = ERR_INIT;
    assert_int_equal(batch_set_str(b, c, text, strlen(text), &err), ERR_OK);
}

static void is_text(const struct batch *b, size_t c, size_t row, const char *want)
{
    size_t len;
    const char *text = batch_str(b, c, row, &len);
    assert_int_equal(len, strlen(want));
    assert_memory_equal(text, want, len);
}

/* Row i: i, "left i" or NULL (every third), i / 2, "" or "right i" (every second). */
static void add_row(struct batch *b, int i)
{
    char text[32];
    batch_begin_row(b);
    batch_set_i64(b, 0, i);
    snprintf(text, sizeof text, "left %d", i);
    if (i % 3 == 0)
        batch_set_null(b, 1);
    else
        set(b, 1, text);
    batch_set_f64(b, 2, i / 2.0);
    snprintf(text, sizeof text, "right %d", i);
    set(b, 3, i % 2 ? "" : text);
    batch_commit_row(b, 100 + i, 1000 + i);
}

static void is_row(const struct batch *b, int i)
{
    char text[32];
    assert_int_equal(b->cols[0].i64[i], i);
    snprintf(text, sizeof text, "left %d", i);
    assert_int_equal(b->cols[1].null[i], i % 3 == 0);
    is_text(b, 1, i, i % 3 == 0 ? "" : text);
    assert_true(b->cols[2].f64[i] == i / 2.0);
    snprintf(text, sizeof text, "right %d", i);
    assert_int_equal(b->cols[3].null[i], 0);
    is_text(b, 3, i, i % 2 ? "" : text);
    assert_int_equal(b->line[i], 100 + i);
    assert_int_equal(b->offset[i], 1000 + i);
}

static void rows_keep_what_was_set(void **state)
{
    (void)state;
    struct batch *b = new_batch(100, 1 << 20);
    assert_int_equal(b->ncols, 4);
    for (int i = 0; i < 100; i++) {
        assert_false(batch_full(b));
        add_row(b, i);
    }
    assert_true(batch_full(b));
    for (int i = 0; i < 100; i++)
        is_row(b, i);
    assert_true(batch_bytes(b) >= 100 * (16 + 4 * 9) + b->text.len);
    batch_free(b);
}

static void null_clears_the_slot(void **state)
{
    (void)state;
    struct batch *b = new_batch(1, 100);
    batch_set_i64(b, 0, 7);
    set(b, 1, "x");
    batch_set_f64(b, 2, 7);
    for (size_t c = 0; c < 3; c++)
        batch_set_null(b, c);
    assert_int_equal(b->cols[0].i64[0], 0);
    is_text(b, 1, 0, "");
    assert_int_equal(b->cols[2].i64[0], 0);
    for (size_t c = 0; c < 3; c++)
        assert_int_equal(b->cols[c].null[0], 1);
    batch_set_i64(b, 0, 8);
    assert_int_equal(b->cols[0].null[0], 0);
    set(b, 1, "");
    assert_int_equal(b->cols[1].null[0], 0);
    batch_free(b);
}

static void row_left_out_leaves_no_text(void **state)
{
    (void)state;
    struct batch *b = new_batch(10, 1000);
    add_row(b, 0);
    size_t len = b->text.len;
    batch_begin_row(b);
    set(b, 1, "a text of a bad record");
    batch_begin_row(b);
    assert_int_equal(b->text.len, len);
    add_row(b, 1);
    assert_int_equal(b->rows, 2);
    is_row(b, 0);
    is_row(b, 1);
    batch_free(b);
}

static void truncate_forgets_rows_and_text(void **state)
{
    (void)state;
    size_t text[21] = {0};
    for (size_t keep = 0; keep <= 20; keep++) {
        struct batch *b = new_batch(20, 10000);
        for (int i = 0; i < 20; i++) {
            text[i] = b->text.len;
            add_row(b, i);
        }
        text[20] = b->text.len;
        batch_truncate(b, keep);
        assert_int_equal(b->rows, keep);
        assert_int_equal(b->text.len, text[keep]);
        assert_int_equal(b->text_mark, text[keep]);
        for (int i = (int)keep; i < 20; i++)
            add_row(b, i);
        for (int i = 0; i < 20; i++)
            is_row(b, i);
        batch_truncate(b, 25);
        assert_int_equal(b->rows, 20);
        batch_free(b);
    }
}

static void clear_starts_over(void **state)
{
    (void)state;
    struct batch *b = new_batch(5, 1000);
    for (int i = 0; i < 5; i++)
        add_row(b, i);
    batch_clear(b);
    assert_int_equal(b->rows, 0);
    assert_int_equal(b->text.len, 0);
    assert_int_equal(batch_bytes(b), 0);
    for (int i = 0; i < 5; i++)
        add_row(b, i);
    for (int i = 0; i < 5; i++)
        is_row(b, i);
    batch_free(b);
}

static void text_fills_a_batch(void **state)
{
    (void)state;
    struct batch *b = new_batch(100, 50);
    int rows = 0;
    while (!batch_full(b))
        add_row(b, rows++);
    assert_true(b->text.len >= 50);
    assert_true(b->text.len < 50 + 20);
    is_row(b, rows - 1);
    batch_free(b);
}

static void bounds_of_new(void **state)
{
    (void)state;
    struct batch *b;
    static const struct {
        size_t rows, text;
    } bad[] = {{0, 1}, {BATCH_ROWS_MAX + 1, 1}, {1, 16 * 1024 * 1024 + 1}};
    for (size_t i = 0; i < 3; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(batch_new(&schema, bad[i].rows, bad[i].text, &b, &err), ERR_INTERNAL);
        assert_null(b);
    }
    batch_free(NULL);
}

static bool nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void without_memory(void **state)
{
    (void)state;
    struct batch *b = NULL;
    enum err_code code = ERR_NOMEM;
    int tries;
    for (tries = 0; code == ERR_NOMEM && tries < 50; tries++) {
        int left = tries;
        struct err err = ERR_INIT;
        mem_set_fault(nth, &left);
        code = batch_new(&schema, 10, 10, &b, &err);
        mem_set_fault(NULL, NULL);
        if (code)
            assert_null(b);
    }
    assert_int_equal(code, ERR_OK);
    assert_int_equal(tries, 4 + 2 * 4 + 1);
    struct err err = ERR_INIT;
    int now = 0;
    batch_set_null(b, 1);
    mem_set_fault(nth, &now);
    assert_int_equal(batch_set_str(b, 1, "text", 4, &err), ERR_NOMEM);
    mem_set_fault(NULL, NULL);
    assert_int_equal(b->cols[1].null[0], 1);
    batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_keep_what_was_set),
        cmocka_unit_test(null_clears_the_slot),
        cmocka_unit_test(row_left_out_leaves_no_text),
        cmocka_unit_test(truncate_forgets_rows_and_text),
        cmocka_unit_test(clear_starts_over),
        cmocka_unit_test(text_fills_a_batch),
        cmocka_unit_test(bounds_of_new),
        cmocka_unit_test(without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
