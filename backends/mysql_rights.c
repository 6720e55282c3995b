/*
 * mysql_rights: what this user may do here, found out by asking for it without doing it.
 *
 * Grants name patterns, columns and roles, and servers differ in how those add up; so they are not read. An
 * EXPLAIN of a statement needs the rights of the statement, and is refused as it would be, also where the
 * table is not there yet, and where the server takes no writes (from this user: some may write to a read-only
 * server). A PREPARE of a CREATE does the same for rights to create.
 *
 * What lacks on tables that are not there (or not for this user's eyes) is one line for the database: no
 * server takes a GRANT on a table that it does not have.
 *
 * Invariant: nothing is written or made, and no lock is kept.
 */
#include <string.h>

#include "backends/mysql_internal.h"

/* The codes of a refusal. */
enum {
    DB_DENIED = 1044,
    TABLE_DENIED = 1142,
    COLUMN_DENIED = 1143,
    READ_ONLY_OPTION = 1290,
    READ_ONLY_TRANSACTION = 1792,
    READ_ONLY_MODE = 1836,
};

/* The statements of sluice on its own tables, beside SELECT; `column` is one of the table's. */
static const struct need {
    const char *table, *column;
    bool insert, update;
    bool replaced; /* rows are deleted where a load is replaced, which lineage allows */
} OWN[] = {
    {"sluice_schema", "version", false, false, false},  {"sluice_load", "etag", true, true, true},
    {"sluice_claim", "owner", true, true, false},       {"sluice_attempt", "at_us", true, false, false},
    {"sluice_reject", "replayed_by", true, true, true}, {"sluice_check", "at_us", true, false, true}};

enum right { R_SELECT, R_INSERT, R_UPDATE, R_DELETE, R_ALTER, R_CREATE, R_VIEW, RIGHTS };
static const char *const WORDS[RIGHTS] = {"SELECT", "INSERT", "UPDATE",           "DELETE",
                                          "ALTER",  "CREATE", "CREATE VIEW, DROP" /* its older self */};

struct asking {
    struct mys_sink *s;
    unsigned lacks;   /* of the table in question: 1 << right */
    unsigned missing; /* of all tables that are not there */
    struct buf *out;
    struct err *err;
};

/* Judges the answer to a statement that was sent. */
static void judge(struct asking *a, enum right right, struct err *answer)
{
    struct err *err = a->err;
    long code = answer->native;

    if (!answer->code)
        return;
    if (code == DB_DENIED || code == TABLE_DENIED || code == COLUMN_DENIED)
        a->lacks |= 1U << right;
    else if (code == READ_ONLY_TRANSACTION)
        err_set_native(
            err, ERRN_READ_ONLY, code,
            "%s: this server's transactions take no writes: SET GLOBAL transaction_read_only = OFF "
            "(MariaDB: tx_read_only)",
            a->s->base.label);
    else if (code == READ_ONLY_OPTION || code == READ_ONLY_MODE)
        err_set_native(err, ERRN_READ_ONLY, code,
                       "%s: this server takes no writes: %s: name the one that does (the primary, the "
                       "cluster's writer) in target.url",
                       a->s->base.label, mysql_error(a->s->db));
    else if (answer->name == ERRN_DB_LOST || answer->code == ERR_NOMEM)
        *err = *answer; /* anything else is no question of rights: a table that is not there */
}

static void ask(struct asking *a, struct bind *b, enum right right, struct err *answer)
{
    struct result r = {0};

    if (a->err->code)
        return;
    if (mys_query(b, "rights", &r, answer) == ERR_OK)
        mys_done(&r);
    judge(a, right, answer);
}

/* EXPLAIN of a statement about one column of a table. */
static void ask_dml(struct asking *a, enum right right, const char *table, const char *column)
{
    static const char *const SQL[] = {[R_SELECT] = "EXPLAIN SELECT 1 FROM ? WHERE ? IS NULL",
                                      [R_INSERT] = "EXPLAIN INSERT INTO ? (?) VALUES (NULL)",
                                      [R_UPDATE] = "EXPLAIN UPDATE ? SET ? = NULL",
                                      [R_DELETE] = "EXPLAIN DELETE FROM ?"};
    struct err answer = ERR_INIT;
    struct bind b = mys_bind(a->s, SQL[right], &answer);

    mys_name(&b, table);
    if (right != R_DELETE)
        mys_name(&b, column);
    ask(a, &b, right, &answer);
}

