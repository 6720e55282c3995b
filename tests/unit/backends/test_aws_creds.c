/*
 * aws_creds: the chain, link by link: environment, files and profiles, web identity, container, instance;
 * renewal; what must not be sent anywhere; and that no secret is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/aws_creds.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "tests/support/scripted_http.h"
#include "tests/support/tempdir.h"

#define NOON INT64_C(1654430400000000) /* 2022-06-05T12:00:00Z */

enum { URL_TEXT = 256, PATH_TEXT = 512 };

static const char *const variables[] = {"AWS_ACCESS_KEY_ID",
                                        "AWS_SECRET_ACCESS_KEY",
                                        "AWS_SESSION_TOKEN",
                                        "AWS_PROFILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "AWS_CONFIG_FILE",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_ROLE_SESSION_NAME",
                                        "AWS_ENDPOINT_URL_STS",
                                        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                                        "AWS_EC2_METADATA_SERVICE_ENDPOINT"};

static struct {
    char *dir;
    struct scripted_http *http;
    struct clock_virtual clock;
    int requests, status;
    const char *expires;
    char body[1024], authorization[128];
} s;

static const char *path_in(const char *name)
{
    static char path[PATH_TEXT];

    snprintf(path, sizeof path, "%s/%s", s.dir, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    tempdir_write(s.dir, name, text, strlen(text));
}

/* The token service, the container's endpoint and the instance's metadata in one. */
static void answer(void *ctx, struct scripted_request *r, FILE *out)
{
    char text[512], token[64];

    (void)ctx;
    s.requests++;
    snprintf(s.body, sizeof s.body, "%s", r->body);
    scripted_header(r, "authorization", s.authorization, sizeof s.authorization);
    scripted_header(r, "x-aws-ec2-metadata-token", token, sizeof token);
    if (s.status != 200) {
        scripted_say(out, s.status, "", "", 0);
    } else if (strcmp(r->method, "POST") == 0) {
        snprintf(text, sizeof text,
                 "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                 "<AssumeRoleWithWebIdentityResult><Credentials><SessionToken>web-token</SessionToken>"
                 "<SecretAccessKey>web-secret</SecretAccessKey><Expiration>%s</Expiration>"
                 "<AccessKeyId>WEB%d</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult>"
                 "</AssumeRoleWithWebIdentityResponse>",
                 s.expires, s.requests);
        scripted_say(out, 200, "", text, strlen(text));
    } else if (strcmp(r->target, "/latest/api/token") == 0 && strcmp(r->method, "PUT") == 0) {
        scripted_header(r, "x-aws-ec2-metadata-token-ttl-seconds", text, sizeof text);
        assert_string_equal(text, "21600");
        scripted_say(out, 200, "", "imds-session", 12);
    } else if (strcmp(r->target, "/latest/meta-data/iam/security-credentials/") == 0) {
        scripted_say(out, strcmp(token, "imds-session") == 0 ? 200 : 401, "", "my-role\n", 8);
    } else {
        bool instance = strcmp(r->target, "/latest/meta-data/iam/security-credentials/my-role") == 0;

        snprintf(text, sizeof text,
                 "{\"Code\":\"Success\",\"AccessKeyId\":\"%s%d\",\"SecretAccessKey\":\"json-secret\","
                 "\"Token\":\"json-token\",\"Expiration\":\"%s\"}",
                 instance ? "IMDS" : "BOX", s.requests, s.expires);
        scripted_say(out, instance && strcmp(token, "imds-session") != 0 ? 401 : 200, "", text, strlen(text));
    }
}

static int begin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        unsetenv(variables[i]);
    }
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    s.dir = tempdir_make();
    setenv("HOME", s.dir, 1);
    clock_virtual_init(&s.clock, NOON, 1);
    s.requests = 0;
    s.status = 200;
    s.expires = "2022-06-05T13:00:00Z";
    return 0;
}

static int end(void **state)
{
    (void)state;
    tempdir_remove(s.dir);
    return 0;
}

static struct aws_creds *opened(const char *profile)
{
    struct err err = ERR_INIT;
    struct aws_creds *creds;

