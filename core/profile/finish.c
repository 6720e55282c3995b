/*
 * finish: accumulators into a report.
 *
 * Column by column: first what needs the tables as they are (top values, distinct), then they are sorted
 * where they lie and walked for all else, so that no second copy is made. Classes are told most frequent
 * first: order[i] is where the i-th of the report is in the profile.
 */
#include <math.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/profile/profile_internal.h"
#include "core/profile/top.h"
#include "core/profile/view.h"
#include "core/profile/warnings.h"

enum { EXACT_DECIMAL_DIGITS = 15 }; /* of so many digits each decimal has a double of its own */

struct finish {
    struct profile *profile;
    struct report *report;
    int order[REPORT_CLASSES];
};

static MUST_USE enum err_code class_text(const struct profile *p, const struct class *class, char **out,
                                         struct err *err)
{
    char text[REPORT_TEXT_MAX + 1];
    if (class->null) {
        *out = mem_strdup("NULL");
    } else if (class->other) {
        *out = mem_strdup("other");
    } else {
        const struct type *type = &schema_loaded(p->options.schema, (size_t)p->options.by)->type;
        if (type_storage(type) == STORAGE_STR) {
            *out = profile_cut_text(class->text ? class->text : "", class->len);
        } else {
            profile_value_text(type, class->bits, text);
            *out = mem_strdup(text);
        }
    }
    return *out ? ERR_OK : err_nomem(err);
}

static MUST_USE enum err_code finish_classes(struct finish *f, struct err *err)
{
    struct profile *p = f->profile;
    for (int k = 0; k < p->nclasses; k++) {
        int at = k;
        for (; at > 0 && p->classes[k].rows > p->classes[f->order[at - 1]].rows; at--)
            f->order[at] = f->order[at - 1];
        f->order[at] = k;
    }
    if (p->options.by < 0)
        return ERR_OK;
    for (int i = 0; i < p->nclasses; i++) {
        struct report_class *to = &f->report->classes[i];
        const struct class *from = &p->classes[f->order[i]];
        to->rows = from->rows;
        to->null = from->null;
        to->other = from->other;
        if (class_text(p, from, &to->text, err))
            return err->code;
        f->report->nclasses++;
    }
    return ERR_OK;
}

static enum report_kind kind_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_BOOLEAN:
        return REPORT_BOOLEAN;
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
        return REPORT_TIME;
    case TYPE_VARCHAR:
    case TYPE_TEXT:
        return REPORT_TEXT;
    default:
        return REPORT_NUMBER;
    }
}

static MUST_USE enum err_code finish_top(const struct stats *const *of, int n, struct report_column *col,
                                         struct err *err)
{
    struct top top;
    if (top_find(of, n, &top, err))
        return err->code;
    col->distinct = top.distinct;
    col->distinct_approx = top.distinct_approx ||
                           (col->type.kind == TYPE_DECIMAL && col->type.precision > EXACT_DECIMAL_DIGITS);
    col->top_approx = top.approx;
    for (int i = 0; i < top.n; i++) {
        const struct top_value *from = &top.at[i];
        struct report_value *to = &col->top[i];
        char text[REPORT_TEXT_MAX + 1];
        if (col->kind == REPORT_TEXT) {
            to->text = profile_cut_text(from->text, texts_kept(from->len));
        } else {
            profile_value_text(&col->type, from->key, text);
            to->text = mem_strdup(text);
            to->number = stats_real(of[0]->form, from->key);
        }
        if (!to->text)
            return err_nomem(err);
        to->count = (int64_t)from->count;
        for (int k = 0; k < n; k++)
            to->by_class[k] = (int64_t)from->by_class[k];
        col->ntop++;
    }
    return ERR_OK;
}

static void finish_lengths(const struct stats *const *of, int n, struct report_column *col)
{
    int64_t sum = 0;
    bool first = true;
    for (int k = 0; k < n; k++) {
        const struct stats *s = of[k];
        if (s->count == 0)
            continue;
        col->length_min = first || s->length_min < col->length_min ? s->length_min : col->length_min;
        col->length_max = s->length_max > col->length_max ? s->length_max : col->length_max;
        col->empty += s->empty;
        sum += s->length_sum;
        first = false;
    }
    col->length_mean = col->count > 0 ? (double)sum / (double)col->count : 0;
}

