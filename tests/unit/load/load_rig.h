/* load_rig: what the tests of core/load share: a body that is run from memory to memory and from files to
 * SQLite. */
#ifndef SLUICE_TESTS_UNIT_LOAD_LOAD_RIG_H
#define SLUICE_TESTS_UNIT_LOAD_LOAD_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/books.h"
#include "tests/support/sink_wrap.h"

#define K(h, f) "yyyy=2022/mm=06/dd=05/hh=" h "/" f ".csv"
#define HEAD    "id,name,amount\n"
#define SETS(...)                                                                                            \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
#define NO_SETS NULL, 0

static const char *const PIPELINES[] = {RIG_PIPELINE("mem:lake", "mem:db", ""),
                                        RIG_PIPELINE("file:lake", "sqlite:t.db", "")};
enum { BACKENDS = 2 };

typedef void rig_body(struct rig *rig, const char *pipeline, struct sink_wrap *wrap);

/* Runs the body over each pair of store and sink; every sink handle goes through `wrap`. */
static inline void over_all(rig_body *body)
{
    for (size_t i = 0; i < BACKENDS; i++) {
        struct rig rig = {.wrap_sink = sink_wrap_new};
        struct sink_wrap wrap;
        sink_wrap_init(&wrap);
        rig.wrap_ctx = &wrap;
        body(&rig, PIPELINES[i], &wrap);
        rig_close(&rig);
        assert_int_equal(wrap.open_handles, 0);
        sink_wrap_release(&wrap);
    }
}

/* A test named `name` whose body gets rig, pipeline and wrap. */
#define OVER_ALL(name)                                                                                       \
    static void name##_body(struct rig *rig, const char *pipeline, struct sink_wrap *wrap);                  \
    static void name(void **state)                                                                           \
    {                                                                                                        \
        (void)state;                                                                                         \
        over_all(name##_body);                                                                               \
    }                                                                                                        \
    static void name##_body(struct rig *rig, const char *pipeline, struct sink_wrap *wrap)

/* Makes call `nth` of an op fail. */
static inline void fail_at(struct sink_wrap *wrap, enum sink_op op, int64_t nth, enum sink_when when,
                           enum err_name error)
{
    bool lost = error == ERRN_DB_LOST || error == ERRN_DB_IN_DOUBT;
    sink_wrap_rule(wrap,
                   &(struct sink_rule){.op = op, .nth = nth, .when = when, .error = error, .lose = lost});
}

static inline void hook_at(struct sink_wrap *wrap, enum sink_op op, int64_t nth, enum sink_when when,
                           void (*hook)(void *ctx, struct sink *inner), void *ctx)
{
    sink_wrap_rule(wrap, &(struct sink_rule){.op = op, .nth = nth, .when = when, .hook = hook, .ctx = ctx});
}

/* The pipeline with `to` in place of the first `from`; free() it. */
static inline char *edited(const char *pipeline, const char *from, const char *to)
{
    const char *at = strstr(pipeline, from);
    size_t cap = strlen(pipeline) + strlen(to) + 1;
    char *text = malloc(cap);
    if (!at || !text)
        fail_msg("no %s in the pipeline", from);
    snprintf(text, cap, "%.*s%s%s", (int)(at - pipeline), pipeline, to, at + strlen(from));
    return text;
}

#define CHECKED(max) "amount, type: double, checks: {max: " max "}"

static inline bool on_files(const char *pipeline)
{
    return strstr(pipeline, "file:lake") != NULL;
}

#endif
