/*
 * load_fetch: the first thread of a load: objects of a unit -> blocks of decoded bytes.
 *
 * The bytes come from the store, or from where a reader ahead has put them, which makes no difference here.
 * They are hashed and counted as they come, then inflated where the name says so. An object that cannot be
 * read becomes an ERROR block; a GROUP goes on with its next object, any other unit ends there. A cancelled
 * channel ends the thread silently: whoever cancelled knows why.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/inflate.h"
#include "core/load/keep.h"
#include "core/load/load_internal.h"
#include "core/store/ahead.h"

/* The raw bytes of one object on their way to inflate: counted and hashed. */
struct tee {
    struct bytes base;
    struct bytes *from;
    const char *key;
    struct hash_state *hash;
    struct progress *progress;
    const atomic_int *stop;
    int64_t count;
    bool failed; /* the store said why, and named the object */
};

/* An object that was listed must be there: its absence is news about the source, not about the set-up. */
static enum err_code source_error(const struct err *e, const char *key, struct err *err)
{
    if (e->code == ERR_NOT_FOUND)
        return err_set(err, ERRN_SOURCE_GONE, "%s: it was listed, but is not there any more", key);
    *err = *e;
    return e->code;
}

static enum err_code tee_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct tee *tee = (struct tee *)self;
    if (tee->stop && atomic_load_explicit(tee->stop, memory_order_relaxed))
        return err_set(err, ERRN_CANCELLED, "stopped by a signal");
    struct err e = ERR_INIT;
    if (bytes_read(tee->from, dst, cap, n, &e) != ERR_OK) {
        tee->failed = true;
        return source_error(&e, tee->key, err);
    }
    hash_update(tee->hash, dst, *n);
    tee->count += (int64_t)*n;
    if (tee->progress)
        progress_add(&tee->progress->bytes_done, (long long)*n);
    return ERR_OK;
}

static enum err_code open_object(struct store *store, const char *key, const char *etag,
                                 struct store_reader **out, struct err *err)
{
    struct store_range range = {.offset = 0, .length = -1, .if_match = etag && etag[0] ? etag : NULL};
    struct err e = ERR_INIT;
    return store_open_read(store, key, &range, out, &e) == ERR_OK ? ERR_OK : source_error(&e, key, err);
}

/* Passes decoded bytes on until the end. On failure the block in hand has the error. CANCELLED by the channel
 * returns with *block NULL. */
static enum err_code pump(struct fetch *f, const struct tee *tee, struct bytes *decoded, struct block **block,
                          int64_t *total, struct err *err)
{
    for (;;) {
        struct block *b = *block;
        b->kind = BLOCK_DATA;
        b->len = 0;
        size_t n = 1;
        while (n > 0 && b->len < sizeof b->data) {
            if (bytes_read(decoded, b->data + b->len, sizeof b->data - b->len, &n, err) != ERR_OK)
                return err->code;
            b->len += n;
        }
        *total += (int64_t)b->len;
        b->raw_bytes = tee->count;
        if (b->len > 0) {
            if (channel_push(f->full, b, err) != ERR_OK)
                return err->code;
            *block = NULL;
            void *next = NULL;
            enum err_code code = channel_pop(f->empty, &next, err);
            if (code != ERR_OK)
                return code;
            *block = next;
        }
        if (n == 0)
            return ERR_OK;
    }
}

