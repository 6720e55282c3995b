/*
 * test_sim: a fixed sample of worlds, and that a seed is one story: told twice, byte by byte the same.
 *
 * `make sim SEEDS=N` takes others; the sample is small enough for every run of the tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/world.h"
#include "tests/support/sanitized.h"

enum { SAMPLE = SANITIZED ? 150 : 600, TWICE = 10 };

static void a_sample_of_worlds_holds(void **state)
{
    int64_t crashes = 0, commits = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SAMPLE; seed++) {
        struct world_result result;
        world_run(seed, NULL, &result);
        if (!result.ok)
            fail_msg("seed %d: %s; `make sim SEED=%d` tells its story", (int)seed, result.what, (int)seed);
        crashes += result.crashes;
        commits += result.commits;
    }
    /* Worlds in which nothing happens would hold too. */
    assert_true(crashes > SAMPLE / 10);
    assert_true(commits > SAMPLE);
}

static char *story(uint64_t seed, size_t *len, struct world_result *result)
{
    char *text = NULL;
    FILE *log = open_memstream(&text, len);
    assert_non_null(log);
    world_run(seed, log, result);
    fclose(log);
    return text;
}

static void the_same_seed_tells_the_same_story(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= TWICE; seed++) {
        struct world_result first, between, second, silent;
        size_t n, m;
        char *one = story(seed, &n, &first);
        world_run(seed + 1000, NULL, &between);
        char *two = story(seed, &m, &second);
        world_run(seed, NULL, &silent);
        assert_int_equal(n, m);
        assert_memory_equal(one, two, n);
        assert_true(first.digest == second.digest && first.digest == silent.digest);
        assert_true(first.digest != between.digest);
        free(one);
        free(two);
    }
}

static int prepare(void **state)
{
    (void)state;
    return world_prepare() ? 0 : 1;
}

static int release(void **state)
{
    (void)state;
    world_release();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_of_worlds_holds),
        cmocka_unit_test(the_same_seed_tells_the_same_story),
    };
    return cmocka_run_group_tests(tests, prepare, release);
}
