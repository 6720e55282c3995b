/*
 * err: errors as values and the table of their names.
 *
 * A struct err has two states: clear (code ERR_OK) and set. err_set* takes clear to set and leaves a set one
 * alone; err_context changes only the message of a set one; err_clear goes back. Invariant: code is the kind
 * of name, so an error that is set never has ERR_OK. Messages are formatted aside and then copied, because
 * arguments may point into the very message that is being replaced; what does not fit into ERR_MSG_MAX is
 * cut.
 */
#include "core/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *text;
    enum err_code kind;
    int status;
    const char *help;
} NAMES[ERRN_COUNT] = {
#define X(name, kind, status, help) [ERRN_##name] = {#name, kind, status, help},
    ERR_NAME_TABLE(X)
#undef X
};

/* A name from outside the table is a bug of the caller and reads as one. */
static enum err_name known(enum err_name name)
{
    return (unsigned)name < ERRN_COUNT ? name : ERRN_INTERNAL;
}

static enum err_code set(struct err *err, enum err_name name, long native, const char *msg)
{
    name = name == ERRN_NONE ? ERRN_INTERNAL : known(name);
    err->code = NAMES[name].kind;
    err->name = name;
    err->native = native;
    memcpy(err->msg, msg, strlen(msg) + 1);
    return err->code;
}

enum err_code err_set(struct err *err, enum err_name name, const char *fmt, ...)
{
    char msg[ERR_MSG_MAX];
    va_list args;

    if (err->code != ERR_OK)
        return err->code;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    return set(err, name, 0, msg);
}

enum err_code err_set_native(struct err *err, enum err_name name, long native, const char *fmt, ...)
{
    char msg[ERR_MSG_MAX];
    va_list args;

    if (err->code != ERR_OK)
        return err->code;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    return set(err, name, native, msg);
}

static enum err_name name_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return ERRN_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERRN_DENIED;
    case EROFS:
        return ERRN_READ_ONLY;
    case ENOSPC:
    case EDQUOT:
        return ERRN_DISK_FULL;
    case ENOMEM:
        return ERRN_NOMEM;
    default:
        return ERRN_IO;
    }
}

enum err_code err_set_errno(struct err *err, int errnum, const char *fmt, ...)
{
    char msg[ERR_MSG_MAX];
    char reason[128];
    va_list args;
    size_t len;

    if (err->code != ERR_OK)
        return err->code;
    va_start(args, fmt);
    vsnprintf(msg, sizeof msg, fmt, args);
    va_end(args);
    len = strlen(msg);
    snprintf(msg + len, sizeof msg - len, ": %s", strerror_r(errnum, reason, sizeof reason));
    return set(err, name_of_errno(errnum), errnum, msg);
}

enum err_code err_nomem(struct err *err)
{
    return err_set(err, ERRN_NOMEM, "out of memory");
}

enum err_code err_context(struct err *err, const char *fmt, ...)
{
    char msg[2 * ERR_MSG_MAX + 2];
    va_list args;
    size_t len;

    if (err->code == ERR_OK)
        return ERR_OK;
    va_start(args, fmt);
    vsnprintf(msg, ERR_MSG_MAX, fmt, args);
    va_end(args);
    len = strlen(msg);
    snprintf(msg + len, sizeof msg - len, ": %s", err->msg);
    msg[ERR_MSG_MAX - 1] = '\0';
    memcpy(err->msg, msg, strlen(msg) + 1);
    return err->code;
}

void err_clear(struct err *err)
{
    err->code = ERR_OK;
    err->name = ERRN_NONE;
    err->native = 0;
    err->msg[0] = '\0';
}

bool err_is_transient(enum err_code code)
{
    return code == ERR_TRANSIENT || code == ERR_BUSY;
}

const char *err_name_text(enum err_name name)
{
    return NAMES[known(name)].text;
}

enum err_code err_name_kind(enum err_name name)
{
    return NAMES[known(name)].kind;
}

int err_name_status(enum err_name name)
{
    return NAMES[known(name)].status;
}

const char *err_name_help(enum err_name name)
{
    return NAMES[known(name)].help;
}

enum err_name err_name_find(const char *text)
{
    for (int i = 0; i < ERRN_COUNT; i++) {
        if (strcasecmp(text, NAMES[i].text) == 0)
            return (enum err_name)i;
    }
    return ERRN_NONE;
}

int err_status(const struct err *err)
{
    return err->code == ERR_OK ? 0 : err_name_status(err->name);
}

/* A status from elsewhere (a signal's, say) is worse than all of ours. */
static size_t status_rank(int status)
{
    static const int order[] = {0, 4, 5, 3, 1, 2};
    size_t rank = 0;

    while (rank < sizeof order / sizeof order[0] && order[rank] != status)
        rank++;
    return rank;
}

int err_status_worse(int a, int b)
{
    return status_rank(a) >= status_rank(b) ? a : b;
}
