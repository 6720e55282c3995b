/*
 * err: the one way in which sluice reports failure.
 *
 * A fallible function returns `enum err_code` (ERR_OK is 0) and takes, as its last parameter, a `struct err
 * *` owned by the caller, initialised with ERR_INIT. The code decides what the program does next (retry, give
 * up, exit status); the name (CSV_RAGGED, DB_CONSTRAINT, ...) is stable, documented and printed; the message
 * is for people.
 *
 * Rules: the first error wins (err_set on a set error changes nothing). Context is added once, on the way up,
 * by the function that knows the object, line or column. A struct err holds no pointer that it owns: copying
 * is fine.
 */
#ifndef SLUICE_BASE_ERR_H
#define SLUICE_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

/* The kinds: what a caller may do about an error. Retry is decided by the kind alone (err_is_transient). */
enum err_code {
    ERR_OK = 0,
    ERR_USAGE,        /* the command line is wrong */
    ERR_CONFIG,       /* pipeline file, credentials, table or folder set up wrongly: a person must fix it */
    ERR_NOT_FOUND,    /* an object, table, bucket or folder is not there */
    ERR_DENIED,       /* rights or credentials refused */
    ERR_EXISTS,       /* a unique row or object is already there */
    ERR_PRECONDITION, /* the object changed under us (if_match), or a guarded update matched no row */
    ERR_DATA,         /* the data broke a rule: a verdict, never retried */
    ERR_TRANSIENT,    /* unreachable, timed out, throttled, deadlock: the same call may go through later */
    ERR_BUSY,         /* the target is locked by another; transient too */
    ERR_HELD,         /* the hour is claimed by another worker */
    ERR_FENCED,       /* our claim was taken over: the unit was rolled back */
    ERR_IN_DOUBT,     /* the answer to COMMIT was lost: resolve by trying the ledger insert again */
    ERR_UNSUPPORTED,  /* not in this build, or not in this version */
    ERR_NOMEM,        /* allocation failed, or a named maximum was reached */
    ERR_IO,           /* the operating system refused: disk full, EIO */
    ERR_CANCELLED,    /* asked to stop (signal, or a neighbour stage failed) */
    ERR_INTERNAL,     /* a bug in sluice: a broken contract or invariant */
};

/*
 * The table of names: X(NAME, kind, exit status, explanation for `sluice help NAME`).
 * Frozen by a test: names are never reused or renamed.
 */
