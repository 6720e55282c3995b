/*
 * page_profile_columns: what sets columns beside each other: the table of all of them, their correlations,
 * the first rows.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tools/page_profile_parts.h"

enum { SPARK_HEIGHT = 20, HEAD_TEXT_MAX = 60, PAIRS = 8 };
#define PAIR_MIN 0.3 /* weaker ones are not told in words */

/* ---- all columns ---- */

static void put_spark(struct profile_view *v, const struct report_column *c)
{
    const struct report_histogram *hist = &c->histogram;
    double values[REPORT_BINS];
    int64_t most = 1;

    if (hist->nbins < 2 || !page_profile_has_plot(c))
        return;
    for (int i = 0; i < hist->nbins; i++)
        most = hist->bins[i].count > most ? hist->bins[i].count : most;
    for (int i = 0; i < hist->nbins; i++)
        values[i] = (double)hist->bins[i].count / (double)most;
    html_putf(&v->h,
              "<svg class=\"spark\" role=\"img\" width=\"96\" height=\"%d\" viewBox=\"0 0 %d %d\" "
              "preserveAspectRatio=\"none\"><title>How its values are spread</title>",
              SPARK_HEIGHT, hist->nbins, SPARK_HEIGHT);
    svg_steps(&v->h, "bar", values, hist->nbins, SPARK_HEIGHT);
    html_put(&v->h, "</svg>");
}

static void put_short(struct profile_view *v, const struct report_column *c, const struct report_num *n,
                      char *(*write)(const struct report_column *, double, char[FIGURE_MAX]))
{
    char text[FIGURE_MAX];

    if (n->known)
        html_putf(&v->h, "<td>%s%s</td>", n->approx ? "&#8776;&#8239;" : "", write(c, n->value, text));
    else
        page_profile_num(v, c, n);
}

static void put_row(struct profile_view *v, size_t i)
{
    const struct report_column *c = &v->r->columns[i];
    const struct report_numbers *n = &c->numbers;
    struct html *h = &v->h;
    char type[TYPE_TEXT_MAX], text[FIGURE_MAX];
    double missing = v->r->rows ? (double)c->nulls / (double)v->r->rows : 0;

    html_put(h, "<tr><th scope=\"row\">");
    page_profile_link(v, i);
    type_format(&c->type, type);
    html_putf(h, "</th><td class=\"words\"><code>%s</code></td>", type);
    html_put(h, missing > 0.2 ? "<td class=\"much\">" : missing > 0.05 ? "<td class=\"some\">" : "<td>");
    html_text(h, figure_share(missing, text));
    html_putf(h, "</td><td>%s%s</td>", c->distinct_approx ? "&#8776;&#8239;" : "",
              figure_count(c->distinct, text));
    if (c->kind == REPORT_TEXT) {
        html_put(h, "<td colspan=\"7\" class=\"words\">");
        if (c->ntop) {
            html_put(h, "most frequent: ");
            page_profile_data(v, c->top[0].text, 40);
        }
        html_put(h, "</td>");
    } else {
        put_short(v, c, &n->mean, figure_short);
        put_short(v, c, &n->std, c->kind == REPORT_TIME ? figure_span : figure_short);
        put_short(v, c, &n->min, figure_short);
        put_short(v, c, &n->quantile[Q25], figure_short);
        put_short(v, c, &n->quantile[Q50], figure_short);
        put_short(v, c, &n->quantile[Q75], figure_short);
        put_short(v, c, &n->max, figure_short);
    }
    html_put(h, "<td>");
    put_spark(v, c);
    html_put(h, "</td></tr>\n");
}

