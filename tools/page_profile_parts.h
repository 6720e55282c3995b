/*
 * page_profile_parts: what the files of page_profile share: the report in hand, how much of it is shown, and
 * one function for each part of the page.
 */
#ifndef SLUICE_TOOLS_PAGE_PROFILE_PARTS_H
#define SLUICE_TOOLS_PAGE_PROFILE_PARTS_H

#include "core/profile/report.h"
#include "tools/figure.h"
#include "tools/html.h"
#include "tools/svg.h"

/* How much is shown: the first of some levels whose page is small enough. */
struct profile_detail {
    bool tips;         /* a tooltip for each bar and cell */
    bool lean;         /* no single outliers in a picture, no marks on axes */
    size_t columns;    /* in the table of columns */
    size_t cards;      /* columns with a card */
    size_t head;       /* columns of the first rows */
    size_t warnings;   /* told */
    size_t correlated; /* columns of the heat map */
    size_t strips;     /* columns with a strip of NULLs by hour */
    int top;           /* most frequent values of a card */
};

struct profile_view {
    const struct report *r;
    const struct profile_detail *detail;
    struct html h;
};

enum {
    PROFILE_TIP_MAX = 1024, /* of a tooltip, with texts of the data in it */
    PROFILE_TEXT_MAX = 400, /* bytes of a text of the data that is shown, before escaping */
    PROFILE_NAME_MAX = 80,  /* of a column's name, in drawings and tables */
};

extern const char *const page_profile_style[]; /* the stylesheet in pieces, ended by NULL */

/* Data, cut at `max` bytes (at a code point, with an ellipsis). NULL is said to be NULL. */
void page_profile_data(struct profile_view *v, const char *text, size_t max);
/* The same as plain text, e.g. for a tooltip. */
char *page_profile_cut(const char *text, size_t max, char out[PROFILE_TEXT_MAX + 4]);
/* Its name, as a link to its card where it has one. */
void page_profile_link(struct profile_view *v, size_t column);
/* <td>: a number of the column, "-" where there is none, with a mark where it is an estimate. */
void page_profile_num(struct profile_view *v, const struct report_column *c, const struct report_num *n);
void page_profile_td(struct profile_view *v, const char *text);
void page_profile_td_count(struct profile_view *v, int64_t n);
/* <section> with its heading; `title` is a word of sluice's own. */
void page_profile_section(struct profile_view *v, const char *id, const char *title);
void page_profile_section_end(struct profile_view *v);
/* A table that scrolls by itself where it is too wide; `caption` for who cannot see it. */
void page_profile_table(struct profile_view *v, const char *class, const char *caption);
void page_profile_table_end(struct profile_view *v);
/* The names of the classes with their colours. */
void page_profile_legend(struct profile_view *v);
const char *page_profile_class_name(const struct report *r, int k);
bool page_profile_is_approx(const struct report_column *c);
int64_t page_profile_nulls(const struct report *r); /* of all columns */

/* Parts. */
void page_profile_warnings(struct profile_view *v);
void page_profile_hours(struct profile_view *v);
void page_profile_columns(struct profile_view *v);
void page_profile_card(struct profile_view *v, size_t column);
void page_profile_plot(struct profile_view *v, const struct report_column *c); /* histogram, boxes */
bool page_profile_has_plot(const struct report_column *c);
void page_profile_correlations(struct profile_view *v);
void page_profile_head(struct profile_view *v);

#endif
