/*
 * apps: several pipelines in one process: the files that -c names, each with an app of its own.
 *
 * -c FILE is that file, -c DIR every *.yaml and *.yml directly in it, but hidden ones, by name. Their names
 * differ: pages, metrics and results tell them apart by it.
 */
#ifndef SLUICE_TOOLS_APPS_H
#define SLUICE_TOOLS_APPS_H

#include "tools/app.h"

enum { APPS_MAX = 256 };

struct apps {
    struct app *items; /* in the order of -c, then of the files' names */
    char **files;
    size_t n;
};

/* The pipeline files, read and checked; nothing else is opened. Release also after a failure. */
enum err_code apps_load(const struct options *options, struct apps *out, struct err *err) MUST_USE;
void apps_release(struct apps *apps);

#endif
