/*
 * store_suite: what every store must do, as cmocka tests over a store that the caller opens.
 *
 * A backend's test program describes its place, calls store_suite_run() from main() and adds its own quirks.
 */
#ifndef SLUICE_TESTS_CONFORMANCE_STORE_SUITE_H
#define SLUICE_TESTS_CONFORMANCE_STORE_SUITE_H

#include "core/store/store.h"

struct store_suite {
    const char *name;
    void *ctx;
    /* Forgets the place of the case before and chooses a new one, which is not there yet. */
    void (*fresh)(void *ctx);
    /* Opens a handle on the place; several may be open. */
    enum err_code (*open)(void *ctx, bool create, struct store **out, struct err *err);
    /* Puts an object in a way that is faster than store_put, for a case with 10,001 of them; NULL:
     * store_put_mem. */
    void (*put_fast)(void *ctx, const char *key);
    bool xml_keys;           /* keys may hold only what XML can carry */
    bool no_spaces;          /* keys with a space are refused (UNSUPPORTED) */
    bool long_keys_unlisted; /* a key of the greatest length fails a listing (KEY_TOO_LONG) */
    int random_ops;          /* how many operations to compare with the model */
};

/* Runs all cases; the number that failed. */
int store_suite_run(const struct store_suite *suite);

/* For more tests on a store: reads an object whole into buf (NUL added); the number of bytes, or -1 with *err
 * set. */
int64_t store_suite_slurp(struct store *store, const char *key, char *buf, size_t cap, struct err *err);

/* The keys of a listing, each followed by a line end. */
void store_suite_keys(struct store *store, const char *prefix, char *buf, size_t cap);

#endif
