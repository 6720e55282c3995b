/*
 * sqlite_ask: one SQL query that only reads, on any SQLite connection: over a source (query_sqlite.c) and
 * over a target (sink_sqlite.c).
 */
#ifndef SLUICE_BACKENDS_SQLITE_ASK_H
#define SLUICE_BACKENDS_SQLITE_ASK_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/data/answer.h"

struct sqlite_ask {
    sqlite3 *db;
    const char *label;        /* what is asked, for messages */
    const char *const *names; /* columns that there are, for "did you mean"; ended by NULL */
    const char *table;        /* the table that there is */
    const atomic_int *stop;   /* may be NULL */
    const struct err *cause;  /* what a virtual table failed with, which says it better; may be NULL */
    int64_t steps;            /* SQLite's steps that it may take, 0 = any number: it then ends quietly */
};

/* Nothing but SELECT, within limits; from here on. */
void sqlite_ask_confine(sqlite3 *db);
/* The opposite: for a connection that is used for other things too. */
void sqlite_ask_release(sqlite3 *db);

/* USAGE for what is no single statement that gives rows, with where the mistake is. */
enum err_code sqlite_ask_prepare(const struct sqlite_ask *ask, const char *sql, sqlite3_stmt **out,
                                 struct err *err) MUST_USE;
/* All rows into the answer (NULL: they are dropped). */
enum err_code sqlite_ask_rows(const struct sqlite_ask *ask, sqlite3_stmt *stmt, const struct answer *answer,
                              struct err *err) MUST_USE;

#endif
