/* checks: see checks.h. Rows are read in pages by id, so memory is a page. */
#include "tools/checks.h"

#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"

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
    size_t n = REC_PAGE;

    if (!rows)
        return err_nomem(err);
    while (n > 0 && sink_check_page(sink, &next, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n && err->code == ERR_OK; i++) {
            log_redact(rows[i].message);
            put(out, pipeline, &rows[i]);
            if (fired && rows[i].fired)
                (void)!keep(fired, &rows[i], err);
            next.after_id = rows[i].id;
        }
        *shown += (int64_t)n;
    }
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
        out_line(out, "... %s more checks fired: sluice history --checks%s%s",
                 out_count(fired->all - (int64_t)fired->n, more), run_id ? " --run " : " -c FILE",
                 run_id ? run_id : "");
}

void checks_fired_release(struct checks_fired *fired)
{
    mem_free(fired->rows);
    *fired = (struct checks_fired){0};
}
