/*
 * sink_wrap: see sink_wrap.h. The inner sink is called through the checked functions, so its states are kept
 * as if it stood alone; a load or scan of the wrapper owns the inner one and ends together with it, also
 * where a rule makes the call fail.
 */
#include "tests/support/sink_wrap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/mem.h"

struct handle {
    struct sink base;
    struct sink_type type; /* with the inner one's name */
    struct sink_wrap *wrap;
    struct sink *inner;
    bool lost;
};

struct wrap_load {
    struct sink_load base;
    struct sink_load *inner;
};

struct wrap_scan {
    struct sink_scan base;
    struct sink_scan *inner;
};

static const char *const OPS[] = {
#define X(upper, lower) #lower,
    SINK_OP_TABLE(X)
#undef X
        "any"};

const char *sink_op_text(enum sink_op op)
{
    return OPS[op];
}

/* ---- rules ---- */

void sink_wrap_init(struct sink_wrap *wrap)
{
    *wrap = (struct sink_wrap){0};
    pthread_mutex_init(&wrap->lock, NULL);
    pthread_cond_init(&wrap->turn, NULL);
}

void sink_wrap_release(struct sink_wrap *wrap)
{
    pthread_cond_destroy(&wrap->turn);
    pthread_mutex_destroy(&wrap->lock);
}

void sink_wrap_rule(struct sink_wrap *wrap, const struct sink_rule *rule)
{
    if (wrap->nrules == SINK_RULES_MAX)
        fail_msg("more than %d rules", SINK_RULES_MAX);
    wrap->rules[wrap->nrules++] = *rule;
}

void sink_wrap_reset(struct sink_wrap *wrap)
{
    pthread_mutex_lock(&wrap->lock);
    wrap->nrules = 0;
    wrap->fired = 0;
    for (size_t i = 0; i <= SINK_OP_ANY; i++)
        wrap->calls[i] = 0;
    pthread_mutex_unlock(&wrap->lock);
}

int64_t sink_wrap_calls(struct sink_wrap *wrap, enum sink_op op)
{
    pthread_mutex_lock(&wrap->lock);
    int64_t n = wrap->calls[op];
    pthread_mutex_unlock(&wrap->lock);
    return n;
}

/* Counts the call; *rule (op COUNT = none) is what is to happen at it. */
static void count(struct handle *h, enum sink_op op, struct sink_rule *rule)
{
    struct sink_wrap *w = h->wrap;
    rule->nth = 0;
    pthread_mutex_lock(&w->lock);
    w->calls[op]++;
    w->calls[SINK_OP_ANY]++;
    for (size_t i = 0; i < w->nrules; i++) {
        const struct sink_rule *r = &w->rules[i];
        if (r->op != op && r->op != SINK_OP_ANY)
            continue;
        int64_t at = w->calls[r->op];
        if (at == r->nth || (r->onwards && at > r->nth)) {
            *rule = *r;
            w->fired++;
            break;
        }
    }
    pthread_mutex_unlock(&w->lock);
}

static enum err_code fire(struct handle *h, enum sink_op op, const struct sink_rule *rule, struct err *err)
{
    if (rule->hook)
        rule->hook(rule->ctx, h->inner);
    h->lost = h->lost || rule->lose;
    if (rule->error == ERRN_NONE)
        return ERR_OK;
    return err_set(err, rule->error, "%s: made to fail at %s %lld", h->type.name, OPS[op],
                   (long long)rule->nth); /* the label is the inner sink's, which may be closed */
}

static enum err_code before(struct handle *h, enum sink_op op, struct sink_rule *rule, struct err *err)
{
    count(h, op, rule);
    if (h->lost)
        return err_set(err, ERRN_DB_LOST, "%s: the connection is lost", h->type.name);
    return rule->nth && rule->when == SINK_BEFORE ? fire(h, op, rule, err) : ERR_OK;
}

static enum err_code after(struct handle *h, enum sink_op op, const struct sink_rule *rule, struct err *err)
{
    return rule->nth && rule->when == SINK_AFTER ? fire(h, op, rule, err) : ERR_OK;
}

/* Waits until no other handle writes (where there are several writers). */
static void take_turn(struct handle *h)
{
    struct sink_wrap *w = h->wrap;
    if (w->writers == 0)
        return;
    pthread_mutex_lock(&w->lock);
    while (w->writing)
        pthread_cond_wait(&w->turn, &w->lock);
    w->writing = &h->base;
    pthread_mutex_unlock(&w->lock);
}

