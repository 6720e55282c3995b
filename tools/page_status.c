/*
 * page_status: one pipeline: how it is, what needs somebody, the grid of days and hours, what is going on,
 * what was loaded, what was refused.
 *
 * Whatever a list leaves out it says, with the command that shows it all.
 */
#include "tools/page.h"

#include <string.h>

#include "core/base/log.h"
#include "tools/queue_out.h"

/* ---- facts ---- */

static void fact(struct page *p, const char *class, const char *name)
{
    html_putf(&p->h, "<div%s%s%s><dt>%s</dt><dd>", class[0] ? " class=\"" : "", class, class[0] ? "\"" : "",
              name);
}

static void end_fact(struct page *p)
{
    html_put(&p->h, "</dd></div>\n");
}

static void put_queue_fact(struct page *p, const struct lane_look *look)
{
    const struct snapshot *s = look->snapshot;
    char text[CLOCK_TEXT_MAX];

    fact(p, "", "Queue");
    page_count(p, s->depth);
    html_put(&p->h, s->depth == 1 ? " hour" : " hours");
    html_put(&p->h, "<small>");
    if (s->depth > 0) {
        html_put(&p->h, "the oldest waits for ");
        page_age(p, look->now_us - hour_start_us(s->oldest + 1));
        html_put(&p->h, "; ");
    }
    if (look->next_work_us > look->now_us) {
        clock_format(look->next_work_us, text);
        html_putf(&p->h, "worked next at %.8s", text + 11);
    } else {
        html_put(&p->h, look->connected ? "worked now" : "not worked yet");
    }
    html_put(&p->h, "</small>");
    end_fact(p);
}

static void put_success_fact(struct page *p, const struct lane_look *look)
{
    char text[CLOCK_TEXT_MAX];

    fact(p, "", "Last success");
    if (look->last_success_us) {
        clock_format(look->last_success_us, text);
        html_putf(&p->h, "<time datetime=\"%s\">%.8s<small>%.10s, ", text, text + 11, text);
        page_age(p, look->now_us - look->last_success_us);
        html_put(&p->h, " ago</small></time>");
    } else {
        html_put(&p->h, "never");
    }
    end_fact(p);
}

static void put_facts(struct page *p, const struct lane_look *look)
{
    const struct snapshot *s = look->snapshot;
    struct html *h = &p->h;

    html_put(h, "<dl class=\"facts\">\n");
    put_success_fact(p, look);
    if (s) {
        put_queue_fact(p, look);
        fact(p, s->totals.states[HOUR_FAILED] ? "failed" : "", "Failed");
        page_count(p, s->totals.states[HOUR_FAILED]);
        html_put(h, s->totals.states[HOUR_FAILED] == 1 ? " hour" : " hours");
        end_fact(p);
        fact(p, s->totals.late ? "late" : "", "Late");
        page_count(p, s->totals.late);
        html_put(h, s->totals.late == 1 ? " hour" : " hours");
        end_fact(p);
        fact(p, "", "In the table");
        page_count(p, s->totals.rows_loaded);
        html_put(h, " rows<small>of ");
        page_count(p, s->totals.objects);
        html_put(h, " objects, ");
        page_size(p, s->totals.bytes);
        html_put(h, "; rejected ");
        page_count(p, s->totals.rows_rejected);
        html_put(h, "</small>");
        end_fact(p);
    }
    html_put(h, "</dl>\n");
}

/* ---- what needs somebody ---- */

static void put_explanation(struct page *p, const char *name)
{
    enum err_name known = err_name_find(name);

    if (known == ERRN_NONE)
        return;
    html_put(&p->h, "<p class=\"soft\">");
    html_text(&p->h, err_name_help(known));
    html_put(&p->h, "</p>\n");
}

static void put_trouble(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const char *name = err_name_text(look->trouble.name);
    char command[LANE_COMMAND_MAX];

    html_putf(h, "<article><h3>Nothing can be loaded: <code>%s</code></h3>\n<p>", name);
    html_data(h, look->trouble.msg);
    html_put(h, "</p>\n");
    put_explanation(p, name);
    html_put(h, "<p>Since ");
    html_time(h, look->trouble_since_us);
    html_put(h, " UTC. Next try: ");
    html_time(h, look->again_us);
    html_put(h, " UTC.</p>\n");
    lane_command(look, lane_cure(name, false), false, 0, command);
    page_command(p, command);
    html_put(h, "</article>\n");
}

static void put_cure(struct page *p, const struct lane_look *look, const char *what, const char *cure,
                     hour_t hour)
{
    char command[LANE_COMMAND_MAX];

    html_putf(&p->h, "<p>%s:</p>\n", what);
    lane_command(look, cure, true, hour, command);
    page_command(p, command);
}

