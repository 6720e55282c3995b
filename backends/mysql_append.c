/*
 * mysql_append: a batch into the target table by one LOAD DATA LOCAL, or by INSERTs of many rows.
 *
 * LOAD DATA LOCAL behaves as IGNORE: it stores what it can and warns. So a statement counts only if it says
 * that every row was stored, none skipped or deleted, and that there was no warning; anything else is a
 * verdict on the data, and the unit is rolled back.
 *
 * Neither statement says which row was at fault. It is found by halves, which costs about one more batch:
 *
 *   SAVEPOINT -send all-> clean: done
 *             -doubt-> ROLLBACK TO; send the lower half -clean-> the fault is above -doubt-> it is in there
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql_internal.h"

enum {
    INSERT_BYTES = 1024 * 1024, /* one INSERT, about */
    INFO_NUMBERS = 4,           /* Records Deleted Skipped Warnings */
};

/* ---- statements ---- */

static enum err_code put_columns(const struct sink_target *t, struct buf *sql, struct err *err)
{
    for (size_t c = 0; c < t->schema->nloaded; c++)
        if (buf_append_str(sql, c ? ", " : " (", err) ||
            mys_quote(sql, schema_loaded(t->schema, c)->name, err))
            return err->code;
    return buf_append_str(sql, t->lineage != LINEAGE_NONE ? ", _load)" : ")", err);
}

/* Rows without text are ASCII, which the server reads faster as bytes (4 % of a load) than as characters.
 * Text goes as what it is, so that a column which somebody gave another character set refuses what it lacks.
 */
static const char *charset_of(const struct schema *schema)
{
    for (size_t c = 0; c < schema->nloaded; c++) {
        enum type_kind kind = schema_loaded(schema, c)->type.kind;
        if (kind == TYPE_VARCHAR || kind == TYPE_TEXT)
            return "utf8mb4";
    }
    return "binary";
}

static enum err_code put_load(struct mys_sink *s, struct err *err)
{
    const struct sink_target *t = &s->base.target;

    buf_clear(&s->sql);
    if (buf_printf(&s->sql, err, "LOAD DATA LOCAL INFILE '%s' INTO TABLE ", s->infile.token) ||
        mys_quote(&s->sql, t->table, err) ||
        buf_printf(&s->sql, err,
                   " CHARACTER SET %s FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' LINES TERMINATED BY '\\n'",
                   charset_of(t->schema)))
        return err->code;
    return put_columns(t, &s->sql, err);
}

/* As many rows as one INSERT takes. */
static enum err_code put_insert(struct mys_sink *s, struct err *err)
{
    const struct sink_target *t = &s->base.target;
    size_t max = s->max_packet / 2 < INSERT_BYTES ? s->max_packet / 2 : INSERT_BYTES;

    buf_clear(&s->sql);
    if (buf_append_str(&s->sql, "INSERT INTO ", err) || mys_quote(&s->sql, t->table, err) ||
        put_columns(t, &s->sql, err) || buf_append_str(&s->sql, " VALUES ", err))
        return err->code;
    for (bool first = true; s->rows.row < s->rows.end && (first || s->sql.len < max); first = false)
        if ((!first && buf_append_char(&s->sql, ',', err)) || mys_put_row(&s->rows, &s->sql, err))
            return err->code;
    return ERR_OK;
}

/* ---- what the server says ---- */

/* The numbers of "Records: 3  Deleted: 0 ...", whose words depend on the server's language. */
static bool read_info(const char *info, long long out[INFO_NUMBERS])
{
    for (int i = 0; i < INFO_NUMBERS; i++) {
        char *end;
        info = info ? strpbrk(info, "0123456789") : NULL;
        if (!info)
            return false;
        out[i] = strtoll(info, &end, 10);
        info = end;
    }
    return true;
}

/* Why rows were not stored as they are: the first warning. */
static enum err_code verdict(struct mys_sink *s, const char *info, struct err *err)
{
    struct err none = ERR_INIT;
    struct result r = {0};
    enum err_name name = ERRN_DB_VALUE;

    struct bind b = mys_bind(s, "SHOW WARNINGS LIMIT 1", &none);
    if (mys_query(&b, s->base.target.table, &r, &none)) {
        *err = none;
        return err->code;
    }
    if (mys_next(&r)) {
        unsigned code = (unsigned)mys_col_int(&r, 1);
        if (mys_name_of(code) == ERRN_DB_CONSTRAINT)
            name = ERRN_DB_CONSTRAINT;
        err_set_native(err, name, (long)code, "%s: %s", s->base.target.table, mys_col(&r, 2));
    } else {
        err_set(err, name, "%s: not every row was stored as it is: %.200s", s->base.target.table, info);
    }
    mys_done(&r);
    return err->code;
}

static enum err_code send_load(struct mys_sink *s, size_t n, struct err *err)
{
    long long said[INFO_NUMBERS] = {0};
    char info[256] = "";

