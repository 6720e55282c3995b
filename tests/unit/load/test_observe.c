/* observe: whoever looks at the rows of a run is told of each committed row once, whatever happens on the
 * way. The proof is the sum of the rows' hashes: the looker's own against the ledger's. */
#include "core/base/mem.h"
#include "core/base/task.h"
#include "core/data/canon.h"
#include "tests/unit/load/load_rig.h"

#define A     K("12", "a")
#define GOOD  HEAD "1,ann,1\n2,bob,2\n"
#define SEVEN HEAD "1,a,1\n2,b,2\n3,c,3\n4,d,4\n5,e,5\n6,f,6\n7,g,7\n"
#define BAD   HEAD "1,ann,1\n2,bob,x\n3,cid,3\n"

struct seen {
    int64_t rows, objects, refused, bytes;
    uint64_t hash;
};

struct looker {
    struct monitor *lock;
    struct seen in, out; /* committed, rolled back */
    int open;
};

struct eye {
    struct looker *looker;
    struct seen pending;
};

static enum err_code eye_open(void *ctx, void **out, struct err *err)
{
    struct eye *eye = mem_calloc(1, sizeof *eye);
    if (!eye)
        return err_nomem(err);
    eye->looker = ctx;
    eye->looker->open++;
    *out = eye;
    return ERR_OK;
}

static void eye_close(void *eye)
{
    ((struct eye *)eye)->looker->open--;
    mem_free(eye);
}

static void eye_rows(void *ctx, hour_t hour, const struct batch *batch, size_t from, size_t to)
{
    struct eye *eye = ctx;
    assert_true(hour > HOUR_MIN && from < to);
    eye->pending.rows += (int64_t)(to - from);
    eye->pending.hash += canon_rows_hash(batch, from, to);
}

static void eye_object(void *ctx, hour_t hour, int64_t bytes)
{
    struct eye *eye = ctx;
    assert_true(hour > HOUR_MIN);
    eye->pending.objects++;
    eye->pending.bytes += bytes;
}

static void eye_refused(void *ctx, hour_t hour, const struct reject *reject)
{
    struct eye *eye = ctx;
    assert_true(hour > HOUR_MIN && reject->line > 0 && reject->error_name[0]);
    eye->pending.refused++;
}

static void add(struct seen *to, struct seen *from)
{
    to->rows += from->rows;
    to->objects += from->objects;
    to->refused += from->refused;
    to->bytes += from->bytes;
    to->hash += from->hash;
    *from = (struct seen){0};
}

static void eye_commit(void *ctx)
{
    struct eye *eye = ctx;
    monitor_lock(eye->looker->lock);
    add(&eye->looker->in, &eye->pending);
    monitor_unlock(eye->looker->lock);
}

static void eye_rollback(void *ctx)
{
    struct eye *eye = ctx;
    monitor_lock(eye->looker->lock);
    add(&eye->looker->out, &eye->pending);
    monitor_unlock(eye->looker->lock);
}

static void look(struct rig *rig, struct looker *looker)
{
    struct err err = ERR_INIT;
    *looker = (struct looker){0};
    assert_int_equal(monitor_new(&looker->lock, &err), ERR_OK);
    rig->job.rows = (struct job_rows){.open = eye_open,
                                      .close = eye_close,
                                      .rows = eye_rows,
                                      .object = eye_object,
                                      .refused = eye_refused,
                                      .commit = eye_commit,
                                      .rollback = eye_rollback,
                                      .ctx = looker};
}

/* After a run: what was told is what the run's books say. */
static void told_all(struct rig *rig, struct looker *looker)
{
    assert_int_equal(looker->in.rows, rig->totals.rows_loaded);
    assert_true(looker->in.hash == rig->totals.row_hash);
    assert_int_equal(looker->in.objects, rig->totals.objects);
    assert_int_equal(looker->open, 0);
    monitor_free(looker->lock);
    rig->job.rows = (struct job_rows){0};
}

