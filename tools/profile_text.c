/*
 * profile_text: a report for people (tables under headings) and its table of columns as CSV.
 *
 * Invariants: numbers for people have at most six digits that matter and thousands separators, those of CSV
 * are exact; what is estimated is marked; no list is longer than a screen or two, and what is left out is
 * said.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "core/data/canon.h"
#include "tools/figure.h"
#include "tools/profile_out.h"

#define APPROX "\xe2\x89\x88"
#define CUT    "\xe2\x80\xa6"

enum { CSV_COLUMNS = 20, CELL_MAX = FIGURE_MAX + 8 };

bool profile_is_whole(const struct report_column *c)
{
    return c->type.kind <= TYPE_BIGINT;
}

void profile_moment(const struct report_column *c, double value, char text[OUT_CELL_MAX])
{
    int64_t us;
    char *end;

    /* An estimate, or a fence, may lie outside of the calendar. */
    if (!figure_moment(c, value, &us)) {
        canon_double(value, text);
        return;
    }
    if (c->type.kind == TYPE_DATE && value == floor(value))
        end = canon_put_date(text, (int64_t)value);
    else
        end = canon_put_timestamp(text, us);
    *end = '\0';
}

/* A figure, marked where it is an estimate; "" where it is not known. */
static const char *figure(const struct report_column *c, struct report_num n, char text[CELL_MAX])
{
    char value[FIGURE_MAX];

    (void)!snprintf(text, CELL_MAX, "%s%s", n.known && n.approx ? APPROX : "",
                    n.known ? figure_value(c, n.value, value) : "");
    return text;
}

static const char *spread(const struct report_column *c, struct report_num n, char text[CELL_MAX])
{
    char value[FIGURE_MAX];

    (void)!snprintf(text, CELL_MAX, "%s%s", n.known && n.approx ? APPROX : "",
                    n.known ? figure_span(c, n.value, value) : "");
    return text;
}

static const char *part(int64_t n, int64_t all, char text[CELL_MAX])
{
    text[0] = '\0';
    return all > 0 ? figure_part(n, all, text) : text;
}

static const char *distinct(const struct report_column *c, char text[CELL_MAX])
{
    char count[FIGURE_MAX];

    (void)!snprintf(text, CELL_MAX, "%s%s", c->distinct_approx ? APPROX : "",
                    figure_count(c->distinct, count));
    return text;
}

/* At most PROFILE_CELL_SHOWN characters. */
static const char *cut(const char *value, char text[OUT_CELL_MAX])
{
    size_t n = 0, at = 0;

    for (; value[at] && at < OUT_CELL_MAX - sizeof CUT; at++) {
        n += ((unsigned char)value[at] & 0xc0) != 0x80;
        if (n > PROFILE_CELL_SHOWN)
            break;
    }
    (void)!snprintf(text, OUT_CELL_MAX, "%.*s%s", (int)at, value, value[at] ? CUT : "");
    return text;
}

static void heading(struct out *out, const char *title)
{
    out_line(out, "\n%s", title);
}

/* ---- the parts ---- */

