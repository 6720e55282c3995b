/*
 * page: the frame of a page and the parts that several have. See page.h.
 *
 * Invariant: the state of an hour is a letter and a colour, with the word for it in the link's name; flags
 * are
 * "!" (late) and "*" (rejects) behind the letter.
 */
#include "tools/page.h"

#include <string.h>

/* ---- frame ---- */

/* Of its content (FNV-1a): what a browser keeps is never another's. */
static uint32_t style_version(void)
{
    uint32_t hash = 2166136261U;

    for (const char *const *part = page_style; *part; part++) {
        for (const char *c = *part; *c; c++)
            hash = (hash ^ (unsigned char)*c) * 16777619U;
    }
    return hash;
}

static void put_refresh(struct page *p)
{
    struct html *h = &p->h;

    char day[HOUR_TEXT_MAX] = "";

    if (p->last)
        hour_format(p->last * 24, day);
    html_put(h, "<span class=\"refresh\">");
    if (p->refresh)
        html_putf(h, "refreshes every %d s &#183; <a href=\"%s?refresh=off&amp;days=%d%s%.10s\">pause</a>",
                  PAGE_REFRESH_S, p->path, p->days, day[0] ? "&amp;to=" : "", day);
    else
        html_putf(h, "refreshing is paused &#183; <a href=\"%s?days=%d%s%.10s\">resume</a>", p->path, p->days,
                  day[0] ? "&amp;to=" : "", day);
    html_put(h, "</span>");
}

