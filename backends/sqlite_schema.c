/*
 * sqlite_schema: the DDL of the target table and of sluice's own tables, and setup.
 *
 * Invariants: every statement is IF NOT EXISTS or an upsert, so that setup may run again and beside others;
 * what is printed is exactly what would be run, as one script with its own transaction. The target table is
 * made only where there is none: what is there already is never altered but for columns that target.evolve
 * adds to its end, describe judges it.
 *
 *   own tables: missing | older -setup-> current;  newer: refused
 */
#include "backends/sqlite_internal.h"

enum { STRICT_SINCE = 3037000 };

static const char OWN_DDL[] =
    "CREATE TABLE IF NOT EXISTS sluice_schema (\n"
    "  id INTEGER PRIMARY KEY CHECK (id = 1),\n"
    "  version INTEGER NOT NULL\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice_load (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  pipeline TEXT NOT NULL,\n"
    "  object TEXT NOT NULL,\n"
    "  chunk INTEGER NOT NULL,\n"
    "  etag TEXT NOT NULL,\n"
    "  content TEXT NOT NULL,\n"
    "  hour TEXT NOT NULL,\n"
    "  kind TEXT NOT NULL,\n"
    "  last INTEGER NOT NULL,\n"
    "  byte_start INTEGER NOT NULL,\n"
    "  byte_end INTEGER NOT NULL,\n"
    "  first_line INTEGER NOT NULL,\n"
    "  next_line INTEGER NOT NULL,\n"
    "  chunk_rows INTEGER NOT NULL,\n"
    "  bytes INTEGER NOT NULL,\n"
    "  rows_read INTEGER NOT NULL,\n"
    "  rows_loaded INTEGER NOT NULL,\n"
    "  rows_rejected INTEGER NOT NULL,\n"
    "  row_hash TEXT NOT NULL,\n"
    "  schema_hash TEXT NOT NULL,\n"
    "  load_method TEXT NOT NULL,\n"
    "  run_id TEXT NOT NULL,\n"
    "  header BLOB,\n"
    "  started_us INTEGER NOT NULL,\n"
    "  finished_us INTEGER NOT NULL,\n"
    "  UNIQUE (pipeline, object, chunk)\n"
    ");\n"
    "CREATE INDEX IF NOT EXISTS sluice_load_hour ON sluice_load (pipeline, hour, object, chunk);\n"
    "CREATE TABLE IF NOT EXISTS sluice_claim (\n"
    "  pipeline TEXT NOT NULL,\n"
    "  hour TEXT NOT NULL,\n"
    "  owner TEXT NOT NULL,\n"
    "  epoch INTEGER NOT NULL,\n"
    "  lease_until_us INTEGER NOT NULL,\n"
    "  state TEXT NOT NULL,\n"
    "  attempts INTEGER NOT NULL,\n"
    "  next_try_us INTEGER NOT NULL,\n"
    "  last_error TEXT NOT NULL,\n"
    "  takeovers INTEGER NOT NULL DEFAULT 0,\n"
    "  PRIMARY KEY (pipeline, hour)\n"
    ") WITHOUT ROWID;\n"
    "CREATE TABLE IF NOT EXISTS sluice_attempt (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  pipeline TEXT NOT NULL,\n"
    "  run_id TEXT NOT NULL,\n"
    "  hour TEXT NOT NULL,\n"
    "  object TEXT NOT NULL,\n"
    "  error_name TEXT NOT NULL,\n"
    "  message TEXT NOT NULL,\n"
    "  rows_read INTEGER NOT NULL,\n"
    "  rows_loaded INTEGER NOT NULL,\n"
    "  rows_rejected INTEGER NOT NULL,\n"
    "  bytes INTEGER NOT NULL,\n"
    "  at_us INTEGER NOT NULL\n"
    ");\n"
    "CREATE TABLE IF NOT EXISTS sluice_reject (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  load_id INTEGER NOT NULL,\n"
    "  attempt_id INTEGER NOT NULL,\n"
    "  object TEXT NOT NULL,\n"
    "  line INTEGER NOT NULL,\n"
    "  \"offset\" INTEGER NOT NULL,\n"
    "  length INTEGER NOT NULL,\n"
    "  raw BLOB NOT NULL,\n"
    "  column_name TEXT NOT NULL,\n"
    "  error_name TEXT NOT NULL,\n"
    "  message TEXT NOT NULL,\n"
    "  replayed_by INTEGER NOT NULL\n"
    ");\n"
    "CREATE INDEX IF NOT EXISTS sluice_reject_load ON sluice_reject (load_id);\n"
    "CREATE TABLE IF NOT EXISTS sluice_check (\n"
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "  pipeline TEXT NOT NULL,\n"
    "  load_id INTEGER NOT NULL,\n"
    "  run_id TEXT NOT NULL,\n"
    "  hour TEXT NOT NULL,\n"
    "  object TEXT NOT NULL,\n"
    "  name TEXT NOT NULL,\n"
    "  column_name TEXT NOT NULL,\n"
    "  on_fire TEXT NOT NULL,\n"
    "  fired INTEGER NOT NULL,\n"
    "  count_broken INTEGER NOT NULL,\n"
    "  message TEXT NOT NULL,\n"
    "  at_us INTEGER NOT NULL\n"
    ");\n"
    "CREATE INDEX IF NOT EXISTS sluice_check_pipeline ON sluice_check (pipeline, id);\n"
    "CREATE INDEX IF NOT EXISTS sluice_check_load ON sluice_check (load_id);\n";

