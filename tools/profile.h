/* profile: what `sluice profile` and `run --profile` have in common, and the target as a profile's input. */
#ifndef SLUICE_TOOLS_PROFILE_H
#define SLUICE_TOOLS_PROFILE_H

#include "core/profile/profile.h"
#include "tools/app.h"

/* The index of the loaded column that --by names, -1 where it names none; USAGE with the nearest name. */
enum err_code profile_by(const struct app *app, int *out, struct err *err) MUST_USE;

/* All rows of the target, or those whose load the ledger has in these hours. *odd_rows: those with a value
 * that is none of its column's type (it counts as NULL). TABLE_MISSING; NEEDS_LINEAGE for a range without. */
enum err_code profile_target(struct app *app, const struct hour_range *range, struct profile *profile,
                             int64_t *odd_rows, struct err *err) MUST_USE;

#endif