static const struct {
    const char *sets[3];
    size_t nsets;
    bool again; /* the run replaces */
} WAYS[] = {
    {{"target.commit_unit=file"}, 1, false},
    {{"target.commit_unit=hour"}, 1, false},
    {{"target.commit_unit=chunk", "target.chunk_rows=3"}, 2, false},
    {{"target.commit_unit=chunk", "target.chunk_rows=1"}, 2, false},
    {{"target.commit_unit=file", "policy.on_changed=replace"}, 2, true},
    {{"target.commit_unit=hour", "policy.on_changed=replace"}, 2, true},
};
enum { NWAYS = sizeof WAYS / sizeof *WAYS };

/* Two objects, the first of them in place of an older one where the way says so. */
static void two_objects(struct rig *rig, const char *pipeline, struct sink_wrap *wrap, size_t way)
{
    rig_open(rig, pipeline, WAYS[way].sets, WAYS[way].nsets);
    rig_put(rig, A, WAYS[way].again ? GOOD : SEVEN);
    rig_put(rig, K("12", "b"), GOOD);
    if (WAYS[way].again) {
        assert_int_equal(rig_run(rig, NULL), 0);
        rig_put(rig, A, SEVEN);
    }
    sink_wrap_reset(wrap);
}

/* Call `nth` of an op fails; false where there is none. */
static bool fails_once(struct rig *rig, const char *pipeline, struct sink_wrap *wrap, size_t way,
                       enum sink_op op, int64_t nth, enum sink_when when, enum err_name error)
{
    struct looker looker;
    two_objects(rig, pipeline, wrap, way);
    look(rig, &looker);
    fail_at(wrap, op, nth, when, error);
    assert_int_equal(rig_run(rig, NULL), 0);
    bool fired = wrap->fired > 0;
    assert_int_equal(rig->totals.rows_loaded, WAYS[way].again ? 7 : 9);
    assert_int_equal(looker.in.rows, WAYS[way].again ? 7 : 9);
    told_all(rig, &looker);
    rig_close(rig);
    *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    return fired;
}

static void over_calls(struct rig *rig, const char *pipeline, struct sink_wrap *wrap, enum sink_op op,
                       enum sink_when when, enum err_name error)
{
    for (size_t way = 0; way < NWAYS; way++) {
        int64_t nth = 0;
        while (fails_once(rig, pipeline, wrap, way, op, ++nth, when, error))
            ;
        assert_true(nth > 1 || op == SINK_OP_REPLACE);
    }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(a_lost_answer_counts_rows_that_are_in_once)
{
    over_calls(rig, pipeline, wrap, SINK_OP_COMMIT, SINK_AFTER, ERRN_DB_IN_DOUBT);
}

OVER_ALL(a_lost_answer_counts_rows_that_are_not_in_when_they_are)
{
    over_calls(rig, pipeline, wrap, SINK_OP_COMMIT, SINK_BEFORE, ERRN_DB_IN_DOUBT);
}

OVER_ALL(a_connection_lost_between_rows_and_commit_counts_none_twice)
{
    over_calls(rig, pipeline, wrap, SINK_OP_TOTALS, SINK_AFTER, ERRN_DB_LOST);
}

OVER_ALL(a_busy_database_counts_none_twice)
{
    over_calls(rig, pipeline, wrap, SINK_OP_COMMIT, SINK_BEFORE, ERRN_DB_BUSY);
}

/* One object is over the limit: of it nothing counts, neither row nor refusal. */
OVER_ALL(an_object_over_its_limit_does_not_count)
{
    struct looker looker;
    for (size_t way = 0; way < 3; way++) {
        rig_open(rig, pipeline, WAYS[way].sets, WAYS[way].nsets);
        rig_put(rig, A, BAD);
        rig_put(rig, K("13", "b"), GOOD);
        look(rig, &looker);
        assert_int_equal(rig_run(rig, NULL), 3);
        assert_int_equal(looker.in.rows, 2);
        assert_int_equal(looker.in.refused, 0);
        told_all(rig, &looker);
        rig_close(rig);
        *rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = wrap};
    }
    rig_open(rig, pipeline, NO_SETS);
}

