/*
 * test_near: edit distances by hand, and the length that counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/near.h"

static void distances(void **state)
{
    (void)state;
    assert_int_equal(near_distance("", ""), 0);
    assert_int_equal(near_distance("run", ""), 3);
    assert_int_equal(near_distance("", "run"), 3);
    assert_int_equal(near_distance("run", "rnu"), 1); /* neighbours that changed places */
    assert_int_equal(near_distance("kitten", "sitting"), 3);
    assert_int_equal(near_distance("plan", "plans"), 1);
}

static void only_the_start_counts(void **state)
{
    char a[NEAR_MAX + 3], b[NEAR_MAX + 3];

    (void)state;
    memset(a, 'x', sizeof a - 1);
    memset(b, 'x', sizeof b - 1);
    a[sizeof a - 1] = b[sizeof b - 1] = '\0';
    b[NEAR_MAX + 1] = 'y';
    assert_int_equal(near_distance(a, b), 0);
    b[NEAR_MAX - 1] = 'y';
    assert_int_equal(near_distance(a, b), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances),
        cmocka_unit_test(only_the_start_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
