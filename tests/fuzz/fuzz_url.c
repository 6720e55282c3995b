/*
 * fuzz_url: names of places taken apart, and secrets hidden in them.
 *
 * Checks: what url_parse accepts is in order, what it refuses is zeroed; a password, wherever the text puts
 * it, is refused, and stands neither in the message nor in the redacted text; the value of a parameter with a
 * secret's name is never shown; redacting twice is redacting once.
 */
#include <ctype.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/url.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 1 << 24 };
#define SECRET "s3cr3T"

static void check_parsed(const char *text, const struct url *url)
{
    bool has_authority = strncmp(text + strlen(url->scheme), "://", 3) == 0;

    FUZZ_CHECK(strncasecmp(text, url->scheme, strlen(url->scheme)) == 0);
    for (const char *p = url->scheme; *p; p++)
        FUZZ_CHECK(!isupper((unsigned char)*p));
    FUZZ_CHECK(url->path && url->port >= 0 && url->port <= 65535);
    FUZZ_CHECK(url->nparams >= 0 && url->nparams <= URL_PARAMS_MAX);
    if (url->host)
        FUZZ_CHECK(has_authority && *url->host && !strpbrk(url->host, "/?@[]"));
    else
        FUZZ_CHECK(!url->user && url->port == 0 && url->nparams == 0 &&
                   strcmp(url->path, text + strlen(url->scheme) + (*url->scheme != '\0')) == 0);
    for (int i = 0; i < url->nparams; i++) {
        FUZZ_CHECK(url->params[i].name && *url->params[i].name && url->params[i].value);
        FUZZ_CHECK(url_param(url, url->params[i].name) == url->params[i].value);
        FUZZ_CHECK(!strcasestr(url->params[i].name, "password") &&
                   !strcasestr(url->params[i].name, "secret"));
    }
}

static enum err_code parse(const char *text, struct err *err)
{
    static const struct url zero;
    struct url url;
    enum err_code code = url_parse(text, &url, err);

    FUZZ_CHECK(code == err->code);
    if (code == ERR_OK) {
        check_parsed(text, &url);
        url_release(&url);
    } else {
        FUZZ_CHECK(err->name == ERRN_CONFIG || err->name == ERRN_SECRET_EXPOSED || err->name == ERRN_NOMEM);
        FUZZ_CHECK(*err->msg);
    }
    FUZZ_CHECK(memcmp(&url, &zero, sizeof url) == 0);
    return code;
}

static void check_redacted(const char *text)
{
    char *once = url_redact(text), *twice;

    FUZZ_CHECK(once);
    twice = url_redact(once);
    FUZZ_CHECK(twice && strcmp(once, twice) == 0);
    mem_free(once);
    mem_free(twice);
}

/* `text` holds SECRET as a password or a secret parameter. */
static void check_hidden(const struct buf *text, bool parsing)
{
    struct err err = ERR_INIT;
    char *shown = url_redact(text->data);

    FUZZ_CHECK(shown && !strstr(shown, SECRET));
    mem_free(shown);
    if (!parsing)
        return;
    FUZZ_CHECK(parse(text->data, &err) != ERR_OK);
    FUZZ_CHECK(!strstr(err.msg, SECRET));
}

static void put(struct buf *out, const char *text)
{
    fuzz_append(out, text, strlen(text));
}

/* mysql://user:BEFORE SECRET AFTER@host TAIL. What begins with digits and "/" or "?" is a port and a path. */
static void check_password(const char *before, const char *after, const char *tail)
{
    size_t digits = strspn(before, "0123456789");
    struct buf text;

    if (before[digits] == '/' || before[digits] == '?')
        return;
    buf_init(&text, TEXT_MAX);
    put(&text, "mysql://user:");
    put(&text, before);
    put(&text, SECRET);
    put(&text, after);
    put(&text, "@host");
    put(&text, tail);
    check_hidden(&text, true);
    buf_release(&text);
}

/* s3://BEFORE?NAMEsecret=SECRET AFTER; for url_parse a second "?" is part of a value. */
static void check_parameter(const char *before, const char *name, const char *after)
{
    struct buf text;

    if (strpbrk(name, "=&?"))
        return;
    buf_init(&text, TEXT_MAX);
    put(&text, "s3://");
    put(&text, before);
    put(&text, "?");
    put(&text, name);
    put(&text, "secret=" SECRET);
    put(&text, after);
    /* Half an escape before the word ("%secret") makes another name, and is refused as such. */
    if (!strchr(name, '%'))
        check_hidden(&text, !strchr(before, '?'));
    buf_release(&text);
}

FUZZ_TARGET(url)(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    struct err err = ERR_INIT;
    char *text = fuzz_text(data, size);

    parse(text, &err);
    check_redacted(text);
    fuzz_fail_alloc(1 + (unsigned)size % 10);
    err_clear(&err);
    parse(text, &err);
    fuzz_fail_alloc(0);
    mem_free(text);

    char *a = fuzz_part(&at, end, '\n'), *b = fuzz_part(&at, end, '\n'), *c = fuzz_part(&at, end, '\n');
    if (!memmem(data, size, SECRET, strlen(SECRET))) {
        check_password(a, b, c);
        check_parameter(a, b, c);
    }
    mem_free(a);
    mem_free(b);
    mem_free(c);
    return 0;
}
