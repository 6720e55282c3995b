/*
 * store_fs: the regular files below a folder, each an object under its path.
 *
 * Invariants:
 * - Nothing outside the root is ever read, written or removed. Folders in a key are real folders, never
 * links. A link in the last place is followed if its relative target, taken as text, names a file inside the
 * root by the same rule; listing keeps the same rule.
 * - An object is replaced by rename only, after its bytes are on disk: readers see the old file or the new
 * one. Temporary files start with FS_TEMP_PREFIX and are no objects.
 * - An etag is size and modification time in ns. A file that was written in the last 2 s might be written
 * again within the clock's tick: its etag is not trusted.
 */
#include "backends/store_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/fs_beneath.h"
#include "backends/fs_walk.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { TEMP_TRIES_MAX = 100, COPY_BYTES = 64 * 1024, ETAG_SETTLED_US = 2000000 };

struct store_fs {
    struct store base;
    int root; /* O_PATH */
};

struct fs_list {
    struct store_list base;
    struct fs_walk *walk;
};

struct fs_reader {
    struct store_reader base;
    int fd;
};

/* An error of the system about a key, in words that help. */
static enum err_code fail(const struct store *store, const char *key, struct err *err)
{
    switch (errno) {
    case ELOOP:
    case EXDEV:
        return err_set_native(err, ERRN_KEY_OUTSIDE, errno,
                              "%s/%s: leads through a link that is not followed", store->label, key);
    case ENAMETOOLONG:
        return err_set_native(err, ERRN_KEY_TOO_LONG, errno,
                              "%s/%s: a part of the name is too long for this folder", store->label, key);
    case EACCES: /* of a read: fail_read */
        return err_set_native(err, ERRN_DENIED, errno, "%s/%s: permission denied: let this user write there",
                              store->label, key);
    default:
        return err_set_errno(err, errno, "%s/%s", store->label, key);
    }
}

static enum err_code not_found(const struct store *store, const char *key, struct err *err)
{
    return err_set(err, ERRN_NOT_FOUND, "%s/%s: no such object", store->label, key);
}

/* Nothing is there, or nothing can be (ENXIO: a socket). */
static bool is_absent(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR || errnum == ENAMETOOLONG || errnum == ENXIO;
}

static enum err_code fail_read(const struct store *store, const char *key, struct err *err)
{
    if (errno == EACCES)
        return err_set_native(err, ERRN_DENIED, errno, "%s/%s: permission denied: let this user read it",
                              store->label, key);
    return is_absent(errno) ? not_found(store, key, err) : fail(store, key, err);
}

/* True where some part of the key is a temporary name. */
static bool is_temp(const char *key)
{
    for (; key; key = strchr(key, '/')) {
        key += *key == '/';
        if (strncmp(key, FS_TEMP_PREFIX, strlen(FS_TEMP_PREFIX)) == 0) {
            return true;
        }
    }
    return false;
}

static int root_of(const struct store *store)
{
    return ((const struct store_fs *)store)->root;
}

static void describe(const struct store *store, const char *key, const struct stat *st,
                     struct store_object *out)
{
    int64_t mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;

    memmove(out->key, key, strlen(key) + 1);
    out->size = st->st_size;
    snprintf(out->etag, sizeof out->etag, "%llx-%llx", (unsigned long long)st->st_size,
             (unsigned long long)mtime_ns);
    out->mtime_us = mtime_ns / 1000;
    out->etag_trusted = clock_wall_us(store->clock) - out->mtime_us >= ETAG_SETTLED_US;
}

static int make_path(char *path)
{
    for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)!mkdir(path, 0777); /* what matters is whether the last one can be made */
        *p = '/';
    }
    return mkdir(path, 0777) == 0 || errno == EEXIST ? 0 : -1;
}

static int open_root(char *path, bool create)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && create && make_path(path) == 0) {
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    return fd;
}

static void close_store(struct store *store)
{
    struct store_fs *fs = (struct store_fs *)store;

    if (fs->root >= 0) {
        close(fs->root);
    }
    mem_free(fs->base.label);
    mem_free(fs);
}

