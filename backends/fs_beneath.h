/*
 * fs_beneath: opens a path below a folder without ever leaving it.
 *
 * The rule, the same for both ways below: no component may be a link, "..", or ".", and the path is relative.
 * The last component may be a link only if flags say O_PATH | O_NOFOLLOW: then the link itself is opened.
 * Both return a descriptor (O_CLOEXEC), or -1 with errno: ELOOP for a link in the way, EXDEV for a path that
 * is not plain, others as open(2).
 */
#ifndef SLUICE_BACKENDS_FS_BENEATH_H
#define SLUICE_BACKENDS_FS_BENEATH_H

#include <sys/stat.h>

#include "core/store/store.h"

/* The first of the two below that this system has. */
int fs_beneath_open(int root, const char *path, int flags);

int fs_beneath_openat2(int root, const char *path,
                       int flags); /* ENOSYS where the kernel or a sandbox has no openat2 */
int fs_beneath_walk(int root, const char *path, int flags); /* one component at a time */

/*
 * Finds what stands under `key` where its last part may be a link: `real` is the path without links, *st what
 * is there (never a link). A link's target is taken as text and must name something below root by the rule
 * above: EXDEV for one that does not, ELOOP for too many. -1 with errno.
 */
int fs_beneath_locate(int root, const char *key, char real[STORE_KEY_MAX + 1], struct stat *st);

/* Opens (O_PATH) the folder `path`, made durably with its parents where it is missing. `path` is written to,
 * and restored. */
int fs_beneath_make(int root, char *path);

/* Has the names in a folder, given by any descriptor of it, on disk. */
int fs_sync_folder(int folder);

#endif
