/*
 * mysql_schema: the DDL of the target table and of sluice's own tables, and setup.
 *
 * Invariants: MySQL commits at each DDL statement, so setup is no transaction: every statement may run again,
 * one setup runs at a time in a database (GET_LOCK), and the version row comes last. What is printed is what
 * would be run. The target table is made only where there is none: what is there already is never altered but
 * for columns that target.evolve adds to its end and the index of lineage, describe judges it. Keys of own
 * tables are VARBINARY, so that they compare by bytes.
 *
 *   own tables: missing | older -setup-> current;  newer: refused
 */
#include <stdio.h>

#include "backends/mysql_internal.h"

enum {
    LOCK_WAIT_S = 60,
    ROW_BYTES = 60000,   /* of varchars; MySQL's rows end at 65,535 */
    VARCHAR_SHORT = 255, /* in a row over that, longer ones that are no key become LONGTEXT */
};

#define TABLE_END "\n) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin ROW_FORMAT = DYNAMIC"
#define ASCII     " CHARACTER SET ascii COLLATE ascii_bin NOT NULL"

static const char *const OWN_DDL[] = {
    "CREATE TABLE IF NOT EXISTS sluice_schema (\n"
    "  id TINYINT NOT NULL PRIMARY KEY,\n"
    "  version INT NOT NULL" TABLE_END,
    "CREATE TABLE IF NOT EXISTS sluice_load (\n"
    "  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n"
    "  pipeline VARBINARY(64) NOT NULL,\n"
    "  object VARBINARY(1024) NOT NULL,\n"
    "  chunk BIGINT NOT NULL,\n"
    "  etag VARBINARY(128) NOT NULL,\n"
    "  content CHAR(32)" ASCII ",\n"
    "  hour CHAR(13)" ASCII ",\n"
    "  kind VARCHAR(16)" ASCII ",\n"
    "  last TINYINT NOT NULL,\n"
    "  byte_start BIGINT NOT NULL,\n"
    "  byte_end BIGINT NOT NULL,\n"
    "  first_line BIGINT NOT NULL,\n"
    "  next_line BIGINT NOT NULL,\n"
    "  chunk_rows BIGINT NOT NULL,\n"
    "  bytes BIGINT NOT NULL,\n"
    "  rows_read BIGINT NOT NULL,\n"
    "  rows_loaded BIGINT NOT NULL,\n"
    "  rows_rejected BIGINT NOT NULL,\n"
    "  row_hash CHAR(16)" ASCII ",\n"
    "  schema_hash CHAR(16)" ASCII ",\n"
    "  load_method VARCHAR(32)" ASCII ",\n"
    "  run_id VARBINARY(32) NOT NULL,\n"
    "  header LONGBLOB,\n"
    "  started_us BIGINT NOT NULL,\n"
    "  finished_us BIGINT NOT NULL,\n"
    "  UNIQUE KEY object (pipeline, object, chunk),\n"
    "  KEY hour (pipeline, hour, object, chunk)" TABLE_END,
    "CREATE TABLE IF NOT EXISTS sluice_claim (\n"
    "  pipeline VARBINARY(64) NOT NULL,\n"
    "  hour CHAR(13)" ASCII ",\n"
    "  owner VARBINARY(200) NOT NULL,\n"
    "  epoch BIGINT NOT NULL,\n"
    "  lease_until_us BIGINT NOT NULL,\n"
    "  state VARCHAR(16)" ASCII ",\n"
    "  attempts INT NOT NULL,\n"
    "  next_try_us BIGINT NOT NULL,\n"
    "  last_error VARBINARY(1024) NOT NULL,\n"
    "  takeovers INT NOT NULL DEFAULT 0,\n"
    "  PRIMARY KEY (pipeline, hour)" TABLE_END,
    "CREATE TABLE IF NOT EXISTS sluice_attempt (\n"
    "  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n"
    "  pipeline VARBINARY(64) NOT NULL,\n"
    "  run_id VARBINARY(32) NOT NULL,\n"
    "  hour CHAR(13)" ASCII ",\n"
    "  object VARBINARY(1024) NOT NULL,\n"
    "  error_name VARCHAR(32)" ASCII ",\n"
    "  message VARBINARY(1024) NOT NULL,\n"
    "  rows_read BIGINT NOT NULL,\n"
    "  rows_loaded BIGINT NOT NULL,\n"
    "  rows_rejected BIGINT NOT NULL,\n"
    "  bytes BIGINT NOT NULL,\n"
    "  at_us BIGINT NOT NULL" TABLE_END,
    "CREATE TABLE IF NOT EXISTS sluice_reject (\n"
    "  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n"
    "  load_id BIGINT NOT NULL,\n"
    "  attempt_id BIGINT NOT NULL,\n"
    "  object VARBINARY(1024) NOT NULL,\n"
    "  line BIGINT NOT NULL,\n"
    "  `offset` BIGINT NOT NULL,\n"
    "  length BIGINT NOT NULL,\n"
    "  raw LONGBLOB NOT NULL,\n"
    "  column_name VARBINARY(256) NOT NULL,\n"
    "  error_name VARCHAR(32)" ASCII ",\n"
    "  message VARBINARY(256) NOT NULL,\n"
    "  replayed_by BIGINT NOT NULL,\n"
    "  KEY load_id (load_id)" TABLE_END,
    "CREATE TABLE IF NOT EXISTS sluice_check (\n"
    "  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n"
    "  pipeline VARBINARY(64) NOT NULL,\n"
    "  load_id BIGINT NOT NULL,\n"
    "  run_id VARBINARY(32) NOT NULL,\n"
    "  hour VARCHAR(13)" ASCII ",\n"
    "  object VARBINARY(1024) NOT NULL,\n"
    "  name VARBINARY(256) NOT NULL,\n"
    "  column_name VARBINARY(256) NOT NULL,\n"
    "  on_fire VARCHAR(16)" ASCII ",\n"
    "  fired TINYINT NOT NULL,\n"
    "  count_broken BIGINT NOT NULL,\n"
    "  message VARBINARY(1024) NOT NULL,\n"
    "  at_us BIGINT NOT NULL,\n"
    "  KEY pipeline (pipeline, id),\n"
    "  KEY load_id (load_id)" TABLE_END,
};
enum { OWN_COUNT = sizeof OWN_DDL / sizeof *OWN_DDL };

