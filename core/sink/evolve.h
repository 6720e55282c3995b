/*
 * evolve: what becomes of a loaded column that the target table lacks (target.evolve), the same for every
 * sink. A backend's describe asks sink_lacks_column, its setup sink_add_column before it alters the table.
 *
 * Added columns may be NULL, whatever the schema says: rows that are there have no value in them. What has
 * been loaded stays as it is; a column's type is never changed.
 */
#ifndef SLUICE_SINK_EVOLVE_H
#define SLUICE_SINK_EVOLVE_H

#include "core/sink/sink.h"

/* Counts loaded column c among those that setup will add, or adds a line to the problems. `alter` is the
 * statement that adds it. */
enum err_code sink_lacks_column(const struct sink_target *t, size_t c, bool has_rows, const char *alter,
                                struct sink_state *state, struct err *err) MUST_USE;

/* Counts a name and appends it to a list that has room for some (SINK_NAMES_MAX). */
void sink_put_name(const char *name, char *names, size_t *n);

/* Whether setup is to add column c, which the table lacks: *adds is false where the contract is to freeze.
 * TABLE_MISMATCH where it should and cannot. On *adds, *record is what setup writes to sluice_check. */
enum err_code sink_add_column(const struct sink_target *t, size_t c, bool has_rows, const char *declared,
                              bool *adds, struct check_row *record, struct err *err) MUST_USE;

#endif
