/*
 * judge: see judge.h.
 *
 * Invariants: a tally belongs to one check of one loaded column, and is empty at the start of each ledger
 * row; a value is in its set of seen ones only if its record is loaded; what is counted for the object as a
 * whole (missing values) goes on over its chunks.
 */
#include "core/load/judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/data/canon.h"
#include "core/data/types.h"
#include "core/load/reject.h"
#include "core/load/seen.h"

enum {
    NOTES_PAGE = 16, /* rows written at once */
    NOTES_TEXT_MAX = 16 * 1024 * 1024,
    SHOWN_VALUE_MAX = 4096, /* of a long text, before it is cut for people */
};

/* What a check that warns has found in the open ledger row. */
struct tally {
    const struct schema_column *column;
    const struct check *check;
    int64_t count;
    int64_t line; /* of the first */
    char first[CHECK_DETAIL_MAX];
};

struct unique {
    size_t col;
    struct tally *tally;
    struct seen seen;
    struct hash128 hash; /* of the row at hand */
    bool has, twice;
};

struct nulls {
    size_t col;
    struct tally *tally;
    int64_t count; /* of the object */
};

struct sum {
    size_t col;
    int64_t n;
    double sum;
};

struct judge {
    const struct schema *schema;
    struct tally *tallies;    /* all checks of all loaded columns */
    struct tally **of_column; /* where those of a loaded column begin */
    size_t ntallies;
    struct unique *uniques;
    size_t nuniques;
    struct nulls *nulls;
    size_t nnulls;
    struct sum *sums;
    size_t nsums;
    enum unit_kind kind;
    bool verdicts;
    int64_t rows; /* of the object, that stay */
    struct drift drift;
};

/* ---- notes ---- */

void check_notes_init(struct check_notes *notes)
{
    *notes = (struct check_notes){.n = 0};
    buf_init(&notes->text, NOTES_TEXT_MAX);
}

void check_notes_cut(struct check_notes *notes, size_t n)
{
    if (n < notes->n)
        notes->text.len = notes->items[n].text;
    notes->n = n;
}

void check_notes_release(struct check_notes *notes)
{
    mem_free(notes->items);
    buf_release(&notes->text);
    *notes = (struct check_notes){.n = 0};
}

static void fill_row(const struct check_notes *notes, const struct check_note *note,
                     const struct ledger_row *of, struct check_row *out)
{
    memset(out, 0, sizeof *out);
    out->load_id = of->id;
    out->hour = of->hour;
    snprintf(out->run_id, sizeof out->run_id, "%s", of->run_id);
    snprintf(out->object, sizeof out->object, "%s", of->object);
    snprintf(out->name, sizeof out->name, "%s", note->name);
    snprintf(out->column, sizeof out->column, "%s", note->column);
    snprintf(out->message, sizeof out->message, "%s", notes->text.data + note->text);
    out->on = note->on;
    out->fired = true;
    out->count = note->count;
}

enum err_code check_notes_store(const struct check_notes *notes, struct sink_load *load,
                                const struct ledger_row *rows, struct err *err)
{
    struct check_row *page = NULL;
    if (notes->n > 0 && !(page = mem_alloc(NOTES_PAGE * sizeof *page)))
        return err_nomem(err);
    for (size_t i = 0, n = 0; i < notes->n && err->code == ERR_OK; i++) {
        const struct check_note *note = &notes->items[i];
        fill_row(notes, note, &rows[note->slice], &page[n++]);
        if (n < NOTES_PAGE && i + 1 < notes->n)
            continue;
        (void)!sink_checks_add(load, page, n, err);
        n = 0;
    }
    mem_free(page);
    return err->code;
}