#define ERR_NAME_TABLE(X)                                                                                    \
    X(NONE, ERR_OK, 0, "No error.")                                                                          \
    X(USAGE, ERR_USAGE, 2, "The command line is wrong. `sluice help COMMAND` shows its form.")               \
    X(CONFIG, ERR_CONFIG, 2, "The pipeline file has a mistake. The message names file, line and key.")       \
    X(CONFIG_UNKNOWN_KEY, ERR_CONFIG, 2, "A key is not known. The message names the nearest known one.")     \
    X(CONFIG_UNSET, ERR_CONFIG, 2, "A ${NAME} has no value. Set the variable, or write ${NAME:-default}.")   \
    X(SECRET_EXPOSED, ERR_CONFIG, 2,                                                                         \
      "A secret stands where others can read it: in a URL, on the command line, or in a file that is not "   \
      "mode 0600. "                                                                                          \
      "Use ${NAME} or ${file:PATH}.")                                                                        \
    X(QUERY, ERR_USAGE, 2,                                                                                   \
      "The SQL of a query has a mistake, or does more than read; the message says where.")                   \
    X(UNSUPPORTED, ERR_UNSUPPORTED, 2,                                                                       \
      "This build or version cannot do that; the message says what it can.")                                 \
    X(NOT_FOUND, ERR_NOT_FOUND, 2, "A folder, bucket, table or file that the pipeline names is not there.")  \
    X(DENIED, ERR_DENIED, 2, "Rights or credentials were refused.")                                          \
    X(READ_ONLY, ERR_DENIED, 2, "The target or store cannot be written to.")                                 \
    X(KEY_OUTSIDE, ERR_DENIED, 2,                                                                            \
      "A key leads outside the root of its store (.., absolute, or through a link).")                        \
    X(KEY_TOO_LONG, ERR_CONFIG, 2,                                                                           \
      "An object key is longer than 1,024 bytes, or another limit on names is exceeded.")                    \
    X(OBJECT_EXISTS, ERR_EXISTS, 2, "An object is already there and the put asked for a new one.")           \
    X(TABLE_MISSING, ERR_CONFIG, 2,                                                                          \
      "The target table, or one of sluice's own, is not there: run `sluice setup`.")                         \
    X(TABLE_MISMATCH, ERR_CONFIG, 2,                                                                         \
      "The target table does not fit the schema; the message names the column.")                             \
    X(TABLE_NOT_EMPTY, ERR_CONFIG, 2,                                                                        \
      "The pipeline has loaded nothing yet, but the table has rows. `sluice baseline` records what is "      \
      "there already; "                                                                                      \
      "`--allow-nonempty` adds to it.")                                                                      \
    X(SCHEMA_NEWER, ERR_CONFIG, 2, "A newer sluice made these tables. Use that version.")                    \
    X(SCHEMA_OLDER, ERR_CONFIG, 2, "An older sluice made these tables: run `sluice setup` to upgrade them.") \
    X(NEEDS_LINEAGE, ERR_CONFIG, 2,                                                                          \
      "This needs `target.lineage: true`: rows must say which load they came from.")                         \
    X(BASELINE_ROW, ERR_CONFIG, 2, "A baseline row cannot be replaced or reloaded: its rows are not known.") \
    X(SOURCE_CHANGED, ERR_DATA, 3,                                                                           \
      "An object that was loaded has other content now. See policy.on_changed, or `sluice run --reload`.")   \
    X(SOURCE_GONE, ERR_DATA, 3, "An object was listed but could not be read: it is gone.")                   \
    X(SOURCE_MOVED, ERR_PRECONDITION, 3, "An object changed while it was being read.")                       \
    X(HOUR_EMPTY, ERR_DATA, 3, "An hour has no matching object and policy.on_empty is fail.")                \
    X(CSV_RAGGED, ERR_DATA, 3, "A record has more or fewer fields than the header.")                         \
    X(CSV_QUOTE, ERR_DATA, 3, "A quote stands where none may, or a quoted field is never closed.")           \
    X(CSV_LONE_CR, ERR_DATA, 3, "A carriage return without a line feed ends a record (old Mac line ends).")  \
    X(CSV_NUL, ERR_DATA, 3, "A record holds a NUL byte.")                                                    \
    X(CSV_FIELD_TOO_LONG, ERR_DATA, 3, "A field is longer than 1 MiB.")                                      \
    X(CSV_RECORD_TOO_LONG, ERR_DATA, 3, "A record is longer than 16 MiB.")                                   \
    X(CSV_TOO_MANY_COLUMNS, ERR_DATA, 3, "A record has more than 4,096 fields.")                             \
    X(CSV_NO_HEADER, ERR_DATA, 3, "The object is empty where a header line is needed.")                      \
    X(CSV_HEADER, ERR_DATA, 3, "The header does not fit the schema; see extra_columns and missing_columns.") \
    X(CAST_BOOLEAN, ERR_DATA, 3, "Not a boolean: 0, 1, true or false.")                                      \
    X(CAST_INT, ERR_DATA, 3, "Not a whole number in digits, with at most a leading minus.")                  \
    X(CAST_FLOAT, ERR_DATA, 3, "Not a finite number such as -1.5 or 2e10.")                                  \
    X(CAST_DECIMAL, ERR_DATA, 3, "Not a decimal number of the column's precision and scale.")                \
    X(CAST_DATE, ERR_DATA, 3, "Not a real date in the form YYYY-MM-DD.")                                     \
    X(CAST_TIMESTAMP, ERR_DATA, 3, "Not a timestamp such as 2022-06-05T12:00:00.000000Z.")                   \
    X(CAST_RANGE, ERR_DATA, 3, "The number is outside the range of the column's type.")                      \
    X(TEXT_TOO_LONG, ERR_DATA, 3, "The text has more characters than varchar(n) allows.")                    \
    X(TEXT_ENCODING, ERR_DATA, 3, "The text is not valid UTF-8.")                                            \
    X(NOT_NULL, ERR_DATA, 3, "A column that is not nullable has no value.")                                  \
    X(CHECK_MIN, ERR_DATA, 3, "The value is below the column's minimum.")                                    \
    X(CHECK_MAX, ERR_DATA, 3, "The value is above the column's maximum.")                                    \
    X(CHECK_IN, ERR_DATA, 3, "The value is not one of those that the column allows.")                        \
    X(CHECK_REGEX, ERR_DATA, 3, "The value does not match the column's regular expression.")                 \
    X(CHECK_UNIQUE, ERR_DATA, 3, "The value stands in an earlier record of its object (or hour) already.")   \
    X(CHECK_NULLS, ERR_DATA, 3, "More of an object's records have no value than max_nulls allows.")          \
    X(CHECK_ROWS, ERR_DATA, 3, "An hour has fewer or more rows than its check allows; it was rolled back.")  \
    X(CHECK_MEAN, ERR_DATA, 3, "The mean of an hour's values is outside its check; it was rolled back.")     \
    X(CHECK_SQL, ERR_DATA, 3,                                                                                \
      "The query of an hour's check gave rows, and its check wants none; the hour was rolled back.")         \
    X(REJECT_LIMIT, ERR_DATA, 3,                                                                             \
      "More of an object's records were refused than policy.max_rejects allows; nothing of it was loaded. "  \
      "`sluice rejects ls` shows samples.")                                                                  \
    X(REPLAY_REFUSED, ERR_DATA, 3,                                                                           \
      "A reject cannot be replayed: it was cut, or its object was loaded again.")                            \
    X(COMPRESSED, ERR_DATA, 3, "Compressed input is damaged, cut short, or has bytes after its end.")        \
    X(COMPRESSION_RATIO, ERR_DATA, 3, "Compressed input grows more than 200:1 beyond 64 MiB.")               \
    X(CONSERVATION, ERR_INTERNAL, 1,                                                                         \
      "Counts do not add up: read is not loaded + rejected. Nothing was loaded.")                            \
    X(VERIFY_DIFFERENT, ERR_DATA, 3,                                                                         \
      "Source, ledger and target do not agree. `sluice verify --show 10` names rows; `sluice run` loads "    \
      "what is not loaded, `sluice run --reload` loads hours again.")                                        \
    X(DB_CONSTRAINT, ERR_DATA, 3, "The database refused a row: duplicate key or another constraint.")        \
    X(DB_VALUE, ERR_DATA, 3, "The database would have changed a value, or refused it.")                      \
    X(DB_BUSY, ERR_BUSY, 5, "The database is locked by another process.")                                    \
    X(DB_LOST, ERR_TRANSIENT, 5, "The connection to the database was lost or could not be made.")            \
    X(DB_IN_DOUBT, ERR_IN_DOUBT, 5, "The answer to COMMIT was lost and could not be found out.")             \
    X(DB_CORRUPT, ERR_CONFIG, 2, "The database file is damaged or is no database.")                          \
    X(DB, ERR_CONFIG, 2, "The database refused a statement; the message has its own words.")                 \
    X(STORE_UNREACHABLE, ERR_TRANSIENT, 5, "The object store did not answer.")                               \
    X(STORE_THROTTLED, ERR_TRANSIENT, 5, "The object store asked for fewer requests.")                       \
    X(STORE_TRUNCATED, ERR_TRANSIENT, 5, "An object ended early.")                                           \
    X(STORE_CHECKSUM, ERR_DATA, 3, "An object's bytes do not agree with the checksum that its store has.")   \
    X(LEDGER_EXISTS, ERR_EXISTS, 1, "The ledger has this object already: another worker loaded it.")         \
    X(LEDGER_MOVED, ERR_PRECONDITION, 1, "A ledger row changed under us: another worker replaced it.")       \
    X(HELD, ERR_HELD, 4, "Another worker holds the hour. `--wait 5m` waits for it.")                         \
    X(WORKERS_DIED, ERR_TRANSIENT, 1,                                                                        \
      "Ten workers in a row had the hour and died, or lost it, before they committed anything.")             \
    X(FENCED, ERR_FENCED, 1, "The claim on the hour was lost to another worker; the unit was rolled back.")  \
    X(NOMEM, ERR_NOMEM, 1, "Memory could not be had.")                                                       \
    X(LIMIT, ERR_NOMEM, 1, "A named maximum was reached; the message says which.")                           \
    X(IO, ERR_IO, 1, "The operating system refused to read or write.")                                       \
    X(DISK_FULL, ERR_IO, 1,                                                                                  \
      "The disk is full. What was not committed is rolled back: make room and start again.")                 \
    X(CANCELLED, ERR_CANCELLED, 1, "The run was stopped and rolled back.")                                   \
    X(INTERNAL, ERR_INTERNAL, 1, "A bug in sluice: please report it with the message.")

