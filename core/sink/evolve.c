/*
 * evolve: see evolve.h. Invariant: both functions go by the same answer, so that what describe announces is
 * what setup does.
 */
#include "core/sink/evolve.h"

#include <stdio.h>
#include <string.h>

enum { PROBLEM_ROOM = 4096 }; /* for what else there is to say */

static bool in_key(const struct sink_target *t, size_t column)
{
    for (size_t i = 0; i < t->nkey; i++)
        if (t->key[i] == column)
            return true;
    return false;
}

/* Why the column cannot be added; NULL where it can. */
static const char *obstacle(const struct sink_target *t, size_t c, bool has_rows)
{
    if (in_key(t, c))
        return "it is in target.key, and a key is made with its table: add both yourself";
    if (has_rows && !schema_loaded(t->schema, c)->nullable)
        return "it is nullable: false, and the table's rows would have no value in it: leave nullable away, "
               "or add it yourself with a default";
    return NULL;
}

void sink_put_name(const char *name, char *names, size_t *n)
{
    static const char more[] = ", ...";
    size_t len = strlen(names), end = sizeof more - 1;
    bool first = (*n)++ == 0, cut = len >= end && strcmp(names + len - end, more) == 0;

    if (first || len + strlen(name) + 2 + sizeof more <= SINK_NAMES_MAX)
        (void)!snprintf(names + len, SINK_NAMES_MAX - len, "%s%s", first || cut ? "" : ", ", cut ? "" : name);
    else if (!cut)
        (void)!snprintf(names + len, SINK_NAMES_MAX - len, "%s", more);
}

enum err_code sink_lacks_column(const struct sink_target *t, size_t c, bool has_rows, const char *alter,
                                struct sink_state *state, struct err *err)
{
    const char *name = schema_loaded(t->schema, c)->name, *why = obstacle(t, c, has_rows);

    if ((!t->evolve || why) && state->problems.max - state->problems.len < PROBLEM_ROOM)
        return ERR_OK; /* another table than was meant: the first hundreds are enough */
    if (!t->evolve)
        return buf_printf(
            &state->problems, err,
            "table %s has no column %s: add it (%s), let `sluice setup` do so (schema.contract: evolve), "
            "or drop it from the schema\n",
            t->table, name, alter);
    if (why)
        return buf_printf(&state->problems, err, "table %s has no column %s, which setup cannot add: %s\n",
                          t->table, name, why);
    sink_put_name(name, state->lacks_names, &state->lacks);
    return ERR_OK;
}

enum err_code sink_add_column(const struct sink_target *t, size_t c, bool has_rows, const char *declared,
                              bool *adds, struct check_row *record, struct err *err)
{
    const char *name = schema_loaded(t->schema, c)->name, *why = obstacle(t, c, has_rows);

    *adds = false;
    if (!t->evolve)
        return ERR_OK;
    if (why)
        return err_set(err, ERRN_TABLE_MISMATCH, "table %s has no column %s, which setup cannot add: %s",
                       t->table, name, why);
    *adds = true;
    memset(record, 0, sizeof *record);
    record->on = CHECK_ON_WARN;
    record->fired = true;
    (void)!snprintf(record->name, sizeof record->name, "evolve");
    (void)!snprintf(record->column, sizeof record->column, "%s", name);
    (void)!snprintf(record->message, sizeof record->message, "added %s NULL to table %.512s", declared,
                    t->table);
    return ERR_OK;
}
