/*
 * notify: runs the program of `notify.exec` for each event that `notify.on` names, the event as JSON on its
 * standard input, one after another in a thread of its own. Nobody waits for it: a program that hangs is
 * killed after NOTIFY_TIMEOUT_MS, and what comes while NOTIFY_WAITING_MAX wait is dropped and logged.
 */
#ifndef SLUICE_TOOLS_NOTIFY_H
#define SLUICE_TOOLS_NOTIFY_H

#include "core/config/pipeline.h"
#include "core/queue/watch.h"

enum { NOTIFY_TIMEOUT_MS = 30000, NOTIFY_WAITING_MAX = 100, NOTIFY_COMMAND_MAX = 1024 };

struct notifier;

/* What goes with an event. Borrowed for the call. */
struct notify_event {
    const struct pipeline *pipeline; /* lives as long as the notifier */
    const struct notice *notice;
    int64_t at_us;
    const char *command; /* what a person may type; NULL = nothing */
};

enum err_code notifier_start(struct notifier **out, struct err *err) MUST_USE;
/* Kills what runs; what waits is not sent any more. NULL is fine. */
void notifier_stop(struct notifier *notifier);

/* Nothing where the pipeline does not ask for it. Safe from any thread. */
void notify(struct notifier *notifier, const struct notify_event *event);

struct notify_counts {
    int64_t sent, failed, dropped;
};
struct notify_counts notifier_counts(struct notifier *notifier);

#endif
