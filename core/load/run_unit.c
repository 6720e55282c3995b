/*
 * run_unit: one unit until there is nothing more to try.
 *
 * What an error leads to:
 * - LEDGER_EXISTS, LEDGER_MOVED: look the objects up in the ledger, load what is left
 * - IN_DOUBT: a new connection, the claim again, then the same unit: its ledger rows decide
 * - a server went away (transient): it is waited for (outage.h), a new connection made where it was lost; the
 *   unit again, which in CHUNK goes on behind its last commit. What gets through ends the outage and the
 * counting of tries; a unit that never does is given up when the outage is over its maximum
 * - busy, SOURCE_MOVED: wait 1 s, 2 s; a new look at the object where it changed; the unit again
 * - FENCED, HELD, CANCELLED, trouble in the database that waiting does not mend: the hour ends
 * - anything else: this unit has failed
 * A GROUP that the database refuses, or that a connection did not carry to its end twice, is halved until the
 * object at fault stands alone; objects that it left out are loaded alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/load/run_internal.h"

static int64_t now_us(const struct hour_work *w)
{
    return clock_mono_us(w->job->clock);
}

void run_tell(struct hour_work *w, const struct object_result *result)
{
    if (!w->job->events.object)
        return;
    if (w->told)
        monitor_lock(w->told);
    w->job->events.object(w->job->events.ctx, result);
    if (w->told)
        monitor_unlock(w->told);
}

static void tell(struct hour_work *w, const struct object_result *result)
{
    if (w->job->progress)
        progress_add(&w->job->progress->objects_done, 1);
    run_tell(w, result);
}

static void add_rows(struct job_totals *t, const struct load_outcome *o)
{
    t->bytes += o->bytes;
    t->rows_read += o->rows_read;
    t->rows_loaded += o->rows_loaded;
    t->rows_rejected += o->rows_rejected;
    t->row_hash += o->row_hash;
}

static void tell_loaded(struct hour_work *w, const struct unit_object *object, const struct load_outcome *o,
                        int64_t started_us)
{
    struct object_result result = {
        .hour = w->claim.row.hour,
        .object = object->key,
        .status = object->replace_id ? OBJECT_REPLACED : OBJECT_LOADED,
        .etag = object->etag,
        .bytes = o->bytes,
        .rows_read = o->rows_read,
        .rows_loaded = o->rows_loaded,
        .rows_rejected = o->rows_rejected,
        .row_hash = o->row_hash,
        .load_method = w->job->sink->caps.load_method,
        .duration_ms = (now_us(w) - started_us) / 1000,
    };
    w->totals->objects++;
    add_rows(w->totals, o);
    w->done++;
    tell(w, &result);
}

/* A page of the ledger in the midst of a unit: it does not count as progress of the unit. */
static enum err_code ledger_page(struct hour_work *w, const struct ledger_query *query,
                                 struct ledger_row *rows, size_t *n, struct err *err)
{
    while (sink_ledger_page(w->job->sink, query, rows, REC_PAGE, n, err) != ERR_OK && run_again(w, err))
        ;
    return err->code;
}

/* What this run has committed of an object: chunks of earlier tries, and commits whose answer was lost, are
 * known to the ledger alone. */
static enum err_code committed(struct hour_work *w, const char *key, struct load_outcome *o, struct err *err)
{
    struct ledger_query query = {.object = key, .run_id = w->job->run_id, .order = LEDGER_BY_KEY};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;
    *o = (struct load_outcome){.committed = true};
    if (!rows)
        return err_nomem(err);
    while (n == REC_PAGE && ledger_page(w, &query, rows, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            o->rows_read += rows[i].rows_read;
            o->rows_loaded += rows[i].rows_loaded;
            o->rows_rejected += rows[i].rows_rejected;
            o->row_hash += rows[i].row_hash;
            o->bytes += rows[i].bytes;
        }
        query.after_object = key;
        query.after_chunk = n ? rows[n - 1].chunk : 0;
    }
    mem_free(rows);
    return err->code;
}

