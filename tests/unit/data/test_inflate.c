/* inflate: members and frames to the last byte, damage, short input, bombs, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/data/inflate.h"
#include "tests/support/csv_dump.h"

enum { MIB = 1024 * 1024, BIG = 1 << 28 };
static const enum compression kinds[] = {COMPRESSION_GZIP, COMPRESSION_ZSTD};

/* Appends one member or frame that holds `text`. */
static void pack(enum compression kind, const void *text, size_t len, struct buf *out)
{
    struct err err = ERR_INIT;
    size_t room = len + len / 100 + 1024;
    assert_int_equal(buf_reserve(out, room, &err), ERR_OK);
    if (kind == COMPRESSION_ZSTD) {
        size_t n = ZSTD_compress(out->data + out->len, room, text, len, 3);
        assert_false(ZSTD_isError(n));
        out->len += n;
        return;
    }
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)out->data + out->len,
                  .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

/* Reads all, at most `cap` bytes a call, from a source that gives at most `step`. The end and an error must
 * come again. */
static enum err_code unpack(enum compression kind, const struct buf *in, size_t step, size_t cap,
                            struct buf *out, struct err *err)
{
    struct bytes_steps src;
    struct bytes *b;
    bytes_steps_init(&src, in->data, in->len, step);
    buf_clear(out);
    err_clear(err);
    enum err_code code = inflate_open(kind, &src.base, &b, err);
    if (code != ERR_OK) {
        assert_null(b);
        return code;
    }
    for (;;) {
        size_t n;
        struct err ignored = ERR_INIT;
        assert_int_equal(buf_reserve(out, cap, &ignored), ERR_OK);
        code = bytes_read(b, out->data + out->len, cap, &n, err);
        if (code != ERR_OK || n == 0)
            break;
        out->len += n;
    }
    char byte;
    size_t n;
    struct err again = ERR_INIT;
    assert_int_equal(bytes_read(b, &byte, 1, &n, &again), code);
    assert_int_equal(n, 0);
    assert_int_equal(again.name, err->name);
    inflate_close(b);
    return code;
}

static void fill_text(struct buf *text, size_t len)
{
    struct err err = ERR_INIT;
    uint64_t x = 1;
    while (text->len < len) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        assert_int_equal(buf_printf(text, &err, "%llu,", (unsigned long long)(x >> 40)), ERR_OK);
    }
    text->len = len;
}

struct bufs {
    struct buf text, packed, got;
    struct err err;
};

static void begin(struct bufs *b)
{
    buf_init(&b->text, BIG);
    buf_init(&b->packed, BIG);
    buf_init(&b->got, BIG);
    b->err = ERR_INIT;
}

static void end(struct bufs *b)
{
    buf_release(&b->text);
    buf_release(&b->packed);
    buf_release(&b->got);
}

static void test_kind(void **state)
{
    (void)state;
    assert_int_equal(compression_of("a/b.csv"), COMPRESSION_NONE);
    assert_int_equal(compression_of("a/b.csv.gz"), COMPRESSION_GZIP);
    assert_int_equal(compression_of("a/b.csv.zst"), COMPRESSION_ZSTD);
    assert_int_equal(compression_of("a.gz/b"), COMPRESSION_NONE);
    assert_int_equal(compression_of(".gz"), COMPRESSION_NONE);
    assert_int_equal(compression_of(""), COMPRESSION_NONE);
    struct err err = ERR_INIT;
    struct bytes *b;
    assert_int_equal(inflate_open(COMPRESSION_NONE, NULL, &b, &err), ERR_INTERNAL);
    inflate_close(NULL);
}

