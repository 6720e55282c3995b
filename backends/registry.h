/*
 * registry: the arrays of all backends, and how a URL finds its own. The only file that knows them all.
 */
#ifndef SLUICE_BACKENDS_REGISTRY_H
#define SLUICE_BACKENDS_REGISTRY_H

#include "core/sink/sink.h"
#include "core/store/store.h"

/* Opens the store that `url` names. A scheme that this build lacks is UNSUPPORTED and lists those that it
 * has. */
enum err_code registry_open_store(const char *url, const char *base_dir, const struct clock *clock,
                                  bool create, struct store **out, struct err *err) MUST_USE;

/* Opens the sink of args->url. */
enum err_code registry_open_sink(const struct sink_open *args, struct sink **out, struct err *err) MUST_USE;

/* "file mem" / "sqlite mem": for -V and messages. */
const char *registry_store_names(void);
const char *registry_sink_names(void);

/* True where the URL's scheme is known to be a store (a sink), in this build or in others ("s3", "mysql"):
 * for validate --offline. */
bool registry_known_store(const char *url);
bool registry_known_sink(const char *url);

#endif
