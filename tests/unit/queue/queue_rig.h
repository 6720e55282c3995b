/* queue_rig: a job with a queue: what the tests of core/queue share. */
#ifndef SLUICE_TESTS_UNIT_QUEUE_QUEUE_RIG_H
#define SLUICE_TESTS_UNIT_QUEUE_QUEUE_RIG_H

#include "backends/registry.h"
#include "core/queue/backlog.h"
#include "core/queue/enqueue.h"
#include "core/queue/queue_file.h"
#include "core/queue/worker.h"
#include "tests/unit/load/load_rig.h"

#define GOOD    HEAD "1,a,1.5\n2,b,NA\n"
#define BAD     HEAD "x,y,z\n"
#define HOUR_12 ((hour_t)459564) /* 2022-06-05T12 */

/* Opens the queue's place of the rig: mem:queue, or the folder queue. */
static inline enum err_code open_queue(void *ctx, struct store **out, struct err *err)
{
    struct rig *rig = ctx;
    bool mem = strncmp(rig->pipeline->source.url, "mem:", 4) == 0;
    return registry_open_store(mem ? "mem:queue" : "file:queue", rig->pipeline->base_dir, &rig->clock.base,
                               false, out, err);
}

/* The same place, made where it is missing. */
static inline struct store *made_queue(struct rig *rig)
{
    bool mem = strncmp(rig->pipeline->source.url, "mem:", 4) == 0;
    struct store *store = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(registry_open_store(mem ? "mem:queue" : "file:queue", rig->pipeline->base_dir,
                                         &rig->clock.base, true, &store, &err),
                     ERR_OK);
    return store;
}

static inline void put_file(struct rig *rig, hour_t hour)
{
    struct store *queue = made_queue(rig);
    struct err err = ERR_INIT;
    assert_int_equal(queue_put(queue, hour, &err), ERR_OK);
    store_close(queue);
}

static inline enum err_code name_file(void *ctx, const hour_t *hour, const char *name, struct err *err)
{
    return buf_printf(ctx, err, "%s%s ", name, hour ? "" : "?");
}

/* Names in the queue's place, other ones with "?": "2022060512 notes? ". */
static inline const char *files(struct rig *rig)
{
    static char text[4096];
    struct store *queue = made_queue(rig);
    struct err err = ERR_INIT;
    struct buf out;
    buf_init(&out, sizeof text);
    assert_int_equal(queue_list(queue, name_file, &out, &err), ERR_OK);
    snprintf(text, sizeof text, "%s", buf_str(&out));
    buf_release(&out);
    store_close(queue);
    return text;
}

static inline struct worker *hire(struct rig *rig)
{
    struct worker_options options = {.queues = {open_queue, rig}};
    struct worker *worker = NULL;
    struct err err = ERR_INIT;
    assert_int_equal(worker_new(&rig->job, &options, &worker, &err), ERR_OK);
    return worker;
}

/* One turn that must not fail. */
static inline struct worker_turn turn(struct worker *worker)
{
    struct worker_turn turn;
    struct err err = ERR_INIT;
    if (worker_turn(worker, &turn, &err) != ERR_OK)
        fail_msg("%s: %s", err_name_text(err.name), err.msg);
    return turn;
}

static inline void assert_hour(const struct worker_turn *t, hour_t hour, enum hour_state state)
{
    assert_int_equal(t->did, WORKER_HOUR);
    assert_int_equal(t->hour, hour);
    assert_int_equal(t->state, state);
}

#endif
