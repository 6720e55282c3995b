/* err: the frozen table of names, first error wins, context, errno, and which exit status is worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "core/base/err.h"

/* What users and scripts rely on. A line is added with a new name; none is ever changed or taken out. */
static const struct {
    const char *text;
    enum err_code kind;
    int status;
} FROZEN[] = {
    {"NONE", ERR_OK, 0},
    {"USAGE", ERR_USAGE, 2},
    {"CONFIG", ERR_CONFIG, 2},
    {"CONFIG_UNKNOWN_KEY", ERR_CONFIG, 2},
    {"CONFIG_UNSET", ERR_CONFIG, 2},
    {"SECRET_EXPOSED", ERR_CONFIG, 2},
    {"QUERY", ERR_USAGE, 2},
    {"UNSUPPORTED", ERR_UNSUPPORTED, 2},
    {"NOT_FOUND", ERR_NOT_FOUND, 2},
    {"DENIED", ERR_DENIED, 2},
    {"READ_ONLY", ERR_DENIED, 2},
    {"KEY_OUTSIDE", ERR_DENIED, 2},
    {"KEY_TOO_LONG", ERR_CONFIG, 2},
    {"OBJECT_EXISTS", ERR_EXISTS, 2},
    {"TABLE_MISSING", ERR_CONFIG, 2},
    {"TABLE_MISMATCH", ERR_CONFIG, 2},
    {"TABLE_NOT_EMPTY", ERR_CONFIG, 2},
    {"SCHEMA_NEWER", ERR_CONFIG, 2},
    {"SCHEMA_OLDER", ERR_CONFIG, 2},
    {"NEEDS_LINEAGE", ERR_CONFIG, 2},
    {"BASELINE_ROW", ERR_CONFIG, 2},
    {"SOURCE_CHANGED", ERR_DATA, 3},
    {"SOURCE_GONE", ERR_DATA, 3},
    {"SOURCE_MOVED", ERR_PRECONDITION, 3},
    {"HOUR_EMPTY", ERR_DATA, 3},
    {"CSV_RAGGED", ERR_DATA, 3},
    {"CSV_QUOTE", ERR_DATA, 3},
    {"CSV_LONE_CR", ERR_DATA, 3},
    {"CSV_NUL", ERR_DATA, 3},
    {"CSV_FIELD_TOO_LONG", ERR_DATA, 3},
    {"CSV_RECORD_TOO_LONG", ERR_DATA, 3},
    {"CSV_TOO_MANY_COLUMNS", ERR_DATA, 3},
    {"CSV_NO_HEADER", ERR_DATA, 3},
    {"CSV_HEADER", ERR_DATA, 3},
    {"CAST_BOOLEAN", ERR_DATA, 3},
    {"CAST_INT", ERR_DATA, 3},
    {"CAST_FLOAT", ERR_DATA, 3},
    {"CAST_DECIMAL", ERR_DATA, 3},
    {"CAST_DATE", ERR_DATA, 3},
    {"CAST_TIMESTAMP", ERR_DATA, 3},
    {"CAST_RANGE", ERR_DATA, 3},
    {"TEXT_TOO_LONG", ERR_DATA, 3},
    {"TEXT_ENCODING", ERR_DATA, 3},
    {"NOT_NULL", ERR_DATA, 3},
    {"CHECK_MIN", ERR_DATA, 3},
    {"CHECK_MAX", ERR_DATA, 3},
    {"CHECK_IN", ERR_DATA, 3},
    {"CHECK_REGEX", ERR_DATA, 3},
    {"CHECK_UNIQUE", ERR_DATA, 3},
    {"CHECK_NULLS", ERR_DATA, 3},
    {"CHECK_ROWS", ERR_DATA, 3},
    {"CHECK_MEAN", ERR_DATA, 3},
    {"CHECK_SQL", ERR_DATA, 3},
    {"REJECT_LIMIT", ERR_DATA, 3},
    {"REPLAY_REFUSED", ERR_DATA, 3},
    {"COMPRESSED", ERR_DATA, 3},
    {"COMPRESSION_RATIO", ERR_DATA, 3},
    {"CONSERVATION", ERR_INTERNAL, 1},
    {"VERIFY_DIFFERENT", ERR_DATA, 3},
    {"DB_CONSTRAINT", ERR_DATA, 3},
    {"DB_VALUE", ERR_DATA, 3},
    {"DB_BUSY", ERR_BUSY, 5},
    {"DB_LOST", ERR_TRANSIENT, 5},
    {"DB_IN_DOUBT", ERR_IN_DOUBT, 5},
    {"DB_CORRUPT", ERR_CONFIG, 2},
    {"DB", ERR_CONFIG, 2},
    {"STORE_UNREACHABLE", ERR_TRANSIENT, 5},
    {"STORE_THROTTLED", ERR_TRANSIENT, 5},
    {"STORE_TRUNCATED", ERR_TRANSIENT, 5},
    {"STORE_CHECKSUM", ERR_DATA, 3},
    {"LEDGER_EXISTS", ERR_EXISTS, 1},
    {"LEDGER_MOVED", ERR_PRECONDITION, 1},
    {"HELD", ERR_HELD, 4},
    {"WORKERS_DIED", ERR_TRANSIENT, 1},
    {"FENCED", ERR_FENCED, 1},
    {"NOMEM", ERR_NOMEM, 1},
    {"LIMIT", ERR_NOMEM, 1},
    {"IO", ERR_IO, 1},
    {"DISK_FULL", ERR_IO, 1},
    {"CANCELLED", ERR_CANCELLED, 1},
    {"INTERNAL", ERR_INTERNAL, 1},
};

