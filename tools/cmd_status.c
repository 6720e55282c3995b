/*
 * cmd_status: `sluice status`: the hours by state, from the claims and the ledger.
 *
 * Invariant: memory grows with the number of hours, never with that of objects: the ledger is read in pages
 * and added up by hour. An hour that only the ledger knows is loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "tools/app.h"

struct hour_status {
    hour_t hour;
    enum hour_state state;
    bool claimed; /* it has a row in sluice_claim */
    bool held, late;
    int64_t objects, rows_loaded, rows_rejected, bytes;
    int attempts;
    int64_t next_try_us;
    char error[REC_MESSAGE_MAX + 1];
    char owner[REC_OWNER_MAX + 1];
};

/* In order of time. */
struct hours {
    struct hour_status *items;
    size_t n, cap;
};

/* The hour's place, made where it is not there yet. Keys come mostly in order of time: look at the end
 * first. */
static struct hour_status *find(struct hours *h, hour_t hour, struct err *err)
{
    size_t at = h->n, low = 0;

    if (h->n && h->items[h->n - 1].hour >= hour) {
        while (low < at) {
            size_t mid = low + (at - low) / 2;

            if (h->items[mid].hour < hour)
                low = mid + 1;
            else
                at = mid;
        }
        if (h->items[at].hour == hour)
            return &h->items[at];
    }
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

static enum err_code read_ledger(struct sink *sink, struct hours *hours, struct err *err)
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
            h->objects += rows[i].last && rows[i].kind != LOAD_KIND_REPLAY;
            h->bytes += rows[i].bytes;
            h->rows_loaded += rows[i].rows_loaded;
            /* A replay loads what another row counts as rejected. */
            h->rows_rejected += rows[i].kind == LOAD_KIND_REPLAY ? -rows[i].rows_loaded
                                                                 : rows[i].rows_rejected;
        }
        query.after_id = rows[n - 1].id;
    }
out:
    mem_free(rows);
    return err->code;
}

static enum err_code read_claims(struct sink *sink, struct hours *hours, struct err *err)
{
    struct claim_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    hour_t after = HOUR_MIN - 1;
    size_t n = 0;

    if (!rows)
        return err_nomem(err);
    while (sink_claim_page(sink, CLAIMS_ALL, after, rows, REC_PAGE, &n, err) == ERR_OK && n > 0) {
        for (size_t i = 0; i < n; i++) {
            struct hour_status *h = find(hours, rows[i].hour, err);

            if (!h)
                goto out;
            h->claimed = true;
            h->state = rows[i].state;
            h->held = rows[i].owner[0] && !rows[i].expired;
            h->attempts = rows[i].attempts;
            h->next_try_us = rows[i].next_try_us;
            memcpy(h->error, rows[i].last_error, sizeof h->error);
            memcpy(h->owner, rows[i].owner, sizeof h->owner);
        }
        after = rows[n - 1].hour;
    }
out:
    mem_free(rows);
    return err->code;
}

/* Late: known, without an object, and more than expect_within past its end, where somebody cares. */
static void judge_late(const struct app *app, struct hours *hours)
{
    int64_t now = clock_wall_us(app->clock);

    for (size_t i = 0; i < hours->n; i++) {
        struct hour_status *h = &hours->items[i];
        int64_t due = hour_start_us(h->hour + 1) + app->pipeline->source.expect_within_ms * 1000;

        h->late = h->objects == 0 && now > due && app->pipeline->policy.on_empty != ON_EMPTY_OK;
    }
}

static const char *flags_text(const struct hour_status *h, char text[32])
{
    snprintf(text, 32, "%s%s%s", h->late ? "late " : "", h->rows_rejected > 0 ? "rejects " : "",
             h->held ? "held " : "");
    if (text[0])
        text[strlen(text) - 1] = '\0';
    return text;
}

