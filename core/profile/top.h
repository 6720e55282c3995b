/* top: the most frequent values of a column and how many distinct ones it has, over all classes. */
#ifndef SLUICE_PROFILE_TOP_H
#define SLUICE_PROFILE_TOP_H

#include "core/profile/stats.h"

struct top_value {
    uint64_t key; /* of text: the hash */
    const char *text;
    size_t len;
    uint64_t count, by_class[REPORT_CLASSES];
};

struct top {
    struct top_value at[REPORT_TOP]; /* most frequent first, then the smaller value */
    int n;
    bool approx;
    int64_t distinct;
    bool distinct_approx;
};

/* of[k] are the accumulators of one column in each class, settled, their tables not sorted yet. */
enum err_code top_find(const struct stats *const *of, int n, struct top *out, struct err *err) MUST_USE;

#endif
