/*
 * page_profile_hours: rows of each hour as bars, with the hours that have no object marked as gaps, and the
 * share of NULLs of each column by hour as strips.
 *
 * A timeline is cut into BINS_MAX bins at most, each of `step` hours: 1, a day, a week, or more; what a bar
 * stands for is said above it. Bins begin at the first hour (of its day, where a bin is a day or more).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "tools/page_profile_parts.h"

enum { BINS_MAX = 200, PLOT_HEIGHT = 120, SHADES = 12, GAPS_TOLD = 8, TABLE_BINS = 200 };

struct bin {
    int64_t hours, rows, refused, objects; /* hours that have an object */
    int64_t covers;                        /* hours between the first and the last one in it */
    int64_t *nulls;                        /* of each column, in the strips' memory */
};

struct timeline {
    hour_t first, last, start; /* start: of the first bin */
    int64_t step;
    int n;
    struct bin bins[BINS_MAX];
    int64_t most; /* rows of a bin */
    int64_t *nulls;
};

static int64_t step_for(hour_t first, hour_t last)
{
    static const int64_t steps[] = {1, 24, 7 * 24, 28 * 24};
    int64_t span = last - first + 1, step = 364 * 24;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (span / steps[i] + 2 <= BINS_MAX || (i == 0 && span <= BINS_MAX))
            return steps[i];
    }
    while (span / step + 2 > BINS_MAX)
        step *= 2;
    return step;
}

static int bin_of(const struct timeline *t, hour_t hour)
{
    return (int)((hour - t->start) / t->step);
}

static enum err_code timeline_init(struct timeline *t, const struct report *r, struct err *err)
{
    memset(t, 0, sizeof *t);
    t->first = r->hours[0].hour;
    t->last = r->hours[r->nhours - 1].hour;
    t->step = step_for(t->first, t->last);
    t->start = t->step == 1 ? t->first : t->first - ((t->first - HOUR_MIN) % 24);
    t->n = bin_of(t, t->last) + 1;
    t->nulls = mem_calloc((size_t)t->n * r->ncolumns + 1, sizeof *t->nulls);
    if (!t->nulls)
        return err_nomem(err);
    for (int i = 0; i < t->n; i++) {
        hour_t from = t->start + i * t->step, to = from + t->step;

        t->bins[i].covers = (to > t->last ? t->last + 1 : to) - (from < t->first ? t->first : from);
        t->bins[i].nulls = t->nulls + (size_t)i * r->ncolumns;
    }
    for (size_t i = 0; i < r->nhours; i++) {
        const struct report_hour *hour = &r->hours[i];
        struct bin *b = &t->bins[bin_of(t, hour->hour)];

        b->hours++;
        b->rows += hour->rows;
        b->refused += hour->refused;
        b->objects += hour->objects;
        if (b->rows > t->most)
            t->most = b->rows;
        for (size_t c = 0; c < r->ncolumns && hour->nulls; c++)
            b->nulls[c] += hour->nulls[c];
    }
    return ERR_OK;
}

static const char *step_text(int64_t step, char out[FIGURE_MAX])
{
    if (step == 1)
        return "hour";
    if (step == 24)
        return "day";
    if (step == 7 * 24)
        return "week";
    snprintf(out, FIGURE_MAX, "%lld days", (long long)(step / 24));
    return out;
}

static const char *bin_text(const struct timeline *t, int i, char out[HOUR_TEXT_MAX])
{
    hour_format(t->start + i * t->step, out);
    if (t->step > 1)
        out[10] = '\0';
    return out;
}

/* ---- rows ---- */

static void put_tip(const struct profile_view *v, const struct timeline *t, int i, char tip[PROFILE_TIP_MAX])
{
    const struct bin *b = &t->bins[i];
    char at[HOUR_TEXT_MAX], rows[FIGURE_MAX], objects[FIGURE_MAX], refused[FIGURE_MAX];
    int n = snprintf(tip, PROFILE_TIP_MAX, "%s: ", bin_text(t, i, at));

    if (b->hours == 0) {
        snprintf(tip + n, PROFILE_TIP_MAX - (size_t)n, "no object");
        return;
    }
    n += snprintf(tip + n, PROFILE_TIP_MAX - (size_t)n, "%s row%s, %s object%s", figure_count(b->rows, rows),
                  b->rows == 1 ? "" : "s", figure_count(b->objects, objects), b->objects == 1 ? "" : "s");
    if (!v->r->of_target)
        n += snprintf(tip + n, PROFILE_TIP_MAX - (size_t)n, ", %s refused",
                      figure_count(b->refused, refused));
    if (b->hours < b->covers)
        snprintf(tip + n, PROFILE_TIP_MAX - (size_t)n, ", %lld of %lld hours without an object",
                 (long long)(b->covers - b->hours), (long long)b->covers);
}

