/*
 * libs3_get: HEAD, and GET of a range into memory.
 *
 * Invariants: never more bytes are taken than were asked for; the ETag of the answer is the one of the
 * condition; how many bytes came is counted here, because libs3 calls a broken answer a success. libs3 shows
 * no Content-Range: that the range is the right one follows from its length, which callers compare with the
 * size that they know.
 */
#include "backends/libs3_get.h"

#include <stdio.h>
#include <string.h>

#include "backends/s3_list.h"

struct get {
    struct libs3_call call;
    struct libs3_piece *piece;
};

/* What the head of an answer says of the object, but for its size. */
static enum err_code describe(const struct libs3_call *call, struct store_object *out, struct err *err)
{
    *out = (struct store_object){.etag_trusted = true, .mtime_us = call->mtime_us};
    snprintf(out->key, sizeof out->key, "%s", call->key);
    if (!call->headed) {
        return err_set(err, ERRN_STORE_TRUNCATED, "the server's answer has no head");
    }
    return s3_etag(call->etag, out->etag, err);
}

enum err_code libs3_head(struct libs3 *libs3, const char *key, struct store_object *out, struct err *err)
{
    struct libs3_call call;

    if (libs3_begin(libs3, key, "s3:GetObject", &call, err) != ERR_OK) {
        return err->code;
    }
    S3_head_object(&libs3->bucket, call.path, libs3->context, &libs3_response, &call);
    if (libs3_end(&call, err) != ERR_OK) {
        return err->code;
    }
    if (describe(&call, out, err) == ERR_OK && call.length < 0) {
        err_set(err, ERRN_UNSUPPORTED, "the server gives no usable length");
    }
    out->size = call.length;
    return s3_context(libs3->s3, key, err);
}

static S3Status on_data(int len, const char *data, void *ctx)
{
    struct get *get = ctx;
    struct libs3_piece *piece = get->piece;

    get->call.moves++;
    if (len > piece->length - piece->got) {
        err_set(&get->call.err, ERRN_UNSUPPORTED, "the server gives no ranges of objects");
        return S3StatusAbortedByCallback;
    }
    memcpy(piece->dst + piece->got, data, (size_t)len);
    piece->got += len;
    return S3StatusOK;
}

/* As servers want it; an etag that no server gave cannot hold, so it becomes one that matches nothing. */
static const char *condition(const char *if_match, char text[STORE_ETAG_MAX + 3])
{
    bool plain = if_match[strcspn(if_match, "\"\r\n")] == '\0';

    snprintf(text, STORE_ETAG_MAX + 3, "\"%s\"", plain ? if_match : "-");
    return text;
}

/* Looks at what came. */
static enum err_code judge(const struct get *get, struct store_object *object, struct err *err)
{
    struct libs3_piece *piece = get->piece;

    piece->said = get->call.length;
    if (describe(&get->call, object, err) != ERR_OK) {
        return err->code;
    }
    if (piece->if_match && strcmp(object->etag, piece->if_match) != 0) {
        return err_set(err, ERRN_SOURCE_MOVED, "changed while it was being read");
    }
    if (piece->said > piece->length) {
        return err_set(err, ERRN_UNSUPPORTED, "the server gives no ranges of objects");
    }
    if (piece->got > piece->said) {
        return err_set(err, ERRN_UNSUPPORTED, "the server does not say how long its answer is");
    }
    return piece->got == 0 ? err_set(err, ERRN_STORE_TRUNCATED, "the answer broke off before its first byte")
                           : ERR_OK;
}

enum err_code libs3_get(struct libs3 *libs3, const char *key, struct libs3_piece *piece,
                        struct store_object *object, struct err *err)
{
    S3GetObjectHandler handler = {.responseHandler = libs3_response, .getObjectDataCallback = on_data};
    S3GetConditions conditions = {.ifModifiedSince = -1, .ifNotModifiedSince = -1};
    struct get get = {.piece = piece};
    char text[STORE_ETAG_MAX + 3];

    conditions.ifMatchETag = piece->if_match ? condition(piece->if_match, text) : NULL;
    piece->said = piece->got = 0;
    piece->beyond = false;
    if (libs3_begin(libs3, key, "s3:GetObject", &get.call, err) != ERR_OK) {
        return err->code;
    }
    S3_get_object(&libs3->bucket, get.call.path, &conditions, (uint64_t)piece->offset,
                  (uint64_t)piece->length, libs3->context, &handler, &get);
    if (libs3_end(&get.call, err) != ERR_OK) {
        piece->beyond = get.call.status == S3StatusErrorInvalidRange;
        if (piece->beyond) {
            err_clear(err);
        }
        return err->code;
    }
    (void)!judge(&get, object, err);
    return s3_context(libs3->s3, key, err);
}
