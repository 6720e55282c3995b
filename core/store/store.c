/*
 * store: the checked wrappers around a backend's ops. The only code that calls type->op.
 *
 * Invariants held here, so that no caller and no backend needs to: keys and ranges are legal before a backend
 * sees them; a listing is strictly ascending and inside its prefix; a reader delivers exactly its range or
 * fails; a put's body has exactly its size. A breach by the program (a caller or a backend) is INTERNAL, a
 * key from outside that is not legal is KEY_OUTSIDE or KEY_TOO_LONG. A backend's messages name the object;
 * nothing is added here, as wrapped stores pass through here several times.
 *
 * A reader: OPEN -> read* -> DONE (every further read gives 0 bytes) | FAILED (every further read gives the
 * same error).
 */
#include "core/store/store.h"

#include <string.h>

#include "core/base/mem.h"

static bool part_valid(const char *part, size_t len)
{
    return len > 0 && !(len == 1 && part[0] == '.') && !(len == 2 && part[0] == '.' && part[1] == '.');
}

bool store_key_valid(const char *key)
{
    if (strnlen(key, STORE_KEY_MAX + 1) > STORE_KEY_MAX) {
        return false;
    }
    for (;;) {
        size_t len = strcspn(key, "/");

        if (!part_valid(key, len)) {
            return false;
        }
        if (key[len] == '\0') {
            return true;
        }
        key += len + 1;
    }
}

static enum err_code check_key(const struct store *store, const char *key, struct err *err)
{
    if (store_key_valid(key)) {
        return ERR_OK;
    }
    if (strlen(key) > STORE_KEY_MAX) {
        return err_set(err, ERRN_KEY_TOO_LONG, "%s: a key of %zu bytes; the longest is %d: %.60s...",
                       store->label, strlen(key), STORE_KEY_MAX, key);
    }
    return err_set(err, ERRN_KEY_OUTSIDE,
                   "%s: \"%s\" is no key: it may not be empty nor have an empty, \".\" or \"..\" part",
                   store->label, key);
}

static enum err_code breach(const struct store *store, const char *what, struct err *err)
{
    return err_set(err, ERRN_INTERNAL, "%s (store \"%s\"): %s", store->label, store->type->name, what);
}

/* A cursor or reader that failed gives its error to everyone who asks. */
static enum err_code hand_on(const struct err *failed, struct err *err)
{
    if (err->code == ERR_OK) {
        *err = *failed;
    }
    return failed->code;
}

static bool object_valid(const struct store_object *object)
{
    return memchr(object->key, '\0', sizeof object->key) && store_key_valid(object->key) &&
           object->size >= 0 && memchr(object->etag, '\0', sizeof object->etag) && object->etag[0] != '\0';
}

enum err_code store_open(const struct store_type *type, const struct url *url, const char *base_dir,
                         const struct clock *clock, bool create, struct store **out, struct err *err)
{
    struct store *store = NULL;

    *out = NULL;
    if (!type->name || !type->schemes || !type->open || !type->list_begin || !type->list_next ||
        !type->list_end || !type->stat || !type->open_read || !type->read || !type->close_read ||
        !type->put || !type->remove || !type->close) {
        return err_set(err, ERRN_INTERNAL, "a store type lacks an op");
    }
    if (type->open(url, base_dir, clock, create, &store, err) != ERR_OK) {
        return err->code;
    }
    if (store->type != type || store->clock != clock || !store->label) {
        type->close(store);
        return err_set(err, ERRN_INTERNAL, "store \"%s\" was not set up", type->name);
    }
    *out = store;
    return ERR_OK;
}

void store_close(struct store *store)
{
    if (store) {
        store->type->close(store);
    }
}

enum err_code store_list_begin(struct store *store, const char *prefix, enum store_scope scope,
                               struct store_list **out, struct err *err)
{
    struct store_list *list = NULL;
    size_t len = strlen(prefix);

