/*
 * warnings: what in a report people should look at first.
 *
 * Each rule has its limits in one table and says itself what it found and what it held that against. A rule
 * tells WARN_MAX times at most; the last of them says how many were left out. Rules of hours are in
 * warnings_hours.c.
 */
#include "core/profile/warnings.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"

enum {
    WARN_MAX = 20,
    MESSAGE_MAX = 512,
    FEW_VALUES = 20, /* of fewer no share is told */
    REPEATED = 3,    /* times that each code is there at least, on average */
};

/* A rule fires beyond its limit, and is strong beyond the second one. */
static const struct limits {
    double limit, strong;
} LIMITS[RULE_COUNT] = {
    [RULE_MISSING] = {0.05, 0.20},
    [RULE_ALL_NULL] = {1, 1},
    [RULE_CONSTANT] = {1, INFINITY},
    [RULE_UNIQUE] = {10, INFINITY}, /* values at least */
    [RULE_OUTLIERS] = {0.01, 0.10},
    [RULE_CODES] = {10, 10}, /* occurrences at least */
    [RULE_ZEROS] = {0.5, 0.99},
    [RULE_SKEW] = {10, INFINITY},
    [RULE_IMBALANCE] = {0.10, 0.01}, /* below */
    [RULE_CLASSES] = {REPORT_CLASSES, INFINITY},
    [RULE_CORRELATED] = {0.9, 0.99},
    [RULE_HIGH_CARDINALITY] = {0.5, INFINITY},
    [RULE_REFUSED] = {0, 0.01},
    [RULE_GAP] = {0, 0},
    [RULE_HOUR_ROWS] = {3, INFINITY},  /* times the IQR */
    [RULE_HOUR_NULLS] = {3, INFINITY}, /* times the IQR */
};

double warn_limit(enum report_rule rule)
{
    return LIMITS[rule].limit;
}

enum err_code warn(struct warner *w, struct report_warning what, struct err *err, const char *fmt, ...)
{
    char text[MESSAGE_MAX];
    va_list args;
    if (++w->told[what.rule] > WARN_MAX) {
        w->left_out[what.rule]++;
        return ERR_OK;
    }
    if (w->report->nwarnings == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16;
        struct report_warning *more = mem_realloc(w->report->warnings, cap * sizeof *more);
        if (!more)
            return err_nomem(err);
        w->report->warnings = more;
        w->cap = cap;
    }
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!(what.message = mem_strdup(text)))
        return err_nomem(err);
    w->report->warnings[w->report->nwarnings++] = what;
    return ERR_OK;
}

static struct report_warning of_column(size_t c, enum report_rule rule, double value)
{
    return (struct report_warning){.rule = rule,
                                   .column = (int)c,
                                   .other = -1,
                                   .value = value,
                                   .limit = LIMITS[rule].limit,
                                   .strong = value > LIMITS[rule].strong};
}

/* --- one column ------------------------------------------------------------------------------------------
 */

static MUST_USE enum err_code missing(struct warner *w, size_t c, const struct report_column *col,
                                      struct err *err)
{
    double share = (double)col->nulls / (double)(col->count + col->nulls);
    if (col->count == 0) {
        struct report_warning what = of_column(c, RULE_ALL_NULL, share);
        what.strong = true;
        return warn(w, what, err, "%s: no row has a value", col->name);
    }
    if (!(share > LIMITS[RULE_MISSING].limit))
        return ERR_OK;
    return warn(w, of_column(c, RULE_MISSING, share), err,
                "%s: %.1f %% of the values are missing (over %g %%)", col->name, 100 * share,
                100 * LIMITS[RULE_MISSING].limit);
}

static MUST_USE enum err_code distinct(struct warner *w, size_t c, const struct report_column *col,
                                       struct err *err)
{
    double share = (double)col->distinct / (double)col->count;
    const char *about = col->distinct_approx ? "about " : "";
    bool real = col->type.kind == TYPE_FLOAT || col->type.kind == TYPE_DOUBLE;
    /* what is estimated may be off by three standard errors */
    double all = col->distinct_approx ? 1 - 3 * w->report->distinct_error : 1;
    if (col->distinct == 1 && col->count > 1)
        return warn(w, of_column(c, RULE_CONSTANT, 1), err, "%s: one value alone, %s", col->name,
                    col->top[0].text);
    if (!real && col->nulls == 0 && col->count >= LIMITS[RULE_UNIQUE].limit && share >= all)
        return warn(w, of_column(c, RULE_UNIQUE, (double)col->distinct), err,
                    "%s: %seach of its %lld values is there once: a key, or a row number", col->name, about,
                    (long long)col->count);
    if (col->kind != REPORT_TEXT || col->count < FEW_VALUES || !(share > LIMITS[RULE_HIGH_CARDINALITY].limit))
        return ERR_OK;
    return warn(w, of_column(c, RULE_HIGH_CARDINALITY, share), err,
                "%s: %s%.0f %% of the texts are distinct (over %g %%)", col->name, about, 100 * share,
                100 * LIMITS[RULE_HIGH_CARDINALITY].limit);
}

