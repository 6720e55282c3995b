/*
 * disk: the disk under SQLite is full, fails, or takes half of a write, at each call.
 *
 * After each: a clear error (DISK_FULL or IO, exit 1) or success with all of it done; the database is whole;
 * an undisturbed run ends as one that was never disturbed. Once and for good. SLUICE_FAULT_LONG=1 takes every
 * call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/log.h"
#include "tests/support/sanitized.h"
#include "tests/support/scene.h"
#include "tests/support/sqlite_fault.h"
#include "tests/support/tempdir.h"

enum { DENSE = 10, LEASE_US = 6000000 };

static bool clear_error(enum disk_fault fault, const struct rig *rig)
{
    enum err_name name = rig->err.name;
    if (name == ERRN_DB_IN_DOUBT) /* the journal could not be deleted */
        return fault == DISK_EIO || fault == DISK_EIO_SHORT;
    if (fault == DISK_IS_FULL || fault == DISK_SHORT)
        return name == ERRN_DISK_FULL;
    return name == ERRN_IO;
}

static bool one_try(struct stage *stage, enum disk_fault fault, const char *name, int64_t nth, bool onwards)
{
    struct rig rig = {0};
    char what[128], path[4096];
    snprintf(what, sizeof what, "%s %lld%s", name, (long long)nth, onwards ? " on" : "");
    stage_try(stage, &rig);
    sqlite_fault_disk(fault, nth, onwards);
    int status = stage->scene->act(&rig);
    bool hit = sqlite_fault_fired() > 0;
    if (status != 0 && !clear_error(fault, &rig))
        fail_msg("%s %s: status %d, %s: %s", stage->scene->name, what, status, err_name_text(rig.err.name),
                 rig.err.msg);
    if (status != 0 && rig.err.msg[0] == '\0')
        fail_msg("%s %s: no message", stage->scene->name, what);
    if (!hit && status != 0)
        fail_msg("%s %s: not reached, but status %d", stage->scene->name, what, status);
    snprintf(path, sizeof path, "%s/t.db", rig.dir);
    stage_leave(&rig);
    sqlite_fault_disk(DISK_NONE, 0, false);
    const char *whole = sqlite_fault_integrity(path);
    if (strcmp(whole, "ok") != 0)
        fail_msg("%s %s: integrity_check: %s", stage->scene->name, what, whole);
    if (status == 0)
        stage_look(stage, &rig, what);
    rig.clock.now_us += LEASE_US;
    stage_finish(stage, &rig, what);
    return hit;
}

static void sweep(enum scene_id id, enum disk_fault fault, const char *name, int share)
{
    bool all = getenv("SLUICE_FAULT_LONG") != NULL;
    int64_t dense = SANITIZED ? DENSE / 2 : DENSE;
    struct stage stage;
    stage_open(&stage, id);
    for (int onwards = 0; onwards < 2; onwards++) {
        int64_t n = 1, tries = 0;
        for (; one_try(&stage, fault, name, n, onwards); tries++)
            n += all || n < dense ? 1 : 1 + n * share * (SANITIZED ? 2 : 1) / 100;
        assert_true(tries > 0);
        print_message("# %s, %s %s: %lld tries up to %lld\n", stage.scene->name, name,
                      onwards ? "for good" : "once", (long long)tries, (long long)n);
    }
    stage_release(&stage);
}

static void disk_full(void **state)
{
    (void)state;
    sweep(SCENE_FILE, DISK_IS_FULL, "full", 15);
    sweep(SCENE_CHUNK, DISK_IS_FULL, "full", 25);
    sweep(SCENE_REPLAY, DISK_IS_FULL, "full", 25);
}

static void short_writes(void **state)
{
    (void)state;
    sweep(SCENE_FILE, DISK_SHORT, "short, full", 15);
    sweep(SCENE_HOUR, DISK_EIO_SHORT, "short, EIO", 20);
}

static void writing_fails(void **state)
{
    (void)state;
    sweep(SCENE_FILE, DISK_EIO, "EIO", 10);
    sweep(SCENE_CHUNK, DISK_EIO, "EIO", 15);
    sweep(SCENE_RELOAD, DISK_EIO, "EIO", 20);
}

static void reading_fails(void **state)
{
    (void)state;
    sweep(SCENE_FILE, DISK_EIO_READ, "EIO on read", 15);
    sweep(SCENE_REPLAY, DISK_EIO_READ, "EIO on read", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disk_full),
        cmocka_unit_test(short_writes),
        cmocka_unit_test(writing_fails),
        cmocka_unit_test(reading_fails),
    };
    tempdir_use_memory();
    sqlite_fault_init();
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