bool sqlite_is_numeric(const struct type *type)
{
    return type->kind == TYPE_DECIMAL && type->precision <= SQLITE_DECIMAL_EXACT;
}

const char *sqlite_declared_type(const struct type *type)
{
    switch (type_storage(type)) {
    case STORAGE_F64:
        return "REAL";
    case STORAGE_STR:
        return sqlite_is_numeric(type) ? "NUMERIC" : "TEXT";
    case STORAGE_I64:
        break;
    }
    return type->kind == TYPE_DATE || type->kind == TYPE_TIMESTAMP ? "TEXT" : "INTEGER";
}

static bool in_key(const struct sink_target *t, size_t column)
{
    for (size_t i = 0; i < t->nkey; i++)
        if (t->key[i] == column)
            return true;
    return false;
}

static enum err_code key_ddl(const struct sink_target *t, struct buf *sql, struct err *err)
{
    for (size_t i = 0; i < t->nkey; i++)
        if (buf_append_str(sql, i ? ", " : ",\n  PRIMARY KEY (", err) ||
            sqlite_quote(sql, schema_loaded(t->schema, t->key[i])->name, err))
            return err->code;
    return t->nkey ? buf_append_char(sql, ')', err) : ERR_OK;
}

static enum err_code table_ddl(const struct sink_target *t, struct buf *sql, struct err *err)
{
    bool strict = sqlite3_libversion_number() >= STRICT_SINCE;

    if (buf_append_str(sql, "CREATE TABLE IF NOT EXISTS ", err) || sqlite_quote(sql, t->table, err) ||
        buf_append_str(sql, " (", err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded; c++) {
        const struct schema_column *column = schema_loaded(t->schema, c);
        if (buf_append_str(sql, c ? ",\n  " : "\n  ", err) || sqlite_quote(sql, column->name, err) ||
            buf_printf(sql, err, " %s%s", sqlite_declared_type(&column->type),
                       column->nullable && !in_key(t, c) ? "" : " NOT NULL"))
            return err->code;
        if (sqlite_is_numeric(&column->type))
            strict = false; /* STRICT knows no NUMERIC */
    }
    if (t->lineage != LINEAGE_NONE && buf_append_str(sql, ",\n  _load INTEGER", err))
        return err->code;
    if (key_ddl(t, sql, err))
        return err->code;
    return buf_append_str(sql, strict ? "\n) STRICT;\n" : "\n);\n", err);
}

/* The view (and index) over _load. */
static enum err_code lineage_ddl(const struct sink_target *t, struct buf *sql, struct err *err)
{
    struct buf name;

