/* reject: limits and their rounding; samples and their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/load/reject.h"

static void a_number_is_judged_at_once(void **state)
{
    const struct reject_limit limit = {.number = 2};
    (void)state;
    for (int final = 0; final < 2; final++) {
        assert_false(reject_over_limit(&limit, 0, 0, final));
        assert_false(reject_over_limit(&limit, 2, 2, final));
        assert_true(reject_over_limit(&limit, 3, 1000000, final));
    }
    const struct reject_limit none = {0};
    assert_false(reject_over_limit(&none, 0, 5, true));
    assert_true(reject_over_limit(&none, 1, 5, true));
}

static void a_share_is_rounded_up_and_judged_at_the_end(void **state)
{
    static const struct {
        int64_t ppm, read, allowed;
    } CASES[] = {
        {10000, 100, 1},
        {10000, 101, 2},
        {10000, 1, 1},
        {10000, 0, 0},
        {1, 1, 1},
        {1, 1000000, 1},
        {1, 1000001, 2},
        {1000000, 7, 7},
        {333333, 3, 1},
        {500000, INT64_MAX / 1000000, INT64_MAX / 2000000},
        {1000000, INT64_MAX, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct reject_limit limit = {.is_share = true, .share_ppm = CASES[i].ppm};
        assert_false(reject_over_limit(&limit, CASES[i].allowed, CASES[i].read, true));
        if (CASES[i].allowed < INT64_MAX)
            assert_true(reject_over_limit(&limit, CASES[i].allowed + 1, CASES[i].read, true));
        assert_false(reject_over_limit(&limit, CASES[i].read, CASES[i].read, false));
    }
}

static void limits_are_words_too(void **state)
{
    char text[REJECT_LIMIT_TEXT_MAX];
    const struct reject_limit number = {.number = 5};
    const struct reject_limit share = {.is_share = true, .share_ppm = 15000};
    (void)state;
    reject_limit_format(&number, 10, text);
    assert_string_equal(text, "5");
    reject_limit_format(&share, 100, text);
    assert_string_equal(text, "1.5% (2 of 100)");
}

static void samples_keep_copies_up_to_their_bounds(void **state)
{
    struct reject_samples s;
    struct err err = ERR_INIT;
    char raw[16], big[600 * 1024];
    struct reject reject = {.raw = raw};
    (void)state;
    assert_int_equal(reject_samples_init(&s, &err), ERR_OK);
    for (int i = 0; i < REC_SAMPLES_MAX + 5; i++) {
        reject.line = i;
        reject.raw_len = (size_t)snprintf(raw, sizeof raw, "%d\n", i);
        reject_samples_add(&s, &reject);
    }
    memset(raw, '?', sizeof raw); /* they are copies */
    reject_samples_seal(&s);
    assert_int_equal(s.n, REC_SAMPLES_MAX);
    assert_memory_equal(s.rows[0].raw, "0\n", 2);
    assert_memory_equal(s.rows[99].raw, "99\n", 3);
    assert_int_equal(s.rows[99].line, 99);
    reject_samples_clear(&s);
    assert_int_equal(s.n, 0);
    memset(big, 'x', sizeof big);
    reject.raw = big;
    reject.raw_len = sizeof big;
    reject_samples_add(&s, &reject);
    reject_samples_add(&s, &reject); /* more than 1 MiB together */
    reject.raw = "y";
    reject.raw_len = 1;
    reject_samples_add(&s, &reject);
    reject_samples_seal(&s);
    assert_int_equal(s.n, 2);
    assert_memory_equal(s.rows[1].raw, "y", 1);
    reject_samples_release(&s);
    reject_samples_release(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_judged_at_once),
        cmocka_unit_test(a_share_is_rounded_up_and_judged_at_the_end),
        cmocka_unit_test(limits_are_words_too),
        cmocka_unit_test(samples_keep_copies_up_to_their_bounds),
    };
    return cmocka_run_group_tests_name("reject", tests, NULL, NULL);
}