static void give_turn(struct handle *h)
{
    struct sink_wrap *w = h->wrap;
    if (w->writers == 0)
        return;
    pthread_mutex_lock(&w->lock);
    w->writing = NULL;
    pthread_cond_signal(&w->turn);
    pthread_mutex_unlock(&w->lock);
}

/* An op that cannot fail: `call` between the two moments. */
#define AROUND(h, op, call)                                                                                  \
    do {                                                                                                     \
        struct sink_rule rule;                                                                               \
        struct err ignored = ERR_INIT;                                                                       \
        (void)!before(h, op, &rule, &ignored);                                                               \
        call;                                                                                                \
        (void)!after(h, op, &rule, &ignored);                                                                \
    } while (0)

/* The whole body of an op that hands its call on. */
#define FORWARD(h, op, call)                                                                                 \
    do {                                                                                                     \
        struct sink_rule rule;                                                                               \
        if (before(h, op, &rule, err) != ERR_OK || (call) != ERR_OK)                                         \
            return err->code;                                                                                \
        return after(h, op, &rule, err);                                                                     \
    } while (0)

/* The same for one that is a small transaction of its own. */
#define FORWARD_WRITE(h, op, call)                                                                           \
    do {                                                                                                     \
        struct sink_rule rule;                                                                               \
        if (before(h, op, &rule, err) != ERR_OK)                                                             \
            return err->code;                                                                                \
        take_turn(h);                                                                                        \
        enum err_code code = (call);                                                                         \
        give_turn(h);                                                                                        \
        return code == ERR_OK ? after(h, op, &rule, err) : code;                                             \
    } while (0)

static struct handle *of(struct sink *sink)
{
    return (struct handle *)sink;
}

static struct sink_load *in(struct sink_load *load)
{
    return ((struct wrap_load *)load)->inner;
}

/* ---- ops ---- */

static void wrap_close(struct sink *sink)
{
    struct handle *h = of(sink);
    AROUND(h, SINK_OP_CLOSE, sink_close(h->inner));
    pthread_mutex_lock(&h->wrap->lock);
    h->wrap->open_handles--;
    pthread_mutex_unlock(&h->wrap->lock);
    mem_free(h);
}

static enum err_code wrap_keep(struct sink *sink, struct err *err)
{
    FORWARD(of(sink), SINK_OP_KEEP, sink_keep(of(sink)->inner, err));
}

static enum err_code wrap_setup(struct sink *sink, struct buf *print, struct err *err)
{
    FORWARD_WRITE(of(sink), SINK_OP_SETUP, sink_setup(of(sink)->inner, print, err));
}

static enum err_code wrap_describe(struct sink *sink, struct sink_state *state, struct err *err)
{
    FORWARD(of(sink), SINK_OP_DESCRIBE, sink_describe(of(sink)->inner, state, err));
}

static enum err_code wrap_preflight(struct sink *sink, bool creates, struct sink_preflight *out,
                                    struct err *err)
{
    FORWARD(of(sink), SINK_OP_PREFLIGHT, sink_preflight(of(sink)->inner, creates, out, err));
}

static enum err_code wrap_has_foreign_rows(struct sink *sink, bool *any, struct err *err)
{
    FORWARD(of(sink), SINK_OP_HAS_FOREIGN_ROWS, sink_has_foreign_rows(of(sink)->inner, any, err));
}

static enum err_code wrap_begin(struct sink *sink, const struct sink_begin *begin, struct sink_load **out,
                                struct err *err)
{
    struct handle *h = of(sink);
    struct sink_rule rule;
    if (before(h, SINK_OP_BEGIN, &rule, err) != ERR_OK)
        return err->code;
    struct wrap_load *load = mem_calloc(1, sizeof *load);
    if (!load)
        return err_nomem(err);
    take_turn(h);
    if (sink_begin(h->inner, begin, &load->inner, err) != ERR_OK ||
        after(h, SINK_OP_BEGIN, &rule, err) != ERR_OK) {
        sink_abort(load->inner);
        give_turn(h);
        mem_free(load);
        return err->code;
    }
    *out = &load->base;
    return ERR_OK;
}

static enum err_code wrap_ledger_insert(struct sink_load *load, struct ledger_row *rows, size_t n,
                                        struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_LEDGER_INSERT, sink_ledger_insert(in(load), rows, n, err));
}

