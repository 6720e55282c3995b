/* keys: the table is whole, defaults pass their own rules, each kind takes what it should, the nearest key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/keys.h"
#include "core/config/yaml.h"

static const struct key *find(const char *path)
{
    const struct key *key = keys_find(path);

    assert_non_null(key);
    return key;
}

/* Takes the text; true where it is accepted. */
static bool takes(const char *path, const char *text)
{
    struct err err = ERR_INIT;

    return key_store(find(path), text, NULL, &err) == ERR_OK;
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < keys_count; i++) {
        const struct key *key = &keys_table[i];
        struct err err = ERR_INIT;
        char section[KEY_PATH_MAX];
        char *dot;

        assert_ptr_equal(keys_find(key->path), key); /* no path stands twice */
        assert_true(key->help && *key->help);
        assert_true(!key->fallback || !(key->flags & KEY_REQUIRED));
        if (key->fallback)
            assert_int_equal(key_store(key, key->fallback, NULL, &err), ERR_OK);
        assert_true(strlen(key->path) < sizeof section);
        memcpy(section, key->path, strlen(key->path) + 1);
        dot = strrchr(section, '.');
        if (!dot)
            continue;
        *dot = '\0';
        dot = strstr(section, "[]");
        if (dot && !dot[2])
            *dot = '\0';
        assert_non_null(keys_find(section));
        assert_true(keys_find(section) < key);
    }
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(keys_nearest("target.lese"), "target.lease");
    assert_string_equal(keys_nearest("target.talbe"), "target.table");
    assert_string_equal(keys_nearest("soruce"), "source");
    assert_string_equal(keys_nearest("source.csv.delimeter"), "source.csv.delimiter");
    assert_string_equal(keys_nearest("delimiter"), "source.csv.delimiter");
    assert_string_equal(keys_nearest("policy.lineage"), "target.lineage");
    assert_string_equal(keys_nearest("schema.columns[].check.min"), "schema.columns[].checks.min");
    assert_null(keys_nearest(""));
    assert_null(keys_nearest("zzzzzz"));
    assert_null(keys_nearest("x.y"));
    assert_null(keys_nearest("["));

    char path[4 * KEY_PATH_MAX];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_null(keys_nearest(path));
}

static void test_kinds(void **state)
{
    (void)state;
    assert_true(takes("name", "a-b_c.9"));
    assert_false(takes("name", ""));
    assert_false(takes("name", "a/b"));
    assert_false(takes("name", "\xc3\xa4"));
    assert_true(takes("schema.columns[].name", "Straße 7 a-b.c"));
    assert_false(takes("schema.columns[].name", "_load"));
    assert_false(takes("schema.columns[].name", "a "));
    assert_false(takes("schema.columns[].name", "a\xff"));
    assert_true(takes("schema.columns[].from", ""));
    assert_true(takes("target.table", "_t"));
    assert_false(takes("target.table", "SLUICE_load"));
    assert_true(takes("source.csv.delimiter", "\t"));
    assert_false(takes("source.csv.delimiter", "\r"));
    assert_false(takes("source.csv.delimiter", ""));
    assert_false(takes("source.csv.delimiter", "\xc2\xa7"));
    assert_true(takes("target.connections", "64"));
    assert_false(takes("target.connections", "65"));
    assert_false(takes("target.connections", "+1"));
    assert_false(takes("target.connections", "1 "));
    assert_false(takes("target.connections", "99999999999999999999999"));
    assert_true(takes("target.lease", "1s"));
    assert_false(takes("target.lease", "25h"));
    assert_false(takes("target.lease", "60"));
    assert_true(takes("schema.columns[].type", "decimal(10,2)"));
    assert_false(takes("schema.columns[].type", "decimal"));
    assert_true(takes("queue.url", ""));
    assert_false(takes("target.url", ""));
    assert_false(takes("target.url", "mysql://a:b@c/d"));
}

