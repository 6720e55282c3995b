/*
 * top: see top.h. A value is looked at in the first class that has it, and its counts gathered from the
 * others.
 */
#include "core/profile/top.h"

#include <math.h>
#include <string.h>

static bool smaller(enum stats_form form, const struct top_value *a, const struct top_value *b)
{
    if (form == STATS_INT)
        return (int64_t)a->key < (int64_t)b->key;
    if (form == STATS_REAL)
        return stats_real(form, a->key) < stats_real(form, b->key);
    size_t alen = texts_kept(a->len), blen = texts_kept(b->len);
    int order = memcmp(a->text, b->text, alen < blen ? alen : blen);
    if (order != 0)
        return order < 0;
    return a->len != b->len ? a->len < b->len : a->key < b->key;
}

static void take(struct top *top, enum stats_form form, const struct top_value *value)
{
    int at = top->n;
    while (at > 0 && (value->count > top->at[at - 1].count ||
                      (value->count == top->at[at - 1].count && smaller(form, value, &top->at[at - 1]))))
        at--;
    if (at == REPORT_TOP)
        return;
    top->n += top->n < REPORT_TOP;
    memmove(top->at + at + 1, top->at + at, (size_t)(top->n - at - 1) * sizeof *top->at);
    top->at[at] = *value;
}

static uint64_t count_in(const struct stats *s, const struct top_value *value)
{
    if (s->form != STATS_TEXT)
        return table_count(&s->table, value->key);
    return texts_find(&s->texts, value->key, value->text, value->len)->count;
}

/* Counts of a value that class `first` has; false where an earlier class has it too. */
static bool gather(const struct stats *const *of, int n, int first, struct top_value *value)
{
    for (int k = 0; k < n; k++) {
        if (k == first)
            continue;
        value->by_class[k] = count_in(of[k], value);
        if (k < first && value->by_class[k] > 0)
            return false;
        value->count += value->by_class[k];
    }
    return true;
}

/* Each value of a class that no earlier one has. */
static void take_class(const struct stats *const *of, int n, int k, struct top *out)
{
    const struct stats *s = of[k];
    size_t slots = s->form == STATS_TEXT ? s->texts.nslots : s->table.nslots;
    for (size_t i = 0; i < slots; i++) {
        struct top_value value = {0};
        if (s->form == STATS_TEXT) {
            const struct texts_entry *e = &s->texts.slots[i];
            if (e->count == 0)
                continue;
            value = (struct top_value){
                .key = e->hash, .text = texts_text(&s->texts, e), .len = e->len, .count = e->count};
        } else {
            if (s->table.slots[i].count == 0)
                continue;
            value = (struct top_value){.key = s->table.slots[i].key, .count = s->table.slots[i].count};
        }
        value.by_class[k] = value.count;
        if (n > 1 && !gather(of, n, k, &value))
            continue;
        out->distinct++;
        take(out, s->form, &value);
    }
}

/* Of sketched and exact classes together. */
static MUST_USE enum err_code estimate(const struct stats *const *of, int n, int64_t *out, struct err *err)
{
    struct hll all;
    int64_t count = 0;
    if (hll_init(&all, err))
        return err->code;
    for (int k = 0; k < n; k++) {
        count += of[k]->count;
        if (of[k]->sketch) {
            hll_merge(&all, &of[k]->sketch->hll);
            continue;
        }
        for (size_t i = 0; of[k]->form == STATS_TEXT && i < of[k]->texts.nslots; i++)
            if (of[k]->texts.slots[i].count > 0)
                hll_add(&all, of[k]->texts.slots[i].hash);
        for (size_t i = 0; of[k]->form != STATS_TEXT && i < of[k]->table.nslots; i++)
            if (of[k]->table.slots[i].count > 0)
                hll_add(&all, table_hash(of[k]->table.slots[i].key));
    }
    *out = llround(hll_estimate(&all));
    if (*out > count)
        *out = count;
    hll_release(&all);
    return ERR_OK;
}

enum err_code top_find(const struct stats *const *of, int n, struct top *out, struct err *err)
{
    *out = (struct top){0};
    for (int k = 0; k < n; k++) {
        out->approx |= of[k]->sketch != NULL;
        take_class(of, n, k, out);
    }
    out->distinct_approx = out->approx;
    return out->approx ? estimate(of, n, &out->distinct, err) : ERR_OK;
}
