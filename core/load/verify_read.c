/*
 * verify_read: the objects of the range, in order of key, the source's read in groups.
 *
 * A group is read as one unit, so that where the store is far the loader reads its objects ahead of each
 * other; memory is that of a group. What is wrong with one object ends the unit there: it is noted with the
 * object, and the rest of the group goes on as a unit of its own. Where a server went away, it goes on with
 * the object that was being read.
 *
 * Invariant: each object of the range is handed on once, after it was read, in order.
 */
#include <string.h>

#include "core/base/mem.h"
#include "core/load/verify_internal.h"

struct group {
    struct verify_walk *walk;
    struct subject *at; /* VERIFY_GROUP_MAX */
    size_t n;
    int64_t bytes; /* of those to be read */
    struct unit *unit;
    size_t *of; /* object of the unit -> subject */
};

/* One drive of the loader: objects of the unit are subjects of[0], of[1], ... */
struct drive {
    struct verify_walk *walk;
    struct subject *at;
    const size_t *of;
    size_t done; /* objects that are through */
};

static enum err_code connect_again(struct verify *v, struct err *err)
{
    struct job *job = v->job;
    struct sink *fresh = NULL;
    if (job->sinks.open(job->sinks.ctx, true, job->sink->connection_id, &fresh, err) != ERR_OK)
        return err->code;
    sink_close(job->sink);
    job->sink = fresh;
    if (v->loader)
        loader_set_sink(v->loader, fresh);
    if (v->diff)
        diff_set_sink(v->diff, fresh);
    return ERR_OK;
}

bool verify_again(struct verify *v, struct err *err)
{
    while (err->code == ERR_TRANSIENT &&
           outage_wait(&v->outage, v->job, v->job->pipeline->policy.outage_ms, err)) {
        bool lost = err->name == ERRN_DB_LOST;
        err_clear(err);
        if (!lost || connect_again(v, err) == ERR_OK)
            return true;
    }
    return false;
}

static enum err_code take_item(void *ctx, struct item *item, struct err *err)
{
    struct drive *d = ctx;
    for (size_t i = 0; i < item->nslices; i++) {
        const struct slice *slice = &item->slices[i];
        struct subject *s = &d->at[d->of[slice->object]];
        if (d->walk->rows && slice->to > slice->from &&
            d->walk->rows(d->walk->ctx, s, item->batch, slice->from, slice->to, err) != ERR_OK)
            return err->code;
        if (!slice->object_end)
            continue;
        const struct ledger_row *row = &item->rows[i];
        s->source = (struct verify_side){true, row->rows_loaded, row->rows_rejected, row->row_hash};
        s->content = row->content;
        s->read = true;
        d->done++;
    }
    if (item->err.code != ERR_OK)
        *err = item->err;
    return err->code;
}

/* What concerns one object alone: its data, its place, its rights, a maximum that it goes over. */
static bool is_its_own(const struct err *e)
{
    return e->code == ERR_DATA || e->code == ERR_PRECONDITION || e->code == ERR_DENIED || e->code == ERR_IO ||
           e->name == ERRN_LIMIT;
}

static enum err_code read_unit(struct verify_walk *walk, const struct unit *unit, struct subject *at,
                               const size_t *of, struct err *err)
{
    struct verify *v = walk->v;
    struct load_outcome *outcomes = mem_alloc(unit->n * sizeof *outcomes);
    size_t from = 0;
    if (!outcomes)
        return err_nomem(err);
    while (from < unit->n && err->code == ERR_OK) {
        struct drive d = {.walk = walk, .at = at, .of = of + from};
        struct unit *rest = NULL;
        struct err why = ERR_INIT;
        if (unit_part(unit, from, unit->n, &rest, err) != ERR_OK)
            break;
        enum err_code code = loader_drive(v->loader, rest, NULL, outcomes, take_item, &d, &why);
        unit_free(rest);
        from += d.done;
        if (d.done > 0)
            outage_end(&v->outage, v->job);
        if (code == ERR_OK || (code == ERR_TRANSIENT && !walk->rows && verify_again(v, &why)))
            continue;
        if (is_its_own(&why) && from < unit->n && !loader_sink_failed(v->loader))
            at[of[from++]].why = why;
        else
            *err = why;
    }
    mem_free(outcomes);
    return err->code;
}

