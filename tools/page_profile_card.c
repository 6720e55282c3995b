/*
 * page_profile_card: one column: how its values are spread, all of its figures, its most frequent values, its
 * classes, and what it goes with.
 *
 * Parts that say nothing for a column are not there: a column without values has one sentence, a text no
 * figures of numbers, a constant no picture.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tools/page_profile_parts.h"

enum { EXAMPLE_TEXT_MAX = 60, VALUE_TEXT_MAX = 80, PARTNERS = 3 };
#define PARTNER_MIN 0.3

/* ---- head ---- */

static void put_tags(struct profile_view *v, size_t column)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    unsigned seen = 0; /* a rule that fired for several hours is one tag */

    for (size_t i = 0; i < r->nwarnings; i++) {
        const struct report_warning *w = &r->warnings[i];

        if ((w->column != (int)column && w->other != (int)column) || seen & 1U << w->rule)
            continue;
        seen |= 1U << w->rule;
        html_putf(h, "<a class=\"tag%s\" href=\"#warnings\">", w->strong ? " strong" : "");
        for (const char *c = report_rule_text(w->rule); *c; c++)
            html_putf(h, "%c", *c == '_' ? ' ' : *c);
        html_put(h, "</a>");
    }
}

static void put_head(struct profile_view *v, size_t column)
{
    const struct report_column *c = &v->r->columns[column];
    struct html *h = &v->h;
    char type[TYPE_TEXT_MAX];

    type_format(&c->type, type);
    html_putf(h, "<header><h3><span class=\"no\">%zu</span> ", column + 1);
    page_profile_data(v, c->name, PROFILE_TEXT_MAX);
    html_putf(h, "</h3><p><code>%s</code>%s%s", type, c->nullable ? "" : " not null",
              (int)column == v->r->by ? " &#183; the classes" : "");
    html_put(h, "</p><p class=\"tags\">");
    put_tags(v, column);
    html_put(h, "</p></header>\n");
}

/* ---- figures ---- */

static void row(struct profile_view *v, const char *name)
{
    html_putf(&v->h, "<tr><th scope=\"row\">%s</th>", name);
}

static void end_row(struct profile_view *v)
{
    html_put(&v->h, "</tr>\n");
}

/* A number that is no value of the column. */
static void put_num(struct profile_view *v, const char *name, const struct report_num *n)
{
    static const struct report_column plain = {.kind = REPORT_NUMBER};

    row(v, name);
    page_profile_num(v, &plain, n);
    end_row(v);
}

static void put_value(struct profile_view *v, const char *name, const struct report_column *c,
                      const struct report_num *n)
{
    row(v, name);
    page_profile_num(v, c, n);
    end_row(v);
}

/* A count and its share. */
static void put_part(struct profile_view *v, const char *name, int64_t n, int64_t all, bool approx)
{
    char count[FIGURE_MAX], part[FIGURE_MAX];

    row(v, name);
    html_putf(&v->h, "<td>%s%s", approx ? "&#8776;&#8239;" : "", figure_count(n, count));
    if (n > 0 && all > 0) {
        html_put(&v->h, " <small>");
        html_text(&v->h, figure_part(n, all, part));
        html_put(&v->h, "</small>");
    }
    html_put(&v->h, "</td>");
    end_row(v);
}

static void begin_figures(struct profile_view *v, const char *caption)
{
    html_putf(&v->h, "<table class=\"figures\"><caption class=\"vh\">%s</caption><tbody>\n", caption);
}

static void end_figures(struct profile_view *v)
{
    html_put(&v->h, "</tbody></table>\n");
}

static void put_counts(struct profile_view *v, const struct report_column *c)
{
    put_part(v, "values", c->count, 0, false);
    put_part(v, "missing", c->nulls, v->r->rows, false);
    put_part(v, "distinct", c->distinct, c->count, c->distinct_approx);
}

/* The furthest values at one end: those beyond the fence, or else, where the frequent values do not tell them
 * all, the last ones. */
