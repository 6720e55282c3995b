/*
 * stats: see stats.h.
 *
 * States: exact (sketch == NULL) -> sketched, once, when a value finds the table full and growing would hold
 * more than was granted. What is sketched stays so until stats_clear.
 *
 * Invariants: exact, the counts in `direct`, the table or the texts add up to `count`; sketched, moments, kll
 * and stage together have seen `count` values, in order.
 */
#include "core/profile/stats.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/data/hash.h"

enum { AHEAD = 16 }; /* slots that are fetched into the cache before they are looked at */

enum stats_form stats_form_of(const struct type *type)
{
    switch (type->kind) {
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
    case TYPE_DECIMAL:
        return STATS_REAL;
    case TYPE_VARCHAR:
    case TYPE_TEXT:
        return STATS_TEXT;
    default:
        return STATS_INT;
    }
}

size_t stats_sketch_bytes(enum stats_form form, size_t width)
{
    size_t bytes = sizeof(struct stats_sketch) + HLL_REGISTERS;
    if (form == STATS_TEXT)
        return bytes + 2 * (TEXTS_LOSSY_SLOTS * sizeof(struct texts_entry) + TEXTS_LOSSY_ARENA);
    return bytes + kll_bytes(width) + 2 * TABLE_LOSSY_SLOTS * sizeof(struct table_entry);
}

size_t stats_width(size_t bytes)
{
    size_t width = KLL_WIDTH_MAX;
    while (width > KLL_WIDTH_MIN && stats_sketch_bytes(STATS_REAL, width) > bytes)
        width /= 2;
    return width;
}

enum err_code stats_init(struct stats *stats, enum stats_form form, size_t width, uint64_t seed,
                         struct err *err)
{
    *stats = (struct stats){.form = form, .width = width, .seed = seed};
    if (form == STATS_TEXT)
        return texts_init(&stats->texts, err);
    if (form == STATS_INT && !(stats->direct = mem_calloc(STATS_DIRECT, sizeof *stats->direct)))
        return err_nomem(err);
    return table_init(&stats->table, err);
}

static void free_sketch(struct stats *stats)
{
    if (stats->sketch) {
        hll_release(&stats->sketch->hll);
        kll_release(&stats->sketch->kll);
        mem_free(stats->sketch);
        stats->sketch = NULL;
    }
}

void stats_release(struct stats *stats)
{
    free_sketch(stats);
    table_release(&stats->table);
    texts_release(&stats->texts);
    mem_free(stats->direct);
    *stats = (struct stats){0};
}

void stats_clear(struct stats *stats)
{
    struct stats cleared = {.form = stats->form,
                            .width = stats->width,
                            .seed = stats->seed,
                            .direct = stats->direct,
                            .table = stats->table,
                            .texts = stats->texts};
    free_sketch(stats);
    *stats = cleared;
    if (stats->form == STATS_TEXT)
        texts_clear(&stats->texts);
    else
        table_clear(&stats->table);
    if (stats->direct)
        memset(stats->direct, 0, STATS_DIRECT * sizeof *stats->direct);
}

size_t stats_held(const struct stats *stats)
{
    size_t reserve = stats_sketch_bytes(stats->form, stats->width);
    if (stats->sketch)
        return reserve;
    size_t bytes = stats->form == STATS_TEXT ? texts_bytes(&stats->texts) : table_bytes(&stats->table);
    return bytes > reserve ? bytes : reserve;
}

size_t stats_wanted(const struct stats *stats, size_t more)
{
    size_t held = stats_held(stats);
    if (stats->sketch)
        return held;
    size_t bytes = stats->form == STATS_TEXT ? texts_bytes_for(&stats->texts, more)
                                             : table_bytes_for(&stats->table, more);
    return bytes > held ? bytes : held;
}

void stats_grant(struct stats *stats, size_t bytes)
{
    stats->granted = bytes;
}

/* --- the extremes ----------------------------------------------------------------------------------------
 */

/* sign 1: the largest are far; -1: the smallest. */
static void far_put(struct stats_far *far, double value, double sign)
{
    int at = far->n;
    for (; at > 0 && (value - far->at[at - 1]) * sign > 0; at--)
        ;
    if (at == REPORT_EXAMPLES || (at > 0 && far->at[at - 1] == value))
        return;
    if (far->n < REPORT_EXAMPLES)
        far->n++;
    memmove(far->at + at + 1, far->at + at, (size_t)(far->n - at - 1) * sizeof *far->at);
    far->at[at] = value;
}

/* --- sketched --------------------------------------------------------------------------------------------
 */

