/* history: loads and failed attempts as a result: what `history` prints. */
#ifndef SLUICE_TOOLS_HISTORY_H
#define SLUICE_TOOLS_HISTORY_H

#include "core/sink/sink.h"
#include "tools/out.h"

/* The list "objects" and its totals, oldest first. LIMIT where there are more than `max`. */
enum err_code history_out(struct out *out, struct sink *sink, const struct record_query *query, int64_t max,
                          struct err *err) MUST_USE;

#endif