    if (aws_creds_open(&(struct aws_creds_options){.profile = profile, .clock = &s.clock.base}, &creds,
                       &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    return creds;
}

/* The key that is found is `id`, from `source`. */
static void found(struct aws_creds *creds, int64_t now, const char *id, const char *source)
{
    struct err err = ERR_INIT;
    struct sign_key key;

    if (aws_creds_get(creds, now, "eu-west-1", &key, &err) != ERR_OK) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(key.id, id);
    assert_non_null(strstr(aws_creds_source(creds), source));
}

static void not_found(enum err_name name, const char *word)
{
    struct aws_creds *creds = opened(NULL);
    struct err err = ERR_INIT;
    struct sign_key key;

    (void)!aws_creds_get(creds, NOON, "eu-west-1", &key, &err);
    if (err.name != name || !strstr(err.msg, word) || strstr(err.msg, "canary")) {
        fail_msg("%s: %s", err_name_text(err.name), err.msg);
    }
    aws_creds_close(creds);
}

static const char *url_of(const char *path)
{
    static char url[URL_TEXT];

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", scripted_http_port(s.http), path);
    return url;
}

static const char CREDENTIALS[] = "# comment\n"
                                  "[default]\n"
                                  "aws_access_key_id = DEFAULT\n"
                                  "  aws_access_key_id = NESTED\n"
                                  "aws_secret_access_key=default/secret+=\r\n"
                                  "\n"
                                  "[ work ]\n"
                                  "aws_access_key_id=WORK\n"
                                  "aws_secret_access_key = work-secret\n"
                                  "aws_session_token = work-token\n";
static const char CONFIG[] = "[default]\n"
                             "region = eu-central-1\n"
                             "aws_access_key_id = LOSES\n"
                             "[profile work]\n"
                             "region = ap-south-1\n"
                             "endpoint_url = http://127.0.0.1:9000\n"
                             "s3 =\n"
                             "  addressing_style = path\n"
                             "[work]\n"
                             "region = not-this\n"
                             "[profile sso]\n"
                             "sso_session = me\n";

static void the_environment_comes_first(void **state)
{
    struct aws_creds *creds;
    struct sign_key key;
    struct err err = ERR_INIT;

    (void)state;
    write_file(".aws/credentials", CREDENTIALS);
    setenv("AWS_PROFILE", "work", 1);
    setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "env-secret", 1);
    creds = opened(NULL);
    found(creds, NOON, "ENV", "the environment");
    assert_int_equal(aws_creds_get(creds, NOON, "r", &key, &err), ERR_OK);
    assert_null(key.token);
    assert_false(aws_creds_expired(creds)); /* there is no other */
    aws_creds_close(creds);
    creds = opened("work"); /* but one that was named on purpose wins */
    found(creds, NOON, "WORK", "profile work");
    aws_creds_close(creds);
    unsetenv("AWS_SECRET_ACCESS_KEY");
    not_found(ERRN_CONFIG, "without its secret");
}

static void profiles_come_from_both_files(void **state)
{
    struct aws_creds *creds;
    struct sign_key key;
    struct err err = ERR_INIT;

    (void)state;
    write_file(".aws/credentials", CREDENTIALS);
    write_file(".aws/config", CONFIG);
    creds = opened(NULL);
    found(creds, NOON, "DEFAULT", "profile default");
    assert_int_equal(aws_creds_get(creds, NOON, "r", &key, &err), ERR_OK);
    assert_string_equal(key.secret, "default/secret+=");
    assert_string_equal(aws_creds_setting(creds, "region"), "eu-central-1");
    aws_creds_close(creds);
    setenv("AWS_PROFILE", "work", 1);
    creds = opened(NULL);
    found(creds, NOON, "WORK", "profile work");
    assert_int_equal(aws_creds_get(creds, NOON, "r", &key, &err), ERR_OK);
    assert_string_equal(key.token, "work-token");
    assert_string_equal(aws_creds_setting(creds, "region"), "ap-south-1");
    assert_string_equal(aws_creds_setting(creds, "endpoint_url"), "http://127.0.0.1:9000");
    assert_null(aws_creds_setting(creds, "addressing_style"));
    aws_creds_close(creds);
    setenv("AWS_PROFILE", "sso", 1);
    not_found(ERRN_UNSUPPORTED, "sso_session");
    setenv("AWS_PROFILE", "none", 1);
    assert_int_equal(aws_creds_open(&(struct aws_creds_options){.clock = &s.clock.base}, &creds, &err),
                     ERR_CONFIG);
    assert_non_null(strstr(err.msg, "no profile \"none\""));
    unsetenv("AWS_PROFILE");
    write_file("other", "[default]\naws_access_key_id=OTHER\naws_secret_access_key=other-secret\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path_in("other"), 1);
    creds = opened(NULL);
    found(creds, NOON, "OTHER", "profile default");
    aws_creds_close(creds);
}

static void nothing_anywhere_says_what_to_do(void **state)
{
    (void)state;
    not_found(ERRN_DENIED, "set AWS_ACCESS_KEY_ID");
}

static void a_web_identity_is_changed_into_a_key(void **state)
{
    struct aws_creds *creds;

    (void)state;
    write_file("token", "jwt.canary+token\n");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path_in("token"), 1);
    not_found(ERRN_CONFIG, "AWS_ROLE_ARN");
    setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/x", 1);
    setenv("AWS_ENDPOINT_URL_STS", url_of(""), 1);
    creds = opened(NULL);
    found(creds, NOON, "WEB1", "web identity");
    assert_string_equal(
        s.body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3A"
                "role%2Fx&RoleSessionName=sluice&WebIdentityToken=jwt.canary%2Btoken");
    found(creds, NOON + INT64_C(3000000000), "WEB1", "web identity"); /* 50 minutes later: still good */
    found(creds, NOON + INT64_C(3310000000), "WEB2", "web identity"); /* less than 5 minutes are left */
    s.status = 500;
    found(creds, NOON + INT64_C(3400000000), "WEB2", "web identity"); /* none to be had: the old one */
    assert_true(aws_creds_expired(creds));
    aws_creds_close(creds);
    not_found(ERRN_STORE_UNREACHABLE, "answered 500");
    s.status = 403;
    not_found(ERRN_DENIED, "answered 403");
}

static void a_container_is_asked_with_its_token(void **state)
{
    static const char *const strangers[] = {"http://example.com/x", "http://169.254.169.254/x",
                                            "http://10.0.0.1/x", "http://127.0.0.1.evil.example/x",
                                            "file:///etc/passwd"};
    struct aws_creds *creds;

    (void)state;
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url_of("/v1/creds"), 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-one", 1);
    creds = opened(NULL);
    found(creds, NOON, "BOX1", "container");
    assert_string_equal(s.authorization, "canary-one");
    write_file("authorization", "canary-two\n");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path_in("authorization"), 1);
    assert_true(aws_creds_expired(creds));
    found(creds, NOON, "BOX2", "container");
    assert_string_equal(s.authorization, "canary-two");
    aws_creds_close(creds);
    write_file("authorization", "canary\nx-other: header");
    not_found(ERRN_CONFIG, "no single line");
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", strangers[i], 1);
        not_found(ERRN_CONFIG, "AWS's own address");
    }
}

