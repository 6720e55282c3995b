/*
 * sqlite_describe: compares what the database has with what the pipeline wants, a line for each difference.
 *
 * A table column fits where SQLite keeps every value of the schema's type unchanged: then hash and scan agree
 * later. Columns are matched by name as SQLite does, without regard to ASCII case.
 *
 * Invariant: nothing is changed, and no cursor is left open.
 */
#include <string.h>
#include <strings.h>

#include "backends/sqlite_internal.h"
#include "core/sink/evolve.h"

/* What SQLite does to values on their way into a column. */
enum affinity { AFF_NONE, AFF_INTEGER, AFF_REAL, AFF_TEXT, AFF_NUMERIC, AFF_BLOB_ONLY };

static bool has_word(const char *text, const char *word)
{
    return strcasestr(text, word) != NULL;
}

/* SQLite's rules, in its order. */
static enum affinity affinity_of(const char *declared, bool strict)
{
    if (strict && strcasecmp(declared, "ANY") == 0)
        return AFF_NONE;
    if (strict && strcasecmp(declared, "BLOB") == 0)
        return AFF_BLOB_ONLY;
    if (has_word(declared, "INT"))
        return AFF_INTEGER;
    if (has_word(declared, "CHAR") || has_word(declared, "CLOB") || has_word(declared, "TEXT"))
        return AFF_TEXT;
    if (declared[0] == '\0' || has_word(declared, "BLOB"))
        return AFF_NONE;
    if (has_word(declared, "REAL") || has_word(declared, "FLOA") || has_word(declared, "DOUB"))
        return AFF_REAL;
    return AFF_NUMERIC;
}

/* The declared types in which values of this type stay what they are; the first is the one setup makes. */
static const char *wanted(const struct type *type)
{
    switch (type_storage(type)) {
    case STORAGE_F64:
        return "REAL or NUMERIC";
    case STORAGE_STR:
        return sqlite_is_numeric(type) ? "NUMERIC or REAL" : "TEXT";
    case STORAGE_I64:
        break;
    }
    return type->kind == TYPE_DATE || type->kind == TYPE_TIMESTAMP ? "TEXT" : "INTEGER or NUMERIC";
}

static bool fits(const struct type *type, enum affinity affinity)
{
    const char *types = wanted(type);

    switch (affinity) {
    case AFF_NONE:
        return true;
    case AFF_BLOB_ONLY:
        return false;
    case AFF_INTEGER:
        return has_word(types, "INTEGER");
    case AFF_REAL:
        return has_word(types, "REAL");
    case AFF_TEXT:
        return has_word(types, "TEXT");
    case AFF_NUMERIC:
        return has_word(types, "NUMERIC");
    }
    return false;
}

/* A column of the table, as PRAGMA table_xinfo gives it; text is valid until the next step. */
struct table_column {
    const char *name;
    const char *declared;
    bool not_null;
    bool has_default;
    bool in_key;
    bool generated;
};

static const char *text_or_empty(sqlite3_stmt *stmt, int col)
{
    const char *text = (const char *)sqlite3_column_text(stmt, col);

    return text ? text : "";
}

static void read_column(sqlite3_stmt *stmt, struct table_column *out)
{
    out->name = text_or_empty(stmt, 0);
    out->declared = text_or_empty(stmt, 1);
    out->not_null = sqlite3_column_int(stmt, 2) != 0;
    out->has_default = sqlite3_column_type(stmt, 3) != SQLITE_NULL;
    out->in_key = sqlite3_column_int(stmt, 4) != 0;
    out->generated = sqlite3_column_int(stmt, 5) != 0;
}

static const char COLUMNS_SQL[] =
    "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?1, 'main')"
    " WHERE ?2 IS NULL OR name = ?2 COLLATE NOCASE";

/* Opens a walk over the table's columns: all of them, or the one of that name. */
static enum err_code columns_of(struct sqlite_sink *s, const char *only, struct bind *b, struct err *err)
{
    sqlite3_stmt *stmt;

    if (sqlite_prepare(s, COLUMNS_SQL, 0, &stmt, err))
        return err->code;
    *b = bind_to(stmt);
    bind_text(b, s->base.target.table);
    if (only)
        bind_text(b, only);
    return ERR_OK;
}

enum err_code sqlite_has_column(struct sqlite_sink *s, const char *name, bool *there, struct err *err)
{
    struct bind b;

    *there = false;
    if (columns_of(s, name, &b, err))
        return err->code;
    (void)!sqlite_row(s, &b, "schema", there, err);
    sqlite3_finalize(b.stmt);
    return err->code;
}

static bool in_target_key(const struct sink_target *t, const struct schema_column *column)
{
    for (size_t i = 0; i < t->nkey; i++)
        if (schema_loaded(t->schema, t->key[i]) == column)
            return true;
    return false;
}

static enum err_code judge_column(const struct sink_target *t, const struct schema_column *want,
                                  const struct table_column *have, bool strict, struct buf *out,
                                  struct err *err)
{
    char type[TYPE_TEXT_MAX];

