/* hours: see hours.h. A sorted array: hours nearly always come in order, so that they are added at its end.
 */
#include "core/profile/hours.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/profile/profile.h"

void hours_init(struct hours *hours, size_t ncolumns)
{
    *hours = (struct hours){.ncolumns = ncolumns};
}

void hours_drop(struct hours *hours)
{
    for (size_t i = 0; i < hours->n; i++)
        mem_free(hours->at[i].nulls);
    mem_free(hours->at);
    hours_init(hours, hours->ncolumns);
}

/* The first entry that is not before `hour`. */
static size_t lower_bound(const struct hours *hours, hour_t hour)
{
    size_t low = 0, high = hours->n;
    if (high > 0 && hours->at[high - 1].hour < hour)
        return high;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hours->at[middle].hour < hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static MUST_USE enum err_code insert(struct hours *hours, size_t at, hour_t hour, struct err *err)
{
    if (hours->n >= PROFILE_HOURS_MAX || (hours->n + 1) * hours->ncolumns > HOURS_CELLS_MAX)
        return err_set(err, ERRN_LIMIT,
                       "a profile of more than %zu hours: give a shorter range, or less columns", hours->n);
    if (hours->n == hours->cap) {
        size_t cap = hours->cap ? 2 * hours->cap : 64;
        struct report_hour *more = mem_realloc(hours->at, cap * sizeof *more);
        if (!more)
            return err_nomem(err);
        hours->at = more;
        hours->cap = cap;
    }
    int64_t *nulls = mem_calloc(hours->ncolumns + 1, sizeof *nulls);
    if (!nulls)
        return err_nomem(err);
    memmove(hours->at + at + 1, hours->at + at, (hours->n - at) * sizeof *hours->at);
    hours->at[at] = (struct report_hour){.hour = hour, .nulls = nulls};
    hours->n++;
    return ERR_OK;
}

enum err_code hours_get(struct hours *hours, hour_t hour, struct report_hour **out, struct err *err)
{
    size_t at = hours->last;
    if (at >= hours->n || hours->at[at].hour != hour) {
        at = lower_bound(hours, hour);
        if ((at == hours->n || hours->at[at].hour != hour) && insert(hours, at, hour, err))
            return err->code;
        hours->last = at;
    }
    *out = &hours->at[at];
    return ERR_OK;
}

enum err_code hours_merge(struct hours *hours, const struct hours *other, struct err *err)
{
    for (size_t i = 0; i < other->n; i++) {
        const struct report_hour *from = &other->at[i];
        struct report_hour *to;
        if (hours_get(hours, from->hour, &to, err))
            return err->code;
        to->objects += from->objects;
        to->rows += from->rows;
        to->refused += from->refused;
        for (size_t c = 0; c < hours->ncolumns; c++)
            to->nulls[c] += from->nulls[c];
    }
    return ERR_OK;
}
