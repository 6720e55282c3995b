/*
 * page_profile: the report of a profile as one page: its frame, the overview, what was refused, the classes,
 * and how much is shown.
 *
 * Invariants: nothing of the data is markup (html.c escapes it); the same report gives the same bytes; the
 * page is below PAGE_PROFILE_MAX. Where it would not be, it is written again with the next lower detail.
 */
#include "tools/page_profile.h"

#include <string.h>

#include "backends/s3_sign.h"
#include "tools/out.h"
#include "tools/page_profile_parts.h"

#define MUCH .columns = 1000, .head = 250, .warnings = 200, .correlated = 24, .strips = 60, .top = REPORT_TOP
#define LESS                                                                                                 \
    .lean = true, .columns = 400, .head = 40, .warnings = 100, .correlated = 16, .strips = 40, .top = 3
#define LEAST .lean = true, .head = 12, .warnings = 50, .correlated = 12, .strips = 20, .top = 3
static const struct profile_detail details[] = {
    {.tips = true, .cards = 1000, MUCH},
    {.cards = 1000, MUCH},
    {.lean = true, .cards = 1000, MUCH},
    {.cards = 400, LESS},
    {.cards = 200, LESS},
    {.cards = 150, LESS},
    {.cards = 100, LESS},
    {.cards = 60, .columns = 200, LEAST},
    {.cards = 30, .columns = 100, LEAST},
    {.cards = 8, .columns = 50, LEAST},
};

/* ---- frame ---- */

static void put_base64(struct html *h, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char text[5] = "";

    for (size_t i = 0; i < n; i += 3) {
        unsigned long v = (unsigned long)bytes[i] << 16;

        if (i + 1 < n)
            v |= (unsigned long)bytes[i + 1] << 8;
        if (i + 2 < n)
            v |= bytes[i + 2];
        for (int k = 0; k < 4; k++)
            text[k] = digits[v >> (18 - 6 * k) & 63];
        if (i + 1 >= n)
            text[2] = '=';
        if (i + 2 >= n)
            text[3] = '=';
        html_put(h, text);
    }
}

/* Only this stylesheet, by its hash, and nothing else at all. */
static void put_policy(struct html *h)
{
    unsigned char hash[SHA256_BYTES];
    struct sha256 *sha = NULL;

    if (h->err->code != ERR_OK || sha256_new(&sha, h->err) != ERR_OK)
        return;
    for (const char *const *part = page_profile_style; *part && h->err->code == ERR_OK; part++)
        (void)!sha256_update(sha, *part, strlen(*part), h->err);
    (void)!sha256_final(sha, hash, h->err);
    sha256_free(sha);
    html_put(h,
             "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-");
    put_base64(h, hash, sizeof hash);
    html_put(h, "'; base-uri 'none'; form-action 'none'\" />\n");
}

/* The length of a place, or of its part before the query, that begins at p. */
static size_t place_length(const char *p, const char *into, const char *table)
{
    size_t len = strcspn(p, "?");

    if (table > p && (size_t)(table - p) < len)
        len = (size_t)(table - p);
    if (into > p && (size_t)(into - p) < len)
        len = (size_t)(into - p);
    return len;
}

/* "source file:/srv/data/lake", "loaded from file:/srv/lake into sqlite:/srv/t.db, table t" without the
 * folders above: they differ between machines. */
static void put_place(struct profile_view *v, const char *what)
{
    char text[2 * PROFILE_TEXT_MAX]; /* longer than what is shown, which is cut at a code point */
    static const char loaded[] = "loaded from ", onto[] = " into ";
    bool load = strncmp(what, loaded, sizeof loaded - 1) == 0;
    const char *url = load ? what + sizeof loaded - 1 : what + strcspn(what, " ") + 1;
    const char *into = load ? strstr(what, onto) : NULL, *table = strstr(what, ", table ");
    size_t n = 0;

    for (const char *p = what; *p && n + 8 < sizeof text; p++) {
        bool begins = p > what && (p[-1] == ':' || p == url || (into && p == into + sizeof onto - 1));
        bool rooted = begins && ((p[0] == '/' && p[1] != '/') || strncmp(p, "///", 3) == 0);

        if (rooted) {
            size_t base = place_length(p, into, table);

            while (base > 1 && p[base - 1] == '/')
                base--;
            while (base > 0 && p[base - 1] != '/')
                base--;
            memcpy(text + n, "\xe2\x80\xa6/", 4);
            n += 4;
            p += base - 1;
            continue;
        }
        text[n++] = *p;
    }
    text[n] = '\0';
    page_profile_data(v, text, PROFILE_TEXT_MAX);
}

