/*
 * store_random_suite: a seeded sequence of puts, removes, reads and listings gives the same answers as the
 * model.
 *
 * Keys are made so that no object has the name of another's folder, which a file system cannot hold. Etags
 * are the store's own: they must be stable while nobody writes, and are not compared with the model's.
 */
#include "tests/conformance/store_random_suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "backends/store_mem.h"

enum { KEY_TEXT = 64, BODY_MAX = 300 };

struct random {
    uint64_t state;
    int step;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(r->state >> 33) % n;
}

static void random_key(struct random *r, char key[KEY_TEXT])
{
    static const char *const folders[] = {"",       "a/",   "a.b/",      "a-/",     "a/b/",
                                          "a/b.c/", "y=1/", "y=1/m=10/", "y=1/m=1/"};
    static const char *const files[] = {"f", "f.csv", "f-1", "f0", "F", "a0", "a-f", "a,f", "\xc3\xa9"};

    snprintf(key, KEY_TEXT, "%s%s", folders[below(r, 9)], files[below(r, 9)]);
}

/* Prefixes are often cut in the middle of a name. */
static void random_prefix(struct random *r, char prefix[KEY_TEXT])
{
    random_key(r, prefix);
    prefix[below(r, (unsigned)strlen(prefix) + 1)] = '\0';
}

static void assert_same(const struct random *r, const char *op, const char *key, const struct err *a,
                        const struct err *b)
{
    if (a->code != b->code) {
        fail_msg("step %d, %s %s: \"%s\", the model says \"%s\"", r->step, op, key, a->msg, b->msg);
    }
}

static void try_put(struct random *r, struct store *store, struct store *model)
{
    struct err a = ERR_INIT, b = ERR_INIT;
    char key[KEY_TEXT], body[BODY_MAX];
    size_t len = below(r, BODY_MAX);
    bool absent = store->caps.put_if_absent && below(r, 3) == 0;

    random_key(r, key);
    for (size_t i = 0; i < len; i++) {
        body[i] = (char)below(r, 256);
    }
    (void)!store_put_mem(store, key, body, len, absent ? PUT_IF_ABSENT : PUT_ALWAYS, &a);
    (void)!store_put_mem(model, key, body, len, absent ? PUT_IF_ABSENT : PUT_ALWAYS, &b);
    assert_same(r, "put", key, &a, &b);
}

static void try_remove(struct random *r, struct store *store, struct store *model)
{
    struct err a = ERR_INIT, b = ERR_INIT;
    char key[KEY_TEXT];

    random_key(r, key);
    (void)!store_remove(store, key, &a);
    (void)!store_remove(model, key, &b);
    assert_same(r, "remove", key, &a, &b);
}

/* Reads a range in pieces of random size; -1 where it cannot be opened. */
static int slurp(struct random *r, struct store *store, const char *key, const struct store_range *range,
                 char *buf, struct err *err)
{
    struct store_reader *reader;
    size_t len = 0, n = 0;

    if (store_open_read(store, key, range, &reader, err) != ERR_OK) {
        return -1;
    }
    do {
        (void)!store_read(reader, buf + len, 1 + below(r, 40), &n, err);
        len += n;
    } while (n > 0);
    store_close_read(reader);
    return (int)len;
}

static void try_read(struct random *r, struct store *store, struct store *model)
{
    struct err a = ERR_INIT, b = ERR_INIT;
    struct store_range range = {below(r, BODY_MAX), (int64_t)below(r, BODY_MAX) - 1, NULL};
    char key[KEY_TEXT], ours[2 * BODY_MAX], theirs[2 * BODY_MAX];
    int len, model_len;

    random_key(r, key);
    if (below(r, 2)) {
        range.offset = 0;
    }
    len = slurp(r, store, key, &range, ours, &a);
    model_len = slurp(r, model, key, &range, theirs, &b);
    assert_same(r, "read", key, &a, &b);
    assert_int_equal(len, model_len);
    assert_memory_equal(ours, theirs, len > 0 ? (size_t)len : 0);
}

static void try_list(struct random *r, struct store *store, struct store *model)
{
    struct err a = ERR_INIT, b = ERR_INIT;
    struct store_list *list, *model_list;
    struct store_object object, wanted, stat;
    char prefix[KEY_TEXT];
    enum store_scope scope = below(r, 2) ? STORE_FLAT : STORE_BELOW;
    bool more, model_more;

    random_prefix(r, prefix);
    assert_int_equal(store_list_begin(store, prefix, scope, &list, &a), ERR_OK);
    assert_int_equal(store_list_begin(model, prefix, scope, &model_list, &b), ERR_OK);
    do {
        if (store_list_next(list, &object, &more, &a) != ERR_OK) {
            fail_msg("step %d, list %s: %s", r->step, prefix, a.msg);
        }
        assert_int_equal(store_list_next(model_list, &wanted, &model_more, &b), ERR_OK);
        if (more != model_more || (more && strcmp(object.key, wanted.key) != 0)) {
            fail_msg("step %d, list %s: %s, the model says %s", r->step, prefix, more ? object.key : "(end)",
                     model_more ? wanted.key : "(end)");
        }
        if (more) {
            assert_int_equal(object.size, wanted.size);
            assert_int_equal(store_stat(store, object.key, &stat, &a), ERR_OK);
            assert_string_equal(stat.etag, object.etag);
        }
    } while (more);
    store_list_end(list);
    store_list_end(model_list);
}

void store_random_suite_run(struct store *store, int operations, uint64_t seed)
{
    static void (*const tries[])(struct random *, struct store *, struct store *) = {
        try_put, try_put, try_remove, try_read, try_read, try_list};
    struct random r = {.state = seed};
    struct url url = {.scheme = (char[]){"mem"}, .path = (char[]){"model-of-random-operations"}};
    struct err err = ERR_INIT;
    struct store *model;

    assert_int_equal(store_open(&store_mem, &url, "/", clock_real(), true, &model, &err), ERR_OK);
    for (r.step = 0; r.step < operations; r.step++) {
        tries[below(&r, sizeof tries / sizeof tries[0])](&r, store, model);
    }
    store_close(model);
}
