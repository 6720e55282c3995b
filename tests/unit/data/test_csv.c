/* csv: what is a record, what is refused and how far the damage goes, caps, offsets, bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "tests/support/csv_dump.h"

enum { OUT_MAX = 1 << 20, MIB = 1024 * 1024 };

static const struct csv_limits small = {.field_max = 6, .record_max = 24, .columns_max = 4};

static const char *dump(const char *data, size_t len, size_t step, const struct csv_limits *limits,
                        struct buf *out)
{
    struct bytes_steps src;
    struct err err = ERR_INIT;
    bytes_steps_init(&src, data, len, step);
    buf_clear(out);
    assert_int_equal(csv_dump(data, len, &src.base, limits, out, &err), ERR_OK);
    return out->len ? out->data : "";
}

/* The same, however the bytes come. */
static void expect_n(const char *data, size_t len, const struct csv_limits *limits, const char *expected)
{
    static const size_t steps[] = {1, 2, 3, 7, 64, SIZE_MAX};
    struct buf out;
    buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_string_equal(dump(data, len, steps[i], limits, &out), expected);
    buf_release(&out);
}

static void expect(const char *data, const char *expected)
{
    expect_n(data, strlen(data), NULL, expected);
}

static void test_records(void **state)
{
    (void)state;
    expect("", "");
    expect("a,b\n1,2\n", "R 1:0 [a|b]\nR 2:4 [1|2]\n");
    expect("a,b\r\n1,2\r\n", "R 1:0 [a|b]\nR 2:5 [1|2]\n");
    expect("a,b", "R 1:0 [a|b]\n");
    expect("a,\n,\n", "R 1:0 [a|~]\nR 2:3 [~|~]\n");
    expect("a,\n\"\",\"\"", "R 1:0 [a|~]\nR 2:3 [|]\n");
    expect(" a , b \t\n \n", "R 1:0 [ a | b \\x09]\nR 2:9 [ ]\n");
    expect("\"a\"\"b\",\"c,d\"\n", "R 1:0 [a\"b|c,d]\n");
    expect("0123456789abcdef,\"0123456789abcdef\",\"0123456789abcdefg\"\n",
           "R 1:0 [0123456789abcdef|0123456789abcdef|0123456789abcdefg]\n");
    expect("a\r", "R 1:0 [a]\n");
    expect("\ra,b\r\r\n", "R 1:0 [a|b]\n"); /* extra CRs end no other row */
    expect("a,\"b\"", "R 1:0 [a|b]\n");
}

static void test_blank_lines(void **state)
{
    (void)state;
    expect("\n\r\na\n\n\n\"b\"\n\n", "R 3:3 [a]\nR 6:7 [b]\n");
    expect("\n", "");
    expect("\r\n\r\n", "");
    expect("\"\"\n", "R 1:0 []\n"); /* an empty quoted field is no blank line */
}

static void test_quoted_line_ends(void **state)
{
    (void)state;
    expect("a,\"b\nc\"\nd\n", "R 1:0 [a|b\\x0Ac]\nR 3:8 [d]\n");
    expect("\"a\r\n\r\nb\",c\r\nd", "R 1:0 [a\\x0D\\x0A\\x0D\\x0Ab|c]\nR 4:12 [d]\n");
    expect("\"a\"\"\n\"\"b\"\n", "R 1:0 [a\"\\x0A\"b]\n");
    expect("\"a\rb\"\n", "R 1:0 [a\\x0Db]\n");
    expect("x,\"\n\n\",y\n", "R 1:0 [x|\\x0A\\x0A|y]\n");
}

static void test_bom(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBF"
           "a,b\n1,2\n",
           "R 1:3 [a|b]\nR 2:7 [1|2]\n");
    expect("\xEF\xBB\xBF", "");
    expect("\xEF\xBB", "R 1:0 [\\xEF\\xBB]\n");
    expect("a\n\xEF\xBB\xBF"
           "b\n",
           "R 1:0 [a]\nR 2:2 [\\xEF\\xBB\\xBF"
           "b]\n");
}

