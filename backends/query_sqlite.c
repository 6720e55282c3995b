/*
 * query_sqlite: an SQLite connection in memory with one table, `source`, and the queries that are put to it.
 *
 * Invariants: the connection holds nothing and writes nothing but temporary files (sorting, DISTINCT), which
 * have no name; SELECT is all it takes (sqlite_ask.c). Explaining runs the query with readings that list and
 * give no row, then asks SQLite for its plan: both prepare the same text, so that ways have the same index.
 */
#include "backends/query_sqlite.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "backends/query_sqlite_internal.h"
#include "core/base/mem.h"

enum {
    WAYS_MAX = 1024 * 1024,
    REFUSED_MAX = 1024 * 1024, /* records told apart */
    REFUSED_FIRST = 1024,
    EXPLAIN_STEPS = 20 * 1000 * 1000, /* that are run to see what a query reads */
    PARTS_MAX = 256,
    NAME_TRIES = 8,
};

static const char *const EXTRA[] = {"yyyy", "mm", "dd", "hh", "_object", "_line"};
enum { EXTRAS = sizeof EXTRA / sizeof *EXTRA };

/* ---- refused records ---- */

static uint64_t hash_of(const char *key, int64_t line)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * UINT64_C(1099511628211);
    h = (h ^ (uint64_t)line) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
    return h ? h : 1;
}

static bool set_put(struct refused_set *set, uint64_t hash)
{
    size_t at = (size_t)hash & (set->cap - 1);

    while (set->slots[at] && set->slots[at] != hash)
        at = (at + 1) & (set->cap - 1);
    if (set->slots[at])
        return false;
    set->slots[at] = hash;
    set->n++;
    return true;
}

static bool set_grow(struct refused_set *set)
{
    struct refused_set more = {.cap = set->cap ? 2 * set->cap : REFUSED_FIRST};

    more.slots = mem_calloc(more.cap, sizeof *more.slots);
    if (!more.slots)
        return false;
    for (size_t i = 0; i < set->cap; i++)
        if (set->slots[i])
            set_put(&more, set->slots[i]);
    mem_free(set->slots);
    *set = more;
    return true;
}

void query_note_refused(struct query *q, const struct store_object *object, const struct csv_record *record,
                        const struct refusal *refusal)
{
    struct refused_set *set = &q->seen;

    if (set->n == REFUSED_MAX || (2 * set->n >= set->cap && !set_grow(set))) {
        q->totals.more = true;
        return;
    }
    if (!set_put(set, hash_of(object->key, record->line)) || q->totals.refused++ > 0)
        return;
    snprintf(q->first, sizeof q->first, "%.200s line %" PRId64 "%s%.64s: %s: %s", object->key, record->line,
             refusal->column[0] ? " column " : "", refusal->column, err_name_text(refusal->name),
             refusal->detail);
}

/* ---- ways ---- */

static void way_free(struct query_way *way)
{
    if (!way)
        return;
    for (size_t i = 0; i < way->nterms; i++)
        sqlite3_value_free(way->terms[i].known);
    buf_release(&way->prefix);
    sqlite3_free(way->text);
    mem_free(way);
}

void query_ways_clear(struct query *q)
{
    for (size_t i = 0; i < q->nways; i++)
        way_free(q->ways[i]);
    q->nways = 0;
}

enum err_code query_way_add(struct query *q, struct query_way **out, int *id, struct err *err)
{
    struct query_way *way = NULL;

    *out = NULL;
    if (q->nways == WAYS_MAX)
        return err_set(err, ERRN_LIMIT, "the query has more than %d ways to be run", WAYS_MAX);
    if (q->nways == q->cap_ways) {
        size_t cap = q->cap_ways ? 2 * q->cap_ways : 16;
        struct query_way **more = mem_realloc(q->ways, cap * sizeof(struct query_way *));
        if (!more)
            return err_nomem(err);
        q->ways = more;
        q->cap_ways = cap;
    }
    way = mem_calloc(1, sizeof *way);
    if (!way)
        return err_nomem(err);
    buf_init(&way->prefix, STORE_KEY_MAX);
    *id = (int)q->nways;
    q->ways[q->nways++] = *out = way;
    return ERR_OK;
}

/* ---- handles: a subquery's cursor is opened anew for each row that asks it ---- */

static void handle_close(struct query_handle *handle)
{
    ahead_free(handle->ahead);
    store_close(handle->store);
    *handle = (struct query_handle){0};
}

enum err_code query_handle_take(struct query *q, struct query_handle *out, struct err *err)
{
    const struct store_factory *stores = q->spec.stores;

    *out = (struct query_handle){0};
    if (q->nidle > 0)
        *out = q->idle[--q->nidle];
    else if (stores->open(stores->ctx, &out->store, err) == ERR_OK && out->store->caps.remote &&
             ahead_new(stores, &out->ahead, err))
        handle_close(out);
    return err->code;
}

void query_handle_give(struct query *q, struct query_handle *handle)
{
    if (handle->store && q->nidle < QUERY_IDLE_MAX)
        q->idle[q->nidle++] = *handle;
    else
        handle_close(handle);
    *handle = (struct query_handle){0};
}