/* Object i, up to and without its last block, which is left in *block as END or ERROR. false: cancelled. */
static bool fetch_object(struct fetch *f, size_t i, struct hash_state *hash, struct block **block)
{
    const struct unit_object *object = &f->unit->objects[i];
    struct err err = ERR_INIT;
    struct store_reader *reader = NULL;
    struct bytes *inflate = NULL;
    struct tee tee = {
        .base = {tee_read}, .key = object->key, .hash = hash, .progress = f->progress, .stop = f->stop};
    int64_t decoded = 0;
    hash_reset(hash);
    struct ahead_object *ahead = ahead_take(f->ahead, i);
    if (!ahead && open_object(f->store, object->key, object->etag, &reader, &err) != ERR_OK)
        goto out;
    const struct store_object *found = ahead ? &ahead->object : &reader->object;
    tee.from = ahead ? &ahead->bytes : &reader->bytes;
    enum compression kind = compression_of(object->key);
    if (kind != COMPRESSION_NONE && inflate_open(kind, &tee.base, &inflate, &err) != ERR_OK)
        goto out;
    if (pump(f, &tee, inflate ? inflate : &tee.base, block, &decoded, &err) != ERR_OK) {
        if (inflate && !tee.failed)
            err_context(&err, "%s", object->key);
        goto out;
    }
    struct block *b = *block;
    b->kind = BLOCK_END;
    b->len = 0;
    b->raw_bytes = tee.count;
    b->object_size = found->size;
    b->decoded_bytes = decoded;
    b->content = hash_digest(hash);
    snprintf(b->etag, sizeof b->etag, "%s", found->etag_trusted ? found->etag : "");
out:
    inflate_close(inflate);
    store_close_read(reader);
    ahead_give_back(f->ahead, ahead);
    if (err.code != ERR_OK && *block) {
        (*block)->kind = BLOCK_ERROR;
        (*block)->raw_bytes = tee.count;
        (*block)->err = err;
    }
    return *block != NULL;
}

static void item_at(const void *ctx, size_t i, struct ahead_item *out)
{
    const struct unit_object *object = &((const struct unit *)ctx)->objects[i];
    *out = (struct ahead_item){object->key, object->size, object->etag[0] ? object->etag : NULL};
}

void fetch_main(void *arg)
{
    struct fetch *f = arg;
    const struct ahead_list list = {item_at, f->unit};
    struct err err = ERR_INIT;
    struct hash_state *hash = NULL;
    struct block *block = NULL;
    void *popped = NULL;
    ahead_begin(f->ahead, &list, f->unit->n, f->stop);
    if (channel_pop(f->empty, &popped, &err) != ERR_OK)
        goto out;
    block = popped;
    if (hash_new(&hash, &err) != ERR_OK) {
        block->kind = BLOCK_ERROR;
        block->raw_bytes = 0;
        block->err = err;
        if (channel_push(f->full, block, &err) == ERR_OK)
            block = NULL;
        goto out;
    }
    for (size_t i = 0; i < f->unit->n; i++) {
        if (!fetch_object(f, i, hash, &block))
            goto out;
        bool failed = block->kind == BLOCK_ERROR;
        if (channel_push(f->full, block, &err) != ERR_OK)
            goto out;
        block = NULL;
        if (failed && f->unit->kind != UNIT_GROUP)
            goto out;
        if (i + 1 < f->unit->n) {
            if (channel_pop(f->empty, &popped, &err) != ERR_OK)
                goto out;
            block = popped;
        }
    }
out:
    channel_close(f->full);
    ahead_end(f->ahead);
    hash_free(hash);
}

enum err_code load_content_hash(const struct job *job, const struct store_object *object, struct hash128 *out,
                                struct err *err)
{
    struct keep keep = {.sink = job->sink};
    struct store_reader *reader = NULL;
    struct hash_state *hash = NULL;
    char *data = mem_alloc(LOAD_BLOCK_BYTES);
    struct tee tee = {.base = {tee_read}, .key = object->key, .stop = job->stop};
    size_t n = 1;
    if (!data) {
        err_nomem(err);
        goto out;
    }
    if (hash_new(&hash, err) != ERR_OK ||
        open_object(job->store, object->key, object->etag, &reader, err) != ERR_OK)
        goto out;
    tee.from = &reader->bytes;
    tee.hash = hash;
    while (n > 0) {
        keep_due(&keep);
        if (tee_read(&tee.base, data, LOAD_BLOCK_BYTES, &n, err) != ERR_OK)
            goto out;
    }
    *out = hash_digest(hash);
out:
    store_close_read(reader);
    hash_free(hash);
    mem_free(data);
    return err->code;
}
