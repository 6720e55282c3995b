/*
 * buf: a growing byte buffer with a hard maximum.
 *
 * Invariants: len <= max; where data is not NULL, len < cap and data[len] is NUL after each append. A failed
 * call leaves data and len as they were. Capacity doubles, but never beyond max + 1.
 */
#include "core/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

enum { BUF_CAP_MIN = 64 };

void buf_init(struct buf *buf, size_t max)
{
    /* No object is larger than PTRDIFF_MAX; the clamp keeps the sums below from wrapping. */
    *buf = (struct buf){.max = max < PTRDIFF_MAX ? max : PTRDIFF_MAX - 1};
}

void buf_release(struct buf *buf)
{
    if (!buf)
        return;
    mem_free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

enum err_code buf_reserve(struct buf *buf, size_t more, struct err *err)
{
    size_t need, cap;
    char *data;

    if (more > buf->max - buf->len)
        return err_set(err, ERRN_LIMIT, "more than %zu bytes", buf->max);
    need = buf->len + more + 1;
    if (need <= buf->cap)
        return ERR_OK;
    cap = buf->cap ? buf->cap * 2 : BUF_CAP_MIN;
    if (cap < need)
        cap = need;
    if (cap > buf->max + 1)
        cap = buf->max + 1;
    data = mem_realloc(buf->data, cap);
    if (!data)
        return err_nomem(err);
    data[buf->len] = '\0';
    buf->data = data;
    buf->cap = cap;
    return ERR_OK;
}

enum err_code buf_append(struct buf *buf, const void *data, size_t len, struct err *err)
{
    enum err_code code = buf_reserve(buf, len, err);

    if (code != ERR_OK)
        return code;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return ERR_OK;
}

enum err_code buf_append_str(struct buf *buf, const char *text, struct err *err)
{
    return buf_append(buf, text, strlen(text), err);
}

enum err_code buf_append_char(struct buf *buf, char c, struct err *err)
{
    return buf_append(buf, &c, 1, err);
}

enum err_code buf_printf(struct buf *buf, struct err *err, const char *fmt, ...)
{
    enum err_code code;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return err_set(err, ERRN_INTERNAL, "text cannot be formatted");
    code = buf_reserve(buf, (size_t)len, err);
    if (code != ERR_OK)
        return code;
    va_start(args, fmt);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t)len;
    return ERR_OK;
}

const char *buf_str(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
