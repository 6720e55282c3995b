/*
 * check: what must be true of a simulated world after each step. The first thing that is not ends the world.
 *
 * After each commit of a load, over the whole table and ledger:
 *   - no row is there twice, and none that was never put;
 *   - each ledger row has as many rows as it counts, with the hash that it counts, and reads = rows +
 * rejects;
 *   - an object that is whole in the ledger has all good rows of one of its versions, and no other;
 *   - the commit was made under the epoch that the hour's claim had.
 * After each change of a claim:
 *   - it changes hands only with epoch + 1, and only where it was free, its lease was over by the database's
 *     clock, or its owner a dead process of the taker's host;
 *   - an hour is given back as loaded or empty only where no object of it is missing that was there when its
 *     worker took it;
 *   - an hour is given up after policy.retry.attempts, no more and, unless its data is bad, no fewer (queue).
 * With a queue, after each change of a claim and each removal of a file:
 *   - a file goes only when all is loaded that was there when its remover took the hour;
 *   - work is never forgotten: an object whose hour was put into the queue since is loaded, or its hour has a
 *     file or an open claim (robbed, below, is the exception).
 */
#ifndef SLUICE_TESTS_SIM_CHECK_H
#define SLUICE_TESTS_SIM_CHECK_H

#include "tests/sim/db.h"
#include "tests/sim/lake.h"

enum { CHECK_PROCS = 2048 };

struct checker {
    struct lake *lake;
    struct db *db;
    bool queue;
    bool mixed;    /* `run` works beside the queue's workers; it tries an hour as often as it is called */
    bool replaces; /* policy.on_changed: replace; else ignore */
    int64_t max_rejects;
    int retry_attempts;
    int unreadable, deadly; /* objects, -1 = none */
    /* what the books say, as of the last commit */
    int loaded[LAKE_OBJECTS]; /* version + 1; 0 = not whole in the ledger */
    int64_t commits;
    struct claim_row claims[LAKE_HOURS];
    int64_t taken_us[CHECK_PROCS][LAKE_HOURS]; /* when each process took each hour last; 0 = never */
    /* A worker that stood still removed the hour's file when the hour was not its own any more, though it had
     * asked just before. No store can prevent that; what the file stood for is found again by the worker, or
     * by enqueue's lookback. */
    bool robbed[LAKE_HOURS];
    bool proved[CHECK_PROCS]
               [LAKE_HOURS]; /* the hour was its own when it asked, and it has not listed since */
    bool asked[CHECK_PROCS]; /* processes that were asked to end: they give an hour back as it was */
    char violation[512];     /* "" = none */
};

void check_init(struct checker *check);
/* Ends the world with this verdict, unless there is one already. */
void check_fail(struct checker *check, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Fit struct db_watch and struct net, with ctx = the check. */
void check_committed(void *check, const struct sink_begin *begin, const struct claim_row *claim);
void check_claimed(void *check, const struct claim_row *before, const struct claim_row *after);
void check_removing(void *check, const char *name);
void check_removed(void *check, const char *name);
void check_was_put(void *check, const char *name);
void check_listing(void *check, const char *prefix);

/* Whether nothing is left to be done: each object is loaded, or its hour has failed for a good reason. */
bool check_all_done(struct checker *check);
/* An hour that has failed without a good one, or lacks what came since: a person would try it again. -1:
 * none. */
int check_failed_hour(const struct checker *check);
/* One line about what is not done. */
void check_describe(const struct checker *check, char *out, size_t cap);

#endif
