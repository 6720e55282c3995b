/* report_kit: see report_kit.h. */
#include "tests/support/report_kit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

static char *text(const char *s)
{
    return s ? must(mem_strdup(s)) : NULL;
}

struct report *kit_report(size_t rows, size_t ncolumns)
{
    struct report *r = must(mem_calloc(1, sizeof *r));

    r->pipeline = text("loan_applicants");
    r->what = text("source file:lake");
    r->rows = (int64_t)rows;
    r->objects = 1;
    r->bytes = (int64_t)rows * 48;
    r->by = -1;
    r->ncolumns = ncolumns;
    r->columns = must(mem_calloc(ncolumns + 1, sizeof *r->columns));
    for (size_t c = 0; c < ncolumns; c++) {
        r->columns[c].name = text("unnamed");
        r->columns[c].type.kind = TYPE_INT;
    }
    return r;
}

/* ---- columns ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static struct report_num known(double v)
{
    return (struct report_num){.known = isfinite(v), .value = v};
}

static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;

    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

static void outliers(struct report_numbers *out, const double *sorted, size_t n)
{
    double q25 = out->quantile[Q25].value, q75 = out->quantile[Q75].value;

    out->fence_low = known(q25 - 1.5 * (q75 - q25));
    out->fence_high = known(q75 + 1.5 * (q75 - q25));
    for (size_t i = 0; i < n; i++) {
        out->outliers_low += sorted[i] < out->fence_low.value;
        out->outliers_high += sorted[i] > out->fence_high.value;
        if (out->nlow < REPORT_EXAMPLES && (i == 0 || sorted[i] != sorted[i - 1]))
            out->example_low[out->nlow++] = sorted[i];
    }
    for (size_t i = n; i-- > 0 && out->nhigh < REPORT_EXAMPLES;)
        if (i == n - 1 || sorted[i] != sorted[i + 1])
            out->example_high[out->nhigh++] = sorted[i];
    for (int i = 0; i < out->nlow; i++)
        out->nexample_low += out->example_low[i] < out->fence_low.value;
    for (int i = 0; i < out->nhigh; i++)
        out->nexample_high += out->example_high[i] > out->fence_high.value;
}

static void figures(struct report_numbers *out, const double *sorted, size_t n)
{
    static const double shares[Q_COUNT] = {.01, .05, .25, .5, .75, .95, .99};
    double sum = 0, m2 = 0, m3 = 0, size = (double)n;

    if (n == 0)
        return;
    for (size_t i = 0; i < n; i++)
        sum += sorted[i];
    for (size_t i = 0; i < n; i++) {
        double d = sorted[i] - sum / size;

        m2 += d * d;
        m3 += d * d * d;
        out->zeros += sorted[i] == 0;
        out->negatives += sorted[i] < 0;
    }
    out->mean = known(sum / size);
    out->sum = known(sum);
    out->std = known(n > 1 ? sqrt(m2 / (size - 1)) : NAN);
    out->skew = known(
        n > 2 && m2 > 0 ? sqrt(size * (size - 1)) / (size - 2) * (m3 / size) / pow(m2 / size, 1.5) : NAN);
    out->min = known(sorted[0]);
    out->max = known(sorted[n - 1]);
    for (int q = 0; q < Q_COUNT; q++)
        out->quantile[q] = known(quantile(sorted, n, shares[q]));
    outliers(out, sorted, n);
}

static void histogram(struct report_column *c, const double *sorted, size_t n)
{
    struct report_histogram *h = &c->histogram;
    double low = sorted[0], high = sorted[n - 1];

    if (n > 10 && high > 3 * c->numbers.quantile[Q99].value) {
        high = c->numbers.quantile[Q99].value;
        h->clipped = true;
    }
    h->nbins = low < high ? REPORT_BINS : 1;
    for (int i = 0; i < h->nbins; i++) {
        h->bins[i].low = low + (high - low) * i / h->nbins;
        h->bins[i].high = low + (high - low) * (i + 1) / h->nbins;
    }
}

/* The bin of a value; -1: above. */
static int bin_of(const struct report_histogram *h, double v)
{
    double low = h->bins[0].low, high = h->bins[h->nbins - 1].high;
    int i = high > low ? (int)((v - low) / (high - low) * h->nbins) : 0;

    return v > high ? -1 : i >= h->nbins ? h->nbins - 1 : i;
}

