/* infer_rig: what the tests of infer share: files as texts in, the answer out. */
#ifndef SLUICE_TESTS_UNIT_PROFILE_INFER_RIG_H
#define SLUICE_TESTS_UNIT_PROFILE_INFER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/profile/infer.h"

enum { RIG_FILES = 8 };

struct infer_rig {
    struct err err;
    struct infer_dialect dialect;
    struct infer *infer;
    const struct infer_result *result;
};

/* Texts up to NULL, each a whole object named 0.csv, 1.csv, ... */
static inline enum err_code rig_infer(struct infer_rig *rig, const char *const *texts)
{
    static const char *const names[RIG_FILES] = {"0.csv", "1.csv", "2.csv", "3.csv",
                                                 "4.csv", "5.csv", "6.csv", "7.csv"};
    const struct infer_limits all = {0, 0};
    struct infer_head heads[RIG_FILES];
    size_t n = 0;
    *rig = (struct infer_rig){.err = ERR_INIT};
    for (; texts[n]; n++)
        heads[n] = (struct infer_head){texts[n], strlen(texts[n]), true};
    if (infer_dialect(heads, n, &rig->dialect, &rig->err) || infer_new(&rig->dialect, &rig->infer, &rig->err))
        return rig->err.code;
    for (size_t i = 0; i < n && rig->err.code == ERR_OK; i++) {
        struct bytes_mem src;
        bytes_mem_init(&src, texts[i], strlen(texts[i]));
        (void)!infer_object(rig->infer, names[i], &src.base, &all, &rig->err);
    }
    return rig->err.code ? rig->err.code : infer_finish(rig->infer, &rig->result, &rig->err);
}

static inline void rig_release(struct infer_rig *rig)
{
    infer_free(rig->infer);
    rig->infer = NULL;
}

#define RIG_INFER(rig, ...) assert_int_equal(rig_infer(rig, (const char *const[]){__VA_ARGS__, NULL}), ERR_OK)

/* "name:type,name:type", with "-" before dropped ones. */
static inline const char *rig_columns(const struct infer_rig *rig)
{
    static char text[4096];
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < rig->result->ncolumns; i++) {
        const struct infer_column *c = &rig->result->columns[i];
        char type[TYPE_TEXT_MAX];
        type_format(&c->type, type);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s:%s", i ? "," : "", c->drop ? "-" : "",
                              c->name, type);
    }
    return text;
}

static inline bool rig_takes(const struct infer_rig *rig, const char *token)
{
    for (int i = 0; i < INFER_TOKENS; i++)
        if (strcmp(rig->result->tokens[i].text, token) == 0)
            return rig->result->tokens[i].taken;
    return false;
}

/* How many tokens are taken. */
static inline int rig_taken(const struct infer_rig *rig)
{
    int n = 0;
    for (int i = 0; i < INFER_TOKENS; i++)
        n += rig->result->tokens[i].taken;
    return n;
}

#endif
