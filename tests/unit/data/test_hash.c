/* hash: published vectors, any cutting of the input, text form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/hash.h"

static void text_of(const struct hash_state *state, char out[HASH_TEXT_MAX])
{
    struct hash128 hash = hash_digest(state);
    hash_format(&hash, out);
}

static void test_vectors(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct hash_state *h;
    char text[HASH_TEXT_MAX];
    assert_int_equal(hash_new(&h, &err), ERR_OK);
    text_of(h, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f"); /* XXH3-128 of nothing */
    assert_true(hash64("", 0) == 0x2d06800538d394c2u);
    hash_update(h, "abc", 3);
    text_of(h, text);
    assert_string_equal(text, "06b05ab6733a618578af5f94892f3950");
    hash_reset(h);
    text_of(h, text);
    assert_string_equal(text, "99aa06d3014798d86001c324468d497f");
    hash_free(h);
    hash_free(NULL);
}

static void test_streaming(void **state)
{
    (void)state;
    static unsigned char data[5000];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i >> 3);
    struct err err = ERR_INIT;
    struct hash_state *whole, *parts;
    assert_int_equal(hash_new(&whole, &err), ERR_OK);
    assert_int_equal(hash_new(&parts, &err), ERR_OK);
    hash_update(whole, data, sizeof data);
    struct hash128 want = hash_digest(whole);
    for (size_t step = 1; step < 700; step += 37) {
        hash_reset(parts);
        for (size_t at = 0; at < sizeof data; at += step) {
            hash_update(parts, data + at, at + step < sizeof data ? step : sizeof data - at);
            struct hash128 sofar = hash_digest(parts); /* the state goes on */
            assert_int_equal(hash_equal(&sofar, &want), at + step >= sizeof data);
        }
    }
    hash_free(whole);
    hash_free(parts);
}

static void test_compare(void **state)
{
    (void)state;
    struct hash128 a = {{0}}, b = {{0}};
    assert_true(hash_is_zero(&a));
    b.bytes[15] = 1;
    assert_false(hash_is_zero(&b));
    assert_false(hash_equal(&a, &b));
    a.bytes[15] = 1;
    assert_true(hash_equal(&a, &b));
    char text[HASH_TEXT_MAX];
    hash_format(&a, text);
    assert_string_equal(text, "00000000000000000000000000000001");
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct hash_state *h;
    mem_set_fault(always, NULL);
    enum err_code code = hash_new(&h, &err);
    mem_set_fault(NULL, NULL);
    assert_int_equal(code, ERR_NOMEM);
    assert_null(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_streaming),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