    type_format(&want->type, type);
    if (have->generated)
        return buf_printf(out, err, "column %s of table %s is generated: leave it out of the schema\n",
                          want->name, t->table);
    if (!fits(&want->type, affinity_of(have->declared, strict)) &&
        buf_printf(
            out, err,
            "column %s of table %s is %s, which changes values of %s: make it %s (no contract changes a "
            "type, and SQLite alters none: rename the table, run `sluice setup`, copy its rows)\n",
            want->name, t->table, have->declared, type, wanted(&want->type)))
        return err->code;
    /* A column of our own key is checked before SQLite sees it (it would number a NULL in the rowid). */
    if ((have->not_null || have->in_key) && want->nullable && !in_target_key(t, want))
        return buf_printf(
            out, err,
            "column %s of table %s is NOT NULL or in its key: say nullable: false in the schema, "
            "or drop the constraint\n",
            want->name, t->table);
    return ERR_OK;
}

/* A column that is not there. */
static enum err_code judge_missing(struct sqlite_sink *s, size_t c, bool strict, struct sink_state *state,
                                   struct err *err)
{
    bool rows;
    struct buf alter;

    buf_init(&alter, SQLITE_SQL_MAX);
    if (sqlite_has_rows(s, &rows, err) == ERR_OK &&
        sqlite_put_add(&s->base.target, c, strict, &alter, err) == ERR_OK)
        (void)!sink_lacks_column(&s->base.target, c, rows, buf_str(&alter), state, err);
    buf_release(&alter);
    return err->code;
}

/* Schema columns against the table's. */
static enum err_code judge_wanted(struct sqlite_sink *s, bool strict, struct sink_state *state,
                                  struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct table_column have;
    bool row;
    struct bind b;

    for (size_t c = 0; c < t->schema->nloaded; c++) {
        const struct schema_column *want = schema_loaded(t->schema, c);
        if (columns_of(s, want->name, &b, err))
            return err->code;
        if (sqlite_row(s, &b, "schema", &row, err) == ERR_OK) {
            read_column(b.stmt, &have);
            if (row)
                (void)!judge_column(t, want, &have, strict, &state->problems, err);
            else
                (void)!judge_missing(s, c, strict, state, err);
        }
        sqlite3_finalize(b.stmt);
        if (err->code)
            return err->code;
    }
    return ERR_OK;
}

static bool is_wanted(const struct sink_target *t, const char *name)
{
    for (size_t c = 0; c < t->schema->nloaded; c++)
        if (sqlite3_stricmp(schema_loaded(t->schema, c)->name, name) == 0)
            return true;
    return false;
}

/* The table's columns against the schema's: those that nobody would fill, and _load. */
static enum err_code judge_extra(struct sqlite_sink *s, bool strict, struct sink_state *state,
                                 struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct buf *out = &state->problems;
    struct table_column have;
    bool row;
    struct bind b;

    if (columns_of(s, NULL, &b, err))
        return err->code;
    while (sqlite_row(s, &b, "schema", &row, err) == ERR_OK && row) {
        read_column(b.stmt, &have);
        if (is_wanted(t, have.name))
            continue;
        bool load = sqlite3_stricmp(have.name, "_load") == 0;
        state->has_lineage = state->has_lineage || load;
        enum affinity affinity = affinity_of(have.declared, strict);
        if (!load && !have.generated)
            sink_put_name(have.name, state->others_names, &state->others);
        if (load && t->lineage != LINEAGE_NONE) {
            if (affinity != AFF_INTEGER && affinity != AFF_NUMERIC && affinity != AFF_NONE &&
                buf_printf(out, err, "column _load of table %s is %s: make it INTEGER\n", t->table,
                           have.declared))
                break;
        } else if (have.not_null && !have.has_default && !have.generated) {
            if (buf_printf(
                    out, err,
                    "column %s of table %s is NOT NULL without a default and not in the schema: give it "
                    "a default, or add it to the schema\n",
                    have.name, t->table))
                break;
        }
    }
    sqlite3_finalize(b.stmt);
    if (!err->code && t->lineage != LINEAGE_NONE && !state->has_lineage)
        return buf_printf(out, err,
                          "table %s has no column _load: ALTER TABLE ... ADD COLUMN _load INTEGER, or say "
                          "target.lineage: false\n",
                          t->table);
    return err->code;
}

static enum err_code read_version(struct sqlite_sink *s, enum own_tables *own, struct err *err)
{
    sqlite3_stmt *stmt;
    bool there, row;