/* 1 to 4 members, an empty one among them, however they come and go. */
static void test_members(void **state)
{
    (void)state;
    struct bufs b;
    begin(&b);
    fill_text(&b.text, 300000);
    static const size_t cuts[] = {0, 1, 1, 100001, 300000};
    static const size_t steps[] = {1, 7, 4096, SIZE_MAX};
    for (size_t k = 0; k < 2; k++) {
        buf_clear(&b.packed);
        for (size_t i = 0; i < 4; i++) {
            pack(kinds[k], b.text.data + cuts[i], cuts[i + 1] - cuts[i], &b.packed);
            for (size_t s = 0; s < 4; s++) {
                size_t cap = steps[(s + i) % 4] == SIZE_MAX ? 1 << 18 : steps[(s + i) % 4];
                assert_int_equal(unpack(kinds[k], &b.packed, steps[s], cap, &b.got, &b.err), ERR_OK);
                assert_int_equal(b.got.len, cuts[i + 1]);
                assert_memory_equal(b.got.data, b.text.data, b.got.len);
            }
        }
    }
    end(&b);
}

/* A frame that holds nothing but a comment is read over. */
static void test_skippable_frame(void **state)
{
    (void)state;
    struct bufs b;
    begin(&b);
    pack(COMPRESSION_ZSTD, "a", 1, &b.packed);
    assert_int_equal(buf_append(&b.packed, "\x50\x2A\x4D\x18\x03\x00\x00\x00xyz", 11, &b.err), ERR_OK);
    pack(COMPRESSION_ZSTD, "b", 1, &b.packed);
    assert_int_equal(unpack(COMPRESSION_ZSTD, &b.packed, 1, 10, &b.got, &b.err), ERR_OK);
    assert_int_equal(b.got.len, 2);
    assert_memory_equal(b.got.data, "ab", 2);
    end(&b);
}

/* Cut at every place, one byte at a time: only the ends of members are ends. */
static void test_cut_short(void **state)
{
    (void)state;
    struct bufs b;
    begin(&b);
    fill_text(&b.text, 300);
    for (size_t k = 0; k < 2; k++) {
        buf_clear(&b.packed);
        pack(kinds[k], b.text.data, b.text.len, &b.packed);
        size_t first = b.packed.len;
        pack(kinds[k], b.text.data, 10, &b.packed);
        size_t whole = b.packed.len;
        for (size_t cut = 0; cut < whole; cut++) {
            b.packed.len = cut;
            assert_int_equal(unpack(kinds[k], &b.packed, cut % 5 + 1, 64, &b.got, &b.err),
                             cut == first ? ERR_OK : ERR_DATA);
            assert_int_equal(b.err.name, cut == first ? ERRN_NONE : ERRN_COMPRESSED);
        }
        b.packed.len = whole;
    }
    end(&b);
}

static void test_bytes_after_the_end(void **state)
{
    (void)state;
    static const char *const tails[] = {
        "x", "\n", "id,name\n1,a\n", "\x1f", "\x1f\x8b\x08", "\x28\xb5", "PK\x03\x04 and more"};
    struct bufs b;
    begin(&b);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
            buf_clear(&b.packed);
            pack(kinds[k], "id\n1\n", 5, &b.packed);
            assert_int_equal(buf_append_str(&b.packed, tails[i], &b.err), ERR_OK);
            assert_int_equal(unpack(kinds[k], &b.packed, SIZE_MAX, 64, &b.got, &b.err), ERR_DATA);
            assert_int_equal(b.err.name, ERRN_COMPRESSED);
            assert_int_equal(b.got.len, 5); /* what came before was right */
        }
        buf_clear(&b.packed);
        pack(kinds[k], "id\n1\n", 5, &b.packed);
        assert_int_equal(buf_append(&b.packed, "\0\0\0\0", 4, &b.err), ERR_OK); /* padding is no member */
        assert_int_equal(unpack(kinds[k], &b.packed, SIZE_MAX, 64, &b.got, &b.err), ERR_DATA);
        pack(kinds[!k], "a", 1, &b.packed);
        assert_int_equal(unpack(kinds[k], &b.packed, SIZE_MAX, 64, &b.got, &b.err), ERR_DATA);
    }
    buf_clear(&b.packed);
    assert_int_equal(buf_append_str(&b.packed, "id,name\n1,a\n", &b.err), ERR_OK); /* not compressed at all */
    for (size_t k = 0; k < 2; k++)
        assert_int_equal(unpack(kinds[k], &b.packed, SIZE_MAX, 64, &b.got, &b.err), ERR_DATA);
    end(&b);
}

