/*
 * hours: see hours.h.
 *
 * Invariant: items are sorted by hour, each hour once.
 */
#include "tools/hours.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"

static size_t place(const struct hours *h, hour_t hour)
{
    size_t low = 0, high = h->n;

    /* Keys come mostly in order of time: look at the end first. */
    if (h->n == 0 || h->items[h->n - 1].hour < hour)
        return h->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (h->items[mid].hour < hour)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

const struct hour_status *hours_find(const struct hours *hours, hour_t hour)
{
    size_t at = place(hours, hour);

    return at < hours->n && hours->items[at].hour == hour ? &hours->items[at] : NULL;
}

/* The hour's place, made where it is not there yet. */
static struct hour_status *find(struct hours *h, hour_t hour, struct err *err)
{
    size_t at = place(h, hour);

    if (at < h->n && h->items[at].hour == hour)
        return &h->items[at];
    if (h->n == h->cap) {
        size_t cap = h->cap ? h->cap * 2 : 64;
        struct hour_status *grown = mem_realloc(h->items, cap * sizeof *grown);

        if (!grown) {
            err_nomem(err);
            return NULL;
        }
        h->items = grown;
        h->cap = cap;
    }
    memmove(&h->items[at + 1], &h->items[at], (h->n - at) * sizeof h->items[0]);
    h->n++;
    h->items[at] = (struct hour_status){.hour = hour, .state = HOUR_LOADED};
    return &h->items[at];
}

static void add_row(struct hour_status *h, const struct ledger_row *row)
{
    h->objects += row->last && row->kind != LOAD_KIND_REPLAY;
    h->bytes += row->bytes;
    h->rows_loaded += row->rows_loaded;
    /* A replay loads what another row counts as rejected. */
    h->rows_rejected += row->kind == LOAD_KIND_REPLAY ? -row->rows_loaded : row->rows_rejected;
    if (row->kind != LOAD_KIND_BASELINE && row->finished_us > h->finished_us)
        h->finished_us = row->finished_us;
}

static enum err_code read_ledger(struct sink *sink, hours_row_fn *each, void *ctx, struct hours *hours,
                                 struct err *err)
{
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct ledger_query query = {.order = LEDGER_BY_ID};
    size_t n = 0;

    if (!rows)
        return err_nomem(err);
    while (sink_ledger_page(sink, &query, rows, REC_PAGE, &n, err) == ERR_OK && n > 0) {
        for (size_t i = 0; i < n; i++) {
            struct hour_status *h = find(hours, rows[i].hour, err);

            if (!h)
                goto out;
            add_row(h, &rows[i]);
            if (each)
                each(ctx, &rows[i]);
        }
        query.after_id = rows[n - 1].id;
    }
out:
    mem_free(rows);
    return err->code;
}

static enum err_code set_text(char **text, const char *value, struct err *err)
{
    if (value[0] && !(*text = mem_strdup(value)))
        return err_nomem(err);
    return ERR_OK;
}

static enum err_code add_claim(struct hours *hours, const struct claim_row *row, struct err *err)
{
    struct hour_status *h = find(hours, row->hour, err);

    if (!h)
        return err->code;
    h->claimed = true;
    h->state = row->state;
    h->held = row->owner[0] && !row->expired;
    h->attempts = row->attempts;
    h->next_try_us = row->next_try_us;
    if (set_text(&h->error, row->last_error, err))
        return err->code;
    if (h->error)
        log_redact(h->error);
    return set_text(&h->owner, row->owner, err);
}

static enum err_code read_claims(struct sink *sink, struct hours *hours, struct err *err)
{
    struct claim_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    hour_t after = HOUR_MIN - 1;
    size_t n = 1;

    if (!rows)
        return err_nomem(err);
    while (n > 0 && sink_claim_page(sink, CLAIMS_ALL, after, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n && err->code == ERR_OK; i++)
            (void)!add_claim(hours, &rows[i], err);
        if (n > 0)
            after = rows[n - 1].hour;
    }
    mem_free(rows);
    return err->code;
}

/* A later judgement of the hour takes the place of an earlier one; those of objects go with their loads. */
static enum err_code add_check(struct hours *hours, const struct check_row *row, struct err *err)
{
    bool of_hour = row->load_id == 0;
    struct hour_status *h;

    if (of_hour && row->hour == 0 && !row->object[0]) /* the table's */
        return ERR_OK;
    if (!(h = find(hours, row->hour, err)))
        return err->code;
    if (of_hour && judgement_begins(&h->judged, row)) {
        h->checks -= h->hour_checks;
        h->hour_checks = 0;
    }
    h->checks += row->fired;
    h->hour_checks += of_hour && row->fired;
    return ERR_OK;
}

static enum err_code read_checks(struct sink *sink, struct hours *hours, struct err *err)
{
    struct check_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct record_query query = {0};
    size_t n = 1;

    if (!rows)
        return err_nomem(err);
    while (n > 0 && sink_check_page(sink, &query, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n && err->code == ERR_OK; i++)
            (void)!add_check(hours, &rows[i], err);
        if (n > 0)
            query.after_id = rows[n - 1].id;
    }
    mem_free(rows);
    return err->code;
}

enum err_code hours_read(struct sink *sink, hours_row_fn *each, void *ctx, struct hours *out, struct err *err)
{
    if (read_ledger(sink, each, ctx, out, err) || read_checks(sink, out, err))
        return err->code;
    return read_claims(sink, out, err);
}

enum err_code hours_add_backlog(struct hours *hours, const struct backlog *backlog, struct err *err)
{
    for (size_t i = 0; i < backlog->n; i++) {
        struct hour_status *h;

        if (!backlog->items[i].file)
            continue;
        h = find(hours, backlog->items[i].hour, err);
        if (!h)
            return err->code;
        h->file = true;
        /* What was loaded or empty is to be looked at once more. */
        if (h->state == HOUR_LOADED || h->state == HOUR_EMPTY)
            h->state = HOUR_QUEUED;
    }
    return ERR_OK;
}

void hours_judge_late(struct hours *hours, const struct pipeline *pipeline, int64_t now_us)
{
    for (size_t i = 0; i < hours->n; i++) {
        struct hour_status *h = &hours->items[i];
        int64_t due = hour_start_us(h->hour + 1) + pipeline->source.expect_within_ms * 1000;

        bool empty = h->state == HOUR_EMPTY || (h->error && strncmp(h->error, "HOUR_EMPTY:", 11) == 0);

        h->late = h->objects == 0 && empty && now_us > due && pipeline->policy.on_empty != ON_EMPTY_OK;
    }
}

void hours_release(struct hours *hours)
{
    for (size_t i = 0; i < hours->n; i++) {
        mem_free(hours->items[i].error);
        mem_free(hours->items[i].owner);
    }
    mem_free(hours->items);
    *hours = (struct hours){0};
}

void hours_sum(const struct hours *hours, struct hours_totals *out)
{
    *out = (struct hours_totals){.hours = (int64_t)hours->n, .newest = HOUR_MIN - 1};
    for (size_t i = 0; i < hours->n; i++) {
        const struct hour_status *h = &hours->items[i];

        out->states[h->state]++;
        out->late += h->late;
        out->rejects += h->rows_rejected > 0;
        out->objects += h->objects;
        out->rows_loaded += h->rows_loaded;
        out->rows_rejected += h->rows_rejected;
        out->bytes += h->bytes;
        if (h->finished_us > out->finished_us)
            out->finished_us = h->finished_us;
        if (h->objects > 0)
            out->newest = h->hour;
    }
}

const char *hour_flags(const struct hour_status *h, char text[HOUR_FLAGS_MAX])
{
    snprintf(text, HOUR_FLAGS_MAX, "%s%s%s", h->late ? "late " : "", h->rows_rejected > 0 ? "rejects " : "",
             h->held ? "held " : "");
    if (text[0])
        text[strlen(text) - 1] = '\0';
    return text;
}

/* Of several pipelines they are for programs alone: people get a line a pipeline. */
#define HOUR_COLUMNS(many, in)                                                                               \
    {"pipeline", NULL, OUT_STR, many}, {"hour", NULL, OUT_HOUR, in}, {"state", NULL, OUT_WORD, in},          \
        {"flags", NULL, OUT_STR, (in) & ~IN_JSON}, {"late", NULL, OUT_BOOL, IN_JSON},                        \
        {"rejects", NULL, OUT_BOOL, IN_JSON}, {"held", NULL, OUT_BOOL, IN_JSON},                             \
        {"objects", NULL, OUT_INT, in}, {"rows_loaded", "loaded", OUT_INT, in},                              \
        {"rows_rejected", "rejected", OUT_INT, in}, {"bytes", NULL, OUT_BYTES, in},                          \
        {"checks", NULL, OUT_INT, in}, {"attempts", NULL, OUT_INT, in},                                      \
        {"next_try", NULL, OUT_TIME, IN_DATA}, {"owner", NULL, OUT_STR, IN_DATA},                            \
    {                                                                                                        \
        "error", NULL, OUT_STR, in                                                                           \
    }

void hours_out_begin(struct out *out, bool many)
{
    static const struct out_column one[] = {HOUR_COLUMNS(0, IN_ALL)};
    static const struct out_column several[] = {HOUR_COLUMNS(IN_DATA, IN_DATA)};

    out_list_begin(out, "hours", many ? several : one, sizeof one / sizeof one[0]);
}

void hours_out(struct out *out, const char *pipeline, const struct hours *hours)
{
    for (size_t i = 0; i < hours->n; i++) {
        const struct hour_status *h = &hours->items[i];
        char flags[HOUR_FLAGS_MAX];
        const struct out_cell cells[] = {
            cell_str(pipeline),
            cell_num(h->hour),
            cell_str(hour_state_text(h->state)),
            cell_str(hour_flags(h, flags)),
            cell_num(h->late),
            cell_num(h->rows_rejected > 0),
            cell_num(h->held),
            cell_num(h->objects),
            cell_num(h->rows_loaded),
            cell_num(h->rows_rejected),
            cell_num(h->bytes),
            cell_num(h->checks),
            cell_num(h->attempts),
            h->next_try_us ? cell_num(h->next_try_us) : CELL_NULL,
            cell_str(h->owner),
            cell_str(h->error),
        };

        out_row(out, cells);
    }
}

void hours_out_end(struct out *out)
{
    out_list_end(out);
}

void hours_out_totals(struct out *out, const struct hours_totals *t)
{
    enum { STATES = HOUR_EMPTY + 1 };
    struct out_column columns[STATES + 3];
    struct out_cell cells[STATES + 3];
    char line[256], text[OUT_CELL_MAX], rejects[OUT_CELL_MAX];
    size_t n = 0, len = 0;

    columns[n] = (struct out_column){"hours", NULL, OUT_INT, IN_JSON};
    cells[n++] = cell_num(t->hours);
    for (int s = 0; s < STATES; s++) {
        columns[n] = (struct out_column){hour_state_text((enum hour_state)s), NULL, OUT_INT, IN_JSON};
        cells[n++] = cell_num(t->states[s]);
        len += (size_t)snprintf(line + len, sizeof line - len, "%s %s, ", out_count(t->states[s], text),
                                hour_state_text((enum hour_state)s));
    }
    columns[n] = (struct out_column){"late", NULL, OUT_INT, IN_JSON};
    cells[n++] = cell_num(t->late);
    columns[n] = (struct out_column){"rejects", NULL, OUT_INT, IN_JSON};
    cells[n++] = cell_num(t->rejects);
    out_object(out, "totals", columns, cells, n);
    out_line(out, "hours: %s%s late, %s with rejects", line, out_count(t->late, text),
             out_count(t->rejects, rejects));
}
