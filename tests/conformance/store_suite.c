/*
 * store_suite: the contract of store.h, one case for each promise. store_random_suite.c compares with the
 * model.
 */
#include "tests/conformance/store_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/store_case.h"
#include "tests/conformance/store_random_suite.h"

enum { MANY = 10001, BIG = 3 * 1024 * 1024 + 1 };

void case_code(enum err_code code, enum err_code wanted, const struct err *err)
{
    if (code != wanted) {
        fail_msg("code %d, not %d: %s", code, wanted, err->msg);
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err = ERR_INIT;

    f->suite = *state;
    f->suite->fresh(f->suite->ctx);
    OK(f->suite->open(f->suite->ctx, true, &f->store, &err));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    free(f);
    return 0;
}

struct store *case_second_handle(const struct fixture *f)
{
    struct err err = ERR_INIT;
    struct store *store = NULL;

    OK(f->suite->open(f->suite->ctx, false, &store, &err));
    return store;
}

void case_put(struct store *store, const char *key, const char *text)
{
    struct err err = ERR_INIT;

    OK(store_put_mem(store, key, text, strlen(text), PUT_ALWAYS, &err));
}

int64_t store_suite_slurp(struct store *store, const char *key, char *buf, size_t cap, struct err *err)
{
    struct store_reader *reader = NULL;
    size_t len = 0, n = 0;

    if (store_open_read(store, key, NULL, &reader, err) != ERR_OK) {
        return -1;
    }
    do {
        assert_true(len + 1 < cap);
        if (store_read(reader, buf + len, cap - 1 - len, &n, err) != ERR_OK) {
            break;
        }
        len += n;
    } while (n > 0);
    store_close_read(reader);
    buf[len] = '\0';
    return err->code == ERR_OK ? (int64_t)len : -1;
}

void case_holds(struct store *store, const char *key, const char *text)
{
    struct err err = ERR_INIT;
    char buf[4096];

    if (store_suite_slurp(store, key, buf, sizeof buf, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(buf, text);
}

void case_absent(struct store *store, const char *key)
{
    struct store_object object;
    struct store_reader *reader;

    FAILS(ERR_NOT_FOUND, store_stat(store, key, &object, e));
    FAILS(ERR_NOT_FOUND, store_open_read(store, key, NULL, &reader, e));
}

void store_suite_keys(struct store *store, const char *prefix, char *buf, size_t cap)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    bool more = true;
    size_t len = 0;

    buf[0] = '\0';
    OK(store_list_begin(store, prefix, STORE_BELOW, &list, &err));
    for (;;) {
        OK(store_list_next(list, &object, &more, &err));
        if (!more) {
            break;
        }
        len += (size_t)snprintf(buf + len, cap - len, "%s\n", object.key);
        assert_true(len < cap);
    }
    OK(store_list_next(list, &object, &more, &err)); /* the end stays the end */
    assert_false(more);
    store_list_end(list);
}

void case_keys(struct store *store, const char *prefix, const char *wanted)
{
    char buf[8192];

    store_suite_keys(store, prefix, buf, sizeof buf);
    assert_string_equal(buf, wanted);
}

static void place_that_is_missing_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store *store = NULL;

    f->suite->fresh(f->suite->ctx);
    FAILS(ERR_NOT_FOUND, f->suite->open(f->suite->ctx, false, &store, e));
    assert_null(store);
    OK(f->suite->open(f->suite->ctx, true, &store, &err));
    case_keys(store, "", "");
    store_close(store);
    store = case_second_handle(f); /* what was made stays */
    store_close(store);
}

static void lists_in_byte_order_each_once(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"b",
                                       "a/b/c",
                                       "a/b.c",
                                       "a-b/z",
                                       "a/b-",
                                       "a.b/c",
                                       "a0",
                                       "a/0",
                                       "A",
                                       "a/b/c.d/e",
                                       "a/b/c.d/0",
                                       "\x01x",
                                       "\xc3\xa9",
                                       "a b",
                                       "a/\x7f/x",
                                       "yyyy=2022/hh=01/x",
                                       "yyyy=2022-old/x"};
    static const char with_a[] =
        "a b\na-b/z\na.b/c\na/0\na/b-\na/b.c\na/b/c\na/b/c.d/0\na/b/c.d/e\na/\x7f/x\na0\n";

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (f->suite->no_spaces && strchr(keys[i], ' ')) {
            FAILS(ERR_UNSUPPORTED, store_put_mem(f->store, keys[i], "", 0, PUT_ALWAYS, e));
        } else if (!f->suite->xml_keys || keys[i][0] != '\x01') {
            case_put(f->store, keys[i], keys[i]);
        }
    }
    case_put(f->store, "b", "again");
    case_keys(f->store, "b", "b\n");
    case_keys(f->store, "a", f->suite->no_spaces ? with_a + strlen("a b\n") : with_a);
    if (!f->suite->xml_keys) {
        case_keys(
            f->store, "",
            "\x01x\nA\na b\na-b/z\na.b/c\na/0\na/b-\na/b.c\na/b/c\na/b/c.d/0\na/b/c.d/e\na/\x7f/x\na0\nb\n"
            "yyyy=2022-old/x\nyyyy=2022/hh=01/x\n\xc3\xa9\n");
    }
}