static void test_quotes_out_of_place(void **state)
{
    (void)state;
    expect("a\nb\"c\nd\n", "R 1:0 [a]\nB 2:2 CSV_QUOTE 4\nR 3:6 [d]\n");
    expect("\"b\"c\nd\n", "B 1:0 CSV_QUOTE 5\nR 2:5 [d]\n");
    expect("\"b\" \nd\n", "B 1:0 CSV_QUOTE 5\nR 2:5 [d]\n");
    /* Never closed: only the first line is lost. */
    expect("a\n\"b\nc\nd\n", "R 1:0 [a]\nB 2:2 CSV_QUOTE 3\nR 3:5 [c]\nR 4:7 [d]\n");
    expect("a\n\"b\nc\nd", "R 1:0 [a]\nB 2:2 CSV_QUOTE 3\nR 3:5 [c]\nR 4:7 [d]\n");
    expect("a\n\"b", "R 1:0 [a]\nB 2:2 CSV_QUOTE 2\n");
    expect("\"", "B 1:0 CSV_QUOTE 1\n");
    /* Breaks on a later line: the lines between are read again. */
    expect("\"b\nc\n\"d\"\ne\n", "B 1:0 CSV_QUOTE 3\nR 2:3 [c]\nR 3:5 [d]\nR 4:9 [e]\n");
}

static void test_lone_cr(void **state)
{
    (void)state;
    expect("a,b\r1,2\r3,4", "B 1:0 CSV_LONE_CR 11\n");
    expect("a\nb\rc\nd\n", "R 1:0 [a]\nB 2:2 CSV_LONE_CR 4\nR 3:6 [d]\n");
    expect("a\r\"b\nc\nd\n", "B 1:0 CSV_LONE_CR 5\nR 2:5 [c]\nR 3:7 [d]\n");
    expect("\"a\nb\"\rc\nd\n", "B 1:0 CSV_LONE_CR 8\nR 3:8 [d]\n");
}

static void test_nul(void **state)
{
    (void)state;
    static const char one[] = "a\nb\0c,d\ne\n\0";
    expect_n(one, sizeof one - 1, NULL, "R 1:0 [a]\nB 2:2 CSV_NUL 6\nR 3:8 [e]\nB 4:10 CSV_NUL 1\n");
    static const char quoted[] = "\"a\n\0\"\nb\n";
    expect_n(quoted, sizeof quoted - 1, NULL, "B 1:0 CSV_NUL 6\nR 3:6 [b]\n");
    static const char wide[] = "a\0,\0b\0\r\0\n\0c\0"; /* UTF-16 */
    expect_n(wide, sizeof wide - 1, NULL, "B 1:0 CSV_NUL 9\nB 2:9 CSV_NUL 3\n");
}

static void test_caps(void **state)
{
    (void)state;
    const char *data = "123456,1\n1234567,1\n\"1234\n67\",1\nx\n";
    expect_n(data, strlen(data), &small,
             "R 1:0 [123456|1]\nB 2:9 CSV_FIELD_TOO_LONG 10\nB 3:19 CSV_FIELD_TOO_LONG 12\nR 5:31 [x]\n");
    data = "1,2,3,4\n1,2,3,4,5\n,,,,\nx\n";
    expect_n(data, strlen(data), &small,
             "R 1:0 [1|2|3|4]\nB 2:8 CSV_TOO_MANY_COLUMNS 10\nB 3:18 CSV_TOO_MANY_COLUMNS 5\nR 4:23 [x]\n");
    data = "12345,12345,12345,12345\n12345,12345,12345,123456\n12345,12345,12345,123456";
    expect_n(data, strlen(data), &small,
             "R 1:0 [12345|12345|12345|12345]\nB 2:24 CSV_RECORD_TOO_LONG 25\nR 3:49 "
             "[12345|12345|12345|123456]\n");
    /* A quote open at the cap: the first line is lost, the others are records. */
    data = "1,\"a\n123456,123\n234567,234\n345,3\n\"x\"\n";
    expect_n(
        data, strlen(data), &small,
        "B 1:0 CSV_RECORD_TOO_LONG 5\nR 2:5 [123456|123]\nR 3:16 [234567|234]\nR 4:27 [345|3]\nR 5:33 [x]\n");
    /* and it may be that a longer line is next */
    data = "\"a\n0123456789012345678901234567890123456789\nx\n";
    expect_n(data, strlen(data), &small,
             "B 1:0 CSV_RECORD_TOO_LONG 3\nB 2:3 CSV_RECORD_TOO_LONG 41\nR 3:44 [x]\n");
}

