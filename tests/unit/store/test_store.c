/* store: the checked wrappers, held against a backend that breaks every promise, and failed allocations in
 * real ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "backends/registry.h"
#include "backends/store_mem.h"
#include "core/base/mem.h"
#include "core/store/store_fault.h"
#include "core/store/store_retry.h"
#include "core/store/store_trace.h"
#include "tests/support/tempdir.h"

/* What the lying backend answers next, and how often it was asked. */
static struct {
    struct store_object objects[4];
    int nobjects, next;
    int64_t expected, reads_give;
    enum err_code read_fails, list_fails;
    int puts, takes, removes, closed_readers, asked;
} lie;

static struct store liar;
static struct store_list liar_list;
static struct store_reader liar_reader;

static enum err_code lie_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                    struct store_list **out, struct err *err)
{
    (void)store;
    (void)prefix;
    (void)scope;
    (void)err;
    lie.next = 0;
    *out = &liar_list;
    return ERR_OK;
}

static enum err_code lie_list_next(struct store_list *list, struct store_object *object, bool *more,
                                   struct err *err)
{
    (void)list;
    lie.asked++;
    *more = lie.next < lie.nobjects;
    if (lie.list_fails) {
        return err_set(err, ERRN_STORE_UNREACHABLE, "no answer");
    }
    if (*more) {
        *object = lie.objects[lie.next++];
    }
    return ERR_OK;
}

static void lie_list_end(struct store_list *list)
{
    (void)list;
}

static enum err_code lie_stat(struct store *store, const char *key, struct store_object *out, struct err *err)
{
    (void)store;
    (void)key;
    (void)err;
    *out = lie.objects[0];
    return ERR_OK;
}

static enum err_code lie_open_read(struct store *store, const char *key, const struct store_range *range,
                                   struct store_reader **out, struct err *err)
{
    (void)store;
    (void)key;
    (void)range;
    (void)err;
    liar_reader = (struct store_reader){.object = lie.objects[0], .expected = lie.expected};
    *out = &liar_reader;
    return ERR_OK;
}

static enum err_code lie_read(struct store_reader *reader, void *dst, size_t cap, size_t *n, struct err *err)
{
    (void)reader;
    (void)dst;
    (void)cap;
    lie.asked++;
    *n = (size_t)lie.reads_give;
    return lie.read_fails ? err_set(err, ERRN_STORE_UNREACHABLE, "no answer") : ERR_OK;
}

static void lie_close_read(struct store_reader *reader)
{
    (void)reader;
    lie.closed_readers++;
}

static enum err_code lie_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                             enum store_condition condition, struct err *err)
{
    char buf[8];
    size_t n = 1;

