/*
 * page_profile_parts: what the parts of the report of a profile have in common, and its warnings.
 *
 * Invariant: a text of the data is cut before it is escaped, at a code point, so neither is ever half there.
 */
#include "tools/page_profile_parts.h"

#include <math.h>
#include <string.h>

/* ---- texts ---- */

static size_t cut_at(const char *text, size_t max)
{
    size_t n = strnlen(text, max + 1);

    if (n <= max)
        return n;
    for (n = max; n > 0 && max - n < 4 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
        ;
    return n;
}

char *page_profile_cut(const char *text, size_t max, char out[PROFILE_TEXT_MAX + 4])
{
    size_t n;

    if (!text)
        text = "NULL";
    n = cut_at(text, max < PROFILE_TEXT_MAX ? max : PROFILE_TEXT_MAX);
    memcpy(out, text, n);
    memcpy(out + n, text[n] ? "\xe2\x80\xa6" : "", text[n] ? 4 : 1);
    return out;
}

void page_profile_data(struct profile_view *v, const char *text, size_t max)
{
    char cut[PROFILE_TEXT_MAX + 4];

    if (!text)
        html_put(&v->h, "<i class=\"null\">NULL</i>");
    else if (!text[0])
        html_put(&v->h, "<i class=\"null\">(empty)</i>");
    else
        html_data(&v->h, page_profile_cut(text, max, cut));
}

void page_profile_link(struct profile_view *v, size_t column)
{
    bool card = column < v->detail->cards;

    if (card)
        html_putf(&v->h, "<a href=\"#c%zu\">", column + 1);
    page_profile_data(v, v->r->columns[column].name, PROFILE_NAME_MAX);
    html_put(&v->h, card ? "</a>" : "");
}

const char *page_profile_class_name(const struct report *r, int k)
{
    const char *text = r->classes[k].text;

    return !text ? "NULL" : text[0] ? text : "(empty)";
}

void page_profile_legend(struct profile_view *v)
{
    const struct report *r = v->r;

    if (r->by < 0 || !r->nclasses)
        return;
    html_put(&v->h, "<ul class=\"legend\">");
    for (int k = 0; k < r->nclasses; k++) {
        html_putf(&v->h, "<li><span class=\"key k%d\"></span>", k);
        if (k == 0) {
            page_profile_data(v, r->columns[r->by].name, PROFILE_NAME_MAX);
            html_put(&v->h, " = ");
        }
        page_profile_data(v, page_profile_class_name(r, k), 40);
        html_put(&v->h, "</li>");
    }
    html_put(&v->h, "</ul>\n");
}

/* ---- cells ---- */

void page_profile_td(struct profile_view *v, const char *text)
{
    html_put(&v->h, "<td class=\"r\">");
    html_text(&v->h, text);
    html_put(&v->h, "</td>");
}

void page_profile_td_count(struct profile_view *v, int64_t n)
{
    char text[FIGURE_MAX];

    page_profile_td(v, figure_count(n, text));
}

void page_profile_num(struct profile_view *v, const struct report_column *c, const struct report_num *n)
{
    char text[FIGURE_MAX];

    if (!n->known) {
        html_put(&v->h, "<td class=\"r soft\">&#8211;</td>");
        return;
    }
    html_putf(&v->h, "<td class=\"r\">%s%s</td>", n->approx ? "&#8776;&#8239;" : "",
              figure_value(c, n->value, text));
}

/* ---- frames ---- */

void page_profile_section(struct profile_view *v, const char *id, const char *title)
{
    html_putf(&v->h, "<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 id=\"%s-title\">%s</h2>\n", id,
              id, id, title);
}

void page_profile_section_end(struct profile_view *v)
{
    html_put(&v->h, "</section>\n");
}

void page_profile_table(struct profile_view *v, const char *class, const char *caption)
{
    html_putf(&v->h,
              "<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"%s\"><table class=\"%s\">"
              "<caption class=\"vh\">%s</caption>\n",
              caption, class, caption);
}

void page_profile_table_end(struct profile_view *v)
{
    html_put(&v->h, "</table></div>\n");
}

/* ---- figures ---- */

bool page_profile_is_approx(const struct report_column *c)
{
    const struct report_numbers *n = &c->numbers;
    bool approx = c->distinct_approx || c->top_approx || c->histogram.approx || n->outliers_approx;

    for (int q = 0; q < Q_COUNT && !approx; q++)
        approx = n->quantile[q].approx;
    return approx;
}

int64_t page_profile_nulls(const struct report *r)
{
    int64_t nulls = 0;

    for (size_t i = 0; i < r->ncolumns; i++)
        nulls += r->columns[i].nulls;
    return nulls;
}

/* ---- warnings ---- */

/* In which unit a rule's value and limit are. */
enum unit { UNIT_SHARE, UNIT_NUMBER, UNIT_COUNT };

static const enum unit units[RULE_COUNT] = {
    [RULE_MISSING] = UNIT_SHARE,     [RULE_ALL_NULL] = UNIT_SHARE,
    [RULE_CONSTANT] = UNIT_COUNT,    [RULE_UNIQUE] = UNIT_COUNT,
    [RULE_OUTLIERS] = UNIT_SHARE,    [RULE_CODES] = UNIT_COUNT,
    [RULE_ZEROS] = UNIT_SHARE,       [RULE_SKEW] = UNIT_NUMBER,
    [RULE_IMBALANCE] = UNIT_SHARE,   [RULE_CLASSES] = UNIT_COUNT,
    [RULE_CORRELATED] = UNIT_NUMBER, [RULE_REFUSED] = UNIT_SHARE,
    [RULE_GAP] = UNIT_COUNT,         [RULE_HIGH_CARDINALITY] = UNIT_SHARE,
    [RULE_HOUR_ROWS] = UNIT_COUNT,   [RULE_HOUR_NULLS] = UNIT_SHARE,
};

static void put_amount(struct html *h, enum unit unit, double value)
{
    static const struct report_column plain = {.kind = REPORT_NUMBER};
    char text[FIGURE_MAX];

    html_text(h, unit == UNIT_SHARE    ? figure_share(value, text)
                 : unit == UNIT_NUMBER ? figure_short(&plain, value, text)
                                       : figure_number(value, text));
}

/* The message behind "NAME: ", "NAME and OTHER: ", which the links say. */
static const char *behind_names(const struct report *r, const struct report_warning *w)
{
    const char *text = w->message, *names[] = {NULL, NULL};

    names[0] = w->column >= 0 ? r->columns[w->column].name : NULL;
    names[1] = w->other >= 0 ? r->columns[w->other].name : NULL;
    for (int i = 0; i < 2 && names[i]; i++) {
        if (i > 0 && strncmp(text, " and ", 5) == 0)
            text += 5;
        if (strncmp(text, names[i], strlen(names[i])) != 0)
            return w->message;
        text += strlen(names[i]);
    }
    return strncmp(text, ": ", 2) == 0 ? text + 2 : w->message;
}

static void put_warning(struct profile_view *v, const struct report_warning *w)
{
    struct html *h = &v->h;
    enum unit unit = units[w->rule];
    /* What has no column has a part of the page. */
    const char *part = w->column >= 0            ? NULL
                       : w->rule == RULE_REFUSED ? (v->r->nrefusals ? "refused" : NULL)
                       : v->r->by_hour           ? "hours"
                                                 : NULL;

    html_putf(h, "<li%s><span class=\"mark\">%s</span> <b>", w->strong ? " class=\"strong\"" : "",
              w->strong ? "strong" : "note");
    if (part)
        html_putf(h, "<a href=\"#%s\">", part);
    for (const char *c = report_rule_text(w->rule); *c; c++)
        html_putf(h, "%c", *c == '_' ? ' ' : *c);
    html_put(h, part ? "</a></b> <p>" : "</b> <p>");
    if (w->column >= 0)
        page_profile_link(v, (size_t)w->column);
    if (w->other >= 0) {
        html_put(h, " &#8596; ");
        page_profile_link(v, (size_t)w->other);
    }
    html_put(h, w->column >= 0 ? ": " : "");
    page_profile_data(v, behind_names(v->r, w), PROFILE_TEXT_MAX);
    html_put(h, "</p>\n<p class=\"found\">");
    put_amount(h, unit, w->value);
    html_put(h, " <small>limit ");
    put_amount(h, unit, w->limit);
    html_put(h, "</small></p></li>\n");
}

void page_profile_warnings(struct profile_view *v)
{
    const struct report *r = v->r;
    struct html *h = &v->h;
    size_t n = r->nwarnings < v->detail->warnings ? r->nwarnings : v->detail->warnings;

    page_profile_section(v, "warnings", "Warnings");
    if (n == 0) {
        html_put(h, "<p class=\"soft\">None: no rule of the profile found anything.</p>\n");
    } else {
        html_put(h, "<ul class=\"warnings\">\n");
        for (size_t i = 0; i < n; i++)
            put_warning(v, &r->warnings[i]);
        html_put(h, "</ul>\n");
    }
    if (n < r->nwarnings)
        html_putf(h, "<p class=\"note\">The first %zu of %zu are shown; <code>--json</code> has all.</p>\n",
                  n, r->nwarnings);
    page_profile_section_end(v);
}
