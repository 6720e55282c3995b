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

#include "tests/conformance/store_random_suite.h"

#define OK(call) assert_int_equal_msg((call), ERR_OK, &err)

enum { MANY = 10001, BIG = 3 * 1024 * 1024 + 1, CHUNK = 65536 };

/* State of a case: a fresh place and a handle on it. */
struct fixture {
    const struct store_suite *suite;
    struct store *store;
};

static void assert_int_equal_msg(enum err_code code, enum err_code wanted, const struct err *err)
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

static struct store *second_handle(const struct fixture *f)
{
    struct err err = ERR_INIT;
    struct store *store = NULL;

    OK(f->suite->open(f->suite->ctx, false, &store, &err));
    return store;
}

static void put(struct store *store, const char *key, const char *text)
{
    struct err err = ERR_INIT;

    OK(store_put_mem(store, key, text, strlen(text), PUT_ALWAYS, &err));
}

/* The call, made with the error `e`, fails with this code and says why. */
#define FAILS(wanted, call)                                                                                  \
    do {                                                                                                     \
        struct err failure = ERR_INIT, *e = &failure;                                                        \
        assert_int_equal_msg((call), (wanted), e);                                                           \
        assert_int_equal(e->code, (wanted));                                                                 \
        assert_string_not_equal(e->msg, "");                                                                 \
    } while (0)

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

static void assert_holds(struct store *store, const char *key, const char *text)
{
    struct err err = ERR_INIT;
    char buf[4096];

    if (store_suite_slurp(store, key, buf, sizeof buf, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(buf, text);
}

static void assert_absent(struct store *store, const char *key)
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
    OK(store_list_begin(store, prefix, &list, &err));
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

static void assert_keys(struct store *store, const char *prefix, const char *wanted)
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
    assert_keys(store, "", "");
    store_close(store);
    store = second_handle(f); /* what was made stays */
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

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!f->suite->xml_keys || keys[i][0] != '\x01') {
            put(f->store, keys[i], keys[i]);
        }
    }
    put(f->store, "b", "again");
    assert_keys(f->store, "b", "b\n");
    assert_keys(f->store, "a",
                "a b\na-b/z\na.b/c\na/0\na/b-\na/b.c\na/b/c\na/b/c.d/0\na/b/c.d/e\na/\x7f/x\na0\n");
    if (!f->suite->xml_keys) {
        assert_keys(
            f->store, "",
            "\x01x\nA\na b\na-b/z\na.b/c\na/0\na/b-\na/b.c\na/b/c\na/b/c.d/0\na/b/c.d/e\na/\x7f/x\na0\nb\n"
            "yyyy=2022-old/x\nyyyy=2022/hh=01/x\n\xc3\xa9\n");
    }
}

static void prefix_may_end_anywhere(void **state)
{
    struct fixture *f = *state;
    char longest[STORE_KEY_MAX + 2];
    struct store_list *list = NULL;

    put(f->store, "y=1/m=1/part-1.csv", "");
    put(f->store, "y=1/m=1/part-2.csv", "");
    put(f->store, "y=1/m=10/part-1.csv", "");
    put(f->store, "y=1/m=2", "");
    put(f->store, "z", "");
    assert_keys(f->store, "y=1/m=1/part-2", "y=1/m=1/part-2.csv\n");
    assert_keys(f->store, "y=1/m=1/part-2.csv", "y=1/m=1/part-2.csv\n");
    assert_keys(f->store, "y=1/m=1/", "y=1/m=1/part-1.csv\ny=1/m=1/part-2.csv\n");
    assert_keys(f->store, "y=1/m=1", "y=1/m=1/part-1.csv\ny=1/m=1/part-2.csv\ny=1/m=10/part-1.csv\n");
    assert_keys(f->store, "y=1/m=", "y=1/m=1/part-1.csv\ny=1/m=1/part-2.csv\ny=1/m=10/part-1.csv\ny=1/m=2\n");
    assert_keys(f->store, "z", "z\n");
    for (const char *const *none = (const char *const[]){"y=1/m=1/part-3", "y=2/", "y=1/m=2/", "z/", "zz",
                                                         "/", "y=1//", "../", "..", "./", "y=1/../", NULL};
         *none; none++) {
        assert_keys(f->store, *none, "");
    }
    memset(longest, 'x', sizeof longest);
    longest[STORE_KEY_MAX + 1] = '\0';
    FAILS(ERR_CONFIG, store_list_begin(f->store, longest, &list, e));
    longest[STORE_KEY_MAX] = '\0';
    assert_keys(f->store, longest, "");
}

