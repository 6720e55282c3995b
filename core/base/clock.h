/*
 * clock: time, sleep and randomness as one injectable thing.
 *
 * Nothing else in sluice calls time(), clock_gettime(), nanosleep() or random(): a test or a simulation hands
 * in a virtual clock and gets the same run twice. Wall time is microseconds since 1970-01-01T00:00:00Z;
 * monotonic time has an arbitrary zero and only measures durations.
 */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*wall_us)(const struct clock *clock);
    int64_t (*mono_us)(const struct clock *clock);
    void (*sleep_us)(const struct clock *clock, int64_t us); /* returns early on a signal; negative = 0 */
    uint64_t (*random_u64)(const struct clock *clock);       /* not for secrets */
};

/* The system's clocks; getrandom(2) for randomness. Shared, thread-safe. */
const struct clock *clock_real(void);

/* A clock that moves only when somebody sleeps or moves it. Not thread-safe. Pass &v->base on. */
struct clock_virtual {
    struct clock base;
    int64_t now_us;
    uint64_t seed;
};
void clock_virtual_init(struct clock_virtual *v, int64_t start_us, uint64_t seed);

/* The real clock with its wall time shifted so that "now" was `start_us` when it was made (--now). */
struct clock_shifted {
    struct clock base;
    int64_t shift_us;
};
void clock_shifted_init(struct clock_shifted *s, int64_t start_us);

/* Shorthands. */
int64_t clock_wall_us(const struct clock *clock);
int64_t clock_mono_us(const struct clock *clock);
void clock_sleep_us(const struct clock *clock, int64_t us);
uint64_t clock_random(const struct clock *clock);

/* The pause behind try `tries` (from 1) that failed: base_us, doubled with each further one up to max_us, and
 * half of it left to chance, so that many who wait do not come back at once. Between half and all of it. */
int64_t clock_backoff_us(const struct clock *clock, int64_t base_us, int64_t max_us, int tries);

/* Formats wall time as "2022-06-05T12:00:00Z" (20 characters + NUL; 27 with micros: "...00.000000Z"). */
enum { CLOCK_TEXT_MAX = 32 };
void clock_format(int64_t wall_us, char out[CLOCK_TEXT_MAX]);
void clock_format_us(int64_t wall_us, char out[CLOCK_TEXT_MAX]);

#endif
