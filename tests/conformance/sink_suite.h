/*
 * sink_suite: what every sink must do, as one set of tests that any backend runs through an open callback.
 */
#ifndef SLUICE_TESTS_CONFORMANCE_SINK_SUITE_H
#define SLUICE_TESTS_CONFORMANCE_SINK_SUITE_H

#include "core/sink/sink.h"

struct sink_suite {
    const char *name;
    /* Opens the test's database; all opens between two resets see the same one. */
    enum err_code (*open)(void *ctx, const struct sink_target *target, const struct clock *clock,
                          bool read_only, struct sink **out, struct err *err);
    /* The next open sees an empty database. */
    void (*reset)(void *ctx);
    void *ctx;
};

/* Runs the cases as a cmocka group; returns the number that failed. */
int sink_suite_run(const struct sink_suite *suite);

#endif
