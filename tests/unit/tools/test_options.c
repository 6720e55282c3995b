/*
 * test_options: the command line as a struct: places of options, forms of values, refusals, hours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tools/help.h"
#include "tools/options.h"

enum { WORDS_MAX = 400 };

static struct options o;
static struct err err;

/* Parses "sluice" and the words up to NULL. */
static enum err_code parse(char *first, ...)
{
    char *argv[WORDS_MAX] = {(char[]){"sluice"}};
    int argc = 1;
    va_list args;

    va_start(args, first);
    for (char *word = first; word; word = va_arg(args, char *))
        argv[argc++] = word;
    va_end(args);
    err_clear(&err);
    return options_parse(argc, argv, &o, &err);
}

#define W(text)            ((char[]){text})
#define assert_parsed(...) assert_int_equal(parse(__VA_ARGS__, NULL), ERR_OK)
#define assert_refused(needle, ...)                                                                          \
    do {                                                                                                     \
        assert_int_equal(parse(__VA_ARGS__, NULL), ERR_USAGE);                                               \
        if (!strstr(err.msg, needle))                                                                        \
            fail_msg("no \"%s\" in: %s", needle, err.msg);                                                   \
    } while (0)

static void options_before_and_behind(void **state)
{
    (void)state;
    assert_parsed(W("-q"), W("-c"), W("a.yaml"), W("run"), W("-eci"), W("--set=a=b=c"), W("--set"), W("d="));
    assert_int_equal(o.command, CMD_RUN);
    assert_true(o.given[OPT_QUIET]);
    assert_string_equal(o.configs[0], "a.yaml");
    assert_string_equal(o.env, "ci");
    assert_int_equal(o.nsets, 2);
    assert_string_equal(o.sets[0], "a=b=c");
    assert_string_equal(o.sets[1], "d=");
    assert_parsed(W("rejects"), W("-v"), W("replay"), W("--error"), W("cast_int"));
    assert_int_equal(o.command, CMD_REJECTS_REPLAY);
    assert_string_equal(o.error_name, "CAST_INT");
}

static void defaults(void **state)
{
    (void)state;
    unsetenv("SLUICE_ENV");
    assert_parsed(W("run"));
    assert_string_equal(o.configs[0], "sluice.yaml");
    assert_null(o.env);
    assert_int_equal(o.output, OUT_TEXT);
    assert_int_equal(o.wait_ms, 0);
    setenv("SLUICE_ENV", "prod", 1);
    assert_parsed(W("run"));
    assert_string_equal(o.env, "prod");
    assert_parsed(W("run"), W("-e"), W("ci"));
    assert_string_equal(o.env, "ci");
    unsetenv("SLUICE_ENV");
}

static void dashes_end_the_options(void **state)
{
    (void)state;
    assert_parsed(W("cat"), W("a"), W("--"), W("--help"), W("-"));
    assert_int_equal(o.nargs, 3);
    assert_string_equal(o.args[1], "--help");
    assert_false(o.given[OPT_HELP]);
    assert_parsed(W("cat"), W("-"));
    assert_string_equal(o.args[0], "-");
    assert_parsed(W("--"), W("run"));
    assert_int_equal(o.command, CMD_RUN);
}

static void values(void **state)
{
    (void)state;
    assert_parsed(W("verify"), W("--show"), W("7"), W("-o"), W("json"), W("--log-format=json"),
                  W("--progress"), W("bar"), W("--color"), W("never"), W("--wait"), W("5m"), W("--now"),
                  W("2022-06-05T12:30:00Z"), W("--summary"), W("s.json"));
    assert_int_equal(o.show, 7);
    assert_int_equal(o.output, OUT_JSON);
    assert_true(o.log_json);
    assert_int_equal(o.progress, PROGRESS_BAR);
    assert_int_equal(o.color, COLOR_NEVER);
    assert_int_equal(o.wait_ms, 300000);
    assert_int_equal(o.now_us, INT64_C(1654432200000000));
    assert_string_equal(o.summary, "s.json");
    assert_refused("--show is a number", W("verify"), W("--show"), W("-1"));
    assert_refused("--show is a number", W("verify"), W("--show"), W("1e3"));
    assert_refused("--show is a number", W("verify"), W("--show"), W("99999999999999999999"));
    assert_refused("auto, bar or none", W("run"), W("--progress"), W("yes"));
}