/* ---- the target table ---- */

bool mys_in_key(const struct sink_target *t, size_t column)
{
    for (size_t i = 0; i < t->nkey; i++)
        if (t->key[i] == column)
            return true;
    return false;
}

static bool is_wide(const struct schema *schema)
{
    size_t bytes = 0;

    for (size_t c = 0; c < schema->nloaded; c++)
        if (schema_loaded(schema, c)->type.kind == TYPE_VARCHAR)
            bytes += 4 * (size_t)schema_loaded(schema, c)->type.length + 2;
    return bytes > ROW_BYTES;
}

void mys_declared(const struct sink_target *t, size_t column, char out[MYS_TYPE_MAX])
{
    static const char *const PLAIN[] = {
        [TYPE_BOOLEAN] = "TINYINT", [TYPE_TINYINT] = "TINYINT", [TYPE_SMALLINT] = "SMALLINT",
        [TYPE_INT] = "INT",         [TYPE_BIGINT] = "BIGINT",   [TYPE_FLOAT] = "FLOAT",
        [TYPE_DOUBLE] = "DOUBLE",   [TYPE_DATE] = "DATE",       [TYPE_TIMESTAMP] = "DATETIME(6)"};
    static const char TEXT[] = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
    const struct type *type = &schema_loaded(t->schema, column)->type;

    if (type->kind == TYPE_DECIMAL)
        (void)!snprintf(out, MYS_TYPE_MAX, "DECIMAL(%u,%u)", type->precision, type->scale);
    else if (type->kind == TYPE_VARCHAR &&
             (type->length <= VARCHAR_SHORT || mys_in_key(t, column) || !is_wide(t->schema)))
        (void)!snprintf(out, MYS_TYPE_MAX, "VARCHAR(%u) %s", type->length, TEXT);
    else if (type->kind == TYPE_VARCHAR || type->kind == TYPE_TEXT)
        (void)!snprintf(out, MYS_TYPE_MAX, "LONGTEXT %s", TEXT);
    else
        (void)!snprintf(out, MYS_TYPE_MAX, "%s", PLAIN[type->kind]);
}

static enum err_code table_ddl(const struct sink_target *t, struct buf *sql, struct err *err)
{
    char type[MYS_TYPE_MAX];

