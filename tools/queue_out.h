/* queue_out: the backlog as a result: what `queue ls` prints. */
#ifndef SLUICE_TOOLS_QUEUE_OUT_H
#define SLUICE_TOOLS_QUEUE_OUT_H

#include "core/load/job.h"
#include "core/queue/backlog.h"
#include "tools/out.h"

const char *queue_class_text(enum backlog_class class); /* "ready", "waiting", "held", "failed", "idle" */

/* The list "hours", those of the range, and its totals. others: names in the place that are no queue files.
 */
void queue_out(struct out *out, const struct backlog *backlog, const struct hour_range *range,
               int64_t others);

#endif
