/*
 * fs_walk: the files below a folder in byte order of their paths, whatever their number.
 */
#ifndef SLUICE_BACKENDS_FS_WALK_H
#define SLUICE_BACKENDS_FS_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/base/err.h"

/* Names that start so are puts under way: no walk shows them. */
#define FS_TEMP_PREFIX ".sluice-tmp-"

struct fs_walk;

/* Walks what starts with `prefix` below `root`; folders that cannot hold such a path are not opened, and no
 * folder behind the prefix where `flat`. `root` and `label` (for messages) are borrowed until fs_walk_end. */
enum err_code fs_walk_begin(int root, const char *label, const char *prefix, bool flat, struct fs_walk **out,
                            struct err *err) MUST_USE;

/* The next entry that is no folder: its path below root (valid until the next call) and its own lstat; *path
 * = NULL at the end. Links are given, not followed. After an error the same error comes again: nothing is
 * skipped in silence. */
enum err_code fs_walk_next(struct fs_walk *walk, const char **path, struct stat *st,
                           struct err *err) MUST_USE;

void fs_walk_end(struct fs_walk *walk);

#endif