    if (buf_append_str(sql, "CREATE TABLE IF NOT EXISTS ", err) || mys_quote(sql, t->table, err) ||
        buf_append_str(sql, " (", err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded; c++) {
        const struct schema_column *column = schema_loaded(t->schema, c);
        bool null = column->nullable && !mys_in_key(t, c);
        mys_declared(t, c, type);
        if (buf_append_str(sql, c ? ",\n  " : "\n  ", err) || mys_quote(sql, column->name, err) ||
            buf_printf(sql, err, " %s %s", type, null ? "NULL" : "NOT NULL"))
            return err->code;
    }
    if (t->lineage != LINEAGE_NONE && buf_append_str(sql, ",\n  _load BIGINT NULL", err))
        return err->code;
    for (size_t i = 0; i < t->nkey; i++)
        if (buf_append_str(sql, i ? ", " : ",\n  PRIMARY KEY (", err) ||
            mys_quote(sql, schema_loaded(t->schema, t->key[i])->name, err))
            return err->code;
    if ((t->nkey && buf_append_char(sql, ')', err)) ||
        (t->lineage == LINEAGE_INDEXED && buf_append_str(sql, ",\n  KEY _load (_load)", err)))
        return err->code;
    return buf_append_str(sql, TABLE_END, err);
}

enum err_code mys_quote_view(struct buf *sql, const struct sink_target *t, struct err *err)
{
    struct buf name;

    buf_init(&name, MYS_SQL_MAX);
    if (buf_printf(&name, err, "%s_lineage", t->table) == ERR_OK)
        (void)!mys_quote(sql, buf_str(&name), err);
    buf_release(&name);
    return err->code;
}

static enum err_code view_ddl(const struct sink_target *t, struct buf *sql, struct err *err)
{
    if (buf_append_str(sql, "CREATE OR REPLACE VIEW ", err) || mys_quote_view(sql, t, err) ||
        buf_append_str(sql, " AS\n  SELECT t.*, l.object AS _object, l.hour AS _hour FROM ", err) ||
        mys_quote(sql, t->table, err))
        return err->code;
    return buf_append_str(sql, " AS t LEFT JOIN sluice_load AS l ON l.id = t._load", err);
}

static enum err_code version_ddl(struct buf *sql, struct err *err)
{
    return buf_printf(sql, err,
                      "INSERT INTO sluice_schema (id, version) VALUES (1, %d)"
                      " ON DUPLICATE KEY UPDATE version = %d",
                      MYS_SCHEMA_VERSION, MYS_SCHEMA_VERSION);
}

/* ---- setup ---- */

#define UPGRADE_DDL "ALTER TABLE sluice_claim ADD COLUMN takeovers INT NOT NULL DEFAULT 0"

/* Whether CREATE TABLE IF NOT EXISTS leaves tables of an older version: 1 had no takeovers (and 2 no
 * sluice_check). */
static enum err_code needs_upgrade(struct mys_sink *s, const struct sink_state *state, bool *needs,
                                   struct err *err)
{
    int64_t there = 0;

    *needs = false;
    if (state->own != OWN_OLDER)
        return ERR_OK;
    struct bind b = mys_bind(s,
                             "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()"
                             " AND table_name = 'sluice_claim' AND column_name = 'takeovers'",
                             err);
    *needs = mys_query_int(&b, "setup", &there, err) == ERR_OK && there == 0;
    return err->code;
}

#define ADD_INDEX "ALTER TABLE ? ADD INDEX _load (_load)"

enum err_code mys_has_index(struct mys_sink *s, bool *there, struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, "SHOW INDEX FROM ? WHERE Column_name = '_load' AND Seq_in_index = 1", err);

    mys_name(&b, s->base.target.table);
    if (mys_query(&b, "setup", &r, err))
        return err->code;
    *there = mys_next(&r);
    mys_done(&r);
    return ERR_OK;
}

static enum err_code print_index(struct mys_sink *s, struct buf *out, struct err *err)
{
    bool there;

    if (mys_has_index(s, &there, err) || there)
        return err->code;
    struct bind b = mys_bind(s, ADD_INDEX ";\n", err);
    mys_name(&b, s->base.target.table);
    return err->code ? err->code : buf_append_str(out, buf_str(&s->sql), err);
}

