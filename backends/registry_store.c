/*
 * registry_store: the array of all store backends, and how a URL finds its own.
 *
 * Invariant: a scheme stands in at most one backend; `elsewhere` names those that another build may have.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "backends/registry.h"
#include "backends/store_fs.h"
#include "backends/store_mem.h"
#include "backends/store_s3.h"
#ifdef SLUICE_LIBS3
#include "backends/store_libs3.h"
#endif

static const struct store_type *const stores[] = {
    &store_fs, &store_mem, &store_s3,
#ifdef SLUICE_LIBS3
    &store_libs3, /* where the build found the library */
#endif
};
static const char *const elsewhere[] = {"libs3"};

enum { STORES = sizeof stores / sizeof stores[0], NAMES_MAX = 256 };

static const struct store_type *find_store(const char *scheme)
{
    for (size_t i = 0; i < STORES; i++) {
        for (const char *const *s = stores[i]->schemes; *s; s++) {
            if (strcmp(*s, scheme) == 0) {
                return stores[i];
            }
        }
    }
    return NULL;
}

enum err_code registry_open_store(const char *url, const char *base_dir, const struct clock *clock,
                                  bool create, struct store **out, struct err *err)
{
    const struct store_type *type;
    struct url parsed;

    *out = NULL;
    if (url_parse(url, &parsed, err) != ERR_OK) {
        return err->code;
    }
    type = find_store(parsed.scheme);
    if (type) {
        (void)!store_open(type, &parsed, base_dir, clock, create, out, err);
    } else {
        err_set(err, ERRN_UNSUPPORTED, "\"%s:\" is no store of this build; it has: %s", parsed.scheme,
                registry_store_names());
    }
    url_release(&parsed);
    return err->code;
}

static char names[NAMES_MAX];

static void make_names(void)
{
    size_t len = 0;

    for (size_t i = 0; i < STORES && len < sizeof names; i++) {
        len += (size_t)snprintf(names + len, sizeof names - len, "%s%s", i ? " " : "", stores[i]->name);
    }
}

const char *registry_store_names(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_names);
    return names;
}

bool registry_known_store(const char *url)
{
    struct url parsed;
    struct err err = ERR_INIT;
    bool known;

    if (url_parse(url, &parsed, &err) != ERR_OK) {
        return false;
    }
    known = find_store(parsed.scheme) != NULL;
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++) {
        known |= strcmp(elsewhere[i], parsed.scheme) == 0;
    }
    url_release(&parsed);
    return known;
}
