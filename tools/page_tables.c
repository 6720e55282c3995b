/*
 * page_tables: the grid of days and hours, and the lists of loads, failed attempts and reasons of rejects.
 *
 * The grid shows whole days, the newest on top; where all that is known is older, it says where that is.
 */
#include "tools/page.h"

#include "core/base/log.h"

enum { DAYS_MIN = 3 };

/* ---- the grid ---- */

static void put_day(struct page *p, const struct lane_look *look, int64_t day, hour_t newest)
{
    static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    struct html *h = &p->h;
    char text[HOUR_TEXT_MAX];

    hour_format(day * 24, text);
    html_putf(
        h, "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">%s <span class=\"mono\">%.10s</span></th>",
        names[((day + 4) % 7 + 7) % 7], text);
    for (hour_t hour = day * 24; hour < day * 24 + 24; hour++) {
        const struct hour_status *s = hours_find(&look->snapshot->hours, hour);

        html_put(h, "<td role=\"cell\">");
        if (s || hour <= newest)
            page_state_cell(p, look->pipeline->name, hour, s);
        html_put(h, "</td>");
    }
    html_put(h, "</tr>\n");
}

static void link_to(struct page *p, int64_t last, int days, const char *text)
{
    char day[HOUR_TEXT_MAX];

    hour_format(last * 24, day);
    html_putf(&p->h, "<a href=\"%s?to=%.10s&amp;days=%d%s#grid\">%s</a>", p->path, day, days,
              p->refresh ? "" : "&amp;refresh=off", text);
}

static void put_grid_nav(struct page *p, const struct lane_look *look, int64_t last, int64_t today)
{
    static const int spans[] = {7, 14, 31, 62};
    struct html *h = &p->h;
    hour_t newest = look->snapshot->totals.newest;
    char text[64];

    html_put(h, "<nav class=\"nav\" aria-label=\"Days shown\">");
    link_to(p, last - p->days, p->days, "&#8592; earlier");
    if (last < today) {
        link_to(p, last + p->days < today ? last + p->days : today, p->days, "later &#8594;");
        link_to(p, today, p->days, "today");
    }
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        snprintf(text, sizeof text, "%d days", spans[i]);
        if (spans[i] != p->days)
            link_to(p, last, spans[i], text);
        else
            html_putf(h, "<strong aria-current=\"true\">%s</strong>", text);
    }
    if (newest >= HOUR_MIN && newest < (last - p->days + 1) * 24) {
        char day[HOUR_TEXT_MAX];

        hour_format(newest, day);
        snprintf(text, sizeof text, "the newest loaded hour is %s", day);
        link_to(p, newest / 24, p->days, text);
    }
    html_put(h, "</nav>\n");
}