enum err_name {
#define X(name, kind, status, text) ERRN_##name,
    ERR_NAME_TABLE(X)
#undef X
        ERRN_COUNT
};

enum { ERR_MSG_MAX = 1024 };

struct err {
    enum err_code code;
    enum err_name name;
    long native; /* errno, SQLite or MySQL code, HTTP status; 0 if there is none */
    char msg[ERR_MSG_MAX];
};

#define ERR_INIT ((struct err){.code = ERR_OK})

/* Sets *err from a name (its kind is the code) unless it is set already; returns err->code. Never returns
 * ERR_OK (ERRN_NONE is taken as ERRN_INTERNAL). */
enum err_code err_set(struct err *err, enum err_name name, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same with the native code of a library or the system. */
enum err_code err_set_native(struct err *err, enum err_name name, long native, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* From errno: ENOENT/ENOTDIR -> NOT_FOUND, EACCES/EPERM -> DENIED, EROFS -> READ_ONLY, ENOSPC/EDQUOT ->
 * DISK_FULL, ENOMEM -> NOMEM, EINTR never reaches here, others -> IO. The message is "<what>: <strerror>". */
enum err_code err_set_errno(struct err *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* "out of memory". */
enum err_code err_nomem(struct err *err);

/* Puts "<context>: " before the message; the code stays. No effect on ERR_OK. Returns err->code. */
enum err_code err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Back to ERR_OK. */
void err_clear(struct err *err);

/* True for kinds that may go through when tried again: ERR_TRANSIENT, ERR_BUSY. */
bool err_is_transient(enum err_code code);

/* The stable text of a name ("CSV_RAGGED"), its kind, exit status, explanation. */
const char *err_name_text(enum err_name name);
enum err_code err_name_kind(enum err_name name);
int err_name_status(enum err_name name);
const char *err_name_help(enum err_name name);

/* Finds a name by its text, without regard to case; ERRN_NONE if there is none. */
enum err_name err_name_find(const char *text);

/* The exit status of an error: 0 if not set. */
int err_status(const struct err *err);

/* Of two exit statuses the one that a command ends with: 2 > 1 > 3 > 5 > 4 > 0. */
int err_status_worse(int a, int b);

#endif
