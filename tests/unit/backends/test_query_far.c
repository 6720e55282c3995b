/* query_sqlite over a far store: readings have readers ahead, and give what they give without them. */
#include "backends/query_sqlite.h"

#include "core/store/ahead.h"
#include "tests/support/store_hook.h"
#include "tests/unit/backends/query_rig.h"

enum { DAYS = 4, HOURS = 24, OBJECTS = DAYS * HOURS };

/* The readers' handles are not traced: the rig's trace is for one thread. */
struct far {
    struct scene s;
    struct store_hook hook; /* around all handles */
    struct store_factory stores;
    bool remote;
    atomic_int handles;
};

static enum err_code open_far(void *ctx, struct store **out, struct err *err)
{
    struct far *far = ctx;
    atomic_fetch_add(&far->handles, 1);
    if (registry_open_store("mem:lake", "/", &far->s.rig.clock.base, false, out, err) != ERR_OK)
        return err->code;
    *out = store_hook_new(&far->hook, *out);
    if (!*out)
        return err_nomem(err);
    (*out)->caps.remote = far->remote;
    return ERR_OK;
}

static void far_open(struct far *far)
{
    memset(far, 0, sizeof *far);
    scene_open(&far->s);
    store_hook_init(&far->hook);
    far->stores = (struct store_factory){open_far, far};
    far->s.spec.stores = &far->stores;
    for (int i = 0; i < OBJECTS; i++) {
        char key[128], text[256];
        snprintf(key, sizeof key, K("%02d", "%02d", "a"), i / HOURS + 1, i % HOURS);
        snprintf(text, sizeof text, HEAD "%d,2022-06-05,1.50,n,0.5,NA\n%s,NA,NA,NA,NA,NA\n", i,
                 i % 10 == 3 ? "x" : "7");
        rig_put(&far->s.rig, key, text);
    }
}

static void far_close(struct far *far)
{
    scene_close(&far->s);
    store_hook_release(&far->hook);
}

/* Asks; gives how many objects were opened. */
static int64_t opened_by(struct far *far, bool remote, const char *sql)
{
    int64_t before = far->hook.calls[STORE_OP_OPEN];
    far->remote = remote;
    atomic_store(&far->handles, 0);
    must(ask(&far->s, sql), &far->s.err);
    return far->hook.calls[STORE_OP_OPEN] - before;
}

static void far_gives_what_near_gives(void **state)
{
    static const char *const SQL[] = {
        "SELECT * FROM source",
        "SELECT dd, count(*), sum(id) FROM source GROUP BY dd",
        "SELECT id, _object, _line FROM source WHERE dd = 2 AND hh > 3",
        "SELECT count(*) FROM source WHERE dd = 1 OR hh = 7",
        "SELECT a.dd, a.hh, a.id, b.id FROM source a, source b WHERE a.hh = 3 AND b.dd = a.dd",
        "SELECT id, (SELECT sum(id) FROM source b WHERE b.hh = a.hh) FROM source a WHERE dd = 3",
    };
    struct far far;
    (void)state;
    far_open(&far);
    for (size_t i = 0; i < sizeof SQL / sizeof *SQL; i++) {
        struct buf rows;
        buf_init(&rows, TEXT_MAX);
        int64_t opened = opened_by(&far, false, SQL[i]);
        assert_in_range(far.handles, 1, 2);
        must(buf_append_str(&rows, buf_str(&far.s.rows), &far.s.err), &far.s.err);
        struct query_totals totals = *query_totals(far.s.query);
        assert_int_equal(opened_by(&far, true, SQL[i]), opened);
        assert_string_equal(buf_str(&far.s.rows), buf_str(&rows));
        assert_memory_equal(&query_totals(far.s.query)->scans, &totals.scans, sizeof totals.scans);
        assert_int_equal(query_totals(far.s.query)->refused, totals.refused);
        /* However often the source is read again. */
        assert_in_range(far.handles, 2, 2 * (1 + AHEAD_READERS));
        buf_release(&rows);
    }
    far_close(&far);
}

static void a_limit_fetches_little_more_than_it_needs(void **state)
{
    struct far far;
    (void)state;
    far_open(&far);
    assert_int_equal(opened_by(&far, true, "SELECT id FROM source LIMIT 1"), 1);
    assert_int_equal(far.handles, 1);
    assert_in_range(opened_by(&far, true, "SELECT id FROM source LIMIT 10"), 5, 13);
    far_close(&far);
}

static enum err_code all_objects(void *ctx, const struct query_part *part, struct err *err)
{
    (void)ctx;
    (void)err;
    assert_int_equal(part->counts.objects, OBJECTS);
    return ERR_OK;
}

static enum err_code any_step(void *ctx, int64_t id, int64_t parent, const char *detail, struct err *err)
{
    (void)ctx;
    (void)id;
    (void)parent;
    (void)detail;
    (void)err;
    return ERR_OK;
}

static void explaining_opens_nothing(void **state)
{
    const struct query_plan_fn plan = {all_objects, any_step, NULL};
    struct far far;
    (void)state;
    far_open(&far);
    far.remote = true;
    must(query_open(&far.s.spec, &far.s.query, &far.s.err), &far.s.err);
    must(query_explain(far.s.query, "SELECT count(*) FROM source", &plan, &far.s.err), &far.s.err);
    assert_int_equal(far.hook.calls[STORE_OP_OPEN], 0);
    assert_int_equal(far.handles, 1);
    far_close(&far);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_gives_what_near_gives),
        cmocka_unit_test(a_limit_fetches_little_more_than_it_needs),
        cmocka_unit_test(explaining_opens_nothing),
    };
    return cmocka_run_group_tests_name("query_far", tests, NULL, NULL);
}
