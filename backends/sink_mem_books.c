/*
 * sink_mem_books: ledger and claims of a mem database.
 *
 * Invariants: as in sink_mem_state: a row is never changed but exchanged for a changed copy; a handle sees
 * its own pipeline's rows only. Claims follow the same rules as in any sink: compare, set, epoch + 1.
 */
#include <stdlib.h>
#include <string.h>

#include "backends/sink_mem_internal.h"
#include "core/base/mem.h"

/* ---- ledger rows ---- */

static void free_ledger(struct mem_object *object)
{
    struct mem_ledger *l = (struct mem_ledger *)object;

    mem_free((char *)(uintptr_t)l->row.header);
    mem_free(l);
}

/* A ledger object that holds a copy of the row. */
static struct mem_ledger *new_ledger(const struct mem_sink *m, const struct ledger_row *row, struct err *err)
{
    struct mem_ledger *l = mem_calloc(1, sizeof *l);

    if (!l) {
        err_nomem(err);
        return NULL;
    }
    l->base = (struct mem_object){1, free_ledger};
    memcpy(l->pipeline, m->base.target.pipeline, strlen(m->base.target.pipeline) + 1);
    l->row = *row;
    l->row.header = row->header ? mem_strndup(row->header, row->header_len) : NULL;
    if (row->header && !l->row.header) {
        free_ledger(&l->base);
        err_nomem(err);
        return NULL;
    }
    return l;
}

static struct mem_ledger *ledger_at(const struct mem_state *s, size_t i)
{
    return (struct mem_ledger *)s->ledger.at[i];
}

static bool ours(const struct mem_sink *m, const char *pipeline)
{
    return strcmp(pipeline, m->base.target.pipeline) == 0;
}

static enum err_code need_tables(const struct mem_sink *m, struct err *err)
{
    return m->work->version
               ? ERR_OK
               : err_set(err, ERRN_TABLE_MISSING, "%s: sluice's tables are not there", m->base.label);
}

/* The index of the ledger row, or ledger.n. */
static size_t find_id(const struct mem_sink *m, const struct mem_state *s, int64_t id)
{
    size_t i = 0;

    while (i < s->ledger.n && !(ledger_at(s, i)->row.id == id && ours(m, ledger_at(s, i)->pipeline)))
        i++;
    return i;
}

static enum err_code insert_row(struct mem_sink *m, struct ledger_row *row, struct err *err)
{
    struct mem_state *s = m->work;

    for (size_t i = 0; i < s->ledger.n; i++) {
        const struct mem_ledger *l = ledger_at(s, i);
        if (l->row.chunk == row->chunk && strcmp(l->row.object, row->object) == 0 && ours(m, l->pipeline))
            return err_set(err, ERRN_LEDGER_EXISTS, "%s (chunk %lld) is in the ledger already", row->object,
                           (long long)row->chunk);
    }
    row->id = ++s->last_load;
    row->started_us = clock_wall_us(m->base.clock);
    row->finished_us = 0;
    struct mem_ledger *l = new_ledger(m, row, err);
    return l ? mem_vec_push(&s->ledger, &l->base, err) : err->code;
}

enum err_code mem_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n, struct err *err)
{
    struct mem_sink *m = mem_of(load->sink);

    if (need_tables(m, err))
        return err->code;
    for (size_t i = 0; i < n; i++)
        if (insert_row(m, &rows[i], err))
            return err->code;
    return ERR_OK;
}

/* Puts `row` in place i; object, chunk and times stay as they are there unless said here. */
static enum err_code exchange(struct mem_sink *m, size_t i, const struct ledger_row *row, int64_t started_us,
                              int64_t finished_us, struct err *err)
{
    const struct mem_ledger *old = ledger_at(m->work, i);
    struct mem_ledger *l = new_ledger(m, row, err);

    if (!l)
        return err->code;
    l->row.id = old->row.id;
    memcpy(l->row.object, old->row.object, sizeof l->row.object);
    l->row.chunk = old->row.chunk;
    l->row.started_us = started_us;
    l->row.finished_us = finished_us;
    mem_vec_set(&m->work->ledger, i, &l->base);
    return ERR_OK;
}

enum err_code mem_totals(struct sink_load *load, const struct ledger_row *rows, size_t n, struct err *err)
{
    struct mem_sink *m = mem_of(load->sink);
    int64_t now = clock_wall_us(m->base.clock);

