/*
 * test_sink_mysql: the suite over a MySQL or MariaDB server, by LOAD and by INSERT, and what only a server
 * can do wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backends/sink_mem.h"
#include "tests/conformance/sink_suite.h"
#include "tests/support/mysql_kit.h"
#include "tests/support/sink_kit.h"

static enum err_code open_suite(void *ctx, const struct sink_target *target, const struct clock *clock,
                                bool read_only, struct sink **out, struct err *err)
{
    return kit_mysql_open(target, clock, read_only, 0, ctx, out, err);
}

static void reset_suite(void *ctx)
{
    (void)ctx;
    kit_mysql_reset();
}

int main(void)
{
    static char by_load[] = "", by_insert[] = "&load=insert";
    const struct sink_suite suites[] = {{"sink mysql: local infile", open_suite, reset_suite, by_load},
                                        {"sink mysql: insert", open_suite, reset_suite, by_insert}};

    if (!kit_mysql_begin())
        return 0;
    int failed = sink_suite_run(&suites[0]);
    sink_mem_reset(); /* the random case's models */
    failed += sink_suite_run(&suites[1]);
    sink_mem_reset();
    kit_mysql_end();
    return failed;
}
