/*
 * page_profile_plot: how the values of a column are spread: histogram, classes and boxes over one axis.
 *
 * Without classes: bars of counts. With classes: the bins of each class as shares of that class, one over the
 * other, so that a rare class is seen; and below them how the classes share each bin. The axis is that of the
 * histogram's bins; where it is clipped, the text below says how many values are outside.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/page_profile_parts.h"

enum { TOP = 14, BARS = 150, SHARES = 22, BOX = 30, TICKS = 22, LINES_MAX = 4 };

struct plot {
    struct profile_view *v;
    const struct report_column *c;
    const struct report_histogram *hist;
    struct svg_axis axis;
    double shift; /* a whole number stands in the middle of its part of the axis */
    int classes;  /* 0: not split */
    int y;        /* what is drawn next */
};

/* Two values at least, on an axis. */
bool page_profile_has_plot(const struct report_column *c)
{
    const struct report_histogram *hist = &c->histogram;

    return (c->kind == REPORT_NUMBER || c->kind == REPORT_TIME) && c->count > 0 && hist->nbins > 0 &&
           c->numbers.min.known && c->numbers.max.known && c->numbers.min.value < c->numbers.max.value &&
           hist->bins[0].low < hist->bins[hist->nbins - 1].high;
}

static bool is_whole(const struct report_column *c)
{
    return c->type.kind <= TYPE_BIGINT;
}

/* "20 to 22.5"; of whole numbers those that are in it, as "20 to 22", "20". */
static void bin_text(const struct plot *p, int i, char out[2 * FIGURE_MAX + 8])
{
    const struct report_bin *b = &p->hist->bins[i];
    double low = b->low, high = b->high;
    char from[FIGURE_MAX], to[FIGURE_MAX];

    if (is_whole(p->c)) {
        low = ceil(low);
        high = i == p->hist->nbins - 1 && p->hist->logarithmic ? floor(high) : ceil(high) - 1;
    }
    if (high <= low)
        snprintf(out, 2 * FIGURE_MAX + 8, "%s", figure_value(p->c, low, from));
    else
        snprintf(out, 2 * FIGURE_MAX + 8, "%s to %s", figure_value(p->c, low, from),
                 figure_value(p->c, high, to));
}

static void bin_tip(const struct plot *p, int i, char tip[PROFILE_TIP_MAX])
{
    const struct report_bin *b = &p->hist->bins[i];
    const struct report *r = p->v->r;
    char range[2 * FIGURE_MAX + 8], count[FIGURE_MAX], part[FIGURE_MAX], name[PROFILE_TEXT_MAX + 4];
    size_t n;

    bin_text(p, i, range);
    snprintf(tip, PROFILE_TIP_MAX, "%s: %s value%s, %s", range, figure_count(b->count, count),
             b->count == 1 ? "" : "s", figure_part(b->count, p->c->count, part));
    for (int k = 0; k < p->classes; k++) {
        n = strlen(tip);
        if (n + 200 > PROFILE_TIP_MAX)
            break;
        snprintf(tip + n, PROFILE_TIP_MAX - n, "; %s: %s",
                 page_profile_cut(page_profile_class_name(r, k), 24, name),
                 figure_count(b->by_class[k], count));
    }
}

/* Where a value is on the axis, 0..1. Bins are equally wide in the picture, also those that grow; inside of
 * one that does, a value's logarithm counts. */
static double at(const struct plot *p, double v)
{
    const struct report_histogram *hist = p->hist;
    struct svg_axis bin;
    int i = 0;

    if (!hist->logarithmic)
        return svg_at(&p->axis, v + p->shift);
    while (i + 1 < hist->nbins && v >= hist->bins[i + 1].low)
        i++;
    bin = (struct svg_axis){hist->bins[i].low, hist->bins[i].high};
    if (bin.low > 0 && v > 0) {
        bin = (struct svg_axis){log(bin.low), log(bin.high)};
        v = log(v);
    }
    return (i + svg_at(&bin, v)) / hist->nbins;
}

static void put_grid(struct plot *p, double most, bool shares)
{
    struct html *h = &p->v->h;
    struct svg_axis up = {0, most};
    double ticks[SVG_TICKS_MAX];
    int n = svg_ticks(&up, 3, ticks);
    char text[FIGURE_MAX];

    for (int i = 0; i < n; i++) {
        if (!shares && ticks[i] != floor(ticks[i]))
            continue;
        int y = p->y + BARS - (int)lround(svg_at(&up, ticks[i]) * BARS);

        svg_line(h, i == 0 ? NULL : "grid", 0, y, 1, y);
        svg_label(h, NULL, 0, y + 4, SVG_BEFORE,
                  shares ? figure_share(ticks[i], text) : figure_number(ticks[i], text));
    }
}

