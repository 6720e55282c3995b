/*
 * run_hour: what is to be done in one hour, under its claim.
 *
 * The hour is diffed again after the claim was taken: what another worker loaded in between is seen as
 * loaded. Objects become units as they come out of the diff: tiny ones are gathered into a GROUP until it is
 * full, others are units of their own, or (commit_unit: hour) all are one.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/crew.h"
#include "core/load/renew.h"

/* Units under construction. */
struct gather {
    struct hour_work *work;
    struct crew *crew;
    struct unit *group;               /* GROUP or HOUR; NULL = none */
    struct etag_mark marks[REC_PAGE]; /* etags to be refreshed: together, for each is a commit */
    size_t nmarks;
};

static enum err_code flush(struct gather *g, struct err *err)
{
    struct unit *unit = g->group;
    g->group = NULL;
    if (!unit)
        return ERR_OK;
    if (unit->kind == UNIT_GROUP && unit->n == 1)
        unit->kind = UNIT_FILE;
    return crew_load(g->crew, unit, err);
}

/* Loads the entry's object, alone or with others. */
static enum err_code take(struct gather *g, const struct diff_entry *entry, bool replace, struct err *err)
{
    const struct pipeline *p = g->work->job->pipeline;
    hour_t hour = g->work->claim.row.hour;
    enum commit_unit by = p->target.commit_unit;
    bool rest = entry->kind == DIFF_PARTIAL && !replace;
    bool chunks = rest || (by == COMMIT_CHUNK && !replace); /* what is replaced goes and comes at once */
    bool together = !chunks && (by == COMMIT_HOUR || unit_is_tiny(p, &entry->object));
    struct unit *unit = NULL;
    if (!together) {
        if (unit_new(chunks ? UNIT_CHUNK : UNIT_FILE, hour, p->target.chunk_rows, &unit, err) != ERR_OK)
            return err->code;
        if (unit_add(unit, entry, replace, err) != ERR_OK) {
            unit_free(unit);
            return err->code;
        }
        return crew_load(g->crew, unit, err);
    }
    if (g->group && by != COMMIT_HOUR && !unit_has_room(g->group, entry->object.size) &&
        flush(g, err) != ERR_OK)
        return err->code;
    if (!g->group && unit_new(by == COMMIT_HOUR ? UNIT_HOUR : UNIT_GROUP, hour, 0, &g->group, err) != ERR_OK)
        return err->code;
    return unit_add(g->group, entry, replace, err);
}

static void tell_looked_at(struct hour_work *w, const struct diff_entry *entry, enum object_status status)
{
    struct object_result result = {.hour = entry->hour,
                                   .object = entry->object.key,
                                   .status = status,
                                   .etag = entry->object.etag,
                                   .bytes = entry->object.size,
                                   .load_method = entry->row.load_method,
                                   .row_hash = entry->row.row_hash};
    w->totals->unchanged++;
    run_tell(w, &result);
}

static enum err_code fail(struct hour_work *w, const struct diff_entry *entry, const struct err *why,
                          struct err *err)
{
    struct load_outcome seen = {.bytes = entry->object.size};
    return run_tell_failed(w, entry->object.key, entry->object.etag, &seen, clock_mono_us(w->job->clock), why,
                           err);
}

static enum err_code write_marks(struct gather *g, struct err *err)
{
    struct hour_work *w = g->work;
    size_t n = g->nmarks;
    g->nmarks = 0;
    if (n > 0)
        do
            (void)!sink_ledger_set_etags(w->job->sink, g->marks, n, err);
        while (run_again(w, err));
    return err->code;
}

static enum err_code mark_etag(struct gather *g, const struct diff_entry *entry, struct err *err)
{
    struct etag_mark *mark = &g->marks[g->nmarks++];
    mark->id = entry->row.id;
    memcpy(mark->etag, entry->object.etag, sizeof mark->etag);
    return g->nmarks == REC_PAGE ? write_marks(g, err) : ERR_OK;
}

