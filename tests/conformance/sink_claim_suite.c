/*
 * sink_claim_suite: cases about claims and the fence that hold for every sink.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/conformance/sink_suite_internal.h"
#include "tests/support/sink_kit.h"

static struct claim_row claims[REC_PAGE];

static bool take(struct sink *sink, const char *owner, const struct claim_row *steal, struct claim_row *row)
{
    struct err err = ERR_INIT;
    bool taken;

    assert_int_equal(sink_claim_take(sink, KIT_HOUR, owner, steal, row, &taken, &err), ERR_OK);
    return taken;
}

CASE(claim_is_one_owners)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct claim_row row;

    assert_true(take(fix->sink, "me", NULL, &row));
    assert_string_equal(row.owner, "me");
    assert_int_equal(row.epoch, 1);
    assert_int_equal(row.hour, KIT_HOUR);
    assert_int_equal(row.state, HOUR_RUNNING);
    assert_int_equal(row.lease_until_us, KIT_NOW + KIT_LEASE_MS * INT64_C(1000));
    assert_false(row.expired);
    assert_false(take(fix->sink, "you", NULL, &row));
    assert_string_equal(row.owner, "me");
    assert_int_equal(row.epoch, 1);
    assert_true(take(fix->sink, "me", NULL, &row)); /* again: a new epoch */
    assert_int_equal(row.epoch, 2);
    fix->clock.now_us += 30000000;
    assert_int_equal(sink_claim_renew(fix->sink, KIT_HOUR, "me", 1, &err), ERR_FENCED);
    err_clear(&err);
    assert_int_equal(sink_claim_renew(fix->sink, KIT_HOUR + 1, "me", 2, &err), ERR_FENCED);
    err_clear(&err);
    assert_int_equal(sink_claim_renew(fix->sink, KIT_HOUR, "me", 2, &err), ERR_OK);
    assert_false(take(fix->sink, "you", NULL, &row));
    assert_int_equal(row.lease_until_us, KIT_NOW + 30000000 + KIT_LEASE_MS * INT64_C(1000));
    /* Another pipeline's claim of the same hour is another claim. */
    struct sink_target other = fix->target;
    other.pipeline = "other";
    struct sink *sink = fix_open(fix, &other, false);
    assert_true(take(sink, "you", NULL, &row));
    assert_int_equal(row.epoch, 1);
    sink_close(sink);
}

CASE(claim_expires_and_is_stolen)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct claim_row row, held;

    assert_true(take(fix->sink, "me", NULL, &row));
    fix->clock.now_us += KIT_LEASE_MS * INT64_C(1000) - 1;
    assert_false(take(fix->sink, "you", NULL, &row));
    assert_false(row.expired);
    fix->clock.now_us += 1;
    assert_int_equal(sink_claim_renew(fix->sink, KIT_HOUR, "me", 1, &err), ERR_OK); /* late but ours */
    fix->clock.now_us += KIT_LEASE_MS * INT64_C(1000);
    assert_true(take(fix->sink, "you", NULL, &row));
    assert_int_equal(row.epoch, 2);
    assert_int_equal(sink_claim_renew(fix->sink, KIT_HOUR, "me", 1, &err), ERR_FENCED);
    assert_false(take(fix->sink, "third", NULL, &held));
    struct claim_row wrong = held;
    wrong.epoch--;
    assert_false(take(fix->sink, "third", &wrong, &row));
    wrong = held;
    memcpy(wrong.owner, "me", 3);
    assert_false(take(fix->sink, "third", &wrong, &row));
    assert_true(take(fix->sink, "third", &held, &row));
    assert_string_equal(row.owner, "third");
    assert_int_equal(row.epoch, 3);
}

