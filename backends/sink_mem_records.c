/*
 * sink_mem_records: rejects and attempts of a mem database.
 *
 * Invariants: ids grow and are kept in order, so that a page is a walk; a reject's pipeline, hour and run are
 * those of its load or attempt.
 */
#include <string.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"

enum { REJECT_PAGE_RAW_MAX = 16 * 1024 * 1024 };

static void free_reject(struct mem_object *object)
{
    struct mem_reject *r = (struct mem_reject *)object;

    mem_free((char *)(uintptr_t)r->reject.raw);
    mem_free(r);
}

static struct mem_reject *reject_at(const struct mem_state *s, size_t i)
{
    return (struct mem_reject *)s->rejects.at[i];
}

static struct mem_reject *new_reject(const struct reject *from, struct err *err)
{
    struct mem_reject *r = mem_calloc(1, sizeof *r);

    if (!r) {
        err_nomem(err);
        return NULL;
    }
    r->base = (struct mem_object){1, free_reject};
    r->reject = *from;
    r->reject.raw_len = from->raw ? from->raw_len : 0;
    r->reject.raw = mem_strndup(from->raw ? from->raw : "", r->reject.raw_len);
    if (!r->reject.raw) {
        free_reject(&r->base);
        err_nomem(err);
        return NULL;
    }
    return r;
}

static enum err_code add_reject(struct mem_sink *m, const struct reject *from, int64_t load_id,
                                int64_t attempt_id, struct err *err)
{
    struct mem_reject *r = new_reject(from, err);

    if (!r)
        return err->code;
    r->reject.id = ++m->work->last_reject;
    r->reject.load_id = load_id;
    r->reject.attempt_id = attempt_id;
    r->reject.replayed_by = 0;
    return mem_vec_push(&m->work->rejects, &r->base, err);
}

enum err_code mem_rejects(struct sink_load *load, const struct reject *rejects, size_t n, int64_t *stored,
                          struct err *err)
{
    struct mem_sink *m = mem_of(load->sink);

    if (!m->work->version)
        return err_set(err, ERRN_TABLE_MISSING, "%s: sluice's tables are not there", m->base.label);
    for (size_t i = 0; i < n; i++)
        if (add_reject(m, &rejects[i], rejects[i].load_id, 0, err))
            return err->code;
    *stored = (int64_t)n;
    return ERR_OK;
}

/* Where a reject comes from: its load's or attempt's pipeline, hour and run. */
struct origin {
    const char *pipeline;
    hour_t hour;
    const char *run_id;
};

static bool origin_of(const struct mem_state *s, const struct reject *r, struct origin *out)
{
    for (size_t i = 0; r->load_id && i < s->ledger.n; i++) {
        const struct mem_ledger *l = (const struct mem_ledger *)s->ledger.at[i];
        if (l->row.id == r->load_id) {
            *out = (struct origin){l->pipeline, l->row.hour, l->row.run_id};
            return true;
        }
    }
    for (size_t i = 0; r->attempt_id && i < s->attempts.n; i++) {
        const struct mem_attempt *a = (const struct mem_attempt *)s->attempts.at[i];
        if (a->attempt.id == r->attempt_id) {
            *out = (struct origin){a->pipeline, a->attempt.hour, a->attempt.run_id};
            return true;
        }
    }
    return false;
}

static bool ours(const struct mem_sink *m, const struct mem_state *s, const struct reject *r,
                 struct origin *origin)
{
    return origin_of(s, r, origin) && strcmp(origin->pipeline, m->base.target.pipeline) == 0;
}

static enum err_code mark(struct mem_sink *m, int64_t id, int64_t by, struct err *err)
{
    struct origin origin;

    for (size_t i = 0; i < m->work->rejects.n; i++) {
        const struct reject *r = &reject_at(m->work, i)->reject;
        if (r->id != id || r->replayed_by || !r->load_id || !ours(m, m->work, r, &origin))
            continue;
        struct mem_reject *copy = new_reject(r, err);
        if (!copy)
            return err->code;
        copy->reject.replayed_by = by;
        mem_vec_set(&m->work->rejects, i, &copy->base);
        return ERR_OK;
    }
    return err_set(err, ERRN_LEDGER_EXISTS, "reject %lld was replayed already or is not there",
                   (long long)id);
}

