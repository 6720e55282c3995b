/* routes: which path of `serve` is which page, metric or document. */
#ifndef SLUICE_TOOLS_ROUTES_H
#define SLUICE_TOOLS_ROUTES_H

#include "tools/http.h"
#include "tools/lane.h"

struct routes {
    struct lane *lanes;
    size_t n;
    struct notifier *notifier;
    int64_t started_us; /* wall */
};

/* An http_handler; ctx is a struct routes *. Only reads. */
enum err_code routes_handle(void *ctx, const struct http_request *request, struct http_answer *answer,
                            struct err *err) MUST_USE;

#endif
