/* html: nothing that is data becomes markup. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tools/html.h"
#include "tools/lane.h"
#include "tools/page.h"

static struct buf out;
static struct err err;
static struct html h = {&out, &err};

static const char *written(void (*put)(struct html *, const char *), const char *data)
{
    buf_release(&out);
    buf_init(&out, 1 << 20);
    err = ERR_INIT;
    put(&h, data);
    assert_int_equal(err.code, ERR_OK);
    return buf_str(&out);
}

static void text_is_escaped(void **state)
{
    (void)state;
    assert_string_equal(written(html_text, "a<b>&\"c'"), "a&#60;b&#62;&#38;&#34;c&#39;");
    assert_string_equal(written(html_text, "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80"),
                        "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80");
    assert_string_equal(written(html_text, "a\x01\n\x7f"), "a\\x01\\x0A\\x7F");
    assert_string_equal(written(html_text, "a\xff\xc3<"), "a\xef\xbf\xbd\xef\xbf\xbd&#60;");
    assert_string_equal(written(html_text, "\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf"),
                        "\xef\xbf\xbd"
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(written(html_text, ""), "");
    assert_string_equal(written(html_text, NULL), "");
    assert_string_equal(written(html_data, "\xe2\x80\xae<"), "<bdi>\xe2\x80\xae&#60;</bdi>");
    assert_string_equal(written(html_url, "a b/\xc3\xa9?&-_.~"), "a%20b%2F%C3%A9%3F%26-_.~");
}

/* All bytes, alone and at random: no character of markup is left. */
static void any_bytes(void **state)
{
    char data[64];
    (void)state;
    srand(7);
    for (int round = 0; round < 20000; round++) {
        size_t n = 1 + (size_t)rand() % (sizeof data - 1);
        for (size_t i = 0; i < n; i++)
            data[i] = (char)(1 + rand() % 255);
        data[n] = '\0';
        const char *text = written(html_text, data);
        assert_null(strpbrk(text, "<>\"'"));
        for (const char *p = text; (p = strchr(p, '&')); p++)
            assert_int_equal(p[1], '#');
        for (const char *p = text; *p; p++)
            assert_true((unsigned char)*p >= ' ');
    }
}

static void errors_stick(void **state)
{
    struct buf small;
    struct err full = ERR_INIT;
    struct html page = {&small, &full};
    (void)state;
    buf_init(&small, 8);
    html_put(&page, "1234567");
    html_put(&page, "89");
    assert_int_equal(full.name, ERRN_LIMIT);
    html_put(&page, "0");
    assert_string_equal(buf_str(&small), "1234567");
    buf_release(&small);
}

static void commands_can_be_pasted(void **state)
{
    struct pipeline pipeline = {.name = (char[]){"p"}};
    struct lane_look look = {.pipeline = &pipeline, .file = "conf/a.yaml"};
    char text[LANE_COMMAND_MAX], longer[2 * LANE_COMMAND_MAX];
    (void)state;
    lane_command(&look, "queue retry", true, 459564, text);
    assert_string_equal(text, "sluice queue retry -c conf/a.yaml --hour 2022-06-05T12");
    pipeline.env = (char[]){"prod x"};
    look.file = "it's; rm -rf /.yaml";
    lane_command(&look, "validate", false, 0, text);
    assert_string_equal(text, "sluice validate -c 'it'\\''s; rm -rf /.yaml' -e 'prod x'");
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    look.file = longer;
    lane_command(&look, "validate", true, 0, text);
    assert_int_equal(strlen(text), LANE_COMMAND_MAX - 1);
    assert_string_equal(lane_cure("SOURCE_CHANGED", true), "run --reload");
    assert_string_equal(lane_cure("TABLE_MISSING", false), "setup");
    assert_string_equal(lane_cure("", true), "queue retry");
}

/* Each state has a letter of its own, and its colours in the stylesheet. */
static void states_are_told_apart(void **state)
{
    struct buf style;
    struct err failed = ERR_INIT;
    bool seen[256] = {false};
    (void)state;
    buf_init(&style, 1 << 20);
    for (const char *const *part = page_style; *part; part++)
        assert_int_equal(buf_append_str(&style, *part, &failed), ERR_OK);
    for (int s = 0; s <= HOUR_EMPTY; s++) {
        const char *letter = page_letter((enum hour_state)s);
        char class[32];
        assert_int_equal(strlen(letter), 1);
        assert_false(seen[(unsigned char)letter[0]]);
        seen[(unsigned char)letter[0]] = true;
        snprintf(class, sizeof class, ".%s", hour_state_text((enum hour_state)s));
        assert_non_null(strstr(buf_str(&style), class));
    }
    buf_release(&style);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped), cmocka_unit_test(any_bytes), cmocka_unit_test(errors_stick),
        cmocka_unit_test(commands_can_be_pasted), cmocka_unit_test(states_are_told_apart)};
    int failed;

    buf_init(&out, 1 << 20);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&out);
    return failed;
}