static void names_are_frozen(void **unused)
{
    (void)unused;
    assert_int_equal(sizeof FROZEN / sizeof FROZEN[0], ERRN_COUNT);
    for (int i = 0; i < ERRN_COUNT; i++) {
        enum err_name name = err_name_find(FROZEN[i].text);

        assert_int_equal(name, i);
        assert_string_equal(err_name_text(name), FROZEN[i].text);
        assert_int_equal(err_name_kind(name), FROZEN[i].kind);
        assert_int_equal(err_name_status(name), FROZEN[i].status);
        assert_true(strlen(err_name_help(name)) > 8);
    }
}

static void names_are_found_without_case(void **unused)
{
    (void)unused;
    assert_int_equal(err_name_find("csv_Ragged"), ERRN_CSV_RAGGED);
    assert_int_equal(err_name_find("CSV_RAGGE"), ERRN_NONE);
    assert_int_equal(err_name_find(""), ERRN_NONE);
}

static void unknown_names_read_as_a_bug(void **unused)
{
    struct err err = ERR_INIT;

    (void)unused;
    assert_string_equal(err_name_text((enum err_name)9999), "INTERNAL");
    assert_int_equal(err_set(&err, (enum err_name)9999, "x"), ERR_INTERNAL);
    err_clear(&err);
    assert_int_equal(err_set(&err, ERRN_NONE, "x"), ERR_INTERNAL);
    assert_int_equal(err.name, ERRN_INTERNAL);
}

static void first_error_wins(void **unused)
{
    struct err err = ERR_INIT;

    (void)unused;
    assert_int_equal(err_status(&err), 0);
    assert_int_equal(err_set_native(&err, ERRN_DB_BUSY, 5, "locked by %d", 42), ERR_BUSY);
    assert_int_equal(err_set(&err, ERRN_IO, "later"), ERR_BUSY);
    assert_int_equal(err_set_native(&err, ERRN_IO, 1, "later"), ERR_BUSY);
    assert_int_equal(err_set_errno(&err, ENOSPC, "later"), ERR_BUSY);
    assert_int_equal(err_nomem(&err), ERR_BUSY);
    assert_int_equal(err.name, ERRN_DB_BUSY);
    assert_int_equal(err.native, 5);
    assert_string_equal(err.msg, "locked by 42");
    assert_int_equal(err_status(&err), 5);
    err_clear(&err);
    assert_int_equal(err.code, ERR_OK);
    assert_int_equal(err.native, 0);
    assert_string_equal(err.msg, "");
    assert_int_equal(err_nomem(&err), ERR_NOMEM);
    assert_string_equal(err.msg, "out of memory");
}