    (void)store;
    (void)key;
    (void)size;
    (void)condition;
    lie.puts++;
    for (int i = 0; i < lie.takes && n > 0; i++) {
        if (bytes_read(body, buf, sizeof buf, &n, err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

static enum err_code lie_remove(struct store *store, const char *key, struct err *err)
{
    (void)store;
    (void)key;
    (void)err;
    lie.removes++;
    return ERR_OK;
}

static void lie_close(struct store *store)
{
    (void)store;
    lie.asked++;
}

static enum err_code lie_open(const struct url *url, const char *base_dir, const struct clock *clock,
                              bool create, struct store **out, struct err *err)
{
    (void)url;
    (void)base_dir;
    (void)clock;
    (void)create;
    (void)err;
    *out = &liar;
    return ERR_OK;
}

static const char *const schemes[] = {"liar", NULL};
static const struct store_type liar_type = {
    "liar",        schemes,  lie_open,       lie_list_begin, lie_list_next, lie_list_end, lie_stat,
    lie_open_read, lie_read, lie_close_read, lie_put,        lie_remove,    lie_close};

static int setup(void **state)
{
    static char label[] = "liar:";

    (void)state;
    memset(&lie, 0, sizeof lie);
    liar = (struct store){.type = &liar_type, .clock = clock_real(), .label = label};
    lie.objects[0] = (struct store_object){.key = "a", .size = 10, .etag = "1"};
    lie.nobjects = 1;
    lie.expected = 10;
    return 0;
}

static void keys_are_valid_or_not(void **state)
{
    char key[STORE_KEY_MAX + 2];

    (void)state;
    for (const char *const *k =
             (const char *const[]){"a", "a/b", "...", "a/..b", " ", "\n", "\xff", "a/.b/c..", NULL};
         *k; k++) {
        assert_true(store_key_valid(*k));
    }
    for (const char *const *k = (const char *const[]){"", "/", "/a", "a/", "a//b", ".", "..", "./a", "a/.",
                                                      "a/../b", "../a", NULL};
         *k; k++) {
        assert_false(store_key_valid(*k));
    }
    memset(key, 'k', sizeof key);
    key[STORE_KEY_MAX + 1] = '\0';
    assert_false(store_key_valid(key));
    key[STORE_KEY_MAX] = '\0';
    assert_true(store_key_valid(key));
}

static void types_must_be_whole_and_set_up(void **state)
{
    struct store_type holed = liar_type;
    struct err a = ERR_INIT, b = ERR_INIT, c = ERR_INIT;
    struct store *out = &liar;
    struct url url = {0};

    (void)state;
    holed.remove = NULL;
    assert_int_equal(store_open(&holed, &url, "/", clock_real(), false, &out, &a), ERR_INTERNAL);
    assert_null(out);
    assert_int_equal(store_open(&liar_type, &url, "/", NULL, false, &out, &b),
                     ERR_INTERNAL); /* not this clock */
    assert_null(out);
    assert_int_equal(lie.asked, 1); /* closed again */
    assert_int_equal(store_open(&liar_type, &url, "/", clock_real(), false, &out, &c), ERR_OK);
    assert_ptr_equal(out, &liar);
    store_close(NULL);
    store_list_end(NULL);
    store_close_read(NULL);
}

static void expect_breach(const char *prefix, enum store_scope scope, int good)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    bool more;

    assert_int_equal(store_list_begin(&liar, prefix, scope, &list, &err), ERR_OK);
    while (good-- > 0) {
        assert_int_equal(store_list_next(list, &object, &more, &err), ERR_OK);
        assert_true(more);
    }
    for (int again = 0; again < 2; again++) {
        err_clear(&err);
        assert_int_equal(store_list_next(list, &object, &more, &err), ERR_INTERNAL);
        assert_int_equal(err.code, ERR_INTERNAL);
        assert_false(more);
    }
}

static void expect_list_breach(const char *prefix, int good)
{
    expect_breach(prefix, STORE_BELOW, good);
}

static void listings_are_checked(void **state)
{
    struct store_object a = lie.objects[0], b = a;

    (void)state;
    b.key[0] = 'b';
    lie.nobjects = 2;
    lie.objects[1] = a; /* twice */
    expect_list_breach("", 1);
    lie.objects[0] = b; /* out of order */
    expect_list_breach("", 1);
    lie.nobjects = 1;
    expect_list_breach("a", 0); /* outside the prefix */
    lie.objects[0] = a;
    lie.objects[0].size = -1;
    expect_list_breach("", 0);
    lie.objects[0] = a;
    lie.objects[0].etag[0] = '\0';
    expect_list_breach("", 0);
    memset(lie.objects[0].etag, 'e', sizeof a.etag);
    expect_list_breach("", 0);
    lie.objects[0] = a;
    memset(lie.objects[0].key, 'k', sizeof a.key);
    expect_list_breach("", 0);
    memcpy(lie.objects[0].key, "../a", sizeof "../a");
    expect_list_breach("", 0);
    memcpy(lie.objects[0].key, "a/b", sizeof "a/b");
    expect_breach("a", STORE_FLAT, 0); /* in a folder */
}

static void a_listing_that_failed_stays_failed(void **state)
{
    struct err err = ERR_INIT;
    struct store_list *list;
    struct store_object object;
    bool more = true;

    (void)state;
    lie.list_fails = ERR_TRANSIENT;
    assert_int_equal(store_list_begin(&liar, "", STORE_BELOW, &list, &err), ERR_OK);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_TRANSIENT);
    assert_false(more);
    lie.list_fails = ERR_OK;
    lie.nobjects = 0;
    err_clear(&err);
    assert_int_equal(store_list_next(list, &object, &more, &err), ERR_TRANSIENT);
    assert_string_equal(err.msg, "no answer");
    assert_int_equal(lie.asked, 1);
}

static void stat_is_checked(void **state)
{
    struct err a = ERR_INIT, b = ERR_INIT;
    struct store_object object;

    (void)state;
    assert_int_equal(store_stat(&liar, "a", &object, &a), ERR_OK);
    assert_int_equal(store_stat(&liar, "other", &object, &b), ERR_INTERNAL);
}

static void expect_open_breach(const char *key, const struct store_range *range)
{
    struct err err = ERR_INIT;
    struct store_reader *reader = &liar_reader;

    assert_int_equal(store_open_read(&liar, key, range, &reader, &err), ERR_INTERNAL);
    assert_null(reader);
}

static void opening_is_checked(void **state)
{
    (void)state;
    expect_open_breach("other", NULL);
    expect_open_breach("a", &(struct store_range){.offset = 3, .length = -1});
    expect_open_breach("a", &(struct store_range){.offset = 0, .length = 9});
    expect_open_breach("a", &(struct store_range){.offset = 99, .length = -1});
    expect_open_breach("a", &(struct store_range){.length = -1, .if_match = "2"});
    assert_int_equal(lie.closed_readers, 5);
    expect_open_breach("a", &(struct store_range){.offset = -1, .length = -1});
    expect_open_breach("a", &(struct store_range){.offset = 0, .length = -2});
    assert_int_equal(lie.closed_readers, 5); /* never opened */
}

static void expect_read(enum err_code wanted, enum err_name name, size_t cap)
{
    struct err err = ERR_INIT;
    struct store_reader *reader;
    char buf[64];
    size_t n = 7;

    assert_int_equal(store_open_read(&liar, "a", NULL, &reader, &err), ERR_OK);
    assert_int_equal(store_read(reader, buf, cap, &n, &err), wanted);
    assert_int_equal(err.name, name);
    if (wanted != ERR_OK) {
        int asked = lie.asked;

        assert_int_equal(n, 0);
        err_clear(&err);
        assert_int_equal(bytes_read(&reader->bytes, buf, sizeof buf, &n, &err), wanted); /* stays failed */
        assert_int_equal(err.name, name);
        assert_int_equal(lie.asked, asked);
    }
    store_close_read(reader);
}

static void reading_is_checked(void **state)
{
    (void)state;
    lie.reads_give = 10;
    expect_read(ERR_OK, ERRN_NONE, 10);
    expect_read(ERR_INTERNAL, ERRN_INTERNAL, 9); /* more than was asked for */
    expect_read(ERR_INTERNAL, ERRN_INTERNAL, 0);
    lie.reads_give = 11;
    expect_read(ERR_INTERNAL, ERRN_INTERNAL, 64); /* more than there is */
    lie.reads_give = 0;
    expect_read(ERR_TRANSIENT, ERRN_STORE_TRUNCATED, 10);
    lie.read_fails = ERR_TRANSIENT;
    expect_read(ERR_TRANSIENT, ERRN_STORE_UNREACHABLE, 10);
}

static enum err_code put_text(const char *text, int64_t size, enum store_condition condition, struct err *err)
{
    struct bytes_mem body;

    bytes_mem_init(&body, text, strlen(text));
    return store_put(&liar, "a", &body.base, size, condition, err);
}

static void putting_is_checked(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    lie.takes = 100;
    assert_int_equal(put_text("twelve bytes", 12, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(put_text("", 0, PUT_ALWAYS, &err), ERR_OK);
    assert_int_equal(put_text("twelve bytes", 13, PUT_ALWAYS, &err), ERR_INTERNAL);
    err_clear(&err);
    assert_int_equal(put_text("twelve bytes", 11, PUT_ALWAYS, &err), ERR_INTERNAL);
    err_clear(&err);
    lie.takes = 1; /* 8 bytes only, and says that all is well */
    assert_int_equal(put_text("twelve bytes", 12, PUT_ALWAYS, &err), ERR_INTERNAL);
    err_clear(&err);
    lie.puts = 0;
    assert_int_equal(put_text("x", 0, PUT_ALWAYS, &err), ERR_INTERNAL);
    err_clear(&err);
    assert_int_equal(put_text("x", -1, PUT_ALWAYS, &err), ERR_INTERNAL);
    err_clear(&err);
    assert_int_equal(put_text("x", 1, PUT_IF_ABSENT, &err), ERR_UNSUPPORTED);
    err_clear(&err);
    assert_int_equal(store_remove(&liar, "../a", &err), ERR_DENIED);
    assert_int_equal(lie.puts + lie.removes, 0); /* the backend never saw these */
}

/* Fails the nth allocation from now on. */
static bool nth(void *ctx)
{
    int *left = ctx;

    return --*left == 0;
}

static enum err_code list_all(struct store *store, struct err *err)
{
    struct store_list *list = NULL;
    struct store_object object;
    bool more = true;

    if (store_list_begin(store, "d", STORE_BELOW, &list, err) == ERR_OK) {
        while (store_list_next(list, &object, &more, err) == ERR_OK && more) {
        }
    }
    store_list_end(list);
    return err->code;
}

static enum err_code read_all(struct store *store, struct err *err)
{
    struct store_reader *reader = NULL;
    char buf[64];
    size_t n = 1;

    if (store_open_read(store, "d/e/x", NULL, &reader, err) == ERR_OK) {
        while (n > 0 && store_read(reader, buf, sizeof buf, &n, err) == ERR_OK) {
        }
    }
    store_close_read(reader);
    return err->code;
}

/* Everything once, through all wrappers. */
static enum err_code tour(const char *url, const char *dir, struct err *err)
{
    struct store *store = NULL, *outer = NULL;
    struct store_retry_options options = {0};

    if (registry_open_store(url, dir, clock_real(), true, &store, err) != ERR_OK) {
        return err->code;
    }
    if (store_fault_wrap(store, "", &outer, err) == ERR_OK) {
        store = outer;
    }
    if (err->code == ERR_OK && store_retry_wrap(store, &options, &outer, err) == ERR_OK) {
        store = outer;
    }
    if (err->code == ERR_OK && store_trace_wrap(store, NULL, NULL, &outer, err) == ERR_OK) {
        store = outer;
    }
    if (err->code == ERR_OK && store_put_mem(store, "d/e/x", "text", 4, PUT_ALWAYS, err) == ERR_OK &&
        store_put_mem(store, "d/y", "text", 4, PUT_ALWAYS, err) == ERR_OK && list_all(store, err) == ERR_OK &&
        read_all(store, err) == ERR_OK) {
        (void)!store_remove(store, "d/y", err);
    }
    store_close(store);
    return err->code;
}

static void every_allocation_may_fail(void **state)
{
    char *dir = tempdir_make();

    (void)state;
    for (const char *const *url = (const char *const[]){"mem:tour", "file:tour", NULL}; *url; url++) {
        enum err_code code = ERR_NOMEM;
        int failures = 0;

        for (int n = 1; code != ERR_OK; n++) {
            struct err err = ERR_INIT;
            int left = n;

            mem_set_fault(nth, &left);
            code = tour(*url, dir, &err);
            mem_set_fault(NULL, NULL);
            if (code != ERR_OK) {
                assert_int_equal(code, ERR_NOMEM);
                failures++;
            }
        }
        assert_true(failures > 15);
    }
    store_mem_reset();
    tempdir_remove(dir);
}

static void registry_knows_schemes(void **state)
{
    struct err err = ERR_INIT;
    struct store *store = &liar;

    (void)state;
#ifdef SLUICE_LIBS3
    assert_string_equal(registry_store_names(), "file mem s3 libs3");
#else
    assert_string_equal(registry_store_names(), "file mem s3");
    assert_int_equal(registry_open_store("libs3://bucket", "/", clock_real(), false, &store, &err),
                     ERR_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "\"libs3:\" is no store of this build; it has: file mem s3"));
    err_clear(&err);
#endif
    assert_true(registry_known_store("lake") && registry_known_store("file:lake") &&
                registry_known_store("fs:lake"));
    assert_true(registry_known_store("mem:x") && registry_known_store("s3://bucket/x") &&
                registry_known_store("libs3://bucket"));
    assert_false(registry_known_store("sqlite:x.db") || registry_known_store("mysql://h/db") ||
                 registry_known_store("ftp://h/x"));
    assert_int_equal(registry_open_store("sqlite:x.db", "/", clock_real(), false, &store, &err),
                     ERR_UNSUPPORTED);
    assert_null(store);
    assert_non_null(strstr(err.msg, "file mem"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keys_are_valid_or_not, setup),
        cmocka_unit_test_setup(types_must_be_whole_and_set_up, setup),
        cmocka_unit_test_setup(listings_are_checked, setup),
        cmocka_unit_test_setup(a_listing_that_failed_stays_failed, setup),
        cmocka_unit_test_setup(stat_is_checked, setup),
        cmocka_unit_test_setup(opening_is_checked, setup),
        cmocka_unit_test_setup(reading_is_checked, setup),
        cmocka_unit_test_setup(putting_is_checked, setup),
        cmocka_unit_test_setup(every_allocation_may_fail, setup),
        cmocka_unit_test_setup(registry_knows_schemes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
