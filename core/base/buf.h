/*
 * buf: a growing byte buffer that is born with its maximum.
 *
 * Embedded: buf_init / buf_release. data is NUL-terminated after every append (the NUL is not counted in
 * len), so text can be used as a C string. Growing past max is ERR_NOMEM (LIMIT), never an abort.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include <stddef.h>

#include "core/base/err.h"

struct buf {
    char *data; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max; /* largest len allowed */
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf); /* frees; the buffer may be used again with the same max */
void buf_clear(struct buf *buf);   /* len = 0, memory kept */

/* Makes room for `more` bytes behind len (plus the NUL). */
enum err_code buf_reserve(struct buf *buf, size_t more, struct err *err) MUST_USE;
enum err_code buf_append(struct buf *buf, const void *data, size_t len, struct err *err) MUST_USE;
enum err_code buf_append_str(struct buf *buf, const char *text, struct err *err) MUST_USE;
enum err_code buf_append_char(struct buf *buf, char c, struct err *err) MUST_USE;
enum err_code buf_printf(struct buf *buf, struct err *err, const char *fmt, ...) PRINTF_LIKE(3, 4) MUST_USE;

/* The text, "" where nothing was appended. */
const char *buf_str(const struct buf *buf);

#endif
