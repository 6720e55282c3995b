/* url: every form in pieces, what is refused and how, and that no password comes out again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/url.h"

/* All pieces in one line, so that a case is a pair of texts: scheme|user|host|port|path|name=value;... */
static const char *pieces(const char *text)
{
    static char out[2048];
    struct err err = ERR_INIT;
    struct url url;
    int n;

    if (url_parse(text, &url, &err) != ERR_OK) {
        static const struct url zero;

        assert_memory_equal(&url, &zero, sizeof url);
        assert_true(strlen(err.msg) > 8);
        return err_name_text(err.name);
    }
    n = snprintf(out, sizeof out, "%s|%s|%s|%d|%s|", url.scheme, url.user ? url.user : "-",
                 url.host ? url.host : "-", url.port, url.path);
    for (int i = 0; i < url.nparams; i++)
        n += snprintf(out + n, sizeof out - n, "%s=%s;", url.params[i].name, url.params[i].value);
    url_release(&url);
    return out;
}

static void paths_stand_as_they_are(void **unused)
{
    static const char *const cases[][2] = {
        {"file:lake", "file|-|-|0|lake|"},
        {"fs:/a b/%41?x=1", "fs|-|-|0|/a b/%41?x=1|"},
        {"SQLite:loans.db", "sqlite|-|-|0|loans.db|"},
        {"file:///abs", "file|-|-|0|///abs|"},
        {"mem:", "mem|-|-|0||"},
        {"mem:one", "mem|-|-|0|one|"},
        {"lake/x", "|-|-|0|lake/x|"},
        {"./a:b", "|-|-|0|./a:b|"},
        {"/a:b@c", "|-|-|0|/a:b@c|"},
        {"2022:06", "|-|-|0|2022:06|"},
        {":x", "|-|-|0|:x|"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(pieces(cases[i][0]), cases[i][1]);
}

static void authorities_are_taken_apart(void **unused)
{
    static const char *const cases[][2] = {
        {"s3://bucket", "s3|-|bucket|0||"},
        {"s3://bucket/", "s3|-|bucket|0||"},
        {"S3://my.Bucket_1/a/b%20c/", "s3|-|my.Bucket_1|0|a/b c/|"},
        {"libs3://b//x", "libs3|-|b|0|/x|"},
        {"s3://b?region=eu", "s3|-|b|0||region=eu;"},
        {"s3://b/p@q:r?endpoint=http://127.0.0.1:9000", "s3|-|b|0|p@q:r|endpoint=http://127.0.0.1:9000;"},
        {"s3://b/p?a=%2f%C3%A9&b&c=&&d=x=y?z&", "s3|-|b|0|p|a=/\xc3\xa9;b=;c=;d=x=y?z;"},
        {"mysql://etl@db.example.com:3306/loans?auth=rds-iam&tls-ca=a.pem",
         "mysql|etl|db.example.com|3306|loans|auth=rds-iam;tls-ca=a.pem;"},
        {"mysql://a%40b@h:1/d", "mysql|a@b|h|1|d|"},
        {"mysql://a@b@h:65535/d", "mysql|a@b|h|65535|d|"},
        {"mysql://[::1]:3306/d", "mysql|-|::1|3306|d|"},
        {"mysql://u@[fe80::1%eth0]/d", "mysql|u|fe80::1%eth0|0|d|"},
        {"mysql://h/d?x=[::1]:1@", "mysql|-|h|0|d|x=[::1]:1@;"},
        {"mysql://h:3306/a@b", "mysql|-|h|3306|a@b|"},
        {"http://localhost:80/", "http|-|localhost|80||"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(pieces(cases[i][0]), cases[i][1]);
}

static void mistakes_are_refused(void **unused)
{
    static const char *const bad[] = {
        "",
        "file:",
        "sqlite:",
        "s3:bucket",
        "sqllite:x.db",
        "s3:/b",
        "s3://",
        "s3:///prefix",
        "s3://?a=b",
        "libs3://",
        "mysql://",
        "mysql:///db",
        "mysql://u@/db",
        "mysql://:3306/db",
        "mysql://h:/db",
        "mysql://h:0/db",
        "mysql://h:65536/db",
        "mysql://h:99999999999999999999/db",
        "mysql://h:33o6/db",
        "mysql://h:-1/db",
        "mysql://h: 1/db",
        "mysql://::1/db",
        "mysql://[::1/db",
        "mysql://[]/db",
        "mysql://[::1]3306/db",
        "mysql://[::1]:/db",
        "mysql://h h/db",
        "mysql://h%41/db",
        "s3://u@b/p",
        "s3://b:9000/p",
        "s3://b/p%",
        "s3://b/p%4",
        "s3://b/p%4g",
        "s3://b/p%00",
        "s3://b/p%+1",
        "s3://b/p?a=%zz",
        "s3://b/p?a=%00",
        "s3://b/p?%0=a",
        "s3://b/p?=x",
        "s3://b/p?a=1&a=2",
        "mysql://a%00@h/d",
        "s3://b?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p&q",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *name = pieces(bad[i]);

        if (strcmp(name, "CONFIG") != 0)
            fail_msg("%s: %s", bad[i], name);
    }
    assert_string_equal(pieces("s3://b?a&b&c&d&e&f&g&h&i&j&k&l&m&n&o&p"),
                        "s3|-|b|0||a=;b=;c=;d=;e=;f=;g=;h=;i=;j=;k=;l=;m=;n=;o=;p=;");
}

static void missing_buckets_are_named(void **unused)
{
    struct err err = ERR_INIT;
    struct url url;

    (void)unused;
    assert_int_equal(url_parse("s3://", &url, &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "bucket"));
    err_clear(&err);
    assert_int_equal(url_parse("mysql://", &url, &err), ERR_CONFIG);
    assert_non_null(strstr(err.msg, "host"));
}

/* Each holds the secret hunter2, or a part of it behind a character that ends an authority. */
static const char *const EXPOSED[][2] = {
    {"mysql://u:hunter2@h:3306/d", "mysql://u:***@h:3306/d"},
    {"mysql://:hunter2@h/d", "mysql://:***@h/d"},
    {"mysql://u:x/hunter2@h/d", "mysql://u:***@h/d"},
    {"mysql://u:x?hunter2@h/d?tls-ca=a", "mysql://u:***@h/d?tls-ca=a"},
    {"mysql://u:x@hunter2@h/d", "mysql://u:***@h/d"},
    {"mysql://u:x:hunter2@[::1]:3306/d", "mysql://u:***@[::1]:3306/d"},
    {"mysql://u@x:hunter2@h/d", "mysql://u@x:***@h/d"},
    {"s3://key:hunter2@b/p", "s3://key:***@b/p"},
    {"s3://b/p?secret_access_key=hunter2&region=x", "s3://b/p?secret_access_key=***&region=x"},
    {"s3://b/p?a=1&X-Amz-Security-Token=hunter2", "s3://b/p?a=1&X-Amz-Security-Token=***"},
    {"mysql://h/d?PassWord=hunter2", "mysql://h/d?PassWord=***"},
    {"mysql://h/d?p%61ss-word=hunter2", "mysql://h/d?p%61ss-word=***"},
    {"s3://b/p?endpoint=http://u:hunter2@h:9000&x=1", "s3://b/p?endpoint=***&x=1"},
    {"s3://b/p?endpoint=http%3A%2F%2Fu%3Ahunter2%40h", "s3://b/p?endpoint=***"},
    /* A port that is no number is taken for a password up to the "@", behind which the query goes on. */
    {"mysql://h:33O6/d?user=me@corp&password=hunter2", "mysql://h:***@corp&password=***"},
};

static void passwords_are_refused_unsaid(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof EXPOSED / sizeof EXPOSED[0]; i++) {
        struct err err = ERR_INIT;
        struct url url;

        if (url_parse(EXPOSED[i][0], &url, &err) != ERR_CONFIG || err.name != ERRN_SECRET_EXPOSED)
            fail_msg("%s: %s", EXPOSED[i][0], err_name_text(err.name));
        assert_null(strstr(err.msg, "hunter2"));
    }
}

static void redaction_hides_and_keeps(void **unused)
{
    static const char *const same[] = {
        "",
        "lake/x",
        "file:a:b@c",
        "/a:b@c",
        "s3://bucket/prefix?region=x&flag",
        "s3://b/x@y",
        "mysql://etl@h:3306/d?auth=rds-iam",
        "mysql://[::1]:3306/a@b",
        "mysql://u@[::1]:3306/d",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof EXPOSED / sizeof EXPOSED[0]; i++) {
        char *text = url_redact(EXPOSED[i][0]);

        assert_string_equal(text, EXPOSED[i][1]);
        mem_free(text);
    }
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        char *text = url_redact(same[i]);

        assert_string_equal(text, same[i]);
        mem_free(text);
    }
    /* What lacks its scheme, or is no URL that parses, hides its password too. */
    char *bare = url_redact("u:hunter2@h/d");
    char *many = url_redact("x://h?pwd&pwd=&pwd=a&pwd=&pwd=&pwd=&pwd=");
    assert_string_equal(bare, "u:***@h/d");
    assert_string_equal(many, "x://h?pwd&pwd=***&pwd=***&pwd=***&pwd=***&pwd=***&pwd=***");
    mem_free(bare);
    mem_free(many);
}

static void parameters_are_found(void **unused)
{
    struct err err = ERR_INIT;
    struct url url;

    (void)unused;
    assert_int_equal(url_parse("s3://b/p?region=eu&flag", &url, &err), ERR_OK);
    assert_string_equal(url_param(&url, "region"), "eu");
    assert_string_equal(url_param(&url, "flag"), "");
    assert_null(url_param(&url, "Region"));
    url_release(&url);
    url_release(&url);
    url_release(NULL);
}

static bool countdown(void *ctx)
{
    return (*(int *)ctx)-- == 0;
}

static void every_failed_allocation_is_reported(void **unused)
{
    static const struct url zero;
    enum err_code code = ERR_NOMEM;
    int n;

    (void)unused;
    for (n = 0; code != ERR_OK; n++) {
        struct err err = ERR_INIT;
        struct url url;
        int left = n;

        mem_set_fault(countdown, &left);
        code = url_parse("mysql://u@h:1/d?a=1&b=2", &url, &err);
        mem_set_fault(NULL, NULL);
        if (code == ERR_OK) {
            url_release(&url);
        } else {
            assert_int_equal(code, ERR_NOMEM);
            assert_memory_equal(&url, &zero, sizeof url);
        }
    }
    assert_int_equal(n, 9); /* scheme, user, host, path, two names and values: 8 can fail */
    n = 0;
    mem_set_fault(countdown, &n);
    assert_null(url_redact("mysql://u:p@h"));
    mem_set_fault(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_stand_as_they_are),      cmocka_unit_test(authorities_are_taken_apart),
        cmocka_unit_test(mistakes_are_refused),         cmocka_unit_test(missing_buckets_are_named),
        cmocka_unit_test(passwords_are_refused_unsaid), cmocka_unit_test(redaction_hides_and_keeps),
        cmocka_unit_test(parameters_are_found),         cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
