/*
 * sqlite_query: a query to the target: `sluice query --target`.
 *
 * Invariants: the handle is a read-only one (query_only is set) and takes nothing but SELECT meanwhile; its
 * lock is held while rows are handed out, as by any reader.
 */
#include "backends/sqlite_ask.h"
#include "backends/sqlite_internal.h"
#include "core/base/mem.h"

enum err_code sqlite_query(struct sink *sink, const char *sql, const struct answer *answer, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    const struct schema *schema = sink->target.schema;
    const char **names = mem_calloc(schema->nloaded + 2, sizeof *names);
    sqlite3_stmt *stmt = NULL;

    if (!names)
        return err_nomem(err);
    for (size_t c = 0; c < schema->nloaded; c++)
        names[c] = schema_loaded(schema, c)->name;
    names[schema->nloaded] = "_load";
    const struct sqlite_ask ask = {
        .db = s->db, .label = sink->label, .names = names, .table = sink->target.table, .stop = sink->stop};
    sqlite_wait(s, SQLITE_READ_WAIT_MS);
    sqlite_ask_confine(s->db);
    if (sqlite_ask_prepare(&ask, sql, &stmt, err) == ERR_OK)
        (void)!sqlite_ask_rows(&ask, stmt, answer, err);
    sqlite3_finalize(stmt);
    sqlite_ask_release(s->db);
    mem_free(names);
    return err->code;
}