static void flat_keys(struct store *store, const char *prefix, const char *wanted)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    char buf[256] = "";
    bool more = true;

    OK(store_list_begin(store, prefix, STORE_FLAT, &list, &err));
    while (store_list_next(list, &object, &more, &err) == ERR_OK && more) {
        snprintf(buf + strlen(buf), sizeof buf - strlen(buf), "%.64s ", object.key);
    }
    OK(err.code);
    store_list_end(list);
    assert_string_equal(buf, wanted);
}

static void a_flat_listing_stays_in_its_folder(void **state)
{
    struct fixture *f = *state;

    flat_keys(f->store, "", "");
    for (const char *const *key = (const char *const[]){"2022060512", "2022060513", "2022/06/05/12/a", "a.b",
                                                        "a/b", "a/c/d", "a/c.d", "a0", NULL};
         *key; key++) {
        case_put(f->store, *key, "");
    }
    flat_keys(f->store, "", "2022060512 2022060513 a.b a0 ");
    flat_keys(f->store, "2022", "2022060512 2022060513 ");
    flat_keys(f->store, "a", "a.b a0 ");
    flat_keys(f->store, "a/", "a/b a/c.d ");
    flat_keys(f->store, "a/c", "a/c.d ");
    flat_keys(f->store, "a/c/", "a/c/d ");
    flat_keys(f->store, "2022/", "");
}

static void prefix_may_end_anywhere(void **state)
{
    struct fixture *f = *state;
    char longest[STORE_KEY_MAX + 2];
    struct store_list *list = NULL;

    case_put(f->store, "y=1/m=1/part-1.csv", "");
    case_put(f->store, "y=1/m=1/part-2.csv", "");
    case_put(f->store, "y=1/m=10/part-1.csv", "");
    case_put(f->store, "y=1/m=2", "");
    case_put(f->store, "z", "");
    case_keys(f->store, "y=1/m=1/part-2", "y=1/m=1/part-2.csv\n");
    case_keys(f->store, "y=1/m=1/part-2.csv", "y=1/m=1/part-2.csv\n");
    case_keys(f->store, "y=1/m=1/", "y=1/m=1/part-1.csv\ny=1/m=1/part-2.csv\n");
    case_keys(f->store, "y=1/m=1", "y=1/m=1/part-1.csv\ny=1/m=1/part-2.csv\ny=1/m=10/part-1.csv\n");
    case_keys(f->store, "y=1/m=", "y=1/m=1/part-1.csv\ny=1/m=1/part-2.csv\ny=1/m=10/part-1.csv\ny=1/m=2\n");
    case_keys(f->store, "z", "z\n");
    for (const char *const *none = (const char *const[]){"y=1/m=1/part-3", "y=2/", "y=1/m=2/", "z/", "zz",
                                                         "/", "y=1//", "../", "..", "./", "y=1/../", NULL};
         *none; none++) {
        case_keys(f->store, *none, "");
    }
    memset(longest, 'x', sizeof longest);
    longest[STORE_KEY_MAX + 1] = '\0';
    FAILS(ERR_CONFIG, store_list_begin(f->store, longest, STORE_BELOW, &list, e));
    longest[STORE_KEY_MAX] = '\0';
    case_keys(f->store, longest, "");
}

static void keys_may_hold_odd_bytes(void **state)
{
    struct fixture *f = *state;
    const char *const plain[] = {"yyyy=2022/a+b%20c&d?e#f.csv",  " lead", "trail ", "q\"'`$;|<>\\",
                                 "caf\xc3\xa9/\xf0\x9f\x92\xa7", "..."};
    const char *const bytes[] = {"new\nline", "\xff\xfe", "tab\there", "a/\xc3", "\x1b[31m"};
    char line[64];

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (f->suite->no_spaces && strchr(plain[i], ' ')) {
            continue;
        }
        case_put(f->store, plain[i], plain[i]);
        case_holds(f->store, plain[i], plain[i]);
    }
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0] && !f->suite->xml_keys; i++) {
        case_put(f->store, bytes[i], bytes[i]);
        case_holds(f->store, bytes[i], bytes[i]);
        snprintf(line, sizeof line, "%s\n", bytes[i]);
        case_keys(f->store, bytes[i], line);
    }
}

