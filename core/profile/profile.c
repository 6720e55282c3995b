/*
 * profile: see profile.h; what is counted here and now (objects, rows, classes, hours, the first rows), while
 * profile_work does the columns.
 *
 * Invariants: at most one batch is in work; what belongs to the caller is touched only between
 * profile_work_wait and profile_work_begin, or is nobody else's (objects, refusals). After an error the
 * profile takes nothing more.
 */
#include "core/profile/profile.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/profile/profile_internal.h"

enum { HEAD_TEXT_MAX = 64 * 1024 * 1024, EXAMPLE_MAX = 1024 };

/* Columns for correlate: neither text nor time. */
static MUST_USE enum err_code new_correlate(struct profile *p, struct err *err)
{
    p->correlated = mem_calloc(p->ncolumns + 1, sizeof *p->correlated);
    if (!p->correlated)
        return err_nomem(err);
    for (size_t c = 0; c < p->ncolumns && p->ncorrelated < CORRELATE_COLUMNS_MAX; c++) {
        enum type_kind kind = schema_loaded(p->options.schema, c)->type.kind;
        if (kind != TYPE_VARCHAR && kind != TYPE_TEXT && kind != TYPE_DATE && kind != TYPE_TIMESTAMP)
            p->correlated[p->ncorrelated++] = c;
    }
    return correlate_new(p->options.schema, p->correlated, p->ncorrelated, &p->correlate, err);
}

/* The budget, at least what sketches of all columns take; and how many rows may come before it is looked at
 * again: so few that what they might take is there. */
static void divide_memory(struct profile *p)
{
    size_t memory = p->options.memory ? p->options.memory : PROFILE_MEMORY, least = 0;
    size_t many = (p->options.by < 0 ? 1 : REPORT_CLASSES) * (p->ncolumns ? p->ncolumns : 1);
    p->width = stats_width(memory / 2 / many);
    for (size_t c = 0; c < p->ncolumns; c++)
        least += stats_sketch_bytes(stats_form_of(&schema_loaded(p->options.schema, c)->type), p->width);
    p->memory = memory > least ? memory : least;
    p->epoch = PROFILE_EPOCH_MAX;
    while (p->epoch > PROFILE_EPOCH_MIN && p->epoch * PROFILE_ROW_BYTES > memory / 2 / many)
        p->epoch /= 2;
}

enum err_code profile_new(const struct profile_options *options, struct profile **out, struct err *err)
{
    *out = NULL;
    if (options->threads < 1 || options->threads > PROFILE_THREADS_MAX ||
        options->by >= (int)options->schema->nloaded)
        return err_set(err, ERRN_INTERNAL, "a profile with %u threads by column %d was asked for",
                       options->threads, options->by);
    struct profile *p = mem_calloc(1, sizeof *p);
    if (!p)
        return err_nomem(err);
    p->options = *options;
    p->ncolumns = options->schema->nloaded;
    hours_init(&p->hours, p->ncolumns);
    divide_memory(p);
    p->job_nulls = mem_calloc(p->ncolumns + 1, sizeof *p->job_nulls);
    p->class_of = mem_alloc(BATCH_ROWS_MAX);
    if (!p->job_nulls || !p->class_of)
        (void)err_nomem(err);
    else if (new_correlate(p, err) == ERR_OK && profile_classes_first(p, err) == ERR_OK &&
             profile_work_start(p, err) == ERR_OK)
        *out = p;
    if (!*out)
        profile_free(p);
    return err->code;
}

