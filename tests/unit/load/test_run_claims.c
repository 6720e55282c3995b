/* run: who may work on an hour: held, dead, expired, lost, waited for. */
#include <sys/wait.h>
#include <unistd.h>

#include "core/load/claim.h"
#include "tests/unit/load/load_rig.h"

#define A    K("12", "a")
#define GOOD HEAD "1,ann,1\n2,bob,2\n"

static hour_t hour12(void)
{
    struct err err = ERR_INIT;
    hour_t hour = 0;
    assert_int_equal(hour_parse("2022-06-05T12", &hour, &err), ERR_OK);
    return hour;
}

/* Takes hour 12 as somebody else, by force where `steal`. */
static void take_as(struct rig *rig, const char *owner, bool steal)
{
    struct err err = ERR_INIT;
    struct sink *sink = rig_sink(rig, false);
    struct claim_row row, holder;
    bool taken = false;
    size_t n = 0;
    if (steal)
        assert_int_equal(sink_claim_page(sink, CLAIMS_ALL, hour12() - 1, &holder, 1, &n, &err), ERR_OK);
    assert_int_equal(sink_claim_take(sink, hour12(), owner, n ? &holder : NULL, &row, &taken, &err), ERR_OK);
    assert_true(taken);
    sink_close(sink);
}

static void alive(char out[REC_OWNER_MAX + 1])
{
    claim_owner(12345, out); /* this process, another job */
}

/* An owner text of a process of this host that has ended. */
static void dead(char out[REC_OWNER_MAX + 1])
{
    int pipes[2];
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        char owner[REC_OWNER_MAX + 1];
        claim_owner(1, owner);
        _exit(write(pipes[1], owner, sizeof owner) == (ssize_t)sizeof owner ? 0 : 1);
    }
    assert_int_equal(read(pipes[0], out, REC_OWNER_MAX + 1), REC_OWNER_MAX + 1);
    close(pipes[0]);
    close(pipes[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

OVER_ALL(a_held_hour_is_left_alone)
{
    char owner[REC_OWNER_MAX + 1];
    (void)wrap;
    alive(owner);
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    take_as(rig, owner, false);
    assert_int_equal(rig_run(rig, NULL), 4);
    assert_string_equal(buf_str(&rig->log), K("13", "a") " loaded 2 2 0 -\n");
    assert_string_equal(buf_str(&rig->hours), "2022-06-05T13 loaded\n2022-06-05T12 running\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 running 0 held\n2022-06-05T13 loaded 0\n");
    assert_int_equal(rig->err.code, ERR_OK); /* the run itself went well */
}

/* The other run lets go of hour 12 while we load hour 13. */
static void let_go(void *ctx, struct sink *inner)
{
    struct rig *rig = ctx;
    struct err err = ERR_INIT;
    struct claim_row row;
    size_t n = 0;
    struct sink *sink = rig_sink(rig, false);
    (void)inner;
    assert_int_equal(sink_claim_page(sink, CLAIMS_ALL, hour12() - 1, &row, 1, &n, &err), ERR_OK);
    row.state = HOUR_LOADED;
    assert_int_equal(sink_claim_release(sink, &row, &err), ERR_OK);
    sink_close(sink);
}

OVER_ALL(an_hour_that_was_held_is_looked_at_again)
{
    char owner[REC_OWNER_MAX + 1];
    alive(owner);
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("13", "a"), GOOD);
    assert_int_equal(rig_run(rig, NULL), 0);
    rig_put(rig, A, HEAD "3,changed,1\n");
    rig_put(rig, K("13", "b"), GOOD);
    rig_restart(rig, pipeline, SETS("policy.on_changed=replace"));
    take_as(rig, owner, false);
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, let_go, rig);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(wrap->fired, 1);
    assert_string_equal(buf_str(&rig->log), K("13", "b") " loaded 2 2 0 -\n" A " replaced 1 1 0 -\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n2022-06-05T13 loaded 0\n");
}

OVER_ALL(waiting_ends_with_the_lease)
{
    char owner[REC_OWNER_MAX + 1];
    int64_t start;
    (void)wrap;
    alive(owner);
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    take_as(rig, owner, false);
    rig->job.wait_ms = 30000;
    start = rig->clock.now_us;
    assert_int_equal(rig_run(rig, NULL), 4);
    assert_in_range(rig->clock.now_us - start, 30000000, 31000000);
    assert_int_equal(rig_run(rig, NULL), 0); /* 30 s more: the lease of 60 s is over in between */
    assert_in_range(rig->clock.now_us - start, 60000000, 61000000);
    assert_int_equal(rig_rows(rig, NULL), 2);
    assert_string_equal(books_hours(rig), "2022-06-05T12 loaded 0\n");
}

