/* checks: one cell against the rules of its column. The rules are values of the column's own type, so
 * comparing is exact. */
#include "core/data/checks.h"

#include "core/base/mem.h"
#include "core/data/types_internal.h"

enum err_name checks_cell(const struct batch *batch, size_t c, size_t row)
{
    const struct column *col = &batch->cols[c];
    if (col->null[row])
        return ERRN_NONE;
    const struct schema_column *rule = schema_loaded(batch->schema, c);
    const struct checks *checks = &rule->checks;
    struct value v = {0};
    if (col->storage == STORAGE_I64) {
        v.i64 = col->i64[row];
    } else if (col->storage == STORAGE_F64) {
        v.f64 = col->f64[row];
    } else {
        static char none[] = "";
        v.str_len = col->str[row].len;
        v.str = v.str_len ? batch->text.data + col->str[row].off : none;
    }
    if (checks->has_min && value_compare(&rule->type, &v, &checks->min) < 0)
        return ERRN_CHECK_MIN;
    if (checks->has_max && value_compare(&rule->type, &v, &checks->max) > 0)
        return ERRN_CHECK_MAX;
    if (!checks->in)
        return ERRN_NONE;
    for (size_t i = 0; i < checks->in_count; i++)
        if (value_compare(&rule->type, &v, &checks->in[i]) == 0)
            return ERRN_NONE;
    return ERRN_CHECK_IN;
}

bool checks_any(const struct checks *checks)
{
    return checks->has_min || checks->has_max || checks->in;
}

void checks_release(struct checks *checks)
{
    if (!checks)
        return;
    value_release(&checks->min);
    value_release(&checks->max);
    for (size_t i = 0; i < checks->in_count && checks->in; i++)
        value_release(&checks->in[i]);
    mem_free(checks->in);
    *checks = (struct checks){0};
}
