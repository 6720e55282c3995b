/* yaml: shape and places of the tree, what is refused, maxima, merging, failing memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/yaml.h"

static struct ynode *parse(const char *text)
{
    struct err err = ERR_INIT;
    struct ynode *root = NULL;

    if (ynode_parse(text, strlen(text), "f", &root, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    return root;
}

static void refused(const char *text, size_t len, enum err_name name, const char *message)
{
    struct err err = ERR_INIT;
    struct ynode *root = (struct ynode *)&err;

    assert_int_not_equal(ynode_parse(text, len, "f", &root, &err), ERR_OK);
    assert_null(root);
    if (err.name != name || !strstr(err.msg, message))
        fail_msg("%s: %s", err_name_text(err.name), err.msg);
}

static void test_tree(void **state)
{
    struct ynode *root = parse("a: 1\nb:\n  - x\n  - \"y\"\nc: {d: ~, e: '~'}\n");
    const struct ynode *b = ynode_path(root, "b");

    (void)state;
    assert_int_equal(root->kind, YNODE_MAP);
    assert_string_equal(ynode_path(root, "a")->text, "1");
    assert_int_equal(ynode_path(root, "a")->line, 1);
    assert_int_equal(ynode_path(root, "a")->column, 4);
    assert_int_equal(b->kind, YNODE_LIST);
    assert_int_equal(b->key_line, 2);
    assert_int_equal(b->key_column, 1);
    assert_int_equal(b->nitems, 2);
    assert_true(b->items[0]->plain);
    assert_false(b->items[1]->plain);
    assert_int_equal(b->items[1]->line, 4);
    assert_int_equal(b->items[1]->column, 5);
    assert_true(ynode_is_null(ynode_path(root, "c.d")));
    assert_false(ynode_is_null(ynode_path(root, "c.e")));
    assert_null(ynode_path(root, "c.f"));
    assert_null(ynode_path(root, "a.b"));
    assert_null(ynode_path(root, "b.x"));
    assert_null(ynode_child(root, "bb", 2));
    assert_ptr_equal(ynode_child(root, "bb", 1), b);
    ynode_remove(root, "a");
    ynode_remove(root, "a");
    assert_null(ynode_path(root, "a"));
    assert_int_equal(root->nitems, 2);
    ynode_free(root);

    root = parse("");
    assert_true(ynode_is_null(root));
    ynode_free(root);
    root = parse("# only a comment\n");
    assert_true(ynode_is_null(root));
    ynode_free(root);
    root = parse("\xef\xbb\xbf"
                 "a: b\n"); /* a byte order mark */
    assert_string_equal(ynode_path(root, "a")->text, "b");
    ynode_free(root);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f:3:1: the key a stands here twice, first in line 1"},
        {"a: {b: 1, \"b\": 2}", "f:1:11: the key b stands here twice"},
        {"a: &x 1\nb: *x\n", "f:2:4: aliases"},
        {"a: &x [*x]\n", "f:1:8: aliases"},
        {"<<: *x\n", "aliases"},
        {"a: !!binary aGk=\n", "f:1:4: tags"},
        {"a: ! x\n", "tags"},
        {"a: !!map {}\n", "tags"},
        {"a: !!seq []\n", "tags"},
        {"? [a]\n: b\n", "f:1:3: a key must be a plain name"},
        {"? {a: b}\n: c\n", "a key must be a plain name"},
        {"a: \"x\\0y\"\n", "NUL"},
        {"\"x\\0y\": 1\n", "NUL"},
        {"a: 1\n--- \n", "a second document"},
        {"a:\n\tb: 1\n", "f:2:1: a tab stands in the indentation"},
        {"a: @x\n", "f:1:4: no value can start with this character"},
        {"a: [1\n", "f:2:1: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence "
                    "that starts in line 1"},
        {"a: \"x\n", "not valid YAML"},
        {"a: b: c\n", "f:1:5: not valid YAML: mapping values are not allowed"},
        {"a: \xff\n", "f:1:4: not valid YAML: invalid leading UTF-8 octet"},
        {"b: 1\na: \x01\n", "f:2:4: not valid YAML: control characters are not allowed"},
        {"%YAML 3.0\n---\na: 1\n", "not valid YAML: found incompatible YAML document"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, strlen(cases[i].text), ERRN_CONFIG, cases[i].message);
}

