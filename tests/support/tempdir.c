/* tempdir: makes, fills and removes the folders of tests. A test that has no folder is no test: failures
 * abort. */
#include "tests/support/tempdir.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void die(const char *what, const char *path)
{
    fprintf(stderr, "tempdir: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

char *tempdir_make(void)
{
    const char *base = getenv("TMPDIR");
    char path[PATH_MAX];
    char *copy;

    snprintf(path, sizeof path, "%s/sluice-test-XXXXXX", base && *base == '/' ? base : "/tmp");
    copy = mkdtemp(path) ? strdup(path) : NULL;
    if (!copy) {
        die("cannot make", path);
    }
    return copy;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)ftw;
    (void)type;
    return remove(path);
}

void tempdir_remove(char *path)
{
    if (path && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        die("cannot remove", path);
    }
    free(path);
}

void tempdir_write(const char *path, const char *name, const void *data, size_t len)
{
    char full[PATH_MAX];
    int fd;

    snprintf(full, sizeof full, "%s/%s", path, name);
    for (char *p = strchr(full + strlen(path) + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        if (mkdir(full, 0777) != 0 && errno != EEXIST) {
            die("cannot make", full);
        }
        *p = '/';
    }
    fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) != 0) {
        die("cannot write", full);
    }
}

static char in_memory[] = "/dev/shm/sluice-tests-XXXXXX";
static pid_t memory_owner;

static void remove_memory(void)
{
    if (getpid() == memory_owner) {
        nftw(in_memory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
}

void tempdir_use_memory(void)
{
    if (memory_owner || !mkdtemp(in_memory)) {
        return;
    }
    memory_owner = getpid();
    if (setenv("TMPDIR", in_memory, 1) != 0 || atexit(remove_memory) != 0) {
        die("cannot use", in_memory);
    }
}
