/*
 * store_s3: the store over S3: `s3://bucket/prefix?endpoint=&region=&path-style=&tls-ca=&profile=&timeout=`.
 *
 * Invariants: an answer is believed only where it holds what was asked for: the ETag of the condition, the
 * range and the total of the object, and, over a whole object, the checksum that the server keeps. What
 * breaks is reported with how far it came (STORE_TRUNCATED); store_retry resumes it under the same ETag.
 */
#include "backends/store_s3.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/s3_checksum.h"
#include "backends/s3_client.h"
#include "backends/s3_list.h"
#include "backends/s3_put.h"
#include "backends/s3_xml.h"
#include "core/base/mem.h"

enum { RANGE_TEXT_MAX = 64, ETAG_TEXT_MAX = STORE_ETAG_MAX + 3, RANGE_NOT_SATISFIABLE = 416 };

struct store_s3 {
    struct store base;
    struct s3 *s3;
};

struct cursor {
    struct store_list base;
    struct s3_list *list;
};

struct reader {
    struct store_reader base;
    struct http_stream *stream; /* NULL: there is nothing to read */
    struct checksum *sum;       /* NULL: nothing to compare with */
    int64_t got;
};

static struct s3 *s3_of(struct store *store)
{
    return ((struct store_s3 *)store)->s3;
}

static void close_store(struct store *store)
{
    s3_close(s3_of(store));
    mem_free(store);
}

static enum err_code make_bucket(struct s3 *s3, struct err *err)
{
    struct s3_op op = {.method = "PUT", .right = "s3:CreateBucket"};
    struct http_answer answer;
    struct buf body;
    unsigned attempt = 0;

    http_answer_init(&answer);
    buf_init(&body, 1024);
    if (strcmp(s3->region, "us-east-1") != 0) {
        (void)!buf_printf(&body, err,
                          "<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint>"
                          "</CreateBucketConfiguration>",
                          s3->region);
        op.body = body.data;
        op.body_len = body.len;
    }
    while (err->code == ERR_OK) {
        struct s3_fault fault;

        if (s3_call(s3, &op, &answer, err) != ERR_OK &&
            s3_fault_parse(answer.body.data, answer.body.len, &fault) &&
            strcmp(fault.code, "BucketAlreadyOwnedByYou") == 0) {
            err_clear(err);
        }
        if (!s3_again(s3, &attempt, err)) {
            break;
        }
    }
    http_answer_release(&answer);
    buf_release(&body);
    return err->code;
}

