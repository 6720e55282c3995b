/*
 * contracts: what an analyser cannot see from one source file. ci/analyze.sh includes it before every file
 * but err.c and mem.c, which these are about.
 *
 * A function that sets an error returns it and leaves it set; and memory from core/base/mem.h is heap like
 * any other, so that leaks and second frees are looked for.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"

static inline __attribute__((unused)) enum err_code is_set(const struct err *err, enum err_code code)
{
    if (code == ERR_OK || err->code != code)
        __builtin_unreachable();
    return code;
}

#define err_set(err, ...)        is_set(err, err_set(err, __VA_ARGS__))
#define err_set_native(err, ...) is_set(err, err_set_native(err, __VA_ARGS__))
#define err_set_errno(err, ...)  is_set(err, err_set_errno(err, __VA_ARGS__))
#define err_nomem(err)           is_set(err, err_nomem(err))

#define mem_alloc   malloc
#define mem_calloc  calloc
#define mem_realloc realloc
#define mem_strdup  strdup
#define mem_strndup strndup
#define mem_free    free
