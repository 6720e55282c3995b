/*
 * mysql_evolve: the columns that setup adds to a target table which lacks them, and their rows in
 * sluice_check.
 *
 * Invariants: each ALTER is a transaction of its own and waits for open loads, but not for ever; its record
 * is the transaction behind it (a crash between the two leaves the column without one). A column that
 * somebody else added meanwhile is fine.
 */
#include "backends/mysql_internal.h"
#include "core/sink/evolve.h"

enum { DUPLICATE_COLUMN = 1060, ALTER_WAIT_S = 60 };

enum err_code mys_has_rows(struct mys_sink *s, bool *any, struct err *err)
{
    int64_t one = 0;
    struct bind b = mys_bind(s, "SELECT 1 FROM ? LIMIT 1", err);

    mys_name(&b, s->base.target.table);
    *any = mys_query_int(&b, "table", &one, err) == ERR_OK && one != 0;
    return err->code;
}

enum err_code mys_put_add(const struct sink_target *t, size_t c, struct buf *sql, struct err *err)
{
    char type[MYS_TYPE_MAX];

    mys_declared(t, c, type);
    if (buf_append_str(sql, "ALTER TABLE ", err) || mys_quote(sql, t->table, err) ||
        buf_append_str(sql, " ADD COLUMN ", err) || mys_quote(sql, schema_loaded(t->schema, c)->name, err))
        return err->code;
    return buf_printf(sql, err, " %s NULL", type);
}

/* The statement that records it, in s->sql. */
static struct bind bind_record(struct mys_sink *s, const struct check_row *record, struct err *err)
{
    struct bind b = mys_bind(s,
                             "INSERT INTO sluice_check (pipeline, load_id, run_id, hour, object, name,"
                             " column_name, on_fire, fired, count_broken, message, at_us)\n"
                             "  VALUES (?, 0, '', '', '', ?, ?, ?, 1, 0, ?, " MYS_NOW ")",
                             err);

    mys_text(&b, s->base.target.pipeline);
    mys_text(&b, record->name);
    mys_text(&b, record->column);
    mys_word(&b, check_on_text(record->on));
    mys_text(&b, record->message);
    return b;
}

static enum err_code add(struct mys_sink *s, size_t c, const struct check_row *record, struct err *err)
{
    struct bind b = mys_bind(s, "", err);

    if (mys_put_add(&s->base.target, c, &s->sql, err))
        return err->code;
    if (mys_run(&b, "setup", NULL, err)) {
        if (err->native != DUPLICATE_COLUMN)
            return err_context(err, "adding column %s", record->column);
        err_clear(err);
        return ERR_OK;
    }
    b = bind_record(s, record, err);
    return mys_run(&b, "setup", NULL, err) ? err->code : mys_exec(s, "COMMIT", "setup", err);
}

static enum err_code print_add(struct mys_sink *s, size_t c, const struct check_row *record, struct buf *out,
                               struct err *err)
{
    if (mys_put_add(&s->base.target, c, out, err))
        return err->code;
    (void)bind_record(s, record, err);
    return err->code ? err->code : buf_printf(out, err, ";\n%s;\n", buf_str(&s->sql));
}

static enum err_code each_missing(struct mys_sink *s, struct buf *print, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    struct check_row record;
    char type[MYS_TYPE_MAX];
    bool rows, there, adds;

    if (mys_has_rows(s, &rows, err))
        return err->code;
    for (size_t c = 0; c < t->schema->nloaded; c++) {
        mys_declared(t, c, type);
        if (mys_has_column(s, schema_loaded(t->schema, c)->name, &there, err) ||
            (!there && sink_add_column(t, c, rows, type, &adds, &record, err)))
            return err->code;
        if (!there && adds && (print ? print_add(s, c, &record, print, err) : add(s, c, &record, err)))
            return err->code;
    }
    return ERR_OK;
}

enum err_code mys_evolve(struct mys_sink *s, struct buf *print, struct err *err)
{
    struct err ignored = ERR_INIT;
    struct bind b;

    if (!s->base.target.evolve || print)
        return s->base.target.evolve ? each_missing(s, print, err) : ERR_OK;
    b = mys_bind(s, "SET SESSION lock_wait_timeout = ?", err);
    mys_int(&b, ALTER_WAIT_S);
    if (mys_run(&b, "setup", NULL, err))
        return err->code;
    (void)!each_missing(s, NULL, err);
    (void)!mys_exec(s, "SET SESSION lock_wait_timeout = DEFAULT", "setup", &ignored);
    return err->code;
}
