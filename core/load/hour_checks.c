/*
 * hour_checks: see hour_checks.h.
 *
 * The hour is what its ledger rows say, of this transaction and of earlier ones, replays among them; a row
 * that is replaced is in the books as what replaces it. Where `sluice baseline` put an object there, nobody
 * knows its rows, and counts and means are not judged. Each check gives one row of the books, whether it
 * fired or not.
 */
#include "core/load/hour_checks.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/sink/check_template.h"

enum { BOUNDS_MAX = 80 };

/* What the ledger has of the hour. */
struct books {
    int64_t rows;
    bool unknown; /* some objects' rows are not known */
};

/* One check on its way. */
struct verdict {
    struct sink_load *load;
    hour_t hour;
    struct books books;
    int64_t loaded;
    const struct judge *judge;
};

static enum err_code read_books(struct sink *sink, hour_t hour, struct books *out, struct err *err)
{
    struct ledger_query query = {.has_hour = true, .hour = hour, .order = LEDGER_BY_ID};
    struct ledger_row *rows = mem_alloc(REC_PAGE * sizeof *rows);
    size_t n = REC_PAGE;
    *out = (struct books){0};
    if (!rows)
        return err_nomem(err);
    while (n == REC_PAGE && sink_ledger_page(sink, &query, rows, REC_PAGE, &n, err) == ERR_OK) {
        for (size_t i = 0; i < n; i++) {
            out->rows += rows[i].rows_loaded;
            out->unknown |= rows[i].kind == LOAD_KIND_BASELINE;
        }
        query.after_id = n ? rows[n - 1].id : 0;
    }
    mem_free(rows);
    return err->code;
}

static void not_judged(struct check_row *row, const char *why)
{
    snprintf(row->message, sizeof row->message, "not judged: %s", why);
}

static void judge_count(const struct verdict *v, const struct hour_check *check, struct check_row *row)
{
    char most[32] = "";
    if (check->rows_max < INT64_MAX)
        snprintf(most, sizeof most, " to %" PRId64, check->rows_max);
    if (v->books.unknown) {
        not_judged(row,
                   "`sluice baseline` put objects of the hour into the ledger, whose rows are not known");
        return;
    }
    row->fired = v->books.rows < check->rows_min || v->books.rows > check->rows_max;
    row->count = row->fired ? v->books.rows : 0;
    snprintf(row->message, sizeof row->message, "%" PRId64 " rows; allowed are %" PRId64 "%s", v->books.rows,
             check->rows_min, most[0] ? most : " or more");
}

static void format_bounds(const struct hour_check *check, char out[BOUNDS_MAX])
{
    if (isinf(check->max))
        snprintf(out, BOUNDS_MAX, "%.12g or more", check->min);
    else if (isinf(check->min))
        snprintf(out, BOUNDS_MAX, "%.12g or less", check->max);
    else
        snprintf(out, BOUNDS_MAX, "%.12g to %.12g", check->min, check->max);
}

/* Of rows that this transaction alone brought the sums are known; else the database adds all of them up. */
static enum err_code judge_mean(const struct verdict *v, const struct hour_check *check,
                                struct check_row *row, struct err *err)
{
    char bounds[BOUNDS_MAX];
    int64_t n = 0;
    double sum = 0;
    snprintf(row->column, sizeof row->column, "%s", check->column_name);
    if (v->books.unknown) {
        not_judged(row,
                   "`sluice baseline` put objects of the hour into the ledger, whose rows are not known");
        return ERR_OK;
    }
    if (v->books.rows == v->loaded)
        judge_sum(v->judge, check->column, &n, &sum);
    else if (sink_hour_sum(v->load, v->hour, check->column, &n, &sum, err) != ERR_OK)
        return err->code;
    if (n == 0) {
        not_judged(row, "no record of the hour has a value");
        return ERR_OK;
    }
    double mean = sum / (double)n;
    format_bounds(check, bounds);
    row->fired = !(mean >= check->min && mean <= check->max);
    row->count = row->fired ? n : 0;
    snprintf(row->message, sizeof row->message, "the mean of %" PRId64 " values is %.12g; allowed are %s", n,
             mean, bounds);
    return ERR_OK;
}

