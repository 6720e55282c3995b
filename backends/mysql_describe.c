/*
 * mysql_describe: compares what the database has with what the pipeline wants, a line for each difference.
 *
 * A table column fits where MySQL keeps every value of the schema's type unchanged: then hash and scan agree
 * later. Columns are matched by name as MySQL does, without regard to case.
 *
 * Invariant: nothing is changed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backends/mysql_internal.h"
#include "core/sink/evolve.h"

enum { OF_TYPE_MAX = 256, DIGITS_MAX = 65 };

/* A column of the table, as SHOW FULL COLUMNS gives it. */
struct table_column {
    const char *name;
    const char *type;      /* "varchar(20)", "decimal(10,2)", "int(11) unsigned" */
    const char *collation; /* "" where it has none */
    bool nullable, has_default, automatic, generated;
};

static void read_column(const struct result *r, struct table_column *out)
{
    const char *extra = mys_col(r, 6);

    out->name = mys_col(r, 0);
    out->type = mys_col(r, 1);
    out->collation = mys_col(r, 2);
    out->nullable = strcasecmp(mys_col(r, 3), "YES") == 0;
    out->has_default = r->row[5] != NULL;
    out->automatic = strcasestr(extra, "auto_increment") != NULL;
    out->generated = strcasestr(extra, "generated") && !strcasestr(extra, "default_generated");
    out->has_default = out->has_default || strcasestr(extra, "default_generated");
}

static enum err_code columns_of(struct mys_sink *s, struct result *out, struct err *err)
{
    struct bind b = mys_bind(s, "SHOW FULL COLUMNS FROM ?", err);

    mys_name(&b, s->base.target.table);
    return mys_query(&b, "schema", out, err);
}

/* The engine of a table ("" of a view). Names compare as the server compares them: an exact one goes first.
 */
static enum err_code find_table(struct mys_sink *s, const char *name, bool *there, char *engine, size_t size,
                                struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s,
                             "SELECT table_name, engine, @@lower_case_table_names FROM"
                             " information_schema.tables WHERE table_schema = DATABASE() AND table_name = "
                             "CONVERT(? USING utf8mb4)",
                             err);

    *there = false;
    mys_text(&b, name);
    if (mys_query(&b, "schema", &r, err))
        return err->code;
    while (!*there && mys_next(&r)) {
        *there = mys_col_int(&r, 2) != 0 || strcmp(mys_col(&r, 0), name) == 0;
        if (*there && engine)
            mys_col_text(&r, 1, engine, size);
    }
    mys_done(&r);
    return ERR_OK;
}

enum err_code mys_has_table(struct mys_sink *s, const char *name, bool *there, struct err *err)
{
    return find_table(s, name, there, NULL, 0, err);
}

enum err_code mys_has_own(struct mys_sink *s, bool *there, struct err *err)
{
    if (!s->own_seen && mys_has_table(s, "sluice_schema", &s->own_seen, err))
        return err->code;
    *there = s->own_seen;
    return ERR_OK;
}

enum err_code mys_has_column(struct mys_sink *s, const char *name, bool *there, struct err *err)
{
    struct result r;

    *there = false;
    if (columns_of(s, &r, err))
        return err->code;
    while (mys_next(&r))
        *there = *there || strcasecmp(mys_col(&r, 0), name) == 0;
    mys_done(&r);
    return ERR_OK;
}

/* ---- types ---- */

/* "decimal(10,2) unsigned" as name and numbers; -1 where a number is not there. */
struct declared {
    char name[OF_TYPE_MAX];
    long first, second;
    bool is_unsigned;
};

static struct declared parse_declared(const char *type)
{
    struct declared d = {.first = -1, .second = -1};
    size_t n = strcspn(type, "( ");

    if (n >= sizeof d.name)
        n = sizeof d.name - 1;
    memcpy(d.name, type, n);
    d.is_unsigned = strcasestr(type, "unsigned") != NULL;
    if (type[n] == '(') {
        char *end;
        d.first = strtol(type + n + 1, &end, 10);
        if (*end == ',')
            d.second = strtol(end + 1, NULL, 10);
    }
    return d;
}

static int int_rank(const char *name)
{
    static const char *const RANKS[] = {"tinyint", "smallint", "mediumint", "int", "bigint"};

    for (int i = 0; i < 5; i++)
        if (strcasecmp(name, RANKS[i]) == 0)
            return i;
    return -1;
}

