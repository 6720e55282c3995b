/*
 * sink_mem_check: results of checks of a mem database, and sums over an hour's rows.
 *
 * Invariants: ids grow and are kept in order, so that a page is a walk; what is added belongs to the open
 * transaction and goes with it.
 */
#include <string.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"

static struct mem_check *check_at(const struct mem_state *s, size_t i)
{
    return (struct mem_check *)s->checks.at[i];
}

static void free_check(struct mem_object *object)
{
    mem_free(object);
}

enum err_code mem_check_insert(struct mem_sink *m, struct check_row *row, struct err *err)
{
    struct mem_check *c;

    if (!m->work->version)
        return err_set(err, ERRN_TABLE_MISSING, "%s: sluice's tables are not there", m->base.label);
    c = mem_calloc(1, sizeof *c);
    if (!c)
        return err_nomem(err);
    c->base = (struct mem_object){1, free_check};
    memcpy(c->pipeline, m->base.target.pipeline, strlen(m->base.target.pipeline) + 1);
    row->id = ++m->work->last_check;
    row->at_us = clock_wall_us(m->base.clock);
    c->row = *row;
    return mem_vec_push(&m->work->checks, &c->base, err);
}

enum err_code mem_checks_add(struct sink_load *load, struct check_row *rows, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (mem_check_insert(mem_of(load->sink), &rows[i], err))
            return err->code;
    return ERR_OK;
}

void mem_delete_checks(struct mem_state *s, int64_t load_id)
{
    for (size_t i = s->checks.n; i-- > 0;)
        if (check_at(s, i)->row.load_id == load_id)
            mem_vec_remove(&s->checks, i);
}

static bool text_is(const char *want, const char *have)
{
    return !want || strcmp(want, have) == 0;
}

static bool wanted(const struct check_row *row, const struct record_query *q)
{
    return row->id > q->after_id && text_is(q->object, row->object) && text_is(q->run_id, row->run_id) &&
           text_is(q->error_name, row->name) && (!q->has_hour || row->hour == q->hour) &&
           (!q->load_id || row->load_id == q->load_id) && (!q->only_replayable || row->fired);
}

enum err_code mem_check_page(struct sink *sink, const struct record_query *q, struct check_row *rows,
                             size_t cap, size_t *n, struct err *err)
{
    struct mem_state *s = mem_read(mem_of(sink));

    (void)err;
    for (size_t i = 0; i < s->checks.n && *n < cap; i++)
        if (strcmp(check_at(s, i)->pipeline, sink->target.pipeline) == 0 && wanted(&check_at(s, i)->row, q))
            rows[(*n)++] = check_at(s, i)->row;
    mem_state_unref(s);
    return ERR_OK;
}

enum err_code mem_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                           struct err *err)
{
    struct mem_sink *m = mem_of(load->sink);

    for (size_t i = 0; i < m->work->ledger.n; i++) {
        const struct mem_ledger *l = (const struct mem_ledger *)m->work->ledger.at[i];
        if (l->row.hour == hour && strcmp(l->pipeline, m->base.target.pipeline) == 0 &&
            mem_sum_rows(m, l->row.id, c, n, sum, err))
            return err->code;
    }
    return ERR_OK;
}