OVER_ALL(a_stop_ends_the_waiting)
{
    char owner[REC_OWNER_MAX + 1];
    struct claim claim;
    struct err err = ERR_INIT;
    (void)wrap;
    alive(owner);
    rig_open(rig, pipeline, NO_SETS);
    take_as(rig, owner, false);
    atomic_store(&rig->stop, 15);
    assert_int_equal(
        claim_acquire(rig->job.sink, hour12(), rig->job.owner, 1000000, &rig->stop, &claim, &err),
        ERR_CANCELLED);
}

static void have_it_in_between(void *ctx, struct sink *inner)
{
    char owner[REC_OWNER_MAX + 1];
    (void)inner;
    alive(owner);
    take_as(ctx, owner, false);
    let_go(ctx, inner);
}

OVER_ALL(the_state_given_back_is_the_one_that_was_taken)
{
    struct claim claim;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, HEAD "x,y,z\n");
    assert_int_equal(rig_run(rig, NULL), 3);
    for (int moved = 0; moved <= 1; moved++) {
        sink_wrap_reset(wrap);
        if (moved)
            hook_at(wrap, SINK_OP_CLAIM_TAKE, 1, SINK_BEFORE, have_it_in_between, rig);
        assert_int_equal(claim_acquire(rig->job.sink, hour12(), rig->job.owner, 0, NULL, &claim, &err),
                         ERR_OK);
        assert_int_equal((int)claim.row.before, moved ? HOUR_LOADED : HOUR_FAILED);
        assert_int_equal(claim_return(&claim, &err), ERR_OK);
    }
}

OVER_ALL(a_dead_owner_is_taken_over_at_once)
{
    char owner[REC_OWNER_MAX + 1];
    (void)wrap;
    dead(owner);
    assert_true(claim_owner_is_dead(owner));
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    take_as(rig, owner, false);
    int64_t start = rig->clock.now_us;
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig->clock.now_us, start);
    assert_int_equal(rig_rows(rig, NULL), 2);
}

OVER_ALL(an_owner_elsewhere_lives_until_its_lease_ends)
{
    static const char *const OWNERS[] = {"elsewhere/boot/pid:[1]/1/1/00000001", "nonsense"};
    (void)wrap;
    for (size_t i = 0; i < 2; i++) {
        assert_false(claim_owner_is_dead(OWNERS[i]));
        rig_open(rig, pipeline, NO_SETS);
        rig_put(rig, A, GOOD);
        take_as(rig, OWNERS[i], false);
        assert_int_equal(rig_run(rig, NULL), 4);
        rig->clock.now_us += 61000000;
        assert_int_equal(rig_run(rig, NULL), 0);
        assert_int_equal(rig_rows(rig, NULL), 2);
        if (i == 0)
            rig_close(rig);
        rig->wrap_sink = sink_wrap_new;
        rig->wrap_ctx = wrap;
    }
}

struct thief {
    struct rig *rig;
    char owner[REC_OWNER_MAX + 1];
};

static void steal(void *ctx, struct sink *inner)
{
    struct thief *thief = ctx;
    (void)inner;
    take_as(thief->rig, thief->owner, true);
}

OVER_ALL(a_lost_claim_rolls_back_and_the_next_hour_goes_on)
{
    struct thief thief = {.rig = rig};
    alive(thief.owner);
    rig_open(rig, pipeline, SETS("policy.max_rejects=1"));
    rig_put(rig, A, HEAD "1,a,1\nx,b,2\n");
    rig_put(rig, K("13", "a"), GOOD);
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, steal, &thief); /* after the claim, before the transaction */
    assert_int_equal(rig_run(rig, NULL), 1);
    assert_string_equal(buf_str(&rig->log), A " failed 2 0 1 FENCED\n" K("13", "a") " loaded 2 2 0 -\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 running 0 held\n2022-06-05T13 loaded 0\n");
    assert_int_equal(rig_rows(rig, NULL), 2);
    books_balance(rig);
    sink_wrap_reset(wrap);
    rig->clock.now_us += 61000000;
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rig_rows(rig, NULL), 3);
    books_balance(rig);
}

