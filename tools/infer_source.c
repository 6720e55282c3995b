/*
 * infer_source: lists the place twice and opens objects.
 *
 * The first listing finds the layout, the second counts what it matches and picks the samples: a key of each
 * `stride`, doubled whenever the array is full, and the last. So memory is bounded by the samples.
 */
#include "tools/infer_source.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/data/inflate.h"
#include "core/store/store_retry.h"
#include "core/store/store_trace.h"
#include "tools/place.h"

static enum err_code wrap(const struct app *app, struct infer_source *s, struct err *err)
{
    struct store *outer;
    if (store_retry_wrap(s->store, &(struct store_retry_options){0}, &outer, err))
        return err->code;
    s->store = outer;
    if (app->options->given[OPT_VERBOSE]) {
        if (store_trace_wrap(s->store, NULL, NULL, &outer, err))
            return err->code;
        s->store = outer;
    }
    return ERR_OK;
}

/* True where the place has no object at all. */
static enum err_code is_empty(struct store *store, bool *empty, struct err *err)
{
    struct store_list *list = NULL;
    struct store_object object;
    bool more = false;
    if (store_list_begin(store, "", STORE_BELOW, &list, err) == ERR_OK)
        (void)!store_list_next(list, &object, &more, err);
    store_list_end(list);
    *empty = !more;
    return err->code;
}

/* A bucket's prefix is never missing: where nothing is below it, it may be an object. */
static enum err_code try_object(const struct app *app, const char *source, struct infer_source *s,
                                struct store_object *object, bool *is_object, struct err *err)
{
    struct place place = {0};
    struct store *store = NULL;
    struct err other = ERR_INIT;
    bool empty;
    if (is_empty(s->store, &empty, err) || !empty)
        return err->code;
    if (place_open_object(app, source, false, &place, &store, &other) == ERR_OK &&
        store_stat(store, place.key, object, &other) == ERR_OK) {
        store_close(s->store);
        s->store = store;
        store = NULL;
        *is_object = true;
    }
    store_close(store);
    place_release(&place);
    return err->code;
}

enum err_code infer_source_open(const struct app *app, const char *source, struct infer_source *out,
                                struct err *err)
{
    struct store_object object;
    struct place place = {0};
    bool is_object = false;
    *out = (struct infer_source){.listed_all = true};
    if (place_open_listed(app, source, &out->store, &object, &is_object, err))
        return err->code;
    if (!is_object && place_has_host(source) && try_object(app, source, out, &object, &is_object, err))
        return err->code;
    if (is_object) {
        if (place_parse(source, &place, err))
            return err->code;
        out->place = place.store;
        out->object = place.key;
        out->written = object.mtime_us;
    } else {
        out->place = mem_strdup(source);
    }
    if (!out->place)
        return err_nomem(err);
    return wrap(app, out, err);
}

void infer_source_release(struct infer_source *s)
{
    for (size_t i = 0; i < s->nsamples; i++)
        mem_free(s->samples[i]);
    for (size_t i = 0; i < SOURCE_OTHERS; i++)
        mem_free(s->other_keys[i]);
    mem_free(s->samples);
    layout_free(s->layout);
    mem_free(s->place);
    mem_free(s->object);
    store_close(s->store);
    *s = (struct infer_source){0};
}

/* ---- listing ---- */

typedef enum err_code object_fn(void *ctx, const struct store_object *object, struct err *err);

/* Up to `max` objects (0: all); *cut where there are more. */
static enum err_code each_object(const struct infer_source *s, int64_t max, bool *cut, object_fn *fn,
                                 void *ctx, struct err *err)
{
    struct store_list *list = NULL;
    struct store_object object;
    bool more = true;
    *cut = false;
    if (s->object) {
        if (store_stat(s->store, s->object, &object, err) == ERR_OK)
            (void)!fn(ctx, &object, err);
        return err->code;
    }
    if (store_list_begin(s->store, "", STORE_BELOW, &list, err))
        return err->code;
    for (int64_t n = 0; store_list_next(list, &object, &more, err) == ERR_OK && more; n++) {
        if (max && n == max) {
            *cut = true;
            break;
        }
        if (fn(ctx, &object, err))
            break;
    }
    store_list_end(list);
    return err->code;
}

