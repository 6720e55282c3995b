/* claim: owner texts, leases, epochs, over memory and SQLite. */
#include <unistd.h>

#include "core/load/claim.h"
#include "tests/unit/load/load_rig.h"

enum { HOUR = 459000 };

static void owner_texts_name_one_job(void **state)
{
    char a[REC_OWNER_MAX + 1], b[REC_OWNER_MAX + 1], pid[32];
    int parts = 1;
    (void)state;
    claim_owner(1, a);
    claim_owner(2, b);
    assert_string_not_equal(a, b);
    for (const char *p = a; *p; p++)
        parts += *p == '/';
    assert_int_equal(parts, 6);
    snprintf(pid, sizeof pid, "/%ld/", (long)getpid());
    assert_non_null(strstr(a, pid));
    assert_false(claim_owner_is_dead(a));
}

/* Only a text that names this host, boot and namespace says anything about a process. */
static void death_is_only_believed_where_it_can_be_seen(void **state)
{
    char own[REC_OWNER_MAX + 1], text[REC_OWNER_MAX + 64];
    (void)state;
    claim_owner(1, own);
    char *pid = own;
    for (int slash = 0; slash < 3; slash++)
        pid = strchr(pid, '/') + 1;
    int place = (int)(pid - own);
    long me = (long)getpid();
    unsigned long long start = strtoull(strchr(pid, '/') + 1, NULL, 10);

    snprintf(text, sizeof text, "%.*s%ld/%llu/00000001", place, own, me,
             start + 1); /* the pid was used again */
    assert_true(claim_owner_is_dead(text));
    snprintf(text, sizeof text, "%.*s%d/%llu/00000001", place, own, 4194304, start); /* beyond all pids */
    assert_true(claim_owner_is_dead(text));
    snprintf(text, sizeof text, "x%.*s%d/%llu/00000001", place, own, 4194304, start); /* another host */
    assert_false(claim_owner_is_dead(text));
    static const char *const TAILS[] = {"",         "x/1/1",       "0/1/1",       "-1/1/1",    "4194304",
                                        "4194304/", "4194304/x/1", "4194304/0/1", "4194304/12"};
    for (size_t i = 0; i < sizeof TAILS / sizeof *TAILS; i++) {
        snprintf(text, sizeof text, "%.*s%s", place, own, TAILS[i]);
        assert_false(claim_owner_is_dead(text));
    }
    assert_false(claim_owner_is_dead(""));
}

OVER_ALL(a_claim_is_renewed_each_third_of_its_lease)
{
    struct claim claim;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &claim, &err), ERR_OK);
    sink_wrap_reset(wrap);
    rig->clock.now_us += 19900000;
    assert_int_equal(claim_keep(&claim, &err), ERR_OK);
    assert_int_equal(sink_wrap_calls(wrap, SINK_OP_CLAIM_RENEW), 0);
    for (int i = 1; i <= 5; i++) {
        rig->clock.now_us += 20000000;
        assert_int_equal(claim_keep(&claim, &err), ERR_OK);
        assert_int_equal(sink_wrap_calls(wrap, SINK_OP_CLAIM_RENEW), i);
    }
    assert_string_equal(strstr(books_hours(rig), "running"), "running 0 held\n");
    assert_int_equal(claim_release(&claim, HOUR_LOADED, NULL, &err), ERR_OK);
    assert_string_equal(strstr(books_hours(rig), "loaded"), "loaded 0\n");
}

OVER_ALL(a_claim_that_was_taken_over_is_fenced)
{
    struct claim mine, theirs;
    struct err err = ERR_INIT;
    char other[REC_OWNER_MAX + 1];
    (void)wrap;
    claim_owner(77, other);
    rig_open(rig, pipeline, NO_SETS);
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &mine, &err), ERR_OK);
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, other, 0, NULL, &theirs, &err), ERR_HELD);
    assert_int_equal(theirs.row.epoch, 0); /* nothing of the holder's is ours */
    assert_int_equal(claim_release(&theirs, HOUR_LOADED, NULL, &err), ERR_OK);
    assert_int_equal(claim_return(&theirs, &err), ERR_OK);
    err_clear(&err);
    rig->clock.now_us += 61000000;
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, other, 0, NULL, &theirs, &err), ERR_OK);
    assert_int_equal(theirs.row.epoch, mine.row.epoch + 1);
    assert_int_equal(claim_keep(&mine, &err), ERR_FENCED);
    err_clear(&err);
    assert_int_equal(claim_release(&mine, HOUR_FAILED, NULL, &err), ERR_OK); /* changes nothing */
    assert_string_equal(strstr(books_hours(rig), "running"), "running 0 held\n");
}

OVER_ALL(attempts_count_failures_in_a_row)
{
    struct claim claim;
    struct err err = ERR_INIT, why = ERR_INIT;
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    assert_int_equal(err_set(&why, ERRN_STORE_UNREACHABLE, "no answer"), ERR_TRANSIENT);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &claim, &err), ERR_OK);
        assert_int_equal(claim.row.before, i == 1 ? HOUR_QUEUED : HOUR_RETRYING);
        assert_int_equal(claim_release(&claim, HOUR_RETRYING, &why, &err), ERR_OK);
    }
    assert_string_equal(strstr(books_hours(rig), "retrying"), "retrying 2 STORE_UNREACHABLE\n");
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &claim, &err), ERR_OK);
    assert_int_equal(claim_return(&claim, &err), ERR_OK);
    assert_string_equal(strstr(books_hours(rig), "retrying"), "retrying 2 STORE_UNREACHABLE\n");
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &claim, &err), ERR_OK);
    assert_int_equal(claim_release(&claim, HOUR_LOADED, NULL, &err), ERR_OK);
    assert_string_equal(strstr(books_hours(rig), "loaded"), "loaded 0\n");
}

/* What was taken when the answer was lost may never have been committed: nothing of it is ours. */
OVER_ALL(a_claim_whose_answer_was_lost_is_not_held)
{
    struct claim claim;
    struct err err = ERR_INIT;
    rig_open(rig, pipeline, NO_SETS);
    sink_wrap_reset(wrap);
    sink_wrap_rule(wrap, &(struct sink_rule){
                             .op = SINK_OP_CLAIM_TAKE, .nth = 1, .when = SINK_AFTER, .error = ERRN_DB_LOST});
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &claim, &err),
                     ERR_TRANSIENT);
    assert_string_equal(claim.row.owner, "");
    err_clear(&err);
    assert_int_equal(claim_acquire(rig->job.sink, HOUR, rig->job.owner, 0, NULL, &claim, &err), ERR_OK);
    assert_int_equal(claim_return(&claim, &err), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_texts_name_one_job),
        cmocka_unit_test(death_is_only_believed_where_it_can_be_seen),
        cmocka_unit_test(a_claim_is_renewed_each_third_of_its_lease),
        cmocka_unit_test(a_claim_that_was_taken_over_is_fenced),
        cmocka_unit_test(attempts_count_failures_in_a_row),
        cmocka_unit_test(a_claim_whose_answer_was_lost_is_not_held),
    };
    return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
