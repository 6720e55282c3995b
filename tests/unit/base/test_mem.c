/* mem: sizes of 0, overflow, and the fault hook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/mem.h"

struct fault {
    int left; /* allocations that still go through */
    int asked;
};

static bool countdown(void *ctx)
{
    struct fault *fault = ctx;

    fault->asked++;
    return fault->left-- <= 0;
}

static void empty_is_not_failure(void **unused)
{
    void *a = mem_alloc(0), *b = mem_calloc(0, 8), *c = mem_calloc(8, 0), *d = mem_realloc(NULL, 0);

    (void)unused;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    assert_non_null(d);
    d = mem_realloc(d, 0);
    assert_non_null(d);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(NULL);
}

static void calloc_zeroes_and_checks(void **unused)
{
    static const char zeros[64];
    volatile size_t huge = SIZE_MAX / 2;
    char *p = mem_calloc(8, 8);

    (void)unused;
    assert_non_null(p);
    assert_memory_equal(p, zeros, 64);
    mem_free(p);
    assert_null(mem_calloc(huge, 4));
}

static void copies_end_with_nul(void **unused)
{
    char *a = mem_strdup("abc"), *b = mem_strndup("abcdef", 3), *c = mem_strndup(NULL, 0);
    char *d = mem_strndup("a\0b", 3);

    (void)unused;
    assert_string_equal(a, "abc");
    assert_string_equal(b, "abc");
    assert_string_equal(c, "");
    assert_memory_equal(d, "a\0b\0", 4);
    assert_null(mem_strndup("x", SIZE_MAX));
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
}

static void faults_hit_every_function(void **unused)
{
    struct fault fault = {.left = 1};
    char *kept;

    (void)unused;
    mem_set_fault(countdown, &fault);
    kept = mem_alloc(4);
    assert_non_null(kept);
    memcpy(kept, "abc", 4);
    assert_null(mem_alloc(1));
    assert_null(mem_calloc(1, 1));
    assert_null(mem_realloc(kept, 1000));
    assert_null(mem_strdup("x"));
    assert_null(mem_strndup("x", 1));
    assert_string_equal(kept, "abc");
    mem_free(kept);
    assert_int_equal(fault.asked, 6);
    mem_set_fault(NULL, NULL);
    kept = mem_alloc(1);
    assert_non_null(kept);
    mem_free(kept);
    assert_int_equal(fault.asked, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_is_not_failure),
        cmocka_unit_test(calloc_zeroes_and_checks),
        cmocka_unit_test(copies_end_with_nul),
        cmocka_unit_test(faults_hit_every_function),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