/* The object has another etag than the ledger: another content too? */
static enum err_code look_at(struct gather *g, const struct diff_entry *entry, struct err *err)
{
    struct hour_work *w = g->work;
    struct job *job = w->job;
    struct err why = ERR_INIT;
    if (entry->row.kind == LOAD_KIND_BASELINE) {
        if (strcmp(entry->object.etag, entry->row.etag) == 0) { /* not to be trusted yet, but the same */
            w->totals->unchanged++;
            return ERR_OK;
        }
    } else {
        struct hash128 now;
        do
            (void)!claim_keep(&w->claim, err);
        while (run_again(w, err));
        if (err->code != ERR_OK)
            return err->code;
        do
            (void)!load_content_hash(job, &entry->object, &now, &why);
        while (run_again(w, &why));
        if (why.code != ERR_OK)
            return why.code == ERR_CANCELLED ? err_set(err, why.name, "%s", why.msg)
                                             : fail(w, entry, &why, err);
        if (hash_equal(&now, &entry->row.content)) {
            tell_looked_at(w, entry, OBJECT_UNCHANGED);
            return entry->object.etag_trusted ? mark_etag(g, entry, err) : ERR_OK;
        }
    }
    switch (job->pipeline->policy.on_changed) {
    case ON_CHANGED_IGNORE:
        tell_looked_at(w, entry, OBJECT_IGNORED);
        return ERR_OK;
    case ON_CHANGED_REPLACE:
        if (entry->row.kind != LOAD_KIND_BASELINE)
            return take(g, entry, true, err);
        err_set(
            &why, ERRN_BASELINE_ROW,
            "%s: it has changed, but was put into the ledger by `sluice baseline`: its rows are not known",
            entry->object.key);
        break;
    default:
        err_set(&why, ERRN_SOURCE_CHANGED,
                "%s: it was loaded at run %s and has other content now; load it again with `sluice run "
                "--reload --hour H`, or set policy.on_changed",
                entry->object.key, entry->row.run_id);
        break;
    }
    return fail(w, entry, &why, err);
}

static enum err_code reload(struct gather *g, const struct diff_entry *entry, struct err *err)
{
    struct err why = ERR_INIT;
    if (entry->row.kind == LOAD_KIND_BASELINE)
        err_set(&why, ERRN_BASELINE_ROW,
                "%s: it was put into the ledger by `sluice baseline`: its rows are not known",
                entry->object.key);
    else if (entry->kind == DIFF_GONE)
        err_set(&why, ERRN_SOURCE_GONE, "%s: it was loaded, but is not in the source any more; its rows stay",
                entry->object.key);
    else
        return take(g, entry, true, err);
    return fail(g->work, entry, &why, err);
}

static enum err_code go_on(struct gather *g, const struct diff_entry *entry, struct err *err)
{
    struct err why = ERR_INIT;
    if (run_check_rest(g->work->job, entry, &why) != ERR_OK)
        return fail(g->work, entry, &why, err);
    return take(g, entry, false, err);
}

uint64_t run_listed(const struct store_object *object)
{
    char text[STORE_KEY_MAX + STORE_ETAG_MAX + 32];
    int n = snprintf(text, sizeof text, "%s\n%s\n%lld", object->key, object->etag, (long long)object->size);
    return hash64(text, (size_t)n);
}

static enum err_code one_entry(struct gather *g, const struct diff_entry *entry, struct err *err)
{
    struct hour_work *w = g->work;
    if (entry->kind == DIFF_IGNORED || entry->hour != w->claim.row.hour)
        return ERR_OK;
    if (entry->kind != DIFF_GONE) {
        w->matched++;
        w->listed += run_listed(&entry->object);
    }
    if (w->options->reload && entry->kind != DIFF_NEW)
        return reload(g, entry, err);
    switch (entry->kind) {
    case DIFF_NEW:
        return take(g, entry, false, err);
    case DIFF_PARTIAL:
        return go_on(g, entry, err);
    case DIFF_ETAG:
        return look_at(g, entry, err);
    case DIFF_LOADED:
        w->totals->unchanged++;
        return ERR_OK;
    default:
        return ERR_OK;
    }
}

