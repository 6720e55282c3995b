/* report: see report.h; what it owns is freed here, and rules have their names. */
#include "core/profile/report.h"

#include "core/base/mem.h"

const char *report_rule_text(enum report_rule rule)
{
    static const char *const texts[RULE_COUNT] = {
        [RULE_MISSING] = "missing",       [RULE_ALL_NULL] = "all_null",
        [RULE_CONSTANT] = "constant",     [RULE_UNIQUE] = "unique",
        [RULE_OUTLIERS] = "outliers",     [RULE_CODES] = "codes",
        [RULE_ZEROS] = "zeros",           [RULE_SKEW] = "skew",
        [RULE_IMBALANCE] = "imbalance",   [RULE_CLASSES] = "classes",
        [RULE_CORRELATED] = "correlated", [RULE_HIGH_CARDINALITY] = "high_cardinality",
        [RULE_REFUSED] = "refused",       [RULE_GAP] = "gap",
        [RULE_HOUR_ROWS] = "hour_rows",   [RULE_HOUR_NULLS] = "hour_nulls",
    };
    return rule < RULE_COUNT ? texts[rule] : "";
}

void report_free(struct report *report)
{
    if (!report)
        return;
    mem_free(report->pipeline);
    mem_free(report->what);
    for (size_t i = 0; i < report->nhours; i++)
        mem_free(report->hours[i].nulls);
    mem_free(report->hours);
    for (size_t c = 0; c < report->ncolumns; c++) {
        struct report_column *col = &report->columns[c];
        mem_free(col->name);
        for (int i = 0; i < col->ntop; i++)
            mem_free(col->top[i].text);
    }
    mem_free(report->columns);
    for (int k = 0; k < report->nclasses; k++)
        mem_free(report->classes[k].text);
    mem_free(report->correlated);
    mem_free(report->correlations);
    for (size_t i = 0; i < report->head_rows * report->ncolumns; i++)
        mem_free(report->head[i]);
    mem_free(report->head);
    for (size_t i = 0; i < report->nrefusals; i++)
        mem_free(report->refusals[i].example);
    mem_free(report->refusals);
    for (size_t i = 0; i < report->nwarnings; i++)
        mem_free(report->warnings[i].message);
    mem_free(report->warnings);
    mem_free(report);
}