static void put_counts(struct plot *p)
{
    struct html *h = &p->v->h;
    char tip[PROFILE_TIP_MAX];
    double values[REPORT_BINS];
    int64_t most = 1;

    for (int i = 0; i < p->hist->nbins; i++)
        most = p->hist->bins[i].count > most ? p->hist->bins[i].count : most;
    put_grid(p, (double)most, false);
    for (int i = 0; i < p->hist->nbins; i++)
        values[i] = (double)p->hist->bins[i].count / (double)most;
    if (!p->v->detail->tips) {
        svg_stretch_begin(h, p->y, BARS, p->hist->nbins, BARS);
        svg_steps(h, "bar", values, p->hist->nbins, BARS);
        svg_stretch_end(h);
        return;
    }
    svg_stretch_begin(h, p->y, BARS, p->hist->nbins, 100);
    for (int i = 0; i < p->hist->nbins; i++) {
        bin_tip(p, i, tip);
        svg_cell(h, "bar", i + 0.04, 100 - 100 * values[i], 0.92, 100 * values[i], tip);
    }
    svg_stretch_end(h);
}

static int64_t class_count(const struct plot *p, int k)
{
    return p->c->split[k].count;
}

static void put_shares(struct plot *p)
{
    struct html *h = &p->v->h;
    double values[LINES_MAX][REPORT_BINS], most = 0;
    int lines = p->classes < LINES_MAX ? p->classes : LINES_MAX, nbins = p->hist->nbins;
    char class[24], tip[PROFILE_TIP_MAX];

    for (int k = 0; k < lines; k++) {
        for (int i = 0; i < nbins; i++) {
            int64_t all = class_count(p, k);

            values[k][i] = all > 0 ? (double)p->hist->bins[i].by_class[k] / (double)all : 0;
            most = values[k][i] > most ? values[k][i] : most;
        }
    }
    most = most > 0 ? most : 1;
    put_grid(p, most, true);
    svg_stretch_begin(h, p->y, BARS, nbins, BARS);
    for (int k = 0; k < lines; k++) {
        for (int i = 0; i < nbins; i++)
            values[k][i] /= most;
        snprintf(class, sizeof class, "area k%d", k);
        svg_steps(h, class, values[k], nbins, BARS);
    }
    svg_stretch_end(h);
    if (!p->v->detail->tips)
        return;
    svg_stretch_begin(h, p->y, BARS, nbins, 100);
    for (int i = 0; i < nbins; i++) {
        bin_tip(p, i, tip);
        svg_cell(h, "hit", i, 0, 1, 100, tip);
    }
    svg_stretch_end(h);
}

/* Rows of a bin that are of the classes before k; of all for the number of classes. */
static int64_t rows_before(const struct plot *p, int i, int k)
{
    int64_t n = 0;

    while (k-- > 0)
        n += p->hist->bins[i].by_class[k];
    return n;
}

/* For each bin, which part of it each class has; each class is drawn over those before it. */
static void put_class_strip(struct plot *p)
{
    struct html *h = &p->v->h;

    svg_stretch_begin(h, p->y, SHARES, p->hist->nbins, 100);
    for (int k = 0; k < p->classes; k++) {
        html_putf(h, "<path class=\"k%d\" d=\"", k);
        for (int i = 0; i < p->hist->nbins; i++) {
            int64_t all = rows_before(p, i, p->classes), before = rows_before(p, i, k);
            char y[SVG_NUM_MAX];

            if (p->hist->bins[i].by_class[k] > 0)
                html_putf(h, "M%d 100V%sh1V100", i, svg_num(round(100.0 * (double)before / (double)all), y));
        }
        html_put(h, "\"/>\n");
    }
    svg_stretch_end(h);
}

/* ---- boxes ---- */