/* Another worker's row, or our own whose commit was in doubt. */
static enum err_code tell_done(struct hour_work *w, const struct unit_object *object,
                               const struct ledger_row *row, int64_t started_us, struct err *err)
{
    if (strcmp(row->run_id, w->job->run_id) == 0) {
        struct load_outcome o;
        if (committed(w, object->key, &o, err) == ERR_OK)
            tell_loaded(w, object, &o, started_us);
        return err->code;
    }
    struct object_result result = {.hour = w->claim.row.hour,
                                   .object = object->key,
                                   .status = OBJECT_DONE,
                                   .etag = row->etag,
                                   .bytes = row->bytes,
                                   .row_hash = row->row_hash,
                                   .load_method = row->load_method};
    w->totals->unchanged++;
    w->done++;
    tell(w, &result);
    return ERR_OK;
}

enum err_code run_tell_failed(struct hour_work *w, const char *key, const char *etag,
                              const struct load_outcome *o, int64_t started_us, const struct err *why,
                              struct err *err)
{
    struct object_result result = {
        .hour = w->claim.row.hour,
        .object = key,
        .status = OBJECT_FAILED,
        .etag = etag,
        .bytes = o->bytes,
        .rows_read = o->rows_read,
        .rows_loaded = o->rows_loaded,
        .rows_rejected = o->rows_rejected,
        .load_method = w->job->sink->caps.load_method,
        .duration_ms = (now_us(w) - started_us) / 1000,
        .error = *why,
    };
    struct attempt attempt = {
        .hour = result.hour, .rows_read = o->rows_read, .rows_rejected = o->rows_rejected, .bytes = o->bytes};
    snprintf(attempt.run_id, sizeof attempt.run_id, "%s", w->job->run_id);
    snprintf(attempt.object, sizeof attempt.object, "%s", result.object);
    snprintf(attempt.error_name, sizeof attempt.error_name, "%s", err_name_text(why->name));
    snprintf(attempt.message, sizeof attempt.message, "%s", why->msg);
    w->failed++;
    w->totals->failed++;
    *w->status = err_status_worse(*w->status, err_status(why));
    if (w->first_error.code == ERR_OK)
        w->first_error = *why;
    tell(w, &result);
    while (sink_attempt_add(w->job->sink, &attempt, w->samples.rows, w->samples.n, err) != ERR_OK &&
           run_again(w, err))
        ;
    reject_samples_clear(&w->samples);
    return err->code;
}

/* A server that was there and waited for once is waited for only shortly the next time. */
static int64_t patience_ms(const struct hour_work *w)
{
    int64_t ms = w->job->pipeline->policy.outage_ms;
    return w->outage.given_up > 0 && ms > RUN_SHORT_MS ? RUN_SHORT_MS : ms;
}

static enum err_code connect_again(struct hour_work *w, struct err *err)
{
    struct job *job = w->job;
    struct sink *fresh = NULL;
    if (job->sinks.open(job->sinks.ctx, false, job->sink->connection_id, &fresh, err) != ERR_OK)
        return err->code;
    sink_close(job->sink);
    job->sink = fresh;
    if (w->loader)
        loader_set_sink(w->loader, fresh);
    if (w->diff)
        diff_set_sink(w->diff, fresh);
    w->claim.sink = fresh;
    return w->claim.row.owner[0]
               ? sink_claim_renew(fresh, w->claim.row.hour, w->claim.row.owner, w->claim.row.epoch, err)
               : ERR_OK;
}

enum err_code run_reconnect(struct hour_work *w, struct err *err)
{
    while (connect_again(w, err) != ERR_OK) {
        /* In a failover the old address may answer for a while, without a right to write. */
        bool away = err->code == ERR_TRANSIENT || err->name == ERRN_READ_ONLY;
        if (!away)
            break;
        if (!outage_wait(&w->outage, w->job, patience_ms(w), err)) {
            w->outage.given_up++;
            break;
        }
        err_clear(err);
    }
    return err->code;
}

bool run_again(struct hour_work *w, struct err *err)
{
    if (err->code == ERR_OK)
        outage_end(&w->outage, w->job);
    if (err->code != ERR_TRANSIENT || !outage_wait(&w->outage, w->job, patience_ms(w), err))
        return false;
    bool lost = err->name == ERRN_DB_LOST;
    err_clear(err);
    return !lost || run_reconnect(w, err) == ERR_OK;
}