static void put_time_axis(struct html *h, const struct timeline *t, int y)
{
    int parts = t->n >= 8 ? 4 : t->n > 1 ? 1 : 0;
    char at[HOUR_TEXT_MAX];

    for (int k = 0; k <= parts; k++) {
        int bin = parts ? (int)((int64_t)(t->n - 1) * k / parts) : 0;
        const char *text = bin_text(t, bin, at);
        double middle = ((double)bin + 0.5) / t->n;
        bool wide = t->n < 4; /* a bar has room for its label, on a telephone too */
        bool end = k == 0 || k == parts, first = !wide && k == 0, last = !wide && k == parts;

        /* At the ends a label begins or ends with its bar. Days are said once, there. */
        svg_label(h, end ? NULL : "mid",
                  first  ? 0
                  : last ? 1
                         : middle,
                  y,
                  first  ? SVG_START
                  : last ? SVG_END
                         : SVG_MIDDLE,
                  t->step == 1 && !end ? text + 5 : text);
    }
}

static void put_bars(struct profile_view *v, const struct timeline *t)
{
    struct html *h = &v->h;
    char tip[PROFILE_TIP_MAX], text[FIGURE_MAX];
    struct svg_axis rows = {0, t->most > 0 ? (double)t->most : 1};
    double ticks[SVG_TICKS_MAX];
    int nticks = svg_ticks(&rows, 4, ticks);

    svg_begin(h, "plot margin", PLOT_HEIGHT + 32, "Rows by hour",
              "Bars of rows over time; gaps are marked below them. The same as a table follows.");
    for (int i = 0; i < nticks; i++) {
        if (ticks[i] != floor(ticks[i]))
            continue; /* there are no parts of rows */
        int y = PLOT_HEIGHT - (int)lround(svg_at(&rows, ticks[i]) * (PLOT_HEIGHT - 12));

        svg_line(h, i ? "grid" : NULL, 0, y, 1, y);
        svg_label(h, NULL, 0, y + 4, SVG_BEFORE, figure_number(ticks[i], text));
    }
    svg_stretch_begin(h, 12, PLOT_HEIGHT - 12, t->n, 100);
    for (int i = 0; i < t->n; i++) {
        const struct bin *b = &t->bins[i];
        double height = 100 * svg_at(&rows, (double)b->rows);

        put_tip(v, t, i, tip);
        if (b->hours == 0)
            svg_cell(h, "gap", i, 0, 1, 100, tip);
        else
            svg_cell(h, "bar", i + 0.06, 100 - height, 0.88, height, tip);
    }
    svg_stretch_end(h);
    svg_stretch_begin(h, PLOT_HEIGHT + 3, 6, t->n, 1);
    for (int i = 0; i < t->n; i++) {
        if (t->bins[i].hours < t->bins[i].covers)
            svg_cell(h, "hole", i + 0.06, 0, 0.88, 1, NULL);
    }
    svg_stretch_end(h);
    put_time_axis(h, t, PLOT_HEIGHT + 26);
    svg_end(h);
}

/* Ranges of hours that have no object, in words. */
static void put_gaps(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    char from[HOUR_TEXT_MAX], to[HOUR_TEXT_MAX], text[FIGURE_MAX];
    int told = 0;
    int64_t left = r->gaps;

    if (r->gaps == 0)
        return;
    html_putf(h, "<p class=\"note\"><span class=\"key hole\"></span>%s %s no object: ",
              figure_count(r->gaps, text), r->gaps == 1 ? "hour has" : "hours have");
    for (size_t i = 1; i < r->nhours && told < GAPS_TOLD; i++) {
        hour_t after = r->hours[i - 1].hour + 1, before = r->hours[i].hour - 1;

        if (after > before)
            continue;
        hour_format(after, from);
        hour_format(before, to);
        html_putf(h, "%s%s", told ? ", " : "", from);
        if (after < before)
            html_putf(h, " to %s", to);
        left -= before - after + 1;
        told++;
    }
    if (left > 0)
        html_putf(h, " and %s more", figure_count(left, text));
    html_put(h, ".</p>\n");
}

