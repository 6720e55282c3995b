/* crew: several workers on one hour, over a target that lets many load at once. */
#include "core/base/mem.h"
#include "core/load/crew.h"
#include "tests/unit/load/load_rig.h"

enum { WORKERS = 4, HOURS = 2, FILES = 30, ROWS = 1000, FILE_MAX = 32768 };

static char good[FILE_MAX];     /* too large to be put into one unit with others */
static char bad[FILE_MAX + 64]; /* one record more, that is refused */
static const char *const SETS_HERE[] = {"target.connections=4", "target.commit_unit=file"};

static int write_files(void **state)
{
    size_t len = (size_t)snprintf(good, sizeof good, "%s", HEAD);
    (void)state;
    for (int i = 0; i < ROWS; i++)
        len += (size_t)snprintf(good + len, sizeof good - len, "%d,of one worker,%d\n", i, i);
    snprintf(bad, sizeof bad, "%sx,no number,1\n", good);
    return len > UNIT_TINY_BYTES && len + 1 < sizeof good ? 0 : -1;
}

static struct sink *for_many(void *ctx, struct sink *inner)
{
    struct sink *sink = sink_wrap_new(ctx, inner);
    if (sink)
        sink->caps.max_writers = WORKERS;
    return sink;
}

static void lake_open(struct rig *rig, struct sink_wrap *wrap)
{
    *rig = (struct rig){.wrap_sink = for_many, .wrap_ctx = wrap};
    sink_wrap_init(wrap);
    rig_open(rig, PIPELINES[0], SETS_HERE, 2);
    for (int h = 0; h < HOURS; h++)
        for (int f = 0; f < FILES; f++) {
            char key[128];
            snprintf(key, sizeof key, K("%02d", "%02d"), h, f);
            rig_put(rig, key, good);
        }
    rig->clock.base = *clock_real(); /* the workers have to wait for each other */
    sink_wrap_reset(wrap);
}

static void lake_close(struct rig *rig, struct sink_wrap *wrap)
{
    rig_close(rig);
    assert_int_equal(wrap->open_handles, 0);
    sink_wrap_release(wrap);
}

static size_t lines_with(const struct buf *log, const char *word)
{
    size_t n = 0;
    for (const char *at = buf_str(log); (at = strstr(at, word)); at += strlen(word))
        n++;
    return n;
}

static void the_rest_is_loaded(struct rig *rig)
{
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(books_sums(rig).rows, HOURS * FILES);
    assert_int_equal(rig_rows(rig, NULL), HOURS * FILES * ROWS);
    books_balance(rig);
}

static void each_worker_has_its_own_handle_and_all_adds_up(void **state)
{
    struct rig rig;
    struct sink_wrap wrap;
    (void)state;
    lake_open(&rig, &wrap);
    int64_t opened = wrap.opened;
    assert_int_equal(rig_run(&rig, NULL), 0);
    assert_int_equal(wrap.opened, opened + WORKERS);
    assert_int_equal(rig.totals.hours, HOURS);
    assert_int_equal(rig.totals.objects, HOURS * FILES);
    assert_int_equal(rig.totals.rows_read, HOURS * FILES * ROWS);
    assert_int_equal(rig.totals.rows_loaded, HOURS * FILES * ROWS);
    assert_int_equal(rig.totals.bytes, HOURS * FILES * (int)strlen(good));
    assert_int_equal(rig.totals.failed, 0);
    assert_int_equal(lines_with(&rig.log, " loaded 1000 1000 0 -\n"), HOURS * FILES);
    assert_int_equal(books_sums(&rig).hash, rig.totals.row_hash);
    the_rest_is_loaded(&rig);
    assert_int_equal(rig.totals.unchanged, HOURS * FILES);
    lake_close(&rig, &wrap);
}

