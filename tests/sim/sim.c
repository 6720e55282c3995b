/*
 * sim: worlds by the thousand: `sim FIRST COUNT` runs so many seeds, `sim log SEED` tells the story of one.
 * `make sim` calls it.
 *
 * A seed that fails is run once more with its log, which must end the same way. The status is 1 where one
 * failed.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "tests/sim/world.h"

enum { FAILURES_MAX = 5 };

/* The log of a seed, on stdout; whether it went as it did before. */
static bool show(uint64_t seed, const struct world_result *before)
{
    struct world_result again;
    printf("---- seed %" PRIu64 "\n", seed);
    world_run(seed, stdout, &again);
    printf("---- seed %" PRIu64 ": %s\n", seed, again.ok ? "ok" : again.what);
    return !before || (again.digest == before->digest && again.ok == before->ok);
}

static int many(uint64_t first, uint64_t count)
{
    const struct clock *clock = clock_real();
    int64_t start = clock_mono_us(clock), points = 0, crashes = 0, commits = 0, virtual_us = 0;
    uint64_t failed = 0, done = 0;
    for (uint64_t seed = first; seed < first + count && failed < FAILURES_MAX; seed++, done++) {
        struct world_result result;
        world_run(seed, NULL, &result);
        points += result.points;
        crashes += result.crashes;
        commits += result.commits;
        virtual_us += result.virtual_us;
        if (result.ok)
            continue;
        failed++;
        printf("seed %" PRIu64 " failed: %s\n", seed, result.what);
        if (failed == 1 && !show(seed, &result))
            printf("seed %" PRIu64 " went otherwise the second time\n", seed);
    }
    double s = (double)(clock_mono_us(clock) - start) / 1e6;
    printf("seeds %" PRIu64 "..%" PRIu64 ": %" PRIu64
           " failed; %.1f s, %.0f seeds/s; each about %.0f steps, %.1f commits, %.1f crashes, "
           "%.0f s of its own time\n",
           first, first + done - 1, failed, s, (double)done / s, (double)points / (double)done,
           (double)commits / (double)done, (double)crashes / (double)done,
           (double)virtual_us / 1e6 / (double)done);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    int status = 2;
    if (argc != 3 || !world_prepare()) {
        fprintf(stderr, "usage: sim FIRST COUNT | sim log SEED\n");
        return 2;
    }
    if (strcmp(argv[1], "log") == 0)
        status = show(strtoull(argv[2], NULL, 10), NULL) ? 0 : 1;
    else
        status = many(strtoull(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    world_release();
    return status;
}
