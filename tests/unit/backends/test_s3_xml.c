/* s3_xml: elements by path, entities, what is refused, each cut of a document, each failed allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3_xml.h"
#include "core/base/mem.h"

static const char LISTING[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
    "  <Name>b</Name><IsTruncated>false</IsTruncated>\n"
    "  <Contents><Key>a&amp;b&#x20;&lt;c&gt; \xc3\xa9</Key><Size>3</Size></Contents>\n"
    "  <Contents><Key><![CDATA[x<y]]></Key><Size/></Contents>\n"
    "</ListBucketResult>\n";

struct seen {
    char text[1024];
    size_t len;
};

static enum err_code note(void *ctx, const char *path, const char *text, struct err *err)
{
    struct seen *seen = ctx;

    if (strchr(path, '/') && !strstr(path, "Contents/") && strcmp(text, "stop") == 0) {
        return err_set(err, ERRN_CANCELLED, "stopped");
    }
    seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len, "%s=%s;", path,
                                  strspn(text, " \n") == strlen(text) ? "" : text);
    return ERR_OK;
}

static enum err_code parse(const char *text, size_t len, struct seen *seen, struct err *err)
{
    *seen = (struct seen){.len = 0};
    err_clear(err);
    return xml_parse(text, len, note, seen, err);
}

static void tells_elements_with_path_and_text(void **state)
{
    struct err err = ERR_INIT;
    struct seen seen;

    (void)state;
    assert_int_equal(parse(LISTING, strlen(LISTING), &seen, &err), ERR_OK);
    assert_string_equal(seen.text, "ListBucketResult/Name=b;ListBucketResult/IsTruncated=false;"
                                   "ListBucketResult/Contents/Key=a&b <c> \xc3\xa9;"
                                   "ListBucketResult/Contents/Size=3;ListBucketResult/Contents=;"
                                   "ListBucketResult/Contents/Key=x<y;ListBucketResult/Contents/Size=;"
                                   "ListBucketResult/Contents=;ListBucketResult=;");
}

static void an_error_of_the_taker_ends_it(void **state)
{
    static const char text[] = "<a><b>stop</b><c>never</c></a>";
    struct err err = ERR_INIT;
    struct seen seen;

    (void)state;
    assert_int_equal(parse(text, strlen(text), &seen, &err), ERR_CANCELLED);
    assert_string_equal(seen.text, "");
}

/* No beginning of a document but the whole one is taken, and each cut may be tried again. */
static void each_cut_is_found(void **state)
{
    struct err err = ERR_INIT;
    size_t whole = strlen(LISTING) - 1;
    struct seen seen;

    (void)state;
    for (size_t len = 0; len < whole; len++) {
        assert_int_not_equal(parse(LISTING, len, &seen, &err), ERR_OK);
        assert_true(err.code == ERR_TRANSIENT || len < 40);
    }
    assert_int_equal(parse(LISTING, whole, &seen, &err), ERR_OK);
}

static void refuses_what_no_server_sends(void **state)
{
    static const char bomb[] =
        "<?xml version=\"1.0\"?><!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
        "<l>&b;</l>";
    static const char *const bad[] = {"<!DOCTYPE html><html></html>",
                                      "<html><p>Hello</html>",
                                      "{\"json\": 1}",
                                      bomb,
                                      "<a>\x01</a>",
                                      "<a>\xff</a>",
                                      "<a/><b/>",
                                      "<a>&undefined;</a>"};
    struct err err = ERR_INIT;
    struct seen seen;
    char *deep = calloc(1, 100001), *wide = calloc(1, 40000);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (parse(bad[i], strlen(bad[i]), &seen, &err) != ERR_CONFIG) {
            fail_msg("%s: %d %s", bad[i], err.code, err.msg);
        }
    }
    for (size_t i = 0; i < 25000; i++) {
        memcpy(deep + 4 * i, "<aa>", 4);
    }
    assert_int_equal(parse(deep, strlen(deep), &seen, &err), ERR_CONFIG);
    memset(wide, 'x', 39000);
    memcpy(wide, "<a>", 3);
    assert_int_equal(parse(wide, strlen(wide), &seen, &err), ERR_NOMEM);
    memcpy(wide, "<xx", 3);
    assert_int_not_equal(parse(wide, strlen(wide), &seen, &err), ERR_OK);
    free(deep);
    free(wide);
}

static void reads_error_documents(void **state)
{
    static const char text[] =
        "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>"
        "<Region>eu-west-1</Region><RequestId>1</RequestId></Error>";
    struct s3_fault fault;

    (void)state;
    assert_true(s3_fault_parse(text, strlen(text), &fault));
    assert_string_equal(fault.code, "AuthorizationHeaderMalformed");
    assert_string_equal(fault.message, "the region is wrong");
    assert_string_equal(fault.region, "eu-west-1");
    assert_false(s3_fault_parse(LISTING, strlen(LISTING), &fault));
    assert_false(s3_fault_parse("", 0, &fault));
    assert_false(s3_fault_parse("busy", 4, &fault));
}

static int countdown;

static bool fail_nth(void *ctx)
{
    (void)ctx;
    return --countdown == 0;
}

static void survives_each_failed_allocation(void **state)
{
    enum err_code code = ERR_NOMEM;
    struct err err = ERR_INIT;
    struct seen seen;

    (void)state;
    for (int n = 1; code != ERR_OK; n++) {
        assert_true(n < 500);
        countdown = n;
        mem_set_fault(fail_nth, NULL);
        code = parse(LISTING, strlen(LISTING), &seen, &err);
        mem_set_fault(NULL, NULL);
        assert_true(code == ERR_OK || code == ERR_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_elements_with_path_and_text),
        cmocka_unit_test(an_error_of_the_taker_ends_it),
        cmocka_unit_test(each_cut_is_found),
        cmocka_unit_test(refuses_what_no_server_sends),
        cmocka_unit_test(reads_error_documents),
        cmocka_unit_test(survives_each_failed_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