    *own = OWN_MISSING;
    if (sqlite_has_own(s, &there, err) || !there)
        return err->code;
    if (sqlite_prepare(s, "SELECT version FROM main.sluice_schema", 0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    if (sqlite_row(s, &b, "schema", &row, err) == ERR_OK) {
        int64_t version = row ? sqlite3_column_int64(stmt, 0) : 0;
        *own = version == SQLITE_SCHEMA_VERSION  ? OWN_CURRENT
               : version < SQLITE_SCHEMA_VERSION ? OWN_OLDER
                                                 : OWN_NEWER;
    }
    sqlite3_finalize(stmt);
    return err->code;
}

enum err_code sqlite_is_strict(struct sqlite_sink *s, bool *strict, struct err *err)
{
    sqlite3_stmt *stmt;
    bool row;

    *strict = false;
    if (sqlite_prepare(s, "SELECT sql FROM main.sqlite_master WHERE name = ? COLLATE NOCASE", 0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, s->base.target.table);
    if (sqlite_row(s, &b, "schema", &row, err) == ERR_OK && row) {
        /* The word can only stand behind the last parenthesis. */
        const char *tail = strrchr(text_or_empty(stmt, 0), ')');
        *strict = tail && has_word(tail, "STRICT");
    }
    sqlite3_finalize(stmt);
    return err->code;
}

/* What setup makes beside the table: where the name is taken by something else, IF NOT EXISTS would leave it.
 */
static enum err_code judge_beside(struct sqlite_sink *s, const char *suffix, const char *wanted,
                                  const char *mark, struct buf *out, struct err *err)
{
    const char *table = s->base.target.table;
    sqlite3_stmt *stmt;
    bool row;

    if (sqlite_prepare(
            s,
            "SELECT type = ?3 AND (type = 'view' OR tbl_name = ?1 COLLATE NOCASE)"
            " AND instr(sql, ?4) > 0, type FROM main.sqlite_master WHERE name = ?1 || ?2 COLLATE NOCASE",
            0, &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    bind_text(&b, table);
    bind_text(&b, suffix);
    bind_text(&b, wanted);
    bind_text(&b, mark);
    if (sqlite_row(s, &b, "schema", &row, err) == ERR_OK && row && !sqlite3_column_int(stmt, 0))
        (void)!buf_printf(out, err, "%s%s is another %s than sluice's %s of that name: rename it\n", table,
                          suffix, text_or_empty(stmt, 1), wanted);
    sqlite3_finalize(stmt);
    return err->code;
}

static enum err_code judge_lineage(struct sqlite_sink *s, struct buf *out, struct err *err)
{
    enum sink_lineage lineage = s->base.target.lineage;

    if (lineage == LINEAGE_NONE || judge_beside(s, "_lineage", "view", "sluice_load", out, err))
        return err->code;
    return lineage == LINEAGE_INDEXED ? judge_beside(s, "_load", "index", "(_load)", out, err) : ERR_OK;
}

enum err_code sqlite_describe(struct sink *sink, struct sink_state *state, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    bool strict;
    char type;

    if (read_version(s, &state->own, err) || judge_lineage(s, &state->problems, err) ||
        sqlite_has_table(s, sink->target.table, &state->table_exists, &type, err) || !state->table_exists)
        return err->code;
    if (type == 'v')
        return buf_printf(&state->problems, err, "%s is a view: name a table in target.table\n",
                          sink->target.table);
    if (sqlite_is_strict(s, &strict, err) || judge_wanted(s, strict, state, err))
        return err->code;
    return judge_extra(s, strict, state, err);
}

enum err_code sqlite_has_rows(struct sqlite_sink *s, bool *any, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    struct buf sql;

    *any = false;
    buf_init(&sql, SQLITE_SQL_MAX);
    if (buf_append_str(&sql, "SELECT 1 FROM main.", err) || sqlite_quote(&sql, s->base.target.table, err) ||
        buf_append_str(&sql, " LIMIT 1", err) || sqlite_prepare(s, buf_str(&sql), 0, &stmt, err))
        goto out;
    struct bind b = bind_to(stmt);
    (void)!sqlite_row(s, &b, "table", any, err);
out:
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}

enum err_code sqlite_has_foreign_rows(struct sink *sink, bool *any, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    bool there, own, lineage = false;
    sqlite3_stmt *stmt = NULL;
    struct buf sql;

    buf_init(&sql, SQLITE_SQL_MAX);
    if (sqlite_has_own(s, &own, err) || sqlite_has_table(s, sink->target.table, &there, NULL, err) || !there)
        goto out;
    if (own && sink->target.lineage != LINEAGE_NONE && sqlite_has_column(s, "_load", &lineage, err))
        goto out;
    if (buf_append_str(&sql, "SELECT 1 FROM main.", err) || sqlite_quote(&sql, sink->target.table, err) ||
        (lineage &&
         buf_append_str(&sql, " WHERE _load IS NULL OR _load NOT IN (SELECT id FROM sluice_load)", err)) ||
        buf_append_str(&sql, " LIMIT 1", err) || sqlite_prepare(s, buf_str(&sql), 0, &stmt, err))
        goto out;
    struct bind b = bind_to(stmt);
    (void)!sqlite_row(s, &b, "table", any, err);
out:
    sqlite3_finalize(stmt);
    buf_release(&sql);
    return err->code;
}
