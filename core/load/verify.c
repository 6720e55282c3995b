/*
 * verify: see verify.h.
 *
 * One scan of the target fills a table load id -> (rows, hash). Then the diff walks source and ledger side by
 * side: for each object the source is read again, the ledger's rows are added up, and the target's tallies of
 * the object's load ids are looked up. What is in the table under no load id of the ledger belongs to no
 * load.
 *
 * The ledger is marked before the scan. An object whose ledger rows are not those any more (looked up after
 * the source was read) was loaded meanwhile: what the scan saw of it is chance, so it is not judged.
 */
#include "core/load/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/load/verify_internal.h"

enum { NOTE_MAX = ERR_MSG_MAX + 256 };

const char *verify_status_text(enum verify_status status)
{
    static const char *const text[] = {"equal", "source differs", "target differs",  "not loaded",
                                       "gone",  "baseline",       "loaded meanwhile"};
    return text[status];
}

const char *verify_kind_text(enum verify_kind kind)
{
    static const char *const text[] = {"changed", "missing", "extra", "doubled"};
    return text[kind];
}

/* ---- one object ---- */

static bool same(const struct verify_side *a, const struct verify_side *b, bool rejects)
{
    return a->rows == b->rows && a->hash == b->hash && (!rejects || a->rejected == b->rejected);
}

/* A replay takes from the rejects what it adds to the rows. */
static struct verify_side ledger_of(const struct diff_entry *entry)
{
    return (struct verify_side){true, entry->loaded_sum, entry->rejected_sum - entry->replayed_sum,
                                entry->hash_sum};
}

/* Whether the object's bytes are not those that were loaded; false where one of the two is not known. */
static bool has_changed(const struct subject *s)
{
    const struct hash128 none = {0};
    return s->read && !hash_equal(&s->entry.row.content, &none) &&
           !hash_equal(&s->entry.row.content, &s->content);
}

/* The ledger's hash is of rows under another schema: source and target are held against each other, the
 * ledger's counts against both. */
static void judge_other(struct verify *v, const struct subject *s, struct verify_result *r)
{
    bool counts = r->target.known == false || r->target.rows == r->ledger.rows;
    v->totals->other_schema++;
    r->note = "loaded under another schema: source and target were compared with each other, the ledger by "
              "counts alone";
    if (s->entry.kind == DIFF_GONE) {
        r->status = counts ? VERIFY_GONE : VERIFY_TARGET_DIFFERS;
        r->note = "loaded under another schema: ledger and target were compared by counts alone";
    } else if (r->source.rows != r->ledger.rows || r->source.rejected != r->ledger.rejected) {
        r->status = VERIFY_SOURCE_DIFFERS;
        r->note = r->source.rejected < r->ledger.rejected
                      ? "loaded under another schema; some rejects would pass today: `sluice rejects replay` "
                        "loads them"
                      : "loaded under another schema, which gave another number of rows";
    } else if (r->target.known && !same(&r->source, &r->target, false)) {
        r->status = has_changed(s) ? VERIFY_SOURCE_DIFFERS : VERIFY_TARGET_DIFFERS;
    } else if (!r->target.known && has_changed(s)) { /* nothing tells that the rows are the same */
        r->status = VERIFY_SOURCE_DIFFERS;
        r->note =
            "loaded under another schema, and its content has changed since: without target.lineage its "
            "rows cannot be compared";
    } else {
        r->status = VERIFY_EQUAL;
        if (!r->target.known)
            r->note = "loaded under another schema: source and ledger were compared by counts alone";
    }
}

static void judge(struct verify *v, const struct subject *s, struct verify_result *r)
{
    bool target_ok = !r->target.known || same(&r->target, &r->ledger, false);
    bool gone = s->entry.kind == DIFF_GONE;
    bool source_ok = r->source.known && same(&r->source, &r->ledger, true);
    if (!gone && !r->source.known) {
        r->status = VERIFY_SOURCE_DIFFERS;
        r->note = s->why.msg;
    } else if (s->books.other_schema && !(gone ? target_ok : source_ok)) {
        judge_other(v, s, r);
    } else if (gone) {
        r->status = target_ok ? VERIFY_GONE : VERIFY_TARGET_DIFFERS;
    } else if (!source_ok) {
        r->status = VERIFY_SOURCE_DIFFERS;
        if (r->source.rejected < r->ledger.rejected)
            r->note = "some rejects would pass today: `sluice rejects replay` loads them";
        else if (has_changed(s))
            r->note = target_ok ? "its content has changed since it was loaded"
                                : "its content has changed since it was loaded, and the target differs too";
        else
            r->note = "the ledger does not count what the object holds";
    } else {
        r->status = target_ok ? VERIFY_EQUAL : VERIFY_TARGET_DIFFERS;
    }
}

