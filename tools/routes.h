/* routes: which path of `serve` is which page, metric or document. */
#ifndef SLUICE_TOOLS_ROUTES_H
#define SLUICE_TOOLS_ROUTES_H

#include "tools/http.h"
#include "tools/lane.h"

enum { ROUTES_READERS_MAX = 8 }; /* requests that read the books at the same time */

struct routes {
    struct lane *lanes;
    size_t n;
    struct notifier *notifier;
    int64_t started_us; /* wall */
    atomic_int readers;
};

/* An http_handler; ctx is a struct routes *. Only reads (and counts readers). */
enum err_code routes_handle(void *ctx, const struct http_request *request, struct http_answer *answer,
                            struct err *err) MUST_USE;

#endif
