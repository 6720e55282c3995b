/*
 * bytes_steps: memory as a stream. Invariant: pos <= len, and a read gives min(cap, step, what is left).
 */
#include "tests/support/bytes_steps.h"

#include <string.h>

static enum err_code steps_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct bytes_steps *s = (struct bytes_steps *)self;
    *n = 0;
    if (s->fail_at >= 0 && s->pos >= (size_t)s->fail_at)
        return err_set(err, ERRN_IO, "no more than %ld bytes", s->fail_at);
    size_t len = s->len - s->pos;
    len = len < cap ? len : cap;
    len = len < s->step ? len : s->step;
    if (len > 0)
        memcpy(dst, s->data + s->pos, len);
    s->pos += len;
    *n = len;
    return ERR_OK;
}

void bytes_steps_init(struct bytes_steps *s, const void *data, size_t len, size_t step)
{
    *s = (struct bytes_steps){{steps_read}, data, len, 0, step, -1};
}