static void put_overview(struct out *out, const struct profile_doc *doc)
{
    const struct report *r = doc->report;
    char rows[OUT_CELL_MAX], columns[OUT_CELL_MAX], objects[OUT_CELL_MAX], bytes[OUT_CELL_MAX];
    char hours[OUT_CELL_MAX], text[OUT_CELL_MAX], refused[OUT_CELL_MAX], gaps[OUT_CELL_MAX];
    char from[HOUR_TEXT_MAX] = "", to[HOUR_TEXT_MAX] = "";

    out_things(r->rows, "row", "rows", rows);
    out_things((int64_t)r->ncolumns, "column", "columns", columns);
    out_line(out, "%s", out_escape(r->what, text));
    if (!r->by_hour) {
        out_line(out, "%s, %s", rows, columns);
    } else {
        if (r->nhours > 0) {
            hour_format(r->hours[0].hour, from);
            hour_format(r->hours[r->nhours - 1].hour, to);
        }
        out_line(out, "%s, %s, %s, %s; hours: %s%s%s%s%s", rows, columns,
                 out_things(r->objects, "object", "objects", objects), out_size(r->bytes, bytes),
                 out_count((int64_t)r->nhours, hours), r->nhours ? ", " : "", from,
                 r->nhours > 1 ? " to " : "", r->nhours > 1 ? to : "");
        if (r->gaps > 0)
            out_line(out, "%s no object",
                     out_things(r->gaps, "hour between them has", "hours between them have", gaps));
    }
    if (r->rows == 0)
        out_line(out, "nothing to describe: %s",
                 r->refused   ? "every record was refused"
                 : r->objects ? "its objects have no record"
                              : doc->none);
    if (!r->of_target)
        out_line(out, "%s refused%s", out_things(r->refused, "record", "records", refused),
                 r->refused ? ", by the schema or a check" : "");
    for (size_t i = 0; i < r->nrefusals; i++)
        out_line(out, "  %s: %s (first: %s)", err_name_text(r->refusals[i].name),
                 out_count(r->refusals[i].count, refused), out_escape(r->refusals[i].example, text));
    if (doc->odd_rows > 0)
        out_line(out, "%s a value that is none of its column's type; it counts as NULL",
                 out_things(doc->odd_rows, "row holds", "rows hold", rows));
}

static void put_warnings(struct out *out, const struct report *r)
{
    char text[OUT_CELL_MAX];

    if (r->nwarnings == 0)
        return;
    heading(out, "Warnings (! is strong)");
    for (size_t i = 0; i < r->nwarnings; i++)
        out_line(out, "%c %s", r->warnings[i].strong ? '!' : ' ', out_escape(r->warnings[i].message, text));
}

static void put_columns(struct out *out, const struct report *r)
{
    static const struct out_column columns[] = {
        {"column", NULL, OUT_STR, IN_TEXT},   {"type", NULL, OUT_STR, IN_TEXT},
        {"count", NULL, OUT_INT, IN_TEXT},    {"nulls", NULL, OUT_INT, IN_TEXT},
        {"share", NULL, OUT_FIGURE, IN_TEXT}, {"distinct", NULL, OUT_FIGURE, IN_TEXT},
        {"mean", NULL, OUT_FIGURE, IN_TEXT},  {"std", NULL, OUT_FIGURE, IN_TEXT},
        {"min", NULL, OUT_FIGURE, IN_TEXT},   {"p25", "25 %", OUT_FIGURE, IN_TEXT},
        {"p50", "50 %", OUT_FIGURE, IN_TEXT}, {"p75", "75 %", OUT_FIGURE, IN_TEXT},
        {"max", NULL, OUT_FIGURE, IN_TEXT},
    };
    char text[9][CELL_MAX];

    heading(out, "Columns");
    out_list_begin(out, "table", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < r->ncolumns; i++) {
        const struct report_column *c = &r->columns[i];
        const struct report_numbers *n = &c->numbers;
        char type[TYPE_TEXT_MAX];

        type_format(&c->type, type);
        const struct out_cell cells[] = {
            cell_str(c->name),
            cell_str(type),
            cell_num(c->count),
            cell_num(c->nulls),
            cell_str(part(c->nulls, c->count + c->nulls, text[0])),
            cell_str(distinct(c, text[1])),
            cell_str(figure(c, n->mean, text[2])),
            cell_str(spread(c, n->std, text[3])),
            cell_str(figure(c, n->min, text[4])),
            cell_str(figure(c, n->quantile[Q25], text[5])),
            cell_str(figure(c, n->quantile[Q50], text[6])),
            cell_str(figure(c, n->quantile[Q75], text[7])),
            cell_str(figure(c, n->max, text[8])),
        };

        out_row(out, cells);
    }
    out_list_end(out);
}

