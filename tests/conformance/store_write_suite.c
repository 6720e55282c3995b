/* store_write_suite: those cases of the store suite that change objects: between reads, by halves, twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/conformance/store_case.h"

enum { BIG = 3 * 1024 * 1024 + 1, CHUNK = 65536 };

void if_match_holds_or_not(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct store_object object;
    struct store_range range = {0, -1, object.etag};
    struct store_reader *reader = NULL;

    case_put(f->store, "x", "one");
    OK(store_stat(f->store, "x", &object, &err));
    OK(store_open_read(f->store, "x", &range, &reader, &err));
    store_close_read(reader);
    case_put(f->store, "x", "other");
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
    struct store *other = case_second_handle(f);
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

void change_in_the_middle_of_a_read(void **state)
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
        case_keys(b->watch, "", b->before ? "x\n" : "");
        if (b->before) {
            case_holds(b->watch, "x", b->before);
        }
        if (b->fails) {
            *n = 0;
            return err_set(err, ERRN_COMPRESSED, "the body broke");
        }
    }
    return ERR_OK;
}

void put_is_all_or_nothing(void **state)
{
    static const char *const befores[] = {NULL, "old"};
    struct fixture *f = *state;
    struct store *other = case_second_handle(f);
    struct err err = ERR_INIT;
    struct store_object object;

    for (int i = 0; i < 2; i++) {
        struct spying_body body = {.base = {spying_read}, .len = 1000, .watch = other, .before = befores[i]};
        struct spying_body again;

        if (befores[i]) {
            case_put(f->store, "x", befores[i]);
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
        case_keys(f->store, "", befores[i] ? "x\n" : "");
        again = body;
        OK(store_put(f->store, "x", &again.base, 1000, PUT_ALWAYS, &err));
        OK(store_stat(other, "x", &object, &err));
        assert_int_equal(object.size, 1000);
    }
    store_close(other);
}

void put_if_absent_by_caps(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    if (!f->store->caps.put_if_absent) {
        FAILS(ERR_UNSUPPORTED, store_put_mem(f->store, "x", "1", 1, PUT_IF_ABSENT, e));
        return;
    }
    OK(store_put_mem(f->store, "d/x", "1", 1, PUT_IF_ABSENT, &err));
    FAILS(ERR_EXISTS, store_put_mem(f->store, "d/x", "2", 1, PUT_IF_ABSENT, e));
    case_holds(f->store, "d/x", "1");
    OK(store_remove(f->store, "d/x", &err));
    OK(store_put_mem(f->store, "d/x", "3", 1, PUT_IF_ABSENT, &err));
    case_holds(f->store, "d/x", "3");
    case_keys(f->store, "", "d/x\n");
}

void put_replaces_and_remove_is_idempotent(void **state)
{
    struct fixture *f = *state;
    struct store *other = case_second_handle(f);
    struct err err = ERR_INIT;
    struct store_object before, after;

    case_put(f->store, "d/e/x", "first");
    OK(store_stat(other, "d/e/x", &before, &err));
    case_put(f->store, "d/e/x", "second");
    OK(store_stat(other, "d/e/x", &after, &err));
    assert_string_not_equal(before.etag, after.etag);
    case_holds(other, "d/e/x", "second");
    OK(store_remove(other, "d/e/x", &err));
    OK(store_remove(other, "d/e/x", &err));
    OK(store_remove(other, "no/such/x", &err));
    OK(store_remove(other, "d/e", &err));
    case_absent(f->store, "d/e/x");
    case_keys(f->store, "", "");
    case_put(f->store, "d/e/x", "third");
    OK(store_remove(f->store, "d/e", &err)); /* a folder is no object */
    OK(store_remove(f->store, "d/e/x/y", &err));
    case_holds(other, "d/e/x", "third");
    store_close(other);
}
