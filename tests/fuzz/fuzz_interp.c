/*
 * fuzz_interp: ${...} in any text.
 *
 * Checks: a text without references is itself; a text whose "${" are escaped comes out as it was; no value is
 * looked at again; no message holds a value; an error is CONFIG, CONFIG_UNSET, or the file's.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/interp.h"
#include "tests/fuzz/fuzz.h"

/* Set for A and B and given by the provider: looks like a reference, and must not be in a message. */
#define VALUE "v4lue${A}${nobody:x}"

static enum err_code lookup(void *ctx, const char *arg, char **out, struct err *err)
{
    (void)ctx;
    if (strcmp(arg, "none") == 0)
        return err_set(err, ERRN_NOT_FOUND, "nothing is there");
    *out = mem_strdup(VALUE);
    return *out ? ERR_OK : err_nomem(err);
}

static const struct interp_provider provider = {"x", lookup, NULL};
static const struct interp interp = {"fixtures/pipelines/good", &provider, 1};

static void check_escaped(const char *text)
{
    struct buf escaped;
    struct err err = ERR_INIT;
    char *out;

    buf_init(&escaped, INTERP_TEXT_MAX);
    fuzz_append(&escaped, "", 0);
    for (const char *p = text; *p; p++) {
        if (strncmp(p, "${", 2) == 0)
            fuzz_append(&escaped, "$", 1);
        fuzz_append(&escaped, p, 1);
    }
    FUZZ_CHECK(interp_text(&interp, escaped.data, &out, &err) == ERR_OK);
    FUZZ_CHECK(strcmp(out, text) == 0);
    FUZZ_CHECK(interp_has_literal(escaped.data) == (*text != '\0'));
    mem_free(out);
    buf_release(&escaped);
}

FUZZ_TARGET(interp)(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size), *out;
    struct err err = ERR_INIT;
    bool literal = interp_has_literal(text);

    setenv("A", VALUE, 1);
    setenv("EMPTY", "", 1);
    if (interp_text(&interp, text, &out, &err) == ERR_OK) {
        FUZZ_CHECK(out && err.code == ERR_OK && strlen(out) <= INTERP_TEXT_MAX);
        if (!strstr(text, "${"))
            FUZZ_CHECK(strcmp(out, text) == 0 && literal == (*text != '\0'));
        if (strcmp(text, "${A}") == 0 || strcmp(text, "${x:y}") == 0 || strcmp(text, "${A:-b}") == 0)
            FUZZ_CHECK(strcmp(out, VALUE) == 0);
    } else {
        FUZZ_CHECK(!out && err.name != ERRN_NONE && err.name != ERRN_INTERNAL);
        FUZZ_CHECK(*err.msg && (!strstr(err.msg, "v4lue") || strstr(text, "v4lue")));
        FUZZ_CHECK(strstr(text, "${"));
    }
    mem_free(out);
    check_escaped(text);
    fuzz_fail_alloc(1 + (unsigned)size % 8);
    err_clear(&err);
    enum err_code code = interp_text(&interp, text, &out, &err);
    fuzz_fail_alloc(0);
    FUZZ_CHECK(code == err.code && (code == ERR_OK) == (out != NULL));
    mem_free(out);
    mem_free(text);
    return 0;
}
