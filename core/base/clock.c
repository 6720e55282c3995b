/*
 * clock: the real clock, the virtual one and the shifted one.
 *
 * Invariants: the real clock has no state; the virtual clock's wall and monotonic time are the same number
 * and go forward only through sleep_us (a test may set now_us itself); the same seed gives the same random
 * numbers.
 */
#include "core/base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "core/base/hour.h"

#define SECOND_US INT64_C(1000000)

static int64_t system_us(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * SECOND_US + ts.tv_nsec / 1000;
}

static int64_t real_wall_us(const struct clock *clock)
{
    (void)clock;
    return system_us(CLOCK_REALTIME);
}

static int64_t real_mono_us(const struct clock *clock)
{
    (void)clock;
    return system_us(CLOCK_MONOTONIC);
}

static void real_sleep_us(const struct clock *clock, int64_t us)
{
    struct timespec ts = {.tv_sec = us / SECOND_US, .tv_nsec = us % SECOND_US * 1000};

    (void)clock;
    if (us > 0)
        nanosleep(&ts, NULL);
}

/* The splitmix64 step: spreads a counter over all 64 bits. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static uint64_t real_random_u64(const struct clock *clock)
{
    uint64_t value;
    ssize_t n;

    (void)clock;
    do {
        n = getrandom(&value, sizeof value, 0);
    } while (n < 0 && errno == EINTR);
    /* A sandbox may forbid the call; jitter and owner names can live with the time. */
    return n == (ssize_t)sizeof value ? value : mix((uint64_t)system_us(CLOCK_MONOTONIC));
}

static const struct clock REAL = {real_wall_us, real_mono_us, real_sleep_us, real_random_u64};

const struct clock *clock_real(void)
{
    return &REAL;
}

/* Users hold a clock as const; the virtual one has state all the same. It is never a const object. */
static struct clock_virtual *virtual_of(const struct clock *clock)
{
    return (struct clock_virtual *)(uintptr_t)clock;
}

static int64_t virtual_us(const struct clock *clock)
{
    return virtual_of(clock)->now_us;
}

static void virtual_sleep_us(const struct clock *clock, int64_t us)
{
    if (us > 0)
        virtual_of(clock)->now_us += us;
}

static uint64_t virtual_random_u64(const struct clock *clock)
{
    struct clock_virtual *v = virtual_of(clock);

    v->seed += UINT64_C(0x9e3779b97f4a7c15);
    return mix(v->seed);
}

void clock_virtual_init(struct clock_virtual *v, int64_t start_us, uint64_t seed)
{
    *v = (struct clock_virtual){
        .base = {virtual_us, virtual_us, virtual_sleep_us, virtual_random_u64},
        .now_us = start_us,
        .seed = seed,
    };
}

static int64_t shifted_wall_us(const struct clock *clock)
{
    return system_us(CLOCK_REALTIME) + ((const struct clock_shifted *)clock)->shift_us;
}

void clock_shifted_init(struct clock_shifted *s, int64_t start_us)
{
    *s = (struct clock_shifted){.base = REAL, .shift_us = start_us - system_us(CLOCK_REALTIME)};
    s->base.wall_us = shifted_wall_us;
}

int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock);
}

int64_t clock_mono_us(const struct clock *clock)
{
    return clock->mono_us(clock);
}

void clock_sleep_us(const struct clock *clock, int64_t us)
{
    clock->sleep_us(clock, us);
}

uint64_t clock_random(const struct clock *clock)
{
    return clock->random_u64(clock);
}

int64_t clock_backoff_us(const struct clock *clock, int64_t base_us, int64_t max_us, int tries)
{
    int64_t us = base_us;
    for (int i = 1; i < tries && us < max_us; i++)
        us *= 2;
    if (us > max_us)
        us = max_us;
    return us / 2 + (int64_t)(clock_random(clock) % (uint64_t)(us / 2 + 1));
}

/* Writes the time without its end ("Z", or a fraction and "Z"); returns the length and the microseconds left.
 */
static int format_seconds(int64_t wall_us, char out[CLOCK_TEXT_MAX], int *micros)
{
    hour_t hour = hour_of_us(wall_us);
    int64_t left = wall_us % HOUR_US; /* not wall - start of hour: that start may lie below INT64_MIN */
    int second, y, m, d, h;

    if (left < 0)
        left += HOUR_US;
    second = (int)(left / SECOND_US);
    hour_to_civil(hour, &y, &m, &d, &h);
    *micros = (int)(left % SECOND_US);
    return snprintf(out, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", y, m, d, h, second / 60,
                    second % 60);
}

void clock_format(int64_t wall_us, char out[CLOCK_TEXT_MAX])
{
    int micros;
    int len = format_seconds(wall_us, out, &micros);

    snprintf(out + len, (size_t)(CLOCK_TEXT_MAX - len), "Z");
}

void clock_format_us(int64_t wall_us, char out[CLOCK_TEXT_MAX])
{
    int micros;
    int len = format_seconds(wall_us, out, &micros);

    snprintf(out + len, (size_t)(CLOCK_TEXT_MAX - len), ".%06dZ", micros);
}
