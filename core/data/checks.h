/* checks: the rules on one cell (min, max, in). A value that fails rejects its record. */
#ifndef SLUICE_DATA_CHECKS_H
#define SLUICE_DATA_CHECKS_H

#include "core/data/batch.h"

/* ERRN_NONE, or CHECK_MIN, CHECK_MAX, CHECK_IN for column c of row `row`. NULL passes. */
enum err_name checks_cell(const struct batch *batch, size_t c, size_t row);

/* True if the column has any check (so that the caller may skip the call). */
bool checks_any(const struct checks *checks);

void checks_release(struct checks *checks);

#endif