static void free_counts(struct profile *p)
{
    hours_drop(&p->hours);
    for (size_t i = 0; i < p->refusals.n; i++)
        mem_free(p->refusals.at[i].example);
    mem_free(p->refusals.at);
    p->refusals = (struct refusals){0};
    for (size_t i = 0; p->head && i < p->head_rows * p->ncolumns; i++)
        mem_free(p->head[i]);
    mem_free(p->head);
    p->head = NULL;
    p->head_rows = 0;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    profile_work_stop(profile);
    profile_classes_release(profile);
    correlate_free(profile->correlate);
    free_counts(profile);
    mem_free(profile->correlated);
    mem_free(profile->class_of);
    mem_free(profile->job_nulls);
    batch_free(profile->batches[0]);
    batch_free(profile->batches[1]);
    mem_free(profile);
}

enum err_code profile_object(struct profile *profile, bool known, hour_t hour, int64_t bytes, struct err *err)
{
    struct report_hour *at;
    profile->objects++;
    profile->bytes += bytes;
    if (!known) {
        profile->hours_unknown = true;
        return ERR_OK;
    }
    if (hours_get(&profile->hours, hour, &at, err) == ERR_OK)
        at->objects++;
    return err->code;
}

/* The first rows, as texts. */
static MUST_USE enum err_code take_head(struct profile *p, const struct batch *batch, size_t from, size_t to,
                                        struct err *err)
{
    struct buf text;
    if (p->head_rows == REPORT_HEAD)
        return ERR_OK;
    if (!p->head && !(p->head = mem_calloc(REPORT_HEAD * p->ncolumns + 1, sizeof *p->head)))
        return err_nomem(err);
    buf_init(&text, HEAD_TEXT_MAX);
    for (size_t row = from; row < to && p->head_rows < REPORT_HEAD; row++) {
        p->head_rows++;
        for (size_t c = 0; c < p->ncolumns; c++) {
            char **cell = &p->head[(p->head_rows - 1) * p->ncolumns + c];
            if (batch->cols[c].null[row])
                continue;
            buf_clear(&text);
            if (canon_text(batch, c, row, &text, err))
                goto out;
            if (!(*cell = profile_cut_text(buf_str(&text), text.len))) {
                (void)err_nomem(err);
                goto out;
            }
        }
    }
out:
    buf_release(&text);
    return err->code;
}

/* Nothing is in work. */
static MUST_USE enum err_code begin(struct profile *p, const struct batch *batch, size_t from, size_t to,
                                    bool known, hour_t hour, struct err *err)
{
    struct report_hour *at;
    if (from == to)
        return ERR_OK;
    if (known && hours_get(&p->hours, hour, &at, err))
        return err->code;
    if (known)
        at->rows += (int64_t)(to - from);
    p->hours_unknown |= !known;
    if (take_head(p, batch, from, to, err) || profile_classify(p, batch, from, to, err))
        return err->code;
    p->rows += (int64_t)(to - from);
    profile_work_begin(p, batch, from, to, known, hour);
    return ERR_OK;
}

enum err_code profile_add(struct profile *profile, const struct batch *batch, size_t from, size_t to,
                          bool known, hour_t hour, struct err *err)
{
    if (profile_work_wait(profile, err) || begin(profile, batch, from, to, known, hour, err))
        return err->code;
    return profile_work_wait(profile, err);
}

/* Rows such that a batch of many columns is no larger than one of few. */
static size_t batch_rows(const struct profile *p)
{
    size_t rows = PROFILE_BATCH_BYTES / (p->ncolumns * (sizeof(int64_t) + 1) + 2 * sizeof(int64_t));
    rows = rows < PROFILE_BATCH_ROWS ? rows : PROFILE_BATCH_ROWS;
    return rows > PROFILE_BATCH_ROWS_MIN ? rows : PROFILE_BATCH_ROWS_MIN;
}

enum err_code profile_borrow(struct profile *profile, struct batch **out, struct err *err)
{
    struct batch **b = &profile->batches[profile->filling];
    *out = NULL;
    if (!*b && batch_new(profile->options.schema, batch_rows(profile), PROFILE_BATCH_TEXT, b, err))
        return err->code;
    batch_clear(*b);
    *out = *b;
    return ERR_OK;
}