/* A line far over the cap: cut, counted whole, and the next record is right. */
static void test_long_line(void **state)
{
    (void)state;
    struct csv_limits limits = {.field_max = MIB, .record_max = MIB, .columns_max = 4};
    for (int variant = 0; variant < 3; variant++) {
        size_t len = 3 * MIB + 2 + (variant == 1 ? 0 : 5);
        char *data = mem_alloc(len);
        assert_non_null(data);
        memset(data, variant == 2 ? '"' : 'x', len);
        memcpy(data, "a\n", 2);
        if (variant != 1)
            memcpy(data + len - 5, "\nb,c\n", 5);
        const char *expected = variant == 1
                                   ? "R 1:0 [a]\nB 2:2 CSV_RECORD_TOO_LONG 3145728\n"
                                   : "R 1:0 [a]\nB 2:2 CSV_RECORD_TOO_LONG 3145729\nR 3:3145731 [b|c]\n";
        static const size_t steps[] = {4093, 65536, SIZE_MAX};
        struct buf out;
        buf_init(&out, OUT_MAX);
        for (size_t i = 0; i < 3; i++)
            assert_string_equal(dump(data, len, steps[i], &limits, &out), expected);
        buf_release(&out);
        mem_free(data);
    }
}

/* Long records move and enlarge the window and the arena: fields that were copied before must still be right.
 */
static void test_long_records(void **state)
{
    (void)state;
    struct buf in, out;
    struct err err = ERR_INIT;
    buf_init(&in, 64 * MIB);
    buf_init(&out, OUT_MAX);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(buf_append_str(&in, "first,\"second\n\",\"", &err), ERR_OK);
        for (int i = 0; i < 90000; i++)
            assert_int_equal(buf_printf(&in, &err, "%05d \"\"\n", i), ERR_OK);
        assert_int_equal(buf_append_str(&in, "\",last\nnext,0\n", &err), ERR_OK);
    }
    struct bytes_mem src;
    bytes_mem_init(&src, in.data, in.len);
    struct csv_dialect dialect = {',', '"', CSV_HEADER_NONE};
    struct csv_reader *r;
    enum csv_event event;
    struct csv_record rec;
    assert_int_equal(csv_open(&dialect, NULL, &src.base, &r, &err), ERR_OK);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
        assert_int_equal(event, CSV_RECORD);
        assert_int_equal(rec.nfields, 4);
        assert_memory_equal(rec.fields[0].data, "first", 5);
        assert_memory_equal(rec.fields[1].data, "second\n", 7);
        assert_int_equal(rec.fields[2].len, 90000 * 8);
        for (int i = 0; i < 90000; i++) {
            char text[16];
            assert_int_equal(snprintf(text, sizeof text, "%05d \"\n", i), 8);
            assert_memory_equal(rec.fields[2].data + (size_t)i * 8, text, 8);
        }
        assert_memory_equal(rec.fields[3].data, "last", 4);
        assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
        assert_int_equal(rec.nfields, 2);
        assert_memory_equal(rec.fields[0].data, "next", 4);
    }
    assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
    assert_int_equal(event, CSV_END);
    csv_close(r);
    buf_release(&in);
    buf_release(&out);
}

/* A stream that repeats a pattern: larger than any memory the reader may take. */
struct bytes_repeat {
    struct bytes base;
    const char *head, *pattern;
    size_t pattern_len;
    int64_t pos, len;
};

static enum err_code repeat_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct bytes_repeat *s = (struct bytes_repeat *)self;
    (void)err;
    size_t head = strlen(s->head);
    char *to = dst;
    for (*n = 0; *n < cap && s->pos < s->len; s->pos++) {
        size_t at = (size_t)s->pos;
        to[(*n)++] = at < head ? s->head[at] : s->pattern[(at - head) % s->pattern_len];
    }
    return ERR_OK;
}

static int64_t read_all(const char *head, const char *pattern, int64_t len, const struct csv_limits *limits,
                        int64_t *bad)
{
    struct bytes_repeat src = {{repeat_read}, head, pattern, strlen(pattern), 0, len};
    struct csv_dialect dialect = {',', '"', CSV_HEADER_NONE};
    struct csv_reader *r;
    struct err err = ERR_INIT;
    enum csv_event event;
    struct csv_record rec;
    *bad = 0;
    assert_int_equal(csv_open(&dialect, limits, &src.base, &r, &err), ERR_OK);
    do {
        assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
        *bad += event == CSV_BAD;
    } while (event != CSV_END);
    int64_t records = csv_counts(r)->records;
    assert_int_equal(csv_counts(r)->bytes, len);
    csv_close(r);
    return records;
}