struct first_pass {
    struct infer_source *source;
    struct infer_layout *layout;
    char first_key[STORE_KEY_MAX + 1];
};

static enum err_code on_first(void *ctx, const struct store_object *object, struct err *err)
{
    struct first_pass *p = ctx;
    if (!p->first_key[0])
        memcpy(p->first_key, object->key, sizeof p->first_key);
    if (!p->source->written && infer_layout_suffix(object->key))
        p->source->written = object->mtime_us;
    return infer_layout_add(p->layout, object->key, err);
}

struct spread {
    char **keys;
    size_t n, cap;
    int64_t seen, stride;
    char last[STORE_KEY_MAX + 1];
};

static enum err_code spread_add(struct spread *s, const char *key, struct err *err)
{
    memcpy(s->last, key, strlen(key) + 1);
    if (s->seen % s->stride == 0 && s->n == s->cap) {
        for (size_t i = 1; i < s->n; i++) {
            if (i % 2 == 0)
                s->keys[i / 2] = s->keys[i];
            else
                mem_free(s->keys[i]);
        }
        s->n = (s->n + 1) / 2;
        s->stride *= 2;
    }
    if (s->seen++ % s->stride == 0) {
        s->keys[s->n] = mem_strdup(key);
        if (!s->keys[s->n])
            return err_nomem(err);
        s->n++;
    }
    return ERR_OK;
}

/* Leaves `want` of the keys, evenly, the last of all among them. */
static enum err_code spread_end(struct spread *s, size_t want, struct err *err)
{
    if (s->n > 0 && strcmp(s->keys[s->n - 1], s->last) != 0 && (s->n < want || want > 1)) {
        size_t at = s->n < want ? s->n : s->n - 1;
        char *last = mem_strdup(s->last);
        if (!last)
            return err_nomem(err);
        if (at < s->n)
            mem_free(s->keys[at]);
        else
            s->n++;
        s->keys[at] = last;
    }
    if (s->n <= want)
        return ERR_OK;
    size_t to = 0;
    for (size_t i = 0; i < s->n; i++) {
        /* The to-th wanted one is at to * (n - 1) / (want - 1). */
        if (to < want && i == (want > 1 ? to * (s->n - 1) / (want - 1) : 0))
            s->keys[to++] = s->keys[i];
        else
            mem_free(s->keys[i]);
    }
    s->n = to;
    return ERR_OK;
}

struct second_pass {
    struct infer_source *source;
    struct spread spread;
};

static bool is_hidden(const char *key)
{
    return key[0] == '.' || key[0] == '_' || strstr(key, "/.") || strstr(key, "/_");
}

static bool matches(const struct infer_source *s, const char *key, hour_t *hour)
{
    const char *suffix;
    *hour = 0;
    if (s->layout)
        return layout_match(s->layout, key, hour) == LAYOUT_MATCH;
    if (s->object)
        return true;
    suffix = infer_layout_suffix(key);
    if (!suffix || strcmp(suffix, s->found.suffix) != 0 || is_hidden(key))
        return false;
    enum infer_time time = infer_layout_time(key, hour);
    if (s->found.time == INFER_ONE_DIGIT)
        return time >= INFER_ONE_DIGIT;
    return s->found.time != INFER_DAY || time == INFER_DAY;
}

static enum err_code on_second(void *ctx, const struct store_object *object, struct err *err)
{
    struct second_pass *p = ctx;
    struct infer_source *s = p->source;
    hour_t hour;
    if (!matches(s, object->key, &hour)) {
        if (is_hidden(object->key))
            return ERR_OK;
        if (s->others < SOURCE_OTHERS && !(s->other_keys[s->others] = mem_strdup(object->key)))
            return err_nomem(err);
        s->others++;
        return ERR_OK;
    }
    s->first = s->matched == 0 || hour < s->first ? hour : s->first;
    s->last = s->matched == 0 || hour > s->last ? hour : s->last;
    size_t depth = 0;
    for (const char *slash = strchr(object->key, '/'); slash; slash = strchr(slash + 1, '/'))
        depth++;
    s->mixed = s->mixed || (s->matched > 0 && depth != s->depth);
    s->depth = depth;
    s->matched++;
    return spread_add(&p->spread, object->key, err);
}