static void put_far(struct profile_view *v, const struct report_column *c, bool high)
{
    const struct report_numbers *n = &c->numbers;
    const double *values = high ? n->example_high : n->example_low;
    const int64_t *counts = high ? n->example_high_count : n->example_low_count;
    int beyond = high ? n->nexample_high : n->nexample_low, many = high ? n->nhigh : n->nlow;
    char text[FIGURE_MAX];

    if (beyond > 0)
        html_putf(&v->h, "<p class=\"examples\">Furthest %s the fence: ", high ? "above" : "below");
    else if (many > 0 && c->distinct > v->detail->top && !v->detail->lean)
        html_putf(&v->h, "<p class=\"examples\">%s values: ", high ? "Highest" : "Lowest");
    else
        return;
    for (int i = 0; i < (beyond > 0 ? beyond : many); i++) {
        html_putf(&v->h, "%s%s", i ? ", " : "", figure_value(c, values[i], text));
        if (counts[i] > 1)
            html_putf(&v->h, " (%s times)", figure_count(counts[i], text));
    }
    html_put(&v->h, "</p>\n");
}

static void put_span(struct profile_view *v, const char *name, const struct report_column *c,
                     const struct report_num *n)
{
    char text[FIGURE_MAX];

    row(v, name);
    if (n->known)
        html_putf(&v->h, "<td>%s%s</td>", n->approx ? "&#8776;&#8239;" : "", figure_span(c, n->value, text));
    else
        page_profile_num(v, c, n);
    end_row(v);
}

static void put_figures(struct profile_view *v, const struct report_column *c)
{
    static const char *const names[Q_COUNT] = {"1 %", "5 %", "25 %", "median", "75 %", "95 %", "99 %"};
    const struct report_numbers *n = &c->numbers;

    html_put(&v->h, "<div class=\"both\">\n");
    begin_figures(v, "Counts and moments");
    put_counts(v, c);
    put_value(v, "mean", c, &n->mean);
    put_span(v, "std", c, &n->std);
    put_num(v, "skew", &n->skew);
    if (c->kind != REPORT_TIME) {
        put_num(v, "sum", &n->sum);
        put_part(v, "zeros", n->zeros, c->count, false);
        put_part(v, "negative", n->negatives, c->count, false);
    }
    end_figures(v);
    begin_figures(v, "Quantiles and outliers");
    put_value(v, "min", c, &n->min);
    for (int q = 0; q < Q_COUNT; q++)
        put_value(v, names[q], c, &n->quantile[q]);
    put_value(v, "max", c, &n->max);
    if (c->kind != REPORT_BOOLEAN && n->fence_low.known && n->fence_high.known) {
        put_value(v, "low fence", c, &n->fence_low);
        put_part(v, "below it", n->outliers_low, c->count, n->outliers_approx);
        put_value(v, "high fence", c, &n->fence_high);
        put_part(v, "above it", n->outliers_high, c->count, n->outliers_approx);
    }
    end_figures(v);
    html_put(&v->h, "</div>\n");
    if (c->kind == REPORT_BOOLEAN)
        return;
    put_far(v, c, false);
    put_far(v, c, true);
}

static void put_text_figures(struct profile_view *v, const struct report_column *c)
{
    char text[FIGURE_MAX];

    begin_figures(v, "Counts and lengths");
    put_counts(v, c);
    put_part(v, "empty", c->empty, c->count, false);
    if (c->count > 0) {
        put_part(v, "shortest", c->length_min, 0, false);
        row(v, "mean length");
        page_profile_td(v, figure_number(c->length_mean, text));
        end_row(v);
        put_part(v, "longest", c->length_max, 0, false);
    }
    end_figures(v);
    html_put(&v->h, "<p class=\"examples\">Lengths are characters.</p>\n");
}

/* ---- top values ---- */