static void context_goes_before(void **unused)
{
    struct err err = ERR_INIT;

    (void)unused;
    assert_int_equal(err_context(&err, "nothing"), ERR_OK);
    assert_string_equal(err.msg, "");
    err_set(&err, ERRN_CAST_INT, "\"x\" is no number");
    assert_int_equal(err_context(&err, "a.csv line %d", 812), ERR_DATA);
    assert_string_equal(err.msg, "a.csv line 812: \"x\" is no number");
    assert_int_equal(err_status(&err), 3);
}

static void arguments_may_point_into_the_message(void **unused)
{
    struct err err = ERR_INIT;

    (void)unused;
    err_set(&err, ERRN_IO, "disk");
    err_context(&err, "<%s|%s>", err.msg, err.msg);
    assert_string_equal(err.msg, "<disk|disk>: disk");
    err.code = ERR_OK;
    err_set(&err, ERRN_IO, "again: %s", err.msg);
    assert_string_equal(err.msg, "again: <disk|disk>: disk");
    err.code = ERR_OK;
    err_set_native(&err, ERRN_IO, 1, "%s!", err.msg + 7);
    assert_string_equal(err.msg, "<disk|disk>: disk!");
}

static void long_messages_are_cut(void **unused)
{
    struct err err = ERR_INIT;
    char text[3 * ERR_MSG_MAX];

    (void)unused;
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERRN_IO, "%s", text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    err_context(&err, "b");
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_memory_equal(err.msg, "b: aaa", 6);
    err_context(&err, "%s", text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_null(strchr(err.msg, 'b'));
    err_clear(&err);
    err_set_errno(&err, EIO, "%s", text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
}

static void errno_becomes_a_name(void **unused)
{
    static const struct {
        int errnum;
        enum err_name name;
    } cases[] = {
        {ENOENT, ERRN_NOT_FOUND}, {ENOTDIR, ERRN_NOT_FOUND}, {EACCES, ERRN_DENIED},    {EPERM, ERRN_DENIED},
        {EROFS, ERRN_READ_ONLY},  {ENOSPC, ERRN_DISK_FULL},  {EDQUOT, ERRN_DISK_FULL}, {ENOMEM, ERRN_NOMEM},
        {EIO, ERRN_IO},           {EMFILE, ERRN_IO},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct err err = ERR_INIT;

        assert_int_equal(err_set_errno(&err, cases[i].errnum, "open %s", "x"), err_name_kind(cases[i].name));
        assert_int_equal(err.name, cases[i].name);
        assert_int_equal(err.native, cases[i].errnum);
        assert_memory_equal(err.msg, "open x: ", 8);
        assert_string_equal(err.msg + 8, strerror(cases[i].errnum));
    }
}

static void only_two_kinds_are_transient(void **unused)
{
    (void)unused;
    for (int code = ERR_OK; code <= ERR_INTERNAL; code++)
        assert_int_equal(err_is_transient((enum err_code)code), code == ERR_TRANSIENT || code == ERR_BUSY);
}

static void worse_status_is_a_fixed_order(void **unused)
{
    static const int best_to_worst[] = {0, 4, 5, 3, 1, 2, 130};

    (void)unused;
    for (int a = 0; a < 7; a++) {
        for (int b = 0; b < 7; b++)
            assert_int_equal(err_status_worse(best_to_worst[a], best_to_worst[b]),
                             best_to_worst[a > b ? a : b]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_frozen),
        cmocka_unit_test(names_are_found_without_case),
        cmocka_unit_test(unknown_names_read_as_a_bug),
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(context_goes_before),
        cmocka_unit_test(arguments_may_point_into_the_message),
        cmocka_unit_test(long_messages_are_cut),
        cmocka_unit_test(errno_becomes_a_name),
        cmocka_unit_test(only_two_kinds_are_transient),
        cmocka_unit_test(worse_status_is_a_fixed_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
