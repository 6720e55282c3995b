/*
 * store_hook: a store around another that counts the calls of all of a job's handles together, and at one of
 * them runs a hook, fails, or both: before the inner call or after it went well.
 *
 * (store_fault is the scripted one for users; it counts for each handle, and cannot end the process.)
 */
#ifndef SLUICE_TESTS_SUPPORT_STORE_HOOK_H
#define SLUICE_TESTS_SUPPORT_STORE_HOOK_H

#include <pthread.h>

#include "core/store/store.h"

enum store_op { STORE_OP_LIST, STORE_OP_NEXT, STORE_OP_STAT, STORE_OP_OPEN, STORE_OP_READ, STORE_OP_ANY };
enum { STORE_OPS = STORE_OP_ANY };
const char *store_op_text(enum store_op op);

struct store_hook {
    pthread_mutex_t lock;
    int64_t calls[STORE_OPS + 1]; /* [STORE_OP_ANY]: of all */
    int64_t fired;
    /* what happens */
    enum store_op op;
    int64_t nth; /* 0 = nothing */
    bool onwards;
    bool (*lasts)(void *ctx); /* with onwards: only while it says so; NULL = for good */
    bool after;
    enum err_name error; /* ERRN_NONE: none */
    void (*hook)(void *ctx);
    void *ctx;
};

void store_hook_init(struct store_hook *hook);
void store_hook_release(struct store_hook *hook);

/* Takes over `inner`; NULL (and inner closed) when memory is out. */
struct store *store_hook_new(struct store_hook *hook, struct store *inner);

#endif
