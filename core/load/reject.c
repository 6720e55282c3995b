/* reject: see reject.h. */
#include "core/load/reject.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/mem.h"

enum { SAMPLE_BYTES_MAX = 1024 * 1024 };

static int64_t allowed(const struct reject_limit *limit, int64_t read)
{
    if (!limit->is_share)
        return limit->number;
    /* rounded up; split so that it cannot overflow */
    int64_t whole = read / 1000000, rest = read % 1000000;
    return whole * limit->share_ppm + (rest * limit->share_ppm + 999999) / 1000000;
}

bool reject_over_limit(const struct reject_limit *limit, int64_t rejected, int64_t read, bool final)
{
    if (limit->is_share && !final)
        return false;
    return rejected > allowed(limit, read);
}

void reject_limit_format(const struct reject_limit *limit, int64_t read, char out[REJECT_LIMIT_TEXT_MAX])
{
    if (limit->is_share)
        snprintf(out, REJECT_LIMIT_TEXT_MAX, "%g%% (%" PRId64 " of %" PRId64 ")",
                 (double)limit->share_ppm / 10000.0, allowed(limit, read), read);
    else
        snprintf(out, REJECT_LIMIT_TEXT_MAX, "%" PRId64, limit->number);
}

enum err_code reject_samples_init(struct reject_samples *s, struct err *err)
{
    *s = (struct reject_samples){0};
    buf_init(&s->raw, SAMPLE_BYTES_MAX);
    s->rows = mem_alloc(REC_SAMPLES_MAX * sizeof *s->rows);
    return s->rows ? ERR_OK : err_nomem(err);
}

void reject_samples_add(struct reject_samples *s, const struct reject *reject)
{
    struct err full = ERR_INIT;
    if (s->n == REC_SAMPLES_MAX || buf_append(&s->raw, reject->raw, reject->raw_len, &full) != ERR_OK)
        return;
    s->rows[s->n] = *reject;
    s->rows[s->n].raw = NULL;
    s->n++;
}

void reject_samples_seal(struct reject_samples *s)
{
    const char *at = buf_str(&s->raw);
    for (size_t i = 0; i < s->n; i++) {
        s->rows[i].raw = at;
        at += s->rows[i].raw_len;
    }
}

void reject_samples_clear(struct reject_samples *s)
{
    s->n = 0;
    buf_clear(&s->raw);
}

void reject_samples_release(struct reject_samples *s)
{
    if (!s)
        return;
    mem_free(s->rows);
    s->rows = NULL;
    buf_release(&s->raw);
}
