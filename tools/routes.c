/*
 * routes: see routes.h.
 *
 *   /                        the one pipeline, or all of them
 *   /p/NAME                  a pipeline: ?days=N &to=YYYY-MM-DD &refresh=off
 *   /p/NAME/hour/H           an hour
 *   /metrics /healthz /readyz /style.css /icon.svg
 *   /api/v1/pipelines  /api/v1/p/NAME/{status,queue,history?hour=H|run=ID}
 */
#include "tools/routes.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tools/api.h"
#include "tools/metrics.h"
#include "tools/page.h"

#define JSON  "application/json"
#define PLAIN "text/plain; charset=utf-8"

static enum err_code no_page(const struct http_request *request, struct err *err)
{
    return err_set(err, ERRN_NOT_FOUND, "nothing is at %.200s", request->path);
}

/* Each reader has a connection of its own to the target: a page that many ask for must not be too much for
 * it. True: end_reading() follows. */
static bool begin_reading(struct routes *r, struct err *err)
{
    if (atomic_fetch_add(&r->readers, 1) < ROUTES_READERS_MAX)
        return true;
    atomic_fetch_sub(&r->readers, 1);
    err_set(err, ERRN_DB_BUSY, "%d requests are reading the books already; try again soon",
            ROUTES_READERS_MAX);
    return false;
}

static void end_reading(struct routes *r)
{
    atomic_fetch_sub(&r->readers, 1);
}

/* ---- all lanes ---- */

static struct lane_look *look_all(const struct routes *r, struct err *err)
{
    struct lane_look *looks = mem_calloc(r->n, sizeof *looks);

    if (!looks)
        err_nomem(err);
    for (size_t i = 0; looks && i < r->n; i++)
        lane_look(&r->lanes[i], &looks[i]);
    return looks;
}

static void end_all(const struct routes *r, struct lane_look *looks)
{
    for (size_t i = 0; looks && i < r->n; i++)
        lane_look_end(&looks[i]);
    mem_free(looks);
}

static enum err_code answer_ready(const struct routes *r, struct http_answer *answer, struct err *err)
{
    struct lane_look *looks = look_all(r, err);

    answer->type = PLAIN;
    for (size_t i = 0; looks && i < r->n && err->code == ERR_OK; i++) {
        const struct lane_look *l = &looks[i];
        const struct err *why = l->trouble.code ? &l->trouble : &l->books;

        if (l->ready)
            continue;
        answer->status = 503;
        (void)!buf_printf(&answer->body, err, "%s: %s\n", l->pipeline->name,
                          why->code ? err_name_text(why->name) : "not connected yet");
    }
    end_all(r, looks);
    return err->code || answer->status != 200 ? err->code : buf_append_str(&answer->body, "ready\n", err);
}

static enum err_code answer_metrics(const struct routes *r, struct http_answer *answer, struct err *err)
{
    struct metrics m = {
        .lanes = r->lanes, .n = r->n, .started_us = r->started_us, .notified = notifier_counts(r->notifier)};
    struct lane_look *looks = look_all(r, err);

    answer->type = "text/plain; version=0.0.4; charset=utf-8";
    m.looks = looks;
    if (looks)
        (void)!metrics_put(&m, &answer->body, err);
    end_all(r, looks);
    return err->code;
}

static enum err_code answer_pipelines(const struct routes *r, struct http_answer *answer, struct err *err)
{
    struct lane_look *looks = look_all(r, err);

    answer->type = JSON;
    if (looks)
        (void)!api_pipelines(looks, r->n, &answer->body, err);
    end_all(r, looks);
    return err->code;
}

/* ---- pages ---- */

static enum err_code read_days(const struct http_request *request, struct page *page, struct err *err)
{
    const char *days = http_query(request, "days"), *to = http_query(request, "to");
    hour_t hour;

    page->days = PAGE_DAYS;
    if (days) {
        char *end;
        long n = strtol(days, &end, 10);

        if (*end || end == days || n < 1 || n > PAGE_DAYS_MAX)
            return err_set(err, ERRN_USAGE, "days is a number from 1 to %d", PAGE_DAYS_MAX);
        page->days = (int)n;
    }
    if (!to)
        return ERR_OK;
    if (strlen(to) != 10 || hour_parse(to, &hour, err)) {
        err_clear(err);
        return err_set(err, ERRN_USAGE, "to is a day: YYYY-MM-DD");
    }
    page->last = hour / 24;
    return ERR_OK;
}

static enum err_code begin_page(const struct routes *r, const struct http_request *request, const char *path,
                                struct http_answer *answer, struct page *page, struct err *err)
{
    const char *refresh = http_query(request, "refresh");

    *page = (struct page){.h = {&answer->body, err},
                          .path = path,
                          .refresh = !refresh || strcmp(refresh, "off") != 0,
                          .alone = r->n == 1};
    return read_days(request, page, err);
}

static enum err_code answer_index(const struct routes *r, const struct http_request *request,
                                  struct http_answer *answer, struct err *err)
{
    struct page page;
    struct lane_look *looks;

    if (begin_page(r, request, "/", answer, &page, err) || !(looks = look_all(r, err)))
        return err->code;
    if (r->n == 1)
        page_status(&page, &looks[0]);
    else
        page_index(&page, looks, r->n);
    end_all(r, looks);
    return err->code;
}

