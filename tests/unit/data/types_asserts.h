/* Assertions on one text as a value of one type; for the tests of core/data/types*.c. Include after
 * <cmocka.h>. */
#ifndef SLUICE_TESTS_TYPES_ASSERTS_H
#define SLUICE_TESTS_TYPES_ASSERTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/data/types.h"

/* Parses from a heap block of exactly len bytes, so that a sanitizer sees any byte read behind it. */
static inline enum err_name value_of(const char *type_text, const char *text, size_t len, struct value *out)
{
    struct type type;
    struct err err = ERR_INIT;
    assert_int_equal(type_parse(type_text, &type, &err), ERR_OK);
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    enum err_name name = types_value(&type, exact, len, out);
    free(exact);
    return name;
}

static inline void refused(const char *type, const char *text, enum err_name name)
{
    struct value v;
    enum err_name got = value_of(type, text, strlen(text), &v);
    if (got != name)
        fail_msg("%s '%.60s': %s, not %s", type, text, err_name_text(got), err_name_text(name));
}

static inline void is_i64(const char *type, const char *text, int64_t want)
{
    struct value v;
    enum err_name name = value_of(type, text, strlen(text), &v);
    if (name || v.i64 != want)
        fail_msg("%s '%s': %s %lld", type, text, err_name_text(name), (long long)v.i64);
}

static inline void is_f64(const char *type, const char *text, double want)
{
    struct value v;
    enum err_name name = value_of(type, text, strlen(text), &v);
    if (name || memcmp(&v.f64, &want, sizeof want) != 0)
        fail_msg("%s '%.60s': %s %.17g, not %.17g", type, text, err_name_text(name), v.f64, want);
}

static inline void is_str(const char *type, const char *text, const char *want)
{
    struct value v;
    enum err_name name = value_of(type, text, strlen(text), &v);
    if (name || strcmp(v.str, want) != 0 || v.str_len != strlen(want))
        fail_msg("%s '%.60s': %s '%s'", type, text, err_name_text(name), name ? "" : v.str);
    value_release(&v);
}

#endif