    buf_init(&name, SQLITE_SQL_MAX);
    if (buf_printf(&name, err, "%s_lineage", t->table) ||
        buf_append_str(sql, "CREATE VIEW IF NOT EXISTS ", err) || sqlite_quote(sql, buf_str(&name), err) ||
        buf_append_str(sql, " AS\n  SELECT t.*, l.object AS _object, l.hour AS _hour FROM ", err) ||
        sqlite_quote(sql, t->table, err) ||
        buf_append_str(sql, " AS t LEFT JOIN sluice_load AS l ON l.id = t._load;\n", err))
        goto out;
    if (t->lineage != LINEAGE_INDEXED)
        goto out;
    buf_clear(&name);
    if (buf_printf(&name, err, "%s_load", t->table) ||
        buf_append_str(sql, "CREATE INDEX IF NOT EXISTS ", err) || sqlite_quote(sql, buf_str(&name), err) ||
        buf_append_str(sql, " ON ", err) || sqlite_quote(sql, t->table, err))
        goto out;
    (void)!buf_append_str(sql, " (_load);\n", err);
out:
    buf_release(&name);
    return err->code;
}

static enum err_code version_ddl(struct buf *sql, struct err *err)
{
    return buf_printf(sql, err,
                      "INSERT INTO sluice_schema (id, version) VALUES (1, %d)\n"
                      "  ON CONFLICT (id) DO UPDATE SET version = excluded.version;\n",
                      SQLITE_SCHEMA_VERSION);
}

/* What CREATE TABLE IF NOT EXISTS leaves of an older version: 1 had no takeovers (and 2 no sluice_check). */
static enum err_code upgrade_ddl(struct sqlite_sink *s, struct buf *sql, struct err *err)
{
    struct sink_state state = {0};
    sqlite3_stmt *stmt;
    bool there = false;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    (void)!sqlite_describe(&s->base, &state, err);
    buf_release(&state.problems);
    if (err->code || state.own != OWN_OLDER ||
        sqlite_prepare(s, "SELECT 1 FROM pragma_table_info('sluice_claim') WHERE name = 'takeovers'", 0,
                       &stmt, err))
        return err->code;
    struct bind b = bind_to(stmt);
    (void)!sqlite_row(s, &b, "setup", &there, err);
    sqlite3_finalize(stmt);
    if (err->code || there)
        return err->code;
    return buf_append_str(sql, "ALTER TABLE sluice_claim ADD COLUMN takeovers INTEGER NOT NULL DEFAULT 0;\n",
                          err);
}

static enum err_code print_ddl(struct sqlite_sink *s, struct buf *out, struct err *err)
{
    const struct sink_target *t = &s->base.target;

    if (buf_append_str(out, "BEGIN IMMEDIATE;\n", err) || upgrade_ddl(s, out, err) ||
        buf_append_str(out, OWN_DDL, err) || version_ddl(out, err) || table_ddl(t, out, err) ||
        sqlite_evolve(s, true, out, err) || (t->lineage != LINEAGE_NONE && lineage_ddl(t, out, err)))
        return err->code;
    return buf_append_str(out, "COMMIT;\n", err);
}

/* Inside the transaction: nobody changes the schema between the looks and the statements. */
static enum err_code make_tables(struct sqlite_sink *s, struct buf *sql, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct sink_state state = {0};
    bool lineage = false;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (sqlite_describe(&s->base, &state, err))
        goto out;
    if (state.own == OWN_NEWER) {
        err_set(err, ERRN_SCHEMA_NEWER, "%s: a newer sluice made its tables: use that version",
                s->base.label);
        goto out;
    }
    if (upgrade_ddl(s, sql, err) || buf_append_str(sql, OWN_DDL, err) || version_ddl(sql, err) ||
        (!state.table_exists && table_ddl(t, sql, err)) || sqlite_evolve(s, false, sql, err) ||
        sqlite_exec(s, buf_str(sql), "setup", err))
        goto out;
    if (t->lineage == LINEAGE_NONE || sqlite_has_column(s, "_load", &lineage, err) || !lineage)
        goto out;
    buf_clear(sql);
    if (lineage_ddl(t, sql, err) == ERR_OK)
        (void)!sqlite_exec(s, buf_str(sql), "setup", err);
out:
    buf_release(&state.problems);
    return err->code;
}

enum err_code sqlite_setup(struct sink *sink, struct buf *print, struct err *err)
{
    struct sqlite_sink *s = sqlite_of(sink);
    struct buf sql;

    if (print)
        return print_ddl(s, print, err);
    if (sqlite_begin_write(s, err))
        return err->code;
    buf_init(&sql, SQLITE_SQL_MAX);
    (void)!make_tables(s, &sql, err);
    buf_release(&sql);
    return sqlite_end_write(s, err);
}