static void ask_create(struct asking *a, const char *sql, enum right right)
{
    struct mys_sink *s = a->s;
    struct err answer = ERR_INIT;

    if (a->err->code)
        return;
    buf_clear(&s->sql);
    if (buf_append_str(&s->sql, "PREPARE sluice_trial FROM '", a->err) ||
        mys_put_escaped(&s->sql, sql, strlen(sql), a->err) || buf_append_char(&s->sql, '\'', a->err))
        return;
    if (mys_send(s, "rights", &answer) == ERR_OK)
        (void)!mys_exec(s, "DEALLOCATE PREPARE sluice_trial", "rights", &answer);
    judge(a, right, &answer);
}

/* Who we are to GRANT, as it has to be written. */
static enum err_code put_user(struct mys_sink *s, struct buf *out, struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s,
                             "SELECT QUOTE(LEFT(CURRENT_USER(), CHAR_LENGTH(CURRENT_USER()) - 1 - "
                             "CHAR_LENGTH(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))), "
                             "QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1))",
                             err);

    if (mys_query(&b, "rights", &r, err))
        return err->code;
    if (mys_next(&r))
        (void)!buf_printf(out, err, "%s@%s", mys_col(&r, 0), mys_col(&r, 1));
    mys_done(&r);
    return err->code;
}

static enum err_code put_database(struct mys_sink *s, struct buf *out, struct err *err)
{
    struct result r;
    struct bind b = mys_bind(s, "SELECT DATABASE()", err);

    if (mys_query(&b, "rights", &r, err))
        return err->code;
    if (mys_next(&r))
        (void)!mys_quote(out, mys_col(&r, 0), err);
    mys_done(&r);
    return err->code;
}

static enum err_code put_rights(unsigned rights, struct buf *out, struct err *err)
{
    for (int i = 0, n = 0; i < RIGHTS && !err->code; i++)
        if (rights & 1U << i)
            (void)!buf_printf(out, err, "%s%s", n++ ? ", " : "", WORDS[i]);
    return err->code;
}

/* The line for these rights on `table`, NULL for the database. */
static void put_line(struct asking *a, unsigned rights, const char *table)
{
    struct err *err = a->err;
    struct buf *out = a->out;

    if (err->code || !rights || buf_append_str(out, "the user lacks ", err) || put_rights(rights, out, err) ||
        buf_printf(out, err, " on %s%s: GRANT ", table ? "table " : "the database", table ? table : "") ||
        put_rights(rights, out, err) || buf_append_str(out, " ON ", err) || put_database(a->s, out, err) ||
        buf_append_char(out, '.', err) ||
        (table ? mys_quote(out, table, err) : buf_append_char(out, '*', err)) ||
        buf_append_str(out, " TO ", err) || put_user(a->s, out, err))
        return;
    (void)!buf_append_char(out, '\n', err);
}

/* All of a table has been asked for. */
static void conclude(struct asking *a, const char *table, bool there)
{
    if (there)
        put_line(a, a->lacks, table);
    else
        a->missing |= a->lacks;
    a->lacks = 0;
}

/* `makes`: setup will run, which alone writes the version. An older version lacks tables that it makes. */
static void ask_own(struct asking *a, enum own_tables own, bool makes)
{
    bool lineage = a->s->base.target.lineage != LINEAGE_NONE;

    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        const struct need *n = &OWN[i];
        bool there = own != OWN_MISSING;
        if (a->err->code || (own == OWN_OLDER && mys_has_table(a->s, n->table, &there, a->err)))
            return;
        ask_dml(a, R_SELECT, n->table, n->column);
        if (n->insert || makes)
            ask_dml(a, R_INSERT, n->table, n->column);
        if (n->update || (!n->insert && makes))
            ask_dml(a, R_UPDATE, n->table, n->column);
        if (n->replaced && lineage)
            ask_dml(a, R_DELETE, n->table, NULL);
        conclude(a, n->table, there);
    }
}

/* The one statement that is sent as it is, for a PREPARE of an ALTER asks for no right: it adds a column that
 * is there, so that what is refused for another reason is allowed. */