/* The answer to COMMIT is lost, and before we are back another worker has the hour: it stays its. */
OVER_ALL(an_hour_lost_while_in_doubt_stays_the_others)
{
    struct thief thief = {.rig = rig};
    alive(thief.owner);
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    sink_wrap_reset(wrap);
    sink_wrap_rule(wrap, &(struct sink_rule){.op = SINK_OP_COMMIT,
                                             .nth = 1,
                                             .when = SINK_AFTER,
                                             .error = ERRN_DB_IN_DOUBT,
                                             .lose = true,
                                             .hook = steal,
                                             .ctx = &thief});
    assert_int_equal(rig_run(rig, NULL), 1); /* the claim is not ours to go on with */
    assert_string_equal(buf_str(&rig->hours), "2022-06-05T12 running\n");
    assert_string_equal(books_hours(rig), "2022-06-05T12 running 0 held\n");
    sink_wrap_reset(wrap);
    rig->clock.now_us += 61000000;
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_string_equal(buf_str(&rig->log), "");
    assert_int_equal(rig_rows(rig, NULL), 2);
    books_balance(rig);
}

/* Two jobs that saw the same listing: the second finds the first one's rows. */
struct rival {
    struct rig *rig;
    const char *pipeline;
    int status;
};

static void load_as_rival(void *ctx, struct sink *inner)
{
    struct rival *rival = ctx;
    struct rig other = {.dir = rival->rig->dir, .clock = rival->rig->clock};
    (void)inner;
    rig_reopen(&other, rival->pipeline, NO_SETS);
    other.clock.now_us += 61000000; /* it finds our lease expired */
    rival->status = rig_run(&other, NULL);
    other.dir = NULL;
    rig_close(&other);
}

OVER_ALL(a_rival_that_was_faster_is_found_in_the_ledger)
{
    struct rival rival = {rig, pipeline, -1};
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), GOOD);
    sink_wrap_reset(wrap);
    hook_at(wrap, SINK_OP_BEGIN, 1, SINK_BEFORE, load_as_rival, &rival);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(rival.status, 0);
    assert_string_equal(buf_str(&rig->log), A " done 0 0 0 -\n" K("12", "b") " done 0 0 0 -\n");
    assert_int_equal(rig->totals.rows_loaded, 0);
    assert_int_equal(rig_rows(rig, NULL), 4);
    books_balance(rig);
}

/* Two jobs at once, each a thread with handles of its own. */
struct racer {
    struct rig rig;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct run_options all = {.range = {.bounded = false}};
    r->rig.err = ERR_INIT;
    if (run_load(&r->rig.job, &all, &r->rig.totals, &r->rig.status, &r->rig.err) != ERR_OK)
        return NULL;
    return NULL;
}

OVER_ALL(two_jobs_at_once_load_each_object_once)
{
    enum { HOURS = 3, FILES = 40 };
    struct racer other = {0};
    pthread_t thread;
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    for (int h = 0; h < HOURS; h++)
        for (int f = 0; f < FILES; f++) {
            char key[128];
            snprintf(key, sizeof key, K("%02d", "%d"), h, f);
            rig_put(rig, key, GOOD);
        }
    rig->clock.base = *clock_real(); /* two threads have to wait for each other */
    other.rig = (struct rig){.dir = rig->dir, .clock = rig->clock};
    rig_reopen(&other.rig, pipeline, NO_SETS);
    rig->job.wait_ms = other.rig.job.wait_ms = 20000;
    assert_int_equal(pthread_create(&thread, NULL, race, &other), 0);
    rig_run(rig, NULL);
    pthread_join(thread, NULL);
    assert_int_equal(rig->status, 0);
    assert_int_equal(other.rig.status, 0);
    assert_int_equal(rig->totals.rows_loaded + other.rig.totals.rows_loaded, HOURS * FILES * 2);
    other.rig.dir = NULL;
    rig_close(&other.rig);
    assert_int_equal(books_sums(rig).rows, HOURS * FILES);
    assert_int_equal(rig_rows(rig, NULL), HOURS * FILES * 2);
    books_balance(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_held_hour_is_left_alone),
        cmocka_unit_test(an_hour_that_was_held_is_looked_at_again),
        cmocka_unit_test(waiting_ends_with_the_lease),
        cmocka_unit_test(a_stop_ends_the_waiting),
        cmocka_unit_test(the_state_given_back_is_the_one_that_was_taken),
        cmocka_unit_test(a_dead_owner_is_taken_over_at_once),
        cmocka_unit_test(an_owner_elsewhere_lives_until_its_lease_ends),
        cmocka_unit_test(a_lost_claim_rolls_back_and_the_next_hour_goes_on),
        cmocka_unit_test(an_hour_lost_while_in_doubt_stays_the_others),
        cmocka_unit_test(a_rival_that_was_faster_is_found_in_the_ledger),
        cmocka_unit_test(two_jobs_at_once_load_each_object_once),
    };
    return cmocka_run_group_tests_name("run_claims", tests, NULL, NULL);
}
