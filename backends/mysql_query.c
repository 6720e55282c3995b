/*
 * mysql_query: one query that only reads, in a READ ONLY transaction, its rows as they come.
 *
 * Invariants: a statement is prepared first, which runs nothing and refuses a second one, and executed only
 * where it begins as a reading one does, has no INTO and gives a result set; what it calls may still not
 * write, because the transaction is READ ONLY. The binary protocol, since FLOAT loses digits in text; row by
 * row from the network, since a result may be larger than memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mysql_internal.h"
#include "core/base/mem.h"
#include "core/data/types.h"

enum {
    TEXT_ROOM = 256, /* at first; a longer value is fetched again into larger room */
    TEXT_ROOM_MAX = 64 * 1024 * 1024,
    BINARY_CHARSET = 63,
    DECIMAL_EXACT = 15, /* digits that a double holds exactly: a number up to here, text beyond */
    WORD_MAX = 16,
    NO_SUCH_TABLE = 1146, /* of the server */
};

#define ONLY_READS "a query only reads: one SELECT (or WITH, VALUES, TABLE, SHOW, DESCRIBE, EXPLAIN)"

/* How a column is fetched: from DECIMAL on as text. */
enum cell_kind { CELL_INT, CELL_UNSIGNED, CELL_DOUBLE, CELL_DECIMAL, CELL_TEXT, CELL_BLOB };

struct cell {
    enum cell_kind kind;
    mys_bool is_null;
    unsigned long len;
    union {
        int64_t i64;
        uint64_t u64;
        double f64;
    };
    char *text;
    size_t room;
    char digits[24]; /* an integer beyond int64 */
};

struct query {
    struct mys_sink *s;
    MYSQL_STMT *stmt;
    MYSQL_BIND *binds;
    struct cell *cells;
    struct answer_value *values;
    size_t n;
};

/* ---- what the SQL says ---- */

/* The next word or other character behind spaces, comments and quoted text; 0 at the end. Words come in upper
 * case, cut. What stands in an executable comment is executed, so it is looked at. */
