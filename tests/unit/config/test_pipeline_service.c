/* pipeline: the keys of a service, schedule and notify, are judged when the file is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/config/pipeline.h"

static const char *file = "docs/pipeline.example.yaml";

static enum err_code load(const char *set, struct pipeline **out, struct err *err)
{
    const struct pipeline_options options = {.file = file, .sets = &set, .nsets = set != NULL};

    return pipeline_load(&options, out, err);
}

static struct pipeline *good(const char *set)
{
    struct err err = ERR_INIT;
    struct pipeline *p = NULL;

    if (load(set, &p, &err) != ERR_OK)
        fail_msg("%s: %s", set, err.msg);
    return p;
}

static void refused(const char *set, const char *message)
{
    struct err err = ERR_INIT;
    struct pipeline *p = NULL;

    assert_int_equal(load(set, &p, &err), ERR_CONFIG);
    assert_null(p);
    if (!strstr(err.msg, message))
        fail_msg("%s: %s\nexpected %s", set, err.msg, message);
}

/* The example says them all, the small file none. */
static void defaults(void **state)
{
    static const char *const files[] = {"docs/pipeline.example.yaml", "fixtures/pipelines/good/minimal.yaml"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        file = files[i];
        struct pipeline *p = good(NULL);
        assert_string_equal(p->schedule.enqueue, "0 * * * *");
        assert_string_equal(p->schedule.work, "*/5 * * * *");
        assert_int_equal(p->notify.on, NOTIFY_FAILURE | NOTIFY_RECOVERY | NOTIFY_LATE);
        assert_int_equal(p->notify.nexec, 0);
        pipeline_free(p);
    }
    file = files[0];
}

static void schedules_are_cron_lines(void **state)
{
    struct pipeline *p = good("schedule.work=5,35 6-22/2 * * mon-fri");

    (void)state;
    assert_string_equal(p->schedule.work, "5,35 6-22/2 * * mon-fri");
    pipeline_free(p);
    refused("schedule.work=*/5 * * *", "--set schedule.work: a cron line has five fields");
    refused("schedule.enqueue=0 0 31 2 *", "--set schedule.enqueue: \"0 0 31 2 *\" never comes");
    refused("schedule.enqueue=", "must not be empty");
    refused("schedule.enqueue=hourly", "has 1");
}

static void notify_names_events_and_a_program(void **state)
{
    struct pipeline *p = good("notify.exec=[mail, -s, a b]");

    (void)state;
    assert_int_equal(p->notify.on, NOTIFY_FAILURE | NOTIFY_RECOVERY | NOTIFY_LATE);
    assert_int_equal(p->notify.nexec, 3);
    assert_string_equal(p->notify.exec[2], "a b");
    assert_null(p->notify.exec[3]);
    pipeline_free(p);
    p = good("notify.on=[late]");
    assert_int_equal(p->notify.on, NOTIFY_LATE);
    assert_int_equal(p->notify.nexec, 0);
    pipeline_free(p);
    p = good("notify.on=[]");
    assert_int_equal(p->notify.on, 0);
    pipeline_free(p);
    refused("notify.on=[failure, late, success]",
            "--set notify.on: \"success\" is none of failure, recovery, late");
    refused("notify.exec=[\"\", x]", "--set notify.exec: the program has no name");
    refused("notify.exec=mail", "must be a list");
    refused("notify.when=[late]", "unknown key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(defaults), cmocka_unit_test(schedules_are_cron_lines),
                                       cmocka_unit_test(notify_names_events_and_a_program)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
