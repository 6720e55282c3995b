/*
 * fuzz_csv: the CSV reader over any bytes, with the real limits and tiny ones, two dialects, reads of several
 * sizes.
 *
 * Checks: the same records whatever the size of the reads; raw bytes, blank lines and BOM are the input, all
 * of it, and the counts say so; limits hold; a record alone, and a record written anew with quotes, is the
 * same record; short memory is an error and nothing else.
 */
#include <string.h>

#include "core/data/csv.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/bytes_steps.h"

enum { EVENTS_MAX = 1 << 28, TEXT_MAX = 64 * 1024 * 1024, ALLOCATIONS = 12 };

static const struct csv_limits tiny = {.field_max = 5, .record_max = 20, .columns_max = 4};
static const struct csv_dialect comma = {',', '"', CSV_HEADER_NONE}, semicolon = {';', '\'', CSV_HEADER_NONE};

struct whole {
    const char *data;
    size_t size;
    const struct csv_dialect *dialect;
    const struct csv_limits *limits;
    struct csv_reader *reader, *alone; /* kept from input to input */
    struct buf events, again, text;
};

static void log_number(struct buf *out, int64_t v)
{
    fuzz_append(out, &v, sizeof v);
}

static void log_fields(struct buf *out, const struct csv_record *r)
{
    for (size_t i = 0; i < r->nfields; i++) {
        log_number(out, r->fields[i].empty_unquoted);
        log_number(out, r->fields[i].len);
        fuzz_append(out, r->fields[i].data, r->fields[i].len);
    }
}

static void log_record(struct buf *out, const struct csv_record *r)
{
    log_number(out, r->line);
    log_number(out, r->offset);
    log_number(out, r->raw_total);
    log_number(out, r->bad);
    log_number(out, (int64_t)r->bad_field);
    log_number(out, (int64_t)r->nfields);
    log_fields(out, r);
}

static void check_fields(const struct whole *w, const struct csv_record *r)
{
    size_t sum = 0;

    FUZZ_CHECK(r->nfields > 0 && r->nfields <= w->limits->columns_max);
    for (size_t i = 0; i < r->nfields; i++) {
        FUZZ_CHECK(r->fields[i].len <= w->limits->field_max);
        FUZZ_CHECK(!r->fields[i].empty_unquoted || r->fields[i].len == 0);
        FUZZ_CHECK(!memchr(r->fields[i].data, 0, r->fields[i].len));
        sum += r->fields[i].len + (i > 0);
    }
    FUZZ_CHECK(sum <= r->raw_len);
}

/* The record's place and bytes are the input's; what was passed over before it is blank. */
static void check_place(const struct whole *w, const struct csv_record *r, int64_t *at, int64_t *line)
{
    bool bom = w->size >= 3 && memcmp(w->data, "\xEF\xBB\xBF", 3) == 0;

    for (; *at < r->offset; ++*at) {
        FUZZ_CHECK(w->data[*at] == '\n' || w->data[*at] == '\r' || (bom && *at < 3));
        *line += w->data[*at] == '\n';
    }
    FUZZ_CHECK(r->offset == *at && r->line == *line);
    FUZZ_CHECK(r->raw_total > 0 && r->raw_total <= (int64_t)w->size - *at);
    FUZZ_CHECK(r->raw_len == (size_t)r->raw_total || r->raw_len == CSV_CUT_KEEP);
    FUZZ_CHECK(memcmp(r->raw, w->data + *at, r->raw_len) == 0);
    for (int64_t end = *at + r->raw_total; *at < end; ++*at)
        *line += w->data[*at] == '\n';
}

/* The reader gives one record for these bytes: the same. */
static void check_same(struct whole *w, const char *data, size_t size, const struct csv_record *want)
{
    struct bytes_steps src;
    struct err err = ERR_INIT;
    struct csv_record got;
    enum csv_event event;

    bytes_steps_init(&src, data, size, size + 1);
    csv_reset(w->alone, &src.base);
    FUZZ_CHECK(csv_next(w->alone, &event, &got, &err) == ERR_OK && event != CSV_END);
    /* The first line of a record that a lone CR broke further down may end in a quote. */
    FUZZ_CHECK(got.bad == want->bad || (want->bad == ERRN_CSV_LONE_CR && got.bad == ERRN_CSV_QUOTE));
    FUZZ_CHECK(got.nfields == want->nfields);
    buf_clear(&w->again);
    log_fields(&w->again, want);
    size_t len = w->again.len;
    log_fields(&w->again, &got);
    FUZZ_CHECK(w->again.len == 2 * len && (len == 0 || memcmp(w->again.data, w->again.data + len, len) == 0));
    FUZZ_CHECK(csv_next(w->alone, &event, &got, &err) == ERR_OK && event == CSV_END);
}

static void check_written_anew(struct whole *w, const struct csv_record *r)
{
    buf_clear(&w->text);
    for (size_t i = 0; i < r->nfields; i++) {
        const struct csv_field *f = &r->fields[i];

        if (i > 0)
            fuzz_append(&w->text, &w->dialect->delimiter, 1);
        for (size_t k = 0; !f->empty_unquoted && k <= f->len + 1; k++) {
            const char *c = k == 0 || k > f->len ? &w->dialect->quote : &f->data[k - 1];

            fuzz_append(&w->text, c, 1);
            if (c != &w->dialect->quote && *c == w->dialect->quote)
                fuzz_append(&w->text, c, 1);
        }
    }
    fuzz_append(&w->text, "\n", 1);
    if (w->text.len <= w->limits->record_max)
        check_same(w, w->text.data, w->text.len, r);
}

