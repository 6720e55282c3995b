/*
 * view: see view.h.
 *
 * Invariant: weights add up to the number of values, exact or not, so that ranks are the same for both;
 * means, extremes and counts of zeros are exact in both.
 */
#include "core/profile/view.h"

#include <math.h>
#include <string.h>

#include "core/base/mem.h"

static const double SHARES[Q_COUNT] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
#define FENCE_IQR      1.5
#define SMALLEST_SHARE 1e-12              /* of the maximum: an axis of more decades shows nothing */
#define LARGEST_SHARE  1e-2               /* with fewer decades an even axis does as well */
#define USUAL_SHARE    1e-4               /* where the axis begins if no low quantile says it */
#define WHOLE_MAX      9007199254740992.0 /* 2^53: further integers are not told apart */

enum err_code view_init(struct view *view, struct stats *stats, struct err *err)
{
    *view = (struct view){.stats = stats, .exact = !stats->sketch};
    if (stats->sketch) {
        view->owned = true;
        return kll_items(&stats->sketch->kll, &view->at, &view->n, err);
    }
    _Static_assert(sizeof(struct kll_item) == sizeof(struct table_entry),
                   "entries become items where they lie");
    table_sort(&stats->table, stats->form == STATS_INT ? TABLE_ORDER_INT : TABLE_ORDER_REAL);
    view->at = (struct kll_item *)(void *)stats->table.slots;
    view->n = stats->table.used;
    for (size_t i = 0; i < view->n; i++) {
        struct table_entry entry;
        memcpy(&entry, &view->at[i], sizeof entry);
        view->at[i] = (struct kll_item){stats_real(stats->form, entry.key), entry.count};
    }
    return ERR_OK;
}

void view_release(struct view *view)
{
    if (view->owned)
        mem_free(view->at);
    *view = (struct view){0};
}

/* --- walking ---------------------------------------------------------------------------------------------
 */

struct walk {
    const struct view *const *views;
    int n;
    size_t at[REPORT_CLASSES];
    double value;
    uint64_t weight;                  /* of all */
    uint64_t weights[REPORT_CLASSES]; /* of each view */
};

static struct walk walk_begin(const struct view *const *views, int n)
{
    return (struct walk){.views = views, .n = n};
}

/* The next smallest value; false at the end. */
static bool walk_next(struct walk *w)
{
    bool found = false;
    for (int k = 0; k < w->n; k++)
        if (w->at[k] < w->views[k]->n && (!found || w->views[k]->at[w->at[k]].value < w->value)) {
            w->value = w->views[k]->at[w->at[k]].value;
            found = true;
        }
    w->weight = 0;
    for (int k = 0; k < w->n && found; k++) {
        const struct view *v = w->views[k];
        w->weights[k] = 0;
        for (; w->at[k] < v->n && v->at[w->at[k]].value == w->value; w->at[k]++)
            w->weights[k] += v->at[w->at[k]].weight;
        w->weight += w->weights[k];
    }
    return found;
}

/* --- numbers ---------------------------------------------------------------------------------------------
 */

static struct report_num num(double value, bool approx)
{
    return (struct report_num){
        .known = isfinite(value), .approx = approx, .value = isfinite(value) ? value : 0};
}

/* By linear interpolation between the two values around the rank, as numpy does it. */
static void quantiles(struct walk w, int64_t count, bool approx, struct report_numbers *out)
{
    double low[Q_COUNT], part[Q_COUNT];
    int64_t rank[Q_COUNT], before = 0;
    int nlow = 0, nhigh = 0;
    for (int q = 0; q < Q_COUNT; q++) {
        double at = SHARES[q] * (double)(count - 1);
        rank[q] = (int64_t)at;
        part[q] = at - (double)rank[q];
    }
    while (nhigh < Q_COUNT && walk_next(&w)) {
        before += (int64_t)w.weight;
        for (; nlow < Q_COUNT && rank[nlow] < before; nlow++)
            low[nlow] = w.value;
        for (; nhigh < nlow && (rank[nhigh] + 1 < before || before >= count); nhigh++) {
            double t = part[nhigh], a = low[nhigh], b = w.value, d = b - a;
            double value = t == 0 ? a : t >= 0.5 ? b - d * (1 - t) : a + d * t;
            out->quantile[nhigh] = num(value, approx);
        }
    }
}

/* The moments of exact views: about the mean itself, in two walks. */
static struct moments exact_moments(const struct view *const *views, int n, int64_t count)
{
    struct walk w = walk_begin(views, n);
    long double sum = 0, m2 = 0, m3 = 0, rest = 0;
    double origin = 0;
    for (bool first = true; walk_next(&w); first = false) {
        if (first)
            origin = w.value;
        sum += ((long double)w.value - origin) * (long double)w.weight;
    }
    long double mean = sum / (long double)count;
    for (w = walk_begin(views, n); walk_next(&w);) {
        long double e = (long double)w.value - origin - mean;
        rest += e * (long double)w.weight;
        m2 += e * e * (long double)w.weight;
        m3 += e * e * e * (long double)w.weight;
    }
    m2 = fmaxl(m2 - rest * rest / (long double)count, 0);
    return (struct moments){
        .origin = origin, .n = count, .mean = (double)mean, .m2 = (double)m2, .m3 = (double)m3};
}

