/*
 * run_profile: describes the rows that a load commits, on the way.
 *
 * Each loader has a profile of what it sent, which is added to the run's own at each commit and forgotten at
 * each rollback; so rows count once, whatever is tried again. With n connections there are 1 + n profiles,
 * which share PROFILE_MEMORY.
 */
#ifndef SLUICE_TOOLS_RUN_PROFILE_H
#define SLUICE_TOOLS_RUN_PROFILE_H

#include "tools/app.h"

struct run_profile;

/* Before anything else is opened: reads the pipeline file, opens the profile's own files and takes over
 * job->rows. */
enum err_code run_profile_new(struct app *app, struct run_profile **out, struct err *err) MUST_USE;
/* After it: puts the profile behind the load's result and into its files. A profile that failed on the way
 * did not fail the load, and is told here. */
enum err_code run_profile_end(struct run_profile *run, const struct hour_range *range,
                              struct err *err) MUST_USE;
void run_profile_free(struct run_profile *run); /* NULL is fine */

#endif
