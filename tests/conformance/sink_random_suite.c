/*
 * sink_random_suite: the same random operations on the sink under test and on the model (mem:), whose answers
 * and contents must agree.
 *
 * Invariants: a seed gives the same run every time; ids are compared by place in a list, since a database may
 * leave gaps after a rollback.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "backends/registry.h"
#include "core/base/mem.h"
#include "tests/conformance/sink_suite_internal.h"
#include "tests/support/sink_kit.h"

enum { SEEDS = 12, STEPS = 120, OBJECTS = 5, ROWS_MAX = 6, TEXT_MAX = 1024 };

/* Both sinks and what differs between them: the ids of ledger rows, by object and chunk. */
struct pair {
    struct sink *sinks[2];
    struct clock_virtual *clock;
    int64_t epoch[2];
};

static struct ledger_row pages[2][REC_PAGE];
static struct reject rejects[2][REC_PAGE];
static struct claim_row claims[2][REC_PAGE];
static struct check_row checks[2][REC_PAGE];

static uint64_t below(struct pair *p, uint64_t n)
{
    return clock_random(&p->clock->base) % n;
}

/* Rows with unique or clashing ids, now and then a NULL where none may be. */
static void random_rows(struct pair *p, char out[TEXT_MAX])
{
    size_t at = 0, n = below(p, ROWS_MAX + 1);

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (below(p, 60) == 0)
            at += (size_t)snprintf(out + at, TEXT_MAX - at, "\\N|x\n");
        else
            at += (size_t)snprintf(out + at, TEXT_MAX - at, "%d|%s\n", (int)below(p, 300),
                                   below(p, 4) ? "v" : "\\N");
    }
}

/* The ledger row of object and chunk in sink i; false where there is none. */
static bool find(struct pair *p, int i, const char *object, int64_t chunk, struct ledger_row *out)
{
    struct ledger_query q = {.object = object};
    struct err err = ERR_INIT;
    size_t n;

    assert_int_equal(sink_ledger_page(p->sinks[i], &q, pages[i], REC_PAGE, &n, &err), ERR_OK);
    for (size_t r = 0; r < n; r++)
        if (pages[i][r].chunk == chunk) {
            *out = pages[i][r];
            return true;
        }
    return false;
}

/* What a load of the plan does, on one sink; the answer is the name of the error. */
struct plan {
    char object[16];
    int64_t chunk;
    char run[16];
    char rows[TEXT_MAX];
    bool replace, abort, wrong_epoch;
    size_t rejects;
    bool check; /* its row and the hour's */
};

/* What the load did, beside its error. */
struct said {
    int64_t failed_row, n;
    double sum;
};

static enum err_name run_plan(struct pair *p, int i, const struct plan *plan, struct said *said)
{
    struct err err = ERR_INIT;
    struct sink_load *load;
    struct sink_begin begin = {KIT_HOUR, "me", p->epoch[i] + plan->wrong_epoch, plan->run};
    struct ledger_row row = kit_ledger(plan->object, plan->chunk, plan->run), old;
    struct reject reject = {.raw = "raw", .raw_len = 3, .line = 3};
    struct check_row check[2] = {{.name = "min", .fired = true}, {.name = "rows", .hour = KIT_HOUR}};
    bool replace = plan->replace && find(p, i, plan->object, plan->chunk, &old);
    int64_t stored;

    memcpy(reject.object, plan->object, sizeof plan->object);
    *said = (struct said){-1, 0, 0};
    if (sink_begin(p->sinks[i], &begin, &load, &err))
        return err.name;
    if (replace ? sink_replace(load, &old, &row, &err) : sink_ledger_insert(load, &row, 1, &err))
        goto abort;
    if (kit_append(load, plan->rows, row.id, &err)) {
        said->failed_row = load->failed_row;
        goto abort;
    }
    reject.load_id = row.id;
    for (size_t r = 0; r < plan->rejects; r++)
        if (sink_rejects(load, &reject, 1, &stored, &err))
            goto abort;
    check[0].load_id = row.id;
    memcpy(check[0].object, plan->object, sizeof plan->object);
    if (sink_checks_add(load, check, plan->check ? 2 : 0, &err) ||
        sink_hour_sum(load, KIT_HOUR, 0, &said->n, &said->sum, &err) || sink_totals(load, &row, 1, &err) ||
        plan->abort)
        goto abort;
    (void)!sink_commit(load, &err);
    return err.name;
abort:
    sink_abort(load);
    return err.name;
}

