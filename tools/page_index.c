/*
 * page_index: all pipelines, a line each: how each is, its last day hour by hour, its queue.
 *
 * Those that need somebody come first; within a kind the order is that of the files.
 */
#include "tools/page.h"

enum { STRIP_HOURS = 24 };

static void put_strip(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    hour_t last = hour_of_us(look->now_us) - 1;

    html_put(h, "<span class=\"strip\" role=\"img\" aria-label=\"the last 24 hours, oldest first:");
    for (hour_t hour = last - STRIP_HOURS + 1; hour <= last; hour++) {
        const struct hour_status *s = look->snapshot ? hours_find(&look->snapshot->hours, hour) : NULL;

        html_putf(h, " %s%s", s ? hour_state_text(s->state) : "nothing", hour < last ? "," : "");
    }
    html_put(h, "\">");
    for (hour_t hour = last - STRIP_HOURS + 1; hour <= last; hour++) {
        const struct hour_status *s = look->snapshot ? hours_find(&look->snapshot->hours, hour) : NULL;

        html_putf(h, "<span class=\"c %s%s\" aria-hidden=\"true\">%s</span>",
                  s ? hour_state_text(s->state) : "n", s && s->late ? " late" : "",
                  s ? page_letter(s->state) : "&#183;");
    }
    html_put(h, "</span>");
}

static void put_queue(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const struct snapshot *s = look->snapshot;

    if (!s) {
        html_put(h, "?");
        return;
    }
    page_count(p, s->depth);
    if (s->depth == 0)
        return;
    html_put(h, " <span class=\"soft\">(");
    page_age(p, look->now_us - hour_start_us(s->oldest + 1));
    html_put(h, ")</span>");
}

static void put_row(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    struct page_verdict v = page_judge(look);

    html_put(h, "<tr><th scope=\"row\" data-t=\"pipeline\"><a href=\"/p/");
    html_url(h, look->pipeline->name);
    html_put(h, "\">");
    html_text(h, look->pipeline->name);
    html_putf(h,
              "</a></th><td class=\"how\" data-t=\"now\"><span class=\"s %s\">%s</span></td><td "
              "class=\"day\" data-t=\"last day\">",
              v.class, v.word);
    put_strip(p, look);
    html_put(h, "</td><td class=\"num\" data-t=\"queue\">");
    put_queue(p, look);
    html_put(h, "</td><td class=\"num\" data-t=\"failed\">");
    page_count(p, look->snapshot ? look->snapshot->totals.states[HOUR_FAILED] : 0);
    html_put(h, "</td><td class=\"num\" data-t=\"late\">");
    page_count(p, look->snapshot ? look->snapshot->totals.late : 0);
    html_put(h, "</td><td class=\"when\" data-t=\"last success\">");
    html_time(h, look->last_success_us);
    html_put(h, "</td></tr>\n");
}

static int rank(const struct lane_look *look)
{
    char first = page_judge(look).word[0];

    return first == 't' ? 0 : first == 'f' ? 1 : first == 'l' ? 2 : 3;
}

/* The oldest of them: nothing on the page is older. */
static int64_t as_of(const struct lane_look *looks, size_t n)
{
    int64_t least = 0;

    for (size_t i = 0; i < n; i++) {
        if (looks[i].snapshot && (least == 0 || looks[i].snapshot->as_of_us < least))
            least = looks[i].snapshot->as_of_us;
    }
    return least;
}

static void put_head(struct page *p, const struct lane_look *looks, size_t n)
{
    static const char *const words[] = {"in trouble", "with failed hours", "late"};
    struct html *h = &p->h;
    int64_t kinds[4] = {0}, time = as_of(looks, n);
    const char *class = "well";
    char state[128];
    size_t len = 0;

    for (size_t i = 0; i < n; i++)
        kinds[rank(&looks[i])]++;
    for (int kind = 0; kind < 3; kind++) {
        if (kinds[kind])
            len += (size_t)snprintf(state + len, sizeof state - len, "%s%lld %s", len ? ", " : "",
                                    (long long)kinds[kind], words[kind]);
    }
    if (len == 0)
        snprintf(state, sizeof state, "all %zu are well", n);
    else
        class = kinds[0] + kinds[1] ? "failed" : "retrying";
    page_begin(p, state, "pipelines");
    html_putf(h, "<h1>%zu pipelines</h1>\n<p class=\"now\"><span class=\"s %s\" role=\"status\">%s</span>", n,
              class, state);
    if (time) {
        html_put(h, "<span class=\"soft\">as of ");
        html_time(h, time);
        html_put(h, " UTC</span>");
    }
    html_put(h, "</p>\n</header>\n<main id=\"main\">\n");
}

void page_index(struct page *p, const struct lane_look *looks, size_t n)
{
    struct html *h = &p->h;

    put_head(p, looks, n);
    html_put(
        h, "<section>\n<table class=\"list all\">\n<caption class=\"vh\">Pipelines, those that need somebody "
           "first</caption><thead><tr><th scope=\"col\">pipeline</th><th scope=\"col\">now</th><th "
           "scope=\"col\">last 24 hours</th><th scope=\"col\" class=\"num\">queue</th><th scope=\"col\" "
           "class=\"num\">failed</th><th scope=\"col\" class=\"num\">late</th><th scope=\"col\">last "
           "success</th></tr></thead>\n<tbody>\n");
    for (int kind = 0; kind < 4; kind++) {
        for (size_t i = 0; i < n; i++) {
            if (rank(&looks[i]) == kind)
                put_row(p, &looks[i]);
        }
    }
    html_put(h, "</tbody></table>\n");
    page_legend(p);
    html_put(h, "</section>\n");
    page_end(p, "/api/v1/pipelines");
}
