/*
 * bytes: the stream that reads from memory.
 *
 * Invariant: pos <= len; at the end every read gives 0 bytes and no error.
 */
#include "core/base/bytes.h"

#include <string.h>

static enum err_code mem_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct bytes_mem *m = (struct bytes_mem *)self;
    size_t left = m->len - m->pos;

    (void)err; /* memory does not fail */
    *n = left < cap ? left : cap;
    if (*n)
        memcpy(dst, m->data + m->pos, *n);
    m->pos += *n;
    return ERR_OK;
}

void bytes_mem_init(struct bytes_mem *m, const void *data, size_t len)
{
    *m = (struct bytes_mem){.base = {.read = mem_read}, .data = data, .len = len};
}