/* "0 (93.3 %), 1 (6.7 %)" */
static const char *top_text(const struct report_column *c, char text[OUT_CELL_MAX])
{
    char value[OUT_CELL_MAX], share[CELL_MAX];
    size_t at = 0;

    text[0] = '\0';
    for (int i = 0; i < c->ntop && i < PROFILE_TOP_SHOWN; i++)
        at += (size_t)snprintf(text + at, OUT_CELL_MAX - at, "%s%.150s (%.20s)", i ? ", " : "",
                               c->top[i].text[0] ? cut(c->top[i].text, value) : "\"\"",
                               part(c->top[i].count, c->count, share));
    if (c->ntop > PROFILE_TOP_SHOWN || c->distinct > c->ntop)
        (void)!snprintf(text + at, OUT_CELL_MAX - at, ", ...");
    return text;
}

static void put_top(struct out *out, const struct report *r)
{
    static const struct out_column columns[] = {{"column", NULL, OUT_STR, IN_TEXT},
                                                {"top", "most frequent values", OUT_STR, IN_TEXT}};
    char text[OUT_CELL_MAX];

    heading(out, "Top values");
    out_list_begin(out, "top", columns, 2);
    for (size_t i = 0; i < r->ncolumns; i++)
        out_row(out,
                (struct out_cell[]){cell_str(r->columns[i].name), cell_str(top_text(&r->columns[i], text))});
    out_list_end(out);
}

static void put_split(struct out *out, const struct report *r)
{
    static const struct out_column columns[] = {
        {"column", NULL, OUT_STR, IN_TEXT},   {"class", NULL, OUT_STR, IN_TEXT},
        {"count", NULL, OUT_INT, IN_TEXT},    {"nulls", NULL, OUT_FIGURE, IN_TEXT},
        {"mean", NULL, OUT_FIGURE, IN_TEXT},  {"std", NULL, OUT_FIGURE, IN_TEXT},
        {"min", NULL, OUT_FIGURE, IN_TEXT},   {"p25", "25 %", OUT_FIGURE, IN_TEXT},
        {"p50", "50 %", OUT_FIGURE, IN_TEXT}, {"p75", "75 %", OUT_FIGURE, IN_TEXT},
        {"max", NULL, OUT_FIGURE, IN_TEXT},
    };
    char text[9][CELL_MAX], class[OUT_CELL_MAX];

    out_list_begin(out, "split", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < r->ncolumns; i++) {
        const struct report_column *c = &r->columns[i];

        for (int k = 0; k < r->nclasses && (int)i != r->by; k++) {
            const struct report_numbers *n = &c->split[k].numbers;
            const struct out_cell cells[] = {
                cell_str(c->name),
                cell_str(cut(r->classes[k].text, class)),
                cell_num(c->split[k].count),
                cell_str(part(c->split[k].nulls, c->split[k].count + c->split[k].nulls, text[1])),
                cell_str(figure(c, n->mean, text[2])),
                cell_str(spread(c, n->std, text[3])),
                cell_str(figure(c, n->min, text[4])),
                cell_str(figure(c, n->quantile[Q25], text[5])),
                cell_str(figure(c, n->quantile[Q50], text[6])),
                cell_str(figure(c, n->quantile[Q75], text[7])),
                cell_str(figure(c, n->max, text[8])),
            };

            out_row(out, cells);
        }
    }
    out_list_end(out);
}

static void put_classes(struct out *out, const struct report *r)
{
    static const struct out_column columns[] = {{"class", NULL, OUT_STR, IN_TEXT},
                                                {"rows", NULL, OUT_INT, IN_TEXT},
                                                {"share", NULL, OUT_FIGURE, IN_TEXT}};
    char value[OUT_CELL_MAX], share[CELL_MAX];

    if (r->by < 0 || r->nclasses == 0)
        return;
    (void)!snprintf(value, sizeof value, "Classes of %s", r->columns[r->by].name);
    heading(out, value);
    out_list_begin(out, "classes", columns, 3);
    for (int i = 0; i < r->nclasses; i++)
        out_row(out,
                (struct out_cell[]){cell_str(cut(r->classes[i].text, value)), cell_num(r->classes[i].rows),
                                    cell_str(part(r->classes[i].rows, r->rows, share))});
    out_list_end(out);
    out_line(out, "%s", "");
    put_split(out, r);
}

