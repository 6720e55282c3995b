/*
 * sink_kit: see sink_kit.h. Invariant: no state of its own; everything made here is freed by the test or by
 * the call itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/data/types.h"
#include "tests/support/sink_kit.h"

void kit_schema(struct schema *schema, const char *spec)
{
    struct err err = ERR_INIT;
    char *copy = mem_strdup(spec), *save = NULL;

    memset(schema, 0, sizeof *schema);
    assert_non_null(copy);
    schema->columns = mem_calloc(KIT_COLUMNS_MAX, sizeof *schema->columns);
    assert_non_null(schema->columns);
    /* decimal(10;2): the comma divides columns. */
    for (char *one = strtok_r(copy, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        struct schema_column *column = &schema->columns[schema->ncolumns++];
        char *type = strchr(one, ':');
        *type++ = '\0';
        size_t len = strlen(type);
        column->nullable = type[len - 1] != '!';
        if (!column->nullable)
            type[len - 1] = '\0';
        for (char *semicolon = strchr(type, ';'); semicolon; semicolon = NULL)
            *semicolon = ',';
        column->name = mem_strdup(one);
        column->from = mem_strdup(one);
        assert_int_equal(type_parse(type, &column->type, &err), ERR_OK);
    }
    mem_free(copy);
    assert_int_equal(schema_seal(schema, &err), ERR_OK);
}

static void put_cell(struct batch *batch, size_t c, const char *text, size_t len)
{
    if (len == 2 && memcmp(text, "\\N", 2) == 0)
        batch_set_null(batch, c);
    else
        assert_int_equal(types_put(batch, c, &schema_loaded(batch->schema, c)->type, text, len), ERRN_NONE);
}

struct batch *kit_batch(const struct schema *schema, const char *rows)
{
    struct err err = ERR_INIT;
    struct batch *batch;
    int64_t line = 1;

    assert_int_equal(batch_new(schema, 4096, 1024 * 1024, &batch, &err), ERR_OK);
    while (*rows) {
        batch_begin_row(batch);
        for (size_t c = 0; c < schema->nloaded; c++) {
            size_t len = strcspn(rows, "|\n");
            put_cell(batch, c, rows, len);
            rows += len;
            assert_int_equal(*rows, c + 1 < schema->nloaded ? '|' : '\n');
            rows++;
        }
        batch_commit_row(batch, line++, 0);
    }
    return batch;
}

struct ledger_row kit_ledger(const char *object, int64_t chunk, const char *run_id)
{
    struct ledger_row row = {.chunk = chunk,
                             .hour = KIT_HOUR,
                             .kind = LOAD_KIND_LOAD,
                             .last = true,
                             .byte_start = 10 * chunk,
                             .byte_end = 10 * chunk + 9,
                             .first_line = 2,
                             .next_line = 7,
                             .chunk_rows = 5,
                             .bytes = 99,
                             .rows_read = 6,
                             .rows_loaded = 5,
                             .rows_rejected = 1,
                             .row_hash = UINT64_C(0xfedcba9876543210),
                             .schema_hash = UINT64_C(0x8000000000000001),
                             .load_method = "test"};

    (void)!snprintf(row.object, sizeof row.object, "%s", object);
    (void)!snprintf(row.etag, sizeof row.etag, "etag-%s", object);
    (void)!snprintf(row.run_id, sizeof row.run_id, "%s", run_id);
    for (size_t i = 0; i < HASH_BYTES; i++)
        row.content.bytes[i] = (uint8_t)(0xf0 + i);
    return row;
}

int64_t kit_claim(struct sink *sink, const char *owner)
{
    struct err err = ERR_INIT;
    struct claim_row row;
    bool taken;

    assert_int_equal(sink_claim_take(sink, KIT_HOUR, owner, NULL, &row, &taken, &err), ERR_OK);
    assert_true(taken);
    return row.epoch;
}

struct sink_load *kit_begin(struct sink *sink, const char *run_id)
{
    struct err err = ERR_INIT;
    struct sink_load *load;
    struct sink_begin begin = {KIT_HOUR, "me", kit_claim(sink, "me"), run_id};

    assert_int_equal(sink_begin(sink, &begin, &load, &err), ERR_OK);
    return load;
}