    for (size_t r = 0; r < n; r++) {
        size_t i = find_id(m, m->work, rows[r].id);
        if (i == m->work->ledger.n)
            return err_set(err, ERRN_INTERNAL, "totals of ledger row %lld, which is not there",
                           (long long)rows[r].id);
        if (exchange(m, i, &rows[r], ledger_at(m->work, i)->row.started_us, now, err))
            return err->code;
    }
    return ERR_OK;
}

static bool of_object(const struct mem_sink *m, size_t i, const char *object)
{
    const struct mem_ledger *l = ledger_at(m->work, i);

    return strcmp(l->row.object, object) == 0 && ours(m, l->pipeline);
}

static void delete_rejects(struct mem_state *s, int64_t load_id)
{
    for (size_t i = s->rejects.n; i-- > 0;)
        if (((struct mem_reject *)s->rejects.at[i])->reject.load_id == load_id)
            mem_vec_remove(&s->rejects, i);
}

enum err_code mem_replace(struct sink_load *load, const struct ledger_row *old, struct ledger_row *row,
                          struct err *err)
{
    struct mem_sink *m = mem_of(load->sink);
    size_t at = find_id(m, m->work, old->id);
    int64_t owed = 0, deleted = 0;

    if (at == m->work->ledger.n || !of_object(m, at, old->object) ||
        strcmp(ledger_at(m->work, at)->row.run_id, old->run_id) != 0)
        return err_set(err, ERRN_LEDGER_MOVED, "%s: its ledger row was replaced by another run", old->object);
    for (size_t i = 0; i < m->work->ledger.n; i++)
        if (of_object(m, i, old->object) && ledger_at(m->work, i)->row.kind == LOAD_KIND_BASELINE)
            return err_set(err, ERRN_BASELINE_ROW,
                           "%s: was there before the pipeline, so its rows are not known", old->object);
    for (size_t i = m->work->ledger.n; i-- > 0;) {
        if (!of_object(m, i, old->object))
            continue;
        int64_t id = ledger_at(m->work, i)->row.id;
        owed += ledger_at(m->work, i)->row.rows_loaded;
        deleted += mem_delete_rows(m, id);
        delete_rejects(m->work, id);
        mem_delete_checks(m->work, id);
        if (id != old->id)
            mem_vec_remove(&m->work->ledger, i);
    }
    if (deleted < owed && mem_has_unmarked(m))
        return err_set(err, ERRN_NEEDS_LINEAGE, "%s: the table has rows that carry no _load", old->object);
    at = find_id(m, m->work, old->id);
    row->id = old->id;
    row->chunk = 0;
    row->started_us = clock_wall_us(m->base.clock);
    row->finished_us = 0;
    if (exchange(m, at, row, row->started_us, 0, err))
        return err->code;
    ledger_at(m->work, at)->row.chunk = 0; /* made by this call: nobody else has seen it */
    return ERR_OK;
}

/* ---- ledger pages ---- */

static int by_key(const void *a, const void *b)
{
    const struct mem_ledger *x = *(struct mem_ledger *const *)a, *y = *(struct mem_ledger *const *)b;
    int cmp = strcmp(x->row.object, y->row.object);

    return cmp ? cmp : (x->row.chunk > y->row.chunk) - (x->row.chunk < y->row.chunk);
}

static int by_id(const void *a, const void *b)
{
    const struct mem_ledger *x = *(struct mem_ledger *const *)a, *y = *(struct mem_ledger *const *)b;

    return (x->row.id > y->row.id) - (x->row.id < y->row.id);
}

static bool behind(const struct ledger_row *row, const struct ledger_query *q)
{
    if (q->order == LEDGER_BY_ID)
        return row->id > q->after_id;
    if (!q->after_object)
        return true;
    int cmp = strcmp(row->object, q->after_object);
    return cmp > 0 || (cmp == 0 && row->chunk > q->after_chunk);
}

static bool matches(const struct mem_sink *m, const struct mem_ledger *l, const struct ledger_query *q)
{
    const struct ledger_row *row = &l->row;

    return (q->any_pipeline || ours(m, l->pipeline)) && behind(row, q) &&
           (!q->object || strcmp(row->object, q->object) == 0) &&
           (!q->prefix || strncmp(row->object, q->prefix, strlen(q->prefix)) == 0) &&
           (!q->run_id || strcmp(row->run_id, q->run_id) == 0) && (!q->has_hour || row->hour == q->hour);
}