static struct report_num exact_sum(const struct view *const *views, int n)
{
    long double sum = 0;
    for (int k = 0; k < n; k++)
        for (size_t i = 0; i < views[k]->n; i++)
            sum += (long double)views[k]->at[i].value * (long double)views[k]->at[i].weight;
    return num((double)sum, false);
}

static void basics(const struct view *const *views, int n, int64_t count, bool exact,
                   struct report_numbers *out)
{
    struct moments m = {0};
    if (exact)
        m = exact_moments(views, n, count);
    for (int k = 0; k < n && !exact; k++) {
        struct moments one = views[k]->exact ? exact_moments(&views[k], 1, views[k]->stats->count)
                                             : views[k]->stats->sketch->moments;
        if (m.n == 0)
            m.origin = one.origin;
        moments_merge(&m, &one);
    }
    out->mean = moments_mean(&m);
    out->std = moments_std(&m);
    out->skew = moments_skew(&m);
    out->sum = exact ? exact_sum(views, n) : moments_sum(&m);
    double low = INFINITY, high = -INFINITY;
    for (int k = 0; k < n; k++) {
        const struct view *v = views[k];
        const struct stats_sketch *s = v->stats->sketch;
        if (v->stats->count == 0)
            continue;
        low = fmin(low, s ? s->low.at[0] : v->at[0].value);
        high = fmax(high, s ? s->high.at[0] : v->at[v->n - 1].value);
        if (s) {
            out->zeros += s->zeros;
            out->negatives += s->negatives;
        }
        for (size_t i = 0; !s && i < v->n && v->at[i].value <= 0; i++)
            *(v->at[i].value < 0 ? &out->negatives : &out->zeros) += (int64_t)v->at[i].weight;
    }
    out->min = num(low, false);
    out->max = num(high, false);
}

struct examples {
    double *at;
    int64_t *counts;
    int *n;
    double sign; /* 1: the largest are far; -1: the smallest */
};

/* Equal values of two views are one example; its count is known where both are. */
static void add_example(const struct examples *e, double value, int64_t count)
{
    int at = *e->n;
    while (at > 0 && (value - e->at[at - 1]) * e->sign > 0)
        at--;
    if (at > 0 && e->at[at - 1] == value) {
        e->counts[at - 1] = count && e->counts[at - 1] ? e->counts[at - 1] + count : 0;
        return;
    }
    if (at == REPORT_EXAMPLES)
        return;
    *e->n += *e->n < REPORT_EXAMPLES;
    size_t behind = (size_t)(*e->n - at - 1);
    memmove(e->at + at + 1, e->at + at, behind * sizeof *e->at);
    memmove(e->counts + at + 1, e->counts + at, behind * sizeof *e->counts);
    e->at[at] = value;
    e->counts[at] = count;
}

static void add_far(const struct examples *e, const struct stats_far *far)
{
    for (int i = 0; i < far->n; i++)
        add_example(e, far->at[i], 0);
}

static bool is_full(const struct examples *e, double value)
{
    return *e->n == REPORT_EXAMPLES && (value - e->at[REPORT_EXAMPLES - 1]) * e->sign < 0;
}

/* The lowest and the highest values. */
static void extremes(const struct view *const *views, int n, struct report_numbers *out)
{
    struct examples lows = {out->example_low, out->example_low_count, &out->nlow, -1};
    struct examples highs = {out->example_high, out->example_high_count, &out->nhigh, 1};
    for (int k = 0; k < n; k++) {
        const struct view *v = views[k];
        const struct stats_sketch *s = v->stats->sketch;
        if (s) {
            add_far(&lows, &s->low);
            add_far(&highs, &s->high);
            continue;
        }
        for (size_t i = 0; i < v->n && !is_full(&lows, v->at[i].value); i++)
            add_example(&lows, v->at[i].value, (int64_t)v->at[i].weight);
        for (size_t i = v->n; i > 0 && !is_full(&highs, v->at[i - 1].value); i--)
            add_example(&highs, v->at[i - 1].value, (int64_t)v->at[i - 1].weight);
    }
}

static void outliers(const struct view *const *views, int n, struct report_numbers *out)
{
    double low = out->fence_low.value, high = out->fence_high.value;
    for (int k = 0; k < n; k++) {
        const struct view *v = views[k];
        size_t first = 0, last = v->n;
        for (; first < v->n && v->at[first].value < low; first++)
            out->outliers_low += (int64_t)v->at[first].weight;
        for (; last > first && v->at[last - 1].value > high; last--)
            out->outliers_high += (int64_t)v->at[last - 1].weight;
    }
    while (out->nexample_low < out->nlow && out->example_low[out->nexample_low] < low)
        out->nexample_low++;
    while (out->nexample_high < out->nhigh && out->example_high[out->nexample_high] > high)
        out->nexample_high++;
}

