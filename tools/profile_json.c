/*
 * profile_json: a report as JSON: every figure at full precision.
 *
 * Invariants: a column has the same members whatever its kind, null where a figure has no meaning; numbers of
 * dates and timestamps are texts, but std, which is in days (dates) or microseconds; what is estimated stands
 * in the column's "approx".
 */
#include <inttypes.h>
#include <math.h>

#include "tools/profile_out.h"

static const struct {
    const char *name;
    enum report_quantile quantile;
} quantiles[Q_COUNT] = {{"p01", Q01}, {"p05", Q05}, {"p25", Q25}, {"p50", Q50},
                        {"p75", Q75}, {"p95", Q95}, {"p99", Q99}};

enum { WHOLE_MAX = 53 /* bits: up to here each whole double is one integer */ };

static void put_value(struct out_tree *t, const char *key, const struct report_column *c, double v)
{
    char text[OUT_CELL_MAX];

    if (c->kind == REPORT_TIME && isfinite(v)) {
        profile_moment(c, v, text);
        tree_str(t, key, text);
    } else if (profile_is_whole(c) && isfinite(v) && v == trunc(v) && fabs(v) < ldexp(1, WHOLE_MAX)) {
        tree_int(t, key, (int64_t)v);
    } else {
        tree_real(t, key, v);
    }
}

static void put_num(struct out_tree *t, const char *key, const struct report_column *c, struct report_num n)
{
    put_value(t, key, c, n.known ? n.value : (double)NAN);
}

static void put_plain(struct out_tree *t, const char *key, struct report_num n)
{
    tree_real(t, key, n.known ? n.value : (double)NAN);
}

static void put_examples(struct out_tree *t, const char *key, const struct report_column *c, int64_t count,
                         const double *examples, int n)
{
    tree_begin(t, key, '{');
    tree_int(t, "count", count);
    tree_begin(t, "examples", '[');
    for (int i = 0; i < n; i++)
        put_value(t, NULL, c, examples[i]);
    tree_end(t);
    tree_end(t);
}

/* The lowest or highest values with their counts, null where a sketch does not know them. */
static void put_far(struct out_tree *t, const char *key, const struct report_column *c, const double *values,
                    const int64_t *counts, int n)
{
    tree_begin(t, key, '[');
    for (int i = 0; i < n; i++) {
        tree_begin(t, NULL, '{');
        put_value(t, "value", c, values[i]);
        if (counts[i] > 0)
            tree_int(t, "count", counts[i]);
        else
            tree_str(t, "count", NULL);
        tree_end(t);
    }
    tree_end(t);
}

/* The members of numbers; those that have no meaning are null. */
static void put_numbers(struct out_tree *t, const struct report_column *c, const struct report_numbers *n)
{
    bool time = c->kind == REPORT_TIME, text = c->kind == REPORT_TEXT;

    put_num(t, "mean", c, n->mean);
    put_plain(t, "std", n->std);
    put_plain(t, "skew", n->skew);
    put_num(t, "min", c, n->min);
    for (int q = 0; q < Q_COUNT; q++)
        put_num(t, quantiles[q].name, c, n->quantile[quantiles[q].quantile]);
    put_num(t, "max", c, n->max);
    put_num(t, "sum", c, time ? (struct report_num){0} : n->sum);
    if (time || text) {
        tree_str(t, "zeros", NULL);
        tree_str(t, "negatives", NULL);
    } else {
        tree_int(t, "zeros", n->zeros);
        tree_int(t, "negatives", n->negatives);
    }
    if (text) {
        tree_str(t, "fences", NULL);
        tree_str(t, "outliers_low", NULL);
        tree_str(t, "outliers_high", NULL);
        tree_str(t, "lowest", NULL);
        tree_str(t, "highest", NULL);
        return;
    }
    tree_begin(t, "fences", '{');
    put_num(t, "low", c, n->fence_low);
    put_num(t, "high", c, n->fence_high);
    tree_end(t);
    put_examples(t, "outliers_low", c, n->outliers_low, n->example_low, n->nexample_low);
    put_examples(t, "outliers_high", c, n->outliers_high, n->example_high, n->nexample_high);
    put_far(t, "lowest", c, n->example_low, n->example_low_count, n->nlow);
    put_far(t, "highest", c, n->example_high, n->example_high_count, n->nhigh);
}

static void approx_if(struct out_tree *t, bool approx, const char *name)
{
    if (approx)
        tree_str(t, NULL, name);
}

static void put_approx(struct out_tree *t, const struct report_numbers *n, bool distinct, bool top,
                       bool histogram)
{
    tree_begin(t, "approx", '[');
    approx_if(t, distinct, "distinct");
    approx_if(t, n->mean.approx, "mean");
    approx_if(t, n->std.approx, "std");
    approx_if(t, n->skew.approx, "skew");
    approx_if(t, n->min.approx, "min");
    for (int q = 0; q < Q_COUNT; q++)
        approx_if(t, n->quantile[quantiles[q].quantile].approx, quantiles[q].name);
    approx_if(t, n->max.approx, "max");
    approx_if(t, n->sum.approx, "sum");
    approx_if(t, n->fence_low.approx || n->fence_high.approx, "fences");
    approx_if(t, n->outliers_approx, "outliers");
    approx_if(t, top, "top");
    approx_if(t, histogram, "histogram");
    tree_end(t);
}

