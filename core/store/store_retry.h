/*
 * store_retry: a store around a store that tries transient failures again.
 *
 * Attempts include the first. The wait before attempt n+1 is random() x min(base x 2^(n-1), 20 s). A quota
 * (500 tokens; a retry costs 5, one after a time-out 10, a success gives 1 back) keeps an outage from being
 * multiplied. A broken read is resumed at its offset under if_match = the etag of the first open, so that no
 * mixed object is ever delivered; one that then brings bytes gives the 5 back, for a connection that carries
 * some of an object each time gets to its end. A list that breaks fails (its pages are retried inside the
 * backend). put is retried only before its body was touched.
 */
#ifndef SLUICE_STORE_STORE_RETRY_H
#define SLUICE_STORE_STORE_RETRY_H

#include "core/store/store.h"

struct store_retry_options {
    unsigned attempts; /* 1..STORE_RETRY_ATTEMPTS_MAX; 0 = 3 */
    int64_t base_ms;   /* 0 = 200 */
};

/* Takes over `inner` (closed with the wrapper; on failure it stays the caller's). */
enum err_code store_retry_wrap(struct store *inner, const struct store_retry_options *options,
                               struct store **out, struct err *err) MUST_USE;

#endif
