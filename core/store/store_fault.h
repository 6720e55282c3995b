/*
 * store_fault: a store that fails by a script: for tests, and for users who want to see their pipeline fail.
 *
 * A plan is a list of rules "OP N ACTION" divided by ";" or line ends. OP is list, stat, open, read, put,
 * remove or any; N is a number (that call of the op, from 1), "N+" (from then on) or "*" (all). ACTION is one
 * of
 * - transient (STORE_UNREACHABLE), throttle, denied, gone (NOT_FOUND), io, changed (SOURCE_MOVED);
 * - cut (the read ends early with STORE_TRUNCATED), short (reads of 1 byte): for read, or any, where they
 * apply to reads;
 * - delay=MS (sleeps on the store's clock first).
 * Example: "open 1 transient; read 3+ cut". Calls are counted over the life of the wrapper; a call of list is
 * the start of a listing or one step of it.
 */
#ifndef SLUICE_STORE_STORE_FAULT_H
#define SLUICE_STORE_STORE_FAULT_H

#include "core/store/store.h"

enum { STORE_FAULT_RULES_MAX = 64 };

/* Takes over `inner` (closed with the wrapper; on failure it stays the caller's). CONFIG for a bad plan. */
enum err_code store_fault_wrap(struct store *inner, const char *plan, struct store **out,
                               struct err *err) MUST_USE;

/* Calls made so far, of all ops together (for sweeps). */
int64_t store_fault_calls(const struct store *fault);

#endif
