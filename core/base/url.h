/*
 * url: the places a pipeline names, in pieces.
 *
 * Forms: `file:PATH`, `fs:PATH`, bare `PATH` (scheme "" : the caller gives it its default), `sqlite:PATH`,
 * `mem:NAME`, `s3://bucket/prefix?endpoint=...`, `libs3://...`, `mysql://host:3306/db?auth=...`. A user name
 * may stand in a URL, a password may not (SECRET_EXPOSED). Query values are percent-decoded; for `file:`,
 * `fs:`, `sqlite:`, `mem:` and bare paths the rest is the path as it stands ("?" and "%" are ordinary there).
 */
#ifndef SLUICE_BASE_URL_H
#define SLUICE_BASE_URL_H

#include "core/base/err.h"

enum { URL_PARAMS_MAX = 16 };

struct url_param {
    char *name;
    char *value; /* "" where the parameter has no "=" */
};

struct url {
    char *scheme; /* lower case; "" for a bare path */
    char *user;   /* NULL if none */
    char *host;   /* bucket for s3; NULL where the form has none. IPv6 without brackets */
    int port;     /* 0 = not given */
    char *path;   /* file path as it stands; for //-forms without the first slash, percent-decoded */
    struct url_param params[URL_PARAMS_MAX];
    int nparams;
};

/* Parses `text`; on success the caller releases *out. On failure *out is zeroed. */
enum err_code url_parse(const char *text, struct url *out, struct err *err) MUST_USE;
void url_release(struct url *url);

/* Value of a parameter, NULL if it is not there. */
const char *url_param(const struct url *url, const char *name);

/* Copies `text` without password and without query values named like secrets ("***" instead). Caller frees
 * (mem_free); NULL when memory is out. */
char *url_redact(const char *text) MUST_USE;

#endif