static MUST_USE enum err_code shape(struct warner *w, size_t c, const struct report_column *col,
                                    struct err *err)
{
    const struct report_numbers *n = &col->numbers;
    double count = (double)col->count, zeros = (double)n->zeros / count;
    double far = (double)(n->outliers_low + n->outliers_high) / count;
    bool flat = n->fence_low.value == n->fence_high.value;
    if (col->count >= FEW_VALUES && far > LIMITS[RULE_OUTLIERS].limit &&
        warn(w, of_column(c, RULE_OUTLIERS, far), err, "%s: %s%.1f %% of the values %s (over %g %%)",
             col->name, n->outliers_approx ? "about " : "", 100 * far,
             flat ? "differ from both quartiles, which are equal" : "are beyond 1.5 IQR of the quartiles",
             100 * LIMITS[RULE_OUTLIERS].limit))
        return err->code;
    if (col->count >= FEW_VALUES && zeros > LIMITS[RULE_ZEROS].limit &&
        warn(w, of_column(c, RULE_ZEROS, zeros), err, "%s: %.1f %% of the values are 0 (over %g %%)",
             col->name, 100 * zeros, 100 * LIMITS[RULE_ZEROS].limit))
        return err->code;
    if (!n->skew.known || !(fabs(n->skew.value) > LIMITS[RULE_SKEW].limit))
        return ERR_OK;
    return warn(w, of_column(c, RULE_SKEW, n->skew.value), err, "%s: the skew is %.1f (beyond %g)", col->name,
                n->skew.value, LIMITS[RULE_SKEW].limit);
}

static int64_t count_of(const struct report_column *col, double value, int64_t known)
{
    for (int i = 0; i < col->ntop && known == 0; i++)
        if (col->top[i].number == value)
            known = col->top[i].count;
    return known;
}

/* Codes stand apart from all other values by more than those take, and are repeated. What is no outlier is
 * below the fence, wherever. */
static MUST_USE enum err_code codes_high(struct warner *w, size_t c, const struct report_column *col,
                                         struct err *err)
{
    const struct report_numbers *n = &col->numbers;
    char text[REPORT_EXAMPLES * CANON_DOUBLE_MAX + 16] = "";
    int64_t count = 0;
    for (int i = 0; i < n->nexample_high && i + 1 < REPORT_EXAMPLES; i++) {
        double here = n->example_high[i];
        double next = i + 1 < n->nexample_high ? n->example_high[i + 1] : n->fence_high.value;
        char one[CANON_DOUBLE_MAX];
        count += count_of(col, here, n->example_high_count[i]);
        canon_double(here, one);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? ", " : "", one);
        if (here - next <= next - n->min.value || next <= n->min.value)
            continue;
        if ((double)count < LIMITS[RULE_CODES].limit || count < REPEATED * (int64_t)(i + 1))
            return ERR_OK;
        struct report_warning what = of_column(c, RULE_CODES, (double)count);
        what.strong = true;
        return warn(w, what, err, "%s: %s %s far above all other values, and %lld times there: likely %s",
                    col->name, text, i > 0 ? "are" : "is", (long long)count,
                    i > 0 ? "codes, not numbers" : "a code, not a number");
    }
    return ERR_OK;
}

/* One negative value among others that are not. */
static MUST_USE enum err_code code_low(struct warner *w, size_t c, const struct report_column *col,
                                       struct err *err)
{
    const struct report_numbers *n = &col->numbers;
    for (int i = 0; i < col->ntop; i++) {
        const struct report_value *v = &col->top[i];
        if (!(v->number < 0) || v->count != n->negatives || n->negatives == col->count ||
            (double)v->count < LIMITS[RULE_CODES].limit)
            continue;
        struct report_warning what = of_column(c, RULE_CODES, (double)v->count);
        what.strong = true;
        return warn(w, what, err,
                    "%s: %s is the only negative value and %lld times there: likely a code, not a number",
                    col->name, v->text, (long long)v->count);
    }
    return ERR_OK;
}

static MUST_USE enum err_code column_rules(struct warner *w, size_t c, struct err *err)
{
    const struct report_column *col = &w->report->columns[c];
    if (col->count + col->nulls == 0)
        return ERR_OK;
    if (missing(w, c, col, err) || col->count == 0 || distinct(w, c, col, err))
        return err->code;
    if (col->kind != REPORT_NUMBER || col->distinct < 2)
        return ERR_OK;
    if (shape(w, c, col, err) || codes_high(w, c, col, err))
        return err->code;
    return code_low(w, c, col, err);
}

