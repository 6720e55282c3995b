/*
 * cmd_serve: `sluice serve`: many pipelines by their schedules, and a page about them, until it is stopped.
 *
 *   load the files -> lanes -> listen -> pool -> (SIGTERM, SIGINT) -> the hours at work end, or are rolled
 * back after the grace -> stop listening
 *
 * Invariants: whatever is wrong with a file, a schedule or the address is said before anything is started,
 * with exit 2; from then on nothing but a signal ends it, and that is no failure.
 */
#include "core/base/log.h"
#include "core/base/mem.h"
#include "tools/apps.h"
#include "tools/pool.h"
#include "tools/routes.h"
#include "tools/stop.h"

enum { SERVE_NAP_MS = 200 };

struct serve {
    struct apps apps;
    struct lane *lanes;
    size_t n; /* lanes that were initialised */
    struct notifier *notifier;
    struct pool *pool;
    struct http *http;
    struct routes routes;
};

static enum err_code make_lanes(struct serve *s, struct err *err)
{
    s->lanes = mem_calloc(s->apps.n, sizeof *s->lanes);
    if (!s->lanes)
        return err_nomem(err);
    for (; s->n < s->apps.n && err->code == ERR_OK; s->n++)
        (void)!lane_init(&s->lanes[s->n], &s->apps.items[s->n], s->notifier, err);
    return err->code;
}

static enum err_code listen_at(struct serve *s, const struct app *app, struct err *err)
{
    const struct http_options options = {.listen = app->options->listen,
                                         .public = app->options->given[OPT_LISTEN_PUBLIC],
                                         .handler = routes_handle,
                                         .ctx = &s->routes};

    s->routes = (struct routes){
        .lanes = s->lanes, .n = s->n, .notifier = s->notifier, .started_us = clock_wall_us(clock_real())};
    return http_start(&options, &s->http, err);
}

static void wait_for_the_end(void)
{
    while (!atomic_load(stop_ending()))
        clock_sleep_us(clock_real(), SERVE_NAP_MS * 1000);
}

static enum err_code run(struct serve *s, struct app *app, struct err *err)
{
    if (notifier_start(&s->notifier, err) || make_lanes(s, err) || listen_at(s, app, err))
        return err->code;
    log_msg(LOG_INFO, "serving %zu %s at %s", s->n, s->n == 1 ? "pipeline" : "pipelines", http_url(s->http));
    if (pool_start(s->lanes, s->n, stop_ending(), &s->pool, err) == ERR_OK)
        wait_for_the_end();
    if (err->code == ERR_OK)
        log_msg(LOG_INFO, "stopping: hours at work are finished first");
    return err->code;
}

enum err_code cmd_serve(struct app *app, struct err *err)
{
    struct serve s = {0};

    out_init();
    stop_ignore_broken_output();
    stop_catch_grace(app->options->grace_ms);
    if (apps_load(app->options, &s.apps, err) == ERR_OK)
        (void)!run(&s, app, err);
    pool_stop(s.pool);
    http_stop(s.http);
    for (size_t i = 0; i < s.n; i++)
        lane_release(&s.lanes[i]);
    notifier_stop(s.notifier);
    mem_free(s.lanes);
    apps_release(&s.apps);
    if (err->code == ERR_OK)
        stop_forget();
    return err->code;
}
