/*
 * progress: the bar.
 *
 * Invariants: one mutex guards the terminal line; it is held from "before" to "after" of each log line, so a
 * log line never lands inside the bar. The drawing thread blocks all signals: they are the main thread's. It
 * never logs.
 *
 *   states: running -bar_stop-> stopping -> joined, line wiped out
 */
#include "tools/progress.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"

enum { PERIOD_US = 200000, BAR_CELLS = 10, COLUMNS_DEFAULT = 80 };

struct bar {
    const struct progress *progress;
    int64_t start_us;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    bool drawn;
};

void progress_line(const struct progress_view *v, char out[PROGRESS_LINE_MAX])
{
    char done[OUT_CELL_MAX], total[OUT_CELL_MAX], objects[OUT_CELL_MAX], of[OUT_CELL_MAX];
    char rate[OUT_CELL_MAX], left[OUT_CELL_MAX] = "-";
    char cells[BAR_CELLS + 1];
    double share = v->bytes_total > 0 ? (double)v->bytes_done / (double)v->bytes_total : 0;
    double seconds = (double)v->elapsed_us / 1e6;
    int full;

    if (v->bytes_total <= 0) {
        snprintf(out, PROGRESS_LINE_MAX, "%.20s  %.20s objects  %.20s", out_size(v->bytes_done, done),
                 out_count(v->objects_done, objects), out_duration(v->elapsed_us / 1000, left));
        return;
    }
    if (share > 1)
        share = 1;
    full = (int)(share * BAR_CELLS);
    memset(cells, '#', (size_t)full);
    memset(cells + full, '.', (size_t)(BAR_CELLS - full));
    cells[BAR_CELLS] = '\0';
    if (share > 0)
        out_duration((int64_t)(seconds * 1000 * (1 - share) / share), left);
    /* What matters most comes first: a narrow terminal cuts the end off. */
    snprintf(out, PROGRESS_LINE_MAX,
             "[%s] %3.0f%%  %.20s rows/s  %.20s/%.20s  ETA %.20s  %.20s/%.20s objects", cells, share * 100,
             out_count(seconds > 0 ? (int64_t)((double)v->rows_done / seconds) : 0, rate),
             out_size(v->bytes_done, done), out_size(v->bytes_total, total), left,
             out_count(v->objects_done, objects), out_count(v->objects_total, of));
}

static size_t terminal_columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : COLUMNS_DEFAULT;
}

static void draw(struct bar *bar)
{
    const struct progress *p = bar->progress;
    char line[PROGRESS_LINE_MAX];
    struct progress_view view = {
        .objects_done = atomic_load(&p->objects_done),
        .objects_total = atomic_load(&p->objects_total),
        .bytes_done = atomic_load(&p->bytes_done),
        .bytes_total = atomic_load(&p->bytes_total),
        .rows_done = atomic_load(&p->rows_done),
        .elapsed_us = clock_mono_us(clock_real()) - bar->start_us,
    };

    progress_line(&view, line);
    fprintf(stderr, "\r\033[K%.*s", (int)terminal_columns() - 1, line);
    fflush(stderr);
    bar->drawn = true;
}

static void wipe(struct bar *bar)
{
    if (bar->drawn)
        fputs("\r\033[K", stderr);
    bar->drawn = false;
}

static void *run(void *arg)
{
    struct bar *bar = arg;

    pthread_mutex_lock(&bar->lock);
    while (!bar->stopping) {
        int64_t until = clock_mono_us(clock_real()) + PERIOD_US;
        struct timespec ts = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};

        pthread_cond_timedwait(&bar->wake, &bar->lock, &ts);
        if (!bar->stopping)
            draw(bar);
    }
    wipe(bar);
    fflush(stderr);
    pthread_mutex_unlock(&bar->lock);
    return NULL;
}

static void before_log(void *ctx)
{
    struct bar *bar = ctx;

    pthread_mutex_lock(&bar->lock);
    wipe(bar);
}

static void after_log(void *ctx)
{
    struct bar *bar = ctx;

    pthread_mutex_unlock(&bar->lock);
}

static bool is_wanted(const struct options *o)
{
    if (o->progress != PROGRESS_AUTO)
        return o->progress == PROGRESS_BAR;
    /* JSON or CSV that scrolls over the same terminal would tear the bar apart. */
    return isatty(STDERR_FILENO) && !o->given[OPT_QUIET] && !o->given[OPT_VERBOSE] && !o->log_json &&
           (o->output == OUT_TEXT || !isatty(STDOUT_FILENO));
}

enum err_code bar_start(const struct options *o, const struct progress *progress, struct bar **out,
                        struct err *err)
{
    pthread_condattr_t attr;
    sigset_t all, old;
    struct bar *bar;
    int failed;

    *out = NULL;
    if (!is_wanted(o))
        return ERR_OK;
    bar = mem_calloc(1, sizeof *bar);
    if (!bar)
        return err_nomem(err);
    bar->progress = progress;
    bar->start_us = clock_mono_us(clock_real());
    pthread_mutex_init(&bar->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&bar->wake, &attr);
    pthread_condattr_destroy(&attr);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    failed = pthread_create(&bar->thread, NULL, run, bar);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        pthread_cond_destroy(&bar->wake);
        pthread_mutex_destroy(&bar->lock);
        mem_free(bar);
        return err_set_errno(err, failed, "progress bar");
    }
    log_set_around(before_log, after_log, bar);
    *out = bar;
    return ERR_OK;
}

void bar_stop(struct bar *bar)
{
    if (!bar)
        return;
    log_set_around(NULL, NULL, NULL);
    pthread_mutex_lock(&bar->lock);
    bar->stopping = true;
    pthread_cond_signal(&bar->wake);
    pthread_mutex_unlock(&bar->lock);
    pthread_join(bar->thread, NULL);
    pthread_cond_destroy(&bar->wake);
    pthread_mutex_destroy(&bar->lock);
    mem_free(bar);
}