/* Adds a note; its message is what the caller has put behind notes->text since `text`. */
static enum err_code add_note(struct check_notes *notes, struct check_note note, struct err *err)
{
    if (notes->n == notes->cap) {
        size_t cap = notes->cap ? 2 * notes->cap : 16;
        struct check_note *grown = mem_realloc(notes->items, cap * sizeof *grown);
        if (!grown)
            return err_nomem(err);
        notes->items = grown;
        notes->cap = cap;
    }
    if (buf_append(&notes->text, "", 1, err) != ERR_OK)
        return err->code;
    notes->items[notes->n++] = note;
    return ERR_OK;
}

/* ---- made and freed ---- */

void judge_free(struct judge *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->nuniques; i++)
        seen_release(&j->uniques[i].seen);
    mem_free(j->tallies);
    mem_free(j->of_column);
    mem_free(j->uniques);
    mem_free(j->nulls);
    mem_free(j->sums);
    mem_free(j);
}

/* Whether there is anything beyond what refuses a record by itself. */
static bool needed(const struct pipeline *p)
{
    bool drift = p->schema.extra != COLUMNS_FAIL || p->schema.missing != COLUMNS_FAIL;
    for (size_t i = 0; i < p->schema.nloaded; i++) {
        const struct checks *checks = &schema_loaded(&p->schema, i)->checks;
        for (size_t k = 0; k < checks->n; k++)
            if (checks->items[k].on != CHECK_ON_REJECT || checks->items[k].kind > CHECK_KIND_REGEX)
                return true;
    }
    for (size_t i = 0; i < p->nchecks; i++)
        if (p->checks[i].kind == HOUR_CHECK_MEAN)
            return true;
    return drift;
}

static void fill(struct judge *j, const struct pipeline *p)
{
    const struct schema *schema = &p->schema;
    struct tally *t = j->tallies;
    for (size_t c = 0; c < schema->nloaded; c++) {
        const struct schema_column *column = schema_loaded(schema, c);
        j->of_column[c] = t;
        for (size_t k = 0; k < column->checks.n; k++, t++) {
            const struct check *check = &column->checks.items[k];
            *t = (struct tally){.column = column, .check = check};
            if (check->kind == CHECK_KIND_UNIQUE)
                j->uniques[j->nuniques++] = (struct unique){.col = c, .tally = t};
            else if (check->kind == CHECK_KIND_NULLS)
                j->nulls[j->nnulls++] = (struct nulls){.col = c, .tally = t};
        }
    }
    for (size_t i = 0; i < p->nchecks; i++)
        if (p->checks[i].kind == HOUR_CHECK_MEAN)
            j->sums[j->nsums++].col = p->checks[i].column;
}

enum err_code judge_new(const struct pipeline *p, struct judge **out, struct err *err)
{
    *out = NULL;
    if (!needed(p))
        return ERR_OK;
    struct judge *j = mem_calloc(1, sizeof *j);
    if (!j)
        return err_nomem(err);
    j->schema = &p->schema;
    for (size_t c = 0; c < p->schema.nloaded; c++)
        j->ntallies += schema_loaded(&p->schema, c)->checks.n;
    j->tallies = mem_calloc(j->ntallies + 1, sizeof *j->tallies);
    j->of_column = mem_calloc(p->schema.nloaded, sizeof *j->of_column);
    j->uniques = mem_calloc(j->ntallies + 1, sizeof *j->uniques);
    j->nulls = mem_calloc(j->ntallies + 1, sizeof *j->nulls);
    j->sums = mem_calloc(p->nchecks + 1, sizeof *j->sums);
    if (!j->tallies || !j->of_column || !j->uniques || !j->nulls || !j->sums) {
        judge_free(j);
        return err_nomem(err);
    }
    fill(j, p);
    *out = j;
    return ERR_OK;
}

/* ---- units and objects ---- */

static void forget_seen(struct judge *j)
{
    for (size_t i = 0; i < j->nuniques; i++)
        seen_clear(&j->uniques[i].seen);
}

