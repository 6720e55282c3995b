/* sqlite_kit: see sqlite_kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/registry.h"
#include "tests/support/sink_kit.h"
#include "tests/support/sqlite_kit.h"
#include "tests/support/tempdir.h"

struct sqlite_kit kit_db;

void kit_db_begin(void)
{
    if (access("/dev/shm", W_OK) == 0)
        (void)!setenv("TMPDIR", "/dev/shm", 0);
    kit_db.dir = tempdir_make();
    (void)!snprintf(kit_db.path, sizeof kit_db.path, "%s/suite.db", kit_db.dir);
}

void kit_db_end(void)
{
    tempdir_remove(kit_db.dir);
}

enum err_code kit_db_open(const char *name, const struct sink_target *target, const struct clock *clock,
                          bool read_only, struct sink **out, struct err *err)
{
    char url[KIT_PATH_MAX + 16];

    (void)!snprintf(url, sizeof url, "sqlite:%s", name);
    struct sink_open args = {
        .url = url, .base_dir = kit_db.dir, .clock = clock, .read_only = read_only, .target = *target};
    return registry_open_sink(&args, out, err);
}

int kit_db_setup(void **state)
{
    (void)state;
    (void)!unlink(kit_db.path);
    kit_schema(&kit_db.schema, "id:int!,name:varchar(20)");
    kit_db.target = (struct sink_target){.pipeline = "pipe",
                                         .table = "t",
                                         .schema = &kit_db.schema,
                                         .lineage = LINEAGE_COLUMN,
                                         .lease_ms = KIT_LEASE_MS};
    return 0;
}

int kit_db_teardown(void **state)
{
    (void)state;
    schema_release(&kit_db.schema);
    return 0;
}

struct sink *kit_db_sink(bool read_only)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    if (kit_db_open("suite.db", &kit_db.target, clock_real(), read_only, &sink, &err))
        fail_msg("%s", err.msg);
    return sink;
}

struct sink *kit_db_made(void)
{
    struct err err = ERR_INIT;
    struct sink *sink = kit_db_sink(false);

    if (sink_setup(sink, NULL, &err))
        fail_msg("%s", err.msg);
    return sink;
}

void kit_db_sql(const char *sql)
{
    sqlite3 *db;
    char *msg = NULL;

    assert_int_equal(sqlite3_open(kit_db.path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &msg) != SQLITE_OK)
        fail_msg("%s: %s", sql, msg);
    sqlite3_close(db);
}