void page_begin(struct page *p, const char *state, const char *title)
{
    struct html *h = &p->h;

    html_put(h, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    if (p->refresh)
        html_putf(h, "<meta http-equiv=\"refresh\" content=\"%d\">\n", PAGE_REFRESH_S);
    html_put(h, "<title>");
    html_text(h, state);
    html_put(h, state[0] ? " &#183; " : "");
    html_text(h, title);
    html_put(h, " &#183; sluice</title>\n<link rel=\"icon\" href=\"/icon.svg\" type=\"image/svg+xml\">\n"
                "<link rel=\"stylesheet\" href=\"/style.css?v=");
    html_putf(h, "%08x", style_version());
    html_put(h,
             "\">\n</head>\n<body>\n"
             "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<div class=\"bar\"><span>"
             "<a class=\"brand\" href=\"/\">sluice</a> " SLUICE_VERSION "</span>");
    put_refresh(p);
    html_put(h, "</div>\n");
}

void page_end(struct page *p, const char *api)
{
    struct html *h = &p->h;

    html_put(
        h,
        "</main>\n<footer><span>This page is read-only. Times are UTC.</span><a href=\"/metrics\">metrics</a>"
        "<a href=\"");
    html_text(h, api);
    html_put(h, "\">JSON</a><a href=\"/readyz\">readiness</a></footer>\n</body>\n</html>\n");
}

/* ---- parts ---- */

void page_crumbs(struct page *p, const char *pipeline)
{
    struct html *h = &p->h;

    if (p->alone && !pipeline)
        return;
    html_put(h, "<nav class=\"crumbs\" aria-label=\"Way up\">");
    if (!p->alone)
        html_put(h, "<a href=\"/\">All pipelines</a>");
    if (pipeline) {
        html_put(h, p->alone ? "<a href=\"/p/" : " &#8250; <a href=\"/p/");
        html_url(h, pipeline);
        html_put(h, "\">");
        html_text(h, pipeline);
        html_put(h, "</a>");
    }
    html_put(h, "</nav>\n");
}

void page_count(struct page *p, int64_t n)
{
    char text[OUT_CELL_MAX];

    html_put(&p->h, out_count(n, text));
}

void page_size(struct page *p, int64_t bytes)
{
    char text[OUT_CELL_MAX];

    html_put(&p->h, out_size(bytes, text));
}

void page_age(struct page *p, int64_t us)
{
    int64_t s = us / 1000000;

    if (s < 0)
        s = 0;
    if (s < 120)
        html_putf(&p->h, "%lld s", (long long)s);
    else if (s < 7200)
        html_putf(&p->h, "%lld min", (long long)(s / 60));
    else if (s < 172800)
        html_putf(&p->h, "%lld h", (long long)(s / 3600));
    else
        html_putf(&p->h, "%lld days", (long long)(s / 86400));
}

void page_command(struct page *p, const char *command)
{
    html_put(&p->h, "<code class=\"cmd\" tabindex=\"0\">");
    html_text(&p->h, command);
    html_put(&p->h, "</code>");
}

void page_as_of(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;

    html_put(h, "<span class=\"soft\">");
    if (look->snapshot) {
        html_put(h, "as of ");
        html_time(h, look->snapshot->as_of_us);
        html_put(h, " UTC");
    } else {
        html_put(h, "the books were not read yet");
    }
    html_put(h, "</span>");
}

void page_stale(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;

    if (look->books.code == ERR_OK)
        return;
    html_put(h, "<p class=\"note\" role=\"status\">");
    html_put(h, look->books.code == ERR_BUSY ? "The target is busy" : "The books cannot be read");
    html_put(h, " since ");
    html_time(h, look->books_since_us);
    html_put(h, " UTC; what stands below is older. <code>");
    html_text(h, err_name_text(look->books.name));
    html_put(h, "</code>: ");
    html_data(h, look->books.msg);
    html_put(h, "</p>\n");
}

struct page_verdict page_judge(const struct lane_look *look)
{
    const struct snapshot *s = look->snapshot;
    struct page_verdict v = {.word = "well", .class = "well"};
    int64_t failed = s ? s->totals.states[HOUR_FAILED] : 0, late = s ? s->totals.late : 0;

    if (look->trouble.code != ERR_OK) {
        v = (struct page_verdict){.word = "trouble", .class = "failed"};
        snprintf(v.text, sizeof v.text, "trouble: %s", err_name_text(look->trouble.name));
    } else if (failed) {
        v = (struct page_verdict){.word = "failed", .class = "failed"};
        snprintf(v.text, sizeof v.text, "%lld %s failed", (long long)failed, failed == 1 ? "hour" : "hours");
        if (late)
            snprintf(v.text + strlen(v.text), sizeof v.text - strlen(v.text), ", %lld late", (long long)late);
    } else if (late) {
        v = (struct page_verdict){.word = "late", .class = "retrying"};
        snprintf(v.text, sizeof v.text, "%lld %s late", (long long)late, late == 1 ? "hour is" : "hours are");
    } else if (!look->connected) {
        v = (struct page_verdict){.word = "starting", .class = "queued"};
        snprintf(v.text, sizeof v.text, "starting");
    } else {
        snprintf(v.text, sizeof v.text, "all is well");
    }
    return v;
}

/* ---- hours ---- */

const char *page_letter(enum hour_state state)
{
    static const char *const letters[] = {[HOUR_QUEUED] = "Q", [HOUR_RUNNING] = "R", [HOUR_RETRYING] = "T",
                                          [HOUR_LOADED] = "L", [HOUR_FAILED] = "F",  [HOUR_EMPTY] = "E"};

    return letters[state];
}

static void put_mark(struct page *p, const struct hour_status *h)
{
    html_putf(&p->h, "%s%s%s", page_letter(h->state), h->late ? "!" : "", h->rows_rejected > 0 ? "*" : "");
}

void page_state_cell(struct page *p, const char *pipeline, hour_t hour, const struct hour_status *s)
{
    struct html *h = &p->h;
    char text[HOUR_TEXT_MAX], flags[HOUR_FLAGS_MAX];

    hour_format(hour, text);
    if (!s) {
        html_putf(h,
                  "<span class=\"c n\" data-h=\"%s\"><span class=\"vh\">%s:00 nothing</span>"
                  "<span aria-hidden=\"true\">&#183;</span></span>",
                  text + 11, text + 11);
        return;
    }
    html_putf(h, "<a class=\"c %s%s\" data-h=\"%s\" href=\"/p/", hour_state_text(s->state),
              s->late ? " late" : "", text + 11);
    html_url(h, pipeline);
    html_putf(h, "/hour/%s\" title=\"%s:00 %s", text, text, hour_state_text(s->state));
    hour_flags(s, flags);
    html_putf(h, "%s%s, objects: ", flags[0] ? ", " : "", flags);
    page_count(p, s->objects);
    html_put(h, ", rows: ");
    page_count(p, s->rows_loaded);
    html_putf(h, "\" aria-label=\"%s:00 %s%s%s\">", text + 11, hour_state_text(s->state),
              flags[0] ? ", " : "", flags);
    put_mark(p, s);
    html_put(h, "</a>");
}

void page_legend(struct page *p)
{
    static const enum hour_state order[] = {HOUR_LOADED,  HOUR_EMPTY,    HOUR_QUEUED,
                                            HOUR_RUNNING, HOUR_RETRYING, HOUR_FAILED};
    struct html *h = &p->h;

    html_put(h, "<ul class=\"legend\" aria-label=\"Legend\">");
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        html_putf(h, "<li><span class=\"c %s\">%s</span>%s</li>", hour_state_text(order[i]),
                  page_letter(order[i]), hour_state_text(order[i]));
    html_put(h,
             "<li><span class=\"c empty late\">E!</span>late</li><li><span class=\"c loaded\">L*</span>with "
             "rejects</li><li><span class=\"c n\">&#183;</span>nothing known</li></ul>\n");
}
