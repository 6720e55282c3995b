/*
 * pipeline_read: the file as one checked tree: read, judged, the chosen environment and --set merged in.
 *
 * Order: file -> judged whole -> environment over it -> --set over that. The "environments" are gone from the
 * tree afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/config/pipeline_parts.h"

static enum err_code open_file(const char *file, int *fd, struct err *err)
{
    *fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (*fd >= 0)
        return ERR_OK;
    if (errno == ENOENT || errno == ENOTDIR)
        return err_set_native(err, ERRN_NOT_FOUND, errno, "no pipeline file %.400s%s; -c FILE names another",
                              file, strchr(file, '/') ? "" : " here");
    return err_set_errno(err, errno, "pipeline file %.400s", file);
}

/* All bytes of the file and its mode, both of one descriptor. */
static enum err_code read_file(struct loader *l, struct buf *out, struct err *err)
{
    const char *file = l->options->file;
    struct stat st;
    ssize_t n = 1;
    int fd;
    enum err_code code = open_file(file, &fd, err);

    if (code != ERR_OK)
        return code;
    if (fstat(fd, &st) != 0)
        code = err_set_errno(err, errno, "pipeline file %.400s", file);
    else if (S_ISDIR(st.st_mode))
        code = err_set(err, ERRN_CONFIG, "%.400s is a folder: -c names a pipeline file", file);
    else
        l->mode = st.st_mode & 07777;
    while (code == ERR_OK && n != 0) {
        code = buf_reserve(out, 4096, err);
        if (code != ERR_OK)
            break;
        n = read(fd, out->data + out->len, 4096);
        if (n > 0)
            out->len += (size_t)n;
        else if (n < 0 && errno != EINTR)
            code = err_set_errno(err, errno, "pipeline file %.400s", file);
        if (out->len > YNODE_BYTES_MAX)
            code = err_set(err, ERRN_LIMIT, "pipeline file %.400s: larger than %d bytes", file,
                           YNODE_BYTES_MAX);
    }
    close(fd);
    return code;
}

/* The folder as it was named, links in it resolved; a file that is a link belongs to where the
 * link is. */
static enum err_code find_base_dir(struct loader *l, struct err *err)
{
    const char *file = l->options->file, *slash = strrchr(file, '/');
    char resolved[PATH_MAX];
    char *dir = slash ? mem_strndup(file, slash == file ? 1 : (size_t)(slash - file)) : mem_strdup(".");

    if (!dir)
        return err_nomem(err);
    if (!realpath(dir, resolved))
        err_set_errno(err, errno, "folder of the pipeline file, %.400s", dir);
    else if (!(l->pipeline->base_dir = mem_strdup(resolved)))
        err_nomem(err);
    mem_free(dir);
    return err->code;
}

static enum err_code unknown_environment(const struct loader *l, const struct ynode *all, struct err *err)
{
    char known[512] = "";
    size_t len = 0;

    for (size_t i = 0; all && i < all->nitems && len < sizeof known; i++)
        len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i ? ", " : "", all->items[i]->key);
    return err_set(err, ERRN_CONFIG, "%.400s: no environment is named %.64s; %s%s", l->options->file,
                   l->options->env, len ? "known ones: " : "the file has none", known);
}

static enum err_code apply_environment(struct loader *l, struct err *err)
{
    struct ynode *all = ynode_path(l->root, "environments");
    const char *name = l->options->env;
    enum err_code code = ERR_OK;

    if (name) {
        struct ynode *chosen = all ? ynode_child(all, name, strlen(name)) : NULL;

        if (!chosen)
            return unknown_environment(l, all, err);
        if (chosen->kind == YNODE_MAP)
            code = ynode_merge(l->root, chosen, err);
    }
    if (code == ERR_OK)
        ynode_remove(l->root, "environments");
    return code;
}

enum err_code loader_read(struct loader *l, struct err *err)
{
    const struct pipeline_options *options = l->options;
    enum err_code code;
    struct buf text;

    buf_init(&text, 2 * YNODE_BYTES_MAX);
    code = read_file(l, &text, err);
    if (code == ERR_OK)
        code = find_base_dir(l, err);
    if (code == ERR_OK)
        code = ynode_parse(buf_str(&text), text.len, options->file, &l->root, err);
    if (code == ERR_OK && l->root->kind != YNODE_MAP)
        code = err_set(err, ERRN_CONFIG, "%.400s: %s: a pipeline file is a map of keys, `name: ...` first",
                       options->file, ynode_is_null(l->root) ? "empty" : "no map");
    if (code == ERR_OK)
        code = loader_check_map(l, l->root, "", err);
    if (code == ERR_OK)
        code = apply_environment(l, err);
    for (size_t i = 0; i < options->nsets && code == ERR_OK; i++)
        code = loader_set(l, options->sets[i], err);
    buf_release(&text);
    return code;
}