    *out = NULL;
    if (len > STORE_KEY_MAX) {
        return err_set(err, ERRN_KEY_TOO_LONG, "%s: a prefix of %zu bytes; the longest is %d", store->label,
                       len, STORE_KEY_MAX);
    }
    if (store->type->list_begin(store, prefix, scope, &list, err) != ERR_OK) {
        return err->code;
    }
    list->store = store;
    list->done = false;
    list->scope = scope;
    list->failed = ERR_INIT;
    list->last[0] = '\0';
    memcpy(list->prefix, prefix, len + 1);
    *out = list;
    return ERR_OK;
}

static enum err_code list_checked(struct store_list *list, struct store_object *object, bool *more,
                                  struct err *err)
{
    if (list->store->type->list_next(list, object, more, err) != ERR_OK) {
        return err->code;
    }
    list->done = !*more;
    if (list->done) {
        return ERR_OK;
    }
    if (!object_valid(object) || strcmp(object->key, list->last) <= 0 ||
        strncmp(object->key, list->prefix, strlen(list->prefix)) != 0 ||
        (list->scope == STORE_FLAT && strchr(object->key + strlen(list->prefix), '/'))) {
        return breach(list->store, "a listing gave an illegal object, or keys out of order or scope", err);
    }
    memcpy(list->last, object->key, strlen(object->key) + 1);
    return ERR_OK;
}

enum err_code store_list_next(struct store_list *list, struct store_object *object, bool *more,
                              struct err *err)
{
    *more = false;
    if (list->done) {
        return ERR_OK;
    }
    if (list->failed.code == ERR_OK && list_checked(list, object, more, &list->failed) == ERR_OK) {
        return ERR_OK;
    }
    *more = false;
    return hand_on(&list->failed, err);
}

void store_list_end(struct store_list *list)
{
    if (list) {
        list->store->type->list_end(list);
    }
}

enum err_code store_stat(struct store *store, const char *key, struct store_object *out, struct err *err)
{
    if (check_key(store, key, err) != ERR_OK || store->type->stat(store, key, out, err) != ERR_OK) {
        return err->code;
    }
    return object_valid(out) && strcmp(out->key, key) == 0
               ? ERR_OK
               : breach(store, "stat gave an illegal object", err);
}

static enum err_code reader_bytes(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    return store_read((struct store_reader *)self, dst, cap, n, err);
}

/* The bytes that a range holds of an object of this size. */
static int64_t range_bytes(const struct store_range *range, int64_t size)
{
    int64_t left = range->offset < size ? size - range->offset : 0;

    return range->length >= 0 && range->length < left ? range->length : left;
}

enum err_code store_open_read(struct store *store, const char *key, const struct store_range *range,
                              struct store_reader **out, struct err *err)
{
    static const struct store_range whole = {.offset = 0, .length = -1, .if_match = NULL};
    struct store_reader *reader = NULL;

    *out = NULL;
    if (!range) {
        range = &whole;
    }
    if (range->offset < 0 || range->length < -1) {
        return breach(store, "open_read of an illegal range", err);
    }
    if (check_key(store, key, err) != ERR_OK ||
        store->type->open_read(store, key, range, &reader, err) != ERR_OK) {
        return err->code;
    }
    if (!object_valid(&reader->object) || strcmp(reader->object.key, key) != 0 ||
        reader->expected != range_bytes(range, reader->object.size) ||
        (range->if_match && strcmp(reader->object.etag, range->if_match) != 0)) {
        store->type->close_read(reader);
        return breach(store, "open_read gave another object or range", err);
    }
    reader->bytes.read = reader_bytes;
    reader->store = store;
    reader->offset = range->offset;
    reader->got = 0;
    reader->done = false;
    reader->failed = ERR_INIT;
    *out = reader;
    return ERR_OK;
}

static enum err_code read_checked(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                                  struct err *err)
{
    struct store *store = reader->store;
    size_t got = 0;

