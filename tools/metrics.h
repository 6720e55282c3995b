/*
 * metrics: what `serve` counts and knows, in Prometheus' text format (docs/serve.md has the table).
 *
 * Counters and histograms are of this process; gauges are of the books, whoever loaded.
 */
#ifndef SLUICE_TOOLS_METRICS_H
#define SLUICE_TOOLS_METRICS_H

#include "tools/lane.h"

struct metrics {
    struct lane *lanes;
    const struct lane_look *looks;
    size_t n;
    int64_t started_us; /* wall */
    struct notify_counts notified;
};

enum err_code metrics_put(const struct metrics *metrics, struct buf *out, struct err *err) MUST_USE;

#endif
