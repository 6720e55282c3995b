/*
 * out_file: see out_file.h.
 *
 * Invariant: until out_file_end renames it, all that is written stands in a file of another name beside it.
 */
#include "tools/out_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"

/* What is there and no file (a pipe; a link such as /dev/stderr, which a rename would replace) is written as
 * it is. */
static bool is_special(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static enum err_code failed(const struct out_file *out, int number, struct err *err)
{
    return err_set_errno(err, number, "--%s %s", out->option, out->path);
}

static enum err_code open_temp(struct out_file *out, struct err *err)
{
    static const char suffix[] = ".XXXXXX";
    size_t len = strlen(out->path);
    mode_t mask;
    int fd;

    out->temp = mem_alloc(len + sizeof suffix);
    if (!out->temp)
        return err_nomem(err);
    memcpy(out->temp, out->path, len);
    memcpy(out->temp + len, suffix, sizeof suffix);
    fd = mkstemp(out->temp);
    if (fd < 0) {
        int number = errno;

        mem_free(out->temp);
        out->temp = NULL;
        return failed(out, number, err);
    }
    mask = umask(0);
    umask(mask);
    fchmod(fd, 0666 & ~mask);
    out->file = fdopen(fd, "w");
    if (!out->file)
        close(fd);
    return ERR_OK;
}

enum err_code out_file_open(struct out_file *out, const char *option, const char *path, struct err *err)
{
    struct stat st;

    *out = (struct out_file){.option = option};
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(err, ERRN_USAGE, "--%s %s is a folder: name a file", option, path);
    out->path = mem_strdup(path);
    if (!out->path)
        return err_nomem(err);
    if (is_special(path))
        out->file = fopen(path, "w");
    else if (open_temp(out, err))
        return err->code;
    return out->file ? ERR_OK : failed(out, errno, err);
}

enum err_code out_file_end(struct out_file *out, struct err *err)
{
    bool bad = ferror(out->file);

    if (fflush(out->file) != 0 || bad)
        err_set_errno(err, errno ? errno : EIO, "%s: cannot write", out->path);
    if (fclose(out->file) != 0)
        failed(out, errno, err);
    out->file = NULL;
    if (err->code || !out->temp)
        return err->code;
    if (rename(out->temp, out->path) != 0)
        return failed(out, errno, err);
    mem_free(out->temp);
    out->temp = NULL;
    return ERR_OK;
}

void out_file_release(struct out_file *out)
{
    if (out->file)
        fclose(out->file);
    if (out->temp)
        unlink(out->temp);
    mem_free(out->temp);
    mem_free(out->path);
    *out = (struct out_file){0};
}
