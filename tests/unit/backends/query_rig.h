/* query_rig: what the tests of queries share: a lake in memory whose calls are noted, and a query over it
 * whose rows become text. */
#ifndef SLUICE_TESTS_UNIT_BACKENDS_QUERY_RIG_H
#define SLUICE_TESTS_UNIT_BACKENDS_QUERY_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/query_sqlite.h"
#include "backends/registry.h"
#include "core/store/store_trace.h"
#include "tests/support/rig.h"

#define K(d, h, f) "yyyy=2022/mm=06/dd=" d "/hh=" h "/" f ".csv"
#define HEAD       "id,day,price,name,score,at\n"

static const char QUERY_PIPELINE[] =
    "name: rig\nsource: {url: \"mem:lake\", csv: {nulls: [\"NA\", \"\"]}}\nschema:\n  columns:\n"
    "    - {name: id, type: bigint, nullable: false}\n    - {name: day, type: date}\n"
    "    - {name: price, type: \"decimal(8,2)\"}\n    - {name: name, type: varchar(20)}\n"
    "    - {name: score, type: double}\n    - {name: at, type: timestamp}\n"
    "target: {url: \"sqlite:t.db\", table: t}\n";

enum { TEXT_MAX = 64 * 1024 * 1024, SQL_MAX = 2048 };

struct scene {
    struct rig rig;
    struct store_factory stores;
    struct query_spec spec;
    struct query *query;
    struct buf rows;   /* "a|b\n" */
    struct buf opened; /* keys */
    int handles;       /* on the source, by the last query */
    struct err err;
};

static inline void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s: %s", err_name_text(err->name), err->msg);
}

static inline void on_call(void *ctx, const char *op, const char *key, enum err_code code, int64_t micros)
{
    struct scene *s = ctx;
    (void)micros;
    if (code == ERR_OK && (strcmp(op, "open") == 0 || strcmp(op, "list") == 0))
        must(buf_printf(&s->opened, &s->err, "%s %s\n", op, key), &s->err);
}

static inline enum err_code open_store(void *ctx, struct store **out, struct err *err)
{
    struct scene *s = ctx;
    const struct pipeline *p = s->rig.pipeline;
    struct store *inner = NULL;
    if (registry_open_store(p->source.url, p->base_dir, &s->rig.clock.base, false, &inner, err) != ERR_OK)
        return err->code;
    s->handles++;
    if (store_trace_wrap(inner, on_call, s, out, err) != ERR_OK)
        store_close(inner);
    return err->code;
}

static inline void scene_open(struct scene *s)
{
    *s = (struct scene){0};
    rig_open(&s->rig, QUERY_PIPELINE, NULL, 0);
    s->stores = (struct store_factory){open_store, s};
    s->spec = (struct query_spec){.stores = &s->stores,
                                  .layout = s->rig.layout,
                                  .dialect = &s->rig.pipeline->source.csv,
                                  .schema = &s->rig.pipeline->schema,
                                  .label = "mem:lake"};
    buf_init(&s->rows, TEXT_MAX);
    buf_init(&s->opened, TEXT_MAX);
}

static inline void scene_close(struct scene *s)
{
    query_close(s->query);
    buf_release(&s->rows);
    buf_release(&s->opened);
    rig_close(&s->rig);
}

static inline enum err_code on_columns(void *ctx, const char *const *names, size_t n, struct err *err)
{
    (void)ctx;
    (void)names;
    (void)err;
    assert_true(n > 0);
    return ERR_OK;
}

static inline enum err_code put_value(struct buf *rows, const struct answer_value *v, const char *end,
                                      struct err *err)
{
    switch (v->kind) {
    case ANSWER_NULL:
        return buf_printf(rows, err, "NULL%s", end);
    case ANSWER_INT:
        return buf_printf(rows, err, "%lld%s", (long long)v->num, end);
    case ANSWER_REAL:
        return buf_printf(rows, err, "%.17g%s", v->real, end);
    default:
        return buf_printf(rows, err, "'%.*s'%s", (int)v->len, v->data, end);
    }
}

static inline enum err_code on_row(void *ctx, const struct answer_value *v, size_t n, struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (put_value(ctx, &v[i], i + 1 < n ? "|" : "\n", err) != ERR_OK)
            return err->code;
    return ERR_OK;
}

/* Runs the query in an engine of its own. */
static inline enum err_code ask(struct scene *s, const char *sql)
{
    struct answer answer = {on_columns, on_row, &s->rows};
    buf_clear(&s->rows);
    buf_clear(&s->opened);
    err_clear(&s->err);
    query_close(s->query);
    s->handles = 0;
    must(query_open(&s->spec, &s->query, &s->err), &s->err);
    return query_run(s->query, sql, &answer, &s->err);
}

static inline void gives(struct scene *s, const char *sql, const char *rows)
{
    if (ask(s, sql) != ERR_OK)
        fail_msg("%s: %s", sql, s->err.msg);
    assert_string_equal(buf_str(&s->rows), rows);
}

static inline int opened(const struct scene *s)
{
    int n = 0;
    for (const char *p = buf_str(&s->opened); (p = strstr(p, "open ")) != NULL; p++)
        n++;
    return n;
}

static inline const char *first_list(const struct scene *s, char out[256])
{
    const char *p = strstr(buf_str(&s->opened), "list ");
    snprintf(out, 256, "%.*s", p ? (int)strcspn(p + 5, "\n") : 4, p ? p + 5 : "none");
    return out;
}

#endif
