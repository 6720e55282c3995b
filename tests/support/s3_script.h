/*
 * s3_script: an S3 server that misbehaves as a test tells it to, and what tests of the store do with it.
 *
 * The server keeps one object, root/k, of OBJECT_BYTES bytes and gives listings by `listing_mode`; a test
 * sets in `script` what is wrong. Sleeping is virtual.
 */
#ifndef SLUICE_TESTS_SUPPORT_S3_SCRIPT_H
#define SLUICE_TESTS_SUPPORT_S3_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/store/store.h"
#include "tests/support/scripted_http.h"

#define EMPTY_LISTING "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
#define CANARY        "canary/secret+canary"

enum { OBJECT_BYTES = 300001, MANY_KEYS = 10001, PAGE_KEYS = 1000 };
enum listing_mode { LIST_EMPTY, LIST_MANY, LIST_LOOP, LIST_UNSORTED, LIST_RAW };

struct s3_script {
    struct scripted_http *http;
    struct clock_virtual clock;
    char *object;
    /* Told by the test: what is wrong. */
    int fail;        /* so many requests fail, */
    int fail_status; /* with this status, */
    const char *fail_headers, *fail_body;
    int fail_percent;          /* or so many in a hundred */
    const char *fail_method;   /* only these; NULL = all */
    int64_t cut_at;            /* a body ends there and the connection with it; -1 = never */
    int cuts;                  /* so often */
    int64_t flip_at;           /* that byte is wrong; -1 = none */
    const char *get_headers;   /* of a GET of the object */
    const char *content_range; /* instead of the right one */
    const char *etag;
    const char *etag_after; /* from the second GET on */
    bool ignore_condition, ignore_range, no_etag;
    bool stall;
    const char *listing; /* instead of the right one */
    int listing_mode;
    /* Noted for the test. */
    int requests, gets, connections, refused_dates;
    char last_headers[8192], last_target[4096];
    uint64_t seed;
};

extern struct s3_script script;

/* The setup of a test, the setup and teardown of a group: the keys are in the environment then. */
int s3_script_begin(void **state);
int s3_script_start(void **state);
int s3_script_stop(void **state);

/* Opens s3://bucket/root with more parameters ("&timeout=1s"). */
enum err_code s3_script_open(const char *params, struct store **out, struct err *err);
struct store *s3_script_opened(void);
struct store *s3_script_with_retry(unsigned attempts);

/* Reads a range (NULL = all) and compares; the bytes that came right, with *err for how it ended; -1 where it
 * did not open. */
int64_t s3_script_read(struct store *store, const struct store_range *range, struct err *err);

/* The error has this name, this word in its one line, and no secret. */
void s3_script_error(const struct err *err, enum err_name name, const char *word);

/* The key that a listing has at place i. */
void s3_script_key(int i, char out[128]);

#endif