static void ask_alter(struct asking *a)
{
    const char *table = a->s->base.target.table;
    struct err answer = ERR_INIT;
    struct result r;
    struct bind b = mys_bind(a->s, "SHOW COLUMNS FROM ?", a->err);

    mys_name(&b, table);
    if (a->err->code || mys_query(&b, "rights", &r, a->err))
        return;
    if (mys_next(&r)) {
        b = mys_bind(a->s, "ALTER TABLE ? ADD COLUMN ? INT NULL", &answer);
        mys_name(&b, table);
        mys_name(&b, mys_col(&r, 0));
        (void)!mys_run(&b, "rights", NULL, &answer);
        judge(a, R_ALTER, &answer);
    }
    mys_done(&r);
}

/* A right may be given for each column: all that are loaded are asked for. */
static void ask_target(struct asking *a, bool there, bool alters)
{
    const struct sink_target *t = &a->s->base.target;
    bool lineage = t->lineage != LINEAGE_NONE;

    for (size_t c = 0; c < t->schema->nloaded; c++) {
        ask_dml(a, R_SELECT, t->table, schema_loaded(t->schema, c)->name);
        ask_dml(a, R_INSERT, t->table, schema_loaded(t->schema, c)->name);
    }
    if (lineage) {
        ask_dml(a, R_SELECT, t->table, "_load");
        ask_dml(a, R_INSERT, t->table, "_load");
        ask_dml(a, R_DELETE, t->table, NULL);
    }
    if (alters)
        ask_alter(a);
    conclude(a, t->table, there);
}

/* What setup will do: tables, and a view in the place of an older one. */
static void ask_setup(struct asking *a, bool own, bool table)
{
    const struct sink_target *t = &a->s->base.target;
    struct buf sql;

    buf_init(&sql, SINK_PROBLEMS_MAX);
    if (!own)
        ask_create(a, "CREATE TABLE IF NOT EXISTS sluice_load (a INT)", R_CREATE);
    if (!table && buf_append_str(&sql, "CREATE TABLE IF NOT EXISTS ", a->err) == ERR_OK &&
        mys_quote(&sql, t->table, a->err) == ERR_OK && buf_append_str(&sql, " (a INT)", a->err) == ERR_OK)
        ask_create(a, buf_str(&sql), R_CREATE);
    buf_clear(&sql);
    if (t->lineage != LINEAGE_NONE && !a->err->code &&
        buf_append_str(&sql, "CREATE OR REPLACE VIEW ", a->err) == ERR_OK &&
        mys_quote_view(&sql, t, a->err) == ERR_OK &&
        buf_append_str(&sql, " AS SELECT 1 AS a", a->err) == ERR_OK)
        ask_create(a, buf_str(&sql), R_VIEW);
    buf_release(&sql);
    conclude(a, NULL, false);
}

/* Whether setup would add to the table that is there: columns, the index of lineage. */
static enum err_code needs_alter(struct mys_sink *s, const struct sink_state *state, bool *alters,
                                 struct err *err)
{
    bool indexed = true;

    if (state->has_lineage && s->base.target.lineage == LINEAGE_INDEXED && mys_has_index(s, &indexed, err))
        return err->code;
    *alters = state->lacks > 0 || !indexed;
    return ERR_OK;
}

enum err_code mys_rights(struct mys_sink *s, bool creates, struct buf *out, struct err *err)
{
    struct asking a = {.s = s, .out = out, .err = err};
    struct sink_state state = {0};
    bool there = false, alters = false;

    buf_init(&state.problems, SINK_PROBLEMS_MAX);
    if (mys_has_own(s, &there, err) || mys_has_table(s, s->base.target.table, &state.table_exists, err))
        goto out;
    state.own = there ? OWN_CURRENT : OWN_MISSING;
    if (creates && mys_describe(&s->base, &state, err) == ERR_DENIED) {
        err_clear(err); /* what may not be looked at is said below */
        state.own = there ? OWN_CURRENT : OWN_MISSING;
    }
    if (err->code)
        goto out;
    bool own = there && state.own != OWN_OLDER;
    bool makes = creates && (!own || !state.table_exists || state.lacks > 0);
    if (makes && state.table_exists && needs_alter(s, &state, &alters, err))
        goto out;
    ask_own(&a, state.own, makes);
    ask_target(&a, state.table_exists, alters);
    if (makes)
        ask_setup(&a, own, state.table_exists);
    put_line(&a, a.missing, NULL);
out:
    buf_release(&state.problems);
    return err->code;
}
