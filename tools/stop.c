/*
 * stop: signals that ask a command to end.
 *
 *   DEFAULT (a signal kills) -stop_catch-> CAUGHT -first signal-> STOPPING (the flag is set, signals kill)
 *   DEFAULT -stop_catch_grace-> CAUGHT -first signal-> ENDING -second signal, or the grace is over-> STOPPING
 */
#include "tools/stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int flag, ending;
static unsigned grace_s; /* 0: none */

static const int numbers[] = {SIGINT, SIGTERM};
enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

static void stop_now(int number)
{
    atomic_store_explicit(&flag, number, memory_order_relaxed);
    for (size_t i = 0; i < NUMBERS; i++)
        signal(numbers[i], SIG_DFL);
}

static void on_signal(int number)
{
    int first = 0;

    if (!atomic_compare_exchange_strong(&ending, &first, number) || grace_s == 0)
        stop_now(number);
    else
        alarm(grace_s);
}

static void on_alarm(int number)
{
    (void)number;
    stop_now(atomic_load(&ending));
}

void stop_ignore_broken_output(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void stop_catch(void)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        struct sigaction old;

        sigemptyset(&action.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

void stop_catch_grace(int64_t grace_ms)
{
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};

    grace_s = (unsigned)((grace_ms + 999) / 1000);
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    stop_catch();
}

const atomic_int *stop_flag(void)
{
    return &flag;
}

const atomic_int *stop_ending(void)
{
    return &ending;
}

void stop_forget(void)
{
    alarm(0);
    atomic_store(&flag, 0);
    atomic_store(&ending, 0);
}

void stop_reraise(void)
{
    int number = atomic_load_explicit(&ending, memory_order_relaxed);

    if (number) {
        signal(number, SIG_DFL);
        raise(number);
    }
}
