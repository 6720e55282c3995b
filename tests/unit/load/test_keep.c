/* keep: every connection that waits says so: a loader's for its batches, a worker's for a unit, the hour's
 * own for its workers and for the source. What is waited for here comes only after it was said. */
#include "core/load/keep.h"

#include "tests/support/store_hook.h"
#include "tests/unit/load/load_rig.h"

enum { PATIENCE_MS = 20000, HANDLES_MAX = 8 };

#define ROWS HEAD "1,ann,1\n2,bob,2\n"

/* A rig whose source stops in the middle until `want` connections have said that they wait. */
struct scene {
    struct rig rig;
    struct sink_wrap wrap;
    struct store_hook hook;
    pthread_mutex_t lock;
    const struct sink *seen[HANDLES_MAX];
    size_t nseen, want;
};

static struct store *wrap_store(void *ctx, struct store *inner)
{
    return store_hook_new(&((struct scene *)ctx)->hook, inner);
}

static struct sink *wrap_sink(void *ctx, struct sink *inner)
{
    return sink_wrap_new(&((struct scene *)ctx)->wrap, inner);
}

static void on_keep(void *ctx, struct sink *inner)
{
    struct scene *s = ctx;
    bool known = false;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->nseen; i++)
        known |= s->seen[i] == inner;
    if (!known && s->nseen < HANDLES_MAX)
        s->seen[s->nseen++] = inner;
    pthread_mutex_unlock(&s->lock);
}

static void until_kept(void *ctx)
{
    struct scene *s = ctx;
    for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
        pthread_mutex_lock(&s->lock);
        bool all = s->nseen >= s->want;
        pthread_mutex_unlock(&s->lock);
        if (all)
            return;
        clock_sleep_us(clock_real(), 10000);
    }
}

static void scene_open(struct scene *s, const char *const *sets, size_t nsets, unsigned writers, size_t want)
{
    *s = (struct scene){.rig = {.wrap_store = wrap_store, .wrap_sink = wrap_sink, .wrap_ctx = s},
                        .want = want};
    pthread_mutex_init(&s->lock, NULL);
    sink_wrap_init(&s->wrap);
    store_hook_init(&s->hook);
    s->wrap.writers = writers;
    rig_open(&s->rig, PIPELINES[0], sets, nsets);
}

static void scene_run(struct scene *s, enum store_op op, int64_t nth)
{
    s->rig.clock.base = *clock_real(); /* the virtual one is for one thread */
    sink_wrap_reset(&s->wrap);
    sink_wrap_rule(&s->wrap, &(struct sink_rule){
                                 .op = SINK_OP_KEEP, .nth = 1, .onwards = true, .hook = on_keep, .ctx = s});
    s->hook.op = op;
    s->hook.nth = s->hook.calls[op] + nth;
    s->hook.hook = until_kept;
    s->hook.ctx = s;
    assert_int_equal(rig_run(&s->rig, NULL), 0);
    assert_int_equal(s->hook.fired, 1);
    assert_true(s->nseen >= s->want);
}

static void scene_close(struct scene *s)
{
    rig_close(&s->rig);
    assert_int_equal(s->wrap.open_handles, 0);
    sink_wrap_release(&s->wrap);
    store_hook_release(&s->hook);
    pthread_mutex_destroy(&s->lock);
}

static void a_loader_that_waits_for_a_batch_says_so(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, SETS("target.lease=1s"), 0, 1);
    rig_put(&s.rig, K("00", "a"), ROWS);
    int64_t opened = s.wrap.opened;
    scene_run(&s, STORE_OP_READ, 1);
    assert_int_equal(s.rig.totals.rows_loaded, 2);
    assert_int_equal(s.wrap.opened, opened); /* nothing had to be made again */
    scene_close(&s);
}

/* Two workers: one waits for its source, the other for a unit, then for the end; the hour's own connection
 * for both. */
static void a_crew_keeps_all_its_connections(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, SETS("target.lease=1s", "target.connections=2", "target.commit_unit=chunk"), 2, 3);
    rig_put(&s.rig, K("00", "a"), ROWS);
    scene_run(&s, STORE_OP_READ, 1);
    assert_int_equal(s.rig.totals.rows_loaded, 2);
    scene_close(&s);
}