static bool is(const struct declared *d, const char *name)
{
    return strcasecmp(d->name, name) == 0;
}

static bool fits_int(const struct type *type, const struct declared *d)
{
    static const int NEEDED[] = {
        [TYPE_BOOLEAN] = 0, [TYPE_TINYINT] = 0, [TYPE_SMALLINT] = 1, [TYPE_INT] = 3, [TYPE_BIGINT] = 4};

    return int_rank(d->name) >= NEEDED[type->kind] && (!d->is_unsigned || type->kind == TYPE_BOOLEAN);
}

static bool fits_text(const struct type *type, const struct declared *d, const char *collation)
{
    bool text = is(d, "text") || is(d, "mediumtext") || is(d, "longtext");

    if (strncasecmp(collation, "utf8mb4_", 8) != 0)
        return false;
    return text || (type->kind == TYPE_VARCHAR && is(d, "varchar") && d->first >= (long)type->length);
}

static bool fits(const struct type *type, const struct table_column *have)
{
    struct declared d = parse_declared(have->type);

    switch (type->kind) {
    case TYPE_FLOAT:
        return (is(&d, "float") || is(&d, "double")) && d.second < 0 && !d.is_unsigned;
    case TYPE_DOUBLE:
        return is(&d, "double") && d.second < 0 && !d.is_unsigned;
    case TYPE_DECIMAL:
        return is(&d, "decimal") && !d.is_unsigned && d.second >= (long)type->scale &&
               d.first - d.second >= (long)(type->precision - type->scale);
    case TYPE_VARCHAR:
    case TYPE_TEXT:
        return fits_text(type, &d, have->collation);
    case TYPE_DATE:
        return is(&d, "date");
    case TYPE_TIMESTAMP:
        return is(&d, "datetime") && d.first == 6;
    default:
        return fits_int(type, &d);
    }
}

/* ---- judging ---- */

static enum err_code judge_column(const struct sink_target *t, size_t c, const struct table_column *have,
                                  struct buf *out, struct err *err)
{
    const struct schema_column *want = schema_loaded(t->schema, c);
    char type[TYPE_TEXT_MAX], made[MYS_TYPE_MAX];

    type_format(&want->type, type);
    mys_declared(t, c, made);
    if (have->generated)
        return buf_printf(out, err, "column %s of table %s is generated: leave it out of the schema\n",
                          want->name, t->table);
    if (!fits(&want->type, have) &&
        buf_printf(
            out, err,
            "column %s of table %s is %s%s%s, which changes values of %s: make it %s (no contract changes "
            "a type: ALTER TABLE ... MODIFY COLUMN ... %s %s does)\n",
            want->name, t->table, have->type, have->collation[0] ? " " : "", have->collation, type, made,
            made, have->nullable ? "NULL" : "NOT NULL"))
        return err->code;
    if (!have->nullable && want->nullable && !mys_in_key(t, c))
        return buf_printf(out, err,
                          "column %s of table %s is NOT NULL: say nullable: false in the schema, or drop the "
                          "constraint\n",
                          want->name, t->table);
    return ERR_OK;
}

/* A column that the schema does not have. */
static enum err_code judge_extra(const struct sink_target *t, const struct table_column *have,
                                 struct sink_state *state, struct err *err)
{
    struct declared d = parse_declared(have->type);
    bool load = strcasecmp(have->name, "_load") == 0;

    state->has_lineage = state->has_lineage || load;
    if (!load && !have->generated)
        sink_put_name(have->name, state->others_names, &state->others);
    if (load && t->lineage != LINEAGE_NONE)
        return is(&d, "bigint")
                   ? ERR_OK
                   : buf_printf(&state->problems, err, "column _load of table %s is %s: make it BIGINT\n",
                                t->table, have->type);
    if (have->nullable || have->has_default || have->automatic || have->generated)
        return ERR_OK;
    return buf_printf(&state->problems, err,
                      "column %s of table %s is NOT NULL without a default and not in the schema: give it a "
                      "default, or add it to the schema\n",
                      have->name, t->table);
}

/* A column that is not there. */
static enum err_code judge_missing(struct mys_sink *s, size_t c, struct sink_state *state, struct err *err)
{
    struct buf alter;
    bool rows;

