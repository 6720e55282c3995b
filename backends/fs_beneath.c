/*
 * fs_beneath: paths below a folder: opened by openat2(2) or by a walk over the components, links followed as
 * text, folders made.
 *
 * Invariant: whatever others rename or link meanwhile, a descriptor that is returned was reached from root
 * through real folders only: openat2 is told so, and the walk opens each component with O_NOFOLLOW from the
 * one before.
 */
#include "backends/fs_beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 8 };

int fs_beneath_openat2(int root, const char *path, int flags)
{
    int nofollow = flags & O_DIRECTORY ? O_NOFOLLOW
                                       : 0; /* taken away: resolve says it, and with both a link is ENOTDIR */
    struct open_how how = {
        .flags = (unsigned)(flags & ~nofollow) | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    long fd;

    if (!store_key_valid(path)) {
        errno = EXDEV;
        return -1;
    }
    do {
        fd = syscall(SYS_openat2, root, path, &how, sizeof how);
    } while (fd < 0 && errno == EINTR);
    return (int)fd;
}

/* A link where O_DIRECTORY was asked for is ENOTDIR; openat2 says ELOOP. */
static void tell_link(int dir, const char *name)
{
    struct stat st;

    if (errno == ENOTDIR && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        errno = S_ISLNK(st.st_mode) ? ELOOP : ENOTDIR;
    }
}

int fs_beneath_walk(int root, const char *path, int flags)
{
    int dir = root, fd, saved;

    if (!store_key_valid(path)) {
        errno = EXDEV;
        return -1;
    }
    for (;;) {
        char name[NAME_MAX + 1];
        size_t len = strcspn(path, "/");
        bool last = path[len] == '\0';

        if (len > NAME_MAX) {
            errno = ENAMETOOLONG;
            fd = -1;
        } else {
            memcpy(name, path, len);
            name[len] = '\0';
            do {
                fd = openat(dir, name, (last ? flags : O_PATH | O_DIRECTORY) | O_NOFOLLOW | O_CLOEXEC);
            } while (fd < 0 && errno == EINTR);
            if (fd < 0) {
                tell_link(dir, name);
            }
        }
        saved = errno;
        if (dir != root) {
            close(dir);
        }
        errno = saved;
        if (fd < 0 || last) {
            return fd;
        }
        dir = fd;
        path += len + 1;
    }
}

int fs_beneath_open(int root, const char *path, int flags)
{
    static atomic_bool no_openat2; /* found out once: some sandboxes answer EPERM for what they do not know */

    if (!atomic_load(&no_openat2)) {
        int fd = fs_beneath_openat2(root, path, flags);

        if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) {
            return fd;
        }
        if (errno == ENOSYS) {
            atomic_store(&no_openat2, true);
        }
    }
    return fs_beneath_walk(root, path, flags);
}

/* Replaces `real` by what a link there with this target names, as text. False where that is outside the root.
 */
static bool follow(char real[STORE_KEY_MAX + 1], const char *target)
{
    const char *slash = strrchr(real, '/');
    size_t len = slash ? (size_t)(slash - real) : 0;

    if (*target == '/') {
        return false;
    }
    while (*target) {
        size_t n = strcspn(target, "/");

        if (n == 2 && target[0] == '.' && target[1] == '.') {
            if (len == 0) {
                return false;
            }
            while (len > 0 && real[--len] != '/') {
            }
        } else if (n > 0 && !(n == 1 && target[0] == '.')) {
            if (len + 1 + n > STORE_KEY_MAX) {
                return false;
            }
            if (len > 0) {
                real[len++] = '/';
            }
            memcpy(real + len, target, n);
            len += n;
        }
        target += n + (target[n] == '/');
    }
    real[len] = '\0';
    return len > 0;
}

/* Finds what stands under `key`, through links: its own path and its stat. -1 with errno where there is
 * nothing. */
int fs_beneath_locate(int root, const char *key, char real[STORE_KEY_MAX + 1], struct stat *st)
{
    memcpy(real, key, strlen(key) + 1);
    for (int links = 0; links <= LINKS_MAX; links++) {
        char target[PATH_MAX];
        int fd = fs_beneath_open(root, real, O_PATH | O_NOFOLLOW), failed;
        ssize_t n = -1;

        if (fd < 0) {
            return -1;
        }
        failed = fstat(fd, st);
        if (!failed && S_ISLNK(st->st_mode)) {
            n = readlinkat(fd, "", target, sizeof target - 1);
        }
        close(fd);
        if (failed || !S_ISLNK(st->st_mode)) {
            return failed;
        }
        target[n < 0 ? 0 : n] = '\0';
        if (n <= 0 || !follow(real, target)) {
            errno = EXDEV;
            return -1;
        }
    }
    errno = ELOOP;
    return -1;
}

int fs_sync_folder(int folder)
{
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), failed, saved;

    if (fd < 0) {
        return -1;
    }
    failed = fsync(fd);
    if (failed && (errno == EINVAL || errno == ENOTSUP)) {
        failed = 0; /* file systems that have no such thing */
    }
    saved = errno;
    close(fd);
    errno = saved;
    return failed;
}

int fs_beneath_make(int root, char *path)
{
    int fd = fs_beneath_open(root, path, O_PATH | O_DIRECTORY), parent;
    char *slash;

    if (fd >= 0 || errno != ENOENT) {
        return fd;
    }
    slash = strrchr(path, '/');
    if (slash) {
        *slash = '\0';
        parent = fs_beneath_make(root, path);
        *slash = '/';
    } else {
        parent = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    }
    if (parent >= 0) {
        const char *name = slash ? slash + 1 : path;
        int saved;

        if ((mkdirat(parent, name, 0777) == 0 || errno == EEXIST) && fs_sync_folder(parent) == 0) {
            fd = fs_beneath_open(parent, name, O_PATH | O_DIRECTORY);
        }
        saved = errno;
        close(parent);
        errno = saved;
    }
    return fd;
}