static void put_top_bar(struct profile_view *v, const struct report_column *c,
                        const struct report_value *value)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    int64_t told = 0; /* of its rows, by the classes */
    double whole = (double)value->count / (double)(c->top[0].count > 0 ? c->top[0].count : 1), x = 0;
    char class[16], w[SVG_NUM_MAX], from[SVG_NUM_MAX];

    html_put(h, "<td class=\"wide\"><svg class=\"bars\" aria-hidden=\"true\" width=\"100%\" height=\"12\">");
    for (int k = 0; k < r->nclasses; k++)
        told += value->by_class[k];
    if (told > 0 && c != &r->columns[r->by]) {
        for (int k = 0; k < r->nclasses; k++) {
            double part = whole * (double)value->by_class[k] / (double)told;

            snprintf(class, sizeof class, "k%d", k);
            if (part > 0)
                html_putf(h, "<rect class=\"%s\" x=\"%s%%\" width=\"%s%%\" height=\"12\"/>", class,
                          svg_num(x * 100, from), svg_num(part * 100, w));
            x += part;
        }
    } else {
        int k = r->by >= 0 && c == &r->columns[r->by] ? (int)(value - c->top) : -1;

        snprintf(class, sizeof class, k >= 0 && k < r->nclasses ? "k%d" : "bar", k);
        html_putf(h, "<rect class=\"%s\" width=\"%s%%\" height=\"12\"/>", class, svg_num(whole * 100, w));
    }
    html_put(h, "</svg></td>");
}

static void put_top(struct profile_view *v, const struct report_column *c)
{
    struct html *h = &v->h;
    int n = c->ntop < v->detail->top ? c->ntop : v->detail->top;
    int64_t told = 0;
    char text[FIGURE_MAX], part[FIGURE_MAX];

    if (n == 0)
        return;
    if (c->top[0].count <= 1 && c->count > 1) {
        html_put(h, "<p class=\"examples\">No value is there twice.</p>\n");
        return;
    }
    html_put(h,
             "<table class=\"top\"><caption class=\"vh\">Most frequent values</caption><thead><tr>"
             "<th scope=\"col\">value</th><th scope=\"col\" class=\"wide\"><span class=\"vh\">bar</span></th>"
             "<th scope=\"col\" class=\"r\">count</th><th scope=\"col\" class=\"r\">share</th></tr></thead>\n"
             "<tbody>\n");
    for (int i = 0; i < n; i++) {
        html_putf(h, "<tr><th scope=\"row\"%s>", c->kind == REPORT_TEXT ? "" : " class=\"one\"");
        page_profile_data(v, c->top[i].text ? c->top[i].text : "", VALUE_TEXT_MAX);
        html_put(h, "</th>");
        put_top_bar(v, c, &c->top[i]);
        html_putf(h, "<td class=\"r\">%s%s</td>", c->top_approx ? "&#8805;&#8239;" : "",
                  figure_count(c->top[i].count, text));
        page_profile_td(v, figure_part(c->top[i].count, c->count, part));
        html_put(h, "</tr>\n");
        told += c->top[i].count;
    }
    if (told < c->count && !c->top_approx) {
        html_put(h, "<tr class=\"rest\"><th scope=\"row\">others</th><td></td>");
        page_profile_td_count(v, c->count - told);
        page_profile_td(v, figure_part(c->count - told, c->count, part));
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody></table>\n");
    if (c->top_approx)
        html_put(h, "<p class=\"examples\">&#8805;: at least; there are too many different values to count "
                    "each.</p>\n");
}

/* ---- classes, partners ---- */

static void put_split(struct profile_view *v, const struct report_column *c)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    bool numbers = c->kind != REPORT_TEXT;
    char text[FIGURE_MAX];

    if (r->by < 0 || c == &r->columns[r->by] || !r->nclasses)
        return;
    page_profile_table(v, numbers ? "list split" : "list split narrow", "By class");
    html_put(h, "<thead><tr><th scope=\"col\">class</th><th scope=\"col\" class=\"r\">values</th>"
                "<th scope=\"col\" class=\"r\">missing</th>");
    if (numbers)
        html_put(h, "<th scope=\"col\" class=\"r\">mean</th><th scope=\"col\" class=\"r\">std</th>"
                    "<th scope=\"col\" class=\"r\">25 %</th><th scope=\"col\" class=\"r\">median</th>"
                    "<th scope=\"col\" class=\"r\">75 %</th><th scope=\"col\" class=\"r\">max</th>");
    html_put(h, "</tr></thead>\n<tbody>\n");
    for (int k = 0; k < r->nclasses; k++) {
        const struct report_split *s = &c->split[k];
        const struct report_numbers *n = &s->numbers;

        html_putf(h, "<tr><th scope=\"row\"><span class=\"key k%d\"></span>", k);
        page_profile_data(v, page_profile_class_name(r, k), EXAMPLE_TEXT_MAX);
        html_put(h, "</th>");
        page_profile_td_count(v, s->count);
        page_profile_td(v, figure_part(s->nulls, s->count + s->nulls, text));
        if (numbers) {
            page_profile_num(v, c, &n->mean);
            if (n->std.known)
                page_profile_td(v, figure_span(c, n->std.value, text));
            else
                page_profile_num(v, c, &n->std);
            page_profile_num(v, c, &n->quantile[Q25]);
            page_profile_num(v, c, &n->quantile[Q50]);
            page_profile_num(v, c, &n->quantile[Q75]);
            page_profile_num(v, c, &n->max);
        }
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
}

/* The columns that it is most correlated with. */
static void put_partners(struct profile_view *v, size_t column)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    size_t self = r->ncorrelated, last = 0;
    double under = INFINITY;
    int told = 0;

    for (size_t i = 0; i < r->ncorrelated; i++)
        self = r->correlated[i] == column ? i : self;
    if (self == r->ncorrelated)
        return;
    while (told < PARTNERS) {
        size_t best = r->ncorrelated;
        double best_r = 0;
        char text[FIGURE_MAX];

        for (size_t j = 0; j < r->ncorrelated; j++) {
            double a = fabs(r->correlations[self * r->ncorrelated + j]);
            bool after = a < under || (a == under && j > last);

            if (j != self && a >= PARTNER_MIN && after && a > best_r) {
                best = j;
                best_r = a;
            }
        }
        if (best == r->ncorrelated)
            break;
        html_put(h, told ? ", " : "<p class=\"examples\">Goes with ");
        page_profile_link(v, r->correlated[best]);
        snprintf(text, sizeof text, "%s", r->correlations[self * r->ncorrelated + best] < 0 ? "&#8722;" : "");
        html_putf(h, " (r = %s", text);
        html_putf(h, "%s)", figure_number(round(best_r * 1000) / 1000, text));
        under = best_r;
        last = best;
        told++;
    }
    html_put(h, told ? ".</p>\n" : "");
}

