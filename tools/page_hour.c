/*
 * page_hour: one hour: its state, its objects in the ledger, its failed attempts, its rejected records.
 *
 * Read at the request, over a connection of its own, at most HOUR_ROWS of each list.
 */
#include "tools/page.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/checks.h"

enum { HOUR_ROWS = 200, RAW_SHOWN = 160, ARENA_MAX = 40 * 1024 * 1024 };

/* What was read of it. */
struct hour_books {
    struct ledger_row *loads;
    struct attempt *attempts;
    struct reject *rejects;
    struct check_row *checks; /* that fired */
    struct buf arena;
    size_t nloads, nattempts, nrejects, nchecks;
    bool more_loads, more_attempts, more_rejects;
};

static enum err_code read_loads(struct sink *sink, hour_t hour, struct hour_books *b, struct err *err)
{
    struct ledger_query query = {.order = LEDGER_BY_ID, .has_hour = true, .hour = hour};
    size_t n = 1;

    while (n > 0 && b->nloads < HOUR_ROWS) {
        size_t room = HOUR_ROWS - b->nloads;

        if (sink_ledger_page(sink, &query, b->loads + b->nloads, room < REC_PAGE ? room : REC_PAGE, &n, err))
            return err->code;
        b->nloads += n;
        if (n > 0)
            query.after_id = b->loads[b->nloads - 1].id;
    }
    b->more_loads = b->nloads == HOUR_ROWS;
    return ERR_OK;
}

static enum err_code read_attempts(struct sink *sink, hour_t hour, struct hour_books *b, struct err *err)
{
    struct record_query query = {.has_hour = true, .hour = hour};
    size_t n = 1;

    while (n > 0 && b->nattempts < HOUR_ROWS) {
        size_t room = HOUR_ROWS - b->nattempts;

        if (sink_attempt_page(sink, &query, b->attempts + b->nattempts, room < REC_PAGE ? room : REC_PAGE, &n,
                              err))
            return err->code;
        b->nattempts += n;
        if (n > 0)
            query.after_id = b->attempts[b->nattempts - 1].id;
    }
    b->more_attempts = b->nattempts == HOUR_ROWS;
    return ERR_OK;
}

/* One page: its bytes live until the next is read. */
static enum err_code read_rejects(struct sink *sink, hour_t hour, struct hour_books *b, struct err *err)
{
    struct record_query query = {.has_hour = true, .hour = hour};

    if (sink_reject_page(sink, &query, b->rejects, REC_PAGE, &b->nrejects, &b->arena, err))
        return err->code;
    b->more_rejects = b->nrejects == REC_PAGE;
    return ERR_OK;
}

/* One page of what fired, without what was said of the hour by an earlier load of it. */
static enum err_code read_checks(struct sink *sink, hour_t hour, struct hour_books *b, struct err *err)
{
    struct record_query query = {.has_hour = true, .hour = hour, .only_replayable = true};
    struct judgements newest = {0};
    size_t n = 0;

    if (judgements_read(sink, &query, &newest, err) == ERR_OK)
        do {
            if (sink_check_page(sink, &query, b->checks + b->nchecks, REC_PAGE - b->nchecks, &n, err))
                break;
            for (size_t i = 0, from = b->nchecks; i < n; i++) {
                query.after_id = b->checks[from + i].id;
                if (judgements_hold(&newest, &b->checks[from + i]))
                    b->checks[b->nchecks++] = b->checks[from + i];
            }
        } while (n > 0 && b->nchecks < REC_PAGE);
    judgements_release(&newest);
    return err->code;
}

static enum err_code read_hour(const struct app *app, hour_t hour, struct hour_books *b, struct err *err)
{
    struct sink *sink = NULL;

