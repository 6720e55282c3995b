/*
 * page: the pages of `serve`: what they have in common, and one function for each.
 *
 * Plain HTML and one stylesheet, no scripts, nothing from elsewhere. A page reloads itself every
 * PAGE_REFRESH_S, unless it is asked for with ?refresh=off.
 */
#ifndef SLUICE_TOOLS_PAGE_H
#define SLUICE_TOOLS_PAGE_H

#include "tools/html.h"
#include "tools/lane.h"

enum { PAGE_REFRESH_S = 15, PAGE_DAYS = 14, PAGE_DAYS_MAX = 62, PAGE_ROWS = 20 };

/* How the page was asked for. */
struct page {
    struct html h;
    const char *path; /* of this page, for its own links: made of sluice's own words and pipeline names */
    bool refresh;
    int days;     /* of the grid */
    int64_t last; /* the grid's last day, days since 1970; 0 = today */
    bool alone;   /* one pipeline is served */
};

extern const char *const page_style[]; /* the stylesheet in pieces, ended by NULL */
extern const char page_icon[];         /* SVG */

/* From <!doctype> to <main>; to the end. `state` stands before the title. */
void page_begin(struct page *page, const char *state, const char *title);
void page_end(struct page *page, const char *api);

/* Parts. */
/* The way up: to all pipelines where there are several, and to `pipeline` (NULL: this page is its own). */
void page_crumbs(struct page *page, const char *pipeline);
void page_state_cell(struct page *page, const char *pipeline, hour_t hour, const struct hour_status *h);
void page_legend(struct page *page);
void page_count(struct page *page, int64_t n); /* 1,234 */
void page_size(struct page *page, int64_t bytes);
void page_age(struct page *page, int64_t us); /* "4 min", "3 h", "2 days" */
void page_command(struct page *page, const char *command);
/* "as of TIME"; a note where it could not be newer. */
void page_as_of(struct page *page, const struct lane_look *look);
void page_stale(struct page *page, const struct lane_look *look);
/* One word for how it is, and its class: "failed", "late", "well", ... */
struct page_verdict {
    const char *word, *class;
    char text[160];
};
struct page_verdict page_judge(const struct lane_look *look);

const char *page_letter(enum hour_state state);
void page_grid(struct page *page, const struct lane_look *look);
void page_loads(struct page *page, const struct lane_look *look);
void page_attempts(struct page *page, const struct lane_look *look);
void page_reasons(struct page *page, const struct lane_look *look);

void page_index(struct page *page, const struct lane_look *looks, size_t n);
void page_status(struct page *page, const struct lane_look *look);
/* The hour's objects, attempts and rejects: reads the books over a connection of its own. */
enum err_code page_hour(struct page *page, const struct lane_look *look, const struct app *app, hour_t hour,
                        struct err *err) MUST_USE;

#endif
