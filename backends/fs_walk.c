/*
 * fs_walk: a depth-first walk over folders that gives paths in byte order.
 *
 * A folder's names are read at once and sorted, with folders as "name/": then "a.b" comes before what is in
 * "a/", as the bytes of the paths do, and going into each folder where it stands gives all paths in order.
 * One level is kept for each folder on the way down, so memory grows with the largest folders of one branch
 * and not with the tree. Only the deepest folder is open; on the way up a folder is opened again when it is
 * needed, so that depth costs no descriptors. Folders that go away meanwhile count as empty.
 */
#include "backends/fs_walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/fs_beneath.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/store/store.h"

enum { FOLDER_NAMES_MAX = 1 << 30 /* bytes of one folder's names */ };

struct level {
    struct buf names; /* NUL-terminated, folders with a "/" behind */
    struct buf order; /* uint32_t offsets into names, sorted */
    size_t next;
    size_t path_len; /* of the folder's path with its "/"; 0 for root */
};

struct fs_walk {
    int root;
    int fd; /* the deepest level's folder; -1: open it again */
    const char *label;
    bool flat; /* no folder is gone into */
    struct level *levels;
    size_t depth, cap;
    char path[STORE_KEY_MAX + 1];
};

static const char *level_name(const struct level *level, size_t i)
{
    return level->names.data + ((const uint32_t *)(const void *)level->order.data)[i];
}

static size_t level_count(const struct level *level)
{
    return level->order.len / sizeof(uint32_t);
}

static void level_release(struct level *level)
{
    buf_release(&level->names);
    buf_release(&level->order);
}

static int compare_names(const void *a, const void *b, void *names)
{
    return strcmp((const char *)names + *(const uint32_t *)a, (const char *)names + *(const uint32_t *)b);
}

static enum err_code fail(const struct fs_walk *walk, struct err *err)
{
    if (errno == EACCES)
        return err_set_native(err, ERRN_DENIED, errno, "%s/%s: permission denied: let this user read it",
                              walk->label, walk->path);
    return err_set_errno(err, errno, "%s/%s", walk->label, walk->path);
}

static bool is_gone(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP;
}

/* Opens the folder whose path (with its "/") is the first len bytes of walk->path. */
static int open_folder(struct fs_walk *walk, size_t len)
{
    char path[STORE_KEY_MAX + 1];

    if (len == 0) {
        return openat(walk->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    memcpy(path, walk->path, len - 1);
    path[len - 1] = '\0';
    return fs_beneath_open(walk->root, path, O_RDONLY | O_DIRECTORY);
}

static bool is_folder(int fd, const struct dirent *entry)
{
    struct stat st;

    if (entry->d_type != DT_UNKNOWN) {
        return entry->d_type == DT_DIR;
    }
    return fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static enum err_code add_name(struct level *level, int fd, const struct dirent *entry, struct err *err)
{
    uint32_t at = (uint32_t)level->names.len;

    if (buf_append(&level->order, &at, sizeof at, err) != ERR_OK ||
        buf_append_str(&level->names, entry->d_name, err) != ERR_OK ||
        (is_folder(fd, entry) && buf_append_char(&level->names, '/', err) != ERR_OK)) {
        return err->code;
    }
    return buf_append_char(&level->names, '\0', err);
}

/* Reads those names of the folder that start with `prefix`. */
static enum err_code read_names(const struct fs_walk *walk, int fd, const char *prefix, struct level *level,
                                struct err *err)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    size_t prefix_len = strlen(prefix);
    struct dirent *entry;

    if (!dir) {
        fail(walk, err);
        if (copy >= 0) {
            close(copy);
        }
        return err->code;
    }
    while (err->code == ERR_OK && (errno = 0, entry = readdir(dir)) != NULL) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strncmp(name, prefix, prefix_len) == 0 &&
            strncmp(name, FS_TEMP_PREFIX, strlen(FS_TEMP_PREFIX)) != 0) {
            (void)!add_name(level, fd, entry, err);
        }
    }
    if (errno != 0) {
        fail(walk, err);
    }
    closedir(dir);
    return err->code;
}

/* Goes into the folder whose path is the first len bytes of walk->path. One that is gone is passed over. */
static enum err_code push(struct fs_walk *walk, size_t len, const char *prefix, struct err *err)
{
    struct level level = {.path_len = len};
    int fd = open_folder(walk, len);

