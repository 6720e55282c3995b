/*
 * registry_sink: the array of sinks, and how a URL finds its own.
 *
 * A new sink is one line in SINKS. Schemes that only other builds have are known by name, so that a pipeline
 * file for them is a valid one here too.
 */
#include <string.h>

#include "backends/registry.h"

extern const struct sink_type sink_sqlite;
extern const struct sink_type sink_mysql; /* where the build found a client library */
extern const struct sink_type sink_mem;

#ifdef SLUICE_MYSQL
static const struct sink_type *const SINKS[] = {&sink_sqlite, &sink_mysql, &sink_mem};
#define NAMES "sqlite mysql mem"
#else
static const struct sink_type *const SINKS[] = {&sink_sqlite, &sink_mem};
#define NAMES "sqlite mem"
#endif
static const char *const ELSEWHERE[] = {"mysql"};

enum { SINK_COUNT = sizeof SINKS / sizeof *SINKS, ELSEWHERE_COUNT = sizeof ELSEWHERE / sizeof *ELSEWHERE };

static const struct sink_type *find(const char *scheme)
{
    for (size_t i = 0; i < SINK_COUNT; i++)
        for (const char *const *s = SINKS[i]->schemes; *s; s++)
            if (strcmp(*s, scheme) == 0)
                return SINKS[i];
    return NULL;
}

const char *registry_sink_names(void)
{
    return NAMES;
}

enum err_code registry_open_sink(const struct sink_open *args, struct sink **out, struct err *err)
{
    const struct sink_type *type;
    struct url url;

    *out = NULL;
    if (url_parse(args->url, &url, err))
        return err->code;
    type = find(url.scheme);
    if (!type)
        err_set(err, ERRN_UNSUPPORTED, "this build has no sink %s%s (it has: %s)", url.scheme,
                url.scheme[0] ? ":" : "without a scheme", registry_sink_names());
    url_release(&url);
    return type ? sink_open(type, args, out, err) : err->code;
}

bool registry_known_sink(const char *text)
{
    struct err err = ERR_INIT;
    struct url url;

    if (url_parse(text, &url, &err))
        return false;
    bool known = find(url.scheme) != NULL;
    for (size_t i = 0; i < ELSEWHERE_COUNT; i++)
        known = known || strcmp(url.scheme, ELSEWHERE[i]) == 0;
    url_release(&url);
    return known;
}
