/* log: forms of a line, escapes, levels, redaction (also cut, overlapping, evicted, without memory). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"

struct sink {
    FILE *file;
    char *text;
    size_t len;
};

static int open_sink(void **state)
{
    static struct sink sink;

    sink.file = open_memstream(&sink.text, &sink.len);
    *state = &sink;
    log_configure(sink.file, LOG_TEXT, LOG_DEBUG);
    return sink.file ? 0 : -1;
}

static int close_sink(void **state)
{
    struct sink *sink = *state;

    log_configure(NULL, LOG_TEXT, LOG_INFO);
    log_release();
    fclose(sink->file);
    free(sink->text);
    return 0;
}

/* What was written since the last call. */
static const char *written(struct sink *sink)
{
    static char copy[65536];

    fflush(sink->file);
    assert_true(sink->len < sizeof copy);
    memcpy(copy, sink->text, sink->len);
    copy[sink->len] = '\0';
    rewind(sink->file);
    return copy;
}

/* A JSON line as a parser sees it; the caller releases it. */
static json_t *written_json(struct sink *sink)
{
    const char *line = written(sink);
    json_error_t error;
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &error);

    if (!json)
        fail_msg("%s in: %s", error.text, line);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    return json;
}

static void text_names_the_level(void **state)
{
    (void)state;
    log_msg(LOG_ERROR, "a %d", 1);
    assert_string_equal(written(*state), "sluice: error: a 1\n");
    log_msg(LOG_WARN, "b");
    assert_string_equal(written(*state), "sluice: warning: b\n");
    log_msg(LOG_INFO, "c");
    assert_string_equal(written(*state), "sluice: c\n");
    log_msg(LOG_DEBUG, "d");
    assert_string_equal(written(*state), "sluice: debug: d\n");
}

static void levels_above_the_limit_are_silent(void **state)
{
    struct sink *sink = *state;
    struct err err = ERR_INIT;

    log_configure(sink->file, LOG_TEXT, LOG_ERROR);
    err_set(&err, ERRN_IO, "x");
    log_msg(LOG_WARN, "no");
    log_err(LOG_WARN, &err);
    log_msg(LOG_ERROR, "yes");
    assert_string_equal(written(sink), "sluice: error: yes\n");
}