/* Each bit flipped: never other text under the same length, where there is a check sum. */
static void test_damage(void **state)
{
    (void)state;
    struct bufs b;
    begin(&b);
    fill_text(&b.text, 200);
    pack(COMPRESSION_GZIP, b.text.data, b.text.len, &b.packed);
    int refused = 0;
    for (size_t bit = 0; bit < b.packed.len * 8; bit++) {
        b.packed.data[bit / 8] ^= (char)(1 << bit % 8);
        if (unpack(COMPRESSION_GZIP, &b.packed, SIZE_MAX, 512, &b.got, &b.err) == ERR_OK) {
            assert_int_equal(b.got.len, b.text.len);
            assert_memory_equal(b.got.data, b.text.data, b.text.len); /* a time stamp, a flag */
        } else {
            assert_int_equal(b.err.name, ERRN_COMPRESSED);
            refused++;
        }
        b.packed.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(refused > (int)b.packed.len * 6);
    end(&b);
}

/* Reads and forgets; how much came before the verdict. */
static enum err_code drain(enum compression kind, const struct buf *in, size_t *total, struct err *err)
{
    static char sink[1 << 18];
    struct bytes_mem src;
    struct bytes *b;
    bytes_mem_init(&src, in->data, in->len);
    err_clear(err);
    assert_int_equal(inflate_open(kind, &src.base, &b, err), ERR_OK);
    enum err_code code;
    size_t n;
    *total = 0;
    while ((code = bytes_read(b, sink, sizeof sink, &n, err)) == ERR_OK && n > 0)
        *total += n;
    inflate_close(b);
    return code;
}

static void test_bomb(void **state)
{
    (void)state;
    struct bufs b;
    size_t total;
    begin(&b);
    assert_int_equal(buf_reserve(&b.text, 80 * MIB, &b.err), ERR_OK);
    memset(b.text.data, 'x', 80 * MIB);
    for (size_t k = 0; k < 2; k++) {
        buf_clear(&b.packed);
        pack(kinds[k], b.text.data, 64 * MIB, &b.packed); /* any ratio is fine up to here */
        assert_int_equal(drain(kinds[k], &b.packed, &total, &b.err), ERR_OK);
        assert_int_equal(total, 64 * MIB);
        buf_clear(&b.packed);
        pack(kinds[k], b.text.data, 80 * MIB, &b.packed);
        assert_int_equal(drain(kinds[k], &b.packed, &total, &b.err), ERR_DATA);
        assert_int_equal(b.err.name, ERRN_COMPRESSION_RATIO);
        assert_in_range(total, 63 * MIB, 65 * MIB);
        buf_clear(&b.packed);
        for (int i = 0; i < 80 * 64; i++) /* nor does it help to cut it in small members */
            pack(kinds[k], b.text.data, MIB / 64, &b.packed);
        assert_int_equal(drain(kinds[k], &b.packed, &total, &b.err), ERR_DATA);
        assert_int_equal(b.err.name, ERRN_COMPRESSION_RATIO);
    }
    end(&b);
}

/* More text than the cap, in a ratio that is fine. */
static void test_large(void **state)
{
    (void)state;
    struct bufs b;
    size_t total;
    begin(&b);
    fill_text(&b.text, 2 * MIB);
    for (size_t k = 0; k < 2; k++) {
        buf_clear(&b.packed);
        pack(kinds[k], b.text.data, b.text.len, &b.packed);
        size_t one = b.packed.len;
        assert_int_equal(buf_reserve(&b.packed, 35 * one, &b.err), ERR_OK);
        for (int i = 1; i < 36; i++)
            assert_int_equal(buf_append(&b.packed, b.packed.data, one, &b.err), ERR_OK);
        assert_int_equal(drain(kinds[k], &b.packed, &total, &b.err), ERR_OK);
        assert_int_equal(total, 72 * MIB);
    }
    end(&b);
}

/* A frame may not ask for more memory than INFLATE_ZSTD_WINDOW_LOG_MAX. */
static void test_zstd_window(void **state)
{
    (void)state;
    for (int log = INFLATE_ZSTD_WINDOW_LOG_MAX; log <= INFLATE_ZSTD_WINDOW_LOG_MAX + 1; log++) {
        struct bufs b;
        begin(&b);
        assert_int_equal(buf_reserve(&b.packed, 1000, &b.err), ERR_OK);
        ZSTD_CCtx *c = ZSTD_createCCtx();
        assert_non_null(c);
        assert_false(ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_windowLog, log)));
        ZSTD_inBuffer in = {"abc", 3, 0}, no_more = {"", 0, 0};
        ZSTD_outBuffer out = {b.packed.data, 1000, 0};
        assert_false(ZSTD_isError(
            ZSTD_compressStream2(c, &out, &in, ZSTD_e_flush))); /* so that the size is not known */
        assert_int_equal(ZSTD_compressStream2(c, &out, &no_more, ZSTD_e_end), 0);
        ZSTD_freeCCtx(c);
        b.packed.len = out.pos;
        bool fits = log == INFLATE_ZSTD_WINDOW_LOG_MAX;
        assert_int_equal(unpack(COMPRESSION_ZSTD, &b.packed, SIZE_MAX, 64, &b.got, &b.err),
                         fits ? ERR_OK : ERR_DATA);
        assert_int_equal(b.err.name, fits ? ERRN_NONE : ERRN_COMPRESSED);
        end(&b);
    }
}