/* ---- open and close ---- */

static bool is_taken(const struct schema *schema, const char *name)
{
    for (size_t c = 0; c < schema->nloaded; c++)
        if (strcasecmp(schema_loaded(schema, c)->name, name) == 0)
            return true;
    return false;
}

static enum err_code name_columns(struct query *q, struct err *err)
{
    const struct schema *schema = q->spec.schema;
    char name[64];

    q->names = mem_calloc(schema->nloaded + EXTRAS + 1, sizeof *q->names);
    if (!q->names)
        return err_nomem(err);
    for (size_t c = 0; c < schema->nloaded; c++)
        q->names[c] = schema_loaded(schema, c)->name;
    for (size_t i = 0; i < EXTRAS; i++) {
        static const char underscores[] = "________";
        for (int n = 0; n <= NAME_TRIES; n++) {
            snprintf(name, sizeof name, "%.*s%s", n, underscores, EXTRA[i]);
            if (!is_taken(schema, name))
                break;
        }
        q->extra[i] = mem_strdup(name);
        if (!q->extra[i])
            return err_nomem(err);
        q->names[schema->nloaded + i] = q->extra[i];
    }
    return ERR_OK;
}

static struct sqlite_ask ask_of(const struct query *q)
{
    return (struct sqlite_ask){.db = q->db,
                               .label = q->spec.label,
                               .names = q->names,
                               .table = QUERY_TABLE,
                               .stop = q->spec.stop,
                               .cause = &q->failed};
}

static enum err_code sqlite_failed(const struct query *q, const char *what, struct err *err)
{
    if (q->failed.code) {
        *err = q->failed;
        return err->code;
    }
    if (!q->db || (sqlite3_errcode(q->db) & 0xff) == SQLITE_NOMEM)
        return err_nomem(err);
    return err_set(err, ERRN_CONFIG, "%s: %s", what, sqlite3_errmsg(q->db));
}

enum err_code query_open(const struct query_spec *spec, struct query **out, struct err *err)
{
    struct query *q = mem_calloc(1, sizeof *q);

    *out = NULL;
    if (!q)
        return err_nomem(err);
    q->spec = *spec;
    q->totals.first = q->first;
    if (name_columns(q, err))
        goto out;
    if (sqlite3_open_v2(":memory:", &q->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL) != SQLITE_OK ||
        sqlite3_exec(q->db, "PRAGMA temp_store = FILE", NULL, NULL, NULL) != SQLITE_OK) {
        sqlite_failed(q, "SQLite", err);
        goto out;
    }
    /* The first use of the table declares its columns, which the authorizer would not allow. */
    if (query_table_register(q, err) == ERR_OK &&
        sqlite3_exec(q->db, "EXPLAIN SELECT 1 FROM " QUERY_TABLE, NULL, NULL, NULL) != SQLITE_OK)
        sqlite_failed(q, "the schema as a table", err);
    sqlite_ask_confine(q->db);
out:
    if (err->code)
        query_close(q);
    else
        *out = q;
    return err->code;
}

void query_close(struct query *q)
{
    if (!q)
        return;
    sqlite3_close(q->db);
    while (q->nidle > 0)
        handle_close(&q->idle[--q->nidle]);
    query_ways_clear(q);
    mem_free(q->ways);
    mem_free(q->seen.slots);
    for (size_t i = 0; i < EXTRAS; i++)
        mem_free(q->extra[i]);
    mem_free(q->names);
    mem_free(q);
}

const struct query_totals *query_totals(const struct query *q)
{
    return &q->totals;
}

/* ---- running ---- */

struct counted {
    const struct answer *answer;
    int64_t rows;
};

static enum err_code on_columns(void *ctx, const char *const *names, size_t n, struct err *err)
{
    const struct counted *c = ctx;

    return c->answer->columns(c->answer->ctx, names, n, err);
}

static enum err_code on_row(void *ctx, const struct answer_value *values, size_t n, struct err *err)
{
    struct counted *c = ctx;

    c->rows++;
    return c->answer->row(c->answer->ctx, values, n, err);
}

enum err_code query_run(struct query *q, const char *sql, const struct answer *answer, struct err *err)
{
    struct sqlite_ask ask = ask_of(q);
    struct counted counted = {.answer = answer};
    const struct answer outer = {on_columns, on_row, &counted};
    sqlite3_stmt *stmt = NULL;

    query_ways_clear(q);
    err_clear(&q->failed);
    q->explaining = false;
    if (sqlite_ask_prepare(&ask, sql, &stmt, err) == ERR_OK)
        (void)!sqlite_ask_rows(&ask, stmt, &outer, err);
    sqlite3_finalize(stmt);
    q->totals.rows += counted.rows;
    return err->code;
}

/* ---- explaining ---- */

struct explain {
    struct query *query;
    const struct query_plan_fn *fn;
    size_t first_ways; /* those before it belong to the run */
    struct {
        size_t way; /* of the run */
        char *table;
    } parts[PARTS_MAX];
    size_t nparts;
};