enum err_code kit_append(struct sink_load *load, const char *rows, int64_t load_id, struct err *err)
{
    struct batch *batch = kit_batch(load->sink->target.schema, rows);
    struct sink_segment segment = {0, batch->rows, load_id};
    int64_t stored;
    enum err_code rc = sink_append(load, batch, &segment, 1, &stored, err);

    if (rc == ERR_OK)
        assert_int_equal(stored, (int64_t)batch->rows);
    batch_free(batch);
    return rc;
}

int64_t kit_load(struct sink *sink, const char *object, const char *rows)
{
    struct err err = ERR_INIT;
    struct sink_load *load = kit_begin(sink, "run1");
    struct ledger_row row = kit_ledger(object, 0, "run1");

    assert_int_equal(sink_ledger_insert(load, &row, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, rows, row.id, &err), ERR_OK);
    assert_int_equal(sink_totals(load, &row, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    return row.id;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *row_text(const struct batch *batch, size_t row, int64_t id, bool ids, bool odd)
{
    struct err err = ERR_INIT;
    struct buf text;

    buf_init(&text, BATCH_TEXT_MAX);
    if (odd)
        assert_int_equal(buf_append_char(&text, '?', &err), ERR_OK);
    if (ids)
        assert_int_equal(buf_printf(&text, &err, "%lld:", (long long)id), ERR_OK);
    for (size_t c = 0; c < batch->ncols; c++) {
        if (c)
            assert_int_equal(buf_append_char(&text, '|', &err), ERR_OK);
        if (batch->cols[c].null[row])
            assert_int_equal(buf_append_str(&text, "\\N", &err), ERR_OK);
        else
            assert_int_equal(canon_text(batch, c, row, &text, &err), ERR_OK);
    }
    return text.data; /* owned by the caller from here */
}

static char *join(char **lines, size_t n)
{
    struct err err = ERR_INIT;
    struct buf all;

    buf_init(&all, BATCH_TEXT_MAX);
    assert_int_equal(buf_append_str(&all, "", &err), ERR_OK);
    if (n)
        qsort(lines, n, sizeof *lines, by_text);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(buf_append_str(&all, lines[i], &err), ERR_OK);
        assert_int_equal(buf_append_char(&all, '\n', &err), ERR_OK);
        mem_free(lines[i]);
    }
    mem_free(lines);
    return all.data;
}

char *kit_rows(struct sink *sink, int64_t load_id, bool ids)
{
    enum { PAGE = 7 }; /* so that scans span pages */
    struct err err = ERR_INIT;
    struct sink_scan *scan;
    struct batch *batch;
    int64_t load_ids[PAGE];
    uint8_t odd[PAGE];
    char **lines = NULL;
    size_t n = 0;

    assert_int_equal(batch_new(sink->target.schema, PAGE, 1024 * 1024, &batch, &err), ERR_OK);
    assert_int_equal(sink_scan_begin(sink, load_id, &scan, &err), ERR_OK);
    for (;;) {
        assert_int_equal(sink_scan_next(scan, batch, load_ids, odd, &err), ERR_OK);
        if (batch->rows == 0)
            break;
        lines = mem_realloc(lines, (n + batch->rows) * sizeof *lines);
        assert_non_null(lines);
        for (size_t i = 0; i < batch->rows; i++)
            lines[n++] = row_text(batch, i, load_ids[i], ids, odd[i] != 0);
    }
    assert_int_equal(sink_scan_next(scan, batch, load_ids, odd, &err), ERR_OK);
    assert_int_equal(batch->rows, 0); /* the end stays the end */
    sink_scan_end(scan);
    batch_free(batch);
    return join(lines, n);
}

size_t kit_count(struct sink *sink, int64_t load_id)
{
    char *rows = kit_rows(sink, load_id, false);
    size_t n = 0;

    for (const char *at = rows; (at = strchr(at, '\n')); at++)
        n++;
    mem_free(rows);
    return n;
}

size_t kit_ledger_count(struct sink *sink, const struct ledger_query *query)
{
    static struct ledger_row rows[REC_PAGE];
    struct err err = ERR_INIT;
    size_t n;

    assert_int_equal(sink_ledger_page(sink, query, rows, REC_PAGE, &n, &err), ERR_OK);
    return n;
}

void kit_assert_rows(struct sink *sink, int64_t load_id, const char *expected)
{
    char *rows = kit_rows(sink, load_id, false);

    assert_string_equal(rows, expected);
    mem_free(rows);
}
