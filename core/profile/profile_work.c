/*
 * profile_work: a batch through all accumulators, by one thread or several.
 *
 * A batch is worked on in segments that end at every epoch-th row since the beginning, and before the first
 * row of each class. A segment is so many units: one column each, and the pairs. Units go to whoever is free;
 * the next segment begins when all are ready. Between two segments, while nobody works, it is decided which
 * tables may grow how far: by what they hold, in column order. So nothing depends on the number of threads,
 * nor on where batches end.
 *
 * States of a job: idle (busy false) -> segment in work -> ... -> idle. Whoever ends the last unit of a
 * segment begins the next. job_nulls, classes and hours belong to the caller while idle, and are not changed
 * by units but for the unit's own cell of job_nulls.
 */
#include "core/base/mem.h"
#include "core/profile/profile_internal.h"
#include "core/profile/values.h"

enum { CHUNK = 512 };

/* --- memory ----------------------------------------------------------------------------------------------
 */

struct claim {
    size_t left;   /* bytes not given yet */
    size_t modest; /* more than that is asked for in the second round */
};

/* Gives the accumulators of a round what they want beyond what they hold, as long as there is something. */
static void give(struct profile *p, struct claim *claim, bool modest)
{
    for (int k = 0; k < p->nbegun; k++)
        for (size_t c = 0; c < p->ncolumns; c++) {
            struct stats *s = &p->classes[k].stats[c];
            size_t held = stats_held(s), more = stats_wanted(s, p->epoch) - held;
            if ((more <= claim->modest) != modest)
                continue;
            more = more < claim->left ? more : claim->left;
            stats_grant(s, held + more);
            claim->left -= more;
        }
}

size_t profile_held(const struct profile *profile)
{
    size_t held = 0;
    for (int k = 0; k < profile->nclasses; k++)
        for (size_t c = 0; c < profile->ncolumns; c++)
            held += stats_held(&profile->classes[k].stats[c]);
    return held;
}

void profile_grant(struct profile *profile)
{
    size_t held = profile_held(profile), many = (size_t)profile->nbegun * profile->ncolumns;
    struct claim claim = {.left = profile->memory > held ? profile->memory - held : 0};
    claim.modest = many ? claim.left / many : 0;
    give(profile, &claim, true);
    give(profile, &claim, false);
}

/* --- units -----------------------------------------------------------------------------------------------
 */

static MUST_USE enum err_code text_unit(struct profile *p, size_t c, size_t from, size_t to, struct err *err)
{
    const struct batch *batch = p->job.batch;
    const uint8_t *null = batch->cols[c].null;
    for (size_t row = from; row < to; row++) {
        struct stats *s = &p->classes[p->options.by < 0 ? 0 : p->class_of[row]].stats[c];
        size_t len;
        const char *text = batch_str(batch, c, row, &len);
        if (null[row])
            s->nulls++;
        else if (stats_text(s, text, len, err))
            return err->code;
    }
    return ERR_OK;
}

static MUST_USE enum err_code number_unit(struct profile *p, size_t c, size_t from, size_t to,
                                          struct err *err)
{
    struct stats *s = &p->classes[0].stats[c];
    uint64_t space[CHUNK], packed[CHUNK];
    for (size_t row = from; row < to; row += CHUNK) {
        size_t n = to - row < CHUNK ? to - row : CHUNK;
        const uint8_t *null = p->job.batch->cols[c].null + row;
        const uint64_t *values = values_of(p->job.batch, c, row, n, space);
        size_t nulls = values_nulls(null, n);
        if (nulls > 0) {
            values_pack(values, null, n, packed);
            values = packed;
        }
        s->nulls += (int64_t)nulls;
        if (stats_numbers(s, values, n - nulls, err))
            return err->code;
    }
    return ERR_OK;
}

/* The values of each class apart, then each class's as above. */
static MUST_USE enum err_code number_unit_by(struct profile *p, size_t c, size_t from, size_t to,
                                             struct err *err)
{
    uint64_t space[CHUNK], of[REPORT_CLASSES][CHUNK];
    for (size_t row = from; row < to; row += CHUNK) {
        size_t n = to - row < CHUNK ? to - row : CHUNK, many[REPORT_CLASSES] = {0};
        int64_t rows[REPORT_CLASSES] = {0};
        const uint8_t *null = p->job.batch->cols[c].null + row, *class_of = p->class_of + row;
        const uint64_t *values = values_of(p->job.batch, c, row, n, space);
        for (size_t i = 0; i < n; i++) {
            size_t k = class_of[i];
            of[k][many[k]] = values[i];
            many[k] += !null[i];
            rows[k]++;
        }
        for (int k = 0; k < p->nclasses; k++) {
            struct stats *s = &p->classes[k].stats[c];
            s->nulls += rows[k] - (int64_t)many[k];
            if (many[k] > 0 && stats_numbers(s, of[k], many[k], err))
                return err->code;
        }
    }
    return ERR_OK;
}