static bool differs(enum verify_status status)
{
    return status == VERIFY_SOURCE_DIFFERS || status == VERIFY_TARGET_DIFFERS;
}

static void count(struct verify *v, const struct subject *s, const struct verify_result *r)
{
    struct verify_totals *t = v->totals;
    bool unread = s->wanted && !s->read && differs(r->status);
    bool gone = s->entry.kind == DIFF_GONE && differs(r->status);
    t->equal += r->status == VERIFY_EQUAL;
    t->gone += r->status == VERIFY_GONE;
    t->baseline += r->status == VERIFY_BASELINE;
    t->meanwhile += r->status == VERIFY_MEANWHILE;
    t->not_loaded += r->status == VERIFY_NOT_LOADED;
    t->different += differs(r->status);
    t->unread += unread;
    t->gone_different += gone;
    v->any_baseline |= r->status == VERIFY_BASELINE;
    v->partial += s->entry.kind == DIFF_PARTIAL;
    v->worst = verify_worse(v->worst, r->status);
    if (unread && s->why.code != ERR_DATA && s->why.code != ERR_PRECONDITION && !t->unread_error.code)
        t->unread_error = s->why;
    if (differs(r->status) && !unread && !gone) {
        verify_reload_add(&t->reload, r->hour);
        /* What the sink's replace refuses: those rows may be its own. */
        t->held_back += t->by_object && r->target.rows < r->ledger.rows && verify_find_load(v, 0);
    }
    verify_add_side(&t->source, &r->source);
    verify_add_side(&t->ledger, &r->ledger);
    if (t->by_object && v->options->range.bounded)
        verify_add_side(&t->target, &r->target);
}

static enum err_code tell(struct verify *v, const struct verify_result *r, struct err *err)
{
    if (v->options->by == VERIFY_BY_HOUR)
        return verify_hours_add(v->hours, r, err);
    if (v->options->by == VERIFY_BY_OBJECT && v->options->result)
        v->options->result(v->options->ctx, r);
    return ERR_OK;
}

static enum err_code one_object(void *ctx, struct subject *s, struct err *err)
{
    struct verify *v = ctx;
    const struct diff_entry *entry = &s->entry;
    struct verify_result r = {
        .hour = entry->hour, .object = entry->object.key, .objects = 1, .source = s->source, .note = ""};
    v->totals->objects++;
    r.target = s->books.target;
    if (s->books.moved) {
        r.status = VERIFY_MEANWHILE;
        r.source = r.target = (struct verify_side){.known = false};
    } else if (entry->kind == DIFF_NEW) {
        r.status = VERIFY_NOT_LOADED;
    } else if (entry->kind == DIFF_PARTIAL) { /* its chunks are in the table as a whole */
        r.status = VERIFY_NOT_LOADED;
        r.note = "only some of its chunks are loaded";
        r.ledger = ledger_of(entry);
    } else if (entry->row.kind == LOAD_KIND_BASELINE) {
        r.status = VERIFY_BASELINE;
    } else {
        r.ledger = ledger_of(entry);
        judge(v, s, &r);
    }
    count(v, s, &r);
    if (tell(v, &r, err) == ERR_OK && differs(r.status) && s->read && v->totals->by_object)
        (void)!verify_show_object(v, s, err);
    return err->code;
}

/* ---- all ---- */

/* Rows that no load put there (with lineage). After a baseline they are what it stands for. */
static enum err_code unknown_rows(struct verify *v, struct err *err)
{
    struct verify_result r = {.by = VERIFY_BY_OBJECT,
                              .object = "",
                              .status = VERIFY_TARGET_DIFFERS,
                              .note = "rows of the table that belong to no load: a reload leaves them there"};
    r.target.known = true;
    if (verify_mark_books(v, err) != ERR_OK) /* and those of meanwhile */
        return err->code;
    for (size_t i = 0; i < v->nloads; i++) {
        if (verify_find_mark(v, v->loads[i].load_id))
            continue;
        r.target.rows += v->loads[i].rows;
        r.target.hash += v->loads[i].hash;
    }
    if (r.target.rows == 0 || v->any_baseline)
        return ERR_OK;
    v->totals->unknown_rows = r.target.rows;
    if (v->options->result && v->options->by != VERIFY_BY_TABLE)
        v->options->result(v->options->ctx, &r);
    return verify_show_unknown(v, err);
}