void judge_unit(struct judge *j, enum unit_kind kind, bool verdicts)
{
    j->kind = kind;
    j->verdicts = verdicts;
    forget_seen(j);
    for (size_t i = 0; i < j->nsums; i++)
        j->sums[i] = (struct sum){.col = j->sums[i].col};
}

void judge_object(struct judge *j, const struct drift *drift)
{
    /* Who only reads (verify) may put objects of any kind into one unit; what is refused is the object's own
     * affair: `unique` with on: reject is never over an hour. */
    if (j->kind != UNIT_HOUR || !j->verdicts)
        forget_seen(j);
    for (size_t i = 0; i < j->ntallies; i++)
        j->tallies[i].count = 0;
    for (size_t i = 0; i < j->nnulls; i++)
        j->nulls[i].count = 0;
    j->rows = 0;
    j->drift.extra = j->drift.missing = 0;
    if (drift && (drift->extra || drift->missing))
        j->drift = *drift;
}

/* ---- rows ---- */

static struct hash128 hash_cell(const struct batch *batch, size_t c, size_t row)
{
    const struct column *col = &batch->cols[c];
    size_t len;
    if (col->storage == STORAGE_STR) {
        const char *text = batch_str(batch, c, row, &len);
        return hash128(text, len);
    }
    double d = col->storage == STORAGE_F64 ? col->f64[row] + 0.0 : 0; /* -0 is 0 */
    return col->storage == STORAGE_F64 ? hash128(&d, sizeof d) : hash128(&col->i64[row], sizeof(int64_t));
}

/* What check_detail says of a cell that is in the batch. */
static enum err_code describe(const struct check *check, const struct batch *batch, size_t c, size_t row,
                              char out[CHECK_DETAIL_MAX], struct err *err)
{
    struct buf text;
    size_t len = 0;
    if (batch->cols[c].storage == STORAGE_STR) {
        const char *value = batch_str(batch, c, row, &len);
        check_detail(check, value, len < SHOWN_VALUE_MAX ? len : SHOWN_VALUE_MAX, out);
        return ERR_OK;
    }
    buf_init(&text, SHOWN_VALUE_MAX);
    if (canon_text(batch, c, row, &text, err) == ERR_OK)
        check_detail(check, buf_str(&text), text.len, out);
    buf_release(&text);
    return err->code;
}

static enum err_code fail_row(const struct tally *t, int64_t line, const char *detail, struct err *err)
{
    return err_set(err, check_error(t->check), "line %" PRId64 " column %s: %s (%s, on: fail)", line,
                   t->column->name, detail, check_kind_text(t->check->kind));
}

/* Which values of the row were there before; a record that is refused for one is not asked for the others. */
static enum err_code look_up(struct judge *j, const struct batch *batch, size_t row, struct refusal *refusal,
                             struct err *err)
{
    for (size_t i = 0; i < j->nuniques; i++) {
        struct unique *u = &j->uniques[i];
        u->has = !batch->cols[u->col].null[row] &&
                 (j->verdicts || u->tally->check->on == CHECK_ON_REJECT); /* else nobody asks */
        u->twice = false;
        if (!u->has)
            continue;
        u->hash = hash_cell(batch, u->col, row);
        u->twice = seen_has(&u->seen, &u->hash);
        if (!u->twice || u->tally->check->on != CHECK_ON_REJECT)
            continue;
        refusal->name = check_error(u->tally->check);
        refusal->column = u->tally->column->name;
        return describe(u->tally->check, batch, u->col, row, refusal->detail, err);
    }
    return ERR_OK;
}

static struct tally *tally_of(const struct judge *j, const struct check_hit *hit)
{
    const struct checks *checks = &schema_loaded(j->schema, hit->col)->checks;
    return j->of_column[hit->col] + (hit->check - checks->items);
}

