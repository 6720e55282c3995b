/*
 * libs3_script: a server of the first S3 protocol that misbehaves as a test tells it to, and what tests of
 * store_libs3 do with it.
 *
 * It keeps one object, root/k, of LIBS3_OBJECT_BYTES bytes, one that can be put, root/put, and up to
 * LIBS3_KEYS_MAX keys to list; a test sets in `libs3_script` what is wrong. Sleeping is virtual.
 */
#ifndef SLUICE_TESTS_SUPPORT_LIBS3_SCRIPT_H
#define SLUICE_TESTS_SUPPORT_LIBS3_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/store_libs3.h"
#include "tests/support/scripted_http.h"

#define LIBS3_CANARY "canary/secret+canary"

enum { LIBS3_KEYS_MAX = 8, LIBS3_OBJECT_BYTES = LIBS3_WINDOW + 100001 };

struct libs3_script {
    struct scripted_http *http;
    struct clock_virtual clock;
    char *object;
    char stored[64]; /* by a PUT of a few bytes */
    /* Told by the test. */
    const char *keys[LIBS3_KEYS_MAX]; /* in order, with root/ */
    int page;                         /* so many of them in one answer */
    int cut_after;                    /* a listing breaks off behind so many keys; -1 = never */
    int cuts;                         /* so often, */
    int cut_from;                     /* and not before so many listings */
    bool no_length;
    const char *listing; /* instead of the right one */
    int fail;            /* so many requests fail, */
    int fail_status;
    const char *fail_method, *fail_body, *fail_headers;
    int64_t cut_at; /* the object breaks off there; -1 = never */
    const char *etag, *etag_after;
    bool ignore_range, shorten_range, no_etag, stall, stall_in_body;
    bool put_is_lost, put_says_nothing;
    /* Noted. */
    int requests, gets, listings, connections;
    char last_headers[8192], last_target[8192];
};

extern struct libs3_script libs3_script;

/* The setup of a test, the setup and teardown of a group: the keys are in the environment then. */
int libs3_script_begin(void **state);
int libs3_script_start(void **state);
int libs3_script_stop(void **state);

/* Opens libs3://bucket/root with more parameters ("&timeout=1s"). */
enum err_code libs3_script_open(const char *params, struct store **out, struct err *err);
struct store *libs3_script_opened(void);

/* The error has this name, this word in its one line, and no secret; it is cleared. */
void libs3_script_error(struct err *err, enum err_name name, const char *word);

/* Reads root/k (range NULL: all) and compares; the bytes that came right, -1 where it did not open. */
int64_t libs3_script_read(struct store *store, const struct store_range *range, struct err *err);

/* Lists everything; the number of keys before the end or the error. */
int libs3_script_list(struct store *store, struct err *err);

#endif
