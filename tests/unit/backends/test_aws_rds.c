/* aws_rds: tokens as AWS's own tools make them, and the regions that names of hosts tell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "backends/aws_rds.h"
#include "core/base/hour.h"
#include "core/base/mem.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

/* What botocore 1.44.8 gives as generate_db_auth_token for these arguments at 2022-06-05T12:00:00Z (it signs
 * a host's name in small letters too, but leaves it as it was in the text, and sends parameters unsorted). */
static const struct vector {
    struct rds_login login;
    struct sign_key key;
    const char *token;
} VECTORS[] = {
    {{.host = "db.c1abc.eu-west-1.rds.amazonaws.com", .port = 3306, .user = "etl", .region = "eu-west-1"},
     {"AKIDEXAMPLE", SECRET, NULL},
     "db.c1abc.eu-west-1.rds.amazonaws.com:3306/?Action=connect&DBUser=etl&X-Amz-Algorithm=AWS4-HMAC-SHA256"
     "&X-Amz-Credential=AKIDEXAMPLE%2F20220605%2Feu-west-1%2Frds-db%2Faws4_request&X-Amz-Date="
     "20220605T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature="
     "96bdc1feefca00282756884381a1d13387be041acdcad48f049d60add148064d"},
    {{.host = "Mine.Cluster-c1abc.us-east-1.RDS.amazonaws.com",
      .port = 13306,
      .user = "a user+%",
      .region = "us-east-1"},
     {"AKIDEXAMPLE", SECRET, "IQoJb3/+=token=="},
     "mine.cluster-c1abc.us-east-1.rds.amazonaws.com:13306/?Action=connect&DBUser=a%20user%2B%25"
     "&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20220605%2Fus-east-1%2Frds-db%2F"
     "aws4_request&X-Amz-Date=20220605T120000Z&X-Amz-Expires=900"
     "&X-Amz-Security-Token=IQoJb3%2F%2B%3Dtoken%3D%3D&X-Amz-SignedHeaders=host&X-Amz-Signature="
     "f796a42f96441d640d8f56d7ca1df49ac1a4ce276761d6f73f10e6ce9a508e88"},
};

static void signs_as_the_tools_of_aws_do(void **state)
{
    struct buf token;
    struct err err = ERR_INIT;
    int64_t at;

    (void)state;
    buf_init(&token, SIGN_TEXT_MAX);
    assert_int_equal(time_parse_us("2022-06-05T12:00:00Z", &at, &err), ERR_OK);
    for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
        assert_int_equal(rds_token_sign(&VECTORS[i].login, &VECTORS[i].key, at, &token, &err), ERR_OK);
        assert_string_equal(buf_str(&token), VECTORS[i].token);
    }
    rds_token_wipe(&token);
    assert_string_equal(buf_str(&token), "");
    buf_release(&token);
}

static void a_host_tells_its_region(void **state)
{
    static const struct {
        const char *host, *region; /* NULL = none */
    } CASES[] = {
        {"db.c1abc.eu-west-1.rds.amazonaws.com", "eu-west-1"},
        {"mine.cluster-ro-c1abc.us-gov-west-1.rds.amazonaws.com", "us-gov-west-1"},
        {"mine.proxy-c1abc.ap-northeast-1.rds.amazonaws.com", "ap-northeast-1"},
        {"DB.C1.EU-WEST-1.RDS.AMAZONAWS.COM", "eu-west-1"},
        {"db.c1.cn-north-1.rds.amazonaws.com.cn", "cn-north-1"},
        {"127.0.0.1", NULL},
        {"db.example.com", NULL},
        {"eu-west-1.rds.amazonaws.com", NULL},
        {".rds.amazonaws.com", NULL},
        {"db..rds.amazonaws.com", NULL},
        {"db.eu-west-1.rds.amazonaws.com.example.com", NULL},
        {"rds.amazonaws.com", NULL},
        {"", NULL},
    };
    char region[AWS_REGION_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        bool found = rds_region_of(CASES[i].host, region);
        if (found != (CASES[i].region != NULL) || (found && strcmp(region, CASES[i].region) != 0))
            fail_msg("%s: %s", CASES[i].host, found ? region : "no region");
    }
}

/* The region of the host goes before the environment's; the URL's before both. */
static void the_region_is_chosen_in_order(void **state)
{
    struct rds_login login = {
        .host = "db.c1.eu-west-1.rds.amazonaws.com", .port = 3306, .user = "etl", .clock = clock_real()};
    struct buf token;
    struct err err = ERR_INIT;

    (void)state;
    buf_init(&token, SIGN_TEXT_MAX);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    setenv("AWS_REGION", "us-east-2", 1);
    assert_int_equal(rds_token(&login, &token, &err), ERR_OK);
    assert_non_null(strstr(buf_str(&token), "%2Feu-west-1%2Frds-db%2F"));
    login.region = "sa-east-1";
    assert_int_equal(rds_token(&login, &token, &err), ERR_OK);
    assert_non_null(strstr(buf_str(&token), "%2Fsa-east-1%2Frds-db%2F"));
    login.region = NULL;
    login.host = "db.internal";
    assert_int_equal(rds_token(&login, &token, &err), ERR_OK);
    assert_non_null(strstr(buf_str(&token), "%2Fus-east-2%2Frds-db%2F"));
    unsetenv("AWS_REGION");
    assert_int_equal(rds_token(&login, &token, &err), ERR_CONFIG);
    buf_release(&token);
}

static int countdown;

static bool fail_nth(void *ctx)
{
    (void)ctx;
    return --countdown == 0;
}

static void survives_each_failed_allocation(void **state)
{
    struct rds_login login = {
        .host = "db.c1.eu-west-1.rds.amazonaws.com", .port = 3306, .user = "etl", .clock = clock_real()};
    enum err_code code = ERR_NOMEM;

    (void)state;
    for (int n = 1; code == ERR_NOMEM; n++) {
        struct buf token;
        struct err err = ERR_INIT;

        assert_true(n < 200);
        countdown = n;
        buf_init(&token, SIGN_TEXT_MAX);
        mem_set_fault(fail_nth, NULL);
        code = rds_token(&login, &token, &err);
        mem_set_fault(NULL, NULL);
        buf_release(&token);
    }
    assert_int_equal(code, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_the_tools_of_aws_do),
        cmocka_unit_test(a_host_tells_its_region),
        cmocka_unit_test(the_region_is_chosen_in_order),
        cmocka_unit_test(survives_each_failed_allocation),
    };

    setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    return cmocka_run_group_tests_name("aws rds", tests, NULL, NULL);
}
