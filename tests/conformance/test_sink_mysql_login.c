/*
 * test_sink_mysql_login: who gets a password in clear: a server that proves by TLS who it is gets the token
 * of auth=rds-iam, and no other server gets anything.
 *
 * Over a scripted server that asks for the password in clear, as RDS does for IAM users, so it runs
 * everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/registry.h"
#include "core/base/log.h"
#include "tests/support/scripted_mysql.h"
#include "tests/support/sink_kit.h"
#include "tests/support/tempdir.h"
#include "tests/support/tls_cert.h"

#define PASSWORD "correct horse battery"
#define IAM      "auth=rds-iam&region=eu-west-1"

static struct schema schema;
static char *ours, *others; /* folders with a certificate for 127.0.0.1 each */

static int setup(void **state)
{
    *state = NULL;
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 1);
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("AWS_REGION");
    unsetenv("AWS_DEFAULT_REGION");
    return 0;
}

/* Opens a sink on the server of this plan with these parameters; `sent` is what it got from the login on. */
static size_t log_in(const struct scripted_plan *plan, const char *params, const char *password,
                     char sent[SCRIPTED_SENT_MAX], int *port, struct err *err)
{
    char url[1024];
    struct sink *sink = NULL;
    struct sink_open args = {
        .url = url,
        .clock = clock_real(),
        .user = "etl",
        .password = password,
        .target = {.pipeline = "p", .table = "t", .schema = &schema, .lease_ms = KIT_LEASE_MS}};
    struct scripted_mysql *server = scripted_mysql_start(plan, port);

    (void)!snprintf(url, sizeof url, "mysql://127.0.0.1:%d/db?%s%s%s%s", *port, params,
                    plan->tls ? "&tls-ca=" : "", plan->tls ? ours : "", plan->tls ? "/cert.pem" : "");
    (void)!registry_open_sink(&args, &sink, err);
    sink_close(sink);
    return scripted_mysql_stop(server, sent);
}

static bool holds(const char *sent, size_t len, const char *text)
{
    return memmem(sent, len, text, strlen(text)) != NULL;
}

static void a_verified_server_gets_the_token(void **state)
{
    char sent[SCRIPTED_SENT_MAX], begins[128];
    struct scripted_plan plan = {.tls = ours, .ask_clear = true};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    setenv("AWS_SESSION_TOKEN", "a session/of=mine", 1);
    size_t n = log_in(&plan, IAM, NULL, sent, &port, &err);
    assert_string_equal(err.msg, "");
    (void)!snprintf(begins, sizeof begins, "127.0.0.1:%d/?Action=connect&DBUser=etl&X-Amz-Algorithm=", port);
    char *token = memmem(sent, n, begins, strlen(begins));
    assert_non_null(token);
    assert_int_equal(strlen(token), (size_t)(sent + n - token) - 1); /* whole, with its NUL */
    assert_non_null(strstr(token, "&X-Amz-Expires=900&"));
    assert_non_null(strstr(token, "%2Feu-west-1%2Frds-db%2Faws4_request&"));
    assert_non_null(strstr(token, "&X-Amz-Security-Token=a%20session%2Fof%3Dmine&"));
    assert_int_equal(strlen(strstr(token, "&X-Amz-Signature=")), strlen("&X-Amz-Signature=") + 64);
}

/* No token is kept: the next connection asks for the key again. */
static void each_connection_has_its_own(void **state)
{
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plan = {.tls = ours, .ask_clear = true};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    size_t n = log_in(&plan, IAM, NULL, sent, &port, &err);
    assert_true(holds(sent, n, "X-Amz-Credential=AKIDEXAMPLE%2F"));
    setenv("AWS_ACCESS_KEY_ID", "AKIDANOTHER", 1);
    n = log_in(&plan, IAM, "", sent, &port, &err);
    assert_true(holds(sent, n, "X-Amz-Credential=AKIDANOTHER%2F"));
    assert_string_equal(err.msg, "");
}

static void the_region_is_found_as_for_s3(void **state)
{
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plan = {.tls = ours, .ask_clear = true};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    setenv("AWS_REGION", "ap-northeast-1", 1);
    size_t n = log_in(&plan, "auth=rds-iam", NULL, sent, &port, &err);
    assert_true(holds(sent, n, "%2Fap-northeast-1%2Frds-db%2F"));
    n = log_in(&plan, IAM, NULL, sent, &port, &err);
    assert_true(holds(sent, n, "%2Feu-west-1%2Frds-db%2F"));
}

/* Not even the user's name leaves. */
static void an_unverified_server_gets_nothing(void **state)
{
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plain = {.ask_clear = true}, another = {.tls = others, .ask_clear = true};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    assert_int_equal(log_in(&plain, IAM, NULL, sent, &port, &err), 0);
    assert_string_equal(err_name_text(err.name), "DENIED");
    err_clear(&err);
    assert_int_equal(log_in(&another, IAM, NULL, sent, &port, &err), 0);
    assert_string_equal(err_name_text(err.name), "DENIED");
    assert_non_null(strstr(err.msg, "tls-ca"));
}

/* That is no bad certificate: a server that goes down, or a proxy whose server did, is tried again. */
static void a_handshake_that_breaks_off_may_be_tried_again(void **state)
{
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plan = {.tls = ours, .cut_tls = true};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    assert_int_equal(log_in(&plan, "auth=password", PASSWORD, sent, &port, &err), 0);
    if (err.name != ERRN_DB_LOST || strstr(err.msg, "certificate"))
        fail_msg("%s: %s", err_name_text(err.name), err.msg);
}