static void put_by_class(struct out_tree *t, const struct report *r, const int64_t *by_class)
{
    if (r->nclasses == 0)
        return;
    tree_begin(t, "by_class", '[');
    for (int i = 0; i < r->nclasses; i++)
        tree_int(t, NULL, by_class[i]);
    tree_end(t);
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : (double)NAN;
}

static void put_top(struct out_tree *t, const struct report *r, const struct report_column *c)
{
    tree_begin(t, "top", '[');
    for (int i = 0; i < c->ntop; i++) {
        const struct report_value *v = &c->top[i];

        tree_begin(t, NULL, '{');
        if (c->kind == REPORT_TEXT || c->kind == REPORT_TIME)
            tree_str(t, "value", v->text);
        else if (profile_is_whole(c))
            tree_raw(t, "value", v->text); /* all digits, also of those that a double has not */
        else
            tree_real(t, "value", v->number);
        tree_int(t, "count", v->count);
        tree_real(t, "share", share(v->count, c->count));
        put_by_class(t, r, v->by_class);
        tree_end(t);
    }
    tree_end(t);
}

static void put_histogram(struct out_tree *t, const struct report *r, const struct report_column *c)
{
    const struct report_histogram *h = &c->histogram;

    if (h->nbins == 0) {
        tree_str(t, "histogram", NULL);
        return;
    }
    tree_begin(t, "histogram", '{');
    tree_begin(t, "bins", '[');
    for (int i = 0; i < h->nbins; i++) {
        tree_begin(t, NULL, '{');
        put_value(t, "low", c, h->bins[i].low);
        put_value(t, "high", c, h->bins[i].high);
        tree_int(t, "count", h->bins[i].count);
        put_by_class(t, r, h->bins[i].by_class);
        tree_end(t);
    }
    tree_end(t);
    tree_bool(t, "logarithmic", h->logarithmic);
    tree_bool(t, "clipped", h->clipped);
    tree_int(t, "below", h->below);
    tree_int(t, "above", h->above);
    tree_end(t);
}

static void put_split(struct out_tree *t, const struct report *r, const struct report_column *c)
{
    tree_begin(t, "split", '[');
    for (int i = 0; i < r->nclasses; i++) {
        const struct report_split *s = &c->split[i];

        tree_begin(t, NULL, '{');
        tree_str(t, "class", r->classes[i].text);
        tree_int(t, "count", s->count);
        tree_int(t, "nulls", s->nulls);
        tree_real(t, "null_share", share(s->nulls, s->count + s->nulls));
        put_numbers(t, c, &s->numbers);
        put_approx(t, &s->numbers, false, false, false);
        tree_end(t);
    }
    tree_end(t);
}

static void put_column(struct out_tree *t, const struct report *r, const struct report_column *c)
{
    static const char *const kinds[] = {[REPORT_NUMBER] = "number",
                                        [REPORT_BOOLEAN] = "boolean",
                                        [REPORT_TIME] = "time",
                                        [REPORT_TEXT] = "text"};
    char type[TYPE_TEXT_MAX];

    type_format(&c->type, type);
    tree_begin(t, NULL, '{');
    tree_str(t, "name", c->name);
    tree_str(t, "type", type);
    tree_str(t, "kind", kinds[c->kind]);
    tree_bool(t, "nullable", c->nullable);
    tree_int(t, "count", c->count);
    tree_int(t, "nulls", c->nulls);
    tree_real(t, "null_share", share(c->nulls, c->count + c->nulls));
    tree_int(t, "distinct", c->distinct);
    tree_bool(t, "distinct_approx", c->distinct_approx);
    put_numbers(t, c, &c->numbers);
    put_approx(t, &c->numbers, c->distinct_approx, c->top_approx, c->histogram.approx);
    put_top(t, r, c);
    put_histogram(t, r, c);
    put_split(t, r, c);
    if (c->kind == REPORT_TEXT) {
        tree_begin(t, "lengths", '{');
        tree_int(t, "min", c->length_min);
        tree_int(t, "max", c->length_max);
        tree_real(t, "mean", c->count ? c->length_mean : (double)NAN);
        tree_int(t, "empty", c->empty);
        tree_end(t);
    } else {
        tree_str(t, "lengths", NULL);
    }
    tree_end(t);
}

static void put_hour(struct out_tree *t, const char *key, bool known, hour_t hour)
{
    char text[HOUR_TEXT_MAX];

    if (known)
        hour_format(hour, text);
    tree_str(t, key, known ? text : NULL);
}