/* What lies beyond a fence, said at that end; an arrow where the axis ends before it does. */
static void put_beyond(struct plot *p, const struct report_numbers *n, int y, bool high)
{
    int64_t count = high ? n->outliers_high : n->outliers_low;
    char many[FIGURE_MAX], far[FIGURE_MAX], text[3 * FIGURE_MAX];
    double end = high ? n->max.value : n->min.value;
    bool off = !svg_within(&p->axis, end + p->shift);

    if (count <= 0)
        return;
    snprintf(text, sizeof text, "%s%s%s beyond, to %s%s", off && !high ? "\xe2\x86\x90 " : "",
             n->outliers_approx ? "\xe2\x89\x88 " : "", figure_count(count, many),
             figure_value(p->c, end, far), off && high ? " \xe2\x86\x92" : "");
    svg_label(&p->v->h, "over", high ? 1 : 0, y, high ? SVG_END : SVG_START, text);
}

static void put_box(struct plot *p, const char *class, const struct report_numbers *n)
{
    struct html *h = &p->v->h;
    char name[24], tip[5 * FIGURE_MAX], t[5][FIGURE_MAX];
    double low, high;
    int mid = p->y + 20;

    if (!n->quantile[Q25].known || !n->quantile[Q75].known || !n->quantile[Q50].known || !n->min.known)
        return;
    low = n->fence_low.known ? fmax(n->min.value, n->fence_low.value) : n->min.value;
    high = n->fence_high.known ? fmin(n->max.value, n->fence_high.value) : n->max.value;
    snprintf(tip, sizeof tip, "min %s, 25 %% %s, median %s, 75 %% %s, max %s",
             figure_value(p->c, n->min.value, t[0]), figure_value(p->c, n->quantile[Q25].value, t[1]),
             figure_value(p->c, n->quantile[Q50].value, t[2]),
             figure_value(p->c, n->quantile[Q75].value, t[3]), figure_value(p->c, n->max.value, t[4]));
    svg_line(h, NULL, at(p, low), mid, at(p, high), mid);
    if (svg_within(&p->axis, low + p->shift))
        svg_line(h, NULL, at(p, low), mid - 4, at(p, low), mid + 4);
    if (svg_within(&p->axis, high + p->shift))
        svg_line(h, NULL, at(p, high), mid - 4, at(p, high), mid + 4);
    snprintf(name, sizeof name, "box%s%s", class[0] ? " " : "", class);
    svg_bar(h, name, at(p, n->quantile[Q25].value), at(p, n->quantile[Q75].value), mid - 7, 14, tip);
    svg_line(h, "median", at(p, n->quantile[Q50].value), mid - 7, at(p, n->quantile[Q50].value), mid + 7);
    for (int i = 0; i < n->nexample_low && !p->v->detail->lean; i++) {
        if (svg_within(&p->axis, n->example_low[i] + p->shift))
            svg_dot(h, at(p, n->example_low[i]), mid, figure_value(p->c, n->example_low[i], t[0]));
    }
    for (int i = 0; i < n->nexample_high && !p->v->detail->lean; i++) {
        if (svg_within(&p->axis, n->example_high[i] + p->shift))
            svg_dot(h, at(p, n->example_high[i]), mid, figure_value(p->c, n->example_high[i], t[0]));
    }
    put_beyond(p, n, p->y + 9, false);
    put_beyond(p, n, p->y + 9, true);
}

static void put_boxes(struct plot *p)
{
    if (p->classes == 0) {
        put_box(p, "", &p->c->numbers);
        p->y += BOX;
        return;
    }
    for (int k = 0; k < p->classes; k++) {
        char class[16];

        if (class_count(p, k) == 0)
            continue;
        snprintf(class, sizeof class, "k%d", k);
        put_box(p, class, &p->c->split[k].numbers);
        p->y += BOX;
    }
}

static void put_tick(struct plot *p, double v)
{
    struct html *h = &p->v->h;
    char text[FIGURE_MAX];
    double x = at(p, v);

    if (!p->v->detail->lean)
        svg_line(h, NULL, x, p->y + 4, x, p->y + 8);
    svg_label(h, NULL, x, p->y + 19,
              x < 0.04   ? SVG_START
              : x > 0.96 ? SVG_END
                         : SVG_MIDDLE,
              figure_number(v, text));
}

/* Powers of ten, every so many that no more than six are told. */
static void put_decades(struct plot *p)
{
    int from = (int)ceil(log10(p->hist->bins[1].low) - 1e-9), to = (int)floor(log10(p->axis.high) + 1e-9);
    int step = (to - from) / 6 + 1;

    if (p->axis.low == 0)
        put_tick(p, 0);
    for (int e = from; e <= to; e += step)
        put_tick(p, pow(10, e));
}

