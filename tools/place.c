/*
 * place: objects in any store, by URL.
 *
 * A URL of an object is its store's URL with the key behind: it is divided at the last "/" of its path (for
 * forms with "//" in front of "?").
 */
#include "tools/place.h"

#include <string.h>

#include "backends/registry.h"
#include "core/base/mem.h"

void place_release(struct place *p)
{
    mem_free(p->store);
    mem_free(p->key);
    *p = (struct place){0};
}

/* Where the path begins: behind "scheme:" or "scheme://host"; a bare path at 0. */
static size_t path_start(const char *url)
{
    const char *colon = strchr(url, ':'), *slash = strchr(url, '/');

    if (!colon || (slash && slash < colon))
        return 0;
    if (strncmp(colon, "://", 3) != 0)
        return (size_t)(colon + 1 - url);
    return (size_t)(colon + 3 - url) + strcspn(colon + 3, "/?");
}

bool place_has_host(const char *url)
{
    size_t start = path_start(url);
    const char *slashes = strstr(url, "://");

    return slashes && (size_t)(slashes - url) < start;
}

enum err_code place_parse(const char *url, struct place *out, struct err *err)
{
    size_t start = path_start(url), len = strlen(url),
           end = place_has_host(url) ? start + strcspn(url + start, "?") : len;
    size_t cut = end;
    struct buf store;

    *out = (struct place){0};
    buf_init(&store, len + 2);
    while (cut > start && url[cut - 1] != '/')
        cut--;
    if (cut < end) {
        out->key = mem_strndup(url + cut, end - cut);
        if (!out->key)
            err_nomem(err);
    }
    /* "a.csv" is in ".", "/a.csv" in "/". */
    if (err->code == ERR_OK && buf_append(&store, url, cut, err) == ERR_OK && cut == start &&
        !place_has_host(url))
        (void)!buf_append_char(&store, '.', err);
    if (err->code == ERR_OK)
        (void)!buf_append(&store, url + end, len - end, err);
    if (err->code == ERR_OK) {
        out->store = mem_strdup(buf_str(&store));
        if (!out->store)
            err_nomem(err);
    }
    buf_release(&store);
    if (err->code)
        place_release(out);
    return err->code;
}

enum err_code place_open(const struct app *app, const char *url, bool create, struct store **out,
                         struct err *err)
{
    return registry_open_store(url, app->folder, clock_real(), create, out, err);
}

/* The store that holds the object of this URL. */
enum err_code place_open_object(const struct app *app, const char *url, bool create, struct place *place,
                                struct store **store, struct err *err)
{
    enum err_code code = place_parse(url, place, err);

    *store = NULL;
    if (code != ERR_OK)
        return code;
    if (!place->key)
        return err_set(err, ERRN_USAGE, "%s names no object", url);
    return place_open(app, place->store, create, store, err);
}

/* A folder, or else an object. */
enum err_code place_open_listed(const struct app *app, const char *url, struct store **store,
                                struct store_object *object, bool *is_object, struct err *err)
{
    struct place place = {0};
    struct err other = ERR_INIT;

    *is_object = false;
    if (place_open(app, url, false, store, err) != ERR_NOT_FOUND)
        return err->code;
    if (place_open_object(app, url, false, &place, store, &other) == ERR_OK &&
        store_stat(*store, place.key, object, &other) == ERR_OK) {
        err_clear(err);
        *is_object = true;
    }
    place_release(&place);
    return err->code;
}