enum err_code mem_ledger_page(struct sink *sink, const struct ledger_query *query, struct ledger_row *rows,
                              size_t cap, size_t *n, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);
    const struct mem_ledger **found = mem_calloc(s->ledger.n + 1, sizeof *found);
    size_t count = 0;

    if (!found) {
        err_nomem(err);
        goto out;
    }
    for (size_t i = 0; i < s->ledger.n; i++)
        if (matches(m, ledger_at(s, i), query))
            found[count++] = ledger_at(s, i);
    qsort(found, count, sizeof *found, query->order == LEDGER_BY_KEY ? by_key : by_id);
    for (; *n < cap && *n < count; (*n)++) {
        rows[*n] = found[*n]->row;
        rows[*n].header = NULL;
        rows[*n].header_len = 0;
    }
out:
    mem_free(found);
    mem_state_unref(s);
    return err->code;
}

enum err_code mem_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);
    size_t i = find_id(m, s, id);

    if (i < s->ledger.n && ledger_at(s, i)->row.header)
        (void)!buf_append(out, ledger_at(s, i)->row.header, ledger_at(s, i)->row.header_len, err);
    mem_state_unref(s);
    return err->code;
}

static enum err_code set_etag(struct mem_sink *m, const struct etag_mark *mark, struct err *err)
{
    size_t i = find_id(m, m->work, mark->id);
    if (i == m->work->ledger.n)
        return err_set(err, ERRN_LEDGER_MOVED, "ledger row %lld is not there any more", (long long)mark->id);
    struct mem_ledger *l = new_ledger(m, &ledger_at(m->work, i)->row, err);
    if (l) {
        memcpy(l->row.etag, mark->etag, sizeof l->row.etag);
        mem_vec_set(&m->work->ledger, i, &l->base);
    }
    return err->code;
}

enum err_code mem_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                   struct err *err)
{
    struct mem_sink *m = mem_of(sink);

    if (mem_begin_write(m, err))
        return err->code;
    for (size_t i = 0; i < n && err->code == ERR_OK; i++)
        (void)!set_etag(m, &marks[i], err);
    return mem_end_write(m, err);
}

/* ---- claims ---- */

static void free_claim(struct mem_object *object)
{
    mem_free(object);
}

static struct mem_claim *claim_at(const struct mem_state *s, size_t i)
{
    return (struct mem_claim *)s->claims.at[i];
}

static size_t find_claim(const struct mem_sink *m, const struct mem_state *s, hour_t hour)
{
    size_t i = 0;

    while (i < s->claims.n && !(claim_at(s, i)->row.hour == hour && ours(m, claim_at(s, i)->pipeline)))
        i++;
    return i;
}

/* A private copy of claim i of the open transaction, or a free one for the hour. */
static struct mem_claim *claim_copy(struct mem_sink *m, size_t i, hour_t hour, struct err *err)
{
    struct mem_claim *c = mem_calloc(1, sizeof *c);

    if (!c) {
        err_nomem(err);
        return NULL;
    }
    if (i < m->work->claims.n)
        c->row = claim_at(m->work, i)->row; /* not the counter: others may be counting */
    c->base = (struct mem_object){1, free_claim};
    memcpy(c->pipeline, m->base.target.pipeline, strlen(m->base.target.pipeline) + 1);
    c->row.hour = hour;
    return c;
}

static enum err_code put_claim(struct mem_sink *m, size_t i, struct mem_claim *c, struct err *err)
{
    if (i == m->work->claims.n)
        return mem_vec_push(&m->work->claims, &c->base, err);
    mem_vec_set(&m->work->claims, i, &c->base);
    return ERR_OK;
}

static void set_owner(struct claim_row *row, const char *owner)
{
    memcpy(row->owner, owner, strlen(owner) + 1);
}

static void read_claim(const struct mem_sink *m, const struct mem_claim *c, struct claim_row *row)
{
    *row = c->row;
    row->before = c->row.state;
    row->state = row->owner[0] ? HOUR_RUNNING : row->before;
    row->expired = row->lease_until_us <= clock_wall_us(m->base.clock);
    row->due_in_us = row->next_try_us - clock_wall_us(m->base.clock);
}

static int64_t lease_until(const struct mem_sink *m)
{
    return clock_wall_us(m->base.clock) + m->base.target.lease_ms * 1000;
}

static enum err_code take(struct mem_sink *m, hour_t hour, const char *owner, const struct claim_row *steal,
                          struct claim_row *row, bool *taken, struct err *err)
{
    size_t i = find_claim(m, m->work, hour);
    struct mem_claim *c;