static enum err_code wrap_replace(struct sink_load *load, const struct ledger_row *old,
                                  struct ledger_row *row, struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_REPLACE, sink_replace(in(load), old, row, err));
}

static enum err_code wrap_append(struct sink_load *load, const struct batch *batch,
                                 const struct sink_segment *segments, size_t n, int64_t *stored,
                                 struct err *err)
{
    struct handle *h = of(load->sink);
    struct sink_rule rule;
    if (before(h, SINK_OP_APPEND, &rule, err) != ERR_OK)
        return err->code;
    if (sink_append(in(load), batch, segments, n, stored, err) != ERR_OK) {
        load->failed_row = in(load)->failed_row;
        return err->code;
    }
    return after(h, SINK_OP_APPEND, &rule, err);
}

static enum err_code wrap_rejects(struct sink_load *load, const struct reject *rejects, size_t n,
                                  int64_t *stored, struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_REJECTS, sink_rejects(in(load), rejects, n, stored, err));
}

static enum err_code wrap_mark_replayed(struct sink_load *load, const int64_t *ids, size_t n, int64_t by,
                                        struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_MARK_REPLAYED, sink_mark_replayed(in(load), ids, n, by, err));
}

static enum err_code wrap_checks_add(struct sink_load *load, struct check_row *rows, size_t n,
                                     struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_CHECKS_ADD, sink_checks_add(in(load), rows, n, err));
}

static enum err_code wrap_check_sql(struct sink_load *load, const char *template, int64_t *rows,
                                    struct buf *first, struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_CHECK_SQL, sink_check_sql(in(load), template, rows, first, err));
}

static enum err_code wrap_hour_sum(struct sink_load *load, hour_t hour, size_t c, int64_t *n, double *sum,
                                   struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_HOUR_SUM, sink_hour_sum(in(load), hour, c, n, sum, err));
}

static enum err_code wrap_totals(struct sink_load *load, const struct ledger_row *rows, size_t n,
                                 struct err *err)
{
    FORWARD(of(load->sink), SINK_OP_TOTALS, sink_totals(in(load), rows, n, err));
}

static enum err_code wrap_commit(struct sink_load *load, struct err *err)
{
    struct handle *h = of(load->sink);
    struct sink_rule rule;
    if (before(h, SINK_OP_COMMIT, &rule, err) != ERR_OK)
        sink_abort(in(load));
    else if (sink_commit(in(load), err) == ERR_OK)
        (void)!after(h, SINK_OP_COMMIT, &rule, err);
    give_turn(h);
    mem_free(load);
    return err->code;
}

static void wrap_abort(struct sink_load *load)
{
    AROUND(of(load->sink), SINK_OP_ABORT, sink_abort(in(load)));
    give_turn(of(load->sink));
    mem_free(load);
}

static enum err_code wrap_ledger_page(struct sink *sink, const struct ledger_query *query,
                                      struct ledger_row *rows, size_t cap, size_t *n, struct err *err)
{
    FORWARD(of(sink), SINK_OP_LEDGER_PAGE, sink_ledger_page(of(sink)->inner, query, rows, cap, n, err));
}

static enum err_code wrap_ledger_header(struct sink *sink, int64_t id, struct buf *out, struct err *err)
{
    FORWARD(of(sink), SINK_OP_LEDGER_HEADER, sink_ledger_header(of(sink)->inner, id, out, err));
}

static enum err_code wrap_ledger_set_etags(struct sink *sink, const struct etag_mark *marks, size_t n,
                                           struct err *err)
{
    FORWARD_WRITE(of(sink), SINK_OP_LEDGER_SET_ETAGS, sink_ledger_set_etags(of(sink)->inner, marks, n, err));
}

static enum err_code wrap_attempt_add(struct sink *sink, struct attempt *attempt,
                                      const struct reject *samples, size_t n, struct err *err)
{
    FORWARD_WRITE(of(sink), SINK_OP_ATTEMPT_ADD, sink_attempt_add(of(sink)->inner, attempt, samples, n, err));
}

static enum err_code wrap_attempt_page(struct sink *sink, const struct record_query *query,
                                       struct attempt *rows, size_t cap, size_t *n, struct err *err)
{
    FORWARD(of(sink), SINK_OP_ATTEMPT_PAGE, sink_attempt_page(of(sink)->inner, query, rows, cap, n, err));
}