/* The pairs come first: they take longest. */
static MUST_USE enum err_code work_unit(struct profile *p, size_t unit, struct err *err)
{
    size_t from = p->job.from, to = p->job.segment_to, c = unit - 1;
    if (unit == 0) {
        correlate_add(p->correlate, p->job.batch, from, to);
        return ERR_OK;
    }
    p->job_nulls[c] += (int64_t)values_nulls(p->job.batch->cols[c].null + from, to - from);
    if (stats_form_of(&schema_loaded(p->options.schema, c)->type) == STATS_TEXT)
        return text_unit(p, c, from, to, err);
    return p->options.by < 0 ? number_unit(p, c, from, to, err) : number_unit_by(p, c, from, to, err);
}

/* --- segments --------------------------------------------------------------------------------------------
 */

/* The first row in [from, to) of a class that no row before it was of. */
static size_t find_new_class(const struct profile *p, size_t from, size_t to)
{
    while (p->options.by >= 0 && from < to && p->class_of[from] < p->nbegun)
        from++;
    return p->options.by >= 0 ? from : to;
}

static void begin_segment(struct profile *p)
{
    struct profile_job *job = &p->job;
    uint64_t left = p->epoch - p->epoch_rows % p->epoch;
    bool begins = p->options.by < 0 ? p->nbegun == 0 : p->class_of[job->from] >= p->nbegun;
    p->nbegun += begins;
    if (begins || left == p->epoch)
        profile_grant(p);
    job->segment_to = job->to - job->from < left ? job->to : job->from + left;
    job->segment_to = find_new_class(p, job->from, job->segment_to);
    job->next = job->done = 0;
}

static void end_segment(struct profile *p)
{
    struct profile_job *job = &p->job;
    p->epoch_rows += job->segment_to - job->from;
    job->from = job->segment_to;
    job->busy = job->from < job->to && p->failed.code == ERR_OK;
    if (job->busy)
        begin_segment(p);
    monitor_wake(p->monitor);
}

/* Under the monitor, which is given back meanwhile. */
static void work_one(struct profile *p)
{
    size_t unit = p->job.next++;
    struct err err = ERR_INIT;
    monitor_unlock(p->monitor);
    (void)!work_unit(p, unit, &err);
    monitor_lock(p->monitor);
    if (err.code != ERR_OK && p->failed.code == ERR_OK)
        p->failed = err;
    if (++p->job.done == p->ncolumns + 1)
        end_segment(p);
}

static bool has_unit(const struct profile *p)
{
    return p->job.busy && p->job.next < p->ncolumns + 1;
}

static void work_main(void *arg)
{
    struct profile *p = arg;
    monitor_lock(p->monitor);
    while (!p->quit) {
        if (has_unit(p))
            work_one(p);
        else
            monitor_wait(p->monitor);
    }
    monitor_unlock(p->monitor);
}

enum err_code profile_work_start(struct profile *profile, struct err *err)
{
    profile->failed = ERR_INIT;
    if (monitor_new(&profile->monitor, err))
        return err->code;
    while (profile->ntasks + 1 < profile->options.threads) {
        if (task_start(work_main, profile, &profile->tasks[profile->ntasks], err))
            return err->code;
        profile->ntasks++;
    }
    return ERR_OK;
}

void profile_work_stop(struct profile *profile)
{
    if (!profile->monitor)
        return;
    monitor_lock(profile->monitor);
    profile->quit = true;
    monitor_wake(profile->monitor);
    monitor_unlock(profile->monitor);
    while (profile->ntasks > 0)
        task_join(profile->tasks[--profile->ntasks]);
    monitor_free(profile->monitor);
    profile->monitor = NULL;
}

void profile_work_begin(struct profile *profile, const struct batch *batch, size_t from, size_t to,
                        bool known, hour_t hour)
{
    monitor_lock(profile->monitor);
    profile->job = (struct profile_job){
        .batch = batch, .from = from, .to = to, .known = known, .hour = hour, .busy = from < to};
    if (profile->job.busy)
        begin_segment(profile);
    monitor_wake(profile->monitor);
    monitor_unlock(profile->monitor);
}

enum err_code profile_work_wait(struct profile *profile, struct err *err)
{
    struct report_hour *hour;
    monitor_lock(profile->monitor);
    while (profile->job.busy) {
        if (has_unit(profile))
            work_one(profile);
        else
            monitor_wait(profile->monitor);
    }
    monitor_unlock(profile->monitor);
    if (profile->failed.code != ERR_OK) {
        if (err->code == ERR_OK)
            *err = profile->failed;
        return err->code;
    }
    if (!profile->job.batch)
        return ERR_OK;
    profile->job.batch = NULL;
    if (profile->job.known && hours_get(&profile->hours, profile->job.hour, &hour, err))
        return err->code;
    for (size_t c = 0; c < profile->ncolumns; c++) {
        if (profile->job.known)
            hour->nulls[c] += profile->job_nulls[c];
        profile->job_nulls[c] = 0;
    }
    return ERR_OK;
}
