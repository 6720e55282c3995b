/*
 * metrics: see metrics.h.
 *
 * Invariants: each metric has its HELP and TYPE once, before all its samples; names carry their unit,
 * counters end in _total; every counter is there from the start, with 0. A pipeline's name needs no escaping
 * ([A-Za-z0-9_.-]).
 */
#include "tools/metrics.h"

#include <stdio.h>

struct writer {
    const struct metrics *m;
    struct buf *out;
    struct err *err;
};

static void head(const struct writer *w, const char *name, const char *type, const char *help)
{
    (void)!buf_printf(w->out, w->err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const char *pipeline(const struct writer *w, size_t i)
{
    return w->m->looks[i].pipeline->name;
}

static void put(const struct writer *w, size_t i, const char *name, const char *label, const char *value,
                int64_t n)
{
    if (label)
        (void)!buf_printf(w->out, w->err, "%s{pipeline=\"%s\",%s=\"%s\"} %lld\n", name, pipeline(w, i), label,
                          value, (long long)n);
    else
        (void)!buf_printf(w->out, w->err, "%s{pipeline=\"%s\"} %lld\n", name, pipeline(w, i), (long long)n);
}

/* Of times: seconds with a fraction; nothing for what never was. */
static void put_seconds(const struct writer *w, size_t i, const char *name, int64_t us)
{
    (void)!buf_printf(w->out, w->err, "%s{pipeline=\"%s\"} %lld.%06lld\n", name, pipeline(w, i),
                      (long long)(us / 1000000), (long long)(us % 1000000));
}

/* ---- of this process ---- */

static void counters(const struct writer *w)
{
    static const struct {
        const char *name, *help;
        size_t at;
    } all[] = {
        {"sluice_rows_read_total", "Records read.", offsetof(struct lane_counters, rows_read)},
        {"sluice_rows_loaded_total", "Records committed to the table.",
         offsetof(struct lane_counters, rows_loaded)},
        {"sluice_rows_rejected_total", "Records refused and kept beside committed ones.",
         offsetof(struct lane_counters, rows_rejected)},
        {"sluice_read_bytes_total", "Raw bytes of the objects that were tried.",
         offsetof(struct lane_counters, bytes)},
        {"sluice_hours_queued_total", "Hours put into the queue.", offsetof(struct lane_counters, queued)},
        {"sluice_troubles_total", "Steps that failed and are tried again: source, target or queue were away.",
         offsetof(struct lane_counters, troubles)},
    };

    for (size_t c = 0; c < sizeof all / sizeof all[0]; c++) {
        head(w, all[c].name, "counter", all[c].help);
        for (size_t i = 0; i < w->m->n; i++) {
            const char *base = (const char *)&w->m->lanes[i].counters;

            put(w, i, all[c].name, NULL, NULL,
                atomic_load((const atomic_llong *)(const void *)(base + all[c].at)));
        }
    }
}

static void by_status(const struct writer *w)
{
    static const char objects[] = "sluice_objects_total", hours[] = "sluice_loads_total",
                      retries[] = "sluice_retries_total";

    head(w, objects, "counter", "Objects by what became of them.");
    for (size_t i = 0; i < w->m->n; i++) {
        for (int s = 0; s <= OBJECT_FAILED; s++)
            put(w, i, objects, "status", object_status_text((enum object_status)s),
                atomic_load(&w->m->lanes[i].counters.objects[s]));
    }
    head(w, hours, "counter", "Hours worked on, by the state that they were given back with.");
    for (size_t i = 0; i < w->m->n; i++) {
        for (int s = HOUR_RETRYING; s <= HOUR_EMPTY; s++)
            put(w, i, hours, "status", hour_state_text((enum hour_state)s),
                atomic_load(&w->m->lanes[i].counters.hours[s]));
    }
    head(w, retries, "counter", "Hours that are to be tried again.");
    for (size_t i = 0; i < w->m->n; i++)
        put(w, i, retries, NULL, NULL, atomic_load(&w->m->lanes[i].counters.hours[HOUR_RETRYING]));
}

static void histogram(const struct writer *w, const char *name, const char *help, size_t at)
{
    head(w, name, "histogram", help);
    for (size_t i = 0; i < w->m->n; i++) {
        const char *base = (const char *)&w->m->lanes[i].counters;
        const struct histogram *h = (const void *)(base + at);
        int64_t sum = 0, us = atomic_load(&h->sum_us);

        for (int b = 0; b < LANE_BUCKETS; b++) {
            sum += atomic_load(&h->buckets[b]);
            (void)!buf_printf(w->out, w->err, "%s_bucket{pipeline=\"%s\",le=\"", name, pipeline(w, i));
            if (b < LANE_BUCKETS - 1)
                (void)!buf_printf(w->out, w->err, "%g", lane_bounds[b]);
            else
                (void)!buf_append_str(w->out, "+Inf", w->err);
            (void)!buf_printf(w->out, w->err, "\"} %lld\n", (long long)sum);
        }
        (void)!buf_printf(w->out, w->err,
                          "%s_sum{pipeline=\"%s\"} %lld.%06lld\n%s_count{pipeline=\"%s\"} %lld\n", name,
                          pipeline(w, i), (long long)(us / 1000000), (long long)(us % 1000000), name,
                          pipeline(w, i), (long long)sum);
    }
}

/* ---- of the books ---- */

static void gauges(const struct writer *w)
{
    static const char hours[] = "sluice_hours", depth[] = "sluice_queue_depth_hours",
                      oldest[] = "sluice_queue_oldest_age_seconds", late[] = "sluice_hours_late",
                      books[] = "sluice_books_age_seconds";
    const struct metrics *m = w->m;

    head(w, hours, "gauge", "Hours in the books by state.");
    for (size_t i = 0; i < m->n; i++) {
        for (int s = 0; m->looks[i].snapshot && s <= HOUR_EMPTY; s++)
            put(w, i, hours, "state", hour_state_text((enum hour_state)s),
                m->looks[i].snapshot->totals.states[s]);
    }
    head(w, late, "gauge", "Hours without an object past source.expect_within.");
    for (size_t i = 0; i < m->n; i++) {
        if (m->looks[i].snapshot)
            put(w, i, late, NULL, NULL, m->looks[i].snapshot->totals.late);
    }
    head(w, depth, "gauge", "Queue files of hours that were not given up.");
    for (size_t i = 0; i < m->n; i++) {
        if (m->looks[i].snapshot)
            put(w, i, depth, NULL, NULL, m->looks[i].snapshot->depth);
    }
    head(w, oldest, "gauge", "Time since the end of the oldest queued hour; 0 where none is queued.");
    for (size_t i = 0; i < m->n; i++) {
        const struct snapshot *s = m->looks[i].snapshot;
        int64_t age = s && s->depth ? m->looks[i].now_us - hour_start_us(s->oldest + 1) : 0;

        if (s)
            put_seconds(w, i, oldest, age > 0 ? age : 0);
    }
    head(w, books, "gauge", "Age of what the gauges of the books say.");
    for (size_t i = 0; i < m->n; i++) {
        if (m->looks[i].snapshot)
            put_seconds(w, i, books, m->looks[i].now_us - m->looks[i].snapshot->as_of_us);
    }
}

static void states(const struct writer *w)
{
    static const char last[] = "sluice_last_success_timestamp_seconds", ready[] = "sluice_ready",
                      working[] = "sluice_working";
    const struct metrics *m = w->m;

    head(w, last, "gauge", "When an hour went well the last time.");
    for (size_t i = 0; i < m->n; i++) {
        if (m->looks[i].last_success_us)
            put_seconds(w, i, last, m->looks[i].last_success_us);
    }
    head(w, ready, "gauge", "1 where source and target were reachable lately.");
    for (size_t i = 0; i < m->n; i++)
        put(w, i, ready, NULL, NULL, m->looks[i].ready);
    head(w, working, "gauge", "1 while an hour is being loaded.");
    for (size_t i = 0; i < m->n; i++)
        put(w, i, working, NULL, NULL, m->looks[i].working);
}

static void process(const struct writer *w)
{
    const struct metrics *m = w->m;

    head(w, "sluice_build_info", "gauge", "Always 1; the version is a label.");
    (void)!buf_printf(w->out, w->err, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
    head(w, "sluice_notifications_total", "counter", "Runs of notify.exec by their end.");
    (void)!buf_printf(w->out, w->err,
                      "sluice_notifications_total{result=\"sent\"} %lld\nsluice_notifications_total{result="
                      "\"failed\"} %lld\nsluice_notifications_total{result=\"dropped\"} %lld\n",
                      (long long)m->notified.sent, (long long)m->notified.failed,
                      (long long)m->notified.dropped);
    head(w, "process_start_time_seconds", "gauge", "When this process started.");
    (void)!buf_printf(w->out, w->err, "process_start_time_seconds %lld.%06lld\n",
                      (long long)(m->started_us / 1000000), (long long)(m->started_us % 1000000));
}

enum err_code metrics_put(const struct metrics *metrics, struct buf *out, struct err *err)
{
    struct writer w = {metrics, out, err};

    counters(&w);
    by_status(&w);
    histogram(&w, "sluice_load_duration_seconds", "Time that an hour was worked on.",
              offsetof(struct lane_counters, load_seconds));
    histogram(&w, "sluice_hour_latency_seconds", "Time from the end of an hour until it was loaded.",
              offsetof(struct lane_counters, latency_seconds));
    gauges(&w);
    states(&w);
    process(&w);
    return err->code;
}