static enum err_code open_store(const struct url *url, const char *base_dir, const struct clock *clock,
                                bool create, struct store **out, struct err *err)
{
    struct store_fs *fs = mem_calloc(1, sizeof *fs);
    size_t len = strlen(url->scheme) + strlen(url->path) + 2;
    char path[PATH_MAX];
    int n;

    if (!fs) {
        return err_nomem(err);
    }
    fs->root = -1;
    fs->base = (struct store){
        .type = &store_fs, .clock = clock, .caps = {.put_if_absent = true}, .label = mem_alloc(len)};
    if (!fs->base.label) {
        err_nomem(err);
        goto out;
    }
    snprintf(fs->base.label, len, "%s%s%s", url->scheme, url->scheme[0] ? ":" : "", url->path);
    n = url->path[0] == '/' ? snprintf(path, sizeof path, "%s", url->path)
                            : snprintf(path, sizeof path, "%s/%s", base_dir, url->path);
    if (url->path[0] == '\0' || n < 0 || (size_t)n >= sizeof path) {
        err_set(err, ERRN_CONFIG, "\"%s\" names no folder: its path is empty or too long", fs->base.label);
        goto out;
    }
    fs->root = open_root(path, create);
    if (fs->root >= 0) {
        *out = &fs->base;
        return ERR_OK;
    }
    if (errno == ENOENT) {
        err_set_native(err, ERRN_NOT_FOUND, errno, "folder %s is not there: make it, or correct the URL",
                       path);
    } else if (errno == ENOTDIR) {
        err_set_native(err, ERRN_NOT_FOUND, errno, "%s is no folder: correct the URL", path);
    } else if (errno == EACCES) {
        err_set_native(err, ERRN_DENIED, errno, "folder %s: permission denied: let this user read it", path);
    } else {
        err_set_errno(err, errno, "folder %s", path);
    }
out:
    close_store(&fs->base);
    return err->code;
}

static enum err_code list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                struct store_list **out, struct err *err)
{
    struct fs_list *list = mem_calloc(1, sizeof *list);

    if (!list) {
        return err_nomem(err);
    }
    if (fs_walk_begin(root_of(store), store->label, prefix, scope == STORE_FLAT, &list->walk, err) !=
        ERR_OK) {
        mem_free(list);
        return err->code;
    }
    *out = &list->base;
    return ERR_OK;
}

static enum err_code list_next(struct store_list *base, struct store_object *object, bool *more,
                               struct err *err)
{
    struct fs_list *list = (struct fs_list *)base;
    char real[STORE_KEY_MAX + 1];
    const char *path;
    struct stat st;

    *more = false;
    while (fs_walk_next(list->walk, &path, &st, err) == ERR_OK && path) {
        bool linked = S_ISLNK(st.st_mode);

        if (linked && fs_beneath_locate(root_of(base->store), path, real, &st) != 0 &&
            (errno == EACCES || errno == EIO)) {
            return fail_read(base->store, path, err);
        }
        if (linked && !S_ISREG(st.st_mode)) {
            log_msg(LOG_WARN, "%s/%s: ignored, a link that leads to no file inside the folder",
                    base->store->label, path);
        } else if (S_ISREG(st.st_mode)) {
            describe(base->store, path, &st, object);
            *more = true;
            return ERR_OK;
        }
    }
    return err->code;
}

static void list_end(struct store_list *base)
{
    struct fs_list *list = (struct fs_list *)base;

    fs_walk_end(list->walk);
    mem_free(list);
}

static enum err_code stat_object(struct store *store, const char *key, struct store_object *out,
                                 struct err *err)
{
    char real[STORE_KEY_MAX + 1];
    struct stat st;

    if (is_temp(key)) {
        return not_found(store, key, err);
    }
    if (fs_beneath_locate(root_of(store), key, real, &st) != 0) {
        return fail_read(store, key, err);
    }
    if (!S_ISREG(st.st_mode)) {
        return not_found(store, key, err);
    }
    describe(store, key, &st, out);
    return ERR_OK;
}