void page_profile_columns(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    size_t n = r->ncolumns < v->detail->columns ? r->ncolumns : v->detail->columns;

    page_profile_section(v, "columns", "Columns");
    page_profile_table(v, "list all", "All columns with their main figures");
    html_put(h,
             "<thead><tr><th scope=\"col\">column</th><th scope=\"col\">type</th>"
             "<th scope=\"col\" class=\"r\">missing</th><th scope=\"col\" class=\"r\">distinct</th>"
             "<th scope=\"col\" class=\"r\">mean</th><th scope=\"col\" class=\"r\">std</th>"
             "<th scope=\"col\" class=\"r\">min</th><th scope=\"col\" class=\"r\">25 %</th>"
             "<th scope=\"col\" class=\"r\">median</th><th scope=\"col\" class=\"r\">75 %</th>"
             "<th scope=\"col\" class=\"r\">max</th><th scope=\"col\">spread</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < n; i++)
        put_row(v, i);
    html_put(h, "</tbody>");
    page_profile_table_end(v);
    if (n < r->ncolumns)
        html_putf(h,
                  "<p class=\"note\">The first %zu of %zu columns are shown; <code>--json</code> has "
                  "all.</p>\n",
                  n, r->ncolumns);
    page_profile_section_end(v);
}

/* ---- correlations ---- */

static double r_of(const struct report *r, size_t i, size_t j)
{
    return r->correlations[i * r->ncorrelated + j];
}

/* The strongest |r| of one column with another. */
static double strongest(const struct report *r, size_t i)
{
    double most = 0;

    for (size_t j = 0; j < r->ncorrelated; j++) {
        if (j != i && fabs(r_of(r, i, j)) > most)
            most = fabs(r_of(r, i, j));
    }
    return most;
}

/* Chooses at most `most` columns, those with the strongest correlations, in their order; how many. */
static size_t choose(const struct report *r, size_t most, bool *chosen)
{
    size_t n = 0;

    if (r->ncorrelated <= most) {
        for (size_t i = 0; i < r->ncorrelated; i++)
            chosen[i] = true;
        return r->ncorrelated;
    }
    while (n < most) {
        size_t best = r->ncorrelated;
        double best_r = -1;

        for (size_t i = 0; i < r->ncorrelated; i++) {
            double s = chosen[i] ? -1 : strongest(r, i);

            if (s > best_r) {
                best = i;
                best_r = s;
            }
        }
        chosen[best] = true;
        n++;
    }
    return n;
}

/* "0.98", "-0.31"; three digits where two would say 1 and it is not. */
static const char *r_text(double v, char out[FIGURE_MAX])
{
    bool near = fabs(v) >= 0.995 && fabs(v) < 1;
    int unit = near ? 1000 : 100, n = (int)lround(fabs(v) * unit);

    if (near && n == unit)
        n--;
    snprintf(out, FIGURE_MAX, "%s%d.%0*d", v < 0 && n ? "&#8722;" : "", n / unit, near ? 3 : 2, n % unit);
    return out;
}

static void put_r(struct profile_view *v, size_t i, size_t j, double value)
{
    struct html *h = &v->h;
    char text[FIGURE_MAX];
    int level = (int)lround(fabs(value) * 8);

    if (i == j) {
        html_put(h, "<td class=\"same\">&#183;</td>");
        return;
    }
    if (isnan(value)) {
        html_put(h, "<td class=\"r soft\">&#8211;</td>");
        return;
    }
    html_putf(h, "<td class=\"r %c%d\"", value < 0 ? 'm' : 'p', level > 8 ? 8 : level);
    if (v->detail->tips) {
        char a[PROFILE_TEXT_MAX + 4], b[PROFILE_TEXT_MAX + 4];

        html_put(h, " title=\"");
        html_text(h, page_profile_cut(v->r->columns[v->r->correlated[i]].name, PROFILE_NAME_MAX, a));
        html_put(h, " / ");
        html_text(h, page_profile_cut(v->r->columns[v->r->correlated[j]].name, PROFILE_NAME_MAX, b));
        html_put(h, "\"");
    }
    html_putf(h, ">%s</td>", r_text(value, text));
}

static void put_matrix(struct profile_view *v, const bool *chosen)
{
    const struct report *r = v->r;
    struct html *h = &v->h;

    page_profile_table(v, "matrix", "Correlation of each two columns");
    html_put(h, "<thead><tr><th scope=\"col\">column</th>");
    for (size_t j = 0; j < r->ncorrelated; j++) {
        char name[PROFILE_TEXT_MAX + 4];

        if (!chosen[j])
            continue;
        html_put(h, "<th scope=\"col\"><abbr title=\"");
        html_text(h, page_profile_cut(r->columns[r->correlated[j]].name, PROFILE_NAME_MAX, name));
        html_putf(h, "\">%zu</abbr></th>", r->correlated[j] + 1);
    }
    html_put(h, "</tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < r->ncorrelated; i++) {
        if (!chosen[i])
            continue;
        html_putf(h, "<tr><th scope=\"row\"><span class=\"no\">%zu</span> ", r->correlated[i] + 1);
        page_profile_link(v, r->correlated[i]);
        html_put(h, "</th>");
        for (size_t j = 0; j < r->ncorrelated; j++) {
            if (chosen[j])
                put_r(v, i, j, r_of(r, i, j));
        }
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
}

/* The strongest pairs in words, the strongest first. */
static void put_pairs(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    double under = INFINITY;
    size_t told = 0, under_i = 0, under_j = 0;
    char text[FIGURE_MAX];

    while (told < PAIRS) {
        double best = 0;
        size_t best_i = 0, best_j = 0;

        for (size_t i = 0; i < r->ncorrelated; i++) {
            for (size_t j = i + 1; j < r->ncorrelated; j++) {
                double a = fabs(r_of(r, i, j));
                bool after = a < under || (a == under && (i > under_i || (i == under_i && j > under_j)));

                if (a >= PAIR_MIN && after && a > best) {
                    best = a;
                    best_i = i;
                    best_j = j;
                }
            }
        }
        if (best == 0)
            break;
        html_put(h, told ? "" : "<ul class=\"pairs\">\n");
        html_putf(h, "<li><b>%s</b> ", r_text(r_of(r, best_i, best_j), text));
        page_profile_link(v, r->correlated[best_i]);
        html_put(h, " &#8596; ");
        page_profile_link(v, r->correlated[best_j]);
        html_put(h, "</li>\n");
        under = best;
        under_i = best_i;
        under_j = best_j;
        told++;
    }
    html_put(h, told ? "</ul>\n" : "<p class=\"soft\">No two columns have |r| of 0.3 or more.</p>\n");
}

void page_profile_correlations(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    bool *chosen;
    size_t n;

    if (r->ncorrelated < 2)
        return;
    chosen = mem_calloc(r->ncorrelated, sizeof *chosen);
    if (!chosen) {
        err_nomem(h->err);
        return;
    }
    n = choose(r, v->detail->correlated, chosen);
    page_profile_section(v, "correlations", "Correlations");
    html_put(h,
             "<p class=\"soft\">Pearson's r of rows where both columns have a value. It sees straight lines "
             "only, and single far values weigh much.</p>\n");
    put_pairs(v);
    put_matrix(v, chosen);
    if (n < r->ncorrelated)
        html_putf(h,
                  "<p class=\"note\">The %zu of %zu columns with the strongest correlations are shown; "
                  "<code>--json</code> has all.</p>\n",
                  n, r->ncorrelated);
    page_profile_section_end(v);
    mem_free(chosen);
}

/* ---- first rows ---- */

void page_profile_head(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    size_t n = r->ncolumns < v->detail->head ? r->ncolumns : v->detail->head;

    if (r->head_rows == 0)
        return;
    page_profile_section(v, "head", "First rows");
    page_profile_table(v, "list head", "The first rows as they were read");
    html_put(h, "<thead><tr><th scope=\"col\" class=\"r\">row</th>");
    for (size_t c = 0; c < n; c++) {
        html_putf(h, "<th scope=\"col\"%s>", r->columns[c].kind == REPORT_TEXT ? "" : " class=\"r\"");
        page_profile_data(v, r->columns[c].name, PROFILE_NAME_MAX);
        html_put(h, "</th>");
    }
    html_put(h, "</tr></thead>\n<tbody>\n");
    for (size_t row = 0; row < r->head_rows; row++) {
        html_putf(h, "<tr><th scope=\"row\" class=\"r\">%zu</th>", row + 1);
        for (size_t c = 0; c < n; c++) {
            html_put(h, r->columns[c].kind == REPORT_TEXT ? "<td>" : "<td class=\"r\">");
            page_profile_data(v, r->head[row * r->ncolumns + c], HEAD_TEXT_MAX);
            html_put(h, "</td>");
        }
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
    if (n < r->ncolumns)
        html_putf(h, "<p class=\"note\">The first %zu of %zu columns are shown.</p>\n", n, r->ncolumns);
    page_profile_section_end(v);
}