static int by_count(const void *a, const void *b)
{
    const struct report_value *x = a, *y = b;

    return x->count != y->count ? (x->count < y->count) - (x->count > y->count)
                                : (x->number > y->number) - (x->number < y->number);
}

/* Runs of equal values; the most frequent are kept. */
static void top(struct report_column *c, const double *sorted, size_t n)
{
    struct report_value *all = must(mem_calloc(n + 1, sizeof *all));
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1])
            all[found++].number = sorted[i];
        all[found - 1].count++;
    }
    qsort(all, found, sizeof *all, by_count);
    c->distinct = (int64_t)found;
    c->ntop = found < REPORT_TOP ? (int)found : REPORT_TOP;
    for (int i = 0; i < c->ntop; i++) {
        char shown[40];

        snprintf(shown, sizeof shown, "%.10g", all[i].number);
        c->top[i] = all[i];
        c->top[i].text = text(shown);
    }
    mem_free(all);
}

static void split(struct report *r, struct report_column *c, const double *values, const int *class_of)
{
    double *of = must(mem_calloc((size_t)r->rows + 1, sizeof *of));

    for (int k = 0; k < r->nclasses; k++) {
        size_t n = 0;

        for (size_t i = 0; i < (size_t)r->rows; i++) {
            if (class_of[i] != k)
                continue;
            if (isnan(values[i]))
                c->split[k].nulls++;
            else
                of[n++] = values[i];
        }
        qsort(of, n, sizeof *of, by_value);
        c->split[k].count = (int64_t)n;
        figures(&c->split[k].numbers, of, n);
    }
    mem_free(of);
}

void kit_numbers(struct report *r, size_t c, const char *name, enum type_kind type, const double *values,
                 const int *class_of)
{
    struct report_column *col = &r->columns[c];
    double *sorted = must(mem_calloc((size_t)r->rows + 1, sizeof *sorted));
    size_t n = 0;

    mem_free(col->name);
    col->name = text(name);
    col->type = (struct type){.kind = type, .precision = 10, .scale = 2};
    col->kind = type == TYPE_BOOLEAN                          ? REPORT_BOOLEAN
                : type == TYPE_DATE || type == TYPE_TIMESTAMP ? REPORT_TIME
                                                              : REPORT_NUMBER;
    col->nullable = true;
    for (size_t i = 0; i < (size_t)r->rows; i++) {
        if (!isnan(values[i]))
            sorted[n++] = values[i];
    }
    qsort(sorted, n, sizeof *sorted, by_value);
    col->count = (int64_t)n;
    col->nulls = r->rows - (int64_t)n;
    figures(&col->numbers, sorted, n);
    top(col, sorted, n);
    if (n > 0)
        histogram(col, sorted, n);
    for (size_t i = 0; n > 0 && i < (size_t)r->rows; i++) {
        int bin = isnan(values[i]) ? -2 : bin_of(&col->histogram, values[i]);

        col->histogram.above += bin == -1;
        if (bin >= 0)
            col->histogram.bins[bin].count++;
        if (bin >= 0 && class_of)
            col->histogram.bins[bin].by_class[class_of[i]]++;
        for (int k = 0; k < col->ntop && class_of; k++)
            col->top[k].by_class[class_of[i]] += values[i] == col->top[k].number;
    }
    if (class_of)
        split(r, col, values, class_of);
    mem_free(sorted);
}