/* The listing of `prefix` is this one key, or fails where such keys cannot be listed. */
static void lists_long_key(const struct fixture *f, const char *prefix, const char *key)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    char line[STORE_KEY_MAX + 8];
    bool more;

    if (!f->suite->long_keys_unlisted) {
        snprintf(line, sizeof line, "%s\n", key);
        case_keys(f->store, prefix, line);
        return;
    }
    OK(store_list_begin(f->store, prefix, STORE_BELOW, &list, &err));
    FAILS(ERR_CONFIG, store_list_next(list, &object, &more, e));
    store_list_end(list);
}

static void key_of_greatest_length(void **state)
{
    struct fixture *f = *state;
    char key[STORE_KEY_MAX + 2];
    struct store_object object;

    for (int i = 0; i <= STORE_KEY_MAX; i++) {
        key[i] = i % 128 == 127 ? '/' : (char)('a' + i % 26);
    }
    key[STORE_KEY_MAX - 1] = 'z';
    key[STORE_KEY_MAX] = '\0';
    case_put(f->store, key, "deep");
    case_holds(f->store, key, "deep");
    lists_long_key(f, "", key);
    for (int i = 1; i < STORE_KEY_MAX; i += 2) {
        key[i - 1] = 'd';
        key[i] = '/';
    }
    key[STORE_KEY_MAX - 1] = 'f';
    case_put(f->store, key, "deeper");
    case_holds(f->store, key, "deeper");
    lists_long_key(f, "d/d/d", key);
    key[STORE_KEY_MAX] = 'x';
    key[STORE_KEY_MAX + 1] = '\0';
    FAILS(ERR_CONFIG, store_stat(f->store, key, &object, e));
    FAILS(ERR_CONFIG, store_put_mem(f->store, key, "", 0, PUT_ALWAYS, e));
}

static void illegal_keys_are_refused_everywhere(void **state)
{
    struct fixture *f = *state;

    for (const char *const *key = (const char *const[]){"", "/", "/etc/passwd", "a/", "a//b", ".", "..",
                                                        "../x", "a/./b", "a/..", NULL};
         *key; key++) {
        struct store_object object;
        struct store_reader *reader = NULL;

        FAILS(ERR_DENIED, store_stat(f->store, *key, &object, e));
        FAILS(ERR_DENIED, store_open_read(f->store, *key, NULL, &reader, e));
        assert_null(reader);
        FAILS(ERR_DENIED, store_put_mem(f->store, *key, "x", 1, PUT_ALWAYS, e));
        FAILS(ERR_DENIED, store_remove(f->store, *key, e));
    }
    case_keys(f->store, "", "");
}

static void lists_ten_thousand_keys(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    char key[64];
    bool more;

    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "hh=%02d/part-%05d", i / 9990, i);
        if (f->suite->put_fast) {
            f->suite->put_fast(f->suite->ctx, key);
        } else {
            case_put(f->store, key, "");
        }
    }
    OK(store_list_begin(f->store, "", STORE_BELOW, &list, &err));
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "hh=%02d/part-%05d", i / 9990, i);
        OK(store_list_next(list, &object, &more, &err));
        assert_true(more);
        assert_string_equal(object.key, key);
    }
    OK(store_list_next(list, &object, &more, &err));
    assert_false(more);
    store_list_end(list);
}

/* Objects that nobody touches show exactly once, whatever happens beside them. */
static void lists_while_others_write(void **state)
{
    struct fixture *f = *state;
    struct store *other = case_second_handle(f);
    struct err err = ERR_INIT;
    struct store_list *list, *beside;
    struct store_object object;
    char key[64], seen[16] = "";
    size_t len = 0;
    bool more;

    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "d%d/keep", i);
        case_put(f->store, key, "");
        snprintf(key, sizeof key, "d%d/gone", i);
        case_put(f->store, key, "");
    }
    OK(store_list_begin(f->store, "", STORE_BELOW, &list, &err));
    OK(store_list_begin(f->store, "d7", STORE_BELOW, &beside, &err));
    for (int i = 0;; i++) {
        OK(store_list_next(list, &object, &more, &err));
        if (!more) {
            break;
        }
        if (strstr(object.key, "keep")) {
            seen[len++] = object.key[1];
        }
        snprintf(key, sizeof key, "d%d/gone", 7 - i % 8);
        OK(store_remove(other, key, &err));
        snprintf(key, sizeof key, "d%d/new", i);
        case_put(other, key, "");
    }
    assert_string_equal(seen, "01234567");
    OK(store_list_next(beside, &object, &more, &err));
    assert_true(more);
    assert_memory_equal(object.key, "d7/", 3);
    store_list_end(list);
    store_list_end(beside);
    store_close(other);
}

