/* infer_copy: where keys tell no hour: the commands that put the objects under keys that do. */
#ifndef SLUICE_TOOLS_INFER_COPY_H
#define SLUICE_TOOLS_INFER_COPY_H

#include "core/base/buf.h"
#include "tools/infer_source.h"

/* Appends `sluice cp ...` lines, at most `max`; *left_out counts the others. The copies lie in `dest`, a name
 * in the current folder, which is `folder`; `layout` gets the pattern of their keys. hour: of what has no
 * time of its own. */
enum err_code infer_copy(const struct infer_source *source, const char *given, const char *dest,
                         const char *folder, hour_t hour, int64_t max, struct buf *commands,
                         struct buf *layout, int64_t *left_out, struct err *err) MUST_USE;

#endif
