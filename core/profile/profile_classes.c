/*
 * profile_classes: the values of the column of --by, and which rows have which.
 *
 * Classes are made as their values are first seen. There are REPORT_CLASSES at most, one of them kept for
 * NULL where the column may have it; once a further value comes, the last class stands for it and all that
 * have none ("other"). Where two profiles are merged, rows that one of them took for others stay others. Each
 * class has accumulators of its own for every column; those of the whole are put together at the end.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/profile/profile_internal.h"

static const struct schema_column *column_of(const struct profile *p, size_t c)
{
    return schema_loaded(p->options.schema, c);
}

static MUST_USE enum err_code new_class(struct profile *p, struct class **out, struct err *err)
{
    struct class *class = &p->classes[p->nclasses];
    *class = (struct class){.stats = mem_calloc(p->ncolumns, sizeof *class->stats)};
    if (!class->stats)
        return err_nomem(err);
    p->nclasses++;
    for (size_t c = 0; c < p->ncolumns; c++)
        if (stats_init(&class->stats[c], stats_form_of(&column_of(p, c)->type), p->width,
                       (uint64_t)c * REPORT_CLASSES + (uint64_t)p->nclasses, err))
            return err->code;
    *out = class;
    return ERR_OK;
}

enum err_code profile_classes_first(struct profile *profile, struct err *err)
{
    struct class *all;
    profile->value_classes_max = REPORT_CLASSES;
    if (profile->options.by < 0)
        return new_class(profile, &all, err);
    if (column_of(profile, (size_t)profile->options.by)->nullable)
        profile->value_classes_max--;
    return ERR_OK;
}

void profile_classes_release(struct profile *profile)
{
    for (int k = 0; k < profile->nclasses; k++) {
        struct class *class = &profile->classes[k];
        for (size_t c = 0; class->stats && c < profile->ncolumns; c++)
            stats_release(&class->stats[c]);
        mem_free(class->stats);
        mem_free(class->text);
        *class = (struct class){0};
    }
    profile->nclasses = profile->nbegun = 0;
}

static bool is_class(const struct class *class, const struct class *value)
{
    if (class->null || value->null || class->other || value->other)
        return class->null && value->null;
    return class->bits == value->bits && class->len == value->len &&
           (value->len == 0 || memcmp(class->text, value->text, value->len) == 0);
}

/* The class of a value, made where there is none; its text is copied. */
static MUST_USE enum err_code find(struct profile *p, const struct class *value, size_t *out, struct err *err)
{
    int values = 0;
    size_t last = 0;
    struct class *class;
    for (int k = 0; k < p->nclasses; k++) {
        *out = (size_t)k;
        if (is_class(&p->classes[k], value))
            return ERR_OK;
        values += !p->classes[k].null;
        last = p->classes[k].null ? last : (size_t)k;
    }
    if ((!value->null && values >= p->value_classes_max) || p->nclasses == REPORT_CLASSES) {
        p->classes[last].other = true;
        *out = last;
        return ERR_OK;
    }
    if (new_class(p, &class, err))
        return err->code;
    *out = (size_t)(class - p->classes);
    class->null = value->null;
    class->bits = value->bits;
    class->len = value->len;
    class->other = value->other;
    if (value->len > 0 && !(class->text = mem_strndup(value->text, value->len)))
        return err_nomem(err);
    return ERR_OK;
}

/* Pointing into the batch. */
static struct class value_at(const struct batch *batch, size_t c, size_t row)
{
    const struct column *col = &batch->cols[c];
    struct class value = {.null = col->null[row]};
    if (value.null)
        return value;
    if (col->storage == STORAGE_STR) {
        struct str_ref ref = col->str[row];
        value.text = batch->text.data + ref.off;
        value.len = ref.len;
    } else if (col->storage == STORAGE_F64) {
        double v = col->f64[row] + 0.0;
        memcpy(&value.bits, &v, sizeof v);
    } else {
        value.bits = (uint64_t)col->i64[row];
    }
    return value;
}