static void keys_may_hold_odd_bytes(void **state)
{
    struct fixture *f = *state;
    const char *const plain[] = {"yyyy=2022/a+b%20c&d?e#f.csv",  " lead", "trail ", "q\"'`$;|<>\\",
                                 "caf\xc3\xa9/\xf0\x9f\x92\xa7", "..."};
    const char *const bytes[] = {"new\nline", "\xff\xfe", "tab\there", "a/\xc3", "\x1b[31m"};
    char line[64];

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        put(f->store, plain[i], plain[i]);
        assert_holds(f->store, plain[i], plain[i]);
    }
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0] && !f->suite->xml_keys; i++) {
        put(f->store, bytes[i], bytes[i]);
        assert_holds(f->store, bytes[i], bytes[i]);
        snprintf(line, sizeof line, "%s\n", bytes[i]);
        assert_keys(f->store, bytes[i], line);
    }
}

static void key_of_greatest_length(void **state)
{
    struct fixture *f = *state;
    char key[STORE_KEY_MAX + 2], line[STORE_KEY_MAX + 8];
    struct store_object object;

    for (int i = 0; i <= STORE_KEY_MAX; i++) {
        key[i] = i % 128 == 127 ? '/' : (char)('a' + i % 26);
    }
    key[STORE_KEY_MAX - 1] = 'z';
    key[STORE_KEY_MAX] = '\0';
    put(f->store, key, "deep");
    assert_holds(f->store, key, "deep");
    snprintf(line, sizeof line, "%s\n", key);
    assert_keys(f->store, "", line);
    for (int i = 1; i < STORE_KEY_MAX; i += 2) {
        key[i - 1] = 'd';
        key[i] = '/';
    }
    key[STORE_KEY_MAX - 1] = 'f';
    put(f->store, key, "deeper");
    assert_holds(f->store, key, "deeper");
    snprintf(line, sizeof line, "%s\n", key);
    assert_keys(f->store, "d/d/d", line);
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
    assert_keys(f->store, "", "");
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
            put(f->store, key, "");
        }
    }
    OK(store_list_begin(f->store, "", &list, &err));
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
    struct store *other = second_handle(f);
    struct err err = ERR_INIT;
    struct store_list *list, *beside;
    struct store_object object;
    char key[64], seen[16] = "";
    size_t len = 0;
    bool more;

    for (int i = 0; i < 8; i++) {
        snprintf(key, sizeof key, "d%d/keep", i);
        put(f->store, key, "");
        snprintf(key, sizeof key, "d%d/gone", i);
        put(f->store, key, "");
    }
    OK(store_list_begin(f->store, "", &list, &err));
    OK(store_list_begin(f->store, "d7", &beside, &err));
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
        put(other, key, "");
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

    put(f->store, "dir/x", "12345");
    OK(store_stat(f->store, "dir/x", &stat, &err));
    OK(store_list_begin(f->store, "", &list, &err));
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
    assert_absent(f->store, "dir");
    assert_absent(f->store, "dir/y");
    assert_absent(f->store, "nodir/y");
    assert_absent(f->store, "dir/x/y");
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

    put(f->store, "digits", "0123456789");
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

static void if_match_holds_or_not(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_object object;
    struct store_range range = {0, -1, object.etag};
    struct store_reader *reader = NULL;

    put(f->store, "x", "one");
    OK(store_stat(f->store, "x", &object, &err));
    OK(store_open_read(f->store, "x", &range, &reader, &err));
    store_close_read(reader);
    put(f->store, "x", "other");
    FAILS(ERR_PRECONDITION, store_open_read(f->store, "x", &range, &reader, e));
    assert_null(reader);
    OK(store_stat(f->store, "x", &object, &err));
    OK(store_open_read(f->store, "x", &range, &reader, &err));
    store_close_read(reader);
    range.if_match = "never";
    FAILS(ERR_PRECONDITION, store_open_read(f->store, "x", &range, &reader, e));
    OK(store_remove(f->store, "x", &err));
    FAILS(ERR_NOT_FOUND, store_open_read(f->store, "x", &range, &reader, e));
}

/* Reads on after `meddle`: the old bytes, all of them, or an error that stays; never a mixture. */
static void read_across(struct fixture *f, void (*meddle)(struct store *other))
{
    struct store *other = second_handle(f);
    struct err err = ERR_INIT;
    struct store_reader *reader;
    char *data = malloc(BIG), *back = malloc(CHUNK);
    int64_t got = 0;
    size_t n = 0;

    memset(data, 'o', BIG);
    OK(store_put_mem(f->store, "x", data, BIG, PUT_ALWAYS, &err));
    OK(store_open_read(f->store, "x", NULL, &reader, &err));
    OK(store_read(reader, back, 1000, &n, &err));
    got = (int64_t)n;
    meddle(other);
    while (store_read(reader, back, CHUNK, &n, &err) == ERR_OK && n > 0) {
        assert_memory_equal(back, data, n);
        got += (int64_t)n;
    }
    if (err.code == ERR_OK) {
        assert_int_equal(got, BIG);
    } else {
        assert_int_equal(err.code, ERR_PRECONDITION);
        FAILS(ERR_PRECONDITION, store_read(reader, back, CHUNK, &n, e));
        assert_int_equal(n, 0);
    }
    store_close_read(reader);
    store_close(other);
    free(data);
    free(back);
}

