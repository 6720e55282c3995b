/* interp: the grammar of ${...}, files, providers, what counts as literal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/config/interp.h"

static char dir[] = "/tmp/sluice-interp-XXXXXX";

static enum err_code look_up(void *ctx, const char *arg, char **out, struct err *err)
{
    if (strcmp(arg, "gone") == 0)
        return err_set(err, ERRN_NOT_FOUND, "no parameter gone");
    char text[64];
    snprintf(text, sizeof text, "%s<%s>", (const char *)ctx, arg);
    *out = mem_strdup(text);
    return *out ? ERR_OK : err_nomem(err);
}

static char provider_mark[] = "S";
static const struct interp_provider providers[] = {{"ssm", look_up, provider_mark}};

static enum err_code run(const char *text, char **out, struct err *err)
{
    struct interp interp = {.base_dir = dir, .providers = providers, .nproviders = 1};

    return interp_text(&interp, text, out, err);
}

static void gives(const char *text, const char *expected)
{
    struct err err = ERR_INIT;
    char *out = NULL;

    if (run(text, &out, &err) != ERR_OK)
        fail_msg("%s: %s", text, err.msg);
    assert_string_equal(out, expected);
    mem_free(out);
}

static void refused(const char *text, enum err_name name, const char *message)
{
    struct err err = ERR_INIT;
    char *out = dir;

    assert_int_not_equal(run(text, &out, &err), ERR_OK);
    assert_null(out);
    if (err.name != name || !strstr(err.msg, message))
        fail_msg("%s: %s: %s", text, err_name_text(err.name), err.msg);
}

static void write_file(const char *name, const void *data, size_t len)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    fclose(f);
}

static int set_up(void **state)
{
    (void)state;
    setenv("SLUICE_T_A", "alpha", 1);
    setenv("SLUICE_T_EMPTY", "", 1);
    setenv("SLUICE_T_REF", "${SLUICE_T_A}", 1);
    unsetenv("SLUICE_T_NONE");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", dir);
    return system(command);
}

static void test_variables(void **state)
{
    (void)state;
    gives("", "");
    gives("plain", "plain");
    gives("${SLUICE_T_A}", "alpha");
    gives("x${SLUICE_T_A}y${SLUICE_T_A}", "xalphayalpha");
    gives("${SLUICE_T_EMPTY}", "");
    gives("${SLUICE_T_EMPTY:-d}", "d");
    gives("${SLUICE_T_NONE:-d e/f:g}", "d e/f:g");
    gives("${SLUICE_T_NONE:-}", "");
    gives("${SLUICE_T_A:-d}", "alpha");
    gives("${SLUICE_T_REF}", "${SLUICE_T_A}"); /* not looked at again */
    gives("$${SLUICE_T_A}", "${SLUICE_T_A}");
    gives("a$${b", "a${b");
    gives("$$${SLUICE_T_A}", "$${SLUICE_T_A}");
    gives("$", "$");
    gives("a$b $$ }{", "a$b $$ }{");
    refused("${SLUICE_T_NONE}", ERRN_CONFIG_UNSET, "${SLUICE_T_NONE} is not set");
}

static void test_malformed(void **state)
{
    static const char *const cases[] = {
        "${",    "${}",        "${A",   "${A-b}", "${A:",      "${1A}",    "${A B}",
        "${ A}", "${A:-${B}}", "${:x}", "${A?}",  "${A:=b}${", "x${A.B}y", "${SLUICE_T_A}${"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = ERR_INIT;
        char *out = NULL;

        assert_int_equal(run(cases[i], &out, &err), ERR_CONFIG);
        assert_null(out);
    }
    refused("${A", ERRN_CONFIG, "no reference");
    refused("${vault:x}", ERRN_CONFIG, "${vault:...} is not known");
    refused("${file:}", ERRN_CONFIG, "names nothing");
}

static void test_files(void **state)
{
    static char big[INTERP_FILE_MAX + 1];

    (void)state;
    write_file("secret", "hunter22\n", 9);
    write_file("crlf", "one\r\n\r\n", 7);
    write_file("none", "", 0);
    write_file("nul", "a\0b", 3);
    memset(big, 'x', sizeof big);
    write_file("big", big, sizeof big);
    write_file("most", big, sizeof big - 1);
    gives("${file:secret}", "hunter22");
    gives("<${file:./secret}>", "<hunter22>");
    gives("${file:crlf}", "one\r\n");
    gives("${file:none}", "");
    refused("${file:gone}", ERRN_NOT_FOUND, "/gone}");
    refused("${file:nul}", ERRN_CONFIG, "NUL");
    refused("${file:big}", ERRN_LIMIT, "larger than 65536 bytes");
    refused("${file:.}", ERRN_IO, "${file:");

    char text[128];
    snprintf(text, sizeof text, "${file:%s/secret}", dir);
    gives(text, "hunter22");

    struct err err = ERR_INIT;
    char *out = NULL;
    struct interp here = {0}; /* relative to the current folder */
    assert_int_equal(interp_text(&here, "${file:fixtures/pipelines/good/secret.txt}", &out, &err), ERR_OK);
    assert_string_equal(out, "from-a-file");
    mem_free(out);
    assert_int_equal(run("${file:most}", &out, &err), ERR_OK);
    assert_int_equal(strlen(out), INTERP_FILE_MAX);
    mem_free(out);
}

static void test_providers(void **state)
{
    (void)state;
    gives("${ssm:/a/b}", "S</a/b>");
    gives("${ssm:a:b}", "S<a:b>");
    refused("${ssm:gone}", ERRN_NOT_FOUND, "no parameter gone");
    refused("${ss:x}", ERRN_CONFIG, "not known");
    refused("${ssmx:x}", ERRN_CONFIG, "not known");
}

static void test_judging(void **state)
{
    (void)state;
    assert_false(interp_has_literal(""));
    assert_false(interp_has_literal("${A}${file:b}${ssm:c}${D:-}"));
    assert_true(interp_has_literal("${A:-b}"));
    assert_true(interp_has_literal("a${B}"));
    assert_true(interp_has_literal("${B}$"));
    assert_true(interp_has_literal("$${"));
    assert_true(interp_has_literal("${"));
}

static bool fail_countdown(void *ctx)
{
    return --*(long *)ctx == 0;
}

static void test_memory(void **state)
{
    bool done = false;

    (void)state;
    write_file("secret", "hunter22\n", 9);
    for (long n = 1; !done; n++) {
        struct err err = ERR_INIT;
        char *out = NULL;
        long left = n;

        mem_set_fault(fail_countdown, &left);
        enum err_code code = run("a${SLUICE_T_A}${file:secret}${ssm:x}", &out, &err);
        mem_set_fault(NULL, NULL);
        done = left > 0;
        assert_int_equal(code, done ? ERR_OK : ERR_NOMEM);
        assert_true(done == (out != NULL));
        mem_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables), cmocka_unit_test(test_malformed), cmocka_unit_test(test_files),
        cmocka_unit_test(test_providers), cmocka_unit_test(test_judging),   cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
