/*
 * sqlite_kit: a folder with one SQLite file, for tests of the SQLite sink: opening it as sluice does, and
 * touching it as somebody else would. Every call asserts that it went well.
 */
#ifndef SLUICE_TESTS_SUPPORT_SQLITE_KIT_H
#define SLUICE_TESTS_SUPPORT_SQLITE_KIT_H

#include "core/sink/sink.h"

enum { KIT_PATH_MAX = 512 };

struct sqlite_kit {
    char *dir;
    char path[KIT_PATH_MAX]; /* of the file, in dir */
    struct schema schema;    /* "id:int!,name:varchar(20)" */
    struct sink_target target;
};
extern struct sqlite_kit kit_db;

/* Around all tests of a program: makes and removes the folder (in memory where the system has such: then
 * thousands of commits cost nothing). */
void kit_db_begin(void);
void kit_db_end(void);

/* cmocka's setup and teardown: no file yet; kit_db.target is table t with lineage. */
int kit_db_setup(void **state);
int kit_db_teardown(void **state);

/* Opens a file of the folder; says what registry_open_sink said. */
enum err_code kit_db_open(const char *name, const struct sink_target *target, const struct clock *clock,
                          bool read_only, struct sink **out, struct err *err);
struct sink *kit_db_sink(bool read_only); /* the file, over kit_db.target */
struct sink *kit_db_made(void);           /* the same, set up */

/* Runs SQL on the file on a connection of its own. */
void kit_db_sql(const char *sql);

#endif
