/*
 * store_libs3: the store over libs3: `libs3://bucket/prefix?endpoint=&profile=&timeout=`.
 *
 * libs3 pushes, a reader is pulled from: so a reader GETs one window of the object after the other, each
 * under the ETag of the first. The other way, to keep a transfer open and push it on by hand, would need a
 * request context and a connection for each reader (a context pushes all of its transfers, and libs3 can
 * pause none), would hold them while a sink commits, which libs3 takes for a stalled server after 15 s, and
 * would not save memory: how much one push delivers is up to libcurl. A window costs one request in 4 MiB,
 * and a small object is one request.
 *
 * Invariants: every window has the object's ETag and just the bytes that were asked for; what broke off is
 * handed out, then reported (STORE_TRUNCATED), so that store_retry resumes behind it.
 *
 * States of a reader: WINDOW --used up--> the next WINDOW | CUT, where the last one broke off | END.
 */
#include "backends/store_libs3.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/libs3_client.h"
#include "backends/libs3_get.h"
#include "backends/libs3_list.h"
#include "backends/libs3_put.h"
#include "core/base/mem.h"

struct store_of_libs3 {
    struct store base;
    struct libs3 *libs3;
};

struct cursor {
    struct store_list base;
    struct libs3_list *list;
};

struct reader {
    struct store_reader base;
    char *window;
    int64_t at, have; /* in the window: handed out, there */
    int64_t next;     /* where in the object the next window begins */
    int64_t end;
    bool cut;
};

static struct libs3 *libs3_of(struct store *store)
{
    return ((struct store_of_libs3 *)store)->libs3;
}

static void close_store(struct store *store)
{
    libs3_close(libs3_of(store));
    mem_free(store);
}

/* What libs3 says of it is not looked at: it misreads answers to uploads. The bucket is there afterwards, or
 * not. */
static enum err_code make_bucket(struct libs3 *libs3, struct err *err)
{
    struct libs3_call call;

    if (libs3_begin(libs3, NULL, "s3:CreateBucket", &call, err) != ERR_OK) {
        return err->code;
    }
    S3_create_bucket(S3ProtocolHTTP, libs3->bucket.accessKeyId, libs3->bucket.secretAccessKey,
                     libs3->bucket.hostName, libs3->bucket.bucketName, S3CannedAclPrivate, NULL,
                     libs3->context, &libs3_response, &call);
    if (libs3_end(&call, err) != ERR_OK &&
        (!libs3_refused(call.status) || call.status == S3StatusErrorBucketAlreadyOwnedByYou)) {
        err_clear(err);
    }
    return err->code == ERR_OK ? libs3_list_probe(libs3, err) : err->code;
}

static enum err_code open_store(const struct url *url, const char *base_dir, const struct clock *clock,
                                bool create, struct store **out, struct err *err)
{
    struct store_of_libs3 *store = mem_calloc(1, sizeof *store);

    if (!store) {
        return err_nomem(err);
    }
    if (libs3_open(url, base_dir, clock, &store->libs3, err) != ERR_OK) {
        mem_free(store);
        return err->code;
    }
    store->base = (struct store){
        .type = &store_libs3, .clock = clock, .caps = {.remote = true}, .label = store->libs3->s3->label};
    if (libs3_list_probe(store->libs3, err) == ERR_NOT_FOUND && create) {
        err_clear(err);
        (void)!make_bucket(store->libs3, err);
    }
    if (err->code != ERR_OK) {
        close_store(&store->base);
        return err->code;
    }
    *out = &store->base;
    return ERR_OK;
}

static enum err_code list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                struct store_list **out, struct err *err)
{
    struct cursor *cursor = mem_calloc(1, sizeof *cursor);

    if (!cursor) {
        return err_nomem(err);
    }
    if (libs3_list_open(libs3_of(store), prefix, scope, &cursor->list, err) != ERR_OK) {
        mem_free(cursor);
        return err->code;
    }
    *out = &cursor->base;
    return ERR_OK;
}

static enum err_code list_next(struct store_list *list, struct store_object *object, bool *more,
                               struct err *err)
{
    return libs3_list_next(((struct cursor *)list)->list, object, more, err);
}

static void list_end(struct store_list *list)
{
    libs3_list_close(((struct cursor *)list)->list);
    mem_free(list);
}

static enum err_code stat_object(struct store *store, const char *key, struct store_object *out,
                                 struct err *err)
{
    return libs3_head(libs3_of(store), key, out, err);
}

static void close_read(struct store_reader *base)
{
    struct reader *reader = (struct reader *)base;

    if (reader) {
        mem_free(reader->window);
        mem_free(reader);
    }
}

static enum err_code moved(const struct libs3 *libs3, const char *key, struct err *err)
{
    return err_set(err, ERRN_SOURCE_MOVED, "%s/%s: changed while it was being read", libs3->s3->label, key);
}

/* The next window. */
static enum err_code fetch(struct reader *reader, struct libs3 *libs3, struct err *err)
{
    const struct store_object *object = &reader->base.object;
    int64_t left = reader->end - reader->next;
    struct libs3_piece piece = {.offset = reader->next,
                                .length = left < LIBS3_WINDOW ? left : LIBS3_WINDOW,
                                .if_match = object->etag,
                                .dst = reader->window};
    struct store_object now;

