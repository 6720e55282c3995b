/*
 * aws_profile: one profile out of AWS's shared files, ~/.aws/config and ~/.aws/credentials.
 *
 * The files are INI-like: [default] and [profile NAME] in config, [NAME] in credentials, "key = value" lines,
 * "#" or
 * ";" begins a comment where a line starts. Lines that are indented belong to nested settings and are passed
 * over.
 */
#ifndef SLUICE_BACKENDS_AWS_PROFILE_H
#define SLUICE_BACKENDS_AWS_PROFILE_H

#include <stdbool.h>

#include "core/base/err.h"

enum { PROFILE_SETTINGS_MAX = 64, PROFILE_FILE_MAX = 1024 * 1024 };

struct aws_profile {
    bool found; /* some file has it */
    int n;
    struct {
        char *name;
        char *value;
    } settings[PROFILE_SETTINGS_MAX];
};

/* Reads profile `name` from both files (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE name others);
 * credentials win. A file that is missing is as an empty one. */
enum err_code aws_profile_read(const char *name, struct aws_profile *out, struct err *err) MUST_USE;
void aws_profile_release(struct aws_profile *profile);

/* NULL where it is not set. */
const char *aws_profile_get(const struct aws_profile *profile, const char *name);

/* A small text file whole (NUL-terminated, without line ends and space behind); the caller frees it. */
enum err_code aws_read_file(const char *path, char **out, struct err *err) MUST_USE;

#endif