enum err_code run_check_rest(const struct job *job, const struct diff_entry *entry, struct err *err)
{
    if (entry->row.schema_hash == job->pipeline->schema.hash)
        return ERR_OK;
    return err_set(err, ERRN_SOURCE_CHANGED,
                   "%s: %lld chunks of it were loaded under another schema; `sluice run --reload` loads the "
                   "hour again",
                   entry->object.key, (long long)entry->row.chunk + 1);
}

/* The rest of an object of which some chunks are loaded, as a unit; NULL where it cannot be loaded, which is
 * told. */
static enum err_code rest_of(struct hour_work *w, const struct diff_entry *entry, struct unit **out,
                             struct err *err)
{
    struct err why = ERR_INIT;
    struct load_outcome nothing = {0};
    *out = NULL;
    if (run_check_rest(w->job, entry, &why) != ERR_OK)
        return run_tell_failed(w, entry->object.key, entry->object.etag, &nothing, now_us(w), &why, err);
    if (unit_new(UNIT_CHUNK, w->claim.row.hour, entry->row.chunk_rows, out, err) == ERR_OK &&
        unit_add(*out, entry, false, err) != ERR_OK) {
        unit_free(*out);
        *out = NULL;
    }
    return err->code;
}

/* The unit as one has to see it after a collision: what of it is done, and what is left (in *left, NULL where
 * nothing is). */
static enum err_code look_again(struct hour_work *w, const struct unit *unit, int64_t started_us,
                                struct unit **left, struct err *err)
{
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct diff_entry *entry = mem_calloc(1, sizeof *entry);
    struct unit *rest = NULL;
    *left = NULL;
    if (!rows || !entry) {
        err_nomem(err);
        goto out;
    }
    if (unit_new(unit->kind, unit->hour, unit->chunk_rows, &rest, err) != ERR_OK)
        goto out;
    for (size_t i = 0; i < unit->n; i++) {
        const struct unit_object *object = &unit->objects[i];
        struct ledger_query query = {.object = object->key, .order = LEDGER_BY_KEY};
        size_t n = REC_PAGE;
        *entry = (struct diff_entry){.kind = DIFF_NEW, .hour = unit->hour};
        while (n == REC_PAGE) {
            if (ledger_page(w, &query, rows, &n, err) != ERR_OK)
                goto out;
            for (size_t k = 0; k < n; k++) {
                loader_saw_ledger(w->loader, &rows[k]);
                entry->kind = rows[k].last ? DIFF_LOADED : DIFF_PARTIAL;
                entry->row = rows[k];
                entry->read_sum += rows[k].chunk >= 0 ? rows[k].rows_read : 0;
                entry->rejected_sum += rows[k].chunk >= 0 ? rows[k].rows_rejected : 0;
            }
            query.after_object = n ? entry->row.object : NULL;
            query.after_chunk = n ? entry->row.chunk : 0;
        }
        /* Chunks are never what a replace leaves: those are the old rows too. */
        bool old = object->replace_id &&
                   (entry->kind == DIFF_PARTIAL ||
                    (entry->kind == DIFF_LOADED && strcmp(entry->row.run_id, object->replace_run_id) == 0));
        if (entry->kind == DIFF_LOADED && !old) {
            if (tell_done(w, object, &entry->row, started_us, err) != ERR_OK)
                goto out;
            continue;
        }
        snprintf(entry->object.key, sizeof entry->object.key, "%s", object->key);
        snprintf(entry->object.etag, sizeof entry->object.etag, "%s", object->etag);
        entry->object.etag_trusted = object->etag_trusted;
        entry->object.size = object->size;
        if (entry->kind != DIFF_PARTIAL || old) {
            if (unit_add(rest, entry, old, err) != ERR_OK)
                goto out;
            continue;
        }
        struct unit *behind = NULL;
        if (rest_of(w, entry, &behind, err) != ERR_OK)
            goto out;
        if (unit->n == 1) { /* in its place: no deeper with every collision */
            *left = behind;
            goto out;
        }
        if (behind && run_unit(w, behind, err) != ERR_OK)
            goto out;
    }
    if (rest->n > 0) {
        *left = rest;
        rest = NULL;
    }
out:
    unit_free(rest);
    mem_free(entry);
    mem_free(rows);
    return err->code;
}

/* An object changed after it was listed: the next try reads what is there now. One that cannot be looked at
 * stays as it was, and the next try says why. */
