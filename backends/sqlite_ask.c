/*
 * sqlite_ask: prepares one reading statement, says where it is wrong, and hands its rows out as they come.
 *
 * Invariants: an authorizer allows SELECT, reading, functions and recursion, so that nothing is written,
 * attached or loaded and no PRAGMA is run, whatever the SQL says; double quotes are names, never texts, so
 * that a column misspelt is an error and no constant. The stop flag ends a statement between any two of its
 * steps.
 */
#include "backends/sqlite_ask.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/near.h"
#include "core/data/types.h"

#define ONLY_READS "a query only reads: one SELECT (or WITH, VALUES, EXPLAIN)"

enum {
    VALUE_MAX = 64 * 1024 * 1024, /* bytes of a text or blob that a function may make */
    STEPS_BETWEEN = 1000,         /* looks at the stop flag */
    NAME_SHOWN = 64,
    SQL_LIMIT = ANSWER_SQL_MAX + 64, /* with EXPLAIN before it */
};

static int authorize(void *ctx, int action, const char *a, const char *b, const char *db, const char *trigger)
{
    (void)ctx;
    (void)a;
    (void)db;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b && sqlite3_stricmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    default:
        return SQLITE_DENY;
    }
}

void sqlite_ask_confine(sqlite3 *db)
{
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_LIMIT);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, ANSWER_COLUMNS_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_set_authorizer(db, authorize, NULL);
}

void sqlite_ask_release(sqlite3 *db)
{
    sqlite3_set_authorizer(db, NULL, NULL);
}

/* ---- mistakes ---- */

/* "SQL, character 8" or "SQL, line 2, character 5". */
static void where_text(const char *sql, int offset, char *out, size_t cap)
{
    const char *line = sql;
    int lines = 1;

    if (offset < 0 || (size_t)offset > strlen(sql)) {
        snprintf(out, cap, "SQL");
        return;
    }
    for (const char *p = sql; p < sql + offset; p++)
        if (*p == '\n') {
            line = p + 1;
            lines++;
        }
    int64_t at = utf8_length(line, (size_t)(sql + offset - line));
    if (at < 0)
        at = sql + offset - line;
    if (strchr(sql, '\n'))
        snprintf(out, cap, "SQL, line %d, character %lld", lines, (long long)at + 1);
    else
        snprintf(out, cap, "SQL, character %lld", (long long)at + 1);
}

/* Where SQLite names what it does not know: the bare name, without table and quotes. */
static bool unknown_name(const char *message, const char *what, char out[NAME_SHOWN])
{
    size_t skip = strlen(what), n = 0;

    if (strncmp(message, what, skip) != 0)
        return false;
    message += skip;
    if (*message == '"')
        message++;
    for (; *message && *message != '"' && *message != '\n' && n + 1 < NAME_SHOWN; message++) {
        if (*message == '.')
            n = 0;
        else
            out[n++] = *message;
    }
    out[n] = '\0';
    return n > 0;
}

static void nearest(const char *given, const char *name, const char **best, size_t *least)
{
    size_t d = strcasecmp(given, name) == 0 ? 0 : near_distance(given, name);

    /* the very name is one of the schema that the table does not have (yet) */
    if (strcmp(given, name) != 0 && d <= near_limit(strlen(given)) && (!*best || d < *least)) {
        *best = name;
        *least = d;
    }
}

static const char *meant(const struct sqlite_ask *ask, const char *message)
{
    const char *best = NULL;
    char given[NAME_SHOWN];
    size_t least = 0;

    if (unknown_name(message, "no such column: ", given))
        for (const char *const *name = ask->names; *name; name++)
            nearest(given, *name, &best, &least);
    else if (unknown_name(message, "no such table: ", given))
        nearest(given, ask->table, &best, &least);
    return best;
}

static bool is_mistake(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_CONSTRAINT:
        return true;
    default:
        return false;
    }
}

/* `at`: the part of the SQL that was being prepared; NULL: it was running. */
static enum err_code fail(const struct sqlite_ask *ask, int rc, const char *sql, const char *at,
                          struct err *err)
{
    char where[64], message[ERR_MSG_MAX / 2], given[NAME_SHOWN];
    const char *best;
    int offset = -1;

    if (ask->cause && ask->cause->code) {
        *err = *ask->cause;
        return err->code;
    }
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return err_nomem(err);
    case SQLITE_INTERRUPT:
        return err_set(err, ERRN_CANCELLED, "stopped by a signal");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set_native(err, ERRN_DB_BUSY, rc, "%s: the database is locked by another process",
                              ask->label);
    case SQLITE_FULL:
        return err_set_native(err, ERRN_DISK_FULL, rc, "%s: no room for temporary files", ask->label);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return err_set_native(err, ERRN_IO, rc, "%s: %s", ask->label, sqlite3_errmsg(ask->db));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set_native(err, ERRN_DB_CORRUPT, rc, "%s: %s", ask->label, sqlite3_errmsg(ask->db));
    default:
        break;
    }
    if (!is_mistake(rc))
        return err_set_native(err, ERRN_DB, rc, "%s: %s", ask->label, sqlite3_errmsg(ask->db));
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(ask->db));
    for (char *p = message; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    if (rc == SQLITE_AUTH || strcmp(message, "not authorized") == 0 || strstr(message, "may not be modified"))
        return err_set(err, ERRN_QUERY, "SQL: " ONLY_READS);
    best = meant(ask, message);
    /* Later versions also ask whether a quoted name was meant as a text. */
    if (strstr(message, " - should this be") && unknown_name(message, "no such column: ", given))
        snprintf(message, sizeof message, "no such column: %s", given);
#if SQLITE_VERSION_NUMBER >= 3038000
    offset = at ? sqlite3_error_offset(ask->db) : -1;
    if (offset >= 0)
        offset += (int)(at - sql);
#endif
    where_text(sql, offset, where, sizeof where);
    return err_set_native(err, ERRN_QUERY, rc, "%s: %s%s%s%s", where, message, best ? "; did you mean " : "",
                          best ? best : "", best ? "?" : "");
}

