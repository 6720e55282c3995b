/* store_case: what the cases of the store suite share. For the files of the suite only. */
#ifndef SLUICE_TESTS_CONFORMANCE_STORE_CASE_H
#define SLUICE_TESTS_CONFORMANCE_STORE_CASE_H

#include "tests/conformance/store_suite.h"

/* State of a case: a fresh place and a handle on it. */
struct fixture {
    const struct store_suite *suite;
    struct store *store;
};

/* The call, made with the local `struct err err`, goes well. */
#define OK(call) case_code((call), ERR_OK, &err)

/* The call, made with the error `e`, fails with this code and says why. */
#define FAILS(wanted, call)                                                                                  \
    do {                                                                                                     \
        struct err failure = ERR_INIT, *e = &failure;                                                        \
        case_code((call), (wanted), e);                                                                      \
        assert_int_equal(e->code, (wanted));                                                                 \
        assert_string_not_equal(e->msg, "");                                                                 \
    } while (0)

void case_code(enum err_code code, enum err_code wanted, const struct err *err);

/* Another handle on the place. */
struct store *case_second_handle(const struct fixture *f);

void case_put(struct store *store, const char *key, const char *text);
void case_holds(struct store *store, const char *key, const char *text);
void case_absent(struct store *store, const char *key);

/* The listing of `prefix` is `wanted`, each key followed by a line end. */
void case_keys(struct store *store, const char *prefix, const char *wanted);

/* The cases of store_write_suite.c. */
void if_match_holds_or_not(void **state);
void change_in_the_middle_of_a_read(void **state);
void put_is_all_or_nothing(void **state);
void put_if_absent_by_caps(void **state);
void put_replaces_and_remove_is_idempotent(void **state);

#endif