static enum err_code judge_query(const struct verdict *v, const struct hour_check *check,
                                 struct check_row *row, struct err *err)
{
    struct buf first;
    buf_init(&first, SINK_CHECK_TEXT_MAX + 1);
    if (sink_check_sql(v->load, check->sql, &row->count, &first, err) == ERR_OK) {
        row->fired = row->count > 0;
        if (row->fired)
            snprintf(row->message, sizeof row->message, "the query gives %s%" PRId64 " %s; first: %s",
                     row->count == SINK_CHECK_ROWS_MAX ? "at least " : "", row->count,
                     row->count == 1 ? "row" : "rows", buf_str(&first));
        else
            snprintf(row->message, sizeof row->message, "the query gives no row");
    }
    buf_release(&first);
    return err->code;
}

static enum err_code judge_one(const struct verdict *v, const struct hour_check *check, struct check_row *row,
                               struct err *err)
{
    static const enum err_name names[] = {[HOUR_CHECK_ROWS] = ERRN_CHECK_ROWS,
                                          [HOUR_CHECK_MEAN] = ERRN_CHECK_MEAN,
                                          [HOUR_CHECK_SQL] = ERRN_CHECK_SQL};
    snprintf(row->name, sizeof row->name, "%s", check->name);
    row->on = check->on;
    switch (check->kind) {
    case HOUR_CHECK_ROWS:
        judge_count(v, check, row);
        break;
    case HOUR_CHECK_MEAN:
        (void)!judge_mean(v, check, row, err);
        break;
    default:
        (void)!judge_query(v, check, row, err);
    }
    if (err->code != ERR_OK)
        return err_context(err, "check %s", check->name);
    if (row->fired && check->on == CHECK_ON_FAIL) {
        char hour[HOUR_TEXT_MAX];
        hour_format(v->hour, hour);
        return err_set(err, names[check->kind], "hour %s: check %s%s%s: %s", hour, check->name,
                       row->column[0] ? ", column " : "", row->column, row->message);
    }
    return ERR_OK;
}

enum err_code hour_checks_judge(const struct pipeline *p, struct sink_load *load, hour_t hour,
                                const char *run_id, int64_t loaded, const struct judge *judge,
                                struct err *err)
{
    struct verdict v = {.load = load, .hour = hour, .loaded = loaded, .judge = judge};
    struct check_row *rows = mem_calloc(p->nchecks, sizeof *rows);
    if (!rows)
        return err_nomem(err);
    if (read_books(load->sink, hour, &v.books, err) != ERR_OK)
        goto out;
    for (size_t i = 0; i < p->nchecks; i++) {
        rows[i].hour = hour;
        snprintf(rows[i].run_id, sizeof rows[i].run_id, "%s", run_id);
        if (judge_one(&v, &p->checks[i], &rows[i], err) != ERR_OK)
            goto out;
    }
    (void)!sink_checks_add(load, rows, p->nchecks, err);
out:
    mem_free(rows);
    return err->code;
}

enum err_code hour_checks_ready(const struct pipeline *p, const struct sink *sink, struct err *err)
{
    for (size_t i = 0; i < p->nchecks && err->code == ERR_OK; i++) {
        const struct hour_check *check = &p->checks[i];
        if (check->kind != HOUR_CHECK_SQL)
            continue;
        if (check_template_verify(check->sql, err) == ERR_OK && sink && !sink->type->check_sql)
            err_set(err, ERRN_UNSUPPORTED, "%s has no SQL: leave the check away", sink->label);
        err_context(err, "%s:%d: checks[].sql of %s", p->file, check->line, check->name);
    }
    return err->code;
}

enum err_code hour_checks_try(const struct pipeline *p, const struct hour_check *check, struct sink *sink,
                              struct err *err)
{
    if (sink_check_prepare(sink, check->sql, err) == ERR_OK)
        return ERR_OK;
    return err_context(err, "%s:%d: checks[].sql of %s", p->file, check->line, check->name);
}