/* Without a quote the fields are what stands between the delimiters, and no line end is inside. */
static void check_plain(struct whole *w, const struct csv_record *r)
{
    const char *from = r->raw, *to = r->raw + r->raw_len;

    while (from < to && (*from == '\r' || *from == '\n'))
        from++;
    while (to > from && (to[-1] == '\r' || to[-1] == '\n'))
        to--;
    buf_clear(&w->text);
    for (size_t i = 0; i < r->nfields; i++) {
        if (i > 0)
            fuzz_append(&w->text, &w->dialect->delimiter, 1);
        fuzz_append(&w->text, r->fields[i].data, r->fields[i].len);
    }
    FUZZ_CHECK(w->text.len == (size_t)(to - from) && memcmp(w->text.data, from, w->text.len) == 0);
    FUZZ_CHECK(!memchr(from, '\r', w->text.len) && !memchr(from, '\n', w->text.len));
}

static void check_record(struct whole *w, const struct csv_record *r)
{
    bool bom = r->raw_len >= 3 && memcmp(r->raw, "\xEF\xBB\xBF", 3) == 0;

    /* The first line of a record over the cap may have another fault by itself. */
    if (r->raw_len == (size_t)r->raw_total && r->bad != ERRN_CSV_RECORD_TOO_LONG && !bom)
        check_same(w, r->raw, r->raw_len, r);
    if (r->bad == ERRN_NONE)
        check_written_anew(w, r);
    if (r->bad == ERRN_NONE && !memchr(r->raw, w->dialect->quote, r->raw_len))
        check_plain(w, r);
}

/* Reads to the end; `deep` looks at each record by itself too. Returns the reader's verdict. */
static enum err_code read_all(struct whole *w, struct csv_reader *reader, bool deep, struct buf *events,
                              struct err *err)
{
    const struct csv_counts *counts = csv_counts(reader);
    struct csv_record r;
    enum csv_event event;
    enum err_code code;
    int64_t at = 0, line = 1, records = 0, bytes = 0;

    buf_clear(events);
    while ((code = csv_next(reader, &event, &r, err)) == ERR_OK && event != CSV_END) {
        FUZZ_CHECK((event == CSV_BAD) == (r.bad != ERRN_NONE));
        check_place(w, &r, &at, &line);
        FUZZ_CHECK(counts->bytes == at && counts->records == ++records);
        bytes += r.raw_total;
        log_record(events, &r);
        if (r.bad == ERRN_NONE)
            check_fields(w, &r);
        else
            FUZZ_CHECK(r.nfields == 0);
        if (deep)
            check_record(w, &r);
    }
    if (code != ERR_OK)
        return code;
    for (; at < (int64_t)w->size; at++) {
        FUZZ_CHECK(w->data[at] == '\n' || w->data[at] == '\r' || at < counts->bytes_bom);
        line += w->data[at] == '\n';
    }
    bool open_end = at > counts->bytes_bom && w->data[at - 1] != '\n';
    FUZZ_CHECK(counts->lines == line - 1 + open_end);
    FUZZ_CHECK(counts->bytes == (int64_t)w->size && counts->bytes_records == bytes);
    FUZZ_CHECK(counts->bytes == counts->bytes_bom + counts->bytes_records + counts->bytes_blank);
    return ERR_OK;
}

static void check_short_memory(struct whole *w)
{
    struct bytes_steps src;
    struct err err = ERR_INIT;
    struct csv_reader *reader;

    bytes_steps_init(&src, w->data, w->size, w->size + 1);
    w->limits = &tiny;
    buf_clear(&w->again);
    FUZZ_CHECK(buf_reserve(&w->again, 256 * (w->size + 1), &err) == ERR_OK); /* its own must not fail */
    fuzz_fail_alloc(1 + (unsigned)w->size % ALLOCATIONS);
    enum err_code code = csv_open(w->dialect, w->limits, &src.base, &reader, &err);
    if (code == ERR_OK)
        code = read_all(w, reader, false, &w->again, &err);
    fuzz_fail_alloc(0);
    FUZZ_CHECK(code == ERR_OK || (code == ERR_NOMEM && err.code == code));
    csv_close(reader);
}

static void run(struct whole *w, const char *data, size_t size)
{
    const size_t steps[] = {size + 1, 1, 7};
    struct err err = ERR_INIT;
    struct bytes_steps src;

    w->data = data;
    w->size = size;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bytes_steps_init(&src, data, size, steps[i]);
        if (!w->reader) {
            buf_init(&w->events, EVENTS_MAX);
            buf_init(&w->again, EVENTS_MAX);
            buf_init(&w->text, TEXT_MAX);
            FUZZ_CHECK(csv_open(w->dialect, w->limits, &src.base, &w->reader, &err) == ERR_OK);
            FUZZ_CHECK(csv_open(w->dialect, w->limits, &src.base, &w->alone, &err) == ERR_OK);
        }
        csv_reset(w->reader, &src.base);
        struct buf *events = i == 0 ? &w->events : &w->again;
        FUZZ_CHECK(read_all(w, w->reader, i == 0, events, &err) == ERR_OK);
        FUZZ_CHECK(events->len == w->events.len);
        FUZZ_CHECK(events->len == 0 || memcmp(events->data, w->events.data, events->len) == 0);
    }
}

FUZZ_TARGET(csv)(const uint8_t *data, size_t size)
{
    static struct whole wholes[] = {{.dialect = &comma, .limits = &csv_limits_default},
                                    {.dialect = &comma, .limits = &tiny},
                                    {.dialect = &semicolon, .limits = &tiny}};
    struct whole once = {.dialect = &comma, .data = (const char *)data, .size = size};

    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++)
        run(&wholes[i], (const char *)data, size);
    buf_init(&once.again, EVENTS_MAX);
    check_short_memory(&once);
    buf_release(&once.again);
    return 0;
}