static MUST_USE enum err_code finish_numbers(struct stats *const *of, int n, bool by,
                                             struct report_column *col, struct err *err)
{
    struct view views[REPORT_CLASSES] = {{0}};
    const struct view *all[REPORT_CLASSES];
    for (int k = 0; k < n; k++) {
        if (view_init(&views[k], of[k], err))
            goto out;
        all[k] = &views[k];
    }
    view_numbers(all, n, &col->numbers);
    for (int k = 0; k < n && by; k++)
        view_numbers(&all[k], 1, &col->split[k].numbers);
    view_histogram(all, n, &col->numbers, of[0]->form == STATS_INT, by, &col->histogram);
out:
    for (int k = 0; k < n; k++)
        view_release(&views[k]);
    return err->code;
}

static MUST_USE enum err_code finish_column(struct finish *f, size_t c, struct err *err)
{
    struct profile *p = f->profile;
    struct report_column *col = &f->report->columns[c];
    const struct schema_column *from = schema_loaded(p->options.schema, c);
    struct stats *of[REPORT_CLASSES];
    const struct stats *const *read = (const struct stats *const *)of;
    int n = p->nclasses;
    col->type = from->type;
    col->kind = kind_of(&from->type);
    col->nullable = from->nullable;
    if (!(col->name = mem_strdup(from->name)))
        return err_nomem(err);
    for (int k = 0; k < n; k++) {
        of[k] = &p->classes[f->order[k]].stats[c];
        if (stats_settle(of[k], err))
            return err->code;
        col->count += of[k]->count;
        col->nulls += of[k]->nulls;
        if (p->options.by >= 0) {
            col->split[k].count = of[k]->count;
            col->split[k].nulls = of[k]->nulls;
        }
    }
    if (n == 0)
        return ERR_OK;
    if (finish_top(read, n, col, err))
        return err->code;
    if (col->kind != REPORT_TEXT)
        return finish_numbers(of, n, p->options.by >= 0, col, err);
    finish_lengths(read, n, col);
    return ERR_OK;
}

static MUST_USE enum err_code finish_correlations(struct finish *f, struct err *err)
{
    struct profile *p = f->profile;
    size_t n = p->ncorrelated;
    f->report->correlations = mem_calloc(n * n + 1, sizeof *f->report->correlations);
    if (!f->report->correlations)
        return err_nomem(err);
    correlate_result(p->correlate, f->report->correlations);
    f->report->correlated = p->correlated;
    f->report->ncorrelated = n;
    p->correlated = NULL;
    return ERR_OK;
}

/* What the profile has in the report's form already goes over as it is. */
static void finish_counts(struct profile *p, struct report *r)
{
    r->rows = p->rows;
    r->refused = p->refused;
    r->objects = p->objects;
    r->bytes = p->bytes;
    r->by_hour = !p->hours_unknown;
    r->hours = p->hours.at;
    r->nhours = p->hours.n;
    p->hours.at = NULL;
    p->hours.n = 0;
    r->head = p->head;
    r->head_rows = p->head_rows;
    p->head = NULL;
    r->refusals = p->refusals.at;
    r->nrefusals = p->refusals.n;
    p->refusals = (struct refusals){0};
    if (r->nhours > 0)
        r->gaps = r->hours[r->nhours - 1].hour - r->hours[0].hour + 1 - (int64_t)r->nhours;
}

enum err_code profile_finish(struct profile *profile, const char *pipeline, const char *what,
                             const struct hour_range *range, struct report **out, struct err *err)
{
    *out = NULL;
    if (profile_work_wait(profile, err))
        return err->code;
    struct report *r = mem_calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    struct finish f = {.profile = profile, .report = r};
    r->range = *range;
    r->by = profile->options.by;
    r->rank_error = kll_error(profile->width);
    r->distinct_error = HLL_ERROR;
    r->pipeline = mem_strdup(pipeline);
    r->what = mem_strdup(what);
    r->columns = mem_calloc(profile->ncolumns + 1, sizeof *r->columns);
    if (!r->pipeline || !r->what || !r->columns) {
        (void)err_nomem(err);
        goto out;
    }
    r->ncolumns = profile->ncolumns;
    finish_counts(profile, r);
    if (finish_classes(&f, err))
        goto out;
    for (size_t c = 0; c < r->ncolumns; c++)
        if (finish_column(&f, c, err))
            goto out;
    if (finish_correlations(&f, err) == ERR_OK && report_warn(r, err) == ERR_OK)
        *out = r;
out:
    if (!*out)
        report_free(r);
    return err->code;
}