static enum err_code list_again(struct hour_work *w, struct unit *unit, struct err *err)
{
    struct store_object now;
    for (size_t i = 0; i < unit->n; i++) {
        struct err ignored = ERR_INIT;
        if (store_stat(w->job->store, unit->objects[i].key, &now, &ignored) == ERR_OK &&
            unit_update(unit, i, &now, err) != ERR_OK)
            break;
    }
    return err->code;
}

/* Runs objects [from, to) of a unit as a unit of their own. */
static enum err_code run_part(struct hour_work *w, const struct unit *unit, size_t from, size_t to,
                              struct err *err)
{
    struct unit *part = NULL;
    if (unit_part(unit, from, to, &part, err) != ERR_OK)
        return err->code;
    return run_unit(w, part, err);
}

static enum err_code run_halves(struct hour_work *w, const struct unit *unit, struct err *err)
{
    size_t half = unit->n / 2;
    if (run_part(w, unit, 0, half, err) != ERR_OK)
        return err->code;
    return run_part(w, unit, half, unit->n, err);
}

static enum err_code tell_all(struct hour_work *w, const struct unit *unit, struct load_outcome *outcomes,
                              int64_t started_us, struct err *err)
{
    if (unit->kind == UNIT_CHUNK && committed(w, unit->objects[0].key, &outcomes[0], err) != ERR_OK)
        return err->code;
    for (size_t i = 0; i < unit->n; i++)
        if (outcomes[i].committed)
            tell_loaded(w, &unit->objects[i], &outcomes[i], started_us);
    for (size_t i = 0; i < unit->n; i++)
        if (outcomes[i].left_out && run_part(w, unit, i, i + 1, err) != ERR_OK)
            return err->code;
    return ERR_OK;
}

/* Whether the whole run has to end with this error of a unit. */
static bool ends_the_run(const struct hour_work *w, const struct err *why)
{
    switch (why->code) {
    case ERR_CANCELLED:
    case ERR_FENCED:
    case ERR_HELD:
    case ERR_IN_DOUBT:
        return true;
    case ERR_NOMEM: /* a maximum that one object went over is that object's trouble */
        return why->name == ERRN_NOMEM || loader_sink_failed(w->loader);
    case ERR_DATA:
        return false;
    case ERR_TRANSIENT:
    case ERR_BUSY:
        return loader_sink_failed(w->loader) || w->outage.given_up >= RUN_OUTAGE;
    default:
        return loader_sink_failed(w->loader);
    }
}

/* Of the unit's one object: what was read of it, and the chunks of it that stay loaded. */
static struct load_outcome of_failed(struct hour_work *w, const struct unit *unit,
                                     const struct load_outcome *outcome)
{
    struct load_outcome seen = *outcome, stays;
    struct err unknown = ERR_INIT;
    seen.rows_loaded = 0;
    if (unit->kind == UNIT_CHUNK && committed(w, unit->objects[0].key, &stays, &unknown) == ERR_OK) {
        add_rows(w->totals, &stays);
        seen.rows_loaded = stays.rows_loaded;
    }
    return seen;
}

static enum err_code unit_failed(struct hour_work *w, const struct unit *unit,
                                 const struct load_outcome *outcomes, int64_t started_us,
                                 const struct err *why, struct err *err)
{
    w->outage.given_up = err_is_transient(why->code) ? w->outage.given_up + 1 : 0;
    if (unit->kind == UNIT_GROUP && unit->n > 1 && why->code == ERR_DATA)
        return run_halves(w, unit, err);
    bool end = ends_the_run(w, why);
    if (why->code == ERR_CANCELLED) {
        *err = *why;
        return err->code;
    }
    struct err books = ERR_INIT;
    bool alone = unit->n == 1;
    struct load_outcome seen = {0};
    if (alone)
        seen = of_failed(w, unit, outcomes);
    enum err_code code = run_tell_failed(w, alone ? unit->objects[0].key : "",
                                         alone ? unit->objects[0].etag : "", &seen, started_us, why, &books);
    if (end || code != ERR_OK)
        *err = end ? *why : books;
    return err->code;
}

/* What the tries of one unit have come to. */
struct tries {
    int all, busy, lost; /* since the last commit */
    int64_t commits;
};