static void an_instance_is_asked_by_version_2(void **state)
{
    struct aws_creds *creds;

    (void)state;
    setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url_of("/"), 1);
    creds = opened(NULL);
    found(creds, NOON, "IMDS3", "instance");
    aws_creds_close(creds);
    s.status = 404; /* an instance without a role */
    not_found(ERRN_DENIED, "set AWS_ACCESS_KEY_ID");
    s.status = 503;
    not_found(ERRN_STORE_UNREACHABLE, "metadata: it answered 503");
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9", 1);
    not_found(ERRN_DENIED, "set AWS_ACCESS_KEY_ID");
}

static void secrets_are_known_to_the_log(void **state)
{
    char text[128] = "work-secret work-token default";
    struct aws_creds *creds;

    (void)state;
    write_file(".aws/credentials", CREDENTIALS);
    creds = opened("work");
    found(creds, NOON, "WORK", "work");
    log_redact(text);
    assert_string_equal(text, "*** *** default");
    aws_creds_close(creds);
}

static int countdown;

static bool fail_nth(void *ctx)
{
    (void)ctx;
    return --countdown == 0;
}

static void survives_each_failed_allocation(void **state)
{
    bool done = false;

    (void)state;
    write_file(".aws/config", CONFIG);
    write_file("token", "jwt");
    setenv("AWS_PROFILE", "work", 1);
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path_in("token"), 1);
    setenv("AWS_ROLE_ARN", "role", 1);
    setenv("AWS_ENDPOINT_URL_STS", url_of(""), 1);
    for (int n = 1; !done; n++) {
        struct aws_creds *creds = NULL;
        struct err err = ERR_INIT;
        struct sign_key key;

        assert_true(n < 500);
        countdown = n;
        mem_set_fault(fail_nth, NULL);
        done = aws_creds_open(&(struct aws_creds_options){.clock = &s.clock.base}, &creds, &err) == ERR_OK &&
               aws_creds_get(creds, NOON, "r", &key, &err) == ERR_OK;
        mem_set_fault(NULL, NULL);
        aws_creds_close(creds);
        assert_true(done || err.code == ERR_NOMEM);
        done = done && countdown > 0;
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_environment_comes_first),         TEST(profiles_come_from_both_files),
        TEST(nothing_anywhere_says_what_to_do),    TEST(a_web_identity_is_changed_into_a_key),
        TEST(a_container_is_asked_with_its_token), TEST(an_instance_is_asked_by_version_2),
        TEST(secrets_are_known_to_the_log),        TEST(survives_each_failed_allocation),
    };
    int failed;

    s.http = scripted_http_start(answer, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    scripted_http_stop(s.http);
    log_release();
    return failed;
}