static void refusals(void **state)
{
    (void)state;
    assert_refused("no command", NULL);
    assert_refused("did you mean `sluice verify`", W("verfiy"));
    assert_refused("did you mean --allow-nonempty", W("run"), W("--allow-noempty"));
    assert_refused("run: unknown option -r", W("run"), W("-r"));
    assert_refused("unknown option --exit-code", W("--exit-code"), W("status"));
    assert_refused("run: -c needs a value: -c FILE", W("run"), W("-qc"));
    assert_refused("--quiet takes no value", W("run"), W("--quiet=1"));
    assert_refused("given twice", W("run"), W("--hour"), W("2022-06-05"), W("--hour"), W("2022-06-06"));
    assert_refused("KEY=VALUE", W("run"), W("--set"), W("=x"));
    assert_refused("either IDs or options", W("rejects"), W("show"), W("1"), W("--run"), W("x"));
    assert_refused("the form is `sluice query SQL`", W("query"));
    assert_refused("the form is `sluice query SQL`", W("query"), W("SELECT 1"), W("SELECT 2"));
    assert_refused("--target asks the target", W("query"), W("--target"), W("--explain"), W("SELECT 1"));
    assert_refused("--target asks the target", W("query"), W("--target"), W("--all"), W("SELECT 1"));
    assert_refused("no meaning", W("run"), W("--dry-run"), W("--allow-nonempty"));
}

static void too_much(void **state)
{
    char *argv[WORDS_MAX + 1] = {0};
    char words[] = "sluice", cat[] = "cat", set[] = "--set=a=b";

    (void)state;
    argv[0] = words;
    argv[1] = cat;
    for (int i = 2; i < 2 + OPTIONS_ARGS_MAX + 1; i++)
        argv[i] = words;
    err_clear(&err);
    assert_int_equal(options_parse(OPTIONS_ARGS_MAX + 3, argv, &o, &err), ERR_USAGE);
    for (int i = 2; i < 2 + OPTIONS_SETS_MAX + 1; i++)
        argv[i] = set;
    err_clear(&err);
    assert_int_equal(options_parse(OPTIONS_SETS_MAX + 3, argv, &o, &err), ERR_USAGE);
    assert_non_null(strstr(err.msg, "more than 256 times"));
}

static void hours(void **state)
{
    const int64_t now = INT64_C(1654432200000000); /* 2022-06-05T12:30 */
    struct hour_range range;
    hour_t twelve = hour_of_us(now);

    (void)state;
    assert_parsed(W("run"));
    assert_int_equal(options_hours(&o, now, &range, &err), ERR_OK);
    assert_false(range.bounded);
    assert_parsed(W("run"), W("--all"));
    assert_int_equal(options_hours(&o, now, &range, &err), ERR_OK);
    assert_false(range.bounded);
    assert_parsed(W("run"), W("--hour"), W("2022060512"));
    assert_int_equal(options_hours(&o, now, &range, &err), ERR_OK);
    assert_true(range.bounded && range.from == twelve && range.to == twelve + 1);
    assert_parsed(W("run"), W("--from"), W("2022-06-05"), W("--to"), W("2022-06-05T03"));
    assert_int_equal(options_hours(&o, now, &range, &err), ERR_OK);
    assert_true(range.bounded && range.from == twelve - 12 && range.to == twelve - 9);
    assert_parsed(W("run"), W("--from"), W("2022-06-05"));
    assert_int_equal(options_hours(&o, now, &range, &err), ERR_OK);
    assert_true(range.to == twelve);
    assert_parsed(W("run"), W("--from"), W("2022-06-05T12"));
    assert_int_equal(options_hours(&o, now, &range, &err), ERR_USAGE);
    assert_refused("exclude each other", W("run"), W("--hour"), W("2022-06-05"), W("--to"), W("2022-06-06"));
    assert_refused("--to needs --from", W("plan"), W("--to"), W("2022-06-05"));
    assert_parsed(W("baseline"), W("--to"), W("2022-06-05"));
}