static void step_load(struct pair *p)
{
    struct plan plan = {0};
    struct said said[2];

    (void)!snprintf(plan.object, sizeof plan.object, "o%d", (int)below(p, OBJECTS));
    (void)!snprintf(plan.run, sizeof plan.run, "run%d", (int)below(p, 4));
    plan.chunk = (int64_t)below(p, 3) - 1;
    random_rows(p, plan.rows);
    plan.replace = below(p, 3) == 0;
    plan.abort = below(p, 6) == 0;
    plan.wrong_epoch = below(p, 10) == 0;
    plan.rejects = below(p, 3);
    plan.check = below(p, 2) == 0;
    enum err_name a = run_plan(p, 0, &plan, &said[0]);
    enum err_name b = run_plan(p, 1, &plan, &said[1]);
    assert_string_equal(err_name_text(a), err_name_text(b));
    assert_int_equal(said[0].failed_row, said[1].failed_row);
    assert_int_equal(said[0].n, said[1].n);
    assert_true(said[0].sum == said[1].sum); /* of small integers: exact in any order */
}

static void step_claim(struct pair *p)
{
    static const char *const OWNERS[] = {"me", "you"};
    const char *owner = OWNERS[below(p, 2)];
    hour_t hour = KIT_HOUR + (hour_t)below(p, 2);
    uint64_t what = below(p, 3);
    struct claim_row row[2];
    struct err err[2] = {ERR_INIT, ERR_INIT};
    bool taken[2] = {false, false};

    p->clock->now_us += (int64_t)below(p, 40) * 1000000;
    for (int i = 0; i < 2; i++) {
        if (what < 2) {
            assert_int_equal(sink_claim_take(p->sinks[i], hour, owner, NULL, &row[i], &taken[i], &err[i]),
                             ERR_OK);
            if (taken[i] && hour == KIT_HOUR)
                p->epoch[i] = row[i].epoch;
        } else {
            (void)!sink_claim_renew(p->sinks[i], hour, owner, p->epoch[i], &err[i]);
        }
    }
    assert_int_equal(taken[0], taken[1]);
    assert_string_equal(err_name_text(err[0].name), err_name_text(err[1].name));
}

static void step_mark(struct pair *p)
{
    struct record_query q = {.only_replayable = below(p, 2) == 0};
    enum err_name names[2] = {ERRN_NONE, ERRN_NONE};
    uint64_t pick = clock_random(&p->clock->base);

    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        struct sink_begin begin = {KIT_HOUR, "me", p->epoch[i], "run9"};
        struct sink_load *load;
        struct buf arena;
        size_t n;
        buf_init(&arena, TEXT_MAX * 64);
        assert_int_equal(sink_reject_page(p->sinks[i], &q, rejects[i], REC_PAGE, &n, &arena, &err), ERR_OK);
        buf_release(&arena);
        if (n == 0)
            continue;
        assert_int_equal(sink_begin(p->sinks[i], &begin, &load, &err), ERR_OK);
        if (sink_mark_replayed(load, &rejects[i][pick % n].id, 1, 7, &err) == ERR_OK)
            (void)!sink_commit(load, &err);
        else
            sink_abort(load);
        names[i] = err.name;
    }
    assert_string_equal(err_name_text(names[0]), err_name_text(names[1]));
}

/* ---- agreement ---- */

static void same_ledger(struct pair *p, const struct ledger_query *q)
{
    size_t n[2];

    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(sink_ledger_page(p->sinks[i], q, pages[i], REC_PAGE, &n[i], &err), ERR_OK);
    }
    assert_int_equal(n[0], n[1]);
    for (size_t r = 0; r < n[0]; r++) {
        struct ledger_row *a = &pages[0][r], *b = &pages[1][r];
        char *rows[2];
        for (int i = 0; i < 2; i++)
            rows[i] = kit_rows(p->sinks[i], pages[i][r].id, false);
        assert_string_equal(rows[0], rows[1]);
        mem_free(rows[0]);
        mem_free(rows[1]);
        a->id = b->id; /* the only thing that may differ */
        assert_string_equal(a->object, b->object);
        assert_string_equal(a->run_id, b->run_id);
        assert_int_equal(a->chunk, b->chunk);
        assert_int_equal(a->started_us, b->started_us);
        assert_int_equal(a->finished_us, b->finished_us);
    }
}

