/* books: what sluice's own tables say about a rig's pipeline, as text to compare with. */
#ifndef SLUICE_TESTS_SUPPORT_BOOKS_H
#define SLUICE_TESTS_SUPPORT_BOOKS_H

#include "tests/support/rig.h"

/* Each gives text that is valid until the next call of the same function. Lines:
 * ledger   "OBJECT CHUNK KIND[ open] READ LOADED REJECTED bytes=RAW START..END lines=FIRST..NEXT" by key
 * rejects  "OBJECT:LINE OFFSET+LENGTH NAME COLUMN load|sample|replayed <RAW>" by id; bytes outside ' '..'~'
 *          as \xHH
 * checks   "OBJECT NAME COLUMN ON COUNT: MESSAGE" by id, "(hour)" for a whole hour; COUNT is "well" where it
 *          did not fire, "" columns are "-"
 * attempts "OBJECT NAME READ REJECTED" by id, "(hour)" for a whole hour
 * hours    "HOUR STATE ATTEMPTS[ held][ NAME]" by hour, NAME of the last error */
const char *books_ledger(struct rig *rig);
const char *books_rejects(struct rig *rig);
const char *books_checks(struct rig *rig);
const char *books_attempts(struct rig *rig);
const char *books_hours(struct rig *rig);

/* Sums over the ledger. */
struct books_sums {
    int64_t rows, read, loaded, rejected, bytes;
    uint64_t hash;
};
struct books_sums books_sums(struct rig *rig);

/* The ledger row of one object and chunk; fails the test where it is not there. */
struct ledger_row books_row(struct rig *rig, const char *object, int64_t chunk);

/* Conservation as seen from outside: the target's rows and their hash are the ledger's, no row twice or
 * lost. */
void books_balance(struct rig *rig);

#endif