CASE(claim_release_keeps_the_word)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct claim_row row, got;
    size_t n;

    assert_true(take(fix->sink, "me", NULL, &row));
    row.state = HOUR_RETRYING;
    row.attempts = 2;
    row.retry_in_us = 7;
    memcpy(row.last_error, "why", 4);
    assert_int_equal(sink_claim_release(fix->sink, &row, &err), ERR_OK);
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, HOUR_MIN - 1, claims, REC_PAGE, &n, &err),
                     ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(claims[0].owner, "");
    assert_int_equal(claims[0].epoch, 1);
    assert_int_equal(claims[0].state, HOUR_RETRYING);
    assert_int_equal(claims[0].attempts, 2);
    assert_int_equal(claims[0].next_try_us, KIT_NOW + 7);
    assert_int_equal(claims[0].due_in_us, 7);
    fix->clock.now_us += 7;
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, HOUR_MIN - 1, claims, REC_PAGE, &n, &err),
                     ERR_OK);
    assert_int_equal(claims[0].due_in_us, 0);
    assert_string_equal(claims[0].last_error, "why");
    assert_true(claims[0].expired);
    assert_true(take(fix->sink, "you", NULL, &got)); /* at once, and with what is known */
    assert_int_equal(got.epoch, 2);
    assert_int_equal(got.attempts, 2);
    assert_string_equal(got.last_error, "why");
    row.state = HOUR_LOADED;
    assert_int_equal(sink_claim_release(fix->sink, &row, &err), ERR_OK); /* lost meanwhile: no error */
    assert_false(take(fix->sink, "me", NULL, &got));
    assert_int_equal(got.state, HOUR_RUNNING);
}

/* What the worker goes by that must not try an hour for ever in which every worker dies. */
CASE(takeovers_are_counted_until_a_commit)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct claim_row row, held;
    struct ledger_row ledger = kit_ledger("a", 0, "run1");
    struct sink_load *load;

    assert_true(take(fix->sink, "first", NULL, &row));
    assert_int_equal(row.takeovers, 0);
    assert_true(take(fix->sink, "first", NULL, &row)); /* from itself: no change of hands */
    assert_int_equal(row.takeovers, 0);
    assert_false(take(fix->sink, "second", NULL, &held));
    assert_true(take(fix->sink, "second", &held, &row)); /* the owner is dead */
    assert_int_equal(row.takeovers, 1);
    fix->clock.now_us += KIT_LEASE_MS * INT64_C(1000);
    assert_true(take(fix->sink, "third", NULL, &row)); /* the lease is over */
    assert_int_equal(row.takeovers, 2);
    assert_int_equal(sink_claim_renew(fix->sink, KIT_HOUR, "third", row.epoch, &err), ERR_OK);
    assert_false(take(fix->sink, "second", NULL, &held));
    assert_int_equal(held.takeovers, 2); /* alive is not enough */
    struct sink_begin begin = {KIT_HOUR, "third", row.epoch, "run1"};
    assert_int_equal(sink_begin(fix->sink, &begin, &load, &err), ERR_OK);
    assert_int_equal(sink_ledger_insert(load, &ledger, 1, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    fix->clock.now_us += KIT_LEASE_MS * INT64_C(1000);
    assert_true(take(fix->sink, "second", NULL, &row));
    assert_int_equal(row.takeovers, 1);
    assert_int_equal(sink_claim_release(fix->sink, &row, &err), ERR_OK);
    assert_true(take(fix->sink, "third", NULL, &row));
    assert_int_equal(row.takeovers, 0); /* it was given back */
}

CASE(claim_pages_in_order)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    static const hour_t HOURS[] = {KIT_HOUR, KIT_HOUR - 100, HOUR_MAX, HOUR_MIN, -5};
    size_t n;
    bool taken;

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(sink_claim_take(fix->sink, HOURS[i], "me", NULL, &claims[0], &taken, &err), ERR_OK);
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, HOUR_MIN - 1, claims, 3, &n, &err), ERR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(claims[0].hour, HOUR_MIN);
    assert_int_equal(claims[1].hour, -5);
    assert_int_equal(claims[2].hour, KIT_HOUR - 100);
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, claims[2].hour, claims, 3, &n, &err), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(claims[1].hour, HOUR_MAX);
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, HOUR_MAX, claims, 3, &n, &err), ERR_OK);
    assert_int_equal(n, 0);
    /* Those that are done with are history: loaded or empty, and nobody's. */
    static const enum hour_state STATES[] = {HOUR_LOADED, HOUR_EMPTY, HOUR_FAILED, HOUR_RETRYING};
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, HOUR_MIN - 1, claims, REC_PAGE, &n, &err),
                     ERR_OK);
    for (size_t i = 0; i < 4; i++) {
        claims[i].state = STATES[i];
        assert_int_equal(sink_claim_release(fix->sink, &claims[i], &err), ERR_OK);
    }
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_OPEN, HOUR_MIN - 1, claims, REC_PAGE, &n, &err),
                     ERR_OK);
    assert_int_equal(n, 3);
    assert_int_equal(claims[0].state, HOUR_FAILED);
    assert_int_equal(claims[1].state, HOUR_RETRYING);
    assert_int_equal(claims[2].state, HOUR_RUNNING);
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_OPEN, claims[0].hour, claims, 1, &n, &err), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(claims[0].state, HOUR_RETRYING);
}