static void errors_have_names(void **state)
{
    struct sink *sink = *state;
    struct err err = ERR_INIT;
    json_t *json;

    log_err(LOG_ERROR, &err); /* no error, no line */
    err_set(&err, ERRN_CSV_RAGGED, "line 7");
    log_err(LOG_ERROR, &err);
    assert_string_equal(written(sink), "sluice: error: CSV_RAGGED: line 7\n");
    log_configure(sink->file, LOG_JSON, LOG_INFO);
    log_err(LOG_WARN, &err);
    json = written_json(sink);
    assert_int_equal(json_object_size(json), 4);
    assert_string_equal(json_string_value(json_object_get(json, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(json, "error_name")), "CSV_RAGGED");
    assert_string_equal(json_string_value(json_object_get(json, "message")), "line 7");
    json_decref(json);
}

static void text_has_no_raw_controls(void **state)
{
    log_msg(LOG_INFO, "%s", "a\nb\r\t\x1b[31m\x7f|\xc2\x9b|\xc3\xa9|\xff|\xe2\x82|\"\\");
    assert_string_equal(
        written(*state),
        "sluice: a\\x0ab\\x0d\\x09\\x1b[31m\\x7f|\\xc2\\x9b|\xc3\xa9|\\xff|\\xe2\\x82|\"\\\n");
}

static void json_holds_any_message(void **state)
{
    struct sink *sink = *state;
    json_t *json;
    char all[256];

    log_configure(sink->file, LOG_JSON, LOG_INFO);
    log_msg(LOG_INFO, "%s", "q\"b\\n\n\x01\x7f \xc2\x85 \xc3\xa9\xf0\x9f\x98\x80");
    json = written_json(sink);
    assert_int_equal(json_object_size(json), 3);
    assert_string_equal(json_string_value(json_object_get(json, "message")),
                        "q\"b\\n\n\x01\x7f \xc2\x85 \xc3\xa9\xf0\x9f\x98\x80");
    assert_string_equal(json_string_value(json_object_get(json, "level")), "info");
    assert_int_equal(json_string_length(json_object_get(json, "time")), 27);
    json_decref(json);

    /* Overlong forms, surrogates, too large, cut and stray bytes are each replaced. */
    log_msg(LOG_INFO, "%s", "\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe0\x80\x80|\x80|\xe2\x82");
    json = written_json(sink);
    assert_null(strpbrk(json_string_value(json_object_get(json, "message")), "\xc0\xed\xf4\xe0\xe2"));
    json_decref(json);

    for (int i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    all[255] = '\0';
    log_msg(LOG_INFO, "%s", all);
    json_decref(written_json(sink));
}

static void long_messages_are_cut_and_whole_lines(void **state)
{
    struct sink *sink = *state;
    char text[20000];
    json_t *json;

    memset(text, '\x01', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_configure(sink->file, LOG_JSON, LOG_INFO);
    log_msg(LOG_INFO, "%s", text);
    json = written_json(sink);
    assert_int_equal(json_string_length(json_object_get(json, "message")), 4095);
    json_decref(json);
}

static void secrets_are_masked_everywhere(void **state)
{
    struct sink *sink = *state;
    struct err err = ERR_INIT;
    char text[] = "hunter2, hunter2hunter2 and hunter";

    log_add_secret("hunter2");
    log_add_secret("hunter2"); /* twice is once */
    log_add_secret("a\"b\nc");
    log_add_secret("abc");
    log_add_secret("");
    log_add_secret(NULL);
    log_redact(text);
    assert_string_equal(text, "***, ****** and hunter");
    log_msg(LOG_INFO, "abc %s %s", "hunter2", "a\"b\nc");
    assert_string_equal(written(sink), "sluice: abc *** ***\n");
    err_set(&err, ERRN_DB, "user x password hunter2");
    log_err(LOG_ERROR, &err);
    assert_string_equal(written(sink), "sluice: error: DB: user x password ***\n");
    assert_string_equal(err.msg, "user x password hunter2");
    log_configure(sink->file, LOG_JSON, LOG_INFO);
    log_msg(LOG_INFO, "%s", "a\"b\nc");
    assert_non_null(strstr(written(sink), "\"message\":\"***\""));
}

static void longest_secret_wins(void **state)
{
    char text[] = "pass pass-word pass-wor";

    (void)state;
    log_add_secret("pass");
    log_add_secret("pass-word");
    log_redact(text);
    assert_string_equal(text, "*** *** ***-wor");
}

static void a_secret_at_a_cut_end_is_masked(void **state)
{
    struct err err = ERR_INIT;
    char text[ERR_MSG_MAX + 100];
    char whole[] = "short text may end in swordfi";

    (void)state;
    log_add_secret("swordfish");
    memset(text, '.', sizeof text);
    memcpy(text + ERR_MSG_MAX - 1 - 7, "swordfish", 10);
    err_set(&err, ERRN_IO, "%s", text);
    assert_non_null(strstr(err.msg, "swordfi"));
    log_redact(err.msg);
    assert_null(strstr(err.msg, "sword"));
    assert_string_equal(err.msg + strlen(err.msg) - 4, ".***");
    log_redact(whole);
    assert_string_equal(whole, "short text may end in swordfi");
}

static void oldest_secret_goes_when_full(void **state)
{
    char text[] = "secret-0 secret-1 secret-1024";

    (void)state;
    for (int i = 0; i < 1024; i++) {
        char secret[32];

        snprintf(secret, sizeof secret, "secret-%d", i);
        log_add_secret(secret);
    }
    log_add_secret("secret-0"); /* seen again: now the youngest */
    log_add_secret("secret-1024");
    log_redact(text);
    assert_string_equal(text, "*** secret-1 ***");
}

static bool always(void *ctx)
{
    (void)ctx;
    return true;
}

static void without_memory_nothing_is_said(void **state)
{
    char text[] = "the lost one";
    char two[] = "ab";

    mem_set_fault(always, NULL);
    log_add_secret("lost");
    mem_set_fault(NULL, NULL);
    log_redact(text);
    assert_string_equal(text, "***");
    log_redact(two);
    assert_string_equal(two, "**");
    log_msg(LOG_INFO, "the lost one");
    assert_string_equal(written(*state), "sluice: ***\n");
    log_release();
    log_msg(LOG_INFO, "fine again");
    assert_string_equal(written(*state), "sluice: fine again\n");
}

static void count_before(void *ctx)
{
    ((char *)ctx)[0]++;
}

static void count_after(void *ctx)
{
    /* The line is out by now, and before() was called first. */
    assert_int_equal(((char *)ctx)[0], ((char *)ctx)[1] + 1);
    ((char *)ctx)[1]++;
}

static void hooks_stand_around_each_line(void **state)
{
    struct sink *sink = *state;
    char counts[2] = {0, 0};

    log_configure(sink->file, LOG_TEXT, LOG_INFO);
    log_set_around(count_before, count_after, counts);
    log_msg(LOG_INFO, "one");
    log_msg(LOG_DEBUG, "silent");
    log_msg(LOG_INFO, "two");
    log_set_around(NULL, NULL, NULL);
    log_msg(LOG_INFO, "three");
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 2);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, open_sink, close_sink)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(text_names_the_level),
        LOG_TEST(levels_above_the_limit_are_silent),
        LOG_TEST(errors_have_names),
        LOG_TEST(text_has_no_raw_controls),
        LOG_TEST(json_holds_any_message),
        LOG_TEST(long_messages_are_cut_and_whole_lines),
        LOG_TEST(secrets_are_masked_everywhere),
        LOG_TEST(longest_secret_wins),
        LOG_TEST(a_secret_at_a_cut_end_is_masked),
        LOG_TEST(oldest_secret_goes_when_full),
        LOG_TEST(without_memory_nothing_is_said),
        LOG_TEST(hooks_stand_around_each_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
