/*
 * verify_hours: results summed by hour, and the hours that a reload repairs.
 *
 * Invariants: hours are kept sorted, so they may come in any order (the layout need not put the hour first);
 * a sum's status is the worst of its objects, whatever the sums say. Memory: some 150 bytes an hour.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/load/verify_internal.h"

enum { HOURS_MAX = 1000 * 1000, NOTE_MAX = REC_OBJECT_MAX + 256 };

struct hour_sum {
    hour_t hour;
    enum verify_status status;
    int64_t objects, different, not_loaded;
    struct verify_side source, ledger, target;
    char *first; /* the first object that is not equal, with its note */
};

struct verify_hours {
    struct hour_sum *at;
    size_t n, cap, last; /* last: the one that was added to */
};

enum err_code verify_hours_new(struct verify_hours **out, struct err *err)
{
    *out = mem_calloc(1, sizeof **out);
    return *out ? ERR_OK : err_nomem(err);
}

void verify_hours_free(struct verify_hours *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n; i++)
        mem_free(h->at[i].first);
    mem_free(h->at);
    mem_free(h);
}

enum verify_status verify_worse(enum verify_status a, enum verify_status b)
{
    static const int rank[] = {
        [VERIFY_EQUAL] = 0,         [VERIFY_BASELINE] = 1,   [VERIFY_GONE] = 2,
        [VERIFY_MEANWHILE] = 3,     [VERIFY_NOT_LOADED] = 4, [VERIFY_SOURCE_DIFFERS] = 5,
        [VERIFY_TARGET_DIFFERS] = 6};
    return rank[b] > rank[a] ? b : a;
}

void verify_add_side(struct verify_side *sum, const struct verify_side *side)
{
    sum->known |= side->known;
    sum->rows += side->rows;
    sum->rejected += side->rejected;
    sum->hash += side->hash;
}

/* Where the hour is, or ought to be. */
static size_t place_of(const struct verify_hours *h, hour_t hour)
{
    size_t low = 0, high = h->n;
    if (h->n && h->at[h->n - 1].hour < hour)
        return h->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (h->at[middle].hour < hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err_code find(struct verify_hours *h, hour_t hour, struct hour_sum **out, struct err *err)
{
    if (h->n == 0 || h->at[h->last].hour != hour) {
        size_t at = place_of(h, hour);
        if (at == h->n || h->at[at].hour != hour) {
            if (h->n == HOURS_MAX)
                return err_set(err, ERRN_LIMIT, "more than %d hours: choose some with --from and --to",
                               HOURS_MAX);
            if (h->n == h->cap) {
                size_t cap = h->cap ? h->cap * 2 : 64;
                struct hour_sum *grown = mem_realloc(h->at, cap * sizeof *grown);
                if (!grown)
                    return err_nomem(err);
                h->at = grown;
                h->cap = cap;
            }
            memmove(&h->at[at + 1], &h->at[at], (h->n - at) * sizeof *h->at);
            h->at[at] = (struct hour_sum){.hour = hour};
            h->n++;
        }
        h->last = at;
    }
    *out = &h->at[h->last];
    return ERR_OK;
}

enum err_code verify_hours_add(struct verify_hours *h, const struct verify_result *r, struct err *err)
{
    struct hour_sum *sum = NULL;
    if (find(h, r->hour, &sum, err) != ERR_OK)
        return err->code;
    bool differs = r->status == VERIFY_SOURCE_DIFFERS || r->status == VERIFY_TARGET_DIFFERS;
    sum->objects++;
    sum->different += differs;
    sum->not_loaded += r->status == VERIFY_NOT_LOADED;
    sum->status = verify_worse(sum->status, r->status);
    verify_add_side(&sum->source, &r->source);
    verify_add_side(&sum->ledger, &r->ledger);
    verify_add_side(&sum->target, &r->target);
    if (differs && !sum->first && !(sum->first = mem_strdup(r->object)))
        return err_nomem(err);
    return ERR_OK;
}

void verify_hours_tell(const struct verify_hours *h, const struct verify_options *options)
{
    char note[NOTE_MAX];
    for (size_t i = 0; i < h->n; i++) {
        const struct hour_sum *sum = &h->at[i];
        note[0] = '\0';
        if (sum->different)
            (void)!snprintf(note, sizeof note, "%" PRId64 " of %" PRId64 " objects: %s%s", sum->different,
                            sum->objects, sum->first, sum->different > 1 ? ", ..." : "");
        else if (sum->not_loaded)
            (void)!snprintf(note, sizeof note, "%" PRId64 " of %" PRId64 " objects", sum->not_loaded,
                            sum->objects);
        struct verify_result r = {.by = VERIFY_BY_HOUR,
                                  .hour = sum->hour,
                                  .objects = sum->objects,
                                  .status = sum->status,
                                  .source = sum->source,
                                  .ledger = sum->ledger,
                                  .target = sum->target,
                                  .note = note};
        options->result(options->ctx, &r);
    }
}

void verify_reload_add(struct verify_reload *r, hour_t hour)
{
    size_t at = 0;
    if (r->n == 0 || hour < r->first)
        r->first = hour;
    if (r->n == 0 || hour > r->last)
        r->last = hour;
    while (at < r->n && r->at[at] < hour)
        at++;
    if (at < r->n && r->at[at] == hour)
        return;
    if (r->n == VERIFY_RELOAD_MAX) {
        r->more = true;
        return;
    }
    memmove(&r->at[at + 1], &r->at[at], (r->n - at) * sizeof *r->at);
    r->at[at] = hour;
    r->n++;
}