static enum err_code open_store(const struct url *url, const char *base_dir, const struct clock *clock,
                                bool create, struct store **out, struct err *err)
{
    struct store_s3 *store = mem_calloc(1, sizeof *store);

    if (!store) {
        return err_nomem(err);
    }
    if (s3_open(url, base_dir, clock, &store->s3, err) != ERR_OK) {
        mem_free(store);
        return err->code;
    }
    store->base = (struct store){
        .type = &store_s3, .clock = clock, .caps = {.remote = true}, .label = store->s3->label};
    if (s3_list_probe(store->s3, err) == ERR_NOT_FOUND && create) {
        err_clear(err);
        (void)!make_bucket(store->s3, err);
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
    if (s3_list_open(s3_of(store), prefix, scope, &cursor->list, err) != ERR_OK) {
        mem_free(cursor);
        return err->code;
    }
    *out = &cursor->base;
    return ERR_OK;
}

static enum err_code list_next(struct store_list *list, struct store_object *object, bool *more,
                               struct err *err)
{
    return s3_list_next(((struct cursor *)list)->list, object, more, err);
}

static void list_end(struct store_list *list)
{
    s3_list_close(((struct cursor *)list)->list);
    mem_free(list);
}

/* What an answer's head says about the object; its size is the caller's to know. */
static enum err_code describe(const struct http_answer *answer, const char *key, int64_t size,
                              struct store_object *out, struct err *err)
{
    char text[ETAG_TEXT_MAX + 1] = "", date[64];
    int64_t mtime_us = http_header(answer, "last-modified", date, sizeof date) ? http_date_us(date) : 0;

    if (size < 0) {
        return err_set(err, ERRN_STORE_TRUNCATED, "the server does not say how long the object is");
    }
    *out = (struct store_object){.size = size, .etag_trusted = true, .mtime_us = mtime_us < 0 ? 0 : mtime_us};
    snprintf(out->key, sizeof out->key, "%s", key);
    http_header(answer, "etag", text, sizeof text);
    return s3_etag(text, out->etag, err);
}

static enum err_code moved(struct err *err)
{
    return err_set(err, ERRN_SOURCE_MOVED, "changed while it was being read");
}

/* Adds the condition. An etag that no server gave cannot hold: the text then matches nothing. */
static void add_condition(struct s3_op *op, const char *if_match, char text[ETAG_TEXT_MAX])
{
    bool plain = if_match[strcspn(if_match, "\"\r\n")] == '\0';

    if (plain || strncmp(if_match, "W/\"", 3) == 0) {
        snprintf(text, ETAG_TEXT_MAX, plain ? "\"%s\"" : "%s", if_match);
    } else {
        snprintf(text, ETAG_TEXT_MAX, "\"-\"");
    }
    op->headers[op->nheaders++] = (struct sign_pair){"if-match", text};
}

static enum err_code head(struct s3 *s3, const char *key, const char *if_match, struct store_object *out,
                          struct err *err)
{
    struct s3_op op = {.method = "HEAD", .key = key, .right = "s3:GetObject"};
    struct http_answer answer;
    char condition[ETAG_TEXT_MAX];

    if (if_match) {
        add_condition(&op, if_match, condition);
    }
    http_answer_init(&answer);
    if (s3_call(s3, &op, &answer, err) == ERR_OK) {
        if (describe(&answer, key, http_header_number(&answer, "content-length"), out, err) == ERR_OK &&
            if_match && strcmp(out->etag, if_match) != 0) {
            moved(err);
        }
        s3_context(s3, key, err);
    }
    http_answer_release(&answer);
    return err->code;
}

static enum err_code stat_object(struct store *store, const char *key, struct store_object *out,
                                 struct err *err)
{
    return head(s3_of(store), key, NULL, out, err);
}

static void close_read(struct store_reader *base)
{
    struct reader *reader = (struct reader *)base;

    if (reader) {
        http_end(reader->stream);
        checksum_free(reader->sum);
        mem_free(reader);
    }
}

/* A range that holds nothing: there is no way to ask for it, but the object must be there and be the right
 * one. */
static enum err_code open_nothing(struct s3 *s3, const char *key, const struct store_range *range,
                                  struct reader *reader, struct err *err)
{
    if (head(s3, key, range->if_match, &reader->base.object, err) != ERR_OK) {
        return err->code;
    }
    if (range->length != 0 && range->offset < reader->base.object.size) {
        return err_set(err, ERRN_STORE_UNREACHABLE,
                       "%s/%s: the server refuses a range of the object that there is", s3->label, key);
    }
    return ERR_OK;
}

/* "bytes 3-6/10": the total, or -1 where it is not the range that was asked for. */
static int64_t range_total(const struct http_answer *answer, const struct store_range *range)
{
    int64_t first, last, total, end;
    char text[128];
    int used = 0;

    /* A number that is too large for sscanf is none of those that are compared below. */
    if (!http_header(answer, "content-range", text, sizeof text) ||
        /* NOLINTNEXTLINE(cert-err34-c) */
        sscanf(text, "bytes %" SCNd64 "-%" SCNd64 "/%" SCNd64 "%n", &first, &last, &total, &used) != 3 ||
        text[used] || first != range->offset || total <= first) {
        return -1;
    }
    end = range->length < 0 || range->length > total - first ? total : first + range->length;
    return last == end - 1 && http_header_number(answer, "content-length") == end - first ? total : -1;
}

/* Looks at the head of a GET's answer and fills the reader. */
static enum err_code begin_read(struct reader *reader, const char *key, const struct store_range *range,
                                bool whole, const struct http_answer *answer, struct err *err)
{
    struct store_object *object = &reader->base.object;
    int64_t size;

    if (!whole && answer->status != 206) {
        return err_set(err, ERRN_UNSUPPORTED, "the server gives no ranges of objects (status %d)",
                       answer->status);
    }
    size = whole ? http_header_number(answer, "content-length") : range_total(answer, range);
    if (!whole && size < 0) {
        return err_set(err, ERRN_STORE_UNREACHABLE, "the server gives another range than was asked for");
    }
    if (describe(answer, key, size, object, err) != ERR_OK) {
        return err->code;
    }
    if (range->if_match && strcmp(object->etag, range->if_match) != 0) {
        return moved(err);
    }
    reader->base.expected = whole ? size : http_header_number(answer, "content-length");
    return whole ? checksum_new(answer, &reader->sum, err) : ERR_OK;
}

static enum err_code open_read(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    struct s3_op op = {.method = "GET", .key = key, .right = "s3:GetObject"};
    bool whole = range->offset == 0 && range->length < 0;
    struct reader *reader = mem_calloc(1, sizeof *reader);
    char text[RANGE_TEXT_MAX], condition[ETAG_TEXT_MAX];
    struct s3 *s3 = s3_of(store);
    struct http_answer answer;

    if (!reader) {
        return err_nomem(err);
    }
    http_answer_init(&answer);
    if (range->length == 0) {
        (void)!open_nothing(s3, key, range, reader, err);
        goto out;
    }
    if (whole) {
        op.headers[op.nheaders++] = (struct sign_pair){"x-amz-checksum-mode", "ENABLED"};
    } else {
        int64_t last = range->length > INT64_MAX - range->offset ? INT64_MAX
                                                                 : range->offset + range->length - 1;

        snprintf(text, sizeof text, range->length < 0 ? "bytes=%" PRId64 "-" : "bytes=%" PRId64 "-%" PRId64,
                 range->offset, last);
        op.headers[op.nheaders++] = (struct sign_pair){"range", text};
    }
    if (range->if_match) {
        add_condition(&op, range->if_match, condition);
    }
    if (s3_begin(s3, &op, &answer, &reader->stream, err) != ERR_OK) {
        if (err->native == RANGE_NOT_SATISFIABLE && !whole) {
            err_clear(err);
            (void)!open_nothing(s3, key, range, reader, err);
        }
        goto out;
    }
    if (begin_read(reader, key, range, whole, &answer, err) != ERR_OK) {
        s3_context(s3, key, err);
    }
out:
    http_answer_release(&answer);
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

    *n = 0;
    if (!reader->stream) {
        return ERR_OK;
    }
    if (http_pull(reader->stream, dst, cap, n, err) == ERR_OK && *n > 0) {
        reader->got += (int64_t)*n;
        /* Judged before the last byte is handed out. */
        if (reader->sum && checksum_update(reader->sum, dst, *n, err) == ERR_OK &&
            reader->got == base->expected) {
            (void)!checksum_verify(reader->sum, err);
        }
    }
    if (err->code == ERR_OK && *n == 0 && reader->got < base->expected) {
        err_set(err, ERRN_STORE_TRUNCATED, "the server ended early");
    }
    if (err->code != ERR_OK) {
        *n = 0;
        if (err->code == ERR_TRANSIENT) {
            err_context(err, "after %" PRId64 " of %" PRId64 " bytes", reader->got, base->expected);
        }
        return s3_context(s3_of(base->store), base->object.key, err);
    }
    return ERR_OK;
}

static enum err_code put_object(struct store *store, const char *key, struct bytes *body, int64_t size,
                                enum store_condition condition, struct err *err)
{
    (void)condition; /* caps promise none */
    return s3_put(s3_of(store), key, body, size, err);
}

static enum err_code remove_object(struct store *store, const char *key, struct err *err)
{
    struct s3_op op = {.method = "DELETE", .key = key, .right = "s3:DeleteObject"};
    struct http_answer answer;
    struct s3_fault fault;

    http_answer_init(&answer);
    if (s3_call(s3_of(store), &op, &answer, err) == ERR_NOT_FOUND &&
        !(s3_fault_parse(answer.body.data, answer.body.len, &fault) &&
          strcmp(fault.code, "NoSuchBucket") == 0)) {
        err_clear(err);
    }
    http_answer_release(&answer);
    return err->code;
}

static const char *const schemes[] = {"s3", NULL};

const struct store_type store_s3 = {
    .name = "s3",
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