static void fill(struct buf *text, const char *piece, size_t times)
{
    struct err err = ERR_INIT;

    for (size_t i = 0; i < times; i++)
        assert_int_equal(buf_append_str(text, piece, &err), ERR_OK);
}

static void test_maxima(void **state)
{
    struct err err = ERR_INIT;
    struct ynode *root;
    struct buf text;

    (void)state;
    buf_init(&text, 2 * YNODE_BYTES_MAX);
    fill(&text, "[", YNODE_DEPTH_MAX);
    fill(&text, "]", YNODE_DEPTH_MAX);
    root = parse(text.data);
    ynode_free(root);

    buf_clear(&text);
    fill(&text, "[", YNODE_DEPTH_MAX + 1);
    refused(text.data, text.len, ERRN_CONFIG, "nested too deeply");
    fill(&text, "[", YNODE_BYTES_MAX - text.len);
    refused(text.data, text.len, ERRN_CONFIG, "nested too deeply");

    buf_clear(&text);
    fill(&text, "- \n", YNODE_COUNT_MAX - 1);
    root = parse(text.data);
    assert_int_equal(root->nitems, YNODE_COUNT_MAX - 1);
    ynode_free(root);
    fill(&text, "- \n", 1);
    refused(text.data, text.len, ERRN_LIMIT, "more than 100000 values");

    buf_clear(&text);
    for (int i = 0; i < YNODE_KEYS_MAX; i++)
        assert_int_equal(buf_printf(&text, &err, "k%d: \n", i), ERR_OK);
    root = parse(text.data);
    ynode_free(root);
    fill(&text, "one_more:\n", 1);
    refused(text.data, text.len, ERRN_LIMIT, "more than 1024 keys");

    buf_clear(&text);
    fill(&text, "#", YNODE_BYTES_MAX + 1);
    refused(text.data, text.len, ERRN_LIMIT, "larger than");
    buf_release(&text);
}

static void test_merge(void **state)
{
    struct ynode *into = parse("a: {b: 1, c: {d: 2, e: [1, 2]}}\nf: x\ng: {h: 1}\n");
    struct ynode *over = parse("a: {c: {d: 3, n: 4}}\nf: {x: y}\ng: 5\nnew: [1]\n");
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(ynode_merge(into, over, &err), ERR_OK);
    assert_int_equal(over->nitems, 0);
    ynode_free(over);
    assert_string_equal(ynode_path(into, "a.b")->text, "1");
    assert_string_equal(ynode_path(into, "a.c.d")->text, "3");
    assert_string_equal(ynode_path(into, "a.c.n")->text, "4");
    assert_int_equal(ynode_path(into, "a.c.e")->nitems, 2);
    assert_string_equal(ynode_path(into, "f.x")->text, "y");
    assert_string_equal(ynode_path(into, "g")->text, "5");
    assert_int_equal(ynode_path(into, "new")->kind, YNODE_LIST);

    over = parse("a: {c: {e: [9]}}\n"); /* lists replace */
    assert_int_equal(ynode_merge(into, over, &err), ERR_OK);
    assert_int_equal(ynode_path(into, "a.c.e")->nitems, 1);
    ynode_free(over);
    ynode_free(into);
}

static bool fail_countdown(void *ctx)
{
    return --*(long *)ctx == 0;
}

/* Parsing and merging under each failing allocation: an error, nothing lost. */
static void test_memory(void **state)
{
    static const char base[] = "a: {b: 1}\nl: [x, y, z]\n", other[] = "a: {c: 2}\nd: {e: f}\n";
    long n = 0;
    bool done = false;

    (void)state;
    while (!done) {
        struct ynode *into = NULL, *over = NULL;
        struct err err = ERR_INIT;
        long left = ++n;

        mem_set_fault(fail_countdown, &left);
        enum err_code code = ynode_parse(base, strlen(base), "f", &into, &err);
        if (code == ERR_OK)
            code = ynode_parse(other, strlen(other), "f", &over, &err);
        if (code == ERR_OK)
            code = ynode_merge(into, over, &err);
        mem_set_fault(NULL, NULL);
        done = left > 0;
        assert_int_equal(code, done ? ERR_OK : ERR_NOMEM);
        ynode_free(into);
        ynode_free(over);
    }
    assert_true(n > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),  cmocka_unit_test(test_refused), cmocka_unit_test(test_maxima),
        cmocka_unit_test(test_merge), cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