/* Without lineage: all rows of the table against all of the ledger, whatever hours were asked for. */
static enum err_code whole_table(struct verify *v, const struct book_sum *before, struct err *err)
{
    struct verify_totals *t = v->totals;
    struct verify_result r = {
        .by = VERIFY_BY_TABLE,
        .note = v->options->range.bounded
                    ? "the table as a whole against the whole ledger: target.lineage is "
                      "false"
                    : "the table as a whole: target.lineage is false"};
    struct book_sum after;
    bool source = !v->options->range.bounded && t->gone + t->different + t->meanwhile + v->partial == 0;
    if (verify_sum_books(v, &after, err) != ERR_OK)
        return err->code;
    r.ledger = before->side;
    r.target = t->target;
    if (before->baseline || before->stamp != after.stamp) {
        t->table_left_out = true;
        r.status = before->baseline ? VERIFY_BASELINE : VERIFY_MEANWHILE;
        r.target.known = false;
        r.note = "the table was not compared: without target.lineage that needs a ledger without baseline, "
                 "and no load meanwhile";
    } else if (!before->other_schema) {
        r.status = same(&r.target, &r.ledger, false) ? VERIFY_EQUAL : VERIFY_TARGET_DIFFERS;
    } else {
        bool equal = r.target.rows == r.ledger.rows && (!source || r.target.hash == t->source.hash);
        r.status = equal ? VERIFY_EQUAL : VERIFY_TARGET_DIFFERS;
        r.note = source ? "the table as a whole, against the source: some was loaded under another schema, "
                          "and target.lineage is false"
                        : "the table as a whole, by counts alone: some was loaded under another schema, and "
                          "target.lineage is false";
    }
    r.objects = t->objects;
    v->table_note = r.note;
    v->worst = verify_worse(v->worst, r.status);
    t->table_differs = r.status == VERIFY_TARGET_DIFFERS;
    t->different += t->table_differs;
    if (v->options->result && v->options->by != VERIFY_BY_TABLE)
        v->options->result(v->options->ctx, &r);
    return t->table_differs ? verify_show_table(v, err) : ERR_OK;
}

/* All in one line. */
static void sum_up(struct verify *v)
{
    const struct verify_totals *t = v->totals;
    char note[NOTE_MAX] = "";
    struct verify_result r = {.by = VERIFY_BY_TABLE,
                              .objects = t->objects,
                              .status = t->unknown_rows || t->table_differs ? VERIFY_TARGET_DIFFERS
                                                                            : v->worst,
                              .source = t->source,
                              .ledger = t->ledger,
                              .target = t->target,
                              .note = note};
    int64_t objects = t->different - t->table_differs;
    if (objects)
        (void)!snprintf(note, sizeof note, "%" PRId64 " of %" PRId64 " objects", objects, t->objects);
    else if (t->unknown_rows)
        (void)!snprintf(note, sizeof note, "%" PRId64 " rows of the table belong to no load",
                        t->unknown_rows);
    else if (t->not_loaded)
        (void)!snprintf(note, sizeof note, "%" PRId64 " of %" PRId64 " objects", t->not_loaded, t->objects);
    else if (v->table_note)
        (void)!snprintf(note, sizeof note, "%s", v->table_note);
    v->options->result(v->options->ctx, &r);
}

static enum err_code compare(struct verify *v, struct err *err)
{
    struct verify_totals *t = v->totals;
    struct verify_walk walk = {
        .v = v, .wanted = verify_is_loaded, .books = true, .each = one_object, .ctx = v};
    struct book_sum before = {0};
    if (verify_mark_books(v, err) != ERR_OK ||
        (!t->by_object && verify_sum_books(v, &before, err) != ERR_OK) ||
        verify_tally_target(v, err) != ERR_OK)
        return err->code;
    if (t->by_object && v->options->range.bounded)
        t->target = (struct verify_side){.known = true};
    if (verify_walk_all(&walk, err) != ERR_OK)
        return err->code;
    if (v->options->result && v->options->by == VERIFY_BY_HOUR)
        verify_hours_tell(v->hours, v->options);
    if (!t->by_object)
        (void)!whole_table(v, &before, err);
    else if (!v->options->range.bounded)
        (void)!unknown_rows(v, err);
    if (err->code == ERR_OK && v->options->result && v->options->by == VERIFY_BY_TABLE)
        sum_up(v);
    return err->code;
}

enum err_code verify_run(struct job *job, const struct verify_options *options, struct verify_totals *totals,
                         struct err *err)
{
    struct verify v = {.job = job, .options = options, .totals = totals};
    *totals = (struct verify_totals){.by_object = job->pipeline->target.lineage != PIPELINE_LINEAGE_FALSE};
    if (loader_new(job, job->sink, &v.loader, err) == ERR_OK && verify_hours_new(&v.hours, err) == ERR_OK)
        (void)!compare(&v, err);
    loader_free(v.loader);
    verify_hours_free(v.hours);
    mem_free(v.loads);
    mem_free(v.books);
    return err->code;
}
