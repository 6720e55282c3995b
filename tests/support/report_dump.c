/* report_dump: see report_dump.h. Doubles in 17 digits, so that no two differ and look the same. */
#include "tests/support/report_dump.h"

#include <inttypes.h>
#include <stdlib.h>

static void dump_num(FILE *to, const char *name, struct report_num num)
{
    if (num.known)
        fprintf(to, " %s=%s%.17g", name, num.approx ? "~" : "", num.value);
    else
        fprintf(to, " %s=-", name);
}

static void dump_numbers(FILE *to, const char *prefix, const struct report_numbers *n)
{
    static const char *const names[Q_COUNT] = {"p1", "p5", "p25", "p50", "p75", "p95", "p99"};
    fprintf(to, "%s", prefix);
    dump_num(to, "mean", n->mean);
    dump_num(to, "std", n->std);
    dump_num(to, "skew", n->skew);
    dump_num(to, "min", n->min);
    dump_num(to, "max", n->max);
    dump_num(to, "sum", n->sum);
    for (int q = 0; q < Q_COUNT; q++)
        dump_num(to, names[q], n->quantile[q]);
    dump_num(to, "fence_low", n->fence_low);
    dump_num(to, "fence_high", n->fence_high);
    fprintf(to, " zeros=%" PRId64 " negatives=%" PRId64 " outliers=%s%" PRId64 "/%" PRId64, n->zeros,
            n->negatives, n->outliers_approx ? "~" : "", n->outliers_low, n->outliers_high);
    for (int i = 0; i < n->nlow; i++)
        fprintf(to, " low:%.17g*%" PRId64, n->example_low[i], n->example_low_count[i]);
    for (int i = 0; i < n->nhigh; i++)
        fprintf(to, " high:%.17g*%" PRId64, n->example_high[i], n->example_high_count[i]);
    fputc('\n', to);
}

static void dump_by(FILE *to, const int64_t *by, int nclasses)
{
    for (int k = 0; k < nclasses; k++)
        fprintf(to, "/%" PRId64, by[k]);
}

static void dump_column(FILE *to, const struct report *r, const struct report_column *c)
{
    fprintf(to, "column %s kind=%d count=%" PRId64 " nulls=%" PRId64 " distinct=%s%" PRId64 "\n", c->name,
            (int)c->kind, c->count, c->nulls, c->distinct_approx ? "~" : "", c->distinct);
    if (c->kind == REPORT_TEXT)
        fprintf(to, "  lengths %" PRId64 " %.17g %" PRId64 " empty=%" PRId64 "\n", c->length_min,
                c->length_mean, c->length_max, c->empty);
    else
        dump_numbers(to, " ", &c->numbers);
    for (int i = 0; i < c->ntop; i++) {
        fprintf(to, "  top %s%" PRId64, c->top_approx ? "~" : "", c->top[i].count);
        dump_by(to, c->top[i].by_class, r->nclasses);
        fprintf(to, " %.17g %s\n", c->top[i].number, c->top[i].text);
    }
    if (c->histogram.nbins > 0)
        fprintf(to, "  histogram approx=%d clipped=%d below=%" PRId64 " above=%" PRId64 "\n",
                c->histogram.approx, c->histogram.clipped, c->histogram.below, c->histogram.above);
    for (int b = 0; b < c->histogram.nbins; b++) {
        const struct report_bin *bin = &c->histogram.bins[b];
        fprintf(to, "   bin %.17g %.17g %" PRId64, bin->low, bin->high, bin->count);
        dump_by(to, bin->by_class, r->nclasses);
        fputc('\n', to);
    }
    for (int k = 0; k < r->nclasses; k++) {
        fprintf(to, "  class %s count=%" PRId64 " nulls=%" PRId64, r->classes[k].text, c->split[k].count,
                c->split[k].nulls);
        dump_numbers(to, "", &c->split[k].numbers);
    }
}

void report_dump(const struct report *r, FILE *to)
{
    fprintf(to,
            "%s %s rows=%" PRId64 " refused=%" PRId64 " objects=%" PRId64 " bytes=%" PRId64 " gaps=%" PRId64
            "\n",
            r->pipeline, r->what, r->rows, r->refused, r->objects, r->bytes, r->gaps);
    for (int k = 0; k < r->nclasses; k++)
        fprintf(to, "class %s rows=%" PRId64 " null=%d other=%d\n", r->classes[k].text, r->classes[k].rows,
                r->classes[k].null, r->classes[k].other);
    for (size_t c = 0; c < r->ncolumns; c++)
        dump_column(to, r, &r->columns[c]);
    for (size_t i = 0; i < r->nhours; i++) {
        const struct report_hour *h = &r->hours[i];
        fprintf(to, "hour %" PRId64 " objects=%" PRId64 " rows=%" PRId64 " refused=%" PRId64 " nulls",
                h->hour, h->objects, h->rows, h->refused);
        dump_by(to, h->nulls, (int)r->ncolumns);
        fputc('\n', to);
    }
    for (size_t i = 0; i < r->ncorrelated; i++)
        for (size_t j = 0; j < r->ncorrelated; j++)
            fprintf(to, "r %zu %zu %.17g\n", r->correlated[i], r->correlated[j],
                    r->correlations[i * r->ncorrelated + j]);
    for (size_t i = 0; i < r->head_rows * r->ncolumns; i++)
        fprintf(to, "%s%s", r->head[i] ? r->head[i] : "NULL", (i + 1) % r->ncolumns ? "," : "\n");
    for (size_t i = 0; i < r->nrefusals; i++)
        fprintf(to, "refusal %s %" PRId64 " %s\n", err_name_text(r->refusals[i].name), r->refusals[i].count,
                r->refusals[i].example);
    for (size_t i = 0; i < r->nwarnings; i++)
        fprintf(to, "warning %s%s column=%d other=%d hour=%" PRId64 " value=%.17g limit=%.17g: %s\n",
                report_rule_text(r->warnings[i].rule), r->warnings[i].strong ? "!" : "",
                r->warnings[i].column, r->warnings[i].other, r->warnings[i].hour, r->warnings[i].value,
                r->warnings[i].limit, r->warnings[i].message);
}

char *report_dump_text(const struct report *report)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    if (!to)
        abort();
    report_dump(report, to);
    fclose(to);
    return text;
}