/* What fails the object, before anything of the row is counted. */
static enum err_code check_failures(struct judge *j, const struct batch *batch, size_t row,
                                    const struct check_hit *hits, size_t n, struct err *err)
{
    char detail[CHECK_DETAIL_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct check_hit *hit = &hits[i];
        if (hit->check->on != CHECK_ON_FAIL)
            continue;
        check_detail(hit->check, hit->field->data, hit->field->len, detail);
        return fail_row(tally_of(j, hit), batch->line[row], detail, err);
    }
    for (size_t i = 0; i < j->nuniques; i++) {
        const struct unique *u = &j->uniques[i];
        if (!u->twice || u->tally->check->on != CHECK_ON_FAIL)
            continue;
        return describe(u->tally->check, batch, u->col, row, detail, err) == ERR_OK
                   ? fail_row(u->tally, batch->line[row], detail, err)
                   : err->code;
    }
    return ERR_OK;
}

static enum err_code count_twice(struct tally *t, const struct batch *batch, size_t c, size_t row,
                                 struct err *err)
{
    if (t->count++ > 0)
        return ERR_OK;
    t->line = batch->line[row];
    return describe(t->check, batch, c, row, t->first, err);
}

static enum err_code add_seen(struct unique *u, struct err *err)
{
    if (seen_add(&u->seen, &u->hash, err) != ERR_OK)
        err_context(err, "column %s, check unique (let target.key judge so many)", u->tally->column->name);
    return err->code;
}

enum err_code judge_row(struct judge *j, const struct batch *batch, const struct convert *convert,
                        struct refusal *refusal, struct err *err)
{
    size_t row = batch->rows - 1, n;
    const struct check_hit *hits = convert_hits(convert, &n);
    if (look_up(j, batch, row, refusal, err) != ERR_OK || refusal->name != ERRN_NONE ||
        (j->verdicts && check_failures(j, batch, row, hits, n, err) != ERR_OK))
        return err->code;
    for (size_t i = 0; i < n; i++) {
        struct tally *t = tally_of(j, &hits[i]);
        if (t->count++ > 0)
            continue;
        t->line = batch->line[row];
        check_detail(t->check, hits[i].field->data, hits[i].field->len, t->first);
    }
    for (size_t i = 0; i < j->nuniques; i++) {
        struct unique *u = &j->uniques[i];
        if (u->twice && count_twice(u->tally, batch, u->col, row, err) != ERR_OK)
            return err->code;
        if (u->has && !u->twice && add_seen(u, err) != ERR_OK)
            return err->code;
    }
    return ERR_OK;
}

void judge_rows(struct judge *j, const struct batch *batch, size_t from, size_t to)
{
    j->rows += (int64_t)(to - from);
    for (size_t i = 0; i < j->nnulls; i++)
        for (size_t r = from; r < to; r++)
            j->nulls[i].count += batch->cols[j->nulls[i].col].null[r];
    for (size_t i = 0; i < j->nsums; i++) {
        struct sum *s = &j->sums[i];
        for (size_t r = from; r < to; r++) {
            if (batch->cols[s->col].null[r])
                continue;
            s->n++;
            s->sum += types_number(batch, s->col, r);
        }
    }
}

bool judge_needs_passed(const struct judge *j)
{
    return (j->nnulls > 0 || j->nuniques > 0) && j->verdicts;
}

enum err_code judge_passed(struct judge *j, const struct batch *batch, struct err *err)
{
    size_t row = batch->rows - 1;
    for (size_t i = 0; i < j->nuniques; i++) {
        struct unique *u = &j->uniques[i];
        if (batch->cols[u->col].null[row])
            continue;
        u->hash = hash_cell(batch, u->col, row);
        if (!seen_has(&u->seen, &u->hash) && add_seen(u, err) != ERR_OK)
            return err->code;
    }
    judge_rows(j, batch, row, batch->rows);
    return ERR_OK;
}

/* ---- the end of a ledger row ---- */

