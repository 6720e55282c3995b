/*
 * fuzz_inflate: any bytes as gzip and as zstd; and any bytes packed and unpacked.
 *
 * Checks: output and verdict are the same whatever the size of reads on both sides; the end and an error come
 * again; two members give their texts one after the other; every cut and any byte behind is an error.
 */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "core/data/inflate.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/bytes_steps.h"

enum { OUTPUT_MAX = 1024 * 1024, READ_MAX = 4096 };

/* All of it, or its first OUTPUT_MAX bytes (ERRN_LIMIT). */
static enum err_name unpack(enum compression kind, const void *data, size_t size, size_t step, size_t cap,
                            struct buf *out)
{
    struct err err = ERR_INIT, again = ERR_INIT;
    char block[READ_MAX];
    struct bytes_steps src;
    struct bytes *b;
    size_t n = 1;

    bytes_steps_init(&src, data, size, step);
    buf_clear(out);
    FUZZ_CHECK(inflate_open(kind, &src.base, &b, &err) == ERR_OK);
    while (n > 0 && out->len < OUTPUT_MAX && bytes_read(b, block, cap, &n, &err) == ERR_OK) {
        FUZZ_CHECK(n <= cap);
        fuzz_append(out, block, n);
    }
    if (err.code != ERR_OK)
        FUZZ_CHECK(err.name == ERRN_COMPRESSED && *err.msg); /* far from the ratio's 64 MiB */
    else if (n > 0)
        err_set(&err, ERRN_LIMIT, "more than is looked at");
    if (err.name != ERRN_LIMIT) {
        FUZZ_CHECK(bytes_read(b, block, cap, &n, &again) == err.code && n == 0);
        FUZZ_CHECK(again.name == err.name && strcmp(again.msg, err.msg) == 0);
    }
    inflate_close(b);
    return err.name;
}

/* One text is the beginning of the other. */
static void check_prefix(const struct buf *a, const struct buf *b)
{
    size_t n = a->len < b->len ? a->len : b->len;

    FUZZ_CHECK(n == 0 || memcmp(a->data, b->data, n) == 0);
}

static void check_any(enum compression kind, const uint8_t *data, size_t size)
{
    static const size_t steps[][2] = {{1, READ_MAX}, {7, 1}, {INFLATE_INPUT, 100}};
    struct buf whole, out;

    buf_init(&whole, OUTPUT_MAX + READ_MAX);
    buf_init(&out, OUTPUT_MAX + READ_MAX);
    enum err_name want = unpack(kind, data, size, size + 1, READ_MAX, &whole);
    size_t tries = whole.len > READ_MAX ? 1 : sizeof steps / sizeof steps[0]; /* one byte a call is slow */
    for (size_t i = 0; i < tries; i++) {
        FUZZ_CHECK(unpack(kind, data, size, steps[i][0], steps[i][1], &out) == want);
        check_prefix(&whole, &out);
        FUZZ_CHECK(want != ERRN_NONE || whole.len == out.len);
    }
    buf_release(&whole);
    buf_release(&out);
}

static void pack(enum compression kind, const uint8_t *text, size_t len, struct buf *out)
{
    struct err err = ERR_INIT;
    size_t room = len + len / 100 + 1024;

    FUZZ_CHECK(buf_reserve(out, room, &err) == ERR_OK);
    if (kind == COMPRESSION_ZSTD) {
        size_t n = ZSTD_compress(out->data + out->len, room, text, len, 1);
        FUZZ_CHECK(!ZSTD_isError(n));
        out->len += n;
        return;
    }
    z_stream z = {.next_in = (Bytef *)(uintptr_t)text,
                  .avail_in = (uInt)len,
                  .next_out = (Bytef *)out->data + out->len,
                  .avail_out = (uInt)room};
    FUZZ_CHECK(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    FUZZ_CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}

static void check_packed(enum compression kind, const uint8_t *text, size_t len)
{
    struct buf packed, out;
    size_t split = len / 3, first;

    buf_init(&packed, 2 * OUTPUT_MAX);
    buf_init(&out, OUTPUT_MAX + READ_MAX);
    pack(kind, text, split, &packed);
    first = packed.len;
    pack(kind, text + split, len - split, &packed);
    FUZZ_CHECK(unpack(kind, packed.data, packed.len, 5, READ_MAX, &out) == ERRN_NONE);
    FUZZ_CHECK(out.len == len && (len == 0 || memcmp(out.data, text, len) == 0));
    for (size_t cut = packed.len - 1; cut > 0 && packed.len - cut < 24; cut--)
        FUZZ_CHECK(unpack(kind, packed.data, cut, cut, READ_MAX, &out) ==
                   (cut == first ? ERRN_NONE : ERRN_COMPRESSED));
    fuzz_append(&packed, "x", 1);
    FUZZ_CHECK(unpack(kind, packed.data, packed.len, packed.len, READ_MAX, &out) == ERRN_COMPRESSED);
    buf_release(&packed);
    buf_release(&out);
}

FUZZ_TARGET(inflate)(const uint8_t *data, size_t size)
{
    static const enum compression kinds[] = {COMPRESSION_GZIP, COMPRESSION_ZSTD};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        check_any(kinds[i], data, size);
        if (size < OUTPUT_MAX)
            check_packed(kinds[i], data, size);
    }
    return 0;
}