static void replace_x(struct store *other)
{
    struct err err = ERR_INIT;
    char *data = malloc(BIG);

    memset(data, 'n', BIG);
    OK(store_put_mem(other, "x", data, BIG, PUT_ALWAYS, &err));
    free(data);
}

static void remove_x(struct store *other)
{
    struct err err = ERR_INIT;

    OK(store_remove(other, "x", &err));
}

static void change_in_the_middle_of_a_read(void **state)
{
    read_across(*state, replace_x);
    read_across(*state, remove_x);
}

/* A body of `len` bytes that looks at the store when half is gone, and may fail then. */
struct spying_body {
    struct bytes base;
    size_t len, got;
    struct store *watch;
    const char *before; /* what stands under "x" until the put is done; NULL = nothing */
    bool fails;
};

static enum err_code spying_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct spying_body *b = (struct spying_body *)self;

    *n = b->len - b->got < cap ? b->len - b->got : cap;
    *n = *n > 100 ? 100 : *n;
    memset(dst, 'b', *n);
    b->got += *n;
    if (b->got >= b->len / 2) {
        assert_keys(b->watch, "", b->before ? "x\n" : "");
        if (b->before) {
            assert_holds(b->watch, "x", b->before);
        }
        if (b->fails) {
            *n = 0;
            return err_set(err, ERRN_COMPRESSED, "the body broke");
        }
    }
    return ERR_OK;
}

static void put_is_all_or_nothing(void **state)
{
    static const char *const befores[] = {NULL, "old"};
    struct fixture *f = *state;
    struct store *other = second_handle(f);
    struct err err = ERR_INIT;
    struct store_object object;

    for (int i = 0; i < 2; i++) {
        struct spying_body body = {.base = {spying_read}, .len = 1000, .watch = other, .before = befores[i]};
        struct spying_body again;

        if (befores[i]) {
            put(f->store, "x", befores[i]);
        }
        again = body;
        FAILS(ERR_INTERNAL, store_put(f->store, "x", &again.base, 1001, PUT_ALWAYS, e));
        again = body;
        FAILS(ERR_INTERNAL, store_put(f->store, "x", &again.base, 999, PUT_ALWAYS, e));
        again = body;
        FAILS(ERR_INTERNAL, store_put(f->store, "x", &again.base, 0, PUT_ALWAYS, e));
        again = body;
        again.fails = true;
        FAILS(ERR_DATA, store_put(f->store, "x", &again.base, 1000, PUT_ALWAYS, e));
        assert_keys(f->store, "", befores[i] ? "x\n" : "");
        again = body;
        OK(store_put(f->store, "x", &again.base, 1000, PUT_ALWAYS, &err));
        OK(store_stat(other, "x", &object, &err));
        assert_int_equal(object.size, 1000);
    }
    store_close(other);
}

static void put_if_absent_by_caps(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    if (!f->store->caps.put_if_absent) {
        FAILS(ERR_UNSUPPORTED, store_put_mem(f->store, "x", "1", 1, PUT_IF_ABSENT, e));
        return;
    }
    OK(store_put_mem(f->store, "d/x", "1", 1, PUT_IF_ABSENT, &err));
    FAILS(ERR_EXISTS, store_put_mem(f->store, "d/x", "2", 1, PUT_IF_ABSENT, e));
    assert_holds(f->store, "d/x", "1");
    OK(store_remove(f->store, "d/x", &err));
    OK(store_put_mem(f->store, "d/x", "3", 1, PUT_IF_ABSENT, &err));
    assert_holds(f->store, "d/x", "3");
    assert_keys(f->store, "", "d/x\n");
}

static void put_replaces_and_remove_is_idempotent(void **state)
{
    struct fixture *f = *state;
    struct store *other = second_handle(f);
    struct err err = ERR_INIT;
    struct store_object before, after;

    put(f->store, "d/e/x", "first");
    OK(store_stat(other, "d/e/x", &before, &err));
    put(f->store, "d/e/x", "second");
    OK(store_stat(other, "d/e/x", &after, &err));
    assert_string_not_equal(before.etag, after.etag);
    assert_holds(other, "d/e/x", "second");
    OK(store_remove(other, "d/e/x", &err));
    OK(store_remove(other, "d/e/x", &err));
    OK(store_remove(other, "no/such/x", &err));
    OK(store_remove(other, "d/e", &err));
    assert_absent(f->store, "d/e/x");
    assert_keys(f->store, "", "");
    put(f->store, "d/e/x", "third");
    OK(store_remove(f->store, "d/e", &err)); /* a folder is no object */
    OK(store_remove(f->store, "d/e/x/y", &err));
    assert_holds(other, "d/e/x", "third");
    store_close(other);
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