CASE(fence_ends_a_load_whose_claim_is_gone)
{
    struct fix *fix = *state;
    struct err err = ERR_INIT;
    struct claim_row row;
    struct ledger_row ledger = kit_ledger("a", 0, "run1");
    struct sink_load *load;

    assert_true(take(fix->sink, "me", NULL, &row));
    struct sink_begin begin = {KIT_HOUR, "me", row.epoch - 1, "run1"};
    assert_int_equal(sink_begin(fix->sink, &begin, &load, &err), ERR_OK);
    assert_int_equal(sink_ledger_insert(load, &ledger, 1, &err), ERR_OK);
    assert_int_equal(kit_append(load, "1|x\n", ledger.id, &err), ERR_OK);
    assert_int_equal(sink_commit(load, &err), ERR_FENCED);
    assert_int_equal(kit_count(fix->sink, 0), 0);
    assert_int_equal(kit_ledger_count(fix->sink, &(struct ledger_query){0}), 0);

    /* The fence of a good one extends the lease, even a late one. */
    err_clear(&err);
    begin.epoch = row.epoch;
    assert_int_equal(sink_begin(fix->sink, &begin, &load, &err), ERR_OK);
    assert_int_equal(sink_ledger_insert(load, &ledger, 1, &err), ERR_OK);
    fix->clock.now_us += 100 * INT64_C(1000000);
    assert_int_equal(sink_commit(load, &err), ERR_OK);
    assert_false(take(fix->sink, "you", NULL, &row));
    assert_int_equal(row.lease_until_us, fix->clock.now_us + KIT_LEASE_MS * INT64_C(1000));
}

/* ---- race ---- */

struct racer {
    struct sink *sink;
    char owner[8];
    int won;
};

enum { RACERS = 4, RACE_HOURS = 20 };

static void *race(void *arg)
{
    struct racer *r = arg;

    for (int i = 0; i < RACE_HOURS; i++) {
        struct err err = ERR_INIT;
        struct claim_row row;
        bool taken = false;
        if (sink_claim_take(r->sink, KIT_HOUR + i, r->owner, NULL, &row, &taken, &err))
            return arg; /* not NULL: failed */
        r->won += taken;
    }
    return NULL;
}

CASE(claim_race_has_one_winner)
{
    struct fix *fix = *state;
    struct racer racers[RACERS] = {0};
    pthread_t threads[RACERS];
    struct err err = ERR_INIT;
    int won = 0;
    size_t n;

    for (int i = 0; i < RACERS; i++) {
        (void)!snprintf(racers[i].owner, sizeof racers[i].owner, "w%d", i);
        assert_int_equal(
            suite_now->open(suite_now->ctx, &fix->target, clock_real(), false, &racers[i].sink, &err),
            ERR_OK);
    }
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (int i = 0; i < RACERS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
        won += racers[i].won;
        sink_close(racers[i].sink);
    }
    assert_int_equal(won, RACE_HOURS);
    assert_int_equal(sink_claim_page(fix->sink, CLAIMS_ALL, HOUR_MIN - 1, claims, REC_PAGE, &n, &err),
                     ERR_OK);
    assert_int_equal(n, RACE_HOURS);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(claims[i].epoch, 1);
}