void kit_texts(struct report *r, size_t c, const char *name, const char *const *texts, const int64_t *counts,
               int n)
{
    struct report_column *col = &r->columns[c];

    mem_free(col->name);
    col->name = text(name);
    col->type = (struct type){.kind = TYPE_VARCHAR, .length = 200};
    col->kind = REPORT_TEXT;
    col->nullable = true;
    col->distinct = n;
    for (int i = 0; i < n; i++) {
        int64_t len = (int64_t)strlen(texts[i]);

        if (i < REPORT_TOP) {
            col->top[i].text = text(texts[i]);
            col->top[i].count = counts[i];
            col->ntop = i + 1;
        }
        col->length_mean = (col->length_mean * (double)col->count + (double)(len * counts[i])) /
                           (double)(col->count + counts[i]);
        col->count += counts[i];
        col->length_max = len > col->length_max ? len : col->length_max;
        col->length_min = i == 0 || len < col->length_min ? len : col->length_min;
        col->empty += len == 0 ? counts[i] : 0;
    }
    col->nulls = r->rows - col->count;
}

/* ---- the rest ---- */

void kit_classes(struct report *r, int by, int n, const int *class_of)
{
    r->by = by;
    r->nclasses = n;
    for (int k = 0; k < n; k++) {
        char name[16];

        snprintf(name, sizeof name, "%d", k);
        r->classes[k].text = text(name);
    }
    for (size_t i = 0; i < (size_t)r->rows; i++)
        r->classes[class_of[i]].rows++;
}

void kit_hours(struct report *r, hour_t first, size_t n, size_t gap)
{
    int64_t each = n ? r->rows / (int64_t)n : 0;

    r->by_hour = true;
    r->hours = must(mem_calloc(n + 1, sizeof *r->hours));
    r->objects = 0;
    for (size_t i = 0; i < n; i++) {
        struct report_hour *hour = &r->hours[r->nhours];

        if (gap && i % gap == gap - 1 && i + 1 < n) {
            r->gaps++;
            continue;
        }
        hour->hour = first + (hour_t)i;
        hour->objects = 2;
        hour->rows = each + (int64_t)(i * 7919 % 13) * each / 40;
        hour->refused = i % 11 == 3;
        hour->nulls = must(mem_calloc(r->ncolumns + 1, sizeof *hour->nulls));
        for (size_t c = 0; c < r->ncolumns; c++)
            hour->nulls[c] =
                r->rows ? hour->rows * r->columns[c].nulls / r->rows * (int64_t)(90 + i * 31 % 21) / 100 : 0;
        r->objects += hour->objects;
        r->nhours++;
    }
}

void kit_correlations(struct report *r)
{
    r->correlated = must(mem_calloc(r->ncolumns + 1, sizeof *r->correlated));
    for (size_t c = 0; c < r->ncolumns; c++) {
        if (r->columns[c].kind == REPORT_NUMBER || r->columns[c].kind == REPORT_BOOLEAN)
            r->correlated[r->ncorrelated++] = c;
    }
    r->correlations = must(mem_calloc(r->ncorrelated * r->ncorrelated + 1, sizeof *r->correlations));
    for (size_t i = 0; i < r->ncorrelated; i++) {
        for (size_t j = 0; j < r->ncorrelated; j++) {
            size_t low = i < j ? i : j, high = i < j ? j : i;
            double at = sin((double)(low * 37 + high * 11));

            r->correlations[i * r->ncorrelated + j] = i == j ? 1
                                                      : r->columns[r->correlated[i]].count == 0
                                                          ? NAN
                                                          : at * at * at;
        }
    }
}

void kit_head(struct report *r, size_t rows, const char *cell)
{
    r->head_rows = rows;
    r->head = must(mem_calloc(rows * r->ncolumns + 1, sizeof *r->head));
    for (size_t i = 0; i < rows * r->ncolumns; i++)
        r->head[i] = i % 7 == 6 ? NULL : text(cell);
}

void kit_refusal(struct report *r, enum err_name name, int64_t count, const char *example)
{
    r->refusals = must(mem_realloc(r->refusals, (r->nrefusals + 1) * sizeof *r->refusals));
    r->refusals[r->nrefusals++] = (struct report_refusal){name, count, text(example)};
    r->refused += count;
}

