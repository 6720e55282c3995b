/*
 * inflate: gzip and zstd streams over another stream.
 *
 * States:  between (before the first and after each member or frame)  --a byte of input-->  inside
 *          inside  --the member's last byte-->  between
 *          between --the input's end, after at least one member-->  the end, for good
 *          any     --damage, the input's end inside, too much output-->  failed, for good (the same answer
 * again)
 *
 * Invariants: in[in_pos, in_len) is input that no decoder has seen; taken and given count what decoders took
 * and gave; a call gives bytes, or the end, or an error.
 */
#define ZSTD_STATIC_LINKING_ONLY /* for the allocator */
#include <zstd.h>
#include <zstd_errors.h>

#include "core/data/inflate.h"

#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "core/base/mem.h"

enum { GZIP_ONLY = 15 + 16 }; /* zlib's window bits: 32 KiB, no zlib headers */

struct inflate {
    struct bytes base;
    enum compression kind;
    struct bytes *src;
    z_stream gzip;
    ZSTD_DCtx *zstd;
    bool between, any, eof, ended;
    const char *damage; /* failed: what it was */
    enum err_name failure;
    uint64_t taken, given;
    size_t in_pos, in_len;
    unsigned char in[INFLATE_INPUT];
};

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);
    return len > n && memcmp(text + len - n, end, n) == 0;
}

enum compression compression_of(const char *key)
{
    return ends_with(key, ".gz")    ? COMPRESSION_GZIP
           : ends_with(key, ".zst") ? COMPRESSION_ZSTD
                                    : COMPRESSION_NONE;
}

static enum err_code fail(struct inflate *s, enum err_name name, const char *damage, struct err *err)
{
    s->failure = name;
    s->damage = damage;
    return err_set(err, name, "%s after %llu bytes of input", damage, (unsigned long long)s->taken);
}

/* Decodes from in to dst; each sets what it took and gave, and `between` at a member's end. */
static enum err_code step_gzip(struct inflate *s, void *dst, size_t cap, size_t *took, size_t *gave,
                               struct err *err)
{
    uInt in = (uInt)(s->in_len - s->in_pos), room = cap < UINT32_MAX ? (uInt)cap : UINT32_MAX;
    s->gzip.next_in = s->in + s->in_pos;
    s->gzip.avail_in = in;
    s->gzip.next_out = dst;
    s->gzip.avail_out = room;
    int code = inflate(&s->gzip, Z_NO_FLUSH);
    *took = in - s->gzip.avail_in;
    *gave = room - s->gzip.avail_out;
    if (code == Z_STREAM_END) {
        s->between = true;
        code = inflateReset(&s->gzip);
    }
    if (code == Z_MEM_ERROR)
        return fail(s, ERRN_NOMEM, "out of memory", err);
    if (code != Z_OK && code != Z_BUF_ERROR)
        return fail(s, ERRN_COMPRESSED, s->gzip.msg ? s->gzip.msg : "gzip data is damaged", err);
    return ERR_OK;
}

static enum err_code step_zstd(struct inflate *s, void *dst, size_t cap, size_t *took, size_t *gave,
                               struct err *err)
{
    ZSTD_inBuffer in = {s->in, s->in_len, s->in_pos};
    ZSTD_outBuffer out = {dst, cap, 0};
    size_t code = ZSTD_decompressStream(s->zstd, &out, &in);
    *took = in.pos - s->in_pos;
    *gave = out.pos;
    s->between = code == 0;
    if (ZSTD_isError(code) && ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
        return fail(s, ERRN_NOMEM, "out of memory", err);
    if (ZSTD_isError(code))
        return fail(s, ERRN_COMPRESSED, ZSTD_getErrorName(code), err);
    return ERR_OK;
}

static enum err_code fill(struct inflate *s, struct err *err)
{
    enum err_code code = bytes_read(s->src, s->in, sizeof s->in, &s->in_len, err);
    s->in_pos = 0;
    if (code != ERR_OK)
        s->in_len = 0;
    else if (s->in_len == 0)
        s->eof = true;
    return code;
}

static enum err_code inflate_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct inflate *s = (struct inflate *)self;
    *n = 0;
    if (s->failure != ERRN_NONE)
        return fail(s, s->failure, s->damage, err);
    while (!s->ended) {
        if (s->in_pos == s->in_len && !s->eof) {
            enum err_code code = fill(s, err);
            if (code != ERR_OK)
                return code;
        }
        bool drained = s->in_pos == s->in_len;
        if (drained && s->between) {
            if (!s->any)
                return fail(s, ERRN_COMPRESSED, "nothing to decompress", err);
            s->ended = true;
            break;
        }
        s->any = true;
        s->between = false;
        size_t took, gave;
        enum err_code code = s->kind == COMPRESSION_GZIP ? step_gzip(s, dst, cap, &took, &gave, err)
                                                         : step_zstd(s, dst, cap, &took, &gave, err);
        if (code != ERR_OK)
            return code;
        s->in_pos += took;
        s->taken += took;
        s->given += gave;
        if (s->given > INFLATE_RATIO_FROM && s->given / INFLATE_RATIO_MAX > s->taken)
            return fail(s, ERRN_COMPRESSION_RATIO, "more than 200 bytes for each byte of input", err);
        if (gave > 0) {
            *n = gave;
            return ERR_OK;
        }
        if (drained && !s->between)
            return fail(s, ERRN_COMPRESSED, "the input is cut short", err);
    }
    return ERR_OK;
}

static void *zlib_alloc(void *ctx, uInt count, uInt size)
{
    (void)ctx;
    return mem_calloc(count, size);
}
static void zlib_free(void *ctx, void *ptr)
{
    (void)ctx;
    mem_free(ptr);
}
static void *zstd_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return mem_alloc(size);
}

enum err_code inflate_open(enum compression kind, struct bytes *src, struct bytes **out, struct err *err)
{
    *out = NULL;
    if (kind == COMPRESSION_NONE)
        return err_set(err, ERRN_INTERNAL, "inflate: the object is not compressed");
    struct inflate *s = mem_calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->base.read = inflate_read;
    s->kind = kind;
    s->src = src;
    s->between = true;
    bool ok;
    if (kind == COMPRESSION_GZIP) {
        s->gzip.zalloc = zlib_alloc;
        s->gzip.zfree = zlib_free;
        ok = inflateInit2(&s->gzip, GZIP_ONLY) == Z_OK;
    } else {
        s->zstd = ZSTD_createDCtx_advanced((ZSTD_customMem){zstd_alloc, zlib_free, NULL});
        ok = s->zstd &&
             !ZSTD_isError(ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax, INFLATE_ZSTD_WINDOW_LOG_MAX));
    }
    if (!ok) {
        inflate_close(&s->base);
        return err_nomem(err);
    }
    *out = &s->base;
    return ERR_OK;
}

void inflate_close(struct bytes *inflate)
{
    struct inflate *s = (struct inflate *)inflate;
    if (!s)
        return;
    inflateEnd(&s->gzip); /* harmless where it was not begun */
    ZSTD_freeDCtx(s->zstd);
    mem_free(s);
}