static void limit(const char *text, bool is_share, int64_t number, int64_t ppm)
{
    struct pipeline p = {0};
    struct err err = ERR_INIT;

    assert_int_equal(key_store(find("policy.max_rejects"), text, &p, &err), ERR_OK);
    assert_int_equal(p.policy.max_rejects.is_share, is_share);
    assert_int_equal(p.policy.max_rejects.number, number);
    assert_int_equal(p.policy.max_rejects.share_ppm, ppm);
}

static void test_limit(void **state)
{
    static const char *const wrong[] = {"",
                                        "%",
                                        "1 %",
                                        "1.%",
                                        ".5%",
                                        "0.00001%",
                                        "100.0001%",
                                        "1%%",
                                        "-1%",
                                        "1.5",
                                        "1e3",
                                        "101%",
                                        "1.2.3%",
                                        "0x5",
                                        "1.-5%",
                                        "1.5 ",
                                        "99999999999999999999",
                                        "99999999999999999999%"};
    (void)state;
    limit("0", false, 0, 0);
    limit("250", false, 250, 0);
    limit("0%", true, 0, 0);
    limit("1%", true, 0, 10000);
    limit("0.5%", true, 0, 5000);
    limit("2.0001%", true, 0, 20001);
    limit("100%", true, 0, 1000000);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(takes("policy.max_rejects", wrong[i]));
}

/* A text that is stored twice leaves no leak; one that is refused leaves the old value. */
static void test_store(void **state)
{
    struct pipeline p = {0};
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(key_store(find("target.user"), "one", &p, &err), ERR_OK);
    assert_int_equal(key_store(find("target.user"), "two", &p, &err), ERR_OK);
    assert_string_equal(p.target.user, "two");
    assert_int_equal(key_store(find("target.user"), "", &p, &err), ERR_OK);
    assert_null(p.target.user);
    assert_int_equal(key_store(find("target.lineage"), "indexed", &p, &err), ERR_OK);
    assert_int_equal(p.target.lineage, PIPELINE_LINEAGE_INDEXED);
    assert_int_equal(key_store(find("target.lineage"), "maybe", &p, &err), ERR_CONFIG);
    assert_string_equal(err.msg, "\"maybe\" is none of false, true, indexed");
    assert_int_equal(p.target.lineage, PIPELINE_LINEAGE_INDEXED);
    err_clear(&err);
    assert_int_equal(key_store(find("target.chunk_rows"), "1000000000", &p, &err), ERR_OK);
    assert_int_equal(p.target.chunk_rows, 1000000000);
    assert_int_equal(key_store(find("schema.contract"), "evolve", &p, &err), ERR_OK);
    assert_int_equal(p.schema.contract, CONTRACT_EVOLVE);
    assert_int_equal(key_store(find("schema.missing_columns"), "null", &p, &err), ERR_OK);
    assert_int_equal(p.schema.missing, COLUMNS_NULL);
}

/* The help page is YAML that has every key. */
static void test_help(void **state)
{
    struct err err = ERR_INIT;
    struct ynode *root = NULL;
    struct buf page;

    (void)state;
    buf_init(&page, 64 * 1024);
    assert_int_equal(pipeline_keys_help(&page, &err), ERR_OK);
    assert_int_equal(ynode_parse(page.data, page.len, "help", &root, &err), ERR_OK);
    for (size_t i = 0; i < keys_count; i++) {
        const struct key *key = &keys_table[i];
        const char *item = strstr(key->path, "[].");
        char list[KEY_PATH_MAX] = "";

        memcpy(list, key->path, item ? (size_t)(item - key->path) : 0);
        const struct ynode *map = item ? ynode_path(root, list)->items[0] : root;
        const struct ynode *node = ynode_path(map, item ? item + 3 : key->path);

        assert_non_null(node);
        if (key->fallback && node->kind == YNODE_SCALAR)
            assert_string_equal(node->text, key->fallback);
        assert_non_null(strstr(page.data, key->help));
    }
    ynode_free(root);
    buf_release(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table), cmocka_unit_test(test_nearest), cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_limit), cmocka_unit_test(test_store),   cmocka_unit_test(test_help),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