    if (fd < 0) {
        return len > 0 && is_gone(errno) ? ERR_OK : fail(walk, err);
    }
    if (walk->depth == walk->cap) {
        size_t cap = walk->cap ? walk->cap * 2 : 8;
        struct level *grown = mem_realloc(walk->levels, cap * sizeof *grown);

        if (!grown) {
            close(fd);
            return err_nomem(err);
        }
        walk->levels = grown;
        walk->cap = cap;
    }
    buf_init(&level.names, FOLDER_NAMES_MAX);
    buf_init(&level.order, FOLDER_NAMES_MAX);
    if (read_names(walk, fd, prefix, &level, err) != ERR_OK) {
        level_release(&level);
        close(fd);
        return err->code;
    }
    if (level.order.len > 0) {
        qsort_r(level.order.data, level_count(&level), sizeof(uint32_t), compare_names, level.names.data);
    }
    if (walk->fd >= 0) {
        close(walk->fd);
    }
    walk->fd = fd;
    walk->levels[walk->depth++] = level;
    return ERR_OK;
}

static void pop(struct fs_walk *walk)
{
    level_release(&walk->levels[--walk->depth]);
    if (walk->fd >= 0) {
        close(walk->fd);
        walk->fd = -1;
    }
}

enum err_code fs_walk_begin(int root, const char *label, const char *prefix, bool flat, struct fs_walk **out,
                            struct err *err)
{
    struct fs_walk *walk = mem_calloc(1, sizeof *walk);
    const char *slash = strrchr(prefix, '/');
    size_t len = slash ? (size_t)(slash + 1 - prefix) : 0;
    struct stat st;

    *out = NULL;
    if (!walk) {
        return err_nomem(err);
    }
    *walk = (struct fs_walk){.root = root, .fd = -1, .label = label, .flat = flat};
    memcpy(walk->path, prefix, len);
    walk->path[len] = '\0';
    /* The root of a lake that was removed still opens, and is empty. */
    if (fstat(root, &st) != 0 || st.st_nlink == 0) {
        fs_walk_end(walk);
        return err_set(err, ERRN_NOT_FOUND, "%s: the folder was removed", label);
    }
    /* A prefix that no name can have (EXDEV: an empty, "." or ".." part) is like a folder that is not there.
     */
    if (push(walk, len, prefix + len, err) != ERR_OK) {
        if (err->native != EXDEV && err->native != ENAMETOOLONG) {
            fs_walk_end(walk);
            return err->code;
        }
        err_clear(err);
    }
    *out = walk;
    return ERR_OK;
}

/* Has the deepest folder open. One that is gone leaves walk->fd < 0. */
static enum err_code reopen(struct fs_walk *walk, size_t len, struct err *err)
{
    if (walk->fd < 0) {
        walk->fd = open_folder(walk, len);
        if (walk->fd < 0 && (len == 0 || !is_gone(errno))) {
            walk->path[len] = '\0';
            return fail(walk, err);
        }
    }
    return ERR_OK;
}

enum err_code fs_walk_next(struct fs_walk *walk, const char **path, struct stat *st, struct err *err)
{
    *path = NULL;
    while (walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        const char *name;
        size_t len;

        if (level->next == level_count(level)) {
            pop(walk);
            continue;
        }
        if (reopen(walk, level->path_len, err) != ERR_OK) {
            return err->code;
        }
        if (walk->fd < 0) {
            pop(walk);
            continue;
        }
        name = level_name(level, level->next);
        len = level->path_len + strlen(name);
        if (len > STORE_KEY_MAX) {
            return err_set(err, ERRN_KEY_TOO_LONG, "%s/%.*s%s: a path of %zu bytes; the longest key is %d",
                           walk->label, (int)level->path_len, walk->path, name, len, STORE_KEY_MAX);
        }
        memcpy(walk->path + level->path_len, name, strlen(name) + 1);
        if (walk->path[len - 1] == '/' && walk->flat) {
            level->next++;
            continue;
        }
        if (walk->path[len - 1] == '/') {
            size_t here = walk->depth - 1;

            if (push(walk, len, "", err) != ERR_OK) {
                return err->code;
            }
            walk->levels[here].next++; /* push may have moved the levels */
            continue;
        }
        if (fstatat(walk->fd, name, st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (!is_gone(errno)) {
                return fail(walk, err);
            }
            level->next++;
            continue;
        }
        level->next++;
        if (!S_ISDIR(st->st_mode)) {
            *path = walk->path;
            return ERR_OK;
        }
    }
    return ERR_OK;
}

void fs_walk_end(struct fs_walk *walk)
{
    if (!walk) {
        return;
    }
    while (walk->depth > 0) {
        pop(walk);
    }
    mem_free(walk->levels);
    mem_free(walk);
}
