/* store_trace: a store around a store that logs each call with its time and result (LOG_DEBUG), or counts
 * them for a test. */
#ifndef SLUICE_STORE_STORE_TRACE_H
#define SLUICE_STORE_STORE_TRACE_H

#include "core/store/store.h"

/* Called after each op: "list", "stat", "open", "read", "put", "remove", with the key or prefix. NULL = log.
 */
typedef void store_trace_fn(void *ctx, const char *op, const char *key, enum err_code code, int64_t micros);

/* Takes over `inner` (closed with the wrapper; on failure it stays the caller's). */
enum err_code store_trace_wrap(struct store *inner, store_trace_fn *fn, void *ctx, struct store **out,
                               struct err *err) MUST_USE;

#endif