static void test_source_error(void **state)
{
    (void)state;
    struct bufs b;
    begin(&b);
    for (size_t k = 0; k < 2; k++) {
        buf_clear(&b.packed);
        pack(kinds[k], "some text", 9, &b.packed);
        for (size_t at = 0; at <= b.packed.len; at++) {
            struct bytes_steps src;
            struct bytes *s;
            char out[64];
            size_t n;
            enum err_code code;
            bytes_steps_init(&src, b.packed.data, b.packed.len, 1);
            src.fail_at = (long)at;
            err_clear(&b.err);
            assert_int_equal(inflate_open(kinds[k], &src.base, &s, &b.err), ERR_OK);
            while ((code = bytes_read(s, out, sizeof out, &n, &b.err)) == ERR_OK && n > 0)
                ;
            assert_int_equal(code, ERR_IO);
            inflate_close(s);
        }
    }
    end(&b);
}

static bool fail_nth(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct bufs b;
    begin(&b);
    fill_text(&b.text, 100000);
    assert_int_equal(buf_reserve(&b.got, 1 << 20, &b.err), ERR_OK);
    for (size_t k = 0; k < 2; k++) {
        int failed = 0;
        buf_clear(&b.packed);
        pack(kinds[k], b.text.data, b.text.len, &b.packed);
        for (int n = 0, left = -1; left < 0; n++) {
            left = n;
            mem_set_fault(fail_nth, &left);
            enum err_code code = unpack(kinds[k], &b.packed, 1000, 1000, &b.got, &b.err);
            mem_set_fault(NULL, NULL);
            assert_int_equal(code, left < 0 ? ERR_NOMEM : ERR_OK);
            failed += left < 0;
        }
        assert_true(failed >= 3); /* so the libraries' memory is ours too */
    }
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kind),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_skippable_frame),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_bytes_after_the_end),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_bomb),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_zstd_window),
        cmocka_unit_test(test_source_error),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