enum err_code mem_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (mark(mem_of(load->sink), ids[i], by, err))
            return err->code;
    return ERR_OK;
}

/* ---- attempts ---- */

static void free_attempt(struct mem_object *object)
{
    mem_free(object);
}

static enum err_code add_attempt(struct mem_sink *m, struct attempt *attempt, struct err *err)
{
    struct mem_attempt *a;

    if (!m->work->version)
        return err_set(err, ERRN_TABLE_MISSING, "%s: sluice's tables are not there", m->base.label);
    a = mem_calloc(1, sizeof *a);
    if (!a)
        return err_nomem(err);
    attempt->id = ++m->work->last_attempt;
    attempt->at_us = clock_wall_us(m->base.clock);
    a->base = (struct mem_object){1, free_attempt};
    memcpy(a->pipeline, m->base.target.pipeline, strlen(m->base.target.pipeline) + 1);
    a->attempt = *attempt;
    return mem_vec_push(&m->work->attempts, &a->base, err);
}

enum err_code mem_attempt_add(struct sink *sink, struct attempt *attempt, const struct reject *samples,
                              size_t n, struct err *err)
{
    struct mem_sink *m = mem_of(sink);

    if (mem_begin_write(m, err))
        return err->code;
    if (add_attempt(m, attempt, err) == ERR_OK)
        for (size_t i = 0; i < n && !err->code; i++)
            (void)!add_reject(m, &samples[i], 0, attempt->id, err);
    return mem_end_write(m, err);
}

/* ---- pages ---- */

static bool text_is(const char *want, const char *have)
{
    return !want || strcmp(want, have) == 0;
}

enum err_code mem_attempt_page(struct sink *sink, const struct record_query *q, struct attempt *rows,
                               size_t cap, size_t *n, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);

    (void)err;
    for (size_t i = 0; i < s->attempts.n && *n < cap; i++) {
        const struct mem_attempt *a = (const struct mem_attempt *)s->attempts.at[i];
        if (strcmp(a->pipeline, sink->target.pipeline) == 0 && a->attempt.id > q->after_id &&
            text_is(q->object, a->attempt.object) && text_is(q->run_id, a->attempt.run_id) &&
            text_is(q->error_name, a->attempt.error_name) && (!q->has_hour || a->attempt.hour == q->hour))
            rows[(*n)++] = a->attempt;
    }
    mem_state_unref(s);
    return ERR_OK;
}

static bool wanted(const struct reject *r, const struct origin *origin, const struct record_query *q)
{
    return r->id > q->after_id && text_is(q->object, r->object) && text_is(q->run_id, origin->run_id) &&
           text_is(q->error_name, r->error_name) && (!q->has_hour || origin->hour == q->hour) &&
           (!q->load_id || r->load_id == q->load_id) &&
           (!q->only_replayable || (r->load_id && !r->replayed_by));
}

enum err_code mem_reject_page(struct sink *sink, const struct record_query *q, struct reject *rows,
                              size_t cap, size_t *n, struct buf *arena, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);
    struct origin origin;

    for (size_t i = 0; i < s->rejects.n && *n < cap; i++) {
        const struct reject *r = &reject_at(s, i)->reject;
        if (!ours(m, s, r, &origin) || !wanted(r, &origin, q))
            continue;
        if (*n && arena->len + r->raw_len > REJECT_PAGE_RAW_MAX)
            break;
        if (r->raw_len && buf_append(arena, r->raw, r->raw_len, err))
            break;
        rows[*n] = *r;
        rows[*n].hour = origin.hour;
        memcpy(rows[*n].run_id, origin.run_id, strlen(origin.run_id) + 1);
        (*n)++;
    }
    /* Raw pointers are set when the arena has stopped growing. */
    const char *at = buf_str(arena);
    for (size_t i = 0; i < *n; i++) {
        rows[i].raw = at;
        at += rows[i].raw_len;
    }
    mem_state_unref(s);
    return err->code;
}