static void put_hours(struct out *out, const struct report *r)
{
    static const struct out_column columns[] = {
        {"hour", NULL, OUT_HOUR, IN_TEXT}, {"objects", NULL, OUT_INT, IN_TEXT},
        {"rows", NULL, OUT_INT, IN_TEXT},  {"refused", NULL, OUT_INT, IN_TEXT},
        {"nulls", NULL, OUT_INT, IN_TEXT}, {"share", NULL, OUT_FIGURE, IN_TEXT}};
    const size_t half = PROFILE_HOURS_SHOWN / 2;
    bool shortened = r->nhours > PROFILE_HOURS_SHOWN;
    char title[OUT_CELL_MAX], share[CELL_MAX];

    if (!r->by_hour || r->nhours == 0)
        return;
    if (shortened)
        (void)!snprintf(title, sizeof title, "Hours (the first and last %zu of %zu; -o json has all)", half,
                        r->nhours);
    heading(out, shortened ? title : "Hours");
    out_list_begin(out, "hours", columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < r->nhours; i++) {
        const struct report_hour *h = &r->hours[i];
        int64_t nulls = 0;

        if (shortened && i >= half && i < r->nhours - half)
            continue;
        for (size_t c = 0; c < r->ncolumns; c++)
            nulls += h->nulls[c];
        out_row(out, (struct out_cell[]){cell_num(h->hour), cell_num(h->objects), cell_num(h->rows),
                                         cell_num(h->refused), cell_num(nulls),
                                         cell_str(part(nulls, h->rows * (int64_t)r->ncolumns, share))});
    }
    out_list_end(out);
}

static void put_head(struct out *out, const struct report *r)
{
    struct out_column columns[PROFILE_COLUMNS_SHOWN];
    struct out_cell cells[PROFILE_COLUMNS_SHOWN];
    size_t n = r->ncolumns < PROFILE_COLUMNS_SHOWN ? r->ncolumns : PROFILE_COLUMNS_SHOWN;
    char text[PROFILE_COLUMNS_SHOWN][PROFILE_CELL_SHOWN * 4 + sizeof CUT], value[OUT_CELL_MAX];

    if (r->head_rows == 0)
        return;
    (void)!snprintf(value, sizeof value, "First rows (the first %zu of %zu columns; -o json has all)", n,
                    r->ncolumns);
    heading(out, n < r->ncolumns ? value : "First rows");
    for (size_t c = 0; c < n; c++)
        columns[c] = (struct out_column){r->columns[c].name, NULL,
                                         r->columns[c].kind == REPORT_TEXT ? OUT_STR : OUT_FIGURE, IN_TEXT};
    out_list_begin(out, "head", columns, n);
    for (size_t i = 0; i < r->head_rows; i++) {
        for (size_t c = 0; c < n; c++) {
            const char *cell = r->head[i * r->ncolumns + c];

            (void)!snprintf(text[c], sizeof text[c], "%s", cell ? cut(cell, value) : "");
            cells[c] = cell ? cell_str(text[c]) : cell_str("NULL");
        }
        out_row(out, cells);
    }
    out_list_end(out);
}

void profile_text(struct out *out, const struct profile_doc *doc)
{
    const struct report *r = doc->report;

    put_overview(out, doc);
    if (r->rows == 0 && r->refused == 0)
        return;
    put_warnings(out, r);
    put_columns(out, r);
    put_top(out, r);
    put_classes(out, r);
    put_hours(out, r);
    put_head(out, r);
}

