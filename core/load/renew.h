/*
 * renew: keeps an hour's claim alive from beside while its units are loaded.
 *
 * A thread with a connection of its own renews the lease every third of it. Where the file lock is the lease
 * (SQLite) there is nothing to renew and nothing is started. A claim that was lost is not this thread's to
 * judge: it stops, and the next commit's fence says so.
 */
#ifndef SLUICE_LOAD_RENEW_H
#define SLUICE_LOAD_RENEW_H

#include "core/load/claim.h"
#include "core/load/job.h"

struct renewer;

/* *out is NULL where no renewal is needed. The claim is copied. */
enum err_code renewer_start(const struct job *job, const struct claim *claim, struct renewer **out,
                            struct err *err) MUST_USE;
void renewer_stop(struct renewer *renewer);

#endif