OVER_ALL(what_is_refused_within_the_limit_is_told)
{
    struct looker looker;
    (void)wrap;
    rig_open(rig, pipeline, SETS("policy.max_rejects=1"));
    rig_put(rig, A, BAD);
    rig_put(rig, K("12", "b"), GOOD);
    look(rig, &looker);
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(looker.in.rows, 4);
    assert_int_equal(looker.in.refused, 1);
    assert_int_equal(looker.in.bytes, (int)(strlen(BAD) + strlen(GOOD)));
    told_all(rig, &looker);
}

/* Tiny objects share a transaction; a bad one is left out of it, loaded alone, and fails there. */
OVER_ALL(an_object_that_its_group_leaves_out_does_not_count)
{
    struct looker looker;
    (void)wrap;
    rig_open(rig, pipeline, NO_SETS);
    rig_put(rig, A, GOOD);
    rig_put(rig, K("12", "b"), BAD);
    rig_put(rig, K("12", "c"), GOOD);
    look(rig, &looker);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_int_equal(looker.in.rows, 4);
    assert_int_equal(looker.in.objects, 2);
    told_all(rig, &looker);
}

/* A row that the database refuses: the group is rolled back and halved until it stands alone. */
OVER_ALL(a_group_that_the_database_refuses_counts_by_its_halves)
{
    struct looker looker;
    (void)wrap;
    char *keyed = edited(pipeline, "table: t", "table: t, key: [id]");
    rig_open(rig, keyed, NO_SETS);
    rig_put(rig, A, HEAD "1,ann,1\n2,bob,2\n");
    rig_put(rig, K("12", "b"), HEAD "3,cid,3\n");
    rig_put(rig, K("12", "c"), HEAD "4,dan,4\n4,dan,4\n");
    rig_put(rig, K("12", "d"), HEAD "5,eve,5\n");
    look(rig, &looker);
    assert_int_equal(rig_run(rig, NULL), 3);
    assert_int_equal(looker.in.rows, 4);
    assert_int_equal(looker.in.objects, 3);
    told_all(rig, &looker);
    free(keyed);
}

static void several_loaders_have_an_eye_each(void **state)
{
    enum { WRITERS = 4, FILES = 40 };
    (void)state;
    struct rig rig;
    struct sink_wrap wrap;
    struct looker looker;
    sink_wrap_init(&wrap);
    wrap.writers = WRITERS;
    rig = (struct rig){.wrap_sink = sink_wrap_new, .wrap_ctx = &wrap};
    rig_open(
        &rig, PIPELINES[0],
        SETS("target.connections=4", "target.commit_unit=chunk", "target.chunk_rows=1", "target.lease=1s"));
    for (int f = 0; f < FILES; f++) {
        char key[128];
        snprintf(key, sizeof key, K("12", "%d"), f);
        rig_put(&rig, key, SEVEN);
    }
    rig.clock.base = *clock_real();
    sink_wrap_reset(&wrap);
    look(&rig, &looker);
    for (int64_t nth = 5; nth < 100; nth += 20)
        sink_wrap_rule(&wrap, &(struct sink_rule){.op = SINK_OP_COMMIT,
                                                  .nth = nth,
                                                  .when = nth % 40 == 5 ? SINK_AFTER : SINK_BEFORE,
                                                  .error = ERRN_DB_IN_DOUBT,
                                                  .lose = true});
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_true(wrap.fired > 3);
    assert_int_equal(looker.in.rows, FILES * 7);
    told_all(&rig, &looker);
    rig_close(&rig);
    sink_wrap_release(&wrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lost_answer_counts_rows_that_are_in_once),
        cmocka_unit_test(a_lost_answer_counts_rows_that_are_not_in_when_they_are),
        cmocka_unit_test(a_connection_lost_between_rows_and_commit_counts_none_twice),
        cmocka_unit_test(a_busy_database_counts_none_twice),
        cmocka_unit_test(an_object_over_its_limit_does_not_count),
        cmocka_unit_test(what_is_refused_within_the_limit_is_told),
        cmocka_unit_test(an_object_that_its_group_leaves_out_does_not_count),
        cmocka_unit_test(a_group_that_the_database_refuses_counts_by_its_halves),
        cmocka_unit_test(several_loaders_have_an_eye_each),
    };
    return cmocka_run_group_tests_name("observe", tests, NULL, NULL);
}
