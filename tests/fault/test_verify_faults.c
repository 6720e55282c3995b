/*
 * verify_faults: one call of a comparison fails, the Nth of all, for N = 1, 2, ... until one runs through
 * untouched: allocations, SQLite's own, store calls, sink calls. Each comparison ends by itself; one that
 * reports success has said what an undisturbed one says, or that an object could not be read.
 */
#include <stdatomic.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tests/support/sanitized.h"
#include "tests/support/sqlite_fault.h"
#include "tests/support/store_hook.h"
#include "tests/support/tempdir.h"
#include "tests/unit/load/verify_rig.h"

enum { DENSE = 25, N_MAX = 100000 };

static struct fault {
    struct sink_wrap sink;
    struct store_hook store;
    atomic_llong allocations;
    int64_t nth;
    bool remote;
} fault;

static struct store *wrap_store(void *ctx, struct store *inner)
{
    (void)ctx;
    struct store *store = store_hook_new(&fault.store, inner);
    if (store)
        store->caps.remote = fault.remote;
    return store;
}

static struct sink *wrap_sink(void *ctx, struct sink *inner)
{
    (void)ctx;
    return sink_wrap_new(&fault.sink, inner);
}

static bool fail_allocation(void *ctx)
{
    (void)ctx;
    return atomic_fetch_add(&fault.allocations, 1) + 1 == fault.nth;
}

enum kind { MEMORY, SQLITE, STORE_AWAY, STORE_BROKEN, SINK_LOST, SINK_BROKEN, KINDS };

static void arm(enum kind kind)
{
    static const enum err_name ERRORS[] = {[STORE_AWAY] = ERRN_STORE_UNREACHABLE,
                                           [STORE_BROKEN] = ERRN_IO,
                                           [SINK_LOST] = ERRN_DB_LOST,
                                           [SINK_BROKEN] = ERRN_DB};
    atomic_store(&fault.allocations, 0);
    if (kind == MEMORY)
        mem_set_fault(fail_allocation, NULL);
    else if (kind == SQLITE)
        sqlite_fault_memory(fail_allocation, NULL);
    else if (kind >= SINK_LOST)
        fail_at(&fault.sink, SINK_OP_ANY, fault.nth, SINK_BEFORE, ERRORS[kind]);
    else {
        memset(fault.store.calls, 0, sizeof fault.store.calls);
        fault.store.fired = 0;
        fault.store.op = STORE_OP_ANY;
        fault.store.nth = fault.nth;
        fault.store.error = ERRORS[kind];
    }
}

static bool disarm(enum kind kind)
{
    bool hit = kind <= SQLITE ? fault.allocations >= fault.nth : fault.sink.fired + fault.store.fired > 0;
    mem_set_fault(NULL, NULL);
    sqlite_fault_memory(NULL, NULL);
    fault.store.nth = 0;
    sink_wrap_reset(&fault.sink);
    return hit;
}

static enum err_code compare(struct rig *rig, struct report *r, enum verify_by by, struct err *err)
{
    struct verify_options options = {.by = by, .show = 5, .result = on_result, .row = on_row, .ctx = r};
    r->text[0] = '\0';
    return verify_run(&rig->job, &options, &r->totals, err);
}

static void sweep(struct rig *rig, enum verify_by by, const char *clean, enum kind kind)
{
    struct report r;
    int64_t n = 1, tries = 0;
    for (bool hit = true; hit; n += n < (SANITIZED ? DENSE / 2 : DENSE) ? 1 : n / 4, tries++) {
        struct err err = ERR_INIT;
        fault.nth = n;
        arm(kind);
        enum err_code code = compare(rig, &r, by, &err);
        hit = disarm(kind);
        bool told = code == ERR_OK && (r.totals.unread > 0 || kind == STORE_BROKEN);
        if (code != err.code || (code == ERR_OK && !told && strcmp(r.text, clean) != 0))
            fail_msg("kind %d, call %lld: %s\n%s\nwant\n%s", kind, (long long)n, err.msg, r.text, clean);
        if (!hit && code != ERR_OK)
            fail_msg("kind %d, call %lld: not reached, but %s", kind, (long long)n, err.msg);
        bool waits = kind == STORE_AWAY || kind == SINK_LOST;
        if (waits && code != ERR_OK)
            fail_msg("kind %d, call %lld: not waited for: %s", kind, (long long)n, err.msg);
        assert_true(n < N_MAX);
    }
    print_message("# kind %d: %lld tries up to %lld\n", kind, (long long)tries, (long long)n);
}

/* Two objects that differ, one that is gone and one that is new; a row of nobody. */
static void make(struct rig *rig, const char *lineage)
{
    struct err err = ERR_INIT;
    rig_open(rig, PIPELINES[1], SETS(lineage, "policy.max_rejects=1"));
    rig_put(rig, A, GOOD);
    rig_put(rig, B, HEAD "3,eve,3\nx,y,z\n4,dan,4\n");
    rig_put(rig, K("12", "c"), HEAD "11,cat,11\n");
    rig_put(rig, K("13", "d"), HEAD "7,g,7\n");
    assert_int_equal(rig_run(rig, NULL), 0);
    assert_int_equal(store_remove(rig->store, K("13", "d"), &err), ERR_OK);
    rig_put(rig, K("13", "e"), GOOD);
    tamper(rig, "UPDATE t SET name = 'Ann' WHERE rowid = 1; DELETE FROM t WHERE id = 4");
    tamper(rig, strstr(lineage, "true") ? "INSERT INTO t VALUES (99, 'odd', 1, NULL)"
                                        : "INSERT INTO t VALUES (99, 'odd', 1)");
}

static void all(const char *lineage, bool remote)
{
    struct rig rig = {.wrap_store = wrap_store, .wrap_sink = wrap_sink};
    struct report clean;
    struct err err = ERR_INIT;
    fault = (struct fault){.remote = remote};
    sink_wrap_init(&fault.sink);
    store_hook_init(&fault.store);
    make(&rig, lineage);
    for (enum verify_by by = VERIFY_BY_OBJECT; by <= VERIFY_BY_TABLE; by++) {
        assert_int_equal(compare(&rig, &clean, by, &err), ERR_OK);
        assert_non_null(strstr(clean.text, "changed 2 1:1 name: ann | Ann"));
        for (enum kind kind = 0; kind < (by == VERIFY_BY_OBJECT ? KINDS : SQLITE); kind++)
            sweep(&rig, by, clean.text, kind);
    }
    rig_close(&rig);
    assert_int_equal(fault.sink.open_handles, 0);
    store_hook_release(&fault.store);
    sink_wrap_release(&fault.sink);
}

static void with_lineage(void **state)
{
    (void)state;
    all("target.lineage=true", false);
}

static void without_lineage(void **state)
{
    (void)state;
    all("target.lineage=false", false);
}

static void from_afar(void **state)
{
    (void)state;
    all("target.lineage=true", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_lineage),
        cmocka_unit_test(without_lineage),
        cmocka_unit_test(from_afar),
    };
    tempdir_use_memory();
    sqlite_fault_init();
    log_configure(stderr, LOG_TEXT, LOG_ERROR);
    return cmocka_run_group_tests_name("verify_faults", tests, NULL, NULL);
}
