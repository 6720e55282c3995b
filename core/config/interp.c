/*
 * interp: finds the references in a text and puts their values in place.
 *
 * next_part is the one grammar: resolving and judging (is any of it literal?) both walk its parts.
 * Invariant: a value is copied as it is, so it cannot bring references of its own.
 */
#include "core/config/interp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/mem.h"

enum part_kind { PART_END, PART_LITERAL, PART_VARIABLE, PART_SCHEME, PART_BAD };

/* Borrowed pieces of the text. */
struct part {
    enum part_kind kind;
    const char *text; /* the literal; the variable's or scheme's name */
    size_t len;
    const char *arg; /* the default, or the scheme's argument; NULL = none */
    size_t arg_len;
};

static size_t name_len(const char *p)
{
    size_t n = 0;

    while ((p[n] >= 'a' && p[n] <= 'z') || (p[n] >= 'A' && p[n] <= 'Z') || p[n] == '_' ||
           (n > 0 && p[n] >= '0' && p[n] <= '9'))
        n++;
    return n;
}

/* What stands at *at; moves *at behind it. */
static struct part next_part(const char **at)
{
    const char *p = *at, *close;
    struct part part = {.kind = PART_LITERAL, .text = p};

    if (!*p)
        return (struct part){.kind = PART_END};
    if (strncmp(p, "$${", 3) == 0) {
        part.text = p + 1;
        part.len = 2;
        *at = p + 3;
        return part;
    }
    if (strncmp(p, "${", 2) != 0) {
        for (p++; *p && strncmp(p, "${", 2) != 0 && strncmp(p, "$${", 3) != 0; p++)
            ;
        part.len = (size_t)(p - *at);
        *at = p;
        return part;
    }
    part.text = p + 2;
    part.len = name_len(part.text);
    p = part.text + part.len;
    close = strchr(p, '}');
    part.kind = PART_BAD;
    if (!close || part.len == 0 || memmem(p, (size_t)(close - p), "${", 2))
        return part;
    if (p == close || strncmp(p, ":-", 2) == 0) {
        part.kind = PART_VARIABLE;
        part.arg = p == close ? NULL : p + 2;
    } else if (*p == ':') {
        part.kind = PART_SCHEME;
        part.arg = p + 1;
    }
    part.arg_len = part.arg ? (size_t)(close - part.arg) : 0;
    *at = close + 1;
    return part;
}

bool interp_has_literal(const char *text)
{
    for (;;) {
        struct part part = next_part(&text);

        if (part.kind == PART_END)
            return false;
        if (part.kind == PART_LITERAL || part.kind == PART_BAD ||
            (part.kind == PART_VARIABLE && part.arg_len > 0))
            return true;
    }
}

static enum err_code put_variable(const struct part *part, struct buf *out, struct err *err)
{
    char *name = mem_strndup(part->text, part->len);
    const char *value;
    enum err_code code;

    if (!name)
        return err_nomem(err);
    value = getenv(name);
    if (part->arg && (!value || !*value))
        code = buf_append(out, part->arg, part->arg_len, err);
    else if (value)
        code = buf_append_str(out, value, err);
    else
        code = err_set(err, ERRN_CONFIG_UNSET,
                       "${%.100s} is not set: set the environment variable, or write ${%.100s:-default}",
                       name, name);
    mem_free(name);
    return code;
}

/* Reads the file whole into *out (which is empty), one line end at its end taken off. */
static enum err_code read_file(const char *path, struct buf *out, struct err *err)
{
    enum err_code code = ERR_OK;
    char block[4096];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set_errno(err, errno, "${file:%.400s}", path);
    while (code == ERR_OK && (n = read(fd, block, sizeof block)) != 0) {
        if (n > 0 && out->len + (size_t)n > INTERP_FILE_MAX)
            code = err_set(err, ERRN_LIMIT, "${file:%.400s}: larger than %d bytes", path, INTERP_FILE_MAX);
        else if (n > 0)
            code = buf_append(out, block, (size_t)n, err);
        else if (errno != EINTR)
            code = err_set_errno(err, errno, "${file:%.400s}", path);
    }
    close(fd);
    if (code == ERR_OK && out->len && memchr(out->data, '\0', out->len))
        return err_set(err, ERRN_CONFIG, "${file:%.400s}: holds a NUL byte", path);
    if (code == ERR_OK && out->len && out->data[out->len - 1] == '\n')
        out->len--;
    if (code == ERR_OK && out->len && out->data[out->len - 1] == '\r')
        out->len--;
    return code;
}