/* The lane of /p/NAME..., and what is behind the name. */
static struct lane *find_lane(const struct routes *r, const char *name, const char **rest)
{
    size_t len = strcspn(name, "/");

    *rest = name + len;
    for (size_t i = 0; i < r->n; i++) {
        const char *known = r->lanes[i].app->pipeline->name;

        if (strlen(known) == len && strncmp(known, name, len) == 0)
            return &r->lanes[i];
    }
    return NULL;
}

static enum err_code answer_page(struct routes *r, const struct http_request *request, const char *name,
                                 struct http_answer *answer, struct err *err)
{
    const char *rest;
    struct lane *lane = find_lane(r, name, &rest);
    char path[HTTP_PATH_MAX + 1];
    struct lane_look look;
    struct page page;
    hour_t hour = 0;
    bool of_hour = strncmp(rest, "/hour/", 6) == 0;

    if (!lane || (*rest && !of_hour) || (of_hour && hour_parse(rest + 6, &hour, err))) {
        err_clear(err);
        return no_page(request, err);
    }
    /* Of the name and the hour as sluice writes them, not as they were asked for. */
    snprintf(path, sizeof path, "/p/%s", lane->app->pipeline->name);
    if (of_hour) {
        char text[HOUR_TEXT_MAX];

        hour_format(hour, text);
        snprintf(path, sizeof path, "/p/%s/hour/%s", lane->app->pipeline->name, text);
    }
    if (begin_page(r, request, path, answer, &page, err) || (of_hour && !begin_reading(r, err)))
        return err->code;
    lane_look(lane, &look);
    if (of_hour)
        (void)!page_hour(&page, &look, lane->app, hour, err);
    else
        page_status(&page, &look);
    lane_look_end(&look);
    if (of_hour)
        end_reading(r);
    return err->code;
}

/* ---- documents ---- */

static enum err_code answer_history(struct routes *r, const struct app *app,
                                    const struct http_request *request, struct buf *body, struct err *err)
{
    const char *hour = http_query(request, "hour");
    struct record_query query = {.run_id = http_query(request, "run")};

    if (hour && hour_parse(hour, &query.hour, err))
        return err_context(err, "hour");
    query.has_hour = hour != NULL;
    if (!hour && !query.run_id)
        return err_set(err, ERRN_USAGE, "give ?hour=H or ?run=ID; `sluice history` shows all there is");
    if (!begin_reading(r, err))
        return err->code;
    (void)!api_history(app, &query, body, err);
    end_reading(r);
    return err->code;
}

static enum err_code answer_document(struct routes *r, const struct http_request *request, const char *name,
                                     struct http_answer *answer, struct err *err)
{
    const char *rest;
    struct lane *lane = find_lane(r, name, &rest);
    struct lane_look look;

    if (!lane)
        return no_page(request, err);
    answer->type = JSON;
    if (strcmp(rest, "/history") == 0)
        return answer_history(r, lane->app, request, &answer->body, err);
    lane_look(lane, &look);
    if (strcmp(rest, "/status") == 0)
        (void)!api_status(&look, &answer->body, err);
    else if (strcmp(rest, "/queue") == 0)
        (void)!api_queue(&look, &answer->body, err);
    else
        no_page(request, err);
    lane_look_end(&look);
    return err->code;
}

/* ---- which is which ---- */

static enum err_code answer_text(struct http_answer *answer, const char *type, bool cacheable,
                                 const char *text, struct err *err)
{
    answer->type = type;
    answer->cacheable = cacheable;
    return buf_append_str(&answer->body, text, err);
}

static enum err_code answer_style(struct http_answer *answer, struct err *err)
{
    answer->type = "text/css; charset=utf-8";
    answer->cacheable = true;
    for (const char *const *part = page_style; *part && err->code == ERR_OK; part++)
        (void)!buf_append_str(&answer->body, *part, err);
    return err->code;
}

static const char *behind(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(path, prefix, len) == 0 ? path + len : NULL;
}

enum err_code routes_handle(void *ctx, const struct http_request *request, struct http_answer *answer,
                            struct err *err)
{
    struct routes *r = ctx;
    const char *path = request->path, *rest;

    if (strcmp(path, "/") == 0)
        return answer_index(r, request, answer, err);
    if ((rest = behind(path, "/p/")))
        return answer_page(r, request, rest, answer, err);
    if ((rest = behind(path, "/api/v1/p/")))
        return answer_document(r, request, rest, answer, err);
    if (strcmp(path, "/api/v1/pipelines") == 0)
        return answer_pipelines(r, answer, err);
    if (strcmp(path, "/metrics") == 0)
        return answer_metrics(r, answer, err);
    if (strcmp(path, "/healthz") == 0)
        return answer_text(answer, PLAIN, false, "ok\n", err);
    if (strcmp(path, "/readyz") == 0)
        return answer_ready(r, answer, err);
    if (strcmp(path, "/style.css") == 0)
        return answer_style(answer, err);
    if (strcmp(path, "/icon.svg") == 0)
        return answer_text(answer, "image/svg+xml", true, page_icon, err);
    return no_page(request, err);
}
