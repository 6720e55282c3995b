/*
 * mysql_kit: the server that SLUICE_TEST_MYSQL_URL, _USER and _PASSWORD name, for tests. The URL's database
 * must be there; tests work in others beside it, <database>_<pid>_<n>, which they drop.
 */
#ifndef SLUICE_TESTS_SUPPORT_MYSQL_KIT_H
#define SLUICE_TESTS_SUPPORT_MYSQL_KIT_H

#include "core/sink/sink.h"

/* One program at a time has the server until it ends, for some change its settings. False, with the line that
 * says why and what to do, where no server is named. */
bool kit_mysql_begin(void);
void kit_mysql_end(void);

/* A new, empty database, and the old one gone. */
void kit_mysql_reset(void);
/* Opens a sink on the test's database; `more` is added to the URL ("&load=insert" or ""). */
enum err_code kit_mysql_open(const struct sink_target *target, const struct clock *clock, bool read_only,
                             int64_t replaces, const char *more, struct sink **out, struct err *err);
/* The URL of that database, with `more`; at least KIT_MYSQL_URL_MAX bytes. */
enum { KIT_MYSQL_URL_MAX = 512 };
void kit_mysql_url(const char *more, char *out);
/* Runs a statement beside any sink, in the test's database; asserts that it goes well. */
void kit_mysql_sql(const char *sql);
/* The same as the server's administrator, who may all (SLUICE_TEST_MYSQL_ROOT_USER). */
void kit_mysql_root_sql(const char *sql);
/* The name of the test's database. */
const char *kit_mysql_name(void);
/* A sink on the test's database for another user. */
enum err_code kit_mysql_open_as(const char *user, const char *password, const struct sink_target *target,
                                struct sink **out, struct err *err);
/* The first column of its first row, as a number. */
int64_t kit_mysql_int(const char *sql);
bool kit_mysql_is_mariadb(void);

#endif