/* Inputs that would make a reader who starts over quadratic; each would take hours. */
static void test_hostile(void **state)
{
    (void)state;
    enum { LEN = 8 * MIB };
    static const struct csv_limits mib = {.field_max = MIB, .record_max = MIB, .columns_max = 4};
    int64_t bad;
    assert_int_equal(read_all("\"", "\n", LEN, &mib, &bad), 1); /* all others blank */
    assert_int_equal(bad, 1);
    assert_int_equal(read_all("\"", "ab\n", LEN, &mib, &bad), (LEN + 2) / 3);
    assert_int_equal(bad, 1);
    assert_int_equal(read_all("", "\"ab\n", LEN, &mib, &bad), LEN / 4);
    assert_int_equal(bad, LEN / 4);
    /* each line holds a pair that leaves an open quote open, and every so often one opens */
    assert_int_equal(read_all("", "\"a\nb\n\"\"\nc\n\"\"\"\"\nd\n", LEN, &mib, &bad), LEN / 17 * 6 + 4);
    assert_true(bad > 0);
    assert_int_equal(read_all("", "\"", LEN, &mib, &bad), 1);
    assert_int_equal(bad, 1);
}

/* 160 MiB in one line within an address space that has no room for it. */
static void test_memory_is_bounded(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    print_message("SKIP: the sanitizer needs the address space; KIND=gcc runs it\n");
    skip();
#else
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit room = {144 * MIB, 144 * MIB};
        int64_t bad;
        bool ok = setrlimit(RLIMIT_AS, &room) == 0;
        ok = ok && read_all("", "x", 160 * MIB, NULL, &bad) == 1 && bad == 1;
        ok = ok && read_all("\"", "x,y,z\n", 160 * MIB, NULL, &bad) > 20 * MIB && bad == 1;
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

static const struct {
    const char *file, *expected;
} fixtures[] = {
    {"good/plain", "RRRR"},       {"good/crlf", "RRRR"},
    {"good/bom", "RRRR"},         {"good/no_final_newline", "RRRR"},
    {"good/blank_lines", "RRRR"}, {"good/header_only", "R"},
    {"good/quoted", "RRRR"},      {"good/multiline", "RRRRRRR"},
    {"bad/ragged_short", "RRRR"}, /* the schema's business */
    {"bad/ragged_long", "RRRR"},  {"bad/unclosed_quote", "RRqRR"},
    {"bad/quote_inside", "RRqR"}, {"bad/text_after_quote", "RRqR"},
    {"bad/nul", "RRnR"},          {"bad/lone_cr", "RRcR"},
    {"bad/old_mac", "c"},         {"bad/utf8", "RRRR"},
    {"bad/zero_byte", ""},
};

static void test_fixtures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char path[128], data[4096], got[32] = "";
        snprintf(path, sizeof path, "fixtures/csv/%s.csv", fixtures[i].file);
        FILE *f = fopen(path, "rb");
        if (!f)
            fail_msg("%s: cannot be opened", path);
        size_t len = fread(data, 1, sizeof data, f), n = 0;
        fclose(f);
        struct buf out;
        buf_init(&out, OUT_MAX);
        const char *text = dump(data, len, SIZE_MAX, NULL, &out);
        for (const char *p = text; *p && n < sizeof got - 1; p = strchr(p, '\n') + 1) {
            const char *end = strchr(p, '\n');
            bool quote = memmem(p, (size_t)(end - p), "CSV_QUOTE", 9),
                 nul = memmem(p, (size_t)(end - p), "CSV_NUL", 7);
            got[n++] = *p == 'R' ? 'R' : quote ? 'q' : nul ? 'n' : 'c';
            if (*p == 'R' && strncmp(fixtures[i].file, "good/multi", 10) != 0 &&
                strncmp(fixtures[i].file, "bad/rag", 7) != 0)
                for (int c = 0; c < 11; c++) /* 12 fields */
                    assert_non_null(p = memchr(p + 1, '|', (size_t)(end - p)));
        }
        if (strcmp(got, fixtures[i].expected) != 0)
            fail_msg("%s: %s", path, text);
        buf_release(&out);
    }
}

/* Another dialect; the reader used again; header setting is of no concern here. */
static void test_dialect_and_reset(void **state)
{
    (void)state;
    struct csv_dialect dialect = {'\t', '\'', CSV_HEADER_NONE};
    struct bytes_mem src;
    struct csv_reader *r;
    struct csv_record rec;
    enum csv_event event;
    struct err err = ERR_INIT;
    bytes_mem_init(&src, "'a\tb'\t\"c,d\n'open", 16);
    assert_int_equal(csv_open(&dialect, NULL, &src.base, &r, &err), ERR_OK);
    assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
    assert_int_equal(rec.nfields, 2);
    assert_memory_equal(rec.fields[0].data, "a\tb", 3);
    assert_memory_equal(rec.fields[1].data, "\"c,d", 4);

    bytes_mem_init(&src, "\xEF\xBB\xBFx\ty\n", 7); /* in the middle of an open quote */
    csv_reset(r, &src.base);
    assert_int_equal(csv_counts(r)->bytes, 0);
    assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
    assert_int_equal(event, CSV_RECORD);
    assert_int_equal(rec.line, 1);
    assert_int_equal(rec.offset, 3);
    assert_int_equal(rec.nfields, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
        assert_int_equal(event, CSV_END);
    }
    csv_close(r);
    csv_close(NULL);
}