/* "SCAN a VIRTUAL TABLE INDEX 3:source(yyyy=2022)": table "a", way 3, and the text without what is
 * SQLite's own. */
static enum err_code note_step(struct explain *x, const struct answer_value *values, struct err *err)
{
    static const char mark[] = " VIRTUAL TABLE INDEX ";
    const char *detail = values[3].data, *at = strstr(detail, mark);
    const char *terms = at ? strstr(at, ":" QUERY_TABLE "(") : NULL;
    const struct query *q = x->query;
    struct buf text;
    size_t way = q->nways;

    buf_init(&text, ANSWER_SQL_MAX);
    if (terms) {
        for (way = 0, at += strlen(mark); at < terms; at++)
            way = *at >= '0' && *at <= '9' ? way * 10 + (size_t)(*at - '0') : q->nways;
        terms += strlen(":" QUERY_TABLE);
    }
    if (way < q->nways && x->nparts < PARTS_MAX) {
        const char *name = strchr(detail, ' ');
        size_t len = (size_t)(strstr(detail, mark) - detail);
        size_t skip = name ? (size_t)(name + 1 - detail) : 0;

        x->parts[x->nparts].way = way;
        x->parts[x->nparts].table = mem_strndup(detail + skip, len - skip);
        if (!x->parts[x->nparts++].table)
            err_nomem(err);
        else if (buf_append(&text, detail, len, err) == ERR_OK && strncmp(terms, "()", 2) != 0 &&
                 buf_append_char(&text, ' ', err) == ERR_OK)
            (void)!buf_append_str(&text, terms, err);
        detail = buf_str(&text);
    }
    if (err->code == ERR_OK)
        (void)!x->fn->step(x->fn->ctx, values[0].num, values[1].num, detail, err);
    buf_release(&text);
    return err->code;
}

static enum err_code on_step(void *ctx, const struct answer_value *values, size_t n, struct err *err)
{
    (void)n;
    return note_step(ctx, values, err);
}

static enum err_code on_step_columns(void *ctx, const char *const *names, size_t n, struct err *err)
{
    (void)ctx;
    (void)names;
    return n == 4 ? ERR_OK : err_set(err, ERRN_INTERNAL, "a query plan of %zu columns", n);
}

static enum err_code tell_part(struct explain *x, size_t i, struct err *err)
{
    struct query *q = x->query;
    struct query_way *planned = q->ways[x->parts[i].way], *way = planned;
    size_t before = x->parts[i].way - x->first_ways;
    bool estimate = true;

    if (x->parts[i].way >= x->first_ways && before < x->first_ways &&
        strcmp(q->ways[before]->text, planned->text) == 0 && q->ways[before]->readings > 0) {
        way = q->ways[before];
        estimate = false;
    } else if (query_table_estimate(q, planned, err)) {
        return err->code;
    }
    const char *terms = planned->text + strlen(QUERY_TABLE "(");
    char *shown = mem_strndup(terms, strlen(terms) - 1);
    if (!shown)
        return err_nomem(err);
    struct query_part part = {.table = x->parts[i].table,
                              .terms = shown,
                              .estimate = estimate,
                              .range = way->range,
                              .prefix = way->listings > 0 ? buf_str(&way->prefix) : NULL,
                              .readings = way->listings,
                              .counts = way->counts};
    (void)!x->fn->part(x->fn->ctx, &part, err);
    mem_free(shown);
    return err->code;
}

enum err_code query_explain(struct query *q, const char *sql, const struct query_plan_fn *fn, struct err *err)
{
    struct sqlite_ask ask = ask_of(q);
    struct explain x = {.query = q, .fn = fn};
    const struct answer steps = {on_step_columns, on_step, &x};
    sqlite3_stmt *stmt = NULL;
    struct buf text;

    query_ways_clear(q);
    err_clear(&q->failed);
    q->explaining = true;
    ask.steps = EXPLAIN_STEPS;
    buf_init(&text, 2 * ANSWER_SQL_MAX);
    if (sqlite_ask_prepare(&ask, sql, &stmt, err))
        goto out;
    if (sqlite3_stmt_isexplain(stmt)) {
        err_set(err, ERRN_QUERY, "SQL: it is EXPLAIN already: leave out --explain, or the word");
        goto out;
    }
    if (sqlite_ask_rows(&ask, stmt, NULL, err))
        goto out;
    x.first_ways = q->nways;
    ask.steps = 0;
    if (buf_printf(&text, err, "EXPLAIN QUERY PLAN %s", sqlite3_sql(stmt)))
        goto out;
    sqlite3_finalize(stmt);
    stmt = NULL;
    if (sqlite_ask_prepare(&ask, buf_str(&text), &stmt, err) || sqlite_ask_rows(&ask, stmt, &steps, err))
        goto out;
    for (size_t i = 0; i < x.nparts && err->code == ERR_OK; i++)
        (void)!tell_part(&x, i, err);
out:
    sqlite3_finalize(stmt);
    buf_release(&text);
    for (size_t i = 0; i < x.nparts; i++)
        mem_free(x.parts[i].table);
    q->explaining = false;
    return err->code;
}
