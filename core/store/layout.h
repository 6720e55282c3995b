/*
 * layout: the pattern that ties an object's key to its hour (`yyyy=%Y/mm=%m/dd=%d/hh=%H/...*.csv`).
 *
 * %Y %m %d %H are 4, 2, 2, 2 digits, %% a percent sign; each of the four must stand at least once (twice must
 * agree). "*" matches any run of bytes but "/" (not starting with "." or "_" where it begins a part). A
 * pattern ending in ".csv" also matches the same with ".gz" or ".zst" behind.
 */
#ifndef SLUICE_STORE_LAYOUT_H
#define SLUICE_STORE_LAYOUT_H

#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/hour.h"

struct layout;

enum layout_match {
    LAYOUT_MATCH,   /* *hour is set */
    LAYOUT_HIDDEN,  /* some part starts with "." or "_" */
    LAYOUT_IGNORED, /* not by the pattern */
};

/* CONFIG for a pattern without all four fields, with an unknown %x, an empty part, ".."... */
enum err_code layout_compile(const char *pattern, struct layout **out, struct err *err) MUST_USE;
void layout_free(struct layout *layout);

enum layout_match layout_match(const struct layout *layout, const char *key, hour_t *hour);

/* The longest prefix that all keys of this hour share (up to the first "*"). */
enum err_code layout_prefix(const struct layout *layout, hour_t hour, struct buf *out,
                            struct err *err) MUST_USE;

/* The longest prefix that all keys from `from` up to and without `to` share: literal text, and time fields
 * while they are equal at both ends. */
enum err_code layout_range_prefix(const struct layout *layout, hour_t from, hour_t to, struct buf *out,
                                  struct err *err) MUST_USE;

/* A key for hour and file name (the pattern with its last "*.csv" or last "*" replaced by name); CONFIG if
 * other "*" remain. For fixtures and cp. */
enum err_code layout_key(const struct layout *layout, hour_t hour, const char *name, struct buf *out,
                         struct err *err) MUST_USE;

#endif