static void put_range(struct profile_view *v)
{
    const struct report *r = v->r;
    char from[HOUR_TEXT_MAX], to[HOUR_TEXT_MAX];

    if (!r->range.bounded) {
        html_put(&v->h, "all hours");
        return;
    }
    hour_format(r->range.from, from);
    hour_format(r->range.to - 1, to);
    html_putf(&v->h, "hours %s to %s", from, to);
}

static void put_begin(struct profile_view *v)
{
    struct html *h = &v->h;

    html_put(h, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n");
    put_policy(h);
    html_put(h, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n"
                "<meta name=\"color-scheme\" content=\"light dark\" />\n"
                "<meta name=\"referrer\" content=\"no-referrer\" />\n<title>");
    html_text(h, v->r->pipeline);
    html_put(h, " &#183; profile</title>\n<style>");
    for (const char *const *part = page_profile_style; *part; part++)
        html_put(h, *part);
    html_put(h, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
                "<header>\n<p class=\"kind\">Profile</p>\n<h1>");
    page_profile_data(v, v->r->pipeline, PROFILE_TEXT_MAX);
    html_put(h, "</h1>\n<p class=\"what\">");
    put_place(v, v->r->what);
    html_put(h, " &#183; ");
    put_range(v);
    html_put(h, "</p>\n</header>\n");
}

static void put_entry(struct html *h, const char *id, const char *name, int64_t n)
{
    char text[FIGURE_MAX];

    html_putf(h, "<li><a href=\"#%s\">%s", id, name);
    if (n > 0)
        html_putf(h, " <span class=\"n\">%s</span>", figure_count(n, text));
    html_put(h, "</a></li>\n");
}

static void put_contents(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;

    html_put(h, "<nav aria-label=\"Contents\"><ul>\n");
    put_entry(h, "overview", "Overview", 0);
    put_entry(h, "warnings", "Warnings", (int64_t)r->nwarnings);
    if (r->nrefusals)
        put_entry(h, "refused", "Refused", r->refused);
    if (r->nclasses)
        put_entry(h, "classes", "Classes", r->nclasses);
    if (r->by_hour)
        put_entry(h, "hours", "Hours", (int64_t)r->nhours);
    put_entry(h, "columns", "Columns", (int64_t)r->ncolumns);
    put_entry(h, "cards", "Details", 0);
    if (r->ncorrelated > 1)
        put_entry(h, "correlations", "Correlations", 0);
    if (r->head_rows)
        put_entry(h, "head", "First rows", 0);
    html_put(h, "</ul></nav>\n");
}

/* ---- overview ---- */

static void fact(struct html *h, const char *name, const char *value)
{
    html_putf(h, "<div><dt>%s</dt><dd>%s", name, value);
}

static void end_fact(struct html *h)
{
    html_put(h, "</dd></div>\n");
}

static void put_types(struct profile_view *v)
{
    const struct report *r = v->r;
    size_t counts[TYPE_TIMESTAMP + 1] = {0};
    bool first = true;

    for (size_t i = 0; i < r->ncolumns; i++)
        counts[r->columns[i].type.kind]++;
    for (unsigned kind = 0; kind <= TYPE_TIMESTAMP; kind++) {
        char name[TYPE_TEXT_MAX];

        if (!counts[kind])
            continue;
        type_format(&(struct type){.kind = kind, .precision = 1, .length = 1}, name);
        html_putf(&v->h, "%s%zu %.*s", first ? "" : ", ", counts[kind], (int)strcspn(name, "("), name);
        first = false;
    }
}

static void put_hours_fact(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    char text[FIGURE_MAX], from[HOUR_TEXT_MAX], to[HOUR_TEXT_MAX];

    if (!r->by_hour) {
        fact(h, "Hours covered", "not known");
        html_put(h, " <small>these rows do not say which hour they came from</small>");
        end_fact(h);
        return;
    }
    fact(h, "Hours covered", figure_count((int64_t)r->nhours, text));
    if (r->nhours) {
        hour_format(r->hours[0].hour, from);
        hour_format(r->hours[r->nhours - 1].hour, to);
        html_putf(h, " <small>%s to %s</small>", from, to);
    }
    end_fact(h);
    html_putf(h, "<div%s><dt>Gaps</dt><dd>%s", r->gaps ? " class=\"bad\"" : "", figure_count(r->gaps, text));
    html_put(h, r->gaps == 1 ? " hour <small>without an object</small>"
                             : " hours <small>without an object between others</small>");
    end_fact(h);
}

static void put_refused_fact(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    char text[FIGURE_MAX];

    html_putf(h, "<div%s><dt>Refused records</dt><dd>%s", r->refused ? " class=\"bad\"" : "",
              figure_count(r->refused, text));
    html_put(h, " <small>");
    html_text(h, figure_part(r->refused, r->rows + r->refused, text));
    html_put(h, " of all records</small>");
    end_fact(h);
}

static void put_overview(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    int64_t nulls = page_profile_nulls(r), cells = r->rows * (int64_t)r->ncolumns;
    char text[FIGURE_MAX], size[OUT_CELL_MAX];

    page_profile_section(v, "overview", "Overview");
    html_put(h, "<dl class=\"facts\">\n");
    fact(h, "Rows", figure_count(r->rows, text));
    end_fact(h);
    fact(h, "Columns", figure_count((int64_t)r->ncolumns, text));
    html_put(h, " <small>");
    put_types(v);
    html_put(h, "</small>");
    end_fact(h);
    fact(h, "Missing cells", "");
    html_text(h, figure_part(nulls, cells, text));
    html_putf(h, " <small>%s", figure_count(nulls, text));
    html_putf(h, " of %s</small>", figure_count(cells, text));
    end_fact(h);
    if (!r->of_target)
        put_refused_fact(v);
    fact(h, "Objects", figure_count(r->objects, text));
    html_putf(h, " <small>%s</small>", out_size(r->bytes, size));
    end_fact(h);
    put_hours_fact(v);
    html_put(h, "</dl>\n");
    page_profile_section_end(v);
}

/* ---- refused, classes ---- */

static void put_refused(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;

    if (!r->nrefusals)
        return;
    page_profile_section(v, "refused", "Refused records");
    html_put(h, "<p class=\"soft\">Records that the schema or a check refuses. No figure of this page counts "
                "them.</p>\n");
    page_profile_table(v, "list stack", "Refused records by error, with an example");
    html_put(h, "<thead><tr><th scope=\"col\">error</th><th scope=\"col\" class=\"r\">records</th>"
                "<th scope=\"col\">what it means</th><th scope=\"col\">first example</th></tr></thead>\n"
                "<tbody>\n");
    for (size_t i = 0; i < r->nrefusals; i++) {
        html_putf(h, "<tr><th scope=\"row\"><code>%s</code></th>", err_name_text(r->refusals[i].name));
        page_profile_td_count(v, r->refusals[i].count);
        html_put(h, "<td>");
        html_text(h, err_name_help(r->refusals[i].name));
        html_put(h, "</td><td class=\"any\">");
        page_profile_data(v, r->refusals[i].example, PROFILE_TEXT_MAX);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
    page_profile_section_end(v);
}

static void put_classes(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    int64_t told = 0;
    char text[FIGURE_MAX], part[FIGURE_MAX];
    double at = 0;

    if (!r->nclasses || r->by < 0)
        return;
    for (int k = 0; k < r->nclasses; k++)
        told += r->classes[k].rows;
    page_profile_section(v, "classes", "Class balance");
    html_put(h, "<p class=\"soft\">Rows by ");
    page_profile_link(v, (size_t)r->by);
    html_put(h, ". Histograms and boxes below are split by it.</p>\n");
    svg_begin(h, "plot", 26, "Share of each class", NULL);
    for (int k = 0; k < r->nclasses; k++) {
        char class[16], tip[PROFILE_TIP_MAX], name[PROFILE_TEXT_MAX + 4];
        double share = told > 0 ? (double)r->classes[k].rows / (double)told : 0;

        snprintf(class, sizeof class, "k%d", k);
        snprintf(tip, sizeof tip, "%s: %s rows, %s",
                 page_profile_cut(page_profile_class_name(r, k), PROFILE_NAME_MAX, name),
                 figure_count(r->classes[k].rows, text), figure_part(r->classes[k].rows, r->rows, part));
        svg_bar(h, class, at, at + share, 0, 26, tip);
        at += share;
    }
    svg_end(h);
    page_profile_table(v, "list narrow", "Rows of each class");
    html_put(h, "<thead><tr><th scope=\"col\">class</th><th scope=\"col\" class=\"r\">rows</th>"
                "<th scope=\"col\" class=\"r\">share</th></tr></thead>\n<tbody>\n");
    for (int k = 0; k < r->nclasses; k++) {
        html_putf(h, "<tr><th scope=\"row\"><span class=\"key k%d\"></span>", k);
        page_profile_data(v, page_profile_class_name(r, k), REPORT_TEXT_MAX + 4);
        html_put(h, "</th>");
        page_profile_td_count(v, r->classes[k].rows);
        page_profile_td(v, figure_part(r->classes[k].rows, r->rows, text));
        html_put(h, "</tr>\n");
    }
    html_put(h, "</tbody>");
    page_profile_table_end(v);
    if (told < r->rows)
        html_putf(h, "<p class=\"note\">%s rows are of further classes, which are not told apart.</p>\n",
                  figure_count(r->rows - told, text));
    page_profile_section_end(v);
}

/* ---- the whole ---- */

static void put_approx(struct profile_view *v)
{
    static const struct report_column plain = {.kind = REPORT_NUMBER};
    const struct report *r = v->r;
    char text[FIGURE_MAX];

    html_put(&v->h,
             "<p class=\"soft\">&#8776; marks estimates: the column has more different values than fit into "
             "the memory of a profile.");
    if (r->rank_error > 0)
        html_putf(&v->h, " Its quantiles are off by at most %s %% of the rows.",
                  figure_short(&plain, r->rank_error * 100, text));
    if (r->distinct_error > 0)
        html_putf(&v->h, " Its number of distinct values has a standard error of %s %%.",
                  figure_short(&plain, r->distinct_error * 100, text));
    html_put(&v->h, " All other figures are exact.</p>\n");
}

static void put_cards(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    size_t n = r->ncolumns < v->detail->cards ? r->ncolumns : v->detail->cards;
    bool approx = false;

    for (size_t i = 0; i < r->ncolumns && !approx; i++)
        approx = page_profile_is_approx(&r->columns[i]);
    html_put(h, "<h2 id=\"cards\" class=\"apart\">Columns in detail</h2>\n");
    html_put(h, "<p class=\"soft\">Boxes reach from the 25 % to the 75 % quantile with the median between; "
                "their whiskers to the last value or to the fence, 1.5 of the box away. What lies beyond is "
                "called an outlier.");
    if (r->nclasses)
        html_put(h,
                 " Histograms show the values of each class as shares of that class; the band below them how "
                 "the classes share each bin.");
    html_put(h, "</p>\n");
    if (approx)
        put_approx(v);
    if (n < r->ncolumns)
        html_putf(h,
                  "<p class=\"note\">Cards are shown for the first %zu of %zu columns, which keeps this "
                  "file below 1 MiB; <code>--json</code> has all figures.</p>\n",
                  n, r->ncolumns);
    for (size_t i = 0; i < n; i++)
        page_profile_card(v, i);
}

static void put_page(struct profile_view *v)
{
    put_begin(v);
    put_contents(v);
    html_put(&v->h, "<main id=\"main\">\n");
    put_overview(v);
    page_profile_warnings(v);
    put_refused(v);
    put_classes(v);
    page_profile_hours(v);
    page_profile_columns(v);
    put_cards(v);
    page_profile_correlations(v);
    page_profile_head(v);
    html_put(&v->h, "</main>\n<footer><p>Made by sluice " SLUICE_VERSION
                    ". Hours are UTC. Every figure is in <code>sluice profile --json</code>, to the last "
                    "digit.</p></footer>\n</body>\n</html>\n");
}

enum err_code page_profile(const struct report *report, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < sizeof details / sizeof details[0]; i++) {
        struct err failed = ERR_INIT;
        struct profile_view v = {.r = report, .detail = &details[i], .h = {out, &failed}};

        buf_clear(out);
        put_page(&v);
        if (failed.code == ERR_OK && out->len <= PAGE_PROFILE_MAX)
            return ERR_OK;
        if (failed.code != ERR_OK && failed.name != ERRN_LIMIT)
            return err_set(err, failed.name, "%s", failed.msg);
    }
    buf_clear(out);
    return err_set(err, ERRN_LIMIT, "the page of the profile is over %d bytes even with few details",
                   PAGE_PROFILE_MAX);
}