void view_numbers(const struct view *const *views, int n, struct report_numbers *out)
{
    int64_t count = 0;
    bool exact = true;
    *out = (struct report_numbers){0};
    for (int k = 0; k < n; k++) {
        count += views[k]->stats->count;
        exact = exact && views[k]->exact;
    }
    if (count == 0)
        return;
    basics(views, n, count, exact, out);
    extremes(views, n, out);
    quantiles(walk_begin(views, n), count, !exact, out);
    double q25 = out->quantile[Q25].value, q75 = out->quantile[Q75].value;
    out->fence_low = num(q25 - FENCE_IQR * (q75 - q25), !exact);
    out->fence_high = num(q75 + FENCE_IQR * (q75 - q25), !exact);
    out->outliers_approx = !exact;
    if (out->fence_low.known && out->fence_high.known)
        outliers(views, n, out);
}

/* --- histogram -------------------------------------------------------------------------------------------
 */

/* Where the last hundredth of the values would take more than half of the axis, the axis ends before it. */
static void find_axis(const struct report_numbers *numbers, double *low, double *high)
{
    double min = numbers->min.value, max = numbers->max.value;
    double q01 = numbers->quantile[Q01].value, q99 = numbers->quantile[Q99].value;
    *low = min;
    *high = max;
    if (!(q99 > q01))
        return;
    if (max - q01 > 2 * (q99 - q01))
        *high = q99;
    if (min < 0 && q99 - min > 2 * (q99 - q01))
        *low = q01;
}

/* Where half of the values would share the first of the bins, bins grow by a factor, from here on: the first
 * quantile above 0. 0: they need not, or there are negative values. */
static double find_growth(const struct report_numbers *numbers, double low, double width)
{
    if (low < 0 || !(numbers->quantile[Q50].value - low < width))
        return 0;
    for (int q = 0; q < Q_COUNT; q++) {
        double first = numbers->quantile[q].value, max = numbers->max.value;
        if (!(first > low) || !(first > max * SMALLEST_SHARE) || !(first < max))
            continue;
        first = q < Q50 ? first : fmin(first, max * USUAL_SHARE);
        return first < max * LARGEST_SHARE ? first : 0;
    }
    return 0;
}

/* [low, first), then to the maximum; of integers each bin has one at least. */
static void growing_bins(double low, double first, double max, bool whole, struct report_histogram *out)
{
    double factor = pow(max / first, 1.0 / (REPORT_BINS - 1)), edge = first;
    out->bins[0].low = low;
    out->nbins = 1;
    for (int b = 1; b < REPORT_BINS && edge < max; b++) {
        struct report_bin *last = &out->bins[out->nbins - 1];
        edge = first * pow(factor, b - 1);
        edge = whole ? ceil(edge) : edge;
        if (!(edge > last->low) || !(edge < max))
            continue;
        last->high = edge;
        out->bins[out->nbins++].low = edge;
    }
    out->bins[out->nbins - 1].high = max;
    out->logarithmic = true;
}

void view_histogram(const struct view *const *views, int n, const struct report_numbers *numbers, bool whole,
                    bool split, struct report_histogram *out)
{
    *out = (struct report_histogram){0};
    if (!numbers->min.known || !numbers->max.known || !isfinite(numbers->max.value - numbers->min.value))
        return;
    double low, high, width, most = REPORT_BINS;
    find_axis(numbers, &low, &high);
    out->approx = numbers->outliers_approx;
    out->clipped = low > numbers->min.value || high < numbers->max.value;
    whole = whole && fabs(low) < WHOLE_MAX && fabs(high) < WHOLE_MAX;
    if (whole) { /* bins of so many integers each, low in the first, high in the last */
        low = floor(low);
        high = floor(high) + 1;
        width = ceil((high - low) / most);
        out->nbins = (int)ceil((high - low) / width);
    } else {
        width = (high - low) / most;
        out->nbins = width > 0 ? REPORT_BINS : 1;
    }
    for (int b = 0; b < out->nbins; b++) {
        out->bins[b].low = low + b * width;
        out->bins[b].high = low + (b + 1) * width;
    }
    if (!whole)
        out->bins[out->nbins - 1].high = high;
    double first = whole && width < 2 ? 0 : find_growth(numbers, low, width);
    if (first > 0)
        growing_bins(low, first, numbers->max.value, whole, out);
    if (out->logarithmic)
        out->clipped = low > numbers->min.value;
    struct report_bin *last = &out->bins[out->nbins - 1];
    int b = 0;
    for (struct walk w = walk_begin(views, n); walk_next(&w);) {
        bool beyond = w.value > last->high || (w.value == last->high && whole && !out->logarithmic);
        if (w.value < low || beyond) {
            *(beyond ? &out->above : &out->below) += (int64_t)w.weight;
            continue;
        }
        while (b + 1 < out->nbins && w.value >= out->bins[b + 1].low)
            b++;
        out->bins[b].count += (int64_t)w.weight;
        for (int k = 0; split && k < n; k++)
            out->bins[b].by_class[k] += (int64_t)w.weights[k];
    }
}