static inline double less_origin(const struct stats *stats, uint64_t bits)
{
    const struct stats_sketch *s = stats->sketch;
    int64_t d;
    if (stats->form == STATS_REAL)
        return stats_real(STATS_REAL, bits) - s->moments.origin;
    if (__builtin_sub_overflow((int64_t)bits, s->origin, &d))
        return (double)(int64_t)bits - (double)s->origin;
    return (double)d;
}

/* The stage, n values of it, into all sketches. */
static void take_stage(struct stats *stats)
{
    struct stats_sketch *s = stats->sketch;
    double d[STATS_BLOCK] = {0}, value[STATS_BLOCK];
    size_t n = s->staged;
    for (size_t i = 0; i < n; i++) {
        value[i] = stats_real(stats->form, s->stage[i]);
        d[i] = less_origin(stats, s->stage[i]);
    }
    moments_add(&s->moments, d, n);
    int zeros = 0, negatives = 0;
    for (size_t i = 0; i < n; i++) {
        zeros += value[i] == 0;
        negatives += value[i] < 0;
    }
    s->zeros += zeros;
    s->negatives += negatives;
    bool few = s->low.n < REPORT_EXAMPLES;
    double low = s->low.at[REPORT_EXAMPLES - 1], high = s->high.at[REPORT_EXAMPLES - 1];
    for (size_t i = 0; i < n; i++) {
        if (few || value[i] < low)
            far_put(&s->low, value[i], -1);
        if (few || value[i] > high)
            far_put(&s->high, value[i], 1);
    }
    for (size_t i = 0; i < n; i++)
        kll_add(&s->kll, value[i]);
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = table_hash(s->stage[i]);
        hll_add(&s->hll, hash);
        table_add_lossy(&stats->table, s->stage[i], hash, 1);
    }
    s->staged = 0;
}

static void sketch_numbers(struct stats *stats, const uint64_t *values, size_t n)
{
    struct stats_sketch *s = stats->sketch;
    while (n > 0) {
        size_t room = STATS_BLOCK - s->staged, part = n < room ? n : room;
        memcpy(s->stage + s->staged, values, part * sizeof *values);
        s->staged += part;
        if (s->staged == STATS_BLOCK)
            take_stage(stats);
        values += part;
        n -= part;
    }
}

/* A value that occurred `count` times. */
static void sketch_entry(struct stats *stats, uint64_t bits, uint64_t count)
{
    struct stats_sketch *s = stats->sketch;
    double value = stats_real(stats->form, bits);
    moments_add_many(&s->moments, less_origin(stats, bits), count);
    kll_add_many(&s->kll, value, count);
    hll_add(&s->hll, table_hash(bits));
    s->zeros += value == 0 ? (int64_t)count : 0;
    s->negatives += value < 0 ? (int64_t)count : 0;
    far_put(&s->low, value, -1);
    far_put(&s->high, value, 1);
}

/* Direct counts become entries; the table has STATS_DIRECT free slots or is granted them by its first size.
 */
static MUST_USE enum err_code direct_to_table(struct stats *stats, struct err *err)
{
    if (!stats->direct)
        return ERR_OK;
    for (uint64_t v = 0; v < STATS_DIRECT; v++) {
        if (stats->direct[v] == 0)
            continue;
        if (table_full(&stats->table) && table_grow(&stats->table, err))
            return err->code;
        *table_slot(&stats->table, v, table_hash(v)) = (struct table_entry){v, stats->direct[v]};
        stats->table.used++;
        stats->direct[v] = 0;
    }
    return ERR_OK;
}

static MUST_USE enum err_code new_sketch(struct stats *stats, struct err *err)
{
    struct stats_sketch *s = mem_calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    stats->sketch = s;
    if (hll_init(&s->hll, err) ||
        (stats->form != STATS_TEXT && kll_init(&s->kll, stats->width, stats->seed, err)))
        free_sketch(stats);
    return err->code;
}

static MUST_USE enum err_code sketch_begin(struct stats *stats, struct err *err)
{
    if (new_sketch(stats, err))
        return err->code;
    struct stats_sketch *s = stats->sketch;
    if (stats->form == STATS_TEXT) {
        for (size_t i = 0; i < stats->texts.nslots; i++)
            if (stats->texts.slots[i].count > 0)
                hll_add(&s->hll, stats->texts.slots[i].hash);
        return texts_make_lossy(&stats->texts, err);
    }
    if (direct_to_table(stats, err))
        return err->code;
    const struct table *t = &stats->table;
    bool first = true;
    for (size_t i = 0; i < t->nslots; i++) {
        if (t->slots[i].count == 0)
            continue;
        if (first) {
            s->origin = stats->form == STATS_INT ? (int64_t)t->slots[i].key : 0;
            s->moments.origin = stats_real(stats->form, t->slots[i].key);
            first = false;
        }
        sketch_entry(stats, t->slots[i].key, t->slots[i].count);
    }
    return table_make_lossy(&stats->table, err);
}