    buf_init(&b->arena, ARENA_MAX);
    b->loads = mem_alloc(HOUR_ROWS * sizeof *b->loads);
    b->attempts = mem_alloc(HOUR_ROWS * sizeof *b->attempts);
    b->rejects = mem_alloc(REC_PAGE * sizeof *b->rejects);
    b->checks = mem_alloc(REC_PAGE * sizeof *b->checks);
    if (!b->loads || !b->attempts || !b->rejects || !b->checks)
        return err_nomem(err);
    if (app_open_target(app, true, 0, &sink, err) == ERR_OK && read_loads(sink, hour, b, err) == ERR_OK &&
        read_attempts(sink, hour, b, err) == ERR_OK && read_checks(sink, hour, b, err) == ERR_OK)
        (void)!read_rejects(sink, hour, b, err);
    sink_close(sink);
    return err->code;
}

static void release(struct hour_books *b)
{
    buf_release(&b->arena);
    mem_free(b->loads);
    mem_free(b->attempts);
    mem_free(b->rejects);
    mem_free(b->checks);
}

/* ---- lists ---- */

static void begin_list(struct page *p, const char *id, const char *title, size_t n, bool more)
{
    html_putf(&p->h, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s (%zu%s)</h2>\n", id, id, title, n,
              more ? " or more" : "");
}

static void head(struct page *p, const char *const *names)
{
    html_put(&p->h, "<table class=\"list\"><thead><tr>");
    for (; *names; names++)
        html_putf(&p->h, "<th scope=\"col\"%s>%s</th>", **names == '#' ? " class=\"num\"" : "",
                  *names + (**names == '#'));
    html_put(&p->h, "</tr></thead>\n<tbody>\n");
}