static enum err_code find_layout(struct infer_source *s, int64_t max, struct err *err)
{
    struct first_pass pass = {.source = s};
    bool cut = false;
    if (infer_layout_new(&pass.layout, err))
        return err->code;
    if (each_object(s, max, &cut, on_first, &pass, err) == ERR_OK)
        infer_layout_finish(pass.layout, &s->found);
    infer_layout_free(pass.layout);
    s->listed_all = !cut;
    if (err->code)
        return err->code;
    if (s->found.keys == 0)
        return err_set(err, ERRN_NOT_FOUND, "%s has no object: there is nothing to infer from", s->place);
    if (s->found.texts == 0 && !s->object)
        return err_set(
            err, ERRN_NOT_FOUND,
            "none of the %lld objects in %s is a .csv, .csv.gz, .csv.zst, .tsv or .txt file by its name; "
            "the first is %s",
            (long long)s->found.keys, s->place, pass.first_key);
    if (s->found.time == INFER_HOUR)
        return layout_compile(s->found.pattern, &s->layout, err);
    return ERR_OK;
}

enum err_code infer_source_list(struct infer_source *s, size_t nsamples, bool full, struct err *err)
{
    struct second_pass pass = {.source = s, .spread = {.cap = 2 * nsamples, .stride = 1}};
    int64_t max = full ? 0 : SOURCE_KEYS_MAX;
    bool cut;
    if (find_layout(s, max, err))
        return err->code;
    pass.spread.keys = mem_calloc(pass.spread.cap + 1, sizeof *pass.spread.keys);
    if (!pass.spread.keys)
        return err_nomem(err);
    if (each_object(s, max, &cut, on_second, &pass, err) == ERR_OK)
        (void)!spread_end(&pass.spread, nsamples, err);
    s->samples = pass.spread.keys;
    s->nsamples = pass.spread.n;
    if (err->code == ERR_OK && s->nsamples == 0)
        return err_set(err, ERRN_NOT_FOUND, "%s: its objects went away while they were listed", s->place);
    return err->code;
}

struct each {
    const struct infer_source *source;
    enum err_code (*fn)(void *ctx, const char *key, struct err *err);
    void *ctx;
};

static enum err_code on_each(void *ctx, const struct store_object *object, struct err *err)
{
    const struct each *each = ctx;
    hour_t hour;
    return matches(each->source, object->key, &hour) ? each->fn(each->ctx, object->key, err) : ERR_OK;
}

enum err_code infer_source_each(const struct infer_source *s,
                                enum err_code (*fn)(void *ctx, const char *key, struct err *err), void *ctx,
                                struct err *err)
{
    struct each each = {s, fn, ctx};
    bool cut;
    return each_object(s, 0, &cut, on_each, &each, err);
}

/* ---- reading ---- */

static enum err_code read_stream(struct bytes *self, void *dst, size_t cap, size_t *n, struct err *err)
{
    struct infer_stream *s = (struct infer_stream *)self;
    size_t left = s->looked - s->pos;
    if (left == 0)
        return bytes_read(s->inner, dst, cap, n, err);
    *n = left < cap ? left : cap;
    memcpy(dst, s->first + s->pos, *n);
    s->pos += *n;
    return ERR_OK;
}

enum err_code infer_stream_open(const struct infer_source *s, const char *key, struct infer_stream *out,
                                struct err *err)
{
    enum compression kind = compression_of(key);
    out->base.read = read_stream;
    out->reader = NULL;
    out->inflated = NULL;
    out->looked = out->pos = 0;
    if (store_open_read(s->store, key, NULL, &out->reader, err))
        return err->code;
    out->inner = &out->reader->bytes;
    if (kind == COMPRESSION_NONE)
        return ERR_OK;
    if (inflate_open(kind, out->inner, &out->inflated, err) == ERR_OK)
        out->inner = out->inflated;
    return err->code;
}

enum err_code infer_stream_look(struct infer_stream *s, struct infer_head *out, struct err *err)
{
    size_t n = 1;
    while (s->looked < sizeof s->first && n > 0 &&
           bytes_read(s->inner, s->first + s->looked, sizeof s->first - s->looked, &n, err) == ERR_OK)
        s->looked += n;
    *out = (struct infer_head){s->first, s->looked, n == 0};
    return err->code;
}

void infer_stream_close(struct infer_stream *stream)
{
    inflate_close(stream->inflated);
    store_close_read(stream->reader);
}