void kit_warning(struct report *r, enum report_rule rule, bool strong, int column, double value, double limit,
                 const char *message)
{
    r->warnings = must(mem_realloc(r->warnings, (r->nwarnings + 1) * sizeof *r->warnings));
    r->warnings[r->nwarnings++] = (struct report_warning){rule, strong, column, -1,
                                                          0,    value,  limit,  text(message)};
}

/* A generator of its own, so that the page is the same everywhere. */
static double next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(*state >> 11) / 9007199254740992.0;
}

struct report *kit_loans(size_t rows)
{
    static const char *const names[] = {"SeriousDlqin2yrs",
                                        "RevolvingUtilizationOfUnsecuredLines",
                                        "age",
                                        "NumberOfTime30_59DaysPastDueNotWorse",
                                        "DebtRatio",
                                        "MonthlyIncome",
                                        "NumberOfTimes90DaysLate",
                                        "NumberOfDependents",
                                        "applied",
                                        "purpose"};
    static const char *const purposes[] = {"debt consolidation", "car", "home improvement", "", "=2+3"};
    struct report *r = kit_report(rows, 10);
    double *values[9];
    int *class_of = must(mem_calloc(rows + 1, sizeof *class_of));
    uint64_t state = 7;
    int64_t counts[] = {(int64_t)rows / 2, (int64_t)rows / 4, (int64_t)rows / 8, (int64_t)rows / 16,
                        (int64_t)rows / 32};

    for (int c = 0; c < 9; c++)
        values[c] = must(mem_calloc(rows + 1, sizeof *values[c]));
    for (size_t i = 0; i < rows; i++) {
        bool late = next(&state) < 0.067, code = next(&state) < 0.002;

        class_of[i] = late;
        values[0][i] = late;
        values[1][i] = next(&state) < 0.02 ? 5000 * next(&state) : pow(next(&state), late ? 0.7 : 2.2) * 1.05;
        values[2][i] = floor(22 + (late ? 45 : 60) * (next(&state) + next(&state) + next(&state)) / 3 * 1.2);
        values[3][i] = code ? 98 : floor(-log(next(&state) + 1e-12) * (late ? 1.2 : 0.25));
        values[4][i] = next(&state) < 0.2 ? floor(3000 * next(&state)) : next(&state) * 0.8;
        values[5][i] = next(&state) < 0.198
                           ? NAN
                           : floor(6600 * exp(0.7 * (next(&state) + next(&state) - 1) * 2.2));
        values[6][i] = code ? 98 : floor(-log(next(&state) + 1e-12) * (late ? 0.9 : 0.1));
        values[7][i] = next(&state) < 0.026 ? NAN : floor(-log(next(&state) + 1e-12) * 0.9);
        values[8][i] = 19148 + floor(30 * next(&state));
    }
    kit_classes(r, 0, 2, class_of);
    for (size_t c = 0; c < 9; c++) {
        static const enum type_kind types[] = {TYPE_BOOLEAN, TYPE_DOUBLE, TYPE_INT, TYPE_INT, TYPE_DOUBLE,
                                               TYPE_INT,     TYPE_INT,    TYPE_INT, TYPE_DATE};

        kit_numbers(r, c, names[c], types[c], values[c], class_of);
        mem_free(values[c]);
    }
    kit_texts(r, 9, names[9], purposes, counts, 5);
    mem_free(class_of);
    kit_hours(r, 459603, 39, 17);
    kit_correlations(r);
    kit_head(r, 10, "1234.5");
    kit_refusal(r, ERRN_CAST_INT, 12,
                "yyyy=2022/mm=06/dd=05/hh=11/part-00000.csv line 2, column age: \"x\" is no whole number");
    kit_warning(r, RULE_MISSING, false, 5, 0.198, 0.05,
                "MonthlyIncome: 19.8 % of the rows have no value (over 5 %)");
    kit_warning(r, RULE_CODES, true, 3, 22, 5, "98 stands 22 times far from all other values: a code?");
    kit_warning(r, RULE_GAP, false, -1, 2, 0, "2 hours between others have no object");
    return r;
}