/* The claim keeps "NAME: message". */
static void put_failed(struct page *p, const struct lane_look *look, const struct hour_status *s)
{
    struct html *h = &p->h;
    char name[REC_NAME_MAX + 1] = "", hour[HOUR_TEXT_MAX];
    char message[REC_MESSAGE_MAX + 1];
    const char *error = s->error ? s->error : "", *cure = "queue retry";
    size_t len = strcspn(error, ":");

    if (len < sizeof name)
        memcpy(name, error, len);
    cure = lane_cure(name, true);
    snprintf(message, sizeof message, "%s", error[len] ? error + len + 1 + (error[len + 1] == ' ') : "");
    log_redact(message);
    hour_format(s->hour, hour);
    html_putf(h, "<article><h3><a href=\"/p/");
    html_url(h, look->pipeline->name);
    html_putf(h, "/hour/%s\">%s</a> %s: <code>", hour, hour, hour_state_text(s->state));
    html_text(h, name[0] ? name : "unknown");
    html_put(h, "</code></h3>\n<p>");
    html_data(h, message);
    html_put(h, "</p>\n");
    put_explanation(p, name);
    html_putf(h, "<p>Attempts: %d. Next try: ", s->attempts);
    if (s->state == HOUR_RETRYING && s->next_try_us) {
        html_time(h, s->next_try_us);
        html_put(h, " UTC.");
    } else {
        html_put(h, s->state == HOUR_RETRYING ? "soon." : "none, it was given up.");
    }
    html_put(h, "</p>\n");
    if (strcmp(cure, "queue retry") != 0)
        put_cure(p, look, strcmp(cure, "run --reload") == 0 ? "To take its new content" : "To see why", cure,
                 s->hour);
    if (s->state == HOUR_FAILED)
        put_cure(p, look, "To try again, after a fix", "queue retry", s->hour);
    html_put(h, "</article>\n");
}

static bool is_trouble(const struct hour_status *s)
{
    return s->state == HOUR_FAILED || (s->state == HOUR_RETRYING && s->error);
}

static void put_late(struct page *p, const struct lane_look *look, int64_t late)
{
    struct html *h = &p->h;
    char command[LANE_COMMAND_MAX];
    int shown = 0;

    html_putf(
        h,
        "<article><h3>%lld %s</h3>\n<p>No object came by the time that <code>source.expect_within</code> "
        "allows:",
        (long long)late, late == 1 ? "hour is late" : "hours are late");
    for (size_t i = look->snapshot->hours.n; i-- > 0 && shown < PAGE_ROWS;) {
        const struct hour_status *s = &look->snapshot->hours.items[i];
        char hour[HOUR_TEXT_MAX];

        if (!s->late)
            continue;
        hour_format(s->hour, hour);
        html_putf(h, "%s %s", shown++ ? "," : "", hour);
    }
    html_putf(h, "%s.</p>\n", late > shown ? ", ..." : "");
    lane_command(look, "plan", false, 0, command);
    page_command(p, command);
    html_put(h, "</article>\n");
}

static void put_needs(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const struct snapshot *s = look->snapshot;
    int64_t late = s ? s->totals.late : 0, all = 0, shown = 0;

    for (size_t i = 0; s && i < s->hours.n; i++)
        all += is_trouble(&s->hours.items[i]);
    if (all == 0 && late == 0 && look->trouble.code == ERR_OK)
        return;
    html_put(h,
             "<section class=\"alert\" aria-labelledby=\"needs\">\n<h2 id=\"needs\">Needs somebody</h2>\n");
    if (look->trouble.code != ERR_OK)
        put_trouble(p, look);
    for (size_t i = s ? s->hours.n : 0; i-- > 0 && shown < PAGE_ROWS;) {
        if (is_trouble(&s->hours.items[i])) {
            put_failed(p, look, &s->hours.items[i]);
            shown++;
        }
    }
    if (all > shown)
        html_putf(h, "<article><p>%lld more: <code>sluice status</code> shows all.</p></article>\n",
                  (long long)(all - shown));
    if (late > 0)
        put_late(p, look, late);
    html_put(h, "</section>\n");
}

/* ---- what is going on ---- */

static void put_progress(struct page *p, const char *name, int64_t done, int64_t total, bool size)
{
    struct html *h = &p->h;

    html_putf(h, "<p>%s: ", name);
    if (size)
        page_size(p, done);
    else
        page_count(p, done);
    html_put(h, " of ");
    if (size)
        page_size(p, total);
    else
        page_count(p, total);
    html_putf(h, " <progress max=\"%lld\" value=\"%lld\" aria-label=\"%s\"></progress></p>\n",
              (long long)(total > 0 ? total : 1),
              (long long)(done < total ? done
                          : total > 0  ? total
                                       : 0),
              name);
}