/* A file of one worker is refused: the others' are loaded, and the hour says what was wrong. */
static void one_bad_file_fails_alone(void **state)
{
    struct rig rig;
    struct sink_wrap wrap;
    (void)state;
    lake_open(&rig, &wrap);
    rig_put(&rig, K("01", "07"), bad);
    assert_int_equal(rig_run(&rig, NULL), 3);
    assert_int_equal(rig.err.code, ERR_OK);
    assert_int_equal(rig.totals.failed, 1);
    assert_int_equal(rig.totals.rows_loaded, (HOURS * FILES - 1) * ROWS);
    assert_int_equal(lines_with(&rig.log, K("01", "07") " failed 1001 0 1 REJECT_LIMIT\n"), 1);
    assert_non_null(strstr(buf_str(&rig.hours), "2022-06-05T00 loaded\n2022-06-05T01 failed\n"));
    assert_int_equal(lines_with(&rig.log, " loaded 1000 1000 0 -\n"), HOURS * FILES - 1);
    assert_string_equal(books_attempts(&rig), K("01", "07") " REJECT_LIMIT 1001 1\n");
    rig_put(&rig, K("01", "07"), good);
    the_rest_is_loaded(&rig);
    lake_close(&rig, &wrap);
}

/* What ends one worker ends the hour, with its reason and not with the others' "stopped". */
static void a_worker_that_loses_the_claim_stops_the_others(void **state)
{
    struct rig rig;
    struct sink_wrap wrap;
    (void)state;
    lake_open(&rig, &wrap);
    sink_wrap_rule(&wrap, &(struct sink_rule){.op = SINK_OP_COMMIT, .nth = 5, .error = ERRN_FENCED});
    assert_int_equal(rig_run(&rig, NULL), 1);
    assert_int_equal(wrap.fired, 1);
    assert_int_equal(lines_with(&rig.hours, "2022-06-05T00 running\n"), 1);
    assert_in_range(rig_rows(&rig, NULL), 4 * ROWS, (HOURS * FILES - 1) * ROWS);
    books_balance(&rig);
    the_rest_is_loaded(&rig);
    lake_close(&rig, &wrap);
}

static void stop_now(void *ctx, struct sink *inner)
{
    (void)inner;
    atomic_store((atomic_int *)ctx, 1);
}

static void a_stop_ends_all_workers(void **state)
{
    struct rig rig;
    struct sink_wrap wrap;
    (void)state;
    lake_open(&rig, &wrap);
    hook_at(&wrap, SINK_OP_APPEND, 6, SINK_BEFORE, stop_now, &rig.stop);
    assert_int_equal(rig_run(&rig, NULL), 1);
    assert_int_equal(rig.err.code, ERR_CANCELLED);
    assert_in_range(rig_rows(&rig, NULL), 0, FILES * ROWS - 1);
    books_balance(&rig);
    atomic_store(&rig.stop, 0);
    the_rest_is_loaded(&rig);
    lake_close(&rig, &wrap);
}

/* Each allocation on the way to a crew fails once: no crew then, and every handle is closed again. */
struct shortage {
    int left;
    bool met;
};

static bool nth_allocation(void *ctx)
{
    struct shortage *s = ctx;
    s->met |= s->left == 0;
    return s->left-- == 0;
}

static void a_crew_that_cannot_be_hired_leaves_nothing_open(void **state)
{
    struct rig rig;
    struct sink_wrap wrap;
    struct shortage s = {.met = true};
    (void)state;
    lake_open(&rig, &wrap);
    int64_t open = wrap.open_handles;
    for (int n = 0; s.met; n++) {
        struct crew *crew = NULL;
        struct err err = ERR_INIT;
        s = (struct shortage){.left = n};
        mem_set_fault(nth_allocation, &s);
        enum err_code code = crew_new(&rig.job, &crew, &err);
        mem_set_fault(NULL, NULL);
        assert_int_equal(code, s.met ? ERR_NOMEM : ERR_OK);
        assert_int_equal(crew != NULL, !s.met);
        assert_int_equal(wrap.open_handles, open + (crew ? WORKERS : 0));
        crew_free(crew);
        assert_int_equal(wrap.open_handles, open);
        assert_true(n < 10000);
    }
    lake_close(&rig, &wrap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_worker_has_its_own_handle_and_all_adds_up),
        cmocka_unit_test(one_bad_file_fails_alone),
        cmocka_unit_test(a_worker_that_loses_the_claim_stops_the_others),
        cmocka_unit_test(a_stop_ends_all_workers),
        cmocka_unit_test(a_crew_that_cannot_be_hired_leaves_nothing_open),
    };
    return cmocka_run_group_tests_name("crew", tests, write_files, NULL);
}