static void stat_says_what_list_and_read_say(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_object stat, listed;
    struct store_reader *reader;
    struct store_list *list;
    bool more;

    case_put(f->store, "dir/x", "12345");
    OK(store_stat(f->store, "dir/x", &stat, &err));
    OK(store_list_begin(f->store, "", STORE_BELOW, &list, &err));
    OK(store_list_next(list, &listed, &more, &err));
    OK(store_open_read(f->store, "dir/x", NULL, &reader, &err));
    assert_true(more);
    assert_string_equal(stat.key, "dir/x");
    assert_int_equal(stat.size, 5);
    assert_string_equal(listed.key, stat.key);
    assert_int_equal(listed.size, stat.size);
    assert_string_equal(listed.etag, stat.etag);
    assert_string_equal(reader->object.etag, stat.etag);
    assert_int_equal(reader->object.size, stat.size);
    store_list_end(list);
    store_close_read(reader);
    case_absent(f->store, "dir");
    case_absent(f->store, "dir/y");
    case_absent(f->store, "nodir/y");
    case_absent(f->store, "dir/x/y");
}

static void reads_ranges(void **state)
{
    static const struct {
        int64_t offset, length;
        const char *text;
    } cases[] = {{0, -1, "0123456789"}, {0, 10, "0123456789"},
                 {0, 99, "0123456789"}, {3, 4, "3456"},
                 {9, 1, "9"},           {4, -1, "456789"},
                 {10, -1, ""},          {11, -1, ""},
                 {99, 5, ""},           {2, 0, ""},
                 {0, 1, "0"},           {9, 5, "9"}};
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    case_put(f->store, "digits", "0123456789");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_range range = {cases[i].offset, cases[i].length, NULL};
        struct store_reader *reader;
        char buf[16];
        size_t len = 0, n;

        OK(store_open_read(f->store, "digits", &range, &reader, &err));
        assert_int_equal(reader->expected, strlen(cases[i].text));
        assert_int_equal(reader->object.size, 10);
        do {
            OK(bytes_read(&reader->bytes, buf + len, 3, &n, &err));
            len += n;
        } while (n > 0);
        OK(store_read(reader, buf + len, 1, &n, &err)); /* the end stays the end */
        assert_int_equal(n, 0);
        store_close_read(reader);
        buf[len] = '\0';
        assert_string_equal(buf, cases[i].text);
    }
}

static void reads_and_writes_big_and_empty(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char *data = malloc(BIG), *back = malloc(BIG + 2);
    struct store_object object;

    for (int i = 0; i < BIG; i++) {
        data[i] = (char)(i * 2654435761u >> 13);
    }
    OK(store_put_mem(f->store, "big", data, BIG, PUT_ALWAYS, &err));
    assert_int_equal(store_suite_slurp(f->store, "big", back, BIG + 2, &err), BIG);
    assert_memory_equal(data, back, BIG);
    OK(store_put_mem(f->store, "empty", NULL, 0, PUT_ALWAYS, &err));
    assert_int_equal(store_suite_slurp(f->store, "empty", back, BIG, &err), 0);
    OK(store_stat(f->store, "empty", &object, &err));
    assert_int_equal(object.size, 0);
    free(data);
    free(back);
}

static void random_operations_as_the_model(void **state)
{
    struct fixture *f = *state;

    store_random_suite_run(f->store, f->suite->random_ops, 20220605);
}

int store_suite_run(const struct store_suite *suite)
{
#define CASE(fn)                                                                                             \
    {                                                                                                        \
#fn, fn, setup, teardown, &initial                                                                   \
    }
    struct store_suite initial = *suite;
    struct CMUnitTest tests[] = {
        CASE(place_that_is_missing_is_not_found),
        CASE(lists_in_byte_order_each_once),
        CASE(a_flat_listing_stays_in_its_folder),
        CASE(prefix_may_end_anywhere),
        CASE(keys_may_hold_odd_bytes),
        CASE(key_of_greatest_length),
        CASE(illegal_keys_are_refused_everywhere),
        CASE(lists_ten_thousand_keys),
        CASE(lists_while_others_write),
        CASE(stat_says_what_list_and_read_say),
        CASE(reads_ranges),
        CASE(reads_and_writes_big_and_empty),
        CASE(if_match_holds_or_not),
        CASE(change_in_the_middle_of_a_read),
        CASE(put_is_all_or_nothing),
        CASE(put_if_absent_by_caps),
        CASE(put_replaces_and_remove_is_idempotent),
        CASE(random_operations_as_the_model),
    };
    return cmocka_run_group_tests_name(suite->name, tests, NULL, NULL);
}
