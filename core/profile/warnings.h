/* warnings: fills report->warnings from the rest of a report. For finish and tests. */
#ifndef SLUICE_PROFILE_WARNINGS_H
#define SLUICE_PROFILE_WARNINGS_H

#include "core/profile/report.h"

enum err_code report_warn(struct report *report, struct err *err) MUST_USE;

/* What warnings.c and warnings_hours.c share. */
struct warner {
    struct report *report;
    size_t cap;
    size_t told[RULE_COUNT], left_out[RULE_COUNT];
};
double warn_limit(enum report_rule rule);
/* Adds a warning; its message is given here. */
enum err_code warn(struct warner *w, struct report_warning what, struct err *err, const char *fmt, ...)
    PRINTF_LIKE(4, 5) MUST_USE;
enum err_code warn_hours(struct warner *w, struct err *err) MUST_USE;

#endif
