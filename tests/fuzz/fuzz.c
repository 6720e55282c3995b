/*
 * fuzz: the helpers of the fuzz targets. Invariant: a check that fails aborts, which libFuzzer and
 * test_replay both take as a finding.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

_Noreturn void fuzz_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

char *fuzz_text(const void *data, size_t size)
{
    size_t len = size > 0 ? strnlen(data, size) : 0;
    char *text = mem_strndup(size > 0 ? data : "", len);

    FUZZ_CHECK(text);
    return text;
}

char *fuzz_part(const uint8_t **at, const uint8_t *end, uint8_t separator)
{
    size_t left = (size_t)(end - *at);
    const uint8_t *stop = left > 0 ? memchr(*at, separator, left) : NULL;
    char *part = fuzz_text(*at, stop ? (size_t)(stop - *at) : left);

    *at = stop ? stop + 1 : end;
    return part;
}

void fuzz_append(struct buf *out, const void *data, size_t len)
{
    struct err err = ERR_INIT;

    FUZZ_CHECK(buf_append(out, data, len, &err) == ERR_OK);
}

static bool fail_alloc(void *ctx)
{
    unsigned *left = ctx;

    return *left > 0 && --*left == 0;
}

void fuzz_fail_alloc(unsigned n)
{
    static unsigned left;

    left = n;
    mem_set_fault(n > 0 ? fail_alloc : NULL, &left);
}
