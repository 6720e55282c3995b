/*
 * bytes: a stream of bytes to pull from. Store readers, inflate, channels and test strings all look like this
 * to whoever reads.
 */
#ifndef SLUICE_BASE_BYTES_H
#define SLUICE_BASE_BYTES_H

#include <stddef.h>

#include "core/base/err.h"

struct bytes {
    /* Reads up to cap (> 0) bytes into dst; *n = 0 only at the end. Short reads are legal. After an error or
     * the end the same answer comes again. */
    enum err_code (*read)(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err);
};

static inline MUST_USE enum err_code bytes_read(struct bytes *b, void *dst, size_t cap, size_t *n,
                                                struct err *err)
{
    return b->read(b, dst, cap, n, err);
}

/* Reads from memory that the caller keeps alive. */
struct bytes_mem {
    struct bytes base;
    const char *data;
    size_t len;
    size_t pos;
};
void bytes_mem_init(struct bytes_mem *m, const void *data, size_t len);

#endif
