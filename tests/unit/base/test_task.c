/* task: tasks run beside their starter, without signals; a monitor wakes all that wait, or the time does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/task.h"

enum { MANY = 8 };

struct gate {
    struct monitor *monitor;
    int waiting, through;
    bool open;
};

static void gate_new(struct gate *gate)
{
    struct err err = ERR_INIT;
    *gate = (struct gate){0};
    assert_int_equal(monitor_new(&gate->monitor, &err), ERR_OK);
}

static void pass(void *arg)
{
    struct gate *gate = arg;
    monitor_lock(gate->monitor);
    gate->waiting++;
    monitor_wake(gate->monitor);
    while (!gate->open)
        monitor_wait(gate->monitor);
    gate->through++;
    monitor_unlock(gate->monitor);
}

static void one_wake_lets_all_through(void **state)
{
    struct gate gate;
    struct task *tasks[MANY];
    (void)state;
    gate_new(&gate);
    for (int i = 0; i < MANY; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(task_start(pass, &gate, &tasks[i], &err), ERR_OK);
    }
    monitor_lock(gate.monitor);
    while (gate.waiting < MANY)
        monitor_wait(gate.monitor);
    assert_int_equal(gate.through, 0);
    gate.open = true;
    monitor_wake(gate.monitor);
    monitor_unlock(gate.monitor);
    for (int i = 0; i < MANY; i++)
        task_join(tasks[i]);
    assert_int_equal(gate.through, MANY);
    monitor_free(gate.monitor);
    monitor_free(NULL);
    task_join(NULL);
}

static void a_wait_ends_with_its_time(void **state)
{
    struct gate gate;
    const struct clock *clock = clock_real();
    int64_t start = clock_mono_us(clock);
    (void)state;
    gate_new(&gate);
    monitor_lock(gate.monitor);
    /* 1,001 ms: both parts of the time are used. It may end early, but not each time. */
    while (clock_mono_us(clock) - start < 1001000)
        monitor_wait_ms(gate.monitor, 1001);
    monitor_unlock(gate.monitor);
    assert_true(clock_mono_us(clock) - start < 60000000);
    monitor_free(gate.monitor);
}

static void a_wake_ends_a_long_wait(void **state)
{
    struct gate gate;
    struct task *task = NULL;
    struct err err = ERR_INIT;
    (void)state;
    gate_new(&gate);
    gate.open = true;
    monitor_lock(gate.monitor);
    assert_int_equal(task_start(pass, &gate, &task, &err), ERR_OK);
    while (gate.waiting == 0)
        monitor_wait_ms(gate.monitor, INT64_C(3600000));
    monitor_unlock(gate.monitor);
    task_join(task);
    monitor_free(gate.monitor);
}

static void look_at_signals(void *arg)
{
    sigset_t now;
    pthread_sigmask(SIG_SETMASK, NULL, &now);
    *(bool *)arg = sigismember(&now, SIGINT) && sigismember(&now, SIGTERM) && sigismember(&now, SIGHUP);
}

static void signals_are_blocked_in_a_task_and_not_in_its_starter(void **state)
{
    bool blocked = false, mine = true;
    struct task *task = NULL;
    struct err err = ERR_INIT;
    (void)state;
    assert_int_equal(task_start(look_at_signals, &blocked, &task, &err), ERR_OK);
    task_join(task);
    look_at_signals(&mine);
    assert_true(blocked);
    assert_false(mine);
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void without_memory_nothing_starts(void **state)
{
    struct task *task = NULL;
    struct monitor *monitor = NULL;
    struct err one = ERR_INIT, two = ERR_INIT;
    bool ran = false;
    (void)state;
    mem_set_fault(always, NULL);
    enum err_code started = task_start(look_at_signals, &ran, &task, &one);
    enum err_code made = monitor_new(&monitor, &two);
    mem_set_fault(NULL, NULL);
    assert_int_equal(started, ERR_NOMEM);
    assert_int_equal(made, ERR_NOMEM);
    assert_null(task);
    assert_null(monitor);
    assert_false(ran);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_wake_lets_all_through),
        cmocka_unit_test(a_wait_ends_with_its_time),
        cmocka_unit_test(a_wake_ends_a_long_wait),
        cmocka_unit_test(signals_are_blocked_in_a_task_and_not_in_its_starter),
        cmocka_unit_test(without_memory_nothing_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
