/*
 * scripted_mysql: a server of ours that speaks enough of MySQL's protocol to be asked by the real client
 * library, and that turns rogue where a test says so. It listens on loopback and serves one connection.
 *
 * It logs anybody in, answers SELECT and SHOW GLOBAL STATUS with one row of numbers, PREPARE with a statement
 * of one column, everything else with OK.
 * What the client sends where a file or its password was asked for is kept.
 */
#ifndef SLUICE_TESTS_SUPPORT_SCRIPTED_MYSQL_H
#define SLUICE_TESTS_SUPPORT_SCRIPTED_MYSQL_H

#include <stdbool.h>
#include <stddef.h>

enum { SCRIPTED_SENT_MAX = 4096, SCRIPTED_RESULTS_MAX = 4 };

/* Rows of texts, row by row; NULL ends them. */
struct scripted_result {
    const char *to; /* a statement that begins so */
    int columns;
    const char *const *cells;
};

struct scripted_plan {
    const char *ask_after; /* a statement that begins so is answered by "send me the file" ... */
    const char *file;      /* ... of this name; NULL = the name in the statement (an honest server) */
    int ask_times;         /* asks so often in a row for the one statement */
    bool ask_at_prepare;   /* asks where the answer to a PREPARE (of the protocol) belongs */
    bool ask_at_login;     /* asks where the answer to the login belongs */
    const char *die_after; /* closes the connection instead of answering it */
    unsigned error_code;   /* answers `error_after` with this error */
    const char *error_after;
    unsigned char matched; /* rows that an UPDATE matches */
    struct scripted_result results[SCRIPTED_RESULTS_MAX];
    const char *tls;   /* offers TLS with DIR/cert.pem and DIR/key.pem of this folder ... */
    bool cut_tls;      /* ... and breaks off when the client takes it up */
    bool ask_clear;    /* asks for the password in clear; what comes from the login on is kept */
    bool refuse_login; /* and answers it with error_code */
};

struct scripted_mysql;
struct scripted_mysql *scripted_mysql_start(const struct scripted_plan *plan, int *port);
/* Ends it; out gets what came for files (its length is returned). */
size_t scripted_mysql_stop(struct scripted_mysql *server, char out[SCRIPTED_SENT_MAX]);

#endif