static char next_token(const char **at, char word[WORD_MAX])
{
    const char *p = *at;
    size_t n = 0;

    word[0] = '\0';
    for (;;) {
        p += strspn(p, " \t\r\n\f\v");
        if (p[0] == '#' || (p[0] == '-' && p[1] == '-' && (p[2] == '\0' || strchr(" \t\r\n", p[2]))))
            p += strcspn(p, "\n");
        else if (strncmp(p, "/*!", 3) == 0 || strncmp(p, "/*M!", 4) == 0)
            p += 3;
        else if (strncmp(p, "/*", 2) == 0)
            p = strstr(p + 2, "*/") ? strstr(p + 2, "*/") + 2 : p + strlen(p);
        else
            break;
    }
    char c = *p;
    if (c == '\'' || c == '"' || c == '`') {
        for (p++; *p && *p != c; p++)
            if (*p == '\\' && c != '`' && p[1])
                p++;
        p += *p != '\0';
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_') {
        for (; (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || (*p >= '0' && *p <= '9');
             p++)
            if (n + 1 < WORD_MAX)
                word[n++] = (char)(*p >= 'a' ? *p - 'a' + 'A' : *p);
        word[n] = '\0';
        c = 'w';
    } else if (c) {
        p++;
    }
    *at = p;
    return c;
}

/* *explains: MySQL tells the columns of EXPLAIN only once it was executed. */
static enum err_code check_words(const char *sql, bool *explains, struct err *err)
{
    static const char *const FIRST[] = {"SELECT", "WITH", "VALUES",   "TABLE",
                                        "SHOW",   "DESC", "DESCRIBE", "EXPLAIN"};
    char word[WORD_MAX], c;
    bool reads = false, over = false;
    const char *at = sql;

    while ((c = next_token(&at, word)) == '(' || c == ';')
        continue;
    if (!c)
        return err_set(err, ERRN_QUERY, "SQL: there is no statement");
    for (size_t i = 0; i < sizeof FIRST / sizeof *FIRST; i++)
        reads |= strcmp(word, FIRST[i]) == 0;
    *explains = strcmp(word, "EXPLAIN") == 0;
    while (reads && (c = next_token(&at, word))) {
        if (over && c != ';')
            return err_set(err, ERRN_QUERY,
                           "SQL: a second statement begins at \"%.20s\"; a query is one statement",
                           at - strlen(word));
        over |= c == ';';
        reads = strcmp(word, "INTO") != 0;
    }
    return reads ? ERR_OK : err_set(err, ERRN_QUERY, "SQL: " ONLY_READS);
}

/* ---- errors ---- */

/* What the server has against the SQL is a mistake in it; all else is as ever. */
static enum err_code fail(struct query *q, struct err *err)
{
    unsigned code = mysql_stmt_errno(q->stmt);
    char text[ERR_MSG_MAX / 2];

    switch (mys_name_of(code)) {
    case ERRN_DB:
    case ERRN_DB_VALUE:
    case ERRN_DB_CONSTRAINT:
    case ERRN_TABLE_MISSING:
    case ERRN_TABLE_MISMATCH:
    case ERRN_UNSUPPORTED:
        break;
    default:
        if (code != 1792)
            return mys_fail_stmt(q->s, q->stmt, "query", err);
        return err_set_native(err, ERRN_QUERY, code, "SQL: " ONLY_READS);
    }
    if (code >= 2000 && code < 3000) /* the client library's own */
        return mys_fail_stmt(q->s, q->stmt, "query", err);
    strncpy(text, mysql_stmt_error(q->stmt), sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20)
            *p = ' ';
    if (code == NO_SUCH_TABLE)
        return err_set_native(err, ERRN_QUERY, code, "SQL: %s (%u); the target's table is %s", text, code,
                              q->s->base.target.table);
    return err_set_native(err, ERRN_QUERY, code, "SQL: %s (%u)", text, code);
}

/* ---- columns ---- */

static void bind_cell(MYSQL_BIND *b, struct cell *cell)
{
    memset(b, 0, sizeof *b);
    b->is_null = &cell->is_null;
    b->length = &cell->len;
    switch (cell->kind) {
    case CELL_INT:
    case CELL_UNSIGNED:
        b->buffer_type = MYSQL_TYPE_LONGLONG;
        b->is_unsigned = cell->kind == CELL_UNSIGNED;
        b->buffer = &cell->i64;
        return;
    case CELL_DOUBLE:
        b->buffer_type = MYSQL_TYPE_DOUBLE;
        b->buffer = &cell->f64;
        return;
    default:
        b->buffer_type = cell->kind == CELL_BLOB ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
        b->buffer = cell->text;
        b->buffer_length = cell->room;
    }
}

static enum cell_kind kind_of(const MYSQL_FIELD *field)
{
    switch (field->type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        return field->flags & UNSIGNED_FLAG ? CELL_UNSIGNED : CELL_INT;
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        return CELL_DOUBLE;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return CELL_DECIMAL;
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
        return field->charsetnr == BINARY_CHARSET ? CELL_BLOB : CELL_TEXT;
    case MYSQL_TYPE_BIT:
    case MYSQL_TYPE_GEOMETRY:
        return CELL_BLOB;
    default:
        return CELL_TEXT; /* dates and times too: as the server writes them */
    }
}

static enum err_code bind_all(struct query *q, const MYSQL_FIELD *fields, struct err *err)
{
    for (size_t i = 0; i < q->n; i++) {
        struct cell *cell = &q->cells[i];

        cell->kind = kind_of(&fields[i]);
        cell->room = cell->kind >= CELL_DECIMAL ? TEXT_ROOM : 0;
        cell->text = cell->room ? mem_alloc(cell->room + 1) : NULL;
        if (cell->room && !cell->text)
            return err_nomem(err);
        bind_cell(&q->binds[i], cell);
    }
    return mysql_stmt_bind_result(q->stmt, q->binds) ? fail(q, err) : ERR_OK;
}

static enum err_code describe(struct query *q, const MYSQL_FIELD *fields, const struct answer *answer,
                              struct err *err)
{
    const char **names = mem_calloc(q->n, sizeof *names);
    enum err_code code;

    if (!names)
        return err_nomem(err);
    for (size_t i = 0; i < q->n; i++)
        names[i] = fields[i].name;
    code = answer->columns(answer->ctx, names, q->n, err);
    mem_free(names);
    return code;
}

/* ---- rows ---- */

static enum err_code whole_text(struct query *q, size_t i, struct err *err)
{
    struct cell *cell = &q->cells[i];

    if (cell->len > cell->room) {
        if (cell->len > TEXT_ROOM_MAX)
            return err_set(err, ERRN_LIMIT, "a value of %lu bytes: more than %d are not shown", cell->len,
                           TEXT_ROOM_MAX);
        char *more = mem_realloc(cell->text, cell->len + 1);
        if (!more)
            return err_nomem(err);
        cell->text = more;
        cell->room = cell->len;
        bind_cell(&q->binds[i], cell);
        if (mysql_stmt_fetch_column(q->stmt, &q->binds[i], (unsigned)i, 0) ||
            mysql_stmt_bind_result(q->stmt, q->binds))
            return fail(q, err);
    }
    cell->text[cell->len] = '\0';
    return ERR_OK;
}

static size_t digits_of(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text >= '0' && *text <= '9';
    return n;
}

static void take_number(struct answer_value *v, struct cell *cell)
{
    if (cell->kind == CELL_UNSIGNED && cell->u64 > INT64_MAX) {
        int len = snprintf(cell->digits, sizeof cell->digits, "%llu", (unsigned long long)cell->u64);
        *v = (struct answer_value){.kind = ANSWER_TEXT, .data = cell->digits, .len = (size_t)len};
    } else if (cell->kind == CELL_DOUBLE) {
        *v = (struct answer_value){.kind = ANSWER_REAL, .real = cell->f64};
    } else {
        *v = (struct answer_value){.kind = ANSWER_INT, .num = cell->i64};
    }
}

static enum err_code take(struct query *q, size_t i, struct err *err)
{
    struct answer_value *v = &q->values[i];
    struct cell *cell = &q->cells[i];

    *v = (struct answer_value){.kind = ANSWER_NULL};
    if (cell->is_null)
        return ERR_OK;
    if (cell->kind < CELL_DECIMAL) {
        take_number(v, cell);
        return ERR_OK;
    }
    if (whole_text(q, i, err))
        return err->code;
    *v = (struct answer_value){.kind = ANSWER_TEXT, .data = cell->text, .len = cell->len};
    if (cell->kind == CELL_BLOB && utf8_length(cell->text, cell->len) < 0)
        v->kind = ANSWER_BLOB; /* what a function makes is often binary by name alone */
    if (cell->kind == CELL_DECIMAL && digits_of(cell->text) <= DECIMAL_EXACT) {
        v->real = strtod(cell->text, NULL);
        v->kind = strchr(cell->text, '.') ? ANSWER_REAL : ANSWER_INT;
        v->num = v->kind == ANSWER_INT ? strtoll(cell->text, NULL, 10) : 0;
    }
    return ERR_OK;
}

static enum err_code give_rows(struct query *q, const struct answer *answer, struct err *err)
{
    for (;;) {
        int rc = mysql_stmt_fetch(q->stmt);

        if (rc == MYSQL_NO_DATA)
            return ERR_OK;
        if (rc != 0 && rc != MYSQL_DATA_TRUNCATED)
            return fail(q, err);
        for (size_t i = 0; i < q->n; i++)
            if (take(q, i, err))
                return err->code;
        if (answer->row(answer->ctx, q->values, q->n, err))
            return err->code;
    }
}

static enum err_code room_for(struct query *q, MYSQL_RES *meta, struct err *err)
{
    if (!meta)
        return err_set(err, ERRN_QUERY, "SQL: " ONLY_READS);
    q->n = mysql_num_fields(meta);
    if (q->n > ANSWER_COLUMNS_MAX)
        return err_set(err, ERRN_QUERY, "SQL: %zu columns; at most %d are shown", q->n, ANSWER_COLUMNS_MAX);
    q->cells = mem_calloc(q->n, sizeof *q->cells);
    q->binds = mem_calloc(q->n, sizeof *q->binds);
    q->values = mem_calloc(q->n, sizeof *q->values);
    return q->cells && q->binds && q->values ? ERR_OK : err_nomem(err);
}

/* Executes only what gives rows. */
static enum err_code execute(struct query *q, const char *sql, bool explains, MYSQL_RES **meta,
                             struct err *err)
{
    q->stmt = mysql_stmt_init(q->s->db);
    if (!q->stmt)
        return err_nomem(err);
    if (mysql_stmt_prepare(q->stmt, sql, strlen(sql)))
        return fail(q, err);
    if (mysql_stmt_param_count(q->stmt) > 0)
        return err_set(err, ERRN_QUERY, "SQL: parameters (?) have no values here: write the values");
    *meta = mysql_stmt_result_metadata(q->stmt);
    if (!*meta && !explains)
        return err_set(err, ERRN_QUERY, "SQL: " ONLY_READS);
    if (mysql_stmt_execute(q->stmt))
        return fail(q, err);
    if (!*meta)
        *meta = mysql_stmt_result_metadata(q->stmt);
    return room_for(q, *meta, err);
}

enum err_code mys_ask(struct sink *sink, const char *sql, const struct answer *answer, struct err *err)
{
    struct query q = {.s = mys_of(sink)};
    MYSQL_RES *meta = NULL;
    bool explains = false;

    if (check_words(sql, &explains, err) || mys_exec(q.s, "START TRANSACTION READ ONLY", "query", err))
        return err->code;
    if (execute(&q, sql, explains, &meta, err) == ERR_OK &&
        bind_all(&q, mysql_fetch_fields(meta), err) == ERR_OK &&
        describe(&q, mysql_fetch_fields(meta), answer, err) == ERR_OK)
        (void)!give_rows(&q, answer, err);
    if (meta)
        mysql_free_result(meta);
    if (q.stmt) {
        mysql_stmt_free_result(q.stmt);
        mysql_stmt_close(q.stmt);
    }
    for (size_t i = 0; q.cells && i < q.n; i++)
        mem_free(q.cells[i].text);
    mem_free(q.cells);
    mem_free(q.binds);
    mem_free(q.values);
    mys_rollback(q.s);
    return err->code;
}
