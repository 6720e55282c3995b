/*
 * mysql_kit: see mysql_kit.h. Invariant: one connection of its own, on the database that the URL names, does
 * all that tests do beside the sinks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/mysql_internal.h"
#include "backends/registry.h"
#include "core/base/mem.h"
#include "tests/support/mysql_kit.h"
#include "tests/support/sink_kit.h"

#define LOCK_WAIT_S "240"

enum { URL_MAX = KIT_MYSQL_URL_MAX, NAME_MAX_ = 128 };

static struct {
    const char *url;
    char base[NAME_MAX_], name[NAME_MAX_];
    unsigned number;
    struct schema schema;
    struct sink *admin;
} kit;

/* The URL with another database. */
static void url_of(const char *database, const char *more, char out[URL_MAX])
{
    const char *authority = strstr(kit.url, "//") + 2;
    const char *path = strchr(authority, '/') + 1;
    size_t len = strcspn(path, "?");

    (void)!snprintf(out, URL_MAX, "%.*s%s%s%s", (int)(path - kit.url), kit.url, database,
                    path[len] ? path + len : "?", more);
}

static enum err_code open_as(const char *user, const char *password, const char *database,
                             const struct sink_target *target, const struct clock *clock, bool read_only,
                             int64_t replaces, const char *more, struct sink **out, struct err *err)
{
    char url[URL_MAX];
    struct sink_open args = {.url = url,
                             .clock = clock,
                             .read_only = read_only,
                             .replaces_connection = replaces,
                             .user = user,
                             .password = password,
                             .target = *target};

    url_of(database, more, url);
    return registry_open_sink(&args, out, err);
}

static enum err_code open_at(const char *database, const struct sink_target *target,
                             const struct clock *clock, bool read_only, int64_t replaces, const char *more,
                             struct sink **out, struct err *err)
{
    return open_as(getenv("SLUICE_TEST_MYSQL_USER"), getenv("SLUICE_TEST_MYSQL_PASSWORD"), database, target,
                   clock, read_only, replaces, more, out, err);
}

bool kit_mysql_begin(void)
{
    struct err err = ERR_INIT;

    kit.url = getenv("SLUICE_TEST_MYSQL_URL");
    if (!kit.url || !kit.url[0]) {
        (void)!printf("SKIP-SERVER: SLUICE_TEST_MYSQL_URL names no server; run under ci/with-mysql.sh\n");
        return false;
    }
    const char *path = strchr(strstr(kit.url, "//") + 2, '/') + 1;
    (void)!snprintf(kit.base, sizeof kit.base, "%.*s", (int)strcspn(path, "?"), path);
    kit_schema(&kit.schema, "id:int");
    struct sink_target target = {.pipeline = "kit", .table = "t", .schema = &kit.schema, .lease_ms = 3600000};
    if (open_at(kit.base, &target, clock_real(), false, 0, "", &kit.admin, &err)) {
        (void)!fprintf(stderr, "%s: %s\n", err_name_text(err.name), err.msg);
        exit(1);
    }
    if (kit_mysql_int("SELECT GET_LOCK('sluice_tests', " LOCK_WAIT_S ")") != 1) {
        (void)!fprintf(stderr, "other tests have had the server for " LOCK_WAIT_S " s\n");
        exit(1);
    }
    return true;
}

static void run(struct sink *sink, const char *sql)
{
    struct err err = ERR_INIT;

    if (mys_exec(mys_of(sink), sql, "kit", &err) || mys_end(mys_of(sink), &err))
        fail_msg("%s: %s", sql, err.msg);
}

void kit_mysql_sql(const char *sql)
{
    run(kit.admin, sql);
}

void kit_mysql_root_sql(const char *sql)
{
    struct sink_target target = {.pipeline = "kit", .table = "t", .schema = &kit.schema, .lease_ms = 60000};
    struct err err = ERR_INIT;
    struct sink *root;

    if (open_as(getenv("SLUICE_TEST_MYSQL_ROOT_USER"), getenv("SLUICE_TEST_MYSQL_ROOT_PASSWORD"),
                kit.name[0] ? kit.name : kit.base, &target, clock_real(), true, 0, "", &root, &err))
        fail_msg("root: %s", err.msg);
    run(root, sql);
    sink_close(root);
}

const char *kit_mysql_name(void)
{
    return kit.name;
}

enum err_code kit_mysql_open_as(const char *user, const char *password, const struct sink_target *target,
                                struct sink **out, struct err *err)
{
    return open_as(user, password, kit.name, target, clock_real(), true, 0, "", out, err);
}

int64_t kit_mysql_int(const char *sql)
{
    struct err err = ERR_INIT;
    int64_t value;
    struct bind b = mys_bind(mys_of(kit.admin), sql, &err);

    if (mys_query_int(&b, "kit", &value, &err))
        fail_msg("%s: %s", sql, err.msg);
    mys_end_read(mys_of(kit.admin));
    return value;
}

bool kit_mysql_is_mariadb(void)
{
    return kit_mysql_int("SELECT VERSION() LIKE '%MariaDB%'") != 0;
}

static void drop(void)
{
    char sql[URL_MAX];

    if (!kit.name[0])
        return;
    (void)!snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS `%s`", kit.name);
    kit_mysql_sql(sql);
    kit.name[0] = '\0';
}

void kit_mysql_reset(void)
{
    char sql[URL_MAX];

    drop();
    (void)!snprintf(kit.name, sizeof kit.name, "%.64s_%ld_%u", kit.base, (long)getpid(), ++kit.number);
    (void)!snprintf(sql, sizeof sql, "CREATE DATABASE `%s`", kit.name);
    kit_mysql_sql(sql);
    (void)!snprintf(sql, sizeof sql, "USE `%s`", kit.name);
    kit_mysql_sql(sql);
}

enum err_code kit_mysql_open(const struct sink_target *target, const struct clock *clock, bool read_only,
                             int64_t replaces, const char *more, struct sink **out, struct err *err)
{
    return open_at(kit.name, target, clock, read_only, replaces, more, out, err);
}

void kit_mysql_url(const char *more, char *out)
{
    url_of(kit.name, more, out);
}

void kit_mysql_end(void)
{
    drop();
    sink_close(kit.admin);
    schema_release(&kit.schema);
}
