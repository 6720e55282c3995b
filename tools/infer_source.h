/*
 * infer_source: the objects that `infer` looks at: which there are, which are samples, and their bytes.
 *
 *   infer_source_open -> infer_source_list -> infer_source_read (each sample, or each object)
 */
#ifndef SLUICE_TOOLS_INFER_SOURCE_H
#define SLUICE_TOOLS_INFER_SOURCE_H

#include "core/base/bytes.h"
#include "core/profile/infer.h"
#include "core/profile/infer_layout.h"
#include "core/store/layout.h"
#include "core/store/store.h"
#include "tools/app.h"

enum {
    SOURCE_KEYS_MAX = 1000000, /* listed, unless --full */
    SOURCE_OTHERS = 3,         /* keys told that the layout does not match */
};

struct infer_source {
    struct store *store;
    char *place;     /* URL of the store: SOURCE, or the folder of the one object */
    char *object;    /* NULL, or the one object's key */
    int64_t written; /* when the first text file was, microseconds; 0: not known */
    bool listed_all;
    struct infer_layout_result found;
    struct layout *layout; /* INFER_HOUR */
    int64_t matched, others;
    hour_t first, last; /* of the matched ones */
    size_t depth;       /* how many "/" the last matched key has */
    bool mixed;         /* another one has another number */
    char *other_keys[SOURCE_OTHERS];
    char **samples; /* keys, spread over the matched ones, first and last among them */
    size_t nsamples;
};

/* A folder, bucket or prefix, or one object. */
enum err_code infer_source_open(const struct app *app, const char *source, struct infer_source *out,
                                struct err *err) MUST_USE;
void infer_source_release(struct infer_source *source);

/* Lists twice: for the layout, then for what matches it. NOT_FOUND where there is no text file. */
enum err_code infer_source_list(struct infer_source *source, size_t nsamples, bool full,
                                struct err *err) MUST_USE;

/* Calls fn for each matched key, in order, until it fails. */
enum err_code infer_source_each(const struct infer_source *source,
                                enum err_code (*fn)(void *ctx, const char *key, struct err *err), void *ctx,
                                struct err *err) MUST_USE;

/* An object's bytes, decompressed, of which the first may be looked at before they are read. Stays where it
 * was opened. Errors have no context: the caller adds the key. */
enum { INFER_LOOK_BYTES = 8192 };
struct infer_stream {
    struct bytes base; /* to read from */
    struct store_reader *reader;
    struct bytes *inflated; /* NULL where it is not compressed */
    struct bytes *inner;
    size_t looked, pos; /* of `first` */
    char first[INFER_LOOK_BYTES];
};
enum err_code infer_stream_open(const struct infer_source *source, const char *key, struct infer_stream *out,
                                struct err *err) MUST_USE;
/* At most once, before the first read. */
enum err_code infer_stream_look(struct infer_stream *stream, struct infer_head *out,
                                struct err *err) MUST_USE;
void infer_stream_close(struct infer_stream *stream);

#endif
