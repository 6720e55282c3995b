/*
 * store_mem: the store in memory: `mem:NAME` is one place for the whole process, seen by every handle of that
 * name.
 *
 * Invariants: a place's objects are sorted by key and each key stands once; everything in a place is touched
 * under its lock only; an object's etag is never used twice in a place. Cursors and readers hold keys and
 * offsets, never pointers into a place, so others may change it meanwhile. A place lives while it is listed
 * in `places` (until store_mem_reset) or a handle has it open.
 */
#include "backends/store_mem.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

struct object {
    char *key;
    char *data;
    int64_t size;
    uint64_t version;
    int64_t mtime_us;
};

struct place {
    struct place *next;
    char *name;
    unsigned refs; /* guarded by places_lock; the list of places counts as one */
    pthread_mutex_t lock;
    struct object *objects;
    size_t count, cap;
    uint64_t versions; /* given out so far */
};

struct store_mem {
    struct store base;
    struct place *place;
};

static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;
static struct place *places;

static void object_release(struct object *object)
{
    mem_free(object->key);
    mem_free(object->data);
}

/* places_lock is held. */
static void place_unref(struct place *place)
{
    if (--place->refs > 0) {
        return;
    }
    for (size_t i = 0; i < place->count; i++) {
        object_release(&place->objects[i]);
    }
    pthread_mutex_destroy(&place->lock);
    mem_free(place->objects);
    mem_free(place->name);
    mem_free(place);
}

static struct place *place_new(const char *name)
{
    struct place *place = mem_calloc(1, sizeof *place);

    if (!place) {
        return NULL;
    }
    place->name = mem_strdup(name);
    if (!place->name) {
        mem_free(place);
        return NULL;
    }
    pthread_mutex_init(&place->lock, NULL);
    return place;
}

static enum err_code place_open(const char *name, bool create, struct place **out, struct err *err)
{
    struct place *place;

    pthread_mutex_lock(&places_lock);
    for (place = places; place && strcmp(place->name, name) != 0;) {
        place = place->next;
    }
    if (!place && !create) {
        err_set_native(err, ERRN_NOT_FOUND, ENOENT, "mem:%s is not there: make it first", name);
    } else if (!place) {
        place = place_new(name);
        if (place) {
            place->refs = 1;
            place->next = places;
            places = place;
        } else {
            err_nomem(err);
        }
    }
    if (place) {
        place->refs++;
    }
    pthread_mutex_unlock(&places_lock);
    *out = place;
    return err->code;
}

void store_mem_reset(void)
{
    pthread_mutex_lock(&places_lock);
    while (places) {
        struct place *place = places;

        places = place->next;
        place_unref(place);
    }
    pthread_mutex_unlock(&places_lock);
}