    if (libs3_get(libs3, object->key, &piece, &now, err) == ERR_NOT_FOUND || piece.beyond) {
        err_clear(err);
        return moved(libs3, object->key, err);
    }
    if (err->code == ERR_OK && piece.said != piece.length) {
        err_set(err, ERRN_UNSUPPORTED, "%s/%s: the server gives another range than was asked for",
                libs3->s3->label, object->key);
    }
    if (err->code != ERR_OK) {
        return err->code;
    }
    reader->at = 0;
    reader->have = piece.got;
    reader->next += piece.got;
    reader->cut = piece.got < piece.said;
    return ERR_OK;
}

/* Size and ETag first: behind the start of an object an answer alone would not say where its range lies. */
static enum err_code open_by_head(struct reader *reader, struct libs3 *libs3, const char *key,
                                  const struct store_range *range, struct err *err)
{
    struct store_object *object = &reader->base.object;
    int64_t left;

    if (libs3_head(libs3, key, object, err) != ERR_OK) {
        return err->code;
    }
    if (range->if_match && strcmp(object->etag, range->if_match) != 0) {
        return moved(libs3, key, err);
    }
    left = range->offset < object->size ? object->size - range->offset : 0;
    reader->next = range->offset;
    reader->base.expected = range->length >= 0 && range->length < left ? range->length : left;
    reader->end = range->offset + reader->base.expected;
    return reader->base.expected > 0 ? fetch(reader, libs3, err) : ERR_OK;
}

/* The first window at once: an object that ends in it has told its size. */
static enum err_code open_by_get(struct reader *reader, struct libs3 *libs3, const char *key,
                                 const struct store_range *range, struct err *err)
{
    struct store_object *object = &reader->base.object, whole;
    struct libs3_piece piece = {.length = range->length < 0 || range->length > LIBS3_WINDOW ? LIBS3_WINDOW
                                                                                            : range->length,
                                .if_match = range->if_match,
                                .dst = reader->window};

    if (libs3_get(libs3, key, &piece, object, err) != ERR_OK) {
        return err->code;
    }
    if (piece.beyond) {
        return open_by_head(reader, libs3, key, range, err); /* an empty object */
    }
    object->size = piece.said;
    if (piece.said == piece.length) {
        if (libs3_head(libs3, key, &whole, err) != ERR_OK) {
            return err->code;
        }
        if (strcmp(whole.etag, object->etag) != 0 || whole.size < piece.said) {
            return moved(libs3, key, err);
        }
        object->size = whole.size;
    }
    reader->base.expected = range->length >= 0 && range->length < object->size ? range->length : object->size;
    reader->end = reader->base.expected;
    reader->have = reader->next = piece.got;
    reader->cut = piece.got < piece.said;
    return ERR_OK;
}

static enum err_code open_read(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    bool nothing = range->length == 0, little = range->length > 0 && range->length < LIBS3_WINDOW;
    struct libs3 *libs3 = libs3_of(store);
    struct reader *reader = mem_calloc(1, sizeof *reader);

    if (!reader) {
        return err_nomem(err);
    }
    if (!nothing && !(reader->window = mem_alloc(little ? (size_t)range->length : LIBS3_WINDOW))) {
        err_nomem(err);
    } else if (nothing || range->offset > 0) {
        (void)!open_by_head(reader, libs3, key, range, err);
    } else {
        (void)!open_by_get(reader, libs3, key, range, err);
    }
    if (err->code != ERR_OK) {
        close_read(&reader->base);
        return err->code;
    }
    *out = &reader->base;
    return ERR_OK;
}

static enum err_code read_object(struct store_reader *base, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct reader *reader = (struct reader *)base;
    struct libs3 *libs3 = libs3_of(base->store);
    int64_t left;

    *n = 0;
    if (reader->at == reader->have && reader->cut) {
        return err_set(err, ERRN_STORE_TRUNCATED,
                       "%s/%s: after %" PRId64 " of %" PRId64 " bytes: the server ended early",
                       libs3->s3->label, base->object.key, base->got, base->expected);
    }
    if (reader->at == reader->have && reader->next < reader->end && fetch(reader, libs3, err) != ERR_OK) {
        return err->code;
    }
    left = reader->have - reader->at;
    *n = left < (int64_t)cap ? (size_t)left : cap;
    if (*n > 0) {
        memcpy(dst, reader->window + reader->at, *n);
        reader->at += (int64_t)*n;
    }
    return ERR_OK;
}

static enum err_code put_object(struct store *store, const char *key, struct bytes *body, int64_t size,
                                enum store_condition condition, struct err *err)
{
    (void)condition; /* caps promise none */
    return libs3_put(libs3_of(store), key, body, size, err);
}

static enum err_code remove_object(struct store *store, const char *key, struct err *err)
{
    struct libs3 *libs3 = libs3_of(store);
    struct libs3_call call;

    if (libs3_begin(libs3, key, "s3:DeleteObject", &call, err) != ERR_OK) {
        return err->code;
    }
    S3_delete_object(&libs3->bucket, call.path, libs3->context, &libs3_response, &call);
    if (libs3_end(&call, err) == ERR_NOT_FOUND && call.status != S3StatusErrorNoSuchBucket) {
        err_clear(err);
    }
    return err->code;
}

static const char *const schemes[] = {"libs3", NULL};

const struct store_type store_libs3 = {
    .name = "libs3",
    .schemes = schemes,
    .open = open_store,
    .list_begin = list_begin,
    .list_next = list_next,
    .list_end = list_end,
    .stat = stat_object,
    .open_read = open_read,
    .read = read_object,
    .close_read = close_read,
    .put = put_object,
    .remove = remove_object,
    .close = close_store,
};