    if (cap == 0) {
        return breach(store, "a read of no bytes", err);
    }
    if (store->type->read(reader, dst, cap, &got, err) != ERR_OK) {
        return err->code;
    }
    if (got > cap || (int64_t)got > reader->expected - reader->got) {
        return breach(store, "a read gave more bytes than there are", err);
    }
    if (got == 0 && reader->got < reader->expected) {
        return err_set(err, ERRN_STORE_TRUNCATED, "%s/%s: ended after %lld of %lld bytes", store->label,
                       reader->object.key, (long long)reader->got, (long long)reader->expected);
    }
    reader->got += (int64_t)got;
    reader->done = got == 0;
    *n = got;
    return ERR_OK;
}

enum err_code store_read(struct store_reader *reader, void *dst, size_t cap, size_t *n, struct err *err)
{
    *n = 0;
    if (reader->done) {
        return ERR_OK;
    }
    if (reader->failed.code == ERR_OK && read_checked(reader, dst, cap, n, &reader->failed) == ERR_OK) {
        return ERR_OK;
    }
    *n = 0;
    return hand_on(&reader->failed, err);
}

void store_close_read(struct store_reader *reader)
{
    if (reader) {
        reader->store->type->close_read(reader);
    }
}

/* A put's body that holds exactly `size` bytes, or fails; so no backend counts. */
struct exact {
    struct bytes base;
    struct bytes *body;
    const struct store *store;
    const char *key;
    int64_t size;
    int64_t got;
};

/* After the last byte nothing more may come. */
static enum err_code exact_end(struct exact *x, struct err *err)
{
    char extra;
    size_t n = 0;

    if (bytes_read(x->body, &extra, 1, &n, err) != ERR_OK) {
        return err->code;
    }
    return n == 0 ? ERR_OK
                  : err_set(err, ERRN_INTERNAL, "%s/%s: put of %lld bytes was given more", x->store->label,
                            x->key, (long long)x->size);
}

static enum err_code exact_read(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct exact *x = (struct exact *)self;
    size_t got = 0;

    *n = 0;
    if (x->got == x->size) {
        return ERR_OK;
    }
    if ((int64_t)cap > x->size - x->got) {
        cap = (size_t)(x->size - x->got);
    }
    if (bytes_read(x->body, dst, cap, &got, err) != ERR_OK) {
        return err->code;
    }
    if (got == 0) {
        return err_set(err, ERRN_INTERNAL, "%s/%s: put of %lld bytes was given only %lld", x->store->label,
                       x->key, (long long)x->size, (long long)x->got);
    }
    if (x->got + (int64_t)got == x->size && exact_end(x, err) != ERR_OK) {
        return err->code;
    }
    x->got += (int64_t)got;
    *n = got;
    return ERR_OK;
}

enum err_code store_put(struct store *store, const char *key, struct bytes *body, int64_t size,
                        enum store_condition condition, struct err *err)
{
    struct exact exact = {.base = {exact_read}, .body = body, .store = store, .key = key, .size = size};

    if (size < 0) {
        return breach(store, "put of a negative size", err);
    }
    if (condition == PUT_IF_ABSENT && !store->caps.put_if_absent) {
        return err_set(err, ERRN_UNSUPPORTED, "%s: this store cannot put only what is absent", store->label);
    }
    if (check_key(store, key, err) != ERR_OK || (size == 0 && exact_end(&exact, err) != ERR_OK) ||
        store->type->put(store, key, &exact.base, size, condition, err) != ERR_OK) {
        return err->code;
    }
    return exact.got == size ? ERR_OK : breach(store, "put did not take the whole body", err);
}

enum err_code store_put_mem(struct store *store, const char *key, const void *data, size_t len,
                            enum store_condition condition, struct err *err)
{
    struct bytes_mem body;

    bytes_mem_init(&body, data, len);
    return store_put(store, key, &body.base, (int64_t)len, condition, err);
}

enum err_code store_remove(struct store *store, const char *key, struct err *err)
{
    return check_key(store, key, err) != ERR_OK ? err->code : store->type->remove(store, key, err);
}