    if (need_tables(m, err) || !(c = claim_copy(m, i, hour, err)))
        return err->code;
    *taken = c->row.owner[0] == '\0' || c->row.lease_until_us <= clock_wall_us(m->base.clock) ||
             strcmp(c->row.owner, owner) == 0 ||
             (steal && strcmp(c->row.owner, steal->owner) == 0 && c->row.epoch == steal->epoch);
    if (*taken) {
        c->row.takeovers += c->row.owner[0] && strcmp(c->row.owner, owner) != 0;
        set_owner(&c->row, owner);
        c->row.epoch++;
        c->row.lease_until_us = lease_until(m);
    }
    read_claim(m, c, row);
    return put_claim(m, i, c, err);
}

enum err_code mem_claim_take(struct sink *sink, hour_t hour, const char *owner, const struct claim_row *steal,
                             struct claim_row *row, bool *taken, struct err *err)
{
    struct mem_sink *m = mem_of(sink);

    if (mem_begin_write(m, err))
        return err->code;
    (void)!take(m, hour, owner, steal, row, taken, err);
    if (mem_end_write(m, err))
        *taken = false;
    return err->code;
}

static bool holds(const struct mem_claim *c, const char *owner, int64_t epoch)
{
    return strcmp(c->row.owner, owner) == 0 && c->row.epoch == epoch;
}

enum err_code mem_extend_claim(struct mem_sink *m, hour_t hour, const char *owner, int64_t epoch, bool fence,
                               struct err *err)
{
    char text[HOUR_TEXT_MAX];
    size_t i = find_claim(m, m->work, hour);

    if (need_tables(m, err))
        return err->code;
    if (i == m->work->claims.n || !holds(claim_at(m->work, i), owner, epoch)) {
        hour_format(hour, text);
        return err_set(err, ERRN_FENCED, "the claim on %s was taken over by another worker", text);
    }
    struct mem_claim *c = claim_copy(m, i, hour, err);
    if (!c)
        return err->code;
    c->row.lease_until_us = lease_until(m);
    if (fence)
        c->row.takeovers = 0;
    return put_claim(m, i, c, err);
}

enum err_code mem_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                              struct err *err)
{
    struct mem_sink *m = mem_of(sink);

    if (mem_begin_write(m, err))
        return err->code;
    (void)!mem_extend_claim(m, hour, owner, epoch, false, err);
    return mem_end_write(m, err);
}

enum err_code mem_claim_release(struct sink *sink, const struct claim_row *row, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_claim *c;

    if (mem_begin_write(m, err))
        return err->code;
    size_t i = find_claim(m, m->work, row->hour);
    if (need_tables(m, err) == ERR_OK && i < m->work->claims.n &&
        holds(claim_at(m->work, i), row->owner, row->epoch) && (c = claim_copy(m, i, row->hour, err))) {
        c->row.owner[0] = '\0';
        c->row.lease_until_us = 0;
        c->row.state = row->state;
        c->row.attempts = row->attempts;
        c->row.takeovers = 0;
        c->row.next_try_us = row->retry_in_us > 0   ? clock_wall_us(m->base.clock) + row->retry_in_us
                             : row->retry_in_us < 0 ? row->next_try_us
                                                    : 0;
        memcpy(c->row.last_error, row->last_error, sizeof c->row.last_error);
        (void)!put_claim(m, i, c, err);
    }
    return mem_end_write(m, err);
}

static bool is_open(const struct claim_row *row)
{
    return row->owner[0] || (row->state != HOUR_LOADED && row->state != HOUR_EMPTY);
}

enum err_code mem_claim_page(struct sink *sink, enum claim_which which, hour_t after, struct claim_row *rows,
                             size_t cap, size_t *n, struct err *err)
{
    struct mem_sink *m = mem_of(sink);
    struct mem_state *s = mem_read(m);

    (void)err;
    /* The next hour above the last one, again and again: claims are few. */
    for (; *n < cap; (*n)++) {
        const struct mem_claim *next = NULL;
        for (size_t i = 0; i < s->claims.n; i++) {
            const struct mem_claim *c = claim_at(s, i);
            if (ours(m, c->pipeline) && c->row.hour > after && (which == CLAIMS_ALL || is_open(&c->row)) &&
                (!next || c->row.hour < next->row.hour))
                next = c;
        }
        if (!next)
            break;
        read_claim(m, next, &rows[*n]);
        after = next->row.hour;
    }
    mem_state_unref(s);
    return ERR_OK;
}
