/*
 * aws_profile: reads AWS's shared files.
 *
 * Invariants: the file of credentials is read first and a setting that is there is kept, so it wins; a file
 * is at most PROFILE_FILE_MAX bytes; what is read may be a secret, so no value stands in a message.
 */
#include "backends/aws_profile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum err_code aws_read_file(const char *path, char **out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct buf text;
    ssize_t n = 1;

    *out = NULL;
    if (fd < 0) {
        return err_set_errno(err, errno, "%s", path);
    }
    buf_init(&text, PROFILE_FILE_MAX);
    while (n > 0 && buf_reserve(&text, 4096, err) == ERR_OK) {
        n = read(fd, text.data + text.len, 4096);
        if (n < 0 && errno == EINTR) {
            n = 1;
            continue;
        }
        text.len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        err_set_errno(err, errno, "%s", path);
    }
    close(fd);
    if (err->code != ERR_OK) {
        buf_release(&text);
        return err->code == ERR_NOMEM ? err_context(err, "%s", path) : err->code;
    }
    while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1])) {
        text.len--;
    }
    text.data[text.len] = '\0';
    *out = text.data;
    return ERR_OK;
}

/* Cuts space off both ends, in place. */
static char *trim(char *text)
{
    size_t len;

    text += strspn(text, " \t\r");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1])) {
        text[--len] = '\0';
    }
    return text;
}

/* True for the section line of the profile: "[name]", in config also "[profile name]". */
static bool is_section(char *line, const char *name, bool config)
{
    char *end = strchr(line, ']');
    char *inside = line + 1;

    if (!end) {
        return false;
    }
    *end = '\0';
    inside = trim(inside);
    if (config && strncmp(inside, "profile", 7) == 0 && (inside[7] == ' ' || inside[7] == '\t')) {
        return strcmp(trim(inside + 7), name) == 0;
    }
    return strcmp(inside, name) == 0 && (!config || strcmp(name, "default") == 0);
}

static enum err_code keep(struct aws_profile *profile, char *line, struct err *err)
{
    char *equals = strchr(line, '=');
    char *name;

    if (!equals) {
        return ERR_OK;
    }
    *equals = '\0';
    name = trim(line);
    if (aws_profile_get(profile, name) || profile->n == PROFILE_SETTINGS_MAX) {
        return ERR_OK;
    }
    profile->settings[profile->n].name = mem_strdup(name);
    profile->settings[profile->n].value = mem_strdup(trim(equals + 1));
    profile->n++;
    return profile->settings[profile->n - 1].name && profile->settings[profile->n - 1].value ? ERR_OK
                                                                                             : err_nomem(err);
}

static enum err_code read_one(struct aws_profile *profile, const char *path, const char *name, bool config,
                              struct err *err)
{
    char *text = NULL, *rest, *line;
    bool inside = false;
    size_t len;

    if (aws_read_file(path, &text, err) != ERR_OK) {
        if (err->code == ERR_NOT_FOUND) {
            err_clear(err);
        }
        return err->code;
    }
    rest = text;
    len = strlen(text);
    while (err->code == ERR_OK && (line = strsep(&rest, "\n"))) {
        if (*line == '[') {
            inside = is_section(line, name, config);
            profile->found |= inside;
        } else if (inside && *line && !strchr("#; \t\r", *line)) {
            keep(profile, line, err);
        }
    }
    explicit_bzero(text, len);
    mem_free(text);
    return err->code;
}

static const char *path_of(const char *variable, const char *file, char path[PATH_MAX])
{
    const char *given = getenv(variable), *home = getenv("HOME");

    if (given && *given) {
        return given;
    }
    if (!home || !*home || snprintf(path, PATH_MAX, "%s/.aws/%s", home, file) >= PATH_MAX) {
        return NULL;
    }
    return path;
}

enum err_code aws_profile_read(const char *name, struct aws_profile *out, struct err *err)
{
    char path[PATH_MAX];
    const char *file;

    *out = (struct aws_profile){0};
    file = path_of("AWS_SHARED_CREDENTIALS_FILE", "credentials", path);
    if (file && read_one(out, file, name, false, err) != ERR_OK) {
        goto out;
    }
    file = path_of("AWS_CONFIG_FILE", "config", path);
    if (file) {
        (void)!read_one(out, file, name, true, err);
    }
out:
    if (err->code != ERR_OK) {
        aws_profile_release(out);
    }
    return err->code;
}

void aws_profile_release(struct aws_profile *profile)
{
    for (int i = 0; i < profile->n; i++) {
        mem_free(profile->settings[i].name);
        mem_free(profile->settings[i].value);
    }
    *profile = (struct aws_profile){0};
}

const char *aws_profile_get(const struct aws_profile *profile, const char *name)
{
    for (int i = 0; i < profile->n; i++) {
        if (profile->settings[i].name && strcmp(profile->settings[i].name, name) == 0) {
            return profile->settings[i].value;
        }
    }
    return NULL;
}