/* The index of the first object whose key is not below `key`; *found = it is that key. The lock is held. */
static size_t find(const struct place *place, const char *key, bool *found)
{
    size_t lo = 0, hi = place->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (strcmp(place->objects[mid].key, key) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    *found = lo < place->count && strcmp(place->objects[lo].key, key) == 0;
    return lo;
}

static void describe(const struct object *object, struct store_object *out)
{
    memcpy(out->key, object->key, strlen(object->key) + 1);
    out->size = object->size;
    snprintf(out->etag, sizeof out->etag, "v%" PRIu64, object->version);
    out->etag_trusted = true;
    out->mtime_us = object->mtime_us;
}

static struct place *place_of(struct store *store)
{
    return ((struct store_mem *)store)->place;
}

static void close_store(struct store *store)
{
    struct store_mem *m = (struct store_mem *)store;

    if (m->place) {
        pthread_mutex_lock(&places_lock);
        place_unref(m->place);
        pthread_mutex_unlock(&places_lock);
    }
    mem_free(m->base.label);
    mem_free(m);
}

static enum err_code open_store(const struct url *url, const char *base_dir, const struct clock *clock,
                                bool create, struct store **out, struct err *err)
{
    struct store_mem *m = mem_calloc(1, sizeof *m);
    size_t len = strlen(url->path) + sizeof "mem:";

    (void)base_dir;
    if (!m) {
        return err_nomem(err);
    }
    m->base = (struct store){
        .type = &store_mem, .clock = clock, .caps = {.put_if_absent = true}, .label = mem_alloc(len)};
    if (!m->base.label) {
        err_nomem(err);
    } else {
        snprintf(m->base.label, len, "mem:%s", url->path);
        if (place_open(url->path, create, &m->place, err) == ERR_OK) {
            *out = &m->base;
            return ERR_OK;
        }
    }
    close_store(&m->base);
    return err->code;
}

static enum err_code list_begin(struct store *store, const char *prefix, enum store_scope scope,
                                struct store_list **out, struct err *err)
{
    (void)store;
    (void)prefix;
    (void)scope;
    *out = mem_calloc(1, sizeof **out);
    return *out ? ERR_OK : err_nomem(err);
}

/* False for a key behind the prefix that a flat listing passes over. */
static bool in_scope(const struct store_list *list, const char *key)
{
    size_t len = strlen(list->prefix);

    return list->scope == STORE_BELOW || strncmp(key, list->prefix, len) != 0 || !strchr(key + len, '/');
}

static enum err_code list_next(struct store_list *list, struct store_object *object, bool *more,
                               struct err *err)
{
    struct place *place = place_of(list->store);
    size_t i, len = strlen(list->prefix);
    bool found;

    (void)err;
    pthread_mutex_lock(&place->lock);
    i = find(place, list->last[0] ? list->last : list->prefix, &found);
    i += found && list->last[0];
    while (i < place->count && !in_scope(list, place->objects[i].key)) {
        i++;
    }
    *more = i < place->count && strncmp(place->objects[i].key, list->prefix, len) == 0;
    if (*more) {
        describe(&place->objects[i], object);
    }
    pthread_mutex_unlock(&place->lock);
    return ERR_OK;
}

static void list_end(struct store_list *list)
{
    mem_free(list);
}

/* Finds `key` and describes it; takes the lock, and keeps it where the object is there. */
static enum err_code lock_object(struct store *store, const char *key, const struct object **object,
                                 struct store_object *out, struct err *err)
{
    struct place *place = place_of(store);
    bool found;
    size_t i;

    pthread_mutex_lock(&place->lock);
    i = find(place, key, &found);
    if (!found) {
        pthread_mutex_unlock(&place->lock);
        return err_set(err, ERRN_NOT_FOUND, "%s/%s: no such object", store->label, key);
    }
    *object = &place->objects[i];
    describe(*object, out);
    return ERR_OK;
}

static enum err_code stat_object(struct store *store, const char *key, struct store_object *out,
                                 struct err *err)
{
    const struct object *object;

    if (lock_object(store, key, &object, out, err) == ERR_OK) {
        pthread_mutex_unlock(&place_of(store)->lock);
    }
    return err->code;
}

static enum err_code moved(const struct store *store, const char *key, struct err *err)
{
    return err_set(err, ERRN_SOURCE_MOVED, "%s/%s: changed while it was being read", store->label, key);
}

static enum err_code open_read(struct store *store, const char *key, const struct store_range *range,
                               struct store_reader **out, struct err *err)
{
    struct store_reader *reader = mem_calloc(1, sizeof *reader);
    int64_t left;

    if (!reader) {
        return err_nomem(err);
    }
    if (stat_object(store, key, &reader->object, err) != ERR_OK ||
        (range->if_match && strcmp(range->if_match, reader->object.etag) != 0 &&
         moved(store, key, err) != ERR_OK)) {
        mem_free(reader);
        return err->code;
    }
    left = range->offset < reader->object.size ? reader->object.size - range->offset : 0;
    reader->expected = range->length >= 0 && range->length < left ? range->length : left;
    *out = reader;
    return ERR_OK;
}

static enum err_code read_object(struct store_reader *reader, void *dst, size_t cap, size_t *n,
                                 struct err *err)
{
    const char *key = reader->object.key;
    const struct object *object;
    struct store_object now;

    if (lock_object(reader->store, key, &object, &now, err) != ERR_OK) {
        err_clear(err);
        return moved(reader->store, key, err);
    }
    if (strcmp(now.etag, reader->object.etag) != 0) {
        moved(reader->store, key, err);
    } else {
        int64_t left = reader->expected - reader->got;

        *n = (int64_t)cap < left ? cap : (size_t)left;
        memcpy(dst, object->data + reader->offset + reader->got, *n);
    }
    pthread_mutex_unlock(&place_of(reader->store)->lock);
    return err->code;
}

static void close_read(struct store_reader *reader)
{
    mem_free(reader);
}

static enum err_code read_body(struct bytes *body, char *data, int64_t size, struct err *err)
{
    int64_t got = 0;
    size_t n;

    while (got < size) {
        if (bytes_read(body, data + got, (size_t)(size - got), &n, err) != ERR_OK) {
            return err->code;
        }
        got += (int64_t)n;
    }
    return ERR_OK;
}

/* Makes room at i and moves *object in. The lock is held. */
static enum err_code insert(struct place *place, size_t i, struct object *object, struct err *err)
{
    if (place->count == place->cap) {
        size_t cap = place->cap ? place->cap * 2 : 16;
        struct object *grown = mem_realloc(place->objects, cap * sizeof *grown);

        if (!grown) {
            return err_nomem(err);
        }
        place->objects = grown;
        place->cap = cap;
    }
    memmove(&place->objects[i + 1], &place->objects[i], (place->count - i) * sizeof *place->objects);
    place->objects[i] = *object;
    place->count++;
    *object = (struct object){0};
    return ERR_OK;
}

static enum err_code put(struct store *store, const char *key, struct bytes *body, int64_t size,
                         enum store_condition condition, struct err *err)
{
    struct place *place = place_of(store);
    struct object object = {.size = size, .mtime_us = clock_wall_us(store->clock)};
    bool found;
    size_t i;

    if (size > STORE_MEM_OBJECT_MAX) {
        return err_set(err, ERRN_LIMIT, "%s/%s: an object in memory has at most %d bytes", store->label, key,
                       STORE_MEM_OBJECT_MAX);
    }
    object.key = mem_strdup(key);
    object.data = mem_alloc((size_t)size + 1);
    if (!object.key || !object.data) {
        err_nomem(err);
        goto out;
    }
    if (read_body(body, object.data, size, err) != ERR_OK) {
        goto out;
    }
    pthread_mutex_lock(&place->lock);
    i = find(place, key, &found);
    object.version = ++place->versions;
    if (found && condition == PUT_IF_ABSENT) {
        err_set(err, ERRN_OBJECT_EXISTS, "%s/%s: is there already", store->label, key);
    } else if (found) {
        struct object old = place->objects[i];

        place->objects[i] = object;
        object = old;
    } else {
        insert(place, i, &object, err);
    }
    pthread_mutex_unlock(&place->lock);
out:
    object_release(&object);
    return err->code;
}

static enum err_code remove_object(struct store *store, const char *key, struct err *err)
{
    struct place *place = place_of(store);
    bool found;
    size_t i;

    (void)err;
    pthread_mutex_lock(&place->lock);
    i = find(place, key, &found);
    if (found) {
        object_release(&place->objects[i]);
        place->count--;
        memmove(&place->objects[i], &place->objects[i + 1], (place->count - i) * sizeof *place->objects);
    }
    pthread_mutex_unlock(&place->lock);
    return ERR_OK;
}

static const char *const schemes[] = {"mem", NULL};

const struct store_type store_mem = {
    .name = "mem",
    .schemes = schemes,
    .open = open_store,
    .list_begin = list_begin,
    .list_next = list_next,
    .list_end = list_end,
    .stat = stat_object,
    .open_read = open_read,
    .read = read_object,
    .close_read = close_read,
    .put = put,
    .remove = remove_object,
    .close = close_store,
};
