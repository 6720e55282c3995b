/*
 * libs3_put: uploads that are looked at afterwards.
 *
 * libs3 2.0 takes the status of an upload from before its body was sent: a "503" without a document passes
 * for success, and a success without "100 Continue" for a failure. So only a refusal that the server put into
 * words is believed. Anything else is settled by the object: by its size and ETag, which is the MD5 on most
 * servers, or else by reading it back.
 *
 * States: SENT -> refused | broken off (less than the body had gone: nothing can be there) | CONFIRMED by the
 * object | not there, which may be tried again.
 */
#include "backends/libs3_put.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "backends/libs3_get.h"
#include "core/base/mem.h"

enum { MD5_BYTES = 16, MD5_HEX_MAX = 2 * MD5_BYTES + 1, BACK_BYTES = 1024 * 1024 };

struct upload {
    struct libs3_call call;
    struct bytes *body;
    EVP_MD_CTX *md5;
    int64_t sent;
    int64_t size;
};

static enum err_code md5_begin(EVP_MD_CTX **out, struct err *err)
{
    *out = EVP_MD_CTX_new();
    if (!*out) {
        return err_nomem(err);
    }
    return EVP_DigestInit_ex(*out, EVP_md5(), NULL) == 1
               ? ERR_OK
               : err_set(err, ERRN_UNSUPPORTED, "libcrypto does not compute MD5 here: use s3://");
}

static enum err_code md5_hex(EVP_MD_CTX *md5, char out[MD5_HEX_MAX], struct err *err)
{
    unsigned char sum[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(md5, sum, NULL) != 1) {
        return err_set(err, ERRN_INTERNAL, "libcrypto cannot compute MD5");
    }
    for (int i = 0; i < MD5_BYTES; i++) {
        snprintf(out + 2 * i, 3, "%02x", sum[i]);
    }
    return ERR_OK;
}

/* The library wants bytes to send: 0 is the end, less than that breaks off. */
static int on_want(int cap, char *dst, void *ctx)
{
    struct upload *upload = ctx;
    size_t n = 0;

    upload->call.moves++;
    if (cap <= 0 || upload->sent == upload->size) {
        return 0;
    }
    if (bytes_read(upload->body, dst, (size_t)cap, &n, &upload->call.err) != ERR_OK) {
        return -1;
    }
    if (n == 0 || EVP_DigestUpdate(upload->md5, dst, n) != 1) {
        err_set(&upload->call.err, ERRN_INTERNAL, "the body of a put ended early");
        return -1;
    }
    upload->sent += (int64_t)n;
    return (int)n;
}

/* The MD5 of the object as it is. */
static enum err_code read_back(struct libs3 *libs3, const struct store_object *object, char out[MD5_HEX_MAX],
                               struct err *err)
{
    struct libs3_piece piece = {.if_match = object->etag, .dst = mem_alloc(BACK_BYTES)};
    struct store_object now;
    EVP_MD_CTX *md5 = NULL;

    if (!piece.dst) {
        return err_nomem(err);
    }
    (void)!md5_begin(&md5, err);
    for (int64_t at = 0; at < object->size && err->code == ERR_OK; at += piece.got) {
        piece.offset = at;
        piece.length = object->size - at < BACK_BYTES ? object->size - at : BACK_BYTES;
        if (libs3_get(libs3, object->key, &piece, &now, err) == ERR_OK &&
            (piece.beyond || EVP_DigestUpdate(md5, piece.dst, (size_t)piece.got) != 1)) {
            err_set(err, ERRN_SOURCE_MOVED, "%s/%s: changed while it was read back", libs3->s3->label,
                    object->key);
        }
    }
    if (err->code == ERR_OK) {
        (void)!md5_hex(md5, out, err);
    }
    EVP_MD_CTX_free(md5);
    mem_free(piece.dst);
    return err->code;
}

/* Is what stands under the key what was sent? */
static enum err_code confirm(struct upload *upload, const char *key, struct err *err)
{
    struct libs3 *libs3 = upload->call.libs3;
    char sent[MD5_HEX_MAX], there[MD5_HEX_MAX] = "";
    struct store_object object;
    bool same = false;

    if (md5_hex(upload->md5, sent, err) != ERR_OK) {
        return err->code;
    }
    if (libs3_head(libs3, key, &object, err) == ERR_NOT_FOUND) {
        err_clear(err);
    } else if (err->code == ERR_OK && object.size == upload->size) {
        same = strcmp(object.etag, sent) == 0 ||
               (read_back(libs3, &object, there, err) == ERR_OK && strcmp(there, sent) == 0);
    }
    if (err->code == ERR_OK && !same) {
        err_set(err, ERRN_STORE_UNREACHABLE,
                "%s/%s: the server did not keep what was uploaded (libs3 says %s)", libs3->s3->label, key,
                S3_get_status_name(upload->call.status));
    }
    return err->code;
}

static enum err_code send_once(struct libs3 *libs3, const char *key, struct bytes *body, int64_t size,
                               struct err *err)
{
    struct upload upload = {.body = body, .size = size};
    S3PutObjectHandler handler = {.responseHandler = libs3_response, .putObjectDataCallback = on_want};

    if (libs3_begin(libs3, key, "s3:PutObject", &upload.call, err) != ERR_OK ||
        md5_begin(&upload.md5, err) != ERR_OK) {
        goto out;
    }
    S3_put_object(&libs3->bucket, upload.call.path, (uint64_t)size, NULL, libs3->context, &handler, &upload);
    if (libs3_end(&upload.call, err) == ERR_OK ||
        (upload.call.err.code == ERR_OK && !upload.call.silent && upload.sent == size &&
         !libs3_refused(upload.call.status))) {
        err_clear(err);
        (void)!confirm(&upload, key, err);
    }
out:
    EVP_MD_CTX_free(upload.md5);
    return err->code;
}

/* Fills data from the body: the checked store gives exactly what was announced. */
static enum err_code fill(struct bytes *body, char *data, int64_t size, struct err *err)
{
    int64_t got = 0;
    size_t n = 1;

    while (got < size && n > 0) {
        if (bytes_read(body, data + got, (size_t)(size - got), &n, err) != ERR_OK) {
            return err->code;
        }
        got += (int64_t)n;
    }
    return got == size ? ERR_OK : err_set(err, ERRN_INTERNAL, "the body of a put ended early");
}

enum err_code libs3_put(struct libs3 *libs3, const char *key, struct bytes *body, int64_t size,
                        struct err *err)
{
    unsigned attempt = 0;
    char *data;

    if (size > LIBS3_PUT_MAX) {
        return err_set(err, ERRN_LIMIT, "%s/%s: libs3 uploads at most 5 GiB at once: use s3://",
                       libs3->s3->label, key);
    }
    if (size > LIBS3_PUT_KEPT) {
        return send_once(libs3, key, body, size, err);
    }
    data = mem_alloc(size > 0 ? (size_t)size : 1);
    if (!data) {
        return err_nomem(err);
    }
    if (fill(body, data, size, err) == ERR_OK) {
        do {
            struct bytes_mem kept;

            bytes_mem_init(&kept, data, (size_t)size);
            (void)!send_once(libs3, key, &kept.base, size, err);
        } while (s3_again(libs3->s3, &attempt, err));
    }
    mem_free(data);
    return err->code;
}