static void put_bins_table(struct profile_view *v, const struct timeline *t)
{
    struct html *h = &v->h;
    char at[HOUR_TEXT_MAX], text[FIGURE_MAX];
    bool refuses = !v->r->of_target;

    html_put(h, "<details><summary>The same as a table</summary>\n");
    page_profile_table(v, "list narrow",
                       refuses ? "Rows, objects, refused records and NULLs over time"
                               : "Rows, objects and NULLs over time");
    html_putf(h,
              "<thead><tr><th scope=\"col\">%s</th><th scope=\"col\" class=\"r\">objects</th>"
              "<th scope=\"col\" class=\"r\">rows</th>%s"
              "<th scope=\"col\" class=\"r\">NULLs</th></tr></thead>\n<tbody>\n",
              t->step == 1 ? "hour" : "from", refuses ? "<th scope=\"col\" class=\"r\">refused</th>" : "");
    for (int i = 0; i < t->n; i++) {
        const struct bin *b = &t->bins[i];
        int64_t nulls = 0;

        html_putf(h, "<tr%s><th scope=\"row\">%s</th>", b->hours ? "" : " class=\"none\"",
                  bin_text(t, i, at));
        if (b->hours == 0) {
            html_putf(h, "<td colspan=\"%d\">no object</td></tr>\n", refuses ? 4 : 3);
            continue;
        }
        for (size_t c = 0; c < v->r->ncolumns; c++)
            nulls += b->nulls[c];
        page_profile_td_count(v, b->objects);
        page_profile_td_count(v, b->rows);
        if (refuses)
            page_profile_td_count(v, b->refused);
        page_profile_td(v, figure_part(nulls, b->rows * (int64_t)v->r->ncolumns, text));
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
    html_put(h, "</details>\n");
}

/* ---- NULLs ---- */

/* -1: no rows to speak of; 0 none; up to SHADES, by the root of the share, so that few are seen, too. */
static int shade_of(const struct bin *b, size_t column)
{
    if (b->rows == 0)
        return -1;
    return (int)ceil(sqrt((double)b->nulls[column] / (double)b->rows) * SHADES - 1e-9);
}

/* Neighbours of one shade are one rectangle where nobody asks for tooltips. */
static void put_strip(struct profile_view *v, const struct timeline *t, size_t c)
{
    struct html *h = &v->h;
    char tip[PROFILE_TIP_MAX], at[HOUR_TEXT_MAX], text[FIGURE_MAX], t0[SVG_NUM_MAX];

    html_putf(h,
              "<svg class=\"strip\" role=\"img\" width=\"100%%\" height=\"16\" viewBox=\"0 0 %d 1\" "
              "preserveAspectRatio=\"none\"><title>NULLs over time</title>\n",
              t->n);
    for (int i = 0, next; i < t->n; i = next) {
        const struct bin *b = &t->bins[i];
        int shade = shade_of(b, c);

        for (next = i + 1; next < t->n && !v->detail->tips && shade_of(&t->bins[next], c) == shade; next++)
            ;
        if (shade < 0)
            html_putf(h, "<rect class=\"gap\" x=\"%d\" width=\"%d\" height=\"1\"", i, next - i);
        else
            html_putf(h, "<rect class=\"heat\" x=\"%d\" width=\"%d\" height=\"1\" fill-opacity=\"%s\"", i,
                      next - i, svg_num((double)shade / SHADES, t0));
        if (!v->detail->tips) {
            html_put(h, "/>\n");
            continue;
        }
        if (shade < 0)
            snprintf(tip, sizeof tip, "%s: no rows", bin_text(t, i, at));
        else
            snprintf(tip, sizeof tip, "%s: %s NULL", bin_text(t, i, at),
                     figure_part(b->nulls[c], b->rows, text));
        html_put(h, "><title>");
        html_text(h, tip);
        html_put(h, "</title></rect>\n");
    }
    html_put(h, "</svg>");
}

/* The bin with the highest share. */
static int worst_bin(const struct timeline *t, size_t c)
{
    int worst = -1;
    double most = -1;

    for (int i = 0; i < t->n; i++) {
        double share = t->bins[i].rows ? (double)t->bins[i].nulls[c] / (double)t->bins[i].rows : -1;

        if (share > most) {
            most = share;
            worst = i;
        }
    }
    return worst;
}

static void put_strips(struct profile_view *v, const struct timeline *t)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    size_t with = 0, shown = 0;
    char text[FIGURE_MAX], at[HOUR_TEXT_MAX];

    for (size_t c = 0; c < r->ncolumns; c++)
        with += r->columns[c].nulls > 0;
    html_put(h, "<h3>Share of NULLs</h3>\n");
    if (with == 0) {
        html_put(h, "<p class=\"soft\">No column has a NULL in any hour.</p>\n");
        return;
    }
    page_profile_table(v, "list strips", "Share of NULLs of each column over time");
    html_put(h, "<thead><tr><th scope=\"col\">column</th><th scope=\"col\" class=\"wide\">over time</th>"
                "<th scope=\"col\" class=\"r\">all</th><th scope=\"col\" class=\"r\">most</th></tr></thead>\n"
                "<tbody>\n");
    for (size_t c = 0; c < r->ncolumns && shown < v->detail->strips; c++) {
        int worst = worst_bin(t, c);

        if (r->columns[c].nulls == 0 || worst < 0)
            continue;
        html_put(h, "<tr><th scope=\"row\">");
        page_profile_link(v, c);
        html_put(h, "</th><td class=\"wide\">");
        put_strip(v, t, c);
        html_put(h, "</td>");
        page_profile_td(v, figure_part(r->columns[c].nulls, r->rows, text));
        html_put(h, "<td class=\"r\">");
        html_text(h, figure_part(t->bins[worst].nulls[c], t->bins[worst].rows, text));
        html_putf(h, "<small>%s</small></td></tr>\n", bin_text(t, worst, at));
        shown++;
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
    html_put(h,
             "<p class=\"scale soft\">0 % <svg role=\"img\" width=\"120\" height=\"12\" viewBox=\"0 0 12 1\" "
             "preserveAspectRatio=\"none\"><title>The darker, the more NULLs</title>");
    for (int i = 0; i < SHADES; i++)
        html_putf(h, "<rect class=\"heat\" x=\"%d\" width=\"1\" height=\"1\" fill-opacity=\"%s\"/>", i,
                  svg_num((i + 1.0) / SHADES, text));
    html_put(h, "</svg> 100 %, by the square root");
    if (with < r->ncolumns)
        html_putf(h, "; the other %zu columns have no NULL", r->ncolumns - with);
    html_put(h, ".</p>\n");
    if (shown < with)
        html_putf(h, "<p class=\"note\">The first %zu of %zu columns with NULLs are shown.</p>\n", shown,
                  with);
}

void page_profile_hours(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    struct timeline *t;
    char text[FIGURE_MAX], rows[FIGURE_MAX];

    if (!r->by_hour)
        return;
    page_profile_section(v, "hours", "Rows and NULLs by hour");
    if (r->nhours == 0) {
        html_put(h, "<p class=\"soft\">No hour has an object.</p>\n");
        page_profile_section_end(v);
        return;
    }
    t = mem_alloc(sizeof *t);
    if (!t) {
        err_nomem(h->err);
        return;
    }
    if (timeline_init(t, r, h->err) == ERR_OK) {
        html_putf(h, "<p class=\"soft\">Rows of each %s, at most %s", step_text(t->step, text),
                  figure_count(t->most, rows));
        html_put(h, t->step > 1 ? "; there are too many hours for a bar each.</p>\n" : ".</p>\n");
        put_bars(v, t);
        put_gaps(v);
        put_bins_table(v, t);
        put_strips(v, t);
    }
    mem_free(t->nulls);
    mem_free(t);
    page_profile_section_end(v);
}