static void put_work(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    char hour[HOUR_TEXT_MAX];

    if (!look->working)
        return;
    hour_format(look->hour, hour);
    html_putf(
        h, "<section aria-labelledby=\"work\">\n<h2 id=\"work\">Loading hour %s</h2>\n<p class=\"soft\">for ",
        hour);
    page_age(p, look->now_us - look->began_us);
    html_put(h, "</p>\n");
    put_progress(p, "objects", look->objects_done, look->objects_total, false);
    put_progress(p, "bytes", look->bytes_done, look->bytes_total, true);
    html_put(h, "</section>\n");
}

static void put_queue_row(struct page *p, const struct backlog_item *item)
{
    struct html *h = &p->h;
    char hour[HOUR_TEXT_MAX];

    hour_format(item->hour, hour);
    html_putf(h,
              "<tr><th scope=\"row\" class=\"hour\" data-t=\"hour\">%s</th><td data-t=\"is\">%s</td><td "
              "class=\"num\" "
              "data-t=\"attempts\">%d</td><td data-t=\"next try\">",
              hour, queue_class_text(item->class), item->attempts);
    if (item->class == BACKLOG_WAITING && item->next_try_us)
        html_time(h, item->next_try_us);
    else
        html_put(h, item->class == BACKLOG_READY ? "when it is its turn" : "&#8211;");
    html_put(h, "</td></tr>\n");
}

static void put_queue(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    const struct backlog *b = &look->snapshot->backlog;
    int64_t shown = 0, all = 0;
    char command[LANE_COMMAND_MAX];

    html_put(h, "<section aria-labelledby=\"queue\">\n<h2 id=\"queue\">Queue</h2>\n");
    for (size_t i = 0; i < b->n; i++)
        all += b->items[i].class != BACKLOG_FAILED && b->items[i].class != BACKLOG_IDLE;
    if (all == 0)
        html_put(h, "<p class=\"soft\">No hour waits.</p>\n");
    else
        html_put(h, "<table class=\"list\"><caption class=\"vh\">Hours that wait</caption><thead><tr><th "
                    "scope=\"col\">hour</th><th scope=\"col\">is</th><th scope=\"col\" "
                    "class=\"num\">attempts</th><th "
                    "scope=\"col\">next try</th></tr></thead>\n<tbody>\n");
    for (size_t i = 0; i < b->n && shown < PAGE_ROWS; i++) {
        if (b->items[i].class == BACKLOG_FAILED || b->items[i].class == BACKLOG_IDLE)
            continue;
        put_queue_row(p, &b->items[i]);
        shown++;
    }
    html_put(h, all ? "</tbody></table>\n" : "");
    if (all > shown) {
        html_putf(h, "<p>%lld more:</p>\n", (long long)(all - shown));
        lane_command(look, "queue ls", false, 0, command);
        page_command(p, command);
    }
    if (look->snapshot->others > 0)
        html_putf(h, "<p class=\"soft\">%lld other names in the queue's place are no queue files.</p>\n",
                  (long long)look->snapshot->others);
    html_put(h, "</section>\n");
}

void page_status(struct page *p, const struct lane_look *look)
{
    struct html *h = &p->h;
    struct page_verdict v = page_judge(look);
    char api[128];

    page_begin(p, v.text, look->pipeline->name);
    page_crumbs(p, NULL);
    html_put(h, "<h1>");
    html_text(h, look->pipeline->name);
    if (look->pipeline->env) {
        html_put(h, " <span class=\"tag\">");
        html_text(h, look->pipeline->env);
        html_put(h, "</span>");
    }
    html_putf(h, "</h1>\n<p class=\"now\"><span class=\"s %s\" role=\"status\">%s</span>", v.class, v.text);
    page_as_of(p, look);
    html_put(h, "</p>\n");
    page_stale(p, look);
    put_facts(p, look);
    html_put(h, "</header>\n<main id=\"main\">\n");
    put_needs(p, look);
    put_work(p, look);
    if (look->snapshot) {
        page_grid(p, look);
        html_put(h, "<div class=\"two\">\n");
        put_queue(p, look);
        page_reasons(p, look);
        html_put(h, "</div>\n");
        page_loads(p, look);
        page_attempts(p, look);
    }
    snprintf(api, sizeof api, "/api/v1/p/%s/status", look->pipeline->name);
    page_end(p, api);
}