/* O_NONBLOCK: a fifo must not hang us before we know that it is one. */
static int open_object(int root, const char *key)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW;
    char real[STORE_KEY_MAX + 1];
    struct stat st;
    int fd = fs_beneath_open(root, key, flags);

    if (fd < 0 && errno == ELOOP && fs_beneath_locate(root, key, real, &st) == 0) {
        fd = fs_beneath_open(root, real, flags);
    }
    return fd;
}

static enum err_code moved(const struct store *store, const char *key, struct err *err)
{
    return err_set(err, ERRN_SOURCE_MOVED, "%s/%s: changed while it was being read", store->label, key);
}

static void close_read(struct store_reader *base)
{
    struct fs_reader *reader = (struct fs_reader *)base;

    if (reader->fd >= 0) {
        close(reader->fd);
    }
    mem_free(reader);
}

static enum err_code open_read(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    struct fs_reader *reader = mem_calloc(1, sizeof *reader);
    struct stat st;
    int64_t left;

    if (!reader) {
        return err_nomem(err);
    }
    reader->fd = is_temp(key) ? -1 : open_object(root_of(store), key);
    if (is_temp(key)) {
        not_found(store, key, err);
    } else if (reader->fd < 0) {
        fail_read(store, key, err);
    } else if (fstat(reader->fd, &st) != 0) {
        fail(store, key, err);
    } else if (!S_ISREG(st.st_mode)) {
        not_found(store, key, err);
    } else {
        describe(store, key, &st, &reader->base.object);
        if (range->if_match && strcmp(range->if_match, reader->base.object.etag) != 0) {
            moved(store, key, err);
        }
    }
    if (err->code != ERR_OK) {
        close_read(&reader->base);
        return err->code;
    }
    left = range->offset < st.st_size ? st.st_size - range->offset : 0;
    reader->base.expected = range->length >= 0 && range->length < left ? range->length : left;
    *out = &reader->base;
    return ERR_OK;
}

/* Fails where the file is not what it was at open; asked with its last bytes, as a caller may not come again.
 */
static enum err_code check_unmoved(const struct fs_reader *reader, struct err *err)
{
    const struct store_reader *base = &reader->base;
    struct store_object now;
    struct stat st;

    if (fstat(reader->fd, &st) != 0) {
        return fail(base->store, base->object.key, err);
    }
    describe(base->store, base->object.key, &st, &now);
    return strcmp(now.etag, base->object.etag) == 0 ? ERR_OK : moved(base->store, base->object.key, err);
}

static enum err_code read_object(struct store_reader *base, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct fs_reader *reader = (struct fs_reader *)base;
    int64_t left = base->expected - base->got;
    ssize_t got;

    if ((int64_t)cap > left) {
        cap = (size_t)left;
    }
    do {
        got = pread(reader->fd, dst, cap, base->offset + base->got);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return fail(base->store, base->object.key, err);
    }
    if ((got == 0 || got == left) && check_unmoved(reader, err) != ERR_OK) {
        return err->code;
    }
    *n = (size_t)got;
    return ERR_OK;
}

