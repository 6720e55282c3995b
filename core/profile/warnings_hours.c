/*
 * warnings_hours: hours that are not there, or not like the others.
 *
 * An hour is far from the others where it is beyond 3 IQR of their quartiles, and by so much that it matters.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/profile/warnings.h"

enum {
    HOURS_MIN = 8,       /* of fewer none is told to be unlike the others */
    HOUR_ROWS_MIN = 100, /* of fewer rows a share of NULLs says nothing */
};
#define ROWS_APART  0.2  /* of the median */
#define NULLS_APART 0.05 /* as a difference of shares */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct usual {
    double median, low, high; /* 3 IQR beyond the quartiles */
};

static struct usual usual_of(double *sorted, size_t n, double times)
{
    qsort(sorted, n, sizeof *sorted, by_value);
    double q25 = sorted[n / 4], q75 = sorted[n - 1 - n / 4], reach = times * (q75 - q25);
    return (struct usual){.median = sorted[n / 2], .low = q25 - reach, .high = q75 + reach};
}

static MUST_USE enum err_code gap(struct warner *w, struct err *err)
{
    const struct report *r = w->report;
    char text[HOUR_TEXT_MAX];
    if (!r->by_hour || r->gaps <= 0)
        return ERR_OK;
    size_t i = 1;
    while (r->hours[i].hour == r->hours[i - 1].hour + 1)
        i++;
    struct report_warning what = {.rule = RULE_GAP,
                                  .strong = true,
                                  .column = -1,
                                  .other = -1,
                                  .hour = r->hours[i - 1].hour + 1,
                                  .value = (double)r->gaps,
                                  .limit = warn_limit(RULE_GAP)};
    hour_format(what.hour, text);
    return warn(w, what, err, "%lld %s no object though others before and after have: %s%s",
                (long long)r->gaps, r->gaps == 1 ? "hour has" : "hours have", text,
                r->gaps == 1 ? "" : " is the first");
}

static MUST_USE enum err_code hour_rows(struct warner *w, double *space, struct err *err)
{
    const struct report *r = w->report;
    for (size_t i = 0; i < r->nhours; i++)
        space[i] = (double)r->hours[i].rows;
    struct usual usual = usual_of(space, r->nhours, warn_limit(RULE_HOUR_ROWS));
    for (size_t i = 0; i < r->nhours; i++) {
        double rows = (double)r->hours[i].rows;
        char text[HOUR_TEXT_MAX];
        if ((rows >= usual.low && rows <= usual.high) ||
            fabs(rows - usual.median) <= ROWS_APART * usual.median)
            continue;
        struct report_warning what = {.rule = RULE_HOUR_ROWS,
                                      .column = -1,
                                      .other = -1,
                                      .hour = r->hours[i].hour,
                                      .value = rows,
                                      .limit = rows < usual.low ? usual.low : usual.high};
        hour_format(what.hour, text);
        if (warn(w, what, err, "%s: %.0f rows, where the median of all hours is %.0f (beyond %g IQR)", text,
                 rows, usual.median, warn_limit(RULE_HOUR_ROWS)))
            return err->code;
    }
    return ERR_OK;
}

static MUST_USE enum err_code hour_nulls(struct warner *w, size_t c, double *space, struct err *err)
{
    const struct report *r = w->report;
    size_t n = 0;
    for (size_t i = 0; i < r->nhours; i++)
        if (r->hours[i].rows >= HOUR_ROWS_MIN)
            space[n++] = (double)r->hours[i].nulls[c] / (double)r->hours[i].rows;
    if (n < HOURS_MIN)
        return ERR_OK;
    struct usual usual = usual_of(space, n, warn_limit(RULE_HOUR_NULLS));
    for (size_t i = 0; i < r->nhours; i++) {
        if (r->hours[i].rows < HOUR_ROWS_MIN)
            continue;
        double share = (double)r->hours[i].nulls[c] / (double)r->hours[i].rows;
        char text[HOUR_TEXT_MAX];
        if ((share >= usual.low && share <= usual.high) || fabs(share - usual.median) <= NULLS_APART)
            continue;
        struct report_warning what = {.rule = RULE_HOUR_NULLS,
                                      .column = (int)c,
                                      .other = -1,
                                      .hour = r->hours[i].hour,
                                      .value = share,
                                      .limit = share < usual.low ? usual.low : usual.high};
        hour_format(what.hour, text);
        if (warn(w, what, err,
                 "%s: %.1f %% missing in %s, where the median of all hours is %.1f %% (beyond %g IQR)",
                 r->columns[c].name, 100 * share, text, 100 * usual.median, warn_limit(RULE_HOUR_NULLS)))
            return err->code;
    }
    return ERR_OK;
}

enum err_code warn_hours(struct warner *w, struct err *err)
{
    const struct report *r = w->report;
    if (gap(w, err) || !r->by_hour || r->nhours < HOURS_MIN)
        return err->code;
    double *space = mem_alloc(r->nhours * sizeof *space);
    if (!space)
        return err_nomem(err);
    if (hour_rows(w, space, err) == ERR_OK)
        for (size_t c = 0; c < r->ncolumns && hour_nulls(w, c, space, err) == ERR_OK; c++)
            ;
    mem_free(space);
    return err->code;
}
