/* readers ahead in a run: one over a store that is far gives what one over a near one gives. */
#include "backends/registry.h"
#include "core/store/ahead.h"
#include "tests/support/store_hook.h"
#include "tests/unit/load/load_rig.h"

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

struct lake {
    struct store_hook hook;
    bool remote;
    atomic_int handles;
    struct rig *rig;
};

static struct store *wrap_store(void *ctx, struct store *inner)
{
    struct lake *lake = ctx;
    struct store *store = store_hook_new(&lake->hook, inner);
    if (store)
        store->caps.remote = lake->remote;
    atomic_fetch_add(&lake->handles, 1);
    return store;
}

enum { FILES = 40 };

static void lake_open(struct lake *lake, struct rig *rig, bool remote)
{
    memset(lake, 0, sizeof *lake);
    lake->remote = remote;
    lake->rig = rig;
    store_hook_init(&lake->hook);
    *rig = (struct rig){.wrap_store = wrap_store, .wrap_ctx = lake};
    rig_open(rig, PIPELINES[0], NO_SETS);
    for (int i = 0; i < FILES; i++) {
        char key[128], text[128];
        snprintf(key, sizeof key, K("12", "%02d"), i);
        snprintf(text, sizeof text, HEAD "%d,a,1\n%s,b,2\n", i, i == 11 ? "x" : "7");
        rig_put(rig, key, text);
    }
}

static void lake_close(struct lake *lake, struct rig *rig)
{
    rig_close(rig);
    store_hook_release(&lake->hook);
}

static void lose_one(void *ctx)
{
    struct store *inner = NULL;
    struct err err = ERR_INIT;
    (void)ctx;
    must(registry_open_store("mem:lake", "/", clock_real(), true, &inner, &err), &err);
    must(store_remove(inner, K("12", "23"), &err), &err);
    store_close(inner);
}

/* One object is bad, one is gone between the listing and the reading: each fails alone, near and far. */
static void a_far_run_tells_what_a_near_one_tells(void **state)
{
    struct buf told;
    struct err err = ERR_INIT;
    (void)state;
    buf_init(&told, 1024 * 1024);
    for (int remote = 0; remote < 2; remote++) {
        struct lake lake;
        struct rig rig;
        lake_open(&lake, &rig, remote);
        int opened = lake.handles;
        lake.hook.op = STORE_OP_NEXT;
        lake.hook.nth = 2 * (FILES + 1); /* the end of the hour's own listing */
        lake.hook.hook = lose_one;
        assert_int_equal(rig_run(&rig, NULL), 3);
        assert_int_equal(lake.hook.fired, 1);
        assert_int_equal(lake.handles - opened, remote ? 1 + AHEAD_READERS : 1);
        assert_int_equal(rig_rows(&rig, NULL), 2 * (FILES - 2));
        books_balance(&rig);
        if (!remote)
            must(buf_append_str(&told, buf_str(&rig.log), &err), &err);
        assert_string_equal(buf_str(&rig.log), buf_str(&told));
        assert_non_null(strstr(buf_str(&rig.log), K("12", "11") " failed 2 0 1 REJECT_LIMIT"));
        assert_non_null(strstr(buf_str(&rig.log), K("12", "23") " failed 0 0 0 SOURCE_GONE"));
        lake_close(&lake, &rig);
    }
    buf_release(&told);
}

static void stop_run(void *ctx)
{
    struct lake *lake = ctx;
    atomic_store(&lake->rig->stop, 15);
}

static void a_stop_leaves_a_far_run_to_be_done_again(void **state)
{
    (void)state;
    for (int nth = 1; nth < FILES; nth += 6) {
        struct lake lake;
        struct rig rig;
        lake_open(&lake, &rig, true);
        lake.hook.op = STORE_OP_OPEN;
        lake.hook.nth = nth;
        lake.hook.hook = stop_run;
        lake.hook.ctx = &lake;
        rig_run(&rig, NULL);
        assert_int_equal(rig.err.code, ERR_CANCELLED);
        assert_int_equal(rig_rows(&rig, NULL), 0);
        atomic_store(&rig.stop, 0);
        assert_int_equal(rig_run(&rig, NULL), 3);
        assert_int_equal(rig_rows(&rig, NULL), 2 * (FILES - 1));
        books_balance(&rig);
        lake_close(&lake, &rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_far_run_tells_what_a_near_one_tells),
        cmocka_unit_test(a_stop_leaves_a_far_run_to_be_done_again),
    };
    return cmocka_run_group_tests_name("load_ahead", tests, NULL, NULL);
}