/* ---- one statement ---- */

/* Where the next statement begins: behind spaces, comments and ";". */
static const char *statement(const char *sql)
{
    for (;;) {
        const char *end;

        sql += strspn(sql, " \t\r\n\f;");
        if (strncmp(sql, "--", 2) == 0)
            sql += strcspn(sql, "\n");
        else if (strncmp(sql, "/*", 2) == 0)
            sql = (end = strstr(sql + 2, "*/")) ? end + 2 : sql + strlen(sql);
        else
            return sql;
    }
}

enum err_code sqlite_ask_prepare(const struct sqlite_ask *ask, const char *sql, sqlite3_stmt **out,
                                 struct err *err)
{
    const char *first = statement(sql), *tail;
    char where[64];
    sqlite3_stmt *stmt = NULL;
    int rc;

    *out = NULL;
    if (strlen(sql) > ANSWER_SQL_MAX)
        return err_set(err, ERRN_QUERY, "SQL: more than %d bytes", ANSWER_SQL_MAX);
    if (!*first)
        return err_set(err, ERRN_QUERY, "SQL: there is no statement: such as SELECT count(*) FROM %s",
                       ask->table);
    rc = sqlite3_prepare_v2(ask->db, first, -1, &stmt, &tail);
    if (rc != SQLITE_OK)
        return fail(ask, rc, sql, first, err);
    tail = statement(tail);
    where_text(sql, (int)(tail - sql), where, sizeof where);
    if (*tail)
        err_set(err, ERRN_QUERY, "%s: a second statement begins here; a query is one statement", where);
    else if (!sqlite3_stmt_readonly(stmt) || sqlite3_column_count(stmt) == 0)
        err_set(err, ERRN_QUERY, "SQL: " ONLY_READS);
    else if (sqlite3_bind_parameter_count(stmt) > 0)
        err_set(err, ERRN_QUERY, "SQL: parameters (?, :name) have no values here: write the values");
    if (err->code)
        sqlite3_finalize(stmt);
    else
        *out = stmt;
    return err->code;
}

/* ---- rows ---- */

struct watch {
    const atomic_int *stop;
    int64_t left;
    bool limited, over;
};

static int on_progress(void *ctx)
{
    struct watch *w = ctx;

    w->left -= STEPS_BETWEEN;
    w->over = w->limited && w->left < 0;
    return w->over || (w->stop && atomic_load_explicit(w->stop, memory_order_relaxed));
}

static enum err_code tell_columns(sqlite3_stmt *stmt, int n, const struct answer *answer, struct err *err)
{
    const char **names = mem_calloc((size_t)n, sizeof *names);
    enum err_code code;

    if (!names)
        return err_nomem(err);
    for (int i = 0; i < n; i++)
        names[i] = sqlite3_column_name(stmt, i);
    code = answer->columns(answer->ctx, names, (size_t)n, err);
    mem_free(names);
    return code;
}

static enum err_code value_of(sqlite3_stmt *stmt, int i, struct answer_value *out, struct err *err)
{
    *out = (struct answer_value){.kind = ANSWER_NULL};
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        out->kind = ANSWER_INT;
        out->num = sqlite3_column_int64(stmt, i);
        return ERR_OK;
    case SQLITE_FLOAT:
        out->kind = ANSWER_REAL;
        out->real = sqlite3_column_double(stmt, i);
        return ERR_OK;
    case SQLITE_TEXT:
        out->kind = ANSWER_TEXT;
        out->data = (const char *)sqlite3_column_text(stmt, i);
        break;
    case SQLITE_BLOB:
        out->kind = ANSWER_BLOB;
        out->data = sqlite3_column_blob(stmt, i);
        break;
    default:
        return ERR_OK;
    }
    out->len = (size_t)sqlite3_column_bytes(stmt, i);
    if (!out->data && out->len > 0)
        return err_nomem(err);
    if (!out->data)
        out->data = "";
    return ERR_OK;
}

static enum err_code tell_row(sqlite3_stmt *stmt, int n, struct answer_value *values,
                              const struct answer *answer, struct err *err)
{
    for (int i = 0; i < n; i++)
        if (value_of(stmt, i, &values[i], err))
            return err->code;
    return answer->row(answer->ctx, values, (size_t)n, err);
}

enum err_code sqlite_ask_rows(const struct sqlite_ask *ask, sqlite3_stmt *stmt, const struct answer *answer,
                              struct err *err)
{
    int n = sqlite3_column_count(stmt), rc = SQLITE_ROW;
    struct watch watch = {.stop = ask->stop, .left = ask->steps, .limited = ask->steps > 0};
    struct answer_value *values = mem_calloc((size_t)n, sizeof *values);

    if (!values)
        return err_nomem(err);
    sqlite3_progress_handler(ask->db, STEPS_BETWEEN, on_progress, &watch);
    if (answer && tell_columns(stmt, n, answer, err))
        goto out;
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
        if (answer && tell_row(stmt, n, values, answer, err))
            goto out;
    if (rc != SQLITE_DONE && !watch.over)
        fail(ask, rc, "", NULL, err);
out:
    sqlite3_progress_handler(ask->db, 0, NULL, NULL);
    mem_free(values);
    return err->code;
}