/* --- exact -----------------------------------------------------------------------------------------------
 */

/* Room in the table, or else the sketch is begun. */
static MUST_USE enum err_code grow(struct stats *stats, struct err *err)
{
    return table_bytes_grown(&stats->table) <= stats->granted ? table_grow(&stats->table, err)
                                                              : sketch_begin(stats, err);
}

/* Takes values until they are at an end or the sketch is begun: *taken. */
static MUST_USE enum err_code table_numbers(struct stats *stats, const uint64_t *values, size_t n,
                                            size_t *taken, struct err *err)
{
    struct table *t = &stats->table;
    uint64_t hashes[AHEAD];
    *taken = 0;
    while (*taken < n) {
        size_t many = n - *taken < AHEAD ? n - *taken : AHEAD;
        for (size_t i = 0; i < many; i++) {
            hashes[i] = table_hash(values[*taken + i]);
            __builtin_prefetch(&t->slots[hashes[i] >> t->shift], 1);
        }
        for (size_t i = 0; i < many; i++) {
            uint64_t value = values[*taken];
            struct table_entry *slot = table_slot(t, value, hashes[i]);
            if (slot->count == 0) {
                if (table_full(t)) {
                    if (grow(stats, err))
                        return err->code;
                    if (stats->sketch)
                        return ERR_OK;
                    slot = table_slot(t, value, hashes[i]);
                }
                slot->key = value;
                t->used++;
            }
            slot->count++;
            ++*taken;
        }
    }
    return ERR_OK;
}

/* Small integers are counted where they stand for themselves; the others go on to the table. */
static size_t direct_numbers(struct stats *stats, const uint64_t *values, size_t n, uint64_t *rest)
{
    uint64_t *direct = stats->direct;
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t v = values[i];
        if (v < STATS_DIRECT)
            direct[v]++;
        else
            rest[left++] = v;
    }
    return left;
}

static MUST_USE enum err_code block_numbers(struct stats *stats, const uint64_t *values, size_t n,
                                            struct err *err)
{
    size_t taken;
    if (stats->sketch) {
        sketch_numbers(stats, values, n);
        return ERR_OK;
    }
    if (table_numbers(stats, values, n, &taken, err))
        return err->code;
    if (taken < n)
        sketch_numbers(stats, values + taken, n - taken);
    return ERR_OK;
}

enum err_code stats_numbers(struct stats *stats, const uint64_t *values, size_t n, struct err *err)
{
    uint64_t part[STATS_BLOCK];
    stats->count += (int64_t)n;
    for (size_t at = 0; at < n; at += STATS_BLOCK) {
        size_t many = n - at < STATS_BLOCK ? n - at : STATS_BLOCK;
        const uint64_t *from = values + at;
        if (stats->form == STATS_REAL) {
            for (size_t i = 0; i < many; i++) { /* -0 becomes 0 */
                double v = stats_real(STATS_REAL, from[i]) + 0.0;
                memcpy(&part[i], &v, sizeof v);
            }
            from = part;
        } else if (!stats->sketch) {
            many = direct_numbers(stats, from, many, part);
            from = part;
        }
        if (block_numbers(stats, from, many, err))
            return err->code;
    }
    return ERR_OK;
}

static int64_t code_points(const char *text, size_t len)
{
    int64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += ((uint8_t)text[i] & 0xc0) != 0x80;
    return n;
}

enum err_code stats_text(struct stats *stats, const char *text, size_t len, struct err *err)
{
    int64_t points = code_points(text, len);
    stats->length_min = stats->count == 0 || points < stats->length_min ? points : stats->length_min;
    stats->length_max = points > stats->length_max ? points : stats->length_max;
    stats->length_sum += points;
    stats->empty += len == 0;
    stats->count++;
    uint64_t hash = hash64(text, len);
    if (!stats->sketch) {
        struct texts_entry *e = texts_find(&stats->texts, hash, text, len);
        if (e->count > 0) {
            e->count++;
            return ERR_OK;
        }
        if (!texts_fits(&stats->texts, len)) {
            bool may = texts_bytes_grown(&stats->texts, len) <= stats->granted;
            if (may ? texts_grow(&stats->texts, len, err) : sketch_begin(stats, err))
                return err->code;
        }
        if (!stats->sketch) {
            texts_put(&stats->texts, texts_find(&stats->texts, hash, text, len), hash, text, len, 1);
            return ERR_OK;
        }
    }
    hll_add(&stats->sketch->hll, hash);
    texts_add_lossy(&stats->texts, hash, text, len, 1);
    return ERR_OK;
}