    buf_init(&alter, MYS_SQL_MAX);
    if (mys_has_rows(s, &rows, err) == ERR_OK && mys_put_add(&s->base.target, c, &alter, err) == ERR_OK)
        (void)!sink_lacks_column(&s->base.target, c, rows, buf_str(&alter), state, err);
    buf_release(&alter);
    return err->code;
}

static enum err_code judge_table(struct mys_sink *s, struct sink_state *state, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct result r;

    if (columns_of(s, &r, err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded && !err->code; c++) {
        const char *name = schema_loaded(t->schema, c)->name;
        bool there = false;
        mysql_data_seek(r.res, 0);
        while (!err->code && mys_next(&r)) {
            struct table_column have;
            read_column(&r, &have);
            if (strcasecmp(have.name, name) == 0) {
                there = true;
                (void)!judge_column(t, c, &have, &state->problems, err);
            }
        }
        if (!there && !err->code)
            (void)!judge_missing(s, c, state, err);
    }
    mysql_data_seek(r.res, 0);
    while (!err->code && mys_next(&r)) {
        struct table_column have;
        bool wanted = false;
        read_column(&r, &have);
        for (size_t c = 0; c < t->schema->nloaded && !wanted; c++)
            wanted = strcasecmp(have.name, schema_loaded(t->schema, c)->name) == 0;
        if (!wanted)
            (void)!judge_extra(t, &have, state, err);
    }
    mys_done(&r);
    if (!err->code && t->lineage != LINEAGE_NONE && !state->has_lineage)
        return buf_printf(&state->problems, err,
                          "table %s has no column _load: ALTER TABLE ... ADD COLUMN _load BIGINT, or say "
                          "target.lineage: false\n",
                          t->table);
    return err->code;
}

static enum err_code read_version(struct mys_sink *s, enum own_tables *own, struct err *err)
{
    int64_t version;
    bool there = false;

    *own = OWN_MISSING;
    if (mys_has_own(s, &there, err) || !there)
        return err->code;
    struct bind b = mys_bind(s, "SELECT version FROM sluice_schema WHERE id = 1", err);
    if (mys_query_int(&b, "schema", &version, err))
        return err->code;
    *own = version == MYS_SCHEMA_VERSION ? OWN_CURRENT : version < MYS_SCHEMA_VERSION ? OWN_OLDER : OWN_NEWER;
    return ERR_OK;
}

static enum err_code describe(struct mys_sink *s, struct sink_state *state, struct err *err)
{
    const char *table = s->base.target.table;
    char engine[OF_TYPE_MAX] = "";

    if (read_version(s, &state->own, err) ||
        find_table(s, table, &state->table_exists, engine, sizeof engine, err) || !state->table_exists)
        return err->code;
    if (!engine[0])
        return buf_printf(&state->problems, err, "%s is a view: name a table in target.table\n", table);
    if (strcasecmp(engine, "InnoDB") != 0 &&
        buf_printf(&state->problems, err,
                   "table %s is kept by %s, which cannot roll back: ALTER TABLE ... ENGINE = InnoDB\n", table,
                   engine))
        return err->code;
    return judge_table(s, state, err);
}

enum err_code mys_describe(struct sink *sink, struct sink_state *state, struct err *err)
{
    struct mys_sink *s = mys_of(sink);

    (void)!describe(s, state, err);
    mys_end_read(s);
    return err->code;
}

enum err_code mys_has_foreign_rows(struct sink *sink, bool *any, struct err *err)
{
    struct mys_sink *s = mys_of(sink);
    bool there = false, own = false, lineage = false;
    int64_t found = 0;

    if (mys_has_own(s, &own, err) || mys_has_table(s, sink->target.table, &there, err) || !there)
        goto out;
    if (own && sink->target.lineage != LINEAGE_NONE && mys_has_column(s, "_load", &lineage, err))
        goto out;
    struct bind b = mys_bind(s,
                             lineage ? "SELECT 1 FROM ? AS t WHERE _load IS NULL OR NOT EXISTS"
                                       " (SELECT 1 FROM sluice_load AS l WHERE l.id = t._load) LIMIT 1"
                                     : "SELECT 1 FROM ? LIMIT 1",
                             err);
    mys_name(&b, sink->target.table);
    if (mys_query_int(&b, "table", &found, err) == ERR_OK)
        *any = found != 0;
out:
    mys_end_read(s);
    return err->code;
}