static enum err_code wrap_reject_page(struct sink *sink, const struct record_query *query,
                                      struct reject *rows, size_t cap, size_t *n, struct buf *arena,
                                      struct err *err)
{
    FORWARD(of(sink), SINK_OP_REJECT_PAGE,
            sink_reject_page(of(sink)->inner, query, rows, cap, n, arena, err));
}

static enum err_code wrap_check_page(struct sink *sink, const struct record_query *query,
                                     struct check_row *rows, size_t cap, size_t *n, struct err *err)
{
    FORWARD(of(sink), SINK_OP_CHECK_PAGE, sink_check_page(of(sink)->inner, query, rows, cap, n, err));
}

static enum err_code wrap_claim_take(struct sink *sink, hour_t hour, const char *owner,
                                     const struct claim_row *steal, struct claim_row *row, bool *taken,
                                     struct err *err)
{
    FORWARD_WRITE(of(sink), SINK_OP_CLAIM_TAKE,
                  sink_claim_take(of(sink)->inner, hour, owner, steal, row, taken, err));
}

static enum err_code wrap_claim_renew(struct sink *sink, hour_t hour, const char *owner, int64_t epoch,
                                      struct err *err)
{
    FORWARD_WRITE(of(sink), SINK_OP_CLAIM_RENEW, sink_claim_renew(of(sink)->inner, hour, owner, epoch, err));
}

static enum err_code wrap_claim_release(struct sink *sink, const struct claim_row *row, struct err *err)
{
    FORWARD_WRITE(of(sink), SINK_OP_CLAIM_RELEASE, sink_claim_release(of(sink)->inner, row, err));
}

static enum err_code wrap_claim_page(struct sink *sink, enum claim_which which, hour_t after_hour,
                                     struct claim_row *rows, size_t cap, size_t *n, struct err *err)
{
    FORWARD(of(sink), SINK_OP_CLAIM_PAGE,
            sink_claim_page(of(sink)->inner, which, after_hour, rows, cap, n, err));
}

static enum err_code wrap_scan_begin(struct sink *sink, int64_t load_id, struct sink_scan **out,
                                     struct err *err)
{
    struct handle *h = of(sink);
    struct sink_rule rule;
    if (before(h, SINK_OP_SCAN_BEGIN, &rule, err) != ERR_OK)
        return err->code;
    struct wrap_scan *scan = mem_calloc(1, sizeof *scan);
    if (!scan)
        return err_nomem(err);
    if (sink_scan_begin(h->inner, load_id, &scan->inner, err) != ERR_OK ||
        after(h, SINK_OP_SCAN_BEGIN, &rule, err) != ERR_OK) {
        sink_scan_end(scan->inner);
        mem_free(scan);
        return err->code;
    }
    *out = &scan->base;
    return ERR_OK;
}

static enum err_code wrap_scan_next(struct sink_scan *scan, struct batch *batch, int64_t *load_ids,
                                    uint8_t *odd, struct err *err)
{
    FORWARD(of(scan->sink), SINK_OP_SCAN_NEXT,
            sink_scan_next(((struct wrap_scan *)scan)->inner, batch, load_ids, odd, err));
}

static void wrap_scan_end(struct sink_scan *scan)
{
    AROUND(of(scan->sink), SINK_OP_SCAN_END, sink_scan_end(((struct wrap_scan *)scan)->inner));
    mem_free(scan);
}

struct sink *sink_wrap_new(void *wrap, struct sink *inner)
{
    struct handle *h = mem_calloc(1, sizeof *h);
    if (!h) {
        sink_close(inner);
        return NULL;
    }
    h->wrap = wrap;
    h->inner = inner;
    h->base = *inner;
    h->base.type = &h->type;
    if (h->wrap->writers > 0) {
        h->base.caps.max_writers = h->wrap->writers;
        h->base.caps.lock_is_lease = false;
    }
    h->type = (struct sink_type){.name = inner->type->name,
                                 .schemes = inner->type->schemes,
#define X(upper, lower) .lower = wrap_##lower,
                                 SINK_OP_TABLE(X)
#undef X
    };
    pthread_mutex_lock(&h->wrap->lock);
    h->wrap->opened++;
    h->wrap->open_handles++;
    pthread_mutex_unlock(&h->wrap->lock);
    return &h->base;
}