enum err_code profile_classify(struct profile *profile, const struct batch *batch, size_t from, size_t to,
                               struct err *err)
{
    size_t k = 0;
    if (profile->options.by < 0) {
        profile->classes[0].rows += (int64_t)(to - from);
        return ERR_OK;
    }
    for (size_t row = from; row < to; row++) {
        struct class value = value_at(batch, (size_t)profile->options.by, row);
        if (((int)k >= profile->nclasses || !is_class(&profile->classes[k], &value)) &&
            find(profile, &value, &k, err))
            return err->code;
        profile->class_of[row] = (uint8_t)k;
        profile->classes[k].rows++;
    }
    return ERR_OK;
}

/* Each of mine may meanwhile have what nobody holds. */
static MUST_USE enum err_code merge_class(struct profile *p, struct class *mine, struct class *theirs,
                                          struct err *err)
{
    size_t held = profile_held(p);
    mine->rows += theirs->rows;
    for (size_t c = 0; c < p->ncolumns; c++) {
        struct stats *to = &mine->stats[c];
        size_t before = stats_held(to);
        stats_grant(to, before + (p->memory > held ? p->memory - held : 0));
        if (stats_merge(to, &theirs->stats[c], err))
            return err->code;
        held += stats_held(to) - before;
    }
    return ERR_OK;
}

enum err_code profile_classes_merge(struct profile *profile, struct profile *other, struct err *err)
{
    for (int from = 0; from < other->nclasses; from++) {
        struct class *theirs = &other->classes[from];
        size_t k = 0;
        if (profile->options.by >= 0 && find(profile, theirs, &k, err))
            return err->code;
        if (merge_class(profile, &profile->classes[k], theirs, err))
            return err->code;
    }
    profile->nbegun = profile->nclasses;
    profile_grant(profile);
    return ERR_OK;
}

char *profile_cut_text(const char *text, size_t len)
{
    static const char ellipsis[] = "\xe2\x80\xa6";
    char *out = mem_alloc(REPORT_TEXT_MAX + 1);
    if (!out)
        return NULL;
    if (len <= REPORT_TEXT_MAX) {
        memcpy(out, text, len);
        out[len] = '\0';
        return out;
    }
    size_t cut = REPORT_TEXT_MAX - (sizeof ellipsis - 1);
    while (cut > 0 && ((uint8_t)text[cut] & 0xc0) == 0x80)
        cut--;
    memcpy(out, text, cut);
    memcpy(out + cut, ellipsis, sizeof ellipsis);
    return out;
}

/* With exactly `scale` digits behind the point, as batches hold it. */
static void decimal_text(double v, unsigned scale, char *out, size_t cap)
{
    double whole = fabs(v);
    for (unsigned i = 0; i < scale; i++)
        whole *= 10;
    if (whole >= 9007199254740992.0) {
        canon_double(v, out);
        return;
    }
    char digits[64];
    int n = snprintf(digits, sizeof digits, "%0*" PRIu64, (int)scale + 1, (uint64_t)(whole + 0.5));
    int point = n - (int)scale;
    snprintf(out, cap, "%s%.*s%s%s", v < 0 ? "-" : "", point, digits, scale ? "." : "", digits + point);
}

void profile_value_text(const struct type *type, uint64_t bits, char out[REPORT_TEXT_MAX + 1])
{
    int64_t v = (int64_t)bits;
    switch (type->kind) {
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        canon_double(stats_real(STATS_REAL, bits), out);
        break;
    case TYPE_DECIMAL:
        decimal_text(stats_real(STATS_REAL, bits), type->scale, out, REPORT_TEXT_MAX + 1);
        break;
    case TYPE_DATE:
        *canon_put_date(out, v) = '\0';
        break;
    case TYPE_TIMESTAMP:
        *canon_put_timestamp(out, v) = '\0';
        break;
    default:
        snprintf(out, REPORT_TEXT_MAX + 1, "%" PRId64, v);
    }
}
