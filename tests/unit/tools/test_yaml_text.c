/* yaml_text: what is written is read back the same by core/config, and comments stay comments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/interp.h"
#include "core/config/yaml.h"
#include "core/data/types.h"
#include "tools/yaml_text.h"

static struct buf out;
static struct err err;

static const char *scalar(const char *text)
{
    buf_release(&out);
    buf_init(&out, 1 << 20);
    err = ERR_INIT;
    (void)!yaml_scalar(&out, text, &err);
    return buf_str(&out);
}

static void forms(void **state)
{
    (void)state;
    assert_string_equal(scalar("age"), "age");
    assert_string_equal(scalar("file:lake"), "file:lake");
    assert_string_equal(scalar("yyyy=%Y/*.csv"), "yyyy=%Y/*.csv");
    assert_string_equal(scalar("%Y/*.csv"), "\"%Y/*.csv\"");
    assert_string_equal(scalar(""), "\"\"");
    assert_string_equal(scalar("a b"), "\"a b\"");
    assert_string_equal(scalar("a: b"), "\"a: b\"");
    assert_string_equal(scalar("a:"), "\"a:\"");
    assert_string_equal(scalar("a #b"), "\"a #b\"");
    assert_string_equal(scalar("null"), "\"null\"");
    assert_string_equal(scalar("NO"), "\"NO\"");
    assert_string_equal(scalar("~"), "\"~\"");
    assert_string_equal(scalar("\""), "\"\\\"\"");
    assert_string_equal(scalar("\\N"), "\"\\\\N\"");
    assert_string_equal(scalar("\t"), "\"\\t\"");
    assert_string_equal(scalar("\x01"), "\"\\x01\"");
    assert_string_equal(scalar("\xc2\x85"), "\"\\x85\"");
    assert_string_equal(scalar("\xe2\x80\xa8"), "\"\\u2028\"");
    assert_string_equal(scalar("\xc3\xa9"), "\"\xc3\xa9\"");
    assert_string_equal(scalar("${HOME}"), "\"$${HOME}\"");
    assert_string_equal(scalar("$5"), "\"$5\"");
    scalar("\xff");
    assert_int_equal(err.name, ERRN_CONFIG);
}

/* Reads `{key: SCALAR, other: [SCALAR]}` back, through references too. */
static void read_back(const char *text, const char *comment)
{
    struct interp interp = {0};
    struct ynode *root = NULL;
    char *value = NULL;
    struct buf file;
    buf_init(&file, 1 << 20);
    err = ERR_INIT;
    assert_int_equal(yaml_comment(&file, 2, &err, "%s", comment), ERR_OK);
    assert_int_equal(buf_append_str(&file, "key: ", &err), ERR_OK);
    assert_int_equal(yaml_scalar(&file, text, &err), ERR_OK);
    assert_int_equal(buf_append_str(&file, "   # ", &err), ERR_OK);
    assert_int_equal(yaml_comment_text(&file, comment, &err), ERR_OK);
    assert_int_equal(buf_append_str(&file, "\nflow: [{a: ", &err), ERR_OK);
    assert_int_equal(yaml_scalar(&file, text, &err), ERR_OK);
    assert_int_equal(buf_append_str(&file, ", b: x}]\n", &err), ERR_OK);
    if (ynode_parse(file.data, file.len, "f", &root, &err))
        fail_msg("%s in:\n%s", err.msg, file.data);
    assert_int_equal(root->nitems, 2);
    const struct ynode *flow = ynode_child(root, "flow", 4)->items[0];
    const struct ynode *nodes[] = {ynode_child(root, "key", 3), ynode_child(flow, "a", 1)};
    assert_int_equal(flow->nitems, 2);
    for (int i = 0; i < 2; i++) {
        assert_false(ynode_is_null(nodes[i]));
        assert_int_equal(interp_text(&interp, nodes[i]->text, &value, &err), ERR_OK);
        assert_string_equal(value, text);
        mem_free(value);
    }
    ynode_free(root);
    buf_release(&file);
}

