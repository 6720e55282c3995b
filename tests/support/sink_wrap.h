/*
 * sink_wrap: a sink that hands every op on to an inner one, and lets a test count the calls, fail one, or run
 * a hook at it.
 *
 * One struct sink_wrap is shared by all the handles that a job opens: calls are counted over all of them. A
 * rule names a call (the Nth of an op), a moment (before the inner op, or after it went well) and what then
 * happens: first the hook, then the handle is lost, then the error. Rules are set while no other thread uses
 * the handles; counting and firing are safe from any thread.
 *
 *   commit, before, DB_IN_DOUBT, lose:  the answer was lost, and the transaction is gone (rolled back)
 *   commit, after,  DB_IN_DOUBT, lose:  the answer was lost, but the transaction is in
 *   a hook that ends the process:       a kill at this point
 */
#ifndef SLUICE_TESTS_SUPPORT_SINK_WRAP_H
#define SLUICE_TESTS_SUPPORT_SINK_WRAP_H

#include <pthread.h>

#include "core/sink/sink.h"

#define SINK_OP_TABLE(X)                                                                                     \
    X(KEEP, keep)                                                                                            \
    X(SETUP, setup)                                                                                          \
    X(DESCRIBE, describe)                                                                                    \
    X(PREFLIGHT, preflight)                                                                                  \
    X(HAS_FOREIGN_ROWS, has_foreign_rows)                                                                    \
    X(BEGIN, begin)                                                                                          \
    X(LEDGER_INSERT, ledger_insert)                                                                          \
    X(REPLACE, replace)                                                                                      \
    X(APPEND, append)                                                                                        \
    X(REJECTS, rejects)                                                                                      \
    X(MARK_REPLAYED, mark_replayed)                                                                          \
    X(CHECKS_ADD, checks_add)                                                                                \
    X(CHECK_SQL, check_sql)                                                                                  \
    X(HOUR_SUM, hour_sum)                                                                                    \
    X(TOTALS, totals)                                                                                        \
    X(COMMIT, commit)                                                                                        \
    X(ABORT, abort)                                                                                          \
    X(LEDGER_PAGE, ledger_page)                                                                              \
    X(LEDGER_HEADER, ledger_header)                                                                          \
    X(LEDGER_SET_ETAGS, ledger_set_etags)                                                                    \
    X(ATTEMPT_ADD, attempt_add)                                                                              \
    X(ATTEMPT_PAGE, attempt_page)                                                                            \
    X(REJECT_PAGE, reject_page)                                                                              \
    X(CHECK_PAGE, check_page)                                                                                \
    X(CLAIM_TAKE, claim_take)                                                                                \
    X(CLAIM_RENEW, claim_renew)                                                                              \
    X(CLAIM_RELEASE, claim_release)                                                                          \
    X(CLAIM_PAGE, claim_page)                                                                                \
    X(SCAN_BEGIN, scan_begin)                                                                                \
    X(SCAN_NEXT, scan_next)                                                                                  \
    X(SCAN_END, scan_end)                                                                                    \
    X(CLOSE, close)

enum sink_op {
#define X(upper, lower) SINK_OP_##upper,
    SINK_OP_TABLE(X)
#undef X
        SINK_OP_COUNT,
    SINK_OP_ANY = SINK_OP_COUNT, /* in a rule: N counts the calls of all ops together */
};
const char *sink_op_text(enum sink_op op); /* "ledger_insert", "any" */

enum sink_when { SINK_BEFORE, SINK_AFTER };

/* abort, scan_end and close cannot fail: there only the hook and `lose` act. */
struct sink_rule {
    enum sink_op op;
    int64_t nth;  /* from 1 */
    bool onwards; /* this call and every later one */
    enum sink_when when;
    enum err_name error;                         /* ERRN_NONE: none */
    bool lose;                                   /* from now on every op of this handle fails with DB_LOST */
    void (*hook)(void *ctx, struct sink *inner); /* not to call the wrapped handle; may use others */
    void *ctx;
};

enum { SINK_RULES_MAX = 16 };

struct sink_wrap {
    pthread_mutex_t lock;
    unsigned writers; /* 0: as the inner sink says; else so many at once, who renew their claims: they wait
                         for each other's transactions instead of being told that the database is busy */
    pthread_cond_t turn;
    struct sink *writing; /* whose turn it is */
    struct sink_rule rules[SINK_RULES_MAX];
    size_t nrules;
    int64_t calls[SINK_OP_COUNT + 1]; /* [SINK_OP_ANY]: of all */
    int64_t opened;                   /* handles wrapped */
    int64_t open_handles;             /* of them not closed yet */
    int64_t fired;                    /* rules that came to act */
};

void sink_wrap_init(struct sink_wrap *wrap);
void sink_wrap_release(struct sink_wrap *wrap);

/* Adds a rule. Aborts the test where there is no room. */
void sink_wrap_rule(struct sink_wrap *wrap, const struct sink_rule *rule);
/* Forgets the rules and the counts; handles stay wrapped. */
void sink_wrap_reset(struct sink_wrap *wrap);

int64_t sink_wrap_calls(struct sink_wrap *wrap, enum sink_op op);

/* Takes over `inner`; NULL (and inner closed) when memory is out. `wrap` is a struct sink_wrap *: fits struct
 * rig's wrap_sink. */
struct sink *sink_wrap_new(void *wrap, struct sink *inner);

#endif
