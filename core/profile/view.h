/*
 * view: what an accumulator has of a number column, in order of value; several at once walked as one.
 *
 * Exact ones are the table, sorted where it lies; sketched ones the items of the kll.
 */
#ifndef SLUICE_PROFILE_VIEW_H
#define SLUICE_PROFILE_VIEW_H

#include "core/profile/stats.h"

struct view {
    const struct stats *stats; /* settled */
    struct kll_item *at;
    size_t n;
    bool exact;
    bool owned;
};

/* The table of an exact one is good for nothing else afterwards. */
enum err_code view_init(struct view *view, struct stats *stats, struct err *err) MUST_USE;
void view_release(struct view *view);

/* All numbers of report_numbers over some views together. */
void view_numbers(const struct view *const *views, int n, struct report_numbers *out);
/* Bins over the views together; by_class[k] counts those of views[k], where split. whole: values are
 * integers. */
void view_histogram(const struct view *const *views, int n, const struct report_numbers *numbers, bool whole,
                    bool split, struct report_histogram *out);

#endif