static void any_text(void **state)
{
    static const char *const pieces[] = {"a",
                                         "B9",
                                         " ",
                                         ":",
                                         "#",
                                         "'",
                                         "\"",
                                         "\\",
                                         "{",
                                         "}",
                                         "[",
                                         "]",
                                         ",",
                                         "&",
                                         "*",
                                         "!",
                                         "|",
                                         ">",
                                         "%",
                                         "@",
                                         "`",
                                         "-",
                                         "?",
                                         "~",
                                         "\n",
                                         "\r",
                                         "\t",
                                         "$",
                                         "${",
                                         "$$",
                                         "=",
                                         "null",
                                         "\x01",
                                         "\x7f",
                                         "\xc2\x80",
                                         "\xc2\x85",
                                         "\xc2\xa0",
                                         "\xe2\x80\xa8",
                                         "\xe2\x80\xa9",
                                         "\xef\xbb\xbf",
                                         "\xef\xbf\xbe",
                                         "\xed\x9f\xbf",
                                         "\xf0\x9f\x98\x80",
                                         "\xf4\x8f\xbf\xbf",
                                         "\xc3\xa9"};
    (void)state;
    srand(11);
    for (int round = 0; round < 20000; round++) {
        char text[128] = "", comment[280];
        size_t n = 0;
        for (int i = rand() % 9; i > 0; i--)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s",
                                  pieces[(size_t)rand() % (sizeof pieces / sizeof pieces[0])]);
        snprintf(comment, sizeof comment, "%s%c%s", text, 1 + rand() % 255, text);
        read_back(text, comment);
    }
}

/* Every code point alone. */
static void every_point(void **state)
{
    (void)state;
    for (unsigned p = 1; p <= 0xFFFF; p += p < 0x3000 || p > 0xFD00 ? 1 : 97) {
        char text[8];
        if (p < 0x80)
            snprintf(text, sizeof text, "%c", (char)p);
        else if (p < 0x800)
            snprintf(text, sizeof text, "%c%c", (char)(0xC0 | p >> 6), (char)(0x80 | (p & 0x3F)));
        else
            snprintf(text, sizeof text, "%c%c%c", (char)(0xE0 | p >> 12), (char)(0x80 | (p >> 6 & 0x3F)),
                     (char)(0x80 | (p & 0x3F)));
        if (utf8_length(text, strlen(text)) == 1)
            read_back(text, text);
    }
}

static void comments_are_wrapped(void **state)
{
    struct buf buf;
    (void)state;
    err = ERR_INIT;
    buf_init(&buf, 1 << 20);
    assert_int_equal(yaml_comment(&buf, 4, &err, "%s", "one\n\ntwo"), ERR_OK);
    assert_string_equal(buf_str(&buf), "    # one\n    #\n    # two\n");
    buf_clear(&buf);
    assert_int_equal(yaml_comment(&buf, 0, &err, "%0100d %020d", 0, 1), ERR_OK);
    assert_int_equal(strcspn(buf_str(&buf), "\n"), 102);
    buf_clear(&buf);
    assert_int_equal(yaml_comment(&buf, 0, &err, "%0300d", 0), ERR_OK); /* a word is not divided */
    assert_int_equal(strcspn(buf_str(&buf), "\n"), 302);
    buf_release(&buf);
}

static void words(void **state)
{
    static const struct {
        const char *text, *word;
    } cases[] = {{"lake/a.csv", "lake/a.csv"},
                 {"", "''"},
                 {"a b", "'a b'"},
                 {"it's", "'it'\\''s'"},
                 {"$HOME", "'$HOME'"},
                 {"~x", "'~x'"},
                 {"s3://b/p?endpoint=x", "'s3://b/p?endpoint=x'"}};
    struct buf buf;
    (void)state;
    buf_init(&buf, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        err = ERR_INIT;
        buf_clear(&buf);
        assert_int_equal(shell_word(&buf, cases[i].text, &err), ERR_OK);
        assert_string_equal(buf_str(&buf), cases[i].word);
    }
    buf_release(&buf);
}

static int release(void **state)
{
    (void)state;
    buf_release(&out);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),       cmocka_unit_test(any_text),
        cmocka_unit_test(every_point), cmocka_unit_test(comments_are_wrapped),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