static void put_hours(struct out_tree *t, const struct report *r)
{
    tree_begin(t, "hours", '[');
    for (size_t i = 0; i < r->nhours; i++) {
        const struct report_hour *h = &r->hours[i];

        tree_begin(t, NULL, '{');
        put_hour(t, "hour", true, h->hour);
        tree_int(t, "objects", h->objects);
        tree_int(t, "rows", h->rows);
        tree_int(t, "refused", h->refused);
        tree_begin(t, "nulls", '{');
        for (size_t c = 0; c < r->ncolumns; c++) {
            if (h->nulls[c])
                tree_int(t, r->columns[c].name, h->nulls[c]);
        }
        tree_end(t);
        tree_end(t);
    }
    tree_end(t);
}

static void put_correlations(struct out_tree *t, const struct report *r)
{
    tree_begin(t, "correlations", '{');
    tree_begin(t, "columns", '[');
    for (size_t i = 0; i < r->ncorrelated; i++)
        tree_str(t, NULL, r->columns[r->correlated[i]].name);
    tree_end(t);
    tree_begin(t, "matrix", '[');
    for (size_t i = 0; i < r->ncorrelated; i++) {
        tree_begin(t, NULL, '[');
        for (size_t j = 0; j < r->ncorrelated; j++)
            tree_real(t, NULL, r->correlations[i * r->ncorrelated + j]);
        tree_end(t);
    }
    tree_end(t);
    tree_end(t);
}

static void put_head(struct out_tree *t, const struct report *r)
{
    tree_begin(t, "head", '[');
    for (size_t i = 0; i < r->head_rows; i++) {
        tree_begin(t, NULL, '{');
        for (size_t c = 0; c < r->ncolumns; c++)
            tree_str(t, r->columns[c].name, r->head[i * r->ncolumns + c]);
        tree_end(t);
    }
    tree_end(t);
}

static const char *column_name(const struct report *r, int column)
{
    return column >= 0 ? r->columns[column].name : NULL;
}

static void put_warnings(struct out_tree *t, const struct report *r)
{
    tree_begin(t, "warnings", '[');
    for (size_t i = 0; i < r->nwarnings; i++) {
        const struct report_warning *w = &r->warnings[i];
        bool hour = w->rule == RULE_GAP || w->rule == RULE_HOUR_ROWS || w->rule == RULE_HOUR_NULLS;

        tree_begin(t, NULL, '{');
        tree_str(t, "rule", report_rule_text(w->rule));
        tree_bool(t, "strong", w->strong);
        tree_str(t, "column", column_name(r, w->column));
        tree_str(t, "other", column_name(r, w->other));
        put_hour(t, "hour", hour, w->hour);
        tree_real(t, "value", w->value);
        tree_real(t, "limit", w->limit);
        tree_str(t, "message", w->message);
        tree_end(t);
    }
    tree_end(t);
}

static void put_refusals(struct out_tree *t, const struct report *r)
{
    tree_begin(t, "refusals", '[');
    for (size_t i = 0; i < r->nrefusals; i++) {
        tree_begin(t, NULL, '{');
        tree_str(t, "error_name", err_name_text(r->refusals[i].name));
        tree_int(t, "count", r->refusals[i].count);
        tree_str(t, "example", r->refusals[i].example);
        tree_end(t);
    }
    tree_end(t);
}

static void put_run(struct out_tree *t, const struct profile_doc *doc)
{
    const struct report *r = doc->report;

    tree_begin(t, "run", '{');
    tree_str(t, "pipeline", r->pipeline);
    tree_str(t, "env", doc->env);
    tree_str(t, "what", r->what);
    tree_begin(t, "range", '{');
    put_hour(t, "from", r->range.bounded, r->range.from);
    put_hour(t, "to", r->range.bounded, r->range.to);
    tree_end(t);
    tree_end(t);
}

void profile_tree(struct out_tree *t, const void *ctx)
{
    const struct profile_doc *doc = ctx;
    const struct report *r = doc->report;

    put_run(t, doc);
    tree_int(t, "rows", r->rows);
    tree_int(t, "refused", r->refused);
    tree_int(t, "odd_rows", doc->odd_rows);
    tree_int(t, "objects", r->objects);
    tree_int(t, "bytes", r->bytes);
    tree_int(t, "hours_covered", (int64_t)r->nhours);
    tree_int(t, "gaps", r->gaps);
    tree_str(t, "by", column_name(r, r->by));
    tree_begin(t, "classes", '[');
    for (int i = 0; i < r->nclasses; i++) {
        tree_begin(t, NULL, '{');
        tree_str(t, "class", r->classes[i].text);
        tree_bool(t, "null", r->classes[i].null); /* and no text that reads so */
        tree_bool(t, "other", r->classes[i].other);
        tree_int(t, "rows", r->classes[i].rows);
        tree_real(t, "share", share(r->classes[i].rows, r->rows));
        tree_end(t);
    }
    tree_end(t);
    put_warnings(t, r);
    put_refusals(t, r);
    tree_begin(t, "columns", '[');
    for (size_t i = 0; i < r->ncolumns; i++)
        put_column(t, r, &r->columns[i]);
    tree_end(t);
    put_correlations(t, r);
    put_hours(t, r);
    put_head(t, r);
}

void profile_tree_member(struct out_tree *t, const void *doc)
{
    tree_begin(t, "profile", '{');
    profile_tree(t, doc);
    tree_end(t);
}
