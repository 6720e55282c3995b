/*
 * mem: the heap behind one door, which a test can hold shut.
 *
 * Invariants: a success is never NULL, also for a size of 0; a failed mem_realloc leaves the old memory as it
 * was; the fault hook is asked exactly once for each allocation and never for mem_free. The hook is plain
 * data: it is set only while a single thread runs.
 */
#include "core/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool (*fault_fn)(void *ctx);
static void *fault_ctx;

static bool faulted(void)
{
    return fault_fn && fault_fn(fault_ctx);
}

void *mem_alloc(size_t size)
{
    return faulted() ? NULL : malloc(size ? size : 1);
}

void *mem_calloc(size_t count, size_t size)
{
    size_t total;

    if (faulted() || __builtin_mul_overflow(count, size, &total))
        return NULL;
    return calloc(1, total ? total : 1);
}

void *mem_realloc(void *old, size_t size)
{
    return faulted() ? NULL : realloc(old, size ? size : 1);
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = len < SIZE_MAX ? mem_alloc(len + 1) : NULL;

    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_set_fault(bool (*fn)(void *ctx), void *ctx)
{
    fault_fn = fn;
    fault_ctx = ctx;
}