enum err_code profile_push(struct profile *profile, bool known, hour_t hour, struct err *err)
{
    struct batch *batch = profile->batches[profile->filling];
    if (profile_work_wait(profile, err) || begin(profile, batch, 0, batch->rows, known, hour, err))
        return err->code;
    if (profile->ntasks == 0)
        return profile_work_wait(profile, err);
    profile->filling = !profile->filling;
    return ERR_OK;
}

static MUST_USE enum err_code add_refusals(struct profile *p, enum err_name name, int64_t count,
                                           const char *example, struct err *err)
{
    for (size_t i = 0; i < p->refusals.n; i++)
        if (p->refusals.at[i].name == name) {
            p->refusals.at[i].count += count;
            return ERR_OK;
        }
    struct report_refusal *more = mem_realloc(p->refusals.at, (p->refusals.n + 1) * sizeof *more);
    if (!more)
        return err_nomem(err);
    p->refusals.at = more;
    more += p->refusals.n;
    *more = (struct report_refusal){.name = name, .count = count};
    size_t len = example ? strlen(example) : 0;
    more->example = mem_strndup(example ? example : "", len < EXAMPLE_MAX ? len : EXAMPLE_MAX);
    if (!more->example)
        return err_nomem(err);
    p->refusals.n++;
    return ERR_OK;
}

enum err_code profile_refused(struct profile *profile, hour_t hour, enum err_name name, const char *example,
                              struct err *err)
{
    struct report_hour *at;
    profile->refused++;
    if (hours_get(&profile->hours, hour, &at, err))
        return err->code;
    at->refused++;
    return add_refusals(profile, name, 1, example, err);
}

/* What other has of the first rows, where they are not full. */
static MUST_USE enum err_code merge_head(struct profile *p, struct profile *other, struct err *err)
{
    if (!other->head)
        return ERR_OK;
    if (!p->head && !(p->head = mem_calloc(REPORT_HEAD * p->ncolumns + 1, sizeof *p->head)))
        return err_nomem(err);
    for (size_t row = 0; row < other->head_rows && p->head_rows < REPORT_HEAD; row++, p->head_rows++)
        for (size_t c = 0; c < p->ncolumns; c++) {
            p->head[p->head_rows * p->ncolumns + c] = other->head[row * p->ncolumns + c];
            other->head[row * p->ncolumns + c] = NULL;
        }
    return ERR_OK;
}

enum err_code profile_merge(struct profile *profile, struct profile *other, struct err *err)
{
    if (profile_work_wait(profile, err) || profile_work_wait(other, err) ||
        hours_merge(&profile->hours, &other->hours, err) || merge_head(profile, other, err) ||
        profile_classes_merge(profile, other, err))
        return err->code;
    for (size_t i = 0; i < other->refusals.n; i++) {
        const struct report_refusal *r = &other->refusals.at[i];
        if (add_refusals(profile, r->name, r->count, r->example, err))
            return err->code;
    }
    correlate_merge(profile->correlate, other->correlate);
    profile->hours_unknown |= other->hours_unknown;
    profile->rows += other->rows;
    profile->refused += other->refused;
    profile->objects += other->objects;
    profile->bytes += other->bytes;
    profile_clear(other);
    return ERR_OK;
}

void profile_clear(struct profile *profile)
{
    struct err ignored = ERR_INIT;
    (void)!profile_work_wait(profile, &ignored);
    free_counts(profile);
    if (profile->options.by >= 0)
        profile_classes_release(profile); /* made again by the rows that come */
    for (int k = 0; k < profile->nclasses; k++) {
        profile->classes[k].rows = 0;
        for (size_t c = 0; c < profile->ncolumns; c++)
            stats_clear(&profile->classes[k].stats[c]);
    }
    correlate_clear(profile->correlate);
    profile->hours_unknown = false;
    profile->rows = profile->refused = profile->objects = profile->bytes = 0;
    profile->epoch_rows = 0;
}