static void same_rejects(struct pair *p)
{
    struct record_query q = {0};
    size_t n[2];

    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        struct buf arena;
        buf_init(&arena, TEXT_MAX * 64);
        assert_int_equal(sink_reject_page(p->sinks[i], &q, rejects[i], REC_PAGE, &n[i], &arena, &err),
                         ERR_OK);
        buf_release(&arena);
    }
    assert_int_equal(n[0], n[1]);
    for (size_t r = 0; r < n[0]; r++) {
        assert_string_equal(rejects[0][r].object, rejects[1][r].object);
        assert_string_equal(rejects[0][r].run_id, rejects[1][r].run_id);
        assert_int_equal(rejects[0][r].replayed_by, rejects[1][r].replayed_by);
    }
}

static void same_checks(struct pair *p, const struct record_query *q)
{
    size_t n[2];

    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(sink_check_page(p->sinks[i], q, checks[i], REC_PAGE, &n[i], &err), ERR_OK);
    }
    assert_int_equal(n[0], n[1]);
    for (size_t r = 0; r < n[0]; r++) {
        assert_string_equal(checks[0][r].object, checks[1][r].object);
        assert_string_equal(checks[0][r].name, checks[1][r].name);
        assert_int_equal(checks[0][r].load_id == 0, checks[1][r].load_id == 0);
        assert_int_equal(checks[0][r].fired, checks[1][r].fired);
        assert_int_equal(checks[0][r].at_us, checks[1][r].at_us);
    }
}

static void same_claims(struct pair *p)
{
    size_t n[2];

    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        assert_int_equal(
            sink_claim_page(p->sinks[i], CLAIMS_ALL, HOUR_MIN - 1, claims[i], REC_PAGE, &n[i], &err), ERR_OK);
    }
    assert_int_equal(n[0], n[1]);
    for (size_t r = 0; r < n[0]; r++) {
        assert_string_equal(claims[0][r].owner, claims[1][r].owner);
        assert_int_equal(claims[0][r].epoch, claims[1][r].epoch);
        assert_int_equal(claims[0][r].lease_until_us, claims[1][r].lease_until_us);
        assert_int_equal(claims[0][r].expired, claims[1][r].expired);
    }
}

static void agree(struct pair *p)
{
    char *rows[2];

    for (int i = 0; i < 2; i++)
        rows[i] = kit_rows(p->sinks[i], 0, false);
    assert_string_equal(rows[0], rows[1]);
    mem_free(rows[0]);
    mem_free(rows[1]);
    same_ledger(p, &(struct ledger_query){0});
    same_ledger(p, &(struct ledger_query){.prefix = "o1"});
    same_ledger(p, &(struct ledger_query){.run_id = "run2", .order = LEDGER_BY_ID});
    same_rejects(p);
    same_checks(p, &(struct record_query){0});
    same_checks(p, &(struct record_query){.object = "o1", .only_replayable = true});
    same_claims(p);
}

static void run_seed(struct fix *fix, int seed)
{
    char table[32], model[32];
    struct err err = ERR_INIT;
    struct sink_target target = fix->target;
    struct pair pair = {.clock = &fix->clock};

    (void)!snprintf(table, sizeof table, "random%d", seed);
    (void)!snprintf(model, sizeof model, "mem:model%d", seed);
    target.table = table;
    target.pipeline = table;
    target.nkey = seed % 2 ? 1 : 0;
    struct sink_open args = {.url = model, .clock = &fix->clock.base, .target = target};
    pair.sinks[0] = fix_open(fix, &target, false);
    assert_int_equal(registry_open_sink(&args, &pair.sinks[1], &err), ERR_OK);
    clock_virtual_init(&fix->clock, KIT_NOW, (uint64_t)seed);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sink_setup(pair.sinks[i], NULL, &err), ERR_OK);
        pair.epoch[i] = kit_claim(pair.sinks[i], "me");
    }
    for (int step = 0; step < STEPS; step++) {
        uint64_t what = below(&pair, 8);
        if (what < 5)
            step_load(&pair);
        else if (what < 7)
            step_claim(&pair);
        else
            step_mark(&pair);
        if (step % 10 == 9)
            agree(&pair);
    }
    sink_close(pair.sinks[0]);
    sink_close(pair.sinks[1]);
}

CASE(random_operations_agree_with_the_model)
{
    for (int seed = 1; seed <= SEEDS; seed++)
        run_seed(*state, seed);
}