static void test_bad_field(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t field;
    } cases[] = {{"a,b\"c,d\n", 2}, {"\"a\"b\n", 1}, {"1,2,3,4,5\n", 5}, {"1,1234567\n", 2}};
    struct csv_dialect dialect = {',', '"', CSV_HEADER_NONE};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes_mem src;
        struct csv_reader *r;
        struct csv_record rec;
        enum csv_event event;
        struct err err = ERR_INIT;
        bytes_mem_init(&src, cases[i].data, strlen(cases[i].data));
        assert_int_equal(csv_open(&dialect, &small, &src.base, &r, &err), ERR_OK);
        assert_int_equal(csv_next(r, &event, &rec, &err), ERR_OK);
        assert_int_equal(event, CSV_BAD);
        assert_int_equal(rec.bad_field, cases[i].field);
        csv_close(r);
    }
}

static void test_source_error(void **state)
{
    (void)state;
    static const char data[] = "a,b\n\"c\n1,2\n";
    for (long at = 0; at < (long)sizeof data; at++) {
        struct bytes_steps src;
        struct err err = ERR_INIT;
        struct buf out;
        buf_init(&out, OUT_MAX);
        bytes_steps_init(&src, data, sizeof data - 1, 1);
        src.fail_at = at;
        assert_int_equal(csv_dump(data, sizeof data - 1, &src.base, NULL, &out, &err), ERR_IO);
        buf_release(&out);
    }
}

static bool fail_nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}
static bool fail_from(void *ctx)
{
    return (*(int *)ctx)-- <= 0;
}

/* libcsv asks for less and less then, down to some bytes. */
static bool fail_many(void *ctx)
{
    int left = (*(int *)ctx)--;
    return left <= 0 && left > -14;
}

/* Memory fails at the Nth request, once, often or for good: the same records, or NOMEM; nothing else. */
static void test_out_of_memory(void **state)
{
    (void)state;
    struct buf in, want, got;
    struct err err = ERR_INIT;
    buf_init(&in, 8 * MIB);
    buf_init(&want, 8 * MIB);
    buf_init(&got, 8 * MIB);
    assert_int_equal(buf_append_str(&in, "a,\"b\nc\"\n\"x\ny\n\"1\",2\n\"", &err), ERR_OK);
    for (int i = 0; i < 40000; i++)
        assert_int_equal(buf_append_str(&in, "0123456789", &err), ERR_OK);
    assert_int_equal(buf_append_str(&in, "\n\"\nz\n", &err), ERR_OK);
    assert_true(strlen(dump(in.data, in.len, SIZE_MAX, NULL, &want)) > 400000);
    assert_int_equal(buf_reserve(&got, want.len + 1, &err), ERR_OK);
    bool (*const kinds[])(void *) = {fail_nth, fail_many, fail_from};
    for (int kind = 0; kind < 3; kind++) {
        int failed = 0;
        for (int n = 0, left = -1; left < 0; n++) {
            struct bytes_mem src;
            bytes_mem_init(&src, in.data, in.len);
            buf_clear(&got);
            err_clear(&err);
            left = n;
            mem_set_fault(kinds[kind], &left);
            enum err_code code = csv_dump(in.data, in.len, &src.base, NULL, &got, &err);
            mem_set_fault(NULL, NULL);
            failed += code != ERR_OK;
            if (code == ERR_OK)
                assert_string_equal(got.data, want.data);
            else
                assert_int_equal(code, ERR_NOMEM);
        }
        assert_true(failed >= 5);
    }
    buf_release(&in);
    buf_release(&want);
    buf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_blank_lines),
        cmocka_unit_test(test_quoted_line_ends),
        cmocka_unit_test(test_bom),
        cmocka_unit_test(test_quotes_out_of_place),
        cmocka_unit_test(test_lone_cr),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_long_line),
        cmocka_unit_test(test_long_records),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_memory_is_bounded),
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_dialect_and_reset),
        cmocka_unit_test(test_bad_field),
        cmocka_unit_test(test_source_error),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
