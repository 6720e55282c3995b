/* progress: a bar on stderr while a command works, drawn by a thread of its own. */
#ifndef SLUICE_TOOLS_PROGRESS_H
#define SLUICE_TOOLS_PROGRESS_H

#include "core/load/job.h"
#include "tools/options.h"

enum { PROGRESS_LINE_MAX = 256 };

struct bar;

/* Starts where the options and the terminal want one; *out is NULL where they do not. Log lines stand above
 * the bar. `progress` is borrowed until bar_stop. */
enum err_code bar_start(const struct options *o, const struct progress *progress, struct bar **out,
                        struct err *err) MUST_USE;
/* Wipes it out. NULL is fine. */
void bar_stop(struct bar *bar);

/* One line: a bar, bytes, rows a second, time left. */
struct progress_view {
    int64_t objects_done, objects_total, bytes_done, bytes_total, rows_done;
    int64_t elapsed_us;
};
void progress_line(const struct progress_view *view, char out[PROGRESS_LINE_MAX]);

#endif