/* A connection that is gone is found while it waits, not at the end of it. */
static void a_loss_is_found_while_it_waits(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, SETS("target.lease=1s"), 0, 1);
    rig_put(&s.rig, K("00", "a"), ROWS);
    int64_t opened = s.wrap.opened;
    sink_wrap_reset(&s.wrap);
    s.rig.clock.base = *clock_real();
    sink_wrap_rule(
        &s.wrap,
        &(struct sink_rule){
            .op = SINK_OP_KEEP, .nth = 1, .error = ERRN_DB_LOST, .lose = true, .hook = on_keep, .ctx = &s});
    s.hook.op = STORE_OP_READ;
    s.hook.nth = s.hook.calls[STORE_OP_READ] + 1;
    s.hook.hook = until_kept;
    s.hook.ctx = &s;
    assert_int_equal(rig_run(&s.rig, NULL), 0);
    assert_int_equal(s.wrap.fired, 1);
    assert_int_equal(s.wrap.opened, opened + 1);
    assert_int_equal(rig_rows(&s.rig, NULL), 2);
    books_balance(&s.rig);
    scene_close(&s);
}

/* Longer than a third of the lease. */
static void take_long(void *ctx)
{
    (void)ctx;
    clock_sleep_us(clock_real(), 400000);
}

/* From call `nth` on the source is slow; so often at least the connection is told of. */
static void run_long(struct scene *s, enum store_op op, int64_t nth, int64_t least)
{
    sink_wrap_reset(&s->wrap);
    s->hook.op = op;
    s->hook.nth = s->hook.calls[op] + nth;
    s->hook.onwards = true;
    s->hook.hook = take_long;
    assert_int_equal(rig_run(&s->rig, NULL), 0);
    assert_true(sink_wrap_calls(&s->wrap, SINK_OP_KEEP) >= least);
}

/* An object is put again as it was: only reading it tells that it has not changed. */
static void put_again(struct scene *s, const struct clock_virtual *still)
{
    s->rig.clock = *still;
    rig_put(&s->rig, K("00", "a"), ROWS);
    s->rig.clock.base = *clock_real();
}

/* The plan lists, and the hour once more. */
static void a_listing_says_so(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, SETS("target.lease=1s"), 0, 0);
    rig_put(&s.rig, K("00", "a"), ROWS);
    s.rig.clock.base = *clock_real();
    run_long(&s, STORE_OP_NEXT, 1, 2);
    assert_int_equal(s.rig.totals.rows_loaded, 2);
    scene_close(&s);
}

/* Between its two reads, and in the listing behind it. */
static void reading_for_changes_says_so(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, SETS("target.lease=1s"), 0, 0);
    rig_put(&s.rig, K("00", "a"), ROWS);
    struct clock_virtual still = s.rig.clock;
    assert_int_equal(rig_run(&s.rig, NULL), 0);
    put_again(&s, &still);
    run_long(&s, STORE_OP_READ, 1, 2);
    assert_int_equal(s.rig.totals.unchanged, 1);
    scene_close(&s);
}

/* Meanwhile there is no unit for the workers. */
static void workers_that_wait_for_a_unit_say_so(void **state)
{
    struct scene s;
    (void)state;
    scene_open(&s, SETS("target.lease=1s", "target.connections=2", "target.commit_unit=chunk"), 2, 2);
    rig_put(&s.rig, K("00", "a"), ROWS);
    struct clock_virtual still = s.rig.clock;
    s.rig.clock.base = *clock_real();
    assert_int_equal(rig_run(&s.rig, NULL), 0);
    put_again(&s, &still);
    scene_run(&s, STORE_OP_READ, 1);
    assert_int_equal(s.rig.totals.unchanged, 1);
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loader_that_waits_for_a_batch_says_so),
        cmocka_unit_test(a_crew_keeps_all_its_connections),
        cmocka_unit_test(a_loss_is_found_while_it_waits),
        cmocka_unit_test(a_listing_says_so),
        cmocka_unit_test(reading_for_changes_says_so),
        cmocka_unit_test(workers_that_wait_for_a_unit_say_so),
    };
    return cmocka_run_group_tests_name("keep", tests, NULL, NULL);
}