/* ---- card ---- */

static void put_body(struct profile_view *v, size_t column)
{
    const struct report_column *c = &v->r->columns[column];
    struct html *h = &v->h;
    bool plot = page_profile_has_plot(c);

    html_put(h, plot ? "<div class=\"body\">\n<div class=\"picture\">\n" : "<div class=\"body flat\">\n");
    if (plot) {
        page_profile_legend(v);
        page_profile_plot(v, c);
        html_put(h, "</div>\n");
    }
    html_put(h, "<div class=\"numbers\">\n");
    if (c->kind == REPORT_TEXT)
        put_text_figures(v, c);
    else
        put_figures(v, c);
    html_put(h, "</div>\n<div class=\"values\">\n");
    put_top(v, c);
    if (c->kind == REPORT_NUMBER && c->distinct == 1)
        html_put(h, "<p class=\"examples\">One value alone: there is nothing to draw.</p>\n");
    html_put(h, "</div>\n</div>\n<div class=\"below\">\n");
    put_split(v, c);
    put_partners(v, column);
    html_put(h, "</div>\n");
}

void page_profile_card(struct profile_view *v, size_t column)
{
    const struct report_column *c = &v->r->columns[column];
    struct html *h = &v->h;
    char text[FIGURE_MAX];

    html_putf(h, "<article class=\"card\" id=\"c%zu\">\n", column + 1);
    put_head(v, column);
    if (c->count == 0) {
        if (v->r->rows == 0)
            html_put(h, "<p class=\"soft\">There are no rows.</p>\n");
        else
            html_putf(h, "<p class=\"soft\">There is no value: %s %s NULL.</p>\n",
                      figure_count(v->r->rows, text), v->r->rows == 1 ? "row is" : "rows are all");
    } else {
        put_body(v, column);
    }
    html_put(h, "</article>\n");
}