static void help_wants_nothing_else(void **state)
{
    (void)state;
    assert_parsed(W("baseline"), W("-h"));
    assert_true(o.given[OPT_HELP]);
    assert_parsed(W("-V"));
    assert_true(o.given[OPT_VERSION]);
    assert_parsed(W("rejects"), W("--help"));
    assert_string_equal(o.args[0], "rejects");
}

/* Each command and option can be explained, and found. */
static void tables_are_whole(void **state)
{
    struct buf page;

    (void)state;
    buf_init(&page, HELP_MAX);
    for (int id = OPT_END + 1; id < OPT_COUNT; id++) {
        assert_non_null(option_table[id].name);
        assert_non_null(option_table[id].help);
        for (int other = id + 1; other < OPT_COUNT; other++) {
            assert_string_not_equal(option_table[id].name, option_table[other].name);
            assert_true(!option_table[id].letter || option_table[id].letter != option_table[other].letter);
        }
    }
    for (int id = 0; id < CMD_COUNT; id++) {
        assert_non_null(command_table[id].summary);
        err_clear(&err);
        assert_int_equal(help_command((enum command_id)id, &page, &err), ERR_OK);
        assert_non_null(strstr(buf_str(&page), command_table[id].summary));
    }
    buf_clear(&page);
    assert_int_equal(help_man(&page, &err), ERR_OK);
    for (int name = ERRN_NONE + 1; name < ERRN_COUNT; name++)
        assert_non_null(strstr(buf_str(&page), err_name_text((enum err_name)name)));
    for (const char *line = buf_str(&page); *line; line = strchr(line, '\n') + 1)
        assert_true(*line != '\'' && *line != '\n');
    buf_release(&page);
}

static void nearest_commands(void **state)
{
    (void)state;
    assert_string_equal(command_nearest("rejects lss"), "rejects ls");
    assert_null(command_nearest("qwertz"));
}

static void a_profile_has_one_stdout(void **state)
{
    (void)state;
    assert_parsed(W("profile"), W("--target"), W("--by"), W("age"), W("--threads"), W("16"),
                  W("--html=p.html"));
    assert_int_equal(o.command, CMD_PROFILE);
    assert_true(o.given[OPT_TARGET]);
    assert_string_equal(o.by, "age");
    assert_int_equal(o.threads, 16);
    assert_string_equal(o.html, "p.html");
    assert_int_equal(o.output, OUT_TEXT);
    assert_parsed(W("profile"), W("--json"), W("-"));
    assert_int_equal(o.output, OUT_JSON);
    assert_parsed(W("profile"), W("--json"), W("-"), W("--html"), W("p.html"));
    assert_parsed(W("run"), W("--profile"), W("--json"), W("p.json"), W("--by=age"));
    assert_refused("room for one", W("profile"), W("--json"), W("-"), W("--html"), W("-"));
    assert_refused("room for one", W("profile"), W("--json"), W("-"), W("-o"), W("csv"));
    assert_refused("room for one", W("profile"), W("--html"), W("-"), W("-o"), W("csv"));
    assert_refused("same file", W("profile"), W("--json"), W("x"), W("--html"), W("x"));
    assert_refused("--threads is a number from 1 to 16", W("profile"), W("--threads"), W("0"));
    assert_refused("--threads is a number from 1 to 16", W("profile"), W("--threads"), W("17"));
    assert_refused("it needs --profile", W("run"), W("--html"), W("x"));
    assert_refused("name a file", W("run"), W("--profile"), W("--html"), W("-"));
    assert_refused("has no meaning", W("run"), W("--profile"), W("--dry-run"));
    assert_refused("unknown option --profile", W("profile"), W("--profile"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_before_and_behind),
        cmocka_unit_test(a_profile_has_one_stdout),
        cmocka_unit_test(defaults),
        cmocka_unit_test(dashes_end_the_options),
        cmocka_unit_test(values),
        cmocka_unit_test(refusals),
        cmocka_unit_test(too_much),
        cmocka_unit_test(hours),
        cmocka_unit_test(help_wants_nothing_else),
        cmocka_unit_test(tables_are_whole),
        cmocka_unit_test(nearest_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
