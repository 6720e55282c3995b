/*
 * sink_suite: the fixture, and the list of all cases.
 *
 * Invariants: each case starts with an empty database and a virtual clock at KIT_NOW; only the clock's owner
 * sleeps, so that waits for locks cost no time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/base/mem.h"
#include "tests/conformance/sink_suite_internal.h"
#include "tests/support/sink_kit.h"

const struct sink_suite *suite_now;

struct sink *fix_open(const struct fix *fix, const struct sink_target *target, bool read_only)
{
    struct err err = ERR_INIT;
    struct sink *sink;

    if (suite_now->open(suite_now->ctx, target, &fix->clock.base, read_only, &sink, &err))
        fail_msg("open: %s", err.msg);
    return sink;
}

int fix_setup(void **state)
{
    struct err err = ERR_INIT;
    struct fix *fix = mem_calloc(1, sizeof *fix);

    if (!fix)
        return -1;
    suite_now->reset(suite_now->ctx);
    clock_virtual_init(&fix->clock, KIT_NOW, 1);
    kit_schema(&fix->schema, "id:int!,name:varchar(20)");
    fix->target = (struct sink_target){.pipeline = "pipe",
                                       .table = "t",
                                       .schema = &fix->schema,
                                       .key = fix->key,
                                       .lineage = LINEAGE_COLUMN,
                                       .lease_ms = KIT_LEASE_MS};
    fix->sink = fix_open(fix, &fix->target, false);
    *state = fix;
    if (sink_setup(fix->sink, NULL, &err))
        print_error("setup: %s\n", err.msg);
    return err.code ? -1 : 0;
}

int fix_teardown(void **state)
{
    struct fix *fix = *state;

    sink_close(fix->sink);
    schema_release(&fix->schema);
    mem_free(fix);
    return 0;
}

size_t fix_problems(struct sink *sink, struct sink_state *state)
{
    struct err err = ERR_INIT;
    size_t n = 0;

    assert_int_equal(sink_describe(sink, state, &err), ERR_OK);
    for (const char *at = buf_str(&state->problems); (at = strchr(at, '\n')); at++)
        n++;
    return n;
}

void fix_assert_state(struct sink *sink, enum own_tables own, bool table, bool lineage)
{
    struct sink_state state;

    assert_int_equal(fix_problems(sink, &state), 0);
    assert_int_equal(state.own, own);
    assert_int_equal(state.table_exists, table);
    assert_int_equal(state.has_lineage, lineage);
    buf_release(&state.problems);
}

int sink_suite_run(const struct sink_suite *suite)
{
#define ENTRY(f) SUITE_CASE(f),
    const struct CMUnitTest tests[] = {SINK_TABLE_CASES(ENTRY) SINK_LOAD_CASES(ENTRY) SINK_BOOKS_CASES(ENTRY)
                                           SINK_CHECKS_CASES(ENTRY) SINK_EVOLVE_CASES(ENTRY)
                                               SINK_CLAIM_CASES(ENTRY) SINK_RANDOM_CASES(ENTRY)};
#undef ENTRY

    suite_now = suite;
    int failed = cmocka_run_group_tests_name(suite->name, tests, NULL, NULL);
    suite->reset(suite->ctx);
    return failed;
}
