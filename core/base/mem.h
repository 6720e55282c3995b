/*
 * mem: the heap, failable on purpose.
 *
 * All of sluice's own memory comes from here, so that a test can fail the Nth allocation and see that nothing
 * leaks, crashes or claims success. Functions return NULL on failure; the caller says err_nomem(err).
 * Thread-safe.
 */
#ifndef SLUICE_BASE_MEM_H
#define SLUICE_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

void *mem_alloc(size_t size) MUST_USE;
void *mem_calloc(size_t count, size_t size) MUST_USE; /* zeroed; NULL where count * size overflows */
void *mem_realloc(void *old, size_t size) MUST_USE;   /* old stays valid on failure */
char *mem_strdup(const char *text) MUST_USE;
char *mem_strndup(const char *text, size_t len) MUST_USE; /* copies len bytes and adds NUL */
void mem_free(void *ptr);                                 /* NULL is fine */

/* Asked before each allocation; true means: fail this one. `fn` NULL removes the hook. For tests only, set
 * while one thread runs; fn itself may be called from any thread. */
void mem_set_fault(bool (*fn)(void *ctx), void *ctx);

#endif