static enum err_code put_file(const struct interp *interp, const char *arg, struct buf *out, struct err *err)
{
    bool relative = arg[0] != '/' && interp->base_dir;
    struct buf path, body;
    enum err_code code;

    buf_init(&path, INTERP_FILE_MAX);
    buf_init(&body, INTERP_FILE_MAX);
    code = relative ? buf_printf(&path, err, "%s/%s", interp->base_dir, arg)
                    : buf_append_str(&path, arg, err);
    if (code == ERR_OK)
        code = read_file(path.data, &body, err);
    if (code == ERR_OK)
        code = buf_append(out, buf_str(&body), body.len, err);
    buf_release(&body);
    buf_release(&path);
    return code;
}

static enum err_code put_provided(const struct interp *interp, const struct part *part, const char *arg,
                                  struct buf *out, struct err *err)
{
    char *value = NULL;
    enum err_code code;

    for (size_t i = 0; i < interp->nproviders; i++) {
        const struct interp_provider *provider = &interp->providers[i];

        if (strlen(provider->scheme) != part->len || strncmp(provider->scheme, part->text, part->len) != 0)
            continue;
        code = provider->lookup(provider->ctx, arg, &value, err);
        if (code == ERR_OK)
            code = buf_append_str(out, value, err);
        mem_free(value);
        return code;
    }
    return err_set(err, ERRN_CONFIG,
                   "${%.*s:...} is not known: write ${NAME}, ${NAME:-default} or ${file:PATH}",
                   part->len > 40 ? 40 : (int)part->len, part->text);
}

static enum err_code put_scheme(const struct interp *interp, const struct part *part, struct buf *out,
                                struct err *err)
{
    bool is_file = part->len == 4 && strncmp(part->text, "file", 4) == 0;
    char *arg = mem_strndup(part->arg, part->arg_len);
    enum err_code code;

    if (!arg)
        return err_nomem(err);
    if (!*arg)
        code = err_set(err, ERRN_CONFIG, "${%.*s:} names nothing behind its colon",
                       part->len > 40 ? 40 : (int)part->len, part->text);
    else
        code = is_file ? put_file(interp, arg, out, err) : put_provided(interp, part, arg, out, err);
    mem_free(arg);
    return code;
}

enum err_code interp_text(const struct interp *interp, const char *text, char **out, struct err *err)
{
    struct part part = {.kind = PART_LITERAL};
    enum err_code code = ERR_OK;
    struct buf all;

    *out = NULL;
    buf_init(&all, INTERP_TEXT_MAX);
    while (code == ERR_OK && part.kind != PART_END) {
        part = next_part(&text);
        switch (part.kind) {
        case PART_END:
            code = buf_append(&all, "", 0, err); /* so that there is a text, be it "" */
            break;
        case PART_LITERAL:
            code = buf_append(&all, part.text, part.len, err);
            break;
        case PART_VARIABLE:
            code = put_variable(&part, &all, err);
            break;
        case PART_SCHEME:
            code = put_scheme(interp, &part, &all, err);
            break;
        case PART_BAD:
            code = err_set(err, ERRN_CONFIG,
                           "a ${ that is no reference: write ${NAME}, ${NAME:-default} or ${file:PATH} (none "
                           "inside another); a literal one is $${");
            break;
        }
    }
    if (code == ERR_OK)
        *out = all.data;
    else
        buf_release(&all);
    return code;
}
