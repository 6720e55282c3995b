/*
 * csv_dump: runs the CSV reader over known bytes and writes down what it gives.
 *
 * Invariants that every run asserts: records and blank lines follow each other without a gap, raw bytes are
 * the data's at the record's offset, and the counts add up to the bytes read.
 */
#include "tests/support/csv_dump.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <string.h>

static void add(struct buf *out, const char *text, size_t len)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        assert_int_equal(
            isprint(c) ? buf_append_char(out, (char)c, &err) : buf_printf(out, &err, "\\x%02X", c), ERR_OK);
    }
}

void csv_dump_record(const struct csv_record *record, struct buf *out)
{
    struct err err = ERR_INIT;
    assert_int_equal(buf_printf(out, &err, "%c %lld:%lld ", record->bad ? 'B' : 'R', (long long)record->line,
                                (long long)record->offset),
                     ERR_OK);
    if (record->bad) {
        assert_int_equal(
            buf_printf(out, &err, "%s %lld\n", err_name_text(record->bad), (long long)record->raw_total),
            ERR_OK);
        return;
    }
    for (size_t i = 0; i < record->nfields; i++) {
        const struct csv_field *f = &record->fields[i];
        assert_int_equal(buf_append_char(out, i ? '|' : '[', &err), ERR_OK);
        if (f->empty_unquoted) {
            assert_int_equal(f->len, 0);
            assert_int_equal(buf_append_char(out, '~', &err), ERR_OK);
        }
        add(out, f->data, f->len);
    }
    assert_int_equal(buf_append_str(out, "]\n", &err), ERR_OK);
}

static int64_t line_ends(const char *data, size_t len)
{
    int64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += data[i] == '\n';
    return n;
}

enum err_code csv_dump(const char *data, size_t len, struct bytes *src, const struct csv_limits *limits,
                       struct buf *out, struct err *err)
{
    struct csv_dialect dialect = {',', '"', CSV_HEADER_BY_NAME};
    struct csv_reader *reader;
    enum err_code code = csv_open(&dialect, limits, src, &reader, err);
    if (code != ERR_OK)
        return code;
    const struct csv_counts *counts = csv_counts(reader);
    int64_t at = 0, records = 0, bytes = 0;
    for (;;) {
        enum csv_event event;
        struct csv_record r;
        code = csv_next(reader, &event, &r, err);
        if (code != ERR_OK || event == CSV_END)
            break;
        assert_int_equal(event == CSV_BAD, r.bad != ERRN_NONE);
        assert_true(r.bad == ERRN_NONE || r.nfields == 0);
        for (; at < r.offset; at++) /* what is passed over is blank, or a BOM */
            assert_true(data[at] == '\n' || data[at] == '\r' || at < 3);
        assert_int_equal(r.offset, at);
        assert_int_equal(r.line, 1 + line_ends(data, (size_t)at));
        assert_true((size_t)at + (size_t)r.raw_total <= len);
        assert_memory_equal(r.raw, data + at, r.raw_len);
        assert_true(r.raw_len == (size_t)r.raw_total || r.raw_len == CSV_CUT_KEEP);
        at += r.raw_total;
        bytes += r.raw_total;
        records++;
        assert_int_equal(counts->bytes, at);
        csv_dump_record(&r, out);
    }
    if (code == ERR_OK) {
        assert_int_equal(counts->bytes, len);
        assert_int_equal(counts->bytes_records, bytes);
        assert_int_equal(counts->bytes, counts->bytes_bom + counts->bytes_records + counts->bytes_blank);
        assert_int_equal(counts->records, records);
        bool open_end = len > (size_t)counts->bytes_bom && data[len - 1] != '\n';
        assert_int_equal(counts->lines, line_ends(data, len) + open_end);
    }
    csv_close(reader);
    return code;
}
