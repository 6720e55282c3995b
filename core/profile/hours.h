/* hours: what is counted for each hour: objects, rows, refused records, NULLs of each column. */
#ifndef SLUICE_PROFILE_HOURS_H
#define SLUICE_PROFILE_HOURS_H

#include "core/profile/report.h"

enum { HOURS_CELLS_MAX = 8 * 1024 * 1024 /* hours times columns */ };

struct hours {
    struct report_hour *at; /* in order of hour */
    size_t n, cap;
    size_t ncolumns;
    size_t last; /* found before: the next is likely the same */
};

void hours_init(struct hours *hours, size_t ncolumns);
void hours_drop(struct hours *hours);
/* The entry of an hour, made where there is none; valid until the next call. */
enum err_code hours_get(struct hours *hours, hour_t hour, struct report_hour **out, struct err *err) MUST_USE;
enum err_code hours_merge(struct hours *hours, const struct hours *other, struct err *err) MUST_USE;

#endif