static void put_objects(struct page *p, const struct hour_books *b)
{
    static const char *const names[] = {"object", "#chunk", "kind", "#rows",    "#rejected",
                                        "#size",  "#time",  "run",  "finished", NULL};
    struct html *h = &p->h;
    char text[OUT_CELL_MAX];

    begin_list(p, "objects", "Objects in the table", b->nloads, b->more_loads);
    if (b->nloads == 0) {
        html_put(h, "<p class=\"soft\">None.</p>\n</section>\n");
        return;
    }
    head(p, names);
    for (size_t i = 0; i < b->nloads; i++) {
        const struct ledger_row *r = &b->loads[i];

        html_put(h, "<tr><th scope=\"row\" class=\"wide mono\" data-t=\"object\">");
        html_data(h, r->object);
        html_putf(
            h,
            "</th><td class=\"num\" data-t=\"chunk\">%lld%s</td><td data-t=\"kind\">%s</td><td class=\"num\" "
            "data-t=\"rows\">",
            (long long)r->chunk, r->last ? "" : " (open)", load_kind_text(r->kind));
        page_count(p, r->rows_loaded);
        html_put(h, "</td><td class=\"num\" data-t=\"rejected\">");
        page_count(p, r->rows_rejected);
        html_put(h, "</td><td class=\"num\" data-t=\"size\">");
        page_size(p, r->bytes);
        html_putf(h, "</td><td class=\"num\" data-t=\"time\">%s</td><td class=\"mono\" data-t=\"run\">",
                  out_duration((r->finished_us - r->started_us) / 1000, text));
        html_text(h, r->run_id);
        html_put(h, "</td><td data-t=\"finished\">");
        html_time(h, r->finished_us);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody></table>\n</section>\n");
}

static void put_attempts(struct page *p, const struct hour_books *b)
{
    static const char *const names[] = {"time", "object", "error", "message", "#read", "#rejected", NULL};
    struct html *h = &p->h;

    if (b->nattempts == 0)
        return;
    begin_list(p, "attempts", "Failed attempts", b->nattempts, b->more_attempts);
    head(p, names);
    for (size_t i = b->nattempts; i-- > 0;) {
        const struct attempt *a = &b->attempts[i];
        char message[REC_MESSAGE_MAX + 1];

        memcpy(message, a->message, sizeof message);
        log_redact(message);
        html_put(h, "<tr><td data-t=\"time\">");
        html_time(h, a->at_us);
        html_put(h, "</td><td class=\"wide mono\" data-t=\"object\">");
        html_data(h, a->object[0] ? a->object : "(the hour as one)");
        html_put(h, "</td><td data-t=\"error\"><code>");
        html_text(h, a->error_name);
        html_put(h, "</code></td><td class=\"wide\" data-t=\"message\">");
        html_data(h, message);
        html_put(h, "</td><td class=\"num\" data-t=\"read\">");
        page_count(p, a->rows_read);
        html_put(h, "</td><td class=\"num\" data-t=\"rejected\">");
        page_count(p, a->rows_rejected);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody></table>\n</section>\n");
}

static void put_checks(struct page *p, const struct hour_books *b)
{
    static const char *const names[] = {"time", "object", "check", "column", "#count", "found", NULL};
    struct html *h = &p->h;

    if (b->nchecks == 0)
        return;
    begin_list(p, "checks", "Checks that fired", b->nchecks, b->nchecks == REC_PAGE);
    head(p, names);
    for (size_t i = 0; i < b->nchecks; i++) {
        struct check_row *r = &b->checks[i];

        log_redact(r->message);
        html_put(h, "<tr><td data-t=\"time\">");
        html_time(h, r->at_us);
        html_put(h, "</td><td class=\"wide mono\" data-t=\"object\">");
        html_data(h, r->object[0] ? r->object : "(the hour as one)");
        html_put(h, "</td><td data-t=\"check\"><code>");
        html_data(h, r->name);
        html_put(h, "</code></td><td data-t=\"column\">");
        html_data(h, r->column);
        html_put(h, "</td><td class=\"num\" data-t=\"count\">");
        page_count(p, r->count);
        html_put(h, "</td><td class=\"wide\" data-t=\"found\">");
        html_data(h, r->message);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody></table>\n</section>\n");
}

static void put_raw(struct page *p, const struct reject *r)
{
    char raw[RAW_SHOWN + 1];
    size_t n = r->raw_len < RAW_SHOWN ? r->raw_len : RAW_SHOWN;

    while (n > 0 && (r->raw[n - 1] == '\n' || r->raw[n - 1] == '\r'))
        n--;
    for (size_t i = 0; i < n; i++)
        raw[i] = (char)(r->raw[i] ? r->raw[i] : ' ');
    raw[n] = '\0';
    html_data(&p->h, raw);
    if (r->raw_len > RAW_SHOWN)
        html_put(&p->h, " ...");
}

/* Those that a load keeps, or the samples of attempts that failed: a load of the same object that got through
 * counts its own. */
static void put_rejects(struct page *p, const struct hour_books *b, bool kept)
{
    static const char *const names[] = {"object", "#line", "reason", "column", "message", "record", NULL};
    struct html *h = &p->h;
    size_t n = 0;

    for (size_t i = 0; i < b->nrejects; i++)
        n += (b->rejects[i].load_id != 0) == kept;
    if (n == 0)
        return;
    begin_list(p, kept ? "rejects" : "samples",
               kept ? "Rejected records" : "Samples of what failed attempts rejected", n, b->more_rejects);
    head(p, names);
    for (size_t i = 0; i < b->nrejects; i++) {
        const struct reject *r = &b->rejects[i];

        if ((r->load_id != 0) != kept)
            continue;
        html_put(h, "<tr><td class=\"wide mono\" data-t=\"object\">");
        html_data(h, r->object);
        html_putf(h, "</td><td class=\"num\" data-t=\"line\">%lld</td><td data-t=\"reason\"><code>",
                  (long long)r->line);
        html_text(h, r->error_name);
        html_put(h, "</code></td><td data-t=\"column\">");
        html_data(h, r->column[0] ? r->column : "(the record)");
        html_put(h, "</td><td class=\"wide\" data-t=\"message\">");
        html_data(h, r->message);
        html_put(h, "</td><td class=\"wide mono\" data-t=\"record\">");
        put_raw(p, r);
        html_put(h, "</td></tr>\n");
    }
    html_put(h, "</tbody></table>\n</section>\n");
}

static void put_rejects_command(struct page *p, const struct lane_look *look, hour_t hour)
{
    char command[LANE_COMMAND_MAX];

    lane_command(look, "rejects show", true, hour, command);
    page_command(p, command);
}

/* ---- the page ---- */

static void put_state(struct page *p, const struct hour_status *s)
{
    struct html *h = &p->h;
    char flags[HOUR_FLAGS_MAX], error[REC_MESSAGE_MAX + 1];

    if (!s) {
        html_put(h, "<p class=\"soft\">Nothing is known of this hour.</p>\n");
        return;
    }
    hour_flags(s, flags);
    html_putf(h, "<p><span class=\"s %s%s\">%s</span> %s</p>\n", hour_state_text(s->state),
              s->late ? " late" : "", hour_state_text(s->state), flags);
    if (s->held && s->owner) {
        html_put(h, "<p>Held by <code>");
        html_text(h, s->owner);
        html_put(h, "</code></p>\n");
    }
    if (!s->error)
        return;
    snprintf(error, sizeof error, "%s", s->error);
    log_redact(error);
    html_put(h, "<p class=\"note\">");
    html_data(h, error);
    html_putf(h, " &#8212; attempts: %d", s->attempts);
    if (s->next_try_us) {
        html_put(h, ", next try ");
        html_time(h, s->next_try_us);
    }
    html_put(h, "</p>\n");
}

static void link_hour(struct page *p, const char *pipeline, hour_t hour, const char *text)
{
    char name[HOUR_TEXT_MAX];

    hour_format(hour, name);
    html_put(&p->h, "<a href=\"/p/");
    html_url(&p->h, pipeline);
    html_putf(&p->h, "/hour/%s\">%s</a>", name, text);
}

static void put_head(struct page *p, const struct lane_look *look, hour_t hour)
{
    struct html *h = &p->h;
    const char *name = look->pipeline->name;
    char text[HOUR_TEXT_MAX], title[REC_PIPELINE_MAX + 32];

    hour_format(hour, text);
    snprintf(title, sizeof title, "%s %s", name, text);
    page_begin(p, "", title);
    page_crumbs(p, name);
    html_putf(h, "<h1>Hour %s</h1>\n", text);
    put_state(p, look->snapshot ? hours_find(&look->snapshot->hours, hour) : NULL);
    html_put(h, "<nav class=\"nav\" aria-label=\"Hours\">");
    if (hour > HOUR_MIN)
        link_hour(p, name, hour - 1, "&#8592; the hour before");
    if (hour < HOUR_MAX)
        link_hour(p, name, hour + 1, "the hour after &#8594;");
    html_put(h, "</nav>\n</header>\n<main id=\"main\">\n");
}

enum err_code page_hour(struct page *p, const struct lane_look *look, const struct app *app, hour_t hour,
                        struct err *err)
{
    struct hour_books books = {0};
    struct err unread = ERR_INIT;
    char text[HOUR_TEXT_MAX], api[160];

    hour_format(hour, text);
    put_head(p, look, hour);
    if (read_hour(app, hour, &books, &unread) == ERR_OK) {
        put_objects(p, &books);
        put_attempts(p, &books);
        put_checks(p, &books);
        put_rejects(p, &books, true);
        put_rejects(p, &books, false);
        if (books.nrejects)
            put_rejects_command(p, look, hour);
    } else {
        log_redact(unread.msg);
        html_putf(&p->h, "<p class=\"note\" role=\"status\">The books cannot be read now: <code>%s</code>: ",
                  err_name_text(unread.name));
        html_data(&p->h, unread.msg);
        html_put(&p->h, "</p>\n");
    }
    release(&books);
    snprintf(api, sizeof api, "/api/v1/p/%s/history?hour=%s", look->pipeline->name, text);
    page_end(p, api);
    return err->code;
}
