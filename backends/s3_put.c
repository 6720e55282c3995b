/*
 * s3_put: uploads.
 *
 * Invariants: at most one part is in memory; an object appears only by the one PUT or by the completion,
 * which names every part by its ETag; an upload in parts that fails is aborted, so that no part is left to be
 * paid for. An answer counts as success only with the element that belongs to it.
 *
 * States of an upload in parts: BEGUN -> part* -> COMPLETED | ABORTED.
 */
#include "backends/s3_put.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/s3_xml.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/store/store.h"

enum { UPLOAD_ID_MAX = 1024, COMPLETION_MAX = S3_PARTS_MAX * (STORE_ETAG_MAX + 128), PART_NUMBER_MAX = 16 };

struct upload {
    struct s3 *s3;
    const char *key;
    char id[UPLOAD_ID_MAX];
    struct buf completion; /* the document that names the parts */
};

/* Fills data from the body: the checked store gives exactly what was announced. */
static enum err_code fill(struct bytes *body, char *data, size_t len, struct err *err)
{
    size_t got = 0, n = 1;

    while (got < len && n > 0) {
        if (bytes_read(body, data + got, len - got, &n, err) != ERR_OK) {
            return err->code;
        }
        got += n;
    }
    return got == len ? ERR_OK : err_set(err, ERRN_INTERNAL, "the body of a put ended early");
}

/* Sends a body until it is taken; its ETag as the server wrote it. */
static enum err_code send_body(struct s3 *s3, const struct s3_op *op, char etag[STORE_ETAG_MAX + 3],
                               struct err *err)
{
    struct http_answer answer;
    unsigned attempt = 0;

    http_answer_init(&answer);
    do {
        if (s3_call(s3, op, &answer, err) == ERR_OK &&
            !http_header(&answer, "etag", etag, STORE_ETAG_MAX + 3)) {
            err_set(err, ERRN_STORE_UNREACHABLE, "%s/%s: the server says %d to the upload, but gives no ETag",
                    s3->label, op->key, answer.status);
        }
    } while (s3_again(s3, &attempt, err));
    http_answer_release(&answer);
    return err->code;
}

static enum err_code put_at_once(struct s3 *s3, const char *key, const char *data, size_t len,
                                 struct err *err)
{
    struct s3_op op = {.method = "PUT", .key = key, .right = "s3:PutObject", .body = data, .body_len = len};
    char etag[STORE_ETAG_MAX + 3];

    return send_body(s3, &op, etag, err);
}

static enum err_code take_id(void *ctx, const char *path, const char *text, struct err *err)
{
    struct upload *upload = ctx;

    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") == 0 &&
        (size_t)snprintf(upload->id, sizeof upload->id, "%s", text) >= sizeof upload->id) {
        upload->id[0] = '\0';
        return err_set(err, ERRN_LIMIT, "the id of the upload has more than %d bytes", UPLOAD_ID_MAX);
    }
    return ERR_OK;
}

static enum err_code take_completed(void *ctx, const char *path, const char *text, struct err *err)
{
    (void)err;
    *(bool *)ctx |= strcmp(path, "CompleteMultipartUploadResult/ETag") == 0 && *text;
    return ERR_OK;
}

/* A POST whose answer is a document, until it holds what `take` looks for. */
static enum err_code post(struct s3 *s3, const struct s3_op *op, xml_element_fn *take, void *ctx,
                          const char *found, struct err *err)
{
    struct http_answer answer;
    unsigned attempt = 0;

    http_answer_init(&answer);
    do {
        if (s3_call(s3, op, &answer, err) == ERR_OK) {
            if (xml_parse(answer.body.data, answer.body.len, take, ctx, err) == ERR_OK && !*found) {
                err_set(err, ERRN_STORE_TRUNCATED,
                        "the server's answer to the upload lacks what it must have");
            }
            s3_context(s3, op->key, err);
        }
    } while (s3_again(s3, &attempt, err));
    http_answer_release(&answer);
    return err->code;
}

static enum err_code begin(struct upload *upload, struct err *err)
{
    struct s3_op op = {.method = "POST",
                       .key = upload->key,
                       .right = "s3:PutObject",
                       .query = {{"uploads", ""}},
                       .nquery = 1,
                       .xml = true};

    return post(upload->s3, &op, take_id, upload, upload->id, err);
}