void page_grid(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    hour_t newest = hour_of_us(look->now_us);
    int64_t today = newest / 24, last = p->last ? p->last : today;
    /* Days before all that is known are left out. */
    int64_t oldest = look->snapshot->hours.n ? look->snapshot->hours.items[0].hour / 24 : today;

    html_put(h, "<section id=\"grid\" aria-labelledby=\"grid-title\">\n<div class=\"head\"><h2 "
                "id=\"grid-title\">Hours</h2>");
    put_grid_nav(p, look, last, today);
    html_put(h, "</div>\n<table class=\"grid\" role=\"table\" aria-labelledby=\"grid-title\">\n<caption "
                "class=\"vh\">Days by "
                "hours (UTC); each hour with its state</caption>\n<colgroup><col><col "
                "span=\"24\"></colgroup><thead role=\"rowgroup\"><tr role=\"row\"><th "
                "scope=\"col\" role=\"columnheader\"><span class=\"vh\">day</span></th>");
    for (int hour = 0; hour < 24; hour++)
        html_putf(h, "<th scope=\"col\" role=\"columnheader\">%02d</th>", hour);
    html_put(h, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
    for (int64_t day = last; day > last - p->days && (day > last - DAYS_MIN || day >= oldest); day--)
        put_day(p, look, day, newest);
    html_put(h, "</tbody></table>\n");
    page_legend(p);
    html_put(h, "</section>\n");
}

/* ---- lists ---- */

static void put_hour_link(struct page *p, const struct lane_look *look, hour_t hour)
{
    char text[HOUR_TEXT_MAX];

    hour_format(hour, text);
    html_put(&p->h, "<a class=\"hour\" href=\"/p/");
    html_url(&p->h, look->pipeline->name);
    html_putf(&p->h, "/hour/%s\">%s</a>", text, text);
}

static void put_load(struct page *p, const struct lane_look *look, const struct last_load *l)
{
    struct html *h = &p->h;
    char text[OUT_CELL_MAX];

    html_put(h, "<tr><td data-t=\"finished\">");
    html_time(h, l->finished_us);
    html_put(h, "</td><td data-t=\"hour\">");
    put_hour_link(p, look, l->hour);
    html_put(h, "</td><td class=\"wide mono\" data-t=\"object\">");
    html_data(h, l->object);
    html_put(h, "</td><td class=\"num\" data-t=\"rows\">");
    page_count(p, l->rows_loaded);
    html_put(h, "</td><td class=\"num\" data-t=\"rejected\">");
    page_count(p, l->rows_rejected);
    html_put(h, "</td><td class=\"num\" data-t=\"size\">");
    page_size(p, l->bytes);
    html_putf(h, "</td><td class=\"num\" data-t=\"time\">%s</td></tr>\n", out_duration(l->duration_ms, text));
}

void page_loads(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const struct snapshot *s = look->snapshot;

    html_put(h, "<section aria-labelledby=\"loads\">\n<h2 id=\"loads\">Last loads</h2>\n");
    if (s->nloads == 0) {
        html_put(h, "<p class=\"soft\">Nothing was loaded yet.</p>\n</section>\n");
        return;
    }
    html_put(
        h, "<table class=\"list\"><caption class=\"vh\">The last loads, newest first</caption><thead><tr><th "
           "scope=\"col\">finished</th><th scope=\"col\">hour</th><th scope=\"col\">object</th><th "
           "scope=\"col\" "
           "class=\"num\">rows</th><th scope=\"col\" class=\"num\">rejected</th><th scope=\"col\" "
           "class=\"num\">size</th><th scope=\"col\" class=\"num\">time</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < s->nloads; i++)
        put_load(p, look, &s->loads[i]);
    html_put(h, "</tbody></table>\n</section>\n");
}

void page_attempts(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const struct snapshot *s = look->snapshot;

    if (s->nattempts == 0)
        return;
    html_put(h,
             "<section aria-labelledby=\"attempts\">\n<h2 id=\"attempts\">Last failed attempts</h2>\n<table "
             "class=\"list\"><caption class=\"vh\">The last attempts that were rolled back, newest "
             "first</caption><thead><tr><th scope=\"col\">time</th><th scope=\"col\">hour</th><th "
             "scope=\"col\">object</th><th scope=\"col\">error</th><th "
             "scope=\"col\">message</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < s->nattempts; i++) {
        const struct attempt *a = &s->attempts[i];
        char message[REC_MESSAGE_MAX + 1];

        snprintf(message, sizeof message, "%s", a->message);
        log_redact(message);
        html_put(h, "<tr><td data-t=\"time\">");
        html_time(h, a->at_us);
        html_put(h, "</td><td data-t=\"hour\">");
        put_hour_link(p, look, a->hour);
        html_put(h, "</td><td class=\"wide mono\" data-t=\"object\">");
        html_data(h, a->object[0] ? a->object : "(the hour as one)");
        html_put(h, "</td><td data-t=\"error\"><code>");
        html_text(h, a->error_name);
        html_put(h, "</code></td><td class=\"wide\" data-t=\"message\">");
        html_data(h, message);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody></table>\n</section>\n");
}

void page_reasons(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const struct snapshot *s = look->snapshot;
    char command[LANE_COMMAND_MAX];

    html_put(h, "<section aria-labelledby=\"rejects\">\n<h2 id=\"rejects\">Why records were rejected</h2>\n");
    if (s->nreasons == 0) {
        html_put(h, "<p class=\"soft\">No record was rejected.</p>\n</section>\n");
        return;
    }
    html_put(h, "<table class=\"list\"><caption class=\"vh\">Reasons of rejects, the most frequent "
                "first</caption><thead><tr><th scope=\"col\">reason</th><th scope=\"col\">column</th><th "
                "scope=\"col\" "
                "class=\"num\">kept</th><th scope=\"col\" class=\"num\"><abbr title=\"of attempts that "
                "failed\">samples</abbr></th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < s->nreasons && i < PAGE_ROWS; i++) {
        const struct reason *r = &s->reasons[i];

        html_put(h, "<tr><th scope=\"row\" data-t=\"reason\"><code>");
        html_text(h, r->error_name);
        html_put(h, "</code></th><td class=\"wide\" data-t=\"column\">");
        html_data(h, r->column[0] ? r->column : "(the record)");
        html_put(h, "</td><td class=\"num\" data-t=\"kept\">");
        page_count(p, r->kept);
        html_put(h, "</td><td class=\"num\" data-t=\"samples\">");
        page_count(p, r->samples);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody></table>\n");
    if (s->counting || s->other_rejects || s->nreasons > PAGE_ROWS)
        html_putf(h, "<p class=\"soft\">%s</p>\n",
                  s->counting ? "Still counting." : "There are more kinds than are shown.");
    lane_command(look, "rejects ls", false, 0, command);
    page_command(p, command);
    html_put(h, "</section>\n");
}