/* --- the whole -------------------------------------------------------------------------------------------
 */

static MUST_USE enum err_code correlated(struct warner *w, struct err *err)
{
    const struct report *r = w->report;
    for (size_t i = 0; i < r->ncorrelated; i++)
        for (size_t j = i + 1; j < r->ncorrelated; j++) {
            double value = r->correlations[i * r->ncorrelated + j];
            if (!(fabs(value) > LIMITS[RULE_CORRELATED].limit))
                continue;
            struct report_warning what = of_column(r->correlated[i], RULE_CORRELATED, value);
            what.other = (int)r->correlated[j];
            what.strong = fabs(value) > LIMITS[RULE_CORRELATED].strong;
            if (warn(w, what, err, "%s and %s: r is %.3f (beyond %g): one says what the other does",
                     r->columns[r->correlated[i]].name, r->columns[r->correlated[j]].name, value,
                     LIMITS[RULE_CORRELATED].limit))
                return err->code;
        }
    return ERR_OK;
}

static MUST_USE enum err_code imbalance(struct warner *w, struct err *err)
{
    const struct report *r = w->report;
    if (r->by < 0 || r->nclasses < 2)
        return ERR_OK;
    const struct report_class *rarest = &r->classes[r->nclasses - 1];
    double share = (double)rarest->rows / (double)r->rows;
    if (!(share < LIMITS[RULE_IMBALANCE].limit))
        return ERR_OK;
    struct report_warning what = of_column((size_t)r->by, RULE_IMBALANCE, share);
    what.strong = share < LIMITS[RULE_IMBALANCE].strong;
    return warn(w, what, err, "%s: the rarest class, %s, has %.2f %% of the rows (under %g %%)",
                r->columns[r->by].name, rarest->text, 100 * share, 100 * LIMITS[RULE_IMBALANCE].limit);
}

/* Ten classes say little where any ten of many values made them. */
static MUST_USE enum err_code many_classes(struct warner *w, struct err *err)
{
    const struct report *r = w->report;
    for (int k = 0; r->by >= 0 && k < r->nclasses; k++) {
        if (!r->classes[k].other)
            continue;
        const struct report_column *col = &r->columns[r->by];
        return warn(w, of_column((size_t)r->by, RULE_CLASSES, (double)col->distinct), err,
                    "%s: %s%lld values are more than there can be classes: those that came first are "
                    "classes, all others are \"other\"",
                    col->name, col->distinct_approx ? "about " : "", (long long)col->distinct);
    }
    return ERR_OK;
}

static MUST_USE enum err_code refused(struct warner *w, struct err *err)
{
    const struct report *r = w->report;
    if (r->refused == 0)
        return ERR_OK;
    double share = (double)r->refused / (double)(r->refused + r->rows);
    struct report_warning what = of_column(0, RULE_REFUSED, share);
    what.column = -1;
    return warn(w, what, err, "%lld of %lld records (%.3g %%) are refused, by the schema or a check",
                (long long)r->refused, (long long)(r->refused + r->rows), 100 * share);
}

static int order(const struct report_warning *a, const struct report_warning *b)
{
    if (a->strong != b->strong)
        return a->strong ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return 0;
}

/* By insertion: they are few, and those that are equal keep their order. */
static void sort(struct report_warning *at, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct report_warning moved = at[i];
        size_t to = i;
        for (; to > 0 && order(&moved, &at[to - 1]) < 0; to--)
            at[to] = at[to - 1];
        at[to] = moved;
    }
}

/* The last warning of a rule says how many were left out. */
static MUST_USE enum err_code say_left_out(struct warner *w, struct err *err)
{
    for (size_t i = w->report->nwarnings; i-- > 0;) {
        struct report_warning *last = &w->report->warnings[i];
        char text[MESSAGE_MAX + 64];
        if (w->left_out[last->rule] == 0)
            continue;
        snprintf(text, sizeof text, "%s; %zu more of this rule are not told", last->message,
                 w->left_out[last->rule]);
        w->left_out[last->rule] = 0;
        mem_free(last->message);
        if (!(last->message = mem_strdup(text)))
            return err_nomem(err);
    }
    return ERR_OK;
}

enum err_code report_warn(struct report *report, struct err *err)
{
    struct warner w = {.report = report};
    for (size_t c = 0; c < report->ncolumns; c++)
        if (column_rules(&w, c, err))
            return err->code;
    if (correlated(&w, err) || imbalance(&w, err) || many_classes(&w, err) || refused(&w, err) ||
        warn_hours(&w, err))
        return err->code;
    if (report->nwarnings > 0)
        sort(report->warnings, report->nwarnings);
    return say_left_out(&w, err);
}