static void put_axis(struct plot *p)
{
    struct html *h = &p->v->h;
    double ticks[SVG_TICKS_MAX];
    char text[FIGURE_MAX];

    svg_line(h, NULL, 0, p->y + 4, 1, p->y + 4);
    if (p->c->kind == REPORT_TIME) {
        svg_label(h, NULL, 0, p->y + 18, SVG_START, figure_short(p->c, p->axis.low, text));
        svg_label(h, "mid", 0.5, p->y + 18, SVG_MIDDLE,
                  figure_short(p->c, p->axis.low + (p->axis.high - p->axis.low) / 2, text));
        svg_label(h, NULL, 1, p->y + 18, SVG_END, figure_short(p->c, p->axis.high, text));
    } else if (p->hist->logarithmic && p->hist->nbins > 1) {
        put_decades(p);
    } else {
        for (int i = 0, n = svg_ticks(&p->axis, 6, ticks); i < n; i++) {
            if (p->shift == 0 || (ticks[i] == floor(ticks[i]) && svg_within(&p->axis, ticks[i] + p->shift)))
                put_tick(p, ticks[i]);
        }
    }
}

static void put_note(struct plot *p)
{
    const struct report_histogram *hist = p->hist;
    struct html *h = &p->v->h;
    int64_t outside = hist->below + hist->above;
    char text[FIGURE_MAX], part[FIGURE_MAX];

    if (hist->logarithmic)
        html_put(
            h,
            "<p class=\"clip\">The axis is logarithmic: each bin but the first is wider than the one before "
            "by the same factor.</p>\n");
    if (!hist->clipped && outside == 0)
        return;
    html_putf(h, "<p class=\"clip\">The axis %s quantile: ",
              hist->below == 0   ? "ends at the 99 %"
              : hist->above == 0 ? "begins at the 1 %"
                                 : "ends at the 1 % and the 99 %");
    html_put(h, hist->approx ? "&#8776;&#8239;" : "");
    html_text(h, figure_part(outside, p->c->count, part));
    html_putf(h, " of the values, %s, lie outside", figure_count(outside, text));
    html_putf(h, " (%s to ", figure_value(p->c, p->c->numbers.min.value, text));
    html_putf(h, "%s in all).</p>\n", figure_value(p->c, p->c->numbers.max.value, text));
}

void page_profile_plot(struct profile_view *v, const struct report_column *c)
{
    const struct report *r = v->r;
    const struct report_histogram *hist = &c->histogram;
    struct plot p = {.v = v, .c = c, .hist = hist, .y = TOP};
    char title[PROFILE_TEXT_MAX + 32], name[PROFILE_TEXT_MAX + 4], range[2 * FIGURE_MAX + 8],
        count[FIGURE_MAX];
    char desc[PROFILE_TIP_MAX];
    int fullest = 0, boxes = 1;

    p.shift = is_whole(c) && !hist->logarithmic ? 0.5 : 0;
    p.axis = (struct svg_axis){hist->bins[0].low, hist->bins[hist->nbins - 1].high};
    if (r->by >= 0 && c != &r->columns[r->by]) {
        p.classes = r->nclasses;
        boxes = 0;
        for (int k = 0; k < p.classes; k++)
            boxes += c->split[k].count > 0;
    }
    for (int i = 1; i < hist->nbins; i++)
        fullest = hist->bins[i].count > hist->bins[fullest].count ? i : fullest;
    bin_text(&p, fullest, range);
    snprintf(title, sizeof title, "Distribution of %s", page_profile_cut(c->name, PROFILE_NAME_MAX, name));
    snprintf(desc, sizeof desc, "Histogram of %d bins above a box plot%s. Most values, %s, are in %s.",
             hist->nbins, p.classes ? " for each class" : "", figure_count(hist->bins[fullest].count, count),
             range);
    svg_begin(&v->h, "plot margin", TOP + BARS + (p.classes ? SHARES + 6 : 0) + 4 + boxes * BOX + TICKS,
              title, desc);
    if (p.classes) {
        put_shares(&p);
        p.y += BARS + 6;
        put_class_strip(&p);
        p.y += SHARES + 4;
    } else {
        put_counts(&p);
        p.y += BARS + 4;
    }
    put_boxes(&p);
    put_axis(&p);
    svg_end(&v->h);
    put_note(&p);
}
