/*
 * stop: signals that ask a command to end.
 *
 *   states: DEFAULT (a signal kills) -stop_catch-> CAUGHT -first signal-> STOPPING (the flag is set, signals
 *   kill again)
 */
#include "tools/stop.h"

#include <signal.h>
#include <stddef.h>

static atomic_int flag;

/* SA_RESETHAND puts the default action back for this signal; the other one is put back here. */
static void on_signal(int number)
{
    atomic_store_explicit(&flag, number, memory_order_relaxed);
    signal(number == SIGINT ? SIGTERM : SIGINT, SIG_DFL);
}

void stop_ignore_broken_output(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void stop_catch(void)
{
    static const int numbers[] = {SIGINT, SIGTERM};

    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | SA_RESETHAND};
        struct sigaction old;

        sigemptyset(&action.sa_mask);
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

const atomic_int *stop_flag(void)
{
    return &flag;
}

void stop_reraise(void)
{
    int number = atomic_load_explicit(&flag, memory_order_relaxed);

    if (number) {
        signal(number, SIG_DFL);
        raise(number);
    }
}