/* ---- CSV ---- */

/* Exact; "" where it is not known. */
static const char *exact(const struct report_column *c, struct report_num n, bool spread,
                         char text[OUT_CELL_MAX])
{
    text[0] = '\0';
    if (!n.known)
        return text;
    if (c->kind == REPORT_TIME && !spread)
        profile_moment(c, n.value, text);
    else
        canon_double(n.value, text);
    return text;
}

void profile_csv(struct out *out, const struct profile_doc *doc)
{
    static const struct out_column columns[CSV_COLUMNS] = {
        {"name", NULL, OUT_STR, IN_CSV},
        {"type", NULL, OUT_STR, IN_CSV},
        {"count", NULL, OUT_INT, IN_CSV},
        {"nulls", NULL, OUT_INT, IN_CSV},
        {"null_share", NULL, OUT_FIGURE, IN_CSV},
        {"distinct", NULL, OUT_INT, IN_CSV},
        {"distinct_approx", NULL, OUT_BOOL, IN_CSV},
        {"mean", NULL, OUT_FIGURE, IN_CSV},
        {"std", NULL, OUT_FIGURE, IN_CSV},
        {"min", NULL, OUT_FIGURE, IN_CSV},
        {"p25", NULL, OUT_FIGURE, IN_CSV},
        {"p50", NULL, OUT_FIGURE, IN_CSV},
        {"p75", NULL, OUT_FIGURE, IN_CSV},
        {"max", NULL, OUT_FIGURE, IN_CSV},
        {"quantiles_approx", NULL, OUT_BOOL, IN_CSV},
        {"skew", NULL, OUT_FIGURE, IN_CSV},
        {"zeros", NULL, OUT_INT, IN_CSV},
        {"negatives", NULL, OUT_INT, IN_CSV},
        {"outliers_low", NULL, OUT_INT, IN_CSV},
        {"outliers_high", NULL, OUT_INT, IN_CSV},
    };
    const struct report *r = doc->report;
    char text[9][OUT_CELL_MAX];

    out_list_begin(out, "columns", columns, CSV_COLUMNS);
    for (size_t i = 0; i < r->ncolumns; i++) {
        const struct report_column *c = &r->columns[i];
        const struct report_numbers *n = &c->numbers;
        bool is_text = c->kind == REPORT_TEXT, counts = !is_text && c->kind != REPORT_TIME;
        int64_t all = c->count + c->nulls;
        char type[TYPE_TEXT_MAX];

        type_format(&c->type, type);
        const struct out_cell cells[CSV_COLUMNS] = {
            cell_str(c->name),
            cell_str(type),
            cell_num(c->count),
            cell_num(c->nulls),
            cell_str(exact(
                &(struct report_column){.kind = REPORT_NUMBER},
                (struct report_num){.known = all > 0, .value = all ? (double)c->nulls / (double)all : 0},
                false, text[0])),
            cell_num(c->distinct),
            cell_num(c->distinct_approx),
            cell_str(exact(c, n->mean, false, text[1])),
            cell_str(exact(c, n->std, true, text[2])),
            cell_str(exact(c, n->min, false, text[3])),
            cell_str(exact(c, n->quantile[Q25], false, text[4])),
            cell_str(exact(c, n->quantile[Q50], false, text[5])),
            cell_str(exact(c, n->quantile[Q75], false, text[6])),
            cell_str(exact(c, n->max, false, text[7])),
            cell_num(n->quantile[Q50].approx),
            cell_str(exact(c, n->skew, true, text[8])),
            counts ? cell_num(n->zeros) : CELL_NULL,
            counts ? cell_num(n->negatives) : CELL_NULL,
            is_text ? CELL_NULL : cell_num(n->outliers_low),
            is_text ? CELL_NULL : cell_num(n->outliers_high),
        };

        out_row(out, cells);
    }
    out_list_end(out);
}