/* --- putting together ------------------------------------------------------------------------------------
 */

enum err_code stats_settle(struct stats *stats, struct err *err)
{
    if (stats->sketch && stats->form != STATS_TEXT && stats->sketch->staged > 0)
        take_stage(stats);
    return stats->sketch ? ERR_OK : direct_to_table(stats, err);
}

static MUST_USE enum err_code merge_texts(struct stats *stats, const struct texts *from, struct err *err)
{
    struct texts *to = &stats->texts;
    for (size_t i = 0; i < from->nslots; i++) {
        const struct texts_entry *e = &from->slots[i];
        if (e->count == 0)
            continue;
        const char *text = texts_text(from, e);
        if (!stats->sketch && !texts_fits(to, e->len)) {
            bool may = texts_bytes_grown(to, e->len) <= stats->granted;
            if (may ? texts_grow(to, e->len, err) : sketch_begin(stats, err))
                return err->code;
        }
        if (stats->sketch) {
            hll_add(&stats->sketch->hll, e->hash);
            texts_add_lossy(to, e->hash, text, e->len, e->count);
            continue;
        }
        struct texts_entry *mine = texts_find(to, e->hash, text, e->len);
        if (mine->count > 0)
            mine->count += e->count;
        else
            texts_put(to, mine, e->hash, text, e->len, e->count);
    }
    return ERR_OK;
}

static MUST_USE enum err_code merge_table(struct stats *stats, const struct stats *other, struct err *err)
{
    for (size_t i = 0; i < other->table.nslots; i++) {
        struct table_entry e = other->table.slots[i];
        if (e.count == 0)
            continue;
        if (!stats->sketch) {
            struct table_entry *mine = table_slot(&stats->table, e.key, table_hash(e.key));
            if (mine->count == 0 && table_full(&stats->table) && grow(stats, err))
                return err->code;
        }
        if (stats->sketch) {
            /* of an `other` that is sketched the sketches are put together */
            if (!other->sketch)
                sketch_entry(stats, e.key, e.count);
            table_add_lossy(&stats->table, e.key, table_hash(e.key), e.count);
            continue;
        }
        struct table_entry *mine = table_slot(&stats->table, e.key, table_hash(e.key));
        stats->table.used += mine->count == 0;
        mine->key = e.key;
        mine->count += e.count;
    }
    return ERR_OK;
}

static void merge_sketch(struct stats *stats, const struct stats_sketch *from)
{
    struct stats_sketch *to = stats->sketch;
    hll_merge(&to->hll, &from->hll);
    if (stats->form == STATS_TEXT)
        return;
    kll_merge(&to->kll, &from->kll);
    moments_merge(&to->moments, &from->moments);
    to->zeros += from->zeros;
    to->negatives += from->negatives;
    for (int i = 0; i < from->low.n; i++)
        far_put(&to->low, from->low.at[i], -1);
    for (int i = 0; i < from->high.n; i++)
        far_put(&to->high, from->high.at[i], 1);
}

enum err_code stats_merge(struct stats *stats, struct stats *other, struct err *err)
{
    if (stats_settle(stats, err) || stats_settle(other, err))
        return err->code;
    if (other->sketch && !stats->sketch && sketch_begin(stats, err))
        return err->code;
    if (other->sketch) {
        if (stats->count == 0) {
            stats->sketch->origin = other->sketch->origin;
            stats->sketch->moments.origin = other->sketch->moments.origin;
        }
        merge_sketch(stats, other->sketch);
    }
    if (stats->form == STATS_TEXT ? merge_texts(stats, &other->texts, err) : merge_table(stats, other, err))
        return err->code;
    stats->texts.lost += other->texts.lost;
    stats->table.lost += other->table.lost;
    if (other->count > 0 && (stats->count == 0 || other->length_min < stats->length_min))
        stats->length_min = other->length_min;
    if (other->length_max > stats->length_max)
        stats->length_max = other->length_max;
    stats->length_sum += other->length_sum;
    stats->empty += other->empty;
    stats->count += other->count;
    stats->nulls += other->nulls;
    return ERR_OK;
}