static enum err_code all_entries(struct hour_work *w, struct crew *crew, struct err *err)
{
    struct gather g = {.work = w, .crew = crew};
    struct diff_entry *entry = mem_alloc(sizeof *entry);
    struct buf prefix;
    bool more = true;
    buf_init(&prefix, STORE_KEY_MAX);
    if (!entry) {
        err_nomem(err);
        goto out;
    }
    if (layout_prefix(w->job->layout, w->claim.row.hour, &prefix, err) != ERR_OK ||
        diff_begin(w->job->store, w->job->layout, w->job->sink, buf_str(&prefix), &w->diff, err) != ERR_OK)
        goto out;
    while (more && job_check_stop(w->job, err) == ERR_OK) {
        do
            (void)!diff_next(w->diff, entry, &more, err);
        while (run_again(w, err));
        if (err->code != ERR_OK || (more && one_entry(&g, entry, err) != ERR_OK))
            goto out;
    }
    if (err->code != ERR_OK)
        goto out;
    if (flush(&g, err) == ERR_OK)
        (void)!write_marks(&g, err);
out:
    unit_free(g.group);
    diff_end(w->diff);
    w->diff = NULL;
    buf_release(&prefix);
    mem_free(entry);
    return err->code;
}

static enum hour_state state_of(const struct hour_work *w, const struct err *err)
{
    if (err->code == ERR_CANCELLED)
        return w->claim.row.before;
    if (err->code == ERR_FENCED || err->code == ERR_HELD)
        return HOUR_RUNNING; /* with another */
    const struct err *why = err->code != ERR_OK ? err : &w->first_error;
    if (why->code != ERR_OK)
        return err_is_transient(why->code) || why->code == ERR_IN_DOUBT ? HOUR_RETRYING : HOUR_FAILED;
    return w->matched ? HOUR_LOADED : HOUR_EMPTY;
}

/* Diff and units of an hour whose claim is held. */
static void work_on(struct hour_work *w, struct crew *crew, struct err *err)
{
    if (crew_begin(crew, w, err) == ERR_OK)
        (void)!all_entries(w, crew, err);
    crew_end(crew, err);
}

/* The hour's claim goes back with what was found out; nothing was where it was stopped. */
static enum err_code release(struct hour_work *w, const struct claim_outcome *outcome, bool stopped,
                             struct err *err)
{
    bool lost = false;
    do {
        (void)!(stopped ? claim_return(&w->claim, err) : claim_end(&w->claim, outcome, err));
        lost = lost || err->code == ERR_TRANSIENT;
    } while (run_again(w, err));
    if (lost && err->code == ERR_FENCED) /* the answer alone was lost: it is free, or another's by now */
        err_clear(err);
    return err->code;
}

enum err_code run_claimed(struct job *job, const struct run_options *options, struct crew *crew,
                          const struct claim *claim, struct job_totals *totals, int *status,
                          struct outage *outage, struct err *err)
{
    struct hour_work w = {.job = job,
                          .options = options,
                          .totals = totals,
                          .status = status,
                          .outage = *outage,
                          .claim = *claim};
    struct renewer *renewer = NULL;
    struct err books = ERR_INIT;
    if (reject_samples_init(&w.samples, err) == ERR_OK &&
        renewer_start(job, &w.claim, &renewer, err) == ERR_OK)
        work_on(&w, crew, err);
    totals->hours++;
    struct err why = err->code != ERR_OK ? *err : w.first_error;
    struct claim_outcome outcome = {
        .state = state_of(&w, err), .attempts = why.code ? w.claim.row.attempts + 1 : 0, .why = &why};
    bool stopped = err->code == ERR_CANCELLED;
    if (options->end && !stopped && outcome.state != HOUR_RUNNING)
        options->end->decide(options->end->ctx, &w.claim, w.listed, err->code != ERR_OK, &outcome);
    renewer_stop(renewer);
    reject_samples_release(&w.samples);
    if (release(&w, &outcome, stopped, &books) != ERR_OK && err->code == ERR_OK)
        *err = books;
    *outage = w.outage;
    if (job->events.hour)
        job->events.hour(job->events.ctx, w.claim.row.hour, outcome.state, outcome.why);
    return err->code;
}

enum err_code run_hour(struct job *job, const struct run_options *options, struct crew *crew, hour_t hour,
                       struct job_totals *totals, int *status, struct outage *outage, struct err *err)
{
    struct hour_work w = {.job = job, .outage = *outage};
    do
        (void)!claim_acquire(job->sink, hour, job->owner, job->wait_ms, job->stop, &w.claim, err);
    while (run_again(&w, err));
    *outage = w.outage;
    if (err->code != ERR_OK)
        return err->code;
    return run_claimed(job, options, crew, &w.claim, totals, status, outage, err);
}