/* 127.anything is a name like others, and whoever answers to it is not this machine. */
static void a_name_that_looks_like_loopback_is_none(void **state)
{
    struct err err = ERR_INIT;
    struct sink *sink = NULL;
    struct sink_open args = {
        .url = "mysql://127.0.0.1.example.invalid:1/db?tls=off",
        .clock = clock_real(),
        .user = "etl",
        .password = PASSWORD,
        .target = {.pipeline = "p", .table = "t", .schema = &schema, .lease_ms = KIT_LEASE_MS}};

    (void)state;
    (void)!registry_open_sink(&args, &sink, &err);
    assert_null(sink);
    if (err.name != ERRN_CONFIG || !strstr(err.msg, "is not this machine"))
        fail_msg("%s: %s", err_name_text(err.name), err.msg);
}

/* As many secrets as the log keeps come by in a long life; the password in use is not forgotten for them. */
static void a_password_in_use_stays_a_secret(void **state)
{
    enum { MANY = 1024 };
    char sent[SCRIPTED_SENT_MAX], text[64];
    struct scripted_plan plan = {.tls = ours};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    log_add_secret(PASSWORD);
    for (int i = 0; i < MANY - 1; i++) {
        (void)!snprintf(text, sizeof text, "token-%d-of-many", i);
        log_add_secret(text);
    }
    (void)!log_in(&plan, "auth=password", PASSWORD, sent, &port, &err);
    assert_string_equal(err.msg, "");
    log_add_secret("token-of-the-next-connection");
    (void)!snprintf(text, sizeof text, "it is %s", PASSWORD);
    log_redact(text);
    assert_string_equal(text, "it is ***");
}

/* A password of the usual kind stays here, whoever asks and whatever the environment allows. */
static void no_password_goes_in_clear(void **state)
{
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plans[] = {{.ask_clear = true}, {.tls = ours, .ask_clear = true}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct err err = ERR_INIT;
        int port;
        size_t n = log_in(&plans[i], "auth=password", PASSWORD, sent, &port, &err);
        assert_true(n > 0);
        assert_false(holds(sent, n, PASSWORD));
        assert_string_equal(err_name_text(err.name), "DENIED");
        assert_non_null(strstr(err.msg, "auth=rds-iam"));
    }
}

static void a_refused_token_says_what_is_missing(void **state)
{
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plan = {.tls = ours, .ask_clear = true, .refuse_login = true, .error_code = 1045};
    struct err err = ERR_INIT;
    int port;

    (void)state;
    assert_true(log_in(&plan, IAM, NULL, sent, &port, &err) > 0);
    assert_string_equal(err_name_text(err.name), "DENIED");
    assert_non_null(strstr(err.msg, "rds-db:connect"));
    assert_null(strstr(err.msg, "X-Amz"));
}

static void what_cannot_be_meant_is_refused(void **state)
{
    static const struct {
        const char *params, *password, *word;
    } CASES[] = {
        {IAM, PASSWORD, "target.password"},
        {IAM "&tls=off", NULL, "tls=off"},
        {IAM "&socket=/tmp/s", NULL, "socket"},
        {"auth=iam", NULL, "password or rds-iam"},
        {"region=eu-west-1", PASSWORD, "auth=rds-iam"},
        {"auth=rds-iam&region=Europe", NULL, "Europe"},
        {"auth=rds-iam", NULL, "region=NAME"},
        {IAM "&profile=nobody-of-that-name", NULL, "nobody-of-that-name"},
    };
    char sent[SCRIPTED_SENT_MAX];
    struct scripted_plan plan = {.tls = ours, .ask_clear = true};

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct err err = ERR_INIT;
        int port;
        assert_int_equal(log_in(&plan, CASES[i].params, CASES[i].password, sent, &port, &err), 0);
        if (err.name != ERRN_CONFIG || !strstr(err.msg, CASES[i].word))
            fail_msg("%s: %s: %s", CASES[i].params, err_name_text(err.name), err.msg);
    }
    unsetenv("AWS_ACCESS_KEY_ID");
    struct err err = ERR_INIT;
    int port;
    assert_int_equal(log_in(&plan, IAM, NULL, sent, &port, &err), 0);
    assert_string_equal(err_name_text(err.name), "DENIED");
    assert_non_null(strstr(err.msg, "no credentials"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_verified_server_gets_the_token, setup),
        cmocka_unit_test_setup(each_connection_has_its_own, setup),
        cmocka_unit_test_setup(the_region_is_found_as_for_s3, setup),
        cmocka_unit_test_setup(an_unverified_server_gets_nothing, setup),
        cmocka_unit_test_setup(a_handshake_that_breaks_off_may_be_tried_again, setup),
        cmocka_unit_test_setup(a_name_that_looks_like_loopback_is_none, setup),
        cmocka_unit_test_setup(a_password_in_use_stays_a_secret, setup),
        cmocka_unit_test_setup(no_password_goes_in_clear, setup),
        cmocka_unit_test_setup(a_refused_token_says_what_is_missing, setup),
        cmocka_unit_test_setup(what_cannot_be_meant_is_refused, setup),
    };

    /* Oracle's library would take leave from here. */
    setenv("LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN", "1", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    ours = tempdir_make();
    others = tempdir_make();
    tls_cert_make(ours, "IP:127.0.0.1,DNS:127.0.0.1");
    tls_cert_make(others, "IP:127.0.0.1,DNS:127.0.0.1");
    kit_schema(&schema, "id:int,name:text");
    int failed = cmocka_run_group_tests_name("sink mysql: logging in", tests, NULL, NULL);
    schema_release(&schema);
    tempdir_remove(ours);
    tempdir_remove(others);
    return failed;
}