    mys_infile_arm(&s->infile, &s->rows, s->base.clock);
    if (put_load(s, err) == ERR_OK)
        (void)!mys_send(s, s->base.target.table, err);
    bool asked = !s->infile.armed;
    mys_infile_disarm(&s->infile);
    if (s->infile.err.code) {
        s->broken = true; /* part of the rows is in the transaction: it ends with the connection */
        *err = s->infile.err;
        return err->code;
    }
    if (err->code)
        return err->code;
    const char *text = mysql_info(s->db);
    if (text)
        (void)!snprintf(info, sizeof info, "%s", text);
    bool clean = asked && mysql_warning_count(s->db) == 0 && read_info(text, said) &&
                 said[0] == (long long)n && said[1] == 0 && said[2] == 0 && said[3] == 0 &&
                 mysql_affected_rows(s->db) == n;
    return clean ? ERR_OK : verdict(s, info, err);
}

static enum err_code send_inserts(struct mys_sink *s, struct err *err)
{
    while (s->rows.row < s->rows.end) {
        size_t from = s->rows.row;
        if (put_insert(s, err) || mys_send(s, s->base.target.table, err))
            return err->code;
        if (mysql_affected_rows(s->db) != s->rows.row - from || mysql_warning_count(s->db) != 0)
            return verdict(s, mysql_info(s->db) ? mysql_info(s->db) : "", err);
    }
    return ERR_OK;
}

/* Rows [from, to) of the batch that s->rows is set to. */
static enum err_code send_rows(struct mys_sink *s, size_t from, size_t to, struct err *err)
{
    s->rows.row = from;
    s->rows.end = to;
    s->rows.segment = 0;
    return s->use_load ? send_load(s, to - from, err) : send_inserts(s, err);
}

/* ---- one batch ---- */

/* Some row of [0, n) is refused, all before `good` are fine. Ends with the first bad one and what the server
 * says about it alone, or with an error of another kind. */
static enum err_code find_row(struct mys_sink *s, size_t n, int64_t *row, struct err *err)
{
    size_t good = 0, bad = n;

    while (bad > good) {
        size_t middle = bad - good == 1 ? bad : good + (bad - good) / 2;
        struct err why = ERR_INIT;
        if (mys_exec(s, "SAVEPOINT sluice_row", "savepoint", &why) == ERR_OK)
            (void)!send_rows(s, good, middle, &why);
        if (why.code == ERR_OK) {
            good = middle;
            continue;
        }
        *err = why;
        if (why.code != ERR_DATA)
            return err->code;
        if (middle == bad && bad - good == 1) {
            *row = (int64_t)good;
            return err->code;
        }
        bad = middle;
        struct err undo = ERR_INIT;
        if (mys_exec(s, "ROLLBACK TO SAVEPOINT sluice_row", "savepoint", &undo)) {
            *err = undo;
            return err->code;
        }
    }
    return err->code;
}

/* No key column takes NULL, so that verdict needs no server and no search. */
static enum err_code check_key(struct sink_load *load, const struct batch *batch, struct err *err)
{
    const struct sink_target *t = &load->sink->target;

    for (size_t i = 0; i < t->nkey; i++) {
        const uint8_t *null = batch->cols[t->key[i]].null;
        const uint8_t *at = memchr(null, 1, batch->rows);
        if (!at)
            continue;
        load->failed_row = at - null;
        return err_set(err, ERRN_DB_CONSTRAINT, "%s: NULL in the key column %s", t->table,
                       schema_loaded(t->schema, t->key[i])->name);
    }
    return ERR_OK;
}

enum err_code mys_append(struct sink_load *load, const struct batch *batch,
                         const struct sink_segment *segments, size_t nsegments, int64_t *stored,
                         struct err *err)
{
    struct mys_sink *s = mys_of_load(load);

    (void)nsegments;
    if (batch->rows == 0 || check_key(load, batch, err))
        return err->code;
    s->rows = (struct mys_rows){.style = s->use_load ? MYS_LOAD : MYS_INSERT,
                                .batch = batch,
                                .segments = segments,
                                .lineage = s->base.target.lineage != LINEAGE_NONE};
    if (mys_exec(s, "SAVEPOINT sluice_batch", "savepoint", err))
        return err->code;
    if (send_rows(s, 0, batch->rows, err) == ERR_OK) {
        *stored = (int64_t)batch->rows;
        return ERR_OK;
    }
    if (err->code != ERR_DATA)
        return err->code;
    struct err why = ERR_INIT;
    if (mys_exec(s, "ROLLBACK TO SAVEPOINT sluice_batch", "savepoint", &why) == ERR_OK)
        (void)!find_row(s, batch->rows, &load->failed_row, &why);
    if (why.code)
        *err = why; /* of the row alone; where no row is at fault by itself, the first word stands */
    return err->code;
}