/* Against the limit that fails the object, or, at its end, that warns of it. */
static enum err_code judge_nulls(struct judge *j, const struct nulls *nulls, bool object_end, size_t slice,
                                 struct check_notes *notes, struct err *err)
{
    const struct check *check = nulls->tally->check;
    const char *column = nulls->tally->column->name;
    size_t text = notes->text.len;
    char allowed[REJECT_LIMIT_TEXT_MAX];
    if (!reject_over_limit(&check->nulls, nulls->count, j->rows, object_end) ||
        (check->on == CHECK_ON_WARN && !object_end))
        return ERR_OK;
    reject_limit_format(&check->nulls, j->rows, allowed);
    if (check->on == CHECK_ON_FAIL)
        return err_set(err, ERRN_CHECK_NULLS,
                       "column %s: %" PRId64 " of %" PRId64 " records have no value; max_nulls allows %s",
                       column, nulls->count, j->rows, allowed);
    if (buf_printf(&notes->text, err, "%" PRId64 " of %" PRId64 " records have no value; max_nulls allows %s",
                   nulls->count, j->rows, allowed) != ERR_OK)
        return err->code;
    return add_note(notes,
                    (struct check_note){.slice = slice,
                                        .name = check_kind_text(check->kind),
                                        .column = column,
                                        .on = check->on,
                                        .count = nulls->count,
                                        .text = text},
                    err);
}

static enum err_code note_tally(struct tally *t, size_t slice, struct check_notes *notes, struct err *err)
{
    struct check_note note = {.slice = slice,
                              .name = check_kind_text(t->check->kind),
                              .column = t->column->name,
                              .on = t->check->on,
                              .count = t->count,
                              .text = notes->text.len};
    t->count = 0;
    if (buf_printf(&notes->text, err, "%" PRId64 " %s; first: line %" PRId64 ": %s", note.count,
                   note.count == 1 ? "record" : "records", t->line, t->first) != ERR_OK)
        return err->code;
    return add_note(notes, note, err);
}

static enum err_code note_drift(const char *name, const char *before, const char *names, const char *behind,
                                size_t count, size_t slice, struct check_notes *notes, struct err *err)
{
    struct check_note note = {.slice = slice,
                              .name = name,
                              .column = "",
                              .on = CHECK_ON_WARN,
                              .count = (int64_t)count,
                              .text = notes->text.len};
    if (count == 0)
        return ERR_OK;
    if (buf_printf(&notes->text, err, "%s%s%s", before, names, behind) != ERR_OK)
        return err->code;
    return add_note(notes, note, err);
}

enum err_code judge_end(struct judge *j, bool object_end, size_t slice, struct check_notes *notes,
                        struct err *err)
{
    struct drift *d = &j->drift;
    if (!j->verdicts)
        return ERR_OK;
    if (note_drift("extra_columns", "the header has also ", d->extra_names, " (schema.extra_columns: ignore)",
                   d->extra, slice, notes, err) != ERR_OK ||
        note_drift("missing_columns", "the header lacks ", d->missing_names,
                   ", so they are NULL (schema.missing_columns: null)", d->missing, slice, notes,
                   err) != ERR_OK)
        return err->code;
    d->extra = d->missing = 0;
    for (size_t i = 0; i < j->ntallies; i++)
        if (j->tallies[i].count > 0 && note_tally(&j->tallies[i], slice, notes, err) != ERR_OK)
            return err->code;
    for (size_t i = 0; i < j->nnulls; i++)
        if (judge_nulls(j, &j->nulls[i], object_end, slice, notes, err) != ERR_OK)
            return err->code;
    return ERR_OK;
}

void judge_sum(const struct judge *j, size_t c, int64_t *n, double *sum)
{
    *n = 0;
    *sum = 0;
    for (size_t i = 0; i < j->nsums; i++) {
        if (j->sums[i].col != c)
            continue;
        *n = j->sums[i].n;
        *sum = j->sums[i].sum;
        return;
    }
}
