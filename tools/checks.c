/* checks: see checks.h. Rows are read in pages by id, so memory is a page. */
#include "tools/checks.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/data/hash.h"

enum { COLUMNS = 13 };

#define CHECK_COLUMNS(many, in)                                                                              \
    {"pipeline", NULL, OUT_STR, many}, {"time", NULL, OUT_TIME, in}, {"run_id", "run", OUT_STR, in},         \
        {"hour", NULL, OUT_HOUR, in}, {"object", NULL, OUT_STR, in}, {"name", "check", OUT_STR, in},         \
        {"column", NULL, OUT_STR, in}, {"on", NULL, OUT_STR, in}, {"fired", NULL, OUT_BOOL, in},             \
        {"count", NULL, OUT_INT, in}, {"message", NULL, OUT_STR, in},                                        \
        {"load_id", NULL, OUT_NUMBER, (in)&IN_DATA},                                                         \
    {                                                                                                        \
        "check_id", NULL, OUT_NUMBER, (in)&IN_DATA                                                           \
    }

/* ---- judgements of an hour ---- */

static bool is_of_hour(const struct check_row *r)
{
    return r->load_id == 0 && r->hour != 0;
}

static uint64_t number_of(const char *text)
{
    return hash64(text, strlen(text));
}

bool judgement_begins(struct judgement *newest, const struct check_row *row)
{
    const struct judgement begun = {number_of(row->run_id), number_of(row->name), row->id};

    if (newest->run == begun.run && newest->first != begun.first)
        return false;
    *newest = begun;
    return true;
}

/* Where the hour is, or ought to be. */
static size_t place_of(const struct judgements *j, hour_t hour)
{
    size_t low = 0, high = j->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (j->at[middle].hour < hour)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err_code judged(struct judgements *j, const struct check_row *r, struct err *err)
{
    size_t at = place_of(j, r->hour);

    if (at == j->n || j->at[at].hour != r->hour) {
        if (j->n == j->cap) {
            size_t cap = j->cap ? j->cap * 2 : 64;
            struct hour_judgement *grown = mem_realloc(j->at, cap * sizeof *grown);

            if (!grown)
                return err_nomem(err);
            j->at = grown;
            j->cap = cap;
        }
        memmove(&j->at[at + 1], &j->at[at], (j->n - at) * sizeof *j->at);
        j->at[at] = (struct hour_judgement){.hour = r->hour};
        j->n++;
    }
    (void)!judgement_begins(&j->at[at].newest, r);
    return ERR_OK;
}

enum err_code judgements_read(struct sink *sink, const struct record_query *query, struct judgements *out,
                              struct err *err)
{
    struct record_query next = *query;
    struct check_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;

    next.only_replayable = false; /* one that found nothing counts too */
    if (!rows)
        return err_nomem(err);
    while (n > 0 && sink_check_page(sink, &next, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n && err->code == ERR_OK; i++) {
            if (is_of_hour(&rows[i]))
                (void)!judged(out, &rows[i], err);
            next.after_id = rows[i].id;
        }
    }
    mem_free(rows);
    return err->code;
}

bool judgements_hold(const struct judgements *j, const struct check_row *r)
{
    size_t at = place_of(j, r->hour);

    return !is_of_hour(r) || at == j->n || j->at[at].hour != r->hour ||
           (r->id >= j->at[at].newest.from && j->at[at].newest.run == number_of(r->run_id));
}

void judgements_release(struct judgements *j)
{
    mem_free(j->at);
    *j = (struct judgements){0};
}

/* ---- lists ---- */

void checks_out_begin(struct out *out, unsigned in, bool many)
{
    static const struct out_column listed[COLUMNS] = {CHECK_COLUMNS(0, IN_ALL)};
    static const struct out_column of_one[COLUMNS] = {CHECK_COLUMNS(0, IN_JSON)};
    static const struct out_column of_many[COLUMNS] = {CHECK_COLUMNS(IN_JSON, IN_JSON)};

    out_list_begin(out, "checks", in != IN_JSON ? listed : many ? of_many : of_one, COLUMNS);
}

/* The table as a whole: told by setup. */
static bool is_of_table(const struct check_row *r)
{
    return r->hour == 0 && r->load_id == 0 && !r->object[0];
}

static void put(struct out *out, const char *pipeline, const struct check_row *r)
{
    const struct out_cell cells[COLUMNS] = {
        cell_str(pipeline),   cell_num(r->at_us),
        cell_str(r->run_id),  is_of_table(r) ? CELL_NULL : cell_num(r->hour),
        cell_str(r->object),  cell_str(r->name),
        cell_str(r->column),  cell_str(check_on_text(r->on)),
        cell_num(r->fired),   cell_num(r->count),
        cell_str(r->message), r->load_id ? cell_num(r->load_id) : CELL_NULL,
        cell_num(r->id),
    };

    out_row(out, cells);
}

static enum err_code keep(struct checks_fired *fired, const struct check_row *r, struct err *err)
{
    fired->all++;
    if (fired->n == CHECKS_SHOWN)
        return ERR_OK;
    if (!fired->rows && !(fired->rows = mem_alloc(CHECKS_SHOWN * sizeof *fired->rows)))
        return err_nomem(err);
    fired->rows[fired->n++] = *r;
    return ERR_OK;
}

enum err_code checks_out(struct out *out, struct sink *sink, const char *pipeline,
                         const struct record_query *query, struct checks_fired *fired, int64_t *shown,
                         struct err *err)
{
    struct record_query next = *query;
    struct check_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    struct judgements newest = {0};
    size_t n = REC_PAGE;

    if (!rows)
        return err_nomem(err);
    if (judgements_read(sink, query, &newest, err))
        goto out;
    while (n > 0 && sink_check_page(sink, &next, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n && err->code == ERR_OK; i++) {
            next.after_id = rows[i].id;
            if (!judgements_hold(&newest, &rows[i]))
                continue;
            log_redact(rows[i].message);
            put(out, pipeline, &rows[i]);
            if (fired && rows[i].fired)
                (void)!keep(fired, &rows[i], err);
            ++*shown;
        }
    }
out:
    judgements_release(&newest);
    mem_free(rows);
    return err->code;
}

void checks_out_fired(struct out *out, const struct checks_fired *fired, const char *run_id)
{
    char message[OUT_CELL_MAX], where[OUT_CELL_MAX], hour[HOUR_TEXT_MAX], more[OUT_CELL_MAX];

    for (size_t i = 0; i < fired->n; i++) {
        const struct check_row *r = &fired->rows[i];

        hour_format(r->hour, hour);
        out_line(out, "check %s%s%s (%s): %s%s: %s", r->name, r->column[0] ? " of column " : "", r->column,
                 check_on_text(r->on), r->object[0] ? "" : "hour ",
                 out_escape(r->object[0] ? r->object : hour, where), out_escape(r->message, message));
    }
    if (fired->all > (int64_t)fired->n)
        out_line(out, "... %s fired: sluice history --checks%s%s",
                 out_things(fired->all - (int64_t)fired->n, "more check", "more checks", more),
                 run_id ? " --run " : " -c FILE", run_id ? run_id : "");
}

void checks_fired_release(struct checks_fired *fired)
{
    mem_free(fired->rows);
    *fired = (struct checks_fired){0};
}