/* What is there already and would be altered. */
static enum err_code print_alter(struct mys_sink *s, struct buf *out, struct err *err)
{
    struct sink_state state = {0};
    bool needs = false;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (mys_describe(&s->base, &state, err) == ERR_OK && needs_upgrade(s, &state, &needs, err) == ERR_OK &&
        (!needs || buf_append_str(out, UPGRADE_DDL ";\n", err) == ERR_OK) && state.table_exists &&
        mys_evolve(s, out, err) == ERR_OK && state.has_lineage && s->base.target.lineage == LINEAGE_INDEXED)
        (void)!print_index(s, out, err);
    buf_release(&state.problems);
    mys_end_read(s);
    return err->code;
}

static enum err_code print_ddl(struct mys_sink *s, struct buf *out, struct err *err)
{
    const struct sink_target *t = &s->base.target;

    for (size_t i = 0; i < OWN_COUNT; i++)
        if (buf_printf(out, err, "%s;\n", OWN_DDL[i]))
            return err->code;
    if (print_alter(s, out, err) || table_ddl(t, out, err) || buf_append_str(out, ";\n", err))
        return err->code;
    if (t->lineage != LINEAGE_NONE && (view_ddl(t, out, err) || buf_append_str(out, ";\n", err)))
        return err->code;
    if (version_ddl(out, err))
        return err->code;
    return buf_append_str(out, ";\nCOMMIT;\n", err);
}

/* Builds one statement by `make` and runs it. */
static enum err_code run_ddl(struct mys_sink *s,
                             enum err_code (*make)(const struct sink_target *, struct buf *, struct err *),
                             struct err *err)
{
    struct bind b = mys_bind(s, "", err);

    if (make(&s->base.target, &s->sql, err))
        return err->code;
    return mys_run(&b, "setup", NULL, err);
}

static enum err_code add_index(struct mys_sink *s, struct err *err)
{
    bool there;

    if (mys_has_index(s, &there, err) || there)
        return err->code;
    struct bind b = mys_bind(s, ADD_INDEX, err);
    mys_name(&b, s->base.target.table);
    return mys_run(&b, "setup", NULL, err);
}

static enum err_code make_tables(struct mys_sink *s, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct sink_state state = {0};
    bool older;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (mys_describe(&s->base, &state, err))
        goto out;
    if (state.own == OWN_NEWER) {
        err_set(err, ERRN_SCHEMA_NEWER, "%s: a newer sluice made its tables: use that version",
                s->base.label);
        goto out;
    }
    for (size_t i = 0; i < OWN_COUNT; i++)
        if (mys_exec(s, OWN_DDL[i], "setup", err))
            goto out;
    if (needs_upgrade(s, &state, &older, err) || (older && mys_exec(s, UPGRADE_DDL, "setup", err)))
        goto out;
    if (state.table_exists ? mys_evolve(s, NULL, err) : run_ddl(s, table_ddl, err))
        goto out;
    if (t->lineage != LINEAGE_NONE && (!state.table_exists || state.has_lineage)) {
        if (run_ddl(s, view_ddl, err) || (t->lineage == LINEAGE_INDEXED && add_index(s, err)))
            goto out;
    }
    struct bind b = mys_bind(s, "", err);
    if (version_ddl(&s->sql, err) == ERR_OK)
        (void)!mys_run(&b, "setup", NULL, err);
out:
    buf_release(&state.problems);
    return err->code;
}

enum err_code mys_setup(struct sink *sink, struct buf *print, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    struct err ignored = ERR_INIT;
    int64_t got;

    if (print)
        return print_ddl(s, print, err);
    struct bind b = mys_bind(s, "SELECT GET_LOCK(CONCAT('sluice ', SHA2(DATABASE(), 224)), ?)", err);
    mys_int(&b, LOCK_WAIT_S);
    if (mys_query_int(&b, "setup", &got, err))
        return err->code;
    if (got != 1)
        return err_set(err, ERRN_DB_BUSY, "%s: another setup has run for %d s", sink->label, LOCK_WAIT_S);
    (void)!make_tables(s, err);
    (void)!mys_end(s, err);
    b = mys_bind(s, "SELECT RELEASE_LOCK(CONCAT('sluice ', SHA2(DATABASE(), 224)))", &ignored);
    (void)!mys_query_int(&b, "setup", &got, &ignored);
    mys_end_read(s);
    return err->code;
}