/* Opens the folder that `key` stands in; *name is its last part. -1 with errno. */
static int open_folder_of(int root, const char *key, bool make, const char **name)
{
    const char *slash = strrchr(key, '/');
    char path[STORE_KEY_MAX + 1];

    *name = slash ? slash + 1 : key;
    if (!slash) {
        return openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    memcpy(path, key, (size_t)(slash - key));
    path[slash - key] = '\0';
    return make ? fs_beneath_make(root, path) : fs_beneath_open(root, path, O_PATH | O_DIRECTORY);
}

enum { TEMP_NAME_MAX = sizeof FS_TEMP_PREFIX + 16 };

static int create_temp(int folder, const struct clock *clock, char name[TEMP_NAME_MAX])
{
    int fd = -1;

    for (int i = 0; i < TEMP_TRIES_MAX; i++) {
        snprintf(name, TEMP_NAME_MAX, FS_TEMP_PREFIX "%016llx", (unsigned long long)clock_random(clock));
        fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) {
            break;
        }
    }
    return fd;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

static enum err_code write_body(const struct store *store, const char *key, int fd, struct bytes *body,
                                struct err *err)
{
    char *chunk = mem_alloc(COPY_BYTES);
    size_t n = 0;

    if (!chunk) {
        return err_nomem(err);
    }
    do {
        if (bytes_read(body, chunk, COPY_BYTES, &n, err) == ERR_OK && write_all(fd, chunk, n) != 0) {
            fail(store, key, err);
        }
    } while (n > 0 && err->code == ERR_OK);
    if (err->code == ERR_OK && fsync(fd) != 0) {
        fail(store, key, err);
    }
    mem_free(chunk);
    return err->code;
}

/* Gives the finished temporary file its name. */
static enum err_code publish(const struct store *store, const char *key, int folder, const char *temp,
                             const char *name, enum store_condition condition, struct err *err)
{
    int failed = condition == PUT_IF_ABSENT ? linkat(folder, temp, folder, name, 0)
                                            : renameat(folder, temp, folder, name);

    if (failed && errno == EEXIST) {
        return err_set_native(err, ERRN_OBJECT_EXISTS, errno, "%s/%s: is there already", store->label, key);
    }
    if (failed && errno == EISDIR) {
        return err_set_native(err, ERRN_CONFIG, errno, "%s/%s: a folder has this name, so no object can",
                              store->label, key);
    }
    return failed || fs_sync_folder(folder) != 0 ? fail(store, key, err) : ERR_OK;
}

static enum err_code put(struct store *store, const char *key, struct bytes *body, int64_t size,
                         enum store_condition condition, struct err *err)
{
    char temp[TEMP_NAME_MAX];
    const char *name;
    int folder, fd = -1;

    (void)size;
    if (is_temp(key)) {
        return err_set(err, ERRN_CONFIG, "%s/%s: names that start with " FS_TEMP_PREFIX " are taken",
                       store->label, key);
    }
    folder = open_folder_of(root_of(store), key, true, &name);
    if (folder < 0 && errno == ENOTDIR) {
        return err_set_native(err, ERRN_CONFIG, errno, "%s/%s: a file has the name of its folder",
                              store->label, key);
    }
    if (folder < 0) {
        return fail(store, key, err);
    }
    fd = create_temp(folder, store->clock, temp);
    if (fd < 0) {
        fail(store, key, err);
    } else {
        if (write_body(store, key, fd, body, err) == ERR_OK) {
            (void)!publish(store, key, folder, temp, name, condition, err);
        }
        (void)!unlinkat(folder, temp, 0); /* gone already where it was renamed */
        close(fd);
    }
    close(folder);
    return err->code;
}

static enum err_code remove_object(struct store *store, const char *key, struct err *err)
{
    const char *name;
    struct stat st;
    int folder;

    if (is_temp(key)) {
        return ERR_OK;
    }
    folder = open_folder_of(root_of(store), key, false, &name);
    if (folder < 0) {
        return is_absent(errno) ? ERR_OK : fail(store, key, err);
    }
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (!is_absent(errno)) {
            fail(store, key, err);
        }
    } else if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) {
        if ((unlinkat(folder, name, 0) != 0 && errno != ENOENT) || fs_sync_folder(folder) != 0) {
            fail(store, key, err);
        }
    }
    close(folder);
    return err->code;
}

static const char *const schemes[] = {"file", "fs", "", NULL};

const struct store_type store_fs = {
    .name = "file",
    .schemes = schemes,
    .open = open_store,
    .list_begin = list_begin,
    .list_next = list_next,
    .list_end = list_end,
    .stat = stat_object,
    .open_read = open_read,
    .read = read_object,
    .close_read = close_read,
    .put = put,
    .remove = remove_object,
    .close = close_store,
};
