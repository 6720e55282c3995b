/* books: see books.h. Everything is read through a handle of its own, as another process would see it. */
#include "tests/support/books.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TEXT_MAX = 1024 * 1024, PAGE = 7 };

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

static void say(char *text, size_t *at, const char *format, ...) PRINTF_LIKE(3, 4);
static void say(char *text, size_t *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text + *at, TEXT_MAX - *at, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= TEXT_MAX - *at)
        fail_msg("more than %d bytes of books", TEXT_MAX);
    *at += (size_t)n;
}

typedef void row_fn(void *ctx, const struct ledger_row *row);

static void each_row(struct rig *rig, row_fn *fn, void *ctx)
{
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, true);
    struct ledger_row rows[PAGE];
    struct ledger_query query = {.order = LEDGER_BY_KEY};
    char after[REC_OBJECT_MAX + 1];
    size_t n = PAGE;
    while (n == PAGE) {
        must(sink_ledger_page(sink, &query, rows, PAGE, &n, &err), &err);
        for (size_t i = 0; i < n; i++)
            fn(ctx, &rows[i]);
        if (n > 0) {
            snprintf(after, sizeof after, "%s", rows[n - 1].object);
            query.after_object = after;
            query.after_chunk = rows[n - 1].chunk;
        }
    }
    sink_close(sink);
}

struct text {
    char *at;
    size_t len;
};

static void row_text(void *ctx, const struct ledger_row *r)
{
    struct text *t = ctx;
    say(t->at, &t->len, "%s %lld %s%s %lld %lld %lld bytes=%lld %lld..%lld lines=%lld..%lld\n", r->object,
        (long long)r->chunk, load_kind_text(r->kind), r->last ? "" : " open", (long long)r->rows_read,
        (long long)r->rows_loaded, (long long)r->rows_rejected, (long long)r->bytes, (long long)r->byte_start,
        (long long)r->byte_end, (long long)r->first_line, (long long)r->next_line);
}

const char *books_ledger(struct rig *rig)
{
    static char text[TEXT_MAX];
    struct text t = {text, 0};
    text[0] = '\0';
    each_row(rig, row_text, &t);
    return text;
}

static void row_sum(void *ctx, const struct ledger_row *r)
{
    struct books_sums *s = ctx;
    s->rows++;
    s->read += r->rows_read;
    s->loaded += r->rows_loaded;
    s->rejected += r->rows_rejected;
    s->bytes += r->bytes;
    s->hash += r->row_hash;
}

struct books_sums books_sums(struct rig *rig)
{
    struct books_sums sums = {0};
    each_row(rig, row_sum, &sums);
    return sums;
}

void books_balance(struct rig *rig)
{
    uint64_t hash = 0;
    int64_t rows = rig_rows(rig, &hash);
    struct books_sums sums = books_sums(rig);
    assert_int_equal(rows, sums.loaded);
    assert_true(hash == sums.hash);
}

struct wanted {
    const char *object;
    int64_t chunk;
    struct ledger_row row;
    bool found;
};

static void row_find(void *ctx, const struct ledger_row *r)
{
    struct wanted *w = ctx;
    if (strcmp(r->object, w->object) == 0 && r->chunk == w->chunk) {
        w->row = *r;
        w->found = true;
    }
}

struct ledger_row books_row(struct rig *rig, const char *object, int64_t chunk)
{
    struct wanted w = {.object = object, .chunk = chunk};
    each_row(rig, row_find, &w);
    if (!w.found)
        fail_msg("the ledger has no %s chunk %lld", object, (long long)chunk);
    return w.row;
}

static void say_raw(char *text, size_t *at, const struct reject *r)
{
    for (size_t i = 0; i < r->raw_len; i++) {
        unsigned char c = (unsigned char)r->raw[i];
        say(text, at, c >= ' ' && c <= '~' ? "%c" : "\\x%02x", c);
    }
}

const char *books_rejects(struct rig *rig)
{
    static char text[TEXT_MAX];
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, true);
    struct reject rows[PAGE];
    struct record_query query = {0};
    struct buf arena;
    size_t n = 1, at = 0;
    text[0] = '\0';
    buf_init(&arena, 64 * 1024 * 1024);
    while (n > 0) {
        must(sink_reject_page(sink, &query, rows, PAGE, &n, &arena, &err), &err);
        for (size_t i = 0; i < n; i++) {
            const struct reject *r = &rows[i];
            say(text, &at, "%s:%lld %lld+%lld %s %s %s <", r->object, (long long)r->line,
                (long long)r->offset, (long long)r->length, r->error_name, r->column[0] ? r->column : "-",
                r->load_id == 0       ? "sample"
                : r->replayed_by != 0 ? "replayed"
                                      : "load");
            say_raw(text, &at, r);
            say(text, &at, ">\n");
            query.after_id = r->id;
        }
    }
    buf_release(&arena);
    sink_close(sink);
    return text;
}

const char *books_checks(struct rig *rig)
{
    static char text[TEXT_MAX];
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, true);
    struct check_row rows[PAGE];
    struct record_query query = {0};
    size_t n = 1, at = 0;
    text[0] = '\0';
    while (n > 0) {
        must(sink_check_page(sink, &query, rows, PAGE, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            const struct check_row *r = &rows[i];
            char count[24] = "well";
            if (r->fired)
                snprintf(count, sizeof count, "%lld", (long long)r->count);
            if ((r->load_id == 0) != (r->object[0] == '\0'))
                fail_msg("%s: load id %lld of object %s", r->name, (long long)r->load_id, r->object);
            say(text, &at, "%s %s %s %s %s: %s\n", r->object[0] ? r->object : "(hour)", r->name,
                r->column[0] ? r->column : "-", check_on_text(r->on), count, r->message);
            query.after_id = r->id;
        }
    }
    sink_close(sink);
    return text;
}

const char *books_attempts(struct rig *rig)
{
    static char text[TEXT_MAX];
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, true);
    struct attempt rows[PAGE];
    struct record_query query = {0};
    size_t n = 1, at = 0;
    text[0] = '\0';
    while (n > 0) {
        must(sink_attempt_page(sink, &query, rows, PAGE, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            say(text, &at, "%s %s %lld %lld\n", rows[i].object[0] ? rows[i].object : "(hour)",
                rows[i].error_name, (long long)rows[i].rows_read, (long long)rows[i].rows_rejected);
            query.after_id = rows[i].id;
        }
    }
    sink_close(sink);
    return text;
}

const char *books_hours(struct rig *rig)
{
    static char text[TEXT_MAX];
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, true);
    struct claim_row rows[PAGE];
    hour_t after = HOUR_MIN - 1;
    size_t n = 1, at = 0;
    text[0] = '\0';
    while (n > 0) {
        must(sink_claim_page(sink, CLAIMS_ALL, after, rows, PAGE, &n, &err), &err);
        for (size_t i = 0; i < n; i++) {
            char hour[HOUR_TEXT_MAX];
            hour_format(rows[i].hour, hour);
            say(text, &at, "%s %s %d%s%s%.*s\n", hour, hour_state_text(rows[i].state), rows[i].attempts,
                rows[i].owner[0] ? " held" : "", rows[i].last_error[0] ? " " : "",
                (int)strcspn(rows[i].last_error, ":"), rows[i].last_error);
            after = rows[i].hour;
        }
    }
    sink_close(sink);
    return text;
}