/* The object, read from the start as if it were new. */
static enum err_code add_to_unit(struct unit *unit, struct subject *s, struct err *err)
{
    enum diff_kind kind = s->entry.kind;
    s->entry.kind = DIFF_NEW;
    enum err_code code = unit_add(unit, &s->entry, false, err);
    s->entry.kind = kind;
    return code;
}

static void forget(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        mem_free(g->at[i].books.ids);
    g->n = 0;
    g->bytes = 0;
}

static enum err_code flush(struct group *g, struct err *err)
{
    struct verify_walk *walk = g->walk;
    if (g->unit && read_unit(walk, g->unit, g->at, g->of, err) != ERR_OK)
        return err->code;
    unit_free(g->unit);
    g->unit = NULL;
    if (walk->books && verify_look_up(walk->v, g->at, g->n, err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < g->n; i++)
        if (walk->each && walk->each(walk->ctx, &g->at[i], err) != ERR_OK)
            return err->code;
    forget(g);
    return ERR_OK;
}

static enum err_code gather(struct group *g, struct err *err)
{
    struct subject *s = &g->at[g->n];
    s->wanted = g->walk->wanted(s);
    s->books = (struct books){0};
    s->read = false;
    s->source = (struct verify_side){.known = false};
    s->why = ERR_INIT;
    if (s->wanted) {
        if (!g->unit && unit_new(UNIT_HOUR, s->entry.hour, 0, &g->unit, err) != ERR_OK)
            return err->code;
        g->of[g->unit->n] = g->n;
        if (add_to_unit(g->unit, s, err) != ERR_OK)
            return err->code;
        g->bytes += s->entry.object.size;
    }
    g->n++;
    return g->n == VERIFY_GROUP_MAX || g->bytes >= VERIFY_GROUP_BYTES ? flush(g, err) : ERR_OK;
}

bool verify_is_loaded(const struct subject *s)
{
    const struct diff_entry *e = &s->entry;
    return (e->kind == DIFF_LOADED || e->kind == DIFF_ETAG) && e->row.kind != LOAD_KIND_BASELINE;
}

static enum err_code next_entry(struct verify *v, struct diff_entry *entry, bool *more, struct err *err)
{
    while (job_check_stop(v->job, err) == ERR_OK && diff_next(v->diff, entry, more, err) != ERR_OK &&
           verify_again(v, err))
        ;
    return err->code;
}

enum err_code verify_walk_all(struct verify_walk *walk, struct err *err)
{
    struct verify *v = walk->v;
    const struct hour_range all = {.bounded = false}, *range = walk->all ? &all : &v->options->range;
    struct group g = {.walk = walk};
    struct buf prefix;
    bool more = true;
    buf_init(&prefix, STORE_KEY_MAX);
    g.at = mem_alloc(VERIFY_GROUP_MAX * sizeof *g.at);
    g.of = mem_alloc(VERIFY_GROUP_MAX * sizeof *g.of);
    if (!g.at || !g.of) {
        err_nomem(err);
        goto out;
    }
    if (layout_range_prefix(v->job->layout, range->bounded ? range->from : HOUR_MIN,
                            range->bounded ? range->to : HOUR_MAX + 1, &prefix, err) != ERR_OK ||
        diff_begin(v->job->store, v->job->layout, v->job->sink, buf_str(&prefix), &v->diff, err) != ERR_OK)
        goto out;
    for (;;) {
        struct diff_entry *entry = &g.at[g.n].entry;
        if (next_entry(v, entry, &more, err) != ERR_OK || !more)
            break;
        if (entry->kind != DIFF_IGNORED && hour_in_range(entry->hour, range) && gather(&g, err) != ERR_OK)
            break;
    }
    if (err->code == ERR_OK)
        (void)!flush(&g, err);
out:
    diff_end(v->diff);
    v->diff = NULL;
    forget(&g);
    unit_free(g.unit);
    buf_release(&prefix);
    mem_free(g.at);
    mem_free(g.of);
    return err->code;
}

enum err_code verify_walk_one(struct verify_walk *walk, struct subject *s, struct err *err)
{
    struct unit *unit = NULL;
    const size_t of = 0;
    if (unit_new(UNIT_HOUR, s->entry.hour, 0, &unit, err) == ERR_OK && add_to_unit(unit, s, err) == ERR_OK)
        (void)!read_unit(walk, unit, s, &of, err);
    unit_free(unit);
    return err->code;
}
