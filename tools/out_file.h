/* out_file: a result in a file, which appears whole, by rename, or not at all. */
#ifndef SLUICE_TOOLS_OUT_FILE_H
#define SLUICE_TOOLS_OUT_FILE_H

#include <stdio.h>

#include "core/base/err.h"

struct out_file {
    FILE *file;         /* NULL: not open */
    char *path;         /* NULL where there is none */
    char *temp;         /* what becomes it; NULL where it is written in place (a pipe, a terminal) */
    const char *option; /* that named it, for messages: "summary" */
};

/* Fails where the file could not be made at its end either. */
enum err_code out_file_open(struct out_file *out, const char *option, const char *path,
                            struct err *err) MUST_USE;
/* Checks that all was written and puts it in its place; a file that failed before (`err` is set) is not. */
enum err_code out_file_end(struct out_file *out, struct err *err);
/* Drops what is not ended: what was there before stays. Safe after out_file_end and on a zeroed struct. */
void out_file_release(struct out_file *out);

#endif