/* The server is there, and loses the connection each time before the transaction is through. False. */
static bool say_cut(const struct unit *unit, struct err *why)
{
    struct err lost = *why;
    err_clear(why);
    err_set_native(why, lost.name, lost.native,
                   "%s; the server was there each time: does something cut long connections? %s", lost.msg,
                   unit->kind == UNIT_CHUNK
                       ? "Fewer target.chunk_rows make shorter transactions"
                       : "target.commit_unit: chunk, with few target.chunk_rows, makes shorter transactions");
    return false;
}

/* After a failed try: whether another is to follow, with what it needs made ready. *unit is what is left,
 * NULL where all is done. Otherwise *why is what the unit fails with, unless *err is set: the hour ends with
 * that. */
static bool try_again(struct hour_work *w, struct tries *t, struct unit **unit, int64_t started_us,
                      struct err *why, struct err *err)
{
    enum err_code code = why->code;
    bool collided = (code == ERR_EXISTS || code == ERR_PRECONDITION) && loader_sink_failed(w->loader);
    bool passing = collided || code == ERR_IN_DOUBT || code == ERR_PRECONDITION || err_is_transient(code);
    if (t->all++ >= RUN_TRIES_MAX)
        return false;
    /* What would be tried again has not failed because somebody wants an end. */
    if (passing && job_check_stop(w->job, err) != ERR_OK)
        return true;
    if (collided) {
        struct unit *left = NULL;
        if (look_again(w, *unit, started_us, &left, err) == ERR_OK) {
            unit_free(*unit);
            *unit = left;
        }
        return true;
    }
    if (code == ERR_IN_DOUBT) {
        log_msg(LOG_WARN, "%s; asking the ledger", why->msg);
        (void)!run_reconnect(w, err);
        return true;
    }
    if (code == ERR_TRANSIENT) {
        t->all--; /* the outage has a bound of its own */
        if (w->outage.tries == 0 && why->name == ERRN_DB_LOST)
            log_msg(LOG_INFO, "%s: %s; trying again", err_name_text(why->name), why->msg);
        if (!outage_wait(&w->outage, w->job, patience_ms(w), why))
            return t->lost > 1 && why->name == ERRN_DB_LOST ? say_cut(*unit, why) : false;
        if (why->name == ERRN_DB_LOST && run_reconnect(w, err) == ERR_OK && ++t->lost > 1 &&
            (*unit)->kind == UNIT_GROUP && (*unit)->n > 1 && run_halves(w, *unit, err) == ERR_OK) {
            unit_free(*unit);
            *unit = NULL;
        }
        return true;
    }
    if ((code != ERR_BUSY && code != ERR_PRECONDITION) || ++t->busy >= RUN_TRANSIENT_TRIES)
        return false;
    log_msg(LOG_WARN, "%s: %s; trying again in %d s", err_name_text(why->name), why->msg, t->busy);
    clock_sleep_us(w->job->clock, t->busy * INT64_C(1000000));
    if (code == ERR_PRECONDITION)
        (void)!list_again(w, *unit, err);
    return true;
}

enum err_code run_unit(struct hour_work *w, struct unit *unit, struct err *err)
{
    int64_t started = now_us(w);
    struct tries tries = {.commits = loader_commits(w->loader)};
    struct load_outcome *outcomes = mem_calloc(unit->n ? unit->n : 1, sizeof *outcomes);
    if (!outcomes)
        err_nomem(err);
    while (outcomes && unit && err->code == ERR_OK) {
        struct err why = ERR_INIT;
        enum err_code code = loader_run(w->loader, &w->claim, unit, outcomes, &w->samples, &why);
        if (loader_commits(w->loader) > tries.commits) {
            outage_end(&w->outage, w->job);
            w->outage.given_up = 0;
            tries = (struct tries){.commits = loader_commits(w->loader)};
        }
        if (code == ERR_OK) {
            tell_all(w, unit, outcomes, started, err);
            break;
        }
        if (!try_again(w, &tries, &unit, started, &why, err)) {
            unit_failed(w, unit, outcomes, started, &why, err);
            break;
        }
    }
    reject_samples_clear(&w->samples); /* of a try that nobody told of: not those of the next failure */
    mem_free(outcomes);
    unit_free(unit);
    return err->code;
}
