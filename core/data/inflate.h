/*
 * inflate: gzip and zstd on the way in, by the object's name (.gz, .zst), with caps.
 *
 * All members (gzip) and frames (zstd) are read; bytes after the last that are no member are COMPRESSED
 * (ERR_DATA); input that ends in the middle too. Beyond 64 MiB of output the ratio may not exceed 200:1
 * (COMPRESSION_RATIO).
 */
#ifndef SLUICE_DATA_INFLATE_H
#define SLUICE_DATA_INFLATE_H

#include "core/base/bytes.h"

enum compression { COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_ZSTD };

enum {
    INFLATE_RATIO_MAX = 200,
    INFLATE_RATIO_FROM = 64 * 1024 * 1024,
    INFLATE_INPUT = 64 * 1024,
    INFLATE_ZSTD_WINDOW_LOG_MAX = 24
};

enum compression compression_of(const char *key);

/* A stream over `src` (borrowed). *out is freed by inflate_close. */
enum err_code inflate_open(enum compression kind, struct bytes *src, struct bytes **out,
                           struct err *err) MUST_USE;
void inflate_close(struct bytes *inflate);

#endif