static enum err_code put_part(struct upload *upload, unsigned number, const char *data, size_t len,
                              struct err *err)
{
    char text[PART_NUMBER_MAX], etag[STORE_ETAG_MAX + 3];
    struct s3_op op = {.method = "PUT",
                       .key = upload->key,
                       .right = "s3:PutObject",
                       .query = {{"partNumber", text}, {"uploadId", upload->id}},
                       .nquery = 2,
                       .body = data,
                       .body_len = len};

    snprintf(text, sizeof text, "%u", number);
    if (send_body(upload->s3, &op, etag, err) != ERR_OK) {
        return err->code;
    }
    if (etag[strcspn(etag, "<>&")]) {
        return err_set(err, ERRN_UNSUPPORTED, "%s/%s: the server gives a part an ETag that is none",
                       upload->s3->label, upload->key);
    }
    return buf_printf(&upload->completion, err, "<Part><PartNumber>%u</PartNumber><ETag>%s</ETag></Part>",
                      number, etag);
}

static enum err_code complete(struct upload *upload, struct err *err)
{
    struct s3_op op = {.method = "POST",
                       .key = upload->key,
                       .right = "s3:PutObject",
                       .query = {{"uploadId", upload->id}},
                       .nquery = 1,
                       .xml = true};
    bool completed[2] = {false, false};

    if (buf_append_str(&upload->completion, "</CompleteMultipartUpload>", err) != ERR_OK) {
        return err->code;
    }
    op.body = upload->completion.data;
    op.body_len = upload->completion.len;
    return post(upload->s3, &op, take_completed, completed, (const char *)completed, err);
}

static void abort_upload(struct upload *upload)
{
    struct s3_op op = {.method = "DELETE",
                       .key = upload->key,
                       .right = "s3:AbortMultipartUpload",
                       .query = {{"uploadId", upload->id}},
                       .nquery = 1};
    struct http_answer answer;
    struct err err = ERR_INIT;
    unsigned attempt = 0;

    http_answer_init(&answer);
    do {
        (void)!s3_call(upload->s3, &op, &answer, &err);
    } while (s3_again(upload->s3, &attempt, &err));
    if (err.code != ERR_OK && err.code != ERR_NOT_FOUND) {
        log_msg(LOG_WARN, "parts of an upload that failed may be left in the bucket: %s", err.msg);
    }
    http_answer_release(&answer);
}

static enum err_code put_in_parts(struct s3 *s3, const char *key, struct bytes *body, int64_t size,
                                  char *data, struct err *err)
{
    struct upload upload = {.s3 = s3, .key = key};

    buf_init(&upload.completion, COMPLETION_MAX);
    if (buf_append_str(&upload.completion, "<CompleteMultipartUpload>", err) != ERR_OK ||
        begin(&upload, err) != ERR_OK) {
        goto out;
    }
    for (int64_t at = 0; at < size && err->code == ERR_OK; at += S3_PART_BYTES) {
        size_t len = size - at < S3_PART_BYTES ? (size_t)(size - at) : S3_PART_BYTES;

        if (fill(body, data, len, err) == ERR_OK) {
            (void)!put_part(&upload, (unsigned)(at / S3_PART_BYTES) + 1, data, len, err);
        }
    }
    if (err->code == ERR_OK) {
        (void)!complete(&upload, err);
    }
    if (err->code != ERR_OK) {
        abort_upload(&upload);
    }
out:
    buf_release(&upload.completion);
    return err->code;
}

enum err_code s3_put(struct s3 *s3, const char *key, struct bytes *body, int64_t size, struct err *err)
{
    size_t len = size < S3_PART_BYTES ? (size_t)size : S3_PART_BYTES;
    char *data;

    if (size > (int64_t)S3_PART_BYTES * S3_PARTS_MAX) {
        return err_set(err, ERRN_LIMIT, "%s/%s: an upload has at most %d parts of %d bytes", s3->label, key,
                       S3_PARTS_MAX, S3_PART_BYTES);
    }
    data = mem_alloc(len);
    if (!data) {
        return err_nomem(err);
    }
    if (size > S3_PART_BYTES) {
        (void)!put_in_parts(s3, key, body, size, data, err);
    } else if (fill(body, data, len, err) == ERR_OK) {
        (void)!put_at_once(s3, key, data, len, err);
    }
    mem_free(data);
    return err->code;
}