static void put_hours(struct app *app, const struct hours *hours)
{
    static const struct out_column columns[] = {
        {"hour", NULL, OUT_HOUR, IN_ALL},
        {"state", NULL, OUT_WORD, IN_ALL},
        {"flags", NULL, OUT_STR, IN_TEXT | IN_CSV},
        {"late", NULL, OUT_BOOL, IN_JSON},
        {"rejects", NULL, OUT_BOOL, IN_JSON},
        {"held", NULL, OUT_BOOL, IN_JSON},
        {"objects", NULL, OUT_INT, IN_ALL},
        {"rows_loaded", "loaded", OUT_INT, IN_ALL},
        {"rows_rejected", "rejected", OUT_INT, IN_ALL},
        {"bytes", NULL, OUT_BYTES, IN_ALL},
        {"attempts", NULL, OUT_INT, IN_ALL},
        {"next_try", NULL, OUT_TIME, IN_DATA},
        {"owner", NULL, OUT_STR, IN_DATA},
        {"error", NULL, OUT_STR, IN_ALL},
    };

    out_list_begin(&app->out, "hours", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < hours->n; i++) {
        const struct hour_status *h = &hours->items[i];
        char flags[32];
        const struct out_cell cells[] = {
            cell_num(h->hour),
            cell_str(hour_state_text(h->state)),
            cell_str(flags_text(h, flags)),
            cell_num(h->late),
            cell_num(h->rows_rejected > 0),
            cell_num(h->held),
            cell_num(h->objects),
            cell_num(h->rows_loaded),
            cell_num(h->rows_rejected),
            cell_num(h->bytes),
            cell_num(h->attempts),
            h->next_try_us ? cell_num(h->next_try_us) : CELL_NULL,
            cell_str(h->owner),
            cell_str(h->error),
        };

        out_row(&app->out, cells);
    }
    out_list_end(&app->out);
}

static void put_totals(struct app *app, const struct hours *hours)
{
    enum { STATES = HOUR_EMPTY + 1 };
    struct out_column columns[STATES + 3];
    struct out_cell cells[STATES + 3];
    int64_t states[STATES] = {0}, late = 0, rejects = 0;
    char line[256], text[OUT_CELL_MAX];
    size_t n = 0, len = 0;

    for (size_t i = 0; i < hours->n; i++) {
        states[hours->items[i].state]++;
        late += hours->items[i].late;
        rejects += hours->items[i].rows_rejected > 0;
    }
    columns[n] = (struct out_column){"hours", NULL, OUT_INT, IN_JSON};
    cells[n++] = cell_num((int64_t)hours->n);
    for (int s = 0; s < STATES; s++) {
        columns[n] = (struct out_column){hour_state_text((enum hour_state)s), NULL, OUT_INT, IN_JSON};
        cells[n++] = cell_num(states[s]);
        len += (size_t)snprintf(line + len, sizeof line - len, "%s %s, ", out_count(states[s], text),
                                hour_state_text((enum hour_state)s));
    }
    columns[n] = (struct out_column){"late", NULL, OUT_INT, IN_JSON};
    cells[n++] = cell_num(late);
    columns[n] = (struct out_column){"rejects", NULL, OUT_INT, IN_JSON};
    cells[n++] = cell_num(rejects);
    out_object(&app->out, "totals", columns, cells, n);
    out_line(&app->out, "hours: %s%lld late, %lld with rejects", line, (long long)late, (long long)rejects);
    if (app->options->given[OPT_EXIT_CODE] && (states[HOUR_FAILED] || late))
        app_verdict(app, 1);
}

enum err_code cmd_status(struct app *app, struct err *err)
{
    struct hours hours = {0};

    if (app_open(app, APP_PIPELINE | APP_READ, err) || read_ledger(app->job.sink, &hours, err) ||
        read_claims(app->job.sink, &hours, err) || app_begin_out(app, err))
        goto out;
    judge_late(app, &hours);
    app_out_run(app, false);
    put_hours(app, &hours);
    put_totals(app, &hours);
out:
    mem_free(hours.items);
    return err->code;
}
